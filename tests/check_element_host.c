/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_host.c: the process that the plugin lives in: what it does to floating-point numbers, events that it
 * makes by hand, networks that it wants no longer, networks of one file, fonts that it has not asked for. */
#include "element.h"
#include "engine/kernels.h"
#include "large_network.h"
#include "models/qdq.h"
#include "models/ranges_file.h"
#include "plugin/network.h"

#include <fenv.h>

/* ---- numbers --------------------------------------------------------------------------------------------------- */

enum host { HOST_ORDINARY, HOST_TRAPS, HOST_ROUNDS_UP, HOST_FLUSHES, HOSTS };

static void become (enum host host)
{
    fesetenv (FE_DFL_ENV);
    if (host == HOST_TRAPS)
        feenableexcept (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
    if (host == HOST_ROUNDS_UP)
        fesetround (FE_UPWARD);
    if (host == HOST_FLUSHES)
        kernels_for (NULL)->fpu_enter (); /* denormals are zero */
}

/* What of the environment must be as it was. */
static unsigned environment (void)
{
    uint64_t word = kernels_for (NULL)->fpu_enter ();
    kernels_for (NULL)->fpu_leave (word);
    return (unsigned)word & ~0x3fu; /* but the flags of what has happened */
}

/* The scores of one frame, in a host of that kind from the making of the element on. */
static void scores_in (enum host host, const char *properties, float scores[CLASSES])
{
    GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 0);
    struct said said = { 0 };
    become (host);
    unsigned before = environment ();
    struct rig rig = rig_new (properties);
    rig_caps (&rig, "RGB", 50, 40);
    bool passed = shown (&rig, frame, &said);
    unsigned after = environment ();
    become (HOST_ORDINARY);
    CHECK (passed && said.count == CLASSES, "host %d, %s: '%s'", host, properties, said.error);
    CHECK (before == after, "host %d, %s: %x became %x", host, properties, before, after);
    for (int i = 0; i < CLASSES; i++)
        scores[i] = said.scores[i];
    rig_free (&rig);
}

static void check_numbers (void)
{
    static const char *const properties[] = { "threads=1", "threads=3", "threads=2 overlay=labels+stats" };
    group ("numbers of the host");
    for (size_t p = 0; p < G_N_ELEMENTS (properties); p++) {
        float expected[CLASSES], scores[CLASSES];
        scores_in (HOST_ORDINARY, properties[p], expected);
        for (int host = 1; host < HOSTS; host++) {
            scores_in (host, properties[p], scores);
            CHECK (memcmp (scores, expected, sizeof scores) == 0, "host %d, %s: %.9g, not %.9g", host, properties[p],
                   (double)scores[0], (double)expected[0]);
        }
    }
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static void send (struct rig *rig, GstStructure *structure)
{
    gst_harness_push_upstream_event (rig->h, gst_event_new_custom (GST_EVENT_QOS, structure));
}

static void check_events (void)
{
    static const gint64 jitters[] = { G_MININT64, G_MININT64 + 1, -1, 0, 1, G_MAXINT64 };
    static const guint64 times[] = { 0, GST_SECOND, G_MAXINT64, G_MAXUINT64 - 1, GST_CLOCK_TIME_NONE };
    struct said said;
    group ("events made by hand");
    struct rig rig = rig_new ("deadline=skip");
    rig_caps (&rig, "RGB", 50, 40);
    int before = criticals;
    send (&rig, NULL);
    send (&rig, gst_structure_new_empty ("GstEventQOS"));
    send (&rig, gst_structure_new ("GstEventQOS", "type", G_TYPE_STRING, "late", "proportion", G_TYPE_INT, 1, "diff",
                                   G_TYPE_DOUBLE, 0.5, "timestamp", G_TYPE_INT, -1, NULL));
    for (size_t j = 0; j < G_N_ELEMENTS (jitters); j++)
        for (size_t t = 0; t < G_N_ELEMENTS (times); t++)
            send (&rig, gst_structure_new ("GstEventQOS", "type", GST_TYPE_QOS_TYPE, GST_QOS_TYPE_UNDERFLOW,
                                           "proportion", G_TYPE_DOUBLE, (double)NAN, "diff", G_TYPE_INT64, jitters[j],
                                           "timestamp", G_TYPE_UINT64, times[t], NULL));
    CHECK (shown (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 0), &said), "'%s'", said.error);
    CHECK (criticals == before, "%d criticals", criticals - before);
    rig_free (&rig);
}

/* ---- networks that nobody wants any more ------------------------------------------------------------------------- */

