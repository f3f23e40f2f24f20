/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_reader.h: private, what the files of the ONNX reader share. Each calls only those above it:
 *
 *   onnx_context.c    the node being read, errors, memory
 *   onnx_shape.c      shapes: sizes, axes, broadcasting
 *   onnx_external.c   numbers in other files
 *   onnx_tensor.c     the tensors of the file -> numbers
 *   onnx_view.c       tensors under another shape, in another order
 *   onnx_values.c     inputs, outputs and attributes of the node
 *   onnx_fold.c       constants of any size -> constants
 *   onnx_quantisation.c, onnx_quantised.c  integers of few bits in a file and the real numbers they stand for
 *   onnx_X.c          the other operators, a file for each family: onnx_conv_pool.c, onnx_linear.c, onnx_reshape.c, ...
 *   onnx_operators.c  finds a node's operator in their tables; checks of its inputs and attributes
 *   onnx_patterns.c   several nodes that are one activation (GELU by Erf, x * sigmoid (x), ...)
 *   onnx_index.c      names -> numbered values; who makes and who reads each; which nodes matter
 *   onnx.c            the file as a whole: unpack, check the header, index, patterns, node by node, outputs
 *
 * A *value* is what an ONNX name stands for: a tensor of the graph being built, or numbers known now. Its ONNX shape
 * has up to 8 dimensions; the graph's tensor has three and holds the same numbers in the same row-major order, so most
 * changes of shape cost nothing: only an operation that needs certain channels, rows or columns asks for that view. */
#ifndef CONVRELU_ONNX_READER_H
#define CONVRELU_ONNX_READER_H

#include "engine/engine.h"
#include "models/file.h"
#include "models/notices.h"
#include "models/onnx.h"
#include "onnx.pb-c.h" /* generated from onnx.proto */

enum { RANK_MAX = 8 };

struct shape {
    int rank;
    int64_t dims[RANK_MAX]; /* each >= 0 for constants and >= 1 for tensors; the product is at most INT32_MAX */
};

enum value_kind {
    VALUE_UNKNOWN, /* nothing has made it (yet) */
    VALUE_TENSOR,  /* of the graph: depends on the image */
    VALUE_FLOATS,
    VALUE_INTS,   /* of any size or bool in the file */
    VALUE_DYNAMIC /* scale or zero point of `quant`, known only while running: the scale times floats, if any */
};

/* What is still to be done to a value's tensor before it holds the numbers of its shape, and may never have to be. */
enum deferred {
    DEFERRED_NOTHING,
    DEFERRED_CHANNELS_LAST, /* 1 x channels x height x width becomes 1 x height x width x channels */
    DEFERRED_REPEAT         /* is broadcast */
};

struct quantisation; /* onnx_quantised.h */

struct value {
    const char *name;
    enum value_kind kind;
    struct shape shape;
    int tensor; /* id in the graph */
    enum deferred deferred;
    struct shape stored; /* of the tensor, where something is deferred */
    const float *floats; /* known numbers, or NULL as long as they are only in `source` */
    const int64_t *ints;
    const Convrelu__OnnxTensor *source;
    int type; /* ONNX's, of integers and of what is dynamic; 0: as `source` says, else int64 */
    /* A tensor: what its integers in the file are; NULL: it has floats there. Floats of a `source` of integers: what
     * makes them real numbers. */
    const struct quantisation *quant;
    /* A tensor of floats: its numbers are whole multiples of these scales, one or one for each channel; NULL: not
     * known to be. */
    const struct quantisation *whole;
    bool of_image; /* made from the image, or it; known when patterns are looked for */
    int producer;  /* node that makes it, or -1 */
    int uses;      /* inputs and graph outputs that read it */
};

