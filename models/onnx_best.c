/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_best.c: ArgMax and TopK where a file ends in them: which class is best is for whoever reads the scores to say,
 * so the output becomes the scores themselves, and a notice says so. */
#include "models/onnx_reader.h"

/* Whether nothing but the file's outputs reads the value. */
static bool is_end (struct reader *r, const struct value *v)
{
    int ends = 0;
    if (!onnx_spend (r, r->file->n_output))
        return false;
    for (size_t i = 0; i < r->file->n_output; i++) {
        int id = r->slots[r->file->n_initializer + r->file->n_input + i];
        ends += id >= 0 && &r->values[id] == v;
    }
    return v->uses == ends;
}

/* Every output is input 0. */
static bool scores_instead (struct reader *r)
{
    struct value *x = onnx_input_deferred (r, 0);
    if (!x || x->kind != VALUE_TENSOR)
        return onnx_input_tensor (r, 0) && false; /* which tells why */
    if (onnx_axis (r, onnx_attribute_int (r, "axis", 0), x->shape.rank) < 0)
        return false;
    for (int i = 0; i < 2; i++) {
        const struct value *v = onnx_output_value (r, i);
        if (!v || !v->uses)
            continue;
        if (!is_end (r, v))
            return onnx_fail (r, "is supported only as the end of a network, and '%.100s' is read by a node", v->name);
        if (!onnx_set_like (r, i, x->tensor, x))
            return false;
        if (r->extras->notices)
            notices_add (r->extras->notices, "output '%.100s' is %s of '%.100s': it gives those numbers themselves",
                         v->name, onnx_operation (r), x->name);
    }
    return true;
}

static bool read_arg_max (struct reader *r)
{
    return scores_instead (r);
}

static bool read_top_k (struct reader *r)
{
    if (!onnx_attribute_int (r, "largest", 1))
        return onnx_fail (r, "the smallest numbers are not supported, only the largest");
    return scores_instead (r);
}

const struct onnx_operator onnx_best_operators[] = {
    { "ArgMax", 1, 1, 1, read_arg_max, "axis:i keepdims:i select_last_index:i" },
    { "TopK", 1, 2, 1, read_top_k, "axis:i k:i<10 largest:i sorted:i" },
    { .name = NULL },
};
