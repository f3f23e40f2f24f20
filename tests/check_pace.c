/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_pace.c: which frames the network sees in step, on a clock that is only a number: a source of 30 frames a
 * second, a network of any length, a queue or none behind it, a queue that leaks or not before it. Also the times told
 * to pipelines. */
#include "plugin/pace.h"
#include "plugin/timing.h"

#include "check.h"

enum { FRAMES = 450 };
static const GstClockTime period = GST_SECOND / 30, margin = 2 * GST_MSECOND, step = 4 * GST_MSECOND;

/* What came of a simulated stream. */
struct played {
    int shown, runs, parts; /* frames in time; runs in one piece; runs in slices */
    int dropped;            /* by the queue before */
    double busy;            /* share of the time in which the network ran */
};

/* Plays FRAMES frames. `waits`: the sink's wait takes the thread (no queue behind); `leaks`: a queue of one frame
 * before that drops the older. The network takes `need`, in steps of 4 ms; the pipeline's latency is `latency`. */
static struct played play (GstClockTime need, GstClockTime latency, gboolean waits, gboolean leaks)
{
    struct played played = { 0 };
    struct pace pace;
    GstClockTime now = 0, done = 0, spent = 0;
    gboolean begun = FALSE, has_result = FALSE;
    pace_reset (&pace);
    for (int n = 0; n < FRAMES; n++) {
        GstClockTime at = (GstClockTime)n * period, left;
        if (leaks && n + 1 < FRAMES && now >= at + period) { /* the next one is there before this one is taken */
            played.dropped++;
            continue;
        }
        now = MAX (now, at);
        struct pace_frame frame = { at, now, latency, margin, period, need, FALSE, TRUE, has_result, begun };
        enum pace_choice choice = pace_choose (&pace, &frame, &left);
        if (choice == PACE_RUN) {
            now += need;
            spent += need;
            played.runs++;
            begun = FALSE;
            has_result = TRUE;
        } else if (choice == PACE_SLICE) {
            GstClockTime start = now;
            do {
                now += step;
                done += step;
                if (done >= need) { /* the next one begins in the rest of the time */
                    played.parts++;
                    done = 0;
                    pace_began (&pace, at);
                }
            } while (now + step <= start + left);
            spent += now - start;
            begun = done > 0;
        }
        GstClockTime due = at + latency;
        played.shown += now <= due + 5 * GST_MSECOND;
        if (waits)
            now = MAX (now, due);
    }
    played.busy = (double)spent / (double)(FRAMES * period);
    return played;
}

static void check_streams (void)
{
    check_group ("streams of thirty frames a second");
    static const int need[] = { 1, 5, 20, 30, 40, 66, 100, 150, 300 }; /* ms */
    for (guint i = 0; i < G_N_ELEMENTS (need); i++) {
        GstClockTime takes = (GstClockTime)need[i] * GST_MSECOND, latency = takes + takes / 8 + 22 * GST_MSECOND;
        gboolean slow = takes > period;
        double free_runs = MIN (FRAMES, (double)FRAMES * period / takes);
        struct played p = play (takes, latency, FALSE, FALSE);
        CHECK (p.shown >= 0.99 * FRAMES && p.runs >= 0.9 * free_runs && p.parts == 0,
               "%d ms, a queue behind: %d shown, %d of %.0f runs, %d in slices", need[i], p.shown, p.runs, free_runs,
               p.parts);
        p = play (takes, latency, TRUE, FALSE);
        CHECK (p.shown >= 0.98 * FRAMES && (slow ? p.parts >= 15 : p.runs == FRAMES),
               "%d ms, the sink behind: %d shown, %d runs, %d in slices", need[i], p.shown, p.runs, p.parts);
        p = play (takes, latency, FALSE, TRUE);
        CHECK (p.shown >= 0.9 * FRAMES && p.runs + p.parts >= 0.85 * free_runs,
               "%d ms, a leaking queue before: %d shown, %d dropped, %d runs, %d in slices of %.0f", need[i], p.shown,
               p.dropped, p.runs, p.parts, free_runs);
    }
}

static enum pace_choice ask (struct pace *pace, struct pace_frame frame)
{
    GstClockTime left;
    return pace_choose (pace, &frame, &left);
}

