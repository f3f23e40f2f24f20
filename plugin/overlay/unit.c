/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit.c: overlay=unit: one channel of a layer as the detector it is; see panel_kind.h.
 *
 *   +--------------------------------+
 *   | channel 12 of 64, relu_3       |   a box on the frame: what its strongest answer is made from
 *   | [map over     ]  46 % zero     |
 *   | [the darkened ]  [histogram]   |   drawn for every result
 *   | [picture      ]  [over time]   |
 *   +--------------------------------+
 *   | [patch] [patch] [patch]        |   drawn where the list has changed (best_patches.h)
 *   +--------------------------------+
 *
 * What is kept of the stream is of one channel and one size of frame, and begins anew with another and with another
 * network; after a seek the line over time begins anew. Values are scaled by the largest answer so far, so that scales
 * hold still. */
#include <string.h>

#include "engine/receptive_field.h"
#include "plugin/layer_labels.h"
#include "plugin/overlay/best_patches.h"
#include "plugin/overlay/heat_tile.h"
#include "plugin/overlay/panel_kind.h"
#include "plugin/overlay/seen_picture.h"
#include "plugin/overlay/smooth_map.h"
#include "plugin/overlay/unit_caption.h"
#include "plugin/overlay/unit_choice.h"

enum {
    MAIN = SIDES, /* over the box, of which each side is a panel */
    KEPT,
    PANELS,

    HISTORY = 120, /* results in the line over time */
    BINS = 24,     /* of the histogram */
    LEAST_MAP = 4, /* heights of a small line: smaller ones show nothing */
    LEAST_CHART = 7,
    LEAST_PATCH = 2,
    HEAD_LINES = 3,

    COLOUR_ABOVE = 0xff9a5c, /* of answers above zero and below it, as in the diverging colour map */
    COLOUR_BELOW = 0x7ab4ff,
    COLOUR_ZERO = 0x8d99a6, /* and of frames */
    COLOUR_LINE = 0x58c4ff,
    COLOUR_TRACK = 0x2a313b,
};

/* Where everything goes. */
struct unit_layout {
    struct rectangle main, kept; /* in the frame; width 0: no room */
    int map_width, map_height;
    gboolean charts;
    int columns, patch; /* patches side by side, and the side of one; 0: no room */
};

struct unit {
    struct palette heat; /* not premultiplied */
    struct unit_choice choice;
    struct unit_layout places;
    struct unit_facts facts;
    char *layer;          /* its name */
    struct rectangle box; /* on the frame; width 0: none */
    gboolean ready;

    guint serial; /* of the result seen last */
    gboolean seen;

    int channel, width, height; /* that the following is of, and the frame's size */
    guint jumps;                /* that the line over time is of */
    struct best_patches patches;
    struct patch *offer;
    guint32 *picture;       /* [map_height][map_width] of the layout: that the map is drawn over */
    float history[HISTORY]; /* [history_count] the largest answers, the newest last */
    int history_count;
    int bins[BINS]; /* places in this frame whose answer is not zero */
};

/* ---- what there is to show -------------------------------------------------------------------------------------- */

static void start_again (struct unit *unit, const struct drawing *drawing)
{
    const struct overlay_frame *frame = drawing->frame;
    const struct graph *g = model_graph (frame->network->model);
    const struct input_spec *input = model_input (frame->network->model);
    int post = frame->network->watched->layer.post;
    struct tensor_info tensor = graph_tensor (g, post);
    struct field window = { tensor.height / 2, tensor.width / 2, tensor.height / 2, tensor.width / 2 };
    if (!graph_receptive_field (g, post, &window))
        window = (struct field) { 0, 0, input->height - 1, input->width - 1 };
    best_patches_clear (&unit->patches);
    unit->history_count = 0;
    unit->channel = unit->choice.channel;
    unit->width = frame->width;
    unit->height = frame->height;
    g_free (unit->layer);
    unit->layer = layer_label (tensor.name);
    unit->facts = (struct unit_facts) { .layer = unit->layer,
                                        .channel = unit->channel,
                                        .channels = tensor.channels,
                                        .field_height = window.bottom - window.top + 1,
                                        .field_width = window.right - window.left + 1,
                                        .picture_height = input->height,
                                        .picture_width = input->width };
}

