/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_functions.c: operators that are a function of each number and no activation: of a constant calculated now, else
 * the engine's graph_function. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

int onnx_made (struct reader *r, int id)
{
    if (id < 0 && !r->failed)
        onnx_fail (r, "%s", graph_error (r->graph) ? graph_error (r->graph) : "could not be built");
    return id;
}

int onnx_affine (struct reader *r, int tensor, double scale, double shift, const char *name)
{
    if (tensor < 0)
        return onnx_made (r, tensor);
    int channels = graph_tensor (r->graph, tensor).channels;
    float *both[2] = { NULL };
    for (int i = 0; i < 2; i++) {
        if (!(both[i] = onnx_alloc_node (r, (uint64_t)channels, sizeof (float))))
            return -1;
        for (int c = 0; c < channels; c++)
            both[i][c] = (float)(i ? shift : scale);
    }
    return onnx_made (r,
                      graph_affine (r->graph, name, tensor, scale == 1 ? NULL : both[0], shift == 0 ? NULL : both[1]));
}

static bool of_constant (struct reader *r, struct value *v, float (*function) (float))
{
    const float *numbers = onnx_value_floats (r, v);
    float *to = numbers ? onnx_make_constant (r, 0, VALUE_FLOATS, &v->shape) : NULL;
    for (int64_t i = 0; to && i < onnx_shape_total (&v->shape); i++)
        to[i] = function (numbers[i]);
    return to != NULL;
}

static bool of_each (struct reader *r, struct activation function, float (*of_number) (float))
{
    struct value *x = onnx_input_deferred (r, 0);
    if (!x)
        return false;
    if (x->kind != VALUE_TENSOR)
        return of_constant (r, x, of_number);
    return onnx_set_like (r, 0, graph_function (r->graph, onnx_output_name (r, 0), x->tensor, function), x);
}

static float inverse (float x)
{
    return 1 / x;
}

static bool read_abs (struct reader *r)
{
    struct value *x = onnx_input_deferred (r, 0);
    if (x && x->kind != VALUE_TENSOR)
        return onnx_fold_abs (r, x);
    return of_each (r, (struct activation) { ACTIVATION_LEAKY_RELU, -1, 0 }, fabsf);
}

static bool read_exp (struct reader *r)
{
    return of_each (r, (struct activation) { .kind = ACTIVATION_EXP }, expf);
}

/* The logarithm of a softmax, also through changes of shape, is one operation with it, which loses nothing where a
 * probability rounds to 0. */
static bool read_log (struct reader *r)
{
    struct value *x = onnx_input_deferred (r, 0);
    struct tensor_info t = { .operation = "" }, end = t;
    if (x && x->kind == VALUE_TENSOR && !x->deferred)
        t = end = graph_tensor (r->graph, x->tensor);
    while (!strcmp (end.operation, "reshape") && onnx_spend (r, 20))
        end = graph_tensor (r->graph, end.inputs[0]);
    if (strcmp (end.operation, "softmax"))
        return of_each (r, (struct activation) { .kind = ACTIVATION_LOG }, logf);
    int id = graph_log_softmax (r->graph, "", end.inputs[0]);
    return onnx_set_tensor (r, 0, graph_reshape (r->graph, onnx_output_name (r, 0), id, t.channels, t.height, t.width),
                            &x->shape);
}

static bool read_reciprocal (struct reader *r)
{
    return of_each (r, (struct activation) { .kind = ACTIVATION_RECIPROCAL }, inverse);
}

static bool read_sqrt (struct reader *r)
{
    return of_each (r, (struct activation) { .kind = ACTIVATION_SQRT }, sqrtf);
}

/* ---- powers ------------------------------------------------------------------------------------------------------ */

/* x^number for 1, 2, 3 as products; others by logarithms, which need no sign where the exponent is whole. */
static int power_of (struct reader *r, int x, double number, const char *name)
{
    if (number == 2)
        return graph_mul (r->graph, name, x, x);
    if (number == 3)
        return graph_mul (r->graph, name, graph_mul (r->graph, "", x, x), x);
    struct activation how = { .kind = number == 0.5 ? ACTIVATION_SQRT : ACTIVATION_RECIPROCAL };
    if (number != 0.5 && number != -1) {
        bool whole = number == rint (number), odd = whole && fmod (number, 2) != 0;
        how = (struct activation) { ACTIVATION_POWER, (float)number, odd ? -1 : whole ? 1 : NAN };
    }
    return graph_function (r->graph, name, x, how);
}

static bool read_pow (struct reader *r)
{
    struct value *x = onnx_input_deferred (r, 0), *power = x ? onnx_input_value (r, 1) : NULL;
    if (!power)
        return false;
    if (x->kind != VALUE_TENSOR && power->kind != VALUE_TENSOR)
        return onnx_fold_arithmetic (r, '^');
    if (x->kind != VALUE_TENSOR || power->kind == VALUE_TENSOR || onnx_shape_total (&power->shape) != 1)
        return onnx_fail (r, "only one constant power of what depends on the image is supported");
    const float *real = power->kind == VALUE_FLOATS ? onnx_value_floats (r, power) : NULL;
    const int64_t *whole = power->kind == VALUE_INTS ? onnx_value_ints (r, power) : NULL;
    if (!real && !whole)
        return false;
    double number = real ? (double)*real : (double)*whole;
    if (number == 1)
        return onnx_set_alias (r, x, &x->shape);
    if (!isfinite (number) || number == 0 || fabs (number) > 1000)
        return onnx_fail (r, "power %g is not supported", number);
    return onnx_set_like (r, 0, power_of (r, x->tensor, number, onnx_output_name (r, 0)), x);
}

const struct onnx_operator onnx_function_operators[] = {
    { "Abs", 1, 1, 1, read_abs, "" },
    { "Exp", 1, 1, 1, read_exp, "" },
    { "Log", 1, 1, 1, read_log, "" },
    { "Pow", 2, 2, 1, read_pow, "axis:i<7 broadcast:i<7" },
    { "Reciprocal", 1, 1, 1, read_reciprocal, "" },
    { "Sqrt", 1, 1, 1, read_sqrt, "" },
    { .name = NULL },
};
