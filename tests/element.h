/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* element.h: what the element's test programs share: a network that tells the mean colour it is shown, painted frames,
 * the element in a GstHarness with a bus, and what it said of a frame.
 *
 * The network (tiny_onnx.h) has four classes: red, green and blue score 4 x the mean of their channel / 255, "none"
 * scores 0; so the four probabilities give the mean colour back. */
#ifndef CONVRELU_TESTS_ELEMENT_H
#define CONVRELU_TESTS_ELEMENT_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "tiny_onnx.h"

#define UNUSED __attribute__ ((unused))

enum { SIDE = 32, CLASSES = 4, NONE = 3 };
#ifdef __SANITIZE_ADDRESS__
enum { SECONDS_PER_GROUP = 900 }; /* every allocation's stack is written down */
#else
enum { SECONDS_PER_GROUP = 120 };
#endif
static const float gain = 4.0f;

static char folder[] = "/tmp/convrelu-XXXXXX"; /* of this run's files */
static char model_file[64], labels_file[64];
static atomic_int criticals; /* messages GLib and GStreamer call somebody's mistake */
static const char *waiting_in = "start";

/* ---- start and end --------------------------------------------------------------------------------------------- */

static void in_folder (char *path, size_t size, const char *name)
{
    snprintf (path, size, "%s/%s", folder, name);
}

static void count_criticals (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    printf ("# %s: %s\n", domain ? domain : "-", message);
    if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR | G_LOG_LEVEL_WARNING))
        atomic_fetch_add (&criticals, 1);
}

/* The alarm of a test that hangs: a deadlock is a failure, not a test run without end. */
static void give_up (int signal)
{
    static const char text[] = "# hangs; not ok\n0 passed, 1 failed, 0 skipped\n";
    ssize_t unused = write (1, waiting_in, strlen (waiting_in));
    unused = write (1, text, sizeof text - 1);
    (void)unused;
    _exit (EXIT_FAILURE);
}

/* Opens a group of checks that must be through in SECONDS_PER_GROUP. */
static void group (const char *name)
{
    check_group (name);
    waiting_in = name;
    alarm (SECONDS_PER_GROUP);
}

UNUSED static bool write_tiny (const char *path, float scale)
{
    float weights[CLASSES * 3] = { 0 }, bias[CLASSES] = { 0 };
    for (int c = 0; c < 3; c++)
        weights[c * 3 + c] = scale * gain / 255;
    struct bytes model;
    tiny_onnx (&model, SIDE, CLASSES, weights, bias, NULL);
    return write_file (path, model.data, model.size);
}

static bool start_tests (int *argc, char ***argv)
{
    static const char labels[] = "red\ngreen\nblue\nnone\n";
    gst_init (argc, argv);
    signal (SIGALRM, give_up);
    g_log_set_default_handler (count_criticals, NULL);
    strcpy (folder, "/tmp/convrelu-XXXXXX"); /* again, where a program starts them twice */
    if (!mkdtemp (folder))
        return false;
    in_folder (model_file, sizeof model_file, "colour.onnx");
    in_folder (labels_file, sizeof labels_file, "colours.txt");
    return write_tiny (model_file, 1) && write_file (labels_file, labels, sizeof labels - 1);
}

/* With what start_tests and the cases have written there. */
UNUSED static void remove_folder (void)
{
    GDir *dir = g_dir_open (folder, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        char path[512];
        snprintf (path, sizeof path, "%s/%s", folder, name);
        g_remove (path);
    }
    if (dir)
        g_dir_close (dir);
    g_rmdir (folder);
}

UNUSED static int end_tests (void)
{
    group ("mistakes");
    gst_deinit (); /* with GST_TRACERS=leaks this warns of every object left behind */
    CHECK (criticals == 0, "%d criticals and warnings were logged", (int)criticals);
    remove_folder ();
    alarm (0);
    return check_end ();
}

/* ---- the element ----------------------------------------------------------------------------------------------- */

struct rig {
    GstHarness *h;
    GstElement *element;
    GstBus *bus;
};

/* A convrelu with the tiny network, no mean, std 1, that posts for every frame; not yet in any state. Further
 * properties may be set. */
static GstElement *new_element (GstBus **bus)
{
    GstElement *element = gst_element_factory_make ("convrelu", NULL);
    if (!element) {
        printf ("# there is no element convrelu: is GST_PLUGIN_PATH set?\n0 passed, 1 failed, 0 skipped\n");
        exit (EXIT_FAILURE);
    }
    gst_object_ref_sink (element);
    *bus = gst_bus_new ();
    gst_element_set_bus (element, *bus);
    g_object_set (element, "model-file", model_file, "labels-file", labels_file, "repeat-messages", TRUE, NULL);
    gst_util_set_object_arg (G_OBJECT (element), "mean", "<0>");
    gst_util_set_object_arg (G_OBJECT (element), "std", "<1>");
    return element;
}

