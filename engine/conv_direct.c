/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_direct.c: convolutions as the sums they are defined by.
 *
 *   item = band of rows x group of columns;  input -> lane's scratch (padded band) -> kernel -> output
 *
 * Weights, per column, in the order of the kernel's sum:
 *   direct      [input block][ky][kx][channel][16 blocks]
 *   planar      [input channel][ky][kx][16 blocks]          for a planar input */
#include "engine/conv_direct.h"
#include "engine/conv_cost.h"
#include "engine/conv_weights.h"

#include <stdio.h>
#include <string.h>

/* A band of input is copied and then read once per column: small enough for half the second-level cache. */
enum { BAND_BYTES = 128 * 1024 };

/* ---- choice ------------------------------------------------------------------------------------------------------ */

static bool planar_fits (const struct conv_method *method, const struct preparation *p, const struct step *step,
                         bool planar)
{
    (void)method;
    (void)p;
    (void)step;
    return planar;
}

static bool direct_fits (const struct conv_method *method, const struct preparation *p, const struct step *step,
                         bool planar)
{
    (void)method;
    (void)p;
    (void)step;
    return !planar;
}

static double direct_cycles (const struct conv_method *method, const struct preparation *p, const struct step *step)
{
    (void)method;
    double in = step->in_channels, out = divide_up (step->channels, BLOCK) * BLOCK;
    double taps = (double)step->conv.kernel_h * step->conv.kernel_w;
    return product_cycles (p, taps * step->height * step->width * in * out, taps * in * out);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

static bool direct_lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    return lay_columns (packed, layer, in_channels, (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w);
}

/* unit: input channels that lie next to each other. */
static void pack_direct (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    int unit = packed->method == &conv_planar ? 1 : BLOCK;
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    for (int n = 0; n < packed->column_count; n++) {
        const struct column *column = &packed->column[n];
        size_t wide = (size_t)column->blocks * BLOCK;
        for (int i = 0; i < packed->depth; i++) {
            int block = i / unit, left = packed->depth - block * unit, lanes = left < unit ? left : unit;
            float *to =
                (float *)column_weights (packed, n) + ((size_t)(block * unit) * taps + (size_t)(i % unit)) * wide;
            for (int lane = 0; lane < (int)wide; lane++) {
                int o = column->block * BLOCK + lane;
                const float *from = filter (node, layer, in_channels, packed->depth, o, i);
                for (size_t t = 0; from && t < taps; t++)
                    to[t * (size_t)lanes * wide + (size_t)lane] = folded (layer, from[t], o);
            }
        }
    }
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

/* Taps of a row are one piece where they are contiguous. */
bool direct_segments (struct preparation *p, struct step *step, bool planar, size_t row, size_t plane)
{
    struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    int depth = step->packed->depth, count = 0;
    int blocks = planar ? depth : divide_up (depth, BLOCK);
    d->segments =
        memory_add (p->memory, (size_t)blocks * (size_t)conv->kernel_h * (size_t)conv->kernel_w, sizeof *d->segments);
    if (!d->segments)
        return false;
    for (int b = 0; b < blocks; b++) {
        int lanes = planar ? 1 : depth - b * BLOCK < BLOCK ? depth - b * BLOCK : BLOCK, step_x = planar ? 1 : BLOCK;
        bool whole = lanes == step_x && conv->dilation_w == 1;
        for (int y = 0; y < conv->kernel_h; y++) {
            size_t at = (size_t)b * plane + (size_t)y * (size_t)conv->dilation_h * row;
            for (int x = 0; x < (whole ? 1 : conv->kernel_w); x++)
                d->segments[count++] =
                    (struct segment) { .offset = (int32_t)(at + (size_t)x * (size_t)conv->dilation_w * (size_t)step_x),
                                       .length = whole ? lanes * conv->kernel_w : lanes };
        }
    }
    d->segment_count = count;
    d->depth_steps = (ptrdiff_t)depth * conv->kernel_h * conv->kernel_w;
    return true;
}

enum staging staging_of (const struct conv *conv, bool planar)
{
    if (planar)
        return STAGING_PLANAR;
    if (conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right)
        return STAGING_PAD;
    if (conv->kernel_h == 1 && conv->kernel_w == 1 && (conv->stride_h > 1 || conv->stride_w > 1))
        return STAGING_SAMPLE;
    return STAGING_NONE;
}

size_t band_bytes (const struct step *step, int band)
{
    const struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    size_t channels = (size_t)divide_up (step->in_channels, BLOCK) * BLOCK,
           pixels = (size_t)band * (size_t)d->run_width;
    if (!d->flat) {
        size_t rows =
            (size_t)(band - 1) * (size_t)conv->stride_h + (size_t)(conv->kernel_h - 1) * (size_t)conv->dilation_h + 1;
        channels = d->staging == STAGING_PLANAR ? (size_t)step->in_channels : channels;
        pixels = rows * (size_t)d->staged_width;
    }
    return channels * pixels * element_bytes (step->place.in.element);
}

/* Few weights: bands of rows, each with all columns, so that the input is read once. Many: all rows, column by column,
 * so that the weights are read once. Several threads divide the picture among them, so that each mostly reads what it wrote
 * itself, unless the weights are many times the input (8 measured best on ResNet-50: 1 % over 1): then they divide those. */
static void cut_direct (const struct preparation *p, struct step *step)
{
    struct direct *d = step->state;
    int columns = step->packed->column_count, threads = p->threads;
    size_t weights = step->packed->weight_bytes;
    size_t input = blocked_bytes (step->place.in.element, step->in_channels, step->in_height, step->in_width);
    d->bands = 1;
    d->band = d->run_height;
    d->column_group = columns;
    if (threads > 1 && columns >= threads && (weights / 8 > input || d->run_height < threads)) {
        d->column_group = 1;
        step->by_column = true;
        return;
    }
    bool many = weights > kept_bytes (p->cpu) / 2;
    d->bands = threads;
    while (!many && d->bands < d->run_height && band_bytes (step, divide_up (d->run_height, d->bands)) > BAND_BYTES)
        d->bands += threads;
    d->bands = least (d->bands, d->run_height);
    d->band = divide_up (d->run_height, d->bands);
    if (many && threads > 1 && d->staging == STAGING_NONE) /* else whoever helps would first copy the whole band */
        d->column_group = 1;
}

static bool direct_prepare (struct preparation *p, struct step *step)
{
    const struct conv *conv = &step->conv;
    bool planar = step->packed->method == &conv_planar;
    struct direct *d = memory_add (p->memory, 1, sizeof *d);
    if (!d)
        return false;
    step->state = d;
    size_t in_row = (size_t)step->in_width * BLOCK, in_plane = (size_t)step->in_height * in_row;
    d->staging = staging_of (conv, planar);
    d->flat =
        d->staging == STAGING_SAMPLE || (d->staging == STAGING_NONE && conv->kernel_h == 1 && conv->kernel_w == 1);
    d->run_height = step->height;
    d->run_width = step->width;
    d->staged_width = (step->width - 1) * conv->stride_w + (conv->kernel_w - 1) * conv->dilation_w + 1;
    if (d->flat) { /* runs of a few tiles: long enough to hide the call, short enough to cut the work by */
        int pixels = step->height * step->width, threads = p->threads;
        int runs = threads * divide_up (pixels, threads * 4 * step->kernel->mr);
        d->run_width = divide_up (pixels, runs);
        d->run_height = divide_up (pixels, d->run_width);
        in_plane = (size_t)pixels * BLOCK;
    }
    cut_direct (p, step);
    d->pixel_stride = d->flat ? BLOCK : planar ? conv->stride_w : (ptrdiff_t)BLOCK * conv->stride_w;
    if (d->staging == STAGING_SAMPLE) {
        need_bytes (&p->scratch_bytes,
                    (size_t)divide_up (step->in_channels, BLOCK) * in_plane * element_bytes (step->place.in.element));
    } else if (d->staging != STAGING_NONE) {
        d->staged_height = (d->band - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
        in_row = (size_t)d->staged_width * (planar ? 1 : BLOCK);
        in_plane = (size_t)d->staged_height * in_row;
        need_bytes (&p->scratch_bytes, band_bytes (step, d->band));
    }
    snprintf (step->algorithm, sizeof step->algorithm, "direct");
    /* widened groups multiply with zeros too */
    step->multiplications = step->macs / (uint64_t)(step->in_channels / conv->groups) * (uint64_t)step->packed->depth;
    return direct_segments (p, step, planar, in_row, in_plane);
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

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

static void stage (struct execution *e, const struct step *step, struct lane *lane, int band)
{
    const struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    if (lane->staged == band)
        return;
    lane->staged = band;
    bool planar = d->staging == STAGING_PLANAR;
    size_t pixel = planar ? 1 : BLOCK;
    int planes = planar ? step->in_channels : divide_up (step->in_channels, BLOCK);
    const float *in = planar ? e->input : step->in;
    float *out = lane->scratch;
    for (int p = 0; p < planes; p++, in += (size_t)step->in_height * (size_t)step->in_width * pixel) {
        if (d->staging == STAGING_SAMPLE) {
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
                     part_start (d->run_height, band, d->bands) * conv->stride_h - conv->pad_top, -conv->pad_left,
                     d->staged_height, d->staged_width, pixel, out);
        out += (size_t)d->staged_height * (size_t)d->staged_width * pixel;
    }
}

struct conv_run column_run (const struct step *step, const struct column *column, ptrdiff_t out_block)
{
    const struct direct *d = step->state;
    return (struct conv_run) {
        .segments = d->segments,
        .segment_count = d->segment_count,
        .pixel_stride = d->pixel_stride,
        .weights = (const char *)step->packed->weights + column->weights,
        .bias = step->packed->bias,
        .out_block = out_block,
        .blocks = column->blocks,
        .channel = column->block * BLOCK,
        .epilogue = &step->epilogue,
    };
}

/* All runs of one column in a band. */
static void conv_column (struct execution *e, const struct step *step, struct lane *lane, int index, int band)
{
    const struct direct *d = step->state;
    const struct column *column = &step->packed->column[index];
    const struct conv *conv = &step->conv;
    const float *step_in = step->in, *residual = step->residual, *staged = lane->scratch;
    float *out = step->out;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width, out_block = pixels * BLOCK;
    struct conv_run run = column_run (step, column, out_block);
    int first = part_start (d->run_height, band, d->bands);
    int last = part_start (d->run_height, band + 1, d->bands);
    const float *in;
    ptrdiff_t in_row; /* floats from one run to the next */
    if (d->staging == STAGING_PAD || d->staging == STAGING_PLANAR) {
        ptrdiff_t pixel = d->staging == STAGING_PLANAR ? 1 : BLOCK;
        in_row = (ptrdiff_t)conv->stride_h * d->staged_width * pixel;
        in = staged + (ptrdiff_t)column->in_block * d->staged_height * d->staged_width * pixel - first * in_row;
    } else if (d->flat) {
        in_row = (ptrdiff_t)d->run_width * BLOCK;
        in = (d->staging == STAGING_SAMPLE ? staged : step_in) + column->in_block * out_block;
    } else {
        in_row = (ptrdiff_t)conv->stride_h * step->in_width * BLOCK;
        in = step_in + (ptrdiff_t)column->in_block * step->in_height * step->in_width * BLOCK;
    }
    /* the next weights, spread over all tiles of this column */
    struct ahead next = weights_after (e, step, lane, index);
    ptrdiff_t steps = divide_up (d->run_width, step->kernel->mr) * d->depth_steps;
    struct fetch fetch = fetch_ahead (next, (last - first) * steps, column->blocks);
    for (int y = first; y < last; y++) {
        ptrdiff_t at = (ptrdiff_t)y * d->run_width, left = pixels - at;
        run.input = in + y * in_row;
        run.out = out + column->block * out_block + at * BLOCK;
        run.residual = residual ? residual + column->block * out_block + at * BLOCK : NULL;
        run.pixels = left < d->run_width ? (int)left : d->run_width;
        run.fetch = fetch_after (fetch, (y - first) * steps);
        step->kernel->run (&run);
    }
}

static void conv_item (struct execution *e, const struct step *step, struct lane *lane, int item)
{
    const struct direct *d = step->state;
    int groups = divide_up (step->packed->column_count, d->column_group);
    int band = item / groups, first = item % groups * d->column_group;
    int last = least (step->packed->column_count, first + d->column_group);
    if (d->staging != STAGING_NONE)
        stage (e, step, lane, d->staging == STAGING_SAMPLE ? 0 : band); /* samples: all of them at once */
    for (int c = first; c < last; c++)
        conv_column (e, step, lane, c, band);
}

static void direct_run (struct execution *e, const struct step *step)
{
    const struct direct *d = step->state;
    on_lanes (e, step, conv_item, d->bands * divide_up (step->packed->column_count, d->column_group));
}

const struct conv_method conv_planar = {
    .name = "planar",
    .only = true,
    .fits = planar_fits,
    .lay = direct_lay,
    .pack = pack_direct,
    .prepare = direct_prepare,
    .run = direct_run,
};

const struct conv_method conv_direct = {
    .name = "direct",
    .algorithms = 1 << ALGORITHM_DIRECT,
    .widens_groups = true,
    .gain = 1,
    .fits = direct_fits,
    .cycles = direct_cycles,
    .lay = direct_lay,
    .pack = pack_direct,
    .prepare = direct_prepare,
    .run = direct_run,
};
