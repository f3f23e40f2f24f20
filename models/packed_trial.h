/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_trial.h: how long a plan's first run took, kept with the packed weights so that the next start needs none. */
#ifndef CONVRELU_PACKED_TRIAL_H
#define CONVRELU_PACKED_TRIAL_H

#include "engine/engine.h"

enum { PACKED_TRIALS = 4 };

/* Of the last plans that were tried, the newest first: fp32 and int8, one thread and several. */
struct packed_trials {
    struct {
        uint64_t plan;        /* packed_trial_plan of the plan that was run; 0: none was, nor behind it */
        uint64_t nanoseconds; /* that it took */
    } of[PACKED_TRIALS];
};

/* How long the plan's took; 0: nothing is known of it. */
uint64_t packed_trials_get (const struct packed_trials *trials, uint64_t plan);
/* Puts it in front, in place of the plan's own before or of the oldest. */
void packed_trials_put (struct packed_trials *trials, uint64_t plan, uint64_t nanoseconds);

/* A number for what decides how long a run takes: instruction set, threads, and each step's method and shape. Never 0.
 * Any thread. */
uint64_t packed_trial_plan (const struct plan *plan);

#endif
