/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_strip.c: overlay=network: the whole network as a row of blocks along the bottom of the frame, each filled as
 * far as its layer is active; the layers that are shown are marked, and what layers of that depth answer to is said
 * once; see panel_kind.h.
 *
 *   the whole network   |▁| |▄| |▆| |▃| |▂| |▁|
 *   % active            early edges, colours    late objects */
#include "plugin/overlay/panel_kind.h"

enum {
    COLOUR_BLOCK = 0x2b333d, /* 0xRRGGBB: the empty part of a block, */
    COLOUR_FILL = 0x8d99a6,  /* and the full part */
    COLOUR_UNIT = 0xffe600,  /* of the unit's layer, as the box round it */
    STEPS = 64,              /* that a block can be filled in */
};
static const double slowly = 0.2; /* of the way to a frame's share, so that the blocks do not flicker */

struct strip {
    double active[STRIP_MAX]; /* share of the values above zero, smoothed; < 0: not known */
    gboolean seen;
    guint serial; /* of the result counted last */
};

/* Share of the values above zero. */
static double share_active (const struct tensor *tensor)
{
    gsize count = (gsize)tensor->channels * (gsize)tensor->height * (gsize)tensor->width, above = 0;
    for (gsize i = 0; i < count;) {
        int some = 0;
        for (gsize end = MIN (i + 4096, count); i < end; i++)
            some += tensor->data[i] > 0;
        above += (gsize)some;
    }
    return count > 0 ? (double)above / (double)count : 0;
}

static void begin (struct drawing *drawing, void *state)
{
    struct strip *strip = state;
    const struct network *network = drawing->frame->network;
    if (strip->seen && strip->serial == drawing->frame->result->serial)
        return;
    for (int i = 0; i < network->strip_count; i++) {
        double now = network->strip_tap[i] < 0 ? -1 : share_active (plan_tap (network->plan, network->strip_tap[i]));
        strip->active[i] = strip->seen ? strip->active[i] + slowly * (now - strip->active[i]) : now;
    }
    strip->seen = TRUE;
    strip->serial = drawing->frame->result->serial;
}

static int steps_of (double active)
{
    return active < 0 ? -1 : (int)(active * STEPS + 0.5);
}

/* Width of the words at the left, pixels; 0: there is no room for them. */
static int words_width (const struct layout *layout)
{
    int wide = 10 * layout->small_line;
    return layout->strip.width >= 4 * wide ? wide : 0;
}

/* Block i, in the panel. */
static struct rectangle block_place (const struct drawing *drawing, int i)
{
    const struct layout *layout = &drawing->layout;
    int count = MAX (drawing->frame->network->strip_count, 1), pad = layout->pad;
    int left = pad + words_width (layout), across = layout->strip.width - left - pad;
    int from = left + across * i / count, to = left + across * (i + 1) / count;
    return (struct rectangle) { from, pad, MAX (to - from - MAX (pad / 2, 1), 1),
                                3 * layout->small_line / 2 - pad / 2 };
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct strip *strip = state;
    const struct network *network = drawing->frame->network;
    if (drawing->layout.strip.width < 1 || network->strip_count < 1)
        return FALSE;
    GString *text = g_string_new (NULL);
    for (int block = 0; block < network->strip_count; block++)
        g_string_append_printf (text, "%d ", steps_of (strip->active[block]));
    content->at = drawing->layout.strip;
    content->text = g_string_free (text, FALSE);
    return TRUE;
}

/* ---- drawing --------------------------------------------------------------------------------------------------- */

static void frame_round (const struct pen *pen, const struct rectangle *at, guint32 rgb)
{
    int thick = MAX (pen->layout->small_line / 10, 1);
    const struct rectangle round = { at->x - thick, at->y - thick, at->width + 2 * thick, at->height + 2 * thick };
    for (int side = 0; side < SIDES; side++) {
        struct rectangle line = panel_side (&round, (enum side)side, thick);
        canvas_fill (pen->canvas, line.x, line.y, line.width, line.height, premultiplied (rgb, pen_text_opacity (pen)));
    }
}

/* The shown layer that the block stands for, or -1. */
static int shown_layer (const struct network *network, int block)
{
    for (int i = 0; i < network->layers.count; i++)
        if (network->layers.layer[i].post == network->strip[block].post)
            return i;
    return -1;
}

