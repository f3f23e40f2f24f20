/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_depthwise.c: the depthwise convolution, one block of channels at a time. Compiled once per instruction set.
 *
 * The usual windows are 3x3 and 5x5 without dilation. With 32 registers they keep all their weights there and take one
 * pixel after the other: multiply-adds with one factor from memory keep both units busy, and the processor overlaps the
 * pixels by itself. Smaller vectors take four pixels side by side, each input loaded once for all of them: their sums
 * are four chains where one would wait for itself (Zen 1: 9 multiply-adds in 21 cycles); they do 7x7 so, too (16 to
 * 26 % less than strips). Pixels at the sides are done alone, any other window in strips that check every column. A
 * call does many rows, since its set-up takes as long as 10 pixels.
 *
 * An epilogue that is more than a clamp works on the row of sums once it is in `out`, still in the nearest cache. */
#include "epilogue.h"

#define kernels_depthwise FOR_ISA (kernels_depthwise)
void kernels_depthwise (const struct depthwise_args *args);

enum { STRIP = 8, TOGETHER = LANES < 16 ? 4 : 1, WIDEST = 7 }; /* pixels */

/* One output row: kernel rows [first, last) lie in the image, the first of all (not of those) on `in`, which is the
 * row's first pixel even where that is outside. in, weights, bias, residual (or NULL) and out begin at the same
 * lane. */
struct row {
    int first, last;
    const float *in, *weights, *bias, *residual;
    float *out;
    vec low, high;
};

INLINE void put (const struct row *row, int x, vec sum)
{
    if (row->residual)
        sum = vec_add (sum, vec_load (row->residual + 16 * (ptrdiff_t)x));
    vec_store (row->out + 16 * (ptrdiff_t)x, vec_clamp (sum, row->low, row->high));
}

/* Pixels [x, x + STRIP) with any window. */
INLINE void strip (const struct depthwise_args *args, const struct row *row, int x)
{
    const struct window *w = &args->window;
    ptrdiff_t in_row = 16 * (ptrdiff_t)w->in_width * args->dilation_h;
    int left = x * w->stride_w - w->pad_left;
    vec sums[STRIP], bias = vec_load (row->bias);
    UNROLL for (int p = 0; p < STRIP; p++) sums[p] = bias;
    for (int r = row->first; r < row->last; r++)
        for (int k = 0; k < w->kernel_w; k++) {
            vec weight = vec_load (row->weights + 16 * ((ptrdiff_t)r * w->kernel_w + k));
            UNROLL for (int p = 0; p < STRIP; p++)
            {
                int at = left + p * w->stride_w + k * w->dilation_w;
                if ((unsigned)at < (unsigned)w->in_width)
                    sums[p] = vec_fma (vec_load (row->in + r * in_row + 16 * (ptrdiff_t)at), weight, sums[p]);
            }
        }
    UNROLL for (int p = 0; p < STRIP; p++) put (row, x + p, sums[p]);
}

/* Pixel x with any window. */
INLINE void pixel (const struct depthwise_args *args, const struct row *row, int x)
{
    const struct window *w = &args->window;
    ptrdiff_t in_row = 16 * (ptrdiff_t)w->in_width * args->dilation_h;
    int left = x * w->stride_w - w->pad_left, first = 0, last = w->kernel_w;
    while (first < last && left + first * w->dilation_w < 0)
        first++;
    while (first < last && left + (last - 1) * w->dilation_w >= w->in_width)
        last--;
    vec sum = vec_load (row->bias);
    for (int r = row->first; r < row->last; r++) {
        const float *in = row->in + r * in_row + 16 * (ptrdiff_t)left;
        const float *weights = row->weights + 16 * (ptrdiff_t)r * w->kernel_w;
        for (int k = first; k < last; k++)
            sum = vec_fma (vec_load (in + 16 * (ptrdiff_t)k * w->dilation_w), vec_load (weights + 16 * k), sum);
    }
    put (row, x, sum);
}

/* Pixels [x, end) of a row, of which some columns lie outside; kernel rows [row->first, row->first + rows) are
 * inside. The last three are constants at every call. */
