/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_move.c: layers that put numbers elsewhere and change none: concatenation along channels, and picks. */
#include "engine/layer_window.h"
#include "engine/cost.h"
#include "engine/operator.h"
#include "engine/receptive_field.h"
#include "engine/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static bool concat_shape (struct graph *g, struct node_spec *spec)
{
    spec->channels = 0; /* at most 2^31 inputs of less than 2^31 channels */
    for (int i = 0; i < spec->input_count; i++) {
        const struct node *in = &g->nodes[spec->inputs[i]];
        if (in->height != spec->height || in->width != spec->width) {
            graph_fail (g, spec->label, spec->name, "input %d is %dx%d, the first one is %dx%d", i, in->height,
                        in->width, (int)spec->height, (int)spec->width);
            return false;
        }
        spec->channels += in->channels;
    }
    return true;
}

int graph_concat (struct graph *g, const char *name, const int *xs, int count)
{
    if (g && (!xs || count < 1))
        return graph_fail (g, "concat", name, "it has no inputs (%d)", count);
    struct node_spec spec = {
        .operation = OPERATION_CONCAT, .label = "concat", .name = name, .inputs = xs, .input_count = count
    };
    return node_add (g, &spec);
}

/* Whether from, from + step, ... (count of them) can be counted in ints with room to spare. */
static bool pick_range (struct graph *g, const struct node_spec *spec, int from, int step, int count)
{
    int64_t last = (int64_t)from + (int64_t)step * ((int64_t)count - 1);
    if (step >= 1 && step <= PARAMETER_MAX && count >= 1 && from > -(1 << 30) && last < 1 << 30)
        return true;
    graph_fail (g, spec->label, spec->name, "cannot pick %d numbers from %d in steps of %d", count, from, step);
    return false;
}

static bool pick_shape (struct graph *g, struct node_spec *spec)
{
    const struct pick *pick = &spec->u.pick;
    int channels = (int)spec->channels;
    if (!pick->channel && pick->channels != channels) {
        graph_fail (g, spec->label, spec->name, "%d channels, the same as its input's, but that has %d", pick->channels,
                    channels);
        return false;
    }
    for (int c = 0; pick->channel && c < pick->channels; c++) {
        if (pick->channel[c] >= -1 && pick->channel[c] < channels)
            continue;
        graph_fail (g, spec->label, spec->name, "channel %d of its input's %d", pick->channel[c], channels);
        return false;
    }
    spec->channels = pick->channels;
    spec->height = pick->height;
    spec->width = pick->width;
    spec->bytes = pick->channels > 0 ? sizeof (int) * (uint64_t)pick->channels : 0;
    return pick_range (g, spec, pick->top, pick->step_h, pick->height) &&
           pick_range (g, spec, pick->left, pick->step_w, pick->width);
}

static void pick_keep (struct graph *g, struct node *node, const void *given)
{
    struct pick *pick = &node->u.pick;
    int *channel = malloc ((size_t)pick->channels * sizeof *channel);
    (void)given;
    if (!channel)
        graph_fail_memory (g, node->label, node->name);
    for (int c = 0; channel && c < pick->channels; c++)
        channel[c] = pick->channel ? pick->channel[c] : c;
    pick->channel = channel;
}

static void pick_clear (struct node *node)
{
    free ((int *)node->u.pick.channel);
}

int graph_pick (struct graph *g, const char *name, int x, const struct pick *pick)
{
    if (g && !pick)
        return graph_fail (g, "pick", name, "it has no parameters");
    struct node_spec spec = {
        .operation = OPERATION_PICK, .label = "pick", .name = name, .inputs = &x, .input_count = 1
    };
    if (pick)
        spec.u.pick = *pick;
    return node_add (g, &spec);
}

static void pick_grid (const struct node *node, struct grid *grid)
{
    const struct pick *pick = &node->u.pick;
    grid_axis (&grid->top, &grid->step_y, pick->top, pick->step_h);
    grid_axis (&grid->left, &grid->step_x, pick->left, pick->step_w);
}

