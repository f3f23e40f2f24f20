/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_reduce.c: mean and maximum over some axes. */
#include "models/onnx_reader.h"

#include <string.h>

/* Which axes are reduced; all where none are named. */
static bool reduced_axes (struct reader *r, const struct value *x, bool reduce[RANK_MAX])
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

/* Whether what is left of the axes of v has the same order as v is stored in; then v and its axes become those. */
static bool as_stored (struct value *v, bool reduce[RANK_MAX])
{
    if (v->deferred == DEFERRED_NOTHING)
        return true;
    if (v->deferred != DEFERRED_CHANNELS_LAST || (!reduce[3] && !(reduce[1] && reduce[2])))
        return false;
    bool own[4];
    memcpy (own, reduce, sizeof own);
    for (int i = 0; i < 4; i++)
        reduce[onnx_channels_last[i]] = own[i];
    v->shape = v->stored;
    v->deferred = DEFERRED_NOTHING;
    return true;
}

/* A tensor times a number; -1: an error of the graph, or a failure. */
static int scaled (struct reader *r, int id, float by, const char *name)
{
    int channels = id < 0 ? 0 : graph_tensor (r->graph, id).channels;
    float *scale = onnx_alloc_node (r, (uint64_t)channels, sizeof *scale);
    for (int c = 0; scale && c < channels; c++)
        scale[c] = by;
    return scale && id >= 0 ? graph_affine (r->graph, name, id, scale, NULL) : -1;
}

/* A constant is reduced now. Of a tensor, the reduced axes are moved to the end, where they usually are, and then
 * pooled like rows and columns. */
static bool reduce (struct reader *r, char operation)
{
    struct value *v = onnx_input_deferred (r, 0);
    bool reduce[RANK_MAX];
    if (!v || !reduced_axes (r, v, reduce))
        return false;
    bool keep_dims = onnx_attribute_int (r, "keepdims", 1) != 0;
    struct shape out = { 0 }, moved;
    int perm[RANK_MAX], kept = 0, count = 0;
    for (int i = 0; i < v->shape.rank; i++) {
        if (!reduce[i] || keep_dims)
            out.dims[out.rank++] = reduce[i] ? 1 : v->shape.dims[i];
    }
    struct value whole = *v, *const x = &whole;
    if (!as_stored (x, reduce)) {
        if (!onnx_settle (r, v))
            return false;
        whole = *v;
    }
    for (int i = 0; i < x->shape.rank; i++) {
        if (!reduce[i])
            perm[kept++] = i;
    }
    for (int i = 0; i < x->shape.rank; i++) {
        if (reduce[i])
            perm[kept + count++] = i;
    }
    if (x->kind != VALUE_TENSOR)
        return onnx_fold_reduce (r, x, perm, kept, operation, &out);
    if (operation == '*')
        return onnx_fail (r, "is supported of constants only");
    struct value in = *x;
    if ((in.tensor = onnx_transposed (r, x, perm, "", &moved)) < 0)
        return false;
    in.shape = moved;
    int id = onnx_view_before (r, &in, kept);
    if (id < 0)
        return false;
    float many = (float)onnx_shape_count (&moved, kept, moved.rank);
    switch (operation) {
    case '+': /* as many means */
        id = scaled (r, graph_global_pool (r->graph, "", id, POOL_AVERAGE), many, onnx_output_name (r, 0));
        break;
    case 'm': /* the largest of the negatives, negative */
        id = graph_global_pool (r->graph, "", scaled (r, id, -1, ""), POOL_MAX);
        id = scaled (r, id, -1, onnx_output_name (r, 0));
        break;
    default:
        id = graph_global_pool (r->graph, onnx_output_name (r, 0), id, operation == 'a' ? POOL_AVERAGE : POOL_MAX);
    }
    return !r->failed && onnx_set_tensor (r, 0, id, &out);
}

static bool read_reduce_max (struct reader *r)
{
    return reduce (r, 'M');
}

static bool read_reduce_mean (struct reader *r)
{
    return reduce (r, 'a');
}

static bool read_reduce_min (struct reader *r)
{
    return reduce (r, 'm');
}

static bool read_reduce_prod (struct reader *r)
{
    return reduce (r, '*');
}

static bool read_reduce_sum (struct reader *r)
{
    return reduce (r, '+');
}

#define REDUCE "axes:I keepdims:i noop_with_empty_axes:i"

const struct onnx_operator onnx_reduce_operators[] = {
    { "ReduceMax", 1, 2, 1, read_reduce_max, REDUCE }, { "ReduceMean", 1, 2, 1, read_reduce_mean, REDUCE },
    { "ReduceMin", 1, 2, 1, read_reduce_min, REDUCE }, { "ReduceProd", 1, 2, 1, read_reduce_prod, REDUCE },
    { "ReduceSum", 1, 2, 1, read_reduce_sum, REDUCE }, { .name = NULL },
};
