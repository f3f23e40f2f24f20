/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* regions.c: which regions it is time for, and the network over them; see regions.h. */
#include "plugin/regions.h"

#include "plugin/log.h"

/* A result is of where a region is while the two boxes overlap by so much. */
static const double settled_overlap = 0.5;

struct regions *regions_new (void)
{
    struct regions *regions = g_new0 (struct regions, 1);
    regions->found = g_array_new (FALSE, FALSE, sizeof (struct region));
    regions->due = g_array_new (FALSE, FALSE, sizeof (guint));
    regions->memory = region_memory_new ();
    return regions;
}

void regions_free (struct regions *regions)
{
    g_array_unref (regions->found);
    g_array_unref (regions->due);
    g_array_unref (regions->memory);
    g_free (regions);
}

void regions_forget (struct regions *regions)
{
    g_array_set_size (regions->found, 0);
    g_array_set_size (regions->due, 0);
    g_array_set_size (regions->memory, 0);
    regions->fresh = FALSE;
}

gboolean regions_wanted (const struct inference *inference)
{
    return inference->active.regions.source != REGIONS_FRAME;
}

/* ---- which ----------------------------------------------------------------------------------------------------- */

static struct remembered *entry_of (const struct regions *regions, guint i)
{
    int entry = g_array_index (regions->found, struct region, i).entry;
    return entry >= 0 ? &g_array_index (regions->memory, struct remembered, entry) : NULL;
}

/* Those without a result first, then as their results are older; of equal ones as they are in the buffer. */
static gint compare_turns (gconstpointer a, gconstpointer b, gpointer regions)
{
    guint i = *(const guint *)a, j = *(const guint *)b;
    const struct region_result *one = entry_of (regions, i)->result, *other = entry_of (regions, j)->result;
    gint64 age = one && other ? (gint64)one->turn - (gint64)other->turn : (one != NULL) - (other != NULL);
    return age != 0 ? (age > 0) - (age < 0) : (i > j) - (i < j);
}

gboolean regions_find (struct inference *inference, const struct sight *sight)
{
    struct regions *regions = inference->regions;
    const struct region_choice *choice = &inference->active.regions;
    struct rectangle picture =
        frame_picture (GST_VIDEO_INFO_WIDTH (sight->info), GST_VIDEO_INFO_HEIGHT (sight->info), sight->buffer);
    guint skipped = region_find (regions->found, sight->buffer, picture, choice);
    region_memory_follow (regions->memory, regions->found);
    regions->fresh = FALSE;
    g_array_set_size (regions->due, 0);
    for (guint i = 0; i < regions->found->len; i++) {
        const struct remembered *entry = entry_of (regions, i);
        if (entry && (!entry->result || entry->since >= choice->interval))
            g_array_append_val (regions->due, i);
    }
    g_array_sort_with_data (regions->due, compare_turns, regions);
    if (choice->max > 0 && regions->due->len > choice->max)
        g_array_set_size (regions->due, choice->max);
    if (skipped > 0) {
        GST_LOG_OBJECT (inference->element, "%u regions are empty, outside the frame, too small or too many", skipped);
        GST_OBJECT_LOCK (inference->element);
        inference->shared->stats.regions_skipped += skipped;
        GST_OBJECT_UNLOCK (inference->element);
    }
    return regions->due->len > 0;
}

gboolean regions_unsettled (const struct inference *inference)
{
    const struct regions *regions = inference->regions;
    for (guint i = 0; i < regions->due->len; i++) {
        const struct remembered *entry = entry_of (regions, g_array_index (regions->due, guint, i));
        if (!entry->result || region_overlap (&entry->result->box, &entry->region.box) < settled_overlap)
            return TRUE;
    }
    return FALSE;
}

/* ---- the network ----------------------------------------------------------------------------------------------- */

/* What the inference has just said becomes the entry's newest result. */
static void keep_result (const struct inference *inference, struct remembered *entry)
{
    struct region_result *before = entry->result, *now = g_new0 (struct region_result, 1);
    g_atomic_ref_count_init (&now->references);
    result_copy (&now->result, &inference->result);
    now->box = entry->region.box;
    now->run = inference->regions->run;
    now->turn = ++inference->regions->turns;
    int best = now->result.count > 0 ? now->result.ids[0] : -1;
    now->changed = !before || best != (before->result.count > 0 ? before->result.ids[0] : -1);
    entry->result = now;
    entry->since = 0;
    region_result_unref (before);
}

gboolean regions_run (struct inference *inference, const struct sight *sight, GstClockTime until)
{
    struct regions *regions = inference->regions;
    GstClockTime convert = 0, spent = 0, longest = 0;
    guint done = 0;
    regions->run++;
    regions->fresh = TRUE;
    while (done < regions->due->len) {
        struct remembered *entry = entry_of (regions, g_array_index (regions->due, guint, done));
        GstClockTime start = gst_util_get_timestamp ();
        gboolean late = GST_CLOCK_TIME_IS_VALID (until) && start + longest > until;
        if (done > 0 && (late || inference_hurries (inference)))
            break;
        if (!entry->smoothing)
            entry->smoothing = smoothing_new ();
        if (!inference_run_part (inference, sight, &entry->region.box, entry->smoothing))
            return FALSE;
        if (done == 0)
            gates_begin (inference, sight);
        keep_result (inference, entry);
        convert += inference->convert;
        spent += inference->spent;
        longest = MAX (longest, gst_util_get_timestamp () - start);
        done++;
    }
    inference_count (inference, convert, spent);
    GST_OBJECT_LOCK (inference->element);
    inference->shared->stats.regions += done;
    GST_OBJECT_UNLOCK (inference->element);
    GST_LOG_OBJECT (inference->element, "%u of %u regions classified, %u were due", done, regions->found->len,
                    regions->due->len);
    return TRUE;
}
