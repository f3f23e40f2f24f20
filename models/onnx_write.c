/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_write.c: nodes and constants -> the bytes of an ONNX file, packed by protobuf-c over our schema (onnx.proto). */
#include "models/onnx_write.h"

#include "models/report.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { IR_VERSION = 8, ATTRIBUTE_FLOAT = 1, ATTRIBUTE_INT = 2, ATTRIBUTE_TEXT = 3, ATTRIBUTE_LIST = 7 };
enum { TYPE_FLOAT = 1, TYPE_INT64 = 7 };

struct onnx_writer {
    int opset;
    GPtrArray *blocks; /* everything below that is freed with the writer */
    GPtrArray *nodes, *arrays, *inputs, *outputs, *entries;
    bool short_of_memory;
};

struct onnx_writer *onnx_writer_new (int opset)
{
    struct onnx_writer *w = g_new0 (struct onnx_writer, 1);
    w->opset = opset;
    w->blocks = g_ptr_array_new_with_free_func (g_free);
    w->nodes = g_ptr_array_new ();
    w->arrays = g_ptr_array_new ();
    w->inputs = g_ptr_array_new ();
    w->outputs = g_ptr_array_new ();
    w->entries = g_ptr_array_new ();
    return w;
}

void onnx_writer_free (struct onnx_writer *w)
{
    g_ptr_array_unref (w->nodes);
    g_ptr_array_unref (w->arrays);
    g_ptr_array_unref (w->inputs);
    g_ptr_array_unref (w->outputs);
    g_ptr_array_unref (w->entries);
    g_ptr_array_unref (w->blocks);
    g_free (w);
}

void *onnx_writer_room (struct onnx_writer *w, size_t bytes)
{
    void *block = g_try_malloc0 (bytes ? bytes : 1);
    if (block)
        g_ptr_array_add (w->blocks, block);
    else
        w->short_of_memory = true;
    return block;
}

const char *onnx_writer_text (struct onnx_writer *w, const char *format, ...)
{
    va_list list;
    va_start (list, format);
    char *text = g_strdup_vprintf (format, list);
    va_end (list);
    g_ptr_array_add (w->blocks, text);
    return text;
}

/* A zeroed array of small things. */
static void *small (struct onnx_writer *w, size_t count, size_t size)
{
    void *block = g_malloc0 (count * size + 1);
    g_ptr_array_add (w->blocks, block);
    return block;
}

static char *text_of (struct onnx_writer *w, const char *text)
{
    return (char *)onnx_writer_text (w, "%s", text);
}

/* ---- constants --------------------------------------------------------------------------------------------------- */

void onnx_write_array (struct onnx_writer *w, const char *name, const struct onnx_array *array)
{
    Convrelu__OnnxTensor *tensor = small (w, 1, sizeof *tensor);
    convrelu__onnx_tensor__init (tensor);
    tensor->name = text_of (w, name);
    tensor->has_data_type = tensor->has_raw_data = 1;
    tensor->data_type = array->type;
    tensor->n_dims = (size_t)array->rank;
    tensor->dims = small (w, (size_t)array->rank, sizeof *tensor->dims);
    memcpy (tensor->dims, array->dims, (size_t)array->rank * sizeof *tensor->dims);
    tensor->raw_data = (ProtobufCBinaryData) { array->data ? array->bytes : 0, (uint8_t *)array->data };
    w->short_of_memory |= !array->data;
    g_ptr_array_add (w->arrays, tensor);
}

static void write_list (struct onnx_writer *w, const char *name, int type, const void *numbers, int count, size_t size)
{
    void *copy = onnx_writer_room (w, (size_t)count * size);
    if (copy)
        memcpy (copy, numbers, (size_t)count * size);
    onnx_write_array (w, name, &(struct onnx_array) { type, 1, { count }, copy, (size_t)count * size });
}

void onnx_write_floats (struct onnx_writer *w, const char *name, const float *numbers, int count)
{
    write_list (w, name, TYPE_FLOAT, numbers, count, sizeof *numbers);
}

void onnx_write_ints (struct onnx_writer *w, const char *name, const int64_t *numbers, int count)
{
    write_list (w, name, TYPE_INT64, numbers, count, sizeof *numbers);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

Convrelu__OnnxNode *onnx_write_node (struct onnx_writer *w, const char *operation, const char *const *inputs,
                                     const char *output)
{
    Convrelu__OnnxNode *node = small (w, 1, sizeof *node);
    convrelu__onnx_node__init (node);
    while (inputs[node->n_input])
        node->n_input++;
    node->input = small (w, node->n_input, sizeof *node->input);
    for (size_t i = 0; i < node->n_input; i++)
        node->input[i] = text_of (w, inputs[i]);
    node->n_output = 1;
    node->output = small (w, 1, sizeof *node->output);
    node->output[0] = text_of (w, output);
    node->name = node->output[0];
    node->op_type = text_of (w, operation);
    g_ptr_array_add (w->nodes, node);
    return node;
}

static Convrelu__OnnxAttribute *add_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name,
                                               int type)
{
    Convrelu__OnnxAttribute *attribute = small (w, 1, sizeof *attribute);
    Convrelu__OnnxAttribute **list = small (w, node->n_attribute + 1, sizeof (void *));
    convrelu__onnx_attribute__init (attribute);
    attribute->name = text_of (w, name);
    attribute->has_type = 1;
    attribute->type = type;
    for (size_t i = 0; i < node->n_attribute; i++)
        list[i] = node->attribute[i];
    list[node->n_attribute++] = attribute;
    node->attribute = list;
    return attribute;
}

