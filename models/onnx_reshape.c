/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_reshape.c: operators after which the same numbers have another shape. They cost nothing: the value gets that
 * shape and stays the same tensor. */
#include "models/onnx_reader.h"

static bool read_identity (struct reader *r)
{
    const struct value *v = onnx_input_deferred (r, 0);
    return v && onnx_set_alias (r, v, &v->shape);
}

static bool read_dropout (struct reader *r)
{
    if (onnx_has_input (r, 2)) {
        int64_t training;
        int count = onnx_input_ints (r, 2, &training, 1);
        if (count < 0)
            return false;
        if (count && training)
            return onnx_fail (r, "training mode is not supported");
    }
    return read_identity (r);
}

static bool read_reshape (struct reader *r)
{
    const struct value *v = onnx_input_value (r, 0);
    int64_t dims[RANK_MAX], known = 1;
    bool given;
    int rank = v ? onnx_attribute_or_input_ints (r, "shape", 1, dims, RANK_MAX, &given) : -1, open = -1;
    if (rank >= 0 && !given)
        return onnx_fail (r, "no shape is given");
    bool zeros = onnx_attribute_int (r, "allowzero", 0) != 0;
    struct shape out = { 0 };
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0 && !zeros) {
            if (i >= v->shape.rank)
                return onnx_fail (r, "dimension %d is to be kept, but there are only %d", i, v->shape.rank);
            dims[i] = v->shape.dims[i];
        }
        if (dims[i] == -1 && open >= 0)
            return onnx_fail (r, "dimensions %d and %d are both left open", open, i);
        open = dims[i] == -1 ? i : open;
        if (dims[i] < -1)
            return onnx_fail (r, "dimension %d is %lld", i, (long long)dims[i]);
        if (!onnx_shape_add (r, &out, dims[i] == -1 ? 1 : dims[i]))
            return false;
    }
    if (rank < 0)
        return false;
    known = onnx_shape_total (&out);
    int64_t total = onnx_shape_total (&v->shape);
    if (open >= 0 && known > 0)
        out.dims[open] = total / known;
    if (onnx_shape_total (&out) == total)
        return onnx_set_alias (r, v, &out);
    char text[2][100];
    return onnx_fail (r, "%s cannot become %s", onnx_shape_text (&v->shape, text[0]), onnx_shape_text (&out, text[1]));
}

static bool read_flatten (struct reader *r)
{
    const struct value *v = onnx_input_value (r, 0);
    if (!v)
        return false;
    int64_t axis = onnx_attribute_int (r, "axis", 1), rank = v->shape.rank;
    if (axis < -rank || axis > rank)
        return onnx_fail (r, "axis %lld of %lld dimensions", (long long)axis, (long long)rank);
    int at = (int)(axis < 0 ? axis + rank : axis);
    struct shape out = { 2, { onnx_shape_count (&v->shape, 0, at), onnx_shape_count (&v->shape, at, v->shape.rank) } };
    return onnx_set_alias (r, v, &out);
}

static bool read_squeeze (struct reader *r)
{
    const struct value *v = onnx_input_value (r, 0);
    int64_t axes[RANK_MAX];
    bool given, drop[RANK_MAX];
    int count = v ? onnx_attribute_or_input_ints (r, "axes", 1, axes, RANK_MAX, &given) : -1;
    if (count < 0)
        return false;
    for (int i = 0; i < v->shape.rank; i++)
        drop[i] = !given && v->shape.dims[i] == 1;
    for (int i = 0; i < count; i++) {
        int axis = onnx_axis (r, axes[i], v->shape.rank);
        if (axis < 0)
            return false;
        if (v->shape.dims[axis] != 1)
            return onnx_fail (r, "dimension %d is %lld, not 1", axis, (long long)v->shape.dims[axis]);
        drop[axis] = true;
    }
    struct shape out = { 0 };
    for (int i = 0; i < v->shape.rank; i++) {
        if (!drop[i])
            out.dims[out.rank++] = v->shape.dims[i];
    }
    return onnx_set_alias (r, v, &out);
}

static bool read_unsqueeze (struct reader *r)
{
    const struct value *v = onnx_input_value (r, 0);
    int64_t axes[RANK_MAX];
    bool given, added[RANK_MAX] = { false };
    int count = v ? onnx_attribute_or_input_ints (r, "axes", 1, axes, RANK_MAX, &given) : -1;
    if (count < 0)
        return false;
    int rank = v->shape.rank + count;
    if (rank > RANK_MAX || !given)
        return onnx_fail (r, given ? "would have %d dimensions" : "axes are missing (%d dimensions)", rank);
    for (int i = 0; i < count; i++) {
        int axis = onnx_axis (r, axes[i], rank);
        if (axis < 0)
            return false;
        if (added[axis])
            return onnx_fail (r, "axis %d is added twice", axis);
        added[axis] = true;
    }
    struct shape out = { .rank = rank };
    for (int i = 0, from = 0; i < rank; i++)
        out.dims[i] = added[i] ? 1 : v->shape.dims[from++];
    return onnx_set_alias (r, v, &out);
}

const struct onnx_operator onnx_reshape_operators[] = {
    { "Dropout", 1, 3, 1, read_dropout, "is_test:i<7 ratio:f seed:i" },
    { "Flatten", 1, 1, 1, read_flatten, "axis:i" },
    { "Identity", 1, 1, 1, read_identity, "" },
    { "Reshape", 1, 2, 1, read_reshape, "allowzero:i shape:I<5" },
    { "Squeeze", 1, 2, 1, read_squeeze, "axes:I" },
    { "Unsqueeze", 1, 2, 1, read_unsqueeze, "axes:I" },
    { .name = NULL },
};
