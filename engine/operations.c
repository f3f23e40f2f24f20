/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* operations.c: the calls that add one operation each to a graph.
 *
 * Takes parameters and weights that may come straight from a hostile file; gives a node, or the first error. Every call
 * goes the same way:
 *
 *   find the inputs -> check the parameters -> work out the output shape (64-bit) -> node_begin: check the limits,
 *   only then allocate -> copy the arrays -> node_end: the node counts from here on */
#include "engine/node.h"

#include <math.h>
#include <stdlib.h>

/* No network has kernels, strides, dilations or pads near this; below it products with tile sizes stay inside an int. */
#define PARAMETER_MAX 32768

/* ---- input ------------------------------------------------------------------------------------------------------- */

/* A node without arrays that keeps the shape of its one input. */
static struct wanted like (const struct node *in, enum operation operation, const char *label, const char *name,
                           const int *x)
{
    return (struct wanted) { .operation = operation,
                             .label = label,
                             .name = name,
                             .inputs = x,
                             .input_count = 1,
                             .channels = in->channels,
                             .height = in->height,
                             .width = in->width,
                             .window = 1 };
}

int graph_input (struct graph *g, const char *name, int channels, int height, int width)
{
    if (!g || g->error.text[0])
        return -1;
    if (g->count)
        return graph_fail (g, "input", name, "the graph has its input already, '%.100s'", g->nodes[0].name);
    struct wanted want = { .operation = OPERATION_INPUT,
                           .label = "input",
                           .name = name,
                           .channels = channels,
                           .height = height,
                           .width = width };
    struct node *node = node_begin (g, &want);
    return node ? node_end (g, node) : -1;
}

/* ---- convolution --------------------------------------------------------------------------------------------- */

/* 0 -> 1; false and the error when the value is out of range. */
static bool parameter (struct graph *g, const struct wanted *want, const char *what, int *value, bool zero_is_one)
{
    if (zero_is_one && *value == 0)
        *value = 1;
    int least = zero_is_one ? 1 : 0;
    if (*value >= least && *value <= PARAMETER_MAX)
        return true;
    graph_fail (g, want->label, want->name, "%s %d is not in %d..%d", what, *value, least, PARAMETER_MAX);
    return false;
}

/* Defaults and ranges of what convolutions and pools have in common. */
static bool window_parameters (struct graph *g, const struct wanted *want, int *kernel_h, int *kernel_w, int *stride_h,
                               int *stride_w, int *dilation_h, int *dilation_w, int pads[4])
{
    if (*kernel_h < 1 || *kernel_w < 1) {
        graph_fail (g, want->label, want->name, "its kernel is %dx%d", *kernel_h, *kernel_w);
        return false;
    }
    return parameter (g, want, "kernel height", kernel_h, true) &&
           parameter (g, want, "kernel width", kernel_w, true) &&
           parameter (g, want, "vertical stride", stride_h, true) &&
           parameter (g, want, "horizontal stride", stride_w, true) &&
           parameter (g, want, "vertical dilation", dilation_h, true) &&
           parameter (g, want, "horizontal dilation", dilation_w, true) &&
           parameter (g, want, "top padding", &pads[0], false) &&
           parameter (g, want, "left padding", &pads[1], false) &&
           parameter (g, want, "bottom padding", &pads[2], false) &&
           parameter (g, want, "right padding", &pads[3], false);
}

