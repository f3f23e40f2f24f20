/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_values.c: what every operator's reader uses: inputs and outputs of the node, its attributes. */
#include "models/onnx_quantised.h"

#include <string.h>

/* ---- inputs -------------------------------------------------------------------------------------------------- */

/* The id of input `index`, or -1. */
static int input_id (const struct reader *r, int index)
{
    return (size_t)index < onnx_current_node (r)->n_input ? r->slots[r->node_slots[r->node] + index] : -1;
}

int onnx_input_count (const struct reader *r)
{
    return r->stand_in.inputs ? r->stand_in.count : (int)onnx_current_node (r)->n_input;
}

bool onnx_has_input (const struct reader *r, int index)
{
    if (r->stand_in.inputs)
        return index < r->stand_in.count && r->stand_in.inputs[index];
    return input_id (r, index) >= 0;
}

struct value *onnx_input_deferred (struct reader *r, int index)
{
    int id = input_id (r, index);
    if (r->stand_in.inputs && onnx_has_input (r, index))
        return r->stand_in.inputs[index];
    if (r->stand_in.inputs || id < 0) {
        onnx_fail (r, "input %d is missing", index);
        return NULL;
    }
    struct value *v = &r->values[id];
    if (v->kind != VALUE_UNKNOWN)
        return v;
    if (v->producer >= 0)
        onnx_fail (r, "input %d, '%.100s', is made by a later node", index, v->name);
    else
        onnx_fail (r, "input %d, '%.100s', is made by no node and has no data", index, v->name);
    return NULL;
}

struct value *onnx_input_value (struct reader *r, int index)
{
    struct value *v = onnx_input_deferred (r, index);
    return v && onnx_settle (r, v) ? v : NULL;
}

struct value *onnx_input_tensor (struct reader *r, int index)
{
    struct value *v = onnx_input_value (r, index);
    if (!v || v->kind == VALUE_TENSOR)
        return v;
    onnx_fail (r, "input %d, '%.100s', is a constant; only what depends on the image is supported here", index,
               v->name);
    return NULL;
}

static void fail_kind (struct reader *r, const struct value *v, const char *holds, const char *needed)
{
    if (v->kind == VALUE_TENSOR)
        onnx_fail (r, "'%.100s' must be a constant, but depends on the image", v->name);
    else
        onnx_fail (r, "'%.100s' holds %s where %s are needed", v->name, holds, needed);
}

const float *onnx_value_floats (struct reader *r, struct value *v)
{
    if (v->kind == VALUE_FLOATS)
        return v->floats ? v->floats : v->quant ? onnx_dequantise (r, v) : onnx_tensor_floats (r, v);
    fail_kind (r, v, "integers", "floats");
    return NULL;
}

const float *onnx_input_floats (struct reader *r, int index, int64_t count)
{
    struct value *v = onnx_input_value (r, index);
    const float *numbers = v ? onnx_value_floats (r, v) : NULL;
    if (!numbers)
        return NULL;
    int64_t total = onnx_shape_total (&v->shape);
    if (count < 0 || total == count)
        return numbers;
    onnx_fail (r, "input %d, '%.100s', has %lld numbers instead of %lld", index, v->name, (long long)total,
               (long long)count);
    return NULL;
}

const int64_t *onnx_value_ints (struct reader *r, struct value *v)
{
    if (v->kind == VALUE_INTS)
        return v->ints ? v->ints : onnx_tensor_ints (r, v);
    fail_kind (r, v, "floats", "integers");
    return NULL;
}

int onnx_input_ints (struct reader *r, int index, int64_t *to, int most)
{
    struct value *v = onnx_input_value (r, index);
    const int64_t *numbers = v ? onnx_value_ints (r, v) : NULL;
    if (!numbers)
        return -1;
    int64_t count = onnx_shape_total (&v->shape);
    if (count > most) {
        onnx_fail (r, "input %d, '%.100s', has %lld numbers, at most %d make sense", index, v->name, (long long)count,
                   most);
        return -1;
    }
    if (count)
        memcpy (to, numbers, (size_t)count * sizeof *to);
    return (int)count;
}

bool onnx_input_scalar (struct reader *r, int index, float *to)
{
    const float *number = onnx_input_floats (r, index, 1);
    if (number)
        *to = *number;
    return number != NULL;
}

/* ---- outputs ------------------------------------------------------------------------------------------------- */

struct value *onnx_output_value (const struct reader *r, int index)
{
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    if ((size_t)index >= node->n_output)
        return NULL;
    int id = r->slots[r->node_slots[r->node] + (int)node->n_input + index];
    return id < 0 ? NULL : &r->values[id];
}

const char *onnx_output_name (const struct reader *r, int index)
{
    const struct value *v = onnx_output_value (r, index);
    return r->stand_in.name ? r->stand_in.name : v ? v->name : "";
}

