/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_norms.c: normalisations as operators and as exporters spell them out, reductions over any axes, each
 * against its definition; what must become one operation of the graph does. Opsets 1 to 6. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/onnx.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = 12, HEIGHT = 3, WIDTH = 5, PIXELS = HEIGHT * WIDTH, COUNT = CHANNELS * PIXELS, LINES = 14 };
#define DIMS "1 12 3 5"

static float weight[COUNT], bias[COUNT]; /* of as many channels or numbers as are wanted */

/* ---- files ------------------------------------------------------------------------------------------------------- */

static struct model *load (const char *what, int opset, const char *dims, const struct line *lines)
{
    struct error error = { "" };
    struct onnx o = onnx_new (opset);
    const char *path = scratch_path ("norm.onnx");
    onnx_input (&o, "x", dims);
    onnx_floats (&o, "w", "12", weight);
    onnx_floats (&o, "b", "12", bias);
    onnx_floats (&o, "wc", "12 1 1", weight);
    onnx_floats (&o, "bc", "12 1 1", bias);
    onnx_floats (&o, "wg", "4", weight);
    onnx_floats (&o, "bg", "4", bias);
    onnx_floats (&o, "wx", "5", weight);
    onnx_floats (&o, "bx", "5", bias);
    onnx_floats (&o, "wall", "12 3 5", weight);
    onnx_floats (&o, "ball", "12 3 5", bias);
    onnx_floats (&o, "ones", "4", (const float[]) { 1, 1, 1, 1 });
    onnx_floats (&o, "noughts", "4", (const float[4]) { 0 });
    onnx_number (&o, "eps", 1e-3f);
    onnx_number (&o, "one", 1);
    onnx_number (&o, "two", 2);
    onnx_number (&o, "minus_half", -0.5f);
    onnx_ints (&o, "channels", "1");
    onnx_ints (&o, "last", "-1");
    onnx_ints (&o, "in_groups", "0 4 -1");
    onnx_ints (&o, "image", "1 12 3 5");
    onnx_ints (&o, "five", "1 3 4 3 5");
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1");
    struct model *model = load_onnx (path, &o, &error);
    CHECK (model != NULL, "%s: %s", what, error.text);
    return model;
}

/* How many tensors of the graph this operation makes. */
static int operations (const struct model *model, const char *operation)
{
    int count = 0;
    for (int i = 0; i < graph_tensors (model_graph (model)); i++)
        count += !strcmp (graph_tensor (model_graph (model), i).operation, operation);
    return count;
}

/* ---- norms ------------------------------------------------------------------------------------------------------- */

/* How a norm is spread: of number i of the image, which group it is in, and which weight it has. */
enum spread { PER_PIXEL, PER_CHANNEL, FOUR_GROUPS, PER_ROW, WHOLE };

static int group_of (enum spread spread, int i)
{
    return spread == PER_PIXEL     ? i % PIXELS
           : spread == PER_CHANNEL ? i / PIXELS
           : spread == FOUR_GROUPS ? i / (3 * PIXELS)
           : spread == PER_ROW     ? i / WIDTH
                                   : 0;
}

enum weights { NONE, BY_CHANNEL, BY_GROUP, BY_COLUMN, BY_NUMBER };

static int weight_of (enum weights weights, int i)
{
    return weights == BY_CHANNEL  ? i / PIXELS
           : weights == BY_GROUP  ? i / (3 * PIXELS)
           : weights == BY_COLUMN ? i % WIDTH
                                  : i;
}

static void expect_norm (const float *x, enum spread spread, bool uncentred, double epsilon, enum weights weights,
                         float *to)
{
    for (int i = 0; i < COUNT; i++) {
        double sum = 0, squares = 0;
        int count = 0;
        for (int k = 0; k < COUNT; k++) {
            if (group_of (spread, k) != group_of (spread, i))
                continue;
            sum += (double)x[k];
            count++;
        }
        double mean = uncentred ? 0 : sum / count;
        for (int k = 0; k < COUNT; k++)
            squares += group_of (spread, k) == group_of (spread, i) ? ((double)x[k] - mean) * ((double)x[k] - mean) : 0;
        double y = ((double)x[i] - mean) / sqrt (squares / count + epsilon);
        if (weights != NONE)
            y = y * (double)weight[weight_of (weights, i)] + (uncentred ? 0 : (double)bias[weight_of (weights, i)]);
        to[i] = (float)y;
    }
}

