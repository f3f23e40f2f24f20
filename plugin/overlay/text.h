/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text.h: text -> pixels, by Pango and Cairo, once for each text: what has been rendered is kept and painted again.
 *
 * Belongs to the streaming thread. */
#ifndef CONVRELU_TEXT_H
#define CONVRELU_TEXT_H

#include "plugin/overlay/maps.h"

enum weight { WEIGHT_NORMAL, WEIGHT_BOLD };

/* A line of text as coverage, 0..255; valid until the next caption_line. */
struct line {
    const guint8 *coverage; /* [height][stride] */
    int width, height, stride;
    int baseline; /* rows from the top */
};

struct captions; /* the rendered lines */

struct captions *captions_new (void);
void captions_free (struct captions *captions);

/* `text` in UTF-8 (anything else is shown as ?), `size` pixels high from one baseline to the next, no wider than
 * `most` pixels: the middle gives way to dots. Width 0 when there is no room for one letter. */
struct line caption_line (struct captions *captions, const char *text, int size, enum weight weight, int most);

/* Paints it at (x, y), top left, in 0xRRGGBB, `opacity` 0..1, over what is there; clipped to the canvas. */
void caption_paint (const struct line *line, const struct canvas *canvas, int x, int y, guint32 rgb, double opacity);

#endif
