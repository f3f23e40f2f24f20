/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_shapes.c: operators that only move numbers, and the arithmetic on shapes that exporters leave in files.
 *
 * Every case is a list of nodes; the input holds 0, 1, 2, ... so that the expected numbers say where each came from. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/onnx.h"

#include <math.h>
#include <string.h>

/* Constants that all cases share. */
static void add_constants (struct onnx *o)
{
    static const char *const lists[][2] = {
        { "n_1", "-1" },
        { "zero", "0" },
        { "one", "1" },
        { "two", "2" },
        { "three", "3" },
        { "four", "4" },
        { "big", "1073741824" },
        { "both", "2 3" },
        { "ones", "1 1" },
        { "twos", "2 2" },
        { "zeros", "0 0" },
        { "bigs", "1073741824 1073741824" },
        { "flat", "1 -1" },
        { "shuffle", "1 2 3 2 2" },
        { "image", "1 6 2 2" },
        { "keep", "0 -1" },
        { "n_least", "-9223372036854775808" },
        { "sizes", "2 4" },
        { "axis_0", "0" },
        { "none", "" },
        { "pads", "0 1 0 1 0 2 1 0" },
        { "crop", "0 0 -1 0 0 0 0 -1" },
        { "pads_2", "1 1" },
        { "chunks", "1 2 6" },
        { "around", "0 2 3" },
        { "plane_axes", "2 3" },
        { "expanded", "2 2 3" },
        { "around_2", "-1 0" },
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        onnx_ints (o, lists[i][0], lists[i][1]);
    onnx_floats (o, "taps", "2 1 3", (const float[]) { 1, 10, 100, 1, 10, 100 });
    onnx_floats (o, "plane", "1 2 3 1", (const float[]) { 1, 10, 100, 1, 10, 100 });
    onnx_floats (o, "matrix", "4 2", (const float[]) { 1, 0, 0, 1, 1, 0, 0, 1 });
    onnx_floats (o, "odd_matrix", "3 2", (const float[]) { 1, 0, 0, 1, 1, 0 });
    onnx_number (o, "half", 0.5f);
    onnx_number (o, "middle", 11.5f);
    onnx_number (o, "three_f", 3);
    onnx_floats (o, "bounds", "3 1 1", (const float[]) { 2.5f, 20, 16.5f });
    onnx_number (o, "minus", -1);
}

/* Builds the file and runs it on 0 .. 23, seen as `dims`. */
static void check_lines (const char *what, int opset, const char *dims, const struct line *lines, const float *expected,
                         size_t count)
{
    float input[24];
    struct error error = { "" };
    struct onnx o = onnx_new (opset);
    const char *path = scratch_path ("shape.onnx");
    for (int i = 0; i < 24; i++)
        input[i] = (float)i;
    onnx_input (&o, "x", dims);
    add_constants (&o);
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1");
    struct model *model = load_onnx (path, &o, &error);
    if (CHECK (model != NULL, "%s: %s", what, error.text))
        check_scores (what, model, input, expected, count, 1e-6);
    model_unref (model);
}

enum { LINES = 12 };
#define IN_ORDER 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23

static const struct {
    const char *what;
    int opset;
    const char *dims;
    struct line lines[LINES];
    size_t count;
    float expected[24];
} cases[] = {
    { "Reshape", 13, "1 6 2 2", { { "Reshape", "x flat", "y" } }, 24, { IN_ORDER } },
    { "Transpose to the back",
      13,
      "1 3 2 4",
      { { "Transpose", "x", "y", "perm=0,2,3,1" } },
      24,
      { 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5, 13, 21, 6, 14, 22, 7, 15, 23 } },
    { "Transpose rows and columns",
      13,
      "1 2 3 4",
      { { "Transpose", "x", "y", "perm=0,1,3,2" } },
      24,
      { 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23 } },
    { "Transpose all",
      13,
      "2 3 4",
      { { "Transpose", "x", "y", "" } },
      24,
      { 0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23 } },
    { "Channel shuffle",
      13,
      "1 6 2 2",
      { { "Reshape", "x shuffle", "a" }, { "Transpose", "a", "b", "perm=0,2,1,3,4" }, { "Reshape", "b image", "y" } },
      24,
      { 0, 1, 2, 3, 12, 13, 14, 15, 4, 5, 6, 7, 16, 17, 18, 19, 8, 9, 10, 11, 20, 21, 22, 23 } },
    { "Slice channels", 10, "1 6 2 2", { { "Slice", "x one three one", "y" } }, 8, { 4, 5, 6, 7, 8, 9, 10, 11 } },
    { "Slice from the end", 10, "1 6 2 2", { { "Slice", "x n_1 big one", "y" } }, 4, { 20, 21, 22, 23 } },
    { "Slice attributes",
      9,
      "1 6 2 2",
      { { "Slice", "x", "y", "starts=4, ends=100, axes=1," } },
      8,
      { 16, 17, 18, 19, 20, 21, 22, 23 } },
    { "Slice every second", 10, "1 1 4 6", { { "Slice", "x zeros bigs both twos", "y" } }, 6, { 0, 2, 4, 12, 14, 16 } },
    { "Slice backwards", 10, "1 6 2 2", { { "Slice", "x n_1 n_least one n_1", "y" } }, 24, { 20, 21, 22, 23, 16, 17,
                                                                                             18, 19, 12, 13, 14, 15,
                                                                                             8,  9,  10, 11, 4,  5,
                                                                                             6,  7,  0,  1,  2,  3 } },
    { "Slice of a vector", 13, "1 24", { { "Slice", "x two four one", "y" } }, 2, { 2, 3 } },
    { "Slice to nothing more",
      13,
      "1 24",
      { { "Slice", "x zero big one", "a" }, { "Slice", "a n_1 big n_1", "y" } },
      1,
      { 23 } },
    { "Pad",
      11,
      "1 2 3 4",
      { { "Pad", "x pads half", "a" }, { "Slice", "a one two one", "y" } },
      20,
      { 0.5f, 0, 1, 2, 3, 0.5f, 4, 5, 6, 7, 0.5f, 8, 9, 10, 11, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f } },
    { "Pad channels",
      11,
      "1 2 3 4",
      { { "Pad", "x pads half", "a" }, { "Slice", "a zero one one", "y" } },
      20,
      { 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f,
        0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f } },
    { "Pad attributes",
      7,
      "1 1 2 2",
      { { "Pad", "x", "y", "mode=constant pads=0,0,0,1,0,0,0,0 value=-1f" } },
      6,
      { -1, 0, 1, -1, 2, 3 } },
    { "Pad less than nothing",
      11,
      "1 2 3 4",
      { { "Pad", "x crop", "a" }, { "Slice", "a zero one one", "y" } },
      6,
      { 4, 5, 6, 8, 9, 10 } },
    { "Pad named axes", 18, "1 1 2 2", { { "Pad", "x pads_2 minus three", "y" } }, 8, { -1, 0, 1, -1, -1, 2, 3, -1 } },
    { "Split by sizes",
      13,
      "1 6 2 2",
      { { "Split", "x sizes", "a y", "axis=1" } },
      16,
      { 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 } },
    { "Split attribute",
      11,
      "1 6 2 2",
      { { "Split", "x", "a y b", "axis=1 split=1,2,3" } },
      8,
      { 4, 5, 6, 7, 8, 9, 10, 11 } },
    { "Split equally", 13, "1 6 2 2", { { "Split", "x", "a b y", "axis=1" } }, 8, { 16, 17, 18, 19, 20, 21, 22, 23 } },
    { "Split with a smaller last part",
      18,
      "1 5 2 2",
      { { "Split", "x", "a b y", "axis=1 num_outputs=3" } },
      4,
      { 16, 17, 18, 19 } },
    { "Split of columns", 13, "1 1 2 4", { { "Split", "x", "a y", "axis=3" } }, 4, { 2, 3, 6, 7 } },
    { "Concat",
      13,
      "1 2 2 2",
      { { "Split", "x", "a b", "axis=1" }, { "Concat", "b a b", "y", "axis=1" } },
      12,
      { 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7 } },
    { "Concat vectors",
      13,
      "1 4",
      { { "Split", "x", "a b", "axis=1" }, { "Concat", "b a", "y", "axis=-1" } },
      4,
      { 2, 3, 0, 1 } },
    { "Concat of plain rows",
      13,
      "1 1 2 3",
      { { "Concat", "x x", "y", "axis=2" } },
      12,
      { 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5 } },
    { "Squeeze and Unsqueeze",
      13,
      "1 1 1 4",
      { { "Squeeze", "x", "a" }, { "Unsqueeze", "a around", "b" }, { "GlobalMaxPool", "b", "y" } },
      4,
      { 0, 1, 2, 3 } },
    { "Squeeze", 11, "1 4 1 1", { { "Squeeze", "x", "y", "axes=2,3" } }, 4, { 0, 1, 2, 3 } },
    { "Unsqueeze", 13, "1 4", { { "Unsqueeze", "x both", "a" }, { "GlobalMaxPool", "a", "y" } }, 4, { 0, 1, 2, 3 } },
    { "Flatten", 13, "1 2 2 2", { { "Flatten", "x", "y" } }, 8, { 0, 1, 2, 3, 4, 5, 6, 7 } },
    { "Flatten axis", 13, "1 2 2 2", { { "Flatten", "x", "y", "axis=-4" } }, 8, { 0, 1, 2, 3, 4, 5, 6, 7 } },
    { "Reshape from Shape",
      13,
      "1 6 2 2",
      { { "Shape", "x", "s" },
        { "Gather", "s axis_0", "n", "axis=0" },
        { "Concat", "n n_1", "t", "axis=0" },
        { "Reshape", "x t", "y" } },
      24,
      { IN_ORDER } },
    { "Shape arithmetic",
      15,
      "1 6 2 2", /* channels / 2 */
      { { "Shape", "x", "s", "start=1 end=2" },
        { "Add", "s zero", "a" },
        { "Div", "a two", "h" },
        { "Mul", "h one", "m" },
        { "Sub", "m zero", "e" },
        { "Slice", "x zero e one", "y" } },
      12,
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } },
    { "Shape through floats",
      13,
      "1 6 2 2", /* floor (6 * 0.5) */
      { { "Shape", "x", "s" },
        { "Gather", "s one", "c" },
        { "Cast", "c", "f", "to=1" },
        { "Mul", "f half", "g" },
        { "Floor", "g", "i" },
        { "Cast", "i", "e", "to=7" },
        { "Slice", "x zero e one", "y" } },
      12,
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } },
    { "Constants",
      13,
      "1 6 2 2",
      { { "Constant", "", "a", "value_ints=1," },
        { "Constant", "", "b", "value_int=3" },
        { "Unsqueeze", "b axis_0", "c" },
        { "Slice", "x a c one", "y" } },
      8,
      { 4, 5, 6, 7, 8, 9, 10, 11 } },
    { "ConstantOfShape",
      13,
      "1 6 2 2",
      { { "ConstantOfShape", "one", "a" }, { "Add", "x a", "b" }, { "Slice", "b zero one one", "y" } },
      4,
      { 0, 1, 2, 3 } },
    { "Gather of channels",
      13,
      "1 6 2 2",
      { { "Gather", "x both", "y", "axis=1" } },
      8,
      { 8, 9, 10, 11, 12, 13, 14, 15 } },
    { "Gather of rows",
      13,
      "1 3 2 4",
      { { "Gather", "x n_1", "y", "axis=2" } },
      12,
      { 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23 } },
    { "Gather of columns",
      13,
      "1 3 2 4",
      { { "Gather", "x around_2", "y", "axis=-1" } },
      12,
      { 3, 0, 7, 4, 11, 8, 15, 12, 19, 16, 23, 20 } },
    { "Slice of rows backwards",
      13,
      "1 1 4 6",
      { { "Slice", "x n_1 n_least two n_1", "y" } },
      24,
      { 18, 19, 20, 21, 22, 23, 12, 13, 14, 15, 16, 17, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5 } },
    { "Concat along rows",
      13,
      "1 3 2 2",
      { { "Slice", "x zero one two", "a" }, { "Concat", "a x", "y", "axis=2" } },
      18,
      { 0, 1, 0, 1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 8, 9, 10, 11 } },
    { "Concat along columns",
      13,
      "1 3 2 2",
      { { "Slice", "x one two three", "a" }, { "Concat", "x a", "y", "axis=-1" } },
      18,
      { 0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 10, 11, 11 } },
    { "Pad by reflection",
      10,
      "1 1 3 3",
      { { "Pad", "x", "y", "mode=reflect pads=0,0,1,1,0,0,0,1" } },
      20,
      { 4, 3, 4, 5, 4, 1, 0, 1, 2, 1, 4, 3, 4, 5, 4, 7, 6, 7, 8, 7 } },
    { "Pad by the edge",
      10,
      "1 1 3 3",
      { { "Pad", "x", "y", "mode=edge pads=0,0,1,1,0,0,0,1" } },
      20,
      { 0, 0, 1, 2, 2, 0, 0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8 } },
    { "Pad all round",
      10,
      "1 1 3 3",
      { { "Pad", "x", "y", "mode=wrap pads=0,0,1,1,0,0,0,1" } },
      20,
      { 8, 6, 7, 8, 6, 2, 0, 1, 2, 0, 5, 3, 4, 5, 3, 8, 6, 7, 8, 6 } },
    { "Conv1d",
      13,
      "1 2 12",
      { { "Conv", "x taps", "y", "group=2 kernel_shape=3, pads=1,1 strides=2, dilations=1," } },
      12,
      { 100, 321, 543, 765, 987, 1209, 1420, 1653, 1875, 2097, 2319, 2541 } },
    { "MaxPool1d",
      13,
      "1 2 12",
      { { "MaxPool", "x", "y", "kernel_shape=3, strides=3," } },
      8,
      { 2, 5, 8, 11, 14, 17, 20, 23 } },
    { "AveragePool1d, padded alike",
      13,
      "1 1 6",
      { { "AveragePool", "x", "y", "kernel_shape=3, auto_pad=SAME_UPPER" } },
      6,
      { 0.5f, 1, 2, 3, 4, 4.5f } },
    { "GlobalAveragePool1d", 13, "1 2 12", { { "GlobalAveragePool", "x", "y" } }, 2, { 5.5f, 17.5f } },
    { "Rows times a matrix",
      13,
      "1 3 2 4",
      { { "MatMul", "x matrix", "y" } },
      12,
      { 2, 4, 10, 12, 18, 20, 26, 28, 34, 36, 42, 44 } },
    { "Broadcast both ways",
      13,
      "1 6 2 2",
      { { "ReduceMean", "x", "a", "axes=1," }, { "GlobalMaxPool", "x", "b" }, { "Add", "a b", "y" } },
      24,
      { 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36 } },
    { "Broadcast along rows",
      13,
      "1 2 2 3",
      { { "ReduceMean", "x", "a", "axes=2," }, { "Add", "x a", "y" } },
      12,
      { 1.5f, 3.5f, 5.5f, 4.5f, 6.5f, 8.5f, 13.5f, 15.5f, 17.5f, 16.5f, 18.5f, 20.5f } },
    { "Expand",
      13,
      "1 2 2 3",
      { { "GlobalMaxPool", "x", "a" }, { "Expand", "a expanded", "y" } },
      12,
      { 5, 5, 5, 5, 5, 5, 11, 11, 11, 11, 11, 11 } },
    { "Max of two",
      13,
      "1 24",
      { { "Slice", "x n_1 n_least one n_1", "r" }, { "Max", "x r", "y" } },
      24,
      { 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 } },
    { "Min of two",
      13,
      "1 24",
      { { "Slice", "x n_1 n_least one n_1", "r" }, { "Min", "x r", "y" } },
      24,
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 } },
    { "Min of three",
      13,
      "1 6",
      { { "Slice", "x n_1 n_least one n_1", "r" }, { "Min", "x r half", "y" } },
      6,
      { 0, 0.5f, 0.5f, 0.5f, 0.5f, 0 } },
    { "Max of one", 13, "1 6", { { "Max", "x", "y" } }, 6, { 0, 1, 2, 3, 4, 5 } },
    { "Max with a number for each channel",
      13,
      "1 3 2 4",
      { { "Max", "bounds x", "y" } },
      24,
      { 2.5f, 2.5f, 2.5f, 3, 4, 5, 6, 7, 20, 20, 20, 20, 20, 20, 20, 20, 16.5f, 17, 18, 19, 20, 21, 22, 23 } },
    { "Min with a number for each channel",
      13,
      "1 3 2 4",
      { { "Min", "x bounds", "y" } },
      24,
      { 0,  1,  2,  2.5f, 2.5f, 2.5f,  2.5f,  2.5f,  8,     9,     10,    11,
        12, 13, 14, 15,   16,   16.5f, 16.5f, 16.5f, 16.5f, 16.5f, 16.5f, 16.5f } },
    { "Abs", 13, "1 24", { { "Sub", "x middle", "a" }, { "Abs", "a", "y" } }, 24, { 11.5f, 10.5f, 9.5f,  8.5f, 7.5f,
                                                                                    6.5f,  5.5f,  4.5f,  3.5f, 2.5f,
                                                                                    1.5f,  0.5f,  0.5f,  1.5f, 2.5f,
                                                                                    3.5f,  4.5f,  5.5f,  6.5f, 7.5f,
                                                                                    8.5f,  9.5f,  10.5f, 11.5f } },
    { "Square", 13, "1 6", { { "Pow", "x two", "y" } }, 6, { 0, 1, 4, 9, 16, 25 } },
    { "Cube", 13, "1 6", { { "Pow", "x three_f", "y" } }, 6, { 0, 1, 8, 27, 64, 125 } },
    { "ReduceSum", 13, "1 2 3 4", { { "ReduceSum", "x plane_axes", "y", "keepdims=0" } }, 2, { 66, 210 } },
    { "ReduceMin", 13, "1 2 3 4", { { "ReduceMin", "x", "y", "axes=2,3 keepdims=0" } }, 2, { 0, 12 } },
    { "ReduceMin of channels",
      13,
      "1 2 3 4",
      { { "ReduceMin", "x", "y", "axes=1," } },
      12,
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 } },
    { "Nothing after Reshape", 13, "1 1 4 6", { { "Reshape", "x keep", "y" } }, 24, { IN_ORDER } },
};

