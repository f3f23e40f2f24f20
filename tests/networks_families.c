/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* networks_families.c: a small network of each family of safetensors files, in each way its tensors are called. Written
 * from the papers and from how torchvision, timm and Hugging Face call their modules; it shares nothing with the
 * readers. */
#include "tests/networks.h"

#include <stdio.h>
#include <string.h>

/* "BLOCK.PART", valid until the eighth call after. */
static const char *in (const char *block, const char *part)
{
    static char texts[8][160];
    static int next;
    char *text = texts[next++ % 8];
    snprintf (text, sizeof texts[0], "%s.%s", block, part);
    return text;
}

static int head (struct twin *t, int x, const char *name, int inputs)
{
    return t->no_head ? x : twin_linear (t, x, name, 3, inputs);
}

static int relu (struct twin *t, int x)
{
    return twin_act (t, x, RELU);
}

/* ---- ResNets ---------------------------------------------------------------------------------------------------- */

static int basic (struct twin *t, int x, const char *block, const char *first, const char *second)
{
    x = relu (t, twin_layer (t, x, in (block, "conv1"), in (block, "bn1"), first));
    return twin_layer (t, x, in (block, "conv2"), in (block, "bn2"), second);
}

/* ResNet-D with squeeze and excite. */
static int resnet_d (struct twin *t)
{
    int x = relu (t, twin_layer (t, 0, "conv1.0", "conv1.1", "4 3 3 2 1 1"));
    x = relu (t, twin_layer (t, x, "conv1.3", "conv1.4", "4 4 3 1 1 1"));
    x = relu (t, twin_layer (t, x, "conv1.6", "bn1", "4 4 3 1 1 1"));
    x = twin_max_pool (t, x, "kernel_shape=3,3 strides=2,2 pads=1,1,1,1");
    int y = basic (t, x, "layer1.0", "4 4 3 1 1 1", "4 4 3 1 1 1");
    y = twin_gate (t, y, "layer1.0.se.fc1", "layer1.0.se.fc2", 4, 2, false);
    x = relu (t, twin_add (t, x, y));
    y = basic (t, x, "layer2.0", "6 4 3 2 1 1", "6 6 3 1 1 1");
    y = twin_gate (t, y, "layer2.0.se.fc1", "layer2.0.se.fc2", 6, 2, false);
    x = twin_node (t, "AveragePool", "kernel_shape=2,2 strides=2,2 ceil_mode=1", "v%d", x);
    x = twin_layer (t, x, "layer2.0.downsample.1", "layer2.0.downsample.2", "6 4 1 1 0 1");
    return head (t, twin_mean (t, relu (t, twin_add (t, x, y))), "fc", 6);
}

static int bottleneck (struct twin *t, int x, const char *const names[6], const char *const what[3])
{
    for (int i = 0; i < 3; i++) {
        x = twin_layer (t, x, names[i], names[3 + i], what[i]);
        x = i < 2 ? relu (t, x) : x;
    }
    return x;
}

/* Efficient channel attention; `column` turns a row of means into channels again. */
static int attend (struct twin *t, int x, const char *block, const char *column)
{
    twin_tensor (t, in (block, "se.conv.weight"), "1,1,5", 5, 0);
    int gate = twin_node (t, "Reshape", NULL, "v%d row", twin_node (t, "GlobalAveragePool", NULL, "v%d", x));
    gate = twin_node (t, "Conv", "pads=2,2", "v%d %s", gate, in (block, "se.conv.weight"));
    gate = twin_node (t, "Reshape", NULL, "v%d %s", twin_node (t, "Sigmoid", NULL, "v%d", gate), column);
    return twin_node (t, "Mul", NULL, "v%d v%d", x, gate);
}

/* A bottleneck and a basic block. */
static int resnet_eca (struct twin *t)
{
    static const char *const names[] = { "layer1.0.conv1", "layer1.0.conv2", "layer1.0.conv3",
                                         "layer1.0.bn1",   "layer1.0.bn2",   "layer1.0.bn3" };
    onnx_ints (&t->o, "row", "1 1 8");
    onnx_ints (&t->o, "column", "1 8 1 1");
    int x = relu (t, twin_layer (t, 0, "conv1", "bn1", "4 3 7 2 3 1"));
    x = twin_max_pool (t, x, "kernel_shape=3,3 strides=2,2 pads=1,1,1,1");
    int y = bottleneck (t, x, names, (const char *const[]) { "4 4 1 1 0 1", "4 4 3 1 1 1", "8 4 1 1 0 1" });
    y = attend (t, y, "layer1.0", "column");
    x = twin_layer (t, x, "layer1.0.downsample.0", "layer1.0.downsample.1", "8 4 1 1 0 1");
    x = relu (t, twin_add (t, x, y));
    y = attend (t, basic (t, x, "layer1.1", "8 8 3 1 1 1", "8 8 3 1 1 1"), "layer1.1", "column");
    return head (t, twin_mean (t, relu (t, twin_add (t, x, y))), "last_linear", 8);
}

