/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph.h: private: nodes, which graph.c writes, and the layers that simplify.c makes of them for plan.c.
 *
 * A node makes exactly one tensor, so node and tensor share one number. Inputs have smaller numbers than outputs:
 * node order is an execution order. */
#ifndef CONVRELU_GRAPH_H
#define CONVRELU_GRAPH_H

#include "engine/packed_blocks.h"

enum operation {
#define OPERATOR(KIND, name) OPERATION_##KIND,
#include "engine/operators.def"
};

/* What a node is asked to compute; of the operators that have parameters. */
union node_parameters {
    struct {
        struct conv shape;     /* zero fields replaced by their defaults */
        float *weights, *bias; /* weights NULL once dropped; bias NULL: none */
        size_t weight_bytes;
    } conv;
    struct {
        double *scale, *shift; /* [channels] each, never NULL */
    } affine;
    struct {
        struct activation what;
        float *slope; /* prelu: [channels] */
    } activation;
    struct pool pool;      /* zero fields replaced by their defaults */
    enum reduction reduce; /* over pixels or channels */
    struct normalise normalise;
    struct pick pick;         /* channel copied, never NULL */
    struct resampling resize; /* row and column copied, in one allocation that begins with row */
    struct depth_to_space depth_to_space;
    struct {
        struct range range;
        float *unit, *slope; /* [channels] unit or NULL; the activation's (activations.def) */
        int parts;
    } quantise;
};

struct node {
    enum operation operation;
    const char *label; /* what tensor_info.operation says: "conv", "linear", "batch-norm", ... */
    char *name;
    int *inputs, input_count;
    int channels, height, width; /* of the tensor it makes */
    uint64_t macs;
    bool is_output;
    struct packed *packed; /* list: of a convolution; struct graph's lock guards it and the dropping of weights */
    union node_parameters u;
};

struct packed; /* packed.h: weights of one convolution, kept by the graph, shared by plans */

struct graph {
    struct node *nodes;
    int count, capacity;
    int *outputs, output_count;
    struct graph_limits limits;
    uint64_t weight_bytes, macs;
    struct error error; /* the first one */
    _Atomic int references;
    void *lock;            /* pthread_mutex_t *: guards packed weights and the dropping of those given */
    uint64_t packed_bytes; /* in all lists of packed weights */
    void (*copied) (void *data, const void *piece, size_t bytes); /* graph_on_copied, or NULL */
    void *copied_data;
    struct packed_source source; /* graph_adopt_packed; find NULL: none */
};

/* Frees a list of packed weights; packed.c defines it, graph.c calls it when the last reference goes. */
void packed_free_all (struct packed *list);

/* ---- simplify ------------------------------------------------------------------------------------------------ */

/* One fused layer: head node, then in this order and each only if present:
 *   v = head (inputs)            conv: with its own bias; affine and activation: a copy, the fields below say the rest
 *   v = v * scale + shift        per channel; packing folds it into a conv's weights and bias
 *   v = v + residual             same shape
 *   v = activation (v)
 *   v = v * post_scale + post_shift   per channel */
struct layer {
    enum operation operation; /* of the head; a MUL that is SiLU or hard-swish: OPERATION_ACTIVATION. Never an INPUT */
    int node;                 /* the head */
    int *inputs, input_count; /* tensors it reads (not the residual) */
    int output;               /* the tensor it leaves: the last fused node */
    double *scale, *shift;    /* [channels of output], both or neither */
    int residual;             /* tensor, or -1 */
    struct activation activation;
    const float *slope; /* prelu: [channels], the node's */
    double *post_scale, *post_shift;
    struct conv conv; /* OPERATION_CONV: the node's, or with a zero-pad folded in */
    struct pool pool; /* OPERATION_POOL: the node's, or with a zero-pad folded in */
    int *channel;     /* OPERATION_PICK of one input or two, side by side: its channels of them; else NULL */
};

struct layers {
    struct layer *list;
    int count;
};

/* Equal but smaller. pinned[id]: tensor id must exist as it is (outputs and taps). `replace` as
 * plan_options.activation. Returns false (and an empty list) only when memory is short. The graph is not changed. */
bool simplify (const struct graph *g, const bool *pinned, const struct activation *replace, struct layers *layers);
void layers_free (struct layers *layers);

#endif
