/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_overlay.c: how drawings get onto frames: attached or blended, in every format and size, beside those of others,
 * while properties change. CONVRELU_STORM_SECONDS=30 makes the storm of property changes longer. */
#include "overlay.h"

/* ---- nothing drawn --------------------------------------------------------------------------------------------- */

static void check_none (void)
{
    group ("overlay=none");
    for (int attach = 0; attach < 2; attach++) {
        struct rig rig = layers_rig (attach ? "overlay=feature-maps+labels" : "overlay=none", attach);
        rig_caps (&rig, "RGB", 320, 240);
        GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_spots);
        GstMemory *memory = gst_buffer_peek_memory (frame, 0);
        GST_MINI_OBJECT_FLAG_SET (memory, GST_MEMORY_FLAG_READONLY); /* to map it for writing would copy it */
        char *before = checksum (frame);
        GstBuffer *out = pass (&rig, frame);
        char *after = checksum (out);
        CHECK (gst_buffer_peek_memory (out, 0) == memory, "the frame lies in other memory");
        CHECK (strcmp (before, after) == 0, "pixels have changed");
        CHECK (!!attached (out) == attach, "attached: %d", !!attached (out));
        g_free (before);
        g_free (after);
        gst_buffer_unref (out);
        rig_free (&rig);
    }
}

/* ---- both paths ------------------------------------------------------------------------------------------------ */

static void compare_paths (GstVideoFormat format, int width, int height, const char *properties)
{
    const char *name = gst_video_format_to_string (format);
    struct rig blending = layers_rig (properties, FALSE), attaching = layers_rig (properties, TRUE);
    rig_caps (&blending, name, width, height);
    rig_caps (&attaching, name, width, height);
    GstBuffer *plain = new_frame (format, width, height, paint_spots);
    GstBuffer *blended = pass (&blending, new_frame (format, width, height, paint_spots));
    GstBuffer *carried = pass (&attaching, new_frame (format, width, height, paint_spots));
    GstVideoOverlayComposition *composition = attached (carried);
    int differing;
    CHECK (!attached (blended), "%s: blended and attached", name);
    CHECK (difference (plain, carried, &differing) == 0, "%s: attached, and %d bytes changed", name, differing);
    if (CHECK (composition != NULL, "%s: nothing is attached", name)) {
        GstVideoInfo info;
        GstVideoFrame frame;
        gst_video_info_set_format (&info, format, (guint)width, (guint)height);
        GstBuffer *drawn = gst_buffer_copy_deep (carried);
        gst_video_frame_map (&frame, &info, drawn, GST_MAP_READWRITE);
        gst_video_overlay_composition_blend (composition, &frame);
        gst_video_frame_unmap (&frame);
        int most = difference (drawn, blended, &differing);
        CHECK (most <= 3, "%s: blended here and there differ by %d", name, most);
        difference (plain, blended, &differing);
        CHECK (differing > width * height / 20, "%s: only %d bytes are drawn on", name, differing);
        gst_buffer_unref (drawn);
    }
    gst_buffer_unref (plain);
    gst_buffer_unref (blended);
    gst_buffer_unref (carried);
    rig_free (&blending);
    rig_free (&attaching);
}

static void check_paths (void)
{
    static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_NV21,
                                              GST_VIDEO_FORMAT_YV12, GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_BGRx,
                                              GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_GRAY8 };
    group ("attached and blended");
    for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
        compare_paths (formats[i], 320, 240, "overlay=labels+feature-maps");
        compare_paths (formats[i], 641, 479, "overlay=labels+feature-maps+class-activation stage=both opacity=0.7");
    }
}

/* ---- formats and sizes ----------------------------------------------------------------------------------------- */

static void check_formats (void)
{
    group ("every format");
    static const char all[] = GST_VIDEO_FORMATS_ALL;
    char **names = g_strsplit_set (all, "{}, ", -1);
    for (char **name = names; *name; name++) {
        GstVideoFormat format = **name ? gst_video_format_from_string (*name) : GST_VIDEO_FORMAT_UNKNOWN;
        if (format == GST_VIDEO_FORMAT_UNKNOWN)
            continue;
        struct rig rig = layers_rig ("overlay=labels+feature-maps+class-activation+stats+unit", FALSE);
        rig_caps (&rig, *name, 200, 160);
        GstBuffer *plain = new_frame (format, 200, 160, paint_spots);
        GstBuffer *out = pass (&rig, new_frame (format, 200, 160, paint_spots));
        int differing = 0;
        if (out)
            difference (plain, out, &differing);
        CHECK (differing > 0, "%s: nothing is drawn", *name);
        gst_clear_buffer (&out);
        gst_buffer_unref (plain);
        rig_free (&rig);
    }
    g_strfreev (names);
}

static void check_sizes (void)
{
    static const int sizes[][2] = { { 1, 1 },  { 2, 1 },   { 1, 2 },   { 3, 5 },   { 17, 9 },    { 33, 31 },
                                    { 64, 3 }, { 3, 100 }, { 90, 61 }, { 321, 7 }, { 799, 601 }, { 7680, 4320 } };
    static const char *const placements[] = { "inset", "right", "bottom", "full" };
    group ("sizes");
    for (guint p = 0; p < G_N_ELEMENTS (placements); p++) {
        char properties[160];
        snprintf (properties, sizeof properties, "overlay=%s class=%s stage=both channels=%d placement=%s",
                  p % 2 ? "labels+feature-maps+class-activation+stats" : "labels+unit+convolution+class-activation",
                  p < 2 ? "top-1" : "top-1,top-2", p % 2 ? 3 : 16, placements[p]);
        struct rig rig = layers_rig (properties, FALSE);
        for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
            if (sizes[i][0] > 4000 && p > 0)
                continue; /* one frame of that size is enough */
            rig_caps (&rig, i % 2 ? "I420" : "BGRx", sizes[i][0], sizes[i][1]);
            GstVideoFormat format = i % 2 ? GST_VIDEO_FORMAT_I420 : GST_VIDEO_FORMAT_BGRx;
            GstBuffer *out = pass (&rig, new_frame (format, sizes[i][0], sizes[i][1], paint_spots));
            gst_clear_buffer (&out);
        }
        rig_free (&rig);
    }
}