INLINE void side_pixels (const struct depthwise_args *args, const struct row *row, int x, int end, const int kernel,
                         const int stride, const int rows)
{
    const struct window *window = &args->window;
    const ptrdiff_t in_row = 16 * (ptrdiff_t)window->in_width;
    const float *weights = row->weights + 16 * kernel * row->first;
    for (; x < end; x++) {
        int left = x * stride - window->pad_left, first = left < 0 ? -left : 0;
        int last = window->in_width - left < kernel ? window->in_width - left : kernel;
        const float *in = row->in + row->first * in_row + 16 * (ptrdiff_t)left;
        vec sum = vec_load (row->bias);
        for (int k = first; k < last; k++)
            UNROLL for (int r = 0; r < rows; r++) sum =
                vec_fma (vec_load (in + r * in_row + 16 * k), vec_load (weights + 16 * (kernel * r + k)), sum);
        put (row, x, sum);
    }
}

/* The same for any of the compiled windows. Windows of 7 are strips where vectors are long, which sum row by row: so
 * they do here, for the same bits. */
INLINE void sides (const struct depthwise_args *args, const struct row *row, int x, int end, const int kernel,
                   const int stride, const int rows)
{
    if (kernel <= 5)
        side_pixels (args, row, x, end, kernel, stride, rows);
    for (; kernel > 5 && x < end; x++)
        pixel (args, row, x);
}

/* Pixels [x, end) of a row by so many at a time, as far as they go; the window of the first begins at `in`, and none
 * sees a side. Returns the first pixel left. Where w is NULL, weights are loaded row by row of
 * the window. The last four are constants at every call. */
INLINE int inner_pixels (const struct row *row, int x, int end, const float *in, ptrdiff_t in_row, const vec *w,
                         const int together, const int kernel, const int stride, const int rows)
{
    const float *more = row->residual ? row->residual + 16 * (ptrdiff_t)x : NULL;
    const float *weights = row->weights + 16 * kernel * row->first;
    float *out = row->out + 16 * (ptrdiff_t)x;
    for (; x + together <= end; x += together, in += 16 * together * stride, out += 16 * together) {
        vec sums[TOGETHER];
        UNROLL for (int p = 0; p < together; p++) sums[p] = vec_load (row->bias);
        UNROLL_OUTER for (int r = 0; r < rows; r++)
        {
            vec own[WIDEST];
            UNROLL for (int k = 0; k < kernel; k++) own[k] =
                w ? w[kernel * r + k] : vec_load (weights + 16 * (kernel * r + k));
            UNROLL for (int i = 0; i < (together - 1) * stride + kernel; i++)
            {
                vec v = vec_load (in + r * in_row + 16 * i);
                UNROLL for (int p = 0; p < together; p++) if (i >= p * stride && i < p * stride + kernel) sums[p] =
                    vec_fma (v, own[i - p * stride], sums[p]);
            }
        }
        UNROLL for (int p = 0; p < together; p++)
        {
            if (more)
                sums[p] = vec_add (sums[p], vec_load (more + 16 * p));
            vec_store (out + 16 * p, vec_clamp (sums[p], row->low, row->high));
        }
        more = more ? more + 16 * together : NULL;
    }
    return x;
}

/* `count` output rows from `row` on, whose windows of kernel x kernel have all the same `rows` rows in the image. */
INLINE void dense_rows (const struct depthwise_args *args, struct row row, int count, const int kernel,
                        const int stride, const int rows)
{
    const struct window *window = &args->window;
    const ptrdiff_t in_row = 16 * (ptrdiff_t)window->in_width;
    const int width = window->out_width, room = window->in_width + window->pad_left - kernel;
    int left = (window->pad_left + stride - 1) / stride, right = room < 0 ? 0 : room / stride + 1;
    left = left < width ? left : width; /* pixels [left, right) see neither side */
    right = right < left ? left : right < width ? right : width;
    vec w[25];
    const int kept = kernel > 5 ? 0 : kernel * rows;
    UNROLL for (int i = 0; i < kept; i++) w[i] = vec_load (row.weights + 16 * (kernel * row.first + i));
    for (int y = 0; y < count; y++) {
        const float *in = row.in + row.first * in_row - 16 * (ptrdiff_t)window->pad_left;
        int x = left;
        sides (args, &row, 0, left, kernel, stride, rows);
        if (TOGETHER > 1) /* 25 or 49 weights do not stay in 16 registers: a row is loaded for all pixels together */
            x = inner_pixels (&row, x, right, in + 16 * (ptrdiff_t)x * stride, in_row, kernel == 3 ? w : NULL, TOGETHER,
                              kernel, stride, rows);
        inner_pixels (&row, x, right, in + 16 * (ptrdiff_t)x * stride, in_row, kernel > 5 ? NULL : w, 1, kernel, stride,
                      rows);
        sides (args, &row, right, width, kernel, stride, rows);
        row.in += args->stride_h * in_row;
        row.out += 16 * (ptrdiff_t)width;
        row.residual = row.residual ? row.residual + 16 * (ptrdiff_t)width : NULL;
    }
}

