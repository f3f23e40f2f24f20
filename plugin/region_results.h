/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_results.h: what an application is told of regions: metadata at each of them, and a message for each.
 *
 * `found` are regions of the carrier's frame, matched with `memory` (region_memory.h). Results of the run `fresh` are
 * of this frame (0: none is). Those without a result yet are passed over. */
#ifndef CONVRELU_REGION_RESULTS_H
#define CONVRELU_REGION_RESULTS_H

#include "plugin/messages.h"
#include "plugin/region_memory.h"

/* Attaches them to the writable buffer that they were found on: to a GstVideoRegionOfInterestMeta as parameters
 * (results.h); to a GstAnalyticsODMtd as a GstAnalyticsClsMtd, which it contains and relates to, and which is part of
 * it. Where no class is above the threshold, neither. And always to the buffer's GstCustomMeta "convrelu", as the
 * structure "result" of the element: element, and regions, a GstValueArray with a structure "region" for each, with the
 * fields of result_put and of its place, and mtd-id. A place is x, y, width, height (int), and region-type (string) and
 * region-id (guint64) where it has them. */
void region_results_attach (const GArray *found, const GArray *memory, guint64 fresh, GstBuffer *buffer,
                            const struct carrier *carrier);

/* Posts a message "convrelu" for each that the settings want one of, with its place. Not with the object lock held. */
void region_results_post (const GArray *found, GArray *memory, guint64 fresh, struct messages *messages,
                          const struct settings *settings, const struct carrier *carrier);

/* The regions of the carrier's buffer, matched; g_array_unref it. */
GArray *region_results_find (GstBuffer *buffer, const struct carrier *carrier, const struct region_choice *choice,
                             GArray *memory);

/* What trigger-classes are to look at: of each class the best score of all of them, 0 where none has it. `together` is
 * of the frame before, or all zero; it stays not valid until there was a region with a result. */
void region_results_together (const GArray *found, const GArray *memory, const struct carrier *carrier,
                              struct result *together);
/* The same of the regions of the frame that was seen last; gives `together`. */
const struct result *region_results_last (const GArray *memory, const struct carrier *carrier, struct result *together);

#endif