/* To PAUSED, and until the network is loaded or an error was posted, which stays on the bus. FALSE: an error. */
UNUSED static gboolean loads (GstElement *element, GstBus *bus)
{
    if (gst_element_set_state (element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE)
        return FALSE;
    GstMessage *said = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);
    gboolean loaded = said && GST_MESSAGE_TYPE (said) == GST_MESSAGE_ELEMENT;
    if (said)
        gst_bus_post (bus, said);
    return loaded;
}

/* Waits until it says that the network runs, and takes that message off the bus. */
UNUSED static void wait_until_loaded (GstBus *bus)
{
    gst_message_unref (gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ELEMENT));
}

/* The same in a harness, playing. `properties`: "name=value name=value", or NULL. */
UNUSED static struct rig rig_new (const char *properties)
{
    struct rig rig;
    rig.element = new_element (&rig.bus);
    char **pairs = g_strsplit (properties ? properties : "", " ", -1);
    for (char **pair = pairs; *pair; pair++) {
        char *equals = strchr (*pair, '=');
        if (equals) {
            *equals = '\0';
            gst_util_set_object_arg (G_OBJECT (rig.element), *pair, equals + 1);
        }
    }
    g_strfreev (pairs);
    rig.h = gst_harness_new_with_element (rig.element, "sink", "src");
    return rig;
}

static void rig_free (struct rig *rig)
{
    gst_harness_teardown (rig->h);
    gst_element_set_state (rig->element, GST_STATE_NULL);
    gst_element_set_bus (rig->element, NULL);
    gst_object_unref (rig->element);
    gst_object_unref (rig->bus);
}

static void rig_caps (struct rig *rig, const char *format, int width, int height)
{
    char caps[256];
    snprintf (caps, sizeof caps, "video/x-raw, format=(string)%s, width=%d, height=%d, framerate=30/1", format, width,
              height);
    gst_harness_set_src_caps_str (rig->h, caps);
}

/* ---- frames ---------------------------------------------------------------------------------------------------- */

/* 0xRRGGBB of a pixel */
typedef unsigned (*painter) (int x, int y, int width, int height);

UNUSED static unsigned paint_orange (int x, int y, int width, int height)
{
    return 0xc86432; /* 200, 100, 50 */
}

UNUSED static unsigned paint_blue (int x, int y, int width, int height)
{
    return 0x0000ff;
}

/* A painted frame in any format, without time and meta. */
static GstBuffer *new_frame (GstVideoFormat format, int width, int height, painter paint)
{
    GstVideoInfo from, to;
    GstVideoFrame in, out;
    gst_video_info_set_format (&from, GST_VIDEO_FORMAT_RGBx, (guint)width, (guint)height);
    gst_video_info_set_format (&to, format, (guint)width, (guint)height);
    GstBuffer *painted = gst_buffer_new_allocate (NULL, from.size, NULL);
    GstBuffer *frame = gst_buffer_new_allocate (NULL, to.size, NULL);
    gst_buffer_memset (frame, 0, 0x55, to.size);
    gst_video_frame_map (&in, &from, painted, GST_MAP_WRITE);
    gst_video_frame_map (&out, &to, frame, GST_MAP_WRITE);
    for (int y = 0; y < height; y++) {
        guint8 *row = GST_VIDEO_FRAME_PLANE_DATA (&in, 0);
        row += y * GST_VIDEO_FRAME_PLANE_STRIDE (&in, 0);
        for (int x = 0; x < width; x++) {
            unsigned colour = paint (x, y, width, height);
            row[4 * x] = (guint8)(colour >> 16);
            row[4 * x + 1] = (guint8)(colour >> 8);
            row[4 * x + 2] = (guint8)colour;
            row[4 * x + 3] = 255;
        }
    }
    GstVideoConverter *converter = gst_video_converter_new (&from, &to, NULL);
    gst_video_converter_frame (converter, &in, &out);
    gst_video_converter_free (converter);
    gst_video_frame_unmap (&in);
    gst_video_frame_unmap (&out);
    gst_buffer_unref (painted);
    return frame;
}

/* The n-th frame of 30 a second. */
UNUSED static GstBuffer *timed (GstBuffer *frame, int n)
{
    GST_BUFFER_PTS (frame) = gst_util_uint64_scale (GST_SECOND, (guint64)n, 30);
    GST_BUFFER_DURATION (frame) = GST_SECOND / 30;
    return frame;
}

UNUSED static char *checksum (GstBuffer *buffer)
{
    GstMapInfo map;
    if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
        return NULL;
    char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, map.data, map.size);
    gst_buffer_unmap (buffer, &map);
    return sum;
}

/* ---- what was said --------------------------------------------------------------------------------------------- */

struct said {
    int messages;                    /* named convrelu that waited on the bus; the rest is of the last one */
    int errors, warnings, latencies; /* latencies: LATENCY messages */
    char error[512], warning[512];   /* the last of each */
    GQuark domain;                   /* of the last error, and its code there */
    int code;
    gboolean fresh;
    guint64 timestamp, stream_time, running_time, duration, inference_time;
    int count;
    int ids[16];
    float scores[16];
    char labels[16][64];
    float colour[3]; /* where all four classes were said */
};