void onnx_write_int_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, int64_t value)
{
    Convrelu__OnnxAttribute *attribute = add_attribute (w, node, name, ATTRIBUTE_INT);
    attribute->has_i = 1;
    attribute->i = value;
}

void onnx_write_float_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, float value)
{
    Convrelu__OnnxAttribute *attribute = add_attribute (w, node, name, ATTRIBUTE_FLOAT);
    attribute->has_f = 1;
    attribute->f = value;
}

void onnx_write_text_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, const char *text)
{
    Convrelu__OnnxAttribute *attribute = add_attribute (w, node, name, ATTRIBUTE_TEXT);
    attribute->has_s = 1;
    attribute->s = (ProtobufCBinaryData) { strlen (text), (uint8_t *)text_of (w, text) };
}

void onnx_write_list_attribute (struct onnx_writer *w, Convrelu__OnnxNode *node, const char *name, const int *values,
                                int count)
{
    Convrelu__OnnxAttribute *attribute = add_attribute (w, node, name, ATTRIBUTE_LIST);
    attribute->n_ints = (size_t)count;
    attribute->ints = small (w, (size_t)count, sizeof *attribute->ints);
    for (int i = 0; i < count; i++)
        attribute->ints[i] = values[i];
}

/* ---- the rest of the file ---------------------------------------------------------------------------------------- */

void onnx_write_value (struct onnx_writer *w, bool output, const char *name, const int64_t *dims, int rank)
{
    Convrelu__OnnxValueInfo *info = small (w, 1, sizeof *info);
    Convrelu__OnnxType *type = small (w, 1, sizeof *type);
    Convrelu__OnnxTensorType *tensor = small (w, 1, sizeof *tensor);
    Convrelu__OnnxShape *shape = small (w, 1, sizeof *shape);
    convrelu__onnx_value_info__init (info);
    convrelu__onnx_type__init (type);
    convrelu__onnx_tensor_type__init (tensor);
    convrelu__onnx_shape__init (shape);
    info->name = text_of (w, name);
    info->type = type;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = TYPE_FLOAT;
    tensor->shape = shape;
    shape->n_dim = (size_t)rank;
    shape->dim = small (w, (size_t)rank, sizeof *shape->dim);
    for (int i = 0; i < rank; i++) {
        shape->dim[i] = small (w, 1, sizeof **shape->dim);
        convrelu__onnx_dimension__init (shape->dim[i]);
        shape->dim[i]->has_value = 1;
        shape->dim[i]->value = dims[i];
    }
    g_ptr_array_add (output ? w->outputs : w->inputs, info);
}

void onnx_write_metadata (struct onnx_writer *w, const char *key, const char *value)
{
    Convrelu__OnnxEntry *entry = small (w, 1, sizeof *entry);
    convrelu__onnx_entry__init (entry);
    entry->key = text_of (w, key);
    entry->value = text_of (w, value);
    g_ptr_array_add (w->entries, entry);
}

static bool write_bytes (const Convrelu__OnnxModel *model, const char *path, struct error *error)
{
    size_t size = convrelu__onnx_model__get_packed_size (model);
    if (size > (size_t)INT32_MAX)
        return report (error, "%s: would be of %zu bytes; an ONNX file is at most of 2 GiB", report_path (path), size);
    uint8_t *bytes = g_try_malloc (size);
    GError *failure = NULL;
    if (!bytes)
        return report (error, "%s: no memory for %zu bytes", report_path (path), size);
    convrelu__onnx_model__pack (model, bytes);
    bool good = g_file_set_contents (path, (const char *)bytes, (gssize)size, &failure);
    if (!good)
        report (error, "%s: cannot be written: %s", report_path (path), failure->message);
    g_clear_error (&failure);
    g_free (bytes);
    return good;
}

bool onnx_write_file (struct onnx_writer *w, const char *path, struct error *error)
{
    Convrelu__OnnxModel model;
    Convrelu__OnnxGraph graph;
    Convrelu__OnnxOperatorSet set, *sets[1] = { &set };
    convrelu__onnx_model__init (&model);
    convrelu__onnx_graph__init (&graph);
    convrelu__onnx_operator_set__init (&set);
    if (w->short_of_memory)
        return report (error, "%s: no memory for its numbers", report_path (path));
    set.domain = (char *)"";
    set.has_version = 1;
    set.version = w->opset;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.graph = &graph;
    model.n_opset_import = 1;
    model.opset_import = sets;
    model.n_metadata_props = w->entries->len;
    model.metadata_props = (Convrelu__OnnxEntry **)w->entries->pdata;
    graph.name = (char *)"quantised";
    graph.n_node = w->nodes->len;
    graph.node = (Convrelu__OnnxNode **)w->nodes->pdata;
    graph.n_initializer = w->arrays->len;
    graph.initializer = (Convrelu__OnnxTensor **)w->arrays->pdata;
    graph.n_input = w->inputs->len;
    graph.input = (Convrelu__OnnxValueInfo **)w->inputs->pdata;
    graph.n_output = w->outputs->len;
    graph.output = (Convrelu__OnnxValueInfo **)w->outputs->pdata;
    return write_bytes (&model, path, error);
}
