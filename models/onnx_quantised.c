/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_quantised.c: QuantizeLinear and its relatives, and what passes integers on as they are.
 *
 * A quantised tensor is a graph_quantise: it holds the nearest real numbers that its integers can stand for, which
 * clips it to their range. Tools delete a ReLU whose work that clipping does; where a range begins at 0 behind an
 * operator that makes negative numbers, the ReLU is put back in front of it, so that it can be watched and replaced
 * as any other.
 *
 * What DynamicQuantizeLinear makes has a scale that is only known while running. It may be multiplied by constants
 * and must in the end be multiplied back; the graph never sees it. */
#include "models/onnx_quantised.h"

#include "models/onnx.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- tensors ------------------------------------------------------------------------------------------------- */

const struct quantisation *onnx_plain_integers (struct reader *r, int type)
{
    return onnx_quantisation_of (r, type, 1, 0);
}

/* x * scale + shift, both of one number for each of `places` along an axis, `inner` numbers behind it; `count` 1: of
 * one. */
static int affine (struct reader *r, const char *name, const struct value *x, const struct quantisation *q,
                   const float *scale, const float *shift)
{
    int axis = x->shape.rank;
    while (q->count > 1 && axis > 0 && onnx_shape_count (&x->shape, axis, x->shape.rank) != q->inner)
        axis--;
    int in = q->count > 1 ? onnx_view_before (r, x, axis) : x->tensor;
    if (in < 0)
        return -1;
    int channels = graph_tensor (r->graph, in).channels;
    float *both[2] = { onnx_alloc_node (r, (uint64_t)channels, sizeof (float)),
                       onnx_alloc_node (r, (uint64_t)channels, sizeof (float)) };
    for (int c = 0; both[0] && both[1] && c < channels; c++) {
        both[0][c] = scale[c % q->count];
        both[1][c] = shift[c % q->count];
    }
    return both[0] && both[1] ? graph_affine (r->graph, name, in, both[0], both[1]) : -1;
}

/* x as the integers q would make of it, each by the scale of its own: -> integers - zero, as yet without limits, or
 * back. */
static int scaled (struct reader *r, const char *name, const struct value *x, const struct quantisation *q, bool back)
{
    float *scale = onnx_alloc_node (r, (uint64_t)q->count, sizeof *scale);
    float *shift = onnx_alloc_node (r, (uint64_t)q->count, sizeof *shift);
    for (int64_t i = 0; scale && shift && i < q->count; i++) {
        scale[i] = back ? q->scale[i] : 1 / q->scale[i];
        shift[i] = back ? -(float)q->zero[i] * q->scale[i] : (float)q->zero[i];
    }
    return scale && shift ? affine (r, name, x, q, scale, shift) : -1;
}

/* What an activation that was deleted is likely to have stood behind: it makes numbers below 0 too. */
static bool makes_negatives (const struct reader *r, int tensor)
{
    static const char *const operations[] = { "conv", "linear", "batch-norm", "add" };
    const char *operation = graph_tensor (r->graph, tensor).operation;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (!strcmp (operation, operations[i]))
            return true;
    }
    return false;
}

static int quantised_tensor (struct reader *r, const struct value *x, const struct quantisation *q)
{
    int64_t low, high;
    const char *name = onnx_output_name (r, 0);
    onnx_integer_range (q->type, &low, &high);
    if (q->type == TYPE_INT32) {
        onnx_fail (r, "quantises what depends on the image to int32, which is not supported");
        return -1;
    }
    if (q->count > 1) { /* by integers, each scaled by its own */
        struct value whole = *x;
        whole.tensor = scaled (r, "", x, q, false);
        whole.tensor = graph_quantise (r->graph, "", whole.tensor, (struct range) { 1, (int)low, (int)high }, NULL, 1);
        return whole.tensor < 0 ? -1 : scaled (r, name, &whole, q, true);
    }
    int in = x->tensor;
    if (low == q->zero[0] && makes_negatives (r, in)) {
        char relu[300];
        snprintf (relu, sizeof relu, "%.280s:relu", name);
        in = graph_activation (r->graph, relu, in, (struct activation) { .kind = ACTIVATION_RELU });
    }
    struct range range = { q->scale[0], (int)(low - q->zero[0]), (int)(high - q->zero[0]) };
    int channels = graph_tensor (r->graph, in).channels;
    bool whole = x->whole && (x->whole->count == 1 || x->whole->count == channels);
    float *unit = whole ? onnx_alloc_node (r, (uint64_t)channels, sizeof *unit) : NULL;
    for (int c = 0; unit && c < channels; c++)
        unit[c] = x->whole->scale[x->whole->count == 1 ? 0 : c];
    return r->failed ? -1 : graph_quantise (r->graph, name, in, range, unit, whole ? x->whole->parts : 1);
}

