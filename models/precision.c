/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* precision.c: ranges for int8, the plan, and the guard that compares it with fp32. */
#include "models/precision.h"

#include "engine/work.h"
#include "models/drawings.h"
#include "models/ranges_file.h"
#include "models/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const precision_words[] = {
    [PRECISION_FP32] = "fp32", [PRECISION_INT8] = "int8", [PRECISION_BF16] = "bf16", NULL
};
const char precision_drawings[] = "drawings";

struct ranges *precision_ranges (const struct model *model, const struct plan_options *options,
                                 const struct precision_request *request, struct precision_report *found,
                                 struct error *error)
{
    struct calibration how = { .go_on = request->go_on,
                               .data = request->data,
                               .spec = request->spec,
                               .activation = options->activation,
                               .threads = options->threads,
                               .seconds = options->seconds,
                               .isa = options->isa };
    struct error reason = { "" };
    if (request->ranges_file) {
        snprintf (found->ranges.text, sizeof found->ranges.text, "%s", report_path (request->ranges_file));
        return ranges_file_read (request->ranges_file, model, &found->db, error);
    }
    struct ranges *ranges = ranges_file_beside (model, &found->db, &reason);
    if (reason.text[0])
        snprintf (found->remark.text, sizeof found->remark.text, "%.440s; these ranges are passed over", reason.text);
    snprintf (found->ranges.text, sizeof found->ranges.text, "%s",
              ranges ? "the file beside the model" : precision_drawings);
    return ranges ? ranges : calibrate (model, &how, error);
}

/* One tensor of two plans: what it says, what is right, and the sums of squares so far. */
struct pair {
    const struct tensor *said, *right;
    double signal, difference;
};

static void add_squares (struct pair *pair)
{
    size_t count = (size_t)pair->right->channels * (size_t)pair->right->height * (size_t)pair->right->width;
    for (size_t k = 0; k < count; k++) {
        double right = (double)pair->right->data[k], off = (double)pair->said->data[k] - right;
        pair->signal += right * right;
        pair->difference += off * off;
    }
}

static double in_db (const struct pair *pair)
{
    if (!isfinite (pair->signal) || isnan (pair->difference))
        return NAN;
    return pair->difference > 0 ? 10 * log10 (pair->signal / pair->difference) : INFINITY;
}

/* Both plans run over the pictures [first, how->pictures). False: stopped, no picture, or memory short. */
static bool compare (const struct calibration *how, int first, struct plan *const plans[2], struct pair *pairs,
                     int count)
{
    const struct input_spec *spec = how->spec;
    float *input = calloc ((size_t)spec->channels * (size_t)spec->height * (size_t)spec->width, sizeof *input);
    struct error ignored;
    bool good = input != NULL;
    for (int i = first; good && i < how->pictures; i++) {
        good = how->picture (how->data, i, input, &ignored) && plan_run_unless_stopped (plans[0], input) &&
               plan_run_unless_stopped (plans[1], input);
        for (int k = 0; good && k < count; k++)
            add_squares (&pairs[k]);
    }
    free (input);
    return good;
}

static double compare_output (const struct calibration *how, int output, int first, struct plan *plan,
                              struct plan *exact)
{
    struct plan *const plans[2] = { plan, exact };
    struct pair pair = { .said = plan_output (plan, output), .right = plan_output (exact, output) };
    return compare (how, first, plans, &pair, 1) ? in_db (&pair) : NAN;
}

static bool draw (void *data, int index, float *input, struct error *error)
{
    (void)error;
    return calibrate_drawing (data, index, input);
}

double precision_compare (const struct input_spec *spec, int output, struct plan *plan, struct plan *exact)
{
    struct input_spec own = *spec;
    const struct calibration how = { .pictures = DRAWINGS, .picture = draw, .data = &own, .spec = spec };
    return compare_output (&how, output, DRAWINGS - 2, plan, exact);
}

