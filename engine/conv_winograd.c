/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_winograd.c: 3x3 convolutions by Winograd's minimal filtering, of stride 1 and 2.
 *
 *   input -> V -> per panel: sums at every filter point -> output, all in the worker's scratch
 *   item = block of tiles, all panels of a set of groups; or, where all tiles are one block and there is one set,
 *   item = panel
 *
 * Weights, per panel: [filter point][input channel][16 blocks], G g G' of each filter, in double. */
#include "engine/conv.h"
#include "engine/conv_cost.h"
#include "engine/conv_weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* One side of a tile: its points, its outputs, and the points of a small one, 0: there is none. */
struct side {
    int n, m, small;
};

/* A size: its sides, filter points, and vectors read, written and computed by the transforms per tile and block (two
 * thirds of them overlap). */
enum { F23, F43, F42, F23_S2 };
static const struct winograd {
    struct side h, w;
    int filters, forward, inverse;
} winograds[] = {
    [F23] = { { 4, 2, 3 }, { 4, 2, 3 }, 16, 60, 50 },
    [F43] = { { 6, 4, 4 }, { 6, 4, 4 }, 36, 180, 190 },
    [F42] = { { 6, 4, 4 }, { 4, 2, 0 }, 24, 110, 110 },
    [F23_S2] = { { 5, 2, 3 }, { 5, 2, 3 }, 16, 70, 60 },
};

/* What a step of it needs. */
struct winograd_step {
    const struct winograd *size;
    struct segment **segments; /* of each of packed.range: pieces of one block of channels each */
    int sets, set_blocks;      /* sets of groups, and how many blocks of channels one has */
    int n_h, n_w, m_h, m_w;    /* points and outputs a side of a tile */
    int tiles;                 /* in the largest block */
    bool small_h, small_w;     /* the last tile of a side is a small one */
    int tile_blocks;           /* work items are blocks, but panels when there is one */
    ptrdiff_t v_point, m_point;
};

/* Tiles of a Winograd step that are computed together: [start[k], start[k + 1]) are of kind k. Kinds are in such an
 * order that all tiles that need a point are neighbours: small ones need only some of the points of a side. */
enum tile_kind { TILES_SMALL_H, TILES_WHOLE, TILES_SMALL_W, TILES_SMALL, TILE_KINDS };
struct tile_block {
    int start[TILE_KINDS + 1];
    struct winograd_tile tile[];
};
/* Floats at the start of a worker's scratch that hold a block of so many tiles. */
#define TILE_BLOCK(tiles)                                                                                              \
    ((sizeof (struct tile_block) + (size_t)(tiles) * sizeof (struct winograd_tile) + 63) / 64 * (64 / sizeof (float)))

/* Does a side of so many outputs end with a small tile? */
static bool ends_small (const struct side *side, int outputs)
{
    int left = outputs % side->m;
    return side->small > 0 && left > 0 && left <= side->m / 2;
}

/* Products for one side of so many outputs. */
static int side_points (const struct side *side, int outputs)
{
    return outputs / side->m * side->n + (outputs % side->m == 0       ? 0
                                          : ends_small (side, outputs) ? side->small
                                                                       : side->n);
}

/* Products for each pair of channels. */
static uint64_t winograd_points (const struct winograd *w, const struct step *step)
{
    return (uint64_t)side_points (&w->h, step->height) * (uint64_t)side_points (&w->w, step->width);
}

static int tile_count (const struct winograd *w, const struct step *step)
{
    return divide_up (step->height, w->h.m) * divide_up (step->width, w->w.m);
}

/* Tiles of a Winograd block, about: 28 x 36 x 64 channels x 4 bytes is 258 KiB of transformed input. */
enum { WINOGRAD_TILES = 28, WINOGRAD_MOST_TILES = 64, WINOGRAD_LEAST_TILES = 20 };
/* What a register tile costs beside its multiplications, which shows where groups are few channels deep. With 30,
 * stride 2 is found 14 % slower than direct for groups of 16 channels and 9 % faster for 24; measured were 11 and 9
 * (Zen 1). */
