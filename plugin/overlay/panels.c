/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* panels.c: draws one panel; see panels.h. */
#include "plugin/overlay/panels.h"

#include <stdio.h>
#include <string.h>

static const guint32 paper = 0x0a0d13, white = 0xffffff, quiet = 0xc3ccd6, accent = 0x58c4ff, track = 0x3a4350,
                     grid = 0x8d99a6; /* neither an end nor the zero of a colour map */
static const double readable = 0.8;   /* of text and what it stands on: less cannot be read over a picture */
enum { UNLIMITED = 1 << 18 };         /* pixels: wider than any line of text, and Pango's units still fit an int */

static guint32 role_colour (const char *role)
{
    return *role == 'e' ? 0x7be0ff : *role == 'm' ? 0x9cf09a : *role == 'l' ? 0xffd166 : white;
}

/* How dense text and its paper are: an opacity of 0 hides them too. */
static double text_opacity (const struct pen *pen)
{
    return pen->opacity > 0 ? MAX (pen->opacity, readable) : 0;
}

static void clear (const struct pen *pen, const struct canvas *canvas)
{
    canvas_fill (canvas, 0, 0, canvas->width, canvas->height, premultiplied (paper, text_opacity (pen)));
}

/* How wide the text is where nothing limits it. */
static int natural_width (const struct pen *pen, const char *text, int size, enum weight weight)
{
    return caption_line (pen->captions, text, size, weight, UNLIMITED).width;
}

/* The size, at most `size`, that the text fits in `most` pixels; never below three quarters of it. */
static int shrunk (const struct pen *pen, const char *text, int size, enum weight weight, int most)
{
    int least = MAX (size * 3 / 4, 1), width = natural_width (pen, text, size, weight);
    if (width <= most)
        return size;
    int fitting = CLAMP (size * MAX (most, 0) / width, least, size);
    while (fitting > least && natural_width (pen, text, fitting, weight) > most)
        fitting--;
    return fitting;
}

/* Writes a line in `size`, on the baseline of a small line, dots in the middle where it is too long. */
static void write_text (const struct pen *pen, const struct canvas *canvas, const char *text, int size,
                        enum weight weight, int x, int y, int most, guint32 rgb)
{
    struct line line = caption_line (pen->captions, text, size, weight, most);
    caption_paint (&line, canvas, x, y + (pen->layout->small_line - size) * 3 / 4, rgb, text_opacity (pen));
}

/* Where to break a text that is wider than `most` and would be even if it were a tenth smaller: behind a colon or a comma
 * when both halves fit, else at the last space whose first half fits. 0: it fits, or there is no such place. */
static gsize break_at (const struct pen *pen, const char *text, int size, enum weight weight, int most)
{
    gsize best = 0;
    if (natural_width (pen, text, MAX (size * 9 / 10, 1), weight) <= most)
        return 0;
    for (const char *space = strchr (text, ' '); space; space = strchr (space + 1, ' ')) {
        char *first = g_strndup (text, (gsize)(space - text));
        gboolean fits = natural_width (pen, first, size, weight) <= most;
        g_free (first);
        if (!fits)
            break;
        best = (gsize)(space - text);
        if (space > text && strchr (":,", space[-1]) && natural_width (pen, space + 1, size, weight) <= most)
            break;
    }
    return best;
}

/* The same in up to `lines` (1 or 2) lines, a small line apart. Returns how many it took. */
static int write_wrapped (const struct pen *pen, const struct canvas *canvas, const char *text, enum weight weight,
                          const struct rectangle *at, int size, int lines, guint32 rgb)
{
    int full = pen->layout->small_line, y = at->y;
    gsize end = lines > 1 ? break_at (pen, text, full, weight, at->width) : 0;
    if (end > 0) {
        char *first = g_strndup (text, end);
        write_text (pen, canvas, first, size, weight, at->x, y, at->width, rgb);
        g_free (first);
        text += end + 1;
        y += full;
    }
    write_text (pen, canvas, text, size, weight, at->x, y, at->width, rgb);
    return end > 0 ? 2 : 1;
}

/* The size in which write_wrapped would have to write, were the text alone. */
static int wrapped_size (const struct pen *pen, const char *text, enum weight weight, int most, int lines)
{
    int size = pen->layout->small_line;
    gsize end = lines > 1 ? break_at (pen, text, size, weight, most) : 0;
    if (end == 0)
        return shrunk (pen, text, size, weight, most);
    char *first = g_strndup (text, end);
    int fitting = MIN (shrunk (pen, first, size, weight, most), shrunk (pen, text + end + 1, size, weight, most));
    g_free (first);
    return fitting;
}

