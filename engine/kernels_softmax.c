/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_softmax.c: softmax over channels. Compiled once per instruction set. */
#include "kernels.h"
#include "vec_math.h"

#define kernels_softmax FOR_ISA (kernels_softmax)
void kernels_softmax (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block);

/* One vector's worth of lanes, those from `channels` on as `fill`. */
INLINE vec load_real (const float *in, int left, float fill)
{
    float lanes[LANES] __attribute__ ((aligned (64)));
    if (left >= LANES)
        return vec_load (in);
    for (int i = 0; i < LANES; i++)
        lanes[i] = i < left ? in[i] : fill;
    return vec_load (lanes);
}

/* Sum of, or largest among, 16 lanes held in PER_BLOCK vectors: lane by lane, so that every instruction set agrees. */
INLINE float across (const vec v[PER_BLOCK], bool add)
{
    float lanes[BLOCK] __attribute__ ((aligned (64)));
    for (int i = 0; i < PER_BLOCK; i++)
        vec_store (lanes + i * LANES, v[i]);
    float result = lanes[0];
    for (int i = 1; i < BLOCK; i++)
        result = add ? result + lanes[i] : (lanes[i] > result || lanes[i] != lanes[i] ? lanes[i] : result);
    return result;
}

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
                                  load_real (x + b * block + i * LANES, channels - b * BLOCK - i * LANES, -INFINITY));
        vec most = vec_set (across (top, false));
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++) {
                int left = channels - b * BLOCK - i * LANES;
                float *at = y + b * block + i * LANES;
                vec_store (at, vec_exp (vec_sub (load_real (x + b * block + i * LANES, left, -INFINITY), most)));
                vec e = load_real (at, left, 0.0f); /* lanes past the end count nothing and become 0 */
                vec_store (at, e);
                sum[i] = vec_add (sum[i], e);
            }
        vec scale = vec_set (1.0f / across (sum, true));
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++) {
                float *at = y + b * block + i * LANES;
                vec_store (at, vec_mul (vec_load (at), scale));
            }
    }
}