bool onnx_set_tensor (struct reader *r, int index, int id, const struct shape *shape)
{
    if (id < 0) {
        const char *reason = graph_error (r->graph);
        return onnx_fail (r, "%s", reason ? reason : "could not be built");
    }
    struct value *v = onnx_output_value (r, index);
    if (v) {
        v->kind = VALUE_TENSOR;
        v->tensor = id;
        v->shape = *shape;
        v->quant = v->whole = NULL;
    }
    return true;
}

bool onnx_set_like (struct reader *r, int index, int id, const struct value *like)
{
    struct value *v = onnx_output_value (r, index);
    if (!onnx_set_tensor (r, index, id, &like->shape))
        return false;
    if (v) {
        v->deferred = like->deferred;
        v->stored = like->stored;
    }
    return true;
}

void onnx_set_channels_last (struct reader *r, int index)
{
    struct value *v = onnx_output_value (r, index);
    if (!v)
        return;
    v->stored = v->shape;
    for (int i = 0; i < 4; i++)
        v->shape.dims[i] = v->stored.dims[onnx_channels_last[i]];
    v->deferred = DEFERRED_CHANNELS_LAST;
}

bool onnx_set_alias (struct reader *r, const struct value *from, const struct shape *shape)
{
    struct value *v = onnx_output_value (r, 0);
    if (!v)
        return true;
    v->kind = from->kind;
    v->shape = *shape;
    v->tensor = from->tensor;
    v->deferred = from->deferred;
    v->stored = from->stored;
    v->floats = from->floats;
    v->ints = from->ints;
    v->source = from->source;
    v->type = from->type;
    v->quant = from->quant;
    v->whole = from->whole;
    return true;
}

void *onnx_make_constant (struct reader *r, int index, enum value_kind kind, const struct shape *shape)
{
    struct value *v = onnx_output_value (r, index);
    uint64_t count = (uint64_t)onnx_shape_total (shape);
    size_t size = kind == VALUE_INTS ? sizeof (int64_t) : sizeof (float);
    void *numbers = onnx_alloc (r, count, size);
    if (v && numbers) {
        v->kind = kind;
        v->shape = *shape;
        v->ints = kind == VALUE_INTS ? numbers : NULL;
        v->floats = kind == VALUE_FLOATS ? numbers : NULL;
    }
    return numbers;
}

bool onnx_set_ints (struct reader *r, int index, const int64_t *numbers, const struct shape *shape)
{
    int64_t *copy = onnx_make_constant (r, index, VALUE_INTS, shape);
    if (copy && numbers)
        memcpy (copy, numbers, (size_t)onnx_shape_total (shape) * sizeof *copy);
    return copy != NULL;
}

bool onnx_set_floats (struct reader *r, int index, const float *numbers, const struct shape *shape)
{
    float *copy = onnx_make_constant (r, index, VALUE_FLOATS, shape);
    if (copy && numbers)
        memcpy (copy, numbers, (size_t)onnx_shape_total (shape) * sizeof *copy);
    return copy != NULL;
}

/* ---- attributes ---------------------------------------------------------------------------------------------- */

const Convrelu__OnnxAttribute *onnx_attribute (const struct reader *r, const char *name)
{
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->name && !strcmp (node->attribute[i]->name, name))
            return node->attribute[i];
    }
    return NULL;
}

int64_t onnx_attribute_int (const struct reader *r, const char *name, int64_t otherwise)
{
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, name);
    return a ? a->i : otherwise;
}

float onnx_attribute_float (const struct reader *r, const char *name, float otherwise)
{
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, name);
    return a ? a->f : otherwise;
}

bool onnx_attribute_says (const struct reader *r, const char *name, const char *text, const char *otherwise)
{
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, name);
    if (!a)
        return !strcmp (text, otherwise);
    return a->s.len == strlen (text) && !memcmp (a->s.data, text, a->s.len);
}

int onnx_attribute_ints (struct reader *r, const char *name, int64_t *to, int most)
{
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, name);
    if (!a)
        return 0;
    if (a->n_ints > (size_t)most) {
        onnx_fail (r, "attribute '%s' has %zu numbers, at most %d make sense", name, a->n_ints, most);
        return -1;
    }
    for (size_t i = 0; i < a->n_ints; i++)
        to[i] = a->ints[i];
    return (int)a->n_ints;
}

int onnx_attribute_or_input_ints (struct reader *r, const char *name, int index, int64_t *to, int most, bool *given)
{
    bool as_attribute = onnx_attribute (r, name) != NULL;
    *given = as_attribute || onnx_has_input (r, index);
    if (as_attribute)
        return onnx_attribute_ints (r, name, to, most);
    return *given ? onnx_input_ints (r, index, to, most) : 0;
}
