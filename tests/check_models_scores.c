/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_scores.c: what a network ends in -> how its numbers become scores, and which scores those are.
 *
 * Each end is written as ONNX behind known logits; expected are the rule, a part of its sentence, and scores worked out
 * here in double precision. The operators that only such ends use are then put together wrong. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/npy.h"

#include <math.h>
#include <string.h>

enum { LINES = 6, CLASSES = 3, PIXELS = 4 };

static const double logits[CLASSES] = { -1, 0.25, 2 };

/* ---- scores in double precision ---------------------------------------------------------------------------------- */

static double sigmoid (double x)
{
    return 1 / (1 + exp (-x));
}
static double hard_sigmoid (double x)
{
    return fmin (fmax (0.2 * x + 0.5, 0), 1);
}
static double unit_clip (double x)
{
    return fmin (fmax (x, 0), 1);
}
static double relu (double x)
{
    return fmax (x, 0);
}
static double softsign (double x)
{
    return x / (1 + fabs (x));
}
static double half_tanh (double x)
{
    return tanh (x) / 2 + 0.5;
}
static double sigmoid_of_relu (double x)
{
    return sigmoid (relu (x));
}

/* NULL: softmax of the logits. */
static void scores_by (double (*each) (double x), int classes, double *scores)
{
    double sum = 0;
    for (int i = 0; i < classes; i++)
        sum += exp (logits[i]);
    for (int i = 0; i < classes; i++)
        scores[i] = each ? each (logits[i]) : exp (logits[i]) / sum;
}

static void softmax_of_relu (double *scores)
{
    double sum = 0;
    for (int i = 0; i < CLASSES; i++)
        sum += scores[i] = exp (relu (logits[i]));
    for (int i = 0; i < CLASSES; i++)
        scores[i] /= sum;
}

/* ---- ends
 * --------------------------------------------------------------------------------------------------------- */

static const struct activation by_none = { .kind = ACTIVATION_NONE }, by_relu = { .kind = ACTIVATION_RELU },
                               by_sigmoid = { .kind = ACTIVATION_SIGMOID };

