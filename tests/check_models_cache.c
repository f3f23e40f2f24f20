/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_cache.c: packed weights in a folder: used again, to the same bits; of another file, another state, or
 * damaged in any way, not used; a folder or file of doubtful owners neither. */
#include "tests/check_models.h"

#include "engine/packed_blocks.h"
#include "engine/work.h"
#include "tests/allocations.h"
#include "tests/charges.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIDE = 8, INPUT = 3 * 4 * SIDE * SIDE, CLASSES = 16, SETTLES = 150000 /* us */ };

/* Ends the file and puts it in place whole. */
static const char *put_network (const char *name, struct onnx *o)
{
    const char *path = scratch_path (name), *before = scratch_path ("before");
    onnx_finish (o);
    CHECK (write_file (before, o->file.data, o->file.size) && rename (before, path) == 0, "%s", path);
    onnx_free (o);
    return path;
}

/* `dims`: of its input. */
static const char *write_new (const char *name, unsigned seed, const char *dims)
{
    static float weights[CLASSES * CLASSES * 3 * 3];
    struct onnx o = onnx_new (13);
    fill (weights, sizeof weights / sizeof *weights, seed);
    onnx_input (&o, "x", dims);
    onnx_floats (&o, "w", "16 3 3 3", weights);
    onnx_floats (&o, "v", "16 16 3 3", weights);
    onnx_floats (&o, "m", "16 16", weights);
    onnx_node (&o, "Conv", "x w", "b", "pads=1,1,1,1");
    onnx_node (&o, "Conv", "b v", "c", "pads=1,1,1,1");
    onnx_node (&o, "Relu", "c", "r", "");
    onnx_node (&o, "ReduceMean", "r", "p", "axes=2,3 keepdims=0");
    onnx_node (&o, "Gemm", "p m", "y", "transB=1");
    onnx_output (&o, "y", "1 16");
    return put_network (name, &o);
}

static const char *write_network (const char *name, unsigned seed)
{
    const char *path = write_new (name, seed, "1 3 8 8");
    usleep (SETTLES);
    return path;
}

struct start {
    bool cached; /* the convolutions' weights were not read */
    int made;    /* blocks that were packed now */
    float scores[CLASSES];
    int notices;
    char notice[sizeof (struct error)];
};

static void count_made (void *data, const struct packed_block *block)
{
    *(int *)data += !block->adopted;
}

/* One start with that folder, as the element makes it; how: threads, whether weights are dropped are filled in. */
static struct start start_as (const char *path, const char *folder, struct plan_options options)
{
    struct start s = { .cached = false };
    struct error error = { "" };
    float input[INPUT];
    struct model *model = model_share_cached (path, NULL, folder, &error);
    if (!CHECK (model, "%s", error.text))
        return s;
    s.cached = !model_has_weights (model);
    options.threads = 1;
    options.drop_weights = true;
    struct plan *plan = plan_new (model_graph (model), &options, &error);
    if (!plan && s.cached && CHECK (model_need_weights (model, &error), "%s", error.text))
        plan = plan_new (model_graph (model), &options, &error);
    if (CHECK (plan, "%s", error.text)) {
        graph_packed_blocks (model_graph (model), count_made, &s.made);
        model_keep_packed (model);
        CHECK (!folder || model_notices (model) || !model_has_weights (model),
               "who frees a plan frees what is written");
        fill (input, INPUT, 7);
        plan_run (plan, input);
        memcpy (s.scores, plan_output (plan, 0)->data, sizeof s.scores);
    }
    plan_free (plan);
    s.notices = model_notices (model);
    if (s.notices)
        snprintf (s.notice, sizeof s.notice, "%s", model_notice (model, 0));
    model_release (model);
    model_unref (model);
    return s;
}

static struct start start (const char *path, const char *folder, enum algorithm algorithm)
{
    return start_as (path, folder, (struct plan_options) { .algorithm = algorithm });
}

static bool same_scores (const struct start *a, const struct start *b)
{
    return !memcmp (a->scores, b->scores, sizeof a->scores);
}

/* The one file in the folder; "" if there is none. How many: *count. */
static const char *only_file (const char *folder, int *count)
{
    static char path[512];
    DIR *dir = opendir (folder);
    *count = 0;
    path[0] = 0;
    for (struct dirent *entry; dir && (entry = readdir (dir));)
        if (entry->d_name[0] != '.') {
            snprintf (path, sizeof path, "%.200s/%s", folder, entry->d_name);
            ++*count;
        }
    if (dir)
        closedir (dir);
    return path;
}

