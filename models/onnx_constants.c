/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_constants.c: what is known while reading: weights, and the arithmetic on shapes that exporters leave in a file.
 *
 * Floats are little-endian 32-bit or 16-bit (IEEE or bfloat) in raw_data, or in float_data or int32_data. 32-bit ones
 * are used where they lie; the others are converted each time they are asked for, and given back after the node.
 * Integers come from int64, int32, uint8, int8 and bool tensors of at most FOLD_MAX numbers. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ONNX's TensorProto.DataType. */
enum {
    TYPE_FLOAT = 1,
    TYPE_UINT8 = 2,
    TYPE_INT8 = 3,
    TYPE_INT32 = 6,
    TYPE_INT64 = 7,
    TYPE_BOOL = 9,
    TYPE_HALF = 10,
    TYPE_BFLOAT = 16
};

static const char *type_name (int type)
{
    static const char *const names[] = { "undefined",      "float32",  "uint8",      "int8",           "uint16",
                                         "int16",          "int32",    "int64",      "string",         "bool",
                                         "float16",        "float64",  "uint32",     "uint64",         "complex64",
                                         "complex128",     "bfloat16", "float8e4m3", "float8e4m3fnuz", "float8e5m2",
                                         "float8e5m2fnuz", "uint4",    "int4",       "float4e2m1" };
    bool known = type >= 0 && type < (int)(sizeof names / sizeof names[0]);
    return known ? names[type] : "unknown";
}

static bool little_endian (void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

/* ---- tensors of the file ------------------------------------------------------------------------------------- */

bool constant_refused (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name)
{
    if (tensor->data_location != 0 || tensor->n_external_data)
        return fail (r, "tensor '%.100s' keeps its numbers in another file; external data is not supported", name);
    if (tensor->has_segment)
        return fail (r, "tensor '%.100s' is stored in segments, which is not supported", name);
    return true;
}

/* Bytes of one number in raw_data; 0: not a type that is read. */
static size_t raw_size (int type)
{
    switch (type) {
    case TYPE_FLOAT:
    case TYPE_INT32:
        return 4;
    case TYPE_INT64:
        return 8;
    case TYPE_HALF:
    case TYPE_BFLOAT:
        return 2;
    case TYPE_INT8:
    case TYPE_UINT8:
    case TYPE_BOOL:
        return 1;
    default:
        return 0;
    }
}

/* How many numbers the typed field of this type holds. */
static size_t typed_count (const Convrelu__OnnxTensor *tensor)
{
    if (tensor->data_type == TYPE_FLOAT)
        return tensor->n_float_data;
    return tensor->data_type == TYPE_INT64 ? tensor->n_int64_data : tensor->n_int32_data;
}

static bool is_float (int type)
{
    return type == TYPE_FLOAT || type == TYPE_HALF || type == TYPE_BFLOAT;
}

bool constant_define (struct reader *r, struct value *v, const Convrelu__OnnxTensor *tensor, const char *name)
{
    if (!constant_refused (r, tensor, name))
        return false;
    size_t size = raw_size (tensor->data_type);
    if (!size)
        return fail (r, "tensor '%.100s' is of type %s (%d), which is not supported", name,
                     type_name (tensor->data_type), tensor->data_type);
    v->shape.rank = 0;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 0)
            return fail (r, "dimension %zu of tensor '%.100s' is %lld", i, name, (long long)tensor->dims[i]);
        if (!shape_add (r, &v->shape, tensor->dims[i]))
            return false;
    }
    uint64_t count = (uint64_t)shape_total (&v->shape);
    bool raw = tensor->has_raw_data && (tensor->raw_data.len || !typed_count (tensor));
    if (raw && typed_count (tensor))
        return fail (r, "tensor '%.100s' has its numbers twice", name);
    if (raw ? tensor->raw_data.len != count * size : typed_count (tensor) != count) {
        char text[100];
        return fail (r, "tensor '%.100s' is %s of %s, but the file has %zu %s of it", name,
                     shape_text (&v->shape, text), type_name (tensor->data_type),
                     raw ? tensor->raw_data.len : typed_count (tensor), raw ? "bytes" : "numbers");
    }
    v->kind = is_float (tensor->data_type) ? VALUE_FLOATS : VALUE_INTS;
    v->source = tensor;
    return true;
}

static float half_to_float (uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    float size = exponent == 31  ? (fraction ? NAN : INFINITY)
                 : exponent == 0 ? ldexpf ((float)fraction, -24)
                                 : ldexpf ((float)(fraction + 1024), exponent - 25);
    return half & 0x8000 ? -size : size;
}

