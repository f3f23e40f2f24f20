/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.h: one step of a plan: what it reads and makes, and how; and how operators append theirs to it. */
#ifndef CONVRELU_STEP_H
#define CONVRELU_STEP_H

#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/packed.h"
#include "engine/place.h"

struct cpu;       /* cpu.h */
struct ranges;    /* ranges.h */
struct execution; /* schedule.h */
struct step;

typedef void run_function (struct execution *e, const struct step *step);

/* A convolution that multiplies bytes. */
struct bytes {
    struct requantise requantise;
    const int32_t *start; /* [channels, padded to 16] what its sums begin with: their zero points' part */
};

struct step {
    const char *name, *operation;
    char algorithm[32];
    int in_channels, in_height, in_width;
    int channels, height, width;        /* of out */
    const void *in, *second, *residual; /* in NULL: the caller's planar input */
    void *out;
    struct {
        struct place in, second, residual, out; /* where the pointers above point, and to what */
    } place;
    struct epilogue epilogue;
    uint64_t macs, multiplications;
    run_function *run;
    void *state; /* what `run` knows beside: of the file that it is in */
    /* convolutions */
    struct conv conv;
    const struct conv_kernel *kernel; /* whose register tile and packing the method works with */
    struct packed *packed;
    struct bytes *bytes;              /* NULL: it multiplies floats */
    const struct step *prefetch_step; /* the next convolution with many weights, or NULL: what to prefetch */
    bool by_panel;                    /* work items are panels: a worker begins with one of its own */
    struct step *fused_pool;          /* the max-pool made from this one's rows as they come; out is NULL then */
};

struct steps {
    struct step *list;
    int count, capacity;
};

/* What steps are prepared with, and where they are put. */
struct preparation {
    struct graph *g;
    const struct places *places;
    int input; /* the graph's input tensor */
    const struct kernels *kernels;
    const struct conv_kernel *bf16; /* what multiplies floats as bf16, where that is asked for and there is one */
    const struct cpu *cpu;
    const struct ranges *ranges; /* of the graph's tensors, where the plan's are bytes; else NULL */
    enum algorithm algorithm;
    int threads;
    bool drop_weights; /* each layer's, once they are packed */
    struct steps *steps;
    struct memory_list *memory; /* of the plan */
    size_t scratch_bytes;       /* that any step needs for each worker; */
    size_t shared_bytes;        /*   and for all of them together */
    struct error *error;
};

/* A new step, at the end of p->steps, that makes tensor `output` from `input` by `run`; its other fields say that it
 * has no second input, no residual and no epilogue. The pointer is good until the next one. NULL: memory short,
 * p->error filled. */
struct step *step_new (struct preparation *p, run_function *run, int input, int output);

/* Residual, activation and affine of a layer, for the step that stores its output. False: memory short, p->error
 * filled. */
bool step_epilogue (struct preparation *p, struct step *step, const struct layer *layer);

/* The plan's own copy of what `run` knows beside the step. False: memory short, p->error filled. */
bool step_state (struct preparation *p, struct step *step, const void *state, size_t bytes);

/* The plan's own copy of a per-channel array of floats or of doubles, padded to 16 with zeros; NULL stays NULL. False:
 * memory short, p->error filled. */
bool step_channels (struct preparation *p, const float **to, const float *floats, const double *doubles, int channels);

/* Puts that into p->error and returns false. */
bool step_out_of_memory (struct preparation *p);

/* Where a tensor lies. */
static inline struct place place_of (const struct preparation *p, int tensor)
{
    return p->places->of[p->places->alias[tensor]];
}

/* Raises a need for memory to so many bytes. */
static inline void need_bytes (size_t *need, size_t bytes)
{
    bytes = (bytes + 63) / 64 * 64;
    if (bytes > *need)
        *need = bytes;
}

#endif
