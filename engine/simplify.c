/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* simplify.c: nodes -> fewer, fused layers that compute the same.
 *
 * Takes a graph, the tensors that must survive ("pinned": outputs and taps) and, if wanted, the activation to put in
 * place of every other; gives the layers of graph.h in execution order. Five passes, each over all nodes once:
 *
 *   1. nodes that no pinned tensor needs are dropped, the uses of the others counted
 *   2. patterns: x * sigmoid (x) is SiLU, x * hard-sigmoid (x) is hard-swish; zero padding joins its convolution
 *      or average
 *   3. replaced activations, except the gates that weigh whole channels (squeeze and excite); functions, which never
 *      are, become activations like the others
 *   4. a pick of what a pick or a concat of two makes is one of what those read: a channel shuffle is one pass
 *   5. each node left over becomes the head of a layer and takes in what follows it:
 *
 *      conv -> batch-norm -> add -> relu -> batch-norm       one layer, named by its last node
 *                            ^ residual: any tensor that is made already
 *
 *    and a quantise of a layer without residual, whose ReLU or clip then is part of its range
 *
 * A tensor inside a chain is never written, so it must have one use and not be pinned. */
#include "engine/layer_window.h"
#include "engine/operator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A pick's channels, counted through one input or two side by side. */
struct gather {
    int inputs[2], count; /* count 0: those of the node */
    int *channel;
};

/* What a node has become so far. */
struct view {
    enum operation operation;     /* the node's; a MUL that is an activation: OPERATION_ACTIVATION */
    int input;                    /* its first input, past a folded PICK; or -1 */
    struct gather gather;         /* OPERATION_PICK: what it reads past what is folded */
    struct activation activation; /* OPERATION_ACTIVATION, after replacing */
    const float *slope;           /* prelu: [channels] */
    int uses, consumer;           /* how often live nodes read the tensor, and the last of them */
    bool live;                    /* a pinned tensor needs it and no layer contains it yet */
    bool gate;                    /* (channels, 1, 1), multiplied over a larger tensor */
    bool made;                    /* the layer that makes the tensor is in the list */
};

struct simplifier {
    const struct graph *g;
    const bool *pinned;
    struct view *views; /* [g->count] */
    struct layers *layers;
};

/* ---- passes 1 to 3 ------------------------------------------------------------------------------------------- */

static void find_live (struct simplifier *s)
{
    for (int id = s->g->count - 1; id >= 0; id--) {
        const struct node *node = &s->g->nodes[id];
        struct view *view = &s->views[id];
        view->operation = node->operation;
        view->input = node->input_count ? node->inputs[0] : -1;
        view->live |= s->pinned[id];
        for (int i = 0; view->live && i < node->input_count; i++) {
            struct view *in = &s->views[node->inputs[i]];
            in->live = true;
            /* Ids fall, so that the first consumer seen is the last one. */
            if (!in->uses++)
                in->consumer = id;
        }
    }
}

/* What x * gate (x) is as one activation; ACTIVATION_NONE: nothing known. */
static enum activation_kind gated (struct activation gate)
{
    if (gate.kind == ACTIVATION_SIGMOID)
        return ACTIVATION_SILU;
    /* alpha comes from a file as the float nearest 1/6 or a decimal of it */
    if (gate.kind == ACTIVATION_HARD_SIGMOID && fabsf (gate.alpha * 6 - 1) < 1e-6f && gate.beta == 0.5f)
        return ACTIVATION_HARD_SWISH;
    return ACTIVATION_NONE;
}

/* Turns the MUL into an activation of x when its other operand is a gate of x that nobody else reads. */
static bool fold_gate (struct simplifier *s, int mul, int x, int gate)
{
    const struct node *node = &s->g->nodes[gate];
    struct view *view = &s->views[gate];
    if (node->operation != OPERATION_ACTIVATION || node->inputs[0] != x || s->pinned[gate] || view->uses != 1)
        return false;
    enum activation_kind kind = gated (node->u.activation.what);
    if (kind == ACTIVATION_NONE)
        return false;
    s->views[mul].operation = OPERATION_ACTIVATION;
    s->views[mul].input = x;
    s->views[mul].activation = (struct activation) { .kind = kind };
    view->live = false;
    s->views[x].uses--; /* the gate's; what is left is the MUL's */
    return true;
}