bool precision_of_steps (const struct model *model, const struct plan_options *options, double *db, struct error *error)
{
    struct input_spec own = *model_input (model);
    const struct calibration how = { .pictures = DRAWINGS, .picture = draw, .data = &own, .spec = &own };
    struct plan_options floats = *options;
    floats.precision = PRECISION_FP32;
    struct plan *plans[2] = { plan_new (model_graph (model), options, error), NULL };
    plans[1] = plans[0] ? plan_new (model_graph (model), &floats, error) : NULL;
    struct pair *pairs = calloc ((size_t)options->tap_count + 1, sizeof *pairs);
    bool good = plans[1] && (pairs || report (error, "no memory for %d tensors", options->tap_count));
    for (int k = 0; good && k < options->tap_count; k++)
        pairs[k] = (struct pair) { .said = plan_tap (plans[0], k), .right = plan_tap (plans[1], k) };
    if (good && !compare (&how, DRAWINGS - 2, plans, pairs, options->tap_count))
        good = report (error, "its runs were stopped");
    for (int k = 0; good && k < options->tap_count; k++)
        db[k] = in_db (&pairs[k]);
    free (pairs);
    plan_free (plans[0]);
    plan_free (plans[1]);
    return good;
}

double precision_agreement (const struct model *model, const struct ranges *ranges, const struct calibration *how)
{
    struct calibration with_spec = *how;
    struct plan_options options = {
        .threads = how->threads, .isa = how->isa, .seconds = how->seconds, .activation = how->activation
    };
    struct plan *exact = plan_new (model_graph (model), &options, NULL);
    options.precision = PRECISION_INT8;
    options.ranges = ranges;
    struct plan *plan = plan_new (model_graph (model), &options, NULL);
    if (!with_spec.spec)
        with_spec.spec = model_input (model);
    double db = exact && plan ? compare_output (&with_spec, model_output (model), 0, plan, exact) : NAN;
    plan_free (plan);
    plan_free (exact);
    return db;
}

/* What keeps int8 from being used, if anything, as a sentence. exact: NULL where the file of ranges has told how well
 * the answers agree. */
static void judge (const struct model *model, struct plan *plan, struct plan *exact,
                   const struct precision_request *request, struct precision_report *found)
{
    bool told = !exact;
    if (!told)
        found->db =
            precision_compare (request->spec ? request->spec : model_input (model), model_output (model), plan, exact);
    if (found->db >= PRECISION_LEAST_DB)
        return;
    found->remark.text[0] = 0;
    report (&found->remark,
            "%.200s: with int8 its answers to %s are only %.1f dB true to those of fp32 (%.0f are needed), so fp32 is "
            "used; ranges came from %.160s: calibrate it with %spictures of the kind that it is for",
            report_path (model_path (model)), told ? "the pictures that it was calibrated with" : "two drawings",
            found->db, PRECISION_LEAST_DB, found->ranges.text, told ? "more " : "");
    found->used = PRECISION_FP32;
}

static struct plan *plan_floats (const struct model *model, const struct plan_options *options, struct error *error)
{
    struct plan_options floats = *options;
    floats.precision = PRECISION_FP32;
    return plan_new (model_graph (model), &floats, error);
}

/* The plan in int8, or NULL: found->remark says why, or the error is filled. *exact: one in fp32 where it was needed to
 * compare with, the caller's to free. */
