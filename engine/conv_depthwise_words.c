/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_depthwise_words.c: convolutions of every channel by itself, of bytes, where the table has a kernel that
 * multiplies them (kernels_depthwise_bytes.c). Item = rows of one block of 16 channels.
 *
 * Weights: [block][ky][kx / 4][16][kx % 4] s8, zeros behind the last of a row. */
#include "engine/conv_depthwise.h"
#include "engine/cpu.h"
#include "engine/work.h"

#include <stdio.h>

/* Rows of an item; of the input, copied with its sides, they stay in the L1 cache. */
enum { ROWS_MAX = 16, STAGED_BYTES = 32 * 1024 };

static size_t words_of_block (const struct conv *conv)
{
    return (size_t)conv->kernel_h * (size_t)divide_up (conv->kernel_w, 4) * BLOCK;
}

/* Sums begin as those of a kernel that multiplies the bytes themselves. */
static bool fits (const struct conv_method *method, const struct preparation *p, const struct step *step, bool planar)
{
    const struct depthwise_kernel *kernel = &p->kernels->depthwise_bytes;
    const struct conv *c = &step->conv;
    bool window = (c->kernel_w == 3 || c->kernel_w == 5 || c->kernel_w == 7) && c->kernel_h == c->kernel_w;
    bool stride = (c->stride_w == 1 || c->stride_w == 2) && c->stride_h == c->stride_w;
    return kernel->run && !(kernel->needs & ~p->cpu->features) && step->kernel->weight == ELEMENT_S8 &&
           step->kernel->excess == 0 && window && stride && c->dilation_h == 1 && c->dilation_w == 1 &&
           depthwise_fits (method, p, step, planar);
}

static bool lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    packed->weight_bytes = (size_t)divide_up (in_channels, BLOCK) * words_of_block (&layer->conv) * 4;
    return true;
}

static void pack (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    (void)in_channels;
    const struct conv *conv = &layer->conv;
    size_t row = (size_t)divide_up (conv->kernel_w, 4) * BLOCK * 4,
           taps = (size_t)conv->kernel_h * (size_t)conv->kernel_w;
    for (int o = 0; o < conv->out_channels && work_spend (taps); o++) {
        int8_t *to = (int8_t *)packed->weights + (size_t)(o / BLOCK) * words_of_block (conv) * 4 + o % BLOCK * 4;
        for (size_t t = 0; t < taps; t++) {
            size_t y = t / (size_t)conv->kernel_w, x = t % (size_t)conv->kernel_w;
            double weight = (double)node->u.conv.weights[(size_t)o * taps + t];
            to[y * row + x / 4 * BLOCK * 4 + x % 4] = (int8_t)packed_step (packed, layer, weight, o);
        }
    }
}

static int rows_of_item (const struct step *step)
{
    const struct conv *conv = &step->conv;
    int rows = least (ROWS_MAX, step->height);
    while (rows > 1 && depthwise_bytes_scratch (conv->kernel_w, conv->stride_w, step->width, rows) > STAGED_BYTES)
        rows--;
    return rows > 4 && rows < step->height ? rows / 4 * 4 : rows; /* whole tiles */
}

static bool prepare (struct preparation *p, struct step *step)
{
    const struct conv *conv = &step->conv;
    int rows = rows_of_item (step);
    need_bytes (&p->scratch_bytes, depthwise_bytes_scratch (conv->kernel_w, conv->stride_w, step->width, rows));
    snprintf (step->algorithm, sizeof step->algorithm, "depthwise");
    step->multiplications = step->macs;
    return step_state (p, step, &rows, sizeof rows);
}

static void item_of (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct conv *conv = &step->conv;
    const struct requantise *how = &step->bytes->requantise;
    int blocks = divide_up (step->channels, BLOCK), block = item % blocks, each = *(const int *)step->state;
    int first = item / blocks * each;
    ptrdiff_t at = ((ptrdiff_t)block * step->height + first) * step->width * BLOCK;
    struct depthwise_bytes_args args = {
        .in = (const uint8_t *)step->in + (ptrdiff_t)block * step->in_height * step->in_width * BLOCK,
        .weights = (const int8_t *)step->packed->weights + (size_t)block * words_of_block (conv) * 4,
        .start = step->bytes->start,
        .kernel = conv->kernel_w,
        .stride = conv->stride_w,
        .pad_top = conv->pad_top,
        .pad_left = conv->pad_left,
        .zero = step->place.in.zero,
        .in_height = step->in_height,
        .in_width = step->in_width,
        .out_width = step->width,
        .first = first,
        .rows = least (step->height - first, each),
        .out = (char *)step->out + (size_t)at * element_bytes (how->out),
        .channel = block * BLOCK,
        .scratch = worker->scratch,
        .requantise = how,
        .epilogue = &step->epilogue,
    };
    if (step->residual)
        args.residual = (const char *)step->residual + (size_t)at * element_bytes (how->residual);
    e->kernels->depthwise_bytes.run (&args);
}

static void run (struct execution *e, const struct step *step)
{
    int rows = *(const int *)step->state;
    schedule_items (e, step, item_of, divide_up (step->channels, BLOCK) * divide_up (step->height, rows));
}

const struct conv_method conv_depthwise_words = {
    .name = "depthwise, words",
    .only = true,
    .few_weights = true,
    .twice = true,
    .inputs = 1 << ELEMENT_U8,
    .fits = fits,
    .lay = lay,
    .pack = pack,
    .prepare = prepare,
    .run = run,
};
