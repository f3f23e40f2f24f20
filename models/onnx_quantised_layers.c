/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_quantised_layers.c: operators between integers: each is the float operator between the real numbers that its
 * inputs stand for, and what that makes, quantised. Rows of ONNX's own domain and Microsoft's; QGemm may leave floats.
 * */
#include "models/onnx_quantised.h"

#include <stdio.h>
#include <string.h>

/* ---- QLinear... ---------------------------------------------------------------------------------------------- */

/* Where an operator has its inputs: each operand is three, its integers, scale and zero point. */
struct qlinear {
    const char *name, *as;
    int operands, first; /* how many; 0: all that there are, from `first` on */
    int out, bias;       /* scale and zero point of the output; the bias or -1 */
};

static const struct qlinear qlinears[] = {
    { "QGemm", "Gemm", 2, 0, 7, 6 },
    { "QLinearAdd", "Add", 2, 0, 6, -1 },
    { "QLinearAveragePool", "AveragePool", 1, 0, 3, -1 },
    { "QLinearConcat", "Concat", 0, 2, 0, -1 },
    { "QLinearConv", "Conv", 2, 0, 6, 8 },
    { "QLinearGlobalAveragePool", "GlobalAveragePool", 1, 0, 3, -1 },
    { "QLinearLeakyRelu", "LeakyRelu", 1, 0, 3, -1 },
    { "QLinearMatMul", "MatMul", 2, 0, 6, -1 },
    { "QLinearMul", "Mul", 2, 0, 6, -1 },
    { "QLinearReduceMean", "ReduceMean", 1, 0, 3, -1 },
    { "QLinearSigmoid", "Sigmoid", 1, 0, 3, -1 },
    { "QLinearSoftmax", "Softmax", 1, 0, 3, -1 },
};

static const struct qlinear *find_qlinear (const char *name)
{
    const struct qlinear *op = qlinears; /* the rows below have no other names */
    while (strcmp (op->name, name))
        op++;
    return op;
}

/* The axis of several scales of an operand: a convolution's outputs are its weights' first, a product's their last. */
static int64_t scales_axis (struct reader *r, const struct qlinear *op)
{
    if (!strcmp (op->as, "MatMul"))
        return -1;
    return !strcmp (op->as, "Gemm") && !onnx_attribute_int (r, "transB", 0) ? 1 : 0;
}

/* The integers at input `at`, with scale and zero point behind them, as real numbers. */
static bool operand (struct reader *r, const struct qlinear *op, int at, struct value *to,
                     const struct quantisation **q)
{
    struct value *v = onnx_input_value (r, at);
    if (!v)
        return false;
    if (v->kind != VALUE_INTS && !(v->kind == VALUE_TENSOR && v->quant))
        return onnx_fail (r, "input %d, '%.100s', is not made of integers", at, v->name);
    struct quantised_by by = { .scale = at + 1,
                               .zero = at + 2,
                               .type = v->kind == VALUE_INTS ? onnx_integer_type (v) : v->quant->type,
                               .shape = &v->shape,
                               .axis = scales_axis (r, op) };
    *q = onnx_quantisation (r, &by);
    return *q && onnx_dequantised (r, v, *q, to);
}

/* 32-bit integers in steps of the product of both scales. */
static bool bias (struct reader *r, int at, const struct quantisation *x, const struct quantisation *weights,
                  struct value *to)
{
    struct value *v = onnx_input_value (r, at);
    struct quantisation *q = v ? onnx_alloc (r, 1, sizeof *q) : NULL;
    float *scale = q ? onnx_alloc (r, (uint64_t)weights->count, sizeof *scale) : NULL;
    int32_t *zero = scale ? onnx_alloc (r, (uint64_t)weights->count, sizeof *zero) : NULL;
    if (!zero)
        return false;
    if (v->kind != VALUE_INTS || onnx_integer_type (v) != TYPE_INT32)
        return onnx_fail (r, "its bias '%.100s' is no int32 constant", v->name);
    int64_t count = onnx_shape_total (&v->shape);
    if (weights->count > 1 && count != weights->count)
        return onnx_fail (r, "its bias '%.100s' has %lld numbers, its weights %lld scales", v->name, (long long)count,
                          (long long)weights->count);
    for (int64_t i = 0; i < weights->count; i++)
        scale[i] = x->scale[0] * weights->scale[i];
    *q = (struct quantisation) {
        .type = TYPE_INT32, .count = weights->count, .inner = 1, .places = weights->count, .scale = scale, .zero = zero
    };
    return onnx_dequantised (r, v, q, to);
}

