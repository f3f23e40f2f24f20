/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_depthwise_bytes.c: the depthwise convolution of bytes, one block of channels at a time. Compiled for the kind
 * of words that DEPTHWISE_KERNEL names.
 *
 * Rows of the input are copied with the zero point round them, so that nothing sees a side. A register tile is up to
 * four rows of four pixels: each four pixels of the input become one word for each channel, and meet the weights of all
 * the tile's sums that they belong to:
 *
 *   64 bytes [4 pixels][16 channels] -> [16 channels][4 pixels]      once
 *   -> a product with the four weights of a row of the window, for up to `kernel` output rows and two pixels
 */
#include "epilogue.h"
#include "kernels_words.h"
#include "vec_math.h"

#define kernels_depthwise_bytes JOIN (FOR_ISA (kernels_depthwise_bytes), WORDS)
void kernels_depthwise_bytes (const struct depthwise_bytes_args *args);

enum { PIXELS = DEPTHWISE_PIXELS, ROWS = 4, WIDEST = 7, PIXEL = BLOCK };

typedef uint8_t pixel __attribute__ ((vector_size (16), aligned (16), may_alias));
typedef uint8_t pixels __attribute__ ((vector_size (64), aligned (16), may_alias));

/* `count` pixels of bytes `value`; of four or more the last four may be written twice, as in the next one. */
INLINE void fill (uint8_t *to, ptrdiff_t count, pixels value)
{
    for (ptrdiff_t i = 0; count < 4 && i < count; i++)
        *(pixel *)(to + PIXEL * i) = *(const pixel *)&value;
    for (ptrdiff_t i = 0; count >= 4 && i < count - 4; i += 4)
        *(pixels *)(to + PIXEL * i) = value;
    if (count >= 4)
        *(pixels *)(to + PIXEL * (count - 4)) = value;
}

INLINE void copy (uint8_t *to, const uint8_t *from, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; count < 4 && i < count; i++)
        *(pixel *)(to + PIXEL * i) = *(const pixel *)(from + PIXEL * i);
    for (ptrdiff_t i = 0; count >= 4 && i < count - 4; i += 4)
        *(pixels *)(to + PIXEL * i) = *(const pixels *)(from + PIXEL * i);
    if (count >= 4)
        *(pixels *)(to + PIXEL * (count - 4)) = *(const pixels *)(from + PIXEL * (count - 4));
}

/* The rows that the output rows read. */
INLINE void stage (const struct depthwise_bytes_args *args, ptrdiff_t row)
{
    int top = args->first * args->stride - args->pad_top, rows = (args->rows - 1) * args->stride + args->kernel;
    ptrdiff_t left = args->pad_left, room = row / PIXEL - left, count = args->in_width < room ? args->in_width : room;
    pixels zero = (pixels) { 0 } + (uint8_t)args->zero;
    uint8_t *to = args->scratch;
    for (int y = top; y < top + rows; y++, to += row) {
        if (y < 0 || y >= args->in_height) {
            fill (to, row / PIXEL, zero);
            continue;
        }
        fill (to, left, zero);
        copy (to + PIXEL * left, args->in + (ptrdiff_t)y * args->in_width * PIXEL, count);
        fill (to + PIXEL * (left + count), room - count, zero);
    }
}

/* What a tile's sums become, beside scale and shift: bytes that are clamped, or rounded twice and clamped, or a hard
 * swish, all in registers; or something else, by the stack. */
enum end { END_CLAMP, END_TWICE, END_SWISH, END_OTHER };

INLINE enum end end_of (const struct depthwise_bytes_args *args)
{
    const struct epilogue *epilogue = args->epilogue;
    enum activation_kind kind = epilogue->activation.kind;
    if (args->requantise->out != ELEMENT_U8 || args->residual)
        return END_OTHER;
    if (epilogue->clamp_only)
        return args->requantise->twice ? END_TWICE : END_CLAMP;
    return kind == ACTIVATION_HARD_SWISH && epilogue->post_scale ? END_SWISH : END_OTHER;
}

