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
#include "engine/conv_direct.h"
#include "engine/operator.h"
#include "engine/schedule.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { LEVELS = 255, TERMS_MAX = 65700 }; /* 255 * 128 * TERMS_MAX < 2^31 */

/* ---- types ------------------------------------------------------------------------------------------------------- */

/* What is known of a tensor, or, of the first of those that share a range, of all of them. */
struct kind {
    int group;           /* towards the first of those; itself: it is */
    int readers, reader; /* how many layers read it, and the last of them */
    int takers, taker;   /* the same of the layers that do more than to keep its numbers in its range */
    bool floats;         /* it must be */
    double low, high;
    double step; /* of the file's rounding, where it has fewer than LEVELS and all that share the range have the same */
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

bool quantise_fits (const struct graph *g, const struct layer *layer)
{
    const struct conv *conv = &layer->conv;
    int in = g->nodes[layer->inputs[0]].channels / conv->groups;
    return (double)in * conv->kernel_h * conv->kernel_w <= TERMS_MAX;
}

/* Whether a float and what is divided by it can hold a step of what lies between two numbers, or there are none. */
static bool steps_are_floats (double low, double high)
{
    float scale = (float)((high - low) / LEVELS);
    return isfinite (scale) && (low == high || scale >= FLT_MIN * LEVELS);
}

/* What the stem's weights multiply: a graph's input in a plan of calibrated ranges. */
static bool takes_input (const struct graph *g, const struct ranges *ranges, const struct layer *layer, float *low,
                         float *high)
{
    const struct node *in = &g->nodes[layer->inputs[0]];
    return layer->operation == OPERATION_CONV && in->operation == OPERATION_INPUT && layer->conv.groups == 1 &&
           in->channels <= PIXEL_BYTES && ranges && quantise_fits (g, layer) &&
           ranges_get (ranges, layer->inputs[0], low, high) && steps_are_floats ((double)*low, (double)*high);
}

/* Read by one layer, which makes a vector of it, or the stem of floats that a max-pool follows: conv_stem_pool.c. */
static bool stays_floats (const struct graph *g, const struct layers *layers, const struct layer *layer,
                          const struct ranges *ranges, const struct kind *kind)
{
    if (kind->readers != 1)
        return false;
    const struct layer *reader = &layers->list[kind->reader];
    bool pools = reader->operation == OPERATION_REDUCE || reader->operation == OPERATION_POOL;
    float low, high;
    bool stem = layer->operation == OPERATION_CONV && g->nodes[layer->inputs[0]].operation == OPERATION_INPUT &&
                !takes_input (g, ranges, layer, &low, &high);
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
        kind->step = range.high < range.low + LEVELS ? (double)range.step : 0;
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
        /* Numbers that are kept have their own range already; only a pick may fill with others. */
        bool known = (!keeps || layer->operation == OPERATION_PICK) && own_range (g, layer, ranges, kind);
        kind->floats =
            is_vector (out) || out->is_output || stays_floats (g, layers, layer, ranges, kind) || !(keeps || known);
    }
}

/* Scale and zero point of what lies between two numbers. */
static void scale_bytes (struct place *place, double low, double high)
{
    float scale = (float)((high - low) / LEVELS);
    place->element = ELEMENT_U8;
    place->scale = scale > 0 ? scale : 1;
    place->zero = (int)fmin (fmax (rint (-low / (double)place->scale), 0), LEVELS);
}

/* So that a step of few is a byte's. */
static void widen (struct kind *kind)
{
    if (kind->step > 0)
        kind->high = fmax (kind->high, kind->low + LEVELS * kind->step);
}