static float bits_to_float (uint32_t bits)
{
    float number;
    memcpy (&number, &bits, sizeof number);
    return number;
}

/* Number i of raw_data, `size` bytes, as an unsigned integer. */
static uint64_t raw_bits (const Convrelu__OnnxTensor *tensor, size_t i, size_t size)
{
    const uint8_t *at = tensor->raw_data.data + i * size;
    uint64_t bits = 0;
    for (size_t k = size; k-- > 0;)
        bits = bits << 8 | at[k];
    return bits;
}

static float float_at (const Convrelu__OnnxTensor *tensor, size_t i)
{
    bool raw = tensor->raw_data.len != 0;
    switch (tensor->data_type) {
    case TYPE_FLOAT:
        return raw ? bits_to_float ((uint32_t)raw_bits (tensor, i, 4)) : tensor->float_data[i];
    case TYPE_HALF:
        return half_to_float ((uint16_t)(raw ? raw_bits (tensor, i, 2) : (uint64_t)tensor->int32_data[i]));
    default: {
        uint32_t bits = (uint32_t)(raw ? raw_bits (tensor, i, 2) : (uint64_t)tensor->int32_data[i]);
        return bits_to_float (bits << 16);
    }
    }
}

static int64_t int_at (const Convrelu__OnnxTensor *tensor, size_t i)
{
    bool raw = tensor->raw_data.len != 0;
    uint64_t bits = raw ? raw_bits (tensor, i, raw_size (tensor->data_type)) : 0;
    switch (tensor->data_type) {
    case TYPE_INT64:
        return raw ? (int64_t)bits : tensor->int64_data[i];
    case TYPE_INT32:
        return raw ? (int32_t)(uint32_t)bits : tensor->int32_data[i];
    case TYPE_INT8:
        return raw ? (int8_t)(uint8_t)bits : tensor->int32_data[i];
    default:
        return raw ? (int64_t)bits : tensor->int32_data[i];
    }
}

const float *constant_floats (struct reader *r, struct value *v)
{
    const Convrelu__OnnxTensor *tensor = v->source;
    uint64_t count = (uint64_t)shape_total (&v->shape);
    if (tensor->data_type == TYPE_FLOAT && count) {
        bool raw = tensor->raw_data.len != 0;
        if (!raw)
            return v->floats = tensor->float_data;
        if (little_endian () && (uintptr_t)tensor->raw_data.data % _Alignof(float) == 0)
            return v->floats = (const float *)(const void *)tensor->raw_data.data;
    }
    float *numbers = borrow (r, count, sizeof *numbers);
    for (uint64_t i = 0; numbers && i < count; i++)
        numbers[i] = float_at (tensor, i);
    return numbers;
}

const int64_t *constant_ints (struct reader *r, struct value *v)
{
    uint64_t count = (uint64_t)shape_total (&v->shape);
    if (count > FOLD_MAX) {
        fail (r, "'%.100s' has %llu integers, at most %d are supported", v->name, (unsigned long long)count, FOLD_MAX);
        return NULL;
    }
    int64_t *numbers = keep (r, count, sizeof *numbers);
    for (uint64_t i = 0; numbers && i < count; i++)
        numbers[i] = int_at (v->source, i);
    return v->ints = numbers;
}

bool constant_peek (struct reader *r, int value, float *to)
{
    if (value < 0)
        return false;
    const struct value *v = &r->values[value];
    const Convrelu__OnnxTensor *tensor = v->source;
    if (!tensor && v->producer >= 0) {
        const Convrelu__OnnxNode *node = r->file->node[v->producer];
        if (strcmp (node->op_type, "Constant") || node->n_attribute != 1)
            return false;
        const Convrelu__OnnxAttribute *a = node->attribute[0];
        if (a->name && !strcmp (a->name, "value_float")) {
            *to = a->f;
            return true;
        }
        tensor = a->t;
    }
    if (!tensor || !is_float (tensor->data_type))
        return false;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] != 1)
            return false;
    }
    bool raw = tensor->raw_data.len != 0;
    if (raw ? tensor->raw_data.len != raw_size (tensor->data_type) : typed_count (tensor) != 1)
        return false;
    *to = float_at (tensor, 0);
    return true;
}

/* ---- operators that make constants --------------------------------------------------------------------------- */

