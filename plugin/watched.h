/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watched.h: the layer whose numbers are shown one by one: the convolution it comes from, with a copy of its weights.
 *
 *   before = sum over the window of source * weights * scale  +  shift  +  other * other_scale
 *   after  = activation (before)
 *
 * scale and shift hold the bias and what affine layers and batch norms do to it; other is the tensor that a residual
 * block adds. Read-only once made; any thread. */
#ifndef CONVRELU_WATCHED_H
#define CONVRELU_WATCHED_H

#include "plugin/layers.h"

/* The words of the property `unit`: layer[:channel[:y:x]] or layer:channel:walk. */
struct unit_words {
    int layer_length;  /* bytes of the layer's name at the beginning; 0: none is named */
    int channel, y, x; /* -1: none is named */
    gboolean walk;     /* from place to place */
};
struct unit_words unit_words_read (const char *words); /* NULL: none */

struct watched {
    gint references; /* atomic */
    struct layer layer;
    int conv, source, other; /* tensors of the graph; other -1: it adds none; conv -1: it is made in another way, and
                              * what follows is of nothing */
    int in_channels;         /* of source, that one output channel reads */
    gboolean sees_picture;   /* source is the network's input, or a part of it with a border */
    struct conv shape;
    float *weights;        /* [out_channels][in_channels][kernel_h][kernel_w] */
    double *scale, *shift; /* [out_channels] */
    double *other_scale;   /* [out_channels] */
};

/* The layer that `words` name, of the convolutions if it is a pattern; early where none is named. `sums`: its numbers
 * are to be taken apart, and `remark`, g_free it, says where there is no convolution for that. `before` (or NULL):
 * watched of the same graph until now, which is used again where it is the same layer. NULL: `remark` says why, or is
 * NULL where the graph's weights are needed and were dropped. */
struct watched *watched_new (const struct graph *g, const char *words, gboolean sums, struct watched *before,
                             char **remark);
struct watched *watched_ref (struct watched *watched);
void watched_unref (struct watched *watched); /* NULL is fine */

/* Whether the numbers of a layer are sums of a convolution, so that watched_new can take them apart. */
gboolean watched_sums (const struct graph *g, struct layer layer);

/* One number of the layer, as a sum. */
struct weighted_sum {
    double positive, negative; /* of the products */
    double shift, other;
    double before; /* all of it */
};

/* source [channels][height][width] of the watched layer; `other`: the value of that tensor there, or 0. Fills products
 * [in_channels][kernel_h][kernel_w]. The channel is one of the layer's. */
void watched_sum (const struct watched *watched, const struct tensor *source, const int place[3], double other,
                  struct weighted_sum *sum, float *products);

#endif
