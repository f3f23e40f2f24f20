/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_workers.c: threads that help: every call does all the work, each worker is called at most once, or with `all`
 * exactly once, after every sequence of short and long work, rests and sleeps; what they wrote is seen. */
#include "engine/workers.h"
#include "tests/check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 16, ITEMS = 64, CALLS = 3000 };

struct work {
    _Atomic int next, calls[MOST];
    int items;
    int done[ITEMS]; /* plain: written by whoever took the item, read by the caller afterwards */
    int round;
};

static void sleep_us (long us)
{
    nanosleep (&(struct timespec) { .tv_nsec = us * 1000 }, NULL);
}

static void take_items (void *context, int worker)
{
    struct work *work = context;
    work->calls[worker]++;
    for (int item; (item = work->next++) < work->items;)
        work->done[item] = work->round;
}

/* One call with `items` of work; false: something was not as promised. */
static bool one_call (struct workers *workers, struct work *work, int threads, int items, bool all)
{
    bool good = true;
    work->next = 0;
    work->items = items;
    work->round++;
    for (int i = 0; i < MOST; i++)
        work->calls[i] = 0;
    workers_run (workers, take_items, work, all);
    for (int i = 0; i < items; i++)
        good = good && work->done[i] == work->round;
    for (int i = 0; i < MOST; i++) {
        int calls = work->calls[i], least = i == 0 || (all && i < threads) ? 1 : 0, most = i < threads ? 1 : 0;
        good = good && calls >= least && calls <= most;
    }
    return good;
}

static void check_calls (int threads)
{
    struct workers *workers = workers_new (&threads);
    if (!CHECK (workers != NULL, "%d threads: not started", threads))
        return;
    static struct work work;
    uint32_t state = (uint32_t)threads;
    int bad = 0;
    for (int call = 0; call < CALLS; call++) {
        state = state * 1664525u + 1013904223u;
        bad += !one_call (workers, &work, threads, (int)(state >> 26), (state >> 12) % 4 == 0);
        if ((state >> 8) % 16 == 0)
            workers_rest (workers);
        if ((state >> 16) % 64 == 0) /* long enough for workers to fall asleep by themselves */
            sleep_us (100);
    }
    CHECK (bad == 0, "%d threads: %d of %d calls went wrong", threads, bad, CALLS);
    workers_free (workers);
}

/* More calls than a generation has numbers. */
static void check_generations (void)
{
    enum { TURNS = 70000 };
    int two = 2;
    struct workers *workers = workers_new (&two);
    static struct work work;
    int bad = 0;
    for (int call = 0; workers && call < TURNS; call++)
        bad += !one_call (workers, &work, 2, 1, call % 1000 == 0);
    CHECK (workers && bad == 0, "%d of %d calls went wrong", bad, TURNS);
    workers_free (workers);
}

/* Ended while asleep, while looking out, and before any work. */
static void check_ends (void)
{
    static struct work work;
    for (int i = 0; i < 60; i++) {
        int threads = 2 + i % 7;
        struct workers *workers = workers_new (&threads);
        if (!CHECK (workers != NULL, "not started"))
            return;
        if (i % 3)
            CHECK (one_call (workers, &work, 2 + i % 7, 9, i % 2), "call %d", i);
        if (i % 4 == 0)
            workers_rest (workers);
        if (i % 5 == 0)
            sleep_us (200);
        workers_free (workers);
    }
    workers_free (NULL);
}

/* What a worker would be interrupted by: nothing, so that signals reach the threads of the application alone. */
static void note_signals (void *context, int worker)
{
    _Atomic int *open = context;
    sigset_t blocked;
    pthread_sigmask (SIG_BLOCK, NULL, &blocked);
    for (int i = 0; worker > 0 && i < 3; i++)
        *open += !sigismember (&blocked, (const int[]) { SIGINT, SIGTERM, SIGALRM }[i]);
}

static void check_signals (void)
{
    _Atomic int open = 0;
    sigset_t before, after;
    pthread_sigmask (SIG_BLOCK, NULL, &before);
    int four = 4;
    struct workers *workers = workers_new (&four);
    pthread_sigmask (SIG_BLOCK, NULL, &after);
    if (!CHECK (workers != NULL, "not started"))
        return;
    workers_run (workers, note_signals, &open, true);
    CHECK (open == 0, "workers take %d signals", (int)open);
    CHECK (sigismember (&before, SIGTERM) == sigismember (&after, SIGTERM), "the caller's signals are others now");
    workers_free (workers);
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

/* Runs `function` in a fork that may take ten seconds; its exit code, or minus the signal that ended it. */
static int in_a_fork (int (*function) (void *data), void *data)
{
    int status;
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
        alarm (10);
        _exit (function (data));
    }
    if (child < 0 || waitpid (child, &status, 0) != child)
        return -1000;
    return WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status);
}

static void add_one (void *context, int worker)
{
    (void)worker;
    atomic_fetch_add ((atomic_int *)context, 1);
}

/* In a fork there are no threads to wait for. */
static int use_and_free (void *data)
{
    atomic_int calls = 0;
    workers_run (data, add_one, &calls, false);
    workers_run (data, add_one, &calls, true);
    workers_rest (data);
    workers_free (data);
    return calls == 2 ? 0 : 1;
}

/* Where the system gives no more threads, there are as many as there are. */
static int with_few_threads (void *data)
{
    int threads = 8;
    struct rlimit none = { 0, 0 };
    (void)data;
    if (setrlimit (RLIMIT_NPROC, &none) != 0 || (getuid () == 0 && setuid (65534) != 0))
        return 2;
    struct workers *workers = workers_new (&threads);
    bool none_at_all = !workers;
    workers_free (workers);
    return none_at_all && threads == 1 ? 0 : 1;
}

static void check_processes (void)
{
    int threads = 4;
    struct workers *workers = workers_new (&threads);
    atomic_int calls = 0;
    workers_run (workers, add_one, &calls, true);
    CHECK (calls == 4, "%d calls", calls);
    int code = in_a_fork (use_and_free, workers);
    CHECK (code == 0, "the fork ended with %d", code);
    workers_free (workers);
    code = in_a_fork (with_few_threads, NULL);
    CHECK (code == 0, "without threads: %d", code);
}

int main (void)
{
    check_group ("calls");
    for (int threads = 2; threads <= MOST; threads += threads < 4 ? 1 : 4)
        check_calls (threads);
    check_group ("generations");
    check_generations ();
    check_group ("ends");
    check_ends ();
    check_group ("signals");
    check_signals ();
    check_group ("processes");
    check_processes ();
    return check_end ();
}
