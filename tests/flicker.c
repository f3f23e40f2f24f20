/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flicker.c: how often the best class of a clip changes, as the network says it and as the drawing writes it.
 *
 *   GST_PLUGIN_PATH=build/plugin flicker CLIP MODEL [NAME=VALUE...]      properties, such as labels-file, mean, std
 *
 * Runs the network on every frame, as the element in step does. Prints both counts. */
#include <stdio.h>
#include <stdlib.h>

#include "plugin/overlay/overlay.h"

struct count {
    int frames, changes, class_id;
};

struct counting {
    struct settings settings;
    struct network *network;
    struct frame_reader *reader;
    struct overlay *overlay;
    struct result result;
    struct count said, drawn;
    GstVideoInfo info;
};

static void count_class (struct count *count, int class_id)
{
    count->changes += count->frames > 0 && class_id != count->class_id;
    count->class_id = class_id;
    count->frames++;
}

static void see_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
    struct counting *counting = data;
    struct network *network = counting->network;
    GstCaps *caps = gst_pad_get_current_caps (pad);
    struct input_spec spec = frame_input_spec (model_input (network->model), &counting->settings.preparation, NULL);
    if (!caps || !gst_video_info_from_caps (&counting->info, caps))
        return;
    gst_caps_unref (caps);
    frame_reader_set (counting->reader, &counting->info, &spec, counting->settings.resize);
    if (!frame_reader_read (counting->reader, buffer, network, NULL))
        return;
    plan_run (network->plan, network->input);
    result_take (&counting->result, network, &counting->settings, 0);
    const struct overlay_frame frame = { .appearance = &counting->settings.appearance,
                                         .network = network,
                                         .result = &counting->result,
                                         .time = GST_BUFFER_PTS (buffer),
                                         .top_k = counting->settings.top_k,
                                         .threshold = counting->settings.threshold,
                                         .scores = counting->settings.scores,
                                         .width = GST_VIDEO_INFO_WIDTH (&counting->info),
                                         .height = GST_VIDEO_INFO_HEIGHT (&counting->info),
                                         .view = frame_reader_view (counting->reader) };
    overlay_draw (counting->overlay, &frame);
    const struct calm_rows *rows = overlay_rows (counting->overlay);
    count_class (&counting->said, counting->result.count > 0 ? counting->result.ids[0] : -1);
    count_class (&counting->drawn, rows && rows->count > 0 ? rows->ids[0] : -1);
}

static gboolean set (struct settings *settings, const char *text)
{
    GstElement *element = gst_element_factory_make ("convrelu", NULL); /* knows the properties' types */
    char **pair = g_strsplit (text, "=", 2);
    GParamSpec *spec =
        element && pair[0] && pair[1] ? g_object_class_find_property (G_OBJECT_GET_CLASS (element), pair[0]) : NULL;
    GValue value = G_VALUE_INIT;
    gboolean done = FALSE;
    if (spec) {
        g_value_init (&value, spec->value_type);
        done =
            gst_value_deserialize_with_pspec (&value, pair[1], spec) && settings_set (settings, spec->param_id, &value);
        g_value_unset (&value);
    }
    if (!done)
        fprintf (stderr, "flicker: %s is no property with its value\n", text);
    g_strfreev (pair);
    g_clear_object (&element);
    return done;
}

static gboolean play (struct counting *counting, const char *clip)
{
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch ("filesrc name=clip ! decodebin ! videoconvert ! video/x-raw,format=RGB ! "
                                             "fakesink name=sink signal-handoffs=true sync=false",
                                             &error);
    if (error) {
        fprintf (stderr, "flicker: %s\n", error->message);
        g_clear_error (&error);
        return FALSE;
    }
    GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "clip");
    GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    g_object_set (source, "location", clip, NULL);
    g_signal_connect (sink, "handoff", G_CALLBACK (see_frame), counting);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus (pipeline);
    GstMessage *last = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gboolean whole = GST_MESSAGE_TYPE (last) == GST_MESSAGE_EOS;
    if (!whole) {
        gst_message_parse_error (last, &error, NULL);
        fprintf (stderr, "flicker: %s\n", error->message);
        g_clear_error (&error);
    }
    gst_message_unref (last);
    gst_object_unref (bus);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (source);
    gst_object_unref (sink);
    gst_object_unref (pipeline);
    return whole;
}

int main (int argc, char **argv)
{
    struct counting counting = { 0 };
    GError *error = NULL;
    gst_init (&argc, &argv);
    if (argc < 3) {
        fprintf (stderr, "usage: flicker CLIP MODEL [NAME=VALUE...]\n");
        return 2;
    }
    settings_init (&counting.settings);
    counting.settings.model_file = g_strdup (argv[2]);
    counting.settings.appearance.overlay = OVERLAY_LABELS;
    for (int i = 3; i < argc; i++)
        if (!set (&counting.settings, argv[i]))
            return 2;
    counting.network = settings_check (&counting.settings, &error) ? network_load (&counting.settings, &error) : NULL;
    if (!counting.network) {
        fprintf (stderr, "flicker: %s\n", error->message);
        return EXIT_FAILURE;
    }
    counting.reader = frame_reader_new ();
    counting.overlay = overlay_new ();
    gboolean whole = play (&counting, argv[1]);
    printf ("%d frames: the best class changes %d times as said, %d times as drawn\n", counting.said.frames,
            counting.said.changes, counting.drawn.changes);
    overlay_free (counting.overlay);
    frame_reader_free (counting.reader);
    result_clear (&counting.result);
    network_free (counting.network);
    settings_clear (&counting.settings);
    return whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