static void check_stopping (const char *large)
{
    group ("loading that is stopped");
    struct settings settings;
    settings_init (&settings);
    settings.model_file = g_strdup (large);
    GError *error = NULL;
    struct network *network = NULL;
    for (int i = 0; i < 12; i++) { /* wherever it is by then */
        struct loading *loading = loading_start (&settings, NULL);
        CHECK (!loading_stopped (loading), "nobody has stopped it");
        g_usleep ((gulong)i * 4000);
        gboolean done = loading_done (loading);
        loading_stop (loading);
        CHECK (loading_stopped (loading), "it was stopped");
        network = loading_finish (loading, &error);
        CHECK (!done || network, "it was loaded, and is not there");
        CHECK (!error || strstr (error->message, "not wanted any more"), "'%s'", error ? error->message : "");
        g_clear_error (&error);
        network_free (network);
    }
    g_free (settings.model_file);
    settings.model_file = g_strdup (model_file); /* and one after it is not stopped */
    network = loading_finish (loading_start (&settings, NULL), &error);
    CHECK (network && !error, "%s", error ? error->message : "");
    /* The same network to be run in another way. */
    struct settings other = settings;
    other.activation = ACTIVATION_CHOICE_RELU;
    struct loading *loading = network ? loading_start (&other, network) : NULL;
    if (loading) {
        loading_stop (loading);
        network_free (loading_finish (loading, &error));
        g_clear_error (&error);
    }
    network_free (network);
    settings_clear (&settings);
}

/* A file that is set while another is still loading takes its place, and nothing is said of that one. */
static void check_overtaken (const char *large)
{
    group ("a swap that another overtakes");
    struct rig rig = rig_new ("");
    rig_caps (&rig, "RGB", 50, 40);
    struct said said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 0));
    char other[96];
    in_folder (other, sizeof other, "other.onnx");
    CHECK (write_tiny (other, 0.5f), "%s", other);
    g_object_set (rig.element, "model-file", large, NULL);
    said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 1));
    g_object_set (rig.element, "model-file", other, NULL);
    for (int i = 2; i < 4000 && !near (said.colour, 100, 50, 25, 2); i++) {
        said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), i));
        CHECK (said.warnings == 0 && said.errors == 0, "'%s' '%s'", said.warning, said.error);
        g_usleep (2000);
    }
    CHECK (near (said.colour, 100, 50, 25, 2), "the last one does not run: %g %g %g", (double)said.colour[0],
           (double)said.colour[1], (double)said.colour[2]);
    g_object_set (rig.element, "model-file", large, NULL); /* and stopping while one is loading */
    show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 4000));
    rig_free (&rig);
}

/* A network that would take long for a frame is refused, unless that is allowed. */
static void check_limit (void)
{
    group ("max-inference-time");
    struct settings settings;
    GError *error = NULL;
    settings_init (&settings);
    settings.model_file = g_strdup (model_file);
    settings.max_inference_time = 1;
    struct network *network = network_load (&settings, &error);
    CHECK (!network && error && strstr (error->message, "with it a run would take more than") &&
               strstr (error->message, "the limit is 1e-09 s"),
           "'%s'", error ? error->message : "it runs");
    g_clear_error (&error);
    network_free (network);
    settings.max_inference_time = GST_MSECOND;
    network = network_load (&settings, &error);
    CHECK (network && !error, "%s", error ? error->message : "");
    g_clear_error (&error);
    network_free (network);
    settings_clear (&settings);
}

/* ---- networks of the same file ----------------------------------------------------------------------------------- */

enum { NUMBERS = 16 };

/* What it says of some numbers. */
static void answers (struct network *network, float said[NUMBERS])
{
    const struct input_spec *spec = model_input (network->model);
    for (int i = 0; i < spec->channels * spec->height * spec->width; i++)
        network->input[i] = (float)(i * 37 % 101) / 101 - 0.5f;
    plan_run (network->plan, network->input);
    const struct tensor *output = plan_output (network->plan, model_output (network->model));
    memset (said, 0, NUMBERS * sizeof *said);
    memcpy (said, output->data, sizeof *said * (size_t)MIN (output->channels, NUMBERS));
}

