/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_arithmetic.c: + - * / with ONNX's (NumPy's) broadcasting, Max and Min with a number.
 *
 * Two constants are folded. A tensor and a constant become one scale and shift per channel; where the constant differs
 * along rows or columns too, per element. Two tensors become graph_add or graph_mul, which repeat an operand in whole
 * axes: the shapes are matched up as
 *
 *   a   1 x 64 x 56 x 56      dims that are equal, and dims where one operand has 1, each run of them taken as one:
 *   b       64 x  1 x  1      [equal 64] [repeat 3136]: b is one number per channel */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* How many leading dimensions of `out` a constant differs along: the rest it repeats over. */
static int varying_axes (const struct shape *constant, const struct shape *out)
{
    int axes = out->rank;
    while (axes > 0 && (onnx_shape_aligned (constant, out->rank, axes - 1) == 1))
        axes--;
    return axes;
}

/* ---- a tensor and a constant --------------------------------------------------------------------------------- */

struct per_channel {
    int tensor;           /* a view of the input */
    int64_t channels;     /* of the view */
    const float *numbers; /* [channels], borrowed */
};

/* The constant spread over the channels of a view of x that is fine enough. */
static bool spread (struct reader *r, const struct value *x, struct value *constant, struct per_channel *to)
{
    struct shape out;
    if (!onnx_shape_broadcast (r, &x->shape, &constant->shape, &out))
        return false;
    if (onnx_shape_total (&out) != onnx_shape_total (&x->shape)) {
        char text[2][100];
        return onnx_fail (r, "a constant of %s would enlarge a tensor of %s, which is not supported",
                          onnx_shape_text (&constant->shape, text[0]), onnx_shape_text (&x->shape, text[1]));
    }
    const float *numbers = onnx_value_floats (r, constant);
    int axes = varying_axes (&constant->shape, &out);
    if (!numbers)
        return false;
    /* Leading ones that `out` has and x lacks do not change the count. */
    int own = axes - (out.rank - x->shape.rank);
    to->tensor = axes == 0 ? x->tensor : onnx_view_before (r, x, own < 0 ? 0 : own);
    if (to->tensor < 0)
        return false;
    to->channels = graph_tensor (r->graph, to->tensor).channels;
    float *per_channel = onnx_alloc_node (r, (uint64_t)to->channels, sizeof *per_channel);
    int64_t repeat = onnx_shape_count (&out, axes, out.rank);
    for (int64_t c = 0; per_channel && c < to->channels; c++)
        per_channel[c] = axes == 0 ? numbers[0] : numbers[onnx_broadcast_index (&out, c * repeat, &constant->shape)];
    to->numbers = per_channel;
    return per_channel != NULL;
}

/* Whether v, which is broadcast with a value that keeps its channels last, has numbers for channels only, or for pixels
 * only: then it becomes what fits that value's tensor. */
static bool is_for_channels (struct value *v)
{
    int rank = v->shape.rank;
    if (v->deferred == DEFERRED_CHANNELS_LAST) {
        v->shape = v->stored;
        v->deferred = DEFERRED_NOTHING;
        return true;
    }
    if (!v->deferred && rank == 4 && v->shape.dims[0] == 1 && v->shape.dims[3] == 1) { /* one channel, wherever it is */
        v->shape = (struct shape) { 4, { 1, 1, v->shape.dims[1], v->shape.dims[2] } };
        return true;
    }
    int64_t channels = rank ? v->shape.dims[rank - 1] : 1;
    if (v->deferred || rank > 4 || onnx_shape_total (&v->shape) != channels)
        return false;
    v->shape = (struct shape) { 4, { 1, channels, 1, 1 } };
    return true;
}

/* A result of `shape`, of operands as they are stored where `last`: then it keeps its channels last. */
static bool set_result (struct reader *r, struct value *result, const char *name, int id, const struct shape *shape,
                        bool last)
{
    *result = (struct value) { .kind = VALUE_TENSOR, .name = name, .tensor = id, .shape = *shape };
    if (last) {
        result->stored = *shape;
        result->deferred = DEFERRED_CHANNELS_LAST;
        for (int i = 0; i < 4; i++)
            result->shape.dims[i] = shape->dims[onnx_channels_last[i]];
    }
    return id >= 0 || onnx_fail (r, "%s", graph_error (r->graph));
}

