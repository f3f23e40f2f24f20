/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_conv.c: the direct convolution. Compiled once per instruction set.
 *
 * A register tile is `rows` pixels x `blocks` blocks of 16 output channels, all sums in registers for the whole
 * depth of the strip's sum, so that a strip stores an output once, and reads it only as a residual. One step of the
 * inner loop:
 *
 *      weights [k][16 blocks]          loaded first: PER_BLOCK * blocks vectors
 *   x  input   [rows] broadcasts       one load each, used for every weight vector
 *   -> rows * PER_BLOCK * blocks multiply-adds
 *
 * The order matters: with the weight loop outside, gcc keeps some sums on the stack.
 *
 * With -DWORDS=<kind> it multiplies bytes (kernels_words.h): the same loop, of words of several terms, with another
 * end; with bf16 words of two terms, with the same end. */
#include "epilogue.h"
#include "kernels_words.h"

#ifdef WORDS
#define kernels_conv JOIN (FOR_ISA (kernels_conv), WORDS)
#else
#define kernels_conv FOR_ISA (kernels_conv)
#endif

#if defined WORDS && !defined WORDS_IS_bf16
#include "requantise.h"
#else

/* Sums -> outputs for a tile of `rows` pixels starting at pixel `first`. */
INLINE void tile_epilogue (const struct conv_args *args, int first, const int rows, const int blocks,
                           vec sums[][NR_BLOCKS * PER_BLOCK])
{
    const struct epilogue *epilogue = args->epilogue;
    const ptrdiff_t at = 16 * (ptrdiff_t)first, block = args->out_block;
    const float *added = args->residual ? (const float *)args->residual + at : NULL;
    float *out = (float *)args->out + at;
    if (added) {
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++) sums[r][c] =
            vec_add (sums[r][c], vec_load (added + tile_at (block, r, c)));
    }
    if (epilogue->clamp_only) {
        vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
            vec_store (out + tile_at (block, r, c), vec_clamp (sums[r][c], low, high));
        return;
    }
    float buffer[NR_BLOCKS * MR * BLOCK] __attribute__ ((aligned (64)));
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        vec_store (buffer + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, sums[r][c]);
    FOR_ISA (epilogue_tile) (epilogue, buffer, rows, blocks, args->channel, out, block);
}
#endif

void kernels_conv (const struct conv_args *args);

/* rows, blocks and, except for odd strides, stride are constants at every call. *prefetch: next weights to prefetch. */
INLINE void acc_tile (const struct conv_args *args, int first, const int rows, const int blocks, const ptrdiff_t stride,
                      const word **prefetch)
{
    const int vectors = blocks * PER_BLOCK;
    words sums[MR][NR_BLOCKS * PER_BLOCK];
    UNROLL for (int c = 0; c < vectors; c++)
    {
        words bias = words_load ((const word *)args->bias + args->channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++) sums[r][c] = bias;
    }
    const word *weights = args->weights;
    const word *input = (const word *)args->input + first * stride;
    const word *next = *prefetch;
    /* The next segment's offset is loaded before this one's loop, whose multiply-adds hide the latency (6 to 10 %). */
    const struct segment *segment = args->segments, *last = segment + args->segment_count - 1;
    const word *x = input + segment->offset;
    for (ptrdiff_t length = segment->length;; segment++) {
        const struct segment *after = segment < last ? segment + 1 : segment;
        const word *end = x + length, *next_x = input + after->offset;
        length = after->length;
        for (; x < end; x++, weights += blocks * BLOCK, next += args->prefetch.step) {
            words w[NR_BLOCKS * PER_BLOCK];
            UNROLL for (int b = 0; b < blocks; b++) PREFETCH (next + b * args->prefetch.apart);
            UNROLL for (int c = 0; c < vectors; c++) w[c] = words_load (weights + c * LANES);
            UNROLL for (int r = 0; r < rows; r++)
            {
                words v = words_set (x[r * stride]);
                UNROLL for (int c = 0; c < vectors; c++) sums[r][c] = words_dot (v, w[c], sums[r][c]);
            }
        }
        if (segment == last)
            break;
        x = next_x;
    }
    *prefetch = next;
    tile_epilogue (args, first, rows, blocks, sums);
}

