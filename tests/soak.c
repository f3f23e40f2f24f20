/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* soak.c: four live streams for minutes or hours, everything about them changed at random all the time: networks (some
 * files are none), caps, properties, what is drawn, states; clicks and keys come, and frames with regions of others.
 * ./dev soak runs it.
 *
 *   soak [--minutes N] [--seed S]
 *
 *   videotestsrc (live) ! capsfilter ! convrelu ! videoconvert ! fakesink (clock)
 *
 * For each sample everything is as at the beginning for two seconds: memory (after malloc_trim), threads, open files,
 * and of the second of these: frames, runs of the networks, how late frames leave; and what GLib and GStreamer have
 * called a mistake. Prints them as a table. Fails where there was a mistake, where a stream ended or stood still, or
 * where something grows: the line through the samples after the first two minutes and the first quarter rises, over
 * all of that time and beyond twice its own error, by more than 4 MiB, 2 threads, 2 files or 200 ms. A run too short
 * for that leaves out the first quarter only, and memory may rise by 48 MiB (each thread and each kind of drawing takes
 * some the first time). In a run of less than five minutes lateness and streams that stand still, which may be the
 * machine's, are printed and are no failure. A run goes on until it has five samples. */
#include <gst/gst.h>
#include <gst/video/video.h>

#include <dirent.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "tiny_onnx.h"

enum { STREAMS = 4, SAMPLES_MOST = 4096, MOMENT = 20000, WARM_MINUTES = 2, ENOUGH = 8, TIMED_MINUTES = 5 };

struct stream {
    GstElement *pipeline, *net, *filter, *end;
    gint frames; /* atomic: that left the element, since the last sample */
    gint late;   /* atomic: how late in all, in microseconds */
    guint64 seen, inferred;
    int still; /* samples in turn without a frame */
};

static struct stream streams[STREAMS];
static gint mistakes, stream_errors;
static gboolean is_timed; /* the run is long enough for it */
static char folder[] = "/tmp/soak-XXXXXX", files[4][64];
static GRand *dice;

/* ---- what is counted --------------------------------------------------------------------------------------------- */

static void count_mistake (const char *domain, GLogLevelFlags level, const char *text, gpointer data)
{
    printf ("# %s: %s\n", domain ? domain : "-", text);
    if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING | G_LOG_LEVEL_ERROR))
        g_atomic_int_inc (&mistakes);
}

static GstPadProbeReturn put_regions (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
    GST_PAD_PROBE_INFO_DATA (info) = buffer;
    for (guint i = 0; i < 5; i++)
        gst_buffer_add_video_region_of_interest_meta (buffer, "face", 10 * i, 7 * i, 30, 30);
    return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn count_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    struct stream *stream = data;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    GstClock *clock = gst_element_get_clock (stream->net);
    if (clock && GST_BUFFER_PTS_IS_VALID (buffer)) {
        GstClockTimeDiff late =
            (GstClockTimeDiff)(gst_clock_get_time (clock) - gst_element_get_base_time (stream->net)) -
            (GstClockTimeDiff)GST_BUFFER_PTS (buffer);
        g_atomic_int_add (&stream->late, (gint)(CLAMP (late, 0, 5 * (GstClockTimeDiff)GST_SECOND) / 1000));
    }
    if (clock)
        gst_object_unref (clock);
    g_atomic_int_inc (&stream->frames);
    return GST_PAD_PROBE_OK;
}

static int open_files (void)
{
    int count = 0;
    DIR *dir = opendir ("/proc/self/fd");
    while (dir && readdir (dir))
        count++;
    if (dir)
        closedir (dir);
    return count;
}

