/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_normalise.c: normalisations. */
#include "models/onnx_reader.h"

static bool read_batch_norm (struct reader *r)
{
    struct value *x = onnx_input_tensor (r, 0);
    if (!x)
        return false;
    if (x->shape.rank < 2 || x->shape.dims[0] != 1)
        return onnx_fail (r, "its input has %d dimensions or is not one image", x->shape.rank);
    if (onnx_attribute_int (r, "training_mode", 0) || !onnx_attribute_int (r, "spatial", 1))
        return onnx_fail (r, "training mode and spatial = 0 are not supported");
    int64_t channels = x->shape.dims[1];
    const float *numbers[4]; /* scale, shift, mean, variance: [channels] each */
    for (int i = 0; i < 4; i++) {
        if (!(numbers[i] = onnx_input_floats (r, i + 1, channels)))
            return false;
    }
    int in = onnx_view_before (r, x, 2);
    return in >= 0 &&
           onnx_set_tensor (r, 0,
                            graph_batch_norm (r->graph, onnx_output_name (r, 0), in, numbers[0], numbers[1], numbers[2],
                                              numbers[3], onnx_attribute_float (r, "epsilon", 1e-5f)),
                            &x->shape);
}

const struct onnx_operator onnx_normalise_operators[] = {
    { "BatchNormalization", 5, 5, 1, read_batch_norm, "epsilon:f momentum:f spatial:i training_mode:i" },
    { .name = NULL },
};