static void draw_block (const struct drawing *drawing, const struct strip *strip, int block, const struct pen *pen)
{
    const struct network *network = drawing->frame->network;
    struct rectangle at = block_place (drawing, block);
    int steps = steps_of (strip->active[block]), full = steps > 0 ? MAX (steps * at.height / STEPS, 1) : 0;
    int shown = shown_layer (network, block);
    double opacity = pen_text_opacity (pen);
    guint32 fill = shown >= 0 ? pen_role_colour (network->layers.layer[shown].role) : COLOUR_FILL;
    canvas_fill (pen->canvas, at.x, at.y, at.width, at.height, premultiplied (COLOUR_BLOCK, opacity));
    canvas_fill (pen->canvas, at.x, at.y + at.height - full, at.width, full, premultiplied (fill, opacity));
    if (network->watched && network->watched->layer.post == network->strip[block].post)
        frame_round (pen, &at, COLOUR_UNIT);
    else if (shown >= 0)
        frame_round (pen, &at, fill);
}

/* The role, or the name where it has none, and what layers of that depth answer to, below the block. Returns where the
 * next may begin. */
static int write_role (const struct drawing *drawing, const struct pen *pen, int block, int shown, int from)
{
    const struct network *network = drawing->frame->network;
    const char *role = network->layers.layer[shown].role, *answers = caption_role (role);
    const char *name = *role ? role : network->layers.label[shown];
    int size = pen->layout->small_line, pad = pen->layout->pad;
    const struct style bold = { size, WEIGHT_BOLD, pen_role_colour (role) };
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    int gap = *answers ? size / 2 : 0;
    int first = pen_width (pen, name, size, WEIGHT_BOLD), second = pen_width (pen, answers, size, WEIGHT_NORMAL);
    struct rectangle at = block_place (drawing, block);
    int end = pen->canvas->width - pad, x = at.x + at.width / 2 - (first + gap + second) / 2;
    int y = at.y + at.height + pad / 2;
    x = MAX (MIN (x, end - (first + gap + second)), from);
    if (x + first > end)
        return from; /* the words before have taken the room */
    pen_write (pen, name, &bold, x, y, end - x);
    x += first + gap;
    if (*answers && x + second <= end) {
        pen_write (pen, answers, &quiet, x, y, end - x);
        x += second;
    }
    return x + size;
}

static void write_words (const struct drawing *drawing, const struct pen *pen)
{
    const struct network *network = drawing->frame->network;
    int size = pen->layout->small_line, pad = pen->layout->pad, room = words_width (pen->layout) - 2 * pad;
    const struct style bold = { size, WEIGHT_BOLD, COLOUR_TEXT }, quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    char text[64];
    if (room < 1)
        return;
    pen_write (pen, "the whole network", &bold, 2 * pad, pad, room);
    caption_strip (text, sizeof text, network->strip_count, network->strip_of);
    pen_write (pen, text, &quiet, 2 * pad, pad + size * 5 / 4, room);
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct network *network = drawing->frame->network;
    struct pen pen = drawing_pen (drawing, canvas);
    int from = words_width (pen.layout) + pen.layout->pad;
    pen_clear (&pen);
    write_words (drawing, &pen);
    for (int block = 0; block < network->strip_count; block++) {
        int shown = shown_layer (network, block);
        draw_block (drawing, state, block, &pen);
        if (shown >= 0)
            from = write_role (drawing, &pen, block, shown, from);
    }
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct network *network = drawing->frame->network;
    struct target target = { .kind = TARGET_CHANNEL, .channel = -1 };
    for (int block = 0; block < network->strip_count; block++) {
        target.at = block_place (drawing, block);
        target.at.x += at->x;
        target.at.y += at->y;
        target.layer = network->strip[block].post;
        targets_add (drawing->targets, &target);
    }
}

const struct panel_kind network_strip_panels = { .flags = OVERLAY_NETWORK,
                                                 .panels = 1,
                                                 .state_size = sizeof (struct strip),
                                                 .begin = begin,
                                                 .size = size,
                                                 .draw = draw,
                                                 .targets = targets };
