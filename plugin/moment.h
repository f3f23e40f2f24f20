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

/* From one frame to the next, ns of running time, at fps_n / fps_d frames a second (fps_n 0: by the frame's duration).
 * 0: not known, as in trick modes, which leave frames out. Any thread. */
GstClockTime frame_period (const GstSegment *segment, int fps_n, int fps_d, const struct moment *moment);

#endif
