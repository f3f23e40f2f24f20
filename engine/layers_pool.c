/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_pool.c: maxima and averages over windows. Item = some rows of one block of 16 channels. */
#include "engine/layer_window.h"
#include "engine/cost.h"
#include "engine/operator.h"
#include "engine/receptive_field.h"
#include "engine/schedule.h"

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* Windows along one axis, 0 when none fits. Rounded up, a window may overhang the end but must not start behind the
 * input and its leading padding (PyTorch's and ONNX's rule). */
static int64_t pool_count (int64_t in, const int *const pad[2], int64_t window, int64_t stride, bool ceil_mode)
{
    int64_t room = in + *pad[0] + *pad[1] - window + (ceil_mode ? stride - 1 : 0);
    if (room < 0)
        return 0;
    int64_t count = room / stride + 1;
    if (ceil_mode && (count - 1) * stride >= in + *pad[0])
        count--;
    return count;
}

/* Dilation and padding against the input and the window of tall x broad. */
static bool pool_fits (struct graph *g, const struct node_spec *spec, int64_t tall, int64_t broad)
{
    const struct pool *pool = &spec->u.pool;
    int height = (int)spec->height, width = (int)spec->width;
    /* Then taps could step over the input altogether and a maximum be taken of nothing. */
    if (pool->dilation_h > height || pool->dilation_w > width) {
        graph_fail (g, spec->label, spec->name, "dilation %dx%d is larger than the input of %dx%d", pool->dilation_h,
                    pool->dilation_w, height, width);
        return false;
    }
    const int pads[4] = { pool->pad_top, pool->pad_left, pool->pad_bottom, pool->pad_right };
    for (int i = 0; i < 4; i++) {
        if (pads[i] < (i % 2 ? broad : tall))
            continue;
        graph_fail (g, spec->label, spec->name, "padding %d is not smaller than the window of %lldx%lld", pads[i],
                    (long long)tall, (long long)broad);
        return false;
    }
    return true;
}

static bool pool_shape (struct graph *g, struct node_spec *spec)
{
    struct pool *pool = &spec->u.pool;
    const struct window_fields fields = WINDOW_FIELDS (pool);
    if (pool->kind != POOL_MAX && pool->kind != POOL_AVERAGE) {
        graph_fail (g, "pool", spec->name, "there is no pooling number %d", (int)pool->kind);
        return false;
    }
    if (!window_defaults (g, spec, &fields))
        return false;
    int64_t tall = window_extent (pool->kernel_h, pool->dilation_h);
    int64_t broad = window_extent (pool->kernel_w, pool->dilation_w);
    if (!pool_fits (g, spec, tall, broad))
        return false;
    const int *const high[2] = { fields.pad[0], fields.pad[2] }, *const wide[2] = { fields.pad[1], fields.pad[3] };
    int height = (int)spec->height, width = (int)spec->width;
    spec->height = pool_count (height, high, tall, pool->stride_h, pool->ceil_mode);
    spec->width = pool_count (width, wide, broad, pool->stride_w, pool->ceil_mode);
    spec->window = (uint64_t)pool->kernel_h * (uint64_t)pool->kernel_w;
    if (spec->height > 0 && spec->width > 0)
        return true;
    graph_fail (g, spec->label, spec->name, "its window of %lldx%lld is larger than the padded input of %dx%d",
                (long long)tall, (long long)broad, height + *high[0] + *high[1], width + *wide[0] + *wide[1]);
    return false;
}

int graph_pool (struct graph *g, const char *name, int x, const struct pool *pool)
{
    if (g && !pool)
        return graph_fail (g, "pool", name, "it has no parameters");
    struct node_spec spec = { .operation = OPERATION_POOL, .name = name, .inputs = &x, .input_count = 1 };
    spec.label = pool && pool->kind == POOL_MAX ? "max-pool" : "average-pool";
    if (pool)
        spec.u.pool = *pool;
    return node_add (g, &spec);
}

static void pool_grid (const struct node *node, struct grid *grid)
{
    struct pool pool = node->u.pool;
    const struct window_fields fields = WINDOW_FIELDS (&pool);
    window_grid (&fields, grid);
}

