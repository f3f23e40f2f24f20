/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_image.c: the test of kernels.image: tiles of random shape, samples, taps and colours. */
#include "tests/check_kernels.h"

#include <math.h>
#include <string.h>

enum { TAPS_MAX = 24 };

/* Taps whose starts and ends ascend, within `end` samples that this returns; their weights are random. */
static int random_taps (struct image_taps *taps, float (*weights)[TAPS_MAX], int count, int apart)
{
    int start = random_between (0, 3), end = 0;
    for (int i = 0; i < count; i++) {
        int least = end > start ? end - start : 1, most = least + 5 < TAPS_MAX - 1 ? least + 5 : TAPS_MAX - 1;
        taps[i] = (struct image_taps) { start, random_between (least, most), weights[i] };
        end = start + taps[i].count;
        for (int k = 0; k < taps[i].count; k++)
            weights[i][k] = (random_float () + 1) / (float)taps[i].count;
        start += random_between (0, apart);
        start = start + TAPS_MAX - 7 < end ? end - TAPS_MAX + 7 : start;
    }
    return end;
}

/* The same down a column: weights of up to 2^15 - 1, up to the largest sum. */
static int random_rows (struct image_rows *rows, int16_t (*weights)[TAPS_MAX], int count, int apart)
{
    struct image_taps taps[IMAGE_ROWS];
    float unused[IMAGE_ROWS][TAPS_MAX];
    int end = random_taps (taps, unused, count, apart);
    for (int i = 0; i < count; i++) {
        rows[i] = (struct image_rows) { taps[i].start, taps[i].count, weights[i], 0 };
        int left = 1 << random_between (14, 23), all = 0;
        for (int k = 0; k < taps[i].count; k++) {
            int most = left < INT16_MAX ? left : INT16_MAX;
            weights[i][k] = (int16_t)(random_between (0, 3) ? random_between (0, most) : most);
            left -= weights[i][k];
            all += weights[i][k];
        }
        weights[i][taps[i].count] = 0;
        rows[i].unit = 1.0f / (float)(all ? all : 1);
    }
    return end;
}

/* A tile with all that it points at. */
struct subject {
    struct image_tile tile;
    struct image_component component[IMAGE_COMPONENTS];
    struct image_colours colours;
    struct image_taps across[IMAGE_COMPONENTS][IMAGE_COLUMNS];
    struct image_rows down[IMAGE_PLANES][IMAGE_ROWS];
    float across_weights[IMAGE_COMPONENTS][IMAGE_COLUMNS][TAPS_MAX];
    int16_t down_weights[IMAGE_PLANES][IMAGE_ROWS][TAPS_MAX];
    struct guarded plane[IMAGE_PLANES];
};

/* Bytes against the page behind, or in front of them; rows may go up. */
static void make_plane (struct subject *s, int plane, int rows, int bytes, int number)
{
    size_t stride = (size_t)(bytes + random_between (0, 9)), size = stride * (size_t)(rows - 1) + (size_t)bytes;
    bool at_end = (number + plane) % 2, up = number / 2 % 2;
    s->plane[plane] = guarded_new ((size + 3) / 4, ALIGNED_TO_FLOAT, at_end);
    uint8_t *start = (uint8_t *)s->plane[plane].data;
    start = at_end ? start + (size + 3) / 4 * 4 - size : start;
    for (size_t i = 0; i < size; i++)
        start[i] = (uint8_t)random_between (0, 255);
    s->tile.data[plane] = up ? start + (size_t)(rows - 1) * stride : start;
    s->tile.stride[plane] = up ? -(ptrdiff_t)stride : (ptrdiff_t)stride;
}

static void make_colours (struct image_colours *colours, int components)
{
    colours->channels = random_between (1, IMAGE_CHANNELS);
    for (int c = 0; c < colours->channels; c++) {
        for (int k = 0; k < components; k++)
            colours->matrix[c][k] = random_float ();
        colours->matrix[c][IMAGE_COMPONENTS] = 100 * random_float ();
        colours->scale[c] = random_float () / 32;
        colours->shift[c] = 3 * random_float ();
    }
}

