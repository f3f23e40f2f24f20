/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_quantised_forms.c: forms of quantised files that tools write seldom: several scales along any axis,
 * integers in another order, sums whose steps are no product of two scales. */
#include "tests/check_models_quantised.h"

#include "models/precision.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A scale and zero point for each place along an axis, of what lies as it is or has its axes exchanged; read as real
 * numbers, or as the integers themselves. */
static void check_axis (int axis, bool exchanged, bool cast)
{
    static const int dims[4] = { 1, 3, 4, 5 };
    static const float scales[5] = { 0.01f, 0.013f, 0.02f, 0.009f, 0.017f };
    static const int zeros[5] = { 128, 3, 77, 200, 140 };
    float input[60], expected[60];
    char text[64], count[8];
    fill (input, 60, (unsigned)axis);
    for (int i = 0; i < 60; i++) { /* i: where it is among the dims, which are the input's or what is made of it */
        int at[4] = { 0, i / 20, i / 5 % 4, i % 5 };
        int from = exchanged ? (at[3] * 3 + at[1]) * 4 + at[2] : i;
        const struct scheme s = { UINT8, zeros[at[axis]], scales[at[axis]] };
        int q = quantise (input[from] * 2, &s);
        expected[i] = cast ? (float)q : (float)real (q, &s);
    }
    for (int i = 0; i < 60; i++)
        input[i] *= 2;
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", exchanged ? "1 5 3 4" : "1 3 4 5");
    snprintf (count, sizeof count, "%d", dims[axis]);
    onnx_floats (&o, "s", count, scales);
    write_integers (&o, "z", UINT8, count, zeros, (size_t)dims[axis]);
    snprintf (text, sizeof text, "axis=%d", axis);
    if (exchanged)
        onnx_node (&o, "Transpose", "x", "there", "perm=0,2,3,1");
    onnx_node (&o, "QuantizeLinear", exchanged ? "there s z" : "x s z", "q", text);
    onnx_node (&o, cast ? "Cast" : "DequantizeLinear", cast ? "q" : "q s z", "y", cast ? "to=1" : text);
    onnx_output (&o, "y", "1 3 4 5");
    snprintf (text, sizeof text, "axis %d%s%s", axis, exchanged ? " of another order" : "", cast ? " as integers" : "");
    check_numbers (text, &o, input, expected, 60, 0);
}

/* Sums whose steps are not the product of two scales, so that they must not be rounded to such steps. */
static const struct sum_form {
    const char *what, *weights, *weights_axis, *bias, *attributes;
    float bias_scale, bias_real[2], factor;
} sum_forms[] = {
    { "a bias of floats", "wf", "axis=0", "b_f", "", 0, { 0.0123f, -0.0457f }, 1 },
    { "a bias of another scale", "wf", "axis=0", "b_1", "", 0.0011f, { 0.0011f * 7, 0.0011f * -9 }, 1 },
    { "a bias of two scales for weights of one", "w1f", "", "b_2", "", 0, { 0.0011f * 7, 0.0031f * -9 }, 1 },
    { "weights of floats", "w_f", "", "", "", 0, { 0 }, 1 },
    { "scales of the inputs of the weights", "wf", "axis=1", "", "", 0, { 0 }, 1 },
    { "a product that is doubled", "wf", "axis=0", "", "alpha=2.0f transB=1", 0, { 0 }, 2 },
};

