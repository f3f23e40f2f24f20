/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* faults.c: what the plugin, the reader of protobuf and the reader of JSON ask for fails in turn, while the element
 * starts, shows frames, takes another network and stops: each time an error or frames, and nothing else.
 *
 * GLib ends the process where one of its own allocations fails, so these are left alone, but for the functions of it
 * that may return NULL, which stand here in front of its own. */
#include "tests/torture/rig.h"

#include "tests/allocations.h"

#include <dlfcn.h>

static const char *const libraries[] = { "libgstconvrelu", "libprotobuf-c", "libjansson", NULL };

#ifndef TORTURE_SANITIZED /* which stand there themselves */

/* ---- in front of others ------------------------------------------------------------------------------------------ */

#define IN_FRONT __attribute__ ((visibility ("default")))
#define CALLER __builtin_return_address (0)

IN_FRONT gpointer g_try_malloc (gsize size)
{
    return allocations_fails (CALLER) || size == 0 ? NULL : malloc (size);
}

IN_FRONT gpointer g_try_malloc0 (gsize size)
{
    return allocations_fails (CALLER) || size == 0 ? NULL : calloc (1, size);
}

IN_FRONT gpointer g_try_malloc_n (gsize count, gsize size)
{
    gsize bytes;
    bool fits = !__builtin_mul_overflow (count, size, &bytes) && bytes > 0;
    return allocations_fails (CALLER) || !fits ? NULL : malloc (bytes);
}

IN_FRONT gpointer g_try_malloc0_n (gsize count, gsize size)
{
    return allocations_fails (CALLER) || !count || !size ? NULL : calloc (count, size);
}

IN_FRONT char *strdup (const char *text)
{
    size_t size = strlen (text) + 1;
    char *copy = allocations_fails (CALLER) ? NULL : malloc (size);
    return copy ? memcpy (copy, text, size) : NULL;
}

IN_FRONT int pthread_create (pthread_t *thread, const pthread_attr_t *attributes, void *(*run) (void *), void *data)
{
    static int (*real) (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        *(void **)&real = dlsym (RTLD_NEXT, "pthread_create");
    return allocations_fails (CALLER) ? EAGAIN : real (thread, attributes, run, data);
}

IN_FRONT GThread *g_thread_try_new (const gchar *name, GThreadFunc run, gpointer data, GError **error)
{
    static GThread *(*real) (const gchar *, GThreadFunc, gpointer, GError **);
    if (!real)
        *(void **)&real = dlsym (RTLD_NEXT, "g_thread_try_new");
    if (!allocations_fails (CALLER))
        return real (name, run, data, error);
    g_set_error (error, G_THREAD_ERROR, G_THREAD_ERROR_AGAIN, "no thread");
    return NULL;
}

#endif

/* ---- a life ------------------------------------------------------------------------------------------------------ */

struct life {
    const char *properties;
    bool once;
    int step;
};

static char second[64], json_labels[64];

static GstBuffer *frame (int n)
{
    return timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), n);
}

/* On whatever thread says that a network runs. */
static GstBusSyncReply note_network (GstBus *bus, GstMessage *message, gpointer came)
{
    if (gst_message_has_name (message, "convrelu-model"))
        g_atomic_int_set ((gint *)came, 1);
    return GST_BUS_PASS;
}

/* Shows two frames, takes another network with labels in JSON, and shows frames until it is there, or something is
 * said against it; the number of errors. */
static int show_two_networks (struct rig *rig, bool beside)
{
    int warned = 0, errors = 0;
    bool good = true;
    for (int n = 0; n < 2; n++)
        gst_harness_push (rig->h, frame (n));
    g_object_set (rig->element, "model-file", second, "labels-file", json_labels, NULL);
    for (int n = 2; n < 400 && good && !warned; n++) {
        GstFlowReturn flow = gst_harness_push (rig->h, frame (n));
        GstBuffer *out = gst_harness_try_pull (rig->h);
        gst_clear_buffer (&out);
        struct said said = listen_to (rig->bus);
        warned += said.warnings;
        errors += said.errors;
        /* beside the stream the error may be heard a frame earlier than the frame that does not pass */
        CHECK (flow == GST_FLOW_OK || (beside ? errors : said.errors) > 0, "%s without an error",
               gst_flow_get_name (flow));
        good = flow == GST_FLOW_OK && !(said.messages && said.colour[0] > 90 && said.colour[0] < 110);
        g_usleep (200);
    }
    return errors;
}

/* Starts, shows frames of two networks, stops. False: no network came, which an error has said. */
static bool live_once (const char *properties)
{
    struct said said = { .errors = 0 };
    gint came = 0;
    GstBus *bus;
    GstElement *element = new_element (&bus);
    struct rig rig = { .element = element, .bus = bus };
    gst_bus_set_sync_handler (bus, note_network, &came, NULL);
    if (gst_element_set_state (element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE) {
        said = listen_to (bus);
        CHECK (said.errors == 1 && !came, "it does not start, and posts %d errors", said.errors);
        gst_bus_set_sync_handler (bus, NULL, NULL, NULL);
        gst_element_set_state (element, GST_STATE_NULL);
        gst_element_set_bus (element, NULL);
        gst_object_unref (element);
        gst_object_unref (bus);
        return false;
    }
    if (*properties)
        g_object_set (element, properties, TRUE, NULL);
    rig.h = gst_harness_new_with_element (element, "sink", "src");
    rig_caps (&rig, "I420", 50, 40);
    int errors = show_two_networks (&rig, *properties);
    gst_bus_set_sync_handler (bus, NULL, NULL, NULL); /* a network came before any frame passed, or never */
    rig_free (&rig);
    CHECK (came || errors > 0, "no network comes, and no error is posted");
    return came;
}

static void lives (const void *data)
{
    const struct life *life = data;
    live_once (life->properties); /* what is made once */
    int tried = 0, started = 0;
    for (long good = 0; CHECK (good < 100000, "there is no end of allocations"); good += life->step) {
        char text[64];
        snprintf (text, sizeof text, "allocation %ld", good);
        alone_note (text);
        allocations_fail_in (libraries, good, life->once);
        started += live_once (life->properties);
        bool failed = allocations_heal_all ();
        tried++;
        if (!failed)
            break;
    }
    CHECK (tried > 5 && started > 1 && started < tried, "%d tried, a network came in %d", tried, started);
    CHECK (live_once (life->properties), "it does not start any more");
    printf ("# %s %s: %d lives, in %d of which a network came\n", *life->properties ? life->properties : "in step",
            life->once ? "one allocation fails" : "all from one on fail", tried, started);
}

void torture_faults (int step)
{
    static const char *const properties[] = { "", "async" };
    static const char json[] = "{\"0\": \"red\", \"1\": \"green\", \"2\": \"blue\", \"3\": \"none\"}";
    check_group ("no memory");
    if (!allocations_counted ()) {
        SKIP ("allocations cannot be made to fail in this build");
        return;
    }
    if (!CHECK (start_tests (NULL, NULL), "no folder"))
        return;
    in_folder (second, sizeof second, "second.onnx");
    in_folder (json_labels, sizeof json_labels, "labels.json");
    CHECK (write_tiny (second, 0.5f) && write_file (json_labels, json, sizeof json - 1), "%s", second);
    for (int i = 0; i < 4; i++) {
        struct life life = { properties[i % 2], i / 2, step };
        struct ending end = rig_alone ("P33 no memory", lives, (const char *)&life);
        if (!end.finished)
            printf ("# it was at %s\n", end.note);
    }
    remove_folder ();
}
