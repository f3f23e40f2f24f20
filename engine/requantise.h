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

/* Adds the residual to a tile [blocks][rows][16]. */
static void add_residual (const struct conv_args *args, int first, int rows, int blocks, float *tile)
{
    vec scale = vec_set (args->requantise->residual_scale);
    bool bytes = args->requantise->residual == ELEMENT_U8;
    for (int b = 0; b < blocks; b++) {
        ptrdiff_t at = b * args->out_block + 16 * (ptrdiff_t)first;
        for (int i = 0; i < rows * BLOCK; i += LANES, tile += LANES) {
            vec added = bytes ? vec_load_bytes ((const uint8_t *)args->residual + at + i)
                              : vec_load ((const float *)args->residual + at + i);
            vec_store (tile, vec_fused (added, scale, vec_load (tile)));
        }
    }
}

/* The end of a tile [blocks][rows][16] that is more than a clamp into bytes: by the stack, and compiled once, not once
 * per tile shape, which took two thirds of the compiler's time. */
static __attribute__ ((noinline)) void tile_end (const struct conv_args *args, int first, int rows, int blocks,
                                                 float *tile)
{
    const struct epilogue *epilogue = args->epilogue;
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    if (args->residual)
        add_residual (args, first, rows, blocks, tile);
    if (!epilogue->clamp_only)
        FOR_ISA (epilogue_tile) (epilogue, tile, rows, blocks, args->channel, tile, rows * BLOCK);
    for (int b = 0; b < blocks; b++)
        for (int r = 0; r < rows; r++, tile += BLOCK) {
            ptrdiff_t at = b * args->out_block + 16 * (ptrdiff_t)(first + r);
            vec v[PER_BLOCK];
            UNROLL for (int c = 0; c < PER_BLOCK; c++) v[c] = vec_load (tile + c * LANES);
            if (epilogue->clamp_only) UNROLL
                for (int c = 0; c < PER_BLOCK; c++)
                    v[c] = vec_clamp (v[c], low, high);
            if (args->requantise->out == ELEMENT_F32) UNROLL
                for (int c = 0; c < PER_BLOCK; c++)
                    vec_store ((float *)args->out + at + c * LANES, v[c]);
            else
                store_block_bytes ((uint8_t *)args->out + at, v);
        }
}

/* Sums -> outputs for a tile of `rows` pixels starting at pixel `first`. */
INLINE void tile_epilogue (const struct conv_args *args, int first, const int rows, const int blocks,
                           words sums[][NR_BLOCKS * PER_BLOCK])
{
    const struct requantise *how = args->requantise;
    const struct epilogue *epilogue = args->epilogue;
    vec v[MR][NR_BLOCKS * PER_BLOCK];
    UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
    {
        vec scale = vec_load (how->scale + args->channel + c * LANES);
        vec shift = vec_load (how->shift + args->channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++) v[r][c] = vec_fused (words_floats (sums[r][c]), scale, shift);
    }
    if (args->residual || !epilogue->clamp_only || how->out != ELEMENT_U8) {
        float tile[NR_BLOCKS * MR * BLOCK] __attribute__ ((aligned (64)));
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
            vec_store (tile + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, v[r][c]);
        tile_end (args, first, rows, blocks, tile);
        return;
    }
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < blocks; b++)
    {
        vec *block = &v[r][b * PER_BLOCK];
        UNROLL for (int c = 0; c < PER_BLOCK; c++) block[c] = vec_clamp (block[c], low, high);
        vec_store_bytes ((uint8_t *)args->out + b * args->out_block + 16 * (ptrdiff_t)(first + r), block);
    }
}

#endif

#endif
