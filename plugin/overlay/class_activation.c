/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* class_activation.c: where in the picture the best class was found, as heat over it, and a caption for that in the
 * text column; see panel_kind.h. */
#include <math.h>

#include "plugin/overlay/map_tile.h"
#include "plugin/overlay/text_panel.h"

enum {
    HEAT_GRAIN = 12,   /* pixels drawn for each of the class-activation map's; the compositor scales them on */
    HEAT_MAX = 192,    /* and at most, each way */
    CAPTION_LINES = 8, /* heights of a small line: a column less wide has no room for more than the class */
};

/* ---- what there is to show ------------------------------------------------------------------------------------- */

static const struct tensor *tensor_of (const struct overlay_frame *frame)
{
    int tap = frame->network->class_map_tap;
    return tap >= 0 && frame->view.from.width > 0 ? plan_tap (frame->network->plan, tap) : NULL;
}

static gboolean is_of_class (const struct overlay_frame *frame)
{
    const struct class_map *map = frame->network->class_map;
    return map->weights || map->channel_is_class;
}

/* Whose heat it is. -1: there is no class to show; 0: the network ends in a way that leaves no map of a class. */
static int class_of (const struct drawing *drawing)
{
    if (!is_of_class (drawing->frame))
        return 0;
    return drawing->nothing ? -1 : drawing->calm->ids[0];
}

/* The part of the map that the view shows, in map pixels: left, top, across, down. A cell lies where its window is
 * centred, which in a network with padding is not the middle of its share of the picture but up to half a cell
 * further left and up. */
static void heat_part (const struct overlay_frame *frame, const struct tensor *tensor, double part[4])
{
    const struct network *network = frame->network;
    const struct rectangle *to = &frame->view.to;
    const struct input_spec *input = model_input (network->model);
    struct grid grid = { .step_y = (double)input->height / tensor->height,
                         .step_x = (double)input->width / tensor->width };
    struct grid exact;
    grid.top = (grid.step_y - 1) / 2;
    grid.left = (grid.step_x - 1) / 2;
    if (graph_grid (model_graph (network->model), network->class_map->map, &exact))
        grid = exact;
    part[0] = (to->x - 0.5 - grid.left) / grid.step_x + 0.5;
    part[1] = (to->y - 0.5 - grid.top) / grid.step_y + 0.5;
    part[2] = to->width / grid.step_x;
    part[3] = to->height / grid.step_y;
}

/* ---- heat ------------------------------------------------------------------------------------------------------ */

/* Catmull-Rom through four neighbours. */
static double cubic (const double v[4], double t)
{
    return v[1] +
           0.5 * t *
               (v[2] - v[0] + t * (2 * v[0] - 5 * v[1] + 4 * v[2] - v[3] + t * (3 * (v[1] - v[2]) + v[3] - v[0])));
}

static double sample (const struct map *map, double y, double x)
{
    int top = (int)floor (y), left = (int)floor (x);
    double column[4];
    for (int i = 0; i < 4; i++) {
        double row[4];
        int at = CLAMP (top - 1 + i, 0, map->height - 1);
        for (int j = 0; j < 4; j++)
            row[j] = map->values[at * map->width + CLAMP (left - 1 + j, 0, map->width - 1)];
        column[i] = cubic (row, x - left);
    }
    return cubic (column, y - top);
}

/* A smooth picture of a coarse map (values / most, cut at 0 and 1) in the palette: bicubic. The part from (left, top),
 * across x down, in map pixels, fills the canvas. */
static void draw_heat (const struct map *map, float most, const double part[4], const struct palette *palette,
                       const struct canvas *canvas)
{
    double scale = most > 0 ? 255 / (double)most : 0;
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            double down = part[1] + (y + 0.5) * part[3] / canvas->height - 0.5;
            double across = part[0] + (x + 0.5) * part[2] / canvas->width - 0.5;
            double v = sample (map, down, across) * scale;
            canvas->pixels[y * canvas->stride + x] = palette->pixel[(int)CLAMP (v, 0.0, 255.0)];
        }
    }
}

/* Heat is of one shade over the whole range of scores: at 10 % a class's is a third as dense as at 100 %. */
static double heat_strength (const struct drawing *drawing)
{
    if (!is_of_class (drawing->frame))
        return 1;
    return sqrt ((double)smoothing_score (drawing->smoothing, class_of (drawing)));
}

