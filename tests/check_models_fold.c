/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_fold.c: what a file calculates with constants is done while it is read.
 *
 * Each case makes a constant "c" out of the lists below with a few nodes. It is added to an image of zeros, so that the
 * network's numbers are the constant's; they were worked out by hand. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include <string.h>

enum { LINES = 6, NUMBERS = 12 };

static const struct {
    const char *what;
    struct line lines[LINES];
    int count; /* 0: the file must be refused */
    float expected[NUMBERS];
} cases[] = {
    { "arithmetic",
      { { "Add", "six ten", "a" }, { "Mul", "a two", "b" }, { "Sub", "b one", "c" } },
      6,
      { 21, 23, 25, 27, 29, 31 } },
    { "arithmetic across",
      { { "Reshape", "six column", "a" }, { "Mul", "a three_1", "c" } },
      12,
      { 7, 8, 14, 16, 21, 24, 28, 32, 35, 40, 42, 48 } },
    { "division towards 0", { { "Div", "signs two", "c" } }, 4, { -1, 0, 0, 1 } },
    { "remainder of the divisor's sign", { { "Mod", "signs two", "c" } }, 4, { 1, 1, 1, 1 } },
    { "division by 0", { { "Div", "six zero", "c" } }, 0, { 0 } },
    { "remainder by 0", { { "Mod", "six zero", "c" } }, 0, { 0 } },
    { "overflow", { { "Mul", "huge huge", "c" } }, 0, { 0 } },
    { "slice of rows backwards",
      { { "Reshape", "six 2_3", "a" }, { "Slice", "a n_1 least zero n_1", "c" } },
      6,
      { 4, 5, 6, 1, 2, 3 } },
    { "slice of columns in steps",
      { { "Reshape", "six 2_3", "a" }, { "Slice", "a zero ten one two", "c" } },
      4,
      { 1, 3, 4, 6 } },
    { "transpose", { { "Reshape", "six 2_3", "a" }, { "Transpose", "a", "c", "perm=1,0" } }, 6, { 1, 4, 2, 5, 3, 6 } },
    { "transpose by default", { { "Reshape", "six 2_3", "a" }, { "Transpose", "a", "c" } }, 6, { 1, 4, 2, 5, 3, 6 } },
    { "concat of columns",
      { { "Reshape", "six 2_3", "a" }, { "Concat", "a a", "c", "axis=1" } },
      12,
      { 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6 } },
    { "concat of another kind", { { "Cast", "six", "a", "to=1" }, { "Concat", "a six", "c", "axis=0" } }, 0, { 0 } },
    { "concat of other rows", { { "Reshape", "six 2_3", "a" }, { "Concat", "a six", "c", "axis=0" } }, 0, { 0 } },
    { "gather of columns", { { "Reshape", "six 2_3", "a" }, { "Gather", "a n_1", "c", "axis=1" } }, 2, { 3, 6 } },
    { "gather of rows", { { "Reshape", "six 2_3", "a" }, { "Gather", "a n_1", "c" } }, 3, { 4, 5, 6 } },
    { "gather beyond", { { "Gather", "six ten", "c" } }, 0, { 0 } },
    { "gather before", { { "Gather", "six least", "c" } }, 0, { 0 } },
    { "split", { { "Split", "six", "a c", "axis=0" } }, 3, { 4, 5, 6 } },
    { "split by sizes", { { "Split", "six sizes", "a b c", "axis=0" } }, 3, { 4, 5, 6 } },
    { "expand",
      { { "Reshape", "signs 2_1_2", "a" }, { "Expand", "a 3_1", "c" } },
      12,
      { -3, -1, -3, -1, -3, -1, 1, 3, 1, 3, 1, 3 } },
    { "expand to what does not fit", { { "Expand", "six signs", "c" } }, 0, { 0 } },
    { "tile", { { "Reshape", "signs 2_2", "a" }, { "Tile", "a sizes_2", "c" } }, 8, { -3, -1, -3, -1, 1, 3, 1, 3 } },
    { "tile by another rank", { { "Tile", "six sizes", "c" } }, 0, { 0 } },
    { "tile by less than 0", { { "Tile", "six n_1", "c" } }, 0, { 0 } },
    { "range",
      { { "Constant", "", "s", "value_int=10" },
        { "Constant", "", "e", "value_int=3" },
        { "Constant", "", "d", "value_int=-2" },
        { "Range", "s e d", "c" } },
      4,
      { 10, 8, 6, 4 } },
    { "range of floats",
      { { "Constant", "", "s", "value_float=1f" },
        { "Constant", "", "e", "value_float=2f" },
        { "Constant", "", "d", "value_float=0.25f" },
        { "Range", "s e d", "c" } },
      4,
      { 1, 1.25f, 1.5f, 1.75f } },
    { "range in steps of 0",
      { { "Constant", "", "s", "value_int=1" },
        { "Constant", "", "e", "value_int=3" },
        { "Constant", "", "d", "value_int=0" },
        { "Range", "s e d", "c" } },
      0,
      { 0 } },
    { "range of a billion",
      { { "Constant", "", "s", "value_int=1" },
        { "Constant", "", "e", "value_int=1000000000" },
        { "Constant", "", "d", "value_int=1" },
        { "Range", "s e d", "c" } },
      0,
      { 0 } },
    { "where", { { "Greater", "six three", "a" }, { "Where", "a six ten", "c" } }, 6, { 10, 10, 10, 4, 5, 6 } },
    { "where not",
      { { "Less", "six three", "a" }, { "Not", "a", "b" }, { "Where", "b six zero", "c" } },
      6,
      { 0, 0, 3, 4, 5, 6 } },
    { "equal, or, and",
      { { "Equal", "six one", "a" },
        { "Equal", "six three", "b" },
        { "Or", "a b", "d" },
        { "And", "d a", "e" },
        { "Add", "d e", "f" },
        { "Cast", "f", "c", "to=7" } },
      6,
      { 2, 0, 1, 0, 0, 0 } },
    { "at least, at most",
      { { "GreaterOrEqual", "six three", "a" },
        { "LessOrEqual", "six three", "b" },
        { "Cast", "six", "f", "to=1" },
        { "GreaterOrEqual", "f f", "g" },
        { "Concat", "a b", "d", "axis=0" },
        { "Mul", "d one", "c" } },
      12,
      { 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0 } },
    { "where of both kinds", { { "Cast", "six", "a", "to=1" }, { "Where", "one a six", "c" } }, 0, { 0 } },
    { "product", { { "ReduceProd", "six", "a" }, { "Mul", "a one", "c" } }, 1, { 720 } },
    { "product of columns",
      { { "Reshape", "six 2_3", "a" }, { "ReduceProd", "a", "c", "axes=1, keepdims=0" } },
      2,
      { 6, 120 } },
    { "sum of rows", { { "Reshape", "six 2_3", "a" }, { "ReduceSum", "a zero", "c" } }, 3, { 5, 7, 9 } },
    { "least and most",
      { { "ReduceMin", "signs", "a" }, { "ReduceMax", "signs", "b" }, { "Concat", "a b", "c", "axis=0" } },
      2,
      { -3, 3 } },
    { "mean of floats",
      { { "Cast", "six", "a", "to=1" }, { "ReduceMean", "a", "b" }, { "Mul", "b b", "c" } },
      1,
      { 12.25f } },
    { "product that overflows", { { "ReduceProd", "huge", "c" } }, 0, { 0 } },
    { "size", { { "Reshape", "six 2_3", "a" }, { "Size", "a", "b" }, { "Mul", "b one", "c" } }, 1, { 6 } },
    { "floats",
      { { "Cast", "six", "a", "to=1" },
        { "Sqrt", "a", "b" },
        { "Mul", "b b", "d" },
        { "Ceil", "d", "e" },
        { "Slice", "e zero one", "c" } },
      1,
      { 1 } },
    { "power",
      { { "Cast", "six", "a", "to=1" }, { "Cast", "two", "b", "to=1" }, { "Pow", "a b", "c" } },
      6,
      { 1, 4, 9, 16, 25, 36 } },
    { "limits", { { "Max", "six three", "a" }, { "Min", "a five", "c" } }, 6, { 3, 3, 3, 4, 5, 5 } },
    { "negative",
      { { "Neg", "six", "a" }, { "Abs", "a", "b" }, { "Add", "a b", "d" }, { "Sub", "d six", "c" } },
      6,
      { -1, -2, -3, -4, -5, -6 } },
    { "to bool and back", { { "Cast", "signs", "a", "to=9" }, { "Cast", "a", "c", "to=1" } }, 4, { 1, 1, 1, 1 } },
    { "to 8 bits", { { "Cast", "large", "c", "to=2" } }, 2, { 44, 255 } },
    { "to 8 bits with sign", { { "Cast", "large", "c", "to=3" } }, 2, { 44, -1 } },
    { "to text", { { "Cast", "six", "c", "to=8" } }, 0, { 0 } },
    { "to 16 bits", { { "Cast", "large", "c", "to=4" } }, 2, { 300, 65535 } },
    { "to 16 bits with sign", { { "Cast", "large", "c", "to=5" } }, 2, { 300, -1 } },
    { "to 32 bits", { { "Cast", "large", "c", "to=12" } }, 2, { 300, 4294967296.0f } },
    { "to 32 bits with sign", { { "Cast", "large", "c", "to=6" } }, 2, { 300, -1 } },
    { "floats to bool", { { "Cast", "signs", "a", "to=1" }, { "Cast", "a", "c", "to=9" } }, 4, { 1, 1, 1, 1 } },
    { "no number to an integer",
      { { "Cast", "n_1", "a", "to=1" }, { "Sqrt", "a", "b" }, { "Cast", "b", "c", "to=7" } },
      0,
      { 0 } },
    { "sizes of floats", { { "Cast", "signs", "a", "to=1" }, { "Abs", "a", "c" } }, 4, { 3, 1, 1, 3 } },
    { "floats negated", { { "Cast", "signs", "a", "to=1" }, { "Neg", "a", "c" } }, 4, { 3, 1, -1, -3 } },
    { "remainder of floats",
      { { "Cast", "signs", "a", "to=1" }, { "Cast", "two", "b", "to=1" }, { "Mod", "a b", "c", "fmod=1" } },
      4,
      { -1, -1, 1, 1 } },
    { "remainder of floats as of integers",
      { { "Cast", "signs", "a", "to=1" }, { "Cast", "two", "b", "to=1" }, { "Mod", "a b", "c" } },
      0,
      { 0 } },
    { "limits of floats",
      { { "Cast", "six", "a", "to=1" },
        { "Cast", "three", "b", "to=1" },
        { "Cast", "five", "d", "to=1" },
        { "Max", "a b", "e" },
        { "Min", "e d", "c" } },
      6,
      { 3, 3, 3, 4, 5, 5 } },
    { "floats below and above",
      { { "Cast", "six", "a", "to=1" },
        { "Cast", "three", "b", "to=1" },
        { "Less", "a b", "d" },
        { "Greater", "a b", "e" },
        { "Sub", "d e", "c" } },
      6,
      { 1, 1, 0, -1, -1, -1 } },
    { "floats at most and equal",
      { { "Cast", "six", "a", "to=1" },
        { "Cast", "three", "b", "to=1" },
        { "LessOrEqual", "a b", "d" },
        { "Equal", "a b", "e" },
        { "Add", "d e", "c" } },
      6,
      { 1, 1, 2, 0, 0, 0 } },
    { "floats at least",
      { { "Cast", "six", "a", "to=1" }, { "Cast", "three", "b", "to=1" }, { "GreaterOrEqual", "a b", "c" } },
      6,
      { 0, 0, 1, 1, 1, 1 } },
    { "a range from six numbers", { { "Range", "six one one", "c" } }, 0, { 0 } },
    { "the largest of nothing", { { "Slice", "six zero zero", "a" }, { "ReduceMax", "a", "c" } }, 0, { 0 } },
    { "more sizes than parts", { { "Split", "six sizes", "a c", "axis=0" } }, 0, { 0 } },
    { "parts that leave some", { { "Split", "six sizes_2", "a c", "axis=0" } }, 0, { 0 } },
    { "to a size below 0", { { "Expand", "one n_1", "c" } }, 0, { 0 } },
    { "weights made even",
      { { "Cast", "signs", "a", "to=1" },
        { "Reshape", "a 1_1_4", "b" },
        { "Cast", "two", "s", "to=1" },
        { "BatchNormalization", "b s s s s", "c", "training_mode=1 epsilon=11f" } },
      4,
      { 0.5f, 1.5f, 2.5f, 3.5f } },
    { "weights of no channels made even",
      { { "Cast", "six", "a", "to=1" },
        { "Cast", "two", "s", "to=1" },
        { "BatchNormalization", "a s s s s", "c", "training_mode=1" } },
      0,
      { 0 } },
    { "floats in an attribute", { { "Constant", "", "c", "value_floats=1f,2.5f,-3f" } }, 3, { 1, 2.5f, -3 } },
    { "a constant of nothing", { { "Constant", "", "c", "value_ints=5" } }, 0, { 0 } },
    { "four numbers as two and a half", { { "Reshape", "signs n_2", "c" } }, 0, { 0 } },
    { "a billion", { { "Expand", "one billion", "c" } }, 0, { 0 } },
};

