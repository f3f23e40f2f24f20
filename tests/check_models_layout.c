/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_layout.c: files that keep channels last, as Keras does, and tensors that are repeated: what is put off
 * while reading changes no number.
 *
 * Each case is a pair of networks that are the same by definition: one for pictures 1 x 8 x 9 x 3 in the file, one for
 * 1 x 3 x 8 x 9; or one that repeats a tensor before it is used and one that leaves that to broadcasting. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include <math.h>
#include <string.h>

enum { LINES = 8, HEIGHT = 8, WIDTH = 9, NUMBERS = 3 * HEIGHT * WIDTH };

static const struct {
    const char *what;
    struct line last[LINES], first[LINES];
    int channels_first; /* both files have them first */
} cases[] = {
    { "rescaling before Transpose",
      { { "Mul", "x row", "a" },
        { "Sub", "a half", "b" },
        { "Add", "b row", "c" },
        { "Transpose", "c", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "Mul", "x column", "a" }, { "Sub", "a half", "b" }, { "Add", "b column", "c" }, { "Conv", "c w", "y" } } },
    { "a constant less the image",
      { { "Sub", "row x", "a" },
        { "Div", "a row", "b" },
        { "Transpose", "b", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "Sub", "column x", "a" }, { "Div", "a column", "b" }, { "Conv", "b w", "y" } } },
    { "Identity, Cast, Clip, Dropout",
      { { "Identity", "x", "a" },
        { "Cast", "a", "b", "to=1" },
        { "Clip", "b nought half", "c" },
        { "Dropout", "c", "d" },
        { "Transpose", "d", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "Clip", "x nought half", "c" }, { "Conv", "c w", "y" } } },
    { "Pad",
      { { "Pad", "x pads_last", "p" }, { "Transpose", "p", "t", "perm=0,3,1,2" }, { "Conv", "t w", "y" } },
      { { "Pad", "x pads_first", "p" }, { "Conv", "p w", "y" } } },
    { "Pad by reflection",
      { { "Pad", "x pads_last", "p", "mode=reflect" },
        { "Transpose", "p", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "Pad", "x pads_first", "p", "mode=reflect" }, { "Conv", "p w", "y" } } },
    { "rows and columns change places",
      { { "Transpose", "x", "t", "perm=0,3,2,1" }, { "Conv", "t w", "y" } },
      { { "Transpose", "x", "t", "perm=0,1,3,2" }, { "Conv", "t w", "y" } } },
    { "no Transpose at all",
      { { "Relu", "x", "a" },
        { "MatMul", "a m", "b" },
        { "Add", "b four", "c" },
        { "ReduceMean", "c", "y", "axes=1,2 keepdims=0" } },
      { { "Relu", "x", "a" },
        { "Transpose", "a", "t", "perm=0,2,3,1" },
        { "Reshape", "t rows", "r" },
        { "MatMul", "r m", "b" },
        { "Add", "b four", "c" },
        { "ReduceMean", "c", "y", "axes=0, keepdims=0" } } },
    { "two layers that keep channels last",
      { { "MatMul", "x m", "a" },
        { "Sigmoid", "a", "s" },
        { "Mul", "a s", "b" },
        { "MatMul", "b m_2", "c" },
        { "Add", "c x", "y" } },
      { { "Transpose", "x", "u", "perm=0,2,3,1" },
        { "Reshape", "u rows", "r" },
        { "MatMul", "r m", "a" },
        { "Sigmoid", "a", "s" },
        { "Mul", "a s", "b" },
        { "MatMul", "b m_2", "c" },
        { "Add", "c r", "y" } } },
    { "Flatten", { { "Flatten", "x", "y" } }, { { "Transpose", "x", "t", "perm=0,2,3,1" }, { "Flatten", "t", "y" } } },
    { "Slice of a channel", { { "Slice", "x one two three_", "y" } }, { { "Slice", "x one two one", "y" } } },
    { "weights for channels",
      { { "ReduceMean", "x", "a", "axes=1,2" },
        { "Sigmoid", "a", "b" },
        { "Mul", "x b", "c" },
        { "Transpose", "c", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "GlobalAveragePool", "x", "a" }, { "Sigmoid", "a", "b" }, { "Mul", "x b", "c" }, { "Conv", "c w", "y" } } },
    { "weights for channels, from a vector",
      { { "ReduceMean", "x", "a", "axes=1,2 keepdims=0" },
        { "Mul", "a x", "c" },
        { "Transpose", "c", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "GlobalAveragePool", "x", "a" }, { "Mul", "x a", "c" }, { "Conv", "c w", "y" } } },
    { "weights for pixels",
      { { "ReduceMax", "x", "a", "axes=3," },
        { "Mul", "x a", "c" },
        { "Transpose", "c", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "ReduceMax", "x", "a", "axes=1," }, { "Mul", "x a", "c" }, { "Conv", "c w", "y" } } },
    { "weights for rows",
      { { "ReduceMax", "x", "a", "axes=2," },
        { "Mul", "x a", "c" },
        { "Transpose", "c", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "ReduceMax", "x", "a", "axes=3," }, { "Mul", "x a", "c" }, { "Conv", "c w", "y" } } },
    { "Sum of three",
      { { "Mul", "x row", "a" },
        { "Sum", "x a x", "b" },
        { "Transpose", "b", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "Mul", "x column", "a" }, { "Sum", "x a x", "b" }, { "Conv", "b w", "y" } } },
    { "a constant for each pixel",
      { { "Reshape", "pixels per_pixel_last", "p" },
        { "Mul", "x p", "a" },
        { "Transpose", "a", "t", "perm=0,3,1,2" },
        { "Conv", "t w", "y" } },
      { { "Reshape", "pixels per_pixel_first", "p" }, { "Mul", "x p", "a" }, { "Conv", "a w", "y" } } },
    { "there and back",
      { { "Transpose", "x", "a", "perm=0,2,3,1" },
        { "Mul", "a row", "b" },
        { "Transpose", "b", "c", "perm=0,3,1,2" },
        { "Conv", "c w", "y" } },
      { { "Mul", "x column", "b" }, { "Conv", "b w", "y" } },
      1 },
    { "Expand, Mul",
      { { "GlobalMaxPool", "x", "a" },
        { "Shape", "x", "s" },
        { "Expand", "a s", "b" },
        { "Sigmoid", "b", "c" },
        { "Mul", "c x", "y" } },
      { { "GlobalMaxPool", "x", "a" }, { "Sigmoid", "a", "c" }, { "Mul", "c x", "y" } },
      1 },
    { "Expand, Conv",
      { { "GlobalMaxPool", "x", "a" }, { "Shape", "x", "s" }, { "Expand", "a s", "b" }, { "Conv", "b w", "y" } },
      { { "GlobalMaxPool", "x", "a" }, { "Sub", "x x", "z" }, { "Add", "a z", "b" }, { "Conv", "b w", "y" } },
      1 },
    { "Expand to more than it is added to",
      { { "GlobalMaxPool", "x", "a" }, { "Shape", "x", "s" }, { "Expand", "a s", "b" }, { "Add", "b a", "y" } },
      { { "GlobalMaxPool", "x", "a" }, { "Sub", "x x", "z" }, { "Add", "a z", "b" }, { "Add", "b a", "y" } },
      1 },
    { "Expand that changes nothing",
      { { "Shape", "x", "s" }, { "Expand", "x s", "b" }, { "Conv", "b w", "y" } },
      { { "Conv", "x w", "y" } },
      1 },
};

