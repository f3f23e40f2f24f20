/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_qdq.c: networks written as ONNX files of 8 bits (qdq.h) and read again: every operator alone, where
 * nothing may change, whole networks by how near they stay, and what is refused. */
#include "tests/allocations.h"
#include "tests/check_models.h"

#include "engine/ranges.h"
#include "models/calibrate.h"
#include "models/npy.h"
#include "models/qdq.h"

#include <math.h>
#include <string.h>

/* ---- comparing ----------------------------------------------------------------------------------------------- */

/* 10 log10 (signal / difference) of the first outputs; -infinity: they cannot be compared. `same`: the best class. */
static double compare (struct model *a, struct model *b, const float *input, bool *same)
{
    struct error error = { "" };
    const struct plan_options options = { .threads = 1 };
    struct plan *plans[2] = { plan_new (model_graph (a), &options, &error),
                              plan_new (model_graph (b), &options, &error) };
    double signal = 0, difference = 0;
    int best[2] = { 0, 0 };
    bool good = plans[0] && plans[1] && model_classes (a) == model_classes (b);
    CHECK (good, "%s, %d and %d numbers", error.text, model_classes (a), model_classes (b));
    for (int i = 0; good && i < 2; i++)
        plan_run (plans[i], input);
    for (int k = 0; good && k < model_classes (a); k++) {
        double x = (double)plan_output (plans[0], 0)->data[k], y = (double)plan_output (plans[1], 0)->data[k];
        signal += x * x;
        difference += (x - y) * (x - y);
        for (int i = 0; i < 2; i++) {
            const float *data = plan_output (plans[i], 0)->data;
            best[i] = data[k] > data[best[i]] ? k : best[i];
        }
    }
    *same = good && best[0] == best[1];
    plan_free (plans[0]);
    plan_free (plans[1]);
    return !good ? -INFINITY : difference > 0 ? 10 * log10 (signal / difference) : INFINITY;
}

/* Writes the model and reads it again; NULL after a failure. */
static struct model *again (struct model *model, const struct ranges *ranges, const char *what, struct qdq_file *file)
{
    struct error error = { "" };
    const char *path = scratch_path ("again.onnx");
    bool written = qdq_write (model, ranges, path, file, &error);
    struct model *read = written ? model_load (path, NULL, &error) : NULL;
    CHECK (read != NULL, "%s: %s", what, error.text);
    return read;
}

/* ---- each operator ------------------------------------------------------------------------------------------- */

/* Numbers that 8 bits hold exactly: of 127ths, and 1 among those of each output channel. */
static void fill_grid (float *to, size_t count, size_t each, unsigned seed)
{
    fill (to, count, seed);
    for (size_t i = 0; i < count; i++)
        to[i] = i % each ? rintf (127 * to[i]) / 127 : 1;
}

struct operator_case {
    const char *operation, *inputs, *attributes;
    const char *second; /* a node behind it, "OPERATION inputs"; NULL: none */
    const char *dims;   /* of the output */
};

static void write_constants (struct onnx *o)
{
    float numbers[4 * 360];
    fill_grid (numbers, 4 * 4 * 9, 36, 3);
    onnx_floats (o, "w", "4 4 3 3", numbers);
    fill_grid (numbers, 4 * 9, 9, 4);
    onnx_floats (o, "dw", "4 1 3 3", numbers);
    fill_grid (numbers, 360 * 4, 4, 5);
    for (int i = 0; i < 4; i++)
        numbers[i] = 1; /* one in each column */
    onnx_floats (o, "fc", "360 4", numbers);
    fill (numbers, 16, 6);
    onnx_floats (o, "bias", "4", numbers);
    onnx_floats (o, "mean", "4", numbers + 4);
    onnx_floats (o, "scale", "4", (float[]) { 1, -1, 2, 0.5f });
    onnx_floats (o, "variance", "4", (float[]) { 1, 0.5f, 2, 3 });
    onnx_floats (o, "slopes", "4 1 1", numbers + 8);
    onnx_number (o, "least", -0.25f);
    onnx_number (o, "most", 0.5f);
    onnx_ints (o, "one", "1 2");
    onnx_ints (o, "end", "8 9");
    onnx_ints (o, "axes", "2 3");
    onnx_ints (o, "steps", "2 3");
    onnx_ints (o, "pads", "0 0 1 2 0 0 3 0");
    onnx_ints (o, "channel_pads", "0 1 0 0 0 2 0 0");
    onnx_ints (o, "order", "3 1 1 0 2");
    onnx_ints (o, "shape", "1 2 18 10");
}

