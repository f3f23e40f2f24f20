/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_index.c: names -> numbered values, once, before any node is read.
 *
 * Takes the graph as unpacked; gives for every place where a name stands the number of its value:
 *
 *   slots:  | initializers | inputs | outputs | node 0: inputs, outputs | node 1: ... |
 *
 * and for every value who makes it and how many read it, counting only nodes that the outputs depend on; other nodes
 * are never looked at again. Names are matched by sorting them, which no choice of names can slow down. */
#include "engine/work.h"
#include "models/onnx_reader.h"
#include "models/report.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum {
    NODE_MAX = 131072, /* a hundred times the largest networks' */
    NAME_MAX_BYTES = 1000
};
#define SLOT_MAX 2000000u

struct place {
    const char *name;
    int slot;
};

static int by_name (const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    int order = strcmp (left->name, right->name);
    return order ? order : left->slot < right->slot ? -1 : left->slot > right->slot;
}

/* Names end up in listings and messages: text that can be shown. */
static bool name_is_text (struct reader *r, const char *name)
{
    if (strlen (name) > NAME_MAX_BYTES)
        return onnx_fail (r, "a name of %zu bytes, '%.40s...': at most %d are supported", strlen (name), name,
                          NAME_MAX_BYTES);
    if (!g_utf8_validate (name, -1, NULL))
        return onnx_fail (r, "the name '%.100s' is not UTF-8", name);
    for (const char *at = name; *at; at = g_utf8_next_char (at)) {
        if (report_hides (g_utf8_get_char (at)))
            return onnx_fail (r, "the name '%.100s' holds control characters", name);
    }
    return true;
}

/* Sorting: each name is compared with log2 (total) others, in the worst case as long as itself. */
static bool spend_sorting (struct reader *r, size_t total)
{
    const Convrelu__OnnxGraph *g = r->file;
    uint64_t bytes = 0, rounds = 1;
    while (total >> rounds)
        rounds++;
    for (size_t i = 0; i < g->n_initializer; i++)
        bytes += g->initializer[i]->name ? strlen (g->initializer[i]->name) : 0;
    for (size_t n = 0; n < g->n_node; n++) {
        for (size_t i = 0; i < g->node[n]->n_input; i++)
            bytes += strlen (g->node[n]->input[i]);
        for (size_t i = 0; i < g->node[n]->n_output; i++)
            bytes += strlen (g->node[n]->output[i]);
    }
    return onnx_spend (r, rounds * (8 * total + bytes / 8) + 20 * total);
}

static void place (struct place *places, int *count, const char *name)
{
    places[*count] = (struct place) { name ? name : "", *count };
    ++*count;
}

/* Every name in the order of the slots; fills node_slots. */
static int collect (struct reader *r, struct place *places)
{
    const Convrelu__OnnxGraph *g = r->file;
    int count = 0;
    for (size_t i = 0; i < g->n_initializer; i++)
        place (places, &count, g->initializer[i]->name);
    for (size_t i = 0; i < g->n_input; i++)
        place (places, &count, g->input[i]->name);
    for (size_t i = 0; i < g->n_output; i++)
        place (places, &count, g->output[i]->name);
    for (size_t n = 0; n < g->n_node; n++) {
        r->node_slots[n] = count;
        for (size_t i = 0; i < g->node[n]->n_input; i++)
            place (places, &count, g->node[n]->input[i]);
        for (size_t i = 0; i < g->node[n]->n_output; i++)
            place (places, &count, g->node[n]->output[i]);
    }
    return count;
}

/* Sorted places -> one value for each different name. */
static bool number_values (struct reader *r, struct place *places, int count)
{
    qsort (places, (size_t)count, sizeof *places, by_name);
    int different = 0;
    for (int i = 0; i < count; i++)
        different += i == 0 || strcmp (places[i].name, places[i - 1].name);
    r->values = calloc ((size_t)different + 1, sizeof *r->values);
    if (!r->values)
        return onnx_fail (r, "no memory for %d names", different);
    for (int i = 0; i < count; i++) {
        const char *name = places[i].name;
        if (!*name) {
            r->slots[places[i].slot] = -1;
            continue;
        }
        if (i == 0 || strcmp (name, places[i - 1].name)) {
            if (!name_is_text (r, name))
                return false;
            r->values[r->value_count++] = (struct value) { .name = name, .producer = -1, .tensor = -1 };
        }
        r->slots[places[i].slot] = r->value_count - 1;
    }
    return true;
}