static struct onnx network (const struct line *lines, bool last)
{
    float numbers[HEIGHT * WIDTH];
    struct onnx o = onnx_new (13);
    fill (numbers, HEIGHT * WIDTH, 91);
    onnx_input (&o, "x", last ? "1 8 9 3" : "1 3 8 9");
    onnx_floats (&o, "row", "3", (const float[]) { 0.5f, 2, -1.5f });
    onnx_floats (&o, "column", "3 1 1", (const float[]) { 0.5f, 2, -1.5f });
    onnx_floats (&o, "four", "4", numbers);
    onnx_floats (&o, "w", "2 3 3 3", numbers);
    onnx_floats (&o, "m", "3 4", numbers);
    onnx_floats (&o, "m_2", "4 3", numbers + 12);
    onnx_floats (&o, "pixels", "8 9", numbers);
    onnx_number (&o, "half", 0.5f);
    onnx_number (&o, "nought", 0);
    onnx_ints (&o, "pads_last", "0 1 2 0 0 0 1 0");
    onnx_ints (&o, "pads_first", "0 0 1 2 0 0 0 1");
    onnx_ints (&o, "rows", "-1 3");
    onnx_ints (&o, "one", "1");
    onnx_ints (&o, "two", "2");
    onnx_ints (&o, "three_", "3");
    onnx_ints (&o, "per_pixel_last", "1 8 9 1");
    onnx_ints (&o, "per_pixel_first", "1 1 8 9");
    for (int i = 0; i < LINES && lines[i].operation; i++)
        onnx_node (&o, lines[i].operation, lines[i].inputs, lines[i].output, lines[i].attributes);
    onnx_output (&o, "y", "1");
    return o;
}

static struct model *load (const struct line *lines, bool last, const char *what)
{
    struct error error = { "" };
    struct onnx o = network (lines, last);
    const char *path = scratch_path ("layout.onnx");
    struct model *model = load_onnx (path, &o, &error);
    CHECK (model != NULL, "%s: %s", what, error.text);
    return model;
}

