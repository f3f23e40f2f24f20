/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_depthwise.c: convolutions of every channel by itself. Item = rows of one block of 16 channels.
 *
 * Weights: [block][ky][kx][16]. */
#include "engine/conv_depthwise.h"
#include "engine/conv_weights.h"
#include "engine/work.h"

#include <stdio.h>

bool depthwise_fits (const struct conv_method *method, const struct preparation *p, const struct step *step,
                     bool planar)
{
    const struct conv *c = &step->conv;
    (void)method;
    (void)p;
    (void)planar;
    return c->groups == step->in_channels && c->groups == step->channels && c->groups > 1;
}

bool depthwise_lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    packed->weight_bytes = place_blocked_bytes (ELEMENT_F32, in_channels, 1, 1) * taps;
    return true;
}

void depthwise_pack (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    (void)in_channels;
    float *to = packed->weights;
    bool whole = packed->method == &conv_depthwise_bytes;
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    for (int o = 0; o < layer->conv.out_channels && work_spend (taps); o++)
        for (size_t t = 0; t < taps; t++) {
            double weight = (double)node->u.conv.weights[(size_t)o * taps + t];
            to[((size_t)(o / BLOCK) * taps + t) * BLOCK + (size_t)(o % BLOCK)] =
                whole ? (float)packed_step (packed, layer, weight, o) : folded (layer, weight, o);
        }
}

static bool depthwise_prepare (struct preparation *p, struct step *step)
{
    (void)p;
    snprintf (step->algorithm, sizeof step->algorithm, "depthwise");
    step->multiplications = step->macs;
    return true;
}

enum { DEPTHWISE_ROWS = 14 }; /* output rows in an item */

struct depthwise_args depthwise_args_of (const struct step *step, int block, int first, int rows)
{
    const struct conv *conv = &step->conv;
    const float *weights = step->packed->weights;
    return (struct depthwise_args) {
        .weights = weights + (size_t)block * (size_t)conv->kernel_h * (size_t)conv->kernel_w * BLOCK,
        .in_height = step->in_height,
        .kernel_h = conv->kernel_h,
        .stride_h = conv->stride_h,
        .dilation_h = conv->dilation_h,
        .pad_top = conv->pad_top,
        .window = { conv->kernel_w, conv->stride_w, conv->dilation_w, conv->pad_left, step->in_width, step->width },
        .first = first,
        .rows = rows,
        .channel = block * BLOCK,
    };
}

static void depthwise_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    int blocks = divide_up (step->channels, BLOCK), block = item % blocks, first = item / blocks * DEPTHWISE_ROWS;
    ptrdiff_t at = ((ptrdiff_t)block * step->height + first) * step->width * BLOCK;
    const float *in = step->in, *residual = step->residual;
    struct depthwise_args args = depthwise_args_of (step, block, first, least (step->height - first, DEPTHWISE_ROWS));
    (void)worker;
    args.in = in + (ptrdiff_t)block * step->in_height * step->in_width * BLOCK;
    args.bias = step->packed->bias;
    args.residual = residual ? residual + at : NULL;
    args.out = (float *)step->out + at;
    args.epilogue = &step->epilogue;
    e->kernels->depthwise (&args);
}

static void depthwise_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, depthwise_item,
                    divide_up (step->channels, BLOCK) * divide_up (step->height, DEPTHWISE_ROWS));
}

const struct conv_method conv_depthwise = {
    .name = "depthwise",
    .only = true,
    .few_weights = true,
    .fits = depthwise_fits,
    .lay = depthwise_lay,
    .pack = depthwise_pack,
    .prepare = depthwise_prepare,
    .run = depthwise_run,
};
