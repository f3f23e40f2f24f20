/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node.h: private, how operations.c adds a node to a graph: graph.c checks the limits and allocates. */
#ifndef CONVRELU_NODE_H
#define CONVRELU_NODE_H

#include "engine/graph.h"

/* What a call wants to add. */
struct wanted {
    enum operation operation;
    const char *label, *name;
    const int *inputs;
    int input_count;
    int64_t channels, height, width; /* of the output */
    uint64_t macs;
    uint64_t window; /* input numbers read per output number: the work of operations without multiply-accumulates */
    uint64_t bytes;  /* of the arrays the node will keep */
};

/* Keeps the first error, "conv 'name': ..."; returns -1, what a failed call returns. */
__attribute__ ((format (printf, 4, 5))) int graph_fail (struct graph *g, const char *label, const char *name,
                                                        const char *format, ...);
int graph_fail_memory (struct graph *g, const char *label, const char *name);

/* The node that makes tensor x, or NULL: no such tensor, or the graph was in error already. Valid until node_begin. */
const struct node *input_node (struct graph *g, const char *label, const char *name, int x);

/* Whether a tensor of this shape is one and within the limit; `what` it is ("output") goes into the error. */
bool fits_tensor (struct graph *g, const struct wanted *want, const char *what, int64_t c, int64_t h, int64_t w);

/* The next node with everything but its arrays, not counted yet; NULL and the error when it may not be. */
struct node *node_begin (struct graph *g, const struct wanted *want);
/* Counts the node in and returns its id; or drops it and returns -1 when the graph is in error. */
int node_end (struct graph *g, struct node *node);

/* A copy of count elements for the node, or NULL and the error. */
void *node_copy (struct graph *g, const struct node *node, const void *from, size_t count, size_t size);

/* a * b * c * d, UINT64_MAX when that does not fit: more than any limit allows. */
uint64_t checked_product (uint64_t a, uint64_t b, uint64_t c, uint64_t d);
/* a + b, UINT64_MAX when that does not fit. */
uint64_t checked_sum (uint64_t a, uint64_t b);

#endif
