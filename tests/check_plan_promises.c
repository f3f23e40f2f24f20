/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_plan_promises.c: what a plan promises of speed and memory, each of which could be lost without a wrong number:
 * memory used again, sums in place, concats that copy nothing, a stem with its max-pool, weights that are prefetched,
 * packed once and let go, huge pages, and all threads at work. check_plan_text.c shows it for whole networks. */
#include "engine/cpu.h"
#include "engine/kernels.h"
#include "engine/plan.h"
#include "engine/schedule.h"
#include "engine/work.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/random_graph.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

/* ---- huge pages: in the place of the C library's ----------------------------------------------------------------- */

static atomic_size_t huge_bytes;
static atomic_int huge_astray; /* of a huge page or more, and yet not on a border of one */

int madvise (void *memory, size_t bytes, int advice)
{
    if (advice == MADV_HUGEPAGE) {
        atomic_fetch_add (&huge_bytes, bytes);
        if (bytes >= HUGE_PAGE && (uintptr_t)memory % HUGE_PAGE)
            atomic_fetch_add (&huge_astray, 1);
    }
    return (int)syscall (SYS_madvise, memory, bytes, advice);
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

/* Takes over the builder's graph. */
static struct plan *planned (struct builder *b, const struct plan_options *options)
{
    struct error error;
    struct plan *plan = plan_new (b->g, options, &error);
    CHECK (plan != NULL, "%s", error.text);
    graph_unref (b->g);
    return plan;
}

static const struct plan_options one_thread = { .threads = 1 };

static size_t bytes_of (int channels, int height, int width)
{
    return (size_t)channels * (size_t)height * (size_t)width * sizeof (float);
}

static int steps_of (const struct plan *plan, const char *operation)
{
    int count = 0;
    for (int i = 0; i < plan_steps (plan); i++)
        count += !strcmp (plan_step (plan, i).operation, operation);
    return count;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

enum { CHANNELS = 32, SIDE = 20 };

static void check_again (void)
{
    check_group ("memory used again");
    struct builder b = builder_new (1, CHANNELS, SIDE, SIDE);
    int x = 0;
    for (int i = 0; i < 9; i++)
        x = build_relu (&b, build_square (&b, x, CHANNELS, 3, 1, 1));
    graph_output (b.g, x);
    struct plan *plan = planned (&b, &one_thread);
    size_t tensor = bytes_of (CHANNELS, SIDE, SIDE);
    CHECK (plan_arena_bytes (plan) == 2 * tensor, "%zu tensors instead of two", plan_arena_bytes (plan) / tensor);
    plan_free (plan);
}

static void check_in_place (void)
{
    check_group ("sums in place");
    struct builder b = builder_new (2, CHANNELS, SIDE, SIDE);
    int x = 0;
    for (int i = 0; i < 4; i++) {
        int y = build_relu (&b, build_square (&b, x, CHANNELS, 3, 1, 1));
        x = build_relu (&b, graph_add (b.g, NULL, build_square (&b, y, CHANNELS, 1, 1, 0), x));
    }
    graph_output (b.g, x);
    struct plan *plan = planned (&b, &one_thread);
    size_t tensor = bytes_of (CHANNELS, SIDE, SIDE);
    CHECK (plan_arena_bytes (plan) == 2 * tensor, "%zu tensors instead of two", plan_arena_bytes (plan) / tensor);
    CHECK (steps_of (plan, "add") == 0, "sums on their own");
    plan_free (plan);
}

/* Parts of `channels` each, concatenated, and the mean of it. */
static struct plan *concatenated (int channels)
{
    struct builder b = builder_new (3, CHANNELS, SIDE, SIDE);
    int parts[3];
    for (int i = 0; i < 3; i++)
        parts[i] = build_relu (&b, build_square (&b, 0, channels, 3, 1, 1));
    int x = graph_concat (b.g, NULL, parts, 3);
    graph_output (b.g, graph_global_pool (b.g, NULL, x, POOL_AVERAGE));
    return planned (&b, &one_thread);
}

static void check_concat (void)
{
    check_group ("concats without a copy");
    struct plan *plan = concatenated (48);
    size_t least = bytes_of (CHANNELS + 3 * 48, SIDE, SIDE);
    CHECK (steps_of (plan, "concat") == 0, "%d parts are copied", steps_of (plan, "concat"));
    CHECK (plan_arena_bytes (plan) == least, "%zu bytes instead of %zu", plan_arena_bytes (plan), least);
    plan_free (plan);
    plan = concatenated (40); /* off the borders of blocks: so a copy can be seen */
    CHECK (steps_of (plan, "concat") > 0, "nothing is copied");
    plan_free (plan);
    struct builder b = builder_new (4, CHANNELS, SIDE, SIDE);
    int x = build_relu (&b, build_square (&b, 0, 64, 1, 1, 0));
    for (int i = 0; i < 5; i++) { /* as in a DenseNet: each repeats the one before and adds a part */
        int y = build_square (&b, build_relu (&b, build_square (&b, x, 64, 1, 1, 0)), 32, 3, 1, 1);
        x = graph_concat (b.g, NULL, (int[]) { x, y }, 2);
    }
    graph_output (b.g, graph_global_pool (b.g, NULL, x, POOL_AVERAGE));
    plan = planned (&b, &one_thread);
    least = bytes_of (64 + 5 * 32 + 64, SIDE, SIDE);
    CHECK (steps_of (plan, "concat") == 0, "%d parts are copied", steps_of (plan, "concat"));
    CHECK (plan_arena_bytes (plan) == least, "%zu bytes instead of %zu", plan_arena_bytes (plan), least);
    plan_free (plan);
}

/* Every channel of one half, then its fellow of the other. */
static int shuffled (struct builder *b, int x, int channels)
{
    int order[128];
    for (int c = 0; c < channels; c++)
        order[c] = c / 2 + c % 2 * (channels / 2);
    return graph_pick (b->g, NULL, x, &(struct pick) { order, channels, SIDE, SIDE, .step_h = 1, .step_w = 1 });
}

/* Channels [first, first + count). */
static int slice (struct builder *b, int x, int first, int count)
{
    int order[128];
    for (int c = 0; c < count; c++)
        order[c] = first + c;
    return graph_pick (b->g, NULL, x, &(struct pick) { order, count, SIDE, SIDE, .step_h = 1, .step_w = 1 });
}

/* As in a ShuffleNet: half of the channels go on as they are, then all are shuffled. Concat, shuffle and split are one
 * pass over each half. */
static void check_shuffles (void)
{
    enum { HALF = 58, UNITS = 4 };
    check_group ("channel shuffles in one pass");
    struct builder b = builder_new (5, CHANNELS, SIDE, SIDE);
    int left = build_relu (&b, build_square (&b, 0, HALF, 1, 1, 0)),
        right = build_relu (&b, build_square (&b, 0, HALF, 1, 1, 0));
    for (int i = 0; i < UNITS; i++) {
        int x = shuffled (&b, graph_concat (b.g, NULL, (int[]) { left, right }, 2), 2 * HALF);
        left = slice (&b, x, 0, HALF);
        right = build_relu (&b, build_square (&b, slice (&b, x, HALF, HALF), HALF, 1, 1, 0));
    }
    graph_output (b.g,
                  graph_global_pool (b.g, NULL, graph_concat (b.g, NULL, (int[]) { left, right }, 2), POOL_AVERAGE));
    struct plan *plan = planned (&b, &one_thread);
    CHECK (steps_of (plan, "pick") == 2 * UNITS, "%d passes for %d units", steps_of (plan, "pick"), (int)UNITS);
    CHECK (steps_of (plan, "concat") <= 2, "%d parts are copied", steps_of (plan, "concat"));
    plan_free (plan);
}

static void check_stem (void)
{
    check_group ("a stem with its max-pool");
    struct builder b = builder_new (5, 3, 96, 96);
    struct pool pool = { .kind = POOL_MAX, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1 };
    int x = graph_pool (b.g, NULL, build_relu (&b, build_square (&b, 0, 64, 7, 2, 3)), &pool);
    graph_output (b.g, graph_global_pool (b.g, NULL, x, POOL_AVERAGE));
    struct plan *plan = planned (&b, &one_thread);
    CHECK (strstr (plan_step (plan, 0).algorithm, "max-pool") != NULL, "the first step is '%s'",
           plan_step (plan, 0).algorithm);
    CHECK (steps_of (plan, "max-pool") == 0, "a max-pool on its own");
    CHECK (plan_arena_bytes (plan) < bytes_of (64, 48, 48) / 2, "%zu bytes: what is between them is there as a whole",
           plan_arena_bytes (plan));
    plan_free (plan);
    b = builder_new (5, 3, 48, 48);
    x = graph_pool (b.g, NULL, build_relu (&b, build_square (&b, 0, 16, 7, 2, 3)), &pool);
    graph_output (b.g, graph_global_pool (b.g, NULL, x, POOL_AVERAGE));
    plan = planned (&b, &one_thread);
    CHECK (steps_of (plan, "max-pool") == 1, "one so small that caches hold it anyway is joined, too");
    plan_free (plan);
}

static void check_huge_pages (void)
{
    check_group ("huge pages");
    struct builder b = builder_new (6, 256, 28, 28);
    graph_output (b.g, build_relu (&b, build_square (&b, 0, 256, 3, 1, 1)));
    huge_bytes = 0;
    struct plan *plan = planned (&b, &(struct plan_options) { .threads = 1, .algorithm = ALGORITHM_DIRECT });
    size_t least = plan_arena_bytes (plan);
    for (int i = 0; i < plan_steps (plan); i++)
        least += plan_step (plan, i).weight_bytes;
    CHECK (huge_bytes >= least && least > HUGE_PAGE, "asked for %zu bytes of %zu", (size_t)huge_bytes, least);
    CHECK (huge_astray == 0, "%d large blocks are not on the border of a huge page", (int)huge_astray);
    plan_free (plan);
}

/* ---- packed weights ---------------------------------------------------------------------------------------------- */

static struct builder weighty (const struct graph_limits *limits)
{
    struct builder b = builder_new (7, 256, 8, 8);
    if (limits) {
        graph_unref (b.g);
        b.g = graph_new (limits);
        graph_input (b.g, "input", 256, 8, 8);
    }
    graph_output (b.g, build_square (&b, 0, 256, 3, 1, 1));
    return b;
}

static void check_shared (void)
{
    check_group ("weights packed once");
    if (!allocations_counted ()) {
        SKIP ("allocations are not counted under sanitizers or without glibc");
        return;
    }
    struct builder b = weighty (NULL);
    struct plan *plans[2];
    size_t largest[2], weights = 9 * 256 * 256 * sizeof (float);
    for (int i = 0; i < 2; i++) {
        allocations_start ();
        graph_ref (b.g);
        plans[i] = planned (&b, &one_thread);
        largest[i] = allocations_largest ();
    }
    CHECK (largest[0] >= weights, "the first plan packs %zu bytes", largest[0]);
    CHECK (largest[1] < weights / 2, "the second plan packs %zu bytes again", largest[1]);
    plan_free (plans[0]);
    plan_free (plans[1]);
    graph_unref (b.g);
}

/* All packings together are more than a graph may have: those that no plan uses must be gone. */
static void check_let_go (void)
{
    check_group ("weights let go");
    const enum algorithm algorithms[] = { ALGORITHM_DIRECT, ALGORITHM_F43, ALGORITHM_F23, ALGORITHM_F42 };
    struct builder b = weighty (&(struct graph_limits) { .weight_bytes = 9 * 256 * 256 * sizeof (float) + 4096 });
    for (int i = 0; i < 4; i++) {
        struct error error = { "" };
        struct plan *plan = plan_new (b.g, &(struct plan_options) { .threads = 1, .algorithm = algorithms[i] }, &error);
        CHECK (plan != NULL, "packing %d: %s", i, error.text);
        plan_free (plan);
    }
    graph_unref (b.g);
}

static void over_limit (struct graph_limits limits, const char *says)
{
    struct builder b = builder_new (10, 1, 1, 1);
    graph_unref (b.g);
    b.g = graph_new (&limits);
    graph_input (b.g, "input", 1, SIDE, SIDE);
    graph_output (b.g, build_square (&b, 0, 1, 3, 1, 1));
    struct error error = { "" };
    struct plan *plan = plan_new (b.g, &one_thread, &error);
    CHECK (!graph_error (b.g) && plan == NULL && strstr (error.text, says), "\"%s\" does not say \"%s\"", error.text,
           says);
    plan_free (plan);
    graph_unref (b.g);
}

static void check_limits (void)
{
    check_group ("limits");
    over_limit ((struct graph_limits) { .weight_bytes = 64 }, "packed weights"); /* 40 as given, 576 packed */
    over_limit ((struct graph_limits) { .plan_bytes = 4096 }, "intermediate results need");
}

/* ---- what kernels are told --------------------------------------------------------------------------------------- */

/* Looks on: a table of kernels that notes what it is given and hands it on. */
enum { SPIED_MOST = 4096 };
enum spied { SPIED_CONV, SPIED_DEPTHWISE, SPIED_STRASSEN, SPIED_WINOGRAD, SPIED_KINDS };
static struct {
    const struct kernels *real;
    struct kernels table;
    const struct conv_kernel *conv; /* of every step */
    struct conv_kernel spied;
    const float *wanted[SPIED_MOST],
        *fetched[SPIED_MOST]; /* weights that a call begins with, and those fetched before */
    int wanted_count, fetched_count;
    ptrdiff_t apart;            /* the most between places that are prefetched at a time */
    bool unfetched[SPIED_MOST]; /* [wanted_count] */
    pthread_t caller;
    atomic_bool helped[SPIED_KINDS]; /* by another thread */
} spy;

static bool listed (const float *const *list, int count, const float *item)
{
    while (count > 0 && list[count - 1] != item)
        count--;
    return count > 0;
}

static void note (enum spied kind, const float *weights, struct prefetch prefetch)
{
    if (!pthread_equal (pthread_self (), spy.caller)) {
        spy.helped[kind] = true;
        return;
    }
    if (weights && spy.wanted_count < SPIED_MOST && !listed (spy.wanted, spy.wanted_count, weights)) {
        spy.unfetched[spy.wanted_count] = !listed (spy.fetched, spy.fetched_count, weights);
        spy.wanted[spy.wanted_count++] = weights;
    }
    spy.apart = prefetch.step && prefetch.apart > spy.apart ? prefetch.apart : spy.apart;
    if (prefetch.step && spy.fetched_count < SPIED_MOST && !listed (spy.fetched, spy.fetched_count, prefetch.next))
        spy.fetched[spy.fetched_count++] = prefetch.next;
}

static void spied_conv (const struct conv_args *args)
{
    note (SPIED_CONV, args->weights, args->prefetch);
    spy.conv->run (args);
}

static void spied_depthwise (const struct depthwise_args *args)
{
    note (SPIED_DEPTHWISE, NULL, (struct prefetch) { 0 });
    spy.real->depthwise (args);
}

static void spied_strassen (const struct strassen_args *args)
{
    size_t product = (size_t)args->cur.depth * BLOCK * (size_t)spy.real->nr_blocks;
    note (SPIED_STRASSEN, args->weights + (size_t)args->first * product, args->prefetch);
    spy.real->strassen (args);
}

static void spied_winograd (const struct winograd_args *args)
{
    note (SPIED_WINOGRAD, NULL, (struct prefetch) { 0 });
    spy.real->winograd_output (args);
}

static void spy_on (struct plan *plan)
{
    memset (&spy, 0, sizeof spy);
    spy.caller = pthread_self ();
    spy.real = plan->execution.kernels;
    spy.table = *spy.real;
    for (int i = 0; i < plan->steps.count; i++) {
        struct step *step = &plan->steps.list[i];
        if (!step->kernel)
            continue;
        CHECK (!spy.conv || spy.conv == step->kernel, "step %d has another kernel", i);
        spy.conv = step->kernel;
        spy.spied = *spy.conv;
        spy.spied.run = spied_conv;
        step->kernel = &spy.spied;
    }
    spy.table.depthwise = spied_depthwise;
    spy.table.strassen = spied_strassen;
    spy.table.winograd_output = spied_winograd;
    plan->execution.kernels = &spy.table;
}

static struct builder every_method (int side)
{
    struct builder b = builder_new (8, 64, side, side);
    struct conv depthwise = { .out_channels = 64, .kernel_h = 3, .kernel_w = 3, .groups = 64 };
    depthwise.pad_top = depthwise.pad_left = depthwise.pad_bottom = depthwise.pad_right = 1;
    int x = build_relu (&b, build_square (&b, 0, 64, 3, 1, 1));
    x = build_relu (&b, build_conv (&b, x, depthwise));
    x = build_relu (&b, build_square (&b, x, 128, 1, 1, 0));
    x = build_relu (&b, build_square (&b, x, 256, 1, 1, 0));
    x = build_relu (&b, build_square (&b, x, 320, 3, 2, 1));
    x = build_relu (&b, build_square (&b, x, 64, 5, 1, 2));
    x = graph_global_pool (b.g, NULL, x, POOL_AVERAGE);
    graph_output (b.g, build_linear (&b, x, 100));
    return b;
}

/* The weights of every product but the first are asked for before they are wanted; depthwise convolutions have few. */
static void fetches_weights (const char *isa, enum algorithm algorithm)
{
    struct builder b = every_method (16);
    struct plan *plan = planned (&b, &(struct plan_options) { .threads = 1, .isa = isa, .algorithm = algorithm });
    float *input = random_floats (&b, 64 * 16 * 16, -1, 1);
    spy_on (plan);
    plan_run (plan, input);
    int missed = 0;
    for (int i = 0; i < spy.wanted_count; i++)
        missed += spy.unfetched[i];
    CHECK (missed == 1, "%s, algorithm %d: the weights of %d of %d products are not prefetched", isa, (int)algorithm,
           missed, spy.wanted_count);
    CHECK (spy.wanted_count > 10 && spy.wanted_count < SPIED_MOST, "%s: %d products", isa, spy.wanted_count);
    plan_free (plan);
    free (input);
}

/* From neighbouring lines, or from two places where the processor is one for which that is faster. */
static void fetches_from (int places)
{
    struct builder b = every_method (16);
    struct cpu cpu = cpu_detect ();
    cpu.prefetch_places = places ? places : cpu.prefetch_places;
    const struct plan_options options = { .threads = 1, .isa = "avx512", .cpu = places ? &cpu : NULL };
    struct plan *plan = planned (&b, &options);
    float *input = random_floats (&b, 64 * 16 * 16, -1, 1);
    spy_on (plan);
    plan_run (plan, input);
    CHECK ((spy.apart > BLOCK) == (cpu.prefetch_places == 2), "%d places: %td numbers apart", places, spy.apart);
    plan_free (plan);
    free (input);
}

static void check_prefetch (void)
{
    check_group ("prefetch");
    for (const char *const *isa = engine_isas (); *isa; isa++)
        for (int algorithm = ALGORITHM_AUTO; algorithm <= ALGORITHM_STRASSEN; algorithm++)
            fetches_weights (*isa, (enum algorithm)algorithm);
    if (!kernels_for ("avx512")) {
        SKIP ("one place at a time or two: only AVX-512 has panels of two blocks");
        return;
    }
    for (int places = 0; places <= 2; places++)
        fetches_from (places);
}

/* A worker comes when the system lets it: within many runs of each method it does. */
static void check_all_threads (void)
{
    static const char *const names[SPIED_KINDS] = { "direct", "depthwise", "Strassen", "Winograd" };
    enum { SIDE_LARGE = 48, RUNS = 300 };
    check_group ("all threads at work");
    const enum algorithm algorithms[] = { ALGORITHM_F43, ALGORITHM_STRASSEN };
    bool helped[SPIED_KINDS] = { false };
    for (int i = 0; i < 2; i++) {
        struct builder b = every_method (SIDE_LARGE);
        struct plan *plan = planned (&b, &(struct plan_options) { .threads = 2, .algorithm = algorithms[i] });
        float *input = random_floats (&b, 64 * SIDE_LARGE * SIDE_LARGE, -1, 1);
        spy_on (plan);
        bool *last = i ? &helped[SPIED_STRASSEN] : &helped[SPIED_WINOGRAD];
        for (int run = 0; run < RUNS && !(helped[SPIED_CONV] && helped[SPIED_DEPTHWISE] && *last); run++) {
            plan_run (plan, input);
            for (int kind = 0; kind < SPIED_KINDS; kind++)
                helped[kind] |= spy.helped[kind];
        }
        plan_free (plan);
        free (input);
    }
    for (int kind = 0; kind < SPIED_KINDS; kind++)
        CHECK (helped[kind], "%s: one of two threads does everything", names[kind]);
}

/* As many as this process may run on, also where that is fewer than there are. */
static void check_threads (void)
{
    check_group ("as many threads as processors");
    cpu_set_t before, one;
    if (sched_getaffinity (0, sizeof before, &before)) {
        SKIP ("the processors that may be used are not known");
        return;
    }
    int first = 0;
    while (!CPU_ISSET (first, &before))
        first++;
    CPU_ZERO (&one);
    CPU_SET (first, &one);
    for (int i = 0; i < 2; i++) {
        int expected = i ? 1 : CPU_COUNT (&before);
        sched_setaffinity (0, sizeof before, i ? &one : &before);
        struct builder b = builder_new (9, 1, 4, 4);
        graph_output (b.g, build_square (&b, 0, 4, 3, 1, 1));
        struct plan *plan = planned (&b, &(struct plan_options) { .threads = 0 });
        CHECK (plan_threads (plan) == expected, "%d threads on %d processors", plan_threads (plan), expected);
        plan_free (plan);
    }
    sched_setaffinity (0, sizeof before, &before);
}

/* One panel that is all of a layer: packing it is charged in small pieces, after each of which it can be stopped. */
static void check_pieces (void)
{
    enum { INPUTS = 65536, OUTPUTS = 16, SMALL = 100000 };
    static const enum algorithm algorithms[] = { ALGORITHM_DIRECT, ALGORITHM_F23, ALGORITHM_F43, ALGORITHM_STRASSEN };
    check_group ("packing in pieces");
    float *weights = calloc ((size_t)INPUTS * OUTPUTS * 9, sizeof *weights);
    for (int i = 0; weights && i < 2 * (int)(sizeof algorithms / sizeof *algorithms); i++) {
        struct error error = { "" };
        int side = i % 2 ? 3 : 1, pad = i % 2;
        struct conv conv = { .out_channels = OUTPUTS, .kernel_h = side, .kernel_w = side };
        conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = pad;
        const struct plan_options options = { .threads = 1, .algorithm = algorithms[i / 2], .untried = true };
        const uint64_t least = (uint64_t)4 * INPUTS * OUTPUTS * (uint64_t)(side * side);
        for (int stopped = 0; stopped < 2; stopped++) {
            atomic_bool stop = stopped;
            struct work work;
            struct graph *g = graph_new (NULL);
            graph_output (g, graph_conv (g, "conv", graph_input (g, "x", INPUTS, 4, 4), &conv, weights, NULL));
            work_begin (&work, UINT64_MAX, &stop);
            struct plan *plan = plan_new (g, &options, &error);
            work_end (&work);
            CHECK ((plan == NULL) == (stopped == 1), "algorithm %d, %dx%d: '%s'", (int)options.algorithm, side, side,
                   error.text);
            CHECK (work.largest <= SMALL && (stopped ? work.refused < 10 : work.spent >= least),
                   "algorithm %d, %dx%d: %llu steps, %llu at once, %llu refused", (int)options.algorithm, side, side,
                   (unsigned long long)work.spent, (unsigned long long)work.largest, (unsigned long long)work.refused);
            plan_free (plan);
            graph_unref (g);
        }
    }
    free (weights);
}

/* Strips of one step each prefetch every line of the next weights, or as many lines as they can, and little past its
 * end. */
static void prefetch_covers (int lines, int steps, int blocks, int places)
{
    enum { LINES = 64 };
    const struct execution e = { .prefetch_places = places };
    static const float weights[LINES * BLOCK];
    bool fetched[2 * LINES] = { false };
    struct next_weights next = { weights, (size_t)(lines * BLOCK) };
    struct prefetch all = prefetch_spread (&e, next, steps, blocks);
    int count = 0, last = -1;
    for (int done = 0; done < steps; done++) {
        struct prefetch prefetch = prefetch_rest (all, done);
        for (int b = 0; b < blocks && prefetch.step; b++) {
            ptrdiff_t at = (prefetch.next + b * prefetch.apart - weights) / BLOCK;
            if (at > last)
                last = (int)at;
            if (at >= 0 && at < 2 * LINES && !fetched[at]) {
                fetched[at] = true;
                count += at < lines;
            }
        }
    }
    int most = steps * blocks < lines ? steps * blocks : lines;
    CHECK (count == most && last <= most, "%d lines, %d steps, %d blocks, %d places: %d fetched, the last is %d", lines,
           steps, blocks, places, count, last);
}

static void check_spreading (void)
{
    check_group ("prefetch, spread");
    for (int blocks = 1; blocks <= 2; blocks++)
        for (int lines = 0; lines <= 64; lines += lines < 5 ? 1 : 13)
            for (int steps = 1; steps <= 2000; steps = steps * 3 / 2 + 1)
                for (int places = 1; places <= 2; places++)
                    prefetch_covers (lines, steps, blocks, places);
    static const float weights[64 * BLOCK];
    for (int places = 1; places <= 2; places++) {
        const struct execution e = { .prefetch_places = places };
        struct prefetch prefetch = prefetch_spread (&e, (struct next_weights) { weights, 64 * BLOCK }, 40, 2);
        CHECK (prefetch_spread (&e, (struct next_weights) { 0 }, 40, 2).apart == 0, "%d places of nothing", places);
        CHECK (prefetch.apart == (places == 1 ? 1 : 32) * BLOCK, "%d places: %td apart", places, prefetch.apart);
    }
}

int main (void)
{
    check_pieces ();
    check_again ();
    check_in_place ();
    check_concat ();
    check_shuffles ();
    check_stem ();
    check_huge_pages ();
    check_shared ();
    check_let_go ();
    check_limits ();
    check_prefetch ();
    check_spreading ();
    check_all_threads ();
    check_threads ();
    return check_end ();
}
