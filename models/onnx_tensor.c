/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_tensor.c: the tensors that a file holds (TensorProto) -> numbers.
 *
 * Floats are little-endian 64-, 32- or 16-bit (IEEE or bfloat) in raw_data, or in a typed field. 32-bit ones are
 * used where they lie; the others are converted each time they are asked for, and freed after the node. Integers come
 * from int64, int32, uint8, int8 and bool tensors. */
#include "models/onnx_reader.h"

#include "models/half.h"

#include <string.h>

const char *onnx_type_name (int64_t type)
{
    static const char *const names[] = { "undefined",      "float32",  "uint8",      "int8",           "uint16",
                                         "int16",          "int32",    "int64",      "string",         "bool",
                                         "float16",        "float64",  "uint32",     "uint64",         "complex64",
                                         "complex128",     "bfloat16", "float8e4m3", "float8e4m3fnuz", "float8e5m2",
                                         "float8e5m2fnuz", "uint4",    "int4",       "float4e2m1" };
    bool known = type >= 0 && type < (int64_t)(sizeof names / sizeof names[0]);
    return known ? names[type] : "unknown";
}

static bool little_endian (void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

/* ---- tensors of the file ------------------------------------------------------------------------------------- */

bool onnx_tensor_check (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name)
{
    if (tensor->data_location < 0 || tensor->data_location > 1 ||
        (tensor->n_external_data && !onnx_is_external (tensor)))
        return onnx_fail (r, "tensor '%.100s' has external data, but data_location %d", name, tensor->data_location);
    if (tensor->has_segment)
        return onnx_fail (r, "tensor '%.100s' is stored in segments, which is not supported", name);
    return true;
}

/* Bytes of one number in raw_data; 0: not a type that is read. */
static size_t raw_size (int type)
{
    switch (type) {
    case TYPE_FLOAT:
    case TYPE_INT32:
    case TYPE_UINT32:
        return 4;
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_DOUBLE:
        return 8;
    case TYPE_INT16:
    case TYPE_UINT16:
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
    switch (tensor->data_type) {
    case TYPE_FLOAT:
        return tensor->n_float_data;
    case TYPE_DOUBLE:
        return tensor->n_double_data;
    case TYPE_INT64:
        return tensor->n_int64_data;
    case TYPE_UINT32:
    case TYPE_UINT64:
        return tensor->n_uint64_data;
    default:
        return tensor->n_int32_data;
    }
}

bool onnx_is_float (int64_t type)
{
    return type == TYPE_FLOAT || type == TYPE_DOUBLE || type == TYPE_HALF || type == TYPE_BFLOAT;
}

bool onnx_is_int (int64_t type)
{
    return type > 0 && type <= TYPE_UINT64 && raw_size ((int)type) && !onnx_is_float (type);
}

bool onnx_tensor_define (struct reader *r, struct value *v, const Convrelu__OnnxTensor *tensor, const char *name)
{
    if (!onnx_tensor_check (r, tensor, name))
        return false;
    size_t size = raw_size (tensor->data_type);
    if (!size)
        return onnx_fail (r, "tensor '%.100s' is of type %s (%d), which is not supported", name,
                          onnx_type_name (tensor->data_type), tensor->data_type);
    v->shape.rank = 0;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] < 0)
            return onnx_fail (r, "dimension %zu of tensor '%.100s' is %lld", i, name, (long long)tensor->dims[i]);
        if (!onnx_shape_add (r, &v->shape, tensor->dims[i]))
            return false;
    }
    uint64_t count = (uint64_t)onnx_shape_total (&v->shape);
    v->kind = onnx_is_float (tensor->data_type) ? VALUE_FLOATS : VALUE_INTS;
    v->source = tensor;
    bool raw = tensor->has_raw_data && (tensor->raw_data.len || !typed_count (tensor));
    if ((raw && typed_count (tensor)) || (onnx_is_external (tensor) && (tensor->raw_data.len || typed_count (tensor))))
        return onnx_fail (r, "tensor '%.100s' has its numbers twice", name);
    if (onnx_is_external (tensor))
        return onnx_external_check (r, tensor, name, count * size);
    if (raw ? tensor->raw_data.len != count * size : typed_count (tensor) != count) {
        char text[100];
        return onnx_fail (r, "tensor '%.100s' is %s of %s, but the file has %zu %s of it", name,
                          onnx_shape_text (&v->shape, text), onnx_type_name (tensor->data_type),
                          raw ? tensor->raw_data.len : typed_count (tensor), raw ? "bytes" : "numbers");
    }
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* In another file, or in one that is read as it is asked for. */
static bool is_elsewhere (const struct reader *r, const Convrelu__OnnxTensor *tensor)
{
    return onnx_is_external (tensor) || (r->lazy && tensor->raw_data.len);
}

static bool read_elsewhere (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, void *to,
                            size_t bytes)
{
    return onnx_is_external (tensor) ? onnx_external_read (r, tensor, name, to, bytes)
                                     : onnx_payload_read (r, tensor, to, bytes);
}

/* The little-endian bytes of a tensor that was checked, from raw_data or another file. They live as long as the node
 * being read. *bytes is NULL where the numbers are in a typed field instead. False after a failure. */
static bool raw_bytes (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, uint64_t count,
                       const uint8_t **bytes)
{
    *bytes = tensor->raw_data.len ? tensor->raw_data.data : NULL;
    if (tensor->raw_data.len && !*bytes)
        return onnx_fail (r, "the numbers of '%.100s' are asked for once more than there are inputs", name);
    if (!is_elsewhere (r, tensor))
        return true;
    size_t size = raw_size (tensor->data_type);
    uint8_t *read = onnx_alloc_node (r, count, size);
    *bytes = read;
    return read && read_elsewhere (r, tensor, name, read, (size_t)count * size);
}

