/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* algorithm.c: how each convolution is computed: direct, by Winograd or by Strassen, from where it reads, and in which
 * pieces.
 *
 * The rule for 3x3 layers of stride 1 and 2 is a model of cycles, the larger of two things per algorithm:
 *   arithmetic   multiplications / (2 vectors a cycle), plus the transforms
 *   weights      bytes / (bytes a cycle from the third-level cache or memory), when they do not stay in the second-level cache
 *                between frames; F(4,3) has 4 times the weights of the direct sum, F(4x2,3) 2.7 times, F(2,3) 1.8 times
 * so that F(4,3) serves large images, F(2,3) small ones with many channels, F(4x2,3) some between where weights come slowly, and
 * none costs more than direct.
 * 1x1 layers are computed by Strassen's algorithm where an eighth less products outweighs its passes over the tiles, and where
 * there are enough pixels to make up for three quarters more weights; not with Intel's 512-bit vectors. */
#include "engine/algorithm.h"
#include "engine/count.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes of weights that can be expected to stay in the second-level cache while one layer runs (1 to 2 MiB on the
 * machines this was tuned on). */
enum { KEPT_BYTES = 512 * 1024 };

/* Bytes a cycle that come from farther away, measured in whole networks on one core: about 10 on Zen 5; on a Xeon (model 207), whose
 * third level is far from its cores and shared by many, 5.6. Other processors of Intel are taken to be like that one, others like the
 * first: neither is measured. */
enum { FAR_BYTES_PER_CYCLE = 10, FAR_BYTES_PER_CYCLE_INTEL = 6 };

/* A band of input is copied and then read once per column: small enough for half the second-level cache. */
enum { BAND_BYTES = 128 * 1024 };

/* A tensor smaller than FUSED_LEAST is near anyway when the max-pool reads it. The rows of a larger one that wait for it
 * get a part of the second-level cache: on the stem of a ResNet 8 to 32 rows are equally fast, 2 are 8 % slower. The same
 * for a depthwise convolution behind a stem or a 1x1 was tried and gained nothing: there the kernel is the limit. */
enum { FUSED_LEAST = 256 * 1024, FUSED_NEAR = 288 * 1024 };

/* Tiles of a Winograd block, about: 28 x 36 x 64 channels x 4 bytes is 258 KiB of transformed input. */
enum { WINOGRAD_TILES = 28, WINOGRAD_MOST_TILES = 64, WINOGRAD_LEAST_TILES = 20 };

/* Strassen's algorithm reads 256 / pixels bytes of weights a cycle: at 7 x 7 pixels a ResNet-50 was 5 % slower with it, at 13 x 13 a
 * layer 7 % faster. Weights up to STRASSEN_KEPT_BYTES are read again for every block of pixels, more for every STRASSEN_NEAR bytes of
 * scratch: without that bound 256 to 1024 channels at 96 x 96 pixels took twice as long. It is taken where the model says
 * that it needs at most STRASSEN_GAIN of the direct sum's cycles: measured, layers of ResNet-50 with 0.90 to 0.94 gain 4 to 9 %, some
 * of MobileNetV2 with 0.948 lose 5 %. (On Zen 5; see strassen_pays () for others.) */
enum { STRASSEN_LEAST_PIXELS = 128, STRASSEN_KEPT_BYTES = 512 * 1024, STRASSEN_NEAR = 512 * 1024 };
static const double STRASSEN_GAIN = 0.943;

/* Items for each thread, where it costs nothing to have many: one that comes late, or loses its CPU for a while, has the others do its
 * share. */
enum { SHARES = 4 };

/* ---- choice ---------------------------------------------------------------------------------------------------- */

/* One side of a tile: its points, its outputs, and the points of a small one, 0: there is none. */
struct side {
    int n, m, small;
};

/* What a packing means: the sides, filter points, and vectors read, written and computed by the transforms per tile and block (two
 * thirds of them overlap). */
