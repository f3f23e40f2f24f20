/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plain_pool.c: pthreadpool's part that the engine uses, by starting and joining threads. The thread sanitizer sees
 * nothing of how the real one, which it has not compiled, passes work on; here it sees everything. Takes the place of the
 * library where the tests are built with that sanitizer, and nowhere else. */
#include <pthread.h>
#include <pthreadpool.h>
#include <stdlib.h>

enum { THREADS = 64 };

struct pthreadpool {
    size_t threads;
};

struct task {
    pthreadpool_task_1d_t function;
    void *argument;
    size_t index;
};

pthreadpool_t pthreadpool_create (size_t threads)
{
    struct pthreadpool *pool = malloc (sizeof *pool);
    if (pool)
        pool->threads = threads;
    return pool;
}

void pthreadpool_destroy (pthreadpool_t pool)
{
    free (pool);
}

static void *work (void *argument)
{
    const struct task *task = argument;
    task->function (task->argument, task->index);
    return NULL;
}

void pthreadpool_parallelize_1d (pthreadpool_t pool, pthreadpool_task_1d_t function, void *argument, size_t range,
                                 uint32_t flags)
{
    pthread_t threads[THREADS];
    struct task tasks[THREADS];
    if (range > THREADS || range > pool->threads)
        abort ();
    for (size_t i = 1; i < range; i++) {
        tasks[i] = (struct task) { function, argument, i };
        if (pthread_create (&threads[i], NULL, work, &tasks[i]) != 0)
            abort ();
    }
    function (argument, 0);
    for (size_t i = 1; i < range; i++)
        pthread_join (threads[i], NULL);
}