static void check_operator (const struct operator_case *c)
{
    float input[360];
    struct error error = { "" };
    struct qdq_file file;
    const char *path = scratch_path ("operator.onnx");
    struct onnx o = onnx_new (20);
    char second[100];
    fill (input, 360, 9);
    onnx_input (&o, "x", "1 4 9 10");
    write_constants (&o);
    onnx_node (&o, c->operation, c->inputs, c->second ? "first" : "y", c->attributes);
    if (c->second) {
        snprintf (second, sizeof second, "%s", c->second);
        char *rest = strchr (second, ' ');
        *rest = 0;
        onnx_node (&o, second, rest + 1, "y", strcmp (second, "BatchNormalization") ? "" : "epsilon=0.001f");
    }
    onnx_output (&o, "y", c->dims);
    onnx_finish (&o);
    struct model *model = write_file (path, o.file.data, o.file.size) ? model_load (path, NULL, &error) : NULL;
    if (CHECK (model != NULL, "%s: %s", c->operation, error.text)) {
        struct ranges *none = ranges_new (model_graph (model));
        struct model *read = again (model, none, c->operation, &file);
        bool same;
        double db = read ? compare (model, read, input, &same) : -INFINITY;
        CHECK (db > 100, "%s '%s', %s: %g dB", c->operation, c->attributes, c->second ? c->second : "alone", db);
        CHECK (file.tensors == 0 && file.layers == (strstr ("Conv Gemm Flatten", c->operation) != NULL), "%s: %d, %d",
               c->operation, file.tensors, file.layers);
        ranges_free (none);
        model_unref (read);
    }
    model_unref (model);
    onnx_free (&o);
}

static void check_each_operator (void)
{
    static const struct operator_case cases[] = {
        { "Conv", "x w bias", "strides=2,1 dilations=2,1 pads=1,0,2,3", NULL, "1 4 5 11" },
        { "Conv", "x dw", "group=4", NULL, "1 4 7 8" },
        { "Conv", "x w bias", "pads=1,1,1,1", "BatchNormalization first scale bias mean variance", "1 4 9 10" },
        { "Conv", "x w", "pads=1,1,1,1", "Relu first", "1 4 9 10" },
        { "BatchNormalization", "x scale bias mean variance", "epsilon=0.01f", NULL, "1 4 9 10" },
        { "Flatten", "x", "", "Gemm first fc", "1 4" },
        { "Relu", "x", "", NULL, "1 4 9 10" },
        { "Clip", "x least most", "", NULL, "1 4 9 10" },
        { "LeakyRelu", "x", "alpha=0.3f", NULL, "1 4 9 10" },
        { "PRelu", "x slopes", "", NULL, "1 4 9 10" },
        { "Elu", "x", "alpha=0.7f", NULL, "1 4 9 10" },
        { "Gelu", "x", "", NULL, "1 4 9 10" },
        { "Gelu", "x", "approximate=tanh", NULL, "1 4 9 10" },
        { "Sigmoid", "x", "", "Mul x first", "1 4 9 10" },
        { "HardSwish", "x", "", NULL, "1 4 9 10" },
        { "HardSigmoid", "x", "alpha=0.3f beta=0.4f", NULL, "1 4 9 10" },
        { "Mish", "x", "", NULL, "1 4 9 10" },
        { "Tanh", "x", "", NULL, "1 4 9 10" },
        { "MaxPool", "x", "kernel_shape=3,2 strides=2,1 pads=1,0,1,1 dilations=1,2", NULL, "1 4 5 9" },
        { "MaxPool", "x", "kernel_shape=3,3 strides=2,2 ceil_mode=1", NULL, "1 4 4 5" },
        { "AveragePool", "x", "kernel_shape=2,2 dilations=3,2", NULL, "1 4 6 8" },
        { "AveragePool", "x", "kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1", NULL, "1 4 9 10" },
        { "AveragePool", "x", "kernel_shape=3,3 pads=1,1,1,1", NULL, "1 4 9 10" },
        { "GlobalAveragePool", "x", "", "Mul x first", "1 4 9 10" },
        { "GlobalMaxPool", "x", "", "Add first x", "1 4 9 10" },
        { "GlobalMaxPool", "x", "", "Softmax first", "1 4 1 1" },
        { "GlobalMaxPool", "x", "", "Flatten first", "1 4" },
        { "Tanh", "x", "", "Concat first x first", "1 12 9 10" },
        { "Slice", "x one end axes steps", "", NULL, "1 4 4 3" },
        { "Pad", "x pads least", "", NULL, "1 4 13 12" },
        { "Pad", "x channel_pads most", "", NULL, "1 7 9 10" },
        { "Gather", "x order", "axis=1", NULL, "1 5 9 10" },
        { "Reshape", "x shape", "", NULL, "1 2 18 10" },
        { "LogSoftmax", "x", "axis=1", NULL, "1 4 9 10" },
    };
    check_group ("operators written again");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_operator (&cases[i]);
}

