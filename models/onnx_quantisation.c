/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_quantisation.c: scales and zero points of quantised values: read, checked, applied to constants.
 *
 * Scales are normal floats above 0, so that dividing by one has a value; zero points lie within their type. A list of
 * them belongs to the places along one axis, or (block_size) to so many places each. */
#include "models/onnx_quantised.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool onnx_integer_range (int type, int64_t *low, int64_t *high)
{
    static const struct {
        int type;
        int64_t low, high;
    } ranges[] = {
        { TYPE_UINT8, 0, UINT8_MAX },         { TYPE_INT8, INT8_MIN, INT8_MAX },    { TYPE_UINT16, 0, UINT16_MAX },
        { TYPE_INT16, INT16_MIN, INT16_MAX }, { TYPE_INT32, INT32_MIN, INT32_MAX },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (ranges[i].type != type)
            continue;
        *low = ranges[i].low;
        *high = ranges[i].high;
        return true;
    }
    return false;
}

/* ---- parameters ---------------------------------------------------------------------------------------------- */

/* How many scales there are, and what each belongs to. */
static bool lay_out (struct reader *r, const struct quantised_by *by, const struct shape *scales,
                     struct quantisation *q)
{
    char text[2][100];
    q->count = onnx_shape_total (scales);
    if (q->count == 1)
        return true;
    int axis = onnx_axis (r, by->axis, by->shape->rank);
    if (axis < 0)
        return false;
    q->inner = onnx_shape_count (by->shape, axis + 1, by->shape->rank);
    q->places = by->shape->dims[axis];
    q->block = by->block;
    struct shape wanted = { 1, { q->places } };
    if (by->block) {
        wanted = *by->shape;
        q->blocks = wanted.dims[axis] = q->places / by->block + (q->places % by->block != 0);
    } else if (scales->rank == by->shape->rank && scales->rank > 1) {
        for (int i = 0; i < scales->rank; i++) /* 1x16x1x1 is said by some for 16 */
            wanted.dims[i] = i == axis ? q->places : 1;
        wanted.rank = scales->rank;
    }
    if (onnx_shape_equal (scales, &wanted))
        return true;
    return onnx_fail (r, "scales of %s do not fit axis %d of %s", onnx_shape_text (scales, text[0]), axis,
                      onnx_shape_text (by->shape, text[1]));
}

static bool read_scales (struct reader *r, const struct quantised_by *by, struct quantisation *q)
{
    struct value *v = onnx_input_value (r, by->scale);
    const float *from = v ? onnx_value_floats (r, v) : NULL;
    if (from && onnx_shape_total (&v->shape) < 1)
        return onnx_fail (r, "scale '%.100s' has no numbers", v->name);
    if (!from || !lay_out (r, by, &v->shape, q))
        return false;
    float *scale = onnx_alloc (r, (uint64_t)q->count, sizeof *scale);
    for (int64_t i = 0; scale && i < q->count; i++) {
        scale[i] = from[i];
        if (!isnormal (from[i]) || from[i] < 0)
            return onnx_fail (r, "scale %lld of '%.100s' is %g; a normal number above 0 is needed", (long long)i,
                              v->name, (double)from[i]);
    }
    q->scale = scale;
    return scale != NULL;
}

static bool read_zeros (struct reader *r, const struct quantised_by *by, struct quantisation *q)
{
    int32_t *zero = onnx_alloc (r, (uint64_t)q->count, sizeof *zero);
    int64_t low, high;
    q->zero = zero;
    if (!zero || !onnx_has_input (r, by->zero)) {
        q->type = by->type ? by->type : TYPE_UINT8;
        return zero && (onnx_integer_range (q->type, &low, &high) ||
                        onnx_fail (r, "type %s is not supported", onnx_type_name (q->type)));
    }
    struct value *v = onnx_input_value (r, by->zero);
    struct integers integers;
    if (!v)
        return false;
    if (v->kind != VALUE_INTS)
        return onnx_fail (r, "its zero point '%.100s' is no integer constant", v->name);
    if (onnx_shape_total (&v->shape) != q->count)
        return onnx_fail (r, "has %lld zero points for %lld scales", (long long)onnx_shape_total (&v->shape),
                          (long long)q->count);
    q->type = onnx_integer_type (v);
    if (by->type && q->type != by->type)
        return onnx_fail (r, "its zero point '%.100s' is %s, but belongs to %s", v->name, onnx_type_name (q->type),
                          onnx_type_name (by->type));
    if (!onnx_integer_range (q->type, &low, &high))
        return onnx_fail (r, "its zero point '%.100s' is %s, which is not supported", v->name,
                          onnx_type_name (q->type));
    if (!onnx_integers (r, v, &integers))
        return false;
    for (int64_t i = 0; i < q->count; i++) {
        int64_t number = onnx_integer (&integers, i);
        if (number < low || number > high)
            return onnx_fail (r, "zero point %lld of '%.100s' is %lld, not in %lld..%lld", (long long)i, v->name,
                              (long long)number, (long long)low, (long long)high);
        zero[i] = (int32_t)number;
    }
    return true;
}

