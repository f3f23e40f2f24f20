/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_spatial.c: other heights and widths: resizing (item = some rows of one block of 16 channels), and pixels made
 * from channels (item = one channel of the output, or 16 where they move together). */
#include "engine/cost.h"
#include "engine/layer_window.h"
#include "engine/operator.h"
#include "engine/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- resize: shapes ---------------------------------------------------------------------------------------------- */

/* Which numbers of an axis one is made of, each times its weight. */
struct taps {
    int count, at[4]; /* those whose weight is nothing are left out */
    float weight[4];
};

/* Keys' piecewise cubic (Cubic convolution interpolation for digital image processing, 1981), a distance away. */
static double cubic_weight (double a, double distance)
{
    double x = fabs (distance);
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Those for position `at` of an axis of `size`. Without any: what lies inside weighs nothing. */
static struct taps resize_taps (const struct resampling *resize, double at, int size)
{
    struct taps taps = { 0 };
    double first = floor (at) - resize->cubic, sum = 0;
    float share = (float)(at - floor (at));
    for (int k = 0; k < (resize->cubic ? 4 : 2); k++) {
        int place = (int)first + k, inside = place < 0 ? 0 : place < size ? place : size - 1;
        float weight = resize->cubic ? (float)cubic_weight ((double)resize->coefficient, at - (first + k))
                                     : (k ? share : 1 - share);
        if (weight == 0 || (resize->cubic && resize->inside && inside != place))
            continue;
        taps.at[taps.count] = inside;
        taps.weight[taps.count++] = weight;
        sum += (double)weight;
    }
    if (resize->cubic && resize->inside && fabs (sum) < 1e-6)
        taps.count = 0;
    for (int k = 0; resize->cubic && resize->inside && k < taps.count; k++)
        taps.weight[k] = (float)((double)taps.weight[k] / sum);
    return taps;
}

/* Whether all of them lie in 0 .. size - 1; cubic ones may lie one further out, where something inside counts. */
static bool resize_range (struct graph *g, const struct node_spec *spec, const char *what, const double *at, int count,
                          int64_t size)
{
    const struct resampling *resize = &spec->u.resize;
    int more = resize->cubic;
    for (int i = 0; at && i < count; i++) {
        bool good = at[i] >= -more && at[i] <= (double)(size - 1 + more);
        if (good && resize_taps (resize, at[i], (int)size).count)
            continue;
        graph_fail (g, spec->label, spec->name, "%s %d is to be made from %g, the input has %d%s", what, i, at[i],
                    (int)size, good ? ", whose weights add up to nothing" : "");
        return false;
    }
    return at || (graph_fail (g, spec->label, spec->name, "no %ss are given", what), false);
}

static bool resize_shape (struct graph *g, struct node_spec *spec)
{
    const struct resampling *resize = &spec->u.resize;
    int64_t height = spec->height, width = spec->width;
    spec->height = resize->height;
    spec->width = resize->width;
    if (!fits_tensor (g, spec, "output", spec->channels, resize->height, resize->width))
        return false;
    if (resize->cubic && !(fabsf (resize->coefficient) <= RESIZE_COEFFICIENT_MAX)) {
        graph_fail (g, spec->label, spec->name, "its cubic coefficient is %g, the limit is %d",
                    (double)resize->coefficient, RESIZE_COEFFICIENT_MAX);
        return false;
    }
    spec->window = resize->cubic ? 16 : 4;
    spec->bytes = sizeof (double) * ((uint64_t)resize->height + (uint64_t)resize->width);
    return resize_range (g, spec, "row", resize->row, resize->height, height) &&
           resize_range (g, spec, "column", resize->column, resize->width, width);
}

static void resize_keep (struct graph *g, struct node *node, const void *given)
{
    struct resampling *resize = &node->u.resize;
    double *at = malloc (((size_t)node->height + (size_t)node->width) * sizeof *at);
    (void)given;
    if (at) {
        memcpy (at, resize->row, (size_t)node->height * sizeof *at);
        memcpy (at + node->height, resize->column, (size_t)node->width * sizeof *at);
    } else {
        graph_fail_memory (g, node->label, node->name);
    }
    resize->row = at;
    resize->column = at ? at + node->height : NULL;
}

static void resize_clear (struct node *node)
{
    free ((double *)node->u.resize.row);
}

int graph_resize (struct graph *g, const char *name, int x, const struct resampling *resize)
{
    if (g && !resize)
        return graph_fail (g, "resize", name, "it has no parameters");
    struct node_spec spec = {
        .operation = OPERATION_RESIZE, .label = "resize", .name = name, .inputs = &x, .input_count = 1
    };
    if (resize)
        spec.u.resize = *resize;
    return node_add (g, &spec);
}

/* As if output pixels lay evenly between those that the first and the last one look at. */
static void resize_grid (const struct node *node, struct grid *grid)
{
    const struct resampling *r = &node->u.resize;
    double step_y = r->height > 1 ? (r->row[r->height - 1] - r->row[0]) / (r->height - 1) : 1;
    double step_x = r->width > 1 ? (r->column[r->width - 1] - r->column[0]) / (r->width - 1) : 1;
    grid->top = grid->top * step_y + r->row[0];
    grid->left = grid->left * step_x + r->column[0];
    grid->step_y *= step_y;
    grid->step_x *= step_x;
}

/* The least and largest of at[first .. last], which may lie outside, and so many more of either side. */
static struct span resize_span (const double *at, int count, struct span of, int more)
{
    int64_t first = of.first < 0 ? 0 : of.first, last = of.last < count ? of.last : count - 1;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = first; i <= last; i++) {
        low = fmin (low, floor (at[i]));
        high = fmax (high, ceil (at[i]));
    }
    return first <= last ? (struct span) { (int64_t)low - more, (int64_t)high + more } : of;
}

