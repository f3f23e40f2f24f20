/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_strassen.c: 1x1 convolutions by Strassen's algorithm.
 *
 *   item = band of pixel blocks x group of column pairs:  input -> sums in the lane's scratch -> products -> output
 *
 * Few weights: block by block, each with all pairs, so that the weights stay in the second-level cache and only the sums of one block
 * exist. Many: pair by pair, and the products that belong together over all blocks, so that they are read once.
 * Which pixels are paired, and so how sums are rounded, depends on the size of the image and the instruction set's tile alone.
 *
 * It is taken where an eighth less products outweighs its passes over the tiles, and where there are enough pixels to make up for
 * three quarters more weights; not with Intel's 512-bit vectors.
 *
 * Weights, per pair of columns: [product][input channel of a half][16 blocks of a column], sums of quarters. */
#include "engine/conv.h"
#include "engine/conv_cost.h"
#include "engine/conv_direct.h"
#include "engine/conv_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Strassen's algorithm reads 256 / pixels bytes of weights a cycle: at 7 x 7 pixels a ResNet-50 was 5 % slower with it, at 13 x 13 a
 * layer 7 % faster. Weights up to STRASSEN_KEPT_BYTES are read again for every block of pixels, more for every STRASSEN_NEAR bytes of
 * scratch: without that bound 256 to 1024 channels at 96 x 96 pixels took twice as long. It is taken where the model says
 * that it needs at most `gain` of the direct sum's cycles: measured, layers of ResNet-50 with 0.90 to 0.94 gain 4 to 9 %, some
 * of MobileNetV2 with 0.948 lose 5 %. (On Zen 5; see strassen_cycles () for others.) */
enum { STRASSEN_LEAST_PIXELS = 128, STRASSEN_KEPT_BYTES = 512 * 1024, STRASSEN_NEAR = 512 * 1024 };

/* Items for each thread, where it costs nothing to have many: one that comes late, or loses its CPU for a while, has the others do its
 * share. */
enum { SHARES = 4 };

/* What a step of it needs. */
struct strassen_step {
    enum staging staging;
    int run_height, run_width;  /* blocks of pixels, and pixels of the largest, an even number */
    ptrdiff_t v_point, m_point; /* floats in a sum, and in the scratch of a block */
    int bands;                  /* of blocks of pixels */
    int column_group;           /* pairs of columns in a work item */
    bool pair_by_pair;          /* all blocks by one pair of columns, not all pairs by one block */
};

/* Blocks of pixels that Strassen's algorithm pairs; the same for any number of threads. */
static int pixel_blocks (const struct preparation *p, const struct step *step)
{
    return divide_up (step->height * step->width, 2 * p->kernels->mr);
}

/* Rows of a tile, each `vectors` wide: 7 products, about 14 cycles for what lies between them; and once for all pairs the sums of
 * the input. */
static double cycles_of (const struct preparation *p, const struct step *step)
{
    int blocks = pixel_blocks (p, step), pixels = step->height * step->width, columns = p->kernels->nr_blocks;
    int each = pixels / blocks, more = pixels % blocks; /* so many blocks have one pixel more */
    double rows = (double)(blocks - more) * divide_up (each, 2) + (double)more * divide_up (each + 1, 2);
    double vectors = columns * BLOCK / p->kernels->lanes;
    double pairs = divide_up (step->channels, 2 * columns * BLOCK), half = step->in_channels / 2;
    return rows * (pairs * vectors * (7 * half / 2 + 14) + 5 * half / p->kernels->lanes);
}

static bool strassen_fits (const struct conv_method *method, const struct preparation *p, const struct step *step,
                           bool planar)
{
    const struct conv *c = &step->conv;
    (void)method;
    (void)planar;
    return c->kernel_h == 1 && c->kernel_w == 1 && c->groups == 1 && !c->pad_top && !c->pad_left && !c->pad_bottom &&
           !c->pad_right && step->in_channels % (2 * BLOCK) == 0 && step->channels > p->kernels->nr_blocks * BLOCK;
}

