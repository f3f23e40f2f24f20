/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_window.h: what convolutions and pools have in common: a window that slides over the rows and columns. */
#ifndef CONVRELU_LAYER_WINDOW_H
#define CONVRELU_LAYER_WINDOW_H

#include "engine/operator.h"

/* The fields of a struct conv or struct pool; height before width. */
struct window_fields {
    int *kernel[2], *stride[2], *dilation[2];
    int *pad[4]; /* top, left, bottom, right */
};
#define WINDOW_FIELDS(of)                                                                                              \
    {                                                                                                                  \
        { &(of)->kernel_h, &(of)->kernel_w }, { &(of)->stride_h, &(of)->stride_w },                                    \
            { &(of)->dilation_h, &(of)->dilation_w },                                                                  \
            { &(of)->pad_top, &(of)->pad_left, &(of)->pad_bottom, &(of)->pad_right },                                  \
    }

/* Replaces zero strides and dilations by 1; false and the error when a field is out of range. */
bool window_defaults (struct graph *g, const struct node_spec *spec, const struct window_fields *fields);

/* Rows or columns from the first to the last that a window looks at. */
static inline int64_t window_extent (int kernel, int dilation)
{
    return (int64_t)dilation * (kernel - 1) + 1;
}

/* A grid of the output's pixels becomes one of the input's. */
void window_grid (const struct window_fields *fields, struct grid *grid);

/* The same for operator_type.reach. */
void window_reach (const struct window_fields *fields, struct span reach[2]);

/* One axis of a grid: positions `*at`, `*step` apart, of an output whose position 0 looks at `first`, and so on every
 * `stride`. */
static inline void grid_axis (double *at, double *step, double first, int stride)
{
    *at = *at * stride + first;
    *step *= stride;
}

#endif
