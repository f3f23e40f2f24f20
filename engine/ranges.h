/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranges.h: the least and the largest number of each tensor of a graph, as runs over pictures have shown them: what a
 * plan of PRECISION_INT8 spreads its 256 steps over (plan_options.ranges).
 *
 * Tensors are numbered as in engine.h (graph_tensor, graph_find). A range always holds 0, which every zero point stands
 * for exactly. Not locked: one thread writes, or any number read. */
#ifndef CONVRELU_RANGES_H
#define CONVRELU_RANGES_H

#include "engine/engine.h"

struct ranges;

/* One for each tensor that the graph has now, none of them known yet. Keeps nothing of g. NULL: memory is short. */
struct ranges *ranges_new (const struct graph *g);
struct ranges *ranges_copy (const struct ranges *ranges); /* NULL: memory is short */
void ranges_free (struct ranges *ranges);                 /* NULL is fine */

int ranges_tensors (const struct ranges *ranges); /* graph_tensors when it was made */
int ranges_known (const struct ranges *ranges);   /* how many tensors have a range */

/* False, and 0 in both: tensor `id` has no range, or there is no such tensor. */
bool ranges_get (const struct ranges *ranges, int id, float *low, float *high);

/* Says the range of tensor `id`, made to hold 0: [1, 2] becomes [0, 2]. False, and nothing changes: no such tensor, a
 * number that is not finite, or low > high. */
bool ranges_set (struct ranges *ranges, int id, float low, float high);

/* The same, but a range that is there only grows: the union of both. */
bool ranges_widen (struct ranges *ranges, int id, float low, float high);

#endif
