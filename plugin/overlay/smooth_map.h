/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* smooth_map.h: a coarse map -> a smooth picture of it, and where it lies in the picture that the network sees. */
#ifndef CONVRELU_SMOOTH_MAP_H
#define CONVRELU_SMOOTH_MAP_H

#include "plugin/overlay/map_tile.h"
#include "plugin/overlay/overlay.h"

/* The part of tensor `id`'s map, height x width, over the rectangle `to` of the network's input, in map pixels: left,
 * top, across, down. A cell lies where its window is centred, which in a network with padding is not the middle of its
 * share of the picture but up to half a cell further left and up. */
void smooth_map_part (const struct network *network, int id, const struct rectangle *to, double part[4]);

/* out [rows][columns]: the part of the map by bicubic (Catmull-Rom) interpolation, all times `scale`, cut to 0..255.
 * g_free it. */
guint8 *smooth_map_new (const struct map *map, const double part[4], double scale, int columns, int rows);

#endif
