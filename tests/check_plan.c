/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_plan.c: what a plan promises beside its numbers: errors, threads, memory, sharing, floating-point state. */
#include "engine/arena.h"
#include "engine/cpu.h"
#include "engine/kernels.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/random_graph.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static size_t input_numbers (const struct graph *g)
{
    struct tensor_info in = graph_tensor (g, 0);
    return (size_t)in.channels * (size_t)in.height * (size_t)in.width;
}

static size_t tensor_numbers (const struct tensor *t)
{
    return (size_t)t->channels * (size_t)t->height * (size_t)t->width;
}

static float *input_of (struct builder *b)
{
    return random_floats (b, input_numbers (b->g), -1, 1);
}

static struct plan *planned (struct graph *g, int threads, const char *isa, enum algorithm algorithm)
{
    struct error error;
    struct plan_options options = { .threads = threads, .isa = isa, .algorithm = algorithm };
    struct plan *plan = plan_new (g, &options, &error);
    CHECK (plan != NULL, "%s", error.text);
    return plan;
}

/* Runs and copies all outputs into one array, to free. */
static float *outputs_of (struct plan *plan, const float *input, size_t *count)
{
    plan_run (plan, input);
    *count = 0;
    for (int i = 0; i < plan_outputs (plan); i++)
        *count += tensor_numbers (plan_output (plan, i));
    float *all = malloc (*count * sizeof *all), *at = all;
    for (int i = 0; i < plan_outputs (plan); i++) {
        const struct tensor *out = plan_output (plan, i);
        memcpy (at, out->data, tensor_numbers (out) * sizeof *at);
        at += tensor_numbers (out);
    }
    return all;
}

static void same_outputs (struct plan *plan, const float *input, const float *expected, size_t count, const char *what)
{
    size_t made_count;
    float *made = outputs_of (plan, input, &made_count);
    CHECK (made_count == count && !memcmp (made, expected, count * sizeof *made), "%s", what);
    free (made);
}

/* Residual blocks, a depthwise block, a concat and a classifier: every kind of step and algorithm, large enough to be
 * cut in pieces. */