static const struct winograd {
    struct side h, w;
    int filters, forward, inverse;
} winograds[] = {
    [PACKING_F23] = { { 4, 2, 3 }, { 4, 2, 3 }, 16, 60, 50 },
    [PACKING_F43] = { { 6, 4, 4 }, { 6, 4, 4 }, 36, 180, 190 },
    [PACKING_F42] = { { 6, 4, 4 }, { 4, 2, 0 }, 24, 110, 110 },
    [PACKING_STRIDED] = { { 5, 2, 3 }, { 5, 2, 3 }, 16, 70, 60 },
};

/* Does a side of so many outputs end with a small tile? */
static bool ends_small (const struct side *side, int outputs)
{
    int left = outputs % side->m;
    return side->small > 0 && left > 0 && left <= side->m / 2;
}

/* Products for one side of so many outputs. */
static int side_points (const struct side *side, int outputs)
{
    return outputs / side->m * side->n + (outputs % side->m == 0       ? 0
                                          : ends_small (side, outputs) ? side->small
                                                                       : side->n);
}

/* Products for each pair of channels. */
static uint64_t winograd_points (const struct winograd *w, const struct record *step)
{
    return (uint64_t)side_points (&w->h, step->height) * (uint64_t)side_points (&w->w, step->width);
}

static int tile_count (const struct winograd *w, const struct record *step)
{
    return divide_up (step->height, w->h.m) * divide_up (step->width, w->w.m);
}

/* Cycles of so many multiplications by so many weights. */
static double product_cycles (const struct preparation *p, double multiplications, double weights)
{
    double cycles = multiplications / (2.0 * p->kernels->lanes), bytes = weights * sizeof (float);
    double far = bytes / (cpu_is_intel () ? FAR_BYTES_PER_CYCLE_INTEL : FAR_BYTES_PER_CYCLE);
    return bytes > KEPT_BYTES && far > cycles ? far : cycles;
}

static double winograd_cycles (const struct preparation *p, const struct record *step, enum packing packing)
{
    const struct winograd *w = &winograds[packing];
    double points = (double)winograd_points (w, step), tiles = tile_count (w, step);
    double in = step->in_channels, out = divide_up (step->channels, BLOCK) * BLOCK;
    return product_cycles (p, points * in * out, w->filters * in * out) +
           tiles * (in * w->forward + out * w->inverse) / (2.0 * p->kernels->lanes);
}

static double direct_cycles (const struct preparation *p, const struct record *step)
{
    double in = step->in_channels, out = divide_up (step->channels, BLOCK) * BLOCK;
    double taps = (double)step->conv.kernel_h * step->conv.kernel_w;
    return product_cycles (p, taps * step->height * step->width * in * out, taps * in * out);
}

static bool winograd_fits (const struct record *step)
{
    const struct conv *c = &step->conv;
    return c->kernel_h == 3 && c->kernel_w == 3 && c->stride_h == c->stride_w && c->stride_h <= 2 &&
           c->dilation_h == 1 && c->dilation_w == 1 && c->groups == 1 && c->pad_top <= 1 && c->pad_left <= 1 &&
           c->pad_bottom <= 1 && c->pad_right <= 1;
}

/* Blocks of pixels that Strassen's algorithm pairs; the same for any number of threads. */
static int pixel_blocks (const struct preparation *p, const struct record *step)
{
    return divide_up (step->height * step->width, 2 * p->kernels->rows);
}

/* Rows of a tile, each `vectors` wide: 7 products, about 14 cycles for what lies between them; and once for all pairs the sums of
 * the input. */
static double strassen_cycles (const struct preparation *p, const struct record *step)
{
    int blocks = pixel_blocks (p, step), pixels = step->height * step->width, columns = p->kernels->columns;
    int each = pixels / blocks, more = pixels % blocks; /* so many blocks have one pixel more */
    double rows = (double)(blocks - more) * divide_up (each, 2) + (double)more * divide_up (each + 1, 2);
    double vectors = columns * BLOCK / p->kernels->lanes;
    double pairs = divide_up (step->channels, 2 * columns * BLOCK), half = step->in_channels / 2;
    return rows * (pairs * vectors * (7 * half / 2 + 14) + 5 * half / p->kernels->lanes);
}

