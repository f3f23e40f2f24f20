/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* palette.c: colour maps as stops with straight lines between them; see palette.h. */
#include "plugin/overlay/palette.h"

/* Evenly spaced stops; straight lines between them. viridis and magma pass through matplotlib's, turbo through
 * Google's. */
static const guint32 gray[] = { 0x000000, 0xffffff };
static const guint32 viridis[] = { 0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                   0x28ae80, 0x5ec962, 0xaddc30, 0xfde725 };
static const guint32 magma[] = { 0x000004, 0x1c1044, 0x4f127b, 0x812581, 0xb5367a,
                                 0xe55064, 0xfb8761, 0xfec287, 0xfcfdbf };
static const guint32 turbo[] = { 0x30123b, 0x4145ab, 0x4675ed, 0x39a2fc, 0x1bcfd4, 0x24eca6, 0x61fc6c, 0xa4fc3b,
                                 0xd1e834, 0xf3c63a, 0xfe9b2d, 0xf36315, 0xd93806, 0xb11901, 0x7a0402 };
static const guint32 below[] = { 0x000000, 0x12408a, 0x2f86ff, 0xa6dcff };
static const guint32 above[] = { 0x000000, 0x8a2412, 0xff5a2a, 0xffd9a0 };

/* at: 0..1 */
static guint32 between (const guint32 *stops, guint count, double at)
{
    double place = CLAMP (at, 0.0, 1.0) * (count - 1);
    guint first = MIN ((guint)place, count - 2);
    guint32 rgb = 0;
    for (int shift = 0; shift < 24; shift += 8) {
        double a = stops[first] >> shift & 255, b = stops[first + 1] >> shift & 255;
        rgb |= (guint32)(a + (b - a) * (place - first) + 0.5) << shift;
    }
    return rgb;
}

static guint32 colour_at (enum colormap colormap, int i)
{
    double at = i / 255.0;
    switch (colormap) {
    case COLORMAP_GRAY:
        return between (gray, G_N_ELEMENTS (gray), at);
    case COLORMAP_MAGMA:
        return between (magma, G_N_ELEMENTS (magma), at);
    case COLORMAP_TURBO:
        return between (turbo, G_N_ELEMENTS (turbo), at);
    case COLORMAP_DIVERGING:
        return i < 128 ? between (below, G_N_ELEMENTS (below), (128 - i) / 127.0)
                       : between (above, G_N_ELEMENTS (above), (i - 128) / 127.0);
    default:
        return between (viridis, G_N_ELEMENTS (viridis), at);
    }
}

void palette_make (struct palette *palette, enum colormap colormap, double opacity)
{
    palette->diverging = colormap == COLORMAP_DIVERGING;
    for (int i = 0; i < 256; i++)
        palette->pixel[i] = premultiplied (colour_at (colormap, i), opacity);
}

/* rgb by this share, the rest mid-grey: what heat does to a picture of no colour of its own. */
static guint32 on_grey (guint32 rgb, double by)
{
    static const double grey = 0x70;
    guint32 pixel = 0;
    for (int shift = 0; shift < 24; shift += 8)
        pixel |= (guint32)(grey + ((rgb >> shift & 255) - grey) * by + 0.5) << shift;
    return pixel;
}

void palette_make_heat (struct palette *palette, double opacity, gboolean legend)
{
    palette->diverging = FALSE;
    for (int i = 0; i < 256; i++) {
        double at = i / 255.0, dense = CLAMP ((at - 0.15) / 0.45, 0.0, 1.0);
        double alpha = 0.52 * opacity * dense * dense * (3 - 2 * dense);
        guint32 rgb = between (turbo, G_N_ELEMENTS (turbo), 0.15 + 0.70 * at);
        palette->pixel[i] =
            legend ? premultiplied (on_grey (rgb, alpha), opacity > 0) : (premultiplied (0, alpha) | rgb);
    }
}

void palette_strip (const struct palette *palette, const struct canvas *canvas, int x, int y, int width, int height)
{
    for (int i = 0; i < width; i++)
        canvas_fill (canvas, x + i, y, 1, height, palette->pixel[i * 255 / MAX (width - 1, 1)]);
}
