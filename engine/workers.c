/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* workers.c: see workers.h.
 *
 *   crew: worker[0 .. count)         threads; the process has one crew, from the first share to the last
 *     share -> share -> share        one a caller; a list that only grows, so that workers may walk it without a lock
 *       gate | all are waited for, 1 bit | open, 1 bit | workers inside, 16 bits |
 *
 * The caller opens the gate of its share; workers that see it go in, once each, and take the lowest free index, or the
 * one that follows from their number; the caller does what work there is, shuts the gate and waits for those still
 * inside. Nobody waits for a worker that the system has not let run meanwhile: on a busy machine such a wait costs
 * milliseconds a step, and a network has 50 steps. That is why these are our own: 7.6 ms a frame on a busy machine,
 * where pthreadpool took 12 to 164 (docs/measurements.md, "Threads").
 *
 * A worker polls for the next open gate for some 50 microseconds, then sleeps on a semaphore of its own; where all
 * callers rest it sleeps at once, so that nothing spins between frames. Whoever takes `asleep` back, the worker because
 * it saw a gate open after all or the caller who will post, decides whether there is a post to wait for. A condition
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
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 2000 }; /* before a worker sleeps, and before the caller gives its CPU away: about 20 ns each */
enum { WORDS = WORKERS_THREADS_MAX / 32 };
static const uint32_t inside_mask = 0xffff, open_bit = 0x10000, all_bit = 0x20000;

struct worker {
    struct crew *crew;
    pthread_t thread;
    sem_t wake;
    atomic_bool asleep, ending;
    int number;
};

struct workers {
    struct workers *_Atomic next;
    struct crew *crew;
    int helpers; /* how many workers it may have at once; 0: nobody's, to be used again; the crew lock guards it */
    bool works;  /* the caller's: it counts in crew.working */
    _Atomic uint32_t gate;
    /* of this opening of the gate */
    work_function *function;
    void *context;
    _Atomic int joined;                           /* workers that went in */
    _Atomic uint32_t called[WORDS], taken[WORDS]; /* bits: workers by their number; indices */
    /* of all calls */
    uint64_t helped[WORKERS_THREADS_MAX]; /* by index, of whoever is inside with it: CPU time, ns; [0] is not used */
};

