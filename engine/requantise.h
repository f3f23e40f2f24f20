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

/* Sums -> outputs for a tile of `rows` pixels starting at pixel `first`. Types are looked at once a tile: within its
 * loops, which are unrolled, gcc would take seconds for each. */
INLINE void tile_epilogue (const struct conv_args *args, int first, const int rows, const int blocks,
                           words sums[][NR_BLOCKS * PER_BLOCK])
{
    const struct requantise *how = args->requantise;
    const struct epilogue *epilogue = args->epilogue;
    const int vectors = blocks * PER_BLOCK;
    vec v[MR][NR_BLOCKS * PER_BLOCK];
    UNROLL for (int c = 0; c < vectors; c++)
    {
        vec scale = vec_load (how->scale + args->channel + c * LANES);
        vec shift = vec_load (how->shift + args->channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++) v[r][c] = vec_fused (words_floats (sums[r][c]), scale, shift);
    }
    vec scale = vec_set (how->residual_scale);
    if (args->residual && how->residual == ELEMENT_U8) {
        const uint8_t *residual = args->residual;
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++) v[r][c] =
            vec_fused (vec_load_bytes (residual + tile_at (args, first + r, c)), scale, v[r][c]);
    } else if (args->residual) {
        const float *residual = args->residual;
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++) v[r][c] =
            vec_fused (vec_load (residual + tile_at (args, first + r, c)), scale, v[r][c]);
    }
    if (!epilogue->clamp_only) {
        float buffer[NR_BLOCKS * MR * BLOCK] __attribute__ ((aligned (64)));
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++)
            vec_store (buffer + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, v[r][c]);
        tile_activation (args, first, rows, blocks, buffer);
        return;
    }
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++) v[r][c] =
        vec_clamp (v[r][c], low, high);
    if (how->out == ELEMENT_U8) {
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < blocks; b++)
            vec_store_bytes ((uint8_t *)args->out + tile_at (args, first + r, b * PER_BLOCK), &v[r][b * PER_BLOCK]);
    } else {
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < vectors; c++)
            vec_store ((float *)args->out + tile_at (args, first + r, c), v[r][c]);
    }
}

#endif

#endif