struct heat {
    struct palette palette; /* not premultiplied */
    float *values;          /* [h][w], the class-activation map */
};

static void begin (struct drawing *drawing, void *state)
{
    struct heat *heat = state;
    const struct tensor *tensor = tensor_of (drawing->frame);
    if (drawing->changed)
        palette_make_heat (&heat->palette, drawing->frame->appearance->opacity, FALSE);
    if (tensor && !heat->values)
        heat->values = g_new (float, (gsize)tensor->height *(gsize)tensor->width);
}

/* The heat lies where the network looked; what it saw beyond the picture (letterbox) is left out. */
static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct tensor *tensor = tensor_of (drawing->frame);
    if (!tensor || class_of (drawing) < 0)
        return FALSE;
    double part[4];
    heat_part (drawing->frame, tensor, part);
    content->at = drawing->frame->view.from;
    content->width = CLAMP ((int)(part[2] * HEAT_GRAIN), 1, MIN (HEAT_MAX, content->at.width));
    content->height = CLAMP ((int)(part[3] * HEAT_GRAIN), 1, MIN (HEAT_MAX, content->at.height));
    content->straight = TRUE;
    return TRUE;
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    struct heat *heat = state;
    const struct tensor *tensor = tensor_of (drawing->frame);
    const struct map map = { heat->values, tensor->height, tensor->width };
    double part[4], strength = heat_strength (drawing);
    heat_part (drawing->frame, tensor, part);
    float most = class_map_draw (drawing->frame->network->class_map, tensor, class_of (drawing), heat->values);
    draw_heat (&map, most / (float)MAX (strength, 1e-3), part, &heat->palette, canvas);
}

static void clear (void *state)
{
    struct heat *heat = state;
    g_free (heat->values);
}

const struct panel_kind class_activation_panels = { .flags = OVERLAY_CLASS_ACTIVATION,
                                                    .panels = 1,
                                                    .state_size = sizeof (struct heat),
                                                    .begin = begin,
                                                    .size = size,
                                                    .draw = draw,
                                                    .clear = clear };

/* ---- caption --------------------------------------------------------------------------------------------------- */

struct heat_caption {
    struct palette strip; /* over grey */
    char **lines;
    int class_id; /* that they are of */
    gboolean legend;
};

static void begin_caption (struct drawing *drawing, void *state)
{
    struct heat_caption *caption = state;
    if (drawing->changed)
        palette_make_heat (&caption->strip, drawing->frame->appearance->opacity, TRUE);
}

/* The picture goes on beyond what the network sees. */
static gboolean cut_picture (const struct overlay_frame *frame)
{
    return frame->view.from.width < frame->width || frame->view.from.height < frame->height;
}

static void write_caption (struct heat_caption *caption, const struct drawing *drawing, int class_id)
{
    const struct overlay_frame *frame = drawing->frame;
    gboolean wide = drawing->layout.left.width >= CAPTION_LINES * drawing->layout.small_line;
    g_strfreev (caption->lines);
    caption->lines = caption_heat (frame->network, class_id, drawing->nothing, class_id >= 0 && cut_picture (frame));
    for (guint i = 1; !wide && caption->lines[i]; i++)
        g_clear_pointer (&caption->lines[i], g_free); /* the class alone */
    caption->class_id = class_id;
    caption->legend = class_id >= 0 && wide;
}

static gboolean size_caption (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    struct heat_caption *caption = state;
    const struct overlay_frame *frame = drawing->frame;
    int class_id = class_of (drawing);
    if (!tensor_of (frame) || (class_id < 0 && drawing->labelled)) /* the labels say already that there is nothing */
        return FALSE;
    if (drawing->changed || !caption->lines || class_id < 0 || class_id != caption->class_id)
        write_caption (caption, drawing, class_id);
    return text_panel_size (drawing, caption->lines, caption->legend, content);
}

static void draw_caption (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct heat_caption *caption = state;
    text_panel_draw (drawing, caption->lines, caption->legend ? &caption->strip : NULL, canvas);
}

static void clear_caption (void *state)
{
    struct heat_caption *caption = state;
    g_strfreev (caption->lines);
}

const struct panel_kind class_activation_text_panels = { .flags = OVERLAY_CLASS_ACTIVATION,
                                                         .panels = 1,
                                                         .state_size = sizeof (struct heat_caption),
                                                         .begin = begin_caption,
                                                         .size = size_caption,
                                                         .draw = draw_caption,
                                                         .clear = clear_caption };
