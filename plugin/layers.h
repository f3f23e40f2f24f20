/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers.h: which layers of a network to show, and where its class-activation map comes from.
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

/* `words`: layer names, globs, early, middle, late, separated by commas. early is the first layer, late the last that
 * still has height and width, middle the one in the middle of these. A name as the drawing writes it is understood too.
 * A layer matched twice is shown once. Where there are more than LAYERS_MAX, those that were named come first, and of
 * the globs' as many as there is room for are taken from all over the network's depth. */
void layers_choose (const struct graph *g, const char *words, struct layer_choice *choice);
void layers_clear (struct layer_choice *choice);

/* Every layer of the graph from input to output, as an array of struct layer (role ""). */
GArray *layers_all (const struct graph *g);

/* Where the class-activation map comes from: `map` is a tensor of the graph, h x w.
 *
 *   weights [classes][channels]  map -> global average -> fully connected: the sum over channels of weight * map
 *   channel_is_class             map has one channel for each class, and the global average of it is the score
 *   neither                      the network ends in another way: the mean of map's channels, of no one class */
struct class_map {
    int map; /* -1: no tensor has height and width */
    int classes, channels;
    float *weights;
    gboolean channel_is_class;
    gint references; /* atomic */
};

/* Copies the weights, so before graph_drop_weights. */
struct class_map *class_map_new (const struct graph *g);
struct class_map *class_map_ref (struct class_map *map);
void class_map_unref (struct class_map *map); /* NULL is fine */

/* What the leading class found where: out [h][w] from the tapped tensor, of class_id. NaN and values below zero (what
 * speaks against the class) become 0. Returns the largest. */
float class_map_draw (const struct class_map *map, const struct tensor *tensor, int class_id, float *out);

#endif
