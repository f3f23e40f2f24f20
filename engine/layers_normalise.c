/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_normalise.c: normalisation by the mean and variance of the input itself, found in two passes over it: the
 * mean first, then the squares of what differs from it.
 *
 *   layer norm: of the channels at a pixel. Item = some pixels, few enough to stay in the cache between the passes
 *   group norm: of some channels and all pixels. Items are blocks of 16 channels; their sums per channel are put
 *               together in channel order before all of them go on */
#include "engine/operator.h"
#include "engine/schedule.h"

#include <math.h>

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

static bool normalise_shape (struct graph *g, struct node_spec *spec)
{
    struct normalise *how = &spec->u.normalise;
    how->groups = how->groups ? how->groups : 1;
    if (how->groups < 1 || spec->channels % how->groups)
        graph_fail (g, spec->label, spec->name, "%d channels in %d groups", (int)spec->channels, how->groups);
    else if (!isfinite (how->epsilon) || how->epsilon < 0)
        graph_fail (g, spec->label, spec->name, "its epsilon is %g", (double)how->epsilon);
    spec->window = 3;
    return !graph_error (g);
}

static int add_norm (struct graph *g, enum operation operation, const char *label, const char *name, int x,
                     const struct normalise *how)
{
    if (g && !how)
        return graph_fail (g, label, name, "it has no parameters");
    struct node_spec spec = { .operation = operation, .label = label, .name = name, .inputs = &x, .input_count = 1 };
    if (how)
        spec.u.normalise = *how;
    return node_add (g, &spec);
}

int graph_group_norm (struct graph *g, const char *name, int x, const struct normalise *how)
{
    return add_norm (g, OPERATION_GROUP_NORM, "group-norm", name, x, how);
}

int graph_layer_norm (struct graph *g, const char *name, int x, const struct normalise *how)
{
    if (g && how && how->groups > 1)
        return graph_fail (g, "layer-norm", name, "%d groups, only 1 is possible", how->groups);
    return add_norm (g, OPERATION_LAYER_NORM, "layer-norm", name, x, how);
}

static void group_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    (void)node;
    reach[0] = (struct span) { 0, in->height - 1 };
    reach[1] = (struct span) { 0, in->width - 1 };
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* The step's state. */
struct normalising {
    struct normalise how;
    const float *scale, *shift; /* [channels], or NULL */
};

static float inverse_root (float variance, float epsilon)
{
    return 1 / sqrtf (variance + epsilon);
}

/* Pixels of an item of a layer norm: about 24 KB of input. */
static int item_pixels (int channels)
{
    int pixels = 384 / divide_up (channels, BLOCK) / 4 * 4;
    return pixels < 4 ? 4 : pixels > 64 ? 64 : pixels;
}

/* Of each pixel its mean and what to multiply by, both in the worker's scratch. */
static void layer_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct normalising *s = step->state;
    const struct kernels *k = e->kernels;
    int all = step->height * step->width, first = item * item_pixels (step->channels);
    int pixels = least (item_pixels (step->channels), all - first);
    ptrdiff_t block = (ptrdiff_t)all * BLOCK;
    const float *in = (const float *)step->in + first * BLOCK, *residual = step->residual;
    float *statistics = worker->scratch, *squares = statistics + pixels * BLOCK;
    for (int p = 0; p < pixels; p++)
        statistics[p * BLOCK] = 0;
    if (!s->how.uncentred)
        k->reduce_channels (REDUCTION_MEAN, in, step->channels, pixels, block, NULL, statistics);
    k->reduce_channels (REDUCTION_MEAN_SQUARE, in, step->channels, pixels, block, statistics, squares);
    for (int p = 0; p < pixels; p++)
        statistics[p * BLOCK + 1] = inverse_root (squares[p * BLOCK], s->how.epsilon);
    for (int b = 0; b < divide_up (step->channels, BLOCK); b++) {
        ptrdiff_t at = b * block + first * BLOCK;
        struct elementwise_args args = { .operation = ELEMENTWISE_NORMALISE,
                                         .a = in + b * block,
                                         .b = statistics,
                                         .b_pixel = BLOCK,
                                         .b_lane = true,
                                         .scale = s->scale,
                                         .shift = s->shift,
                                         .residual = residual ? residual + at : NULL,
                                         .out = (float *)step->out + at,
                                         .pixels = pixels,
                                         .channel = b * BLOCK,
                                         .epilogue = &step->epilogue };
        k->elementwise (&args);
    }
}

static void layer_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, layer_item, divide_up (step->height * step->width, item_pixels (step->channels)));
}

/* The execution's shared scratch: of each channel, rounded up to 16. */
struct shared {
    float *centre, *minus; /* mean of its group; the same with the other sign */
    float *spread;         /* mean square of what differs from it */
    float *scale, *shift;
};
enum { SHARED_ARRAYS = 5 };

