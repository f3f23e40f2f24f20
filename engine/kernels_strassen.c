/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_strassen.c: 1x1 convolutions as products of matrices by Strassen's algorithm, one level of it (Gaussian Elimination
 * is not Optimal, 1969), in Winograd's form, which adds less. Compiled once per instruction set.
 *
 * C = A B with A the weights [outputs][inputs], B the input [inputs][pixels], each cut in four, takes 7 products of the
 * quarters instead of 8. Sums go on in the registers from one product to the next where they can:
 *
 *   1  u = A11 B11                                     store u
 *   2    + A12 B21                                     -> C11
 *   3  v = u + (A21 + A22 - A11) (B22 - B12 + B11)     store v
 *   4  w =   + (A21 + A22) (B12 - B11)                 store w
 *   5        + (A12 - A21 - A22 + A11) B22             -> C12
 *   6  x = (A11 - A21) (B22 - B12)                     x + w -> C22
 *   7  x + v + A22 (B21 - B22 + B12 - B11)             -> C21
 *
 * pack.c makes the sums of A once. B is not cut as a whole: a block of pixels, two tiles of kernels_conv, is paired tile with
 * tile, so that u, v and w stay near; the two share a pixel where their number is odd. What it costs beside the products: 7 stores
 * of a tile for 4, 3 loads, and the sums of B, as many values as the input has: in all 11 % faster than the direct kernel where
 * everything is near, at 14 x 2 sums and 256 channels.
 *
 * Sums are rounded as errors of the largest, not of each: 2.5 times the error of the direct sum (relative L2 4e-7 to 1e-6 for 128 to
 * 1024 channels), about that of F(4,3). */
#include "epilogue.h"

#define kernels_strassen_sums FOR_ISA (kernels_strassen_sums)
#define kernels_strassen FOR_ISA (kernels_strassen)
void kernels_strassen_sums (const struct strassen_block *pixels);
void kernels_strassen (const struct strassen_run *run);

/* The sums of pixel r of each half, 16 channels of each half from block `block` on. */
INLINE void pixel_sums (const struct strassen_block *pixels, int block, int r)
{
    const ptrdiff_t right = (pixels->pixels - pixels->rows) * BLOCK, sum = pixels->sum;
    const float *upper = pixels->in + block * pixels->in_block + r * BLOCK;
    const float *lower = upper + pixels->depth / BLOCK * pixels->in_block;
    float *to = pixels->sums + (block * pixels->rows + r) * BLOCK;
    UNROLL for (int lane = 0; lane < BLOCK; lane += LANES)
    {
        vec b12 = vec_load (upper + right + lane), b11 = vec_load (upper + lane);
        vec_store (to + sum + lane, vec_sub (b12, b11));
        vec difference = vec_sub (vec_load (lower + right + lane), b12), all = vec_add (difference, b11);
        vec_store (to + 2 * sum + lane, difference);
        vec_store (to + lane, all);
        vec_store (to + 3 * sum + lane, vec_sub (vec_load (lower + lane), all));
    }
}

void kernels_strassen_sums (const struct strassen_block *pixels)
{
    for (int block = 0; block < pixels->depth / BLOCK; block++)
        for (int r = 0; r < pixels->rows; r++)
            pixel_sums (pixels, block, r);
}

/* A product's second factor, what it begins with and what becomes of it. C11, C12, C21, C22 are quarters 0 to 3. */
enum { NONE = -1, U, V, W };
static const struct {
    int8_t sum;          /* of B's quarters, or */
    int8_t lower, right; /*   the quarter as it is */
    bool carry;          /* the products so far stay, else they begin with zero, or */
    int8_t start;        /*   with one of the kept tiles */
    int8_t keep;         /* keep them as that tile; */
    int8_t quarter;      /* they are, with the kept tile `plus`, that quarter; */
    int8_t plus, after;  /* a kept tile is added to them after that */
} plan[7] = {
    { NONE, 0, 0, false, NONE, U, NONE, NONE, NONE }, { NONE, 1, 0, true, NONE, NONE, 0, NONE, NONE },
    { 0, 0, 0, false, U, V, NONE, NONE, NONE },       { 1, 0, 0, true, NONE, W, NONE, NONE, NONE },
    { NONE, 1, 1, true, NONE, NONE, 1, NONE, NONE },  { 2, 0, 0, false, NONE, NONE, 3, W, V },
    { 3, 0, 0, true, NONE, NONE, 2, NONE, NONE },
};

typedef vec tile_of[ROWS][COLUMNS * PER_BLOCK];

