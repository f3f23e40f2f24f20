/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plane.c: see plane.h. */
#include "tests/plane.h"

#include "tests/reference.h"

#include <stdlib.h>

struct plane plane_new (int height, int width)
{
    struct plane p = { .height = height, .width = width };
    int pixels = height * width;
    p.blocked = guarded_new ((size_t)(16 * pixels), ALIGNED_TO_BLOCK, pixels % 2);
    guarded_random (&p.blocked);
    p.planar = calloc ((size_t)(16 * pixels), sizeof (double));
    for (int i = 0; i < 16 * pixels; i++)
        p.planar[i % 16 * pixels + i / 16] = p.blocked.data[i];
    return p;
}

void plane_set (struct plane *p, int pixel, int channel, float value)
{
    p->blocked.data[16 * pixel + channel] = value;
    p->planar[channel * p->height * p->width + pixel] = value;
}

void plane_free (struct plane *p)
{
    guarded_free (&p->blocked);
    free (p->planar);
}

bool random_geometry (struct pool *g, int height, int width, int *out_height, int *out_width)
{
    int reach_h = (g->kernel_h - 1) * g->dilation_h, reach_w = (g->kernel_w - 1) * g->dilation_w;
    g->pad_top = random_between (0, reach_h);
    g->pad_bottom = random_between (0, reach_h);
    g->pad_left = random_between (0, reach_w);
    g->pad_right = random_between (0, reach_w);
    *out_height =
        reference_extent (height, g->pad_top, g->pad_bottom, g->kernel_h, g->dilation_h, g->stride_h, g->ceil_mode);
    *out_width =
        reference_extent (width, g->pad_left, g->pad_right, g->kernel_w, g->dilation_w, g->stride_w, g->ceil_mode);
    return *out_height > 0 && *out_width > 0;
}

int window_rows (const struct pool *g, const struct plane *in, int y, const float *rows[WINDOW_ROWS],
                 int kernel_rows[WINDOW_ROWS])
{
    int count = 0;
    for (int r = 0; r < g->kernel_h; r++) {
        int row = y * g->stride_h + r * g->dilation_h - g->pad_top;
        if (row < 0 || row >= in->height)
            continue;
        rows[count] = in->blocked.data + 16 * (ptrdiff_t)row * in->width;
        kernel_rows[count++] = r;
    }
    return count;
}

struct window window_of (const struct pool *g, int in_width, int out_width)
{
    return (struct window) { .kernel_w = g->kernel_w,
                             .stride_w = g->stride_w,
                             .dilation_w = g->dilation_w,
                             .pad_left = g->pad_left,
                             .in_width = in_width,
                             .out_width = out_width };
}
