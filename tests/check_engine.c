/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_engine.c: the numbers a plan computes: known patterns and random graphs against the double-precision oracle.
 *
 * Every trial runs one graph through plan_new and plan_run with some instruction set, algorithm, threads and taps. */
#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const algorithm_names[] = { "auto", "direct", "f23", "f43", "f42", "strassen" };

/* ---- trials -------------------------------------------------------------------------------------------------- */

struct trial {
    const char *name;
    struct graph *g;
    float *input;
    struct reference *reference;
    double roundings; /* on the longest way through the graph, at most */
};

/* Takes over the builder's graph. */
static struct trial trial_new (struct builder *b, const char *name)
{
    struct trial t = { .name = name, .g = b->g };
    if (!CHECK (!graph_error (b->g), "%s: %s", name, graph_error (b->g)))
        return t;
    struct tensor_info in = graph_tensor (b->g, 0);
    t.input = random_floats (b, (size_t)in.channels * (size_t)in.height * (size_t)in.width, -1, 1);
    t.reference = reference_run (b->g, t.input);
    for (int i = 0; i < b->g->count; i++) {
        const struct node *node = &b->g->nodes[i];
        bool conv = node->operation == OPERATION_CONV;
        t.roundings += 16; /* an activation, a pool, an affine rounded to float, ... */
        if (conv)
            t.roundings += (double)node->macs / ((double)node->channels * node->height * node->width);
        if (node->operation == OPERATION_REDUCE || node->operation == OPERATION_SOFTMAX ||
            node->operation == OPERATION_LOG_SOFTMAX)
            t.roundings += (double)reference_count (t.reference, node->inputs[0]);
    }
    return t;
}

static void trial_free (struct trial *t)
{
    free (t->input);
    reference_free (t->reference);
    graph_unref (t->g);
}

/* One tensor of the plan against the oracle's tensor `id`. Directly computed numbers keep to the bound that every order
 * of summing keeps to, and to 4e-6 of the largest; those of Winograd and Strassen, whose sums cancel, to 1e-5. */
static void compare (const struct trial *t, const struct tensor *made, int id, bool direct, const char *what)
{
    struct tensor_info info = graph_tensor (t->g, id);
    CHECK (!strcmp (made->name, info.name), "%s: %s is called %s", what, info.name, made->name);
    if (!CHECK (made->channels == info.channels && made->height == info.height && made->width == info.width,
                "%s: %s is %dx%dx%d", what, info.name, made->channels, made->height, made->width))
        return;
    const double *values = reference_values (t->reference, id), *terms = reference_magnitudes (t->reference, id);
    size_t count = reference_count (t->reference, id), at = 0;
    double largest = 0, worst = 0;
    bool bounded = true;
    for (size_t i = 0; i < count; i++) {
        double off = fabs ((double)made->data[i] - values[i]);
        largest = fmax (largest, fabs (values[i]));
        if (!(off <= worst)) {
            worst = off;
            at = i;
        }
        bounded &= off <= t->roundings * FLT_EPSILON / 2 * terms[i] + FLT_MIN;
    }
    if (direct)
        CHECK (bounded, "%s: %s[%zu] is %g, not %g", what, info.name, at, (double)made->data[at], values[at]);
    CHECK (worst <= (direct ? 4e-6 : 1e-5) * largest, "%s: %s[%zu] is %.9g, not %.9g; the largest is %g", what,
           info.name, at, (double)made->data[at], values[at], largest);
}

