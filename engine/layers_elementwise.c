/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_elementwise.c: layers that make each number from the one, or the two, at its place: batch norm and other
 * affine maps per channel, activations, sums and products. Item = some pixels of one block of 16 channels. */
#include "engine/operator.h"
#include "engine/quantise.h"
#include "engine/schedule.h"

#include <math.h>
#include <stdlib.h>

/* ---- affine ------------------------------------------------------------------------------------------------------ */

/* What the caller gives; any of the arrays may be NULL: scale and variance 1, shift and mean 0. */
struct affine {
    const float *scale, *shift, *mean, *variance; /* [channels] */
    float epsilon;
};

static bool affine_shape (struct graph *g, struct node_spec *spec)
{
    (void)g;
    spec->bytes = 2 * sizeof (double) * (uint64_t)spec->channels;
    return true;
}

static void affine_keep (struct graph *g, struct node *node, const void *given)
{
    const struct affine *a = given;
    double *scale = malloc ((size_t)node->channels * sizeof (double));
    double *shift = malloc ((size_t)node->channels * sizeof (double));
    node->u.affine.scale = scale;
    node->u.affine.shift = shift;
    if (!scale || !shift) {
        graph_fail_memory (g, node->label, node->name);
        return;
    }
    for (int c = 0; c < node->channels; c++) {
        scale[c] = a->scale ? a->scale[c] : 1;
        shift[c] = a->shift ? a->shift[c] : 0;
        if (!a->variance)
            continue;
        double spread = (double)a->variance[c] + (double)a->epsilon;
        if (spread <= 0) {
            graph_fail (g, node->label, node->name, "variance + epsilon of channel %d is %g", c, spread);
            return;
        }
        scale[c] = a->scale[c] / sqrt (spread);
        shift[c] = a->shift[c] - a->mean[c] * scale[c];
    }
}

static void affine_clear (struct node *node)
{
    free (node->u.affine.scale);
    free (node->u.affine.shift);
}

static int add_affine (struct graph *g, const char *label, const char *name, int x, const struct affine *affine)
{
    struct node_spec spec = {
        .operation = OPERATION_AFFINE, .label = label, .name = name, .inputs = &x, .input_count = 1, .given = affine
    };
    return node_add (g, &spec);
}

int graph_batch_norm (struct graph *g, const char *name, int x, const float *scale, const float *shift,
                      const float *mean, const float *variance, float epsilon)
{
    if (g && !(scale && shift && mean && variance))
        return graph_fail (g, "batch-norm", name, "it has no scale, shift, mean or variance");
    return add_affine (g, "batch-norm", name, x, &(struct affine) { scale, shift, mean, variance, epsilon });
}

