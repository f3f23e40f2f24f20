/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame_map.h: gst_video_frame_map for buffers from strangers.
 *
 * gst_video_frame_map compares a buffer with its caps only where there is no GstVideoMeta; with one it believes offsets
 * and strides, and a meta of another format or size is a programming error to it. Here each is bad input. */
#ifndef CONVRELU_FRAME_MAP_H
#define CONVRELU_FRAME_MAP_H

#include <gst/video/video.h>

/* What one buffer of such a stream holds: a frame, put aside that its fields may be interleaved in it; or, where
 * fields come in buffers of their own (interlace-mode=alternate), a field: half the lines, each pixel twice as high. */
GstVideoInfo frame_map_picture (const GstVideoInfo *info);
gboolean frame_map_is_field (const GstVideoInfo *info); /* whether it is the latter */

/* TRUE: `frame` holds the picture for reading, of the size that frame_map_picture says; every row of every plane lies
 * in mapped memory. With `upright` no stride is negative: rows that lie bottom up are copied into memory of their own,
 * which costs about as much as a memcpy of the frame. gst_video_frame_unmap it. The frame may hold no reference to the
 * buffer. */
gboolean frame_map_read (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer, gboolean upright);
/* The same for drawing on it, but never a copy, so that strides may have any sign; the buffer must be writable.
 * Memory that others share is copied by GStreamer. */
gboolean frame_map_write (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer);

/* Whether a plane has a negative stride. */
gboolean frame_map_bottom_up (const GstVideoFrame *frame);
/* A copy for reading and writing in memory of its own, with its rows from top to bottom; gst_video_frame_unmap it.
 * FALSE: no memory. */
gboolean frame_map_upright (GstVideoFrame *upright, const GstVideoFrame *frame);
/* The pixels of `from` to `to`, of the same format and size; each may lie either way up. */
void frame_map_copy (GstVideoFrame *to, const GstVideoFrame *from);

#endif