/* Plans, runs, compares all outputs and taps; `again` gets the first output, to free. */
static void run_trial (const struct trial *t, const struct plan_options *options, float **again)
{
    char what[128];
    snprintf (what, sizeof what, "%s, %s, %s, %d threads, %d taps", t->name, options->isa,
              algorithm_names[options->algorithm], options->threads, options->tap_count);
    struct error error;
    struct plan *plan = plan_new (t->g, options, &error);
    if (!CHECK (plan != NULL, "%s: %s", what, error.text))
        return;
    CHECK (!strcmp (plan_isa (plan), options->isa), "%s: runs %s", what, plan_isa (plan));
    plan_run (plan, t->input);
    bool direct = options->algorithm == ALGORITHM_DIRECT;
    CHECK (plan_outputs (plan) == graph_outputs (t->g), "%s: %d outputs", what, plan_outputs (plan));
    for (int i = 0; i < graph_outputs (t->g); i++)
        compare (t, plan_output (plan, i), graph_output_id (t->g, i), direct, what);
    for (int i = 0; i < options->tap_count; i++)
        compare (t, plan_tap (plan, i), graph_find (t->g, options->taps[i]), direct, what);
    if (again) {
        size_t bytes = reference_count (t->reference, graph_output_id (t->g, 0)) * sizeof (float);
        *again = malloc (bytes);
        memcpy (*again, plan_output (plan, 0)->data, bytes);
    }
    plan_free (plan);
}

static void same_bits (const struct trial *t, const float *a, const float *b, const char *what)
{
    size_t bytes = reference_count (t->reference, graph_output_id (t->g, 0)) * sizeof (float);
    if (a && b)
        CHECK (!memcmp (a, b, bytes), "%s: %s", t->name, what);
}

/* Every instruction set and every algorithm, without taps and with all of them; with `threads`, also two of those
 * (their start takes longer than all the rest). */
static void run_everywhere (const struct trial *t, bool threads)
{
    const char *taps[BUILDER_TENSORS];
    int tap_count = graph_tensors (t->g);
    for (int i = 0; i < tap_count; i++)
        taps[i] = graph_tensor (t->g, i).name;
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        for (int algorithm = ALGORITHM_AUTO; algorithm <= ALGORITHM_STRASSEN; algorithm++) {
            struct plan_options options = { .threads = 1, .isa = *isa, .algorithm = (enum algorithm)algorithm };
            float *one = NULL, *two = NULL;
            run_trial (t, &options, &one);
            options.threads = 2;
            if (threads)
                run_trial (t, &options, &two);
            same_bits (t, one, two, "1 and 2 threads differ");
            free (one);
            free (two);
            options.threads = 1;
            options.taps = taps;
            options.tap_count = tap_count;
            run_trial (t, &options, NULL);
        }
    }
}

/* ---- patterns ------------------------------------------------------------------------------------------------ */

/* Each builds on the input (tensor 0) and returns its last tensor. a: the activation of the trial. */
typedef int build_function (struct builder *b, struct activation a);

static int conv_activation (struct builder *b, struct activation a)
{
    return build_activation (b, build_square (b, 0, 18, 3, 1, 1), a);
}

static int conv_norm_activation (struct builder *b, struct activation a)
{
    return build_activation (b, build_batch_norm (b, build_square (b, 0, 18, 3, 1, 1)), a);
}

static int conv_activation_norm (struct builder *b, struct activation a)
{
    int x = build_batch_norm (b, build_activation (b, build_square (b, 0, 18, 3, 1, 1), a));
    /* The shift must not reach the padding of the next one: its border is where a wrong fold shows. */
    x = build_batch_norm (b, build_activation (b, build_square (b, x, 20, 3, 1, 1), a));
    return build_square (b, x, 5, 5, 2, 2);
}

static int two_convs (struct builder *b, struct activation a)
{
    int x = build_square (b, build_square (b, 0, 33, 3, 1, 1), 17, 1, 1, 0);
    x = build_activation (b, x, a);
    return build_square (b, build_square (b, x, 8, 1, 1, 0), 19, 3, 1, 1);
}

static int residual_identity (struct builder *b, struct activation a)
{
    int x = build_activation (b, build_batch_norm (b, build_square (b, 0, 32, 3, 1, 1)), a);
    int y = build_activation (b, build_batch_norm (b, build_square (b, x, 32, 3, 1, 1)), a);
    y = build_batch_norm (b, build_square (b, y, 32, 3, 1, 1));
    return build_activation (b, graph_add (b->g, NULL, y, x), a);
}

