/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_arithmetic.c: functions, maxima, reductions, normalisations, resizing and pixels out of channels: against the
 * oracle, on every instruction set, the same bits with one to three threads; what the graph refuses of them. */
/* Parameters leave out what is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the numbers ------------------------------------------------------------------------------------------------- */

/* One output against the oracle's, within so many roundings of its magnitude. */
static void compare (const char *what, const struct graph *g, const struct reference *reference, int index,
                     const struct tensor *made)
{
    int id = graph_output_id (g, index);
    const double *values = reference_values (reference, id), *terms = reference_magnitudes (reference, id);
    size_t count = reference_count (reference, id), wrong = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
        double off = fabs ((double)made->data[i] - values[i]);
        if (off <= (64 + sqrt ((double)reference_count (reference, 0))) * FLT_EPSILON / 2 * terms[i] + FLT_MIN)
            continue;
        wrong++;
        at = i;
    }
    CHECK (wrong == 0, "%s: %zu of %zu numbers, the last is [%zu] %.9g instead of %.9g", what, wrong, count, at,
           (double)made->data[at], values[at]);
}

/* Runs what was built; the graph goes. */
static void run_everywhere (const char *name, struct builder *b, int input, const float *numbers)
{
    char what[160];
    struct error error;
    if (!CHECK (!graph_error (b->g), "%s: %s", name, graph_error (b->g)))
        return;
    struct tensor_info in = graph_tensor (b->g, input);
    size_t count = (size_t)in.channels * (size_t)in.height * (size_t)in.width;
    float *own = numbers ? NULL : random_floats (b, count, -1, 1), *first = NULL;
    const float *x = numbers ? numbers : own;
    struct reference *reference = reference_run (b->g, x);
    size_t bytes = reference_count (reference, graph_output_id (b->g, 0)) * sizeof (float);
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        for (int threads = 1; threads <= 3; threads++) {
            snprintf (what, sizeof what, "%s, %s, %d threads", name, *isa, threads);
            struct plan_options options = { .threads = threads, .isa = *isa, .algorithm = ALGORITHM_DIRECT };
            struct plan *plan = plan_new (b->g, &options, &error);
            if (!CHECK (plan != NULL, "%s: %s", what, error.text))
                continue;
            plan_run (plan, x);
            for (int i = 0; i < plan_outputs (plan); i++)
                compare (what, b->g, reference, i, plan_output (plan, i));
            const float *made = plan_output (plan, 0)->data;
            if (threads == 1) {
                free (first);
                first = malloc (bytes);
                memcpy (first, made, bytes);
            }
            CHECK (!first || !memcmp (first, made, bytes), "%s: other bits than with one thread", what);
            plan_free (plan);
        }
    }
    free (first);
    free (own);
    reference_free (reference);
    graph_unref (b->g);
}

/* ---- statistics -------------------------------------------------------------------------------------------------- */

