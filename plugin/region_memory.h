/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* region_memory.h: what the network said of regions, kept until it has seen them again.
 *
 *   regions of a frame --region_match--> entry of each, or -1
 *
 * A region is the one of an earlier frame that has its source, type and id; where no tracker gave either an id, else
 * the one whose box it overlaps by half or more. Not found again, one with a tracker's id is forgotten after 64 frames,
 * another after 8.
 * A memory belongs to one thread; a copy may be another's. */
#ifndef CONVRELU_REGION_MEMORY_H
#define CONVRELU_REGION_MEMORY_H

#include "plugin/region_find.h"
#include "plugin/results.h"
#include "plugin/smoothing.h"

/* What came of one run over a region. Immutable; any thread. */
struct region_result {
    gatomicrefcount references;
    struct result result;
    struct rectangle box; /* that was classified */
    guint64 run;          /* of which frame: regions->run, above zero */
    guint64 turn;         /* the how manyth region it was */
    gboolean changed;     /* its best class is another than that of the result before, if there was any */
};

struct region_result *region_result_ref (struct region_result *result); /* NULL is fine, here and below */
void region_result_unref (struct region_result *result);

struct remembered {
    struct region region;         /* as it was found last; roi NULL */
    struct region_result *result; /* the newest, or NULL */
    struct smoothing *smoothing;  /* of its scores, or NULL; never in a copy */
    guint since;                  /* frames that it was found on since its last run */
    guint missed;                 /* frames that it was not found on since it was last */
    gboolean taken;               /* by a region of the frame being matched */
    gboolean untold;              /* the message that its best class has changed was refused by a full bus */
};

GArray *region_memory_new (void); /* of struct remembered, at most REGIONS_MOST; g_array_unref it */
/* The same results and boxes; NULL of NULL. */
GArray *region_memory_copy (const GArray *memory);

/* Fills `entry` of each of `found` (struct region), each with another one of `memory`. Nothing is added. */
void region_match (GArray *found, GArray *memory);
/* The same for the next frame: boxes are taken over, new regions added, those missing for long forgotten. */
void region_memory_follow (GArray *memory, GArray *found);

/* The newest result of a matched region, or NULL. No new reference. */
const struct region_result *region_newest (const struct region *region, const GArray *memory);

#endif
