/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_loading.c: the element's first network, which is loaded beside the state change: stopped, waited for, refused,
 * shared with others, and how much memory it takes meanwhile.
 *
 * The element is this program's own copy, so that a test can hold the file that the element wants: then its loading
 * waits, for as long as the test likes. */
#include "element.h"
#include "large_network.h"
#include "models/model.h"
#include "plugin/gstconvrelu.h"
#include "plugin/network.h"
#include "process.h"

#include "engine/work.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static char large[64], broken[64];

static double cpu_seconds (void)
{
    struct timespec spent;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static void play (struct rig *rig, const char *path, GstState state)
{
    gst_element_set_state (rig->element, GST_STATE_NULL);
    gst_bus_set_flushing (rig->bus, TRUE); /* what was said of the first one */
    gst_bus_set_flushing (rig->bus, FALSE);
    g_object_set (rig->element, "model-file", path, "labels-file", NULL, NULL);
    GstStateChangeReturn change = gst_element_set_state (rig->element, state);
    CHECK (change == GST_STATE_CHANGE_SUCCESS, "%s", gst_element_state_change_return_get_name (change));
}

/* ---- stopping -------------------------------------------------------------------------------------------------- */

static void check_stop (void)
{
    enum { ROUNDS = 12 };
    group ("stopped while it loads");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    g_object_set (element, "model-file", large, "labels-file", NULL, NULL);
    double start = cpu_seconds ();
    CHECK (loads (element, bus), "it cannot be loaded");
    double whole = cpu_seconds () - start;
    gst_element_set_state (element, GST_STATE_NULL);
    listen_to (bus);
    start = cpu_seconds ();
    for (int i = 0; i < ROUNDS; i++) {
        GstStateChangeReturn change = gst_element_set_state (element, GST_STATE_PAUSED);
        CHECK (change == GST_STATE_CHANGE_SUCCESS, "%s", gst_element_state_change_return_get_name (change));
        gst_element_set_state (element, GST_STATE_NULL);
    }
    double stopped = (cpu_seconds () - start) / ROUNDS;
    CHECK (stopped < whole / 3, "one takes %.3f s of CPU time, a whole loading %.3f s", stopped, whole);
    for (int i = 0; i < ROUNDS; i++) { /* wherever it is by then */
        gst_element_set_state (element, GST_STATE_PAUSED);
        g_usleep ((gulong)i * 10000);
        gst_element_set_state (element, GST_STATE_NULL);
    }
    struct said said = listen_to (bus);
    CHECK (said.errors == 0 && said.warnings == 0, "'%s' '%s'", said.error, said.warning);
    CHECK (loads (element, bus), "it cannot be loaded any more");
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static gpointer push (gpointer data)
{
    struct rig *rig = data;
    GstFlowReturn flow = gst_harness_push (rig->h, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    return GINT_TO_POINTER (flow);
}

static GstFlowReturn joined (GThread *thread)
{
    return (GstFlowReturn)GPOINTER_TO_INT (g_thread_join (thread));
}

/* The first frame waits for the network, until a flush or the end. The file is held by this thread meanwhile. */
static void check_waiting (void)
{
    struct error error = { "" };
    group ("the first frame waits");
    struct rig rig = rig_new (NULL);
    struct model *held = model_share (model_file, NULL, &error);
    CHECK (held, "%s", error.text);
    if (!held)
        return;
    play (&rig, model_file, GST_STATE_PLAYING);
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("test"));
    rig_caps (&rig, "RGB", 50, 40);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    GThread *thread = g_thread_new ("push", push, &rig);
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
    GstFlowReturn flow = joined (thread);
    CHECK (flow == GST_FLOW_FLUSHING, "flushed: %s", gst_flow_get_name (flow));
    gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    thread = g_thread_new ("push", push, &rig);
    g_usleep (20000); /* by now it waits, or will: the same comes of it */
    model_release (held);
    flow = joined (thread);
    CHECK (flow == GST_FLOW_OK, "after the flush: %s", gst_flow_get_name (flow));
    struct said said = listen_to (rig.bus);
    CHECK (said.messages == 1 && said.errors == 0, "%d results, '%s'", said.messages, said.error);
    gst_element_set_state (rig.element, GST_STATE_NULL);

    CHECK (model_hold (held, &error), "%s", error.text);
    play (&rig, model_file, GST_STATE_PLAYING);
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("again"));
    rig_caps (&rig, "RGB", 50, 40);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    thread = g_thread_new ("push", push, &rig);
    g_usleep (20000);
    gst_element_set_state (rig.element, GST_STATE_NULL); /* though the file is still held */
    flow = joined (thread);
    CHECK (flow == GST_FLOW_FLUSHING, "stopped: %s", gst_flow_get_name (flow));
    said = listen_to (rig.bus);
    CHECK (said.messages == 0 && said.errors == 0, "%d results, '%s'", said.messages, said.error);
    model_release (held);
    model_unref (held);
    rig_free (&rig);
}

/* Two elements load one file; one of them is stopped. */
static void check_shared (void)
{
    group ("one of two that load the same file is stopped");
    for (int which = 0; which < 2; which++) {
        GstBus *bus[2];
        GstElement *element[2] = { new_element (&bus[0]), new_element (&bus[1]) };
        for (int i = 0; i < 2; i++) {
            g_object_set (element[i], "model-file", large, "labels-file", NULL, NULL);
            gst_element_set_state (element[i], GST_STATE_PAUSED);
        }
        g_usleep (30000);
        gst_element_set_state (element[which], GST_STATE_NULL);
        CHECK (loads (element[!which], bus[!which]), "the other one is not loaded");
        CHECK (listen_to (bus[!which]).errors == 0 && listen_to (bus[which]).errors == 0, "an error was posted");
        for (int i = 0; i < 2; i++) {
            gst_element_set_state (element[i], GST_STATE_NULL);
            gst_element_set_bus (element[i], NULL);
            gst_object_unref (element[i]);
            gst_object_unref (bus[i]);
        }
    }
}

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* An error that shows only when the file is read is posted without any frame, and no frame waits for ever. */
static void check_error (void)
{
    group ("a file that is no network");
    struct rig rig = rig_new (NULL);
    play (&rig, broken, GST_STATE_PLAYING);
    GstMessage *message = gst_bus_timed_pop_filtered (rig.bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR);
    GError *error = NULL;
    gst_message_parse_error (message, &error, NULL);
    CHECK (strstr (error->message, broken), "'%s'", error->message);
    g_error_free (error);
    gst_message_unref (message);
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("test"));
    rig_caps (&rig, "RGB", 50, 40);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    for (int i = 0; i < 3; i++) {
        GstFlowReturn flow = GPOINTER_TO_INT (push (&rig));
        CHECK (flow == GST_FLOW_ERROR, "frame %d: %s", i, gst_flow_get_name (flow));
    }
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    CHECK (listen_to (rig.bus).errors == 0, "it is said again");
    rig_free (&rig);

    char text[256];
    snprintf (text, sizeof text, "videotestsrc ! convrelu model-file=%s ! fakesink", broken);
    GstElement *pipeline = gst_parse_launch (text, NULL);
    GstBus *bus = gst_element_get_bus (pipeline);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_ERROR | GST_MESSAGE_ASYNC_DONE);
    CHECK (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR, "it plays");
    gst_message_parse_error (message, &error, NULL);
    CHECK (strstr (error->message, broken), "the first error is '%s'", error->message);
    g_error_free (error);
    gst_message_unref (message);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (bus);
    gst_object_unref (pipeline);
}

