/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_strassen.c: 1x1 convolutions as products of matrices by Strassen's algorithm, one level of it (Gaussian
 * Elimination is not Optimal, 1969), in Winograd's form, which adds less. Compiled once per instruction set.
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
 * conv_strassen.c makes the sums of A once. B is not cut as a whole: a block of pixels, two tiles of kernels_conv, is
 * paired tile with tile, so that u, v and w stay in the L1 cache; the two share a pixel where their number is odd. What
 * it costs beside the products: 7 stores of a tile for 4, 3 loads, and the sums of B, as many values as the input has.
 *
 * Sums are rounded as errors of the largest, not of each: 2.5 times the error of the direct sum (relative L2 4e-7 to
 * 1e-6 for 128 to 1024 channels), about that of F(4,3). */
#include "epilogue.h"

#define kernels_strassen_sums FOR_ISA (kernels_strassen_sums)
#define kernels_strassen FOR_ISA (kernels_strassen)
void kernels_strassen_sums (const struct strassen_block *pixels);
void kernels_strassen (const struct strassen_args *args);

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
    int8_t plus, add;    /* a kept tile is added to them after that */
} schedule[7] = {
    { NONE, 0, 0, false, NONE, U, NONE, NONE, NONE }, { NONE, 1, 0, true, NONE, NONE, 0, NONE, NONE },
    { 0, 0, 0, false, U, V, NONE, NONE, NONE },       { 1, 0, 0, true, NONE, W, NONE, NONE, NONE },
    { NONE, 1, 1, true, NONE, NONE, 1, NONE, NONE },  { 2, 0, 0, false, NONE, NONE, 3, W, V },
    { 3, 0, 0, true, NONE, NONE, 2, NONE, NONE },
};

typedef vec acc_tile[MR][NR_BLOCKS * PER_BLOCK];

/* A finished quarter, less a pixel of the other half and what lies past the last output block. `plus`: a kept tile, or
 * NULL. */
