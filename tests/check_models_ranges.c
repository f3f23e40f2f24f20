/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_ranges.c: drawings, ranges seen in pictures, files of ranges whole and broken, the guard of int8. */
#include "tests/check_models.h"

#include "engine/ranges.h"
#include "models/calibrate.h"
#include "models/drawings.h"
#include "models/precision.h"
#include "models/ranges_file.h"
#include "tests/reference.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- drawings ------------------------------------------------------------------------------------------------ */

static uint64_t hash_of (const uint8_t *bytes, size_t count)
{
    uint64_t hash = UINT64_C (0xcbf29ce484222325); /* FNV-1a */
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * UINT64_C (0x100000001b3);
    return hash;
}

static void check_drawings (void)
{
    static const struct {
        int width, height;
        uint64_t hash; /* of all drawings, one behind the other */
    } cases[] = {
        { 64, 48, UINT64_C (0x80ea0621d0f3c33d) },
        { 224, 224, UINT64_C (0xf5131f1e2b13199e) },
        { 1, 1, UINT64_C (0xb8c0ae6367eb4dc4) },
        { 300, 2, UINT64_C (0x0443d26f8108b208) },
    };
    check_group ("drawings");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bytes = (size_t)cases[i].width * (size_t)cases[i].height * 3;
        uint8_t *all = malloc (DRAWINGS * bytes);
        for (int d = 0; d < DRAWINGS; d++)
            drawings_draw (d, cases[i].width, cases[i].height, all + (size_t)d * bytes);
        uint64_t hash = hash_of (all, DRAWINGS * bytes);
        CHECK (hash == cases[i].hash, "%d x %d: 0x%016llx", cases[i].width, cases[i].height, (unsigned long long)hash);
        for (int d = 1; bytes > 3 && d < DRAWINGS; d++)
            CHECK (memcmp (all, all + (size_t)d * bytes, bytes), "drawing %d is drawing 0", d);
        free (all);
    }
}

/* ---- ranges -------------------------------------------------------------------------------------------------- */

static void check_set (const struct graph *g)
{
    struct ranges *ranges = ranges_new (g);
    float low, high;
    check_group ("ranges");
    CHECK (ranges_tensors (ranges) == graph_tensors (g) && ranges_known (ranges) == 0, "%d", ranges_known (ranges));
    CHECK (!ranges_get (ranges, 1, &low, &high) && low == 0 && high == 0, "a range that nobody set");
    CHECK (ranges_set (ranges, 1, 1, 2) && ranges_get (ranges, 1, &low, &high) && low == 0 && high == 2, "holds 0");
    CHECK (ranges_set (ranges, 1, -3, -2) && ranges_get (ranges, 1, &low, &high) && low == -3 && high == 0, "below 0");
    CHECK (ranges_widen (ranges, 1, -1, 5) && ranges_get (ranges, 1, &low, &high) && low == -3 && high == 5, "wider");
    CHECK (ranges_widen (ranges, 2, -1, 5) && ranges_known (ranges) == 2, "widening makes one");
    CHECK (!ranges_set (ranges, 1, NAN, 1) && !ranges_set (ranges, 1, 0, INFINITY) && !ranges_set (ranges, 1, 2, 1) &&
               !ranges_set (ranges, -1, 0, 1) && !ranges_set (ranges, graph_tensors (g), 0, 1) &&
               !ranges_widen (ranges, 1, NAN, 1) && !ranges_widen (ranges, 1, 3, 1) && !ranges_widen (ranges, -1, 0, 1),
           "what is none");
    struct ranges *copy = ranges_copy (ranges);
    ranges_free (ranges);
    CHECK (ranges_get (copy, 1, &low, &high) && low == -3 && high == 5 && ranges_known (copy) == 2, "%g %g",
           (double)low, (double)high);
    ranges_free (copy);
    ranges_free (NULL);
}

/* ---- calibration --------------------------------------------------------------------------------------------- */

/* 3 x 20 x 24 -> Conv -> BatchNormalization -> Relu -> Conv -> Clip to 0.05 -> mean -> Gemm 5. `last` is the last of
 * its 20 weights, `bias` of its 5 biases. */
