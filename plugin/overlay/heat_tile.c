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

float heat_tile_draw (const struct heat_tile *heat, const struct map *map, const struct tile *tile,
                      const struct pen *pen)
{
    const struct input_spec *input = model_input (heat->frame->network->model);
    const struct rectangle all = { 0, 0, input->width, input->height };
    double part[4];
    float most = tile->most > 0 ? tile->most : largest (map);
    smooth_map_part (heat->frame->network, heat->tensor, &all, part);
    guint8 *hot = smooth_map_new (map, part, most > 0 ? 255 / (double)most : 0, tile->width, tile->height);
    guint32 alpha = premultiplied (0, pen->opacity) >> 24;
    for (int y = 0; y < tile->height; y++) {
        guint32 *out = pen->canvas->pixels + (tile->y + y) * pen->canvas->stride + tile->x;
        for (int x = 0; x < tile->width; x++) {
            guint32 rgb = heat->palette->pixel[hot[y * tile->width + x]];
            guint32 under = heat->picture[y * tile->width + x], by = MIN ((rgb >> 24) * 3 / 2, 255),
                    pixel = alpha << 24;
            for (int shift = 0; shift < 24; shift += 8) {
                guint32 mixed = ((under >> shift & 255) * (255 - by) + (rgb >> shift & 255) * by) / 255;
                pixel |= (mixed * alpha + 127) / 255 << shift;
            }
            out[x] = pixel;
        }
    }
    g_free (hot);
    return most;
}
