/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_reduce.c: sums, means, products, largest and smallest numbers and norms over some axes.
 *
 * All but products come from three that the engine has: the largest, the mean and the mean square; a sum is as many
 * means.
 * What the axes are in the graph's tensor decides how:
 *
 *   rows and columns, or all that follow an axis    graph_reduce
 *   the channels                                    graph_reduce_channels
 *   rows or columns alone                           a pool as long as the image
 *   a part of the channels, all before an axis      its few slices, put together one after the other
 *   any others                                      moved to the end first, number by number */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

enum { SLICES_MAX = 16 };

/* ---- axes -------------------------------------------------------------------------------------------------------- */

bool onnx_reduced_axes (struct reader *r, const struct value *x, bool reduce[RANK_MAX])
{
    int64_t axes[RANK_MAX];
    bool given;
    int count = onnx_attribute_or_input_ints (r, "axes", 1, axes, RANK_MAX, &given);
    bool nothing = count == 0 && onnx_attribute_int (r, "noop_with_empty_axes", 0);
    if (count < 0)
        return false;
    for (int i = 0; i < RANK_MAX; i++)
        reduce[i] = count == 0 && !nothing && i < x->shape.rank;
    for (int i = 0; i < count; i++) {
        int axis = onnx_axis (r, axes[i], x->shape.rank);
        if (axis < 0)
            return false;
        reduce[axis] = true;
    }
    return true;
}

bool onnx_axes_as_stored (struct value *v, bool reduce[RANK_MAX])
{
    bool own[4];
    if (v->deferred != DEFERRED_CHANNELS_LAST)
        return v->deferred == DEFERRED_NOTHING;
    memcpy (own, reduce, sizeof own);
    for (int i = 0; i < 4; i++)
        reduce[onnx_channels_last[i]] = own[i];
    v->shape = v->stored;
    v->deferred = DEFERRED_NOTHING;
    return true;
}

/* The axes that are more than 1, by what they are of: before the reduced ones, reduced, behind them. */
struct extents {
    int64_t before, reduced, behind;
    bool together; /* no other axis stands between reduced ones */
};

static struct extents extents_of (const struct shape *s, const bool reduce[RANK_MAX])
{
    struct extents e = { 1, 1, 1, true };
    for (int i = 0; i < s->rank; i++) {
        if (s->dims[i] == 1)
            continue;
        if (reduce[i]) {
            e.together = e.together && e.behind == 1;
            e.reduced *= s->dims[i];
        } else if (e.reduced == 1) {
            e.before *= s->dims[i];
        } else {
            e.behind *= s->dims[i];
        }
    }
    return e;
}

/* ---- the three --------------------------------------------------------------------------------------------------- */

/* Everything behind an axis: over the pixels of each channel and, where several channels belong together, over
 * these. */
static int reduce_behind (struct reader *r, const struct value *v, struct extents e, enum reduction kind,
                          const char *name)
{
    struct tensor_info t = graph_tensor (r->graph, v->tensor);
    struct value means = { .name = v->name };
    if (t.channels == e.before)
        return graph_reduce (r->graph, name, v->tensor, kind);
    if (t.channels % e.before) {
        int id = onnx_view (r, v, e.before, e.reduced, 1);
        return id < 0 ? -1 : graph_reduce (r->graph, name, id, kind);
    }
    means.tensor = t.height == 1 && t.width == 1 ? v->tensor : graph_reduce (r->graph, "", v->tensor, kind);
    if (means.tensor != v->tensor && kind == REDUCTION_MEAN_SQUARE) /* they are squares by now */
        kind = REDUCTION_MEAN;
    int id = means.tensor < 0 ? -1 : onnx_view (r, &means, e.before, t.channels / e.before, 1);
    return id < 0 ? -1 : graph_reduce (r->graph, name, id, kind);
}

/* Slices of channels, each with what stands behind the reduced axis. */
static int reduce_slices (struct reader *r, int tensor, int64_t slices, enum reduction kind, const char *name)
{
    struct tensor_info t = graph_tensor (r->graph, tensor);
    int channels = (int)(t.channels / slices), all = -1;
    int from = kind == REDUCTION_MEAN_SQUARE ? graph_mul (r->graph, "", tensor, tensor) : tensor;
    int *order = onnx_alloc_node (r, (uint64_t)channels, sizeof *order);
    for (int64_t i = 0; order && i < slices; i++) {
        for (int c = 0; c < channels; c++)
            order[c] = (int)(i * channels + c);
        int slice = onnx_picked (r, from, order, channels, "");
        if (slice < 0)
            return -1;
        all = i == 0                  ? slice
              : kind == REDUCTION_MAX ? graph_max (r->graph, "", all, slice)
                                      : graph_add (r->graph, "", all, slice);
    }
    return order ? onnx_affine (r, all, kind == REDUCTION_MAX ? 1 : 1 / (double)slices, 0, name) : -1;
}

