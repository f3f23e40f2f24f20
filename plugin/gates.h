/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gates.h: whether the network is to run on a frame at all, by the properties of spending.h: max-rate, cpu-limit,
 * still-threshold; asked in this order, the cheapest first.
 *
 *   gates_open (inference, &sight) -- TRUE --> inference_begin, which calls gates_begin
 *
 * Belongs to whoever has the inference; locks as inference.h. */
#ifndef CONVRELU_GATES_H
#define CONVRELU_GATES_H

#include "plugin/spending.h"
#include "plugin/still.h"

struct inference;
struct sight;

struct gates {
    struct still still;
    struct meter meter;
    GstClockTime work_began;     /* CPU time of this thread, */
    GstClockTime help_began;     /*   of those that help the plan, */
    GstClockTime all_work_began; /*   and of the process */
};

void gates_clear (struct gates *gates); /* all zero: nothing was seen or spent */

/* TRUE: the network is to run on it. FALSE: there is a result to go with it, or no CPU time; counted in stats. */
gboolean gates_open (struct inference *inference, const struct sight *sight);

/* A run has begun on the frame asked about last. */
void gates_begin (struct inference *inference, const struct sight *sight);

/* Between these two this thread works. Where there is a cpu-limit, its CPU time is counted and that of the plan's
 * helpers (plan_helped). `converting`: how many threads of GstVideoConverter, itself among them, divided its rows;
 * their time cannot be asked for, so each is taken to have worked as long as this one, but never more than the process
 * did. */
void gates_work_begins (struct inference *inference);
void gates_work_ends (struct inference *inference, int converting);

#endif
