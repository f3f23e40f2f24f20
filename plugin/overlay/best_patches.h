/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* best_patches.h: the nine pieces of a stream that a detector answered to most, as small pictures.
 *
 * One piece of each frame is offered, that of the strongest answer. Pieces that look alike are one scene seen again: of
 * these only the one with the strongest answer is kept, so that nine frames of a still scene do not fill the list.
 * Memory: at most 9 pictures of 96 x 96 words, 340 KB. Belongs to one thread. */
#ifndef CONVRELU_BEST_PATCHES_H
#define CONVRELU_BEST_PATCHES_H

#include <glib.h>

enum {
    PATCHES = 9,
    PATCH_SIDE = 96, /* pixels at most, each way */
    SKETCH = 12,     /* a patch's colours in 12 x 12 cells, to compare it with others */
};

struct patch {
    float value;                                      /* of the answer, above 0 */
    int side;                                         /* pixels, 1..PATCH_SIDE */
    guint32 rgb[PATCH_SIDE * PATCH_SIDE];             /* [side][side], 0xRRGGBB */
    double mark[4];                                   /* what is marked in it: left, top, right, bottom, 0..1 */
    float sketch[3 * SKETCH * SKETCH], sketch_spread; /* filled by best_patches_add */
};

/* From all zero on. */
struct best_patches {
    struct patch *kept[PATCHES]; /* [count], best first */
    int count;
    guint changes; /* moves with every change of the list */
};

/* Whether a patch of this value may come into the list: before its picture is cut out. */
gboolean best_patches_wants (const struct best_patches *patches, float value);
/* Offers a patch, whose sketch is filled in; it is copied where it is kept. */
void best_patches_add (struct best_patches *patches, struct patch *patch);
void best_patches_clear (struct best_patches *patches);

/* How alike two patches look once their sketches are filled, about -1..1: the contrast and structure part of SSIM
 * (Wang et al. 2004) over colours less their mean, which changes of light leave as it is; two flat ones are alike. The
 * best of the nine ways to lay them on each other that are shifted by at most one cell. */
double patch_likeness (const struct patch *a, const struct patch *b);

#endif