/* Off the blocks' and the items' borders, and on them. */
static const int shapes[][3] = {
    { 1, 1, 1 }, { 5, 3, 4 }, { 16, 8, 8 }, { 24, 9, 13 }, { 100, 11, 7 }, { 12, 40, 35 }
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct builder begin (int shape)
{
    return builder_new ((uint64_t)shape, shapes[shape][0], shapes[shape][1], shapes[shape][2]);
}

static void check_reductions (void)
{
    check_group ("reductions");
    for (int s = 0; s < SHAPES; s++) {
        for (int kind = REDUCTION_MAX; kind <= REDUCTION_MEAN_SQUARE; kind++) {
            char name[80];
            struct builder b = begin (s);
            graph_output (b.g, graph_reduce (b.g, NULL, 0, (enum reduction)kind));
            graph_output (b.g, graph_reduce_channels (b.g, NULL, 0, (enum reduction)kind));
            snprintf (name, sizeof name, "reduction %d of shape %d", kind, s);
            run_everywhere (name, &b, 0, NULL);
        }
    }
}

/* The norm with nothing behind it, and with everything that its stores can do. */
static void norm_case (int shape, bool layer, struct normalise how)
{
    char name[100];
    struct builder b = begin (shape);
    int norm = layer ? graph_layer_norm (b.g, NULL, 0, &how) : graph_group_norm (b.g, NULL, 0, &how);
    graph_output (b.g, norm);
    norm = layer ? graph_layer_norm (b.g, NULL, 0, &how) : graph_group_norm (b.g, NULL, 0, &how);
    norm = graph_add (b.g, NULL, build_batch_norm (&b, norm), 0);
    graph_output (b.g, build_affine (&b, build_activation (&b, norm, (struct activation) { .kind = ACTIVATION_SILU })));
    snprintf (name, sizeof name, "%s norm of shape %d, %d groups, %s", layer ? "layer" : "group", shape, how.groups,
              how.uncentred ? "uncentred" : "centred");
    run_everywhere (name, &b, 0, NULL);
}

static void check_norms (void)
{
    check_group ("normalisations");
    for (int s = 1; s < SHAPES; s++) {
        norm_case (s, true, (struct normalise) { .epsilon = 1e-6f });
        norm_case (s, true, (struct normalise) { .epsilon = 1e-6f, .uncentred = true });
        for (int groups = 1; groups <= shapes[s][0]; groups++) {
            if (shapes[s][0] % groups == 0)
                norm_case (s, false, (struct normalise) { groups, groups % 3 == 0, 1e-5f });
        }
    }
}

/* A large mean beside a small variance: what one pass over squares gets wrong by as much as it is. */
static void check_offset (void)
{
    enum { CHANNELS = 20, PIXELS = 35 };
    float input[CHANNELS * PIXELS];
    check_group ("normalisations of what is far from 0");
    for (int layer = 0; layer < 2; layer++) {
        struct builder b = builder_new (9, CHANNELS, 5, 7);
        struct normalise how = { .groups = layer ? 1 : 4, .epsilon = 1e-6f };
        for (int i = 0; i < CHANNELS * PIXELS; i++)
            input[i] = 1000 + random_float (&b, -1, 1);
        graph_output (b.g, layer ? graph_layer_norm (b.g, NULL, 0, &how) : graph_group_norm (b.g, NULL, 0, &how));
        run_everywhere (layer ? "layer norm" : "group norm", &b, 0, input);
    }
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static void check_functions (void)
{
    static const struct activation functions[] = {
        { .kind = ACTIVATION_EXP },      { .kind = ACTIVATION_LOG },       { .kind = ACTIVATION_SQRT },
        { ACTIVATION_RECIPROCAL, 0, 0 }, { ACTIVATION_POWER, 3, 1 },       { ACTIVATION_POWER, 0.25f, 1 },
        { ACTIVATION_POWER, -0.75f, 1 }, { ACTIVATION_LEAKY_RELU, -1, 0 },
    };
    enum { COUNT = 20 * 6 * 7 };
    float input[COUNT];
    check_group ("functions");
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        struct builder b = builder_new (k, 20, 6, 7);
        char name[80];
        for (int i = 0; i < COUNT; i++)
            input[i] = random_float (&b, k == 7 ? -9 : 0.01f, 9);
        graph_output (b.g, graph_function (b.g, NULL, 0, functions[k]));
        snprintf (name, sizeof name, "%s", graph_tensor (b.g, 1).operation);
        CHECK (!strcmp (name, k == 7 ? "abs" : activation_name (functions[k].kind)), "operation %s", name);
        run_everywhere (name, &b, 0, input);
    }
}

/* Odd powers keep the sign, even ones lose it, others have no value below 0. */
static void check_signs (void)
{
    static const struct {
        float alpha, beta, expected;
    } cases[] = { { 3, -1, -8 }, { 4, 1, 16 }, { 0.5f, NAN, NAN } };
    check_group ("powers of what is below 0");
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct builder b = builder_new (1, 1, 1, 1);
        const float input = -2;
        graph_output (b.g, graph_function (b.g, NULL, 0,
                                           (struct activation) { ACTIVATION_POWER, cases[k].alpha, cases[k].beta }));
        for (const char *const *isa = engine_isas (); *isa; isa++) {
            struct plan *plan = plan_new (b.g, &(struct plan_options) { .threads = 1, .isa = *isa }, NULL);
            plan_run (plan, &input);
            double got = plan_output (plan, 0)->data[0], want = cases[k].expected;
            CHECK (isnan (want) ? isnan (got) : fabs (got - want) < 1e-5 * fabs (want), "%s: %g instead of %g", *isa,
                   got, want);
            plan_free (plan);
        }
        graph_unref (b.g);
    }
}

