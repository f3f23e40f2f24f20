/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_stats.c: sums over a layer's channels, frame by frame; see layer_stats.h. */
#include "plugin/overlay/layer_stats.h"

#include <float.h>
#include <math.h>

/* Sums side by side: gcc 12 and clang 14 make vectors of 16 of them; with 8 they took three times as long. */
enum { SUMS = 16 };

struct sums {
    float magnitude, sum, squares;
    int not_above, zero;
};

static struct sums sum_channel (const float *values, int count)
{
    float magnitude[SUMS] = { 0 }, sum[SUMS] = { 0 }, squares[SUMS] = { 0 };
    int not_above[SUMS] = { 0 }, zero[SUMS] = { 0 }, i = 0;
    struct sums sums = { 0 };
    for (; i + SUMS <= count; i += SUMS) {
        for (int k = 0; k < SUMS; k++) {
            float v = values[i + k];
            magnitude[k] += fabsf (v);
            sum[k] += v;
            squares[k] += v * v;
            not_above[k] += v <= 0;
            zero[k] += v == 0;
        }
    }
    for (; i < count; i++) {
        magnitude[0] += fabsf (values[i]);
        sum[0] += values[i];
        squares[0] += values[i] * values[i];
        not_above[0] += values[i] <= 0;
        zero[0] += values[i] == 0;
    }
    for (int k = 0; k < SUMS; k++) {
        sums.magnitude += magnitude[k];
        sums.sum += sum[k];
        sums.squares += squares[k];
        sums.not_above += not_above[k];
        sums.zero += zero[k];
    }
    return sums;
}

static const float share = 0.15f; /* of the new frame, in what is smoothed */

/* The average goes on by one frame; what is no number counts as nothing. */
static void follow (float *average, float value, gboolean first)
{
    if (!(fabsf (value) < FLT_MAX))
        value = 0;
    *average += (first ? 1 : share) * (value - *average);
}

static void begin (struct layer_stats *stats, int channels)
{
    layer_stats_clear (stats);
    stats->channels = channels;
    stats->strength = g_new0 (float, channels);
    stats->mean = g_new0 (float, channels);
    stats->spread = g_new0 (float, channels);
    stats->ever_positive = g_new0 (guint8, channels);
}

void layer_stats_add (struct layer_stats *stats, const struct tensor *tensor)
{
    int pixels = tensor->height * tensor->width;
    gint64 not_above = 0, zero = 0;
    gboolean first = stats->channels != tensor->channels;
    if (first)
        begin (stats, tensor->channels);
    stats->frames = MIN (stats->frames, G_MAXINT - 1) + 1;
    stats->never_positive = 0;
    for (int c = 0; c < tensor->channels; c++) {
        struct sums sums = sum_channel (tensor->data + (gsize)c * pixels, pixels);
        float mean = sums.sum / (float)pixels, variance = sums.squares / (float)pixels - mean * mean;
        follow (&stats->strength[c], sums.magnitude / (float)pixels, first);
        follow (&stats->mean[c], mean, first);
        follow (&stats->spread[c], variance > 0 ? sqrtf (variance) : 0, first);
        stats->ever_positive[c] |= sums.not_above < pixels;
        stats->never_positive += !stats->ever_positive[c];
        not_above += sums.not_above;
        zero += sums.zero;
    }
    double all = (double)tensor->channels * pixels;
    stats->not_above = (float)(not_above / all);
    stats->exactly_zero = (float)(zero / all);
}

void layer_stats_change (struct layer_stats *stats, const struct tensor *pre, const struct tensor *post)
{
    int pixels = post->height * post->width;
    gboolean first = !stats->change;
    if (first)
        stats->change = g_new0 (float, stats->channels);
    for (int c = 0; c < stats->channels; c++) {
        const float *before = pre->data + (gsize)c * pixels, *after = post->data + (gsize)c * pixels;
        float sum[SUMS] = { 0 }, all = 0;
        int i = 0;
        for (; i + SUMS <= pixels; i += SUMS)
            for (int k = 0; k < SUMS; k++)
                sum[k] += fabsf (before[i + k] - after[i + k]);
        for (; i < pixels; i++)
            sum[0] += fabsf (before[i] - after[i]);
        for (int k = 0; k < SUMS; k++)
            all += sum[k];
        follow (&stats->change[c], all / (float)pixels, first);
    }
}

float layer_stats_contribution (const struct layer_stats *stats, const struct channel_wish *wish, int channel)
{
    return (wish->weights ? wish->weights[channel] : 1) * stats->mean[channel];
}