static void read_array (const GstStructure *message, const char *field, struct said *said)
{
    const GValue *array = gst_structure_get_value (message, field);
    said->count = array && GST_VALUE_HOLDS_ARRAY (array) ? (int)gst_value_array_get_size (array) : -1;
    for (int i = 0; i < MIN (said->count, 16); i++) {
        const GValue *value = gst_value_array_get_value (array, (guint)i);
        if (G_VALUE_HOLDS_INT (value))
            said->ids[i] = g_value_get_int (value);
        else if (G_VALUE_HOLDS_FLOAT (value))
            said->scores[i] = g_value_get_float (value);
        else if (G_VALUE_HOLDS_STRING (value))
            g_strlcpy (said->labels[i], g_value_get_string (value), sizeof said->labels[i]);
    }
}

static void read_said (const GstStructure *message, struct said *said)
{
    float score[CLASSES] = { 0 };
    if (!gst_structure_get (message, "timestamp", G_TYPE_UINT64, &said->timestamp, "stream-time", G_TYPE_UINT64,
                            &said->stream_time, "running-time", G_TYPE_UINT64, &said->running_time, "duration",
                            G_TYPE_UINT64, &said->duration, "inference-time", G_TYPE_UINT64, &said->inference_time,
                            "fresh", G_TYPE_BOOLEAN, &said->fresh, NULL))
        return;
    read_array (message, "labels", said);
    read_array (message, "class-ids", said);
    read_array (message, "scores", said);
    for (int i = 0; i < MIN (said->count, 16); i++)
        if (said->ids[i] >= 0 && said->ids[i] < CLASSES)
            score[said->ids[i]] = said->scores[i];
    for (int c = 0; c < 3; c++)
        said->colour[c] = 255 / gain * logf (score[c] / score[NONE]);
    said->messages++;
}

static void read_error (GstMessage *message, struct said *said)
{
    GError *error = NULL;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error (message, &error, NULL);
        g_strlcpy (said->error, error->message, sizeof said->error);
        said->domain = error->domain;
        said->code = error->code;
        said->errors++;
    } else {
        gst_message_parse_warning (message, &error, NULL);
        g_strlcpy (said->warning, error->message, sizeof said->warning);
        said->warnings++;
    }
    g_clear_error (&error);
}

/* Empties the bus. */
static struct said listen_to (GstBus *bus)
{
    struct said said = { .messages = 0 };
    for (GstMessage *message; (message = gst_bus_pop (bus)); gst_message_unref (message)) {
        if (GST_MESSAGE_TYPE (message) & (GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))
            read_error (message, &said);
        else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY)
            said.latencies++;
        else if (gst_message_has_name (message, "convrelu"))
            read_said (gst_message_get_structure (message), &said);
    }
    return said;
}

/* Pushes a frame (takes it), drops what comes out, and hears what was said. FALSE: the frame did not pass. */
UNUSED static bool shown (struct rig *rig, GstBuffer *frame, struct said *said)
{
    listen_to (rig->bus);
    GstFlowReturn flow = gst_harness_push (rig->h, frame);
    GstBuffer *out = gst_harness_try_pull (rig->h);
    bool passed = flow == GST_FLOW_OK && out;
    gst_clear_buffer (&out);
    *said = listen_to (rig->bus);
    return passed;
}

UNUSED static struct said show (struct rig *rig, GstBuffer *frame)
{
    struct said said;
    bool passed = shown (rig, frame, &said);
    CHECK (passed, "the frame did not pass: %s", said.error);
    return said;
}

/* The first frame, with all that was said since the network began to be loaded. */
UNUSED static struct said show_first (struct rig *rig, GstBuffer *frame)
{
    GstFlowReturn flow = gst_harness_push (rig->h, frame);
    GstBuffer *out = gst_harness_try_pull (rig->h);
    struct said said = listen_to (rig->bus);
    CHECK (flow == GST_FLOW_OK && out, "the frame did not pass: %s", said.error);
    gst_clear_buffer (&out);
    return said;
}

UNUSED static bool near (const float colour[3], float red, float green, float blue, float tolerance)
{
    return fabsf (colour[0] - red) <= tolerance && fabsf (colour[1] - green) <= tolerance &&
           fabsf (colour[2] - blue) <= tolerance;
}

/* What the custom meta says in the name of `element`, or (NULL) of whoever stands there first. NULL: nothing. */
UNUSED static const GstStructure *result_of (GstBuffer *buffer, const char *element)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "convrelu");
    const GstStructure *all = meta ? gst_custom_meta_get_structure (meta) : NULL;
    if (!all || (!element && gst_structure_n_fields (all) == 0))
        return NULL;
    const GValue *value = gst_structure_get_value (all, element ? element : gst_structure_nth_field_name (all, 0));
    return value && GST_VALUE_HOLDS_STRUCTURE (value) ? gst_value_get_structure (value) : NULL;
}

UNUSED static guint64 stat_of (GstElement *element, const char *name)
{
    GstStructure *stats = NULL;
    guint64 value = G_MAXUINT64;
    g_object_get (element, "stats", &stats, NULL);
    if (stats) {
        gst_structure_get_uint64 (stats, name, &value);
        gst_structure_free (stats);
    }
    return value;
}

#endif
