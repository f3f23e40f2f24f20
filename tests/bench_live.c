/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_live.c: how many frames of a live source are shown, and how often the network runs, when it is too slow for
 * every frame. Not a test: prints a table.
 *
 *   bench_live [--seconds S] [--fps N] [--before NAME] [--drift [--beside]] [PROPERTY=VALUE ...]
 *
 * The properties are convrelu's, model-file above all. --before: only the rows of "nothing", "queue" or "leaky queue".
 *
 *   source (live) ! [nothing | queue | leaky queue] ! convrelu ! [nothing | queue] ! sink (clock, max-lateness 5 ms)
 *
 * in step and beside the stream, with a fakesink, and with an appsink. `free` is what the network does with nothing to
 * wait for, measured before the table and, the machine being shared, again after each row. --drift: only with queues
 * before and behind, in step or --beside the stream, one row for each tenth of the time. */
#include <gst/gst.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int seconds = 15, fps = 30;
static const char *only; /* the element before, or NULL: all */
static char *properties; /* "name=value name=value" */

/* What came of some seconds. */
struct count {
    guint64 shown, inferred; /* frames that the sink took in time; runs of the network */
    GstClockTime latency;    /* of the pipeline, ns */
    double age;              /* mean time from the frame that was seen to the frame that carries the result, ms */
    double lasted;           /* s */
};

/* The pipeline while it runs. */
struct live {
    GstElement *pipeline, *net, *end;
    guint64 age, carried; /* of the results on frames that left the element, ns in all; how many */
    guint64 shown, inferred;
    GstClockTime since; /* the three above were read last, on the monotonic clock */
};

