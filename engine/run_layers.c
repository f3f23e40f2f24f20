/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_layers.c: every step but the convolutions: pooling, element-wise layers, copies, softmax, conversions.
 *
 * Where nothing else is said an item is one block of 16 channels; items of rows come in the order of the rows. */
#include "engine/plan.h"

#include <math.h>
#include <string.h>

static int blocks (int channels)
{
    return divide_up (channels, BLOCK);
}

static ptrdiff_t out_pixels (const struct record *step)
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

static void pool_row (struct plan *plan, const struct record *step, struct lane *lane, int block, int y)
{
    const struct pool *pool = &step->pool;
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
    plan->kernels->pool (&run);
}

enum { POOL_ROWS = 8 }; /* output rows in an item */

static void pool_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    int count = blocks (step->channels), first = item / count * POOL_ROWS;
    for (int y = first; y < least (step->height, first + POOL_ROWS); y++)
        pool_row (plan, step, lane, item % count, y);
}

static void global_pool_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    ptrdiff_t pixels = (ptrdiff_t)step->in_height * step->in_width;
    (void)lane;
    plan->kernels->global_pool (step->pool_kind, step->in + item * pixels * BLOCK, pixels, step->out + item * BLOCK);
}

/* ---- element-wise ----------------------------------------------------------------------------------------------- */

enum { POINTWISE_PIXELS = 512 }; /* in an item */

static void pointwise_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    ptrdiff_t pixels = out_pixels (step);
    int count = blocks (step->channels), block = item % count;
    ptrdiff_t first = (ptrdiff_t)(item / count) * POINTWISE_PIXELS, left = pixels - first;
    ptrdiff_t at = (block * pixels + first) * BLOCK;
    (void)lane;
    struct pointwise_run run = {
        .operation = step->pointwise,
        .a = step->in + at,
        .b = step->second ? step->second + block * step->b_block + first * step->b_pixel : NULL,
        .b_pixel = step->b_pixel,
        .b_lane = step->b_lane,
        .scale = step->scale,
        .shift = step->shift,
        .residual = step->residual ? step->residual + at : NULL,
        .out = step->out + at,
        .pixels = left < POINTWISE_PIXELS ? left : POINTWISE_PIXELS,
        .channel = block * BLOCK,
        .finish = &step->finish,
    };
    plan->kernels->pointwise (&run);
}

/* ---- moving ----------------------------------------------------------------------------------------------------- */

static void copy_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    size_t floats = (size_t)out_pixels (step) * BLOCK;
    (void)plan;
    (void)lane;
    memcpy (step->out + (size_t)(step->out_channel / BLOCK + item) * floats, step->in + (size_t)item * floats,
            floats * sizeof (float));
}

/* One channel: out_channel + item of out. */
static void pick_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    const struct pick *pick = &step->pick;
    int to = step->out_channel + item, from = pick->channel ? pick->channel[item] : item;
    ptrdiff_t in_pixels = (ptrdiff_t)step->in_height * step->in_width;
    float *out = step->out + to / BLOCK * out_pixels (step) * BLOCK + to % BLOCK;
    const float *in = from < 0 ? NULL : step->in + from / BLOCK * in_pixels * BLOCK + from % BLOCK;
    (void)plan;
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

/* Through planar order, in the shared scratch. */
static void reshape (struct plan *plan, const struct record *step)
{
    const struct kernels *k = plan->kernels;
    k->export(step->in, plan->shared, step->in_channels, (ptrdiff_t)step->in_height * step->in_width);
    k->import (plan->shared, step->out, step->channels, out_pixels (step));
}

static void import_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    ptrdiff_t at = (ptrdiff_t)item * BLOCK * out_pixels (step);
    (void)lane;
    plan->kernels->import (plan->input + at, step->out + at, least (BLOCK, step->channels - item * BLOCK),
                           out_pixels (step));
}

static void export_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    ptrdiff_t at = (ptrdiff_t)item * BLOCK * out_pixels (step);
    (void)lane;
    plan->kernels->export(step->in + at, step->out + at, least (BLOCK, step->channels - item * BLOCK),
                          out_pixels (step));
}

/* ---- log-softmax ------------------------------------------------------------------------------------------------ */

/* x - most - ln (sum of e^(x - most)) over the channels of each pixel. By itself and in double: it is seen at the end of
 * classifiers only, a thousand numbers a run, and ln of a softmax's 0 would be lost. */
static void log_softmax (const struct record *step)
{
    ptrdiff_t pixels = out_pixels (step), block = pixels * BLOCK;
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

/* ---- which ------------------------------------------------------------------------------------------------------ */

void run_layer (struct plan *plan, const struct record *step)
{
    ptrdiff_t pixels = out_pixels (step);
    switch (step->kind) {
    case STEP_IMPORT:
        on_lanes (plan, step, import_item, blocks (step->channels));
        break;
    case STEP_POOL:
        on_lanes (plan, step, pool_item, blocks (step->channels) * divide_up (step->height, POOL_ROWS));
        break;
    case STEP_GLOBAL_POOL:
        on_lanes (plan, step, global_pool_item, blocks (step->channels));
        break;
    case STEP_POINTWISE:
        on_lanes (plan, step, pointwise_item,
                  blocks (step->channels) * (int)((pixels + POINTWISE_PIXELS - 1) / POINTWISE_PIXELS));
        break;
    case STEP_COPY:
        on_lanes (plan, step, copy_item, blocks (step->in_channels));
        break;
    case STEP_PICK:
        on_lanes (plan, step, pick_item, step->pick.channels);
        break;
    case STEP_RESHAPE:
        reshape (plan, step);
        break;
    case STEP_LOG_SOFTMAX:
        log_softmax (step);
        break;
    case STEP_SOFTMAX:
        plan->kernels->softmax (step->in, step->out, step->channels, pixels, pixels * BLOCK);
        break;
    case STEP_EXPORT:
        on_lanes (plan, step, export_item, blocks (step->channels));
        break;
    default:
        break;
    }
}
