/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_layers.c: every step but the convolutions: pooling, element-wise layers, copies, softmax, conversions.
 *
 * Where nothing else is said an item is one block of 16 channels; items of rows come in the order of the rows. */
#include "engine/run_steps.h"
#include "engine/schedule.h"

#include <math.h>
#include <string.h>

static int blocks (int channels)
{
    return divide_up (channels, BLOCK);
}

static ptrdiff_t out_pixels (const struct step *step)
{
    return (ptrdiff_t)step->height * step->width;
}

/* ---- pooling ---------------------------------------------------------------------------------------------------- */

/* How many of `kernel` taps from `start` on lie in [-before, size + after). */
static int taps_within (int start, int kernel, int before, int size, int after)
{
    int first = start < -before ? -before : start, last = least (start + kernel, size + after);
    return last > first ? last - first : 0;
}

static void pool_row (struct execution *e, const struct step *step, struct lane *lane, int block, int y)
{
    const struct pool *pool = step->state;
    const float **rows = (const float **)lane->scratch;
    float *divisor = lane->scratch + 2 * ((pool->kernel_h + 15) / 16 * 16); /* behind the pointers */
    ptrdiff_t in_row = (ptrdiff_t)step->in_width * BLOCK;
    int top = y * pool->stride_h - pool->pad_top;
    struct pool_run run = {
        .kind = pool->kind,
        .rows = rows,
        .window = { pool->kernel_w, pool->stride_w, pool->dilation_w, pool->pad_left, step->in_width, step->width },
        .out = step->out + ((ptrdiff_t)block * step->height + y) * step->width * BLOCK,
    };
    for (int k = 0; k < pool->kernel_h; k++) {
        int from = top + k * pool->dilation_h;
        if (from >= 0 && from < step->in_height)
            rows[run.row_count++] = step->in + ((ptrdiff_t)block * step->in_height + from) * in_row;
    }
    if (pool->kind == POOL_AVERAGE && pool->count_include_pad) {
        int high = taps_within (top, pool->kernel_h, pool->pad_top, step->in_height, pool->pad_bottom);
        for (int x = 0; x < step->width; x++)
            divisor[x] = (float)(high * taps_within (x * pool->stride_w - pool->pad_left, pool->kernel_w,
                                                     pool->pad_left, step->in_width, pool->pad_right));
        run.divisor = divisor;
    }
    e->kernels->pool (&run);
}

enum { POOL_ROWS = 8 }; /* output rows in an item */

static void pool_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    int count = blocks (step->channels), first = item / count * POOL_ROWS;
    for (int y = first; y < least (step->height, first + POOL_ROWS); y++)
        pool_row (e, step, lane, item % count, y);
}

static void global_pool_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    ptrdiff_t pixels = (ptrdiff_t)step->in_height * step->in_width;
    (void)lane;
    e->kernels->global_pool (*(const enum pool_kind *)step->state, step->in + item * pixels * BLOCK, pixels,
                             step->out + item * BLOCK);
}

void run_pool (struct execution *e, const struct step *step)
{
    on_lanes (e, step, pool_item, blocks (step->channels) * divide_up (step->height, POOL_ROWS));
}

void run_global_pool (struct execution *e, const struct step *step)
{
    on_lanes (e, step, global_pool_item, blocks (step->channels));
}

/* ---- element-wise ----------------------------------------------------------------------------------------------- */

enum { POINTWISE_PIXELS = 512 }; /* in an item */

static void pointwise_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    const struct pointwise_step *s = step->state;
    ptrdiff_t pixels = out_pixels (step);
    int count = blocks (step->channels), block = item % count;
    ptrdiff_t first = (ptrdiff_t)(item / count) * POINTWISE_PIXELS, left = pixels - first;
    ptrdiff_t at = (block * pixels + first) * BLOCK;
    (void)lane;
    struct pointwise_run run = {
        .operation = s->operation,
        .a = step->in + at,
        .b = step->second ? step->second + block * s->b_block + first * s->b_pixel : NULL,
        .b_pixel = s->b_pixel,
        .b_lane = s->b_lane,
        .scale = s->scale,
        .shift = s->shift,
        .residual = step->residual ? step->residual + at : NULL,
        .out = step->out + at,
        .pixels = left < POINTWISE_PIXELS ? left : POINTWISE_PIXELS,
        .channel = block * BLOCK,
        .finish = &step->finish,
    };
    e->kernels->pointwise (&run);
}

