/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.c: each step's work items are taken by the lanes (threads) as they come. Nothing here allocates, logs or fails. */
#include "engine/schedule.h"
#include "engine/workers.h"

#include <stdatomic.h>

/* ---- lanes ------------------------------------------------------------------------------------------------------ */

struct job {
    struct execution *e;
    const struct step *step;
    item_function *function;
};

static void lane_run (void *context, int index)
{
    const struct job *job = context;
    struct execution *e = job->e;
    struct lane *lane = &e->lanes[index];
    uint64_t fpu = e->kernels->fpu_enter (); /* a worker has whatever its maker's thread had */
    lane->staged = -1;
    for (int i = 0; i < e->threads; i++) {
        struct lane *from = &e->lanes[(index + i) % e->threads];
        for (int item; (item = atomic_fetch_add_explicit (&from->next, 1, memory_order_relaxed)) < from->end;)
            job->function (e, job->step, lane, item);
    }
    e->kernels->fpu_leave (fpu);
}

void on_lanes (struct execution *e, const struct step *step, item_function *function, int items)
{
    struct job job = { e, step, function };
    if (e->threads == 1 || items == 1) {
        e->lanes[0].staged = -1;
        for (int item = 0; item < items; item++)
            function (e, step, &e->lanes[0], item);
        return;
    }
    for (int i = 0; i < e->threads; i++) {
        e->lanes[i].next = part_start (items, i, e->threads);
        e->lanes[i].end = part_start (items, i + 1, e->threads);
    }
    workers_run (e->workers, lane_run, &job, false);
}

/* ---- weights ---------------------------------------------------------------------------------------------------- */

/* More weights than that, half of a second-level cache, would drive out what is in use. Nor does it pay to have steps with few weights
 * fetch those of later ones into the third-level cache: on two threads F(4,3) at 14 x 14 pixels took 20 % less, ResNet-50 2 to 4 %, in
 * some hours, but 1 to 4 % more in others, when the cache, which other machines share, did not keep them; on one thread it never did. */
enum { AHEAD_FLOATS = 64 * 1024 };

/* The lane's part of the step's columns begins there; with `index` one more, it ends there. */
static int lane_column (const struct execution *e, const struct step *step, int index)
{
    return step->by_column ? part_start (step->packed->column_count, index, e->threads) : 0;
}

static struct ahead weights_ahead (const struct packed *packed, int column)
{
    size_t end = column + 1 < packed->column_count ? packed->column[column + 1].weights : packed->weight_bytes;
    size_t floats = (end - packed->column[column].weights) / sizeof (float);
    return (struct ahead) { column_weights (packed, column), floats < AHEAD_FLOATS ? floats : AHEAD_FLOATS };
}

struct ahead weights_after (const struct execution *e, const struct step *step, const struct lane *lane, int column)
{
    int index = (int)(lane - e->lanes), count = step->packed->column_count;
    int end = step->by_column ? lane_column (e, step, index + 1) : count;
    if (column + 1 != end && column + 1 < count) /* past its own part a lane helps another */
        return weights_ahead (step->packed, column + 1);
    const struct step *next = step->next_dense;
    return next ? weights_ahead (next->packed, lane_column (e, next, index)) : (struct ahead) { 0 };
}
