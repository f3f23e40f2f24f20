/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.h: threads that help callers, each with one piece of work at a time. All callers of a process share them.
 *
 * There are as many as all callers together ask for, but no more than the CPUs this process may run on less one, or
 * what one caller asks for: eight plans on two CPUs have one worker. A worker helps one caller, then looks for the next
 * in turn. Callers that work at the same time are given helpers only as far as there are CPUs left beside them: as many
 * callers as CPUs get more done alone. */
#ifndef CONVRELU_WORKERS_H
#define CONVRELU_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

enum { WORKERS_THREADS_MAX = 256 }; /* of one caller, itself among them */

struct workers; /* a caller's share of them; used by one thread at a time */

/* Called with index 0 .. threads - 1, no two at once with the same; 0 is the caller. */
typedef void work_function (void *context, int index);

/* How many CPUs this process may run on: 1 .. WORKERS_THREADS_MAX. */
int workers_cpus (void);

/* A share of *threads - 1 workers, 2 <= *threads <= WORKERS_THREADS_MAX; starts those that are missing, with all
 * signals blocked. Where the system gives fewer, *threads becomes how many there are with the caller. NULL: memory is
 * short, or *threads is 1. Any thread. */
struct workers *workers_new (int *threads);
void workers_free (struct workers *workers); /* NULL is fine; those that nobody asks for any more end. Any thread. */

/* Runs function (context, 0) on this thread while workers join in, each once. One that has not come by the time the
 * caller's call returns is not waited for and not called: so every call must go on until no work is left, whoever's it
 * was. With `all` as many as the share has are waited for and called. What a worker wrote is seen by the caller
 * afterwards. Neither allocates nor fails. */
void workers_run (struct workers *workers, work_function *function, void *context, bool all);

/* CPU time that workers have spent in calls of this share, the caller's own not counted, ns, since workers_new. Of the
 * caller's thread, between two calls. */
uint64_t workers_helped (const struct workers *workers);

/* No work of this caller will come for a while: its workers help others or sleep rather than look out for more, and it
 * counts no longer among those that work. */
void workers_rest (struct workers *workers);

#endif
