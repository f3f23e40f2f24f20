/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_int8.c: plans of bytes.
 *
 * Each tensor that a step leaves is read by a tap and compared with what the reference makes, in double precision, of
 * the tensors before it as the plan has them: errors do not add up, so that a code must be the nearest one. Weights are
 * whole steps of their channel, so that making bytes of them loses nothing. */
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include "engine/conv.h"
#include "engine/cpu.h"
#include "engine/plan.h"
#include "engine/ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- networks ---------------------------------------------------------------------------------------------------- */

/* Every filter's weights become whole steps, of which the largest has 127. */
static void whole_weights (struct graph *g)
{
    for (int id = 0; id < g->count; id++) {
        struct node *node = &g->nodes[id];
        if (node->operation != OPERATION_CONV)
            continue;
        const struct conv *conv = &node->u.conv.shape;
        int count = g->nodes[node->inputs[0]].channels / conv->groups * conv->kernel_h * conv->kernel_w;
        for (int o = 0; o < conv->out_channels; o++) {
            float *w = node->u.conv.weights + (ptrdiff_t)o * count, most = 0;
            for (int i = 0; i < count; i++)
                most = fmaxf (most, fabsf (w[i]));
            for (int i = 0; i < count; i++)
                w[i] = rintf (w[i] / most * 127) * (most / 127);
        }
    }
}

struct trial {
    const char *name;
    struct graph *g;
    struct ranges *ranges;
    float *input;
    double *scale, *low, *high; /* [tensors] of a code; what codes reach */
};

static int root_of (const int *root, int id)
{
    while (root[id] != id)
        id = root[id];
    return id;
}

/* Tensors whose numbers are others' have one scale. */
static void find_scales (struct trial *t)
{
    int count = graph_tensors (t->g), *root = malloc ((size_t)count * sizeof *root);
    double *zero = malloc ((size_t)count * sizeof *zero);
    t->scale = calloc ((size_t)count, sizeof *t->scale);
    t->low = calloc ((size_t)count, sizeof *t->low);
    t->high = calloc ((size_t)count, sizeof *t->high);
    for (int id = 0; id < count; id++) {
        const struct node *node = &t->g->nodes[id];
        bool keeps = node->operation == OPERATION_CONCAT || node->operation == OPERATION_PICK ||
                     node->operation == OPERATION_RESHAPE || !strcmp (node->label, "max-pool");
        root[id] = id;
        for (int i = 0; keeps && i < node->input_count; i++) {
            int a = root_of (root, node->inputs[i]), b = root_of (root, id);
            root[a > b ? a : b] = a > b ? b : a;
        }
    }
    for (int id = 0; id < count; id++) {
        float low, high;
        int all = root_of (root, id);
        ranges_get (t->ranges, id, &low, &high);
        t->low[all] = fmin (t->low[all], (double)low);
        t->high[all] = fmax (t->high[all], (double)high);
    }
    for (int id = 0; id < count; id++) {
        int all = root_of (root, id);
        double scale = (t->high[all] - t->low[all]) / 255;
        t->scale[id] = scale > 0 ? scale : 1;
        zero[id] = rint (-t->low[all] / t->scale[id]);
    }
    for (int id = 0; id < count; id++) {
        t->low[id] = -zero[id] * t->scale[id];
        t->high[id] = (255 - zero[id]) * t->scale[id];
    }
    free (zero);
    free (root);
}

/* The builder's graph with ranges of what it makes of a random input, `factor` times as wide. */
static struct trial trial_new (struct builder *b, const char *name, float factor)
{
    struct trial t = { .name = name, .g = b->g };
    if (!CHECK (!graph_error (b->g), "%s: %s", name, graph_error (b->g)))
        return t;
    whole_weights (b->g);
    struct tensor_info in = graph_tensor (b->g, 0);
    t.input = random_floats (b, (size_t)in.channels * (size_t)in.height * (size_t)in.width, -1, 1);
    t.ranges = ranges_new (b->g);
    struct reference *reference = reference_run (b->g, t.input);
    for (int id = 0; id < graph_tensors (b->g); id++) {
        const double *values = reference_values (reference, id);
        double low = 0, high = 0;
        for (size_t i = 0; i < reference_count (reference, id); i++) {
            low = fmin (low, values[i]);
            high = fmax (high, values[i]);
        }
        ranges_set (t.ranges, id, (float)low * factor, (float)high * factor);
    }
    reference_free (reference);
    find_scales (&t);
    return t;
}