/* Whether every number it can stand for is a float. */
static bool check_reach (struct reader *r, const struct quantisation *q)
{
    int64_t low = 0, high = 0;
    onnx_integer_range (q->type, &low, &high);
    for (int64_t i = 0; i < q->count; i++) {
        if ((double)q->scale[i] * (double)(high - low) > (double)FLT_MAX)
            return onnx_fail (r, "scale %lld is %g: %s times that is too large for a float", (long long)i,
                              (double)q->scale[i], onnx_type_name (q->type));
    }
    return true;
}

const struct quantisation *onnx_quantisation (struct reader *r, const struct quantised_by *by)
{
    struct quantisation *q = onnx_alloc (r, 1, sizeof *q);
    if (!q)
        return NULL;
    q->parts = 1;
    if (by->block < 0) {
        onnx_fail (r, "block_size %lld", (long long)by->block);
        return NULL;
    }
    return read_scales (r, by, q) && read_zeros (r, by, q) && check_reach (r, q) ? q : NULL;
}

struct quantisation *onnx_quantisation_of (struct reader *r, int type, float scale, int32_t zero)
{
    struct {
        struct quantisation q;
        float scale;
        int32_t zero;
    } *one = onnx_alloc (r, 1, sizeof *one);
    if (!one)
        return NULL;
    one->scale = scale;
    one->zero = zero;
    one->q = (struct quantisation) { .type = type, .count = 1, .scale = &one->scale, .zero = &one->zero, .parts = 1 };
    return &one->q;
}

bool onnx_quantisation_equal (const struct quantisation *a, const struct quantisation *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->by || b->by || a->type != b->type || a->count != b->count || a->inner != b->inner ||
        a->places != b->places || a->block != b->block)
        return false;
    return !memcmp (a->scale, b->scale, (size_t)a->count * sizeof *a->scale) &&
           !memcmp (a->zero, b->zero, (size_t)a->count * sizeof *a->zero);
}

/* Which scale belongs to number i. */
static int64_t scale_index (const struct quantisation *q, int64_t i)
{
    if (q->count == 1)
        return 0;
    int64_t place = i / q->inner % q->places;
    if (!q->block)
        return place;
    return (i / (q->inner * q->places) * q->blocks + place / q->block) * q->inner + i % q->inner;
}

/* ---- constants ----------------------------------------------------------------------------------------------- */

const float *onnx_dequantise (struct reader *r, const struct value *v)
{
    const struct quantisation *q = v->quant;
    int64_t count = onnx_shape_total (&v->shape);
    struct integers integers;
    float *to = onnx_integers (r, v, &integers) ? onnx_alloc_node (r, (uint64_t)count, sizeof *to) : NULL;
    for (int64_t i = 0; to && i < count && !r->failed;) {
        int64_t k = scale_index (q, i), run = q->count == 1 ? count : q->block ? 1 : q->inner;
        int64_t zero = q->zero[k];
        float scale = q->scale[k];
        for (int64_t end = i + run; i < end && onnx_goes_on (r, i, count, 4); i++)
            to[i] = (float)(onnx_integer (&integers, i) - zero) * scale;
    }
    return r->failed ? NULL : to;
}

bool onnx_quantise_constant (struct reader *r, struct value *v, const struct quantisation *q, struct value *to)
{
    const float *from = onnx_value_floats (r, v);
    int64_t count = onnx_shape_total (&v->shape), low, high;
    Convrelu__OnnxTensor *tensor = from ? onnx_alloc (r, 1, sizeof *tensor) : NULL;
    int32_t *integers = tensor ? onnx_alloc (r, (uint64_t)count, sizeof *integers) : NULL;
    if (!integers || !onnx_integer_range (q->type, &low, &high))
        return false;
    for (int64_t i = 0; onnx_goes_on (r, i, count, 16); i++) {
        int64_t k = scale_index (q, i);
        double number = rint ((double)(from[i] / q->scale[k])) + q->zero[k];
        if (isnan (number))
            return onnx_fail (r, "number %lld of '%.100s' is not a number", (long long)i, v->name);
        integers[i] = (int32_t)(number < (double)low ? low : number > (double)high ? high : (int64_t)number);
    }
    convrelu__onnx_tensor__init (tensor);
    tensor->data_type = q->type;
    tensor->n_int32_data = (size_t)count;
    tensor->int32_data = integers;
    *to = (struct value) { .name = v->name, .kind = VALUE_INTS, .shape = v->shape, .tensor = -1, .source = tensor };
    return !r->failed;
}
