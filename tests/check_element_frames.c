/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_frames.c: frames in unusual memory: every format with a GstVideoMeta, top down and bottom up, and
 * segments that leave something open. */
#include "element.h"

static unsigned paint_slope (int x, int y, int width, int height)
{
    return (unsigned)(255 * x / width) << 16 | (unsigned)(255 * y / height) << 8 | (y < height / 3 ? 200u : 20u);
}

/* How many rows of a plane there are, and whether it is a palette, which has none. */
static int plane_rows (const GstVideoInfo *info, guint plane, bool *palette)
{
    *palette = GST_VIDEO_FORMAT_INFO_HAS_PALETTE (info->finfo) && plane == 1;
    for (guint c = 0; c < info->finfo->n_components; c++)
        if (GST_VIDEO_INFO_COMP_PLANE (info, c) == plane)
            return GST_VIDEO_INFO_COMP_HEIGHT (info, c);
    return 0;
}

/* The same frame, its planes apart, its rows `more` bytes further from each other and, where `up` has the plane's bit,
 * from the bottom up. Takes the frame. */
static GstBuffer *laid_out (GstBuffer *frame, GstVideoFormat format, int width, int height, int more, unsigned up)
{
    GstVideoInfo info;
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 }, at = 64;
    gint stride[GST_VIDEO_MAX_PLANES] = { 0 };
    GstMapInfo from, to;
    gst_video_info_set_format (&info, format, (guint)width, (guint)height);
    GstBuffer *out = gst_buffer_new_allocate (NULL, 2 * info.size + 16384, NULL);
    gst_buffer_map (frame, &from, GST_MAP_READ);
    gst_buffer_map (out, &to, GST_MAP_WRITE);
    memset (to.data, 0xaa, to.size);
    for (guint plane = 0; plane < info.finfo->n_planes; plane++) {
        bool palette, reverse = up >> plane & 1;
        int rows = plane_rows (&info, plane, &palette), bytes = info.stride[plane], step = bytes + more;
        if (palette) {
            memcpy (to.data + at, from.data + info.offset[plane], 1024);
            offset[plane] = at;
            stride[plane] = bytes;
            at += 1024;
            continue;
        }
        for (int y = 0; y < rows; y++)
            memcpy (to.data + at + (gsize)(reverse ? rows - 1 - y : y) * (gsize)step,
                    from.data + info.offset[plane] + (gsize)y * (gsize)bytes, (gsize)bytes);
        offset[plane] = at + (reverse ? (gsize)(rows - 1) * (gsize)step : 0);
        stride[plane] = reverse ? -step : step;
        at += (gsize)rows * (gsize)step + 17;
    }
    gst_buffer_unmap (frame, &from);
    gst_buffer_unmap (out, &to);
    gst_buffer_unref (frame);
    gst_buffer_add_video_meta_full (out, GST_VIDEO_FRAME_FLAG_NONE, format, (guint)width, (guint)height,
                                    info.finfo->n_planes, offset, stride);
    return out;
}

/* Every format, at an even and an odd size: the scores are those of the plain frame, to the bit. */
static void check_bottom_up (void)
{
    static const int sizes[][2] = { { 64, 48 }, { 37, 23 }, { 1, 1 } };
    static const unsigned up[] = { 0, ~0u, 1, 2 }; /* all down, all up, the first plane, the second */
    guint count;
    group ("bottom up");
    const GstVideoFormat *formats = gst_video_formats_raw (&count);
    struct rig rig = rig_new ("resize=stretch");
    for (guint f = 0; f < count; f++)
        for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
            const GstVideoFormatInfo *format = gst_video_format_get_info (formats[f]);
            int width = sizes[s][0], height = sizes[s][1];
            if (GST_VIDEO_FORMAT_INFO_IS_TILED (format)) /* their strides count tiles */
                continue;
            rig_caps (&rig, format->name, width, height);
            struct said plain = show (&rig, new_frame (formats[f], width, height, paint_slope));
            for (guint u = 0; u < G_N_ELEMENTS (up); u++) {
                GstBuffer *frame = new_frame (formats[f], width, height, paint_slope);
                struct said said = show (&rig, laid_out (frame, formats[f], width, height, 32, up[u]));
                CHECK (said.messages == 1 && memcmp (said.scores, plain.scores, sizeof said.scores) == 0,
                       "%s %dx%d, bottom up %x: %d messages, seen as %.2f %.2f %.2f instead of %.2f %.2f %.2f",
                       format->name, width, height, up[u], said.messages, (double)said.colour[0],
                       (double)said.colour[1], (double)said.colour[2], (double)plain.colour[0], (double)plain.colour[1],
                       (double)plain.colour[2]);
            }
        }
    rig_free (&rig);
}

