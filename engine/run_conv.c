/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run_conv.c: the convolution steps: what an item of work is, what it copies, and the kernels it calls.
 *
 *   direct      item = band of rows x group of columns;  input -> lane's scratch (padded band) -> kernel -> output
 *   Winograd    item = block of tiles, all columns; or, where all tiles are one block, item = column:
 *               input -> V -> per column: sums -> output, all in the lane's scratch
 *   depthwise   item = rows of one block */
#include "engine/run_steps.h"
#include "engine/schedule.h"

#include <string.h>

/* Channels of a Winograd product whose weights all its tiles meet before the next channels': at most 16 KiB of weights, with as
 * many fetched meanwhile, stay in a first-level cache of 48. Where the weights come from afar, 256 and 512 channels at 14 x 14 and
 * 7 x 7 pixels, layers take 9 to 12 % less than with all channels at once (Intel Xeon, model 207); 64 channels are no better. It is
 * the same number for all layers, threads and instruction sets, since it decides in what order a sum is rounded. */
enum { PRODUCT_CHANNELS = 128 };

/* ---- direct convolution ------------------------------------------------------------------------------------------ */

/* Rows [top, top + height) x columns [left, left + width) of one plane of pixels of `pixel` floats, zeros outside. */
void copy_padded (const float *in, int in_height, int in_width, int top, int left, int height, int width, size_t pixel,
                  float *out)
{
    int first = left < 0 ? -left : 0, last = in_width - left < width ? in_width - left : width;
    if (first > width)
        first = width;
    if (last < first)
        last = first;
    for (int y = 0; y < height; y++, out += (size_t)width * pixel) {
        if (top + y < 0 || top + y >= in_height) {
            memset (out, 0, (size_t)width * pixel * sizeof (float));
            continue;
        }
        const float *row = in + ((ptrdiff_t)(top + y) * in_width + left) * (ptrdiff_t)pixel;
        memset (out, 0, (size_t)first * pixel * sizeof (float));
        memcpy (out + (size_t)first * pixel, row + (size_t)first * pixel,
                (size_t)(last - first) * pixel * sizeof (float));
        memset (out + (size_t)last * pixel, 0, (size_t)(width - last) * pixel * sizeof (float));
    }
}

static void stage (struct execution *e, const struct record *step, struct lane *lane, int band)
{
    const struct conv *conv = &step->conv;
    if (lane->staged == band)
        return;
    lane->staged = band;
    bool planar = step->staging == STAGING_PLANAR;
    size_t pixel = planar ? 1 : BLOCK;
    int planes = planar ? step->in_channels : divide_up (step->in_channels, BLOCK);
    const float *in = planar ? e->input : step->in;
    float *out = lane->scratch;
    for (int p = 0; p < planes; p++, in += (size_t)step->in_height * (size_t)step->in_width * pixel) {
        if (step->staging == STAGING_SAMPLE) {
            for (int y = 0; y < step->height; y++)
                for (int x = 0; x < step->width; x++, out += BLOCK)
                    memcpy (out,
                            in +
                                ((size_t)(y * conv->stride_h) * (size_t)step->in_width + (size_t)(x * conv->stride_w)) *
                                    BLOCK,
                            BLOCK * sizeof (float));
            continue;
        }
        copy_padded (in, step->in_height, step->in_width,
                     part_start (step->run_height, band, step->bands) * conv->stride_h - conv->pad_top, -conv->pad_left,
                     step->staged_height, step->staged_width, pixel, out);
        out += (size_t)step->staged_height * (size_t)step->staged_width * pixel;
    }
}

/* What all runs of a column have in common; input, output and pixels are still to be set. */
struct conv_run column_run (const struct record *step, const struct column *column, ptrdiff_t out_block)
{
    return (struct conv_run) {
        .segments = step->segments,
        .segment_count = step->segment_count,
        .pixel_stride = step->pixel_stride,
        .weights = step->packed->weights + column->weights,
        .bias = step->packed->bias,
        .out_block = out_block,
        .blocks = column->blocks,
        .channel = column->block * BLOCK,
        .finish = &step->finish,
    };
}

