/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* maps.h: tensors -> pixels: colour maps, tiles, the choice of channels, and what share of a tensor is zero.
 *
 * Pixels are GStreamer's overlay format: premultiplied 0xAARRGGBB words in the machine's byte order. */
#ifndef CONVRELU_MAPS_H
#define CONVRELU_MAPS_H

#include <glib.h>

#include "engine/engine.h"
#include "plugin/overlay/properties.h"

struct canvas {
    guint32 *pixels;           /* [height][stride] */
    int width, height, stride; /* stride in pixels */
};

guint32 premultiplied (guint32 rgb, double alpha);                                                  /* 0xRRGGBB, 0..1 */
void canvas_fill (const struct canvas *canvas, int x, int y, int width, int height, guint32 pixel); /* clipped */

/* Colours of 256 values, opaque times `opacity`. Unsigned: 0 is zero, 255 the most. Diverging: 128 is zero, 1 and 255 are
 * the same distance below and above. */
struct palette {
    guint32 pixel[256];
    gboolean diverging;
};
void palette_make (struct palette *palette, enum colormap colormap, double opacity);
/* For heat over a picture: nothing at 0, denser and hotter towards 255. Not premultiplied: GStreamer forgets that a
 * rectangle is premultiplied when it scales it before blending (seen in 1.22). `legend`: the same over grey, opaque
 * unless the opacity is 0. */
void palette_make_heat (struct palette *palette, double opacity, gboolean legend);
void palette_strip (const struct palette *palette, const struct canvas *canvas, int x, int y, int width, int height);

/* One map [height][width] as a tile. Larger maps are averaged down, smaller ones keep their pixels visible. The most is the
 * 99.5th percentile of the (absolute) values, so that one hot pixel does not darken the rest; NaN is shown as zero. */
struct tile {
    int x, y, width, height; /* on the canvas, inside it */
    float most;              /* 0: its own; else this */
};
/* Returns the value that gets the last colour. `scratch` grows as needed and is kept by the caller between calls. */
float tile_draw (const float *map, int height, int width, const struct palette *palette, const struct tile *tile,
                 const struct canvas *canvas, GArray *scratch);

/* A smooth picture of a coarse map [height][width] (values / most, cut at 0 and 1) in the palette: bicubic. The part
 * from (left, top), across x down, in map pixels, fills the canvas. */
void heat_draw (const float *map, int height, int width, float most, const double part[4],
                const struct palette *palette, const struct canvas *canvas);

/* What a layer does over time. */
struct layer_watch {
    int channels;
    int frames;      /* looked at */
    float *strength; /* [channels] smoothed mean absolute value */
    guint8 *fired;   /* [channels] any value above zero since the watch began */
    int *shown;      /* [shown_count] channels in their places on screen */
    int shown_count;
    enum channel_select select; /* how these were chosen */
    float not_above;            /* share of the values of this frame that are zero or below */
    float exactly_zero;         /* share that is zero */
    int silent;                 /* channels without a value above zero since the watch began */
};
void layer_watch_look (struct layer_watch *watch, const struct tensor *tensor); /* one more frame */
void layer_watch_choose (struct layer_watch *watch, int count, enum channel_select select);
void layer_watch_clear (struct layer_watch *watch);

#endif
