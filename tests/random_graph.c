/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* random_graph.c: see random_graph.h. */
#include "tests/random_graph.h"
#include "engine/count.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS_MAX = 40, NUMBERS_MAX = 12000 }; /* of a tensor: the oracle is slow */

/* ---- random numbers ------------------------------------------------------------------------------------------ */

static void *must (void *memory)
{
    if (memory)
        return memory;
    fprintf (stderr, "out of memory in the test\n");
    exit (EXIT_FAILURE);
}

/* xorshift64* (Vigna) */
static uint32_t random_bits (struct builder *b)
{
    b->state ^= b->state >> 12;
    b->state ^= b->state << 25;
    b->state ^= b->state >> 27;
    return (uint32_t)((b->state * UINT64_C (0x2545F4914F6CDD1D)) >> 32);
}

int random_int (struct builder *b, int least, int most)
{
    return least + (int)(random_bits (b) % (uint32_t)(most - least + 1));
}

float random_float (struct builder *b, float least, float most)
{
    return least + (most - least) * ((float)(random_bits (b) >> 8) / 16777216.0f);
}

float *random_floats (struct builder *b, size_t count, float least, float most)
{
    float *values = must (malloc (count * sizeof *values));
    for (size_t i = 0; i < count; i++)
        values[i] = random_float (b, least, most);
    return values;
}

/* ---- one operation ------------------------------------------------------------------------------------------- */

static int keep (struct builder *b, int x)
{
    if (x >= 0 && b->count < BUILDER_TENSORS)
        b->tensors[b->count++] = x;
    return x;
}

struct builder builder_new (uint64_t seed, int channels, int height, int width)
{
    struct builder b = { .g = must (graph_new (NULL)), .state = (seed + 1) * UINT64_C (0x9E3779B97F4A7C15) };
    for (int i = 0; i < 8; i++)
        random_bits (&b);
    keep (&b, graph_input (b.g, "input", channels, height, width));
    return b;
}

int build_conv (struct builder *b, int x, struct conv conv)
{
    int in = graph_tensor (b->g, x).channels / (conv.groups ? conv.groups : 1);
    size_t terms = (size_t)(in * conv.kernel_h * conv.kernel_w), outputs = (size_t)conv.out_channels;
    float amplitude = sqrtf (4.0f / (float)terms);
    float *weights = random_floats (b, terms * outputs, -amplitude, amplitude);
    float *bias = random_int (b, 0, 2) ? random_floats (b, outputs, -0.5f, 0.5f) : NULL;
    x = graph_conv (b->g, NULL, x, &conv, weights, bias);
    free (weights);
    free (bias);
    return keep (b, x);
}

int build_square (struct builder *b, int x, int out_channels, int kernel, int stride, int pad)
{
    struct conv conv = { .out_channels = out_channels,
                         .kernel_h = kernel,
                         .kernel_w = kernel,
                         .stride_h = stride,
                         .stride_w = stride,
                         .pad_top = pad,
                         .pad_left = pad,
                         .pad_bottom = pad,
                         .pad_right = pad };
    return build_conv (b, x, conv);
}

int build_linear (struct builder *b, int x, int outputs)
{
    size_t inputs = (size_t)graph_tensor (b->g, x).channels;
    float amplitude = sqrtf (3.0f / (float)inputs);
    float *weights = random_floats (b, inputs * (size_t)outputs, -amplitude, amplitude);
    float *bias = random_int (b, 0, 1) ? random_floats (b, (size_t)outputs, -0.5f, 0.5f) : NULL;
    x = graph_linear (b->g, NULL, x, outputs, weights, bias);
    free (weights);
    free (bias);
    return keep (b, x);
}

int build_batch_norm (struct builder *b, int x)
{
    size_t channels = (size_t)graph_tensor (b->g, x).channels;
    float *scale = random_floats (b, channels, -0.5f, 1.5f), *shift = random_floats (b, channels, -0.5f, 0.5f);
    float *mean = random_floats (b, channels, -0.3f, 0.3f), *variance = random_floats (b, channels, 0.3f, 1.5f);
    x = graph_batch_norm (b->g, NULL, x, scale, shift, mean, variance, 1e-5f);
    free (scale);
    free (shift);
    free (mean);
    free (variance);
    return keep (b, x);
}