/* What a node is part of; see onnx_patterns.c. */
struct role {
    bool live;                    /* an output of the graph depends on it */
    bool absorbed;                /* its work is done by the last node of its pattern */
    enum activation_kind pattern; /* of that last node; NONE otherwise */
    int pattern_input;            /* value */
    float pattern_alpha;          /* of the activation */
    struct {
        bool is;           /* the pattern is a normalisation of pattern_input: */
        int mean, squares; /*   nodes that reduce it and the squares; mean -1: uncentred */
        float epsilon;
    } norm;
};

struct block; /* one allocation */
struct onnx_external_file;

struct reader {
    const char *path;
    struct error *error;
    struct onnx_extras *extras;
    bool failed;
    const Convrelu__OnnxGraph *file;
    int64_t opset;
    struct graph *graph;
    uint64_t weight_limit;
    const struct file *lazy; /* numbers are read from this one when they are asked for; NULL: they are in memory */

    struct value *values;
    int value_count;
    int *slots;         /* value ids, -1 for an empty name; their order is in onnx_index.c */
    int *node_slots;    /* [nodes] where those of a node start */
    struct role *roles; /* [nodes] */
    int image;          /* value of the graph's one input */

    int node;                        /* being read, or -1 */
    struct {                         /* while a node is read as another operator */
        struct value *const *inputs; /* [count] in the place of its own; NULL: it is read as it is */
        int count;
        const char *operation, *name; /* that operator, and what it makes */
    } stand_in;
    struct block *blocks, *node_blocks; /* onnx_alloc, onnx_alloc_node */
    uint64_t block_bytes, node_block_bytes;

    struct {
        struct onnx_external_file *list; /* [count] files beside this one, sorted by name */
        size_t count;
        uint64_t bytes;       /* the sizes of all */
        struct file open;     /* one of them at a time */
        const char *location; /* its name */
    } external;
};

/* ---- onnx_context.c ---- */

const Convrelu__OnnxNode *onnx_current_node (const struct reader *r);
const char *onnx_operation (const struct reader *r); /* that the node is, or is read as */

/* "file: node 'n' (Op): ..."; without the node outside of one. Returns false: `return onnx_fail (...)`. */
__attribute__ ((format (printf, 2, 3))) bool onnx_fail (struct reader *r, const char *format, ...);

/* count * size zeroed bytes (at least one), or NULL and a failure. They live as long as the reader, or with _node as
 * long as the node being read. */
void *onnx_alloc (struct reader *r, uint64_t count, size_t size);
void *onnx_alloc_node (struct reader *r, uint64_t count, size_t size);
/* Charges work (engine/work.h) before it is done; false and a failure when it is refused. onnx_alloc charges the bytes
 * that it gives, which are touched once: that is enough for a loop that fills them with copies. */
bool onnx_spend (struct reader *r, uint64_t steps);
/* Whether a loop goes on with number i of `count`: each takes so many `steps`, which are charged a million numbers at a
 * time, so that it can be stopped. */
static inline bool onnx_goes_on (struct reader *r, int64_t i, int64_t count, int steps)
{
    const int64_t piece = 1 << 20;
    if (i >= count || i % piece)
        return i < count;
    return onnx_spend (r, (uint64_t)steps * (uint64_t)(count - i < piece ? count - i : piece));
}
enum {
    FOLD_STEPS = 16, /* to work out one number of a constant: a walk over each operand, powf */
    ORDER_STEPS = 50 /* to put one number in order: the walk, and the pick that is planned for it */
};
void onnx_free_node (struct reader *r); /* what the node being read had */
void onnx_free_all (struct reader *r);

/* ---- onnx_shape.c ---- */