static void check_choices (void)
{
    check_group ("choices");
    const GstClockTime none = GST_CLOCK_TIME_NONE;
    struct pace pace;
    pace_reset (&pace);
    struct pace_frame frame = { none, none, none, margin, period, 100 * GST_MSECOND, TRUE, TRUE, TRUE, FALSE };
    CHECK (ask (&pace, frame) == PACE_RUN, "a frame without a time");
    frame.running_time = 0;
    CHECK (ask (&pace, frame) == PACE_RUN, "the first frame, late or not");
    frame.running_time = GST_SECOND - 1;
    CHECK (ask (&pace, frame) == PACE_PASS, "late by the sink's word, no clock");
    frame.running_time = GST_SECOND;
    CHECK (ask (&pace, frame) == PACE_RUN, "blind for a second");
    frame.late = FALSE;
    frame.running_time += period;
    CHECK (ask (&pace, frame) == PACE_RUN, "in time, no clock");
    frame.late = TRUE;
    frame.skips = FALSE;
    frame.running_time += period;
    CHECK (ask (&pace, frame) == PACE_RUN, "deadline=none");
    CHECK (pace_restarted (&pace, 5) && !pace_restarted (&pace, 10 * GST_SECOND), "running time that starts again");

    /* With a clock: the frame is due in 50 ms and the network needs 100. */
    pace_reset (&pace);
    frame =
        (struct pace_frame) { 0, 0, 150 * GST_MSECOND, margin, period, 100 * GST_MSECOND, FALSE, TRUE, FALSE, FALSE };
    CHECK (ask (&pace, frame) == PACE_RUN, "time enough");
    frame.has_result = TRUE;
    frame.running_time = period;
    frame.now = period + 100 * GST_MSECOND;
    CHECK (ask (&pace, frame) == PACE_PASS, "too little time");
    frame.now = period + 48 * GST_MSECOND;
    CHECK (ask (&pace, frame) == PACE_RUN, "just enough");
    frame.running_time += GST_SECOND / 2;
    frame.now = frame.running_time + 100 * GST_MSECOND;
    CHECK (ask (&pace, frame) == PACE_SLICE, "half a second without enough");
    frame.running_time += 2 * GST_SECOND;
    frame.now = frame.running_time + GST_SECOND;
    CHECK (ask (&pace, frame) == PACE_RUN, "late in any case, and blind for more than a second");
    frame.running_time += period;
    CHECK (ask (&pace, frame) == PACE_PASS, "late in any case");
}

/* Frames between those that are asked about, by inference-interval, are not missing. */
static void check_interval (void)
{
    check_group ("frames between");
    struct pace pace;
    pace_reset (&pace);
    for (int n = 0; n < 300; n++) {
        GstClockTime at = (GstClockTime)n * period;
        struct pace_frame frame = { at, at, GST_SECOND, margin, period, 100 * GST_MSECOND, FALSE, TRUE, n > 0, FALSE };
        if (n % 10)
            pace_passed (&pace, &frame);
        else
            CHECK (ask (&pace, frame) == PACE_RUN && !pace_loses (&pace), "frame %d", n);
    }
}

static void check_latency (void)
{
    check_group ("latency");
    struct stats stats;
    stats_reset (&stats, 100 * GST_MSECOND);
    CHECK (stats.latency > 100 * GST_MSECOND && stats.need == 100 * GST_MSECOND, "%" G_GUINT64_FORMAT, stats.latency);
    int told = 0;
    for (int n = 0; n < 1000; n++) {
        stats_inferred (&stats, GST_MSECOND, (guint64)(90 + n % 10) * GST_MSECOND);
        told += stats_latency_moved (&stats);
    }
    CHECK (told <= 1 && stats.need >= 99 * GST_MSECOND && stats.need <= 101 * GST_MSECOND,
           "told %d times, %" G_GUINT64_FORMAT, told, stats.need);
    CHECK (stats.latency >= stats.need + GST_MSECOND, "less is told than needed");
    for (int n = 0; n < 300; n++) {
        stats_inferred (&stats, GST_MSECOND, 300 * GST_MSECOND);
        told += stats_latency_moved (&stats);
    }
    CHECK (told >= 1 && stats.need == 301 * GST_MSECOND && stats.latency > stats.need, "after it became slower");
    told = 0;
    for (int n = 0; n < 300; n++) {
        stats_inferred (&stats, GST_MSECOND, 10 * GST_MSECOND);
        told += stats_latency_moved (&stats);
    }
    CHECK (told >= 1 && stats.latency < 20 * GST_MSECOND, "after it became faster: %" G_GUINT64_FORMAT, stats.latency);
    struct window window = { .used = 0 };
    for (guint64 n = 1; n <= 100; n++)
        window_add (&window, n);
    CHECK (window_quantile (&window, 99) == 99 && window_quantile (&window, 95) == 95 &&
               window_quantile (&window, 1) == 1 && window_quantile (&window, 100) == 100,
           "quantiles of 1..100: %" G_GUINT64_FORMAT, window_quantile (&window, 99));
}

int main (void)
{
    check_streams ();
    check_choices ();
    check_interval ();
    check_latency ();
    return check_end ();
}
