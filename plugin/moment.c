/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* moment.c: a buffer's stream and running time; see moment.h. */
#include "plugin/moment.h"

/* A segment played backwards counts its running time from its stop. Where that is open there is none, and to ask for it is
 * a programming error to GstSegment; stream time counts from the start, as ever. */
struct moment buffer_moment (const GstSegment *segment, GstBuffer *buffer)
{
    struct moment moment = { GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE };
    GstClockTime time = GST_BUFFER_PTS (buffer);
    if (segment->format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (time))
        return moment;
    moment.stream_time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, time);
    if (segment->rate > 0 || GST_CLOCK_TIME_IS_VALID (segment->stop))
        moment.running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
    return moment;
}