/* One range for all that share it. */
static void unite (const struct graph *g, const struct layers *layers, struct kind *kinds)
{
    for (int id = 0; id < g->count; id++) {
        struct kind *all = &kinds[group_of (kinds, id)], *one = &kinds[id];
        all->floats |= one->floats;
        if (all->low == all->high)
            all->step = one->step;
        else if (one->low != one->high && one->step != all->step) /* others' steps may be finer */
            all->step = 0;
        all->low = fmin (all->low, one->low);
        all->high = fmax (all->high, one->high);
    }
    for (int id = 0; id < g->count; id++)
        widen (&kinds[id]);
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        for (int i = 0; i < layer->input_count + (layer->residual >= 0); i++) {
            struct kind *read = &kinds[group_of (kinds, i < layer->input_count ? layer->inputs[i] : layer->residual)];
            /* a convolution of one part of a concat may make another: it takes the range that it shares */
            if (!keeps_numbers (g, layer) || read != &kinds[group_of (kinds, layer->output)]) {
                read->takers++;
                read->taker = l;
            }
        }
    }
}

/* What only a file's rounding takes is made by the range of that rounding, which has nothing left to do then: the parts
 * of a concat, each with a range of its own in the file, are rounded twice where they are made. Last first, so that a
 * range may go on to what is before. */
static void round_early (const struct graph *g, const struct layers *layers, struct kind *kinds)
{
    for (int l = layers->count; l-- > 0;) {
        const struct layer *layer = &layers->list[l];
        if (layer->operation != OPERATION_QUANTISE || layer->activation.kind != ACTIVATION_ROUND ||
            layer->residual >= 0)
            continue;
        struct kind *from = &kinds[group_of (kinds, layer->inputs[0])], *to = &kinds[group_of (kinds, layer->output)];
        struct kind own = { 0 };
        if (from == to || from->takers != 1 || from->taker != l || from->floats || to->floats ||
            !own_range (g, layer, NULL, &own))
            continue;
        widen (&own);
        if (own.low != to->low || own.high != to->high)
            continue;
        from->low = to->low;
        from->high = to->high;
    }
}

/* Vectors stay floats; of those that a file has rounded to no more than bytes hold, the place says by which steps. */
static void note_vectors (const struct graph *g, const struct layers *layers, struct places *places)
{
    for (int l = 0; l < layers->count; l++) {
        const struct layer *layer = &layers->list[l];
        const struct node *out = &g->nodes[layer->output];
        struct kind own = { 0 };
        if (!is_vector (out) || out->operation != OPERATION_QUANTISE || !own_range (g, layer, NULL, &own) ||
            out->u.quantise.range.high - out->u.quantise.range.low > LEVELS)
            continue;
        widen (&own);
        if (!steps_are_floats (own.low, own.high))
            continue;
        scale_bytes (&places->of[layer->output], own.low, own.high);
        places->of[layer->output].element = ELEMENT_F32;
    }
}

