/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_shared.c: models of one file share its graph and what plans have packed of it; of another file, or
 * another state of it, they do not; who holds it, who waits, and that memory goes back to the system. */
#include "tests/check_models.h"

#include "engine/memory.h"
#include "engine/work.h"

#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 8, INPUT = 3 * SIDE * SIDE, CLASSES = 16, THREADS = 6, ROUNDS = 20 };

/* Writes a network whose numbers are those of `seed`; a side of 0 leaves its size open. */
static const char *write_network (const char *name, unsigned seed, int side)
{
    static float weights[CLASSES * CLASSES * 3 * 3];
    struct onnx o = onnx_new (13);
    fill (weights, sizeof weights / sizeof *weights, seed);
    onnx_input (&o, "x", side ? "1 3 8 8" : "1 3 -1 -1");
    onnx_floats (&o, "w", "16 3 3 3", weights);
    onnx_floats (&o, "v", "16 16 3 3", weights);
    onnx_node (&o, "Conv", "x w", "b", "pads=1,1,1,1");
    onnx_node (&o, "Conv", "b v", "c", "pads=1,1,1,1");
    onnx_node (&o, "Relu", "c", "r", "");
    onnx_node (&o, "ReduceMean", "r", "y", "axes=2,3 keepdims=0");
    onnx_output (&o, "y", "1 16");
    onnx_finish (&o);
    const char *path = scratch_path (name), *before = scratch_path ("before");
    CHECK (write_file (before, o.file.data, o.file.size) && rename (before, path) == 0, "%s", path);
    onnx_free (&o);
    return path;
}

/* Scores of a plan of the model by that algorithm; false: there is none. `release`: the model, while there is a plan.
 * */
static bool scores_of (struct model *model, enum algorithm algorithm, float scores[CLASSES], bool release)
{
    float input[INPUT];
    struct error error = { "" };
    struct plan_options options = { .threads = 2, .algorithm = algorithm };
    struct plan *plan = plan_new (model_graph (model), &options, &error);
    fill (input, INPUT, 7);
    if (release)
        model_release (model);
    if (!plan)
        return false;
    plan_run (plan, input);
    memcpy (scores, plan_output (plan, 0)->data, CLASSES * sizeof *scores);
    plan_free (plan);
    return true;
}

static struct model *share (const char *path)
{
    struct error error = { "" };
    struct model *model = model_share (path, NULL, &error);
    CHECK (model, "%s", error.text);
    return model;
}

/* Shared, planned, and not held any more. */
static struct model *share_and_plan (const char *path, float scores[CLASSES])
{
    struct model *model = share (path);
    if (model)
        CHECK (scores_of (model, ALGORITHM_DIRECT, scores, true), "no plan");
    return model;
}

/* ---- what is shared ------------------------------------------------------------------------------------------ */

static void check_once (void)
{
    float first[CLASSES], second[CLASSES], own[CLASSES], other[CLASSES];
    struct error error = { "" };
    const char *path = write_network ("shared.onnx", 1, SIDE);
    struct model *alone = model_load (path, NULL, &error), *a = share_and_plan (path, first), *b = share (path);
    if (!CHECK (alone && a && b, "'%s'", error.text))
        return;
    CHECK (model_graph (a) == model_graph (b) && model_graph (a) != model_graph (alone), "the graph is not shared");
    CHECK (!model_has_weights (b), "weights as given are still there");
    CHECK (scores_of (b, ALGORITHM_DIRECT, second, false) && !memcmp (first, second, sizeof first),
           "packed weights are not");
    /* In another way: it takes the file again. */
    CHECK (!scores_of (b, ALGORITHM_F43, other, false), "packed in a way that nobody asked for");
    CHECK (model_need_weights (b, &error) && model_has_weights (b), "'%s'", error.text);
    CHECK (scores_of (b, ALGORITHM_F43, other, false) && scores_of (alone, ALGORITHM_F43, own, false) &&
               !memcmp (other, own, sizeof own),
           "another algorithm has other scores than alone");
    CHECK (scores_of (b, ALGORITHM_DIRECT, second, true) && !memcmp (first, second, sizeof first),
           "one algorithm's weights were put in the other's place");
    model_unref (a);
    CHECK (scores_of (b, ALGORITHM_DIRECT, second, false) && !memcmp (first, second, sizeof first),
           "gone with the first");
    model_unref (b);
    b = share (path);
    CHECK (b && model_has_weights (b), "what nobody uses any more was not read again");
    model_release (b);
    model_unref (b);
    model_unref (alone);
}