static void add_constants (struct onnx *o)
{
    static const struct {
        const char *name, *numbers;
    } lists[] = {
        { "zero", "0" },
        { "one", "1" },
        { "two", "2" },
        { "three", "3" },
        { "five", "5" },
        { "ten", "10" },
        { "n_1", "-1" },
        { "least", "-1000000" },
        { "six", "1 2 3 4 5 6" },
        { "signs", "-3 -1 1 3" },
        { "sizes", "1 2 3" },
        { "sizes_2", "1 2" },
        { "huge", "4611686018427387904 4" },
        { "large", "300 -1" },
        { "2_3", "2 3" },
        { "2_2", "2 2" },
        { "column", "6 1" },
        { "three_1", "7 8" },
        { "2_1_2", "2 1 2" },
        { "1_1_4", "1 1 4" },
        { "n_2", "-2" },
        { "3_1", "3 1" },
        { "billion", "1000000000" },
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        onnx_ints (o, lists[i].name, lists[i].numbers);
}

/* x + c of the case's nodes; c has `count` numbers. */
static struct onnx network (const struct line *lines, int count)
{
    char dims[32];
    struct onnx o = onnx_new (14);
    snprintf (dims, sizeof dims, "1 %d", count ? count : 1);
    onnx_input (&o, "x", dims);
    add_constants (&o);
    onnx_ints (&o, "flat", "1 -1");
    for (int i = 0; i < LINES && lines[i].operation; i++)
        onnx_node (&o, lines[i].operation, lines[i].inputs, lines[i].output, lines[i].attributes);
    onnx_node (&o, "Cast", "c", "floats", "to=1");
    onnx_node (&o, "Reshape", "floats flat", "row", "");
    onnx_node (&o, "Add", "x row", "y", "");
    onnx_output (&o, "y", dims);
    onnx_finish (&o);
    return o;
}

static void check_case (size_t i)
{
    static const float zeros[NUMBERS];
    struct error error = { "" };
    struct onnx o = network (cases[i].lines, cases[i].count);
    const char *path = scratch_path ("fold.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    struct model *model = model_load (path, NULL, &error);
    if (!cases[i].count)
        CHECK (!model && strstr (error.text, "fold.onnx"), "%s: is accepted, or '%s'", cases[i].what, error.text);
    else if (CHECK (model != NULL, "%s: %s", cases[i].what, error.text))
        check_scores (cases[i].what, model, zeros, cases[i].expected, (size_t)cases[i].count, 0);
    memory_runs_short (path);
    model_unref (model);
}

/* Every type of number that a tensor may hold, raw and in its field. */
static void check_types (void)
{
    static const struct {
        int type, field;
        size_t size;
        const char *bytes; /* of two numbers */
        float expected[2];
    } types[] = {
        { 2, 5, 2, "\x01\xff", { 1, 255 } },
        { 3, 5, 2, "\x01\xff", { 1, -1 } },
        { 4, 5, 4, "\x01\x00\xff\xff", { 1, 65535 } },
        { 5, 5, 4, "\x01\x00\xfe\xff", { 1, -2 } },
        { 6, 5, 8, "\x01\x00\x00\x00\xfd\xff\xff\xff", { 1, -3 } },
        { 7, 7, 16, "\x01\x00\x00\x00\x00\x00\x00\x00\xfc\xff\xff\xff\xff\xff\xff\xff", { 1, -4 } },
        { 9, 5, 2, "\x00\x01", { 0, 1 } },
        { 11, 10, 16, "\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x04\xc0", { 1, -2.5f } },
        { 12, 11, 8, "\x01\x00\x00\x00\x00\x00\x00\x80", { 1, 2147483648.0f } },
        { 13, 11, 16, "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00", { 1, 4294967296.0f } },
    };
    const float zeros[2] = { 0 };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        for (int raw = 0; raw < 2; raw++) {
            char what[40];
            struct error error = { "" };
            struct onnx o = onnx_new (13);
            struct message t = tensor_message ("c", types[i].type, "2", types[i].bytes, raw ? types[i].size : 0);
            if (!raw && types[i].type == 11)
                put_block (&t, 10, types[i].bytes, types[i].size);
            for (int k = 0; !raw && types[i].type != 11 && k < 2; k++)
                put_int (&t, types[i].field, (int64_t)types[i].expected[k]);
            put_message (&o.graph, 5, &t);
            onnx_input (&o, "x", "1 2");
            onnx_node (&o, "Cast", "c", "f", "to=1");
            onnx_node (&o, "Add", "x f", "y", "");
            onnx_output (&o, "y", "1 2");
            onnx_finish (&o);
            const char *path = scratch_path ("fold.onnx");
            CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
            onnx_free (&o);
            struct model *model = model_load (path, NULL, &error);
            snprintf (what, sizeof what, "type %d%s", types[i].type, raw ? ", raw" : "");
            if (CHECK (model != NULL, "%s: %s", what, error.text))
                check_scores (what, model, zeros, types[i].expected, 2, 0);
            model_unref (model);
        }
    }
}

/* A million integers through a few operators: as large as the budget allows. */
static void check_large (void)
{
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    const float zero = 0, expected = 499999500000.0f;
    onnx_input (&o, "x", "1 1");
    onnx_ints (&o, "zeros", "0");
    onnx_node (&o, "Constant", "", "s", "value_int=0");
    onnx_node (&o, "Constant", "", "e", "value_int=1000000");
    onnx_node (&o, "Constant", "", "d", "value_int=1");
    onnx_node (&o, "Range", "s e d", "a", "");
    onnx_node (&o, "ReduceSum", "a", "b", "keepdims=0");
    onnx_node (&o, "Cast", "b", "f", "to=1");
    onnx_node (&o, "Add", "x f", "y", "");
    onnx_output (&o, "y", "1 1");
    onnx_finish (&o);
    const char *path = scratch_path ("fold.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    struct model *model = model_load (path, NULL, &error);
    if (CHECK (model != NULL, "%s", error.text))
        check_scores ("the sum of a million", model, &zero, &expected, 1, 1e-7);
    model_unref (model);
}

/* A few bytes of file that ask for a large constant again and again are refused before that takes long. */
static void check_work (void)
{
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    char name[32];
    onnx_input (&o, "x", "1 1");
    onnx_ints (&o, "million", "1000000");
    onnx_node (&o, "ConstantOfShape", "million", "a", "");
    for (int i = 0; i < 2000; i++) {
        char inputs[64], sum[32];
        snprintf (name, sizeof name, "s%d", i);
        snprintf (inputs, sizeof inputs, "%s%d s%d", i ? "y" : "x", i, i);
        snprintf (sum, sizeof sum, "y%d", i + 1);
        onnx_node (&o, "ReduceSum", "a", name, "keepdims=0");
        onnx_node (&o, "Add", i ? inputs : "x s0", sum, "");
    }
    onnx_output (&o, "y2000", "1 1");
    onnx_finish (&o);
    const char *path = scratch_path ("fold.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    struct model *model = model_load (path, NULL, &error);
    CHECK (!model && strstr (error.text, "million steps to read"), "'%s'", error.text);
    model_unref (model);
}

void check_fold (void)
{
    check_group ("constants");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_case (i);
    check_types ();
    check_large ();
    check_work ();
}