static void resize_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    const struct resampling *resize = &node->u.resize;
    (void)in;
    reach[0] = resize_span (resize->row, node->height, reach[0], resize->cubic);
    reach[1] = resize_span (resize->column, node->width, reach[1], resize->cubic);
}

/* ---- resize: steps ----------------------------------------------------------------------------------------------- */

/* The step's state. */
struct resizing {
    const struct taps *row, *column; /* [height], [width] */
};

/* to = weight * from, or more of that on top, for 16 channels. */
static inline void weigh (float to[BLOCK], const float *from, float weight, bool more)
{
    for (int c = 0; c < BLOCK; c++)
        to[c] = more ? to[c] + weight * from[c] : weight * from[c];
}

static void resize_row (const struct step *step, int block, int y)
{
    const struct resizing *s = step->state;
    const struct taps *row = &s->row[y];
    ptrdiff_t width = (ptrdiff_t)step->in_width * BLOCK;
    const float *in = (const float *)step->in + (ptrdiff_t)block * step->in_height * width;
    float *out = (float *)step->out + ((ptrdiff_t)block * step->height + y) * step->width * BLOCK;
    for (int x = 0; x < step->width; x++, out += BLOCK) {
        const struct taps *column = &s->column[x];
        float sum[BLOCK];
        for (int i = 0; i < row->count; i++) {
            const float *line = in + row->at[i] * width;
            float part[BLOCK];
            weigh (part, line + (ptrdiff_t)column->at[0] * BLOCK, column->weight[0], false);
            for (int k = 1; k < column->count; k++)
                weigh (part, line + (ptrdiff_t)column->at[k] * BLOCK, column->weight[k], true);
            if (i)
                weigh (sum, part, row->weight[i], true);
            else
                weigh (sum, part, row->weight[i], false);
        }
        memcpy (out, sum, sizeof sum);
    }
}

enum { ITEM_ROWS = 8 };

static void resize_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    int count = divide_up (step->channels, BLOCK), first = item / count * ITEM_ROWS;
    (void)e;
    (void)worker;
    for (int y = first; y < least (step->height, first + ITEM_ROWS); y++)
        resize_row (step, item % count, y);
}

static void resize_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, resize_item, divide_up (step->channels, BLOCK) * divide_up (step->height, ITEM_ROWS));
}

static const struct taps *make_taps (struct preparation *p, const struct resampling *resize, const double *at,
                                     int count, int size)
{
    struct taps *taps = memory_add (p->memory, (size_t)count, sizeof *taps);
    for (int i = 0; taps && i < count; i++)
        taps[i] = resize_taps (resize, at[i], size);
    return taps;
}

static bool resize_prepare (struct preparation *p, const struct layer *layer)
{
    const struct resampling *resize = &p->g->nodes[layer->node].u.resize;
    struct step *step = step_new (p, resize_run, layer->inputs[0], layer->output);
    if (!step)
        return false;
    struct resizing s = { make_taps (p, resize, resize->row, step->height, step->in_height),
                          make_taps (p, resize, resize->column, step->width, step->in_width) };
    return s.row && s.column ? step_state (p, step, &s, sizeof s) : step_out_of_memory (p);
}

/* Sums of 16 numbers, without vectors of the instruction set: about 4 cycles for each number between four others. */
static double resize_cycles (const struct preparation *p, const struct step *step)
{
    const struct resizing *s = step->state;
    double taps = 0;
    for (int y = 0; y < step->height; y++)
        taps += s->row[y].count;
    return cost_pass (p, step) +
           2 * taps / step->height * (s->column[step->width / 2].count > 2 ? 2 : 1) * cost_out (step);
}

const struct operator_type operator_resize = {
    .shape = resize_shape,
    .keep = resize_keep,
    .clear = resize_clear,
    .grid = resize_grid,
    .reach = resize_reach,
    .prepare = resize_prepare,
    .cycles = resize_cycles,
};

/* ---- depth to space ---------------------------------------------------------------------------------------------- */

