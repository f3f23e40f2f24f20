/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan_networks.c: see plan_networks.h. */
#include "tests/plan_networks.h"

#include <stdarg.h>
#include <stdio.h>

static const struct activation relu = { .kind = ACTIVATION_RELU };
static const struct activation relu6 = { .kind = ACTIVATION_CLIP, .alpha = 0, .beta = 6 };
static const struct activation hard_swish = { .kind = ACTIVATION_HARD_SWISH };
static const struct activation none = { .kind = ACTIVATION_NONE };

/* As many as any array of these networks has; batch norm gives an epsilon to the variance. */
static float zeros[512 * 512 * 9];

/* Where the next nodes belong: names are "block.node". */
struct block {
    struct graph *g;
    char name[32];
};

__attribute__ ((format (printf, 2, 3))) static struct block block_of (struct graph *g, const char *format, ...)
{
    struct block block = { .g = g };
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (block.name, sizeof block.name, format, arguments);
    va_end (arguments);
    return block;
}

static const char *name_of (const struct block *b, const char *node, char name[64])
{
    snprintf (name, 64, "%s%s%s", b->name, b->name[0] ? "." : "", node);
    return name;
}

/* A convolution that keeps the size but for its stride. */
static int conv (const struct block *b, const char *node, int x, int channels, int kernel, int stride)
{
    char name[64];
    int pad = kernel / 2;
    struct conv shape = { .out_channels = channels, .kernel_h = kernel, .kernel_w = kernel };
    shape.stride_h = shape.stride_w = stride;
    shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = pad;
    return graph_conv (b->g, name_of (b, node, name), x, &shape, zeros, NULL);
}

/* Every channel by itself, 3 x 3. */
static int depthwise (const struct block *b, const char *node, int x, int stride)
{
    char name[64];
    int channels = graph_tensor (b->g, x).channels;
    struct conv shape = { .out_channels = channels, .kernel_h = 3, .kernel_w = 3, .groups = channels };
    shape.stride_h = shape.stride_w = stride;
    shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = 1;
    return graph_conv (b->g, name_of (b, node, name), x, &shape, zeros, NULL);
}

/* Batch norm, then the activation, if any; "norm" and "relu" behind the node's name. */
static int norm (const struct block *b, const char *node, int x, struct activation activation)
{
    char name[64], part[32];
    snprintf (part, sizeof part, "%s.norm", node);
    x = graph_batch_norm (b->g, name_of (b, part, name), x, zeros, zeros, zeros, zeros, 1e-5f);
    snprintf (part, sizeof part, "%s.%s", node, activation.kind == ACTIVATION_HARD_SWISH ? "swish" : "relu");
    return activation.kind == ACTIVATION_NONE ? x : graph_activation (b->g, name_of (b, part, name), x, activation);
}

static int max_pool (struct graph *g, const char *name, int x, int pad)
{
    struct pool pool = { .kind = POOL_MAX, .kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2 };
    pool.pad_top = pool.pad_left = pool.pad_bottom = pool.pad_right = pad;
    pool.ceil_mode = !pad;
    return graph_pool (g, name, x, &pool);
}

/* Means of the channels to the scores of 1000 classes. */
static struct graph *classified (struct graph *g, int x)
{
    x = graph_global_pool (g, "mean", x, POOL_AVERAGE);
    x = graph_linear (g, "classes", x, 1000, zeros, NULL);
    graph_output (g, graph_softmax (g, "scores", x));
    return g;
}

struct graph *residual_network (void)
{
    struct graph *g = graph_new (NULL);
    struct block b = block_of (g, "%s", "");
    int x = norm (&b, "stem", conv (&b, "stem", graph_input (g, "pixels", 3, 224, 224), 64, 7, 2), relu);
    x = max_pool (g, "pool", x, 1);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < 2; i++) {
            int width = 64 << stage, stride = stage && !i ? 2 : 1;
            b = block_of (g, "stage%d.%d", stage + 1, i);
            int shortcut = i ? x : norm (&b, "shortcut", conv (&b, "shortcut", x, 4 * width, 1, stride), none);
            x = norm (&b, "conv1", conv (&b, "conv1", x, width, 1, 1), relu);
            x = norm (&b, "conv2", conv (&b, "conv2", x, width, 3, stride), relu);
            x = norm (&b, "conv3", conv (&b, "conv3", x, 4 * width, 1, 1), none);
            char name[64];
            x = graph_add (g, name_of (&b, "sum", name), x, shortcut);
            x = graph_activation (g, name_of (&b, "relu", name), x, relu);
        }
    return classified (g, x);
}

