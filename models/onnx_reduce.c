/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_reduce.c: mean and maximum over some axes. */
#include "models/onnx_reader.h"

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

/* Mean or maximum over some axes: these moved to the end (they usually are there), then pooled like rows and columns. */
static bool read_reduce (struct reader *r, enum pool_kind kind)
{
    struct value *x = onnx_input_tensor (r, 0);
    bool reduce[RANK_MAX];
    if (!x || !reduced_axes (r, x, reduce))
        return false;
    bool keep_dims = onnx_attribute_int (r, "keepdims", 1) != 0;
    struct shape out = { 0 }, moved;
    int perm[RANK_MAX], kept = 0, count = 0;
    for (int i = 0; i < x->shape.rank; i++) {
        if (!reduce[i])
            perm[kept++] = i;
        if (!reduce[i] || keep_dims)
            out.dims[out.rank++] = reduce[i] ? 1 : x->shape.dims[i];
    }
    for (int i = 0; i < x->shape.rank; i++) {
        if (reduce[i])
            perm[kept + count++] = i;
    }
    struct value in = *x;
    if ((in.tensor = onnx_transposed (r, x, perm, "", &moved)) < 0)
        return false;
    in.shape = moved;
    int id = onnx_view_before (r, &in, kept);
    return id >= 0 && onnx_set_tensor (r, 0, graph_global_pool (r->graph, onnx_output_name (r, 0), id, kind), &out);
}

static bool read_reduce_mean (struct reader *r)
{
    return read_reduce (r, POOL_AVERAGE);
}

static bool read_reduce_max (struct reader *r)
{
    return read_reduce (r, POOL_MAX);
}

const struct onnx_operator onnx_reduce_operators[] = {
    { "ReduceMax", 1, 2, 1, read_reduce_max, "axes:I keepdims:i noop_with_empty_axes:i" },
    { "ReduceMean", 1, 2, 1, read_reduce_mean, "axes:I keepdims:i noop_with_empty_axes:i" },
    { .name = NULL },
};
