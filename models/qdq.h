/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qdq.h: a network and its ranges -> a standard ONNX file of 8 bits (QDQ), which ONNX Runtime and others run with
 * integers, and which our reader reads again. */
#ifndef CONVRELU_QDQ_H
#define CONVRELU_QDQ_H

#include "engine/ranges.h"
#include "models/model.h"

/* What a file written so holds. */
struct qdq_file {
    int opset;
    int tensors; /* with 8 bits */
    int layers;  /* convolutions and fully connected ones: their weights have 8 bits */
};

/* Writes it in one go: on failure what was there before is there still. The scheme:
 *   - batch norm behind a convolution goes into its weights;
 *   - weights are int8, -127 .. 127, with a scale for each output channel; biases int32 in steps of both scales;
 *   - tensors are uint8 over their range, but for those of no range, those that an activation which only clips reads
 *     (the range clips for it), and the last map before the vector of scores with all behind it, which stay float:
 *     ranges seen in few pictures would cut the surest answers;
 *   - what only moves numbers keeps its input's scale.
 * Class names go into the file's metadata as "labels", a list of JSON. False and a filled error: the network is
 * quantised already, has an operator that ONNX has not, or weights that are no numbers or too large, its weights were
 * dropped, memory is short, or the file cannot be written. */
bool qdq_write (const struct model *model, const struct ranges *ranges, const char *path, struct qdq_file *file,
                struct error *error);

#endif
