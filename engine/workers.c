/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.c: see workers.h.
 *
 *   gate   | generation, 15 bits | open, 1 bit | workers inside, 16 bits |
 *
 * The caller opens the gate with a new generation; workers that see it go in, once each a generation; the caller does what
 * work there is, shuts the gate and waits for those still inside. Nobody waits for a worker that the system has not let run
 * meanwhile: on a CPU shared with other programs, or with the rest of a pipeline, such a wait costs milliseconds a step, and
 * a network has 50 steps. (pthreadpool, which does wait, took 166 ms instead of 14 for ResNet-18 on two CPUs with two
 * compilers at lower priority beside it.)
 *
 * A worker looks out for the next generation for some 50 microseconds, then sleeps on a condition; workers_rest sends it to
 * sleep at once, so that nothing spins between frames. */
#include "engine/workers.h"
#include "engine/kernels.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { LOOKS = 2000 }; /* before a worker sleeps, and before the caller gives its CPU away: about 20 ns each */
static const uint32_t inside_mask = 0xffff, open_bit = 0x10000;

struct worker {
    struct workers *all;
    pthread_t thread;
    int number;
};

struct workers {
    _Atomic uint32_t gate;
    _Atomic int joined;   /* workers that went in, this generation */
    _Atomic int sleepers; /* changed under the lock */
    atomic_bool resting, ending;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    work_function *function; /* of this generation */
    void *context;
    int started; /* how many of `worker` have a thread */
    struct worker worker[];
};

static uint32_t generation_of (uint32_t gate)
{
    return gate >> 17;
}

/* Is there work that a worker who was last in generation `seen` may join? */
static bool is_open (uint32_t gate, uint32_t seen)
{
    return (gate & open_bit) && generation_of (gate) != seen;
}

static void sleep_until_open (struct workers *w, uint32_t seen)
{
    pthread_mutex_lock (&w->lock);
    atomic_fetch_add (&w->sleepers, 1); /* before the look at the gate; workers_run does the two the other way round */
    while (!is_open (atomic_load (&w->gate), seen) && !atomic_load (&w->ending))
        pthread_cond_wait (&w->opened, &w->lock);
    atomic_fetch_sub (&w->sleepers, 1);
    pthread_mutex_unlock (&w->lock);
}

static void *worker_run (void *data)
{
    struct worker *worker = data;
    struct workers *w = worker->all;
    uint32_t seen = 0;
    for (int looks = 0; !atomic_load_explicit (&w->ending, memory_order_relaxed);) {
        uint32_t gate = atomic_load_explicit (&w->gate, memory_order_relaxed);
        if (is_open (gate, seen)) {
            if (!atomic_compare_exchange_weak_explicit (&w->gate, &gate, gate + 1, memory_order_acquire,
                                                        memory_order_relaxed))
                continue;
            seen = generation_of (gate);
            atomic_fetch_add_explicit (&w->joined, 1, memory_order_relaxed);
            w->function (w->context, worker->number);
            atomic_fetch_sub_explicit (&w->gate, 1, memory_order_release);
            looks = 0;
        } else if (++looks > LOOKS || atomic_load_explicit (&w->resting, memory_order_relaxed)) {
            sleep_until_open (w, seen);
            looks = 0;
        } else {
            cpu_pause ();
        }
    }
    return NULL;
}

struct workers *workers_new (int threads)
{
    struct workers *w = calloc (1, sizeof *w + (size_t)(threads - 1) * sizeof *w->worker);
    if (!w)
        return NULL;
    if (pthread_mutex_init (&w->lock, NULL) != 0) {
        free (w);
        return NULL;
    }
    if (pthread_cond_init (&w->opened, NULL) != 0) {
        pthread_mutex_destroy (&w->lock);
        free (w);
        return NULL;
    }
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    for (; w->started < threads - 1; w->started++) {
        struct worker *worker = &w->worker[w->started];
        worker->all = w;
        worker->number = w->started + 1;
        if (pthread_create (&worker->thread, NULL, worker_run, worker) != 0)
            break;
    }
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (w->started < threads - 1) {
        workers_free (w);
        return NULL;
    }
    return w;
}

void workers_free (struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock (&w->lock);
    atomic_store (&w->ending, true);
    pthread_cond_broadcast (&w->opened);
    pthread_mutex_unlock (&w->lock);
    for (int i = 0; i < w->started; i++)
        pthread_join (w->worker[i].thread, NULL);
    pthread_cond_destroy (&w->opened);
    pthread_mutex_destroy (&w->lock);
    free (w);
}

/* Lets a moment pass: `looks` counts the calls of one wait. */
static void wait_a_little (int looks)
{
    if (looks < LOOKS)
        cpu_pause ();
    else
        sched_yield ();
}

void workers_run (struct workers *w, work_function *function, void *context, bool all)
{
    uint32_t gate = atomic_load_explicit (&w->gate, memory_order_relaxed); /* shut, and nobody inside */
    w->function = function;
    w->context = context;
    atomic_store_explicit (&w->resting, false, memory_order_relaxed);
    atomic_store_explicit (&w->joined, 0, memory_order_relaxed);
    /* Generation 0 is what new workers have seen. */
    uint32_t next = generation_of (gate) == 0x7fff ? 1 : generation_of (gate) + 1;
    atomic_store (&w->gate, next << 17 | open_bit);
    if (atomic_load (&w->sleepers) > 0) {
        pthread_mutex_lock (&w->lock);
        pthread_cond_broadcast (&w->opened);
        pthread_mutex_unlock (&w->lock);
    }
    function (context, 0);
    for (int looks = 0; all && atomic_load_explicit (&w->joined, memory_order_relaxed) < w->started; looks++)
        wait_a_little (looks);
    atomic_fetch_and_explicit (&w->gate, ~open_bit, memory_order_relaxed);
    for (int looks = 0; atomic_load_explicit (&w->gate, memory_order_acquire) & inside_mask; looks++)
        wait_a_little (looks);
}

void workers_rest (struct workers *w)
{
    atomic_store_explicit (&w->resting, true, memory_order_relaxed);
}
