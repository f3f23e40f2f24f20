/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_strassen.c: 1x1 convolutions by Strassen's algorithm.
 *
 *   item = band of pixel blocks x group of panel pairs:  input -> sums in the worker's scratch -> products -> output
 *
 * Few weights: block by block, each with all pairs, so that the weights stay in the L2 cache and only the sums of one
 * block exist. Many: pair by pair, and the products that belong together over all blocks, so that they are read once.
 * Which pixels are paired, and so how sums are rounded, depends on the size of the image and the instruction set's tile
 * alone, never on the number of threads.
 *
 * It saves one product in eight and needs 7/4 of the weights and some passes over the tiles: see strassen_cycles ().
 *
 * Weights, per pair of panels: [product][input channel of a half][16 blocks of a panel], sums of quarters. */
#include "engine/conv.h"
#include "engine/conv_cost.h"
#include "engine/conv_direct.h"
#include "engine/conv_weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* It reads 256 / pixels bytes of weights a cycle, so it needs 128 pixels. Weights up to STRASSEN_KEPT_BYTES stay in the
 * L2 cache and are read for every block of pixels, more are read once for every STRASSEN_SCRATCH_BYTES bytes of
 * scratch. Figures: docs/measurements.md, "Strassen". */
enum { STRASSEN_LEAST_PIXELS = 128, STRASSEN_KEPT_BYTES = 512 * 1024, STRASSEN_SCRATCH_BYTES = 512 * 1024 };

/* Items for each thread, where many cost nothing: when one thread is late, the others take over. */
enum { ITEMS_PER_THREAD = 4 };

/* What a step of it needs. */
struct strassen_step {
    enum staging staging;
    int pixel_blocks, block_pixels; /* blocks of pixels, and pixels of the largest, an even number */
    ptrdiff_t v_point, m_point;     /* floats in a sum, and in the scratch of a block */
    int bands;                      /* of blocks of pixels */
    int panel_group;                /* pairs of panels in a work item */
    bool pair_outer;                /* loop over pairs of panels outside, over blocks inside */
};

/* Blocks of pixels that Strassen's algorithm pairs; the same for any number of threads. */
static int pixel_blocks (const struct preparation *p, const struct step *step)
{
    return divide_up (step->height * step->width, 2 * p->kernels->mr);
}

/* Per row of a tile and vector: 7 products and about 14 cycles between them; and once for all pairs the input's
 * sums. */
static double cycles_of (const struct preparation *p, const struct step *step)
{
    int blocks = pixel_blocks (p, step), pixels = step->height * step->width, nr_blocks = p->kernels->nr_blocks;
    int each = pixels / blocks, more = pixels % blocks; /* so many blocks have one pixel more */
    double rows = (double)(blocks - more) * divide_up (each, 2) + (double)more * divide_up (each + 1, 2);
    double vectors = nr_blocks * BLOCK / p->kernels->lanes;
    double pairs = divide_up (step->channels, 2 * nr_blocks * BLOCK), half = step->in_channels / 2;
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

/* Never with the 512-bit vectors of a CPU that says slow_strassen_512 (Intel's: layers take up to 14 % longer). */
static double strassen_cycles (const struct conv_method *method, const struct preparation *p, const struct step *step)
{
    (void)method;
    bool slow = p->kernels->lanes == BLOCK && p->cpu->slow_strassen_512;
    return slow || step->height * step->width < STRASSEN_LEAST_PIXELS ? INFINITY : cycles_of (p, step);
}

/* Pairs of panels, all with the weights of a whole one. */
static bool strassen_lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    int nr_blocks = packed->nr_blocks;
    int out_blocks = (layer->conv.out_channels + BLOCK - 1) / BLOCK;
    size_t floats = 7 * (size_t)(in_channels / 2) * BLOCK * (size_t)nr_blocks;
    packed->depth = in_channels;
    packed->panel_count = (out_blocks + 2 * nr_blocks - 1) / (2 * nr_blocks);
    packed->panel = calloc ((size_t)packed->panel_count, sizeof *packed->panel);
    if (!packed->panel)
        return false;
    for (int i = 0; i < packed->panel_count; i++) {
        int first = i * 2 * nr_blocks, left = out_blocks - first;
        packed->panel[i] = (struct panel) { .block = first,
                                            .blocks = left < 2 * nr_blocks ? left : 2 * nr_blocks,
                                            .weights = (size_t)i * floats * sizeof (float) };
    }
    return !__builtin_mul_overflow (floats * sizeof (float), (size_t)packed->panel_count, &packed->weight_bytes);
}

