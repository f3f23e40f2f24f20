/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_reduce.c: maxima, means and mean squares: over all pixels of a channel (global pooling; item = one block of 16
 * channels), or over the channels at a pixel (item = some pixels). */
#include "engine/operator.h"
#include "engine/schedule.h"

static int add_reduction (struct graph *g, enum operation operation, const char *const labels[3], const char *name,
                          int x, enum reduction kind)
{
    if (g && (kind < REDUCTION_MAX || kind > REDUCTION_MEAN_SQUARE))
        return graph_fail (g, "reduce", name, "there is no reduction number %d", (int)kind);
    struct node_spec spec = {
        .operation = operation, .label = labels[kind], .name = name, .inputs = &x, .input_count = 1, .u.reduce = kind
    };
    return node_add (g, &spec);
}

int graph_reduce (struct graph *g, const char *name, int x, enum reduction kind)
{
    static const char *const labels[] = { "global-max-pool", "global-average-pool", "global-mean-square" };
    return add_reduction (g, OPERATION_REDUCE, labels, name, x, kind);
}

int graph_global_pool (struct graph *g, const char *name, int x, enum pool_kind kind)
{
    if (g && kind != POOL_MAX && kind != POOL_AVERAGE)
        return graph_fail (g, "global-pool", name, "there is no pooling number %d", (int)kind);
    return graph_reduce (g, name, x, kind == POOL_MAX ? REDUCTION_MAX : REDUCTION_MEAN);
}

int graph_reduce_channels (struct graph *g, const char *name, int x, enum reduction kind)
{
    static const char *const labels[] = { "channel-max", "channel-mean", "channel-mean-square" };
    return add_reduction (g, OPERATION_REDUCE_CHANNELS, labels, name, x, kind);
}

static bool reduce_shape (struct graph *g, struct node_spec *spec)
{
    (void)g;
    spec->window = (uint64_t)spec->height * (uint64_t)spec->width;
    spec->height = spec->width = 1;
    return true;
}

static bool reduce_channels_shape (struct graph *g, struct node_spec *spec)
{
    (void)g;
    spec->window = (uint64_t)spec->channels;
    spec->channels = 1;
    return true;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void reduce_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    ptrdiff_t pixels = (ptrdiff_t)step->in_height * step->in_width;
    (void)worker;
    e->kernels->reduce (*(const enum reduction *)step->state, (const float *)step->in + item * pixels * BLOCK, pixels,
                        NULL, (float *)step->out + item * BLOCK);
}

static void reduce_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, reduce_item, divide_up (step->channels, BLOCK));
}

enum { ITEM_PIXELS = 64 };

static void reduce_channels_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    int pixels = step->height * step->width, first = item * ITEM_PIXELS;
    (void)worker;
    e->kernels->reduce_channels (*(const enum reduction *)step->state, (const float *)step->in + first * BLOCK,
                                 step->in_channels, least (ITEM_PIXELS, pixels - first), (ptrdiff_t)pixels * BLOCK,
                                 NULL, (float *)step->out + first * BLOCK);
}

static void reduce_channels_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, reduce_channels_item, divide_up (step->height * step->width, ITEM_PIXELS));
}

static bool prepare_reduction (struct preparation *p, const struct layer *layer, run_function *run)
{
    const enum reduction *kind = &p->g->nodes[layer->node].u.reduce;
    struct step *step = step_new (p, run, layer->inputs[0], layer->output);
    return step && step_state (p, step, kind, sizeof *kind);
}

static bool reduce_prepare (struct preparation *p, const struct layer *layer)
{
    return prepare_reduction (p, layer, reduce_run);
}

static bool reduce_channels_prepare (struct preparation *p, const struct layer *layer)
{
    return prepare_reduction (p, layer, reduce_channels_run);
}

const struct operator_type operator_reduce = {
    .shape = reduce_shape,
    .prepare = reduce_prepare,
};

const struct operator_type operator_reduce_channels = {
    .shape = reduce_channels_shape,
    .grid = grid_same,
    .reach = reach_same,
    .prepare = reduce_channels_prepare,
};