bool onnx_set_quantised (struct reader *r, const struct value *x, const struct quantisation *q)
{
    int id = quantised_tensor (r, x, q);
    struct value *v = onnx_output_value (r, 0);
    if (r->failed || !onnx_set_like (r, 0, id, x))
        return false;
    r->extras->quantised_tensors++;
    if (v)
        v->quant = q;
    return true;
}

/* v, a tensor with integers in the file, by another scale and zero point than it was made with. */
static bool requantised (struct reader *r, const struct value *v, const struct quantisation *q, struct value *to)
{
    const struct quantisation *own = v->quant;
    if (own->by)
        return onnx_fail (r, "'%.100s' is read with a constant scale, but its own is known only while running",
                          v->name);
    if (own->count > 1 || q->count > 1)
        return onnx_fail (r, "'%.100s' has %lld scales, other ones than it was quantised with", v->name,
                          (long long)q->count);
    double scale = (double)q->scale[0], ratio = scale / (double)own->scale[0];
    float factor = (float)ratio, shift = (float)((double)(own->zero[0] - q->zero[0]) * scale);
    if (!isfinite (factor))
        return onnx_fail (r, "'%.100s' was quantised with scale %g and is read with %g", v->name, (double)own->scale[0],
                          scale);
    to->tensor = affine (r, "", v, q, &factor, &shift);
    return to->tensor >= 0 || r->failed || onnx_fail (r, "%s", graph_error (r->graph));
}

bool onnx_dequantised (struct reader *r, const struct value *v, const struct quantisation *q, struct value *to)
{
    *to = *v;
    to->quant = NULL;
    if (v->kind == VALUE_INTS) {
        to->kind = VALUE_FLOATS;
        to->quant = q;
        r->extras->quantised_constants++;
        return true;
    }
    to->whole = !q->by && q->count == 1 ? q : NULL;
    return onnx_quantisation_equal (v->quant, q) || requantised (r, v, q, to);
}

/* Whether a bias is in steps of these scales: 32-bit integers that somebody quantised so. */
static bool bias_fits (const struct value *bias, const struct quantisation *sums)
{
    const struct quantisation *q = bias->quant;
    if (bias->kind != VALUE_FLOATS || !q || (q->count != 1 && q->count != sums->count))
        return false;
    for (int64_t i = 0; i < sums->count; i++) {
        float scale = q->scale[q->count == 1 ? 0 : i];
        if (fabsf (scale - sums->scale[i]) > 1e-6f * scale || q->zero[q->count == 1 ? 0 : i] != 0)
            return false;
    }
    return true;
}

/* Whether each scale of weights is that of one output: a place of a convolution's first axis, of a product's last. */
static bool scales_of_outputs (const struct value *weights, int outputs, bool first)
{
    const struct quantisation *q = weights->quant;
    if (q->count == 1)
        return true;
    return q->places == outputs && (first ? q->inner * q->places == onnx_shape_total (&weights->shape) : q->inner == 1);
}

/* Of sums of products of whole numbers: the products of their scales. False: a failure. */
static bool note_sums (struct reader *r, const struct value *x, const struct value *weights, bool first,
                       struct value *to)
{
    const struct quantisation *w = weights->quant;
    int outputs = graph_tensor (r->graph, to->tensor).channels;
    const Convrelu__OnnxAttribute *alpha = onnx_attribute (r, "alpha");
    if (!w || w->block || !scales_of_outputs (weights, outputs, first) || (alpha && alpha->f != 1) ||
        onnx_attribute_float (r, "beta", 1) != 1)
        return true;
    struct quantisation *q = onnx_alloc (r, 1, sizeof *q);
    float *scale = q ? onnx_alloc (r, (uint64_t)w->count, sizeof *scale) : NULL;
    bool normal = scale != NULL;
    for (int64_t i = 0; scale && i < w->count; i++) {
        scale[i] = x->whole->scale[0] * w->scale[i];
        normal = normal && isnormal (scale[i]);
    }
    if (!scale)
        return false;
    *q = (struct quantisation) { .type = TYPE_INT32, .count = w->count, .scale = scale, .parts = 1 };
    if (normal && (!onnx_has_input (r, 2) || bias_fits (onnx_input_value (r, 2), q)))
        to->whole = q;
    return true;
}

