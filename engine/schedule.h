/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schedule.h: how a step's work is divided among threads, and which weights are fetched ahead meanwhile. */
#ifndef CONVRELU_SCHEDULE_H
#define CONVRELU_SCHEDULE_H

#include "engine/count.h"
#include "engine/step.h"

/* A worker. Lane i starts at the i-th part of the items, which is the same part of the picture in every step, so that it
 * mostly reads what it wrote itself; then it helps the others. */
struct lane {
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
    struct lane *lanes; /* [threads] */
    void *shared;       /* scratch of a step that all lanes see */
    const float *input; /* of the current run */
};

/* for (item = 0; item < items; item++) function (e, step, lane, item), in any order, shared by all lanes. An item is a piece
 * of the output, never of a sum, so that the result does not depend on who computes it. */
typedef void item_function (struct execution *e, const struct step *step, struct lane *lane, int item);
void on_lanes (struct execution *e, const struct step *step, item_function *function, int items);

/* Weights that will be wanted soon. */
struct ahead {
    const float *weights; /* NULL: none */
    size_t floats;
};

/* The weights that the lane will want after this column's. */
struct ahead weights_after (const struct execution *e, const struct step *step, const struct lane *lane, int column);
/* How to fetch all of `ahead` within `steps` steps for columns of `blocks`, or as much as so many can; steps > 0. As many places of it
 * at a time as a tile has blocks: the processor's own prefetcher runs a bounded number of lines ahead of each, so that weights from
 * memory come at 19 GB/s from two places and at 14 from one (Intel Xeon, model 207; four are no better). ResNet-18 takes 6 % less for
 * it on one thread and 10 % on two. */
static inline struct fetch fetch_ahead (struct ahead ahead, ptrdiff_t steps, int blocks)
{
    ptrdiff_t floats = (ptrdiff_t)ahead.floats, lines = blocks * BLOCK, most = steps * lines;
    ptrdiff_t apart = ((floats < most ? floats : most) + lines - 1) / lines * BLOCK;
    return (struct fetch) { .next = ahead.weights, .step = (apart + steps - 1) / steps, .apart = apart };
}
/* What is left of it for a run that begins when `done` of the steps are past: nothing where few floats, one a step, are fetched. */
static inline struct fetch fetch_after (struct fetch all, ptrdiff_t done)
{
    bool over = done * all.step >= all.apart;
    return over ? (struct fetch) { 0 } : (struct fetch) { all.next + done * all.step, all.step, all.apart };
}

#endif