static GstPadProbeReturn take_age (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct live *live = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "convrelu");
    const GstStructure *all = meta ? gst_custom_meta_get_structure (meta) : NULL;
    const GValue *own = all ? gst_structure_get_value (all, "net") : NULL;
    guint64 seen;
    (void)pad;
    if (own && gst_structure_get_uint64 (gst_value_get_structure (own), "seen-timestamp", &seen) &&
        seen <= GST_BUFFER_PTS (buffer)) {
        live->age += GST_BUFFER_PTS (buffer) - seen;
        live->carried++;
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

/* What has come together since the last call. */
static struct count take_count (struct live *live)
{
    struct count count = { 0 };
    GstClockTime now = gst_util_get_timestamp ();
    GstStructure *stats = NULL;
    guint64 shown = 0, inferred = stat_of (live->net, "inferred");
    g_object_get (live->end, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, "rendered", &shown);
    gst_structure_free (stats);
    GstQuery *query = gst_query_new_latency ();
    if (gst_element_query (live->pipeline, query))
        gst_query_parse_latency (query, NULL, &count.latency, NULL);
    gst_query_unref (query);
    count.shown = shown - live->shown;
    count.inferred = inferred - live->inferred;
    count.age = live->carried ? (double)live->age / (double)live->carried / 1e6 : 0;
    count.lasted = (double)(now - live->since) / GST_SECOND;
    live->shown = shown;
    live->inferred = inferred;
    live->age = live->carried = 0;
    live->since = now;
    return count;
}

static void open_live (struct live *live, const char *before, const char *own, const char *after, const char *sink,
                       gboolean is_live)
{
    GError *error = NULL;
    char *text = g_strdup_printf ("videotestsrc is-live=%s pattern=ball ! video/x-raw,format=I420,width=640,height=480,"
                                  "framerate=%d/1 %s ! convrelu name=net post-messages=false %s %s %s ! %s name=end",
                                  is_live ? "true" : "false", fps, before, properties, own, after, sink);
    *live = (struct live) { .pipeline = gst_parse_launch (text, &error) };
    g_free (text);
    if (!live->pipeline || error) {
        fprintf (stderr, "bench_live: %s\n", error->message);
        exit (EXIT_FAILURE);
    }
    live->net = gst_bin_get_by_name (GST_BIN (live->pipeline), "net");
    live->end = gst_bin_get_by_name (GST_BIN (live->pipeline), "end");
    GstPad *out = gst_element_get_static_pad (live->net, "src");
    gst_pad_add_probe (out, GST_PAD_PROBE_TYPE_BUFFER, take_age, live, NULL);
    gst_object_unref (out);
    gst_element_set_state (live->pipeline, GST_STATE_PLAYING);
    gst_element_get_state (live->pipeline, NULL, NULL, GST_CLOCK_TIME_NONE);
    live->since = gst_util_get_timestamp ();
}

static void close_live (struct live *live)
{
    gst_element_set_state (live->pipeline, GST_STATE_NULL);
    gst_object_unref (live->net);
    gst_object_unref (live->end);
    gst_object_unref (live->pipeline);
}

/* Inferences a second with nothing to wait for. */
static double run_free (void)
{
    struct live live;
    open_live (&live, "", "", "", "fakesink sync=false", FALSE);
    watch (live.pipeline, 5 * GST_SECOND);
    struct count count = take_count (&live);
    close_live (&live);
    return (double)count.inferred / count.lasted;
}

static void print_count (const char *mode, const char *sink, const char *before, const char *after,
                         const struct count *count, double rate)
{
    double due = count->lasted * fps, a_second = (double)count->inferred / count->lasted;
    printf ("%-8s %-9s %-12s %-8s %6.0f of %6.0f %4.0f %% %11.2f %8.0f %% %7.0f ms %7.0f ms\n", mode, sink, before,
            after, (double)count->shown, due, 100 * (double)count->shown / due, a_second, 100 * a_second / rate,
            (double)count->latency / 1e6, count->age);
    fflush (stdout);
}

static const char *const befores[][2] = { { "nothing", "" },
                                          { "queue", "! queue" },
                                          { "leaky queue", "! queue leaky=downstream max-size-buffers=1" } };
static const char *const afters[][2] = { { "nothing", "" }, { "queue", "! queue" } };
static const char *const sinks[][2] = { { "fakesink", "fakesink sync=true qos=true max-lateness=5000000" },
                                        { "appsink",
                                          "appsink sync=true max-lateness=5000000 drop=true max-buffers=1" } };
static const char *const modes[][2] = { { "in step", "async=false" }, { "beside", "async=true" } };

static void run_table (double rate)
{
    for (int n = 0; n < 2 * 2 * 3 * 2; n++) {
        const char *const *mode = modes[n / 12], *const *sink = sinks[n / 6 % 2], *const *before = befores[n / 2 % 3];
        const char *const *after = afters[n % 2];
        if (only && strcmp (only, before[0]) != 0)
            continue;
        struct live live;
        open_live (&live, before[1], mode[1], after[1], sink[1], TRUE);
        watch (live.pipeline, (GstClockTime)seconds * GST_SECOND);
        struct count count = take_count (&live);
        close_live (&live);
        double after_it = run_free ();
        print_count (mode[0], sink[0], before[0], after[0], &count, (rate + after_it) / 2);
        rate = after_it;
    }
}

static void run_drift (double rate, int mode)
{
    struct live live;
    open_live (&live, befores[1][1], modes[mode][1], afters[1][1], sinks[0][1], TRUE);
    for (int tenth = 0; tenth < 10; tenth++) {
        watch (live.pipeline, (GstClockTime)seconds * GST_SECOND / 10);
        struct count count = take_count (&live);
        print_count (modes[mode][0], sinks[0][0], befores[1][0], afters[1][0], &count, rate);
    }
    close_live (&live);
}

int main (int argc, char **argv)
{
    gboolean drift = FALSE, beside = FALSE;
    GString *all = g_string_new (NULL);
    gst_init (&argc, &argv);
    for (int i = 1; i < argc; i++) {
        if (!strcmp (argv[i], "--seconds") && i + 1 < argc)
            seconds = atoi (argv[++i]);
        else if (!strcmp (argv[i], "--fps") && i + 1 < argc)
            fps = atoi (argv[++i]);
        else if (!strcmp (argv[i], "--before") && i + 1 < argc)
            only = argv[++i];
        else if (!strcmp (argv[i], "--drift"))
            drift = TRUE;
        else if (!strcmp (argv[i], "--beside"))
            beside = TRUE;
        else
            g_string_append_printf (all, " %s", argv[i]);
    }
    properties = g_string_free (all, FALSE);
    if (seconds < 1 || fps < 1) {
        fprintf (
            stderr,
            "usage: bench_live [--seconds S] [--fps N] [--before NAME] [--drift [--beside]] [PROPERTY=VALUE ...]\n");
        return 2;
    }
    double rate = run_free ();
    printf ("free: %.2f inferences a second, %.0f ms each; %d frames a second for %d s\n", rate, 1e3 / rate, fps,
            seconds);
    printf ("%-8s %-9s %-12s %-8s %16s %6s %11s %10s %10s %10s\n", "mode", "sink", "before", "after", "shown of due",
            "", "inferred/s", "of free", "latency", "age");
    if (drift)
        run_drift (rate, beside);
    else
        run_table (rate);
    g_free (properties);
    return EXIT_SUCCESS;
}