bool onnx_note_whole (struct reader *r, const char *operation)
{
    struct value *to = onnx_output_value (r, 0);
    const struct value *x = onnx_has_input (r, 0) ? onnx_input_deferred (r, 0) : NULL;
    if (!to || to->kind != VALUE_TENSOR || !x || !x->whole)
        return true;
    if (!strcmp (operation, "Relu")) {
        to->whole = x->whole;
        return true;
    }
    if (x->whole->count != 1 || x->whole->parts != 1)
        return true;
    bool conv = !strcmp (operation, "Conv"), gemm = !strcmp (operation, "Gemm");
    if (conv || gemm || !strcmp (operation, "MatMul"))
        return note_sums (r, x, onnx_input_value (r, 1), conv || (gemm && onnx_attribute_int (r, "transB", 0)), to);
    int64_t pixels = onnx_shape_count (&x->shape, 2, x->shape.rank);
    if (strcmp (operation, "GlobalAveragePool") || pixels > 1 << 24 || !isnormal (x->whole->scale[0] / (float)pixels))
        return true;
    struct quantisation *q = onnx_alloc (r, 1, sizeof *q);
    if (!q)
        return false;
    *q = *x->whole;
    q->parts = (int)pixels;
    to->whole = q;
    return true;
}

bool onnx_check_output (struct reader *r, const struct value *v)
{
    if (!v->quant || !v->quant->by)
        return true;
    return onnx_fail (r, "output '%.100s' has a scale that is known only while running", v->name);
}

/* ---- QuantizeLinear, DequantizeLinear ------------------------------------------------------------------------ */

static struct quantised_by along (struct reader *r, const struct value *v, int type)
{
    return (struct quantised_by) { .scale = 1,
                                   .zero = 2,
                                   .type = type,
                                   .shape = &v->shape,
                                   .axis = onnx_attribute_int (r, "axis", 1),
                                   .block = onnx_attribute_int (r, "block_size", 0) };
}

bool onnx_read_quantise (struct reader *r)
{
    struct value *v = onnx_input_deferred (r, 0), constant;
    if (!v)
        return false;
    if (v->kind != VALUE_FLOATS && (v->kind != VALUE_TENSOR || v->quant))
        return onnx_fail (r, "'%.100s' is not made of floats", v->name);
    int64_t said = onnx_attribute_int (r, "output_dtype", 0);
    struct quantised_by by = along (r, v, said > 0 && said < 100 ? (int)said : 0);
    const struct quantisation *q = onnx_quantisation (r, &by);
    if (!q)
        return false;
    if (v->kind == VALUE_FLOATS)
        return onnx_quantise_constant (r, v, q, &constant) && onnx_set_alias (r, &constant, &v->shape);
    if (q->count > 1 && !onnx_settle (r, v))
        return false;
    if (q->block && q->count > 1)
        return onnx_fail (r, "block_size %lld of what depends on the image is not supported", (long long)q->block);
    return onnx_set_quantised (r, v, q);
}

bool onnx_check_own_zero (struct reader *r, const struct value *v, const struct value *zero)
{
    return (zero && zero->kind == VALUE_DYNAMIC && zero->type == TYPE_UINT8 && zero->quant == v->quant->by) ||
           onnx_fail (r, "the zero point of '%.100s' is not the one it was quantised with", v->name);
}

/* Of a DequantizeLinear whose scale is known only while running: that of the DynamicQuantizeLinear that made v, the
 * scale and the zero point. NULL and a failure. */
static const struct quantisation *dynamic_quantisation (struct reader *r, const struct value *v,
                                                        const struct value *scale)
{
    if (scale->type != TYPE_FLOAT)
        onnx_fail (r, "'%.100s' is no scale but a zero point", scale->name);
    else if (scale->floats)
        onnx_fail (r, "its scale is not the one that '%.100s' was quantised with", v->name);
    else if (v->kind == VALUE_INTS || v->quant != scale->quant)
        onnx_fail (r, "'%.100s' and its scale do not come from the same DynamicQuantizeLinear", v->name);
    else if (onnx_check_own_zero (r, v, onnx_has_input (r, 2) ? onnx_input_value (r, 2) : NULL))
        return v->quant;
    return NULL;
}

bool onnx_read_dequantise (struct reader *r)
{
    struct value *v = onnx_input_deferred (r, 0), *scale = v ? onnx_input_value (r, 1) : NULL, to;
    if (!scale)
        return false;
    const struct quantisation *q;
    if (v->kind != VALUE_INTS && !(v->kind == VALUE_TENSOR && v->quant))
        return onnx_fail (r, "'%.100s' is not made of integers", v->name);
    if (scale->kind == VALUE_DYNAMIC) {
        q = dynamic_quantisation (r, v, scale);
    } else {
        struct quantised_by by = along (r, v, v->kind == VALUE_INTS ? onnx_integer_type (v) : v->quant->type);
        q = onnx_quantisation (r, &by);
    }
    return q && onnx_dequantised (r, v, q, &to) && onnx_set_alias (r, &to, &v->shape);
}

