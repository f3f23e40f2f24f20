/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.c: each step's work items are taken by the workers as they come. Nothing here allocates, logs or fails. */
#include "engine/schedule.h"
#include "engine/workers.h"

#include <stdatomic.h>

/* ---- workers ---------------------------------------------------------------------------------------------------- */

struct job {
    struct execution *e;
    const struct step *step;
    item_function *function;
};

static void run_items (void *context, int index)
{
    const struct job *job = context;
    struct execution *e = job->e;
    struct worker_state *worker = &e->worker_states[index];
    uint64_t fpu = e->kernels->fpu_enter (); /* a worker has whatever its maker's thread had */
    worker->staged = -1;
    for (int i = 0; i < e->threads; i++) {
        struct worker_state *from = &e->worker_states[(index + i) % e->threads];
        for (int item; (item = atomic_fetch_add_explicit (&from->next, 1, memory_order_relaxed)) < from->end;)
            job->function (e, job->step, worker, item);
    }
    e->kernels->fpu_leave (fpu);
}

void schedule_items (struct execution *e, const struct step *step, item_function *function, int items)
{
    struct job job = { e, step, function };
    if (e->threads == 1 || items == 1) {
        e->worker_states[0].staged = -1;
        for (int item = 0; item < items; item++)
            function (e, step, &e->worker_states[0], item);
        return;
    }
    for (int i = 0; i < e->threads; i++) {
        e->worker_states[i].next = part_start (items, i, e->threads);
        e->worker_states[i].end = part_start (items, i + 1, e->threads);
    }
    workers_run (e->workers, run_items, &job, false);
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

/* No more than 256 KiB, so that they do not drive out of the L2 cache what is in use. */
enum { PREFETCH_FLOATS = 64 * 1024 };

/* The worker's part of the step's panels begins there; with `index` one more, it ends there. */
static int first_panel (const struct execution *e, const struct step *step, int index)
{
    return step->by_panel ? part_start (step->packed->panel_count, index, e->threads) : 0;
}

static struct next_weights weights_of (const struct packed *packed, int panel)
{
    size_t end = panel + 1 < packed->panel_count ? packed->panel[panel + 1].weights : packed->weight_bytes;
    size_t floats = (end - packed->panel[panel].weights) / sizeof (float);
    return (struct next_weights) { panel_weights (packed, panel), floats < PREFETCH_FLOATS ? floats : PREFETCH_FLOATS };
}

struct next_weights next_weights (const struct execution *e, const struct step *step, const struct worker_state *worker,
                                  int panel)
{
    int index = (int)(worker - e->worker_states), count = step->packed->panel_count;
    int end = step->by_panel ? first_panel (e, step, index + 1) : count;
    if (panel + 1 != end && panel + 1 < count) /* past its own part a worker helps another */
        return weights_of (step->packed, panel + 1);
    const struct step *next = step->prefetch_step;
    return next ? weights_of (next->packed, first_panel (e, next, index)) : (struct next_weights) { 0 };
}
