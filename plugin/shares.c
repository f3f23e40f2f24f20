/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shares.c: the network's first output -> a probability for each class; see shares.h. */
#include "plugin/shares.h"

#include <math.h>
#include <string.h>

void shares_take (const struct network *network, float *shares)
{
    const float *values = plan_output (network->plan, 0)->data;
    int count = model_classes (network->model), best;
    float top;
    memcpy (shares, values, (gsize)count * sizeof *shares);
    if (model_ends_in_softmax (network->model) || model_top (values, count, TRUE, 1, &best, &top) < 1)
        return;
    /* The best one's share is 1 / sum: the others are e^(their distance from it) times that. */
    for (int i = 0; i < count; i++) {
        double distance = (double)values[i] - (double)values[best];
        shares[i] = (float)(i == best ? (double)top : isfinite (distance) ? (double)top * exp (distance) : 0);
    }
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
    shares_take (network, shares);
    smoothing_add (smoothing, shares, classes, time, settings->appearance.smoothing);
    int k = (int)MIN (settings->top_k, result->capacity);
    result->count = (guint)smoothing_top (smoothing, k, settings->threshold, result->ids, result->scores);
    g_free (shares);
}
