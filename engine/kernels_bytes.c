/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_bytes.c: tensors of bytes: from and to floats, and the largest byte of a window. Compiled once per
 * instruction set. */
#include "kernels.h"
#include "vec.h"

#define kernels_quantise FOR_ISA (kernels_quantise)
#define kernels_dequantise FOR_ISA (kernels_dequantise)
#define kernels_words FOR_ISA (kernels_words)
#define kernels_max_bytes FOR_ISA (kernels_max_bytes)
void kernels_quantise (const float *in, uint8_t *out, ptrdiff_t count, float scale, float zero);
void kernels_dequantise (const uint8_t *in, float *out, ptrdiff_t count, float scale, float zero);
void kernels_words (const struct words_args *args);
void kernels_max_bytes (const struct max_bytes_args *args);

void kernels_quantise (const float *in, uint8_t *out, ptrdiff_t count, float scale, float zero)
{
    vec factor = vec_set (scale), shift = vec_set (zero), least = vec_set (0.0f), most = vec_set (255.0f);
    for (ptrdiff_t i = 0; i < count; i += BLOCK) {
        vec v[PER_BLOCK];
        UNROLL for (int c = 0; c < PER_BLOCK; c++)
        {
            vec x = vec_fused (vec_load (in + i + c * LANES), factor, shift);
            v[c] = vec_min (vec_max (x, least), most);
        }
        vec_store_bytes (out + i, v);
    }
}

void kernels_dequantise (const uint8_t *in, float *out, ptrdiff_t count, float scale, float zero)
{
    vec factor = vec_set (scale), less = vec_set (zero);
    for (ptrdiff_t i = 0; i < count; i += LANES)
        vec_store (out + i, vec_mul (vec_sub (vec_load_bytes (in + i), less), factor));
}

/* One plane's bytes in their place of the words; the compilers make vectors of it. */
INLINE void plane_words (const struct words_args *args, const float *in, uint32_t *words, const int c, int pixels)
{
    for (int p = 0; p < pixels; p++) {
        float v = rintf (in[p] / args->scale) + args->zero;
        v = v > 0 ? v : 0;
        v = v < 255 ? v : 255;
        uint32_t byte = (uint32_t)(int32_t)v << (8 * c);
        words[p] = c ? words[p] | byte : byte;
    }
}

void kernels_words (const struct words_args *args)
{
    enum { CHUNK = 64 };
    uint32_t words[CHUNK];
    for (int first = 0; first < args->pixels; first += CHUNK) {
        int pixels = args->pixels - first < CHUNK ? args->pixels - first : CHUNK;
        for (int c = 0; c < args->channels; c++) {
            const float *in = args->in + c * args->plane + first;
            if (c == 0)
                plane_words (args, in, words, 0, pixels);
            else
                plane_words (args, in, words, c, pixels);
        }
        memcpy (args->out + 4 * (ptrdiff_t)first, words, 4 * (size_t)pixels);
    }
}

enum { COLUMNS = 128 }; /* of the input whose largest bytes are at hand, for some outputs of a row */

/* Column by column the largest of the rows, of pixels [left, left + columns) of the input; 0 outside. */
INLINE void largest_columns (const struct max_bytes_args *args, int left, int columns, uint8_t *to)
{
    int first = left < 0 ? -left : 0, end = args->window.in_width - left;
    first = first < columns ? first : columns;
    end = end < first ? first : end < columns ? end : columns;
    memset (to, 0, (size_t)(BLOCK * first));
    memset (to + BLOCK * end, 0, (size_t)(BLOCK * (columns - end)));
    int count = end - first, whole = count - count % PIXELS_STORED;
    ptrdiff_t in = BLOCK * (ptrdiff_t)(left + first);
    to += BLOCK * first;
    for (int p = 0; p < whole; p += PIXELS_STORED) {
        byte_vec v = byte_load (args->rows[0] + in + BLOCK * p);
        for (int r = 1; r < args->row_count; r++)
            v = byte_max (v, byte_load (args->rows[r] + in + BLOCK * p));
        byte_store (to + BLOCK * p, v);
    }
    for (int i = BLOCK * whole; i < BLOCK * count; i++) {
        uint8_t most = args->rows[0][in + i];
        for (int r = 1; r < args->row_count; r++)
            most = args->rows[r][in + i] > most ? args->rows[r][in + i] : most;
        to[i] = most;
    }
}

/* Outputs from columns; kernel is a constant for the usual windows. */
INLINE void largest_of_columns (const struct window *w, const uint8_t *columns, int outputs, const int kernel,
                                uint8_t *out)
{
    for (int x = 0; x < outputs; x++, columns += BLOCK * w->stride_w, out += BLOCK) {
        uint8_t most[BLOCK];
        memcpy (most, columns, BLOCK);
        for (int k = 1; k < kernel; k++)
            for (int c = 0; c < BLOCK; c++) { /* the compilers make vectors of it by themselves */
                uint8_t more = columns[BLOCK * k * w->dilation_w + c];
                most[c] = more > most[c] ? more : most[c];
            }
        memcpy (out, most, BLOCK);
    }
}

/* Any window, byte by byte. */
static void largest_of_all (const struct max_bytes_args *args)
{
    const struct window *w = &args->window;
    for (int x = 0; x < w->out_width; x++) {
        uint8_t most[BLOCK] = { 0 };
        for (int k = 0; k < w->kernel_w; k++) {
            int at = x * w->stride_w - w->pad_left + k * w->dilation_w;
            for (int r = 0; (unsigned)at < (unsigned)w->in_width && r < args->row_count; r++)
                for (int c = 0; c < BLOCK; c++) {
                    uint8_t more = args->rows[r][BLOCK * (ptrdiff_t)at + c];
                    most[c] = more > most[c] ? more : most[c];
                }
        }
        memcpy (args->out + BLOCK * (ptrdiff_t)x, most, BLOCK);
    }
}

void kernels_max_bytes (const struct max_bytes_args *args)
{
    const struct window *w = &args->window;
    ptrdiff_t extent = (ptrdiff_t)(w->kernel_w - 1) * w->dilation_w + 1;
    if (extent > COLUMNS || !args->row_count) {
        largest_of_all (args);
        return;
    }
    uint8_t columns[BLOCK * COLUMNS] __attribute__ ((aligned (64)));
    int most = (int)(COLUMNS - extent) / w->stride_w + 1;
    for (int x = 0, outputs; x < w->out_width; x += outputs) {
        outputs = w->out_width - x < most ? w->out_width - x : most;
        uint8_t *out = args->out + BLOCK * (ptrdiff_t)x;
        largest_columns (args, x * w->stride_w - w->pad_left, (outputs - 1) * w->stride_w + (int)extent, columns);
        if (w->kernel_w == 3)
            largest_of_columns (w, columns, outputs, 3, out);
        else if (w->kernel_w == 2)
            largest_of_columns (w, columns, outputs, 2, out);
        else
            largest_of_columns (w, columns, outputs, w->kernel_w, out);
    }
}