/* Fills defaults in `shape` and the output shape in `want`, or gives the error. */
static bool conv_shape (struct graph *g, const struct node *in, struct conv *shape, struct wanted *want)
{
    int pads[4] = { shape->pad_top, shape->pad_left, shape->pad_bottom, shape->pad_right };
    if (!window_parameters (g, want, &shape->kernel_h, &shape->kernel_w, &shape->stride_h, &shape->stride_w,
                            &shape->dilation_h, &shape->dilation_w, pads))
        return false;
    if (shape->groups == 0)
        shape->groups = 1;
    if (shape->out_channels < 1 || shape->groups < 1) {
        graph_fail (g, want->label, want->name, "%d output channels in %d groups", shape->out_channels, shape->groups);
        return false;
    }
    if (in->channels % shape->groups || shape->out_channels % shape->groups) {
        bool inputs = in->channels % shape->groups != 0;
        graph_fail (g, want->label, want->name, "%d %s channels are not divisible by %d groups",
                    inputs ? in->channels : shape->out_channels, inputs ? "input" : "output", shape->groups);
        return false;
    }
    int64_t high = (int64_t)in->height + pads[0] + pads[2], wide = (int64_t)in->width + pads[1] + pads[3];
    int64_t tall = (int64_t)shape->dilation_h * (shape->kernel_h - 1) + 1;
    int64_t broad = (int64_t)shape->dilation_w * (shape->kernel_w - 1) + 1;
    if (high < tall || wide < broad) {
        graph_fail (g, want->label, want->name, "its window of %lldx%lld is larger than the padded input of %lldx%lld",
                    (long long)tall, (long long)broad, (long long)high, (long long)wide);
        return false;
    }
    if (!fits_tensor (g, want, "padded input", in->channels, high, wide))
        return false;
    want->channels = shape->out_channels;
    want->height = (high - tall) / shape->stride_h + 1;
    want->width = (wide - broad) / shape->stride_w + 1;
    return true;
}

static int add_conv (struct graph *g, const char *label, const char *name, int x, struct conv shape,
                     const float *weights, const float *bias)
{
    const struct node *in = input_node (g, label, name, x);
    if (!in)
        return -1;
    struct wanted want = like (in, OPERATION_CONV, label, name, &x);
    if (!conv_shape (g, in, &shape, &want))
        return -1;
    if (!weights)
        return graph_fail (g, label, name, "it has no weights");
    uint64_t outputs = (uint64_t)shape.out_channels, inputs = (uint64_t)(in->channels / shape.groups);
    uint64_t count = checked_product (outputs, inputs, (uint64_t)shape.kernel_h, (uint64_t)shape.kernel_w);
    want.bytes = checked_sum (checked_product (count, sizeof (float), 1, 1), bias ? outputs * sizeof (float) : 0);
    want.macs = checked_product (count, (uint64_t)want.height, (uint64_t)want.width, 1);
    struct node *node = node_begin (g, &want);
    if (!node)
        return -1;
    node->u.conv.shape = shape;
    node->u.conv.weights = node_copy (g, node, weights, count, sizeof (float));
    if (bias)
        node->u.conv.bias = node_copy (g, node, bias, outputs, sizeof (float));
    return node_end (g, node);
}

int graph_conv (struct graph *g, const char *name, int x, const struct conv *conv, const float *weights,
                const float *bias)
{
    if (g && !conv)
        return graph_fail (g, "conv", name, "it has no parameters");
    return g ? add_conv (g, "conv", name, x, *conv, weights, bias) : -1;
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
    return add_conv (g, "linear", name, x, shape, weights, bias);
}

/* ---- per channel and per element ----------------------------------------------------------------------------- */

/* The node with room for scale and shift, both still to be filled; NULL and the error otherwise. */
static struct node *affine_begin (struct graph *g, const char *label, const char *name, int x)
{
    const struct node *in = input_node (g, label, name, x);
    if (!in)
        return NULL;
    struct wanted want = like (in, OPERATION_AFFINE, label, name, &x);
    want.bytes = 2 * sizeof (double) * (uint64_t)in->channels;
    struct node *node = node_begin (g, &want);
    if (!node)
        return NULL;
    node->u.affine.scale = malloc ((size_t)node->channels * sizeof (double));
    node->u.affine.shift = malloc ((size_t)node->channels * sizeof (double));
    if (node->u.affine.scale && node->u.affine.shift)
        return node;
    graph_fail_memory (g, label, name);
    node_end (g, node);
    return NULL;
}

int graph_batch_norm (struct graph *g, const char *name, int x, const float *scale, const float *shift,
                      const float *mean, const float *variance, float epsilon)
{
    const char *label = "batch-norm";
    if (g && !(scale && shift && mean && variance))
        return graph_fail (g, label, name, "it has no scale, shift, mean or variance");
    struct node *node = affine_begin (g, label, name, x);
    if (!node)
        return -1;
    for (int c = 0; c < node->channels; c++) {
        double spread = (double)variance[c] + (double)epsilon;
        if (spread <= 0) {
            graph_fail (g, label, name, "variance + epsilon of channel %d is %g", c, spread);
            break;
        }
        node->u.affine.scale[c] = scale[c] / sqrt (spread);
        node->u.affine.shift[c] = shift[c] - mean[c] * node->u.affine.scale[c];
    }
    return node_end (g, node);
}

