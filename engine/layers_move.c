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
    int out_channel;   /* first channel of the output, of a part of a concat; for copy_run: on a block border */
    uint8_t fill_byte; /* the pick's, where it moves bytes */
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

/* Of numbers of `size` bytes, a constant at every call; fill is one of them. */
static inline void pick_channel (const struct step *step, int item, size_t size, const void *fill)
{
    const struct move *s = step->state;
    const struct pick *pick = &s->pick;
    int to = s->out_channel + item, from = pick->channel ? pick->channel[item] : item;
    ptrdiff_t in_pixels = (ptrdiff_t)step->in_height * step->in_width;
    ptrdiff_t out_pixels = (ptrdiff_t)step->height * step->width;
    char *out = (char *)step->out + (size_t)(to / BLOCK * out_pixels * BLOCK + to % BLOCK) * size;
    const char *in =
        from < 0 ? NULL : (const char *)step->in + (size_t)(from / BLOCK * in_pixels * BLOCK + from % BLOCK) * size;
    for (int y = 0; y < step->height; y++) {
        int row = pick->top + y * pick->step_h;
        for (int x = 0; x < step->width; x++, out += BLOCK * size) {
            int column = pick->left + x * pick->step_w;
            bool inside = in && row >= 0 && row < step->in_height && column >= 0 && column < step->in_width;
            memcpy (out, inside ? in + (size_t)(((ptrdiff_t)row * step->in_width + column) * BLOCK) * size : fill,
                    size);
        }
    }
}

static void pick_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct move *s = step->state;
    (void)e;
    (void)worker;
    if (step->place.out.element == ELEMENT_U8)
        pick_channel (step, item, 1, &s->fill_byte);
    else
        pick_channel (step, item, sizeof (float), &s->pick.fill);
}

/* Item = channel out_channel + item of out. */
static void pick_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, pick_item, ((const struct move *)step->state)->pick.channels);
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
            struct move s = { { .channels = channels, .step_h = 1, .step_w = 1 }, .out_channel = channel };
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
    memcpy (channel, pick->channel, (size_t)pick->channels * sizeof *channel);
    struct move s = { .pick = *pick };
    s.pick.channel = channel;
    if (step->place.out.element == ELEMENT_U8) {
        float fill = pick->fill / step->place.out.scale + (float)step->place.out.zero;
        s.fill_byte = fill > 0 ? (uint8_t)rintf (fminf (fill, UINT8_MAX)) : 0;
    }
    return step_state (p, step, &s, sizeof s);
}

/* Number by number, from and to places 16 apart: 5 cycles each; 30 to begin with a channel. */
static double move_cycles (const struct preparation *p, const struct step *step)
{
    double channels = ((const struct move *)step->state)->pick.channels;
    if (step->run == copy_run)
        return cost_move (p, 2 * cost_in (step));
    return channels * (30 + 5.0 * step->height * step->width);
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
