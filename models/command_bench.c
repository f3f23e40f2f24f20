/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_bench.c: `convrelu bench`: how long a run takes, and a step.
 *
 * Every run is timed by itself, after a few that are not counted. Speed is given in GFLOP/s of the network's plain
 * definition (two for each multiply-accumulate), so that an algorithm with fewer multiplications shows as faster,
 * beside the most that the same threads could multiply and add in the same minute. */
#include "models/command.h"

#include <glib.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { RUNS_MAX = 1 << 20, WARM_UP = 3 };

/* Milliseconds of one step: over all runs, and in the fastest. */
struct step_time {
    double sum, min;
};

struct times {
    double *ms; /* [runs], sorted after the last one */
    int runs;
    double min, median, p99;
    struct step_time *steps; /* [steps], or NULL */
    double peak;             /* GFLOP/s: the most that was seen, before, between and after the runs */
};

static double now_seconds (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size (const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* Numbers between -1 and 1, always the same. */
static float *make_input (const struct model *model, size_t *count)
{
    struct tensor_info in = graph_tensor (model_graph (model), 0);
    *count = (size_t)in.channels * (size_t)in.height * (size_t)in.width;
    float *input = malloc (*count * sizeof *input);
    uint32_t state = 12345;
    for (size_t i = 0; input && i < *count; i++) {
        state = state * 1664525u + 1013904223u;
        input[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
    return input;
}

/* A line that is overwritten, for someone who waits at a terminal. */
static void show_progress (const struct settings *s, double done, int runs)
{
    static double shown;
    if (s->seconds <= 1 || !isatty (STDERR_FILENO))
        return;
    if (done < 0)
        fprintf (stderr, "\r\033[K");
    else if (done - shown > 0.25)
        fprintf (stderr, "\r%.0f of %.0f s, %d runs ", shown = done, s->seconds, runs);
}

static void add_time (struct step_time *time, double ms, bool first)
{
    time->sum += ms;
    if (first || ms < time->min)
        time->min = ms;
}

static void measure_peak (struct plan *plan, struct times *to)
{
    double peak = plan_measure_peak (plan);
    to->peak = peak > to->peak ? peak : to->peak;
}

static void measure (const struct settings *s, struct plan *plan, const float *input, struct times *to)
{
    for (int i = 0; i < WARM_UP; i++)
        plan_run (plan, input);
    measure_peak (plan, to);
    double begin = now_seconds (), end = begin, next_peak = begin + 1;
    while (to->runs < RUNS_MAX && (to->runs == 0 || end - begin < s->seconds)) {
        double start = now_seconds ();
        plan_run (plan, input);
        end = now_seconds ();
        to->ms[to->runs++] = (end - start) * 1e3;
        for (int i = 0; to->steps && i < plan_steps (plan); i++)
            add_time (&to->steps[i], (double)plan_step (plan, i).nanoseconds * 1e-6, to->runs == 1);
        show_progress (s, end - begin, to->runs);
        if (end > next_peak) { /* the clock of the CPU may rise and fall meanwhile */
            measure_peak (plan, to);
            next_peak = end + 1;
        }
    }
    measure_peak (plan, to);
    show_progress (s, -1, 0);
    qsort (to->ms, (size_t)to->runs, sizeof *to->ms, by_size);
    to->min = to->ms[0];
    to->median = (to->ms[(to->runs - 1) / 2] + to->ms[to->runs / 2]) / 2;
    to->p99 = to->ms[(int)((to->runs - 1) * 0.99 + 0.5)];
}

/* ---- results -------------------------------------------------------------------------------------------------- */

static uint64_t total_macs (const struct plan *plan)
{
    uint64_t macs = 0;
    for (int i = 0; i < plan_steps (plan); i++)
        macs += plan_step (plan, i).macs;
    return macs;
}

static uint64_t total_multiplications (const struct plan *plan)
{
    uint64_t multiplications = 0;
    for (int i = 0; i < plan_steps (plan); i++)
        multiplications += plan_step (plan, i).multiplications;
    return multiplications;
}

static double gflops (uint64_t macs, double ms)
{
    return ms > 0 ? 2e-6 * (double)macs / ms : 0;
}

/* What was measured at best; a run or a step that was faster has shown that there is more. */
static double most_seen (const struct plan *plan, const struct times *t)
{
    double most = fmax (t->peak, gflops (total_multiplications (plan), t->min));
    for (int i = 0; t->steps && i < plan_steps (plan); i++)
        most = fmax (most, gflops (plan_step (plan, i).multiplications, t->steps[i].min));
    return most;
}

/* Rounded to so many decimals: what is beyond is noise. */
static json_t *json_decimals (double number, int decimals)
{
    double unit = pow (10, decimals);
    return json_real (round (number * unit) / unit);
}

static const char *precision_word (const struct network *n)
{
    return precision_words[n->report.used];
}

static json_t *json_steps (const struct plan *plan, const struct times *t)
{
    json_t *steps = json_array ();
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        const struct step_time *time = &t->steps[i];
        char *name = g_utf8_make_valid (s.name, -1);
        json_array_append_new (steps, json_pack ("{ss ss ss so so so}", "name", name, "operation", s.operation,
                                                 "algorithm", s.algorithm, "min_ms", json_decimals (time->min, 5),
                                                 "mean_ms", json_decimals (time->sum / t->runs, 5), "gflops",
                                                 json_decimals (gflops (s.macs, time->min), 2)));
        g_free (name);
    }
    return steps;
}

/* False: no memory, or standard output is closed. */
static bool print_json (const struct network *n, const struct times *t)
{
    char *path = g_utf8_make_valid (model_path (n->model), -1);
    json_t *all =
        json_pack ("{ss ss si ss si so so so so}", "model", path, "isa", plan_isa (n->plan), "threads",
                   plan_threads (n->plan), "precision", precision_word (n), "runs", t->runs, "min_ms",
                   json_decimals (t->min, 4), "median_ms", json_decimals (t->median, 4), "p99_ms",
                   json_decimals (t->p99, 4), "gflops", json_decimals (gflops (total_macs (n->plan), t->median), 2));
    bool good = all && (!t->steps || !json_object_set_new (all, "layers", json_steps (n->plan, t)));
    good = good && !json_dumpf (all, stdout, JSON_REAL_PRECISION (12)) && putchar ('\n') != EOF;
    json_decref (all);
    g_free (path);
    return good;
}

/* Steps with their times. Speed is that of the fastest run of each, since whatever else the machine does only adds to
 * the others; share of peak counts the multiplications that the algorithm really does. */
static void print_layers (const struct plan *plan, const struct times *t, double peak)
{
    int width = 4;
    double min = 0, mean = 0;
    for (int i = 0; i < plan_steps (plan); i++) {
        int own = text_columns (plan_step (plan, i).name);
        width = own > width ? own : width;
        min += t->steps[i].min;
        mean += t->steps[i].sum / t->runs;
    }
    printf ("\n%4s  %-*s  %-20s  %-16s  %-18s  %9s  %9s  %6s  %8s  %7s\n", "step", width, "name", "operation", "output",
            "algorithm", "min ms", "mean ms", "time", "GFLOP/s", "of peak");
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        char shape[64];
        double ms = t->steps[i].min;
        int pad = width - text_columns (s.name);
        printf ("%4d  %s%*s  %-20s  %-16s  %-18s  %9.4f  %9.4f  %5.1f%%", i, s.name, pad > 0 ? pad : 0, "", s.operation,
                shape_words (s.channels, s.height, s.width, shape), s.algorithm, ms, t->steps[i].sum / t->runs,
                min > 0 ? 100 * ms / min : 0);
        if (s.macs && ms > 0)
            printf ("  %8.1f  %6.0f%%", gflops (s.macs, ms), 100 * gflops (s.multiplications, ms) / peak);
        printf ("\n");
    }
    printf ("%4s  %-*s  %-20s  %-16s  %-18s  %9.4f  %9.4f\n", "", width, "all steps", "", "", "", min, mean);
}

static void print_text (const struct network *n, const struct times *t)
{
    double peak = most_seen (n->plan, t), done = gflops (total_multiplications (n->plan), t->median);
    printf ("%s\n", model_path (n->model));
    printf ("%s, %d thread%s, %s, %d runs\n", plan_isa (n->plan), plan_threads (n->plan),
            plan_threads (n->plan) == 1 ? "" : "s", precision_word (n), t->runs);
    printf ("min %.3f ms, median %.3f ms, p99 %.3f ms, %.1f runs/s\n", t->min, t->median, t->p99, 1e3 / t->median);
    printf ("%.1f GFLOP/s of the plain definition; %.1f really done, %.0f %% of the %.1f GFLOP/s seen at best\n",
            gflops (total_macs (n->plan), t->median), done, peak > 0 ? 100 * done / peak : 0, peak);
    if (t->steps)
        print_layers (n->plan, t, peak);
}

int command_bench (const struct settings *settings)
{
    struct network network;
    if (!network_open (settings, NULL, 0, settings->layers, &network))
        return EXIT_BAD;
    size_t count;
    float *input = make_input (network.model, &count);
    struct times times = { .ms = malloc (RUNS_MAX * sizeof (double)) };
    bool good = input && times.ms;
    if (settings->layers) {
        times.steps = calloc ((size_t)plan_steps (network.plan) + 1, sizeof *times.steps);
        good = good && times.steps;
    }
    if (good) {
        measure (settings, network.plan, input, &times);
        if (!settings->json)
            print_text (&network, &times);
        else if (!print_json (&network, &times) && !(good = ferror (stdout) != 0)) /* which main tells */
            complain ("no memory");
    } else
        complain ("no memory");
    free (input);
    free (times.ms);
    free (times.steps);
    network_close (&network);
    return good ? EXIT_GOOD : EXIT_BAD;
}