#define NHWC                                                                                                           \
    {                                                                                                                  \
        "Transpose", "x", "t", "perm=0,2,3,1"                                                                          \
    }
#define NCHW                                                                                                           \
    {                                                                                                                  \
        "Transpose", "u", "y", "perm=0,3,1,2"                                                                          \
    }
#define WEIGHED(from)                                                                                                  \
    { "Mul", from " wc", "z1" },                                                                                       \
    {                                                                                                                  \
        "Add", "z1 bc", "y"                                                                                            \
    }

static const struct {
    const char *what, *becomes; /* one operation of this name */
    int opset;
    enum spread spread;
    bool uncentred;
    enum weights weights;
    struct line lines[LINES];
} norms[] = {
    { "LayerNormalization behind Transpose",
      "layer-norm",
      17,
      PER_PIXEL,
      false,
      BY_CHANNEL,
      { NHWC, { "LayerNormalization", "t w b", "u", "axis=-1 epsilon=0.001f" }, NCHW } },
    { "channels first, two differences",
      "layer-norm",
      13,
      PER_PIXEL,
      false,
      BY_CHANNEL,
      { { "ReduceMean", "x", "m", "axes=1," },
        { "Sub", "x m", "d1" },
        { "Pow", "d1 two", "p" },
        { "ReduceMean", "p", "v", "axes=1," },
        { "Sub", "x m", "d2" },
        { "Add", "v eps", "e" },
        { "Sqrt", "e", "s" },
        { "Div", "d2 s", "n" },
        WEIGHED ("n") } },
    { "channels first, one difference, axes as input",
      "layer-norm",
      18,
      PER_PIXEL,
      false,
      BY_CHANNEL,
      { { "ReduceMean", "x channels", "m" },
        { "Sub", "x m", "d" },
        { "Mul", "d d", "p" },
        { "ReduceMean", "p channels", "v" },
        { "Add", "eps v", "e" },
        { "Sqrt", "e", "s" },
        { "Reciprocal", "s", "i" },
        { "Mul", "i d", "n" },
        WEIGHED ("n") } },
    { "channels last, spelled out",
      "layer-norm",
      13,
      PER_PIXEL,
      false,
      BY_CHANNEL,
      { NHWC,
        { "ReduceMean", "t", "m", "axes=-1," },
        { "Sub", "t m", "d" },
        { "Pow", "d two", "p" },
        { "ReduceMean", "p", "v", "axes=-1," },
        { "Add", "v eps", "e" },
        { "Sqrt", "e", "s" },
        { "Div", "d s", "n" },
        { "Mul", "n w", "z" },
        { "Add", "z b", "u" },
        NCHW } },
    { "by one divided by the root",
      "layer-norm",
      13,
      PER_PIXEL,
      false,
      NONE,
      { { "ReduceMean", "x", "m", "axes=1," },
        { "Sub", "x m", "d" },
        { "Pow", "d two", "p" },
        { "ReduceMean", "p", "v", "axes=1," },
        { "Add", "v eps", "e" },
        { "Sqrt", "e", "s" },
        { "Div", "one s", "i" },
        { "Mul", "d i", "y" } } },
    { "by a power of -1/2",
      "layer-norm",
      13,
      PER_PIXEL,
      false,
      NONE,
      { { "ReduceMean", "x", "m", "axes=1," },
        { "Sub", "x m", "d" },
        { "Pow", "d two", "p" },
        { "ReduceMean", "p", "v", "axes=1," },
        { "Add", "v eps", "e" },
        { "Pow", "e minus_half", "i" },
        { "Mul", "d i", "y" } } },
    { "the difference is wanted elsewhere",
      NULL,
      13,
      PER_PIXEL,
      false,
      NONE,
      { { "ReduceMean", "x", "m", "axes=1," },
        { "Sub", "x m", "d" },
        { "Pow", "d two", "p" },
        { "ReduceMean", "p", "v", "axes=1," },
        { "Add", "v eps", "e" },
        { "Sqrt", "e", "s" },
        { "Div", "d s", "n" },
        { "Sub", "n d", "q" },
        { "Add", "q d", "y" } } },
    { "LayerNormalization of everything",
      "group-norm",
      17,
      WHOLE,
      false,
      BY_NUMBER,
      { { "LayerNormalization", "x wall ball", "y", "axis=1 epsilon=0.001f" } } },
    { "LayerNormalization of rows",
      "group-norm",
      17,
      PER_ROW,
      false,
      BY_COLUMN,
      { { "LayerNormalization", "x wx bx", "y", "epsilon=0.001f" } } },
    { "InstanceNormalization",
      "group-norm",
      13,
      PER_CHANNEL,
      false,
      BY_CHANNEL,
      { { "InstanceNormalization", "x w b", "y", "epsilon=0.001f" } } },
    { "GroupNormalization, weights per group",
      "group-norm",
      18,
      FOUR_GROUPS,
      false,
      BY_GROUP,
      { { "GroupNormalization", "x wg bg", "y", "num_groups=4 epsilon=0.001f" } } },
    { "GroupNormalization, weights per channel",
      "group-norm",
      21,
      FOUR_GROUPS,
      false,
      BY_CHANNEL,
      { { "GroupNormalization", "x w b", "y", "num_groups=4 epsilon=0.001f" } } },
    { "group norm by InstanceNormalization",
      "group-norm",
      13,
      FOUR_GROUPS,
      false,
      BY_CHANNEL,
      { { "Reshape", "x in_groups", "g" },
        { "InstanceNormalization", "g ones noughts", "n", "epsilon=0.001f" },
        { "Reshape", "n image", "r" },
        WEIGHED ("r") } },
    { "mean square of each channel",
      "group-norm",
      13,
      PER_CHANNEL,
      true,
      NONE,
      { { "Pow", "x two", "p" },
        { "ReduceMean", "p", "v", "axes=2,3" },
        { "Add", "v eps", "e" },
        { "Sqrt", "e", "s" },
        { "Div", "x s", "y" } } },
    { "RMSNormalization behind Transpose",
      "layer-norm",
      23,
      PER_PIXEL,
      true,
      BY_CHANNEL,
      { NHWC, { "RMSNormalization", "t w", "u", "axis=-1 epsilon=0.001f" }, NCHW } },
    { "over channels and columns, which is no norm of the engine's",
      NULL,
      13,
      PER_CHANNEL,
      false,
      NONE,
      { { "Transpose", "x", "t", "perm=0,2,1,3" },
        { "ReduceMean", "t", "m", "axes=1,3" },
        { "Sub", "t m", "d" },
        { "Pow", "d two", "p" },
        { "ReduceMean", "p", "v", "axes=1,3" },
        { "Add", "v eps", "e" },
        { "Sqrt", "e", "s" },
        { "Div", "d s", "n" },
        { "Transpose", "n", "y", "perm=0,2,1,3" } } },
    { "MeanVarianceNormalization",
      "group-norm",
      13,
      PER_CHANNEL,
      false,
      NONE,
      { { "MeanVarianceNormalization", "x", "y" } } },
};