static struct shared shared_of (const struct execution *e, const struct step *step)
{
    ptrdiff_t channels = (ptrdiff_t)divide_up (step->channels, BLOCK) * BLOCK;
    float *at = e->shared;
    return (struct shared) { at, at + channels, at + 2 * channels, at + 3 * channels, at + 4 * channels };
}

static void mean_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    (void)worker;
    e->kernels->reduce (REDUCTION_MEAN, (const float *)step->in + item * pixels * BLOCK, pixels, NULL,
                        shared_of (e, step).centre + item * BLOCK);
}

static void spread_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    struct shared shared = shared_of (e, step);
    (void)worker;
    e->kernels->reduce (REDUCTION_MEAN_SQUARE, (const float *)step->in + item * pixels * BLOCK, pixels,
                        shared.centre + item * BLOCK, shared.spread + item * BLOCK);
}

enum { ITEM_PIXELS = 512 };

static void group_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    struct shared shared = shared_of (e, step);
    const float *residual = step->residual;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    int count = divide_up (step->channels, BLOCK), block = item % count;
    ptrdiff_t first = (ptrdiff_t)(item / count) * ITEM_PIXELS, left = pixels - first;
    ptrdiff_t at = (block * pixels + first) * BLOCK;
    (void)worker;
    struct elementwise_args args = { .operation = ELEMENTWISE_ADD,
                                     .a = (const float *)step->in + at,
                                     .b = shared.minus + block * BLOCK,
                                     .scale = shared.scale,
                                     .shift = shared.shift,
                                     .residual = residual ? residual + at : NULL,
                                     .out = (float *)step->out + at,
                                     .pixels = left < ITEM_PIXELS ? left : ITEM_PIXELS,
                                     .channel = block * BLOCK,
                                     .epilogue = &step->epilogue };
    e->kernels->elementwise (&args);
}

/* The mean of each group's channels in all of its channels; groups of `size`. */
static void spread_over_groups (float *of, int channels, int size)
{
    for (int first = 0; first < channels; first += size) {
        float sum = 0;
        for (int c = first; c < first + size; c++)
            sum += of[c];
        for (int c = first; c < first + size; c++)
            of[c] = sum / (float)size;
    }
}

static void group_run (struct execution *e, const struct step *step)
{
    const struct normalising *s = step->state;
    struct shared shared = shared_of (e, step);
    int channels = step->channels, blocks = divide_up (channels, BLOCK), size = channels / s->how.groups;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    for (int c = 0; c < blocks * BLOCK; c++)
        shared.centre[c] = 0;
    if (!s->how.uncentred) {
        schedule_items (e, step, mean_item, blocks);
        spread_over_groups (shared.centre, channels, size);
    }
    schedule_items (e, step, spread_item, blocks);
    spread_over_groups (shared.spread, channels, size);
    for (int c = 0; c < channels; c++) {
        float scale = inverse_root (shared.spread[c], s->how.epsilon);
        shared.scale[c] = s->scale ? scale * s->scale[c] : scale;
        shared.shift[c] = s->scale ? s->shift[c] : 0;
        shared.minus[c] = -shared.centre[c];
    }
    for (int c = channels; c < blocks * BLOCK; c++)
        shared.minus[c] = shared.scale[c] = shared.shift[c] = 0;
    schedule_items (e, step, group_item, blocks * (int)((pixels + ITEM_PIXELS - 1) / ITEM_PIXELS));
}

static struct step *prepare_norm (struct preparation *p, const struct layer *layer, run_function *run)
{
    struct normalising s = { .how = p->g->nodes[layer->node].u.normalise };
    struct step *step = step_new (p, run, layer->inputs[0], layer->output);
    if (step)
        step->operation = p->g->nodes[layer->node].label; /* whatever else it takes in */
    bool good = step && step_epilogue (p, step, layer) &&
                step_channels (p, &s.scale, NULL, layer->scale, step->channels) &&
                step_channels (p, &s.shift, NULL, layer->shift, step->channels) && step_state (p, step, &s, sizeof s);
    return good ? step : NULL;
}

static bool layer_prepare (struct preparation *p, const struct layer *layer)
{
    struct step *step = prepare_norm (p, layer, layer_run);
    if (step)
        need_bytes (&p->scratch_bytes, 2 * (size_t)item_pixels (step->channels) * BLOCK * sizeof (float));
    return step != NULL;
}

static bool group_prepare (struct preparation *p, const struct layer *layer)
{
    struct step *step = prepare_norm (p, layer, group_run);
    if (step)
        need_bytes (&p->shared_bytes, SHARED_ARRAYS * place_blocked_count (step->channels, 1, 1) * sizeof (float));
    return step != NULL;
}

const struct operator_type operator_layer_norm = {
    .takes_epilogue = true,
    .shape = normalise_shape,
    .grid = grid_same,
    .reach = reach_same,
    .prepare = layer_prepare,
};

const struct operator_type operator_group_norm = {
    .takes_epilogue = true,
    .shape = normalise_shape,
    .grid = grid_same,
    .reach = group_reach,
    .prepare = group_prepare,
};
