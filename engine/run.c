/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run.c: walks the plan's steps. Nothing here allocates, logs or fails. */
#include "engine/plan.h"
#include "engine/work.h"
#include "engine/workers.h"

#include <time.h>

/* ---- runs ------------------------------------------------------------------------------------------------------- */

static uint64_t nanoseconds (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void plan_run (struct plan *plan, const float *input)
{
    plan_run_steps (plan, input, 0, plan->steps.count);
}

void plan_run_steps (struct plan *plan, const float *input, int first, int end)
{
    uint64_t fpu = plan->execution.kernels->fpu_enter ();
    plan->execution.input = input;
    for (int i = first; i < end; i++) {
        uint64_t start = plan->timed ? nanoseconds () : 0;
        plan->steps.list[i].run (&plan->execution, &plan->steps.list[i]);
        if (plan->timed)
            plan->nanoseconds[i] = nanoseconds () - start;
    }
    if (plan->execution.workers)
        workers_rest (plan->execution.workers);
    plan->execution.kernels->fpu_leave (fpu);
}

bool plan_run_unless_stopped (struct plan *plan, const float *input)
{
    for (int step = 0; step < plan->steps.count; step++) {
        if (!work_spend (0))
            return false;
        plan_run_steps (plan, input, step, step + 1);
    }
    return true;
}

uint64_t plan_helped (const struct plan *plan)
{
    return plan->execution.workers ? workers_helped (plan->execution.workers) : 0;
}

/* ---- peak ------------------------------------------------------------------------------------------------------- */

struct peak {
    const struct kernels *kernels;
    uint64_t iterations;
};

static void peak_burst (void *context, int index)
{
    const struct peak *peak = context;
    float sink[4] = { 0.999f, 0.001f, 0, 0 };
    (void)index;
    peak->kernels->peak (peak->iterations, sink);
}

/* The best of several short bursts, each long enough (about a millisecond) to dwarf the start of the threads. */
double plan_measure_peak (struct plan *plan)
{
    struct peak peak = { plan->execution.kernels, 1000 };
    float sink[4] = { 0.999f, 0.001f, 0, 0 };
    double flops = plan->execution.kernels->peak (peak.iterations, sink), best = 0;
    uint64_t end = nanoseconds () + 50000000;
    do {
        uint64_t start = nanoseconds ();
        if (plan->execution.workers)
            workers_run (plan->execution.workers, peak_burst, &peak, true);
        else
            peak_burst (&peak, 0);
        double took = (double)(nanoseconds () - start);
        if (took < 1e6) {
            peak.iterations *= 2;
            flops *= 2;
        } else if (flops * plan->execution.threads / took > best)
            best = flops * plan->execution.threads / took;
    } while (nanoseconds () < end);
    if (plan->execution.workers)
        workers_rest (plan->execution.workers);
    return best;
}
