/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* best_patches.c: a list of nine, sorted, of patches that do not look alike; see best_patches.h. */
#include "plugin/overlay/best_patches.h"

#include <math.h>
#include <string.h>

enum { CELLS = SKETCH * SKETCH };
static const double alike = 0.6;   /* from here on two patches are of one scene: those of a camera that stands still had
                                    * 0.74 to 1, whole views of ten photographs -0.16 to 0.45 */
static const float better = 1.02f; /* times the value: less is no reason to change a picture */

gboolean best_patches_wants (const struct best_patches *patches, float value)
{
    return value > 0 && isfinite (value) &&
           (patches->count < PATCHES || value > patches->kept[patches->count - 1]->value);
}

/* Mean colours of the cells less their mean over all of them. */
static void fill_sketch (struct patch *patch)
{
    int side = patch->side;
    double sum = 0, squares = 0;
    for (int cell = 0; cell < CELLS; cell++) {
        int top = cell / SKETCH * side / SKETCH, bottom = MAX ((cell / SKETCH + 1) * side / SKETCH, top + 1);
        int left = cell % SKETCH * side / SKETCH, right = MAX ((cell % SKETCH + 1) * side / SKETCH, left + 1);
        guint colour[3] = { 0 }, count = (guint)((bottom - top) * (right - left));
        for (int y = top; y < bottom; y++)
            for (int x = left; x < right; x++)
                for (int i = 0; i < 3; i++)
                    colour[i] += patch->rgb[y * side + x] >> 8 * i & 255;
        for (int i = 0; i < 3; i++) {
            patch->sketch[i * CELLS + cell] = (float)colour[i] / (float)count;
            sum += (double)patch->sketch[i * CELLS + cell];
        }
    }
    for (int i = 0; i < 3 * CELLS; i++) {
        patch->sketch[i] -= (float)(sum / (3 * CELLS));
        squares += (double)(patch->sketch[i] * patch->sketch[i]);
    }
    patch->sketch_spread = (float)(squares / (3 * CELLS));
}

/* b moved by (down, across) cells against a, over the cells that both have. */
static double likeness_at (const struct patch *a, const struct patch *b, int down, int across)
{
    static const double flat = 60; /* of 255 squared: SSIM's (0.03 * 255)^2 */
    double product = 0, square_a = 0, square_b = 0;
    int count = 0;
    for (int y = MAX (0, -down); y < SKETCH - MAX (0, down); y++)
        for (int x = MAX (0, -across); x < SKETCH - MAX (0, across); x++)
            for (int i = 0; i < 3; i++) {
                double va = (double)a->sketch[i * CELLS + y * SKETCH + x];
                double vb = (double)b->sketch[i * CELLS + (y + down) * SKETCH + x + across];
                product += va * vb;
                square_a += va * va;
                square_b += vb * vb;
                count++;
            }
    return (2 * product / count + flat) / (square_a / count + square_b / count + flat);
}

double patch_likeness (const struct patch *a, const struct patch *b)
{
    double best = -1;
    for (int shift = 0; shift < 9; shift++)
        best = MAX (best, likeness_at (a, b, shift / 3 - 1, shift % 3 - 1));
    return best;
}

static void drop (struct best_patches *patches, int i)
{
    struct patch *gone = patches->kept[i];
    patches->count--;
    memmove (&patches->kept[i], &patches->kept[i + 1], (gsize)(patches->count - i) * sizeof *patches->kept);
    patches->kept[patches->count] = NULL;
    g_free (gone);
}

void best_patches_add (struct best_patches *patches, struct patch *patch)
{
    gboolean twin[PATCHES] = { FALSE };
    if (!best_patches_wants (patches, patch->value))
        return;
    fill_sketch (patch);
    for (int i = 0; i < patches->count; i++) {
        twin[i] = patch_likeness (patches->kept[i], patch) >= alike;
        if (twin[i] && patch->value <= better * patches->kept[i]->value)
            return;
    }
    for (int i = patches->count - 1; i >= 0; i--)
        if (twin[i])
            drop (patches, i);
    if (patches->count == PATCHES)
        drop (patches, PATCHES - 1);
    int place = patches->count++;
    for (; place > 0 && patches->kept[place - 1]->value < patch->value; place--)
        patches->kept[place] = patches->kept[place - 1];
    patches->kept[place] = g_new (struct patch, 1);
    *patches->kept[place] = *patch;
    patches->changes++;
}

void best_patches_clear (struct best_patches *patches)
{
    while (patches->count > 0)
        drop (patches, patches->count - 1);
    patches->changes++;
}