#define LAYER "encoder.stages.1.layers.0."
static int resnet_hugging_face (struct twin *t)
{
    static const char *const names[] = { LAYER "layer.0.convolution",   LAYER "layer.1.convolution",
                                         LAYER "layer.2.convolution",   LAYER "layer.0.normalization",
                                         LAYER "layer.1.normalization", LAYER "layer.2.normalization" };
    static const char first[] = "encoder.stages.0.layers.0.layer.0", second[] = "encoder.stages.0.layers.0.layer.1";
    int x =
        relu (t, twin_layer (t, 0, "embedder.embedder.convolution", "embedder.embedder.normalization", "4 3 7 2 3 1"));
    x = twin_max_pool (t, x, "kernel_shape=3,3 strides=2,2 pads=1,1,1,1");
    int y = relu (t, twin_layer (t, x, in (first, "convolution"), in (first, "normalization"), "4 4 3 1 1 1"));
    y = twin_layer (t, y, in (second, "convolution"), in (second, "normalization"), "4 4 3 1 1 1");
    x = relu (t, twin_add (t, x, y));
    y = bottleneck (t, x, names, (const char *const[]) { "4 4 1 1 0 1", "4 4 3 2 1 1", "8 4 1 1 0 1" });
    x = twin_layer (t, x, LAYER "shortcut.convolution", LAYER "shortcut.normalization", "8 4 1 2 0 1");
    return head (t, twin_mean (t, relu (t, twin_add (t, x, y))), "classifier.1", 8);
}

/* ---- inverted residuals ------------------------------------------------------------------------------------------ */

/* Channels of the paper's seven stages, and which begin with a stride of 2. */
static const int stage_channels[] = { 3, 5, 4, 5, 3, 4, 5 }, stage_strides[] = { 1, 2, 2, 2, 1, 2, 1 };

/* An expanding block of MobileNetV2; names: of its convolutions and norms. */
static int relu6_block (struct twin *t, int x, const char *block, const char *const names[6], const int sizes[4])
{
    int in_channels = sizes[0], out = sizes[1], stride = sizes[2], kernel = sizes[3], y;
    char what[64];
    snprintf (what, sizeof what, "6 %d 1 1 0 1", in_channels);
    y = twin_act (t, twin_layer (t, x, in (block, names[0]), in (block, names[1]), what), RELU6);
    snprintf (what, sizeof what, "6 1 %d %d %d 6", kernel, stride, kernel / 2);
    y = twin_act (t, twin_layer (t, y, in (block, names[2]), in (block, names[3]), what), RELU6);
    snprintf (what, sizeof what, "%d 6 1 1 0 1", out);
    y = twin_layer (t, y, in (block, names[4]), in (block, names[5]), what);
    return stride == 1 && in_channels == out ? twin_add (t, x, y) : y;
}

/* Look-alikes: 1: a block less, 2: one more, 3: another stage is the longest, 4: a kernel of 5. */
static int mobilenet_v2 (struct twin *t)
{
    static const char *const names[] = { "0.0", "0.1", "1.0", "1.1", "2", "3" };
    int sizes[] = { 1, 2, 3, 4, 3, 3, 1 }, number = 2, channels = stage_channels[0];
    sizes[5] += t->odd == 2 ? 1 : t->odd == 1 ? -1 : 0;
    sizes[1] += t->odd == 3;
    sizes[3] -= t->odd == 3;
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), RELU6);
    x = twin_act (t, twin_layer (t, x, "features.1.conv.0.0", "features.1.conv.0.1", "4 1 3 1 1 4"), RELU6);
    x = twin_layer (t, x, "features.1.conv.1", "features.1.conv.2", "3 4 1 1 0 1");
    char block[32], norm[32];
    for (int stage = 1; stage < 7; stage++) {
        for (int i = 0; i < sizes[stage]; i++, number++) {
            int block_sizes[] = { channels, stage_channels[stage], i ? 1 : stage_strides[stage],
                                  t->odd == 4 && number == 9 ? 5 : 3 };
            snprintf (block, sizeof block, "features.%d.conv", number);
            x = relu6_block (t, x, block, names, block_sizes);
            channels = stage_channels[stage];
        }
    }
    snprintf (block, sizeof block, "features.%d.0", number);
    snprintf (norm, sizeof norm, "features.%d.1", number);
    x = twin_act (t, twin_layer (t, x, block, norm, "8 5 1 1 0 1"), RELU6);
    return head (t, twin_mean (t, x), "classifier.1", 8);
}

/* Look-alike 1: a stage less. */
static int mobilenet_v2_timm (struct twin *t)
{
    static const char *const names[] = { "conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3" };
    int channels = stage_channels[0], stages = t->odd ? 6 : 7;
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), RELU6);
    x = twin_act (t, twin_layer (t, x, "blocks.0.0.conv_dw", "blocks.0.0.bn1", "4 1 3 1 1 4"), RELU6);
    x = twin_layer (t, x, "blocks.0.0.conv_pw", "blocks.0.0.bn2", "3 4 1 1 0 1");
    for (int stage = 1; stage < stages; stage++) {
        for (int i = 0; i < (stage == 1 ? 2 : 1); i++) {
            int sizes[] = { channels, stage_channels[stage], i ? 1 : stage_strides[stage], 3 };
            char block[32];
            snprintf (block, sizeof block, "blocks.%d.%d", stage, i);
            x = relu6_block (t, x, block, names, sizes);
            channels = stage_channels[stage];
        }
    }
    x = twin_act (t, twin_layer (t, x, "conv_head", "bn2", t->odd ? "8 4 1 1 0 1" : "8 5 1 1 0 1"), RELU6);
    return head (t, twin_mean (t, x), "classifier", 8);
}

