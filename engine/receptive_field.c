/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* receptive_field.c: which pixels of the graph's input some pixels of a tensor are made from.
 *
 * Inputs have smaller numbers than outputs: one pass from the tensor down to 0 hands each node's window on to its
 * inputs, where it joins what other branches ask for. Padding is made from nothing: windows are cut at the edges. */
#include "engine/receptive_field.h"

#include <stdlib.h>

#include "engine/graph.h"

/* Positions first .. last along one axis; first > last: none. */
struct span {
    int64_t first, last;
};

/* What outputs `of` of a window that slides along an axis look at. */
static struct span slide (struct span of, int stride, int pad, int64_t extent)
{
    return (struct span) { of.first * stride - pad, of.last * stride - pad + extent - 1 };
}

static void reach_of (const struct node *node, const struct node *in, struct span *y, struct span *x)
{
    const struct conv *conv = &node->u.conv.shape;
    const struct pool *pool = &node->u.pool;
    const struct pick *pick = &node->u.pick;
    switch (node->operation) {
    case OPERATION_CONV:
        *y = slide (*y, conv->stride_h, conv->pad_top, (int64_t)conv->dilation_h * (conv->kernel_h - 1) + 1);
        *x = slide (*x, conv->stride_w, conv->pad_left, (int64_t)conv->dilation_w * (conv->kernel_w - 1) + 1);
        break;
    case OPERATION_POOL:
        *y = slide (*y, pool->stride_h, pool->pad_top, (int64_t)pool->dilation_h * (pool->kernel_h - 1) + 1);
        *x = slide (*x, pool->stride_w, pool->pad_left, (int64_t)pool->dilation_w * (pool->kernel_w - 1) + 1);
        break;
    case OPERATION_PICK:
        *y = slide (*y, pick->step_h, -pick->top, 1);
        *x = slide (*x, pick->step_w, -pick->left, 1);
        break;
    case OPERATION_GLOBAL_POOL:
        *y = (struct span) { 0, in->height - 1 };
        *x = (struct span) { 0, in->width - 1 };
        break;
    case OPERATION_RESHAPE: /* any number may have gone anywhere */
        if (in->height != node->height || in->width != node->width) {
            *y = (struct span) { 0, in->height - 1 };
            *x = (struct span) { 0, in->width - 1 };
        }
        break;
    default:
        break;
    }
    /* An axis of 1 is broadcast by a sum or product. */
    *y = in->height == 1 ? (struct span) { 0, 0 } : *y;
    *x = in->width == 1 ? (struct span) { 0, 0 } : *x;
}

static int64_t within (int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
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
            struct span y = { of[i].top, of[i].bottom }, x = { of[i].left, of[i].right };
            reach_of (node, in, &y, &x);
            join (&of[node->inputs[n]], in, y, x);
        }
    }
    free (of);
    *field = is_empty (&seen) ? *field : seen;
    return !is_empty (&seen);
}
