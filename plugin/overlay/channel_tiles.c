/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_tiles.c: maps in the colours of a palette, or as heat over the picture; see channel_tiles.h. */
#include "plugin/overlay/channel_tiles.h"

#include <math.h>

#include "plugin/overlay/heat_tile.h"
#include "plugin/overlay/seen_picture.h"

enum {
    COLOUR_GRID = 0x8d99a6, /* 0xRRGGBB; neither an end nor the zero of a colour map */
    NUMBER_LINES = 4,       /* heights of a small line: a tile less high or wide has no number */
};

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

void channel_tiles_draw (const struct pen *pen, const struct mosaic *mosaic, const struct channel_tiles *tiles,
                         GArray *scratch)
{
    const struct tensor *tensor = tiles->tensor;
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width;
    int gap = mosaic->gap, border = MIN (gap, pen->layout->pad);
    guint8 *picture = tiles->heat ? seen_darkened (tiles->frame, mosaic->tile_width, mosaic->tile_height) : NULL;
    struct heat_tile heat = { .frame = tiles->frame, .palette = tiles->heat, .picture = picture };
    if (tiles->heat)
        heat.tensor = tiles->frame->network->class_map->map;
    for (int i = 0; i < tiles->count; i++) {
        int channel = tiles->stats->shown[i];
        const struct map map = { tensor->data + (gsize)channel * pixels, tensor->height, tensor->width };
        struct tile tile = {
            .x = mosaic->left + i % mosaic->columns * (mosaic->tile_width + gap),
            .y = mosaic->top + i / mosaic->columns * (mosaic->tile_height + gap),
            .width = mosaic->tile_width,
            .height = mosaic->tile_height,
            .most = tiles->most[i],
        };
        /* A frame round each; those of neighbours coincide. */
        canvas_fill (pen->canvas, tile.x - border, tile.y - border, tile.width + 2 * border, tile.height + 2 * border,
                     premultiplied (COLOUR_GRID, pen->opacity));
        tiles->most[i] = tiles->heat ? heat_tile_draw (&heat, &map, &tile, pen)
                                     : tile_draw (&map, tiles->palette, &tile, pen->canvas, scratch);
        write_number (pen, tiles, channel, &tile);
    }
    g_free (picture);
}