/* ---- DynamicQuantizeLinear ----------------------------------------------------------------------------------- */

static void set_dynamic (struct reader *r, int index, int type, const struct quantisation *q)
{
    struct value *v = onnx_output_value (r, index);
    if (v)
        *v = (struct value) { .name = v->name,
                              .kind = VALUE_DYNAMIC,
                              .tensor = -1,
                              .type = type,
                              .quant = q,
                              .producer = v->producer,
                              .uses = v->uses };
}

bool onnx_read_dynamic_quantise (struct reader *r)
{
    struct value *x = onnx_input_tensor (r, 0), *v = onnx_output_value (r, 0);
    struct quantisation *q = x ? onnx_quantisation_of (r, TYPE_UINT8, 1, 0) : NULL;
    if (!q)
        return false;
    if (x->quant)
        return onnx_fail (r, "'%.100s' is not made of floats", x->name);
    q->scale = NULL;
    q->by = q;
    int id = graph_quantise_dynamic (r->graph, onnx_output_name (r, 0), x->tensor);
    if (!onnx_set_tensor (r, 0, id, &x->shape))
        return false;
    r->extras->quantised_tensors++;
    if (v)
        v->quant = q;
    set_dynamic (r, 1, TYPE_FLOAT, q);
    set_dynamic (r, 2, TYPE_UINT8, q);
    return true;
}

/* The scale of a DynamicQuantizeLinear by a constant: their product; by what has to be multiplied with it: real
 * numbers. */
static bool multiply_dynamic (struct reader *r)
{
    struct value *a = onnx_input_value (r, 0), *b = a ? onnx_input_value (r, 1) : NULL;
    if (!b)
        return false;
    struct value *scale = a->kind == VALUE_DYNAMIC ? a : b, *other = scale == a ? b : a, *to = onnx_output_value (r, 0);
    if (scale->kind != VALUE_DYNAMIC || scale->type != TYPE_FLOAT)
        return onnx_fail (r, "'%.100s' has a scale that is known only while running; only that can be multiplied by",
                          (scale->kind == VALUE_DYNAMIC ? scale : a)->name);
    if (other->kind == VALUE_FLOATS && !scale->floats) {
        const float *numbers = onnx_value_floats (r, other);
        const struct quantisation *by = scale->quant;
        if (!numbers || !onnx_set_floats (r, 0, numbers, &other->shape))
            return false;
        if (to) {
            to->kind = VALUE_DYNAMIC;
            to->type = TYPE_FLOAT;
            to->quant = by;
        }
        return true;
    }
    if (other->kind != VALUE_TENSOR || !other->quant || other->quant->by != scale->quant ||
        other->quant->type != TYPE_FLOAT)
        return onnx_fail (r, "'%.100s' is no float with the scale of '%.100s'", other->name, scale->name);
    struct value real = *other, factor = *scale;
    static const float one = 1;
    real.quant = NULL;
    factor.kind = VALUE_FLOATS;
    factor.quant = NULL;
    factor.floats = scale->floats ? scale->floats : &one;
    return onnx_read_as (r, "Mul", (struct value *[]) { &real, &factor }, 2, onnx_output_name (r, 0));
}

/* ---- integers passed on -------------------------------------------------------------------------------------- */

/* To floats: the integers become numbers of the graph, except those whose scale is not known yet. */
static bool cast_quantised (struct reader *r)
{
    struct value *v = onnx_input_deferred (r, 0);
    int64_t to = onnx_attribute_int (r, "to", 0);
    struct value *out = onnx_output_value (r, 0);
    if (!v || v->kind != VALUE_TENSOR)
        return v && onnx_fail (r, "'%.100s' is known only while running", v->name);
    const struct quantisation *q = v->quant;
    if (to != TYPE_FLOAT && to != TYPE_HALF && to != TYPE_BFLOAT)
        return onnx_fail (r, "conversion of quantised numbers to type %s (%lld) is not supported", onnx_type_name (to),
                          (long long)to);
    bool same = q->by || (q->count == 1 && q->scale[0] == 1 && q->zero[0] == 0);
    struct quantisation *as_float = q->by ? onnx_alloc (r, 1, sizeof *q) : NULL;
    if (as_float)
        *as_float = (struct quantisation) { .type = TYPE_FLOAT, .count = 1, .by = q->by };
    if (r->failed)
        return false;
    if (!same)
        return onnx_set_like (r, 0, scaled (r, onnx_output_name (r, 0), v, q, false), v);
    onnx_set_alias (r, v, &v->shape);
    if (out)
        out->quant = as_float;
    return true;
}