static void trial_free (struct trial *t)
{
    free (t->input);
    free (t->scale);
    free (t->low);
    free (t->high);
    ranges_free (t->ranges);
    graph_unref (t->g);
}

static bool says (const struct step_info *s, double low, double high)
{
    double slack = 1e-5 * (high - low);
    return fabs (low - (double)s->low) <= slack && fabs (high - (double)s->high) <= slack;
}

/* What the plan says that a step's bytes stand for: with those it shares a range with, or, behind floats, alone. */
static void check_said (const struct trial *t, const struct plan *plan)
{
    for (int i = 0; t->ranges && t->low && i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        int id = graph_find (t->g, s.name);
        float low, high;
        ranges_get (t->ranges, id, &low, &high);
        double scale = ((double)high - (double)low) / 255, zero = rint (-(double)low / scale);
        if (s.low < s.high)
            CHECK (says (&s, t->low[id], t->high[id]) || says (&s, -zero * scale, (255 - zero) * scale),
                   "%s: %s says %g .. %g instead of %g .. %g", t->name, s.name, (double)s.low, (double)s.high,
                   t->low[id], t->high[id]);
        else
            CHECK (strcmp (s.type, "u8") != 0, "%s: %s makes bytes without a range", t->name, s.name);
    }
}

static struct plan *plan_of (const struct trial *t, const char *isa, int threads, const char *const *taps,
                             int tap_count)
{
    struct plan_options options = { .isa = isa,
                                    .threads = threads,
                                    .taps = taps,
                                    .tap_count = tap_count,
                                    .precision = PRECISION_INT8,
                                    .ranges = t->ranges };
    struct error error;
    struct plan *plan = plan_new (t->g, &options, &error);
    if (CHECK (plan, "%s, %s: %s", t->name, isa ? isa : "best", error.text))
        check_said (t, plan);
    return plan;
}

static int steps_of (const struct plan *plan, const char *type)
{
    int count = 0;
    for (int i = 0; plan && i < plan_steps (plan); i++)
        count += !strcmp (plan_step (plan, i).type, type);
    return count;
}

/* ---- each tensor from those before it ---------------------------------------------------------------------------- */

/* The names of all tensors that the plan's steps leave. */
static int step_names (const struct plan *plan, const char **names)
{
    int count = 0;
    for (int i = 0; i < plan_steps (plan) && count < BUILDER_TENSORS; i++) {
        const char *name = plan_step (plan, i).name;
        bool known = false;
        for (int n = 0; n < count; n++)
            known |= !strcmp (names[n], name);
        if (!known)
            names[count++] = name;
    }
    return count;
}

/* tap against the reference's numbers, within half a code of the nearest that codes reach; what is never bytes, almost
 * exactly. */
static void compare_tap (const struct trial *t, const char *isa, int id, const double *values, const struct tensor *tap)
{
    const struct node *node = &t->g->nodes[id];
    bool floats = (node->height == 1 && node->width == 1) || node->is_output;
    size_t count = (size_t)node->channels * (size_t)node->height * (size_t)node->width;
    double scale = t->scale[id], most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax (most, fabs (values[i]));
    for (size_t i = 0; i < count; i++) {
        double got = (double)tap->data[i], want = values[i];
        double bound = floats ? 1e-5 * most + 1e-7 : 0.51 * scale + 1e-5 * most;
        if (!floats)
            want = fmin (fmax (want, t->low[id]), t->high[id]);
        if (!CHECK (fabs (got - want) <= bound, "%s, %s: '%s' (%s)[%zu] is %g, not %g; a code is %g", t->name, isa,
                    node->name, node->label, i, got, values[i], scale))
            return;
    }
}

/* The graph's input as a stem of bytes reads it: in steps of its range, where convolutions of up to four channels are
 * all that read it, and nobody taps it; else NULL. */