static struct builder small_network (void)
{
    struct builder b = builder_new (7, 3, 45, 38);
    struct pool pool = { .kind = POOL_MAX, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1 };
    int x = build_relu (&b, build_batch_norm (&b, build_square (&b, 0, 40, 3, 1, 1)));
    x = graph_pool (b.g, "pool", x, &pool);
    int y = build_batch_norm (&b, build_square (&b, build_relu (&b, build_square (&b, x, 40, 3, 1, 1)), 40, 3, 1, 1));
    x = build_activation (&b, graph_add (b.g, "sum", y, x), (struct activation) { .kind = ACTIVATION_SILU });
    struct conv depthwise = {
        .out_channels = 40, .kernel_h = 3, .kernel_w = 3, .groups = 40, .pad_top = 1, .pad_left = 1
    };
    y = build_relu (&b, build_conv (&b, x, depthwise));
    depthwise.kernel_h = depthwise.kernel_w = 7;
    depthwise.pad_top = depthwise.pad_left = 3;
    y = build_conv (&b, y, depthwise);
    int z = build_square (&b, y, 21, 1, 1, 0);
    x = graph_concat (b.g, "concat", (int[]) { z, y, z }, 3);
    graph_output (b.g, x);
    x = build_relu (&b, build_square (&b, x, 64, 3, 2, 1));
    x = build_relu (&b, build_square (&b, build_square (&b, x, 128, 1, 1, 0), 96, 1, 2, 0)); /* what Strassen takes */
    x = graph_global_pool (b.g, NULL, x, POOL_AVERAGE);
    graph_output (b.g, graph_softmax (b.g, "scores", build_linear (&b, x, 30)));
    return b;
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

static void refused (struct graph *g, const struct plan_options *options, const char *expect)
{
    struct error error = { "" };
    struct plan *plan = plan_new (g, options, &error);
    CHECK (plan == NULL && strstr (error.text, expect), "\"%s\" does not say \"%s\"", error.text, expect);
    plan_free (plan);
    plan = plan_new (g, options, NULL);
    CHECK (plan == NULL, "without a place for the error");
    plan_free (plan);
}

static void check_errors (void)
{
    check_group ("errors");
    struct builder b = small_network ();
    refused (b.g, &(struct plan_options) { .isa = "z80" }, "z80");
    refused (b.g, &(struct plan_options) { .taps = (const char *[]) { "pool", "nobody" }, .tap_count = 2 }, "nobody");
    graph_conv (b.g, "broken", 0, &(struct conv) { .out_channels = 1, .kernel_h = 99, .kernel_w = 1 }, (float[]) { 0 },
                NULL);
    refused (b.g, NULL, "conv 'broken'");
    graph_unref (b.g);
    struct graph *g = graph_new (NULL);
    refused (g, NULL, "");
    graph_input (g, "input", 1, 1, 1);
    refused (g, NULL, "output");
    graph_output (g, 0);
    struct error error = { "left over" };
    struct plan *plan = plan_new (g, NULL, &error);
    CHECK (plan && !error.text[0], "the input as output: %s", error.text);
    if (plan) {
        plan_run (plan, (float[]) { 3.5f });
        CHECK (plan_output (plan, 0)->data[0] == 3.5f, "%g", (double)plan_output (plan, 0)->data[0]);
        CHECK (plan_threads (plan) >= 1 && plan_isa (plan), "the defaults");
    }
    plan_free (plan);
    graph_unref (g);
    plan_free (NULL);
    for (const char *const *isa = engine_isas (); *isa; isa++) { /* the variable is read when options name none */
        b = small_network ();
        char *old = getenv ("CONVRELU_ISA") ? strdup (getenv ("CONVRELU_ISA")) : NULL;
        setenv ("CONVRELU_ISA", *isa, 1);
        plan = planned (b.g, 1, NULL, ALGORITHM_AUTO);
        CHECK (!strcmp (plan_isa (plan), *isa), "%s", plan_isa (plan));
        old ? setenv ("CONVRELU_ISA", old, 1) : unsetenv ("CONVRELU_ISA");
        free (old);
        plan_free (plan);
        graph_unref (b.g);
    }
}

/* ---- threads and instruction sets ---------------------------------------------------------------------------- */

static void check_threads (void)
{
    check_group ("1 to 8 threads");
    struct builder b = small_network ();
    float *input = input_of (&b);
    for (int algorithm = ALGORITHM_AUTO; algorithm <= ALGORITHM_STRASSEN; algorithm++) {
        struct plan *plan = planned (b.g, 1, engine_isas ()[0], (enum algorithm)algorithm);
        size_t count;
        float *expected = outputs_of (plan, input, &count);
        plan_free (plan);
        /* Every other number: more threads than processors wait for each other long. */
        for (int threads = 2 + algorithm % 2; threads <= 8; threads += 2) {
            char what[64];
            snprintf (what, sizeof what, "algorithm %d, %d threads", algorithm, threads);
            plan = planned (b.g, threads, engine_isas ()[0], (enum algorithm)algorithm);
            CHECK (plan_threads (plan) == threads, "%s: %d", what, plan_threads (plan));
            same_outputs (plan, input, expected, count, what);
            plan_free (plan);
        }
        free (expected);
    }
    free (input);
    graph_unref (b.g);
}

/* Instruction sets with fused multiply-add sum in the same order: direct results are the same bits. */
static void check_same_bits (void)
{
    check_group ("instruction sets");
    const char *first = NULL;
    struct builder b = small_network ();
    float *input = input_of (&b), *expected = NULL;
    size_t count = 0;
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan *plan = planned (b.g, 1, *isa, ALGORITHM_DIRECT);
        if (strcmp (*isa, "scalar") != 0 && expected)
            same_outputs (plan, input, expected, count, first);
        if (strcmp (*isa, "scalar") != 0 && !expected) {
            expected = outputs_of (plan, input, &count);
            first = *isa;
        }
        plan_free (plan);
    }
    if (!first)
        SKIP ("only scalar here");
    free (expected);
    free (input);
    graph_unref (b.g);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

static void check_no_allocation (void)
{
    check_group ("no allocation while running");
    if (!allocations_counted ()) {
        SKIP ("allocations are not counted under sanitizers or without glibc");
        return;
    }
    struct builder b = small_network ();
    float *input = input_of (&b);
    const char *taps[] = { "pool", "sum", "concat", "input" };
    for (int trial = 0; trial < 13; trial++) {
        struct plan_options options = { .threads = trial < 12 ? 1 : 3,
                                        .algorithm = (enum algorithm) ((trial + trial / 5) % 5) };
        options.timed = trial & 4;
        options.taps = taps;
        options.tap_count = trial % 5;
        struct error error;
        struct plan *plan = plan_new (b.g, &options, &error);
        if (!CHECK (plan != NULL, "%s", error.text))
            continue;
        allocations_start ();
        for (int run = 0; run < 100; run++)
            plan_run (plan, input);
        long calls = allocations_calls ();
        CHECK (calls == 0, "trial %d: %ld calls in 100 runs", trial, calls);
        plan_free (plan);
    }
    allocations_start ();
    void *volatile ten = malloc (10); /* the counter counts */
    free (ten);
    CHECK (allocations_calls () == 2 && allocations_largest () == 10, "%ld calls", allocations_calls ());
    free (input);
    graph_unref (b.g);
}

static void check_short_memory (void)
{
    check_group ("short memory");
    if (!allocations_counted ()) {
        SKIP ("allocations are not counted under sanitizers or without glibc");
        return;
    }
    bool failed = true;
    struct plan_options options = { .threads = 1, .taps = (const char *[]) { "sum" }, .tap_count = 1 };
    for (long good = 0; failed && good < 3000; good++) {
        struct builder b = small_network ();
        struct error error = { "" };
        allocations_fail_after (good);
        struct plan *plan = plan_new (b.g, &options, &error);
        failed = allocations_heal ();
        CHECK ((plan == NULL) == failed, "after %ld allocations", good);
        CHECK (!failed || strstr (error.text, "memory"), "after %ld: \"%s\"", good, error.text);
        plan_free (plan);
        if (good % 16 == 0) { /* what is left of the failed one must not harm the next */
            plan = planned (b.g, 1, NULL, ALGORITHM_AUTO);
            plan_free (plan);
        }
        graph_unref (b.g);
    }
    CHECK (!failed, "still failing");
}

/* Whatever ran before, also numbers that are none, the result is the same. */
static void one_history (uint64_t seed)
{
    struct builder b = seed ? random_graph (seed, 5 + (int)(seed % 40)) : small_network ();
    float *input = input_of (&b), *other = input_of (&b);
    for (size_t i = 0; i < input_numbers (b.g); i++)
        other[i] = seed % 2 ? NAN : i % 2 ? INFINITY : -INFINITY;
    const char *isa = engine_isas ()[0];
    for (int i = 0; engine_isas ()[i]; i++)
        isa = (seed / 4) % 3 == (uint64_t)i ? engine_isas ()[i] : isa;
    struct plan *plan = planned (b.g, 1, isa, (enum algorithm) (seed % 4));
    if (plan) {
        char what[64];
        snprintf (what, sizeof what, "seed %d, %s: a later run differs", (int)seed, isa);
        size_t count;
        float *expected = outputs_of (plan, input, &count);
        plan_run (plan, other);
        same_outputs (plan, input, expected, count, what);
        free (expected);
    }
    plan_free (plan);
    free (input);
    free (other);
    graph_unref (b.g);
}

/* Random lifetimes and sizes: buffers that live at the same time lie apart, and the total is where the last one
 * ends. */
static void check_arena (void)
{
    check_group ("arena");
    struct builder b = builder_new (3, 1, 1, 1);
    for (int trial = 0; trial < 200; trial++) {
        struct buffer buffers[60];
        int order[120], count = random_int (&b, 1, 60), steps = random_int (&b, 1, 40);
        size_t end = 0;
        for (int i = 0; i < count; i++) {
            int first = random_int (&b, 0, steps), last = first + random_int (&b, 0, 6);
            size_t bytes = 64 * (size_t)random_int (&b, 1, 100);
            buffers[i] = (struct buffer) { .bytes = bytes, .first = first, .last = last };
        }
        size_t total = arena_layout (buffers, count, order);
        bool apart = true, aligned = true;
        for (int i = 0; i < count; i++) {
            size_t stop = buffers[i].offset + buffers[i].bytes;
            end = stop > end ? stop : end;
            aligned &= buffers[i].offset % 64 == 0;
            for (int j = 0; j < i; j++) {
                bool meet = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
                bool over = buffers[j].offset < stop && buffers[i].offset < buffers[j].offset + buffers[j].bytes;
                apart &= !(meet && over);
            }
        }
        CHECK (apart, "trial %d: two buffers overlap", trial);
        CHECK (aligned, "trial %d: a buffer does not start on a line", trial);
        CHECK (total == end, "trial %d: %zu bytes, the last ends at %zu", trial, total, end);
    }
    graph_unref (b.g);
}

/* ---- sharing ------------------------------------------------------------------------------------------------- */

struct runner {
    struct graph *g;
    struct plan *plan;
    const float *input, *expected;
    size_t count;
};

static void *run_often (void *data)
{
    const struct runner *r = data;
    for (int i = 0; i < 20; i++) {
        same_outputs (r->plan, r->input, r->expected, r->count, "a plan that runs beside another");
        struct plan *plan = planned (r->g, 1, NULL, ALGORITHM_F43);
        if (plan)
            same_outputs (plan, r->input, r->expected, r->count, "a plan made beside another");
        plan_free (plan);
    }
    return NULL;
}

static void check_sharing (void)
{
    check_group ("shared graphs");
    struct builder b = small_network ();
    float *input = input_of (&b);
    size_t count;
    struct plan *plans[3];
    for (int i = 0; i < 3; i++)
        plans[i] = planned (b.g, 1, NULL, ALGORITHM_F43);
    float *expected = outputs_of (plans[0], input, &count);
    pthread_t threads[3];
    struct runner runners[3];
    for (int i = 0; i < 3; i++) {
        runners[i] = (struct runner) { b.g, plans[i], input, expected, count };
        pthread_create (&threads[i], NULL, run_often, &runners[i]);
    }
    graph_drop_weights (b.g); /* any thread, any time */
    for (int i = 0; i < 3; i++)
        pthread_join (threads[i], NULL);
    plan_free (plans[1]);
    plans[1] = planned (b.g, 1, NULL, ALGORITHM_F43);
    if (plans[1])
        same_outputs (plans[1], input, expected, count, "planned after the weights were dropped");
    struct error error = { "" };
    struct plan *other = plan_new (b.g, &(struct plan_options) { .algorithm = ALGORITHM_F23 }, &error);
    CHECK (!other && strstr (error.text, "weights"), "a packing never made before: \"%s\"", error.text);
    plan_free (other);
    graph_unref (b.g);
    same_outputs (plans[0], input, expected, count, "the plan keeps the graph");
    for (int i = 0; i < 3; i++)
        plan_free (plans[i]);
    free (expected);
    free (input);
}

/* ---- numbers that are none ----------------------------------------------------------------------------------- */

/* One pixel of the input is NaN: it comes out as NaN there, and only there. */
static void check_nan (void)
{
    check_group ("NaN");
    for (int kind = 0; kind < ACTIVATION_KINDS; kind++) {
        if (activation_is_function ((enum activation_kind)kind))
            continue; /* has no value of every number: check_arithmetic.c */
        struct builder b = builder_new (5, 20, 6, 7);
        struct activation a = { .kind = (enum activation_kind)kind, .alpha = 0.2f, .beta = 0.5f };
        int conv = build_activation (&b, build_square (&b, 0, 18, 1, 1, 0), a);
        graph_output (b.g, conv);
        graph_output (b.g, build_activation (&b, build_batch_norm (&b, 0), a));
        float *input = input_of (&b);
        input[5 * 42 + 17] = NAN;
        for (const char *const *isa = engine_isas (); *isa; isa++) {
            struct plan *plan = planned (b.g, 1, *isa, ALGORITHM_AUTO);
            plan_run (plan, input);
            const struct tensor *convolved = plan_output (plan, 0), *single = plan_output (plan, 1);
            int wrong = 0;
            for (int i = 0; i < 18 * 42; i++)
                wrong += !isnan (convolved->data[i]) != (i % 42 != 17);
            for (int i = 0; i < 20 * 42; i++)
                wrong += !isnan (single->data[i]) != (i != 5 * 42 + 17);
            CHECK (wrong == 0, "%s, %s: %d numbers", *isa, activation_name (a.kind), wrong);
            plan_free (plan);
        }
        free (input);
        graph_unref (b.g);
    }
}

/* Where pixels are paired it comes out of two at most, and of its own. */
static void check_nan_paired (void)
{
    enum { PIXELS = 42, CHANNELS = 128 };
    check_group ("NaN in a pair");
    struct builder b = builder_new (6, 64, 6, 7);
    graph_output (b.g, build_relu (&b, build_square (&b, 0, CHANNELS, 1, 1, 0)));
    float *input = input_of (&b);
    input[5 * PIXELS + 17] = NAN;
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan *plan = planned (b.g, 1, *isa, ALGORITHM_STRASSEN);
        plan_run (plan, input);
        int own = 0, others = 0;
        for (int p = 0; p < PIXELS; p++) {
            int nans = 0;
            for (int c = 0; c < CHANNELS; c++)
                nans += isnan (plan_output (plan, 0)->data[c * PIXELS + p]) != 0;
            own += p == 17 ? nans : 0;
            others += p != 17 && nans;
        }
        bool paired = false;
        for (int i = 0; i < plan_steps (plan); i++)
            paired |= !strcmp (plan_step (plan, i).algorithm, "strassen");
        CHECK (paired, "%s: not computed that way", *isa);
        CHECK (own == CHANNELS && others <= 1, "%s: %d of %d channels, %d other pixels", *isa, own, CHANNELS, others);
        plan_free (plan);
    }
    free (input);
    graph_unref (b.g);
}

