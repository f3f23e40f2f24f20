/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_linear.c: fully connected layers: one row times a matrix. */
#include "models/onnx_reader.h"

/* weights [inputs][outputs], or [outputs][inputs] when `outputs_first` -> factor * weights, [outputs][inputs]. */
static const float *linear_weights (struct reader *r, const float *weights, int64_t inputs, int64_t outputs,
                                    bool outputs_first, float factor)
{
    if (outputs_first && factor == 1)
        return weights;
    float *to = onnx_alloc_node (r, (uint64_t)inputs * (uint64_t)outputs, sizeof *to);
    for (int64_t o = 0; to && o < outputs; o++) {
        for (int64_t i = 0; i < inputs; i++)
            to[o * inputs + i] = factor * weights[outputs_first ? o * inputs + i : i * outputs + o];
    }
    return to;
}

/* Input 2 of Gemm times beta for each output, or NULL: none. False after a failure. */
static bool gemm_bias (struct reader *r, int64_t outputs, const float **to)
{
    *to = NULL;
    if (!onnx_has_input (r, 2))
        return true;
    struct value *v = onnx_input_value (r, 2);
    const float *numbers = v ? onnx_value_floats (r, v) : NULL;
    struct shape row = { 2, { 1, outputs } }, both;
    if (!numbers || !onnx_shape_broadcast (r, &v->shape, &row, &both))
        return false;
    if (onnx_shape_total (&both) != outputs) {
        char text[100];
        return onnx_fail (r, "a bias of %s does not fit %lld outputs", onnx_shape_text (&v->shape, text),
                          (long long)outputs);
    }
    float beta = onnx_attribute_float (r, "beta", 1), *bias = onnx_alloc_node (r, (uint64_t)outputs, sizeof *bias);
    for (int64_t o = 0; bias && o < outputs; o++)
        bias[o] = beta * numbers[onnx_broadcast_index (&both, o, &v->shape)];
    *to = bias;
    return bias != NULL;
}

static bool read_gemm (struct reader *r)
{
    struct value *x = onnx_input_tensor (r, 0), *weights = x ? onnx_input_value (r, 1) : NULL;
    if (!weights)
        return false;
    char text[2][100];
    bool across = onnx_attribute_int (r, "transA", 0) != 0, outputs_first = onnx_attribute_int (r, "transB", 0) != 0;
    if (x->shape.rank != 2 || x->shape.dims[across ? 1 : 0] != 1 || weights->shape.rank != 2)
        return onnx_fail (r, "%s times %s: one row times a matrix is supported", onnx_shape_text (&x->shape, text[0]),
                          onnx_shape_text (&weights->shape, text[1]));
    int64_t inputs = x->shape.dims[across ? 0 : 1], outputs = weights->shape.dims[outputs_first ? 0 : 1];
    if (weights->shape.dims[outputs_first ? 1 : 0] != inputs || outputs < 1)
        return onnx_fail (r, "%lld inputs do not fit weights of %s", (long long)inputs,
                          onnx_shape_text (&weights->shape, text[0]));
    const float *numbers = onnx_value_floats (r, weights), *bias;
    if (!numbers || !gemm_bias (r, outputs, &bias))
        return false;
    numbers = linear_weights (r, numbers, inputs, outputs, outputs_first, onnx_attribute_float (r, "alpha", 1));
    int in = numbers ? onnx_view (r, x, inputs, 1, 1) : -1;
    return in >= 0 &&
           onnx_set_tensor (r, 0, graph_linear (r->graph, onnx_output_name (r, 0), in, (int)outputs, numbers, bias),
                            &(struct shape) { 2, { 1, outputs } });
}

/* Many rows: with the inputs as channels that is a 1x1 convolution. weights [outputs][inputs]. */
static bool rows_times_matrix (struct reader *r, const struct value *x, int64_t inputs, int64_t outputs,
                               const float *weights, const struct shape *out)
{
    static const int swap[2] = { 1, 0 };
    int64_t rows = onnx_shape_total (&x->shape) / inputs;
    struct value in = *x;
    struct shape shape;
    in.shape = (struct shape) { 2, { rows, inputs } };
    in.tensor = onnx_transposed (r, &in, swap, "", &shape);
    in.shape = shape;
    int id = in.tensor < 0 ? -1 : onnx_view (r, &in, inputs, rows, 1);
    if (id < 0)
        return false;
    struct conv conv = { .out_channels = (int)outputs, .kernel_h = 1, .kernel_w = 1 };
    in.tensor = graph_conv (r->graph, "", id, &conv, weights, NULL);
    if (in.tensor < 0)
        return onnx_set_tensor (r, 0, -1, out); /* which tells why */
    in.shape = (struct shape) { 2, { outputs, rows } };
    id = onnx_transposed (r, &in, swap, onnx_output_name (r, 0), &shape);
    return id >= 0 && onnx_set_tensor (r, 0, id, out);
}

