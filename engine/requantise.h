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

INLINE vec residual_at (const struct conv_args *args, ptrdiff_t at)
{
    if (args->requantise->residual == ELEMENT_U8)
        return vec_load_bytes ((const uint8_t *)args->residual + at);
    return vec_load ((const float *)args->residual + at);
}

/* What is more than a clamp goes by the stack. */
INLINE void tile_activation (const struct conv_args *args, int first, const int rows, const int blocks,
                             vec v[][NR_BLOCKS * PER_BLOCK])
{
    float buffer[NR_BLOCKS * MR * BLOCK] __attribute__ ((aligned (64)));
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        vec_store (buffer + (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES, v[r][c]);
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
    if (args->residual) {
        vec scale = vec_set (how->residual_scale);
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < blocks * PER_BLOCK; c++)
        {
            ptrdiff_t at = c / PER_BLOCK * args->out_block + 16 * (ptrdiff_t)(first + r) + c % PER_BLOCK * LANES;
            v[r][c] = vec_fused (residual_at (args, at), scale, v[r][c]);
        }
    }
    if (!epilogue->clamp_only) {
        tile_activation (args, first, rows, blocks, v);
        return;
    }
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int b = 0; b < blocks; b++)
    {
        ptrdiff_t at = b * args->out_block + 16 * (ptrdiff_t)(first + r);
        vec *block = &v[r][b * PER_BLOCK];
        UNROLL for (int c = 0; c < PER_BLOCK; c++) block[c] = vec_clamp (block[c], low, high);
        if (how->out == ELEMENT_U8)
            vec_store_bytes ((uint8_t *)args->out + at, block);
        else UNROLL
            for (int c = 0; c < PER_BLOCK; c++)
                vec_store ((float *)args->out + at + c * LANES, block[c]);
    }
}

#endif

#endif
