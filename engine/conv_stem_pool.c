/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_stem_pool.c: a stem and the max-pool behind it, row by row.
 *
 *   planar input -> padded rows -> conv, `chunk` rows at a time -> near [block][near_rows][width][16] -> pool -> output
 *
 * Only near_rows rows of the tensor between the two exist, in the lane's scratch, where they stay in the cache. An item is
 * a band of output rows. A lane that goes on with the next band has the rows that both need; where another one does, they
 * are computed twice. */
#include "engine/conv_stem_pool.h"
#include "engine/conv_direct.h"

#include <stdio.h>
#include <string.h>

/* A tensor smaller than FUSED_LEAST is near anyway when the max-pool reads it. The rows of a larger one that wait for it
 * get a part of the second-level cache: on the stem of a ResNet 8 to 32 rows are equally fast, 2 are 8 % slower. The same
 * for a depthwise convolution behind a stem or a 1x1 was tried and gained nothing: there the kernel is the limit. */
enum { FUSED_LEAST = 256 * 1024, FUSED_NEAR = 288 * 1024 };

/* Bands for each thread: so many that one that wakes late has the others do its share. It is the first step of a run. */
enum { BANDS = 4 };

/* What such a step needs. */
struct stem_pool {
    struct direct conv; /* first, as direct_segments () wants it; `band` rows are made of one copy of the input */
    struct pool pool;
    int near_rows, chunk; /* rows kept in the lane's scratch, and made at a time */
};

/* At the start of a lane's scratch: rows [first, made) of the convolution are at hand, while lane->staged >= 0, which is
 * then the first row that the padded input is for. */
struct rows_made {
    int first, made;
};

/* Floats at the start of a lane's scratch that hold that and row pointers, one for each row of a window. */
#define HEAD_FLOATS(window) (BLOCK + (2 * (size_t)(window) + 15) / 16 * 16)

bool stem_pool_fits (const struct step *step, const struct step *then, const struct pool *pool)
{
    return step->packed && step->packed->method == &conv_planar && step->place.residual.buffer < 0 &&
           pool->kind == POOL_MAX && pool->dilation_h == 1 && pool->kernel_h <= step->height &&
           then->height >= 4 * pool->kernel_h &&
           blocked_bytes (step->place.out.element, step->channels, step->height, step->width) >= FUSED_LEAST;
}

/* Where a lane keeps the rows [made->first, made->made) of the convolution that it has at hand, and the padded input of
 * conv.band rows, from lane->staged on. */
struct near {
    struct rows_made *made;
    float *rows, *staged;
};

static void stage (struct execution *e, const struct step *step, struct lane *lane, float *staged, int first)
{
    const struct stem_pool *s = step->state;
    const struct conv *conv = &step->conv;
    size_t in_plane = (size_t)step->in_height * (size_t)step->in_width;
    size_t plane = (size_t)s->conv.staged_height * (size_t)s->conv.staged_width;
    lane->staged = first;
    for (int c = 0; c < step->in_channels; c++)
        copy_padded (e->input + (size_t)c * in_plane, step->in_height, step->in_width,
                     first * conv->stride_h - conv->pad_top, -conv->pad_left, s->conv.staged_height,
                     s->conv.staged_width, 1, staged + (size_t)c * plane);
}

/* Convolution rows [near->made->made, last). */
static void make_rows (struct execution *e, const struct step *step, struct lane *lane, struct near *near, int last)
{
    const struct stem_pool *s = step->state;
    ptrdiff_t row = (ptrdiff_t)step->width * BLOCK, block = s->near_rows * row;
    if (lane->staged < 0 || last > lane->staged + s->conv.band)
        stage (e, step, lane, near->staged, near->made->made);
    for (int i = 0; i < step->packed->column_count; i++) {
        const struct column *column = &step->packed->column[i];
        struct conv_run run = column_run (step, column, block);
        run.pixels = step->width;
        for (int y = near->made->made; y < last; y++) {
            run.input = near->staged + (ptrdiff_t)(y - lane->staged) * step->conv.stride_h * s->conv.staged_width;
            run.out = near->rows + column->block * block + (y - near->made->first) * row;
            step->kernel->run (&run);
        }
    }
    near->made->made = last;
}

