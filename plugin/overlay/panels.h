/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* panels.h: what is drawn on each kind of panel: mosaics of feature maps, labels with bars, lines of figures.
 *
 * A panel is a canvas of its own, dark and see-through; it is drawn whole. */
#ifndef CONVRELU_PANELS_H
#define CONVRELU_PANELS_H

#include "plugin/overlay/text.h"
#include "plugin/overlay/layout.h"

struct pen {
    struct captions *captions;
    const struct layout *layout;
    double opacity;
    GArray *scratch; /* of float, for tile_draw */
};

/* The words and colours of a mosaic. */
struct mosaic_words {
    const char *role, *name; /* role may be "" */
    const char *beside;      /* where the map with the same scale is: "left" or "above" */
    gboolean pre;            /* before the activation */
    gboolean sign;           /* there may be values below zero */
    char shape[48], fact[96];
    const struct palette *palette;
};

/* The maps of `tensor` in watch->shown. most [>= mosaic->count]: in, the value for the last colour of each tile, 0: its
 * own; out, what was used. */
void panel_mosaic (const struct pen *pen, const struct canvas *canvas, const struct mosaic *mosaic,
                   const struct mosaic_words *words, const struct tensor *tensor, const struct layer_watch *watch,
                   float *most);

/* Labels: `count` rows of a text with its share. */
struct label_row {
    char text[128], share[16]; /* share "": a remark, without a bar */
    double part;               /* of the bar, 0..1 */
};
struct rectangle panel_labels_size (const struct pen *pen,
                                    int count);          /* at the top of layout->left; count may shrink */
int panel_labels_fit (const struct pen *pen, int count); /* how many rows there is room for */
void panel_labels (const struct pen *pen, const struct canvas *canvas, const struct label_row *rows, int count);

/* The line along the edge of what the network sees: upright on the left or right (end) side, else at the top or bottom
 * (end). */
int panel_edge_thickness (const struct layout *layout);
void panel_edge (const struct pen *pen, const struct canvas *canvas, gboolean upright, gboolean end);

/* Lines of small text, the first one bold; with a strip of the palette below unless that is NULL. The size they take, no
 * wider than layout->left: */
void panel_lines_size (const struct pen *pen, char *const *lines, gboolean strip, int *width, int *height);
void panel_lines (const struct pen *pen, const struct canvas *canvas, char *const *lines, const struct palette *strip,
                  const char *low, const char *high);

#endif