/* The multiplications of a layer for each pair of an input and an output channel. */
static void multiplications_are (enum algorithm algorithm, int kernel, int stride, int side, uint64_t expected)
{
    enum { IN = 64, OUT = 128 };
    struct builder b = builder_new (8, IN, side, side);
    graph_output (b.g, build_square (&b, build_square (&b, 0, IN, 1, 1, 0), OUT, kernel, stride, kernel / 2));
    struct plan *plan = planned (b.g, 1, NULL, algorithm);
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info step = plan_step (plan, i);
        if (step.channels == OUT && step.macs)
            CHECK (step.multiplications == expected * IN * OUT,
                   "algorithm %d, %d pixels wide: %d multiplications a pair", (int)algorithm, side,
                   (int)(step.multiplications / (IN * OUT)));
    }
    plan_free (plan);
    graph_unref (b.g);
}

static void check_multiplications (void)
{
    check_group ("multiplications");
    multiplications_are (ALGORITHM_DIRECT, 3, 1, 14, 9 * 14 * 14);
    multiplications_are (ALGORITHM_F43, 3, 1, 16, 24 * 24);
    multiplications_are (ALGORITHM_F43, 3, 1, 15, 24 * 24); /* 3 left over: a whole tile */
    multiplications_are (ALGORITHM_F43, 3, 1, 14, 22 * 22); /* 2: a small one */
    multiplications_are (ALGORITHM_F43, 3, 1, 13, 22 * 22);
    multiplications_are (ALGORITHM_F23, 3, 1, 8, 16 * 16);
    multiplications_are (ALGORITHM_F23, 3, 1, 7, 15 * 15);
    multiplications_are (ALGORITHM_F43, 3, 2, 16, 20 * 20);
    multiplications_are (ALGORITHM_F43, 3, 2, 14, 18 * 18);
    multiplications_are (ALGORITHM_F42, 3, 1, 14, 22 * 28);
    multiplications_are (ALGORITHM_F42, 3, 1, 13, 22 * 28); /* no small tiles in width */
    multiplications_are (ALGORITHM_STRASSEN, 1, 1, 8, 56);
}

