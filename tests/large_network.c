/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* large_network.c: see large_network.h. */
#include "tests/large_network.h"

#include "tests/onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>

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
    onnx_finish (&o);
    free (zeros);
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (o.file.data, 1, o.file.size, file) == o.file.size;
    good = file && fclose (file) == 0 && good;
    onnx_free (&o);
    return good;
}
