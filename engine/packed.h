/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed.h: weights in the order in which the kernels read them, kept by the graph and shared by its plans. */
#ifndef CONVRELU_PACKED_H
#define CONVRELU_PACKED_H

#include "engine/element.h"
#include "engine/graph.h"

struct conv_kernel; /* kernels.h */
struct conv_method; /* conv.h */

/* Output blocks [block, block + blocks) of a convolution, which read input channels [first, first + depth). */
struct panel {
    int block, blocks, first, depth;
    int range;      /* which of packed.range it has */
    size_t weights; /* bytes into packed.weights, a multiple of 64 */
};

/* What differs between panels in how they read their input: `depth` channels from the skip-th of a block on. */
struct channel_range {
    int skip, depth;
};

/* One convolution's weights and bias, folded and in kernel order. Kept by the graph, shared by plans. */
struct packed {
    struct packed *next;
    /* key: the method, what its kernel says of weights, and a hash of what was folded in */
    int node;
    const struct conv_method *method;
    enum element element;
    int nr_blocks, k_step;
    uint64_t fold;
    int references; /* plans that use it */
    void *weights;  /* in the order drawn at the head of the method's file */
    size_t weight_bytes;
    float *bias;          /* [output channels, padded to 16] */
    size_t channel_bytes; /* of each array of so many */
    /* Of weights in whole steps, -128 .. 127: the step of each output channel and the sum of its weights in steps,
     * [output channels, padded to 16]; else NULL. A channel with a weight that is no number has a step that is none,
     * one of zeros has step 0. */
    float *step;
    int32_t *sum;
    struct panel *panel;
    int panel_count, set_panels; /* set_panels: of each set of groups but the last */
    struct channel_range *range; /* [range_count], each once */
    int range_count;
    int depth;      /* input channels that a set of groups reads; the last one may be smaller */
    uint64_t pairs; /* of an input and an output channel that the panels multiply, zeros between groups counted */
    bool adopted;   /* weights, step and sum are the source's (packed_blocks.h) */
    bool drops;     /* while it is made: weights as given are forgotten, panel by panel */
};

/* The packed weights of a convolution layer, made or found; then with `drop` the weights as given are gone. NULL: error
 * filled. */
struct packed *packed_get (struct graph *g, const struct layer *layer, const struct conv_method *method,
                           const struct conv_kernel *kernel, bool drop, struct error *error);
void packed_release (struct graph *g, struct packed *packed);

/* A weight of output channel o in steps, with the layer's scale folded in. */
int packed_step (const struct packed *packed, const struct layer *layer, double weight, int o);

/* Where a panel's weights begin. */
static inline void *panel_weights (const struct packed *packed, int panel)
{
    return (char *)packed->weights + packed->panel[panel].weights;
}

#endif