static void empty (const char *folder)
{
    int count;
    for (const char *path; *(path = only_file (folder, &count));)
        if (unlink (path) && rmdir (path))
            break;
    rmdir (folder);
}

/* ---- what it is for --------------------------------------------------------------------------------------------- */

static void check_again (const char *path, const char *folder)
{
    int count;
    struct stat about;
    struct start plain = start (path, NULL, ALGORITHM_AUTO), first = start (path, folder, ALGORITHM_AUTO);
    CHECK (!first.cached && first.made == 3 && first.notices == 0, "%d packed, '%s'", first.made, first.notice);
    const char *file = only_file (folder, &count);
    CHECK (count == 1 && !stat (file, &about) && (about.st_mode & 07777) == 0600, "%d files", count);
    CHECK (!stat (folder, &about) && (about.st_mode & 07777) == 0700, "the folder has mode %o", about.st_mode);
    struct start second = start (path, folder, ALGORITHM_AUTO);
    CHECK (second.cached && second.made == 0 && second.notices == 0, "%d packed again, '%s'", second.made,
           second.notice);
    CHECK (same_scores (&plain, &first) && same_scores (&plain, &second), "other scores");
    struct start other = start (path, folder, ALGORITHM_F23), direct = start (path, NULL, ALGORITHM_F23);
    CHECK (other.made > 0 && same_scores (&other, &direct), "another algorithm: %d packed", other.made);
}

static int files_in (const char *folder)
{
    int count;
    only_file (folder, &count);
    return count;
}

/* Those who want it in different ways do not take it from each other. */
static void check_ways (const char *path, const char *folder)
{
    static const enum algorithm all[] = { ALGORITHM_DIRECT, ALGORITHM_F23, ALGORITHM_F43, ALGORITHM_F42 };
    enum { ALL = sizeof all / sizeof *all };
    struct start first[ALL];
    for (int i = 0; i < 3; i++)
        first[i] = start (path, folder, all[i]);
    for (int i = 0; i < 3; i++) {
        struct start s = start (path, folder, all[i]);
        CHECK (s.cached && s.made == 0 && same_scores (&s, &first[i]), "way %d: %d packed again", i, s.made);
    }
    off_t most = 0;
    int again = 0;
    for (int round = 0; round < 8; round++) { /* the file does not grow for ever: of four ways one is always gone */
        int count;
        struct stat about = { 0 };
        struct start s = start (path, folder, all[round % ALL]);
        CHECK (!stat (only_file (folder, &count), &about) && count == 1, "%d files", count);
        most = round < ALL && about.st_size > most ? about.st_size : most;
        CHECK (about.st_size <= most, "round %d: %lld bytes", round, (long long)about.st_size);
        again += round < ALL ? 0 : s.made;
    }
    CHECK (again > 0, "all four ways are kept");
}

/* Weights of bf16 are kept beside those of floats, by the same method or another. */
static void check_bf16 (const char *path, const char *folder)
{
    const struct plan_options bf16 = { .algorithm = ALGORITHM_DIRECT, .precision = PRECISION_BF16, .isa = "scalar" };
    const struct plan_options fp32 = { .algorithm = ALGORITHM_DIRECT, .isa = "scalar" };
    struct start plain = start_as (path, NULL, bf16), floats = start_as (path, folder, fp32);
    struct start first = start_as (path, folder, bf16), again = start_as (path, folder, bf16);
    CHECK (first.made > 0 && same_scores (&plain, &first), "bf16 beside fp32: %d packed", first.made);
    CHECK (again.cached && again.made == 0 && same_scores (&plain, &again), "bf16 again: %d packed", again.made);
    struct start last = start_as (path, folder, fp32);
    CHECK (last.cached && last.made == 0 && same_scores (&floats, &last) && !same_scores (&last, &again),
           "fp32 after bf16: %d packed", last.made);
}

