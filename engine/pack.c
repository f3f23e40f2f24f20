/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pack.c: weights as given -> weights as the kernels stream them, with batch norm folded in, in double precision.
 *
 *   direct      per column: [input block][ky][kx][channel][16 blocks]   the order of the kernel's sum
 *   planar      per column: [input channel][ky][kx][16 blocks]          the same for a planar input
 *   Winograd    per column: [filter point][input channel][16 blocks]    G g G' of each filter, in double
 *   Strassen    per pair of columns: [product][input channel of a half][16 blocks of a column]    sums of quarters
 *   depthwise   [block][ky][kx][16]
 *
 * A column is one or two blocks of 16 output channels that read the same input channels. Grouped convolutions whose
 * groups do not fill blocks are widened: the fewest groups that do, side by side, with zeros between them.
 *
 * Packed weights are kept in a list of the graph under its lock, so that every plan of it shares them. */
#include "engine/packed.h"
#include "engine/kernels.h"
#include "engine/memory.h"
#include "engine/place.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Groups put side by side until both channel counts fill blocks; all of them when nothing less does. */
static int groups_together (int groups, int in, int out)
{
    for (int s = 1; s < groups; s++)
        if (groups % s == 0 && s * in % BLOCK == 0 && s * out % BLOCK == 0)
            return s;
    return groups;
}

/* Where each column is; the same for direct and Winograd but for the floats one (input, output) pair takes. */
static bool lay_columns (struct packed *packed, const struct layer *layer, int in_channels, int columns,
                         size_t per_pair)
{
    const struct conv *conv = &layer->conv;
    int together = groups_together (conv->groups, in_channels / conv->groups, conv->out_channels / conv->groups);
    int sets = conv->groups / together;
    int in = in_channels / sets, out_blocks = (conv->out_channels / sets + BLOCK - 1) / BLOCK;
    int per_set = (out_blocks + columns - 1) / columns;
    packed->depth = in;
    packed->column_count = sets * per_set;
    packed->column = calloc ((size_t)packed->column_count, sizeof *packed->column);
    if (!packed->column)
        return false;
    size_t at = 0;
    for (int i = 0; i < packed->column_count; i++) {
        int first = i % per_set * columns;
        struct column *column = &packed->column[i];
        column->block = i / per_set * out_blocks + first;
        column->blocks = out_blocks - first < columns ? out_blocks - first : columns;
        column->in_block = i / per_set * (in / BLOCK);
        column->weights = at;
        if (__builtin_add_overflow (at, per_pair * (size_t)in * BLOCK * (size_t)column->blocks, &at))
            return false;
    }
    packed->weight_floats = at;
    return true;
}

/* For Strassen: pairs of columns, all with the weights of a whole one. */
static bool lay_pairs (struct packed *packed, const struct layer *layer, int in_channels, int columns)
{
    int out_blocks = (layer->conv.out_channels + BLOCK - 1) / BLOCK;
    size_t floats = 7 * (size_t)(in_channels / 2) * BLOCK * (size_t)columns;
    packed->depth = in_channels;
    packed->column_count = (out_blocks + 2 * columns - 1) / (2 * columns);
    packed->column = calloc ((size_t)packed->column_count, sizeof *packed->column);
    if (!packed->column)
        return false;
    for (int i = 0; i < packed->column_count; i++) {
        int first = i * 2 * columns, left = out_blocks - first;
        packed->column[i] = (struct column) { .block = first,
                                              .blocks = left < 2 * columns ? left : 2 * columns,
                                              .weights = (size_t)i * floats };
    }
    return !__builtin_mul_overflow (floats, (size_t)packed->column_count, &packed->weight_floats);
}

/* The filter of output channel `o` for the column's input channel `i`, [kernel_h][kernel_w], or NULL where a widened
 * group has zeros. i counts from the column's first input channel. */