/* a operation b, one of which is a constant. */
static bool with_constant (struct reader *r, char operation, const struct value *a, const struct value *b,
                           const char *name, struct value *result)
{
    struct per_channel with;
    bool constant_first = a->kind != VALUE_TENSOR;
    const struct value *x = constant_first ? b : a, *constant = constant_first ? a : b;
    struct value own = *x, other = *constant;
    struct shape out;
    bool last = x->deferred == DEFERRED_CHANNELS_LAST && is_for_channels (&own) && is_for_channels (&other);
    if (!last) {
        own = *x;
        other = *constant;
        if (!onnx_settle (r, &own))
            return false;
    }
    if (!spread (r, &own, &other, &with) || !onnx_shape_broadcast (r, &own.shape, &other.shape, &out))
        return false;
    float *scale = onnx_alloc_node (r, (uint64_t)with.channels, sizeof *scale);
    float *shift = scale ? onnx_alloc_node (r, (uint64_t)with.channels, sizeof *shift) : NULL;
    if (!shift)
        return false;
    for (int64_t c = 0; c < with.channels; c++) {
        float number = with.numbers[c];
        bool adds = operation == '+' || operation == '-';
        scale[c] = operation == '*' ? number : operation == '/' ? 1 / number : 1;
        shift[c] = adds ? number : 0;
        if (operation == '-' && constant_first)
            scale[c] = -1;
        else if (operation == '-')
            shift[c] = -number;
    }
    bool adds = operation == '+' || operation == '-';
    bool plain = !(operation == '-' && constant_first) && adds;
    int id = graph_affine (r->graph, name, with.tensor, plain ? NULL : scale, adds ? shift : NULL);
    return set_result (r, result, name, id, &out, last);
}

static bool read_prelu (struct reader *r)
{
    struct value *x = onnx_input_tensor (r, 0), *slope = x ? onnx_input_value (r, 1) : NULL;
    struct per_channel with;
    if (!slope || !spread (r, x, slope, &with))
        return false;
    return onnx_set_tensor (r, 0, graph_prelu (r->graph, onnx_output_name (r, 0), with.tensor, with.numbers),
                            &x->shape);
}

/* ---- two tensors --------------------------------------------------------------------------------------------- */

/* Runs of dimensions, in order: 'e' equal, 'a' or 'b' where that operand has 1. */
struct runs {
    int count;
    char kind[RANK_MAX];
    int64_t size[RANK_MAX];
};

static struct runs match_up (const struct shape *a, const struct shape *b, const struct shape *out)
{
    struct runs runs = { 0 };
    for (int i = 0; i < out->rank; i++) {
        int64_t left = onnx_shape_aligned (a, out->rank, i), right = onnx_shape_aligned (b, out->rank, i);
        char kind = left == right ? 'e' : left == 1 ? 'a' : 'b';
        if (left == 1 && right == 1)
            continue;
        if (!runs.count || runs.kind[runs.count - 1] != kind) {
            runs.kind[runs.count] = kind;
            runs.size[runs.count++] = 1;
        }
        runs.size[runs.count - 1] *= out->dims[i];
    }
    return runs;
}

/* The views of both that graph_add and graph_mul can put together. `small` is the one that repeats. */
static bool fit_views (struct reader *r, const struct runs *runs, const struct value *large, const struct value *small,
                       int ids[2])
{
    struct tensor_info now = graph_tensor (r->graph, large->tensor);
    ids[0] = large->tensor;
    if (runs->count == 0 || (runs->count == 1 && runs->kind[0] == 'e')) {
        ids[1] = onnx_view (r, small, now.channels, now.height, now.width);
    } else if (runs->count == 1) {
        ids[1] = onnx_view (r, small, 1, 1, 1);
    } else if (runs->count == 2 && runs->kind[0] == 'e') {
        if (now.channels != runs->size[0])
            ids[0] = onnx_view (r, large, runs->size[0], runs->size[1], 1);
        ids[1] = onnx_view (r, small, runs->size[0], 1, 1);
    } else if (runs->count == 2) {
        bool fits = now.channels == runs->size[0];
        if (!fits)
            ids[0] = onnx_view (r, large, runs->size[0], runs->size[1], 1);
        ids[1] = onnx_view (r, small, 1, fits ? now.height : runs->size[1], fits ? now.width : 1);
    } else { /* between others, or in several places: each number where it is wanted */
        struct value whole = *small;
        whole.shape = large->shape;
        whole.tensor = onnx_repeated (r, small, &large->shape, "");
        ids[1] = whole.tensor < 0 ? -1 : onnx_view (r, &whole, now.channels, now.height, now.width);
    }
    return ids[0] >= 0 && ids[1] >= 0;
}

