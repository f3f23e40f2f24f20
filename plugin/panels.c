/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* panels.c: draws one panel; see panels.h. */
#include "plugin/panels.h"

#include <stdio.h>
#include <string.h>

static const guint32 paper = 0x0a0d13, white = 0xffffff, quiet = 0xc3ccd6, accent = 0x58c4ff, track = 0x3a4350;
static const double paper_density = 0.86;

static guint32 role_colour (const char *role)
{
    return *role == 'e' ? 0x7be0ff : *role == 'm' ? 0x9cf09a : *role == 'l' ? 0xffd166 : white;
}

static void clear (const struct pen *pen, const struct canvas *canvas)
{
    canvas_fill (canvas, 0, 0, canvas->width, canvas->height, premultiplied (paper, paper_density * pen->opacity));
}

/* Returns how wide it is. */
static int write_text (const struct pen *pen, const struct canvas *canvas, const char *text, int size,
                       enum weight weight, int x, int y, int most, guint32 rgb)
{
    struct line line = caption_line (pen->captions, text, size, weight, most);
    caption_paint (&line, canvas, x, y, rgb, pen->opacity);
    return line.width;
}

/* "0 [strip] max" in `width` pixels from x. */
static void write_legend (const struct pen *pen, const struct canvas *canvas, const struct palette *palette,
                          const char *low, const char *high, int x, int y, int width)
{
    int size = pen->layout->small_line, gap = size / 3;
    struct line left = caption_line (pen->captions, low, size, WEIGHT_NORMAL, width / 2);
    caption_paint (&left, canvas, x, y, quiet, pen->opacity);
    struct line right = caption_line (pen->captions, high, size, WEIGHT_NORMAL, width / 2);
    caption_paint (&right, canvas, x + width - right.width, y, quiet, pen->opacity);
    int from = x + left.width + gap, to = x + width - right.width - gap;
    palette_strip (palette, canvas, from, y + size / 4, MAX (to - from, 0), MAX (size * 5 / 8, 2));
}

/* ---- feature maps ---------------------------------------------------------------------------------------------- */

static void write_title (const struct pen *pen, const struct canvas *canvas, const struct mosaic_words *words, int x,
                         int y, int most)
{
    int size = pen->layout->small_line, used = 0;
    if (*words->role)
        used =
            write_text (pen, canvas, words->role, size, WEIGHT_BOLD, x, y, most, role_colour (words->role)) + size / 2;
    write_text (pen, canvas, words->name, size, WEIGHT_BOLD, x + used, y, most - used, white);
}

static void write_fact (const struct pen *pen, const struct canvas *canvas, const struct mosaic_words *words, int x,
                        int y, int most)
{
    int size = pen->layout->small_line;
    struct line whole = caption_line (pen->captions, words->fact, size, WEIGHT_NORMAL, size * 100);
    write_text (pen, canvas, whole.width <= most ? words->fact : words->short_fact, size, WEIGHT_NORMAL, x, y, most,
                quiet);
}

static void write_words (const struct pen *pen, const struct canvas *canvas, const struct mosaic *mosaic,
                         const struct mosaic_words *words)
{
    int size = pen->layout->small_line, x = pen->layout->pad, y = pen->layout->pad / 2;
    int width = canvas->width - 2 * x;
    const char *low = words->palette->diverging ? "< 0" : "0", *high = words->palette->diverging ? "> 0" : "max";
    if (mosaic->text_lines == 2) {
        struct line shape = caption_line (pen->captions, words->shape, size, WEIGHT_NORMAL, width / 2);
        caption_paint (&shape, canvas, x + width - shape.width, y, quiet, pen->opacity);
        write_title (pen, canvas, words, x, y, width - shape.width - size / 2);
        int legend = size * 6;
        write_fact (pen, canvas, words, x, y + size, width - legend - size * 3 / 2);
        write_legend (pen, canvas, words->palette, low, high, x + width - legend, y + size, legend);
    } else if (mosaic->text_lines == 4) {
        write_title (pen, canvas, words, x, y, width);
        write_text (pen, canvas, words->shape, size, WEIGHT_NORMAL, x, y + size, width, quiet);
        write_fact (pen, canvas, words, x, y + 2 * size, width);
        write_legend (pen, canvas, words->palette, low, high, x, y + 3 * size, width);
    }
}

