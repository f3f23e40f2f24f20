/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pipeline_time.h: what the pipeline tells an element about time: its latency (LATENCY events), its clock, and how late
 * frames are at the sink (QOS events). */
#ifndef CONVRELU_PIPELINE_TIME_H
#define CONVRELU_PIPELINE_TIME_H

#include "plugin/moment.h"
#include "plugin/pace.h"

struct pipeline_time {
    GstElement *element; /* no reference */

    /* under its object lock */
    GstClockTime latency;    /* of the pipeline, ns, or NONE: it has not been told */
    GstClockTime earliest;   /* running time before which a frame is late, or NONE */
    GstClockTime margin;     /* kept of the time there is for what comes downstream, ns */
    GstClockTime stale_base; /* a base time that a flushing seek has made void, or NONE */
    gint64 jitter;           /* of the last QOS event, for the QOS message */
    gdouble proportion;

    /* the streaming thread's */
    gboolean timed;         /* a sink shows frames by the clock */
    GstClockTime looked_at; /* when that was found out, on the monotonic clock, or NONE */
};

/* The functions below take the object lock themselves. */

void pipeline_time_init (struct pipeline_time *time, GstElement *element);
void pipeline_time_stop (struct pipeline_time *time);   /* the next start is in a pipeline that has told nothing */
void pipeline_time_forget (struct pipeline_time *time); /* another stream, or another place in this one */
/* Running time begins again at zero (FLUSH_STOP with reset_time). The clock is not read until the pipeline has set a
 * new base time, which it does once its sinks have a frame: by the one before, everything would be late. */
void pipeline_time_reset (struct pipeline_time *time);

/* QOS and LATENCY, from downstream; any thread. FALSE: one that lacks what such an event says. */
gboolean pipeline_time_event (struct pipeline_time *time, GstEvent *event);

/* The running time of the clock that a sink behind `src` keeps to; NONE where none does or the clock does not run. For
 * a frame of `running_time`. The streaming thread's. */
GstClockTime pipeline_time_now (struct pipeline_time *time, GstPad *src, GstClockTime running_time);

/* Fills latency, margin and late of a frame that has its running_time. With each frame a margin that was raised
 * falls. */
void pipeline_time_fill (struct pipeline_time *time, struct pace_frame *frame);

/* The QOS message that says that quality was reduced for a frame; so many were processed and not. The caller's. */
GstMessage *pipeline_time_message (struct pipeline_time *time, const struct moment *moment, guint64 processed,
                                   guint64 dropped);

#endif
