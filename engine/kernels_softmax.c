/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_softmax.c: softmax over channels. Compiled once per instruction set. */
#include "vec_lanes.h"
#include "vec_math.h"

#define kernels_softmax FOR_ISA (kernels_softmax)
void kernels_softmax (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block);

void kernels_softmax (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block)
{
    int blocks = (channels + BLOCK - 1) / BLOCK;
    for (ptrdiff_t p = 0; p < pixels; p++) {
        const float *x = in + 16 * p;
        float *y = out + 16 * p;
        vec top[PER_BLOCK], sum[PER_BLOCK];
        for (int i = 0; i < PER_BLOCK; i++) {
            top[i] = vec_set (-INFINITY);
            sum[i] = vec_set (0.0f);
        }
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++)
                top[i] = vec_max (top[i],
                                  lanes_load (x + b * block + i * LANES, channels - b * BLOCK - i * LANES, -INFINITY));
        vec most = vec_set (lanes_joined (top, false));
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++) {
                int left = channels - b * BLOCK - i * LANES;
                float *at = y + b * block + i * LANES;
                vec_store (at, vec_exp (vec_sub (lanes_load (x + b * block + i * LANES, left, -INFINITY), most)));
                vec e = lanes_load (at, left, 0.0f); /* lanes past the end count nothing and become 0 */
                vec_store (at, e);
                sum[i] = vec_add (sum[i], e);
            }
        vec scale = vec_set (1.0f / lanes_joined (sum, true));
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++) {
                float *at = y + b * block + i * LANES;
                vec_store (at, vec_mul (vec_load (at), scale));
            }
    }
}
