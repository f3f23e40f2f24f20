/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_live.c: the element over time: caps and seeks in mid-stream, states, properties and models that change
 * while it plays, several at once, and whole clips of the shared data. */
#include "element.h"

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

/* ---- streams --------------------------------------------------------------------------------------------------- */

static void check_renegotiation (void)
{
    static const struct {
        const char *name;
        GstVideoFormat format;
        int width, height;
    } stream[] = {
        { "RGB", GST_VIDEO_FORMAT_RGB, 64, 48 },     { "RGB", GST_VIDEO_FORMAT_RGB, 640, 480 },
        { "I420", GST_VIDEO_FORMAT_I420, 640, 480 }, { "I420", GST_VIDEO_FORMAT_I420, 1, 1 },
        { "NV12", GST_VIDEO_FORMAT_NV12, 999, 3 },   { "GRAY8", GST_VIDEO_FORMAT_GRAY8, 999, 3 },
        { "BGRA", GST_VIDEO_FORMAT_BGRA, 16, 1000 }, { "v210", GST_VIDEO_FORMAT_v210, 47, 31 },
        { "RGB", GST_VIDEO_FORMAT_RGB, 64, 48 },
    };
    group ("renegotiation");
    struct rig rig = rig_new ("inference-interval=3");
    for (gsize i = 0; i < G_N_ELEMENTS (stream); i++) {
        bool grey = stream[i].format == GST_VIDEO_FORMAT_GRAY8;
        rig_caps (&rig, stream[i].name, stream[i].width, stream[i].height);
        for (int n = 0; n < 4; n++) {
            struct said said =
                show (&rig, new_frame (stream[i].format, stream[i].width, stream[i].height, paint_orange));
            CHECK (said.messages == 1 && said.fresh == (n % 3 == 0), "%s %dx%d, frame %d: %d messages, fresh %d",
                   stream[i].name, stream[i].width, stream[i].height, n, said.messages, said.fresh);
            CHECK (grey ? said.colour[0] > 90 && said.colour[0] < 140 : near (said.colour, 200, 100, 50, 5),
                   "%s %dx%d: seen as %.0f %.0f %.0f", stream[i].name, stream[i].width, stream[i].height,
                   (double)said.colour[0], (double)said.colour[1], (double)said.colour[2]);
        }
    }
    /* Only the frame rate. */
    gst_harness_set_src_caps_str (rig.h, "video/x-raw, format=RGB, width=64, height=48, framerate=0/1");
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 64, 48, paint_orange));
    CHECK (near (said.colour, 200, 100, 50, 3), "at a variable rate it is seen as %.0f", (double)said.colour[0]);
    rig_free (&rig);
}

static void push_segment (struct rig *rig, double rate, GstFormat format, guint64 start)
{
    GstSegment segment;
    gst_segment_init (&segment, format);
    segment.rate = rate;
    segment.start = start;
    segment.time = start;
    if (rate < 0)
        segment.stop = 100 * GST_SECOND;
    CHECK (gst_harness_push_event (rig->h, gst_event_new_segment (&segment)), "a segment was refused");
}