/* What is chosen for a layer, where one algorithm is best by far on the processor `cpu`; NULL: this one. */
static void chosen_on (const struct cpu *cpu, const char *isa, int channels, int side, int kernel, const char *expected)
{
    struct builder b = builder_new (8, channels, side, side);
    graph_output (b.g, build_square (&b, 0, channels, kernel, 1, kernel / 2));
    struct plan_options options = { .threads = 1, .isa = isa, .cpu = cpu };
    struct plan *plan = plan_new (b.g, &options, NULL);
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info step = plan_step (plan, i);
        if (step.macs)
            CHECK (!strcmp (step.algorithm, expected), "%s, %d channels at %d x %d: %s, not %s", isa, channels, side,
                   side, step.algorithm, expected);
    }
    plan_free (plan);
    graph_unref (b.g);
}

static void chosen_is (const char *isa, int channels, int side, const char *expected)
{
    chosen_on (NULL, isa, channels, side, 3, expected);
}

/* Processors that are not this one: weights that come slowly, for nothing, or stay in the L2 cache; Strassen's
 * algorithm. */
static void check_other_cpus (void)
{
    check_group ("choice for other processors");
    const struct cpu slow = { .l2_bytes = 1 << 20, .bytes_per_cycle_far = 0.01 };
    const struct cpu fast = { .l2_bytes = 1 << 20, .bytes_per_cycle_far = 1e6 };
    const struct cpu large = { .l2_bytes = 1 << 30, .bytes_per_cycle_far = 0.01 };
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        chosen_on (&slow, *isa, 256, 14, 3, "direct");
        chosen_on (&fast, *isa, 256, 14, 3, "winograd F(4,3)");
        chosen_on (&large, *isa, 256, 14, 3, "winograd F(4,3)");
    }
    if (!kernels_for ("avx2")) {
        SKIP ("the rest needs AVX2");
        return;
    }
    const struct cpu slow_strassen = { .l2_bytes = 1 << 20, .bytes_per_cycle_far = 10, .slow_strassen_512 = true };
    chosen_on (&fast, "avx2", 256, 28, 1, "strassen");
    chosen_on (&slow_strassen, "avx2", 256, 28, 1, "strassen");
    if (kernels_for ("avx512"))
        chosen_on (&slow_strassen, "avx512", 256, 28, 1, "direct");
    else
        SKIP ("the rest needs AVX-512");
}