static int residual_shortcut (struct builder *b, struct activation a)
{
    int x = build_activation (b, build_batch_norm (b, build_square (b, 0, 16, 3, 1, 1)), a);
    int y = build_activation (b, build_batch_norm (b, build_square (b, x, 24, 3, 2, 1)), a);
    y = build_batch_norm (b, build_square (b, y, 24, 3, 1, 1));
    int shortcut = build_batch_norm (b, build_square (b, x, 24, 1, 2, 0));
    return build_activation (b, graph_add (b->g, NULL, y, shortcut), a);
}

static int residual_shortcut_first (struct builder *b, struct activation a)
{
    int shortcut = build_batch_norm (b, build_square (b, 0, 24, 1, 1, 0));
    int y = build_activation (b, build_batch_norm (b, build_square (b, 0, 24, 1, 1, 0)), a);
    y = build_batch_norm (b, build_square (b, y, 24, 3, 1, 1));
    return build_activation (b, graph_add (b->g, NULL, shortcut, y), a);
}

static int preactivation (struct builder *b, struct activation a)
{
    int x = build_square (b, 0, 20, 3, 1, 1);
    int y = build_square (b, build_activation (b, build_batch_norm (b, x), a), 20, 3, 1, 1);
    return build_activation (b, build_batch_norm (b, graph_add (b->g, NULL, x, y)), a);
}

static int inverted_bottleneck (struct builder *b, struct activation a)
{
    int x = build_square (b, 0, 16, 1, 1, 0), y = build_activation (b, build_square (b, x, 40, 1, 1, 0), a);
    struct conv depthwise = { .out_channels = 40, .kernel_h = 3, .kernel_w = 3, .groups = 40 };
    depthwise.pad_top = depthwise.pad_left = depthwise.pad_bottom = depthwise.pad_right = 1;
    y = build_activation (b, build_batch_norm (b, build_conv (b, y, depthwise)), a);
    int gate = build_activation (b, build_linear (b, graph_global_pool (b->g, NULL, y, POOL_AVERAGE), 10), a);
    gate =
        graph_activation (b->g, NULL, build_linear (b, gate, 40), (struct activation) { .kind = ACTIVATION_SIGMOID });
    y = build_square (b, graph_mul (b->g, NULL, y, gate), 16, 1, 1, 0);
    return graph_add (b->g, NULL, x, y);
}

static int fire_and_classify (struct builder *b, struct activation a)
{
    struct pool pool = {
        .kind = POOL_MAX, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .ceil_mode = true
    };
    int x = build_activation (b, build_square (b, 0, 24, 3, 2, 1), a);
    x = build_activation (b, build_square (b, graph_pool (b->g, NULL, x, &pool), 8, 1, 1, 0), a);
    int left = build_activation (b, build_square (b, x, 32, 1, 1, 0), a);
    int right = build_activation (b, build_square (b, x, 24, 3, 1, 1), a);
    x = graph_concat (b->g, NULL, (int[]) { left, right }, 2);
    x = graph_global_pool (b->g, NULL, build_activation (b, build_square (b, x, 30, 1, 1, 0), a), POOL_AVERAGE);
    return graph_softmax (b->g, NULL, build_linear (b, x, 21));
}

/* A bottleneck with its 1x1 layers wide enough for Strassen's halves: blocks that are whole and not, pairs that are
 * whole and not, a strided one, a residual; `outputs` of the last. */
static int wide_bottleneck (struct builder *b, struct activation a, int width, int outputs)
{
    int x = build_activation (b, build_square (b, 0, width, 1, 1, 0), a);
    int y = build_activation (b, build_batch_norm (b, build_square (b, x, 64, 1, 1, 0)), a);
    y = build_activation (b, graph_add (b->g, NULL, build_square (b, y, width, 1, 1, 0), x), a);
    return build_activation (b, build_square (b, y, outputs, 1, 2, 0), a);
}