/* What is set while the first network loads is followed once that runs. */
static void check_set_meanwhile (void)
{
    struct error error = { "" };
    char other[64];
    group ("another file is set while the first is loading");
    in_folder (other, sizeof other, "other.onnx");
    CHECK (write_tiny (other, 0.5f), "%s", other);
    struct rig rig = rig_new (NULL);
    struct model *held = model_share (model_file, NULL, &error);
    play (&rig, model_file, GST_STATE_PLAYING);
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("test"));
    rig_caps (&rig, "RGB", 50, 40);
    g_object_set (rig.element, "model-file", other, NULL);
    model_release (held);
    model_unref (held);
    struct said said = { .messages = 0 };
    for (int i = 0; i < 4000 && !near (said.colour, 100, 50, 25, 2); i++) {
        said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), i));
        CHECK (said.warnings == 0 && said.errors == 0, "'%s' '%s'", said.warning, said.error);
        g_usleep (1000);
    }
    CHECK (near (said.colour, 100, 50, 25, 2), "the one that was set does not run");
    rig_free (&rig);
}

/* Without a trial run: to the nanosecond how long the first start's took. */
static void check_untried (const char *cache)
{
    struct settings settings;
    GstClockTime run[3] = { 0 };
    settings_init (&settings);
    settings.model_file = g_strdup (model_file);
    settings.cache_dir = g_strdup (cache);
    for (int i = 0; i < 3; i++) {
        GError *error = NULL;
        struct network *network = network_load (&settings, &error);
        CHECK (network, "%s", error ? error->message : "");
        run[i] = network ? network->first_run : 0;
        network_free (network);
        g_clear_error (&error);
    }
    CHECK (run[0] > 0 && run[0] == run[1] && run[1] == run[2], "%d, %d and %d ns", (int)run[0], (int)run[1],
           (int)run[2]);
    settings_clear (&settings);
}

