/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* requantise.h: the end of a convolution of bytes: a tile of whole sums becomes bytes or floats. */
#ifndef CONVRELU_REQUANTISE_H
#define CONVRELU_REQUANTISE_H

#include "epilogue.h"
#include "kernels_words.h"

#ifdef WORDS

/* A block of floats of any size -> bytes: NaN becomes 0. */
INLINE void store_block_bytes (uint8_t *p, vec *v)
{
    vec zero = vec_set (0.0f), most = vec_set (255.0f);
    UNROLL for (int c = 0; c < PER_BLOCK; c++) v[c] = vec_min (vec_max (v[c], zero), most);
    vec_store_bytes (p, v);
}

/* What is more than a clamp goes by the stack: `buffer` is [blocks][rows][16], and is written to. */
static __attribute__ ((noinline)) void tile_activation (const struct conv_args *args, int first, int rows, int blocks,
                                                        float *buffer)
{
    if (args->requantise->out == ELEMENT_F32) {
        FOR_ISA (epilogue_tile)
        (args->epilogue, buffer, rows, blocks, args->channel, (float *)args->out + 16 * (ptrdiff_t)first,
         args->out_block);
        return;
    }
    FOR_ISA (epilogue_tile) (args->epilogue, buffer, rows, blocks, args->channel, buffer, rows * BLOCK);
    for (int b = 0; b < blocks; b++)
        for (int r = 0; r < rows; r++) {
            vec block[PER_BLOCK];
            UNROLL for (int c = 0; c < PER_BLOCK; c++) block[c] =
                vec_load (buffer + (b * rows + r) * BLOCK + c * LANES);
            store_block_bytes ((uint8_t *)args->out + b * args->out_block + 16 * (ptrdiff_t)(first + r), block);
        }
}

/* The block's outputs of `rows` pixels from `to` on, from vectors `from` on of each pixel. */
INLINE void store_bytes (uint8_t *to, const int rows, vec v[][NR_BLOCKS * PER_BLOCK], const int from, vec low, vec high)
{
    const int whole = rows - rows % PIXELS_STORED;
    UNROLL_OUTER for (int r = 0; r < whole; r += PIXELS_STORED)
    {
        vec together[PIXELS_STORED * PER_BLOCK];
        UNROLL for (int i = 0; i < PIXELS_STORED * PER_BLOCK; i++) together[i] =
            v[r + i / PER_BLOCK][from + i % PER_BLOCK];
        vec_store_pixels (to + 16 * r, together, low, high);
    }
    UNROLL_OUTER for (int r = whole; r < rows; r++)
    {
        vec one[PER_BLOCK];
        UNROLL for (int c = 0; c < PER_BLOCK; c++) one[c] = vec_max (vec_min (high, v[r][from + c]), low);
        vec_store_bytes (to + 16 * r, one);
    }
}

/* The first of two roundings. */
INLINE void round_first (const struct requantise *how, const int rows, const int vectors,
                         vec v[][NR_BLOCKS * PER_BLOCK])
{
    vec low = vec_set (how->low), high = vec_set (how->high), again = vec_set (how->again);
    vec beyond = vec_set (how->beyond);
    UNROLL_OUTER for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++) v[r][c] =
        vec_fused (vec_round (vec_clamp (v[r][c], low, high)), again, beyond);
}

/* Adds the residual, of whose numbers that of the tile's first pixel and channel is at `at`. */
INLINE void add_residual (const struct conv_args *args, ptrdiff_t at, const int rows, const int blocks,
                          vec v[][NR_BLOCKS * PER_BLOCK])
{
    const ptrdiff_t block = args->out_block;
    vec scale = vec_set (args->requantise->residual_scale);
    if (args->requantise->residual == ELEMENT_U8) {
        const uint8_t *residual = (const uint8_t *)args->residual + at;
        UNROLL_OUTER for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++) v[r][c] =
            vec_fused (vec_load_bytes (residual + tile_at (block, r, c)), scale, v[r][c]);
    } else {
        const float *residual = (const float *)args->residual + at;
        UNROLL_OUTER for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++) v[r][c] =
            vec_fused (vec_load (residual + tile_at (block, r, c)), scale, v[r][c]);
    }
}

/* Sums -> outputs for a tile of `rows` pixels starting at pixel `first`. Types are looked at once a tile: within its
 * loops, which are unrolled, gcc would take seconds for each. */
INLINE void tile_epilogue (const struct conv_args *args, int first, const int rows, const int blocks,
                           words sums[][NR_BLOCKS * PER_BLOCK])
{
    const struct requantise *how = args->requantise;
    const struct epilogue *epilogue = args->epilogue;
    const int vectors = blocks * PER_BLOCK;
    const ptrdiff_t at = 16 * (ptrdiff_t)first, block = args->out_block;
    vec v[MR][NR_BLOCKS * PER_BLOCK];
    UNROLL for (int c = 0; c < vectors; c++)
    {
        vec scale = vec_load (how->scale + args->channel + c * LANES);
        vec shift = vec_load (how->shift + args->channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++) v[r][c] = vec_fused (words_floats (sums[r][c]), scale, shift);
    }
    if (how->twice)
        round_first (how, rows, vectors, v);
    if (args->residual)
        add_residual (args, at, rows, blocks, v);
    if (!epilogue->clamp_only) {
        float buffer[NR_BLOCKS * MR * BLOCK] __attribute__ ((aligned (64)));
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++)
            vec_store (buffer + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, v[r][c]);
        tile_activation (args, first, rows, blocks, buffer);
        return;
    }
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    if (how->out == ELEMENT_U8) {
        if (!how->bounded) { /* from above: see vec_store_pixels */
            UNROLL_OUTER for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++) v[r][c] =
                vec_min (high, v[r][c]);
        }
        uint8_t *out = (uint8_t *)args->out + at;
        UNROLL_OUTER for (int b = 0; b < blocks; b++) store_bytes (out + b * block, rows, v, b * PER_BLOCK, low, high);
    } else {
        float *out = (float *)args->out + at;
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++)
            vec_store (out + tile_at (block, r, c), vec_clamp (v[r][c], low, high));
    }
}

#endif

#endif
