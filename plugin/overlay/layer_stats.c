/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_stats.c: sums over a layer's channels, frame by frame; see layer_stats.h. */
#include "plugin/overlay/layer_stats.h"

#include <float.h>
#include <math.h>

enum { SUMS = 8 }; /* side by side, so that the compiler may use vectors */

struct sums {
    float magnitude;
    int not_above, zero;
};

static struct sums sum_channel (const float *values, int count)
{
    float magnitude[SUMS] = { 0 };
    int not_above[SUMS] = { 0 }, zero[SUMS] = { 0 }, i = 0;
    struct sums sums = { 0 };
    for (; i + SUMS <= count; i += SUMS) {
        for (int k = 0; k < SUMS; k++) {
            float v = values[i + k];
            magnitude[k] += fabsf (v);
            not_above[k] += v <= 0;
            zero[k] += v == 0;
        }
    }
    for (; i < count; i++) {
        magnitude[0] += fabsf (values[i]);
        not_above[0] += values[i] <= 0;
        zero[0] += values[i] == 0;
    }
    for (int k = 0; k < SUMS; k++) {
        sums.magnitude += magnitude[k];
        sums.not_above += not_above[k];
        sums.zero += zero[k];
    }
    return sums;
}

void layer_stats_add (struct layer_stats *stats, const struct tensor *tensor)
{
    static const float smoothing = 0.15f; /* share of the new frame */
    int pixels = tensor->height * tensor->width;
    gint64 not_above = 0, zero = 0;
    gboolean first = stats->channels != tensor->channels;
    if (first) {
        layer_stats_clear (stats);
        stats->channels = tensor->channels;
        stats->strength = g_new0 (float, stats->channels);
        stats->ever_positive = g_new0 (guint8, stats->channels);
    }
    stats->frames = MIN (stats->frames, G_MAXINT - 1) + 1;
    stats->never_positive = 0;
    for (int c = 0; c < tensor->channels; c++) {
        struct sums sums = sum_channel (tensor->data + (gsize)c * pixels, pixels);
        float mean = sums.magnitude / (float)pixels;
        if (!(mean < FLT_MAX))
            mean = 0;
        stats->strength[c] += (first ? 1 : smoothing) * (mean - stats->strength[c]);
        stats->ever_positive[c] |= sums.not_above < pixels;
        stats->never_positive += !stats->ever_positive[c];
        not_above += sums.not_above;
        zero += sums.zero;
    }
    double all = (double)tensor->channels * pixels;
    stats->not_above = (float)(not_above / all);
    stats->exactly_zero = (float)(zero / all);
}

/* The strongest channel that has no place yet, or -1. */
static int strongest_left (const struct layer_stats *stats, const gboolean *placed)
{
    int best = -1;
    for (int c = 0; c < stats->channels; c++)
        if (!placed[c] && (best < 0 || stats->strength[c] > stats->strength[best]))
            best = c;
    return best;
}

void layer_stats_choose (struct layer_stats *stats, int count, enum channel_select select)
{
    static const float lead = 1.3f; /* how much stronger a channel must be to take the place of another */
    count = MIN (count, stats->channels);
    gboolean start = count != stats->shown_count || select != stats->select;
    gboolean *placed = g_new0 (gboolean, stats->channels + 1);
    if (start) {
        stats->shown = g_renew (int, stats->shown, count);
        stats->shown_count = count;
        stats->select = select;
    }
    for (int i = 0; i < count; i++) {
        if (select == CHANNELS_FIRST || start)
            stats->shown[i] = select == CHANNELS_FIRST ? i : strongest_left (stats, placed);
        placed[stats->shown[i]] = TRUE;
    }
    int weakest = 0, next = strongest_left (stats, placed);
    for (int i = 1; i < count; i++)
        if (stats->strength[stats->shown[i]] < stats->strength[stats->shown[weakest]])
            weakest = i;
    /* One channel a frame: tiles change one by one, not all at once. */
    if (select == CHANNELS_STRONGEST && count > 0 && next >= 0 &&
        stats->strength[next] > lead * stats->strength[stats->shown[weakest]])
        stats->shown[weakest] = next;
    g_free (placed);
}

void layer_stats_clear (struct layer_stats *stats)
{
    g_free (stats->strength);
    g_free (stats->ever_positive);
    g_free (stats->shown);
    *stats = (struct layer_stats) { 0 };
}

int layer_figures_take (struct layer_figures *figures, const struct network *network, const struct layer_stats *post)
{
    int count = 0;
    for (int i = 0; i < network->layers.count; i++) {
        const struct layer_stats *stats = &post[i];
        if (network->post_tap[i] < 0 || !stats->channels)
            continue;
        struct layer_figures *to = &figures[count++];
        g_strlcpy (to->name, graph_tensor (model_graph (network->model), network->layers.layer[i].post).name,
                   sizeof to->name);
        to->zero = (double)stats->not_above;
        to->channels = stats->channels;
        to->frames = stats->frames;
        to->dead = stats->never_positive;
    }
    return count;
}