static struct model *make_model (const char *name, float last, float bias)
{
    float weights[400], biases[5] = { 0, 0, 0, 0, bias };
    const char *path = scratch_path (name);
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    fill (weights, 400, 31);
    onnx_input (&o, "pixels", "1 3 20 24");
    onnx_floats (&o, "w", "6 3 3 3", weights);
    onnx_floats (&o, "scale", "6", (float[]) { 1, 2, 0.5f, -1, 1, 3 });
    onnx_floats (&o, "shift", "6", weights + 7);
    onnx_floats (&o, "mean_", "6", weights + 9);
    onnx_floats (&o, "variance", "6", (float[]) { 1, 2, 0.5f, 1, 1, 3 });
    onnx_floats (&o, "v", "4 6 3 3", weights + 100);
    onnx_number (&o, "least", 0);
    onnx_number (&o, "most", 0.05f);
    weights[19] = last;
    onnx_floats (&o, "u", "5 4", weights);
    onnx_floats (&o, "biases", "5", biases);
    onnx_node (&o, "Conv", "pixels w", "conv", "pads=1,1,1,1");
    onnx_node (&o, "BatchNormalization", "conv scale shift mean_ variance", "norm", "");
    onnx_node (&o, "Relu", "norm", "#=a[b]%", "");
    onnx_node (&o, "Conv", "#=a[b]% v", "größer", "");
    onnx_node (&o, "Clip", "größer least most", "clip", "");
    onnx_node (&o, "GlobalAveragePool", "clip", "mean", "");
    onnx_node (&o, "Flatten", "mean", "flat", "");
    onnx_node (&o, "Gemm", "flat u biases", "scores", "transB=1");
    onnx_output (&o, "scores", "1 5");
    onnx_finish (&o);
    struct model *model = write_file (path, o.file.data, o.file.size) ? model_load (path, NULL, &error) : NULL;
    CHECK (model != NULL, "%s", error.text);
    onnx_free (&o);
    return model;
}

enum { NUMBERS = 3 * 20 * 24, SHOWN = 3 };

struct show {
    int asked, runs, most; /* most runs allowed; 0: any */
    bool fails;
};

static bool show (void *data, int index, float *input, struct error *error)
{
    struct show *show = data;
    show->asked++;
    fill (input, NUMBERS, 80 + (unsigned)index);
    if (show->fails)
        snprintf (error->text, sizeof error->text, "no such picture");
    return !show->fails;
}

static bool go_on (void *data, int done, int runs)
{
    struct show *show = data;
    show->runs = runs;
    return !show->most || done < show->most;
}

/* What the reference sees in the same pictures. */
static void seen (const struct graph *g, int id, double *low, double *high)
{
    float input[NUMBERS];
    struct show unused = { 0 };
    *low = *high = 0;
    for (int i = 0; i < SHOWN; i++) {
        show (&unused, i, input, NULL);
        struct reference *reference = reference_run (g, input);
        const double *values = reference_values (reference, id);
        for (size_t k = 0; k < reference_count (reference, id); k++) {
            *low = fmin (*low, values[k]);
            *high = fmax (*high, values[k]);
        }
        reference_free (reference);
    }
}

static bool near (double a, double b)
{
    return fabs (a - b) <= 1e-5 * (fabs (a) + fabs (b)) + 1e-6;
}

/* Of the outermost number seen some end that histogram_narrow may choose. */
static bool is_end (double end, double outer)
{
    for (int e = 0; e < 24; e++)
        if (near (end, outer * (1 - 0.04 * e)))
            return true;
    return false;
}

