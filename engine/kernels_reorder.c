/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_reorder.c: between planar order (NCHW), blocks of 16 channels (nChw16c) and pixels of bytes. Compiled once
 * per instruction set. */
#include "kernels.h"
#include "vec.h"

#define kernels_reorder_to_blocked FOR_ISA (kernels_reorder_to_blocked)
#define kernels_reorder_to_planar FOR_ISA (kernels_reorder_to_planar)
#define kernels_image FOR_ISA (kernels_image)
void kernels_reorder_to_blocked (const float *in, float *out, int channels, ptrdiff_t pixels);
void kernels_reorder_to_planar (const float *in, float *out, int channels, ptrdiff_t pixels);
void kernels_image (const struct image *image, int first, int last, float *out);

void kernels_reorder_to_blocked (const float *in, float *out, int channels, ptrdiff_t pixels)
{
    for (int first = 0; first < channels; first += BLOCK) {
        int count = channels - first < BLOCK ? channels - first : BLOCK;
        float *block = out + first * pixels;
        for (ptrdiff_t p = 0; p < pixels; p++) {
            for (int c = 0; c < count; c++)
                block[16 * p + c] = in[(first + c) * pixels + p];
            for (int c = count; c < BLOCK; c++)
                block[16 * p + c] = 0;
        }
    }
}

void kernels_reorder_to_planar (const float *in, float *out, int channels, ptrdiff_t pixels)
{
    for (int c = 0; c < channels; c++) {
        const float *from = in + c / BLOCK * BLOCK * pixels + c % BLOCK;
        float *to = out + c * pixels;
        for (ptrdiff_t p = 0; p < pixels; p++)
            to[p] = from[16 * p];
    }
}

/* bytes is a constant at every call, so the loops vectorise. */
INLINE void image_row (const struct image *image, const uint8_t *from, float *to, ptrdiff_t plane, const int bytes)
{
    for (int c = 0; c < 3; c++) {
        const float scale = image->scale[c], shift = image->shift[c];
        const uint8_t *in = from + image->order[c];
        float *out = to + c * plane;
        for (int x = 0; x < image->width; x++)
            out[x] = (float)in[x * bytes] * scale + shift;
    }
}

void kernels_image (const struct image *image, int first, int last, float *out)
{
    ptrdiff_t plane = (ptrdiff_t)image->width * image->height;
    for (int y = first; y < last; y++) {
        const uint8_t *from = image->pixels + y * image->stride;
        if (image->pixel_bytes == 3)
            image_row (image, from, out + (ptrdiff_t)y * image->width, plane, 3);
        else
            image_row (image, from, out + (ptrdiff_t)y * image->width, plane, 4);
    }
}
