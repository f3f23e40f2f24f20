/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* regions.h: the network over the regions of a frame, one after the other (regions=roi and detections).
 *
 *   regions_find (i, &sight)          which are there, and which of them is it time for?
 *   regions_run (i, &sight, until)    the network over those
 *   ... what is told of them: region_results.h, overlay/region_labels.c
 *
 * max-rate, cpu-limit, still-threshold, inference-interval and deadline are asked once for a frame (gates.h, pace.h),
 * with all its regions as one run. Belongs to whoever has the inference; locks as inference.h. */
#ifndef CONVRELU_REGIONS_H
#define CONVRELU_REGIONS_H

#include "plugin/inference.h"
#include "plugin/region_memory.h"

struct regions {
    GArray *found;  /* struct region: of the last frame, with their entries */
    GArray *memory; /* struct remembered */
    GArray *due;    /* guint: of found, in the order in which they are to be run on */
    guint64 run;    /* the last frame that the network ran on; 0: none */
    guint64 turns;  /* regions that the network ran on */
    gboolean fresh; /* it is the last frame */
};

struct regions *regions_new (void);
void regions_free (struct regions *regions);
void regions_forget (struct regions *regions); /* another stream, place, network or source of regions */

/* Whether the properties ask for regions, as far as the inference has followed them. */
gboolean regions_wanted (const struct inference *inference);

/* Looks for the regions of the next frame. FALSE: there is none that the network is to run on. */
gboolean regions_find (struct inference *inference, const struct sight *sight);
/* Whether one of those has no result yet, or none of where it is now. */
gboolean regions_unsettled (const struct inference *inference);
/* Runs the network on them: all (`until` NONE), or as many as will be done by the time `until` of the monotonic clock
 * (gst_util_get_timestamp), but on one at least. FALSE: an error was posted. */
gboolean regions_run (struct inference *inference, const struct sight *sight, GstClockTime until);

#endif
