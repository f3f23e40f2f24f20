/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_depthwise_bytes.c: convolutions of every channel by itself, of bytes. Item = rows of one block of 16 channels.
 *
 *   rows of bytes -> floats less the zero point -> the depthwise kernel of floats -> scale, epilogue -> bytes
 *
 * all in the worker's scratch, where the rows of an item stay in the nearest caches. Its sums are exact: floats hold
 * every whole number up to 2^24, which 514 products of a byte and a weight do not pass. */
#include "engine/conv_depthwise.h"

#include <math.h>
#include <stdio.h>

enum { TAPS_MAX = 514, STAGED_BYTES = 48 * 1024, ROWS_MAX = 14 };

/* The step's state. */
struct depthwise_bytes {
    int rows, in_rows; /* of an item, and of the input that they need at most */
    const float *zeros;
    const int32_t *bias; /* [channels, padded to 16] what begins the sums beside their zero points' part, or NULL */
    struct epilogue none;
    struct epilogue first; /* the first of two roundings, and the step to the second */
};

static bool fits (const struct conv_method *method, const struct preparation *p, const struct step *step, bool planar)
{
    return depthwise_fits (method, p, step, planar) && (int64_t)step->conv.kernel_h * step->conv.kernel_w <= TAPS_MAX;
}