/* ONNX's Pad fills with an integer. */
static bool pad_quantised (struct reader *r)
{
    struct value *inputs[4] = { NULL };
    int64_t fill = 0;
    int count = onnx_input_count (r);
    for (int i = 0; i < count && i < 4; i++) {
        if (onnx_has_input (r, i) && !(inputs[i] = onnx_input_value (r, i)))
            return false;
    }
    const struct quantisation *q = inputs[0]->quant;
    if (!q || q->by || q->count > 1)
        return onnx_fail (r, "padding '%.100s' is not supported: its scale is not one number", inputs[0]->name);
    if (inputs[2] && onnx_input_ints (r, 2, &fill, 1) != 1)
        return r->failed ? false : onnx_fail (r, "fills with no number");
    float real = (float)(fill - q->zero[0]) * q->scale[0];
    struct value number = { .name = "fill", .kind = VALUE_FLOATS, .floats = &real };
    inputs[2] = &number;
    return onnx_read_as (r, "Pad", inputs, count < 3 ? 3 : count, onnx_output_name (r, 0));
}

static bool any_quantised (const struct value *v)
{
    return v->kind == VALUE_DYNAMIC || (v->kind == VALUE_TENSOR && v->quant);
}

bool onnx_has_quantised_input (const struct reader *r)
{
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    for (size_t i = 0; i < node->n_input; i++) {
        int id = r->slots[(size_t)r->node_slots[r->node] + i];
        if (id >= 0 && any_quantised (&r->values[id]))
            return true;
    }
    return false;
}

/* The operators whose outputs are integers of their inputs, moved or chosen; all inputs that are tensors are quantised
 * alike. */
static bool pass_on (struct reader *r, const struct onnx_operator *row)
{
    static const char *const names[] = { "Concat",  "Dropout",  "Flatten", "Gather",    "GlobalMaxPool",
                                         "MaxPool", "Identity", "Pad",     "ReduceMax", "Reshape",
                                         "Slice",   "Split",    "Squeeze", "Transpose", "Unsqueeze" };
    const struct quantisation *q = NULL;
    bool listed = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        listed = listed || !strcmp (names[i], row->name);
    for (int i = 0; i < onnx_input_count (r); i++) {
        const struct value *v = onnx_has_input (r, i) ? onnx_input_deferred (r, i) : NULL;
        if (r->failed)
            return false;
        if (!v || (v->kind != VALUE_TENSOR && v->kind != VALUE_DYNAMIC))
            continue;
        if (!listed || v->kind == VALUE_DYNAMIC)
            return onnx_fail (r, "input %d, '%.100s', is %s; floats are needed", i, v->name,
                              onnx_type_name (v->kind == VALUE_DYNAMIC ? v->type
                                              : v->quant               ? v->quant->type
                                                                       : 1));
        if (!v->quant || (q && !onnx_quantisation_equal (q, v->quant)))
            return onnx_fail (r, "input %d, '%.100s', is quantised in another way than the ones before", i, v->name);
        q = v->quant;
    }
    if (q && q->count > 1 && strcmp (row->name, "Identity"))
        return onnx_fail (r, "moves numbers with %lld scales, which is not supported", (long long)q->count);
    if (!(strcmp (row->name, "Pad") ? row->read (r) : pad_quantised (r)))
        return false;
    for (int i = 0; (size_t)i < onnx_current_node (r)->n_output; i++) {
        struct value *v = onnx_output_value (r, i);
        if (v && v->kind == VALUE_TENSOR)
            v->quant = q;
    }
    return true;
}

bool onnx_read_quantised (struct reader *r, const struct onnx_operator *row)
{
    for (const struct onnx_operator *o = onnx_quantised_operators; o->name; o++) {
        if (o == row)
            return row->read (r);
    }
    if (!strcmp (row->name, "Cast"))
        return cast_quantised (r);
    if (!strcmp (row->name, "Shape"))
        return row->read (r);
    const struct value *a = onnx_input_deferred (r, 0), *b = onnx_has_input (r, 1) ? onnx_input_deferred (r, 1) : NULL;
    bool dynamic = (a && a->quant && a->quant->by) || (b && b->quant && b->quant->by);
    if (!strcmp (row->name, "Mul") && dynamic)
        return multiply_dynamic (r);
    return !r->failed && pass_on (r, row);
}