struct crew {
    struct workers *_Atomic shares;
    _Atomic int count;    /* of `worker` that have a thread which may work */
    int started;          /* of them that have a thread to be joined: those behind `count` end */
    _Atomic int working;  /* callers between a workers_run and workers_rest */
    _Atomic int capacity; /* threads that may work at once: CPUs, or more where a share is larger */
    int cpus;             /* that the process was seen to have */
    int users;            /* shares that somebody has */
    pid_t process;        /* whose threads they are: a fork has none of them */
    struct worker worker[WORKERS_THREADS_MAX - 1];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows, and who belongs to a crew */
static struct crew *crew_now;

/* ---- workers ---------------------------------------------------------------------------------------------------- */

/* Whether there is a CPU for this worker beside those of the callers. */
static bool has_cpu (struct crew *crew, int number)
{
    return number < atomic_load_explicit (&crew->capacity, memory_order_relaxed) -
                        atomic_load_explicit (&crew->working, memory_order_relaxed);
}

/* Whether worker `number` may join this share's work. */
static bool is_open (struct crew *crew, struct workers *share, int number)
{
    uint32_t bit = UINT32_C (1) << number % 32, gate = atomic_load (&share->gate);
    if (!(gate & open_bit) || atomic_load_explicit (&share->called[number / 32], memory_order_relaxed) & bit)
        return false;
    return gate & all_bit || has_cpu (crew, number);
}

/* The first open share behind `last`, which is looked at at the end; NULL: none. */
static struct workers *find_work (struct crew *crew, struct workers *last, int number)
{
    struct workers *first = last ? atomic_load (&last->next) : NULL;
    for (struct workers *share = first; share; share = atomic_load (&share->next))
        if (is_open (crew, share, number))
            return share;
    for (struct workers *share = atomic_load (&crew->shares); share && share != first;
         share = atomic_load (&share->next))
        if (is_open (crew, share, number))
            return share;
    return NULL;
}

/* The index of a worker among those of the share, 1 .. helpers: in each call the same, where nobody has it. */
static int take_index (struct workers *share, int number)
{
    for (int i = 0;; i++) {
        int index = 1 + (number + i) % share->helpers;
        uint32_t bit = UINT32_C (1) << index % 32;
        if (!(atomic_fetch_or_explicit (&share->taken[index / 32], bit, memory_order_relaxed) & bit))
            return index;
    }
}

/* CPU time of this thread, ns: a system call of some 0.4 us. */
static uint64_t thread_time (void)
{
    struct timespec t = { 0 };
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void help (struct workers *share, int index)
{
    uint64_t start = thread_time ();
    share->function (share->context, index);
    share->helped[index] += thread_time () - start;
}

/* Goes in, if the gate is open still, and works. */
static void join (struct workers *share, int number)
{
    uint32_t gate = atomic_load_explicit (&share->gate, memory_order_relaxed);
    do
        if (!(gate & open_bit))
            return;
    while (!atomic_compare_exchange_weak_explicit (&share->gate, &gate, gate + 1, memory_order_acquire,
                                                   memory_order_relaxed));
    atomic_fetch_or_explicit (&share->called[number / 32], UINT32_C (1) << number % 32, memory_order_relaxed);
    if (atomic_fetch_add_explicit (&share->joined, 1, memory_order_relaxed) < share->helpers)
        help (share, take_index (share, number));
    atomic_fetch_sub_explicit (&share->gate, 1, memory_order_release);
}

static void sleep_until_work (struct worker *worker)
{
    /* First `asleep`, then the gates; workers_run does the two the other way round. Both store with an exchange:
     * between a plain store and a load qemu's arm64 has no barrier, and both sides might look too early. */
    atomic_exchange (&worker->asleep, true);
    bool awake = atomic_load (&worker->ending) || find_work (worker->crew, NULL, worker->number);
    if (awake && atomic_exchange (&worker->asleep, false))
        return;
    while (sem_wait (&worker->wake) != 0)
        ; /* interrupted */
}

static bool wake (struct worker *worker)
{
    bool slept = atomic_load (&worker->asleep) && atomic_exchange (&worker->asleep, false);
    if (slept)
        sem_post (&worker->wake);
    return slept;
}

static void *worker_run (void *data)
{
    struct worker *worker = data;
    struct crew *crew = worker->crew;
    struct workers *share = NULL;
    cpu_set_t set; /* the process's: whoever made the crew larger may be bound to less */
    if (sched_getaffinity (crew->process, sizeof set, &set) == 0)
        sched_setaffinity (0, sizeof set, &set);
    for (int looks = 0; !atomic_load_explicit (&worker->ending, memory_order_relaxed);) {
        struct workers *found = find_work (crew, share, worker->number);
        if (found) {
            share = found;
            join (share, worker->number);
            looks = 0;
        } else if (++looks > LOOKS || !atomic_load_explicit (&crew->working, memory_order_relaxed) ||
                   !has_cpu (crew, worker->number)) {
            sleep_until_work (worker);
            looks = 0;
        } else {
            cpu_pause ();
        }
    }
    return NULL;
}

/* ---- the crew; all of this with the lock ------------------------------------------------------------------------ */

int workers_cpus (void)
{
    cpu_set_t set;
    int count = sched_getaffinity (getpid (), sizeof set, &set) ? 1 : CPU_COUNT (&set);
    return count < 1 ? 1 : count > WORKERS_THREADS_MAX ? WORKERS_THREADS_MAX : count;
}

static void take_lock (void)
{
    pthread_mutex_lock (&lock);
}

static void give_lock (void)
{
    pthread_mutex_unlock (&lock);
}

/* So that a fork finds it free. */
static void keep_lock_over_forks (void)
{
    pthread_atfork (take_lock, give_lock, give_lock);
}

static struct crew *crew_new (void)
{
    struct crew *crew = calloc (1, sizeof *crew);
    if (!crew)
        return NULL;
    crew->process = getpid ();
    for (int i = 0; i < WORKERS_THREADS_MAX - 1; i++) {
        crew->worker[i].crew = crew;
        crew->worker[i].number = i;
        sem_init (&crew->worker[i].wake, 0, 0);
    }
    return crew;
}

/* Waits for the workers from number `first` on, which end: as long as a step of a plan lasts that one of them helps. */
static void join_threads (struct crew *crew, int first)
{
    for (; crew->started > first; crew->started--)
        pthread_join (crew->worker[crew->started - 1].thread, NULL);
}

/* Starts a worker of ordinary priority, whatever that of the caller is. */
static bool start (struct worker *worker)
{
    pthread_attr_t attributes;
    const struct sched_param ordinary = { .sched_priority = 0 };
    bool good = pthread_attr_init (&attributes) == 0;
    atomic_store (&worker->ending, false);
    if (!good)
        return false;
    pthread_attr_setinheritsched (&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy (&attributes, SCHED_OTHER);
    pthread_attr_setschedparam (&attributes, &ordinary);
    good = pthread_create (&worker->thread, &attributes, worker_run, worker) == 0;
    pthread_attr_destroy (&attributes);
    return good;
}

/* Starts workers, with all signals blocked, until there are `wanted`, or no more are given; or tells them to end. Only
 * where it starts some it waits for those that were told so before. */
static void resize (struct crew *crew, int wanted)
{
    sigset_t all, before;
    int count = atomic_load (&crew->count);
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    if (count < wanted)
        join_threads (crew, count);
    for (; count < wanted && start (&crew->worker[count]); count++)
        crew->started++;
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    for (; count > wanted; count--) {
        atomic_exchange (&crew->worker[count - 1].ending, true);
        wake (&crew->worker[count - 1]);
    }
    atomic_store (&crew->count, count);
}

/* As many workers as the shares ask for. */
static void fit (struct crew *crew)
{
    int cpus = workers_cpus (), largest = 0;
    long sum = 0;
    for (struct workers *share = atomic_load (&crew->shares); share; share = atomic_load (&share->next)) {
        sum += share->helpers;
        largest = share->helpers > largest ? share->helpers : largest;
    }
    crew->cpus = cpus > crew->cpus ? cpus : crew->cpus;
    int most = largest > crew->cpus - 1 ? largest : crew->cpus - 1;
    resize (crew, sum < most ? (int)sum : most);
    atomic_store (&crew->capacity, most + 1);
}

static void crew_free (struct crew *crew)
{
    if (crew->process == getpid ()) { /* else there is nobody to wait for */
        resize (crew, 0);
        join_threads (crew, 0);
    }
    for (struct workers *share = atomic_load (&crew->shares), *next; share; share = next) {
        next = atomic_load (&share->next);
        free (share);
    }
    if (crew_now == crew)
        crew_now = NULL;
    free (crew);
}

/* One that nobody has, or a new one. */
static struct workers *find_share (struct crew *crew)
{
    struct workers *share = atomic_load (&crew->shares);
    while (share && share->helpers)
        share = atomic_load (&share->next);
    if (share || !(share = calloc (1, sizeof *share)))
        return share;
    share->crew = crew;
    atomic_store (&share->next, atomic_load (&crew->shares));
    atomic_store (&crew->shares, share);
    return share;
}

/* ---- callers ---------------------------------------------------------------------------------------------------- */

struct workers *workers_new (int *threads)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once (&once, keep_lock_over_forks);
    take_lock ();
    if (crew_now && crew_now->process != getpid ())
        crew_now = NULL; /* its shares free it */
    struct crew *crew = crew_now ? crew_now : (crew_now = crew_new ());
    struct workers *share = crew ? find_share (crew) : NULL;
    if (share) {
        share->helpers = *threads - 1;
        memset (share->helped, 0, sizeof share->helped);
        fit (crew);
        int count = atomic_load (&crew->count); /* as many as the system gave */
        share->helpers = share->helpers < count ? share->helpers : count;
        *threads = share->helpers + 1;
        crew->users += share->helpers > 0;
    }
    if (crew && !crew->users)
        crew_free (crew);
    bool has = share && *threads > 1;
    give_lock ();
    return has ? share : NULL;
}

void workers_free (struct workers *w)
{
    if (!w)
        return;
    workers_rest (w);
    take_lock ();
    struct crew *crew = w->crew;
    w->helpers = 0;
    if (--crew->users == 0)
        crew_free (crew);
    else if (crew->process == getpid ())
        fit (crew);
    give_lock ();
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
    struct crew *crew = w->crew;
    if (!w->works) {
        w->works = true;
        atomic_fetch_add (&crew->working, 1);
    }
    int count = atomic_load (&crew->count);
    if (!all && !has_cpu (crew, 0)) {
        function (context, 0);
        return;
    }
    w->function = function;
    w->context = context;
    atomic_store_explicit (&w->joined, 0, memory_order_relaxed);
    for (int i = 0; i <= count / 32 && i < WORDS; i++)
        atomic_store_explicit (&w->called[i], 0, memory_order_relaxed);
    for (int i = 0; i <= w->helpers / 32 && i < WORDS; i++)
        atomic_store_explicit (&w->taken[i], 0, memory_order_relaxed);
    atomic_exchange (&w->gate, open_bit | (all ? all_bit : 0)); /* it was shut, with nobody inside */
    for (int i = 0, woken = 0; i < count && woken < w->helpers && (all || has_cpu (crew, i)); i++)
        woken += wake (&crew->worker[i]);
    function (context, 0);
    all = all && crew->process == getpid ();
    for (int looks = 0; all && atomic_load_explicit (&w->joined, memory_order_relaxed) < w->helpers; looks++)
        wait_a_little (looks);
    atomic_fetch_and_explicit (&w->gate, inside_mask, memory_order_relaxed);
    for (int looks = 0; atomic_load_explicit (&w->gate, memory_order_acquire) & inside_mask; looks++)
        wait_a_little (looks);
}

uint64_t workers_helped (const struct workers *w)
{
    uint64_t sum = 0;
    for (int i = 1; i <= w->helpers; i++)
        sum += w->helped[i];
    return sum;
}

void workers_rest (struct workers *w)
{
    if (w->works)
        atomic_fetch_sub (&w->crew->working, 1);
    w->works = false;
}