/* How much a channel deserves a place, >= 0. */
static float merit (const struct layer_stats *stats, const struct channel_wish *wish, int channel)
{
    switch (wish->select) {
    case CHANNELS_STRONGEST:
        return stats->strength[channel];
    case CHANNELS_CHANGED:
        return stats->change ? stats->change[channel] : stats->spread[channel];
    case CHANNELS_CLASS:
        if (wish->class_id < 0)
            return stats->spread[channel];
        if (!wish->weights && (channel == wish->class_id || channel == wish->other_id)) /* the classes' own maps */
            return channel == wish->class_id ? FLT_MAX / 2 : FLT_MAX / 4;
        return MAX (layer_stats_contribution (stats, wish, channel), 0);
    default:
        return stats->spread[channel];
    }
}

/* The best channel that has no place yet, or -1. */
static int best_left (const struct layer_stats *stats, const struct channel_wish *wish, const gboolean *placed)
{
    int best = -1;
    for (int c = 0; c < stats->channels; c++)
        if (!placed[c] && (best < 0 || merit (stats, wish, c) > merit (stats, wish, best)))
            best = c;
    return best;
}

/* One channel a frame: tiles change one by one, not all at once. Of the places from `first` to before `end`. */
static void replace_one (struct layer_stats *stats, const struct channel_wish *wish, const gboolean *placed, int first,
                         int end)
{
    static const float lead = 1.3f; /* how much better a channel must be to take the place of another */
    int worst = first, next = best_left (stats, wish, placed);
    for (int i = first + 1; i < end; i++)
        if (merit (stats, wish, stats->shown[i]) < merit (stats, wish, stats->shown[worst]))
            worst = i;
    if (end > first && next >= 0 && merit (stats, wish, next) > lead * merit (stats, wish, stats->shown[worst]))
        stats->shown[worst] = next;
}

/* Fills the places from `first` to before `end` by merit; start: with the best ones at once. */
static void place_by_merit (struct layer_stats *stats, const struct channel_wish *wish, gboolean start, int first,
                            int end)
{
    gboolean *placed = g_new0 (gboolean, stats->channels + 1);
    for (int i = first; i < end; i++) {
        if (start)
            stats->shown[i] = best_left (stats, wish, placed);
        placed[stats->shown[i]] = TRUE;
    }
    replace_one (stats, wish, placed, first, end);
    g_free (placed);
}

int layer_stats_first_half (const struct layer_stats *stats)
{
    const struct channel_wish *wish = &stats->wish;
    gboolean halves = wish->select == CHANNELS_CLASS && wish->class_id >= 0 && wish->other_id >= 0 && wish->weights;
    return halves ? stats->shown_count - stats->shown_count / 2 : stats->shown_count;
}

struct channel_wish channel_wish_other (const struct channel_wish *wish)
{
    struct channel_wish other = *wish;
    other.class_id = wish->other_id;
    other.weights = wish->other_weights;
    return other;
}

/* The channels that are shown whatever their values are. FALSE: these are to be chosen by merit. */
static gboolean place_fixed (struct layer_stats *stats, const struct channel_wish *wish)
{
    int count = 0;
    if (wish->select != CHANNELS_FIRST && wish->select != CHANNELS_LISTED)
        return FALSE;
    for (int i = 0; i < stats->shown_count && wish->select == CHANNELS_FIRST; i++)
        stats->shown[count++] = i;
    for (int i = 0; i < wish->listed_count && wish->select == CHANNELS_LISTED && count < stats->shown_count; i++)
        if (wish->listed[i] < stats->channels)
            stats->shown[count++] = wish->listed[i];
    stats->shown_count = count;
    return TRUE;
}

void layer_stats_choose (struct layer_stats *stats, int count, const struct channel_wish *wish)
{
    count = MIN (count, stats->channels);
    gboolean start = count != stats->shown_count || wish->select != stats->wish.select ||
                     wish->class_id != stats->wish.class_id || wish->other_id != stats->wish.other_id ||
                     wish->select == CHANNELS_LISTED;
    if (start)
        stats->shown = g_renew (int, stats->shown, count);
    stats->shown_count = count;
    stats->wish = *wish;
    if (place_fixed (stats, wish))
        return;
    int half = layer_stats_first_half (stats);
    const struct channel_wish other = channel_wish_other (wish);
    place_by_merit (stats, wish, start, 0, half);
    place_by_merit (stats, &other, start, half, count);
}

void layer_stats_clear (struct layer_stats *stats)
{
    g_free (stats->strength);
    g_free (stats->mean);
    g_free (stats->spread);
    g_free (stats->change);
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