/* "0 [strip] max" in `width` pixels from x; the middle of signed colours is marked 0. */
static void write_legend (const struct pen *pen, const struct canvas *canvas, const struct palette *palette,
                          const char *low, const char *high, int x, int y, int width)
{
    int size = pen->layout->small_line, gap = size / 3;
    width = MIN (width, size * 20); /* a longer strip tells no more */
    struct line left = caption_line (pen->captions, low, size, WEIGHT_NORMAL, width / 2);
    caption_paint (&left, canvas, x, y, quiet, text_opacity (pen));
    struct line right = caption_line (pen->captions, high, size, WEIGHT_NORMAL, width * 2 / 3);
    caption_paint (&right, canvas, x + width - right.width, y, quiet, text_opacity (pen));
    int from = x + left.width + gap, across = MAX (x + width - right.width - gap - from, 0);
    palette_strip (palette, canvas, from, y + size / 4, across, MAX (size * 3 / 4, 2));
    if (palette->diverging && across > size) {
        struct line zero = caption_line (pen->captions, "0", size, WEIGHT_NORMAL, size);
        caption_paint (&zero, canvas, from + (across - zero.width) / 2, y, white, text_opacity (pen));
    }
}

/* ---- feature maps ---------------------------------------------------------------------------------------------- */

/* Role and name, or "pre" and the name where there is room for nothing else. */
static const char *role_of (const struct mosaic_words *words, gboolean alone)
{
    return alone ? (words->pre ? "pre" : "") : words->role;
}

static int title_size (const struct pen *pen, const struct mosaic_words *words, gboolean alone, int most)
{
    const char *role = role_of (words, alone);
    char *whole = g_strdup_printf ("%s%s%s", role, *role ? "  " : "", words->name);
    int size = shrunk (pen, whole, pen->layout->small_line, WEIGHT_BOLD, most);
    g_free (whole);
    return size;
}

static void write_title (const struct pen *pen, const struct canvas *canvas, const struct mosaic_words *words,
                         gboolean alone, const struct rectangle *at, int size)
{
    const char *role = role_of (words, alone);
    int used = 0, y = at->y + (pen->layout->small_line - size) * 3 / 4;
    if (*role) {
        struct line line = caption_line (pen->captions, role, size, WEIGHT_BOLD, at->width);
        caption_paint (&line, canvas, at->x, y, alone ? quiet : role_colour (role), text_opacity (pen));
        used = line.width + size / 2;
    }
    struct line name = caption_line (pen->captions, words->name, size, WEIGHT_BOLD, at->width - used);
    caption_paint (&name, canvas, at->x + used, y, white, text_opacity (pen));
}

/* Where role, name and shape go: side by side, one below the other, or the name alone in the second line because it is
 * too long for its place. `beside`: the room left of the shape. */
enum head { HEAD_ONE_LINE, HEAD_TWO_LINES, HEAD_NAME_BELOW };

static enum head head_of (const struct pen *pen, const struct mosaic_words *words, gboolean two_lines, int width,
                          int *beside)
{
    int size = pen->layout->small_line;
    *beside = width - natural_width (pen, words->shape, size, WEIGHT_NORMAL) - size / 2;
    if (!two_lines)
        return HEAD_ONE_LINE;
    int name = natural_width (pen, words->name, size, WEIGHT_BOLD);
    int role = *words->role ? natural_width (pen, words->role, size, WEIGHT_BOLD) + size / 2 : 0;
    return role + name > width && role <= *beside ? HEAD_NAME_BELOW : HEAD_TWO_LINES;
}

static int head_size (const struct pen *pen, const struct mosaic_words *words, enum head head, int width, int beside)
{
    int small = pen->layout->small_line;
    if (head == HEAD_NAME_BELOW)
        return shrunk (pen, words->name, small, WEIGHT_BOLD, width);
    int size = title_size (pen, words, FALSE, head == HEAD_ONE_LINE ? beside : width);
    return head == HEAD_ONE_LINE ? size : MIN (size, shrunk (pen, words->shape, small, WEIGHT_NORMAL, width));
}

