/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_fused.c: a stem and the max-pool behind it, row by row.
 *
 *   planar input -> padded rows -> conv, `chunk` rows at a time -> near [block][near_rows][width][16] -> pool -> output
 *
 * Only near_rows rows of the tensor between the two exist, in the lane's scratch, where they stay in the cache. An item is
 * a band of output rows. A lane that goes on with the next band has the rows that both need; where another one does, they
 * are computed twice. */
#include "engine/run_steps.h"
#include "engine/schedule.h"

#include <string.h>

/* Bands for each thread: so many that one that wakes late has the others do its share. It is the first step of a run. */
enum { BANDS = 4 };

/* Where a lane keeps the rows [lane->first, lane->made) of the convolution that it has at hand, and the padded input of
 * step->band rows, from lane->staged on. */
struct near {
    float *rows, *staged;
};

static void stage (struct execution *e, const struct record *step, struct lane *lane, float *staged, int first)
{
    const struct conv *conv = &step->conv;
    size_t in_plane = (size_t)step->in_height * (size_t)step->in_width;
    size_t plane = (size_t)step->staged_height * (size_t)step->staged_width;
    lane->staged = first;
    for (int c = 0; c < step->in_channels; c++)
        copy_padded (e->input + (size_t)c * in_plane, step->in_height, step->in_width,
                     first * conv->stride_h - conv->pad_top, -conv->pad_left, step->staged_height, step->staged_width,
                     1, staged + (size_t)c * plane);
}

/* Convolution rows [lane->made, last). */
static void make_rows (struct execution *e, const struct record *step, struct lane *lane, struct near *near, int last)
{
    ptrdiff_t row = (ptrdiff_t)step->width * BLOCK, block = step->near_rows * row;
    if (lane->staged < 0 || last > lane->staged + step->band)
        stage (e, step, lane, near->staged, lane->made);
    for (int i = 0; i < step->packed->column_count; i++) {
        const struct column *column = &step->packed->column[i];
        struct conv_run run = column_run (step, column, block);
        run.pixels = step->width;
        for (int y = lane->made; y < last; y++) {
            run.input = near->staged + (ptrdiff_t)(y - lane->staged) * step->conv.stride_h * step->staged_width;
            run.out = near->rows + column->block * block + (y - lane->first) * row;
            e->kernels->conv (&run);
        }
    }
    lane->made = last;
}

/* Makes sure that rows [first, last) are at hand; rows before `first` are not wanted any more, nor are rows from `end` on. */
static void want_rows (struct execution *e, const struct record *step, struct lane *lane, struct near *near, int first,
                       int last, int end)
{
    size_t row = (size_t)step->width * BLOCK, block = (size_t)step->near_rows * row;
    if (lane->staged < 0 || lane->made < first || first < lane->first) {
        lane->first = lane->made = first;
        lane->staged = -1;
    }
    if (last <= lane->made)
        return;
    int to = least (end, lane->made + step->chunk);
    to = to < last ? last : to;
    if (to - lane->first > step->near_rows) {
        size_t kept = (size_t)(lane->made - first) * row, gone = (size_t)(first - lane->first) * row;
        for (int b = 0; b < divide_up (step->channels, BLOCK); b++) {
            float *rows = near->rows + (size_t)b * block;
            memmove (rows, rows + gone, kept * sizeof (float));
        }
        lane->first = first;
    }
    make_rows (e, step, lane, near, to);
}

/* Output rows in an item. */
static int fused_band (const struct execution *e, const struct record *then)
{
    return divide_up (then->height, e->threads > 1 ? BANDS * e->threads : 1);
}

static void fused_item (struct execution *e, const struct record *step, struct lane *lane, int item)
{
    const struct record *then = step->then;
    const struct pool *pool = &then->pool;
    const float **rows = (const float **)lane->scratch;
    int band = fused_band (e, then), blocks = divide_up (step->channels, BLOCK);
    ptrdiff_t row = (ptrdiff_t)step->width * BLOCK;
    struct near near = { .rows = lane->scratch + ROW_POINTERS (pool->kernel_h) };
    near.staged = near.rows + blocks * step->near_rows * row;
    struct pool_run run = {
        .kind = POOL_MAX,
        .rows = rows,
        .window = { pool->kernel_w, pool->stride_w, pool->dilation_w, pool->pad_left, step->width, then->width },
    };
    int end = least (then->height, (item + 1) * band);
    int conv_end = least (step->height, (end - 1) * pool->stride_h - pool->pad_top + pool->kernel_h);
    for (int y = item * band; y < end; y++) {
        int first = y * pool->stride_h - pool->pad_top, last = least (first + pool->kernel_h, step->height);
        first = first < 0 ? 0 : first;
        want_rows (e, step, lane, &near, first, last, conv_end);
        run.row_count = last > first ? last - first : 0;
        for (int b = 0; b < blocks; b++) {
            for (int i = 0; i < run.row_count; i++)
                rows[i] = near.rows + (b * step->near_rows + first + i - lane->first) * row;
            run.out = then->out + ((ptrdiff_t)b * then->height + y) * then->width * BLOCK;
            e->kernels->pool (&run);
        }
    }
}

void run_fused (struct execution *e, const struct record *step)
{
    on_lanes (e, step, fused_item, divide_up (step->then->height, fused_band (e, step->then)));
}
