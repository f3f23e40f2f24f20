/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* maps.c: tensors -> pixels; see maps.h.
 *
 * The work of a tile is one pass over its map (averaging down to the tile's size), then passes over at most as many
 * values as the tile has pixels. */
#include "plugin/overlay/maps.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- colours --------------------------------------------------------------------------------------------------- */

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

/* Evenly spaced stops; straight lines between them. viridis and magma pass through matplotlib's, turbo through Google's. */
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

/* ---- tiles ----------------------------------------------------------------------------------------------------- */

/* Which of `length` pixels the `at`-th of `parts` touches: from the first to before the end. */
static int first_touched (int at, int length, int parts)
{
    return (int)((gint64)at * length / parts);
}

static int end_touched (int at, int length, int parts)
{
    return (int)((((gint64)at + 1) * length + parts - 1) / parts);
}

/* Averages map [height][width] down to out [rows][columns], either or both smaller; sums: [width]. Every output pixel is the
 * mean of the whole input pixels that it touches. */
static void average_down (const float *map, int height, int width, float *out, int rows, int columns, float *sums)
{
    for (int y = 0; y < rows; y++) {
        int top = first_touched (y, height, rows), bottom = end_touched (y, height, rows);
        memcpy (sums, map + (gsize)top * width, (gsize)width * sizeof *sums);
        for (int row = top + 1; row < bottom; row++)
            for (int x = 0; x < width; x++)
                sums[x] += map[(gsize)row * width + x];
        for (int x = 0; x < columns; x++) {
            int left = first_touched (x, width, columns), right = end_touched (x, width, columns);
            float sum = 0;
            for (int i = left; i < right; i++)
                sum += sums[i];
            out[y * columns + x] = sum / (float)((right - left) * (bottom - top));
        }
    }
}

/* The value that all but half a percent of the (absolute) values do not exceed, of [count]. 0: nothing above zero. */
static float robust_most (const float *values, int count, gboolean magnitude)
{
    enum { BINS = 256 };
    int bin[BINS] = { 0 }, left = count / 200;
    float most = 0;
    for (int i = 0; i < count; i++) {
        float v = magnitude ? fabsf (values[i]) : values[i];
        most = v > most && v < FLT_MAX ? v : most;
    }
    float scale = (BINS - 1) / most;
    if (left == 0 || !(scale < FLT_MAX))
        return most;
    for (int i = 0; i < count; i++) {
        float v = (magnitude ? fabsf (values[i]) : values[i]) * scale;
        bin[v > 0 ? (int)MIN (v, BINS - 1) : 0]++;
    }
    int top = BINS - 1;
    while (top > 1 && left - bin[top] >= 0)
        left -= bin[top--];
    return (float)(top + 1) * most / BINS;
}

static guint8 index_of (float value, float scale, gboolean diverging)
{
    float v = value * scale;
    if (diverging)
        return v > -127 ? (v < 127 ? (guint8)(128.5f + v) : 255) : (v <= -127 ? 1 : 128);
    return v > 0 ? (guint8)MIN (v + 0.5f, 255) : 0;
}

float tile_draw (const float *map, int height, int width, const struct palette *palette, const struct tile *tile,
                 const struct canvas *canvas, GArray *scratch)
{
    int rows = MIN (height, tile->height), columns = MIN (width, tile->width);
    const float *values = map;
    g_array_set_size (scratch, (guint)(rows * columns + width + tile->width));
    float *small = &g_array_index (scratch, float, 0);
    int *from = (int *)(small + rows * columns + width); /* [tile->width] column of `values` for each of the tile's */
    if (rows < height || columns < width) {
        average_down (map, height, width, small, rows, columns, small + rows * columns);
        values = small;
    }
    float most = tile->most > 0 ? tile->most : robust_most (values, rows * columns, palette->diverging);
    float scale = most > FLT_MIN ? (palette->diverging ? 127 : 255) / most : 0;
    for (int x = 0; x < tile->width; x++)
        from[x] = x * columns / tile->width;
    for (int y = 0, last = -1; y < tile->height; y++) {
        guint32 *out = canvas->pixels + (tile->y + y) * canvas->stride + tile->x;
        int row = y * rows / tile->height;
        const float *in = values + row * columns;
        if (row == last) {
            memcpy (out, out - canvas->stride, (gsize)tile->width * sizeof *out);
            continue;
        }
        last = row;
        for (int x = 0; x < tile->width; x++)
            out[x] = palette->pixel[index_of (in[from[x]], scale, palette->diverging)];
    }
    return most;
}

/* ---- heat ------------------------------------------------------------------------------------------------------ */

/* Catmull-Rom through four neighbours. */
static double cubic (const double v[4], double t)
{
    return v[1] +
           0.5 * t *
               (v[2] - v[0] + t * (2 * v[0] - 5 * v[1] + 4 * v[2] - v[3] + t * (3 * (v[1] - v[2]) + v[3] - v[0])));
}

static double sample (const float *map, int height, int width, double y, double x)
{
    int top = (int)floor (y), left = (int)floor (x);
    double column[4];
    for (int i = 0; i < 4; i++) {
        double row[4];
        int at = CLAMP (top - 1 + i, 0, height - 1);
        for (int j = 0; j < 4; j++)
            row[j] = map[at * width + CLAMP (left - 1 + j, 0, width - 1)];
        column[i] = cubic (row, x - left);
    }
    return cubic (column, y - top);
}

void heat_draw (const float *map, int height, int width, float most, const double part[4],
                const struct palette *palette, const struct canvas *canvas)
{
    double scale = most > 0 ? 255 / (double)most : 0;
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            double down = part[1] + (y + 0.5) * part[3] / canvas->height - 0.5;
            double across = part[0] + (x + 0.5) * part[2] / canvas->width - 0.5;
            double v = sample (map, height, width, down, across) * scale;
            canvas->pixels[y * canvas->stride + x] = palette->pixel[(int)CLAMP (v, 0.0, 255.0)];
        }
    }
}