/* Networks of one file that are run in different ways share it, and each says what it says alone. */
static void check_same_file (void)
{
    static const struct {
        enum algorithm algorithm;
        int activation, precision;
    } ways[] = { { ALGORITHM_AUTO, 0, 0 },
                 { ALGORITHM_DIRECT, 0, 0 },
                 { ALGORITHM_AUTO, ACTIVATION_CHOICE_RELU, 0 },
                 { ALGORITHM_AUTO, 0, PRECISION_CHOICE_INT8 },
                 { ALGORITHM_AUTO, 0, PRECISION_CHOICE_BF16 },
                 { ALGORITHM_AUTO, 0, 0 } };
    struct network *network[G_N_ELEMENTS (ways)];
    float alone[G_N_ELEMENTS (ways)][NUMBERS], said[NUMBERS];
    struct settings settings;
    GError *error = NULL;
    group ("networks of the same file");
    settings_init (&settings);
    settings.threads = 2;
    for (int together = 0; together < 2; together++) {
        for (size_t i = 0; i < G_N_ELEMENTS (ways); i++) {
            settings.algorithm = ways[i].algorithm;
            settings.activation = ways[i].activation;
            settings.precision = ways[i].precision;
            network[i] = network_load (&settings, &error);
            if (!CHECK (network[i] && !error, "%zu: %s", i, error ? error->message : ""))
                return;
            if (network[i]->stand_in) {
                SKIP ("no network is built in");
                network_free (network[i]);
                return;
            }
            answers (network[i], together ? said : alone[i]);
            CHECK (!together || !memcmp (said, alone[i], sizeof said), "way %zu answers otherwise beside others", i);
            CHECK (!together || (model_graph (network[i]->model) == model_graph (network[0]->model) &&
                                 network[i]->class_map == network[0]->class_map),
                   "way %zu has a graph of its own", i);
            if (!together)
                network_free (network[i]);
        }
    }
    struct network *again = network_again (network[1], &settings); /* as the last one, which is there */
    CHECK (again && (answers (again, said), !memcmp (said, alone[0], sizeof said)), "run in another's way");
    network_free (again);
    for (size_t i = 0; i < G_N_ELEMENTS (ways); i++) {
        for (size_t k = i; k < G_N_ELEMENTS (ways); k++) {
            answers (network[k], said);
            CHECK (!memcmp (said, alone[k], sizeof said), "way %zu answers otherwise after %zu are gone", k, i);
        }
        network_free (network[i]);
    }
    settings_clear (&settings);
}

static struct network *load_as (struct settings *settings, int precision)
{
    GError *error = NULL;
    settings->precision = precision;
    struct network *network = network_load (settings, &error);
    CHECK (network && !error, "%s", error ? error->message : "");
    g_clear_error (&error);
    return network;
}

static void expect_file (const struct network *network, const char *what)
{
    CHECK (network && network->report.used == PRECISION_INT8 &&
               strcmp (network->report.ranges.text, "the file beside the model") == 0 &&
               !network->report.remark.text[0],
           "%s: ranges from %s; %s", what, network ? network->report.ranges.text : "-",
           network ? network->report.remark.text : "");
}

/* A file of ranges is found by who comes first and by who comes later, when the weights are packed and gone. */
static void check_shared_ranges (void)
{
    char path[64], ranges[80];
    struct settings settings;
    struct error error = { "" };
    group ("ranges of networks of the same file");
    settings_init (&settings);
    in_folder (path, sizeof path, "plain.onnx");
    CHECK (plain_network (path), "%s cannot be written", path);
    settings.model_file = g_strdup (path);
    struct network *first = load_as (&settings, PRECISION_CHOICE_INT8);
    snprintf (ranges, sizeof ranges, "%s.ranges", path);
    bool written = first && first->report.kept && model_hold (first->model, &error) &&
                   model_need_weights (first->model, &error) &&
                   ranges_file_write (ranges, first->model, first->report.kept, "a test", 40, &error);
    if (!CHECK (written, "%s", error.text))
        return;
    model_release (first->model);
    network_free (first);
    struct network *floats = load_as (&settings, 0);
    struct network *second = load_as (&settings, PRECISION_CHOICE_INT8);
    struct network *third = load_as (&settings, PRECISION_CHOICE_INT8);
    expect_file (second, "the first in int8");
    expect_file (third, "the second in int8");
    CHECK (network_again (floats, &settings) == NULL, "ranges were found without weights");
    struct network *again = network_again (third, &settings);
    expect_file (again, "the same again");
    network_free (floats);
    network_free (second);
    network_free (third);
    network_free (again);
    settings_clear (&settings);
}

/* To 30 dB. */
static bool nearly (const float *a, const float *b)
{
    double signal = 0, difference = 0;
    for (int i = 0; i < NUMBERS; i++) {
        signal += (double)a[i] * (double)a[i];
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    }
    return signal > 0 && difference * 1000 <= signal;
}