static int rows_read (const struct conv *conv, int rows)
{
    return (rows - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
}

/* The whole numbers that sums begin with, beside what is subtracted from each byte here. NULL in *to: none. */
static bool find_bias (struct preparation *p, const struct step *step, const int32_t **to)
{
    const struct packed *packed = step->packed;
    int32_t *bias = memory_add (p->memory, place_blocked_count (step->channels, 1, 1), sizeof *bias), any = 0;
    for (int c = 0; bias && c < step->channels; c++) {
        bias[c] = step->bytes->start[c] - (step->kernel->excess - step->place.in.zero) * packed->sum[c];
        any |= bias[c];
    }
    *to = any ? bias : NULL;
    return bias != NULL;
}

/* requantise.twice as an epilogue of floats. */
static bool round_first (struct preparation *p, const struct step *step, struct epilogue *first)
{
    const struct requantise *how = &step->bytes->requantise;
    size_t count = place_blocked_count (step->channels, 1, 1);
    float *arrays = memory_add (p->memory, 3 * count, sizeof *arrays);
    for (size_t c = 0; arrays && c < count; c++) {
        arrays[c] = 1;
        arrays[count + c] = how->again;
        arrays[2 * count + c] = how->beyond;
    }
    *first = (struct epilogue) { .activation = { ACTIVATION_ROUND, how->low, how->high },
                                 .slope = arrays,
                                 .post_scale = arrays + count,
                                 .post_shift = arrays + 2 * count };
    return arrays != NULL;
}

static bool prepare (struct preparation *p, struct step *step)
{
    const struct conv *conv = &step->conv;
    struct depthwise_bytes *d = memory_add (p->memory, 1, sizeof *d);
    float *zeros = memory_add (p->memory, place_blocked_count (step->channels, 1, 1), sizeof *zeros);
    if (!d || !zeros)
        return false;
    step->state = d;
    size_t row = place_blocked_bytes (ELEMENT_F32, BLOCK, 1, step->in_width);
    *d =
        (struct depthwise_bytes) { .zeros = zeros, .none = { .low = -INFINITY, .high = INFINITY, .clamp_only = true } };
    if (!find_bias (p, step, &d->bias) || (step->bytes->requantise.twice && !round_first (p, step, &d->first)))
        return false;
    d->rows = least (ROWS_MAX, step->height);
    while (d->rows > 1 && (size_t)rows_read (conv, d->rows) * row > STAGED_BYTES)
        d->rows--;
    d->in_rows = least (rows_read (conv, d->rows), step->in_height);
    size_t out = place_blocked_bytes (ELEMENT_F32, BLOCK, d->rows, step->width);
    need_bytes (&p->scratch_bytes, (size_t)d->in_rows * row + 2 * out);
    snprintf (step->algorithm, sizeof step->algorithm, "depthwise");
    step->multiplications = step->macs;
    return true;
}

/* Sums -> outputs, of `pixels` pixels from `at` on of the block. */
static void finish (struct execution *e, const struct step *step, float *sums, float *more, ptrdiff_t at,
                    ptrdiff_t pixels, int channel)
{
    const struct requantise *how = &step->bytes->requantise;
    const struct depthwise_bytes *d = step->state;
    for (ptrdiff_t i = 0; d->bias && i < pixels; i++)
        for (int c = 0; c < BLOCK; c++)
            sums[i * BLOCK + c] = (float)((int32_t)sums[i * BLOCK + c] + d->bias[channel + c]);
    const float *residual = step->residual && how->residual == ELEMENT_F32 ? (const float *)step->residual + at : NULL;
    if (step->residual && how->residual == ELEMENT_U8) {
        e->kernels->dequantise ((const uint8_t *)step->residual + at, more, pixels * BLOCK, how->residual_scale, 0);
        residual = more;
    } else if (residual && how->residual_scale != 1) {
        for (ptrdiff_t i = 0; i < pixels * BLOCK; i++)
            more[i] = residual[i] * how->residual_scale;
        residual = more;
    }
    bool bytes = how->out == ELEMENT_U8;
    e->kernels->elementwise (&(struct elementwise_args) { .operation = ELEMENTWISE_FIRST,
                                                          .a = sums,
                                                          .scale = how->scale,
                                                          .shift = how->shift,
                                                          .residual = residual,
                                                          .out = bytes ? sums : (float *)step->out + at,
                                                          .pixels = pixels,
                                                          .channel = channel,
                                                          .epilogue = how->twice ? &d->first : &step->epilogue });
    if (bytes)
        e->kernels->quantise (sums, (uint8_t *)step->out + at, pixels * BLOCK, 1, 0);
}

static void item_of (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct depthwise_bytes *d = step->state;
    const struct conv *conv = &step->conv;
    int blocks = divide_up (step->channels, BLOCK), block = item % blocks, first = item / blocks * d->rows;
    int rows = least (step->height - first, d->rows), top = first * conv->stride_h - conv->pad_top;
    int from = top < 0 ? 0 : least (top, step->in_height), to = least (top + rows_read (conv, rows), step->in_height);
    ptrdiff_t in_row = (ptrdiff_t)step->in_width * BLOCK, out_row = (ptrdiff_t)step->width * BLOCK;
    const uint8_t *in = (const uint8_t *)step->in + ((ptrdiff_t)block * step->in_height + from) * in_row;
    float *staged = worker->scratch, *sums = staged + d->in_rows * in_row, *more = sums + d->rows * out_row;
    if (to > from)
        e->kernels->dequantise (in, staged, (to - from) * in_row, 1, (float)step->place.in.zero);
    struct depthwise_args args = depthwise_args_of (step, block, first, rows);
    args.in = staged - from * in_row;
    args.bias = d->zeros;
    args.out = sums;
    args.epilogue = &d->none;
    e->kernels->depthwise (&args);
    finish (e, step, sums, more, ((ptrdiff_t)block * step->height + first) * out_row, (ptrdiff_t)rows * step->width,
            block * BLOCK);
}

static void run (struct execution *e, const struct step *step)
{
    const struct depthwise_bytes *d = step->state;
    schedule_items (e, step, item_of, divide_up (step->channels, BLOCK) * divide_up (step->height, d->rows));
}

const struct conv_method conv_depthwise_bytes = {
    .name = "depthwise, bytes",
    .only = true,
    .few_weights = true,
    .twice = true,
    .inputs = 1 << ELEMENT_U8,
    .fits = fits,
    .lay = depthwise_lay,
    .pack = depthwise_pack,
    .prepare = prepare,
    .run = run,
};
