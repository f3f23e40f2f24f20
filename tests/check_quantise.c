/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_quantise.c: ranges of few bits: sums of whole numbers come out as integer arithmetic has them, to the bit, on
 * every instruction set, with any threads and taps; what a range takes in, what goes with an activation, what is
 * refused. */
#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include "engine/ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 21, OUTPUTS = 37, SIDE = 9, PIXELS = SIDE * SIDE, KERNEL = 3 };

/* ---- whole numbers ------------------------------------------------------------------------------------------------
 * */

struct whole {
    float step, unit[OUTPUTS]; /* of the input; of the sums */
    int x[CHANNELS * PIXELS], weights[OUTPUTS * CHANNELS * KERNEL * KERNEL];
    float input[CHANNELS * PIXELS], real[OUTPUTS * CHANNELS * KERNEL * KERNEL];
    struct range range;
};

static void make_whole (struct whole *w, struct builder *b)
{
    float steps[OUTPUTS];
    w->step = 0.0173f;
    w->range = (struct range) { 0.4f, -37, 218 };
    for (int i = 0; i < CHANNELS * PIXELS; i++) {
        w->x[i] = random_int (b, -100, 155);
        w->input[i] = (float)w->x[i] * w->step;
    }
    for (int o = 0; o < OUTPUTS; o++) {
        steps[o] = random_float (b, 0.001f, 0.01f);
        w->unit[o] = w->step * steps[o];
    }
    for (int i = 0; i < OUTPUTS * CHANNELS * KERNEL * KERNEL; i++) {
        w->weights[i] = random_int (b, -127, 127);
        w->real[i] = (float)w->weights[i] * steps[i / (CHANNELS * KERNEL * KERNEL)];
    }
}

static int64_t sum_at (const struct whole *w, int o, int y, int x)
{
    int64_t sum = 0;
    for (int c = 0; c < CHANNELS; c++) {
        for (int k = 0; k < KERNEL * KERNEL; k++) {
            int row = y + k / KERNEL - 1, column = x + k % KERNEL - 1;
            if (row >= 0 && row < SIDE && column >= 0 && column < SIDE)
                sum += (int64_t)w->x[(c * SIDE + row) * SIDE + column] *
                       w->weights[(o * CHANNELS + c) * KERNEL * KERNEL + k];
        }
    }
    return sum;
}

static struct builder whole_graph (const struct whole *w, bool relu)
{
    struct builder b = builder_new (1, CHANNELS, SIDE, SIDE);
    struct conv conv = { .out_channels = OUTPUTS,
                         .kernel_h = KERNEL,
                         .kernel_w = KERNEL,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1 };
    int x = graph_conv (b.g, "sums", 0, &conv, w->real, NULL);
    if (relu)
        x = graph_activation (b.g, "relu", x, (struct activation) { .kind = ACTIVATION_RELU });
    x = graph_quantise (b.g, "steps", x, w->range, w->unit, 1);
    graph_output (b.g, x);
    return b;
}

static void check_whole (const struct whole *w, bool relu, const struct plan_options *options, const char *what)
{
    struct error error = { "" };
    struct builder b = whole_graph (w, relu);
    struct plan *plan = plan_new (b.g, options, &error);
    long wrong = 0;
    if (CHECK (plan != NULL, "%s: %s", what, error.text)) {
        plan_run (plan, w->input);
        for (int i = 0; i < OUTPUTS * PIXELS; i++) {
            int o = i / PIXELS, low = relu ? 0 : w->range.low;
            float sum = (float)sum_at (w, o, i % PIXELS / SIDE, i % SIDE) * (w->unit[o] / w->range.step);
            float expected = (float)fmin (fmax (rint ((double)sum), low), w->range.high) * w->range.step;
            wrong += plan_output (plan, 0)->data[i] != expected;
        }
        CHECK (wrong == 0, "%s: %ld of %d differ from integers", what, wrong, OUTPUTS * PIXELS);
        if (!options->tap_count)
            CHECK (plan_step (plan, 1).operation && !strcmp (plan_step (plan, 1).operation, "conv"), "%s: step 1 is %s",
                   what, plan_step (plan, 1).operation);
    }
    plan_free (plan);
    graph_unref (b.g);
}

static void check_sums (void)
{
    static const char *const taps[] = { "sums", "steps" };
    struct whole *w = malloc (sizeof *w);
    struct builder b = builder_new (7, 1, 1, 1);
    make_whole (w, &b);
    graph_unref (b.g);
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        for (int i = 0; i < 12; i++) {
            struct plan_options options = { .isa = *isa,
                                            .threads = 1 + i % 3,
                                            .algorithm = i / 3 % 2 ? ALGORITHM_F43 : ALGORITHM_AUTO,
                                            .taps = taps,
                                            .tap_count = i / 6 ? 2 : 0 };
            check_whole (w, i % 2, &options, *isa);
        }
    }
    free (w);
}

