/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_memory.c: results of regions from frame to frame; see region_memory.h. */
#include "plugin/region_memory.h"

enum { KEPT_TRACKED = 64, KEPT_OTHERS = 8 }; /* frames */
static const double same_overlap = 0.5;

struct region_result *region_result_ref (struct region_result *result)
{
    if (result)
        g_atomic_ref_count_inc (&result->references);
    return result;
}

void region_result_unref (struct region_result *result)
{
    if (!result || !g_atomic_ref_count_dec (&result->references))
        return;
    result_clear (&result->result);
    g_free (result);
}

static void clear_entry (gpointer data)
{
    struct remembered *entry = data;
    region_result_unref (entry->result);
    smoothing_free (entry->smoothing);
}

GArray *region_memory_new (void)
{
    GArray *memory = g_array_new (FALSE, FALSE, sizeof (struct remembered));
    g_array_set_clear_func (memory, clear_entry);
    return memory;
}

GArray *region_memory_copy (const GArray *memory)
{
    GArray *copy = memory ? region_memory_new () : NULL;
    for (guint i = 0; memory && i < memory->len; i++) {
        struct remembered entry = g_array_index (memory, struct remembered, i);
        entry.result = region_result_ref (entry.result);
        entry.smoothing = NULL;
        g_array_append_val (copy, entry);
    }
    return copy;
}

/* How well the entry fits the region, 0: not at all. */
static double fit_of (const struct region *region, const struct remembered *entry, gboolean by_id)
{
    const struct region *before = &entry->region;
    if (entry->taken || before->source != region->source || before->type != region->type ||
        before->tracked != region->tracked)
        return 0;
    if (by_id)
        return before->id == region->id && region->id != REGION_NO_ID;
    if (region->tracked)
        return 0;
    double overlap = region_overlap (&region->box, &before->box);
    return overlap >= same_overlap ? overlap : 0;
}

/* By their ids, or those that are left by where they are. Of two with one id the first is the one. */
static void match_some (GArray *found, GArray *memory, gboolean by_id)
{
    for (guint i = 0; i < found->len; i++) {
        struct region *region = &g_array_index (found, struct region, i);
        double best = 0;
        if (region->entry >= 0)
            continue;
        for (guint e = 0; e < memory->len; e++) {
            double fit = fit_of (region, &g_array_index (memory, struct remembered, e), by_id);
            if (fit <= best)
                continue;
            best = fit;
            region->entry = (int)e;
        }
        if (region->entry >= 0)
            g_array_index (memory, struct remembered, region->entry).taken = TRUE;
    }
}

void region_match (GArray *found, GArray *memory)
{
    for (guint e = 0; e < memory->len; e++)
        g_array_index (memory, struct remembered, e).taken = FALSE;
    for (guint i = 0; i < found->len; i++)
        g_array_index (found, struct region, i).entry = -1;
    match_some (found, memory, TRUE);
    match_some (found, memory, FALSE);
}

static void forget_missing (GArray *memory)
{
    for (guint e = memory->len; e-- > 0;) {
        struct remembered *entry = &g_array_index (memory, struct remembered, e);
        guint kept = entry->region.tracked ? KEPT_TRACKED : KEPT_OTHERS;
        if (entry->missed > kept)
            g_array_remove_index (memory, e);
    }
}

/* A place for one more: a new one, or that of the one missing for longest. There are no more regions in a frame than
 * places, so that there is one. */
static int place_for (GArray *memory)
{
    const struct remembered nothing = { .since = 0 };
    int place = -1;
    if (memory->len < REGIONS_MOST) {
        g_array_append_val (memory, nothing);
        return (int)memory->len - 1;
    }
    for (guint e = 0; e < memory->len; e++) {
        const struct remembered *entry = &g_array_index (memory, struct remembered, e);
        if (!entry->taken && (place < 0 || entry->missed > g_array_index (memory, struct remembered, place).missed))
            place = (int)e;
    }
    if (place >= 0) {
        clear_entry (&g_array_index (memory, struct remembered, place));
        g_array_index (memory, struct remembered, place) = nothing;
    }
    return place;
}

void region_memory_follow (GArray *memory, GArray *found)
{
    for (guint e = 0; e < memory->len; e++)
        g_array_index (memory, struct remembered, e).missed++;
    forget_missing (memory);
    region_match (found, memory);
    for (guint i = 0; i < found->len; i++) {
        struct region *region = &g_array_index (found, struct region, i);
        if (region->entry < 0)
            region->entry = place_for (memory);
        if (region->entry < 0)
            continue;
        struct remembered *entry = &g_array_index (memory, struct remembered, region->entry);
        entry->region = *region;
        entry->region.roi = NULL;
        entry->taken = TRUE;
        entry->missed = 0;
        entry->since += entry->since < G_MAXUINT;
    }
}

const struct region_result *region_newest (const struct region *region, const GArray *memory)
{
    return region->entry >= 0 ? g_array_index (memory, struct remembered, region->entry).result : NULL;
}
