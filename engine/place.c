/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* place.c: which tensors share memory: aliases, parts of a concat, sums made in place.
 *
 * A concat of parts whose channels are multiples of 16 is no work at all: its parts are written where it wants them,
 *
 *   concat  [ blocks of a | blocks of b | blocks of c ]      one buffer; a, b and c are offsets into it
 *
 * Concats are taken last first, so that in a DenseNet, where each repeats the one before and adds a part, all of them
 * are prefixes of one buffer. */
#include "engine/place.h"
#include "engine/quantise.h"
#include "engine/kernels.h"

#include <limits.h>
#include <stdlib.h>

size_t place_blocked_count (int channels, int height, int width)
{
    return ((size_t)channels + BLOCK - 1) / BLOCK * BLOCK * (size_t)height * (size_t)width;
}

size_t place_blocked_bytes (enum element element, int channels, int height, int width)
{
    return place_blocked_count (channels, height, width) * element_bytes (element);
}

static size_t tensor_bytes (const struct graph *g, const struct places *places, int id)
{
    const struct node *node = &g->nodes[id];
    return place_blocked_bytes (places->of[id].element, node->channels, node->height, node->width);
}

/* The tensor's element is its own, wherever it lies. */
static void put (struct places *places, int id, int buffer, size_t offset)
{
    places->of[id].buffer = buffer;
    places->of[id].offset = offset;
}

/* Bytes that are rounded to what they are already. */
static bool is_rounded (const struct graph *g, const struct layer *layer, const struct places *places)
{
    const struct place *in = &places->of[layer->inputs[0]], *out = &places->of[layer->output];
    return layer->operation == OPERATION_QUANTISE && in->element == ELEMENT_U8 && in->scale == out->scale &&
           in->zero == out->zero && quantise_rounds (g, layer, *out);
}

/* A reshape between shapes of one pixel keeps every number where it is. */
static bool is_alias (const struct graph *g, const struct layer *layer, const struct places *places)
{
    const struct node *in = &g->nodes[layer->inputs[0]], *out = &g->nodes[layer->output];
    if (is_rounded (g, layer, places))
        return true;
    return layer->operation == OPERATION_RESHAPE &&
           ((in->height == 1 && in->width == 1 && out->height == 1 && out->width == 1) ||
            (in->channels == out->channels && in->height == out->height && in->width == out->width));
}

static size_t whole_lines (size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static int new_buffer (struct places *places, size_t bytes)
{
    places->buffers[places->buffer_count] = (struct buffer) { .bytes = whole_lines (bytes) };
    return places->buffer_count++;
}

static void find_uses (const struct graph *g, const struct layers *layers, const bool *keep, struct places *places)
{
    for (int id = 0; id < g->count; id++) {
        places->alias[id] = id;
        places->last_use[id] = -1;
        places->of[id].buffer = -1;
    }
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        if (is_alias (g, layer, places))
            places->alias[layer->output] = places->alias[layer->inputs[0]];
    }
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        for (int i = 0; i < layer->input_count; i++)
            places->last_use[places->alias[layer->inputs[i]]] = l;
        if (layer->residual >= 0)
            places->last_use[places->alias[layer->residual]] = l;
    }
    for (int id = 0; id < g->count; id++)
        if (keep[id])
            places->last_use[places->alias[id]] = INT_MAX;
}

/* Are the parts already one behind the other in one buffer? Then the concat is there too. */
static bool parts_in_line (const struct graph *g, const struct layer *layer, const struct places *places)
{
    const struct place *first = &places->of[places->alias[layer->inputs[0]]];
    size_t offset = first->offset;
    for (int i = 0; i < layer->input_count; i++) {
        const struct place *part = &places->of[places->alias[layer->inputs[i]]];
        if (part->buffer < 0 || part->buffer != first->buffer || part->offset != offset)
            return false;
        offset += tensor_bytes (g, places, layer->inputs[i]);
    }
    return true;
}

