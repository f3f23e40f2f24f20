/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reference.c: see reference.h. Loops over the definitions, nothing clever. */
#include "tests/reference.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic error "-Wswitch" /* an operation without its definition does not compile */

static int or_one (int value)
{
    return value ? value : 1;
}

static size_t numbers_of (const struct node *node)
{
    return (size_t)node->channels * (size_t)node->height * (size_t)node->width;
}

/* ---- single operations --------------------------------------------------------------------------------------- */

int reference_extent (int in, int before, int after, int kernel, int dilation, int stride, bool ceil_mode)
{
    long end = (long)in + before + after, window = (long)dilation * (kernel - 1) + 1;
    int count = 0;
    for (long start = 0;; start += stride) {
        bool inside = start + window <= end;
        /* The window in front of this one stopped short of the end. */
        bool overhangs = start + window - stride < end && start < (long)in + before;
        if (!inside && !(ceil_mode && overhangs))
            return count;
        count++;
    }
}

/* One output number of a convolution; *magnitude gets the sum of the |terms|. The group's channels start at `first`. */
static double conv_at (const struct conv *conv, int first, int count, int height, int width, const double *in,
                       const double *in_magnitude, const float *weights, int y, int x, double *magnitude)
{
    double total = 0;
    for (int c = 0; c < count; c++) {
        for (int i = 0; i < conv->kernel_h; i++) {
            for (int j = 0; j < conv->kernel_w; j++) {
                int row = y * or_one (conv->stride_h) + i * or_one (conv->dilation_h) - conv->pad_top;
                int column = x * or_one (conv->stride_w) + j * or_one (conv->dilation_w) - conv->pad_left;
                if (row < 0 || row >= height || column < 0 || column >= width)
                    continue;
                size_t at = ((size_t)(first + c) * (size_t)height + (size_t)row) * (size_t)width + (size_t)column;
                double weight = weights[(c * conv->kernel_h + i) * conv->kernel_w + j];
                total += in[at] * weight;
                *magnitude += (in_magnitude ? in_magnitude[at] : fabs (in[at])) * fabs (weight);
            }
        }
    }
    return total;
}

void reference_conv (const struct conv *conv, int channels, int height, int width, const double *in,
                     const double *in_magnitude, const float *weights, const float *bias, double *out,
                     double *magnitude)
{
    int rows = reference_extent (height, conv->pad_top, conv->pad_bottom, conv->kernel_h, or_one (conv->dilation_h),
                                 or_one (conv->stride_h), false);
    int columns = reference_extent (width, conv->pad_left, conv->pad_right, conv->kernel_w, or_one (conv->dilation_w),
                                    or_one (conv->stride_w), false);
    int count = channels / or_one (conv->groups), outputs = conv->out_channels / or_one (conv->groups);
    size_t kernel = (size_t)count * (size_t)conv->kernel_h * (size_t)conv->kernel_w, at = 0;
    for (int o = 0; o < conv->out_channels; o++) {
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++, at++) {
                double start = bias ? bias[o] : 0, terms = fabs (start);
                out[at] = start + conv_at (conv, o / outputs * count, count, height, width, in, in_magnitude,
                                           weights + (size_t)o * kernel, y, x, &terms);
                if (magnitude)
                    magnitude[at] = terms;
            }
        }
    }
}

/* One output number of a pooling of one channel. */
static double pool_at (const struct pool *pool, int height, int width, const double *in, int y, int x)
{
    double sum = 0, largest = -INFINITY;
    int inside = 0, padded = 0;
    for (int i = 0; i < pool->kernel_h; i++) {
        for (int j = 0; j < pool->kernel_w; j++) {
            int row = y * or_one (pool->stride_h) + i * or_one (pool->dilation_h) - pool->pad_top;
            int column = x * or_one (pool->stride_w) + j * or_one (pool->dilation_w) - pool->pad_left;
            if (row < height + pool->pad_bottom && column < width + pool->pad_right)
                padded++;
            if (row < 0 || row >= height || column < 0 || column >= width)
                continue;
            double v = in[(size_t)row * (size_t)width + (size_t)column];
            inside++;
            sum += v;
            largest = isnan (v) || v > largest ? v : largest;
        }
    }
    if (pool->kind == POOL_MAX)
        return largest;
    return sum / (pool->count_include_pad ? padded : inside);
}