/* What the element makes of it; takes the frame. */
static GstBuffer *drawn (struct rig *rig, GstBuffer *frame)
{
    GstFlowReturn flow = gst_harness_push (rig->h, frame);
    GstBuffer *out = gst_harness_try_pull (rig->h);
    CHECK (flow == GST_FLOW_OK && out, "the frame's flow is %s", gst_flow_get_name (flow));
    listen_to (rig->bus);
    return out;
}

/* The drawing on a frame from the bottom up is that on the plain one, to the byte, and no byte beside the rows
 * changes. */
static void check_drawing_bottom_up (void)
{
    static const unsigned up[] = { ~0u, 1, 2 };
    guint count;
    group ("drawing from the bottom up");
    const GstVideoFormat *formats = gst_video_formats_raw (&count);
    struct rig rig = rig_new ("overlay=labels");
    gst_harness_set_sink_caps_str (rig.h, "video/x-raw"); /* blended */
    for (guint f = 0; f < count; f++) {
        const GstVideoFormatInfo *format = gst_video_format_get_info (formats[f]);
        if (GST_VIDEO_FORMAT_INFO_IS_TILED (format))
            continue;
        rig_caps (&rig, format->name, 160, 121);
        GstBuffer *plain = drawn (&rig, new_frame (formats[f], 160, 121, paint_slope));
        for (guint u = 0; u < G_N_ELEMENTS (up); u++) {
            GstBuffer *frame =
                laid_out (new_frame (formats[f], 160, 121, paint_slope), formats[f], 160, 121, 32, up[u]);
            GstBuffer *out = drawn (&rig, frame);
            GstBuffer *expected = laid_out (gst_buffer_ref (plain), formats[f], 160, 121, 32, up[u]);
            GstMapInfo a, b;
            gst_buffer_map (out, &a, GST_MAP_READ);
            gst_buffer_map (expected, &b, GST_MAP_READ);
            CHECK (a.size == b.size && memcmp (a.data, b.data, a.size) == 0, "%s, bottom up %x: drawn otherwise",
                   format->name, up[u]);
            gst_buffer_unmap (out, &a);
            gst_buffer_unmap (expected, &b);
            gst_buffer_unref (out);
            gst_buffer_unref (expected);
        }
        gst_buffer_unref (plain);
    }
    rig_free (&rig);
}

/* A palette that is cut short is bad input, with a GstVideoMeta too. */
static void check_palette (void)
{
    group ("palettes");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB8P", 64, 48);
    GstBuffer *frame =
        laid_out (new_frame (GST_VIDEO_FORMAT_RGB8P, 64, 48, paint_orange), GST_VIDEO_FORMAT_RGB8P, 64, 48, 0, 0);
    const GstVideoMeta *meta = gst_buffer_get_video_meta (frame);
    gst_buffer_resize (frame, 0, (gssize)meta->offset[1] + 1023);
    CHECK (gst_harness_push (rig.h, frame) == GST_FLOW_ERROR, "a palette of 1023 bytes passes");
    CHECK (listen_to (rig.bus).errors == 1, "and nothing is said of it");
    rig_free (&rig);
}

/* Backwards without a stop: no running time, but a stream time, and no mistake is made in asking for them. */
static void check_open_segment (void)
{
    group ("a segment backwards with an open stop");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    for (int applied = -1; applied <= 1; applied += 2) {
        GstSegment segment;
        gst_segment_init (&segment, GST_FORMAT_TIME);
        segment.rate = -1;
        segment.applied_rate = applied;
        segment.time = 5 * GST_SECOND;
        CHECK (gst_harness_push_event (rig.h, gst_event_new_segment (&segment)), "the segment was refused");
        int before = criticals;
        struct said said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 30));
        CHECK (said.messages == 1 && said.fresh && said.running_time == GST_CLOCK_TIME_NONE,
               "applied rate %d: %d messages, running time %" G_GUINT64_FORMAT, applied, said.messages,
               said.running_time);
        CHECK (said.stream_time == (applied > 0 ? 6 * GST_SECOND : GST_CLOCK_TIME_NONE) || applied < 0,
               "stream time %" G_GUINT64_FORMAT, said.stream_time);
        CHECK (criticals == before, "applied rate %d: %d criticals", applied, criticals - before);
    }
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_open_segment ();
    check_palette ();
    check_bottom_up ();
    check_drawing_bottom_up ();
    return end_tests ();
}
