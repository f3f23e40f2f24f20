/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_winograd.c: the transforms of Winograd's minimal filtering F(m x m, 3 x 3), m = 2 and 4, F(4 x 2, 3 x 3), and
 * m = 2 for stride 2; the products between them are kernels.conv's. Compiled once per instruction set.
 *
 * Cook-Toom on n = m + 2 points a side: Y = A' [(G g G') .* (B' d B)] A (Lavin and Gray, 2015). The points of m = 4 are
 * 0, +-5/8, +-3/2 and infinity: half the rounding error of 0, +-1, +-2 at the same number of operations. G is applied
 * once, by conv_winograd.c.
 *
 * With stride 2 an output is a sum over the even pixels, two taps long, and one over the odd pixels, one tap long. The
 * first is F(2, 2) with 3 points, the second has nothing to gain: 5 products for 2 outputs a side instead of 6, 25
 * instead of 36 for 2 x 2. Its transforms only add, so it is as exact as the direct sum.
 *
 * The last tile of a side may be a small one, so that 14 outputs are 4 + 4 + 4 + 2 with 22 products a side, not 24 as
 * for 16, and 7 are 2 + 2 + 2 + 1 with 15, not 16. A transformed filter is the filter's polynomial at the points,
 * whatever the tile, but for a factor that the small tile's B' or A' takes in: small tiles use some of the points and
 * the same weights.
 *
 *   patch d [n_h][n_w] of one block -> rows of B' -> columns -> v [n_h n_w][tiles][16]
 *   m_ [n_h n_w][tiles][16] -> rows of A' -> columns -> out [m_h][m_w], cut at the image's edge */
#include "epilogue.h"

#define kernels_winograd_input FOR_ISA (kernels_winograd_input)
#define kernels_winograd_output FOR_ISA (kernels_winograd_output)
void kernels_winograd_input (const struct winograd_args *args);
void kernels_winograd_output (const struct winograd_args *args);

/* The points and their powers and products. */
#define A 0.625f
#define B 1.5f
#define A2 0.390625f
#define B2 2.25f
#define A3 0.244140625f
#define B3 3.375f
#define A2B2 0.87890625f
#define A2PB2 2.640625f

/* v = B' d, m = 4: each row holds the coefficients of the product of (x - point) over the other points. */
INLINE void forward4 (const vec d[6], vec v[6])
{
    vec even1 = vec_fma (vec_set (-B2), d[2], d[4]), odd1 = vec_fma (vec_set (-B2), d[1], d[3]);
    vec even2 = vec_fma (vec_set (-A2), d[2], d[4]), odd2 = vec_fma (vec_set (-A2), d[1], d[3]);
    v[0] = vec_fma (vec_set (A2B2), d[0], vec_fma (vec_set (-A2PB2), d[2], d[4]));
    v[1] = vec_fma (vec_set (A), odd1, even1);
    v[2] = vec_fma (vec_set (-A), odd1, even1);
    v[3] = vec_fma (vec_set (B), odd2, even2);
    v[4] = vec_fma (vec_set (-B), odd2, even2);
    v[5] = vec_fma (vec_set (A2B2), d[1], vec_fma (vec_set (-A2PB2), d[3], d[5]));
}

/* y = A' m: powers of the points. */
INLINE void inverse4 (const vec m[6], vec y[4])
{
    vec sum1 = vec_add (m[1], m[2]), difference1 = vec_sub (m[1], m[2]);
    vec sum2 = vec_add (m[3], m[4]), difference2 = vec_sub (m[3], m[4]);
    y[0] = vec_add (vec_add (m[0], sum1), sum2);
    y[1] = vec_fma (vec_set (A), difference1, vec_mul (vec_set (B), difference2));
    y[2] = vec_fma (vec_set (A2), sum1, vec_mul (vec_set (B2), sum2));
    y[3] = vec_fma (vec_set (A3), difference1, vec_fma (vec_set (B3), difference2, m[5]));
}

INLINE void forward2 (const vec d[4], vec v[4])
{
    v[0] = vec_sub (d[0], d[2]);
    v[1] = vec_add (d[1], d[2]);
    v[2] = vec_sub (d[2], d[1]);
    v[3] = vec_sub (d[3], d[1]);
}

INLINE void inverse2 (const vec m[4], vec y[2])
{
    y[0] = vec_add (vec_add (m[0], m[1]), m[2]);
    y[1] = vec_add (vec_sub (m[1], m[2]), m[3]);
}

/* Stride 2: the even pixels d0, d2, d4 meet taps 0 and 2, the odd ones d1, d3 tap 1. */
INLINE void forward_s2 (const vec d[5], vec v[5])
{
    v[0] = vec_sub (d[0], d[2]);
    v[1] = d[2];
    v[2] = vec_sub (d[4], d[2]);
    v[3] = d[1];
    v[4] = d[3];
}

INLINE void inverse_s2 (const vec m[5], vec y[2])
{
    y[0] = vec_add (vec_add (m[0], m[1]), m[3]);
    y[1] = vec_add (vec_add (m[1], m[2]), m[4]);
}

/* The small tiles. F(2,3) on 0, +-5/8 and infinity, with the other tile's weights: theirs lack the factors (0 - B2) and
 * (A2 - B2), which the products over the points +-3/2 would have had. */
INLINE void forward4_small (const vec d[4], vec v[4])
{
    vec middle = vec_mul (vec_set (A2 - B2), d[2]), side = vec_mul (vec_set (A * (A2 - B2)), d[1]);
    v[0] = vec_fma (vec_set (A2B2), d[0], vec_mul (vec_set (-B2), d[2]));
    v[1] = vec_add (middle, side);
    v[2] = vec_sub (middle, side);
    v[3] = vec_fma (vec_set (-A2), d[1], d[3]);
}

INLINE void inverse4_small (const vec m[4], vec y[2])
{
    y[0] = vec_add (vec_add (m[0], m[1]), m[2]);
    y[1] = vec_fma (vec_set (A), vec_sub (m[1], m[2]), m[3]);
}

/* One output on 0, 1 and infinity: the weights at 1 are half of (g0 + g1 + g2). */
INLINE void forward2_small (const vec d[3], vec v[3])
{
    v[0] = vec_sub (d[0], d[1]);
    v[1] = vec_add (d[1], d[1]);
    v[2] = vec_sub (d[2], d[1]);
}

/* One output as it is; the weights at 0 and infinity are the even taps. */
INLINE void forward_s2_small (const vec d[3], vec v[3])
{
    v[0] = d[0];
    v[1] = d[2];
    v[2] = d[1];
}

/* What a side of a tile has: pixels of its patch, which are as many as its points; outputs; its i-th point's place
 * among the n. All constants once inlined, like n and small. */
INLINE int pixels_of (const int n, const bool small)
{
    return !small ? n : n == 6 ? 4 : 3;
}

INLINE int outputs_of (const int n, const bool small)
{
    return (n == 6 ? 4 : 2) / (small ? 2 : 1);
}

INLINE int point_of (const int n, const bool small, const int i)
{
    if (!small)
        return i;
    return n == 5 ? i + (i > 0) : i + 1 < pixels_of (n, true) ? i : n - 1;
}

INLINE void forward (const int n, const bool small, const vec *d, vec *v)
{
    if (n == 6)
        (small ? forward4_small : forward4) (d, v);
    else if (n == 4)
        (small ? forward2_small : forward2) (d, v);
    else
        (small ? forward_s2_small : forward_s2) (d, v);
}

INLINE void inverse (const int n, const bool small, const vec *in, vec *y)
{
    if (small && n == 6)
        inverse4_small (in, y);
    else if (small)
        y[0] = vec_add (vec_add (in[0], in[1]), in[2]);
    else if (n == 6)
        inverse4 (in, y);
    else if (n == 4)
        inverse2 (in, y);
    else
        inverse_s2 (in, y);
}

/* Row y of B' of one column of a patch, and row y + 1 where both come from the same four pixels: y is 0, 1 (and 2),
 * 3 (and 4) or 5. rows[i] + at: pixel i of the column. */
INLINE void forward4_rows (const int y, const float *const rows[6], ptrdiff_t at, vec *one, vec *two)
{
    if (y == 0 || y == 5) {
        const int first = y == 5;
        vec middle = vec_load (rows[first + 2] + at), last = vec_load (rows[first + 4] + at);
        *one = vec_fma (vec_set (A2B2), vec_load (rows[first] + at), vec_fma (vec_set (-A2PB2), middle, last));
        return;
    }
    vec other = vec_set (y == 1 ? -B2 : -A2), point = vec_set (y == 1 ? A : B);
    vec even = vec_fma (other, vec_load (rows[2] + at), vec_load (rows[4] + at));
    vec odd = vec_fma (other, vec_load (rows[1] + at), vec_load (rows[3] + at));
    *one = vec_fma (point, odd, even);
    *two = vec_fma (vec_set (y == 1 ? -A : -B), odd, even);
}

/* The 36 values of B' d are more than there are registers: two rows of it at a time, from pixels loaded anew. */
INLINE void input_tile4 (const int n_w, const bool small_w, const float *const rows[6], ptrdiff_t lane, float *v,
                         ptrdiff_t v_point)
{
    const int width = pixels_of (n_w, small_w);
    UNROLL for (int y = 0; y < 6; y += y == 1 || y == 3 ? 2 : 1)
    {
        vec one[6], two[6], line[6];
        UNROLL for (int x = 0; x < width; x++) forward4_rows (y, rows, 16 * x + lane, &one[x], &two[x]);
        forward (n_w, small_w, one, line);
        UNROLL for (int x = 0; x < width; x++)
            vec_store (v + (y * n_w + point_of (n_w, small_w, x)) * v_point, line[x]);
        if (y == 0 || y == 5)
            continue;
        forward (n_w, small_w, two, line);
        UNROLL for (int x = 0; x < width; x++)
            vec_store (v + ((y + 1) * n_w + point_of (n_w, small_w, x)) * v_point, line[x]);
    }
}

INLINE void input_tile (const int n_h, const int n_w, const bool small_h, const bool small_w,
                        const float *const rows[6], ptrdiff_t lane, float *v, ptrdiff_t v_point)
{
    const int height = pixels_of (n_h, small_h), width = pixels_of (n_w, small_w);
    vec half[5][6]; /* B' d: [row][column] */
    UNROLL for (int x = 0; x < width; x++)
    {
        vec d[5], column[5];
        UNROLL for (int y = 0; y < height; y++) d[y] = vec_load (rows[y] + 16 * x + lane);
        forward (n_h, small_h, d, column);
        UNROLL for (int y = 0; y < height; y++) half[y][x] = column[y];
    }
    UNROLL for (int y = 0; y < height; y++)
    {
        vec line[6];
        float *to = v + point_of (n_h, small_h, y) * n_w * v_point;
        forward (n_w, small_w, half[y], line);
        UNROLL for (int x = 0; x < width; x++) vec_store (to + point_of (n_w, small_w, x) * v_point, line[x]);
    }
}

/* Pixels [first, last) of a row, zeros where there are none. */
INLINE void copy_pixels (const float *from, int first, int last, float *to)
{
    for (int x = first; x < last; x++)
        UNROLL for (int lane = 0; lane < BLOCK; lane += LANES)
            vec_store (to + x * BLOCK + lane, from ? vec_load (from + x * BLOCK + lane) : vec_set (0.0f));
}

/* Rows of a patch that begins at column `left`, some of it outside the image, are copied into `patch` between zeros.
 * Not inlined: one copy for each size of tile would be 60 KB of code. */
static __attribute__ ((noinline)) void pad_columns (int height, int width, const float *rows[6], int left, int in_width,
                                                    float *patch)
{
    /* 0 <= first < last <= width: a patch has a pixel of the image */
    int first = left < 0 ? -left : 0, last = in_width - left < width ? in_width - left : width;
    for (int y = 0; y < height; y++) {
        float *to = patch + y * width * BLOCK;
        copy_pixels (NULL, 0, first, to);
        copy_pixels (rows[y], first, last, to);
        copy_pixels (NULL, last, width, to);
        rows[y] = to;
    }
}

INLINE void winograd_input (const struct winograd_args *args, const int n_h, const int n_w, const bool small_h,
                            const bool small_w)
{
    static const float zeros[6 * BLOCK] __attribute__ ((aligned (64)));
    const int height = pixels_of (n_h, small_h), width = pixels_of (n_w, small_w), stride = n_h == 5 ? 2 : 1;
    float patch[36 * BLOCK] __attribute__ ((aligned (64)));
    ptrdiff_t in_row = 16 * (ptrdiff_t)args->in_width;
    for (int t = 0; t < args->tiles; t++) {
        int top = args->tile[t].top * stride - args->pad_top, left = args->tile[t].left * stride - args->pad_left;
        bool across = left < 0 || left + width > args->in_width;
        const float *rows[6];
        UNROLL for (int y = 0; y < height; y++)
        {
            bool inside = (unsigned)(top + y) < (unsigned)args->in_height;
            rows[y] = inside ? args->in + (top + y) * in_row + 16 * left : zeros;
        }
        if (across)
            pad_columns (height, width, rows, left, args->in_width, patch);
        for (int lane = 0; lane < BLOCK; lane += LANES)
            if (n_h == 6 && !small_h)
                input_tile4 (n_w, small_w, rows, lane, args->v + 16 * t + lane, args->v_point);
            else
                input_tile (n_h, n_w, small_h, small_w, rows, lane, args->v + 16 * t + lane, args->v_point);
    }
}

/* The outputs of one tile, cut where the image ends. */
INLINE void output_tile (const struct winograd_args *args, const int n_h, const int n_w, const bool small_h,
                         const bool small_w, const float *in, int top, int left)
{
    const int height = outputs_of (n_h, small_h), width = outputs_of (n_w, small_w);
    const int points_h = pixels_of (n_h, small_h), points_w = pixels_of (n_w, small_w);
    const struct epilogue *epilogue = args->epilogue;
    int rows = args->height - top < height ? args->height - top : height;
    int columns = args->width - left < width ? args->width - left : width;
    ptrdiff_t start = 16 * ((ptrdiff_t)top * args->width + left), stride = 16 * (ptrdiff_t)args->width;
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    float buffer[4 * 4 * BLOCK] __attribute__ ((aligned (64)));
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        vec bias = vec_load (args->bias + args->channel + lane);
        vec half[4][6];
        UNROLL for (int x = 0; x < points_w; x++)
        {
            vec column[6], y[4];
            const float *from = in + point_of (n_w, small_w, x) * args->m_point + lane;
            UNROLL for (int i = 0; i < points_h; i++) column[i] =
                vec_load (from + point_of (n_h, small_h, i) * n_w * args->m_point);
            inverse (n_h, small_h, column, y);
            UNROLL for (int i = 0; i < height; i++) half[i][x] = y[i];
        }
        UNROLL for (int y = 0; y < height; y++)
        {
            vec line[4];
            inverse (n_w, small_w, half[y], line);
            if (y >= rows)
                break;
            UNROLL for (int x = 0; x < width; x++)
            {
                ptrdiff_t at = start + y * stride + 16 * x + lane;
                vec v = vec_add (line[x], bias);
                if (x >= columns)
                    break;
                if (args->residual)
                    v = vec_add (v, vec_load (args->residual + at));
                if (epilogue->clamp_only)
                    vec_store (args->out + at, vec_clamp (v, low, high));
                else
                    vec_store (buffer + (y * width + x) * BLOCK + lane, v);
            }
        }
    }
    if (epilogue->clamp_only)
        return;
    for (int y = 0; y < rows; y++) {
        float *out = args->out + start + y * stride;
        FOR_ISA (epilogue_tile) (epilogue, buffer + y * width * BLOCK, columns, 1, args->channel, out, 0);
    }
}