enum { ACC_TILE_CYCLES = 30 };

static double winograd_cycles (const struct conv_method *method, const struct preparation *p, const struct step *step)
{
    const struct winograd *w = method->variant;
    double points = (double)winograd_points (w, step), tiles = tile_count (w, step);
    double in = step->in_channels, out = divide_up (step->channels, BLOCK) * BLOCK;
    const struct filled filled = filled_pairs (&step->conv, step->in_channels, step->kernel);
    double acc_tiles = (double)w->h.n * w->w.n * filled.panels * ceil (tiles / step->kernel->mr);
    return product_cycles (p, points * filled.pairs, w->filters * filled.pairs) +
           (step->conv.groups > 1 ? acc_tiles * ACC_TILE_CYCLES : 0) +
           tiles * (in * w->forward + out * w->inverse) / (2.0 * p->kernels->lanes);
}

static bool winograd_fits (const struct conv_method *method, const struct preparation *p, const struct step *step,
                           bool planar)
{
    const struct conv *c = &step->conv;
    (void)p;
    (void)planar;
    if (method->variant == &winograds[F23_S2] ? c->stride_h != 2 : c->stride_h != 1)
        return false;
    return c->kernel_h == 3 && c->kernel_w == 3 && c->stride_h == c->stride_w && c->dilation_h == 1 &&
           c->dilation_w == 1 && c->pad_top <= 1 && c->pad_left <= 1 && c->pad_bottom <= 1 && c->pad_right <= 1;
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* G of stride 2, one row for each filter that differs: the even taps' F(2,2) on 0, 1 and infinity, the odd
 * tap. */
static const double s2_matrix[4][3] = { { 1, 0, 0 }, { 1, 0, 1 }, { 0, 0, 1 }, { 0, 1, 0 } };

/* G of F(4,3), of both sides or of one, on 0, 5/8, -5/8, 3/2, -3/2, infinity: (1, p, p^2) over the product of (p -
 * other points); and of F(2,3) on 0, 1, -1, infinity, with the sign of the first row that kernels_winograd.c's B'
 * takes. */
static void winograd_matrix (int m, double g[6][3])
{
    const double points[2][5] = { { 0, 1, -1 }, { 0, 0.625, -0.625, 1.5, -1.5 } };
    const double *p = points[m == 4];
    int finite = m + 1;
    for (int i = 0; i < finite; i++) {
        double product = 1;
        for (int j = 0; j < finite; j++)
            if (j != i)
                product *= p[i] - p[j];
        for (int k = 0; k < 3; k++)
            g[i][k] = (k == 0 ? 1 : k == 1 ? p[i] : p[i] * p[i]) / product;
    }
    if (m == 2) /* the kernel computes d0 - d2, not d2 - d0 */
        g[0][0] = 1;
    g[finite][0] = g[finite][1] = 0;
    g[finite][2] = 1;
}

enum { WIDE = 2 * BLOCK }; /* output channels of the widest panel */

/* G of one side, [n][3]: n filter points, 4 for stride 2. */
struct transform {
    int n;
    double g[6][3];
};

/* G_h g G_w' of `wide` filters side by side, g [9][WIDE], to u: points `stride` floats apart, filters next to each
 * other. The inner loops run over filters so that the compiler can use vectors. */
static void transform_filters (const struct transform *h, const struct transform *w, double (*g)[WIDE], int wide,
                               float *u, size_t stride)
{
    double half[6][3][WIDE];
    for (int i = 0; i < h->n; i++)
        for (int x = 0; x < 3; x++)
            for (int f = 0; f < wide; f++)
                half[i][x][f] = h->g[i][0] * g[x][f] + h->g[i][1] * g[3 + x][f] + h->g[i][2] * g[6 + x][f];
    for (int i = 0; i < h->n; i++)
        for (int j = 0; j < w->n; j++, u += stride)
            for (int f = 0; f < wide; f++) {
                double v = half[i][0][f] * w->g[j][0] + half[i][1][f] * w->g[j][1] + half[i][2][f] * w->g[j][2];
                u[f] = fabs (v) < 1e-30 ? 0.0f : (float)v;
            }
}

static void pack_winograd (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels)
{
    const struct winograd *size = packed->method->variant;
    struct transform h = { .n = 4 }, w;
    double g[9][WIDE];
    if (size == &winograds[F23_S2]) {
        memcpy (h.g, s2_matrix, sizeof s2_matrix);
        w = h;
    } else {
        h.n = size->h.n;
        w.n = size->w.n;
        winograd_matrix (h.n - 2, h.g);
        winograd_matrix (w.n - 2, w.g);
    }
    for (int n = 0; n < packed->panel_count; n++) {
        const struct panel *panel = &packed->panel[n];
        packed_begin (packed, node, n);
        int wide = panel->blocks * BLOCK;
        float *to = panel_weights (packed, n);
        for (int i = 0; i < panel->depth; i++, to += wide) {
            if (!packed_spend ((size_t)size->filters * (size_t)wide))
                return;
            for (int lane = 0; lane < wide; lane++) {
                int o = panel->block * BLOCK + lane;
                const float *from = filter (node, layer, in_channels, o, panel->first + i);
                double scale = from && layer->scale ? layer->scale[o] : 1;
                for (int t = 0; t < 9; t++)
                    g[t][lane] = from ? from[t] * scale : 0;
            }
            transform_filters (&h, &w, g, wide, to, (size_t)panel->depth * (size_t)wide);
        }
    }
}

static bool winograd_lay (struct packed *packed, const struct layer *layer, int in_channels)
{
    const struct winograd *size = packed->method->variant;
    return panel_layout (packed, layer, in_channels, (size_t)size->filters);
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

/* An odd number of 64-byte lines, so that the points of one tile do not fall on one set of the cache. */
static ptrdiff_t odd_lines (ptrdiff_t floats)
{
    return floats / BLOCK % 2 ? floats : floats + BLOCK;
}

static void name_winograd (struct step *step)
{
    const struct winograd_step *w = step->state;
    char size[8];
    snprintf (size, sizeof size, w->m_h == w->m_w ? "%d" : "%dx%d", w->m_h, w->m_w);
    snprintf (step->algorithm, sizeof step->algorithm, "winograd F(%s,3)%s", size,
              w->size == &winograds[F23_S2] ? " s2" : "");
}

/* For each range of channels the pieces of its sum: the channels of a block, over the points of a tile. */
static bool winograd_segments (struct preparation *p, const struct step *step)
{
    struct winograd_step *state = step->state;
    const struct packed *packed = step->packed;
    state->segments = memory_add (p->memory, (size_t)packed->range_count, sizeof *state->segments);
    for (int i = 0; state->segments && i < packed->range_count; i++) {
        const struct channel_range *range = &packed->range[i];
        int end = range->skip + range->depth, blocks = divide_up (end, BLOCK);
        struct segment *list = memory_add (p->memory, (size_t)blocks, sizeof *list);
        if (!list)
            return false;
        for (int b = 0; b < blocks; b++) {
            int first = b ? 0 : range->skip;
            list[b] = (struct segment) { .offset = b * state->tiles * BLOCK + first,
                                         .length = least (end - b * BLOCK, BLOCK) - first };
        }
        state->segments[i] = list;
    }
    return state->segments != NULL;
}

static bool winograd_prepare (struct preparation *p, struct step *step)
{
    const struct winograd *w = step->packed->method->variant;
    struct winograd_step *state = memory_add (p->memory, 1, sizeof *state);
    const struct packed *packed = step->packed;
    int tiles = tile_count (w, step), threads = p->threads;
    if (!state)
        return false;
    step->state = state;
    state->size = w;
    state->sets = divide_up (packed->panel_count, packed->set_panels);
    state->set_blocks = divide_up (packed->depth, BLOCK);
    /* Every block of tiles reads all weights, 128 / tiles bytes a cycle with 32 multiply-adds in each. */
    state->tile_blocks = 1;
    if (tiles > WINOGRAD_MOST_TILES ||
        (threads > 1 && state->sets < threads && tiles >= threads * WINOGRAD_LEAST_TILES))
        state->tile_blocks = divide_up (divide_up (tiles, WINOGRAD_TILES), threads) * threads;
    step->by_panel = state->tile_blocks == 1 && state->sets == 1;
    state->n_h = w->h.n;
    state->n_w = w->w.n;
    state->m_h = w->h.m;
    state->m_w = w->w.m;
    state->small_h = ends_small (&w->h, step->height);
    state->small_w = ends_small (&w->w, step->width);
    state->tiles = divide_up (tiles, state->tile_blocks);
    state->v_point = odd_lines ((ptrdiff_t)state->set_blocks * state->tiles * BLOCK);
    state->m_point = odd_lines ((ptrdiff_t)step->kernel->nr_blocks * state->tiles * BLOCK);
    size_t points = (size_t)(w->h.n * w->w.n), both = (size_t)(state->v_point + state->m_point);
    need_bytes (&p->scratch_bytes, (TILE_BLOCK (state->tiles) + points * both) * sizeof (float));
    name_winograd (step);
    step->multiplications = winograd_points (w, step) * packed->pairs;
    return winograd_segments (p, step);
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

/* A filter's products are made for so many input channels at a time: their 16 KiB of weights, and as many prefetched,
 * stay in an L1 cache of 48 KiB. It is the same number for all layers, threads and instruction sets, since it decides
 * in what order a sum is rounded. Figures: docs/measurements.md, "Winograd". */
enum { PRODUCT_CHANNELS = 128 };

static struct winograd_args args_of (const struct step *step)
{
    const struct winograd_step *w = step->state;
    return (struct winograd_args) {
        .n_h = w->n_h,
        .n_w = w->n_w,
        .height = step->height,
        .width = step->width,
        .pad_top = step->conv.pad_top,
        .pad_left = step->conv.pad_left,
        .in_height = step->in_height,
        .in_width = step->in_width,
        .v_point = w->v_point,
        .m_point = w->m_point,
        .bias = step->packed->bias,
        .epilogue = &step->epilogue,
    };
}

/* One transform of all tiles of a block; v and m_ are the first one's. */
static void transform (const struct tile_block *block, struct winograd_args args,
                       void (*kernel) (const struct winograd_args *args))
{
    float *v = args.v;
    const float *m = args.m_;
    for (int kind = 0; kind < TILE_KINDS; kind++) {
        int first = block->start[kind];
        args.small_h = kind == TILES_SMALL_H || kind == TILES_SMALL;
        args.small_w = kind == TILES_SMALL_W || kind == TILES_SMALL;
        args.tile = block->tile + first;
        args.tiles = block->start[kind + 1] - first;
        args.v = v ? v + first * BLOCK : NULL;
        args.m_ = m ? m + first * BLOCK : NULL;
        if (args.tiles)
            kernel (&args);
    }
}

static void winograd_forward (struct execution *e, const struct step *step, int set, const struct tile_block *block,
                              float *v)
{
    const struct winograd_step *w = step->state;
    struct winograd_args args = args_of (step);
    int first = set * w->set_blocks, blocks = least (w->set_blocks, divide_up (step->in_channels, BLOCK) - first);
    for (int b = 0; b < blocks; b++) {
        args.in = (const float *)step->in + (ptrdiff_t)(first + b) * step->in_height * step->in_width * BLOCK;
        args.v = v + (ptrdiff_t)b * w->tiles * BLOCK;
        transform (block, args, e->kernels->winograd_input);
    }
}

/* Tile t of a step, counted row by row: where it is, and of what kind. */
static enum tile_kind tile_at (const struct step *step, int tiles_w, int t, struct winograd_tile *tile)
{
    const struct winograd_step *w = step->state;
    *tile = (struct winograd_tile) { t / tiles_w * w->m_h, t % tiles_w * w->m_w };
    bool small_h = w->small_h && tile->top + w->m_h > step->height;
    bool small_w = w->small_w && tile->left + w->m_w > step->width;
    return small_h ? small_w ? TILES_SMALL : TILES_SMALL_H : small_w ? TILES_SMALL_W : TILES_WHOLE;
}

/* One of the step's blocks of nearly equal size, its tiles kind by kind. */
static void lay_block (const struct step *step, int index, struct tile_block *block)
{
    const struct winograd_step *w = step->state;
    int tiles_w = divide_up (step->width, w->m_w), tiles = divide_up (step->height, w->m_h) * tiles_w;
    int first = part_start (tiles, index, w->tile_blocks), last = part_start (tiles, index + 1, w->tile_blocks);
    int next[TILE_KINDS + 1] = { 0 };
    struct winograd_tile tile;
    for (int t = first; t < last; t++)
        next[tile_at (step, tiles_w, t, &tile) + 1]++;
    block->start[0] = 0;
    for (int kind = 0; kind < TILE_KINDS; kind++) {
        next[kind + 1] += next[kind];
        block->start[kind + 1] = next[kind + 1];
    }
    for (int t = first; t < last; t++) {
        enum tile_kind kind = tile_at (step, tiles_w, t, &tile);
        block->tile[next[kind]++] = tile;
    }
}

/* The tiles of a block that need this point of the step's: [first, end). */
static void tiles_at (const struct step *step, const struct tile_block *block, int point, int *first, int *end)
{
    const struct winograd_step *w = step->state;
    static const bool every[3][6] = { { true, true, false, true },
                                      { true, false, true, true, false },
                                      { true, true, true, false, false, true } };
    bool h = every[w->n_h - 4][point / w->n_w]; /* small tiles need it too */
    bool wide = every[w->n_w - 4][point % w->n_w];
    *first = block->start[h ? TILES_SMALL_H : TILES_WHOLE];
    *end = block->start[h && wide ? TILE_KINDS : wide ? TILES_SMALL : TILES_SMALL_W];
}

/* The points that meet each filter of stride 2: the odd pixels of a side, points 3 and 4, meet the same
 * one. */
static const struct {
    uint8_t count, point[4];
} s2_points[16] = {
    { 1, { 0 } },      { 1, { 1 } },      { 1, { 2 } },      { 2, { 3, 4 } },
    { 1, { 5 } },      { 1, { 6 } },      { 1, { 7 } },      { 2, { 8, 9 } },
    { 1, { 10 } },     { 1, { 11 } },     { 1, { 12 } },     { 2, { 13, 14 } },
    { 2, { 15, 20 } }, { 2, { 16, 21 } }, { 2, { 17, 22 } }, { 4, { 18, 19, 23, 24 } },
};

/* The tiles that a filter meets at one point. */
struct use {
    const float *input;
    float *out;
    int pixels, acc_tiles;
};

/* All uses of a filter, at most 4; returns how many: none for a point that only whole tiles have, where all are
 * small. */
static int filter_uses (const struct step *step, const struct tile_block *block, int filter, const float *v,
                        float *sums, struct use *use)
{
    const struct winograd_step *w = step->state;
    bool s2 = step->conv.stride_h == 2;
    int uses = 0, points = s2 ? s2_points[filter].count : 1;
    for (int i = 0; i < points; i++) {
        int point = s2 ? s2_points[filter].point[i] : filter;
        int from, to;
        tiles_at (step, block, point, &from, &to);
        if (from < to)
            use[uses++] = (struct use) { .input = v + point * w->v_point + from * BLOCK,
                                         .out = sums + point * w->m_point + from * BLOCK,
                                         .pixels = to - from,
                                         .acc_tiles = divide_up (to - from, step->kernel->mr) };
    }
    return uses;
}

/* What a worker has in hand: a block of tiles, its input transformed, and room for the products. */
struct hand {
    struct execution *e;
    const struct step *step;
    const struct worker_state *worker;
    struct tile_block *block;
    float *v, *sums;
};

/* One filter's products, a slice of the channels at a time. Meanwhile the weights of the next slice are prefetched, at
 * the end those of `next`. *product is changed in place: a copy of it would wait some 100 cycles for the stores just
 * made. */
static void winograd_product (const struct hand *hand, const struct panel *panel, const struct use *use, int uses,
                              struct conv_args *product, struct next_weights next)
{
    const struct step *step = hand->step;
    const struct winograd_step *w = step->state;
    const int wide = product->blocks * BLOCK, depth = panel->depth;
    const size_t slice = (size_t)least (depth, PRODUCT_CHANNELS) * (size_t)wide;
    const float *weights = product->weights;
    int acc_tiles = 0;
    for (int u = 0; u < uses; u++)
        acc_tiles += use[u].acc_tiles;
    product->segments = w->segments[panel->range];
    for (int k = 0, channels, skip = panel->first % BLOCK; k < depth; k += channels, skip = 0) {
        channels = least (depth - k, PRODUCT_CHANNELS - skip); /* whole pieces */
        int left = depth - k - channels, done = 0;
        struct next_weights soon = next;
        if (left > 0)
            soon = (struct next_weights) { weights + channels * wide, (size_t)left * (size_t)wide };
        /* no more than one slice: it is wanted first */
        soon.floats = soon.floats < slice ? soon.floats : slice;
        struct prefetch prefetch = prefetch_spread (hand->e, soon, (ptrdiff_t)channels * acc_tiles, product->blocks);
        product->segment_count = divide_up (skip + channels, BLOCK);
        for (int u = 0; u < uses; u++) {
            product->prefetch = prefetch_rest (prefetch, (ptrdiff_t)channels * done);
            product->input = use[u].input;
            product->out = use[u].out;
            product->pixels = use[u].pixels;
            product->residual = k > 0 ? product->out : NULL;
            step->kernel->run (product);
            done += use[u].acc_tiles;
        }
        product->segments += product->segment_count;
        product->weights = weights += channels * wide;
    }
}

static struct hand hand_of (struct execution *e, const struct step *step, const struct worker_state *worker)
{
    const struct winograd_step *w = step->state;
    float *v = (float *)worker->scratch + TILE_BLOCK (w->tiles);
    return (struct hand) { e, step, worker, worker->scratch, v, v + w->n_h * w->n_w * w->v_point };
}

/* The products of all points for one panel. */
static void winograd_products (const struct hand *hand, int index)
{
    const struct step *step = hand->step;
    const struct winograd_step *w = step->state;
    static const float zeros[2 * BLOCK] __attribute__ ((aligned (64)));
    static const struct epilogue none = { .low = -__builtin_inff (), .high = __builtin_inff (), .clamp_only = true };
    const struct panel *panel = &step->packed->panel[index];
    const float *weights = panel_weights (step->packed, index);
    int filters = step->conv.stride_h == 2 ? 16 : w->n_h * w->n_w;
    size_t each = (size_t)panel->depth * BLOCK * (size_t)panel->blocks;
    int block = panel->first / BLOCK - index / step->packed->set_panels * w->set_blocks; /* of those in v */
    const float *v = hand->v + (ptrdiff_t)block * w->tiles * BLOCK;
    struct conv_args product = {
        .pixel_stride = BLOCK,
        .bias = zeros,
        .out_block = (ptrdiff_t)hand->block->start[TILE_KINDS] * BLOCK,
        .blocks = panel->blocks,
        .epilogue = &none,
    };
    for (int filter = 0; filter < filters; filter++) {
        struct use use[4];
        int uses = filter_uses (step, hand->block, filter, v, hand->sums, use);
        if (!uses)
            continue;
        product.weights = weights + (size_t)filter * each;
        winograd_product (hand, panel, use, uses, &product,
                          filter + 1 < filters ? (struct next_weights) { weights + (size_t)(filter + 1) * each, each }
                                               : next_weights (hand->e, step, hand->worker, index));
    }
}

/* One panel: the products, then the way back. */
static void winograd_panel (const struct hand *hand, int index)
{
    const struct step *step = hand->step;
    const struct panel *panel = &step->packed->panel[index];
    const float *residual = step->residual;
    float *out = step->out;
    winograd_products (hand, index);
    struct winograd_args args = args_of (step);
    for (int b = 0; b < panel->blocks; b++) {
        ptrdiff_t at = (ptrdiff_t)(panel->block + b) * step->height * step->width * BLOCK;
        args.m_ = hand->sums + (ptrdiff_t)b * hand->block->start[TILE_KINDS] * BLOCK;
        args.out = out + at;
        args.residual = residual ? residual + at : NULL;
        args.channel = (panel->block + b) * BLOCK;
        transform (hand->block, args, hand->e->kernels->winograd_output);
    }
}

/* One block of tiles from input to output, for one set of groups. */
static void winograd_block_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct winograd_step *w = step->state;
    const struct hand hand = hand_of (e, step, worker);
    int block = item / w->sets, set = item % w->sets, first = set * step->packed->set_panels;
    int end = least (step->packed->panel_count, first + step->packed->set_panels);
    if (worker->staged != block)
        lay_block (step, block, hand.block);
    worker->staged = block;
    winograd_forward (e, step, set, hand.block, hand.v);
    for (int c = first; c < end; c++)
        winograd_panel (&hand, c);
}

/* One panel over all tiles; a worker transforms the whole input when it first gets one. Sharing that between workers
 * would cost more than doing it twice: every line of it would have to leave the cache of the core that wrote it. */
static void winograd_panel_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    const struct hand hand = hand_of (e, step, worker);
    if (worker->staged < 0) {
        lay_block (step, 0, hand.block);
        winograd_forward (e, step, 0, hand.block, hand.v);
    }
    worker->staged = 0;
    winograd_panel (&hand, item);
}

static void winograd_run (struct execution *e, const struct step *step)
{
    const struct winograd_step *w = step->state;
    if (!step->by_panel)
        schedule_items (e, step, winograd_block_item, w->tile_blocks * w->sets);
    else
        schedule_items (e, step, winograd_panel_item, step->packed->panel_count);
}

#define METHOD(size, wanted)                                                                                           \
    {                                                                                                                  \
        .name = "winograd", .algorithms = wanted, .gain = 1, .variant = &winograds[size], .fits = winograd_fits,       \
        .cycles = winograd_cycles, .lay = winograd_lay, .pack = pack_winograd, .prepare = winograd_prepare,            \
        .run = winograd_run,                                                                                           \
    }
const struct conv_method conv_winograd_f23 = METHOD (F23, 1 << ALGORITHM_F23);
const struct conv_method conv_winograd_f42 = METHOD (F42, 1 << ALGORITHM_F42);
const struct conv_method conv_winograd_f43 = METHOD (F43, 1 << ALGORITHM_F43);
const struct conv_method conv_winograd_f23_s2 =
    METHOD (F23_S2, 1 << ALGORITHM_F23 | 1 << ALGORITHM_F42 | 1 << ALGORITHM_F43);