/* Returns where the next line begins. */
static int write_head (const struct pen *pen, const struct canvas *canvas, const struct mosaic_words *words,
                       enum head head, int beside, struct rectangle at, int size)
{
    int line = pen->layout->small_line, width = at.width;
    struct line shape = caption_line (pen->captions, words->shape, size, WEIGHT_NORMAL, width);
    int shape_x = head == HEAD_TWO_LINES ? at.x : at.x + width - shape.width;
    int shape_y = head == HEAD_TWO_LINES ? at.y + line : at.y;
    caption_paint (&shape, canvas, shape_x, shape_y + (line - size) * 3 / 4, quiet, text_opacity (pen));
    if (head == HEAD_NAME_BELOW) {
        write_text (pen, canvas, words->role, size, WEIGHT_BOLD, at.x, at.y, beside, role_colour (words->role));
        write_text (pen, canvas, words->name, size, WEIGHT_BOLD, at.x, at.y + line, width, white);
    } else {
        at.width = head == HEAD_ONE_LINE ? beside : width;
        write_title (pen, canvas, words, FALSE, &at, size);
    }
    return at.y + (head == HEAD_ONE_LINE ? 1 : 2) * line;
}

/* What the largest value is, `same`: that of the map before the activation. */
static char *scale_in_words (const struct mosaic_words *words, gboolean same)
{
    return same ? g_strdup_printf ("same scale as %s", words->beside) : g_strdup ("max: each map's own");
}

/* What the ends of the colours mean: in one line, or in two, the second in `size`. */
static void write_scale (const struct pen *pen, const struct canvas *canvas, const struct mosaic_words *words,
                         gboolean same, const struct rectangle *at, int lines, int size)
{
    const struct palette *palette = words->palette;
    const char *low = palette->diverging ? "−max" : "0", *high = palette->diverging ? "+max" : "max";
    if (lines > 1) {
        char *second = scale_in_words (words, same);
        write_legend (pen, canvas, palette, low, high, at->x, at->y, at->width);
        write_text (pen, canvas, second, size, WEIGHT_NORMAL, at->x, at->y + pen->layout->small_line, at->width, quiet);
        g_free (second);
    } else {
        char *whole =
            same ? g_strdup_printf ("%s, as %s", high, words->beside) : g_strdup_printf ("%s of each map", high);
        write_legend (pen, canvas, palette, low, whole, at->x, at->y, at->width);
        g_free (whole);
    }
}

/* Name, shape, fact and legend in the lines there are (see layout.c's forms), all in one size. `same`: see
 * scale_in_words. */
static void write_words (const struct pen *pen, const struct canvas *canvas, const struct mosaic *mosaic,
                         const struct mosaic_words *words, gboolean same)
{
    int line = pen->layout->small_line, lines = mosaic->text_lines, beside;
    struct rectangle at = { .x = pen->layout->pad, .y = pen->layout->pad / 2 };
    at.width = canvas->width - 2 * at.x;
    if (lines < 3) {
        const char *share = strstr (words->fact, ": ");
        int size = title_size (pen, words, lines == 1, at.width);
        if (lines == 2 && share)
            size = MIN (size, shrunk (pen, share + 2, line, WEIGHT_NORMAL, at.width));
        if (lines > 0)
            write_title (pen, canvas, words, lines == 1, &at, size);
        if (lines == 2 && share)
            write_text (pen, canvas, share + 2, size, WEIGHT_NORMAL, at.x, at.y + line, at.width, quiet);
        return;
    }
    enum head head = head_of (pen, words, lines > 3, at.width, &beside);
    int size = MIN (head_size (pen, words, head, at.width, beside),
                    wrapped_size (pen, words->fact, WEIGHT_NORMAL, at.width, lines > 5 ? 2 : 1));
    char *scale = scale_in_words (words, same);
    if (lines > 3)
        size = MIN (size, shrunk (pen, scale, line, WEIGHT_NORMAL, at.width));
    g_free (scale);
    at.y = write_head (pen, canvas, words, head, beside, at, size);
    at.y += line * write_wrapped (pen, canvas, words->fact, WEIGHT_NORMAL, &at, size, lines > 5 ? 2 : 1, quiet);
    write_scale (pen, canvas, words, same, &at, lines > 3 ? 2 : 1, size);
}