static int bottleneck (struct builder *b, struct activation a)
{
    return wide_bottleneck (b, a, 96, 77);
}

/* The max-pool reads both stems: it may join neither. */
static int two_stems_and_pool (struct builder *b, struct activation a)
{
    int left = build_activation (b, build_square (b, 0, 16, 3, 1, 1), a);
    int right = build_activation (b, build_square (b, 0, 16, 5, 1, 2), a);
    struct pool pool = { .kind = POOL_MAX, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2 };
    return graph_pool (b->g, NULL, graph_concat (b->g, NULL, (int[]) { left, right }, 2), &pool);
}

/* The max-pool reads one stem and may join it; its windows overlap and reach over the edges. */
static int stem_and_pool (struct builder *b, struct activation a)
{
    int x = build_activation (b, build_square (b, 0, 24, 7, 1, 3), a);
    struct pool pool = { .kind = POOL_MAX,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1 };
    return build_square (b, graph_pool (b->g, NULL, x, &pool), 5, 1, 1, 0);
}

/* Two parts that fill a block only together, in a concat that lies in another, which has the third part too. */
static int concat_off_blocks (struct builder *b, struct activation a)
{
    int x = build_activation (b, build_square (b, 0, 16, 1, 1, 0), a);
    int first = build_square (b, x, 8, 3, 1, 1), second = build_square (b, x, 8, 1, 1, 0);
    int third = build_activation (b, build_square (b, x, 16, 3, 1, 1), a);
    int inner = graph_concat (b->g, NULL, (int[]) { first, second, third }, 3);
    int outer = graph_concat (b->g, NULL, (int[]) { inner, third }, 2);
    return graph_concat (b->g, NULL,
                         (int[]) { build_square (b, inner, 7, 1, 1, 0), build_square (b, outer, 9, 3, 1, 1) }, 2);
}

static const struct {
    const char *name;
    build_function *build;
} patterns[] = {
    { "conv, activation", conv_activation },
    { "conv, norm, activation", conv_norm_activation },
    { "conv, activation, norm", conv_activation_norm },
    { "two convs with nothing between", two_convs },
    { "residual block", residual_identity },
    { "residual block, 1x1 shortcut", residual_shortcut },
    { "residual block, 1x1 shortcut first", residual_shortcut_first },
    { "norm and activation first", preactivation },
    { "inverted bottleneck", inverted_bottleneck },
    { "fire module and classifier", fire_and_classify },
    { "two stems and max-pool", two_stems_and_pool },
    { "stem and max-pool", stem_and_pool },
    { "concat off the block borders", concat_off_blocks },
    { "wide bottleneck", bottleneck },
};

/* Those that people choose, and those that files have beside. */
static const struct activation activations[] = {
#define CHOICE(KIND, alpha, beta, text) { ACTIVATION_##KIND, alpha, beta },
#include "engine/activations.def"
    { .kind = ACTIVATION_GELU_TANH },
    { .kind = ACTIVATION_PRELU },
    { .kind = ACTIVATION_CLIP, .alpha = 0, .beta = 6 },
    { .kind = ACTIVATION_HARD_SIGMOID, .alpha = 0.2f, .beta = 0.5f },
};

enum { PATTERNS = sizeof patterns / sizeof *patterns, ACTIVATIONS = sizeof activations / sizeof *activations };

static void one_pattern (int pattern, struct activation a, const int shape[3], bool threads)
{
    char name[128];
    snprintf (name, sizeof name, "%s (%s, %dx%dx%d)", patterns[pattern].name, activation_name (a.kind), shape[0],
              shape[1], shape[2]);
    struct builder b = builder_new ((uint64_t)(pattern + 100 * (int)a.kind), shape[0], shape[1], shape[2]);
    graph_output (b.g, patterns[pattern].build (&b, a));
    struct trial t = trial_new (&b, name);
    if (t.reference)
        run_everywhere (&t, threads);
    trial_free (&t);
}