/* ---- whole networks ------------------------------------------------------------------------------------------ */

/* Pictures for calibration: one array, again and again. */
static bool show (void *data, int index, float *input, struct error *error)
{
    const struct npy *array = data;
    (void)index;
    (void)error;
    memcpy (input, array->data, array->count * sizeof *input);
    return true;
}

/* How true the file of 8 bits is with ranges of this very input: at least `least` dB. */
static void check_network (const char *data, const char *name, const char *input, double least, bool trained)
{
    char path[1200];
    struct error error = { "" };
    struct npy array = { 0 };
    struct qdq_file file = { 0 };
    bool same = false;
    snprintf (path, sizeof path, "%s/%s", data, name);
    struct model *model = model_load (path, NULL, &error), *read = NULL;
    snprintf (path, sizeof path, "%s/%s", data, input);
    if (!CHECK (model && npy_read (path, &array, &error), "%s", error.text)) {
        model_unref (model);
        return;
    }
    /* The data's inputs are prepared already, so that only what was seen says what range they have. */
    struct input_spec spec = *model_input (model);
    float low = 0, high = 0;
    for (size_t i = 0; i < array.count; i++) {
        low = fminf (low, array.data[i]);
        high = fmaxf (high, array.data[i]);
    }
    for (int c = 0; c < 4; c++) {
        spec.std[c] = 255 / (high - low);
        spec.mean[c] = -low * spec.std[c];
    }
    const struct calibration how = {
        .pictures = 1, .picture = show, .data = &array, .margin = 1, .spec = &spec, .threads = 2
    };
    struct ranges *ranges = calibrate (model, &how, &error);
    if (CHECK (ranges != NULL, "%s: %s", name, error.text))
        read = again (model, ranges, name, &file);
    double db = read ? compare (model, read, array.data, &same) : -INFINITY;
    printf ("# %s in 8 bits: %.1f dB\n", name, db);
    CHECK (db >= least && (same || !trained), "%s: %.1f dB, the best class is %s", name, db,
           same ? "the same" : "another");
    CHECK (read && model_quantised (read).tensors >= file.tensors && file.tensors > 10, "%s: %d tensors", name,
           file.tensors);
    model_unref (read);
    model_unref (model);
    ranges_free (ranges);
    npy_clear (&array);
}

