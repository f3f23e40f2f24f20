/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_write.h: private: an ONNX file, put together node by node and written at once.
 *
 * All arrays and texts are copied, but for what onnx_writer_room gave. What goes wrong is kept until the file is
 * written. */
#ifndef CONVRELU_ONNX_WRITE_H
#define CONVRELU_ONNX_WRITE_H

#include "engine/engine.h"

#include "onnx.pb-c.h"

struct onnx_writer;

struct onnx_writer *onnx_writer_new (int opset);
void onnx_writer_free (struct onnx_writer *w);

/* Zeroed bytes that live as long as the writer; NULL when memory is short. */
void *onnx_writer_room (struct onnx_writer *w, size_t bytes);
/* A text that lives as long as the writer. */
__attribute__ ((format (printf, 2, 3))) const char *onnx_writer_text (struct onnx_writer *w, const char *format, ...);

/* A constant: `data`, `bytes` of them in the order of the machine, which is little-endian, is not copied and may be
 * NULL where memory was short. */
struct onnx_array {
    int type; /* ONNX's: 1 float, 2 uint8, 3 int8, 6 int32, 7 int64 */
    int rank;
    int64_t dims[4];
    const void *data;
    size_t bytes;
};
void onnx_write_array (struct onnx_writer *w, const char *name, const struct onnx_array *array);
void onnx_write_floats (struct onnx_writer *w, const char *name, const float *numbers, int count);
void onnx_write_ints (struct onnx_writer *w, const char *name, const int64_t *numbers, int count);

/* A node of one output; `inputs` ends with NULL. */
Convrelu__OnnxNode *onnx_write_node (struct onnx_writer *w, const char *operation, const char *const *inputs,
                                     const char *output);
void onnx_write_int_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, int64_t value);
void onnx_write_float_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, float value);
void onnx_write_text_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, const char *text);
void onnx_write_list_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, const int *values,
                                int count);

/* The graph's input or output, of floats. */
void onnx_write_value (struct onnx_writer *w, bool output, const char *name, const int64_t *dims, int rank);
void onnx_write_metadata (struct onnx_writer *w, const char *key, const char *value);

/* Writes it in one go: on failure (false and a filled error) what was there before is there still. */
bool onnx_write_file (struct onnx_writer *w, const char *path, struct error *error);

#endif