static void check_patterns (void)
{
    static const int shapes[][3] = { { 3, 17, 13 }, { 16, 12, 12 }, { 21, 7, 7 }, { 5, 4, 6 } };
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
        check_group (patterns[pattern].name);
        for (int i = 0; i < ACTIVATIONS; i++)
            one_pattern (pattern, activations[i], shapes[(pattern + i) % 4], false);
        for (int i = 0; i < 4; i++)
            one_pattern (pattern, activations[0], shapes[i], i == pattern % 4);
    }
    /* large enough for a stem and its max-pool to be one step */
    check_group ("large stems");
    static const int large[] = { 3, 96, 80 };
    for (int pattern = 0; pattern < PATTERNS; pattern++)
        if (patterns[pattern].build == two_stems_and_pool || patterns[pattern].build == stem_and_pool)
            one_pattern (pattern, activations[0], large, true);
}

/* With every table, on one to three threads, to the same bits. */
static void one_to_three_threads (const struct trial *t, enum algorithm algorithm)
{
    for (const char *const *isa = engine_isas (); t->reference && *isa; isa++) {
        float *one = NULL, *more = NULL;
        struct plan_options options = { .threads = 1, .isa = *isa, .algorithm = algorithm };
        run_trial (t, &options, &one);
        for (options.threads = 2; options.threads <= 3; options.threads++) {
            run_trial (t, &options, &more);
            same_bits (t, one, more, "threads differ");
            free (more);
            more = NULL;
        }
        free (one);
    }
}

/* Wide and narrow layers over few and many pixels, on up to three threads: weights that stay in the L2 cache and
 * weights that do not, pixels that threads divide and weights that they divide. */
static void check_wide (void)
{
    static const int sides[] = { 1, 2, 5, 7, 13, 14, 27 };
    check_group ("wide 1x1 layers, 1 to 3 threads");
    for (int i = 0; i < 14; i++) {
        char name[32];
        int side = sides[i % 7], width = i < 7 ? 64 : i % 2 ? 416 : 1024;
        snprintf (name, sizeof name, "%d wide, %dx%d", width, side, side + 1);
        struct builder b = builder_new ((uint64_t)i, 32, side, side + 1);
        graph_output (b.g, wide_bottleneck (&b, activations[i % ACTIVATIONS], width, 40 + 60 * (i % 3)));
        struct trial t = trial_new (&b, name);
        one_to_three_threads (&t, ALGORITHM_STRASSEN);
        trial_free (&t);
    }
}

/* 3x3 layers of so many input channels that their products are made a share of the channels at a time: shares that are
 * whole, and odd ones; whole and half panels; small tiles; on up to three threads. */
static void check_deep (void)
{
    static const int depths[] = { 127, 128, 129, 144, 256, 300 }, sides[] = { 7, 13, 4 };
    static const enum algorithm algorithms[] = { ALGORITHM_F23, ALGORITHM_F43, ALGORITHM_F42 };
    check_group ("deep 3x3 layers, 1 to 3 threads");
    for (int i = 0; i < 12; i++) {
        char name[32];
        int side = sides[i % 3], stride = 1 + i / 6, outputs = i % 2 ? 48 : 17;
        snprintf (name, sizeof name, "%d deep, %dx%d, stride %d", depths[i % 6], side, side + 1, stride);
        struct builder b = builder_new ((uint64_t)i, depths[i % 6], side, side + 1);
        graph_output (b.g, build_activation (&b, build_square (&b, 0, outputs, 3, stride, 1), activations[1]));
        struct trial t = trial_new (&b, name);
        one_to_three_threads (&t, algorithms[i % 5 % 3]); /* not in step with the sides */
        trial_free (&t);
    }
}

/* ---- picks --------------------------------------------------------------------------------------------------- */

