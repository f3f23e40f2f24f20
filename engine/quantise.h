/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quantise.h: which tensors of a plan are bytes, and by which numbers a convolution of bytes makes its outputs. */
#ifndef CONVRELU_ENGINE_QUANTISE_H
#define CONVRELU_ENGINE_QUANTISE_H

#include "engine/ranges.h"
#include "engine/step.h"

/* Of what each tensor that the layers leave is: element, scale and zero of places->of, which is zeros before. ranges
 * may be NULL: then only what graph_quantise makes has one. False: memory short. */
bool quantise_tensors (const struct graph *g, const struct layers *layers, const struct ranges *ranges,
                       struct places *places);

/* Whether the sums of a convolution of bytes fit 32 bits. */
bool quantise_fits (const struct graph *g, const struct layer *layer);

/* Whether the layer is a product of a vector of floats, which stay floats, with enough weights to be bytes. */
bool quantise_takes_vector (const struct preparation *p, const struct layer *layer);

/* The graph's input as the layer, a convolution, reads it from the caller: bytes, where the plan is one of bytes that
 * knows its range. */
void quantise_input (const struct preparation *p, const struct layer *layer, struct place *place);

/* With packed weights, epilogue and places set: step->bytes, and the epilogue in units of the output. False: memory
 * short, p->error filled. */
bool quantise_step (struct preparation *p, struct step *step);

/* Whether the layer does nothing but make bytes of its one input, by the scale and zero of `out`. */
bool quantise_rounds (const struct graph *g, const struct layer *layer, struct place out);

/* Makes the step, a convolution of bytes, add `other` to what it leaves, as the layer `sum` behind it would: a file
 * that rounds the two addends apart has its sums in one pass. False: it stays as it is. */
bool quantise_join_sum (const struct preparation *p, struct step *step, const struct layer *sum, int other);

/* Whether the layer reads or makes bytes. */
bool quantise_touches (const struct preparation *p, const struct layer *layer);

/* Puts a step that converts tensor `tensor` between floats and bytes at the end. False: memory short. */
bool quantise_convert (struct preparation *p, int tensor, struct place from, struct place to);

#endif
