/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place.h: which tensors share memory, decided before anything has an address. */
#ifndef CONVRELU_PLACE_H
#define CONVRELU_PLACE_H

#include "engine/arena.h"
#include "engine/element.h"
#include "engine/graph.h"

/* Where a tensor lives, `offset` bytes into a buffer, and of what. Aliases, parts of a concat and sums in place share
 * one. */
struct place {
    int buffer; /* -1: nowhere: fused away, or only the caller's planar input */
    enum element element;
    int zero;    /* of bytes, which stand for scale * (byte - zero) */
    float scale; /* normal, above 0; of floats too, where bytes of it could hold them without loss, else 0 */
    size_t offset;
};

struct places {
    struct place *of; /* [tensors of the graph] */
    int *alias;       /* [tensors]: the tensor whose memory it is, itself if its own */
    int *last_use;    /* [tensors]: last layer that reads it or an alias; INT_MAX: kept readable */
    struct buffer *buffers;
    int buffer_count;
};

/* Decides where each tensor that layers leave lives. places comes from places_room; of[id] says already of what the
 * tensor is, zeros: of floats. keep[id]: it must stay readable in its blocked place to the end. blocked_input: the
 * graph's input when it is wanted in blocked form, else -1. Buffers get sizes; first and last are in layers, plan.c
 * turns them into steps. False: memory short. */
bool places_new (const struct graph *g, const struct layers *layers, const bool *keep, int blocked_input,
                 struct places *places);
void places_free (struct places *places);

/* All that is NULL in *places, of zeros; room for four buffers a tensor and one. False: memory short. */
bool places_room (const struct graph *g, struct places *places);

/* How many numbers there are with channels rounded up to 16; their bytes, of floats a multiple of 64, of bytes of
 * 16. */
size_t place_blocked_count (int channels, int height, int width);
size_t place_blocked_bytes (enum element element, int channels, int height, int width);

#endif