static void check_seen (struct model *model)
{
    const struct graph *g = model_graph (model);
    const struct input_spec *spec = model_input (model);
    struct show data = { 0 };
    struct error error = { "" };
    struct calibration how = {
        .pictures = SHOWN, .picture = show, .go_on = go_on, .data = &data, .margin = 1.25f, .threads = 1
    };
    check_group ("calibration");
    struct ranges *ranges = calibrate (model, &how, &error);
    if (!CHECK (ranges != NULL, "%s", error.text))
        return;
    CHECK (data.asked == SHOWN && data.runs == SHOWN, "%d pictures, %d runs", data.asked, data.runs);
    float low, high;
    for (int id = 0; id < graph_tensors (g); id++) {
        struct tensor_info t = graph_tensor (g, id);
        double least, most;
        seen (g, id, &least, &most);
        bool known = ranges_get (ranges, id, &low, &high);
        if (!strcmp (t.name, "conv")) {
            CHECK (!known, "what batch norm alone reads is never by itself");
        } else if (!strcmp (t.operation, "input")) {
            double wanted[2] = { 0, 0 };
            for (int c = 0; c < 3; c++) {
                wanted[0] = fmin (wanted[0], (double)((0 - spec->mean[c]) / spec->std[c]));
                wanted[1] = fmax (wanted[1], (double)((255 - spec->mean[c]) / spec->std[c]));
            }
            CHECK (known && near ((double)low, wanted[0]) && near ((double)high, wanted[1]), "input %g %g", (double)low,
                   (double)high);
        } else {
            bool clips = !strcmp (t.name, "clip") && high >= 0.05f;
            CHECK (known && is_end ((double)low, 1.25 * least) && (clips || is_end ((double)high, 1.25 * most)),
                   "%s: %g %g of %g %g", t.name, (double)low, (double)high, least, most);
            CHECK (!clips || high <= 0.05f, "%s: up to %g", t.name, (double)high);
        }
    }
    ranges_free (ranges);
}

/* What ends it, and what has no range. */
static void check_ends (struct model *model)
{
    struct show stops = { .most = 2 }, fails = { .fails = true };
    struct error error = { "" };
    struct calibration how = { .pictures = SHOWN, .picture = show, .go_on = go_on, .data = &stops, .threads = 1 };
    CHECK (!calibrate (model, &how, &error) && !strcmp (error.text, "cancelled") && stops.asked == 2, "'%s', %d",
           error.text, stops.asked);
    how.data = &fails;
    error.text[0] = 0;
    CHECK (!calibrate (model, &how, &error) && !strcmp (error.text, "no such picture"), "'%s'", error.text);
    how.isa = "z80";
    error.text[0] = 0;
    CHECK (!calibrate (model, &how, &error) && strstr (error.text, "z80"), "'%s'", error.text);
    struct model *infinite = make_model ("infinite.onnx", INFINITY, 0);
    struct ranges *ranges = calibrate (infinite, &(struct calibration) { .threads = 1 }, &error);
    float low, high;
    CHECK (ranges && !ranges_get (ranges, graph_find (model_graph (infinite), "scores"), &low, &high) &&
               ranges_get (ranges, graph_find (model_graph (infinite), "clip"), &low, &high),
           "infinite numbers have no range, others have");
    ranges_free (ranges);
    model_unref (infinite);
}

/* Ranges of drawings are wider by a tenth, and bit-identical for any number of threads. */
static void check_drawn (struct model *model)
{
    struct error error = { "" };
    int id = graph_find (model_graph (model), "norm");
    float low[3] = { 0 }, high[3] = { 0 };
    const struct calibration hows[3] = { { .threads = 1 }, { .threads = 3 }, { .threads = 1, .margin = 3 } };
    for (int i = 0; i < 3; i++) {
        struct ranges *ranges = calibrate (model, &hows[i], &error);
        CHECK (ranges && ranges_get (ranges, id, &low[i], &high[i]), "%s", error.text);
        ranges_free (ranges);
    }
    CHECK (low[0] == low[1] && high[0] == high[1], "threads: %g %g", (double)low[0], (double)low[1]);
    CHECK (near ((double)low[2], 3 / 1.1 * (double)low[0]) && near ((double)high[2], 3 / 1.1 * (double)high[0]),
           "margin: %g %g", (double)low[0], (double)low[2]);
}