/* Not with the 512-bit vectors of Intel's processors: on a Xeon (model 207) the direct sum comes to 97 % of peak where all
 * is near, and the passes over tiles and sums cost five times what the model says: 17 of ResNet-50's 25 layers took up to 8 % longer
 * with Strassen's algorithm on one thread and up to 14 % on two, the whole network 1 to 2 %. With AVX2 most layers gain 1 to 4 % there
 * too. */
static double strassen_cycles (const struct conv_method *method, const struct preparation *p, const struct step *step)
{
    (void)method;
    bool slow = p->kernels->lanes == BLOCK && p->cpu->slow_strassen_512;
    return slow || step->height * step->width < STRASSEN_LEAST_PIXELS ? INFINITY : cycles_of (p, step);
}

/* Pairs of columns, all with the weights of a whole one. */
static bool strassen_lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    int columns = packed->nr_blocks;
    int out_blocks = (layer->conv.out_channels + BLOCK - 1) / BLOCK;
    size_t floats = 7 * (size_t)(in_channels / 2) * BLOCK * (size_t)columns;
    packed->depth = in_channels;
    packed->column_count = (out_blocks + 2 * columns - 1) / (2 * columns);
    packed->column = calloc ((size_t)packed->column_count, sizeof *packed->column);
    if (!packed->column)
        return false;
    for (int i = 0; i < packed->column_count; i++) {
        int first = i * 2 * columns, left = out_blocks - first;
        packed->column[i] = (struct column) { .block = first,
                                              .blocks = left < 2 * columns ? left : 2 * columns,
                                              .weights = (size_t)i * floats * sizeof (float) };
    }
    return !__builtin_mul_overflow (floats * sizeof (float), (size_t)packed->column_count, &packed->weight_bytes);
}

/* The seven sums of the quarters of [outputs][inputs], in the order of kernels_strassen.c. */
static void pack_strassen (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    int columns = packed->nr_blocks, half = in_channels / 2, wide = columns * BLOCK;
    size_t product = (size_t)half * (size_t)wide;
    for (int n = 0; n < packed->column_count; n++) {
        float *to = column_weights (packed, n);
        for (int lane = 0; lane < wide; lane++) {
            int first = packed->column[n].block * BLOCK + lane, second = first + wide;
            const float *u = filter (node, layer, packed->depth, packed->depth, first, 0);
            const float *l = filter (node, layer, packed->depth, packed->depth, second, 0);
            double scale_u = layer->scale && u ? layer->scale[first] : 1;
            double scale_l = layer->scale && l ? layer->scale[second] : 1;
            for (int i = 0; i < half; i++) {
                double a11 = u ? u[i] * scale_u : 0, a12 = u ? u[half + i] * scale_u : 0;
                double a21 = l ? l[i] * scale_l : 0, a22 = l ? l[half + i] * scale_l : 0;
                double lower = a21 + a22;
                double sums[7] = { a11, a12, lower - a11, lower, a12 - lower + a11, a11 - a21, a22 };
                for (size_t k = 0; k < 7; k++)
                    to[k * product + (size_t)(i * wide + lane)] = fabs (sums[k]) < 1e-30 ? 0.0f : (float)sums[k];
            }
        }
    }
}

/* Few weights, which the second-level cache keeps: block by block with all pairs of columns, in several bands for each thread. Many:
 * pair by pair, in bands of which the sums stay near; each band reads all weights again. Where all blocks are one such band, threads
 * divide the pairs instead if these can be divided more evenly; each makes all sums then.
 * True: work items are pairs. */
static bool cut_strassen (const struct preparation *p, const struct step *step, struct strassen_step *s)
{
    int pairs = step->packed->column_count, blocks = s->run_height, threads = p->threads;
    size_t near = STRASSEN_NEAR / sizeof (float) / (size_t)s->m_point;
    int64_t uneven_blocks = divide_up (blocks, threads) * threads - blocks;
    int64_t uneven_pairs = divide_up (pairs, threads) * threads - pairs;
    s->pair_by_pair = step->packed->weight_bytes > STRASSEN_KEPT_BYTES;
    s->column_group = pairs;
    s->bands = least (blocks, s->pair_by_pair || threads == 1 ? threads : SHARES * threads);
    if (!s->pair_by_pair)
        return false;
    if (threads > 1 && (size_t)blocks <= near && uneven_blocks * pairs > uneven_pairs * blocks) {
        s->column_group = 1;
        s->bands = 1;
        return true;
    }
    while (s->bands < blocks && (size_t)divide_up (blocks, s->bands) > near)
        s->bands = least (blocks, s->bands + threads);
    return false;
}