static void check_flush (void)
{
    group ("flush, segments, end of stream");
    struct rig rig = rig_new ("inference-interval=1000");
    rig_caps (&rig, "RGB", 50, 40);
    CHECK (show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 0)).fresh, "first frame");
    for (int n = 0; n < 20; n++) {
        struct said said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_blue), 1));
        CHECK (!said.fresh && near (said.colour, n ? 0 : 200, n ? 0 : 100, n ? 255 : 50, 2), "before seek %d", n);
        CHECK (gst_harness_push_event (rig.h, gst_event_new_flush_start ()), "FLUSH_START was refused");
        CHECK (gst_harness_push (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_blue)) == GST_FLOW_FLUSHING,
               "a frame passes while flushing");
        CHECK (gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE)), "FLUSH_STOP was refused");
        push_segment (&rig, n % 3 == 1 ? -1 : n % 3 == 2 ? 4 : 1, n == 10 ? GST_FORMAT_BYTES : GST_FORMAT_TIME, 0);
        said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_blue), 1));
        CHECK (said.fresh && near (said.colour, 0, 0, 255, 2), "after seek %d: fresh %d, seen as %.0f %.0f %.0f", n,
               said.fresh, (double)said.colour[0], (double)said.colour[1], (double)said.colour[2]);
        if (n == 10)
            CHECK (said.running_time == GST_CLOCK_TIME_NONE, "a running time in a segment of bytes");
    }
    CHECK (gst_harness_push_event (rig.h, gst_event_new_eos ()), "EOS was refused");
    GstFlowReturn flow = gst_harness_push (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_blue));
    CHECK (flow == GST_FLOW_EOS, "a frame after EOS is %s", gst_flow_get_name (flow));
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    rig_free (&rig);
}

static void check_order (void)
{
    group ("frames before caps");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    GstPad *pad = gst_element_get_static_pad (element, "sink");
    gst_element_set_state (element, GST_STATE_PLAYING);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_send_event (pad, gst_event_new_stream_start ("test"));
    gst_pad_send_event (pad, gst_event_new_segment (&segment));
    GstFlowReturn flow = gst_pad_chain (pad, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_blue));
    CHECK (flow == GST_FLOW_NOT_NEGOTIATED, "a frame before caps is %s", gst_flow_get_name (flow));
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (pad);
    gst_object_unref (element);
    gst_object_unref (bus);
}

/* ---- states ---------------------------------------------------------------------------------------------------- */

static void check_states (void)
{
    static const GstState walk[] = {
        GST_STATE_READY,  GST_STATE_NULL,    GST_STATE_READY,  GST_STATE_PAUSED,  GST_STATE_READY, GST_STATE_NULL,
        GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PLAYING,
        GST_STATE_NULL,   GST_STATE_PLAYING, GST_STATE_NULL,   GST_STATE_NULL,
    };
    group ("states");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    for (int round = 0; round < 30; round++)
        for (gsize i = 0; i < G_N_ELEMENTS (walk); i++) {
            GstStateChangeReturn change = gst_element_set_state (element, walk[i]);
            CHECK (change == GST_STATE_CHANGE_SUCCESS, "round %d, step %d: %s", round, (int)i,
                   gst_element_state_change_return_get_name (change));
        }
    CHECK (listen_to (bus).errors == 0, "errors on the way");
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);

    /* Frames in every life. */
    struct rig rig = rig_new (NULL);
    for (int life = 0; life < 5; life++) {
        gst_element_set_state (rig.element, GST_STATE_PLAYING);
        gst_harness_push_event (rig.h, gst_event_new_stream_start ("test"));
        rig_caps (&rig, "RGB", 50 + life, 40);
        GstSegment segment;
        gst_segment_init (&segment, GST_FORMAT_TIME);
        gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
        struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50 + life, 40, paint_orange));
        CHECK (said.fresh && near (said.colour, 200, 100, 50, 2), "life %d: seen as %.0f", life,
               (double)said.colour[0]);
        CHECK (stat_of (rig.element, "frames") == 1, "life %d: the counters did not start again", life);
        gst_element_set_state (rig.element, GST_STATE_READY);
    }
    rig_free (&rig);
}

