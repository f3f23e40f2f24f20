/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_still.c: what still-threshold spares on a clip, and what it changes. Not a test: prints tables.
 *
 *   bench_still CLIP [PROPERTY=VALUE ...]       the properties are convrelu's, model-file above all
 *
 * CLIP is decoded to I420 and shown to the network frame by frame, as fast as it goes: once with the gate off, and
 * then with each threshold. Columns: frames that did not run; frames whose best class is another than with the gate
 * off; how far the score of that class is off, of 95 and 99 of 100 frames; the whole process's CPU time, decoding with
 * it, and what decoding alone takes. Then: what the gate costs, ms of CPU time a frame. */
#include <gst/video/video.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "plugin/log.h"
#include "plugin/still.h"

enum { TOP = 50 }; /* classes that are looked at; the score of any other counts as 0 */

struct answer {
    int best;
    double score;      /* of the best class */
    float of_all[TOP]; /* and of the best TOP, */
    int ids[TOP];      /*   their numbers */
    int count;
};

static GArray *answers; /* of the run in work, a struct answer each */

static double cpu_seconds (void)
{
    struct rusage used;
    getrusage (RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static GstPadProbeReturn take_answer (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta (GST_PAD_PROBE_INFO_BUFFER (info), "convrelu");
    const GValue *own = meta ? gst_structure_get_value (gst_custom_meta_get_structure (meta), "net") : NULL;
    struct answer answer = { .best = -1 };
    (void)pad, (void)data;
    if (own) {
        const GstStructure *said = gst_value_get_structure (own);
        const GValue *ids = gst_structure_get_value (said, "class-ids"),
                     *scores = gst_structure_get_value (said, "scores");
        answer.count = (int)MIN (gst_value_array_get_size (ids), TOP);
        for (int i = 0; i < answer.count; i++) {
            answer.ids[i] = g_value_get_int (gst_value_array_get_value (ids, (guint)i));
            answer.of_all[i] = g_value_get_float (gst_value_array_get_value (scores, (guint)i));
        }
        answer.best = answer.count ? answer.ids[0] : -1;
        answer.score = answer.count ? (double)answer.of_all[0] : 0;
    }
    g_array_append_val (answers, answer);
    return GST_PAD_PROBE_OK;
}

/* Plays the clip to its end; returns CPU seconds. `element`: what stands for the network. *still, *frames from its
 * stats, where it has them. */
static double play (const char *clip, const char *element, guint64 *still, guint64 *frames)
{
    GError *error = NULL;
    char *text = g_strdup_printf ("filesrc location=\"%s\" ! decodebin ! videoconvert ! video/x-raw,format=I420 ! %s "
                                  "name=net ! fakesink sync=false name=end",
                                  clip, element);
    GstElement *pipeline = gst_parse_launch (text, &error);
    g_free (text);
    if (!pipeline || error) {
        fprintf (stderr, "bench_still: %s\n", error->message);
        exit (EXIT_FAILURE);
    }
    GstElement *net = gst_bin_get_by_name (GST_BIN (pipeline), "net");
    GstPad *pad = gst_element_get_static_pad (net, "src");
    answers = g_array_new (FALSE, FALSE, sizeof (struct answer));
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, take_answer, NULL, NULL);
    gst_object_unref (pad);
    gst_element_set_state (pipeline, GST_STATE_PAUSED);
    gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    double start = cpu_seconds (); /* loaded */
    GstBus *bus = gst_element_get_bus (pipeline);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    GstMessage *message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    double spent = cpu_seconds () - start;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error (message, &error, NULL);
        fprintf (stderr, "bench_still: %s\n", error->message);
        exit (EXIT_FAILURE);
    }
    gst_message_unref (message);
    gst_object_unref (bus);
    if (still) {
        GstStructure *stats = NULL;
        g_object_get (net, "stats", &stats, NULL);
        gst_structure_get_uint64 (stats, "still", still);
        gst_structure_get_uint64 (stats, "frames", frames);
        gst_structure_free (stats);
    }
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (net);
    gst_object_unref (pipeline);
    return spent;
}