static void check_networks (void)
{
    static const struct {
        const char *name, *input;
        double least;
        bool trained; /* made-up weights have no class to keep */
    } networks[] = {
        { "models/squeezenet_v1.1.onnx", "quantised/squeezenet_v1.1.in.npy", 30, true },
        { "models/mobilenet_v2_1.0_224_tf2.onnx", "quantised/mobilenet_v2_1.0_224_tf2.in.npy", 30, true },
        { "zoo/resnet18.onnx", "zoo/input_224.npy", 25, false },
        { "zoo/shufflenet_v2_x1_0.onnx", "zoo/input_224.npy", 12, false },
        { "zoo/densenet121.onnx", "zoo/input_224.npy", 20, false },
        { "zoo/mobilenet_v3_large.onnx", "zoo/input_224.npy", 15, false },
        { "zoo/efficientnet_b0.onnx", "zoo/input_224.npy", 15, false },
    };
    const char *data = check_data ();
    check_group ("networks written again");
    if (!data) {
        check_skip ("no shared data");
        return;
    }
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        check_network (data, networks[i].name, networks[i].input, networks[i].least, networks[i].trained);
}

/* ---- what is written, what is refused ------------------------------------------------------------------------ */

static struct model *load_small (const char *more)
{
    struct error error = { "" };
    float weights[36 * 4];
    const char *path = scratch_path ("small.onnx");
    struct onnx o = onnx_new (13);
    fill (weights, 36 * 4, 12);
    onnx_input (&o, "x", "1 4 6 6");
    onnx_floats (&o, "w", "4 4 3 3", weights);
    onnx_floats (&o, "zeros", "4 4 3 3", (float[36 * 4]) { 0 });
    onnx_floats (&o, "large", "4", (float[]) { 1e9f, -1e9f, 3, 0 });
    onnx_number (&o, "step", 0.125f);
    onnx_node (&o, "Conv", "x w", "conv", "");
    onnx_node (&o, "Relu", "conv", "relu", "");
    if (!strcmp (more, "Conv")) {
        onnx_node (&o, "Conv", "relu zeros large", "y", "pads=1,1,1,1");
    } else {
        onnx_node (&o, "QuantizeLinear", "relu step", "q", "");
        onnx_node (&o, "DequantizeLinear", "q step", "y", "");
    }
    onnx_output (&o, "y", "1 4 4 4");
    onnx_finish (&o);
    struct model *model = write_file (path, o.file.data, o.file.size) ? model_load (path, NULL, &error) : NULL;
    CHECK (model != NULL, "%s", error.text);
    onnx_free (&o);
    return model;
}

/* Scales and limits are those of the ranges; weights of zeros with a bias that 32 bits hardly hold. */
static void check_written (void)
{
    float input[144], low, high;
    bool same;
    struct qdq_file file;
    struct model *model = load_small ("Conv");
    struct graph *g = model_graph (model);
    struct ranges *ranges = ranges_new (g);
    check_group ("scales written");
    fill (input, 144, 14);
    ranges_set (ranges, graph_find (g, "x"), -1, 1);
    ranges_set (ranges, graph_find (g, "conv"), -9, 9);
    ranges_set (ranges, graph_find (g, "relu"), 0, 8);
    struct model *read = again (model, ranges, "small", &file);
    if (read) {
        g = model_graph (read);
        CHECK (file.tensors == 2 && file.layers == 2 && file.opset == 13, "%d tensors, %d layers", file.tensors,
               file.layers);
        struct tensor_info x = graph_tensor (g, graph_find (g, "x:q")),
                           relu = graph_tensor (g, graph_find (g, "relu:q"));
        low = x.range.step * (float)x.range.low;
        high = x.range.step * (float)x.range.high;
        CHECK (!strcmp (x.operation, "quantise") && fabsf (low + 1) < 0.005f && fabsf (high - 1) < 0.005f, "x: %g %g",
               (double)low, (double)high);
        CHECK (relu.range.low == 0 && relu.range.high == 255 && fabsf (relu.range.step - 8 / 255.0f) < 1e-6f,
               "relu: %d..%d by %g", relu.range.low, relu.range.high, (double)relu.range.step);
        CHECK (graph_find (g, "conv:q") < 0, "what a ReLU reads is rounded");
        CHECK (compare (model, read, input, &same) > 80, "a bias beside weights of zeros: %g dB",
               compare (model, read, input, &same));
    }
    model_unref (read);
    ranges_free (ranges);
    model_unref (model);
}