static const float *filter (const struct node *node, const struct layer *layer, int in_channels, int depth, int o,
                            int i)
{
    const struct conv *conv = &layer->conv;
    if (o >= conv->out_channels)
        return NULL;
    int group_in = in_channels / conv->groups, group_out = conv->out_channels / conv->groups;
    int sets_first = o / (group_out * (depth / group_in)) * (depth / group_in); /* first group of o's set */
    int group = o / group_out;
    int local = i - (group - sets_first) * group_in;
    if (local < 0 || local >= group_in)
        return NULL;
    size_t size = (size_t)conv->kernel_h * (size_t)conv->kernel_w;
    return node->u.conv.weights + ((size_t)o * (size_t)group_in + (size_t)local) * size;
}

static float folded (const struct layer *layer, double weight, int o)
{
    double w = layer->scale ? weight * layer->scale[o] : weight;
    return fabs (w) < 1e-30 ? 0.0f : (float)w;
}

/* unit: input channels that lie next to each other, 16 or, planar, 1. */
static void pack_direct (struct packed *packed, const struct node *node, const struct layer *layer, int in_channels,
                         int unit)
{
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    for (int n = 0; n < packed->column_count; n++) {
        const struct column *column = &packed->column[n];
        size_t wide = (size_t)column->blocks * BLOCK;
        for (int i = 0; i < packed->depth; i++) {
            int block = i / unit, left = packed->depth - block * unit, lanes = left < unit ? left : unit;
            float *to = packed->weights + column->weights + ((size_t)(block * unit) * taps + (size_t)(i % unit)) * wide;
            for (int lane = 0; lane < (int)wide; lane++) {
                int o = column->block * BLOCK + lane;
                const float *from = filter (node, layer, in_channels, packed->depth, o, i);
                for (size_t t = 0; from && t < taps; t++)
                    to[t * (size_t)lanes * wide + (size_t)lane] = folded (layer, from[t], o);
            }
        }
    }
}

static void pack_depthwise (struct packed *packed, const struct node *node, const struct layer *layer)
{
    size_t taps = (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    for (int o = 0; o < layer->conv.out_channels; o++)
        for (size_t t = 0; t < taps; t++)
            packed->weights[((size_t)(o / BLOCK) * taps + t) * BLOCK + (size_t)(o % BLOCK)] =
                folded (layer, node->u.conv.weights[(size_t)o * taps + t], o);
}

/* G of the strided kernel, one row for each filter that differs: the even taps' F(2,2) on 0, 1 and infinity, the odd tap. */
static const double strided_matrix[4][3] = { { 1, 0, 0 }, { 1, 0, 1 }, { 0, 0, 1 }, { 0, 1, 0 } };

/* G of F(4,3), of both sides or of one, on 0, 5/8, -5/8, 3/2, -3/2, infinity: (1, p, p^2) over the product of (p - other points);
 * and of F(2,3) on 0, 1, -1, infinity, with the sign of the first row that kernels_winograd.c's B' takes. */
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

enum { WIDE = 2 * BLOCK }; /* output channels of the widest column */

/* G of one side, [n][3]: n filter points, 4 for the strided kernel. */
struct transform {
    int n;
    double g[6][3];
};

/* G_h g G_w' of `wide` filters side by side, g [9][WIDE], to u: points `stride` floats apart, filters next to each other. The
 * inner loops run over filters so that the compiler can use vectors. */
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
    enum packing packing = packed->packing;
    struct transform h = { .n = 4 }, w;
    double g[9][WIDE];
    if (packing == PACKING_STRIDED) {
        memcpy (h.g, strided_matrix, sizeof strided_matrix);
        w = h;
    } else {
        h.n = packing == PACKING_F23 ? 4 : 6;
        w.n = packing == PACKING_F43 ? 6 : 4;
        winograd_matrix (h.n - 2, h.g);
        winograd_matrix (w.n - 2, w.g);
    }
    for (int n = 0; n < packed->column_count; n++) {
        const struct column *column = &packed->column[n];
        int wide = column->blocks * BLOCK;
        float *to = packed->weights + column->weights;
        for (int i = 0; i < packed->depth; i++, to += wide) {
            for (int lane = 0; lane < wide; lane++) {
                int o = column->block * BLOCK + lane;
                const float *from = filter (node, layer, in_channels, packed->depth, o, i);
                double scale = from && layer->scale ? layer->scale[o] : 1;
                for (int t = 0; t < 9; t++)
                    g[t][lane] = from ? from[t] * scale : 0;
            }
            transform_filters (&h, &w, g, wide, to, (size_t)packed->depth * (size_t)wide);
        }
    }
}

