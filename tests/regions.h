/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* regions.h: what the test programs of regions share: frames with marked regions, and what is said of each. */
#ifndef CONVRELU_TESTS_REGIONS_H
#define CONVRELU_TESTS_REGIONS_H

#include "element.h"

enum { WIDTH = 96, HEIGHT = 64, HEARD_MOST = 64 };

/* ---- frames and what is said of them --------------------------------------------------------------------------- */

/* Every part of it has a mean colour of its own. */
UNUSED static unsigned paint_slope (int x, int y, int width, int height)
{
    unsigned red = (unsigned)(x * 255 / width), green = (unsigned)(y * 255 / height);
    unsigned blue = (x / 8 + y / 8) % 2 ? 200 : 40;
    return red << 16 | green << 8 | blue;
}

/* Red on the left half, blue on the right. */
UNUSED static unsigned paint_halves (int x, int y, int width, int height)
{
    return x < width / 2 ? 0xff0000 : 0x0000ff;
}

/* The same, the other way round. */
UNUSED static unsigned paint_swapped (int x, int y, int width, int height)
{
    return x < width / 2 ? 0x0000ff : 0xff0000;
}

UNUSED static GstVideoRegionOfInterestMeta *add_roi (GstBuffer *frame, const char *type, int id, int x, int y,
                                                     int width, int height)
{
    GstVideoRegionOfInterestMeta *roi =
        gst_buffer_add_video_region_of_interest_meta (frame, type, (guint)x, (guint)y, (guint)width, (guint)height);
    roi->id = id;
    return roi;
}

struct heard {
    int count, errors, warnings, events;
    struct {
        struct said said;
        int x, y, width, height;
        guint64 id; /* G_MAXUINT64: none */
        char type[32];
    } of[HEARD_MOST];
};

/* Empties the bus. */
UNUSED static struct heard hear (GstBus *bus)
{
    struct heard heard = { .count = 0 };
    for (GstMessage *message; (message = gst_bus_pop (bus)); gst_message_unref (message)) {
        const GstStructure *structure = gst_message_get_structure (message);
        heard.errors += GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR;
        heard.warnings += GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
        heard.events += gst_message_has_name (message, "convrelu-event");
        if (!gst_message_has_name (message, "convrelu") || heard.count == HEARD_MOST)
            continue;
        const char *type = gst_structure_get_string (structure, "region-type");
        int n = heard.count++;
        heard.of[n].x = heard.of[n].y = -1;
        heard.of[n].id = G_MAXUINT64;
        read_said (structure, &heard.of[n].said);
        gst_structure_get (structure, "x", G_TYPE_INT, &heard.of[n].x, "y", G_TYPE_INT, &heard.of[n].y, "width",
                           G_TYPE_INT, &heard.of[n].width, "height", G_TYPE_INT, &heard.of[n].height, NULL);
        gst_structure_get_uint64 (structure, "region-id", &heard.of[n].id);
        g_strlcpy (heard.of[n].type, type ? type : "", sizeof heard.of[n].type);
    }
    return heard;
}

/* Pushes a frame (takes it); *out (NULL: dropped) becomes what comes out. */
UNUSED static struct heard push (struct rig *rig, GstBuffer *frame, GstBuffer **out)
{
    hear (rig->bus);
    GstFlowReturn flow = gst_harness_push (rig->h, frame);
    GstBuffer *passed = gst_harness_try_pull (rig->h);
    struct heard heard = hear (rig->bus);
    CHECK (flow == GST_FLOW_OK && passed && heard.errors == 0, "the frame did not pass: %s, %d errors",
           gst_flow_get_name (flow), heard.errors);
    if (out)
        *out = passed;
    else
        gst_clear_buffer (&passed);
    return heard;
}

UNUSED static struct rig regions_rig (const char *properties)
{
    char *all = g_strdup_printf ("regions=roi repeat-messages=false region-min-size=1 %s", properties);
    struct rig rig = rig_new (all);
    g_free (all);
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    return rig;
}

UNUSED static GstBuffer *rgb (painter paint, int n)
{
    return timed (new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, HEIGHT, paint), n);
}

UNUSED static int count_rois (GstBuffer *buffer)
{
    gpointer state = NULL;
    int count = 0;
    while (gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
        count++;
    return count;
}

/* The n-th region of the buffer, or NULL. */
UNUSED static GstVideoRegionOfInterestMeta *roi_at (GstBuffer *buffer, int n)
{
    gpointer state = NULL;
    GstMeta *meta;
    while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
        if (n-- == 0)
            return (GstVideoRegionOfInterestMeta *)meta;
    return NULL;
}

/* Label of the best class at the n-th region of the buffer, "" where there is none; *fresh of it. */
UNUSED static const char *label_at (GstBuffer *buffer, int n, gboolean *fresh)
{
    GstVideoRegionOfInterestMeta *roi = roi_at (buffer, n);
    GstStructure *param = roi ? gst_video_region_of_interest_meta_get_param (roi, "classification") : NULL;
    const char *label = param ? gst_structure_get_string (param, "label") : NULL;
    *fresh = -1;
    if (param)
        gst_structure_get_boolean (param, "fresh", fresh);
    return label ? label : "";
}

#endif