static void check_norm_files (void)
{
    float input[COUNT], expected[COUNT];
    fill (input, COUNT, 71);
    for (int i = 0; i < COUNT; i++)
        input[i] = 2 * input[i] + 0.3f * (float)(i % 7);
    for (size_t k = 0; k < sizeof norms / sizeof norms[0]; k++) {
        double epsilon = strcmp (norms[k].what, "MeanVarianceNormalization") ? 1e-3 : 0;
        struct model *model = load (norms[k].what, norms[k].opset, DIMS, norms[k].lines);
        expect_norm (input, norms[k].spread, norms[k].uncentred, (double)(float)epsilon, norms[k].weights, expected);
        if (model)
            check_scores (norms[k].what, model, input, expected, COUNT, 2e-6);
        if (model && norms[k].becomes)
            CHECK (operations (model, norms[k].becomes) == 1 && !operations (model, "sqrt"), "%s: no %s", norms[k].what,
                   norms[k].becomes);
        model_unref (model);
    }
}

/* ConvNeXt V2's: x gamma n + beta + x, n = |channel| / mean of all |channels|. */
static void check_grn (void)
{
    static const struct line lines[] = { { "ReduceL2", "x", "g", "axes=2,3" },
                                         { "ReduceMean", "g", "m", "axes=1," },
                                         { "Add", "m eps", "e" },
                                         { "Div", "g e", "n" },
                                         { "Mul", "x n", "s" },
                                         WEIGHED ("s"),
                                         { NULL } };
    float input[COUNT], expected[COUNT];
    double norm[CHANNELS] = { 0 }, mean = 0;
    fill (input, COUNT, 72);
    for (int i = 0; i < COUNT; i++)
        norm[i / PIXELS] += (double)input[i] * (double)input[i];
    for (int c = 0; c < CHANNELS; c++)
        mean += sqrt (norm[c]) / CHANNELS;
    for (int i = 0; i < COUNT; i++)
        expected[i] =
            (float)((double)input[i] * sqrt (norm[i / PIXELS]) / (mean + (double)1e-3f) * (double)weight[i / PIXELS] +
                    (double)bias[i / PIXELS]);
    struct model *model = load ("GRN", 13, DIMS, lines);
    if (model)
        check_scores ("GRN", model, input, expected, COUNT, 2e-6);
    model_unref (model);
}

