/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_elementwise.c: the end of a kernel whose activation is no clamp, and element-wise layers. Compiled once per
 * instruction set. */
#include "epilogue.h"
#include "vec_math.h"

#define kernels_elementwise FOR_ISA (kernels_elementwise)
void kernels_elementwise (const struct elementwise_args *args);

/* ---- epilogues ------------------------------------------------------------------------------------------------- */

/* Parameters and not a struct: `kind` is a constant at every call, and the others stay in registers. */
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
INLINE vec elementwise_value (const struct elementwise_args *args, const enum elementwise_operation operation,
                              ptrdiff_t p, int c)
{
    vec v = vec_load (args->a + 16 * p + c);
    if (operation != ELEMENTWISE_FIRST) {
        const float *b = args->b + p * args->b_pixel;
        vec second = args->b_lane ? vec_set (*b) : vec_load (b + c);
        v = operation == ELEMENTWISE_ADD   ? vec_add (v, second)
            : operation == ELEMENTWISE_MUL ? vec_mul (v, second)
            : operation == ELEMENTWISE_MAX ? vec_max_nan (v, second)
                                           : vec_mul (vec_sub (v, second), vec_set (b[1]));
    }
    if (args->scale)
        v = vec_fused (v, vec_load (args->scale + args->channel + c), vec_load (args->shift + args->channel + c));
    if (args->residual)
        v = vec_add (v, vec_load (args->residual + 16 * p + c));
    return v;
}

INLINE void elementwise_as (const struct elementwise_args *args, const enum elementwise_operation operation)
{
    enum { CHUNK = 16 };
    const struct epilogue *epilogue = args->epilogue;
    if (epilogue->clamp_only) {
        vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
        for (ptrdiff_t p = 0; p < args->pixels; p++)
            UNROLL for (int c = 0; c < BLOCK; c += LANES)
                vec_store (args->out + 16 * p + c, vec_clamp (elementwise_value (args, operation, p, c), low, high));
        return;
    }
    float tile[CHUNK * BLOCK] __attribute__ ((aligned (64)));
    for (ptrdiff_t first = 0; first < args->pixels; first += CHUNK) {
        int count = (int)(args->pixels - first < CHUNK ? args->pixels - first : CHUNK);
        for (int p = 0; p < count; p++)
            UNROLL for (int c = 0; c < BLOCK; c += LANES)
                vec_store (tile + 16 * p + c, elementwise_value (args, operation, first + p, c));
        FOR_ISA (epilogue_tile) (epilogue, tile, count, 1, args->channel, args->out + 16 * first, 0);
    }
}

void kernels_elementwise (const struct elementwise_args *args)
{
    switch (args->operation) {
    case ELEMENTWISE_FIRST:
        elementwise_as (args, ELEMENTWISE_FIRST);
        break;
    case ELEMENTWISE_ADD:
        elementwise_as (args, ELEMENTWISE_ADD);
        break;
    case ELEMENTWISE_MUL:
        elementwise_as (args, ELEMENTWISE_MUL);
        break;
    case ELEMENTWISE_MAX:
        elementwise_as (args, ELEMENTWISE_MAX);
        break;
    case ELEMENTWISE_NORMALISE:
        elementwise_as (args, ELEMENTWISE_NORMALISE);
        break;
    case ELEMENTWISE_OPERATIONS:
        break;
    }
}
