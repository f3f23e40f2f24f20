/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz_targets.c: what is done with the bytes of each format; see fuzz.h.
 *
 * Every target has an account of work, and goes on to what an application would do: a plan is made of a graph and run,
 * and what it computes is compared with what the direct sums of the scalar kernels give. */
#include "tests/fuzz/fuzz.h"

#include "engine/hash.h"
#include "engine/work.h"
#include "models/file.h"
#include "models/labels.h"
#include "models/modelinfo.h"
#include "models/network.h"
#include "models/npy.h"
#include "models/onnx.h"
#include "models/ranges_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFUSED_MAX = 64 };

static void wrong (const char *what)
{
    fprintf (stderr, "fuzz: %s\n", what);
    abort ();
}

/* An error is one line that names the file. */
static void check_error (bool good, const struct error *error)
{
    if (!good && (!error->text[0] || strchr (error->text, '\n')))
        wrong ("an error without a sentence");
}

static void check_work (const struct work *work)
{
    if (work->refused > REFUSED_MAX)
        wrong ("it goes on after its work was refused");
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

static struct plan *plan_of (struct graph *graph, const char *isa, enum algorithm algorithm)
{
    struct error error;
    struct plan_options options = { .threads = 1, .isa = isa, .algorithm = algorithm, .seconds = 0.002 };
    struct plan *plan = plan_new (graph, &options, &error);
    check_error (plan != NULL, &error);
    return plan;
}

/* Two plans of one graph give the same numbers, as far as numbers of their size can: giant ones are left out, and what
 * is not finite, which Winograd's and Strassen's methods spread. */
static void compare (const struct tensor *a, const struct tensor *b)
{
    size_t count = (size_t)a->channels * (size_t)a->height * (size_t)a->width;
    double largest = 1;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite (a->data[i]) || !isfinite (b->data[i]))
            return;
        largest = fmax (largest, fabs ((double)b->data[i]));
    }
    for (size_t i = 0; largest < 1e6 && i < count; i++) {
        if (fabs ((double)a->data[i] - (double)b->data[i]) > 2e-2 * largest)
            wrong ("two plans of a graph disagree");
    }
}

static bool small_numbers (const struct graph *graph)
{
    for (int id = 0; id < graph_tensors (graph); id++) {
        struct tensor_info t = graph_tensor (graph, id);
        const float *weights = graph_weights (graph, id);
        struct conv conv;
        const float *bias;
        if (t.range.step != 0) /* what is rounded may fall to either side */
            return false;
        if (!weights || !graph_convolution (graph, id, &conv, &bias))
            continue;
        size_t count = (size_t)(graph_tensor (graph, t.inputs[0]).channels / conv.groups) * (size_t)conv.kernel_h *
                       (size_t)conv.kernel_w * (size_t)conv.out_channels;
        for (size_t i = 0; i < count; i++) {
            if (!(fabsf (weights[i]) < 1e3f))
                return false;
        }
    }
    return true;
}

bool fuzz_in_a_hurry;

/* Whether it is one in so many inputs, where there is a hurry; its bytes decide, so that an input does the same every
 * time. */
static bool one_in (unsigned many, const uint8_t *bytes, size_t size)
{
    uint64_t hash = fuzz_in_a_hurry ? hash_bytes (HASH_START, bytes, size) : 0;
    return (hash ^ hash >> 32) % many == 0;
}

/* Plans take many times as long as the reader does, most of it for mapping their memory. */
enum { PLANNED = 32 };

