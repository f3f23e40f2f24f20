/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_families.c: small networks of many families with random weights, as their exporters write them: they
 * load, become the operations that they should, and the engine gives the oracle's numbers. That each operator is read
 * as ONNX means it is checked one by one elsewhere. */
#include "tests/check_models.h"

#include "models/onnx.h"

#include <math.h>
#include <string.h>

enum { SIZE = 32, CLASSES = 7, WEIGHTS = 40000 };

/* A file being written. Values are named t1, t2, ...: each call returns the number of what it makes; 0 is the image. */
struct net {
    struct onnx o;
    int values, opset;
    unsigned seed;
};

static const char *value_name (int value)
{
    static char names[16][8];
    static int next;
    char *name = names[next++ % 16];
    snprintf (name, sizeof names[0], value ? "t%d" : "x", value);
    return name;
}

/* A constant of these dimensions, spread around `middle`. */
static int weights (struct net *n, const char *dims, float spread, float middle)
{
    static float numbers[WEIGHTS];
    fill (numbers, WEIGHTS, ++n->seed);
    for (int i = 0; i < WEIGHTS; i++)
        numbers[i] = numbers[i] * spread + middle;
    onnx_floats (&n->o, value_name (++n->values), dims, numbers);
    return n->values;
}

static int number (struct net *n, float value)
{
    onnx_number (&n->o, value_name (++n->values), value);
    return n->values;
}

static int ints (struct net *n, const char *numbers)
{
    onnx_ints (&n->o, value_name (++n->values), numbers);
    return n->values;
}

/* A node of up to three inputs; -1: none. */
static int node (struct net *n, const char *operation, int a, int b, int c, const char *attributes)
{
    const int inputs[3] = { a, b, c };
    char names[64] = "";
    for (int i = 0; i < 3 && inputs[i] >= 0; i++)
        snprintf (names + strlen (names), sizeof names - strlen (names), "%s%s", i ? " " : "", value_name (inputs[i]));
    onnx_node (&n->o, operation, names, value_name (++n->values), attributes);
    return n->values;
}

static int one (struct net *n, const char *operation, int x, const char *attributes)
{
    return node (n, operation, x, -1, -1, attributes);
}

static int two (struct net *n, const char *operation, int a, int b)
{
    return node (n, operation, a, b, -1, NULL);
}

static int conv (struct net *n, int x, int in, int out, int kernel, int stride, int groups)
{
    char dims[64], outputs[16], attributes[128];
    int pad = stride == kernel ? 0 : kernel / 2;
    snprintf (dims, sizeof dims, "%d %d %d %d", out, in / groups, kernel, kernel);
    snprintf (outputs, sizeof outputs, "%d", out);
    snprintf (attributes, sizeof attributes, "strides=%d,%d pads=%d,%d,%d,%d group=%d", stride, stride, pad, pad, pad,
              pad, groups);
    int w = weights (n, dims, sqrtf (3.0f * (float)groups / (float)(in * kernel * kernel)), 0);
    return node (n, "Conv", x, w, weights (n, outputs, 0.1f, 0), attributes);
}

/* Weight and bias per channel, channels first. */
static int weigh (struct net *n, int x, const char *dims)
{
    return two (n, "Add", two (n, "Mul", x, weights (n, dims, 0.3f, 1)), weights (n, dims, 0.1f, 0));
}

static int gelu (struct net *n, int x)
{
    int erf_of = one (n, "Erf", two (n, "Div", x, number (n, 1.41421354f)), NULL);
    return two (n, "Mul", two (n, "Mul", x, two (n, "Add", erf_of, number (n, 1))), number (n, 0.5f));
}

/* x minus its mean over the axes by the root of its variance. */
static int norm (struct net *n, int x, const char *axes)
{
    int centred = two (n, "Sub", x, one (n, "ReduceMean", x, axes));
    int variance = one (n, "ReduceMean", two (n, "Pow", centred, number (n, 2)), axes);
    return two (n, "Div", centred, one (n, "Sqrt", two (n, "Add", variance, number (n, 1e-5f)), NULL));
}

/* ---- families ---------------------------------------------------------------------------------------------------- */

/* Each takes 16 channels of 16 x 16 and gives as many. */

