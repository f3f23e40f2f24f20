/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout.c: frame size and settings -> rectangles; see layout.h.
 *
 * The mosaics share a region of the frame. Every way to stand them in rows is tried with every number of tile columns;
 * the largest tiles win. */
#include "plugin/overlay/layout.h"

#include "plugin/overlay/sum_strip.h"

#include <math.h>
#include <string.h>

/* How the caption of a mosaic may stand: in how many lines, in a panel how many tenths of a small line's height
 * wide, with how many more for each letter of the name, and what that is worth. "sum of both paths: 89 % below 0" is
 * 15 heights long, 11 when it is shrunk (pen.c). */
static const struct form {
    int lines, tenths, letter;
    double worth;
} forms[] = {
    [CAPTION_LINE] = { 1, 260, 5, 1 },   [CAPTION_TWO] = { 2, 110, 2, 1 },    [CAPTION_THREE] = { 3, 72, 1, 0.95 },
    [CAPTION_BRIEF] = { 2, 50, 0, 0.5 }, [CAPTION_NAME] = { 1, 40, 0, 0.42 }, [CAPTION_NONE] = { 0, 0, 0, 0.3 },
};

/* Holes in the last row look like maps that are missing: 8 x 2 and 4 x 4 win over 6 x 3, whose tiles are a third
 * larger. Where the maps are to fill the frame a sixth is enough. */
static const double worth_with_holes = 0.7, worth_with_holes_full = 0.85;

/* Half the maps in the same room have sides 1.41 times as long: not worth it at 2^0.75 = 1.68. */
static const double maps_against_size = 0.75;

/* ---- where the mosaics may stand ------------------------------------------------------------------------------- */

/* Height of the legend and the gap above it, where the room is large enough for one. */
static int legend_room (const struct layout *layout)
{
    enum { LEAST = 20 }; /* small lines of height: with fewer the maps need them all */
    return layout->bottom < LEAST * layout->small_line ? 0 : layout->small_line + layout->pad + layout->margin / 2;
}

static struct rectangle mosaics_region (const struct layout *layout, int width, int height,
                                        const struct appearance *appearance)
{
    int m = layout->margin, end = layout->bottom - m - legend_room (layout);
    struct rectangle region = { m, m, width - 2 * m, end - m };
    int across = width;
    gboolean pairs = appearance->stage == STAGE_BOTH; /* side by side, so that they can be compared */
    switch (appearance->placement) {
    case PLACEMENT_INSET:
        across = MIN (width * 40 / 100, height * (pairs ? 80 : 54) / 100); /* most of the picture stays free */
        break;
    case PLACEMENT_RIGHT:
        across = pairs ? MIN (width * 64 / 100, height) : MIN (width / 2, height * 80 / 100);
        break;
    case PLACEMENT_BOTTOM:
        region.y = MIN (height, layout->bottom + m) / 2;
        region.height = end - region.y;
        break;
    case PLACEMENT_FULL:
        if (appearance->overlay &
            ~(guint)(OVERLAY_FEATURE_MAPS | OVERLAY_HELP)) /* what else there is needs the text column */
            across = width - width * layout->text_percent / 100;
        break;
    }
    if (appearance->placement != PLACEMENT_BOTTOM) {
        region.x = width - across + (across < width ? 0 : m);
        region.width = width - m - region.x;
    }
    return region;
}

/* What the mosaics leave of the left side. */
static struct rectangle text_column (const struct layout *layout, int width, int height,
                                     const struct appearance *appearance, gboolean mosaics)
{
    int m = layout->margin, right = width, bottom = layout->bottom;
    if (mosaics) {
        struct rectangle region = mosaics_region (layout, width, height, appearance);
        if (appearance->placement == PLACEMENT_BOTTOM)
            bottom = region.y;
        else
            right = region.x;
    }
    return (struct rectangle) { m, m, MIN (right - 2 * m, 20 * layout->label_line), bottom - 2 * m };
}

/* ---- one mosaic ------------------------------------------------------------------------------------------------ */

