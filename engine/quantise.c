/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quantise.c: which tensors are bytes, with which scale and zero point, and what convolutions of bytes need.
 *
 *   float = scale * (byte - zero),   scale = (high - low) / 255,   zero = round (-low / scale),   low <= 0 <= high
 *
 * A tensor is bytes where its range is known, but for: graph inputs and outputs, vectors (the gates of squeeze and
 * excite, pooled vectors, scores), and the map before a global pool: the surer a network is, the larger is that map,
 * and ranges of a few pictures cut exactly its confident answers. Tensors that share memory, or hold numbers of one
 * another as they are (concat, pick, reshape, max-pool), share one range: the union. Where one of them cannot be bytes,
 * none is.
 *
 * Weights have a scale for each output channel and no zero point (packed.c). The rest is the usual algebra:
 *
 *   sum of (byte - zero) weight = sum of byte weight - zero (sum of weights)                  whole numbers, exact */
#include "engine/quantise.h"
#include "engine/operator.h"
#include "engine/schedule.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { LEVELS = 255, TERMS_MAX = 66000 }; /* 255 * 127 * TERMS_MAX < 2^31 */

/* ---- types ------------------------------------------------------------------------------------------------------- */

/* What is known of a tensor, or, of the first of those that share a range, of all of them. */
struct kind {
    int group;           /* towards the first of those; itself: it is */
    int readers, reader; /* how many layers read it, and the last of them */
    bool made, floats;   /* some layer leaves it; it must be floats */
    double low, high;
};

static int group_of (struct kind *kinds, int id)
{
    while (kinds[id].group != id)
        id = kinds[id].group = kinds[kinds[id].group].group;
    return id;
}

static void join (struct kind *kinds, int a, int b)
{
    a = group_of (kinds, a);
    b = group_of (kinds, b);
    kinds[a > b ? a : b].group = a > b ? b : a;
}

static bool is_vector (const struct node *node)
{
    return node->height == 1 && node->width == 1;
}

static bool is_max_pool (const struct graph *g, const struct layer *layer)
{
    return layer->operation == OPERATION_POOL && g->nodes[layer->node].u.pool.kind == POOL_MAX;
}

/* Numbers of the output are the inputs'. */
static bool keeps_numbers (const struct graph *g, const struct layer *layer)
{
    return layer->operation == OPERATION_CONCAT || layer->operation == OPERATION_PICK ||
           layer->operation == OPERATION_RESHAPE || is_max_pool (g, layer);
}

/* Read by one layer, which makes a vector of it, or the stem that a max-pool follows: conv_stem_pool.c. */
static bool stays_floats (const struct graph *g, const struct layers *layers, const struct layer *layer,
                          const struct kind *kind)
{
    if (kind->readers != 1)
        return false;
    const struct layer *reader = &layers->list[kind->reader];
    bool pools = reader->operation == OPERATION_REDUCE || reader->operation == OPERATION_POOL;
    bool stem = layer->operation == OPERATION_CONV && g->nodes[layer->inputs[0]].operation == OPERATION_INPUT;
    return (pools && is_vector (&g->nodes[reader->output])) || (stem && is_max_pool (g, reader));
}

static void read_by (struct kind *kind, int layer)
{
    kind->readers++;
    kind->reader = layer;
}

/* The range of what the layer leaves; false: not known. */
static bool own_range (const struct graph *g, const struct layer *layer, const struct ranges *ranges, struct kind *kind)
{
    const struct node *node = &g->nodes[layer->output];
    float low, high;
    enum activation_kind activation = layer->activation.kind;
    if (node->operation == OPERATION_QUANTISE &&
        (activation == ACTIVATION_ROUND || activation == ACTIVATION_REQUANTISE)) {
        struct range range = node->u.quantise.range;
        kind->low = (double)range.step * range.low;
        kind->high = (double)range.step * range.high;
        return true;
    }
    bool known = ranges && ranges_get (ranges, layer->output, &low, &high);
    if (!known && is_max_pool (g, layer))
        known = ranges && ranges_get (ranges, layer->inputs[0], &low, &high);
    if (!known)
        return false;
    kind->low = (double)low;
    kind->high = (double)high;
    return true;
}

