/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_steps.h: what run_layers.c runs, every step but the convolutions, and the state that plan.c gives each. */
#ifndef CONVRELU_RUN_STEPS_H
#define CONVRELU_RUN_STEPS_H

#include "engine/schedule.h"

/* Of run_pool: a struct pool; of run_global_pool: an enum pool_kind. */

struct pointwise_step { /* of run_pointwise */
    enum pointwise_operation operation;
    ptrdiff_t b_pixel, b_block;
    bool b_lane;
    const float *scale, *shift;
};

struct pick_step { /* of run_pick and run_copy */
    struct pick pick;
    int out_channel; /* first channel of the output, of a part of a concat; run_copy: on a block border */
};

void run_import (struct execution *e, const struct step *step);
void run_pool (struct execution *e, const struct step *step);
void run_global_pool (struct execution *e, const struct step *step);
void run_pointwise (struct execution *e, const struct step *step);
void run_copy (struct execution *e, const struct step *step);
void run_pick (struct execution *e, const struct step *step);
void run_reshape (struct execution *e, const struct step *step);
void run_softmax (struct execution *e, const struct step *step);
void run_log_softmax (struct execution *e, const struct step *step);
void run_export (struct execution *e, const struct step *step);

#endif
