/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shares.c: the network's first output -> a probability for each class; see shares.h. */
#include "plugin/shares.h"

void shares_take (const struct network *network, enum score_kind asked, float *shares)
{
    struct score_rule rule = model_scores (network->model, asked, network->replaces ? &network->replacement : NULL);
    const struct tensor *scores = plan_output (network->plan, model_output (network->model));
    model_scores_of_all (scores->data, model_classes (network->model), &rule, shares);
}

void result_smooth (struct result *result, struct smoothing *smoothing, const struct network *network,
                    const struct settings *settings, GstClockTime time)
{
    if (!(settings->appearance.smoothing > 0)) {
        smoothing_reset (smoothing);
        return;
    }
    int classes = model_classes (network->model);
    float *shares = g_new (float, classes);
    shares_take (network, settings->scores, shares);
    smoothing_add (smoothing, shares, classes, time, settings->appearance.smoothing);
    int k = (int)MIN (settings->top_k, result->capacity);
    result->count = (guint)smoothing_top (smoothing, k, settings->threshold, result->ids, result->scores);
    g_free (shares);
}