void run_pointwise (struct execution *e, const struct step *step)
{
    ptrdiff_t pixels = out_pixels (step);
    on_lanes (e, step, pointwise_item,
              blocks (step->channels) * (int)((pixels + POINTWISE_PIXELS - 1) / POINTWISE_PIXELS));
}

void run_softmax (struct execution *e, const struct step *step)
{
    ptrdiff_t pixels = out_pixels (step);
    e->kernels->softmax (step->in, step->out, step->channels, pixels, pixels * BLOCK);
}

/* ---- moving ----------------------------------------------------------------------------------------------------- */

static void copy_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    const struct pick_step *s = step->state;
    size_t floats = (size_t)out_pixels (step) * BLOCK;
    (void)e;
    (void)lane;
    memcpy (step->out + (size_t)(s->out_channel / BLOCK + item) * floats, step->in + (size_t)item * floats,
            floats * sizeof (float));
}

void run_copy (struct execution *e, const struct step *step)
{
    on_lanes (e, step, copy_item, blocks (step->in_channels));
}

/* One channel: out_channel + item of out. */
static void pick_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    const struct pick_step *s = step->state;
    const struct pick *pick = &s->pick;
    int to = s->out_channel + item, from = pick->channel ? pick->channel[item] : item;
    ptrdiff_t in_pixels = (ptrdiff_t)step->in_height * step->in_width;
    float *out = step->out + to / BLOCK * out_pixels (step) * BLOCK + to % BLOCK;
    const float *in = from < 0 ? NULL : step->in + from / BLOCK * in_pixels * BLOCK + from % BLOCK;
    (void)e;
    (void)lane;
    for (int y = 0; y < step->height; y++) {
        int row = pick->top + y * pick->step_h;
        for (int x = 0; x < step->width; x++, out += BLOCK) {
            int column = pick->left + x * pick->step_w;
            bool inside = in && row >= 0 && row < step->in_height && column >= 0 && column < step->in_width;
            *out = inside ? in[((ptrdiff_t)row * step->in_width + column) * BLOCK] : pick->fill;
        }
    }
}

void run_pick (struct execution *e, const struct step *step)
{
    on_lanes (e, step, pick_item, ((const struct pick_step *)step->state)->pick.channels);
}

/* Through planar order, in the shared scratch. */
void run_reshape (struct execution *e, const struct step *step)
{
    const struct kernels *k = e->kernels;
    k->export(step->in, e->shared, step->in_channels, (ptrdiff_t)step->in_height * step->in_width);
    k->import (e->shared, step->out, step->channels, out_pixels (step));
}

static void import_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    ptrdiff_t at = (ptrdiff_t)item * BLOCK * out_pixels (step);
    (void)lane;
    e->kernels->import (e->input + at, step->out + at, least (BLOCK, step->channels - item * BLOCK), out_pixels (step));
}

void run_import (struct execution *e, const struct step *step)
{
    on_lanes (e, step, import_item, blocks (step->channels));
}

static void export_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    ptrdiff_t at = (ptrdiff_t)item * BLOCK * out_pixels (step);
    (void)lane;
    e->kernels->export(step->in + at, step->out + at, least (BLOCK, step->channels - item * BLOCK), out_pixels (step));
}

void run_export (struct execution *e, const struct step *step)
{
    on_lanes (e, step, export_item, blocks (step->channels));
}

/* ---- log-softmax ------------------------------------------------------------------------------------------------ */

/* x - most - ln (sum of e^(x - most)) over the channels of each pixel. By itself and in double: it is seen at the end of
 * classifiers only, a thousand numbers a run, and ln of a softmax's 0 would be lost. */
void run_log_softmax (struct execution *e, const struct step *step)
{
    ptrdiff_t pixels = out_pixels (step), block = pixels * BLOCK;
    (void)e;
    for (ptrdiff_t p = 0; p < pixels; p++) {
        const float *in = step->in + p * BLOCK;
        float *out = step->out + p * BLOCK;
        double most = -INFINITY, sum = 0;
        for (int c = 0; c < step->channels; c++) {
            float x = in[c / BLOCK * block + c % BLOCK];
            most = (double)x > most || isnan (x) ? (double)x : most;
        }
        for (int c = 0; c < step->channels; c++)
            sum += exp ((double)in[c / BLOCK * block + c % BLOCK] - most);
        double less = most + log (sum);
        for (int c = 0; c < blocks (step->channels) * BLOCK; c++) {
            ptrdiff_t at = c / BLOCK * block + c % BLOCK;
            out[at] = c < step->channels ? (float)((double)in[at] - less) : 0;
        }
    }
}
