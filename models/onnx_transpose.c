/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_transpose.c: Transpose: the axes of a constant or a tensor in another order. */
#include "models/onnx_reader.h"

#include <string.h>

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
    struct value *v = onnx_input_deferred (r, 0);
    int perm[RANK_MAX];
    if (!v || !permutation (r, v->shape.rank, perm))
        return false;
    if (v->kind != VALUE_TENSOR)
        return transpose_constant (r, v, perm);
    struct value in = *v;
    struct shape out;
    if (v->deferred == DEFERRED_CHANNELS_LAST) { /* two changes of order are one */
        in.shape = v->stored;
        in.deferred = DEFERRED_NOTHING;
        for (int i = 0; i < 4; i++)
            perm[i] = onnx_channels_last[perm[i]];
    } else if (!onnx_settle (r, v))
        return false;
    else
        in = *v;
    if (in.shape.rank == 4 && in.shape.dims[0] == 1 && !memcmp (perm, onnx_channels_last, sizeof onnx_channels_last)) {
        bool good = onnx_set_alias (r, &in, &in.shape);
        onnx_set_channels_last (r, 0);
        return good;
    }
    int id = onnx_transposed (r, &in, perm, onnx_output_name (r, 0), &out);
    return id >= 0 && onnx_set_tensor (r, 0, id, &out);
}

const struct onnx_operator onnx_transpose_operators[] = {
    { "Transpose", 1, 1, 1, read_transpose, "perm:I" },
    { .name = NULL },
};
