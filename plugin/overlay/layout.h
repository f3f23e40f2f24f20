/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout.h: how large the drawing is and where it goes, for frames of any size from 1 x 1.
 *
 *   +--------------------------------+      labels, the heat's caption and stats stand in the left column;
 *   | labels          | early  (text)|      a mosaic is a panel: some lines of text over a grid of tiles;
 *   |                 | [][][][]     |      the legend of all their colours stands once, below them;
 *   |                 | [][][][]     |      what goes along the bottom keeps its room there: everything else ends
 *   | heat's caption  | late         |      above it
 *   | stats           | [][][][]     |
 *   |                 | legend       |
 *   | one number taken apart         |
 *   | the whole network              |
 *   +--------------------------------+                                                       (placement=inset) */
#ifndef CONVRELU_LAYOUT_H
#define CONVRELU_LAYOUT_H

#include "plugin/overlay/properties.h"
#include "plugin/frame.h"
#include "plugin/layers.h"

enum { MOSAICS_MAX = 2 * LAYERS_MAX };

struct map_shape {
    int channels, height, width;
    int letters;    /* of the layer's name */
    gboolean alone; /* stands over the place of a pair; the one behind it has 0 channels and gets no room */
};

/* Of all the mosaics. */
struct map_shapes {
    struct map_shape shape[MOSAICS_MAX];
    int count;
    gboolean pairs;    /* 2 i and 2 i + 1 belong together */
    gboolean residual; /* the number that is taken apart is a sum of two paths */
};

/* What stands above the tiles, as there is room. */
enum caption_form {
    CAPTION_LINE,  /* role, name, shape, fact */
    CAPTION_TWO,   /* role, name, shape; fact */
    CAPTION_THREE, /* role, name; shape; fact */
    CAPTION_BRIEF, /* name; the figure alone */
    CAPTION_NAME,
    CAPTION_NONE,
};

struct mosaic {
    struct rectangle panel; /* in the frame; width 0: no room for it */
    enum caption_form form;
    int text_lines;                   /* of the caption */
    int count, columns;               /* of tiles */
    int tile_width, tile_height, gap; /* pixels */
    int left, top;                    /* of the first tile, in the panel */
};

struct layout {
    int label_line, small_line; /* height of a line of text, pixels */
    int margin, pad;            /* round panels, inside them */
    struct rectangle left;      /* for labels and the other text panels */
    struct rectangle legend;    /* of the mosaics' colours; width 0: no room for it */
    struct rectangle strip;     /* of the whole network; width 0: not drawn, or no room for it */
    int bottom;                 /* where the room ends that is not taken along the bottom of the frame */
    struct mosaic mosaic[MOSAICS_MAX];
    int mosaics, across; /* how many, and how many side by side */
    gboolean pairs;      /* as in map_shapes */
    int text_percent;    /* of the width, for the left column beside placement=full */
    double holes;        /* what a last row that is not full is worth against one that is, 0..1 */
};

/* For a frame of width x height. Everything lies inside it. */
void layout_make (struct layout *layout, int width, int height, const struct appearance *appearance,
                  const struct map_shapes *shapes);

#endif
