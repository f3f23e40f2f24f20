/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_bf16.c: plans with PRECISION_BF16: each convolution beside the oracle, given the tensor that it reads, rounded
 * where its step rounds it; threads, memory, shared weights, processors without it, and which layers get it.
 *
 * Weights are numbers of bf16 to begin with, so that packing loses nothing of them. */
#include "engine/cpu.h"
#include "engine/kernels.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The nearest with 8 bits of mantissa, halves to even, as a sum that rounds. */
static float rounded (float x)
{
    int exponent;
    frexpf (x, &exponent);
    double unit = ldexp (1, exponent - 8);
    return isfinite (x) ? (float)(rint ((double)x / unit) * unit) : x;
}

static void round_weights (struct graph *g)
{
    for (int id = 0; id < g->count; id++) {
        struct node *node = &g->nodes[id];
        for (size_t i = 0; node->operation == OPERATION_CONV && i < node->u.conv.weight_bytes / sizeof (float); i++)
            node->u.conv.weights[i] = rounded (node->u.conv.weights[i]);
    }
}

/* Scalar code needs no instructions for it. */
static bool has_bf16 (const char *isa, unsigned features)
{
    const struct cpu cpu = { .features = features };
    return conv_kernel_bf16 (kernels_for (isa), &cpu) != NULL;
}

static struct plan *planned (struct graph *g, const struct plan_options *options)
{
    struct error error;
    struct plan *plan = plan_new (g, options, &error);
    CHECK (plan != NULL, "%s", error.text);
    return plan;
}

static int steps_of (const struct plan *plan, const char *type)
{
    int count = 0;
    for (int i = 0; i < plan_steps (plan); i++)
        count += !strcmp (plan_step (plan, i).type, type);
    return count;
}

static bool is_bf16 (const struct plan *plan, const char *name)
{
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info step = plan_step (plan, i);
        if (!strcmp (step.name, name) && !strcmp (step.type, "bf16"))
            return true;
    }
    return false;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* Convolution `id` from the tensor before it, both as taps have them. */
static void judge (const struct graph *g, const struct plan *plan, const float *input, int id, const char *what)
{
    const struct node *node = &g->nodes[id], *in = &g->nodes[node->inputs[0]];
    const struct tensor *made = plan_tap (plan, id);
    size_t count = (size_t)in->channels * (size_t)in->height * (size_t)in->width;
    size_t outputs = (size_t)node->channels * (size_t)node->height * (size_t)node->width, wrong = 0;
    const float *from = node->inputs[0] == 0 ? input : plan_tap (plan, node->inputs[0])->data;
    double *values = calloc (count, sizeof *values), *out = calloc (outputs, sizeof *out),
           *magnitude = calloc (outputs, sizeof *magnitude);
    for (size_t i = 0; i < count; i++)
        values[i] = (double)(is_bf16 (plan, made->name) ? rounded (from[i]) : from[i]);
    reference_conv (&node->u.conv.shape, in->channels, in->height, in->width, values, NULL, node->u.conv.weights,
                    node->u.conv.bias, out, magnitude);
    double roundings = (double)node->macs / (double)outputs + 4;
    for (size_t i = 0; i < outputs; i++)
        wrong += !(fabs ((double)made->data[i] - out[i]) <= roundings * FLT_EPSILON / 2 * magnitude[i] + FLT_MIN);
    CHECK (wrong == 0, "%s: %s: %zu of %zu numbers are wrong", what, made->name, wrong, outputs);
    free (values);
    free (out);
    free (magnitude);
}

/* How many of its convolutions are bf16. Each instruction set; taps of all tensors, then 1 to 3 threads without. */
static int everywhere (struct builder *b, const char *name)
{
    const char *taps[BUILDER_TENSORS];
    struct graph *g = b->g;
    int tap_count = graph_tensors (g), found = 0;
    struct tensor_info in = graph_tensor (g, 0);
    float *input = random_floats (b, (size_t)in.channels * (size_t)in.height * (size_t)in.width, -1, 1);
    round_weights (g);
    for (int i = 0; i < tap_count; i++)
        taps[i] = graph_tensor (g, i).name;
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan_options options = { .threads = 1,
                                        .isa = *isa,
                                        .algorithm = ALGORITHM_DIRECT,
                                        .precision = PRECISION_BF16,
                                        .taps = taps,
                                        .tap_count = tap_count };
        char what[128];
        snprintf (what, sizeof what, "%s, %s", name, *isa);
        struct plan *plan = planned (g, &options), *alone = NULL;
        plan_run (plan, input);
        for (int id = 0; id < g->count; id++)
            if (g->nodes[id].operation == OPERATION_CONV)
                judge (g, plan, input, id, what);
        found += steps_of (plan, "bf16");
        plan_free (plan);
        options.tap_count = 0;
        for (options.threads = 1; options.threads <= 3; options.threads++) {
            plan = planned (g, &options);
            allocations_start ();
            plan_run (plan, input);
            CHECK (allocations_calls () == 0, "%s: a run allocates", what);
            struct tensor_info info = graph_tensor (g, graph_output_id (g, 0));
            size_t bytes = (size_t)info.channels * (size_t)info.height * (size_t)info.width * sizeof (float);
            if (alone)
                CHECK (!memcmp (plan_output (alone, 0)->data, plan_output (plan, 0)->data, bytes),
                       "%s: 1 and %d threads differ", what, options.threads);
            if (alone)
                plan_free (plan);
            else
                alone = plan;
        }
        plan_free (alone);
    }
    free (input);
    graph_unref (g);
    return found;
}

