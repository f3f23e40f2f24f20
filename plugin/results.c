/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* results.c: scores -> classification metadata and the bus message; see results.h. */
#include "plugin/results.h"

#include <gst/video/video.h>

#include "plugin/log.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

void result_clear (struct result *result)
{
    g_free (result->ids);
    g_free (result->scores);
    g_free (result->triggers);
    tensors_unref (result->tensors);
    model_unref (result->model);
    *result = (struct result) { 0 };
}

void result_take (struct result *result, const struct network *network, const struct settings *settings,
                  GstClockTime inference_time)
{
    const struct tensor *scores = plan_output (network->plan, model_output (network->model));
    guint k = MIN (settings->top_k, (guint)model_classes (network->model));
    if (k > result->capacity) {
        result->ids = g_renew (int, result->ids, k);
        result->scores = g_renew (float, result->scores, k);
        result->capacity = k;
    }
    struct score_rule rule =
        model_scores (network->model, settings->scores, network->replaces ? &network->replacement : NULL);
    int found = model_top (scores->data, model_classes (network->model), &rule, (int)k, result->ids, result->scores);
    result->count = 0;
    while (result->count < (guint)found && result->scores[result->count] >= settings->threshold) /* NaN is below all */
        result->count++;
    if (result->model != network->model) {
        model_unref (result->model);
        result->model = model_ref (network->model);
    }
    result->inference_time = inference_time;
    result->seen = MOMENT_NONE;
    result->valid = TRUE;
    result->serial++;
}

void result_copy (struct result *to, const struct result *from)
{
    struct result before = *to;
    *to = *from;
    to->capacity = from->count;
    to->ids = g_memdup2 (from->ids, from->count * sizeof *from->ids);
    to->scores = g_memdup2 (from->scores, from->count * sizeof *from->scores);
    to->triggers = g_memdup2 (from->triggers, from->trigger_count * sizeof *from->triggers);
    to->tensors = tensors_ref (from->tensors);
    to->model = from->model ? model_ref (from->model) : NULL;
    result_clear (&before);
}

/* ---- in words -------------------------------------------------------------------------------------------------- */

static void append_string (GValue *array, const char *text)
{
    GValue value = G_VALUE_INIT;
    g_value_init (&value, G_TYPE_STRING);
    g_value_set_string (&value, text);
    gst_value_array_append_and_take_value (array, &value);
}

static void append_int (GValue *array, int number)
{
    GValue value = G_VALUE_INIT;
    g_value_init (&value, G_TYPE_INT);
    g_value_set_int (&value, number);
    gst_value_array_append_and_take_value (array, &value);
}

static void append_float (GValue *array, float number)
{
    GValue value = G_VALUE_INIT;
    g_value_init (&value, G_TYPE_FLOAT);
    g_value_set_float (&value, number);
    gst_value_array_append_and_take_value (array, &value);
}

/* The best class also stands by itself: arrays are awkward in Python. */
void result_put (const struct result *result, gboolean fresh, const char *element, GstStructure *structure)
{
    GValue labels = G_VALUE_INIT, ids = G_VALUE_INIT, scores = G_VALUE_INIT;
    g_value_init (&labels, GST_TYPE_ARRAY);
    g_value_init (&ids, GST_TYPE_ARRAY);
    g_value_init (&scores, GST_TYPE_ARRAY);
    for (guint i = 0; i < result->count; i++) {
        append_string (&labels, model_label (result->model, result->ids[i]));
        append_int (&ids, result->ids[i]);
        append_float (&scores, result->scores[i]);
    }
    gst_structure_set (structure, "inference-time", G_TYPE_UINT64, (guint64)result->inference_time, "fresh",
                       G_TYPE_BOOLEAN, fresh, NULL);
    gst_structure_take_value (structure, "labels", &labels);
    gst_structure_take_value (structure, "class-ids", &ids);
    gst_structure_take_value (structure, "scores", &scores);
    if (result->count > 0)
        gst_structure_set (structure, "label", G_TYPE_STRING, model_label (result->model, result->ids[0]), "class-id",
                           G_TYPE_INT, result->ids[0], "score", G_TYPE_DOUBLE, (gdouble)result->scores[0], NULL);
    gst_structure_set (structure, "element", G_TYPE_STRING, element, "seen-timestamp", G_TYPE_UINT64,
                       (guint64)result->seen.timestamp, "seen-running-time", G_TYPE_UINT64,
                       (guint64)result->seen.running_time, NULL);
}

/* ---- on the buffer --------------------------------------------------------------------------------------------- */

static const char meta_name[] = "convrelu";

void results_init (void)
{
    static const char *const tags[] = { NULL };
    if (!gst_meta_get_info (meta_name))
        gst_meta_register_custom (meta_name, (const gchar **)tags, NULL, NULL, NULL);
}

void results_attach_structure (GstBuffer *buffer, const char *name, GstStructure *said)
{
    GValue value = G_VALUE_INIT;
    GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, meta_name);
    if (!meta)
        meta = gst_buffer_add_custom_meta (buffer, meta_name);
    GstStructure *all = meta ? gst_custom_meta_get_structure (meta) : NULL;
    if (!all) {
        gst_structure_free (said);
        return;
    }
    char *field = g_strdup (name);
    for (guint again = 2; gst_structure_has_field (all, field); again++) { /* its namesake in another bin */
        g_free (field);
        field = g_strdup_printf ("%s_%u", name, again);
    }
    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value, said);
    gst_structure_take_value (all, field, &value);
    g_free (field);
}