/* Every step of the network in the statistics, with a name and, after a frame, a time. */
static void check_step_times (void)
{
    group ("times of steps");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    GstStructure *stats = NULL;
    g_object_get (rig.element, "stats", &stats, NULL);
    const GValue *steps = gst_structure_get_value (stats, "steps");
    guint count = steps ? gst_value_array_get_size (steps) : 0;
    CHECK (count >= 1, "%u steps", count);
    guint64 sum = 0;
    for (guint i = 0; i < count; i++) {
        const GstStructure *step = gst_value_get_structure (gst_value_array_get_value (steps, i));
        guint64 time = 0;
        CHECK (gst_structure_get_string (step, "name") && gst_structure_get_uint64 (step, "time", &time), "step %u", i);
        sum += time;
    }
    guint64 inference = stat_of (rig.element, "inference-mean");
    CHECK (sum > 0 && (inference == 0 || sum < 10 * inference), "%" G_GUINT64_FORMAT " ns in all steps", sum);
    gst_structure_free (stats);
    rig_free (&rig);
}

/* An application's handler that asks and sets whatever it likes while a message is being posted. */
static GstBusSyncReply meddle (GstBus *bus, GstMessage *message, gpointer element)
{
    GstStructure *stats = NULL;
    GValue names = G_VALUE_INIT;
    g_value_init (&names, GST_TYPE_ARRAY);
    g_object_get (element, "stats", &stats, NULL);
    g_object_get_property (element, "layer-names", &names);
    g_object_set (element, "top-k", 4, "post-messages", TRUE, NULL);
    gst_structure_free (stats);
    g_value_unset (&names);
    return GST_BUS_PASS;
}

static void check_handler (void)
{
    group ("locks while posting");
    struct rig rig = rig_new (NULL);
    gst_bus_set_sync_handler (rig.bus, meddle, rig.element, NULL);
    rig_caps (&rig, "RGB", 50, 40);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    CHECK (said.messages == 1, "%d messages", said.messages);
    CHECK (gst_harness_push (rig.h, gst_buffer_new ()) == GST_FLOW_ERROR, "an empty buffer passes");
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", "/nowhere/at/all.onnx", NULL);
    CHECK (gst_element_set_state (rig.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE,
           "it starts without a model");
    CHECK (listen_to (rig.bus).errors == 2, "errors are lost");
    gst_bus_set_sync_handler (rig.bus, NULL, NULL, NULL);
    rig_free (&rig);
}

/* ---- changes while playing --------------------------------------------------------------------------------------- */

/* One frame; FALSE unless it passes with a message and without errors. */
static bool go_on (struct rig *rig, struct said *said)
{
    g_usleep (1000);
    return shown (rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), said) && said->messages == 1 &&
           said->errors == 0;
}

/* Pushes frames until the picture is seen in the strength `red`. FALSE: it never was, or a frame was lost on the way.
 * How many frames that takes is the machine's affair, so they are not counted as checks. */
static bool until_red (struct rig *rig, float red, int *warnings)
{
    struct said said = { .colour = { -1 } };
    for (int n = 0; n < 5000 && fabsf (said.colour[0] - red) >= 2; n++) {
        if (!go_on (rig, &said))
            return false;
        *warnings += said.warnings;
    }
    return fabsf (said.colour[0] - red) < 2;
}

/* The same until a warning that has `text`; till then the old model must go on. */
static bool until_warned (struct rig *rig, const char *text)
{
    struct said said = { .warnings = 0 };
    for (int n = 0; n < 5000 && said.warnings == 0; n++)
        if (!go_on (rig, &said) || !near (said.colour, 200, 100, 50, 2))
            return false;
    return said.warnings == 1 && strstr (said.warning, text);
}

