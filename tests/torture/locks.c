/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* locks.c: what has held others' elements for ever (D1 to D10 of docs/reliability.md): each under a watchdog, in step
 * and beside the stream. */
#include "tests/torture/rig.h"

/* ---- downstream that waits --------------------------------------------------------------------------------------- */

static GMutex lock;
static GCond change;
static gboolean is_open, is_inside;

static GstFlowReturn wait_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    g_mutex_lock (&lock);
    is_inside = TRUE;
    g_cond_broadcast (&change);
    while (!is_open)
        g_cond_wait (&change, &lock);
    g_mutex_unlock (&lock);
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
}

static void set_open (gboolean open)
{
    g_mutex_lock (&lock);
    is_open = open;
    g_cond_broadcast (&change);
    g_mutex_unlock (&lock);
}

static gpointer push_one (gpointer data)
{
    struct rig *rig = data;
    gst_harness_push (rig->h, timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), 1));
    return NULL;
}

/* A frame is held downstream, by the thread that pushes. */
static struct rig held_rig (const char *properties, GThread **thread, struct rig *rig)
{
    *rig = rig_new (properties);
    rig_caps (rig, "I420", 50, 40);
    gst_harness_play (rig->h);
    gst_harness_push (rig->h, timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), 0));
    gst_pad_set_chain_function (rig->h->sinkpad, wait_chain);
    is_open = is_inside = FALSE;
    *thread = g_thread_new ("push", push_one, rig);
    g_mutex_lock (&lock);
    while (!is_inside)
        g_cond_wait (&change, &lock);
    g_mutex_unlock (&lock);
    return *rig;
}

static void let_go (struct rig *rig, GThread *thread)
{
    set_open (TRUE);
    g_thread_join (thread);
    rig_free (rig);
}

/* Reads every property, and sets those that can be set to what they are. */
static void ask_everything (GObject *element)
{
    guint count;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &count);
    for (guint i = 0; i < count; i++) {
        GValue value = G_VALUE_INIT;
        if (!(specs[i]->flags & G_PARAM_READABLE) || specs[i]->owner_type != G_OBJECT_TYPE (element))
            continue;
        g_value_init (&value, specs[i]->value_type);
        g_object_get_property (element, specs[i]->name, &value);
        if (specs[i]->flags & G_PARAM_WRITABLE)
            g_object_set_property (element, specs[i]->name, &value);
        g_value_unset (&value);
    }
    g_free (specs);
}

static void held_downstream (const void *data)
{
    struct rig rig;
    GThread *thread;
    held_rig (data, &thread, &rig);
    ask_everything (G_OBJECT (rig.element));
    gst_harness_query_latency (rig.h);
    gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 1.5, 1000, GST_SECOND));
    gst_harness_push_upstream_event (
        rig.h, gst_navigation_event_new_mouse_button_press (1, 5, 5, GST_NAVIGATION_MODIFIER_NONE));
    gst_harness_push_upstream_event (rig.h, gst_event_new_reconfigure ());
    let_go (&rig, thread);
}

static void flush_while_held (const void *data)
{
    struct rig rig;
    GThread *thread;
    held_rig (data, &thread, &rig);
    CHECK (gst_harness_push_event (rig.h, gst_event_new_flush_start ()), "FLUSH_START was refused");
    set_open (TRUE);
    g_thread_join (thread);
    CHECK (gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE)), "FLUSH_STOP was refused");
    rig_free (&rig);
}

/* ---- handlers ---------------------------------------------------------------------------------------------------- */

static GstBusSyncReply ask_in_handler (GstBus *bus, GstMessage *message, gpointer element)
{
    ask_everything (element);
    gst_element_post_message (element, gst_message_new_latency (element));
    return GST_BUS_PASS;
}

/* The handler of LATENCY answers with LATENCY: once. */
static GstBusSyncReply ask_once (GstBus *bus, GstMessage *message, gpointer element)
{
    static GPrivate within;
    if (g_private_get (&within))
        return GST_BUS_PASS;
    g_private_set (&within, element);
    GstBusSyncReply reply = ask_in_handler (bus, message, element);
    g_private_set (&within, NULL);
    return reply;
}

static void errors_and_handlers (const void *data)
{
    struct rig rig = rig_new (data);
    gst_bus_set_sync_handler (rig.bus, ask_once, rig.element, NULL);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 30; n++) { /* frames, errors of the stream, warnings of a swap */
        gst_harness_push (rig.h, n % 5 == 4 ? gst_buffer_new ()
                                            : timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), n));
        g_object_set (rig.element, "model-file", n % 7 == 3 ? "/nowhere/at/all.onnx" : model_file, NULL);
        g_usleep (500);
    }
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", "/nowhere/at/all.onnx", NULL); /* and of start */
    listen_to (rig.bus);
    CHECK (gst_element_set_state (rig.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE, "it starts");
    int errors = listen_to (rig.bus).errors;
    CHECK (errors == 1, "%d errors", errors);
    gst_bus_set_sync_handler (rig.bus, NULL, NULL, NULL);
    rig_free (&rig);
}

