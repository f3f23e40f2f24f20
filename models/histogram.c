/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram.c: counts by the bits of a float; see histogram.h. */
#include "models/histogram.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { ENOUGH = 65536, ENDS = 24, SHIFT = 20 };
static const double cut_weight = 3;

/* The exponent and three bits of the mantissa; HISTOGRAM_BINS and more: no number. */
static uint32_t bin_of (float x)
{
    uint32_t bits;
    memcpy (&bits, &x, sizeof bits);
    return (bits & 0x7fffffff) >> SHIFT;
}

/* The middle of a bin. */
static double bin_value (uint32_t bin)
{
    uint32_t bits = bin << SHIFT | UINT32_C (1) << (SHIFT - 1);
    float x;
    memcpy (&x, &bits, sizeof x);
    return (double)x;
}

void histogram_add (struct histogram *h, const float *x, size_t count)
{
    size_t apart = count / ENOUGH | 1; /* odd, so that no column of a picture is met again and again */
    for (size_t i = 0; i < count; i += apart) {
        uint32_t bin = bin_of (x[i]);
        if ((x[i] < 0 || x[i] > 0) && bin < HISTOGRAM_BINS)
            h->count[x[i] < 0][bin]++;
    }
}

/* The e-th of the ends that are tried. */
static double end_of (double outer, int e)
{
    return outer * (1 - 0.04 * e);
}

/* The squared error of what is cut at each of the ends, which lie at parts of `outer`. */
static void cut_errors (const uint64_t count[HISTOGRAM_BINS], double outer, double errors[ENDS])
{
    int top = (int)bin_of ((float)outer);
    for (int e = 0; e < ENDS; e++) {
        double end = end_of (outer, e);
        errors[e] = 0;
        for (int b = top; b >= 0 && bin_value ((uint32_t)b) > end; b--) {
            double beyond = bin_value ((uint32_t)b) - end;
            errors[e] += (double)count[b] * beyond * beyond;
        }
    }
}

void histogram_narrow (const struct histogram *h, float *low, float *high)
{
    double outer[2] = { (double)*high, -(double)*low }, errors[2][ENDS], all = 0, best = INFINITY;
    int ends[2] = { 0, 0 };
    if (!(*low <= 0 && *low >= -FLT_MAX && *high >= 0 && *high <= FLT_MAX))
        return;
    for (int side = 0; side < 2; side++) {
        cut_errors (h->count[side], outer[side], errors[side]);
        for (int b = 0; b < HISTOGRAM_BINS; b++)
            all += (double)h->count[side][b];
    }
    for (int above = 0; above < ENDS; above++)
        for (int below = 0; below < ENDS; below++) {
            double step = (end_of (outer[0], above) + end_of (outer[1], below)) / 255;
            double error = cut_weight * (errors[0][above] + errors[1][below]) + all * step * step / 12;
            if (error < best) {
                best = error;
                ends[0] = above;
                ends[1] = below;
            }
        }
    *high = (float)end_of (outer[0], ends[0]);
    *low = -(float)end_of (outer[1], ends[1]);
}