bool read_constant (struct reader *r)
{
    const Convrelu__OnnxNode *node = this_node (r);
    if (node->n_attribute != 1)
        return fail (r, "%zu attributes instead of one", node->n_attribute);
    const Convrelu__OnnxAttribute *a = node->attribute[0];
    struct shape scalar = { 0 }, list = { 0 };
    if (!strcmp (a->name, "value_int"))
        return set_ints (r, 0, &a->i, &scalar);
    if (!strcmp (a->name, "value_float"))
        return set_floats (r, 0, &a->f, &scalar);
    if (!strcmp (a->name, "value_ints"))
        return shape_add (r, &list, (int64_t)a->n_ints) && set_ints (r, 0, a->ints, &list);
    if (!strcmp (a->name, "value_floats"))
        return shape_add (r, &list, (int64_t)a->n_floats) && set_floats (r, 0, a->floats, &list);
    struct value *v = output (r, 0);
    if (!a->t)
        return fail (r, "attribute 'value' is empty");
    return !v || constant_define (r, v, a->t, v->name);
}

bool read_constant_of_shape (struct reader *r)
{
    int64_t dims[RANK_MAX];
    int rank = input_ints (r, 0, dims, RANK_MAX);
    struct shape shape = { 0 };
    for (int i = 0; i < rank; i++) {
        if (!shape_add (r, &shape, dims[i]))
            return false;
    }
    if (rank < 0)
        return false;
    if (shape_total (&shape) > FOLD_MAX)
        return fail (r, "would make %lld numbers, at most %d are supported", (long long)shape_total (&shape), FOLD_MAX);
    const Convrelu__OnnxAttribute *a = attribute (r, "value");
    struct value fill = { .name = "value" };
    if (a && (!a->t || !constant_define (r, &fill, a->t, "value")))
        return a->t ? false : fail (r, "attribute 'value' is empty");
    if (a && shape_total (&fill.shape) != 1)
        return fail (r, "attribute 'value' has %lld numbers instead of one", (long long)shape_total (&fill.shape));
    int64_t ints[FOLD_MAX];
    float floats[FOLD_MAX];
    for (int i = 0; i < FOLD_MAX; i++) {
        ints[i] = a && fill.kind == VALUE_INTS ? int_at (a->t, 0) : 0;
        floats[i] = a && fill.kind == VALUE_FLOATS ? float_at (a->t, 0) : 0;
    }
    return a && fill.kind == VALUE_INTS ? set_ints (r, 0, ints, &shape) : set_floats (r, 0, floats, &shape);
}

bool read_shape (struct reader *r)
{
    const struct value *v = input (r, 0);
    if (!v)
        return false;
    int64_t from = attribute_int (r, "start", 0), to = attribute_int (r, "end", v->shape.rank);
    int64_t rank = v->shape.rank;
    from = from < -rank ? 0 : from < 0 ? from + rank : from > rank ? rank : from;
    to = to < -rank ? 0 : to < 0 ? to + rank : to > rank ? rank : to;
    struct shape shape = { 0 };
    return shape_add (r, &shape, to > from ? to - from : 0) &&
           set_ints (r, 0, v->shape.dims + (from < rank ? from : 0), &shape);
}

bool read_gather (struct reader *r)
{
    struct value *data = input (r, 0);
    int64_t picks[FOLD_MAX];
    int count = data ? input_ints (r, 1, picks, FOLD_MAX) : -1;
    if (count < 0)
        return false;
    if (data->kind == VALUE_TENSOR)
        return fail (r, "gathering from what depends on the image is not supported");
    if (data->shape.rank != 1)
        return fail (r, "gathering from a constant of %d dimensions is not supported", data->shape.rank);
    if (axis_of (r, attribute_int (r, "axis", 0), 1) < 0)
        return false;
    int64_t total = data->shape.dims[0], ints[FOLD_MAX];
    float floats[FOLD_MAX];
    bool whole = data->kind == VALUE_INTS;
    const int64_t *from_ints = whole ? value_ints (r, data) : NULL;
    const float *from_floats = whole ? NULL : value_floats (r, data);
    if (!from_ints && !from_floats)
        return false;
    for (int i = 0; i < count; i++) {
        int64_t at = picks[i] < 0 ? picks[i] + total : picks[i];
        if (picks[i] < -total || at >= total)
            return fail (r, "index %lld of %lld", (long long)picks[i], (long long)total);
        ints[i] = whole ? from_ints[at] : 0;
        floats[i] = whole ? 0 : from_floats[at];
    }
    const struct shape *shape = &input (r, 1)->shape;
    return whole ? set_ints (r, 0, ints, shape) : set_floats (r, 0, floats, shape);
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
    return !wrong || fail (r, "%lld %c %lld has no value", (long long)a, operation, (long long)b);
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
    const int64_t *left = value_ints (r, a), *right = left ? value_ints (r, b) : NULL;
    int64_t count = shape_total (shape), result[FOLD_MAX];
    if (!right)
        return false;
    for (int64_t i = 0; i < count && i < FOLD_MAX; i++) {
        if (!calculate_ints (r, operation, left[broadcast_index (shape, i, &a->shape)],
                             right[broadcast_index (shape, i, &b->shape)], &result[i]))
            return false;
    }
    return count > FOLD_MAX ? fail (r, "would make %lld integers, at most %d are supported", (long long)count, FOLD_MAX)
                            : set_ints (r, 0, result, shape);
}