static void drain_with_handlers (const void *data)
{
    struct rig rig = rig_new (data);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_bus_set_sync_handler (rig.bus, ask_once, rig.element, NULL);
    rig_caps (&rig, "I420", 50, 40);
    for (int round = 0; round < 30; round++) {
        for (int n = 0; n < 3; n++)
            gst_harness_push (rig.h, timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), n));
        gst_harness_push_event (rig.h, gst_event_new_eos ());
        gst_harness_push_event (rig.h, gst_event_new_flush_start ());
        gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
        gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    }
    gst_bus_set_sync_handler (rig.bus, NULL, NULL, NULL);
    rig_free (&rig);
}

/* ---- pipelines --------------------------------------------------------------------------------------------------- */

static GstElement *pipeline_of (const char *format, const char *properties)
{
    char *text = g_strdup_printf (format, model_file, properties);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch (text, &error);
    CHECK (pipeline && !error, "%s: %s", text, error ? error->message : "");
    g_clear_error (&error);
    g_free (text);
    return pipeline;
}

/* Prerolled, the sink holds the streaming thread; then everything stops, from wherever it is. */
static void stopped_anywhere (const void *data)
{
    for (int n = 0; n < 24; n++) {
        GstElement *pipeline =
            pipeline_of ("videotestsrc ! video/x-raw,width=64,height=48 ! convrelu name=c model-file=%s %s ! "
                         "fakesink sync=true",
                         data);
        gst_element_set_state (pipeline, n % 2 ? GST_STATE_PAUSED : GST_STATE_PLAYING);
        if (n % 3)
            gst_element_get_state (pipeline, NULL, NULL, 5 * GST_SECOND);
        if (n % 4 == 1)
            gst_element_seek_simple (pipeline, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, (gint64)n * GST_SECOND);
        g_usleep ((gulong)(n * 700));
        gst_element_set_state (pipeline, n % 5 == 2 ? GST_STATE_READY : GST_STATE_NULL);
        gst_element_set_state (pipeline, GST_STATE_NULL);
        gst_object_unref (pipeline);
    }
}

static void slow_branch (const void *data)
{
    GstElement *pipeline = pipeline_of ("videotestsrc num-buffers=40 ! video/x-raw,width=64,height=48 ! tee name=t "
                                        "t. ! queue ! identity sleep-time=3000 ! fakesink sync=false "
                                        "t. ! queue ! convrelu model-file=%s %s ! fakesink sync=false",
                                        data);
    GstBus *bus = gst_element_get_bus (pipeline);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *end = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    CHECK (GST_MESSAGE_TYPE (end) == GST_MESSAGE_EOS, "it ends with %s", GST_MESSAGE_TYPE_NAME (end));
    gst_message_unref (end);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (bus);
    gst_object_unref (pipeline);
}

/* The source goes and another one comes, while it plays. */
static void source_lost (const void *data)
{
    GstElement *pipeline =
        pipeline_of ("convrelu name=c model-file=%s %s ! fakesink sync=false async=false name=s", data);
    GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "c");
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    for (int n = 0; n < 8; n++) {
        GstElement *source = gst_element_factory_make ("videotestsrc", NULL);
        g_object_set (source, "is-live", n % 2, NULL);
        gst_bin_add (GST_BIN (pipeline), gst_object_ref (source));
        CHECK (gst_element_link (source, element), "the source cannot be linked");
        guint64 before = stat_of (element, "frames");
        gst_element_sync_state_with_parent (source);
        for (int i = 0; i < 20000 && stat_of (element, "frames") == before; i++)
            g_usleep (500);
        CHECK (stat_of (element, "frames") != before, "source %d: no frame comes", n);
        gst_element_set_state (source, GST_STATE_NULL);
        gst_element_unlink (source, element);
        gst_bin_remove (GST_BIN (pipeline), source);
        gst_object_unref (source);
    }
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (element);
    gst_object_unref (pipeline);
}

static void set_null (GstElement *pipeline, gpointer data)
{
    gst_element_set_state (pipeline, GST_STATE_NULL);
    g_atomic_int_set ((gint *)data, 1);
}

struct stopper {
    GstElement *pipeline, *element;
    gint asked, done;
};

/* On the streaming thread: a state that waits for nobody by itself, the rest handed to another thread. */
static GstBusSyncReply stop_in_handler (GstBus *bus, GstMessage *message, gpointer data)
{
    struct stopper *stopper = data;
    if (gst_message_has_name (message, "convrelu") && g_atomic_int_compare_and_exchange (&stopper->asked, 0, 1)) {
        gst_element_set_state (stopper->element, GST_STATE_PAUSED);
        gst_element_call_async (stopper->pipeline, set_null, &stopper->done, NULL);
    }
    gst_message_unref (message);
    return GST_BUS_DROP;
}

