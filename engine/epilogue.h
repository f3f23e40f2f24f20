/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* epilogue.h: the end of every kernel: residual, activation and affine on values still in registers, then the one
 * store.
 *
 * Those that only clamp (none, relu, clip) stay in registers. The others put a tile of sums on the stack, where it
 * stays in the first-level cache, and epilogue_tile turns it into outputs: their arithmetic is compiled once, not once
 * per tile shape. */
#ifndef CONVRELU_EPILOGUE_H
#define CONVRELU_EPILOGUE_H

#include "kernels.h"
#include "vec.h"

/* CASE (n) for every count of rows that a tile of any instruction set can have. */
#define FOR_MR(CASE)                                                                                                   \
    CASE (1)                                                                                                           \
    CASE (2)                                                                                                           \
    CASE (3)                                                                                                           \
    CASE (4)                                                                                                           \
    CASE (5)                                                                                                           \
    CASE (6)                                                                                                           \
    CASE (7)                                                                                                           \
    CASE (8)                                                                                                           \
    CASE (9)                                                                                                           \
    CASE (10)                                                                                                          \
    CASE (11)                                                                                                          \
    CASE (12)                                                                                                          \
    CASE (13)                                                                                                          \
    CASE (14)

/* tile [blocks][pixels][16] of sums (the residual already added) -> out [b * out_block + 16 p + c]. */
void FOR_ISA (epilogue_tile) (const struct epilogue *epilogue, const float *tile, int pixels, int blocks, int channel,
                              float *out, ptrdiff_t out_block);

/* Where vector `c` of a tile's output channels is for its pixel `pixel`, in elements of out or residual from the tile's
 * first; `block` is args->out_block, which a store to out might change for all that the compiler knows. */
INLINE ptrdiff_t tile_at (ptrdiff_t block, const int pixel, const int c)
{
    return c / PER_BLOCK * block + 16 * pixel + c % PER_BLOCK * LANES;
}

INLINE vec vec_clamp (vec v, vec low, vec high)
{
    return vec_min (high, vec_max (low, v));
}

#endif
