/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.h: threads that help the caller with one piece of work at a time. */
#ifndef CONVRELU_WORKERS_H
#define CONVRELU_WORKERS_H

#include <stdbool.h>

struct workers; /* used by one thread at a time */

/* Called with worker 0 .. threads - 1; 0 is the caller. */
typedef void work_function (void *context, int worker);

/* Starts *threads - 1 threads, 2 <= *threads <= 256, with all signals blocked. Where the system gives fewer, *threads
 * becomes how many there are with the caller. NULL: memory is short, or *threads is 1. */
struct workers *workers_new (int *threads);
void workers_free (struct workers *workers); /* NULL is fine */

/* Runs function (context, 0) on this thread while the others join in with their number. A worker that has not come by
 * the time the caller's call returns is not waited for and not called: so every call must go on until no work is left,
 * whoever's it was. With `all` each worker is waited for and called. What a worker wrote is seen by the caller
 * afterwards. Neither allocates nor fails. */
void workers_run (struct workers *workers, work_function *function, void *context, bool all);

/* No work will come for a while: lets the workers sleep at once rather than look out for more. */
void workers_rest (struct workers *workers);

#endif