/* The tile of `rows` pixels, with a code path of its own for every count up to MR: no masks, no spilled sums. */
INLINE void acc_tile_of (const struct conv_args *args, int first, int rows, const int blocks, const ptrdiff_t stride,
                         const word **prefetch)
{
    switch (rows) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        if (n <= MR)                                                                                                   \
            acc_tile (args, first, n <= MR ? n : 1, blocks, stride, prefetch);                                         \
        break;
        FOR_MR (CASE)
#undef CASE
    }
}

/* All pixels of a strip in tiles of nearly equal size: 27 is 14 + 13, not 14 + 13 x 1. */
INLINE void row (const struct conv_args *args, const int blocks, const ptrdiff_t stride)
{
    int tiles = (args->pixels + MR - 1) / MR;
    const word *prefetch =
        args->prefetch.step ? (const word *)args->prefetch.next : args->weights; /* a line that is in the cache */
    for (int t = 0, first = 0; t < tiles; t++) {
        int rows = (args->pixels - first + tiles - t - 1) / (tiles - t);
        acc_tile_of (args, first, rows, blocks, stride, &prefetch);
        first += rows;
    }
}

/* Strides met in practice are constants, so that each pixel is an address offset in the instruction. A function for
 * each: gcc's time grows faster than a function's size. */
#if defined WORDS_IS_bf16
#define FOR_STRIDES(DO)                                                                                                \
    DO (dense, 8)    /* blocked input, stride 1 */                                                                     \
    DO (strided, 16) /* blocked input, stride 2 */
#elif defined WORDS
#define FOR_STRIDES(DO)                                                                                                \
    DO (dense, BLOCK / K_STEP)       /* blocks of bytes, stride 1 */                                                   \
    DO (strided, 2 * BLOCK / K_STEP) /* stride 2 */                                                                    \
    DO (planar, 2 * 4 / K_STEP)      /* pixels that are words, stride 2: most stems */
#else
#define FOR_STRIDES(DO)                                                                                                \
    DO (dense, 16)   /* blocked input, stride 1 */                                                                     \
    DO (strided, 32) /* blocked input, stride 2 */                                                                     \
    DO (planar, 2)   /* planar input, stride 2: most stems */
#endif

#define ROWS(name, stride)                                                                                             \
    static __attribute__ ((noinline)) void name##_1 (const struct conv_args *args)                                     \
    {                                                                                                                  \
        row (args, 1, stride);                                                                                         \
    }                                                                                                                  \
    static __attribute__ ((noinline)) void name##_2 (const struct conv_args *args)                                     \
    {                                                                                                                  \
        row (args, NR_BLOCKS, stride);                                                                                 \
    }
FOR_STRIDES (ROWS)
ROWS (other, args->pixel_stride)

void kernels_conv (const struct conv_args *args)
{
    bool two = NR_BLOCKS == 2 && args->blocks == 2;
    switch (args->pixel_stride) {
#define CASE(name, stride)                                                                                             \
    case stride:                                                                                                       \
        (two ? name##_2 : name##_1) (args);                                                                            \
        break;
        FOR_STRIDES (CASE)
#undef CASE
    default:
        (two ? other_2 : other_1) (args);
    }
}

#if defined WORDS_IS_bf16
#define kernels_stage JOIN (FOR_ISA (kernels_stage), WORDS)
void kernels_stage (const void *in, void *out, ptrdiff_t count);

void kernels_stage (const void *in, void *out, ptrdiff_t count)
{
    words_stage (in, out, count);
}
#endif
