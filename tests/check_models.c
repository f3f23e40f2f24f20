/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models.c: tests of models/: whole networks from the shared data, and what the other files of check_models add.
 *
 * The networks of zoo/ are compared with the logits ONNX Runtime gives for them; those of models/ must load, run and
 * give sane numbers, the photographs' classes are the element's test. Skipped without shared data. */
#include "tests/check_models.h"

#include "models/npy.h"
#include "tests/reference.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files of this run --------------------------------------------------------------------------------------- */

static char folder[512];

const char *scratch (void)
{
    return folder;
}

const char *scratch_path (const char *name)
{
    static char paths[32][1100];
    static int next;
    char *path = paths[next++ % 32];
    snprintf (path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

bool write_file (const char *path, const void *data, size_t size)
{
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (data, 1, size, file) == size;
    return file && fclose (file) == 0 && good;
}

char *slurp (const char *path, size_t *size)
{
    FILE *file = fopen (path, "rb");
    char *data = NULL;
    long end = -1;
    if (file && !fseek (file, 0, SEEK_END) && (end = ftell (file)) >= 0 && !fseek (file, 0, SEEK_SET))
        data = malloc ((size_t)end + 1);
    *size = data ? fread (data, 1, (size_t)end, file) : 0;
    if (file)
        fclose (file);
    return data;
}

static bool make_scratch (void)
{
    const char *parent = getenv ("TMPDIR");
    snprintf (folder, sizeof folder, "%s/check-models-XXXXXX", parent && *parent ? parent : P_tmpdir);
    return mkdtemp (folder) != NULL;
}

static void remove_scratch (void)
{
    DIR *list = opendir (folder);
    for (struct dirent *entry; list && (entry = readdir (list));) {
        const char *path = scratch_path (entry->d_name);
        if (unlink (path))
            rmdir (path);
    }
    if (list)
        closedir (list);
    rmdir (folder);
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

void fill (float *to, size_t count, unsigned seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        to[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
}

bool reference_scores (struct model *model, const float *input, double *to, size_t count)
{
    const struct graph *g = model_graph (model);
    struct reference *reference = reference_run (g, input);
    int id = graph_output_id (g, 0);
    bool fits = reference_count (reference, id) == count;
    for (size_t i = 0; fits && i < count; i++)
        to[i] = reference_values (reference, id)[i];
    reference_free (reference);
    return fits;
}

static size_t scores_count (const struct model *model)
{
    struct tensor_info t = graph_tensor (model_graph (model), graph_output_id (model_graph (model), 0));
    return (size_t)t.channels * (size_t)t.height * (size_t)t.width;
}

void check_scores (const char *what, struct model *model, const float *input, const float *expected, size_t count,
                   double tolerance)
{
    struct error error = { "" };
    double scale = 1, worst[2] = { 0 }, *exact = calloc (count, sizeof *exact);
    for (size_t i = 0; i < count; i++)
        scale = fabs ((double)expected[i]) > scale ? fabs ((double)expected[i]) : scale;
    bool fits = exact && scores_count (model) == count && reference_scores (model, input, exact, count);
    struct plan *plan = fits ? plan_new (model_graph (model), &(struct plan_options) { .threads = 1 }, &error) : NULL;
    if (plan)
        plan_run (plan, input);
    for (size_t i = 0; fits && i < count; i++) {
        double off[2] = { fabs (exact[i] - (double)expected[i]),
                          plan ? fabs ((double)(plan_output (plan, 0)->data[i] - expected[i])) : INFINITY };
        for (int k = 0; k < 2; k++)
            worst[k] = off[k] > worst[k] || isnan (off[k]) ? off[k] : worst[k];
    }
    CHECK (fits, "%s: %zu numbers instead of %zu", what, scores_count (model), count);
    CHECK (!fits || worst[0] <= tolerance * scale, "%s: the graph is off by %g", what, worst[0]);
    CHECK (!fits || (plan && worst[1] <= tolerance * scale), "%s: the engine is off by %g: %s", what, worst[1],
           error.text);
    plan_free (plan);
    free (exact);
}

struct model *load_onnx (const char *path, struct onnx *o, struct error *error)
{
    onnx_finish (o);
    struct model *model = write_file (path, o->file.data, o->file.size) ? model_load (path, NULL, error) : NULL;
    onnx_free (o);
    if (model)
        memory_runs_short (path);
    return model;
}

void check_file (const char *what, struct onnx *o, const float *input, const float *expected, size_t count)
{
    struct error error = { "" };
    struct model *model = load_onnx (scratch_path ("operator.onnx"), o, &error);
    if (CHECK (model != NULL, "%s: %s", what, error.text))
        check_scores (what, model, input, expected, count, 2e-6);
    model_unref (model);
}

/* ---- networks of the shared data ----------------------------------------------------------------------------- */

static bool same_top (const float *a, const float *b, int count)
{
    int left[5], right[5];
    float unused[5];
    const struct score_rule as_is = { .kind = SCORES_NONE, .unit = 1 };
    model_top (a, count, &as_is, 5, left, unused);
    model_top (b, count, &as_is, 5, right, unused);
    return !memcmp (left, right, sizeof left);
}

static void check_zoo_network (const char *data, const char *name, const struct npy *input)
{
    char path[700];
    struct error error = { "" };
    struct npy logits;
    snprintf (path, sizeof path, "%s/zoo/%s.logits.npy", data, name);
    if (!CHECK (npy_read (path, &logits, &error), "%s", error.text))
        return;
    snprintf (path, sizeof path, "%s/zoo/%s.onnx", data, name);
    struct model *model = model_load (path, NULL, &error);
    struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
    if (CHECK (plan != NULL, "%s", error.text) &&
        CHECK (model_classes (model) == (int)logits.count, "%s: %d classes", name, model_classes (model))) {
        const float *scores = (plan_run (plan, input->data), plan_output (plan, 0)->data);
        float largest = 0, worst = 0;
        for (size_t i = 0; i < logits.count; i++) {
            largest = fmaxf (largest, fabsf (logits.data[i]));
            worst = fmaxf (worst, fabsf (scores[i] - logits.data[i]));
        }
        CHECK (worst <= 1e-4f * largest, "%s: off by %g of %g", name, (double)worst, (double)largest);
        CHECK (same_top (scores, logits.data, (int)logits.count), "%s: another top-5", name);
        CHECK (model_scores (model, SCORES_AUTO, NULL).kind == SCORES_SOFTMAX, "%s ends in logits", name);
        printf ("# %s: off by %.2g of the largest logit\n", name, (double)(worst / largest));
    }
    plan_free (plan);
    model_unref (model);
    npy_clear (&logits);
}

static void check_zoo (void)
{
    static const char *const names[] = { "resnet18",        "squeezenet1_1", "mobilenet_v3_large",
                                         "efficientnet_b0", "densenet121",   "shufflenet_v2_x1_0" };
    check_group ("zoo");
    const char *data = check_data ();
    if (!data) {
        SKIP ("no shared data");
        return;
    }
    char path[700];
    struct npy input;
    struct error error = { "" };
    snprintf (path, sizeof path, "%s/zoo/input_224.npy", data);
    if (!CHECK (npy_read (path, &input, &error), "%s", error.text))
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_zoo_network (data, names[i], &input);
    npy_clear (&input);
}

/* Loads, runs on noise, and looks whether the numbers make sense. */
static void check_trained_network (const char *data, const char *name, int side, int classes, bool softmax)
{
    char path[700];
    struct error error = { "" };
    snprintf (path, sizeof path, "%s/models/%s", data, name);
    struct model *model = model_load (path, NULL, &error);
    struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
    float *input = calloc (3 * (size_t)side * (size_t)side, sizeof *input);
    if (CHECK (plan && input, "%s", error.text)) {
        const struct input_spec *spec = model_input (model);
        CHECK (spec->channels == 3 && spec->height == side && spec->width == side, "%s: input %d x %d x %d", name,
               spec->channels, spec->height, spec->width);
        CHECK (model_classes (model) == classes, "%s: %d classes", name, model_classes (model));
        CHECK (model_scores (model, SCORES_AUTO, NULL).kind == (softmax ? SCORES_NONE : SCORES_SOFTMAX), "%s: %s", name,
               model_scores (model, SCORES_AUTO, NULL).sentence);
        fill (input, 3 * (size_t)side * (size_t)side, 1);
        const float *scores = (plan_run (plan, input), plan_output (plan, 0)->data);
        double sum = 0;
        int finite = 0;
        for (int i = 0; i < classes && i < model_classes (model); i++) {
            sum += (double)scores[i];
            finite += isfinite (scores[i]) != 0;
        }
        CHECK (finite == classes, "%s: %d of %d scores are finite", name, finite, classes);
        CHECK (!softmax || fabs (sum - 1) < 1e-4, "%s: probabilities add up to %g", name, sum);
    }
    free (input);
    plan_free (plan);
    model_unref (model);
}

static void check_trained (void)
{
    check_group ("trained networks");
    const char *data = check_data ();
    if (!data) {
        SKIP ("no shared data");
        return;
    }
    check_trained_network (data, "resnet50_v1.5.onnx", 224, 1001, false);
    check_trained_network (data, "mobilenet_v2_1.0_224_tf2.onnx", 224, 1001, true);
    check_trained_network (data, "squeezenet_v1.1.onnx", 227, 1000, true);
    check_trained_network (data, "SqueezeNet_fp16.onnx", 224, 1000, true);
    check_trained_network (data, "tiny_darknet.onnx", 224, 1000, true);
    check_trained_network (data, "resnet20_cifar10.onnx", 32, 10, false);
}

/* ---- the built-in filters ------------------------------------------------------------------------------------ */

/* The class whose score grows most when the picture is added to an even one. */
static const char *strongest (struct plan *plan, const struct model *model, const float *picture)
{
    const struct score_rule as_is = { .kind = SCORES_NONE, .unit = 1 };
    int best;
    float score;
    plan_run (plan, picture);
    model_top (plan_output (plan, 0)->data, model_classes (model), &as_is, 1, &best, &score);
    return model_label (model, best);
}

static void check_fixed_filters (void)
{
    enum { SIDE = 96, AREA = SIDE * SIDE };
    static float picture[3 * AREA];
    struct error error = { "" };
    check_group ("fixed filters");
    struct model *model = model_fixed_filters (SIDE, SIDE, &error);
    struct plan *plan = model ? plan_new (model_graph (model), NULL, &error) : NULL;
    if (!CHECK (plan != NULL, "%s", error.text)) {
        model_unref (model);
        return;
    }
    static const struct {
        const char *label;
        float colour[3];
        int stripes; /* 1: vertical, 2: horizontal, 3: rising, 4: falling */
    } cases[] = {
        { "red", { 1, -1, -1 }, 0 },         { "green", { -1, 1, -1 }, 0 },         { "blue", { -1, -1, 1 }, 0 },
        { "yellow", { 1, 1, -1 }, 0 },       { "bright", { 1, 1, 1 }, 0 },          { "dark", { -1, -1, -1 }, 0 },
        { "vertical edge", { 0, 0, 0 }, 1 }, { "horizontal edge", { 0, 0, 0 }, 2 }, { "rising edge", { 0, 0, 0 }, 3 },
        { "falling edge", { 0, 0, 0 }, 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int p = 0; p < 3 * AREA; p++) {
            int x = p % SIDE, y = p % AREA / SIDE, s = cases[i].stripes;
            int along = s == 1 ? x : s == 2 ? y : s == 3 ? x + y : x - y + SIDE * 8;
            picture[p] = s ? (along / 8 % 2 ? 0.8f : -0.8f) : cases[i].colour[p / AREA];
        }
        const char *label = strongest (plan, model, picture);
        CHECK (!strcmp (label, cases[i].label), "%s is called %s", cases[i].label, label);
    }
    CHECK (graph_find (model_graph (model), "edges") > 0 && graph_find (model_graph (model), "edges-relu") > 0,
           "names of layers");
    CHECK (!strcmp (model_path (model), "(fixed filters)"), "called %s", model_path (model));
    plan_free (plan);
    model_unref (model);
    CHECK (!model_fixed_filters (0, 0, &error) && error.text[0], "0 x 0 filters");
}

/* ---- best classes -------------------------------------------------------------------------------------------- */

static void check_top (void)
{
    check_group ("best classes");
    const float values[6] = { 1, 3, NAN, 3, -INFINITY, 2 };
    const struct score_rule as_is = { .kind = SCORES_NONE, .unit = 1 }, softmax = { .kind = SCORES_SOFTMAX };
    int ids[8];
    float scores[8];
    CHECK (model_top (values, 6, &as_is, 8, ids, scores) == 6, "six of six");
    CHECK (ids[0] == 1 && ids[1] == 3 && ids[2] == 5 && ids[3] == 0 && ids[4] == 4 && ids[5] == 2, "order %d %d %d %d",
           ids[0], ids[1], ids[2], ids[3]);
    CHECK (scores[0] == 3 && scores[2] == 2, "probabilities are left alone: %g %g", (double)scores[0],
           (double)scores[2]);
    CHECK (model_top (values, 6, &softmax, 2, ids, scores) == 2, "two of six");
    double sum = 2 * exp (3.0) + exp (2.0) + exp (1.0);
    CHECK (fabs ((double)scores[0] - exp (3.0) / sum) < 1e-6, "softmax %g", (double)scores[0]);
    const float huge[3] = { 1000, 999, -1000 };
    model_top (huge, 3, &softmax, 3, ids, scores);
    CHECK (fabsf (scores[0] - 0.7310586f) < 1e-6f && scores[2] == 0, "stable softmax %g", (double)scores[0]);
    const float infinite[3] = { INFINITY, 1, INFINITY };
    model_top (infinite, 3, &softmax, 3, ids, scores);
    CHECK (scores[0] == 0.5f && scores[2] == 0, "infinite scores share: %g %g", (double)scores[0], (double)scores[2]);
    const float none[2] = { NAN, NAN };
    CHECK (model_top (none, 2, &softmax, 2, ids, scores) == 2 && scores[0] == 0, "only NaN: %g", (double)scores[0]);
    CHECK (model_top (values, 0, &softmax, 5, ids, scores) == 0 && model_top (values, 6, &softmax, 0, ids, scores) == 0,
           "none of none");
}

int main (void)
{
    if (!make_scratch ()) {
        perror ("no folder for temporary files");
        return EXIT_FAILURE;
    }
    check_top ();
    check_fixed_filters ();
    check_operators ();
    check_arithmetic ();
    check_norms ();
    check_spatial ();
    check_output_choice ();
    check_families ();
    check_shapes ();
    check_fold ();
    check_quantised ();
    check_quantised_broken ();
    check_histogram ();
    check_ranges ();
    check_qdq ();
    check_layout ();
    check_patterns ();
    check_hostile ();
    check_shared ();
    check_cache ();
    check_side ();
    check_formats ();
    check_broken ();
    check_attributes ();
    check_labels ();
    check_side_files ();
    check_preparation ();
    check_external ();
    check_memory ();
    check_command ();
    check_test_data ();
    check_score_rules ();
    check_case_files ();
    check_trained ();
    check_zoo ();
    remove_scratch ();
    return check_end ();
}
