/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_conv.c: the direct convolution and the depthwise one. Compiled once per instruction set.
 *
 * A convolution tile is `rows` pixels x `blocks` blocks of 16 output channels, all sums in registers for the whole depth
 * of the sum, so an output is stored once and never read back. One step of the inner loop:
 *
 *      weights [k][16 blocks]          loaded first: PER_BLOCK * blocks vectors
 *   x  input   [rows] broadcasts       one load each, used for every weight vector
 *   -> rows * PER_BLOCK * blocks multiply-adds
 *
 * The order matters: with the weight loop outside, gcc keeps some sums on the stack. */
#include "finish.h"

#define kernels_conv FOR_ISA (kernels_conv)
#define kernels_depthwise FOR_ISA (kernels_depthwise)
void kernels_conv (const struct conv_run *run);
void kernels_depthwise (const struct depthwise_run *run);

/* Sums -> outputs for a tile of `rows` pixels starting at pixel `first`. */
INLINE void tile_finish (const struct conv_run *run, int first, const int rows, const int blocks,
                         vec sums[][COLUMNS * PER_BLOCK])
{
    const struct finish *finish = run->finish;
    if (run->residual) {
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        {
            const float *residual =
                run->residual + c / PER_BLOCK * run->out_block + 16 * (first + r) + c % PER_BLOCK * LANES;
            sums[r][c] = vec_add (sums[r][c], vec_load (residual));
        }
    }
    if (finish->plain) {
        vec low = vec_set (finish->low), high = vec_set (finish->high);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
            vec_store (run->out + c / PER_BLOCK * run->out_block + 16 * (first + r) + c % PER_BLOCK * LANES,
                       finish_plain (sums[r][c], low, high));
        return;
    }
    float tile[COLUMNS * ROWS * BLOCK] __attribute__ ((aligned (64)));
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        vec_store (tile + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, sums[r][c]);
    FOR_ISA (finish_tile) (finish, tile, rows, blocks, run->channel, run->out + 16 * first, run->out_block);
}

/* rows, blocks and, except for odd strides, stride are constants at every call. *fetch: next weights to fetch. */
INLINE void tile (const struct conv_run *run, int first, const int rows, const int blocks, const ptrdiff_t stride,
                  const float **fetch)
{
    const int columns = blocks * PER_BLOCK;
    vec sums[ROWS][COLUMNS * PER_BLOCK];
    UNROLL for (int c = 0; c < columns; c++)
    {
        vec bias = vec_load (run->bias + run->channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++) sums[r][c] = bias;
    }
    const float *weights = run->weights;
    const float *input = run->input + first * stride;
    const float *next = *fetch;
    for (int s = 0; s < run->segment_count; s++) {
        const float *x = input + run->segments[s].offset;
        const float *end = x + run->segments[s].length;
        for (; x < end; x++, weights += blocks * BLOCK, next += run->next_step) {
            vec w[COLUMNS * PER_BLOCK];
            UNROLL for (int b = 0; b < blocks; b++) FETCH (next + b * BLOCK);
            UNROLL for (int c = 0; c < columns; c++) w[c] = vec_load (weights + c * LANES);
            UNROLL for (int r = 0; r < rows; r++)
            {
                vec v = vec_set (x[r * stride]);
                UNROLL for (int c = 0; c < columns; c++) sums[r][c] = vec_fma (v, w[c], sums[r][c]);
            }
        }
    }
    *fetch = next;
    tile_finish (run, first, rows, blocks, sums);
}

/* The tile of `rows` pixels, with a code path of its own for every count up to ROWS: no masks, no spilled sums. */
INLINE void tile_of (const struct conv_run *run, int first, int rows, const int blocks, const ptrdiff_t stride,
                     const float **fetch)
{
    switch (rows) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        if (n <= ROWS)                                                                                                 \
            tile (run, first, n <= ROWS ? n : 1, blocks, stride, fetch);                                               \
        break;
        CASE (1)
        CASE (2)
        CASE (3)
        CASE (4)
        CASE (5)
        CASE (6)
        CASE (7)
        CASE (8)
        CASE (9)
        CASE (10)
        CASE (11)
        CASE (12)
        CASE (13)
        CASE (14)
#undef CASE
    }
}

/* All pixels of a run in tiles of nearly equal size: 27 is 14 + 13, not 14 + 13 x 1. */
INLINE void row (const struct conv_run *run, const int blocks, const ptrdiff_t stride)
{
    int tiles = (run->pixels + ROWS - 1) / ROWS;
    const float *fetch = run->next_step ? run->next : run->weights; /* a line that is near already */
    for (int t = 0, first = 0; t < tiles; t++) {
        int rows = (run->pixels - first + tiles - t - 1) / (tiles - t);
        tile_of (run, first, rows, blocks, stride, &fetch);
        first += rows;
    }
}

/* Strides met in practice are constants, so that each pixel is an address offset in the instruction. */
INLINE void row_of (const struct conv_run *run, const int blocks)
{
    switch (run->pixel_stride) {
    case 16: /* blocked input, stride 1 */
        row (run, blocks, 16);
        break;
    case 32: /* blocked input, stride 2 */
        row (run, blocks, 32);
        break;
    case 2: /* planar input, stride 2: most stems */
        row (run, blocks, 2);
        break;
    default:
        row (run, blocks, run->pixel_stride);
    }
}

void kernels_conv (const struct conv_run *run)
{
    if (COLUMNS == 2 && run->blocks == 2)
        row_of (run, COLUMNS);
    else
        row_of (run, 1);
}

/* ---- depthwise ------------------------------------------------------------------------------------------------ */

enum { STRIP = 8 }; /* pixels at once: as many sums hide the latency, and with 5 weights they fit 16 registers */

