/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_trial.h: how long a plan's first run took, kept with the packed weights so that the next start needs none. */
#ifndef CONVRELU_PACKED_TRIAL_H
#define CONVRELU_PACKED_TRIAL_H

#include "engine/engine.h"

struct packed_trial {
    uint64_t plan;        /* packed_trial_plan of the plan that was run; 0: none was */
    uint64_t nanoseconds; /* that it took */
};

/* A number for what decides how long a run takes: instruction set, threads, and each step's method and shape. Never 0.
 * Any thread. */
uint64_t packed_trial_plan (const struct plan *plan);

#endif
