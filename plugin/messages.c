/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages.c: what is posted, counted until nobody holds it any more; see messages.h. */
#include "plugin/messages.h"

#include "plugin/log.h"

/* Messages may outlive the element, so each holds a reference to what counts it. */
struct messages {
    gatomicrefcount references;
    GMutex lock;     /* guards the rest; taken for a few instructions, and nothing is called under it */
    guint pending;   /* posted and not freed yet */
    guint unseen;    /* posted since the bus was last found empty */
    guint64 dropped; /* not posted */
    gboolean full;   /* the last one was dropped */

    gboolean told;    /* message-on=change has posted a result: */
    int told_class;   /* its best class, -1: it had none, */
    char *told_label; /*   and what it is called */
};

struct messages *messages_new (void)
{
    struct messages *messages = g_new0 (struct messages, 1);
    g_atomic_ref_count_init (&messages->references);
    g_mutex_init (&messages->lock);
    return messages;
}

void messages_free (struct messages *messages)
{
    if (!messages || !g_atomic_ref_count_dec (&messages->references))
        return;
    g_free (messages->told_label);
    g_mutex_clear (&messages->lock);
    g_free (messages);
}

/* The last reference to a message has gone, on whatever thread. */
static void message_gone (gpointer data, GstMiniObject *where)
{
    struct messages *messages = data;
    g_mutex_lock (&messages->lock);
    messages->pending--;
    g_mutex_unlock (&messages->lock);
    messages_free (messages);
}

/* Whether nothing waits on the bus that the application reads, which is the outermost bin's. */
static gboolean bus_empty (GstElement *element)
{
    GstObject *outermost = gst_object_ref (GST_OBJECT (element)), *parent;
    while ((parent = gst_object_get_parent (outermost))) {
        gst_object_unref (outermost);
        outermost = parent;
    }
    GstBus *bus = GST_IS_ELEMENT (outermost) ? gst_element_get_bus (GST_ELEMENT (outermost)) : NULL;
    gboolean empty = !bus || !gst_bus_have_pending (bus);
    gst_clear_object (&bus);
    gst_object_unref (outermost);
    return empty;
}

gboolean messages_post (struct messages *messages, GstElement *element, GstMessage *message, guint limit)
{
    g_mutex_lock (&messages->lock);
    gboolean many = limit > 0 && messages->pending >= limit;
    g_mutex_unlock (&messages->lock);
    gboolean seen = many && bus_empty (element); /* so somebody reads, and keeps what he read */

    g_mutex_lock (&messages->lock);
    if (seen)
        messages->unseen = 0;
    gboolean room = !many || messages->unseen < limit;
    gboolean first = !room && !messages->full;
    messages->full = !room;
    messages->dropped += !room;
    if (room) {
        messages->pending++;
        messages->unseen += messages->unseen < G_MAXUINT;
    }
    g_mutex_unlock (&messages->lock);
    if (first)
        GST_WARNING_OBJECT (element,
                            "nobody reads the bus: %u messages wait there, and no more are posted until some are read "
                            "(max-unread-messages)",
                            limit);
    if (!room) {
        gst_message_unref (message);
        return FALSE;
    }
    g_atomic_ref_count_inc (&messages->references);
    gst_mini_object_weak_ref (GST_MINI_OBJECT (message), message_gone, messages);
    return gst_element_post_message (element, message);
}

/* Whether the best class is another than that of the last message. */
static gboolean has_changed (struct messages *messages, const struct result *result)
{
    const char *label = result->count ? model_label (result->model, result->ids[0]) : NULL;
    int best = result->count ? result->ids[0] : -1;
    g_mutex_lock (&messages->lock);
    gboolean changed = !messages->told || best != messages->told_class || g_strcmp0 (label, messages->told_label) != 0;
    if (changed) {
        g_free (messages->told_label);
        messages->told_label = g_strdup (label);
    }
    messages->told_class = best;
    messages->told = TRUE;
    g_mutex_unlock (&messages->lock);
    return changed;
}

/* result NULL: it is of a part of the frame, whose best class has `changed`, or not. */
static gboolean wants_result (struct messages *messages, const struct settings *settings, const struct result *result,
                              const struct carrier *carrier, gboolean changed)
{
    switch (settings->telling.message_on) {
    case MESSAGE_ON_EVERY:
        return TRUE;
    case MESSAGE_ON_CHANGE:
        return carrier->fresh && (result ? has_changed (messages, result) : changed);
    case MESSAGE_ON_EVENT:
        return FALSE;
    case MESSAGE_ON_FRESH:
    default:
        return carrier->fresh || settings->repeat_messages;
    }
}

void messages_post_result (struct messages *messages, const struct settings *settings, const struct result *result,
                           const struct carrier *carrier)
{
    if (!settings->post_messages || !wants_result (messages, settings, result, carrier, FALSE))
        return;
    GstStructure *structure = result_message (result, carrier);
    GstMessage *message = gst_message_new_element (GST_OBJECT (carrier->element), structure);
    if (messages_post (messages, carrier->element, message, settings->max_unread_messages))
        return;
    g_mutex_lock (&messages->lock);
    messages->told = FALSE; /* nobody knows of it yet */
    g_mutex_unlock (&messages->lock);
}

gboolean messages_post_region (struct messages *messages, const struct settings *settings, GstStructure *message,
                               const struct carrier *carrier, gboolean changed)
{
    if (settings->post_messages && wants_result (messages, settings, NULL, carrier, changed))
        return messages_post (messages, carrier->element,
                              gst_message_new_element (GST_OBJECT (carrier->element), message),
                              settings->max_unread_messages);
    gst_structure_free (message);
    return TRUE;
}

void messages_post_model (struct messages *messages, GstElement *element, const struct settings *settings,
                          const struct network *network)
{
    if (settings->post_messages)
        messages_post (messages, element,
                       gst_message_new_element (GST_OBJECT (element), results_model_message (network)),
                       settings->max_unread_messages);
}

guint64 messages_dropped (struct messages *messages)
{
    g_mutex_lock (&messages->lock);
    guint64 dropped = messages->dropped;
    g_mutex_unlock (&messages->lock);
    return dropped;
}

void messages_count_again (struct messages *messages)
{
    g_mutex_lock (&messages->lock);
    messages->dropped = 0;
    messages->told = FALSE;
    g_mutex_unlock (&messages->lock);
}
