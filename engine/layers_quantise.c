/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_quantise.c: quantisation by the range that a tensor has in each run: first its least and largest number, then
 * all of them in steps of it. */
#include "engine/operator.h"
#include "engine/cost.h"
#include "engine/schedule.h"

#include <math.h>

enum { LEVELS = 255 }; /* steps between least and largest */

int graph_quantise_dynamic (struct graph *g, const char *name, int x)
{
    struct node_spec spec = { .operation = OPERATION_QUANTISE_DYNAMIC,
                              .label = "quantise-dynamic",
                              .name = name,
                              .inputs = &x,
                              .input_count = 1,
                              .window = 2 };
    return node_add (g, &spec);
}

/* The execution's shared scratch. */
struct dynamic {
    float step[BLOCK], zero[BLOCK]; /* every channel's */
    struct epilogue epilogue;
    float block[][2]; /* [blocks] least and largest number of each, or 0 */
};

/* Of one block of channels; lanes past the last channel hold anything. */
static void reach_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    struct dynamic *d = e->shared;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    const float *in = (const float *)step->in + item * pixels * BLOCK;
    float low[BLOCK] = { 0 }, high[BLOCK] = { 0 };
    (void)worker;
    for (ptrdiff_t p = 0; p < pixels; p++, in += BLOCK)
        for (int c = 0; c < BLOCK; c++) {
            low[c] = in[c] < low[c] ? in[c] : low[c];
            high[c] = in[c] > high[c] ? in[c] : high[c];
        }
    float *to = d->block[item];
    to[0] = to[1] = 0;
    for (int c = 0; c < least (BLOCK, step->channels - item * BLOCK); c++) {
        to[0] = low[c] < to[0] ? low[c] : to[0];
        to[1] = high[c] > to[1] ? high[c] : to[1];
    }
}

/* ONNX's rule; numbers that are all 0 stay so. */
static void choose_steps (struct dynamic *d, int blocks)
{
    float low = 0, high = 0;
    for (int b = 0; b < blocks; b++) {
        low = d->block[b][0] < low ? d->block[b][0] : low;
        high = d->block[b][1] > high ? d->block[b][1] : high;
    }
    float step = (high - low) / LEVELS;
    bool usable = isnormal (step);
    float zero = usable ? rintf (fminf (fmaxf (-low / step, 0), LEVELS)) : 0;
    for (int c = 0; c < BLOCK; c++) {
        d->step[c] = usable ? step : 1;
        d->zero[c] = 0;
    }
    d->epilogue = (struct epilogue) { .activation = { ACTIVATION_ROUND, -zero, LEVELS - zero },
                                      .slope = d->step,
                                      .post_scale = d->step,
                                      .post_shift = d->zero };
}

static void steps_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    struct dynamic *d = e->shared;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width, at = item * pixels * BLOCK;
    (void)worker;
    struct elementwise_args args = { .operation = ELEMENTWISE_FIRST,
                                     .a = (const float *)step->in + at,
                                     .out = (float *)step->out + at,
                                     .pixels = pixels,
                                     .epilogue = &d->epilogue };
    e->kernels->elementwise (&args);
}

static void quantise_dynamic_run (struct execution *e, const struct step *step)
{
    int blocks = divide_up (step->channels, BLOCK);
    schedule_items (e, step, reach_item, blocks);
    choose_steps (e->shared, blocks);
    schedule_items (e, step, steps_item, blocks);
}

static bool quantise_dynamic_prepare (struct preparation *p, const struct layer *layer)
{
    struct step *step = step_new (p, quantise_dynamic_run, layer->inputs[0], layer->output);
    if (!step)
        return false;
    size_t blocks = (size_t)divide_up (step->channels, BLOCK);
    need_bytes (&p->shared_bytes, sizeof (struct dynamic) + blocks * sizeof (float[2]));
    return true;
}

/* Once for the reach, once for the steps. */
static double quantise_dynamic_cycles (const struct preparation *p, const struct step *step)
{
    return 2 * cost_pass (p, step);
}

const struct operator_type operator_quantise_dynamic = {
    .grid = grid_same,
    .reach = reach_same,
    .prepare = quantise_dynamic_prepare,
    .cycles = quantise_dynamic_cycles,
};