/* What plan_options.activation replaces: activations, but neither functions nor a clip in front of one. */
static void check_replacing (void)
{
    const float input[2] = { -4, 9 };
    const struct activation leaky = { ACTIVATION_LEAKY_RELU, 0.5f, 0 };
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "x", 2, 1, 1);
    int clip = graph_activation (g, NULL, x, (struct activation) { ACTIVATION_CLIP, 1, 16 });
    graph_output (g, graph_function (g, NULL, clip, (struct activation) { .kind = ACTIVATION_SQRT }));
    graph_output (g, graph_activation (g, NULL, x, (struct activation) { .kind = ACTIVATION_RELU }));
    graph_output (g, graph_function (g, NULL, x, (struct activation) { ACTIVATION_LEAKY_RELU, -1, 0 }));
    check_group ("functions are not replaced");
    struct plan *plan = plan_new (g, &(struct plan_options) { .threads = 1, .activation = &leaky }, NULL);
    plan_run (plan, input);
    static const float expected[3][2] = { { 1, 3 }, { -2, 9 }, { 4, 9 } };
    for (int i = 0; i < 3; i++) {
        const float *made = plan_output (plan, i)->data;
        CHECK (fabsf (made[0] - expected[i][0]) < 1e-5f && fabsf (made[1] - expected[i][1]) < 1e-5f,
               "output %d is %g, %g", i, (double)made[0], (double)made[1]);
    }
    plan_free (plan);
    graph_unref (g);
}

static void check_maxima (void)
{
    check_group ("maxima");
    for (int s = 0; s < SHAPES; s++) {
        struct builder b = begin (s);
        int norm = build_batch_norm (&b, 0);
        graph_output (b.g, build_batch_norm (&b, graph_max (b.g, NULL, 0, norm)));
        graph_output (b.g, graph_max (b.g, NULL, graph_reduce (b.g, NULL, 0, REDUCTION_MEAN), norm));
        graph_output (b.g, graph_max (b.g, NULL, norm, graph_reduce_channels (b.g, NULL, 0, REDUCTION_MEAN)));
        run_everywhere ("max", &b, 0, NULL);
    }
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* Half-pixel centres; whole = the nearest ones. `more` is how far they may lie outside. */
static void fill_places (double *to, int count, int size, bool whole, double more)
{
    for (int i = 0; i < count; i++) {
        double at = fmin (fmax ((i + 0.5) * size / count - 0.5, -more), size - 1 + more);
        to[i] = whole ? fmax (floor (at), 0) : at;
    }
}

static void check_sizes (void)
{
    static const int sizes[][2] = { { 1, 1 }, { 7, 3 }, { 16, 16 }, { 22, 51 } };
    check_group ("resizing");
    for (int s = 0; s < SHAPES; s++) {
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            double row[64], column[64];
            struct builder b = begin (s);
            struct resampling resize = { sizes[k][0], sizes[k][1], row, column };
            fill_places (row, resize.height, shapes[s][1], k % 2, 0);
            fill_places (column, resize.width, shapes[s][2], k % 3 == 2, 0);
            graph_output (b.g, graph_resize (b.g, NULL, 0, &resize));
            run_everywhere ("resize", &b, 0, NULL);
            for (int inside = 0; inside < 2; inside++) {
                b = begin (s);
                resize = (struct resampling) { sizes[k][0], sizes[k][1], row, column, true, k % 2 ? -0.5f : -0.75f };
                resize.inside = inside;
                fill_places (row, resize.height, shapes[s][1], false, 1);
                fill_places (column, resize.width, shapes[s][2], k % 3 == 2, 0.75);
                graph_output (b.g, graph_resize (b.g, NULL, 0, &resize));
                run_everywhere (inside ? "cubic resize, inside" : "cubic resize", &b, 0, NULL);
            }
        }
    }
    check_group ("pixels out of channels");
    static const struct depth_to_space blocks[] = { { 1, 1, false }, { 2, 2, false }, { 2, 2, true },
                                                    { 1, 4, false }, { 4, 1, true },  { 4, 2, false } };
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) {
        for (int channels = 8; channels <= 128; channels *= 2) {
            struct builder b = builder_new (k, channels, 5, 6);
            graph_output (b.g, graph_depth_to_space (b.g, NULL, 0, &blocks[k]));
            run_everywhere ("depth to space", &b, 0, NULL);
        }
    }
}

