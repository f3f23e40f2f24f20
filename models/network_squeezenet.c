/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_squeezenet.c: SqueezeNet 1.0 and 1.1: Iandola et al., 2016.
 *
 *   input 3 -> 7x7 or 3x3, stride 2 -> 3x3 maxpool -> fire modules, with maxpools between -> 1x1 classifier -> mean
 *   a fire module:  x -> squeeze 1x1 -> (expand1x1 | expand3x3)       ReLU behind each
 *
 * Modules are numbered through; a number without weights between two fire modules is a maxpool. So would anything else
 * without weights be: only these two orders are read. */
#include "models/network_parts.h"

#include <stdio.h>
#include <string.h>

enum { FIRST = 2, LAST = 12 };

/* Modules FIRST to LAST: fire modules and maxpools. */
static const struct layout {
    int kernel; /* of the convolution before them */
    const char *modules;
} layouts[] = { { 7, "pfffpffffpf" }, { 3, "pffpffpffff" } };

static int fire (struct network *n, int x, const char *module)
{
    static const struct window one = { .kernel = 1, .bias = true }, three = { .kernel = 3, .bias = true };
    int both[2];
    x = network_conv (n, x, NAME ("%s.squeeze", module), one);
    x = network_activation (n, x, NAME ("%s.squeeze_activation", module), network_relu);
    both[0] = network_conv (n, x, NAME ("%s.expand1x1", module), one);
    both[0] = network_activation (n, both[0], NAME ("%s.expand1x1_activation", module), network_relu);
    both[1] = network_conv (n, x, NAME ("%s.expand3x3", module), three);
    both[1] = network_activation (n, both[1], NAME ("%s.expand3x3_activation", module), network_relu);
    return graph_concat (n->graph, NAME ("%s.concat", module), both, 2);
}

static bool is_fire (const struct network *n, int index)
{
    return network_has (n, NAME ("features.%d.squeeze.weight", index));
}

/* Sets which of the modules are fire modules; false: it is neither version. */
static bool read_layout (struct network *n, char modules[LAST - FIRST + 2])
{
    int kernel = network_size (n, "features.0", 2);
    char list[64] = "";
    for (int i = FIRST; i <= LAST; i++) {
        modules[i - FIRST] = is_fire (n, i) ? 'f' : 'p';
        if (is_fire (n, i))
            snprintf (list + strlen (list), sizeof list - strlen (list), " %d", i);
    }
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (kernel == layouts[i].kernel && !strcmp (modules, layouts[i].modules))
            return true;
    }
    network_wrong (n, "features.0.weight",
                   "is %dx%d before fire modules%s; SqueezeNet 1.0 has 7x7 before 3 4 5 7 8 9 10 12, 1.1 3x3 before "
                   "3 4 6 7 9 10 11 12",
                   kernel, kernel, list);
    return false;
}

int network_squeezenet (struct network *n)
{
    char modules[LAST - FIRST + 2] = "";
    static const struct pool pool = { .kernel_h = 3, .stride_h = 2, .ceil_mode = true };
    if (!read_layout (n, modules))
        return -1;
    int x = network_input_of (n, "features.0", 224);
    x = network_conv (n, x, "features.0", (struct window) { .stride = 2, .bias = true, .valid = true });
    x = network_activation (n, x, "features.1", network_relu);
    for (int i = FIRST; x >= 0 && i <= LAST; i++)
        x = modules[i - FIRST] == 'f' ? fire (n, x, NAME ("features.%d", i))
                                      : network_max_pool (n, x, NAME ("features.%d", i), pool);
    if (!network_has (n, "classifier.1.weight"))
        return network_classifier (n, network_pooled (n, x));
    x = network_conv (n, x, "classifier.1", (struct window) { .kernel = 1, .bias = true });
    return network_pooled (n, network_activation (n, x, "classifier.2", network_relu));
}
