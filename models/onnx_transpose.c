/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_transpose.c: the axes in another order.
 *
 * Whole channels in another order are one graph_pick; any other order is a pick of single numbers from the tensor as one
 * long vector, which is slow, but works. A channel shuffle (reshape to 1 x g x k x h x w, transpose to 1 x k x g x h x w,
 * reshape back) so becomes one pick of channels by itself. */
#include "models/onnx_reader.h"

/* Where number i of the permuted array was before. */
static int64_t origin (const struct shape *from, const struct shape *to, const int *perm, int64_t i)
{
    int64_t at[RANK_MAX] = { 0 }, index = 0;
    for (int axis = to->rank - 1; axis >= 0; axis--) {
        at[perm[axis]] = i % to->dims[axis];
        i /= to->dims[axis];
    }
    for (int axis = 0; axis < from->rank; axis++)
        index = index * from->dims[axis] + at[axis];
    return index;
}

/* The order of the first `axes` dimensions' entries, each of which is a block of what comes after them. */
static int *block_order (struct reader *r, const struct shape *from, const struct shape *to, const int *perm, int axes)
{
    struct shape outer_from = *from, outer_to = *to;
    outer_from.rank = outer_to.rank = axes;
    int64_t count = onnx_shape_total (&outer_to);
    /* A small file may ask for this often; 8 million take half a second to work out. */
    if ((r->gathered += (uint64_t)count) > 8u << 20) {
        onnx_fail (r, "reorders more than %u numbers in all", 8u << 20);
        return NULL;
    }
    int *order = onnx_alloc_node (r, (uint64_t)count, sizeof *order);
    for (int64_t i = 0; order && i < count; i++)
        order[i] = (int)origin (&outer_from, &outer_to, perm, i);
    return order;
}

int onnx_transposed (struct reader *r, const struct value *v, const int *perm, const char *name, struct shape *shape)
{
    int rank = v->shape.rank, last = -1;
    bool moves = false;
    shape->rank = rank;
    for (int i = 0; i < rank; i++) {
        shape->dims[i] = v->shape.dims[perm[i]];
        if (shape->dims[i] == 1)
            continue;
        moves = moves || perm[i] < last;
        last = perm[i];
    }
    if (!moves) /* at most ones change places */
        return v->tensor;
    int axes = rank;
    while (axes > 0 && perm[axes - 1] == axes - 1)
        axes--;
    int in = onnx_view_before (r, v, axes);
    int *order = in < 0 ? NULL : block_order (r, &v->shape, shape, perm, axes);
    if (!order)
        return -1;
    struct tensor_info t = graph_tensor (r->graph, in);
    struct pick pick = { order, t.channels, t.height, t.width, 0, 0, 1, 1, 0 };
    int id = graph_pick (r->graph, name, in, &pick);
    if (id < 0)
        onnx_fail (r, "%s", graph_error (r->graph));
    return id;
}

static bool permutation (struct reader *r, int rank, int perm[RANK_MAX])
{
    int64_t said[RANK_MAX];
    bool seen[RANK_MAX] = { false };
    int count = onnx_attribute_ints (r, "perm", said, RANK_MAX);
    if (count < 0)
        return false;
    for (int i = 0; i < rank && !onnx_attribute (r, "perm"); i++)
        said[count++] = rank - 1 - i;
    if (count != rank)
        return onnx_fail (r, "perm has %d numbers for %d dimensions", count, rank);
    for (int i = 0; i < rank; i++) {
        if (said[i] < 0 || said[i] >= rank || seen[said[i]])
            return onnx_fail (r, "perm is no order of %d dimensions: %lld", rank, (long long)said[i]);
        perm[i] = (int)said[i];
        seen[perm[i]] = true;
    }
    return true;
}

static bool transpose_constant (struct reader *r, struct value *v, const int *perm)
{
    const float *numbers = onnx_value_floats (r, v);
    uint64_t count = (uint64_t)onnx_shape_total (&v->shape);
    float *to = numbers ? onnx_alloc_node (r, count, sizeof *to) : NULL;
    struct shape out = { .rank = v->shape.rank };
    for (int i = 0; i < out.rank; i++)
        out.dims[i] = v->shape.dims[perm[i]];
    for (uint64_t i = 0; to && i < count; i++)
        to[i] = numbers[origin (&v->shape, &out, perm, (int64_t)i)];
    return to && onnx_set_floats (r, 0, to, &out);
}

static bool read_transpose (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int perm[RANK_MAX];
    if (!v || !permutation (r, v->shape.rank, perm))
        return false;
    if (v->kind != VALUE_TENSOR)
        return transpose_constant (r, v, perm);
    struct shape out;
    if (r->image_channels_last && v == &r->values[r->image]) { /* made as channels, rows, columns already */
        for (int i = 0; i < 4; i++)
            out.dims[i] = v->shape.dims[perm[i]];
        out.rank = 4;
        return onnx_set_alias (r, v, &out);
    }
    int id = onnx_transposed (r, v, perm, onnx_output_name (r, 0), &out);
    return id >= 0 && onnx_set_tensor (r, 0, id, &out);
}

const struct onnx_operator onnx_transpose_operators[] = {
    { "Transpose", 1, 1, 1, read_transpose, "perm:I" },
    { .name = NULL },
};