/* How long a run takes is told for the plans that were run, and for no other. */
static void check_trial (const char *path, const char *folder)
{
    struct error error = { "" };
    for (int i = 0; i < 6; i++) { /* the first says nothing, the second and the fourth do, the others are told */
        struct model *model = model_share_cached (path, NULL, folder, &error);
        const struct plan_options one = { .threads = 1 }, two = { .threads = 2 };
        struct plan *plan = model ? plan_new (model_graph (model), &one, &error) : NULL;
        struct plan *other = plan ? plan_new (model_graph (model), &two, &error) : NULL;
        if (CHECK (other, "%s", error.text)) {
            CHECK (model_trial (model, plan) == (i > 1 ? 12345 : 0), "start %d: %llu", i,
                   (unsigned long long)model_trial (model, plan));
            CHECK (plan_threads (other) == 1 || model_trial (model, other) == (i > 3 ? 678 : 0),
                   "start %d: of two threads: %llu", i, (unsigned long long)model_trial (model, other));
            if (i == 1)
                model_tell_trial (model, plan, 12345);
            if (i == 3 && plan_threads (other) > 1)
                model_tell_trial (model, other, 678);
            model_keep_packed (model);
        }
        plan_free (plan);
        plan_free (other);
        if (model)
            model_release (model);
        model_unref (model);
    }
}

/* A process that may write no file so large goes on, and is told. */
static void check_limited (const char *path, const char *folder)
{
    struct start plain = start (path, NULL, ALGORITHM_AUTO);
    pid_t child = fork ();
    if (child == 0) {
        const struct rlimit limit = { 4096, 4096 };
        signal (SIGXFSZ, SIG_DFL);
        bool good = !setrlimit (RLIMIT_FSIZE, &limit);
        struct start s = start (path, folder, ALGORITHM_AUTO);
        _exit (!(good && same_scores (&plain, &s) && s.notices == 1 && strstr (s.notice, "cannot be written")));
    }
    int state = -1;
    waitpid (child, &state, 0);
    CHECK (state == 0, "with RLIMIT_FSIZE: %d", state);
    CHECK (files_in (folder) == 0, "what cannot be written whole is left");
}

/* A file that takes the network's place is another one, whatever its size. */
static void check_changed (const char *path, const char *folder)
{
    struct start before = start (path, folder, ALGORITHM_AUTO);
    write_network ("cached.onnx", 2);
    struct start plain = start (path, NULL, ALGORITHM_AUTO), now = start (path, folder, ALGORITHM_AUTO);
    CHECK (!now.cached && same_scores (&plain, &now) && !same_scores (&before, &now), "the old network answers");
    struct start again = start (path, folder, ALGORITHM_AUTO);
    CHECK (again.cached && same_scores (&plain, &again), "it is not kept");
    struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
    CHECK (!utimensat (AT_FDCWD, path, times, 0), "its times stay");
    usleep (SETTLES);
    CHECK (!start (path, folder, ALGORITHM_AUTO).cached, "touched, it is another state");
}

/* What counts is when it was read: it may have been written to since, at the same time. */
static void check_new (const char *folder)
{
    struct error error = { "" };
    const char *path = write_new ("new.onnx", 1, "1 3 8 8");
    struct model *model = model_share_cached (path, NULL, folder, &error);
    struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
    usleep (SETTLES);
    if (CHECK (plan, "%s", error.text))
        model_keep_packed (model);
    CHECK (files_in (folder) == 0, "it is kept");
    plan_free (plan);
    if (model)
        model_release (model);
    model_unref (model);
}

/* Nobody wants it any more while it is written. */
static void check_stopped (const char *path, const char *folder)
{
    atomic_bool stop = false;
    struct work work;
    struct error error = { "" };
    work_begin (&work, WORK_STEPS, &stop);
    struct model *model = model_share_cached (path, NULL, folder, &error);
    struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
    atomic_store (&stop, true);
    if (CHECK (plan, "%s", error.text)) {
        model_keep_packed (model);
        CHECK (model_notices (model) == 0 && files_in (folder) == 0, "%d files, '%s'", files_in (folder),
               model_notices (model) ? model_notice (model, 0) : "");
    }
    work_end (&work);
    plan_free (plan);
    if (model)
        model_release (model);
    model_unref (model);
}

/* Its model is released, and held again, before it is written: weights as given come back only afterwards, with which
 * what is packed could go. Stopped, the wait ends. */