static void check_swap (void)
{
    char dim[64], large[64], broken[64];
    struct bytes model;
    float weights[CLASSES * 3] = { gain / 255 / 4, 0, 0, 0, gain / 255 / 4, 0, 0, 0, gain / 255 / 4 };
    int warnings = 0;
    group ("another model while playing");
    in_folder (dim, sizeof dim, "dim.onnx");
    in_folder (large, sizeof large, "large.onnx");
    in_folder (broken, sizeof broken, "broken.onnx");
    write_tiny (dim, 0.5f);
    write_file (broken, "\x08\x08:", 3);
    tiny_onnx (&model, 3 * SIDE, CLASSES, weights, (float[CLASSES]) { 0 }, NULL); /* another input size */
    write_file (large, model.data, model.size);
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    for (int round = 0; round < 10; round++) {
        CHECK (until_red (&rig, 200, &warnings), "round %d: the first model did not come back", round);
        g_object_set (rig.element, "model-file", round % 2 ? broken : "/nowhere/at/all.onnx", NULL);
        CHECK (until_warned (&rig, round % 2 ? broken : "/nowhere"), "round %d: no warning", round);
        g_object_set (rig.element, "model-file", dim, NULL);
        CHECK (until_red (&rig, 100, &warnings), "round %d: the second model never came", round);
        g_object_set (rig.element, "model-file", large, NULL);
        CHECK (until_red (&rig, 50, &warnings), "round %d: the large model never came", round);
        g_object_set (rig.element, "model-file", model_file, NULL);
    }
    CHECK (warnings == 0, "%d warnings about good models", warnings);
    CHECK (until_red (&rig, 200, &warnings), "the first model did not come back");
    g_object_set (rig.element, "model-file", large, NULL); /* stops while it loads */
    show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    rig_free (&rig);
}

/* mean, set along with another file, waits for it: the picture is never seen as 200 - 40. */
static void check_swap_preparation (void)
{
    char dim[64];
    struct said said;
    bool kept = true;
    group ("another model and mean while playing");
    in_folder (dim, sizeof dim, "dim.onnx");
    write_tiny (dim, 0.5f);
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    CHECK (go_on (&rig, &said) && near (said.colour, 200, 100, 50, 2), "before any change");
    g_object_set (rig.element, "model-file", dim, NULL);
    gst_util_set_object_arg (G_OBJECT (rig.element), "mean", "<40>");
    for (int n = 0; n < 5000 && kept && !near (said.colour, 80, 30, 5, 2); n++)
        kept = go_on (&rig, &said) && (near (said.colour, 200, 100, 50, 2) || near (said.colour, 80, 30, 5, 2));
    CHECK (kept && near (said.colour, 80, 30, 5, 2), "between the two it is seen as %.0f %.0f %.0f",
           (double)said.colour[0], (double)said.colour[1], (double)said.colour[2]);
    /* A file that cannot be loaded: what was set along with it is for nothing, what is set later is not. */
    g_object_set (rig.element, "model-file", "/nowhere/at/all.onnx", NULL);
    gst_util_set_object_arg (G_OBJECT (rig.element), "mean", "<0>");
    said.warnings = 0;
    for (int n = 0; n < 5000 && kept && said.warnings == 0; n++)
        kept = go_on (&rig, &said) && near (said.colour, 80, 30, 5, 2);
    CHECK (kept && said.warnings == 1 && go_on (&rig, &said) && near (said.colour, 80, 30, 5, 2),
           "after a bad file it is seen as %.0f %.0f %.0f", (double)said.colour[0], (double)said.colour[1],
           (double)said.colour[2]);
    gst_util_set_object_arg (G_OBJECT (rig.element), "mean", "<20>");
    CHECK (go_on (&rig, &said) && near (said.colour, 90, 40, 15, 2), "mean was not taken up");
    rig_free (&rig);
}

/* Times are of the network that runs, without its first run; the counters go on. */
static void check_swap_times (void)
{
    group ("times of another network");
    struct rig rig = rig_new ("threads=1");
    struct said said;
    rig_caps (&rig, "RGB", 50, 40);
    go_on (&rig, &said);
    CHECK (stat_of (rig.element, "inference-mean") > 0, "the first run is not measured");
    g_object_set (rig.element, "threads", 2, NULL);
    guint64 frames = 1;
    bool good = true;
    do /* the plan for two threads is made beside the stream */
        good = go_on (&rig, &said) && said.fresh;
    while (frames++ < 5000 && good && stat_of (rig.element, "inference-mean") > 0);
    CHECK (good && stat_of (rig.element, "inference-mean") == 0 && stat_of (rig.element, "convert-mean") == 0,
           "the times of the network before, or of the first run, are left");
    go_on (&rig, &said);
    CHECK (stat_of (rig.element, "inference-mean") > 0 && stat_of (rig.element, "convert-mean") > 0,
           "the second run is not measured");
    CHECK (stat_of (rig.element, "inferred") == frames + 1 && stat_of (rig.element, "frames") == frames + 1,
           "the counters started again");
    rig_free (&rig);
}