int build_affine (struct builder *b, int x)
{
    size_t channels = (size_t)graph_tensor (b->g, x).channels;
    float *scale = random_int (b, 0, 3) ? random_floats (b, channels, -0.5f, 1.5f) : NULL;
    float *shift = random_int (b, 0, 3) ? random_floats (b, channels, -0.5f, 0.5f) : NULL;
    x = graph_affine (b->g, NULL, x, scale, shift);
    free (scale);
    free (shift);
    return keep (b, x);
}

/* A range; of whole numbers of units when it is to requantise. */
static int build_range (struct builder *b, int x, bool requantise)
{
    float *units = random_floats (b, (size_t)graph_tensor (b->g, x).channels, 0.001f, 0.01f);
    x = graph_quantise (b->g, NULL, x, (struct range) { 0.02f, -100, 155 }, requantise ? units : NULL, 1);
    free (units);
    return keep (b, x);
}

int build_activation (struct builder *b, int x, struct activation activation)
{
    if (!b->instead && (activation.kind == ACTIVATION_ROUND || activation.kind == ACTIVATION_REQUANTISE))
        return build_range (b, x, activation.kind == ACTIVATION_REQUANTISE);
    if (!b->instead && activation_is_function (activation.kind))
        return keep (b, graph_function (b->g, NULL, x, activation));
    if (activation.kind != ACTIVATION_PRELU)
        return keep (b, graph_activation (b->g, NULL, x, b->instead ? *b->instead : activation));
    float *slopes = random_floats (b, (size_t)graph_tensor (b->g, x).channels, -0.3f, 0.5f);
    x = b->instead ? graph_activation (b->g, NULL, x, *b->instead) : graph_prelu (b->g, NULL, x, slopes);
    free (slopes);
    return keep (b, x);
}

int build_relu (struct builder *b, int x)
{
    return build_activation (b, x, (struct activation) { .kind = ACTIVATION_RELU });
}

struct activation random_activation (struct builder *b)
{
    struct activation what = { .kind = (enum activation_kind)random_int (b, 0, ACTIVATION_KINDS - 1) };
    /* Rounding is of ranges alone: check_quantise.c; a step is no test of what rounding errors do */
    if (random_int (b, 0, 1) || what.kind == ACTIVATION_ROUND || what.kind == ACTIVATION_REQUANTISE ||
        what.kind == ACTIVATION_THRESHOLDED_RELU || activation_is_function (what.kind))
        what.kind = ACTIVATION_RELU;
    bool other = random_int (b, 0, 1);
    switch (what.kind) {
    case ACTIVATION_CLIP:
        what.alpha = other ? 0 : -0.7f;
        what.beta = other ? 6 : 0.9f;
        break;
    case ACTIVATION_LEAKY_RELU:
        what.alpha = other ? 0.1f : 0.01f;
        break;
    case ACTIVATION_ELU:
        what.alpha = other ? 1 : 0.6f;
        break;
    case ACTIVATION_HARD_SIGMOID:
        what.alpha = other ? 0.2f : 1.0f / 6;
        what.beta = 0.5f;
        break;
    default:
        break;
    }
    return what;
}

/* ---- random operations --------------------------------------------------------------------------------------- */

/* A tensor to go on with: mostly a recent one. */
static int some_tensor (struct builder *b)
{
    int from = random_int (b, 0, 3) ? b->count - 3 : 0;
    return b->tensors[random_int (b, from > 0 ? from : 0, b->count - 1)];
}