static void check_labels_apart (void)
{
    float scores[CLASSES];
    struct error error = { "" };
    const char *path = write_network ("shared.onnx", 1, SIDE), *labels = scratch_path ("own.txt");
    CHECK (write_file (labels, "cat\ndog\n", 8), "%s", labels);
    struct model *a = share_and_plan (path, scores), *b = model_share (path, labels, &error);
    if (!CHECK (a && b, "'%s'", error.text))
        return;
    CHECK (model_graph (a) == model_graph (b) && !strcmp (model_label (b, 1), "dog") &&
               !strcmp (model_label (a, 1), "class 1"),
           "'%s' and '%s'", model_label (a, 1), model_label (b, 1));
    model_release (b);
    CHECK (!model_share (path, scratch_path ("none.txt"), &error), "labels that are not there");
    struct model *c = share (path); /* which is not held by what failed */
    model_release (c);
    model_unref (c);
    model_unref (a);
    model_unref (b);
}

/* ---- what is not --------------------------------------------------------------------------------------------- */

static void check_other_files (void)
{
    float first[CLASSES], second[CLASSES], third[CLASSES];
    struct error error = { "" };
    const char *path = write_network ("shared.onnx", 1, SIDE), *twin = write_network ("twin.onnx", 1, SIDE);
    struct model *a = share_and_plan (path, first), *b = share_and_plan (twin, second);
    CHECK (a && b && model_graph (a) != model_graph (b), "two files share a graph");
    /* Replaced while it is in use. */
    write_network ("shared.onnx", 2, SIDE);
    struct model *c = share_and_plan (path, third);
    if (!CHECK (c && model_graph (c) != model_graph (a), "the file was replaced, its graph was not"))
        return;
    CHECK (memcmp (first, third, sizeof first) != 0, "other numbers have the same scores");
    CHECK (model_hold (a, &error) && !model_need_weights (a, &error) && strstr (error.text, "shared.onnx: was changed"),
           "'%s'", error.text);
    CHECK (scores_of (a, ALGORITHM_DIRECT, second, false) && !memcmp (first, second, sizeof first),
           "what runs has changed");
    model_release (a);
    /* Written over in place, as many bytes as before. */
    size_t size;
    char *bytes = slurp (path, &size);
    bytes[size / 2] ^= 1;
    FILE *file = fopen (path, "r+b");
    const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    CHECK (file && fwrite (bytes, 1, size, file) == size && fclose (file) == 0 &&
               utimensat (AT_FDCWD, path, times, 0) == 0,
           "%s", path);
    free (bytes);
    struct model *d = share_and_plan (path, second);
    CHECK (d && model_graph (d) != model_graph (c), "the file was written over, its graph was not");
    unlink (path);
    CHECK (model_hold (d, &error) && !model_need_weights (d, &error) && strstr (error.text, "shared.onnx"), "'%s'",
           error.text);
    model_release (d);
    CHECK (!model_share (path, NULL, &error), "a file that is gone");
    struct model *const all[] = { a, b, c, d };
    for (size_t i = 0; i < 4; i++)
        model_unref (all[i]);
}

