/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* graph.c: what a graph is: its life, its limits, how a node is added, and the questions one can ask.
 *
 * Takes nodes whose shapes and sizes may come straight from a hostile file (layers_*.c work them out, in 64 bits);
 * gives a list of nodes in execution order, each with the shape of the one tensor it makes, or the first error as a
 * sentence naming the node and the numbers. Limits are checked before anything is allocated. After an error the graph
 * keeps what it had and every further call does nothing. */
#include "engine/memory.h"
#include "engine/operator.h"
#include "engine/parameters.h"
#include "engine/receptive_field.h"
#include "engine/work.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors and checked sizes -------------------------------------------------------------------------------- */

int graph_fail (struct graph *g, const char *label, const char *name, const char *format, ...)
{
    if (g->error.text[0])
        return -1;
    /* A long name must not push the reason out of the text. */
    snprintf (g->error.text, sizeof g->error.text, "%s '%.200s': ", label, name ? name : "");
    size_t used = strlen (g->error.text);
    va_list list;
    va_start (list, format);
    vsnprintf (g->error.text + used, sizeof g->error.text - used, format, list);
    va_end (list);
    return -1;
}

int graph_fail_memory (struct graph *g, const char *label, const char *name)
{
    return graph_fail (g, label, name, "out of memory");
}

uint64_t checked_product (uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t result;
    if (__builtin_mul_overflow (a, b, &result) || __builtin_mul_overflow (result, c, &result) ||
        __builtin_mul_overflow (result, d, &result))
        return UINT64_MAX;
    return result;
}