static int convnext_first (struct net *n, int x)
{
    int y = weigh (n, norm (n, conv (n, x, 16, 16, 7, 1, 16), "axes=1,"), "16 1 1");
    y = conv (n, gelu (n, conv (n, y, 16, 64, 1, 1, 1)), 64, 16, 1, 1, 1);
    return two (n, "Add", x, two (n, "Mul", y, weights (n, "16 1 1", 0.5f, 0)));
}

static int convnext_last (struct net *n, int x)
{
    int y = one (n, "Transpose", conv (n, x, 16, 16, 7, 1, 16), "perm=0,2,3,1");
    y = n->opset < 17
            ? weigh (n, norm (n, y, "axes=-1,"), "16")
            : node (n, "LayerNormalization", y, weights (n, "16", 0.3f, 1), weights (n, "16", 0.1f, 0), "axis=-1");
    y = two (n, "Add", two (n, "MatMul", y, weights (n, "16 64", 0.4f, 0)), weights (n, "64", 0.1f, 0));
    y = two (n, "Add", two (n, "MatMul", gelu (n, y), weights (n, "64 16", 0.2f, 0)), weights (n, "16", 0.1f, 0));
    y = one (n, "Transpose", y, "perm=0,3,1,2");
    return two (n, "Add", two (n, "Mul", y, weights (n, "16 1 1", 0.5f, 0)), x);
}

static int grn (struct net *n, int x)
{
    int size = one (n, "ReduceL2", x, "axes=2,3");
    int mean = two (n, "Add", one (n, "ReduceMean", size, "axes=1,"), number (n, 1e-6f));
    return two (n, "Add", weigh (n, two (n, "Mul", x, two (n, "Div", size, mean)), "1 16 1 1"), x);
}

static int cbam (struct net *n, int x)
{
    int planes[2] = { one (n, "ReduceMean", x, "axes=1,"), one (n, "ReduceMax", x, "axes=1,") };
    int both = node (n, "Concat", planes[0], planes[1], -1, "axis=1");
    return two (n, "Mul", x, one (n, "Sigmoid", conv (n, both, 2, 1, 7, 1, 1), NULL));
}

/* Two branches, stacked and weighed by a softmax over them. */
static int selective_kernel (struct net *n, int x)
{
    int a = one (n, "Relu", conv (n, x, 16, 16, 3, 1, 1), NULL),
        b = one (n, "Relu", conv (n, x, 16, 16, 5, 1, 1), NULL);
    int stacked = node (n, "Concat", two (n, "Unsqueeze", a, ints (n, "1")), two (n, "Unsqueeze", b, ints (n, "1")), -1,
                        "axis=1");
    int s = one (n, "ReduceMean", two (n, "Add", a, b), "axes=2,3");
    s = two (n, "Reshape", conv (n, one (n, "Relu", conv (n, s, 16, 8, 1, 1, 1), NULL), 8, 32, 1, 1, 1),
             ints (n, "1 2 16 1 1"));
    s = one (n, "Softmax", s, "axis=1");
    return node (n, "ReduceSum", two (n, "Mul", stacked, s), ints (n, "1"), -1, "keepdims=0");
}

static int filter_response (struct net *n, int x)
{
    int square = one (n, "ReduceMean", two (n, "Pow", x, number (n, 2)), "axes=2,3");
    int root = one (n, "Sqrt", two (n, "Add", square, number (n, 1e-6f)), NULL);
    int y = weigh (n, two (n, "Mul", x, one (n, "Reciprocal", root, NULL)), "1 16 1 1");
    return two (n, "Max", y, weights (n, "1 16 1 1", 0.1f, 0));
}

static int group_norm (struct net *n, int x)
{
    int y = two (n, "Reshape", x, ints (n, "0 4 -1"));
    y = node (n, "InstanceNormalization", y, weights (n, "4", 0, 1), weights (n, "4", 0, 0), NULL);
    return weigh (n, two (n, "Reshape", y, one (n, "Shape", x, NULL)), "16 1 1");
}

/* Weights that are standardised in the file. */
static int standardised (struct net *n, int x)
{
    int w = norm (n, weights (n, "16 16 3 3", 1, 0.2f), "axes=1,2,3");
    w = two (n, "Mul", w, number (n, 0.08f));
    return node (n, "Conv", x, w, -1, "pads=1,1,1,1");
}

