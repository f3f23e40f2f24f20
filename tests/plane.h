/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plane.h: a block of an image for the tests of sliding windows, and where the windows lie. struct pool serves as the
 * geometry of depthwise convolutions too. */
#ifndef CONVRELU_PLANE_H
#define CONVRELU_PLANE_H

#include "engine/engine.h"
#include "engine/kernels.h"
#include "tests/guarded.h"

/* One block of 16 channels of an image, blocked and as the oracle wants it: planar. */
struct plane {
    int height, width;
    struct guarded blocked; /* [height][width][16] */
    double *planar;         /* [16][height][width] */
};
struct plane plane_new (int height, int width);                        /* random */
void plane_set (struct plane *p, int pixel, int channel, float value); /* in both */
void plane_free (struct plane *p);

/* Random pads smaller than the window into *g; whether an output pixel is left, and how many. */
bool random_geometry (struct pool *g, int height, int width, int *out_height, int *out_width);

enum { WINDOW_ROWS = 8 }; /* kernels here have fewer rows */

/* The rows of the image under output row y, and which rows of the kernel they meet. Returns how many. */
int window_rows (const struct pool *g, const struct plane *in, int y, const float *rows[WINDOW_ROWS],
                 int kernel_rows[WINDOW_ROWS]);
struct window window_of (const struct pool *g, int in_width, int out_width);

#endif