/* Blocks of MobileNetV3 small: kernel, stride, squeeze and excite, hard swish. */
static const struct {
    int kernel, stride;
    bool gated, swish;
} small[] = { { 3, 2, true, false }, { 3, 2, false, false }, { 3, 1, false, false }, { 5, 2, true, true },
              { 5, 1, true, true },  { 5, 1, true, true },   { 5, 1, true, true },   { 5, 1, true, true },
              { 5, 2, true, true },  { 5, 1, true, true },   { 5, 1, true, true } };

/* What depends on how the block is called: names of its parts. */
struct parts {
    const char *expand, *expand_norm, *depthwise, *depthwise_norm, *reduce, *widen, *project, *project_norm;
};

/* Block i, 4 channels in and out, 6 between; names behind that of the block. Look-alike 1: a kernel of 3 in block 6. */
static int small_block (struct twin *t, int x, const char *block, int i, const struct parts *p)
{
    enum kind kind = small[i].swish ? SWISH : RELU;
    int y = x, wide = p->expand ? 6 : 4;
    char what[64];
    if (p->expand)
        y = twin_act (t, twin_layer (t, y, in (block, p->expand), in (block, p->expand_norm), "6 4 1 1 0 1"), kind);
    int kernel = t->odd == 1 && i == 5 ? 3 : small[i].kernel;
    snprintf (what, sizeof what, "%d 1 %d %d %d %d", wide, kernel, small[i].stride, kernel / 2, wide);
    y = twin_act (t, twin_layer (t, y, in (block, p->depthwise), in (block, p->depthwise_norm), what), kind);
    if (small[i].gated)
        y = twin_gate (t, y, in (block, p->reduce), in (block, p->widen), wide, 2, false);
    snprintf (what, sizeof what, "4 %d 1 1 0 1", wide);
    y = twin_layer (t, y, in (block, p->project), in (block, p->project_norm), what);
    return small[i].stride == 1 ? twin_add (t, x, y) : y;
}

static int mobilenet_v3 (struct twin *t)
{
    static const struct parts all[] = {
        { NULL, NULL, "block.0.0", "block.0.1", "block.1.fc1", "block.1.fc2", "block.2.0", "block.2.1" },
        { "block.0.0", "block.0.1", "block.1.0", "block.1.1", NULL, NULL, "block.2.0", "block.2.1" },
        { "block.0.0", "block.0.1", "block.1.0", "block.1.1", "block.2.fc1", "block.2.fc2", "block.3.0", "block.3.1" },
    };
    t->hard = true;
    t->epsilon = 0.001f;
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), SWISH);
    for (int i = 0; i < 11; i++) {
        char block[32];
        snprintf (block, sizeof block, "features.%d", i + 1);
        x = small_block (t, x, block, i, &all[i == 0 ? 0 : small[i].gated ? 2 : 1]);
    }
    x = twin_act (t, twin_layer (t, x, "features.12.0", "features.12.1", "6 4 1 1 0 1"), SWISH);
    x = twin_act (t, twin_linear (t, twin_mean (t, x), "classifier.0", 8, 6), SWISH);
    return head (t, x, "classifier.3", 8);
}

static int mobilenet_v3_timm (struct twin *t)
{
    static const struct parts first = { NULL,      NULL, "conv_dw", "bn1", "se.conv_reduce", "se.conv_expand",
                                        "conv_pw", "bn2" };
    static const struct parts other = { "conv_pw",        "bn1",      "conv_dw", "bn2", "se.conv_reduce",
                                        "se.conv_expand", "conv_pwl", "bn3" };
    static const int stages[] = { 1, 2, 3, 2, 3 };
    t->hard = true;
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), SWISH), number = 0;
    for (int stage = 0; stage < 5; stage++) {
        for (int i = 0; i < stages[stage]; i++) {
            char block[32];
            snprintf (block, sizeof block, "blocks.%d.%d", stage, i);
            x = small_block (t, x, block, number, number ? &other : &first);
            number++;
        }
    }
    x = twin_act (t, twin_layer (t, x, "blocks.5.0.conv", "blocks.5.0.bn1", "6 4 1 1 0 1"), SWISH);
    x = twin_conv (t, twin_node (t, "GlobalAveragePool", NULL, "v%d", x), "conv_head", "8 6 1 1 0 1 b");
    return head (t, twin_node (t, "Flatten", NULL, "v%d", twin_act (t, x, SWISH)), "classifier", 8);
}

/* An expanding block with squeeze and excite: 4 channels to 4, kernel and stride in `depthwise`. */
static int silu_block (struct twin *t, int x, const char *block, const struct parts *p, const char *depthwise)
{
    int y = twin_act (t, twin_layer (t, x, in (block, p->expand), in (block, p->expand_norm), "6 4 1 1 0 1"), SILU);
    y = twin_act (t, twin_layer (t, y, in (block, p->depthwise), in (block, p->depthwise_norm), depthwise), SILU);
    y = twin_gate (t, y, in (block, p->reduce), in (block, p->widen), 6, 2, true);
    y = twin_layer (t, y, in (block, p->project), in (block, p->project_norm), "4 6 1 1 0 1");
    return !strncmp (depthwise + 6, "2", 1) ? y : twin_add (t, x, y);
}