/* Picks of picks and of concats, of any channels, also twice, some read by others too. */
static void check_picks (void)
{
    check_group ("picks of picks");
    for (int i = 0; i < 40; i++) {
        enum { SIDE = 5 };
        char name[64];
        int order[90], a = 3 + 11 * (i % 4), c = 1 + 7 * (i % 5), channels = a + c;
        struct builder b = builder_new ((uint64_t)(100 + i), 3, SIDE, SIDE);
        int x = build_relu (&b, build_square (&b, 0, a, 1, 1, 0));
        int y = i % 7 ? build_relu (&b, build_square (&b, 0, c, 1, 1, 0)) : x;
        channels = i % 7 ? channels : 2 * a;
        int whole = graph_concat (b.g, NULL, (int[]) { x, y }, 2), picked = whole;
        for (int k = 0; k < 3; k++) {
            int count = random_int (&b, 1, 80);
            for (int o = 0; o < count; o++)
                order[o] = random_int (&b, k == 2 ? -1 : 0, channels - 1);
            struct pick pick = { order, count, SIDE, SIDE, .step_h = 1, .step_w = 1, .fill = 0.5f };
            if (k == 1 && i % 3 == 0) { /* a crop with a border */
                pick.left = -1;
                pick.width = SIDE - 2;
            }
            if (k == 2 || k == 0 || i % 3) {
                picked = graph_pick (b.g, NULL, picked, &pick);
                channels = count;
            }
            if (k == i % 4)
                graph_output (b.g, graph_global_pool (b.g, NULL, picked, POOL_AVERAGE));
        }
        graph_output (b.g, build_relu (&b, build_square (&b, picked, 20, 1, 1, 0)));
        if (i % 5 == 0)
            graph_output (b.g, build_square (&b, whole, 8, 1, 1, 0));
        snprintf (name, sizeof name, "picks %d", i);
        struct trial t = trial_new (&b, name);
        run_everywhere (&t, i < 4);
        trial_free (&t);
    }
}

/* ---- groups -------------------------------------------------------------------------------------------------- */

/* Groups that no set of whole blocks divides, behind a layer that fills the padding channels with something. */
static void check_groups (void)
{
    static const struct {
        int groups, in, out, kernel, stride; /* channels of a group */
        double zeros;                        /* times the multiplications of the definition, at most */
    } cases[] = { { 55, 8, 8, 3, 1, 2 },     { 55, 8, 8, 3, 2, 2 },      { 37, 24, 24, 1, 1, 1.7 },
                  { 7, 8, 16, 3, 1, 2 },     { 3, 16, 8, 3, 1, 2 },      { 19, 4, 12, 3, 1, 4 },
                  { 21, 5, 5, 3, 1, 16 },    { 33, 2, 2, 3, 2, 8 },      { 32, 8, 8, 3, 1, 2 },
                  { 5, 3, 3, 3, 1, 5 },      { 9, 48, 16, 1, 2, 1 },     { 6, 24, 24, 3, 1, 1.7 },
                  { 7, 24, 24, 3, 2, 1.7 },  { 4, 120, 120, 3, 1, 1.2 }, { 3, 32, 48, 3, 1, 1 },
                  { 2, 136, 136, 3, 1, 1.2 } };
    static const enum algorithm algorithms[] = { ALGORITHM_F43, ALGORITHM_F42, ALGORITHM_F23 };
    check_group ("groups");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char name[64];
        int channels = cases[k].groups * cases[k].in, pad = cases[k].kernel / 2;
        struct builder b = builder_new (k, 3, 7, 6);
        int x = build_activation (&b, build_square (&b, 0, channels, 1, 1, 0),
                                  (struct activation) { .kind = ACTIVATION_SILU });
        x = build_conv (&b, x,
                        (struct conv) { .out_channels = cases[k].groups * cases[k].out,
                                        .kernel_h = cases[k].kernel,
                                        .kernel_w = cases[k].kernel,
                                        .stride_h = cases[k].stride,
                                        .stride_w = cases[k].stride,
                                        .pad_top = pad,
                                        .pad_left = pad,
                                        .pad_right = pad,
                                        .groups = cases[k].groups });
        graph_output (b.g, build_relu (&b, build_batch_norm (&b, x)));
        snprintf (name, sizeof name, "%d groups of %d channels, kernel %d", cases[k].groups, cases[k].in,
                  cases[k].kernel);
        struct trial t = trial_new (&b, name);
        one_to_three_threads (&t, ALGORITHM_DIRECT);
        one_to_three_threads (&t, algorithms[k % 3]);
        struct plan *plan =
            plan_new (t.g, &(struct plan_options) { .threads = 1, .algorithm = ALGORITHM_DIRECT }, NULL);
        struct step_info step = plan_step (plan, plan_steps (plan) - 2); /* the last one puts the output in order */
        CHECK ((double)step.multiplications <= cases[k].zeros * (double)step.macs, "%s: %.1f times the multiplications",
               name, (double)step.multiplications / (double)step.macs);
        plan_free (plan);
        trial_free (&t);
    }
}

