/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shared.c: what the element's threads share under its object lock; see shared.h. */
#include "plugin/shared.h"

#include <string.h>

void shared_init (struct shared *shared, GstElement *element)
{
    *shared = (struct shared) { .element = element };
    settings_init (&shared->settings);
    stats_reset (&shared->stats, GST_CLOCK_TIME_NONE);
}

void shared_clear (struct shared *shared)
{
    settings_clear (&shared->settings);
    step_times_clear (&shared->step_times);
    targets_unref (shared->targets);
}

/* ---- properties ------------------------------------------------------------------------------------------------ */

gboolean shared_set (struct shared *shared, guint id, const GValue *value)
{
    GST_OBJECT_LOCK (shared->element);
    gboolean known = settings_set (&shared->settings, id, value);
    shared->serial++;
    GST_OBJECT_UNLOCK (shared->element);
    return known;
}

static void get_stats (struct shared *shared, GValue *value)
{
    GST_OBJECT_LOCK (shared->element);
    struct stats stats = shared->stats;
    struct layer_figures figures[LAYERS_MAX];
    int count = shared->figure_count;
    memcpy (figures, shared->figures, sizeof figures);
    GST_OBJECT_UNLOCK (shared->element);
    GstStructure *structure = stats_structure (&stats);
    GST_OBJECT_LOCK (shared->element);
    step_times_put (&shared->step_times, structure);
    GST_OBJECT_UNLOCK (shared->element);
    GValue layers = G_VALUE_INIT;
    g_value_init (&layers, GST_TYPE_ARRAY);
    for (int i = 0; i < count; i++) {
        GValue layer = G_VALUE_INIT;
        g_value_init (&layer, GST_TYPE_STRUCTURE);
        g_value_take_boxed (&layer, gst_structure_new ("layer", "name", G_TYPE_STRING, figures[i].name, "zero",
                                                       G_TYPE_DOUBLE, figures[i].zero, "channels", G_TYPE_INT,
                                                       figures[i].channels, "dead", G_TYPE_INT, figures[i].dead, NULL));
        gst_value_array_append_and_take_value (&layers, &layer);
    }
    gst_structure_take_value (structure, "layers", &layers);
    g_value_take_boxed (value, structure);
}

static void get_layer_names (struct shared *shared, GValue *value)
{
    GST_OBJECT_LOCK (shared->element);
    struct model *model = shared->model ? model_ref (shared->model) : NULL;
    GST_OBJECT_UNLOCK (shared->element);
    if (!model)
        return;
    const struct graph *graph = model_graph (model);
    GArray *layers = layers_all (graph);
    for (guint i = 0; i < layers->len; i++) {
        GValue name = G_VALUE_INIT;
        g_value_init (&name, G_TYPE_STRING);
        g_value_set_string (&name, graph_tensor (graph, g_array_index (layers, struct layer, i).post).name);
        gst_value_array_append_and_take_value (value, &name);
    }
    g_array_unref (layers);
    model_unref (model);
}

gboolean shared_get (struct shared *shared, guint id, GValue *value)
{
    if (id == PROPERTY_STATS) {
        get_stats (shared, value);
        return TRUE;
    }
    if (id == PROPERTY_LAYER_NAMES) {
        get_layer_names (shared, value);
        return TRUE;
    }
    GST_OBJECT_LOCK (shared->element);
    gboolean known = settings_get (&shared->settings, id, value);
    GST_OBJECT_UNLOCK (shared->element);
    return known;
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

gboolean shared_follow (struct shared *shared, struct settings *settings, guint *serial)
{
    GST_OBJECT_LOCK (shared->element);
    gboolean moved = shared->serial != *serial;
    if (moved)
        settings_copy (settings, &shared->settings);
    *serial = shared->serial;
    GST_OBJECT_UNLOCK (shared->element);
    return moved;
}

void shared_model (struct shared *shared, struct model *model, GstClockTime expected)
{
    GST_OBJECT_LOCK (shared->element);
    struct model *before = shared->model;
    shared->model = model;
    shared->figure_count = 0;
    step_times_clear (&shared->step_times);
    if (model)
        stats_swapped (&shared->stats, expected);
    GST_OBJECT_UNLOCK (shared->element);
    model_unref (before);
}

void shared_start (struct shared *shared, GstClockTime expected)
{
    GST_OBJECT_LOCK (shared->element);
    stats_reset (&shared->stats, expected);
    GST_OBJECT_UNLOCK (shared->element);
}

void shared_drawn (struct shared *shared, GstClockTime time)
{
    GST_OBJECT_LOCK (shared->element);
    stats_drawn (&shared->stats, time);
    GST_OBJECT_UNLOCK (shared->element);
}

void shared_targets (struct shared *shared, struct targets *targets)
{
    GST_OBJECT_LOCK (shared->element);
    struct targets *before = shared->targets;
    shared->targets = before == targets ? before : targets_ref (targets);
    GST_OBJECT_UNLOCK (shared->element);
    if (before != targets)
        targets_unref (before);
}