static void check_settings (void)
{
    group ("other settings while playing");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange);
    CHECK (near (show (&rig, gst_buffer_ref (frame)).colour, 200, 100, 50, 2), "before any change");
    gst_util_set_object_arg (G_OBJECT (rig.element), "mean", "<100>");
    CHECK (near (show (&rig, gst_buffer_ref (frame)).colour, 100, 0, -50, 2), "mean was not taken up");
    gst_util_set_object_arg (G_OBJECT (rig.element), "std", "<2>");
    CHECK (near (show (&rig, gst_buffer_ref (frame)).colour, 50, 0, -25, 2), "std was not taken up");
    gst_util_set_object_arg (G_OBJECT (rig.element), "std", "<0>");
    struct said said = show (&rig, gst_buffer_ref (frame));
    CHECK (near (said.colour, 50, 0, -25, 2) && said.warnings == 1 && strstr (said.warning, "std"), "%d warnings: %s",
           said.warnings, said.warning);
    g_object_set (rig.element, "top-k", 4, NULL);
    said = show (&rig, gst_buffer_ref (frame));
    CHECK (near (said.colour, 50, 0, -25, 2) && said.warnings == 0, "%d warnings again", said.warnings);
    gst_util_set_object_arg (G_OBJECT (rig.element), "std", "<1>");
    gst_util_set_object_arg (G_OBJECT (rig.element), "channel-order", "bgr");
    CHECK (near (show (&rig, gst_buffer_ref (frame)).colour, -50, 0, 100, 2), "channel-order was not taken up");
    for (guint threads = 1; threads <= 4; threads++) {
        g_object_set (rig.element, "threads", threads, NULL);
        gst_util_set_object_arg (G_OBJECT (rig.element), "algorithm", threads % 2 ? "direct" : "f23");
        said = show (&rig, gst_buffer_ref (frame));
        CHECK (near (said.colour, -50, 0, 100, 2) && said.warnings == 0, "%u threads: seen as %.0f, %d warnings",
               threads, (double)said.colour[0], said.warnings);
    }
    gst_buffer_unref (frame);
    rig_free (&rig);
}

static void check_control (void)
{
    group ("controlled properties");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    GstControlSource *source = gst_interpolation_control_source_new ();
    g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
    gst_timed_value_control_source_set (GST_TIMED_VALUE_CONTROL_SOURCE (source), 0, 1);
    gst_timed_value_control_source_set (GST_TIMED_VALUE_CONTROL_SOURCE (source), GST_SECOND, 3);
    gst_object_add_control_binding (
        GST_OBJECT (rig.element), gst_direct_control_binding_new_absolute (GST_OBJECT (rig.element), "top-k", source));
    for (int n = 0; n < 60; n += 7) {
        struct said said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), n));
        CHECK (said.count == (n < 30 ? 1 : 3), "frame %d: top-k is %d", n, said.count);
    }
    gst_object_unref (source);
    rig_free (&rig);
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

struct storm {
    GstElement *element;
    unsigned seed;
    atomic_bool over;
    atomic_long changes;
};

