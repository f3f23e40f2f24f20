/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame_image.h: what the engine must know of frames to read them as they are.
 *
 * It reads every format whose components are single bytes at equal distances, whatever their order and sub-sampling:
 * I420, YV12, NV12, NV21, Y42B, YUY2, UYVY, RGB, RGBx, BGRA, GBR, AYUV, GRAY8 and the like. */
#ifndef CONVRELU_FRAME_IMAGE_H
#define CONVRELU_FRAME_IMAGE_H

#include "engine/image.h"
#include "plugin/frame.h"

/* Whether frame_image_new knows such frames. */
gboolean frame_image_reads (const GstVideoInfo *info);

/* Frames -> the network's input: `view.from` of them to `view.to` of it, the rest is the mean. The frames' own matrix,
 * range and chroma siting count. Networks of one channel are given luma of 0..255: the frame's own, out of RGB that of
 * BT.601; those of four alpha too, which is 255 where there is none. NULL: frames of another kind (frame_image_reads),
 * or no memory. image_free it. */
struct image *frame_image_new (const GstVideoInfo *info, const struct view *view, const struct input_spec *spec);

#endif
