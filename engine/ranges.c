/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranges.c: the least and the largest number of each tensor of a graph. */
#include "engine/ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct extent {
    float low, high; /* low <= 0 <= high */
    bool known;
};

struct ranges {
    int tensors, known;
    struct extent of[]; /* [tensors] */
};

static struct ranges *make (int tensors)
{
    struct ranges *ranges = calloc (1, sizeof *ranges + (size_t)tensors * sizeof ranges->of[0]);
    if (ranges)
        ranges->tensors = tensors;
    return ranges;
}

struct ranges *ranges_new (const struct graph *g)
{
    return make (graph_tensors (g));
}

struct ranges *ranges_copy (const struct ranges *ranges)
{
    struct ranges *copy = make (ranges->tensors);
    if (copy)
        memcpy (copy, ranges, sizeof *ranges + (size_t)ranges->tensors * sizeof ranges->of[0]);
    return copy;
}

void ranges_free (struct ranges *ranges)
{
    free (ranges);
}

int ranges_tensors (const struct ranges *ranges)
{
    return ranges->tensors;
}

int ranges_known (const struct ranges *ranges)
{
    return ranges->known;
}

bool ranges_get (const struct ranges *ranges, int id, float *low, float *high)
{
    *low = *high = 0;
    if (id < 0 || id >= ranges->tensors || !ranges->of[id].known)
        return false;
    *low = ranges->of[id].low;
    *high = ranges->of[id].high;
    return true;
}

bool ranges_set (struct ranges *ranges, int id, float low, float high)
{
    if (id < 0 || id >= ranges->tensors || !isfinite (low) || !isfinite (high) || low > high)
        return false;
    struct extent *extent = &ranges->of[id];
    ranges->known += !extent->known;
    *extent = (struct extent) { low < 0 ? low : 0, high > 0 ? high : 0, true };
    return true;
}

bool ranges_widen (struct ranges *ranges, int id, float low, float high)
{
    float least, most; /* 0, which every range holds, where there is none yet */
    ranges_get (ranges, id, &least, &most);
    if (!isfinite (low) || !isfinite (high) || low > high)
        return false;
    return ranges_set (ranges, id, low < least ? low : least, high > most ? high : most);
}
