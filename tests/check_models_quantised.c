/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_quantised.c: quantised ONNX files against integers calculated here from what ONNX says of each operator:
 *
 *   QuantizeLinear   q = saturate (round (x / scale) + zero), halves to even
 *   DequantizeLinear x = (q - zero) scale
 *
 * Sums are 64-bit integers; what a sum is in steps of the output is worked out in single precision, as ONNX Runtime
 * does. Every network is written twice, as pairs of the two around float operators (QDQ) and as operators between
 * integers. */
#include "tests/check_models_quantised.h"

#include "models/precision.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int lowest (int type)
{
    return type == UINT8 ? 0 : -128;
}

static int saturate (double number, int type)
{
    return (int)fmin (fmax (number, lowest (type)), lowest (type) + 255);
}

int quantise (float x, const struct scheme *s)
{
    return saturate (rint ((double)(x / s->scale)) + s->zero, s->type);
}

double real (int q, const struct scheme *s)
{
    return (double)(q - s->zero) * (double)s->scale;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

void write_integers (struct onnx *o, const char *name, int type, const char *dims, const int *numbers, size_t count)
{
    int8_t bytes[NUMBERS_MAX];
    for (size_t i = 0; i < count; i++)
        bytes[i] = (int8_t)numbers[i];
    bool wide = type == INT32;
    struct message m =
        tensor_message (name, type, dims, wide ? (const void *)numbers : bytes, wide ? count * sizeof *numbers : count);
    put_message (&o->graph, 5, &m);
}

void write_scheme (struct onnx *o, const char *name, const struct scheme *s)
{
    char text[64];
    snprintf (text, sizeof text, "%s_s", name);
    onnx_number (o, text, s->scale);
    snprintf (text, sizeof text, "%s_z", name);
    write_integers (o, text, s->type, "", &s->zero, 1);
}

void check_numbers (const char *what, struct onnx *o, const float *input, const float *expected, size_t count,
                    double slack)
{
    struct error error = { "" };
    const char *path = scratch_path ("quantised.onnx");
    struct model *model = load_onnx (path, o, &error);
    float most = 1;
    for (size_t i = 0; i < count; i++)
        most = fmaxf (most, fabsf (expected[i]));
    if (CHECK (model != NULL, "%s: %s", what, error.text))
        check_scores (what, model, input, expected, count, 2e-6 + slack / (double)most);
    model_unref (model);
}

/* ---- convolutions and products -------------------------------------------------------------------------------- */

enum { HIGH = 6, WIDE = 5 };

/* A 3x3 convolution with zeros round it, or a product of a vector and a matrix (kernel 1, one pixel). */
struct layer {
    struct scheme x, y, w[16]; /* w: [outputs] when per_channel, else [1] */
    int channels, outputs, groups, kernel, high, wide, weight_type;
    bool per_channel, biased, relu;
    int weights[NUMBERS_MAX], bias[16]; /* [outputs][channels / groups][kernel][kernel] */
    float input[NUMBERS_MAX];
};

static unsigned next_random (unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int between (unsigned *state, int low, int high)
{
    return low + (int)(next_random (state) % (unsigned)(high - low + 1));
}

static struct layer random_layer (unsigned seed, bool product)
{
    unsigned state = seed * 2654435761u + 1;
    struct layer l = { .kernel = product ? 1 : 3, .high = product ? 1 : HIGH, .wide = product ? 1 : WIDE, .groups = 1 };
    l.channels = product ? 40 : between (&state, 1, 5);
    l.outputs = between (&state, 2, 16);
    if (!product && seed % 5 == 4)
        l.groups = l.outputs = l.channels;
    l.weight_type = seed % 2 ? INT8 : UINT8;
    l.per_channel = seed % 3 != 0;
    l.biased = seed % 4 != 1;
    l.relu = seed % 7 == 3;
    l.x = (struct scheme) { seed & 4 ? INT8 : UINT8, 0, 0.003f + 0.0001f * (float)between (&state, 0, 100) };
    l.x.zero = lowest (l.x.type) + between (&state, 0, 255);
    for (int o = 0; o < (l.per_channel ? l.outputs : 1); o++) {
        l.w[o] = (struct scheme) { l.weight_type, 0, 0.001f + 0.0001f * (float)between (&state, 0, 90) };
        l.w[o].zero = l.weight_type == UINT8 ? between (&state, 100, 150) : 0;
    }
    l.y = (struct scheme) { seed & 8 ? UINT8 : INT8, 0, 0.01f * (float)between (&state, 1, 9) };
    /* Every third range begins at 0: a ReLU that a tool has deleted. */
    l.y.zero = seed % 3 == 2 ? lowest (l.y.type) : lowest (l.y.type) + between (&state, 60, 200);
    for (int i = 0; i < l.outputs * l.channels / l.groups * l.kernel * l.kernel; i++)
        l.weights[i] = lowest (l.weight_type) + between (&state, 0, 255);
    for (int o = 0; o < l.outputs; o++)
        l.bias[o] = between (&state, -9000, 9000);
    for (int i = 0; i < l.channels * l.high * l.wide; i++)
        l.input[i] = 0.005f * (float)between (&state, -300, 300); /* more than the range holds */
    return l;
}

static const struct scheme *weight_scheme (const struct layer *l, int output)
{
    return &l->w[l->per_channel ? output : 0];
}

static int64_t sum_at (const struct layer *l, const int *q, int o, int y, int x)
{
    int count = l->channels / l->groups, first = o / (l->outputs / l->groups) * count, pad = l->kernel / 2;
    int64_t sum = l->biased ? l->bias[o] : 0;
    for (int c = 0; c < count; c++) {
        for (int k = 0; k < l->kernel * l->kernel; k++) {
            int row = y + k / l->kernel - pad, column = x + k % l->kernel - pad;
            if (row < 0 || row >= l->high || column < 0 || column >= l->wide)
                continue;
            int w = l->weights[(o * count + c) * l->kernel * l->kernel + k] - weight_scheme (l, o)->zero;
            sum += (int64_t)(q[((first + c) * l->high + row) * l->wide + column] - l->x.zero) * w;
        }
    }
    return sum;
}

static size_t layer_numbers (const struct layer *l, float *to)
{
    int q[NUMBERS_MAX];
    size_t count = 0;
    for (int i = 0; i < l->channels * l->high * l->wide; i++)
        q[i] = quantise (l->input[i], &l->x);
    for (int o = 0; o < l->outputs; o++) {
        float unit = l->x.scale * weight_scheme (l, o)->scale;
        for (int i = 0; i < l->high * l->wide; i++) {
            float sum = (float)sum_at (l, q, o, i / l->wide, i % l->wide);
            sum = l->relu && sum < 0 ? 0 : sum;
            to[count++] =
                (float)real (saturate (rint ((double)(sum * (unit / l->y.scale))) + l->y.zero, l->y.type), &l->y);
        }
    }
    return count;
}

/* The weights under the name "w", with "w_s" and "w_z"; those of a product as [channels][outputs]. */
static void write_weights (struct onnx *o, const struct layer *l, bool product)
{
    char dims[64];
    int per = l->channels / l->groups * l->kernel * l->kernel, moved[NUMBERS_MAX], zeros[16];
    float scales[16];
    for (int i = 0; i < l->outputs * per; i++)
        moved[product ? i % per * l->outputs + i / per : i] = l->weights[i];
    for (int i = 0; i < l->outputs; i++) {
        scales[i] = weight_scheme (l, i)->scale;
        zeros[i] = weight_scheme (l, i)->zero;
    }
    if (product)
        snprintf (dims, sizeof dims, "%d %d", l->channels, l->outputs);
    else
        snprintf (dims, sizeof dims, "%d %d %d %d", l->outputs, l->channels / l->groups, l->kernel, l->kernel);
    write_integers (o, "w", l->weight_type, dims, moved, (size_t)(l->outputs * per));
    snprintf (dims, sizeof dims, "%d", l->outputs);
    onnx_floats (o, "w_s", l->per_channel ? dims : "", scales);
    write_integers (o, "w_z", l->weight_type, l->per_channel ? dims : "", zeros,
                    l->per_channel ? (size_t)l->outputs : 1);
    for (int i = 0; i < l->outputs; i++)
        scales[i] *= l->x.scale;
    onnx_floats (o, "b_s", l->per_channel ? dims : "", scales);
    write_integers (o, "b", INT32, dims, l->bias, (size_t)l->outputs);
}

static void write_layer (struct onnx *o, const struct layer *l, bool integers, bool product)
{
    char dims[64], attributes[64], axis[16];
    if (product)
        snprintf (dims, sizeof dims, "1 %d", l->channels);
    else
        snprintf (dims, sizeof dims, "1 %d %d %d", l->channels, l->high, l->wide);
    onnx_input (o, "x", dims);
    write_scheme (o, "x", &l->x);
    write_scheme (o, "y", &l->y);
    write_weights (o, l, product);
    snprintf (attributes, sizeof attributes, "pads=1,1,1,1 group=%d", l->groups);
    if (product)
        attributes[0] = '\0';
    snprintf (axis, sizeof axis, "axis=%d", product);
    onnx_node (o, "QuantizeLinear", "x x_s x_z", "xq", NULL);
    if (integers) {
        const char *inputs = "xq x_s x_z w w_s w_z y_s y_z";
        if (product && l->biased) { /* QGemm has its bias before the output's scale */
            o->domain = "com.microsoft";
            onnx_node (o, "QGemm", "xq x_s x_z w w_s w_z b y_s y_z", "yq", NULL);
            o->domain = NULL;
        } else {
            char all[64];
            snprintf (all, sizeof all, "%s%s", inputs, l->biased ? " b" : "");
            onnx_node (o, product ? "QLinearMatMul" : "QLinearConv", all, "yq", attributes);
        }
    } else {
        onnx_node (o, "DequantizeLinear", "xq x_s x_z", "xf", NULL);
        onnx_node (o, "DequantizeLinear", "w w_s w_z", "wf", axis);
        onnx_node (o, "DequantizeLinear", "b b_s", "bf", "axis=0");
        onnx_node (o, product ? (l->biased ? "Gemm" : "MatMul") : "Conv", l->biased ? "xf wf bf" : "xf wf",
                   l->relu ? "sums" : "yf", attributes);
        if (l->relu)
            onnx_node (o, "Relu", "sums", "yf", NULL);
        onnx_node (o, "QuantizeLinear", "yf y_s y_z", "yq", NULL);
    }
    onnx_node (o, "DequantizeLinear", "yq y_s y_z", "y", NULL);
    snprintf (dims, sizeof dims, product ? "1 %d" : "1 %d 6 5", l->outputs);
    onnx_output (o, "y", dims);
}

static void check_layers (bool product)
{
    for (unsigned seed = 0; seed < 60; seed++) {
        for (int integers = 0; integers < 2; integers++) {
            struct layer l = random_layer (seed, product);
            float expected[NUMBERS_MAX];
            char what[64];
            l.relu = l.relu && !integers;
            size_t count = layer_numbers (&l, expected);
            struct onnx o = onnx_new (13);
            write_layer (&o, &l, integers, product);
            snprintf (what, sizeof what, "%s %u %s", product ? "product" : "convolution", seed,
                      integers ? "QLinear" : "QDQ");
            check_numbers (what, &o, l.input, expected, count, 0);
        }
    }
}

/* ---- one or two numbers at a time ------------------------------------------------------------------------------ */

static double add (double a, double b)
{
    return a + b;
}
static double multiply (double a, double b)
{
    return a * b;
}
static double leaky (double a, double b)
{
    (void)b;
    return a < 0 ? (double)0.125f * a : a;
}
static double sigmoid (double a, double b)
{
    (void)b;
    return 1 / (1 + exp (-a));
}

static const struct {
    const char *integers, *floats, *attributes;
    int operands;
    double (*function) (double a, double b);
} elementwise[] = {
    { "QLinearAdd", "Add", "", 2, add },
    { "QLinearMul", "Mul", "", 2, multiply },
    { "QLinearLeakyRelu", "LeakyRelu", "alpha=0.125f", 1, leaky },
    { "QLinearSigmoid", "Sigmoid", "", 1, sigmoid },
};

/* x by scheme a and by scheme b; halves of a step of the output may go either way: `slack` steps. */
static void check_elementwise (size_t n, bool integers, unsigned seed)
{
    unsigned state = seed + 77;
    struct scheme a = { UINT8, between (&state, 0, 255), 0.011f }, b = { UINT8, between (&state, 0, 255), 0.017f };
    struct scheme y = { UINT8, between (&state, 0, 128), 0.0131f };
    float input[48], expected[48];
    struct onnx o = onnx_new (13);
    fill (input, 48, seed);
    for (int i = 0; i < 48; i++) {
        input[i] *= 3;
        double both[2] = { real (quantise (input[i], &a), &a), real (quantise (input[i], &b), &b) };
        expected[i] = (float)real (quantise ((float)elementwise[n].function (both[0], both[1]), &y), &y);
    }
    onnx_input (&o, "x", "1 3 4 4");
    write_scheme (&o, "a", &a);
    write_scheme (&o, "b", &b);
    write_scheme (&o, "y", &y);
    onnx_node (&o, "QuantizeLinear", "x a_s a_z", "aq", NULL);
    onnx_node (&o, "QuantizeLinear", "x b_s b_z", "bq", NULL);
    bool two = elementwise[n].operands == 2;
    if (integers) {
        o.domain = "com.microsoft";
        onnx_node (&o, elementwise[n].integers, two ? "aq a_s a_z bq b_s b_z y_s y_z" : "aq a_s a_z y_s y_z", "yq",
                   elementwise[n].attributes);
        o.domain = NULL;
    } else {
        onnx_node (&o, "DequantizeLinear", "aq a_s a_z", "af", NULL);
        onnx_node (&o, "DequantizeLinear", "bq b_s b_z", "bf", NULL);
        onnx_node (&o, elementwise[n].floats, two ? "af bf" : "af", "yf", elementwise[n].attributes);
        onnx_node (&o, "QuantizeLinear", "yf y_s y_z", "yq", NULL);
    }
    onnx_node (&o, "DequantizeLinear", "yq y_s y_z", "y", NULL);
    onnx_output (&o, "y", "1 3 4 4");
    check_numbers (elementwise[n].integers, &o, input, expected, 48, 0);
}

/* ---- pools, joins, moves --------------------------------------------------------------------------------------- */

/* Means of 12 pixels of integers, MaxPool, Pad with the zero point, Transpose, joined with what it came from. */
static void check_means (bool integers)
{
    struct scheme a = { UINT8, 37, 0.02f }, y = { INT8, -20, 0.0123f };
    float input[72], expected[6];
    fill (input, 72, 5);
    for (int c = 0; c < 6; c++) {
        int sum = 0;
        for (int i = 0; i < 12; i++)
            sum += quantise (input[c * 12 + i] *= 2, &a) - a.zero;
        expected[c] =
            (float)real (saturate (rint ((double)((float)sum * (a.scale / (y.scale * 12)))) + y.zero, INT8), &y);
    }
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 6 3 4");
    write_scheme (&o, "a", &a);
    write_scheme (&o, "y", &y);
    onnx_node (&o, "QuantizeLinear", "x a_s a_z", "aq", NULL);
    if (integers) {
        /* its output has another type than its input, which ONNX Runtime does not do; the arithmetic is the same */
        onnx_node (&o, "QLinearGlobalAveragePool", "aq a_s a_z y_s y_z", "yq", "channels_last=0");
    } else {
        onnx_node (&o, "DequantizeLinear", "aq a_s a_z", "af", NULL);
        onnx_node (&o, "GlobalAveragePool", "af", "yf", NULL);
        onnx_node (&o, "QuantizeLinear", "yf y_s y_z", "yq", NULL);
    }
    onnx_node (&o, "DequantizeLinear", "yq y_s y_z", "y", NULL);
    onnx_output (&o, "y", "1 6 1 1");
    check_numbers ("means", &o, input, expected, 6, 0);
}

/* Integers that are moved: Pad fills with one of them, 40; Reshape, Transpose and MaxPool; then QLinearConcat by other
 * scales. */
static void check_moves (void)
{
    struct scheme a = { UINT8, 100, 0.02f }, b = { UINT8, 90, 0.03f }, y = { UINT8, 80, 0.025f };
    int fill_with = 40, pads = 0;
    float input[16], expected[2 * 36];
    struct onnx o = onnx_new (13);
    fill (input, 16, 9);
    onnx_input (&o, "x", "1 1 4 4");
    write_scheme (&o, "a", &a);
    write_scheme (&o, "b", &b);
    write_scheme (&o, "y", &y);
    write_integers (&o, "forty", UINT8, "", &fill_with, 1);
    onnx_ints (&o, "pads", "0 0 1 1 0 0 1 1");
    onnx_node (&o, "QuantizeLinear", "x a_s a_z", "aq", NULL);
    onnx_node (&o, "QuantizeLinear", "x b_s b_z", "bq", NULL);
    onnx_node (&o, "Pad", "aq pads forty", "ap", NULL);
    onnx_node (&o, "Pad", "bq pads", "bp", NULL); /* with 0 */
    onnx_node (&o, "Transpose", "ap", "at", "perm=0,1,3,2");
    o.domain = "com.microsoft";
    onnx_node (&o, "QLinearConcat", "y_s y_z at a_s a_z bp b_s b_z", "yq", "axis=1");
    o.domain = NULL;
    onnx_node (&o, "DequantizeLinear", "yq y_s y_z", "y", NULL);
    onnx_output (&o, "y", "1 2 6 6");
    for (int i = 0; i < 36; i++) {
        int row = i / 6 - 1, column = i % 6 - 1;
        bool inside = row >= 0 && row < 4 && column >= 0 && column < 4;
        pads += !inside;
        int qa = inside ? quantise (input[column * 4 + row], &a) : fill_with;
        int qb = inside ? quantise (input[row * 4 + column], &b) : 0;
        expected[i] = (float)real (quantise ((float)real (qa, &a), &y), &y);
        expected[36 + i] = (float)real (quantise ((float)real (qb, &b), &y), &y);
    }
    CHECK (pads == 20, "%d filled numbers", pads);
    check_numbers ("moved integers", &o, input, expected, 72, 0);
}

/* ---- scales known only while running ---------------------------------------------------------------------------- */

/* As quantize_dynamic writes it: DynamicQuantizeLinear, ConvInteger or MatMulInteger, Cast, the scales multiplied,
 * Mul, Add. */
static void check_dynamic (bool product, unsigned seed)
{
    struct layer l = random_layer (seed, product);
    float expected[NUMBERS_MAX], low = 0, high = 0, scales[16], bias[16];
    int q[NUMBERS_MAX], pixels = l.high * l.wide;
    char dims[64];
    l.groups = 1;
    l.biased = false;
    l.outputs = l.outputs * l.channels * l.kernel * l.kernel > NUMBERS_MAX ? 2 : l.outputs;
    l = seed % 5 == 4 && !product ? random_layer (seed + 1, product) : l;
    l.biased = false;
    for (int i = 0; i < l.channels * pixels; i++) {
        low = fminf (low, l.input[i]);
        high = fmaxf (high, l.input[i]);
    }
    float step = (high - low) / 255;
    l.x = (struct scheme) { UINT8, saturate (rint ((double)(-low / step)), UINT8), step };
    for (int i = 0; i < l.channels * pixels; i++)
        q[i] = quantise (l.input[i], &l.x);
    fill (bias, 16, seed);
    for (int o = 0; o < l.outputs; o++) {
        scales[o] = weight_scheme (&l, o)->scale;
        for (int i = 0; i < pixels; i++)
            expected[o * pixels + i] = (float)sum_at (&l, q, o, i / l.wide, i % l.wide) * (step * scales[o]) + bias[o];
    }
    struct onnx o = onnx_new (13);
    snprintf (dims, sizeof dims, product ? "1 %d" : "1 %d 6 5", l.channels);
    onnx_input (&o, "x", dims);
    write_weights (&o, &l, product);
    snprintf (dims, sizeof dims, product ? "%d" : "1 %d 1 1", l.outputs);
    onnx_floats (&o, "scales", l.per_channel ? dims : "", scales);
    onnx_floats (&o, "bias", dims, bias);
    onnx_node (&o, "DynamicQuantizeLinear", "x", "xq xs xz", NULL);
    onnx_node (&o, product ? "MatMulInteger" : "ConvInteger", "xq w xz w_z", "sums", product ? NULL : "pads=1,1,1,1");
    onnx_node (&o, "Cast", "sums", "floats", "to=1");
    onnx_node (&o, "Mul", "xs scales", "both", NULL);
    onnx_node (&o, "Mul", "floats both", "numbers", NULL);
    onnx_node (&o, "Add", "numbers bias", "y", NULL);
    snprintf (dims, sizeof dims, product ? "1 %d" : "1 %d 6 5", l.outputs);
    onnx_output (&o, "y", dims);
    check_numbers (product ? "MatMulInteger" : "ConvInteger", &o, l.input, expected, (size_t)(l.outputs * pixels), 0);
}

/* ---- weights alone ----------------------------------------------------------------------------------------------- */

/* A matrix [4][6] whose scales belong to rows, columns, or pairs of rows (block_size 2). */
static void check_weights (int axis, bool blocked, bool folded)
{
    int weights[24], zeros[12];
    float input[4], scales[12], expected[6] = { 0 }, numbers[24];
    unsigned state = 3;
    fill (input, 4, 3);
    for (int i = 0; i < 12; i++) {
        scales[i] = 0.01f * (float)(i + 1);
        zeros[i] = between (&state, -5, 5);
    }
    for (int i = 0; i < 24; i++) {
        int k = blocked ? i / 12 * 6 + i % 6 : axis == 0 ? i / 6 : i % 6;
        weights[i] = between (&state, -128, 127);
        numbers[i] = (float)(weights[i] - zeros[k]) * scales[k];
        expected[i % 6] += input[i / 6] * numbers[i];
    }
    struct onnx o = onnx_new (21);
    onnx_input (&o, "x", "1 4");
    const char *dims = blocked ? "2 6" : axis == 0 ? "4" : "6";
    onnx_floats (&o, "w_s", dims, scales);
    write_integers (&o, "w_z", INT8, dims, zeros, blocked ? 12 : axis == 0 ? 4 : 6);
    if (folded) { /* floats that a pair quantises and turns back, as training with false quantisation leaves them */
        onnx_floats (&o, "floats", "4 6", numbers);
        onnx_node (&o, "QuantizeLinear", "floats w_s w_z", "w", axis == 0 ? "axis=0" : "axis=-1");
    } else {
        write_integers (&o, "w", INT8, "4 6", weights, 24);
    }
    onnx_node (&o, "DequantizeLinear", "w w_s w_z", "wf",
               blocked     ? "axis=0 block_size=2"
               : axis == 0 ? "axis=0"
                           : "axis=1");
    onnx_node (&o, "MatMul", "x wf", "y", NULL);
    onnx_output (&o, "y", "1 6");
    check_numbers ("weights alone", &o, input, expected, 6, 0);
}

/* ---- whole networks ---------------------------------------------------------------------------------------------- */

/* A float32 array of NumPy's, behind its header; malloc'd by slurp. */
static const float *array_of (const char *bytes, size_t size, size_t count)
{
    return bytes && size > count * sizeof (float) ? (const float *)(const void *)(bytes + size - count * sizeof (float))
                                                  : NULL;
}

/* What the plan makes of x, beside ONNX Runtime's answer. */
static void check_answer (const char *name, const char *precision, struct plan *plan, const float *x,
                          const float *reference, size_t classes)
{
    plan_run (plan, x);
    const float *y = plan_output (plan, 0)->data;
    size_t best[2] = { 0, 0 };
    double noise = 0, signal = 0;
    for (size_t i = 0; i < classes; i++) {
        best[0] = y[i] > y[best[0]] ? i : best[0];
        best[1] = reference[i] > reference[best[1]] ? i : best[1];
        noise += pow ((double)(y[i] - reference[i]), 2);
        signal += pow ((double)reference[i], 2);
    }
    double db = noise > 0 ? 10 * log10 (signal / noise) : INFINITY;
    printf ("# %s, %s: %.1f dB beside ONNX Runtime\n", name, precision, db);
    CHECK (best[0] == best[1], "%s, %s: class %zu instead of %zu", name, precision, best[0], best[1]);
    CHECK (db >= 40, "%s, %s: %.1f dB beside ONNX Runtime", name, precision, db);
}

/* The file's own ranges make it a plan of bytes: the same numbers as rounded floats. */
static void check_bytes (const char *name, struct model *model, const float *x, const float *reference, size_t classes)
{
    struct error error = { "" };
    const struct plan_options options = { .precision = PRECISION_INT8 };
    const struct precision_request request = { .ranges_file = NULL };
    struct precision_report found = { .db = 0 };
    struct plan *plan = precision_plan (model, &options, &request, &found, &error);
    if (CHECK (plan && found.used == PRECISION_INT8, "%s as bytes: %s%s", name, error.text, found.remark.text))
        check_answer (name, "int8", plan, x, reference, classes);
    const char *last = graph_tensor (model_graph (model), graph_output_id (model_graph (model), 0)).name;
    const struct plan_options bytes = {
        .precision = PRECISION_INT8, .ranges = found.kept, .taps = &last, .tap_count = 1
    };
    double db = 0;
    CHECK (found.kept && precision_of_steps (model, &bytes, &db, &error) && (db >= found.db) && (db <= found.db),
           "%s: its last step is %g dB true, its answers %g", name, db, found.db);
    ranges_free (found.kept);
    plan_free (plan);
    const bool wanted = engine_multiplies_bytes (NULL);
    CHECK (precision_auto (model, NULL) == (wanted ? PRECISION_INT8 : PRECISION_FP32), "%s: auto is not %s", name,
           wanted ? "int8" : "fp32");
    CHECK (precision_auto (model, "scalar") == PRECISION_FP32, "%s: auto is int8 without vectors", name);
}

static void check_network (const char *folder, const char *name, const char *input)
{
    char path[3][512];
    size_t size[2];
    struct error error = { "" };
    snprintf (path[0], sizeof path[0], "%s/quantised/%s.onnx", folder, name);
    snprintf (path[1], sizeof path[1], "%s/quantised/%s.in.npy", folder, input);
    snprintf (path[2], sizeof path[2], "%s/quantised/%s.ref.npy", folder, name);
    struct model *model = model_load (path[0], NULL, &error);
    char *files[2] = { slurp (path[1], &size[0]), slurp (path[2], &size[1]) };
    struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
    struct tensor_info in = graph_tensor (model ? model_graph (model) : NULL, 0);
    const float *x = array_of (files[0], size[0], (size_t)in.channels * (size_t)in.height * (size_t)in.width);
    size_t classes = model ? (size_t)model_classes (model) : 0;
    const float *reference = array_of (files[1], size[1], classes);
    if (CHECK (plan && x && reference, "%s: %s", name, error.text)) {
        struct quantised quantised = model_quantised (model);
        CHECK (quantised.tensors > 10 && quantised.constants > 10, "%s: %d tensors, %d constants", name,
               quantised.tensors, quantised.constants);
        check_answer (name, "fp32", plan, x, reference, classes);
        check_bytes (name, model, x, reference, classes);
    }
    plan_free (plan);
    model_unref (model);
    free (files[0]);
    free (files[1]);
}

void check_quantised (void)
{
    check_group ("quantised operators");
    check_layers (false);
    check_layers (true);
    for (size_t n = 0; n < sizeof elementwise / sizeof elementwise[0]; n++) {
        for (unsigned seed = 0; seed < 6; seed++)
            check_elementwise (n, seed % 2, seed / 2);
    }
    check_means (false);
    check_means (true);
    check_moves ();
    check_quantised_forms ();
    for (unsigned seed = 0; seed < 24; seed++)
        check_dynamic (seed % 2, seed);
    for (int i = 0; i < 6; i++)
        check_weights (i % 2, i == 4, i >= 2 && i < 4);
    check_group ("quantised networks");
    if (!check_data ()) {
        SKIP ("no shared data");
        return;
    }
    check_network (check_data (), "resnet50_v1.5.qdq", "resnet50_v1.5");
    check_network (check_data (), "mobilenet_v2_1.0_224_tf2.qdq", "mobilenet_v2_1.0_224_tf2");
    check_network (check_data (), "mobilenet_v2_1.0_224_tf2.qop", "mobilenet_v2_1.0_224_tf2");
    check_network (check_data (), "squeezenet_v1.1.qdq", "squeezenet_v1.1");
    check_network (check_data (), "squeezenet_v1.1.qop", "squeezenet_v1.1");
}