static void make_subject (struct subject *s, int number)
{
    *s = (struct subject) { .tile = { .rows = random_between (1, IMAGE_ROWS),
                                      .columns = random_between (1, IMAGE_COLUMNS),
                                      .components = random_between (1, IMAGE_COMPONENTS) } };
    struct image_tile *tile = &s->tile;
    tile->planes = random_between (1, tile->components);
    tile->component = s->component;
    tile->colours = &s->colours;
    make_colours (&s->colours, tile->components);
    for (int c = 0; c < tile->components; c++)
        s->component[c] = (struct image_component) { c < tile->planes ? c : random_between (0, tile->planes - 1),
                                                     random_between (0, 3), random_between (1, 4), 0 };
    for (int p = 0; p < tile->planes; p++) {
        int bytes = 0, rows = random_rows (s->down[p], s->down_weights[p], tile->rows, number % 7);
        tile->down[p] = s->down[p];
        for (int c = 0; c < tile->components; c++) {
            if (s->component[c].plane != p)
                continue;
            int end = random_taps (s->across[c], s->across_weights[c], tile->columns, number % 5 ? 3 : 20);
            int last = s->component[c].byte + (end - 1) * s->component[c].step + 1;
            tile->across[c] = s->across[c];
            bytes = last > bytes ? last : bytes;
        }
        make_plane (s, p, rows, bytes, number);
    }
}

/* Component c of output (y, x), and the sum of what was added without its signs. */
static double scaled (const struct image_tile *tile, int c, int y, int x)
{
    const struct image_component *component = &tile->component[c];
    const struct image_rows *down = &tile->down[component->plane][y];
    const struct image_taps *across = &tile->across[c][x];
    double sum = 0;
    for (int i = 0; i < down->count; i++) {
        const uint8_t *row =
            tile->data[component->plane] + (down->start + i) * tile->stride[component->plane] + component->byte;
        for (int k = 0; k < across->count; k++)
            sum +=
                (double)down->weights[i] * down->unit * across->weights[k] * row[(across->start + k) * component->step];
    }
    return sum;
}

static void expect (const struct image_tile *tile, struct expected *e)
{
    const struct image_colours *colours = tile->colours;
    for (int y = 0; y < tile->rows; y++)
        for (int x = 0; x < tile->columns; x++) {
            double in[IMAGE_COMPONENTS];
            for (int k = 0; k < tile->components; k++)
                in[k] = scaled (tile, k, y, x);
            for (int c = 0; c < colours->channels; c++) {
                double value = colours->matrix[c][IMAGE_COMPONENTS], size = fabs (value);
                for (int k = 0; k < tile->components; k++) {
                    value += colours->matrix[c][k] * in[k];
                    size += fabs (colours->matrix[c][k] * in[k]);
                }
                size_t at = (size_t)(c * tile->out_channel + y * tile->out_row + x);
                e->value[at] = fmin (fmax (value, 0), 255) * colours->scale[c] + colours->shift[c];
                e->bound[at] = 0x1p-24 * ((2 * TAPS_MAX + 12) * size * fabs (colours->scale[c]) +
                                          3 * fabs (e->value[at]) + 3 * fabs (colours->shift[c]));
            }
        }
}

/* Unlike other kernels, this one gives the same bits without fused multiply-add. */
static void image_case (int number)
{
    static struct subject s;
    make_subject (&s, number);
    s.tile.out_row = s.tile.columns + random_between (0, 5);
    s.tile.out_channel = s.tile.out_row * s.tile.rows + random_between (0, 20);
    size_t count =
        (size_t)((s.colours.channels - 1) * s.tile.out_channel + (s.tile.rows - 1) * s.tile.out_row + s.tile.columns);
    struct guarded out = guarded_new (count, ALIGNED_TO_FLOAT, number % 2);
    struct guarded scratch = guarded_new (IMAGE_SCRATCH, ALIGNED_TO_BLOCK, true);
    struct expected e = expected_new (count);
    float *first = malloc (count * sizeof *first);
    expect (&s.tile, &e);
    s.tile.out = out.data;
    s.tile.scratch = scratch.data;
    CASE ("case %d: %d rows, %d columns, %d components in %d planes, %d channels", number, s.tile.rows, s.tile.columns,
          s.tile.components, s.tile.planes, s.colours.channels);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        guarded_clear (&scratch);
        tables[t]->image (&s.tile);
        compare (tables[t], &out, &e);
        if (t == 0)
            memcpy (first, out.data, count * sizeof *first);
        CHECK (!memcmp (first, out.data, count * sizeof *first), "%s: %s: other bits than %s's", tables[t]->name, what,
               tables[0]->name);
    }
    free (first);
    expected_free (&e);
    guarded_free (&out);
    guarded_free (&scratch);
    for (int p = 0; p < s.tile.planes; p++)
        guarded_free (&s.plane[p]);
}

void check_image (void)
{
    for (int i = 0; i < 300; i++)
        image_case (i);
}
