/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* help.c: overlay=help: the keys and clicks that the window takes, in the middle of the frame; see pointing.def. */
#include "plugin/overlay/panel_kind.h"

static const struct help_line {
    const char *shown, *text;
} lines[] = {
#define CLICK(shown, text) { shown, text },
#define KEY(name, shown, text, function, step) { shown, text },
#include "plugin/overlay/pointing.def"
};

/* Columns of one size of letters: what to press, what it does. */
struct columns {
    int size, left, right; /* pixels */
    int rows;
};

static struct columns columns_of (const struct pen *pen, int size)
{
    struct columns columns = { .size = size };
    for (guint i = 0; i < G_N_ELEMENTS (lines); i++) {
        if (!*lines[i].text)
            continue;
        columns.left = MAX (columns.left, pen_width (pen, lines[i].shown, size, WEIGHT_BOLD));
        columns.right = MAX (columns.right, pen_width (pen, lines[i].text, size, WEIGHT_NORMAL));
        columns.rows++;
    }
    columns.left += size;
    return columns;
}

/* The largest letters that fit the frame; size 0: none that can be read do. */
static struct columns fitting_columns (const struct drawing *drawing)
{
    enum { LEAST = 7 };
    const struct layout *layout = &drawing->layout;
    struct pen pen = drawing_pen (drawing, NULL);
    int width = drawing->frame->width - 4 * layout->pad, height = drawing->frame->height - 2 * layout->pad;
    for (int size = layout->label_line; size >= LEAST; size--) {
        struct columns columns = columns_of (&pen, size);
        if (columns.left + columns.right <= width && columns.rows * (size * 5 / 4) <= height)
            return columns;
    }
    return (struct columns) { .size = 0 };
}

static gboolean size (struct drawing *drawing, void *state, int i, struct panel_content *content)
{
    struct columns *columns = state;
    const struct layout *layout = &drawing->layout;
    if (drawing->changed || columns->size == 0)
        *columns = fitting_columns (drawing);
    if (columns->size == 0)
        return FALSE;
    content->at.width = columns->left + columns->right + 4 * layout->pad;
    content->at.height = columns->rows * (columns->size * 5 / 4) + 2 * layout->pad;
    content->at.x = (drawing->frame->width - content->at.width) / 2;
    content->at.y = (drawing->frame->height - content->at.height) / 2;
    content->text = g_strdup ("help");
    return TRUE;
}

static void draw (struct drawing *drawing, void *state, int i, const struct canvas *canvas)
{
    const struct columns *columns = state;
    struct pen pen = drawing_pen (drawing, canvas);
    const struct style key = { columns->size, WEIGHT_BOLD, COLOUR_TEXT };
    const struct style text = { columns->size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT };
    int x = 2 * drawing->layout.pad, y = drawing->layout.pad;
    pen_clear (&pen);
    for (guint line = 0; line < G_N_ELEMENTS (lines); line++) {
        if (!*lines[line].text)
            continue;
        pen_write (&pen, lines[line].shown, &key, x, y, columns->left);
        pen_write (&pen, lines[line].text, &text, x + columns->left, y, columns->right + 1);
        y += columns->size * 5 / 4;
    }
}

const struct panel_kind help_panels = {
    .flags = OVERLAY_HELP, .panels = 1, .state_size = sizeof (struct columns), .size = size, .draw = draw
};
