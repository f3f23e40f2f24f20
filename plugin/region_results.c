/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_results.c: results of regions -> metadata and messages; see region_results.h. */
#include "plugin/region_results.h"

#include "plugin/log.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

static const struct region *region_at (const GArray *found, guint i)
{
    return &g_array_index (found, struct region, i);
}

GArray *region_results_find (GstBuffer *buffer, const struct carrier *carrier, const struct region_choice *choice,
                             GArray *memory)
{
    GArray *found = g_array_new (FALSE, FALSE, sizeof (struct region));
    region_find (found, buffer, frame_picture ((int)carrier->width, (int)carrier->height, buffer), choice);
    region_match (found, memory);
    return found;
}

static void put_place (const struct region *region, GstStructure *structure)
{
    const struct rectangle *box = &region->box;
    gst_structure_set (structure, "x", G_TYPE_INT, box->x, "y", G_TYPE_INT, box->y, "width", G_TYPE_INT, box->width,
                       "height", G_TYPE_INT, box->height, NULL);
    if (region->type)
        gst_structure_set (structure, "region-type", G_TYPE_STRING, g_quark_to_string (region->type), NULL);
    if (region->id != REGION_NO_ID)
        gst_structure_set (structure, "region-id", G_TYPE_UINT64, region->id, NULL);
}

/* ---- on the buffer --------------------------------------------------------------------------------------------- */

#ifdef HAVE_ANALYTICS

static void attach_classes (const struct region *region, const struct result *result, GstBuffer *buffer,
                            GstStructure *said)
{
    guint id;
    if (!result_add_classes (result, buffer, &id))
        return;
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (buffer);
    gst_analytics_relation_meta_set_relation (meta, GST_ANALYTICS_REL_TYPE_CONTAIN | GST_ANALYTICS_REL_TYPE_RELATE_TO,
                                              region->mtd, id);
    gst_analytics_relation_meta_set_relation (meta, GST_ANALYTICS_REL_TYPE_IS_PART_OF, id, region->mtd);
    gst_structure_set (said, "mtd-id", G_TYPE_UINT, id, NULL);
}

#else

static void attach_classes (const struct region *region, const struct result *result, GstBuffer *buffer,
                            GstStructure *said)
{
}

#endif

void region_results_attach (const GArray *found, const GArray *memory, guint64 fresh, GstBuffer *buffer,
                            const struct carrier *carrier)
{
    GValue all = G_VALUE_INIT;
    char *element = gst_object_get_name (GST_OBJECT (carrier->element));
    g_value_init (&all, GST_TYPE_ARRAY);
    for (guint i = 0; i < found->len; i++) {
        const struct region *region = region_at (found, i);
        const struct region_result *newest = region_newest (region, memory);
        if (!newest)
            continue;
        gboolean is_fresh = newest->run == fresh;
        GstStructure *said = gst_structure_new_empty ("region");
        GValue value = G_VALUE_INIT;
        put_place (region, said);
        result_put (&newest->result, is_fresh, element, said);
        if (newest->result.count > 0 && region->roi)
            result_add_params (&newest->result, is_fresh, element, region->roi);
        else if (newest->result.count > 0 && region->source == REGIONS_DETECTIONS)
            attach_classes (region, &newest->result, buffer, said);
        g_value_init (&value, GST_TYPE_STRUCTURE);
        g_value_take_boxed (&value, said);
        gst_value_array_append_and_take_value (&all, &value);
    }
    if (gst_value_array_get_size (&all) > 0) {
        GstStructure *result = gst_structure_new ("result", "element", G_TYPE_STRING, element, NULL);
        gst_structure_set_value (result, "regions", &all);
        GST_LOG_OBJECT (carrier->element, "attached to %" GST_PTR_FORMAT ": %" GST_PTR_FORMAT, buffer, result);
        results_attach_structure (buffer, element, result);
    }
    g_value_unset (&all);
    g_free (element);
}

/* ---- on the bus ------------------------------------------------------------------------------------------------ */

void region_results_post (const GArray *found, GArray *memory, guint64 fresh, struct messages *messages,
                          const struct settings *settings, const struct carrier *carrier)
{
    for (guint i = 0; i < found->len; i++) {
        const struct region_result *newest = region_newest (region_at (found, i), memory);
        if (!newest)
            continue;
        struct carrier own = *carrier;
        own.fresh = newest->run == fresh;
        GstStructure *message = result_message (&newest->result, &own);
        put_place (region_at (found, i), message);
        struct remembered *entry = &g_array_index (memory, struct remembered, region_at (found, i)->entry);
        if (own.fresh) /* which each change is told with, or with the next one that finds room */
            entry->untold |= newest->changed;
        if (messages_post_region (messages, settings, message, &own, entry->untold) && own.fresh)
            entry->untold = FALSE;
    }
}

/* ---- triggers -------------------------------------------------------------------------------------------------- */

static gboolean same_classes (const struct result *a, const struct result *b)
{
    if (!a->valid || a->model != b->model || a->trigger_count != b->trigger_count)
        return FALSE;
    for (guint i = 0; i < a->trigger_count; i++)
        if (a->triggers[i].id != b->triggers[i].id)
            return FALSE;
    return TRUE;
}

void region_results_together (const GArray *found, const GArray *memory, const struct carrier *carrier,
                              struct result *together)
{
    const struct region_result *last = NULL; /* whose classes are those that are asked for by now */
    for (guint i = 0; i < found->len; i++) {
        const struct region_result *newest = region_newest (region_at (found, i), memory);
        if (newest && (!last || newest->run > last->run))
            last = newest;
    }
    if (last && !same_classes (together, &last->result))
        result_copy (together, &last->result);
    together->seen = last ? last->result.seen : carrier->moment;
    for (guint k = 0; k < together->trigger_count; k++) {
        together->triggers[k].score = 0;
        for (guint i = 0; i < found->len; i++) {
            const struct region_result *newest = region_newest (region_at (found, i), memory);
            if (newest && same_classes (together, &newest->result))
                together->triggers[k].score = MAX (together->triggers[k].score, newest->result.triggers[k].score);
        }
    }
}

const struct result *region_results_last (const GArray *memory, const struct carrier *carrier, struct result *together)
{
    GArray *found = g_array_new (FALSE, FALSE, sizeof (struct region));
    for (guint i = 0; i < memory->len; i++) {
        const struct remembered *entry = &g_array_index (memory, struct remembered, i);
        struct region region = entry->region;
        region.entry = (int)i;
        if (entry->missed == 0)
            g_array_append_val (found, region);
    }
    region_results_together (found, memory, carrier, together);
    g_array_unref (found);
    return together;
}
