/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_programs.c: what a program gets from the element: results of several elements told apart, messages that
 * nobody reads, word of another network, properties that are driven. */
#include "element.h"

#include <gst/controller/controller.h>

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

static GstBuffer *orange (int n)
{
    return timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), n);
}

/* ---- on the buffer ----------------------------------------------------------------------------------------------- */

static guint array_size (const GstStructure *structure, const char *field)
{
    const GValue *array = gst_structure_get_value (structure, field);
    return array && GST_VALUE_HOLDS_ARRAY (array) ? gst_value_array_get_size (array) : G_MAXUINT;
}

#ifdef HAVE_ANALYTICS

/* The GstAnalyticsClsMtd that `result` points to says the same. */
static void check_standard_meta (GstBuffer *buffer, const GstStructure *result, guint count)
{
    guint id = G_MAXUINT;
    GstAnalyticsClsMtd classes;
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (buffer);
    CHECK (meta && gst_structure_get_uint (result, "mtd-id", &id) &&
               gst_analytics_relation_meta_get_cls_mtd (meta, id, &classes),
           "no GstAnalyticsClsMtd of number %u", id);
    if (!meta || id == G_MAXUINT)
        return;
    CHECK (gst_analytics_cls_mtd_get_length (&classes) == count, "it has %d classes",
           (int)gst_analytics_cls_mtd_get_length (&classes));
    const char *label = g_quark_to_string (gst_analytics_cls_mtd_get_quark (&classes, 0));
    CHECK (g_strcmp0 (label, gst_structure_get_string (result, "label")) == 0, "it says %s", label);
}

#else

/* The region whose structures name the element of `result` has one structure for each class, each of its own name. */
static void check_standard_meta (GstBuffer *buffer, const GstStructure *result, guint count)
{
    static const char *const labels[] = { "red", "green", "blue", "none" };
    const char *element = gst_structure_get_string (result, "element");
    gpointer state = NULL;
    guint found = 0;
    for (GstMeta *any;
         (any = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));) {
        GstVideoRegionOfInterestMeta *meta = (GstVideoRegionOfInterestMeta *)any;
        GstStructure *best = gst_video_region_of_interest_meta_get_param (meta, "classification");
        if (!best || g_strcmp0 (gst_structure_get_string (best, "element_id"), element) != 0)
            continue;
        for (guint i = 0; i < count; i++, found++) {
            char name[32] = "classification";
            if (i > 0)
                g_snprintf (name, sizeof name, "classification_%u", i + 1);
            GstStructure *one = gst_video_region_of_interest_meta_get_param (meta, name);
            int id = -1;
            double confidence = -1;
            CHECK (one && gst_structure_get_int (one, "label_id", &id) && id == (int)i &&
                       gst_structure_get_double (one, "confidence", &confidence) && confidence > 0 &&
                       g_strcmp0 (gst_structure_get_string (one, "label"), labels[i]) == 0,
                   "%s: class %d with %g", name, id, confidence);
        }
        CHECK (g_list_length (meta->params) == count, "%u structures in it", g_list_length (meta->params));
    }
    CHECK (found == count, "%s: %u classes of %u", element, found, count);
}

#endif

static const GstStructure *check_result (GstBuffer *buffer, const char *element, guint count, gboolean fresh, int seen)
{
    const GstStructure *result = result_of (buffer, element);
    gboolean is_fresh = -1;
    guint64 at = 0, running = 0;
    int id = -1;
    double score = -1;
    if (!CHECK (result != NULL, "nothing of %s", element))
        return NULL;
    gst_structure_get (result, "fresh", G_TYPE_BOOLEAN, &is_fresh, "seen-timestamp", G_TYPE_UINT64, &at,
                       "seen-running-time", G_TYPE_UINT64, &running, NULL);
    CHECK (g_str_has_prefix (element, gst_structure_get_string (result, "element")), "%s names itself %s", element,
           gst_structure_get_string (result, "element"));
    CHECK (is_fresh == fresh, "%s: fresh is %d", element, is_fresh);
    CHECK (at == gst_util_uint64_scale (GST_SECOND, (guint64)seen, 30) && running == at,
           "%s: seen at %" G_GUINT64_FORMAT, element, at);
    CHECK (array_size (result, "labels") == count && array_size (result, "class-ids") == count &&
               array_size (result, "scores") == count,
           "%s: not %u classes", element, count);
    if (count == 0) {
        CHECK (!gst_structure_has_field (result, "label") && !gst_structure_has_field (result, "class-id"),
               "%s names a best class", element);
        return result;
    }
    gst_structure_get (result, "class-id", G_TYPE_INT, &id, "score", G_TYPE_DOUBLE, &score, NULL);
    CHECK (id == 0 && score > 0.7 && score < 0.8 && g_strcmp0 (gst_structure_get_string (result, "label"), "red") == 0,
           "%s: best is %d with %g", element, id, score);
    return result;
}

