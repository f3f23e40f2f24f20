/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_transpose.c: Transpose: the axes of a constant or a tensor in another order. */
#include "models/onnx_reader.h"

static bool permutation (struct reader *r, int rank, int perm[RANK_MAX])
{
    int64_t said[RANK_MAX];
    bool seen[RANK_MAX] = { false };
    int count = onnx_attribute_ints (r, "perm", said, RANK_MAX);
    if (count < 0)
        return false;
    for (int i = 0; i < rank && !onnx_attribute (r, "perm"); i++)
        said[count++] = rank - 1 - i;
    if (count != rank)
        return onnx_fail (r, "perm has %d numbers for %d dimensions", count, rank);
    for (int i = 0; i < rank; i++) {
        if (said[i] < 0 || said[i] >= rank || seen[said[i]])
            return onnx_fail (r, "perm is no order of %d dimensions: %lld", rank, (long long)said[i]);
        perm[i] = (int)said[i];
        seen[perm[i]] = true;
    }
    return true;
}

static bool transpose_constant (struct reader *r, struct value *v, const int *perm)
{
    struct onnx_walk own = onnx_walk_over (&v->shape), walk = own;
    struct shape out = { .rank = v->shape.rank };
    for (int i = 0; i < out.rank; i++) {
        out.dims[i] = walk.dims[i] = own.dims[perm[i]];
        walk.step[i] = own.step[perm[i]];
    }
    return onnx_fold_walk (r, 0, v, walk, &out);
}

static bool read_transpose (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int perm[RANK_MAX];
    if (!v || !permutation (r, v->shape.rank, perm))
        return false;
    if (v->kind != VALUE_TENSOR)
        return transpose_constant (r, v, perm);
    struct shape out;
    if (r->image_channels_last && v == &r->values[r->image]) { /* made as channels, rows, columns already */
        for (int i = 0; i < 4; i++)
            out.dims[i] = v->shape.dims[perm[i]];
        out.rank = 4;
        return onnx_set_alias (r, v, &out);
    }
    int id = onnx_transposed (r, v, perm, onnx_output_name (r, 0), &out);
    return id >= 0 && onnx_set_tensor (r, 0, id, &out);
}

const struct onnx_operator onnx_transpose_operators[] = {
    { "Transpose", 1, 1, 1, read_transpose, "perm:I" },
    { .name = NULL },
};