/* Both as they are stored, where that is broadcast the same way; else what is deferred is done. True in *last: the
 * result keeps its channels last. */
static bool agree (struct reader *r, struct value *a, struct value *b, bool *last)
{
    struct value own[2] = { *a, *b }, *const both[2] = { a, b };
    struct shape out, narrow;
    *last = (a->deferred == DEFERRED_CHANNELS_LAST || b->deferred == DEFERRED_CHANNELS_LAST) &&
            is_for_channels (&own[0]) && is_for_channels (&own[1]);
    if (!*last && (a->deferred == DEFERRED_REPEAT || b->deferred == DEFERRED_REPEAT)) {
        if (!onnx_shape_broadcast (r, &a->shape, &b->shape, &out))
            return false;
        for (int i = 0; i < 2; i++) {
            own[i] = *both[i];
            if (own[i].deferred == DEFERRED_REPEAT) {
                own[i].shape = own[i].stored;
                own[i].deferred = DEFERRED_NOTHING;
            }
        }
        bool enough = !own[0].deferred && !own[1].deferred &&
                      onnx_shape_broadcast (r, &own[0].shape, &own[1].shape, &narrow) &&
                      onnx_shape_equal (&narrow, &out);
        if (!enough)
            own[0] = *a, own[1] = *b;
    } else if (!*last)
        own[0] = *a, own[1] = *b;
    for (int i = 0; i < 2; i++) {
        if (own[i].deferred && !onnx_settle (r, &own[i]))
            return false;
        *both[i] = own[i];
    }
    return true;
}

static bool two_tensors (struct reader *r, char operation, const struct value *first, const struct value *second,
                         const char *name, struct value *result)
{
    struct value a = *first, b = *second;
    struct shape out;
    bool last;
    if (!agree (r, &a, &b, &last) || !onnx_shape_broadcast (r, &a.shape, &b.shape, &out))
        return false;
    if (operation == '-' && (b.tensor = onnx_affine (r, b.tensor, -1, 0, "")) < 0)
        return false;
    bool a_repeats = !onnx_shape_repeats_nothing (&a.shape, &out);
    if (a_repeats && !onnx_shape_repeats_nothing (&b.shape, &out)) { /* each over the other */
        a.tensor = onnx_repeated (r, &a, &out, "");
        a.shape = out;
        a_repeats = false;
        if (a.tensor < 0)
            return false;
    }
    struct runs runs = match_up (&a.shape, &b.shape, &out);
    int ids[2];
    struct value large = a_repeats ? b : a;
    large.shape = out;
    if (!fit_views (r, &runs, &large, a_repeats ? &a : &b, ids))
        return false;
    int id = operation == '*'   ? graph_mul (r->graph, name, ids[0], ids[1])
             : operation == 'M' ? graph_max (r->graph, name, ids[0], ids[1])
                                : graph_add (r->graph, name, ids[0], ids[1]);
    return set_result (r, result, name, id, &out, last);
}

static int relu (struct reader *r, const struct value *x, const char *name)
{
    return graph_activation (r->graph, name, x->tensor, (struct activation) { .kind = ACTIVATION_RELU });
}

/* The larger of a tensor and a constant is x + relu (c - x), the smaller x - relu (x - c), up to rounding. */
static bool limited (struct reader *r, bool lower, const struct value *a, const struct value *b, const char *name,
                     struct value *result)
{
    struct value apart;
    bool first = a->kind == VALUE_TENSOR;
    const struct value *x = first ? a : b, *constant = first ? b : a;
    if (!with_constant (r, '-', lower ? constant : x, lower ? x : constant, "", &apart))
        return false;
    apart.tensor = relu (r, &apart, "");
    return onnx_made (r, apart.tensor) >= 0 && two_tensors (r, lower ? '+' : '-', x, &apart, name, result);
}