/* All runs of one column in a band. */
static void conv_column (struct execution *e, const struct record *step, struct lane *lane, int index, int band)
{
    const struct column *column = &step->packed->column[index];
    const struct conv *conv = &step->conv;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width, out_block = pixels * BLOCK;
    struct conv_run run = column_run (step, column, out_block);
    int first = part_start (step->run_height, band, step->bands);
    int last = part_start (step->run_height, band + 1, step->bands);
    const float *in;
    ptrdiff_t in_row; /* floats from one run to the next */
    if (step->staging == STAGING_PAD || step->staging == STAGING_PLANAR) {
        ptrdiff_t pixel = step->staging == STAGING_PLANAR ? 1 : BLOCK;
        in_row = (ptrdiff_t)conv->stride_h * step->staged_width * pixel;
        in = lane->scratch + (ptrdiff_t)column->in_block * step->staged_height * step->staged_width * pixel -
             first * in_row;
    } else if (step->flat) {
        in_row = (ptrdiff_t)step->run_width * BLOCK;
        in = (step->staging == STAGING_SAMPLE ? lane->scratch : step->in) + column->in_block * out_block;
    } else {
        in_row = (ptrdiff_t)conv->stride_h * step->in_width * BLOCK;
        in = step->in + (ptrdiff_t)column->in_block * step->in_height * step->in_width * BLOCK;
    }
    /* the next weights, spread over all tiles of this column */
    struct ahead next = weights_after (e, step, lane, index);
    ptrdiff_t steps = divide_up (step->run_width, e->kernels->rows) * step->depth_steps;
    struct fetch fetch = fetch_ahead (next, (last - first) * steps, column->blocks);
    for (int y = first; y < last; y++) {
        ptrdiff_t at = (ptrdiff_t)y * step->run_width, left = pixels - at;
        run.input = in + y * in_row;
        run.out = step->out + column->block * out_block + at * BLOCK;
        run.residual = step->residual ? step->residual + column->block * out_block + at * BLOCK : NULL;
        run.pixels = left < step->run_width ? (int)left : step->run_width;
        run.fetch = fetch_after (fetch, (y - first) * steps);
        e->kernels->conv (&run);
    }
}

static void conv_item (struct execution *e, const struct record *step, struct lane *lane, int item)
{
    int groups = divide_up (step->packed->column_count, step->column_group);
    int band = item / groups, first = item % groups * step->column_group;
    int last = least (step->packed->column_count, first + step->column_group);
    if (step->staging != STAGING_NONE)
        stage (e, step, lane, step->staging == STAGING_SAMPLE ? 0 : band); /* samples: all of them at once */
    for (int c = first; c < last; c++)
        conv_column (e, step, lane, c, band);
}

void run_conv (struct execution *e, const struct record *step)
{
    on_lanes (e, step, conv_item, step->bands * divide_up (step->packed->column_count, step->column_group));
}

/* ---- Winograd ---------------------------------------------------------------------------------------------------- */

static struct winograd_run winograd_run (const struct record *step)
{
    return (struct winograd_run) {
        .n_h = step->n_h,
        .n_w = step->n_w,
        .height = step->height,
        .width = step->width,
        .pad_top = step->conv.pad_top,
        .pad_left = step->conv.pad_left,
        .in_height = step->in_height,
        .in_width = step->in_width,
        .v_point = step->v_point,
        .m_point = step->m_point,
        .bias = step->packed->bias,
        .finish = &step->finish,
    };
}

