/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_concat.c: constants and tensors joined along an axis. */
#include "models/onnx_reader.h"

/* The channels of parts that were joined along channels, each of which has its entries of the axis for one place of the
 * axes before it after those for another, in the order of the whole. sizes [count]: of the axis. */
static int *interleaved (struct reader *r, const int64_t *sizes, int count, int64_t outer, int64_t joined)
{
    int *order = onnx_order (r, outer * joined);
    int64_t base = 0, done = 0;
    for (int i = 0; order && i < count; i++) {
        for (int64_t o = 0; o < outer && !r->failed; o++) {
            for (int64_t k = 0; onnx_goes_on (r, k, sizes[i], ORDER_STEPS); k++)
                order[o * joined + done + k] = (int)(base + o * sizes[i] + k);
        }
        done += sizes[i];
        base += outer * sizes[i];
    }
    return order;
}

/* Joined along the first axis that is not 1, tensors lie one after the other: that is along channels. Along a later one
 * they are joined with the axes up to it as channels, which then change their order. */
static bool concat_tensors (struct reader *r, int count, int axis)
{
    struct value *first = onnx_input_tensor (r, 0);
    struct shape out;
    int *ids = first ? onnx_alloc_node (r, (uint64_t)count, sizeof *ids) : NULL;
    int64_t *sizes = ids ? onnx_alloc_node (r, (uint64_t)count, sizeof *sizes) : NULL, joined = 0;
    if (!sizes)
        return false;
    struct tensor_info t = graph_tensor (r->graph, first->tensor);
    int64_t outer = onnx_shape_count (&first->shape, 0, axis);
    int64_t inner = onnx_shape_count (&first->shape, axis + 1, first->shape.rank);
    bool image = (int64_t)t.height * t.width == inner; /* as it is wherever channels are joined */
    for (int i = 0; i < count; i++) {
        struct value *v = onnx_input_tensor (r, i);
        if (!v)
            return false;
        char text[2][100];
        if (!onnx_shape_joins (&first->shape, &v->shape, axis))
            return onnx_fail (r, "%s and %s cannot be joined along axis %d", onnx_shape_text (&first->shape, text[0]),
                              onnx_shape_text (&v->shape, text[1]), axis);
        sizes[i] = v->shape.dims[axis];
        ids[i] = onnx_view (r, v, outer * sizes[i], image ? t.height : inner, image ? t.width : 1);
        if (ids[i] < 0)
            return false;
        joined += sizes[i];
    }
    if (!onnx_shape_with (r, &first->shape, axis, joined, &out))
        return false;
    if (outer == 1)
        return onnx_set_tensor (r, 0, graph_concat (r->graph, onnx_output_name (r, 0), ids, count), &out);
    int id = graph_concat (r->graph, "", ids, count);
    int *order = interleaved (r, sizes, count, outer, joined);
    if (!order || id < 0)
        return order && onnx_set_tensor (r, 0, id, &out); /* which tells why */
    id = onnx_picked (r, id, order, outer * joined, onnx_output_name (r, 0));
    return id >= 0 && onnx_set_tensor (r, 0, id, &out);
}

static bool read_concat (struct reader *r)
{
    int count = onnx_input_count (r);
    const struct value *first = onnx_input_value (r, 0);
    int axis = first ? onnx_axis (r, onnx_attribute_int (r, "axis", 1), first->shape.rank) : -1;
    if (axis < 0)
        return false;
    return first->kind == VALUE_TENSOR ? concat_tensors (r, count, axis) : onnx_fold_concat (r, count, axis);
}

const struct onnx_operator onnx_concat_operators[] = {
    { "Concat", 1, ONNX_INPUTS_MANY, 1, read_concat, "axis:i" },
    { .name = NULL },
};