/* The same for what must be refused. */
static void check_refused (const char *what, int opset, const char *dims, const struct line *lines)
{
    struct error error = { "" };
    struct onnx o = onnx_new (opset);
    const char *path = scratch_path ("refused.onnx");
    onnx_input (&o, "x", dims);
    add_constants (&o);
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1");
    struct model *model = load_onnx (path, &o, &error);
    CHECK (!model && strstr (error.text, "refused.onnx"), "%s is accepted, or '%s'", what, error.text);
    model_unref (model);
}

static const struct {
    const char *what;
    int opset;
    const char *dims;
    struct line lines[LINES];
} refused[] = {
    { "Reshape to another size", 13, "1 6 2 2", { { "Reshape", "x chunks", "y" } } },
    { "Reshape with two open", 13, "1 6 2 2", { { "Concat", "n_1 n_1", "t", "axis=0" }, { "Reshape", "x t", "y" } } },
    { "Reshape keeping too much", 13, "4", { { "Reshape", "x zeros", "y" } } },
    { "Reshape to nothing", 14, "1 6 2 2", { { "Reshape", "x zeros", "y", "allowzero=1" } } },
    { "Reshape to a shape of the image", 13, "1 6 2 2", { { "Reshape", "x x", "y" } } },
    { "Transpose with a wrong perm", 13, "1 6 2 2", { { "Transpose", "x", "y", "perm=0,1,1,3" } } },
    { "Transpose with a short perm", 13, "1 6 2 2", { { "Transpose", "x", "y", "perm=0,1" } } },
    { "Transpose with a negative perm", 13, "1 6 2 2", { { "Transpose", "x", "y", "perm=0,1,2,-1" } } },
    { "Pow by 0", 13, "1 6", { { "Pow", "x zero", "y" } } },
    { "Pow of a number", 13, "1 6", { { "Pow", "half x", "y" } } },
    { "Slice to nothing", 13, "1 6 2 2", { { "Slice", "x one one one", "y" } } },
    { "Slice in steps of 0", 13, "1 6 2 2", { { "Slice", "x zero big one zero", "y" } } },
    { "Slice of axis 4", 13, "1 6 2 2", { { "Slice", "x zero big four", "y" } } },
    { "Slice of an axis twice", 13, "1 6 2 2", { { "Slice", "x zeros bigs ones", "y" } } },
    { "Slice with more ends", 13, "1 6 2 2", { { "Slice", "x zero bigs", "y" } } },
    { "Split into too much", 13, "1 6 2 2", { { "Split", "x chunks", "y a b", "axis=1" } } },
    { "Split unequally", 13, "1 6 2 2", { { "Split", "x", "y a b c", "axis=1" } } },
    { "Split into nothing", 13, "1 6 2 2", { { "Split", "x", "y", "axis=1 split=0," } } },
    { "Concat of different rows",
      13,
      "1 6 2 2",
      { { "Transpose", "x", "a", "perm=0,3,1,2" }, { "Concat", "x a", "y", "axis=1" } } },
    { "Concat with a constant", 13, "1 6 2 2", { { "Concat", "x image", "y", "axis=1" } } },
    { "Squeeze of 6", 13, "1 6 2 2", { { "Squeeze", "x one", "y" } } },
    { "Unsqueeze twice", 13, "1 6 2 2", { { "Unsqueeze", "x twos", "y" } } },
    { "Unsqueeze without axes", 13, "1 6 2 2", { { "Unsqueeze", "x", "y" } } },
    { "Flatten axis 5", 13, "1 6 2 2", { { "Flatten", "x", "y", "axis=5" } } },
    { "Gather entry 6 of 6 of the image", 13, "1 6 2 2", { { "Gather", "x big", "y", "axis=1" } } },
    { "Gather index 3 of 2", 13, "1 6 2 2", { { "Gather", "both three", "a" }, { "Slice", "x zero a one", "y" } } },
    { "Division by 0", 13, "1 6 2 2", { { "Div", "one zero", "a" }, { "Slice", "x zero a one", "y" } } },
    { "Overflowing sum", 13, "1 6 2 2", { { "Add", "n_least n_1", "a" }, { "Slice", "x zero a one", "y" } } },
    { "Overflowing product", 13, "1 6 2 2", { { "Mul", "n_least n_least", "a" }, { "Slice", "x zero a one", "y" } } },
    { "Overflowing quotient", 13, "1 6 2 2", { { "Div", "n_least n_1", "a" }, { "Slice", "x zero a one", "y" } } },
    { "ConstantOfShape of a billion", 13, "1 6 2 2", { { "ConstantOfShape", "big", "a" }, { "Add", "x a", "y" } } },
    { "ConstantOfShape of -1", 13, "1 6 2 2", { { "ConstantOfShape", "n_1", "a" }, { "Add", "x a", "y" } } },
    { "Pad to nothing", 11, "1 1 2 2", { { "Pad", "x", "y", "pads=0,0,-1,0,0,0,-1,0" } } },
    { "Pad with too few", 11, "1 1 2 2", { { "Pad", "x pads_2", "y" } } },
    { "Pad of the batch", 11, "1 1 2 2", { { "Pad", "x", "y", "pads=1,0,0,0,0,0,0,0" } } },
    { "Pad by what is not known", 11, "1 6 2 2", { { "Pad", "x pads", "y", "mode=mirror" } } },
    { "Rows times too short a matrix", 13, "1 3 2 4", { { "MatMul", "x odd_matrix", "y" } } },
    { "Conv1d by a plane", 13, "1 2 12", { { "Conv", "x plane", "y" } } },
    { "Conv1d with four pads", 13, "1 2 12", { { "Conv", "x taps", "y", "group=2 pads=1,1,1,1" } } },
    { "Constant that enlarges",
      13,
      "1 1 2 2",
      { { "Reshape", "x flat", "a" },
        { "Cast", "image", "c", "to=1" },
        { "Unsqueeze", "c one", "d" },
        { "Add", "a d", "y" } } },
};

void check_shapes (void)
{
    check_group ("shapes");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_lines (cases[i].what, cases[i].opset, cases[i].dims, cases[i].lines, cases[i].expected, cases[i].count);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        check_refused (refused[i].what, refused[i].opset, refused[i].dims, refused[i].lines);
}