INLINE void winograd_output (const struct winograd_args *args, const int n_h, const int n_w, const bool small_h,
                             const bool small_w)
{
    for (int t = 0; t < args->tiles; t++)
        output_tile (args, n_h, n_w, small_h, small_w, args->m_ + 16 * t, args->tile[t].top, args->tile[t].left);
}

/* One copy of the code for each size of tile. */
#define SIZE(n_h, n_w, small_h, small_w) (((n_h)*8 + (n_w)) * 4 + (small_h)*2 + (small_w))
#define CASE(function, args, n_h, n_w, small_h, small_w)                                                               \
    case SIZE (n_h, n_w, small_h, small_w):                                                                            \
        function (args, n_h, n_w, small_h, small_w);                                                                   \
        break;
#define SQUARE(function, args, n)                                                                                      \
    CASE (function, args, n, n, false, false)                                                                          \
    CASE (function, args, n, n, false, true)                                                                           \
    CASE (function, args, n, n, true, false)                                                                           \
    CASE (function, args, n, n, true, true)
#define FOR_SIZES(function, args)                                                                                      \
    switch (SIZE ((args)->n_h, (args)->n_w, (args)->small_h, (args)->small_w)) {                                       \
        SQUARE (function, args, 4)                                                                                     \
        SQUARE (function, args, 5)                                                                                     \
        SQUARE (function, args, 6)                                                                                     \
        CASE (function, args, 6, 4, false, false)                                                                      \
        CASE (function, args, 6, 4, true, false)                                                                       \
    }

void kernels_winograd_input (const struct winograd_args *args)
{
    FOR_SIZES (winograd_input, args)
}

void kernels_winograd_output (const struct winograd_args *args)
{
    FOR_SIZES (winograd_output, args)
}