static double *stem_input (const struct trial *t)
{
    const struct node *in = &t->g->nodes[0];
    float low, high;
    bool stem = in->channels <= 4 && ranges_get (t->ranges, 0, &low, &high);
    for (int id = 1; stem && id < t->g->count; id++)
        for (int i = 0; i < t->g->nodes[id].input_count; i++)
            stem &= t->g->nodes[id].inputs[i] != 0 ||
                    (t->g->nodes[id].operation == OPERATION_CONV && t->g->nodes[id].u.conv.shape.groups == 1);
    if (!stem)
        return NULL;
    size_t count = (size_t)in->channels * (size_t)in->height * (size_t)in->width;
    double *values = malloc (count * sizeof *values), scale = (double)(float)(((double)high - (double)low) / 255);
    double zero = rint (-(double)low / scale);
    for (size_t i = 0; i < count; i++)
        values[i] = scale * (fmin (fmax (rint ((double)(t->input[i] / (float)scale)) + zero, 0), 255) - zero);
    return values;
}

/* The plan that has these taps, tensor by tensor. */
static void compare_plan (const struct trial *t, const char *isa, const struct plan *plan, const int *tap_of)
{
    int count = graph_tensors (t->g);
    double **values = calloc ((size_t)count, sizeof *values), *stem = tap_of[0] < 0 ? stem_input (t) : NULL;
    for (int id = 0; id < count; id++) {
        const struct node *node = &t->g->nodes[id];
        size_t numbers = (size_t)node->channels * (size_t)node->height * (size_t)node->width;
        values[id] = malloc (numbers * sizeof (double));
        double *magnitude = malloc (numbers * sizeof (double));
        const double **inputs = calloc ((size_t)node->input_count + 1, sizeof *inputs);
        for (int i = 0; i < node->input_count; i++)
            inputs[i] = stem && node->inputs[i] == 0 ? stem : values[node->inputs[i]];
        if (node->operation == OPERATION_INPUT)
            for (size_t i = 0; i < numbers; i++)
                values[id][i] = (double)t->input[i];
        else
            reference_node (t->g, node, inputs, inputs, values[id], magnitude);
        if (tap_of[id] >= 0 && node->operation != OPERATION_INPUT) {
            const struct tensor *tap = plan_tap (plan, tap_of[id]);
            compare_tap (t, isa, id, values[id], tap);
            for (size_t i = 0; i < numbers; i++)
                values[id][i] = (double)tap->data[i];
        }
        free (inputs);
        free (magnitude);
    }
    for (int id = 0; id < count; id++)
        free (values[id]);
    free (values);
    free (stem);
}

/* Same bits for 1 to 3 threads, nothing allocated, the first output. */
static void compare_threads (const struct trial *t, const char *isa)
{
    struct plan *one = plan_of (t, isa, 1, NULL, 0);
    for (int threads = 2; threads <= 3 && one; threads++) {
        struct plan *more = plan_of (t, isa, threads, NULL, 0);
        if (!more)
            break;
        plan_run (one, t->input);
        allocations_start ();
        plan_run (more, t->input);
        CHECK (allocations_calls () == 0, "%s, %s: %ld allocations", t->name, isa, allocations_calls ());
        for (int o = 0; o < plan_outputs (one); o++) {
            const struct tensor *a = plan_output (one, o), *b = plan_output (more, o);
            size_t bytes = (size_t)a->channels * (size_t)a->height * (size_t)a->width * sizeof (float);
            CHECK (!memcmp (a->data, b->data, bytes), "%s, %s: 1 and %d threads differ", t->name, isa, threads);
        }
        plan_free (more);
    }
    plan_free (one);
}

