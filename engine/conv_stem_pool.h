/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_stem_pool.h: a stem and its max-pool as one step. */
#ifndef CONVRELU_CONV_STEM_POOL_H
#define CONVRELU_CONV_STEM_POOL_H

#include "engine/conv.h"

/* Whether `pool_step`, the max-pool `pool` that alone reads the convolution `step`, is better made from its rows as
 * they come. */
bool stem_pool_fits (const struct step *step, const struct step *pool_step, const struct pool *pool);
/* Makes it so, with step->fused_pool set. False: memory short. */
bool stem_pool_prepare (struct preparation *p, struct step *step, const struct pool *pool);

#endif
