/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_weights.c: see conv_weights.h.
 *
 * A panel is one or two blocks of 16 output channels (layout_of). Grouped convolutions whose groups do not fill blocks
 * are put together in sets: the fewest groups that do, side by side; the last set has what is left: 55 groups of 8
 * channels are 27 sets of 2 and one of 1. A panel reads the input channels of those groups that it has outputs of, and
 * no more:
 *
 *   two groups of 24 channels:   outputs   0..15    inputs  0..23          the same with more groups to a block:
 *                                         16..31            0..47          zeros stand between them
 *                                         32..47           24..47 */
#include "engine/conv_weights.h"
#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/work.h"

#include <math.h>
#include <stdlib.h>

/* A panel of one block does its products at about this part of the speed of one of two. Figures: docs/measurements.md,
 * "Groups". */
#define NARROW_SHARE 0.78

/* How panels lie in a convolution. */
struct layout {
    int group_in, group_out, together; /* channels of a group, groups of a set */
    int sets, set_blocks, set_panels;  /* of each set but the last */
    int panels, nr_blocks, k_step;
};

/* Groups put side by side until both channel counts fill blocks; all of them when nothing less does. */
static int groups_together (int groups, int in, int out, bool uneven)
{
    for (int s = 1; s < groups && s <= BLOCK; s++)
        if ((uneven || groups % s == 0) && s * in % BLOCK == 0 && s * out % BLOCK == 0)
            return s;
    return groups;
}

static struct layout layout_for (const struct conv *conv, int in_channels, int nr_blocks, int k_step, bool uneven)
{
    struct layout l = { .group_in = in_channels / conv->groups, .group_out = conv->out_channels / conv->groups };
    l.together = groups_together (conv->groups, l.group_in, l.group_out, uneven);
    l.sets = (conv->groups + l.together - 1) / l.together;
    l.set_blocks = (l.group_out * l.together + BLOCK - 1) / BLOCK;
    l.set_panels = (l.set_blocks + nr_blocks - 1) / nr_blocks;
    int rest = conv->groups - (l.sets - 1) * l.together, last_blocks = (l.group_out * rest + BLOCK - 1) / BLOCK;
    l.panels = (l.sets - 1) * l.set_panels + (last_blocks + nr_blocks - 1) / nr_blocks;
    l.nr_blocks = nr_blocks;
    l.k_step = k_step;
    return l;
}

/* Panel `index`, but for its range and where its weights are. */
static struct panel panel_at (const struct layout *l, const struct conv *conv, int index)
{
    int set = index / l->set_panels, first = index % l->set_panels * l->nr_blocks;
    int blocks = (conv->out_channels + BLOCK - 1) / BLOCK;
    int end = set == l->sets - 1 ? blocks : (set + 1) * l->set_blocks;
    struct panel panel = { .block = set * l->set_blocks + first };
    panel.blocks = end - panel.block < l->nr_blocks ? end - panel.block : l->nr_blocks;
    int outputs = (panel.block + panel.blocks) * BLOCK;
    outputs = outputs < conv->out_channels ? outputs : conv->out_channels;
    int input = panel.block * BLOCK / l->group_out * l->group_in;
    panel.first = input / l->k_step * l->k_step; /* where a word begins */
    panel.depth = ((outputs - 1) / l->group_out + 1) * l->group_in - panel.first;
    return panel;
}

/* What a layout multiplies: pairs of an input and an output channel, outputs filled up to blocks. */
static double layout_pairs (const struct layout *l, const struct conv *conv)
{
    double pairs = 0;
    for (int i = 0; i < l->panels; i++) {
        const struct panel panel = panel_at (l, conv, i);
        pairs += (double)panel.depth * panel.blocks * BLOCK;
    }
    return pairs;
}

/* Panels of one block where groups of a 1x1 are so narrow that panels of more read much more of other groups. Neither
 * 3x3, which Winograd's method loses by it, nor bytes, with which it was not measured. */
static struct layout layout_of (const struct conv *conv, int in_channels, int nr_blocks, int k_step, bool uneven)
{
    const struct layout wide = layout_for (conv, in_channels, nr_blocks, k_step, uneven);
    if (nr_blocks == 1 || conv->groups == 1 || conv->kernel_h > 1 || conv->kernel_w > 1 || k_step > 1)
        return wide;
    const struct layout narrow = layout_for (conv, in_channels, 1, k_step, uneven);
    return layout_pairs (&narrow, conv) < NARROW_SHARE * layout_pairs (&wide, conv) ? narrow : wide;
}

/* The number of the panel's range, found or new. */
static int range_of (struct packed *packed, const struct panel *panel)
{
    const struct channel_range range = { panel->first % BLOCK, panel->depth };
    int i = packed->range_count - 1;
    while (i >= 0 && (packed->range[i].skip != range.skip || packed->range[i].depth != range.depth))
        i--;
    if (i >= 0)
        return i;
    packed->range[packed->range_count] = range;
    return packed->range_count++;
}

bool panel_layout (struct packed *packed, const struct layer *layer, int in_channels, size_t per_pair)
{
    const struct conv *conv = &layer->conv;
    bool uneven = packed->element == ELEMENT_F32;
    const struct layout l = layout_of (conv, in_channels, packed->nr_blocks, packed->k_step, uneven);
    packed->depth = l.group_in * l.together;
    packed->set_panels = l.set_panels;
    packed->panel_count = l.panels;
    packed->panel = calloc ((size_t)l.panels, sizeof *packed->panel);
    packed->range = calloc ((size_t)l.panels, sizeof *packed->range);
    if (!packed->panel || !packed->range)
        return false;
    size_t at = 0;
    for (int i = 0; i < packed->panel_count; i++) {
        struct panel *panel = &packed->panel[i];
        *panel = panel_at (&l, conv, i);
        panel->range = range_of (packed, panel);
        panel->weights = at;
        int left = conv->out_channels - panel->block * BLOCK, wide = panel->blocks * BLOCK;
        packed->pairs += (uint64_t)panel->depth * (uint64_t)(left < wide ? left : wide);
        size_t terms = (size_t)(panel->depth + packed->k_step - 1) / (size_t)packed->k_step * (size_t)packed->k_step;
        size_t bytes = per_pair * terms * BLOCK * (size_t)panel->blocks;
        if (__builtin_mul_overflow (bytes, element_bytes (packed->element), &bytes) ||
            __builtin_add_overflow (at, bytes, &at))
            return false;
    }
    packed->weight_bytes = at;
    return true;
}

struct filled filled_pairs (const struct conv *conv, int in_channels, const struct conv_kernel *kernel)
{
    bool uneven = kernel->weight == ELEMENT_F32;
    const struct layout l = layout_of (conv, in_channels, kernel->nr_blocks, kernel->k_step, uneven);
    return (struct filled) { layout_pairs (&l, conv), l.panels };
}

const float *filter (const struct node *node, const struct layer *layer, int in_channels, int o, int i)
{
    const struct conv *conv = &layer->conv;
    if (o >= conv->out_channels)
        return NULL;
    int group_in = in_channels / conv->groups, group_out = conv->out_channels / conv->groups;
    int local = i - o / group_out * group_in;
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

void packed_begin (const struct packed *packed, const struct node *node, int panel)
{
    if (packed->drops && panel > 0)
        forget_panel (packed, node, panel);
}

bool packed_spend (size_t numbers)
{
    enum { NUMBER_STEPS = 4 }; /* gathered from far apart, transformed in double */
    return work_spend (NUMBER_STEPS * numbers);
}