/* Number i of `size` bytes as an unsigned integer. */
static uint64_t raw_bits (const uint8_t *raw, size_t i, size_t size)
{
    const uint8_t *at = raw + i * size;
    uint64_t bits = 0;
    for (size_t k = size; k-- > 0;)
        bits = bits << 8 | at[k];
    return bits;
}

static float float_at (const Convrelu__OnnxTensor *tensor, const uint8_t *raw, size_t i)
{
    switch (tensor->data_type) {
    case TYPE_FLOAT: {
        uint32_t bits = raw ? (uint32_t)raw_bits (raw, i, 4) : 0;
        float number;
        memcpy (&number, &bits, sizeof number);
        return raw ? number : tensor->float_data[i];
    }
    case TYPE_DOUBLE: {
        uint64_t bits = raw ? raw_bits (raw, i, 8) : 0;
        double number;
        memcpy (&number, &bits, sizeof number);
        return (float)(raw ? number : tensor->double_data[i]);
    }
    case TYPE_HALF:
        return half_to_float ((uint16_t)(raw ? raw_bits (raw, i, 2) : (uint64_t)tensor->int32_data[i]));
    default:
        return half_bfloat_to_float ((uint16_t)(raw ? raw_bits (raw, i, 2) : (uint64_t)tensor->int32_data[i]));
    }
}

static int64_t int_at (const Convrelu__OnnxTensor *tensor, const uint8_t *raw, size_t i)
{
    uint64_t bits = raw ? raw_bits (raw, i, raw_size (tensor->data_type)) : 0;
    switch (tensor->data_type) {
    case TYPE_INT64:
        return raw ? (int64_t)bits : tensor->int64_data[i];
    case TYPE_INT32:
        return raw ? (int32_t)(uint32_t)bits : tensor->int32_data[i];
    case TYPE_INT16:
        return raw ? (int16_t)(uint16_t)bits : tensor->int32_data[i];
    case TYPE_INT8:
        return raw ? (int8_t)(uint8_t)bits : tensor->int32_data[i];
    case TYPE_UINT32:
    case TYPE_UINT64:
        return (int64_t)(raw ? bits : tensor->uint64_data[i]);
    default:
        return raw ? (int64_t)bits : tensor->int32_data[i];
    }
}

const float *onnx_tensor_floats (struct reader *r, struct value *v)
{
    const Convrelu__OnnxTensor *tensor = v->source;
    uint64_t count = (uint64_t)onnx_shape_total (&v->shape);
    const uint8_t *raw;
    if (!raw_bytes (r, tensor, v->name, count, &raw))
        return NULL;
    if (tensor->data_type == TYPE_FLOAT && count) {
        if (!raw)
            return v->floats = tensor->float_data;
        if (little_endian () && is_elsewhere (r, tensor))
            return (const float *)(const void *)raw; /* the node's alone */
        const float *there = little_endian () ? onnx_payload_floats (r, tensor) : NULL;
        if (there || r->failed)
            return v->floats = there;
    }
    float *numbers = onnx_alloc_node (r, count, sizeof *numbers);
    for (int64_t i = 0; numbers && onnx_goes_on (r, i, (int64_t)count, 2); i++)
        numbers[i] = float_at (tensor, raw, (size_t)i);
    return r->failed ? NULL : numbers;
}

bool onnx_integers (struct reader *r, const struct value *v, struct integers *to)
{
    *to = (struct integers) { .tensor = v->source, .known = v->ints };
    return v->ints || raw_bytes (r, v->source, v->name, (uint64_t)onnx_shape_total (&v->shape), &to->raw);
}

int64_t onnx_integer (const struct integers *integers, int64_t i)
{
    return integers->known ? integers->known[i] : int_at (integers->tensor, integers->raw, (size_t)i);
}

int onnx_integer_type (const struct value *v)
{
    return v->type ? v->type : v->source ? v->source->data_type : TYPE_INT64;
}

const int64_t *onnx_tensor_ints (struct reader *r, struct value *v)
{
    uint64_t count = (uint64_t)onnx_shape_total (&v->shape);
    const uint8_t *raw;
    if (!raw_bytes (r, v->source, v->name, count, &raw))
        return NULL;
    int64_t *numbers = onnx_alloc (r, count, sizeof *numbers);
    for (int64_t i = 0; numbers && onnx_goes_on (r, i, (int64_t)count, 2); i++)
        numbers[i] = int_at (v->source, raw, (size_t)i);
    return r->failed ? NULL : (v->ints = numbers);
}

bool onnx_peek (struct reader *r, int value, float *to)
{
    if (value < 0 || !onnx_spend (r, 20))
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
    if (!tensor || !onnx_is_float (tensor->data_type) || tensor->n_dims > RANK_MAX)
        return false;
    for (size_t i = 0; i < tensor->n_dims; i++) {
        if (tensor->dims[i] != 1)
            return false;
    }
    const uint8_t *raw = tensor->raw_data.len ? tensor->raw_data.data : NULL;
    uint8_t elsewhere[8];
    size_t size = raw_size (tensor->data_type);
    if (tensor->raw_data.len && tensor->raw_data.len != size)
        return false;
    if (is_elsewhere (r, tensor)) {
        raw = elsewhere;
        if (!size || !read_elsewhere (r, tensor, v->name, elsewhere, size))
            return false;
    } else if (raw ? tensor->raw_data.len != size : typed_count (tensor) != 1)
        return false;
    *to = float_at (tensor, raw, 0);
    return true;
}
