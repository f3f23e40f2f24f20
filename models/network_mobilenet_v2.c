/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_mobilenet_v2.c: MobileNetV2: Sandler et al., Inverted Residuals and Linear Bottlenecks, 2018.
 *
 *   input 3 -> 3x3, stride 2 -> 17 inverted residuals -> 1x1 -> avgpool -> classifier      ReLU6 throughout
 *
 * torchvision numbers the blocks through: those that halve the picture are 2, 4, 7 and 14 of the paper's 17, and no
 * others are read. timm numbers them in stages, and of seven stages 2, 3, 4 and 6 halve it. */
#include "models/network_parts.h"

#include <stddef.h>

static const struct window half = { .kernel = 3, .stride = 2 }, point = { .kernel = 1 };

enum { STAGES = 7, BLOCKS = 17, BLOCKS_COUNTED = 100 };

static const int strides[STAGES] = { 1, 2, 2, 2, 1, 2, 1 };

/* Block `number` of torchvision's; begins: a stage, whose first block alone may change the number of channels. */
static int numbered_block (struct network *n, int x, int number, bool begins, int stride)
{
    struct name block = network_name ("features.%d", number);
    struct inverted parts = { NULL, NULL,     "conv.0.0", "conv.0.1", NULL,
                              NULL, "conv.1", "conv.2",   stride,     .activation = network_relu6 };
    if (number > 1)
        parts = (struct inverted) { "conv.0.0", "conv.0.1", "conv.1.0", "conv.1.1", NULL,
                                    NULL,       "conv.2",   "conv.3",   stride,     .activation = network_relu6 };
    int before = network_channels (n, x);
    if (!network_inverted_is (n, block.text, &parts, (struct inverted_kind) { .kernel = 3 }))
        return -1;
    x = network_inverted (n, x, block.text, &parts);
    if (x >= 0 && !begins && network_channels (n, x) != before)
        return network_wrong (n, NAME ("%s.%s.weight", block.text, parts.project),
                              "makes %d channels of %d; a MobileNetV2 changes them in blocks 1, 2, 4, 7, 11, 14 and 17",
                              network_channels (n, x), before);
    return x;
}

static int torchvision (struct network *n)
{
    static const int sizes[STAGES] = { 1, 2, 3, 4, 3, 3, 1 };
    int x = network_input_of (n, "features.0.0", 224), count = 0, number = 1;
    while (count < BLOCKS_COUNTED && network_has (n, NAME ("features.%d.conv.0.0.weight", count + 1)))
        count++;
    if (count != BLOCKS)
        return network_wrong (n, NAME ("features.%d.conv.0.0.weight", count), "ends %d blocks; a MobileNetV2 has %d",
                              count, BLOCKS);
    x = network_activation (n, network_layer (n, x, "features.0.0", "features.0.1", half), "features.0.2",
                            network_relu6);
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < sizes[stage] && x >= 0; i++, number++)
            x = numbered_block (n, x, number, i == 0, i ? 1 : strides[stage]);
    }
    x = network_layer (n, x, "features.18.0", "features.18.1", point);
    return network_activation (n, x, "features.18.2", network_relu6);
}

static int timm (struct network *n)
{
    int x = network_input_of (n, "conv_stem", 224);
    x = network_activation (n, network_layer (n, x, "conv_stem", "bn1", half), "act1", network_relu6);
    for (int stage = 0; x >= 0 && stage < STAGES; stage++) {
        for (int i = 0; x >= 0; i++) {
            struct name block = network_name ("blocks.%d.%d", stage, i);
            bool there = network_has (n, NAME ("%s.conv_dw.weight", block.text));
            if (!there && !i)
                return network_wrong (n, NAME ("%s.conv_dw.weight", block.text),
                                      "is missing; a MobileNetV2 has %d stages, not %d", STAGES, stage);
            if (!there)
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