void reference_pool (const struct pool *pool, int channels, int height, int width, const double *in, double *out)
{
    int rows = reference_extent (height, pool->pad_top, pool->pad_bottom, pool->kernel_h, or_one (pool->dilation_h),
                                 or_one (pool->stride_h), pool->ceil_mode);
    int columns = reference_extent (width, pool->pad_left, pool->pad_right, pool->kernel_w, or_one (pool->dilation_w),
                                    or_one (pool->stride_w), pool->ceil_mode);
    for (int c = 0; c < channels; c++) {
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++)
                *out++ = pool_at (pool, height, width, in + (size_t)c * (size_t)height * (size_t)width, y, x);
        }
    }
}

void reference_global_pool (enum pool_kind kind, int channels, int height, int width, const double *in, double *out)
{
    struct pool pool = { .kind = kind, .kernel_h = height, .kernel_w = width };
    reference_pool (&pool, channels, height, width, in, out);
}

void reference_softmax (int channels, int pixels, const double *in, double *out)
{
    for (int p = 0; p < pixels; p++) {
        double largest = -INFINITY, sum = 0;
        for (int c = 0; c < channels; c++)
            largest = fmax (largest, in[(size_t)c * (size_t)pixels + (size_t)p]);
        for (int c = 0; c < channels; c++)
            sum += exp (in[(size_t)c * (size_t)pixels + (size_t)p] - largest);
        for (int c = 0; c < channels; c++)
            out[(size_t)c * (size_t)pixels + (size_t)p] =
                exp (in[(size_t)c * (size_t)pixels + (size_t)p] - largest) / sum;
    }
}

/* ---- nodes --------------------------------------------------------------------------------------------------- */

static void run_affine (const struct node *node, const double *in, const double *in_magnitude, double *out,
                        double *magnitude)
{
    size_t pixels = (size_t)node->height * (size_t)node->width;
    for (size_t i = 0; i < numbers_of (node); i++) {
        double scale = node->u.affine.scale[i / pixels], shift = node->u.affine.shift[i / pixels];
        out[i] = in[i] * scale + shift;
        magnitude[i] = in_magnitude[i] * fabs (scale) + fabs (shift);
    }
}

static void run_activation (const struct node *node, const double *in, const double *in_magnitude, double *out,
                            double *magnitude)
{
    size_t pixels = (size_t)node->height * (size_t)node->width;
    for (size_t i = 0; i < numbers_of (node); i++) {
        double slope = node->u.activation.slope ? node->u.activation.slope[i / pixels] : 0;
        out[i] = reference_activation (node->u.activation.what, slope, in[i]);
        magnitude[i] = fmax (reference_steepness (node->u.activation.what, slope) * in_magnitude[i], fabs (out[i]));
        /* What it cannot know better near 0, in 16 roundings: as many as one layer is allowed. */
        double own = reference_activation_error (node->u.activation.what, in[i], out[i]);
        magnitude[i] = fmax (magnitude[i], own / (16 * FLT_EPSILON / 2));
    }
}

/* unit [channels] or NULL: whole multiples of unit / parts, counted, by what one of them is in steps. */
static void run_quantise (const struct node *node, const double *in, struct range range, double *out, double *magnitude)
{
    size_t pixels = (size_t)node->height * (size_t)node->width;
    bool whole = node->operation == OPERATION_QUANTISE && node->u.quantise.unit;
    for (size_t i = 0; i < numbers_of (node); i++) {
        float steps = (float)in[i] / range.step;
        if (whole) {
            float unit = node->u.quantise.unit[i / pixels], parts = (float)node->u.quantise.parts;
            steps = (float)rint (in[i] * (double)parts / (double)unit) * (unit / (range.step * parts));
        }
        out[i] = (double)range.step * fmin (fmax (rint ((double)steps), range.low), range.high);
        magnitude[i] = fabs (out[i]);
    }
}

/* By its own range, which ONNX calculates in single precision. */
static void run_quantise_dynamic (const struct node *node, const double *in, double *out, double *magnitude)
{
    double low = 0, high = 0;
    for (size_t i = 0; i < numbers_of (node); i++) {
        low = fmin (low, in[i]);
        high = fmax (high, in[i]);
    }
    float step = (float)((high - low) / 255);
    int zero = step > 0 ? (int)rint (fmin (fmax (-low / (double)step, 0), 255)) : 0;
    run_quantise (node, in, (struct range) { step > 0 ? step : 1, -zero, 255 - zero }, out, magnitude);
}