void result_add_params (const struct result *result, gboolean fresh, const char *element,
                        GstVideoRegionOfInterestMeta *meta)
{
    char name[32] = "classification";
    for (guint i = 0; i < result->count; i++) {
        if (i > 0)
            g_snprintf (name, sizeof name, "classification_%u", i + 1);
        gst_video_region_of_interest_meta_add_param (
            meta,
            gst_structure_new (name, "label", G_TYPE_STRING, model_label (result->model, result->ids[i]), "label_id",
                               G_TYPE_INT, result->ids[i], "confidence", G_TYPE_DOUBLE, (gdouble)result->scores[i],
                               "element_id", G_TYPE_STRING, element, "fresh", G_TYPE_BOOLEAN, fresh, NULL));
    }
}

#ifdef HAVE_ANALYTICS

gboolean result_add_classes (const struct result *result, GstBuffer *buffer, guint *id)
{
    /* Room for this one thing; another element's meta that is there already is given back and grows as it needs. */
    GstAnalyticsRelationMetaInitParams room = {
        .initial_relation_order = 2,
        .initial_buf_size = 256 + result->count * (sizeof (gfloat) + sizeof (GQuark)),
    };
    GstAnalyticsRelationMeta *meta = gst_buffer_add_analytics_relation_meta_full (buffer, &room);
    GQuark *labels = g_new (GQuark, result->count);
    for (guint i = 0; i < result->count; i++)
        labels[i] =
            g_quark_from_string (model_label (result->model, result->ids[i])); /* lives as long as the process */
    GstAnalyticsClsMtd classes; /* not NULL: GStreamer before 1.26 writes to it without looking */
    gboolean good = gst_analytics_relation_meta_add_cls_mtd (meta, result->count, result->scores, labels, &classes);
    if (good)
        *id = classes.id;
    g_free (labels);
    return good;
}

static void attach_classes (const struct result *result, GstBuffer *buffer, const struct carrier *carrier,
                            GstStructure *said, const char *element)
{
    guint id;
    if (result_add_classes (result, buffer, &id))
        gst_structure_set (said, "mtd-id", G_TYPE_UINT, id, NULL);
}

#else

static void attach_classes (const struct result *result, GstBuffer *buffer, const struct carrier *carrier,
                            GstStructure *said, const char *element)
{
    result_add_params (
        result, carrier->fresh, element,
        gst_buffer_add_video_region_of_interest_meta (buffer, "classification", 0, 0, carrier->width, carrier->height));
}

#endif

void result_attach (const struct result *result, GstBuffer *buffer, const struct carrier *carrier)
{
    if (!result->valid)
        return;
    char *element = gst_object_get_name (GST_OBJECT (carrier->element));
    GstStructure *said = gst_structure_new_empty ("result");
    result_put (result, carrier->fresh, element, said);
    if (result->count > 0)
        attach_classes (result, buffer, carrier, said, element);
    GST_LOG_OBJECT (carrier->element, "attached %u classes to %" GST_PTR_FORMAT ": %" GST_PTR_FORMAT, result->count,
                    buffer, said);
    results_attach_structure (buffer, element, said);
    tensors_attach (result->tensors, buffer);
    g_free (element);
}

/* ---- on the bus ------------------------------------------------------------------------------------------------ */

GstStructure *result_message (const struct result *result, const struct carrier *carrier)
{
    const struct moment *moment = &carrier->moment;
    GstStructure *message =
        gst_structure_new ("convrelu", "timestamp", G_TYPE_UINT64, (guint64)moment->timestamp, "stream-time",
                           G_TYPE_UINT64, (guint64)moment->stream_time, "running-time", G_TYPE_UINT64,
                           (guint64)moment->running_time, "duration", G_TYPE_UINT64, (guint64)moment->duration, NULL);
    char *element = gst_object_get_name (GST_OBJECT (carrier->element));
    result_put (result, carrier->fresh, element, message);
    g_free (element);
    return message;
}

GstStructure *results_model_message (const struct network *network)
{
    const struct input_spec *spec = model_input (network->model);
    GstStructure *message = gst_structure_new (
        "convrelu-model", "built-in", G_TYPE_BOOLEAN, network->model_file == NULL, "classes", G_TYPE_INT,
        model_classes (network->model), "channels", G_TYPE_INT, spec->channels, "width", G_TYPE_INT, spec->width,
        "height", G_TYPE_INT, spec->height, "steps", G_TYPE_INT, plan_steps (network->plan), "threads", G_TYPE_INT,
        plan_threads (network->plan), "instruction-set", G_TYPE_STRING, plan_isa (network->plan), "precision",
        G_TYPE_STRING, precision_words[network->report.used], NULL);
    if (network->model_file)
        gst_structure_set (message, "model-file", G_TYPE_STRING, network->model_file, NULL);
    return message;
}
