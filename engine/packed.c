/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed.c: weights as given -> weights as the kernels stream them, with batch norm folded in, in double precision.
 * Each method of convolution has an order of its own; its file draws it.
 *
 * Packed weights are kept in a list of the graph under its lock, so that every plan of it shares them. */
#include "engine/conv.h"
#include "engine/conv_weights.h"
#include "engine/hash.h"
#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/place.h"
#include "engine/work.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool pack_bias (struct packed *packed, const struct node *node, const struct layer *layer)
{
    int channels = layer->conv.out_channels;
    packed->bias = memory_new (packed->channel_bytes);
    if (!packed->bias)
        return false;
    for (int o = 0; o < channels; o++) {
        double bias = node->u.conv.bias ? node->u.conv.bias[o] : 0;
        packed->bias[o] = (float)(layer->scale ? bias * layer->scale[o] + layer->shift[o] : bias);
    }
    return true;
}

int packed_step (const struct packed *packed, const struct layer *layer, double weight, int o)
{
    double steps = packed->step[o] == 0 ? 0 : (double)folded (layer, weight, o) / (double)packed->step[o];
    return steps >= -128 && steps <= 127 ? (int)lrint (steps) : steps > 127 ? 127 : steps < -128 ? -128 : 0;
}

enum { PIECE = 1 << 20 }; /* numbers between two looks at whether they are still wanted */

static bool wanted (size_t number)
{
    return number % PIECE || work_spend (0);
}

/* The step of a channel's weights [count], of which the largest is `most`: that of a file of 8-bit weights, where they
 * are all whole numbers of some step, else such that the largest is 127 of it; 0 where they are all 0.
 * Weights of a hostile file lie on every coarse grid but for the last of them: after so many looks there is none. */
static float step_of (const struct layer *layer, const float *from, size_t count, int o, float most)
{
    enum { LARGEST = 128, LOOKS = 8, LEAST_LOOKS = 1024 }; /* at a weight; at all of a channel at least */
    const double near = 1e-3;
    size_t looks = LOOKS * count + LEAST_LOOKS;
    if (!isfinite (most))
        return NAN;
    if (most / LARGEST < FLT_MIN)
        return 0;
    for (int n = LARGEST; n > 0 && looks > 0 && work_spend (0); n--) {
        size_t i = 0;
        for (double steps = 0; i < count && looks > 0; i++, looks--) {
            steps = (double)folded (layer, (double)from[i], o) / ((double)most / n);
            if (fabs (steps - rint (steps)) > near || steps > 127 + near)
                break;
        }
        if (i == count)
            return most / (float)n;
    }
    return most / 127;
}

static bool pack_steps (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    const struct conv *conv = &layer->conv;
    size_t count = (size_t)(in_channels / conv->groups) * (size_t)conv->kernel_h * (size_t)conv->kernel_w;
    packed->step = memory_new (packed->channel_bytes);
    packed->sum = memory_new (packed->channel_bytes);
    if (!packed->step || !packed->sum)
        return false;
    for (int o = 0; o < conv->out_channels; o++) {
        const float *from = node->u.conv.weights + (size_t)o * count;
        float most = 0;
        for (size_t i = 0; i < count && wanted (i); i++) {
            float w = fabsf (folded (layer, (double)from[i], o));
            most = w > most || isnan (w) ? w : most;
        }
        packed->step[o] = step_of (layer, from, count, o, most);
        for (size_t i = 0; i < count && wanted (i); i++)
            packed->sum[o] += packed_step (packed, layer, (double)from[i], o);
    }
    return true;
}

static void packed_free (struct packed *packed)
{
    if (!packed)
        return;
    memory_free (packed->bias, packed->channel_bytes);
    if (!packed->adopted) {
        memory_free (packed->weights, packed->weight_bytes);
        memory_free (packed->step, packed->channel_bytes);
        memory_free (packed->sum, packed->channel_bytes);
    }
    free (packed->panel);
    free (packed->range);
    free (packed);
}

