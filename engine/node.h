/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* node.h: private: how the calls in layers_*.c add a node to a graph; graph.c checks the limits and allocates.
 *
 * Parameters and weights may come straight from a hostile file. Every call goes the same way:
 *
 *   find the inputs -> operator's shape (): check the parameters, work out the output's shape in 64 bits -> check the
 *   limits, only then allocate -> operator's keep (): copy the arrays -> the node counts from here on */
#ifndef CONVRELU_NODE_H
#define CONVRELU_NODE_H

#include "engine/graph.h"

/* No network has kernels, strides, dilations or pads near this; below it products with tile sizes stay inside an
 * int. */
enum { PARAMETER_MAX = 32768 };

/* What a call wants to add. */
struct node_spec {
    enum operation operation;
    const char *label, *name;
    const int *inputs;
    int input_count;
    union node_parameters u;         /* its arrays are the caller's */
    const void *given;               /* of operators that keep something else than copies */
    int64_t channels, height, width; /* of the output */
    uint64_t macs;
    uint64_t window; /* input numbers read per output number: the work of operations without multiply-accumulates */
    uint64_t bytes;  /* of the arrays the node will keep */
};

/* Adds the node that the spec asks for and returns its id, or -1: the graph has the error. `g` may be NULL or in
 * error. */
int node_add (struct graph *g, struct node_spec *spec);

/* Keeps the first error, "conv 'name': ..."; returns -1, what a failed call returns. */
__attribute__ ((format (printf, 4, 5))) int graph_fail (struct graph *g, const char *label, const char *name,
                                                        const char *format, ...);
int graph_fail_memory (struct graph *g, const char *label, const char *name);

/* The node that makes tensor x, or NULL: no such tensor, or the graph was in error already. Valid until node_add. */
const struct node *input_node (struct graph *g, const char *label, const char *name, int x);

/* Whether a tensor of this shape is one and within the limit; `what` it is ("output") goes into the error. */
bool fits_tensor (struct graph *g, const struct node_spec *spec, const char *what, int64_t c, int64_t h, int64_t w);

/* A copy of count elements for the node, or NULL and the error. */
void *node_copy (struct graph *g, const struct node *node, const void *from, size_t count, size_t size);

/* a * b * c * d, UINT64_MAX when that does not fit: more than any limit allows. */
uint64_t checked_product (uint64_t a, uint64_t b, uint64_t c, uint64_t d);
/* a + b, UINT64_MAX when that does not fit. */
uint64_t checked_sum (uint64_t a, uint64_t b);

#endif
