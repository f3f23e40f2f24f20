/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run.c: walks the plan's steps; each step's work items are taken by the lanes (threads) as they come.
 *
 * An item is a piece of the output, never of a sum, so the result does not depend on who computes it. Nothing here
 * allocates, logs or fails. */
#include "engine/plan.h"

#include "engine/workers.h"

#include <stdatomic.h>
#include <time.h>

/* ---- lanes ------------------------------------------------------------------------------------------------------ */

struct job {
    struct plan *plan;
    const struct record *step;
    item_function *function;
};

static void lane_run (void *context, int index)
{
    const struct job *job = context;
    struct plan *plan = job->plan;
    struct lane *lane = &plan->lanes[index];
    uint64_t fpu = plan->kernels->fpu_enter (); /* a worker has whatever its maker's thread had */
    lane->staged = -1;
    for (int i = 0; i < plan->threads; i++) {
        struct lane *from = &plan->lanes[(index + i) % plan->threads];
        for (int item; (item = atomic_fetch_add_explicit (&from->next, 1, memory_order_relaxed)) < from->end;)
            job->function (plan, job->step, lane, item);
    }
    plan->kernels->fpu_leave (fpu);
}

void on_lanes (struct plan *plan, const struct record *step, item_function *function, int items)
{
    struct job job = { plan, step, function };
    if (plan->threads == 1 || items == 1) {
        plan->lanes[0].staged = -1;
        for (int item = 0; item < items; item++)
            function (plan, step, &plan->lanes[0], item);
        return;
    }
    for (int i = 0; i < plan->threads; i++) {
        plan->lanes[i].next = part_start (items, i, plan->threads);
        plan->lanes[i].end = part_start (items, i + 1, plan->threads);
    }
    workers_run (plan->workers, lane_run, &job, false);
}

/* ---- runs ------------------------------------------------------------------------------------------------------- */

static uint64_t nanoseconds (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void run_step (struct plan *plan, const struct record *step)
{
    switch (step->kind) {
    case STEP_CONV:
        (step->then ? run_fused : run_conv) (plan, step);
        break;
    case STEP_WINOGRAD:
        run_winograd (plan, step);
        break;
    case STEP_STRASSEN:
        run_strassen (plan, step);
        break;
    case STEP_DEPTHWISE:
        run_depthwise (plan, step);
        break;
    default:
        run_layer (plan, step);
    }
}

void plan_run (struct plan *plan, const float *input)
{
    plan_run_steps (plan, input, 0, plan->step_count);
}

void plan_run_steps (struct plan *plan, const float *input, int first, int end)
{
    uint64_t fpu = plan->kernels->fpu_enter ();
    plan->input = input;
    for (int i = first; i < end; i++) {
        uint64_t start = plan->timed ? nanoseconds () : 0;
        run_step (plan, &plan->steps[i]);
        if (plan->timed)
            plan->steps[i].nanoseconds = nanoseconds () - start;
    }
    if (plan->workers)
        workers_rest (plan->workers);
    plan->kernels->fpu_leave (fpu);
}

void plan_image (struct plan *plan, const struct image *image, float *out)
{
    plan->kernels->image (image, 0, image->height, out);
}

/* ---- peak ------------------------------------------------------------------------------------------------------- */

struct peak {
    const struct kernels *kernels;
    uint64_t iterations;
};

static void peak_lane (void *context, int index)
{
    const struct peak *peak = context;
    float sink[4] = { 0.999f, 0.001f, 0, 0 };
    (void)index;
    peak->kernels->peak (peak->iterations, sink);
}

/* The best of several short bursts, each long enough (about a millisecond) to dwarf the start of the threads. */
double plan_measure_peak (struct plan *plan)
{
    struct peak peak = { plan->kernels, 1000 };
    float sink[4] = { 0.999f, 0.001f, 0, 0 };
    double flops = plan->kernels->peak (peak.iterations, sink), best = 0;
    uint64_t end = nanoseconds () + 50000000;
    do {
        uint64_t start = nanoseconds ();
        if (plan->workers)
            workers_run (plan->workers, peak_lane, &peak, true);
        else
            peak_lane (&peak, 0);
        double took = (double)(nanoseconds () - start);
        if (took < 1e6) {
            peak.iterations *= 2;
            flops *= 2;
        } else if (flops * plan->threads / took > best)
            best = flops * plan->threads / took;
    } while (nanoseconds () < end);
    if (plan->workers)
        workers_rest (plan->workers);
    return best;
}