/* Wide as ranges are made, none goes beyond what its activation can give. */
static void check_bounds (void)
{
    static const struct {
        const char *name;
        float low, high;
    } wanted[] = {
        { "tanh", -1, 1 },
        { "elu", -0.5f, INFINITY },
        { "gelu", -0.171f, INFINITY },
        { "mish", -0.309f, INFINITY },
    };
    float weights[108];
    struct error error = { "" };
    struct onnx o = onnx_new (20);
    fill (weights, 108, 32);
    for (int i = 0; i < 108; i++)
        weights[i] *= 2;
    onnx_input (&o, "pixels", "1 3 20 24");
    onnx_floats (&o, "w", "3 3 3 3", weights);
    for (int i = 0; i < 4; i++) {
        static const char *const operations[] = { "Tanh", "Elu", "Gelu", "Mish" };
        char inputs[32], sum[8] = { (char)('a' + i), 0 };
        snprintf (inputs, sizeof inputs, "%s w", i ? wanted[i - 1].name : "pixels");
        onnx_node (&o, "Conv", inputs, sum, "pads=1,1,1,1");
        onnx_node (&o, operations[i], sum, wanted[i].name, i == 1 ? "alpha=0.5f" : "");
    }
    onnx_node (&o, "LeakyRelu", "mish", "leaky", "alpha=0.5f"); /* which may give any number */
    onnx_node (&o, "GlobalAveragePool", "leaky", "y", "");
    onnx_output (&o, "y", "1 3 1 1");
    struct model *model = load_onnx (scratch_path ("bounds.onnx"), &o, &error);
    struct ranges *ranges =
        model ? calibrate (model, &(struct calibration) { .threads = 1, .margin = 3 }, &error) : NULL;
    for (int i = 0; CHECK (ranges != NULL, "%s", error.text) && i < 4; i++) {
        float low, high;
        CHECK (ranges_get (ranges, graph_find (model_graph (model), wanted[i].name), &low, &high) &&
                   low >= wanted[i].low && low < 0.9f * wanted[i].low && high > 0 && high <= wanted[i].high,
               "%s: %g to %g", wanted[i].name, (double)low, (double)high);
    }
    struct ranges *narrow =
        model ? calibrate (model, &(struct calibration) { .threads = 1, .margin = 1 }, &error) : NULL;
    for (int i = 0, id = graph_find (model ? model_graph (model) : NULL, "leaky"); narrow && ranges && i < 1; i++) {
        float low[2], high[2];
        CHECK (ranges_get (narrow, id, &low[0], &high[0]) && ranges_get (ranges, id, &low[1], &high[1]) && low[0] < 0 &&
                   near (3 * (double)low[0], (double)low[1]) && near (3 * (double)high[0], (double)high[1]),
               "leaky: %g to %g, three times as wide %g to %g", (double)low[0], (double)high[0], (double)low[1],
               (double)high[1]);
    }
    ranges_free (narrow);
    ranges_free (ranges);
    model_unref (model);
    const struct input_spec luma = { .channels = 1, .height = 1, .width = 2, .mean = { 8 }, .std = { 2 } };
    const uint8_t pixels[6] = { 10, 20, 30, 255, 255, 255 };
    float prepared[2];
    calibrate_prepare (&luma, pixels, prepared);
    CHECK (prepared[0] == 5 && prepared[1] == 123.5f, "%g %g", (double)prepared[0], (double)prepared[1]);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

static struct ranges *known_ranges (const struct model *model)
{
    struct ranges *ranges = ranges_new (model_graph (model));
    for (int id = 0; id < graph_tensors (model_graph (model)); id++)
        ranges_set (ranges, id, -1.0f / (float)(3 + id), 1e-30f * (float)id + 0.1f);
    return ranges;
}

static void check_round_trip (struct model *model, struct model *const others[2])
{
    struct error error = { "" };
    const char *path = scratch_path ("one.ranges");
    struct ranges *ranges = known_ranges (model), *read;
    check_group ("files of ranges");
    CHECK (ranges_file_write (path, model, ranges, "a test", NAN, &error), "%s", error.text);
    read = ranges_file_read (path, model, NULL, &error);
    for (int id = 0; CHECK (read != NULL, "%s", error.text) && id < graph_tensors (model_graph (model)); id++) {
        float a[2], b[2];
        ranges_get (ranges, id, &a[0], &a[1]);
        CHECK (ranges_get (read, id, &b[0], &b[1]) && !memcmp (a, b, sizeof a), "tensor %d", id);
    }
    ranges_free (read);
    for (int i = 0; i < 2; i++) {
        CHECK (!ranges_file_read (path, others[i], NULL, &error) && strstr (error.text, "another network"),
               "one %s differs: %s", i ? "bias" : "weight", error.text);
        error.text[0] = 0;
    }
    CHECK (!ranges_file_write (scratch_path ("no/x.ranges"), model, ranges, "", NAN, &error) &&
               strstr (error.text, "cannot be written"),
           "%s", error.text);
    ranges_free (ranges);
    error.text[0] = 0;
    CHECK (!ranges_file_read (scratch_path ("none.ranges"), model, NULL, &error) && errno == ENOENT, "%s", error.text);
}

/* The bytes of a good file with `from` replaced; free them. */
static char *changed (const char *text, const char *from, const char *to)
{
    const char *at = strstr (text, from);
    char *whole = malloc (strlen (text) + strlen (to) + 1);
    size_t before = at ? (size_t)(at - text) : 0;
    CHECK (at != NULL, "there is no '%s'", from);
    memcpy (whole, text, before);
    strcpy (whole + before, to);
    strcat (whole, at ? at + strlen (from) : "");
    return whole;
}

static void expect_refused (struct model *model, const char *bytes, size_t size, const char *says)
{
    struct error error = { "" };
    const char *path = scratch_path ("bad.ranges");
    CHECK (write_file (path, bytes, size), "%s", path);
    struct ranges *ranges = ranges_file_read (path, model, NULL, &error);
    CHECK (!ranges && strstr (error.text, says) && errno != ENOENT, "'%s' is not said, but: %s", says, error.text);
    CHECK (ranges || strstr (error.text, "bad.ranges"), "the file is not named: %s", error.text);
    ranges_free (ranges);
}

static void check_refused (struct model *model)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        { "clip = -0.125", "clip = nan", "'nan" },
        { "clip = -0.125", "clip = -inf", "'-inf" },
        { "clip = -0.125", "clip = 1e39", "'1e39" },
        { "clip = -0.125", "clip = 7", "begins at 7" },
        { "clip = -0.125", "clip = ", "of tensor 'clip' is not two numbers" },
        { "clip = -0.125", "clip = x", "of tensor 'clip' is not two numbers" },
        { "clip = -0.125", "clip = 1, 2, -0.125", "of tensor 'clip' is not two numbers" },
        { "clip = -0.125", "clap = -0.125", "no tensor 'clap'" },
        { "clip = -0.125", "clip[de] = -0.125", "no tensor 'clip[de]'" },
        { "version = 1", "version = 1\nagreement = nan", "agreement 'nan' is not" },
        { "version = 1", "version = 1\nagreement = 20 dB", "agreement '20 dB' is not" },
        { "version = 1", "version = 1\nagreement = ", "agreement '' is not" },
        { "version = 1", "version = 2", "version '2'" },
        { "version = 1", "", "no [ranges] with version" },
        { "network = ", "network = 0", "another network" },
        { "network = ", "netwerk = ", "no [ranges] with version" },
        { "[ranges]", "[range]", "no [ranges] with version" },
        { "[tensors]", "[tensor]", "has no [tensors]" },
        { "[ranges]", "clip = 0, 1\n[ranges]", "no key file" },
        { "[tensors]", "[tensors", "no key file" },
        { "[tensors]", "[tensors]\nclip", "no key file" },
    };
    size_t size;
    char *good = slurp (scratch_path ("one.ranges"), &size);
    good[size] = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *bad = changed (good, cases[i].from, cases[i].to);
        expect_refused (model, bad, strlen (bad), cases[i].says);
        free (bad);
    }
    expect_refused (model, "", 0, "no [ranges]");
    expect_refused (model, "\0\1\2\377\0", 5, "bad.ranges");
    for (size_t cut = 1; cut < size; cut += 7) { /* whatever is left of it: an answer */
        struct error error = { "" };
        write_file (scratch_path ("bad.ranges"), good, cut);
        struct ranges *ranges = ranges_file_read (scratch_path ("bad.ranges"), model, NULL, &error);
        CHECK ((ranges != NULL) != (error.text[0] != 0), "%zu bytes: %s", cut, error.text);
        ranges_free (ranges);
    }
    free (good);
}