static const struct parts torchvision_parts = { "block.0.0",   "block.0.1",   "block.1.0", "block.1.1",
                                                "block.2.fc1", "block.2.fc2", "block.3.0", "block.3.1" };
static const struct parts timm_parts = { "conv_pw",        "bn1",      "conv_dw", "bn2", "se.conv_reduce",
                                         "se.conv_expand", "conv_pwl", "bn3" };

/* Depthwise convolutions of the seven stages, and of the three to six that EfficientNetV2 does not fuse. */
static const char *const first_stages[] = { NULL,          "6 1 3 2 1 6", "6 1 5 2 2 6", "6 1 3 2 1 6",
                                            "6 1 5 1 2 6", "6 1 5 2 2 6", "6 1 3 1 1 6" },
                         *const second_stages[] = { "6 1 3 2 1 6", "6 1 3 1 1 6", "6 1 3 2 1 6" };

/* Behind the first block. format: of a block's name by its stage. Look-alikes: 1: the last two stages are not there,
 * 2: a kernel of 5 in stage 2. */
static int efficientnet_stages (struct twin *t, int x, const char *format, const struct parts *parts)
{
    for (int stage = 1; stage < (t->odd == 1 ? 5 : 7); stage++) {
        char block[32];
        bool odd = stage == 1 && t->odd == 2;
        snprintf (block, sizeof block, format, stage + (parts == &torchvision_parts));
        x = silu_block (t, x, block, parts, odd ? "6 1 5 2 2 6" : first_stages[stage]);
        if (stage == 1) {
            block[strlen (block) - 1] = '1';
            x = silu_block (t, x, block, parts, "6 1 3 1 1 6");
        }
    }
    return x;
}

/* B4 has 1792 channels in the end, B5 2048 and another epsilon: Wightman's and the authors' weights, as torchvision has
 * them. */
static int efficientnet_of (struct twin *t, int width)
{
    char what[32], last[2][32];
    for (int i = 0; i < 2; i++)
        snprintf (last[i], sizeof last[i], "features.%d.%d", t->odd == 1 ? 6 : 8, i);
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), SILU);
    int y = twin_act (t, twin_layer (t, x, "features.1.0.block.0.0", "features.1.0.block.0.1", "4 1 3 1 1 4"), SILU);
    y = twin_gate (t, y, "features.1.0.block.1.fc1", "features.1.0.block.1.fc2", 4, 1, true);
    y = twin_layer (t, y, "features.1.0.block.2.0", "features.1.0.block.2.1", "4 4 1 1 0 1");
    x = efficientnet_stages (t, twin_add (t, x, y), "features.%d.0", &torchvision_parts);
    snprintf (what, sizeof what, "%d 4 1 1 0 1", width);
    x = twin_act (t, twin_layer (t, x, last[0], last[1], what), SILU);
    return head (t, twin_mean (t, x), "classifier.1", width);
}

static int efficientnet (struct twin *t)
{
    return efficientnet_of (t, 8);
}

static int efficientnet_b4 (struct twin *t)
{
    return efficientnet_of (t, 1792);
}

static int efficientnet_b5 (struct twin *t)
{
    t->epsilon = 0.001f;
    return efficientnet_of (t, 2048);
}

/* Look-alike 1: the last of six stages is not there. */
static int efficientnet_v2_stages (struct twin *t, int x, const char *format, const struct parts *parts)
{
    for (int stage = 3; stage < (t->odd == 1 ? 5 : 6); stage++) {
        char block[32];
        snprintf (block, sizeof block, format, stage + (parts == &torchvision_parts));
        x = silu_block (t, x, block, parts, second_stages[stage - 3]);
    }
    return x;
}

