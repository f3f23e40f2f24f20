/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_async.c: async=true: the network beside the stream. Frames never wait, results are of this stream, the
 * last one still comes; and changes of everything while it runs. */
#include "element.h"

/* Waits until the element has run the network `count` times. */
static bool until_inferred (struct rig *rig, guint64 count)
{
    for (int n = 0; n < 10000; n++) {
        if (stat_of (rig->element, "inferred") >= count)
            return true;
        g_usleep (1000);
    }
    return false;
}

/* Pushes a frame and takes what comes out, NULL: nothing did. */
static GstBuffer *pass_sized (struct rig *rig, painter paint, int n, int width, int height)
{
    GstFlowReturn flow = gst_harness_push (rig->h, timed (new_frame (GST_VIDEO_FORMAT_RGB, width, height, paint), n));
    CHECK (flow == GST_FLOW_OK, "frame %d: %s", n, gst_flow_get_name (flow));
    return gst_harness_try_pull (rig->h);
}

static GstBuffer *pass (struct rig *rig, painter paint, int n)
{
    return pass_sized (rig, paint, n, 50, 40);
}

/* What the frame carries: seen-timestamp, or NONE; *score: of the best class, *fresh. */
static GstClockTime carried (GstBuffer *buffer, const char *name, double *score, gboolean *fresh)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "convrelu");
    const GValue *own = meta ? gst_structure_get_value (gst_custom_meta_get_structure (meta), name) : NULL;
    guint64 seen = GST_CLOCK_TIME_NONE;
    if (own) {
        const GstStructure *said = gst_value_get_structure (own);
        gst_structure_get_uint64 (said, "seen-timestamp", &seen);
        gst_structure_get_double (said, "score", score);
        gst_structure_get_boolean (said, "fresh", fresh);
    }
    return seen;
}

static void check_beside (void)
{
    group ("beside the stream");
    struct rig rig = rig_new ("async=true repeat-messages=false");
    char *name = gst_element_get_name (rig.element);
    rig_caps (&rig, "RGB", 50, 40);
    GstClockTime last = 0;
    int latencies = 0;
    for (int n = 0; n < 30; n++) {
        double score = 0;
        gboolean fresh = TRUE;
        GstBuffer *out = pass (&rig, n < 15 ? paint_orange : paint_blue, n);
        if (!CHECK (out != NULL, "frame %d does not come out at once", n))
            continue;
        GstClockTime seen = carried (out, name, &score, &fresh);
        CHECK (n == 0 ? TRUE : seen != GST_CLOCK_TIME_NONE, "frame %d carries nothing", n);
        if (seen != GST_CLOCK_TIME_NONE) {
            CHECK (!fresh && seen <= GST_BUFFER_PTS (out) && seen >= last, "frame %d: fresh %d, seen %" GST_TIME_FORMAT,
                   n, fresh, GST_TIME_ARGS (seen));
            last = seen;
        }
        gst_buffer_unref (out);
        CHECK (until_inferred (&rig, (guint64)n + 1), "frame %d is never looked at", n);
        struct said said;
        int heard = 0;
        for (int i = 0; i < 5000 && heard == 0; i++, g_usleep (500)) { /* counted before it is posted */
            said = listen_to (rig.bus);
            heard = said.messages;
            latencies += said.latencies;
        }
        CHECK (heard == 1 && said.fresh && said.timestamp == gst_util_uint64_scale (GST_SECOND, (guint64)n, 30),
               "frame %d: %d messages, of %" GST_TIME_FORMAT, n, heard, GST_TIME_ARGS (said.timestamp));
        CHECK (n < 15 ? near (said.colour, 200, 100, 50, 2) : near (said.colour, 0, 0, 255, 2),
               "frame %d is seen as %.0f %.0f %.0f", n, (double)said.colour[0], (double)said.colour[1],
               (double)said.colour[2]);
    }
    CHECK (latencies == 0, "%d LATENCY messages, though it adds none", latencies);
    gst_harness_set_upstream_latency (rig.h, 40 * GST_MSECOND);
    CHECK (gst_harness_query_latency (rig.h) == 40 * GST_MSECOND, "it adds latency");
    g_free (name);
    rig_free (&rig);
}