/* "l" are the logits, "y" is the output. */
static const struct {
    const char *what;
    int classes;
    enum score_kind kind;
    const char *sentence;
    double (*each) (double x);
    struct line lines[LINES];
    float unit; /* 0: 1 */
    const struct activation *replaced;
} ends[] = {
    { "softmax", 3, SCORES_NONE, "softmax at node \"y\": probabilities", NULL, { { "Softmax", "l", "y" } } },
    { "softmax, clipped",
      3,
      SCORES_NONE,
      "softmax at node \"s\": probabilities",
      NULL,
      { { "Softmax", "l", "s" }, { "Clip", "s tiny one", "y" } } },
    { "softmax, times one",
      3,
      SCORES_NONE,
      "softmax at node \"s\": probabilities",
      NULL,
      { { "Softmax", "l", "s" }, { "Mul", "s one", "y" } } },
    { "softmax in per cent",
      3,
      SCORES_NONE,
      "divided by 100",
      NULL,
      { { "Softmax", "l", "s" }, { "Mul", "s hundred", "y" } },
      100 },
    { "softmax, reshaped",
      3,
      SCORES_NONE,
      "softmax at node \"s\": probabilities",
      NULL,
      { { "Softmax", "l", "s" }, { "Reshape", "s four", "y" } } },
    { "softmax, transposed",
      3,
      SCORES_NONE,
      "softmax at node \"s\": probabilities",
      NULL,
      { { "Softmax", "l", "s" }, { "Reshape", "s four", "t" }, { "Transpose", "t", "y", "perm=0,2,3,1" } } },
    { "log-softmax", 3, SCORES_EXP, "log-softmax at node \"y\"", NULL, { { "LogSoftmax", "l", "y" } } },
    { "log of softmax",
      3,
      SCORES_EXP,
      "logarithms of probabilities, e^x",
      NULL,
      { { "Softmax", "l", "s" }, { "Log", "s", "y" } } },
    { "log of sigmoid",
      3,
      SCORES_EXP,
      "logarithms of probabilities, e^x",
      sigmoid,
      { { "Sigmoid", "l", "s" }, { "Log", "s", "y" } } },
    { "e^ of log-softmax",
      3,
      SCORES_NONE,
      "exp at node \"y\": independent",
      NULL,
      { { "LogSoftmax", "l", "s" }, { "Exp", "s", "y" } } },
    { "softsign", 3, SCORES_NONE, "from -1 to 1 that are no probabilities", softsign, { { "Softsign", "l", "y" } } },
    { "sigmoid", 3, SCORES_NONE, "sigmoid at node \"y\": independent", sigmoid, { { "Sigmoid", "l", "y" } } },
    { "one sigmoid", 1, SCORES_NONE, "sigmoid at node \"y\": independent", sigmoid, { { "Sigmoid", "l", "y" } } },
    { "hard-sigmoid",
      3,
      SCORES_NONE,
      "hard-sigmoid at node \"y\": independent",
      hard_sigmoid,
      { { "HardSigmoid", "l", "y" } } },
    { "sigmoid by Neg, Exp and Div",
      3,
      SCORES_NONE,
      "sigmoid at node \"y\": independent",
      sigmoid,
      { { "Neg", "l", "n" }, { "Exp", "n", "e" }, { "Add", "e one", "a" }, { "Div", "one a", "y" } } },
    { "sigmoid by Reciprocal",
      3,
      SCORES_NONE,
      "sigmoid at node \"y\": independent",
      sigmoid,
      { { "Neg", "l", "n" }, { "Exp", "n", "e" }, { "Add", "one e", "a" }, { "Reciprocal", "a", "y" } } },
    { "clip to 0 and 1",
      3,
      SCORES_NONE,
      "clip at node \"y\": independent",
      unit_clip,
      { { "Clip", "l zero one", "y" } } },
    { "tanh", 3, SCORES_NONE, "from -1 to 1 that are no probabilities", tanh, { { "Tanh", "l", "y" } } },
    { "tanh brought to 0 and 1",
      3,
      SCORES_NONE,
      "independent",
      half_tanh,
      { { "Tanh", "l", "t" }, { "Mul", "t half", "h" }, { "Add", "h half", "y" } } },
    { "one logit", 1, SCORES_SIGMOID, "one output and no activation", sigmoid, { { "Flatten", "l", "y" } } },
    { "one output after ReLU", 1, SCORES_NONE, "a quantity, as it is", relu, { { "Relu", "l", "y" } } },
    { "logits", 3, SCORES_SOFTMAX, "logits at node", NULL, { { "Flatten", "l", "y" } } },
    { "sigmoid put away",
      3,
      SCORES_SIGMOID,
      "sigmoid of each",
      sigmoid,
      { { "Sigmoid", "l", "y" } },
      .replaced = &by_none },
    { "sigmoid replaced by ReLU",
      3,
      SCORES_SIGMOID,
      "sigmoid of each",
      sigmoid_of_relu,
      { { "Sigmoid", "l", "y" } },
      .replaced = &by_relu },
    { "sigmoid replaced by sigmoid",
      3,
      SCORES_NONE,
      "sigmoid at node \"y\": independent",
      sigmoid,
      { { "Sigmoid", "l", "y" } },
      .replaced = &by_sigmoid },
    { "softmax where activations are replaced",
      3,
      SCORES_NONE,
      "softmax at node \"y\"",
      NULL,
      { { "Softmax", "l", "y" } },
      .replaced = &by_relu },
};

/* A picture of which each channel's mean is a class's logit. */
static void make_picture (float *picture)
{
    for (int i = 0; i < CLASSES * PIXELS; i++)
        picture[i] = (float)(logits[i / PIXELS] + (i % 2 ? 0.5 : -0.5));
}

static struct model *load_end (const char *name, const struct line *lines, int classes, struct error *error)
{
    static const float identity[CLASSES * CLASSES] = { 1, 0, 0, 0, 1, 0, 0, 0, 1 };
    static const float first[CLASSES] = { 1, 0, 0 };
    const char *path = scratch_path (name);
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", "1 3 2 2");
    onnx_floats (&o, "w", classes == 1 ? "3 1" : "3 3", classes == 1 ? first : identity);
    onnx_number (&o, "zero", 0);
    onnx_number (&o, "tiny", 1e-7f);
    onnx_number (&o, "half", 0.5f);
    onnx_number (&o, "one", 1);
    onnx_number (&o, "hundred", 100);
    onnx_ints (&o, "four", "1 -1 1 1");
    onnx_node (&o, "GlobalAveragePool", "x", "g", NULL);
    onnx_node (&o, "Flatten", "g", "f", NULL);
    onnx_node (&o, "Gemm", "f w", "l", NULL);
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1 ?");
    struct model *model = load_onnx (path, &o, error);
    return model;
}