/* Product of the dimensions from `from` to before `to`. */
int64_t onnx_shape_count (const struct shape *s, int from, int to);
int64_t onnx_shape_total (const struct shape *s);
bool onnx_shape_equal (const struct shape *a, const struct shape *b);
/* Whether they differ along this axis of `a` at most, so that they can be joined along it. */
bool onnx_shape_joins (const struct shape *a, const struct shape *b, int axis);
/* Appends a dimension; false and a failure when it makes the shape too large or too long. */
bool onnx_shape_add (struct reader *r, struct shape *s, int64_t dim);
/* *out: s with `dim` along the axis; fails as onnx_shape_add. */
bool onnx_shape_with (struct reader *r, const struct shape *s, int axis, int64_t dim, struct shape *out);
const char *onnx_shape_text (const struct shape *s, char text[100]); /* "1x3x224x224" */
/* -1 becomes the last axis and so on; -1 and a failure when it is none of `rank`. */
int onnx_axis (struct reader *r, int64_t axis, int rank);
/* ONNX's dimensions as channels, rows and columns: a leading 1 is the batch. False when there are too many. */
bool onnx_shape_as_image (const struct shape *s, int *first_axis, int64_t chw[3]);

/* Dimension i of s as if it had `rank` of them, filled up with ones in front. */
int64_t onnx_shape_aligned (const struct shape *s, int rank, int i);
/* out = a broadcast with b. False and a failure when they do not fit. */
bool onnx_shape_broadcast (struct reader *r, const struct shape *a, const struct shape *b, struct shape *out);
/* Whether a shape is broadcast to `out` without any number in two places. */
bool onnx_shape_repeats_nothing (const struct shape *s, const struct shape *out);
/* Where number `i` of the broadcast shape is in an operand. */
int64_t onnx_broadcast_index (const struct shape *out, int64_t i, const struct shape *operand);

/* A way through the numbers of an array: `index` is where the next one is. */
struct onnx_walk {
    int rank;
    int64_t dims[2 * RANK_MAX], step[2 * RANK_MAX], at[2 * RANK_MAX], index;
};

struct onnx_walk onnx_walk_over (const struct shape *s); /* in order */
/* The numbers of `operand` in the order in which a shape that it is broadcast to wants them. */
struct onnx_walk onnx_walk_repeated (const struct shape *operand, const struct shape *out);
void onnx_walk_on (struct onnx_walk *walk);

/* ---- onnx_external.c ---- */

bool onnx_is_external (const Convrelu__OnnxTensor *tensor);
/* Opens each file that a used tensor names, and notes its size in external_bytes, before anything is allocated for
 * it. */
bool onnx_external_find (struct reader *r);
/* Whether these `bytes` of a tensor are there; false and a failure otherwise. */
bool onnx_external_check (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, uint64_t bytes);
bool onnx_external_read (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, void *to,
                         size_t bytes);
/* After the last reading: false and a failure when a file was changed meanwhile. */
bool onnx_external_finish (struct reader *r);
void onnx_external_list (const struct reader *r, struct file_list *files);
void onnx_external_free (struct reader *r);

/* ---- onnx_tensor.c ---- */

/* ONNX's TensorProto.DataType, as far as it is read. */
enum {
    TYPE_FLOAT = 1,
    TYPE_UINT8 = 2,
    TYPE_INT8 = 3,
    TYPE_UINT16 = 4,
    TYPE_INT16 = 5,
    TYPE_INT32 = 6,
    TYPE_INT64 = 7,
    TYPE_BOOL = 9,
    TYPE_HALF = 10,
    TYPE_DOUBLE = 11,
    TYPE_UINT32 = 12,
    TYPE_UINT64 = 13,
    TYPE_BFLOAT = 16
};

const char *onnx_type_name (int64_t type); /* "float32"; "unknown" */
bool onnx_is_float (int64_t type);         /* all of them are 32-bit ones once they are read */
bool onnx_is_int (int64_t type);           /* bool too; all are 64-bit ones once they are read */
/* Whether it is stored in a way that is read; false and a failure otherwise. */
bool onnx_tensor_check (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name);
/* Takes the shape and kind from a tensor of the file, after checking that its numbers are all there. */
bool onnx_tensor_define (struct reader *r, struct value *v, const Convrelu__OnnxTensor *tensor, const char *name);
/* The integers of a constant, of any number, while the node is read. */
struct integers {
    const Convrelu__OnnxTensor *tensor;
    const uint8_t *raw;
    const int64_t *known; /* or NULL: in the tensor */
};
bool onnx_integers (struct reader *r, const struct value *v, struct integers *to);
int64_t onnx_integer (const struct integers *integers, int64_t i);
int onnx_integer_type (const struct value *v); /* of a VALUE_INTS */
/* The numbers of a value that such a tensor defined. NULL and a failure: no memory. */
const float *onnx_tensor_floats (struct reader *r, struct value *v);
const int64_t *onnx_tensor_ints (struct reader *r, struct value *v);
/* The one float of a value that is a constant already or will be when its Constant node is read. Fails only where it is
 * in another file that cannot be read. */
