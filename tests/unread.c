/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unread.c: ten minutes of video, as fast as it goes, in a pipeline whose bus nobody reads: does the process grow?
 *
 * usage: unread [PROPERTY=VALUE...]      properties of the element, for instance max-unread-messages=0
 * Environment: GST_PLUGIN_PATH, where libgstconvrelu.so lies.
 * Prints the resident memory every minute of video, and what it grew by a frame after the first one. Exit code 1: by
 * more than 20 bytes, which would be 50 MB a day at 30 frames a second; 2: the pipeline failed.
 *
 *   this program -> appsrc (64x64 RGB, 30 fps) ! convrelu ! appsink -> this program */
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include <stdio.h>
#include <unistd.h>

enum { FRAMES = 18000, MINUTE = 1800, SIDE = 64, FRAME_BYTES = SIDE * SIDE * 3, GROWTH_MAX = 20 };

/* Bytes of this process in memory; 0: the system does not say. */
static double resident_bytes (void)
{
    long pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    if (!file || fscanf (file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose (file);
    return (double)pages * (double)sysconf (_SC_PAGESIZE);
}

/* One frame through the element. FALSE: it did not come out. */
static gboolean frame_through (GstAppSrc *source, GstAppSink *sink, guint number)
{
    GstBuffer *frame = gst_buffer_new_allocate (NULL, FRAME_BYTES, NULL);
    gst_buffer_memset (frame, 0, (guint8)number, FRAME_BYTES);
    GST_BUFFER_PTS (frame) = gst_util_uint64_scale (number, GST_SECOND, 30);
    GST_BUFFER_DURATION (frame) = GST_SECOND / 30;
    if (gst_app_src_push_buffer (source, frame) != GST_FLOW_OK)
        return FALSE;
    GstSample *sample = gst_app_sink_try_pull_sample (sink, 30 * GST_SECOND);
    if (!sample)
        return FALSE;
    gst_sample_unref (sample);
    return TRUE;
}

/* Bytes a frame that the process grew by after the first minute of video, or -1: a frame was lost. */
static double growth (GstAppSrc *source, GstAppSink *sink, GstElement *element)
{
    double first = 0, last = 0;
    for (guint i = 0; i < FRAMES; i++) {
        if (!frame_through (source, sink, i))
            return -1;
        if ((i + 1) % MINUTE != 0)
            continue;
        GstStructure *stats = NULL;
        guint64 inferred = 0, dropped = 0;
        g_object_get (element, "stats", &stats, NULL);
        gst_structure_get (stats, "inferred", G_TYPE_UINT64, &inferred, "messages-dropped", G_TYPE_UINT64, &dropped,
                           NULL);
        gst_structure_free (stats);
        last = resident_bytes ();
        if (first == 0)
            first = last;
        printf ("%6u frames, %6" G_GUINT64_FORMAT " inferred, %6" G_GUINT64_FORMAT " messages not posted: %8.0f KiB\n",
                i + 1, inferred, dropped, last / 1024);
        fflush (stdout);
    }
    return last > first ? (last - first) / (FRAMES - MINUTE) : 0;
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    char *properties = g_strjoinv (" ", argv + 1);
    char *line = g_strdup_printf ("appsrc name=source format=time caps=video/x-raw,format=RGB,width=%d,height=%d,"
                                  "framerate=30/1 ! convrelu name=element %s ! appsink name=sink sync=false",
                                  SIDE, SIDE, properties);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch (line, &error);
    g_free (line);
    g_free (properties);
    if (error) {
        fprintf (stderr, "%s\n", error->message);
        return 2;
    }
    GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
    GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), "element");
    GstElement *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    double bytes = growth (GST_APP_SRC (source), GST_APP_SINK (sink), element);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (source);
    gst_object_unref (element);
    gst_object_unref (sink);
    gst_object_unref (pipeline);
    if (bytes < 0) {
        fprintf (stderr, "a frame was lost\n");
        return 2;
    }
    printf ("grows by %.1f bytes a frame: %s\n", bytes, bytes > GROWTH_MAX ? "FAILED" : "ok");
    return bytes > GROWTH_MAX;
}
