/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_mobilenet_v3.c: MobileNetV3, large and small: Howard et al., Searching for MobileNetV3, 2019.
 *
 *   input 3 -> 3x3, stride 2 -> inverted residuals -> 1x1 -> avgpool -> 1x1 -> classifier
 *
 * ReLU in the first blocks, hard swish behind them; squeeze and excite with ReLU and hard sigmoid. timm's minimal ones
 * have no squeeze and excite, 3x3 kernels and ReLU throughout. Large and small are told by the number of blocks;
 * strides and where hard swish begins are those of the paper's tables 1 and 2, and so must kernels and gates be. */
#include "models/network_parts.h"

#include <stddef.h>

enum { BLOCKS_COUNTED = 100 };

static const struct window half = { .kernel = 3, .stride = 2 }, point = { .kernel = 1 };

/* Blocks from 1 on: which halve the picture, and the first with hard swish; how many are in each of timm's stages. */
static const struct plan_of_blocks {
    int count;
    int halves[5]; /* ends with 0 */
    int swish;
    int stages[6];               /* ends with 0 */
    const char *kernels, *gates; /* a digit for each block */
} plans[] = { { 15, { 2, 4, 7, 13 }, 7, { 1, 2, 3, 4, 2, 3 }, "333555333333555", "000111000011111" },
              { 11, { 1, 2, 4, 9 }, 4, { 1, 2, 3, 2, 3 }, "33355555555", "10011111111" } };

static struct inverted parts_of (const struct plan_of_blocks *plan, int number)
{
    struct inverted parts = { .stride = 1,
                              .activation = number < plan->swish ? network_relu : network_hard_swish,
                              .inner = network_relu,
                              .gate = network_hard_sigmoid };
    for (int i = 0; plan->halves[i]; i++)
        parts.stride = plan->halves[i] == number ? 2 : parts.stride;
    return parts;
}

static struct inverted_kind kind_of (const struct plan_of_blocks *plan, int number, bool minimal)
{
    return (struct inverted_kind) { .kernel = minimal ? 3 : plan->kernels[number - 1] - '0',
                                    .gated = !minimal && plan->gates[number - 1] == '1' };
}

static int torchvision (struct network *n)
{
    int x = network_input_of (n, "features.0.0", 224), count = 0;
    n->epsilon = n->epsilon_said ? n->epsilon : 1e-3f;
    while (count < BLOCKS_COUNTED && network_has (n, NAME ("features.%d.block.0.0.weight", count + 1)))
        count++;
    if (count != plans[0].count && count != plans[1].count)
        return network_wrong (n, NAME ("features.%d.block.0.0.weight", count),
                              "ends %d blocks; a MobileNetV3 has 15 or 11", count);
    x = network_activation (n, network_layer (n, x, "features.0.0", "features.0.1", half), "features.0.2",
                            network_hard_swish);
    for (int i = 1; i <= count; i++) {
        const struct plan_of_blocks *plan = &plans[count == plans[1].count];
        struct name block = network_name ("features.%d", i);
        struct inverted parts = parts_of (plan, i);
        network_inverted_torchvision (n, block.text, &parts);
        if (!network_inverted_is (n, block.text, &parts, kind_of (plan, i, false)))
            return -1;
        x = network_inverted (n, x, block.text, &parts);
    }
    x = network_layer (n, x, NAME ("features.%d.0", count + 1), NAME ("features.%d.1", count + 1), point);
    x = network_activation (n, x, NAME ("features.%d.2", count + 1), network_hard_swish);
    x = network_pooled (n, x);
    if (network_has (n, "classifier.0.weight"))
        x = network_activation (n, network_linear (n, x, "classifier.0"), "classifier.1", network_hard_swish);
    return x;
}

static int timm (struct network *n)
{
    bool large = network_has (n, "blocks.6.0.conv.weight");
    bool minimal = !network_has (n, "blocks.2.0.se.conv_reduce.weight");
    const struct activation swish = minimal ? network_relu : network_hard_swish;
    const struct plan_of_blocks *plan = &plans[!large];
    int x = network_input_of (n, "conv_stem", 224), number = 1, stage = 0;
    x = network_activation (n, network_layer (n, x, "conv_stem", "bn1", half), "act1", swish);
    for (; stage < 6 && plan->stages[stage]; stage++) {
        for (int i = 0; i < plan->stages[stage]; i++, number++) {
            struct name block = network_name ("blocks.%d.%d", stage, i);
            struct inverted parts = parts_of (plan, number);
            parts.activation = minimal ? network_relu : parts.activation;
            network_inverted_timm (n, block.text, &parts);
            if (!network_inverted_is (n, block.text, &parts, kind_of (plan, number, minimal)))
                return -1;
            x = network_inverted (n, x, block.text, &parts);
        }
    }
    x = network_layer (n, x, NAME ("blocks.%d.0.conv", stage), NAME ("blocks.%d.0.bn1", stage), point);
    x = network_pooled (n, network_activation (n, x, NAME ("blocks.%d.0.act", stage), swish));
    x = network_conv (n, x, "conv_head", (struct window) { .kernel = 1, .bias = true });
    return network_activation (n, x, "act2", swish);
}

int network_mobilenet_v3 (struct network *n)
{
    return network_classifier (n, network_has (n, "conv_stem.weight") ? timm (n) : torchvision (n));
}