/* The seven sums of the quarters of [outputs][inputs], in the order of kernels_strassen.c. */
static void pack_strassen (struct packed *packed, const struct node *node, const struct layer *layer, int columns)
{
    int half = packed->depth / 2, wide = columns * BLOCK;
    size_t product = (size_t)half * (size_t)wide;
    for (int n = 0; n < packed->column_count; n++) {
        float *to = packed->weights + packed->column[n].weights;
        for (int lane = 0; lane < wide; lane++) {
            int first = packed->column[n].block * BLOCK + lane, second = first + wide;
            const float *u = filter (node, layer, packed->depth, packed->depth, first, 0);
            const float *l = filter (node, layer, packed->depth, packed->depth, second, 0);
            double scale_u = layer->scale && u ? layer->scale[first] : 1;
            double scale_l = layer->scale && l ? layer->scale[second] : 1;
            for (int i = 0; i < half; i++) {
                double a11 = u ? u[i] * scale_u : 0, a12 = u ? u[half + i] * scale_u : 0;
                double a21 = l ? l[i] * scale_l : 0, a22 = l ? l[half + i] * scale_l : 0;
                double lower = a21 + a22;
                double sums[7] = { a11, a12, lower - a11, lower, a12 - lower + a11, a11 - a21, a22 };
                for (size_t k = 0; k < 7; k++)
                    to[k * product + (size_t)(i * wide + lane)] = fabs (sums[k]) < 1e-30 ? 0.0f : (float)sums[k];
            }
        }
    }
}

static bool pack_bias (struct packed *packed, const struct node *node, const struct layer *layer)
{
    int channels = layer->conv.out_channels;
    size_t padded = blocked_floats (channels, 1, 1);
    packed->bias = memory_new (padded * sizeof (float));
    if (!packed->bias)
        return false;
    for (int o = 0; o < channels; o++) {
        double bias = node->u.conv.bias ? node->u.conv.bias[o] : 0;
        packed->bias[o] = (float)(layer->scale ? bias * layer->scale[o] + layer->shift[o] : bias);
    }
    return true;
}

static void packed_free (struct packed *packed)
{
    if (!packed)
        return;
    free (packed->weights);
    free (packed->bias);
    free (packed->column);
    free (packed);
}

static size_t floats_per_pair (const struct layer *layer, enum packing packing)
{
    switch (packing) {
    case PACKING_F23:
    case PACKING_STRIDED:
        return 16;
    case PACKING_F43:
        return 36;
    case PACKING_F42:
        return 24;
    default:
        return (size_t)layer->conv.kernel_h * (size_t)layer->conv.kernel_w;
    }
}

/* Packing can multiply: by the padding of channels, by Winograd, by the zeros of widened groups. Checked before memory is
 * asked for. */
static bool within_limits (const struct graph *g, const struct layer *layer, const struct packed *packed,
                           enum packing packing, struct error *error)
{
    const struct node *node = &g->nodes[layer->node];
    uint64_t bytes = 0, limit, work = 0;
    for (const struct packed *other = g->packed; other; other = other->next)
        bytes += other->weight_floats * sizeof (float);
    if (__builtin_mul_overflow (g->limits.weight_bytes, 4, &limit))
        limit = UINT64_MAX;
    if (__builtin_add_overflow (bytes, (uint64_t)packed->weight_floats * sizeof (float), &bytes) || bytes > limit) {
        snprintf (error->text, sizeof error->text,
                  "conv '%s': with its packed weights there are %" PRIu64
                  " bytes of them, more than the limit of %" PRIu64,
                  node->name, bytes, limit);
        return false;
    }
    uint64_t pixels = (uint64_t)node->height * (uint64_t)node->width;
    if (packing == PACKING_DIRECT &&
        (__builtin_mul_overflow ((uint64_t)packed->weight_floats, pixels, &work) || work > g->limits.macs)) {
        snprintf (
            error->text, sizeof error->text,
            "conv '%s': its %d groups cannot be computed apart, and together they take more than the limit of %" PRIu64
            " multiply-accumulates",
            node->name, layer->conv.groups, g->limits.macs);
        return false;
    }
    return true;
}

