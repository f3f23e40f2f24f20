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

/* Names around the blocks, and of a block's parts behind its own; NULL: there is no such part. */
struct names {
    struct {
        const char *stem, *norm, *last;
    } around;
    struct {
        const char *depthwise, *norm, *first, *second, *scale;
    } part;
    struct {
        const char *name, *weight, *bias; /* V2's response norm, in so many dimensions */
        int rank;
    } response;
};

static const struct names timm = { { "stem.0", "stem.1", "head.norm" },
                                   { "conv_dw", "norm", "mlp.fc1", "mlp.fc2", "gamma" },
                                   { "mlp.grn", "weight", "bias", 1 } };
static const struct names original = { { "downsample_layers.0.0", "downsample_layers.0.1", "norm" },
                                       { "dwconv", "norm", "pwconv1", "pwconv2", "gamma" },
                                       { "grn", "gamma", "beta", 4 } };
static const struct names hugging_face = { { "embeddings.patch_embeddings", "embeddings.layernorm", "layernorm" },
                                           { "dwconv", "layernorm", "pwconv1", "pwconv2", "layer_scale_parameter" },
                                           { "grn", "weight", "bias", 4 } };
static const struct names torchvision = { { "features.0.0", "features.0.1", "classifier.0" },
                                          { "block.0", "block.2", "block.3", "block.5", "layer_scale" },
                                          { NULL, NULL, NULL, 1 } };

/* Global response norm: x (1 + weight |x| / (mean of |x| over channels + epsilon)) + bias, with |x| the length of a
 * channel; here both lengths are divided by the root of the number of pixels. */
static int respond (struct network *n, int x, const struct names *names, const char *module)
{
    static const struct activation root = { ACTIVATION_SQRT, 0, 0 }, reciprocal = { ACTIVATION_RECIPROCAL, 0, 0 };
    int channels = network_channels (n, x);
    struct wanted wanted = { names->response.rank, { 1, 1, 1, 1 } };
    wanted.shape[names->response.rank - 1] = channels;
    int length = graph_reduce (n->graph, NAME ("%s.squares", module), x, REDUCTION_MEAN_SQUARE);
    float *weight = network_take (n, module, names->response.weight, wanted);
    float *bias = weight ? network_take (n, module, names->response.bias, wanted) : NULL;
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
    int y = network_conv (n, x, NAME ("%s.%s", module, names->part.depthwise), depthwise);
    y = network_layer_norm (n, y, NAME ("%s.%s", module, names->part.norm), epsilon);
    y = network_conv (n, y, NAME ("%s.%s", module, names->part.first), point);
    y = network_activation (n, y, NAME ("%s.gelu", module), network_gelu);
    if (responds)
        y = respond (n, y, names, NAME ("%s.%s", module, names->response.name));
    y = network_conv (n, y, NAME ("%s.%s", module, names->part.second), point);
    if (scaled)
        y = network_scale (n, y, NAME ("%s.%s", module, names->part.scale), names == &torchvision ? 3 : 1);
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
    if (names == &hugging_face)
        return index < 0 ? network_name ("encoder.stages.%d.downsampling_layer", stage)
                         : network_name ("encoder.stages.%d.layers.%d", stage, index);
    return index < 0 ? network_name ("downsample_layers.%d", stage) : network_name ("stages.%d.%d", stage, index);
}

static int stages (struct network *n, const struct names *names, int x)
{
    const struct name first = part_name (names, 0, 0);
    bool scaled = network_has (n, NAME ("%s.%s", first.text, names->part.scale));
    bool responds = names->response.name &&
                    network_has (n, NAME ("%s.%s.%s", first.text, names->response.name, names->response.weight));
    for (int stage = 0; x >= 0; stage++) {
        struct name between = part_name (names, stage, -1);
        if (stage && !network_has (n, NAME ("%s.1.weight", between.text)))
            break;
        if (stage)
            x = network_conv (n, network_layer_norm (n, x, NAME ("%s.0", between.text), epsilon),
                              NAME ("%s.1", between.text), (struct window) { 2, 2, .bias = true, .valid = true });
        for (int i = 0; x >= 0; i++) {
            struct name module = part_name (names, stage, i);
            if (!network_has (n, NAME ("%s.%s.weight", module.text, names->part.depthwise)))
                break;
            x = block (n, x, names, module.text, scaled, responds);
        }
    }
    return x;
}

int network_convnext (struct network *n)
{
    static const struct names *const known[] = { &timm, &original, &hugging_face, &torchvision };
    int i = 0;
    while (known[i] != &torchvision && !network_has (n, NAME ("%s.weight", known[i]->around.stem)))
        i++;
    const struct names *names = known[i];
    int x = network_input_of (n, names->around.stem, 224);
    x = network_conv (n, x, names->around.stem, (struct window) { 4, 4, .bias = true, .valid = true });
    x = network_pooled (n, stages (n, names, network_layer_norm (n, x, names->around.norm, epsilon)));
    if (network_has (n, NAME ("%s.weight", names->around.last)))
        x = network_layer_norm (n, x, names->around.last, epsilon);
    return network_classifier (n, x);
}
