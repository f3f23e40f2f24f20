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

/* The compilers make vectors of the inner loops by themselves. */
void kernels_max_bytes (const struct max_bytes_args *args)
{
    const struct window *w = &args->window;
    for (int x = 0; x < w->out_width; x++) {
        uint8_t most[BLOCK] = { 0 }, *out = args->out + BLOCK * (ptrdiff_t)x;
        for (int r = 0; r < args->row_count; r++)
            for (int k = 0; k < w->kernel_w; k++) {
                int at = x * w->stride_w - w->pad_left + k * w->dilation_w;
                if ((unsigned)at >= (unsigned)w->in_width)
                    continue;
                const uint8_t *in = args->rows[r] + BLOCK * (ptrdiff_t)at;
                for (int c = 0; c < BLOCK; c++)
                    most[c] = in[c] > most[c] ? in[c] : most[c];
            }
        memcpy (out, most, BLOCK);
    }
}
