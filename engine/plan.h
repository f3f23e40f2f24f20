/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.h: private: a plan, a list of steps over one block of memory, which plan.c makes and run.c runs. */
#ifndef CONVRELU_PLAN_H
#define CONVRELU_PLAN_H

#include "engine/schedule.h"

struct plan {
    struct graph *graph;
    struct execution execution;
    bool timed;
    enum precision precision; /* that it computes in */
    struct steps steps;
    uint64_t *nanoseconds; /* [steps] of the last run; NULL unless timed */
    char *arena;
    size_t arena_bytes;
    struct tensor *outputs, *taps;
    int output_count, tap_count;
    struct memory_list memory; /* small arrays that live as long as the plan */
};

#endif