/* Groups of `wide` channels, 3x3, 28 pixels wide. */
static void groups_are (const char *isa, int wide, int stride, const char *expected)
{
    struct builder b = builder_new (10, 8 * wide, 28 * stride, 28 * stride);
    struct conv conv = {
        .out_channels = 8 * wide, .kernel_h = 3, .kernel_w = 3, .stride_h = stride, .stride_w = stride
    };
    conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = 1;
    conv.groups = 8;
    graph_output (
        b.g, build_relu (
                 &b, build_conv (&b, build_activation (&b, 0, (struct activation) { .kind = ACTIVATION_SILU }), conv)));
    struct plan *plan = planned (b.g, 1, isa, ALGORITHM_AUTO);
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info step = plan_step (plan, i);
        if (step.macs)
            CHECK (!strcmp (step.algorithm, expected), "%s, groups of %d channels, stride %d: %s, not %s", isa, wide,
                   stride, step.algorithm, expected);
    }
    plan_free (plan);
    graph_unref (b.g);
}

/* A grouped 1x1: how many weights each of its pixels meets. */
static void groups_multiply (const char *isa, int groups, int in, int out, uint64_t expected)
{
    struct builder b = builder_new (10, groups * in, 5, 5);
    struct conv conv = { .out_channels = groups * out, .kernel_h = 1, .kernel_w = 1, .groups = groups };
    graph_output (b.g, build_relu (&b, build_conv (&b, build_relu (&b, 0), conv)));
    struct plan *plan = planned (b.g, 1, isa, ALGORITHM_DIRECT);
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info step = plan_step (plan, i);
        if (step.macs)
            CHECK (step.multiplications == expected * 25, "%s, %d groups of %d: %llu, not %llu a pixel", isa, groups,
                   out, (unsigned long long)step.multiplications / 25, (unsigned long long)expected);
    }
    plan_free (plan);
    graph_unref (b.g);
}