static void find_patterns (struct simplifier *s)
{
    for (int id = 0; id < s->g->count; id++) {
        const struct node *node = &s->g->nodes[id];
        struct view *view = &s->views[id];
        if (view->live && (node->operation == OPERATION_ACTIVATION || node->operation == OPERATION_FUNCTION)) {
            view->activation = node->u.activation.what;
            view->slope = node->u.activation.slope;
        }
        if (!view->live || node->operation != OPERATION_MUL)
            continue;
        int a = node->inputs[0], b = node->inputs[1];
        if (fold_gate (s, id, a, b) || fold_gate (s, id, b, a))
            continue;
        for (int i = 0; i < 2; i++) {
            const struct node *in = &s->g->nodes[node->inputs[i]];
            if (in->height == 1 && in->width == 1 && (node->height > 1 || node->width > 1))
                s->views[node->inputs[i]].gate = true;
        }
    }
}

/* Whether the pick does nothing but put zeros round its input. */
static bool is_zero_pad (const struct graph *g, const struct node *node)
{
    const struct pick *pick = &node->u.pick;
    const struct node *in = &g->nodes[node->inputs[0]];
    if (pick->fill != 0 || pick->step_h != 1 || pick->step_w != 1 || pick->channels != in->channels)
        return false;
    if (pick->top > 0 || pick->left > 0 || pick->top + pick->height < in->height ||
        pick->left + pick->width < in->width)
        return false;
    for (int c = 0; c < pick->channels; c++) {
        if (pick->channel[c] != c)
            return false;
    }
    return true;
}

/* The padding of a pick that is_zero_pad is added to pad: top, left, bottom, right. */
static void add_pads (const struct graph *g, const struct node *node, int *const pad[4])
{
    const struct node *in = &g->nodes[node->inputs[0]];
    const struct pick *pick = &node->u.pick;
    *pad[0] -= pick->top;
    *pad[1] -= pick->left;
    *pad[2] += pick->top + pick->height - in->height;
    *pad[3] += pick->left + pick->width - in->width;
}

/* An average in whose windows the pick's zeros count like pixels: it has no padding that does not count, and what it
 * would have is within pool_fits' limits. Rounded up, its last window hangs over an end that would not be there.
 * Dilated ones, which nobody writes, stay as they are. */
static bool average_takes (const struct graph *g, const struct node *node, const struct node *pad)
{
    struct pool pool = node->u.pool;
    const struct window_fields fields = WINDOW_FIELDS (&pool);
    if (pool.kind != POOL_AVERAGE || pool.ceil_mode || pool.dilation_h > 1 || pool.dilation_w > 1)
        return false;
    for (int i = 0; i < 4 && !pool.count_include_pad; i++) {
        if (*fields.pad[i])
            return false;
    }
    add_pads (g, pad, fields.pad);
    return pool.pad_top < pool.kernel_h && pool.pad_bottom < pool.kernel_h && pool.pad_left < pool.kernel_w &&
           pool.pad_right < pool.kernel_w;
}

static void fold_pads (struct simplifier *s)
{
    for (int id = 0; id < s->g->count; id++) {
        const struct node *node = &s->g->nodes[id];
        if (!s->views[id].live || (node->operation != OPERATION_CONV && node->operation != OPERATION_POOL))
            continue;
        int from = node->inputs[0];
        const struct node *pad = &s->g->nodes[from];
        if (pad->operation != OPERATION_PICK || s->pinned[from] || s->views[from].uses != 1 || !is_zero_pad (s->g, pad))
            continue;
        if (node->operation == OPERATION_POOL && !average_takes (s->g, node, pad))
            continue;
        s->views[id].input = pad->inputs[0];
        s->views[from].live = false;
    }
}

/* Whether the view is a clip that keeps a function's input within what it takes. */
static bool guards_function (const struct simplifier *s, const struct view *view)
{
    return view->activation.kind == ACTIVATION_CLIP && view->uses == 1 &&
           s->views[view->consumer].operation == OPERATION_FUNCTION;
}

/* A range behind an activation is that activation's: it goes with it, or it would clip what another one makes. */
static void replace_activations (struct simplifier *s, struct activation replace)
{
    for (int id = 0; id < s->g->count; id++) {
        struct view *view = &s->views[id];
        bool of_activation = view->operation == OPERATION_QUANTISE && view->input >= 0 &&
                             s->views[view->input].operation == OPERATION_ACTIVATION && !s->views[view->input].gate;
        if (of_activation) {
            view->operation = OPERATION_ACTIVATION;
            view->activation = (struct activation) { .kind = ACTIVATION_NONE };
        } else if (view->operation == OPERATION_ACTIVATION && !view->gate && !guards_function (s, view)) {
            view->activation = replace;
            view->slope = NULL;
        }
    }
}