static void check_unwritten (void)
{
    struct error error = { "" };
    struct qdq_file file;
    size_t size;
    check_group ("not written");
    struct model *model = load_small ("QuantizeLinear");
    struct ranges *ranges = ranges_new (model_graph (model));
    const char *path = scratch_path ("kept.onnx");
    CHECK (write_file (path, "precious", 8), "%s", path);
    CHECK (!qdq_write (model, ranges, path, &file, &error) && strstr (error.text, "is quantised already"), "%s",
           error.text);
    model_unref (model);
    ranges_free (ranges);
    model = load_small ("Conv");
    ranges = ranges_new (model_graph (model));
    error.text[0] = 0;
    CHECK (!qdq_write (model, ranges, scratch_path ("no/x.onnx"), &file, &error) &&
               strstr (error.text, "cannot be written"),
           "%s", error.text);
    graph_drop_weights (model_graph (model));
    error.text[0] = 0;
    CHECK (!qdq_write (model, ranges, path, &file, &error) && strstr (error.text, "no longer in memory"), "%s",
           error.text);
    char *kept = slurp (path, &size);
    CHECK (size == 8 && !memcmp (kept, "precious", 8), "what was there before is gone");
    free (kept);
    model_unref (model);
    ranges_free (ranges);
}

/* ---- labels, names, long chains, what does not fit ------------------------------------------------------------- */

/* A vector of four scores, "y", that `lines` make of a 1x1 convolution of 2x2 pixels, "conv". */
static struct model *load_lines (const struct line *lines, const float *weights, const float *bias, const char *labels)
{
    struct error error = { "" };
    const char *path = scratch_path ("lines.onnx");
    struct onnx o = onnx_new (20);
    onnx_input (&o, "x", "1 4 2 2");
    onnx_floats (&o, "w", "4 4 1 1", weights);
    onnx_floats (&o, "b", "4", bias);
    onnx_floats (&o, "fc", "4 4", weights);
    onnx_floats (&o, "ones", "4", (float[]) { 1, 1, 1, 1 });
    onnx_floats (&o, "zeros", "4", (float[]) { 0, 0, 0, 0 });
    onnx_floats (&o, "pair", "2", (float[]) { 1, 2 });
    onnx_ints (&o, "map", "1 4 1 1");
    onnx_node (&o, "Conv", "x w b", "conv", "");
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1 4");
    onnx_finish (&o);
    struct model *model = write_file (path, o.file.data, o.file.size) ? model_load (path, labels, &error) : NULL;
    CHECK (model != NULL, "%s", error.text);
    onnx_free (&o);
    return model;
}

static const float grid[16] = { 1, 0.5f, -0.25f, 0, 1, 0, 0, -1, 0.125f, 1, 0, 0, -1, 0, 0.5f, 0 };
static const struct line mean_alone[] = { { "GlobalAveragePool", "conv", "mean", "" },
                                          { "Flatten", "mean", "y", "" },
                                          { .operation = NULL } };

/* Names that a list of lines would not keep. */
static void check_labels_written (void)
{
    static const char *const names[4] = { "3 cats", "tench, Tinca", "name", "a: \"b\"" };
    const char *text = "[\"3 cats\", \"tench, Tinca\", \"name\", \"a: \\\"b\\\"\"]";
    struct qdq_file file;
    write_file (scratch_path ("names.json"), text, strlen (text));
    struct model *model = load_lines (mean_alone, grid, grid, scratch_path ("names.json"));
    struct ranges *none = ranges_new (model_graph (model));
    struct model *read = again (model, none, "labels", &file);
    for (int i = 0; read && i < 4; i++)
        CHECK (!strcmp (model_label (read, i), names[i]) && !strcmp (model_label (model, i), names[i]),
               "label %d: '%s', read again '%s'", i, model_label (model, i), model_label (read, i));
    model_unref (read);
    model_unref (model);
    ranges_free (none);
}

