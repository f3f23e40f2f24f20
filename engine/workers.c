/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.c: see workers.h.
 *
 *   gate   | generation, 15 bits | open, 1 bit | workers inside, 16 bits |
 *
 * The caller opens the gate with a new generation; workers that see it go in, once each a generation; the caller does
 * what work there is, shuts the gate and waits for those still inside. Nobody waits for a worker that the system has
 * not let run meanwhile: on a busy machine such a wait costs milliseconds a step, and a network has 50 steps. That is
 * why these are our own: 7.6 ms a frame on a busy machine, where pthreadpool took 12 to 164 (docs/measurements.md,
 * "Threads").
 *
 * A worker polls for the next generation for some 50 microseconds, then sleeps on a semaphore of its own; workers_rest
 * sends it to sleep at once, so that nothing spins between frames. Whoever takes `asleep` back, the worker because it
 * saw the gate open after all or the caller who will post, decides whether there is a post to wait for. A condition
 * variable would not do: waking others may wait there for one that was woken before and has not run yet. */
#include "engine/workers.h"
#include "engine/kernels.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 2000 }; /* before a worker sleeps, and before the caller gives its CPU away: about 20 ns each */
static const uint32_t inside_mask = 0xffff, open_bit = 0x10000;

struct worker {
    struct workers *all;
    pthread_t thread;
    sem_t wake;
    atomic_bool asleep;
    int number;
};

struct workers {
    _Atomic uint32_t gate;
    _Atomic int joined; /* workers that went in, this generation */
    atomic_bool resting, ending;
    work_function *function; /* of this generation */
    void *context;
    int started;   /* how many of `worker` have a thread */
    pid_t process; /* whose threads they are: a fork has none of them */
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

static void sleep_until_open (struct worker *worker, uint32_t seen)
{
    struct workers *w = worker->all;
    /* First `asleep`, then the gate; workers_run does the two the other way round. Both store with an exchange: between
     * a plain store and a load qemu's arm64 has no barrier, and both sides might look too early. */
    atomic_exchange (&worker->asleep, true);
    bool awake = is_open (atomic_load (&w->gate), seen) || atomic_load (&w->ending);
    if (awake && atomic_exchange (&worker->asleep, false))
        return;
    while (sem_wait (&worker->wake) != 0)
        ; /* interrupted */
}

static void wake_all (struct workers *w)
{
    for (int i = 0; i < w->started; i++)
        if (atomic_load (&w->worker[i].asleep) && atomic_exchange (&w->worker[i].asleep, false))
            sem_post (&w->worker[i].wake);
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
            sleep_until_open (worker, seen);
            looks = 0;
        } else {
            cpu_pause ();
        }
    }
    return NULL;
}

struct workers *workers_new (int *threads)
{
    struct workers *w = calloc (1, sizeof *w + (size_t)(*threads - 1) * sizeof *w->worker);
    if (!w)
        return NULL;
    w->process = getpid ();
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    for (; w->started < *threads - 1; w->started++) {
        struct worker *worker = &w->worker[w->started];
        worker->all = w;
        worker->number = w->started + 1;
        sem_init (&worker->wake, 0, 0);
        if (pthread_create (&worker->thread, NULL, worker_run, worker) != 0) {
            sem_destroy (&worker->wake);
            break;
        }
    }
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    *threads = w->started + 1;
    if (w->started)
        return w;
    workers_free (w);
    return NULL;
}

void workers_free (struct workers *w)
{
    if (!w)
        return;
    if (w->process != getpid ()) { /* there is nobody to wait for */
        free (w);
        return;
    }
    atomic_exchange (&w->ending, true);
    wake_all (w);
    for (int i = 0; i < w->started; i++) {
        pthread_join (w->worker[i].thread, NULL);
        sem_destroy (&w->worker[i].wake);
    }
    free (w);
}

/* Lets a moment pass: `looks` counts the calls of one wait. A caller of real-time priority must sleep in the end, or a
 * worker of ordinary priority never gets the CPU back. */
static void wait_a_little (int looks)
{
    if (looks < LOOKS)
        cpu_pause ();
    else if (looks < 2 * LOOKS)
        sched_yield ();
    else
        nanosleep (&(struct timespec) { .tv_nsec = 50000 }, NULL);
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
    atomic_exchange (&w->gate, next << 17 | open_bit);
    wake_all (w);
    function (context, 0);
    all = all && w->process == getpid ();
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