/* One transform of all tiles of a block; v and m_ are the first one's. */
static void transform (const struct tile_block *block, struct winograd_run run,
                       void (*kernel) (const struct winograd_run *run))
{
    float *v = run.v;
    const float *m = run.m_;
    for (int kind = 0; kind < TILE_KINDS; kind++) {
        int first = block->start[kind];
        run.small_h = kind == TILES_SMALL_H || kind == TILES_SMALL;
        run.small_w = kind == TILES_SMALL_W || kind == TILES_SMALL;
        run.tile = block->tile + first;
        run.tiles = block->start[kind + 1] - first;
        run.v = v ? v + first * BLOCK : NULL;
        run.m_ = m ? m + first * BLOCK : NULL;
        if (run.tiles)
            kernel (&run);
    }
}

static void winograd_forward (struct execution *e, const struct record *step, const struct tile_block *block, float *v)
{
    struct winograd_run run = winograd_run (step);
    for (int b = 0; b < divide_up (step->in_channels, BLOCK); b++) {
        run.in = step->in + (ptrdiff_t)b * step->in_height * step->in_width * BLOCK;
        run.v = v + (ptrdiff_t)b * step->tiles * BLOCK;
        transform (block, run, e->kernels->winograd_input);
    }
}

/* Tile t of a step, counted row by row: where it is, and of what kind. */
static enum tile_kind tile_at (const struct record *step, int tiles_w, int t, struct tile *tile)
{
    *tile = (struct tile) { t / tiles_w * step->m_h, t % tiles_w * step->m_w };
    bool small_h = step->small_h && tile->top + step->m_h > step->height;
    bool small_w = step->small_w && tile->left + step->m_w > step->width;
    return small_h ? small_w ? TILES_SMALL : TILES_SMALL_H : small_w ? TILES_SMALL_W : TILES_WHOLE;
}

/* One of the step's blocks of nearly equal size, its tiles kind by kind. */
static void lay_block (const struct record *step, int index, struct tile_block *block)
{
    int tiles_w = divide_up (step->width, step->m_w), tiles = divide_up (step->height, step->m_h) * tiles_w;
    int first = part_start (tiles, index, step->tile_blocks), last = part_start (tiles, index + 1, step->tile_blocks);
    int next[TILE_KINDS + 1] = { 0 };
    struct tile tile;
    for (int t = first; t < last; t++)
        next[tile_at (step, tiles_w, t, &tile) + 1]++;
    block->start[0] = 0;
    for (int kind = 0; kind < TILE_KINDS; kind++) {
        next[kind + 1] += next[kind];
        block->start[kind + 1] = next[kind + 1];
    }
    for (int t = first; t < last; t++) {
        enum tile_kind kind = tile_at (step, tiles_w, t, &tile);
        block->tile[next[kind]++] = tile;
    }
}

/* The tiles of a block that need this point of the step's: [first, end). */
static void tiles_at (const struct record *step, const struct tile_block *block, int point, int *first, int *end)
{
    static const bool every[3][6] = { { true, true, false, true },
                                      { true, false, true, true, false },
                                      { true, true, true, false, false, true } };
    bool h = every[step->n_h - 4][point / step->n_w]; /* small tiles need it too */
    bool w = every[step->n_w - 4][point % step->n_w];
    *first = block->start[h ? TILES_SMALL_H : TILES_WHOLE];
    *end = block->start[h && w ? TILE_KINDS : w ? TILES_SMALL : TILES_SMALL_W];
}

/* The points that meet each filter of the strided kernel: the odd pixels of a side, points 3 and 4, meet the same one. */
static const struct {
    uint8_t count, point[4];
} strided_points[16] = {
    { 1, { 0 } },      { 1, { 1 } },      { 1, { 2 } },      { 2, { 3, 4 } },
    { 1, { 5 } },      { 1, { 6 } },      { 1, { 7 } },      { 2, { 8, 9 } },
    { 1, { 10 } },     { 1, { 11 } },     { 1, { 12 } },     { 2, { 13, 14 } },
    { 2, { 15, 20 } }, { 2, { 16, 21 } }, { 2, { 17, 22 } }, { 4, { 18, 19, 23, 24 } },
};

/* The tiles that a filter meets at one point. */
struct use {
    const float *input;
    float *out;
    int pixels, register_tiles;
};