/* Scaled sums [rows][PIXELS][16] at row y, pixel x -> outputs; `sums` is written to. */
static __attribute__ ((noinline)) void finish (const struct depthwise_bytes_args *args, int y, int x, int rows,
                                               float *sums)
{
    const struct requantise *how = args->requantise;
    const struct epilogue *epilogue = args->epilogue;
    int count = args->out_width - x < PIXELS ? args->out_width - x : PIXELS;
    vec scale = vec_set (how->residual_scale), low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    for (int r = 0; r < rows && (args->residual || epilogue->clamp_only); r++)
        for (int p = 0; p < count; p++) {
            float *sum = sums + (r * PIXELS + p) * BLOCK;
            ptrdiff_t at = BLOCK * ((ptrdiff_t)(y + r) * args->out_width + x + p);
            vec v = vec_load (sum);
            if (args->residual && how->residual == ELEMENT_U8)
                v = vec_add (v, vec_mul (vec_load_bytes ((const uint8_t *)args->residual + at), scale));
            else if (args->residual)
                v = vec_add (v, vec_mul (vec_load ((const float *)args->residual + at), scale));
            vec_store (sum, epilogue->clamp_only ? vec_clamp (v, low, high) : v);
        }
    if (!epilogue->clamp_only)
        FOR_ISA (epilogue_tile) (epilogue, sums, rows * PIXELS, 1, args->channel, sums, 0);
    for (int r = 0; r < rows; r++) {
        ptrdiff_t at = (ptrdiff_t)(y + r) * args->out_width + x;
        words w[PIXELS];
        UNROLL for (int p = 0; p < PIXELS; p++)
        {
            vec v = vec_load (sums + (r * PIXELS + p) * BLOCK);
            if (how->out == ELEMENT_F32 && p < count)
                vec_store ((float *)args->out + BLOCK * (at + p), v);
            w[p] = words_nearest (vec_min (vec_set (255.0f), v));
        }
        if (how->out == ELEMENT_U8)
            words_store_pixels ((uint8_t *)args->out + PIXEL * at, w, count);
    }
}

/* Scaled sums of a tile at `out` -> bytes: of_v is what becomes of one, v, as a whole number. */
#define STORE_TILE(of_v)                                                                                               \
    UNROLL for (int r = 0; r < rows; r++, out += PIXEL * (ptrdiff_t)args->out_width)                                   \
    {                                                                                                                  \
        words w[PIXELS];                                                                                               \
        UNROLL for (int p = 0; p < PIXELS; p++)                                                                        \
        {                                                                                                              \
            vec v = vec_fused (words_floats (sums[r][p]), scale, shift);                                               \
            w[p] = of_v;                                                                                               \
        }                                                                                                              \
        words_store_pixels (out, w, args->out_width - x);                                                              \
    }

/* Sums of a tile at row y, pixel x -> outputs. */
INLINE void tile_end (const struct depthwise_bytes_args *args, int y, int x, const int rows, words sums[][PIXELS],
                      enum end end)
{
    const struct requantise *how = args->requantise;
    const struct epilogue *epilogue = args->epilogue;
    const int channel = args->channel;
    vec scale = vec_load (how->scale + channel), shift = vec_load (how->shift + channel);
    uint8_t *out = (uint8_t *)args->out + PIXEL * ((ptrdiff_t)y * args->out_width + x);
    if (end == END_CLAMP) {
        vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
        STORE_TILE (words_nearest (vec_clamp (v, low, high)))
    } else if (end == END_TWICE) {
        vec least = vec_set (how->low), most = vec_set (how->high), again = vec_set (how->again);
        vec beyond = vec_set (how->beyond), low = vec_set (epilogue->low), high = vec_set (epilogue->high);
        STORE_TILE (
            words_nearest (vec_clamp (vec_fused (vec_round (vec_clamp (v, least, most)), again, beyond), low, high)))
    } else if (end == END_SWISH) {
        vec unit = vec_load (epilogue->post_scale + channel), zero = vec_load (epilogue->post_shift + channel);
        vec none = vec_set (0.0f), most = vec_set (255.0f);
        STORE_TILE (words_nearest (
            vec_min (most, vec_fma (vec_activation (ACTIVATION_HARD_SWISH, v, none, none, none), unit, zero))))
    } else {
        float buffer[ROWS * PIXELS * BLOCK] __attribute__ ((aligned (64)));
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PIXELS; p++)
            vec_store (buffer + (r * PIXELS + p) * BLOCK, vec_fused (words_floats (sums[r][p]), scale, shift));
        finish (args, y, x, rows, buffer);
    }
}