static char *describe (const char *name, const char *properties)
{
    return g_strdup_printf ("convrelu name=%s model-file=%s labels-file=%s mean=<0> std=<1> %s", name, model_file,
                            labels_file, properties);
}

static void check_two (void)
{
    group ("two elements in a row");
    char *one = describe ("one", "top-k=2"), *two = describe ("two", "top-k=3 inference-interval=3");
    char *line = g_strdup_printf ("%s ! %s", one, two);
    GstHarness *h = gst_harness_new_parse (line);
    gst_harness_set_src_caps_str (h, "video/x-raw, format=RGB, width=50, height=40, framerate=30/1");
    for (int n = 0; n < 7; n++) {
        GstBuffer *out = gst_harness_push_and_pull (h, orange (n));
        check_standard_meta (out, check_result (out, "one", 2, TRUE, n), 2);
        check_standard_meta (out, check_result (out, "two", 3, n % 3 == 0, n / 3 * 3), 3);
        gst_buffer_unref (out);
    }
    gst_harness_teardown (h);
    g_free (line);
    g_free (one);
    g_free (two);
}

/* Names are one bin's own, so a buffer may meet two of a name: neither's result is lost. */
static void check_namesakes (void)
{
    char second[80];
    group ("two elements of one name");
    struct rig rig = rig_new ("top-k=2");
    rig_caps (&rig, "RGB", 50, 40);
    char *name = gst_object_get_name (GST_OBJECT (rig.element));
    GstBuffer *out = gst_harness_push_and_pull (rig.h, orange (0));
    check_result (out, name, 2, TRUE, 0);
    g_object_set (rig.element, "top-k", 3, NULL);
    GST_BUFFER_PTS (out) = GST_SECOND / 10;
    out = gst_harness_push_and_pull (rig.h, out);
    g_snprintf (second, sizeof second, "%s_2", name);
    check_result (out, second, 3, TRUE, 3);
    CHECK (array_size (result_of (out, name), "labels") == 2, "the first one's is gone");
    gst_buffer_unref (out);
    g_free (name);
    rig_free (&rig);
}

static void check_nothing (void)
{
    group ("nothing above the threshold");
    struct rig rig = rig_new ("threshold=0.9");
    rig_caps (&rig, "RGB", 50, 40);
    char *name = gst_object_get_name (GST_OBJECT (rig.element));
    GstBuffer *out = gst_harness_push_and_pull (rig.h, orange (0));
    check_result (out, name, 0, TRUE, 0);
    CHECK (!gst_buffer_get_meta (out, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE), "a region without classes");
    gst_buffer_unref (out);
    g_free (name);
    rig_free (&rig);
}

/* Elements that make another buffer hand the results on. (videoscale of 1.22 empties regions of interest.) */
static void check_copies (void)
{
    group ("results on copies");
    char *one = describe ("one", "top-k=2"), *two = describe ("two", "top-k=4");
    char *line = g_strdup_printf (
        "%s ! videoconvert ! video/x-raw,format=I420 ! videoscale ! video/x-raw,width=64 ! %s", one, two);
    GstElementFactory *scale = gst_element_factory_find ("videoscale");
    if (scale) {
        GstHarness *h = gst_harness_new_parse (line);
        gst_harness_set_src_caps_str (h, "video/x-raw, format=RGB, width=50, height=40, framerate=30/1");
        GstBuffer *out = gst_harness_push_and_pull (h, orange (4)), *copy = gst_buffer_copy_deep (out);
        check_result (out, "two", 4, TRUE, 4);
        check_result (out, "one", 2, TRUE, 4);
        check_result (copy, "one", 2, TRUE, 4);
        gst_buffer_unref (copy);
        gst_buffer_unref (out);
        gst_harness_teardown (h);
        gst_object_unref (scale);
    } else {
        SKIP ("no element videoscale");
    }
    g_free (line);
    g_free (one);
    g_free (two);
}