/* ---- what becomes one layer ----------------------------------------------------------------------------------------
 * */

/* conv -> batch norm -> clip -> range of any numbers: the same as the oracle's, but where a sum is next to a half. */
static void check_merged (uint64_t seed)
{
    struct error error = { "" };
    struct builder b = builder_new (seed, 5, 7, 6);
    int conv = build_square (&b, 0, 19, 3, 1, 1), x = build_batch_norm (&b, conv);
    struct activation clip = { ACTIVATION_CLIP, random_float (&b, -1, 0.2f), random_float (&b, 0.3f, 2) };
    x = graph_activation (b.g, "clip", x, seed % 3 ? clip : (struct activation) { .kind = ACTIVATION_RELU });
    struct range range = { random_float (&b, 0.01f, 0.2f), random_int (&b, -40, 0), random_int (&b, 1, 60) };
    x = graph_output (b.g, graph_quantise (b.g, "range", x, range, NULL, 1));
    float *input = random_floats (&b, 5 * 7 * 6, -1, 1);
    struct plan *plan = plan_new (b.g, NULL, &error);
    struct reference *reference = reference_run (b.g, input);
    struct tensor_info t = graph_tensor (b.g, x);
    CHECK (t.range.step == range.step && t.range.low == range.low && t.range.high == range.high, "another range");
    long jumps = 0;
    if (CHECK (plan != NULL, "%s", error.text)) {
        plan_run (plan, input);
        int convs = 0;
        for (int i = 0; i < plan_steps (plan); i++)
            convs += !strcmp (plan_step (plan, i).name, "range") && !strcmp (plan_step (plan, i).operation, "conv");
        CHECK (convs == 1, "the range is no part of the convolution");
        for (size_t i = 0; i < reference_count (reference, x); i++) {
            double off = fabs ((double)plan_output (plan, 0)->data[i] - reference_values (reference, x)[i]);
            CHECK (off < 1.01 * (double)range.step, "off by %g, steps are of %g", off, (double)range.step);
            jumps += off > 1e-6;
        }
    }
    CHECK (jumps <= 3, "%ld numbers are in the next step", jumps);
    reference_free (reference);
    plan_free (plan);
    free (input);
    graph_unref (b.g);
}

/* A range goes with the activation in front of it; one that has none in front stays. */
static void check_replaced (void)
{
    static const struct activation gelu = { .kind = ACTIVATION_GELU };
    struct error error = { "" };
    for (int stays = 0; stays < 2; stays++) {
        struct plan *plans[2];
        struct builder b[2];
        for (int i = 0; i < 2; i++) { /* 1: as it should be */
            b[i] = builder_new (5, 4, 6, 6);
            int x = build_square (&b[i], 0, 8, 3, 1, 1);
            if (stays)
                x = graph_quantise (b[i].g, "", x, (struct range) { 0.1f, 0, 255 }, NULL, 1);
            x = graph_activation (b[i].g, "", x, i ? gelu : (struct activation) { .kind = ACTIVATION_RELU });
            if (!i)
                x = graph_quantise (b[i].g, "", x, (struct range) { 0.1f, 0, 255 }, NULL, 1);
            graph_output (b[i].g, x);
            plans[i] = plan_new (b[i].g, &(struct plan_options) { .activation = i ? NULL : &gelu }, &error);
        }
        float *input = random_floats (&b[0], 4 * 36, -1, 1), worst = 0;
        for (int i = 0; i < 2 && CHECK (plans[i] != NULL, "%s", error.text); i++)
            plan_run (plans[i], input);
        for (int i = 0; i < 8 * 36; i++)
            worst = fmaxf (worst, fabsf (plan_output (plans[0], 0)->data[i] - plan_output (plans[1], 0)->data[i]));
        CHECK (worst < 1e-6f, "off by %g", (double)worst);
        for (int i = 0; i < 2; i++) {
            plan_free (plans[i]);
            graph_unref (b[i].g);
        }
        free (input);
    }
}

/* ---- ranges of each run --------------------------------------------------------------------------------------------
 * */

