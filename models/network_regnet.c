/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_regnet.c: RegNetX and RegNetY: Radosavovic et al., Designing Network Design Spaces, 2020.
 *
 *   input 3 -> 3x3, stride 2 -> four stages -> avgpool -> classifier
 *   a block:  x -> 1x1 -> 3x3 in groups -> squeeze and excite (Y) -> 1x1 -> add -> ReLU
 *
 * The first block of each stage halves the picture and has a 1x1 projection beside it. */
#include "models/network_parts.h"

/* Names behind that of the block; stages and blocks are numbered from 1 (timm), or blocks from 0 (torchvision). */
static const struct names {
    const char *stem, *stem_norm, *conv[3], *norm[3], *reduce, *widen, *project, *project_norm;
} timm = { "stem.conv",
           "stem.bn",
           { "conv1.conv", "conv2.conv", "conv3.conv" },
           { "conv1.bn", "conv2.bn", "conv3.bn" },
           "se.fc1",
           "se.fc2",
           "downsample.conv",
           "downsample.bn" },
  torchvision = {
      "stem.0", "stem.1", { "f.a.0", "f.b.0", "f.c.0" }, { "f.a.1", "f.b.1", "f.c.1" }, "f.se.fc1", "f.se.fc2",
      "proj.0", "proj.1"
  };

static bool has (const struct network *n, const char *block, const char *part)
{
    return network_has (n, NAME ("%s.%s.weight", block, part));
}

static int residual_block (struct network *n, const struct names *names, const char *block, int x, int stride)
{
    int y = x;
    for (int i = 0; i < 3; i++) {
        y = network_layer (
            n, y, NAME ("%s.%s", block, names->conv[i]), NAME ("%s.%s", block, names->norm[i]),
            (struct window) { .kernel = i == 1 ? 3 : 1, .stride = i == 1 ? stride : 1, .grouped = i == 1 });
        if (i < 2)
            y = network_activation (n, y, NAME ("%s.relu%d", block, i + 1), network_relu);
        if (i == 1 && has (n, block, names->reduce))
            y = network_excite (
                n, y, (struct excitation) { block, names->reduce, names->widen, network_relu, network_sigmoid });
    }
    if (stride > 1 || has (n, block, names->project))
        x = network_layer (n, x, NAME ("%s.%s", block, names->project), NAME ("%s.%s", block, names->project_norm),
                           (struct window) { .kernel = 1, .stride = stride });
    x = graph_add (n->graph, NAME ("%s.add", block), y, x);
    return network_activation (n, x, NAME ("%s.relu3", block), network_relu);
}

int network_regnet (struct network *n)
{
    bool of_timm = network_has (n, "stem.conv.weight");
    const struct names *names = of_timm ? &timm : &torchvision;
    int x = network_input_of (n, names->stem, 224);
    x = network_layer (n, x, names->stem, names->stem_norm, (struct window) { .kernel = 3, .stride = 2 });
    x = network_activation (n, x, "relu", network_relu);
    for (int stage = 1, index = 1; index && x >= 0; stage++) {
        for (index = 0; x >= 0; index++) {
            struct name block = of_timm ? network_name ("s%d.b%d", stage, index + 1)
                                        : network_name ("trunk_output.block%d.block%d-%d", stage, stage, index);
            if (!has (n, block.text, names->conv[0]))
                break;
            x = residual_block (n, names, block.text, x, index ? 1 : 2);
        }
    }
    return network_classifier (n, network_pooled (n, x));
}