/* Packing can multiply: by the padding of channels, by Winograd, by the zeros of widened groups. Checked before memory
 * is asked for. */
static bool within_limits (const struct graph *g, const struct layer *layer, const struct packed *packed,
                           struct error *error)
{
    const struct node *node = &g->nodes[layer->node];
    uint64_t bytes = g->packed_bytes, limit, work = 0;
    if (__builtin_mul_overflow (g->limits.weight_bytes, 4, &limit))
        limit = UINT64_MAX;
    if (__builtin_add_overflow (bytes, (uint64_t)packed->weight_bytes, &bytes) || bytes > limit) {
        snprintf (error->text, sizeof error->text,
                  "conv '%s': with its packed weights there are %" PRIu64
                  " bytes of them, more than the limit of %" PRIu64,
                  node->name, bytes, limit);
        return false;
    }
    uint64_t pixels = (uint64_t)node->height * (uint64_t)node->width;
    uint64_t taps = (uint64_t)layer->conv.kernel_h * (uint64_t)layer->conv.kernel_w;
    if (__builtin_mul_overflow (packed->pairs, taps, &work) || __builtin_mul_overflow (work, pixels, &work) ||
        work > g->limits.macs) {
        snprintf (
            error->text, sizeof error->text,
            "conv '%s': its %d groups cannot be computed apart, and together they take more than the limit of %" PRIu64
            " multiply-accumulates",
            node->name, layer->conv.groups, g->limits.macs);
        return false;
    }
    return true;
}

/* Whether its weights are whole numbers of a step. */
static bool in_steps (const struct packed *packed)
{
    return packed->element == ELEMENT_S8 || packed->element == ELEMENT_S16;
}

static struct packed_block block_of (const struct packed *packed)
{
    return (struct packed_block) { .tensor = packed->node,
                                   .method = packed->method->name,
                                   .element = (int)packed->element,
                                   .nr_blocks = packed->nr_blocks,
                                   .k_step = packed->k_step,
                                   .fold = packed->fold,
                                   .weight_bytes = packed->weight_bytes,
                                   .channel_bytes = in_steps (packed) ? packed->channel_bytes : 0,
                                   .weights = packed->weights,
                                   .step = packed->step,
                                   .sum = packed->sum,
                                   .adopted = packed->adopted };
}

/* Whether there is a source that has it. */
static bool adopt (const struct graph *g, struct packed *packed)
{
    struct packed_block block = block_of (packed);
    if (!g->source.find || !g->source.find (g->source.data, &block))
        return false;
    packed->weights = (void *)block.weights;
    packed->step = (float *)block.step;
    packed->sum = (int32_t *)block.sum;
    return packed->adopted = true;
}

/* Packs the weights, which are there. False: memory short, or an error. */
static bool pack (const struct graph *g, const struct layer *layer, struct packed *packed, bool drop,
                  struct error *error)
{
    const struct node *node = &g->nodes[layer->node];
    int in_channels = g->nodes[node->inputs[0]].channels;
    if (in_steps (packed) && !pack_steps (packed, node, layer, in_channels))
        return false;
    packed->weights = memory_new (packed->weight_bytes);
    if (!packed->weights)
        return false;
    packed->drops = drop;
    packed->method->pack (packed, node, layer, in_channels);
    packed->drops = false;
    char refusal[100];
    if (work_spend (0))
        return true;
    snprintf (error->text, sizeof error->text, "conv '%s': %s", node->name, work_refusal (refusal));
    return false;
}

