/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* triggers.c: scores over time -> begin and end of classes; see triggers.h. */
#include "plugin/triggers.h"

#include <string.h>

#include "plugin/log.h"
#include "plugin/messages.h"
#include "plugin/overlay/channel_choice.h"
#include "plugin/shares.h"

/* ---- words ----------------------------------------------------------------------------------------------------- */

/* The longest part of `words` from its start to a comma or its end that names a class; *used: how long it is. -1: none
 * does, and *used is that of the first word. */
static int longest_class (const struct network *network, const char *words, gsize *used)
{
    enum { COMMAS_IN_LABEL = 15 };
    gsize length = 0;
    for (int comma = 0; comma <= COMMAS_IN_LABEL && words[length]; comma++)
        length += strcspn (words + length + (comma > 0), ",") + (comma > 0);
    for (;;) {
        char *word = g_strstrip (g_strndup (words, length));
        int id = *word ? class_choice_named (network, word) : -1;
        g_free (word);
        *used = length;
        const char *comma = id < 0 ? g_strrstr_len (words, (gssize)length, ",") : NULL;
        if (!comma)
            return id;
        length = (gsize)(comma - words);
    }
}

static gboolean list_has (const struct trigger_list *list, int id)
{
    for (guint i = 0; i < list->count; i++)
        if (list->ids[i] == id)
            return TRUE;
    return FALSE;
}

struct trigger_list trigger_list_read (const struct network *network, const char *words, char **remark)
{
    struct trigger_list list = { .count = 0 };
    gsize used;
    for (const char *at = words; at && *at; at += at[used] ? used + 1 : used) {
        int id = longest_class (network, at, &used);
        char *word = g_strstrip (g_strndup (at, used));
        if (id < 0 && *word && !*remark)
            *remark = g_strdup_printf ("No class of this network is \"%s\": trigger-classes takes labels and numbers "
                                       "from 0 to %d, with commas between",
                                       word, model_classes (network->model) - 1);
        g_free (word);
        if (id < 0 || list_has (&list, id))
            continue;
        if (list.count < TRIGGERS_MAX)
            list.ids[list.count++] = id;
        else if (!*remark)
            *remark = g_strdup_printf ("trigger-classes names more than %d classes; the first %d are waited for",
                                       (int)TRIGGERS_MAX, (int)TRIGGERS_MAX);
    }
    return list;
}

void trigger_list_take (const struct trigger_list *list, struct result *result, const struct network *network,
                        const struct settings *settings, const struct smoothing *smoothing)
{
    result->trigger_count = list->count;
    if (list->count == 0)
        return;
    result->triggers = g_renew (struct trigger_score, result->triggers, list->count);
    float *shares = g_new (float, model_classes (network->model));
    shares_take (network, settings->scores, shares);
    gboolean smooth = settings->appearance.smoothing > 0;
    for (guint i = 0; i < list->count; i++) {
        int id = list->ids[i];
        result->triggers[i] = (struct trigger_score) { id, smooth ? smoothing_score (smoothing, id) : shares[id] };
    }
    g_free (shares);
}

/* ---- over time ------------------------------------------------------------------------------------------------- */

struct trigger {
    int id;
    char *label;
    float score;           /* of the last frame */
    gboolean there;        /* it has begun */
    gboolean turning;      /* its score says the opposite, */
    GstClockTime since;    /*   since that running time */
    GstClockTime begun_at; /* `since` of its begin */
};

struct triggers {
    struct model *model; /* whose classes they are; a reference, or NULL */
    struct trigger trigger[TRIGGERS_MAX];
    guint count;
    struct moment moment; /* of the last frame */
    gboolean again;       /* the next one may be earlier */
};

struct triggers *triggers_new (void)
{
    struct triggers *triggers = g_new0 (struct triggers, 1);
    triggers->moment = MOMENT_NONE;
    return triggers;
}

void triggers_again (struct triggers *triggers)
{
    triggers->again = TRUE;
}

static void drop_all (struct triggers *triggers)
{
    for (guint i = 0; i < triggers->count; i++)
        g_free (triggers->trigger[i].label);
    g_clear_pointer (&triggers->model, model_unref);
    triggers->count = 0;
}

void triggers_free (struct triggers *triggers)
{
    drop_all (triggers);
    g_free (triggers);
}

