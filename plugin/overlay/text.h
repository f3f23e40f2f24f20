/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text.h: text -> pixels, by Pango and Cairo, once for each text: what has been rendered is kept and painted again.
 *
 * Belongs to the streaming thread. */
#ifndef CONVRELU_TEXT_H
#define CONVRELU_TEXT_H

#include "plugin/overlay/canvas.h"

enum weight { WEIGHT_NORMAL, WEIGHT_BOLD };

/* A line of text as coverage, 0..255; valid until the next text_line. */
struct line {
    const guint8 *coverage; /* [height][stride] */
    int width, height, stride;
    int baseline; /* rows from the top */
};

struct text_cache; /* the rendered lines */

struct text_cache *text_cache_new (void);
void text_cache_free (struct text_cache *cache);

/* `text` in UTF-8 (anything else is shown as ?), `size` pixels high from one baseline to the next, no wider than
 * `most` pixels: the middle gives way to dots. Width 0 when there is no room for one letter. */
struct line text_line (struct text_cache *cache, const char *text, int size, enum weight weight, int most);

/* Paints it at (x, y), top left, in 0xRRGGBB, `opacity` 0..1, over what is there; clipped to the canvas. */
void text_paint (const struct line *line, const struct canvas *canvas, int x, int y, guint32 rgb, double opacity);

#endif
