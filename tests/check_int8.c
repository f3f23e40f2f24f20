/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_int8.c: plans of bytes: what each kind of layer makes of them (int8_trial.h says how it is compared). */
#include "tests/check.h"
#include "tests/int8_trial.h"

#include "engine/conv.h"
#include "engine/cpu.h"
#include "engine/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

/* What reads bytes: all shapes of kernels, strides, dilations, padding with a zero point that is not 0, channels that
 * fill no word and no block, groups, sums in place. */
static void check_convolutions (void)
{
    static const struct {
        int channels, outputs, height, width;
        struct conv conv;
    } cases[] = {
        { 16, 16, 7, 9, { .kernel_h = 1, .kernel_w = 1 } },
        { 32,
          40,
          13,
          11,
          { .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1 } },
        { 19, 21, 8, 8, { .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 2 } },
        { 50, 33, 9, 7, { .kernel_h = 1, .kernel_w = 1, .stride_h = 2, .stride_w = 2 } },
        { 24,
          17,
          12,
          10,
          { .kernel_h = 5, .kernel_w = 2, .stride_h = 2, .stride_w = 3, .dilation_h = 2, .pad_top = 3 } },
        { 7,
          5,
          9,
          9,
          { .kernel_h = 3, .kernel_w = 3, .dilation_h = 2, .dilation_w = 2, .pad_top = 2, .pad_right = 2 } },
        { 64, 32, 6, 6, { .kernel_h = 3, .kernel_w = 3, .groups = 2 } },
        { 48, 48, 6, 6, { .kernel_h = 3, .kernel_w = 3, .groups = 12, .pad_left = 1 } },
        { 72, 72, 6, 5, { .kernel_h = 3, .kernel_w = 3, .groups = 3, .pad_top = 1 } },  /* begin within blocks, */
        { 18, 72, 6, 5, { .kernel_h = 3, .kernel_w = 3, .groups = 3, .pad_left = 1 } }, /* within words */
        { 40, 40, 15, 33, { .kernel_h = 3, .kernel_w = 3, .groups = 40, .pad_top = 1, .pad_left = 1, .pad_right = 1 } },
        { 24,
          24,
          15,
          14,
          { .kernel_h = 5, .kernel_w = 5, .stride_h = 2, .stride_w = 2, .groups = 24, .pad_top = 2, .pad_left = 2 } },
        { 33,
          33,
          9,
          10,
          { .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .groups = 33, .pad_bottom = 2 } },
        { 16,
          16,
          9,
          6,
          { .kernel_h = 7,
            .kernel_w = 7,
            .groups = 16,
            .pad_top = 3,
            .pad_left = 5,
            .pad_bottom = 2,
            .pad_right = 1 } },
        { 17,
          17,
          6,
          7,
          { .kernel_h = 3, .kernel_w = 2, .dilation_w = 2, .groups = 17, .pad_bottom = 4, .pad_top = 4 } },
        { 300,
          200,
          3,
          5,
          { .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int activated = 0; activated < 2; activated++) {
            char name[64];
            snprintf (name, sizeof name, "convolution %zu, %s", i, activated ? "ReLU before" : "numbers below 0");
            struct builder b = builder_new (7 + i, 5, cases[i].height, cases[i].width);
            int x = build_square (&b, 0, cases[i].channels, 1, 1, 0);
            x = activated ? build_relu (&b, x) : x;
            struct conv conv = cases[i].conv;
            conv.out_channels = cases[i].outputs;
            int z = build_conv (&b, x, conv), y = build_conv (&b, x, conv);
            y = build_relu (&b, graph_add (b.g, NULL, build_batch_norm (&b, y), z)); /* of bytes */
            z = build_activation (&b, z, (struct activation) { .kind = ACTIVATION_HARD_SWISH });
            y = graph_add (b.g, NULL, build_square (&b, y, cases[i].outputs, 1, 1, 0),
                           z); /* then a vector's map: floats */
            graph_output (b.g, graph_global_pool (b.g, NULL, y, POOL_AVERAGE));
            struct trial t = trial_new (&b, name, 1.1f);
            struct plan *plan = t.input ? trial_plan (&t, NULL, 1, NULL, 0) : NULL;
            CHECK (trial_steps (plan, "int8") == 3, "%s: %d steps multiply bytes", name, trial_steps (plan, "int8"));
            plan_free (plan);
            trial_everywhere (&t);
        }
}

/* Numbers beyond the range are its end. */
static void check_clipping (void)
{
    struct builder b = builder_new (3, 20, 9, 9);
    int x = build_square (&b, build_square (&b, 0, 24, 3, 1, 1), 20, 3, 1, 1);
    graph_output (b.g, build_square (&b, build_relu (&b, x), 9, 1, 1, 0));
    struct trial t = trial_new (&b, "ranges too narrow", 0.4f);
    trial_everywhere (&t);
}

/* ---- networks ---------------------------------------------------------------------------------------------------- */

static int network (struct builder *b, int kind)
{
    struct pool pool = { .kind = kind == 2 ? POOL_AVERAGE : POOL_MAX,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1,
                         .ceil_mode = true };
    int x = build_relu (b, build_batch_norm (b, build_square (b, 0, 24, 3, 1, 1)));
    int y = graph_pool (b->g, NULL, x, &pool), left = build_relu (b, build_square (b, y, 32, 1, 1, 0));
    int right = build_activation (b, build_square (b, y, 16, 3, 1, 1), (struct activation) { .kind = ACTIVATION_SILU });
    if (kind == 1)
        right = build_square (b, right, 9, 1, 1, 0);
    y = graph_concat (b->g, NULL, (int[]) { kind == 1 ? right : left, kind == 1 ? left : right }, 2); /* off blocks */
    if (kind == 3) { /* the end of a shuffle */
        int order[48];
        for (int c = 0; c < 48; c++)
            order[c] = c % 2 * 24 + c / 2;
        struct tensor_info shape = graph_tensor (b->g, y);
        y = graph_pick (b->g, NULL, y,
                        &(struct pick) { .channel = order,
                                         .channels = 48,
                                         .height = shape.height + 1,
                                         .width = shape.width,
                                         .top = -1,
                                         .step_h = 1,
                                         .step_w = 1 });
    }
    int gate = build_linear (b, graph_global_pool (b->g, NULL, y, POOL_AVERAGE), graph_tensor (b->g, y).channels);
    gate = graph_activation (b->g, NULL, gate, (struct activation) { .kind = ACTIVATION_SIGMOID });
    y = graph_mul (b->g, NULL, y, gate);
    y = build_relu (b, build_square (b, y, 40, 3, 2, 1));
    y = graph_global_pool (b->g, NULL, y, POOL_AVERAGE);
    return graph_softmax (b->g, NULL, build_linear (b, y, 11));
}

static void check_networks (void)
{
    for (int kind = 0; kind < 4; kind++) {
        char name[64];
        snprintf (name, sizeof name, "network %d", kind);
        struct builder b = builder_new ((uint64_t)kind + 50, 3, 40, 37);
        graph_output (b.g, network (&b, kind));
        struct trial t = trial_new (&b, name, 1.2f);
        trial_everywhere (&t);
    }
    for (uint64_t seed = 1; seed <= 40; seed++) {
        char name[64];
        snprintf (name, sizeof name, "random graph %d", (int)seed);
        struct builder b = random_graph (seed, 12);
        struct trial t = trial_new (&b, name, 1.5f);
        trial_everywhere (&t);
    }
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

/* A tensor without a range is floats, and with it what reads it; without any, the plan is the one of floats, bit for
 * bit. */
static void check_missing (void)
{
    struct builder b = builder_new (5, 20, 9, 9);
    int x = build_relu (&b, build_square (&b, 0, 24, 3, 1, 1)), y = build_relu (&b, build_square (&b, x, 24, 3, 1, 1));
    graph_output (b.g, build_square (&b, y, 9, 1, 1, 0));
    struct trial t = trial_new (&b, "missing ranges", 1);
    struct ranges *all = t.ranges;
    struct plan *plan = trial_plan (&t, NULL, 1, NULL, 0), *floats = NULL;
    CHECK (trial_steps (plan, "int8") == 2, "%d steps multiply bytes", trial_steps (plan, "int8"));
    plan_free (plan);
    t.ranges = ranges_new (t.g);
    float low, high;
    ranges_get (all, y, &low, &high);
    ranges_set (t.ranges, y, low, high);
    plan = trial_plan (&t, NULL, 1, NULL, 0);
    CHECK (trial_steps (plan, "int8") == 1, "%d steps multiply bytes", trial_steps (plan, "int8"));
    plan_free (plan);
    ranges_free (t.ranges);
    t.ranges = NULL;
    plan = trial_plan (&t, NULL, 1, NULL, 0);
    CHECK (trial_steps (plan, "fp32") == plan_steps (plan), "there are bytes without ranges");
    floats = plan_new (t.g, NULL, NULL);
    plan_run (plan, t.input);
    plan_run (floats, t.input);
    CHECK (!memcmp (plan_output (plan, 0)->data, plan_output (floats, 0)->data, 9 * 9 * 9 * sizeof (float)),
           "other bits");
    plan_free (plan);
    plan_free (floats);
    t.ranges = all;
    trial_free (&t);
}

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

/* What output channel o must be, bit for bit: the vector's numbers in 255 steps of its own range, whole weights. */
static float product_of_bytes (const struct node *node, const float *vector, int count, int o)
{
    const float *w = node->u.conv.weights + (ptrdiff_t)o * count;
    float low = 0, high = 0, most = 0;
    for (int i = 0; i < count; i++) {
        low = fminf (low, vector[i]);
        high = fmaxf (high, vector[i]);
        most = fmaxf (most, fabsf (w[i]));
    }
    float scale = high > low ? high / 255 - low / 255 : 1, step = most / 127, zero = rintf (-low / scale);
    int32_t sum = 0;
    for (int i = 0; i < count; i++) {
        float byte = fminf (fmaxf (rintf (fmaf (vector[i], 1 / scale, zero)), 0), 255);
        sum += ((int)byte - (int)zero) * (int)rintf (w[i] / step);
    }
    return fmaf ((float)sum, scale * step, node->u.conv.bias ? node->u.conv.bias[o] : 0);
}

static void check_vector (const struct trial *t, int pooled, int linear)
{
    const char *const taps[] = { t->g->nodes[pooled].name, t->g->nodes[linear].name };
    const struct node *node = &t->g->nodes[linear];
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan *plan = trial_plan (t, *isa, 1, taps, 2);
        if (!plan)
            continue;
        struct step_info last = plan_step (plan, plan_steps (plan) - 1);
        CHECK (!strcmp (last.type, "int8") && !strcmp (last.algorithm, "direct, vector"), "%s, %s: %s, %s", t->name,
               *isa, last.type, last.algorithm);
        plan_run (plan, t->input);
        const float *vector = plan_tap (plan, 0)->data, *got = plan_tap (plan, 1)->data;
        for (int o = 0; o < node->channels; o++) {
            float want = product_of_bytes (node, vector, t->g->nodes[pooled].channels, o);
            if (!CHECK (memcmp (&got[o], &want, sizeof want) == 0, "%s, %s: [%d] is %.9g, not %.9g", t->name, *isa, o,
                        (double)got[o], (double)want))
                break;
        }
        plan_free (plan);
        trial_threads (t, *isa);
    }
}

/* Of wide, odd and narrow shapes; behind a ReLU or not; a vector of zeros. */
static void check_vectors (void)
{
    static const struct {
        int in, out;
        bool relu, zeros;
    } shapes[] = { { 509, 301, false, false },
                   { 512, 256, true, false },
                   { 2048, 70, false, false },
                   { 65, 2051, true, false },
                   { 512, 300, true, true } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct builder b = builder_new (i + 70, 19, 6, 5);
        int x = build_square (&b, 0, shapes[i].in, 1, 1, 0);
        x = graph_global_pool (b.g, "pooled", shapes[i].relu ? build_relu (&b, x) : x, POOL_AVERAGE);
        int y = build_linear (&b, x, shapes[i].out);
        graph_output (b.g, y);
        struct trial t = trial_new (&b, "vector", 1.2f);
        if (shapes[i].zeros) {
            struct node *first = &t.g->nodes[1];
            memset (first->u.conv.weights, 0, (size_t)shapes[i].in * 19 * sizeof (float));
            for (int c = 0; first->u.conv.bias && c < shapes[i].in; c++)
                first->u.conv.bias[c] = 0;
        }
        check_vector (&t, x, y);
        trial_free (&t);
    }
}

/* An endless vector makes no numbers, as in fp32; a small matrix, or a vector without a range, stays fp32. */
static void check_other_vectors (void)
{
    struct builder b = builder_new (90, 8, 3, 3);
    int x = graph_global_pool (b.g, "pooled", build_square (&b, 0, 512, 1, 1, 0), POOL_AVERAGE);
    graph_output (b.g, build_linear (&b, x, 256));
    graph_output (b.g, build_linear (&b, x, 255));
    struct conv padded = { .out_channels = 256, .kernel_h = 1, .kernel_w = 1, .stride_h = 3, .stride_w = 3 };
    padded.pad_top = padded.pad_left = padded.pad_bottom = padded.pad_right = 1; /* reads zeros alone */
    graph_output (b.g, build_conv (&b, x, padded));
    struct trial t = trial_new (&b, "endless vector", 1.2f);
    for (int i = 0; i < 8; i++)
        t.g->nodes[1].u.conv.weights[7 * 8 + i] = INFINITY;
    struct plan *plan = trial_plan (&t, NULL, 1, NULL, 0);
    CHECK (!strcmp (plan_step (plan, plan_steps (plan) - 2).type, "fp32"), "a small matrix is bytes");
    CHECK (!strcmp (plan_step (plan, plan_steps (plan) - 1).type, "fp32"), "zeros around a vector are left out");
    plan_run (plan, t.input);
    for (int o = 0; o < 256; o++)
        CHECK (!isfinite (plan_output (plan, 0)->data[o]), "[%d] is %g", o, (double)plan_output (plan, 0)->data[o]);
    plan_free (plan);
    struct ranges *all = t.ranges;
    float low, high;
    t.ranges = ranges_new (t.g);
    ranges_get (all, 1, &low, &high);
    ranges_set (t.ranges, 1, low, high);
    plan = trial_plan (&t, NULL, 1, NULL, 0);
    CHECK (!strcmp (plan_step (plan, plan_steps (plan) - 3).type, "fp32"), "a vector without a range is bytes");
    plan_free (plan);
    ranges_free (t.ranges);
    t.ranges = all;
    trial_free (&t);
}

/* Where a kernel multiplies a channel's own bytes, the usual windows get it, and no others. */
static void check_depthwise (void)
{
    static const struct conv cases[] = {
        { .kernel_h = 3, .kernel_w = 3 }, { .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2 },
        { .kernel_h = 5, .kernel_w = 5 }, { .kernel_h = 7, .kernel_w = 7, .stride_h = 2, .stride_w = 2 },
        { .kernel_h = 3, .kernel_w = 2 }, { .kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 2 },
        { .kernel_h = 9, .kernel_w = 9 }, { .kernel_h = 3, .kernel_w = 3, .dilation_h = 2, .dilation_w = 2 },
    };
    enum { CASES = sizeof cases / sizeof *cases, USUAL = 4 };
    struct builder b = builder_new (5, 16, 24, 24);
    int x = build_relu (&b, build_square (&b, 0, 32, 1, 1, 0));
    for (int i = 0; i < CASES; i++) {
        struct conv conv = cases[i];
        conv.groups = conv.out_channels = 32;
        graph_output (b.g, build_conv (&b, x, conv));
    }
    struct trial t = trial_new (&b, "depthwise", 1.1f);
    struct plan *plan = trial_plan (&t, NULL, 1, NULL, 0);
    const struct depthwise_kernel *kernel = &plan->execution.kernels->depthwise_bytes;
    int words = 0, floats = 0, usual = kernel->run && !(kernel->needs & ~cpu_detect ().features) ? USUAL : 0;
    for (int i = 0; i < plan->steps.count; i++) {
        const struct packed *packed = plan->steps.list[i].packed;
        words += packed && packed->method == &conv_depthwise_words;
        floats += packed && packed->method == &conv_depthwise_bytes;
    }
    CHECK (words == usual && words + floats == CASES, "%d by words, %d by floats", words, floats);
    plan_free (plan);
    trial_everywhere (&t);
}

/* Whole numbers all the way: instruction sets without a fused multiply-add have the same bits too. */
static void check_same_everywhere (void)
{
    struct builder b = builder_new (11, 16, 14, 14);
    int x = build_relu (&b, build_square (&b, 0, 32, 5, 1, 2));
    for (int kernel = 3; kernel <= 7; kernel += 2) {
        struct conv conv = {
            .out_channels = 32, .kernel_h = kernel, .kernel_w = kernel, .groups = 32, .pad_top = kernel / 2
        };
        conv.pad_left = conv.pad_bottom = conv.pad_right = kernel / 2;
        x = build_conv (&b, x, conv);
    }
    int y = build_relu (&b, build_square (&b, build_square (&b, x, 48, 1, 1, 0), 32, 3, 1, 1));
    y = build_relu (&b, graph_add (b.g, NULL, build_square (&b, y, 32, 1, 1, 0), x));
    int last = build_square (&b, y, 32, 3, 2, 1);
    graph_output (b.g, last);
    for (int o = 0; o < 32; o++) { /* the first convolution's products are whole */
        float *w = b.g->nodes[1].u.conv.weights + o * 16 * 25, most = 0;
        for (int i = 0; i < 16 * 25; i++)
            most = fmaxf (most, fabsf (w[i]));
        for (int i = 0; i < 16 * 25; i++)
            w[i] = rintf (w[i] / most * 127);
    }
    struct trial t = trial_new (&b, "whole numbers", 15);
    for (int i = 0; i < 16 * 14 * 14; i++)
        t.input[i] = rintf (t.input[i] * 15);
    float *first = NULL;
    size_t bytes = 32 * 7 * 7 * sizeof (float);
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan *plan = trial_plan (&t, *isa, 1, NULL, 0);
        plan_run (plan, t.input);
        if (!first)
            first = memcpy (malloc (bytes), plan_output (plan, 0)->data, bytes);
        CHECK (!memcmp (first, plan_output (plan, 0)->data, bytes), "%s: other bits", *isa);
        plan_free (plan);
    }
    free (first);
    trial_free (&t);
}

int main (void)
{
    check_group ("convolutions");
    check_convolutions ();
    check_group ("clipping");
    check_clipping ();
    check_group ("networks");
    check_networks ();
    check_group ("missing ranges");
    check_missing ();
    check_group ("vectors");
    check_vectors ();
    check_other_vectors ();
    check_group ("depthwise");
    check_depthwise ();
    check_group ("instruction sets");
    check_same_everywhere ();
    return check_end ();
}
