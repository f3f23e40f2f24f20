/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.h: how a step's work is divided among threads, and which weights are prefetched meanwhile. */
#ifndef CONVRELU_SCHEDULE_H
#define CONVRELU_SCHEDULE_H

#include "engine/count.h"
#include "engine/step.h"

/* What a step knows of a worker. Worker i starts at the i-th part of the items, which is the same part of the picture
 * in every step, so that it mostly reads what it wrote itself; then it helps the others. */
struct worker_state {
    void *scratch;    /* its own */
    int staged;       /* what scratch holds of the input: a band, for Strassen also a block; -1: none */
    int end;          /* of its part of the items of this step; */
    _Atomic int next; /*   next one nobody has taken */
    char padding[64 - sizeof (void *) - 3 * sizeof (int)]; /* one line each */
};

/* What every step of a run works with. */
struct execution {
    const struct kernels *kernels;
    struct workers *workers; /* NULL for one thread */
    int threads;
    struct worker_state *worker_states; /* [threads] */
    void *shared;                       /* scratch of a step that all workers see */
    int prefetch_places;                /* of struct cpu */
    const float *input;                 /* of the current run */
};

/* for (item = 0; item < items; item++) function (e, step, worker, item), in any order, shared by all workers. An item
 * is a piece of the output, never of a sum, so that the result does not depend on who computes it. */
typedef void item_function (struct execution *e, const struct step *step, struct worker_state *worker, int item);
void schedule_items (struct execution *e, const struct step *step, item_function *function, int items);

/* Weights that will be wanted soon, to be prefetched. */
struct next_weights {
    const float *weights; /* NULL: none */
    size_t floats;
};

/* The weights that the worker will want after this panel's. */
struct next_weights next_weights (const struct execution *e, const struct step *step, const struct worker_state *worker,
                                  int panel);
/* Spreads the prefetch of `next` over `steps` steps, > 0, for panels of `blocks`; what does not fit is left out. A
 * step's lines, one for each block, are neighbours, or as far apart as they can be, so that the hardware prefetcher has
 * that many places to follow: by struct cpu. Figures: docs/measurements.md, "Prefetch". */
static inline struct prefetch prefetch_spread (const struct execution *e, struct next_weights next, ptrdiff_t steps,
                                               int blocks)
{
    ptrdiff_t floats = (ptrdiff_t)next.floats, lines = blocks * BLOCK, most = steps * lines;
    ptrdiff_t all = floats < most ? floats : most, part = (all + lines - 1) / lines * BLOCK;
    bool one = e->prefetch_places == 1;
    ptrdiff_t length = one ? all : part;
    return (struct prefetch) {
        .next = next.weights, .step = (length + steps - 1) / steps, .apart = one && all ? BLOCK : part, .length = length
    };
}
/* What is left of it for a strip that begins when `done` of the steps are past; `next` is NULL where nothing is. */
static inline struct prefetch prefetch_rest (struct prefetch all, ptrdiff_t done)
{
    ptrdiff_t past = done * all.step;
    if (past >= all.length)
        return (struct prefetch) { 0 };
    all.next += past;
    return all;
}

#endif
