/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* large_network.c: see large_network.h. */
#include "tests/large_network.h"

#include "tests/onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>

static bool finish (struct onnx *o, const char *path)
{
    onnx_finish (o);
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (o->file.data, 1, o->file.size, file) == o->file.size;
    good = file && fclose (file) == 0 && good;
    onnx_free (o);
    return good;
}

bool large_network (const char *path)
{
    enum { CLASSES = 4000000 };
    float *zeros = calloc ((size_t)3 * CLASSES, sizeof *zeros);
    struct onnx o = onnx_new (13);
    if (!zeros)
        return false;
    onnx_input (&o, "pixels", "1 3 32 32");
    onnx_floats (&o, "weights", "4000000 3 1 1", zeros);
    onnx_floats (&o, "bias", "4000000", zeros);
    onnx_node (&o, "GlobalAveragePool", "pixels", "mean", "");
    onnx_node (&o, "Conv", "mean weights bias", "scores", "");
    onnx_output (&o, "scores", "1 4000000 1 1");
    free (zeros);
    return finish (&o, path);
}

bool plain_network (const char *path)
{
    static float weights[16 * 16 * 9];
    uint32_t state = 1;
    struct onnx o = onnx_new (13);
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        weights[i] = (float)((state = state * 1664525 + 1013904223) >> 8) / (1 << 24) - 0.5f;
    onnx_input (&o, "x", "1 3 8 8");
    onnx_floats (&o, "w", "16 3 3 3", weights);
    onnx_floats (&o, "v", "16 16 3 3", weights);
    onnx_node (&o, "Conv", "x w", "b", "pads=1,1,1,1");
    onnx_node (&o, "Relu", "b", "r", "");
    onnx_node (&o, "Conv", "r v", "c", "pads=1,1,1,1");
    onnx_node (&o, "ReduceMean", "c", "y", "axes=2,3 keepdims=0");
    onnx_output (&o, "y", "1 16");
    return finish (&o, path);
}
