/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_patterns.c: activations written as several nodes become one, and only those.
 *
 * Each way of writing must give the activation's numbers and a graph with exactly one activation of that kind; each
 * near miss must keep its own meaning: the right numbers without that activation. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/onnx.h"

#include <math.h>
#include <string.h>

enum { COUNT = 48, LINES = 10 };

static double logistic (double x)
{
    return 1 / (1 + exp (-x));
}

static double silu (double x)
{
    return x / (1 + exp (-x));
}
static double gelu (double x)
{
    return x / 2 * (1 + erf (x / sqrt (2)));
}
static double gelu_tanh (double x)
{
    return x / 2 * (1 + tanh (sqrt (2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double hard_swish (double x)
{
    return x * fmin (fmax (x / 6 + 0.5, 0), 1);
}
static double mish (double x)
{
    return x * tanh (log1p (exp (x)));
}
static double twice_silu (double x)
{
    return 2 * silu (x);
}
static double other_hard_swish (double x)
{
    return x * fmin (fmax (0.2 * x + 0.5, 0), 1);
}
static double relu (double x)
{
    return fmax (x, 0);
}
static double leaky (double x)
{
    return x > 0 ? x : 0.5 * x;
}
static double elu (double x)
{
    return x > 0 ? x : 0.5 * expm1 (x);
}
static double relu6_product (double x)
{
    return x * fmin (fmax (x + 3, 0), 6);
}
static double sigmoid_of_twice (double x)
{
    return x / (1 + exp (-2 * x));
}

static const struct {
    const char *what;
    enum activation_kind kind;
    double (*function) (double x);
    bool found;
    struct line lines[LINES];
} cases[] = {
    { "SiLU", ACTIVATION_SILU, silu, true, { { "Sigmoid", "x", "a" }, { "Mul", "x a", "y" } } },
    { "SiLU, sigmoid first", ACTIVATION_SILU, silu, true, { { "Sigmoid", "x", "a" }, { "Mul", "a x", "y" } } },
    { "ReLU by Where", ACTIVATION_RELU, relu, true, { { "Greater", "x n0", "a" }, { "Where", "a x n0", "y" } } },
    { "ReLU by Where, below",
      ACTIVATION_RELU,
      relu,
      true,
      { { "LessOrEqual", "x n0", "a" }, { "Where", "a n0 x", "y" } } },
    { "LeakyReLU by Where",
      ACTIVATION_LEAKY_RELU,
      leaky,
      true,
      { { "GreaterOrEqual", "x n0", "a" }, { "Mul", "x half", "b" }, { "Where", "a x b", "y" } } },
    { "LeakyReLU by Where, 0 first",
      ACTIVATION_LEAKY_RELU,
      leaky,
      true,
      { { "Greater", "n0 x", "a" }, { "Mul", "half x", "b" }, { "Where", "a b x", "y" } } },
    { "ELU by Where",
      ACTIVATION_ELU,
      elu,
      true,
      { { "Greater", "x n0", "a" },
        { "Exp", "x", "e" },
        { "Sub", "e n1", "b" },
        { "Mul", "b half", "d" },
        { "Where", "a x d", "y" } } },
    { "sigmoid by Exp, taken from 0",
      ACTIVATION_SIGMOID,
      logistic,
      true,
      { { "Sub", "n0 x", "a" }, { "Exp", "a", "e" }, { "Add", "e n1", "b" }, { "Div", "n1 b", "y" } } },
    { "sigmoid by Exp, times -1",
      ACTIVATION_SIGMOID,
      logistic,
      true,
      { { "Mul", "n_1 x", "a" }, { "Exp", "a", "e" }, { "Add", "n1 e", "b" }, { "Reciprocal", "b", "y" } } },
    { "SiLU of a product",
      ACTIVATION_SILU,
      silu,
      true,
      { { "Mul", "x n_1", "p" }, { "Mul", "p n_1", "q" }, { "Sigmoid", "q", "a" }, { "Mul", "a q", "y" } } },
    { "HardSwish by HardSigmoid",
      ACTIVATION_HARD_SWISH,
      hard_swish,
      true,
      { { "HardSigmoid", "x", "a", "alpha=0.166666667f beta=0.5f" }, { "Mul", "x a", "y" } } },
    { "HardSwish by Clip and Div",
      ACTIVATION_HARD_SWISH,
      hard_swish,
      true,
      { { "Add", "x n3", "a" }, { "Clip", "a n0 n6", "b" }, { "Mul", "x b", "c" }, { "Div", "c n6", "y" } } },
    { "HardSwish by Clip, divided first",
      ACTIVATION_HARD_SWISH,
      hard_swish,
      true,
      { { "Add", "n3 x", "a" }, { "Clip", "a n0 n6", "b" }, { "Div", "b n6", "c" }, { "Mul", "c x", "y" } } },
    { "Mish", ACTIVATION_MISH, mish, true, { { "Softplus", "x", "a" }, { "Tanh", "a", "b" }, { "Mul", "x b", "y" } } },
    { "GELU of torch",
      ACTIVATION_GELU,
      gelu,
      true,
      { { "Div", "x root2", "a" },
        { "Erf", "a", "b" },
        { "Add", "b n1", "c" },
        { "Mul", "x c", "d" },
        { "Mul", "d half", "y" } } },
    { "GELU, half first",
      ACTIVATION_GELU,
      gelu,
      true,
      { { "Mul", "half x", "h" },
        { "Mul", "x root_half", "a" },
        { "Erf", "a", "b" },
        { "Add", "n1 b", "c" },
        { "Mul", "h c", "y" } } },
    { "GELU, factor halved",
      ACTIVATION_GELU,
      gelu,
      true,
      { { "Div", "x root2", "a" },
        { "Erf", "a", "b" },
        { "Add", "b n1", "c" },
        { "Mul", "c half", "d" },
        { "Mul", "x d", "y" } } },
    { "GELU by Constant nodes",
      ACTIVATION_GELU,
      gelu,
      true,
      { { "Constant", "", "k", "value_float=1.41421356f" },
        { "Constant", "", "o", "value_float=1.0f" },
        { "Div", "x k", "a" },
        { "Erf", "a", "b" },
        { "Add", "b o", "c" },
        { "Mul", "x c", "d" },
        { "Mul", "d half", "y" } } },
    { "GELU by Tanh and Pow",
      ACTIVATION_GELU_TANH,
      gelu_tanh,
      true,
      { { "Pow", "x n3", "a" },
        { "Mul", "a cubic", "b" },
        { "Add", "x b", "c" },
        { "Mul", "c root", "d" },
        { "Tanh", "d", "e" },
        { "Add", "e n1", "f" },
        { "Mul", "x f", "g" },
        { "Mul", "g half", "y" } } },
    { "GELU by Tanh and products",
      ACTIVATION_GELU_TANH,
      gelu_tanh,
      true,
      { { "Mul", "x x", "s" },
        { "Mul", "s x", "a" },
        { "Mul", "cubic a", "b" },
        { "Add", "b x", "c" },
        { "Mul", "root c", "d" },
        { "Tanh", "d", "e" },
        { "Add", "n1 e", "f" },
        { "Mul", "half x", "g" },
        { "Mul", "g f", "y" } } },
    { "Twice SiLU",
      ACTIVATION_SILU,
      twice_silu,
      true,
      { { "Sigmoid", "x", "a" }, { "Mul", "x a", "b" }, { "Mul", "b n2", "y" } } },
    { "HardSigmoid with other numbers",
      ACTIVATION_HARD_SWISH,
      other_hard_swish,
      false,
      { { "HardSigmoid", "x", "a" }, { "Mul", "x a", "y" } } },
    { "Clip without division",
      ACTIVATION_HARD_SWISH,
      relu6_product,
      false,
      { { "Add", "x n3", "a" }, { "Clip", "a n0 n6", "b" }, { "Mul", "x b", "y" } } },
    { "Sigmoid of something else",
      ACTIVATION_SILU,
      sigmoid_of_twice,
      false,
      { { "Mul", "x n2", "t" }, { "Sigmoid", "t", "a" }, { "Mul", "x a", "y" } } },
};

static void add_numbers (struct onnx *o)
{
    static const struct {
        const char *name;
        float number;
    } numbers[] = { { "n_1", -1 },
                    { "n0", 0 },
                    { "n1", 1 },
                    { "n2", 2 },
                    { "n3", 3 },
                    { "n6", 6 },
                    { "half", 0.5f },
                    { "root2", 1.41421356f },
                    { "root_half", 0.70710678f },
                    { "cubic", 0.044715f },
                    { "root", 0.79788456f } };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        onnx_number (o, numbers[i].name, numbers[i].number);
}

static int count_activations (const struct graph *g, enum activation_kind kind)
{
    int found = 0;
    for (int i = 0; i < graph_tensors (g); i++) {
        struct tensor_info t = graph_tensor (g, i);
        found += !strcmp (t.operation, "activation") && t.activation.kind == kind;
    }
    return found;
}

static struct model *load_lines (const char *name, const struct line *lines, const char *outputs, struct error *error)
{
    struct onnx o = onnx_new (13);
    const char *path = scratch_path (name);
    onnx_input (&o, "x", "1 3 4 4");
    add_numbers (&o);
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1 3 4 4");
    if (outputs)
        onnx_output (&o, outputs, "1 3 4 4");
    struct model *model = load_onnx (path, &o, error);
    return model;
}

/* What is inside a pattern stays when somebody else reads it, too. */
static void check_read_inside (void)
{
    static const struct line lines[LINES] = { { "Sigmoid", "x", "a" }, { "Mul", "x a", "y" } };
    struct error error = { "" };
    struct model *model = load_lines ("inside.onnx", lines, "a", &error);
    if (CHECK (model != NULL, "%s", error.text)) {
        CHECK (graph_outputs (model_graph (model)) == 2, "two outputs");
        CHECK (count_activations (model_graph (model), ACTIVATION_SIGMOID) == 1, "the sigmoid is kept");
        CHECK (count_activations (model_graph (model), ACTIVATION_SILU) == 0, "and not taken into a SiLU");
    }
    model_unref (model);
}

/* Near misses with an operator that is supported within a pattern alone. */
static void check_refused (void)
{
    static const struct {
        const char *what;
        struct line lines[LINES];
    } misses[] = {
        { "Erf of x",
          { { "Erf", "x", "a" }, { "Add", "a n1", "b" }, { "Mul", "x b", "c" }, { "Mul", "c half", "y" } } },
        { "Erf of another multiple",
          { { "Mul", "x root2", "a" },
            { "Erf", "a", "b" },
            { "Add", "b n1", "c" },
            { "Mul", "x c", "d" },
            { "Mul", "d half", "y" } } },
        { "not halved",
          { { "Div", "x root2", "a" }, { "Erf", "a", "b" }, { "Add", "b n1", "c" }, { "Mul", "x c", "y" } } },
        { "two added",
          { { "Div", "x root2", "a" },
            { "Erf", "a", "b" },
            { "Add", "b n2", "c" },
            { "Mul", "x c", "d" },
            { "Mul", "d half", "y" } } },
    };
    for (size_t k = 0; k < sizeof misses / sizeof misses[0]; k++) {
        struct error error = { "" };
        struct model *model = load_lines ("miss.onnx", misses[k].lines, NULL, &error);
        CHECK (model == NULL && strstr (error.text, "Erf"), "%s is taken for a GELU: '%s'", misses[k].what, error.text);
        model_unref (model);
    }
}

void check_patterns (void)
{
    float input[COUNT], expected[COUNT];
    check_group ("patterns");
    fill (input, COUNT, 21);
    for (int i = 0; i < COUNT; i++)
        input[i] *= 5;
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct error error = { "" };
        struct model *model = load_lines ("pattern.onnx", cases[k].lines, NULL, &error);
        for (int i = 0; i < COUNT; i++)
            expected[i] = (float)cases[k].function ((double)input[i]);
        if (!CHECK (model != NULL, "%s: %s", cases[k].what, error.text))
            continue;
        check_scores (cases[k].what, model, input, expected, COUNT, 2e-6);
        int found = count_activations (model_graph (model), cases[k].kind);
        CHECK (found == cases[k].found, "%s: %d of them", cases[k].what, found);
        model_unref (model);
    }
    check_read_inside ();
    check_refused ();
}