static void check_groups (void)
{
    check_group ("panels of groups");
    if (!kernels_for ("avx512")) {
        SKIP ("panels of two blocks need AVX-512");
        return;
    }
    groups_multiply ("avx512", 8, 48, 12, 6 * 96 * 16);       /* one block: two groups each */
    groups_multiply ("avx512", 2, 24, 24, 48 * 32 + 24 * 16); /* two blocks cost little more */
    groups_multiply ("avx512", 8, 12, 48, 8 * 12 * 48);       /* one block lies within a group */
    groups_multiply ("avx512", 1, 48, 40, 48 * 40);
}

static void check_choice (void)
{
    check_group ("choice of algorithm");
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        for (int wide = 8; wide <= 120; wide += 56)
            groups_are (*isa, wide, 1, "winograd F(4,3)");
        groups_are (*isa, 16, 2, "direct");
    }
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        chosen_is (*isa, 64, 1, "direct");
        chosen_is (*isa, 64, 56, "winograd F(4,3)");
        chosen_is (*isa, 64, 2, "winograd F(2,3)");
    }
    if (!kernels_for ("avx512"))
        SKIP ("the rest needs AVX-512");
    else { /* weights come slowly */
        chosen_is ("avx512", 512, 7, "winograd F(2,3)");
        chosen_is ("avx512", 256, 14, cpu_detect ().bytes_per_cycle_far < 8 ? "winograd F(4x2,3)" : "winograd F(4,3)");
    }
}