static bool name_values (struct reader *r)
{
    const Convrelu__OnnxGraph *g = r->file;
    size_t total = g->n_initializer + g->n_input + g->n_output;
    if (g->n_node > NODE_MAX)
        return onnx_fail (r, "has %zu nodes, at most %d are supported", g->n_node, NODE_MAX);
    for (size_t n = 0; n < g->n_node; n++)
        total += g->node[n]->n_input + g->node[n]->n_output;
    if (total > SLOT_MAX)
        return onnx_fail (r, "has %zu names, at most %u are supported", total, SLOT_MAX);
    if (!spend_sorting (r, total))
        return false;
    struct place *places = calloc (total + 1, sizeof *places);
    r->slots = calloc (total + 1, sizeof *r->slots);
    r->node_slots = calloc (g->n_node + 1, sizeof *r->node_slots);
    r->roles = calloc (g->n_node + 1, sizeof *r->roles);
    bool good = places && r->slots && r->node_slots && r->roles;
    if (!good)
        onnx_fail (r, "no memory for %zu names", total);
    good = good && number_values (r, places, collect (r, places));
    free (places);
    return good;
}

/* Marks what exists before any node, and refuses what is made twice. */
static bool find_producers (struct reader *r)
{
    const Convrelu__OnnxGraph *g = r->file;
    for (size_t i = 0; i < g->n_initializer; i++) {
        int id = r->slots[i];
        if (id < 0)
            return onnx_fail (r, "initializer %zu has no name", i);
        if (!onnx_tensor_check (r, g->initializer[i], r->values[id].name))
            return false;
        if (r->values[id].source)
            return onnx_fail (r, "two initializers are named '%.100s'", r->values[id].name);
        r->values[id].source = g->initializer[i];
    }
    for (size_t n = 0; n < g->n_node; n++) {
        r->node = (int)n;
        if (!g->node[n]->op_type || !*g->node[n]->op_type)
            return onnx_fail (r, "node %zu has no operator", n);
        for (size_t i = 0; i < g->node[n]->n_output; i++) {
            int id = r->slots[(size_t)r->node_slots[n] + g->node[n]->n_input + i];
            if (id < 0)
                continue;
            if (r->values[id].producer >= 0 || r->values[id].source)
                return onnx_fail (r, "'%.100s' is made twice", r->values[id].name);
            r->values[id].producer = (int)n;
        }
    }
    r->node = -1;
    return true;
}

/* From the last node to the first: a node is needed when a needed one, or the graph, reads what it makes. */
static void find_uses (struct reader *r)
{
    const Convrelu__OnnxGraph *g = r->file;
    for (size_t i = 0; i < g->n_output; i++) {
        int id = r->slots[g->n_initializer + g->n_input + i];
        if (id >= 0)
            r->values[id].uses++;
    }
    for (size_t n = g->n_node; n-- > 0;) {
        const int *slots = &r->slots[r->node_slots[n]];
        for (size_t i = 0; i < g->node[n]->n_output; i++) {
            int id = slots[g->node[n]->n_input + i];
            r->roles[n].live = r->roles[n].live || (id >= 0 && r->values[id].uses > 0);
        }
        for (size_t i = 0; r->roles[n].live && i < g->node[n]->n_input; i++) {
            if (slots[i] >= 0)
                r->values[slots[i]].uses++;
        }
    }
}

/* The one input that has no data in the file. One that nothing reads does not count, unless it is alone. */
static bool find_image (struct reader *r)
{
    const Convrelu__OnnxGraph *g = r->file;
    int found = -1, read = 0;
    for (size_t i = 0; i < g->n_input; i++) {
        int id = r->slots[g->n_initializer + i];
        if (id < 0)
            return onnx_fail (r, "input %zu has no name", i);
        if (r->values[id].producer >= 0)
            return onnx_fail (r, "'%.100s' is an input, and made by a node too", r->values[id].name);
        if (r->values[id].source)
            continue;
        if (found >= 0 && found != id && read && r->values[id].uses)
            return onnx_fail (r, "has more than one input: '%.80s' and '%.80s'; one image is supported",
                              r->values[found].name, r->values[id].name);
        if (found < 0 || r->values[id].uses)
            found = id;
        read = r->values[found].uses;
    }
    r->image = found;
    return found >= 0 || onnx_fail (r, "has no input for an image");
}

bool onnx_index (struct reader *r)
{
    const Convrelu__OnnxGraph *g = r->file;
    if (!name_values (r) || !find_producers (r))
        return false;
    find_uses (r);
    if (!onnx_external_find (r))
        return false;
    r->weight_limit += 4 * r->external.bytes;
    work_allow_bytes (r->external.bytes);
    for (size_t i = 0; i < g->n_initializer; i++) {
        struct value *v = &r->values[r->slots[i]];
        if (v->uses && !onnx_tensor_define (r, v, g->initializer[i], v->name))
            return false;
    }
    return find_image (r);
}