/* A million lines, and a name of a hundred thousand letters. */
static void check_large (struct model *model)
{
    size_t size, long_name = 100000, lines = 1000000;
    char *good = slurp (scratch_path ("one.ranges"), &size), *many = malloc (size + 20 * lines), *at = many;
    memcpy (many, good, size);
    at += size;
    for (size_t i = 0; i < lines; i++)
        at += sprintf (at, "t%zu=0,1\n", i);
    expect_refused (model, many, (size_t)(at - many), "bytes");
    memset (many + size, 'x', long_name);
    strcpy (many + size + long_name, " = 0, 1\n");
    expect_refused (model, many, size + long_name + 8, "no tensor 'xxxx");
    free (many);
    free (good);
}

static void check_beside (struct model *model)
{
    struct error error = { "" };
    char path[1200], shorter[1200];
    struct ranges *ranges = known_ranges (model), *read;
    snprintf (path, sizeof path, "%s.ranges", model_path (model));
    snprintf (shorter, sizeof shorter, "%.*sranges", (int)strlen (model_path (model)) - 4, model_path (model));
    CHECK (!ranges_file_beside (model, NULL, &error) && !error.text[0], "nothing is there: %s", error.text);
    CHECK (ranges_file_write (shorter, model, ranges, "", NAN, &error), "%s", error.text);
    CHECK ((read = ranges_file_beside (model, NULL, &error)) != NULL, "%s", error.text);
    ranges_free (read);
    CHECK (mkdir (path, 0700) == 0 && !ranges_file_beside (model, NULL, &error) && strstr (error.text, "folder"),
           "a folder: %s", error.text);
    rmdir (path);
    error.text[0] = 0;
    CHECK (mkfifo (path, 0600) == 0 && !ranges_file_beside (model, NULL, &error) && strstr (error.text, "regular"),
           "a pipe: %s", error.text);
    unlink (path);
    error.text[0] = 0;
    CHECK (symlink ("nowhere", path) == 0 && (read = ranges_file_beside (model, NULL, &error)) != NULL, "%s",
           error.text);
    ranges_free (read);
    unlink (path);
    error.text[0] = 0;
    CHECK (link (shorter, path) == 0 && !ranges_file_beside (model, NULL, &error) && error.text[0], "a hard link");
    unlink (path);
    error.text[0] = 0;
    CHECK (symlink ("/dev/null", path) == 0 && !ranges_file_beside (model, NULL, &error) &&
               strstr (error.text, "leaves"),
           "a link that leaves the folder: %s", error.text);
    unlink (path);
    /* A bad one beside the model is passed over, and said; one that is named is an error. */
    const struct plan_options options = { .threads = 1 };
    struct precision_request request = { .ranges_file = NULL };
    struct precision_report found = { .used = PRECISION_FP32 };
    CHECK (write_file (path, "x", 1), "%s", path);
    read = precision_ranges (model, &options, &request, &found, &error);
    CHECK (read && strstr (found.remark.text, "passed over") && !strcmp (found.ranges.text, "drawings"), "%s, %s",
           found.remark.text, found.ranges.text);
    ranges_free (read);
    request.ranges_file = path;
    CHECK (!precision_ranges (model, &options, &request, &found, &error) && strstr (error.text, "no key file"), "%s",
           error.text);
    unlink (path);
    unlink (shorter);
    ranges_free (ranges);
}