static gpointer blow (gpointer data)
{
    static const char *const settings[][2] = {
        { "mean", "<1,2,3>" },
        { "mean", "<0>" },
        { "mean", "<>" },
        { "mean", "<1,2>" },
        { "std", "<1>" },
        { "std", "<0>" },
        { "std", "<3,2,1>" },
        { "channel-order", "bgr" },
        { "channel-order", "model" },
        { "resize", "stretch" },
        { "resize", "letterbox" },
        { "resize", "crop" },
        { "top-k", "1" },
        { "top-k", "1000" },
        { "threshold", "0.5" },
        { "threshold", "0" },
        { "threads", "1" },
        { "threads", "3" },
        { "algorithm", "direct" },
        { "algorithm", "auto" },
        { "deadline", "none" },
        { "deadline", "skip" },
        { "post-messages", "true" },
        { "post-messages", "false" },
        { "model-file", "/nowhere" },
        { "labels-file", "/dev/null" },
        { "inference-interval", "1" },
        { "inference-interval", "4" },
    };
    struct storm *storm = data;
    while (!atomic_load (&storm->over)) {
        guint which = (guint)rand_r (&storm->seed) % (G_N_ELEMENTS (settings) + 4);
        GValue names = G_VALUE_INIT;
        if (which < G_N_ELEMENTS (settings)) {
            gst_util_set_object_arg (G_OBJECT (storm->element), settings[which][0], settings[which][1]);
        } else if (which % 4 == 0) {
            g_object_set (storm->element, "model-file", model_file, "labels-file", labels_file, NULL);
        } else if (which % 4 == 1) {
            stat_of (storm->element, "frames");
        } else if (which % 4 == 2) {
            g_value_init (&names, GST_TYPE_ARRAY);
            g_object_get_property (G_OBJECT (storm->element), "layer-names", &names);
            g_value_unset (&names);
        } else {
            gst_element_send_event (storm->element, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5, 1000, GST_SECOND));
        }
        atomic_fetch_add (&storm->changes, 1);
        g_usleep (100);
    }
    return NULL;
}

static void check_storm (void)
{
    static const int sizes[][2] = { { 50, 40 }, { 1, 1 }, { 33, 77 } };
    group ("properties from other threads");
    struct rig rig = rig_new (NULL);
    struct storm storm[3];
    GThread *thread[3];
    for (int i = 0; i < 3; i++) {
        storm[i].element = rig.element;
        storm[i].seed = (unsigned)i + 1;
        atomic_init (&storm[i].over, false);
        atomic_init (&storm[i].changes, 0);
        thread[i] = g_thread_new ("storm", blow, &storm[i]);
    }
    for (int n = 0; n < 600; n++) {
        int width = sizes[n / 20 % 3][0], height = sizes[n / 20 % 3][1];
        if (n % 20 == 0)
            rig_caps (&rig, "I420", width, height);
        GstFlowReturn flow =
            gst_harness_push (rig.h, timed (new_frame (GST_VIDEO_FORMAT_I420, width, height, paint_orange), n));
        CHECK (flow == GST_FLOW_OK, "frame %d: %s", n, gst_flow_get_name (flow));
        GstBuffer *out = gst_harness_try_pull (rig.h);
        gst_clear_buffer (&out);
        struct said said = listen_to (rig.bus);
        CHECK (said.errors == 0, "frame %d: %s", n, said.error);
        g_usleep (500);
    }
    for (int i = 0; i < 3; i++) {
        atomic_store (&storm[i].over, true);
        g_thread_join (thread[i]);
        CHECK (storm[i].changes > 100, "only %ld changes", (long)storm[i].changes);
    }
    CHECK (stat_of (rig.element, "frames") == 600, "%" G_GUINT64_FORMAT " frames", stat_of (rig.element, "frames"));
    rig_free (&rig);
}

static gpointer run_one (gpointer data)
{
    bool backwards = GPOINTER_TO_INT (data);
    struct rig rig = rig_new (backwards ? "channel-order=bgr threads=2" : "threads=2");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 200; n++) {
        struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
        CHECK (near (said.colour, backwards ? 50 : 200, 100, backwards ? 200 : 50, 2),
               "frame %d: seen as %.0f %.0f %.0f", n, (double)said.colour[0], (double)said.colour[1],
               (double)said.colour[2]);
    }
    rig_free (&rig);
    return NULL;
}