/* ---- what is kept for the next start --------------------------------------------------------------------------- */

/* What the writer of the cache does before its file's first byte, in the place of the C library's. */
static enum { WRITE_GOES, WRITE_WAITS /* until it is stopped */, WRITE_FAILS } writing;
static GMutex gate;
static GCond gate_change;
static int at_gate; /* writers that have come to it */

static void set_gate (int how)
{
    g_mutex_lock (&gate);
    writing = how;
    at_gate = 0;
    g_cond_broadcast (&gate_change);
    g_mutex_unlock (&gate);
}

static void wait_at_gate (int writers)
{
    g_mutex_lock (&gate);
    while (at_gate < writers)
        g_cond_wait (&gate_change, &gate);
    g_mutex_unlock (&gate);
}

int fchmod (int fd, mode_t mode)
{
    g_mutex_lock (&gate);
    at_gate++;
    g_cond_broadcast (&gate_change);
    while (writing == WRITE_WAITS && !work_stopped ())
        g_cond_wait_until (&gate_change, &gate, g_get_monotonic_time () + 1000);
    bool fails = writing == WRITE_FAILS;
    g_mutex_unlock (&gate);
    if (!fails)
        return (int)syscall (SYS_fchmod, fd, mode);
    errno = ENOSPC;
    return -1;
}

/* Files in the folder that are whole, and others: *more. */
static int files_kept (const char *cache, int *more)
{
    GDir *dir = g_dir_open (cache, 0, NULL);
    int count = 0;
    *more = 0;
    for (const char *name; dir && (name = g_dir_read_name (dir));)
        g_str_has_suffix (name, ".packed") ? ++count : ++*more;
    if (dir)
        g_dir_close (dir);
    return count;
}

/* Until so many are: a writer's time is its own. */
static bool wait_kept (const char *cache, int count)
{
    int more = 0;
    for (int i = 0; i < 60000 && (files_kept (cache, &more) != count || more); i++)
        g_usleep (1000);
    return files_kept (cache, &more) == count && more == 0;
}

static void empty_folder (const char *cache)
{
    GDir *dir = g_dir_open (cache, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name (dir));) {
        char *path = g_build_filename (cache, name, NULL);
        g_remove (path);
        g_free (path);
    }
    if (dir)
        g_dir_close (dir);
    g_rmdir (cache);
}

static struct rig keeping_rig (const char *cache)
{
    char *properties = g_strdup_printf ("cache-dir=%s", cache);
    struct rig rig = rig_new (properties);
    g_free (properties);
    rig_caps (&rig, "RGB", 50, 40);
    return rig;
}

static struct said show_one (struct rig *rig, int at)
{
    return show (rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), at));
}

