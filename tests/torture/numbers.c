/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* numbers.c: how far one number that is none goes, with each method; and that no number of threads changes a bit. */
#include "tests/torture/torture.h"

#include "engine/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 24, CHANNELS_MOST = 128 };

static float *weights_of (size_t count)
{
    float *weights = malloc (count * sizeof *weights);
    for (size_t i = 0; i < count; i++)
        weights[i] = (float)(i * 37 % 101) / 101 - 0.5f;
    return weights;
}

/* Strassen's method is for deep layers. */
static int channels_of (int kernel)
{
    return kernel == 1 ? CHANNELS_MOST : 16;
}

/* One convolution of `kernel` x `kernel`. */
static struct graph *one_layer (int kernel)
{
    struct graph *g = graph_new (NULL);
    int channels = channels_of (kernel);
    struct conv conv = { .out_channels = channels, .kernel_h = kernel, .kernel_w = kernel };
    conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = kernel / 2;
    float *weights = weights_of ((size_t)(channels * channels * kernel * kernel));
    int x = graph_input (g, "x", channels, SIDE, SIDE);
    graph_output (g, graph_conv (g, "y", x, &conv, weights, NULL));
    free (weights);
    return g;
}

/* The most outputs of a channel that are none when one pixel of one channel is. */
static int spread (struct graph *g, enum algorithm algorithm, const char *isa, float none)
{
    struct error error;
    struct plan_options options = { .threads = 1, .algorithm = algorithm, .isa = isa };
    struct plan *plan = plan_new (g, &options, &error);
    if (!CHECK (plan, "%s", error.text))
        return -1;
    static float input[CHANNELS_MOST * SIDE * SIDE];
    int most = 0;
    for (int pixel = 0; pixel < SIDE * SIDE; pixel += 5) {
        input[pixel] = none;
        plan_run (plan, input);
        input[pixel] = 0;
        const float *out = plan_output (plan, 0)->data;
        for (int c = 0; c < plan_output (plan, 0)->channels; c++) {
            int count = 0;
            for (int i = 0; i < SIDE * SIDE; i++)
                count += !isfinite (out[c * SIDE * SIDE + i]);
            most = count > most ? count : most;
        }
    }
    plan_free (plan);
    return most;
}

static void check_spread (const void *data)
{
    static const struct {
        const char *name;
        enum algorithm algorithm;
        int kernel, most;
        int shared; /* so many more where a pixel is in two pairs, as the tile of an instruction set has it */
    } methods[] = {
        { "direct, 3x3", ALGORITHM_DIRECT, 3, 9, 0 }, { "F(2,3)", ALGORITHM_F23, 3, 9, 0 },
        { "F(4x2,3)", ALGORITHM_F42, 3, 15, 0 },      { "F(4,3)", ALGORITHM_F43, 3, 25, 0 },
        { "direct, 1x1", ALGORITHM_DIRECT, 1, 1, 0 }, { "Strassen", ALGORITHM_STRASSEN, 1, 2, 1 },
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct graph *g = one_layer (methods[i].kernel);
        int most = 0;
        for (const char *const *isa = engine_isas (); *isa; isa++)
            for (int kind = 0; kind < 2; kind++) {
                int count = spread (g, methods[i].algorithm, *isa, kind ? (float)NAN : INFINITY);
                most = count > most ? count : most;
                CHECK (count == methods[i].most || count == methods[i].most + methods[i].shared,
                       "%s, %s: %d outputs of a channel", methods[i].name, *isa, count);
            }
        printf ("# %s: one pixel that is no number makes %d outputs of a channel none\n", methods[i].name, most);
        graph_unref (g);
    }
}

static void check_threads (const void *data)
{
    struct graph *g = one_layer (3);
    struct error error;
    static float input[16 * SIDE * SIDE], expected[16 * SIDE * SIDE];
    for (int i = 0; i < 16 * SIDE * SIDE; i++)
        input[i] = (float)(i * 31 % 97) / 97;
    for (int threads = 1; threads <= 64; threads++) {
        struct plan *plan = plan_new (g, &(struct plan_options) { .threads = threads }, &error);
        if (!CHECK (plan, "%d threads: %s", threads, error.text))
            break;
        plan_run (plan, input);
        if (threads == 1)
            memcpy (expected, plan_output (plan, 0)->data, sizeof expected);
        CHECK (!memcmp (expected, plan_output (plan, 0)->data, sizeof expected), "%d threads", threads);
        plan_free (plan);
    }
    graph_unref (g);
}

void torture_numbers (void)
{
    check_group ("numbers");
    alone ("C8 C9 what is no number", check_spread, NULL, 120);
    alone ("C13 1 to 64 threads", check_threads, NULL, 120);
}
