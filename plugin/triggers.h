/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* triggers.h: classes that an application waits for: "begin" when one has been seen for long enough, "end" when it has
 * been gone for long enough, as element messages "convrelu-event"; and which results are posted as "convrelu".
 *
 *   score |      ____ on            the score is read as trigger_list_take left it in the result, from every frame that
 *         |  ___/....\___ off       carries one, fresh or not: a hold time also passes while the network does not run
 *         | /  |hold|    \  |hold|
 *               begin            end
 *
 * The properties are part of struct settings; the same rules hold (settings.h). */
#ifndef CONVRELU_TRIGGERS_H
#define CONVRELU_TRIGGERS_H

#include <gst/gst.h>

/* Also the values of the GObject enum of the same name. */
enum message_on { MESSAGE_ON_EVERY, MESSAGE_ON_FRESH, MESSAGE_ON_CHANGE, MESSAGE_ON_EVENT };

struct telling {
    char *trigger_classes; /* NULL: none */
    float trigger_on, trigger_off;
    guint64 trigger_hold; /* ns */
    enum message_on message_on;
};

enum { TELLING_FIRST_PROPERTY = 300 };
enum telling_property {
    PROPERTY_TRIGGER_CLASSES = TELLING_FIRST_PROPERTY,
    PROPERTY_TRIGGER_ON,
    PROPERTY_TRIGGER_OFF,
    PROPERTY_TRIGGER_HOLD,
    PROPERTY_MESSAGE_ON,
};

void telling_install (GObjectClass *klass);
void telling_init (struct telling *telling);
void telling_clear (struct telling *telling);
void telling_copy (struct telling *to, const struct telling *from); /* what `to` held is not freed */

/* FALSE when `id` is not one of them. */
gboolean telling_set (struct telling *telling, guint id, const GValue *value);
gboolean telling_get (const struct telling *telling, guint id, GValue *value);

struct network;
struct result;
struct settings;
struct smoothing;
struct messages;
struct carrier;

enum { TRIGGERS_MAX = 64 };

struct trigger_list {
    int ids[TRIGGERS_MAX]; /* [count] classes of a model */
    guint count;
};

/* A class and its score. */
struct trigger_score {
    int id;
    float score;
};

/* The words of trigger-classes (NULL: none), as a network understands them: labels, whole or as the drawing shortens
 * them, upper or lower case, or numbers, separated by commas; of labels that hold commas the longest that fits counts.
 * Each class once. *remark, where it is NULL, becomes what to warn of; g_free it. */
struct trigger_list trigger_list_read (const struct network *network, const char *words, char **remark);

/* Puts the scores of these classes into the result of a run; averages where smoothing is on. Of the thread that runs
 * the network. */
void trigger_list_take (const struct trigger_list *list, struct result *result, const struct network *network,
                        const struct settings *settings, const struct smoothing *smoothing);

struct triggers; /* which classes are there by now; the streaming thread's */

struct triggers *triggers_new (void);
void triggers_free (struct triggers *triggers);

/* Running time starts anew, or goes on from elsewhere: the next frame may be earlier than the last one. */
void triggers_again (struct triggers *triggers);

/* A frame, with the result that it carries, if that is valid. Posts what has begun or ended; the object lock must not
 * be held. A result of an earlier frame than the last one counts as of the last one: messages never go back in
 * time. */
void triggers_follow (struct triggers *triggers, struct messages *messages, const struct settings *settings,
                      const struct result *result, const struct carrier *carrier);

/* Posts the end of all that has begun, as of the last frame; `reason` is one of "end-of-stream", "jump", "stop",
 * "settings". */
void triggers_end (struct triggers *triggers, struct messages *messages, GstElement *element,
                   const struct settings *settings, const char *reason);

#endif