static void check_written_later (const char *path, const char *folder)
{
    atomic_bool stop = true;
    struct work work;
    struct error error = { "" };
    const struct plan_options options = { .threads = 1, .drop_weights = true };
    for (int forgone = 1; forgone >= 0; forgone--) {
        struct model *model = model_share_cached (path, NULL, folder, &error);
        struct plan *plan = model ? plan_new (model_graph (model), &options, &error) : NULL;
        struct packed_kept *kept = plan ? model_to_keep (model) : NULL;
        if (CHECK (kept, "%s", error.text)) {
            model_release (model);
            CHECK (model_hold (model, &error), "%s", error.text);
            plan_free (plan); /* nobody uses it, and it stays */
            work_begin (&work, WORK_STEPS, &stop);
            CHECK (!model_need_weights (model, &error) && strstr (error.text, "not wanted any more"), "'%s'",
                   error.text);
            work_end (&work);
            if (forgone)
                model_forgo (model, kept);
            else
                model_keep (model, kept, &error);
            CHECK (forgone || !error.text[0], "'%s'", error.text);
            CHECK (files_in (folder) == !forgone, "%d files", files_in (folder));
            CHECK (model_need_weights (model, &error) && model_has_weights (model), "'%s'", error.text);
        }
        if (model)
            model_release (model);
        model_unref (model);
    }
    struct start plain = start (path, NULL, ALGORITHM_AUTO), again = start (path, folder, ALGORITHM_AUTO);
    CHECK (again.cached && again.made == 0 && same_scores (&plain, &again), "%d packed again", again.made);
}

/* The info beside a network that leaves its size open is part of what it is. */
static void check_open_size (const char *folder)
{
    const char *path = write_new ("open.onnx", 1, "1 3 ? ?"), *info = scratch_path ("open.modelinfo");
    static const char *const texts[] = { "[x]\ndir=input\nsize=8x8\n", "[x]\ndir=input\nsize=16x16\n" };
    usleep (SETTLES);
    for (int i = 0; i < 4; i++) { /* they take turns */
        const char *text = texts[i % 2];
        CHECK (write_file (info, text, strlen (text)), "%s", info);
        struct start plain = start (path, NULL, ALGORITHM_AUTO), first = start (path, folder, ALGORITHM_AUTO);
        CHECK (!first.cached && first.made == 3 && first.notices == 0, "size %d: the other's", i % 2);
        struct start second = start (path, folder, ALGORITHM_AUTO);
        CHECK (second.cached && second.made == 0, "size %d: it is not kept", i % 2);
        CHECK (same_scores (&plain, &first) && same_scores (&plain, &second), "size %d: other scores", i % 2);
    }
    unlink (info);
}

/* A network that is mostly numbers which are read although the packed ones are there. */
static void check_budget (const char *folder)
{
    enum { WIDE = 4096, NUMBERS = WIDE * CLASSES };
    static float weights[NUMBERS];
    struct onnx o = onnx_new (13);
    struct message typed = tensor_message ("m", 1, "4096 16", "", 0);
    fill (weights, NUMBERS, 3);
    put_block (&typed, 4, weights, sizeof weights); /* float_data */
    onnx_input (&o, "x", "1 3 8 8");
    onnx_floats (&o, "w", "64 3 1 1", weights);
    onnx_node (&o, "Conv", "x w", "c", "");
    onnx_node (&o, "Flatten", "c", "f", "");
    put_message (&o.graph, 5, &typed);
    onnx_node (&o, "MatMul", "f m", "y", "");
    onnx_output (&o, "y", "1 16");
    const char *path = put_network ("typed.onnx", &o);
    usleep (SETTLES);
    struct start all[2];
    for (int i = 0; i < 2; i++) {
        struct work work;
        work_begin (&work, NUMBERS, NULL); /* and what the size of the file allows */
        all[i] = start (path, folder, ALGORITHM_AUTO);
        CHECK (work.refused == 0 && all[i].notices == 0, "start %d: %llu refused of %llu, '%s'", i,
               (unsigned long long)work.refused, (unsigned long long)work.limit, all[i].notice);
        work_end (&work);
    }
    CHECK (!all[0].cached && all[1].cached && all[1].made == 0 && same_scores (&all[0], &all[1]), "%d packed again",
           all[1].made);
}

