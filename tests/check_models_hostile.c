/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_hostile.c: files of a few bytes that would take minutes to read or to run, and reading that is stopped.
 *
 * What is compared is the account of work, which does not depend on how busy the machine is; and with a wide margin the
 * CPU time, so that the account cannot forget what costs most. */
#include "engine/work.h"
#include "tests/check_models.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CPU_SECONDS = 20, LARGEST_STEPS = 50000000, REFUSED_MAX = 64 };

/* ---- files ----------------------------------------------------------------------------------------------------- */

static void few_pieces (struct onnx *o)
{
    onnx_constant_in_pieces (o, "k", 500000, 300);
    onnx_input (o, "x", "1 3 8 8");
    onnx_node (o, "Relu", "x", "y", "");
}

static void many_pieces (struct onnx *o)
{
    onnx_constant_in_pieces (o, "k", 500000, 100000);
    onnx_input (o, "x", "1 3 8 8");
    onnx_node (o, "Relu", "x", "y", "");
}

/* So many nodes one behind the other, x -> t0 -> ... -> y; `more`: of their inputs. */
static void chain (struct onnx *o, const char *operation, const char *more, int count, const char *attributes)
{
    char in[64], out[64];
    for (int i = 0; i < count; i++) {
        snprintf (in, sizeof in, "t%d %s", i - 1, more);
        if (i == 0)
            snprintf (in, sizeof in, "x %s", more);
        snprintf (out, sizeof out, "t%d", i);
        if (i + 1 == count)
            strcpy (out, "y");
        onnx_node (o, operation, in, out, attributes);
    }
}

static void peeked (struct onnx *o)
{
    onnx_constant_in_pieces (o, "k", 1000000, 0);
    onnx_input (o, "x", "1 3 8 8");
    chain (o, "Mul", "k", 5000, "");
}

static void gathered (struct onnx *o)
{
    enum { COUNT = 500000, GATHERS = 2000 };
    uint16_t *halves = calloc (COUNT, sizeof *halves);
    struct message h = tensor_message ("h", 10, "500000", halves, COUNT * sizeof *halves);
    put_message (&o->graph, 5, &h);
    free (halves);
    onnx_input (o, "x", "1 3 8 8");
    onnx_ints (o, "i", "0");
    onnx_node (o, "Gather", "h i", "s0", "");
    for (int i = 0; i < GATHERS; i++) {
        char names[3][64];
        snprintf (names[0], sizeof names[0], "q%d", i);
        snprintf (names[1], sizeof names[1], "s%d q%d", i, i);
        snprintf (names[2], sizeof names[2], "s%d", i + 1);
        onnx_node (o, "Gather", "h i", names[0], "");
        onnx_node (o, "Add", names[1], names[2], "");
    }
    onnx_node (o, "Mul", "x s2000", "y", "");
}

static void sigmoids (struct onnx *o)
{
    onnx_input (o, "x", "1 3 2 2");
    chain (o, "Sigmoid", "", 18000, "");
}

static void outputs (struct onnx *o)
{
    char name[32];
    onnx_input (o, "x", "1 3 2 2");
    onnx_node (o, "Relu", "x", "y", "");
    for (int i = 0; i < 19000; i++) {
        snprintf (name, sizeof name, "o%d", i);
        onnx_node (o, "Relu", "y", name, "");
        onnx_output (o, name, "1 3 2 2");
    }
}

static void folded (struct onnx *o)
{
    onnx_input (o, "x", "1 3 8 8");
    onnx_ints (o, "shape", "14000000");
    onnx_node (o, "ConstantOfShape", "shape", "c", "");
    onnx_node (o, "ReduceSum", "c", "k", "keepdims=0");
    onnx_node (o, "ReduceMean", "c", "l", "keepdims=0");
    onnx_node (o, "Mul", "x k", "z", "");
    onnx_node (o, "Mul", "z l", "y", "");
}

static void pooled (struct onnx *o)
{
    onnx_input (o, "x", "1 3 380 380");
    onnx_node (o, "MaxPool", "x", "y", "kernel_shape=1500,1500 pads=749,749,749,749");
}

static void gelus (struct onnx *o)
{
    o->opset = 20;
    onnx_input (o, "x", "1 3 720 720");
    chain (o, "Gelu", "", 400, ""); /* by comparisons it would be within the limit */
}