static struct map map_of (const struct unit *unit, const struct tensor *after)
{
    const float *values = after->data + (gsize)unit->choice.channel * (gsize)after->height * (gsize)after->width;
    return (struct map) { values, after->height, after->width };
}

static void count_values (struct unit *unit, const struct map *map)
{
    struct unit_facts *facts = &unit->facts;
    int zero = 0, below = 0, all = map->height * map->width;
    memset (unit->bins, 0, sizeof unit->bins);
    for (int i = 0; i < all; i++) {
        zero += map->values[i] == 0;
        below += map->values[i] < 0;
    }
    facts->sign = facts->sign || below > 0;
    facts->zero = (float)(facts->sign ? below : zero) / (float)all;
    for (int i = 0; i < all && facts->most > 0; i++) {
        float at = unit_value (map->values[i]) / facts->most; /* -1..1 */
        at = facts->sign ? (at + 1) / 2 : at;
        if (map->values[i] != 0)
            unit->bins[(int)(CLAMP (at, 0, 1) * (BINS - 1) + 0.5f)]++;
    }
}

/* The part of the picture round pixel (y, x) of the map, as far as it goes, and in it the window that the answer is
 * made from, or where that is larger than the part its middle. */
static void cut_patch (const struct unit *unit, const struct overlay_frame *frame, int y, int x, struct patch *patch)
{
    const struct unit_facts *facts = &unit->facts;
    const struct rectangle all = { 0, 0, facts->picture_width, facts->picture_height };
    int least = MIN (all.width, all.height), field = MAX (facts->field_width, facts->field_height);
    int side = MAX (field, least / 8); /* a window of some pixels alone cannot be recognised */
    side += (side - field) % 2;        /* as much on either side */
    double part[4];
    smooth_map_part (frame->network, frame->network->watched->layer.post, &all, part);
    double step = all.width / part[2], across = (x + 0.5 - part[0]) * step;
    double down = (y + 0.5 - part[1]) * all.height / part[3];
    struct rectangle from = all;
    if (side <= least * 3 / 4)
        from = (struct rectangle) { CLAMP ((int)across - side / 2, 0, all.width - side),
                                    CLAMP ((int)down - side / 2, 0, all.height - side), side, side };
    double marked = side > field || field < least * 3 / 4 ? field : step;
    patch->mark[0] = (across - marked / 2 - from.x) / from.width;
    patch->mark[1] = (down - marked / 2 - from.y) / from.height;
    patch->mark[2] = patch->mark[0] + marked / from.width;
    patch->mark[3] = patch->mark[1] + marked / from.height;
    patch->side = CLAMP (MIN (from.width, from.height), 1, PATCH_SIDE);
    seen_colours (frame, &from, patch->rgb, patch->side, patch->side);
}

/* One more result. */
static void look (struct unit *unit, const struct overlay_frame *frame, const struct map *map)
{
    int best = unit->choice.strongest;
    float value = MAX (unit_value (map->values[best]), 0);
    unit->facts.most = MAX (unit->facts.most, value);
    if (unit->history_count == HISTORY)
        memmove (unit->history, unit->history + 1, (HISTORY - 1) * sizeof *unit->history);
    else
        unit->history_count++;
    unit->history[unit->history_count - 1] = value;
    if (best_patches_wants (&unit->patches, value)) {
        if (!unit->offer)
            unit->offer = g_new0 (struct patch, 1);
        unit->offer->value = value;
        cut_patch (unit, frame, best / map->width, best % map->width, unit->offer);
        best_patches_add (&unit->patches, unit->offer);
    }
}

/* ---- where everything goes -------------------------------------------------------------------------------------- */

