/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_resnet.c: ResNets: He et al., Deep Residual Learning, 2015, and their relatives.
 *
 *   input 3 -> conv1 -> bn1 -> relu -> maxpool -> layer1 .. layer4 -> avgpool -> fc
 *              7x7, stride 2            3x3, stride 2                  mean       logits
 *              or three 3x3, the first of stride 2 (ResNet-D); or, CIFAR: 3x3, stride 1 and no maxpool
 *
 *   a basic block:  x -> conv1 3x3 -> bn1 -> relu1 -> conv2 3x3 -> bn2 -> se -> add -> relu2
 *   a bottleneck:   x -> conv1 1x1 -> bn1 -> relu1 -> conv2 3x3 -> bn2 -> relu2 -> conv3 1x1 -> bn3 -> se -> add
 *                     -> relu3
 *
 * The first block of every layer but the first halves the picture: in conv1 of a basic block, in conv2 of a bottleneck.
 * What is added is x, or where the shape changes its 1x1 projection, which in ResNet-D has a mean of 2x2 before it, or
 * in the CIFAR family every other pixel of x between channels of zeros. se: squeeze and excite, or ECA's convolution
 * along the channels. */
#include "models/network_parts.h"

#include "models/report.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ------------------------------------------------------------------------------------------------------ */

static bool is_hugging_face (const struct network *n)
{
    return network_has (n, "embedder.embedder.convolution.weight");
}

/* The `i`th convolution of a block, from 1, or its norm. */
static struct name conv_name (const struct network *n, const char *block, int i)
{
    return is_hugging_face (n) ? network_name ("%s.layer.%d.convolution", block, i - 1)
                               : network_name ("%s.conv%d", block, i);
}

static struct name norm_name (const struct network *n, const char *block, int i)
{
    return is_hugging_face (n) ? network_name ("%s.layer.%d.normalization", block, i - 1)
                               : network_name ("%s.bn%d", block, i);
}

/* ---- blocks ----------------------------------------------------------------------------------------------------- */

/* Every `stride`th pixel of x, with as many channels of zeros before as behind it. */
static int padded_shortcut (struct network *n, const char *block, int x, int channels, int stride)
{
    struct tensor_info in = graph_tensor (n->graph, x);
    int before = (channels - in.channels) / 2;
    int *from = malloc ((size_t)channels * sizeof *from);
    if (!from) {
        report (n->error, "%s: no memory for %d channels", report_path (n->file->path), channels);
        return -1;
    }
    for (int c = 0; c < channels; c++)
        from[c] = c >= before && c < before + in.channels ? c - before : -1;
    struct pick pick = { .channel = from,
                         .channels = channels,
                         .height = (in.height + stride - 1) / stride,
                         .width = (in.width + stride - 1) / stride,
                         .step_h = stride,
                         .step_w = stride };
    x = graph_pick (n->graph, NAME ("%s.shortcut", block), x, &pick);
    free (from);
    return x;
}

/* What a block adds to its own result of so many channels. */
static int shortcut (struct network *n, const char *block, int x, int channels, int stride)
{
    static const char *const names[][2] = { { "downsample.0", "downsample.1" },
                                            { "shortcut.0", "shortcut.1" },
                                            { "shortcut.convolution", "shortcut.normalization" },
                                            { "downsample.1", "downsample.2" } };
    const int averaged = 3;
    for (int i = 0; i < 4; i++) {
        if (network_size (n, NAME ("%s.%s", block, names[i][0]), 2) != 1)
            continue;
        struct pool half = { POOL_AVERAGE, 2, 2, 2, 2, .ceil_mode = true };
        if (i == averaged && stride > 1) {
            x = graph_pool (n->graph, NAME ("%s.downsample.0", block), x, &half);
            stride = 1;
        }
        return network_layer (n, x, NAME ("%s.%s", block, names[i][0]), NAME ("%s.%s", block, names[i][1]),
                              (struct window) { .kernel = 1, .stride = stride });
    }
    if (stride == 1 && channels == network_channels (n, x))
        return x;
    if (network_size (n, "conv1", 2) == 3 && channels >= network_channels (n, x))
        return padded_shortcut (n, block, x, channels, stride);
    return network_wrong (n, NAME ("%s.downsample.0.weight", block),
                          "is missing, and the block's %d channels become %d at stride %d", network_channels (n, x),
                          channels, stride);
}