static void check_dropped (void)
{
    struct error error = { "" };
    struct model *model = make_model ("dropped.onnx", 0.25f, 0);
    struct ranges *ranges = known_ranges (model);
    graph_drop_weights (model_graph (model));
    CHECK (!ranges_file_read (scratch_path ("one.ranges"), model, NULL, &error) &&
               strstr (error.text, "no longer in memory"),
           "%s", error.text);
    error.text[0] = 0;
    CHECK (!ranges_file_write (scratch_path ("dropped.ranges"), model, ranges, "", NAN, &error) &&
               strstr (error.text, "no longer in memory"),
           "%s", error.text);
    ranges_free (ranges);
    model_unref (model);
}

/* ---- the guard ----------------------------------------------------------------------------------------------- */

static void check_guard (struct model *model)
{
    struct error error = { "" };
    const struct activation none = { .kind = ACTIVATION_NONE };
    const struct input_spec *spec = model_input (model);
    struct plan_options options = { .threads = 1 };
    struct plan *a = plan_new (model_graph (model), &options, &error);
    struct plan *b = plan_new (model_graph (model), &options, &error);
    options.activation = &none;
    struct plan *c = plan_new (model_graph (model), &options, &error);
    struct model *infinite = make_model ("infinite.onnx", INFINITY, 0);
    options.activation = NULL;
    struct plan *d = plan_new (model_graph (infinite), &options, &error);
    check_group ("guard of int8");
    CHECK (isinf (precision_compare (spec, 0, a, b)), "the same: %g dB", precision_compare (spec, 0, a, b));
    CHECK (precision_compare (spec, 0, c, a) < PRECISION_LEAST_DB, "without activations: %g dB",
           precision_compare (spec, 0, c, a));
    CHECK (isnan (precision_compare (spec, 0, d, d)), "no numbers: %g dB", precision_compare (spec, 0, d, d));
    plan_free (a);
    plan_free (b);
    plan_free (c);
    plan_free (d);
    model_unref (infinite);
}