/* At the right edge, or where maps stand there in the text column; above the strip of overlay=convolution. */
static struct rectangle region_of (const struct drawing *drawing)
{
    const struct overlay_frame *frame = drawing->frame;
    const struct appearance *appearance = frame->appearance;
    const struct layout *layout = &drawing->layout;
    int m = layout->margin, width = frame->width, height = frame->height;
    int across = appearance->placement == PLACEMENT_INSET ? MIN (width * 40 / 100, height * 54 / 100)
                                                          : MIN (width / 2, height * 80 / 100);
    struct rectangle region = { width - across, m, across - m, height - 2 * m };
    if (appearance->overlay & OVERLAY_FEATURE_MAPS) {
        region = layout->left;
        region.width = MIN (region.width, across);
        region.y += drawing->taken_above;
        region.height -= drawing->taken_above + drawing->taken_below;
        return region;
    }
    if (appearance->placement == PLACEMENT_BOTTOM)
        region = (struct rectangle) { m, height / 2, width - 2 * m, height / 2 - m };
    region.height -= drawing->strip;
    return region;
}

/* The rows of patches that make them largest in so much room. */
static void fit_patches (struct unit_layout *places, const struct layout *layout, int width, int height)
{
    static const int columns[] = { 3, 5, PATCHES };
    int pad = layout->pad, line = layout->small_line;
    places->patch = 0;
    for (guint i = 0; i < G_N_ELEMENTS (columns); i++) {
        int rows = (PATCHES + columns[i] - 1) / columns[i];
        int across = (width - 2 * pad - (columns[i] - 1) * pad) / columns[i];
        int side = MIN (across, (height - 3 * pad - line) / rows - line - pad);
        if (side > places->patch) {
            places->patch = side;
            places->columns = columns[i];
        }
    }
    if (places->patch < LEAST_PATCH * line)
        places->patch = 0;
}

static int kept_height (const struct unit_layout *places, const struct layout *layout)
{
    int rows = (PATCHES + places->columns - 1) / places->columns;
    return 2 * layout->pad + layout->small_line + rows * (places->patch + layout->small_line + layout->pad);
}

static void place_all (struct unit *unit, const struct drawing *drawing)
{
    const struct layout *layout = &drawing->layout;
    struct unit_layout *places = &unit->places;
    const struct rectangle region = region_of (drawing);
    double aspect = CLAMP ((double)unit->facts.picture_height / unit->facts.picture_width, 1.0 / 3, 1.0);
    int pad = layout->pad, line = layout->small_line, text = (HEAD_LINES + 1) * line + 3 * pad;
    gboolean beside = region.width > region.height * 5 / 4; /* patches beside the rest, not below */
    *places = (struct unit_layout) { .main = region };
    places->main.width = beside ? (region.width - layout->margin) / 2 : region.width;
    int width = places->main.width - 2 * pad;
    places->map_width = width * 52 / 100;
    places->charts = width - places->map_width - pad >= LEAST_CHART * line;
    if (!places->charts)
        places->map_width = width;
    int most = (int)((region.height - text) * (beside ? 1 : 0.45) / aspect);
    places->map_width = MIN (places->map_width, most);
    places->map_height = (int)(places->map_width * aspect);
    places->main.height = text + places->map_height;
    if (MIN (places->map_width, places->map_height) < LEAST_MAP * line) {
        places->main.width = 0;
        return;
    }
    places->kept = places->main;
    if (beside) {
        places->kept.x = region.x + region.width - places->main.width;
        places->kept.height = region.height;
    } else {
        places->kept.y += places->main.height;
        places->kept.height = region.height - places->main.height;
    }
    fit_patches (places, layout, places->kept.width, places->kept.height);
    places->kept.height = places->patch > 0 ? kept_height (places, layout) : 0;
    if (beside)
        places->main.height = MAX (places->main.height, places->kept.height);
}

