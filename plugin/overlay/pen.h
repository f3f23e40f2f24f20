/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pen.h: how a panel is written on: the paper, text that shrinks or breaks to fit, legends.
 *
 * Sizes are heights of a line in pixels; `most` is the width there is. Without a canvas only widths and sizes may be
 * asked for. Belongs to the thread that draws. */
#ifndef CONVRELU_PEN_H
#define CONVRELU_PEN_H

#include "plugin/overlay/layout.h"
#include "plugin/overlay/palette.h"
#include "plugin/overlay/text.h"

enum { /* 0xRRGGBB */
       COLOUR_PAPER = 0x0a0d13,
       COLOUR_TEXT = 0xffffff,
       COLOUR_QUIET_TEXT = 0xc3ccd6,
       COLOUR_EARLY = 0x7be0ff,
       COLOUR_MIDDLE = 0x9cf09a,
       COLOUR_LATE = 0xffd166,
};

struct pen {
    struct text_cache *texts;
    const struct layout *layout;
    double opacity;              /* of the drawing, 0..1; text and paper are denser, see pen_text_opacity */
    const struct canvas *canvas; /* NULL: nothing is written yet */
};

struct style {
    int size;
    enum weight weight;
    guint32 rgb;
};

/* How dense text and its paper are: at least 0.8, to be readable over a picture; but 0 at an opacity of 0. */
double pen_text_opacity (const struct pen *pen);
void pen_clear (const struct pen *pen); /* the whole canvas is paper */

/* The colour that goes with a layer's role, "early", "middle" or "late"; that of text for another word. */
guint32 pen_role_colour (const char *role);

/* How wide the text is where nothing limits it. */
int pen_width (const struct pen *pen, const char *text, int size, enum weight weight);
/* The size, at most `size`, that the text fits in `most` pixels; never below three quarters of it. */
int pen_shrunk (const struct pen *pen, const char *text, int size, enum weight weight, int most);

/* Writes a line from (x, y), top left, or up to x = `end`; dots in its middle where it is too long. Returns its
 * width. */
int pen_write (const struct pen *pen, const char *text, const struct style *style, int x, int y, int most);
int pen_write_before (const struct pen *pen, const char *text, const struct style *style, int end, int y, int most);

/* How far down text of this size starts in a small line, so that its baseline is that of the line. */
int pen_drop (const struct pen *pen, int size);

/* Text in up to `lines` (1 or 2) small lines: how many it takes in `most` pixels, in which size it fits, and writing it
 * from `at` (x, y, width) on; that returns how many it took. */
int pen_lines (const struct pen *pen, const char *text, enum weight weight, int most);
int pen_wrapped_size (const struct pen *pen, const char *text, enum weight weight, int most, int lines);
int pen_write_wrapped (const struct pen *pen, const char *text, const struct style *style, const struct rectangle *at,
                       int lines);

/* A frame along the inside of the rectangle, `thick` pixels wide, clipped to the canvas. */
void pen_outline (const struct pen *pen, const struct rectangle *of, int thick, guint32 pixel);

/* "low [colours] high" in a small line at `at` (x, y, width); the middle of signed colours is marked 0. */
void pen_legend (const struct pen *pen, const struct palette *palette, const char *low, const char *high,
                 const struct rectangle *at);

#endif
