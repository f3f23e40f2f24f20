/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_constants.c: the operators that make constants, and arithmetic on constants: what exporters leave of the
 * calculation of a shape. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ---- operators that make constants --------------------------------------------------------------------------- */

static bool read_constant (struct reader *r)
{
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    if (node->n_attribute != 1)
        return onnx_fail (r, "%zu attributes instead of one", node->n_attribute);
    const Convrelu__OnnxAttribute *a = node->attribute[0];
    struct shape scalar = { 0 }, list = { 0 };
    if (!strcmp (a->name, "value_int"))
        return onnx_set_ints (r, 0, &a->i, &scalar);
    if (!strcmp (a->name, "value_float"))
        return onnx_set_floats (r, 0, &a->f, &scalar);
    if (!strcmp (a->name, "value_ints"))
        return onnx_shape_add (r, &list, (int64_t)a->n_ints) && onnx_set_ints (r, 0, a->ints, &list);
    if (!strcmp (a->name, "value_floats"))
        return onnx_shape_add (r, &list, (int64_t)a->n_floats) && onnx_set_floats (r, 0, a->floats, &list);
    struct value *v = onnx_output_value (r, 0);
    if (!a->t)
        return onnx_fail (r, "attribute 'value' is empty");
    return !v || onnx_tensor_define (r, v, a->t, v->name);
}

static bool read_constant_of_shape (struct reader *r)
{
    int64_t dims[RANK_MAX];
    int rank = onnx_input_ints (r, 0, dims, RANK_MAX);
    struct shape shape = { 0 };
    for (int i = 0; i < rank; i++) {
        if (!onnx_shape_add (r, &shape, dims[i]))
            return false;
    }
    if (rank < 0)
        return false;
    if (onnx_shape_total (&shape) > FOLD_MAX)
        return onnx_fail (r, "would make %lld numbers, at most %d are supported", (long long)onnx_shape_total (&shape),
                          FOLD_MAX);
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, "value");
    struct value fill = { .name = "value" };
    if (a && (!a->t || !onnx_tensor_define (r, &fill, a->t, "value")))
        return a->t ? false : onnx_fail (r, "attribute 'value' is empty");
    if (a && onnx_shape_total (&fill.shape) != 1)
        return onnx_fail (r, "attribute 'value' has %lld numbers instead of one",
                          (long long)onnx_shape_total (&fill.shape));
    bool whole = a && fill.kind == VALUE_INTS;
    const int64_t *fill_int = whole ? onnx_value_ints (r, &fill) : NULL;
    const float *fill_float = a && !whole ? onnx_value_floats (r, &fill) : NULL;
    if (a && !fill_int && !fill_float)
        return false;
    int64_t ints[FOLD_MAX];
    float floats[FOLD_MAX];
    for (int i = 0; i < FOLD_MAX; i++) {
        ints[i] = fill_int ? *fill_int : 0;
        floats[i] = fill_float ? *fill_float : 0;
    }
    return whole ? onnx_set_ints (r, 0, ints, &shape) : onnx_set_floats (r, 0, floats, &shape);
}

static bool read_shape (struct reader *r)
{
    const struct value *v = onnx_input_value (r, 0);
    if (!v)
        return false;
    int64_t from = onnx_attribute_int (r, "start", 0), to = onnx_attribute_int (r, "end", v->shape.rank);
    int64_t rank = v->shape.rank;
    from = from < -rank ? 0 : from < 0 ? from + rank : from > rank ? rank : from;
    to = to < -rank ? 0 : to < 0 ? to + rank : to > rank ? rank : to;
    struct shape shape = { 0 };
    return onnx_shape_add (r, &shape, to > from ? to - from : 0) &&
           onnx_set_ints (r, 0, v->shape.dims + (from < rank ? from : 0), &shape);
}

static bool read_gather (struct reader *r)
{
    struct value *data = onnx_input_value (r, 0);
    int64_t picks[FOLD_MAX];
    int count = data ? onnx_input_ints (r, 1, picks, FOLD_MAX) : -1;
    if (count < 0)
        return false;
    if (data->kind == VALUE_TENSOR)
        return onnx_fail (r, "gathering from what depends on the image is not supported");
    if (data->shape.rank != 1)
        return onnx_fail (r, "gathering from a constant of %d dimensions is not supported", data->shape.rank);
    if (onnx_axis (r, onnx_attribute_int (r, "axis", 0), 1) < 0)
        return false;
    int64_t total = data->shape.dims[0], ints[FOLD_MAX];
    float floats[FOLD_MAX];
    bool whole = data->kind == VALUE_INTS;
    const int64_t *from_ints = whole ? onnx_value_ints (r, data) : NULL;
    const float *from_floats = whole ? NULL : onnx_value_floats (r, data);
    if (!from_ints && !from_floats)
        return false;
    for (int i = 0; i < count; i++) {
        int64_t at = picks[i] < 0 ? picks[i] + total : picks[i];
        if (picks[i] < -total || at >= total)
            return onnx_fail (r, "index %lld of %lld", (long long)picks[i], (long long)total);
        ints[i] = whole ? from_ints[at] : 0;
        floats[i] = whole ? 0 : from_floats[at];
    }
    const struct shape *shape = &onnx_input_value (r, 1)->shape;
    return whole ? onnx_set_ints (r, 0, ints, shape) : onnx_set_floats (r, 0, floats, shape);
}

/* ---- arithmetic on constants --------------------------------------------------------------------------------- */

