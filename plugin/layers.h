/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers.h: which layers of a network to show.
 *
 * A layer is what an activation leaves (post) together with what it was given (pre: convolution, batch norm, a residual
 * sum). x * sigmoid (x), as exporters write SiLU, is one layer. A network without activations has its convolutions. */
#ifndef CONVRELU_LAYERS_H
#define CONVRELU_LAYERS_H

#include <glib.h>

#include "engine/engine.h"

enum { LAYERS_MAX = 12 }; /* shown at once */

struct layer {
    int post, pre;    /* tensors of the graph; the same where there is no activation */
    const char *role; /* "early", "middle", "late", or "" when it was named */
};

struct layer_choice {
    struct layer layer[LAYERS_MAX];
    char *label[LAYERS_MAX]; /* what the drawing calls them (layer_labels.h) */
    int count;
    char *remark; /* NULL, or what to warn of: words that match no layer, with near matches; layers left out */
};

/* `words`: layer names, globs, early, middle, late, separated by commas. early is the first layer, late the last
 * that still has height and width, middle the one in the middle of these. A name as the drawing writes it is
 * understood too. A layer matched twice is shown once. Where there are more than LAYERS_MAX, those that were named
 * come first, and of the globs' as many as there is room for are taken from all over the network's depth. */
void layers_choose (const struct graph *g, const char *words, struct layer_choice *choice);
void layers_clear (struct layer_choice *choice);

/* Every layer of the graph from input to output, as an array of struct layer (role ""). */
GArray *layers_all (const struct graph *g);

gboolean layers_spatial (const struct graph *g, int id); /* whether the tensor has height or width */

#endif