uint64_t checked_sum (uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* count * size is within the weight limit already. */
void *node_copy (struct graph *g, const struct node *node, const void *from, size_t count, size_t size)
{
    void *to = malloc (count * size);
    if (to)
        memcpy (to, from, count * size);
    else
        graph_fail_memory (g, node->label, node->name);
    return to;
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

struct graph *graph_new (const struct graph_limits *limits)
{
    struct graph *g = calloc (1, sizeof *g);
    pthread_mutex_t *lock = malloc (sizeof *lock);
    if (!g || !lock || pthread_mutex_init (lock, NULL)) {
        free (g);
        free (lock);
        return NULL;
    }
    if (limits)
        g->limits = *limits;
    if (!g->limits.weight_bytes)
        g->limits.weight_bytes = UINT64_C (2) << 30;
    if (!g->limits.tensor_bytes)
        g->limits.tensor_bytes = UINT64_C (512) << 20;
    if (!g->limits.plan_bytes)
        g->limits.plan_bytes = UINT64_C (2) << 30;
    if (!g->limits.macs)
        g->limits.macs = UINT64_C (1000000000000);
    if (!g->limits.nodes)
        g->limits.nodes = 20000;
    g->lock = lock;
    g->references = 1;
    return g;
}

struct graph *graph_ref (struct graph *g)
{
    if (g)
        g->references++;
    return g;
}

static void node_clear (struct node *node)
{
    const struct operator_type *type = operator_of (node->operation);
    free (node->name);
    free (node->inputs);
    if (type->clear)
        type->clear (node);
    memset (node, 0, sizeof *node);
}

void graph_unref (struct graph *g)
{
    if (!g || --g->references > 0)
        return;
    for (int i = 0; i < g->count; i++) {
        packed_free_all (g->nodes[i].packed);
        node_clear (&g->nodes[i]);
    }
    if (g->source.done)
        g->source.done (g->source.data);
    free (g->nodes);
    free (g->outputs);
    pthread_mutex_destroy (g->lock);
    free (g->lock);
    free (g);
}

void graph_on_copied (struct graph *g, void (*copied) (void *data, const void *piece, size_t bytes), void *data)
{
    if (!g)
        return;
    g->copied = copied;
    g->copied_data = data;
}

void graph_drop_weights (struct graph *g)
{
    if (!g)
        return;
    pthread_mutex_lock (g->lock);
    for (int i = 0; i < g->count; i++) {
        if (g->nodes[i].operation != OPERATION_CONV)
            continue;
        memory_free (g->nodes[i].u.conv.weights, g->nodes[i].u.conv.weight_bytes);
        g->nodes[i].u.conv.weights = NULL;
    }
    pthread_mutex_unlock (g->lock);
}

/* Whether they have the same convolutions, as far as the sizes of their weights go. */
static bool same_weights (const struct graph *a, const struct graph *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++) {
        const struct node *x = &a->nodes[i], *y = &b->nodes[i];
        same =
            x->operation == y->operation &&
            (x->operation != OPERATION_CONV || (x->u.conv.weight_bytes == y->u.conv.weight_bytes && y->u.conv.weights));
    }
    return same;
}

bool graph_take_weights (struct graph *g, struct graph *from)
{
    pthread_mutex_lock (g->lock);
    bool takes = g != from && same_weights (g, from);
    for (int i = 0; takes && i < g->count; i++) {
        if (g->nodes[i].operation != OPERATION_CONV || g->nodes[i].u.conv.weights)
            continue;
        g->nodes[i].u.conv.weights = from->nodes[i].u.conv.weights;
        from->nodes[i].u.conv.weights = NULL;
    }
    pthread_mutex_unlock (g->lock);
    return takes;
}

/* ---- adding a node ------------------------------------------------------------------------------------------- */

const struct node *input_node (struct graph *g, const char *label, const char *name, int x)
{
    if (!g || g->error.text[0])
        return NULL;
    if (x >= 0 && x < g->count)
        return &g->nodes[x];
    graph_fail (g, label, name, "its input is tensor %d, but there are only %d", x, g->count);
    return NULL;
}

/* Bytes of a tensor in memory, where channels come in blocks of 16. UINT64_MAX: beyond what an int can count. */
static uint64_t tensor_bytes (int64_t channels, int64_t height, int64_t width)
{
    uint64_t numbers = checked_product ((uint64_t)(channels + 15) / 16 * 16, (uint64_t)height, (uint64_t)width, 1);
    return numbers > INT32_MAX ? UINT64_MAX : numbers * sizeof (float);
}

bool fits_tensor (struct graph *g, const struct node_spec *spec, const char *what, int64_t c, int64_t h, int64_t w)
{
    if (c < 1 || h < 1 || w < 1) {
        graph_fail (g, spec->label, spec->name, "the %s would be %lldx%lldx%lld", what, (long long)c, (long long)h,
                    (long long)w);
        return false;
    }
    if (tensor_bytes (c, h, w) <= g->limits.tensor_bytes)
        return true;
    graph_fail (g, spec->label, spec->name, "the %s, %lldx%lldx%lld, is larger than the limit of %llu bytes", what,
                (long long)c, (long long)h, (long long)w, (unsigned long long)g->limits.tensor_bytes);
    return false;
}

enum { NODE_STEPS = 300 }; /* of a node by itself */

/* Whether the graph may have it; sets the totals when it may. */
static bool within_limits (struct graph *g, const struct node_spec *spec)
{
    if ((uint32_t)g->count >= g->limits.nodes || g->count >= INT32_MAX / 2) {
        graph_fail (g, spec->label, spec->name, "the graph has %d nodes already, as many as its limit allows",
                    g->count);
        return false;
    }
    if (!fits_tensor (g, spec, "output", spec->channels, spec->height, spec->width))
        return false;
    uint64_t kept = checked_sum (spec->bytes, sizeof (int) * (uint64_t)spec->input_count);
    uint64_t weights = checked_sum (g->weight_bytes, kept);
    if (weights > g->limits.weight_bytes) {
        graph_fail (g, spec->label, spec->name, "its weights would bring the total to %llu bytes, the limit is %llu",
                    (unsigned long long)weights, (unsigned long long)g->limits.weight_bytes);
        return false;
    }
    uint64_t work =
        checked_product ((uint64_t)spec->channels, (uint64_t)spec->height, (uint64_t)spec->width, spec->window);
    uint64_t macs = checked_sum (g->macs, spec->macs > work ? spec->macs : work);
    if (macs > g->limits.macs) {
        graph_fail (g, spec->label, spec->name, "would bring a run to %llu multiply-accumulates, the limit is %llu",
                    (unsigned long long)macs, (unsigned long long)g->limits.macs);
        return false;
    }
    char refusal[100];
    if (!work_spend (NODE_STEPS + kept / 4)) {
        graph_fail (g, spec->label, spec->name, "%s", work_refusal (refusal));
        return false;
    }
    g->weight_bytes = weights;
    g->macs = macs;
    return true;
}

static bool grow (struct graph *g)
{
    if (g->count < g->capacity)
        return true;
    int capacity = g->capacity ? 2 * g->capacity : 64;
    struct node *nodes = realloc (g->nodes, (size_t)capacity * sizeof *nodes);
    if (!nodes)
        return false;
    g->nodes = nodes;
    g->capacity = capacity;
    return true;
}

/* A copy of the name; "conv-12" where there is none. */
static char *name_copy (const struct node_spec *spec, int id)
{
    if (spec->name && spec->name[0])
        return strdup (spec->name);
    char made[64];
    snprintf (made, sizeof made, "%s-%d", spec->label, id);
    return strdup (made);
}

/* The next node with everything but its parameters, not counted yet; NULL and the error when it may not be. */
static struct node *node_begin (struct graph *g, const struct node_spec *spec)
{
    if (!within_limits (g, spec))
        return NULL;
    if (!grow (g)) {
        graph_fail_memory (g, spec->label, spec->name);
        return NULL;
    }
    struct node *node = &g->nodes[g->count];
    memset (node, 0, sizeof *node);
    node->operation = spec->operation;
    node->label = spec->label;
    node->name = name_copy (spec, g->count);
    node->input_count = spec->input_count;
    node->channels = (int)spec->channels;
    node->height = (int)spec->height;
    node->width = (int)spec->width;
    node->macs = spec->macs;
    if (spec->input_count)
        node->inputs = malloc ((size_t)spec->input_count * sizeof *node->inputs);
    if (!node->name || (spec->input_count && !node->inputs)) {
        graph_fail_memory (g, spec->label, spec->name);
        node_clear (node);
        return NULL;
    }
    if (spec->input_count)
        memcpy (node->inputs, spec->inputs, (size_t)spec->input_count * sizeof *node->inputs);
    return node;
}

int node_add (struct graph *g, struct node_spec *spec)
{
    const struct operator_type *type = operator_of (spec->operation);
    if (!g || g->error.text[0])
        return -1;
    for (int i = 0; i < spec->input_count; i++)
        if (!input_node (g, spec->label, spec->name, spec->inputs[i]))
            return -1;
    if (spec->input_count) {
        const struct node *in = &g->nodes[spec->inputs[0]];
        spec->channels = in->channels;
        spec->height = in->height;
        spec->width = in->width;
        spec->window = 1;
    }
    if (type->shape && !type->shape (g, spec))
        return -1;
    struct node *node = node_begin (g, spec);
    if (!node)
        return -1;
    node->u = spec->u;
    if (type->keep)
        type->keep (g, node, spec->given);
    if (!g->error.text[0])
        return g->count++;
    node_clear (node);
    return -1;
}

/* ---- outputs and questions ----------------------------------------------------------------------------------- */

int graph_output (struct graph *g, int x)
{
    const struct node *in = input_node (g, "output", "", x);
    if (!in)
        return -1;
    if ((uint32_t)g->output_count >= g->limits.nodes)
        return graph_fail (g, "output", in->name, "there are %d outputs already, as many as the limit allows",
                           g->output_count);
    int *outputs = realloc (g->outputs, ((size_t)g->output_count + 1) * sizeof *outputs);
    if (!outputs)
        return graph_fail_memory (g, "output", in->name);
    g->outputs = outputs;
    g->outputs[g->output_count++] = x;
    g->nodes[x].is_output = true;
    return x;
}

const char *graph_error (const struct graph *g)
{
    if (!g)
        return "out of memory";
    return g->error.text[0] ? g->error.text : NULL;
}

int graph_tensors (const struct graph *g)
{
    return g ? g->count : 0;
}

bool graph_grid (const struct graph *g, int id, struct grid *grid)
{
    *grid = (struct grid) { 0, 0, 1, 1 };
    while (id >= 0 && id < g->count && g->nodes[id].operation != OPERATION_INPUT) {
        const struct node *node = &g->nodes[id];
        const struct operator_type *type = operator_of (node->operation);
        if (!type->grid)
            return false;
        type->grid (node, grid);
        id = node->inputs[0];
        if (node->input_count == 2 && node->operation != OPERATION_CONCAT) { /* not what is broadcast */
            const struct node *first = &g->nodes[id];
            if (first->height != node->height || first->width != node->width)
                id = node->inputs[1];
        }
    }
    return id >= 0 && id < g->count;
}

struct tensor_info graph_tensor (const struct graph *g, int id)
{
    if (!g || id < 0 || id >= g->count)
        return (struct tensor_info) { .name = "", .operation = "", .inputs = { -1, -1 } };
    const struct node *node = &g->nodes[id];
    struct tensor_info info = { .name = node->name,
                                .operation = node->label,
                                .inputs = { -1, -1 },
                                .channels = node->channels,
                                .height = node->height,
                                .width = node->width,
                                .macs = node->macs };
    if (node->operation == OPERATION_ACTIVATION)
        info.activation = node->u.activation.what;
    if (node->operation == OPERATION_QUANTISE)
        info.range = node->u.quantise.range;
    for (int i = 0; i < node->input_count && i < 2; i++)
        info.inputs[i] = node->inputs[i];
    return info;
}

int graph_source (const struct graph *g, int id, int index)
{
    bool there = g && id >= 0 && id < g->count && index >= 0 && index < g->nodes[id].input_count;
    return there ? g->nodes[id].inputs[index] : -1;
}

bool graph_scale (const struct graph *g, int id, int channel, double *scale, double *shift)
{
    bool affine = g && id >= 0 && id < g->count && g->nodes[id].operation == OPERATION_AFFINE;
    if (!affine || channel < 0 || channel >= g->nodes[id].channels)
        return false;
    *scale = g->nodes[id].u.affine.scale[channel];
    *shift = g->nodes[id].u.affine.shift[channel];
    return true;
}

const float *graph_weights (const struct graph *g, int id)
{
    bool conv = g && id >= 0 && id < g->count && g->nodes[id].operation == OPERATION_CONV;
    return conv ? g->nodes[id].u.conv.weights : NULL;
}

bool graph_convolution (const struct graph *g, int id, struct conv *conv, const float **bias)
{
    if (!g || id < 0 || id >= g->count || g->nodes[id].operation != OPERATION_CONV)
        return false;
    *conv = g->nodes[id].u.conv.shape;
    *bias = g->nodes[id].u.conv.bias;
    return true;
}

/* NULL: no such tensor, or another operation makes it. */
static const struct node *node_of (const struct graph *g, int id, enum operation operation)
{
    return g && id >= 0 && id < g->count && g->nodes[id].operation == operation ? &g->nodes[id] : NULL;
}

bool graph_pool_of (const struct graph *g, int id, struct pool *pool)
{
    const struct node *node = node_of (g, id, OPERATION_POOL);
    if (node)
        *pool = node->u.pool;
    return node != NULL;
}

bool graph_pick_of (const struct graph *g, int id, struct pick *pick)
{
    const struct node *node = node_of (g, id, OPERATION_PICK);
    if (node)
        *pick = node->u.pick;
    return node != NULL;
}

const float *graph_slopes (const struct graph *g, int id)
{
    const struct node *node = node_of (g, id, OPERATION_ACTIVATION);
    return node ? node->u.activation.slope : NULL;
}

int graph_find (const struct graph *g, const char *name)
{
    for (int i = g && name ? g->count - 1 : -1; i >= 0; i--) {
        if (!strcmp (g->nodes[i].name, name))
            return i;
    }
    return -1;
}

int graph_outputs (const struct graph *g)
{
    return g ? g->output_count : 0;
}

int graph_output_id (const struct graph *g, int index)
{
    return g && index >= 0 && index < g->output_count ? g->outputs[index] : -1;
}