static void pool_reach (const struct node *node, const struct node *in, struct span reach[2])
{
    struct pool pool = node->u.pool;
    const struct window_fields fields = WINDOW_FIELDS (&pool);
    (void)in;
    window_reach (&fields, reach);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* How many of `kernel` taps from `start` on lie in front of `end`. */
static int taps_before (int start, int kernel, int dilation, int end)
{
    return start < end ? least (kernel, divide_up (end - start, dilation)) : 0;
}

static void pool_row (struct execution *e, const struct step *step, struct worker_state *worker, int block, int y)
{
    const struct pool *pool = step->state;
    const float *in = step->in, **rows = worker->scratch;
    float *out = step->out, *divisor = (float *)(rows + (pool->kernel_h + 15) / 16 * 16); /* behind the pointers */
    const uint8_t **byte_rows = worker->scratch;
    bool bytes = step->place.in.element == ELEMENT_U8;
    ptrdiff_t in_row = (ptrdiff_t)step->in_width * BLOCK;
    int top = y * pool->stride_h - pool->pad_top;
    struct pool_args args = {
        .kind = pool->kind,
        .rows = rows,
        .window = { pool->kernel_w, pool->stride_w, pool->dilation_w, pool->pad_left, step->in_width, step->width },
        .out = out + ((ptrdiff_t)block * step->height + y) * step->width * BLOCK,
    };
    for (int k = 0; k < pool->kernel_h; k++) {
        int from = top + k * pool->dilation_h;
        ptrdiff_t at = ((ptrdiff_t)block * step->in_height + from) * in_row;
        if (from >= 0 && from < step->in_height && bytes)
            byte_rows[args.row_count++] = (const uint8_t *)step->in + at;
        else if (from >= 0 && from < step->in_height)
            rows[args.row_count++] = in + at;
    }
    if (bytes) {
        uint8_t *to = (uint8_t *)step->out + ((ptrdiff_t)block * step->height + y) * step->width * BLOCK;
        e->kernels->max_bytes (&(struct max_bytes_args) { byte_rows, args.row_count, args.window, to });
        return;
    }
    if (pool->kind == POOL_AVERAGE && pool->count_include_pad) {
        int high = taps_before (top, pool->kernel_h, pool->dilation_h, step->in_height + pool->pad_bottom);
        for (int x = 0; x < step->width; x++)
            divisor[x] = (float)(high * taps_before (x * pool->stride_w - pool->pad_left, pool->kernel_w,
                                                     pool->dilation_w, step->in_width + pool->pad_right));
        args.divisor = divisor;
    }
    e->kernels->pool (&args);
}

enum { POOL_ROWS = 8 }; /* output rows in an item */

static void pool_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    int count = divide_up (step->channels, BLOCK), first = item / count * POOL_ROWS;
    for (int y = first; y < least (step->height, first + POOL_ROWS); y++)
        pool_row (e, step, worker, item % count, y);
}

static void pool_run (struct execution *e, const struct step *step)
{
    schedule_items (e, step, pool_item, divide_up (step->channels, BLOCK) * divide_up (step->height, POOL_ROWS));
}

/* The largest byte is the largest number. */
static bool pool_takes_bytes (const struct preparation *p, const struct layer *layer)
{
    return layer->pool.kind == POOL_MAX &&
           place_of (p, layer->inputs[0]).element == place_of (p, layer->output).element;
}

static bool pool_prepare (struct preparation *p, const struct layer *layer)
{
    const struct pool *pool = &layer->pool;
    struct step *step = step_new (p, pool_run, layer->inputs[0], layer->output);
    if (!step)
        return false;
    size_t pointers = ((size_t)pool->kernel_h + 15) / 16 * 16 * sizeof (float *);
    need_bytes (&p->scratch_bytes, pointers + (size_t)step->width * sizeof (float));
    return step_state (p, step, pool, sizeof *pool);
}

/* Each tap of a window is compared or added, about 2 cycles a vector; rows outside the picture are left out. */
static double pool_cycles (const struct preparation *p, const struct step *step)
{
    const struct pool *pool = step->state;
    double taps = (double)least (pool->kernel_h, step->in_height) * pool->kernel_w;
    return cost_pass (p, step) + 2 * taps * cost_out (step) / p->kernels->lanes;
}

const struct operator_type operator_pool = {
    .shape = pool_shape,
    .grid = pool_grid,
    .reach = pool_reach,
    .takes_bytes = pool_takes_bytes,
    .prepare = pool_prepare,
    .cycles = pool_cycles,
};
