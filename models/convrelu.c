/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* convrelu.c: the command `convrelu`: look at a network, run it on an array, measure it. No GStreamer needed.
 *
 * Exit code 0: fine; 1: bad model or input, one line on stderr says why; 2: bad command line. */
#include "models/command.h"

#include "engine/work.h"
#include "models/nearest.h"
#include "models/report.h"

#include <errno.h>
#include <glib.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "usage: convrelu inspect [MODEL] [OPTIONS]\n"
    "       convrelu run [MODEL] --input X.npy --output Y.npy [--tap NAME=FILE.npy]... [OPTIONS]\n"
    "       convrelu bench [MODEL] [--seconds S] [--layers] [--json] [OPTIONS]\n"
    "       convrelu calibrate MODEL [PICTURE]... [--output FILE.ranges] [OPTIONS]\n"
    "       convrelu quantize [MODEL] --output FILE.onnx [--ranges FILE] [OPTIONS]\n"
    "       convrelu --help\n";

int complain (const char *format, ...)
{
    va_list list;
    fputs ("convrelu: ", stderr);
    va_start (list, format);
    vfprintf (stderr, format, list);
    va_end (list);
    fputc ('\n', stderr);
    return EXIT_BAD;
}

/* ---- words ---------------------------------------------------------------------------------------------------- */

const char *shape_words (int channels, int height, int width, char text[64])
{
    if (height == 1 && width == 1)
        snprintf (text, 64, "%d", channels);
    else
        snprintf (text, 64, "%d x %d x %d", channels, height, width);
    return text;
}