int graph_affine (struct graph *g, const char *name, int x, const float *scale, const float *shift)
{
    return add_affine (g, "affine", name, x, &(struct affine) { .scale = scale, .shift = shift });
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

const char *activation_name (enum activation_kind kind)
{
    static const char *const names[ACTIVATION_KINDS] = {
#define ACTIVATION(KIND, name, words, formula, negatives) name,
#include "engine/activations.def"
    };
    return (int)kind >= 0 && kind < ACTIVATION_KINDS ? names[kind] : NULL;
}

static bool activation_shape (struct graph *g, struct node_spec *spec)
{
    enum activation_kind kind = spec->u.activation.what.kind;
    bool slopes = spec->u.activation.slope;
    if (!activation_name (kind))
        graph_fail (g, spec->label, spec->name, "there is no activation number %d", (int)kind);
    else if (activation_is_function (kind))
        graph_fail (g, spec->label, spec->name, "%s is a function and no activation", activation_name (kind));
    else if (!slopes && (kind == ACTIVATION_PRELU || kind == ACTIVATION_ROUND || kind == ACTIVATION_REQUANTISE))
        graph_fail (g, spec->label, spec->name, "%s needs one slope per channel", activation_name (kind));
    spec->bytes = slopes ? sizeof (float) * (uint64_t)spec->channels : 0;
    return !graph_error (g);
}

static void activation_keep (struct graph *g, struct node *node, const void *given)
{
    (void)given;
    if (node->u.activation.slope)
        node->u.activation.slope =
            node_copy (g, node, node->u.activation.slope, (size_t)node->channels, sizeof (float));
}

static void activation_clear (struct node *node)
{
    free (node->u.activation.slope);
}

static int add_activation (struct graph *g, const char *name, int x, struct activation what, const float *slope)
{
    struct node_spec spec = { .operation = OPERATION_ACTIVATION,
                              .label = "activation",
                              .name = name,
                              .inputs = &x,
                              .input_count = 1,
                              .u.activation = { what, (float *)slope } };
    return node_add (g, &spec);
}

int graph_activation (struct graph *g, const char *name, int x, struct activation activation)
{
    return add_activation (g, name, x, activation, NULL);
}

int graph_prelu (struct graph *g, const char *name, int x, const float *alpha)
{
    if (g && !alpha)
        return graph_fail (g, "activation", name, "prelu has no slopes");
    return add_activation (g, name, x, (struct activation) { .kind = ACTIVATION_PRELU }, alpha);
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

static bool function_shape (struct graph *g, struct node_spec *spec)
{
    struct activation what = spec->u.activation.what;
    bool absolute = what.kind == ACTIVATION_LEAKY_RELU && what.alpha == -1;
    if (!activation_is_function (what.kind) && !absolute)
        graph_fail (g, spec->label, spec->name, "there is no function number %d", (int)what.kind);
    else if (what.kind == ACTIVATION_POWER && (!isfinite (what.alpha) || what.alpha == 0))
        graph_fail (g, spec->label, spec->name, "its exponent is %g", (double)what.alpha);
    spec->window = 8; /* as much work as so many numbers */
    return !graph_error (g);
}

int graph_function (struct graph *g, const char *name, int x, struct activation function)
{
    const char *label = activation_is_function (function.kind) ? activation_name (function.kind) : "abs";
    struct node_spec spec = { .operation = OPERATION_FUNCTION,
                              .label = label,
                              .name = name,
                              .inputs = &x,
                              .input_count = 1,
                              .u.activation = { function, NULL } };
    return node_add (g, &spec);
}

/* ---- quantisation ------------------------------------------------------------------------------------------------ */

static bool quantise_shape (struct graph *g, struct node_spec *spec)
{
    enum { WHOLE_MAX = 1 << 24 }; /* up to there floats hold every whole number */
    struct range range = spec->u.quantise.range;
    const float *unit = spec->u.quantise.unit;
    if (!isnormal (range.step) || range.step < 0)
        graph_fail (g, spec->label, spec->name, "its step is %g", (double)range.step);
    else if (range.low > 0 || range.high < 0 || range.low < -WHOLE_MAX || range.high > WHOLE_MAX)
        graph_fail (g, spec->label, spec->name, "its range is %d to %d steps", range.low, range.high);
    if (unit && spec->u.quantise.parts < 1)
        graph_fail (g, spec->label, spec->name, "its unit is of %d parts", spec->u.quantise.parts);
    for (int64_t c = 0; unit && c < spec->channels && !graph_error (g); c++) {
        if (!isnormal (unit[c]) || unit[c] < 0)
            graph_fail (g, spec->label, spec->name, "its unit of channel %d is %g", (int)c, (double)unit[c]);
    }
    spec->bytes = 2 * sizeof (float) * (uint64_t)spec->channels;
    return !graph_error (g);
}

static void quantise_keep (struct graph *g, struct node *node, const void *given)
{
    const float *unit = node->u.quantise.unit;
    float step = node->u.quantise.range.step, *slope = malloc ((size_t)node->channels * sizeof *slope);
    (void)given;
    node->u.quantise.slope = slope;
    if (!slope)
        graph_fail_memory (g, node->label, node->name);
    for (int c = 0; slope && c < node->channels; c++)
        slope[c] = unit ? unit[c] / (step * (float)node->u.quantise.parts) : step;
    if (unit)
        node->u.quantise.unit = node_copy (g, node, unit, (size_t)node->channels, sizeof *unit);
}

static void quantise_clear (struct node *node)
{
    free (node->u.quantise.unit);
    free (node->u.quantise.slope);
}

int graph_quantise (struct graph *g, const char *name, int x, struct range range, const float *unit, int parts)
{
    struct node_spec spec = { .operation = OPERATION_QUANTISE,
                              .label = "quantise",
                              .name = name,
                              .inputs = &x,
                              .input_count = 1,
                              .u.quantise = { .range = range, .unit = (float *)unit, .parts = parts } };
    return node_add (g, &spec);
}

/* ---- sums, products, maxima -------------------------------------------------------------------------------------- */

/* Whether `small` repeats over `large` in whole axes: channels, or rows and columns together. */
static bool repeats_over (const struct node *small, const struct node *large)
{
    return (small->channels == large->channels || small->channels == 1) &&
           ((small->height == large->height && small->width == large->width) ||
            (small->height == 1 && small->width == 1));
}

static bool pair_shape (struct graph *g, struct node_spec *spec)
{
    const struct node *left = &g->nodes[spec->inputs[0]], *right = &g->nodes[spec->inputs[1]];
    const struct node *large = repeats_over (right, left) ? left : right;
    if (!repeats_over (left, large) || !repeats_over (right, large)) {
        graph_fail (g, spec->label, spec->name, "%dx%dx%d and %dx%dx%d do not fit together", left->channels,
                    left->height, left->width, right->channels, right->height, right->width);
        return false;
    }
    spec->channels = large->channels;
    spec->height = large->height;
    spec->width = large->width;
    return true;
}

static int add_pair (struct graph *g, enum operation operation, const char *label, const char *name, int a, int b)
{
    struct node_spec spec = {
        .operation = operation, .label = label, .name = name, .inputs = (int[]) { a, b }, .input_count = 2
    };
    return node_add (g, &spec);
}

int graph_add (struct graph *g, const char *name, int a, int b)
{
    return add_pair (g, OPERATION_ADD, "add", name, a, b);
}

int graph_mul (struct graph *g, const char *name, int a, int b)
{
    return add_pair (g, OPERATION_MUL, "mul", name, a, b);
}

int graph_max (struct graph *g, const char *name, int a, int b)
{
    return add_pair (g, OPERATION_MAX, "max", name, a, b);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* The step's state. */
struct elementwise {
    enum elementwise_operation operation;
    ptrdiff_t b_pixel, b_block;
    bool b_lane, bytes; /* bytes: some of the tensors are */
    const float *scale, *shift;
};

enum { ITEM_PIXELS = 512, CHUNK_PIXELS = 32 };

static const float *as_floats (struct execution *e, const struct place *place, const void *from, ptrdiff_t at,
                               ptrdiff_t numbers, float *to)
{
    if (place->element == ELEMENT_F32)
        return (const float *)from + at;
    e->kernels->dequantise ((const uint8_t *)from + at, to, numbers, place->scale, (float)place->zero);
    return to;
}

/* Where some of it is bytes: a few pixels at a time become floats in the worker's scratch, and bytes again. */
static void elementwise_bytes (struct execution *e, const struct step *step, struct worker_state *worker,
                               struct elementwise_args args, ptrdiff_t at, ptrdiff_t b_at)
{
    enum { NUMBERS = CHUNK_PIXELS * BLOCK };
    const struct elementwise *s = step->state;
    const struct place *out = &step->place.out;
    float *scratch = worker->scratch, *made = scratch + (ptrdiff_t)3 * NUMBERS;
    for (ptrdiff_t left = args.pixels; left > 0;
         left -= CHUNK_PIXELS, at += NUMBERS, b_at += CHUNK_PIXELS * s->b_pixel) {
        args.pixels = left < CHUNK_PIXELS ? left : CHUNK_PIXELS;
        ptrdiff_t numbers = args.pixels * BLOCK;
        args.a = as_floats (e, &step->place.in, step->in, at, numbers, scratch);
        if (step->second)
            args.b =
                as_floats (e, &step->place.second, step->second, b_at, s->b_pixel ? numbers : BLOCK, scratch + NUMBERS);
        if (step->residual)
            args.residual =
                as_floats (e, &step->place.residual, step->residual, at, numbers, scratch + (ptrdiff_t)2 * NUMBERS);
        args.out = out->element == ELEMENT_F32 ? (float *)step->out + at : made;
        e->kernels->elementwise (&args);
        if (out->element == ELEMENT_U8)
            e->kernels->quantise (made, (uint8_t *)step->out + at, numbers, 1 / out->scale, (float)out->zero);
    }
}

static void elementwise_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct elementwise *s = step->state;
    const float *a = step->in, *b = step->second, *residual = step->residual;
    float *out = step->out;
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    int count = divide_up (step->channels, BLOCK), block = item % count;
    ptrdiff_t first = (ptrdiff_t)(item / count) * ITEM_PIXELS, left = pixels - first;
    ptrdiff_t at = (block * pixels + first) * BLOCK;
    struct elementwise_args args = {
        .operation = s->operation,
        .b_pixel = s->b_pixel,
        .b_lane = s->b_lane,
        .scale = s->scale,
        .shift = s->shift,
        .pixels = left < ITEM_PIXELS ? left : ITEM_PIXELS,
        .channel = block * BLOCK,
        .epilogue = &step->epilogue,
    };
    ptrdiff_t b_at = block * s->b_block + first * s->b_pixel;
    if (s->bytes) {
        elementwise_bytes (e, step, worker, args, at, b_at);
        return;
    }
    args.a = a + at;
    args.b = b ? b + b_at : NULL;
    args.residual = residual ? residual + at : NULL;
    args.out = out + at;
    e->kernels->elementwise (&args);
}

static void elementwise_run (struct execution *e, const struct step *step)
{
    ptrdiff_t pixels = (ptrdiff_t)step->height * step->width;
    schedule_items (e, step, elementwise_item,
                    divide_up (step->channels, BLOCK) * (int)((pixels + ITEM_PIXELS - 1) / ITEM_PIXELS));
}

/* How the smaller operand b is spread over the other. */
static void spread (const struct node *b, int channels, struct elementwise *s)
{
    bool one_pixel = b->height == 1 && b->width == 1, one_channel = b->channels == 1;
    s->b_lane = one_channel && channels > 1;
    s->b_pixel = one_pixel ? 0 : BLOCK;
    s->b_block = s->b_lane ? 0 : (ptrdiff_t)b->height * b->width * BLOCK;
}

/* The layer's first input by `operation` with its second one, if that is not -1. */
static bool prepare_elementwise (struct preparation *p, const struct layer *layer, enum elementwise_operation operation,
                                 int first, int second)
{
    struct elementwise s = { .operation = operation };
    struct step *step = step_new (p, elementwise_run, first, layer->output);
    if (!step || !step_epilogue (p, step, layer) || !step_channels (p, &s.scale, NULL, layer->scale, step->channels) ||
        !step_channels (p, &s.shift, NULL, layer->shift, step->channels))
        return false;
    if (second >= 0) {
        step->place.second = place_of (p, second);
        spread (&p->g->nodes[second], step->channels, &s);
    }
    s.bytes = quantise_touches (p, layer);
    if (s.bytes)
        need_bytes (&p->scratch_bytes, (size_t)4 * CHUNK_PIXELS * BLOCK * sizeof (float));
    return step_state (p, step, &s, sizeof s);
}

static bool any_bytes (const struct preparation *p, const struct layer *layer)
{
    (void)p;
    (void)layer;
    return true;
}

static bool one_prepare (struct preparation *p, const struct layer *layer)
{
    if (p->places->alias[layer->output] != layer->output) /* bytes that are rounded already: place.c */
        return true;
    return prepare_elementwise (p, layer, ELEMENTWISE_FIRST, layer->inputs[0], -1);
}

/* The first operand of a step is the one that has the shape of the output. */
static bool pair_prepare (struct preparation *p, const struct layer *layer)
{
    const struct node *out = &p->g->nodes[layer->output], *a = &p->g->nodes[layer->inputs[0]];
    bool swap = a->channels != out->channels || a->height != out->height || a->width != out->width;
    enum elementwise_operation operation = layer->operation == OPERATION_ADD   ? ELEMENTWISE_ADD
                                           : layer->operation == OPERATION_MUL ? ELEMENTWISE_MUL
                                                                               : ELEMENTWISE_MAX;
    return prepare_elementwise (p, layer, operation, layer->inputs[swap], layer->inputs[!swap]);
}

const struct operator_type operator_affine = {
    .takes_epilogue = true,
    .shape = affine_shape,
    .keep = affine_keep,
    .clear = affine_clear,
    .grid = grid_same,
    .reach = reach_same,
    .takes_bytes = any_bytes,
    .prepare = one_prepare,
};

const struct operator_type operator_activation = {
    .takes_epilogue = true,
    .shape = activation_shape,
    .keep = activation_keep,
    .clear = activation_clear,
    .grid = grid_same,
    .reach = reach_same,
    .takes_bytes = any_bytes,
    .prepare = one_prepare,
};

const struct operator_type operator_function = {
    .takes_epilogue = true,
    .shape = function_shape,
    .grid = grid_same,
    .reach = reach_same,
    .prepare = one_prepare,
};

const struct operator_type operator_quantise = {
    .takes_epilogue = true,
    .shape = quantise_shape,
    .keep = quantise_keep,
    .clear = quantise_clear,
    .grid = grid_same,
    .reach = reach_same,
    .takes_bytes = any_bytes,
    .prepare = one_prepare,
};

const struct operator_type operator_add = {
    .takes_epilogue = true,
    .shape = pair_shape,
    .grid = grid_same,
    .reach = reach_same,
    .takes_bytes = any_bytes,
    .prepare = pair_prepare,
};

const struct operator_type operator_mul = {
    .takes_epilogue = true,
    .shape = pair_shape,
    .grid = grid_same,
    .reach = reach_same,
    .takes_bytes = any_bytes,
    .prepare = pair_prepare,
};

const struct operator_type operator_max = {
    .takes_epilogue = true,
    .shape = pair_shape,
    .grid = grid_same,
    .reach = reach_same,
    .prepare = pair_prepare,
};