static void post_event (const struct triggers *triggers, const struct trigger *trigger, struct messages *messages,
                        GstElement *element, const struct settings *settings, const char *reason)
{
    const struct moment *moment = &triggers->moment;
    char *name = gst_object_get_name (GST_OBJECT (element));
    GstStructure *event =
        gst_structure_new ("convrelu-event", "event", G_TYPE_STRING, trigger->there ? "begin" : "end", "label",
                           G_TYPE_STRING, trigger->label, "class-id", G_TYPE_INT, trigger->id, "score", G_TYPE_DOUBLE,
                           (gdouble)trigger->score, "timestamp", G_TYPE_UINT64, (guint64)moment->timestamp,
                           "stream-time", G_TYPE_UINT64, (guint64)moment->stream_time, "running-time", G_TYPE_UINT64,
                           (guint64)moment->running_time, "since-running-time", G_TYPE_UINT64, (guint64)trigger->since,
                           "reason", G_TYPE_STRING, reason, "element", G_TYPE_STRING, name, NULL);
    if (!trigger->there)
        gst_structure_set (event, "begin-running-time", G_TYPE_UINT64, (guint64)trigger->begun_at, NULL);
    GST_DEBUG_OBJECT (element, "%" GST_PTR_FORMAT, event);
    g_free (name);
    if (settings->post_messages)
        messages_post (messages, element, gst_message_new_element (GST_OBJECT (element), event),
                       settings->max_unread_messages);
    else
        gst_structure_free (event);
}

void triggers_end (struct triggers *triggers, struct messages *messages, GstElement *element,
                   const struct settings *settings, const char *reason)
{
    for (guint i = 0; i < triggers->count; i++) {
        struct trigger *trigger = &triggers->trigger[i];
        if (!trigger->there)
            continue;
        trigger->there = FALSE;
        trigger->since = triggers->moment.running_time;
        post_event (triggers, trigger, messages, element, settings, reason);
    }
    drop_all (triggers);
}

static gboolean same_classes (const struct triggers *triggers, const struct result *result)
{
    if (triggers->count != result->trigger_count || (triggers->count && triggers->model != result->model))
        return FALSE;
    for (guint i = 0; i < triggers->count; i++)
        if (triggers->trigger[i].id != result->triggers[i].id)
            return FALSE;
    return TRUE;
}

/* TRUE: it has begun or ended. `now`, `seen`: running time of this frame and of the one the score is of. */
static gboolean turn (struct trigger *trigger, const struct telling *telling, GstClockTime now, GstClockTime seen)
{
    float least = trigger->there ? MIN (telling->trigger_on, telling->trigger_off) : telling->trigger_on;
    gboolean above = trigger->score >= least; /* NaN is not */
    if (above == trigger->there) {
        trigger->turning = FALSE;
        return FALSE;
    }
    if (!trigger->turning)
        trigger->since = seen;
    trigger->turning = TRUE;
    gboolean timed = GST_CLOCK_TIME_IS_VALID (now) && GST_CLOCK_TIME_IS_VALID (trigger->since);
    if (timed && (now < trigger->since || now - trigger->since < telling->trigger_hold))
        return FALSE;
    trigger->turning = FALSE;
    trigger->there = above;
    if (above)
        trigger->begun_at = trigger->since;
    return TRUE;
}

/* The result of an earlier frame than the last one counts as of the last one. */
static void move_on (struct triggers *triggers, const struct moment *moment)
{
    GstClockTime before = triggers->moment.running_time, now = moment->running_time;
    gboolean back = GST_CLOCK_TIME_IS_VALID (before) && GST_CLOCK_TIME_IS_VALID (now) && now < before;
    if (back && !triggers->again)
        return;
    for (guint i = 0; back && i < triggers->count; i++)
        triggers->trigger[i].turning = FALSE; /* since a time that is still to come */
    triggers->moment = *moment;
    triggers->again = FALSE;
}

void triggers_follow (struct triggers *triggers, struct messages *messages, const struct settings *settings,
                      const struct result *result, const struct carrier *carrier)
{
    if (result->valid && !same_classes (triggers, result)) {
        triggers_end (triggers, messages, carrier->element, settings, "settings");
        triggers->count = result->trigger_count;
        triggers->model = triggers->count ? model_ref (result->model) : NULL;
        for (guint i = 0; i < triggers->count; i++) {
            int id = result->triggers[i].id;
            triggers->trigger[i] = (struct trigger) { .id = id, .label = g_strdup (model_label (result->model, id)) };
        }
    }
    move_on (triggers, &carrier->moment);
    for (guint i = 0; result->valid && i < triggers->count; i++) {
        struct trigger *trigger = &triggers->trigger[i];
        trigger->score = result->triggers[i].score;
        if (turn (trigger, &settings->telling, triggers->moment.running_time, result->seen.running_time))
            post_event (triggers, trigger, messages, carrier->element, settings, "score");
    }
}