const char *byte_words (double bytes, char text[32])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
    int unit = 0;
    for (; unit < 3 && bytes >= 1024; unit++)
        bytes /= 1024;
    snprintf (text, 32, unit && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

int text_columns (const char *text)
{
    return (int)g_utf8_strlen (text, -1);
}

/* ---- network --------------------------------------------------------------------------------------------------- */

/* Says of the first tap that no tensor bears which names are nearest. */
static bool taps_known (const struct model *model, const char *const *taps, int tap_count)
{
    const struct graph *g = model_graph (model);
    int unknown = 0, count = graph_tensors (g);
    while (unknown < tap_count && graph_find (g, taps[unknown]) >= 0)
        unknown++;
    if (unknown == tap_count)
        return true;
    int *unlikeness = g_new (int, count);
    for (int id = 0; id < count; id++) {
        const char *name = graph_tensor (g, id).name;
        bool had = name && *name && graph_find (g, name) == id; /* a name that several bear is the last one's */
        unlikeness[id] = had ? nearest_unlikeness (taps[unknown], name) : NEAREST_NEVER;
    }
    GString *near = g_string_new (NULL);
    for (int n = 0, id; n < NEAREST_SHOWN && (id = nearest_take (unlikeness, count)) >= 0; n++)
        g_string_append_printf (near, "%s%s", n ? ", " : "; the nearest are ", graph_tensor (g, id).name);
    report_clean (near->str);
    complain ("%s: no tensor is called '%s'%s", model_path (model), taps[unknown], near->str);
    g_string_free (near, TRUE);
    g_free (unlikeness);
    return false;
}

static void tell_notices (const struct model *model, int from)
{
    for (int i = from; i < model_notices (model); i++)
        complain ("note: %s", model_notice (model, i));
}

struct model *command_model (const struct settings *settings)
{
    struct error error = { "" };
    struct model *model = settings->cache_dir ? model_share_cached (settings->model, NULL, settings->cache_dir, &error)
                                              : model_load (settings->model, NULL, &error);
    if (!model)
        complain ("%s", error.text);
    else
        tell_notices (model, 0);
    return model;
}

/* Weights that come from the cache may not be there as given: fp32 is tried without them first. */
static struct plan *plan_model (const struct settings *settings, struct model *model,
                                const struct plan_options *options, struct precision_report *report,
                                struct error *error)
{
    const struct precision_request request = { .of_file = settings->precision_is_auto,
                                               .ranges_file = settings->ranges,
                                               .go_on = command_tell_runs };
    if (settings->precision == PRECISION_INT8 && !model_need_weights (model, error))
        return NULL; /* by them a file of ranges is known to be of this network */
    bool with = model_has_weights (model);
    struct plan *plan = precision_plan (model, options, &request, report, error);
    if (plan || with || !model_need_weights (model, error))
        return plan;
    return precision_plan (model, options, &request, report, error);
}

/* With --cache-dir, when nobody needs the weights as given any more. Says what went wrong, too. */
static void keep_packed (struct model *model)
{
    int told = model_notices (model);
    model_keep_packed (model);
    tell_notices (model, told);
}

bool network_open (const struct settings *settings, const char *const *taps, int tap_count, bool timed,
                   struct network *network)
{
    struct error error = { "" };
    struct work work;
    work_begin (&work, WORK_STEPS, NULL);
    *network = (struct network) { .model = command_model (settings) };
    if (!network->model) {
        work_end (&work);
        return false;
    }
    if (!taps_known (network->model, taps, tap_count)) {
        network_close (network);
        work_end (&work);
        return false;
    }
    const struct plan_options options = { .threads = settings->threads,
                                          .isa = settings->isa,
                                          .algorithm = settings->algorithm,
                                          .taps = taps,
                                          .tap_count = tap_count,
                                          .precision = settings->precision_is_auto
                                                           ? precision_auto (network->model, settings->isa)
                                                           : settings->precision,
                                          .seconds = settings->most_seconds,
                                          .timed = timed,
                                          .untried = true }; /* whoever wants a plan warm runs it */
    network->plan = plan_model (settings, network->model, &options, &network->report, &error);
    work_end (&work);
    command_note_precision (network->model, &network->report);
    if (network->plan)
        return true;
    complain ("%s: %s", model_path (network->model), error.text);
    network_close (network);
    return false;
}

void network_close (struct network *network)
{
    if (network->plan)
        keep_packed (network->model);
    plan_free (network->plan);
    ranges_free (network->report.kept);
    model_unref (network->model);
    *network = (struct network) { .model = NULL };
}

/* ---- command line ---------------------------------------------------------------------------------------------- */

__attribute__ ((format (printf, 1, 2))) static int wrong_usage (const char *format, ...)
{
    va_list list;
    fputs ("convrelu: ", stderr);
    va_start (list, format);
    vfprintf (stderr, format, list);
    va_end (list);
    fprintf (stderr, "\n%s", usage_text);
    return EXIT_USAGE;
}

/* Where `word` is in the NULL-terminated list, or -1. */
static int word_index (const char *word, const char *const *list)
{
    for (int i = 0; list[i]; i++) {
        if (!strcmp (word, list[i]))
            return i;
    }
    return -1;
}

/* The commands, and what belongs to some of them only. */
static const struct command {
    const char *name;
    int (*function) (const struct settings *settings);
    bool input, output, needs_output, taps, report, pictures; /* report: --layers and --json */
    bool plans;                                               /* of its own choice: --cache-dir, any --precision */
} commands[] = {
    { .name = "inspect", .function = command_inspect, .plans = true },
    { .name = "run",
      .function = command_run,
      .input = true,
      .output = true,
      .needs_output = true,
      .taps = true,
      .plans = true },
    { .name = "bench", .function = command_bench, .report = true, .plans = true },
    { .name = "calibrate", .function = command_calibrate, .output = true, .pictures = true },
    { .name = "quantize", .function = command_quantize, .output = true, .needs_output = true },
};

static const struct command *find_command (const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (!strcmp (commands[i].name, name))
            return &commands[i];
    }
    return NULL;
}

/* What GOption leaves as words. */
struct choices {
    char *algorithm, *precision;
};