/* A hard swish of numbers in typed fields, each beside an empty raw_data: seen as one with the cache, too. */
static void check_peeked (const char *folder)
{
    static float weights[CLASSES * CLASSES * 3 * 3];
    static const struct {
        const char *name;
        float number;
    } numbers[] = { { "three", 3 }, { "zero", 0 }, { "six", 6 }, { "sixth", 1 / 6.f } };
    struct onnx o = onnx_new (13);
    fill (weights, sizeof weights / sizeof *weights, 5);
    onnx_input (&o, "x", "1 3 8 8");
    onnx_floats (&o, "w", "16 3 3 3", weights);
    onnx_floats (&o, "v", "16 16 3 3", weights);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct message typed = tensor_message (numbers[i].name, 1, "", "", 0);
        put_block (&typed, 4, &numbers[i].number, sizeof numbers[i].number);
        put_message (&o.graph, 5, &typed);
    }
    onnx_node (&o, "Conv", "x w", "c", "pads=1,1,1,1");
    onnx_node (&o, "Add", "c three", "a", "");
    onnx_node (&o, "Clip", "a zero six", "k", "");
    onnx_node (&o, "Mul", "c k", "m", "");
    onnx_node (&o, "Mul", "m sixth", "h", "");
    onnx_node (&o, "Conv", "h v", "d", "pads=1,1,1,1");
    onnx_node (&o, "ReduceMean", "d", "y", "axes=2,3 keepdims=0");
    onnx_output (&o, "y", "1 16");
    const char *path = put_network ("peeked.onnx", &o);
    usleep (SETTLES);
    struct start first = start (path, folder, ALGORITHM_AUTO), second = start (path, folder, ALGORITHM_AUTO);
    CHECK (!first.cached && second.cached && second.made == 0 && same_scores (&first, &second), "%d packed again",
           second.made);
}

/* ---- files that are not what they should be ---------------------------------------------------------------------- */

static void expect_fallback (const char *path, const char *folder, const struct start *plain, const char *what)
{
    struct start s = start (path, folder, ALGORITHM_AUTO);
    CHECK (!s.cached && s.made == 3 && same_scores (plain, &s), "%s: used", what);
    CHECK (s.notices == 1 && strstr (s.notice, "packed anew"), "%s: %d notices, '%s'", what, s.notices, s.notice);
}

static void check_damaged (const char *path, const char *folder)
{
    int count;
    size_t size;
    struct start plain = start (path, NULL, ALGORITHM_AUTO);
    start (path, folder, ALGORITHM_AUTO);
    char file[512];
    snprintf (file, sizeof file, "%s", only_file (folder, &count));
    char *bytes = slurp (file, &size);
    if (!CHECK (bytes && count == 1, "%s", file))
        return;
    for (size_t at = 0; at < size; at += at < 700 ? 1 : 97) { /* a bit, anywhere */
        bytes[at] ^= (char)(1 << at % 8);
        CHECK (write_file (file, bytes, size) && !chmod (file, 0600), "%s", file);
        struct start s = start (path, folder, ALGORITHM_AUTO);
        CHECK (!s.cached && same_scores (&plain, &s), "byte %zu changed: used", at);
        CHECK (s.notices <= 1, "byte %zu: %d notices", at, s.notices);
        bytes[at] ^= (char)(1 << at % 8);
    }
    for (size_t cut = 0; cut < size; cut = cut * 5 / 4 + 1) {
        CHECK (write_file (file, bytes, cut) && !chmod (file, 0600), "%s", file);
        expect_fallback (path, folder, &plain, "cut");
    }
    for (int more = 1; more < 100; more += 7) {
        char *longer = calloc (1, size + (size_t)more);
        memcpy (longer, bytes, size);
        CHECK (write_file (file, longer, size + (size_t)more) && !chmod (file, 0600), "%s", file);
        expect_fallback (path, folder, &plain, "longer");
        free (longer);
    }
    CHECK (write_file (file, "something else altogether", 25) && !chmod (file, 0600), "%s", file);
    expect_fallback (path, folder, &plain, "another file");
    CHECK (start (path, folder, ALGORITHM_AUTO).cached, "it is not written again");
    free (bytes);
}