/* Output rows [y, y + rows) of those of the call. The last three are constants at every call. */
INLINE void strip (const struct depthwise_bytes_args *args, int y, ptrdiff_t row, enum end end, const int rows,
                   const int kernel, const int stride)
{
    const int groups = (kernel + 3) / 4, last = (PIXELS - 1) * stride + 4 * (groups - 1);
    const uint8_t *in = args->scratch + y * stride * row;
    words order = words_order (), start = words_load (args->start + args->channel), w[WIDEST * 2];
    UNROLL for (int i = 0; i < kernel * groups; i++) w[i] = words_load (args->weights + 4 * BLOCK * i);
    for (int x = 0; x < args->out_width; x += PIXELS, in += PIXELS * PIXEL * stride) {
        words sums[ROWS][PIXELS];
        UNROLL for (int r = 0; r < rows; r++) UNROLL for (int p = 0; p < PIXELS; p++) sums[r][p] = start;
        UNROLL_OUTER for (int i = 0; i < (rows - 1) * stride + kernel; i++)
        {
            UNROLL_OUTER for (int q = 0; q <= last; q++)
            {
                words v = words_of_pixels (in + i * row + PIXEL * q, order);
                UNROLL for (int p = 0; p < PIXELS; p++) UNROLL for (int r = 0; r < rows; r++)
                {
                    const int k = q - p * stride, above = i - r * stride;
                    if (k >= 0 && k % 4 == 0 && k < 4 * groups && above >= 0 && above < kernel)
                        sums[r][p] = words_dot (v, w[above * groups + k / 4], sums[r][p]);
                }
            }
        }
        tile_end (args, y, x, rows, sums, end);
    }
}

/* A function for each window: gcc's time grows faster than a function's size. */
#define FOR_WINDOWS(DO) DO (3, 1) DO (3, 2) DO (5, 1) DO (5, 2) DO (7, 1) DO (7, 2)

#define ALL_ROWS(kernel, stride)                                                                                       \
    static __attribute__ ((noinline)) void rows_##kernel##_##stride (const struct depthwise_bytes_args *args,          \
                                                                     ptrdiff_t row, enum end end)                      \
    {                                                                                                                  \
        for (int y = 0; y < args->rows; y += ROWS)                                                                     \
            switch (args->rows - y) {                                                                                  \
            case 1:                                                                                                    \
                strip (args, y, row, end, 1, kernel, stride);                                                          \
                break;                                                                                                 \
            case 2:                                                                                                    \
                strip (args, y, row, end, 2, kernel, stride);                                                          \
                break;                                                                                                 \
            case 3:                                                                                                    \
                strip (args, y, row, end, 3, kernel, stride);                                                          \
                break;                                                                                                 \
            default:                                                                                                   \
                strip (args, y, row, end, ROWS, kernel, stride);                                                       \
            }                                                                                                          \
    }
FOR_WINDOWS (ALL_ROWS)

void kernels_depthwise_bytes (const struct depthwise_bytes_args *args)
{
    ptrdiff_t row = depthwise_bytes_row (args->kernel, args->stride, args->out_width);
    enum end end = end_of (args);
    stage (args, row);
    switch (10 * args->kernel + args->stride) {
#define CASE(kernel, stride)                                                                                           \
    case 10 * kernel + stride:                                                                                         \
        rows_##kernel##_##stride (args, row, end);                                                                     \
        break;
        FOR_WINDOWS (CASE)
#undef CASE
    }
}