/* Rows or columns alone. */
static int reduce_side (struct reader *r, int tensor, bool rows, enum reduction kind, const char *name)
{
    struct tensor_info t = graph_tensor (r->graph, tensor);
    struct pool pool = { .kind = kind == REDUCTION_MAX ? POOL_MAX : POOL_AVERAGE,
                         .kernel_h = rows ? t.height : 1,
                         .kernel_w = rows ? 1 : t.width };
    if (kind == REDUCTION_MEAN_SQUARE)
        tensor = graph_mul (r->graph, "", tensor, tensor);
    return graph_pool (r->graph, name, tensor, &pool);
}

/* Whatever axes, moved to the end: what they are reduced to is of (what is kept, what is reduced, 1). */
static int moved (struct reader *r, const struct value *v, const bool reduce[RANK_MAX])
{
    int perm[RANK_MAX], kept = 0, count = 0;
    struct value in = *v;
    for (int i = 0; i < v->shape.rank; i++) {
        if (!reduce[i])
            perm[kept++] = i;
    }
    for (int i = 0; i < v->shape.rank; i++) {
        if (reduce[i])
            perm[kept + count++] = i;
    }
    if ((in.tensor = onnx_transposed (r, v, perm, "", &in.shape)) < 0)
        return -1;
    return onnx_view (r, &in, onnx_shape_count (&in.shape, 0, kept), onnx_shape_count (&in.shape, kept, in.shape.rank),
                      1);
}

/* Products: the rows' upper half by their lower half, which a row of ones ends where it is shorter, until one is
 * left. */
static int multiply (struct reader *r, const struct value *v, const bool reduce[RANK_MAX], const char *name)
{
    int id = moved (r, v, reduce);
    while (id >= 0 && graph_tensor (r->graph, id).height > 1) {
        struct tensor_info t = graph_tensor (r->graph, id);
        struct pick half = {
            .channels = t.channels, .height = (t.height + 1) / 2, .width = 1, .step_h = 1, .step_w = 1, .fill = 1
        };
        int upper = graph_pick (r->graph, "", id, &half);
        half.top = half.height;
        id = graph_mul (r->graph, half.height == 1 ? name : "", upper, graph_pick (r->graph, "", id, &half));
    }
    return id;
}

/* One of the three; nothing is deferred of v. */
static int reduce_by (struct reader *r, const struct value *v, const bool reduce[RANK_MAX], enum reduction kind,
                      const char *name)
{
    struct tensor_info t = graph_tensor (r->graph, v->tensor);
    struct extents e = extents_of (&v->shape, reduce);
    int64_t pixels = (int64_t)t.height * t.width;
    if (e.reduced == 1)
        return onnx_affine (
            r, kind == REDUCTION_MEAN_SQUARE ? graph_mul (r->graph, "", v->tensor, v->tensor) : v->tensor, 1, 0, name);
    if (e.together && e.behind == 1)
        return reduce_behind (r, v, e, kind, name);
    if (e.together && e.before == 1 && e.behind == pixels)
        return graph_reduce_channels (r->graph, name, v->tensor, kind);
    if (e.together && e.before == 1 && e.behind > pixels && e.reduced <= SLICES_MAX && t.channels % e.reduced == 0)
        return reduce_slices (r, v->tensor, e.reduced, kind, name);
    if (e.together && e.before == t.channels && e.reduced == t.height && e.behind == t.width)
        return reduce_side (r, v->tensor, true, kind, name);
    if (e.together && e.reduced == t.width && e.behind == 1 && e.before == (int64_t)t.channels * t.height)
        return reduce_side (r, v->tensor, false, kind, name);
    int id = moved (r, v, reduce);
    return id < 0 ? -1 : graph_reduce (r->graph, name, id, kind);
}

/* ---- reductions -------------------------------------------------------------------------------------------------- */

/* The reduction of a tensor of which nothing is deferred. */
static int reduced_tensor (struct reader *r, const struct value *v, const bool reduce[RANK_MAX], char operation,
                           const char *name)
{
    struct value in = *v;
    bool largest = operation == 'M' || operation == 'm', squares = operation == '2' || operation == 'q';
    enum reduction kind = largest ? REDUCTION_MAX : squares ? REDUCTION_MEAN_SQUARE : REDUCTION_MEAN;
    double many = (double)extents_of (&v->shape, reduce).reduced;
    if (operation == '*')
        return onnx_made (r, multiply (r, v, reduce, name));
    if (operation == '1')
        in.tensor = graph_function (r->graph, "", v->tensor, (struct activation) { ACTIVATION_LEAKY_RELU, -1, 0 });
    if (operation == 'm') /* the largest of the negatives, negative */
        in.tensor = onnx_affine (r, v->tensor, -1, 0, "");
    if (in.tensor < 0)
        return onnx_made (r, in.tensor);
    bool last = operation == 'M' || operation == 'a';
    int id = reduce_by (r, &in, reduce, kind, last ? name : "");
    if (last || id < 0)
        return onnx_made (r, id);
    bool ends = operation != '2' && operation != 'l';
    id = onnx_affine (r, id, operation == 'm' ? -1 : many, 0, ends ? name : "");
    if (ends || id < 0)
        return id;
    return onnx_made (
        r, graph_function (r->graph, name, id,
                           (struct activation) { .kind = operation == 'l' ? ACTIVATION_LOG : ACTIVATION_SQRT }));
}

