/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text_panel.c: as wide as its text, as high as its lines; see text_panel.h. */
#include "plugin/overlay/text_panel.h"

static enum weight line_weight (int i)
{
    return i ? WEIGHT_NORMAL : WEIGHT_BOLD;
}

gboolean text_panel_size (struct drawing *drawing, char *const *lines, gboolean legend, struct panel_content *content)
{
    const struct layout *layout = &drawing->layout;
    const struct rectangle *column = &layout->left;
    struct pen pen = drawing_pen (drawing, NULL);
    int size = layout->small_line, pad = layout->pad, widest = 0, rows = legend ? 1 : 0;
    int most = column->width - 3 * pad;
    for (int i = 0; lines[i]; i++) {
        widest = MAX (widest, pen_width (&pen, lines[i], size, line_weight (i)));
        rows += pen_lines (&pen, lines[i], line_weight (i), most);
    }
    struct rectangle at = { .x = column->x, .height = rows * size + 2 * pad };
    at.width = MAX (MIN (widest, most) + 3 * pad, 0);
    at.y = column->y + column->height - drawing->taken_below - at.height;
    if (at.y < column->y + drawing->taken_above || column->width < 5 * size)
        return FALSE;
    drawing->taken_below += at.height + layout->margin;
    content->at = at;
    content->text = g_strjoinv ("\n", (char **)lines);
    return TRUE;
}

void text_panel_draw (const struct drawing *drawing, char *const *lines, const struct palette *legend,
                      const struct canvas *canvas)
{
    const struct layout *layout = &drawing->layout;
    struct pen pen = drawing_pen (drawing, canvas);
    int line = layout->small_line, size = line;
    struct rectangle at = { .x = layout->pad * 3 / 2, .y = layout->pad, .width = layout->left.width - 3 * layout->pad };
    pen_clear (&pen);
    for (int i = 0; lines[i]; i++)
        size = MIN (size, pen_wrapped_size (&pen, lines[i], line_weight (i), at.width, 2));
    for (int i = 0; lines[i]; i++) {
        struct style style = { size, line_weight (i), i ? COLOUR_QUIET_TEXT : COLOUR_TEXT };
        at.y += line * pen_write_wrapped (&pen, lines[i], &style, &at, 2);
    }
    at.width = canvas->width - 2 * at.x;
    if (legend)
        pen_legend (&pen, legend, "little", "much", &at);
}