static bool strassen_prepare (struct preparation *p, struct step *step)
{
    int pixels = step->height * step->width;
    struct strassen_step *s = memory_add (p->memory, 1, sizeof *s);
    if (!s)
        return false;
    step->state = s;
    s->staging = staging_of (&step->conv, false);
    s->run_height = pixel_blocks (p, step);
    s->run_width = 2 * divide_up (divide_up (pixels, s->run_height), 2);
    s->v_point = (ptrdiff_t)(step->in_channels / 2) * (s->run_width / 2);
    s->m_point = 4 * s->v_point + (ptrdiff_t)3 * p->kernels->nr_blocks * BLOCK * (s->run_width / 2) +
                 (s->staging == STAGING_SAMPLE ? (ptrdiff_t)step->in_channels * s->run_width : 0);
    step->by_column = cut_strassen (p, step, s);
    int slots = s->pair_by_pair ? divide_up (s->run_height, s->bands) : 2;
    need_bytes (&p->scratch_bytes, (size_t)slots * (size_t)s->m_point * sizeof (float));
    snprintf (step->algorithm, sizeof step->algorithm, "strassen");
    step->multiplications = step->macs / 8 * 7;
    return true;
}

/* Pixels that lie apart are copied together, [input blocks][count][16]. */
static void copy_pixels (const struct step *step, int first, int count, float *copy)
{
    const float *in = step->in;
    ptrdiff_t in_block = (ptrdiff_t)step->in_height * step->in_width * BLOCK, copy_block = count * BLOCK;
    int y = first / step->width, x = first % step->width;
    for (int p = 0; p < count; p++) {
        const float *from =
            in + ((ptrdiff_t)y * step->conv.stride_h * step->in_width + (ptrdiff_t)x * step->conv.stride_w) * BLOCK;
        for (int b = 0; b < step->in_channels / BLOCK; b++)
            memcpy (copy + b * copy_block + p * BLOCK, from + b * in_block, BLOCK * sizeof (float));
        if (++x == step->width) {
            x = 0;
            y++;
        }
    }
}

/* One item's share of the work. */
struct share {
    struct execution *e;
    const struct step *step;
    struct lane *lane;
    int first, last; /* blocks of pixels */
    int end;         /* blocks whose sums are wanted, in the order of blocks: also by the item that comes next */
};

/* Where the block's pixels and sums are. `fresh`: the pixels may still have to be copied. */
static struct strassen_block block_at (const struct share *share, int block, bool fresh)
{
    const struct step *step = share->step;
    const struct strassen_step *s = step->state;
    int all = step->height * step->width, first = part_start (all, block, s->run_height);
    int count = part_start (all, block + 1, s->run_height) - first;
    float *scratch = share->lane->scratch,
          *sums = scratch + (s->pair_by_pair ? block - share->first : block % 2) * s->m_point;
    float *copy = sums + 4 * s->v_point;
    bool apart = s->staging == STAGING_SAMPLE;
    if (apart && fresh)
        copy_pixels (step, first, count, copy);
    return (struct strassen_block) {
        .in = apart ? copy : (const float *)step->in + (ptrdiff_t)first * BLOCK,
        .in_block = apart ? count * BLOCK : (ptrdiff_t)step->in_height * step->in_width * BLOCK,
        .depth = step->in_channels / 2,
        .pixels = count,
        .rows = divide_up (count, 2),
        .sums = sums,
        .sum = s->v_point,
    };
}

/* Some products that belong together, and the weights of those that come next. */
struct part {
    int first, last;
    struct ahead next;
};

