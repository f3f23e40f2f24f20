/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_efficientnet.c: EfficientNet and EfficientNetV2: Tan and Le, 2019 and 2021.
 *
 *   input 3 -> 3x3, stride 2 -> 6 or 7 stages of inverted residuals -> 1x1 -> avgpool -> classifier
 *
 * SiLU throughout, squeeze and excite with SiLU and sigmoid. All sizes halve the picture in stages 2, 3, 4 and 6. V1
 * has seven stages and kernels of 3 or 5; V2 six or seven, kernels of 3, and its first three stages fused.
 * torchvision trained B5 to B7 (2048 channels and more in the end) and V2 with batch norms of another epsilon. */
#include "models/network_parts.h"

static const struct window half = { .kernel = 3, .stride = 2 }, point = { .kernel = 1 };

enum { STAGES = 7, FUSED_STAGES = 3 };

static const int strides[STAGES] = { 1, 2, 2, 2, 1, 2, 1 }, kernels[STAGES] = { 3, 3, 5, 3, 5, 5, 3 };

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

static int stages (struct network *n, int x, bool timm, bool second, int *count)
{
    for (*count = 0; *count < STAGES && x >= 0; ++*count) {
        bool fused = second && *count < FUSED_STAGES;
        struct inverted_kind kind = { second ? 3 : kernels[*count], fused, !fused };
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
            x = network_inverted_is (n, block.text, &parts, kind) ? network_inverted (n, x, block.text, &parts) : -1;
        }
        if (!index)
            break;
    }
    if (x >= 0 && *count < (second ? STAGES - 1 : STAGES))
        return network_wrong (n, block_name (timm, *count, 0).text, "is missing: there are %d stages, and an %s has %s",
                              *count, second ? "EfficientNetV2" : "EfficientNet", second ? "6 or 7" : "7");
    return x;
}

int network_efficientnet (struct network *n)
{
    bool timm = network_has (n, "conv_stem.weight");
    const char *stem = timm ? "conv_stem" : "features.0.0";
    bool second = timm ? network_has (n, "blocks.0.0.conv.weight") : network_size (n, "features.1.0.block.0.0", 1) > 1;
    if (!timm && !n->epsilon_said && (second || network_size (n, "features.8.0", 0) >= 2048))
        n->epsilon = 1e-3f;
    int count, x = network_input_of (n, stem, 224);
    x = network_layer (n, x, stem, timm ? "bn1" : "features.0.1", half);
    x = stages (n, network_activation (n, x, timm ? "act1" : "features.0.2", network_silu), timm, second, &count);
    struct name conv = timm ? network_name ("conv_head") : network_name ("features.%d.0", count + 1);
    struct name norm = timm ? network_name ("bn2") : network_name ("features.%d.1", count + 1);
    x = network_layer (n, x, conv.text, norm.text, point);
    x = network_activation (n, x, timm ? "act2" : NAME ("features.%d.2", count + 1), network_silu);
    return network_classifier (n, network_pooled (n, x));
}