/* A network whose own tensors are called as what is written beside them; a vector that is needed as a map; a tensor
 * that was always 0. */
static void check_names (void)
{
    static const struct line lines[] = {
        { "Relu", "conv", "x:q", "" },
        { "Sigmoid", "x:q", "x:scale", "" },
        { "GlobalAveragePool", "x:scale", "mean", "" },
        { "Flatten", "mean", "vector", "" },
        { "Gemm", "vector fc", "scores", "" },
        { "Reshape", "scores map", "again", "" },
        { "Conv", "again w", "conv:dq", "" },
        { "Flatten", "conv:dq", "y", "" },
        { .operation = NULL },
    };
    float input[16];
    struct qdq_file file;
    bool same = false;
    fill (input, 16, 31);
    struct model *model = load_lines (lines, grid, (float[]) { -9, -9, -9, -9 }, NULL);
    struct graph *g = model_graph (model);
    struct ranges *ranges = ranges_new (g);
    ranges_set (ranges, graph_find (g, "x"), -1, 1);
    ranges_set (ranges, graph_find (g, "x:q"), 0, 0);
    struct model *read = again (model, ranges, "names", &file);
    CHECK (read && compare (model, read, input, &same) > 45, "names that are taken: %g dB",
           read ? compare (model, read, input, &same) : 0);
    int zero = read ? graph_find (model_graph (read), "x:q:q") : -1;
    CHECK (zero > 0, "no tensor 'x:q:q'");
    struct range range = graph_tensor (read ? model_graph (read) : g, zero).range;
    CHECK (range.step >= 1 && range.step <= 1 && range.low == 0 && range.high == 255, "always 0: %d..%d by %g",
           range.low, range.high, (double)range.step);
    model_unref (read);
    model_unref (model);
    ranges_free (ranges);
}

/* 200 batch norms behind one convolution; each adds 1. */
static void check_long_chain (void)
{
    struct line lines[203];
    char words[200][2][64];
    float input[16];
    struct qdq_file file;
    bool same = false;
    fill (input, 16, 32);
    for (int i = 0; i < 200; i++) {
        snprintf (words[i][0], sizeof words[i][0], i ? "n%d ones ones zeros ones" : "conv ones ones zeros ones", i - 1);
        snprintf (words[i][1], sizeof words[i][1], "n%d", i);
        lines[i] = (struct line) { "BatchNormalization", words[i][0], words[i][1], "epsilon=0.0f" };
    }
    lines[200] = (struct line) { "GlobalAveragePool", "n199", "mean", "" };
    lines[201] = (struct line) { "Flatten", "mean", "y", "" };
    lines[202] = (struct line) { .operation = NULL };
    struct model *model = load_lines (lines, grid, grid, NULL);
    struct ranges *none = ranges_new (model_graph (model));
    struct model *read = again (model, none, "a long chain", &file);
    CHECK (read && compare (model, read, input, &same) > 60, "200 batch norms: %g dB",
           read ? compare (model, read, input, &same) : 0);
    CHECK (file.layers == 1, "%d layers", file.layers);
    model_unref (read);
    model_unref (model);
    ranges_free (none);
}

static void refuse (const char *what, struct model *model, const char *why)
{
    struct error error = { "" };
    struct qdq_file file;
    struct ranges *ranges = ranges_new (model_graph (model));
    const int x = graph_find (model_graph (model), "x");
    ranges_set (ranges, x, -1e4f, 1e4f);
    bool good = qdq_write (model, ranges, scratch_path ("not-written.onnx"), &file, &error);
    CHECK (!good && strstr (error.text, why) && strstr (error.text, ".onnx"), "%s: '%s' does not say '%s'", what,
           error.text, why);
    CHECK (!slurp (scratch_path ("not-written.onnx"), &(size_t) { 0 }), "%s: a file was left", what);
    model_unref (model);
    ranges_free (ranges);
}

