/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* moment.c: a buffer's time stamps in its segment; see moment.h. */
#include "plugin/moment.h"

/* A segment played backwards counts its running time from its stop. Where that is open there is none, and to ask for it
 * is a programming error to GstSegment; stream time counts from the start, as ever. */
struct moment buffer_moment (const GstSegment *segment, GstBuffer *buffer)
{
    struct moment moment = MOMENT_NONE;
    moment.timestamp = GST_BUFFER_PTS (buffer);
    moment.duration = GST_BUFFER_DURATION (buffer);
    if (segment->format != GST_FORMAT_TIME || !GST_CLOCK_TIME_IS_VALID (moment.timestamp))
        return moment;
    moment.stream_time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, moment.timestamp);
    if (segment->rate > 0 || GST_CLOCK_TIME_IS_VALID (segment->stop))
        moment.running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, moment.timestamp);
    return moment;
}

GstClockTime frame_period (const GstSegment *segment, int fps_n, int fps_d, const struct moment *moment)
{
    const int some = GST_SEGMENT_FLAG_TRICKMODE | GST_SEGMENT_FLAG_TRICKMODE_KEY_UNITS |
                     GST_SEGMENT_FLAG_TRICKMODE_FORWARD_PREDICTED;
    GstClockTime period = GST_CLOCK_TIME_IS_VALID (moment->duration) ? moment->duration : 0;
    if (fps_n > 0)
        period = gst_util_uint64_scale (GST_SECOND, (guint64)fps_d, (guint64)fps_n);
    return (int)segment->flags & some ? 0 : (GstClockTime)((double)period / ABS (segment->rate));
}
