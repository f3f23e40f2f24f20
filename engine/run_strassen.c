/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_strassen.c: 1x1 convolutions by Strassen's algorithm.
 *
 *   item = band of pixel blocks x group of column pairs:  input -> sums in the lane's scratch -> products -> output
 *
 * Few weights: block by block, each with all pairs, so that the weights stay in the second-level cache and only the sums of one block
 * exist. Many: pair by pair, and the products that belong together over all blocks, so that they are read once.
 * Which pixels are paired, and so how sums are rounded, depends on the size of the image and the instruction set's tile alone. */
#include "engine/run_steps.h"
#include "engine/schedule.h"

#include <string.h>

/* Pixels that lie apart are copied together, [input blocks][count][16]. */
static void copy_pixels (const struct record *step, int first, int count, float *copy)
{
    ptrdiff_t in_block = (ptrdiff_t)step->in_height * step->in_width * BLOCK, copy_block = count * BLOCK;
    int y = first / step->width, x = first % step->width;
    for (int p = 0; p < count; p++) {
        const float *from =
            step->in +
            ((ptrdiff_t)y * step->conv.stride_h * step->in_width + (ptrdiff_t)x * step->conv.stride_w) * BLOCK;
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
    const struct record *step;
    struct lane *lane;
    int first, last; /* blocks of pixels */
    int end;         /* blocks whose sums are wanted, in the order of blocks: also by the item that comes next */
};

/* Where the block's pixels and sums are. `fresh`: the pixels may still have to be copied. */
static struct strassen_block block_at (const struct share *share, int block, bool fresh)
{
    const struct record *step = share->step;
    int all = step->height * step->width, first = part_start (all, block, step->run_height);
    int count = part_start (all, block + 1, step->run_height) - first;
    float *sums = share->lane->scratch + (step->pair_by_pair ? block - share->first : block % 2) * step->m_point;
    float *copy = sums + 4 * step->v_point;
    bool apart = step->staging == STAGING_SAMPLE;
    if (apart && fresh)
        copy_pixels (step, first, count, copy);
    return (struct strassen_block) {
        .in = apart ? copy : step->in + (ptrdiff_t)first * BLOCK,
        .in_block = apart ? count * BLOCK : (ptrdiff_t)step->in_height * step->in_width * BLOCK,
        .depth = step->in_channels / 2,
        .pixels = count,
        .rows = divide_up (count, 2),
        .sums = sums,
        .sum = step->v_point,
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
    const struct record *step = share->step;
    const struct column *column = &step->packed->column[pair];
    int columns = share->e->kernels->columns, all = step->height * step->width;
    ptrdiff_t out_block = (ptrdiff_t)all * BLOCK;
    ptrdiff_t at = column->block * out_block + (ptrdiff_t)part_start (all, block, step->run_height) * BLOCK;
    struct strassen_run run = {
        .now = block_at (share, block, false),
        .first = part->first,
        .last = part->last,
        .weights = step->packed->weights + column->weights,
        .blocks = column->blocks,
        .bias = step->packed->bias,
        .residual = step->residual ? step->residual + at : NULL,
        .out = step->out + at,
        .out_block = out_block,
        .channel = column->block * BLOCK,
        .finish = &step->finish,
    };
    run.kept = run.now.sums + step->m_point - (ptrdiff_t)3 * columns * BLOCK * (step->run_width / 2);
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
    const struct record *step = share->step;
    const struct column *column = &step->packed->column[pair];
    size_t product = (size_t)(step->in_channels / 2 * share->e->kernels->columns * BLOCK);
    const float *weights = step->packed->weights + column->weights;
    const struct part parts[3] = {
        { 0, 2, { weights + 2 * product, 3 * product } },
        { 2, 5, { weights + 5 * product, 2 * product } },
        { 5, 7, weights_after (share->e, step, share->lane, pair) },
    };
    for (int part = 0; part < 3; part++)
        for (int block = share->first; block < share->last; block++)
            block_by_pair (share, block, pair, &parts[part], fresh && part == 0);
}

static void strassen_item (struct execution *e, const struct record *step, struct lane *lane, int item)
{
    int pairs = step->packed->column_count, groups = divide_up (pairs, step->column_group);
    int band = item / groups, first_pair = item % groups * step->column_group;
    int last_pair = least (pairs, first_pair + step->column_group);
    int staged = lane->staged;
    struct share share = { .e = e, .step = step, .lane = lane };
    share.first = part_start (step->run_height, band, step->bands);
    share.last = part_start (step->run_height, band + 1, step->bands);
    share.end = step->pair_by_pair ? share.last : step->run_height;
    lane->staged =
        step->pair_by_pair ? band : share.last; /* whose sums are there: a band, or the block that comes next */
    bool fresh = staged != (step->pair_by_pair ? band : share.first);
    if (fresh) {
        struct strassen_block first = block_at (&share, share.first, true);
        e->kernels->strassen_sums (&first);
    }
    if (step->pair_by_pair) {
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

void run_strassen (struct execution *e, const struct record *step)
{
    on_lanes (e, step, strassen_item, step->bands * divide_up (step->packed->column_count, step->column_group));
}
