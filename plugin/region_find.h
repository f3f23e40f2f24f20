/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_find.h: which regions other elements have marked on a frame.
 *
 *   GstVideoRegionOfInterestMeta | GstAnalyticsODMtd -> struct region, its box cut to the picture
 *
 * What the metas say is not trusted: numbers of any size, in any place. Any thread that may read the buffer. */
#ifndef CONVRELU_REGION_FIND_H
#define CONVRELU_REGION_FIND_H

#include <gst/video/video.h>

#include "plugin/frame.h"
#include "plugin/region_choice.h"

enum { REGIONS_MOST = 256 }; /* of one frame; the others are skipped */

#define REGION_NO_ID G_MAXUINT64

struct region {
    enum region_source source;
    struct rectangle box;              /* inside the picture, pixels of the frame */
    GQuark type;                       /* 0: none */
    guint64 id;                        /* of a tracker or of the meta; or REGION_NO_ID */
    gboolean tracked;                  /* it is a tracker's: who has another one is another */
    GstVideoRegionOfInterestMeta *roi; /* REGIONS_ROI: of the buffer; NULL in what is remembered */
    guint mtd;                         /* REGIONS_DETECTIONS: number in the buffer's GstAnalyticsRelationMeta */
    int entry;                         /* in what is remembered (region_match), or -1 */
};

/* Puts those that are meant into `found` (of struct region), which is emptied first, in the buffer's order. Returns how
 * many were passed over: without width or height, outside `picture` (frame_picture), smaller than region-min-size or
 * beyond REGIONS_MOST. A position below zero, also one that was put into an unsigned number, is left of or above the
 * frame; a size of 2^31 or more is none. */
guint region_find (GArray *found, GstBuffer *buffer, struct rectangle picture, const struct region_choice *choice);

/* How much of what either covers both do, 0..1. */
double region_overlap (const struct rectangle *a, const struct rectangle *b);

#endif