/* All uses of a filter, at most 4; returns how many: none for a point that only whole tiles have, where all are small. */
static int filter_uses (const struct execution *e, const struct record *step, const struct tile_block *block,
                        int filter, const float *v, float *sums, struct use *use)
{
    bool strided = winograd_strided (step);
    int uses = 0, points = strided ? strided_points[filter].count : 1;
    for (int i = 0; i < points; i++) {
        int point = strided ? strided_points[filter].point[i] : filter;
        int from, to;
        tiles_at (step, block, point, &from, &to);
        if (from < to)
            use[uses++] = (struct use) { .input = v + point * step->v_point + from * BLOCK,
                                         .out = sums + point * step->m_point + from * BLOCK,
                                         .pixels = to - from,
                                         .register_tiles = divide_up (to - from, e->kernels->rows) };
    }
    return uses;
}

/* One filter's products, a share of the channels at a time. Meanwhile the weights of the next share are fetched, at the pace at which
 * they will be wanted, and at the end `next`. The run is changed in place: a copy would wait for the stores just made to it, 100 cycles
 * at each. */
static void winograd_product (const struct execution *e, const struct record *step, const struct use *use, int uses,
                              struct conv_run *product, struct ahead next)
{
    const int wide = product->blocks * BLOCK, depth = step->packed->depth;
    const size_t share = (size_t)least (depth, PRODUCT_CHANNELS) * (size_t)wide;
    int register_tiles = 0;
    for (int u = 0; u < uses; u++)
        register_tiles += use[u].register_tiles;
    product->segments = step->segments;
    for (int k = 0; k < depth; k += PRODUCT_CHANNELS) {
        int channels = least (depth - k, PRODUCT_CHANNELS), left = depth - k - channels, done = 0;
        struct ahead ahead = next;
        if (left > 0)
            ahead = (struct ahead) { product->weights + channels * wide, (size_t)left * (size_t)wide };
        /* a share is enough, it is wanted first: more cost 2 % at 7 x 7 pixels */
        ahead.floats = ahead.floats < share ? ahead.floats : share;
        struct fetch fetch = fetch_ahead (ahead, (ptrdiff_t)channels * register_tiles, product->blocks);
        product->segment_count = divide_up (channels, BLOCK);
        for (int u = 0; u < uses; u++) {
            product->fetch = fetch_after (fetch, (ptrdiff_t)channels * done);
            product->input = use[u].input;
            product->out = use[u].out;
            product->pixels = use[u].pixels;
            product->residual = k > 0 ? product->out : NULL;
            e->kernels->conv (product);
            done += use[u].register_tiles;
        }
        product->segments += product->segment_count;
        product->weights += channels * wide;
    }
}

/* The products of all points for one column. */
static void winograd_products (struct execution *e, const struct record *step, const struct tile_block *block,
                               const struct lane *lane, int index, const float *v, float *sums)
{
    static const float zeros[2 * BLOCK] __attribute__ ((aligned (64)));
    static const struct finish none = { .low = -__builtin_inff (), .high = __builtin_inff (), .plain = true };
    const struct column *column = &step->packed->column[index];
    int filters = winograd_strided (step) ? 16 : step->n_h * step->n_w;
    size_t each = (size_t)step->packed->depth * BLOCK * (size_t)column->blocks;
    struct conv_run product = {
        .pixel_stride = BLOCK,
        .bias = zeros,
        .out_block = (ptrdiff_t)block->start[TILE_KINDS] * BLOCK,
        .blocks = column->blocks,
        .finish = &none,
    };
    for (int filter = 0; filter < filters; filter++) {
        struct use use[4];
        int uses = filter_uses (e, step, block, filter, v, sums, use);
        if (!uses)
            continue;
        product.weights = step->packed->weights + column->weights + (size_t)filter * each;
        winograd_product (e, step, use, uses, &product,
                          filter + 1 < filters ? (struct ahead) { product.weights + each, each }
                                               : weights_after (e, step, lane, index));
    }
}

