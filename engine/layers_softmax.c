/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_softmax.c: softmax over the channels of each pixel, and its logarithm. */
#include "engine/operator.h"
#include "engine/cost.h"
#include "engine/schedule.h"

#include <math.h>

static int add_softmax (struct graph *g, enum operation operation, const char *label, const char *name, int x)
{
    struct node_spec spec = { .operation = operation, .label = label, .name = name, .inputs = &x, .input_count = 1 };
    return node_add (g, &spec);
}

int graph_softmax (struct graph *g, const char *name, int x)
{
    return add_softmax (g, OPERATION_SOFTMAX, "softmax", name, x);
}

int graph_log_softmax (struct graph *g, const char *name, int x)
{
    return add_softmax (g, OPERATION_LOG_SOFTMAX, "log-softmax", name, x);
}

static void softmax_run (struct execution *e, const struct step *step)
{
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    e->kernels->softmax (step->in, step->out, step->channels, pixels, pixels * BLOCK);
}

static bool softmax_prepare (struct preparation *p, const struct layer *layer)
{
    return step_new (p, softmax_run, layer->inputs[0], layer->output);
}

/* x - most - ln (sum of e^(x - most)) over the channels of each pixel. By itself and in double: it is seen at the end
 * of classifiers only, a thousand numbers a run, and ln of a softmax's 0 would be lost. */
static void log_softmax_run (struct execution *e, const struct step *step)
{
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width, block = pixels * BLOCK;
    (void)e;
    for (ptrdiff_t p = 0; p < pixels; p++) {
        const float *in = (const float *)step->in + p * BLOCK;
        float *out = (float *)step->out + p * BLOCK;
        double most = -INFINITY, sum = 0;
        for (int c = 0; c < step->channels; c++) {
            float x = in[c / BLOCK * block + c % BLOCK];
            most = (double)x > most || isnan (x) ? (double)x : most;
        }
        for (int c = 0; c < step->channels; c++)
            sum += exp ((double)in[c / BLOCK * block + c % BLOCK] - most);
        double less = most + log (sum);
        for (int c = 0; c < divide_up (step->channels, BLOCK) * BLOCK; c++) {
            ptrdiff_t at = c / BLOCK * block + c % BLOCK;
            out[at] = c < step->channels ? (float)((double)in[at] - less) : 0;
        }
    }
}

static bool log_softmax_prepare (struct preparation *p, const struct layer *layer)
{
    return step_new (p, log_softmax_run, layer->inputs[0], layer->output);
}

static double softmax_cycles (const struct preparation *p, const struct step *step)
{
    return 2 * cost_pass (p, step) + 40 * cost_out (step) / p->kernels->lanes;
}

/* In double, number by number. */
static double log_softmax_cycles (const struct preparation *p, const struct step *step)
{
    return cost_pass (p, step) + 60 * cost_out (step);
}

const struct operator_type operator_softmax = {
    .grid = grid_same,
    .reach = reach_same,
    .prepare = softmax_prepare,
    .cycles = softmax_cycles,
};

const struct operator_type operator_log_softmax = {
    .grid = grid_same,
    .reach = reach_same,
    .prepare = log_softmax_prepare,
    .cycles = log_softmax_cycles,
};
