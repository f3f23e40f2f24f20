/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lesson.c: a video of 40 seconds that shows, on any pictures, what a convolutional network computes: one number as a
 * weighted sum, what ReLU keeps of it, where two paths are added, what late channels add to a class.
 *
 * usage: lesson FOLDER SOURCE [NAME=VALUE...]      writes FOLDER/lesson.mkv and a picture of each chapter,
 *                                                  lesson-1-sum.png and so on
 *
 * SOURCE: as for gst-launch, raw video of any size with times from 0 on; NAME=VALUE: properties of the element. A
 * source that ends earlier gives a shorter lesson, which is no error. Exit code 1 and one line where nothing could be
 * written. */
#include <gst/video/video.h>

#include <stdio.h>
#include <string.h>

enum { SECONDS = 10, CHAPTERS = 4 };

/* A filter of the first layer of the built-in network that looks for edges; another network has others. */
#define EDGE ":31"

/* What is set when a part of the lesson begins; it lasts until the next. */
static const struct part {
    double start; /* seconds */
    const char *words;
    const char *properties; /* NAME=VALUE, separated by blanks */
} parts[] = {
    { 0, "1   One number is a weighted sum over a small window, which walks over the picture",
      "overlay=convolution+network unit=early" EDGE ":walk layers=early" },
    { 5, "1   The sum is large where the picture looks like the filter: it has found what it looks for",
      "unit=early" EDGE },
    { 10, "2   Every filter makes a map: red where its pattern is, blue where its opposite is",
      "overlay=labels+feature-maps+network stage=pre-activation placement=right" },
    { 15, "2   ReLU keeps \"yes, this strongly\" and makes zero of \"not this\"", "stage=both" },
    { 20, "3   Farther in two paths meet: what came in is added to what was found, then ReLU",
      "overlay=convolution+network unit=middle layers=middle stage=post-activation" },
    { 25, "3   Sums of sums: patterns and parts instead of edges",
      "overlay=labels+feature-maps+network layers=early,middle stage=both placement=right" },
    { 30, "4   The last maps are coarse, and each answers to a thing",
      "overlay=labels+feature-maps+network layers=late stage=post-activation" },
    { 35, "4   What each of them adds to the class, and where: so the network decides",
      "overlay=labels+feature-maps+class-activation+network channel-select=class" },
};

static const struct picture {
    double at; /* seconds */
    const char *name;
} pictures[CHAPTERS] = { { 8, "lesson-1-sum.png" },
                         { 18, "lesson-2-relu.png" },
                         { 23, "lesson-3-residual.png" },
                         { 38, "lesson-4-class.png" } };

struct lesson {
    const char *folder;
    GstElement *element, *words;
    guint next;        /* part */
    gboolean settling; /* what was set last is being prepared beside the stream */
    guint taken;       /* pictures */
    gboolean failed;
};

static void set_properties (GstElement *element, const char *text)
{
    char *model = NULL, **pairs = g_strsplit (text, " ", -1);
    g_object_get (element, "model-file", &model, NULL);
    for (char **pair = pairs; *pair; pair++) {
        char *equals = strchr (*pair, '='), *edge = strstr (*pair, EDGE);
        if (model && edge)
            memmove (edge, edge + strlen (EDGE), strlen (edge + strlen (EDGE)) + 1);
        if (equals) {
            *equals = '\0';
            gst_util_set_object_arg (G_OBJECT (element), *pair, equals + 1);
        }
    }
    g_free (model);
    g_strfreev (pairs);
}

/* When a frame is shown, by running time: each of several sources in a row begins at 0 again. */
static double seconds_of (GstPad *pad, GstBuffer *buffer)
{
    GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
    GstClockTime time = GST_BUFFER_PTS (buffer);
    if (event) {
        const GstSegment *segment;
        gst_event_parse_segment (event, &segment);
        time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
        gst_event_unref (event);
    }
    return GST_CLOCK_TIME_IS_VALID (time) ? (double)time / 1e9 : 0;
}

/* A frame before it reaches the element: begins the parts. */
static GstPadProbeReturn begin_parts (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    enum { SETTLING = 700 }; /* ms: a network is planned in less */
    struct lesson *lesson = data;
    double at = seconds_of (pad, GST_PAD_PROBE_INFO_BUFFER (info));
    if (lesson->settling)
        g_usleep (SETTLING * 1000);
    lesson->settling = FALSE;
    for (; lesson->next < G_N_ELEMENTS (parts) && at >= parts[lesson->next].start; lesson->next++) {
        set_properties (lesson->element, parts[lesson->next].properties);
        g_object_set (lesson->words, "text", parts[lesson->next].words, NULL);
        lesson->settling = TRUE;
    }
    return GST_PAD_PROBE_OK;
}

static gboolean write_picture (GstPad *pad, GstBuffer *buffer, const char *path)
{
    GError *error = NULL;
    GstCaps *from = gst_pad_get_current_caps (pad), *to = gst_caps_new_empty_simple ("image/png");
    GstSample *sample = gst_sample_new (buffer, from, NULL, NULL);
    GstSample *png = gst_video_convert_sample (sample, to, 20 * GST_SECOND, &error);
    GstMapInfo map;
    if (png && gst_buffer_map (gst_sample_get_buffer (png), &map, GST_MAP_READ)) {
        g_file_set_contents (path, (const char *)map.data, (gssize)map.size, &error);
        gst_buffer_unmap (gst_sample_get_buffer (png), &map);
    }
    if (error)
        fprintf (stderr, "lesson: %s: %s\n", path, error->message);
    gboolean good = png && !error;
    g_clear_error (&error);
    if (png)
        gst_sample_unref (png);
    gst_sample_unref (sample);
    gst_caps_unref (from);
    gst_caps_unref (to);
    return good;
}