void panel_mosaic (const struct pen *pen, const struct canvas *canvas, const struct mosaic *mosaic,
                   const struct mosaic_words *words, const struct tensor *tensor, const struct layer_watch *watch,
                   float *most)
{
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width;
    clear (pen, canvas);
    write_words (pen, canvas, mosaic, words);
    for (int i = 0; i < MIN (mosaic->count, watch->shown_count); i++) {
        struct tile tile = {
            .x = mosaic->left + i % mosaic->columns * (mosaic->tile_width + pen->layout->gap),
            .y = mosaic->top + i / mosaic->columns * (mosaic->tile_height + pen->layout->gap),
            .width = mosaic->tile_width,
            .height = mosaic->tile_height,
            .most = most[i],
        };
        most[i] = tile_draw (tensor->data + (gsize)watch->shown[i] * pixels, tensor->height, tensor->width,
                             words->palette, &tile, canvas, pen->scratch);
    }
}

/* ---- labels ---------------------------------------------------------------------------------------------------- */

static int row_height (const struct layout *layout)
{
    return layout->label_line + layout->label_line * 5 / 10;
}

int panel_labels_fit (const struct pen *pen, int count)
{
    const struct layout *layout = pen->layout;
    int room = (layout->left.height * 2 / 3 - 2 * layout->pad) / row_height (layout);
    if (room < 1 && layout->left.height >= row_height (layout) + 2 * layout->pad)
        room = 1;
    return layout->left.width < 5 * layout->label_line ? 0 : CLAMP (count, 0, MAX (room, 0));
}

struct rectangle panel_labels_size (const struct pen *pen, int count)
{
    const struct layout *layout = pen->layout;
    int width = MIN (layout->left.width, 15 * layout->label_line);
    return (struct rectangle) { layout->left.x, layout->left.y, width, count * row_height (layout) + 2 * layout->pad };
}

void panel_labels (const struct pen *pen, const struct canvas *canvas, const struct label_row *rows, int count)
{
    int size = pen->layout->label_line, x = pen->layout->pad * 3 / 2, width = canvas->width - 2 * x;
    int thick = MAX (size / 6, 2);
    clear (pen, canvas);
    for (int i = 0; i < count; i++) {
        int y = pen->layout->pad + i * row_height (pen->layout);
        char percent[16];
        snprintf (percent, sizeof percent, "%d %%", rows[i].percent);
        struct line number = caption_line (pen->captions, percent, size, i ? WEIGHT_NORMAL : WEIGHT_BOLD, width / 2);
        caption_paint (&number, canvas, x + width - number.width, y, i ? quiet : white, pen->opacity);
        write_text (pen, canvas, rows[i].text, size, i ? WEIGHT_NORMAL : WEIGHT_BOLD, x, y,
                    width - number.width - size / 2, i ? quiet : white);
        canvas_fill (canvas, x, y + size + thick / 2, width, thick, premultiplied (track, pen->opacity));
        canvas_fill (canvas, x, y + size + thick / 2, width * CLAMP (rows[i].percent, 0, 100) / 100, thick,
                     premultiplied (accent, pen->opacity));
    }
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

void panel_lines_size (const struct pen *pen, char *const *lines, gboolean strip, int *width, int *height)
{
    int size = pen->layout->small_line, pad = pen->layout->pad, widest = 0, count = 0, most = pen->layout->left.width;
    for (; lines[count]; count++) {
        struct line line =
            caption_line (pen->captions, lines[count], size, count ? WEIGHT_NORMAL : WEIGHT_BOLD, most - 3 * pad);
        widest = MAX (widest, line.width);
    }
    *width = CLAMP (widest + 3 * pad, 0, MAX (most, 0));
    *height = (count + (strip ? 1 : 0)) * size + 2 * pad;
}

void panel_lines (const struct pen *pen, const struct canvas *canvas, char *const *lines, const struct palette *strip,
                  const char *low, const char *high)
{
    int size = pen->layout->small_line, x = pen->layout->pad * 3 / 2, y = pen->layout->pad;
    clear (pen, canvas);
    for (int i = 0; lines[i]; i++, y += size)
        write_text (pen, canvas, lines[i], size, i ? WEIGHT_NORMAL : WEIGHT_BOLD, x, y, pen->layout->left.width - 2 * x,
                    i ? quiet : white);
    if (strip)
        write_legend (pen, canvas, strip, low, high, x, y, canvas->width - 2 * x);
}
