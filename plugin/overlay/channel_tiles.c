/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_tiles.c: maps in the colours of a palette, or as heat over the picture; see channel_tiles.h. */
#include "plugin/overlay/channel_tiles.h"

#include "plugin/overlay/heat_tile.h"
#include "plugin/overlay/seen_picture.h"
#include "plugin/overlay/unit_caption.h"

enum {
    COLOUR_GRID = 0x8d99a6,  /* 0xRRGGBB; neither an end nor the zero of a colour map */
    COLOUR_DEAD = 0x3f464e,  /* nor is this any colour of a map */
    COLOUR_FIRST = 0xffc14d, /* of the channels of two classes */
    COLOUR_SECOND = 0x5cc8ff,
    NUMBER_LINES = 3, /* heights of a small line: a tile less high or wide has no number */
};

/* Whose tile i is, where channels of two classes are shown: its wish, and a colour for its frame. */
static struct channel_wish wish_of (const struct channel_tiles *tiles, int i, guint32 *rgb)
{
    gboolean two = layer_stats_first_half (tiles->stats) < tiles->stats->shown_count;
    gboolean second = i >= layer_stats_first_half (tiles->stats);
    *rgb = !two ? COLOUR_GRID : second ? COLOUR_SECOND : COLOUR_FIRST;
    return second ? channel_wish_other (&tiles->stats->wish) : tiles->stats->wish;
}

/* A line on paper along the top or the foot of the tile. */
static void write_on_tile (const struct pen *pen, const char *text, guint32 rgb, gboolean foot, const struct tile *tile)
{
    const struct style style = { pen->layout->small_line * 4 / 5, WEIGHT_NORMAL, rgb };
    int width = MIN (pen_width (pen, text, style.size, style.weight) + style.size / 2, tile->width);
    int top = foot ? tile->y + tile->height - style.size : tile->y;
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

/* The name alone where there is no room for both. */
static void name_and_number (const struct pen *pen, char *text, gsize size, const char *name, const char *number,
                             int width)
{
    int line = pen->layout->small_line * 4 / 5;
    g_snprintf (text, size, "%s  %s", name, number);
    if (pen_width (pen, text, line, WEIGHT_NORMAL) + line / 2 > width)
        g_strlcpy (text, name, size);
}

/* The channel's number, and what it adds to the class, in the tile's lower left corner. Where maps are classes, their
 * names and means; where there are channels of two classes, the class above the first one of each. */
static void write_number (const struct pen *pen, const struct channel_tiles *tiles, int i, const struct tile *tile)
{
    char text[128], number[32];
    guint32 rgb;
    int channel = tiles->stats->shown[i];
    const struct channel_wish wish = wish_of (tiles, i, &rgb);
    if (MIN (tile->width, tile->height) < NUMBER_LINES * pen->layout->small_line)
        return;
    caption_number (number, sizeof number, (double)layer_stats_contribution (tiles->stats, &wish, channel));
    if (!tiles->heat)
        g_snprintf (text, sizeof text, "%d", channel);
    else if (!wish.weights)
        name_and_number (pen, text, sizeof text, model_short_label (tiles->frame->network->model, channel), number,
                         tile->width);
    else
        g_snprintf (text, sizeof text, "%d  %s", channel, number);
    write_on_tile (pen, text, COLOUR_TEXT, TRUE, tile);
    if (tiles->heat && rgb != COLOUR_GRID && (i == 0 || i == layer_stats_first_half (tiles->stats)))
        write_on_tile (pen, model_short_label (tiles->frame->network->model, wish.class_id), rgb, FALSE, tile);
}

void channel_tiles_draw (const struct pen *pen, const struct mosaic *mosaic, const struct channel_tiles *tiles,
                         GArray *scratch)
{
    const struct tensor *tensor = tiles->tensor;
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width;
    int gap = mosaic->gap, border = MIN (gap, pen->layout->pad);
    guint32 *picture = NULL;
    if (tiles->heat) {
        picture = g_new (guint32, (gsize)mosaic->tile_width * (gsize)mosaic->tile_height);
        seen_darkened (tiles->frame, picture, mosaic->tile_width, mosaic->tile_height);
    }
    struct heat_tile heat = { .frame = tiles->frame, .palette = tiles->heat, .picture = picture };
    if (tiles->heat)
        heat.tensor = tiles->frame->network->class_map->map;
    for (int i = 0; i < tiles->count; i++) {
        int channel = tiles->stats->shown[i];
        const struct map map = { tensor->data + (gsize)channel * pixels, tensor->height, tensor->width };
        struct tile tile = channel_tiles_place (mosaic, i);
        tile.most = tiles->most[i];
        guint32 rgb;
        wish_of (tiles, i, &rgb);
        /* A frame round each; those of neighbours coincide. */
        const struct rectangle frame = { tile.x - border, tile.y - border, tile.width + 2 * border,
                                         tile.height + 2 * border };
        pen_outline (pen, &frame, border, premultiplied (rgb, pen->opacity));
        if (tiles->dead && !tiles->stats->ever_positive[channel])
            canvas_fill (pen->canvas, tile.x, tile.y, tile.width, tile.height,
                         premultiplied (COLOUR_DEAD, pen->opacity));
        else
            tiles->most[i] = tiles->heat ? heat_tile_draw (&heat, &map, &tile, pen)
                                         : tile_draw (&map, tiles->palette, &tile, pen->canvas, scratch);
        write_number (pen, tiles, i, &tile);
    }
    g_free (picture);
}
