/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_reorder.c: between planar order (NCHW) and blocks of 16 channels (nChw16c). Compiled once per instruction
 * set. */
#include "kernels.h"
#include "vec.h"

#define kernels_reorder_to_blocked FOR_ISA (kernels_reorder_to_blocked)
#define kernels_reorder_to_planar FOR_ISA (kernels_reorder_to_planar)
void kernels_reorder_to_blocked (const float *in, float *out, int channels, ptrdiff_t pixels);
void kernels_reorder_to_planar (const float *in, float *out, int channels, ptrdiff_t pixels);

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