static int efficientnet_v2 (struct twin *t)
{
    t->epsilon = 0.001f;
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), SILU);
    int y = twin_layer (t, x, "features.1.0.block.0.0", "features.1.0.block.0.1", "4 4 3 1 1 1");
    x = twin_add (t, x, twin_act (t, y, SILU));
    x = twin_act (t, twin_layer (t, x, "features.2.0.block.0.0", "features.2.0.block.0.1", "6 4 3 2 1 1"), SILU);
    x = twin_layer (t, x, "features.2.0.block.1.0", "features.2.0.block.1.1", "4 6 1 1 0 1");
    x = twin_act (t, twin_layer (t, x, "features.3.0.block.0.0", "features.3.0.block.0.1", "6 4 3 2 1 1"), SILU);
    x = twin_layer (t, x, "features.3.0.block.1.0", "features.3.0.block.1.1", "4 6 1 1 0 1");
    x = efficientnet_v2_stages (t, x, "features.%d.0", &torchvision_parts);
    x = twin_act (t, twin_layer (t, x, "features.7.0", "features.7.1", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier.1", 8);
}

static int efficientnet_timm (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), SILU);
    int y = twin_act (t, twin_layer (t, x, "blocks.0.0.conv_dw", "blocks.0.0.bn1", "4 1 3 1 1 4"), SILU);
    y = twin_gate (t, y, "blocks.0.0.se.conv_reduce", "blocks.0.0.se.conv_expand", 4, 1, true);
    y = twin_layer (t, y, "blocks.0.0.conv_pw", "blocks.0.0.bn2", "4 4 1 1 0 1");
    x = efficientnet_stages (t, twin_add (t, x, y), "blocks.%d.0", &timm_parts);
    x = twin_act (t, twin_layer (t, x, "conv_head", "bn2", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier", 8);
}

static int efficientnet_v2_timm (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), SILU);
    int y = twin_layer (t, x, "blocks.0.0.conv", "blocks.0.0.bn1", "4 4 3 1 1 1");
    x = twin_add (t, x, twin_act (t, y, SILU));
    for (int stage = 1; stage < 3; stage++) {
        char block[32];
        snprintf (block, sizeof block, "blocks.%d.0", stage);
        x = twin_act (t, twin_layer (t, x, in (block, "conv_exp"), in (block, "bn1"), "6 4 3 2 1 1"), SILU);
        x = twin_layer (t, x, in (block, "conv_pwl"), in (block, "bn2"), "4 6 1 1 0 1");
    }
    x = efficientnet_v2_stages (t, x, "blocks.%d.0", &timm_parts);
    x = twin_act (t, twin_layer (t, x, "conv_head", "bn2", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier", 8);
}

/* ---- plain and dense -------------------------------------------------------------------------------------------- */

static int half (struct twin *t, int x)
{
    return twin_max_pool (t, x, "kernel_shape=2,2 strides=2,2");
}

/* Stages of so many convolutions, as long as there are some, to 4 channels, each with a maxpool behind it. */
static int plain_stages (struct twin *t, const char *counts, bool normed)
{
    int x = 0, number = 0;
    for (const char *at = counts; *at; at++, number++) {
        for (int i = 0; i < *at - '0'; i++, number += normed ? 3 : 2) {
            const char *what = x ? "4 4 3 1 1 1 b" : "4 3 3 1 1 1 b";
            char conv[32], norm[32];
            snprintf (conv, sizeof conv, "features.%d", number);
            snprintf (norm, sizeof norm, "features.%d", number + 1);
            x = relu (t, normed ? twin_layer (t, x, conv, norm, what) : twin_conv (t, x, conv, what));
        }
        x = half (t, x);
    }
    return x;
}

/* 64 x 64 -> 2 x 2. */
static int vgg_bn (struct twin *t)
{
    int x = plain_stages (t, "11222", true);
    x = twin_linear (t, twin_node (t, "Flatten", NULL, "v%d", x), "classifier.0", 8, 16);
    x = twin_linear (t, relu (t, x), "classifier.3", 7, 8);
    return head (t, relu (t, x), "classifier.6", 7);
}

static int vgg_timm (struct twin *t)
{
    int x = plain_stages (t, "22222", false);
    x = relu (t, twin_conv (t, x, "pre_logits.fc1", "8 4 2 1 0 1 b"));
    x = relu (t, twin_conv (t, x, "pre_logits.fc2", "7 8 1 1 0 1 b"));
    return head (t, twin_mean (t, x), "head.fc", 7);
}

/* Look-alikes: two convolutions and a matrix, four stages, six, and a convolution less. */
static int vgg_cifar (struct twin *t)
{
    static const char *const layouts[] = { "22333", "2", "2233", "223331", "22332" };
    return head (t, twin_mean (t, plain_stages (t, layouts[t->odd], true)), "classifier", 4);
}

static int vgg_plain (struct twin *t)
{
    static const char *const layouts[] = { "22444", "2" };
    return head (t, twin_mean (t, plain_stages (t, layouts[t->odd], false)), "classifier", 4);
}

static int fire (struct twin *t, int x, const char *module, const char *squeeze)
{
    x = relu (t, twin_conv (t, x, in (module, "squeeze"), squeeze));
    int a = relu (t, twin_conv (t, x, in (module, "expand1x1"), "4 2 1 1 0 1 b"));
    int b = relu (t, twin_conv (t, x, in (module, "expand3x3"), "4 2 3 1 1 1 b"));
    return twin_node (t, "Concat", "axis=1", "v%d v%d", a, b);
}

/* Fire modules and maxpools from features.2 on. */
static int squeezenet_of (struct twin *t, const char *first, const char *modules)
{
    int x = relu (t, twin_conv (t, 0, "features.0", first)), channels = 4;
    for (int i = 0; modules[i]; i++) {
        char module[32], squeeze[32];
        snprintf (module, sizeof module, "features.%d", i + 2);
        snprintf (squeeze, sizeof squeeze, "2 %d 1 1 0 1 b", channels);
        x = modules[i] == 'f' ? fire (t, x, module, squeeze)
                              : twin_max_pool (t, x, "kernel_shape=3,3 strides=2,2 ceil_mode=1");
        channels = modules[i] == 'f' ? 8 : channels;
    }
    x = relu (t, twin_conv (t, x, "classifier.1", "3 8 1 1 0 1 b"));
    return twin_node (t, "GlobalAveragePool", NULL, "v%d", x);
}

static int squeezenet (struct twin *t)
{
    return squeezenet_of (t, "4 3 7 2 0 1 b", "pfffpffffpf");
}

/* Look-alikes: a maxpool elsewhere, the other kernel, a module less. */
static int squeezenet_1_1 (struct twin *t)
{
    static const char *const modules[] = { "pffpffpffff", "pfpfffpffff", "pffpffpffff", "pffpffpfff" };
    return squeezenet_of (t, t->odd == 2 ? "4 3 7 2 0 1 b" : "4 3 3 2 0 1 b", modules[t->odd]);
}

static int dense_layer (struct twin *t, int x, const char *module, int channels, const char *first)
{
    int y = relu (t, twin_norm (t, x, in (module, "norm1"), channels));
    y = relu (t, twin_norm (t, twin_conv (t, y, in (module, "conv1"), first), in (module, "norm2"), 4));
    return twin_node (t, "Concat", "axis=1", "v%d v%d", x, twin_conv (t, y, in (module, "conv2"), "2 4 3 1 1 1"));
}

static int densenet (struct twin *t)
{
    int x = relu (t, twin_layer (t, 0, "features.conv0", "features.norm0", "4 3 7 2 3 1"));
    x = twin_max_pool (t, x, "kernel_shape=3,3 strides=2,2 pads=1,1,1,1");
    x = dense_layer (t, x, "features.denseblock1.denselayer1", 4, "4 4 1 1 0 1");
    x = dense_layer (t, x, "features.denseblock1.denselayer2", 6, "4 6 1 1 0 1");
    x = relu (t, twin_norm (t, x, "features.transition1.norm", 8));
    x = twin_conv (t, x, "features.transition1.conv", "4 8 1 1 0 1");
    x = twin_node (t, "AveragePool", "kernel_shape=2,2 strides=2,2", "v%d", x);
    x = dense_layer (t, x, "features.denseblock2.denselayer1", 4, "4 4 1 1 0 1");
    return head (t, twin_mean (t, relu (t, twin_norm (t, x, "features.norm5", 6))), "classifier", 6);
}

/* ---- ConvNeXt, RegNet -------------------------------------------------------------------------------------------- */

/* Parts of a block: depthwise, norm, first, second, scale; V2's response norm, its weight and bias, and their shape. */
static int next_block (struct twin *t, int x, const char *block, const char *const p[9])
{
    const char *matrix = p[5] && !strcmp (p[5], "mlp.grn") ? "b" : "m";
    char what[64], response[64];
    int y = twin_conv (t, x, in (block, p[0]), "4 1 7 1 3 4 b");
    y = twin_layer_norm (t, y, in (block, p[1]), 4, false);
    snprintf (what, sizeof what, "8 4 1 1 0 1 %s", matrix);
    y = twin_node (t, "Gelu", NULL, "v%d", twin_conv (t, y, in (block, p[2]), what));
    if (p[5]) {
        snprintf (response, sizeof response, "%s.%s", block, p[5]);
        onnx_ints (&t->o, in (block, "space"), "2 3");
        onnx_ints (&t->o, in (block, "channels"), "1");
        onnx_number (&t->o, in (block, "small"), 0.000001f);
        int length = twin_node (t, "ReduceL2", NULL, "v%d %s", y, in (block, "space"));
        int all = twin_node (t, "ReduceMean", NULL, "v%d %s", length, in (block, "channels"));
        int share = twin_node (t, "Div", NULL, "v%d v%d", length,
                               twin_node (t, "Add", NULL, "v%d %s", all, in (block, "small")));
        twin_tensor (t, in (response, p[6]), p[8], 9, 0);
        twin_tensor (t, in (response, p[7]), p[8], 9, 0);
        onnx_ints (&t->o, in (block, "shape"), "1 8 1 1");
        int weight = twin_node (t, "Reshape", NULL, "%s %s", in (response, p[6]), in (block, "shape"));
        int bias = twin_node (t, "Reshape", NULL, "%s %s", in (response, p[7]), in (block, "shape"));
        share = twin_node (t, "Mul", NULL, "v%d v%d", twin_node (t, "Mul", NULL, "v%d v%d", y, share), weight);
        y = twin_add (t, y, twin_add (t, share, bias));
    }
    snprintf (what, sizeof what, "4 8 1 1 0 1 %s", matrix);
    y = twin_conv (t, y, in (block, p[3]), what);
    if (p[4]) {
        twin_tensor (t, in (block, p[4]), strcmp (p[4], "layer_scale") ? "4" : "4,1,1", 9, 0.5f);
        onnx_ints (&t->o, in (block, "shape"), "4 1 1");
        int scale = twin_node (t, "Reshape", NULL, "%s %s", in (block, p[4]), in (block, "shape"));
        y = twin_node (t, "Mul", NULL, "v%d v%d", y, scale);
    }
    return twin_add (t, x, y);
}

static const char *const torchvision_next[9] = { "block.0", "block.2", "block.3", "block.5", "layer_scale" };
static const char *const timm_next[9] = { "conv_dw", "norm", "mlp.fc1", "mlp.fc2", "gamma" };
static const char *const timm_next_2[9] = { "conv_dw", "norm",   "mlp.fc1", "mlp.fc2", NULL,
                                            "mlp.grn", "weight", "bias",    "8" };
static const char *const original_next[9] = { "dwconv", "norm", "pwconv1", "pwconv2", "gamma" };
static const char *const original_next_2[9] = { "dwconv", "norm",  "pwconv1", "pwconv2", NULL,
                                                "grn",    "gamma", "beta",    "1,1,1,8" };
static const char *const hugging_face_next[9] = { "dwconv", "layernorm", "pwconv1", "pwconv2",
                                                  "layer_scale_parameter" };
static const char *const hugging_face_next_2[9] = { "dwconv", "layernorm", "pwconv1", "pwconv2", NULL,
                                                    "grn",    "weight",    "bias",    "1,1,1,8" };

/* Two stages of a block each. Names: the stem and its norm, a block, what is between, a block, the last norm, the
 * classifier. */
static int convnext_of (struct twin *t, const char *const names[7], const char *const parts[9])
{
    int x = twin_layer_norm (t, twin_conv (t, 0, names[0], "4 3 4 4 0 1 b"), names[1], 4, false);
    x = next_block (t, x, names[2], parts);
    x = twin_layer_norm (t, x, in (names[3], "0"), 4, false);
    x = twin_conv (t, x, in (names[3], "1"), "4 4 2 2 0 1 b");
    x = next_block (t, x, names[4], parts);
    return head (t, twin_layer_norm (t, twin_mean (t, x), names[5], 4, true), names[6], 4);
}

static int convnext (struct twin *t)
{
    static const char *const names[] = { "features.0.0", "features.0.1", "features.1.0", "features.2",
                                         "features.3.0", "classifier.0", "classifier.2" };
    return convnext_of (t, names, torchvision_next);
}

static const char *const timm_names[] = {
    "stem.0", "stem.1", "stages.0.blocks.0", "stages.1.downsample", "stages.1.blocks.0", "head.norm", "head.fc"
};

static int convnext_timm (struct twin *t)
{
    return convnext_of (t, timm_names, timm_next);
}

static int convnext_v2 (struct twin *t)
{
    return convnext_of (t, timm_names, timm_next_2);
}

static const char *const original_names[] = {
    "downsample_layers.0.0", "downsample_layers.0.1", "stages.0.0", "downsample_layers.1", "stages.1.0", "norm", "head"
};

static int convnext_original (struct twin *t)
{
    return convnext_of (t, original_names, original_next);
}

static int convnext_v2_original (struct twin *t)
{
    return convnext_of (t, original_names, original_next_2);
}

static const char *const hugging_face_names[] = { "embeddings.patch_embeddings",
                                                  "embeddings.layernorm",
                                                  "encoder.stages.0.layers.0",
                                                  "encoder.stages.1.downsampling_layer",
                                                  "encoder.stages.1.layers.0",
                                                  "layernorm",
                                                  "classifier" };

static int convnext_hugging_face (struct twin *t)
{
    return convnext_of (t, hugging_face_names, hugging_face_next);
}

static int convnext_v2_hugging_face (struct twin *t)
{
    return convnext_of (t, hugging_face_names, hugging_face_next_2);
}

/* Names: three convolutions, their norms, reduce, widen, projection, its norm. */
static int regnet_block (struct twin *t, int x, const char *block, const char *const p[10], const char *const what[4])
{
    int y = relu (t, twin_layer (t, x, in (block, p[0]), in (block, p[3]), what[0]));
    y = relu (t, twin_layer (t, y, in (block, p[1]), in (block, p[4]), what[1]));
    if (p[6])
        y = twin_gate (t, y, in (block, p[6]), in (block, p[7]), 4, 2, false);
    y = twin_layer (t, y, in (block, p[2]), in (block, p[5]), what[2]);
    if (what[3])
        x = twin_layer (t, x, in (block, p[8]), in (block, p[9]), what[3]);
    return relu (t, twin_add (t, x, y));
}

static const char *const halving[] = { "4 4 1 1 0 1", "4 2 3 2 1 2", "4 4 1 1 0 1", "4 4 1 2 0 1" };
static const char *const keeping[] = { "4 4 1 1 0 1", "4 2 3 1 1 2", "4 4 1 1 0 1", NULL };

static int regnet (struct twin *t)
{
    static const char *const parts[] = { "f.a.0", "f.b.0", "f.c.0", "f.a.1",  "f.b.1",
                                         "f.c.1", NULL,    NULL,    "proj.0", "proj.1" };
    int x = relu (t, twin_layer (t, 0, "stem.0", "stem.1", "4 3 3 2 1 1"));
    x = regnet_block (t, x, "trunk_output.block1.block1-0", parts, halving);
    x = regnet_block (t, x, "trunk_output.block1.block1-1", parts, keeping);
    x = regnet_block (t, x, "trunk_output.block2.block2-0", parts, halving);
    return head (t, twin_mean (t, x), "fc", 4);
}

static int regnet_timm (struct twin *t)
{
    static const char *const parts[] = { "conv1.conv", "conv2.conv", "conv3.conv", "conv1.bn",        "conv2.bn",
                                         "conv3.bn",   "se.fc1",     "se.fc2",     "downsample.conv", "downsample.bn" };
    int x = relu (t, twin_layer (t, 0, "stem.conv", "stem.bn", "4 3 3 2 1 1"));
    x = regnet_block (t, x, "s1.b1", parts, halving);
    x = regnet_block (t, x, "s1.b2", parts, keeping);
    x = regnet_block (t, x, "s2.b1", parts, halving);
    return head (t, twin_mean (t, x), "head.fc", 4);
}

const struct family_case networks_families[] = {
    { "ResNet-D with squeeze and excite", 32, resnet_d, false },
    { "ResNet with channel attention", 32, resnet_eca, false },
    { "ResNet, Hugging Face", 32, resnet_hugging_face, false },
    { "MobileNetV2", 32, mobilenet_v2, false },
    { "MobileNetV2, timm", 32, mobilenet_v2_timm, false },
    { "MobileNetV3", 64, mobilenet_v3, false },
    { "MobileNetV3, timm", 64, mobilenet_v3_timm, false },
    { "EfficientNet", 32, efficientnet, false },
    { "EfficientNetV2", 32, efficientnet_v2, false },
    { "EfficientNet, timm", 32, efficientnet_timm, false },
    { "EfficientNetV2, timm", 32, efficientnet_v2_timm, false },
    { "VGG with batch norm", 64, vgg_bn, false },
    { "VGG, timm", 64, vgg_timm, false },
    { "VGG, CIFAR", 32, vgg_cifar, false },
    { "VGG, CIFAR, without batch norm", 32, vgg_plain, false },
    { "SqueezeNet", 64, squeezenet, true },
    { "SqueezeNet 1.1", 33, squeezenet_1_1, true },
    { "DenseNet", 32, densenet, false },
    { "ConvNeXt", 32, convnext, false },
    { "ConvNeXt, timm", 32, convnext_timm, false },
    { "ConvNeXt V2, timm", 32, convnext_v2, false },
    { "ConvNeXt, the authors'", 32, convnext_original, false },
    { "ConvNeXt V2, the authors'", 32, convnext_v2_original, false },
    { "ConvNeXt, Hugging Face", 32, convnext_hugging_face, false },
    { "ConvNeXt V2, Hugging Face", 32, convnext_v2_hugging_face, false },
    { "RegNetX", 32, regnet, false },
    { "RegNetY, timm", 32, regnet_timm, false },
    { NULL, 0, NULL, false },
};

const struct family_case networks_widths[] = {
    { "EfficientNet B4", 32, efficientnet_b4, false },
    { "EfficientNet B5", 32, efficientnet_b5, false },
    { NULL, 0, NULL, false },
};

const struct look_alike networks_look_alikes[] = {
    { { "VGG", 32, vgg_cifar, false }, 1, "behind 2, 0, 0, 0 and 0" },
    { { "VGG", 32, vgg_plain, false }, 1, "behind 2, 0, 0, 0 and 0" },
    { { "VGG", 32, vgg_cifar, false }, 2, "behind 2, 2, 3, 3 and 0" },
    { { "VGG", 64, vgg_cifar, false }, 3, "belongs to no part" },
    { { "VGG", 32, vgg_cifar, false }, 4, "behind 2, 2, 3, 3 and 2" },
    { { "MobileNetV2", 32, mobilenet_v2, false }, 1, "ends 16 blocks; a MobileNetV2 has 17" },
    { { "MobileNetV2", 32, mobilenet_v2, false }, 2, "ends 18 blocks; a MobileNetV2 has 17" },
    { { "MobileNetV2", 32, mobilenet_v2, false }, 3, "makes 4 channels of 5" },
    { { "MobileNetV2", 32, mobilenet_v2, false }, 4, "is 5x5 and depthwise" },
    { { "MobileNetV2, timm", 32, mobilenet_v2_timm, false }, 1, "7 stages, not 6" },
    { { "MobileNetV3", 64, mobilenet_v3, false }, 1, "is 3x3 and depthwise" },
    { { "MobileNetV3, timm", 64, mobilenet_v3_timm, false }, 1, "is 3x3 and depthwise" },
    { { "EfficientNet", 32, efficientnet, false }, 1, "there are 5 stages" },
    { { "EfficientNet", 32, efficientnet, false }, 2, "is 5x5 and depthwise" },
    { { "EfficientNet, timm", 32, efficientnet_timm, false }, 1, "there are 5 stages" },
    { { "EfficientNet, timm", 32, efficientnet_timm, false }, 2, "is 5x5 and depthwise" },
    { { "EfficientNetV2, timm", 32, efficientnet_v2_timm, false }, 1, "there are 5 stages" },
    { { "SqueezeNet", 64, squeezenet_1_1, true }, 1, "before fire modules 3 5 6 7 9 10 11 12" },
    { { "SqueezeNet", 64, squeezenet_1_1, true }, 2, "is 7x7 before fire modules 3 4 6 7" },
    { { "SqueezeNet", 64, squeezenet_1_1, true }, 3, "before fire modules 3 4 6 7 9 10 11;" },
    { { NULL, 0, NULL, false }, 0, NULL },
};