/* From frame `at` on, until another file runs: one whose colours are half of what the picture's are. */
static void show_until_half (struct rig *rig, int at)
{
    struct said said = show_one (rig, at);
    for (int i = 1; i < 4000 && !near (said.colour, 100, 50, 25, 2); i++) {
        CHECK (said.warnings == 0 && said.errors == 0, "'%s' '%s'", said.warning, said.error);
        g_usleep (1000);
        said = show_one (rig, at + i);
    }
    CHECK (said.warnings == 0 && said.errors == 0, "'%s' '%s'", said.warning, said.error);
    CHECK (near (said.colour, 100, 50, 25, 2), "the one that was set does not run");
}

/* Frames, and other elements of the same file, do not wait for the writing; what is written later is whole. */
static void check_written_beside (const char *cache)
{
    int more;
    group ("the cache is written beside the stream");
    set_gate (WRITE_WAITS);
    struct rig first = keeping_rig (cache);
    struct said said = show_one (&first, 0);
    wait_at_gate (1);
    CHECK (said.messages == 1 && said.warnings == 0, "%d results, '%s'", said.messages, said.warning);
    CHECK (files_kept (cache, &more) == 0, "it was written before");
    g_object_set (first.element, "threads", 1, "activation", 2, NULL); /* run in another way: the same goes on */
    struct rig second = keeping_rig (cache);
    said = show_one (&second, 0);
    CHECK (said.messages == 1 && said.warnings == 0, "the second: %d results, '%s'", said.messages, said.warning);
    for (int i = 1; i < 200; i++) {
        said = show_one (&first, i);
        CHECK (said.warnings == 0, "'%s'", said.warning);
        g_usleep (1000);
    }
    CHECK (files_kept (cache, &more) == 0 && more >= 1, "%d are being written", more);
    set_gate (WRITE_GOES);
    CHECK (wait_kept (cache, 1), "%d files are kept", files_kept (cache, &more));
    rig_free (&first);
    rig_free (&second);
    empty_folder (cache);
}

/* The element stops, or another file is to run, while it is written. */
static void check_writing_stopped (const char *cache)
{
    int more;
    char other[64];
    group ("nobody wants any more what is being written");
    in_folder (other, sizeof other, "overtakes.onnx");
    CHECK (write_tiny (other, 0.5f), "%s", other);
    g_usleep (150000);
    for (int swap = 0; swap < 2; swap++) {
        set_gate (WRITE_WAITS);
        struct rig rig = keeping_rig (cache);
        show_one (&rig, 0);
        wait_at_gate (1);
        if (swap) { /* that one is kept, too */
            g_object_set (rig.element, "model-file", other, NULL);
            show_until_half (&rig, 1);
            wait_at_gate (2);
            for (int i = 0; i < 60000 && files_kept (cache, &more) == 0 && more != 1; i++)
                g_usleep (1000); /* nobody waits for the end of the one that was given up */
            CHECK (more == 1, "of two writers %d files are left", more);
        }
        gst_element_set_state (rig.element, GST_STATE_NULL);
        CHECK (files_kept (cache, &more) == 0 && more == 0, "%d files are left", more);
        struct said said = listen_to (rig.bus);
        CHECK (said.warnings == 0 && said.errors == 0, "'%s' '%s'", said.warning, said.error);
        rig_free (&rig);
    }
    set_gate (WRITE_GOES);
    empty_folder (cache);
}

/* A file is given up while it loads for another, and wanted again before its thread has ended. */
static void check_wanted_again (void)
{
    char file[2][64];
    group ("a file that was given up is wanted again");
    for (int i = 0; i < 2; i++) {
        in_folder (file[i], sizeof file[i], i ? "again.onnx" : "between.onnx");
        CHECK (write_tiny (file[i], i ? 0.5f : 0.25f), "%s", file[i]);
    }
    for (int round = 0; round < 40; round++) {
        struct rig rig = rig_new (NULL);
        rig_caps (&rig, "RGB", 50, 40);
        show_one (&rig, 0);
        for (int i = 0; i < 2; i++) {
            g_object_set (rig.element, "model-file", file[1 - i], NULL);
            show_one (&rig, 1 + i);
        }
        g_object_set (rig.element, "model-file", file[1], NULL);
        show_until_half (&rig, 3);
        rig_free (&rig);
    }
}