static void check_not_fitting (void)
{
    static const struct line normalised[] = { { "LayerNormalization", "conv pair", "n", "axis=-1" },
                                              { "GlobalAveragePool", "n", "mean", "" },
                                              { "Flatten", "mean", "y", "" },
                                              { .operation = NULL } };
    static const float wrong[] = { NAN, INFINITY, -INFINITY, 3e38f, 1e30f };
    float numbers[16];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memcpy (numbers, grid, sizeof numbers);
        numbers[6] = wrong[i];
        refuse ("a weight", load_lines (mean_alone, numbers, grid, NULL),
                "weights of 'conv', channel 1, are too large for 8 bits, or no numbers");
    }
    for (size_t i = 0; i < 4; i++)
        refuse ("a bias", load_lines (mean_alone, grid, (float[]) { 0, 0, wrong[i], 0 }, NULL),
                "weights of 'conv', channel 2, are too large for 8 bits, or no numbers");
    refuse ("an operator", load_lines (normalised, grid, grid, NULL), "quantize does not write group-norm '");
}

/* Blocks of so many bytes and more cannot be had: the numbers of a layer, or of the file as a whole. */
static void check_no_memory (void)
{
    static const struct {
        const char *operation, *inputs, *why;
        size_t bytes;
    } cases[] = {
        { "Conv", "x w", "not-written.onnx: no memory for its weights", 10000 },
        { "Conv", "x w", "not-written.onnx: no memory for 1", 16390 },
        { "BatchNormalization", "x n n zeros n", "not-written.onnx: no memory for 'y'", 10000 },
        { "PRelu", "x slopes", "not-written.onnx: no memory for its numbers", 10000 },
    };
    static float numbers[16384], zeros[4096];
    if (!allocations_counted ()) {
        SKIP ("allocations cannot be made to fail in this build");
        return;
    }
    fill (numbers, 16384, 41);
    for (int i = 0; i < 4096; i++)
        numbers[i] = fabsf (numbers[i]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = { "" };
        struct qdq_file file;
        const char *path = scratch_path ("large.onnx");
        struct onnx o = onnx_new (13);
        bool conv = !strcmp (cases[i].operation, "Conv");
        onnx_input (&o, "x", conv ? "1 64 8 8" : "1 4096 1 1");
        onnx_floats (&o, "w", "4 64 8 8", numbers);
        onnx_floats (&o, "n", "4096", numbers);
        onnx_floats (&o, "zeros", "4096", zeros);
        onnx_floats (&o, "slopes", "4096 1 1", numbers);
        onnx_node (&o, cases[i].operation, cases[i].inputs, "y", "");
        onnx_output (&o, "y", conv ? "1 4 1 1" : "1 4096 1 1");
        onnx_finish (&o);
        struct model *model = write_file (path, o.file.data, o.file.size) ? model_load (path, NULL, &error) : NULL;
        struct ranges *none = model ? ranges_new (model_graph (model)) : NULL;
        if (CHECK (none != NULL, "%s", error.text)) {
            path = scratch_path ("not-written.onnx");
            allocations_fail_from (cases[i].bytes);
            bool good = qdq_write (model, none, path, &file, &error);
            CHECK (allocations_heal () && !good && strstr (error.text, cases[i].why), "%s: '%s' does not say '%s'",
                   cases[i].operation, error.text, cases[i].why);
            CHECK (!slurp (path, &(size_t) { 0 }), "%s: a file was left", cases[i].operation);
        }
        ranges_free (none);
        model_unref (model);
        onnx_free (&o);
    }
}

void check_qdq (void)
{
    check_each_operator ();
    check_written ();
    check_unwritten ();
    check_group ("labels, names, what does not fit");
    check_labels_written ();
    check_names ();
    check_long_chain ();
    check_not_fitting ();
    check_no_memory ();
    check_networks ();
}