/* The same of what keeps its channels last: they are first in its tensor already. */
static bool pixels_times_matrix (struct reader *r, const struct value *x, int64_t outputs, const float *weights)
{
    struct value in = *x;
    in.shape = x->stored;
    const int64_t *chw = in.shape.dims + 1;
    int id = onnx_view (r, &in, chw[0], chw[1], chw[2]);
    struct conv conv = { .out_channels = (int)outputs, .kernel_h = 1, .kernel_w = 1 };
    id = graph_conv (r->graph, onnx_output_name (r, 0), id, &conv, weights, NULL);
    bool good = onnx_set_tensor (r, 0, id, &(struct shape) { 4, { 1, outputs, chw[1], chw[2] } });
    if (good)
        onnx_set_channels_last (r, 0);
    return good;
}

/* Two tensors that depend on the image, of which one is a vector: (rows, depth) x (depth, 1), as GCNet weighs the
 * pixels of each channel, or (1, depth) x (depth, columns): numbers multiplied, and summed up over the depth. */
static bool two_tensors (struct reader *r, const struct value *a, const struct value *b)
{
    char text[2][100];
    const struct shape *s = &a->shape, *t = &b->shape;
    bool matrices = s->rank >= 2 && t->rank >= 2;
    int64_t rows = matrices ? s->dims[s->rank - 2] : 0, depth = matrices ? s->dims[s->rank - 1] : 0;
    int64_t columns = matrices ? t->dims[t->rank - 1] : 0;
    if (!matrices || (rows != 1 && columns != 1) || onnx_shape_total (s) != rows * depth ||
        onnx_shape_total (t) != depth * columns || t->dims[t->rank - 2] != depth)
        return onnx_fail (r, "%s times %s: of two tensors one must be one row or one column",
                          onnx_shape_text (s, text[0]), onnx_shape_text (t, text[1]));
    struct value left = *a, right = *b, product, sum = { .name = onnx_output_name (r, 0) };
    bool down = columns != 1, axes[RANK_MAX] = { [1] = down, [3] = !down };
    left.shape = (struct shape) { 4, { 1, down ? depth : rows, 1, down ? 1 : depth } };
    right.shape = (struct shape) { 4, { 1, down ? depth : 1, 1, down ? columns : depth } };
    struct shape out = s->rank >= t->rank ? *s : *t;
    out.dims[out.rank - 2] = rows;
    out.dims[out.rank - 1] = columns;
    return onnx_combine (r, '*', &left, &right, "", &product) && onnx_reduced (r, &product, axes, '+', true, &sum) &&
           onnx_set_tensor (r, 0, sum.tensor, &out);
}

static bool read_mat_mul (struct reader *r)
{
    struct value *x = onnx_input_deferred (r, 0);
    if (x && x->deferred != DEFERRED_CHANNELS_LAST)
        x = onnx_input_tensor (r, 0);
    struct value *weights = x ? onnx_input_value (r, 1) : NULL;
    if (!weights)
        return false;
    if (weights->kind == VALUE_TENSOR)
        return (x = onnx_input_tensor (r, 0)) && two_tensors (r, x, weights);
    char text[2][100];
    const struct shape *a = &x->shape, *b = &weights->shape;
    int64_t inputs = a->rank ? a->dims[a->rank - 1] : 1;
    if (!a->rank || b->rank != 2 || b->dims[0] != inputs || b->dims[1] < 1)
        return onnx_fail (r, "%s times %s: rows times a matrix are supported", onnx_shape_text (a, text[0]),
                          onnx_shape_text (b, text[1]));
    struct shape out = *a;
    out.dims[out.rank - 1] = b->dims[1];
    const float *numbers = onnx_value_floats (r, weights);
    if (numbers)
        numbers = linear_weights (r, numbers, inputs, b->dims[1], false, 1);
    if (numbers && x->deferred)
        return pixels_times_matrix (r, x, b->dims[1], numbers);
    if (numbers && onnx_shape_total (a) != inputs)
        return rows_times_matrix (r, x, inputs, b->dims[1], numbers, &out);
    int in = numbers ? onnx_view (r, x, inputs, 1, 1) : -1;
    return in >= 0 &&
           onnx_set_tensor (r, 0, graph_linear (r->graph, onnx_output_name (r, 0), in, (int)b->dims[1], numbers, NULL),
                            &out);
}

const struct onnx_operator onnx_linear_operators[] = {
    { "Gemm", 2, 3, 1, read_gemm, "alpha:f beta:f broadcast:i<7 transA:i transB:i" },
    { "MatMul", 2, 2, 1, read_mat_mul, "" },
    { .name = NULL },
};