static void begin (struct drawing *drawing, void *state)
{
    struct unit *unit = state;
    const struct overlay_frame *frame = drawing->frame;
    const struct network *network = frame->network;
    unit->ready = network->watched != NULL;
    if (!unit->ready)
        return;
    if (drawing->changed)
        palette_make_heat (&unit->heat, 1, FALSE);
    const struct tensor *after = plan_tap (network->plan, network->after_tap);
    struct unit_words words = unit_words_read (frame->appearance->unit);
    words.y = words.x = -1;
    words.walk = FALSE;
    gboolean fresh = !unit->seen || unit->serial != frame->result->serial;
    unit->serial = frame->result->serial;
    unit_choice_make (&unit->choice, after, &words, fresh);
    if (!unit->seen || unit->channel != unit->choice.channel || unit->width != frame->width ||
        unit->height != frame->height) {
        start_again (unit, drawing);
        fresh = TRUE;
    }
    if (unit->jumps != drawing->jumps)
        unit->history_count = 0;
    unit->jumps = drawing->jumps;
    unit->seen = TRUE;
    const struct map map = map_of (unit, after);
    if (fresh)
        look (unit, frame, &map);
    count_values (unit, &map);
    unit->facts.strongest = unit_value (map.values[unit->choice.y * map.width + unit->choice.x]);
    unit->box = (struct rectangle) { .width = 0 };
    gboolean boxed =
        frame->appearance->overlay & OVERLAY_CONVOLUTION && network->before_tap >= 0; /* by convolution.c */
    if (unit->facts.strongest > 0 && !boxed)
        unit->box = unit_field (frame, network->watched->layer.post, unit->choice.y, unit->choice.x);
    unit->facts.box = unit->box.width > 0;
    place_all (unit, drawing);
    if (drawing->changed)
        unit->picture = g_renew (guint32, unit->picture,
                                 (gsize)MAX (unit->places.map_width, 1) * (gsize)MAX (unit->places.map_height, 1));
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct unit *unit = state;
    if (!unit->ready)
        return FALSE;
    if (i == MAIN) {
        content->at = unit->places.main;
        return content->at.width > 0;
    }
    if (i == KEPT) {
        content->at = unit->places.kept;
        content->text = g_strdup_printf ("%u", unit->patches.changes);
        return content->at.width > 0 && content->at.height > 0;
    }
    if (unit->box.width < 1)
        return FALSE;
    unit_box_side (drawing->frame, &drawing->layout, &unit->box, (enum side)i, content);
    return TRUE;
}

/* ---- drawing ---------------------------------------------------------------------------------------------------- */

/* A line of text. */
struct words {
    const char *text;
    enum weight weight;
    guint32 rgb;
};

/* The size that all of them fit in. */
static int common_size (const struct pen *pen, const struct words *words, int count, int width)
{
    int size = pen->layout->small_line;
    for (int i = 0; i < count; i++)
        size = MIN (size, pen_shrunk (pen, words[i].text, pen->layout->small_line, words[i].weight, width));
    return size;
}

/* What is too long ends before its comma or semicolon. */
static void write_words (const struct pen *pen, const struct words *words, int size, const struct rectangle *at)
{
    const struct style style = { size, words->weight, words->rgb };
    char *text = g_strdup (words->text);
    if (pen_width (pen, text, size, words->weight) > at->width)
        text[strcspn (text, ",;")] = '\0';
    pen_write (pen, text, &style, at->x, at->y + pen_drop (pen, size), at->width);
    g_free (text);
}

/* Frames of tiles, and the yellow of the box. */
static void draw_frame (const struct pen *pen, const struct rectangle *tile)
{
    const struct rectangle frame = { tile->x - 1, tile->y - 1, tile->width + 2, tile->height + 2 };
    pen_outline (pen, &frame, 1, premultiplied (COLOUR_ZERO, pen->opacity));
}

static void draw_mark (const struct pen *pen, const struct rectangle *of, int thick)
{
    pen_outline (pen, of, thick, premultiplied (COLOUR_BOX, pen_text_opacity (pen)));
}

