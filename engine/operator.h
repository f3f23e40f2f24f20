/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* operator.h: private: what an operator is: one line of operators.def and one of these in a file layers_<family>.c,
 * beside the call of engine.h that adds it to a graph. */
#ifndef CONVRELU_OPERATOR_H
#define CONVRELU_OPERATOR_H

#include "engine/node.h"
#include "engine/receptive_field.h"

struct preparation; /* step.h */
struct step;

/* Positions first .. last along one axis. */
struct span {
    int64_t first, last;
};

struct operator_type {
    /* Its stores can do what follows it as well: layer's affine, residual and activation. */
    bool takes_epilogue;
    /* Checks spec->u, whose zero fields it replaces by their defaults, and gives the output's shape, macs, window and
     * bytes, which begin as those of a layer that only copies its first input. False: the graph has the error. NULL:
     * leaves it so. */
    bool (*shape) (struct graph *g, struct node_spec *spec);
    /* Copies the arrays of node->u, which are the caller's, or makes them from spec->given; where it cannot it leaves
     * NULL and the graph the error. NULL: there are none. */
    void (*keep) (struct graph *g, struct node *node, const void *given);
    /* Frees the arrays of node->u. NULL: there are none. */
    void (*clear) (struct node *node);
    /* Where a pixel of the output looks in the first input, for graph_grid: grid, in pixels of the output, becomes one
     * in pixels of that input. NULL: not at one window. */
    void (*grid) (const struct node *node, struct grid *grid);
    /* What pixels of the output are made from, for graph_receptive_field: rows reach[0] and columns reach[1] of it
     * become those of the input `in`; they may lie outside. NULL: all of them. */
    void (*reach) (const struct node *node, const struct node *in, struct span reach[2]);
    /* Whether `prepare` can take the layer's inputs and residual, and leave its output, as bytes where they are; one at
     * least is. Otherwise, and where this is NULL, plan.c puts conversions round it. */
    bool (*takes_bytes) (const struct preparation *p, const struct layer *layer);
    /* Appends the steps of a layer that begins with it (step.h). False: p->error is filled. */
    bool (*prepare) (struct preparation *p, const struct layer *layer);
    /* About how many cycles of one core such a step takes (cost.h). NULL: what passing over input and output takes. */
    double (*cycles) (const struct preparation *p, const struct step *step);
};

#define OPERATOR(KIND, name) extern const struct operator_type operator_##name;
#include "engine/operators.def"

/* Never NULL for an operation of operators.def. */
const struct operator_type *operator_of (enum operation operation);

/* Of operators whose output's pixels lie where their input's do. */
static inline void grid_same (const struct node *node, struct grid *grid)
{
    (void)node;
    (void)grid;
}
static inline void reach_same (const struct node *node, const struct node *in, struct span reach[2])
{
    (void)node;
    (void)in;
    (void)reach;
}

#endif