/* The info beside a network that leaves its size open is part of what it is. */
static void check_open_size (void)
{
    const char *path = write_network ("open.onnx", 1, 0), *info = scratch_path ("open.modelinfo");
    struct model *model[3];
    struct error error = { "" };
    for (int i = 0; i < 3; i++) {
        const char *text = i == 1 ? "[x]\ndir=input\nsize=16x16\n" : "[x]\ndir=input\nsize=8x8\n";
        CHECK (write_file (info, text, strlen (text)), "%s", info);
        model[i] = share (path);
        if (!model[i])
            return;
        CHECK (model_input (model[i])->width == (i == 1 ? 16 : 8), "%d wide", model_input (model[i])->width);
        CHECK (i < 2 || model_need_weights (model[i], &error), "'%s'", error.text); /* of the size it had */
        model_release (model[i]);
    }
    CHECK (model_graph (model[0]) != model_graph (model[1]) && model_graph (model[0]) == model_graph (model[2]),
           "sizes share a graph, or the same size does not");
    for (int i = 0; i < 3; i++)
        model_unref (model[i]);
    unlink (info);
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

struct waiter {
    const char *path;
    atomic_bool stop;
    struct model *model;
    struct error error;
};

static void *wait_for_it (void *data)
{
    struct waiter *waiter = data;
    struct work work;
    work_begin (&work, WORK_STEPS, &waiter->stop);
    waiter->model = model_share (waiter->path, NULL, &waiter->error);
    work_end (&work);
    return NULL;
}

/* Who waits for another thread can be stopped, and gets it when that one is done. */
static void check_waiting (void)
{
    const char *path = write_network ("shared.onnx", 1, SIDE);
    for (int stopped = 0; stopped < 2; stopped++) {
        struct waiter waiter = { .path = path };
        pthread_t thread;
        struct model *held = share (path);
        if (!held || !CHECK (pthread_create (&thread, NULL, wait_for_it, &waiter) == 0, "no thread"))
            return;
        if (stopped)
            atomic_store (&waiter.stop, true);
        else
            model_release (held);
        pthread_join (thread, NULL);
        CHECK (stopped ? !waiter.model && strstr (waiter.error.text, "is not wanted any more")
                       : waiter.model && model_graph (waiter.model) == model_graph (held),
               "'%s'", waiter.error.text);
        if (stopped)
            model_release (held);
        else if (waiter.model)
            model_release (waiter.model);
        model_unref (waiter.model);
        model_unref (held);
    }
}

struct racer {
    const char *path;
    pthread_barrier_t *together;
    const float *expected;
    struct model *model;
    int bad;
};

static void *race (void *data)
{
    struct racer *racer = data;
    for (int round = 0; round < ROUNDS; round++) {
        float scores[CLASSES];
        struct error error;
        pthread_barrier_wait (racer->together);
        struct model *model = racer->model = model_share (racer->path, NULL, &error);
        bool good = model && round % 3 && scores_of (model, ALGORITHM_DIRECT, scores, false);
        good = good || (model && model_need_weights (model, &error)); /* others may let go of it meanwhile */
        good = good && scores_of (model, ALGORITHM_DIRECT, scores, true);
        racer->bad += !good || memcmp (scores, racer->expected, sizeof scores) != 0;
        pthread_barrier_wait (racer->together);
        pthread_barrier_wait (racer->together); /* the graphs have been compared */
        model_unref (model);
    }
    return NULL;
}

/* Threads load the same file at the same time, again and again. */
static void check_race (void)
{
    float expected[CLASSES];
    pthread_barrier_t together;
    pthread_t thread[THREADS];
    struct racer racer[THREADS];
    const char *path = write_network ("shared.onnx", 1, SIDE);
    model_unref (share_and_plan (path, expected));
    pthread_barrier_init (&together, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        racer[i] = (struct racer) { path, &together, expected, NULL, 0 };
        pthread_create (&thread[i], NULL, race, &racer[i]);
    }
    int apart = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait (&together);
        pthread_barrier_wait (&together);
        for (int i = 0; i < THREADS; i++)
            apart += !racer[i].model || !racer[0].model || model_graph (racer[i].model) != model_graph (racer[0].model);
        pthread_barrier_wait (&together);
    }
    int bad = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join (thread[i], NULL);
        bad += racer[i].bad;
    }
    pthread_barrier_destroy (&together);
    CHECK (apart == 0 && bad == 0, "%d graphs of their own, %d wrong scores", apart, bad);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

