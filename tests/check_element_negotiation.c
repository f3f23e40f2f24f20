/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_negotiation.c: the caps that go downstream: plain while nothing is drawn, with the overlay feature only
 * to who draws it, never to try; by way of elements of GStreamer's own that look at them. */
#include "element.h"

/* The CAPS events that went by. */
struct seen {
    atomic_int events, with_feature;
    bool last; /* had the feature */
};

static GstPadProbeReturn look (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct seen *seen = data;
    GstCaps *caps;
    if (GST_EVENT_TYPE (info->data) != GST_EVENT_CAPS)
        return GST_PAD_PROBE_OK;
    gst_event_parse_caps (info->data, &caps);
    seen->last = gst_caps_features_contains (gst_caps_get_features (caps, 0), "meta:GstVideoOverlayComposition");
    seen->events++;
    seen->with_feature += seen->last;
    return GST_PAD_PROBE_OK;
}

static void watch (GstElement *element, struct seen *seen)
{
    GstPad *pad = gst_element_get_static_pad (element, "src");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, look, seen, NULL);
    gst_object_unref (pad);
}

/* ---- elements downstream --------------------------------------------------------------------------------------- */

/* Runs `text` to its end, its element "net" with the tiny network. FALSE: an error, which is in `said`. */
static bool run_pipeline (const char *text, struct seen *seen, char *said, size_t size)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch (text, &error);
    snprintf (said, size, "%s", error ? error->message : "");
    if (error || !pipeline) {
        g_clear_error (&error);
        return false;
    }
    GstElement *net = gst_bin_get_by_name (GST_BIN (pipeline), "net");
    g_object_set (net, "model-file", model_file, "labels-file", labels_file, NULL);
    watch (net, seen);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *end =
        gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline), 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    bool good = end && GST_MESSAGE_TYPE (end) == GST_MESSAGE_EOS;
    if (end && !good) {
        gst_message_parse_error (end, &error, NULL);
        snprintf (said, size, "%s: %s", GST_MESSAGE_SRC_NAME (end), error->message);
        g_clear_error (&error);
    }
    gst_clear_message (&end);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (net);
    gst_object_unref (pipeline);
    return good;
}

/* None of them draws compositions: one CAPS event, and it is plain. */
static void check_elements (void)
{
    static const char *const behind[] = {
        "videocrop left=20",
        "videocrop left=20 ! videoconvert",
        "queue ! videocrop top=3 bottom=4",
        "identity ! videocrop right=8",
        "aspectratiocrop aspect-ratio=1/1",
        "videoscale ! video/x-raw,width=32",
        "capsfilter caps=video/x-raw",
        "videoflip method=rotate-180",
        "tee",
        "videorate",
        "convrelu overlay=labels",
    };
    static const char *const overlay[] = { "none", "labels" };
    group ("elements downstream");
    for (size_t e = 0; e < G_N_ELEMENTS (behind); e++)
        for (int o = 0; o < 2; o++) {
            char text[512], said[512];
            struct seen seen = { 0 };
            snprintf (text, sizeof text,
                      "videotestsrc num-buffers=4 ! video/x-raw,format=I420,width=64,height=48 ! "
                      "convrelu name=net overlay=%s ! %s ! fakesink",
                      overlay[o], behind[e]);
            bool good = run_pipeline (text, &seen, said, sizeof said);
            CHECK (good, "overlay=%s ! %s: %s", overlay[o], behind[e], said);
            CHECK (seen.events == 1 && seen.with_feature == 0, "overlay=%s ! %s: %d CAPS events, %d with the feature",
                   overlay[o], behind[e], (int)seen.events, (int)seen.with_feature);
        }
}

/* ---- the property ---------------------------------------------------------------------------------------------- */

enum { WIDTH = 320, HEIGHT = 240 }; /* on 64x48 the stats have room or not, as their figures are long */

