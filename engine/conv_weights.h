/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_weights.h: weights as given, as every convolution method packs them. */
#ifndef CONVRELU_CONV_WEIGHTS_H
#define CONVRELU_CONV_WEIGHTS_H

#include "engine/packed.h"

/* Where each panel is, of packed->nr_blocks blocks at most, and packed->weight_bytes; per_pair: numbers that one
 * (input, output) pair of channels takes. False: memory short, or more than can be counted. */
bool panel_layout (struct packed *packed, const struct layer *layer, int in_channels, size_t per_pair);

/* How many pairs of an input and an output channel the panels of a convolution multiply, outputs filled up to blocks,
 * and how many panels they are. */
struct filled {
    double pairs;
    int panels;
};
struct filled filled_pairs (const struct conv *conv, int in_channels, const struct conv_kernel *kernel);

/* The filter of output channel `o` for input channel `i`, [kernel_h][kernel_w], or NULL where they are of different
 * groups: zeros. */
const float *filter (const struct node *node, const struct layer *layer, int in_channels, int o, int i);

/* A weight of output channel o with the layer's scale folded in; no denormals. */
float folded (const struct layer *layer, double weight, int o);

/* Charges so many packed numbers before they are made (work.h): one panel may hold all of a large layer, and so they
 * are charged in smaller pieces. False: refused; nobody will want the rest. */
bool packed_spend (size_t numbers);
/* A panel is begun: where packed->drops, the weights of the one before it are not read again. */
void packed_begin (const struct packed *packed, const struct node *node, int panel);

#endif
