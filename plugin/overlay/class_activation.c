/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* class_activation.c: where in the picture the best class was found, as heat over it, and a caption for that in the
 * text column; two classes have pictures of their own (class_pair.c). See panel_kind.h. */
#include <math.h>

#include "plugin/overlay/smooth_map.h"
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
    gboolean best = drawing->calm->count > 0 && drawing->class_id == drawing->calm->ids[0];
    return drawing->nothing && best ? -1 : drawing->class_id;
}

/* The part of the map that the view shows. */
static void heat_part (const struct overlay_frame *frame, double part[4])
{
    smooth_map_part (frame->network, frame->network->class_map->map, &frame->view.to, part);
}

/* ---- heat ------------------------------------------------------------------------------------------------------ */

/* A smooth picture of a coarse map (values / most, cut at 0 and 1) in the palette. The part from (left, top), across x
 * down, in map pixels, fills the canvas. */
static void draw_heat (const struct map *map, float most, const double part[4], const struct palette *palette,
                       const struct canvas *canvas)
{
    guint8 *heat = smooth_map_new (map, part, most > 0 ? 255 / (double)most : 0, canvas->width, canvas->height);
    for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++)
            canvas->pixels[y * canvas->stride + x] = palette->pixel[heat[y * canvas->width + x]];
    g_free (heat);
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
    if (!tensor || class_of (drawing) < 0 || (drawing->two_classes && is_of_class (drawing->frame)))
        return FALSE;
    double part[4];
    heat_part (drawing->frame, part);
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
    heat_part (drawing->frame, part);
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
                                                    .see_through = TRUE,
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
    if (!tensor_of (frame) || (drawing->two_classes && is_of_class (frame)) ||
        (class_id < 0 && drawing->labelled)) /* the labels say already that there is nothing */
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
