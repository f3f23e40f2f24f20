/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spatial.h: a part of engine.h: other heights and widths. Shapes, errors and threads as engine.h says. */
#ifndef CONVRELU_SPATIAL_H
#define CONVRELU_SPATIAL_H

#include "engine/engine.h"

/* out (c, y, x) = in (c, row[y], column[x]), where those are not whole linear between the four numbers around, or cubic
 * between sixteen (Keys 1981, as ONNX's Resize has it). Each is in 0 .. size of the input - 1, of cubic ones in
 * -1 .. size. What has a weight of nothing does not count, be it NaN. */
struct resampling {
    int height, width;
    const double *row, *column; /* [height], [width] */
    bool cubic;
    float coefficient; /* cubic: Keys' a, -0.75 or -0.5 as a rule, at most 16 to either side */
    bool inside; /* cubic: of what lies outside nothing counts, and the other weights add up to 1; else the numbers
                          at the edge go on there */
};
enum { RESIZE_COEFFICIENT_MAX = 16 };
int graph_resize (struct graph *g, const char *name, int x, const struct resampling *resize);

/* Blocks of block_h x block_w pixels made from as many channels: out (c, y block_h + i, x block_w + j) = in (k, y, x)
 * with k = (i block_w + j) channels + c, or where channels_first is set k = (c block_h + i) block_w + j. */
struct depth_to_space {
    int block_h, block_w;
    bool channels_first;
};
int graph_depth_to_space (struct graph *g, const char *name, int x, const struct depth_to_space *how);

#endif