bool onnx_peek (struct reader *r, int value, float *to);

/* ---- onnx_payload.c ---- */

/* Each raw_data, which is a struct onnx_payload after unpacking, becomes those bytes of the file. */
void onnx_payload_attach (const Convrelu__OnnxModel *model, uint8_t *bytes, ProtobufCAllocator *allocator);
void onnx_payload_detach (const Convrelu__OnnxModel *model); /* before it is freed */
/* Without the bytes of the file: each raw_data gets its length, and what it points to stays. */
void onnx_payload_measure (const Convrelu__OnnxModel *model);
/* `bytes` of such a raw_data, from the file. False after a failure. */
bool onnx_payload_read (struct reader *r, const Convrelu__OnnxTensor *tensor, void *to, size_t bytes);
/* The floats of a convolution's weights; graph_dropped_weights where they would have to be read for it. */
const float *onnx_payload_weights (struct reader *r, struct value *v);
/* raw_data of little-endian floats as such, moved to where they may lie. NULL: they cannot be, or a failure. */
const float *onnx_payload_floats (struct reader *r, const Convrelu__OnnxTensor *tensor);
/* For graph_on_copied, with the reader: what no other node reads goes back to the system. */
void onnx_payload_copied (void *reader, const void *piece, size_t bytes);

/* ---- onnx_view.c: ids of tensors, negative after a failure ---- */

/* v as a tensor of c, h, w: itself where it has that form, else through a reshape. */
int onnx_view (struct reader *r, const struct value *v, int64_t c, int64_t h, int64_t w);
/* v with the dimensions before `axis` as its channels, in whatever rows and columns are at hand. */
int onnx_view_before (struct reader *r, const struct value *v, int axis);
/* v with its axes in the order perm, and that shape. */
int onnx_transposed (struct reader *r, const struct value *v, const int *perm, const char *name, struct shape *shape);
/* Entries picks[0 .. count - 1] of an axis of v; they are checked, and there is at least one. */
int onnx_gathered (struct reader *r, const struct value *v, int axis, const int64_t *picks, int64_t count,
                   const char *name);
/* v repeated to the shape that it is broadcast to. */
int onnx_repeated (struct reader *r, const struct value *v, const struct shape *shape, const char *name);
/* The id of a tensor that the graph was asked for; negative: it is in error, which becomes the reader's. */
int onnx_made (struct reader *r, int id);
/* A tensor times `scale` plus `shift`, the same for all of it; negative after a failure. */
int onnx_affine (struct reader *r, int tensor, double scale, double shift, const char *name);
/* Does what is deferred. False after a failure. */
bool onnx_settle (struct reader *r, struct value *v);
/* Where axis i of a value is that keeps its channels last: 0, 2, 3, 1. */
extern const int onnx_channels_last[4];
/* Room for an order of channels, within what a file may ask for; NULL and a failure. */
int *onnx_order (struct reader *r, int64_t count);
/* The channels of a tensor in that order; -1 is a channel of zeros. */
int onnx_picked (struct reader *r, int tensor, const int *order, int64_t count, const char *name);

/* ---- onnx_values.c ---- */