static int resized (struct net *n, int x)
{
    int half = conv (n, x, 16, 16, 3, 2, 1);
    onnx_floats (&n->o, value_name (++n->values), "4", (const float[]) { 1, 1, 2, 2 });
    int by = n->values, none = weights (n, "0", 0, 0);
    int up = node (n, "Resize", half, none, by, "mode=linear coordinate_transformation_mode=align_corners");
    return two (n, "Add", x, two (n, "Add", up, node (n, "Resize", half, none, by, "mode=nearest")));
}

static int transposed (struct net *n, int x)
{
    int half = conv (n, x, 16, 16, 3, 2, 1);
    int up =
        node (n, "ConvTranspose", half, weights (n, "16 16 2 2", 0.2f, 0), weights (n, "16", 0.1f, 0), "strides=2,2");
    int shuffled = one (n, "DepthToSpace", conv (n, half, 16, 64, 1, 1, 1), "blocksize=2 mode=CRD");
    return two (n, "Add", up, shuffled);
}

static int uneven_groups (struct net *n, int x)
{
    int y = one (n, "Relu", conv (n, x, 16, 72, 1, 1, 1), NULL);
    return conv (n, one (n, "Relu", conv (n, y, 72, 72, 3, 1, 9), NULL), 72, 16, 1, 1, 1);
}

static int generalised_mean (struct net *n, int x)
{
    int y = one (n, "GlobalAveragePool",
                 two (n, "Pow", node (n, "Clip", x, number (n, 1e-6f), -1, NULL), number (n, 2.5f)), NULL);
    return two (n, "Mul", x, two (n, "Pow", y, number (n, 0.4f)));
}

/* GCNet: each channel's sum over the pixels, weighed by a softmax over them. */
static int global_context (struct net *n, int x)
{
    int flat = two (n, "Reshape", x, ints (n, "1 1 16 256"));
    int mask = one (n, "Softmax", two (n, "Reshape", conv (n, x, 16, 1, 1, 1, 1), ints (n, "1 1 256")), "axis=2");
    int context = two (n, "MatMul", flat, two (n, "Unsqueeze", mask, ints (n, "-1")));
    int y = conv (n, two (n, "Reshape", context, ints (n, "1 16 1 1")), 16, 8, 1, 1, 1);
    return two (n, "Add", x, conv (n, one (n, "Relu", y, NULL), 8, 16, 1, 1, 1));
}

/* GENet with parameters: gathered by depthwise convolutions, excited by the nearest of them. */
static int gather_excite (struct net *n, int x)
{
    int small = conv (n, one (n, "Relu", conv (n, x, 16, 16, 3, 2, 16), NULL), 16, 16, 3, 2, 16);
    onnx_floats (&n->o, value_name (++n->values), "4", (const float[]) { 1, 1, 4, 4 });
    int by = n->values, none = weights (n, "0", 0, 0);
    int up = node (n, "Resize", small, none, by, "coordinate_transformation_mode=asymmetric nearest_mode=floor");
    return two (n, "Mul", x, one (n, "Sigmoid", up, NULL));
}

static const struct {
    const char *name;
    int opset;
    int (*block) (struct net *n, int x);
    const char *has; /* this operation once for each of the two blocks, and no pick; NULL: whatever */
} families[] = {
    { "ConvNeXt, channels first", 13, convnext_first, "layer-norm" },
    { "ConvNeXt, channels last", 13, convnext_last, "layer-norm" },
    { "ConvNeXt, LayerNormalization", 17, convnext_last, "layer-norm" },
    { "ConvNeXt V2", 13, grn, "global-mean-square" },
    { "CBAM", 13, cbam, "channel-max" },
    { "SK", 13, selective_kernel, NULL },
    { "FRN", 13, filter_response, "group-norm" },
    { "group norm", 13, group_norm, "group-norm" },
    { "weight standardisation", 13, standardised, NULL },
    { "resizing", 13, resized, NULL },
    { "transposed convolution", 13, transposed, NULL },
    { "uneven groups", 13, uneven_groups, NULL },
    { "GeM", 13, generalised_mean, NULL },
    { "GCNet", 13, global_context, NULL },
    { "GENet", 13, gather_excite, NULL },
};

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static struct model *load_family (int index)
{
    struct error error = { "" };
    struct net n = { .o = onnx_new (families[index].opset), .opset = families[index].opset, .seed = 1000 };
    const char *path = scratch_path ("family.onnx");
    onnx_input (&n.o, "x", "1 3 32 32");
    int x = one (&n, "Relu", conv (&n, 0, 3, 16, 3, 2, 1), NULL);
    for (int i = 0; i < 2; i++)
        x = one (&n, "Relu", families[index].block (&n, x), NULL);
    x = one (&n, "Flatten", one (&n, "GlobalAveragePool", x, NULL), NULL);
    x = node (&n, "Gemm", x, weights (&n, "7 16", 0.5f, 0), weights (&n, "7", 0.1f, 0), "transB=1");
    onnx_output (&n.o, value_name (x), "1 7");
    struct model *model = load_onnx (path, &n.o, &error);
    CHECK (model != NULL, "%s: %s", families[index].name, error.text);
    return model;
}

