/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* feature_maps.c: mosaics of the maps of the chosen layers, each with its caption; see panel_kind.h.
 *
 * A mosaic is a panel: some lines of text (layout.c's forms) over a grid of tiles. With stage=both those of a layer
 * before and after its activation stand side by side, with the same channels in the same places and in the same
 * scale. */
#include "plugin/overlay/feature_maps.h"

#include <string.h>

#include "plugin/overlay/channel_tiles.h"
#include "plugin/overlay/panel_kind.h"

/* What stands in one place of the layout. */
struct cell {
    int layer;
    gboolean pre;
    const struct tensor *tensor; /* NULL: nothing */
};

struct feature_maps {
    struct palette colours, signs, heat, warm; /* heat: not premultiplied; warm: the same as a legend */
    struct cell cell[MOSAICS_MAX];
    float most[CHANNELS_MAX]; /* for the last colour of each tile, of the layer being drawn; 0: the map's own */
};

static guint32 role_colour (const char *role)
{
    return *role == 'e' ? 0x7be0ff : *role == 'm' ? 0x9cf09a : *role == 'l' ? 0xffd166 : COLOUR_TEXT;
}

/* ---- captions -------------------------------------------------------------------------------------------------- */

/* All that is written over a mosaic. */
struct mosaic_text {
    const struct layer_caption *caption;
    char fact[96];
    const char *beside; /* where the map with the same scale is, "left" or "above"; NULL: each map has its own scale */
    const struct palette *palette;
};

/* Role and name, or "pre" and the name where there is room for nothing else. */
static const char *role_of (const struct layer_caption *caption, gboolean alone)
{
    return alone ? (caption->pre ? "pre" : "") : caption->role;
}

static int title_size (const struct pen *pen, const struct layer_caption *caption, gboolean alone, int most)
{
    const char *role = role_of (caption, alone);
    char *whole = g_strdup_printf ("%s%s%s", role, *role ? "  " : "", caption->name);
    int size = pen_shrunk (pen, whole, pen->layout->small_line, WEIGHT_BOLD, most);
    g_free (whole);
    return size;
}

static void write_title (const struct pen *pen, const struct layer_caption *caption, gboolean alone,
                         const struct rectangle *at, int size)
{
    const char *role = role_of (caption, alone);
    struct style style = { size, WEIGHT_BOLD, alone ? COLOUR_QUIET_TEXT : role_colour (role) };
    int used = 0, y = at->y + pen_drop (pen, size);
    if (*role)
        used = pen_write (pen, role, &style, at->x, y, at->width) + size / 2;
    style.rgb = COLOUR_TEXT;
    pen_write (pen, caption->name, &style, at->x + used, y, at->width - used);
}

/* Where role, name and shape go: side by side, one below the other, or the name alone in the second line because it is
 * too long for its place. `beside`: the room left of the shape. */
enum head { HEAD_ONE_LINE, HEAD_TWO_LINES, HEAD_NAME_BELOW };

static enum head head_of (const struct pen *pen, const struct layer_caption *caption, gboolean two_lines, int width,
                          int *beside)
{
    int size = pen->layout->small_line;
    *beside = width - pen_width (pen, caption->shape, size, WEIGHT_NORMAL) - size / 2;
    if (!two_lines)
        return HEAD_ONE_LINE;
    int name = pen_width (pen, caption->name, size, WEIGHT_BOLD);
    int role = *caption->role ? pen_width (pen, caption->role, size, WEIGHT_BOLD) + size / 2 : 0;
    return role + name > width && role <= *beside ? HEAD_NAME_BELOW : HEAD_TWO_LINES;
}

static int head_size (const struct pen *pen, const struct layer_caption *caption, enum head head, int width, int beside)
{
    int small = pen->layout->small_line;
    if (head == HEAD_NAME_BELOW)
        return pen_shrunk (pen, caption->name, small, WEIGHT_BOLD, width);
    int size = title_size (pen, caption, FALSE, head == HEAD_ONE_LINE ? beside : width);
    return head == HEAD_ONE_LINE ? size : MIN (size, pen_shrunk (pen, caption->shape, small, WEIGHT_NORMAL, width));
}

/* Returns where the next line begins. */
static int write_head (const struct pen *pen, const struct layer_caption *caption, enum head head, int beside,
                       struct rectangle at, int size)
{
    int line = pen->layout->small_line, width = at.width, drop = pen_drop (pen, size);
    const struct style shape = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    if (head == HEAD_TWO_LINES)
        pen_write (pen, caption->shape, &shape, at.x, at.y + line + drop, width);
    else
        pen_write_before (pen, caption->shape, &shape, at.x + width, at.y + drop, width);
    if (head == HEAD_NAME_BELOW) {
        const struct style role = { size, WEIGHT_BOLD, role_colour (caption->role) };
        const struct style name = { size, WEIGHT_BOLD, COLOUR_TEXT };
        pen_write (pen, caption->role, &role, at.x, at.y + drop, beside);
        pen_write (pen, caption->name, &name, at.x, at.y + line + drop, width);
    } else {
        at.width = head == HEAD_ONE_LINE ? beside : width;
        write_title (pen, caption, FALSE, &at, size);
    }
    return at.y + (head == HEAD_ONE_LINE ? 1 : 2) * line;
}

/* What the ends of the colours mean: in one line, or in two, the second in `size`. */
static void write_scale (const struct pen *pen, const struct mosaic_text *text, const struct rectangle *at, int lines,
                         int size)
{
    const struct palette *palette = text->palette;
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    const char *low = palette->diverging ? "−max" : "0", *high = palette->diverging ? "+max" : "max";
    char scale[64];
    if (lines > 1) {
        caption_scale (scale, sizeof scale, text->beside);
        pen_legend (pen, palette, low, high, at);
        pen_write (pen, scale, &quiet, at->x, at->y + pen->layout->small_line + pen_drop (pen, size), at->width);
    } else {
        caption_scale_short (scale, sizeof scale, palette->diverging, text->beside);
        pen_legend (pen, palette, low, scale, at);
    }
}

/* The name, and in a second line the figure alone. */
static void write_briefly (const struct pen *pen, const struct mosaic_text *text, const struct rectangle *at, int lines)
{
    const char *colon = strstr (text->fact, ": "), *figure = lines == 2 && colon ? colon + 2 : NULL;
    int line = pen->layout->small_line, size = title_size (pen, text->caption, lines == 1, at->width);
    if (figure)
        size = MIN (size, pen_shrunk (pen, figure, line, WEIGHT_NORMAL, at->width));
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    if (lines > 0)
        write_title (pen, text->caption, lines == 1, at, size);
    if (figure)
        pen_write (pen, figure, &quiet, at->x, at->y + line + pen_drop (pen, size), at->width);
}

/* Name, shape, fact and legend in the lines there are (see layout.c's forms), all in one size. */
static void write_text (const struct pen *pen, const struct mosaic *mosaic, const struct mosaic_text *text)
{
    int line = pen->layout->small_line, lines = mosaic->text_lines, beside;
    struct rectangle at = { .x = pen->layout->pad, .y = pen->layout->pad / 2 };
    at.width = pen->canvas->width - 2 * at.x;
    if (lines < 3) {
        write_briefly (pen, text, &at, lines);
        return;
    }
    enum head head = head_of (pen, text->caption, lines > 3, at.width, &beside);
    int size = MIN (head_size (pen, text->caption, head, at.width, beside),
                    pen_wrapped_size (pen, text->fact, WEIGHT_NORMAL, at.width, lines > 5 ? 2 : 1));
    char scale[64];
    caption_scale (scale, sizeof scale, text->beside);
    if (lines > 3)
        size = MIN (size, pen_shrunk (pen, scale, line, WEIGHT_NORMAL, at.width));
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    at.y = write_head (pen, text->caption, head, beside, at, size);
    at.y += line * pen_write_wrapped (pen, text->fact, &quiet, &at, lines > 5 ? 2 : 1);
    write_scale (pen, text, &at, lines > 3 ? 2 : 1, size);
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

void feature_maps_shapes (const struct overlay_frame *frame, struct map_shapes *shapes)
{
    const struct network *network = frame->network;
    enum stage stage = frame->appearance->stage;
    gboolean maps = frame->appearance->overlay & OVERLAY_FEATURE_MAPS;
    *shapes = (struct map_shapes) { .count = 0 };
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

/* The layer's channels are those that make the class. */
static gboolean is_class_map (const struct network *network, int layer)
{
    const struct class_map *map = network->class_map;
    return (map->weights || map->channel_is_class) && network->layers.layer[layer].post == map->map;
}

static struct channel_wish wish_of (const struct drawing *drawing, int layer)
{
    const struct appearance *appearance = drawing->frame->appearance;
    const struct class_map *map = drawing->frame->network->class_map;
    struct channel_wish wish = { appearance->channel_select, appearance->listed, appearance->listed_count, -1, NULL };
    if (wish.select == CHANNELS_CLASS && drawing->class_id >= 0 && is_class_map (drawing->frame->network, layer)) {
        wish.class_id = drawing->class_id;
        wish.weights = map->weights ? map->weights + (gsize)wish.class_id * (gsize)map->channels : NULL;
    }
    return wish;
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
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    struct feature_maps *maps = state;
    const struct rectangle *panel = &drawing->layout.mosaic[i].panel;
    if (i == 0 || maps->cell[i].layer != maps->cell[i - 1].layer)
        memset (maps->most, 0, sizeof maps->most);
    content->at = *panel;
    return maps->cell[i].tensor && panel->width > 0 && panel->height > 0;
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    struct feature_maps *maps = state;
    const struct cell *cell = &maps->cell[i];
    const struct mosaic *mosaic = &drawing->layout.mosaic[i];
    const struct layer_stats *shown = choosing_stats (drawing, cell->layer);
    struct pen pen = drawing_pen (drawing, canvas);
    struct mosaic_text text = { .caption = cell->pre ? &drawing->pre_caption[cell->layer]
                                                     : &drawing->post_caption[cell->layer] };
    caption_fact (text.fact, sizeof text.fact, text.caption,
                  cell->pre ? &drawing->pre[cell->layer] : &drawing->post[cell->layer]);
    text.palette =
        text.caption->sign || drawing->frame->appearance->stage == STAGE_BOTH ? &maps->signs : &maps->colours;
    for (int n = 0; n < mosaic->count; n++)
        if (maps->most[n] > 0) /* as the mosaic before the activation has left them */
            text.beside = drawing->layout.across > 1 ? "left" : "above";
    struct channel_tiles tiles = { .tensor = cell->tensor,
                                   .stats = shown,
                                   .count = MIN (mosaic->count, shown->shown_count),
                                   .palette = text.palette,
                                   .most = maps->most };
    if (shown->wish.class_id >= 0 && !cell->pre) {
        tiles.heat = &maps->heat;
        tiles.frame = drawing->frame;
        text.palette = &maps->warm;
        g_snprintf (text.fact, sizeof text.fact, "adds most to: %s",
                    model_short_label (drawing->frame->network->model, shown->wish.class_id));
    }
    pen_clear (&pen);
    write_text (&pen, mosaic, &text);
    channel_tiles_draw (&pen, mosaic, &tiles, drawing->scratch);
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct feature_maps *maps = state;
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
                                                .panels = MOSAICS_MAX,
                                                .state_size = sizeof (struct feature_maps),
                                                .begin = begin,
                                                .size = size,
                                                .draw = draw,
                                                .targets = targets };
