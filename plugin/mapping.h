/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mapping.h: gst_video_frame_map for buffers from strangers.
 *
 * gst_video_frame_map compares a buffer with its caps only where there is no GstVideoMeta; with one it believes offsets
 * and strides, and a meta of another format or size is a programming error to it. Here each is bad input. */
#ifndef CONVRELU_MAPPING_H
#define CONVRELU_MAPPING_H

#include <gst/video/video.h>

/* TRUE: `frame` is mapped for reading, every row of every plane lies in mapped memory; gst_video_frame_unmap it. The frame
 * holds no reference to the buffer. Strides may be of any size and sign. */
gboolean mapping_read (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer);
/* The same for drawing on it; the buffer must be writable. Memory that others share is copied by GStreamer. */
gboolean mapping_write (GstVideoFrame *frame, const GstVideoInfo *info, GstBuffer *buffer);

#endif