static bool depth_to_space_shape (struct graph *g, struct node_spec *spec)
{
    const struct depth_to_space *how = &spec->u.depth_to_space;
    bool sane =
        how->block_h >= 1 && how->block_h <= PARAMETER_MAX && how->block_w >= 1 && how->block_w <= PARAMETER_MAX;
    int64_t block = sane ? (int64_t)how->block_h * how->block_w : 0;
    if (!sane || spec->channels % block) {
        graph_fail (g, spec->label, spec->name, "%d channels cannot become blocks of %dx%d", (int)spec->channels,
                    how->block_h, how->block_w);
        return false;
    }
    spec->channels /= block;
    spec->height *= how->block_h;
    spec->width *= how->block_w;
    return true;
}

int graph_depth_to_space (struct graph *g, const char *name, int x, const struct depth_to_space *how)
{
    if (g && !how)
        return graph_fail (g, "depth-to-space", name, "it has no parameters");
    struct node_spec spec = {
        .operation = OPERATION_DEPTH_TO_SPACE, .label = "depth-to-space", .name = name, .inputs = &x, .input_count = 1
    };
    if (how)
        spec.u.depth_to_space = *how;
    return node_add (g, &spec);
}

static void depth_to_space_grid (const struct node *node, struct grid *grid)
{
    const struct depth_to_space *how = &node->u.depth_to_space;
    grid->top = (grid->top - (how->block_h - 1) / 2.0) / how->block_h;
    grid->left = (grid->left - (how->block_w - 1) / 2.0) / how->block_w;
    grid->step_y /= how->block_h;
    grid->step_x /= how->block_w;
}

static void depth_to_space_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    const int block[2] = { node->u.depth_to_space.block_h, node->u.depth_to_space.block_w };
    (void)in;
    for (int i = 0; i < 2; i++) { /* rounded down, also where it lies outside */
        reach[i].first = (reach[i].first - (reach[i].first < 0 ? block[i] - 1 : 0)) / block[i];
        reach[i].last = (reach[i].last - (reach[i].last < 0 ? block[i] - 1 : 0)) / block[i];
    }
}

/* A channel of the output, or a whole block from channel `to` on, which comes from as many side by side. */
static void spread_channels (const struct step *step, int to, bool block)
{
    const struct depth_to_space *how = step->state;
    ptrdiff_t in_pixels = (ptrdiff_t)step->in_height * step->in_width;
    ptrdiff_t out_pixels = (ptrdiff_t)step->height * step->width;
    float *out = (float *)step->out + to / BLOCK * out_pixels * BLOCK + to % BLOCK;
    for (int i = 0; i < how->block_h; i++) {
        for (int j = 0; j < how->block_w; j++) {
            int cell = i * how->block_w + j;
            int from = how->channels_first ? to * how->block_h * how->block_w + cell : cell * step->channels + to;
            const float *in = (const float *)step->in + from / BLOCK * in_pixels * BLOCK + from % BLOCK;
            for (int y = 0; y < step->in_height; y++) {
                float *row = out + (((ptrdiff_t)y * how->block_h + i) * step->width + j) * BLOCK;
                for (int x = 0; x < step->in_width; x++, in += BLOCK, row += (ptrdiff_t)how->block_w * BLOCK)
                    if (block)
                        memcpy (row, in, BLOCK * sizeof *row);
                    else
                        *row = *in;
            }
        }
    }
}

static void depth_to_space_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    (void)e;
    (void)worker;
    spread_channels (step, item, false);
}

static void depth_to_space_block (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    (void)e;
    (void)worker;
    spread_channels (step, item * BLOCK, true);
}

/* Whole blocks can be moved at once. */
static bool moves_blocks (const struct step *step)
{
    const struct depth_to_space *how = step->state;
    return !how->channels_first && step->channels % BLOCK == 0;
}

static void depth_to_space_run (struct execution *e, const struct step *step)
{
    if (moves_blocks (step))
        schedule_items (e, step, depth_to_space_block, step->channels / BLOCK);
    else
        schedule_items (e, step, depth_to_space_item, step->channels);
}

static bool depth_to_space_prepare (struct preparation *p, const struct layer *layer)
{
    const struct depth_to_space *how = &p->g->nodes[layer->node].u.depth_to_space;
    struct step *step = step_new (p, depth_to_space_run, layer->inputs[0], layer->output);
    return step && step_state (p, step, how, sizeof *how);
}

/* Where numbers are moved one by one, each takes a block from the cache and puts one there. Whole blocks go to every
 * block_w-th place, at a third of the speed of copying. */
static double depth_to_space_cycles (const struct preparation *p, const struct step *step)
{
    double numbers = (double)step->channels * step->height * step->width;
    return moves_blocks (step) ? 3 * cost_pass (p, step) : cost_move (p, 2 * BLOCK * numbers);
}

const struct operator_type operator_depth_to_space = {
    .shape = depth_to_space_shape,
    .grid = depth_to_space_grid,
    .reach = depth_to_space_reach,
    .prepare = depth_to_space_prepare,
    .cycles = depth_to_space_cycles,
};