bool quantise_tensors (const struct graph *g, const struct layers *layers, const struct ranges *ranges,
                       struct places *places)
{
    struct kind *kinds = calloc ((size_t)g->count, sizeof *kinds);
    if (!kinds)
        return false;
    find_kinds (g, layers, ranges, kinds);
    unite (g, layers, kinds);
    round_early (g, layers, kinds);
    for (int id = 0; id < g->count; id++) {
        const struct kind *all = &kinds[group_of (kinds, id)];
        if (!all->floats && steps_are_floats (all->low, all->high))
            scale_bytes (&places->of[id], all->low, all->high);
    }
    note_vectors (g, layers, places);
    free (kinds);
    return true;
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

/* Vectors in a plan of calibrated ranges, and those that a file has rounded. 2^17 weights, of floats 512 KiB, are what
 * an L2 cache does not keep beside the maps. */
bool quantise_takes_vector (const struct preparation *p, const struct layer *layer)
{
    enum { LEAST_WEIGHTS = 1 << 17 };
    int input = layer->inputs[0];
    const struct node *in = &p->g->nodes[input];
    const struct conv *conv = &layer->conv;
    bool padded = conv->pad_top || conv->pad_left || conv->pad_bottom || conv->pad_right;
    float low, high;
    bool known = place_of (p, input).scale > 0 ||
                 (p->ranges && in->operation != OPERATION_QUANTISE && ranges_get (p->ranges, input, &low, &high));
    return known && is_vector (in) && in->operation != OPERATION_INPUT && conv->groups == 1 && !padded &&
           layer->residual < 0 && conv->kernel_h == 1 && conv->kernel_w == 1 &&
           is_vector (&p->g->nodes[layer->output]) && (int64_t)in->channels * conv->out_channels >= LEAST_WEIGHTS &&
           quantise_fits (p->g, layer);
}

/* How much a step is where all that the epilogue does is to round in steps of one range, else 0. */
static float range_step (const struct step *step)
{
    const struct epilogue *epilogue = &step->epilogue;
    bool whole = epilogue->activation.kind == ACTIVATION_ROUND;
    if (!whole && !(epilogue->activation.kind == ACTIVATION_REQUANTISE && step->packed))
        return 0;
    float unit = epilogue->post_scale[0];
    for (int c = 0; c < step->channels; c++)
        if ((whole && epilogue->slope[c] != unit) || epilogue->post_scale[c] != unit || epilogue->post_shift[c] != 0)
            return 0;
    return unit;
}

/* A rounding in steps of the output's scale is what the store of bytes does: what is left of it are limits, and of
 * parts of a unit (ACTIVATION_REQUANTISE) the slopes. */
static void round_by_store (struct step *step)
{
    struct epilogue *epilogue = &step->epilogue;
    struct activation rounding = epilogue->activation;
    float unit = step->place.out.scale;
    if (step->place.out.element != ELEMENT_U8 || range_step (step) != unit)
        return;
    *epilogue = (struct epilogue) { .low = rounding.alpha * unit,
                                    .high = rounding.beta * unit,
                                    .slope = rounding.kind == ACTIVATION_REQUANTISE ? epilogue->slope : NULL,
                                    .clamp_only = true };
}

void quantise_input (const struct preparation *p, const struct layer *layer, struct place *place)
{
    float low, high;
    if (takes_input (p->g, p->ranges, layer, &low, &high))
        scale_bytes (place, (double)low, (double)high);
}

/* Limits of floats as those of bytes. */
static void limit_bytes (float *low, float *high, float unit, float zero)
{
    *low = fminf (fmaxf (*low / unit + zero, 0), LEVELS);
    *high = fmaxf (fminf (*high / unit + zero, LEVELS), *low);
}

/* The epilogue's results in units of the output: low and high are clamps of bytes, or two more factors. */
static bool requantise_epilogue (struct preparation *p, struct step *step)
{
    struct epilogue *epilogue = &step->epilogue;
    float unit = step->place.out.scale, zero = (float)step->place.out.zero;
    if (epilogue->clamp_only) {
        limit_bytes (&epilogue->low, &epilogue->high, unit, zero);
        return true;
    }
    size_t padded = place_blocked_count (step->channels, 1, 1);
    float *scale = memory_add (p->memory, padded, sizeof *scale),
          *shift = memory_add (p->memory, padded, sizeof *shift);
    if (!scale || !shift)
        return step_out_of_memory (p);
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

/* The first rounding of two: by a file's range, whose steps are not the output's or have another zero. */
static void round_twice (struct step *step, float first)
{
    const struct place *out = &step->place.out;
    struct requantise *how = &step->bytes->requantise;
    how->twice = true;
    how->low = step->epilogue.activation.alpha;
    how->high = step->epilogue.activation.beta;
    how->again = first / out->scale;
    how->beyond = (float)out->zero;
    step->epilogue = (struct epilogue) { .high = LEVELS, .clamp_only = true };
}

/* Where a file counts a sum in parts of a unit (ACTIVATION_REQUANTISE): how many of channel c's sums of bytes are one
 * part, a whole number (packed.c takes any grid on which its weights lie); 0: they are on none. */
static int sums_a_part (const struct step *step, int c)
{
    const double near = 1e-4;
    double one = (double)step->place.in.scale * (double)step->packed->step[c], sums = rint (1 / one);
    if (step->packed->step[c] == 0)
        return 1;
    return sums >= 1 && sums <= 128 && fabs (one * sums - 1) < near ? (int)sums : 0;
}

/* Whether all channels' sums are such, and the bias, rounded like they are, fits beside them: then what becomes of them
 * is the file's to the last bit. */
static bool sums_are_parts (const struct step *step)
{
    const struct conv *conv = &step->conv;
    const double most = 0x1p31 - 1;
    double reach = 255.0 * 128 * (step->in_channels / conv->groups) * conv->kernel_h * conv->kernel_w;
    bool parts = step->epilogue.activation.kind == ACTIVATION_REQUANTISE;
    for (int c = 0; parts && c < step->channels; c++) {
        int sums = sums_a_part (step, c);
        parts = sums && fabs ((double)step->packed->bias[c]) * sums + reach < most;
    }
    return parts;
}

/* What a step of the output is for each channel's sums; `unit` floats for all that are not parts. */
static void fill_scales (const struct step *step, const float *parts, bool exact, double unit, double zero)
{
    const struct packed *packed = step->packed;
    const struct place *in = &step->place.in;
    float *scale = (float *)step->bytes->requantise.scale, *shift = (float *)step->bytes->requantise.shift;
    int32_t *start = (int32_t *)step->bytes->start;
    for (int c = 0; c < step->channels; c++) {
        double each = parts ? (double)parts[c] : 1 / unit, bias = (double)packed->bias[c];
        int sums = exact ? sums_a_part (step, c) : 0;
        start[c] = (step->kernel->excess - in->zero) * packed->sum[c] + (sums ? (int32_t)lrint (bias) * sums : 0);
        scale[c] = (float)(sums ? each / sums : each * (double)in->scale * (double)packed->step[c]);
        shift[c] = (float)((sums ? 0 : bias * each) + zero);
    }
}

/* requantise.bounded, for any sums of 32 bits. A channel that is NaN counts for nothing: it becomes the least byte.
 * Half of what fits is allowed, since the first of two roundings may nearly double what is clamped to a fraction. */
static bool is_bounded (const struct step *step)
{
    const struct requantise *how = &step->bytes->requantise;
    bool added = step->place.residual.buffer >= 0;
    double most = 0;
    if (how->twice) {
        most = fmax (fabs ((double)how->low), fabs ((double)how->high)) * fabs ((double)how->again) +
               fabs ((double)how->beyond);
    } else {
        for (int c = 0; c < step->channels; c++) {
            double each = fabs ((double)how->scale[c]) * 0x1p31 + fabs ((double)how->shift[c]);
            most = each > most ? each : most; /* fmax: gcc 12 for arm64 fails at it */
        }
    }
    if (added)
        most += 255 * fabs ((double)how->residual_scale);
    return (!added || how->residual == ELEMENT_U8) && most < 0x1p30;
}

bool quantise_step (struct preparation *p, struct step *step)
{
    const struct place *out = &step->place.out, *residual = &step->place.residual;
    size_t padded = place_blocked_count (step->channels, 1, 1);
    struct bytes *bytes = step->bytes = memory_add (p->memory, 1, sizeof *bytes);
    int32_t *start = memory_add (p->memory, padded, sizeof *start);
    float *scale = memory_add (p->memory, padded, sizeof *scale),
          *shift = memory_add (p->memory, padded, sizeof *shift);
    if (!bytes || !start || !scale || !shift)
        return step_out_of_memory (p);
    bool twice = step->packed->method->twice, exact = twice && sums_are_parts (step);
    float first = range_step (step);
    if (out->element != ELEMENT_U8 || !twice || residual->buffer >= 0 || (first == out->scale && !(exact && out->zero)))
        first = 0;
    if (first == 0)
        round_by_store (step);
    bool in_units = out->element == ELEMENT_U8 && step->epilogue.clamp_only, added = residual->buffer >= 0;
    double unit = first > 0 ? (double)first : in_units ? (double)out->scale : 1, zero = in_units ? out->zero : 0;
    double more = residual->element == ELEMENT_U8 ? (double)residual->scale : 1;
    if (added && residual->element == ELEMENT_U8)
        zero -= more / unit * residual->zero;
    *bytes = (struct bytes) { .requantise = { .scale = scale,
                                              .shift = shift,
                                              .residual_scale = (float)(more / unit),
                                              .residual = residual->element,
                                              .out = out->element },
                              .start = start };
    bool in_parts = in_units || (first > 0 && step->epilogue.activation.kind == ACTIVATION_REQUANTISE);
    fill_scales (step, in_parts ? step->epilogue.slope : NULL, exact && in_parts, unit, zero);
    if (first > 0)
        round_twice (step, first);
    bytes->requantise.bounded = is_bounded (step);
    return out->element != ELEMENT_U8 || first > 0 || requantise_epilogue (p, step);
}

/* Whether the layer's last act is to round in steps of the place's scale. */
static bool rounds_to (const struct graph *g, const struct layer *layer, struct place out)
{
    bool rounds = layer->activation.kind == ACTIVATION_ROUND;
    for (int c = 0; rounds && c < g->nodes[layer->output].channels; c++)
        rounds = layer->slope[c] == out.scale && layer->post_scale[c] == (double)out.scale && layer->post_shift[c] == 0;
    return rounds;
}

bool quantise_rounds (const struct graph *g, const struct layer *layer, struct place out)
{
    return out.element == ELEMENT_U8 && !layer->scale && layer->residual < 0 && rounds_to (g, layer, out) &&
           layer->activation.alpha + (float)out.zero == 0 && layer->activation.beta + (float)out.zero == LEVELS;
}

/* The limits of a layer that ends in no more than a clamp, as bytes of its output. False: it ends in more. */
static bool byte_limits (const struct preparation *p, const struct layer *layer, float *low, float *high)
{
    struct place out = place_of (p, layer->output);
    struct activation a = layer->activation;
    bool rounds = rounds_to (p->g, layer, out), limited = rounds || a.kind == ACTIVATION_CLIP;
    *low = limited ? a.alpha : a.kind == ACTIVATION_RELU ? 0 : -INFINITY;
    *high = limited ? a.beta : INFINITY;
    limit_bytes (low, high, rounds ? 1 : out.scale, (float)out.zero);
    return !layer->scale && (rounds || (!layer->post_scale && (a.kind == ACTIVATION_NONE || a.kind == ACTIVATION_RELU ||
                                                               a.kind == ACTIVATION_CLIP)));
}

bool quantise_join_sum (const struct preparation *p, struct step *step, const struct layer *sum, int other)
{
    struct place before = step->place.out, out = place_of (p, sum->output), residual = place_of (p, other);
    struct requantise *how = step->bytes ? &step->bytes->requantise : NULL;
    float low, high;
    if (step->packed->method != &conv_direct || !how || before.element != ELEMENT_U8 || !step->epilogue.clamp_only ||
        step->place.residual.buffer >= 0 || (how->twice && how->again != 1) || out.element != ELEMENT_U8 ||
        residual.buffer < 0 || !byte_limits (p, sum, &low, &high))
        return false;
    float zero = how->twice ? 0 : (float)before.zero, unit = residual.element == ELEMENT_U8 ? residual.scale : 1;
    if (!how->twice) {
        how->low = step->epilogue.low;
        how->high = step->epilogue.high;
    }
    how->twice = true;
    how->again = before.scale / out.scale;
    how->residual = residual.element;
    how->residual_scale = unit / out.scale;
    how->beyond = (float)out.zero - zero * how->again -
                  (residual.element == ELEMENT_U8 ? (float)residual.zero * how->residual_scale : 0);
    step->epilogue = (struct epilogue) { .low = low, .high = high, .clamp_only = true };
    step->place.residual = residual;
    step->place.out = out;
    how->bounded = is_bounded (step);
    step->name = p->g->nodes[sum->output].name;
    return true;
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
