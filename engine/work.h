/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* work.h: the account of what it takes to read a file and to plan its network.
 *
 *   struct work work;
 *   work_begin (&work, WORK_STEPS, &stopped);      this thread's account from here on
 *   ... readers, graph_* and plan_new charge it: work_spend (numbers), and give up where it says no
 *   work_end (&work);
 *
 * Bytes of a hostile file decide how long their reading takes as well as how much memory. So time is a budget too: a
 * step is about a nanosecond, a number touched or four bytes copied. It is counted, not measured: the same file is
 * accepted or refused on every machine. What a thread works on without an account is not limited. */
#ifndef CONVRELU_WORK_H
#define CONVRELU_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What any file may take, and each of its bytes besides: a third of a second, and 120 MB a second. */
#define WORK_STEPS (UINT64_C (300) * 1000 * 1000)
#define WORK_STEPS_A_BYTE UINT64_C (8)

struct work {
    uint64_t limit, spent;
    uint64_t largest;        /* single charge: how long a stop may go unseen */
    uint64_t refused;        /* charges after the first that was refused: how soon the reading ends */
    const atomic_bool *stop; /* another thread sets it: every charge from then on is refused; NULL: none does */
    struct work *outer;
};

/* Makes *work the account of this thread until work_end, which makes it the one before. */
void work_begin (struct work *work, uint64_t limit, const atomic_bool *stop);
void work_end (struct work *work);
bool work_has_account (void);

/* More is allowed: a file of so many bytes is about to be read. */
void work_allow_bytes (uint64_t bytes);
/* Charges so many steps. False: they are more than is left, or the work is not wanted any more; nothing further should
 * be done. True without an account. */
bool work_spend (uint64_t steps);
/* Whether another thread has set `stop`. */
bool work_stopped (void);
/* Why the last charge was refused, to stand behind a file's name: "would take more than 300 million steps to read". */
const char *work_refusal (char text[100]);

#endif