/* Kernels of 1 and 3, strides, dilation, groups whose channels fill blocks or not, an odd number, one pixel. */
static void check_convolutions (void)
{
    static const struct {
        int channels, side;
        struct conv conv;
    } cases[] = {
        { 32, 14, { .out_channels = 48, .kernel_h = 1, .kernel_w = 1 } },
        { 34, 9, { .out_channels = 17, .kernel_h = 1, .kernel_w = 1 } },
        { 33, 9, { .out_channels = 16, .kernel_h = 1, .kernel_w = 1 } },
        { 96, 15, { .out_channels = 40, .kernel_h = 1, .kernel_w = 1, .stride_h = 2, .stride_w = 2 } },
        { 600, 1, { .out_channels = 300, .kernel_h = 1, .kernel_w = 1 } },
        { 18, 13, { .out_channels = 64, .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1 } },
        { 64, 13, { .out_channels = 32, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1 } },
        { 32, 17, { .out_channels = 32, .kernel_h = 3, .kernel_w = 3, .dilation_h = 2, .dilation_w = 3 } },
        { 32, 11, { .out_channels = 32, .kernel_h = 5, .kernel_w = 1, .pad_left = 2, .stride_w = 3 } },
        { 30, 11, { .out_channels = 36, .kernel_h = 3, .kernel_w = 3, .groups = 2, .pad_top = 1, .pad_left = 1 } },
        { 48, 11, { .out_channels = 96, .kernel_h = 3, .kernel_w = 3, .groups = 3, .pad_right = 1 } },
        { 40, 8, { .out_channels = 40, .kernel_h = 1, .kernel_w = 1, .groups = 8 } },
        { 700, 7, { .out_channels = 700, .kernel_h = 1, .kernel_w = 1 } },
        { 256, 4, { .out_channels = 256, .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1 } },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    int found = 0, with = 0;
    check_group ("convolutions");
    for (int i = 0; i < CASES; i++) {
        char name[32];
        snprintf (name, sizeof name, "case %d", i);
        struct builder b = builder_new ((uint64_t)i + 1, cases[i].channels, cases[i].side, cases[i].side + i % 2);
        int x = build_activation (&b, 0, (struct activation) { .kind = ACTIVATION_SILU });
        int y = build_conv (&b, x, cases[i].conv);
        graph_output (b.g, i % 3 ? build_relu (&b, y) : build_activation (&b, y, random_activation (&b)));
        found += everywhere (&b, name);
    }
    for (const char *const *isa = engine_isas (); *isa; isa++)
        with += has_bf16 (*isa, cpu_detect ().features);
    CHECK (found == with * (CASES - 1), "%d steps of bf16 with %d instruction sets", found, with);
}

static void check_networks (void)
{
    check_group ("random networks");
    int found = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        char name[32];
        snprintf (name, sizeof name, "seed %d", (int)seed);
        struct builder b = random_graph (seed, 12);
        if (CHECK (!graph_error (b.g), "%s: %s", name, graph_error (b.g)))
            found += everywhere (&b, name);
    }
    CHECK (found > 30, "only %d steps of bf16", found);
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

/* A bottleneck with a sum and a classifier. */
static struct graph *small_network (struct builder *b)
{
    *b = builder_new (3, 3, 32, 32);
    int x = build_relu (b, build_batch_norm (b, build_square (b, 0, 64, 3, 2, 1)));
    int y = build_relu (b, build_batch_norm (b, build_square (b, x, 128, 1, 1, 0)));
    y = build_relu (b, build_square (b, y, 128, 3, 2, 1));
    y = build_relu (b, graph_add (b->g, NULL, build_square (b, y, 256, 1, 1, 0), build_square (b, x, 256, 1, 2, 0)));
    graph_output (b->g, build_linear (b, graph_global_pool (b->g, NULL, y, POOL_AVERAGE), 1000));
    return b->g;
}

static double db (const float *said, const float *right, int count)
{
    double signal = 0, difference = 0;
    for (int i = 0; i < count; i++) {
        signal += (double)right[i] * (double)right[i];
        difference += ((double)said[i] - (double)right[i]) * ((double)said[i] - (double)right[i]);
    }
    return 10 * log10 (signal / difference);
}

/* Plans of both precisions share a graph, whichever was first; on a processor without it all is fp32, and said so. */
static void check_beside_fp32 (void)
{
    enum { CLASSES = 1000 };
    check_group ("beside fp32");
    struct builder b;
    struct graph *g = small_network (&b);
    float *input = random_floats (&b, 3 * 32 * 32, -1, 1);
    struct cpu without = cpu_detect ();
    without.features &= ~(unsigned)CPU_AVX512BF16;
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan_options options = { .threads = 1, .isa = *isa, .precision = PRECISION_BF16 };
        bool has = has_bf16 (*isa, cpu_detect ().features);
        struct plan *bf16 = planned (g, &options);
        options.precision = PRECISION_FP32;
        struct plan *fp32 = planned (g, &options);
        plan_run (bf16, input);
        plan_run (fp32, input);
        double agree = db (plan_output (bf16, 0)->data, plan_output (fp32, 0)->data, CLASSES);
        CHECK (plan_precision (fp32) == PRECISION_FP32 && steps_of (fp32, "bf16") == 0, "%s: fp32 is not", *isa);
        CHECK (plan_precision (bf16) == (has ? PRECISION_BF16 : PRECISION_FP32), "%s: says otherwise", *isa);
        CHECK (has ? steps_of (bf16, "bf16") >= 4 && agree > 35 && agree < 80 : isinf (agree), "%s: %d steps, %.1f dB",
               *isa, steps_of (bf16, "bf16"), agree);
        plan_free (bf16);
        options.precision = PRECISION_BF16;
        options.cpu = &without;
        struct plan *fallen = planned (g, &options);
        plan_run (fallen, input);
        bool spec = !strcmp (*isa, "scalar"); /* needs nothing */
        CHECK (spec || (plan_precision (fallen) == PRECISION_FP32 && steps_of (fallen, "bf16") == 0 &&
                        !memcmp (plan_output (fallen, 0)->data, plan_output (fp32, 0)->data, CLASSES * sizeof (float))),
               "%s: not fp32 without the instructions", *isa);
        plan_free (fallen);
        plan_free (fp32);
    }
    free (input);
    graph_unref (g);
}

