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

static int mobilenet_v2 (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), RELU6);
    x = twin_act (t, twin_layer (t, x, "features.1.conv.0.0", "features.1.conv.0.1", "4 1 3 1 1 4"), RELU6);
    x = twin_layer (t, x, "features.1.conv.1", "features.1.conv.2", "3 4 1 1 0 1");
    for (int i = 2; i < 4; i++) { /* the first halves the picture, the second keeps its shape */
        char block[32];
        snprintf (block, sizeof block, "features.%d.conv", i);
        int y = twin_act (
            t, twin_layer (t, x, in (block, "0.0"), in (block, "0.1"), i == 2 ? "6 3 1 1 0 1" : "6 5 1 1 0 1"), RELU6);
        y = twin_layer (t, y, in (block, "1.0"), in (block, "1.1"), i == 2 ? "6 1 3 2 1 6" : "6 1 3 1 1 6");
        y = twin_layer (t, twin_act (t, y, RELU6), in (block, "2"), in (block, "3"), "5 6 1 1 0 1");
        x = i == 2 ? y : twin_add (t, x, y);
    }
    x = twin_act (t, twin_layer (t, x, "features.4.0", "features.4.1", "8 5 1 1 0 1"), RELU6);
    return head (t, twin_mean (t, x), "classifier.1", 8);
}

static int mobilenet_v2_timm (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), RELU6);
    x = twin_act (t, twin_layer (t, x, "blocks.0.0.conv_dw", "blocks.0.0.bn1", "4 1 3 1 1 4"), RELU6);
    x = twin_layer (t, x, "blocks.0.0.conv_pw", "blocks.0.0.bn2", "3 4 1 1 0 1");
    x = twin_act (t, twin_layer (t, x, "blocks.1.0.conv_pw", "blocks.1.0.bn1", "6 3 1 1 0 1"), RELU6);
    x = twin_act (t, twin_layer (t, x, "blocks.1.0.conv_dw", "blocks.1.0.bn2", "6 1 3 2 1 6"), RELU6);
    x = twin_layer (t, x, "blocks.1.0.conv_pwl", "blocks.1.0.bn3", "5 6 1 1 0 1");
    int y = twin_act (t, twin_layer (t, x, "blocks.1.1.conv_pw", "blocks.1.1.bn1", "6 5 1 1 0 1"), RELU6);
    y = twin_act (t, twin_layer (t, y, "blocks.1.1.conv_dw", "blocks.1.1.bn2", "6 1 3 1 1 6"), RELU6);
    x = twin_add (t, x, twin_layer (t, y, "blocks.1.1.conv_pwl", "blocks.1.1.bn3", "5 6 1 1 0 1"));
    x = twin_act (t, twin_layer (t, x, "conv_head", "bn2", "8 5 1 1 0 1"), RELU6);
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

/* Block i, 4 channels in and out, 6 between; names behind that of the block. */
static int small_block (struct twin *t, int x, const char *block, int i, const struct parts *p)
{
    enum kind kind = small[i].swish ? SWISH : RELU;
    int y = x, wide = p->expand ? 6 : 4;
    char what[64];
    if (p->expand)
        y = twin_act (t, twin_layer (t, y, in (block, p->expand), in (block, p->expand_norm), "6 4 1 1 0 1"), kind);
    snprintf (what, sizeof what, "%d 1 %d %d %d %d", wide, small[i].kernel, small[i].stride, small[i].kernel / 2, wide);
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
    return strstr (depthwise, " 2 ") ? y : twin_add (t, x, y);
}

static const struct parts torchvision_parts = { "block.0.0",   "block.0.1",   "block.1.0", "block.1.1",
                                                "block.2.fc1", "block.2.fc2", "block.3.0", "block.3.1" };
static const struct parts timm_parts = { "conv_pw",        "bn1",      "conv_dw", "bn2", "se.conv_reduce",
                                         "se.conv_expand", "conv_pwl", "bn3" };