static void check_sum_form (const struct sum_form *f)
{
    const struct scheme x = { UINT8, 100, 0.05f }, y = { UINT8, 30, 0.01f };
    static const float w_s[2] = { 0.3f, 0.007f }, w_f[4] = { 0.1234f, -0.0531f, 0.077f, 0.0981f };
    static const int w[4] = { 1, 3, -2, 5 }, b[2] = { 7, -9 };
    bool product = f->factor > 1, along_inputs = f->weights_axis[0] && f->weights_axis[5] == '1';
    float input[2] = { 0.4321f, -0.287f }, expected[2];
    for (int o = 0; o < 2; o++) {
        double sum = (double)f->bias_real[o];
        for (int i = 0; i < 2; i++) {
            float scale = !f->weights_axis[0] ? w_s[1] : w_s[along_inputs ? i : o];
            float weight = !strcmp (f->weights, "w_f") ? w_f[o * 2 + i] : (float)w[o * 2 + i] * scale;
            sum += real (quantise (input[i], &x), &x) * (double)weight * (double)f->factor;
        }
        expected[o] = (float)real (quantise ((float)sum, &y), &y);
    }
    struct onnx o = onnx_new (13);
    const char *dims = product ? "2 2" : "2 2 1 1";
    char inputs[32];
    onnx_input (&o, "x", product ? "1 2" : "1 2 1 1");
    write_scheme (&o, "x", &x);
    write_scheme (&o, "y", &y);
    onnx_floats (&o, "w_s", "2", w_s);
    onnx_number (&o, "w1_s", w_s[1]);
    onnx_floats (&o, "w_f", dims, w_f);
    write_integers (&o, "w", INT8, dims, w, 4);
    write_integers (&o, "b", INT32, "2", b, 2);
    onnx_floats (&o, "b_f", "2", f->bias_real);
    onnx_number (&o, "b1_s", f->bias_scale);
    onnx_floats (&o, "b2_s", "2", (const float[2]) { 0.0011f, 0.0031f });
    onnx_node (&o, "QuantizeLinear", "x x_s x_z", "xq", NULL);
    onnx_node (&o, "DequantizeLinear", "xq x_s x_z", "xf", NULL);
    onnx_node (&o, "DequantizeLinear", "w w_s", "wf", f->weights_axis);
    onnx_node (&o, "DequantizeLinear", "w w1_s", "w1f", NULL);
    onnx_node (&o, "DequantizeLinear", "b b1_s", "b_1", NULL);
    onnx_node (&o, "DequantizeLinear", "b b2_s", "b_2", "axis=0");
    snprintf (inputs, sizeof inputs, "xf %s %s", f->weights, f->bias);
    onnx_node (&o, product ? "Gemm" : "Conv", inputs, "sums", f->attributes);
    onnx_node (&o, "QuantizeLinear", "sums y_s y_z", "yq", NULL);
    onnx_node (&o, "DequantizeLinear", "yq y_s y_z", "y", NULL);
    onnx_output (&o, "y", product ? "1 2" : "1 2 1 1");
    check_numbers (f->what, &o, input, expected, 2, 0);
}

/* Integers with their channels last, in another order as yet, filled with an integer at their edges; their shape is
 * asked for by the way. */
static void check_padding (void)
{
    const struct scheme a = { UINT8, 100, 0.02f };
    const int fill_with = 40;
    float input[24], expected[60];
    struct onnx o = onnx_new (13);
    fill (input, 24, 21);
    onnx_input (&o, "x", "1 2 3 4");
    write_scheme (&o, "a", &a);
    write_integers (&o, "forty", UINT8, "", &fill_with, 1);
    onnx_ints (&o, "pads", "0 0 1 0 0 2 0 0");
    onnx_node (&o, "QuantizeLinear", "x a_s a_z", "q", NULL);
    onnx_node (&o, "Transpose", "q", "last", "perm=0,2,3,1");
    onnx_node (&o, "Pad", "last pads forty", "padded", NULL);
    onnx_node (&o, "Shape", "padded", "shape", NULL);
    onnx_node (&o, "Reshape", "padded shape", "as_it_is", NULL);
    onnx_node (&o, "DequantizeLinear", "as_it_is a_s a_z", "y", NULL);
    onnx_output (&o, "y", "1 5 5 2");
    for (int i = 0; i < 50; i++) {
        int row = i / 10, column = i / 2 % 5 - 1, from = (i % 2 * 3 + row) * 4 + column;
        bool inside = row < 3 && column >= 0;
        expected[i] = (float)real (inside ? quantise (input[from], &a) : fill_with, &a);
    }
    check_numbers ("integers with their channels last, filled", &o, input, expected, 50, 0);
}

