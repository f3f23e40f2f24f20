/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_weights.c: see conv_weights.h.
 *
 * A panel is one or two blocks of 16 output channels that read the same input channels. Grouped convolutions whose
 * groups do not fill blocks are widened: the fewest groups that do, side by side, with zeros between them. The last
 * such set has what is left of the groups: 55 groups of 8 channels are 27 sets of 2 and one of 1. */
#include "engine/conv_weights.h"
#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/work.h"

#include <math.h>
#include <stdlib.h>

/* Groups put side by side until both channel counts fill blocks; all of them when nothing less does. */
static int groups_together (int groups, int in, int out, bool uneven)
{
    for (int s = 1; s < groups && s <= BLOCK; s++)
        if ((uneven || groups % s == 0) && s * in % BLOCK == 0 && s * out % BLOCK == 0)
            return s;
    return groups;
}

bool panel_layout (struct packed *packed, const struct layer *layer, int in_channels, size_t per_pair)
{
    int nr_blocks = packed->nr_blocks;
    const struct conv *conv = &layer->conv;
    int group_in = in_channels / conv->groups, group_out = conv->out_channels / conv->groups;
    int together = groups_together (conv->groups, group_in, group_out, packed->uneven);
    int sets = (conv->groups + together - 1) / together, rest = conv->groups - (sets - 1) * together;
    int out_blocks = (group_out * together + BLOCK - 1) / BLOCK, last_blocks = (group_out * rest + BLOCK - 1) / BLOCK;
    int per_set = (out_blocks + nr_blocks - 1) / nr_blocks;
    packed->depth = group_in * together;
    packed->panel_count = (sets - 1) * per_set + (last_blocks + nr_blocks - 1) / nr_blocks;
    packed->panel = calloc ((size_t)packed->panel_count, sizeof *packed->panel);
    if (!packed->panel)
        return false;
    size_t at = 0;
    for (int i = 0; i < packed->panel_count; i++) {
        int set = i / per_set, first = i % per_set * nr_blocks;
        int left = (set == sets - 1 ? last_blocks : out_blocks) - first;
        struct panel *panel = &packed->panel[i];
        panel->block = set * out_blocks + first;
        panel->blocks = left < nr_blocks ? left : nr_blocks;
        panel->in_block = set * (packed->depth / BLOCK);
        panel->depth = group_in * (set == sets - 1 ? rest : together);
        panel->weights = at;
        size_t terms = (size_t)(panel->depth + packed->k_step - 1) / (size_t)packed->k_step * (size_t)packed->k_step;
        size_t bytes = per_pair * terms * BLOCK * (size_t)panel->blocks;
        if (__builtin_mul_overflow (bytes, element_bytes (packed->element), &bytes) ||
            __builtin_add_overflow (at, bytes, &at))
            return false;
    }
    packed->weight_bytes = at;
    return true;
}

const float *filter (const struct node *node, const struct layer *layer, int in_channels, int depth, int o, int i)
{
    const struct conv *conv = &layer->conv;
    if (o >= conv->out_channels)
        return NULL;
    int group_in = in_channels / conv->groups, group_out = conv->out_channels / conv->groups;
    int sets_first = o / (group_out * (depth / group_in)) * (depth / group_in); /* first group of o's set */
    int group = o / group_out;
    int local = i - (group - sets_first) * group_in;
    if (local < 0 || local >= group_in)
        return NULL;
    size_t size = (size_t)conv->kernel_h * (size_t)conv->kernel_w;
    return node->u.conv.weights + ((size_t)o * (size_t)group_in + (size_t)local) * size;
}

float folded (const struct layer *layer, double weight, int o)
{
    double w = layer->scale ? weight * layer->scale[o] : weight;
    return fabs (w) < 1e-30 ? 0.0f : (float)w;
}

/* The rows of weights of the panel before this one; what no panel reads is freed with the rest. */
static void forget_panel (const struct packed *packed, const struct node *node, int panel)
{
    size_t row = node->u.conv.weight_bytes / (size_t)node->u.conv.shape.out_channels;
    size_t first = (size_t)packed->panel[panel - 1].block * BLOCK, end = (size_t)packed->panel[panel].block * BLOCK;
    memory_forget ((char *)node->u.conv.weights + first * row, (end - first) * row);
}

bool packed_spend (const struct packed *packed, const struct node *node, int panel)
{
    enum { NUMBER_STEPS = 4 }; /* gathered from far apart, transformed in double */
    if (packed->drops && panel > 0)
        forget_panel (packed, node, panel);
    size_t end = panel + 1 < packed->panel_count ? packed->panel[panel + 1].weights : packed->weight_bytes;
    return work_spend (NUMBER_STEPS * (end - packed->panel[panel].weights) / element_bytes (packed->element));
}
