/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_direct_bf16.c: the direct convolution of floats that are rounded to bf16 to be multiplied: twice as many
 * multiplications an instruction, half the bytes of weights. Sums are floats, and so is everything between steps.
 *
 *   band of floats -> worker's scratch, [block][y][x][8 words of two channels] -> kernel -> floats
 *
 * A band is rounded once by each worker that needs it, while it is copied (conv_direct.c, STAGING_WIDEN, _PAD,
 * _SAMPLE). */
#include "engine/conv_cost.h"
#include "engine/conv_direct.h"
#include "engine/conv_weights.h"

/* The last word of an odd number of channels would have a lane that may be NaN. */
static bool fits (const struct conv_method *method, const struct preparation *p, const struct step *step, bool planar)
{
    (void)method;
    return p->bf16 && !planar && step->in_channels % p->bf16->k_step == 0;
}

/* What staging takes: of a block of a pixel, and beside. */
enum { STAGE_CYCLES = 3, STAGE_BEGIN = 200 };

static double cycles (const struct conv_method *method, const struct preparation *p, const struct step *step)
{
    (void)method;
    double taps = (double)step->conv.kernel_h * step->conv.kernel_w;
    double weights = taps * filled_pairs (&step->conv, step->in_channels, p->bf16).pairs / p->bf16->k_step;
    double staged = (double)divide_up (step->in_channels, BLOCK) * step->height * step->width;
    return product_cycles (p, weights * step->height * step->width, weights) + STAGE_CYCLES * staged + STAGE_BEGIN;
}

const struct conv_method conv_direct_bf16 = {
    .name = "direct, bf16",
    .bf16 = true,
    .algorithms = 1 << ALGORITHM_DIRECT,
    .gain = 1,
    .fits = fits,
    .cycles = cycles,
    .lay = direct_lay,
    .pack = direct_pack,
    .prepare = direct_prepare,
    .run = direct_run,
};
