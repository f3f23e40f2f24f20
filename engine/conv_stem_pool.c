/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_stem_pool.c: a stem and the max-pool behind it, row by row.
 *
 *   planar input -> padded rows -> conv, rows_at_once rows -> row buffer [block][rows_cap][width][16] -> pool -> output
 *
 * Only rows_cap rows of the tensor between the two exist: the row buffer, in the worker's scratch, where they stay in
 * the cache. An item is a band of output rows. A worker that goes on with the next band has the rows that both need;
 * where another one does, they are computed twice. */
#include "engine/conv_stem_pool.h"
#include "engine/conv_direct.h"

#include <stdio.h>
#include <string.h>

/* A tensor smaller than FUSED_LEAST_BYTES is still in the L2 cache when the max-pool reads it. The row buffer of a
 * larger one gets ROW_BUFFER_BYTES bytes: on a ResNet's stem 2 rows are 8 % slower than 8 to 32. */
enum { FUSED_LEAST_BYTES = 256 * 1024, ROW_BUFFER_BYTES = 288 * 1024 };

/* Bands for each thread: this is the first step of a run, and the others must take over from a worker that wakes
 * late. */
enum { BANDS = 4 };

/* What such a step needs. */
struct stem_pool {
    struct direct conv; /* first, as direct_segments () wants it; `band` rows are made of one copy of the input */
    struct pool pool;
    int rows_cap, rows_at_once; /* rows that the row buffer holds, and that are made at a time */
};

/* At the start of a worker's scratch: rows [first, end) of the convolution are at hand, while worker->staged >= 0,
 * which is then the first row that the padded input is for. */
struct row_range {
    int first, end;
};

/* Floats at the start of a worker's scratch that hold that and row pointers, one for each row of a window. */
#define HEAD_FLOATS(window) (BLOCK + (2 * (size_t)(window) + 15) / 16 * 16)

bool stem_pool_fits (const struct step *step, const struct step *pool_step, const struct pool *pool)
{
    return step->packed && step->packed->method == &conv_planar && step->place.residual.buffer < 0 &&
           pool->kind == POOL_MAX && pool->dilation_h == 1 && pool->kernel_h <= step->height &&
           pool_step->height >= 4 * pool->kernel_h &&
           place_blocked_bytes (step->place.out.element, step->channels, step->height, step->width) >=
               FUSED_LEAST_BYTES;
}

/* Where a worker keeps the rows [range->first, range->end) of the convolution that it has at hand, and the padded input
 * of conv.band rows, from worker->staged on. */
struct row_buffer {
    struct worker_state *worker;
    struct row_range *range;
    float *rows, *staged;
};

static void stage (struct execution *e, const struct step *step, struct worker_state *worker, float *staged, int first)
{
    const struct stem_pool *s = step->state;
    const struct conv *conv = &step->conv;
    size_t in_plane = (size_t)step->in_height * (size_t)step->in_width;
    size_t plane = (size_t)s->conv.staged_height * (size_t)s->conv.staged_width;
    worker->staged = first;
    const struct patch patch = { first * conv->stride_h - conv->pad_top, -conv->pad_left, s->conv.staged_height,
                                 s->conv.staged_width };
    const struct pixels pixels = { .numbers = 1 };
    for (int c = 0; c < step->in_channels; c++)
        copy_padded (e->input + (size_t)c * in_plane, step->in_height, step->in_width, &patch, &pixels,
                     staged + (size_t)c * plane);
}

/* Convolution rows [buffer->range->end, last). */
static void make_rows (struct execution *e, const struct step *step, struct row_buffer *buffer, int last)
{
    const struct stem_pool *s = step->state;
    ptrdiff_t row = (ptrdiff_t)step->width * BLOCK, block = s->rows_cap * row;
    if (buffer->worker->staged < 0 || last > buffer->worker->staged + s->conv.band)
        stage (e, step, buffer->worker, buffer->staged, buffer->range->end);
    for (int i = 0; i < step->packed->panel_count; i++) {
        const struct panel *panel = &step->packed->panel[i];
        struct conv_args args = panel_args (step, panel, block);
        args.pixels = step->width;
        for (int y = buffer->range->end; y < last; y++) {
            args.input =
                buffer->staged + (ptrdiff_t)(y - buffer->worker->staged) * step->conv.stride_h * s->conv.staged_width;
            args.out = buffer->rows + panel->block * block + (y - buffer->range->first) * row;
            step->kernel->run (&args);
        }
    }
    buffer->range->end = last;
}

