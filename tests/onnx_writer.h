/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_writer.h: writes small ONNX files for tests, from short texts.
 *
 *   struct onnx o = onnx_new (13);                                         opset 13
 *   onnx_input (&o, "x", "1 3 8 8");                                       "? 3 8 8": the batch left open
 *   onnx_floats (&o, "w", "4 3 3 3", weights);
 *   onnx_node (&o, "Conv", "x w", "y", "pads=1,1,1,1 strides=2,2 auto_pad=NOTSET");
 *   onnx_output (&o, "y", "1 4 4 4");
 *   onnx_finish (&o);                                                      o.file.data, o.file.size
 *   onnx_free (&o);
 *
 * Attributes: 5 is an integer, 0.5f a float, 1,2 integers (a single one: 1,), anything else a string. Memory that runs
 * out ends the program. Written by hand against the protobuf and ONNX specifications: it shares nothing with the
 * reader. */
#ifndef CONVRELU_ONNX_WRITER_H
#define CONVRELU_ONNX_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A protobuf message being written. */
struct message {
    uint8_t *data;
    size_t size, capacity;
};

void put_bytes (struct message *to, const void *data, size_t size);
void put_varint (struct message *to, uint64_t value);
void put_int (struct message *to, int field, int64_t value);
void put_float (struct message *to, int field, float value);
void put_block (struct message *to, int field, const void *data, size_t size);
void put_text (struct message *to, int field, const char *text);
void put_message (struct message *to, int field, struct message *from); /* frees it */

struct onnx {
    const char *domain; /* of the nodes written next, or NULL */
    struct message graph, file;
    int64_t opset, ir_version;
};

struct onnx onnx_new (int64_t opset);
void onnx_free (struct onnx *o);
void onnx_input (struct onnx *o, const char *name, const char *dims);
void onnx_input_of (struct onnx *o, const char *name, int type, const char *dims); /* of a TensorProto.DataType */
void onnx_output (struct onnx *o, const char *name, const char *dims);
/* inputs and outputs: names between blanks; "-" is an empty name. attributes may be NULL. */
void onnx_node (struct onnx *o, const char *operation, const char *inputs, const char *outputs, const char *attributes);
/* A node in a table, and all of them up to one without an operation. */
struct line {
    const char *operation, *inputs, *output, *attributes;
};
void onnx_lines (struct onnx *o, const struct line *lines);
/* An initializer of 32-bit floats; "" as dims: a single number. */
void onnx_floats (struct onnx *o, const char *name, const char *dims, const float *numbers);
void onnx_number (struct onnx *o, const char *name, float number);
/* A list of 64-bit integers, "1 -1 64". */
void onnx_ints (struct onnx *o, const char *name, const char *numbers);
/* A Constant whose tensor has `rank` dimensions of 1 and then comes in so many more pieces, which are merged. */
void onnx_constant_in_pieces (struct onnx *o, const char *name, int rank, int pieces);
/* The whole file from what there is so far. */
void onnx_finish (struct onnx *o);

/* A TensorProto with its numbers as raw bytes. */
struct message tensor_message (const char *name, int type, const char *dims, const void *raw, size_t raw_size);

#endif
