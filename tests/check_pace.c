/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_pace.c: which frames the network sees in step, on a clock that is only a number: a source of 30 frames a
 * second, a network of any length, a queue or none behind it, a queue that leaks or not before it. Also the times told
 * to pipelines, and what they tell. */
#include "plugin/pipeline_time.h"
#include "plugin/timing.h"

#include <gst/check/gsttestclock.h>

#include "check.h"
#include "plugin/log.h"

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
        told += stats_follow_latency (&stats);
    }
    CHECK (told <= 1 && stats.need >= 99 * GST_MSECOND && stats.need <= 101 * GST_MSECOND,
           "told %d times, %" G_GUINT64_FORMAT, told, stats.need);
    CHECK (stats.latency >= stats.need + GST_MSECOND, "less is told than needed");
    for (int n = 0; n < 300; n++) {
        stats_inferred (&stats, GST_MSECOND, 300 * GST_MSECOND);
        told += stats_follow_latency (&stats);
    }
    CHECK (told >= 1 && stats.need == 301 * GST_MSECOND && stats.latency > stats.need, "after it became slower");
    told = 0;
    for (int n = 0; n < 300; n++) {
        stats_inferred (&stats, GST_MSECOND, 10 * GST_MSECOND);
        told += stats_follow_latency (&stats);
    }
    CHECK (told >= 1 && stats.latency < 20 * GST_MSECOND, "after it became faster: %" G_GUINT64_FORMAT, stats.latency);
    struct window window = { .used = 0 };
    for (guint64 n = 1; n <= 100; n++)
        window_add (&window, n);
    CHECK (window_quantile (&window, 99) == 99 && window_quantile (&window, 95) == 95 &&
               window_quantile (&window, 1) == 1 && window_quantile (&window, 100) == 100,
           "quantiles of 1..100: %" G_GUINT64_FORMAT, window_quantile (&window, 99));
}

/* ---- what a pipeline tells -------------------------------------------------------------------------------------- */

/* An element in front of a sink that shows frames by the clock, which is only a number. */
struct rig {
    GstElement *bin, *element, *sink;
    GstClock *clock;
    GstPad *src;
    struct pipeline_time time;
};

static void open_rig (struct rig *rig)
{
    rig->bin = gst_object_ref_sink (gst_bin_new (NULL));
    rig->element = gst_element_factory_make ("identity", NULL);
    rig->sink = gst_element_factory_make ("fakesink", NULL);
    g_object_set (rig->sink, "sync", TRUE, NULL);
    gst_bin_add_many (GST_BIN (rig->bin), rig->element, rig->sink, NULL);
    gst_element_link (rig->element, rig->sink);
    rig->src = gst_element_get_static_pad (rig->element, "src");
    rig->clock = gst_test_clock_new_with_start_time (3 * GST_SECOND);
    gst_element_set_clock (rig->element, rig->clock);
    gst_element_set_base_time (rig->element, GST_SECOND);
    gst_element_set_state (rig->element, GST_STATE_PLAYING);
    pipeline_time_init (&rig->time, rig->element);
}

static void close_rig (struct rig *rig)
{
    gst_element_set_state (rig->bin, GST_STATE_NULL);
    gst_object_unref (rig->src);
    gst_object_unref (rig->clock);
    gst_object_unref (rig->bin);
}

static void tell (struct rig *rig, GstEvent *event)
{
    pipeline_time_event (&rig->time, event);
    gst_event_unref (event);
}

static GstClockTime now_at (struct rig *rig, GstClockTime running_time)
{
    return pipeline_time_now (&rig->time, rig->src, running_time);
}

