/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_constants.c: the operators that make constants, and those whose inputs must be constants: what exporters leave
 * of the calculation of a shape. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ---- made ---------------------------------------------------------------------------------------------------- */

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
    struct shape shape = { 0 }, scalar = { 0 };
    for (int i = 0; i < rank; i++) {
        if (!onnx_shape_add (r, &shape, dims[i]))
            return false;
    }
    if (rank < 0)
        return false;
    static const float nought = 0;
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, "value");
    struct value fill = { .name = "value", .kind = VALUE_FLOATS, .floats = &nought };
    if (a && (!a->t || !onnx_tensor_define (r, &fill, a->t, "value")))
        return a->t ? false : onnx_fail (r, "attribute 'value' is empty");
    if (onnx_shape_total (&fill.shape) != 1)
        return onnx_fail (r, "attribute 'value' has %lld numbers instead of one",
                          (long long)onnx_shape_total (&fill.shape));
    fill.shape = scalar;
    return onnx_fold_walk (r, 0, &fill, onnx_walk_repeated (&fill.shape, &shape), &shape);
}

static bool read_shape (struct reader *r)
{
    const struct value *v = onnx_input_deferred (r, 0);
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

static bool read_size (struct reader *r)
{
    const struct value *v = onnx_input_deferred (r, 0);
    int64_t total = v ? onnx_shape_total (&v->shape) : 0;
    return v && onnx_set_ints (r, 0, &total, &(struct shape) { 0 });
}

/* How many numbers start, start + delta, ... there are before limit; -1 and a failure. */
static int64_t range_count (struct reader *r, double start, double limit, double delta)
{
    double count = ceil ((limit - start) / delta);
    if (delta != 0 && count <= INT32_MAX)
        return count > 0 ? (int64_t)count : 0;
    onnx_fail (r, "from %g to %g in steps of %g", start, limit, delta);
    return -1;
}

static bool read_range (struct reader *r)
{
    const struct value *first = onnx_input_value (r, 0);
    bool whole = first && first->kind == VALUE_INTS;
    int64_t ints[3] = { 0 };
    float floats[3];
    for (int i = 0; i < 3; i++) {
        if (whole ? onnx_input_ints (r, i, &ints[i], 1) < 0 : !onnx_input_scalar (r, i, &floats[i]))
            return false;
        if (whole && (ints[i] > INT32_MAX || ints[i] < -INT32_MAX))
            return onnx_fail (r, "a range with %lld", (long long)ints[i]);
        if (whole && onnx_shape_total (&onnx_input_value (r, i)->shape) != 1)
            return onnx_fail (r, "input %d is not one number", i);
    }
    int64_t count = whole ? range_count (r, (double)ints[0], (double)ints[1], (double)ints[2])
                          : range_count (r, (double)floats[0], (double)floats[1], (double)floats[2]);
    struct shape shape = { 0 };
    if (count < 0 || !onnx_shape_add (r, &shape, count))
        return false;
    void *to = onnx_make_constant (r, 0, whole ? VALUE_INTS : VALUE_FLOATS, &shape);
    for (int64_t i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++) {
        if (whole)
            ((int64_t *)to)[i] = ints[0] + i * ints[2];
        else
            ((float *)to)[i] = floats[0] + (float)i * floats[2];
    }
    return to != NULL;
}

/* ---- calculated ---------------------------------------------------------------------------------------------- */

static bool read_equal (struct reader *r)
{
    return onnx_fold_arithmetic (r, '=');
}

static bool read_less (struct reader *r)
{
    return onnx_fold_arithmetic (r, '<');
}

static bool read_greater (struct reader *r)
{
    return onnx_fold_arithmetic (r, '>');
}

static bool read_greater_or_equal (struct reader *r)
{
    return onnx_fold_arithmetic (r, 'g');
}

static bool read_less_or_equal (struct reader *r)
{
    return onnx_fold_arithmetic (r, 'l');
}

static bool read_and (struct reader *r)
{
    return onnx_fold_arithmetic (r, '&');
}

static bool read_or (struct reader *r)
{
    return onnx_fold_arithmetic (r, '|');
}

static bool read_mod (struct reader *r)
{
    const struct value *a = onnx_input_value (r, 0);
    bool c = onnx_attribute_int (r, "fmod", 0) != 0; /* the sign of the dividend, as C's */
    if (a && (a->kind == VALUE_INTS) == c)
        return onnx_fail (r, "fmod = %d of these numbers is not supported", c);
    return a && onnx_fold_arithmetic (r, '%');
}

/* Put off: what it is multiplied with or added to repeats it anyway. */
static bool repeat_tensor (struct reader *r, const struct value *v, const struct shape *shape)
{
    struct value *to = onnx_output_value (r, 0);
    if (!onnx_set_alias (r, v, shape) || !to || onnx_shape_total (shape) == onnx_shape_total (&v->shape))
        return !r->failed;
    to->stored = v->shape;
    to->deferred = DEFERRED_REPEAT;
    return true;
}

static bool read_expand (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int64_t dims[RANK_MAX];
    int rank = v ? onnx_input_ints (r, 1, dims, RANK_MAX) : -1;
    struct shape wanted = { 0 }, out;
    for (int i = 0; i < rank; i++) {
        if (!onnx_shape_add (r, &wanted, dims[i]))
            return false;
    }
    if (rank < 0 || !onnx_shape_broadcast (r, &v->shape, &wanted, &out))
        return false;
    if (v->kind == VALUE_TENSOR)
        return repeat_tensor (r, v, &out);
    return onnx_fold_walk (r, 0, v, onnx_walk_repeated (&v->shape, &out), &out);
}

static bool read_tile (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int64_t repeats[RANK_MAX];
    int count = v ? onnx_input_ints (r, 1, repeats, RANK_MAX) : -1;
    if (count < 0)
        return false;
    if (v->kind == VALUE_TENSOR || count != v->shape.rank)
        return onnx_fail (r, "%d repeats of %d axes of %s", count, v->shape.rank,
                          v->kind == VALUE_TENSOR ? "what depends on the image" : "a constant");
    struct onnx_walk own = onnx_walk_over (&v->shape), walk = { .rank = 2 * count };
    struct shape out = { 0 };
    for (int i = 0; i < count; i++) { /* each axis becomes two: how often, and itself */
        int64_t dim;
        if (repeats[i] < 0 || __builtin_mul_overflow (repeats[i], own.dims[i], &dim))
            return onnx_fail (r, "axis %d is to be repeated %lld times", i, (long long)repeats[i]);
        if (!onnx_shape_add (r, &out, dim))
            return false;
        walk.dims[2 * i] = repeats[i];
        walk.dims[2 * i + 1] = own.dims[i];
        walk.step[2 * i + 1] = own.step[i];
    }
    return onnx_fold_walk (r, 0, v, walk, &out);
}

static bool read_where (struct reader *r)
{
    return onnx_fold_where (r);
}

static bool read_not (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    const int64_t *numbers = v ? onnx_value_ints (r, v) : NULL;
    int64_t *to = numbers ? onnx_make_constant (r, 0, VALUE_INTS, &v->shape) : NULL;
    for (int64_t i = 0; to && onnx_goes_on (r, i, onnx_shape_total (&v->shape), FOLD_STEPS); i++)
        to[i] = !numbers[i];
    return to != NULL;
}

static bool each_float (struct reader *r, float (*function) (float))
{
    struct value *v = onnx_input_value (r, 0);
    const float *numbers = v ? onnx_value_floats (r, v) : NULL;
    float *to = numbers ? onnx_make_constant (r, 0, VALUE_FLOATS, &v->shape) : NULL;
    for (int64_t i = 0; to && onnx_goes_on (r, i, onnx_shape_total (&v->shape), FOLD_STEPS); i++)
        to[i] = function (numbers[i]);
    return to != NULL;
}

static bool read_floor (struct reader *r)
{
    return each_float (r, floorf);
}

static bool read_ceil (struct reader *r)
{
    return each_float (r, ceilf);
}

/* ---- converted ----------------------------------------------------------------------------------------------- */

/* As a number of that type; other integers keep their 64 bits. */
static int64_t narrowed (int64_t number, int64_t type)
{
    switch (type) {
    case TYPE_BOOL:
        return number != 0;
    case TYPE_UINT8:
        return (uint8_t)number;
    case TYPE_INT8:
        return (int8_t)number;
    case TYPE_UINT16:
        return (uint16_t)number;
    case TYPE_INT16:
        return (int16_t)number;
    case TYPE_INT32:
        return (int32_t)number;
    case TYPE_UINT32:
        return (uint32_t)number;
    default:
        return number;
    }
}

static bool cast_to_ints (struct reader *r, struct value *v, int64_t type)
{
    const float *floats = v->kind == VALUE_FLOATS ? onnx_value_floats (r, v) : NULL;
    const int64_t *ints = v->kind == VALUE_INTS ? onnx_value_ints (r, v) : NULL;
    int64_t *to = floats || ints ? onnx_make_constant (r, 0, VALUE_INTS, &v->shape) : NULL;
    for (int64_t i = 0; to && onnx_goes_on (r, i, onnx_shape_total (&v->shape), FOLD_STEPS); i++) {
        if (floats && !(fabsf (floats[i]) < 9e18f))
            return onnx_fail (r, "%g has no value as an integer", (double)floats[i]);
        if (floats && type == TYPE_BOOL)
            to[i] = floats[i] != 0;
        else
            to[i] = narrowed (floats ? (int64_t)floats[i] : ints[i], type);
    }
    if (to && onnx_output_value (r, 0))
        onnx_output_value (r, 0)->type = (int)type;
    return to != NULL;
}

static bool cast_to_floats (struct reader *r, struct value *v)
{
    const int64_t *ints = onnx_value_ints (r, v);
    float *to = ints ? onnx_make_constant (r, 0, VALUE_FLOATS, &v->shape) : NULL;
    for (int64_t i = 0; to && onnx_goes_on (r, i, onnx_shape_total (&v->shape), FOLD_STEPS); i++)
        to[i] = (float)ints[i];
    return to != NULL;
}

static bool read_cast (struct reader *r)
{
    struct value *v = onnx_input_deferred (r, 0);
    int64_t to = onnx_attribute_int (r, "to", 0);
    if (!v)
        return false;
    bool to_float = onnx_is_float (to);
    if (to_float && v->kind != VALUE_INTS) /* calculations are in 32-bit floats throughout */
        return onnx_set_alias (r, v, &v->shape);
    if (to_float)
        return cast_to_floats (r, v);
    if (onnx_is_int (to) && v->kind != VALUE_TENSOR)
        return cast_to_ints (r, v, to);
    return onnx_fail (r, "conversion to type %s (%lld) is not supported here", onnx_type_name (to), (long long)to);
}

const struct onnx_operator onnx_constant_operators[] = {
    { "And", 2, 2, 7, read_and, "" },
    { "Cast", 1, 1, 1, read_cast, "to:i saturate:i round_mode:s" },
    { "Ceil", 1, 1, 1, read_ceil, "" },
    { "Constant", 0, 0, 1, read_constant, "value:t value_int:i value_float:f value_ints:I value_floats:F" },
    { "ConstantOfShape", 1, 1, 9, read_constant_of_shape, "value:t" },
    { "Equal", 2, 2, 7, read_equal, "" },
    { "Expand", 2, 2, 8, read_expand, "" },
    { "Floor", 1, 1, 1, read_floor, "" },
    { "Greater", 2, 2, 7, read_greater, "" },
    { "Less", 2, 2, 7, read_less, "" },
    { "GreaterOrEqual", 2, 2, 12, read_greater_or_equal, "" },
    { "LessOrEqual", 2, 2, 12, read_less_or_equal, "" },
    { "Mod", 2, 2, 10, read_mod, "fmod:i" },
    { "Not", 1, 1, 1, read_not, "" },
    { "Or", 2, 2, 7, read_or, "" },
    { "Range", 3, 3, 11, read_range, "" },
    { "Shape", 1, 1, 1, read_shape, "start:i end:i" },
    { "Size", 1, 1, 1, read_size, "" },
    { "Tile", 2, 2, 6, read_tile, "" },
    { "Where", 3, 3, 9, read_where, "" },
    { .name = NULL },
};