/* A concat off the block borders cannot share: all parts but the last must fill their blocks. */
static bool fits_blocks (const struct graph *g, const struct layer *layer)
{
    for (int i = 0; i + 1 < layer->input_count; i++)
        if (g->nodes[layer->inputs[i]].channels % BLOCK)
            return false;
    return true;
}

static void place_concat (const struct graph *g, const struct layer *layer, struct places *places)
{
    const struct place *whole = &places->of[layer->output];
    if (!fits_blocks (g, layer))
        return;
    if (whole->buffer < 0 && parts_in_line (g, layer, places)) {
        const struct place *first = &places->of[places->alias[layer->inputs[0]]];
        put (places, layer->output, first->buffer, first->offset);
        return;
    }
    if (whole->buffer < 0)
        put (places, layer->output, new_buffer (places, tensor_bytes (g, places, layer->output)), 0);
    size_t offset = whole->offset;
    for (int i = 0; i < layer->input_count; i++) {
        int part = layer->inputs[i];
        bool unplaced = places->of[part].buffer < 0 && places->alias[part] == part;
        if (unplaced && g->nodes[part].operation != OPERATION_INPUT)
            put (places, part, whole->buffer, offset);
        offset += tensor_bytes (g, places, part);
    }
}

/* May the layer's output overwrite its residual? Only where the residual dies and nothing else lives in its buffer. */
static bool in_place (const struct graph *g, const struct layers *layers, int l, const struct places *places,
                      const int *users)
{
    const struct layer *layer = &layers->list[l];
    if (layer->residual < 0 || places->of[layer->output].buffer >= 0)
        return false;
    int residual = places->alias[layer->residual];
    int buffer = places->of[residual].buffer;
    if (buffer < 0 || users[buffer] != 1 || places->last_use[residual] != l)
        return false;
    for (int i = 0; i < layer->input_count; i++)
        if (places->of[places->alias[layer->inputs[i]]].buffer == buffer)
            return false;
    return whole_lines (tensor_bytes (g, places, layer->output)) == places->buffers[buffer].bytes;
}

static void place_rest (const struct graph *g, const struct layers *layers, struct places *places, int *users)
{
    for (int id = 0; id < g->count; id++)
        if (places->of[id].buffer >= 0)
            users[places->of[id].buffer]++;
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        int output = layer->output;
        struct place *place = &places->of[output];
        if (places->alias[output] != output) {
            *place = places->of[places->alias[output]];
        } else if (in_place (g, layers, l, places, users)) {
            const struct place *residual = &places->of[places->alias[layer->residual]];
            put (places, output, residual->buffer, residual->offset);
        } else if (place->buffer < 0) {
            put (places, output, new_buffer (places, tensor_bytes (g, places, output)), 0);
            users[place->buffer]++;
        }
    }
}

bool places_room (const struct graph *g, struct places *places)
{
    size_t count = (size_t)g->count;
    *places = (struct places) {
        .of = calloc (count, sizeof *places->of),
        .alias = calloc (count, sizeof *places->alias),
        .last_use = calloc (count, sizeof *places->last_use),
        .buffers = calloc (4 * count + 1, sizeof *places->buffers),
    };
    return places->of && places->alias && places->last_use && places->buffers;
}

bool places_new (const struct graph *g, const struct layers *layers, const bool *keep, int blocked_input,
                 struct places *places)
{
    int *users = calloc (4 * (size_t)g->count + 1, sizeof *users);
    if (!users)
        return false;
    find_uses (g, layers, keep, places);
    if (blocked_input >= 0)
        put (places, blocked_input, new_buffer (places, tensor_bytes (g, places, blocked_input)), 0);
    for (int l = layers->count - 1; l >= 0; l--)
        if (layers->list[l].operation == OPERATION_CONCAT)
            place_concat (g, &layers->list[l], places);
    place_rest (g, layers, places, users);
    free (users);
    return true;
}

void places_free (struct places *places)
{
    free (places->of);
    free (places->alias);
    free (places->last_use);
    free (places->buffers);
    *places = (struct places) { 0 };
}