/* Numbers divided by their norm along an axis; all 0 stay so. */
static void check_lp (void)
{
    static const struct line lines[2][2] = { { { "LpNormalization", "x", "y", "axis=1" } },
                                             { { "LpNormalization", "x", "y", "p=1" } } };
    float input[COUNT], expected[COUNT];
    for (int k = 0; k < 2; k++) {
        fill (input, COUNT, 73);
        for (int i = 0; i < COUNT; i++)
            input[i] = k == 0 && i % PIXELS == 4 ? 0 : input[i];
        for (int i = 0; i < COUNT; i++) {
            double sum = 0;
            for (int n = 0; n < COUNT; n++) {
                double x = (double)input[n];
                if (k == 0)
                    sum += n % PIXELS == i % PIXELS ? x * x : 0;
                else
                    sum += n / WIDTH == i / WIDTH ? fabs (x) : 0;
            }
            expected[i] = sum > 0 ? (float)((double)input[i] / (k == 0 ? sqrt (sum) : sum)) : 0;
        }
        struct model *model = load ("LpNormalization", 13, DIMS, lines[k]);
        if (model)
            check_scores (k ? "LpNormalization 1" : "LpNormalization 2", model, input, expected, COUNT, 2e-6);
        model_unref (model);
    }
}

/* ---- reductions -------------------------------------------------------------------------------------------------- */

/* What a reduction makes of numbers one after the other; first: nothing before. */
static double joined (char operation, double so_far, double x, bool first)
{
    switch (operation) {
    case 'M':
        return first ? x : fmax (so_far, x);
    case 'm':
        return first ? x : fmin (so_far, x);
    case '1':
        return so_far + fabs (x);
    case '2':
    case 'q':
        return so_far + x * x;
    case '*':
        return first ? x : so_far * x;
    default:
        return so_far + x;
    }
}

/* x under dims[0 .. rank) over the axes in `mask`; results in order. */
static int expect_reduction (const float *x, const int *dims, int rank, unsigned mask, char operation, float *to)
{
    int results = 0;
    double all[COUNT] = { 0 };
    int count[COUNT] = { 0 };
    for (int i = 0; i < COUNT; i++) {
        int at = 0, rest = i, index[5], many = 1;
        for (int d = rank - 1; d >= 0; d--) {
            index[d] = rest % dims[d];
            rest /= dims[d];
        }
        for (int d = 0; d < rank; d++) {
            if (mask >> d & 1)
                continue;
            at = at * dims[d] + index[d];
            many *= dims[d];
        }
        results = many;
        all[at] = joined (operation, all[at], (double)x[i], count[at] == 0);
        count[at]++;
    }
    for (int i = 0; i < results; i++) {
        double y = operation == 'a' ? all[i] / count[i] : operation == '2' ? sqrt (all[i]) : all[i];
        to[i] = (float)(operation == 'l' ? log (y) : y);
    }
    return results;
}