static void check_writing_fails (const char *cache)
{
    int more;
    group ("the cache cannot be written");
    set_gate (WRITE_FAILS);
    struct rig rig = keeping_rig (cache);
    struct said said = show_one (&rig, 0);
    CHECK (said.messages == 1, "%d results", said.messages);
    int warnings = said.warnings;
    for (int i = 1; i < 20000 && warnings == 0; i++) {
        g_usleep (1000);
        said = show_one (&rig, i);
        warnings = said.warnings;
    }
    CHECK (warnings == 1 && strstr (said.warning, cache) && strstr (said.warning, g_strerror (ENOSPC)), "'%s'",
           said.warning);
    said = show_one (&rig, 20000);
    CHECK (said.warnings == 0 && said.messages == 1, "it is said again: '%s'", said.warning);
    rig_free (&rig);
    CHECK (files_kept (cache, &more) == 0 && more == 0, "%d files are left", more);
    set_gate (WRITE_GOES);
    empty_folder (cache);
}

/* With a cache folder the second start takes the weights from there, and sees the same. */
static void check_cached (void)
{
    group ("cache-dir");
    char cache[64];
    struct said said[2];
    in_folder (cache, sizeof cache, "cache");
    g_usleep (150000); /* the network's file is older than clocks tick */
    for (int i = 0; i < 2; i++) {
        struct rig rig = keeping_rig (cache);
        said[i] = show_one (&rig, 0);
        CHECK (wait_kept (cache, 1), "nothing was kept");
        CHECK (said[i].messages == 1 && said[i].warnings == 0, "start %d: '%s'", i, said[i].warning);
        rig_free (&rig);
    }
    CHECK (!memcmp (said[0].scores, said[1].scores, sizeof said[0].scores), "other scores");
    check_untried (cache);
    empty_folder (cache);
    check_written_beside (cache);
    check_writing_stopped (cache);
    check_writing_fails (cache);
    check_wanted_again ();
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* In a process of its own: what is resident at most while it loads, and afterwards. */
static bool measure (const char *path, double *most, double *stays)
{
    double numbers[2] = { 0, 0 };
    int ends[2], state;
    if (pipe (ends))
        return false;
    pid_t child = fork ();
    if (child == 0) {
        struct settings settings;
        settings_init (&settings);
        settings.model_file = g_strdup (path);
        settings.threads = 1;
        double before = process_status ("VmRSS:") / 1024;
        struct network *network = network_load (&settings, NULL);
        numbers[0] = process_status ("VmHWM:") / 1024 - before;
        numbers[1] = process_status ("VmRSS:") / 1024 - before;
        _exit (!network || write (ends[1], numbers, sizeof numbers) != sizeof numbers);
    }
    close (ends[1]);
    bool good = child > 0 && read (ends[0], numbers, sizeof numbers) == sizeof numbers;
    close (ends[0]);
    good = child > 0 && waitpid (child, &state, 0) == child && state == 0 && good;
    *most = numbers[0];
    *stays = numbers[1];
    return good;
}

/* A network of which one matrix is nearly all: it is in memory once, whether in the file, as given or packed. */
static void check_memory (void)
{
    double most = 0, stays = 0;
    group ("memory while it loads");
    bool measured = measure (large, &most, &stays);
    CHECK (measured && stays > 60, "%.1f MiB stay", stays);
    CHECK (measured && most <= 1.3 * stays, "%.1f MiB at most, %.1f MiB stay", most, stays);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv) || !GST_ELEMENT_REGISTER (convrelu, NULL))
        return EXIT_FAILURE;
    in_folder (large, sizeof large, "large.onnx");
    in_folder (broken, sizeof broken, "broken.onnx");
    if (!large_network (large) || !write_file (broken, "no network", 10))
        return EXIT_FAILURE;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP ("a sanitizer's own memory is most of it");
#else
    check_memory (); /* first: before threads, and before memory that is used again */
#endif
    check_stop ();
    check_waiting ();
    check_shared ();
    check_error ();
    check_set_meanwhile ();
    check_cached ();
    return end_tests ();
}
