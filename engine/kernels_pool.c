/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_pool.c: maxima and averages. Compiled once per instruction set. */
#include "kernels.h"
#include "vec.h"

#define kernels_pool FOR_ISA (kernels_pool)
void kernels_pool (const struct pool_args *args);

/* One output whose taps [first, last) of every row lie inside; constants where the row is full. */
INLINE void pool_pixel (const struct pool_args *args, const enum pool_kind kind, int x, int first, int last)
{
    const struct window *w = &args->window;
    vec v[PER_BLOCK];
    UNROLL for (int c = 0; c < PER_BLOCK; c++) v[c] = vec_set (kind == POOL_MAX ? -INFINITY : 0.0f);
    for (int r = 0; r < args->row_count; r++) {
        const float *in = args->rows[r] + 16 * (ptrdiff_t)(x * w->stride_w - w->pad_left);
        for (int k = first; k < last; k++)
            UNROLL for (int c = 0; c < PER_BLOCK; c++)
            {
                vec next = vec_load (in + 16 * (ptrdiff_t)k * w->dilation_w + c * LANES);
                v[c] = kind == POOL_MAX ? vec_max_nan (v[c], next) : vec_add (v[c], next);
            }
    }
    if (kind == POOL_AVERAGE) {
        int inside = (last - first) * args->row_count;
        vec divisor = vec_set (args->divisor ? args->divisor[x] : (float)(inside > 0 ? inside : 1));
        UNROLL for (int c = 0; c < PER_BLOCK; c++) v[c] = vec_div (v[c], divisor);
    }
    UNROLL for (int c = 0; c < PER_BLOCK; c++) vec_store (args->out + 16 * x + c * LANES, v[c]);
}

/* The largest of a column of three. */
INLINE vec column_max (const float *const *rows, ptrdiff_t at)
{
    return vec_max_nan (vec_max_nan (vec_load (rows[0] + at), vec_load (rows[1] + at)), vec_load (rows[2] + at));
}

/* Pixels [x, end) of a 3x3 max-pool that see no border, what nearly every network has. With stride 2 the last column of
 * one pixel is the first of the next. */
INLINE void pool_max3 (const struct pool_args *args, int x, int end, const int stride)
{
    const struct window *w = &args->window;
    const float *const *rows = args->rows;
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        ptrdiff_t at = 16 * ((ptrdiff_t)x * w->stride_w - w->pad_left) + lane;
        vec shared = column_max (rows, at);
        for (int i = x; i < end; i++, at += 16 * (ptrdiff_t)w->stride_w) {
            vec first = stride == 2 ? shared : column_max (rows, at);
            shared = column_max (rows, at + 32);
            vec v = vec_max_nan (vec_max_nan (first, column_max (rows, at + 16)), shared);
            vec_store (args->out + 16 * (ptrdiff_t)i + lane, v);
        }
    }
}

/* Pixels [x, end) whatever they see. */
INLINE void pool_any (const struct pool_args *args, const enum pool_kind kind, int x, int end)
{
    const struct window *w = &args->window;
    for (; x < end; x++) {
        int left = x * w->stride_w - w->pad_left; /* of the window; taps [first, last) lie inside */
        int first = left < 0 ? (-left + w->dilation_w - 1) / w->dilation_w : 0;
        int last = left >= w->in_width ? 0 : (w->in_width - left + w->dilation_w - 1) / w->dilation_w;
        if (last > w->kernel_w)
            last = w->kernel_w;
        pool_pixel (args, kind, x, first, last > first ? last : first);
    }
}

INLINE void pool_as (const struct pool_args *args, const enum pool_kind kind)
{
    const struct window *w = &args->window;
    int first = 0, last = 0, room = w->in_width + w->pad_left - 3; /* pixels [first, last) see neither side */
    if (kind == POOL_MAX && args->row_count == 3 && w->kernel_w == 3 && w->dilation_w == 1 && room >= 0) {
        first = (w->pad_left + w->stride_w - 1) / w->stride_w;
        last = room / w->stride_w + 1 < w->out_width ? room / w->stride_w + 1 : w->out_width;
    }
    if (first >= last)
        first = last = 0;
    pool_any (args, kind, 0, first);
    if (first < last && w->stride_w == 2)
        pool_max3 (args, first, last, 2);
    else if (first < last)
        pool_max3 (args, first, last, 1);
    pool_any (args, kind, last, w->out_width);
}

void kernels_pool (const struct pool_args *args)
{
    if (args->kind == POOL_MAX)
        pool_as (args, POOL_MAX);
    else
        pool_as (args, POOL_AVERAGE);
}