static void adopt_functions (struct simplifier *s)
{
    for (int id = 0; id < s->g->count; id++) {
        if (s->views[id].operation == OPERATION_FUNCTION)
            s->views[id].operation = OPERATION_ACTIVATION;
    }
}

/* ---- pass 4 -------------------------------------------------------------------------------------------------- */

/* Whether the pick only puts channels elsewhere. */
static bool only_channels (const struct graph *g, const struct node *node)
{
    const struct pick *pick = &node->u.pick;
    const struct node *in = &g->nodes[node->inputs[0]];
    bool same = !pick->top && !pick->left && pick->step_h == 1 && pick->step_w == 1 && pick->height == in->height &&
                pick->width == in->width;
    for (int c = 0; same && c < pick->channels; c++)
        same = pick->channel[c] >= 0;
    return same;
}

/* One reader more of a tensor, or one less: what nobody reads any more is not made, and reads nothing. */
static void read_more (struct simplifier *s, int tensor, int reader)
{
    s->views[tensor].uses++;
    s->views[tensor].consumer = reader;
}

static void read_less (struct simplifier *s, int tensor)
{
    struct view *view = &s->views[tensor];
    const struct node *node = &s->g->nodes[tensor];
    if (--view->uses || s->pinned[tensor])
        return;
    view->live = false;
    const int *inputs = view->gather.count ? view->gather.inputs : node->inputs;
    for (int i = 0; i < (view->gather.count ? view->gather.count : node->input_count); i++)
        s->views[inputs[i]].uses--;
}

/* Reads past what the pick's one input does with channels, a pick or a concat of two that nobody else reads. */
static void fold_source (struct simplifier *s, int id)
{
    struct gather *gather = &s->views[id].gather;
    int from = gather->inputs[0], channels = s->g->nodes[id].channels;
    const struct node *node = &s->g->nodes[from];
    const struct view *view = &s->views[from];
    const struct gather *before = &view->gather;
    bool concat = view->operation == OPERATION_CONCAT && node->input_count == 2 && view->uses == 1 && !s->pinned[from];
    bool pick = view->operation == OPERATION_PICK && before->count && only_channels (s->g, node);
    if (!concat && !pick)
        return;
    const int *inputs = concat ? node->inputs : before->inputs;
    gather->count = concat ? 2 : before->count;
    for (int c = 0; pick && c < channels; c++)
        gather->channel[c] = gather->channel[c] < 0 ? -1 : before->channel[gather->channel[c]];
    for (int i = 0; i < gather->count; i++) {
        gather->inputs[i] = inputs[i];
        read_more (s, inputs[i], id);
    }
    read_less (s, from);
    s->views[id].input = gather->inputs[0];
}

/* Ids rise, so that what a pick reads is folded already. False: memory short. */
static bool fold_picks (struct simplifier *s)
{
    for (int id = 0; id < s->g->count; id++) {
        const struct node *node = &s->g->nodes[id];
        struct view *view = &s->views[id];
        if (!view->live || view->operation != OPERATION_PICK)
            continue;
        size_t bytes = (size_t)node->channels * sizeof (int);
        view->gather = (struct gather) { .inputs = { view->input }, .count = 1, .channel = malloc (bytes) };
        if (!view->gather.channel)
            return false;
        memcpy (view->gather.channel, node->u.pick.channel, bytes);
        fold_source (s, id);
        if (view->gather.count == 1)
            fold_source (s, id);
    }
    return true;
}

/* ---- pass 5 -------------------------------------------------------------------------------------------------- */

/* v * scale + shift after what (*to_scale, *to_shift) does already; allocates those when there are none.
 * scale, shift [channels]. */
static bool compose (double **to_scale, double **to_shift, const double *scale, const double *shift, int channels)
{
    size_t bytes = (size_t)channels * sizeof (double);
    if (*to_scale) {
        for (int c = 0; c < channels; c++) {
            (*to_scale)[c] *= scale[c];
            (*to_shift)[c] = (*to_shift)[c] * scale[c] + shift[c];
        }
        return true;
    }
    *to_scale = malloc (bytes);
    *to_shift = malloc (bytes);
    if (!*to_scale || !*to_shift)
        return false;
    memcpy (*to_scale, scale, bytes);
    memcpy (*to_shift, shift, bytes);
    return true;
}

