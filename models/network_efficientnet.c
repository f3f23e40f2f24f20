/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_efficientnet.c: EfficientNet and EfficientNetV2: Tan and Le, 2019 and 2021.
 *
 *   input 3 -> 3x3, stride 2 -> 6 or 7 stages of inverted residuals -> 1x1 -> avgpool -> classifier
 *
 * SiLU throughout, squeeze and excite with SiLU and sigmoid. All sizes halve the picture in stages 2, 3, 4 and 6.
 * torchvision trained B5 to B7 (2048 channels and more in the end) and V2 with batch norms of another epsilon. */
#include "models/network_parts.h"

static const struct window half = { .kernel = 3, .stride = 2 }, point = { .kernel = 1 };

static const int strides[] = { 1, 2, 2, 2, 1, 2, 1 };

static struct name block_name (bool timm, int stage, int index)
{
    return timm ? network_name ("blocks.%d.%d", stage, index) : network_name ("features.%d.%d", stage + 1, index);
}

static bool has_block (const struct network *n, bool timm, const char *block)
{
    static const char *const first[] = { "conv", "conv_exp", "conv_pw" };
    if (!timm)
        return network_has (n, NAME ("%s.block.0.0.weight", block));
    return network_has (n, NAME ("%s.%s.weight", block, first[0])) ||
           network_has (n, NAME ("%s.%s.weight", block, first[1])) ||
           network_has (n, NAME ("%s.%s.weight", block, first[2]));
}

static int stages (struct network *n, int x, bool timm, int *count)
{
    for (*count = 0; *count < 7 && x >= 0; ++*count) {
        int index = 0;
        for (; x >= 0; index++) {
            struct name block = block_name (timm, *count, index);
            struct inverted parts = { .stride = index ? 1 : strides[*count],
                                      .activation = network_silu,
                                      .inner = network_silu,
                                      .gate = network_sigmoid };
            if (!has_block (n, timm, block.text))
                break;
            if (timm)
                network_inverted_timm (n, block.text, &parts);
            else
                network_inverted_torchvision (n, block.text, &parts);
            x = network_inverted (n, x, block.text, &parts);
        }
        if (!index)
            break;
    }
    return x;
}

int network_efficientnet (struct network *n)
{
    bool timm = network_has (n, "conv_stem.weight");
    const char *stem = timm ? "conv_stem" : "features.0.0";
    bool fused = network_size (n, "features.1.0.block.0.0", 1) > 1;
    if (!timm && !n->epsilon_said && (fused || network_size (n, "features.8.0", 0) >= 2048))
        n->epsilon = 1e-3f;
    int count, x = network_input_of (n, stem, 224);
    x = network_layer (n, x, stem, timm ? "bn1" : "features.0.1", half);
    x = stages (n, network_activation (n, x, timm ? "act1" : "features.0.2", network_silu), timm, &count);
    struct name conv = timm ? network_name ("conv_head") : network_name ("features.%d.0", count + 1);
    struct name norm = timm ? network_name ("bn2") : network_name ("features.%d.1", count + 1);
    x = network_layer (n, x, conv.text, norm.text, point);
    x = network_activation (n, x, timm ? "act2" : NAME ("features.%d.2", count + 1), network_silu);
    return network_classifier (n, network_pooled (n, x));
}