/* However fast frames come, the last one's result is there when EOS has passed, and nothing comes after it. */
static void check_end_of_stream (void)
{
    group ("the last frame");
    for (int round = 0; round < 40; round++) {
        struct rig rig = rig_new ("async=true repeat-messages=false");
        rig_caps (&rig, "RGB", 50, 40);
        for (int n = 0; n < 5; n++)
            gst_clear_buffer (&(GstBuffer *) { pass (&rig, n == 4 ? paint_blue : paint_orange, n) });
        CHECK (gst_harness_push_event (rig.h, gst_event_new_eos ()), "EOS was refused");
        struct said said = listen_to (rig.bus);
        CHECK (said.messages >= 1 && said.timestamp == gst_util_uint64_scale (GST_SECOND, 4, 30) &&
                   near (said.colour, 0, 0, 255, 2),
               "round %d: %d messages, the last of %" GST_TIME_FORMAT, round, said.messages,
               GST_TIME_ARGS (said.timestamp));
        g_usleep (500);
        CHECK (listen_to (rig.bus).messages == 0, "round %d: a message after the end", round);
        rig_free (&rig);
    }
}

static void flush (struct rig *rig)
{
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig->h, gst_event_new_flush_start ());
    gst_harness_push_event (rig->h, gst_event_new_flush_stop (TRUE));
    gst_harness_push_event (rig->h, gst_event_new_segment (&segment));
}

/* After a flush, other caps or another stream nothing is said of what came before. Frames
 * are large, so that one is in work meanwhile. */
static void check_no_late_result (void)
{
    enum { WIDE = 640, HIGH = 480 };
    group ("another place, other caps, another stream");
    struct rig rig = rig_new ("async=true repeat-messages=true");
    rig_caps (&rig, "RGB", WIDE, HIGH);
    for (int round = 0; round < 150; round++) {
        gst_clear_buffer (&(GstBuffer *) { pass_sized (&rig, paint_blue, 2 * round, WIDE, HIGH) });
        if (round % 2)
            g_usleep ((gulong)(round * 7 % 300));
        if (round % 3 == 0)
            flush (&rig);
        else if (round % 3 == 1)
            rig_caps (&rig, "RGB", WIDE, HIGH + 1); /* caps as they are would change nothing */
        else
            gst_harness_push_event (rig.h, gst_event_new_stream_start ("another"));
        if (round % 3 == 1)
            rig_caps (&rig, "RGB", WIDE, HIGH);
        if (round % 3 == 2) {
            GstSegment segment;
            gst_segment_init (&segment, GST_FORMAT_TIME);
            rig_caps (&rig, "RGB", WIDE, HIGH);
            gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
        }
        listen_to (rig.bus);
        guint64 before = stat_of (rig.element, "inferred");
        gst_clear_buffer (&(GstBuffer *) { pass_sized (&rig, paint_orange, 2 * round + 1, WIDE, HIGH) });
        until_inferred (&rig, before + 1);
        gst_clear_buffer (&(GstBuffer *) { pass_sized (&rig, paint_orange, 2 * round + 1, WIDE, HIGH) });
        struct said said = listen_to (rig.bus);
        CHECK (said.messages == 0 || near (said.colour, 200, 100, 50, 2), "round %d: seen as %.0f %.0f %.0f", round,
               (double)said.colour[0], (double)said.colour[1], (double)said.colour[2]);
        CHECK (said.errors == 0, "round %d: %s", round, said.error);
    }
    rig_free (&rig);
}

/* What is drawn on a frame is not what the network sees of it. */
static void check_drawing (void)
{
    group ("drawing beside");
    struct rig rig = rig_new ("async=true overlay=labels+stats+feature-maps placement=full repeat-messages=false");
    rig_caps (&rig, "RGB", 320, 240);
    int drawn = 0;
    bool seen = true;
    for (int n = 0; n < 60 || (drawn == 0 && n < 5000); n++) { /* the first drawing loads fonts */
        GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_orange), n);
        char *before = checksum (frame);
        gst_harness_push (rig.h, frame);
        GstBuffer *out = gst_harness_pull (rig.h);
        char *after = checksum (out);
        drawn += g_strcmp0 (before, after) != 0;
        g_free (before);
        g_free (after);
        gst_buffer_unref (out);
        g_usleep (2000);
        struct said said = listen_to (rig.bus);
        seen &= said.messages == 0 || near (said.colour, 200, 100, 50, 2);
    }
    CHECK (seen, "the network sees what was drawn");
    CHECK (drawn > 0, "nothing is drawn on any frame");
    g_object_set (rig.element, "overlay", 0, NULL);
    GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_orange), 61);
    char *before = checksum (frame);
    gst_harness_push (rig.h, frame);
    GstBuffer *out = gst_harness_pull (rig.h);
    char *after = checksum (out);
    CHECK (g_strcmp0 (before, after) == 0, "it is drawn on with overlay=none");
    g_free (before);
    g_free (after);
    gst_buffer_unref (out);
    rig_free (&rig);
}