/* Residual, activation and store of one vector of each pixel; what is not plain goes through `tile` [pixels][16]. */
INLINE void depthwise_finish (const struct depthwise_run *run, int x, const int pixels, int c, vec sums[], float *tile)
{
    const struct finish *finish = run->finish;
    float *out = run->out + 16 * x + c;
    if (run->residual) {
        const float *residual = run->residual + 16 * x + c;
        UNROLL for (int p = 0; p < pixels; p++) sums[p] = vec_add (sums[p], vec_load (residual + 16 * p));
    }
    if (finish->plain) {
        vec low = vec_set (finish->low), high = vec_set (finish->high);
        UNROLL for (int p = 0; p < pixels; p++) vec_store (out + 16 * p, finish_plain (sums[p], low, high));
    } else {
        UNROLL for (int p = 0; p < pixels; p++) vec_store (tile + 16 * p + c, sums[p]);
    }
}

/* One row of the window, kernel and stride constants: every input vector is loaded once and meets all its weights. With
 * `edge`, inputs outside the row of `width` are left out. */
INLINE void depthwise_taps (const float *in, const float *weights, const int pixels, const int kernel, const int stride,
                            const bool edge, int left, int width, vec sums[])
{
    vec w[5];
    UNROLL for (int k = 0; k < kernel; k++) w[k] = vec_load (weights + 16 * k);
    UNROLL for (int i = 0; i < (pixels - 1) * stride + kernel; i++)
    {
        if (edge && (unsigned)(left + i) >= (unsigned)width)
            continue;
        vec v = vec_load (in + 16 * i);
        UNROLL for (int k = 0; k < kernel; k++)
        {
            int p = (i - k) / stride;
            if (i >= k && (i - k) % stride == 0 && p < pixels)
                sums[p] = vec_fma (v, w[k], sums[p]);
        }
    }
}

/* The same for any window. */
INLINE void depthwise_taps_any (const struct depthwise_run *run, const float *in, const float *weights,
                                const int pixels, int left, vec sums[])
{
    const struct window *w = &run->window;
    for (int k = 0; k < w->kernel_w; k++) {
        vec weight = vec_load (weights + 16 * k);
        UNROLL for (int p = 0; p < pixels; p++)
        {
            int at = p * w->stride_w + k * w->dilation_w;
            if ((unsigned)(left + at) < (unsigned)w->in_width)
                sums[p] = vec_fma (vec_load (in + 16 * (ptrdiff_t)at), weight, sums[p]);
        }
    }
}

/* `pixels` outputs from x on. kernel is 0 when the window is none of those compiled for. */
INLINE void depthwise_strip (const struct depthwise_run *run, int x, const int pixels, const int kernel,
                             const int stride, const bool edge)
{
    float tile[STRIP * BLOCK] __attribute__ ((aligned (64)));
    int left = x * run->window.stride_w - run->window.pad_left;
    for (int c = 0; c < BLOCK; c += LANES) {
        vec sums[STRIP], bias = vec_load (run->bias + run->channel + c);
        UNROLL for (int p = 0; p < pixels; p++) sums[p] = bias;
        for (int r = 0; r < run->row_count; r++) {
            const float *in = run->rows[r] + 16 * (ptrdiff_t)left + c;
            if (kernel)
                depthwise_taps (in, run->weights[r] + c, pixels, kernel, stride, edge, left, run->window.in_width,
                                sums);
            else
                depthwise_taps_any (run, in, run->weights[r] + c, pixels, left, sums);
        }
        depthwise_finish (run, x, pixels, c, sums, tile);
    }
    if (!run->finish->plain)
        FOR_ISA (finish_tile) (run->finish, tile, pixels, 1, run->channel, run->out + 16 * x, 0);
}

INLINE void depthwise_strip_of (const struct depthwise_run *run, int x, int pixels, const int kernel, const int stride,
                                const bool edge)
{
    switch (pixels) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        depthwise_strip (run, x, n, kernel, stride, edge);                                                             \
        break;
        CASE (1)
        CASE (2)
        CASE (3)
        CASE (4)
        CASE (5)
        CASE (6)
        CASE (7)
        CASE (8)
#undef CASE
    }
}

/* A row in strips of nearly equal size. */
INLINE void depthwise_row (const struct depthwise_run *run, const int kernel, const int stride)
{
    const struct window *w = &run->window;
    int strips = (w->out_width + STRIP - 1) / STRIP, reach = (w->kernel_w - 1) * w->dilation_w;
    for (int t = 0, x = 0; t < strips; t++) {
        int pixels = (w->out_width - x + strips - t - 1) / (strips - t);
        int left = x * w->stride_w - w->pad_left, right = left + (pixels - 1) * w->stride_w + reach;
        if (left < 0 || right >= w->in_width)
            depthwise_strip_of (run, x, pixels, kernel, stride, true);
        else
            depthwise_strip_of (run, x, pixels, kernel, stride, false);
        x += pixels;
    }
}

void kernels_depthwise (const struct depthwise_run *run)
{
    const struct window *w = &run->window;
    if (w->kernel_w == 3 && w->stride_w == 1 && w->dilation_w == 1)
        depthwise_row (run, 3, 1);
    else if (w->kernel_w == 3 && w->stride_w == 2 && w->dilation_w == 1)
        depthwise_row (run, 3, 2);
    else if (w->kernel_w == 5 && w->stride_w == 1 && w->dilation_w == 1)
        depthwise_row (run, 5, 1);
    else if (w->kernel_w == 5 && w->stride_w == 2 && w->dilation_w == 1)
        depthwise_row (run, 5, 2);
    else
        depthwise_row (run, 0, 0);
}