static void check_owners (const char *path, const char *folder)
{
    int count;
    char file[512], other[512];
    struct start plain = start (path, folder, ALGORITHM_AUTO);
    snprintf (file, sizeof file, "%s", only_file (folder, &count));
    snprintf (other, sizeof other, "%s", scratch_path ("elsewhere"));
    CHECK (!chmod (file, 0620), "%s", file);
    expect_fallback (path, folder, &plain, "others may write");
    CHECK (!rename (file, other) && !symlink (other, file), "%s", file);
    expect_fallback (path, folder, &plain, "a link");
    CHECK (!unlink (file) && !link (other, file), "%s", file);
    expect_fallback (path, folder, &plain, "a second name");
    CHECK (!unlink (file) && !mkdir (file, 0700), "%s", file);
    struct start s = start (path, folder, ALGORITHM_AUTO);
    CHECK (!s.cached && same_scores (&plain, &s) && s.notices == 2, "a folder: %d notices, '%s'", s.notices, s.notice);
    CHECK (!rmdir (file) && !mkfifo (file, 0600), "%s", file);
    expect_fallback (path, folder, &plain, "a pipe"); /* and it is not waited for */
    CHECK (start (path, folder, ALGORITHM_AUTO).cached && !chmod (folder, 0750), "%s", folder);
    s = start (path, folder, ALGORITHM_AUTO);
    CHECK (!s.cached && same_scores (&plain, &s) && s.notices == 1 && strstr (s.notice, "chmod 700"), "'%s'", s.notice);
    CHECK (!chmod (folder, 0700), "%s", folder);
    s = start (path, path, ALGORITHM_AUTO); /* no folder at all */
    CHECK (!s.cached && same_scores (&plain, &s) && s.notices == 1, "'%s'", s.notice);
    unlink (other);
}

/* ---- no folder, and memory or work that run short ---------------------------------------------------------------- */

static void check_no_folder (const char *path)
{
    struct start plain = start (path, NULL, ALGORITHM_AUTO),
                 s = start (path, scratch_path ("no/cache"), ALGORITHM_AUTO);
    CHECK (!s.cached && s.made == 3 && same_scores (&plain, &s) && s.notices == 1 &&
               strstr (s.notice, "no/cache: packed weights are not kept: the folder cannot be made: No such file"),
           "%d notices, '%s'", s.notices, s.notice);
}

/* What of a start has so many allocations, or charges of work, and no more. */
enum part { READING, READING_KEPT, KEEPING, PARTS };

static void begin_short (bool memory, long good)
{
    if (memory)
        allocations_fail_after (good);
    else
        charges_refuse_after (good);
}

/* Whether something was refused. Right scores, or an error that names the network. */
static bool start_short (const char *path, const char *folder, enum part part, bool memory, long good,
                         const struct start *plain)
{
    struct error error = { "" };
    struct work work;
    float input[INPUT];
    const struct plan_options options = { .threads = 1, .drop_weights = true };
    work_begin (&work, UINT64_C (1) << 40, NULL);
    if (part != KEEPING)
        begin_short (memory, good);
    struct model *model = model_share_cached (path, NULL, folder, &error);
    struct plan *plan = model ? plan_new (model_graph (model), &options, &error) : NULL;
    if (part == KEEPING)
        begin_short (memory, good);
    if (plan)
        model_keep_packed (model);
    bool refused = memory ? allocations_heal () : charges_allow ();
    work_end (&work);
    CHECK (model || strstr (error.text, path), "part %d, %s %ld: '%s'", part, memory ? "allocation" : "charge", good,
           error.text);
    CHECK (part != KEEPING || !memory || !refused || good == 0 || /* the first is what is asked to be kept */
               (model && (files_in (folder) == 1 ||
                          (model_notices (model) == 1 && strstr (model_notice (model, 0), "Cannot allocate memory")))),
           "allocation %ld: %d files, '%s'", good, files_in (folder),
           model && model_notices (model) ? model_notice (model, 0) : "");
    if (plan) {
        fill (input, INPUT, 7);
        plan_run (plan, input);
        CHECK (!memcmp (plan_output (plan, 0)->data, plain->scores, sizeof plain->scores),
               "part %d, %s %ld: other scores", part, memory ? "allocation" : "charge", good);
    }
    plan_free (plan);
    if (model)
        model_release (model);
    model_unref (model);
    return refused;
}

/* While a network is read, while what was kept is, and while it is written; what is in the folder afterwards can be
 * used, or there is nothing. */