static guint64 inferred_of (struct stream *stream)
{
    GstStructure *stats = NULL;
    guint64 value = 0;
    g_object_get (stream->net, "stats", &stats, NULL);
    gst_structure_get_uint64 (stats, "inferred", &value);
    gst_structure_free (stats);
    return value;
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

/* Any, or those to begin with. */
static void set_caps (struct stream *stream, gboolean any)
{
    static const char *const formats[] = { "I420", "RGB", "NV12", "BGRA", "GRAY8", "YUY2" };
    static const int sizes[][2] = { { 320, 240 }, { 160, 120 }, { 33, 77 }, { 640, 360 }, { 16, 16 } };
    int format = any ? g_rand_int_range (dice, 0, G_N_ELEMENTS (formats)) : 0;
    int size = any ? g_rand_int_range (dice, 0, G_N_ELEMENTS (sizes)) : 0;
    char text[160];
    snprintf (text, sizeof text, "video/x-raw, format=%s, width=%d, height=%d, framerate=%d/1", formats[format],
              sizes[size][0], sizes[size][1], any ? g_rand_int_range (dice, 5, 16) : 15);
    GstCaps *caps = gst_caps_from_string (text);
    g_object_set (stream->filter, "caps", caps, NULL);
    gst_caps_unref (caps);
}

static gboolean new_stream (struct stream *stream, int number)
{
    static const char text[] =
        "videotestsrc is-live=true pattern=ball ! capsfilter name=f caps-change-mode=delayed ! convrelu name=c ! "
        "videoconvert ! fakesink name=s sync=true qos=true";
    stream->pipeline = gst_parse_launch (text, NULL);
    if (!stream->pipeline)
        return FALSE;
    stream->net = gst_bin_get_by_name (GST_BIN (stream->pipeline), "c");
    stream->filter = gst_bin_get_by_name (GST_BIN (stream->pipeline), "f");
    stream->end = gst_bin_get_by_name (GST_BIN (stream->pipeline), "s");
    GstPad *sink = gst_element_get_static_pad (stream->net, "sink"),
           *source = gst_element_get_static_pad (stream->net, "src");
    gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, put_regions, stream, NULL);
    gst_pad_add_probe (source, GST_PAD_PROBE_TYPE_BUFFER, count_frame, stream, NULL);
    gst_object_unref (sink);
    gst_object_unref (source);
    g_object_set (stream->net, "async", number % 2, "interactive", TRUE, NULL);
    set_caps (stream, FALSE);
    return gst_element_set_state (stream->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

/* Errors end the run; warnings are of files that are none. */
static void hear (struct stream *stream)
{
    GstBus *bus = gst_element_get_bus (stream->pipeline);
    for (GstMessage *message; (message = gst_bus_pop (bus)); gst_message_unref (message)) {
        if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY)
            gst_bin_recalculate_latency (GST_BIN (stream->pipeline));
        if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR && GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS)
            continue;
        GError *error = NULL;
        char *details = NULL;
        if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
            gst_message_parse_error (message, &error, &details);
        printf ("# a stream ends: %s %s\n", error ? error->message : "EOS", details ? details : "");
        g_clear_error (&error);
        g_free (details);
        stream_errors++;
    }
    gst_object_unref (bus);
}

/* ---- what is changed --------------------------------------------------------------------------------------------- */