/* Averages of dilated windows, with padding counted and not. */
static void check_dilated_averages (void)
{
    check_group ("dilated averages");
    for (int k = 0; k < 24; k++) {
        struct builder b = builder_new ((uint64_t)k, 5, 9, 11);
        struct pool pool = {
            .kind = POOL_AVERAGE, .kernel_h = 2 + k % 2, .kernel_w = 1 + k % 3, .ceil_mode = k % 5 == 0
        };
        pool.stride_h = 1 + k % 2;
        pool.stride_w = 1 + k / 2 % 2;
        pool.dilation_h = 1 + k / 2 % 3;
        pool.dilation_w = 1 + k / 3 % 3;
        pool.pad_top = pool.pad_bottom = k % 2;
        pool.pad_right = (pool.kernel_w - 1) * pool.dilation_w;
        pool.count_include_pad = k / 4 % 2;
        graph_output (b.g, graph_pool (b.g, NULL, 0, &pool));
        run_everywhere ("average", &b, 0, NULL);
    }
}

/* ---- refused ----------------------------------------------------------------------------------------------------- */

static void refused (struct graph *g, int id, const char *expected)
{
    const char *error = graph_error (g);
    CHECK (id == -1 && error && strstr (error, expected), "'%s' instead of '%s'", error ? error : "", expected);
    graph_unref (g);
}

static struct graph *fresh (void)
{
    struct graph *g = graph_new (NULL);
    graph_input (g, "x", 8, 4, 5);
    return g;
}

#define BAD(expected, call)                                                                                            \
    do {                                                                                                               \
        struct graph *g = fresh ();                                                                                    \
        int id = call;                                                                                                 \
        refused (g, id, expected);                                                                                     \
    } while (0)
#define BAD_NORM(expected, ...) BAD (expected, graph_group_norm (g, "bad", 0, &(struct normalise) { __VA_ARGS__ }))
#define BAD_FUNCTION(expected, ...) BAD (expected, graph_function (g, "bad", 0, (struct activation) { __VA_ARGS__ }))
#define BAD_SIZE(expected, ...) BAD (expected, graph_resize (g, "bad", 0, &(struct resampling) { __VA_ARGS__ }))
#define BAD_BLOCK(expected, ...)                                                                                       \
    BAD (expected, graph_depth_to_space (g, "bad", 0, &(struct depth_to_space) { __VA_ARGS__ }))

