/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* receptive_field.c: which pixels of the graph's input some pixels of a tensor are made from.
 *
 * Inputs have smaller numbers than outputs: one pass from the tensor down to 0 hands each node's window on to its
 * inputs, where it joins what other branches ask for. Padding is made from nothing: windows are cut at the edges. */
#include "engine/receptive_field.h"

#include <stdlib.h>

#include "engine/graph.h"
#include "engine/operator.h"

static int64_t within (int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Rows and columns of the node's output become those of its input. */
static void reach_of (const struct node *node, const struct node *in, struct span reach[2])
{
    const struct operator_type *type = operator_of (node->operation);
    const int size[2] = { in->height, in->width };
    if (type->reach)
        type->reach (node, in, reach);
    for (int i = 0; i < 2; i++) /* an axis of 1 is broadcast by a sum or product */
        if (!type->reach || size[i] == 1)
            reach[i] = (struct span) { 0, size[i] - 1 };
}

static bool is_empty (const struct field *field)
{
    return field->top > field->bottom || field->left > field->right;
}

/* The window grows to hold y by x too, cut at the edges of the plane. */
static void join (struct field *field, const struct node *node, struct span y, struct span x)
{
    if (y.last < 0 || y.first >= node->height || x.last < 0 || x.first >= node->width)
        return;
    struct field more = { .top = (int)within (y.first, 0, node->height - 1),
                          .left = (int)within (x.first, 0, node->width - 1),
                          .bottom = (int)within (y.last, 0, node->height - 1),
                          .right = (int)within (x.last, 0, node->width - 1) };
    if (!is_empty (field)) {
        more.top = more.top < field->top ? more.top : field->top;
        more.left = more.left < field->left ? more.left : field->left;
        more.bottom = more.bottom > field->bottom ? more.bottom : field->bottom;
        more.right = more.right > field->right ? more.right : field->right;
    }
    *field = more;
}

bool graph_receptive_field (const struct graph *g, int id, struct field *field)
{
    if (!g || id < 0 || id >= g->count)
        return false;
    struct field *of = malloc (((size_t)id + 1) * sizeof *of);
    if (!of)
        return false;
    for (int i = 0; i <= id; i++)
        of[i] = (struct field) { 0, 0, -1, -1 };
    join (&of[id], &g->nodes[id], (struct span) { field->top, field->bottom },
          (struct span) { field->left, field->right });
    struct field seen = { 0, 0, -1, -1 };
    for (int i = id; i >= 0; i--) {
        const struct node *node = &g->nodes[i];
        if (node->operation == OPERATION_INPUT && !is_empty (&of[i]))
            seen = of[i];
        for (int n = 0; n < node->input_count && !is_empty (&of[i]); n++) {
            const struct node *in = &g->nodes[node->inputs[n]];
            struct span reach[2] = { { of[i].top, of[i].bottom }, { of[i].left, of[i].right } };
            reach_of (node, in, reach);
            join (&of[node->inputs[n]], in, reach[0], reach[1]);
        }
    }
    free (of);
    *field = is_empty (&seen) ? *field : seen;
    return !is_empty (&seen);
}