static void run_plans (struct graph *graph)
{
    struct plan *fast = plan_of (graph, NULL, ALGORITHM_AUTO);
    struct plan *direct = fast ? plan_of (graph, "scalar", ALGORITHM_DIRECT) : NULL;
    if (direct) {
        struct tensor_info in = graph_tensor (graph, 0);
        size_t count = (size_t)in.channels * (size_t)in.height * (size_t)in.width;
        float *numbers = malloc (count * sizeof *numbers);
        for (size_t i = 0; numbers && i < count; i++)
            numbers[i] = (float)(i * 37 % 101) / 50 - 1;
        if (numbers) {
            plan_run (fast, numbers);
            plan_run (direct, numbers);
        }
        for (int i = 0; numbers && small_numbers (graph) && i < plan_outputs (fast); i++)
            compare (plan_output (fast, i), plan_output (direct, i));
        free (numbers);
    }
    plan_free (fast);
    plan_free (direct);
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

static bool run_onnx (const uint8_t *bytes, size_t size)
{
    struct work work;
    struct error error = { "" };
    struct onnx_extras extras = { 0 };
    char *copy = malloc (size + 1);
    if (!copy)
        return false;
    memcpy (copy, bytes, size);
    copy[size] = 0;
    /* a hundredth where there is a hurry: large tensors take a sanitizer a millisecond each to map and to unmap */
    work_begin (&work, WORK_STEPS / (fuzz_in_a_hurry ? 100 : 10), NULL);
    work_allow_bytes (size);
    struct graph *graph = onnx_read ("/nowhere/fuzz.onnx", copy, size, &extras, &error);
    check_error (graph != NULL, &error);
    if (graph && one_in (PLANNED, bytes, size))
        run_plans (graph);
    work_end (&work);
    check_work (&work);
    graph_unref (graph);
    free (extras.labels);
    return graph != NULL;
}

static bool run_safetensors (const uint8_t *bytes, size_t size)
{
    struct work work;
    struct error error = { "" };
    struct safetensors file;
    work_begin (&work, WORK_STEPS / 10, NULL);
    work_allow_bytes (size);
    bool good = safetensors_open ("fuzz.safetensors", (const char *)bytes, size, &file, &error);
    check_error (good, &error);
    if (good) {
        struct network_extras extras = { 0 };
        struct graph *graph = network_build (&file, &extras, &error);
        check_error (graph != NULL, &error);
        struct input_spec spec = { 0 };
        bool said;
        if (graph && network_input (&file, &spec, &said, &error) && one_in (PLANNED, bytes, size))
            run_plans (graph);
        graph_unref (graph);
        safetensors_close (&file);
    }
    work_end (&work);
    check_work (&work);
    return good;
}

/* The bytes with a zero byte behind them, as file_read gives them; exactly so many, that nothing behind is read. */
static char *as_text (const uint8_t *bytes, size_t size)
{
    char *text = malloc (size + 1);
    if (!text)
        wrong ("no memory");
    memcpy (text, bytes, size);
    text[size] = 0;
    return text;
}

/* A class of six digits makes a list of up to a million, which takes a thousand times as long as any other. */
static bool long_list (const uint8_t *bytes, size_t size)
{
    int digits = 0;
    for (size_t i = 0; i <= size; i++) {
        bool digit = i < size && bytes[i] >= '0' && bytes[i] <= '9';
        if (!digit && digits == 6)
            return true;
        digits = !digit ? 0 : digits || bytes[i] != '0' ? digits + 1 : 0;
    }
    return false;
}

static bool run_labels (const uint8_t *bytes, size_t size)
{
    struct work work;
    struct error error = { "" };
    struct labels labels;
    if (long_list (bytes, size) && !one_in (64, bytes, size))
        return false;
    char *text = as_text (bytes, size);
    work_begin (&work, WORK_STEPS / 10, NULL);
    bool good = labels_parse ("labels.txt", text, size, &labels, &error);
    check_error (good, &error);
    if (good) {
        labels_fit (&labels, 1000);
        for (int i = 0; i < labels.count; i++) {
            if (strlen (labels.names[i]) > 255)
                wrong ("a label longer than is said");
        }
        labels_clear (&labels);
    }
    work_end (&work);
    check_work (&work);
    free (text);
    return good;
}

static bool run_modelinfo (const uint8_t *bytes, size_t size)
{
    struct work work;
    struct error error = { "" };
    struct modelinfo *info;
    char *text = as_text (bytes, size);
    work_begin (&work, WORK_STEPS / 10, NULL);
    bool good = modelinfo_parse ("net.modelinfo", text, size, &info, &error);
    check_error (good, &error);
    if (good && info) {
        struct input_spec spec = { .channels = 3, .height = 224, .width = 224 };
        struct notices notices = { 0 };
        int height, width;
        modelinfo_size (info, "x", &height, &width);
        check_error (modelinfo_apply (info, "x", &spec, &notices, &error), &error);
        modelinfo_close (info);
    }
    work_end (&work);
    check_work (&work);
    free (text);
    return good;
}

static bool run_npy (const uint8_t *bytes, size_t size)
{
    struct error error = { "" };
    struct npy array;
    char *copy = as_text (bytes, size);
    bool good = npy_parse ("x.npy", copy, size, &array, &error);
    check_error (good, &error);
    npy_clear (&array);
    free (copy);
    return good;
}

/* Of a small network. */
static bool run_ranges (const uint8_t *bytes, size_t size)
{
    static struct model *model;
    struct error error = { "" };
    double agreement;
    if (!model && !(model = model_fixed_filters (FUZZ_SIDE, FUZZ_SIDE, &error)))
        wrong (error.text);
    char *text = as_text (bytes, size);
    struct ranges *ranges = ranges_file_parse ("net.ranges", text, size, model, &agreement, &error);
    check_error (ranges != NULL, &error);
    ranges_free (ranges);
    free (text);
    return ranges != NULL;
}

const struct fuzz_target fuzz_targets[] = {
    { "onnx", 16384, run_onnx, fuzz_onnx_seeds },
    { "safetensors", 65536, run_safetensors, fuzz_safetensors_seeds },
    { "labels", 4096, run_labels, fuzz_labels_seeds },
    { "modelinfo", 4096, run_modelinfo, fuzz_modelinfo_seeds },
    { "npy", 4096, run_npy, fuzz_npy_seeds },
    { "ranges", 4096, run_ranges, fuzz_ranges_seeds },
    { .name = NULL },
};

const struct fuzz_target *fuzz_target_called (const char *name)
{
    for (const struct fuzz_target *t = fuzz_targets; name && t->name; t++) {
        if (!strcmp (t->name, name))
            return t;
    }
    return NULL;
}
