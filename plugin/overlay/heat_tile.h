/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* heat_tile.h: a coarse map as smooth heat over the picture, in a tile. No state: any thread. */
#ifndef CONVRELU_HEAT_TILE_H
#define CONVRELU_HEAT_TILE_H

#include "plugin/overlay/map_tile.h"
#include "plugin/overlay/overlay.h"
#include "plugin/overlay/pen.h"

struct heat_tile {
    const struct overlay_frame *frame;
    int tensor;                    /* of the graph, whose map it is: where its cells lie in the picture */
    const struct palette *palette; /* palette_make_heat */
    const guint32 *picture;        /* 0xRRGGBB, [tile height][tile width] */
};

/* What is not above zero is the picture alone. Returns the value of the most heat: tile->most, or where that is 0 the
 * map's largest. */
float heat_tile_draw (const struct heat_tile *heat, const struct map *map, const struct tile *tile,
                      const struct pen *pen);

#endif
