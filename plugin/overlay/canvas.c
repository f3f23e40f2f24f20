/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* canvas.c: single pixels and rectangles of one colour; see canvas.h. */
#include "plugin/overlay/canvas.h"

guint32 premultiplied (guint32 rgb, double alpha)
{
    guint32 a = (guint32)(CLAMP (alpha, 0.0, 1.0) * 255 + 0.5), pixel = a << 24;
    for (int shift = 0; shift < 24; shift += 8)
        pixel |= ((rgb >> shift & 255) * a + 127) / 255 << shift;
    return pixel;
}

void canvas_fill (const struct canvas *canvas, int x, int y, int width, int height, guint32 pixel)
{
    int right = MIN (x + width, canvas->width), bottom = MIN (y + height, canvas->height);
    x = MAX (x, 0);
    for (int row = MAX (y, 0); row < bottom; row++)
        for (int column = x; column < right; column++)
            canvas->pixels[row * canvas->stride + column] = pixel;
}
