/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* precision.h: a plan in the precision that was asked for: with int8, where its ranges come from, and whether its
 * answers are those of fp32. */
#ifndef CONVRELU_PRECISION_H
#define CONVRELU_PRECISION_H

#include "models/calibrate.h"

/* Below this the answers of int8 are not those of fp32; networks that int8 suits have 17 to 46. */
#define PRECISION_LEAST_DB 12.0

extern const char *const precision_words[]; /* of each enum precision; NULL behind the last */
extern const char precision_drawings[];     /* what `ranges` below says of ranges seen in drawings */

/* What "auto" means: int8 where the file's own tensors are quantised and this CPU multiplies bytes by `isa` (as in
 * plan_options), else fp32. Any thread. */
enum precision precision_auto (const struct model *model, const char *isa);

struct precision_request {
    /* Only the ranges that a quantised file has itself: nothing is calibrated or compared, as its answers are such. The
     * rest of this structure is not looked at. */
    bool of_file;
    const char *ranges_file;                        /* NULL: the one beside the model, else drawings */
    const struct input_spec *spec;                  /* how pixels become the input; NULL: the model's own */
    bool (*go_on) (void *data, int done, int runs); /* as in struct calibration */
    void *data;
    /* Of an earlier plan of this model with the same spec and activation: its ranges are taken, and it was compared
     * with fp32 already. NULL: none. */
    const struct precision_report *before;
};

struct precision_report {
    enum precision used;
    struct ranges *kept; /* for `before` above; the caller's to ranges_free; NULL: fp32 */
    double db;           /* of int8's answers against fp32's, over drawings or as the file of ranges says; 0: fp32 */
    bool told;           /* as the file of ranges says */
    bool of_file;        /* int8 by the ranges of a quantised file alone: `kept` is NULL, `db` is not known */
    struct error ranges; /* where the ranges come from, in a few words; "": fp32 */
    struct error remark; /* a sentence for the user: why fp32 is used instead, or what was passed over; or "" */
};

/* Ranges of the model's tensors: from the file that is named (a bad one is an error), else the one beside the model (a
 * bad one is passed over, which the remark says), else seen in drawings by plans of `options`' threads, isa and
 * activation. NULL and a filled error. */
struct ranges *precision_ranges (const struct model *model, const struct plan_options *options,
                                 const struct precision_request *request, struct precision_report *found,
                                 struct error *error);

/* plan_new. With options->precision INT8, whose ranges are found as above, the plan is compared with one in fp32 over
 * the last two drawings, unless the file of ranges says how well they agree; where it is by less than
 * PRECISION_LEAST_DB, or there can be no such plan, the plan is of fp32 and found->remark says why. NULL and a filled
 * error: a bad file of ranges that was named, go_on has said no, the thread's account is stopped, or there is no plan
 * in fp32 either. Needs the model's weights; any thread. */
struct plan *precision_plan (const struct model *model, const struct plan_options *options,
                             const struct precision_request *request, struct precision_report *found,
                             struct error *error);

/* 10 log10 (signal / difference) of one output of the plan against the other's, over the last two drawings; infinite
 * where they are equal, NaN where the other's are no numbers or memory is short. */
double precision_compare (const struct input_spec *spec, int output, struct plan *plan, struct plan *exact);

/* The same of plans with these ranges and without, over how->pictures pictures; NaN also where there is no plan. */
double precision_agreement (const struct model *model, const struct ranges *ranges, const struct calibration *how);

/* The same of every tensor that options->taps names, with options->ranges and without, over the last two drawings: db
 * [options->tap_count]. Takes the memory of two plans. False and a filled error: stopped, refused, or memory short. */
bool precision_of_steps (const struct model *model, const struct plan_options *options, double *db,
                         struct error *error);

#endif
