/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timing.c: counters and time windows; see timing.h. */
#include "plugin/timing.h"

#include <stdlib.h>
#include <string.h>

enum { LATENCY_SAMPLES = 4 }; /* fewer say too little */

void window_add (struct window *window, guint64 sample)
{
    if (window->used == WINDOW_LENGTH)
        window->sum -= window->sample[window->next];
    else
        window->used++;
    window->sample[window->next] = sample;
    window->sum += sample;
    window->next = (window->next + 1) % WINDOW_LENGTH;
}

guint64 window_mean (const struct window *window)
{
    return window->used ? window->sum / window->used : 0;
}

static int compare_samples (const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;
    return (x > y) - (x < y);
}

guint64 window_quantile (const struct window *window, guint percent)
{
    guint64 sorted[WINDOW_LENGTH];
    if (window->used == 0)
        return 0;
    memcpy (sorted, window->sample, window->used * sizeof *sorted);
    qsort (sorted, window->used, sizeof *sorted, compare_samples);
    return sorted[(window->used * percent + 99) / 100 - 1];
}

/* What is told is an eighth and two milliseconds more than what is needed: frames pass through other elements too, and
 * the figure may grow a little without the pipeline being told again. */
static GstClockTime latency_for (GstClockTime need)
{
    return need + need / 8 + 2 * GST_MSECOND;
}

void stats_reset (struct stats *stats, GstClockTime expected)
{
    GstClockTime latency = GST_CLOCK_TIME_IS_VALID (expected) ? latency_for (expected) : GST_CLOCK_TIME_NONE;
    *stats = (struct stats) { .last_frame = GST_CLOCK_TIME_NONE, .need = expected, .latency = latency };
}

void stats_swapped (struct stats *stats, GstClockTime expected)
{
    stats->convert = stats->inference = stats->overlay = (struct window) { .used = 0 };
    stats->need = expected;
    stats->cold = TRUE;
}

void stats_frame (struct stats *stats, GstClockTime now)
{
    stats->frames++;
    if (GST_CLOCK_TIME_IS_VALID (stats->last_frame) && now >= stats->last_frame)
        window_add (&stats->interval, now - stats->last_frame);
    stats->last_frame = now;
}

void stats_inferred (struct stats *stats, GstClockTime convert, GstClockTime inference)
{
    gboolean cold = stats->cold; /* converters are made, memory is touched for the first time */
    stats->inferred++;
    stats->cold = FALSE;
    if (cold)
        return;
    window_add (&stats->convert, convert);
    window_add (&stats->inference, inference);
}

void stats_drawn (struct stats *stats, GstClockTime overlay)
{
    window_add (&stats->overlay, overlay);
}

gboolean stats_follow_latency (struct stats *stats)
{
    const guint percent = 95;
    if (stats->inference.used < LATENCY_SAMPLES)
        return FALSE;
    stats->need = window_quantile (&stats->convert, percent) + window_quantile (&stats->inference, percent) +
                  window_quantile (&stats->overlay, percent);
    GstClockTime wanted = latency_for (stats->need);
    if (GST_CLOCK_TIME_IS_VALID (stats->latency) && stats->need + GST_MSECOND <= stats->latency &&
        wanted + GST_MSECOND >= stats->latency - stats->latency / 4)
        return FALSE;
    stats->latency = wanted;
    return TRUE;
}

double stats_fps (const struct stats *stats)
{
    guint64 interval = window_mean (&stats->interval);
    return interval ? (double)GST_SECOND / interval : 0.0;
}

GstStructure *stats_structure (const struct stats *stats)
{
    return gst_structure_new (
        "convrelu-stats", "frames", G_TYPE_UINT64, stats->frames, "inferred", G_TYPE_UINT64, stats->inferred, "skipped",
        G_TYPE_UINT64, stats->skipped, "late", G_TYPE_UINT64, stats->late, "still", G_TYPE_UINT64, stats->still,
        "over-rate", G_TYPE_UINT64, stats->over_rate, "over-cpu", G_TYPE_UINT64, stats->over_cpu, "regions",
        G_TYPE_UINT64, stats->regions, "regions-skipped", G_TYPE_UINT64, stats->regions_skipped, "convert-mean",
        G_TYPE_UINT64, window_mean (&stats->convert), "convert-p99", G_TYPE_UINT64,
        window_quantile (&stats->convert, 99), "inference-mean", G_TYPE_UINT64, window_mean (&stats->inference),
        "inference-p99", G_TYPE_UINT64, window_quantile (&stats->inference, 99), "overlay-mean", G_TYPE_UINT64,
        window_mean (&stats->overlay), "overlay-p99", G_TYPE_UINT64, window_quantile (&stats->overlay, 99), "fps",
        G_TYPE_DOUBLE, stats_fps (stats), "latency", G_TYPE_UINT64,
        GST_CLOCK_TIME_IS_VALID (stats->latency) ? stats->latency : 0, NULL);
}

/* ---- steps ----------------------------------------------------------------------------------------------------- */

void step_times_clear (struct step_times *times)
{
    for (int i = 0; i < times->count; i++)
        g_free (times->name[i]);
    g_free (times->name);
    g_free (times->nanoseconds);
    *times = (struct step_times) { 0 };
}

void step_times_add (struct step_times *times, const struct plan *plan)
{
    const double share = 1.0 / 16; /* of a new time in the smoothed one: half a second of video */
    int count = plan_steps (plan);
    bool fresh = times->count == 0;
    if (fresh) {
        times->name = g_new0 (char *, count);
        times->nanoseconds = g_new0 (double, count);
        times->count = count;
        for (int i = 0; i < count; i++)
            times->name[i] = g_strdup (plan_step (plan, i).name);
    }
    for (int i = 0; i < count; i++) {
        double last = (double)plan_step (plan, i).nanoseconds;
        times->nanoseconds[i] = fresh ? last : times->nanoseconds[i] + share * (last - times->nanoseconds[i]);
    }
}

void step_times_put (const struct step_times *times, GstStructure *structure)
{
    GValue steps = G_VALUE_INIT;
    g_value_init (&steps, GST_TYPE_ARRAY);
    for (int i = 0; i < times->count; i++) {
        GValue step = G_VALUE_INIT;
        g_value_init (&step, GST_TYPE_STRUCTURE);
        g_value_take_boxed (&step, gst_structure_new ("step", "name", G_TYPE_STRING, times->name[i], "time",
                                                      G_TYPE_UINT64, (guint64)times->nanoseconds[i], NULL));
        gst_value_array_append_and_take_value (&steps, &step);
    }
    gst_structure_take_value (structure, "steps", &steps);
}
