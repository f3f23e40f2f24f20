/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* int8_trial.h: a network, an input and ranges, and what plans of bytes make of them beside the reference. */
#ifndef CONVRELU_TESTS_INT8_TRIAL_H
#define CONVRELU_TESTS_INT8_TRIAL_H

#include "tests/random_graph.h"

#include "engine/ranges.h"

struct trial {
    const char *name;
    struct graph *g;
    struct ranges *ranges;
    float *input;
    double *scale, *low, *high; /* [tensors] of a code; what codes reach */
};

/* Of the builder's network: random input, ranges `factor` times as wide as the numbers it makes. */
struct trial trial_new (struct builder *b, const char *name, float factor);
void trial_free (struct trial *t);
/* A plan of bytes; NULL and a failed check: there is none. */
struct plan *trial_plan (const struct trial *t, const char *isa, int threads, const char *const *taps, int tap_count);
/* How many of its steps make numbers of the type. */
int trial_steps (const struct plan *plan, const char *type);
/* Same bits for 1 to 3 threads, nothing allocated, the first output. */
void trial_threads (const struct trial *t, const char *isa);
/* Every instruction set, each tensor from those before it, threads; ends the trial. */
void trial_everywhere (struct trial *t);

#endif
