/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_vgg.c: VGG with and without batch norm: Simonyan and Zisserman, 2014.
 *
 *   input 3 -> (3x3 -> norm -> ReLU) x n -> 2x2 maxpool -> ... -> two layers of 4096 -> classifier
 *
 * Modules are numbered through, "features.N"; those without weights are told by the gaps: one number behind a
 * convolution or its norm is the ReLU, one more the maxpool. So would a dropout or a mean be: only the paper's
 * configurations A, B, D and E are read. The layers of 4096 are classifier.0 and classifier.3 as matrices,
 * pre_logits.fc1 and fc2 as convolutions (timm), or not there (CIFAR: a mean and the classifier). */
#include "models/network_parts.h"

#include <string.h>

enum { STAGES = 5, STAGE_MAX = 4 };

/* Convolutions before each maxpool. */
static const int layouts[][STAGES] = { { 1, 1, 2, 2, 2 }, { 2, 2, 2, 2, 2 }, { 2, 2, 3, 3, 3 }, { 2, 2, 4, 4, 4 } };

static bool has_conv (const struct network *n, int index)
{
    return network_size (n, NAME ("features.%d", index), 2) > 0;
}

/* Sets how many convolutions stand in front of each gap, `step` numbers apart; false: they are none of the layouts. */
static bool read_layout (struct network *n, int step, int counts[STAGES])
{
    int stage = 0, at = 0;
    while (stage < STAGES && has_conv (n, at) && counts[stage] <= STAGE_MAX) {
        counts[stage]++;
        at += step;
        if (!has_conv (n, at)) {
            stage++;
            at++;
        }
    }
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (!memcmp (counts, layouts[i], sizeof layouts[i]))
            return true;
    }
    network_wrong (n, "features.0.weight",
                   "is followed by gaps behind %d, %d, %d, %d and %d 3x3 convolutions; the five maxpools of a VGG are "
                   "behind 1 1 2 2 2, 2 2 2 2 2, 2 2 3 3 3 or 2 2 4 4 4",
                   counts[0], counts[1], counts[2], counts[3], counts[4]);
    return false;
}

static int features (struct network *n, int x)
{
    int counts[STAGES] = { 0 }, at = 0;
    bool normed = network_has (n, "features.1.running_mean");
    if (!read_layout (n, normed ? 3 : 2, counts))
        return -1;
    for (int stage = 0; stage < STAGES; stage++) {
        for (int i = 0; i < counts[stage]; i++) {
            x = network_conv (n, x, NAME ("features.%d", at), (struct window) { .kernel = 3, .bias = true });
            at++;
            if (normed) {
                x = network_norm (n, x, NAME ("features.%d", at));
                at++;
            }
            x = network_activation (n, x, NAME ("features.%d", at), network_relu);
            at++;
        }
        x = network_max_pool (n, x, NAME ("features.%d", at), (struct pool) { .kernel_h = 2, .stride_h = 2 });
        at++;
    }
    return x;
}

/* The map as a vector for matrix `name`, which must be of its size: torchvision's mean to 7x7 is one only at 224. */
static int flatten (struct network *n, int x, const char *name)
{
    if (x < 0)
        return -1;
    struct tensor_info t = graph_tensor (n->graph, x);
    long count = (long)t.channels * t.height * t.width;
    if (count != network_size (n, name, 1))
        return network_wrong (n, NAME ("%s.weight", name),
                              "takes %d numbers, and %d x %d x %d are made of an input of %d x %d",
                              network_size (n, name, 1), t.channels, t.height, t.width, n->side, n->side);
    return graph_reshape (n->graph, "flatten", x, (int)count, 1, 1);
}

int network_vgg (struct network *n)
{
    bool matrices = network_has (n, "classifier.3.weight"), convolutions = network_has (n, "pre_logits.fc1.weight");
    int x = features (n, network_input_of (n, "features.0", matrices || convolutions ? 224 : 32));
    if (matrices) {
        x = network_linear (n, flatten (n, x, "classifier.0"), "classifier.0");
        x = network_linear (n, network_activation (n, x, "classifier.1", network_relu), "classifier.3");
        return network_classifier (n, network_activation (n, x, "classifier.4", network_relu));
    }
    if (convolutions) {
        struct window window = { .bias = true, .valid = true };
        x = network_conv (n, x, "pre_logits.fc1", window);
        x = network_conv (n, network_activation (n, x, "pre_logits.act1", network_relu), "pre_logits.fc2", window);
        x = network_activation (n, x, "pre_logits.act2", network_relu);
    }
    return network_classifier (n, network_pooled (n, x));
}