/* ---- on the bus -------------------------------------------------------------------------------------------------- */

static void check_repeat (void)
{
    group ("messages of frames without inference");
    for (int repeat = 0; repeat < 2; repeat++) {
        struct rig rig = rig_new ("inference-interval=3");
        g_object_set (rig.element, "repeat-messages", repeat, NULL);
        rig_caps (&rig, "RGB", 50, 40);
        wait_until_loaded (rig.bus);
        for (int n = 0; n < 9; n++) {
            gst_buffer_unref (gst_harness_push_and_pull (rig.h, orange (n)));
            GstMessage *message = gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ELEMENT);
            CHECK ((message != NULL) == (repeat || n % 3 == 0), "frame %d: %s", n,
                   message ? "a message" : "no message");
            if (!message)
                continue;
            const GstStructure *said = gst_message_get_structure (message);
            guint64 seen = 0;
            int id = -1;
            double score = -1;
            gst_structure_get (said, "seen-timestamp", G_TYPE_UINT64, &seen, "class-id", G_TYPE_INT, &id, "score",
                               G_TYPE_DOUBLE, &score, NULL);
            CHECK (seen == gst_util_uint64_scale (GST_SECOND, (guint64)(n / 3 * 3), 30), "frame %d: seen at %g s", n,
                   (double)seen * 1e-9);
            CHECK (id == 0 && score > 0.7 && g_strcmp0 (gst_structure_get_string (said, "label"), "red") == 0 &&
                       g_strcmp0 (gst_structure_get_string (said, "element"), GST_OBJECT_NAME (rig.element)) == 0,
                   "frame %d: %d with %g", n, id, score);
            gst_message_unref (message);
        }
        rig_free (&rig);
    }
}

/* Takes everything off the bus; returns how many of it the element posted for frames. */
static int take_all (GstBus *bus, GList **kept)
{
    int count = 0;
    for (GstMessage *message; (message = gst_bus_pop (bus));) {
        count += gst_message_has_name (message, "convrelu");
        if (kept)
            *kept = g_list_prepend (*kept, message);
        else
            gst_message_unref (message);
    }
    return count;
}

static void push (struct rig *rig, int frames)
{
    for (int n = 0; n < frames; n++)
        gst_buffer_unref (gst_harness_push_and_pull (rig->h, orange (n)));
}

static void check_unread (void)
{
    group ("a bus that nobody reads");
    struct rig rig = rig_new ("max-unread-messages=8");
    rig_caps (&rig, "RGB", 50, 40);
    wait_until_loaded (rig.bus);
    push (&rig, 100);
    CHECK (stat_of (rig.element, "messages-dropped") == 92, "%" G_GUINT64_FORMAT " were dropped",
           stat_of (rig.element, "messages-dropped"));
    int waiting = take_all (rig.bus, NULL);
    CHECK (waiting == 8, "%d messages wait", waiting);
    push (&rig, 5); /* read since: it goes on */
    waiting = take_all (rig.bus, NULL);
    CHECK (waiting == 5 && stat_of (rig.element, "messages-dropped") == 92, "%d messages of 5", waiting);
    push (&rig, 20);
    gst_bus_set_flushing (rig.bus, TRUE); /* gone unread, and gone all the same */
    push (&rig, 20);
    gst_bus_set_flushing (rig.bus, FALSE);
    push (&rig, 7);
    waiting = take_all (rig.bus, NULL);
    CHECK (waiting == 7, "%d messages of 7 after a flush", waiting);
    g_object_set (rig.element, "max-unread-messages", 0, NULL);
    push (&rig, 600);
    waiting = take_all (rig.bus, NULL);
    CHECK (waiting == 600, "%d of 600 messages without a limit", waiting);
    rig_free (&rig);
}

