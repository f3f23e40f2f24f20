/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* heat_tile.c: heat mixed into a picture, pixel by pixel; see heat_tile.h. */
#include "plugin/overlay/heat_tile.h"

#include "plugin/overlay/smooth_map.h"

static float largest (const struct map *map)
{
    float most = 0;
    for (int i = 0; i < map->height * map->width; i++)
        most = MAX (most, map->values[i]);
    return most;
}

/* 0xRRGGBB, each colour times share / 255, a little less: red and blue in one go. */
static guint32 shares_of (guint32 rgb, guint32 share)
{
    share += share >> 7; /* of 256 */
    return ((rgb & 0xff00ff) * share >> 8 & 0xff00ff) | ((rgb & 0xff00) * share >> 8 & 0xff00);
}

float heat_tile_draw (const struct heat_tile *heat, const struct map *map, const struct tile *tile,
                      const struct pen *pen)
{
    const struct input_spec *input = model_input (heat->frame->network->model);
    const struct rectangle all = { 0, 0, input->width, input->height };
    double part[4];
    float most = tile->most > 0 ? tile->most : largest (map);
    smooth_map_part (heat->frame->network, heat->tensor, &all, part);
    guint8 *hot = smooth_map_new (map, part, most > 0 ? 255 / (double)most : 0, tile->width, tile->height);
    guint32 alpha = premultiplied (0, pen->opacity) >> 24, own[256], rest[256]; /* of heat's colour, of the picture */
    for (int i = 0; i < 256; i++) {
        guint32 rgb = heat->palette->pixel[i], by = MIN ((rgb >> 24) * 3 / 2, 255);
        own[i] = alpha << 24 | shares_of (shares_of (rgb, by), alpha);
        rest[i] = (255 - by) * alpha / 255;
    }
    for (int y = 0; y < tile->height; y++) {
        guint32 *out = pen->canvas->pixels + (tile->y + y) * pen->canvas->stride + tile->x;
        const guint32 *picture = heat->picture + y * tile->width;
        const guint8 *in = hot + y * tile->width;
        for (int x = 0; x < tile->width; x++)
            out[x] = own[in[x]] + shares_of (picture[x], rest[in[x]]);
    }
    g_free (hot);
    return most;
}