static void large_kernels (struct onnx *o)
{
    enum { SIDE = 191, COUNT = 20 };
    float *weights = calloc (SIDE * SIDE, sizeof *weights);
    onnx_input (o, "x", "1 1 640 640");
    onnx_floats (o, "w", "1 1 191 191", weights);
    free (weights);
    chain (o, "Conv", "w", COUNT, "pads=95,95,95,95");
}

static void wide (struct onnx *o)
{
    onnx_input (o, "x", "1 3 2880 2880");
    onnx_node (o, "Relu", "x", "y", "");
}

static void many_parts (struct onnx *o)
{
    static char inputs[100000];
    onnx_input (o, "x", "1 1 1 1");
    for (int i = 0; i + 1 < (int)sizeof inputs / 2; i++)
        memcpy (inputs + 2 * i, "x ", 2);
    for (int i = 0; i < 39; i++) {
        char name[32];
        snprintf (name, sizeof name, i ? "c%d" : "y", i);
        onnx_node (o, "Concat", inputs, name, "axis=1");
        if (i)
            onnx_output (o, name, "1 49999 1 1");
    }
}

static const struct {
    const char *name;
    void (*write) (struct onnx *o);
    const char *refusal; /* NULL: it runs */
} files[] = {
    { "a tensor in 300 pieces", few_pieces, "million steps to read" },
    { "a tensor in 100000 pieces", many_pieces, "million steps to read" },
    { "a constant of a million dimensions", peeked, "more than 8 dimensions" },
    { "half floats gathered from", gathered, "million steps to read" },
    { "18000 sigmoids", sigmoids, NULL },
    { "19000 outputs", outputs, "million steps to read" },
    { "a constant of 14 million numbers", folded, "million steps to read" },
    { "a window of 1500 x 1500", pooled, "with it a run would take more than" },
    { "400 GELUs", gelus, "with it a run would take more than" },
    { "convolutions by one large kernel", large_kernels, "with it a run would take more than" },
    { "an image of 2880 x 2880", wide, "intermediate results need" },
    { "50000 parts joined, 40 times", many_parts, "million steps to read" },
};

/* ---- reading them ---------------------------------------------------------------------------------------------- */

/* What an application does: the model, then a plan of it. */
static bool run (const char *path, struct work *work, uint64_t limit, const atomic_bool *stop, struct error *error)
{
    work_begin (work, limit, stop);
    struct model *model = model_load (path, NULL, error);
    struct plan *plan = model ? plan_new (model_graph (model), &(struct plan_options) { .threads = 1 }, error) : NULL;
    bool good = plan != NULL;
    work_end (work);
    plan_free (plan);
    model_unref (model);
    return good;
}

static const char *write_hostile (void (*write) (struct onnx *o))
{
    struct onnx o = onnx_new (13);
    write (&o);
    onnx_output (&o, "y", "1");
    onnx_finish (&o);
    const char *path = scratch_path ("hostile.onnx");
    CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
    onnx_free (&o);
    return path;
}

static void check_outcome (const char *name, const char *path, const char *refusal)
{
    struct work work;
    struct error error = { "" };
    clock_t start = clock ();
    bool good = run (path, &work, WORK_STEPS, NULL, &error);
    double seconds = (double)(clock () - start) / CLOCKS_PER_SEC;
    if (refusal)
        CHECK (!good && strstr (error.text, refusal), "%s: '%s'", name, error.text);
    else
        CHECK (good, "%s: %s", name, error.text);
    CHECK (seconds < CPU_SECONDS, "%s: %.1f s of CPU time", name, seconds);
    CHECK (work.refused <= REFUSED_MAX, "%s: went on for %d charges after it was refused", name, (int)work.refused);
    CHECK (work.largest <= LARGEST_STEPS, "%s: %d million steps at once", name, (int)(work.largest / 1000000));
}

/* The header of a safetensors file says its length; its bytes are never looked at when they are too many. */
static void check_header (void)
{
    static const unsigned char length[8] = { 0x00, 0xe1, 0xf5, 0x05 }; /* 100,000,000 */
    const char *path = scratch_path ("hostile.safetensors");
    CHECK (write_file (path, length, sizeof length) && !truncate (path, 100000008), "%s", path);
    check_outcome ("a header of 100 MB", path, "its header of 100000000 bytes would take more than");
}

/* ---- stopping -------------------------------------------------------------------------------------------------- */

