/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* palette.h: the colours that stand for values: colour maps and the shades of heat. */
#ifndef CONVRELU_PALETTE_H
#define CONVRELU_PALETTE_H

#include "plugin/overlay/canvas.h"
#include "plugin/overlay/properties.h"

/* Colours of 256 values, opaque times `opacity`. Unsigned: 0 is zero, 255 the most. Diverging: 128 is zero, 1 and
 * 255 are the same distance below and above. */
struct palette {
    guint32 pixel[256];
    gboolean diverging;
};
void palette_make (struct palette *palette, enum colormap colormap, double opacity);
/* For heat over a picture: nothing at 0, denser and hotter towards 255. Not premultiplied: GStreamer forgets that a
 * rectangle is premultiplied when it scales it before blending (seen in 1.22). `legend`: the same over grey, opaque
 * unless the opacity is 0. */
void palette_make_heat (struct palette *palette, double opacity, gboolean legend);
void palette_strip (const struct palette *palette, const struct canvas *canvas, int x, int y, int width, int height);

#endif