static bool read_qlinear (struct reader *r)
{
    const struct qlinear *op = find_qlinear (onnx_current_node (r)->op_type);
    int count = op->operands ? op->operands : (onnx_input_count (r) - op->first) / 3;
    struct value *values = onnx_alloc_node (r, (uint64_t)count + 1, sizeof *values);
    struct value **inputs = onnx_alloc_node (r, (uint64_t)count + 1, sizeof *inputs);
    const struct quantisation *q[2] = { NULL, NULL };
    if (!values || !inputs)
        return false;
    if (onnx_attribute_int (r, "channels_last", 0))
        return onnx_fail (r, "channels_last is not supported");
    if (!op->operands && (count < 1 || op->first + 3 * count != onnx_input_count (r)))
        return onnx_fail (r, "%d inputs: a scale, a zero point, and three for each part are needed",
                          onnx_input_count (r));
    for (int i = 0; i < count; i++) {
        if (!operand (r, op, op->first + 3 * i, inputs[i] = &values[i], &q[i > 0]))
            return false;
    }
    bool biased = op->bias >= 0 && onnx_has_input (r, op->bias);
    if (biased && !bias (r, op->bias, q[0], q[1], inputs[count] = &values[count]))
        return false;
    if (q[0]->count > 1)
        return onnx_fail (r, "'%.100s' has %lld scales; one is supported", values[0].name, (long long)q[0]->count);
    bool floats = !strcmp (op->as, "Gemm") && !onnx_has_input (r, op->out);
    struct quantised_by by = { .scale = op->out, .zero = op->out + 1 };
    const struct quantisation *out = NULL;
    struct shape any = { 0 };
    by.shape = &any; /* one scale is all that an output may have */
    if (!floats && !(out = onnx_quantisation (r, &by)))
        return false;
    int64_t opset = r->opset; /* of the Softmax that it was made from */
    r->opset = onnx_attribute_int (r, "opset", opset);
    char name[300];
    snprintf (name, sizeof name, floats ? "%.280s" : "%.280s:floats", onnx_output_name (r, 0));
    bool good = onnx_read_as (r, op->as, inputs, count + biased, name);
    r->opset = opset;
    if (!good)
        return false;
    const struct value *made = onnx_output_value (r, 0);
    struct value real = made ? *made : (struct value) { .kind = VALUE_UNKNOWN };
    return floats || !made || onnx_set_quantised (r, &real, out);
}

/* ---- ConvInteger, MatMulInteger ------------------------------------------------------------------------------- */

/* The integers at input `at` less the zero points at input `zero`, as numbers of the graph. What has a scale known
 * only while running stays in real numbers: *by is that scale. */
