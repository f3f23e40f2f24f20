/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* convolution.c: overlay=convolution: which number of the watched layer is taken apart, the strip that shows how
 * (sum_strip.h), and a box on the frame round what it is made from; see panel_kind.h. */
#include "plugin/overlay/sum_strip.h"
#include "plugin/overlay/unit_choice.h"

enum {
    STRIP = SIDES, /* over the box, of which each side is a panel */
    PANELS,
};

struct convolution {
    struct palette signs;
    struct unit_choice choice;
    struct sum_shown shown;
    float *products;
    guint serial; /* of the result seen last */
    gboolean ready;
    struct rectangle box; /* on the frame; width 0: none */
};

static float value_at (const struct tensor *tensor, int channel, int y, int x)
{
    return tensor->data[((gsize)channel * (gsize)tensor->height + (gsize)y) * (gsize)tensor->width + (gsize)x];
}

static void begin (struct drawing *drawing, void *state)
{
    struct convolution *c = state;
    const struct overlay_frame *frame = drawing->frame;
    const struct network *network = frame->network;
    const struct watched *watched = network->watched;
    struct sum_shown *shown = &c->shown;
    c->ready = watched && watched->conv >= 0 && network->before_tap >= 0; /* else a plan that has them comes soon */
    if (!c->ready)
        return;
    if (drawing->changed)
        palette_make (&c->signs, COLORMAP_DIVERGING, frame->appearance->opacity);
    gboolean fresh = !c->choice.seen || c->serial != frame->result->serial;
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
    unit_choice_make (&c->choice, &shown->after, &words, fresh);
    shown->channel = c->choice.channel;
    shown->y = c->choice.y;
    shown->x = c->choice.x;
    int cells = watched->shape.kernel_h * watched->shape.kernel_w;
    if (!c->products)
        c->products = g_new (float, (gsize)watched->in_channels *(gsize)cells);
    shown->products = c->products;
    shown->other = (struct tensor) { .channels = 0 };
    if (network->other_tap >= 0)
        shown->other = *plan_tap (network->plan, network->other_tap);
    double other = shown->other.data ? (double)value_at (&shown->other, shown->channel, shown->y, shown->x) : 0;
    watched_sum (watched, &shown->source, (const int[]) { shown->channel, shown->y, shown->x }, other, &shown->sum,
                 c->products);
    c->box = unit_field (frame, watched->layer.pre, shown->y, shown->x);
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct convolution *c = state;
    if (!c->ready)
        return FALSE;
    if (i == STRIP) {
        content->at =
            sum_strip_place (&drawing->layout, c->shown.watched->other >= 0, drawing->frame->width,
                             drawing->layout.strip.width > 0 ? drawing->layout.strip.y : drawing->frame->height);
        return content->at.width > 0;
    }
    if (c->box.width < 1)
        return FALSE;
    unit_box_side (drawing->frame, &drawing->layout, &c->box, (enum side)i, content);
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
    unit_choice_clear (&c->choice);
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