static const char *const values[][2] = {
    { "overlay", "none" },
    { "overlay", "labels" },
    { "overlay", "labels+feature-maps+network" },
    { "overlay", "labels+stats+class-activation" },
    { "overlay", "convolution" },
    { "overlay", "unit" },
    { "overlay", "feature-maps" },
    { "stage", "both" },
    { "stage", "post-activation" },
    { "layers", "early" },
    { "layers", "" },
    { "channels", "4" },
    { "channels", "16" },
    { "class", "top-1" },
    { "class", "1" },
    { "unit", "" },
    { "threads", "1" },
    { "threads", "2" },
    { "algorithm", "direct" },
    { "algorithm", "auto" },
    { "activation", "gelu" },
    { "activation", "model" },
    { "precision", "int8" },
    { "precision", "auto" },
    { "async", "true" },
    { "async", "false" },
    { "inference-interval", "3" },
    { "inference-interval", "1" },
    { "max-rate", "5" },
    { "max-rate", "0" },
    { "still-threshold", "1" },
    { "still-threshold", "0" },
    { "smoothing", "0.5" },
    { "smoothing", "0" },
    { "mean", "<1,2,3>" },
    { "mean", "<>" },
    { "std", "<50>" },
    { "std", "<>" },
    { "resize", "letterbox" },
    { "resize", "crop" },
    { "top-k", "1" },
    { "top-k", "5" },
    { "deadline", "none" },
    { "deadline", "skip" },
    { "trigger-classes", "1,2" },
    { "trigger-classes", "" },
    { "labels-file", "" },
    { "repeat-messages", "true" },
    { "repeat-messages", "false" },
    { "regions", "roi" },
    { "regions", "frame" },
    { "region-max", "1" },
    { "region-max", "0" },
    { "region-interval", "3" },
    { "region-interval", "1" },
    { "region-min-size", "31" }, /* than which all are smaller */
    { "region-min-size", "1" },
    { "tensors", "true" }, /* from GStreamer 1.26 on */
    { "tensors", "false" },
};

static void set_property (struct stream *stream)
{
    const char *const *value = values[g_rand_int_range (dice, 0, G_N_ELEMENTS (values))];
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (stream->net), value[0]))
        gst_util_set_object_arg (G_OBJECT (stream->net), value[0], value[1]);
}

static void set_network (struct stream *stream)
{
    int which = g_rand_int_range (dice, 0, 5); /* 4: the one that is built in; 3: none at all */
    g_object_set (stream->net, "model-file", which < 4 ? files[which] : NULL, NULL);
}

static void point (struct stream *stream)
{
    static const char *const keys[] = { "Left", "Right", "Up", "Down", "space", "a", "s", "o", "h", "Escape" };
    for (int i = 0; i < 10; i++) {
        double x = g_rand_double_range (dice, -20, 700), y = g_rand_double_range (dice, -20, 400);
        GstEvent *event =
            g_rand_boolean (dice)
                ? gst_navigation_event_new_mouse_button_press (1, x, y, GST_NAVIGATION_MODIFIER_NONE)
                : gst_navigation_event_new_key_press (keys[g_rand_int_range (dice, 0, G_N_ELEMENTS (keys))],
                                                      GST_NAVIGATION_MODIFIER_NONE);
        gst_element_send_event (stream->end, event);
    }
}

static void change_something (void)
{
    struct stream *stream = &streams[g_rand_int_range (dice, 0, STREAMS)];
    switch (g_rand_int_range (dice, 0, 12)) {
    case 0:
    case 1:
        set_network (stream);
        break;
    case 2:
    case 3:
        set_caps (stream, TRUE);
        break;
    case 4:
    case 5:
        point (stream);
        break;
    case 6:
        for (int i = 0; i < 40; i++)
            set_property (stream);
        break;
    case 7:
        if (g_rand_int_range (dice, 0, 8) == 0) {
            g_object_set (stream->net, "model-file", files[g_rand_int_range (dice, 0, 2)], NULL); /* else it ends */
            gst_element_set_state (stream->pipeline, g_rand_boolean (dice) ? GST_STATE_READY : GST_STATE_NULL);
            gst_element_set_state (stream->pipeline, GST_STATE_PLAYING);
        }
        break;
    default:
        set_property (stream);
    }
}

/* Everything as at the beginning. */
static void set_back (struct stream *stream, int number)
{
    guint count;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (stream->net), &count);
    for (guint i = 0; i < count; i++) {
        GValue value = G_VALUE_INIT;
        if (!(specs[i]->flags & G_PARAM_WRITABLE) || specs[i]->owner_type != G_OBJECT_TYPE (stream->net))
            continue;
        g_value_init (&value, specs[i]->value_type);
        g_param_value_set_default (specs[i], &value);
        g_object_set_property (G_OBJECT (stream->net), specs[i]->name, &value);
        g_value_unset (&value);
    }
    g_free (specs);
    g_object_set (stream->net, "async", number % 2, NULL);
    set_caps (stream, FALSE);
}