/* ---- random graphs ------------------------------------------------------------------------------------------- */

/* Random options, so that every combination comes along; taps on a third of the tensors, every other time. */
static void check_random (int graphs)
{
    int isas = 0;
    while (engine_isas ()[isas])
        isas++;
    check_group ("random graphs");
    for (int seed = 0; seed < graphs; seed++) {
        char name[32];
        snprintf (name, sizeof name, "seed %d", seed);
        struct builder b = random_graph ((uint64_t)seed, 5 + seed % 40);
        const char *taps[BUILDER_TENSORS];
        struct plan_options options = { .taps = taps };
        for (int i = 0; i < b.count && seed % 2; i++) {
            if (random_int (&b, 0, 2) == 0)
                taps[options.tap_count++] = graph_tensor (b.g, b.tensors[i]).name;
        }
        struct trial t = trial_new (&b, name);
        for (int i = 0; t.reference && i < 4; i++) {
            options.isa = engine_isas ()[random_int (&b, 0, isas - 1)];
            options.algorithm = (enum algorithm) ((seed + i) % (ALGORITHM_STRASSEN + 1));
            options.threads = random_int (&b, 0, 39) ? 1 : random_int (&b, 2, 3);
            run_trial (&t, &options, NULL);
        }
        trial_free (&t);
    }
}

/* plan_options.activation: the same as the graph built with that activation. */
static void check_replaced (void)
{
    check_group ("activations replaced");
    for (int seed = 0; seed < 2 * ACTIVATIONS; seed++) {
        struct activation instead = activations[seed % ACTIVATIONS];
        if (instead.kind == ACTIVATION_PRELU)
            continue;
        char name[64];
        snprintf (name, sizeof name, "seed %d with %s", seed, activation_name (instead.kind));
        struct builder b = builder_new ((uint64_t)seed, 7, 9, 8), twin = builder_new ((uint64_t)seed, 7, 9, 8);
        b.replaceable = twin.replaceable = true;
        twin.instead = &instead;
        build_random (&b, 20);
        build_random (&twin, 20);
        struct trial t = trial_new (&twin, name);
        struct error error;
        struct plan_options options = { .threads = 1, .algorithm = ALGORITHM_DIRECT, .activation = &instead };
        options.isa = engine_isas ()[0];
        struct plan *plan = plan_new (b.g, &options, &error);
        if (CHECK (plan != NULL, "%s: %s", name, error.text)) {
            plan_run (plan, t.input);
            for (int i = 0; i < graph_outputs (b.g); i++) {
                struct tensor made = *plan_output (plan, i);
                made.name = graph_tensor (t.g, graph_output_id (t.g, i)).name; /* numbered otherwise */
                compare (&t, &made, graph_output_id (t.g, i), true, name);
            }
        }
        plan_free (plan);
        graph_unref (b.g);
        trial_free (&t);
    }
}

int main (int argc, char **argv)
{
    check_patterns ();
    check_wide ();
    check_deep ();
    check_groups ();
    check_picks ();
    check_random (argc > 1 ? atoi (argv[1]) : 200);
    check_replaced ();
    return check_end ();
}