int graph_affine (struct graph *g, const char *name, int x, const float *scale, const float *shift)
{
    struct node *node = affine_begin (g, "affine", name, x);
    if (!node)
        return -1;
    for (int c = 0; c < node->channels; c++) {
        node->u.affine.scale[c] = scale ? scale[c] : 1;
        node->u.affine.shift[c] = shift ? shift[c] : 0;
    }
    return node_end (g, node);
}

const char *activation_name (enum activation_kind kind)
{
    static const char *const names[ACTIVATION_KINDS] = {
#define ACTIVATION(KIND, name, words, formula, negatives) name,
#include "engine/activations.def"
    };
    return (int)kind >= 0 && kind < ACTIVATION_KINDS ? names[kind] : NULL;
}

int graph_activation (struct graph *g, const char *name, int x, struct activation activation)
{
    const struct node *in = input_node (g, "activation", name, x);
    if (!in)
        return -1;
    if (!activation_name (activation.kind))
        return graph_fail (g, "activation", name, "there is no activation number %d", (int)activation.kind);
    if (activation.kind == ACTIVATION_PRELU)
        return graph_fail (g, "activation", name, "prelu needs one slope per channel");
    struct wanted want = like (in, OPERATION_ACTIVATION, "activation", name, &x);
    struct node *node = node_begin (g, &want);
    if (!node)
        return -1;
    node->u.activation.what = activation;
    return node_end (g, node);
}

int graph_prelu (struct graph *g, const char *name, int x, const float *alpha)
{
    const struct node *in = input_node (g, "activation", name, x);
    if (!in)
        return -1;
    if (!alpha)
        return graph_fail (g, "activation", name, "prelu has no slopes");
    struct wanted want = like (in, OPERATION_ACTIVATION, "activation", name, &x);
    want.bytes = sizeof (float) * (uint64_t)in->channels;
    struct node *node = node_begin (g, &want);
    if (!node)
        return -1;
    node->u.activation.what.kind = ACTIVATION_PRELU;
    node->u.activation.slope = node_copy (g, node, alpha, (size_t)node->channels, sizeof (float));
    return node_end (g, node);
}

int graph_softmax (struct graph *g, const char *name, int x)
{
    const struct node *in = input_node (g, "softmax", name, x);
    if (!in)
        return -1;
    struct wanted want = like (in, OPERATION_SOFTMAX, "softmax", name, &x);
    struct node *node = node_begin (g, &want);
    return node ? node_end (g, node) : -1;
}

int graph_log_softmax (struct graph *g, const char *name, int x)
{
    const struct node *in = input_node (g, "log-softmax", name, x);
    if (!in)
        return -1;
    struct wanted want = like (in, OPERATION_LOG_SOFTMAX, "log-softmax", name, &x);
    struct node *node = node_begin (g, &want);
    return node ? node_end (g, node) : -1;
}

/* ---- pooling ------------------------------------------------------------------------------------------------- */

/* Windows along one axis, 0 when none fits. Rounded up, a window may overhang the end but must not start behind the
 * input and its leading padding (PyTorch's and ONNX's rule). */
static int64_t pool_count (int64_t in, int64_t before, int64_t after, int64_t window, int64_t stride, bool ceil_mode)
{
    int64_t room = in + before + after - window + (ceil_mode ? stride - 1 : 0);
    if (room < 0)
        return 0;
    int64_t count = room / stride + 1;
    if (ceil_mode && (count - 1) * stride >= in + before)
        count--;
    return count;
}

