/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* moment.c: a buffer's time stamps in its segment; see moment.h. */
#include "plugin/moment.h"

struct moment buffer_moment (const GstSegment *segment, GstBuffer *buffer)
{
    struct moment moment = MOMENT_NONE;
    moment.timestamp = GST_BUFFER_PTS (buffer);
    moment.duration = GST_BUFFER_DURATION (buffer);
    if (segment->format == GST_FORMAT_TIME) {
        moment.stream_time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, moment.timestamp);
        moment.running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, moment.timestamp);
    }
    return moment;
}