/* Makes sure that rows [first, last) are at hand; rows before `first` are not wanted any more, nor are rows from `end` on. */
static void want_rows (struct execution *e, const struct step *step, struct lane *lane, struct near *near, int first,
                       int last, int end)
{
    const struct stem_pool *s = step->state;
    size_t row = (size_t)step->width * BLOCK, block = (size_t)s->near_rows * row;
    if (lane->staged < 0 || near->made->made < first || first < near->made->first) {
        near->made->first = near->made->made = first;
        lane->staged = -1;
    }
    if (last <= near->made->made)
        return;
    int to = least (end, near->made->made + s->chunk);
    to = to < last ? last : to;
    if (to - near->made->first > s->near_rows) {
        size_t kept = (size_t)(near->made->made - first) * row, gone = (size_t)(first - near->made->first) * row;
        for (int b = 0; b < divide_up (step->channels, BLOCK); b++) {
            float *rows = near->rows + (size_t)b * block;
            memmove (rows, rows + gone, kept * sizeof (float));
        }
        near->made->first = first;
    }
    make_rows (e, step, lane, near, to);
}

/* Output rows in an item. */
static int fused_band (const struct execution *e, const struct step *then)
{
    return divide_up (then->height, e->threads > 1 ? BANDS * e->threads : 1);
}

static void fused_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    const struct stem_pool *s = step->state;
    const struct step *then = step->then;
    const struct pool *pool = &s->pool;
    float *scratch = lane->scratch, *out = then->out;
    const float **rows = (const float **)(scratch + BLOCK);
    int band = fused_band (e, then), blocks = divide_up (step->channels, BLOCK);
    ptrdiff_t row = (ptrdiff_t)step->width * BLOCK;
    struct near near = { .made = lane->scratch, .rows = scratch + HEAD_FLOATS (pool->kernel_h) };
    near.staged = near.rows + blocks * s->near_rows * row;
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
                rows[i] = near.rows + (b * s->near_rows + first + i - near.made->first) * row;
            run.out = out + ((ptrdiff_t)b * then->height + y) * then->width * BLOCK;
            e->kernels->pool (&run);
        }
    }
}

static void stem_pool_run (struct execution *e, const struct step *step)
{
    on_lanes (e, step, fused_item, divide_up (step->then->height, fused_band (e, step->then)));
}

bool stem_pool_prepare (struct preparation *p, struct step *step, const struct pool *pool)
{
    const struct conv *conv = &step->conv;
    struct stem_pool *s = memory_add (p->memory, 1, sizeof *s);
    if (!s)
        return false;
    s->conv = *(const struct direct *)step->state;
    s->pool = *pool;
    size_t row = blocked_count (step->channels, 1, step->width);
    s->chunk = (int)(FUSED_NEAR / sizeof (float) / row) - pool->kernel_h;
    if (s->chunk < 2)
        s->chunk = 2;
    s->near_rows = s->conv.band = s->chunk + pool->kernel_h;
    s->conv.staged_height = (s->conv.band - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
    step->state = s;
    step->run = stem_pool_run;
    need_bytes (&p->scratch_bytes, (HEAD_FLOATS (pool->kernel_h) + (size_t)s->near_rows * row) * sizeof (float) +
                                       band_bytes (step, s->conv.band));
    snprintf (step->algorithm, sizeof step->algorithm, "direct, max-pool");
    return direct_segments (p, step, true, (size_t)s->conv.staged_width,
                            (size_t)s->conv.staged_height * (size_t)s->conv.staged_width);
}