static void listen_for (gint64 microseconds)
{
    for (gint64 end = g_get_monotonic_time () + microseconds; g_get_monotonic_time () < end; g_usleep (MOMENT))
        for (int i = 0; i < STREAMS; i++)
            hear (&streams[i]);
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

enum column { MEMORY, THREADS, FILES, LATE, COLUMNS };

static const struct {
    const char *name, *unit;
    double most; /* that the line may rise by */
} columns[COLUMNS] = {
    { "memory", "MiB", 4 }, { "threads", "", 2 }, { "open files", "", 2 }, { "lateness", "ms", 200 }
};

static double samples[SAMPLES_MOST][COLUMNS], at[SAMPLES_MOST];
static int sample_count;

static void take_sample (double minutes)
{
    for (int i = 0; i < STREAMS; i++)
        set_back (&streams[i], i);
    listen_for (G_USEC_PER_SEC);
    for (int i = 0; i < STREAMS; i++) {
        g_atomic_int_set (&streams[i].frames, 0);
        g_atomic_int_set (&streams[i].late, 0);
        streams[i].inferred = inferred_of (&streams[i]);
    }
    listen_for (G_USEC_PER_SEC);
    malloc_trim (0);
    int frames = 0;
    double late = 0;
    guint64 inferred = 0;
    for (int i = 0; i < STREAMS; i++) {
        int own = g_atomic_int_get (&streams[i].frames);
        late += g_atomic_int_get (&streams[i].late) / 1000.0;
        inferred += inferred_of (&streams[i]) - streams[i].inferred;
        streams[i].still = own ? 0 : streams[i].still + 1;
        if (streams[i].still == 3) {
            printf ("# stream %d stands still%s\n", i, is_timed ? "" : ", which is no failure in so short a run");
            stream_errors += is_timed;
        }
        frames += own;
    }
    double *to = samples[sample_count];
    at[sample_count++] = minutes;
    to[MEMORY] = process_status ("VmRSS:") / 1024;
    to[THREADS] = process_status ("Threads:");
    to[FILES] = open_files ();
    to[LATE] = frames ? late / frames : 0;
    printf ("| %.1f | %.1f | %.0f | %.0f | %d | %d | %.1f | %d |\n", minutes, to[MEMORY], to[THREADS], to[FILES],
            frames, (int)inferred, to[LATE], g_atomic_int_get (&mistakes));
    fflush (stdout);
}

/* By how much the line through the samples rises, and the error of that. FALSE: beyond what it may. */
static gboolean rises (enum column column)
{
    int first = sample_count / 4;
    double most = columns[column].most;
    while (first < sample_count && at[first] < WARM_MINUTES)
        first++;
    if (sample_count - first < ENOUGH) {
        first = sample_count / 4;
        most = column == MEMORY ? 48 : most;
    }
    int count = sample_count - first;
    double x = 0, y = 0, xx = 0, xy = 0, rest = 0;
    for (int i = first; i < sample_count; i++) {
        x += at[i] / count;
        y += samples[i][column] / count;
    }
    for (int i = first; i < sample_count; i++) {
        xx += (at[i] - x) * (at[i] - x);
        xy += (at[i] - x) * (samples[i][column] - y);
    }
    double slope = xx > 0 ? xy / xx : 0, lasted = at[sample_count - 1] - at[first];
    for (int i = first; i < sample_count; i++) {
        double off = samples[i][column] - y - slope * (at[i] - x);
        rest += off * off;
    }
    double error = count > 2 && xx > 0 ? sqrt (rest / (count - 2) / xx) : 0;
    gboolean bad = (slope - 2 * error) * lasted > most, counts = column != LATE || is_timed;
    printf ("%-10s %+8.2f %s in %.1f minutes, +/- %.2f; mean %.1f%s\n", columns[column].name, slope * lasted,
            columns[column].unit, lasted, 2 * error * lasted, y,
            !bad     ? ""
            : counts ? ": it GROWS"
                     : ": it grows, which is no failure in so short a run");
    return !bad || !counts;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static gboolean write_networks (void)
{
    gboolean good = mkdtemp (folder) != NULL;
    for (int i = 0; i < 4; i++)
        snprintf (files[i], sizeof files[i], "%s/%d.onnx", folder, i);
    for (int i = 0; i < 2; i++) { /* three classes more, another size */
        struct bytes model;
        float weights[7 * 3] = { 0.01f, 0, 0, 0, 0.01f, 0, 0, 0, 0.01f }, bias[7] = { 0 };
        tiny_onnx (&model, 32 + 32 * i, 4 + 3 * i, weights, bias, i ? "Sigmoid" : NULL);
        good = good && write_file (files[i], model.data, model.size);
    }
    return good && write_file (files[2], "\x08\x08:", 3); /* and the fourth is not there */
}

static void remove_networks (void)
{
    for (int i = 0; i < 3; i++)
        unlink (files[i]);
    rmdir (folder);
}

int main (int argc, char **argv)
{
    double minutes = 2;
    guint32 seed = 1;
    gst_init (&argc, &argv);
    for (int i = 1; i + 1 < argc; i += 2) {
        minutes = !strcmp (argv[i], "--minutes") ? atof (argv[i + 1]) : minutes;
        seed = !strcmp (argv[i], "--seed") ? (guint32)strtoul (argv[i + 1], NULL, 10) : seed;
    }
    g_log_set_default_handler (count_mistake, NULL);
    dice = g_rand_new_with_seed (seed);
    gboolean good = write_networks ();
    for (int i = 0; i < STREAMS && good; i++)
        good = new_stream (&streams[i], i);
    if (!good) {
        fprintf (stderr, "soak: no streams: is GST_PLUGIN_PATH set?\n");
        return EXIT_FAILURE;
    }
    printf ("| minutes | MiB | threads | files | frames | runs | late, ms | mistakes "
            "|\n|---|---|---|---|---|---|---|---|\n");
    gint64 start = g_get_monotonic_time (), length = (gint64)(minutes * 60e6), now = start;
    gint64 between = MAX (length / 60, 6 * G_USEC_PER_SEC);
    int changes = 0;
    is_timed = minutes >= TIMED_MINUTES;
    for (gint64 next = start + between; now - start < length || sample_count < 5; now = g_get_monotonic_time ()) {
        change_something ();
        changes++;
        for (int i = 0; i < STREAMS; i++)
            hear (&streams[i]);
        if (now >= next && sample_count < SAMPLES_MOST) {
            take_sample ((double)(now - start) / 60e6);
            next = now + between;
        }
        g_usleep (MOMENT);
    }
    for (int i = 0; i < STREAMS; i++) {
        hear (&streams[i]);
        gst_element_set_state (streams[i].pipeline, GST_STATE_NULL);
        gst_object_unref (streams[i].net);
        gst_object_unref (streams[i].filter);
        gst_object_unref (streams[i].end);
        gst_object_unref (streams[i].pipeline);
    }
    printf ("%d changes, seed %u; %d mistakes, %d streams that ended or stood still\n", changes, (unsigned)seed,
            mistakes, stream_errors);
    good = mistakes == 0 && stream_errors == 0;
    for (int column = 0; column < COLUMNS; column++)
        good &= rises ((enum column)column);
    remove_networks ();
    g_rand_free (dice);
    puts (good ? "1 passed, 0 failed, 0 skipped" : "0 passed, 1 failed, 0 skipped");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