static bool integer_operand (struct reader *r, int at, int zero, int64_t axis, struct value *to,
                             const struct quantisation **by)
{
    static const float one = 1;
    struct value *v = onnx_input_value (r, at), *z = onnx_has_input (r, zero) ? onnx_input_value (r, zero) : NULL;
    if (!v || r->failed)
        return false;
    if (v->kind != VALUE_INTS && !(v->kind == VALUE_TENSOR && v->quant))
        return onnx_fail (r, "input %d, '%.100s', is not made of integers", at, v->name);
    if (v->kind == VALUE_TENSOR && v->quant->by) {
        if (!onnx_check_own_zero (r, v, z))
            return false;
        *by = v->quant->by;
        *to = *v;
        to->quant = NULL;
        return true;
    }
    /* A scale of 1 for every zero point. */
    int64_t count = z ? onnx_shape_total (&z->shape) : 1;
    float *ones = onnx_alloc_node (r, (uint64_t)count, sizeof *ones);
    for (int64_t i = 0; ones && i < count; i++)
        ones[i] = one;
    struct value scales = { .name = "scale", .kind = VALUE_FLOATS, .floats = ones };
    scales.shape = z ? z->shape : (struct shape) { 0 };
    struct quantised_by with = { .scale = 0,
                                 .zero = 1,
                                 .type = v->kind == VALUE_INTS ? onnx_integer_type (v) : v->quant->type,
                                 .shape = &v->shape,
                                 .axis = axis };
    struct value *stand_ins[2] = { &scales, z };
    r->stand_in.inputs = stand_ins;
    r->stand_in.count = 2;
    const struct quantisation *q = ones ? onnx_quantisation (r, &with) : NULL;
    r->stand_in.inputs = NULL;
    return q && onnx_dequantised (r, v, q, to);
}

/* The float operator between integers; its output is integers again. */
static bool between_integers (struct reader *r, const char *as, int64_t axis)
{
    struct value operands[2];
    const struct quantisation *by[2] = { NULL, NULL };
    for (int i = 0; i < 2; i++) {
        if (!integer_operand (r, i, 2 + i, axis, &operands[i], &by[i]))
            return false;
    }
    if (by[1])
        return onnx_fail (r, "'%.100s' must be a constant, but depends on the image", operands[1].name);
    struct quantisation *q = onnx_quantisation_of (r, TYPE_INT32, 1, 0);
    struct value *to = onnx_output_value (r, 0);
    if (!q || !onnx_read_as (r, as, (struct value *[]) { &operands[0], &operands[1] }, 2, onnx_output_name (r, 0)))
        return false;
    if (by[0])
        q->by = by[0];
    if (to)
        to->quant = q;
    return true;
}

static bool read_conv_integer (struct reader *r)
{
    return between_integers (r, "Conv", 0);
}

static bool read_mat_mul_integer (struct reader *r)
{
    return between_integers (r, "MatMul", -1);
}

#define WINDOW "auto_pad:s dilations:I kernel_shape:I pads:I strides:I "

const struct onnx_operator onnx_quantised_operators[] = {
    { "ConvInteger", 2, 4, 10, read_conv_integer, WINDOW "group:i" },
    { "DequantizeLinear", 2, 3, 10, onnx_read_dequantise, "axis:i block_size:i output_dtype:i" },
    { "DynamicQuantizeLinear", 1, 1, 10, onnx_read_dynamic_quantise, "" },
    { "MatMulInteger", 2, 4, 10, read_mat_mul_integer, "" },
    { "QGemm", 6, 9, 1, read_qlinear, "alpha:f transA:i transB:i" },
    { "QLinearAdd", 7, 8, 1, read_qlinear, "" },
    { "QLinearAveragePool", 4, 5, 1, read_qlinear, WINDOW "ceil_mode:i channels_last:i count_include_pad:i" },
    { "QLinearConcat", 5, ONNX_INPUTS_MANY, 1, read_qlinear, "axis:i" },
    { "QLinearConv", 8, 9, 10, read_qlinear, WINDOW "channels_last:i group:i" },
    { "QLinearGlobalAveragePool", 5, 5, 1, read_qlinear, "channels_last:i" },
    { "QLinearLeakyRelu", 4, 5, 1, read_qlinear, "alpha:f" },
    { "QLinearMatMul", 8, 8, 10, read_qlinear, "" },
    { "QLinearMul", 7, 8, 1, read_qlinear, "" },
    { "QLinearReduceMean", 4, 5, 1, read_qlinear, "axes:I keepdims:i" },
    { "QLinearSigmoid", 4, 5, 1, read_qlinear, "" },
    { "QLinearSoftmax", 5, 5, 1, read_qlinear, "axis:i opset:i" },
    { "QuantizeLinear", 2, 3, 10, onnx_read_quantise, "axis:i block_size:i output_dtype:i precision:i saturate:i" },
    { .name = NULL },
};