/* Runs it on the picture, with this in the place of activations. */
static void check_run (const char *what, const struct model *model, const struct activation *replaced,
                       const double *expected)
{
    struct error error = { "" };
    float picture[CLASSES * PIXELS], scores[CLASSES];
    int ids[CLASSES], classes = model_classes (model);
    struct score_rule rule = model_scores (model, SCORES_AUTO, replaced);
    struct plan_options options = { .threads = 1, .activation = replaced };
    struct plan *plan = plan_new (model_graph (model), &options, &error);
    make_picture (picture);
    if (!CHECK (plan && classes <= CLASSES, "%s: %s", what, error.text)) {
        plan_free (plan);
        return;
    }
    plan_run (plan, picture);
    model_scores_of_all (plan_output (plan, 0)->data, classes, &rule, scores);
    for (int i = 0; i < classes; i++)
        CHECK (fabs ((double)scores[i] - expected[i]) < 2e-6, "%s: class %d has %g instead of %g", what, i,
               (double)scores[i], expected[i]);
    int found = model_top (plan_output (plan, 0)->data, classes, &rule, classes, ids, scores);
    CHECK (found == classes && ids[0] == classes - 1, "%s: class %d of %d is best", what, ids[0], found);
    CHECK (fabs ((double)scores[0] - expected[ids[0]]) < 2e-6, "%s: the best has %g", what, (double)scores[0]);
    plan_free (plan);
}

static void check_ends (void)
{
    check_group ("scores by what a network ends in");
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
        struct error error = { "" };
        double expected[CLASSES];
        struct model *model = load_end ("end.onnx", ends[k].lines, ends[k].classes, &error);
        if (!CHECK (model != NULL, "%s: %s", ends[k].what, error.text))
            continue;
        struct score_rule rule = model_scores (model, SCORES_AUTO, ends[k].replaced);
        CHECK (model_classes (model) == ends[k].classes, "%s: %d classes", ends[k].what, model_classes (model));
        CHECK (rule.kind == ends[k].kind, "%s: kind %d, %s", ends[k].what, (int)rule.kind, rule.sentence);
        CHECK (strstr (rule.sentence, ends[k].sentence) != NULL, "%s: %s", ends[k].what, rule.sentence);
        CHECK (fabsf (rule.unit - (ends[k].unit > 0 ? ends[k].unit : 1)) < 1e-6f, "%s: divided by %g", ends[k].what,
               (double)rule.unit);
        scores_by (ends[k].each, ends[k].classes, expected);
        check_run (ends[k].what, model, ends[k].replaced, expected);
        model_unref (model);
    }
}

/* ReLU behind logits leaves them logits; each rule that is asked for is followed. */
static void check_asked (void)
{
    static const struct line after[LINES] = { { "Relu", "l", "y" } },
                             ends_in_sigmoid[LINES] = { { "Sigmoid", "l", "y" } },
                             nothing_left[LINES] = { { "LogSoftmax", "l", "s" }, { "Relu", "s", "y" } };
    static const enum score_kind kinds[] = { SCORES_SOFTMAX, SCORES_SIGMOID, SCORES_EXP, SCORES_NONE };
    struct error error = { "" };
    double expected[CLASSES];
    check_group ("scores asked for");
    struct model *model = load_end ("relu_end.onnx", after, CLASSES, &error);
    if (CHECK (model != NULL, "%s", error.text)) {
        struct score_rule rule = model_scores (model, SCORES_AUTO, NULL);
        CHECK (rule.kind == SCORES_SOFTMAX, "logits then ReLU: %s", rule.sentence);
        softmax_of_relu (expected);
        check_run ("logits then ReLU", model, NULL, expected);
    }
    model_unref (model);
    model = load_end ("nothing_left.onnx", nothing_left, CLASSES, &error);
    if (CHECK (model != NULL, "%s", error.text)) {
        struct score_rule rule = model_scores (model, SCORES_AUTO, NULL);
        CHECK (rule.kind == SCORES_SOFTMAX, "ReLU leaves nothing of logarithms: %s", rule.sentence);
    }
    model_unref (model);
    model = load_end ("sigmoid_end.onnx", ends_in_sigmoid, CLASSES, &error);
    for (size_t k = 0; CHECK (model != NULL, "%s", error.text) && k < sizeof kinds / sizeof kinds[0]; k++) {
        struct score_rule rule = model_scores (model, kinds[k], NULL);
        CHECK (rule.kind == kinds[k] && strstr (rule.sentence, "asked for"), "kind %d: %s", (int)rule.kind,
               rule.sentence);
    }
    model_unref (model);
}