/* Black, whatever the preparation. */
static bool show_black (void *data, int index, float *input, struct error *error)
{
    static const uint8_t pixels[NUMBERS];
    (void)index;
    (void)error;
    calibrate_prepare (data, pixels, input);
    return true;
}

/* Ranges of all tensors in a file, and the plan that comes of it: int8 where the guard is content, else fp32 and one
 * sentence that says why. */
static void check_judged (struct model *model, struct ranges *ranges, double agreement, const char *what, bool refused)
{
    const struct plan_options options = { .threads = 1, .precision = PRECISION_INT8 };
    const struct precision_request request = { .ranges_file = scratch_path ("judged.ranges") };
    struct precision_report found;
    struct error error = { "" };
    CHECK (ranges && ranges_file_write (request.ranges_file, model, ranges, what, agreement, &error), "%s", error.text);
    struct plan *plan = precision_plan (model, &options, &request, &found, &error);
    bool content = found.db >= PRECISION_LEAST_DB, bytes = found.used == PRECISION_INT8;
    CHECK (plan && content == bytes && bytes == (found.kept != NULL), "%s: %g dB, %s", what, found.db, error.text);
    CHECK (bytes == !found.remark.text[0] &&
               (bytes || (strstr (found.remark.text, "dB") && strstr (found.remark.text, "fp32 is used"))),
           "%s: '%s'", what, found.remark.text);
    CHECK (!refused || !bytes, "%s: is used, with %g dB", what, found.db);
    CHECK (isnan (agreement) || found.db == agreement, "%s: %g dB, not %g", what, found.db, agreement);
    if (bytes && isnan (agreement)) {
        const char *last = graph_tensor (model_graph (model), graph_output_id (model_graph (model), 0)).name;
        const struct plan_options steps = {
            .threads = 1, .precision = PRECISION_INT8, .ranges = found.kept, .taps = &last, .tap_count = 1
        };
        double db = 0;
        CHECK (precision_of_steps (model, &steps, &db, &error) && fabs (db - found.db) < 1e-9,
               "%s: the last step is %g dB true, the answers %g", what, db, found.db);
    }
    ranges_free (found.kept);
    plan_free (plan);
    ranges_free (ranges);
}