static bool pool_shape (struct graph *g, const struct node *in, struct pool *pool, struct wanted *want)
{
    int pads[4] = { pool->pad_top, pool->pad_left, pool->pad_bottom, pool->pad_right };
    if (!window_parameters (g, want, &pool->kernel_h, &pool->kernel_w, &pool->stride_h, &pool->stride_w,
                            &pool->dilation_h, &pool->dilation_w, pads))
        return false;
    if (pool->kind == POOL_AVERAGE && (pool->dilation_h != 1 || pool->dilation_w != 1)) {
        graph_fail (g, want->label, want->name, "averages with dilation %dx%d are not supported", pool->dilation_h,
                    pool->dilation_w);
        return false;
    }
    /* Then taps could step over the input altogether and a maximum be taken of nothing. */
    if (pool->dilation_h > in->height || pool->dilation_w > in->width) {
        graph_fail (g, want->label, want->name, "dilation %dx%d is larger than the input of %dx%d", pool->dilation_h,
                    pool->dilation_w, in->height, in->width);
        return false;
    }
    int64_t tall = (int64_t)pool->dilation_h * (pool->kernel_h - 1) + 1;
    int64_t broad = (int64_t)pool->dilation_w * (pool->kernel_w - 1) + 1;
    for (int i = 0; i < 4; i++) {
        if (pads[i] < (i % 2 ? broad : tall))
            continue;
        graph_fail (g, want->label, want->name, "padding %d is not smaller than the window of %lldx%lld", pads[i],
                    (long long)tall, (long long)broad);
        return false;
    }
    want->height = pool_count (in->height, pads[0], pads[2], tall, pool->stride_h, pool->ceil_mode);
    want->width = pool_count (in->width, pads[1], pads[3], broad, pool->stride_w, pool->ceil_mode);
    want->window = (uint64_t)pool->kernel_h * (uint64_t)pool->kernel_w;
    if (want->height > 0 && want->width > 0)
        return true;
    graph_fail (g, want->label, want->name, "its window of %lldx%lld is larger than the padded input of %dx%d",
                (long long)tall, (long long)broad, in->height + pads[0] + pads[2], in->width + pads[1] + pads[3]);
    return false;
}

static bool pool_kind_known (struct graph *g, const char *label, const char *name, enum pool_kind kind)
{
    if (kind == POOL_MAX || kind == POOL_AVERAGE)
        return true;
    graph_fail (g, label, name, "there is no pooling number %d", (int)kind);
    return false;
}

int graph_pool (struct graph *g, const char *name, int x, const struct pool *pool)
{
    if (g && !pool)
        return graph_fail (g, "pool", name, "it has no parameters");
    const char *label = pool && pool->kind == POOL_MAX ? "max-pool" : "average-pool";
    const struct node *in = input_node (g, label, name, x);
    if (!in || !pool_kind_known (g, "pool", name, pool->kind))
        return -1;
    struct wanted want = like (in, OPERATION_POOL, label, name, &x);
    struct pool shape = *pool;
    if (!pool_shape (g, in, &shape, &want))
        return -1;
    struct node *node = node_begin (g, &want);
    if (!node)
        return -1;
    node->u.pool = shape;
    return node_end (g, node);
}

int graph_global_pool (struct graph *g, const char *name, int x, enum pool_kind kind)
{
    const char *label = kind == POOL_MAX ? "global-max-pool" : "global-average-pool";
    const struct node *in = input_node (g, label, name, x);
    if (!in || !pool_kind_known (g, "global-pool", name, kind))
        return -1;
    struct wanted want = like (in, OPERATION_GLOBAL_POOL, label, name, &x);
    want.window = (uint64_t)in->height * (uint64_t)in->width;
    want.height = want.width = 1;
    struct node *node = node_begin (g, &want);
    if (!node)
        return -1;
    node->u.global_pool = kind;
    return node_end (g, node);
}

/* ---- several inputs ------------------------------------------------------------------------------------------ */

/* Whether `small` repeats over `large` in whole axes: channels, or rows and columns together. */
static bool repeats_over (const struct node *small, const struct node *large)
{
    return (small->channels == large->channels || small->channels == 1) &&
           ((small->height == large->height && small->width == large->width) ||
            (small->height == 1 && small->width == 1));
}

static int add_pair (struct graph *g, enum operation operation, const char *label, const char *name, int a, int b)
{
    const struct node *left = input_node (g, label, name, a), *right = input_node (g, label, name, b);
    if (!left || !right)
        return -1;
    const struct node *large = repeats_over (right, left) ? left : right;
    if (!repeats_over (left, large) || !repeats_over (right, large))
        return graph_fail (g, label, name, "%dx%dx%d and %dx%dx%d do not fit together", left->channels, left->height,
                           left->width, right->channels, right->height, right->width);
    int inputs[2] = { a, b };
    struct wanted want = like (large, operation, label, name, inputs);
    want.input_count = 2;
    struct node *node = node_begin (g, &want);
    return node ? node_end (g, node) : -1;
}

int graph_add (struct graph *g, const char *name, int a, int b)
{
    return add_pair (g, OPERATION_ADD, "add", name, a, b);
}