static void check_turns (void)
{
    char dim[64];
    group ("in step and beside in turn, other networks, states");
    in_folder (dim, sizeof dim, "dim.onnx");
    write_tiny (dim, 0.5f);
    struct rig rig = rig_new ("async=true");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 300; n++) {
        if (n % 7 == 0)
            g_object_set (rig.element, "async", n % 2 == 0, NULL);
        if (n % 25 == 0)
            g_object_set (rig.element, "model-file", n % 2 ? model_file : dim, NULL);
        if (n % 11 == 0)
            g_object_set (rig.element, "threads", 1 + n % 3, "overlay", n % 4, NULL);
        GstBuffer *out = pass (&rig, paint_orange, n);
        CHECK (out != NULL, "frame %d was lost", n);
        gst_clear_buffer (&out);
        struct said said = listen_to (rig.bus);
        CHECK (said.errors == 0 && said.warnings == 0, "frame %d: %s%s", n, said.error, said.warning);
        CHECK (said.messages == 0 || near (said.colour, 200, 100, 50, 2) || near (said.colour, 100, 50, 25, 2),
               "frame %d is seen as %.0f", n, (double)said.colour[0]);
    }
    CHECK (stat_of (rig.element, "frames") == 300, "%" G_GUINT64_FORMAT " frames", stat_of (rig.element, "frames"));
    g_object_set (rig.element, "async", TRUE, NULL);
    gst_clear_buffer (&(GstBuffer *) { pass (&rig, paint_orange, 301) });
    rig_free (&rig); /* with a frame in work */

    struct rig bad = rig_new ("async=true");
    rig_caps (&bad, "RGB", 50, 40);
    GstFlowReturn flow = GST_FLOW_OK;
    for (int n = 0; n < 5000 && flow == GST_FLOW_OK; n++, g_usleep (500))
        flow = gst_harness_push (bad.h, gst_buffer_new ());
    struct said said = listen_to (bad.bus);
    CHECK (flow == GST_FLOW_ERROR && said.errors == 1, "empty buffers: %s, %d errors", gst_flow_get_name (flow),
           said.errors);
    rig_free (&bad);
}

/* Every second frame, and none of videorate's duplicates. */
static void check_between (void)
{
    group ("frames between");
    struct rig rig = rig_new ("async=true inference-interval=2");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 20; n++) {
        gst_clear_buffer (&(GstBuffer *) { pass (&rig, paint_orange, n) });
        CHECK (until_inferred (&rig, (guint64)n / 2 + 1), "frame %d is not looked at", n);
    }
    g_object_set (rig.element, "inference-interval", 1, NULL);
    GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 20);
    GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_GAP);
    gst_harness_push (rig.h, frame);
    GstBuffer *out = gst_harness_pull (rig.h);
    gst_clear_buffer (&out);
    CHECK (gst_harness_push_event (rig.h, gst_event_new_eos ()), "EOS was refused");
    CHECK (stat_of (rig.element, "inferred") == 10, "%" G_GUINT64_FORMAT " of 10", stat_of (rig.element, "inferred"));
    rig_free (&rig);
}

struct storm {
    GstElement *element;
    atomic_bool over;
};

static gpointer blow (gpointer data)
{
    static const char *const settings[][2] = {
        { "async", "true" },       { "async", "false" },          { "threads", "1" },     { "threads", "2" },
        { "overlay", "labels" },   { "overlay", "none" },         { "overlay", "stats" }, { "activation", "gelu" },
        { "activation", "model" }, { "inference-interval", "1" }, { "smoothing", "1" },   { "inference-interval", "3" },
    };
    struct storm *storm = data;
    for (guint n = 0; !atomic_load (&storm->over); n++) {
        guint which = n * 7 % G_N_ELEMENTS (settings);
        gst_util_set_object_arg (G_OBJECT (storm->element), settings[which][0], settings[which][1]);
        g_usleep (700);
    }
    return NULL;
}

