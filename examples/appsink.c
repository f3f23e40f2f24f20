/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* appsink.c: prints what convrelu says of every frame, read from the frame itself.
 *
 *   cc appsink.c -o appsink $(pkg-config --cflags --libs gstreamer-app-1.0)        ./appsink [VIDEO or PICTURE] */
#include <gst/app/gstappsink.h>

static void say (GstBuffer *frame)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta (frame, "convrelu");
    const GValue *value = meta ? gst_structure_get_value (gst_custom_meta_get_structure (meta), "net") : NULL;
    if (!value) /* "net" is the element's name */
        return;
    const GstStructure *result = gst_value_get_structure (value);
    const GValue *labels = gst_structure_get_value (result, "labels"),
                 *scores = gst_structure_get_value (result, "scores");
    for (guint i = 0; i < gst_value_array_get_size (labels); i++)
        g_print ("%s%s %.4f",
                 i == 0   ? ""
                 : i == 1 ? "  then "
                          : ", ",
                 g_value_get_string (gst_value_array_get_value (labels, i)),
                 (double)g_value_get_float (gst_value_array_get_value (scores, i)));
    g_print (gst_structure_has_field (result, "label") ? "\n" : "nothing\n"); /* none reaches the threshold */
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    char *line = g_strconcat (argc > 1 ? "filesrc name=file ! decodebin" : "videotestsrc num-buffers=3",
                              " ! videoconvert ! convrelu name=net top-k=3 ! appsink name=sink sync=false", NULL);
    GstElement *pipeline = gst_parse_launch (line, NULL);
    if (argc > 1)
        g_object_set (gst_bin_get_by_name (GST_BIN (pipeline), "file"), "location", argv[1], NULL);
    GstAppSink *sink = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (pipeline), "sink"));
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    if (gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE) == GST_STATE_CHANGE_FAILURE)
        return 1;
    for (GstSample *sample; (sample = gst_app_sink_pull_sample (sink)); gst_sample_unref (sample))
        say (gst_sample_get_buffer (sample));
    gst_element_set_state (pipeline, GST_STATE_NULL);
    return 0;
}