static void check_dynamic (int channels, float least, float most)
{
    struct error error = { "" };
    struct builder b = builder_new ((uint64_t)channels, channels, 5, 7);
    size_t count = (size_t)channels * 35;
    int x = graph_output (b.g, graph_quantise_dynamic (b.g, "dynamic", 0));
    for (int threads = 1; threads < 4; threads += 2) {
        struct plan *plan = plan_new (b.g, &(struct plan_options) { .threads = threads }, &error);
        if (!CHECK (plan != NULL, "%s", error.text))
            continue;
        for (int run = 0; run < 3; run++) { /* each by its own range */
            float *input = random_floats (&b, count, least * (float)(run + 1), most / (float)(run + 1));
            struct reference *reference = reference_run (b.g, input);
            plan_run (plan, input);
            double worst = 0, largest = 1e-30;
            for (size_t i = 0; i < count; i++) {
                largest = fmax (largest, fabs (reference_values (reference, x)[i]));
                worst =
                    fmax (worst, fabs ((double)plan_output (plan, 0)->data[i] - reference_values (reference, x)[i]));
            }
            CHECK (worst <= 1e-6 * largest, "%d channels of %g to %g: off by %g", channels, (double)least, (double)most,
                   worst);
            reference_free (reference);
            free (input);
        }
        plan_free (plan);
    }
    graph_unref (b.g);
}

/* ---- refusals
 * ------------------------------------------------------------------------------------------------------- */

static void check_refused (void)
{
    static const float ones[2] = { 1, 1 }, zero[2] = { 1, 0 }, less[2] = { -1, 1 }, nan[2] = { NAN, 1 };
    static const struct {
        struct range range;
        const float *unit;
        int parts;
        const char *why;
    } faults[] = {
        { { 0, 0, 255 }, NULL, 1, "its step is 0" },
        { { -1, 0, 255 }, NULL, 1, "its step is -1" },
        { { NAN, 0, 255 }, NULL, 1, "its step is" },
        { { INFINITY, 0, 255 }, NULL, 1, "its step is inf" },
        { { 1e-42f, 0, 255 }, NULL, 1, "its step is" },
        { { 1, 1, 255 }, NULL, 1, "its range is 1 to 255 steps" },
        { { 1, -255, -1 }, NULL, 1, "its range is -255 to -1 steps" },
        { { 1, -(1 << 25), 0 }, NULL, 1, "its range is -33554432 to 0 steps" },
        { { 1, 0, 1 << 25 }, NULL, 1, "its range is 0 to 33554432 steps" },
        { { 1, 0, 255 }, zero, 1, "its unit of channel 1 is 0" },
        { { 1, 0, 255 }, less, 1, "its unit of channel 0 is -1" },
        { { 1, 0, 255 }, nan, 1, "its unit of channel 0 is" },
        { { 1, 0, 255 }, ones, 0, "its unit is of 0 parts" },
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct builder b = builder_new (1, 2, 3, 3);
        int x = graph_quantise (b.g, "q", 0, faults[i].range, faults[i].unit, faults[i].parts);
        const char *error = graph_error (b.g);
        CHECK (x < 0 && error && strstr (error, faults[i].why), "'%s' instead of '%s'", error ? error : "",
               faults[i].why);
        graph_unref (b.g);
    }
    struct builder b = builder_new (1, 2, 3, 3);
    CHECK (graph_activation (b.g, "r", 0, (struct activation) { ACTIVATION_ROUND, 0, 1 }) < 0, "rounding by no range");
    graph_unref (b.g);
}

/* ---- bytes of several ranges -----------------------------------------------------------------------------------*/

enum { PART = 16, AREA = 36 };

/* A 1x1 convolution that leaves every channel as it is, times `factor`. */
static int same_numbers (struct graph *g, int x, int channels, float factor)
{
    float *weights = calloc ((size_t)channels * (size_t)channels, sizeof *weights);
    for (int c = 0; c < channels; c++)
        weights[c * channels + c] = factor;
    x = graph_conv (g, NULL, x, &(struct conv) { .out_channels = channels, .kernel_h = 1, .kernel_w = 1 }, weights,
                    NULL);
    free (weights);
    return x;
}

static double furthest (const float *a, const double *b, int count)
{
    double most = 0;
    for (int i = 0; i < count; i++) {
        double apart = fabs ((double)a[i] - b[i]);
        most = apart > most ? apart : most; /* fmax: gcc 12 for arm64 fails at it */
    }
    return most;
}

/* The graph's output in bytes, on every instruction set, against the oracle's. */
static void check_bytes (struct builder *b, const struct ranges *ranges, const char *what, double bound)
{
    float *input = random_floats (b, PART * AREA, -3, 3);
    struct reference *reference = reference_run (b->g, input);
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan_options options = { .isa = *isa, .threads = 1, .precision = PRECISION_INT8, .ranges = ranges };
        struct error error = { "" };
        struct plan *plan = plan_new (b->g, &options, &error);
        if (!CHECK (plan != NULL, "%s: %s", what, error.text))
            continue;
        plan_run (plan, input);
        const struct tensor *out = plan_output (plan, 0);
        const double *values = reference_values (reference, graph_find (b->g, out->name));
        double most = furthest (out->data, values, out->channels * AREA);
        CHECK (most <= bound, "%s, %s: off by %g", what, *isa, most);
        plan_free (plan);
    }
    reference_free (reference);
    free (input);
    graph_unref (b->g);
}