/* Of a 1x1 convolution. */
static bool strassen_fits (const struct preparation *p, const struct record *step)
{
    const struct conv *c = &step->conv;
    return c->groups == 1 && !c->pad_top && !c->pad_left && !c->pad_bottom && !c->pad_right &&
           step->in_channels % (2 * BLOCK) == 0 && step->channels > p->kernels->columns * BLOCK;
}

/* Not with the 512-bit vectors of Intel's processors: on a Xeon (model 207) the direct sum comes to 97 % of peak where all
 * is near, and the passes over tiles and sums cost five times what the model says: 17 of ResNet-50's 25 layers took up to 8 % longer
 * with Strassen's algorithm on one thread and up to 14 % on two, the whole network 1 to 2 %. With AVX2 most layers gain 1 to 4 % there
 * too. */
static bool strassen_pays (const struct preparation *p, const struct record *step)
{
    if (p->kernels->lanes == BLOCK && cpu_is_intel ())
        return false;
    return step->height * step->width >= STRASSEN_LEAST_PIXELS &&
           strassen_cycles (p, step) < STRASSEN_GAIN * direct_cycles (p, step);
}

static enum packing choose_1x1 (const struct preparation *p, const struct record *step, enum algorithm wanted)
{
    if (!strassen_fits (p, step) || (wanted != ALGORITHM_AUTO && wanted != ALGORITHM_STRASSEN))
        return PACKING_DIRECT;
    return wanted == ALGORITHM_STRASSEN || strassen_pays (p, step) ? PACKING_STRASSEN : PACKING_DIRECT;
}

/* Of a 3x3 convolution that Winograd's fits. */
static enum packing choose_3x3 (const struct preparation *p, const struct record *step, enum algorithm wanted)
{
    static const enum packing strided[] = { PACKING_STRIDED }, others[] = { PACKING_F23, PACKING_F42, PACKING_F43 };
    bool two = winograd_strided (step);
    if (wanted != ALGORITHM_AUTO)
        return two                       ? PACKING_STRIDED
               : wanted == ALGORITHM_F23 ? PACKING_F23
               : wanted == ALGORITHM_F42 ? PACKING_F42
                                         : PACKING_F43;
    const enum packing *candidates = two ? strided : others;
    size_t count = two ? sizeof strided / sizeof *strided : sizeof others / sizeof *others;
    enum packing best = PACKING_DIRECT;
    double least_cycles = direct_cycles (p, step);
    for (size_t i = 0; i < count; i++) {
        double cycles = winograd_cycles (p, step, candidates[i]);
        if (cycles < least_cycles) {
            least_cycles = cycles;
            best = candidates[i];
        }
    }
    return best;
}

enum packing algorithm_choose (const struct preparation *p, const struct record *step, enum algorithm wanted,
                               bool planar)
{
    const struct conv *conv = &step->conv;
    if (conv->groups == step->in_channels && conv->groups == step->channels && conv->groups > 1)
        return PACKING_DEPTHWISE;
    if (planar)
        return PACKING_PLANAR;
    if (conv->kernel_h == 1 && conv->kernel_w == 1)
        return choose_1x1 (p, step, wanted);
    if (wanted == ALGORITHM_DIRECT || wanted == ALGORITHM_STRASSEN || !winograd_fits (step))
        return PACKING_DIRECT;
    return choose_3x3 (p, step, wanted);
}

/* ---- segments -------------------------------------------------------------------------------------------------- */

/* The sum's pieces in the order of the packed weights. `row` and `plane` are floats from one input row and block to the
 * next. Taps of a row are one piece where they are contiguous. */