/* The smaller of two tensors: the larger of their negatives, negative. */
static bool smaller (struct reader *r, const struct value *a, const struct value *b, const char *name,
                     struct value *result)
{
    struct value minus[2] = { *a, *b };
    for (int i = 0; i < 2; i++) {
        if ((minus[i].tensor = onnx_affine (r, minus[i].tensor, -1, 0, "")) < 0)
            return false;
    }
    if (!two_tensors (r, 'M', &minus[0], &minus[1], "", result))
        return false;
    result->name = name;
    return (result->tensor = onnx_affine (r, result->tensor, -1, 0, name)) >= 0;
}

bool onnx_combine (struct reader *r, char operation, const struct value *a, const struct value *b, const char *name,
                   struct value *result)
{
    bool tensors = a->kind == VALUE_TENSOR && b->kind == VALUE_TENSOR;
    if (operation == '/' && b->kind == VALUE_TENSOR) { /* a times 1 / b */
        struct value inverse = *b;
        inverse.tensor =
            graph_function (r->graph, "", b->tensor, (struct activation) { .kind = ACTIVATION_RECIPROCAL });
        return onnx_made (r, inverse.tensor) >= 0 && onnx_combine (r, '*', a, &inverse, name, result);
    }
    if (operation == 'm' && tensors)
        return smaller (r, a, b, name, result);
    if (!tensors && (operation == 'M' || operation == 'm'))
        return limited (r, operation == 'M', a, b, name, result);
    return tensors ? two_tensors (r, operation, a, b, name, result) : with_constant (r, operation, a, b, name, result);
}

/* ---- operators ----------------------------------------------------------------------------------------------- */

/* Before opset 7 an operand is broadcast only where the node says so, and then from axis `axis` of the other on. */
static bool old_broadcast (struct reader *r, const struct value *a, struct value *b)
{
    char text[2][100];
    int64_t axis = onnx_attribute_int (r, "axis", a->shape.rank - b->shape.rank);
    axis += axis < 0 ? a->shape.rank : 0;
    if (!onnx_attribute_int (r, "broadcast", 0))
        return onnx_shape_equal (&a->shape, &b->shape) ||
               onnx_fail (r, "%s and %s differ, and nothing is to be broadcast", onnx_shape_text (&a->shape, text[0]),
                          onnx_shape_text (&b->shape, text[1]));
    if (axis < 0 || axis + b->shape.rank > a->shape.rank || b->deferred)
        return onnx_fail (r, "%s cannot be broadcast over %s from axis %lld on", onnx_shape_text (&b->shape, text[0]),
                          onnx_shape_text (&a->shape, text[1]), (long long)axis);
    while (axis + b->shape.rank < a->shape.rank)
        b->shape.dims[b->shape.rank++] = 1;
    return true;
}

static bool arithmetic (struct reader *r, char operation)
{
    struct value *a = onnx_input_deferred (r, 0), *b = a ? onnx_input_deferred (r, 1) : NULL, result, spread_out;
    if (!b)
        return false;
    if (r->opset < 7 && b->kind != VALUE_INTS) {
        spread_out = *b;
        if (!old_broadcast (r, a, &spread_out))
            return false;
        b = a->kind == VALUE_TENSOR || b->kind == VALUE_TENSOR ? &spread_out : b;
    }
    if (a->kind != VALUE_TENSOR && b->kind != VALUE_TENSOR)
        return onnx_fold_arithmetic (r, operation);
    return onnx_combine (r, operation, a, b, onnx_output_name (r, 0), &result) &&
           onnx_set_like (r, 0, result.tensor, &result);
}

static bool read_add (struct reader *r)
{
    return arithmetic (r, '+');
}

static bool read_sub (struct reader *r)
{
    return arithmetic (r, '-');
}

static bool read_mul (struct reader *r)
{
    return arithmetic (r, '*');
}

static bool read_div (struct reader *r)
{
    return arithmetic (r, '/');
}

