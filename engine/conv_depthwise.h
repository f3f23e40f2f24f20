/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_depthwise.h: what the depthwise convolution shares with that of bytes. */
#ifndef CONVRELU_CONV_DEPTHWISE_H
#define CONVRELU_CONV_DEPTHWISE_H

#include "engine/conv.h"

/* Every channel by itself. */
bool depthwise_fits (const struct conv_method *method, const struct preparation *p, const struct step *step,
                     bool planar);

/* Weights: [block][ky][kx][16] floats; of bytes whole numbers. */
bool depthwise_lay (struct packed *packed, const struct layer *layer, int in_channels);
void depthwise_pack (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels);

/* Rows [first, first + rows) of a block; input, bias, residual, output and epilogue are still to be set. */
struct depthwise_args depthwise_args_of (const struct step *step, int block, int first, int rows);

#endif