/* A part of the products of one block of pixels by one pair of columns; with `making`, the next block's sums are made meanwhile. */
static void block_by_pair (const struct share *share, int block, int pair, const struct part *part, bool making)
{
    const struct step *step = share->step;
    const struct strassen_step *s = step->state;
    const struct column *column = &step->packed->column[pair];
    int columns = share->e->kernels->nr_blocks, all = step->height * step->width;
    const float *residual = step->residual;
    float *out = step->out;
    ptrdiff_t out_block = (ptrdiff_t)all * BLOCK;
    ptrdiff_t at = column->block * out_block + (ptrdiff_t)part_start (all, block, s->run_height) * BLOCK;
    struct strassen_run run = {
        .now = block_at (share, block, false),
        .first = part->first,
        .last = part->last,
        .weights = column_weights (step->packed, pair),
        .blocks = column->blocks,
        .bias = step->packed->bias,
        .residual = residual ? residual + at : NULL,
        .out = out + at,
        .out_block = out_block,
        .channel = column->block * BLOCK,
        .epilogue = &step->epilogue,
    };
    run.kept = run.now.sums + s->m_point - (ptrdiff_t)3 * columns * BLOCK * (s->run_width / 2);
    if (making && block + 1 < share->end)
        run.after = block_at (share, block + 1, true);
    ptrdiff_t steps = (ptrdiff_t)(part->last - part->first) * run.now.depth;
    struct fetch fetch = fetch_ahead (part->next, (share->last - share->first) * steps, columns);
    run.fetch = fetch_after (fetch, (block - share->first) * steps);
    share->e->kernels->strassen (&run);
}

/* All blocks by one pair, products that belong together at a time. */
static void share_by_pair (const struct share *share, int pair, bool fresh)
{
    const struct step *step = share->step;
    size_t product = (size_t)(step->in_channels / 2 * share->e->kernels->nr_blocks * BLOCK);
    const float *weights = column_weights (step->packed, pair);
    const struct part parts[3] = {
        { 0, 2, { weights + 2 * product, 3 * product } },
        { 2, 5, { weights + 5 * product, 2 * product } },
        { 5, 7, weights_after (share->e, step, share->lane, pair) },
    };
    for (int part = 0; part < 3; part++)
        for (int block = share->first; block < share->last; block++)
            block_by_pair (share, block, pair, &parts[part], fresh && part == 0);
}

static void strassen_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    const struct strassen_step *s = step->state;
    int pairs = step->packed->column_count, groups = divide_up (pairs, s->column_group);
    int band = item / groups, first_pair = item % groups * s->column_group;
    int last_pair = least (pairs, first_pair + s->column_group);
    int staged = lane->staged;
    struct share share = { .e = e, .step = step, .lane = lane };
    share.first = part_start (s->run_height, band, s->bands);
    share.last = part_start (s->run_height, band + 1, s->bands);
    share.end = s->pair_by_pair ? share.last : s->run_height;
    lane->staged = s->pair_by_pair ? band : share.last; /* whose sums are there: a band, or the block that comes next */
    bool fresh = staged != (s->pair_by_pair ? band : share.first);
    if (fresh) {
        struct strassen_block first = block_at (&share, share.first, true);
        e->kernels->strassen_sums (&first);
    }
    if (s->pair_by_pair) {
        for (int pair = first_pair; pair < last_pair; pair++, fresh = false)
            share_by_pair (&share, pair, fresh);
        return;
    }
    for (int block = share.first; block < share.last; block++)
        for (int pair = 0; pair < pairs; pair++) {
            struct part all = { 0, 7, weights_after (e, step, lane, pair) };
            block_by_pair (&share, block, pair, &all, pair == 0);
        }
}

static void strassen_run (struct execution *e, const struct step *step)
{
    const struct strassen_step *s = step->state;
    on_lanes (e, step, strassen_item, s->bands * divide_up (step->packed->column_count, s->column_group));
}

const struct conv_method conv_strassen = {
    .name = "strassen",
    .algorithms = 1 << ALGORITHM_STRASSEN,
    .gain = 0.943,
    .fits = strassen_fits,
    .cycles = strassen_cycles,
    .lay = strassen_lay,
    .pack = pack_strassen,
    .prepare = strassen_prepare,
    .run = strassen_run,
};
