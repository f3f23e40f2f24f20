/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_live.c: how many frames of a live source are shown, and how often the network runs, when it is too slow for every
 * frame. Not a test: prints a table.
 *
 *   bench_live [--seconds S] [--fps N] [PROPERTY=VALUE ...]         properties of convrelu, model-file above all
 *
 *   source (live) ! [nothing | queue | leaky queue] ! convrelu ! [nothing | queue] ! sink (by the clock, max-lateness 5 ms)
 *
 * in step and beside the stream, with a fakesink, and with an appsink. `free` is what the network does with nothing to
 * wait for, measured before and after the table and, the machine being shared, in between too. */
#include <gst/gst.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int seconds = 15, fps = 30;
static char *properties; /* "name=value name=value" */

struct count {
    gint made, shown; /* frames that left the source, that were shown in time */
    guint64 inferred;
    guint64 latency; /* of the pipeline, ns */
    double age;      /* mean time from the frame that was seen to the frame that shows it, ms */
    double lasted;   /* s */
};

static GstPadProbeReturn count_made (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    (void)pad;
    (void)info;
    ((struct count *)data)->made++;
    return GST_PAD_PROBE_OK;
}

/* Adds up how old the results are on the frames that leave the element. */
struct age {
    guint64 sum, frames;
};

static GstPadProbeReturn take_age (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct age *age = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "convrelu");
    const GstStructure *all = meta ? gst_custom_meta_get_structure (meta) : NULL;
    const GValue *own = all ? gst_structure_get_value (all, "net") : NULL;
    guint64 seen;
    (void)pad;
    if (own && gst_structure_get_uint64 (gst_value_get_structure (own), "seen-timestamp", &seen) &&
        seen <= GST_BUFFER_PTS (buffer)) {
        age->sum += GST_BUFFER_PTS (buffer) - seen;
        age->frames++;
    }
    return GST_PAD_PROBE_OK;
}

/* Keeps a pipeline's latency up to date, as applications do; returns at its end or after `limit` ns. */
static void watch (GstElement *pipeline, GstClockTime limit)
{
    GstBus *bus = gst_element_get_bus (pipeline);
    GstClockTime end = gst_util_get_timestamp () + limit;
    for (GstClockTime now; (now = gst_util_get_timestamp ()) < end;) {
        GstMessage *message = gst_bus_timed_pop (bus, end - now);
        if (!message)
            break;
        GstMessageType type = GST_MESSAGE_TYPE (message);
        if (type == GST_MESSAGE_LATENCY)
            gst_bin_recalculate_latency (GST_BIN (pipeline));
        if (type == GST_MESSAGE_ERROR) {
            GError *error;
            gst_message_parse_error (message, &error, NULL);
            fprintf (stderr, "bench_live: %s\n", error->message);
            exit (EXIT_FAILURE);
        }
        gst_message_unref (message);
        if (type == GST_MESSAGE_EOS)
            break;
    }
    gst_object_unref (bus);
}

static guint64 stat_of (GstElement *element, const char *name)
{
    GstStructure *stats = NULL;
    guint64 value = 0;
    g_object_get (element, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, name, &value);
    gst_structure_free (stats);
    return value;
}

