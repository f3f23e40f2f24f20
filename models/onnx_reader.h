/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_reader.h: private, what the files of the ONNX reader share.
 *
 *   onnx.c            the file as a whole: unpack, check the header, index, patterns, node by node, outputs
 *   onnx_index.c      names -> numbered values; who makes and who reads each; which nodes matter
 *   onnx_patterns.c   several nodes that are one activation (GELU by Erf, x * sigmoid (x), ...)
 *   onnx_operators.c  the table of operators; checks of a node's inputs and attributes; its dispatch
 *   onnx_layers.c     convolution, pooling, normalisation, fully connected, softmax
 *   onnx_activations.c  the operators that are one activation
 *   onnx_arithmetic.c + - * / with broadcasting
 *   onnx_shapes.c     reshape, transpose, concat, split, slice, pad
 *   onnx_constants.c  what is known while reading: weights, shapes and arithmetic on them
 *   onnx_values.c     values, inputs, attributes, memory, errors
 *
 * A *value* is what an ONNX name stands for: a tensor of the graph being built, or numbers known now. Its ONNX shape
 * has up to 8 dimensions; the graph's tensor has three and holds the same numbers in the same row-major order, so most
 * changes of shape cost nothing: only an operation that needs certain channels, rows or columns asks for that view. */
#ifndef CONVRELU_ONNX_READER_H
#define CONVRELU_ONNX_READER_H

#include "engine/engine.h"
#include "onnx.pb-c.h" /* generated from onnx.proto */

enum {
    RANK_MAX = 8,
    FOLD_MAX = 64,        /* integers in one constant: shapes and axes are never longer */
    PARAMETER_MAX = 32768 /* of kernels, strides, dilations and pads, as in the engine */
};

struct shape {
    int rank;
    int64_t dims[RANK_MAX]; /* each >= 0 for constants and >= 1 for tensors; the product is at most INT32_MAX */
};

enum value_kind {
    VALUE_UNKNOWN, /* nothing has made it (yet) */
    VALUE_TENSOR,  /* of the graph: depends on the image */
    VALUE_FLOATS,
    VALUE_INTS /* 64, 32 or 8 bits or bool in the file */
};

struct value {
    const char *name;
    enum value_kind kind;
    struct shape shape;
    int tensor;          /* id in the graph */
    const float *floats; /* known numbers, or NULL as long as they are only in `source` */
    const int64_t *ints;
    const Convrelu__OnnxTensor *source;
    int producer; /* node that makes it, or -1 */
    int uses;     /* inputs and graph outputs that read it */
};

/* What a node is part of; see onnx_patterns.c. */
struct role {
    bool live;                    /* an output of the graph depends on it */
    bool absorbed;                /* its work is done by the last node of its pattern */
    enum activation_kind pattern; /* of that last node; NONE otherwise */
    int pattern_input;            /* value */
};

struct block; /* one allocation */

struct reader {
    const char *path;
    struct error *error;
    struct onnx_extras *extras;
    bool failed;
    const Convrelu__OnnxGraph *file;
    int64_t opset;
    struct graph *graph;
    uint64_t weight_limit;

    struct value *values;
    int value_count;
    int *slots; /* value ids, -1: an empty name: initializers, inputs, outputs, then inputs and outputs of each node */
    int *node_slots;    /* [nodes] where those of a node start */
    struct role *roles; /* [nodes] */
    int image;          /* value of the graph's one input */
    bool image_channels_last;

    int node; /* being read, or -1 */
    struct block *kept, *borrowed;
    uint64_t kept_bytes, borrowed_bytes, gathered;
};

/* ---- onnx_index.c ---- */
bool onnx_index (struct reader *r);

/* ---- onnx_patterns.c ---- */
void onnx_find_patterns (struct reader *r);

/* ---- onnx_operators.c ---- */
bool onnx_read_node (struct reader *r, int node);

/* ---- onnx_values.c ---- */

/* "file: node 'n' (Op): ..."; without the node outside of one. Returns false, so that `return fail (...)` reads
 * well. */
__attribute__ ((format (printf, 2, 3))) bool fail (struct reader *r, const char *format, ...);

/* count * size zeroed bytes (at least one), or NULL and a failure. Kept ones live as long as the reader, borrowed ones
 * as long as the node being read. */
void *keep (struct reader *r, uint64_t count, size_t size);
void *borrow (struct reader *r, uint64_t count, size_t size);
void give_back (struct reader *r); /* the borrowed ones */
void release (struct reader *r);   /* all */

const Convrelu__OnnxNode *this_node (const struct reader *r);
bool has_input (const struct reader *r, int index);
/* NULL and a failure when it is missing or not made yet. */
struct value *input (struct reader *r, int index);
/* The same, and NULL and a failure when it is a constant. */
struct value *input_tensor (struct reader *r, int index);
/* A constant's floats, NULL and a failure when it is none. `count` numbers are wanted; -1: any. */
const float *input_floats (struct reader *r, int index, int64_t count);
const float *value_floats (struct reader *r, struct value *v);
/* The same for integers: copies at most `most` of them to `to` and returns how many, or -1 and a failure. */
int input_ints (struct reader *r, int index, int64_t *to, int most);
const int64_t *value_ints (struct reader *r, struct value *v);
/* A constant of one number; false and a failure otherwise. */
bool input_scalar (struct reader *r, int index, float *to);

