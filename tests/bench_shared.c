/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_shared.c: what several elements of one process with the same network take: memory, threads, frames a second.
 * Not a test: prints a table.
 *
 *   bench_shared [--seconds S] [--elements N] [PROPERTY=VALUE ...]
 *
 * The properties are convrelu's, model-file above all. Each row is a process of its own with 1, 2, 4 and 8 elements, or
 * N, each in a pipeline of its own (still picture of 640 x 480 ! convrelu ! fakesink). MiB: at most, and resident while
 * all play; resident after NULL. Frames a second of all together; then that as a multiple of the first row's, and the
 * CPU time of a frame, ms. */
#include "process.h"

#include <gst/gst.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int seconds = 5;
static char *properties;
static gint frames; /* atomic */

static GstPadProbeReturn count (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
    g_atomic_int_inc (&frames);
    return GST_PAD_PROBE_OK;
}

static GstElement *new_pipeline (void)
{
    char *text =
        g_strdup_printf ("videotestsrc num-buffers=1 ! video/x-raw,format=I420,width=640,height=480 ! imagefreeze ! "
                         "convrelu post-messages=false %s ! fakesink name=end sync=false",
                         properties);
    GError *error = NULL;
    GstElement *pipeline = gst_parse_launch (text, &error);
    g_free (text);
    if (!pipeline || error) {
        fprintf (stderr, "bench_shared: %s\n", error ? error->message : "no pipeline");
        exit (EXIT_FAILURE);
    }
    GstElement *end = gst_bin_get_by_name (GST_BIN (pipeline), "end");
    GstPad *pad = gst_element_get_static_pad (end, "sink");
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count, NULL, NULL);
    gst_object_unref (pad);
    gst_object_unref (end);
    return pipeline;
}

/* Prints the row of so many elements; returns frames a second. */
static double measure (int elements, double one)
{
    GstElement *pipeline[256];
    double before = process_status ("VmRSS:") / 1024;
    gint64 start = g_get_monotonic_time ();
    for (int i = 0; i < elements; i++) {
        pipeline[i] = new_pipeline ();
        if (gst_element_set_state (pipeline[i], GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE ||
            gst_element_get_state (pipeline[i], NULL, NULL, GST_CLOCK_TIME_NONE) != GST_STATE_CHANGE_SUCCESS) {
            fprintf (stderr, "bench_shared: an element does not start\n");
            exit (EXIT_FAILURE);
        }
    }
    double loaded = (double)(g_get_monotonic_time () - start) / 1e6, idle = process_status ("Threads:");
    for (int i = 0; i < elements; i++)
        gst_element_set_state (pipeline[i], GST_STATE_PLAYING);
    g_usleep (1000000);
    g_atomic_int_set (&frames, 0);
    clock_t cpu = clock ();
    start = g_get_monotonic_time ();
    g_usleep ((gulong)seconds * 1000000);
    int seen = g_atomic_int_get (&frames);
    double lasted = (double)(g_get_monotonic_time () - start) / 1e6, rate = seen / lasted;
    double spent = (double)(clock () - cpu) / CLOCKS_PER_SEC, peak = process_status ("VmHWM:") / 1024;
    double resident = process_status ("VmRSS:") / 1024;
    for (int i = 0; i < elements; i++) {
        gst_element_set_state (pipeline[i], GST_STATE_NULL);
        gst_object_unref (pipeline[i]);
    }
    printf ("| %d | %.0f | %.0f | %.0f | %.0f | %.2f | %.1f | %.2f | %.1f |\n", elements, peak - before,
            resident - before, process_status ("VmRSS:") / 1024 - before, idle, loaded, rate,
            one > 0 ? rate / one : 1.0, seen ? spent / seen * 1e3 : 0);
    return rate;
}

/* In a process of its own; -1: it failed. */
static double measure_apart (int elements, double one)
{
    int ends[2], state;
    double rate = -1;
    fflush (stdout);
    if (pipe (ends))
        return -1;
    pid_t child = fork ();
    if (child == 0) {
        gst_init (NULL, NULL);
        double mine = measure (elements, one);
        fflush (stdout);
        _exit (write (ends[1], &mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    close (ends[1]);
    if (read (ends[0], &rate, sizeof rate) != sizeof rate)
        rate = -1;
    close (ends[0]);
    return child > 0 && waitpid (child, &state, 0) == child && state == 0 ? rate : -1;
}

int main (int argc, char **argv)
{
    GString *text = g_string_new (NULL);
    int only = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp (argv[i], "--seconds") && i + 1 < argc)
            seconds = atoi (argv[++i]);
        else if (!strcmp (argv[i], "--elements") && i + 1 < argc)
            only = atoi (argv[++i]);
        else
            g_string_append_printf (text, "%s ", argv[i]);
    }
    properties = g_string_free (text, FALSE);
    only = CLAMP (only, 0, 256);
    printf ("| elements | peak | resident | after NULL | threads | loaded, s | frames/s | of one | CPU ms/frame |\n"
            "|---|---|---|---|---|---|---|---|---|\n");
    double one = 0;
    for (int elements = only ? only : 1; elements <= (only ? only : 8); elements *= 2) {
        double rate = measure_apart (elements, one);
        if (rate < 0)
            return EXIT_FAILURE;
        one = one > 0 ? one : rate;
    }
    g_free (properties);
    return EXIT_SUCCESS;
}
