/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* appsink.c VIDEO: what convrelu says of each frame.  cc appsink.c $(pkg-config --cflags --libs gstreamer-app-1.0) */
#include <gst/app/gstappsink.h>
static GstFlowReturn say (GstAppSink *sink, gpointer unused G_GNUC_UNUSED)
{
    static const char *const before[] = { "", "  then ", ", " };
    g_autoptr (GstSample) sample = gst_app_sink_pull_sample (sink);
    GstCustomMeta *meta = gst_buffer_get_custom_meta (gst_sample_get_buffer (sample), "convrelu");
    if (!meta) /* nothing is known yet */
        return GST_FLOW_OK;
    const GValue *value = gst_structure_get_value (gst_custom_meta_get_structure (meta), "net"); /* its name */
    const GstStructure *result = gst_value_get_structure (value);
    const GValue *labels = gst_structure_get_value (result, "labels");
    const GValue *scores = gst_structure_get_value (result, "scores");
    for (guint i = 0; i < gst_value_array_get_size (labels); i++)
        g_print ("%s%s %.4f", before[MIN (i, 2)], g_value_get_string (gst_value_array_get_value (labels, i)),
                 g_value_get_float (gst_value_array_get_value (scores, i)));
    g_print (gst_structure_has_field (result, "label") ? "\n" : "nothing\n"); /* none reaches the threshold */
    return GST_FLOW_OK;
}
int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    GError *error = NULL;
    const char *line =
        "filesrc name=file ! decodebin ! videoconvert ! convrelu name=net top-k=3 ! appsink name=sink sync=false";
    GstElement *pipeline = gst_parse_launch (line, &error);
    if (error)
        return g_printerr ("%s\n", error->message), 1;
    g_object_set (gst_bin_get_by_name (GST_BIN (pipeline), "file"), "location", argv[1], NULL);
    GstAppSink *sink = GST_APP_SINK (gst_bin_get_by_name (GST_BIN (pipeline), "sink"));
    gst_app_sink_set_callbacks (sink, &(GstAppSinkCallbacks) { .new_sample = say }, NULL, NULL);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *end =
        gst_bus_timed_pop_filtered (gst_element_get_bus (pipeline), -1, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    if (GST_MESSAGE_TYPE (end) == GST_MESSAGE_ERROR)
        gst_message_parse_error (end, &error, NULL);
    return error ? g_printerr ("%s\n", error->message), 1 : 0;
}