/* A sixteenth of the tile keeps neighbours apart at any size; one pixel would not. */
static int gap_of (const struct layout *layout, int tile)
{
    return CLAMP (tile / 16, 2, MAX (layout->pad, 2));
}

/* Width and height there are, pixels. */
struct room {
    int width, height;
};

/* `columns` of tiles for `count` maps below the caption. Returns the side of a tile. */
static int fit_columns (const struct layout *layout, double aspect, int count, int columns, struct room room,
                        struct mosaic *mosaic)
{
    int rows = (count + columns - 1) / columns, side = 0;
    mosaic->gap = 2;
    for (int again = 0; again < 2; again++) { /* with the least gap, then with the one that goes with the tiles */
        int across = (room.width - (columns - 1) * mosaic->gap) / columns;
        int down = (room.height - (rows - 1) * mosaic->gap) / rows;
        side = MIN (across, (int)(down / aspect));
        mosaic->gap = again ? mosaic->gap : gap_of (layout, side);
    }
    mosaic->count = count;
    mosaic->columns = columns;
    mosaic->tile_width = side;
    mosaic->tile_height = MAX ((int)(side * aspect), 1);
    return side;
}

/* The largest tiles for `count` maps in a panel that fits the room; 0 when there is not enough. The panel's own size
 * goes to mosaic->panel. */
static double fit_mosaic (const struct layout *layout, const struct map_shape *shape, int count, struct room room,
                          enum caption_form which, struct mosaic *mosaic)
{
    const struct form *form = &forms[which];
    double best = 0, aspect = CLAMP ((double)shape->height / shape->width, 1.0 / 3, 3.0);
    int text = form->lines * layout->small_line, pad = layout->pad, top = pad + text + (text ? pad / 2 : 0);
    int wanted = layout->small_line * (form->tenths + form->letter * MIN (shape->letters, 40)) / 10;
    if (room.width < wanted)
        return 0;
    const struct room tiles = { room.width - 2 * pad, room.height - pad - top };
    for (int columns = 1; columns <= count; columns++) {
        struct mosaic trial = { .form = which, .text_lines = form->lines, .top = top };
        int side = fit_columns (layout, aspect, count, columns, tiles, &trial);
        double score = side * (count % columns ? layout->holes : 1.0);
        if (side < 1 || score <= best)
            continue;
        best = score;
        int rows = (count + columns - 1) / columns, grid = columns * (side + trial.gap) - trial.gap;
        trial.panel.width = MIN (MAX (grid + 2 * pad, wanted), room.width);
        trial.left = (trial.panel.width - grid) / 2;
        trial.panel.height = top + rows * (trial.tile_height + trial.gap) - trial.gap + pad;
        *mosaic = trial;
    }
    return best;
}

/* The caption's form and the number of maps, halved as often as need be, with the best of tile size, maps and words.
 * Tiles of fewer than `least` pixels show nothing; where there is no room for others, one of any size. */