bool fold_arithmetic (struct reader *r, char operation)
{
    struct value *a = input (r, 0), *b = a ? input (r, 1) : NULL;
    struct shape shape;
    if (!b || !broadcast (r, &a->shape, &b->shape, &shape))
        return false;
    if (a->kind == VALUE_INTS && b->kind == VALUE_INTS)
        return fold_ints (r, operation, a, b, &shape);
    const float *left = value_floats (r, a), *right = left ? value_floats (r, b) : NULL;
    uint64_t count = (uint64_t)shape_total (&shape);
    float *result = right ? borrow (r, count, sizeof *result) : NULL;
    for (uint64_t i = 0; result && i < count; i++)
        result[i] = calculate_floats (operation, left[broadcast_index (&shape, (int64_t)i, &a->shape)],
                                      right[broadcast_index (&shape, (int64_t)i, &b->shape)]);
    return result && set_floats (r, 0, result, &shape);
}

static bool fold_rounding (struct reader *r, bool up)
{
    struct value *v = input (r, 0);
    const float *numbers = v ? value_floats (r, v) : NULL;
    uint64_t count = v ? (uint64_t)shape_total (&v->shape) : 0;
    float *result = numbers ? borrow (r, count, sizeof *result) : NULL;
    for (uint64_t i = 0; result && i < count; i++)
        result[i] = up ? ceilf (numbers[i]) : floorf (numbers[i]);
    return result && set_floats (r, 0, result, &v->shape);
}

bool read_floor (struct reader *r)
{
    return fold_rounding (r, false);
}

bool read_ceil (struct reader *r)
{
    return fold_rounding (r, true);
}

static bool cast_to_ints (struct reader *r, struct value *v)
{
    const float *numbers = value_floats (r, v);
    int64_t count = shape_total (&v->shape), ints[FOLD_MAX];
    if (!numbers)
        return false;
    for (int64_t i = 0; i < count && i < FOLD_MAX; i++) {
        if (!(fabsf (numbers[i]) < 9e18f))
            return fail (r, "%g has no value as an integer", (double)numbers[i]);
        ints[i] = (int64_t)numbers[i];
    }
    return count > FOLD_MAX ? fail (r, "would make %lld integers, at most %d are supported", (long long)count, FOLD_MAX)
                            : set_ints (r, 0, ints, &v->shape);
}

bool read_cast (struct reader *r)
{
    struct value *v = input (r, 0);
    int64_t to = attribute_int (r, "to", 0);
    if (!v)
        return false;
    bool to_float = to == TYPE_FLOAT || to == TYPE_HALF || to == TYPE_BFLOAT;
    bool to_int = to == TYPE_INT64 || to == TYPE_INT32;
    if (v->kind == VALUE_INTS ? to_int : to_float) /* calculations are in 32-bit floats throughout */
        return set_alias (r, v, &v->shape);
    if (v->kind == VALUE_FLOATS && to_int)
        return cast_to_ints (r, v);
    const int64_t *ints = v->kind == VALUE_INTS && to_float ? value_ints (r, v) : NULL;
    if (r->failed)
        return false;
    float floats[FOLD_MAX];
    int64_t count = shape_total (&v->shape);
    if (!ints)
        return fail (r, "conversion to type %s (%lld) is not supported here",
                     type_name (to >= 0 && to < 100 ? (int)to : -1), (long long)to);
    for (int64_t i = 0; i < count; i++)
        floats[i] = (float)ints[i];
    return set_floats (r, 0, floats, &v->shape);
}
