/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_reorder.c: the graph's input, reshapes, and the ways from planar order (NCHW) to blocks of 16 channels
 * (nChw16c) and back. Item = one block. */
#include "engine/layers_reorder.h"
#include "engine/cost.h"
#include "engine/operator.h"

static ptrdiff_t out_pixels (const struct step *step)
{
    return (ptrdiff_t)step->height * step->width;
}

/* ---- input and outputs ------------------------------------------------------------------------------------------- */

int graph_input (struct graph *g, const char *name, int channels, int height, int width)
{
    if (g && g->count)
        return graph_fail (g, "input", name, "the graph has its input already, '%.100s'", g->nodes[0].name);
    struct node_spec spec = { .operation = OPERATION_INPUT,
                              .label = "input",
                              .name = name,
                              .channels = channels,
                              .height = height,
                              .width = width };
    return node_add (g, &spec);
}

static void to_blocked_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    ptrdiff_t at = (ptrdiff_t)item * BLOCK * out_pixels (step);
    (void)worker;
    e->kernels->reorder_to_blocked (e->input + at, (float *)step->out + at,
                                    least (BLOCK, step->channels - item * BLOCK), out_pixels (step));
}

void layers_reorder_to_blocked (struct execution *e, const struct step *step)
{
    schedule_items (e, step, to_blocked_item, divide_up (step->channels, BLOCK));
}

static void to_planar_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    ptrdiff_t at = (ptrdiff_t)item * BLOCK * out_pixels (step);
    (void)worker;
    e->kernels->reorder_to_planar ((const float *)step->in + at, (float *)step->out + at,
                                   least (BLOCK, step->channels - item * BLOCK), out_pixels (step));
}

void layers_reorder_to_planar (struct execution *e, const struct step *step)
{
    schedule_items (e, step, to_planar_item, divide_up (step->channels, BLOCK));
}

/* ---- reshape ----------------------------------------------------------------------------------------------------- */

static bool reshape_shape (struct graph *g, struct node_spec *spec)
{
    const struct node *in = &g->nodes[spec->inputs[0]];
    const int *wanted = spec->given; /* channels, height, width */
    bool positive = wanted[0] > 0 && wanted[1] > 0 && wanted[2] > 0;
    uint64_t before = checked_product ((uint64_t)in->channels, (uint64_t)in->height, (uint64_t)in->width, 1);
    if (!positive || checked_product ((uint64_t)wanted[0], (uint64_t)wanted[1], (uint64_t)wanted[2], 1) != before) {
        graph_fail (g, spec->label, spec->name, "%dx%dx%d cannot become %dx%dx%d", in->channels, in->height, in->width,
                    wanted[0], wanted[1], wanted[2]);
        return false;
    }
    spec->channels = wanted[0];
    spec->height = wanted[1];
    spec->width = wanted[2];
    return true;
}

int graph_reshape (struct graph *g, const char *name, int x, int channels, int height, int width)
{
    struct node_spec spec = { .operation = OPERATION_RESHAPE,
                              .label = "reshape",
                              .name = name,
                              .inputs = &x,
                              .input_count = 1,
                              .given = (const int[]) { channels, height, width } };
    return node_add (g, &spec);
}

/* Through planar order, in the shared scratch. */
/* Any number may have gone anywhere, unless planes stay what they are. */
static void reshape_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    if (in->height == node->height && in->width == node->width)
        return;
    reach[0] = (struct span) { 0, in->height - 1 };
    reach[1] = (struct span) { 0, in->width - 1 };
}

static void reshape_run (struct execution *e, const struct step *step)
{
    const struct kernels *k = e->kernels;
    k->reorder_to_planar (step->in, e->shared, step->in_channels, (ptrdiff_t)step->in_height * step->in_width);
    k->reorder_to_blocked (e->shared, step->out, step->channels, out_pixels (step));
}

/* Where no number moves. */
static bool reshape_takes_bytes (const struct preparation *p, const struct layer *layer)
{
    return p->places->alias[layer->output] != layer->output;
}

static bool reshape_prepare (struct preparation *p, const struct layer *layer)
{
    if (p->places->alias[layer->output] != layer->output)
        return true;
    struct step *step = step_new (p, reshape_run, layer->inputs[0], layer->output);
    if (!step)
        return false;
    need_bytes (&p->shared_bytes, place_blocked_bytes (ELEMENT_F32, step->channels * step->height * step->width, 1, 1));
    return true;
}

const struct operator_type operator_input = { 0 };

/* To planar and back, about a cycle a number each way. */
static double reshape_cycles (const struct preparation *p, const struct step *step)
{
    return cost_pass (p, step) + cost_in (step) + cost_out (step);
}

const struct operator_type operator_reshape = {
    .shape = reshape_shape,
    .reach = reshape_reach,
    .takes_bytes = reshape_takes_bytes,
    .prepare = reshape_prepare,
    .cycles = reshape_cycles,
};