static bool same_shape (struct tensor_info a, struct tensor_info b)
{
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

/* Another tensor of x's shape: one that exists, or a convolution of x. */
static int twin_of (struct builder *b, int x)
{
    struct tensor_info shape = graph_tensor (b->g, x);
    int start = random_int (b, 0, b->count - 1);
    for (int i = 0; i < b->count; i++) {
        int other = b->tensors[(start + i) % b->count];
        if (other != x && same_shape (shape, graph_tensor (b->g, other)))
            return other;
    }
    return build_square (b, x, shape.channels, 3, 1, 1);
}

static void random_conv (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    int most = CHANNELS_MAX;
    while (most > 1 && most * in.height * in.width > NUMBERS_MAX)
        most /= 2;
    if (random_int (b, 0, 2) == 0) { /* what Winograd takes */
        build_square (b, x, random_int (b, 1, most), 3, 1, 1);
        return;
    }
    /* One statement each: the order in an initializer is the compiler's. */
    struct conv conv = { .out_channels = random_int (b, 1, most) };
    conv.kernel_h = random_int (b, 1, 4);
    conv.kernel_w = random_int (b, 1, 4);
    conv.stride_h = random_int (b, 1, 2);
    conv.stride_w = random_int (b, 1, 3);
    conv.dilation_h = random_int (b, 0, 2);
    conv.dilation_w = random_int (b, 0, 2);
    conv.pad_top = random_int (b, 0, 2);
    conv.pad_left = random_int (b, 0, 3);
    conv.pad_bottom = random_int (b, 0, 3);
    conv.pad_right = random_int (b, 0, 2);
    if (random_int (b, 0, 2) == 0)
        conv.kernel_h = conv.kernel_w = 1;
    int kind = random_int (b, 0, 3);
    if (kind == 0) { /* depthwise, one or two filters per channel */
        conv.groups = in.channels;
        conv.out_channels = in.channels * (in.channels < most / 2 ? random_int (b, 1, 2) : 1);
    } else if (kind == 1) {
        conv.groups = in.channels % 3 == 0 ? 3 : in.channels % 2 == 0 ? 2 : 1;
        conv.out_channels = conv.groups * random_int (b, 1, most / conv.groups + 1);
    }
    int tall = (conv.dilation_h ? conv.dilation_h : 1) * (conv.kernel_h - 1) + 1;
    int broad = (conv.dilation_w ? conv.dilation_w : 1) * (conv.kernel_w - 1) + 1;
    if (in.height + conv.pad_top + conv.pad_bottom >= tall && in.width + conv.pad_left + conv.pad_right >= broad)
        build_conv (b, x, conv);
}

static void random_pool (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    struct pool pool = { .kind = random_int (b, 0, 1) ? POOL_MAX : POOL_AVERAGE };
    pool.kernel_h = random_int (b, 1, 3);
    pool.kernel_w = random_int (b, 1, 3);
    pool.stride_h = random_int (b, 0, 3);
    pool.stride_w = random_int (b, 0, 2);
    pool.ceil_mode = random_int (b, 0, 1);
    pool.count_include_pad = random_int (b, 0, 1);
    pool.pad_top = random_int (b, 0, pool.kernel_h - 1);
    pool.pad_left = random_int (b, 0, pool.kernel_w - 1);
    pool.pad_bottom = random_int (b, 0, pool.kernel_h - 1);
    pool.pad_right = random_int (b, 0, pool.kernel_w - 1);
    if (in.height >= pool.kernel_h && in.width >= pool.kernel_w)
        keep (b, graph_pool (b->g, NULL, x, &pool));
    else
        keep (b, graph_global_pool (b->g, NULL, x, pool.kind));
}

/* x weighed channel by channel (squeeze and excite), or by one plane, or by its own gate. */
static void random_mul (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    int kind = random_int (b, 0, 3);
    struct activation gate = { .kind = random_int (b, 0, 1) ? ACTIVATION_SIGMOID : ACTIVATION_HARD_SIGMOID,
                               .alpha = 0.2f,
                               .beta = 0.5f };
    if (kind == 0 && in.height * in.width > 1) {
        int squeezed = graph_global_pool (b->g, NULL, x, POOL_AVERAGE);
        squeezed = build_linear (b, squeezed, in.channels);
        int weights = graph_activation (b->g, NULL, squeezed, gate);
        keep (b, random_int (b, 0, 1) ? graph_mul (b->g, NULL, x, weights) : graph_mul (b->g, NULL, weights, x));
        return;
    }
    if (kind == 1) {
        int plane = graph_pick (b->g, NULL, x,
                                &(struct pick) { .channel = (int[]) { random_int (b, 0, in.channels - 1) },
                                                 .channels = 1,
                                                 .height = in.height,
                                                 .width = in.width,
                                                 .step_h = 1,
                                                 .step_w = 1 });
        keep (b, random_int (b, 0, 1) ? graph_mul (b->g, NULL, plane, x) : graph_add (b->g, NULL, x, plane));
        return;
    }
    if (kind == 2) {
        gate.kind = ACTIVATION_SIGMOID;
        int other = b->instead ? -1 : graph_activation (b->g, NULL, x, gate);
        keep (b, b->instead ? graph_activation (b->g, NULL, x, *b->instead) : graph_mul (b->g, NULL, other, x));
        return;
    }
    int other = b->replaceable ? build_square (b, x, in.channels, 1, 1, 0) : twin_of (b, x);
    keep (b, graph_mul (b->g, NULL, x, other));
}

static void random_concat (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    int xs[4] = { x }, count = 1, channels = in.channels;
    for (int tries = 0; tries < 12 && count < 4; tries++) {
        int other = some_tensor (b);
        struct tensor_info shape = graph_tensor (b->g, other);
        if (shape.height != in.height || shape.width != in.width || channels + shape.channels > CHANNELS_MAX)
            continue;
        xs[count++] = other;
        channels += shape.channels;
    }
    keep (b, graph_concat (b->g, NULL, xs, count));
}

/* An average without padding, or with some that counts: random_pool seldom makes one that zeros before it can join. */
static void random_average (struct builder *b, int x)
{
    struct pool pool = { .kind = POOL_AVERAGE };
    pool.kernel_h = random_int (b, 1, 4);
    pool.kernel_w = random_int (b, 1, 4);
    pool.stride_h = random_int (b, 1, 2);
    pool.stride_w = random_int (b, 1, 2);
    pool.count_include_pad = random_int (b, 0, 1);
    if (pool.count_include_pad)
        pool.pad_top = pool.pad_right = random_int (b, 0, least (pool.kernel_h, pool.kernel_w) - 1);
    struct tensor_info in = graph_tensor (b->g, x);
    if (in.height >= pool.kernel_h && in.width >= pool.kernel_w)
        keep (b, graph_pool (b->g, NULL, x, &pool));
}

/* Zero padding (in front of a convolution or an average, sometimes), a crop, a subsample or a channel shuffle with
 * holes. */
static void random_pick (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    struct pick pick = { .channels = in.channels, .height = in.height, .width = in.width, .step_h = 1, .step_w = 1 };
    int kind = random_int (b, 0, 2), channel[CHANNELS_MAX];
    if (kind == 0) {
        pick.top = -random_int (b, 0, 2);
        pick.left = -random_int (b, 0, 2);
        pick.height += random_int (b, 0, 2) - pick.top;
        pick.width += random_int (b, 0, 2) - pick.left;
        pick.fill = random_int (b, 0, 2) ? 0 : -0.25f;
        x = keep (b, graph_pick (b->g, NULL, x, &pick));
        int behind = random_int (b, 0, 2);
        if (behind == 1)
            build_square (b, x, random_int (b, 1, 20), 1, 2, 1);
        else if (behind == 2)
            random_average (b, x);
        return;
    }
    if (kind == 1) {
        pick.step_h = random_int (b, 1, 3);
        pick.step_w = random_int (b, 1, 2);
        pick.top = random_int (b, -1, 1);
        pick.height = (in.height + pick.step_h - 1) / pick.step_h;
        pick.width = (in.width + pick.step_w - 1) / pick.step_w;
    } else if (in.channels <= CHANNELS_MAX) {
        pick.channels = random_int (b, 1, in.channels);
        pick.channel = channel;
        for (int c = 0; c < pick.channels; c++)
            channel[c] = random_int (b, 0, 9) ? random_int (b, 0, in.channels - 1) : -1;
        pick.fill = 0.5f;
    }
    keep (b, graph_pick (b->g, NULL, x, &pick));
}

static void random_reshape (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    int numbers = in.channels * in.height * in.width;
    if (random_int (b, 0, 2) == 0 && numbers <= 2000) {
        x = keep (b, graph_reshape (b->g, NULL, x, numbers, 1, 1));
        build_linear (b, x, random_int (b, 1, 50));
    } else {
        keep (b, graph_reshape (b->g, NULL, x, in.channels, in.width, in.height));
    }
}

/* A normalisation, with an epsilon that does not enlarge what rounding errors leave of small groups. */
static void random_norm (struct builder *b, int x)
{
    int channels = graph_tensor (b->g, x).channels;
    struct normalise how = { .epsilon = 0.1f, .uncentred = random_int (b, 0, 3) == 0 };
    if (random_int (b, 0, 1)) {
        keep (b, graph_layer_norm (b->g, NULL, x, &how));
        return;
    }
    how.groups = random_int (b, 0, 1) ? channels : channels % 2 ? 1 : 2;
    keep (b, graph_group_norm (b->g, NULL, x, &how));
}

/* Statistics of a tensor, which come back to it. */
static void random_reduction (struct builder *b, int x)
{
    enum reduction kind = (enum reduction)random_int (b, REDUCTION_MAX, REDUCTION_MEAN_SQUARE);
    int weights =
        random_int (b, 0, 1) ? graph_reduce (b->g, NULL, x, kind) : graph_reduce_channels (b->g, NULL, x, kind);
    keep (b, random_int (b, 0, 1) ? graph_max (b->g, NULL, x, weights) : graph_add (b->g, NULL, weights, x));
}

/* Another size: between the pixels, or out of channels. */
static void random_size (struct builder *b, int x)
{
    struct tensor_info in = graph_tensor (b->g, x);
    double row[40], column[40];
    struct resampling resize = {
        random_int (b, 1, 20), random_int (b, 1, 20), row, column, random_int (b, 0, 1), -0.75f, random_int (b, 0, 1)
    };
    if (in.channels % 4 == 0 && random_int (b, 0, 1)) {
        struct depth_to_space how = { 2, 2, random_int (b, 0, 1) };
        keep (b, graph_depth_to_space (b->g, NULL, x, &how));
        return;
    }
    for (int i = 0; i < 20; i++) {
        row[i] = (double)random_float (b, 0, (float)(in.height - 1));
        column[i] = random_int (b, 0, in.width - 1);
    }
    if (in.channels * resize.height * resize.width <= NUMBERS_MAX)
        keep (b, graph_resize (b->g, NULL, x, &resize));
}

/* e^x of a bounded number, or |x|. A clip that a function reads is not replaced. */
static void random_function (struct builder *b, int x)
{
    struct activation how = { ACTIVATION_LEAKY_RELU, -1, 0 };
    bool exponential = !random_int (b, 0, 1);
    if (b->replaceable) {
        x = build_square (b, x, graph_tensor (b->g, x).channels, 1, 1, 0);
    } else if (exponential) {
        x = graph_activation (b->g, NULL, x, (struct activation) { ACTIVATION_CLIP, -2, 1 });
        how.kind = ACTIVATION_EXP;
    }
    keep (b, graph_function (b->g, NULL, x, how));
}

static void random_operation (struct builder *b)
{
    int x = some_tensor (b);
    switch (random_int (b, 0, 19)) {
    default:
        random_conv (b, x);
        break;
    case 0:
    case 1:
        build_batch_norm (b, x);
        break;
    case 2:
        build_affine (b, x);
        break;
    case 3:
    case 4:
    case 5:
        build_activation (b, x, random_activation (b));
        break;
    case 6:
        random_pool (b, x);
        break;
    case 7:
    case 8:
        keep (b, graph_add (b->g, NULL, x, twin_of (b, x)));
        break;
    case 9:
        random_mul (b, x);
        break;
    case 10:
        random_concat (b, x);
        break;
    case 11:
        random_pick (b, x);
        break;
    case 16:
        random_norm (b, x);
        break;
    case 17:
        random_reduction (b, x);
        break;
    case 18:
        random_size (b, x);
        break;
    case 19:
        random_function (b, x);
        break;
    case 12:
        if (random_int (b, 0, 3) == 0)
            keep (b, graph_softmax (b->g, NULL, x));
        else if (random_int (b, 0, 3) == 0)
            keep (b, graph_log_softmax (b->g, NULL, x));
        else
            random_reshape (b, x);
        break;
    }
}

void build_random (struct builder *b, int operations)
{
    for (int i = 0; i < operations && b->count < BUILDER_TENSORS - 8; i++)
        random_operation (b);
    graph_output (b->g, b->tensors[b->count - 1]);
    for (int i = random_int (b, 0, 2); i > 0; i--)
        graph_output (b->g, b->tensors[random_int (b, 1, b->count - 1)]);
}

struct builder random_graph (uint64_t seed, int operations)
{
    struct builder b = builder_new (seed, 1, 1, 1);
    graph_unref (b.g);
    int channels = random_int (&b, 1, 20), height = random_int (&b, 1, 14), width = random_int (&b, 1, 14);
    b = builder_new (seed, channels, height, width);
    build_random (&b, operations);
    return b;
}
