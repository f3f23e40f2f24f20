/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_ranges_short.c: ranges and int8 where tensors are too large, and where memory or work runs short. */
#include "tests/check_models.h"

#include "engine/ranges.h"
#include "engine/work.h"
#include "models/calibrate.h"
#include "models/precision.h"
#include "models/ranges_file.h"
#include "tests/allocations.h"
#include "tests/charges.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct model *load_chain (const char *name, const char *dims, int count)
{
    struct error error = { "" };
    char from[16] = "x", to[16];
    struct onnx o = onnx_new (13);
    onnx_input (&o, "x", dims);
    for (int i = 0; i < count; i++) {
        snprintf (to, sizeof to, "s%d", i);
        onnx_node (&o, "Sigmoid", from, to, "");
        snprintf (from, sizeof from, "%s", to);
    }
    onnx_node (&o, "GlobalAveragePool", from, "y", "");
    onnx_output (&o, "y", "1 16 1 1");
    onnx_finish (&o);
    struct model *model = write_file (scratch_path (name), o.file.data, o.file.size)
                              ? model_load (scratch_path (name), NULL, &error)
                              : NULL;
    CHECK (model != NULL, "%s", error.text);
    onnx_free (&o);
    return model;
}

static void check_too_large (void)
{
    struct error error = { "" };
    struct model *wide = load_chain ("wide.onnx", "1 16 736 736", 17),
                 *deep = load_chain ("deep.onnx", "1 16 2 2", 1000);
    check_group ("what ranges have no room for");
    CHECK (!calibrate (wide, &(struct calibration) { .threads = 1 }, &error) && strstr (error.text, "wide.onnx") &&
               strstr (error.text, "they need 17 runs a picture, 16 at most"),
           "'%s'", error.text);
    struct ranges *ranges = ranges_new (model_graph (deep));
    ranges_set (ranges, 5, -1, 1);
    error.text[0] = 0;
    CHECK (ranges_file_write (scratch_path ("deep.ranges"), deep, ranges, "", NAN, &error), "%s", error.text);
    ranges_free (ranges);
    if (allocations_counted ()) { /* all of its small file has memory, the ranges of 1,000 tensors have none */
        allocations_fail_from (6000);
        ranges = ranges_file_read (scratch_path ("deep.ranges"), deep, NULL, &error);
        CHECK (allocations_heal () && !ranges && strstr (error.text, "deep.ranges: no memory for its ranges"), "'%s'",
               error.text);
        error.text[0] = 0;
    }
    model_unref (wide);
    model_unref (deep);
    struct model *bundled = model_load (NULL, NULL, &error);
    if (bundled) /* nothing lies beside it */
        CHECK (!ranges_file_beside (bundled, NULL, &error) && !error.text[0], "'%s'", error.text);
    model_unref (bundled);
}

enum trial { PLAN, PLAN_AGAIN, CALIBRATE, STEPS, BESIDE, TRIALS };

/* One of them: whether it has an answer. */
static bool try_one (enum trial trial, const struct model *model, const struct precision_report *before,
                     struct error *error)
{
    const char *last = "scores";
    struct plan_options options = { .threads = 1, .precision = PRECISION_INT8 };
    struct precision_request request = { .before = trial == PLAN_AGAIN ? before : NULL };
    struct precision_report found = { .used = PRECISION_FP32 };
    struct ranges *ranges;
    struct plan *plan;
    double db = 0;
    switch (trial) {
    case PLAN:
    case PLAN_AGAIN:
        plan = precision_plan (model, &options, &request, &found, error);
        CHECK ((found.used == PRECISION_INT8) == (found.kept != NULL) && (plan || !found.kept), "%s", error->text);
        CHECK (!plan || found.kept || strstr (found.remark.text, "fp32 is used"), "'%s'", found.remark.text);
        ranges_free (found.kept);
        plan_free (plan);
        return plan != NULL;
    case CALIBRATE:
        ranges = calibrate (model, &(struct calibration) { .threads = 1 }, error);
        ranges_free (ranges);
        return ranges != NULL;
    case STEPS:
        options.ranges = before->kept;
        options.taps = &last;
        options.tap_count = 1;
        return precision_of_steps (model, &options, &db, error);
    default:
        return ranges_file_beside (model, NULL, error) || !error->text[0]; /* there is none */
    }
}

/* Every allocation, or every charge of work, is refused in turn, with all that follow: an answer, or an error. */
static void run_short (enum trial trial, bool memory, const struct model *model, const struct precision_report *before)
{
    struct work work;
    bool refused = true;
    for (long good = 0; refused && good < 1000000; good += 1 + good / 50) {
        struct error error = { "" };
        work_begin (&work, UINT64_C (1) << 40, NULL);
        if (memory)
            allocations_fail_after (good);
        else
            charges_refuse_after (good);
        bool answered = try_one (trial, model, before, &error);
        refused = memory ? allocations_heal () : charges_allow ();
        work_end (&work);
        CHECK (answered == !error.text[0] && (refused || answered), "trial %d, %s %ld: '%s'", trial,
               memory ? "allocation" : "charge", good, error.text);
    }
    CHECK (!refused, "trial %d: there is no end of %s", trial, memory ? "allocations" : "charges");
}

void check_ranges_short (struct model *model)
{
    check_too_large ();
    const struct plan_options options = { .threads = 1, .precision = PRECISION_INT8 };
    const struct precision_request request = { .before = NULL };
    struct precision_report found;
    struct error error = { "" };
    struct plan *plan = precision_plan (model, &options, &request, &found, &error);
    check_group ("memory and work short for int8");
    if (CHECK (plan && found.kept, "%s%s", error.text, found.remark.text)) {
        for (int trial = 0; trial < TRIALS; trial++) {
            run_short ((enum trial)trial, false, model, &found);
            if (allocations_counted ())
                run_short ((enum trial)trial, true, model, &found);
        }
    }
    if (!allocations_counted ())
        SKIP ("allocations cannot be made to fail in this build");
    ranges_free (found.kept);
    plan_free (plan);
}
