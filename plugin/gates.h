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
    GstClockTime all_work_began; /*   and of the process */
};

void gates_clear (struct gates *gates); /* all zero: nothing was seen or spent */

/* TRUE: the network is to run on it. FALSE: there is a result to go with it, or no CPU time; counted in stats. */
gboolean gates_open (struct inference *inference, const struct sight *sight);

/* A run has begun on the frame asked about last. */
void gates_begin (struct inference *inference, const struct sight *sight);

/* Between these two `threads` threads work. Where there is a cpu-limit, as much is counted as if each took the time of
 * this one, but no more than the whole process took: threads that the system does not let run leave their work to this
 * one. */
void gates_work_begins (struct gates *gates);
void gates_work_ends (struct gates *gates, int threads);

#endif
