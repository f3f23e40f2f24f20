/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_view.c: tensors of the graph under another shape, in another order, repeated.
 *
 * Another shape of the same numbers costs nothing where it only groups them differently. Whole channels in another
 * order are one graph_pick; any other order is a pick of single numbers from the tensor as one long vector, which is
 * slow, but works. A channel shuffle (reshape to 1 x g x k x h x w, transpose to 1 x k x g x h x w, reshape back) so
 * becomes one pick of channels by itself. */
#include "models/onnx_reader.h"

#include <stdio.h>
#include <string.h>

/* ---- shapes -------------------------------------------------------------------------------------------------- */

int onnx_view (struct reader *r, const struct value *v, int64_t c, int64_t h, int64_t w)
{
    struct tensor_info now = graph_tensor (r->graph, v->tensor);
    if (now.channels == c && now.height == h && now.width == w)
        return v->tensor;
    char name[300];
    snprintf (name, sizeof name, "%.200s:view", v->name);
    int id = graph_reshape (r->graph, name, v->tensor, (int)c, (int)h, (int)w);
    if (id < 0)
        onnx_fail (r, "%s", graph_error (r->graph));
    return id;
}

int onnx_view_before (struct reader *r, const struct value *v, int axis)
{
    int64_t channels = onnx_shape_count (&v->shape, 0, axis), chw[3];
    int first;
    if (graph_tensor (r->graph, v->tensor).channels == channels)
        return v->tensor;
    if (onnx_shape_as_image (&v->shape, &first, chw) && chw[0] == channels)
        return onnx_view (r, v, chw[0], chw[1], chw[2]);
    return onnx_view (r, v, channels, onnx_shape_count (&v->shape, axis, v->shape.rank), 1);
}

/* ---- orders -------------------------------------------------------------------------------------------------- */

int *onnx_order (struct reader *r, int64_t count)
{
    return onnx_alloc_node (r, (uint64_t)count, sizeof (int));
}

int onnx_picked (struct reader *r, int in, const int *order, int64_t count, const char *name)
{
    struct tensor_info t = graph_tensor (r->graph, in);
    struct pick pick = { order, (int)count, t.height, t.width, 0, 0, 1, 1, 0 };
    if (r->failed)
        return -1;
    int id = graph_pick (r->graph, name, in, &pick);
    if (id < 0)
        onnx_fail (r, "%s", graph_error (r->graph));
    return id;
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
    int64_t count = onnx_shape_count (shape, 0, axes);
    int *order = in < 0 ? NULL : onnx_order (r, count);
    if (!order)
        return -1;
    struct onnx_walk own = onnx_walk_over (&v->shape), walk = { .rank = axes };
    int64_t block = onnx_shape_count (&v->shape, axes, rank);
    for (int i = 0; i < axes; i++) {
        walk.dims[i] = own.dims[perm[i]];
        walk.step[i] = own.step[perm[i]] / block;
    }
    for (int64_t i = 0; onnx_goes_on (r, i, count, ORDER_STEPS); i++, onnx_walk_on (&walk))
        order[i] = (int)walk.index;
    return onnx_picked (r, in, order, count, name);
}

int onnx_gathered (struct reader *r, const struct value *v, int axis, const int64_t *picks, int64_t count,
                   const char *name)
{
    int64_t outer = onnx_shape_count (&v->shape, 0, axis), dim = v->shape.dims[axis];
    int in = onnx_view_before (r, v, axis + 1);
    int *order = in < 0 ? NULL : onnx_order (r, outer * count);
    if (!order)
        return -1;
    for (int64_t o = 0; o < outer && !r->failed; o++) {
        for (int64_t i = 0; onnx_goes_on (r, i, count, ORDER_STEPS); i++)
            order[o * count + i] = (int)(o * dim + picks[i]);
    }
    return onnx_picked (r, in, order, outer * count, name);
}

/* ---- deferred ------------------------------------------------------------------------------------------------ */

const int onnx_channels_last[4] = { 0, 2, 3, 1 };

int onnx_repeated (struct reader *r, const struct value *v, const struct shape *shape, const char *name)
{
    int64_t count = onnx_shape_total (shape);
    int vector = onnx_view (r, v, onnx_shape_total (&v->shape), 1, 1);
    int *order = vector < 0 ? NULL : onnx_order (r, count);
    struct onnx_walk walk = onnx_walk_repeated (&v->shape, shape);
    for (int64_t i = 0; order && onnx_goes_on (r, i, count, ORDER_STEPS); i++, onnx_walk_on (&walk))
        order[i] = (int)walk.index;
    return order ? onnx_picked (r, vector, order, count, name) : -1;
}

bool onnx_settle (struct reader *r, struct value *v)
{
    if (v->kind != VALUE_TENSOR || v->deferred == DEFERRED_NOTHING)
        return true;
    struct value in = *v;
    struct shape shape;
    char other[300]; /* the tensor bears the name already where it was calculated before its order was changed */
    in.shape = v->stored;
    in.deferred = DEFERRED_NOTHING;
    snprintf (other, sizeof other, "%.200s:transpose", v->name);
    const char *name = strcmp (graph_tensor (r->graph, v->tensor).name, v->name) ? v->name : other;
    bool last = v->deferred == DEFERRED_CHANNELS_LAST;
    int id =
        last ? onnx_transposed (r, &in, onnx_channels_last, name, &shape) : onnx_repeated (r, &in, &v->shape, name);
    v->tensor = id;
    v->deferred = DEFERRED_NOTHING;
    return id >= 0;
}
