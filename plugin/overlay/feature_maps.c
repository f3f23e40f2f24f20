/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* feature_maps.c: mosaics of the maps of the chosen layers, each with its caption; see panel_kind.h.
 *
 * A mosaic is a panel: a caption (layout.h's forms) over a grid of tiles. Below them the legend of all colours. With
 * stage=both those of a layer before and after its activation stand side by side, with the same channels in the same
 * places and in the same scale. */
#include "plugin/overlay/feature_maps.h"

#include <string.h>

#include "plugin/overlay/channel_tiles.h"
#include "plugin/overlay/panel_kind.h"

enum { LEGEND = MOSAICS_MAX, PANELS }; /* over the mosaics */

/* What stands in one place of the layout. */
struct cell {
    int layer;
    gboolean pre;
    const struct tensor *tensor; /* NULL: nothing */
};

/* "after ReLU: 75 % active"; "after: 75 % active"; "75 % active" */
enum fact_form { FACT_WHOLE, FACT_MOMENT, FACT_FIGURE };

enum { CLASS_MAPS = 6 }; /* maps that are classes, at most: each needs room for its name */

struct feature_maps {
    struct palette colours, signs, heat, warm; /* heat: not premultiplied; warm: the same as a legend */
    struct cell cell[MOSAICS_MAX];
    int letters;              /* height of a line of the captions, the same for all */
    enum fact_form facts;     /* the longest that every caption has room for */
    gboolean drawn[3];        /* colours, signs, warm: some mosaic is drawn in them */
    float most[CHANNELS_MAX]; /* for the last colour of each tile, of the layer being drawn; 0: the map's own */
};

/* ---- captions -------------------------------------------------------------------------------------------------- */

/* All that is written over a mosaic. */
struct mosaic_text {
    const struct layer_caption *caption;
    char fact[160];
    int size; /* of all its letters */
};

/* Role and name; "pre" and the name where there is room for nothing else. */
static const char *role_of (const struct layer_caption *caption, enum caption_form form)
{
    return form == CAPTION_NAME ? (caption->pre ? "pre" : "") : caption->role;
}

/* Leaves of text->fact what there is room for; before or after the activation is said where its neighbour is the other,
 * with `both` stages. */
static void shorten_fact (struct mosaic_text *text, enum fact_form form, gboolean both)
{
    const char *colon = strstr (text->fact, ": ");
    if (form == FACT_WHOLE || !colon)
        return;
    const char *moment = both ? text->caption->moment : "";
    gboolean told = form == FACT_MOMENT && *moment;
    char *figure = g_strdup (colon + 2);
    g_snprintf (text->fact, sizeof text->fact, "%s%s%s", told ? moment : "", told ? ": " : "", figure);
    g_free (figure);
}

/* Width of role and name. */
static int title_width (const struct pen *pen, const struct layer_caption *caption, enum caption_form form, int size)
{
    const char *role = role_of (caption, form);
    int own = *role ? pen_width (pen, role, size, WEIGHT_BOLD) + size / 2 : 0;
    return own + pen_width (pen, caption->name, size, WEIGHT_BOLD);
}

/* The size, at least three quarters of a line, in which every line fits `most` pixels. */
static int caption_size (const struct pen *pen, const struct mosaic_text *text, enum caption_form form, int most)
{
    int size = pen->layout->small_line, least = MAX (size * 3 / 4, 1);
    for (; size > least; size--) {
        int title = title_width (pen, text->caption, form, size);
        int shape = pen_width (pen, text->caption->shape, size, WEIGHT_NORMAL);
        int said = pen_width (pen, text->fact, size, WEIGHT_NORMAL);
        int widest = form == CAPTION_LINE    ? title + shape + said + 2 * size
                     : form == CAPTION_TWO   ? MAX (title + shape + size, said)
                     : form == CAPTION_THREE ? MAX (MAX (title, shape), said)
                     : form == CAPTION_BRIEF ? MAX (title, said)
                                             : title;
        if (widest <= most)
            break;
    }
    return size;
}

/* Returns its width. */
static int write_title (const struct pen *pen, const struct mosaic_text *text, enum caption_form form, int x, int y,
                        int most)
{
    const char *role = role_of (text->caption, form);
    guint32 colour = form == CAPTION_NAME ? (guint32)COLOUR_QUIET_TEXT : pen_role_colour (role);
    struct style style = { text->size, WEIGHT_BOLD, colour };
    int used = *role ? pen_write (pen, role, &style, x, y, most) + text->size / 2 : 0;
    style.rgb = COLOUR_TEXT;
    return used + pen_write (pen, text->caption->name, &style, x + used, y, most - used);
}

/* What the mosaic's form says, all in one size; see layout.h. */
static void write_text (const struct pen *pen, const struct mosaic *mosaic, const struct mosaic_text *text)
{
    enum caption_form form = mosaic->form;
    int line = pen->layout->small_line, x = pen->layout->pad, most = pen->canvas->width - 2 * x;
    if (form == CAPTION_NONE)
        return;
    int y = pen->layout->pad / 2 + pen_drop (pen, text->size), shape = 0;
    const struct style quiet = { text->size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    if (form == CAPTION_LINE)
        shape = pen_write_before (pen, text->fact, &quiet, x + most, y, most * 2 / 3) + text->size;
    if (form == CAPTION_TWO)
        shape = pen_write_before (pen, text->caption->shape, &quiet, x + most, y, most * 2 / 3) + text->size / 2;
    int title = write_title (pen, text, form, x, y, most - shape) + text->size;
    if (form == CAPTION_LINE)
        pen_write (pen, text->caption->shape, &quiet, x + title, y, most - shape - title);
    if (form == CAPTION_THREE)
        pen_write (pen, text->caption->shape, &quiet, x, y + line, most);
    if (form == CAPTION_TWO || form == CAPTION_BRIEF || form == CAPTION_THREE)
        pen_write (pen, text->fact, &quiet, x, y + (form == CAPTION_THREE ? 2 : 1) * line, most);
}

/* ---- the legend ------------------------------------------------------------------------------------------------ */

/* The colours that the mosaics are drawn in, and what their ends stand for. */
static guint legends (const struct feature_maps *maps, const struct palette *used[3], const char *low[3],
                      const char *high[3])
{
    guint count = 0;
    const struct palette *const all[3] = { &maps->colours, &maps->signs, &maps->warm };
    for (guint i = 0; i < 3; i++) {
        if (!maps->drawn[i])
            continue;
        used[count] = all[i];
        low[count] = i == 1 ? "−max" : "0";
        high[count++] = i == 1 ? "+max" : "max";
    }
    return count;
}

/* All of them in one line, and after them, if there is room, what max is. */
static void draw_legend (const struct drawing *drawing, const struct feature_maps *maps, const struct pen *pen)
{
    enum { NARROW = 8, WIDE = 9 }; /* small lines that a legend takes: beside words, and at most */
    const struct palette *used[3];
    const char *low[3], *high[3];
    guint count = legends (maps, used, low, high);
    int line = pen->layout->small_line, pad = pen->layout->pad, room = pen->canvas->width - 2 * pad;
    const char *scale = caption_scale (drawing->frame->appearance->stage == STAGE_BOTH);
    int size = line * 4 / 5, words = pen_width (pen, scale, size, WEIGHT_NORMAL) + line / 2;
    gboolean said = words + (int)count * NARROW * line <= room;
    struct rectangle at = { .x = pad, .y = pad / 2 };
    int each = count > 0 ? (room - (said ? words : 0)) / (int)count : 0;
    at.width = MIN (each - line / 2, WIDE * line);
    for (guint i = 0; i < count; i++, at.x += at.width + line / 2)
        pen_legend (pen, used[i], low[i], high[i], &at);
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    if (said)
        pen_write (pen, scale, &quiet, at.x, at.y + pen_drop (pen, size), words);
}

/* ---- the kind of panel ----------------------------------------------------------------------------------------- */

static const struct tensor *tensor_of (const struct network *network, int layer, gboolean pre)
{
    int tap = pre ? network->pre_tap[layer] : network->post_tap[layer];
    return tap < 0 ? NULL : plan_tap (network->plan, tap);
}

/* Nothing happens to the layer: under stage=both there are no two tensors to compare. */
static gboolean stands_alone (const struct overlay_frame *frame, int layer)
{
    const struct layer *which = &frame->network->layers.layer[layer];
    return frame->appearance->stage == STAGE_BOTH && which->pre == which->post;
}

/* The layer's channels are those that make the class. */
static gboolean is_class_map (const struct network *network, int layer)
{
    const struct class_map *map = network->class_map;
    return (map->weights || map->channel_is_class) && network->layers.layer[layer].post == map->map;
}

void feature_maps_shapes (const struct overlay_frame *frame, struct map_shapes *shapes)
{
    const struct network *network = frame->network;
    enum stage stage = frame->appearance->stage;
    gboolean maps = frame->appearance->overlay & OVERLAY_FEATURE_MAPS;
    *shapes = (struct map_shapes) { .residual = network->watched && network->watched->other >= 0 };
    for (int i = 0; stage == STAGE_BOTH && i < network->layers.count; i++)
        shapes->pairs |= !stands_alone (frame, i);
    for (int i = 0; maps && i < network->layers.count; i++) {
        const struct tensor *tensor = tensor_of (network, i, stage == STAGE_PRE);
        if (!tensor)
            continue;
        gboolean alone = stands_alone (frame, i);
        struct map_shape one = { .channels = tensor->channels, .height = tensor->height, .width = tensor->width };
        one.letters = (int)MIN (g_utf8_strlen (network->layers.label[i], -1), 999);
        one.alone = alone && shapes->pairs;
        if (frame->appearance->channel_select == CHANNELS_CLASS && network->class_map->channel_is_class &&
            is_class_map (network, i))
            one.channels = MIN (one.channels, CLASS_MAPS);
        shapes->shape[shapes->count++] = one;
        if (shapes->pairs)
            shapes->shape[shapes->count++] = alone ? (struct map_shape) { .channels = 0 } : one;
    }
}

/* Both stages show the same channels: these. */
static struct layer_stats *choosing_stats (struct drawing *drawing, int layer)
{
    return drawing->frame->network->post_tap[layer] >= 0 ? &drawing->post[layer] : &drawing->pre[layer];
}

static struct channel_wish wish_of (const struct drawing *drawing, int layer)
{
    const struct appearance *appearance = drawing->frame->appearance;
    const struct class_map *map = drawing->frame->network->class_map;
    struct channel_wish wish = { .select = appearance->channel_select,
                                 .listed = appearance->listed,
                                 .listed_count = appearance->listed_count,
                                 .class_id = -1,
                                 .other_id = -1 };
    if (wish.select == CHANNELS_CLASS && drawing->class_id >= 0 && is_class_map (drawing->frame->network, layer)) {
        wish.class_id = drawing->class_id;
        wish.other_id = drawing->second_id;
        if (map->weights) {
            wish.weights = map->weights + (gsize)wish.class_id * (gsize)map->channels;
            wish.other_weights = map->weights + (gsize)MAX (wish.other_id, 0) * (gsize)map->channels;
        }
    }
    return wish;
}

static gboolean shows_class (struct drawing *drawing, const struct cell *cell)
{
    return choosing_stats (drawing, cell->layer)->wish.class_id >= 0 && !cell->pre;
}

static gboolean has_sign (const struct drawing *drawing, const struct cell *cell)
{
    const struct layer_caption *captions = cell->pre ? drawing->pre_caption : drawing->post_caption;
    return captions[cell->layer].sign || drawing->frame->appearance->stage == STAGE_BOTH;
}

static enum fact_form fact_form (const struct feature_maps *maps, const struct mosaic *mosaic)
{
    return mosaic->form == CAPTION_BRIEF ? MAX (maps->facts, FACT_MOMENT) : maps->facts;
}

/* Finds the size in which every caption fits, with the widest figures it can have: none changes with the values. FALSE:
 * facts of this form are too wide for some. */
static gboolean measure_form (struct drawing *drawing, struct feature_maps *maps)
{
    static const struct layer_stats widest = { .not_above = 0.998f, .exactly_zero = 0.002f }; /* more than 99 % */
    const struct pen pen = drawing_pen (drawing, NULL);
    const struct layout *layout = &drawing->layout;
    gboolean fits = TRUE;
    maps->letters = layout->small_line;
    for (int i = 0; i < layout->mosaics; i++) {
        const struct mosaic *mosaic = &layout->mosaic[i];
        const struct cell *cell = &maps->cell[i];
        if (!cell->tensor || mosaic->panel.width < 1 || mosaic->form == CAPTION_NONE)
            continue;
        int most = mosaic->panel.width - 2 * layout->pad, least = MAX (layout->small_line * 3 / 4, 1);
        struct mosaic_text text = { .caption = cell->pre ? &drawing->pre_caption[cell->layer]
                                                         : &drawing->post_caption[cell->layer] };
        caption_fact (text.fact, sizeof text.fact, text.caption, &widest);
        shorten_fact (&text, fact_form (maps, mosaic), drawing->frame->appearance->stage == STAGE_BOTH);
        fits &= mosaic->form > CAPTION_BRIEF || pen_width (&pen, text.fact, least, WEIGHT_NORMAL) <= most;
        maps->letters = MIN (maps->letters, caption_size (&pen, &text, mosaic->form, most));
    }
    return fits;
}

static void measure_captions (struct drawing *drawing, struct feature_maps *maps)
{
    maps->facts = FACT_WHOLE;
    while (!measure_form (drawing, maps) && maps->facts < FACT_FIGURE)
        maps->facts++;
}

/* Says what stands where, and which channels are shown. */
static void begin (struct drawing *drawing, void *state)
{
    struct feature_maps *maps = state;
    const struct network *network = drawing->frame->network;
    const struct appearance *appearance = drawing->frame->appearance;
    const struct layout *layout = &drawing->layout;
    int place = 0;
    if (drawing->changed) {
        palette_make (&maps->colours, appearance->colormap, appearance->opacity);
        palette_make (&maps->signs, COLORMAP_DIVERGING, appearance->opacity);
        palette_make_heat (&maps->heat, 1, FALSE);
        palette_make_heat (&maps->warm, appearance->opacity, TRUE);
    }
    memset (maps->cell, 0, sizeof maps->cell);
    for (int i = 0; i < network->layers.count && place < layout->mosaics; i++) {
        int count = layout->mosaic[place].count;
        gboolean alone = stands_alone (drawing->frame, i);
        if (appearance->stage == STAGE_BOTH && !alone)
            count = MIN (count, layout->mosaic[place + 1].count);
        const struct channel_wish wish = wish_of (drawing, i);
        layer_stats_choose (choosing_stats (drawing, i), count, &wish);
        if (appearance->stage != STAGE_POST && !alone)
            maps->cell[place++] = (struct cell) { i, TRUE, tensor_of (network, i, TRUE) };
        if (appearance->stage != STAGE_PRE || alone)
            maps->cell[place++] = (struct cell) { i, FALSE, tensor_of (network, i, FALSE) };
        if (alone && layout->pairs)
            place++; /* it has the room of two */
    }
    if (drawing->changed)
        measure_captions (drawing, maps);
    memset (maps->drawn, 0, sizeof maps->drawn);
    for (int i = 0; i < layout->mosaics; i++)
        if (maps->cell[i].tensor && layout->mosaic[i].panel.width > 0)
            maps->drawn[shows_class (drawing, &maps->cell[i]) ? 2 : has_sign (drawing, &maps->cell[i]) ? 1 : 0] = TRUE;
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    struct feature_maps *maps = state;
    if (i == LEGEND) {
        content->at = drawing->layout.legend;
        content->text = g_strdup_printf ("%d %d %d", maps->drawn[0], maps->drawn[1], maps->drawn[2]);
        return content->at.width > 0 && (maps->drawn[0] || maps->drawn[1] || maps->drawn[2]);
    }
    const struct rectangle *panel = &drawing->layout.mosaic[i].panel;
    if (i == 0 || maps->cell[i].layer != maps->cell[i - 1].layer)
        memset (maps->most, 0, sizeof maps->most);
    content->at = *panel;
    return maps->cell[i].tensor && panel->width > 0 && panel->height > 0;
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    struct feature_maps *maps = state;
    if (i == LEGEND) {
        struct pen pen = drawing_pen (drawing, canvas);
        pen_clear (&pen);
        draw_legend (drawing, maps, &pen);
        return;
    }
    const struct cell *cell = &maps->cell[i];
    const struct mosaic *mosaic = &drawing->layout.mosaic[i];
    const struct layer_stats *shown = choosing_stats (drawing, cell->layer);
    struct pen pen = drawing_pen (drawing, canvas);
    struct mosaic_text text = { .caption = cell->pre ? &drawing->pre_caption[cell->layer]
                                                     : &drawing->post_caption[cell->layer],
                                .size = maps->letters };
    caption_fact (text.fact, sizeof text.fact, text.caption,
                  cell->pre ? &drawing->pre[cell->layer] : &drawing->post[cell->layer]);
    struct channel_tiles tiles = { .tensor = cell->tensor,
                                   .stats = shown,
                                   .count = MIN (mosaic->count, shown->shown_count),
                                   .palette = has_sign (drawing, cell) ? &maps->signs : &maps->colours,
                                   .dead = !cell->pre && text.caption->cuts,
                                   .most = maps->most };
    if (shows_class (drawing, cell)) {
        tiles.heat = &maps->heat;
        tiles.frame = drawing->frame;
        caption_class_channels (text.fact, sizeof text.fact, drawing->frame->network, &shown->wish);
    }
    shorten_fact (&text, fact_form (maps, mosaic), drawing->frame->appearance->stage == STAGE_BOTH);
    pen_clear (&pen);
    write_text (&pen, mosaic, &text);
    channel_tiles_draw (&pen, mosaic, &tiles, drawing->scratch);
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct feature_maps *maps = state;
    if (i == LEGEND)
        return;
    const struct mosaic *mosaic = &drawing->layout.mosaic[i];
    const struct layer_stats *shown = choosing_stats (drawing, maps->cell[i].layer);
    struct target target = { .kind = TARGET_CHANNEL,
                             .layer = drawing->frame->network->layers.layer[maps->cell[i].layer].post };
    for (int n = 0; n < MIN (mosaic->count, shown->shown_count); n++) {
        struct tile tile = channel_tiles_place (mosaic, n);
        target.at = (struct rectangle) { at->x + tile.x, at->y + tile.y, tile.width, tile.height };
        target.channel = shown->shown[n];
        targets_add (drawing->targets, &target);
    }
}

const struct panel_kind feature_maps_panels = { .flags = OVERLAY_FEATURE_MAPS,
                                                .panels = PANELS,
                                                .state_size = sizeof (struct feature_maps),
                                                .begin = begin,
                                                .size = size,
                                                .draw = draw,
                                                .targets = targets };