/* Where (c, y, x) of the output is read from in an operand that may repeat. */
static size_t broadcast_at (const struct node *in, int c, int y, int x)
{
    c = in->channels == 1 ? 0 : c;
    y = in->height == 1 ? 0 : y;
    x = in->width == 1 ? 0 : x;
    return ((size_t)c * (size_t)in->height + (size_t)y) * (size_t)in->width + (size_t)x;
}

static void run_pair (const struct graph *g, const struct node *node, const double *const *values,
                      const double *const *magnitudes, double *out, double *magnitude)
{
    const struct node *a = &g->nodes[node->inputs[0]], *b = &g->nodes[node->inputs[1]];
    for (int c = 0; c < node->channels; c++) {
        for (int y = 0; y < node->height; y++) {
            for (int x = 0; x < node->width; x++) {
                size_t i = broadcast_at (a, c, y, x), j = broadcast_at (b, c, y, x);
                bool add = node->operation == OPERATION_ADD;
                *out++ = add ? values[0][i] + values[1][j] : values[0][i] * values[1][j];
                /* the error of a product is |a| times b's and |b| times a's */
                *magnitude++ = add ? magnitudes[0][i] + magnitudes[1][j] : 2 * magnitudes[0][i] * magnitudes[1][j];
            }
        }
    }
}

static void run_concat (const struct graph *g, const struct node *node, const double *const *values, double *out)
{
    for (int i = 0; i < node->input_count; i++) {
        size_t count = numbers_of (&g->nodes[node->inputs[i]]);
        memcpy (out, values[i], count * sizeof *out);
        out += count;
    }
}

static void run_pick (const struct node *node, const struct node *in, const double *values, double fill, double *out)
{
    const struct pick *pick = &node->u.pick;
    for (int c = 0; c < pick->channels; c++) {
        for (int y = 0; y < pick->height; y++) {
            for (int x = 0; x < pick->width; x++) {
                int channel = pick->channel[c], row = pick->top + y * pick->step_h,
                    column = pick->left + x * pick->step_w;
                bool inside = channel >= 0 && row >= 0 && row < in->height && column >= 0 && column < in->width;
                *out++ = inside ? values[((size_t)channel * (size_t)in->height + (size_t)row) * (size_t)in->width +
                                         (size_t)column]
                                : fill;
            }
        }
    }
}

/* dp is at most 2 p max |dx|, beside p's own rounding. */
static void run_softmax (const struct node *node, const double *in, const double *in_magnitude, double *out,
                         double *magnitude)
{
    int pixels = node->height * node->width;
    reference_softmax (node->channels, pixels, in, out);
    for (int p = 0; p < pixels; p++) {
        double largest = 0;
        for (int c = 0; c < node->channels; c++)
            largest = fmax (largest, in_magnitude[c * pixels + p]);
        for (int c = 0; c < node->channels; c++)
            magnitude[c * pixels + p] = out[c * pixels + p] * (1 + 2 * largest);
    }
}

/* d ln p is at most 2 max |dx|, beside the rounding of x and of the result. */
static void run_log_softmax (const struct node *node, const double *in, const double *in_magnitude, double *out,
                             double *magnitude)
{
    int pixels = node->height * node->width;
    for (int p = 0; p < pixels; p++) {
        double largest = -INFINITY, most_magnitude = 0, sum = 0;
        for (int c = 0; c < node->channels; c++) {
            largest = fmax (largest, in[c * pixels + p]);
            most_magnitude = fmax (most_magnitude, in_magnitude[c * pixels + p]);
        }
        for (int c = 0; c < node->channels; c++)
            sum += exp (in[c * pixels + p] - largest);
        for (int c = 0; c < node->channels; c++) {
            out[c * pixels + p] = in[c * pixels + p] - largest - log (sum);
            magnitude[c * pixels + p] = fabs (out[c * pixels + p]) + 1 + 2 * most_magnitude;
        }
    }
}