static int compare (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints how the answers differ from those of `whole`. */
static void print_changes (const GArray *whole)
{
    guint count = MIN (whole->len, answers->len), changed = 0;
    double *off = g_new0 (double, count + 1);
    for (guint n = 0; n < count; n++) {
        const struct answer *a = &g_array_index (whole, struct answer, n),
                            *b = &g_array_index (answers, struct answer, n);
        double score = 0;
        for (int i = 0; i < b->count; i++)
            if (b->ids[i] == a->best)
                score = (double)b->of_all[i];
        off[n] = fabs (score - a->score);
        changed += a->best != b->best;
    }
    qsort (off, count, sizeof *off, compare);
    printf ("%8.1f %% %10.3f %10.3f", 100.0 * changed / MAX (count, 1), off[count * 95 / 100], off[count * 99 / 100]);
    g_free (off);
}

/* CPU time of one look at a frame of noise. */
static void print_cost (const char *format, int width, int height)
{
    enum { LOOKS = 400 };
    GstVideoInfo info;
    GstVideoFrame frame;
    struct still still = { .looked = FALSE };
    gst_video_info_set_format (&info, gst_video_format_from_string (format), (guint)width, (guint)height);
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
    GstMapInfo map;
    gst_buffer_map (buffer, &map, GST_MAP_WRITE);
    for (gsize i = 0; i < map.size; i++)
        map.data[i] = (guint8)(i * 2654435761u >> 13);
    gst_buffer_unmap (buffer, &map);
    int side = height * 7 / 8;
    double least = 1e9;
    gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ);
    for (int round = 0; round < 5; round++) {
        double start = cpu_seconds ();
        for (int n = 0; n < LOOKS; n++) {
            still_look (&still, &frame, (struct rectangle) { (width - side) / 2, (height - side) / 2, side, side },
                        FALSE);
            still_is (&still, 2, 0, 0);
            still_keep (&still, 2, 0);
        }
        least = MIN (least, (cpu_seconds () - start) / LOOKS * 1e3);
    }
    printf ("the gate, %s %d x %d: %.3f ms a frame\n", format, width, height, least);
    gst_video_frame_unmap (&frame);
    gst_buffer_unref (buffer);
    still_clear (&still);
}

int main (int argc, char **argv)
{
    static const char *const thresholds[] = { "0", "1", "2", "3", "4", "6", "8", "12" };
    gst_init (&argc, &argv);
    if (argc < 2) {
        fprintf (stderr, "usage: bench_still CLIP [PROPERTY=VALUE ...]\n");
        return 2;
    }
    GST_DEBUG_CATEGORY_INIT (convrelu_debug, "convrelu", 0, "convolutional networks on video");
    GString *properties = g_string_new ("convrelu deadline=none post-messages=false top-k=50");
    for (int i = 2; i < argc; i++)
        g_string_append_printf (properties, " %s", argv[i]);
    double decoding = play (argv[1], "identity", NULL, NULL);
    g_array_unref (answers);
    printf ("decoding alone: %.2f s of CPU time\n%-10s %9s %10s %10s %10s %9s\n", decoding, "threshold", "skipped",
            "changed", "off, 95 %", "off, 99 %", "CPU s");
    GArray *whole = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS (thresholds); i++) {
        char *element = g_strdup_printf ("%s still-threshold=%s", properties->str, thresholds[i]);
        guint64 still = 0, frames = 1;
        double spent = play (argv[1], element, &still, &frames);
        printf ("%-10s %7.1f %%", thresholds[i], 100.0 * (double)still / (double)frames);
        print_changes (whole ? whole : answers);
        printf (" %9.2f\n", spent);
        fflush (stdout);
        if (whole)
            g_array_unref (answers);
        else
            whole = answers;
        g_free (element);
    }
    g_array_unref (whole);
    g_string_free (properties, TRUE);
    print_cost ("I420", 640, 480);
    print_cost ("YUY2", 640, 480);
    print_cost ("RGB", 640, 480);
    print_cost ("BGRx", 640, 480);
    print_cost ("I420", 1920, 1080);
    print_cost ("BGRx", 3840, 2160);
    return EXIT_SUCCESS;
}