static void check_bytes (struct model *model)
{
    struct plan_options options = { .threads = 1, .precision = PRECISION_INT8 };
    struct show stops = { .most = 1 };
    struct precision_request request = { .go_on = go_on, .data = &stops };
    struct precision_report found, again;
    struct error error = { "" };
    float input[NUMBERS];
    check_group ("int8 guarded");
    CHECK (!precision_plan (model, &options, &request, &found, &error) && !strcmp (error.text, "cancelled"), "'%s'",
           error.text);
    stops.most = 0;
    struct plan *plan = precision_plan (model, &options, &request, &found, &error);
    CHECK (plan && found.used == PRECISION_INT8 && found.kept && !found.remark.text[0], "%g dB, %s%s", found.db,
           error.text, found.remark.text);
    request = (struct precision_request) { .before = &found };
    struct plan *second = precision_plan (model, &options, &request, &again, &error);
    CHECK (second && again.used == PRECISION_INT8 && again.kept != found.kept, "%s", error.text);
    fill (input, NUMBERS, 90);
    if (plan && second) {
        plan_run (plan, input);
        plan_run (second, input);
        CHECK (!memcmp (plan_output (plan, 0)->data, plan_output (second, 0)->data, 5 * sizeof (float)),
               "not the same");
    }
    plan_free (plan);
    plan_free (second);
    ranges_free (found.kept);
    ranges_free (again.kept);
    struct calibration how = { .pictures = SHOWN, .threads = 1, .picture = show, .data = &stops };
    check_judged (model, calibrate (model, &how, &error), NAN, "noise", false);
    check_judged (model, calibrate (model, &how, &error), 11.5, "noise, said to be bad", true);
    struct ranges *own = calibrate (model, &how, &error);
    double db = own ? precision_agreement (model, own, &how) : NAN;
    CHECK (db > PRECISION_LEAST_DB, "its own pictures: %g dB", db);
    ranges_free (own);
    how.pictures = 1;
    check_judged (model, calibrate (model, &how, &error), NAN, "one frame", false);
    how.picture = show_black;
    how.data = (void *)model_input (model);
    check_judged (model, calibrate (model, &how, &error), NAN, "black", false);
    struct ranges *small = ranges_new (model_graph (model));
    for (int id = 0; id < ranges_tensors (small); id++)
        ranges_set (small, id, -1e-3f, 1e-3f);
    struct ranges *as_small = ranges_copy (small);
    check_judged (model, small, NAN, "nothing fits", true);
    check_judged (model, as_small, 12.5, "nothing fits, the file says it does", false);
}

/* Which instruction sets have it the plan knows; where there is none, fp32 says why. */
static void check_bf16 (const struct model *model)
{
    check_group ("bf16, or why not");
    const struct precision_request request = { .ranges_file = NULL };
    for (const char *const *isa = engine_isas (); *isa; isa++) {
        struct plan_options options = { .threads = 1, .isa = *isa, .precision = PRECISION_BF16 };
        struct precision_report found;
        struct error error = { "" };
        struct plan *plan = precision_plan (model, &options, &request, &found, &error);
        if (!CHECK (plan, "%s", error.text))
            continue;
        bool has = plan_precision (plan) == PRECISION_BF16;
        CHECK (found.used == plan_precision (plan) && !found.kept, "%s: says otherwise", *isa);
        CHECK (has ? !found.remark.text[0] : strstr (found.remark.text, "so fp32 is used") != NULL, "%s: '%s'", *isa,
               found.remark.text);
        CHECK (has || strcmp (*isa, "scalar") != 0, "the scalar table is fp32");
        CHECK (!has || strcmp (*isa, "avx2") != 0, "the table of AVX2 has bf16");
        plan_free (plan);
    }
}

void check_ranges (void)
{
    struct model *model = make_model ("ranges.onnx", 0.25f, 0);
    struct model *others[2] = { make_model ("other.onnx", 0.2500001f, 0), make_model ("bias.onnx", 0.25f, 1e-6f) };
    if (model && others[0] && others[1]) {
        check_bf16 (model);
        check_drawings ();
        check_set (model_graph (model));
        check_seen (model);
        check_ends (model);
        check_drawn (model);
        check_bounds ();
        check_round_trip (model, others);
        check_refused (model);
        check_large (model);
        check_beside (model);
        check_dropped ();
        check_guard (model);
        check_bytes (model);
        check_ranges_short (model);
    }
    model_unref (model);
    model_unref (others[0]);
    model_unref (others[1]);
}
