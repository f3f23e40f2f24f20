/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* class_pair.c: overlay=class-activation with two classes: the picture twice, side by side above the foot of the text
 * column, with where each of them was found, in one scale; see panel_kind.h. */
#include <string.h>

#include "plugin/overlay/heat_tile.h"
#include "plugin/overlay/panel_kind.h"
#include "plugin/overlay/seen_picture.h"

enum {
    LEAST_TILE = 6, /* heights of a small line */
    COLOUR_FRAME = 0x8d99a6,
};

struct class_pair {
    struct palette heat; /* not premultiplied */
    float *values[2];    /* [h][w] class-activation maps */
    int width, height;   /* of a tile; 0: there is no room */
    guint32 *picture;    /* [height][width] */
};

static void begin (struct drawing *drawing, void *state)
{
    struct class_pair *pair = state;
    const struct overlay_frame *frame = drawing->frame;
    const struct network *network = frame->network;
    const struct class_map *map = network->class_map;
    const struct layout *layout = &drawing->layout;
    pair->width = 0;
    if (!drawing->two_classes || network->class_map_tap < 0 || !(map->weights || map->channel_is_class))
        return;
    if (drawing->changed)
        palette_make_heat (&pair->heat, 1, FALSE);
    const struct tensor *tensor = plan_tap (network->plan, network->class_map_tap);
    for (int i = 0; i < 2 && !pair->values[i]; i++)
        pair->values[i] = g_new (float, (gsize)tensor->height *(gsize)tensor->width);
    const struct input_spec *input = model_input (network->model);
    gboolean shared = (frame->appearance->overlay & (OVERLAY_FEATURE_MAPS | OVERLAY_UNIT)) != 0;
    int room = shared ? layout->left.width : frame->width - 2 * layout->margin;
    int high =
        layout->left.height - drawing->taken_above - drawing->taken_below - 2 * layout->small_line - 3 * layout->pad;
    int width = (room - 3 * layout->pad) / 2;
    high = MIN (high, frame->height * 42 / 100);
    width = MIN (width, (int)((gint64)high * input->width / MAX (input->height, 1)));
    pair->width = width < LEAST_TILE * layout->small_line ? 0 : width;
    pair->height = MAX ((int)((gint64)width * input->height / MAX (input->width, 1)), 1);
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct class_pair *pair = state;
    const struct layout *layout = &drawing->layout;
    if (pair->width < 1)
        return FALSE;
    content->at.x = layout->left.x;
    content->at.width = 2 * pair->width + 3 * layout->pad;
    content->at.height = pair->height + 2 * layout->small_line + 3 * layout->pad;
    content->at.y = layout->left.y + layout->left.height - drawing->taken_below - content->at.height;
    drawing->taken_below += content->at.height + layout->margin;
    return TRUE;
}

static void write_names (const struct drawing *drawing, const struct pen *pen, int class_id, struct rectangle at)
{
    int line = pen->layout->small_line;
    char share[16];
    const char *words = class_id < 0 ? "no class yet" : model_short_label (drawing->frame->network->model, class_id);
    const struct style bold = { pen_shrunk (pen, words, line, WEIGHT_BOLD, at.width * 3 / 4), WEIGHT_BOLD,
                                COLOUR_TEXT };
    const char *scale = "where it is seen; one scale for both";
    if (pen_width (pen, scale, line * 3 / 4, WEIGHT_NORMAL) > at.width)
        scale = "where it is seen";
    const struct style quiet = { pen_shrunk (pen, scale, line, WEIGHT_NORMAL, at.width), WEIGHT_NORMAL,
                                 COLOUR_QUIET_TEXT };
    caption_share (share, sizeof share, (double)smoothing_score (drawing->smoothing, class_id));
    int used = class_id < 0 ? 0 : pen_write_before (pen, share, &bold, at.x + at.width, at.y, at.width / 4);
    pen_write (pen, words, &bold, at.x, at.y + pen_drop (pen, bold.size), at.width - used - line / 2);
    if (class_id >= 0)
        pen_write (pen, scale, &quiet, at.x, at.y + line + pen_drop (pen, quiet.size), at.width);
}

static void draw (struct drawing *drawing, void *state, int which, const struct canvas *canvas)
{
    struct class_pair *pair = state;
    const struct network *network = drawing->frame->network;
    const struct tensor *tensor = plan_tap (network->plan, network->class_map_tap);
    const int ids[] = { drawing->class_id, drawing->second_id };
    struct pen pen = drawing_pen (drawing, canvas);
    int pad = drawing->layout.pad;
    float most = 0;
    pair->picture = g_renew (guint32, pair->picture, (gsize)pair->width * (gsize)pair->height);
    seen_whole (drawing->frame, pair->picture, pair->width, pair->height);
    const struct heat_tile heat = { drawing->frame, network->class_map->map, &pair->heat, pair->picture };
    for (int i = 0; i < 2; i++) {
        float largest = ids[i] >= 0 ? class_map_draw (network->class_map, tensor, ids[i], pair->values[i]) : 0;
        most = MAX (most, largest);
        if (ids[i] < 0)
            memset (pair->values[i], 0, (gsize)tensor->height * (gsize)tensor->width * sizeof (float));
    }
    pen_clear (&pen);
    for (int i = 0; i < 2; i++) {
        const struct tile tile = { pad + i * (pair->width + pad), pad, pair->width, pair->height, MAX (most, 1e-30f) };
        const struct map map = { pair->values[i], tensor->height, tensor->width };
        canvas_fill (canvas, tile.x - 1, tile.y - 1, tile.width + 2, tile.height + 2,
                     premultiplied (COLOUR_FRAME, pen.opacity));
        heat_tile_draw (&heat, &map, &tile, &pen);
        write_names (drawing, &pen, ids[i], (struct rectangle) { tile.x, tile.y + tile.height + pad, tile.width, 0 });
    }
}

static void clear (void *state)
{
    struct class_pair *pair = state;
    for (int i = 0; i < 2; i++)
        g_free (pair->values[i]);
    g_free (pair->picture);
}

const struct panel_kind class_pair_panels = { .flags = OVERLAY_CLASS_ACTIVATION,
                                              .panels = 1,
                                              .state_size = sizeof (struct class_pair),
                                              .begin = begin,
                                              .size = size,
                                              .draw = draw,
                                              .clear = clear };
