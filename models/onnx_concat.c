/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_concat.c: constants and tensors joined along an axis. */
#include "models/onnx_reader.h"

/* Joined along the first axis that is not 1, tensors lie one after the other: that is along channels. */
static bool concat_tensors (struct reader *r, int count, int axis)
{
    struct value *first = onnx_input_tensor (r, 0);
    struct shape out = { 0 };
    int *ids = first ? onnx_alloc_node (r, (uint64_t)count, sizeof *ids) : NULL;
    int64_t joined = 0, inner = 1;
    struct tensor_info t = first ? graph_tensor (r->graph, first->tensor) : (struct tensor_info) { 0 };
    for (int i = 0; ids && i < count; i++) {
        struct value *v = onnx_input_tensor (r, i);
        if (!v)
            return false;
        struct shape rest = v->shape;
        char text[2][100];
        if (rest.rank == first->shape.rank)
            rest.dims[axis] = first->shape.dims[axis];
        if (!onnx_shape_equal (&rest, &first->shape) || onnx_shape_count (&rest, 0, axis) != 1)
            return onnx_fail (r, "joining %s and %s along axis %d is not supported",
                              onnx_shape_text (&first->shape, text[0]), onnx_shape_text (&v->shape, text[1]), axis);
        inner = onnx_shape_count (&rest, axis + 1, rest.rank);
        bool image = (int64_t)t.height * t.width == inner; /* as it is wherever channels are joined */
        ids[i] = onnx_view (r, v, v->shape.dims[axis], image ? t.height : inner, image ? t.width : 1);
        if (ids[i] < 0)
            return false;
        joined += v->shape.dims[axis];
    }
    for (int i = 0; ids && i < first->shape.rank; i++) {
        if (!onnx_shape_add (r, &out, i == axis ? joined : first->shape.dims[i]))
            return false;
    }
    return ids && onnx_set_tensor (r, 0, graph_concat (r->graph, onnx_output_name (r, 0), ids, count), &out);
}

static bool read_concat (struct reader *r)
{
    int count = (int)onnx_current_node (r)->n_input;
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