static int efficientnet (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), SILU);
    int y = twin_act (t, twin_layer (t, x, "features.1.0.block.0.0", "features.1.0.block.0.1", "4 1 3 1 1 4"), SILU);
    y = twin_gate (t, y, "features.1.0.block.1.fc1", "features.1.0.block.1.fc2", 4, 1, true);
    y = twin_layer (t, y, "features.1.0.block.2.0", "features.1.0.block.2.1", "4 4 1 1 0 1");
    x = silu_block (t, twin_add (t, x, y), "features.2.0", &torchvision_parts, "6 1 5 2 2 6");
    x = silu_block (t, x, "features.2.1", &torchvision_parts, "6 1 3 1 1 6");
    x = twin_act (t, twin_layer (t, x, "features.3.0", "features.3.1", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier.1", 8);
}

static int efficientnet_v2 (struct twin *t)
{
    t->epsilon = 0.001f;
    int x = twin_act (t, twin_layer (t, 0, "features.0.0", "features.0.1", "4 3 3 2 1 1"), SILU);
    int y = twin_layer (t, x, "features.1.0.block.0.0", "features.1.0.block.0.1", "4 4 3 1 1 1");
    x = twin_add (t, x, twin_act (t, y, SILU));
    x = twin_act (t, twin_layer (t, x, "features.2.0.block.0.0", "features.2.0.block.0.1", "6 4 3 2 1 1"), SILU);
    x = twin_layer (t, x, "features.2.0.block.1.0", "features.2.0.block.1.1", "4 6 1 1 0 1");
    x = silu_block (t, x, "features.3.0", &torchvision_parts, "6 1 3 2 1 6");
    x = twin_act (t, twin_layer (t, x, "features.4.0", "features.4.1", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier.1", 8);
}

static int efficientnet_timm (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), SILU);
    int y = twin_act (t, twin_layer (t, x, "blocks.0.0.conv_dw", "blocks.0.0.bn1", "4 1 3 1 1 4"), SILU);
    y = twin_gate (t, y, "blocks.0.0.se.conv_reduce", "blocks.0.0.se.conv_expand", 4, 1, true);
    y = twin_layer (t, y, "blocks.0.0.conv_pw", "blocks.0.0.bn2", "3 4 1 1 0 1");
    y = twin_act (t, twin_layer (t, y, "blocks.1.0.conv_pw", "blocks.1.0.bn1", "6 3 1 1 0 1"), SILU);
    y = twin_act (t, twin_layer (t, y, "blocks.1.0.conv_dw", "blocks.1.0.bn2", "6 1 3 2 1 6"), SILU);
    y = twin_gate (t, y, "blocks.1.0.se.conv_reduce", "blocks.1.0.se.conv_expand", 6, 2, true);
    y = twin_layer (t, y, "blocks.1.0.conv_pwl", "blocks.1.0.bn3", "4 6 1 1 0 1");
    x = silu_block (t, y, "blocks.1.1", &timm_parts, "6 1 3 1 1 6");
    x = twin_act (t, twin_layer (t, x, "conv_head", "bn2", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier", 8);
}

static int efficientnet_v2_timm (struct twin *t)
{
    int x = twin_act (t, twin_layer (t, 0, "conv_stem", "bn1", "4 3 3 2 1 1"), SILU);
    int y = twin_layer (t, x, "blocks.0.0.conv", "blocks.0.0.bn1", "4 4 3 1 1 1");
    x = twin_add (t, x, twin_act (t, y, SILU));
    x = twin_act (t, twin_layer (t, x, "blocks.1.0.conv_exp", "blocks.1.0.bn1", "6 4 3 2 1 1"), SILU);
    x = twin_layer (t, x, "blocks.1.0.conv_pwl", "blocks.1.0.bn2", "4 6 1 1 0 1");
    x = silu_block (t, x, "blocks.2.0", &timm_parts, "6 1 3 2 1 6");
    x = twin_act (t, twin_layer (t, x, "conv_head", "bn2", "8 4 1 1 0 1"), SILU);
    return head (t, twin_mean (t, x), "classifier", 8);
}

/* ---- plain and dense -------------------------------------------------------------------------------------------- */

static int half (struct twin *t, int x)
{
    return twin_max_pool (t, x, "kernel_shape=2,2 strides=2,2");
}

/* Batch norm; 8 x 8 -> 4 x 4 -> 2 x 2. */
static int vgg_bn (struct twin *t)
{
    int x = relu (t, twin_layer (t, 0, "features.0", "features.1", "4 3 3 1 1 1 b"));
    x = half (t, relu (t, twin_layer (t, x, "features.3", "features.4", "4 4 3 1 1 1 b")));
    x = half (t, relu (t, twin_layer (t, x, "features.7", "features.8", "6 4 3 1 1 1 b")));
    x = twin_linear (t, twin_node (t, "Flatten", NULL, "v%d", x), "classifier.0", 8, 24);
    x = twin_linear (t, relu (t, x), "classifier.3", 7, 8);
    return head (t, relu (t, x), "classifier.6", 7);
}

static int vgg_timm (struct twin *t)
{
    int x = half (t, relu (t, twin_conv (t, 0, "features.0", "4 3 3 1 1 1 b")));
    x = relu (t, twin_conv (t, x, "features.3", "4 4 3 1 1 1 b"));
    x = half (t, relu (t, twin_conv (t, x, "features.5", "6 4 3 1 1 1 b")));
    x = relu (t, twin_conv (t, x, "pre_logits.fc1", "8 6 2 1 0 1 b"));
    x = relu (t, twin_conv (t, x, "pre_logits.fc2", "7 8 1 1 0 1 b"));
    return head (t, twin_mean (t, x), "head.fc", 7);
}

static int vgg_cifar (struct twin *t)
{
    int x = relu (t, twin_layer (t, 0, "features.0", "features.1", "4 3 3 1 1 1 b"));
    x = half (t, relu (t, twin_layer (t, x, "features.3", "features.4", "4 4 3 1 1 1 b")));
    return head (t, twin_mean (t, x), "classifier", 4);
}

static int fire (struct twin *t, int x, const char *module, const char *squeeze)
{
    x = relu (t, twin_conv (t, x, in (module, "squeeze"), squeeze));
    int a = relu (t, twin_conv (t, x, in (module, "expand1x1"), "4 2 1 1 0 1 b"));
    int b = relu (t, twin_conv (t, x, in (module, "expand3x3"), "4 2 3 1 1 1 b"));
    return twin_node (t, "Concat", "axis=1", "v%d v%d", a, b);
}

static int squeezenet (struct twin *t)
{
    static const char pool[] = "kernel_shape=3,3 strides=2,2 ceil_mode=1";
    int x = relu (t, twin_conv (t, 0, "features.0", "4 3 3 2 0 1 b"));
    x = fire (t, twin_max_pool (t, x, pool), "features.3", "2 4 1 1 0 1 b");
    x = fire (t, x, "features.4", "2 8 1 1 0 1 b");
    x = fire (t, twin_max_pool (t, x, pool), "features.6", "2 8 1 1 0 1 b");
    x = relu (t, twin_conv (t, x, "classifier.1", "3 8 1 1 0 1 b"));
    return twin_node (t, "GlobalAveragePool", NULL, "v%d", x);
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

/* Parts of a block: depthwise, norm, first, second, scale; `response`: V2's norm instead of a scale. */
static int next_block (struct twin *t, int x, const char *block, const char *const p[5], const char *response)
{
    const char *matrix = response ? "b" : "m";
    char what[64];
    int y = twin_conv (t, x, in (block, p[0]), "4 1 7 1 3 4 b");
    y = twin_layer_norm (t, y, in (block, p[1]), 4, false);
    snprintf (what, sizeof what, "8 4 1 1 0 1 %s", matrix);
    y = twin_node (t, "Gelu", NULL, "v%d", twin_conv (t, y, in (block, p[2]), what));
    if (response) {
        onnx_ints (&t->o, in (block, "space"), "2 3");
        onnx_ints (&t->o, in (block, "channels"), "1");
        onnx_number (&t->o, in (block, "small"), 0.000001f);
        int length = twin_node (t, "ReduceL2", NULL, "v%d %s", y, in (block, "space"));
        int all = twin_node (t, "ReduceMean", NULL, "v%d %s", length, in (block, "channels"));
        int share = twin_node (t, "Div", NULL, "v%d v%d", length,
                               twin_node (t, "Add", NULL, "v%d %s", all, in (block, "small")));
        twin_tensor (t, in (response, "weight"), "8", 9, 0);
        twin_tensor (t, in (response, "bias"), "8", 9, 0);
        onnx_ints (&t->o, in (block, "shape"), "1 8 1 1");
        int weight = twin_node (t, "Reshape", NULL, "%s %s", in (response, "weight"), in (block, "shape"));
        int bias = twin_node (t, "Reshape", NULL, "%s %s", in (response, "bias"), in (block, "shape"));
        share = twin_node (t, "Mul", NULL, "v%d v%d", twin_node (t, "Mul", NULL, "v%d v%d", y, share), weight);
        y = twin_add (t, y, twin_add (t, share, bias));
    }
    snprintf (what, sizeof what, "4 8 1 1 0 1 %s", matrix);
    y = twin_conv (t, y, in (block, p[3]), what);
    if (!response) {
        twin_tensor (t, in (block, p[4]), strcmp (p[4], "gamma") ? "4,1,1" : "4", 9, 0.5f);
        onnx_ints (&t->o, in (block, "shape"), "4 1 1");
        int scale = twin_node (t, "Reshape", NULL, "%s %s", in (block, p[4]), in (block, "shape"));
        y = twin_node (t, "Mul", NULL, "v%d v%d", y, scale);
    }
    return twin_add (t, x, y);
}

static const char *const torchvision_next[] = { "block.0", "block.2", "block.3", "block.5", "layer_scale" };
static const char *const timm_next[] = { "conv_dw", "norm", "mlp.fc1", "mlp.fc2", "gamma" };
static const char *const original_next[] = { "dwconv", "norm", "pwconv1", "pwconv2", "gamma" };

/* Two stages of a block each; names of what is around them. */
static int convnext_of (struct twin *t, const char *const names[7], const char *const parts[5], bool responds)
{
    int x = twin_layer_norm (t, twin_conv (t, 0, in (names[0], "0"), "4 3 4 4 0 1 b"), in (names[0], "1"), 4, false);
    char response[64];
    snprintf (response, sizeof response, "%s.mlp.grn", names[1]);
    x = next_block (t, x, names[1], parts, responds ? response : NULL);
    x = twin_layer_norm (t, x, in (names[2], "0"), 4, false);
    x = twin_conv (t, x, in (names[2], "1"), "4 4 2 2 0 1 b");
    snprintf (response, sizeof response, "%s.mlp.grn", names[3]);
    x = next_block (t, x, names[3], parts, responds ? response : NULL);
    return head (t, twin_layer_norm (t, twin_mean (t, x), names[4], 4, true), names[5], 4);
}

static int convnext (struct twin *t)
{
    static const char *const names[] = { "features.0",   "features.1.0", "features.2", "features.3.0",
                                         "classifier.0", "classifier.2", NULL };
    return convnext_of (t, names, torchvision_next, false);
}

static const char *const timm_names[] = {
    "stem", "stages.0.blocks.0", "stages.1.downsample", "stages.1.blocks.0", "head.norm", "head.fc", NULL
};

static int convnext_timm (struct twin *t)
{
    return convnext_of (t, timm_names, timm_next, false);
}

static int convnext_v2 (struct twin *t)
{
    return convnext_of (t, timm_names, timm_next, true);
}

static int convnext_original (struct twin *t)
{
    static const char *const names[] = {
        "downsample_layers.0", "stages.0.0", "downsample_layers.1", "stages.1.0", "norm", "head", NULL
    };
    return convnext_of (t, names, original_next, false);
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
    { "VGG with batch norm", 8, vgg_bn, false },
    { "VGG, timm", 8, vgg_timm, false },
    { "VGG, CIFAR", 8, vgg_cifar, false },
    { "SqueezeNet", 33, squeezenet, true },
    { "DenseNet", 32, densenet, false },
    { "ConvNeXt", 32, convnext, false },
    { "ConvNeXt, timm", 32, convnext_timm, false },
    { "ConvNeXt V2, timm", 32, convnext_v2, false },
    { "ConvNeXt, the authors'", 32, convnext_original, false },
    { "RegNetX", 32, regnet, false },
    { "RegNetY, timm", 32, regnet_timm, false },
    { NULL, 0, NULL, false },
};