bool onnx_reduced (struct reader *r, const struct value *v, const bool axes[RANK_MAX], char operation, bool keep_dims,
                   struct value *result)
{
    struct value in = *v;
    struct shape out = { 0 };
    bool reduce[RANK_MAX], whole = v->deferred != DEFERRED_CHANNELS_LAST || axes[3] || (axes[1] && axes[2]);
    const char *name = result->name ? result->name : "";
    memcpy (reduce, axes, sizeof reduce);
    for (int i = 0; i < v->shape.rank; i++) {
        if (!reduce[i] || keep_dims)
            out.dims[out.rank++] = reduce[i] ? 1 : v->shape.dims[i];
    }
    /* What is left of the axes has the order that it is stored in; or else that of the file is needed. */
    if (!whole || !onnx_axes_as_stored (&in, reduce)) {
        if (!onnx_settle (r, &in))
            return false;
        memcpy (reduce, axes, sizeof reduce);
    }
    *result = (struct value) { .kind = VALUE_TENSOR, .name = name, .shape = out };
    result->tensor = reduced_tensor (r, &in, reduce, operation, name);
    return result->tensor >= 0;
}

/* A constant is reduced now. */
static bool reduce_constant (struct reader *r, struct value *v, const bool reduce[RANK_MAX], char operation,
                             bool keep_dims)
{
    int perm[RANK_MAX], kept = 0, count = 0;
    struct shape out = { 0 };
    if (!strchr ("+*mMa", operation))
        return onnx_fail (r, "of a constant is not supported");
    for (int i = 0; i < v->shape.rank; i++) {
        if (!reduce[i] || keep_dims)
            out.dims[out.rank++] = reduce[i] ? 1 : v->shape.dims[i];
        if (!reduce[i])
            perm[kept++] = i;
    }
    for (int i = 0; i < v->shape.rank; i++) {
        if (reduce[i])
            perm[kept + count++] = i;
    }
    return onnx_fold_reduce (r, v, perm, kept, operation, &out);
}

static bool reduce (struct reader *r, char operation)
{
    struct value *v = onnx_input_deferred (r, 0), result = { .name = onnx_output_name (r, 0) };
    bool axes[RANK_MAX], keep_dims = onnx_attribute_int (r, "keepdims", 1) != 0;
    if (!v || !onnx_reduced_axes (r, v, axes))
        return false;
    if (v->kind != VALUE_TENSOR)
        return reduce_constant (r, v, axes, operation, keep_dims);
    return onnx_reduced (r, v, axes, operation, keep_dims, &result) &&
           onnx_set_tensor (r, 0, result.tensor, &result.shape);
}

#define READER(name, operation)                                                                                        \
    static bool read_reduce_##name (struct reader *r)                                                                  \
    {                                                                                                                  \
        return reduce (r, operation);                                                                                  \
    }
READER (l1, '1')
READER (l2, '2')
READER (log_sum, 'l')
READER (max, 'M')
READER (mean, 'a')
READER (min, 'm')
READER (prod, '*')
READER (sum, '+')
READER (sum_square, 'q')

#define REDUCE "axes:I keepdims:i noop_with_empty_axes:i"

const struct onnx_operator onnx_reduce_operators[] = {
    { "ReduceL1", 1, 2, 1, read_reduce_l1, REDUCE },
    { "ReduceL2", 1, 2, 1, read_reduce_l2, REDUCE },
    { "ReduceLogSum", 1, 2, 1, read_reduce_log_sum, REDUCE },
    { "ReduceMax", 1, 2, 1, read_reduce_max, REDUCE },
    { "ReduceMean", 1, 2, 1, read_reduce_mean, REDUCE },
    { "ReduceMin", 1, 2, 1, read_reduce_min, REDUCE },
    { "ReduceProd", 1, 2, 1, read_reduce_prod, REDUCE },
    { "ReduceSum", 1, 2, 1, read_reduce_sum, REDUCE },
    { "ReduceSumSquare", 1, 2, 1, read_reduce_sum_square, REDUCE },
    { .name = NULL },
};