/* The runs flush denormals to zero; the caller's arithmetic keeps them. */
static void check_denormals (void)
{
    check_group ("denormals");
    volatile float tiny = FLT_MIN, half = 0.5f, scale = 0.25f;
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct graph *g = graph_new (NULL);
        graph_output (g,
                      graph_affine (g, "quarter", graph_input (g, "input", 1, 2, 2), (const float[]) { scale }, NULL));
        struct plan *plan = planned (g, 1, *isa, ALGORITHM_AUTO);
        CHECK (tiny * half != 0, "%s: the caller's arithmetic after planning", *isa);
        plan_run (plan, (float[]) { FLT_MIN, 8 * FLT_MIN, -FLT_MIN, 0 });
        CHECK (tiny * half != 0, "%s: the caller's arithmetic after a run", *isa);
        const float *out = plan_output (plan, 0)->data;
        CHECK (out[0] == 0 && out[2] == 0 && out[1] == 2 * FLT_MIN, "%s: %g %g %g", *isa, (double)out[0],
               (double)out[1], (double)out[2]);
        plan_free (plan);
        graph_unref (g);
    }
}

/* ---- what a plan tells ---------------------------------------------------------------------------------------- */

static void check_steps (void)
{
    check_group ("steps");
    struct builder b = small_network ();
    float *input = input_of (&b);
    for (int algorithm = ALGORITHM_AUTO; algorithm <= ALGORITHM_STRASSEN; algorithm++) {
        struct plan_options options = { .threads = 1, .algorithm = (enum algorithm)algorithm, .timed = algorithm % 2 };
        struct plan *plan = plan_new (b.g, &options, NULL);
        plan_run (plan, input);
        uint64_t macs = 0, expected = 0, nanoseconds = 0;
        for (int i = 0; i < plan_steps (plan); i++) {
            struct step_info step = plan_step (plan, i);
            CHECK (step.name && step.name[0] && step.operation && step.algorithm, "step %d has no name", i);
            CHECK (step.channels > 0 && step.height > 0 && step.width > 0, "step %d has no shape", i);
            CHECK (!step.macs == !step.weight_bytes, "step %d: %d bytes of weights", i, (int)step.weight_bytes);
            bool fewer = strstr (step.algorithm, "winograd") || strstr (step.algorithm, "strassen");
            CHECK (!fewer || step.multiplications < step.macs, "step %d: %d multiplications", i,
                   (int)step.multiplications);
            macs += step.macs;
            nanoseconds += step.nanoseconds;
        }
        for (int i = 0; i < graph_tensors (b.g); i++)
            expected += graph_tensor (b.g, i).macs;
        CHECK (macs == expected && macs > 1000000, "%d multiply-accumulates in all", (int)macs);
        CHECK (!nanoseconds == !options.timed, "time although it was %sasked for", options.timed ? "" : "not ");
        CHECK (plan_arena_bytes (plan) > 0, "no memory");
        plan_free (plan);
    }
    free (input);
    graph_unref (b.g);
}

int main (void)
{
    check_errors ();
    check_arena ();
    check_short_memory ();
    check_no_allocation ();
    check_group ("what ran before");
    for (uint64_t seed = 0; seed < 240; seed++)
        one_history (seed);
    check_threads ();
    check_same_bits ();
    check_sharing ();
    check_nan ();
    check_nan_paired ();
    check_multiplications ();
    check_choice ();
    check_groups ();
    check_other_cpus ();
    check_denormals ();
    check_steps ();
    return check_end ();
}