static double resident (void) /* bytes */
{
    long all = 0, pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    if (!file || fscanf (file, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (file)
        fclose (file);
    return (double)pages * (double)sysconf (_SC_PAGESIZE);
}

/* A second network of the same file takes little, and when the last one is gone the system has its memory back. */
static void check_resident (void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP ("sanitizers keep memory that was freed");
#else
    enum { WIDE = 768 };
    const size_t count = (size_t)WIDE * WIDE * 9;
    float *weights = malloc (count * sizeof *weights);
    struct onnx o = onnx_new (13);
    fill (weights, count, 3);
    onnx_input (&o, "x", "1 768 4 4");
    onnx_floats (&o, "w", "768 768 3 3", weights);
    onnx_node (&o, "Conv", "x w", "y", "pads=1,1,1,1");
    onnx_output (&o, "y", "1 768 4 4");
    onnx_finish (&o);
    const char *path = scratch_path ("wide.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    free (weights);
    struct model *model[4];
    struct plan *plan[4];
    struct plan_options options = { .threads = 1, .algorithm = ALGORITHM_DIRECT };
#ifdef __GLIBC__
    mallopt (M_MMAP_THRESHOLD, 128 * 1024); /* as at first: large blocks that were freed before have raised it */
    malloc_trim (0);                        /* else the network is read into what this test has freed */
#endif
    double at[6] = { resident () };
    if (at[0] == 0) {
        SKIP ("the system does not tell what memory is in use");
        return;
    }
    for (int i = 0; i < 4; i++) {
        model[i] = share (path);
        plan[i] = model[i] ? plan_new (model_graph (model[i]), &options, NULL) : NULL;
        CHECK (plan[i], "no plan");
        model_release (model[i]);
        at[i + 1] = resident ();
    }
    for (int i = 0; i < 4; i++) {
        plan_free (plan[i]);
        model_unref (model[i]);
    }
    at[5] = resident ();
    double weight = (double)count * sizeof (float), more = (at[4] - at[1]) / 3;
    CHECK (at[1] - at[0] > 0.8 * weight, "the first takes %g bytes: this test measures nothing", at[1] - at[0]);
    CHECK (more < 0.2 * weight, "each further one takes %g bytes; its weights have %g", more, weight);
    CHECK (at[5] - at[0] < 0.3 * weight, "%g bytes stay when all are gone", at[5] - at[0]);
    unlink (path);
#endif
}

/* What is large goes back as it is freed; all of it is zeros, on a border of 64 bytes. */
static void check_blocks (void)
{
    const size_t sizes[] = {
        0, 1, 63, MEMORY_LARGE - 1, MEMORY_LARGE, MEMORY_LARGE + 1, (2 << 20) - 1, 2 << 20, 5000001
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block = memory_new (sizes[i]), any = 0;
        if (!CHECK (block && (uintptr_t)block % 64 == 0, "%zu bytes at %p", sizes[i], (void *)block))
            continue;
        for (size_t at = 0; at < sizes[i]; at++) {
            any |= block[at];
            block[at] = 255;
        }
        CHECK (any == 0, "%zu bytes are not zeros", sizes[i]);
        memory_free (block, sizes[i]);
    }
    CHECK (!memory_new (SIZE_MAX) && !memory_new (SIZE_MAX / 2), "more than there is");
    memory_free (NULL, 5);
}

void check_shared (void)
{
    check_group ("shared");
    check_blocks ();
    check_resident ();
    check_once ();
    check_labels_apart ();
    check_other_files ();
    check_open_size ();
    check_waiting ();
    check_race ();
}
