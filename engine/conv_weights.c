/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_weights.c: see conv_weights.h.
 *
 * A panel is one or two blocks of 16 output channels that read the same input channels. Grouped convolutions whose
 * groups do not fill blocks are widened: the fewest groups that do, side by side, with zeros between them. */
#include "engine/conv_weights.h"
#include "engine/kernels.h"
#include "engine/work.h"

#include <math.h>
#include <stdlib.h>

/* Groups put side by side until both channel counts fill blocks; all of them when nothing less does. */
static int groups_together (int groups, int in, int out)
{
    for (int s = 1; s < groups; s++)
        if (groups % s == 0 && s * in % BLOCK == 0 && s * out % BLOCK == 0)
            return s;
    return groups;
}

bool panel_layout (struct packed *packed, const struct layer *layer, int in_channels, size_t per_pair)
{
    int nr_blocks = packed->nr_blocks;
    const struct conv *conv = &layer->conv;
    int together = groups_together (conv->groups, in_channels / conv->groups, conv->out_channels / conv->groups);
    int sets = conv->groups / together;
    int in = in_channels / sets, out_blocks = (conv->out_channels / sets + BLOCK - 1) / BLOCK;
    int per_set = (out_blocks + nr_blocks - 1) / nr_blocks;
    packed->depth = in;
    packed->panel_count = sets * per_set;
    packed->panel = calloc ((size_t)packed->panel_count, sizeof *packed->panel);
    if (!packed->panel)
        return false;
    size_t at = 0;
    for (int i = 0; i < packed->panel_count; i++) {
        int first = i % per_set * nr_blocks;
        struct panel *panel = &packed->panel[i];
        panel->block = i / per_set * out_blocks + first;
        panel->blocks = out_blocks - first < nr_blocks ? out_blocks - first : nr_blocks;
        panel->in_block = i / per_set * (in / BLOCK);
        panel->weights = at;
        size_t terms = (size_t)(in + packed->k_step - 1) / (size_t)packed->k_step * (size_t)packed->k_step;
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

bool packed_spend (const struct packed *packed, int panel)
{
    enum { NUMBER_STEPS = 4 }; /* gathered from far apart, transformed in double */
    size_t end = panel + 1 < packed->panel_count ? packed->panel[panel + 1].weights : packed->weight_bytes;
    return work_spend (NUMBER_STEPS * (end - packed->panel[panel].weights) / element_bytes (packed->element));
}