static void check_family_numbers (const char *name, struct model *model)
{
    static float input[3 * SIZE * SIZE];
    double exact[CLASSES], largest = 0;
    fill (input, 3 * SIZE * SIZE, 5);
    if (!CHECK (reference_scores (model, input, exact, CLASSES), "%s: no list of %d", name, CLASSES))
        return;
    for (int i = 0; i < CLASSES; i++)
        largest = fmax (largest, fabs (exact[i]));
    for (int threads = 1; threads <= 3; threads++) {
        struct error error = { "" };
        double worst = 0;
        struct plan *plan = plan_new (model_graph (model), &(struct plan_options) { .threads = threads }, &error);
        if (!CHECK (plan != NULL, "%s: %s", name, error.text))
            return;
        plan_run (plan, input);
        for (int i = 0; i < CLASSES; i++)
            worst = fmax (worst, fabs ((double)plan_output (plan, 0)->data[i] - exact[i]));
        CHECK (largest > 0.01 && worst <= 1e-5 * largest, "%s: off by %g of %g", name, worst, largest);
        plan_free (plan);
    }
}

/* x of 4 x 5 times its first row stood up, and its first column laid down times it. */
static void check_products (void)
{
    enum { ROWS = 4, DEPTH = 5 };
    float input[ROWS * DEPTH], expected[DEPTH] = { 0 };
    fill (input, ROWS * DEPTH, 12);
    for (int down = 0; down < 2; down++) {
        struct error error = { "" };
        struct onnx o = onnx_new (13);
        int count = down ? DEPTH : ROWS;
        onnx_input (&o, "x", "1 4 5");
        onnx_ints (&o, "zero", "0");
        onnx_ints (&o, "one", "1");
        onnx_ints (&o, "axis", down ? "-1" : "-2");
        onnx_node (&o, "Slice", "x zero one axis", "part", "");
        onnx_node (&o, "Transpose", "part", "vector", "perm=0,2,1");
        onnx_node (&o, "MatMul", down ? "vector x" : "x vector", "y", "");
        onnx_output (&o, "y", "1");
        for (int i = 0; i < count; i++) {
            expected[i] = 0;
            for (int k = 0; k < (down ? ROWS : DEPTH); k++)
                expected[i] += down ? input[k * DEPTH] * input[k * DEPTH + i] : input[i * DEPTH + k] * input[k];
        }
        struct model *model = load_onnx (scratch_path ("product.onnx"), &o, &error);
        if (CHECK (model != NULL, "%s", error.text))
            check_scores ("MatMul of two tensors", model, input, expected, (size_t)count, 1e-6);
        model_unref (model);
    }
}

void check_families (void)
{
    check_group ("families");
    for (int i = 0; i < (int)(sizeof families / sizeof families[0]); i++) {
        struct model *model = load_family (i);
        if (!model)
            continue;
        int found = 0, picks = 0;
        for (int id = 0; id < graph_tensors (model_graph (model)); id++) {
            const char *operation = graph_tensor (model_graph (model), id).operation;
            found += families[i].has && !strcmp (operation, families[i].has);
            picks += !strcmp (operation, "pick");
        }
        CHECK (!families[i].has || (found == 2 && !picks), "%s: %d times %s, %d picks", families[i].name, found,
               families[i].has ? families[i].has : "", picks);
        check_family_numbers (families[i].name, model);
        model_unref (model);
    }
    check_products ();
}