int onnx_input_count (const struct reader *r);
bool onnx_has_input (const struct reader *r, int index);
/* NULL and a failure when it is missing or not made yet. */
struct value *onnx_input_value (struct reader *r, int index);
/* The same before what is deferred is done: for operators to which it makes no difference. */
struct value *onnx_input_deferred (struct reader *r, int index);
/* The settled one, and NULL and a failure when it is a constant. */
struct value *onnx_input_tensor (struct reader *r, int index);
/* A constant's floats, NULL and a failure when it is none. `count` numbers are wanted; -1: any. */
const float *onnx_input_floats (struct reader *r, int index, int64_t count);
const float *onnx_value_floats (struct reader *r, struct value *v);
/* The same for integers: copies at most `most` of them to `to` and returns how many, or -1 and a failure. */
int onnx_input_ints (struct reader *r, int index, int64_t *to, int most);
const int64_t *onnx_value_ints (struct reader *r, struct value *v);
/* A constant of one number; false and a failure otherwise. */
bool onnx_input_scalar (struct reader *r, int index, float *to);

struct value *onnx_output_value (const struct reader *r, int index); /* NULL: the node has none, or nobody wants it */
const char *onnx_output_name (const struct reader *r, int index);
/* The node's output `index` is tensor `id` of the graph (-1: the graph is in error), with this ONNX shape. */
bool onnx_set_tensor (struct reader *r, int index, int id, const struct shape *shape);
/* The same with v's shape and what is deferred of it: of what treats each number by itself. */
bool onnx_set_like (struct reader *r, int index, int id, const struct value *v);
/* Output `index`, which is 1 x channels x height x width, becomes that with its channels last. */
void onnx_set_channels_last (struct reader *r, int index);
/* The node's first output is the same numbers as v under another shape; v's own where something is deferred. */
bool onnx_set_alias (struct reader *r, const struct value *v, const struct shape *shape);
/* Zeroed room for the numbers (int64_t or float) of a constant that becomes output `index`; NULL and a failure. */
void *onnx_make_constant (struct reader *r, int index, enum value_kind kind, const struct shape *shape);
bool onnx_set_ints (struct reader *r, int index, const int64_t *numbers, const struct shape *shape);
bool onnx_set_floats (struct reader *r, int index, const float *numbers, const struct shape *shape);

/* Attributes of the node; their types were checked against the operator's row. */
const Convrelu__OnnxAttribute *onnx_attribute (const struct reader *r, const char *name);
int64_t onnx_attribute_int (const struct reader *r, const char *name, int64_t otherwise);
float onnx_attribute_float (const struct reader *r, const char *name, float otherwise);
/* Whether it says `text`; an absent attribute says `otherwise`. */
bool onnx_attribute_says (const struct reader *r, const char *name, const char *text, const char *otherwise);
/* Copies at most `most`; returns how many, 0 when there is no such attribute, -1 and a failure when there are more. */
int onnx_attribute_ints (struct reader *r, const char *name, int64_t *to, int most);
/* Axes or a shape: the attribute, else input `index`, else none: *given says which. */
int onnx_attribute_or_input_ints (struct reader *r, const char *name, int index, int64_t *to, int most, bool *given);

/* ---- onnx_fold.c ---- */

/* v laid out anew as output `index`: the walk says where each number of `shape` is in v. False after a failure, as
 * below. */
bool onnx_fold_walk (struct reader *r, int index, struct value *v, struct onnx_walk walk, const struct shape *shape);
/* Entries picks[0 .. count - 1] of an axis of v; they are checked. */
bool onnx_fold_gather (struct reader *r, struct value *v, int axis, const int64_t *picks, int64_t count,
                       const struct shape *shape);
bool onnx_fold_concat (struct reader *r, int count, int axis); /* the node's `count` inputs */
bool onnx_fold_where (struct reader *r);
/* Inputs 0 and 1 broadcast: + - * /, % of the divisor's sign, ^ power, m min, M max; < > = g (>=) l (<=) & | give 0
 * or 1. */