/* ---- layers over time ------------------------------------------------------------------------------------------ */

enum { LANES = 8 }; /* sums side by side, so that the compiler may use vectors */

struct sums {
    float magnitude;
    int not_above, zero;
};

static struct sums sum_channel (const float *values, int count)
{
    float magnitude[LANES] = { 0 };
    int not_above[LANES] = { 0 }, zero[LANES] = { 0 }, i = 0;
    struct sums sums = { 0 };
    for (; i + LANES <= count; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            float v = values[i + k];
            magnitude[k] += fabsf (v);
            not_above[k] += v <= 0;
            zero[k] += v == 0;
        }
    }
    for (; i < count; i++) {
        magnitude[0] += fabsf (values[i]);
        not_above[0] += values[i] <= 0;
        zero[0] += values[i] == 0;
    }
    for (int k = 0; k < LANES; k++) {
        sums.magnitude += magnitude[k];
        sums.not_above += not_above[k];
        sums.zero += zero[k];
    }
    return sums;
}

void layer_watch_look (struct layer_watch *watch, const struct tensor *tensor)
{
    static const float smoothing = 0.15f; /* share of the new frame */
    int pixels = tensor->height * tensor->width;
    gint64 not_above = 0, zero = 0;
    gboolean first = watch->channels != tensor->channels;
    if (first) {
        layer_watch_clear (watch);
        watch->channels = tensor->channels;
        watch->strength = g_new0 (float, watch->channels);
        watch->fired = g_new0 (guint8, watch->channels);
    }
    watch->frames = MIN (watch->frames, G_MAXINT - 1) + 1;
    watch->silent = 0;
    for (int c = 0; c < tensor->channels; c++) {
        struct sums sums = sum_channel (tensor->data + (gsize)c * pixels, pixels);
        float mean = sums.magnitude / (float)pixels;
        if (!(mean < FLT_MAX))
            mean = 0;
        watch->strength[c] += (first ? 1 : smoothing) * (mean - watch->strength[c]);
        watch->fired[c] |= sums.not_above < pixels;
        watch->silent += !watch->fired[c];
        not_above += sums.not_above;
        zero += sums.zero;
    }
    double all = (double)tensor->channels * pixels;
    watch->not_above = (float)(not_above / all);
    watch->exactly_zero = (float)(zero / all);
}

/* The strongest channel that has no place yet, or -1. */
static int strongest_left (const struct layer_watch *watch, const gboolean *placed)
{
    int best = -1;
    for (int c = 0; c < watch->channels; c++)
        if (!placed[c] && (best < 0 || watch->strength[c] > watch->strength[best]))
            best = c;
    return best;
}

void layer_watch_choose (struct layer_watch *watch, int count, enum channel_select select)
{
    static const float lead = 1.3f; /* how much stronger a channel must be to take the place of another */
    count = MIN (count, watch->channels);
    gboolean start = count != watch->shown_count || select != watch->select;
    gboolean *placed = g_new0 (gboolean, watch->channels + 1);
    if (start) {
        watch->shown = g_renew (int, watch->shown, count);
        watch->shown_count = count;
        watch->select = select;
    }
    for (int i = 0; i < count; i++) {
        if (select == CHANNELS_FIRST || start)
            watch->shown[i] = select == CHANNELS_FIRST ? i : strongest_left (watch, placed);
        placed[watch->shown[i]] = TRUE;
    }
    int weakest = 0, next = strongest_left (watch, placed);
    for (int i = 1; i < count; i++)
        if (watch->strength[watch->shown[i]] < watch->strength[watch->shown[weakest]])
            weakest = i;
    /* One channel a frame: tiles change one by one, not all at once. */
    if (select == CHANNELS_STRONGEST && count > 0 && next >= 0 &&
        watch->strength[next] > lead * watch->strength[watch->shown[weakest]])
        watch->shown[weakest] = next;
    g_free (placed);
}

void layer_watch_clear (struct layer_watch *watch)
{
    g_free (watch->strength);
    g_free (watch->fired);
    g_free (watch->shown);
    *watch = (struct layer_watch) { 0 };
}