static void check_refused (void)
{
    static const double places[4] = { 0, 1, 2, 3 }, below[1] = { -0.01 }, above[1] = { 3.01 }, none[1] = { NAN },
                        far_below[1] = { -1.01 }, edge[1] = { -1 };
    check_group ("refused");
    BAD ("reduction number 7", graph_reduce (g, "bad", 0, (enum reduction)7));
    BAD ("reduction number -1", graph_reduce_channels (g, "bad", 0, (enum reduction) - 1));
    BAD ("tensor 9", graph_reduce (g, "bad", 9, REDUCTION_MAX));
    BAD ("no parameters", graph_group_norm (g, "bad", 0, NULL));
    BAD ("no parameters", graph_layer_norm (g, "bad", 0, NULL));
    BAD ("no parameters", graph_resize (g, "bad", 0, NULL));
    BAD ("no parameters", graph_depth_to_space (g, "bad", 0, NULL));
    BAD ("2 groups, only 1", graph_layer_norm (g, "bad", 0, &(struct normalise) { .groups = 2 }));
    BAD_NORM ("8 channels in 3 groups", .groups = 3);
    BAD_NORM ("8 channels in 16 groups", .groups = 16);
    BAD_NORM ("8 channels in -1 groups", .groups = -1);
    BAD_NORM ("epsilon is nan", .epsilon = NAN);
    BAD_NORM ("epsilon is inf", .epsilon = INFINITY);
    BAD_NORM ("epsilon is -1", .epsilon = -1);
    BAD_FUNCTION ("function number", .kind = ACTIVATION_RELU);
    BAD_FUNCTION ("function number", .kind = ACTIVATION_LEAKY_RELU, .alpha = 1);
    BAD_FUNCTION ("function number", .kind = (enum activation_kind)1000);
    BAD_FUNCTION ("exponent is 0", .kind = ACTIVATION_POWER);
    BAD_FUNCTION ("exponent is nan", .kind = ACTIVATION_POWER, .alpha = NAN);
    BAD ("exp is a function", graph_activation (g, "bad", 0, (struct activation) { .kind = ACTIVATION_EXP }));
    BAD ("do not fit together",
         graph_max (g, "bad", 0, graph_depth_to_space (g, "y", 0, &(struct depth_to_space) { 2, 2, 0 })));
    BAD_SIZE ("0x4", 0, 4, places, places);
    BAD_SIZE ("-3", -3, 4, places, places);
    BAD_SIZE ("larger than the limit", 1 << 20, 1 << 20, places, places);
    BAD_SIZE ("no rows are given", 4, 4, NULL, places);
    BAD_SIZE ("no columns are given", 4, 4, places, NULL);
    BAD_SIZE ("row 0 is to be made from -0.01", 1, 4, below, places);
    BAD_SIZE ("row 0 is to be made from 3.01", 1, 4, above, places);
    BAD_SIZE ("column 0 is to be made from nan", 4, 1, places, none);
    BAD_SIZE ("row 0 is to be made from -1.01", 1, 4, far_below, places, true, -0.5f);
    BAD_SIZE ("row 0 is to be made from -1, the input has 4, whose weights add up to nothing", 1, 4, edge, places, true,
              -0.5f, true);
    BAD_SIZE ("column 0 is to be made from nan", 4, 1, places, none, true, -0.5f);
    BAD_SIZE ("coefficient is nan", 4, 4, places, places, true, NAN);
    BAD_SIZE ("coefficient is -16.5, the limit is 16", 4, 4, places, places, true, -16.5f);
    BAD_BLOCK ("blocks of 0x2", 0, 2, false);
    BAD_BLOCK ("blocks of 3x1", 3, 1, false);
    BAD_BLOCK ("blocks of 65536x65536", 65536, 65536, false);
    BAD_BLOCK ("blocks of -2x-2", -2, -2, true);
}

int main (void)
{
    check_reductions ();
    check_norms ();
    check_offset ();
    check_functions ();
    check_signs ();
    check_replacing ();
    check_maxima ();
    check_sizes ();
    check_dilated_averages ();
    check_refused ();
    return check_end ();
}
