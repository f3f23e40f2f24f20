/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_direct.c: convolutions as the sums they are defined by.
 *
 *   item = band of rows x group of panels;  input -> worker's scratch (padded band) -> kernel -> output
 *
 * Weights, per panel, in the order of the kernel's sum:
 *   direct      [input block][ky][kx][channel][16 blocks]
 *   planar      [input channel][ky][kx][16 blocks]          for a planar input
 *   bf16, bytes [input block][ky][kx][channel / terms][16 blocks][terms], terms of a word; zeros behind the last */
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
    return planar && step->kernel->in == ELEMENT_F32;
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
    double taps = (double)step->conv.kernel_h * step->conv.kernel_w;
    double weights = taps * filled_pairs (&step->conv, step->in_channels, step->kernel).pairs;
    return product_cycles (p, weights * step->height * step->width, weights);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

bool direct_lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    return panel_layout (packed, layer, in_channels, (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w);
}

/* One weight of output channel o, at number `at` of the panel. */
static void put_weight (const struct packed *packed, const struct layer *layer, void *panel, size_t at, double weight,
                        int o)
{
    if (packed->element == ELEMENT_S16)
        ((int16_t *)panel)[at] = (int16_t)packed_step (packed, layer, weight, o);
    else if (packed->element == ELEMENT_S8)
        ((int8_t *)panel)[at] = (int8_t)packed_step (packed, layer, weight, o);
    else if (packed->element == ELEMENT_BF16)
        ((uint16_t *)panel)[at] = element_bf16 (folded (layer, weight, o));
    else
        ((float *)panel)[at] = folded (layer, weight, o);
}

