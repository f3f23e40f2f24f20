/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* telling.c: the properties of triggers, and which results are posted; see triggers.h. */
#include "plugin/triggers.h"

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)

static const float default_on = 0.6f, default_off = 0.4f;

static GType message_on_type (void)
{
    static const GEnumValue values[] = {
        { MESSAGE_ON_EVERY, "For every frame, also those that carry an earlier result again", "every" },
        { MESSAGE_ON_FRESH, "For every frame that the network has seen, and as repeat-messages says", "fresh" },
        { MESSAGE_ON_CHANGE, "Only when the best class is another than in the last message", "change" },
        { MESSAGE_ON_EVENT,
          "Never: of what is seen only \"convrelu-event\" tells (trigger-classes); convrelu-model and QOS still come",
          "event" },
        { 0, NULL, NULL },
    };
    static gsize type;
    if (g_once_init_enter (&type))
        g_once_init_leave (&type, g_enum_register_static ("GstConvReluMessageOn", values));
    return type;
}

void telling_install (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_TRIGGER_CLASSES,
        g_param_spec_string (
            "trigger-classes", "Trigger classes",
            "Classes to wait for, labels or numbers with commas between, up to 64: an element message "
            "\"convrelu-event\" is posted when one has begun to be seen and when that has ended, once each, with the "
            "fields event (begin or end), label, class-id, score, timestamp, stream-time, running-time, "
            "since-running-time (of the first frame that was so), reason, element, and at the end "
            "begin-running-time. post-messages=false turns it off",
            NULL, FLAGS));
    g_object_class_install_property (klass, PROPERTY_TRIGGER_ON,
                                     g_param_spec_float ("trigger-on", "Trigger on",
                                                         "A trigger class begins when its score is at least this", 0.0f,
                                                         1.0f, default_on, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_TRIGGER_OFF,
        g_param_spec_float ("trigger-off", "Trigger off",
                            "A trigger class that has begun ends when its score is below this, or below trigger-on "
                            "where that is less: between the two nothing changes. Where it is not below trigger-on "
                            "there is nothing between, and scores near it begin and end the class again and again",
                            0.0f, 1.0f, default_off, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_TRIGGER_HOLD,
        g_param_spec_uint64 ("trigger-hold", "Trigger hold",
                             "For how long a score must stay beyond its threshold until that counts, in ns of running "
                             "time: shorter glimpses and gaps are not told. Frames without a time do not wait",
                             0, G_MAXINT64, 0, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_MESSAGE_ON,
        g_param_spec_enum ("message-on", "Message on",
                           "For which frames the message \"convrelu\" is posted, where post-messages says that it is",
                           message_on_type (), MESSAGE_ON_FRESH, FLAGS));
    gst_type_mark_as_plugin_api (message_on_type (), 0);
}

void telling_init (struct telling *telling)
{
    *telling =
        (struct telling) { .trigger_on = default_on, .trigger_off = default_off, .message_on = MESSAGE_ON_FRESH };
}

void telling_clear (struct telling *telling)
{
    g_clear_pointer (&telling->trigger_classes, g_free);
}

void telling_copy (struct telling *to, const struct telling *from)
{
    *to = *from;
    to->trigger_classes = g_strdup (from->trigger_classes);
}

gboolean telling_set (struct telling *telling, guint id, const GValue *value)
{
    switch (id) {
    case PROPERTY_TRIGGER_CLASSES:
        g_free (telling->trigger_classes);
        telling->trigger_classes = g_value_dup_string (value);
        return TRUE;
    case PROPERTY_TRIGGER_ON:
        telling->trigger_on = g_value_get_float (value);
        return TRUE;
    case PROPERTY_TRIGGER_OFF:
        telling->trigger_off = g_value_get_float (value);
        return TRUE;
    case PROPERTY_TRIGGER_HOLD:
        telling->trigger_hold = g_value_get_uint64 (value);
        return TRUE;
    case PROPERTY_MESSAGE_ON:
        telling->message_on = g_value_get_enum (value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean telling_get (const struct telling *telling, guint id, GValue *value)
{
    switch (id) {
    case PROPERTY_TRIGGER_CLASSES:
        g_value_set_string (value, telling->trigger_classes);
        return TRUE;
    case PROPERTY_TRIGGER_ON:
        g_value_set_float (value, telling->trigger_on);
        return TRUE;
    case PROPERTY_TRIGGER_OFF:
        g_value_set_float (value, telling->trigger_off);
        return TRUE;
    case PROPERTY_TRIGGER_HOLD:
        g_value_set_uint64 (value, telling->trigger_hold);
        return TRUE;
    case PROPERTY_MESSAGE_ON:
        g_value_set_enum (value, telling->message_on);
        return TRUE;
    default:
        return FALSE;
    }
}