/* A program that reads every message and keeps it for later gets every one; and they may outlive the element. */
static void check_kept (void)
{
    GList *kept = NULL;
    int count = 0;
    group ("messages that are kept");
    struct rig rig = rig_new ("max-unread-messages=8");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 100; n++) {
        push (&rig, 1 + n % 3);
        count += take_all (rig.bus, &kept);
    }
    CHECK (count == 199 && stat_of (rig.element, "messages-dropped") == 0, "%d messages of 199", count);
    rig_free (&rig);
    g_list_free_full (kept, (GDestroyNotify)gst_message_unref);
}

/* The limit holds for a whole pipeline's bus, and for what is said of late frames. */
static void check_unread_pipeline (void)
{
    group ("a pipeline's bus that nobody reads");
    char *one = describe ("one", "max-unread-messages=10");
    char *line = g_strdup_printf ("videotestsrc num-buffers=300 ! video/x-raw,width=50,height=40 ! bin.( %s ) ! "
                                  "fakesink name=s",
                                  one);
    GstElementFactory *source = gst_element_factory_find ("videotestsrc");
    if (source) {
        GError *error = NULL;
        GstElement *pipeline = gst_parse_launch (line, &error);
        CHECK (pipeline && !error, "%s: %s", line, error ? error->message : "");
        GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "one");
        GstBus *bus = gst_element_get_bus (pipeline);
        gst_element_set_state (pipeline, GST_STATE_PLAYING);
        while (stat_of (element, "frames") < 300)
            g_usleep (1000);
        GstPad *sink = gst_element_get_static_pad (element, "sink");
        GST_PAD_STREAM_LOCK (sink); /* the last frame has been counted, and now it is through */
        GST_PAD_STREAM_UNLOCK (sink);
        gst_object_unref (sink);
        gst_element_set_state (pipeline, GST_STATE_PAUSED); /* READY would flush it */
        int waiting = take_all (bus, NULL);
        CHECK (waiting == 9, "%d messages wait, beside the one of the network", waiting);
        gst_element_set_state (pipeline, GST_STATE_NULL);
        gst_object_unref (bus);
        gst_object_unref (element);
        gst_object_unref (pipeline);
        g_clear_error (&error);
        gst_object_unref (source);
    } else {
        SKIP ("no element videotestsrc");
    }
    g_free (line);
    g_free (one);

    struct rig rig = rig_new ("max-unread-messages=8 deadline=skip post-messages=false");
    rig_caps (&rig, "RGB", 50, 40);
    push (&rig, 1);
    gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, 0));
    push (&rig, 25);
    int late = 0;
    for (GstMessage *message; (message = gst_bus_pop_filtered (rig.bus, GST_MESSAGE_QOS)); gst_message_unref (message))
        late++;
    CHECK (stat_of (rig.element, "late") > 8 && late == 8, "%d QOS messages wait", late);
    rig_free (&rig);
}

/* ---- another network --------------------------------------------------------------------------------------------- */

/* Pushes frames until the element posts `name` (a message's structure, or a warning's text); the caller's, or NULL. */
static GstMessage *await (struct rig *rig, const char *name)
{
    for (int n = 0; n < 5000; n++, g_usleep (1000)) {
        push (rig, 1);
        for (GstMessage *message; (message = gst_bus_pop (rig->bus)); gst_message_unref (message))
            if (gst_message_has_name (message, name))
                return message;
    }
    return NULL;
}

static void count_notify (GObject *object, GParamSpec *property, gpointer data)
{
    atomic_fetch_add ((atomic_int *)data, 1);
}

static void check_model_is (struct rig *rig, const char *expected, const char *mean)
{
    char *file = NULL;
    GValue value = G_VALUE_INIT;
    g_value_init (&value, GST_TYPE_ARRAY);
    g_object_get (rig->element, "model-file", &file, NULL);
    g_object_get_property (G_OBJECT (rig->element), "mean", &value);
    char *text = gst_value_serialize (&value);
    CHECK (g_strcmp0 (file, expected) == 0 && strstr (text, mean), "it runs %s with mean %s", file, text);
    g_free (text);
    g_free (file);
    g_value_unset (&value);
}