static bool direct_segments (struct preparation *p, struct record *step, bool planar, size_t row, size_t plane)
{
    const struct conv *conv = &step->conv;
    int depth = step->packed->depth, count = 0;
    int blocks = planar ? depth : divide_up (depth, BLOCK);
    step->segments = memory_add (p->memory, (size_t)blocks * (size_t)conv->kernel_h * (size_t)conv->kernel_w,
                                 sizeof *step->segments);
    if (!step->segments)
        return false;
    for (int b = 0; b < blocks; b++) {
        int lanes = planar ? 1 : depth - b * BLOCK < BLOCK ? depth - b * BLOCK : BLOCK, step_x = planar ? 1 : BLOCK;
        bool whole = lanes == step_x && conv->dilation_w == 1;
        for (int y = 0; y < conv->kernel_h; y++) {
            size_t at = (size_t)b * plane + (size_t)y * (size_t)conv->dilation_h * row;
            for (int x = 0; x < (whole ? 1 : conv->kernel_w); x++)
                step->segments[count++] =
                    (struct segment) { .offset = (int32_t)(at + (size_t)x * (size_t)conv->dilation_w * (size_t)step_x),
                                       .length = whole ? lanes * conv->kernel_w : lanes };
        }
    }
    step->segment_count = count;
    step->depth_steps = (ptrdiff_t)depth * conv->kernel_h * conv->kernel_w;
    return true;
}

/* ---- direct ---------------------------------------------------------------------------------------------------- */

static enum staging staging_of (const struct conv *conv, bool planar)
{
    if (planar)
        return STAGING_PLANAR;
    if (conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right)
        return STAGING_PAD;
    if (conv->kernel_h == 1 && conv->kernel_w == 1 && (conv->stride_h > 1 || conv->stride_w > 1))
        return STAGING_SAMPLE;
    return STAGING_NONE;
}

/* Floats of input that `band` run rows need. */
static size_t band_floats (const struct record *step, int band)
{
    const struct conv *conv = &step->conv;
    size_t blocks = (size_t)divide_up (step->in_channels, BLOCK) * BLOCK;
    if (step->flat)
        return blocks * (size_t)band * (size_t)step->run_width;
    size_t rows =
        (size_t)(band - 1) * (size_t)conv->stride_h + (size_t)(conv->kernel_h - 1) * (size_t)conv->dilation_h + 1;
    return (step->staging == STAGING_PLANAR ? (size_t)step->in_channels : blocks) * rows * (size_t)step->staged_width;
}

/* Few weights: bands of rows, each with all columns, so that the input is read once. Many: all rows, column by column,
 * so that the weights are read once. Several threads divide the picture among them, so that each mostly reads what it wrote
 * itself, unless the weights are many times the input (8 measured best on ResNet-50: 1 % over 1): then they divide those. */
static void cut_direct (const struct preparation *p, struct record *step)
{
    int columns = step->packed->column_count, threads = p->threads;
    size_t weights = step->packed->weight_floats;
    size_t input = blocked_floats (step->in_channels, step->in_height, step->in_width);
    step->bands = 1;
    step->band = step->run_height;
    step->column_group = columns;
    if (threads > 1 && columns >= threads && (weights / 8 > input || step->run_height < threads)) {
        step->column_group = 1;
        step->by_column = true;
        return;
    }
    bool many = weights * sizeof (float) > KEPT_BYTES / 2;
    step->bands = threads;
    while (!many && step->bands < step->run_height &&
           band_floats (step, divide_up (step->run_height, step->bands)) * sizeof (float) > BAND_BYTES)
        step->bands += threads;
    step->bands = least (step->bands, step->run_height);
    step->band = divide_up (step->run_height, step->bands);
    if (many && threads > 1 && step->staging == STAGING_NONE) /* else whoever helps would first copy the whole band */
        step->column_group = 1;
}

