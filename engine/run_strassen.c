/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_strassen.c: 1x1 convolutions by Strassen's algorithm.
 *
 *   item = band of pixel blocks x group of column pairs:  input -> sums in the lane's scratch -> products -> output
 *
 * Many weights: pair by pair, each over all blocks of pixels, whose sums are made while the first pair is computed. Few: block
 * by block, each with all pairs; only the sums of two blocks exist. Which pixels are paired, and so how sums are rounded, depends on
 * the size of the image alone. */
#include "engine/plan.h"

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
    struct plan *plan;
    const struct record *step;
    float *scratch;
    int first, last; /* blocks of pixels */
};

static bool many_weights (const struct record *step)
{
    return step->near_rows == 0;
}

/* Where the block's pixels and sums are. `fresh`: they may still have to be copied. */
static struct strassen_block block_at (const struct share *share, int block, bool fresh)
{
    const struct record *step = share->step;
    int all = step->height * step->width, first = part_start (all, block, step->run_height);
    int count = part_start (all, block + 1, step->run_height) - first;
    int slot = step->near_rows ? block % step->near_rows : block - share->first;
    float *sums = share->scratch + slot * step->m_point, *copy = sums + 4 * step->v_point;
    bool apart = step->conv.stride_h > 1 || step->conv.stride_w > 1;
    if (apart && fresh)
        copy_pixels (step, first, count, copy);
    return (struct strassen_block) {
        .in = apart ? copy : step->in + first * BLOCK,
        .in_block = apart ? count * BLOCK : (ptrdiff_t)step->in_height * step->in_width * BLOCK,
        .depth = step->in_channels / 2,
        .pixels = count,
        .rows = divide_up (count, 2),
        .sums = sums,
        .sum = step->v_point,
    };
}

/* One block of pixels by one pair of columns; with `making`, the sums of the block after it are made meanwhile. */
static void block_by_pair (const struct share *share, int block, int pair, bool making)
{
    const struct record *step = share->step;
    const struct column *column = &step->packed->column[pair];
    const float *next = weights_after (step, column);
    ptrdiff_t out_block = (ptrdiff_t)step->height * step->width * BLOCK;
    ptrdiff_t at =
        column->block * out_block + (ptrdiff_t)part_start (step->height * step->width, block, step->run_height) * BLOCK;
    struct strassen_run run = {
        .now = block_at (share, block, false),
        .weights = step->packed->weights + column->weights,
        .blocks = column->blocks,
        .bias = step->packed->bias,
        .residual = step->residual ? step->residual + at : NULL,
        .out = step->out + at,
        .out_block = out_block,
        .channel = column->block * BLOCK,
        .finish = &step->finish,
    };
    if (making && block + 1 < share->last)
        run.after = block_at (share, block + 1, true);
    if (next) {
        run.next_step = divide_up (share->plan->kernels->columns * BLOCK, share->last - share->first);
        run.next = next + (block - share->first) * 7 * run.now.depth * run.next_step;
    }
    share->plan->kernels->strassen (&run);
}

static void strassen_item (struct plan *plan, const struct record *step, struct lane *lane, int item)
{
    int pairs = step->packed->column_count, groups = divide_up (pairs, step->column_group);
    int band = item / groups, first_pair = item % groups * step->column_group;
    int last_pair = first_pair + step->column_group < pairs ? first_pair + step->column_group : pairs;
    struct share share = { plan, step, lane->scratch, part_start (step->run_height, band, step->bands),
                           part_start (step->run_height, band + 1, step->bands) };
    bool fresh = lane->staged != band;
    if (fresh) {
        struct strassen_block first = block_at (&share, share.first, true);
        plan->kernels->strassen_input (&first);
    }
    lane->staged = band;
    if (many_weights (step)) {
        for (int pair = first_pair; pair < last_pair; pair++, fresh = false)
            for (int block = share.first; block < share.last; block++)
                block_by_pair (&share, block, pair, fresh);
        return;
    }
    for (int block = share.first; block < share.last; block++)
        for (int pair = 0; pair < pairs; pair++)
            block_by_pair (&share, block, pair, pair == 0);
}

void run_strassen (struct plan *plan, const struct record *step)
{
    on_lanes (plan, step, strassen_item, step->bands * divide_up (step->packed->column_count, step->column_group));
}
