/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_mobilenet_v2.c: MobileNetV2: Sandler et al., Inverted Residuals and Linear Bottlenecks, 2018.
 *
 *   input 3 -> 3x3, stride 2 -> 17 inverted residuals -> 1x1 -> avgpool -> classifier      ReLU6 throughout
 *
 * torchvision numbers the blocks through, timm in stages; both halve the picture in blocks 2, 4, 7 and 14. */
#include "models/network_parts.h"

#include <stddef.h>

static const struct window half = { .kernel = 3, .stride = 2 }, point = { .kernel = 1 };

static int torchvision (struct network *n)
{
    int x = network_input_of (n, "features.0.0", 224), last = 1;
    x = network_activation (n, network_layer (n, x, "features.0.0", "features.0.1", half), "features.0.2",
                            network_relu6);
    for (; x >= 0 && network_has (n, NAME ("features.%d.conv.0.0.weight", last)); last++) {
        bool widens = network_has (n, NAME ("features.%d.conv.3.weight", last));
        struct inverted parts = { .depthwise = "conv.0.0",
                                  .depthwise_norm = "conv.0.1",
                                  .project = "conv.1",
                                  .project_norm = "conv.2",
                                  .activation = network_relu6 };
        if (widens)
            parts = (struct inverted) { "conv.0.0", "conv.0.1", "conv.1.0",
                                        "conv.1.1", NULL,       NULL,
                                        "conv.2",   "conv.3",   .activation = network_relu6 };
        parts.stride = last == 2 || last == 4 || last == 7 || last == 14 ? 2 : 1;
        x = network_inverted (n, x, NAME ("features.%d", last), &parts);
    }
    x = network_layer (n, x, NAME ("features.%d.0", last), NAME ("features.%d.1", last), point);
    return network_activation (n, x, NAME ("features.%d.2", last), network_relu6);
}

static int timm (struct network *n)
{
    static const int strides[] = { 1, 2, 2, 2, 1, 2, 1 };
    int x = network_input_of (n, "conv_stem", 224);
    x = network_activation (n, network_layer (n, x, "conv_stem", "bn1", half), "act1", network_relu6);
    for (int stage = 0; x >= 0 && stage < 7; stage++) {
        for (int i = 0; x >= 0; i++) {
            struct name block = network_name ("blocks.%d.%d", stage, i);
            if (!network_has (n, NAME ("%s.conv_dw.weight", block.text)))
                break;
            if (network_size (n, NAME ("%s.conv_dw", block.text), 2) != 3 && !n->replaced)
                return network_wrong (n, NAME ("%s.conv_dw.weight", block.text),
                                      "is no 3x3 kernel: MNASNets (relu) and EfficientNet-Lites have such, and their "
                                      "names tell no activation; \"activation\" in the metadata does");
            struct inverted parts = { .stride = i ? 1 : strides[stage], .activation = network_relu6 };
            network_inverted_timm (n, block.text, &parts);
            parts.inner = network_relu;
            parts.gate = network_sigmoid;
            x = network_inverted (n, x, block.text, &parts);
        }
    }
    return network_activation (n, network_layer (n, x, "conv_head", "bn2", point), "act2", network_relu6);
}

int network_mobilenet_v2 (struct network *n)
{
    int x = network_has (n, "conv_stem.weight") ? timm (n) : torchvision (n);
    return network_classifier (n, network_pooled (n, x));
}