INLINE void quarter_epilogue (const struct strassen_args *args, const int quarter, const int rows, const float *plus,
                              acc_tile sums)
{
    float buffer[MR * NR_BLOCKS * BLOCK] __attribute__ ((aligned (64)));
    const struct epilogue *epilogue = args->epilogue;
    const int lower = quarter / 2, right = quarter % 2;
    const int first = right ? 2 * rows - args->cur.pixels : 0; /* that one is the other half's */
    const int blocks = lower ? args->blocks - NR_BLOCKS : args->blocks;
    const int channel = args->channel + lower * NR_BLOCKS * BLOCK;
    const ptrdiff_t at = lower * NR_BLOCKS * args->out_block + right * (args->cur.pixels - rows) * BLOCK;
    vec low = vec_set (epilogue->low), high = vec_set (epilogue->high);
    UNROLL for (int c = 0; c < NR_BLOCKS * PER_BLOCK; c++)
    {
        if (c / PER_BLOCK >= blocks)
            break;
        vec bias = vec_load (args->bias + channel + c * LANES);
        UNROLL for (int r = 0; r < rows; r++)
        {
            const ptrdiff_t to = at + c / PER_BLOCK * args->out_block + r * BLOCK + c % PER_BLOCK * LANES;
            const int place = (c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES;
            vec v = vec_add (sums[r][c], bias);
            if (r < first)
                continue;
            if (plus)
                v = vec_add (v, vec_load (plus + place));
            if (args->residual)
                v = vec_add (v, vec_load (args->residual + to));
            if (epilogue->clamp_only)
                vec_store (args->out + to, vec_clamp (v, low, high));
            else
                vec_store (buffer + place, v);
        }
    }
    for (int b = 0; b < NR_BLOCKS && b < blocks && !epilogue->clamp_only; b++) {
        float *out = args->out + at + b * args->out_block + first * BLOCK;
        const float *from = buffer + (b * rows + first) * BLOCK;
        FOR_ISA (epilogue_tile) (epilogue, from, rows - first, 1, channel + b * BLOCK, out, 0);
    }
}

/* Pixels [first, last) of the next block's sums, from lines prefetched by the call before; prefetches as many more. */
INLINE void next_sums (const struct strassen_block *next, int block, int first, int last)
{
    const ptrdiff_t lower = next->depth / BLOCK * next->in_block, right = (next->pixels - next->rows) * BLOCK;
    for (int r = first; r < last && r < next->rows; r++) {
        const float *from = next->in + block * next->in_block + (r + last - first) * BLOCK;
        PREFETCH (from);
        PREFETCH (from + right);
        PREFETCH (from + lower);
        PREFETCH (from + lower + right);
        pixel_sums (next, block, r);
    }
}

/* Adds product i of rows pixels by NR_BLOCKS blocks to what there is, as in kernels_conv.c. Meanwhile a part of the
 * next block's sums is made in three free registers: a pass of its own over an input in the L3 cache costs up to
 * 1/8. */
INLINE void product (const struct strassen_args *args, const int i, const int rows, const float **prefetch,
                     acc_tile sums)
{
    enum { NR_VECTORS = NR_BLOCKS * PER_BLOCK };
    const struct strassen_block *cur = &args->cur;
    const ptrdiff_t right = (cur->pixels - rows) * BLOCK;
    const float *x = cur->in + schedule[i].lower * cur->depth / BLOCK * cur->in_block + schedule[i].right * right;
    const float *weights = args->weights + (ptrdiff_t)i * cur->depth * NR_BLOCKS * BLOCK;
    const float *next = *prefetch;
    const int part = (args->next.rows + args->last - args->first - 1) / (args->last - args->first),
              made = (i - args->first) * part;
    ptrdiff_t x_block = cur->in_block;
    if (schedule[i].sum >= 0) {
        x = cur->sums + schedule[i].sum * cur->sum;
        x_block = rows * BLOCK;
    }
    for (int block = 0; block < cur->depth / BLOCK; block++, x += x_block - BLOCK) {
        for (const float *end = x + BLOCK; x < end; x++, weights += NR_BLOCKS * BLOCK, next += args->prefetch.step) {
            vec w[NR_VECTORS];
            UNROLL for (int b = 0; b < NR_BLOCKS; b++) PREFETCH (next + b * args->prefetch.apart);
            UNROLL for (int c = 0; c < NR_VECTORS; c++) w[c] = vec_load (weights + c * LANES);
            UNROLL for (int r = 0; r < rows; r++)
            {
                vec v = vec_set (x[r * BLOCK]);
                UNROLL for (int c = 0; c < NR_VECTORS; c++) sums[r][c] = vec_fma (v, w[c], sums[r][c]);
            }
        }
        if (args->next.rows)
            next_sums (&args->next, block, made, made + part);
    }
    *prefetch = next;
}

/* Every element of a tile: EACH (r, c, where it is in a kept tile). */
#define EACH UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < NR_BLOCKS * PER_BLOCK; c++)
#define PLACE ((c / PER_BLOCK * rows + r) * BLOCK + c % PER_BLOCK * LANES)

INLINE void strassen (const struct strassen_args *args, const int rows)
{
    const float *prefetch = args->prefetch.step ? args->prefetch.next : args->weights; /* a line that is in the cache */
    const ptrdiff_t kept = rows * NR_BLOCKS * BLOCK;
    acc_tile sums;
    EACH sums[r][c] = vec_set (0.0f);
    for (int i = args->first; i < args->last; i++) {
        if (schedule[i].start >= 0)
            EACH sums[r][c] = vec_load (args->kept + schedule[i].start * kept + PLACE);
        else if (!schedule[i].carry)
            EACH sums[r][c] = vec_set (0.0f);
        product (args, i, rows, &prefetch, sums);
        if (schedule[i].keep >= 0)
            EACH vec_store (args->kept + schedule[i].keep * kept + PLACE, sums[r][c]);
        if (schedule[i].quarter >= 0)
            quarter_epilogue (args, schedule[i].quarter, rows,
                              schedule[i].plus >= 0 ? args->kept + schedule[i].plus * kept : NULL, sums);
        if (schedule[i].add >= 0)
            EACH sums[r][c] = vec_add (sums[r][c], vec_load (args->kept + schedule[i].add * kept + PLACE));
    }
}

void kernels_strassen (const struct strassen_args *args)
{
    switch (args->cur.rows) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        if (n <= MR)                                                                                                   \
            strassen (args, n <= MR ? n : 1);                                                                          \
        break;
        FOR_MR (CASE)
#undef CASE
    }
}
