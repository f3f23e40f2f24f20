/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_gather.c: Gather: numbers of an axis chosen by constant indices, of a constant or of what depends on the
 * image. */
#include "models/onnx_reader.h"

/* The indices, those from the end counted from the front; NULL and a failure. */
static const int64_t *indices (struct reader *r, struct value *v, int64_t size)
{
    const int64_t *said = onnx_value_ints (r, v);
    int64_t count = onnx_shape_total (&v->shape);
    int64_t *picks = said ? onnx_alloc_node (r, (uint64_t)count, sizeof *picks) : NULL;
    for (int64_t i = 0; picks && i < count; i++) {
        picks[i] = said[i] < 0 ? said[i] + size : said[i];
        if (said[i] < -size || picks[i] >= size) {
            onnx_fail (r, "index %lld of %lld", (long long)said[i], (long long)size);
            return NULL;
        }
    }
    return picks;
}

static bool read_gather (struct reader *r)
{
    struct value *data = onnx_input_value (r, 0), *list = data ? onnx_input_value (r, 1) : NULL;
    int axis = list ? onnx_axis (r, onnx_attribute_int (r, "axis", 0), data->shape.rank) : -1;
    if (axis < 0)
        return false;
    const int64_t *picks = indices (r, list, data->shape.dims[axis]);
    int64_t count = onnx_shape_total (&list->shape);
    struct shape out = { 0 };
    for (int i = 0; picks && i < data->shape.rank; i++) {
        for (int k = 0; i == axis && k < list->shape.rank; k++) {
            if (!onnx_shape_add (r, &out, list->shape.dims[k]))
                return false;
        }
        if (i != axis && !onnx_shape_add (r, &out, data->shape.dims[i]))
            return false;
    }
    if (!picks)
        return false;
    if (data->kind != VALUE_TENSOR)
        return onnx_fold_gather (r, data, axis, picks, count, &out);
    if (!count)
        return onnx_fail (r, "gathers nothing");
    int id = onnx_gathered (r, data, axis, picks, count, onnx_output_name (r, 0));
    return id >= 0 && onnx_set_tensor (r, 0, id, &out);
}

const struct onnx_operator onnx_gather_operators[] = {
    { "Gather", 2, 2, 1, read_gather, "axis:i" },
    { .name = NULL },
};
