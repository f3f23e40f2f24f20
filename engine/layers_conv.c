/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_conv.c: convolutions and fully connected layers, which are 1x1 convolutions of one pixel. How they are
 * computed is conv.c's. */
#include "engine/conv.h"
#include "engine/cost.h"
#include "engine/layer_window.h"
#include "engine/operator.h"
#include "engine/quantise.h"
#include "engine/receptive_field.h"
#include "engine/step.h"
#include "engine/work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COPIED_AT_ONCE = 8 << 20 }; /* bytes: some milliseconds */

/* Groups against channels, 0 groups being 1. */
static bool groups_fit (struct graph *g, const struct node_spec *spec, struct conv *conv)
{
    int64_t channels = spec->channels;
    if (conv->groups == 0)
        conv->groups = 1;
    if (conv->out_channels < 1 || conv->groups < 1) {
        graph_fail (g, spec->label, spec->name, "%d output channels in %d groups", conv->out_channels, conv->groups);
        return false;
    }
    if (channels % conv->groups == 0 && conv->out_channels % conv->groups == 0)
        return true;
    bool inputs = channels % conv->groups != 0;
    graph_fail (g, spec->label, spec->name, "%d %s channels are not divisible by %d groups",
                inputs ? (int)channels : conv->out_channels, inputs ? "input" : "output", conv->groups);
    return false;
}

static bool conv_shape (struct graph *g, struct node_spec *spec)
{
    struct conv *conv = &spec->u.conv.shape;
    const struct window_fields fields = WINDOW_FIELDS (conv);
    if (!window_defaults (g, spec, &fields) || !groups_fit (g, spec, conv))
        return false;
    int64_t high = spec->height + conv->pad_top + conv->pad_bottom;
    int64_t wide = spec->width + conv->pad_left + conv->pad_right;
    int64_t tall = window_extent (conv->kernel_h, conv->dilation_h);
    int64_t broad = window_extent (conv->kernel_w, conv->dilation_w);
    if (high < tall || wide < broad) {
        graph_fail (g, spec->label, spec->name, "its window of %lldx%lld is larger than the padded input of %lldx%lld",
                    (long long)tall, (long long)broad, (long long)high, (long long)wide);
        return false;
    }
    if (!fits_tensor (g, spec, "padded input", spec->channels, high, wide))
        return false;
    if (!spec->u.conv.weights) {
        graph_fail (g, spec->label, spec->name, "it has no weights");
        return false;
    }
    uint64_t outputs = (uint64_t)conv->out_channels, inputs = (uint64_t)(spec->channels / conv->groups);
    uint64_t count = checked_product (outputs, inputs, (uint64_t)conv->kernel_h, (uint64_t)conv->kernel_w);
    spec->bytes =
        checked_sum (checked_product (count, sizeof (float), 1, 1), spec->u.conv.bias ? outputs * sizeof (float) : 0);
    spec->channels = conv->out_channels;
    spec->height = (high - tall) / conv->stride_h + 1;
    spec->width = (wide - broad) / conv->stride_w + 1;
    spec->macs = checked_product (count, (uint64_t)spec->height, (uint64_t)spec->width, 1);
    return true;
}

const float graph_dropped_weights[1];

/* In pieces, after each of which it can be stopped. */
static void copy_weights (struct graph *g, struct node *node, const float *from)
{
    char refusal[100];
    size_t piece = COPIED_AT_ONCE, bytes = node->u.conv.weight_bytes;
    for (size_t at = 0; at < bytes; at += piece) {
        if (!work_spend (0)) {
            graph_fail (g, node->label, node->name, "%s", work_refusal (refusal));
            return;
        }
        piece = bytes - at < piece ? bytes - at : piece;
        memcpy ((char *)node->u.conv.weights + at, (const char *)from + at, piece);
        if (g->copied)
            g->copied (g->copied_data, (const char *)from + at, piece);
    }
}

static void conv_keep (struct graph *g, struct node *node, const void *given)
{
    const struct conv *conv = &node->u.conv.shape;
    size_t outputs = (size_t)conv->out_channels, inputs = (size_t)(g->nodes[node->inputs[0]].channels / conv->groups);
    size_t count = outputs * inputs * (size_t)conv->kernel_h * (size_t)conv->kernel_w;
    (void)given;
    const float *from = node->u.conv.weights;
    bool dropped = from == graph_dropped_weights;
    node->u.conv.weight_bytes = count * sizeof (float); /* within the weight limit already */
    node->u.conv.weights = dropped ? NULL : memory_new (node->u.conv.weight_bytes);
    if (node->u.conv.weights)
        copy_weights (g, node, from);
    else if (!dropped)
        graph_fail_memory (g, node->label, node->name);
    if (node->u.conv.bias)
        node->u.conv.bias = node_copy (g, node, node->u.conv.bias, outputs, sizeof (float));
}

