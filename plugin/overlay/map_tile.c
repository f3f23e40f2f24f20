/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* map_tile.c: a map -> pixels of a palette; see map_tile.h.
 *
 * The work of a tile is one pass over its map (averaging down to the tile's size), then passes over at most as many
 * values as the tile has pixels. */
#include "plugin/overlay/map_tile.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Which of `length` pixels the `at`-th of `parts` touches: from the first to before the end. */
static int first_touched (int at, int length, int parts)
{
    return (int)((gint64)at * length / parts);
}

static int end_touched (int at, int length, int parts)
{
    return (int)((((gint64)at + 1) * length + parts - 1) / parts);
}

/* Averages the map down to out [rows][columns], either or both smaller; sums: [width]. Every output pixel is the
 * mean of the whole input pixels that it touches. */
static void average_down (const struct map *map, float *out, int rows, int columns, float *sums)
{
    int height = map->height, width = map->width;
    for (int y = 0; y < rows; y++) {
        int top = first_touched (y, height, rows), bottom = end_touched (y, height, rows);
        memcpy (sums, map->values + (gsize)top * width, (gsize)width * sizeof *sums);
        for (int row = top + 1; row < bottom; row++)
            for (int x = 0; x < width; x++)
                sums[x] += map->values[(gsize)row * width + x];
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

float map_most (const struct map *map, gboolean signs)
{
    return robust_most (map->values, map->height * map->width, signs);
}

static guint8 index_of (float value, float scale, gboolean diverging)
{
    float v = value * scale;
    if (diverging)
        return v > -127 ? (v < 127 ? (guint8)(128.5f + v) : 255) : (v <= -127 ? 1 : 128);
    return v > 0 ? (guint8)MIN (v + 0.5f, 255) : 0;
}

float tile_draw (const struct map *map, const struct palette *palette, const struct tile *tile,
                 const struct canvas *canvas, GArray *scratch)
{
    int height = map->height, width = map->width;
    int rows = MIN (height, tile->height), columns = MIN (width, tile->width);
    const float *values = map->values;
    g_array_set_size (scratch, (guint)(rows * columns + width + tile->width));
    float *small = &g_array_index (scratch, float, 0);
    int *from = (int *)(small + rows * columns + width); /* [tile->width] column of `values` for each of the tile's */
    if (rows < height || columns < width) {
        average_down (map, small, rows, columns, small + rows * columns);
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