static void stopped_by_itself (const void *data)
{
    for (int n = 0; n < 10; n++) {
        struct stopper stopper = { .asked = 0 };
        stopper.pipeline = pipeline_of ("videotestsrc ! video/x-raw,width=64,height=48 ! "
                                        "convrelu name=c model-file=%s %s ! fakesink sync=false",
                                        data);
        stopper.element = gst_bin_get_by_name (GST_BIN (stopper.pipeline), "c");
        GstBus *bus = gst_element_get_bus (stopper.pipeline);
        gst_bus_set_sync_handler (bus, stop_in_handler, &stopper, NULL);
        gst_element_set_state (stopper.pipeline, GST_STATE_PLAYING);
        while (!g_atomic_int_get (&stopper.done))
            g_usleep (500);
        gst_bus_set_sync_handler (bus, NULL, NULL, NULL);
        gst_object_unref (bus);
        gst_object_unref (stopper.element);
        gst_object_unref (stopper.pipeline);
    }
}

/* Whatever is in work when it ends, that is still there for whoever uses it. */
static void gone_while_used (const void *data)
{
    char dim[64];
    in_folder (dim, sizeof dim, "dim.onnx");
    write_tiny (dim, 0.5f);
    for (int n = 0; n < 60; n++) {
        struct rig rig = rig_new (data);
        rig_caps (&rig, "I420", 50, 40);
        for (int i = 0; i <= n % 4; i++)
            gst_harness_push (rig.h, timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), i));
        g_object_set (rig.element, "model-file", dim, "threads", n % 3, NULL);
        if (n % 2)
            gst_harness_push (rig.h, timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), 9));
        rig_free (&rig);
    }
}

struct entry {
    GstPad *end;         /* the sink's: a pipeline stops it first */
    gint entered, later; /* atomic: frames that went in; of these, after the sink was stopped */
};

static GstPadProbeReturn count_entry (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct entry *entry = data;
    if (GST_PAD_IS_FLUSHING (entry->end))
        g_atomic_int_inc (&entry->later);
    g_atomic_int_inc (&entry->entered);
    return GST_PAD_PROBE_OK;
}

/* In the middle of a network that takes a while. The frame that is in work finds the sink stopped, and the stream ends
 * with it; but where the sink stops between two frames, the second one does. */
static void stop_one_in_frame (const char *properties, const char *path)
{
    GstElement *pipeline =
        pipeline_of ("videotestsrc ! video/x-raw,width=64,height=48 ! convrelu name=c model-file=%s %s ! "
                     "fakesink sync=false name=s",
                     properties);
    GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "c");
    GstElement *end = gst_bin_get_by_name (GST_BIN (pipeline), "s");
    struct entry entry = { .end = gst_element_get_static_pad (end, "sink") };
    GstPad *pad = gst_element_get_static_pad (element, "sink");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_entry, &entry, NULL);
    g_object_set (element, "model-file", path, NULL);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    while (stat_of (element, "inferred") == 0)
        g_usleep (1000);
    for (int before = g_atomic_int_get (&entry.entered); g_atomic_int_get (&entry.entered) == before;)
        g_usleep (1000);
    g_usleep (20000);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    CHECK (entry.later <= 1, "%d frames more", entry.later);
    guint64 inferred = stat_of (element, "inferred");
    CHECK (inferred <= (guint64)entry.entered, "%d frames go in, %d are seen", entry.entered, (int)inferred);
    gst_object_unref (pad);
    gst_object_unref (entry.end);
    gst_object_unref (end);
    gst_object_unref (element);
    gst_object_unref (pipeline);
}

static void stopped_in_frame (const void *data)
{
    char path[64];
    in_folder (path, sizeof path, "long.onnx");
    CHECK (torture_long_network (path), "%s", path);
    char *properties = g_strdup_printf ("%s threads=1", (const char *)data);
    for (int n = 0; n < 3; n++)
        stop_one_in_frame (properties, path);
    g_free (properties);
}

void torture_locks (void)
{
    static const struct {
        const char *name;
        void (*work) (const void *data);
    } cases[] = {
        { "D1 asked from handlers of its errors, warnings and messages", errors_and_handlers },
        { "D2 D5 asked and set while downstream holds its frame", held_downstream },
        { "D3 stopped while prerolled, playing, seeking", stopped_anywhere },
        { "D6 flushed while downstream holds its frame", flush_while_held },
        { "D7 drained while handlers ask", drain_with_handlers },
        { "D8 gone while a network loads or runs", gone_while_used },
        { "D9 P45 stopped by a handler on its own thread", stopped_by_itself },
        { "D10 stopped in the middle of a frame", stopped_in_frame },
        { "P43 a slow branch beside", slow_branch },
        { "P46 the source lost and found", source_lost },
    };
    static const char *const properties[] = { "", "async=true" };
    check_group ("locks");
    if (!CHECK (start_tests (NULL, NULL), "no folder"))
        return;
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
        for (guint p = 0; p < G_N_ELEMENTS (properties); p++) {
            char name[160];
            snprintf (name, sizeof name, "%s%s", cases[i].name, p ? ", async" : "");
            rig_alone (name, cases[i].work, properties[p]);
        }
    remove_folder ();
}
