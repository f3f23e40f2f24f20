/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sum_strip.h: one output number of a layer, drawn as the sum it is, in a strip along the bottom of the frame:
 *
 *   layer -> ReLU   channel 30 of 32, row 4, column 9
 *   [window] x [filter] = [products]   sums   [map before]  [curve]  [map after]
 *   what each is, in two lines */
#ifndef CONVRELU_SUM_STRIP_H
#define CONVRELU_SUM_STRIP_H

#include "plugin/overlay/panel_kind.h"

/* What the strip shows. */
struct sum_shown {
    const struct watched *watched;
    struct tensor source, before, after;
    int channel, y, x;
    struct weighted_sum sum;
    const float *products; /* [in_channels][kernel_h][kernel_w] */
    const struct palette *signs;
};

/* Where it goes on the frame; width 0: there is no room for it. */
struct rectangle sum_strip_place (const struct layout *layout, int width, int height);
void sum_strip_draw (const struct drawing *drawing, const struct sum_shown *shown, const struct pen *pen);

/* "+0.38", "−7.57", "0": with a sign that is as wide as a digit. */
void sum_number (char *text, gsize size, double value);

#endif