/* A quantised file of a small network at `path`. */
static bool quantised_network (const char *path, struct settings *settings)
{
    struct error error = { "" };
    struct qdq_file file;
    bool good = plain_network (path);
    settings->model_file = g_strdup (path);
    struct network *floats = good ? load_as (settings, PRECISION_CHOICE_FP32) : NULL;
    struct network *bytes = good ? load_as (settings, PRECISION_CHOICE_INT8) : NULL;
    good = bytes && bytes->report.kept && model_hold (bytes->model, &error) &&
           model_need_weights (bytes->model, &error) &&
           qdq_write (bytes->model, bytes->report.kept, path, &file, &error);
    CHECK (good && floats && floats->report.used == PRECISION_FP32, "%s: %s", path, error.text);
    if (bytes)
        model_release (bytes->model);
    network_free (floats);
    network_free (bytes);
    return good;
}

/* Computed in int8 where the processor gains by it, without being asked; when it first comes, when
 * its weights are gone, and after other precisions. */
static void check_quantised_file (void)
{
    static const int choices[] = { PRECISION_CHOICE_AUTO, PRECISION_CHOICE_FP32, PRECISION_CHOICE_AUTO,
                                   PRECISION_CHOICE_INT8, PRECISION_CHOICE_AUTO };
    const enum precision fast = engine_multiplies_bytes (NULL) ? PRECISION_INT8 : PRECISION_FP32;
    const enum precision wanted[] = { fast, PRECISION_FP32, fast, PRECISION_INT8, fast };
    char path[64];
    float first[NUMBERS], said[NUMBERS];
    struct settings settings;
    group ("a quantised file");
    settings_init (&settings);
    in_folder (path, sizeof path, "quantised.onnx");
    if (!quantised_network (path, &settings))
        return;
    struct network *network = load_as (&settings, PRECISION_CHOICE_AUTO);
    for (size_t i = 0; network && i < G_N_ELEMENTS (choices); i++) {
        settings.precision = choices[i];
        struct network *again = network_again (network, &settings); /* NULL: it needs the file */
        struct network *next = again ? again : load_as (&settings, choices[i]);
        bool by_file = choices[i] == PRECISION_CHOICE_AUTO && fast == PRECISION_INT8;
        CHECK (next && next->report.used == wanted[i] && next->report.of_file == by_file &&
                   !next->report.remark.text[0],
               "choice %zu: precision %d, by its file %d; %s", i, next ? (int)next->report.used : -1,
               next && next->report.of_file, next ? next->report.remark.text : "");
        answers (next, i ? said : first);
        CHECK (!i || (wanted[i] == fast ? !memcmp (first, said, sizeof said) : nearly (first, said)),
               "choice %zu answers otherwise", i);
        network_free (network);
        network = next;
    }
    network_free (network);
    settings_clear (&settings);
}

/* Without the instructions it is fp32, and says so; other threads then need no other file. */
static void check_no_bf16 (void)
{
    struct settings settings;
    GError *error = NULL;
    group ("bf16 where there is none");
    if (!g_strv_contains (engine_isas (), "avx2")) {
        SKIP ("needs AVX2");
        return;
    }
    settings_init (&settings);
    setenv ("CONVRELU_ISA", "avx2", 1);
    settings.precision = PRECISION_CHOICE_BF16;
    settings.threads = 2;
    struct network *network = network_load (&settings, &error);
    CHECK (network && network->report.used == PRECISION_FP32 && strstr (network->report.remark.text, "so fp32 is used"),
           "%s", network ? network->report.remark.text : error->message);
    settings.threads = 1;
    struct network *again = network ? network_again (network, &settings) : NULL;
    CHECK (again && again->report.used == PRECISION_FP32 && again->report.remark.text[0], "with other threads");
    unsetenv ("CONVRELU_ISA");
    network_free (network);
    network_free (again);
    settings_clear (&settings);
}

/* ---- fonts ----------------------------------------------------------------------------------------------------- */

/* Who draws nothing pays for no fonts, and cannot be ended by a library that finds no memory for them. */
static void check_fonts (void)
{
    group ("fonts");
    struct rig rig = rig_new ("");
    rig_caps (&rig, "RGB", 50, 40);
    for (int i = 0; i < 3; i++)
        show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), i));
    CHECK (!g_type_from_name ("PangoFontMap"), "fonts were looked for although nothing is drawn");
    gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", "labels");
    for (int i = 3; i < 2000 && !g_type_from_name ("PangoFontMap"); i++) {
        show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), i));
        g_usleep (1000);
    }
    CHECK (g_type_from_name ("PangoFontMap"), "this test looks for the wrong type");
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    char large[96];
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_fonts ();
    check_numbers ();
    check_events ();
    in_folder (large, sizeof large, "large.onnx");
    group ("a large network");
    CHECK (large_network (large), "%s", large);
    check_stopping (large);
    check_overtaken (large);
    check_limit ();
    check_same_file ();
    check_shared_ranges ();
    check_quantised_file ();
    check_no_bf16 ();
    return end_tests ();
}
