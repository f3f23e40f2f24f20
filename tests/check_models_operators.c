/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_operators.c: one small ONNX file per operator and attribute, against the operator's definition.
 *
 * Expected numbers are worked out here from what ONNX says of the operator, with pads and output sizes written down by
 * hand: the reader has no part in them. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/onnx.h"
#include "tests/reference.h"

#include <math.h>
#include <string.h>

enum { NUMBERS_MAX = 4096 };

/* ---- one number at a time ------------------------------------------------------------------------------------ */

static double relu (double x)
{
    return x > 0 ? x : 0;
}
static double leaky (double x)
{
    return x < 0 ? 0.01 * x : x;
}
static double leaky_tenth (double x)
{
    return x < 0 ? (double)0.1f * x : x;
}
static double elu_half (double x)
{
    return x < 0 ? 0.5 * (exp (x) - 1) : x;
}
static double selu (double x)
{
    return 1.05070102214813232421875 * (x < 0 ? 1.67326319217681884765625 * (exp (x) - 1) : x);
}
static double gelu (double x)
{
    return x / 2 * (1 + erf (x / sqrt (2)));
}
static double gelu_tanh (double x)
{
    return x / 2 * (1 + tanh (sqrt (2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double hard_sigmoid (double x)
{
    return fmin (fmax (0.2 * x + 0.5, 0), 1);
}
static double hard_sigmoid_other (double x)
{
    return fmin (fmax (0.5 * x + 0.25, 0), 1);
}
static double hard_swish (double x)
{
    return x * fmin (fmax (x / 6 + 0.5, 0), 1);
}
static double mish (double x)
{
    return x * tanh (log1p (exp (x)));
}
static double sigmoid (double x)
{
    return 1 / (1 + exp (-x));
}
static double relu6 (double x)
{
    return fmin (fmax (x, 0), 6);
}
static double clip_half (double x)
{
    return fmin (fmax (x, -0.5), 0.5);
}
static double at_least (double x)
{
    return fmax (x, 0.25);
}
static double at_most (double x)
{
    return fmin (x, 0.25);
}
static double celu_half (double x)
{
    return fmax (0, x) + fmin (0, 0.5 * (exp (x / 0.5) - 1));
}
static double softplus (double x)
{
    return log1p (exp (x));
}
static double softsign (double x)
{
    return x / (1 + fabs (x));
}
static double above_half (double x)
{
    return x > 0.5 ? x : 0;
}
static double square (double x)
{
    return x * x;
}
static double cube (double x)
{
    return x * x * x;
}
static double fourth (double x)
{
    return x * x * x * x;
}
static double inverse_square (double x)
{
    return 1 / (x * x);
}
static double inverse (double x)
{
    return 1 / x;
}
static double quarter_over (double x)
{
    return 0.25 / x;
}
static double same (double x)
{
    return x;
}
static double all_seven (double x)
{
    return 7 + 0 * x;
}

static const struct {
    const char *what;
    int opset;
    const char *operation, *inputs, *attributes;
    double (*function) (double x);
} elementwise[] = {
    { "Relu", 13, "Relu", "x", "", relu },
    { "LeakyRelu", 7, "LeakyRelu", "x", "", leaky },
    { "LeakyRelu alpha", 13, "LeakyRelu", "x", "alpha=0.1f", leaky_tenth },
    { "Elu", 7, "Elu", "x", "alpha=0.5f", elu_half },
    { "Selu", 7, "Selu", "x", "", selu },
    { "Gelu", 20, "Gelu", "x", "", gelu },
    { "Gelu none", 20, "Gelu", "x", "approximate=none", gelu },
    { "Gelu tanh", 20, "Gelu", "x", "approximate=tanh", gelu_tanh },
    { "HardSigmoid", 7, "HardSigmoid", "x", "", hard_sigmoid },
    { "HardSigmoid alpha beta", 22, "HardSigmoid", "x", "alpha=0.5f beta=0.25f", hard_sigmoid_other },
    { "HardSwish", 14, "HardSwish", "x", "", hard_swish },
    { "Mish", 18, "Mish", "x", "", mish },
    { "Sigmoid", 7, "Sigmoid", "x", "", sigmoid },
    { "Tanh", 7, "Tanh", "x", "", tanh },
    { "Clip attributes", 7, "Clip", "x", "min=0f max=6f", relu6 },
    { "Clip none", 7, "Clip", "x", "", same },
    { "Clip inputs", 11, "Clip", "x minus_half half", "", clip_half },
    { "Clip min", 13, "Clip", "x quarter", "", at_least },
    { "Clip max", 13, "Clip", "x - quarter", "", at_most },
    { "Clip min 0", 13, "Clip", "x zero", "", relu },
    { "Clip min above max", 13, "Clip", "x eight seven", "", all_seven },
    { "Max", 13, "Max", "x quarter", "", at_least },
    { "Min", 13, "Min", "quarter x", "", at_most },
    { "Celu", 12, "Celu", "x", "alpha=0.5f", celu_half },
    { "Softplus", 1, "Softplus", "x", "", softplus },
    { "Softsign", 7, "Softsign", "x", "", softsign },
    { "ThresholdedRelu", 10, "ThresholdedRelu", "x", "alpha=0.5f", above_half },
    { "Abs", 13, "Abs", "x", "", fabs },
    { "Exp", 13, "Exp", "x", "", exp },
    { "Pow 1", 13, "Pow", "x one", "", same },
    { "Pow 2", 13, "Pow", "x two", "", square },
    { "Pow 3", 13, "Pow", "x three", "", cube },
    { "Pow 4", 13, "Pow", "x four", "", fourth },
    { "Pow -1", 13, "Pow", "x minus_one", "", inverse },
    { "Pow -2", 13, "Pow", "x minus_two", "", inverse_square },
    { "Reciprocal", 13, "Reciprocal", "x", "", inverse },
    { "Div of a number by x", 13, "Div", "quarter x", "", quarter_over },
    { "Identity", 7, "Identity", "x", "", same },
    { "Dropout", 7, "Dropout", "x", "ratio=0.5f", same },
    { "Dropout inputs", 13, "Dropout", "x half no", "", same },
    { "Cast", 13, "Cast", "x", "to=1", same },
    { "Sum of one", 8, "Sum", "x", "", same },
};

static void check_elementwise (void)
{
    float input[120], expected[120];
    static const char *const shapes[] = { "1 5 4 6", "? 5 4 6", "1 120", "5 4 6", "120" };
    fill (input, 120, 3);
    for (int i = 0; i < 120; i++)
        input[i] *= i % 2 ? 1 : 8;
    for (size_t k = 0; k < sizeof elementwise / sizeof elementwise[0]; k++) {
        struct onnx o = onnx_new (elementwise[k].opset);
        const char *shape = shapes[k % (sizeof shapes / sizeof shapes[0])];
        onnx_input (&o, "x", shape);
        onnx_number (&o, "minus_half", -0.5f);
        onnx_number (&o, "half", 0.5f);
        onnx_number (&o, "quarter", 0.25f);
        onnx_number (&o, "zero", 0);
        onnx_number (&o, "seven", 7);
        onnx_number (&o, "eight", 8);
        onnx_number (&o, "one", 1);
        onnx_number (&o, "two", 2);
        onnx_number (&o, "three", 3);
        onnx_number (&o, "four", 4);
        onnx_number (&o, "minus_one", -1);
        onnx_number (&o, "minus_two", -2);
        struct message no = tensor_message ("no", 9, "", "\0", 1);
        put_message (&o.graph, 5, &no);
        onnx_node (&o, elementwise[k].operation, elementwise[k].inputs, "y", elementwise[k].attributes);
        onnx_output (&o, "y", shape);
        for (int i = 0; i < 120; i++)
            expected[i] = (float)elementwise[k].function ((double)input[i]);
        check_file (elementwise[k].what, &o, input, expected, 120);
    }
}

/* ---- convolution --------------------------------------------------------------------------------------------- */

/* channels, height, width; then the weights' shape; then what the attributes must mean. */
static const struct {
    const char *what, *attributes;
    int c, h, w;
    const char *weight_dims;
    bool bias;
    struct conv conv;
} convolutions[] = {
    { "Conv", "", 3, 6, 7, "4 3 3 3", false, { 4, 3, 3, .groups = 1 } },
    { "Conv bias", "kernel_shape=3,3", 3, 6, 7, "4 3 3 3", true, { 4, 3, 3, .groups = 1 } },
    { "Conv 1x1",
      "kernel_shape=1,1 strides=1,1 pads=0,0,0,0 dilations=1,1 group=1",
      5,
      3,
      4,
      "2 5 1 1",
      true,
      { 2, 1, 1, .groups = 1 } },
    { "Conv unequal", "strides=2,1 pads=0,1,2,3", 2, 7, 5, "3 2 3 2", true, { 3, 3, 2, 2, 1, 1, 1, 0, 1, 2, 3, 1 } },
    { "Conv dilated", "dilations=2,3 pads=2,3,2,3", 2, 9, 9, "3 2 3 3", false, { 3, 3, 3, 1, 1, 2, 3, 2, 3, 2, 3, 1 } },
    { "Conv grouped", "group=2 pads=1,1,1,1", 4, 5, 5, "6 2 3 3", true, { 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2 } },
    { "Conv depthwise",
      "group=4 strides=2,2 pads=1,1,1,1",
      4,
      8,
      8,
      "4 1 3 3",
      false,
      { 4, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 4 } },
    { "Conv depthwise twice", "group=3", 3, 5, 5, "6 1 2 2", false, { 6, 2, 2, .groups = 3 } },
    { "Conv VALID", "auto_pad=VALID strides=2,2", 2, 8, 7, "3 2 3 3", false, { 3, 3, 3, 2, 2, .groups = 1 } },
    { "Conv SAME_UPPER even",
      "auto_pad=SAME_UPPER strides=2,2",
      2,
      8,
      8,
      "3 2 3 3",
      false,
      { 3, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1, 1 } },
    { "Conv SAME_LOWER even",
      "auto_pad=SAME_LOWER strides=2,2",
      2,
      8,
      8,
      "3 2 3 3",
      false,
      { 3, 3, 3, 2, 2, 1, 1, 1, 1, 0, 0, 1 } },
    { "Conv SAME_UPPER odd",
      "auto_pad=SAME_UPPER strides=2,2",
      2,
      7,
      7,
      "3 2 3 3",
      false,
      { 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1 } },
    { "Conv SAME_UPPER dilated",
      "auto_pad=SAME_UPPER dilations=2,2",
      2,
      7,
      6,
      "3 2 3 3",
      false,
      { 3, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1 } },
    { "Conv SAME_UPPER long stride",
      "auto_pad=SAME_UPPER strides=3,3",
      2,
      7,
      9,
      "3 2 2 2",
      false,
      { 3, 2, 2, 3, 3, 1, 1, 0, 0, 1, 0, 1 } },
    { "Conv NOTSET", "auto_pad=NOTSET pads=1,1,1,1", 2, 5, 5, "3 2 3 3", true, { 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 } },
    { "Conv pads beyond kernel", "pads=3,3,3,3", 1, 4, 4, "2 1 2 2", true, { 2, 2, 2, 1, 1, 1, 1, 3, 3, 3, 3, 1 } },
};

static size_t out_size (const struct conv *c, int h, int w, int *oh, int *ow)
{
    int step_h = c->stride_h ? c->stride_h : 1, step_w = c->stride_w ? c->stride_w : 1;
    int dilate_h = c->dilation_h ? c->dilation_h : 1, dilate_w = c->dilation_w ? c->dilation_w : 1;
    *oh = reference_extent (h, c->pad_top, c->pad_bottom, c->kernel_h, dilate_h, step_h, false);
    *ow = reference_extent (w, c->pad_left, c->pad_right, c->kernel_w, dilate_w, step_w, false);
    return (size_t)c->out_channels * (size_t)*oh * (size_t)*ow;
}

static void check_convolutions (void)
{
    float input[NUMBERS_MAX], weights[NUMBERS_MAX], bias[16], expected[NUMBERS_MAX];
    double wide[NUMBERS_MAX], result[NUMBERS_MAX];
    fill (input, NUMBERS_MAX, 4);
    fill (weights, NUMBERS_MAX, 5);
    fill (bias, 16, 6);
    for (int i = 0; i < NUMBERS_MAX; i++)
        wide[i] = (double)input[i];
    for (size_t k = 0; k < sizeof convolutions / sizeof convolutions[0]; k++) {
        char shape[64];
        int oh, ow;
        const struct conv *conv = &convolutions[k].conv;
        size_t count = out_size (conv, convolutions[k].h, convolutions[k].w, &oh, &ow);
        struct onnx o = onnx_new (11);
        snprintf (shape, sizeof shape, "1 %d %d %d", convolutions[k].c, convolutions[k].h, convolutions[k].w);
        onnx_input (&o, "x", shape);
        onnx_floats (&o, "w", convolutions[k].weight_dims, weights);
        snprintf (shape, sizeof shape, "%d", conv->out_channels);
        onnx_floats (&o, "b", shape, bias);
        onnx_node (&o, "Conv", convolutions[k].bias ? "x w b" : "x w", "y", convolutions[k].attributes);
        onnx_output (&o, "y", "1 1 1 1");
        reference_conv (conv, convolutions[k].c, convolutions[k].h, convolutions[k].w, wide, NULL, weights,
                        convolutions[k].bias ? bias : NULL, result, NULL);
        for (size_t i = 0; i < count; i++)
            expected[i] = (float)result[i];
        check_file (convolutions[k].what, &o, input, expected, count);
    }
}

/* ---- pooling ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *what, *operation, *attributes;
    int h, w;
    struct pool pool;
} pools[] = {
    { "MaxPool", "MaxPool", "kernel_shape=2,3", 5, 6, { POOL_MAX, 2, 3 } },
    { "MaxPool stem",
      "MaxPool",
      "kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
      8,
      8,
      { POOL_MAX, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, false, false } },
    { "MaxPool ceil",
      "MaxPool",
      "kernel_shape=3,3 strides=2,2 ceil_mode=1",
      8,
      6,
      { POOL_MAX, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0, true, false } },
    { "MaxPool dilated",
      "MaxPool",
      "kernel_shape=2,2 dilations=2,3 storage_order=0",
      7,
      7,
      { POOL_MAX, 2, 2, 1, 1, 2, 3, 0, 0, 0, 0, false, false } },
    { "MaxPool SAME_UPPER",
      "MaxPool",
      "kernel_shape=2,2 strides=1,1 auto_pad=SAME_UPPER",
      5,
      5,
      { POOL_MAX, 2, 2, 1, 1, 1, 1, 0, 0, 1, 1, false, false } },
    { "MaxPool SAME_LOWER",
      "MaxPool",
      "kernel_shape=2,2 strides=1,1 auto_pad=SAME_LOWER",
      5,
      5,
      { POOL_MAX, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0, false, false } },
    { "AveragePool", "AveragePool", "kernel_shape=2,2 strides=2,2", 6, 6, { POOL_AVERAGE, 2, 2, 2, 2 } },
    { "AveragePool pads",
      "AveragePool",
      "kernel_shape=3,3 pads=1,1,1,1",
      5,
      4,
      { POOL_AVERAGE, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, false } },
    { "AveragePool counted pads",
      "AveragePool",
      "kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1",
      5,
      4,
      { POOL_AVERAGE, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, false, true } },
    { "AveragePool ceil",
      "AveragePool",
      "kernel_shape=3,3 strides=2,2 ceil_mode=1",
      6,
      8,
      { POOL_AVERAGE, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0, true, false } },
    { "AveragePool ceil counted",
      "AveragePool",
      "kernel_shape=3,3 strides=2,2 pads=1,1,1,1 ceil_mode=1 count_include_pad=1",
      6,
      8,
      { POOL_AVERAGE, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, true, true } },
    { "AveragePool VALID", "AveragePool", "kernel_shape=3,2 auto_pad=VALID", 5, 5, { POOL_AVERAGE, 3, 2 } },
};

static void check_pools (void)
{
    enum { CHANNELS = 3 };
    float input[CHANNELS * 64], expected[CHANNELS * 64];
    double wide[CHANNELS * 64], result[CHANNELS * 64];
    fill (input, CHANNELS * 64, 7);
    for (int i = 0; i < CHANNELS * 64; i++)
        wide[i] = (double)input[i];
    for (size_t k = 0; k < sizeof pools / sizeof pools[0]; k++) {
        struct pool p = pools[k].pool;
        p.stride_h = p.stride_h ? p.stride_h : 1;
        p.stride_w = p.stride_w ? p.stride_w : 1;
        p.dilation_h = p.dilation_h ? p.dilation_h : 1;
        p.dilation_w = p.dilation_w ? p.dilation_w : 1;
        int oh =
            reference_extent (pools[k].h, p.pad_top, p.pad_bottom, p.kernel_h, p.dilation_h, p.stride_h, p.ceil_mode);
        int ow =
            reference_extent (pools[k].w, p.pad_left, p.pad_right, p.kernel_w, p.dilation_w, p.stride_w, p.ceil_mode);
        char shape[64];
        struct onnx o = onnx_new (11);
        snprintf (shape, sizeof shape, "1 %d %d %d", CHANNELS, pools[k].h, pools[k].w);
        onnx_input (&o, "x", shape);
        onnx_node (&o, pools[k].operation, "x", "y", pools[k].attributes);
        onnx_output (&o, "y", "1 1 1 1");
        reference_pool (&p, CHANNELS, pools[k].h, pools[k].w, wide, result);
        size_t count = (size_t)(CHANNELS * oh * ow);
        for (size_t i = 0; i < count; i++)
            expected[i] = (float)result[i];
        check_file (pools[k].what, &o, input, expected, count);
    }
}

/* Reductions of 3 x 4 x 5 numbers: how many leading numbers share one result, by operator and axes. */
static void check_reductions (void)
{
    static const struct {
        const char *what;
        int opset;
        const char *operation, *inputs, *attributes;
        bool largest;
        int outer, middle, inner; /* over the middle one of three axes of this length */
    } cases[] = {
        { "GlobalAveragePool", 7, "GlobalAveragePool", "x", "", false, 3, 20, 1 },
        { "GlobalMaxPool", 7, "GlobalMaxPool", "x", "", true, 3, 20, 1 },
        { "ReduceMean rows and columns", 13, "ReduceMean", "x", "axes=2,3", false, 3, 20, 1 },
        { "ReduceMean without dims", 13, "ReduceMean", "x", "axes=-2,-1 keepdims=0", false, 3, 20, 1 },
        { "ReduceMean columns", 11, "ReduceMean", "x", "axes=3,", false, 12, 5, 1 },
        { "ReduceMean rows", 11, "ReduceMean", "x", "axes=2, keepdims=0", false, 3, 4, 5 },
        { "ReduceMean channels", 11, "ReduceMean", "x", "axes=1,", false, 1, 3, 20 },
        { "ReduceMean all", 13, "ReduceMean", "x", "", false, 1, 60, 1 },
        { "ReduceMean axes as input", 18, "ReduceMean", "x two_three", "keepdims=0", false, 3, 20, 1 },
        { "ReduceMean nothing", 18, "ReduceMean", "x", "noop_with_empty_axes=1", false, 60, 1, 1 },
        { "ReduceMax", 13, "ReduceMax", "x", "axes=2,3", true, 3, 20, 1 },
    };
    float input[60], expected[60];
    fill (input, 60, 8);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct onnx o = onnx_new (cases[k].opset);
        onnx_input (&o, "x", "1 3 4 5");
        onnx_ints (&o, "two_three", "2 3");
        onnx_node (&o, cases[k].operation, cases[k].inputs, "y", cases[k].attributes);
        onnx_output (&o, "y", "1 3 1 1");
        for (int i = 0; i < cases[k].outer * cases[k].inner; i++) {
            const float *from = input + i / cases[k].inner * cases[k].middle * cases[k].inner + i % cases[k].inner;
            double sum = 0, most = -INFINITY;
            for (int m = 0; m < cases[k].middle; m++) {
                sum += (double)from[m * cases[k].inner];
                most = fmax (most, (double)from[m * cases[k].inner]);
            }
            expected[i] = (float)(cases[k].largest ? most : sum / cases[k].middle);
        }
        check_file (cases[k].what, &o, input, expected, (size_t)(cases[k].outer * cases[k].inner));
    }
}

/* Reduced axes stay, with length 1, unless the node says otherwise: what reads the result as an image tells. */
static void check_kept_axes (void)
{
    for (int kept = 0; kept < 2; kept++) {
        struct error error = { "" };
        struct onnx o = onnx_new (13);
        const char *path = scratch_path ("kept.onnx");
        onnx_input (&o, "x", "1 3 4 5");
        onnx_node (&o, "ReduceMean", "x", "mean", kept ? "axes=2,3" : "axes=2,3 keepdims=0");
        onnx_node (&o, "GlobalAveragePool", "mean", "y", "");
        onnx_output (&o, "y", "1 3 1 1");
        struct model *model = load_onnx (path, &o, &error);
        CHECK ((model != NULL) == kept, "keepdims %d: %s", kept, error.text);
        CHECK (kept || strstr (error.text, "is not one image"), "keepdims 0: %s", error.text);
        model_unref (model);
    }
}

/* ---- normalisation and fully connected ----------------------------------------------------------------------- */

static void check_batch_norm (void)
{
    const float scale[3] = { 1, -2, 0.5f }, shift[3] = { 0, 1, -1 }, mean[3] = { 0.1f, 0, -0.3f };
    const float variance[3] = { 1, 0.25f, 4 };
    static const char *const attributes[] = { "", "epsilon=0.1f momentum=0.9f" };
    float input[60], expected[60];
    fill (input, 60, 9);
    for (int k = 0; k < 2; k++) {
        struct onnx o = onnx_new (k ? 15 : 7);
        onnx_input (&o, "x", "1 3 4 5");
        onnx_floats (&o, "scale", "3", scale);
        onnx_floats (&o, "shift", "3", shift);
        onnx_floats (&o, "mean", "3", mean);
        onnx_floats (&o, "variance", "3", variance);
        onnx_node (&o, "BatchNormalization", "x scale shift mean variance", "y", attributes[k]);
        onnx_output (&o, "y", "1 3 4 5");
        for (int i = 0; i < 60; i++) {
            int c = i / 20;
            double spread = sqrt ((double)variance[c] + (k ? (double)0.1f : (double)1e-5f));
            expected[i] = (float)(((double)input[i] - (double)mean[c]) / spread * (double)scale[c] + (double)shift[c]);
        }
        check_file (k ? "BatchNormalization epsilon" : "BatchNormalization", &o, input, expected, 60);
    }
}

static void check_linear (void)
{
    static const struct {
        const char *what, *in_dims, *operation, *inputs, *attributes;
        bool outputs_first, bias;
        double alpha, beta;
    } cases[] = {
        { "Gemm", "1 6", "Gemm", "x w c", "", false, true, 1, 1 },
        { "Gemm transB", "1 6", "Gemm", "x wt c", "transB=1", true, true, 1, 1 },
        { "Gemm factors", "1 6", "Gemm", "x wt c", "transB=1 alpha=0.5f beta=2f", true, true, 0.5, 2 },
        { "Gemm row of bias", "1 6", "Gemm", "x w c_row", "", false, true, 1, 1 },
        { "Gemm transA", "6 1", "Gemm", "x_column w c", "transA=1", false, true, 1, 1 },
        { "Gemm without bias", "1 6", "Gemm", "x w", "", false, false, 1, 1 },
        { "MatMul", "1 6", "MatMul", "x w", "", false, false, 1, 1 },
        { "MatMul of a vector", "6", "MatMul", "x w", "", false, false, 1, 1 },
    };
    float input[6], weights[24], bias[4], turned[24], expected[4];
    fill (input, 6, 10);
    fill (weights, 24, 11);
    fill (bias, 4, 12);
    for (int i = 0; i < 24; i++)
        turned[i % 4 * 6 + i / 4] = weights[i];
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct onnx o = onnx_new (13);
        bool column = !strcmp (cases[k].in_dims, "6 1");
        onnx_input (&o, "x", column ? "1 6" : cases[k].in_dims);
        onnx_ints (&o, "as_column", "6 1");
        onnx_node (&o, "Reshape", "x as_column", "x_column", "");
        onnx_floats (&o, "w", "6 4", weights);
        onnx_floats (&o, "wt", "4 6", turned);
        onnx_floats (&o, "c", "4", bias);
        onnx_floats (&o, "c_row", "1 4", bias);
        onnx_node (&o, cases[k].operation, cases[k].inputs, "y", cases[k].attributes);
        onnx_output (&o, "y", "1 4");
        for (int j = 0; j < 4; j++) {
            double sum = cases[k].bias ? cases[k].beta * (double)bias[j] : 0;
            for (int i = 0; i < 6; i++)
                sum += cases[k].alpha * (double)input[i] * (double)weights[i * 4 + j];
            expected[j] = (float)sum;
        }
        check_file (cases[k].what, &o, input, expected, 4);
    }
}

/* exp (x) over the sum of a group: numbers i with the same (i / (middle * inner), i % inner). */
static void check_softmax (void)
{
    static const struct {
        const char *what, *dims;
        int opset;
        const char *attributes;
        int middle, inner;
    } cases[] = {
        { "Softmax vector", "1 60", 7, "", 60, 1 },
        { "Softmax vector last axis", "1 60", 13, "", 60, 1 },
        { "Softmax channels", "1 3 4 5", 13, "axis=1", 3, 20 },
        { "Softmax flattened", "1 3 4 5", 11, "", 60, 1 },
        { "Softmax flattened, the last such opset", "1 3 4 5", 12, "", 60, 1 },
        { "Softmax rows", "1 3 4 5", 13, "axis=-2", 4, 5 },
        { "Softmax columns", "1 3 4 5", 13, "", 5, 1 },
        { "Softmax flattened from 2", "1 3 4 5", 11, "axis=2", 20, 1 },
    };
    float input[60], expected[60];
    fill (input, 60, 13);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct onnx o = onnx_new (cases[k].opset);
        int middle = cases[k].middle, inner = cases[k].inner;
        onnx_input (&o, "x", cases[k].dims);
        onnx_node (&o, "Softmax", "x", "y", cases[k].attributes);
        onnx_output (&o, "y", cases[k].dims);
        for (int i = 0; i < 60; i++) {
            double sum = 0;
            for (int m = 0; m < middle; m++)
                sum += exp ((double)input[i / (middle * inner) * (middle * inner) + m * inner + i % inner]);
            expected[i] = (float)(exp ((double)input[i]) / sum);
        }
        check_file (cases[k].what, &o, input, expected, 60);
    }
}

void check_operators (void)
{
    check_group ("operators");
    check_elementwise ();
    check_convolutions ();
    check_pools ();
    check_reductions ();
    check_kept_axes ();
    check_batch_norm ();
    check_linear ();
    check_softmax ();
}