static void pick_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    const struct pick *pick = &node->u.pick;
    (void)in;
    reach[0] = (struct span) { reach[0].first * pick->step_h + pick->top, reach[0].last * pick->step_h + pick->top };
    reach[1] = (struct span) { reach[1].first * pick->step_w + pick->left, reach[1].last * pick->step_w + pick->left };
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* The step's state. */
struct move {
    struct pick pick;
    int out_channel;    /* first channel of the output, of a part of a concat; for copy_run: on a block border */
    int first_channels; /* what `channel` counts are those of the first input, then those of the second */
    bool part;          /* the other channels of the output are made by others */
    uint8_t fill_byte;  /* the pick's, where it moves bytes */
};

static void copy_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct move *s = step->state;
    size_t bytes = place_blocked_bytes (step->place.in.element, BLOCK, step->height, step->width);
    (void)e;
    (void)worker;
    memcpy ((char *)step->out + (size_t)(s->out_channel / BLOCK + item) * bytes,
            (const char *)step->in + (size_t)item * bytes, bytes);
}

/* Item = one block of 16 channels. */
static void copy_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, copy_item, divide_up (step->in_channels, BLOCK));
}

/* The channel of the inputs that channel `to` of the output is: -1, it is `fill`; -2, not this step's. */
static int picked (const struct move *s, int to)
{
    int i = to - s->out_channel;
    if (i < 0 || i >= s->pick.channels)
        return s->part ? -2 : -1;
    return s->pick.channel ? s->pick.channel[i] : i;
}

/* Where that channel of the inputs is. */
static const char *channel_at (const struct step *step, int channel, size_t size)
{
    const struct move *s = step->state;
    bool second = channel >= s->first_channels;
    int own = second ? channel - s->first_channels : channel;
    ptrdiff_t pixels = (ptrdiff_t)step->in_height * step->in_width;
    return (const char *)(second ? step->second : step->in) +
           (size_t)(own / BLOCK * pixels * BLOCK + own % BLOCK) * size;
}

/* Output columns [*first, *end) are inside the input. */
static void inside_columns (const struct step *step, int *first, int *end)
{
    const struct pick *pick = &((const struct move *)step->state)->pick;
    int64_t left = pick->left, step_w = pick->step_w;
    int64_t from = left < 0 ? (step_w - 1 - left) / step_w : 0;
    int64_t to = left < step->in_width ? (step->in_width - left + step_w - 1) / step_w : 0;
    *first = from < step->width ? (int)from : step->width;
    *end = to < *first ? *first : to < step->width ? (int)to : step->width;
}

/* One block. Row by row, or all of it at once where rows follow each other in both. */
static void pick_block (struct execution *e, const struct step *step, int block)
{
    const struct move *s = step->state;
    const struct pick *pick = &s->pick;
    size_t size = element_bytes (step->place.out.element);
    bool floats = step->place.out.element == ELEMENT_F32;
    void (*kernel) (const struct pick_args *) = floats ? e->kernels->pick : e->kernels->pick_bytes;
    const void *fill = floats ? (const void *)&pick->fill : &s->fill_byte;
    bool whole = !pick->top && !pick->left && pick->step_h == 1 && pick->step_w == 1 &&
                 step->height == step->in_height && step->width == step->in_width;
    int first, end, rows = whole ? 1 : step->height;
    size_t width = whole ? (size_t)step->height * (size_t)step->width : (size_t)step->width;
    char *out = (char *)step->out + (size_t)block * (size_t)step->height * (size_t)step->width * BLOCK * size;
    inside_columns (step, &first, &end);
    for (int y = 0; y < rows; y++, out += width * BLOCK * size) {
        int64_t row = pick->top + (int64_t)y * pick->step_h;
        bool inside = first < end && row >= 0 && row < step->in_height;
        int left = inside ? first : step->width;
        struct pick_args args = { .in_pixel = (ptrdiff_t)pick->step_w * BLOCK, .fill = s->part ? NULL : fill };
        args.out = out;
        args.pixels = left;
        if (left)
            kernel (&args);
        args.out = out + (size_t)end * BLOCK * size;
        args.pixels = step->width - end;
        if (inside && args.pixels)
            kernel (&args);
        ptrdiff_t at = inside ? (row * step->in_width + pick->left + (ptrdiff_t)first * pick->step_w) * BLOCK : 0;
        for (int c = 0; c < BLOCK; c++) {
            int channel = picked (s, block * BLOCK + c);
            args.from[c] = channel < 0 ? NULL : channel_at (step, channel, size) + at * (ptrdiff_t)size;
        }
        args.out = out + (size_t)left * BLOCK * size;
        args.pixels = whole ? (ptrdiff_t)width : end - first;
        if (inside)
            kernel (&args);
    }
}