static void check_several (void)
{
    GThread *thread[4];
    group ("four elements at once");
    for (int i = 0; i < 4; i++)
        thread[i] = g_thread_new ("element", run_one, GINT_TO_POINTER (i % 2));
    for (int i = 0; i < 4; i++)
        g_thread_join (thread[i]);
}

/* ---- shared data ------------------------------------------------------------------------------------------------- */

struct clip {
    int messages, frames, fresh;
    GstClockTime last;
    bool increasing, with_result;
};

static GstBusSyncReply count_message (GstBus *bus, GstMessage *message, gpointer data)
{
    struct clip *clip = data;
    gboolean fresh = FALSE;
    if (gst_message_has_name (message, "convrelu")) {
        gst_structure_get_boolean (gst_message_get_structure (message), "fresh", &fresh);
        clip->messages++;
        clip->fresh += fresh;
    }
    return GST_BUS_PASS;
}

static GstPadProbeReturn count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct clip *clip = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    clip->increasing &= clip->frames == 0 || GST_BUFFER_PTS (buffer) > clip->last;
    clip->last = GST_BUFFER_PTS (buffer);
    clip->frames++;
    return GST_PAD_PROBE_OK;
}

static void run_clip (const char *video, const char *model)
{
    struct clip clip = { .increasing = true };
    char *text = g_strdup_printf ("filesrc location=\"%s/videos/%s\" ! decodebin ! videoconvert ! convrelu name=c "
                                  "model-file=\"%s/zoo/%s\" ! fakesink name=s",
                                  check_data (), video, check_data (), model);
    GstElement *pipeline = gst_parse_launch (text, NULL);
    g_free (text);
    GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "s");
    GstPad *pad = gst_element_get_static_pad (sink, "sink");
    GstBus *bus = gst_element_get_bus (pipeline);
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, &clip, NULL);
    gst_bus_set_sync_handler (bus, count_message, &clip, NULL);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *end = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    CHECK (GST_MESSAGE_TYPE (end) == GST_MESSAGE_EOS, "%s with %s ends with %s", video, model,
           GST_MESSAGE_TYPE_NAME (end));
    gst_element_set_state (pipeline, GST_STATE_NULL);
    CHECK (clip.frames > 100 && clip.messages == clip.frames && clip.fresh == clip.frames,
           "%s with %s: %d frames, %d messages, %d fresh", video, model, clip.frames, clip.messages, clip.fresh);
    CHECK (clip.increasing, "%s: the frames' times do not grow", video);
    gst_message_unref (end);
    gst_object_unref (bus);
    gst_object_unref (pad);
    gst_object_unref (sink);
    gst_object_unref (pipeline);
}

static bool have (const char *element)
{
    GstElementFactory *factory = gst_element_factory_find (element);
    if (factory)
        gst_object_unref (factory);
    return factory != NULL;
}

static void check_clips (void)
{
    group ("clips");
    if (!check_data ()) {
        SKIP ("no shared data");
    } else if (!have ("decodebin") || !have ("vp8dec") || !have ("matroskademux")) {
        SKIP ("no elements to play WebM");
    } else {
        alarm (10 * SECONDS_PER_GROUP);
        run_clip ("mse.webm", "squeezenet1_1.onnx");
        run_clip ("mse.webm", "resnet18.onnx");
    }
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_renegotiation ();
    check_flush ();
    check_order ();
    check_states ();
    check_step_times ();
    check_handler ();
    check_swap ();
    check_swap_preparation ();
    check_swap_times ();
    check_settings ();
    check_control ();
    check_storm ();
    check_several ();
    check_clips ();
    return end_tests ();
}
