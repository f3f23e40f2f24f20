/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blend.h: a composition onto a frame, as gst_video_overlay_composition_blend does it, but faster for common formats.
 *
 * GStreamer's own unpacks and packs whole rows of the frame for each rectangle; here only the covered pixels of the
 * planes are touched. Colours are the same to within rounding (2 of 255). Other formats go to GStreamer's. */
#ifndef CONVRELU_BLEND_H
#define CONVRELU_BLEND_H

#include <gst/video/video.h>

/* `frame` is mapped for reading and writing. FALSE: such frames cannot be drawn on, and nothing was. */
gboolean blend_composition (GstVideoOverlayComposition *composition, GstVideoFrame *frame);
/* The same on one field, whose lines are every other one of the frame that the composition is for. */
gboolean blend_field (GstVideoOverlayComposition *composition, GstVideoFrame *field);

#endif