/* ---- ends that are wrong ----------------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    struct line line;
} wrong[] = {
    { "Log without input", { "Log", "", "y" } },
    { "Log of an empty name", { "Log", "-", "y" } },
    { "Log of nothing known", { "Log", "nowhere", "y" } },
    { "Exp without input", { "Exp", "", "y" } },
    { "Neg without input", { "Neg", "", "y" } },
    { "Neg of an empty name", { "Neg", "-", "y" } },
    { "Reciprocal without input", { "Reciprocal", "", "y" } },
    { "LogSoftmax without input", { "LogSoftmax", "", "y" } },
    { "LogSoftmax along an axis beyond", { "LogSoftmax", "l", "y", "axis=5" } },
    { "LogSoftmax along the smallest axis", { "LogSoftmax", "l", "y", "axis=-9223372036854775808" } },
    { "Softmax along an axis beyond", { "Softmax", "l", "y", "axis=-3" } },
    { "Transpose with too many axes", { "Transpose", "l", "y", "perm=0,2,3,1" } },
    { "Reshape to another count", { "Reshape", "l two_of_them", "y" } },
};

static void check_wrong (void)
{
    check_group ("ends that are wrong");
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        struct error error = { "" };
        const struct line lines[LINES] = { wrong[k].line };
        struct model *model = load_end ("wrong_end.onnx", lines, CLASSES, &error);
        CHECK (!model, "%s: is accepted", wrong[k].what);
        CHECK (strstr (error.text, "wrong_end.onnx") && strstr (error.text, wrong[k].line.operation), "%s: %s",
               wrong[k].what, error.text);
        model_unref (model);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static struct model *load_case (const char *name)
{
    char path[1100];
    struct error error = { "" };
    snprintf (path, sizeof path, "%s/%s", check_cases (), name);
    struct model *model = model_load (path, NULL, &error);
    CHECK (model != NULL, "%s", error.text);
    return model;
}

static bool read_array (const char *name, struct npy *array)
{
    char path[1100];
    struct error error = { "" };
    snprintf (path, sizeof path, "%s/%s", check_cases (), name);
    return CHECK (npy_read (path, array, &error), "%s", error.text);
}

/* Four sigmoids that answer the same to every picture. */
static void check_constant_sigmoids (void)
{
    static const float expected[4] = { 0.9f, 0.1f, 0.5f, 0.8f };
    struct error error = { "" };
    struct model *model = load_case ("05-sigmoid-scores/sig_multi.onnx");
    struct plan *plan = model ? plan_new (model_graph (model), &(struct plan_options) { .threads = 1 }, &error) : NULL;
    struct tensor_info in = model ? graph_tensor (model_graph (model), 0) : (struct tensor_info) { .channels = 1 };
    float scores[4], *picture = calloc ((size_t)in.channels, (size_t)in.height * (size_t)in.width * sizeof *picture);
    if (CHECK (plan && picture && model_classes (model) == 4, "%s", error.text)) {
        struct score_rule rule = model_scores (model, SCORES_AUTO, NULL);
        plan_run (plan, picture);
        model_scores_of_all (plan_output (plan, 0)->data, 4, &rule, scores);
        for (int i = 0; i < 4; i++)
            CHECK (fabsf (scores[i] - expected[i]) < 1e-5f, "class %d has %g", i, (double)scores[i]);
        CHECK (rule.kind == SCORES_NONE && strstr (rule.sentence, "independent"), "%s", rule.sentence);
    }
    free (picture);
    plan_free (plan);
    model_unref (model);
}

static void check_logarithms (void)
{
    struct npy input = { 0 }, expected = { 0 };
    struct model *model = load_case ("12-log-softmax/log_softmax.onnx");
    if (model && read_array ("12-log-softmax/log_softmax.in.npy", &input) &&
        read_array ("12-log-softmax/log_softmax.ref.npy", &expected)) {
        struct score_rule rule = model_scores (model, SCORES_AUTO, NULL);
        float *scores = calloc (expected.count, sizeof *scores);
        double sum = 0;
        CHECK (rule.kind == SCORES_EXP, "%s", rule.sentence);
        check_scores ("log_softmax", model, input.data, expected.data, expected.count, 1e-5);
        if (scores)
            model_scores_of_all (expected.data, (int)expected.count, &rule, scores);
        for (size_t i = 0; scores && i < expected.count; i++)
            sum += (double)scores[i];
        CHECK (fabs (sum - 1) < 1e-4, "probabilities add up to %g", sum);
        free (scores);
    }
    npy_clear (&input);
    npy_clear (&expected);
    model_unref (model);
}

void check_score_rules (void)
{
    check_ends ();
    check_asked ();
    check_wrong ();
    check_group ("scores of the case files");
    if (!check_cases ()) {
        SKIP ("no case files");
        return;
    }
    check_constant_sigmoids ();
    check_logarithms ();
}