/* The element's word of a network that has begun to run; frees it. */
static void check_announced (GstMessage *message, const char *file, int size)
{
    int classes = 0, width = 0, height = 0, channels = 0;
    if (!CHECK (message != NULL, "nothing was said of %s", file))
        return;
    const GstStructure *said = gst_message_get_structure (message);
    gst_structure_get (said, "classes", G_TYPE_INT, &classes, "width", G_TYPE_INT, &width, "height", G_TYPE_INT,
                       &height, "channels", G_TYPE_INT, &channels, NULL);
    CHECK (g_strcmp0 (gst_structure_get_string (said, "model-file"), file) == 0 && classes == CLASSES &&
               width == size && height == size && channels == 3,
           "%s: %d classes of %d x %d x %d", gst_structure_get_string (said, "model-file"), classes, channels, height,
           width);
    gst_message_unref (message);
}

static void check_models (void)
{
    char dim[64];
    atomic_int changes;
    group ("which network runs");
    atomic_init (&changes, 0);
    in_folder (dim, sizeof dim, "dim.onnx");
    write_tiny (dim, 0.5f);
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    check_announced (await (&rig, "convrelu-model"), model_file, SIDE);
    g_signal_connect (rig.element, "notify::model-file", G_CALLBACK (count_notify), &changes);
    g_object_set (rig.element, "model-file", dim, NULL);
    check_announced (await (&rig, "convrelu-model"), dim, SIDE);
    check_model_is (&rig, dim, "0");
    for (int round = 0; round < 2; round++) { /* the same bad file again is tried again */
        atomic_store (&changes, 0);
        g_object_set (rig.element, "model-file", "/nowhere/at/all.onnx", NULL);
        gst_util_set_object_arg (G_OBJECT (rig.element), "mean", "<77>");
        GstMessage *warning = await (&rig, "GstMessageWarning");
        CHECK (warning != NULL, "no warning in round %d", round);
        gst_clear_message (&warning);
        check_model_is (&rig, dim, "0");
        CHECK (atomic_load (&changes) == 2, "notify came %d times, not for the setting and the return",
               atomic_load (&changes));
        CHECK (near (show (&rig, orange (0)).colour, 100, 50, 25, 2), "the network that runs is not the one named");
    }
    g_object_set (rig.element, "labels-file", "/nowhere/at/all.txt", NULL);
    GstMessage *warning = await (&rig, "GstMessageWarning");
    char *labels = NULL;
    g_object_get (rig.element, "labels-file", &labels, NULL);
    CHECK (warning && g_strcmp0 (labels, labels_file) == 0, "labels-file is %s", labels);
    gst_clear_message (&warning);
    g_free (labels);

    /* What is set while the bad file is tried is kept. */
    g_object_set (rig.element, "model-file", "/nowhere/at/all.onnx", NULL);
    push (&rig, 1);
    g_object_set (rig.element, "model-file", model_file, NULL);
    check_announced (await (&rig, "convrelu-model"), model_file, SIDE);
    check_model_is (&rig, model_file, "0");
    /* The same network run in another way is no other network. */
    g_object_set (rig.element, "threads", 2, NULL);
    for (int n = 0; n < 20; n++) {
        push (&rig, 1);
        for (GstMessage *message; (message = gst_bus_pop (rig.bus)); gst_message_unref (message))
            CHECK (!gst_message_has_name (message, "convrelu-model"), "two threads are announced as a network");
    }
    rig_free (&rig);
}

static void check_precision_is (struct rig *rig, const char *expected)
{
    GstMessage *message = await (rig, "convrelu-model");
    const char *said = message ? gst_structure_get_string (gst_message_get_structure (message), "precision") : NULL;
    CHECK (g_strcmp0 (said, expected) == 0, "%s instead of %s", said, expected);
    gst_clear_message (&message);
}

/* Each change of it is announced, whether or not the file was read again for it. */
static void check_precisions (void)
{
    group ("in which precision it runs");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    check_precision_is (&rig, "fp32");
    for (int round = 0; round < 2; round++) {
        gst_util_set_object_arg (G_OBJECT (rig.element), "precision", "int8");
        check_precision_is (&rig, "int8");
        gst_util_set_object_arg (G_OBJECT (rig.element), "precision", round ? "auto" : "fp32");
        check_precision_is (&rig, "fp32");
    }
    rig_free (&rig);
}