static GstBuffer *pass (struct rig *rig)
{
    GstFlowReturn flow = gst_harness_push (rig->h, new_frame (GST_VIDEO_FORMAT_RGB, WIDTH, HEIGHT, paint_orange));
    GstBuffer *out = gst_harness_try_pull (rig->h);
    CHECK (flow == GST_FLOW_OK && out, "the frame's flow is %s", gst_flow_get_name (flow));
    return out;
}

/* The caps follow the property from the next frame on, and only where downstream draws. */
static void check_property (void)
{
    static const char *const overlay[] = { "none", "labels", "labels+stats", "none", "none", "stats" };
    static const int events[2][6] = { { 1, 1, 1, 1, 1, 1 }, { 1, 2, 2, 3, 3, 4 } };
    for (int draws = 0; draws < 2; draws++) {
        group (draws ? "overlay changes, downstream draws" : "overlay changes, downstream does not draw");
        struct rig rig = rig_new ("overlay=none");
        struct seen seen = { 0 };
        if (draws)
            gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
        watch (rig.element, &seen);
        rig_caps (&rig, "RGB", WIDTH, HEIGHT);
        for (int i = 0; i < 6; i++) {
            gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", overlay[i]);
            GstBuffer *out = pass (&rig);
            bool any = strcmp (overlay[i], "none") != 0;
            bool carried = out && gst_buffer_get_meta (out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE);
            CHECK (seen.events == events[draws][i] && seen.last == (any && draws),
                   "change %d: %d CAPS events instead of %d, the last with the feature: %d", i, (int)seen.events,
                   events[draws][i], seen.last);
            CHECK (carried == (any && draws), "change %d: attached %d", i, carried);
            gst_clear_buffer (&out);
        }
        rig_free (&rig);
    }
}

/* Downstream that takes nothing but the feature gets it, drawn or not. */
static void check_feature_only (void)
{
    static const char *const overlay[] = { "none", "labels" };
    group ("downstream takes only the feature");
    for (int o = 0; o < 2; o++) {
        struct rig rig = rig_new (NULL);
        struct seen seen = { 0 };
        gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", overlay[o]);
        gst_harness_set_sink_caps_str (rig.h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition)");
        watch (rig.element, &seen);
        rig_caps (&rig, "RGB", WIDTH, HEIGHT);
        GstBuffer *out = pass (&rig);
        bool carried = out && gst_buffer_get_meta (out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE);
        CHECK (seen.events == 1 && seen.last && carried == (o == 1), "overlay=%s: %d CAPS events, feature %d, drawn %d",
               overlay[o], (int)seen.events, seen.last, carried);
        gst_clear_buffer (&out);
        rig_free (&rig);
    }
}

/* ---- another downstream ---------------------------------------------------------------------------------------- */

/* From a sink that draws to videocrop, which must not meet the feature, and back, while frames come. */
static void check_relink (void)
{
    group ("linked anew");
    struct rig rig = rig_new ("overlay=labels");
    gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    rig_caps (&rig, "RGB", 64, 48);
    GstHarness *other = gst_harness_new_with_padnames ("videocrop", NULL, "src");
    g_object_set (other->element, "left", 20, NULL);
    GstPad *src = gst_element_get_static_pad (rig.element, "src");
    GstPad *crop = gst_element_get_static_pad (other->element, "sink");
    for (int i = 0; i < 3; i++) {
        struct seen seen = { 0 };
        GstPad *from = i % 2 ? rig.h->sinkpad : crop, *to = i % 2 ? crop : rig.h->sinkpad;
        if (i > 0) {
            CHECK (gst_pad_unlink (src, from), "cannot unlink");
            CHECK (gst_pad_link (src, to) == GST_PAD_LINK_OK, "cannot link");
        }
        gulong probe = gst_pad_add_probe (to, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, look, &seen, NULL);
        GstFlowReturn flow = gst_harness_push (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, 64, 48, paint_orange));
        GstBuffer *out = gst_harness_try_pull (i % 2 ? other : rig.h);
        bool carried = out && gst_buffer_get_meta (out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE);
        CHECK (flow == GST_FLOW_OK && out, "link %d: the frame's flow is %s", i, gst_flow_get_name (flow));
        CHECK (carried == !(i % 2), "link %d: attached %d", i, carried);
        CHECK (!(i % 2) || (seen.events == 1 && !seen.with_feature), "link %d: %d CAPS events, %d with the feature", i,
               (int)seen.events, (int)seen.with_feature);
        gst_clear_buffer (&out);
        gst_pad_remove_probe (to, probe);
    }
    gst_object_unref (crop);
    gst_object_unref (src);
    gst_harness_teardown (other);
    rig_free (&rig);
}