/* EXIT_GOOD, or the exit code after saying what is wrong. */
static int check_choices (struct settings *s, const struct choices *choices)
{
    static const char *const algorithms[] = { [ALGORITHM_AUTO] = "auto",
                                              [ALGORITHM_DIRECT] = "direct",
                                              [ALGORITHM_F23] = "f23",
                                              [ALGORITHM_F43] = "f43",
                                              [ALGORITHM_F42] = "f42",
                                              [ALGORITHM_STRASSEN] = "strassen",
                                              NULL };
    static const char *const isas[] = { "scalar", "avx2", "avx512", "neon", NULL };
    int algorithm = choices->algorithm ? word_index (choices->algorithm, algorithms) : ALGORITHM_AUTO;
    bool chosen = choices->precision && strcmp (choices->precision, "auto");
    int precision = chosen ? word_index (choices->precision, precision_words) : PRECISION_FP32;
    if (algorithm < 0)
        return wrong_usage ("no such algorithm: '%s'", choices->algorithm);
    if (s->isa && word_index (s->isa, isas) < 0)
        return wrong_usage ("no such instruction set: '%s'", s->isa);
    if (precision < 0)
        return wrong_usage ("no such precision: '%s'", choices->precision);
    s->algorithm = (enum algorithm)algorithm;
    s->precision_is_auto = !chosen;
    s->precision = (enum precision)precision;
    return EXIT_GOOD;
}

static int check_settings (const struct settings *s, const struct command *command)
{
    if (s->threads < 0 || s->threads > 1024)
        return wrong_usage ("--threads %d is not in 0..1024", s->threads);
    if (!(s->seconds > 0 && s->seconds <= 86400))
        return wrong_usage ("--seconds %g is not between 0 and 86400", s->seconds);
    if (!(s->most_seconds > 0 && s->most_seconds <= 86400))
        return wrong_usage ("--max-seconds %g is not between 0 and 86400", s->most_seconds);
    if (command->input && !(s->input && s->output))
        return wrong_usage ("%s needs --input and --output", command->name);
    if (command->needs_output && !s->output)
        return wrong_usage ("%s needs --output", command->name);
    if ((s->input && !command->input) || (s->taps && !command->taps))
        return wrong_usage ("--input and --tap belong to run");
    if (s->output && !command->output)
        return wrong_usage ("--output belongs to run, calibrate and quantize");
    if ((s->layers || s->json) && !command->report)
        return wrong_usage ("--layers and --json belong to bench");
    if (s->cache_dir && !command->plans)
        return wrong_usage ("--cache-dir belongs to inspect, run and bench");
    if (!s->precision_is_auto && s->precision != PRECISION_INT8 && !command->plans)
        return wrong_usage ("%s is about int8, not --precision %s", command->name, precision_words[s->precision]);
    return EXIT_GOOD;
}

static int dispatch (int count, char **words, struct settings *settings, const struct choices *choices)
{
    if (count < 2)
        return wrong_usage ("no command given");
    const struct command *command = find_command (words[1]);
    if (!command)
        return wrong_usage ("no such command: '%s'", words[1]);
    if (count > 3 && !command->pictures)
        return wrong_usage ("one model at a time, not '%s' too", words[3]);
    settings->model = count >= 3 ? words[2] : NULL;
    settings->pictures = words + (count >= 3 ? 3 : 2);
    int code = check_choices (settings, choices);
    if (code == EXIT_GOOD)
        code = check_settings (settings, command);
    if (code == EXIT_GOOD)
        code = command->function (settings);
    if (fflush (stdout) && code == EXIT_GOOD)
        code = complain ("standard output: %s", strerror (errno));
    return code;
}

/* What GOption fills in. */
struct words {
    struct settings settings;
    struct choices choices;
    gboolean layers, json, help, version;
};

static void add_group (GOptionContext *context, const char *command, const char *title, const GOptionEntry *entries)
{
    GOptionGroup *group = g_option_group_new (command, title, "", NULL, NULL);
    g_option_group_add_entries (group, entries);
    g_option_context_add_group (context, group);
}