void reference_node (const struct graph *g, const struct node *node, const double *const *values,
                     const double *const *magnitudes, double *out, double *magnitude)
{
    const struct node *in = &g->nodes[node->inputs[0]];
    switch (node->operation) {
    case OPERATION_CONV:
        reference_conv (&node->u.conv.shape, in->channels, in->height, in->width, values[0], magnitudes[0],
                        node->u.conv.weights, node->u.conv.bias, out, magnitude);
        break;
    case OPERATION_AFFINE:
        run_affine (node, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_ACTIVATION:
        run_activation (node, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_POOL:
        reference_pool (&node->u.pool, in->channels, in->height, in->width, values[0], out);
        reference_pool (&node->u.pool, in->channels, in->height, in->width, magnitudes[0], magnitude);
        break;
    case OPERATION_REDUCE:
    case OPERATION_REDUCE_CHANNELS:
    case OPERATION_GROUP_NORM:
    case OPERATION_LAYER_NORM:
    case OPERATION_FUNCTION:
    case OPERATION_MAX:
    case OPERATION_RESIZE:
    case OPERATION_DEPTH_TO_SPACE:
        reference_arithmetic (g, node, values, magnitudes, out, magnitude);
        break;
    case OPERATION_ADD:
    case OPERATION_MUL:
        run_pair (g, node, values, magnitudes, out, magnitude);
        break;
    case OPERATION_CONCAT:
        run_concat (g, node, values, out);
        run_concat (g, node, magnitudes, magnitude);
        break;
    case OPERATION_PICK:
        run_pick (node, in, values[0], node->u.pick.fill, out);
        run_pick (node, in, magnitudes[0], fabs ((double)node->u.pick.fill), magnitude);
        break;
    case OPERATION_QUANTISE:
        run_quantise (node, values[0], node->u.quantise.range, out, magnitude);
        break;
    case OPERATION_QUANTISE_DYNAMIC:
        run_quantise_dynamic (node, values[0], out, magnitude);
        break;
    case OPERATION_RESHAPE:
        memcpy (out, values[0], numbers_of (node) * sizeof *out);
        memcpy (magnitude, magnitudes[0], numbers_of (node) * sizeof *out);
        break;
    case OPERATION_SOFTMAX:
        run_softmax (node, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_LOG_SOFTMAX:
        run_log_softmax (node, values[0], magnitudes[0], out, magnitude);
        break;
    case OPERATION_INPUT:
        break;
    }
}

/* ---- whole graphs -------------------------------------------------------------------------------------------- */

struct reference {
    int tensors;
    size_t *count;      /* [tensors] */
    double **values;    /* [tensors][count] */
    double **magnitude; /* the same */
};

static void *room (size_t count, size_t size)
{
    void *memory = calloc (count ? count : 1, size);
    if (memory)
        return memory;
    fprintf (stderr, "out of memory in the test\n");
    exit (EXIT_FAILURE);
}

static void run_one (const struct graph *g, int id, struct reference *reference)
{
    const struct node *node = &g->nodes[id];
    const double **values = room ((size_t)node->input_count, sizeof *values);
    const double **magnitudes = room ((size_t)node->input_count, sizeof *magnitudes);
    for (int i = 0; i < node->input_count; i++) {
        values[i] = reference->values[node->inputs[i]];
        magnitudes[i] = reference->magnitude[node->inputs[i]];
    }
    reference_node (g, node, values, magnitudes, reference->values[id], reference->magnitude[id]);
    free (values);
    free (magnitudes);
}

struct reference *reference_run (const struct graph *g, const float *input)
{
    struct reference *reference = room (1, sizeof *reference);
    reference->tensors = g->count;
    reference->count = room ((size_t)g->count, sizeof *reference->count);
    reference->values = room ((size_t)g->count, sizeof *reference->values);
    reference->magnitude = room ((size_t)g->count, sizeof *reference->magnitude);
    for (int id = 0; id < g->count; id++) {
        size_t count = reference->count[id] = numbers_of (&g->nodes[id]);
        reference->values[id] = room (count, sizeof (double));
        reference->magnitude[id] = room (count, sizeof (double));
        if (g->nodes[id].operation != OPERATION_INPUT) {
            run_one (g, id, reference);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            reference->values[id][i] = input[i];
            reference->magnitude[id][i] = fabs ((double)input[i]);
        }
    }
    return reference;
}

const double *reference_values (const struct reference *reference, int id)
{
    return reference->values[id];
}

const double *reference_magnitudes (const struct reference *reference, int id)
{
    return reference->magnitude[id];
}

size_t reference_count (const struct reference *reference, int id)
{
    return reference->count[id];
}

void reference_free (struct reference *reference)
{
    for (int id = 0; reference && id < reference->tensors; id++) {
        free (reference->values[id]);
        free (reference->magnitude[id]);
    }
    if (reference) {
        free (reference->count);
        free (reference->values);
        free (reference->magnitude);
    }
    free (reference);
}