static void check_clock (void)
{
    check_group ("the clock of a pipeline");
    const GstClockTime none = GST_CLOCK_TIME_NONE;
    struct rig rig;
    open_rig (&rig);
    CHECK (now_at (&rig, 0) == none, "read before the latency is known");
    tell (&rig, gst_event_new_latency (50 * GST_MSECOND));
    CHECK (now_at (&rig, 0) == 2 * GST_SECOND, "%" G_GUINT64_FORMAT, now_at (&rig, 0));
    pipeline_time_reset (&rig.time);
    CHECK (now_at (&rig, 0) == none, "read by the base time of before the seek");
    CHECK (now_at (&rig, none) == 2 * GST_SECOND, "a frame without a time is not late");
    pipeline_time_reset (&rig.time);
    gst_element_set_base_time (rig.element, 3 * GST_SECOND);
    CHECK (now_at (&rig, 0) == 0, "not read by the new base time");
    gst_test_clock_advance_time (GST_TEST_CLOCK (rig.clock), GST_SECOND);
    CHECK (now_at (&rig, 0) == GST_SECOND, "the new base time holds for late frames, too");
    pipeline_time_reset (&rig.time);
    CHECK (now_at (&rig, GST_SECOND - 51 * GST_MSECOND) == none, "late by a base time that may be void");
    CHECK (now_at (&rig, GST_SECOND - 50 * GST_MSECOND) == GST_SECOND, "in time by a base time that was kept");
    CHECK (now_at (&rig, 0) == GST_SECOND, "which holds from then on");
    g_object_set (rig.sink, "sync", FALSE, NULL);
    pipeline_time_forget (&rig.time);
    CHECK (now_at (&rig, 0) == none, "no sink keeps to it");
    g_object_set (rig.sink, "sync", TRUE, NULL);
    pipeline_time_forget (&rig.time);
    gst_element_set_state (rig.element, GST_STATE_PAUSED);
    CHECK (now_at (&rig, 0) == none, "it does not run while paused");
    close_rig (&rig);
}

static void check_lateness (void)
{
    check_group ("what sinks report");
    struct rig rig;
    open_rig (&rig);
    tell (&rig, gst_event_new_latency (50 * GST_MSECOND));
    struct pace_frame frame = { .running_time = GST_SECOND };
    pipeline_time_fill (&rig.time, &frame);
    CHECK (frame.latency == 50 * GST_MSECOND && frame.margin == margin && !frame.late, "nothing reported");
    tell (&rig, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5, 10 * GST_MSECOND, GST_SECOND));
    pipeline_time_fill (&rig.time, &frame);
    CHECK (frame.late && frame.margin == margin + 10 * GST_MSECOND, "10 ms late: %d, %" G_GUINT64_FORMAT, frame.late,
           frame.margin);
    frame.running_time = GST_SECOND + 11 * GST_MSECOND;
    for (int n = 0; n < 1000; n++)
        pipeline_time_fill (&rig.time, &frame);
    CHECK (!frame.late && frame.margin == margin, "later frames: %d, %" G_GUINT64_FORMAT, frame.late, frame.margin);
    struct moment moment = MOMENT_NONE;
    GstMessage *message = pipeline_time_message (&rig.time, &moment, 7, 3);
    guint64 processed, dropped;
    gint64 jitter;
    gdouble proportion;
    gst_message_parse_qos_stats (message, NULL, &processed, &dropped);
    gst_message_parse_qos_values (message, &jitter, &proportion, NULL);
    CHECK (processed == 7 && dropped == 3 && jitter == 10 * GST_MSECOND && proportion == 1.5, "of the QOS message");
    gst_message_unref (message);
    pipeline_time_stop (&rig.time);
    CHECK (now_at (&rig, 0) == GST_CLOCK_TIME_NONE, "the next pipeline has told nothing yet");
    close_rig (&rig);
}

static void check_period (void)
{
    check_group ("from one frame to the next");
    GstSegment segment;
    struct moment moment = MOMENT_NONE;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    CHECK (frame_period (&segment, 25, 1, &moment) == 40 * GST_MSECOND, "25 a second");
    CHECK (frame_period (&segment, 0, 1, &moment) == 0, "neither rate nor duration");
    moment.duration = 20 * GST_MSECOND;
    CHECK (frame_period (&segment, 0, 1, &moment) == 20 * GST_MSECOND, "by the duration");
    segment.rate = 2;
    CHECK (frame_period (&segment, 25, 1, &moment) == 20 * GST_MSECOND, "at twice the speed");
    segment.rate = -0.5;
    CHECK (frame_period (&segment, 25, 1, &moment) == 80 * GST_MSECOND, "backwards, at half the speed");
    segment.flags = GST_SEGMENT_FLAG_TRICKMODE_KEY_UNITS;
    CHECK (frame_period (&segment, 25, 1, &moment) == 0, "only key frames");
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    GST_DEBUG_CATEGORY_INIT (convrelu_debug, "convrelu", 0, "convolutional networks on video");
    check_clock ();
    check_lateness ();
    check_period ();
    check_streams ();
    check_choices ();
    check_interval ();
    check_latency ();
    return check_end ();
}