static void draw_map (const struct unit *unit, const struct drawing *drawing, const struct pen *pen,
                      const struct rectangle *at)
{
    const struct network *network = drawing->frame->network;
    const struct map map = map_of (unit, plan_tap (network->plan, network->after_tap));
    const struct tile tile = { at->x, at->y, at->width, at->height, MAX (unit->facts.most, 1e-30f) };
    const struct rectangle all = { 0, 0, unit->facts.picture_width, unit->facts.picture_height };
    const struct heat_tile heat = { drawing->frame, network->watched->layer.post, &unit->heat, unit->picture };
    seen_darkened (drawing->frame, unit->picture, at->width, at->height);
    heat_tile_draw (&heat, &map, &tile, pen);
    double part[4];
    smooth_map_part (network, heat.tensor, &all, part);
    int thick = MAX (pen->layout->small_line / 9, 1), half = MAX (pen->layout->small_line / 4, 3);
    int wide = MAX ((int)(at->width / part[2] / 2), half), high = MAX ((int)(at->height / part[3] / 2), half);
    int x = at->x + (int)((unit->choice.x + 0.5 - part[0]) / part[2] * at->width);
    int y = at->y + (int)((unit->choice.y + 0.5 - part[1]) / part[3] * at->height);
    struct rectangle cell = { CLAMP (x - wide, at->x, at->x + at->width), CLAMP (y - high, at->y, at->y + at->height),
                              0, 0 };
    cell.width = CLAMP (x + wide, at->x, at->x + at->width) - cell.x;
    cell.height = CLAMP (y + high, at->y, at->y + at->height) - cell.y;
    if (unit->facts.strongest > 0)
        draw_mark (pen, &cell, thick);
    draw_frame (pen, at);
}

/* A bar for the zeros, as high as their share of all places; beside it how the other answers are spread, the commonest
 * as high as there is room. */
static void draw_histogram (const struct unit *unit, const struct pen *pen, const struct rectangle *at)
{
    const struct canvas *canvas = pen->canvas;
    int gauge = MAX (at->width / 10, 4), x = at->x + gauge + MAX (gauge / 2, 2), width = at->x + at->width - x,
        most = 1;
    double opacity = pen_text_opacity (pen);
    int filled = (int)(unit->facts.zero * (float)at->height + 0.5f);
    canvas_fill (canvas, at->x, at->y, gauge, at->height, premultiplied (COLOUR_TRACK, opacity));
    canvas_fill (canvas, at->x, at->y + at->height - filled, gauge, filled,
                 premultiplied (unit->facts.sign ? COLOUR_BELOW : COLOUR_ZERO, opacity));
    for (int i = 0; i < BINS; i++)
        most = MAX (most, unit->bins[i]);
    for (int i = 0; i < BINS; i++) {
        int left = x + i * width / BINS, right = x + (i + 1) * width / BINS - (width >= 3 * BINS ? 1 : 0);
        int high = unit->bins[i] > 0 ? MAX (unit->bins[i] * at->height / most, 1) : 0;
        gboolean below = unit->facts.sign && i < BINS / 2;
        canvas_fill (canvas, left, at->y + at->height - high, right - left, high,
                     premultiplied (below ? COLOUR_BELOW : COLOUR_ABOVE, opacity));
    }
    canvas_fill (canvas, at->x, at->y + at->height, at->width, 1, premultiplied (COLOUR_ZERO, opacity));
}

