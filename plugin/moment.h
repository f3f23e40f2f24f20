/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* moment.h: where a frame stands in time. */
#ifndef CONVRELU_MOMENT_H
#define CONVRELU_MOMENT_H

#include <gst/gst.h>

/* All in nanoseconds, GST_CLOCK_TIME_NONE where it is not known. */
struct moment {
    GstClockTime timestamp, duration;       /* as the buffer has them */
    GstClockTime stream_time, running_time; /* NONE outside a segment of time */
};

#define MOMENT_NONE                                                                                                    \
    (struct moment)                                                                                                    \
    {                                                                                                                  \
        GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE                             \
    }

/* Of a buffer in this segment, which may be of any format and rate. Any thread. */
struct moment buffer_moment (const GstSegment *segment, GstBuffer *buffer);

#endif