/* v * factor / divisor[c] after what (*to_scale, *to_shift) does already; divisor NULL: 1. */
static bool compose_number (double **to_scale, double **to_shift, double factor, const float *divisor, int channels)
{
    double *scale = malloc ((size_t)channels * sizeof *scale), *shift = calloc ((size_t)channels, sizeof *shift);
    for (int c = 0; scale && c < channels; c++)
        scale[c] = divisor ? factor / (double)divisor[c] : factor;
    bool memory = scale && shift && compose (to_scale, to_shift, scale, shift, channels);
    free (scale);
    free (shift);
    return memory;
}

/* Whether the layer can end in a quantise: it has nothing but what can be done in steps of a range. */
static bool takes_range (const struct layer *layer)
{
    enum activation_kind kind = layer->activation.kind;
    return layer->residual < 0 && !layer->post_scale &&
           (kind == ACTIVATION_NONE || kind == ACTIVATION_RELU || kind == ACTIVATION_CLIP);
}

/* Rounding keeps the order: x clipped to a, b and then rounded is x rounded and then clipped to both, rounded. */
static struct activation range_activation (struct activation before, struct range range)
{
    double step = (double)range.step, low = range.low, high = range.high;
    if (before.kind == ACTIVATION_RELU)
        low = fmax (low, 0);
    if (before.kind == ACTIVATION_CLIP) {
        low = fmin (fmax (low, rint ((double)before.alpha / step)), high);
        high = fmax (fmin (high, rint ((double)before.beta / step)), low);
    }
    return (struct activation) { ACTIVATION_ROUND, (float)low, (float)high };
}

/* Numbers in steps of the range, or in parts of its unit, rounded and clipped, and back. */
static bool add_range (struct layer *layer, const struct node *node)
{
    struct range range = node->u.quantise.range;
    const float *unit = node->u.quantise.unit;
    layer->activation = range_activation (layer->activation, range);
    layer->activation.kind = unit ? ACTIVATION_REQUANTISE : ACTIVATION_ROUND;
    layer->slope = node->u.quantise.slope;
    if (unit && !compose_number (&layer->scale, &layer->shift, node->u.quantise.parts, unit, node->channels))
        return false;
    return compose_number (&layer->post_scale, &layer->post_shift, (double)range.step, NULL, node->channels);
}

/* The convolution and the pool with the zeros of a folded PICK in their own padding. */
static void start_conv (const struct graph *g, const struct node *node, int input, struct conv *conv)
{
    const struct window_fields fields = WINDOW_FIELDS (conv);
    *conv = node->u.conv.shape;
    if (input != node->inputs[0])
        add_pads (g, &g->nodes[node->inputs[0]], fields.pad);
}

static void start_pool (const struct graph *g, const struct node *node, int input, struct pool *pool)
{
    const struct window_fields fields = WINDOW_FIELDS (pool);
    *pool = node->u.pool;
    if (input == node->inputs[0])
        return;
    add_pads (g, &g->nodes[node->inputs[0]], fields.pad);
    pool->count_include_pad = true;
}

/* The layer of the node alone. */
static bool start_layer (struct simplifier *s, struct layer *layer, int id)
{
    const struct node *node = &s->g->nodes[id];
    const struct view *view = &s->views[id];
    *layer = (struct layer) { .operation = view->operation, .node = id, .output = id, .residual = -1 };
    layer->input_count = view->operation == OPERATION_ACTIVATION ? 1
                         : view->gather.count                    ? view->gather.count
                                                                 : node->input_count;
    layer->inputs = malloc ((size_t)layer->input_count * sizeof *layer->inputs);
    if (!layer->inputs)
        return false;
    memcpy (layer->inputs, view->gather.count ? view->gather.inputs : node->inputs,
            (size_t)layer->input_count * sizeof *layer->inputs);
    layer->inputs[0] = view->input;
    layer->channel = view->gather.channel;
    s->views[id].gather.channel = NULL;
    switch (view->operation) {
    case OPERATION_CONV:
        start_conv (s->g, node, view->input, &layer->conv);
        return true;
    case OPERATION_POOL:
        start_pool (s->g, node, view->input, &layer->pool);
        return true;
    case OPERATION_AFFINE:
        return compose (&layer->scale, &layer->shift, node->u.affine.scale, node->u.affine.shift, node->channels);
    case OPERATION_ACTIVATION:
        layer->activation = view->activation;
        layer->slope = view->slope;
        return true;
    case OPERATION_QUANTISE:
        return add_range (layer, node);
    default:
        return true;
    }
}