/* `all`: every tensor is tapped, so that nothing is fused; otherwise what steps leave anyway. */
static void run_trial (const struct trial *t, const char *isa, bool all)
{
    struct plan *plan = plan_of (t, isa, 1, NULL, 0);
    if (!plan)
        return;
    const char *taps[BUILDER_TENSORS];
    int count = graph_tensors (t->g), tap_count = 0, *tap_of = malloc ((size_t)count * sizeof *tap_of);
    if (all)
        for (; tap_count < count && tap_count < BUILDER_TENSORS; tap_count++)
            taps[tap_count] = graph_tensor (t->g, tap_count).name;
    else
        tap_count = step_names (plan, taps);
    for (int id = 0; id < count; id++) {
        tap_of[id] = -1;
        for (int i = 0; i < tap_count; i++)
            if (!strcmp (taps[i], graph_tensor (t->g, id).name))
                tap_of[id] = i;
    }
    struct plan *tapped = plan_of (t, isa, 1, taps, tap_count);
    if (tapped) {
        plan_run (tapped, t->input);
        compare_plan (t, isa, tapped, tap_of);
    }
    plan_free (tapped);
    plan_free (plan);
    free (tap_of);
}

static void run_everywhere (struct trial *t)
{
    for (const char *const *isa = engine_isas (); t->input && *isa; isa++) {
        run_trial (t, *isa, false);
        run_trial (t, *isa, true);
    }
    if (t->input)
        compare_threads (t, *engine_isas ());
    trial_free (t);
}

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
            struct plan *plan = t.input ? plan_of (&t, NULL, 1, NULL, 0) : NULL;
            CHECK (steps_of (plan, "int8") == 3, "%s: %d steps multiply bytes", name, steps_of (plan, "int8"));
            plan_free (plan);
            run_everywhere (&t);
        }
}

/* Numbers beyond the range are its end. */
static void check_clipping (void)
{
    struct builder b = builder_new (3, 20, 9, 9);
    int x = build_square (&b, build_square (&b, 0, 24, 3, 1, 1), 20, 3, 1, 1);
    graph_output (b.g, build_square (&b, build_relu (&b, x), 9, 1, 1, 0));
    struct trial t = trial_new (&b, "ranges too narrow", 0.4f);
    run_everywhere (&t);
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
        run_everywhere (&t);
    }
    for (uint64_t seed = 1; seed <= 40; seed++) {
        char name[64];
        snprintf (name, sizeof name, "random graph %d", (int)seed);
        struct builder b = random_graph (seed, 12);
        struct trial t = trial_new (&b, name, 1.5f);
        run_everywhere (&t);
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
    struct plan *plan = plan_of (&t, NULL, 1, NULL, 0), *floats = NULL;
    CHECK (steps_of (plan, "int8") == 2, "%d steps multiply bytes", steps_of (plan, "int8"));
    plan_free (plan);
    t.ranges = ranges_new (t.g);
    float low, high;
    ranges_get (all, y, &low, &high);
    ranges_set (t.ranges, y, low, high);
    plan = plan_of (&t, NULL, 1, NULL, 0);
    CHECK (steps_of (plan, "int8") == 1, "%d steps multiply bytes", steps_of (plan, "int8"));
    plan_free (plan);
    ranges_free (t.ranges);
    t.ranges = NULL;
    plan = plan_of (&t, NULL, 1, NULL, 0);
    CHECK (steps_of (plan, "fp32") == plan_steps (plan), "there are bytes without ranges");
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
        struct plan *plan = plan_of (t, *isa, 1, taps, 2);
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
        compare_threads (t, *isa);
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
    struct plan *plan = plan_of (&t, NULL, 1, NULL, 0);
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
    plan = plan_of (&t, NULL, 1, NULL, 0);
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
    struct plan *plan = plan_of (&t, NULL, 1, NULL, 0);
    const struct depthwise_kernel *kernel = &plan->execution.kernels->depthwise_bytes;
    int words = 0, floats = 0, usual = kernel->run && !(kernel->needs & ~cpu_detect ().features) ? USUAL : 0;
    for (int i = 0; i < plan->steps.count; i++) {
        const struct packed *packed = plan->steps.list[i].packed;
        words += packed && packed->method == &conv_depthwise_words;
        floats += packed && packed->method == &conv_depthwise_bytes;
    }
    CHECK (words == usual && words + floats == CASES, "%d by words, %d by floats", words, floats);
    plan_free (plan);
    run_everywhere (&t);
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
        struct plan *plan = plan_of (&t, *isa, 1, NULL, 0);
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