static void check_reductions (void)
{
    static const struct {
        const char *name;
        char operation;
    } operators[] = {
        { "ReduceMean", 'a' },      { "ReduceMax", 'M' },    { "ReduceMin", 'm' },
        { "ReduceSum", '+' },       { "ReduceL1", '1' },     { "ReduceL2", '2' },
        { "ReduceSumSquare", 'q' }, { "ReduceLogSum", 'l' }, { "ReduceProd", '*' },
    };
    static const int four[] = { 1, 12, 3, 5 }, five[] = { 1, 3, 4, 3, 5 };
    float input[COUNT], expected[COUNT];
    fill (input, COUNT, 74);
    for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++) {
        bool log_of = operators[k].operation == 'l';
        for (int i = 0; log_of && i < COUNT; i++)
            input[i] = fabsf (input[i]) + 0.1f;
        for (unsigned mask = 1; mask < 32; mask++) {
            bool wide = mask > 15 || mask % 3 == 0; /* some of those of four axes too */
            char attributes[64] = "axes=", what[80];
            for (int d = 0; d < 5; d++)
                if (mask >> d & 1)
                    snprintf (attributes + strlen (attributes), sizeof attributes - strlen (attributes), "%d,", d);
            if (attributes[strlen (attributes) - 2] != '=' && mask & (mask - 1)) /* a list: no comma at its end */
                attributes[strlen (attributes) - 1] = 0;
            if (k % 2)
                strcat (attributes, " keepdims=0");
            const struct line lines[] = { { "Reshape", "x five", "f" },
                                          { operators[k].name, wide ? "f" : "x", "y", attributes },
                                          { NULL } };
            snprintf (what, sizeof what, "%s of %d axes, %s", operators[k].name, wide ? 5 : 4, attributes);
            int count =
                expect_reduction (input, wide ? five : four, wide ? 5 : 4, mask, operators[k].operation, expected);
            struct model *model = load (what, 11, DIMS, wide ? lines : lines + 1);
            if (model)
                check_scores (what, model, input, expected, (size_t)count, 3e-6);
            model_unref (model);
        }
    }
}

/* CBAM's plane of means and maxima is two reductions, no change of order. */
static void check_channel_statistics (void)
{
    static const struct line lines[] = { { "ReduceMean", "x", "a", "axes=1," },
                                         { "ReduceMax", "x", "m", "axes=1," },
                                         { "Concat", "a m", "y", "axis=1" },
                                         { NULL } };
    float input[COUNT], expected[2 * PIXELS];
    fill (input, COUNT, 75);
    expect_reduction (input, (const int[]) { 1, 12, 15, 1 }, 4, 2, 'a', expected);
    expect_reduction (input, (const int[]) { 1, 12, 15, 1 }, 4, 2, 'M', expected + PIXELS);
    struct model *model = load ("CBAM", 13, DIMS, lines);
    if (model) {
        check_scores ("CBAM", model, input, expected, 2 * PIXELS, 2e-6);
        CHECK (operations (model, "channel-mean") == 1 && operations (model, "channel-max") == 1 &&
                   !operations (model, "pick"),
               "channels are moved");
    }
    model_unref (model);
}

/* ---- old opsets -------------------------------------------------------------------------------------------------- */

/* Before opset 7 operands are broadcast from an axis on, before 5 shapes are attributes; hints of memory are
 * skipped. */
