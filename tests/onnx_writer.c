/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_writer.c: writes small ONNX files for tests. Field numbers are those of the ONNX specification (onnx.proto). */
#include "tests/onnx_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- protobuf ------------------------------------------------------------------------------------------------ */

void put_bytes (struct message *to, const void *data, size_t size)
{
    if (to->size + size > to->capacity) {
        to->capacity = 2 * (to->size + size) + 64;
        to->data = realloc (to->data, to->capacity);
        if (!to->data) {
            fprintf (stderr, "no memory for %zu bytes\n", to->capacity);
            exit (EXIT_FAILURE);
        }
    }
    if (size)
        memcpy (to->data + to->size, data, size);
    to->size += size;
}

void put_varint (struct message *to, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)(value >= 0x80 ? value | 0x80 : value);
        put_bytes (to, &byte, 1);
        value >>= 7;
    } while (value);
}

void put_int (struct message *to, int field, int64_t value)
{
    put_varint (to, (uint64_t)field << 3);
    put_varint (to, (uint64_t)value);
}

void put_float (struct message *to, int field, float value)
{
    put_varint (to, (uint64_t)field << 3 | 5);
    put_bytes (to, &value, sizeof value); /* little-endian, as every machine the tests run on */
}

void put_block (struct message *to, int field, const void *data, size_t size)
{
    put_varint (to, (uint64_t)field << 3 | 2);
    put_varint (to, size);
    put_bytes (to, data, size);
}

void put_text (struct message *to, int field, const char *text)
{
    put_block (to, field, text, strlen (text));
}

void put_message (struct message *to, int field, struct message *from)
{
    put_block (to, field, from->data, from->size);
    free (from->data);
    *from = (struct message) { 0 };
}

/* ---- ONNX ---------------------------------------------------------------------------------------------------- */

/* The next word of *at, cut off; NULL at the end. */
static char *next_word (char **at)
{
    char *word;
    do
        word = strsep (at, " ");
    while (word && !*word);
    return word;
}

struct onnx onnx_new (int64_t opset)
{
    return (struct onnx) { .opset = opset, .ir_version = 8 };
}

void onnx_free (struct onnx *o)
{
    free (o->graph.data);
    free (o->file.data);
    *o = (struct onnx) { 0 };
}

/* ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } } }. */
static void put_value (struct onnx *o, int field, const char *name, int element, const char *dims)
{
    struct message shape = { 0 }, tensor = { 0 }, type = { 0 }, value = { 0 };
    char *copy = strdup (dims), *at = copy;
    for (char *word; (word = next_word (&at));) {
        struct message dim = { 0 };
        if (*word == '?')
            put_text (&dim, 2, "open");
        else
            put_int (&dim, 1, strtoll (word, NULL, 10));
        put_message (&shape, 1, &dim);
    }
    put_int (&tensor, 1, element);
    put_message (&tensor, 2, &shape);
    put_message (&type, 1, &tensor);
    put_text (&value, 1, name);
    put_message (&value, 2, &type);
    put_message (&o->graph, field, &value);
    free (copy);
}

void onnx_input_of (struct onnx *o, const char *name, int type, const char *dims)
{
    put_value (o, 11, name, type, dims);
}

void onnx_input (struct onnx *o, const char *name, const char *dims)
{
    put_value (o, 11, name, 1, dims);
}

void onnx_output (struct onnx *o, const char *name, const char *dims)
{
    put_value (o, 12, name, 1, dims);
}

/* AttributeProto: name 1, f 2, i 3, s 4, floats 7, ints 8, type 20 (1 f, 2 i, 3 s, 6 floats, 7 ints). */
static void put_attribute (struct message *node, char *text)
{
    struct message a = { 0 };
    char *value = strchr (text, '=');
    *value++ = 0;
    put_text (&a, 1, text);
    char *end, *comma = strchr (value, ',');
    bool number = value[0] && strchr ("0123456789-", value[0]) != NULL;
    if (number && comma) {
        bool floats = comma[-1] == 'f';
        for (char *item; (item = strsep (&value, ","));) {
            if (*item && floats)
                put_float (&a, 7, strtof (item, NULL));
            else if (*item)
                put_int (&a, 8, strtoll (item, NULL, 10));
        }
        put_int (&a, 20, floats ? 6 : 7);
    } else if (number && value[strlen (value) - 1] == 'f') {
        put_float (&a, 2, strtof (value, &end));
        put_int (&a, 20, 1);
    } else if (number) {
        put_int (&a, 3, strtoll (value, NULL, 10));
        put_int (&a, 20, 2);
    } else {
        put_text (&a, 4, value);
        put_int (&a, 20, 3);
    }
    put_message (node, 5, &a);
}

/* NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
void onnx_node (struct onnx *o, const char *operation, const char *inputs, const char *outputs, const char *attributes)
{
    struct message node = { 0 };
    const char *const lists[2] = { inputs, outputs };
    char name[64] = "node";
    for (int i = 0; i < 2; i++) {
        char *copy = strdup (lists[i]), *at = copy;
        for (char *word; (word = next_word (&at));) {
            put_text (&node, i + 1, strcmp (word, "-") ? word : "");
            if (i)
                snprintf (name, sizeof name, "node_%s", word);
        }
        free (copy);
    }
    put_text (&node, 3, name);
    put_text (&node, 4, operation);
    if (o->domain)
        put_text (&node, 7, o->domain);
    char *copy = strdup (attributes ? attributes : ""), *at = copy;
    for (char *word; (word = next_word (&at));)
        put_attribute (&node, word);
    free (copy);
    put_message (&o->graph, 1, &node);
}

void onnx_lines (struct onnx *o, const struct line *lines)
{
    for (; lines->operation; lines++)
        onnx_node (o, lines->operation, lines->inputs, lines->output, lines->attributes);
}

/* TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
struct message tensor_message (const char *name, int type, const char *dims, const void *raw, size_t raw_size)
{
    struct message tensor = { 0 };
    char *copy = strdup (dims), *at = copy;
    for (char *word; (word = next_word (&at));)
        put_int (&tensor, 1, strtoll (word, NULL, 10));
    free (copy);
    put_int (&tensor, 2, type);
    put_text (&tensor, 8, name);
    put_block (&tensor, 9, raw, raw_size);
    return tensor;
}

void onnx_floats (struct onnx *o, const char *name, const char *dims, const float *numbers)
{
    size_t count = 1;
    char *copy = strdup (dims), *at = copy;
    for (char *word; (word = next_word (&at));)
        count *= (size_t)strtoull (word, NULL, 10);
    free (copy);
    struct message tensor = tensor_message (name, 1, dims, numbers, count * sizeof *numbers);
    put_message (&o->graph, 5, &tensor);
}

void onnx_number (struct onnx *o, const char *name, float number)
{
    onnx_floats (o, name, "", &number);
}

void onnx_ints (struct onnx *o, const char *name, const char *numbers)
{
    int64_t list[64];
    size_t count = 0;
    char *copy = strdup (numbers), *at = copy, dims[16];
    for (char *word; (word = next_word (&at)) && count < 64;)
        list[count++] = strtoll (word, NULL, 10);
    free (copy);
    snprintf (dims, sizeof dims, "%zu", count);
    struct message tensor = tensor_message (name, 7, dims, list, count * sizeof list[0]);
    put_message (&o->graph, 5, &tensor);
}

void onnx_constant_in_pieces (struct onnx *o, const char *name, int rank, int pieces)
{
    struct message node = { 0 }, attribute = { 0 }, tensor = { 0 }, dims = { 0 };
    for (int i = 0; i < rank; i++)
        put_varint (&dims, 1);
    put_block (&tensor, 1, dims.data, dims.size);
    put_int (&tensor, 2, 1);
    put_block (&tensor, 9, "\0\0\0\0", 4);
    free (dims.data);
    put_text (&attribute, 1, "value");
    put_message (&attribute, 5, &tensor);
    for (int i = 0; i < pieces; i++)
        put_block (&attribute, 5, "\x08\x01", 2);
    put_int (&attribute, 20, 4);
    put_text (&node, 2, name);
    put_text (&node, 4, "Constant");
    put_message (&node, 5, &attribute);
    put_message (&o->graph, 1, &node);
}

/* ModelProto: ir_version 1, graph 7, opset_import 8 { domain 1, version 2 }. */
void onnx_finish (struct onnx *o)
{
    struct message opset = { 0 };
    o->file.size = 0;
    put_text (&opset, 1, "");
    put_int (&opset, 2, o->opset);
    put_int (&o->file, 1, o->ir_version);
    put_block (&o->file, 7, o->graph.data, o->graph.size);
    put_message (&o->file, 8, &opset);
}
