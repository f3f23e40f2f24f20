/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_softmax.c: softmax and its logarithm, over whatever axes a node names. */
#include "models/onnx_reader.h"

#include <string.h>

/* Softmax, or its logarithm. */
static bool softmax (struct reader *r, bool logarithm)
{
    struct value *x = onnx_input_tensor (r, 0);
    if (!x)
        return false;
    bool flattens = r->opset < 13; /* then over all axes from `axis` on together */
    int rank = x->shape.rank, axis = onnx_axis (r, onnx_attribute_int (r, "axis", flattens ? 1 : -1), rank);
    if (axis < 0)
        return false;
    int perm[RANK_MAX], back[RANK_MAX];
    int until = flattens ? rank : axis + 1; /* axes axis..until-1 become the channels */
    for (int i = 0; i < rank; i++) {
        perm[i] = i < until - axis ? axis + i : i < until ? i - (until - axis) : i;
        back[perm[i]] = i;
    }
    struct value in = *x;
    struct shape back_shape;
    bool moves = onnx_shape_count (&x->shape, 0, axis) != 1;
    if (moves && (in.tensor = onnx_transposed (r, x, perm, "", &in.shape)) < 0)
        return false;
    int first = moves ? 0 : axis;
    int id = onnx_view_before (r, &in, first + until - axis);
    if (id < 0)
        return false;
    id = logarithm ? graph_log_softmax (r->graph, moves ? "" : onnx_output_name (r, 0), id)
                   : graph_softmax (r->graph, moves ? "" : onnx_output_name (r, 0), id);
    if (moves && id >= 0) {
        in.tensor = id;
        id = onnx_transposed (r, &in, back, onnx_output_name (r, 0), &back_shape);
    }
    return onnx_set_tensor (r, 0, id, &x->shape);
}

static bool read_softmax (struct reader *r)
{
    return softmax (r, false);
}

static bool read_log_softmax (struct reader *r)
{
    return softmax (r, true);
}

const struct onnx_operator onnx_softmax_operators[] = {
    { "LogSoftmax", 1, 1, 1, read_log_softmax, "axis:i" },
    { "Softmax", 1, 1, 1, read_softmax, "axis:i" },
    { .name = NULL },
};