static struct plan *plan_bytes (const struct model *model, const struct plan_options *options, struct plan **exact,
                                const struct precision_request *request, struct precision_report *found,
                                struct error *error)
{
    struct plan_options bytes = *options;
    struct error reason = { "" };
    found->db = NAN;
    struct ranges *ranges = precision_ranges (model, options, request, found, error);
    found->told = !isnan (found->db);
    if (ranges && isnan (found->db) && !(*exact = plan_floats (model, options, error))) {
        ranges_free (ranges);
        ranges = NULL;
    }
    if (!ranges)
        return NULL;
    bytes.ranges = ranges;
    struct plan *plan = plan_new (model_graph (model), &bytes, &reason);
    found->used = plan ? PRECISION_INT8 : PRECISION_FP32;
    if (!work_spend (0)) { /* refused or stopped: no plan of fp32 either */
        report (error, "%s: %s", report_path (model_path (model)), reason.text[0] ? reason.text : "cancelled");
        found->used = PRECISION_FP32;
        ranges_free (ranges);
        plan_free (plan);
        return NULL;
    }
    if (!plan) {
        found->remark.text[0] = 0;
        report (&found->remark, "%.200s: with int8 it cannot run, so fp32 is used: %s",
                report_path (model_path (model)), reason.text);
    } else {
        judge (model, plan, *exact, request, found);
    }
    if (found->used == PRECISION_INT8) {
        found->kept = ranges;
        return plan;
    }
    ranges_free (ranges);
    plan_free (plan);
    return NULL;
}

/* Scales that are known only while running are no ranges. */
static bool has_ranges (const struct graph *graph)
{
    for (int i = 0; i < graph_tensors (graph); i++)
        if (!strcmp (graph_tensor (graph, i).operation, "quantise"))
            return true;
    return false;
}

enum precision precision_auto (const struct model *model, const char *isa)
{
    return engine_multiplies_bytes (isa) && has_ranges (model_graph (model)) ? PRECISION_INT8 : PRECISION_FP32;
}

static struct plan *plan_of_file (const struct model *model, const struct plan_options *options,
                                  struct precision_report *found, struct error *error)
{
    struct plan_options bytes = *options;
    bytes.ranges = NULL;
    struct plan *plan = plan_new (model_graph (model), &bytes, error);
    if (!plan)
        return NULL;
    found->used = PRECISION_INT8;
    found->of_file = true;
    snprintf (found->ranges.text, sizeof found->ranges.text, "the file itself");
    return plan;
}

/* The same as request->before was, for other taps or threads. NULL: it needs weights that are gone, or memory. */
static struct plan *plan_again (const struct model *model, const struct plan_options *options,
                                const struct precision_request *request, struct precision_report *found,
                                struct error *error)
{
    struct plan_options bytes = *options;
    *found = *request->before;
    found->kept = ranges_copy (request->before->kept);
    bytes.ranges = found->kept;
    struct plan *plan = found->kept ? plan_new (model_graph (model), &bytes, error) : NULL;
    if (!plan) {
        report (error, "%s: no memory", report_path (model_path (model)));
        ranges_free (found->kept);
        *found = (struct precision_report) { .used = PRECISION_FP32 };
    }
    return plan;
}

/* In fp32 or in bf16, which has no ranges; where there are no instructions for bf16, found->remark says so. */
static struct plan *plan_in_floats (const struct model *model, const struct plan_options *options,
                                    struct precision_report *found, struct error *error)
{
    struct plan *plan = plan_new (model_graph (model), options, error);
    if (plan)
        found->used = plan_precision (plan);
    if (plan && found->used != options->precision)
        report (&found->remark,
                "%.200s: instruction set %s has no products of bf16 on this processor, so fp32 is used (bf16 needs "
                "AVX512_BF16)",
                report_path (model_path (model)), plan_isa (plan));
    return plan;
}

struct plan *precision_plan (const struct model *model, const struct plan_options *options,
                             const struct precision_request *request, struct precision_report *found,
                             struct error *error)
{
    struct plan *exact = NULL;
    *found = (struct precision_report) { .used = PRECISION_FP32 };
    error->text[0] = 0;
    if (options->precision != PRECISION_INT8)
        return plan_in_floats (model, options, found, error);
    if (request->of_file)
        return plan_of_file (model, options, found, error);
    struct plan_options several = *options; /* plans, which pack the weights in several ways */
    several.drop_weights = false;
    options = &several;
    if (request->before && request->before->kept)
        return plan_again (model, options, request, found, error);
    struct plan *plan = plan_bytes (model, options, &exact, request, found, error);
    if (!plan && !error->text[0])
        return exact ? exact : plan_floats (model, options, error);
    plan_free (exact);
    return plan;
}
