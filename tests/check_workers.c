/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_workers.c: threads that help: every call does all the work, each index is called at most once, or with `all`
 * exactly once, after every sequence of short and long work, rests and sleeps, and by several callers at once; what
 * they wrote is seen; there are no more of them than CPUs can use; plans that share them compute what they compute
 * alone. */
#include "engine/workers.h"
#include "engine/engine.h"
#include "tests/check.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
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

/* ---- CPU time --------------------------------------------------------------------------------------------------- */

static uint64_t cpu_time (clockid_t clock)
{
    struct timespec t;
    clock_gettime (clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

enum { BURN = 3000000 }; /* ns */

/* Takes BURN of the thread's time; context: of the caller's only, else of each thread's. */
static void burn (void *context, int worker)
{
    const bool *alone = context;
    uint64_t end = cpu_time (CLOCK_THREAD_CPUTIME_ID) + BURN;
    while ((!*alone || worker == 0) && cpu_time (CLOCK_THREAD_CPUTIME_ID) < end)
        ;
}

/* What helpers took is told: all of it, none of the caller's, none of another share's. */
static void check_helped (void)
{
    bool alone = false;
    int three = 3, two = 2;
    struct workers *workers = workers_new (&three), *others = workers_new (&two);
    if (!CHECK (workers && others && three == 3 && two == 2, "not started"))
        return;
    CHECK (workers_helped (workers) == 0, "before any call");
    uint64_t own = cpu_time (CLOCK_THREAD_CPUTIME_ID), all = cpu_time (CLOCK_PROCESS_CPUTIME_ID);
    for (int call = 0; call < 3; call++)
        workers_run (workers, burn, &alone, true);
    own = cpu_time (CLOCK_THREAD_CPUTIME_ID) - own;
    all = cpu_time (CLOCK_PROCESS_CPUTIME_ID) - all;
    uint64_t helped = workers_helped (workers);
    CHECK (helped >= 3 * 2 * BURN && helped <= all - 3 * BURN, "three calls of two helpers took %g ms of %g",
           (double)helped / 1e6, (double)all / 1e6);
    CHECK (workers_helped (others) == 0, "what helped another share counts");
    alone = true;
    workers_run (workers, burn, &alone, true);
    CHECK (workers_helped (workers) < helped + BURN, "the caller's own time counts");
    workers_free (workers);
    workers = workers_new (&three);
    CHECK (workers && workers_helped (workers) == 0, "a share that was another's begins at nothing");
    workers_free (workers);
    workers_free (others);
}

/* ---- several callers -------------------------------------------------------------------------------------------- */

enum { CALLERS = 5, RUNS = 60, SIDE = 24, CHANNELS = 32 };

struct caller {
    struct work work;
    int threads, bad;
};

/* Calls, rests, and now and then gives its share back and asks for another. */
static void *call_again (void *data)
{
    struct caller *caller = data;
    uint32_t state = (uint32_t)caller->threads;
    for (int life = 0; life < 8; life++) {
        int threads = caller->threads;
        struct workers *workers = workers_new (&threads);
        caller->bad += !workers || threads != caller->threads;
        for (int call = 0; workers && call < CALLS / 20; call++) {
            state = state * 1664525u + 1013904223u;
            caller->bad += !one_call (workers, &caller->work, threads, (int)(state >> 26), (state >> 12) % 16 == 0);
            if ((state >> 8) % 8 == 0)
                workers_rest (workers);
        }
        workers_free (workers);
    }
    return NULL;
}

static void check_together (void)
{
    static struct caller caller[CALLERS];
    pthread_t thread[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        caller[i].threads = (const int[]) { 2, 3, 2, MOST, 4 }[i];
        pthread_create (&thread[i], NULL, call_again, &caller[i]);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join (thread[i], NULL);
        CHECK (caller[i].bad == 0, "caller %d, %d threads: %d calls went wrong", i, caller[i].threads, caller[i].bad);
    }
}

static int threads_now (void)
{
    int count = 0;
    DIR *folder = opendir ("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir (folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir (folder);
    return count;
}

/* One that has ended is still listed for a moment. */
static bool threads_become (int count)
{
    for (int i = 0; i < 2000 && threads_now () != count; i++)
        sleep_us (1000);
    return threads_now () == count;
}

/* Those that are there when the ones that have ended are gone. */
static int threads_that_stay (void)
{
    int least = threads_now ();
    for (int i = 0; i < 300; i++) {
        sleep_us (1000);
        int now = threads_now ();
        least = now < least ? now : least;
    }
    return least;
}

/* Many shares have no more workers than there are CPUs beside the caller's, or than the largest share has. */
static void check_count (void)
{
    struct workers *workers[9];
    int before = threads_that_stay (), spare = workers_cpus () > 1 ? workers_cpus () - 1 : 1, large = spare + 4;
    if (!before) {
        SKIP ("the system does not list threads");
        return;
    }
    for (int i = 0; i < 8; i++) {
        int threads = spare + 1;
        workers[i] = workers_new (&threads);
        CHECK (workers[i] && threads == spare + 1, "share %d of %d threads", i, threads);
    }
    CHECK (threads_become (before + spare), "%d threads for eight shares of %d workers", threads_now () - before,
           spare);
    int threads = large;
    workers[8] = workers_new (&threads);
    CHECK (threads == large && threads_become (before + large - 1), "%d threads for a share of %d",
           threads_now () - before, large - 1);
    workers_free (workers[8]);
    CHECK (threads_become (before + spare), "%d threads stay", threads_now () - before);
    for (int i = 0; i < 8; i++)
        workers_free (workers[i]);
    CHECK (threads_become (before), "%d threads stay when nobody has a share", threads_now () - before);
}

struct runner {
    struct graph *graph;
    int threads, bad;
    const float *input;
    const float *expected; /* of the run before, or NULL: it is to be noted in `said` */
    float *said;
};

static void *run_plan (void *data)
{
    struct runner *runner = data;
    struct error error;
    size_t bytes = sizeof (float) * CHANNELS * SIDE * SIDE;
    struct plan *plan = plan_new (runner->graph, &(struct plan_options) { .threads = runner->threads }, &error);
    uint64_t helped = 0;
    for (int i = 0; plan && i < RUNS; i++) {
        plan_run (plan, runner->input);
        uint64_t now = plan_helped (plan);
        runner->bad += now < helped || (runner->threads == 1 && now > 0);
        helped = now;
        if (runner->expected)
            runner->bad += memcmp (plan_output (plan, 0)->data, runner->expected, bytes) != 0;
        else
            memcpy (runner->said, plan_output (plan, 0)->data, bytes);
    }
    if (plan && runner->threads > 1) {
        plan_measure_peak (plan); /* waits for its helpers */
        runner->bad += plan_helped (plan) == helped;
    }
    runner->bad += !plan;
    plan_free (plan);
    return NULL;
}

/* Plans that run at the same time with the same workers say, bit for bit, what one says alone with one thread. */
static void check_plans (void)
{
    static float input[CHANNELS * SIDE * SIDE], said[CHANNELS * SIDE * SIDE], weights[CHANNELS * CHANNELS * 9];
    const struct conv conv = { .out_channels = CHANNELS,
                               .kernel_h = 3,
                               .kernel_w = 3,
                               .pad_top = 1,
                               .pad_left = 1,
                               .pad_bottom = 1,
                               .pad_right = 1 };
    struct graph *g = graph_new (NULL);
    uint32_t state = 5;
    for (size_t i = 0; i < sizeof input / sizeof *input; i++)
        input[i] = (float)(int32_t)(state = state * 1664525u + 1013904223u) / 2147483648.0f;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        weights[i] = (float)(int32_t)(state = state * 1664525u + 1013904223u) / 2147483648.0f;
    int x = graph_input (g, "input", CHANNELS, SIDE, SIDE);
    for (int i = 0; i < 3; i++)
        x = graph_conv (g, NULL, x, &conv, weights, NULL);
    graph_output (g, x);
    struct runner alone = { .graph = g, .threads = 1, .input = input, .said = said }, runner[CALLERS];
    run_plan (&alone);
    CHECK (alone.bad == 0, "no plan");
    pthread_t thread[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        runner[i] = (struct runner) { g, (const int[]) { 2, 2, 1, 3, 7 }[i], 0, input, said, NULL };
        pthread_create (&thread[i], NULL, run_plan, &runner[i]);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join (thread[i], NULL);
        CHECK (runner[i].bad == 0, "plan %d of %d threads: %d of %d runs differ", i, runner[i].threads, runner[i].bad,
               RUNS);
    }
    graph_unref (g);
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

/* A fork has workers of its own, also where another thread was working when it was made. */
static int start_anew (void *data)
{
    int threads = 3;
    atomic_int calls = 0;
    (void)data;
    struct workers *workers = workers_new (&threads);
    if (!workers || threads != 3)
        return 2;
    workers_run (workers, add_one, &calls, true);
    workers_free (workers);
    return calls == 3 ? 0 : 1;
}

static void check_forks (void)
{
    const char *none = getenv ("CONVRELU_NO_THREADS_IN_FORKS"); /* why */
#ifdef __SANITIZE_THREAD__
    none = "the thread sanitizer starts none";
#endif
    if (none) {
        SKIP ("threads in a fork: %s", none);
        return;
    }
    struct caller caller = { .threads = 3 };
    pthread_t thread;
    pthread_create (&thread, NULL, call_again, &caller);
    for (int i = 0; i < 20; i++) {
        int code = in_a_fork (start_anew, NULL);
        CHECK (code == 0, "fork %d ended with %d", i, code);
    }
    pthread_join (thread, NULL);
    CHECK (caller.bad == 0, "%d calls went wrong beside forks", caller.bad);
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
    check_group ("CPU time");
    check_helped ();
    check_group ("processes");
    check_processes ();
    check_forks ();
    check_group ("several callers");
    check_together ();
    check_count ();
    check_plans ();
    return check_end ();
}