bool onnx_fold_arithmetic (struct reader *r, char operation);
bool onnx_fold_abs (struct reader *r, struct value *v);
/* Sum (+), product (*), min (m), max (M) or mean (a) over the axes perm[kept], perm[kept + 1], ... of v. */
bool onnx_fold_reduce (struct reader *r, struct value *v, const int *perm, int kept, char operation,
                       const struct shape *shape);

/* ---- operators: rows at the end of each family's file, listed in onnx_operators.c ---- */

enum { ONNX_INPUTS_MANY = 1000000 };

struct onnx_operator {
    const char *name; /* NULL ends a table */
    int inputs_min, inputs_max;
    int since;                       /* the first opset that has it */
    bool (*read) (struct reader *r); /* makes the node's outputs; false after a failure */
    /* "name:type name:type<7": f float, i integer, s string, t tensor, F floats, I integers; up to which opset */
    const char *attributes;
};

/* a + - * / b or the larger (M) or smaller (m), broadcast; not both constants. *result is called `name`; false after a
 * failure, as below. */
bool onnx_combine (struct reader *r, char operation, const struct value *a, const struct value *b, const char *name,
                   struct value *result);
/* The node's axes, as attribute or input 1; all where none are named. */
bool onnx_reduced_axes (struct reader *r, const struct value *x, bool axes[RANK_MAX]);
/* If what is deferred of v is an order of its axes, v and the axes become those of its tensor. False: something else
 * is deferred. */
bool onnx_axes_as_stored (struct value *v, bool axes[RANK_MAX]);
/* Sum (+), mean (a), largest (M), smallest (m), sum of absolute numbers (1), root of the sum of squares (2), that sum
 * (q) or logarithm of the sum (l) of a tensor over axes; result->name says how it is called. */
bool onnx_reduced (struct reader *r, const struct value *v, const bool axes[RANK_MAX], char operation, bool keep_dims,
                   struct value *result);
/* A tensor normalised by its mean and variance over axes, in x's shape. how->groups is not used. */
bool onnx_normalised (struct reader *r, const struct value *x, const bool axes[RANK_MAX], const struct normalise *how,
                      const char *name, struct value *result);

extern const struct onnx_operator onnx_activation_operators[], onnx_arithmetic_operators[], onnx_best_operators[],
    onnx_concat_operators[], onnx_constant_operators[], onnx_conv_pool_operators[], onnx_function_operators[],
    onnx_gather_operators[], onnx_linear_operators[], onnx_normalise_operators[], onnx_quantised_operators[],
    onnx_reduce_operators[], onnx_reshape_operators[], onnx_slice_operators[], onnx_softmax_operators[],
    onnx_spatial_operators[], onnx_transpose_operators[];

/* ---- onnx_quantised.c ---- */
/* Whether an input of the node is quantised, so that this reads it instead of row->read. */
bool onnx_has_quantised_input (const struct reader *r);
bool onnx_read_quantised (struct reader *r, const struct onnx_operator *row);
/* Sets output 0's `whole` after the node was read as this operator. */
bool onnx_note_whole (struct reader *r, const char *operation);
/* What a value of these integers is by itself, without any scale; NULL and a failure. */
const struct quantisation *onnx_plain_integers (struct reader *r, int type);
/* A value as a graph's output: the real numbers, not their integers. */
bool onnx_check_output (struct reader *r, const struct value *v);

/* ---- onnx_operators.c ---- */
bool onnx_read_node (struct reader *r, int node);
/* Reads the node as one of this operator with these inputs (NULL: left out); what it makes is called `name`. */
bool onnx_read_as (struct reader *r, const char *operation, struct value *const *inputs, int count, const char *name);

/* ---- onnx_patterns.c, onnx_patterns_norm.c ---- */
void onnx_find_patterns (struct reader *r);
bool onnx_read_norm_pattern (struct reader *r); /* the node is the last of one */

/* ---- onnx_index.c ---- */
bool onnx_index (struct reader *r);

#endif
