/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_conv.c: the direct convolution. Compiled once per instruction set.
 *
 * A convolution tile is `rows` pixels x `blocks` blocks of 16 output channels, all sums in registers for the whole depth
 * of the run's sum, so that a run stores an output once, and reads it only as a residual. One step of the inner loop:
 *
 *      weights [k][16 blocks]          loaded first: PER_BLOCK * blocks vectors
 *   x  input   [rows] broadcasts       one load each, used for every weight vector
 *   -> rows * PER_BLOCK * blocks multiply-adds
 *
 * The order matters: with the weight loop outside, gcc keeps some sums on the stack. */
#include "epilogue.h"

#define kernels_conv FOR_ISA (kernels_conv)
void kernels_conv (const struct conv_run *run);

/* Sums -> outputs for a tile of `rows` pixels starting at pixel `first`. */
INLINE void tile_epilogue (const struct conv_run *run, int first, const int rows, const int blocks,
                           vec sums[][COLUMNS * PER_BLOCK])
{
    const struct epilogue *epilogue = run->epilogue;
    const float *added = run->residual;
    float *out = run->out;
    if (added) {
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        {
            const float *residual = added + c / PER_BLOCK * run->out_block + 16 * (first + r) + c % PER_BLOCK * LANES;
            sums[r][c] = vec_add (sums[r][c], vec_load (residual));
        }
    }
    if (epilogue->clamp_only) {
        vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
            vec_store (out + c / PER_BLOCK * run->out_block + 16 * (first + r) + c % PER_BLOCK * LANES,
                       vec_clamp (sums[r][c], low, high));
        return;
    }
    float tile[COLUMNS * ROWS * BLOCK] __attribute__ ((aligned (64)));
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        vec_store (tile + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, sums[r][c]);
    FOR_ISA (epilogue_tile) (epilogue, tile, rows, blocks, run->channel, out + 16 * first, run->out_block);
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
    const float *input = (const float *)run->input + first * stride;
    const float *next = *fetch;
    /* Where the next segment lies is read before this one's loop, so that its multiply-adds hide the latency, for which the next one's
     * would wait: 6 to 10 % of the time with segments of 16 (Intel Xeon, model 207). */
    const struct segment *segment = run->segments, *last = segment + run->segment_count - 1;
    const float *x = input + segment->offset;
    for (ptrdiff_t length = segment->length;; segment++) {
        const struct segment *after = segment < last ? segment + 1 : segment;
        const float *end = x + length, *next_x = input + after->offset;
        length = after->length;
        for (; x < end; x++, weights += blocks * BLOCK, next += run->fetch.step) {
            vec w[COLUMNS * PER_BLOCK];
            UNROLL for (int b = 0; b < blocks; b++) FETCH (next + b * run->fetch.apart);
            UNROLL for (int c = 0; c < columns; c++) w[c] = vec_load (weights + c * LANES);
            UNROLL for (int r = 0; r < rows; r++)
            {
                vec v = vec_set (x[r * stride]);
                UNROLL for (int c = 0; c < columns; c++) sums[r][c] = vec_fma (v, w[c], sums[r][c]);
            }
        }
        if (segment == last)
            break;
        x = next_x;
    }
    *fetch = next;
    tile_epilogue (run, first, rows, blocks, sums);
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
        FOR_ROWS (CASE)
#undef CASE
    }
}

/* All pixels of a run in tiles of nearly equal size: 27 is 14 + 13, not 14 + 13 x 1. */
INLINE void row (const struct conv_run *run, const int blocks, const ptrdiff_t stride)
{
    int tiles = (run->pixels + ROWS - 1) / ROWS;
    const float *fetch = run->fetch.step ? run->fetch.next : run->weights; /* a line that is near already */
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