int graph_mul (struct graph *g, const char *name, int a, int b)
{
    return add_pair (g, OPERATION_MUL, "mul", name, a, b);
}

int graph_concat (struct graph *g, const char *name, const int *xs, int count)
{
    if (g && (!xs || count < 1))
        return graph_fail (g, "concat", name, "it has no inputs (%d)", count);
    const struct node *first = g ? input_node (g, "concat", name, xs[0]) : NULL;
    if (!first)
        return -1;
    int64_t channels = 0; /* at most 2^31 inputs of less than 2^31 channels */
    for (int i = 0; i < count; i++) {
        const struct node *in = input_node (g, "concat", name, xs[i]);
        if (!in)
            return -1;
        if (in->height != first->height || in->width != first->width)
            return graph_fail (g, "concat", name, "input %d is %dx%d, the first one is %dx%d", i, in->height, in->width,
                               first->height, first->width);
        channels += in->channels;
    }
    struct wanted want = like (first, OPERATION_CONCAT, "concat", name, xs);
    want.input_count = count;
    want.channels = channels;
    struct node *node = node_begin (g, &want);
    return node ? node_end (g, node) : -1;
}

/* ---- moving numbers ------------------------------------------------------------------------------------------ */

/* Whether from, from + step, ... (count of them) can be counted in ints with room to spare. */
static bool pick_range (struct graph *g, const struct wanted *want, int from, int step, int count)
{
    int64_t last = (int64_t)from + (int64_t)step * ((int64_t)count - 1);
    if (step >= 1 && step <= PARAMETER_MAX && count >= 1 && from > -(1 << 30) && last < 1 << 30)
        return true;
    graph_fail (g, want->label, want->name, "cannot pick %d numbers from %d in steps of %d", count, from, step);
    return false;
}

int graph_pick (struct graph *g, const char *name, int x, const struct pick *pick)
{
    const struct node *in = input_node (g, "pick", name, x);
    if (!in)
        return -1;
    if (!pick)
        return graph_fail (g, "pick", name, "it has no parameters");
    if (!pick->channel && pick->channels != in->channels)
        return graph_fail (g, "pick", name, "%d channels, the same as its input's, but that has %d", pick->channels,
                           in->channels);
    for (int c = 0; pick->channel && c < pick->channels; c++) {
        if (pick->channel[c] < -1 || pick->channel[c] >= in->channels)
            return graph_fail (g, "pick", name, "channel %d of its input's %d", pick->channel[c], in->channels);
    }
    struct wanted want = like (in, OPERATION_PICK, "pick", name, &x);
    want.channels = pick->channels;
    want.height = pick->height;
    want.width = pick->width;
    want.bytes = pick->channels > 0 ? sizeof (int) * (uint64_t)pick->channels : 0;
    if (!pick_range (g, &want, pick->top, pick->step_h, pick->height) ||
        !pick_range (g, &want, pick->left, pick->step_w, pick->width))
        return -1;
    struct node *node = node_begin (g, &want);
    if (!node)
        return -1;
    node->u.pick = *pick;
    node->u.pick.channel = NULL;
    int *channel = malloc ((size_t)pick->channels * sizeof *channel);
    if (!channel)
        graph_fail_memory (g, "pick", name);
    for (int c = 0; channel && c < pick->channels; c++)
        channel[c] = pick->channel ? pick->channel[c] : c;
    node->u.pick.channel = channel;
    return node_end (g, node);
}

int graph_reshape (struct graph *g, const char *name, int x, int channels, int height, int width)
{
    const struct node *in = input_node (g, "reshape", name, x);
    if (!in)
        return -1;
    struct wanted want = like (in, OPERATION_RESHAPE, "reshape", name, &x);
    want.channels = channels;
    want.height = height;
    want.width = width;
    bool positive = channels > 0 && height > 0 && width > 0;
    uint64_t before = checked_product ((uint64_t)in->channels, (uint64_t)in->height, (uint64_t)in->width, 1);
    if (!positive || checked_product ((uint64_t)channels, (uint64_t)height, (uint64_t)width, 1) != before)
        return graph_fail (g, "reshape", name, "%dx%dx%d cannot become %dx%dx%d", in->channels, in->height, in->width,
                           channels, height, width);
    struct node *node = node_begin (g, &want);
    return node ? node_end (g, node) : -1;
}