/* One row of one vector of channels, any window. */
INLINE void any_row (const struct depthwise_args *args, const struct row *row)
{
    int x = 0, width = args->window.out_width;
    for (; x + STRIP <= width; x += STRIP)
        strip (args, row, x);
    for (; x < width; x++)
        pixel (args, row, x);
}

/* Where the window of output row i begins, and which of its rows lie in the image. */
INLINE struct row row_at (const struct depthwise_args *args, int i, int lane)
{
    const struct epilogue *epilogue = args->epilogue;
    ptrdiff_t in_row = 16 * (ptrdiff_t)args->window.in_width, out_row = 16 * (ptrdiff_t)args->window.out_width;
    int top = (args->first + i) * args->stride_h - args->pad_top;
    struct row row = {
        .first = top < 0 ? (args->dilation_h - 1 - top) / args->dilation_h : 0,
        .last = args->kernel_h,
        .in = args->in + top * in_row + lane,
        .weights = args->weights + lane,
        .bias = args->bias + args->channel + lane,
        .residual = args->residual ? args->residual + i * out_row + lane : NULL,
        .out = args->out + i * out_row + lane,
        .low = vec_set (epilogue->clamp_only ? epilogue->low : -INFINITY),
        .high = vec_set (epilogue->clamp_only ? epilogue->high : INFINITY),
    };
    while (row.last > row.first && top + (row.last - 1) * args->dilation_h >= args->in_height)
        row.last--;
    return row;
}

/* Rows of one vector of channels; kernel is 0 when the window is none of those compiled for. */
INLINE void rows_of (const struct depthwise_args *args, int lane, const int kernel, const int stride)
{
    for (int i = 0, next; i < args->rows; i = next) {
        struct row row = row_at (args, i, lane);
        int rows = row.last - row.first;
        next = i + 1;
        if (!kernel || rows < kernel - 2 || rows < 1) {
            any_row (args, &row);
        } else if (rows == kernel) {
            int whole = (args->in_height + args->pad_top - kernel) / args->stride_h + 1 -
                        args->first; /* rows like it end there */
            next = whole < args->rows ? whole : args->rows;
            dense_rows (args, row, next - i, kernel, stride, kernel);
        } else if (rows == kernel - 1) {
            dense_rows (args, row, next - i, kernel, stride, kernel - 1);
        } else {
            dense_rows (args, row, next - i, kernel, stride, kernel - 2);
        }
    }
}

INLINE void all_rows (const struct depthwise_args *args, const int kernel, const int stride)
{
    for (int lane = 0; lane < BLOCK; lane += LANES)
        rows_of (args, lane, kernel, stride);
    if (!args->epilogue->clamp_only)
        FOR_ISA (epilogue_tile)
    (args->epilogue, args->out, args->rows * args->window.out_width, 1, args->channel, args->out, 0);
}

void kernels_depthwise (const struct depthwise_args *args)
{
    const struct window *w = &args->window;
    bool dense = w->dilation_w == 1 && args->dilation_h == 1;
    int kernel = dense && w->kernel_w == args->kernel_h ? args->kernel_h : 0;
    if (kernel == 3 && w->stride_w == 1)
        all_rows (args, 3, 1);
    else if (kernel == 3 && w->stride_w == 2)
        all_rows (args, 3, 2);
    else if (kernel == 5 && w->stride_w == 1)
        all_rows (args, 5, 1);
    else if (kernel == 5 && w->stride_w == 2)
        all_rows (args, 5, 2);
    else if (TOGETHER > 1 && kernel == 7 && w->stride_w == 1)
        all_rows (args, 7, 1);
    else
        all_rows (args, 0, 1);
}