static void conv_clear (struct node *node)
{
    memory_free (node->u.conv.weights, node->u.conv.weight_bytes);
    free (node->u.conv.bias);
}

static int add_conv (struct graph *g, const char *label, const char *name, int x, union node_parameters u)
{
    struct node_spec spec = {
        .operation = OPERATION_CONV, .label = label, .name = name, .inputs = &x, .input_count = 1, .u = u
    };
    return node_add (g, &spec);
}

int graph_conv (struct graph *g, const char *name, int x, const struct conv *conv, const float *weights,
                const float *bias)
{
    if (g && !conv)
        return graph_fail (g, "conv", name, "it has no parameters");
    union node_parameters u = { .conv = { g ? *conv : (struct conv) { 0 }, (float *)weights, (float *)bias, 0 } };
    return g ? add_conv (g, "conv", name, x, u) : -1;
}

int graph_linear (struct graph *g, const char *name, int x, int outputs, const float *weights, const float *bias)
{
    const struct node *in = input_node (g, "linear", name, x);
    if (!in)
        return -1;
    if (in->height != 1 || in->width != 1)
        return graph_fail (g, "linear", name, "its input is %dx%dx%d, not a vector", in->channels, in->height,
                           in->width);
    struct conv shape = { .out_channels = outputs, .kernel_h = 1, .kernel_w = 1 };
    return add_conv (g, "linear", name, x,
                     (union node_parameters) { .conv = { shape, (float *)weights, (float *)bias, 0 } });
}

static void conv_grid (const struct node *node, struct grid *grid)
{
    struct conv conv = node->u.conv.shape;
    const struct window_fields fields = WINDOW_FIELDS (&conv);
    window_grid (&fields, grid);
}

static void conv_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    struct conv conv = node->u.conv.shape;
    const struct window_fields fields = WINDOW_FIELDS (&conv);
    (void)in;
    window_reach (&fields, reach);
}

/* Only from bytes: what a convolution of floats makes is converted as a whole. */
static bool conv_takes_bytes (const struct preparation *p, const struct layer *layer)
{
    return place_of (p, layer->inputs[0]).element == ELEMENT_U8 && quantise_fits (p->g, layer);
}

static bool conv_prepare (struct preparation *p, const struct layer *layer)
{
    int input = layer->inputs[0];
    bool planar = place_of (p, input).buffer < 0;
    struct step *step = step_new (p, NULL, input, layer->output);
    if (!step || !step_epilogue (p, step, layer))
        return false;
    step->conv = layer->conv;
    step->operation = p->g->nodes[layer->node].label;
    step->macs = p->g->nodes[layer->node].macs;
    if (planar)
        quantise_input (p, layer, &step->place.in);
    enum element in = quantise_takes_vector (p, layer) ? ELEMENT_U8 : step->place.in.element;
    step->kernel = conv_kernel_for (p->kernels, p->cpu, in, step->place.out.element);
    if (!step->kernel) {
        snprintf (p->error->text, sizeof p->error->text,
                  "conv '%.200s': no kernel of '%s' takes and makes such numbers", step->name, p->kernels->name);
        return false;
    }
    const struct conv_method *method = conv_choose (p, step, p->algorithm, planar);
    step->kernel = method->bf16 ? p->bf16 : step->kernel;
    step->packed = packed_get (p->g, layer, method, step->kernel, p->drop_weights, p->error);
    if (!step->packed)
        return false;
    step->run = method->run;
    if (step->place.in.element == ELEMENT_U8 && !quantise_step (p, step))
        return false;
    return method->prepare (p, step) || step_out_of_memory (p);
}

/* Its method's model of cycles; without one: its multiplications, channels filled up to blocks. */
static double conv_cycles (const struct preparation *p, const struct step *step)
{
    const struct conv_method *method = step->packed->method;
    double own = method->cycles ? method->cycles (method, p, step) : INFINITY;
    double filled = cost_out (step) / ((double)step->channels * step->height * step->width);
    if (!isfinite (own))
        own = filled * (double)step->multiplications / (2 * p->kernels->lanes);
    return own + cost_pass (p, step) + cost_move (p, (double)step->packed->weight_bytes / sizeof (float));
}

const struct operator_type operator_conv = {
    .takes_epilogue = true,
    .shape = conv_shape,
    .keep = conv_keep,
    .clear = conv_clear,
    .grid = conv_grid,
    .reach = conv_reach,
    .takes_bytes = conv_takes_bytes,
    .prepare = conv_prepare,
    .cycles = conv_cycles,
};