/* The largest answers of the last results, the newest at the right end. */
static void draw_history (const struct unit *unit, const struct pen *pen, const struct rectangle *at)
{
    int thick = MAX (pen->layout->small_line / 8, 1), dot = MAX (pen->layout->small_line / 3, 3), last = -1;
    double opacity = pen_text_opacity (pen);
    float most = MAX (unit->facts.most, 1e-30f);
    canvas_fill (pen->canvas, at->x, at->y + at->height, at->width, 1, premultiplied (COLOUR_ZERO, opacity));
    int width = at->width - dot, high = at->height - dot;
    for (int x = 0; x < width; x++) {
        int n = unit->history_count - 1 - (width - 1 - x) * HISTORY / width;
        if (n < 0)
            continue;
        int y = at->y + dot / 2 + high - (int)(unit->history[n] / most * (float)high);
        int top = last < 0 ? y : MIN (last, y), bottom = last < 0 ? y : MAX (last, y);
        canvas_fill (pen->canvas, at->x + x, top, 1, bottom - top + thick, premultiplied (COLOUR_LINE, opacity));
        last = y;
    }
    if (last >= 0)
        canvas_fill (pen->canvas, at->x + width, last - dot / 2, dot, dot, premultiplied (COLOUR_BOX, opacity));
}

