/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reference_arithmetic.c: reductions, normalisations, functions, maxima, resizing and pixels made from channels, by
 * their definitions, in double precision. */
#include "tests/reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The numbers of one statistic: `count` of them from `first` on, `apart` from each other. */
struct group {
    size_t first, count, apart;
};

static double mean_of (const double *in, struct group g, double centre, bool squares)
{
    double sum = 0;
    for (size_t i = 0; i < g.count; i++) {
        double x = in[g.first + i * g.apart] - (squares ? centre : 0);
        sum += squares ? x * x : x;
    }
    return sum / (double)g.count;
}

static double largest_of (const double *in, struct group g)
{
    double largest = -INFINITY;
    for (size_t i = 0; i < g.count; i++) {
        double x = in[g.first + i * g.apart];
        largest = isnan (x) || x > largest ? x : largest;
    }
    return largest;
}

/* d mean (x^2) is at most 2 mean (|x| |dx|). */
static void reduce_group (enum reduction kind, const double *in, const double *in_magnitude, struct group g,
                          double *out, double *magnitude)
{
    double terms = 0;
    for (size_t i = 0; i < g.count; i++) {
        size_t at = g.first + i * g.apart;
        if (kind == REDUCTION_MAX)
            terms = fmax (terms, in_magnitude[at]);
        else
            terms +=
                (kind == REDUCTION_MEAN ? in_magnitude[at] : 3 * fabs (in[at]) * in_magnitude[at]) / (double)g.count;
    }
    *out = kind == REDUCTION_MAX ? largest_of (in, g) : mean_of (in, g, 0, kind == REDUCTION_MEAN_SQUARE);
    *magnitude = terms;
}

static void run_reduce (const struct node *node, const struct node *in, const double *values, const double *magnitudes,
                        double *out, double *magnitude)
{
    size_t pixels = (size_t)in->height * (size_t)in->width, channels = (size_t)in->channels;
    bool over_pixels = node->operation == OPERATION_REDUCE;
    for (size_t i = 0; i < (over_pixels ? channels : pixels); i++) {
        struct group g =
            over_pixels ? (struct group) { i * pixels, pixels, 1 } : (struct group) { i, channels, pixels };
        reduce_group (node->u.reduce, values, magnitudes, g, &out[i], &magnitude[i]);
    }
}

/* y = (x - m) / s. With every x off by at most dx: m is off by dx, s by about dx, y by (2 dx + |y| dx) / s. */
static void normalise_group (const struct normalise *how, const double *in, const double *in_magnitude, struct group g,
                             double *out, double *magnitude)
{
    double centre = how->uncentred ? 0 : mean_of (in, g, 0, false), most = 0;
    double root = sqrt (mean_of (in, g, centre, true) + (double)how->epsilon);
    for (size_t i = 0; i < g.count; i++)
        most = fmax (most, in_magnitude[g.first + i * g.apart]);
    for (size_t i = 0; i < g.count; i++) {
        size_t at = g.first + i * g.apart;
        out[at] = (in[at] - centre) / root;
        magnitude[at] = (most * (2 + fabs (out[at]))) / root + fabs (out[at]);
    }
}

static void run_normalise (const struct node *node, const double *values, const double *magnitudes, double *out,
                           double *magnitude)
{
    const struct normalise *how = &node->u.normalise;
    size_t pixels = (size_t)node->height * (size_t)node->width, channels = (size_t)node->channels;
    size_t size = channels / (size_t)how->groups * pixels;
    bool groups = node->operation == OPERATION_GROUP_NORM;
    for (size_t i = 0; i < (groups ? (size_t)how->groups : pixels); i++) {
        struct group g = groups ? (struct group) { i * size, size, 1 } : (struct group) { i, channels, pixels };
        normalise_group (how, values, magnitudes, g, out, magnitude);
    }
}

/* How much an error of x is enlarged there. */
static double steepness_at (struct activation function, double x, double y)
{
    switch (function.kind) {
    case ACTIVATION_EXP:
        return y;
    case ACTIVATION_LOG:
        return 1 / x;
    case ACTIVATION_SQRT:
        return 0.5 / y;
    case ACTIVATION_RECIPROCAL:
        return y * y;
    case ACTIVATION_POWER:
        return fabs ((double)function.alpha * y / x);
    default:
        return 1;
    }
}

static void run_function (const struct node *node, const double *in, const double *in_magnitude, double *out,
                          double *magnitude)
{
    struct activation function = node->u.activation.what;
    size_t count = (size_t)node->channels * (size_t)node->height * (size_t)node->width;
    for (size_t i = 0; i < count; i++) {
        out[i] = reference_activation (function, 0, in[i]);
        magnitude[i] = fmin (steepness_at (function, in[i], out[i]), 1e30) * in_magnitude[i] + fabs (out[i]);
        magnitude[i] += reference_activation_error (function, in[i], out[i]) / (16 * FLT_EPSILON / 2);
    }
}

