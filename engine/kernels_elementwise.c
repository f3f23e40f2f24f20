/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_elementwise.c: the end of a kernel whose activation is no clamp, and element-wise layers. Compiled once per
 * instruction set. */
#include "epilogue.h"
#include "vec_math.h"

#define kernels_elementwise FOR_ISA (kernels_elementwise)
void kernels_elementwise (const struct elementwise_run *run);

/* ---- epilogues ------------------------------------------------------------------------------------------------- */

INLINE void epilogue_as (const enum activation_kind kind, const struct epilogue *epilogue, const float *tile,
                         int pixels, int blocks, int channel, float *out, ptrdiff_t out_block)
{
    vec alpha = vec_set (epilogue->activation.alpha), beta = vec_set (epilogue->activation.beta);
    for (int b = 0; b < blocks; b++)
        for (int c = 0; c < PER_BLOCK; c++) {
            int lane = channel + b * BLOCK + c * LANES;
            vec slope = epilogue->slope ? vec_load (epilogue->slope + lane) : alpha;
            const float *from = tile + (ptrdiff_t)b * pixels * BLOCK + c * LANES;
            float *to = out + b * out_block + c * LANES;
            if (epilogue->post_scale) {
                vec scale = vec_load (epilogue->post_scale + lane), shift = vec_load (epilogue->post_shift + lane);
                for (int p = 0; p < pixels; p++) {
                    vec v = vec_activation (kind, vec_load (from + p * BLOCK), alpha, beta, slope);
                    vec_store (to + p * BLOCK, vec_fma (v, scale, shift));
                }
            } else {
                for (int p = 0; p < pixels; p++)
                    vec_store (to + p * BLOCK, vec_activation (kind, vec_load (from + p * BLOCK), alpha, beta, slope));
            }
        }
}

void FOR_ISA (epilogue_tile) (const struct epilogue *epilogue, const float *tile, int pixels, int blocks, int channel,
                              float *out, ptrdiff_t out_block)
{
    switch (epilogue->activation.kind) {
#define ACTIVATION(KIND, name, words, formula, negatives)                                                              \
    case ACTIVATION_##KIND:                                                                                            \
        epilogue_as (ACTIVATION_##KIND, epilogue, tile, pixels, blocks, channel, out, out_block);                      \
        break;
#include "activations.def"
    case ACTIVATION_KINDS:
        break;
    }
}

/* ---- element-wise ---------------------------------------------------------------------------------------------- */

/* The value at pixel p, lanes from c on, before the epilogue; operation is a constant at every call. */
INLINE vec elementwise_value (const struct elementwise_run *run, const enum elementwise_operation operation,
                              ptrdiff_t p, int c)
{
    vec v = vec_load (run->a + 16 * p + c);
    if (operation != ELEMENTWISE_FIRST) {
        const float *b = run->b + p * run->b_pixel;
        vec second = run->b_lane ? vec_set (*b) : vec_load (b + c);
        v = operation == ELEMENTWISE_ADD ? vec_add (v, second) : vec_mul (v, second);
    }
    if (run->scale)
        v = vec_fma (v, vec_load (run->scale + run->channel + c), vec_load (run->shift + run->channel + c));
    if (run->residual)
        v = vec_add (v, vec_load (run->residual + 16 * p + c));
    return v;
}

INLINE void elementwise_as (const struct elementwise_run *run, const enum elementwise_operation operation)
{
    enum { CHUNK = 16 };
    const struct epilogue *epilogue = run->epilogue;
    if (epilogue->clamp_only) {
        vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
        for (ptrdiff_t p = 0; p < run->pixels; p++)
            UNROLL for (int c = 0; c < BLOCK; c += LANES)
                vec_store (run->out + 16 * p + c, vec_clamp (elementwise_value (run, operation, p, c), low, high));
        return;
    }
    float tile[CHUNK * BLOCK] __attribute__ ((aligned (64)));
    for (ptrdiff_t first = 0; first < run->pixels; first += CHUNK) {
        int count = (int)(run->pixels - first < CHUNK ? run->pixels - first : CHUNK);
        for (int p = 0; p < count; p++)
            UNROLL for (int c = 0; c < BLOCK; c += LANES)
                vec_store (tile + 16 * p + c, elementwise_value (run, operation, first + p, c));
        FOR_ISA (epilogue_tile) (epilogue, tile, count, 1, run->channel, run->out + 16 * first, 0);
    }
}

void kernels_elementwise (const struct elementwise_run *run)
{
    if (run->operation == ELEMENTWISE_FIRST)
        elementwise_as (run, ELEMENTWISE_FIRST);
    else if (run->operation == ELEMENTWISE_ADD)
        elementwise_as (run, ELEMENTWISE_ADD);
    else
        elementwise_as (run, ELEMENTWISE_MUL);
}
