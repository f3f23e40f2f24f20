/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* map_tile.h: one channel of a tensor -> a small picture of it. */
#ifndef CONVRELU_MAP_TILE_H
#define CONVRELU_MAP_TILE_H

#include "plugin/overlay/palette.h"

/* A feature map, or a class-activation map. */
struct map {
    const float *values; /* [height][width] */
    int height, width;
};

/* One map as a tile. Larger maps are averaged down, smaller ones keep their pixels visible. The most is the 99.5th
 * percentile of the (absolute) values, so that one hot pixel does not darken the rest; NaN is shown as zero. */
struct tile {
    int x, y, width, height; /* on the canvas, inside it */
    float most;              /* 0: its own; else this */
};
/* Where a tile of the map gets its last colour if nothing else is said; `signs`: of values below zero too. */
float map_most (const struct map *map, gboolean signs);

/* Returns the value that gets the last colour. `scratch` grows as needed and is kept by the caller between calls. */
float tile_draw (const struct map *map, const struct palette *palette, const struct tile *tile,
                 const struct canvas *canvas, GArray *scratch);

#endif