static struct count run (const char *before, const char *own, const char *after, const char *sink, gboolean live)
{
    struct count count = { 0 };
    struct age age = { 0 };
    GError *error = NULL;
    char *text =
        g_strdup_printf ("videotestsrc name=source is-live=%s pattern=ball ! video/x-raw,format=I420,width=640,"
                         "height=480,framerate=%d/1 %s ! convrelu name=net post-messages=false %s %s %s ! %s",
                         live ? "true" : "false", fps, before, properties, own, after, sink);
    GstElement *pipeline = gst_parse_launch (text, &error);
    g_free (text);
    if (!pipeline || error) {
        fprintf (stderr, "bench_live: %s\n", error->message);
        exit (EXIT_FAILURE);
    }
    GstElement *source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
    GstElement *net = gst_bin_get_by_name (GST_BIN (pipeline), "net");
    GstElement *end = gst_bin_get_by_name (GST_BIN (pipeline), "end");
    GstPad *made = gst_element_get_static_pad (source, "src"), *out = gst_element_get_static_pad (net, "src");
    gst_pad_add_probe (made, GST_PAD_PROBE_TYPE_BUFFER, count_made, &count, NULL);
    gst_pad_add_probe (out, GST_PAD_PROBE_TYPE_BUFFER, take_age, &age, NULL);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    gst_element_get_state (pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    GstClockTime start = gst_util_get_timestamp ();
    watch (pipeline, (GstClockTime)seconds * GST_SECOND);
    GstStructure *stats = NULL;
    guint64 shown = 0;
    g_object_get (end, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, "rendered", &shown);
    gst_structure_free (stats);
    count.shown = (gint)shown;
    count.inferred = stat_of (net, "inferred");
    count.lasted = (double)(gst_util_get_timestamp () - start) / GST_SECOND;
    GstQuery *query = gst_query_new_latency ();
    if (gst_element_query (pipeline, query))
        gst_query_parse_latency (query, NULL, &count.latency, NULL);
    gst_query_unref (query);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    count.age = age.frames ? (double)age.sum / (double)age.frames / 1e6 : 0;
    gst_object_unref (made);
    gst_object_unref (out);
    gst_object_unref (source);
    gst_object_unref (net);
    gst_object_unref (end);
    gst_object_unref (pipeline);
    return count;
}

/* Inferences a second with nothing to wait for. */
static double run_free (void)
{
    struct count count = run ("", "", "", "fakesink name=end sync=false", FALSE);
    return (double)count.inferred / count.lasted;
}

static const char *const befores[][2] = { { "nothing", "" },
                                          { "queue", "! queue" },
                                          { "leaky queue", "! queue leaky=downstream max-size-buffers=1" } };
static const char *const afters[][2] = { { "nothing", "" }, { "queue", "! queue" } };
static const char *const sinks[][2] = { { "fakesink", "fakesink name=end sync=true qos=true max-lateness=5000000" },
                                        { "appsink",
                                          "appsink name=end sync=true max-lateness=5000000 drop=true max-buffers=1" } };

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    GString *all = g_string_new (NULL);
    for (int i = 1; i < argc; i++) {
        if (!strcmp (argv[i], "--seconds") && i + 1 < argc)
            seconds = atoi (argv[++i]);
        else if (!strcmp (argv[i], "--fps") && i + 1 < argc)
            fps = atoi (argv[++i]);
        else
            g_string_append_printf (all, " %s", argv[i]);
    }
    properties = g_string_free (all, FALSE);
    if (seconds < 1 || fps < 1) {
        fprintf (stderr, "usage: bench_live [--seconds S] [--fps N] [PROPERTY=VALUE ...]\n");
        return 2;
    }
    double rate = run_free ();
    printf ("free: %.2f inferences a second, %.0f ms each; %d frames a second for %d s\n", rate, 1e3 / rate, fps,
            seconds);
    printf ("%-8s %-9s %-12s %-8s  %16s  %10s  %8s  %8s\n", "mode", "sink", "before", "after", "shown of due",
            "inferred/s", "of free", "latency");
    for (int async = 0; async < 2; async++) {
        for (int s = 0; s < 2; s++) {
            for (int b = 0; b < 3; b++) {
                for (int a = 0; a < 2; a++) {
                    struct count c = run (befores[b][1], async ? "async=true" : "", afters[a][1], sinks[s][1], TRUE);
                    double due = c.lasted * fps, a_second = (double)c.inferred / c.lasted;
                    rate = run_free ();
                    printf ("%-8s %-9s %-12s %-8s  %4d of %4.0f %3.0f %%  %10.2f  %6.0f %%  %5.0f ms  results %3.0f ms "
                            "old\n",
                            async ? "beside" : "in step", sinks[s][0], befores[b][0], afters[a][0], c.shown, due,
                            100 * c.shown / due, a_second, 100 * a_second / rate, (double)c.latency / 1e6, c.age);
                    fflush (stdout);
                }
            }
        }
    }
    g_free (properties);
    return EXIT_SUCCESS;
}