/* Makes sure that rows [first, last) are at hand; rows before `first` are not wanted any more, nor are rows from `end`
 * on. */
static void ensure_rows (struct execution *e, const struct step *step, struct row_buffer *buffer, int first, int last,
                         int end)
{
    const struct stem_pool *s = step->state;
    size_t row = (size_t)step->width * BLOCK, block = (size_t)s->rows_cap * row;
    if (buffer->worker->staged < 0 || buffer->range->end < first || first < buffer->range->first) {
        buffer->range->first = buffer->range->end = first;
        buffer->worker->staged = -1;
    }
    if (last <= buffer->range->end)
        return;
    int to = least (end, buffer->range->end + s->rows_at_once);
    to = to < last ? last : to;
    if (to - buffer->range->first > s->rows_cap) {
        size_t kept = (size_t)(buffer->range->end - first) * row, gone = (size_t)(first - buffer->range->first) * row;
        for (int b = 0; b < divide_up (step->channels, BLOCK); b++) {
            float *rows = buffer->rows + (size_t)b * block;
            memmove (rows, rows + gone, kept * sizeof (float));
        }
        buffer->range->first = first;
    }
    make_rows (e, step, buffer, to);
}

/* Output rows in an item. */
static int fused_band (const struct execution *e, const struct step *pool_step)
{
    return divide_up (pool_step->height, e->threads > 1 ? BANDS * e->threads : 1);
}

static void fused_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct stem_pool *s = step->state;
    const struct step *pool_step = step->fused_pool;
    const struct pool *pool = &s->pool;
    float *scratch = worker->scratch, *out = pool_step->out;
    const float **rows = (const float **)(scratch + BLOCK);
    int band = fused_band (e, pool_step), blocks = divide_up (step->channels, BLOCK);
    ptrdiff_t row = (ptrdiff_t)step->width * BLOCK;
    struct row_buffer buffer = { .worker = worker,
                                 .range = worker->scratch,
                                 .rows = scratch + HEAD_FLOATS (pool->kernel_h) };
    buffer.staged = buffer.rows + blocks * s->rows_cap * row;
    struct pool_args args = {
        .kind = POOL_MAX,
        .rows = rows,
        .window = { pool->kernel_w, pool->stride_w, pool->dilation_w, pool->pad_left, step->width, pool_step->width },
    };
    int end = least (pool_step->height, (item + 1) * band);
    int conv_end = least (step->height, (end - 1) * pool->stride_h - pool->pad_top + pool->kernel_h);
    for (int y = item * band; y < end; y++) {
        int first = y * pool->stride_h - pool->pad_top, last = least (first + pool->kernel_h, step->height);
        first = first < 0 ? 0 : first;
        ensure_rows (e, step, &buffer, first, last, conv_end);
        args.row_count = last > first ? last - first : 0;
        for (int b = 0; b < blocks; b++) {
            for (int i = 0; i < args.row_count; i++)
                rows[i] = buffer.rows + (b * s->rows_cap + first + i - buffer.range->first) * row;
            args.out = out + ((ptrdiff_t)b * pool_step->height + y) * pool_step->width * BLOCK;
            e->kernels->pool (&args);
        }
    }
}

static void stem_pool_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, fused_item, divide_up (step->fused_pool->height, fused_band (e, step->fused_pool)));
}

bool stem_pool_prepare (struct preparation *p, struct step *step, const struct pool *pool)
{
    const struct conv *conv = &step->conv;
    struct stem_pool *s = memory_add (p->memory, 1, sizeof *s);
    if (!s)
        return false;
    s->conv = *(const struct direct *)step->state;
    s->pool = *pool;
    size_t row = place_blocked_count (step->channels, 1, step->width);
    s->rows_at_once = (int)(ROW_BUFFER_BYTES / sizeof (float) / row) - pool->kernel_h;
    if (s->rows_at_once < 2)
        s->rows_at_once = 2;
    s->rows_cap = s->conv.band = s->rows_at_once + pool->kernel_h;
    s->conv.staged_height = (s->conv.band - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
    step->state = s;
    step->run = stem_pool_run;
    need_bytes (&p->scratch_bytes, (HEAD_FLOATS (pool->kernel_h) + (size_t)s->rows_cap * row) * sizeof (float) +
                                       conv_band_bytes (step, s->conv.band));
    snprintf (step->algorithm, sizeof step->algorithm, "direct, max-pool");
    return direct_segments (p, step, true, (size_t)s->conv.staged_width,
                            (size_t)s->conv.staged_height * (size_t)s->conv.staged_width);
}
