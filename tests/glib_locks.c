/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* glib_locks.c: tells the thread sanitizer what GLib and GStreamer do for threads; ./dev races loads it before both.
 *
 * The sanitizer sees a lock where it sees the instructions that take it. GLib is not compiled with it, and takes its
 * locks by the kernel's own calls. So each function by which one thread hands something to another stands here once
 * more: it calls GLib's and says who was before whom, by and large what the function promises: who unlocks is before
 * who locks the same, who gives a reference back before who gives back the last, who pushes before who pops. All buses
 * count as one, and whoever gives a reference back as the last: a race between these is not seen.
 */
#include <dlfcn.h>
#include <gst/gst.h>
#include <sanitizer/tsan_interface.h>

/* The function that is called where this file is not loaded. */
#define REAL(name)                                                                                                     \
    static __typeof__ (&name) real;                                                                                    \
    if (!__atomic_load_n (&real, __ATOMIC_RELAXED))                                                                    \
    __atomic_store_n (&real, (__typeof__ (&name))dlsym (RTLD_NEXT, #name), __ATOMIC_RELAXED)

/* ---- locks ----------------------------------------------------------------------------------------------------- */

#define LOCKS(name, type)                                                                                              \
    void name (type *lock)                                                                                             \
    {                                                                                                                  \
        REAL (name);                                                                                                   \
        real (lock);                                                                                                   \
        __tsan_acquire (lock);                                                                                         \
    }

#define TRIES(name, type)                                                                                              \
    gboolean name (type *lock)                                                                                         \
    {                                                                                                                  \
        REAL (name);                                                                                                   \
        gboolean taken = real (lock);                                                                                  \
        if (taken)                                                                                                     \
            __tsan_acquire (lock);                                                                                     \
        return taken;                                                                                                  \
    }

#define UNLOCKS(name, type)                                                                                            \
    void name (type *lock)                                                                                             \
    {                                                                                                                  \
        REAL (name);                                                                                                   \
        __tsan_release (lock);                                                                                         \
        real (lock);                                                                                                   \
    }

LOCKS (g_mutex_lock, GMutex)
TRIES (g_mutex_trylock, GMutex)
UNLOCKS (g_mutex_unlock, GMutex)
LOCKS (g_rec_mutex_lock, GRecMutex)
TRIES (g_rec_mutex_trylock, GRecMutex)
UNLOCKS (g_rec_mutex_unlock, GRecMutex)
LOCKS (g_rw_lock_writer_lock, GRWLock)
TRIES (g_rw_lock_writer_trylock, GRWLock)
UNLOCKS (g_rw_lock_writer_unlock, GRWLock)
LOCKS (g_rw_lock_reader_lock, GRWLock)
TRIES (g_rw_lock_reader_trylock, GRWLock)
UNLOCKS (g_rw_lock_reader_unlock, GRWLock)

void g_cond_wait (GCond *cond, GMutex *mutex)
{
    REAL (g_cond_wait);
    __tsan_release (mutex);
    real (cond, mutex);
    __tsan_acquire (mutex);
}

gboolean g_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
    REAL (g_cond_wait_until);
    __tsan_release (mutex);
    gboolean woken = real (cond, mutex, end_time);
    __tsan_acquire (mutex);
    return woken;
}

/* ---- references ------------------------------------------------------------------------------------------------ */

#define GIVES_BACK(name, type)                                                                                         \
    void name (type *object)                                                                                           \
    {                                                                                                                  \
        REAL (name);                                                                                                   \
        __tsan_release (object);                                                                                       \
        __tsan_acquire (object);                                                                                       \
        real (object);                                                                                                 \
    }

GIVES_BACK (g_object_unref, void)
GIVES_BACK (gst_object_unref, void)
GIVES_BACK (gst_mini_object_unref, GstMiniObject)

/* ---- queues ---------------------------------------------------------------------------------------------------- */

void g_async_queue_push (GAsyncQueue *queue, gpointer data)
{
    REAL (g_async_queue_push);
    __tsan_release (queue);
    real (queue, data);
}

#define POPS(name)                                                                                                     \
    gpointer name (GAsyncQueue *queue)                                                                                 \
    {                                                                                                                  \
        REAL (name);                                                                                                   \
        gpointer data = real (queue);                                                                                  \
        __tsan_acquire (queue);                                                                                        \
        return data;                                                                                                   \
    }

POPS (g_async_queue_pop)
POPS (g_async_queue_try_pop)

gpointer g_async_queue_timeout_pop (GAsyncQueue *queue, guint64 timeout)
{
    REAL (g_async_queue_timeout_pop);
    gpointer data = real (queue, timeout);
    __tsan_acquire (queue);
    return data;
}

/* ---- buses: whichever a message goes by, it was posted before it is read --------------------------------------- */

static char buses;

gboolean gst_element_post_message (GstElement *element, GstMessage *message)
{
    REAL (gst_element_post_message);
    __tsan_release (&buses);
    return real (element, message);
}

GstMessage *gst_bus_pop (GstBus *bus)
{
    REAL (gst_bus_pop);
    GstMessage *message = real (bus);
    __tsan_acquire (&buses);
    return message;
}

GstMessage *gst_bus_pop_filtered (GstBus *bus, GstMessageType types)
{
    REAL (gst_bus_pop_filtered);
    GstMessage *message = real (bus, types);
    __tsan_acquire (&buses);
    return message;
}

GstMessage *gst_bus_timed_pop (GstBus *bus, GstClockTime timeout)
{
    REAL (gst_bus_timed_pop);
    GstMessage *message = real (bus, timeout);
    __tsan_acquire (&buses);
    return message;
}

GstMessage *gst_bus_timed_pop_filtered (GstBus *bus, GstClockTime timeout, GstMessageType types)
{
    REAL (gst_bus_timed_pop_filtered);
    GstMessage *message = real (bus, timeout, types);
    __tsan_acquire (&buses);
    return message;
}