/* One column: the products, then the way back. */
static void winograd_column (struct execution *e, const struct record *step, const struct tile_block *block,
                             const struct lane *lane, const float *v, float *sums, int index)
{
    const struct column *column = &step->packed->column[index];
    winograd_products (e, step, block, lane, index, v, sums);
    struct winograd_run run = winograd_run (step);
    for (int b = 0; b < column->blocks; b++) {
        ptrdiff_t at = (ptrdiff_t)(column->block + b) * step->height * step->width * BLOCK;
        run.m_ = sums + (ptrdiff_t)b * block->start[TILE_KINDS] * BLOCK;
        run.out = step->out + at;
        run.residual = step->residual ? step->residual + at : NULL;
        run.channel = (column->block + b) * BLOCK;
        transform (block, run, e->kernels->winograd_output);
    }
}

/* One block of tiles from input to output. */
static void winograd_block_item (struct execution *e, const struct record *step, struct lane *lane, int item)
{
    struct tile_block *block = (struct tile_block *)lane->scratch;
    float *v = lane->scratch + TILE_BLOCK (step->tiles), *sums = v + step->n_h * step->n_w * step->v_point;
    lay_block (step, item, block);
    winograd_forward (e, step, block, v);
    for (int c = 0; c < step->packed->column_count; c++)
        winograd_column (e, step, block, lane, v, sums, c);
}

/* One column over all tiles; a lane transforms the whole input when it first gets one. Sharing that between lanes would
 * cost more than doing it twice: every line of it would have to leave the cache of the core that wrote it. */
static void winograd_column_item (struct execution *e, const struct record *step, struct lane *lane, int item)
{
    struct tile_block *block = (struct tile_block *)lane->scratch;
    float *v = lane->scratch + TILE_BLOCK (step->tiles), *sums = v + step->n_h * step->n_w * step->v_point;
    if (lane->staged < 0) {
        lay_block (step, 0, block);
        winograd_forward (e, step, block, v);
    }
    lane->staged = 0;
    winograd_column (e, step, block, lane, v, sums, item);
}

void run_winograd (struct execution *e, const struct record *step)
{
    if (!step->by_column)
        on_lanes (e, step, winograd_block_item, step->tile_blocks);
    else
        on_lanes (e, step, winograd_column_item, step->packed->column_count);
}

/* ---- depthwise --------------------------------------------------------------------------------------------------- */

enum { DEPTHWISE_ROWS = 14 }; /* output rows in an item */

static void depthwise_item (struct execution *e, const struct record *step, struct lane *lane, int item)
{
    const struct conv *conv = &step->conv;
    int blocks = divide_up (step->channels, BLOCK), block = item % blocks, first = item / blocks * DEPTHWISE_ROWS;
    ptrdiff_t at = ((ptrdiff_t)block * step->height + first) * step->width * BLOCK;
    (void)lane;
    e->kernels->depthwise (&(struct depthwise_run) {
        .in = step->in + (ptrdiff_t)block * step->in_height * step->in_width * BLOCK,
        .weights = step->packed->weights + (size_t)block * (size_t)conv->kernel_h * (size_t)conv->kernel_w * BLOCK,
        .in_height = step->in_height,
        .kernel_h = conv->kernel_h,
        .stride_h = conv->stride_h,
        .dilation_h = conv->dilation_h,
        .pad_top = conv->pad_top,
        .window = { conv->kernel_w, conv->stride_w, conv->dilation_w, conv->pad_left, step->in_width, step->width },
        .first = first,
        .rows = least (step->height - first, DEPTHWISE_ROWS),
        .bias = step->packed->bias,
        .residual = step->residual ? step->residual + at : NULL,
        .out = step->out + at,
        .channel = block * BLOCK,
        .finish = &step->finish,
    });
}

void run_depthwise (struct execution *e, const struct record *step)
{
    on_lanes (e, step, depthwise_item, divide_up (step->channels, BLOCK) * divide_up (step->height, DEPTHWISE_ROWS));
}
