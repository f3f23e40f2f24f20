/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_blocks.h: packed weights as bytes, for who keeps them longer than the process lives. */
#ifndef CONVRELU_PACKED_BLOCKS_H
#define CONVRELU_PACKED_BLOCKS_H

#include "engine/engine.h"

/* One convolution's packed weights. What decides how they are packed is the key, which holds for one graph and one
 * build of the engine. */
struct packed_block {
    int tensor;                       /* the convolution's, in the graph */
    const char *method;               /* by which it is computed */
    int element, nr_blocks, k_step;   /* what the method's kernel says of weights */
    uint64_t fold;                    /* a hash of what is folded in */
    size_t weight_bytes;              /* of weights */
    size_t channel_bytes;             /* of step and of sum, of weights in whole steps; 0: they are floats */
    const void *weights, *step, *sum; /* each on a 64-byte border */
    bool adopted;                     /* they come from a source */
};

/* Who has packed weights from elsewhere. */
struct packed_source {
    /* True: weights, step and sum of the block are filled with numbers of exactly so many bytes, which stay as they are
     * until `done`. Called with the graph's lock held. */
    bool (*find) (void *data, struct packed_block *block);
    void (*done) (void *data); /* the graph is gone */
    void *data;
};

/* From now on plan_new asks the source before it packs. The engine trusts the numbers: from others come other answers,
 * and nothing worse. Once for a graph, before its first plan. */
void graph_adopt_packed (struct graph *g, struct packed_source source);

/* Calls `visit` for all that plans of the graph have packed or adopted; `visit` must not use the graph. The numbers are
 * good as long as a plan that uses them. Any thread. */
void graph_packed_blocks (struct graph *g, void (*visit) (void *data, const struct packed_block *block), void *data);

/* For graph_conv and graph_linear: weights that are dropped from the start (graph_drop_weights). */
extern const float graph_dropped_weights[1];

#endif
