/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_image.c: a tile of the network's input from a frame's bytes. Compiled once per instruction set.
 *
 *   rows of bytes -> strip  [16 rows][IMAGE_CHUNK]           scaled down the columns, lanes along the row
 *                 -> turned [IMAGE_CHUNK][16 rows]           transposed, so that
 *                 -> sums   [component][column][16 rows]     lanes are rows while it is scaled along the row,
 *                 -> out                                     colours are made, and transposed back
 *
 * Products and sums are rounded one by one (image.h says why). */
#include "kernels.h"
#include "vec.h"

#define kernels_image FOR_ISA (kernels_image)
void kernels_image (const struct image_tile *tile);

/* ---- down the columns -------------------------------------------------------------------------------------------- */

enum { COLUMNS = 16, DEEP = 4 }; /* columns of a sum, and sums at a time */
enum { AHEAD = 256 };            /* bytes in each row, prefetched: 20 % less on frames of 3840 x 2160 */

INLINE void down_columns (const uint8_t *from, ptrdiff_t stride, const struct image_rows *rows, float *to,
                          const int count)
{
    bytes_sum sums[DEEP];
    UNROLL for (int i = 0; i < count; i++) sums[i] = bytes_sum_zero ();
    for (int k = 0; k < rows->count; k += 2) {
        const int16_t *weights = rows->weights + k;
        const uint8_t *up = from + k * stride, *low = k + 1 < rows->count ? up + stride : up;
        PREFETCH (up + AHEAD);
        PREFETCH (low + AHEAD);
        UNROLL for (int i = 0; i < count; i++) sums[i] =
            bytes_sum_add (sums[i], up + COLUMNS * i, low + COLUMNS * i, weights);
    }
    UNROLL for (int i = 0; i < count; i++) bytes_sum_store (to + i * COLUMNS, sums[i], rows->unit);
}

/* to[i] = unit * sum of weights[k] * from[k * stride + i], i < n. What is left at the end is done with some of what is
 * done already, so that nothing behind it is read. */
static void down (const uint8_t *from, ptrdiff_t stride, const struct image_rows *rows, int n, float *to)
{
    const int most = DEEP * COLUMNS;
    if (n >= most) {
        for (int i = 0; i < n; i += most) {
            int at = i + most <= n ? i : n - most;
            down_columns (from + at, stride, rows, to + at, DEEP);
        }
    } else if (n >= COLUMNS) {
        for (int i = 0; i < n; i += COLUMNS) {
            int at = i + COLUMNS <= n ? i : n - COLUMNS;
            down_columns (from + at, stride, rows, to + at, 1);
        }
    } else {
        for (int i = 0; i < n; i++) {
            int32_t sum = 0;
            for (int k = 0; k < rows->count; k++)
                sum += rows->weights[k] * from[k * stride + i];
            to[i] = (float)sum * rows->unit;
        }
    }
}

/* Columns [0, n) of 16 rows, IMAGE_STRIP apart. */
static void turn (const float *strip, int n, float *turned)
{
    for (int i = 0; i < n; i += LANES)
        for (int row = 0; row < IMAGE_ROWS; row += LANES) {
            vec square[LANES];
            UNROLL for (int j = 0; j < LANES; j++) square[j] = vec_load (strip + (row + j) * IMAGE_STRIP + i);
            vec_transpose (square);
            UNROLL for (int j = 0; j < LANES; j++) vec_store (turned + (i + j) * IMAGE_ROWS + row, square[j]);
        }
}

/* ---- along the rows ---------------------------------------------------------------------------------------------- */

/* Adds the samples of bytes [at, at + n) of the rows to the sums of component c, which begin with their first. */
static void across (const struct image_tile *tile, int c, int at, int n, const float *turned, float *sums)
{
    const struct image_component *component = &tile->component[c];
    const struct image_taps *taps = tile->across[c];
    const int step = component->step;
    const int low = at > component->byte ? (at - component->byte + step - 1) / step : 0;
    const int high = at + n > component->byte ? (at + n - component->byte + step - 1) / step : 0;
    for (int x = 0; x < tile->columns && taps[x].start < high; x++) {
        int end = taps[x].start + taps[x].count;
        int s = taps[x].start > low ? taps[x].start : low;
        end = end < high ? end : high;
        if (s >= end)
            continue;
        float *sum = sums + x * IMAGE_ROWS;
        vec acc[PER_BLOCK];
        const bool begun = s > taps[x].start;
        UNROLL for (int i = 0; i < PER_BLOCK; i++) acc[i] = begun ? vec_load (sum + i * LANES) : vec_set (0);
        for (; s < end; s++) {
            const float *in = turned + (ptrdiff_t)(component->byte + s * step - at) * IMAGE_ROWS;
            vec w = vec_set (taps[x].weights[s - taps[x].start]);
            UNROLL for (int i = 0; i < PER_BLOCK; i++) acc[i] =
                vec_add (acc[i], vec_mul (w, vec_load (in + i * LANES)));
        }
        UNROLL for (int i = 0; i < PER_BLOCK; i++) vec_store (sum + i * LANES, acc[i]);
    }
}