/* Efficient channel attention (Wang et al., 2020): the means of the channels, a convolution along them. */
static int attend (struct network *n, const char *block, int x)
{
    int channels = network_channels (n, x), kernel = network_size (n, NAME ("%s.se.conv", block), 2);
    float *weights = network_take (n, NAME ("%s.se.conv", block), "weight", (struct wanted) { 3, { 1, 1, 0 } });
    struct conv conv = {
        .out_channels = 1, .kernel_h = 1, .kernel_w = kernel, .pad_left = kernel / 2, .pad_right = (kernel - 1) / 2
    };
    int y = graph_global_pool (n->graph, NAME ("%s.se.pool", block), x, POOL_AVERAGE);
    y = graph_reshape (n->graph, NAME ("%s.se.row", block), y, 1, 1, channels);
    y = weights ? graph_conv (n->graph, NAME ("%s.se.conv", block), y, &conv, weights, NULL) : -1;
    free (weights);
    y = graph_reshape (n->graph, NAME ("%s.se.column", block), y, channels, 1, 1);
    y = graph_activation (n->graph, NAME ("%s.se.gate", block), y, network_sigmoid);
    return graph_mul (n->graph, NAME ("%s.se.mul", block), x, y);
}

/* What the first block has, all have: a file that lacks it in one is no other network. */
static int gate (struct network *n, const char *block, int x)
{
    if (x >= 0 && network_has (n, "layer1.0.se.conv.weight"))
        return attend (n, block, x);
    if (network_has (n, "layer1.0.se.fc1.weight"))
        return network_excite (
            n, x, (struct excitation) { NAME ("%s.se", block), "fc1", "fc2", network_relu, network_sigmoid });
    return x;
}

static int residual_block (struct network *n, const char *block, int x, int stride)
{
    int count = network_has (n, NAME ("%s.weight", conv_name (n, block, 3).text)) ? 3 : 2, y = x;
    for (int i = 1; i <= count; i++) {
        struct window window = { .kernel = count == 3 && i != 2 ? 1 : 3,
                                 .stride = i == count - 1 ? stride : 1,
                                 .grouped = count == 3 && i == 2 };
        y = network_layer (n, y, conv_name (n, block, i).text, norm_name (n, block, i).text, window);
        if (i < count)
            y = network_activation (n, y, NAME ("%s.relu%d", block, i), network_relu);
    }
    y = gate (n, block, y);
    if (y < 0 || (x = shortcut (n, block, x, network_channels (n, y), stride)) < 0)
        return -1;
    y = graph_add (n->graph, NAME ("%s.add", block), y, x);
    return network_activation (n, y, NAME ("%s.relu%d", block, count), network_relu);
}

/* ---- the network ------------------------------------------------------------------------------------------------ */

static int stem (struct network *n)
{
    static const struct window wide = { .kernel = 7, .stride = 2 }, half = { .kernel = 3, .stride = 2 },
                               same = { .kernel = 3 };
    static const char hugging_face[] = "embedder.embedder.convolution";
    bool small = network_size (n, "conv1", 2) == 3, deep = network_has (n, "conv1.0.weight");
    const char *first = is_hugging_face (n) ? hugging_face : deep ? "conv1.0" : "conv1";
    int x = network_input_of (n, first, small ? 32 : 224);
    if (deep) {
        x = network_activation (n, network_layer (n, x, "conv1.0", "conv1.1", half), "conv1.2", network_relu);
        x = network_activation (n, network_layer (n, x, "conv1.3", "conv1.4", same), "conv1.5", network_relu);
        x = network_layer (n, x, "conv1.6", "bn1", same);
    } else if (is_hugging_face (n)) {
        x = network_layer (n, x, first, "embedder.embedder.normalization", wide);
    } else {
        x = network_layer (n, x, first, "bn1", small ? same : wide);
    }
    x = network_activation (n, x, "relu", network_relu);
    return small ? x : network_max_pool (n, x, "maxpool", (struct pool) { .kernel_h = 3, .stride_h = 2, .pad_top = 1 });
}

int network_resnet (struct network *n)
{
    int x = stem (n);
    for (int stage = 1, index = 1; index && x >= 0; stage++) {
        for (index = 0; x >= 0; index++) {
            struct name block = is_hugging_face (n) ? network_name ("encoder.stages.%d.layers.%d", stage - 1, index)
                                                    : network_name ("layer%d.%d", stage, index);
            if (!network_has (n, NAME ("%s.weight", conv_name (n, block.text, 1).text)))
                break;
            x = residual_block (n, block.text, x, stage > 1 && index == 0 ? 2 : 1);
        }
    }
    return network_classifier (n, network_pooled (n, x));
}