/* The other operand when the ADD can be the layer's residual, else -1. */
static int residual_of (const struct simplifier *s, const struct layer *layer, const struct node *add)
{
    if (layer->residual >= 0 || layer->activation.kind != ACTIVATION_NONE)
        return -1;
    int other = add->inputs[0] == layer->output ? add->inputs[1] : add->inputs[0];
    const struct node *a = &s->g->nodes[layer->output], *b = &s->g->nodes[other];
    bool same = a->channels == b->channels && a->height == b->height && a->width == b->width;
    return same && s->views[other].made ? other : -1;
}

/* Takes the one consumer of layer->output into the layer. Sets *done when it does not fit; false: out of memory. */
static bool extend_layer (struct simplifier *s, struct layer *layer, bool *done)
{
    const struct view *view = &s->views[layer->output];
    int next = view->consumer;
    *done = s->pinned[layer->output] || view->uses != 1;
    if (*done)
        return true;
    const struct node *node = &s->g->nodes[next];
    const struct view *what = &s->views[next];
    bool only_linear = layer->residual < 0 && layer->activation.kind == ACTIVATION_NONE;
    bool fits = false, memory = true;
    if (what->operation == OPERATION_AFFINE) {
        fits = true;
        memory =
            compose (only_linear ? &layer->scale : &layer->post_scale, only_linear ? &layer->shift : &layer->post_shift,
                     node->u.affine.scale, node->u.affine.shift, node->channels);
    } else if (what->operation == OPERATION_ADD) {
        int residual = residual_of (s, layer, node);
        fits = residual >= 0;
        if (fits)
            layer->residual = residual;
    } else if (what->operation == OPERATION_ACTIVATION) {
        bool nothing = what->activation.kind == ACTIVATION_NONE;
        fits = nothing || (layer->activation.kind == ACTIVATION_NONE && !layer->post_scale);
        if (fits && !nothing) {
            layer->activation = what->activation;
            layer->slope = what->slope;
        }
    } else if (what->operation == OPERATION_QUANTISE) {
        fits = takes_range (layer);
        memory = !fits || add_range (layer, node);
    }
    if (fits) {
        layer->output = next;
        s->views[next].live = false;
    }
    *done = !fits;
    return memory;
}

static bool emit_layers (struct simplifier *s)
{
    for (int id = 0; id < s->g->count; id++) {
        struct view *view = &s->views[id];
        if (!view->live)
            continue;
        if (view->operation == OPERATION_INPUT) {
            view->made = true;
            continue;
        }
        struct layer *layer = &s->layers->list[s->layers->count++];
        bool done = !operator_of (view->operation)->takes_epilogue;
        if (!start_layer (s, layer, id))
            return false;
        while (!done) {
            if (!extend_layer (s, layer, &done))
                return false;
        }
        s->views[layer->output].made = true;
    }
    return true;
}

bool simplify (const struct graph *g, const bool *pinned, const struct activation *replace, struct layers *layers)
{
    *layers = (struct layers) { 0 };
    if (!g->count)
        return true;
    struct simplifier s = { .g = g, .pinned = pinned, .layers = layers };
    s.views = calloc ((size_t)g->count, sizeof *s.views);
    layers->list = calloc ((size_t)g->count, sizeof *layers->list);
    bool memory = s.views && layers->list;
    if (memory) {
        find_live (&s);
        find_patterns (&s);
        fold_pads (&s);
        /* Only the graph itself has slopes: with prelu everything stays what it is. */
        if (replace && replace->kind != ACTIVATION_PRELU)
            replace_activations (&s, *replace);
        adopt_functions (&s);
        memory = fold_picks (&s) && emit_layers (&s);
    }
    for (int id = 0; s.views && id < g->count; id++)
        free (s.views[id].gather.channel);
    free (s.views);
    if (!memory)
        layers_free (layers);
    return memory;
}

void layers_free (struct layers *layers)
{
    for (int i = 0; i < layers->count; i++) {
        struct layer *layer = &layers->list[i];
        free (layer->inputs);
        free (layer->channel);
        free (layer->scale);
        free (layer->shift);
        free (layer->post_scale);
        free (layer->post_shift);
    }
    free (layers->list);
    *layers = (struct layers) { 0 };
}
