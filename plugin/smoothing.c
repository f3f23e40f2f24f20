/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* smoothing.c: averages over time, and rows that stand still until there is a reason to move; see smoothing.h. */
#include "plugin/smoothing.h"

#include <math.h>

#define SECOND G_GUINT64_CONSTANT (1000000000)

static const guint64 scores_stand = SECOND / 4; /* the least time between two changes of the rows' scores */
static const guint64 order_stands = SECOND / 2; /* and of which classes they are, or of their order */
static const double longest_gap = 2;            /* seconds; beyond it the frames have nothing to do with each other */

/* To move up a class must lead by so much: at 40 % by 8.5 points, at 1 % by 0.7. */
static const float lead = 1.2f, lead_points = 0.005f;

struct smoothing {
    int classes;
    float *score; /* [classes] smoothed */
    guint64 time; /* of the frame added last */
    gboolean any; /* one was */

    struct calm_rows rows;
    gboolean shown; /* the rows are of something */
    int top_k;      /* that they were made for */
    float threshold;
    guint64 scores_at, order_at; /* when they moved last */
};

struct smoothing *smoothing_new (void)
{
    return g_new0 (struct smoothing, 1);
}

void smoothing_free (struct smoothing *smoothing)
{
    if (!smoothing)
        return;
    g_free (smoothing->score);
    g_free (smoothing);
}

void smoothing_reset (struct smoothing *smoothing)
{
    g_free (smoothing->score);
    *smoothing = (struct smoothing) { 0 };
}

/* ---- averages -------------------------------------------------------------------------------------------------- */

static float usable (float score)
{
    return isfinite (score) ? CLAMP (score, 0.0f, 1.0f) : 0.0f;
}

/* How much of the new frame goes in, 0..1; 1: nothing is known of the time before it. */
static double share_of_new (const struct smoothing *smoothing, guint64 time, double constant)
{
    if (!smoothing->any || time == SMOOTHING_NO_TIME || smoothing->time == SMOOTHING_NO_TIME || !(constant > 0))
        return 1;
    if (time < smoothing->time)
        return 1;
    double gap = (double)(time - smoothing->time) / (double)SECOND;
    if (gap > longest_gap && gap > 2 * constant)
        return 1;
    return 1 - exp (-gap / constant);
}

void smoothing_add (struct smoothing *smoothing, const float *scores, int count, guint64 time, double constant)
{
    if (count != smoothing->classes) {
        smoothing_reset (smoothing);
        smoothing->classes = MAX (count, 0);
        smoothing->score = g_new0 (float, smoothing->classes);
    }
    double share = share_of_new (smoothing, time, constant);
    for (int i = 0; i < count; i++) {
        double now = (double)usable (scores[i]), before = (double)smoothing->score[i];
        smoothing->score[i] = (float)(share >= 1 ? now : before + share * (now - before));
    }
    if (share >= 1)
        smoothing->shown = FALSE;
    smoothing->time = time;
    smoothing->any = TRUE;
}

float smoothing_score (const struct smoothing *smoothing, int class_id)
{
    return class_id >= 0 && class_id < smoothing->classes ? smoothing->score[class_id] : 0;
}

/* The k best, where class `first` (or -1) gets the lead that another needs to pass it. */
static int best_of (const struct smoothing *smoothing, int k, float threshold, int first, int *ids)
{
    int found = 0;
    const float *score = smoothing->score;
    float bonus = first >= 0 ? score[first] * (lead - 1) + lead_points : 0;
    for (int i = 0; i < smoothing->classes && k > 0; i++) {
        float own = score[i] + (i == first ? bonus : 0);
        if (score[i] < threshold)
            continue;
        int at = found;
        while (at > 0 && own > score[ids[at - 1]] + (ids[at - 1] == first ? bonus : 0))
            at--;
        if (at >= k)
            continue;
        found = MIN (found + 1, k);
        for (int j = found - 1; j > at; j--)
            ids[j] = ids[j - 1];
        ids[at] = i;
    }
    return found;
}

int smoothing_top (const struct smoothing *smoothing, int k, float threshold, int *ids, float *scores)
{
    int found = best_of (smoothing, k, threshold, -1, ids);
    for (int i = 0; i < found; i++)
        scores[i] = smoothing->score[ids[i]];
    return found;
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

static gboolean passes (float below, float above)
{
    return below > above * lead + lead_points;
}

/* Whether the rows must be others, or in another order. */
static gboolean order_is_wrong (const struct smoothing *smoothing, const int *best, int count)
{
    const struct calm_rows *rows = &smoothing->rows;
    const float *score = smoothing->score;
    if (rows->count != count)
        return TRUE;
    float least = 1;
    for (int i = 0; i < count; i++) {
        for (int j = i + 1; j < count; j++)
            if (passes (score[rows->ids[j]], score[rows->ids[i]]))
                return TRUE;
        least = MIN (least, score[rows->ids[i]]);
    }
    for (int i = 0; i < count; i++) {
        gboolean there = FALSE;
        for (int j = 0; j < count; j++)
            there |= rows->ids[j] == best[i];
        if (!there && passes (score[best[i]], least))
            return TRUE;
    }
    return FALSE;
}

static int above (const struct smoothing *smoothing, float threshold)
{
    int count = 0;
    for (int i = 0; i < smoothing->classes; i++)
        count += smoothing->score[i] >= threshold;
    return count;
}

const struct calm_rows *smoothing_rows (struct smoothing *smoothing, int top_k, float threshold)
{
    struct calm_rows *rows = &smoothing->rows;
    guint64 now = smoothing->time;
    gboolean at_once = !smoothing->shown || now == SMOOTHING_NO_TIME || top_k != smoothing->top_k ||
                       threshold < smoothing->threshold || threshold > smoothing->threshold;
    if (!smoothing->any || (!at_once && now - smoothing->scores_at < scores_stand))
        return rows;
    int best[SMOOTHING_ROWS_MAX], k = CLAMP (top_k, 0, SMOOTHING_ROWS_MAX);
    int count = best_of (smoothing, k, threshold, at_once || rows->count == 0 ? -1 : rows->ids[0], best);
    if (at_once || (now - smoothing->order_at >= order_stands && order_is_wrong (smoothing, best, count))) {
        for (int i = 0; i < count; i++)
            rows->ids[i] = best[i];
        rows->count = count;
        smoothing->order_at = now;
    }
    for (int i = 0; i < rows->count; i++)
        rows->scores[i] = smoothing->score[rows->ids[i]];
    rows->more = MAX (MIN (above (smoothing, threshold), top_k) - MAX (k, 0), 0);
    smoothing->scores_at = now;
    smoothing->shown = TRUE;
    smoothing->top_k = top_k;
    smoothing->threshold = threshold;
    return rows;
}
