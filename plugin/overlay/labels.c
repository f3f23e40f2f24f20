/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels.c: the best classes with bars for their scores, at the top of the text column; see panel_kind.h. */
#include "plugin/overlay/panel_kind.h"

enum { COLOUR_BAR = 0x58c4ff, COLOUR_TRACK = 0x3a4350 }; /* 0xRRGGBB */

struct labels {
    struct label_row rows[SMOOTHING_ROWS_MAX + 1];
    int count; /* 0: there is no room */
};

static int row_height (const struct layout *layout)
{
    return layout->label_line + layout->label_line * 5 / 10;
}

/* How many of `count` rows there is room for. */
static int fitting_rows (const struct layout *layout, int count)
{
    int room = (layout->left.height * 2 / 3 - 2 * layout->pad) / row_height (layout);
    if (room < 1 && layout->left.height >= row_height (layout) + 2 * layout->pad)
        room = 1;
    return layout->left.width < 5 * layout->label_line ? 0 : CLAMP (count, 0, MAX (room, 0));
}

static void begin (struct drawing *drawing, void *state)
{
    struct labels *labels = state;
    const struct calm_rows *calm = drawing->calm;
    int room = fitting_rows (&drawing->layout, drawing->nothing ? 1 : calm->count + calm->more);
    labels->count = 0;
    if (room > 0 && !drawing->frame->found) /* regions have theirs at their boxes */
        labels->count = caption_rows (labels->rows, MIN (room, SMOOTHING_ROWS_MAX + 1), drawing->frame->network, calm,
                                      drawing->nothing);
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    const struct labels *labels = state;
    const struct layout *layout = &drawing->layout;
    if (labels->count == 0)
        return FALSE;
    GString *text = g_string_new (NULL);
    for (int row = 0; row < labels->count; row++)
        g_string_append_printf (text, "%s %d %s\n", labels->rows[row].share, (int)(labels->rows[row].part * 200),
                                labels->rows[row].text);
    content->text = g_string_free (text, FALSE);
    content->at = layout->left;
    content->at.width = MIN (layout->left.width, 15 * layout->label_line);
    content->at.height = labels->count * row_height (layout) + 2 * layout->pad;
    drawing->taken_above = content->at.height + layout->margin;
    drawing->labelled = TRUE;
    return TRUE;
}

/* The best class stands out. */
static enum weight row_weight (const struct label_row *rows, int i)
{
    return i == 0 && *rows[0].share ? WEIGHT_BOLD : WEIGHT_NORMAL;
}

/* The size that all rows fit in `width` pixels, name and share. */
static int fitting_size (const struct pen *pen, const struct labels *labels, int width)
{
    int size = pen->layout->label_line, fitting = size;
    for (int i = 0; i < labels->count; i++) {
        const struct label_row *row = &labels->rows[i];
        char *whole = g_strdup_printf ("%s%s", row->text, row->share);
        int most = width - (*row->share ? size / 2 : 0);
        fitting = MIN (fitting, pen_shrunk (pen, whole, size, row_weight (labels->rows, i), most));
        g_free (whole);
    }
    return fitting;
}

static void draw (struct drawing *drawing, void *state, int which, const struct canvas *canvas)
{
    const struct labels *labels = state;
    const struct layout *layout = &drawing->layout;
    struct pen pen = drawing_pen (drawing, canvas);
    int size = layout->label_line, x = layout->pad * 3 / 2, width = canvas->width - 2 * x;
    int thick = MAX (size / 6, 2), fitting = fitting_size (&pen, labels, width);
    double opacity = pen_text_opacity (&pen);
    pen_clear (&pen);
    for (int i = 0; i < labels->count; i++) {
        const struct label_row *row = &labels->rows[i];
        int top = layout->pad + i * row_height (layout), y = top + (size - fitting) * 3 / 4, room = width;
        enum weight weight = row_weight (labels->rows, i);
        struct style style = { fitting, weight, weight == WEIGHT_BOLD ? COLOUR_TEXT : COLOUR_QUIET_TEXT };
        if (*row->share)
            room -= pen_write_before (&pen, row->share, &style, x + width, y, width) + size / 2;
        pen_write (&pen, row->text, &style, x, y, room);
        if (!*row->share)
            continue;
        int bar = top + size + thick / 2;
        canvas_fill (canvas, x, bar, width, thick, premultiplied (COLOUR_TRACK, opacity));
        canvas_fill (canvas, x, bar, (int)(width * CLAMP (row->part, 0.0, 1.0) + 0.5), thick,
                     premultiplied (COLOUR_BAR, opacity));
    }
}

static void targets (struct drawing *drawing, void *state, int i, const struct rectangle *at)
{
    const struct labels *labels = state;
    int high = row_height (&drawing->layout);
    struct target target = { .kind = TARGET_CLASS, .at = *at };
    target.at.height = high;
    for (int row = 0; row < labels->count; row++) {
        target.at.y = at->y + drawing->layout.pad + row * high;
        if (!*labels->rows[row].share || row >= drawing->calm->count)
            continue;
        target.class_id = drawing->calm->ids[row];
        targets_add (drawing->targets, &target);
    }
}

const struct panel_kind labels_panels = { .flags = OVERLAY_LABELS,
                                          .panels = 1,
                                          .state_size = sizeof (struct labels),
                                          .begin = begin,
                                          .size = size,
                                          .draw = draw,
                                          .targets = targets };
