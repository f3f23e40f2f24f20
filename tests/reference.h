/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reference.h: the oracle: every operation written from its definition, in double precision, as slowly as it likes.
 *
 * It shares no code with the engine and knows nothing of layouts, fusing or algorithms: planar
 * [channels][height][width] arrays of doubles in, the same out. Beside every value it can give a *magnitude*: the value
 * computed with every term made positive (for a convolution the sum of |a b| and |bias|). A single-precision
 * computation in any order is then off by at most k * FLT_EPSILON / 2 * magnitude, k being about the number of
 * roundings on the longest way to the value. */
#ifndef CONVRELU_REFERENCE_H
#define CONVRELU_REFERENCE_H

#include "engine/graph.h"

/* Windows along one axis, counted one by one. ceil_mode: a last window may overhang the end, if it starts in front of
 * it. */
int reference_extent (int in, int before, int after, int kernel, int dilation, int stride, bool ceil_mode);

/* One number through an activation. slope: prelu's of that channel. */
double reference_activation (struct activation activation, double slope, double x);
/* How steep it gets at most: how much it can enlarge an error. */
double reference_steepness (struct activation activation, double slope);
/* How far off a kernel's value may be at x, where the exact one is y. */
double reference_activation_error (struct activation activation, double x, double y);

/* in [channels][height][width] -> out [out_channels][reference_extent][reference_extent]. Zero strides, dilations and
 * groups mean 1. bias may be NULL. in_magnitude NULL: |in|; magnitude (like out) may be NULL. */
void reference_conv (const struct conv *conv, int channels, int height, int width, const double *in,
                     const double *in_magnitude, const float *weights, const float *bias, double *out,
                     double *magnitude);

/* in [channels][height][width] -> out [channels][reference_extent][reference_extent]. A maximum over nothing is
 * -infinity; NaN wins. */
void reference_pool (const struct pool *pool, int channels, int height, int width, const double *in, double *out);
/* -> out [channels] */
void reference_global_pool (enum pool_kind kind, int channels, int height, int width, const double *in, double *out);
/* Over the channels at each of `pixels`; in [channels][pixels]. */
void reference_softmax (int channels, int pixels, const double *in, double *out);

/* All tensors of a graph for one input, straight from its nodes. The graph must not be in error and still have its
 * weights. Ends the program when memory is short. */
struct reference;
struct reference *reference_run (const struct graph *g, const float *input);
const double *reference_values (const struct reference *reference, int id); /* [channels][height][width] */
const double *reference_magnitudes (const struct reference *reference, int id);
size_t reference_count (const struct reference *reference, int id); /* numbers in it */
void reference_free (struct reference *reference);

/* The operations of reference_arithmetic.c; as reference_node. */
void reference_arithmetic (const struct graph *g, const struct node *node, const double *const *values,
                           const double *const *magnitudes, double *out, double *magnitude);
/* One node of a graph from the tensors it reads; values[i] and magnitudes[i] belong to its i-th input. out and
 * magnitude hold what node->channels * height * width says. */
void reference_node (const struct graph *g, const struct node *node, const double *const *values,
                     const double *const *magnitudes, double *out, double *magnitude);

#endif
