/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed.h: weights in the order in which the kernels read them, kept by the graph and shared by its plans. */
#ifndef CONVRELU_PACKED_H
#define CONVRELU_PACKED_H

#include "engine/graph.h"

struct conv_method; /* conv.h */

/* Output blocks [block, block + blocks) of a convolution, which read input blocks from in_block on. */
struct column {
    int block, blocks, in_block;
    size_t weights; /* floats into packed.weights */
};

/* One convolution's weights and bias, folded and in kernel order. Kept by the graph, shared by plans. */
struct packed {
    struct packed *next;
    int node, columns; /* key: the node, kernels.columns, */
    const struct conv_method *method;
    uint64_t fold;  /* a hash of what was folded in */
    int references; /* plans that use it */
    float *weights; /* as the method draws it */
    size_t weight_floats;
    float *bias; /* [output channels, padded to 16] */
    struct column *column;
    int column_count;
    int depth; /* input channels that one column reads */
};

/* The packed weights of a convolution layer, made or found. NULL: error filled. */
struct packed *packed_get (struct graph *g, const struct layer *layer, const struct conv_method *method, int columns,
                           struct error *error);
void packed_release (struct graph *g, struct packed *packed);

#endif
