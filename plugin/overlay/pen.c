/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pen.c: text fitted into the width there is, painted on a canvas; see pen.h. */
#include "plugin/overlay/pen.h"

#include <string.h>

static const double readable = 0.8; /* opacity of text and of what it stands on, at least */
enum { UNLIMITED = 1 << 18 };       /* pixels: wider than any line of text, and Pango's units still fit an int */

double pen_text_opacity (const struct pen *pen)
{
    return pen->opacity > 0 ? MAX (pen->opacity, readable) : 0;
}

void pen_clear (const struct pen *pen)
{
    const struct canvas *canvas = pen->canvas;
    canvas_fill (canvas, 0, 0, canvas->width, canvas->height, premultiplied (COLOUR_PAPER, pen_text_opacity (pen)));
}

guint32 pen_role_colour (const char *role)
{
    return *role == 'e' ? COLOUR_EARLY : *role == 'm' ? COLOUR_MIDDLE : *role == 'l' ? COLOUR_LATE : COLOUR_TEXT;
}

int pen_width (const struct pen *pen, const char *text, int size, enum weight weight)
{
    return text_line (pen->texts, text, size, weight, UNLIMITED).width;
}

int pen_shrunk (const struct pen *pen, const char *text, int size, enum weight weight, int most)
{
    int least = MAX (size * 3 / 4, 1), width = pen_width (pen, text, size, weight);
    if (width <= most)
        return size;
    int fitting = CLAMP (size * MAX (most, 0) / width, least, size);
    while (fitting > least && pen_width (pen, text, fitting, weight) > most)
        fitting--;
    return fitting;
}

int pen_write (const struct pen *pen, const char *text, const struct style *style, int x, int y, int most)
{
    struct line line = text_line (pen->texts, text, style->size, style->weight, most);
    text_paint (&line, pen->canvas, x, y, style->rgb, pen_text_opacity (pen));
    return line.width;
}

int pen_write_before (const struct pen *pen, const char *text, const struct style *style, int end, int y, int most)
{
    struct line line = text_line (pen->texts, text, style->size, style->weight, most);
    text_paint (&line, pen->canvas, end - line.width, y, style->rgb, pen_text_opacity (pen));
    return line.width;
}

int pen_drop (const struct pen *pen, int size)
{
    return (pen->layout->small_line - size) * 3 / 4;
}

/* ---- two lines ------------------------------------------------------------------------------------------------- */

/* Where to break a text that is wider than `most` and would be even if it were a tenth smaller: behind a colon or a
 * comma when both halves fit, else at the last space whose first half fits. 0: it fits, or there is no such place. */
static gsize break_at (const struct pen *pen, const char *text, int size, enum weight weight, int most)
{
    gsize best = 0;
    if (pen_width (pen, text, MAX (size * 9 / 10, 1), weight) <= most)
        return 0;
    for (const char *space = strchr (text, ' '); space; space = strchr (space + 1, ' ')) {
        char *first = g_strndup (text, (gsize)(space - text));
        gboolean fits = pen_width (pen, first, size, weight) <= most;
        g_free (first);
        if (!fits)
            break;
        best = (gsize)(space - text);
        if (space > text && strchr (":,", space[-1]) && pen_width (pen, space + 1, size, weight) <= most)
            break;
    }
    return best;
}

int pen_lines (const struct pen *pen, const char *text, enum weight weight, int most)
{
    return break_at (pen, text, pen->layout->small_line, weight, most) > 0 ? 2 : 1;
}

int pen_wrapped_size (const struct pen *pen, const char *text, enum weight weight, int most, int lines)
{
    int size = pen->layout->small_line;
    gsize end = lines > 1 ? break_at (pen, text, size, weight, most) : 0;
    if (end == 0)
        return pen_shrunk (pen, text, size, weight, most);
    char *first = g_strndup (text, end);
    int fitting =
        MIN (pen_shrunk (pen, first, size, weight, most), pen_shrunk (pen, text + end + 1, size, weight, most));
    g_free (first);
    return fitting;
}

int pen_write_wrapped (const struct pen *pen, const char *text, const struct style *style, const struct rectangle *at,
                       int lines)
{
    int full = pen->layout->small_line, y = at->y + pen_drop (pen, style->size);
    gsize end = lines > 1 ? break_at (pen, text, full, style->weight, at->width) : 0;
    if (end > 0) {
        char *first = g_strndup (text, end);
        pen_write (pen, first, style, at->x, y, at->width);
        g_free (first);
        text += end + 1;
        y += full;
    }
    pen_write (pen, text, style, at->x, y, at->width);
    return end > 0 ? 2 : 1;
}

/* ---- frames and legends ------------------------------------------------------------------------------------------ */

void pen_outline (const struct pen *pen, const struct rectangle *of, int thick, guint32 pixel)
{
    int right = of->x + MAX (of->width - thick, 0), bottom = of->y + MAX (of->height - thick, 0);
    canvas_fill (pen->canvas, of->x, of->y, of->width, thick, pixel);
    canvas_fill (pen->canvas, of->x, bottom, of->width, thick, pixel);
    canvas_fill (pen->canvas, of->x, of->y, thick, of->height, pixel);
    canvas_fill (pen->canvas, right, of->y, thick, of->height, pixel);
}

void pen_legend (const struct pen *pen, const struct palette *palette, const char *low, const char *high,
                 const struct rectangle *at)
{
    int size = pen->layout->small_line, gap = size / 3;
    int width = MIN (at->width, size * 20); /* a longer strip tells no more */
    const struct style quiet = { size, WEIGHT_NORMAL, COLOUR_QUIET_TEXT }, zero = { size, WEIGHT_NORMAL, COLOUR_TEXT };
    int left = pen_write (pen, low, &quiet, at->x, at->y, width / 2);
    int right = pen_write_before (pen, high, &quiet, at->x + width, at->y, width * 2 / 3);
    int from = at->x + left + gap, across = MAX (at->x + width - right - gap - from, 0);
    palette_strip (palette, pen->canvas, from, at->y + size / 4, across, MAX (size * 3 / 4, 2));
    if (palette->diverging && across > size) {
        int wide = text_line (pen->texts, "0", size, WEIGHT_NORMAL, size).width;
        pen_write (pen, "0", &zero, from + (across - wide) / 2, at->y, size);
    }
}
