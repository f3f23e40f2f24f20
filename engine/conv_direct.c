/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_direct.c: convolutions as the sums they are defined by.
 *
 *   item = band of rows x group of panels;  input -> worker's scratch (padded band) -> kernel -> output
 *
 * Weights, per panel, in the order of the kernel's sum:
 *   direct      [input block][ky][kx][channel][16 blocks]
 *   planar      [input channel][ky][kx][16 blocks]          for a planar input */
#include "engine/conv_direct.h"
#include "engine/conv_cost.h"
#include "engine/conv_weights.h"

#include <stdio.h>
#include <string.h>

/* A band of input is copied, then read once per panel: it must stay in the L2 cache. */
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
    packed->uneven = packed->element == ELEMENT_F32;
    return panel_layout (packed, layer, in_channels, (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w);
}

/* unit: input channels that lie next to each other. */
static void pack_direct (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    int unit = packed->method == &conv_planar ? 1 : BLOCK;
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    for (int n = 0; n < packed->panel_count; n++) {
        const struct panel *panel = &packed->panel[n];
        size_t wide = (size_t)panel->blocks * BLOCK;
        for (int i = 0; i < panel->depth; i++) {
            int block = i / unit, left = panel->depth - block * unit, lanes = left < unit ? left : unit;
            float *to =
                (float *)panel_weights (packed, n) + ((size_t)(block * unit) * taps + (size_t)(i % unit)) * wide;
            for (int lane = 0; lane < (int)wide; lane++) {
                int o = panel->block * BLOCK + lane;
                const float *from = filter (node, layer, in_channels, packed->depth, o, i);
                for (size_t t = 0; from && t < taps; t++)
                    to[t * (size_t)lanes * wide + (size_t)lane] = folded (layer, from[t], o);
            }
        }
    }
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

/* The sum over `depth` input channels. Taps of a row are one piece where they are contiguous. */
static bool make_segments (struct preparation *p, const struct conv *conv, bool planar, const size_t row_plane[2],
                           int depth, struct segments *to)
{
    int count = 0, blocks = planar ? depth : divide_up (depth, BLOCK);
    size_t row = row_plane[0], plane = row_plane[1];
    to->list =
        memory_add (p->memory, (size_t)blocks * (size_t)conv->kernel_h * (size_t)conv->kernel_w, sizeof *to->list);
    if (!to->list)
        return false;
    for (int b = 0; b < blocks; b++) {
        int lanes = planar ? 1 : depth - b * BLOCK < BLOCK ? depth - b * BLOCK : BLOCK, step_x = planar ? 1 : BLOCK;
        bool whole = lanes == step_x && conv->dilation_w == 1;
        for (int y = 0; y < conv->kernel_h; y++) {
            size_t at = (size_t)b * plane + (size_t)y * (size_t)conv->dilation_h * row;
            for (int x = 0; x < (whole ? 1 : conv->kernel_w); x++)
                to->list[count++] =
                    (struct segment) { .offset = (int32_t)(at + (size_t)x * (size_t)conv->dilation_w * (size_t)step_x),
                                       .length = whole ? lanes * conv->kernel_w : lanes };
        }
    }
    to->count = count;
    return true;
}

bool direct_segments (struct preparation *p, struct step *step, bool planar, size_t row, size_t plane)
{
    struct direct *d = step->state;
    const struct packed *packed = step->packed;
    const size_t row_plane[2] = { row, plane };
    int last = packed->panel[packed->panel_count - 1].depth;
    d->depth_steps = (ptrdiff_t)packed->depth * step->conv.kernel_h * step->conv.kernel_w;
    return make_segments (p, &step->conv, planar, row_plane, packed->depth, &d->segments) &&
           make_segments (p, &step->conv, planar, row_plane, last, &d->last_segments);
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

size_t conv_band_bytes (const struct step *step, int band)
{
    const struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    size_t channels = (size_t)divide_up (step->in_channels, BLOCK) * BLOCK,
           pixels = (size_t)band * (size_t)d->strip_width;
    if (!d->flat) {
        size_t rows =
            (size_t)(band - 1) * (size_t)conv->stride_h + (size_t)(conv->kernel_h - 1) * (size_t)conv->dilation_h + 1;
        channels = d->staging == STAGING_PLANAR ? (size_t)step->in_channels : channels;
        pixels = rows * (size_t)d->staged_width;
    }
    return channels * pixels * element_bytes (step->place.in.element);
}

/* Few weights: bands of rows, each with all panels, so that the input is read once. Many: all rows, panel by panel,
 * so that the weights are read once. Several threads divide the rows, so that each mostly reads what it wrote itself,
 * unless there are more than 8 times as many weights as inputs: then they divide the panels. */
static void cut_direct (const struct preparation *p, struct step *step)
{
    struct direct *d = step->state;
    int panels = step->packed->panel_count, threads = p->threads;
    size_t weights = step->packed->weight_bytes;
    size_t input = place_blocked_bytes (step->place.in.element, step->in_channels, step->in_height, step->in_width);
    d->bands = 1;
    d->band = d->strips;
    d->panel_group = panels;
    if (threads > 1 && panels >= threads && (weights / 8 > input || d->strips < threads)) {
        d->panel_group = 1;
        step->by_panel = true;
        return;
    }
    bool many = weights > kept_bytes (p->cpu) / 2;
    d->bands = threads;
    while (!many && d->bands < d->strips && conv_band_bytes (step, divide_up (d->strips, d->bands)) > BAND_BYTES)
        d->bands += threads;
    d->bands = least (d->bands, d->strips);
    d->band = divide_up (d->strips, d->bands);
    if (many && threads > 1 && d->staging == STAGING_NONE) /* else whoever helps would first copy the whole band */
        d->panel_group = 1;
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
    d->strips = step->height;
    d->strip_width = step->width;
    d->staged_width = (step->width - 1) * conv->stride_w + (conv->kernel_w - 1) * conv->dilation_w + 1;
    if (d->flat) { /* strips of a few tiles: long enough to hide the call, short enough to cut the work by */
        int pixels = step->height * step->width, threads = p->threads;
        int count = threads * divide_up (pixels, threads * 4 * step->kernel->mr);
        d->strip_width = divide_up (pixels, count);
        d->strips = divide_up (pixels, d->strip_width);
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
        need_bytes (&p->scratch_bytes, conv_band_bytes (step, d->band));
    }
    snprintf (step->algorithm, sizeof step->algorithm, "direct");
    /* widened groups multiply with zeros too */
    step->multiplications = step->macs / (uint64_t)(step->in_channels / conv->groups) * (uint64_t)step->packed->depth;
    return direct_segments (p, step, planar, in_row, in_plane);
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

void copy_padded (const float *in, int in_height, int in_width, const struct patch *patch, size_t pixel, float *out)
{
    int left = patch->left, width = patch->width;
    int first = left < 0 ? -left : 0, last = in_width - left < width ? in_width - left : width;
    if (first > width)
        first = width;
    if (last < first)
        last = first;
    for (int y = patch->top; y < patch->top + patch->height; y++, out += (size_t)width * pixel) {
        if (y < 0 || y >= in_height) {
            memset (out, 0, (size_t)width * pixel * sizeof (float));
            continue;
        }
        const float *row = in + ((ptrdiff_t)y * in_width + left) * (ptrdiff_t)pixel;
        memset (out, 0, (size_t)first * pixel * sizeof (float));
        memcpy (out + (size_t)first * pixel, row + (size_t)first * pixel,
                (size_t)(last - first) * pixel * sizeof (float));
        memset (out + (size_t)last * pixel, 0, (size_t)(width - last) * pixel * sizeof (float));
    }
}

static void stage (struct execution *e, const struct step *step, struct worker_state *worker, int band)
{
    const struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    if (worker->staged == band)
        return;
    worker->staged = band;
    bool planar = d->staging == STAGING_PLANAR;
    size_t pixel = planar ? 1 : BLOCK;
    int planes = planar ? step->in_channels : divide_up (step->in_channels, BLOCK);
    const float *in = planar ? e->input : step->in;
    float *out = worker->scratch;
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
        const struct patch patch = { part_start (d->strips, band, d->bands) * conv->stride_h - conv->pad_top,
                                     -conv->pad_left, d->staged_height, d->staged_width };
        copy_padded (in, step->in_height, step->in_width, &patch, pixel, out);
        out += (size_t)d->staged_height * (size_t)d->staged_width * pixel;
    }
}

struct conv_args panel_args (const struct step *step, const struct panel *panel, ptrdiff_t out_block)
{
    const struct direct *d = step->state;
    const struct segments *segments = panel->depth == step->packed->depth ? &d->segments : &d->last_segments;
    return (struct conv_args) {
        .segments = segments->list,
        .segment_count = segments->count,
        .pixel_stride = d->pixel_stride,
        .weights = (const char *)step->packed->weights + panel->weights,
        .bias = step->packed->bias,
        .out_block = out_block,
        .blocks = panel->blocks,
        .channel = panel->block * BLOCK,
        .epilogue = &step->epilogue,
    };
}

/* All strips of one panel in a band. */
static void conv_panel (struct execution *e, const struct step *step, struct worker_state *worker, int index, int band)
{
    const struct direct *d = step->state;
    const struct panel *panel = &step->packed->panel[index];
    const struct conv *conv = &step->conv;
    const float *step_in = step->in, *residual = step->residual, *staged = worker->scratch;
    float *out = step->out;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width, out_block = pixels * BLOCK;
    struct conv_args args = panel_args (step, panel, out_block);
    int first = part_start (d->strips, band, d->bands);
    int last = part_start (d->strips, band + 1, d->bands);
    const float *in;
    ptrdiff_t in_row; /* floats from one strip to the next */
    if (d->staging == STAGING_PAD || d->staging == STAGING_PLANAR) {
        ptrdiff_t pixel = d->staging == STAGING_PLANAR ? 1 : BLOCK;
        in_row = (ptrdiff_t)conv->stride_h * d->staged_width * pixel;
        in = staged + (ptrdiff_t)panel->in_block * d->staged_height * d->staged_width * pixel - first * in_row;
    } else if (d->flat) {
        in_row = (ptrdiff_t)d->strip_width * BLOCK;
        in = (d->staging == STAGING_SAMPLE ? staged : step_in) + panel->in_block * out_block;
    } else {
        in_row = (ptrdiff_t)conv->stride_h * step->in_width * BLOCK;
        in = step_in + (ptrdiff_t)panel->in_block * step->in_height * step->in_width * BLOCK;
    }
    /* the next weights, spread over all tiles of this panel */
    struct next_weights next = next_weights (e, step, worker, index);
    ptrdiff_t steps = divide_up (d->strip_width, step->kernel->mr) * d->depth_steps;
    struct prefetch prefetch = prefetch_spread (next, (last - first) * steps, panel->blocks);
    for (int y = first; y < last; y++) {
        ptrdiff_t at = (ptrdiff_t)y * d->strip_width, left = pixels - at;
        args.input = in + y * in_row;
        args.out = out + panel->block * out_block + at * BLOCK;
        args.residual = residual ? residual + panel->block * out_block + at * BLOCK : NULL;
        args.pixels = left < d->strip_width ? (int)left : d->strip_width;
        args.prefetch = prefetch_rest (prefetch, (y - first) * steps);
        step->kernel->run (&args);
    }
}

static void conv_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct direct *d = step->state;
    int groups = divide_up (step->packed->panel_count, d->panel_group);
    int band = item / groups, first = item % groups * d->panel_group;
    int last = least (step->packed->panel_count, first + d->panel_group);
    if (d->staging != STAGING_NONE)
        stage (e, step, worker, d->staging == STAGING_SAMPLE ? 0 : band); /* samples: all of them at once */
    for (int c = first; c < last; c++)
        conv_panel (e, step, worker, c, band);
}

static void direct_run (struct execution *e, const struct step *step)
{
    const struct direct *d = step->state;
    schedule_items (e, step, conv_item, d->bands * divide_up (step->packed->panel_count, d->panel_group));
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