/* Where (c, y, x) of the output is read from in an operand that may repeat. */
static size_t repeated_at (const struct node *in, int c, int y, int x)
{
    c = in->channels == 1 ? 0 : c;
    y = in->height == 1 ? 0 : y;
    x = in->width == 1 ? 0 : x;
    return ((size_t)c * (size_t)in->height + (size_t)y) * (size_t)in->width + (size_t)x;
}

static void run_max (const struct graph *g, const struct node *node, const double *const *values,
                     const double *const *magnitudes, double *out, double *magnitude)
{
    const struct node *a = &g->nodes[node->inputs[0]], *b = &g->nodes[node->inputs[1]];
    for (int c = 0; c < node->channels; c++) {
        for (int y = 0; y < node->height; y++) {
            for (int x = 0; x < node->width; x++) {
                size_t i = repeated_at (a, c, y, x), j = repeated_at (b, c, y, x);
                double p = values[0][i], q = values[1][j];
                *out++ = isnan (p) || p > q ? p : q;
                *magnitude++ = fmax (magnitudes[0][i], magnitudes[1][j]);
            }
        }
    }
}

/* Pixel (y, x) of a plane, between pixels where they are not whole. */
static double plane_at (const double *plane, const struct node *in, double y, double x)
{
    int top = (int)floor (y), left = (int)floor (x);
    double sum = 0;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) {
            double share = (i ? y - top : 1 - (y - top)) * (j ? x - left : 1 - (x - left));
            if (share > 0)
                sum += share * plane[(top + i) * in->width + left + j];
        }
    }
    return sum;
}

/* Keys' cubic of coefficient a: 1 at 0, 0 at 1 and 2. */
static double keys (double a, double x)
{
    x = fabs (x);
    if (x < 1)
        return (a + 2) * x * x * x - (a + 3) * x * x + 1;
    return x < 2 ? a * x * x * x - 5 * a * x * x + 8 * a * x - 4 * a : 0;
}

static int within (int i, int size)
{
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/* The same between the sixteen around it; of absolute weights where `magnitude` is wanted. */
static double cubic_at (const double *plane, const struct node *in, const struct resampling *resize, const double at[2],
                        bool magnitude)
{
    double sum = 0, all = 0;
    for (int y = (int)floor (at[0]) - 1; y <= floor (at[0]) + 2; y++) {
        for (int x = (int)floor (at[1]) - 1; x <= floor (at[1]) + 2; x++) {
            double share =
                keys ((double)resize->coefficient, y - at[0]) * keys ((double)resize->coefficient, x - at[1]);
            bool outside = y != within (y, in->height) || x != within (x, in->width);
            if (outside && resize->inside)
                continue;
            all += share;
            sum +=
                (magnitude ? fabs (share) : share) * plane[within (y, in->height) * in->width + within (x, in->width)];
        }
    }
    return resize->inside ? sum / (magnitude ? fabs (all) : all) : sum;
}

static void run_resize (const struct node *node, const struct node *in, const double *values, double *out,
                        bool magnitude)
{
    const struct resampling *resize = &node->u.resize;
    for (int c = 0; c < node->channels; c++, values += in->height * in->width) {
        for (int y = 0; y < node->height; y++) {
            for (int x = 0; x < node->width; x++) {
                const double at[2] = { resize->row[y], resize->column[x] };
                *out++ =
                    resize->cubic ? cubic_at (values, in, resize, at, magnitude) : plane_at (values, in, at[0], at[1]);
            }
        }
    }
}

static void run_depth_to_space (const struct node *node, const struct node *in, const double *values, double *out)
{
    const struct depth_to_space *how = &node->u.depth_to_space;
    int h = how->block_h, w = how->block_w;
    for (int c = 0; c < node->channels; c++) {
        for (int y = 0; y < node->height; y++) {
            for (int x = 0; x < node->width; x++) {
                int i = y % h, j = x % w;
                int from = how->channels_first ? (c * h + i) * w + j : (i * w + j) * node->channels + c;
                *out++ = values[(from * in->height + y / h) * in->width + x / w];
            }
        }
    }
}

void reference_arithmetic (const struct graph *g, const struct node *node, const double *const *values,
                           const double *const *magnitudes, double *out, double *magnitude)
{
    const struct node *in = &g->nodes[node->inputs[0]];
    switch (node->operation) {
    case OPERATION_REDUCE:
    case OPERATION_REDUCE_CHANNELS:
        run_reduce (node, in, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_GROUP_NORM:
    case OPERATION_LAYER_NORM:
        run_normalise (node, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_FUNCTION:
        run_function (node, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_MAX:
        run_max (g, node, values, magnitudes, out, magnitude);
        break;
    case OPERATION_RESIZE:
        run_resize (node, in, values[0], out, false);
        run_resize (node, in, magnitudes[0], magnitude, true);
        break;
    case OPERATION_DEPTH_TO_SPACE:
        run_depth_to_space (node, in, values[0], out);
        run_depth_to_space (node, in, magnitudes[0], magnitude);
        break;
    default:
        abort ();
    }
}