/* ---- properties that are driven ---------------------------------------------------------------------------------- */

/* A binding of the application's own, as for types that GStreamer's bindings do not know: one text, then another. */
typedef struct {
    GstControlBinding parent;
    const char *before, *after; /* from one second on */
} TextBinding;
typedef GstControlBindingClass TextBindingClass;
GType text_binding_get_type (void);
G_DEFINE_TYPE (TextBinding, text_binding, GST_TYPE_CONTROL_BINDING)

static gboolean text_binding_sync (GstControlBinding *binding, GstObject *object, GstClockTime timestamp,
                                   GstClockTime last_sync)
{
    TextBinding *self = (TextBinding *)binding;
    gst_util_set_object_arg (G_OBJECT (object), binding->name, timestamp < GST_SECOND ? self->before : self->after);
    return TRUE;
}

static void text_binding_class_init (TextBindingClass *klass)
{
    klass->sync_values = text_binding_sync;
}

static void text_binding_init (TextBinding *self)
{
}

static void drive (GstElement *element, const char *property, const char *before, const char *after)
{
    TextBinding *binding = g_object_new (text_binding_get_type (), "object", element, "name", property, NULL);
    binding->before = before;
    binding->after = after;
    CHECK (gst_object_add_control_binding (GST_OBJECT (element), GST_CONTROL_BINDING (binding)), "%s cannot be driven",
           property);
}

static void check_driven (void)
{
    static const char *const left_out[] = { "name",        "parent",      "qos",  "stats", "layer-names", "model-file",
                                            "labels-file", "ranges-file", "mean", "std",   "precision",   "cache-dir" };
    group ("driven properties");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    guint count;
    GParamSpec **all = g_object_class_list_properties (G_OBJECT_GET_CLASS (rig.element), &count);
    for (guint i = 0; i < count; i++) {
        bool expected = true;
        for (gsize j = 0; j < G_N_ELEMENTS (left_out); j++)
            expected &= strcmp (all[i]->name, left_out[j]) != 0;
        CHECK (!!(all[i]->flags & GST_PARAM_CONTROLLABLE) == expected, "%s is%s controllable", all[i]->name,
               expected ? " not" : "");
    }
    g_free (all);

    GstControlSource *source = gst_interpolation_control_source_new ();
    g_object_set (source, "mode", GST_INTERPOLATION_MODE_NONE, NULL);
    gst_timed_value_control_source_set (GST_TIMED_VALUE_CONTROL_SOURCE (source), 0, 0); /* model */
    gst_timed_value_control_source_set (GST_TIMED_VALUE_CONTROL_SOURCE (source), GST_SECOND,
                                        0.8); /* of 0 to 10: sigmoid */
    gst_object_add_control_binding (GST_OBJECT (rig.element),
                                    gst_direct_control_binding_new (GST_OBJECT (rig.element), "activation", source));
    drive (rig.element, "overlay", "none", "labels+stats");
    drive (rig.element, "layers", "early", "late");
    for (int n = 0; n < 60; n += 7) {
        int activation = -1;
        guint overlay = 99;
        char *layers = NULL;
        struct said said = show (&rig, orange (n));
        g_object_get (rig.element, "activation", &activation, "overlay", &overlay, "layers", &layers, NULL);
        CHECK (said.messages == 1 && activation == (n < 30 ? 0 : 8), "frame %d: activation is %d", n, activation);
        CHECK (overlay == (n < 30 ? 0 : 9) && g_strcmp0 (layers, n < 30 ? "early" : "late") == 0,
               "frame %d: overlay is %u, layers %s", n, overlay, layers);
        g_free (layers);
    }
    gst_object_unref (source);
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_two ();
    check_namesakes ();
    check_nothing ();
    check_copies ();
    check_repeat ();
    check_unread ();
    check_kept ();
    check_unread_pipeline ();
    check_models ();
    check_precisions ();
    check_driven ();
    return end_tests ();
}