/* A part of a concat is also what the other part is made of: what rounds the concat must not cut it. */
static void check_part_of_part (void)
{
    const struct range whole = { 0.05f, -128, 127 };
    struct builder b = builder_new (3, PART, 6, 6);
    int parts[2], x = graph_quantise (b.g, NULL, 0, whole, NULL, 1);
    parts[0] = graph_quantise (b.g, NULL, same_numbers (b.g, x, PART, 1), whole, NULL, 1);
    parts[1] = graph_quantise (b.g, NULL, same_numbers (b.g, parts[0], PART, -1), whole, NULL, 1);
    x = graph_quantise (b.g, NULL, graph_concat (b.g, NULL, parts, 2), (struct range) { 0.03f, -3, 252 }, NULL, 1);
    graph_output (b.g, same_numbers (b.g, x, 2 * PART, 1));
    check_bytes (&b, NULL, "a part of a part", 1e-4);
}

/* Beside 256 steps, 16 coarse ones do not make a coarse range of all. */
static void check_coarse_part (void)
{
    const struct range fine = { 0.03f, -128, 127 };
    struct builder b = builder_new (4, PART, 6, 6);
    int parts[2], x = graph_quantise (b.g, NULL, 0, fine, NULL, 1);
    parts[0] = graph_quantise (b.g, NULL, same_numbers (b.g, x, PART, 1), (struct range) { 0.5f, -7, 8 }, NULL, 1);
    parts[1] = graph_quantise (b.g, NULL, same_numbers (b.g, x, PART, 1), fine, NULL, 1);
    graph_output (b.g, same_numbers (b.g, graph_concat (b.g, NULL, parts, 2), 2 * PART, 1));
    check_bytes (&b, NULL, "a coarse part", 0.51 * 7.84 / 255);
}

/* What a clip leaves lies above all that the range behind it has. */
static void check_clip_above (void)
{
    struct builder b = builder_new (5, PART, 6, 6);
    int x = graph_quantise (b.g, NULL, 0, (struct range) { 0.03f, -128, 127 }, NULL, 1);
    x = same_numbers (b.g, x, PART, 3);
    int clip = x = graph_activation (b.g, NULL, x, (struct activation) { ACTIVATION_CLIP, 3, 6 });
    x = graph_pool (b.g, NULL, x,
                    &(struct pool) { .kind = POOL_MAX,
                                     .kernel_h = 3,
                                     .kernel_w = 3,
                                     .stride_h = 1,
                                     .stride_w = 1,
                                     .pad_top = 1,
                                     .pad_left = 1,
                                     .pad_bottom = 1,
                                     .pad_right = 1 });
    x = graph_quantise (b.g, NULL, x, (struct range) { 2.0f / 255, 0, 255 }, NULL, 1);
    graph_output (b.g, same_numbers (b.g, x, PART, 1));
    struct ranges *ranges = ranges_new (b.g);
    ranges_set (ranges, clip, 0, 6);
    check_bytes (&b, ranges, "a clip above the range", 1e-4);
    ranges_free (ranges);
}

/* Numbers of more steps than 32 bits hold are the range's ends: a convolution's, and a sum's that is joined to one. */
static void check_far_beyond (bool sum)
{
    const struct range wide = { 0.03f, 0, 255 }, narrow = { 1e-9f, -100, 155 };
    struct builder b = builder_new (6, PART, 6, 6);
    int x = graph_quantise (b.g, NULL, 0, wide, NULL, 1);
    int y = graph_quantise (b.g, NULL, same_numbers (b.g, x, PART, 1), sum ? wide : narrow, NULL, 1);
    if (sum)
        y = graph_quantise (b.g, NULL, graph_add (b.g, NULL, y, x), narrow, NULL, 1);
    graph_output (b.g, same_numbers (b.g, y, PART, 1e7f));
    check_bytes (&b, NULL, sum ? "a sum far beyond its range" : "far beyond the range", 1e-4);
}

int main (void)
{
    check_group ("sums of whole numbers");
    check_sums ();
    check_group ("ranges and what stands before them");
    for (uint64_t seed = 1; seed < 40; seed++)
        check_merged (seed);
    check_replaced ();
    check_group ("ranges of each run");
    for (int channels = 1; channels < 40; channels += 6) {
        check_dynamic (channels, -1.5f, 4);
        check_dynamic (channels, 0, 3);
        check_dynamic (channels, -2, -1);
        check_dynamic (channels, 0, 0);
    }
    check_group ("ranges that are refused");
    check_refused ();
    check_group ("bytes of several ranges");
    check_part_of_part ();
    check_coarse_part ();
    check_clip_above ();
    check_far_beyond (false);
    check_far_beyond (true);
    return check_end ();
}