/* Two convolutions of 3 x 3 and a fully connected layer, weights as 16-bit floats. */
static void ordinary (struct onnx *o)
{
    enum { BIG = 64 * 64 * 9 };
    uint16_t *numbers = calloc (BIG, sizeof *numbers);
    struct message w1 = tensor_message ("w1", 10, "64 3 3 3", numbers, 64 * 27 * 2);
    struct message w2 = tensor_message ("w2", 10, "64 64 3 3", numbers, BIG * 2);
    put_message (&o->graph, 5, &w1);
    put_message (&o->graph, 5, &w2);
    free (numbers);
    onnx_input (o, "x", "1 3 32 32");
    onnx_node (o, "Conv", "x w1", "a", "pads=1,1,1,1");
    onnx_node (o, "Relu", "a", "b", "");
    onnx_node (o, "Conv", "b w2", "c", "pads=1,1,1,1");
    onnx_node (o, "GlobalAveragePool", "c", "y", "");
}

/* Wherever reading and planning is when it is stopped, it ends there. */
static void check_stop (void)
{
    enum { PLACES = 97 };
    struct work whole, work;
    struct error error = { "" };
    atomic_bool stop = true;
    const char *path = write_hostile (ordinary);
    if (!CHECK (run (path, &whole, WORK_STEPS, NULL, &error), "%s", error.text))
        return;
    for (uint64_t i = 0; i < PLACES; i++) {
        /* its bytes will raise the limit by 8 times their number */
        uint64_t limit = whole.spent * i / PLACES;
        bool good = run (path, &work, limit, NULL, &error);
        bool enough = work.limit >= whole.spent;
        CHECK (good == enough, "after %d of %d steps: '%s'", (int)work.limit, (int)whole.spent, error.text);
        CHECK (good || strstr (error.text, "million steps to read"), "after %d steps: '%s'", (int)limit, error.text);
        CHECK (work.refused <= REFUSED_MAX, "went on for %d charges after step %d", (int)work.refused, (int)work.limit);
    }
    CHECK (!run (path, &work, WORK_STEPS, &stop, &error) && strstr (error.text, "is not wanted any more"), "'%s'",
           error.text);
    CHECK (work.spent == 0, "%d steps although it was stopped before", (int)work.spent);
}

/* Every number that is packed is charged, whatever the method. */
static void check_packing (void)
{
    static const enum algorithm algorithms[] = { ALGORITHM_DIRECT, ALGORITHM_F23, ALGORITHM_F43, ALGORITHM_F42 };
    struct error error = { "" };
    struct model *model = model_load (write_hostile (ordinary), NULL, &error);
    for (size_t i = 0; model && i < sizeof algorithms / sizeof algorithms[0]; i++) {
        struct plan_options options = { .threads = 1, .algorithm = algorithms[i] };
        struct work work;
        uint64_t numbers = 0;
        work_begin (&work, WORK_STEPS, NULL);
        struct plan *plan = plan_new (model_graph (model), &options, &error);
        work_end (&work);
        for (int s = 0; plan && s < plan_steps (plan); s++)
            numbers += plan_step (plan, s).weight_bytes / sizeof (float);
        CHECK (plan && numbers > 64 * 64 * 9 && work.spent >= numbers, "algorithm %d: %d steps for %d numbers; %s",
               (int)algorithms[i], (int)work.spent, (int)numbers, error.text);
        plan_free (plan);
    }
    model_unref (model);
}

/* An account inside another one leaves that alone. */
static void check_accounts (void)
{
    struct work outer, inner;
    CHECK (!work_has_account () && work_spend (UINT64_MAX), "without an account there is no limit");
    work_begin (&outer, 10, NULL);
    work_begin (&inner, 5, NULL);
    CHECK (work_spend (5) && !work_spend (1) && !work_spend (0), "%d of 5 steps", (int)inner.spent);
    work_end (&inner);
    CHECK (work_spend (10) && !work_spend (1), "%d of 10 steps", (int)outer.spent);
    work_end (&outer);
    CHECK (!work_has_account (), "one is left");
    work_begin (&outer, 1, NULL);
    work_allow_bytes (UINT64_MAX);
    work_allow_bytes (UINT64_MAX);
    CHECK (outer.limit > 1 && work_spend (outer.limit), "the limit has wrapped: %d", (int)outer.limit);
    work_end (&outer);
}

void check_hostile (void)
{
    check_group ("hostile");
    check_accounts ();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_outcome (files[i].name, write_hostile (files[i].write), files[i].refusal);
    check_header ();
    check_group ("stopped");
    check_stop ();
    check_packing ();
}