/* A frame on its way into the file: takes the pictures. */
static GstPadProbeReturn take_pictures (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct lesson *lesson = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    double at = seconds_of (pad, buffer);
    if (lesson->taken < CHAPTERS && at >= pictures[lesson->taken].at) {
        char *path = g_build_filename (lesson->folder, pictures[lesson->taken++].name, NULL);
        lesson->failed |= !write_picture (pad, buffer, path);
        g_free (path);
    }
    return GST_PAD_PROBE_OK;
}

static void add_probe (GstElement *element, GstPadProbeCallback probe, struct lesson *lesson)
{
    GstPad *pad = gst_element_get_static_pad (element, "sink");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, probe, lesson, NULL);
    gst_object_unref (pad);
}

/* The pipeline, or NULL and a line. The drawing lies on 1280 x 640, the words below it. */
static GstElement *open_lesson (struct lesson *lesson, const char *source)
{
    GError *error = NULL;
    char *text = g_strdup_printf (
        "%s ! videoconvert ! videoscale add-borders=true ! videorate ! "
        "video/x-raw,format=I420,width=1280,height=640,pixel-aspect-ratio=1/1,framerate=15/1 ! "
        "convrelu name=network deadline=none post-messages=false ! videobox bottom=-80 fill=black ! "
        "textoverlay name=words valignment=position ypos=0.97 ypad=0 halignment=left xpad=24 shaded-background=false "
        "draw-shadow=false draw-outline=false font-desc=\"Sans 8\" ! "
        "videoconvert ! jpegenc name=encoder quality=80 ! matroskamux ! filesink name=file",
        source);
    GstElement *pipeline = gst_parse_launch (text, &error);
    g_free (text);
    if (error) {
        fprintf (stderr, "lesson: %s\n", error->message);
        g_clear_error (&error);
        g_clear_object (&pipeline);
        return NULL;
    }
    GstElement *encoder = gst_bin_get_by_name (GST_BIN (pipeline), "encoder");
    GstElement *file = gst_bin_get_by_name (GST_BIN (pipeline), "file");
    char *path = g_build_filename (lesson->folder, "lesson.mkv", NULL);
    lesson->element = gst_bin_get_by_name (GST_BIN (pipeline), "network");
    lesson->words = gst_bin_get_by_name (GST_BIN (pipeline), "words");
    g_object_set (file, "location", path, NULL);
    add_probe (lesson->element, begin_parts, lesson);
    add_probe (encoder, take_pictures, lesson);
    g_free (path);
    gst_object_unref (encoder);
    gst_object_unref (file);
    return pipeline;
}

/* Until the lesson is over, or its source. FALSE: an error, and a line. */
static gboolean play (GstElement *pipeline)
{
    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    gst_element_get_state (pipeline, NULL, NULL, 20 * GST_SECOND);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus (pipeline);
    GstMessage *last = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gboolean whole = GST_MESSAGE_TYPE (last) == GST_MESSAGE_EOS;
    GError *error = NULL;
    if (!whole) {
        gst_message_parse_error (last, &error, NULL);
        fprintf (stderr, "lesson: %s\n", error->message);
        g_clear_error (&error);
    }
    gst_message_unref (last);
    gst_object_unref (bus);
    return whole;
}

/* Ends the stream when the last chapter is over. */
static GstPadProbeReturn end_in_time (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    if (seconds_of (pad, GST_PAD_PROBE_INFO_BUFFER (info)) < CHAPTERS * SECONDS)
        return GST_PAD_PROBE_OK;
    gst_pad_send_event (pad, gst_event_new_eos ());
    return GST_PAD_PROBE_REMOVE;
}

int main (int argc, char **argv)
{
    struct lesson lesson = { .next = 0 };
    gst_init (&argc, &argv);
    if (argc < 3) {
        fprintf (stderr, "usage: lesson FOLDER SOURCE [NAME=VALUE...]\n");
        return 2;
    }
    lesson.folder = argv[1];
    GstElement *pipeline = open_lesson (&lesson, argv[2]);
    if (!pipeline)
        return 1;
    for (int i = 3; i < argc; i++) {
        char *equals = strchr (argv[i], '=');
        if (equals) {
            *equals = '\0';
            gst_util_set_object_arg (G_OBJECT (lesson.element), argv[i], equals + 1);
        }
    }
    set_properties (lesson.element, parts[0].properties);
    add_probe (lesson.element, end_in_time, &lesson);
    gboolean good = play (pipeline) && !lesson.failed;
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (lesson.element);
    gst_object_unref (lesson.words);
    gst_object_unref (pipeline);
    if (good && lesson.taken < CHAPTERS)
        printf ("the source ended in chapter %u of %d\n", lesson.taken + 1, (int)CHAPTERS);
    return good ? 0 : 1;
}