static void check_short (const char *path, const char *folder)
{
    struct start plain = start (path, NULL, ALGORITHM_AUTO);
    for (int i = 0; i < 2 * PARTS; i++) {
        enum part part = (enum part) (i % PARTS);
        bool memory = i >= PARTS, refused = true;
        if (memory && !allocations_counted ()) {
            SKIP ("allocations cannot be made to fail in this build");
            return;
        }
        for (long good = 0; refused && good < 100000; good += part == KEEPING ? 1 : 1 + good / 40) {
            if (part != READING_KEPT)
                empty (folder);
            refused = start_short (path, folder, part, memory, good, &plain);
            CHECK (files_in (folder) <= 1, "%d files", files_in (folder));
        }
        CHECK (!refused, "there is no end of %s", memory ? "allocations" : "charges");
        struct start s = start (path, folder, ALGORITHM_AUTO);
        CHECK (s.cached && s.made == 0 && s.notices == 0 && same_scores (&plain, &s), "%d packed again, '%s'", s.made,
               s.notice);
    }
}

/* ---- two at once ------------------------------------------------------------------------------------------------ */

static void check_writers (const char *path, const char *folder)
{
    int count;
    char other[600];
    struct start plain = start (path, NULL, ALGORITHM_AUTO);
    start (path, folder, ALGORITHM_AUTO);
    snprintf (other, sizeof other, "%s.new", only_file (folder, &count));
    CHECK (write_file (other, "half", 4), "%s", other); /* somebody is writing it */
    struct start s = start (path, folder, ALGORITHM_F23);
    CHECK (s.made > 0 && s.notices == 0 && !access (other, F_OK), "the other's file is gone, '%s'", s.notice);
    s = start (path, folder, ALGORITHM_F23);
    CHECK (s.cached && s.made == 0, "%d packed again: it was not written beside the other's", s.made);
    s = start (path, folder, ALGORITHM_AUTO);
    CHECK (s.cached && same_scores (&plain, &s), "there is none any more");
    CHECK (files_in (folder) == 2, "%d files", files_in (folder));
    struct timespec times[2] = { { .tv_sec = time (NULL) - 3600 }, { .tv_sec = time (NULL) - 3600 } };
    CHECK (!utimensat (AT_FDCWD, other, times, 0), "%s", other); /* and has ended long ago */
    s = start (path, folder, ALGORITHM_DIRECT);
    CHECK (s.made > 0 && access (other, F_OK), "what an ended one left is in the way for ever");
    pid_t child[6];
    for (int i = 0; i < 6; i++)
        if ((child[i] = fork ()) == 0) {
            bool good = true;
            for (int round = 0; round < 20; round++) {
                struct start own = start (path, folder, round % 2 ? ALGORITHM_AUTO : ALGORITHM_DIRECT);
                good = good && own.notices == 0 && (round % 2 == 0 || same_scores (&plain, &own));
            }
            _exit (!good);
        }
    for (int i = 0; i < 6; i++) {
        int state = -1;
        waitpid (child[i], &state, 0);
        CHECK (state == 0, "process %d of 6 that write and read it: %d", i, state);
    }
    CHECK (files_in (folder) == 1, "%d files are left", files_in (folder));
}

void check_cache (void)
{
    check_group ("packed weights in a folder");
    char folder[512], path[512];
    snprintf (folder, sizeof folder, "%s", scratch_path ("cache"));
    snprintf (path, sizeof path, "%s", write_network ("cached.onnx", 1));
    check_again (path, folder);
    empty (folder);
    check_ways (path, folder);
    empty (folder);
    check_bf16 (path, folder);
    empty (folder);
    check_trial (path, folder);
    empty (folder);
    check_limited (path, folder);
    empty (folder);
    check_changed (path, folder);
    empty (folder);
    check_new (folder);
    empty (folder);
    check_stopped (path, folder);
    empty (folder);
    check_written_later (path, folder);
    empty (folder);
    check_open_size (folder);
    empty (folder);
    check_budget (folder);
    empty (folder);
    check_peeked (folder);
    empty (folder);
    check_damaged (path, folder);
    empty (folder);
    check_owners (path, folder);
    empty (folder);
    check_no_folder (path);
    check_short (path, folder);
    empty (folder);
    check_writers (path, folder);
    empty (folder);
}
