/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pace.c: is there time for the network? See pace.h. */
#include "plugin/pace.h"

/* However late the stream is, the network sees a frame this often. */
static const GstClockTime longest_blind = GST_SECOND;
/* Without time for a whole run for so long, it runs in slices. */
static const GstClockTime longest_starved = GST_SECOND / 2;
/* A slice of less is not worth its start. */
static const GstClockTimeDiff least_slice = GST_MSECOND;
/* So many times frames are missing after a long run until upstream is believed to drop what it cannot hand on. */
enum { LOST_ENOUGH = 3 };

void pace_reset (struct pace *pace)
{
    *pace =
        (struct pace) { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, FALSE, 0 };
}

void pace_again (struct pace *pace)
{
    guint lost = pace->lost;
    pace_reset (pace);
    pace->lost = lost;
}

gboolean pace_loses (const struct pace *pace)
{
    return pace->lost >= LOST_ENOUGH;
}

gboolean pace_restarted (const struct pace *pace, GstClockTime running_time)
{
    return GST_CLOCK_TIME_IS_VALID (pace->last) && running_time < pace->last;
}

void pace_began (struct pace *pace, GstClockTime running_time)
{
    pace->result_at = running_time;
}

static gboolean longer_than (GstClockTime since, GstClockTime now, GstClockTime limit)
{
    return !GST_CLOCK_TIME_IS_VALID (since) || now >= since + limit;
}

/* Learns from when the frame comes: whether some are missing before it, and how late frames come in at the least. */
static void observe (struct pace *pace, const struct pace_frame *frame)
{
    gboolean known = GST_CLOCK_TIME_IS_VALID (pace->last) && frame->period > 0;
    if (known && pace->ran) {
        gboolean missing = frame->running_time > pace->last + frame->period + frame->period / 2;
        if (missing && pace->lost < LOST_ENOUGH)
            pace->lost++;
        else if (!missing && pace->lost > 0 && pace->lost < LOST_ENOUGH)
            pace->lost--;
    }
    pace->last = frame->running_time;
    pace->ran = FALSE;
    if (!GST_CLOCK_TIME_IS_VALID (frame->now))
        return;
    GstClockTime delay = frame->now > frame->running_time ? frame->now - frame->running_time : 0;
    pace->delay = GST_CLOCK_TIME_IS_VALID (pace->delay) ? MIN (pace->delay, delay) : delay;
}

void pace_passed (struct pace *pace, const struct pace_frame *frame)
{
    if (GST_CLOCK_TIME_IS_VALID (frame->running_time))
        observe (pace, frame);
}

/* How long the frame may stay, ns; negative: it is late already. */
static GstClockTimeDiff time_left (const struct pace *pace, const struct pace_frame *frame)
{
    GstClockTimeDiff due = (GstClockTimeDiff)(frame->running_time + frame->latency);
    GstClockTimeDiff left = due - (GstClockTimeDiff)frame->margin - (GstClockTimeDiff)frame->now;
    if (!pace_loses (pace))
        return left;
    /* The next frame may wait for a moment, as upstream keeps one at least. Slices end before their time is over, by
     * half a step on average: of a period of 33 ms and steps of 8 ms that was a tenth. What is too long is taken from
     * the next. */
    GstClockTime wait = frame->period / 8;
    GstClockTimeDiff next = (GstClockTimeDiff)(frame->running_time + pace->delay + frame->period + wait);
    return MIN (left, next - (GstClockTimeDiff)frame->now);
}

static enum pace_choice run (struct pace *pace, const struct pace_frame *frame, gboolean fits)
{
    pace->result_at = frame->running_time;
    if (fits)
        pace->fitted_at = frame->running_time;
    pace->ran = frame->period > 0 && frame->need > frame->period;
    return PACE_RUN;
}

enum pace_choice pace_choose (struct pace *pace, const struct pace_frame *frame, GstClockTime *left)
{
    GstClockTime at = frame->running_time;
    *left = 0;
    if (!GST_CLOCK_TIME_IS_VALID (at)) {
        pace_again (pace);
        return PACE_RUN;
    }
    observe (pace, frame);
    if (!frame->skips)
        return run (pace, frame, TRUE);
    gboolean blind = !frame->has_result || longer_than (pace->result_at, at, longest_blind);
    if (!GST_CLOCK_TIME_IS_VALID (frame->now)) /* only the sink's complaints can be gone by */
        return frame->late && !blind ? PACE_PASS : run (pace, frame, TRUE);

    GstClockTimeDiff there = time_left (pace, frame);
    gboolean starved = longer_than (pace->fitted_at, at, longest_starved);
    if (!frame->begun && !frame->has_result && !GST_CLOCK_TIME_IS_VALID (pace->result_at))
        return run (pace, frame, TRUE); /* the first one */
    if (!frame->begun && there >= (GstClockTimeDiff)frame->need && (!frame->late || blind))
        return run (pace, frame, TRUE);
    if (there >= least_slice && (frame->begun || starved || pace_loses (pace))) {
        if (!frame->begun)
            pace->result_at = at;
        *left = (GstClockTime)there;
        return PACE_SLICE;
    }
    return blind ? run (pace, frame, FALSE) : PACE_PASS;
}
