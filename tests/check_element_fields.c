/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_fields.c: interlace-mode=alternate: each buffer holds one field, every other line of a frame. */
#include "element.h"

enum { WIDTH = 320, HEIGHT = 480 };

static unsigned paint_slope (int x, int y, int width, int height)
{
    return (unsigned)(255 * x / width) << 16 | (unsigned)(255 * y / height) << 8 | (y < height / 3 ? 200u : 20u);
}

static void field_caps (struct rig *rig, const char *features, const char *format, int height)
{
    char caps[256];
    snprintf (caps, sizeof caps,
              "video/x-raw(%s),format=(string)%s,width=%d,height=%d,framerate=25/1,interlace-mode=(string)alternate",
              features, format, WIDTH, height);
    gst_harness_set_src_caps_str (rig->h, caps);
}

/* A field shows the network what its frame does, cut as the frame is: its pixels are twice as high. */
static void check_seen (void)
{
    static const char *const resize[] = { "crop", "stretch", "letterbox" };
    guint count;
    group ("what is seen of a field");
    const GstVideoFormat *formats = gst_video_formats_raw (&count);
    for (size_t r = 0; r < G_N_ELEMENTS (resize); r++) {
        struct rig rig = rig_new (NULL);
        gst_util_set_object_arg (G_OBJECT (rig.element), "resize", resize[r]);
        for (guint f = 0; f < count; f++) {
            const char *name = gst_video_format_to_string (formats[f]);
            if (GST_VIDEO_FORMAT_INFO_IS_TILED (gst_video_format_get_info (formats[f])))
                continue; /* GstVideoInfo counts the tiles of the whole frame for a field */
            rig_caps (&rig, name, WIDTH, HEIGHT);
            struct said whole = show (&rig, new_frame (formats[f], WIDTH, HEIGHT, paint_slope));
            field_caps (&rig, "format:Interlaced", name, HEIGHT);
            struct said field = show (&rig, new_frame (formats[f], WIDTH, HEIGHT / 2, paint_slope));
            CHECK (field.messages == 1 && near (field.colour, whole.colour[0], whole.colour[1], whole.colour[2], 3),
                   "%s, %s: %.2f %.2f %.2f instead of %.2f %.2f %.2f", name, resize[r], (double)field.colour[0],
                   (double)field.colour[1], (double)field.colour[2], (double)whole.colour[0], (double)whole.colour[1],
                   (double)whole.colour[2]);
        }
        rig_free (&rig);
    }
}

/* A frame of an odd number of lines has fields of one more than half; what is cut short is bad input. */
static void check_odd (void)
{
    group ("an odd height");
    struct rig rig = rig_new (NULL);
    field_caps (&rig, "format:Interlaced", "RGB", 97);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, 49, paint_orange));
    CHECK (said.messages == 1 && near (said.colour, 200, 100, 50, 1), "seen as %.2f", (double)said.colour[0]);
    GstBuffer *cut = new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, 47, paint_orange);
    CHECK (gst_harness_push (rig.h, cut) == GST_FLOW_ERROR && listen_to (rig.bus).errors == 1, "47 lines pass for 49");
    rig_free (&rig);
}

/* The rows that differ from blue: first and last, or none. */
static bool drawn_rows (GstBuffer *buffer, int rows, int *first, int *last)
{
    GstMapInfo map;
    *first = rows;
    *last = -1;
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < WIDTH; x++) {
            const guint8 *pixel = map.data + (y * WIDTH + x) * 3;
            if (pixel[0] > 8 || pixel[1] > 8 || pixel[2] < 247) {
                *first = MIN (*first, y);
                *last = MAX (*last, y);
            }
        }
    gst_buffer_unmap (buffer, &map);
    return *last >= *first;
}

/* Blended at half the height, also where downstream draws; upstream's feature is handed on and nothing attached. */
static void check_drawn (void)
{
    static const char *const features[] = { "format:Interlaced", "format:Interlaced, meta:GstVideoOverlayComposition" };
    int first, last;
    group ("drawing on a field");
    struct rig rig = rig_new ("overlay=labels");
    gst_harness_set_sink_caps_str (rig.h, "video/x-raw");
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    GstFlowReturn flow = gst_harness_push (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, HEIGHT, paint_blue));
    GstBuffer *whole = gst_harness_try_pull (rig.h);
    bool any = whole && drawn_rows (whole, HEIGHT, &first, &last);
    CHECK (flow == GST_FLOW_OK && any, "nothing is drawn on a frame");
    gst_clear_buffer (&whole);
    rig_free (&rig);
    for (int f = 0; f < 2; f++) {
        int top, bottom;
        rig = rig_new ("overlay=labels");
        gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
        field_caps (&rig, features[f], "RGB", HEIGHT);
        flow = gst_harness_push (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, HEIGHT / 2, paint_blue));
        GstBuffer *out = gst_harness_try_pull (rig.h);
        bool drawn = out && drawn_rows (out, HEIGHT / 2, &top, &bottom);
        CHECK (flow == GST_FLOW_OK && drawn, "%s: flow %s, drawn %d", features[f], gst_flow_get_name (flow), drawn);
        CHECK (drawn && abs (2 * top - first) <= 3 && abs (2 * bottom - last) <= 3,
               "%s: drawn on rows %d to %d of a field, %d to %d of a frame", features[f], top, bottom, first, last);
        CHECK (out && !gst_buffer_get_meta (out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE), "and attached");
        gst_clear_buffer (&out);
        rig_free (&rig);
    }
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_seen ();
    check_odd ();
    check_drawn ();
    return end_tests ();
}
