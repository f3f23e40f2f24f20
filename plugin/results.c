/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* results.c: scores -> classification metadata and the bus message; see results.h. */
#include "plugin/results.h"
#include "plugin/moment.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

void result_clear (struct result *result)
{
    g_free (result->ids);
    g_free (result->scores);
    *result = (struct result) { 0 };
}

void result_take (struct result *result, const struct network *network, const struct settings *settings,
                  GstClockTime inference_time)
{
    const struct tensor *scores = plan_output (network->plan, 0);
    guint k = MIN (settings->top_k, (guint)model_classes (network->model));
    if (k > result->capacity) {
        result->ids = g_renew (int, result->ids, k);
        result->scores = g_renew (float, result->scores, k);
        result->capacity = k;
    }
    int found = model_top (scores->data, model_classes (network->model), !model_ends_in_softmax (network->model),
                           (int)k, result->ids, result->scores);
    result->count = 0;
    while (result->count < (guint)found && result->scores[result->count] >= settings->threshold) /* NaN is below all */
        result->count++;
    result->inference_time = inference_time;
    result->valid = TRUE;
    result->serial++;
}

/* ---- on the buffer --------------------------------------------------------------------------------------------- */

#ifdef HAVE_ANALYTICS

static const char meta_name[] = "convrelu";

void results_init (void)
{
    static const char *const tags[] = { NULL };
    if (!gst_meta_get_info (meta_name))
        gst_meta_register_custom (meta_name, (const gchar **)tags, NULL, NULL, NULL);
}

/* Quarks live as long as the process: only labels that are reported become some. */
static GQuark label_quark (struct network *network, int class_id)
{
    GQuark *quark = &network->quarks[class_id];
    if (*quark == 0)
        *quark = g_quark_from_string (model_label (network->model, class_id));
    return *quark;
}

void result_attach (const struct result *result, struct network *network, GstBuffer *buffer, int width, int height,
                    gboolean fresh)
{
    if (!result->valid || result->count == 0)
        return;
    /* Room for this one thing; another element's meta that is there already is given back and grows as it needs. */
    GstAnalyticsRelationMetaInitParams room = {
        .initial_relation_order = 2,
        .initial_buf_size = 256 + result->count * (sizeof (gfloat) + sizeof (GQuark)),
    };
    GstAnalyticsRelationMeta *meta = gst_buffer_add_analytics_relation_meta_full (buffer, &room);
    GQuark *labels = g_new (GQuark, result->count);
    for (guint i = 0; i < result->count; i++)
        labels[i] = label_quark (network, result->ids[i]);
    GstAnalyticsClsMtd classes; /* not NULL: GStreamer before 1.26 writes to it without looking */
    gst_analytics_relation_meta_add_cls_mtd (meta, result->count, result->scores, labels, &classes);
    g_free (labels);

    GstCustomMeta *state = gst_buffer_add_custom_meta (buffer, meta_name);
    if (state)
        gst_structure_set (gst_custom_meta_get_structure (state), "fresh", G_TYPE_BOOLEAN, fresh, NULL);
}

#else

void results_init (void)
{
}

void result_attach (const struct result *result, struct network *network, GstBuffer *buffer, int width, int height,
                    gboolean fresh)
{
    if (!result->valid || result->count == 0)
        return;
    GstVideoRegionOfInterestMeta *meta =
        gst_buffer_add_video_region_of_interest_meta (buffer, "classification", 0, 0, (guint)width, (guint)height);
    for (guint i = 0; i < result->count; i++) {
        GstStructure *param =
            gst_structure_new ("classification", "label", G_TYPE_STRING, model_label (network->model, result->ids[i]),
                               "label-id", G_TYPE_INT, result->ids[i], "confidence", G_TYPE_FLOAT, result->scores[i],
                               "fresh", G_TYPE_BOOLEAN, fresh, NULL);
        gst_video_region_of_interest_meta_add_param (meta, param);
    }
}

#endif

/* ---- on the bus ------------------------------------------------------------------------------------------------ */

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

GstStructure *result_message (const struct result *result, const struct network *network, GstBuffer *buffer,
                              const GstSegment *segment, gboolean fresh)
{
    guint64 timestamp = GST_BUFFER_PTS (buffer);
    struct moment moment = buffer_moment (segment, buffer);
    GstStructure *message =
        gst_structure_new ("convrelu", "timestamp", G_TYPE_UINT64, timestamp, "stream-time", G_TYPE_UINT64,
                           moment.stream_time, "running-time", G_TYPE_UINT64, moment.running_time, "duration",
                           G_TYPE_UINT64, (guint64)GST_BUFFER_DURATION (buffer), "inference-time", G_TYPE_UINT64,
                           (guint64)result->inference_time, "fresh", G_TYPE_BOOLEAN, fresh, NULL);
    GValue labels = G_VALUE_INIT, ids = G_VALUE_INIT, scores = G_VALUE_INIT;
    g_value_init (&labels, GST_TYPE_ARRAY);
    g_value_init (&ids, GST_TYPE_ARRAY);
    g_value_init (&scores, GST_TYPE_ARRAY);
    for (guint i = 0; i < result->count; i++) {
        append_string (&labels, model_label (network->model, result->ids[i]));
        append_int (&ids, result->ids[i]);
        append_float (&scores, result->scores[i]);
    }
    gst_structure_take_value (message, "labels", &labels);
    gst_structure_take_value (message, "class-ids", &ids);
    gst_structure_take_value (message, "scores", &scores);
    return message;
}
