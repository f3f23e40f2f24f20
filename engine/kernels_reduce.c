/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_reduce.c: maxima, means and mean squares over pixels or over channels. Compiled once per instruction set. */
#include "vec_lanes.h"

#define kernels_reduce FOR_ISA (kernels_reduce)
#define kernels_reduce_channels FOR_ISA (kernels_reduce_channels)
void kernels_reduce (enum reduction kind, const float *in, ptrdiff_t pixels, const float *centre, float *out);
void kernels_reduce_channels (enum reduction kind, const float *in, int channels, ptrdiff_t pixels, ptrdiff_t block,
                              const float *centre, float *out);

INLINE vec start_of (enum reduction kind)
{
    return vec_set (kind == REDUCTION_MAX ? -INFINITY : 0.0f);
}

/* `so_far` with one more number. */
INLINE vec with (enum reduction kind, vec so_far, vec x, vec centre)
{
    vec off = vec_sub (x, centre);
    return kind == REDUCTION_MAX    ? vec_max_nan (so_far, x)
           : kind == REDUCTION_MEAN ? vec_add (so_far, x)
                                    : vec_fma (off, off, so_far);
}

INLINE vec joined (enum reduction kind, vec a, vec b)
{
    return kind == REDUCTION_MAX ? vec_max_nan (a, b) : vec_add (a, b);
}

INLINE void reduce_as (const enum reduction kind, const float *in, ptrdiff_t pixels, const float *centre, float *out)
{
    for (int c = 0; c < BLOCK; c += LANES) {
        vec sums[4]; /* four chains hide the latency; their order is fixed, so every instruction set agrees */
        vec middle = centre ? vec_load (centre + c) : vec_set (0.0f);
        for (int i = 0; i < 4; i++)
            sums[i] = start_of (kind);
        for (ptrdiff_t p = 0; p < pixels; p++)
            sums[p % 4] = with (kind, sums[p % 4], vec_load (in + 16 * p + c), middle);
        vec v = joined (kind, joined (kind, sums[0], sums[1]), joined (kind, sums[2], sums[3]));
        vec_store (out + c, kind == REDUCTION_MAX ? v : vec_div (v, vec_set ((float)pixels)));
    }
}

void kernels_reduce (enum reduction kind, const float *in, ptrdiff_t pixels, const float *centre, float *out)
{
    if (kind == REDUCTION_MAX)
        reduce_as (REDUCTION_MAX, in, pixels, centre, out);
    else if (kind == REDUCTION_MEAN)
        reduce_as (REDUCTION_MEAN, in, pixels, centre, out);
    else
        reduce_as (REDUCTION_MEAN_SQUARE, in, pixels, centre, out);
}

/* `count` pixels side by side, whose lanes are added up block after block, then each pixel's 16 lanes. */
INLINE void reduce_pixels (const enum reduction kind, const float *in, int channels, const int count, ptrdiff_t block,
                           const float *centre, float *out)
{
    vec sums[4][PER_BLOCK], middle[4];
    UNROLL for (int p = 0; p < count; p++)
    {
        middle[p] = vec_set (centre ? centre[16 * p] : 0.0f);
        UNROLL for (int i = 0; i < PER_BLOCK; i++) sums[p][i] = start_of (kind);
    }
    for (int b = 0; b < channels / BLOCK; b++, in += block)
        UNROLL for (int p = 0; p < count; p++) UNROLL for (int i = 0; i < PER_BLOCK; i++) sums[p][i] =
            with (kind, sums[p][i], vec_load (in + 16 * p + i * LANES), middle[p]);
    int left = channels % BLOCK; /* lanes of one more block; the others must count nothing */
    UNROLL for (int p = 0; p < count; p++)
    {
        float fill = kind == REDUCTION_MAX ? -INFINITY : kind == REDUCTION_MEAN || !centre ? 0.0f : centre[16 * p];
        for (int i = 0; left && i < PER_BLOCK; i++)
            sums[p][i] =
                with (kind, sums[p][i], lanes_load (in + 16 * p + i * LANES, left - i * LANES, fill), middle[p]);
        float v = lanes_joined (sums[p], kind != REDUCTION_MAX);
        out[16 * p] = kind == REDUCTION_MAX ? v : v / (float)channels;
    }
}

INLINE void reduce_channels_as (const enum reduction kind, const float *in, int channels, ptrdiff_t pixels,
                                ptrdiff_t block, const float *centre, float *out)
{
    ptrdiff_t p = 0;
    for (; p + 4 <= pixels; p += 4)
        reduce_pixels (kind, in + 16 * p, channels, 4, block, centre ? centre + 16 * p : NULL, out + 16 * p);
    for (; p < pixels; p++)
        reduce_pixels (kind, in + 16 * p, channels, 1, block, centre ? centre + 16 * p : NULL, out + 16 * p);
}

void kernels_reduce_channels (enum reduction kind, const float *in, int channels, ptrdiff_t pixels, ptrdiff_t block,
                              const float *centre, float *out)
{
    if (kind == REDUCTION_MAX)
        reduce_channels_as (REDUCTION_MAX, in, channels, pixels, block, centre, out);
    else if (kind == REDUCTION_MEAN)
        reduce_channels_as (REDUCTION_MEAN, in, channels, pixels, block, centre, out);
    else
        reduce_channels_as (REDUCTION_MEAN_SQUARE, in, channels, pixels, block, centre, out);
}
