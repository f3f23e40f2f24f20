/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* negotiate.h: whether the drawing is attached to frames or blended into them, agreed upon through caps.
 *
 * As textoverlay does: where downstream accepts the same caps with the feature meta:GstVideoOverlayComposition, these are
 * tried first, and kept if its answer to the ALLOCATION query names that meta. Upstream's own use of the feature is kept. */
#ifndef CONVRELU_NEGOTIATE_H
#define CONVRELU_NEGOTIATE_H

#include <gst/base/gstbasetransform.h>

/* For GstBaseTransformClass.transform_caps and .fixate_caps. */
GstCaps *negotiate_transform_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *filter);
GstCaps *negotiate_fixate_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *others);

/* What the caps of the source pad mean. These and not those of set_caps, which is not called when negotiate_fixate_caps
 * has pushed the same ones before. */
gboolean negotiate_attaches (GstBaseTransform *base);

#endif