static struct packed *packed_new (const struct graph *g, const struct layer *layer, enum packing packing, int columns,
                                  struct error *error)
{
    const struct node *node = &g->nodes[layer->node];
    int in_channels = g->nodes[node->inputs[0]].channels;
    size_t per_pair = floats_per_pair (layer, packing);
    struct packed *packed = calloc (1, sizeof *packed);
    if (!packed)
        return NULL;
    bool ok = true;
    error->text[0] = 0;
    if (packing == PACKING_DEPTHWISE)
        packed->weight_floats = blocked_floats (in_channels, 1, 1) * per_pair;
    else if (packing == PACKING_STRASSEN)
        ok = lay_pairs (packed, layer, in_channels, columns);
    else
        ok = lay_columns (packed, layer, in_channels, columns, per_pair);
    size_t bytes = 0;
    ok = ok && within_limits (g, layer, packed, packing, error);
    ok = ok && !__builtin_mul_overflow (packed->weight_floats, sizeof (float), &bytes) &&
         pack_bias (packed, node, layer);
    packed->weights = ok ? memory_new (bytes) : NULL;
    if (!packed->weights) {
        packed_free (packed);
        return NULL;
    }
    packed->packing = packing;
    if (packing == PACKING_DEPTHWISE)
        pack_depthwise (packed, node, layer);
    else if (packing == PACKING_DIRECT || packing == PACKING_PLANAR)
        pack_direct (packed, node, layer, in_channels, packing == PACKING_PLANAR ? 1 : BLOCK);
    else if (packing == PACKING_STRASSEN)
        pack_strassen (packed, node, layer, columns);
    else
        pack_winograd (packed, node, layer, in_channels);
    return packed;
}

/* FNV-1a over the folded scale and shift: what else the packed numbers depend on. */
static uint64_t hash_fold (const struct layer *layer)
{
    uint64_t hash = 14695981039346656037u;
    const double *parts[2] = { layer->scale, layer->shift };
    for (int i = 0; i < 2 && layer->scale; i++) {
        const unsigned char *bytes = (const unsigned char *)parts[i];
        for (size_t b = 0; b < (size_t)layer->conv.out_channels * sizeof (double); b++)
            hash = (hash ^ bytes[b]) * 1099511628211u;
    }
    return hash;
}

struct packed *packed_get (struct graph *g, const struct layer *layer, enum packing packing, int columns,
                           struct error *error)
{
    uint64_t fold = hash_fold (layer);
    const char *name = g->nodes[layer->node].name;
    pthread_mutex_lock (g->lock);
    struct packed *packed = g->packed;
    while (packed && !(packed->node == layer->node && packed->packing == packing && packed->columns == columns &&
                       packed->fold == fold))
        packed = packed->next;
    bool made = !packed;
    if (!packed && g->weights_dropped) {
        snprintf (error->text, sizeof error->text,
                  "conv '%s': its weights were dropped and no plan has packed them this way before", name);
    } else if (!packed && !(packed = packed_new (g, layer, packing, columns, error))) {
        if (!error->text[0])
            snprintf (error->text, sizeof error->text, "conv '%s': no memory for its packed weights", name);
    } else if (made) {
        packed->node = layer->node;
        packed->columns = columns;
        packed->fold = fold;
        packed->next = g->packed;
        g->packed = packed;
    }
    if (packed)
        packed->references++;
    pthread_mutex_unlock (g->lock);
    return packed;
}

/* Once the weights as given are gone, what is packed cannot be made again and stays. */
void packed_release (struct graph *g, struct packed *packed)
{
    pthread_mutex_lock (g->lock);
    if (!--packed->references && !g->weights_dropped) {
        struct packed **link = &g->packed;
        while (*link != packed)
            link = &(*link)->next;
        *link = packed->next;
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
