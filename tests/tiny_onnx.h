/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tiny_onnx.h: writes a small ONNX file, byte by byte, for tests that must not depend on shared data.
 *
 * The network tells the mean colour of what it is shown:
 *
 *     "pixels" [1][channels][side][side] -> Conv 1x1 "mix" -> GlobalAveragePool "mean" -> Flatten "scores" [1][classes]
 *     score (k) = bias[k] + sum over c of weight[k][c] * mean of channel c
 *
 * and one operation more, "end", where a test wants one behind the scores.
 */
#ifndef CONVRELU_TINY_ONNX_H
#define CONVRELU_TINY_ONNX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A protobuf message being written; more than fits is a mistake in the test and shows as a broken file. */
struct bytes {
    uint8_t data[4096];
    size_t size;
};

static void put_byte (struct bytes *to, uint8_t byte)
{
    if (to->size < sizeof to->data)
        to->data[to->size++] = byte;
}

static void put_varint (struct bytes *to, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_byte (to, (uint8_t)(value | 0x80));
    put_byte (to, (uint8_t)value);
}

static void put_int (struct bytes *to, int field, uint64_t value)
{
    put_varint (to, (uint64_t)field << 3 | 0);
    put_varint (to, value);
}

static void put_block (struct bytes *to, int field, const void *data, size_t size)
{
    put_varint (to, (uint64_t)field << 3 | 2);
    put_varint (to, size);
    for (size_t i = 0; i < size; i++)
        put_byte (to, ((const uint8_t *)data)[i]);
}

static void put_text (struct bytes *to, int field, const char *text)
{
    put_block (to, field, text, strlen (text));
}

static void put_message (struct bytes *to, int field, const struct bytes *message)
{
    put_block (to, field, message->data, message->size);
}

/* NodeProto: input 1, output 2, name 3, op_type 4. `inputs` ends with NULL. */
static void put_node (struct bytes *graph, const char *operation, const char *const *inputs, const char *output)
{
    struct bytes node = { .size = 0 };
    for (; *inputs; inputs++)
        put_text (&node, 1, *inputs);
    put_text (&node, 2, output);
    put_text (&node, 3, output);
    put_text (&node, 4, operation);
    put_message (graph, 1, &node);
}

/* TensorProto: dims 1, data_type 2 (1: float), name 8, raw_data 9. */
static void put_tensor (struct bytes *graph, const char *name, const uint64_t *dims, int rank, const float *values,
                        size_t count)
{
    struct bytes tensor = { .size = 0 };
    for (int i = 0; i < rank; i++)
        put_int (&tensor, 1, dims[i]);
    put_int (&tensor, 2, 1);
    put_text (&tensor, 8, name);
    put_block (&tensor, 9, values, count * sizeof *values); /* little-endian, as every machine we run on */
    put_message (graph, 5, &tensor);
}

/* ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1 } } } }. */
static void put_value (struct bytes *graph, int field, const char *name, const uint64_t *dims, int rank)
{
    struct bytes shape = { .size = 0 }, tensor = { .size = 0 }, type = { .size = 0 }, value = { .size = 0 };
    for (int i = 0; i < rank; i++) {
        struct bytes dim = { .size = 0 };
        put_int (&dim, 1, dims[i]);
        put_message (&shape, 1, &dim);
    }
    put_int (&tensor, 1, 1);
    put_message (&tensor, 2, &shape);
    put_message (&type, 1, &tensor);
    put_text (&value, 1, name);
    put_message (&value, 2, &type);
    put_message (graph, field, &value);
}

/* ModelProto: ir_version 1, graph 7, opset_import 8 { domain 1, version 2 }. */
static void put_model (struct bytes *model, const struct bytes *graph)
{
    struct bytes opset = { .size = 0 };
    put_text (&opset, 1, "");
    put_int (&opset, 2, 13);
    model->size = 0;
    put_int (model, 1, 8);
    put_message (model, 7, graph);
    put_message (model, 8, &opset);
}

/* A model of the mean colour. weights [classes][channels]. end: NULL, the operation behind the scores, or "" where the
 * output is to be the map in front of the mean. */
static void tiny_onnx_of (struct bytes *model, int channels, int side, int classes, const float *weights,
                          const float *bias, const char *end)
{
    struct bytes graph = { .size = 0 };
    uint64_t count = (uint64_t)classes, depth = (uint64_t)channels, length = (uint64_t)side;
    put_node (&graph, "Conv", (const char *const[]) { "pixels", "weights", "bias", NULL }, "mix");
    put_node (&graph, "GlobalAveragePool", (const char *const[]) { "mix", NULL }, "mean");
    put_node (&graph, "Flatten", (const char *const[]) { "mean", NULL }, "scores");
    if (end && *end)
        put_node (&graph, end, (const char *const[]) { "scores", NULL }, "end");
    put_text (&graph, 2, "mean colour");
    put_tensor (&graph, "weights", (uint64_t[]) { count, depth, 1, 1 }, 4, weights, (size_t)classes * depth);
    put_tensor (&graph, "bias", &count, 1, bias, (size_t)classes);
    put_value (&graph, 11, "pixels", (uint64_t[]) { 1, depth, length, length }, 4);
    put_value (&graph, 12, !end ? "scores" : *end ? "end" : "mix", (uint64_t[]) { 1, count }, 2);
    put_model (model, &graph);
}

__attribute__ ((unused)) static void tiny_onnx (struct bytes *model, int side, int classes, const float *weights,
                                                const float *bias, const char *end)
{
    tiny_onnx_of (model, 3, side, classes, weights, bias, end);
}

static bool write_file (const char *path, const void *data, size_t size)
{
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (data, 1, size, file) == size;
    return file && fclose (file) == 0 && good;
}

#endif