/* A finished quarter, less a pixel of the other half and what lies past the last output block. `plus`: a kept tile, or NULL. */
INLINE void quarter_epilogue (const struct strassen_run *run, const int quarter, const int rows, const float *plus,
                              tile_of sums)
{
    float spare[ROWS * COLUMNS * BLOCK] __attribute__ ((aligned (64)));
    const struct epilogue *epilogue = run->epilogue;
    const int lower = quarter / 2, right = quarter % 2;
    const int first = right ? 2 * rows - run->now.pixels : 0; /* that one is the other half's */
    const int blocks = lower ? run->blocks - COLUMNS : run->blocks;
    const int channel = run->channel + lower * COLUMNS * BLOCK;
    const ptrdiff_t at = lower * COLUMNS * run->out_block + right * (run->now.pixels - rows) * BLOCK;
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    UNROLL for (int c = 0; c < COLUMNS * PER_BLOCK; c++)
    {
        if (c / PER_BLOCK >= blocks)
            break;
        vec bias = vec_load (run->bias + channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++)
        {
            const ptrdiff_t to = at + c / PER_BLOCK * run->out_block + r * BLOCK + c % PER_BLOCK * LANES;
            const int place = (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES;
            vec v = vec_add (sums[r][c], bias);
            if (r < first)
                continue;
            if (plus)
                v = vec_add (v, vec_load (plus + place));
            if (run->residual)
                v = vec_add (v, vec_load (run->residual + to));
            if (epilogue->clamp_only)
                vec_store (run->out + to, vec_clamp (v, low, high));
            else
                vec_store (spare + place, v);
        }
    }
    for (int b = 0; b < COLUMNS && b < blocks && !epilogue->clamp_only; b++) {
        float *out = run->out + at + b * run->out_block + first * BLOCK;
        const float *tile = spare + (b * rows + first) * BLOCK;
        FOR_ISA (epilogue_tile) (epilogue, tile, rows - first, 1, channel + b * BLOCK, out, 0);
    }
}

/* Pixels [first, last) of the next block's sums, from lines fetched a while ago; those of as many more pixels are fetched. */
INLINE void next_sums (const struct strassen_block *after, int block, int first, int last)
{
    const ptrdiff_t lower = after->depth / BLOCK * after->in_block, right = (after->pixels - after->rows) * BLOCK;
    for (int r = first; r < last && r < after->rows; r++) {
        const float *from = after->in + block * after->in_block + (r + last - first) * BLOCK;
        FETCH (from);
        FETCH (from + right);
        FETCH (from + lower);
        FETCH (from + lower + right);
        pixel_sums (after, block, r);
    }
}

/* Adds product i of rows pixels by COLUMNS blocks to what there is, as in kernels_conv.c. Meanwhile a part of the next block's sums
 * is made, where three registers are free: a pass of its own over an input that lies in the third-level cache took up to an eighth of
 * the whole. */
INLINE void product (const struct strassen_run *run, const int i, const int rows, const float **fetch, tile_of sums)
{
    enum { COLUMN = COLUMNS * PER_BLOCK };
    const struct strassen_block *now = &run->now;
    const ptrdiff_t right = (now->pixels - rows) * BLOCK;
    const float *x = now->in + plan[i].lower * now->depth / BLOCK * now->in_block + plan[i].right * right;
    const float *weights = run->weights + (ptrdiff_t)i * now->depth * COLUMNS * BLOCK;
    const float *next = *fetch;
    const int part = (run->after.rows + run->last - run->first - 1) / (run->last - run->first),
              made = (i - run->first) * part;
    ptrdiff_t x_block = now->in_block;
    if (plan[i].sum >= 0) {
        x = now->sums + plan[i].sum * now->sum;
        x_block = rows * BLOCK;
    }
    for (int block = 0; block < now->depth / BLOCK; block++, x += x_block - BLOCK) {
        for (const float *end = x + BLOCK; x < end; x++, weights += COLUMNS * BLOCK, next += run->fetch.step) {
            vec w[COLUMN];
            UNROLL for (int b = 0; b < COLUMNS; b++) FETCH (next + b * run->fetch.apart);
            UNROLL for (int c = 0; c < COLUMN; c++) w[c] = vec_load (weights + c * LANES);
            UNROLL for (int r = 0; r < rows; r++)
            {
                vec v = vec_set (x[r * BLOCK]);
                UNROLL for (int c = 0; c < COLUMN; c++) sums[r][c] = vec_fma (v, w[c], sums[r][c]);
            }
        }
        if (run->after.rows)
            next_sums (&run->after, block, made, made + part);
    }
    *fetch = next;
}

/* Every element of a tile: EACH (r, c, where it is in a kept tile). */
#define EACH UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < COLUMNS * PER_BLOCK; c++)
#define PLACE ((c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES)

INLINE void strassen (const struct strassen_run *run, const int rows)
{
    const float *fetch = run->fetch.step ? run->fetch.next : run->weights; /* a line that is near already */
    const ptrdiff_t kept = rows * COLUMNS * BLOCK;
    tile_of sums;
    EACH sums[r][c] = vec_set (0.0f);
    for (int i = run->first; i < run->last; i++) {
        if (plan[i].start >= 0)
            EACH sums[r][c] = vec_load (run->kept + plan[i].start * kept + PLACE);
        else if (!plan[i].carry)
            EACH sums[r][c] = vec_set (0.0f);
        product (run, i, rows, &fetch, sums);
        if (plan[i].keep >= 0)
            EACH vec_store (run->kept + plan[i].keep * kept + PLACE, sums[r][c]);
        if (plan[i].quarter >= 0)
            quarter_epilogue (run, plan[i].quarter, rows, plan[i].plus >= 0 ? run->kept + plan[i].plus * kept : NULL,
                              sums);
        if (plan[i].after >= 0)
            EACH sums[r][c] = vec_add (sums[r][c], vec_load (run->kept + plan[i].after * kept + PLACE));
    }
}

void kernels_strassen (const struct strassen_run *run)
{
    switch (run->now.rows) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        if (n <= ROWS)                                                                                                 \
            strassen (run, n <= ROWS ? n : 1);                                                                         \
        break;
        FOR_ROWS (CASE)
#undef CASE
    }
}