struct value *output (const struct reader *r, int index); /* NULL: the node has none, or nobody wants it */
const char *output_name (const struct reader *r, int index);
/* The node's output `index` is tensor `id` of the graph (-1: the graph is in error), with this ONNX shape. */
bool set_tensor (struct reader *r, int index, int id, const struct shape *shape);
/* The node's first output is the same numbers as v under another shape. */
bool set_alias (struct reader *r, const struct value *v, const struct shape *shape);
bool set_ints (struct reader *r, int index, const int64_t *numbers, const struct shape *shape);
bool set_floats (struct reader *r, int index, const float *numbers, const struct shape *shape);

/* Attributes of the node; their types were checked against the operator table. */
const Convrelu__OnnxAttribute *attribute (const struct reader *r, const char *name);
int64_t attribute_int (const struct reader *r, const char *name, int64_t otherwise);
float attribute_float (const struct reader *r, const char *name, float otherwise);
/* Whether it says `text`; an absent attribute says `otherwise`. */
bool attribute_says (const struct reader *r, const char *name, const char *text, const char *otherwise);
/* Copies at most `most`; returns how many, 0 when there is no such attribute, -1 and a failure when there are more. */
int attribute_ints (struct reader *r, const char *name, int64_t *to, int most);
/* Axes or a shape: the attribute, else input `index`, else none: *given says which. */
int attribute_or_input_ints (struct reader *r, const char *name, int index, int64_t *to, int most, bool *given);

/* Product of the dimensions from `from` to before `to`. */
int64_t shape_count (const struct shape *s, int from, int to);
int64_t shape_total (const struct shape *s);
bool shape_equal (const struct shape *a, const struct shape *b);
/* Appends a dimension; false and a failure when it makes the shape too large or too long. */
bool shape_add (struct reader *r, struct shape *s, int64_t dim);
const char *shape_text (const struct shape *s, char text[100]); /* "1x3x224x224" */
/* -1 becomes the last axis and so on; -1 and a failure when it is none of `rank`. */
int axis_of (struct reader *r, int64_t axis, int rank);

/* v as a tensor of c, h, w: itself where it has that form, else through a reshape. Negative after a failure. */
int view (struct reader *r, const struct value *v, int64_t c, int64_t h, int64_t w);
/* v with the dimensions before `axis` as its channels, in whatever rows and columns are at hand. */
int view_before (struct reader *r, const struct value *v, int axis);
/* ONNX's dimensions as channels, rows and columns: a leading 1 is the batch. False when there are too many. */
bool shape_as_image (const struct shape *s, int *first_axis, int64_t chw[3]);

/* ---- onnx_constants.c ---- */

/* Takes the shape and kind from a tensor of the file, after checking that its numbers are all there. */
bool constant_define (struct reader *r, struct value *v, const Convrelu__OnnxTensor *tensor, const char *name);
const float *constant_floats (struct reader *r, struct value *v);
const int64_t *constant_ints (struct reader *r, struct value *v);
bool constant_refused (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name); /* external data */
/* The one number of a value that is a constant already or will be when its Constant node is read. No failure. */
bool constant_peek (struct reader *r, int value, float *to);
bool fold_arithmetic (struct reader *r, char operation);

/* out = a broadcast with b. False and a failure when they do not fit. */
bool broadcast (struct reader *r, const struct shape *a, const struct shape *b, struct shape *out);
/* Where number `i` of the broadcast shape is in an operand. */
int64_t broadcast_index (const struct shape *out, int64_t i, const struct shape *operand);

/* ---- onnx_shapes.c ---- */

/* v with its axes in the order perm. Negative after a failure. */
int transposed (struct reader *r, const struct value *v, const int *perm, const char *name, struct shape *shape);

/* ---- one per operator, in the table of onnx_operators.c: false after a failure ---- */
typedef bool read_operator (struct reader *r);
read_operator read_conv, read_batch_norm, read_max_pool, read_average_pool, read_global_average_pool,
    read_global_max_pool, read_reduce_mean, read_reduce_max, read_gemm, read_mat_mul, read_softmax, read_log_softmax,
    read_log;
read_operator read_activation, read_prelu, read_selu, read_gelu, read_clip, read_max, read_min;
read_operator read_add, read_sub, read_mul, read_div, read_neg, read_reciprocal, read_sum, read_floor, read_ceil;
read_operator read_identity, read_dropout, read_cast, read_reshape, read_flatten, read_squeeze, read_unsqueeze,
    read_transpose, read_concat, read_slice, read_split, read_pad;
read_operator read_constant, read_constant_of_shape, read_shape, read_gather;

#endif
