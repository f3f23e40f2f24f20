/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* negotiate.h: whether the drawing is attached to frames or blended into them, agreed upon through caps.
 *
 * While something is drawn and downstream accepts the same caps with the feature meta:GstVideoOverlayComposition, it
 * gets these if it answers the ALLOCATION query for them with that meta. It never gets them to try. While nothing is
 * drawn, caps are plain. Upstream's own use of the feature is kept. */
#ifndef CONVRELU_NEGOTIATE_H
#define CONVRELU_NEGOTIATE_H

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

/* What goes through the element. */
#define NEGOTIATE_FIELDS ", interlace-mode = (string) alternate" /* each in a buffer of its own */
#define NEGOTIATE_CAPS                                                                                                 \
    GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL)                                                                        \
    ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES (                                                                            \
        GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY "," GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION,                 \
        GST_VIDEO_FORMATS_ALL) ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_CAPS_FEATURE_FORMAT_INTERLACED,              \
                                                                      GST_VIDEO_FORMATS_ALL) NEGOTIATE_FIELDS          \
        ";" GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_CAPS_FEATURE_FORMAT_INTERLACED                                      \
                                               "," GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION,                \
                                               GST_VIDEO_FORMATS_ALL) NEGOTIATE_FIELDS

/* For GstBaseTransformClass.transform_caps. */
GstCaps *negotiate_transform_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *filter);
/* For .fixate_caps: takes `others`. `drawing`: there is something to attach. Sends a query, so no lock may be held but
 * the stream's; may mark the source pad for another negotiation. */
GstCaps *negotiate_fixate_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *others, gboolean drawing);

/* Puts a drawing (NULL: none) on a writable frame: attached where the caps of the source pad have the feature, else
 * blended into its pixels. Upstream's drawing stays below an attached one, in the same composition: who draws them
 * looks at one meta of a buffer only. */
void negotiate_draw (GstBaseTransform *base, const GstVideoInfo *info, GstVideoOverlayComposition *composition,
                     GstBuffer *buffer);

#endif
