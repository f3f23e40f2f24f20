/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_tiles.c: maps in the colours of a palette, or as heat over the picture; see channel_tiles.h. */
#include "plugin/overlay/channel_tiles.h"

#include <math.h>

#include "plugin/overlay/seen_picture.h"
#include "plugin/overlay/smooth_map.h"

enum {
    COLOUR_GRID = 0x8d99a6, /* 0xRRGGBB; neither an end nor the zero of a colour map */
    COLOUR_DEAD = 0x3f464e, /* nor is this any colour of a map */
    NUMBER_LINES = 3,       /* heights of a small line: a tile less high or wide has no number */
};

static float largest (const struct map *map)
{
    float most = 0;
    for (int i = 0; i < map->height * map->width; i++)
        most = MAX (most, map->values[i]);
    return most;
}

/* The picture at two fifths of its light, in the size of a tile. g_free it. */
static guint8 *darkened_picture (const struct overlay_frame *frame, int width, int height)
{
    const struct input_spec *input = model_input (frame->network->model);
    guint8 *light = g_malloc ((gsize)width * (gsize)height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            light[y * width + x] = (guint8)(seen_light (frame, (2 * y + 1) * input->height / (2 * height),
                                                        (2 * x + 1) * input->width / (2 * width)) *
                                            2 / 5);
    return light;
}

/* Where the map is large its heat lies over the picture. */
static float draw_over_picture (const struct channel_tiles *tiles, const struct map *map, const struct tile *tile,
                                const guint8 *picture, const struct pen *pen)
{
    const struct network *network = tiles->frame->network;
    const struct input_spec *input = model_input (network->model);
    const struct rectangle all = { 0, 0, input->width, input->height };
    double part[4];
    float most = largest (map);
    smooth_map_part (network, network->class_map->map, &all, part);
    guint8 *heat = smooth_map_new (map, part, most > 0 ? 255 / (double)most : 0, tile->width, tile->height);
    for (int y = 0; y < tile->height; y++) {
        guint32 *out = pen->canvas->pixels + (tile->y + y) * pen->canvas->stride + tile->x;
        for (int x = 0; x < tile->width; x++) {
            guint32 hot = tiles->heat->pixel[heat[y * tile->width + x]], light = picture[y * tile->width + x];
            guint32 by = MIN ((hot >> 24) * 3 / 2, 255), pixel = 0;
            for (int shift = 0; shift < 24; shift += 8)
                pixel |= (light * (255 - by) + (hot >> shift & 255) * by) / 255 << shift;
            out[x] = premultiplied (pixel, pen->opacity);
        }
    }
    g_free (heat);
    return most;
}

/* The channel's number, and what it adds to the class, in the tile's lower left corner. */
static void write_number (const struct pen *pen, const struct channel_tiles *tiles, int channel,
                          const struct tile *tile)
{
    const struct style style = { pen->layout->small_line * 4 / 5, WEIGHT_NORMAL, COLOUR_TEXT };
    char text[64];
    if (MIN (tile->width, tile->height) < NUMBER_LINES * pen->layout->small_line)
        return;
    if (tiles->heat)
        g_snprintf (text, sizeof text, "%d  %s%.2f", channel,
                    layer_stats_contribution (tiles->stats, &tiles->stats->wish, channel) < 0 ? "−" : "+",
                    fabs ((double)layer_stats_contribution (tiles->stats, &tiles->stats->wish, channel)));
    else
        g_snprintf (text, sizeof text, "%d", channel);
    int width = MIN (pen_width (pen, text, style.size, style.weight) + style.size / 2, tile->width);
    int top = tile->y + tile->height - style.size;
    canvas_fill (pen->canvas, tile->x, top, width, style.size, premultiplied (COLOUR_PAPER, pen_text_opacity (pen)));
    pen_write (pen, text, &style, tile->x + style.size / 4, top, width - style.size / 4);
}

struct tile channel_tiles_place (const struct mosaic *mosaic, int n)
{
    return (struct tile) { .x = mosaic->left + n % mosaic->columns * (mosaic->tile_width + mosaic->gap),
                           .y = mosaic->top + n / mosaic->columns * (mosaic->tile_height + mosaic->gap),
                           .width = mosaic->tile_width,
                           .height = mosaic->tile_height };
}

void channel_tiles_draw (const struct pen *pen, const struct mosaic *mosaic, const struct channel_tiles *tiles,
                         GArray *scratch)
{
    const struct tensor *tensor = tiles->tensor;
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width;
    int gap = mosaic->gap, border = MIN (gap, pen->layout->pad);
    guint8 *picture = tiles->heat ? darkened_picture (tiles->frame, mosaic->tile_width, mosaic->tile_height) : NULL;
    for (int i = 0; i < tiles->count; i++) {
        int channel = tiles->stats->shown[i];
        const struct map map = { tensor->data + (gsize)channel * pixels, tensor->height, tensor->width };
        struct tile tile = channel_tiles_place (mosaic, i);
        tile.most = tiles->most[i];
        /* A frame round each; those of neighbours coincide. */
        canvas_fill (pen->canvas, tile.x - border, tile.y - border, tile.width + 2 * border, tile.height + 2 * border,
                     premultiplied (COLOUR_GRID, pen->opacity));
        gboolean dead = tiles->dead && !tiles->stats->ever_positive[channel];
        if (dead)
            canvas_fill (pen->canvas, tile.x, tile.y, tile.width, tile.height,
                         premultiplied (COLOUR_DEAD, pen->opacity));
        else
            tiles->most[i] = tiles->heat ? draw_over_picture (tiles, &map, &tile, picture, pen)
                                         : tile_draw (&map, tiles->palette, &tile, pen->canvas, scratch);
        write_number (pen, tiles, channel, &tile);
    }
    g_free (picture);
}
