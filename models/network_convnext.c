/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_convnext.c: ConvNeXt: Liu et al., A ConvNet for the 2020s, 2022; V2: Woo et al., 2023.
 *
 *   input 3 -> 4x4, stride 4 -> layer norm -> stage -> (layer norm -> 2x2, stride 2 -> stage) x 3 -> avgpool
 *        -> layer norm -> classifier
 *   a block:  x -> 7x7 depthwise -> layer norm -> 1x1 -> GELU -> (V2: response norm) -> 1x1 -> scale -> add
 *
 * Linear layers over the channels of a pixel are 1x1 convolutions, whether their weights are matrices or kernels. */
#include "models/network_parts.h"

#include "models/report.h"

#include <math.h>
#include <stdlib.h>

static const float epsilon = 1e-6f; /* of layer norms */

/* Names of a block's parts behind its own; NULL: there is no such part. */
struct names {
    const char *depthwise, *norm, *first, *response, *second, *scale;
};

static const struct names torchvision = { "block.0", "block.2", "block.3", NULL, "block.5", "layer_scale" },
                          timm = { "conv_dw", "norm", "mlp.fc1", "mlp.grn", "mlp.fc2", "gamma" },
                          original = { "dwconv", "norm", "pwconv1", NULL, "pwconv2", "gamma" };

/* Global response norm: x (1 + weight |x| / (mean of |x| over channels + epsilon)) + bias, with |x| the length of a
 * channel; here both lengths are divided by the root of the number of pixels. */
static int respond (struct network *n, int x, const char *module)
{
    static const struct activation root = { ACTIVATION_SQRT, 0, 0 }, reciprocal = { ACTIVATION_RECIPROCAL, 0, 0 };
    int channels = network_channels (n, x);
    int length = graph_reduce (n->graph, NAME ("%s.squares", module), x, REDUCTION_MEAN_SQUARE);
    float *weight = network_take (n, module, "weight", (struct wanted) { 1, { channels } });
    float *bias = weight ? network_take (n, module, "bias", (struct wanted) { 1, { channels } }) : NULL;
    float *ones = bias && length >= 0 ? malloc ((size_t)channels * sizeof *ones) : NULL;
    if (ones) {
        struct tensor_info t = graph_tensor (n->graph, x);
        float small = epsilon / sqrtf ((float)t.height * (float)t.width);
        for (int i = 0; i < channels; i++)
            ones[i] = 1;
        length = graph_function (n->graph, NAME ("%s.length", module), length, root);
        int mean = graph_reduce_channels (n->graph, NAME ("%s.mean", module), length, REDUCTION_MEAN);
        mean = graph_affine (n->graph, NAME ("%s.epsilon", module), mean, NULL, &small);
        mean = graph_function (n->graph, NAME ("%s.by", module), mean, reciprocal);
        int share = graph_mul (n->graph, NAME ("%s.share", module), length, mean);
        share = graph_affine (n->graph, NAME ("%s.scale", module), share, weight, ones);
        x = graph_mul (n->graph, NAME ("%s.scaled", module), x, share);
        x = graph_affine (n->graph, module, x, NULL, bias);
    } else if (bias && length >= 0) {
        report (n->error, "%s: no memory for %d channels", report_path (n->file->path), channels);
    }
    bool good = ones != NULL;
    free (weight);
    free (bias);
    free (ones);
    return good ? x : -1;
}

/* scaled, responds: what the first block has, all have. */
static int block (struct network *n, int x, const struct names *names, const char *module, bool scaled, bool responds)
{
    static const struct window depthwise = { .grouped = true, .bias = true }, point = { .kernel = 1, .bias = true };
    int y = network_conv (n, x, NAME ("%s.%s", module, names->depthwise), depthwise);
    y = network_layer_norm (n, y, NAME ("%s.%s", module, names->norm), epsilon);
    y = network_conv (n, y, NAME ("%s.%s", module, names->first), point);
    y = network_activation (n, y, NAME ("%s.gelu", module), network_gelu);
    if (responds)
        y = respond (n, y, NAME ("%s.%s", module, names->response));
    y = network_conv (n, y, NAME ("%s.%s", module, names->second), point);
    if (scaled)
        y = network_scale (n, y, NAME ("%s.%s", module, names->scale), names == &torchvision ? 3 : 1);
    return graph_add (n->graph, NAME ("%s.add", module), y, x);
}

/* The name of a block, or where index is -1 of what is between stages: its norm and its convolution are 0 and 1. */
static struct name part_name (const struct names *names, int stage, int index)
{
    if (names == &torchvision)
        return index < 0 ? network_name ("features.%d", 2 * stage)
                         : network_name ("features.%d.%d", 2 * stage + 1, index);
    if (names == &timm)
        return index < 0 ? network_name ("stages.%d.downsample", stage)
                         : network_name ("stages.%d.blocks.%d", stage, index);
    return index < 0 ? network_name ("downsample_layers.%d", stage) : network_name ("stages.%d.%d", stage, index);
}

static int stages (struct network *n, const struct names *names, int x)
{
    const struct name first = part_name (names, 0, 0);
    bool scaled = network_has (n, NAME ("%s.%s", first.text, names->scale));
    bool responds = names->response && network_has (n, NAME ("%s.%s.weight", first.text, names->response));
    for (int stage = 0; x >= 0; stage++) {
        struct name between = part_name (names, stage, -1);
        if (stage && !network_has (n, NAME ("%s.1.weight", between.text)))
            break;
        if (stage)
            x = network_conv (n, network_layer_norm (n, x, NAME ("%s.0", between.text), epsilon),
                              NAME ("%s.1", between.text), (struct window) { 2, 2, .bias = true, .valid = true });
        for (int i = 0; x >= 0; i++) {
            struct name module = part_name (names, stage, i);
            if (!network_has (n, NAME ("%s.%s.weight", module.text, names->depthwise)))
                break;
            x = block (n, x, names, module.text, scaled, responds);
        }
    }
    return x;
}

int network_convnext (struct network *n)
{
    const struct names *names = network_has (n, "stem.0.weight")                  ? &timm
                                : network_has (n, "downsample_layers.0.0.weight") ? &original
                                                                                  : &torchvision;
    const char *stem = names == &timm ? "stem" : names == &original ? "downsample_layers.0" : "features.0";
    const char *last = names == &timm ? "head.norm" : names == &original ? "norm" : "classifier.0";
    int x = network_input_of (n, NAME ("%s.0", stem), 224);
    x = network_conv (n, x, NAME ("%s.0", stem), (struct window) { 4, 4, .bias = true, .valid = true });
    x = network_pooled (n, stages (n, names, network_layer_norm (n, x, NAME ("%s.1", stem), epsilon)));
    if (network_has (n, NAME ("%s.weight", last)))
        x = network_layer_norm (n, x, last, epsilon);
    return network_classifier (n, x);
}
