/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_choice.c: the properties of regions; see region_choice.h. */
#include "plugin/region_choice.h"

#include <string.h>

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)
#define CONTROL_FLAGS (FLAGS | GST_PARAM_CONTROLLABLE)

enum { DEFAULT_MIN_SIZE = 16, DEFAULT_MAX = 16 };

static GType regions_type (void)
{
    static const GEnumValue values[] = {
        { REGIONS_FRAME, "The frame, one result for all of it", "frame" },
        { REGIONS_ROI, "Each region that an element before this one has marked (GstVideoRegionOfInterestMeta)", "roi" },
        { REGIONS_DETECTIONS,
          "Each object that a detector before this one has found (GstAnalyticsODMtd; GStreamer 1.24)", "detections" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluRegions", values));
    return type;
}

void region_choice_install (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_REGIONS,
        g_param_spec_enum (
            "regions", "Regions",
            "What is classified: the frame, or each region of it that an element upstream has put on the buffer as "
            "metadata. A region is cut out of the frame as it comes, and prepared as a frame of its own (see resize). "
            "Its classes become parameters of its GstVideoRegionOfInterestMeta, or a GstAnalyticsClsMtd that its "
            "GstAnalyticsODMtd contains; each region that the network has seen gets a message with its box",
            regions_type (), REGIONS_FRAME, FLAGS | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property (
        klass, PROPERTY_REGION_TYPES,
        g_param_spec_string ("region-types", "Region types",
                             "Only regions of these types: names with commas between, as the element that found them "
                             "calls them, for instance \"face, person\". Unset: all, but not the whole-frame regions "
                             "of type \"classification\" that another convrelu has put there",
                             NULL, FLAGS | GST_PARAM_CONTROLLABLE));
    g_object_class_install_property (
        klass, PROPERTY_REGION_MIN_SIZE,
        g_param_spec_uint ("region-min-size", "Smallest region",
                           "Pass over regions of which less than this is inside the frame, across or down, in pixels. "
                           "stats counts them as regions-skipped, as it does those outside the frame",
                           1, G_MAXINT, DEFAULT_MIN_SIZE, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_REGION_MAX,
        g_param_spec_uint ("region-max", "Most regions",
                           "Run the network for at most so many regions of a frame (0 = no limit): first for those "
                           "that have no result yet, then for those whose result is oldest. The others carry theirs, "
                           "marked as not fresh",
                           0, G_MAXUINT, DEFAULT_MAX, CONTROL_FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_REGION_INTERVAL,
        g_param_spec_uint (
            "region-interval", "Region interval",
            "Run the network for a region on every n-th frame that it is on (1 = on each). Between them it carries its "
            "last result, marked as not fresh. A region is known again by its tracking id, else by the id of its meta, "
            "else as the one of its type that it overlaps by half or more",
            1, G_MAXUINT, 1, CONTROL_FLAGS));
    gst_type_mark_as_plugin_api (regions_type (), 0);
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

void region_choice_init (struct region_choice *choice)
{
    *choice = (struct region_choice) { .min_size = DEFAULT_MIN_SIZE, .max = DEFAULT_MAX, .interval = 1 };
}

void region_choice_clear (struct region_choice *choice)
{
    g_clear_pointer (&choice->types, g_free);
}

void region_choice_copy (struct region_choice *to, const struct region_choice *from)
{
    *to = *from;
    to->types = g_strdup (from->types);
}

gboolean region_choice_set (struct region_choice *choice, guint id, const GValue *value)
{
    switch (id) {
    case PROPERTY_REGIONS:
        choice->source = g_value_get_enum (value);
        return TRUE;
    case PROPERTY_REGION_TYPES:
        g_free (choice->types);
        choice->types = g_value_dup_string (value);
        return TRUE;
    case PROPERTY_REGION_MIN_SIZE:
        choice->min_size = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_REGION_MAX:
        choice->max = g_value_get_uint (value);
        return TRUE;
    case PROPERTY_REGION_INTERVAL:
        choice->interval = g_value_get_uint (value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean region_choice_get (const struct region_choice *choice, guint id, GValue *value)
{
    switch (id) {
    case PROPERTY_REGIONS:
        g_value_set_enum (value, choice->source);
        return TRUE;
    case PROPERTY_REGION_TYPES:
        g_value_set_string (value, choice->types);
        return TRUE;
    case PROPERTY_REGION_MIN_SIZE:
        g_value_set_uint (value, choice->min_size);
        return TRUE;
    case PROPERTY_REGION_MAX:
        g_value_set_uint (value, choice->max);
        return TRUE;
    case PROPERTY_REGION_INTERVAL:
        g_value_set_uint (value, choice->interval);
        return TRUE;
    default:
        return FALSE;
    }
}

/* ---- meaning --------------------------------------------------------------------------------------------------- */

static const char blanks[] = " \t\n";

gboolean region_choice_means (const struct region_choice *choice, const char *type)
{
    gboolean any = FALSE;
    for (const char *at = choice->types; at && *at;) {
        gsize skip = strspn (at, blanks), whole = strcspn (at, ","), length = whole;
        while (length > skip && strchr (blanks, at[length - 1]))
            length--;
        if (length > skip) {
            any = TRUE;
            if (type && strlen (type) == length - skip && memcmp (type, at + skip, length - skip) == 0)
                return TRUE;
        }
        at += whole + (at[whole] == ',');
    }
    return !any && g_strcmp0 (type, "classification") != 0;
}

char *region_choice_remark (const struct region_choice *choice, gboolean tensors)
{
    if (choice->source == REGIONS_FRAME)
        return NULL;
#ifndef HAVE_ANALYTICS
    if (choice->source == REGIONS_DETECTIONS)
        return g_strdup_printf ("regions=detections needs GStreamer 1.24 with gstreamer-analytics-1.0; this plugin was "
                                "built with GStreamer %d.%d without analytics, and finds no region",
                                GST_VERSION_MAJOR, GST_VERSION_MINOR);
#endif
    return tensors ? g_strdup ("tensors=true is for regions=frame: no tensors are attached for regions") : NULL;
}