static bool negate_constant (struct reader *r, struct value *v)
{
    bool whole = v->kind == VALUE_INTS;
    const int64_t *ints = whole ? onnx_value_ints (r, v) : NULL;
    const float *floats = whole ? NULL : onnx_value_floats (r, v);
    void *to = ints || floats ? onnx_make_constant (r, 0, v->kind, &v->shape) : NULL;
    for (int64_t i = 0; to && onnx_goes_on (r, i, onnx_shape_total (&v->shape), FOLD_STEPS); i++) {
        if (whole)
            ((int64_t *)to)[i] = (int64_t)(0 - (uint64_t)ints[i]);
        else
            ((float *)to)[i] = -floats[i];
    }
    return to != NULL;
}

static bool read_neg (struct reader *r)
{
    struct value *x = onnx_input_value (r, 0);
    if (x && x->kind != VALUE_TENSOR)
        return negate_constant (r, x);
    int id = x ? onnx_affine (r, x->tensor, -1, 0, onnx_output_name (r, 0)) : -1;
    return id >= 0 && onnx_set_tensor (r, 0, id, &x->shape);
}

/* Inputs put together one after the other: their sum (+), largest (M) or smallest (m). */
static bool fold_inputs (struct reader *r, char operation)
{
    int count = onnx_input_count (r);
    const struct value *first = onnx_input_value (r, 0);
    if (!first)
        return false;
    struct value all = *first;
    for (int i = 1; i < count; i++) {
        const struct value *next = onnx_input_value (r, i);
        const char *name = i == count - 1 ? onnx_output_name (r, 0) : "";
        if (!next)
            return false;
        if (all.kind != VALUE_TENSOR && next->kind != VALUE_TENSOR)
            return onnx_fail (r, "of constants, only two are supported");
        struct value before = all;
        if (!onnx_combine (r, operation, &before, next, name, &all))
            return false;
    }
    return count == 1 ? onnx_set_alias (r, first, &first->shape) : onnx_set_like (r, 0, all.tensor, &all);
}

static bool read_sum (struct reader *r)
{
    return onnx_input_count (r) == 2 ? read_add (r) : fold_inputs (r, '+');
}

/* The larger (or smaller) of a tensor and one number is its limit. */
static bool limit (struct reader *r, bool lower)
{
    if (onnx_input_count (r) != 2)
        return fold_inputs (r, lower ? 'M' : 'm');
    struct value *a = onnx_input_deferred (r, 0), *b = a ? onnx_input_deferred (r, 1) : NULL;
    if (!b)
        return false;
    if (a->kind != VALUE_TENSOR && b->kind != VALUE_TENSOR)
        return onnx_fold_arithmetic (r, lower ? 'M' : 'm');
    int tensor = a->kind == VALUE_TENSOR ? 0 : 1;
    struct value *x = tensor ? b : a, *other = tensor ? a : b;
    float number;
    if (other->kind == VALUE_TENSOR || onnx_shape_total (&other->shape) != 1)
        return fold_inputs (r, lower ? 'M' : 'm');
    if (!onnx_input_scalar (r, 1 - tensor, &number))
        return false;
    if (isnan (number))
        return onnx_fail (r, "its limit is not a number");
    struct activation clip = { ACTIVATION_CLIP, lower ? number : -INFINITY, lower ? INFINITY : number };
    return onnx_set_like (r, 0, graph_activation (r->graph, onnx_output_name (r, 0), x->tensor, clip), x);
}

static bool read_max (struct reader *r)
{
    return limit (r, true);
}

static bool read_min (struct reader *r)
{
    return limit (r, false);
}

#define BROADCAST "axis:i<7 broadcast:i<7"

const struct onnx_operator onnx_arithmetic_operators[] = {
    { "Add", 2, 2, 1, read_add, BROADCAST },
    { "Div", 2, 2, 1, read_div, BROADCAST },
    { "Max", 1, ONNX_INPUTS_MANY, 1, read_max, "" },
    { "Min", 1, ONNX_INPUTS_MANY, 1, read_min, "" },
    { "Mul", 2, 2, 1, read_mul, BROADCAST },
    { "Neg", 1, 1, 1, read_neg, "" },
    { "PRelu", 2, 2, 1, read_prelu, "" },
    { "Sub", 2, 2, 1, read_sub, BROADCAST },
    { "Sum", 1, ONNX_INPUTS_MANY, 1, read_sum, "" },
    { .name = NULL },
};