static bool shape_direct (struct preparation *p, struct record *step, bool planar)
{
    const struct conv *conv = &step->conv;
    size_t in_row = (size_t)step->in_width * BLOCK, in_plane = (size_t)step->in_height * in_row;
    step->staging = staging_of (conv, planar);
    step->flat = step->staging == STAGING_SAMPLE ||
                 (step->staging == STAGING_NONE && conv->kernel_h == 1 && conv->kernel_w == 1);
    step->run_height = step->height;
    step->run_width = step->width;
    step->staged_width = (step->width - 1) * conv->stride_w + (conv->kernel_w - 1) * conv->dilation_w + 1;
    if (step->flat) { /* runs of a few tiles: long enough to hide the call, short enough to cut the work by */
        int pixels = step->height * step->width, threads = p->threads;
        int runs = threads * divide_up (pixels, threads * 4 * p->kernels->rows);
        step->run_width = divide_up (pixels, runs);
        step->run_height = divide_up (pixels, step->run_width);
        in_plane = (size_t)pixels * BLOCK;
    }
    cut_direct (p, step);
    step->pixel_stride = step->flat ? BLOCK : planar ? conv->stride_w : (ptrdiff_t)BLOCK * conv->stride_w;
    if (step->staging == STAGING_SAMPLE) {
        need_floats (&p->scratch_floats, (size_t)divide_up (step->in_channels, BLOCK) * in_plane);
    } else if (step->staging != STAGING_NONE) {
        step->staged_height = (step->band - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
        in_row = (size_t)step->staged_width * (planar ? 1 : BLOCK);
        in_plane = (size_t)step->staged_height * in_row;
        need_floats (&p->scratch_floats, band_floats (step, step->band));
    }
    snprintf (step->algorithm, sizeof step->algorithm, "direct");
    /* widened groups multiply with zeros too */
    step->multiplications = step->macs / (uint64_t)(step->in_channels / conv->groups) * (uint64_t)step->packed->depth;
    return direct_segments (p, step, planar, in_row, in_plane);
}

/* ---- two in one ------------------------------------------------------------------------------------------------ */

bool algorithm_fuses (const struct record *step, const struct record *then)
{
    return step->kind == STEP_CONV && step->staging == STAGING_PLANAR && step->residual_place.buffer < 0 &&
           then->kind == STEP_POOL && then->pool.kind == POOL_MAX && then->pool.dilation_h == 1 &&
           then->pool.kernel_h <= step->height && then->height >= 4 * then->pool.kernel_h &&
           blocked_floats (step->channels, step->height, step->width) * sizeof (float) >= FUSED_LEAST;
}

bool algorithm_fuse (struct preparation *p, struct record *step)
{
    const struct conv *conv = &step->conv;
    int window = step->then->pool.kernel_h;
    size_t row = blocked_floats (step->channels, 1, step->width);
    step->chunk = (int)(FUSED_NEAR / sizeof (float) / row) - window;
    if (step->chunk < 2)
        step->chunk = 2;
    step->near_rows = step->band = step->chunk + window;
    step->staged_height = (step->band - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
    need_floats (&p->scratch_floats,
                 ROW_POINTERS (window) + (size_t)step->near_rows * row + band_floats (step, step->band));
    snprintf (step->algorithm, sizeof step->algorithm, "direct, max-pool");
    return direct_segments (p, step, true, (size_t)step->staged_width,
                            (size_t)step->staged_height * (size_t)step->staged_width);
}

/* ---- Winograd -------------------------------------------------------------------------------------------------- */

/* An odd number of 64-byte lines, so that the points of one tile do not fall on one set of the cache. */
static ptrdiff_t odd_lines (ptrdiff_t floats)
{
    return floats / BLOCK % 2 ? floats : floats + BLOCK;
}

static void name_winograd (struct record *step)
{
    char size[8];
    snprintf (size, sizeof size, step->m_h == step->m_w ? "%d" : "%dx%d", step->m_h, step->m_w);
    snprintf (step->algorithm, sizeof step->algorithm, "winograd F(%s,3)%s", size,
              winograd_strided (step) ? " s2" : "");
}

static bool shape_winograd (struct preparation *p, struct record *step)
{
    const struct winograd *w = &winograds[step->packed->packing];
    int in_blocks = divide_up (step->in_channels, BLOCK), tiles = tile_count (w, step), threads = p->threads;
    /* Every block of tiles reads all weights, 128 / tiles bytes a cycle with 32 multiply-adds in each. */
    step->tile_blocks = 1;
    if (tiles > WINOGRAD_MOST_TILES || (threads > 1 && tiles >= threads * WINOGRAD_LEAST_TILES))
        step->tile_blocks = divide_up (divide_up (tiles, WINOGRAD_TILES), threads) * threads;
    step->by_column = step->tile_blocks == 1;
    step->n_h = w->h.n;
    step->n_w = w->w.n;
    step->m_h = w->h.m;
    step->m_w = w->w.m;
    step->small_h = ends_small (&w->h, step->height);
    step->small_w = ends_small (&w->w, step->width);
    step->tiles = divide_up (tiles, step->tile_blocks);
    step->v_point = odd_lines ((ptrdiff_t)in_blocks * step->tiles * BLOCK);
    step->m_point = odd_lines ((ptrdiff_t)p->kernels->columns * step->tiles * BLOCK);
    size_t points = (size_t)(w->h.n * w->w.n), both = (size_t)(step->v_point + step->m_point);
    need_floats (&p->scratch_floats, TILE_BLOCK (step->tiles) + points * both);
    name_winograd (step);
    step->multiplications = winograd_points (w, step) * (uint64_t)step->in_channels * (uint64_t)step->channels;
    step->segments = memory_add (p->memory, (size_t)in_blocks, sizeof *step->segments);
    if (!step->segments)
        return false;
    for (int b = 0; b < in_blocks; b++) {
        int left = step->in_channels - b * BLOCK;
        step->segments[b] =
            (struct segment) { .offset = b * step->tiles * BLOCK, .length = left < BLOCK ? left : BLOCK };
    }
    return true;
}

/* ---- Strassen -------------------------------------------------------------------------------------------------- */

/* Few weights, which the second-level cache keeps: block by block with all pairs of columns, in several bands for each thread. Many:
 * pair by pair, in bands of which the sums stay near; each band reads all weights again. Where all blocks are one such band, threads
 * divide the pairs instead if these can be divided more evenly; each makes all sums then. */
static void cut_strassen (const struct preparation *p, struct record *step)
{
    int pairs = step->packed->column_count, blocks = step->run_height, threads = p->threads;
    size_t near = STRASSEN_NEAR / sizeof (float) / (size_t)step->m_point;
    int64_t uneven_blocks = divide_up (blocks, threads) * threads - blocks;
    int64_t uneven_pairs = divide_up (pairs, threads) * threads - pairs;
    step->pair_by_pair = step->packed->weight_floats * sizeof (float) > STRASSEN_KEPT_BYTES;
    step->column_group = pairs;
    step->bands = least (blocks, step->pair_by_pair || threads == 1 ? threads : SHARES * threads);
    if (!step->pair_by_pair)
        return;
    if (threads > 1 && (size_t)blocks <= near && uneven_blocks * pairs > uneven_pairs * blocks) {
        step->by_column = true;
        step->column_group = 1;
        step->bands = 1;
        return;
    }
    while (step->bands < blocks && (size_t)divide_up (blocks, step->bands) > near)
        step->bands = least (blocks, step->bands + threads);
}

static bool shape_strassen (struct preparation *p, struct record *step)
{
    int pixels = step->height * step->width;
    step->staging = staging_of (&step->conv, false);
    step->run_height = pixel_blocks (p, step);
    step->run_width = 2 * divide_up (divide_up (pixels, step->run_height), 2);
    step->v_point = (ptrdiff_t)(step->in_channels / 2) * (step->run_width / 2);
    step->m_point = 4 * step->v_point + (ptrdiff_t)3 * p->kernels->columns * BLOCK * (step->run_width / 2) +
                    (step->staging == STAGING_SAMPLE ? (ptrdiff_t)step->in_channels * step->run_width : 0);
    cut_strassen (p, step);
    int slots = step->pair_by_pair ? divide_up (step->run_height, step->bands) : 2;
    need_floats (&p->scratch_floats, (size_t)slots * (size_t)step->m_point);
    snprintf (step->algorithm, sizeof step->algorithm, "strassen");
    step->multiplications = step->macs / 8 * 7;
    return true;
}

bool algorithm_shape (struct preparation *p, struct record *step)
{
    switch (step->packed->packing) {
    case PACKING_F23:
    case PACKING_F43:
    case PACKING_F42:
    case PACKING_STRIDED:
        return shape_winograd (p, step);
    case PACKING_STRASSEN:
        return shape_strassen (p, step);
    case PACKING_DEPTHWISE:
        snprintf (step->algorithm, sizeof step->algorithm, "depthwise");
        step->multiplications = step->macs;
        return true;
    default:
        return shape_direct (p, step, step->packed->packing == PACKING_PLANAR);
    }
}