/* ---- a drawing of upstream's ----------------------------------------------------------------------------------- */

static GstVideoOverlayRectangle *new_square (int x, int y)
{
    GstBuffer *pixels = gst_buffer_new_allocate (NULL, 8 * 8 * 4, NULL);
    gst_buffer_memset (pixels, 0, 0xff, 8 * 8 * 4);
    gst_buffer_add_video_meta (pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, 8, 8);
    GstVideoOverlayRectangle *square =
        gst_video_overlay_rectangle_new_raw (pixels, x, y, 8, 8, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
    gst_buffer_unref (pixels);
    return square;
}

/* The compositions that a buffer carries; *rectangles in the first, *lowest: where the first of them is. */
static int count_compositions (GstBuffer *buffer, guint *rectangles, int *lowest)
{
    gpointer state = NULL;
    GstMeta *meta;
    int count = 0;
    while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE))) {
        GstVideoOverlayComposition *overlay = ((GstVideoOverlayCompositionMeta *)meta)->overlay;
        if (count++ > 0)
            continue;
        *rectangles = gst_video_overlay_composition_n_rectangles (overlay);
        gst_video_overlay_rectangle_get_render_rectangle (gst_video_overlay_composition_get_rectangle (overlay, 0),
                                                          lowest, NULL, NULL, NULL);
    }
    return count;
}

/* Both are in one composition, upstream's below; and upstream's own object is not changed. */
static void check_upstream (void)
{
    group ("upstream draws, too");
    struct rig rig = rig_new ("overlay=none");
    gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    gst_harness_set_src_caps_str (rig.h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition), "
                                         "format=RGB, width=64, height=48, framerate=30/1");
    GstVideoOverlayComposition *theirs = gst_video_overlay_composition_new (NULL);
    for (int x = 5; x <= 15; x += 10) {
        GstVideoOverlayRectangle *square = new_square (x, 3);
        gst_video_overlay_composition_add_rectangle (theirs, square);
        gst_video_overlay_rectangle_unref (square);
    }
    static const char *const overlays[] = { "none", "labels", "labels+stats" };
    for (int i = 0; i < 3; i++) {
        guint rectangles = 0;
        int lowest = -1;
        gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", overlays[i]);
        GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGB, 64, 48, paint_orange);
        gst_buffer_add_video_overlay_composition_meta (frame, theirs);
        GstBuffer *out = gst_harness_push_and_pull (rig.h, frame);
        int count = count_compositions (out, &rectangles, &lowest);
        CHECK (count == 1 && lowest == 5 && (i > 0 ? rectangles > 2 : rectangles == 2),
               "overlay=%s: %d compositions, %u rectangles, the lowest at %d", overlays[i], count, rectangles, lowest);
        CHECK (gst_video_overlay_composition_n_rectangles (theirs) == 2, "overlay=%s: upstream's has changed",
               overlays[i]);
        gst_buffer_unref (out);
    }
    gst_video_overlay_composition_unref (theirs);
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_elements ();
    check_property ();
    check_feature_only ();
    check_relink ();
    check_upstream ();
    return end_tests ();
}
