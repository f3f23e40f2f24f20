/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_inspect.c: `convrelu inspect`: one line per step of the network, and totals. */
#include "models/command.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_tensor (const char *what, const struct graph *graph, int id)
{
    struct tensor_info t = graph_tensor (graph, id);
    char shape[64];
    printf ("%-7s %s  (%s)\n", what, t.name, shape_words (t.channels, t.height, t.width, shape));
}

/* What a step makes; where a max-pool is made from a convolution's rows, what the convolution makes and then the
 * pool. */
static const char *output_words (const struct graph *graph, const struct step_info *s, bool *pooled, char text[128])
{
    bool fused = strstr (s->algorithm, "max-pool");
    int id = fused ? graph_find (graph, s->name) : -1; /* which looks through all of them */
    struct tensor_info t = graph_tensor (graph, id >= 0 ? id : 0);
    char made[64], left[64];
    shape_words (s->channels, s->height, s->width, left);
    *pooled = id >= 0 && t.channels == s->channels;
    snprintf (text, 128, "%s%s%s", *pooled ? shape_words (t.channels, t.height, t.width, made) : "",
              *pooled ? " -> " : "", left);
    return text;
}

/* Names are not cut: they are what --tap wants. */
static int name_width (const struct plan *plan)
{
    int width = 4;
    for (int i = 0; i < plan_steps (plan); i++) {
        int own = text_columns (plan_step (plan, i).name);
        width = own > width ? own : width;
    }
    return width;
}

/* In which numbers a step computes, how true what it makes is to fp32, and the range that its 256 values are spread
 * over. */
static void print_type (const struct step_info *s, double db)
{
    char text[16];
    snprintf (text, sizeof text, isnan (db) ? "-" : isinf (db) && db > 0 ? "exact" : "%.1f", db);
    printf ("  %-4s  %6s", s->type, text);
    if (s->low < s->high)
        printf ("  %.4g .. %.4g", (double)s->low, (double)s->high);
}

/* For each step how true it is to fp32, in dB, NaN where that could not be found out; NULL: there is no int8. Weights
 * that came from the cache as bytes are read as given for it. */
static double *steps_in_db (const struct settings *settings, const struct network *network)
{
    int steps = plan_steps (network->plan);
    struct error error = { "no memory" };
    if (network->report.used != PRECISION_INT8)
        return NULL;
    const char **names = calloc ((size_t)steps, sizeof *names);
    double *db = calloc ((size_t)steps, sizeof *db);
    for (int i = 0; names && i < steps; i++)
        names[i] = plan_step (network->plan, i).name;
    const struct plan_options options = { .threads = settings->threads,
                                          .isa = settings->isa,
                                          .algorithm = settings->algorithm,
                                          .taps = names,
                                          .tap_count = steps,
                                          .precision = PRECISION_INT8,
                                          .ranges = network->report.kept,
                                          .seconds = settings->most_seconds };
    if (!names || !db || !model_need_weights (network->model, &error) ||
        !precision_of_steps (network->model, &options, db, &error)) {
        complain ("note: how true each step is cannot be found out: %s", error.text);
        for (int i = 0; db && i < steps; i++)
            db[i] = NAN;
    }
    free (names);
    return db;
}

static void print_steps (const struct graph *graph, const struct plan *plan, const double *db)
{
    int width = name_width (plan);
    char shape[128], bytes[32];
    uint64_t macs = 0, multiplications = 0, weights = 0;
    printf ("\n%4s  %-*s  %-20s  %-32s  %-18s  %10s  %10s%s\n", "step", width, "name", "operation", "output",
            "algorithm", "MMAC", "weights", db ? "  type      dB  range" : "");
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        int pad = width - text_columns (s.name);
        bool pooled;
        const char *output = output_words (graph, &s, &pooled, shape);
        printf ("%4d  %s%*s  %-20s  %-32s  %-18s  %10.2f", i, s.name, pad > 0 ? pad : 0, "",
                pooled ? "conv + max-pool" : s.operation, output, s.algorithm, (double)s.macs / 1e6);
        if (s.weight_bytes || db)
            printf ("  %10s", s.weight_bytes ? byte_words ((double)s.weight_bytes, bytes) : "");
        if (db)
            print_type (&s, db[i]);
        printf ("\n");
        macs += s.macs;
        multiplications += s.multiplications;
        weights += s.weight_bytes;
    }
    printf ("\n%d steps, %.1f million multiply-accumulates a run", plan_steps (plan), (double)macs / 1e6);
    if (multiplications < macs)
        printf (" (%.1f million multiplications with these algorithms)", (double)multiplications / 1e6);
    printf (",\nweights %s", byte_words ((double)weights, bytes));
    printf (", tensors %s, instruction set %s, threads %d\n", byte_words ((double)plan_arena_bytes (plan), bytes),
            plan_isa (plan), plan_threads (plan));
}

static void print_quantised (struct quantised quantised, enum precision precision)
{
    if (quantised.tensors || quantised.constants)
        printf ("%-7s quantised in the file: %d tensors, %d constants; computed in %s\n", "numbers", quantised.tensors,
                quantised.constants,
                precision == PRECISION_FP32 ? "fp32, rounded to the same numbers" : precision_words[precision]);
}

static void print_precision (const struct precision_report *report)
{
    if (report->used == PRECISION_BF16)
        printf ("%-7s bf16 where steps say so, all else fp32\n", "numbers");
    if (report->used == PRECISION_INT8 && !report->of_file)
        printf ("%-7s int8, ranges from %s; %.1f dB true to fp32 over %s\n", "numbers", report->ranges.text, report->db,
                report->told ? "the pictures it was calibrated with" : "two drawings");
}

int command_inspect (const struct settings *settings)
{
    struct network network;
    if (!network_open (settings, NULL, 0, false, &network))
        return EXIT_BAD;
    const struct graph *graph = model_graph (network.model);
    printf ("%s\n", model_path (network.model));
    print_tensor ("input", graph, 0);
    for (int i = 0; i < graph_outputs (graph); i++)
        print_tensor ("output", graph, graph_output_id (graph, i));
    printf ("%-7s %s\n", "prepare", input_spec_words (model_input (network.model)).text);
    printf ("%-7s %s\n", "scores", model_scores (network.model, SCORES_AUTO, NULL).sentence);
    print_quantised (model_quantised (network.model), network.report.used);
    print_precision (&network.report);
    double *db = steps_in_db (settings, &network);
    print_steps (graph, network.plan, db);
    free (db);
    network_close (&network);
    return EXIT_GOOD;
}