static void check_pair (size_t i)
{
    float picture[NUMBERS], expected[NUMBERS];
    double exact[NUMBERS];
    bool last = !cases[i].channels_first;
    struct model *one = load (cases[i].last, last, cases[i].what), *other = load (cases[i].first, false, cases[i].what);
    size_t count = other ? (size_t)model_classes (other) : 0;
    fill (picture, NUMBERS, 92);
    if (one && other &&
        CHECK (count <= NUMBERS && reference_scores (other, picture, exact, count), "%s", cases[i].what)) {
        const struct input_spec *spec = model_input (one);
        CHECK (spec->channels == 3 && spec->height == HEIGHT && spec->width == WIDTH && spec->channels_last == last,
               "%s: %d x %d x %d", cases[i].what, spec->channels, spec->height, spec->width);
        for (size_t k = 0; k < count; k++)
            expected[k] = (float)exact[k];
        check_scores (cases[i].what, one, picture, expected, count, 1e-5);
    }
    model_unref (one);
    model_unref (other);
}

/* What is put off to save work is not done after all: none of these needs single numbers moved. */
static void check_nothing_moves (void)
{
    static const char *const free[] = { "rescaling before Transpose",
                                        "no Transpose at all",
                                        "weights for channels",
                                        "there and back",
                                        "Expand, Mul",
                                        "Pad" };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool listed = false;
        for (size_t k = 0; k < sizeof free / sizeof free[0]; k++)
            listed = listed || !strcmp (cases[i].what, free[k]);
        struct model *model = listed ? load (cases[i].last, !cases[i].channels_first, cases[i].what) : NULL;
        int moves = 0;
        for (int id = 0; model && id < graph_tensors (model_graph (model)); id++) {
            struct tensor_info t = graph_tensor (model_graph (model), id);
            bool output = id == graph_output_id (model_graph (model), 0);
            moves += !strcmp (t.operation, "pick") && !output && t.channels > 3;
        }
        CHECK (!moves, "%s: %d tensors are put in order", cases[i].what, moves);
        model_unref (model);
    }
}

/* What a file leaves open of its input, or takes in whole numbers. */
static void check_inputs (void)
{
    static const struct {
        const char *what;
        int type;
        const char *dims, *operation, *inputs, *attributes;
        int channels, height;
        bool last;
        const char *why; /* refused */
    } inputs[] = {
        { "channels of the convolution", 1, "1 ? 8 9", "Conv", "x w", "", 3, 8, false, NULL },
        { "channels of groups", 1, "? ? 8 9", "Conv", "x depthwise", "group=4", 4, 8, false, NULL },
        { "channels of nothing", 1, "1 ? 8 9", "Relu", "x", "", 3, 8, false, NULL },
        { "everything open", 1, "? ? ? ?", "Conv", "x w", "", 3, 224, false, NULL },
        { "channels last, size open", 1, "? ? ? 3", "Relu", "x", "", 3, 224, true, NULL },
        { "channels of no sensible group", 1, "1 ? 8 9", "Conv", "x w", "group=9223372036854775807", 0, 0, false,
          "group" },
        { "bytes", 2, "1 8 9 3", "Cast", "x", "to=1", 3, 8, true, NULL },
        { "doubles", 11, "1 3 8 9", "Conv", "x w", "", 3, 8, false, NULL },
        { "32-bit integers", 6, "1 3 8 9", "Cast", "x", "to=1", 0, 0, false, "int32" },
        { "text", 8, "1 3 8 9", "Cast", "x", "to=1", 0, 0, false, "string" },
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        static const float numbers[54] = { 1 };
        struct error error = { "" };
        struct onnx o = onnx_new (13);
        onnx_input_of (&o, "x", inputs[i].type, inputs[i].dims);
        onnx_floats (&o, "w", "2 3 3 3", numbers);
        onnx_floats (&o, "depthwise", "4 1 3 3", numbers);
        onnx_node (&o, inputs[i].operation, inputs[i].inputs, "y", inputs[i].attributes);
        onnx_output (&o, "y", "1");
        onnx_finish (&o);
        const char *path = scratch_path ("input.onnx");
        CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
        onnx_free (&o);
        struct model *model = model_load (path, NULL, &error);
        if (inputs[i].why) {
            CHECK (!model && strstr (error.text, inputs[i].why), "%s: '%s'", inputs[i].what, error.text);
        } else if (CHECK (model != NULL, "%s: %s", inputs[i].what, error.text)) {
            const struct input_spec *spec = model_input (model);
            CHECK (spec->channels == inputs[i].channels && spec->height == inputs[i].height &&
                       spec->channels_last == inputs[i].last,
                   "%s: %d channels, %d rows", inputs[i].what, spec->channels, spec->height);
            bool bytes = spec->given && spec->mean[0] == 0 && spec->std[0] == 1;
            CHECK (bytes == (inputs[i].type == 2), "%s: mean %g", inputs[i].what, (double)spec->mean[0]);
        }
        model_unref (model);
    }
}

void check_layout (void)
{
    check_group ("layout");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_pair (i);
    check_nothing_moves ();
    check_inputs ();
}