static void write_scale (const struct unit *unit, const struct pen *pen, const struct rectangle *at)
{
    const struct style quiet = { pen->layout->small_line * 4 / 5, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    char most[32], least[32];
    caption_number (most, sizeof most, (double)unit->facts.most);
    caption_number (least, sizeof least, unit->facts.sign ? -(double)unit->facts.most : 0.0);
    int left = at->x + at->width * 3 / 20, room = at->x + at->width - left;
    int used = pen_width (pen, most, quiet.size, WEIGHT_NORMAL);
    if (used <= room)
        pen_write_before (pen, most, &quiet, at->x + at->width, at->y, room);
    if (used + quiet.size / 2 + pen_width (pen, least, quiet.size, WEIGHT_NORMAL) <= room)
        pen_write (pen, least, &quiet, left, at->y, room);
}

static void draw_charts (const struct unit *unit, const struct pen *pen, const struct unit_caption *caption,
                         const struct rectangle *at)
{
    int line = pen->layout->small_line, high = (at->height - 3 * line - pen->layout->pad) / 2;
    struct rectangle row = { at->x, at->y, at->width, line };
    const struct words titles[] = { { caption->zero, WEIGHT_BOLD, COLOUR_TEXT },
                                    { caption->time, WEIGHT_BOLD, COLOUR_TEXT } };
    int size_of_titles = common_size (pen, titles, G_N_ELEMENTS (titles), row.width);
    write_words (pen, &titles[0], size_of_titles, &row);
    struct rectangle chart = { at->x, at->y + line, at->width, high };
    draw_histogram (unit, pen, &chart);
    row.y += line + high + 1;
    write_scale (unit, pen, &row);
    row.y += line + pen->layout->pad / 2;
    write_words (pen, &titles[1], size_of_titles, &row);
    chart.y = row.y + line;
    draw_history (unit, pen, &chart);
}

static void draw_main (const struct unit *unit, const struct drawing *drawing, const struct pen *pen)
{
    const struct layout *layout = pen->layout;
    const struct unit_layout *places = &unit->places;
    int line = layout->small_line, pad = layout->pad;
    struct unit_caption caption;
    unit_caption_write (&caption, &unit->facts);
    const struct words head[HEAD_LINES] = {
        { caption.title, WEIGHT_BOLD, COLOUR_TEXT },
        { caption.field, WEIGHT_NORMAL, COLOUR_QUIET_TEXT },
        { caption.answer, WEIGHT_NORMAL, unit->facts.strongest > 0 ? COLOUR_BOX : COLOUR_QUIET_TEXT },
    };
    struct rectangle row = { pad, pad / 2, pen->canvas->width - 2 * pad, line };
    int size_of_head = common_size (pen, head, HEAD_LINES, row.width);
    pen_clear (pen);
    for (int i = 0; i < HEAD_LINES; i++, row.y += line)
        write_words (pen, &head[i], size_of_head, &row);
    const struct rectangle map = { pad, row.y + pad, places->map_width, places->map_height };
    draw_map (unit, drawing, pen, &map);
    row = (struct rectangle) { map.x, map.y + map.height + pad / 4, places->charts ? map.width : row.width, line };
    const struct words below = { caption.map, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    write_words (pen, &below, common_size (pen, &below, 1, row.width), &row);
    if (places->charts) {
        struct rectangle charts = { map.x + map.width + 2 * pad, map.y - pad / 2, 0, map.height + line };
        charts.width = pen->canvas->width - pad - charts.x;
        draw_charts (unit, pen, &caption, &charts);
    }
}

static void draw_patch (const struct patch *patch, const struct pen *pen, int x, int y, int side)
{
    for (int row = 0; row < side; row++) {
        guint32 *out = pen->canvas->pixels + (y + row) * pen->canvas->stride + x;
        const guint32 *in = patch->rgb + row * patch->side / side * patch->side;
        for (int column = 0; column < side; column++)
            out[column] = premultiplied (in[column * patch->side / side], pen->opacity);
    }
    struct rectangle mark = { x + (int)(CLAMP (patch->mark[0], 0, 1) * side),
                              y + (int)(CLAMP (patch->mark[1], 0, 1) * side), 0, 0 };
    mark.width = x + (int)(CLAMP (patch->mark[2], 0, 1) * side) - mark.x;
    mark.height = y + (int)(CLAMP (patch->mark[3], 0, 1) * side) - mark.y;
    if (mark.width < side && mark.height < side)
        draw_mark (pen, &mark, MAX (pen->layout->small_line / 12, 1));
}

static void draw_kept (const struct unit *unit, const struct pen *pen)
{
    const struct layout *layout = pen->layout;
    int line = layout->small_line, pad = layout->pad, side = unit->places.patch, columns = unit->places.columns;
    int left = MAX ((pen->canvas->width - columns * side - (columns - 1) * pad) / 2, 0);
    struct unit_caption caption;
    unit_caption_write (&caption, &unit->facts);
    struct rectangle row = { pad, pad / 2, pen->canvas->width - 2 * pad, line };
    pen_clear (pen);
    const struct words title = { caption.patches, WEIGHT_BOLD, COLOUR_TEXT };
    write_words (pen, &title, common_size (pen, &title, 1, row.width), &row);
    for (int i = 0; i < PATCHES; i++) {
        int x = left + i % columns * (side + pad), y = line + 3 * pad / 2 + i / columns * (side + line + pad);
        draw_frame (pen, &(struct rectangle) { x, y, side, side });
        if (i >= unit->patches.count)
            continue;
        draw_patch (unit->patches.kept[i], pen, x, y, side);
        char number[32];
        caption_number (number, sizeof number, (double)unit->patches.kept[i]->value);
        const struct style style = { pen_shrunk (pen, number, line, WEIGHT_NORMAL, side), WEIGHT_NORMAL, COLOUR_TEXT };
        if (pen_width (pen, number, style.size, style.weight) <= side)
            pen_write (pen, number, &style, x, y + side + pen_drop (pen, style.size), side);
    }
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct unit *unit = state;
    struct pen pen = drawing_pen (drawing, canvas);
    if (i == MAIN)
        draw_main (unit, drawing, &pen);
    else if (i == KEPT)
        draw_kept (unit, &pen);
    else
        canvas_fill (canvas, 0, 0, canvas->width, canvas->height, premultiplied (COLOUR_BOX, pen_text_opacity (&pen)));
}

static void clear (void *state)
{
    struct unit *unit = state;
    unit_choice_clear (&unit->choice);
    best_patches_clear (&unit->patches);
    g_free (unit->offer);
    g_free (unit->picture);
    g_free (unit->layer);
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct unit *unit = state;
    drawing->targets->unit = (struct target_unit) { drawing->frame->network->watched->layer.post, unit->choice.channel,
                                                    unit->choice.y, unit->choice.x };
}

const struct panel_kind unit_panels = { .flags = OVERLAY_UNIT,
                                        .panels = PANELS,
                                        .state_size = sizeof (struct unit),
                                        .begin = begin,
                                        .size = size,
                                        .draw = draw,
                                        .targets = targets,
                                        .clear = clear };