/* The seven sums of the quarters of [outputs][inputs], in the order of kernels_strassen.c. */
static void pack_strassen (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    int nr_blocks = packed->nr_blocks, half = in_channels / 2, wide = nr_blocks * BLOCK;
    size_t product = (size_t)half * (size_t)wide;
    for (int n = 0; n < packed->panel_count; n++) {
        float *to = panel_weights (packed, n);
        packed_begin (packed, node, n);
        for (int lane = 0; lane < wide; lane++) {
            if (!packed_spend (7 * (size_t)half))
                return;
            int first = packed->panel[n].block * BLOCK + lane, second = first + wide;
            const float *u = filter (node, layer, in_channels, first, 0);
            const float *l = filter (node, layer, in_channels, second, 0);
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

/* Few weights, which stay in the L2 cache: block by block with all pairs of panels, in several bands for each thread.
 * Many: pair by pair, in bands whose sums stay in the L2 cache; each band reads all weights again. Where all blocks are
 * one such band, threads divide the pairs instead if these divide more evenly; each then makes all sums.
 * True: work items are pairs. */
static bool cut_strassen (const struct preparation *p, const struct step *step, struct strassen_step *s)
{
    int pairs = step->packed->panel_count, blocks = s->pixel_blocks, threads = p->threads;
    size_t cached = STRASSEN_SCRATCH_BYTES / sizeof (float) / (size_t)s->m_point;
    int64_t uneven_blocks = divide_up (blocks, threads) * threads - blocks;
    int64_t uneven_pairs = divide_up (pairs, threads) * threads - pairs;
    s->pair_outer = step->packed->weight_bytes > STRASSEN_KEPT_BYTES;
    s->panel_group = pairs;
    s->bands = least (blocks, s->pair_outer || threads == 1 ? threads : ITEMS_PER_THREAD * threads);
    if (!s->pair_outer)
        return false;
    if (threads > 1 && (size_t)blocks <= cached && uneven_blocks * pairs > uneven_pairs * blocks) {
        s->panel_group = 1;
        s->bands = 1;
        return true;
    }
    while (s->bands < blocks && (size_t)divide_up (blocks, s->bands) > cached)
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
    s->pixel_blocks = pixel_blocks (p, step);
    s->block_pixels = 2 * divide_up (divide_up (pixels, s->pixel_blocks), 2);
    s->v_point = (ptrdiff_t)(step->in_channels / 2) * (s->block_pixels / 2);
    s->m_point = 4 * s->v_point + (ptrdiff_t)3 * p->kernels->nr_blocks * BLOCK * (s->block_pixels / 2) +
                 (s->staging == STAGING_SAMPLE ? (ptrdiff_t)step->in_channels * s->block_pixels : 0);
    step->by_panel = cut_strassen (p, step, s);
    int slots = s->pair_outer ? divide_up (s->pixel_blocks, s->bands) : 2;
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

/* The work of one item. */
struct strassen_work {
    struct execution *e;
    const struct step *step;
    struct worker_state *worker;
    int first, last; /* blocks of pixels */
    int end;         /* blocks whose sums are wanted, in the order of blocks: also by the item that comes next */
};

/* Where the block's pixels and sums are. `fresh`: the pixels may still have to be copied. */
static struct strassen_block block_at (const struct strassen_work *work, int block, bool fresh)
{
    const struct step *step = work->step;
    const struct strassen_step *s = step->state;
    int all = step->height * step->width, first = part_start (all, block, s->pixel_blocks);
    int count = part_start (all, block + 1, s->pixel_blocks) - first;
    float *scratch = work->worker->scratch,
          *sums = scratch + (s->pair_outer ? block - work->first : block % 2) * s->m_point;
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
struct product_group {
    int first, last;
    struct next_weights next;
};

/* A group of the products of one block of pixels by one pair of panels; with `making`, the next block's sums are made
 * meanwhile. */
static void block_by_pair (const struct strassen_work *work, int block, int pair, const struct product_group *group,
                           bool making)
{
    const struct step *step = work->step;
    const struct strassen_step *s = step->state;
    const struct panel *panel = &step->packed->panel[pair];
    int nr_blocks = work->e->kernels->nr_blocks, all = step->height * step->width;
    const float *residual = step->residual;
    float *out = step->out;
    ptrdiff_t out_block = (ptrdiff_t)all * BLOCK;
    ptrdiff_t at = panel->block * out_block + (ptrdiff_t)part_start (all, block, s->pixel_blocks) * BLOCK;
    struct strassen_args args = {
        .cur = block_at (work, block, false),
        .first = group->first,
        .last = group->last,
        .weights = panel_weights (step->packed, pair),
        .blocks = panel->blocks,
        .bias = step->packed->bias,
        .residual = residual ? residual + at : NULL,
        .out = out + at,
        .out_block = out_block,
        .channel = panel->block * BLOCK,
        .epilogue = &step->epilogue,
    };
    args.kept = args.cur.sums + s->m_point - (ptrdiff_t)3 * nr_blocks * BLOCK * (s->block_pixels / 2);
    if (making && block + 1 < work->end)
        args.next = block_at (work, block + 1, true);
    ptrdiff_t steps = (ptrdiff_t)(group->last - group->first) * args.cur.depth;
    struct prefetch prefetch = prefetch_spread (work->e, group->next, (work->last - work->first) * steps, nr_blocks);
    args.prefetch = prefetch_rest (prefetch, (block - work->first) * steps);
    work->e->kernels->strassen (&args);
}

/* All blocks by one pair, products that belong together at a time. */
static void work_by_pair (const struct strassen_work *work, int pair, bool fresh)
{
    const struct step *step = work->step;
    size_t product = (size_t)(step->in_channels / 2 * work->e->kernels->nr_blocks * BLOCK);
    const float *weights = panel_weights (step->packed, pair);
    const struct product_group groups[3] = {
        { 0, 2, { weights + 2 * product, 3 * product } },
        { 2, 5, { weights + 5 * product, 2 * product } },
        { 5, 7, next_weights (work->e, step, work->worker, pair) },
    };
    for (int group = 0; group < 3; group++)
        for (int block = work->first; block < work->last; block++)
            block_by_pair (work, block, pair, &groups[group], fresh && group == 0);
}

static void strassen_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct strassen_step *s = step->state;
    int pairs = step->packed->panel_count, groups = divide_up (pairs, s->panel_group);
    int band = item / groups, first_pair = item % groups * s->panel_group;
    int last_pair = least (pairs, first_pair + s->panel_group);
    int staged = worker->staged;
    struct strassen_work work = { .e = e, .step = step, .worker = worker };
    work.first = part_start (s->pixel_blocks, band, s->bands);
    work.last = part_start (s->pixel_blocks, band + 1, s->bands);
    work.end = s->pair_outer ? work.last : s->pixel_blocks;
    worker->staged = s->pair_outer ? band : work.last; /* whose sums are there: a band, or the block that comes next */
    bool fresh = staged != (s->pair_outer ? band : work.first);
    if (fresh) {
        struct strassen_block first = block_at (&work, work.first, true);
        e->kernels->strassen_sums (&first);
    }
    if (s->pair_outer) {
        for (int pair = first_pair; pair < last_pair; pair++, fresh = false)
            work_by_pair (&work, pair, fresh);
        return;
    }
    for (int block = work.first; block < work.last; block++)
        for (int pair = 0; pair < pairs; pair++) {
            struct product_group all = { 0, 7, next_weights (e, step, worker, pair) };
            block_by_pair (&work, block, pair, &all, pair == 0);
        }
}

static void strassen_run (struct execution *e, const struct step *step)
{
    const struct strassen_step *s = step->state;
    schedule_items (e, step, strassen_item, s->bands * divide_up (step->packed->panel_count, s->panel_group));
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