/* As the key says. */
static struct packed *packed_new (const struct graph *g, const struct layer *layer, const struct packed *key, bool drop,
                                  struct error *error)
{
    const struct node *node = &g->nodes[layer->node];
    struct packed *packed = malloc (sizeof *packed);
    if (!packed)
        return NULL;
    *packed = *key;
    packed->channel_bytes = place_blocked_count (layer->conv.out_channels, 1, 1) * sizeof (float);
    error->text[0] = 0;
    bool ok = packed->method->lay (packed, layer, g->nodes[node->inputs[0]].channels) &&
              within_limits (g, layer, packed, error) && pack_bias (packed, node, layer);
    if (ok && adopt (g, packed))
        return packed;
    if (ok && !node->u.conv.weights) {
        snprintf (error->text, sizeof error->text,
                  "conv '%s': its weights were dropped and no plan has packed them this way before", node->name);
        ok = false;
    }
    if (ok && pack (g, layer, packed, drop, error))
        return packed;
    packed_free (packed);
    return NULL;
}

/* Of the folded scale and shift: what else the packed numbers depend on. */
static uint64_t hash_fold (const struct layer *layer)
{
    uint64_t hash = HASH_START;
    size_t bytes = (size_t)layer->conv.out_channels * sizeof (double);
    if (layer->scale)
        hash = hash_bytes (hash_bytes (hash, layer->scale, bytes), layer->shift, bytes);
    return hash;
}

static void drop_weights (struct node *node)
{
    memory_free (node->u.conv.weights, node->u.conv.weight_bytes);
    node->u.conv.weights = NULL;
}

static bool same_key (const struct packed *a, const struct packed *b)
{
    return a->method == b->method && a->element == b->element && a->nr_blocks == b->nr_blocks &&
           a->k_step == b->k_step && a->fold == b->fold;
}

struct packed *packed_get (struct graph *g, const struct layer *layer, const struct conv_method *method,
                           const struct conv_kernel *kernel, bool drop, struct error *error)
{
    struct node *node = &g->nodes[layer->node];
    const struct packed key = { .node = layer->node,
                                .method = method,
                                .element = kernel->weight,
                                .nr_blocks = kernel->nr_blocks,
                                .k_step = kernel->k_step,
                                .fold = hash_fold (layer) };
    pthread_mutex_lock (g->lock);
    struct packed *packed = node->packed;
    while (packed && !same_key (packed, &key))
        packed = packed->next;
    bool made = !packed;
    if (made && !(packed = packed_new (g, layer, &key, drop, error))) {
        if (!error->text[0])
            snprintf (error->text, sizeof error->text, "conv '%s': no memory for its packed weights", node->name);
    } else if (made) {
        packed->next = node->packed;
        node->packed = packed;
        g->packed_bytes += packed->weight_bytes;
    }
    if (packed)
        packed->references++;
    if (drop)
        drop_weights (node);
    pthread_mutex_unlock (g->lock);
    return packed;
}

void graph_adopt_packed (struct graph *g, struct packed_source source)
{
    pthread_mutex_lock (g->lock);
    g->source = source;
    pthread_mutex_unlock (g->lock);
}

void graph_packed_blocks (struct graph *g, void (*visit) (void *data, const struct packed_block *block), void *data)
{
    pthread_mutex_lock (g->lock);
    for (int i = 0; i < g->count; i++)
        for (const struct packed *p = g->nodes[i].packed; p; p = p->next) {
            const struct packed_block block = block_of (p);
            visit (data, &block);
        }
    pthread_mutex_unlock (g->lock);
}

/* Once the weights as given are gone, what is packed cannot be made again and stays. */
void packed_release (struct graph *g, struct packed *packed)
{
    pthread_mutex_lock (g->lock);
    if (!--packed->references && g->nodes[packed->node].u.conv.weights) {
        struct packed **link = &g->nodes[packed->node].packed;
        while (*link != packed)
            link = &(*link)->next;
        *link = packed->next;
        g->packed_bytes -= packed->weight_bytes;
        packed_free (packed);
    }
    pthread_mutex_unlock (g->lock);
}

void packed_free_all (struct packed *list)
{
    while (list) {
        struct packed *next = list->next;
        packed_free (list);
        list = next;
    }
}
