/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* canvas.h: pixels to draw on, in GStreamer's overlay format: premultiplied 0xAARRGGBB words, byte order the
 * machine's. */
#ifndef CONVRELU_CANVAS_H
#define CONVRELU_CANVAS_H

#include <glib.h>

struct canvas {
    guint32 *pixels;           /* [height][stride] */
    int width, height, stride; /* stride in pixels */
};

guint32 premultiplied (guint32 rgb, double alpha);                                                  /* 0xRRGGBB, 0..1 */
void canvas_fill (const struct canvas *canvas, int x, int y, int width, int height, guint32 pixel); /* clipped */

#endif
