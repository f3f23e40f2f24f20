/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_histogram.c: ranges by how numbers are spread, beside a search over the numbers themselves. */
#include "tests/check_models.h"

#include "models/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 60000 };

/* Three times what is cut, squared, and what 255 steps leave. */
static double error_of (const float *x, int count, double low, double high)
{
    double error = 0, step = (high - low) / 255;
    for (int i = 0; i < count; i++) {
        double v = (double)x[i], off = v > high ? v - high : v < low ? low - v : 0;
        error += 3 * off * off + (v < 0 || v > 0 ? step * step / 12 : 0);
    }
    return error;
}

/* Numbers of one kind, scaled: heavy tails of one sign or both, all alike, two far from the others. */
static void make (float *x, int kind, float scale)
{
    fill (x, MANY, (unsigned)kind);
    for (int i = 0; i < MANY; i++) {
        float v = x[i], magnitude = powf (-logf (fabsf (v) + 1e-6f), 2);
        float tailed = v < 0 ? -magnitude : magnitude;
        x[i] = scale * (kind == 0 ? tailed : kind == 1 ? fmaxf (tailed, 0) : kind == 2 ? v : i < 2 ? 50 * v : v);
    }
}

static void check_kind (int kind, float scale)
{
    static struct histogram h;
    static float x[MANY];
    float low = 0, high = 0;
    memset (&h, 0, sizeof h);
    make (x, kind, scale);
    for (int i = 0; i < MANY; i++) {
        low = fminf (low, x[i]);
        high = fmaxf (high, x[i]);
    }
    double least = INFINITY, outer[2] = { (double)low, (double)high };
    for (int below = 0; below < 24; below++)
        for (int above = 0; above < 24; above++)
            least = fmin (least, error_of (x, MANY, outer[0] * (1 - 0.04 * below), outer[1] * (1 - 0.04 * above)));
    histogram_add (&h, x, MANY);
    histogram_narrow (&h, &low, &high);
    double mine = error_of (x, MANY, (double)low, (double)high), whole = error_of (x, MANY, outer[0], outer[1]);
    CHECK (mine <= 1.12 * least && (kind != 0 || mine < 0.99 * whole), "kind %d x %g: %g .. %g, error %g of %g and %g",
           kind, (double)scale, (double)low, (double)high, mine, least, whole);
}

static void check_odd (void)
{
    static struct histogram h;
    static float same[300001];
    static const float odd[] = { NAN, INFINITY, -INFINITY, 0, -0.0f, 1e-45f, -1e-45f, 3e38f, -3e38f };
    float low = 0, high = 0;
    uint64_t all = 0;
    histogram_narrow (&h, &low, &high);
    CHECK (!(low < 0) && !(high > 0), "of nothing: %g .. %g", (double)low, (double)high);
    histogram_add (&h, odd, sizeof odd / sizeof *odd);
    for (int b = 0; b < HISTOGRAM_BINS; b++)
        all += h.count[0][b] + h.count[1][b];
    CHECK (all == 4, "%llu of odd numbers", (unsigned long long)all);
    low = -3e38f;
    high = 3e38f;
    histogram_narrow (&h, &low, &high);
    CHECK (low <= -2.9e38f && high >= 2.9e38f, "giants: %g .. %g", (double)low, (double)high);
    low = -INFINITY;
    high = NAN;
    histogram_narrow (&h, &low, &high);
    CHECK (isinf (low) && isnan (high), "not finite: %g .. %g", (double)low, (double)high);
    memset (&h, 0, sizeof h);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        same[i] = -2;
    histogram_add (&h, same, sizeof same / sizeof *same);
    CHECK (h.count[1][(127 + 1) * 8] >= 60000 && h.count[1][(127 + 1) * 8] <= 65536, "%llu of many",
           (unsigned long long)h.count[1][(127 + 1) * 8]);
}

void check_histogram (void)
{
    check_group ("histograms");
    for (int kind = 0; kind < 4; kind++)
        for (int s = -2; s <= 2; s++)
            check_kind (kind, powf (10, (float)s * 9));
    check_odd ();
}