static double fit_best (const struct layout *layout, const struct map_shape *shape, int count, struct room room,
                        struct mosaic *mosaic)
{
    int least = MAX (6, layout->small_line * 3 / 4);
    double best = 0;
    mosaic->panel.width = 0;
    if (room.width < 1 || room.height < 1)
        return 0;
    for (guint f = 0; f < G_N_ELEMENTS (forms); f++) {
        for (int n = MIN (count, shape->channels); n >= 1; n /= 2) {
            struct mosaic trial = { .count = 0 };
            double size = fit_mosaic (layout, shape, n, room, (enum caption_form)f, &trial);
            double score = size * pow ((double)n / count, maps_against_size) * forms[f].worth;
            gboolean last = best == 0 && f == CAPTION_NONE && n == 1;
            if (score > best && (size >= least || last)) {
                *mosaic = trial;
                best = score;
            }
            if (size >= layout->small_line * 4 / 3) /* large enough to look at: all the maps that were asked for */
                break;
        }
    }
    return best;
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

/* Fits all mosaics into `across` columns of the region; the smallest tile, or 0. */
static double fit_all (const struct layout *layout, struct rectangle region, const struct map_shapes *shapes,
                       int channels, int across, struct mosaic *mosaic)
{
    int down = (shapes->count + across - 1) / across;
    int width = (region.width - (across - 1) * layout->margin) / across;
    int height = (region.height - (down - 1) * layout->margin) / down;
    double least = 1e9;
    for (int i = 0; i < shapes->count; i++) {
        const struct map_shape *shape = &shapes->shape[i];
        struct room room = { shape->alone && across > 1 ? 2 * width + layout->margin : width, height };
        mosaic[i] = (struct mosaic) { .count = 0 };
        if (shape->channels < 1)
            continue;
        double score = fit_best (layout, shape, channels, room, &mosaic[i]);
        least = MIN (least, score);
    }
    return least;
}

static int tallest_of (const struct layout *layout, int first, int end)
{
    int tallest = 0;
    for (int i = first; i < end; i++)
        tallest = MAX (tallest, layout->mosaic[i].panel.height);
    return tallest;
}

/* How high the rows are together. */
static int height_of_all (const struct layout *layout, int across)
{
    int total = -layout->margin;
    for (int first = 0; first < layout->mosaics; first += across)
        total += tallest_of (layout, first, MIN (first + across, layout->mosaics)) + layout->margin;
    return total;
}

/* Grows the panels until they fill the region; their tiles stay as large, in the middle below the caption. */
static void fill_region (struct layout *layout, struct rectangle region, const struct map_shape *shape)
{
    int across = layout->across;
    int rows = (layout->mosaics + across - 1) / across;
    int more = (region.height - height_of_all (layout, across)) / rows;
    int wide = (region.width - (across - 1) * layout->margin) / across;
    for (int first = 0; first < layout->mosaics; first += across) {
        int end = MIN (first + across, layout->mosaics), high = tallest_of (layout, first, end) + more;
        for (int i = first; i < end; i++) {
            struct mosaic *mosaic = &layout->mosaic[i];
            if (mosaic->panel.width < 1)
                continue;
            int own = shape[i].alone && across > 1 ? 2 * wide + layout->margin : wide;
            mosaic->top += (high - mosaic->panel.height) / 2;
            mosaic->left += (own - mosaic->panel.width) / 2;
            mosaic->panel.height = high;
            mosaic->panel.width = own;
        }
    }
}

/* Moves the mosaics to their places, rows packed together. */
static void place_all (struct layout *layout, struct rectangle region, enum placement placement,
                       const struct map_shape *shape)
{
    int across = layout->across;
    if (placement == PLACEMENT_FULL)
        fill_region (layout, region, shape);
    int total = height_of_all (layout, across), y = region.y;
    if (placement == PLACEMENT_BOTTOM)
        y += region.height - total;
    else if (placement == PLACEMENT_FULL || placement == PLACEMENT_RIGHT)
        y += (region.height - total) / 2;
    for (int first = 0; first < layout->mosaics; first += across) {
        int end = MIN (first + across, layout->mosaics), wide = -layout->margin;
        int tallest = tallest_of (layout, first, end);
        for (int i = first; i < end; i++)
            wide += shape[i].channels > 0 ? layout->mosaic[i].panel.width + layout->margin : 0;
        int x =
            region.x + (region.width - wide) / (placement == PLACEMENT_INSET || placement == PLACEMENT_RIGHT ? 1 : 2);
        for (int i = first; i < end; i++) {
            struct rectangle *panel = &layout->mosaic[i].panel;
            panel->x = x;
            panel->y = y;
            x += shape[i].channels > 0 ? panel->width + layout->margin : 0;
        }
        y += tallest + layout->margin;
    }
}

/* The best number of mosaics side by side, into layout->across and layout->mosaic. Returns what it is worth. */
static double fit_region (struct layout *layout, struct rectangle region, const struct map_shapes *shapes, int channels)
{
    double best = 0;
    struct mosaic trial[MOSAICS_MAX];
    for (int across = 1; across <= shapes->count; across++) {
        if (shapes->pairs && across > 1 && across % 2)
            continue;
        double score = fit_all (layout, region, shapes, channels, across, trial);
        if (shapes->pairs && across == 1)
            score *= 0.5;
        if (score <= best)
            continue;
        best = score;
        layout->across = across;
        memcpy (layout->mosaic, trial, (gsize)shapes->count * sizeof *trial);
    }
    return best;
}

/* Below the lowest mosaic, as wide as all of them or as the words want; right edges in line. */
static void place_legend (struct layout *layout, struct rectangle region)
{
    enum { WANTED = 16 }; /* small lines of width */
    int left = region.x + region.width, right = region.x, bottom = region.y, high = legend_room (layout);
    for (int i = 0; i < layout->mosaics; i++) {
        const struct rectangle *panel = &layout->mosaic[i].panel;
        if (panel->width < 1)
            continue;
        left = MIN (left, panel->x);
        right = MAX (right, panel->x + panel->width);
        bottom = MAX (bottom, panel->y + panel->height);
    }
    left = MAX (MIN (left, right - WANTED * layout->small_line), region.x);
    if (high > 0 && right > left)
        layout->legend =
            (struct rectangle) { left, bottom + layout->margin / 2, right - left, high - layout->margin / 2 };
}

/* Takes the room along the bottom of the frame: the whole network lowest, one number taken apart over it. */
static void keep_bottom (struct layout *layout, int width, int height, const struct appearance *appearance,
                         const struct map_shapes *shapes)
{
    enum { LEAST = 32 }; /* small lines of height: with fewer the whole network is left out */
    int m = layout->margin;
    layout->bottom = height;
    if (appearance->overlay & OVERLAY_NETWORK && height >= LEAST * layout->small_line) {
        struct rectangle strip = { .x = m, .width = width - 2 * m };
        strip.height = 5 * layout->small_line / 2 + 2 * layout->pad;
        strip.y = height - m - strip.height;
        layout->strip = strip;
        layout->bottom = strip.y;
    }
    if (appearance->overlay & OVERLAY_CONVOLUTION) {
        struct rectangle strip = sum_strip_place (layout, shapes->residual, width, layout->bottom);
        layout->bottom = strip.width > 0 ? strip.y : layout->bottom;
    }
}

void layout_make (struct layout *layout, int width, int height, const struct appearance *appearance,
                  const struct map_shapes *shapes)
{
    /* How much of the width the text beside placement=full may have: as little as it is still readable in, if the maps
     * are larger for it. */
    static const int percents[] = { 30, 26, 22 };
    int size = MIN (height, width * 3 / 4), channels = (int)appearance->channels;
    struct layout made = { .label_line = MAX (size / 28, 9), .small_line = MAX (size / 35, 8), .across = 1 };
    made.margin = MAX (made.small_line / 2, 2);
    made.pad = MAX (made.small_line / 3, 2);
    keep_bottom (&made, width, height, appearance, shapes);
    made.text_percent = percents[0];
    made.pairs = shapes->pairs;
    made.holes = appearance->placement == PLACEMENT_FULL ? worth_with_holes_full : worth_with_holes;
    double best = 0;
    *layout = made;
    for (guint i = 0; shapes->count > 0 && i < G_N_ELEMENTS (percents); i++) {
        if (i > 0 && (appearance->placement != PLACEMENT_FULL || width * percents[i] / 100 < 10 * made.label_line))
            break;
        made.text_percent = percents[i];
        double score = fit_region (&made, mosaics_region (&made, width, height, appearance), shapes, channels);
        if (score <= best)
            continue;
        best = score;
        made.mosaics = shapes->count;
        *layout = made;
    }
    layout->left = text_column (layout, width, height, appearance, shapes->count > 0);
    if (best > 0) {
        struct rectangle region = mosaics_region (layout, width, height, appearance);
        place_all (layout, region, appearance->placement, shapes->shape);
        place_legend (layout, region);
    }
}