static void chosen_is (int channels, int side, int kernel, int outputs, const char *expected)
{
    struct builder b = builder_new (8, channels, side, side);
    int x = build_activation (&b, 0, (struct activation) { .kind = ACTIVATION_SILU });
    graph_output (b.g, build_square (&b, x, outputs, kernel, 1, kernel / 2));
    struct plan_options options = { .threads = 1, .isa = "avx512", .precision = PRECISION_BF16 };
    struct plan *plan = planned (b.g, &options);
    struct step_info step = plan_step (plan, plan_steps (plan) - 1);
    for (int i = 0; i < plan_steps (plan); i++)
        step = plan_step (plan, i).macs ? plan_step (plan, i) : step;
    CHECK (!strcmp (step.algorithm, expected), "%dx%d, %d to %d channels at %d: %s, not %s", kernel, kernel, channels,
           outputs, side, step.algorithm, expected);
    plan_free (plan);
    graph_unref (b.g);
}

static void check_choice (void)
{
    check_group ("choice of algorithm");
    if (!kernels_for ("avx512") || !(cpu_detect ().features & CPU_AVX512BF16)) {
        SKIP ("needs AVX512_BF16");
        return;
    }
    chosen_is (256, 14, 1, 256, "direct, bf16");
    chosen_is (64, 56, 1, 256, "direct, bf16");
    chosen_is (2048, 1, 1, 1000, "direct, bf16");
    chosen_is (512, 7, 3, 512, "direct, bf16");
    chosen_is (64, 56, 3, 64, "winograd F(4,3)");
    chosen_is (32, 1, 1, 8, "direct");     /* a gate's: staging takes longer than it saves */
    chosen_is (255, 14, 1, 256, "direct"); /* an odd number */
}

int main (void)
{
    check_convolutions ();
    check_networks ();
    check_beside_fp32 ();
    check_choice ();
    return check_end ();
}
