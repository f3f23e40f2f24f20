/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ssd_network.c: see ssd_network.h. */
#include "ssd_network.h"

#include "onnx_writer.h"

#include <stdio.h>

enum { BYTES = 2 /* TensorProto.UINT8 */ };

bool write_ssd_network (const char *path, int width, int height, const struct ssd_found *found)
{
    static const float count = SSD_BOXES;
    char shape[64];
    struct onnx o = onnx_new (13);
    snprintf (shape, sizeof shape, "1 %d %d 3", height, width);
    onnx_input_of (&o, "picture", BYTES, shape);
    onnx_floats (&o, "b", "1 3 4", found->box[0]);
    onnx_floats (&o, "s", "1 3", found->score);
    onnx_floats (&o, "c", "1 3", found->class);
    onnx_floats (&o, "n", "1", &count);
    onnx_node (&o, "Identity", "b", "detection_boxes", NULL);
    onnx_node (&o, "Identity", "s", "detection_scores", NULL);
    onnx_node (&o, "Identity", "c", "detection_classes", NULL);
    onnx_node (&o, "Identity", "n", "num_detections", NULL);
    onnx_output (&o, "detection_boxes", "1 3 4");
    onnx_output (&o, "detection_scores", "1 3");
    onnx_output (&o, "detection_classes", "1 3");
    onnx_output (&o, "num_detections", "1");
    onnx_finish (&o);
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (o.file.data, 1, o.file.size, file) == o.file.size;
    good = file && fclose (file) == 0 && good;
    onnx_free (&o);
    return good;
}