/* ---- beside others ---------------------------------------------------------------------------------------------- */

/* Downstream begins and ceases to draw compositions while frames go by. */
static void check_reconfigure (void)
{
    static const char plain[] = "video/x-raw",
                      both[] = "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition); video/x-raw";
    group ("downstream changes");
    struct rig rig = layers_rig ("overlay=feature-maps", FALSE);
    gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    rig_caps (&rig, "RGB", 320, 240);
    GstBuffer *before = new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_spots);
    for (int i = 0; i < 5; i++) {
        int draws = i % 2, differing = 0;
        if (i > 0)
            gst_harness_set_sink_caps_str (rig.h, draws ? both : plain);
        GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_spots));
        GstCaps *caps = gst_pad_get_current_caps (rig.h->sinkpad);
        CHECK (gst_caps_features_contains (gst_caps_get_features (caps, 0), "meta:GstVideoOverlayComposition") == draws,
               "change %d: the caps say otherwise", i);
        difference (before, out, &differing);
        CHECK (!!attached (out) == draws && (differing > 0) == !draws, "change %d: attached %d, %d bytes drawn on", i,
               !!attached (out), differing);
        gst_caps_unref (caps);
        gst_buffer_unref (out);
    }
    gst_buffer_unref (before);
    rig_free (&rig);
}

/* ---- storm ----------------------------------------------------------------------------------------------------- */

struct storm {
    GstElement *element;
    atomic_int stop;
    atomic_long changes;
};

static gpointer change_properties (gpointer data)
{
    static const char *const values[][2] = {
        { "overlay", "none" },
        { "overlay", "labels+feature-maps" },
        { "overlay", "class-activation+stats" },
        { "stage", "both" },
        { "stage", "pre-activation" },
        { "stage", "post-activation" },
        { "layers", "early" },
        { "layers", "first,second,nothing" },
        { "layers", "*" },
        { "channels", "1" },
        { "channels", "16" },
        { "channel-select", "strongest" },
        { "placement", "full" },
        { "placement", "bottom" },
        { "opacity", "0.5" },
        { "colormap", "diverging" },
        { "colormap", "gray" },
        { "activation", "gelu" },
        { "activation", "none" },
        { "activation", "model" },
        { "resize", "letterbox" },
        { "resize", "crop" },
        { "overlay", "unit" },
        { "overlay", "unit+convolution+class-activation+labels" },
        { "unit", "first:2" },
        { "unit", "second:walk" },
        { "unit", "late:1:3:4" },
        { "unit", "nothing:9999" },
        { "unit", "" },
        { "class", "top-1,top-2" },
        { "class", "0,2" },
        { "class", "none,of these" },
        { "class", "top-1" },
        { "channel-select", "class" },
        { "channel-select", "2,0" },
        { "overlay", "labels+feature-maps+class-activation+stats" },
    };
    struct storm *storm = data;
    guint32 state = 7;
    while (!atomic_load (&storm->stop)) {
        state = state * 1664525u + 1013904223u;
        const char *const *value = values[(state >> 8) % G_N_ELEMENTS (values)];
        gst_util_set_object_arg (G_OBJECT (storm->element), value[0], value[1]);
        GstStructure *stats = NULL;
        g_object_get (storm->element, "stats", &stats, NULL);
        gst_structure_free (stats);
        atomic_fetch_add (&storm->changes, 1);
        g_usleep (200);
    }
    return NULL;
}

static void check_storm (void)
{
    group ("a storm of changes");
    const char *wanted = g_getenv ("CONVRELU_STORM_SECONDS");
    gint64 length = (wanted ? atoi (wanted) : 1) * G_USEC_PER_SEC;
    for (int attach = 0; attach < 2; attach++) {
        struct rig rig = layers_rig ("overlay=labels+feature-maps", attach);
        struct storm storm = { .element = rig.element };
        rig_caps (&rig, attach ? "RGB" : "I420", 320, 240);
        GThread *thread = g_thread_new ("storm", change_properties, &storm);
        int frames = 0;
        for (gint64 end = g_get_monotonic_time () + length / 2; g_get_monotonic_time () < end || frames < 20;
             frames++) {
            GstVideoFormat format = attach ? GST_VIDEO_FORMAT_RGB : GST_VIDEO_FORMAT_I420;
            GstBuffer *out = pass (&rig, new_frame (format, 320, 240, paint_spots));
            gst_clear_buffer (&out);
            listen_to (rig.bus);
            alarm (SECONDS_PER_GROUP);
        }
        atomic_store (&storm.stop, 1);
        g_thread_join (thread);
        CHECK (storm.changes > 10, "only %ld changes in %d frames", (long)storm.changes, frames);
        rig_free (&rig);
    }
}

int main (int argc, char **argv)
{
    if (!start_overlay_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_none ();
    check_paths ();
    check_formats ();
    check_sizes ();
    check_reconfigure ();
    check_storm ();
    return end_tests ();
}