static int first_block (const struct step *step)
{
    return ((const struct move *)step->state)->out_channel / BLOCK;
}

static int end_block (const struct step *step)
{
    const struct move *s = step->state;
    return divide_up (s->out_channel + s->pick.channels, BLOCK);
}

static void pick_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    (void)worker;
    pick_block (e, step, first_block (step) + item);
}

/* Item = one block of the output, or that part of it which is the step's. */
static void pick_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, pick_item, end_block (step) - first_block (step));
}

/* One step per part that does not lie where the concat wants it already. */
static bool concat_prepare (struct preparation *p, const struct layer *layer)
{
    const struct node *whole = &p->g->nodes[layer->output];
    const struct place *to = &p->places->of[layer->output];
    int channel = 0;
    for (int i = 0; i < layer->input_count; i++) {
        int part = layer->inputs[i], channels = p->g->nodes[part].channels;
        const struct place at = place_of (p, part);
        size_t wanted =
            to->offset + place_blocked_bytes (to->element, channel / BLOCK * BLOCK, whole->height, whole->width);
        bool there = channel % BLOCK == 0 && at.buffer == to->buffer && at.offset == wanted;
        if (!there) {
            struct step *step = step_new (p, channel % BLOCK ? pick_run : copy_run, part, layer->output);
            struct move s = { { .channels = channels, .step_h = 1, .step_w = 1 },
                              .out_channel = channel,
                              .first_channels = channels,
                              .part = true };
            if (!step || !step_state (p, step, &s, sizeof s))
                return false;
        }
        channel += channels;
    }
    return true;
}

/* Numbers that move are not looked at. */
static bool move_takes_bytes (const struct preparation *p, const struct layer *layer)
{
    bool same = true;
    for (int i = 0; i < layer->input_count; i++)
        same &= place_of (p, layer->inputs[i]).element == place_of (p, layer->output).element;
    return same;
}

static bool pick_prepare (struct preparation *p, const struct layer *layer)
{
    const struct pick *pick = &p->g->nodes[layer->node].u.pick;
    struct step *step = step_new (p, pick_run, layer->inputs[0], layer->output);
    if (!step)
        return false;
    int *channel = memory_add (p->memory, (size_t)pick->channels, sizeof *channel);
    if (!channel)
        return step_out_of_memory (p);
    memcpy (channel, layer->channel, (size_t)pick->channels * sizeof *channel);
    struct move s = { .pick = *pick, .first_channels = step->in_channels };
    s.pick.channel = channel;
    if (layer->input_count > 1)
        step->place.second = place_of (p, layer->inputs[1]);
    if (step->place.out.element == ELEMENT_U8) {
        float fill = pick->fill / step->place.out.scale + (float)step->place.out.zero;
        s.fill_byte = fill > 0 ? (uint8_t)rintf (fminf (fill, UINT8_MAX)) : 0;
    }
    return step_state (p, step, &s, sizeof s);
}

/* Blocks at the speed of the caches, 100 cycles to find a block's vectors; bytes that are not next to each other number
 * by number: 5 cycles each. */
static double move_cycles (const struct preparation *p, const struct step *step)
{
    double blocks = end_block (step) - first_block (step), numbers = blocks * BLOCK * step->height * step->width;
    bool apart = ((const struct move *)step->state)->pick.step_w > 1 && step->place.out.element == ELEMENT_U8;
    if (step->run == copy_run)
        return cost_move (p, 2 * cost_in (step));
    return (apart ? 5 * numbers : cost_move (p, 2 * numbers)) + 100 * blocks * step->height;
}

const struct operator_type operator_concat = {
    .shape = concat_shape,
    .grid = grid_same,
    .reach = reach_same,
    .takes_bytes = move_takes_bytes,
    .prepare = concat_prepare,
    .cycles = move_cycles,
};

const struct operator_type operator_pick = {
    .shape = pick_shape,
    .keep = pick_keep,
    .clear = pick_clear,
    .grid = pick_grid,
    .reach = pick_reach,
    .takes_bytes = move_takes_bytes,
    .prepare = pick_prepare,
    .cycles = move_cycles,
};
