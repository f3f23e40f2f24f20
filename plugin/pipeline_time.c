/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pipeline_time.c: latency, clock and lateness; see pipeline_time.h. */
#include "plugin/pipeline_time.h"

#include "plugin/downstream.h"
#include "plugin/log.h"

/* Kept of the time there is for what comes downstream, at least; more for a while after the sink has called frames
 * late. */
static const GstClockTime least_margin = 2 * GST_MSECOND, most_margin = 20 * GST_MSECOND;

void pipeline_time_init (struct pipeline_time *time, GstElement *element)
{
    *time = (struct pipeline_time) { .element = element,
                                     .latency = GST_CLOCK_TIME_NONE,
                                     .earliest = GST_CLOCK_TIME_NONE,
                                     .margin = least_margin,
                                     .stale_base = GST_CLOCK_TIME_NONE,
                                     .proportion = 1,
                                     .looked_at = GST_CLOCK_TIME_NONE };
}

void pipeline_time_stop (struct pipeline_time *time)
{
    GST_OBJECT_LOCK (time->element);
    time->latency = time->stale_base = GST_CLOCK_TIME_NONE;
    time->jitter = 0;
    time->proportion = 1;
    GST_OBJECT_UNLOCK (time->element);
}

void pipeline_time_forget (struct pipeline_time *time)
{
    time->looked_at = GST_CLOCK_TIME_NONE;
    GST_OBJECT_LOCK (time->element);
    time->earliest = GST_CLOCK_TIME_NONE;
    time->margin = least_margin;
    GST_OBJECT_UNLOCK (time->element);
}

void pipeline_time_reset (struct pipeline_time *time)
{
    GST_OBJECT_LOCK (time->element);
    time->stale_base = time->element->base_time;
    GST_OBJECT_UNLOCK (time->element);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* FALSE: it is none that says something. */
static gboolean take_qos (struct pipeline_time *time, GstEvent *event)
{
    GstQOSType type;
    gdouble proportion;
    GstClockTimeDiff jitter;
    GstClockTime timestamp;
    const GstStructure *s = gst_event_get_structure (event);
    gboolean sound = s && gst_structure_has_field_typed (s, "type", GST_TYPE_QOS_TYPE) &&
                     gst_structure_has_field_typed (s, "proportion", G_TYPE_DOUBLE) &&
                     gst_structure_has_field_typed (s, "diff", G_TYPE_INT64) &&
                     gst_structure_has_field_typed (s, "timestamp", G_TYPE_UINT64);
    if (!sound) /* an application has made it by hand */
        return FALSE;
    gst_event_parse_qos (event, &type, &proportion, &jitter, &timestamp);
    if (!GST_CLOCK_TIME_IS_VALID (timestamp)) /* which GstBaseTransform calls a mistake */
        return FALSE;
    GST_OBJECT_LOCK (time->element);
    time->proportion = proportion;
    time->jitter = jitter;
    /* Running time; may come out before zero when the sink is far ahead. */
    GstClockTime early = jitter < 0 ? 0 - (GstClockTime)jitter : 0, late = jitter > 0 ? (GstClockTime)jitter : 0;
    time->earliest = timestamp < early ? 0 : MIN (timestamp - early, G_MAXINT64) + late;
    if (jitter > 0)
        time->margin = MAX (time->margin, MIN (least_margin + (GstClockTime)jitter, most_margin));
    GST_OBJECT_UNLOCK (time->element);
    return TRUE;
}

static void take_latency (struct pipeline_time *time, GstEvent *event)
{
    GstClockTime latency;
    gst_event_parse_latency (event, &latency);
    GST_DEBUG_OBJECT (time->element, "the latency of the pipeline is %" GST_TIME_FORMAT, GST_TIME_ARGS (latency));
    GST_OBJECT_LOCK (time->element);
    time->latency = latency;
    GST_OBJECT_UNLOCK (time->element);
}

gboolean pipeline_time_event (struct pipeline_time *time, GstEvent *event)
{
    if (GST_EVENT_TYPE (event) == GST_EVENT_QOS)
        return take_qos (time, event);
    if (GST_EVENT_TYPE (event) == GST_EVENT_LATENCY)
        take_latency (time, event);
    return TRUE;
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

GstClockTime pipeline_time_now (struct pipeline_time *time, GstPad *src, GstClockTime running_time)
{
    GstClockTime monotonic = gst_util_get_timestamp ();
    if (!GST_CLOCK_TIME_IS_VALID (time->looked_at) || monotonic >= time->looked_at + GST_SECOND) {
        time->timed = downstream_keeps_time (src);
        time->looked_at = monotonic;
    }
    GST_OBJECT_LOCK (time->element);
    GstClockTime base = time->element->base_time, stale = time->stale_base, latency = time->latency;
    gboolean playing = GST_STATE (time->element) == GST_STATE_PLAYING && GST_CLOCK_TIME_IS_VALID (latency);
    GST_OBJECT_UNLOCK (time->element);
    GstClock *clock = time->timed && playing ? gst_element_get_clock (time->element) : NULL;
    if (!clock)
        return GST_CLOCK_TIME_NONE;
    GstClockTime read = gst_clock_get_time (clock), now = read > base ? read - base : 0;
    gst_object_unref (clock);
    if (!GST_CLOCK_TIME_IS_VALID (stale))
        return now;
    /* An application may set base times itself, and keep this one: it holds again once a frame is not late by it. */
    if (stale == base && GST_CLOCK_TIME_IS_VALID (running_time) && now > running_time + latency)
        return GST_CLOCK_TIME_NONE;
    GST_OBJECT_LOCK (time->element);
    time->stale_base = GST_CLOCK_TIME_NONE;
    GST_OBJECT_UNLOCK (time->element);
    return now;
}

void pipeline_time_fill (struct pipeline_time *time, struct pace_frame *frame)
{
    GstClockTime at = frame->running_time;
    GST_OBJECT_LOCK (time->element);
    frame->latency = time->latency;
    frame->margin = time->margin;
    frame->late = GST_CLOCK_TIME_IS_VALID (time->earliest) && GST_CLOCK_TIME_IS_VALID (at) && at <= time->earliest;
    time->margin = MAX (least_margin, time->margin - time->margin / 64);
    GST_OBJECT_UNLOCK (time->element);
}

GstMessage *pipeline_time_message (struct pipeline_time *time, const struct moment *moment, guint64 processed,
                                   guint64 dropped)
{
    GST_OBJECT_LOCK (time->element);
    gint64 jitter = time->jitter;
    gdouble proportion = time->proportion;
    GST_OBJECT_UNLOCK (time->element);
    GstMessage *message = gst_message_new_qos (GST_OBJECT (time->element), FALSE, moment->running_time,
                                               moment->stream_time, moment->timestamp, moment->duration);
    gst_message_set_qos_values (message, jitter, proportion, 1000000);
    gst_message_set_qos_stats (message, GST_FORMAT_BUFFERS, processed, dropped);
    return message;
}
