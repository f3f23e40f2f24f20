/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.h: one step of a plan: what it reads and makes, and how. */
#ifndef CONVRELU_STEP_H
#define CONVRELU_STEP_H

#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/packed.h"
#include "engine/place.h"

struct cpu;       /* cpu.h */
struct execution; /* schedule.h */

struct step {
    const char *name, *operation;
    char algorithm[32];
    int in_channels, in_height, in_width;
    int channels, height, width;         /* of out */
    const float *in, *second, *residual; /* in NULL: the caller's planar input */
    float *out;
    struct {
        struct place in, second, residual, out; /* what the pointers above become */
    } place;
    struct finish finish;
    uint64_t macs, multiplications, nanoseconds;
    void (*run) (struct execution *e, const struct step *step);
    void *state; /* what `run` knows beside: of the file that it is in */
    /* convolutions */
    struct conv conv;
    struct packed *packed;
    const struct step *next_dense; /* the next convolution but those with few weights; or NULL */
    bool by_column;                /* work items are columns: a lane begins with one of its own */
    struct step *then;             /* a step made from this one's rows as they come; out is then NULL: this one's result
                                        never lies in the arena as a whole */
};

/* What steps are prepared with. */
struct preparation {
    const struct kernels *kernels;
    const struct cpu *cpu;
    int threads;
    struct memory_list *memory; /* of the plan */
    size_t scratch_floats;      /* that any step needs for each lane; */
    size_t shared_floats;       /*   and for all of them together */
};

/* Raises a need for memory to so many floats. */
static inline void need_floats (size_t *need, size_t floats)
{
    floats = (floats + 15) / 16 * 16;
    if (floats > *need)
        *need = floats;
}

#endif
