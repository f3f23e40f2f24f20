/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* negotiate.c: caps with and without the overlay feature; see negotiate.h. */
#include "plugin/negotiate.h"

#include <gst/video/video.h>

#define FEATURE GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION

static gboolean has_feature (const GstCaps *caps, guint i)
{
    GstCapsFeatures *features = gst_caps_get_features (caps, i);
    return features && !gst_caps_features_is_any (features) && gst_caps_features_contains (features, FEATURE);
}

gboolean negotiate_attaches (GstBaseTransform *base)
{
    GstCaps *caps = gst_pad_get_current_caps (GST_BASE_TRANSFORM_SRC_PAD (base));
    gboolean attaches = caps && gst_caps_get_size (caps) > 0 && has_feature (caps, 0);
    gst_clear_caps (&caps);
    return attaches;
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
            append (out, caps, i, TRUE);
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

/* Downstream gets to know the caps first: a transform there cannot answer the query without. */
static gboolean downstream_draws (GstBaseTransform *base, GstCaps *caps)
{
    GstPad *pad = GST_BASE_TRANSFORM_SRC_PAD (base);
    if (!gst_pad_push_event (pad, gst_event_new_caps (caps)))
        return FALSE;
    GstQuery *query = gst_query_new_allocation (caps, FALSE);
    gboolean draws = gst_pad_peer_query (pad, query) &&
                     gst_query_find_allocation_meta (query, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    gst_query_unref (query);
    return draws;
}

static GstCaps *copy_first (const GstCaps *caps, gboolean feature)
{
    for (guint i = 0; i < gst_caps_get_size (caps); i++)
        if (has_feature (caps, i) == feature)
            return gst_caps_fixate (gst_caps_copy_nth (caps, i));
    return NULL;
}

GstCaps *negotiate_fixate_caps (GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *others)
{
    GstCaps *plain = copy_first (others, FALSE), *with = copy_first (others, TRUE);
    gboolean ours = direction == GST_PAD_SINK && plain && with; /* else there is no choice */
    if (ours && downstream_draws (base, with))
        gst_clear_caps (&plain);
    else if (ours)
        gst_clear_caps (&with);
    GstCaps *chosen = plain ? gst_caps_ref (plain) : with ? gst_caps_ref (with) : gst_caps_copy (others);
    gst_clear_caps (&plain);
    gst_clear_caps (&with);
    gst_caps_unref (others);
    return chosen;
}