/* What DynamicQuantizeLinear has made, read by its own scale and zero point. */
static void check_read_back (void)
{
    float input[12], expected[12], low = 0, high = 0;
    fill (input, 12, 23);
    for (int i = 0; i < 12; i++) {
        low = fminf (low, input[i]);
        high = fmaxf (high, input[i]);
    }
    struct scheme s = { UINT8, 0, (high - low) / 255 };
    s.zero = (int)rintf (-low / s.scale);
    for (int i = 0; i < 12; i++)
        expected[i] = (float)real (quantise (input[i], &s), &s);
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 2 2");
    onnx_node (&o, "DynamicQuantizeLinear", "x", "q s z", NULL);
    onnx_node (&o, "DequantizeLinear", "q s z", "y", NULL);
    onnx_output (&o, "y", "1 3 2 2");
    check_numbers ("by its own scale", &o, input, expected, 12, 0);
}

/* Sums whose channels have steps of their own, put last, and read in another order before they are quantised. */
static void check_order_of_steps (void)
{
    const struct scheme x = { UINT8, 100, 0.05f }, y = { UINT8, 60, 0.0107f };
    static const float w_s[2] = { 0.3f, 0.007f };
    static const int w[4] = { 1, 0, -2, 5 };
    float input[12], expected[24];
    struct onnx o = onnx_new (13);
    fill (input, 12, 25);
    onnx_input (&o, "x", "1 2 2 3");
    write_scheme (&o, "x", &x);
    write_scheme (&o, "y", &y);
    onnx_floats (&o, "w_s", "2", w_s);
    write_integers (&o, "w", INT8, "2 2 1 1", w, 4);
    onnx_node (&o, "QuantizeLinear", "x x_s x_z", "xq", NULL);
    onnx_node (&o, "DequantizeLinear", "xq x_s x_z", "xf", NULL);
    onnx_node (&o, "DequantizeLinear", "w w_s", "wf", "axis=0");
    onnx_node (&o, "Conv", "xf wf", "sums", NULL);
    onnx_node (&o, "Transpose", "sums", "last", "perm=0,2,3,1");
    onnx_node (&o, "Flatten", "last", "first", NULL);
    onnx_node (&o, "QuantizeLinear", "last y_s y_z", "yq", NULL);
    onnx_node (&o, "DequantizeLinear", "yq y_s y_z", "yf", NULL);
    onnx_node (&o, "Flatten", "yf", "second", NULL);
    onnx_node (&o, "Concat", "first second", "y", "axis=1");
    onnx_output (&o, "y", "1 24");
    for (int i = 0; i < 12; i++) {
        int place = i / 2, c = i % 2;
        double sum = 0;
        for (int k = 0; k < 2; k++)
            sum += real (quantise (input[k * 6 + place], &x), &x) * (double)((float)w[c * 2 + k] * w_s[c]);
        expected[i] = (float)sum;
        expected[12 + i] = (float)real (quantise ((float)sum, &y), &y);
    }
    check_numbers ("sums with their channels last", &o, input, expected, 24, 0);
}

/* Scales known only while running are no ranges: nothing would be computed in bytes, and auto does not say int8. */
static void check_auto_of_dynamic (void)
{
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 2 2");
    onnx_node (&o, "DynamicQuantizeLinear", "x", "q s z", NULL);
    onnx_node (&o, "DequantizeLinear", "q s z", "y", NULL);
    onnx_output (&o, "y", "1 3 2 2");
    onnx_finish (&o);
    CHECK (write_file (scratch_path ("dynamic.onnx"), o.file.data, o.file.size), "dynamic.onnx");
    onnx_free (&o);
    struct model *model = model_load (scratch_path ("dynamic.onnx"), NULL, &error);
    CHECK (model && precision_auto (model, NULL) == PRECISION_FP32, "auto is int8; %s", error.text);
    model_unref (model);
}

void check_quantised_forms (void)
{
    for (int i = 0; i < 12; i++)
        check_axis (1 + i / 4, i % 2, i / 2 % 2);
    for (size_t i = 0; i < sizeof sum_forms / sizeof sum_forms[0]; i++)
        check_sum_form (&sum_forms[i]);
    check_padding ();
    check_read_back ();
    check_order_of_steps ();
    check_auto_of_dynamic ();
}