static void find_kinds (const struct graph *g, const struct layers *layers, const struct ranges *ranges,
                        struct kind *kinds)
{
    for (int id = 0; id < g->count; id++)
        kinds[id] = (struct kind) { .group = id, .floats = true };
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        for (int i = 0; i < layer->input_count; i++)
            read_by (&kinds[layer->inputs[i]], l);
        if (layer->residual >= 0)
            read_by (&kinds[layer->residual], l);
    }
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        const struct node *out = &g->nodes[layer->output];
        struct kind *kind = &kinds[layer->output];
        bool keeps = keeps_numbers (g, layer) && !is_vector (out);
        for (int i = 0; i < layer->input_count; i++)
            keeps &=
                !is_vector (&g->nodes[layer->inputs[i]]) && !(is_max_pool (g, layer) && kinds[layer->inputs[i]].floats);
        for (int i = 0; keeps && i < layer->input_count; i++)
            join (kinds, layer->inputs[i], layer->output);
        bool known = own_range (g, layer, ranges, kind); /* also where it keeps numbers: a pick may fill with others */
        kind->floats = is_vector (out) || out->is_output || stays_floats (g, layers, layer, kind) || !(keeps || known);
    }
}

bool quantise_tensors (const struct graph *g, const struct layers *layers, const struct ranges *ranges,
                       struct places *places)
{
    struct kind *kinds = calloc ((size_t)g->count, sizeof *kinds);
    if (!kinds)
        return false;
    find_kinds (g, layers, ranges, kinds);
    for (int id = 0; id < g->count; id++) {
        struct kind *all = &kinds[group_of (kinds, id)], *one = &kinds[id];
        all->floats |= one->floats;
        all->low = fmin (all->low, one->low);
        all->high = fmax (all->high, one->high);
    }
    for (int id = 0; id < g->count; id++) {
        const struct kind *all = &kinds[group_of (kinds, id)];
        float scale = (float)((all->high - all->low) / LEVELS);
        if (all->floats || !isfinite (scale))
            continue;
        struct place *place = &places->of[id];
        place->element = ELEMENT_U8;
        place->scale = scale >= FLT_MIN * LEVELS ? scale : 1;
        place->zero = (int)fmin (fmax (rint (-all->low / (double)place->scale), 0), LEVELS);
    }
    free (kinds);
    return true;
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

bool quantise_fits (const struct graph *g, const struct layer *layer)
{
    const struct conv *conv = &layer->conv;
    int in = g->nodes[layer->inputs[0]].channels / conv->groups;
    return (double)in * conv->kernel_h * conv->kernel_w <= TERMS_MAX;
}

/* Only in a plan of calibrated ranges: what a quantised file says of its vectors stays as it is. 2^17 weights, of
 * floats 512 KiB, are what an L2 cache does not keep beside the maps. */
bool quantise_takes_vector (const struct preparation *p, const struct layer *layer)
{
    enum { LEAST_WEIGHTS = 1 << 17 };
    int input = layer->inputs[0];
    const struct node *in = &p->g->nodes[input];
    const struct conv *conv = &layer->conv;
    bool padded = conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right;
    float low, high;
    return p->ranges && is_vector (in) && in->operation != OPERATION_QUANTISE && in->operation != OPERATION_INPUT &&
           conv->groups == 1 && !padded && layer->residual < 0 && conv->kernel_h == 1 && conv->kernel_w == 1 &&
           is_vector (&p->g->nodes[layer->output]) && (int64_t)in->channels * conv->out_channels >= LEAST_WEIGHTS &&
           quantise_fits (p->g, layer) && ranges_get (p->ranges, input, &low, &high);
}

/* The epilogue's results in units of the output: low and high are clamps of bytes, or two more factors. */
static bool requantise_epilogue (struct preparation *p, struct step *step)
{
    struct epilogue *epilogue = &step->epilogue;
    float unit = step->place.out.scale, zero = (float)step->place.out.zero;
    if (epilogue->clamp_only) {
        epilogue->low = fmaxf (epilogue->low / unit + zero, 0);
        epilogue->high = fmaxf (fminf (epilogue->high / unit + zero, LEVELS), epilogue->low);
        return true;
    }
    size_t padded = place_blocked_count (step->channels, 1, 1);
    float *scale = memory_add (p->memory, padded, sizeof *scale),
          *shift = memory_add (p->memory, padded, sizeof *shift);
    if (!scale || !shift)
        return step_out_of_memory (p);
    for (size_t c = (size_t)step->channels; c < padded; c++)
        scale[c] = 1; /* as others of whole steps: kernels_depthwise_bytes.c */
    for (int c = 0; c < step->channels; c++) {
        double before = epilogue->post_scale ? (double)epilogue->post_scale[c] : 1;
        double more = epilogue->post_shift ? (double)epilogue->post_shift[c] : 0;
        scale[c] = (float)(before / (double)unit);
        shift[c] = (float)(more / (double)unit + (double)zero);
    }
    epilogue->post_scale = scale;
    epilogue->post_shift = shift;
    return true;
}

bool quantise_step (struct preparation *p, struct step *step)
{
    const struct packed *packed = step->packed;
    const struct place *in = &step->place.in, *out = &step->place.out, *residual = &step->place.residual;
    size_t padded = place_blocked_count (step->channels, 1, 1);
    struct bytes *bytes = memory_add (p->memory, 1, sizeof *bytes);
    int32_t *start = memory_add (p->memory, padded, sizeof *start);
    float *scale = memory_add (p->memory, padded, sizeof *scale),
          *shift = memory_add (p->memory, padded, sizeof *shift);
    if (!bytes || !start || !scale || !shift)
        return step_out_of_memory (p);
    bool of_bytes = out->element == ELEMENT_U8, in_units = of_bytes && step->epilogue.clamp_only;
    bool added = residual->buffer >= 0;
    double unit = in_units ? (double)out->scale : 1, zero = in_units ? out->zero : 0;
    double more = residual->element == ELEMENT_U8 ? (double)residual->scale : 1;
    if (added && residual->element == ELEMENT_U8)
        zero -= more / unit * residual->zero;
    for (int c = 0; c < step->channels; c++) {
        start[c] = (step->kernel->excess - in->zero) * packed->sum[c];
        scale[c] = (float)((double)in->scale * (double)packed->step[c] / unit);
        shift[c] = (float)((double)packed->bias[c] / unit + zero);
    }
    *bytes = (struct bytes) { { scale, shift, (float)(more / unit), residual->element, out->element }, start };
    step->bytes = bytes;
    return !of_bytes || requantise_epilogue (p, step);
}

/* ---- conversions ------------------------------------------------------------------------------------------------- */

bool quantise_touches (const struct preparation *p, const struct layer *layer)
{
    bool bytes = place_of (p, layer->output).element == ELEMENT_U8;
    for (int i = 0; i < layer->input_count; i++)
        bytes |= place_of (p, layer->inputs[i]).element == ELEMENT_U8;
    return bytes || (layer->residual >= 0 && place_of (p, layer->residual).element == ELEMENT_U8);
}

enum { ITEM_NUMBERS = 16 * 1024 };

static void convert_item (struct execution *e, const struct step *step, struct worker_state *worker, int item)
{
    ptrdiff_t count = (ptrdiff_t)place_blocked_count (step->channels, step->height, step->width);
    ptrdiff_t first = (ptrdiff_t)item * ITEM_NUMBERS,
              numbers = count - first < ITEM_NUMBERS ? count - first : ITEM_NUMBERS;
    const struct place *in = &step->place.in, *out = &step->place.out;
    (void)worker;
    if (in->element == ELEMENT_U8)
        e->kernels->dequantise ((const uint8_t *)step->in + first, (float *)step->out + first, numbers, in->scale,
                                (float)in->zero);
    else
        e->kernels->quantise ((const float *)step->in + first, (uint8_t *)step->out + first, numbers, 1 / out->scale,
                              (float)out->zero);
}

/* Item = some numbers of the tensor, whatever their channels. */
static void convert_run (struct execution *e, const struct step *step)
{
    size_t count = place_blocked_count (step->channels, step->height, step->width);
    schedule_items (e, step, convert_item, (int)((count + ITEM_NUMBERS - 1) / ITEM_NUMBERS));
}

bool quantise_convert (struct preparation *p, int tensor, struct place from, struct place to)
{
    struct step *step = step_new (p, convert_run, tensor, tensor);
    if (!step)
        return false;
    step->operation = to.element == ELEMENT_U8 ? "quantise" : "dequantise";
    step->place.in = from;
    step->place.out = to;
    return true;
}
