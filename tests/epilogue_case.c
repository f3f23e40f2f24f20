/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* epilogue_case.c: see epilogue_case.h. The activations themselves are reference.c's. */
#include "tests/epilogue_case.h"

#include "tests/reference.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const double eps = FLT_EPSILON / 2; /* of one rounding to nearest */

static struct guarded random_array (int count)
{
    struct guarded g = guarded_new ((size_t)count, ALIGNED_TO_BLOCK, true);
    guarded_random (&g);
    return g;
}

struct epilogue_case epilogue_case_new (int index, int channels)
{
    static const enum activation_kind clamps[CLAMPS] = { ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_CLIP };
    struct epilogue_case f = { .epilogue = { .low = -INFINITY, .high = INFINITY } };
    struct activation *a = &f.epilogue.activation;
    bool affine = index >= CLAMPS + ACTIVATION_KINDS;
    f.epilogue.clamp_only = index < CLAMPS;
    a->kind = f.epilogue.clamp_only ? clamps[index] : (enum activation_kind) ((index - CLAMPS) % ACTIVATION_KINDS);
    a->alpha = random_float ();
    a->beta = random_float ();
    if (a->kind == ACTIVATION_CLIP) {
        a->alpha = -0.25f;
        a->beta = 0.75f;
    }
    if (f.epilogue.clamp_only && a->kind != ACTIVATION_NONE) {
        f.epilogue.low = a->kind == ACTIVATION_RELU ? 0 : a->alpha;
        f.epilogue.high = a->kind == ACTIVATION_RELU ? INFINITY : a->beta;
    }
    bool rounds = a->kind == ACTIVATION_ROUND || a->kind == ACTIVATION_REQUANTISE;
    if (a->kind == ACTIVATION_PRELU || rounds) {
        f.slope = random_array (channels);
        f.epilogue.slope = f.slope.data;
    }
    for (int c = 0; rounds && c < channels; c++)
        f.slope.data[c] = 0.05f + fabsf (f.slope.data[c]);
    if (rounds) {
        a->alpha = -30;
        a->beta = 47;
    }
    if (affine) {
        f.scale = random_array (channels);
        f.shift = random_array (channels);
        f.epilogue.post_scale = f.scale.data;
        f.epilogue.post_shift = f.shift.data;
    }
    snprintf (f.name, sizeof f.name, "activation %d%s%s", (int)a->kind, f.epilogue.clamp_only ? ", a clamp" : "",
              affine ? ", affine" : "");
    return f;
}

void epilogue_case_free (struct epilogue_case *f)
{
    guarded_free (&f->slope);
    guarded_free (&f->scale);
    guarded_free (&f->shift);
}

void epilogue_expect (const struct epilogue *epilogue, int channel, double sum, double magnitude, int roundings,
                      double *value, double *bound)
{
    struct activation a = epilogue->activation;
    double slope = epilogue->slope ? epilogue->slope[channel] : 0;
    double steepest = 1.5 * fmax (1, fmax (fabs (slope), fabs ((double)a.alpha)));
    double y = reference_activation (a, slope, sum);
    double error = roundings * eps * magnitude;
    bool straddles = a.kind == ACTIVATION_RECIPROCAL || a.kind == ACTIVATION_POWER; /* 0, where they have a pole */
    if (activation_is_function (a.kind) && (isnan (y) || (straddles && fabs (sum) <= error)))
        error = INFINITY;
    else if (a.kind == ACTIVATION_ROUND || a.kind == ACTIVATION_REQUANTISE || a.kind == ACTIVATION_THRESHOLDED_RELU ||
             activation_is_function (a.kind)) { /* which jump, or get steep, but rise or fall all the way */
        double up = reference_activation (a, slope, sum + error), down = reference_activation (a, slope, sum - error);
        bool nowhere = isnan (up) || isnan (down); /* a logarithm or root at 0 */
        error = nowhere ? INFINITY : fmax (fabs (up - y), fabs (down - y)) + reference_activation_error (a, sum, y);
    } else if (a.kind != ACTIVATION_NONE && !(a.kind == ACTIVATION_RELU && sum < -error))
        error = error * steepest + reference_activation_error (a, sum, y);
    if (epilogue->post_scale) {
        double scale = epilogue->post_scale[channel], shift = epilogue->post_shift[channel];
        error = error * fabs (scale) + 2 * eps * (fabs (y * scale) + fabs (shift));
        y = y * scale + shift;
    }
    *value = y;
    *bound = isnan (y) && !isnan (sum) ? INFINITY : error; /* -inf times 0: NaN, or what comes near it */
}
