/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* negotiate.c: caps with and without the overlay feature; see negotiate.h. */
#include "plugin/negotiate.h"

#include <gst/video/video.h>

#include "plugin/frame_map.h"
#include "plugin/log.h"
#include "plugin/overlay/blend.h"

#define FEATURE GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION

static gboolean has_feature (const GstCaps *caps, guint i)
{
    GstCapsFeatures *features = gst_caps_get_features (caps, i);
    return features && !gst_caps_features_is_any (features) && gst_caps_features_contains (features, FEATURE);
}

static gboolean attaches (GstBaseTransform *base)
{
    GstCaps *caps = gst_pad_get_current_caps (GST_BASE_TRANSFORM_SRC_PAD (base));
    gboolean has = caps && gst_caps_get_size (caps) > 0 && has_feature (caps, 0);
    gst_clear_caps (&caps);
    return has;
}

static void attach (GstBuffer *buffer, GstVideoOverlayComposition *composition)
{
    GstVideoOverlayCompositionMeta *upstream = gst_buffer_get_video_overlay_composition_meta (buffer);
    if (!upstream) {
        gst_buffer_add_video_overlay_composition_meta (buffer, composition);
        return;
    }
    GstVideoOverlayComposition *both = gst_video_overlay_composition_copy (upstream->overlay);
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles (composition); i++)
        gst_video_overlay_composition_add_rectangle (both,
                                                     gst_video_overlay_composition_get_rectangle (composition, i));
    gst_buffer_remove_meta (buffer, &upstream->meta);
    gst_buffer_add_video_overlay_composition_meta (buffer, both);
    gst_video_overlay_composition_unref (both);
}

/* Where downstream draws, no pixel of the frame is touched. */
void negotiate_draw (GstBaseTransform *base, const GstVideoInfo *info, GstVideoOverlayComposition *composition,
                     GstBuffer *buffer)
{
    GstVideoFrame pixels;
    gboolean field = frame_map_is_field (info); /* who draws compositions does not expect them on one */
    if (composition && !field && attaches (base)) {
        attach (buffer, composition);
    } else if (composition && frame_map_write (&pixels, info, buffer)) {
        if (!(field ? blend_field (composition, &pixels) : blend_composition (composition, &pixels)))
            GST_WARNING_OBJECT (base, "cannot draw on %s frames", GST_VIDEO_INFO_NAME (info));
        gst_video_frame_unmap (&pixels);
    }
}

/* Compositions are for whole frames: fields never get the feature from here. */
static gboolean has_fields (const GstCaps *caps, guint i)
{
    GstCapsFeatures *features = gst_caps_get_features (caps, i);
    return features && !gst_caps_features_is_any (features) &&
           gst_caps_features_contains (features, GST_CAPS_FEATURE_FORMAT_INTERLACED);
}

static void append (GstCaps *to, const GstCaps *from, guint i, gboolean feature)
{
    GstCapsFeatures *features = gst_caps_features_copy (gst_caps_get_features (from, i));
    if (feature && !gst_caps_features_is_any (features) && !gst_caps_features_contains (features, FEATURE))
        gst_caps_features_add (features, FEATURE);
    else if (!feature && gst_caps_features_contains (features, FEATURE))
        gst_caps_features_remove (features, FEATURE);
    GstStructure *structure = gst_structure_copy (gst_caps_get_structure (from, i));
    to = gst_caps_merge_structure_full (to, structure, features);
}

/* Downstream may get the feature in addition; upstream may do without it. Nothing takes away upstream's. */
GstCaps *negotiate_transform_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
    GstCaps *out = gst_caps_new_empty ();
    for (guint i = 0; i < gst_caps_get_size (caps); i++) {
        gboolean has = has_feature (caps, i);
        if (direction == GST_PAD_SINK)
            append (out, caps, i, has || !has_fields (caps, i));
        else
            append (out, caps, i, has);
    }
    for (guint i = 0; i < gst_caps_get_size (caps); i++) {
        gboolean has = has_feature (caps, i);
        if (direction == GST_PAD_SINK ? !has : has)
            append (out, caps, i, FALSE);
    }
    if (filter) {
        GstCaps *all = out;
        out = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref (all);
    }
    return out;
}

/* Whether downstream has the caps that the source pad has. To what was linked in the meantime a query sends them
 * first. */
static gboolean peer_is_up_to_date (GstPad *pad, const GstCaps *current)
{
    GstPad *peer = gst_pad_get_peer (pad);
    GstCaps *theirs = peer ? gst_pad_get_current_caps (peer) : NULL;
    gboolean same = peer && (current && theirs ? gst_caps_is_equal (current, theirs) : !current && !theirs);
    gst_clear_caps (&theirs);
    gst_clear_object (&peer);
    return same;
}

/* Whether downstream draws compositions that come with `caps`. It is asked, not told: some elements post an error when
 * caps with the feature reach them (videocrop in front of what does not crop). */
static gboolean downstream_draws (GstPad *pad, GstCaps *caps)
{
    GstQuery *query = gst_query_new_allocation (caps, FALSE);
    gboolean draws = gst_pad_peer_query (pad, query) &&
                     gst_query_find_allocation_meta (query, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    gst_query_unref (query);
    return draws;
}

/* The feature or not, where both are possible. A transform downstream can answer only once it has caps: with new plain
 * caps the source pad is marked, so that everything comes here again before the first frame. Then they are not new. */
static gboolean choose_feature (GstBaseTransform *base, GstCaps *with, const GstCaps *plain)
{
    GstPad *pad = GST_BASE_TRANSFORM_SRC_PAD (base);
    GstCaps *current = gst_pad_get_current_caps (pad);
    gboolean plain_already = current && gst_caps_is_equal (current, plain);
    gboolean draws = (plain_already || peer_is_up_to_date (pad, current)) && downstream_draws (pad, with);
    GST_DEBUG_OBJECT (base, "downstream %s",
                      draws           ? "draws"
                      : plain_already ? "does not draw"
                                      : "is asked again when it has plain caps");
    gst_clear_caps (&current);
    if (!draws && !plain_already)
        gst_base_transform_reconfigure_src (base);
    return draws;
}

static GstCaps *copy_first (const GstCaps *caps, gboolean feature)
{
    for (guint i = 0; i < gst_caps_get_size (caps); i++)
        if (has_feature (caps, i) == feature)
            return gst_caps_fixate (gst_caps_copy_nth (caps, i));
    return NULL;
}

GstCaps *negotiate_fixate_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *others, gboolean drawing)
{
    GstCaps *plain = copy_first (others, FALSE), *with = copy_first (others, TRUE);
    gboolean ours = direction == GST_PAD_SINK && plain && with; /* else there is no choice */
    if (ours && drawing && choose_feature (base, with, plain))
        gst_clear_caps (&plain);
    else if (ours)
        gst_clear_caps (&with);
    GstCaps *chosen = plain ? gst_caps_ref (plain) : with ? gst_caps_ref (with) : gst_caps_copy (others);
    gst_clear_caps (&plain);
    gst_clear_caps (&with);
    gst_caps_unref (others);
    return chosen;
}
