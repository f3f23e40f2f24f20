/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* looker.h: the one who looks at frames (inference.h) by itself, without element or stream around it, for checkers that
 * are linked with the plugin's own objects. */
#ifndef CONVRELU_TESTS_LOOKER_H
#define CONVRELU_TESTS_LOOKER_H

#include "element.h"
#include "plugin/inference.h"

struct looker {
    GstElement *element;
    GstBus *bus;
    struct shared shared;
    struct messages *messages;
    struct inference *inference;
    GstVideoInfo info;
};

static void looker_set (struct looker *looker, guint id, const char *words)
{
    GValue value = G_VALUE_INIT;
    g_value_init (&value, G_TYPE_STRING);
    g_value_set_string (&value, words);
    CHECK (shared_set (&looker->shared, id, &value), "property %u", id);
    g_value_unset (&value);
}

/* Four threads run the tiny network on frames of 320 x 240, with CPU time to spend. */
static bool looker_start (struct looker *looker, GstVideoFormat format)
{
    looker->element = new_element (&looker->bus);
    shared_init (&looker->shared, looker->element);
    looker->shared.settings.threads = 4;
    looker_set (looker, PROPERTY_MODEL_FILE, model_file);
    looker_set (looker, PROPERTY_LABELS_FILE, labels_file);
    looker->messages = messages_new ();
    looker->inference = inference_new (looker->element, &looker->shared, looker->messages);
    gst_video_info_set_format (&looker->info, format, 320, 240);
    return CHECK (inference_open (looker->inference) && inference_start (looker->inference), "not started") &&
           CHECK (meter_in_cpu (&looker->inference->gates.meter, 100, 0), "no CPU time");
}

static void looker_end (struct looker *looker)
{
    inference_stop (looker->inference);
    inference_free (looker->inference);
    messages_free (looker->messages);
    shared_clear (&looker->shared);
    gst_bus_set_flushing (looker->bus, TRUE);
    gst_object_unref (looker->element);
    gst_object_unref (looker->bus);
}

#endif
