/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_formats.c: the ways in which a file may write numbers down and describe its input. */
#include "tests/check_models.h"

#include "models/onnx_scan.h"

#include <math.h>
#include <string.h>

static struct model *load (struct onnx *o, struct error *error)
{
    return load_onnx (scratch_path ("format.onnx"), o, error);
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* The eight numbers of tensor `w`, got by adding them to zeros. Takes w. */
static void check_numbers (const char *what, struct message *w, const float expected[8])
{
    struct onnx o = onnx_new (13);
    struct error error = { "" };
    const float zeros[8] = { 0 };
    double found[8];
    onnx_input (&o, "x", "1 8");
    put_message (&o.graph, 5, w);
    onnx_node (&o, "Add", "x w", "y", "");
    onnx_output (&o, "y", "1 8");
    struct model *model = load (&o, &error);
    if (CHECK (model && reference_scores (model, zeros, found, 8), "%s: %s", what, error.text)) {
        for (int i = 0; i < 8; i++)
            CHECK (isnan (expected[i]) ? isnan (found[i]) : found[i] == (double)expected[i], "%s: number %d is %g",
                   what, i, found[i]);
    }
    model_unref (model);
}

static void check_number_formats (void)
{
    static const uint16_t halves[8] = { 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0x7e01 };
    const float half_values[8] = { 1, -2, 65504, 0x1p-24f, 1023 * 0x1p-24f, 0x1p-14f, INFINITY, (float)NAN };
    static const uint16_t bfloats[8] = { 0x3f80, 0xc000, 0x7f80, 0x7fc0, 0x4049, 0x0080, 0xff80, 0x3e80 };
    const float bfloat_values[8] = { 1, -2, INFINITY, (float)NAN, 3.140625f, 0x1p-126f, -INFINITY, 0.25f };
    const float floats[8] = { 1, -2, 3.5f, 1e38f, 1e-38f, INFINITY, (float)NAN, -0.0f };
    struct message w = tensor_message ("w", 10, "8", halves, sizeof halves);
    check_numbers ("half floats as bytes", &w, half_values);
    w = tensor_message ("w", 16, "8", bfloats, sizeof bfloats);
    check_numbers ("bfloats as bytes", &w, bfloat_values);
    w = tensor_message ("w", 1, "1 8", floats, sizeof floats);
    check_numbers ("floats as bytes", &w, floats);
    struct message typed = { 0 }, list = { 0 };
    put_int (&typed, 1, 8);
    put_int (&typed, 2, 1);
    put_text (&typed, 8, "w");
    put_block (&typed, 4, floats, sizeof floats);
    check_numbers ("floats as floats", &typed, floats);
    put_int (&typed, 1, 8);
    put_int (&typed, 2, 10);
    put_text (&typed, 8, "w");
    for (int i = 0; i < 8; i++)
        put_varint (&list, halves[i]);
    put_message (&typed, 5, &list);
    check_numbers ("half floats as integers", &typed, half_values);
}

/* Axes as 32-bit integers, bytes and in the typed field. */
static void check_integer_formats (void)
{
    const int32_t narrow[2] = { 2, -1 };
    for (int k = 0; k < 2; k++) {
        struct onnx o = onnx_new (13);
        struct error error = { "" };
        struct message axes = { 0 };
        if (k == 0) {
            axes = tensor_message ("axes", 6, "2", narrow, sizeof narrow);
        } else {
            put_int (&axes, 1, 2);
            put_int (&axes, 2, 7);
            put_text (&axes, 8, "axes");
            put_int (&axes, 7, 2);
            put_int (&axes, 7, -1);
        }
        put_message (&o.graph, 5, &axes);
        onnx_input (&o, "x", "1 3 1 1");
        onnx_node (&o, "Squeeze", "x axes", "y", "");
        onnx_output (&o, "y", "1 3");
        struct model *model = load (&o, &error);
        CHECK (model && model_classes (model) == 3, "integers, way %d: %s", k, error.text);
        model_unref (model);
    }
}

/* ---- the input ----------------------------------------------------------------------------------------------- */

static void check_input_shapes (void)
{
    static const struct {
        const char *dims, *perm; /* of a Transpose in front, NULL: none */
        int channels, height, width;
    } cases[] = {
        { "1 3 5 7", NULL, 3, 5, 7 },
        { "? 3 5 7", NULL, 3, 5, 7 },
        { "? 3 ? ?", NULL, 3, 224, 224 },
        { "1 1 ? 7", NULL, 1, 224, 7 },
        { "-1 3 -1 -1", NULL, 3, 224, 224 },
        { "1 5 7 3", "perm=0,3,1,2", 3, 5, 7 },
        { "? ? ? 3", "perm=0,3,1,2", 3, 224, 224 },
        { "1 5 7 4", "perm=0,3,1,2", 4, 5, 7 },
        { "1 5 7 3", "perm=0,3,2,1", 5, 7, 3 }, /* another order is really carried out */
        { "3 5 7", NULL, 3, 5, 7 },
        { "1 105", NULL, 105, 1, 1 },
        { "105", NULL, 105, 1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct onnx o = onnx_new (13);
        struct error error = { "" };
        onnx_input (&o, "x", cases[i].dims);
        if (cases[i].perm)
            onnx_node (&o, "Transpose", "x", "t", cases[i].perm);
        onnx_node (&o, "Relu", cases[i].perm ? "t" : "x", "y", "");
        onnx_output (&o, "y", "1");
        struct model *model = load (&o, &error);
        if (!CHECK (model != NULL, "%s: %s", cases[i].dims, error.text))
            continue;
        const struct input_spec *spec = model_input (model);
        CHECK (spec->channels == cases[i].channels && spec->height == cases[i].height && spec->width == cases[i].width,
               "%s: read as %d x %d x %d", cases[i].dims, spec->channels, spec->height, spec->width);
        model_unref (model);
    }
}

/* Rows, columns, channels in the file: the tensor is made as channels, rows, columns, and nothing is reordered. */
static void check_channels_last (void)
{
    struct onnx o = onnx_new (13);
    struct error error = { "" };
    float input[105], weights[6], expected[70];
    fill (input, 105, 81);
    fill (weights, 6, 82);
    onnx_input (&o, "x", "1 5 7 3");
    onnx_floats (&o, "w", "2 3 1 1", weights);
    onnx_node (&o, "Transpose", "x", "t", "perm=0,3,1,2");
    onnx_node (&o, "Conv", "t w", "y", "");
    onnx_output (&o, "y", "1 2 5 7");
    struct model *model = load (&o, &error);
    if (!CHECK (model != NULL, "%s", error.text))
        return;
    for (int i = 0; i < 70; i++) {
        expected[i] = 0;
        for (int c = 0; c < 3; c++)
            expected[i] += weights[i / 35 * 3 + c] * input[c * 35 + i % 35];
    }
    check_scores ("channels last", model, input, expected, 70, 1e-6);
    CHECK (graph_tensors (model_graph (model)) == 2, "%d tensors", graph_tensors (model_graph (model)));
    model_unref (model);
}

enum { LIST = 2048 };

/* Bytes of the file without its numbers. */
static size_t compact_size (const char *path)
{
    size_t size;
    struct error error = { "" };
    struct onnx_compact compact = { NULL, 0, 0 };
    char *bytes = slurp (path, &size);
    CHECK (bytes && onnx_scan (path, bytes, size, &compact, &error), "%s", error.text);
    free (compact.bytes);
    free (bytes);
    return compact.size;
}

/* A long list of floats stays where it lies in the file, where it is all that there is of the tensor's numbers. */
static void check_float_lists (void)
{
    static const struct {
        const char *what;
        int type, lists; /* 0: one of half the numbers */
        bool late, raw, copied;
        const char *why; /* NULL: it must load */
    } cases[] = {
        { "one list", 1, 1, false, false, false, NULL },
        { "one list before its type", 1, 1, true, false, false, NULL },
        { "two lists", 1, 2, false, false, true, NULL },
        { "a list and bytes", 1, 1, false, true, true, "has its numbers twice" },
        { "a list of doubles", 11, 1, false, false, true, "the file has 0 numbers" },
        { "half a list", 1, 0, false, false, false, "4096 bytes" },
    };
    static float numbers[LIST], zeros[LIST];
    fill (numbers, LIST, 90);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = { "" };
        struct onnx o = onnx_new (13);
        struct message w = { 0 };
        const char *path = scratch_path ("format.onnx");
        size_t each = cases[i].lists ? LIST / (size_t)cases[i].lists : LIST / 2;
        for (int end = 0; end < 2; end++) {
            if (end != cases[i].late) {
                for (size_t from = 0; from < (cases[i].lists ? LIST : LIST / 2); from += each)
                    put_block (&w, 4, numbers + from, each * sizeof (float));
                continue;
            }
            put_int (&w, 1, LIST);
            put_int (&w, 2, cases[i].type);
            put_text (&w, 8, "w");
        }
        if (cases[i].raw)
            put_block (&w, 9, numbers, sizeof numbers);
        onnx_input (&o, "x", "1 2048");
        put_message (&o.graph, 5, &w);
        onnx_node (&o, "Add", "x w", "y", "");
        onnx_output (&o, "y", "1 2048");
        struct model *model = load (&o, &error);
        if (cases[i].why)
            CHECK (!model && strstr (error.text, cases[i].why), "%s: '%s'", cases[i].what, error.text);
        else if (CHECK (model != NULL, "%s: %s", cases[i].what, error.text))
            check_scores (cases[i].what, model, zeros, numbers, LIST, 0);
        CHECK ((compact_size (path) > 2048) == cases[i].copied, "%s: %zu bytes are copied", cases[i].what,
               compact_size (path));
        model_unref (model);
    }
}

/* Tensors are called what ONNX calls them; outputs keep their order. */
static void check_names (void)
{
    struct onnx o = onnx_new (13);
    struct error error = { "" };
    onnx_input (&o, "x", "1 3 4 4");
    onnx_node (&o, "Relu", "x", "a/Relu_output_0", "");
    onnx_node (&o, "GlobalAveragePool", "a/Relu_output_0", "b", "");
    onnx_node (&o, "Flatten", "b", "scores", "");
    onnx_node (&o, "Identity", "x", "copy", "");
    onnx_output (&o, "scores", "1 3");
    onnx_output (&o, "a/Relu_output_0", "1 3 4 4");
    onnx_output (&o, "copy", "1 3 4 4");
    struct model *model = load (&o, &error);
    if (!CHECK (model != NULL, "%s", error.text))
        return;
    struct graph *g = model_graph (model);
    static const char *const names[] = { "scores", "a/Relu_output_0", "copy" };
    CHECK (graph_outputs (g) == 3, "%d outputs", graph_outputs (g));
    for (int i = 0; i < 3; i++) {
        const char *name = graph_tensor (g, graph_output_id (g, i)).name;
        CHECK (!strcmp (name, names[i]), "output %d is called '%s'", i, name);
    }
    CHECK (graph_find (g, "b") > 0 && !strcmp (graph_tensor (g, 0).name, "x"), "inner names");
    model_unref (model);
}

void check_formats (void)
{
    check_group ("formats");
    check_number_formats ();
    check_integer_formats ();
    check_float_lists ();
    check_input_shapes ();
    check_channels_last ();
    check_names ();
}