/* unit: input channels that lie next to each other; a piece: those of them that a panel reads. */
void direct_pack (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    int unit = packed->method == &conv_planar ? 1 : BLOCK, terms = packed->k_step;
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    for (int n = 0; n < packed->panel_count; n++) {
        const struct panel *panel = &packed->panel[n];
        packed_begin (packed, node, n);
        size_t wide = (size_t)panel->blocks * BLOCK;
        int skip = panel->first % unit;
        for (int i = 0; i < panel->depth; i++) {
            int start = (skip + i) / unit * unit - skip, end = least (panel->depth, start + unit);
            start = start < 0 ? 0 : start;
            size_t words = (size_t)divide_up (end - start, terms);
            size_t first = (size_t)(start / terms) * taps + (size_t)((i - start) / terms);
            for (int lane = 0; lane < (int)wide; lane++) {
                int o = panel->block * BLOCK + lane;
                const float *from = filter (node, layer, in_channels, o, panel->first + i);
                if (lane % BLOCK == 0 && !packed_spend (BLOCK * taps))
                    return;
                for (size_t t = 0; from && t < taps; t++) {
                    size_t word = (first + t * words) * wide + (size_t)lane;
                    put_weight (packed, layer, panel_weights (packed, n),
                                word * (size_t)terms + (size_t)((i - start) % terms), (double)from[t], o);
                }
            }
        }
    }
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

/* The sum over a range of input channels. Taps of a row are one piece where they are contiguous. */
static bool make_segments (struct preparation *p, const struct step *step, bool planar, const size_t row_plane[2],
                           const struct channel_range *range, struct segments *to)
{
    const struct conv *conv = &step->conv;
    int count = 0, end = range->skip + range->depth, blocks = planar ? range->depth : divide_up (end, BLOCK);
    int step_x = (int)((const struct direct *)step->state)->pixel;
    size_t row = row_plane[0], plane = row_plane[1];
    to->list =
        memory_add (p->memory, (size_t)blocks * (size_t)conv->kernel_h * (size_t)conv->kernel_w, sizeof *to->list);
    if (!to->list)
        return false;
    for (int b = 0; b < blocks; b++) {
        int first = b || planar ? 0 : range->skip, left = least (end - b * BLOCK, BLOCK) - first;
        int lanes = planar ? 1 : divide_up (left, step->kernel->k_step);
        bool whole = lanes == step_x && conv->dilation_w == 1;
        for (int y = 0; y < conv->kernel_h; y++) {
            size_t at =
                (size_t)b * plane + (size_t)y * (size_t)conv->dilation_h * row + (size_t)(first / step->kernel->k_step);
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
    d->segments = memory_add (p->memory, (size_t)packed->range_count, sizeof *d->segments);
    bool good = d->segments != NULL;
    for (int i = 0; good && i < packed->range_count; i++)
        good = make_segments (p, step, planar, row_plane, &packed->range[i], &d->segments[i]);
    return good;
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
        channels = d->staging == STAGING_PLANAR  ? (size_t)step->in_channels
                   : d->staging == STAGING_WORDS ? PIXEL_BYTES
                                                 : channels;
        pixels = (rows + (d->staging == STAGING_WORDS)) * (size_t)d->staged_width;
    }
    return channels * pixels * element_bytes (step->kernel->staged);
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

/* Whether a band of rows is copied between borders. */
static bool copies_rows (enum staging staging)
{
    return staging == STAGING_PAD || staging == STAGING_PLANAR || staging == STAGING_WORDS;
}

/* Numbers that lie next to each other, of one pixel. */
static size_t pixel_numbers (const struct step *step)
{
    const struct direct *d = step->state;
    return d->staging == STAGING_PLANAR ? 1 : d->staging == STAGING_WORDS ? PIXEL_BYTES : BLOCK;
}

/* How strips lie over the pixels, and how a kernel whose numbers are not the tensor's gets them. */
static void lay_strips (const struct preparation *p, struct step *step, bool planar)
{
    struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    bool one = conv->kernel_h == 1 && conv->kernel_w == 1;
    d->staging = step->packed->method == &conv_stem_bytes ? STAGING_WORDS : staging_of (conv, planar);
    d->pixel = (ptrdiff_t)(pixel_numbers (step) * element_bytes (step->kernel->staged) / sizeof (float));
    if (d->staging == STAGING_NONE && step->kernel->stage)
        d->staging = one ? STAGING_WIDEN : STAGING_PAD;
    d->flat = one && !copies_rows (d->staging);
    d->strips = step->height;
    d->strip_width = step->width;
    d->staged_width = (step->width - 1) * conv->stride_w + (conv->kernel_w - 1) * conv->dilation_w + 1;
    if (d->flat) { /* strips of a few tiles: long enough to hide the call, short enough to cut the work by */
        int pixels = step->height * step->width, threads = p->threads;
        int count = threads * divide_up (pixels, threads * 4 * step->kernel->mr);
        d->strip_width = divide_up (pixels, count);
        d->strips = divide_up (pixels, d->strip_width);
    }
    d->pixel_stride = d->flat ? d->pixel : d->pixel * conv->stride_w;
}

bool direct_prepare (struct preparation *p, struct step *step)
{
    const struct conv *conv = &step->conv;
    bool planar = step->packed->method == &conv_planar;
    struct direct *d = memory_add (p->memory, 1, sizeof *d);
    if (!d)
        return false;
    step->state = d;
    lay_strips (p, step, planar);
    cut_direct (p, step);
    size_t pixel = (size_t)d->pixel, in_row = (size_t)step->in_width * pixel,
           in_plane = (size_t)step->in_height * in_row;
    if (d->staging == STAGING_WIDEN)
        in_plane = (size_t)d->band * (size_t)d->strip_width * pixel;
    else if (d->flat)
        in_plane = (size_t)step->height * (size_t)step->width * pixel;
    if (d->flat && d->staging != STAGING_NONE) {
        need_bytes (&p->scratch_bytes, (size_t)divide_up (step->in_channels, BLOCK) * in_plane * sizeof (float));
    } else if (d->staging != STAGING_NONE) {
        d->staged_height = (d->band - 1) * conv->stride_h + (conv->kernel_h - 1) * conv->dilation_h + 1;
        in_row = (size_t)d->staged_width * pixel;
        in_plane = (size_t)d->staged_height * in_row;
        need_bytes (&p->scratch_bytes, conv_band_bytes (step, d->band));
    }
    snprintf (step->algorithm, sizeof step->algorithm, "%s",
              step->packed->element == ELEMENT_BF16 ? "direct, bf16" : "direct");
    uint64_t pixels = (uint64_t)step->height * (uint64_t)step->width;
    step->multiplications = step->packed->pairs * (uint64_t)conv->kernel_h * (uint64_t)conv->kernel_w * pixels;
    return direct_segments (p, step, planar, in_row, in_plane);
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

static void copy_numbers (const struct pixels *of, const void *in, void *out, size_t pixels)
{
    if (of->stage)
        of->stage (in, out, (ptrdiff_t)(pixels * of->numbers));
    else
        memcpy (out, in, pixels * of->numbers * element_bytes (of->out));
}

static void fill_pixels (const struct pixels *of, void *out, size_t pixels)
{
    size_t count = pixels * of->numbers;
    if (of->out == ELEMENT_S16)
        for (size_t i = 0; i < count; i++)
            ((int16_t *)out)[i] = (int16_t)of->fill;
    else
        memset (out, of->fill, count * element_bytes (of->out));
}

void copy_padded (const void *in, int in_height, int in_width, const struct patch *patch, const struct pixels *pixels,
                  void *out)
{
    ptrdiff_t from = (ptrdiff_t)(pixels->numbers * element_bytes (pixels->in)); /* bytes of a pixel */
    ptrdiff_t to = (ptrdiff_t)(pixels->numbers * element_bytes (pixels->out));
    char *at = out;
    int left = patch->left, width = patch->width;
    int first = left < 0 ? -left : 0, last = in_width - left < width ? in_width - left : width;
    if (first > width)
        first = width;
    if (last < first)
        last = first;
    for (int y = patch->top; y < patch->top + patch->height; y++, at += width * to) {
        if (y < 0 || y >= in_height) {
            fill_pixels (pixels, at, (size_t)width);
            continue;
        }
        const char *row = (const char *)in + ((ptrdiff_t)y * in_width + left) * from;
        fill_pixels (pixels, at, (size_t)first);
        copy_numbers (pixels, row + first * from, at + first * to, (size_t)(last - first));
        fill_pixels (pixels, at + last * to, (size_t)(width - last));
    }
}

/* Every stride-th pixel of a row. The usual sizes of a pixel are constants: a call for each would take longer. */
static void sample_row (const struct pixels *pixels, size_t stride, const char *in, char *out, int width)
{
    size_t from = pixels->numbers * element_bytes (pixels->in), to = pixels->numbers * element_bytes (pixels->out);
    if (!pixels->stage && from == BLOCK)
        for (int x = 0; x < width; x++)
            memcpy (out + (size_t)x * BLOCK, in + (size_t)x * stride * BLOCK, BLOCK);
    else if (!pixels->stage && from == BLOCK * sizeof (float))
        for (int x = 0; x < width; x++)
            memcpy (out + (size_t)x * BLOCK * sizeof (float), in + (size_t)x * stride * BLOCK * sizeof (float),
                    BLOCK * sizeof (float));
    else
        for (int x = 0; x < width; x++)
            copy_numbers (pixels, in + (size_t)x * stride * from, out + (size_t)x * to, 1);
}

/* A band's pixels in a row; or every stride-th one of the rows that a band is in, where they are in the whole. */
static void stage_flat (const struct step *step, const struct pixels *pixels, int band, const char *in, char *out)
{
    const struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    size_t from = BLOCK * element_bytes (pixels->in), to = BLOCK * element_bytes (pixels->out);
    int first = part_start (d->strips, band, d->bands) * d->strip_width;
    int last = least (step->height * step->width, part_start (d->strips, band + 1, d->bands) * d->strip_width);
    if (d->staging == STAGING_WIDEN) {
        copy_numbers (pixels, in + (size_t)first * from, out, (size_t)(last - first));
        return;
    }
    for (int y = first / step->width; y < divide_up (last, step->width); y++)
        sample_row (pixels, (size_t)conv->stride_w, in + (size_t)(y * conv->stride_h) * (size_t)step->in_width * from,
                    out + (size_t)y * (size_t)step->width * to, step->width);
}

static void stage (struct execution *e, const struct step *step, struct worker_state *worker, int band)
{
    const struct direct *d = step->state;
    const struct conv *conv = &step->conv;
    if (worker->staged == band)
        return;
    worker->staged = band;
    bool planar = d->staging == STAGING_PLANAR;
    const struct patch patch = { part_start (d->strips, band, d->bands) * conv->stride_h - conv->pad_top,
                                 -conv->pad_left, d->staged_height, d->staged_width };
    if (d->staging == STAGING_WORDS) {
        conv_stage_words (e, step, &patch, worker->scratch);
        return;
    }
    const struct pixels pixels = { .numbers = planar ? 1 : BLOCK,
                                   .in = step->place.in.element,
                                   .out = step->kernel->staged,
                                   .fill = step->place.in.element == ELEMENT_U8 ? step->place.in.zero : 0,
                                   .stage = step->kernel->stage };
    int planes = planar ? step->in_channels : divide_up (step->in_channels, BLOCK);
    size_t plane = (size_t)step->in_height * (size_t)step->in_width * pixels.numbers * element_bytes (pixels.in);
    size_t staged_plane = d->staging == STAGING_WIDEN    ? (size_t)d->band * (size_t)d->strip_width
                          : d->staging == STAGING_SAMPLE ? (size_t)step->height * (size_t)step->width
                                                         : (size_t)d->staged_height * (size_t)d->staged_width;
    const char *in = planar ? (const char *)e->input : step->in;
    char *out = worker->scratch;
    for (int p = 0; p < planes; p++, in += plane, out += staged_plane * pixels.numbers * element_bytes (pixels.out)) {
        if (d->flat)
            stage_flat (step, &pixels, band, in, out);
        else
            copy_padded (in, step->in_height, step->in_width, &patch, &pixels, out);
    }
}

struct conv_args panel_args (const struct step *step, const struct panel *panel, ptrdiff_t out_block)
{
    const struct direct *d = step->state;
    const struct segments *segments = &d->segments[panel->range];
    return (struct conv_args) {
        .segments = segments->list,
        .segment_count = segments->count,
        .pixel_stride = d->pixel_stride,
        .weights = (const char *)step->packed->weights + panel->weights,
        .bias = step->bytes ? (const void *)step->bytes->start : step->packed->bias,
        .out_block = out_block,
        .blocks = panel->blocks,
        .channel = panel->block * BLOCK,
        .epilogue = &step->epilogue,
        .requantise = step->bytes ? &step->bytes->requantise : NULL,
    };
}

/* All strips of one panel in a band. */
static void conv_panel (struct execution *e, const struct step *step, struct worker_state *worker, int index, int band)
{
    const struct direct *d = step->state;
    const struct panel *panel = &step->packed->panel[index];
    const struct conv *conv = &step->conv;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width, out_block = pixels * BLOCK;
    struct conv_args args = panel_args (step, panel, out_block);
    ptrdiff_t out_bytes = (ptrdiff_t)element_bytes (step->place.out.element);
    ptrdiff_t residual_bytes = (ptrdiff_t)element_bytes (step->place.residual.element);
    int first = part_start (d->strips, band, d->bands);
    int last = part_start (d->strips, band + 1, d->bands);
    /* words from one strip to the next, and from one block of the input to the next */
    ptrdiff_t in_row = d->flat ? d->strip_width * d->pixel : (ptrdiff_t)conv->stride_h * step->in_width * d->pixel;
    ptrdiff_t in_block = (d->flat ? pixels : (ptrdiff_t)step->in_height * step->in_width) * d->pixel;
    const float *in = d->staging == STAGING_NONE ? step->in : worker->scratch; /* at strip 0 */
    if (copies_rows (d->staging)) {
        in_row = (ptrdiff_t)conv->stride_h * d->staged_width * d->pixel;
        in_block = (ptrdiff_t)d->staged_height * d->staged_width * d->pixel;
    } else if (d->staging == STAGING_WIDEN) {
        in_block = (ptrdiff_t)d->band * d->strip_width * d->pixel;
    }
    if (d->staging != STAGING_NONE && d->staging != STAGING_SAMPLE)
        in -= first * in_row;
    in += (d->staging == STAGING_PLANAR ? panel->first : panel->first / BLOCK) * in_block;
    /* the next weights, spread over all tiles of this panel */
    struct next_weights next = next_weights (e, step, worker, index);
    ptrdiff_t depth = divide_up (panel->depth, step->kernel->k_step), taps = (ptrdiff_t)conv->kernel_h * conv->kernel_w;
    ptrdiff_t steps = divide_up (d->strip_width, step->kernel->mr) * depth * taps;
    struct prefetch prefetch = prefetch_spread (e, next, (last - first) * steps, panel->blocks);
    for (int y = first; y < last; y++) {
        ptrdiff_t at = (ptrdiff_t)y * d->strip_width, left = pixels - at;
        ptrdiff_t number = panel->block * out_block + at * BLOCK;
        args.input = in + y * in_row;
        args.out = (char *)step->out + number * out_bytes;
        args.residual = step->residual ? (const char *)step->residual + number * residual_bytes : NULL;
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
        stage (e, step, worker, band);
    for (int c = first; c < last; c++)
        conv_panel (e, step, worker, c, band);
}

void direct_run (struct execution *e, const struct step *step)
{
    const struct direct *d = step->state;
    schedule_items (e, step, conv_item, d->bands * divide_up (step->packed->panel_count, d->panel_group));
}

const struct conv_method conv_planar = {
    .name = "planar",
    .only = true,
    .fits = planar_fits,
    .lay = direct_lay,
    .pack = direct_pack,
    .prepare = direct_prepare,
    .run = direct_run,
};

const struct conv_method conv_direct = {
    .name = "direct",
    .twice = true,
    .algorithms = 1 << ALGORITHM_DIRECT,
    .inputs = 1 << ELEMENT_F32 | 1 << ELEMENT_U8,
    .gain = 1,
    .fits = direct_fits,
    .cycles = direct_cycles,
    .lay = direct_lay,
    .pack = direct_pack,
    .prepare = direct_prepare,
    .run = direct_run,
};