static void check_old (void)
{
    static const struct line lines[] = { { "Mul", "x w", "m", "broadcast=1 axis=1 consumed_inputs=0,0" },
                                         { "Add", "m b", "a", "broadcast=1 axis=1" },
                                         { "Relu", "a", "r", "consumed_inputs=0," },
                                         { "Dropout", "r", "d", "is_test=1" },
                                         { "Reshape", "d", "y", "shape=0,-1" },
                                         { NULL } };
    float input[COUNT], expected[COUNT];
    fill (input, COUNT, 79);
    for (int i = 0; i < COUNT; i++)
        expected[i] = fmaxf (input[i] * weight[i / PIXELS] + bias[i / PIXELS], 0);
    struct model *model = load ("opset 4", 4, DIMS, lines);
    if (model)
        check_scores ("opset 4", model, input, expected, COUNT, 2e-6);
    model_unref (model);
    static const struct {
        const char *what;
        int opset;
        struct line line;
        const char *why;
    } wrong[] = {
        { "no broadcast said", 6, { "Add", "x wc", "y" }, "nothing is to be broadcast" },
        { "from axis 3", 6, { "Add", "x wall", "y", "broadcast=1 axis=3" }, "from axis 3" },
        { "axis in opset 7", 7, { "Add", "x wc", "y", "broadcast=1 axis=1" }, "not supported" },
        { "shape as attribute in opset 5", 5, { "Reshape", "x", "y", "shape=1,-1" }, "not supported" },
        { "no shape at all", 13, { "Reshape", "x", "y" }, "no shape" },
        { "training", 6, { "BatchNormalization", "x w b w w", "y" }, "training" },
    };
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        struct error error = { "" };
        struct onnx o = onnx_new (wrong[k].opset);
        const char *path = scratch_path ("old.onnx");
        onnx_input (&o, "x", DIMS);
        onnx_floats (&o, "w", "12", weight);
        onnx_floats (&o, "b", "12", bias);
        onnx_floats (&o, "wc", "12 1 1", weight);
        onnx_floats (&o, "wall", "12 3 5", weight);
        onnx_node (&o, wrong[k].line.operation, wrong[k].line.inputs, "y", wrong[k].line.attributes);
        onnx_output (&o, "y", "1");
        model = load_onnx (path, &o, &error);
        CHECK (!model && strstr (error.text, "old.onnx") && strstr (error.text, wrong[k].why), "%s: '%s'",
               wrong[k].what, error.text);
        model_unref (model);
    }
}

/* Of a tensor whose channels are other ones than the file's: 1 x 2 x 4 x 4 seen as 1 x 8 x 2 x 2 x 1. */
static void check_regrouped (void)
{
    float input[32], expected[32], scales[8], shifts[8];
    struct onnx o = onnx_new (13);
    fill (input, 32, 75);
    fill (scales, 8, 76);
    fill (shifts, 8, 77);
    onnx_input (&o, "x", "1 2 4 4");
    onnx_ints (&o, "others", "1 8 2 2 1");
    onnx_floats (&o, "s", "8", scales);
    onnx_floats (&o, "b", "8", shifts);
    onnx_node (&o, "Reshape", "x others", "g", "");
    onnx_node (&o, "InstanceNormalization", "g s b", "n", "epsilon=0.001f");
    onnx_node (&o, "Flatten", "n", "y", "");
    onnx_output (&o, "y", "1 32");
    for (int c = 0; c < 8; c++) {
        double mean = 0, variance = 0;
        for (int i = 4 * c; i < 4 * c + 4; i++)
            mean += (double)input[i] / 4;
        for (int i = 4 * c; i < 4 * c + 4; i++)
            variance += ((double)input[i] - mean) * ((double)input[i] - mean) / 4;
        for (int i = 4 * c; i < 4 * c + 4; i++)
            expected[i] = (float)(((double)input[i] - mean) / sqrt (variance + (double)0.001f) * (double)scales[c] +
                                  (double)shifts[c]);
    }
    check_file ("InstanceNormalization of other channels", &o, input, expected, 32);
}

void check_norms (void)
{
    fill (weight, COUNT, 69);
    fill (bias, COUNT, 70);
    for (int i = 0; i < COUNT; i++)
        weight[i] += 1.5f;
    check_group ("normalisations");
    check_norm_files ();
    check_grn ();
    check_lp ();
    check_regrouped ();
    check_group ("reductions");
    check_reductions ();
    check_channel_statistics ();
    check_group ("opsets 1 to 6");
    check_old ();
}