static bool calculate_ints (struct reader *r, char operation, int64_t a, int64_t b, int64_t *to)
{
    bool wrong;
    switch (operation) {
    case '+':
        wrong = __builtin_add_overflow (a, b, to);
        break;
    case '-':
        wrong = __builtin_sub_overflow (a, b, to);
        break;
    case '*':
        wrong = __builtin_mul_overflow (a, b, to);
        break;
    default:
        wrong = b == 0 || (a == INT64_MIN && b == -1);
        *to = wrong ? 0 : a / b;
        break;
    }
    return !wrong || onnx_fail (r, "%lld %c %lld has no value", (long long)a, operation, (long long)b);
}

static float calculate_floats (char operation, float a, float b)
{
    switch (operation) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    default:
        return a / b;
    }
}

static bool fold_ints (struct reader *r, char operation, struct value *a, struct value *b, const struct shape *shape)
{
    const int64_t *left = onnx_value_ints (r, a), *right = left ? onnx_value_ints (r, b) : NULL;
    int64_t count = onnx_shape_total (shape), result[FOLD_MAX];
    if (!right)
        return false;
    for (int64_t i = 0; i < count && i < FOLD_MAX; i++) {
        if (!calculate_ints (r, operation, left[onnx_broadcast_index (shape, i, &a->shape)],
                             right[onnx_broadcast_index (shape, i, &b->shape)], &result[i]))
            return false;
    }
    return count > FOLD_MAX
               ? onnx_fail (r, "would make %lld integers, at most %d are supported", (long long)count, FOLD_MAX)
               : onnx_set_ints (r, 0, result, shape);
}

bool onnx_fold_arithmetic (struct reader *r, char operation)
{
    struct value *a = onnx_input_value (r, 0), *b = a ? onnx_input_value (r, 1) : NULL;
    struct shape shape;
    if (!b || !onnx_shape_broadcast (r, &a->shape, &b->shape, &shape))
        return false;
    if (a->kind == VALUE_INTS && b->kind == VALUE_INTS)
        return fold_ints (r, operation, a, b, &shape);
    const float *left = onnx_value_floats (r, a), *right = left ? onnx_value_floats (r, b) : NULL;
    uint64_t count = (uint64_t)onnx_shape_total (&shape);
    float *result = right ? onnx_alloc_node (r, count, sizeof *result) : NULL;
    for (uint64_t i = 0; result && i < count; i++)
        result[i] = calculate_floats (operation, left[onnx_broadcast_index (&shape, (int64_t)i, &a->shape)],
                                      right[onnx_broadcast_index (&shape, (int64_t)i, &b->shape)]);
    return result && onnx_set_floats (r, 0, result, &shape);
}

static bool fold_rounding (struct reader *r, bool up)
{
    struct value *v = onnx_input_value (r, 0);
    const float *numbers = v ? onnx_value_floats (r, v) : NULL;
    uint64_t count = v ? (uint64_t)onnx_shape_total (&v->shape) : 0;
    float *result = numbers ? onnx_alloc_node (r, count, sizeof *result) : NULL;
    for (uint64_t i = 0; result && i < count; i++)
        result[i] = up ? ceilf (numbers[i]) : floorf (numbers[i]);
    return result && onnx_set_floats (r, 0, result, &v->shape);
}

static bool read_floor (struct reader *r)
{
    return fold_rounding (r, false);
}

static bool read_ceil (struct reader *r)
{
    return fold_rounding (r, true);
}

static bool cast_to_ints (struct reader *r, struct value *v)
{
    const float *numbers = onnx_value_floats (r, v);
    int64_t count = onnx_shape_total (&v->shape), ints[FOLD_MAX];
    if (!numbers)
        return false;
    for (int64_t i = 0; i < count && i < FOLD_MAX; i++) {
        if (!(fabsf (numbers[i]) < 9e18f))
            return onnx_fail (r, "%g has no value as an integer", (double)numbers[i]);
        ints[i] = (int64_t)numbers[i];
    }
    return count > FOLD_MAX
               ? onnx_fail (r, "would make %lld integers, at most %d are supported", (long long)count, FOLD_MAX)
               : onnx_set_ints (r, 0, ints, &v->shape);
}

static bool read_cast (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int64_t to = onnx_attribute_int (r, "to", 0);
    if (!v)
        return false;
    bool to_float = to == TYPE_FLOAT || to == TYPE_HALF || to == TYPE_BFLOAT;
    bool to_int = to == TYPE_INT64 || to == TYPE_INT32;
    if (v->kind == VALUE_INTS ? to_int : to_float) /* calculations are in 32-bit floats throughout */
        return onnx_set_alias (r, v, &v->shape);
    if (v->kind == VALUE_FLOATS && to_int)
        return cast_to_ints (r, v);
    const int64_t *ints = v->kind == VALUE_INTS && to_float ? onnx_value_ints (r, v) : NULL;
    if (r->failed)
        return false;
    float floats[FOLD_MAX];
    int64_t count = onnx_shape_total (&v->shape);
    if (!ints)
        return onnx_fail (r, "conversion to type %s (%lld) is not supported here", onnx_type_name (to), (long long)to);
    for (int64_t i = 0; i < count; i++)
        floats[i] = (float)ints[i];
    return onnx_set_floats (r, 0, floats, &v->shape);
}

const struct onnx_operator onnx_constant_operators[] = {
    { "Cast", 1, 1, 1, read_cast, "to:i saturate:i" },
    { "Ceil", 1, 1, 1, read_ceil, "" },
    { "Constant", 0, 0, 1, read_constant, "value:t value_int:i value_float:f value_ints:I value_floats:F" },
    { "ConstantOfShape", 1, 1, 9, read_constant_of_shape, "value:t" },
    { "Floor", 1, 1, 1, read_floor, "" },
    { "Gather", 2, 2, 1, read_gather, "axis:i" },
    { "Shape", 1, 1, 1, read_shape, "start:i end:i" },
    { .name = NULL },
};
