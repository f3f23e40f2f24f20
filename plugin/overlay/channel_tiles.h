/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_tiles.h: the grid of a mosaic: a tile for each chosen channel, with its number where there is room. */
#ifndef CONVRELU_CHANNEL_TILES_H
#define CONVRELU_CHANNEL_TILES_H

#include "plugin/overlay/layer_stats.h"
#include "plugin/overlay/map_tile.h"
#include "plugin/overlay/overlay.h"
#include "plugin/overlay/pen.h"

struct channel_tiles {
    const struct tensor *tensor;
    const struct layer_stats *stats; /* whose `shown` says which channels */
    int count;                       /* of tiles */
    const struct palette *palette;
    gboolean dead;              /* a channel that was never active is grey: zero is all there is of it */
    float *most;                /* [count] in: the value of the last colour, 0: the map's own; out: what was used */
    const struct palette *heat; /* not NULL: smooth over the darkened picture, with what each adds to the class */
    const struct overlay_frame *frame; /* for `heat` */
};

/* Where the n-th tile lies in the panel. */
struct tile channel_tiles_place (const struct mosaic *mosaic, int n);

/* `scratch` as for tile_draw. */
void channel_tiles_draw (const struct pen *pen, const struct mosaic *mosaic, const struct channel_tiles *tiles,
                         GArray *scratch);

#endif
