/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_find.c: metas of a buffer -> regions; see region_find.h. */
#include "plugin/region_find.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

/* A box as somebody has written it. */
struct claim {
    gint64 x, y, width, height;
};

struct search {
    GArray *found;
    struct rectangle picture;
    const struct region_choice *choice;
    guint skipped;
};

/* What [*at, *at + *length) has in common with [start, start + whole). */
static void cut (gint64 *at, gint64 *length, gint64 start, gint64 whole)
{
    gint64 end = MIN (*at + *length, start + whole);
    *at = MAX (*at, start);
    *length = MAX (end - *at, 0);
}

/* `region` comes with all but its box. */
static void take (struct search *search, struct region *region, const struct claim *claim)
{
    struct claim left = *claim;
    const struct rectangle *picture = &search->picture;
    gboolean sized = left.width > 0 && left.height > 0 && left.width <= G_MAXINT32 && left.height <= G_MAXINT32;
    cut (&left.x, &left.width, picture->x, picture->width);
    cut (&left.y, &left.height, picture->y, picture->height);
    if (!sized || MIN (left.width, left.height) < MAX (search->choice->min_size, 1) ||
        search->found->len >= REGIONS_MOST) {
        search->skipped++;
        return;
    }
    region->box = (struct rectangle) { (int)left.x, (int)left.y, (int)left.width, (int)left.height };
    region->entry = -1;
    g_array_append_val (search->found, *region);
}

/* ---- regions of interest --------------------------------------------------------------------------------------- */

/* Trackers of Intel DL Streamer put their id into a parameter of its own. The meta's id is 0 where nobody set it, and
 * may be another one in every frame: detectors count their metas. */
static guint64 roi_id (const GstVideoRegionOfInterestMeta *roi, gboolean *tracked)
{
    *tracked = TRUE;
    for (const GList *param = roi->params; param; param = param->next) {
        gint id;
        if (gst_structure_has_name (param->data, "object_id") && gst_structure_get_int (param->data, "id", &id))
            return (guint64)(guint)id;
    }
    *tracked = FALSE;
    return roi->id > 0 ? (guint64)roi->id : REGION_NO_ID;
}

static void find_rois (struct search *search, GstBuffer *buffer)
{
    gpointer state = NULL;
    GstMeta *meta;
    while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
        GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
        const struct claim claim = { (gint32)roi->x, (gint32)roi->y, roi->w, roi->h };
        struct region region = { .source = REGIONS_ROI, .type = roi->roi_type, .roi = roi };
        region.id = roi_id (roi, &region.tracked);
        if (region_choice_means (search->choice, g_quark_to_string (roi->roi_type)))
            take (search, &region, &claim);
    }
}

/* ---- detections ------------------------------------------------------------------------------------------------ */

#ifdef HAVE_ANALYTICS

static guint64 tracking_id (GstAnalyticsRelationMeta *meta, guint detection)
{
    GstAnalyticsTrackingMtd tracking;
    gpointer state = NULL;
    guint64 id = REGION_NO_ID;
    GstClockTime first, last;
    gboolean lost;
    if (gst_analytics_relation_meta_get_direct_related (meta, detection, GST_ANALYTICS_REL_TYPE_ANY,
                                                        gst_analytics_tracking_mtd_get_mtd_type (), &state, &tracking))
        gst_analytics_tracking_mtd_get_info (&tracking, &id, &first, &last, &lost);
    return id;
}

static void find_detections (struct search *search, GstBuffer *buffer)
{
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (buffer);
    gpointer state = NULL;
    GstAnalyticsODMtd detection;
    while (meta &&
           gst_analytics_relation_meta_iterate (meta, &state, gst_analytics_od_mtd_get_mtd_type (), &detection)) {
        gint x, y, width, height;
        gfloat confidence;
        GQuark type = gst_analytics_od_mtd_get_obj_type (&detection);
        if (!region_choice_means (search->choice, g_quark_to_string (type)) ||
            !gst_analytics_od_mtd_get_location (&detection, &x, &y, &width, &height, &confidence))
            continue;
        const struct claim claim = { x, y, width, height };
        struct region region = {
            .source = REGIONS_DETECTIONS,
            .type = type,
            .id = REGION_NO_ID,
            .mtd = detection.id,
        };
        if (search->found->len < REGIONS_MOST) /* to look for it takes as long as there are metas */
            region.id = tracking_id (meta, detection.id);
        region.tracked = region.id != REGION_NO_ID;
        take (search, &region, &claim);
    }
}

#else

static void find_detections (struct search *search, GstBuffer *buffer)
{
}

#endif

/* ---- public ---------------------------------------------------------------------------------------------------- */

guint region_find (GArray *found, GstBuffer *buffer, struct rectangle picture, const struct region_choice *choice)
{
    struct search search = { .found = found, .picture = picture, .choice = choice };
    g_array_set_size (found, 0);
    if (choice->source == REGIONS_ROI)
        find_rois (&search, buffer);
    else if (choice->source == REGIONS_DETECTIONS)
        find_detections (&search, buffer);
    return search.skipped;
}

double region_overlap (const struct rectangle *a, const struct rectangle *b)
{
    struct claim both = { a->x, a->y, a->width, a->height };
    cut (&both.x, &both.width, b->x, b->width);
    cut (&both.y, &both.height, b->y, b->height);
    double shared = (double)both.width * (double)both.height;
    double all = (double)a->width * a->height + (double)b->width * b->height - shared;
    return all > 0 ? shared / all : 0;
}