static void check_storm (void)
{
    group ("properties from another thread, flushes, caps, states");
    struct rig rig = rig_new ("async=true");
    struct storm storm = { .element = rig.element };
    GThread *thread = g_thread_new ("storm", blow, &storm);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 500; n++) {
        int width = 50 + n / 25 % 3;
        if (n % 25 == 0)
            rig_caps (&rig, "I420", width, 40);
        if (n % 60 == 59)
            flush (&rig);
        GstFlowReturn flow =
            gst_harness_push (rig.h, timed (new_frame (GST_VIDEO_FORMAT_I420, width, 40, paint_orange), n));
        CHECK (flow == GST_FLOW_OK, "frame %d: %s", n, gst_flow_get_name (flow));
        GstBuffer *out = gst_harness_try_pull (rig.h);
        gst_clear_buffer (&out);
        struct said said = listen_to (rig.bus);
        CHECK (said.errors == 0, "frame %d: %s", n, said.error);
        g_usleep (300);
    }
    atomic_store (&storm.over, true);
    g_thread_join (thread);
    rig_free (&rig);
}

/* Frames of a pool, as most sources have them, stay writable and carry results; the pool gets them back, or gives them
 * up. */
static void check_pool (void)
{
    enum { ROUNDS = 60 };
    group ("frames of a pool");
    struct rig rig = rig_new ("async=true overlay=labels");
    GstVideoInfo info;
    rig_caps (&rig, "RGB", 50, 40);
    gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, 50, 40);
    GstBufferPool *pool = gst_video_buffer_pool_new ();
    GstStructure *config = gst_buffer_pool_get_config (pool);
    GstCaps *caps = gst_video_info_to_caps (&info);
    gst_buffer_pool_config_set_params (config, caps, (guint)info.size, 2, 0);
    CHECK (gst_buffer_pool_set_config (pool, config) && gst_buffer_pool_set_active (pool, TRUE), "no pool");
    int with = 0, through = 0;
    for (int n = 0; n < ROUNDS || (with == 0 && n < 2000); n++) {
        GstBuffer *frame = NULL;
        if (gst_buffer_pool_acquire_buffer (pool, &frame, NULL) != GST_FLOW_OK)
            break;
        gst_buffer_memset (frame, 0, 120, info.size);
        GST_BUFFER_PTS (frame) = (GstClockTime)n * GST_SECOND / 30;
        GstBuffer *out = NULL;
        if (gst_harness_push (rig.h, frame) == GST_FLOW_OK && (out = gst_harness_try_pull (rig.h))) {
            through++;
            with += result_of (out, NULL) != NULL;
        }
        gst_clear_buffer (&out);
        g_usleep (500);
    }
    CHECK (through >= ROUNDS && with > 0, "%d frames came through, %d with a result", through, with);
    rig_free (&rig);
    gst_buffer_pool_set_active (pool, FALSE);
    gst_object_unref (pool);
    gst_caps_unref (caps);
}

/* Where rows are further apart than the picture is wide the network sees the same. */
static void check_layout (void)
{
    enum { STRIDE = 3 * 50 + 66 };
    group ("rows that are further apart");
    struct rig rig = rig_new ("async=true repeat-messages=false");
    rig_caps (&rig, "RGB", 50, 40);
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 };
    gint stride[GST_VIDEO_MAX_PLANES] = { STRIDE };
    GstBuffer *frame = timed (gst_buffer_new_allocate (NULL, (gsize)STRIDE * 40, NULL), 0);
    GstMapInfo map;
    gst_buffer_map (frame, &map, GST_MAP_WRITE);
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < STRIDE; x++) /* blue, with red between the rows */
            map.data[y * STRIDE + x] = x < 150 ? (x % 3 == 2) * 255 : (x % 3 == 0) * 255;
    gst_buffer_unmap (frame, &map);
    gst_buffer_add_video_meta_full (frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, 50, 40, 1, offset, stride);
    CHECK (gst_harness_push (rig.h, frame) == GST_FLOW_OK && gst_harness_push_event (rig.h, gst_event_new_eos ()),
           "it does not go through");
    struct said said = listen_to (rig.bus);
    CHECK (said.messages == 1 && near (said.colour, 0, 0, 255, 2), "%d messages, the colour is %g %g %g", said.messages,
           said.colour[0], said.colour[1], said.colour[2]);
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_beside ();
    check_end_of_stream ();
    check_no_late_result ();
    check_drawing ();
    check_turns ();
    check_between ();
    check_storm ();
    check_pool ();
    check_layout ();
    return end_tests ();
}