static GOptionContext *make_context (struct words *w)
{
    struct settings *s = &w->settings;
    const GOptionEntry run[] = {
        { "input", 0, 0, G_OPTION_ARG_FILENAME, &s->input,
          "Array of the shape that the file takes; a 1 in front may be left out", "X.npy" },
        { "tap", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &s->taps,
          "Also write the tensor NAME, as inspect lists it; may be given several times", "NAME=FILE.npy" },
        { .long_name = NULL },
    };
    const GOptionEntry bench[] = {
        { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &s->seconds, "For how long to measure; default 5", "S" },
        { "layers", 0, 0, G_OPTION_ARG_NONE, &w->layers, "Also how long each step takes", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, "One line of JSON instead of text", NULL },
        { .long_name = NULL },
    };
    const GOptionEntry all[] = {
        { "threads", 0, 0, G_OPTION_ARG_INT, &s->threads, "Threads; default: one for each CPU it may run on", "N" },
        { "isa", 0, 0, G_OPTION_ARG_STRING, &s->isa,
          "Instruction set: scalar, avx2, avx512, neon; default: the best this CPU has", "NAME" },
        { "precision", 0, 0, G_OPTION_ARG_STRING, &w->choices.precision,
          "fp32, int8 (for CPUs that multiply bytes, by VNNI or dot products; on others slower), bf16 (with "
          "AVX512_BF16; else fp32) or auto: int8 for quantised files on such CPUs, else fp32; default auto",
          "NAME" },
        { "ranges", 0, 0, G_OPTION_ARG_FILENAME, &s->ranges,
          "For int8: what calibrate has written; default: MODEL.ranges beside the model, else ranges seen in drawings",
          "FILE" },
        { "cache-dir", 0, 0, G_OPTION_ARG_FILENAME, &s->cache_dir,
          "Of inspect, run, bench: keep packed weights in this folder, which must be yours alone: the next start is "
          "faster",
          "FOLDER" },
        { "output", 0, 0, G_OPTION_ARG_FILENAME, &s->output,
          "Of run: where to write the scores; of calibrate: the ranges; of quantize: the network", "FILE" },
        { "algorithm", 0, 0, G_OPTION_ARG_STRING, &w->choices.algorithm,
          "Of convolutions: auto, direct, f23, f43, f42, strassen; default auto", "NAME" },
        { "max-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &s->most_seconds,
          "Refuse a network that would take longer for a run on one core, as estimated; default 2", "S" },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &w->help, "Print this", NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &w->version, "Print the version", NULL },
        { .long_name = NULL },
    };
    GOptionContext *context = g_option_context_new ("inspect|run|bench|calibrate|quantize [MODEL]");
    g_option_context_set_help_enabled (context, FALSE); /* GLib's own ends the process */
    g_option_context_set_summary (
        context,
        "Runs convolutional networks (ONNX files, and known families as safetensors) on the CPU.\n"
        "Without MODEL: the bundled network.\n\n"
        "  inspect   lists what the network does, step by step, with the size of its work and weights\n"
        "  run       runs it once: raw float32 numbers in, raw numbers out, no preprocessing\n"
        "  bench     measures how long a run takes\n"
        "  calibrate writes MODEL.ranges, which int8 needs: the range of the numbers of each tensor, seen in\n"
        "            pictures of the kind that the network is for (16 or more JPEG, PNG, ... files, clips, or\n"
        "            arrays as run takes them); without pictures, in eight drawings\n"
        "  quantize  writes an ONNX file of 8-bit weights and ranges (QDQ) for other programs and this one");
    g_option_context_set_description (context, "Exit code: 0 fine, 1 bad model or input, 2 bad command line.\n");
    add_group (context, "run", "Options of run:", run);
    add_group (context, "bench", "Options of bench:", bench);
    g_option_context_add_main_entries (context, all, NULL);
    return context;
}

static void print_help (GOptionContext *context)
{
    char *text = g_option_context_get_help (context, FALSE, NULL);
    g_print ("%s", text);
    g_free (text);
}

int main (int count, char **arguments)
{
    struct words w = { .settings = { .seconds = 5, .most_seconds = 2 } };
    GError *error = NULL;
    int code = EXIT_GOOD;
    setlocale (LC_CTYPE, "");
    GOptionContext *context = make_context (&w);
    bool parsed = g_option_context_parse (context, &count, &arguments, &error);
    w.settings.layers = w.layers;
    w.settings.json = w.json;
    if (!parsed)
        code = wrong_usage ("%s", error->message);
    else if (w.help)
        print_help (context);
    else if (w.version)
        printf ("convrelu %s\n", VERSION);
    else
        code = dispatch (count, arguments, &w.settings, &w.choices);
    g_clear_error (&error);
    g_option_context_free (context);
    g_free (w.settings.input);
    g_free (w.settings.output);
    g_strfreev (w.settings.taps);
    g_free (w.settings.isa);
    g_free (w.settings.ranges);
    g_free (w.settings.cache_dir);
    g_free (w.choices.precision);
    g_free (w.choices.algorithm);
    return code;
}