/* Each channel times a weight that depends on the means of all. */
static int squeeze_and_excite (const struct block *b, int x)
{
    char name[64];
    int channels = graph_tensor (b->g, x).channels;
    int weights = graph_global_pool (b->g, name_of (b, "squeeze", name), x, POOL_AVERAGE);
    weights = conv (b, "reduce", weights, channels / 4, 1, 1);
    weights = graph_activation (b->g, name_of (b, "reduce.relu", name), weights, relu);
    weights = conv (b, "expand", weights, channels, 1, 1);
    struct activation gate = { .kind = ACTIVATION_HARD_SIGMOID, .alpha = 1.0f / 6, .beta = 0.5f };
    weights = graph_activation (b->g, name_of (b, "gate", name), weights, gate);
    return graph_mul (b->g, name_of (b, "excite", name), x, weights);
}

struct graph *mobile_network (void)
{
    static const struct {
        int factor, channels, stride;
        bool excite;
    } blocks[] = {
        { 1, 16, 1, false }, { 6, 24, 2, false }, { 6, 24, 1, false }, { 6, 32, 2, false },  { 6, 32, 1, false },
        { 6, 64, 2, false }, { 6, 64, 1, false }, { 6, 96, 1, true },  { 6, 160, 2, false }, { 6, 160, 1, false },
    };
    struct graph *g = graph_new (NULL);
    struct block b = block_of (g, "%s", "");
    int x = norm (&b, "stem", conv (&b, "stem", graph_input (g, "pixels", 3, 224, 224), 32, 3, 2), relu6);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        char name[64];
        struct activation activation = blocks[i].excite ? hard_swish : relu6;
        int in = graph_tensor (g, x).channels, from = x;
        b = block_of (g, "block%zu", i);
        if (blocks[i].factor > 1)
            x = norm (&b, "wide", conv (&b, "wide", x, blocks[i].factor * in, 1, 1), activation);
        x = norm (&b, "depthwise", depthwise (&b, "depthwise", x, blocks[i].stride), activation);
        if (blocks[i].excite)
            x = squeeze_and_excite (&b, x);
        x = norm (&b, "narrow", conv (&b, "narrow", x, blocks[i].channels, 1, 1), none);
        if (blocks[i].stride == 1 && in == blocks[i].channels)
            x = graph_add (g, name_of (&b, "sum", name), x, from);
    }
    b = block_of (g, "%s", "");
    return classified (g, norm (&b, "last", conv (&b, "last", x, 1280, 1, 1), relu6));
}

static int conv_relu (const struct block *b, const char *node, int x, int channels, int kernel)
{
    char name[64], part[32];
    x = conv (b, node, x, channels, kernel, 1);
    snprintf (part, sizeof part, "%s.relu", node);
    return graph_activation (b->g, name_of (b, part, name), x, relu);
}

struct graph *squeeze_network (void)
{
    static const int squeeze[8] = { 16, 16, 32, 32, 48, 48, 64, 64 };
    struct graph *g = graph_new (NULL);
    struct block b = block_of (g, "%s", "");
    int x = conv (&b, "stem", graph_input (g, "pixels", 3, 224, 224), 64, 3, 2);
    x = max_pool (g, "pool1", graph_activation (g, "stem.relu", x, relu), 0);
    for (int i = 0; i < 8; i++) {
        char name[64];
        b = block_of (g, "fire%d", i + 2);
        x = conv_relu (&b, "squeeze", x, squeeze[i], 1);
        int parts[2] = { conv_relu (&b, "expand1", x, 4 * squeeze[i], 1),
                         conv_relu (&b, "expand3", x, 4 * squeeze[i], 3) };
        x = graph_concat (g, name_of (&b, "concat", name), parts, 2);
        if (i == 1 || i == 3)
            x = max_pool (g, i == 1 ? "pool3" : "pool5", x, 0);
    }
    b = block_of (g, "%s", "");
    x = graph_global_pool (g, "mean", conv_relu (&b, "classes", x, 1000, 1), POOL_AVERAGE);
    graph_output (g, graph_softmax (g, "scores", x));
    return g;
}

struct graph *dense_network (void)
{
    struct graph *g = graph_new (NULL);
    struct block b = block_of (g, "%s", "");
    struct pool halve = { .kind = POOL_AVERAGE, .kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2 };
    int x = norm (&b, "stem", conv (&b, "stem", graph_input (g, "pixels", 3, 224, 224), 64, 7, 2), relu);
    x = max_pool (g, "pool", x, 1);
    for (int i = 0; i < 8; i++) {
        char name[64];
        b = block_of (g, "dense%d.%d", i / 4 + 1, i % 4);
        int y = conv (&b, "conv1", norm (&b, "in", x, relu), 128, 1, 1);
        y = conv (&b, "conv2", norm (&b, "conv1", y, relu), 32, 3, 1);
        x = graph_concat (g, name_of (&b, "concat", name), (int[]) { x, y }, 2);
        if (i == 3) {
            b = block_of (g, "transition");
            x = conv (&b, "conv", norm (&b, "in", x, relu), 96, 1, 1);
            x = graph_pool (g, "transition.pool", x, &halve);
        }
    }
    b = block_of (g, "%s", "");
    return classified (g, norm (&b, "last", x, relu));
}