/* The bytes of a plane's rows in which the tile's samples are. */
static void extent (const struct image_tile *tile, int plane, int *first, int *end)
{
    *first = INT32_MAX;
    *end = 0;
    for (int c = 0; c < tile->components; c++) {
        const struct image_component *component = &tile->component[c];
        const struct image_taps *taps = tile->across[c], *last = taps + tile->columns - 1;
        int low = component->byte + taps->start * component->step;
        int high = component->byte + (last->start + last->count - 1) * component->step + 1;
        if (component->plane != plane)
            continue;
        *first = low < *first ? low : *first;
        *end = high > *end ? high : *end;
    }
}

static void scale_plane (const struct image_tile *tile, int plane, float *strip, float *turned, float *sums)
{
    int first, end;
    extent (tile, plane, &first, &end);
    for (int at = first; at < end; at += IMAGE_CHUNK) {
        int n = end - at < IMAGE_CHUNK ? end - at : IMAGE_CHUNK;
        for (int row = 0; row < tile->rows; row++) {
            const struct image_rows *rows = &tile->down[plane][row];
            down (tile->data[plane] + rows->start * tile->stride[plane] + at, tile->stride[plane], rows, n,
                  strip + row * IMAGE_STRIP);
        }
        turn (strip, n, turned);
        for (int c = 0; c < tile->components; c++)
            if (tile->component[c].plane == plane)
                across (tile, c, at, n, turned, sums + c * IMAGE_COLUMNS * IMAGE_ROWS);
    }
}

/* ---- colours ----------------------------------------------------------------------------------------------------- */

/* Channel c of LANES pixels, whose components are APART apart; before the last line it is 0..255: an input of bytes
 * would be rounded there. */
enum { APART = IMAGE_COLUMNS * IMAGE_ROWS };
INLINE vec colour (const struct image_colours *colours, int c, const float *sums, const int components)
{
    vec value = vec_set (colours->matrix[c][IMAGE_COMPONENTS]);
    UNROLL for (int k = 0; k < components; k++) value =
        vec_add (value, vec_mul (vec_set (colours->matrix[c][k]), vec_load (sums + k * APART)));
    value = vec_min (vec_set (255), vec_max (vec_set (0), value));
    return vec_add (vec_mul (value, vec_set (colours->scale[c])), vec_set (colours->shift[c]));
}

/* LANES columns x LANES rows of a channel from (x, row) on, of which the tile may have fewer. */
INLINE void store_square (const struct image_tile *tile, int c, int x, int row, const float *sums, const int components)
{
    vec square[LANES];
    UNROLL for (int j = 0; j < LANES; j++) square[j] =
        colour (tile->colours, c, sums + (x + j) * IMAGE_ROWS + row, components);
    vec_transpose (square);
    float *to = tile->out + c * tile->out_channel + row * tile->out_row + x;
    int left = tile->columns - x, rows = tile->rows - row;
    if (left >= LANES && rows >= LANES) {
        UNROLL for (int j = 0; j < LANES; j++) vec_store_unaligned (to + j * tile->out_row, square[j]);
        return;
    }
    float some[LANES][LANES];
    UNROLL for (int j = 0; j < LANES; j++) vec_store_unaligned (some[j], square[j]);
    for (int j = 0; j < LANES && j < rows; j++)
        memcpy (to + j * tile->out_row, some[j], (size_t)(left < LANES ? left : LANES) * sizeof *to);
}

INLINE void store (const struct image_tile *tile, const float *sums, const int components)
{
    for (int c = 0; c < tile->colours->channels; c++)
        for (int x = 0; x < tile->columns; x += LANES)
            for (int row = 0; row < tile->rows; row += LANES)
                store_square (tile, c, x, row, sums, components);
}

void kernels_image (const struct image_tile *tile)
{
    float *strip = tile->scratch, *turned = strip + IMAGE_ROWS * IMAGE_STRIP;
    float *sums = turned + IMAGE_ROWS * IMAGE_CHUNK;
    for (int plane = 0; plane < tile->planes; plane++)
        scale_plane (tile, plane, strip, turned, sums);
    switch (tile->components) {
    case 1:
        store (tile, sums, 1);
        break;
    case 2:
        store (tile, sums, 2);
        break;
    case 3:
        store (tile, sums, 3);
        break;
    default:
        store (tile, sums, 4);
    }
}
