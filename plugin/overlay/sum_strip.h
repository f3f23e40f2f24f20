/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sum_strip.h: one output number of a layer, drawn as the sum it is, in a strip along the bottom of the frame:
 *
 *   layer -> ReLU   channel 30 of 32, row 4, column 9
 *   [window] x [filter] = [products]   sums   [map before]  [curve]  [map after]
 *   residual: ...                      sums   [branch] + [input] = [sum]  [curve]  [map after]
 *   what each is, in two lines */
#ifndef CONVRELU_SUM_STRIP_H
#define CONVRELU_SUM_STRIP_H

#include "plugin/overlay/panel_kind.h"

/* What the strip shows. */
struct sum_shown {
    const struct watched *watched;
    struct tensor source, before, after;
    struct tensor other; /* that a residual block adds; of all zero where watched->other is -1 */
    int channel, y, x;
    struct weighted_sum sum;
    const float *products; /* [in_channels][kernel_h][kernel_w] */
    const struct palette *signs;
};

enum { SUM_PLANES = 3 }; /* input channels shown of a layer that does not see the picture */

/* The input channels of the filter whose products add most, whatever their sign, first the one that adds most;
 * channels [SUM_PLANES], counted within the group. Returns how many. */
int sum_leading_channels (const struct sum_shown *shown, int *channels);

/* Where it goes on the frame; residual: of a block that adds its input; width 0: there is no room for it. */
struct rectangle sum_strip_place (const struct layout *layout, gboolean residual, int width, int height);
void sum_strip_draw (const struct drawing *drawing, const struct sum_shown *shown, const struct pen *pen);

#endif
