/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_vgg.c: VGG with and without batch norm: Simonyan and Zisserman, 2014.
 *
 *   input 3 -> (3x3 -> norm -> ReLU) x n -> 2x2 maxpool -> ... -> two layers of 4096 -> classifier
 *
 * Modules are numbered through, "features.N"; those without weights are told by the gaps: one number behind a
 * convolution or its norm is the ReLU, one more the maxpool. The layers of 4096 are classifier.0 and classifier.3 as
 * matrices, pre_logits.fc1 and fc2 as convolutions (timm), or not there (CIFAR: a mean and the classifier). */
#include "models/network_parts.h"

enum { INDEX_MAX = 1000 };

static bool has_conv (const struct network *n, int index)
{
    return network_size (n, NAME ("features.%d", index), 2) > 0;
}

static int features (struct network *n, int x)
{
    for (int i = 0; i < INDEX_MAX && has_conv (n, i) && x >= 0;) {
        x = network_conv (n, x, NAME ("features.%d", i), (struct window) { .kernel = 3, .bias = true });
        i++;
        if (network_has (n, NAME ("features.%d.running_mean", i))) {
            x = network_norm (n, x, NAME ("features.%d", i));
            i++;
        }
        x = network_activation (n, x, NAME ("features.%d", i), network_relu);
        i++;
        if (has_conv (n, i))
            continue;
        x = network_max_pool (n, x, NAME ("features.%d", i), (struct pool) { .kernel_h = 2, .stride_h = 2 });
        i++;
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
