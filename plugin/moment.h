/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* moment.h: where a buffer stands in time. */
#ifndef CONVRELU_MOMENT_H
#define CONVRELU_MOMENT_H

#include <gst/gst.h>

/* ns; NONE where that is not known */
struct moment {
    GstClockTime stream_time, running_time;
};

/* Of the buffer's PTS in `segment`; both NONE in a segment that is not of time, and without a PTS. Any thread. */
struct moment buffer_moment (const GstSegment *segment, GstBuffer *buffer);

#endif
