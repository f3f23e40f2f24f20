/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* convolution.c: overlay=convolution: which number of the watched layer is taken apart, the strip that shows how
 * (sum_strip.h), and a box on the frame round what it is made from; see panel_kind.h. */
#include <math.h>

#include "engine/receptive_field.h"
#include "plugin/overlay/sum_strip.h"

enum {
    STRIP = SIDES, /* over the box, of which each side is a panel */
    PANELS,
    COLOUR_BOX = 0xffe600,
    WALK_ROWS = 16, /* that a walk takes from top to bottom */
};

struct convolution {
    struct palette signs;
    struct layer_stats stats; /* of the layer after its activation: which channel varies most */
    struct sum_shown shown;
    float *products;
    guint serial; /* of the result seen last */
    int steps;    /* of the walk */
    gboolean seen, ready;
    struct rectangle box; /* on the frame; width 0: none */
};

static float value_at (const struct tensor *tensor, int channel, int y, int x)
{
    return tensor->data[((gsize)channel * (gsize)tensor->height + (gsize)y) * (gsize)tensor->width + (gsize)x];
}

/* The place of the largest value; that of the frame before while it is nearly as large. */
static void go_to_strongest (struct convolution *c, int last_channel)
{
    static const float nearly = 0.8f;
    struct sum_shown *shown = &c->shown;
    const struct tensor *after = &shown->after;
    const float *map = after->data + (gsize)shown->channel * (gsize)after->height * (gsize)after->width;
    int best = 0, kept = shown->y * after->width + shown->x;
    for (int i = 1; i < after->height * after->width; i++)
        if (map[i] > map[best])
            best = i;
    if (c->seen && shown->channel == last_channel && map[kept] > 0 && map[kept] >= nearly * map[best])
        best = kept;
    shown->y = best / after->width;
    shown->x = best % after->width;
}

static void choose_unit (struct convolution *c, const struct unit_words *words, gboolean fresh)
{
    struct sum_shown *shown = &c->shown;
    int last = shown->channel, height = shown->after.height, width = shown->after.width;
    if (fresh || !c->stats.channels)
        layer_stats_add (&c->stats, &shown->after);
    layer_stats_choose (&c->stats, 1, &(struct channel_wish) { .select = CHANNELS_VARIED, .class_id = -1 });
    shown->channel = words->channel >= 0 ? MIN (words->channel, shown->after.channels - 1) : c->stats.shown[0];
    if (words->walk) {
        int down = MAX (height / WALK_ROWS, 1), rows = (height + down - 1) / down;
        c->steps = (c->steps + fresh) % (rows * width);
        shown->y = c->steps / width * down;
        shown->x = c->steps % width;
    } else if (words->y >= 0) {
        shown->y = MIN (words->y, height - 1);
        shown->x = MIN (words->x, width - 1);
    } else {
        go_to_strongest (c, last);
    }
    c->seen = TRUE;
}

/* What the number is made from, in pixels of the frame. */
static struct rectangle box_of (const struct overlay_frame *frame, const struct sum_shown *shown)
{
    const struct rectangle *from = &frame->view.from, *to = &frame->view.to;
    struct field window = { shown->y, shown->x, shown->y, shown->x };
    struct rectangle box = { 0, 0, 0, 0 };
    if (to->width < 1 || to->height < 1 ||
        !graph_receptive_field (model_graph (frame->network->model), shown->watched->layer.pre, &window))
        return box;
    double across = (double)from->width / to->width, down = (double)from->height / to->height;
    int left = from->x + (int)((window.left - to->x) * across), top = from->y + (int)((window.top - to->y) * down);
    int right = from->x + (int)ceil ((window.right + 1 - to->x) * across);
    int bottom = from->y + (int)ceil ((window.bottom + 1 - to->y) * down);
    box.x = CLAMP (left, 0, frame->width - 1);
    box.y = CLAMP (top, 0, frame->height - 1);
    box.width = CLAMP (right, box.x + 1, frame->width) - box.x;
    box.height = CLAMP (bottom, box.y + 1, frame->height) - box.y;
    return box;
}

static void begin (struct drawing *drawing, void *state)
{
    struct convolution *c = state;
    const struct overlay_frame *frame = drawing->frame;
    const struct network *network = frame->network;
    const struct watched *watched = network->watched;
    struct sum_shown *shown = &c->shown;
    c->ready = watched != NULL;
    if (!watched)
        return;
    if (drawing->changed)
        palette_make (&c->signs, COLORMAP_DIVERGING, frame->appearance->opacity);
    gboolean fresh = !c->seen || c->serial != frame->result->serial;
    c->serial = frame->result->serial;
    const struct input_spec *input = model_input (network->model);
    shown->watched = watched;
    shown->signs = &c->signs;
    shown->source = (struct tensor) { "", network->input, input->channels, input->height, input->width };
    if (network->source_tap >= 0)
        shown->source = *plan_tap (network->plan, network->source_tap);
    shown->before = *plan_tap (network->plan, network->before_tap);
    shown->after = *plan_tap (network->plan, network->after_tap);
    struct unit_words words = unit_words_read (frame->appearance->unit);
    choose_unit (c, &words, fresh);
    int cells = watched->shape.kernel_h * watched->shape.kernel_w;
    if (!c->products)
        c->products = g_new (float, (gsize)watched->in_channels *(gsize)cells);
    shown->products = c->products;
    const struct tensor *other = network->other_tap >= 0 ? plan_tap (network->plan, network->other_tap) : NULL;
    watched_sum (watched, &shown->source, (const int[]) { shown->channel, shown->y, shown->x },
                 other ? (double)value_at (other, shown->channel, shown->y, shown->x) : 0, &shown->sum, c->products);
    c->box = box_of (frame, shown);
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct convolution *c = state;
    int thick = MAX (drawing->layout.small_line / 5, 2);
    if (!c->ready)
        return FALSE;
    if (i == STRIP) {
        content->at =
            sum_strip_place (&drawing->layout, drawing->frame->width,
                             drawing->layout.strip.width > 0 ? drawing->layout.strip.y : drawing->frame->height);
        return content->at.width > 0;
    }
    if (c->box.width < 1)
        return FALSE;
    struct rectangle at = c->box; /* the lines lie round it, inside the frame */
    at.x = MAX (at.x - thick, 0);
    at.y = MAX (at.y - thick, 0);
    at.width = MIN (c->box.x + c->box.width + thick, drawing->frame->width) - at.x;
    at.height = MIN (c->box.y + c->box.height + thick, drawing->frame->height) - at.y;
    content->at = panel_side (&at, (enum side)i, thick);
    content->text = g_strdup ("box");
    return TRUE;
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct convolution *c = state;
    struct pen pen = drawing_pen (drawing, canvas);
    if (i == STRIP)
        sum_strip_draw (drawing, &c->shown, &pen);
    else
        canvas_fill (canvas, 0, 0, canvas->width, canvas->height, premultiplied (COLOUR_BOX, pen_text_opacity (&pen)));
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct convolution *c = state;
    const struct sum_shown *shown = &c->shown;
    drawing->targets->unit = (struct target_unit) { shown->watched->layer.post, shown->channel, shown->y, shown->x };
}

static void clear (void *state)
{
    struct convolution *c = state;
    layer_stats_clear (&c->stats);
    g_free (c->products);
}

const struct panel_kind convolution_panels = { .flags = OVERLAY_CONVOLUTION,
                                               .panels = PANELS,
                                               .state_size = sizeof (struct convolution),
                                               .begin = begin,
                                               .size = size,
                                               .draw = draw,
                                               .targets = targets,
                                               .clear = clear };