void panel_mosaic (const struct pen *pen, const struct canvas *canvas, const struct mosaic *mosaic,
                   const struct mosaic_words *words, const struct tensor *tensor, const struct layer_watch *watch,
                   float *most)
{
    gsize pixels = (gsize)tensor->height * (gsize)tensor->width;
    clear (pen, canvas);
    gboolean same = FALSE;
    for (int i = 0; i < mosaic->count; i++)
        same |= most[i] > 0;
    write_words (pen, canvas, mosaic, words, same);
    for (int i = 0; i < MIN (mosaic->count, watch->shown_count); i++) {
        int gap = mosaic->gap, frame = MIN (gap, pen->layout->pad);
        struct tile tile = {
            .x = mosaic->left + i % mosaic->columns * (mosaic->tile_width + gap),
            .y = mosaic->top + i / mosaic->columns * (mosaic->tile_height + gap),
            .width = mosaic->tile_width,
            .height = mosaic->tile_height,
            .most = most[i],
        };
        /* A frame round each; those of neighbours coincide. */
        canvas_fill (canvas, tile.x - frame, tile.y - frame, tile.width + 2 * frame, tile.height + 2 * frame,
                     premultiplied (grid, pen->opacity));
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

/* The best class stands out. */
static enum weight row_weight (const struct label_row *rows, int i)
{
    return i == 0 && *rows[0].share ? WEIGHT_BOLD : WEIGHT_NORMAL;
}

void panel_labels (const struct pen *pen, const struct canvas *canvas, const struct label_row *rows, int count)
{
    int size = pen->layout->label_line, x = pen->layout->pad * 3 / 2, width = canvas->width - 2 * x;
    int thick = MAX (size / 6, 2), fitting = size;
    clear (pen, canvas);
    for (int i = 0; i < count; i++) {
        char *whole = g_strdup_printf ("%s%s", rows[i].text, rows[i].share);
        int most = width - (*rows[i].share ? size / 2 : 0);
        fitting = MIN (fitting, shrunk (pen, whole, size, row_weight (rows, i), most));
        g_free (whole);
    }
    for (int i = 0; i < count; i++) {
        int y = pen->layout->pad + i * row_height (pen->layout), room = width;
        enum weight weight = row_weight (rows, i);
        guint32 colour = weight == WEIGHT_BOLD ? white : quiet;
        if (*rows[i].share) {
            struct line share = caption_line (pen->captions, rows[i].share, fitting, weight, width);
            caption_paint (&share, canvas, x + width - share.width, y + (size - fitting) * 3 / 4, colour,
                           text_opacity (pen));
            room -= share.width + size / 2;
        }
        struct line text = caption_line (pen->captions, rows[i].text, fitting, weight, room);
        caption_paint (&text, canvas, x, y + (size - fitting) * 3 / 4, colour, text_opacity (pen));
        if (!*rows[i].share)
            continue;
        canvas_fill (canvas, x, y + size + thick / 2, width, thick, premultiplied (track, text_opacity (pen)));
        canvas_fill (canvas, x, y + size + thick / 2, (int)(width * CLAMP (rows[i].part, 0.0, 1.0) + 0.5), thick,
                     premultiplied (accent, text_opacity (pen)));
    }
}

/* ---- the edge of what the network sees ------------------------------------------------------------------------- */

int panel_edge_thickness (const struct layout *layout)
{
    return MAX (layout->small_line / 8 * 2, 2);
}

/* Light inside and dark outside, so that it is seen on any picture. */
void panel_edge (const struct pen *pen, const struct canvas *canvas, gboolean upright, gboolean end)
{
    int width = canvas->width / (upright ? 2 : 1), height = canvas->height / (upright ? 1 : 2);
    clear (pen, canvas);
    canvas_fill (canvas, upright && !end ? width : 0, upright || end ? 0 : height, width, height,
                 premultiplied (white, text_opacity (pen)));
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

static enum weight line_weight (int i)
{
    return i ? WEIGHT_NORMAL : WEIGHT_BOLD;
}

void panel_lines_size (const struct pen *pen, char *const *lines, gboolean strip, int *width, int *height)
{
    int size = pen->layout->small_line, pad = pen->layout->pad, widest = 0, rows = strip ? 1 : 0;
    int most = pen->layout->left.width - 3 * pad;
    for (int i = 0; lines[i]; i++) {
        widest = MAX (widest, natural_width (pen, lines[i], size, line_weight (i)));
        rows += break_at (pen, lines[i], size, line_weight (i), most) > 0 ? 2 : 1;
    }
    *width = MAX (MIN (widest, most) + 3 * pad, 0);
    *height = rows * size + 2 * pad;
}

void panel_lines (const struct pen *pen, const struct canvas *canvas, char *const *lines, const struct palette *strip,
                  const char *low, const char *high)
{
    int line = pen->layout->small_line, size = line;
    struct rectangle at = { pen->layout->pad * 3 / 2, pen->layout->pad, pen->layout->left.width - 3 * pen->layout->pad,
                            0 };
    clear (pen, canvas);
    for (int i = 0; lines[i]; i++)
        size = MIN (size, wrapped_size (pen, lines[i], line_weight (i), at.width, 2));
    for (int i = 0; lines[i]; i++)
        at.y += line * write_wrapped (pen, canvas, lines[i], line_weight (i), &at, size, 2, i ? quiet : white);
    if (strip)
        write_legend (pen, canvas, strip, low, high, at.x, at.y, canvas->width - 2 * at.x);
}
