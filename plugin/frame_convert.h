/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame_convert.h: frames that the engine cannot read (frame_image.h), cut, scaled and converted by GstVideoConverter
 * to pixels of bytes: RGBx; GRAY8 for networks of one channel, RGBA for those of four. */
#ifndef CONVRELU_FRAME_CONVERT_H
#define CONVRELU_FRAME_CONVERT_H

#include "plugin/frame.h"

struct frame_converter; /* used by one thread at a time */

/* view.from of such frames to pictures of the size of view.to, on so many threads at most; the result does not depend
 * on them. NULL: there is no conversion. */
struct frame_converter *frame_converter_new (const GstVideoInfo *frames, const struct view *view, int channels,
                                             int threads);
void frame_converter_free (struct frame_converter *converter);

int frame_converter_threads (const struct frame_converter *converter);              /* how many it asked for */
const GstVideoInfo *frame_converter_info (const struct frame_converter *converter); /* of the pictures it makes */

/* The picture of a frame without negative strides; valid until the next. */
const GstVideoFrame *frame_converter_run (struct frame_converter *converter, const GstVideoFrame *frame);

#endif
