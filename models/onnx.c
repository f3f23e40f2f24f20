/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx.c: the bytes of an ONNX file -> a graph.
 *
 * Takes the file apart with protobuf-c over our own schema (onnx.proto), checks what stands at its head, and reads node
 * after node in file order, which ONNX prescribes to be an order of execution. How the parts of the reader divide the
 * work is in onnx_reader.h. */
#include "models/onnx.h"

#include "engine/memory.h"
#include "engine/work.h"
#include "models/onnx_reader.h"
#include "models/onnx_scan.h"
#include "models/report.h"

#include <stdlib.h>
#include <string.h>

enum { OPSET_MIN = 1, OPSET_MAX = 25, SIZE_LEFT_OPEN = 224 };

#define MIB (UINT64_C (1) << 20)

/* ---- unpacking ----------------------------------------------------------------------------------------------- */

/* Memory for the unpacked form, counted: two bytes of file can ask for a record of two hundred. */
struct budget {
    uint64_t left;
    bool exceeded;
};

struct counted {
    uint64_t size;
    max_align_t data[];
};

static void *budget_alloc (void *data, size_t size)
{
    struct budget *budget = data;
    uint64_t whole = (uint64_t)size + sizeof (struct counted);
    bool may = whole <= budget->left && work_spend (0);
    struct counted *block = !may ? NULL : whole >= MEMORY_LARGE ? memory_new (whole) : malloc (whole);
    if (!block) {
        budget->exceeded = true;
        return NULL;
    }
    budget->left -= whole;
    block->size = whole;
    return block->data;
}

static void budget_free (void *data, void *pointer)
{
    struct budget *budget = data;
    if (!pointer)
        return;
    struct counted *block = (struct counted *)((char *)pointer - offsetof (struct counted, data));
    budget->left += block->size;
    if (block->size >= MEMORY_LARGE)
        memory_free (block, block->size);
    else
        free (block);
}

/* ---- the head of the file ------------------------------------------------------------------------------------ */

static bool check_opset (struct reader *r, const Convrelu__OnnxModel *model)
{
    bool found = false;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const Convrelu__OnnxOperatorSet *set = model->opset_import[i];
        if (set->domain && *set->domain && strcmp (set->domain, "ai.onnx"))
            continue;
        if (found && set->version != r->opset)
            return onnx_fail (r, "names two opsets, %lld and %lld", (long long)r->opset, (long long)set->version);
        r->opset = set->version;
        found = true;
    }
    if (!found)
        return onnx_fail (r, "names no opset of the ONNX operators");
    if (r->opset < OPSET_MIN || r->opset > OPSET_MAX)
        return onnx_fail (r, "is for opset %lld, supported are %d to %d", (long long)r->opset, OPSET_MIN, OPSET_MAX);
    return true;
}

static bool check_head (struct reader *r, const Convrelu__OnnxModel *model)
{
    if (!model->has_ir_version || model->ir_version < 1)
        return onnx_fail (r, "is not an ONNX model: it has no IR version");
    if (!model->graph)
        return onnx_fail (r, "has no graph");
    if (!check_opset (r, model))
        return false;
    if (model->graph->n_sparse_initializer)
        return onnx_fail (r, "has %zu sparse initializers, which are not supported",
                          model->graph->n_sparse_initializer);
    if (!model->graph->n_node)
        return onnx_fail (r, "has no nodes");
    if (!model->graph->n_output)
        return onnx_fail (r, "has no outputs");
    return true;
}

/* Class names, as several exporters keep them. */
static const char *label_metadata (const Convrelu__OnnxModel *model)
{
    static const char *const keys[] = { "labels", "names", "classes", "class_names" };
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        for (size_t i = 0; i < model->n_metadata_props; i++) {
            const Convrelu__OnnxEntry *entry = model->metadata_props[i];
            if (entry->key && entry->value && !strcmp (entry->key, keys[k]))
                return entry->value;
        }
    }
    return NULL;
}

/* ---- the image ----------------------------------------------------------------------------------------------- */

static const Convrelu__OnnxValueInfo *image_info (const struct reader *r)
{
    for (size_t i = 0; i < r->file->n_input; i++) {
        if (r->slots[r->file->n_initializer + i] == r->image)
            return r->file->input[i];
    }
    return NULL; /* not reached: onnx_index found it there */
}

/* The declared dimensions, -1 where they are left open. */
static int image_dims (struct reader *r, int64_t dims[4])
{
    const Convrelu__OnnxValueInfo *info = image_info (r);
    const char *name = r->values[r->image].name;
    const Convrelu__OnnxTensorType *type = info && info->type ? info->type->tensor_type : NULL;
    if (!type || !type->shape) {
        onnx_fail (r, "input '%.100s' has no shape", name);
        return -1;
    }
    r->extras->bytes = type->elem_type == TYPE_UINT8;
    if (!onnx_is_float (type->elem_type) && !r->extras->bytes) {
        onnx_fail (r, "input '%.100s' has element type %s (%d), floats and uint8 are supported", name,
                   onnx_type_name (type->elem_type), type->elem_type);
        return -1;
    }
    if (r->extras->bytes && !(r->values[r->image].quant = onnx_plain_integers (r, type->elem_type)))
        return -1;
    if (type->shape->n_dim < 1 || type->shape->n_dim > 4) {
        onnx_fail (r, "input '%.100s' has %zu dimensions, 1 to 4 are supported", name, type->shape->n_dim);
        return -1;
    }
    for (size_t i = 0; i < type->shape->n_dim; i++) {
        const Convrelu__OnnxDimension *dim = type->shape->dim[i];
        dims[i] = dim->has_value ? dim->value : -1;
        if (dims[i] < -1 || dims[i] == 0 || dims[i] > INT32_MAX) {
            onnx_fail (r, "dimension %zu of input '%.100s' is %lld", i, name, (long long)dims[i]);
            return -1;
        }
    }
    return (int)type->shape->n_dim;
}

/* Whether every node that reads the image transposes it from rows, columns, channels to channels, rows, columns. */
static bool image_is_transposed (const struct reader *r)
{
    static const int64_t wanted[4] = { 0, 3, 1, 2 };
    int readers = 0;
    for (size_t n = 0; n < r->file->n_node; n++) {
        const Convrelu__OnnxNode *node = r->file->node[n];
        for (size_t i = 0; r->roles[n].live && i < node->n_input; i++) {
            if (r->slots[(size_t)r->node_slots[n] + i] != r->image)
                continue;
            bool fits = !strcmp (node->op_type, "Transpose") && node->n_attribute == 1 &&
                        node->attribute[0]->n_ints == 4 && !memcmp (node->attribute[0]->ints, wanted, sizeof wanted);
            if (!fits)
                return false;
            readers++;
        }
    }
    return readers && readers == r->values[r->image].uses;
}

/* How many channels the first layer that reads the image was made for; 3 where none says. */
static int64_t implied_channels (const struct reader *r)
{
    for (size_t n = 0; n < r->file->n_node; n++) {
        const Convrelu__OnnxNode *node = r->file->node[n];
        const int *inputs = &r->slots[r->node_slots[n]];
        if (!r->roles[n].live || node->n_input < 2 || inputs[0] != r->image || inputs[1] < 0)
            continue;
        const struct shape *weights = &r->values[inputs[1]].shape;
        int64_t groups = 1;
        for (size_t i = 0; i < node->n_attribute; i++) {
            if (node->attribute[i]->name && !strcmp (node->attribute[i]->name, "group"))
                groups = node->attribute[i]->i;
        }
        if (!strcmp (node->op_type, "Conv") && weights->rank == 4 && groups > 0 && groups < INT32_MAX)
            return weights->dims[1] * groups;
        if (!strcmp (node->op_type, "BatchNormalization") && weights->rank == 1)
            return weights->dims[0];
    }
    return 3;
}

static bool is_few (int64_t channels)
{
    return channels == 1 || channels == 3 || channels == 4;
}

/* Whether the image is 1 x height x width x channels in the file. */
static bool channels_are_last (const struct reader *r, const int64_t dims[4], int rank)
{
    if (rank != 4 || !is_few (dims[3]) || dims[1] == dims[3])
        return false;
    bool large = (dims[1] < 0 || dims[1] >= 8) && (dims[2] < 0 || dims[2] >= 8);
    return large || image_is_transposed (r);
}

/* Dimensions that the file leaves open: the batch is 1, channels are those of the first layer, the size is asked
 * for. */
static bool fill_open (struct reader *r, int64_t dims[4], int rank, bool batch, bool last)
{
    const char *name = r->values[r->image].name;
    int sides[2] = { 0, 0 }; /* height and width */
    if (batch)
        dims[0] = 1;
    if (r->extras->open_size)
        r->extras->open_size (r->extras->data, name, &sides[0], &sides[1]);
    for (int i = batch; i < rank; i++) {
        if (dims[i] >= 0)
            continue;
        if (rank != 4)
            return onnx_fail (r, "dimension %d of input '%.100s' is left open; only those of an image may be", i, name);
        if (i == (last ? 3 : 1)) {
            dims[i] = implied_channels (r);
            continue;
        }
        int side = sides[i - (last ? 1 : 2)];
        dims[i] = side > 0 ? side : SIZE_LEFT_OPEN;
        r->extras->size_left_open = true;
    }
    return true;
}

static bool read_image (struct reader *r)
{
    int64_t dims[4], chw[3];
    int rank = image_dims (r, dims), first;
    struct value *v = &r->values[r->image];
    if (rank < 0)
        return false;
    bool batch = rank == 4 || rank == 2, last = channels_are_last (r, dims, rank);
    if (batch && dims[0] > 1)
        return onnx_fail (r, "input '%.100s' is a batch of %lld images; a model for one at a time is needed", v->name,
                          (long long)dims[0]);
    if (!fill_open (r, dims, rank, batch, last))
        return false;
    for (int i = 0; i < rank; i++) {
        if (!onnx_shape_add (r, &v->shape, dims[i]))
            return false;
    }
    if (last) {
        v->stored = (struct shape) { 4, { 1, dims[3], dims[1], dims[2] } };
        v->deferred = DEFERRED_CHANNELS_LAST;
    }
    onnx_shape_as_image (last ? &v->stored : &v->shape, &first, chw);
    v->tensor = graph_input (r->graph, v->name, (int)chw[0], (int)chw[1], (int)chw[2]);
    v->kind = VALUE_TENSOR;
    r->extras->channels_last = last;
    return v->tensor >= 0 || onnx_fail (r, "%s", graph_error (r->graph));
}

/* ---- outputs ------------------------------------------------------------------------------------------------- */

/* Under its ONNX name and in its ONNX shape, which a value that was only given another shape does not have yet. */
static bool read_output (struct reader *r, int id)
{
    struct value *v = &r->values[id];
    if (v->kind == VALUE_UNKNOWN)
        return onnx_fail (r, "output '%.100s' is made by no node", v->name);
    if (v->kind != VALUE_TENSOR)
        return onnx_fail (r, "output '%.100s' does not depend on the image", v->name);
    if (!onnx_settle (r, v) || !onnx_check_output (r, v))
        return false;
    struct tensor_info t = graph_tensor (r->graph, v->tensor);
    int64_t chw[3];
    int first;
    if (!onnx_shape_as_image (&v->shape, &first, chw)) {
        chw[0] = t.channels;
        chw[1] = t.height;
        chw[2] = t.width;
    }
    bool done = t.channels == chw[0] && t.height == chw[1] && t.width == chw[2] && !strcmp (t.name, v->name);
    int tensor = v->tensor;
    if (!done)
        tensor = graph_reshape (r->graph, v->name, tensor, (int)chw[0], (int)chw[1], (int)chw[2]);
    return graph_output (r->graph, tensor) >= 0 || onnx_fail (r, "%s", graph_error (r->graph));
}

static bool read_outputs (struct reader *r)
{
    for (size_t i = 0; i < r->file->n_output; i++) {
        int id = r->slots[r->file->n_initializer + r->file->n_input + i];
        if (id < 0)
            return onnx_fail (r, "output %zu has no name", i);
        if (!read_output (r, id))
            return false;
    }
    return true;
}

/* ---- the whole ----------------------------------------------------------------------------------------------- */

static bool read_model (struct reader *r, const Convrelu__OnnxModel *model)
{
    if (!check_head (r, model))
        return false;
    r->file = model->graph;
    if (!onnx_index (r))
        return false;
    struct graph_limits limits = { .weight_bytes = r->weight_limit, .plan_bytes = 4 * r->weight_limit };
    r->graph = graph_new (&limits);
    if (!r->graph)
        return onnx_fail (r, "no memory for its graph");
    graph_on_copied (r->graph, onnx_payload_copied, r);
    if (!read_image (r))
        return false;
    onnx_find_patterns (r);
    if (r->failed)
        return false;
    for (size_t n = 0; n < r->file->n_node; n++) {
        if (!onnx_read_node (r, (int)n))
            return false;
    }
    return read_outputs (r) && onnx_external_finish (r);
}

static Convrelu__OnnxModel *unpack (struct reader *r, const struct onnx_compact *compact, size_t size,
                                    ProtobufCAllocator *allocator)
{
    const struct budget *budget = allocator->allocator_data;
    Convrelu__OnnxModel *model = convrelu__onnx_model__unpack (allocator, compact->size, compact->bytes);
    if (!model && onnx_spend (r, 0) && budget->exceeded) /* else it was stopped, */
        onnx_fail (r, "its %zu bytes describe more than there is memory for", size);
    else if (!model && !r->failed)
        onnx_fail (r, "is not an ONNX model, or a damaged one (%zu bytes)", size);
    return model;
}

/* The graph of a file of `size` bytes, whose numbers are at `bytes`, or NULL: in r->lazy. */
static struct graph *read_unpacked (struct reader *r, const struct onnx_compact *compact, char *bytes, size_t size)
{
    uint64_t apart = 16 * (uint64_t)size < 256 * MIB ? 16 * (uint64_t)size : 256 * MIB;
    struct budget budget = { .left = size + apart + MIB };
    ProtobufCAllocator allocator = { budget_alloc, budget_free, &budget };
    Convrelu__OnnxModel *model = unpack (r, compact, size, &allocator);
    if (!model)
        return NULL;
    r->image = r->node = -1;
    r->weight_limit = 4 * size + 64 * MIB;
    if (bytes)
        onnx_payload_attach (model, (uint8_t *)bytes, &allocator);
    else
        onnx_payload_measure (model);
    bool good = read_model (r, model);
    const char *labels = good ? label_metadata (model) : NULL;
    if (labels && !(r->extras->labels = strdup (labels)))
        good = onnx_fail (r, "no memory for its labels");
    graph_on_copied (r->graph, NULL, NULL);
    if (!good) {
        graph_unref (r->graph);
        r->graph = NULL;
    } else {
        onnx_external_list (r, &r->extras->files);
    }
    onnx_free_all (r);
    onnx_external_free (r);
    free (r->values);
    free (r->slots);
    free (r->node_slots);
    free (r->roles);
    if (bytes)
        onnx_payload_detach (model);
    convrelu__onnx_model__free_unpacked (model, &allocator);
    return r->graph;
}

static void no_extras (struct onnx_extras *extras)
{
    extras->labels = NULL;
    extras->files = (struct file_list) { 0 };
    extras->size_left_open = extras->channels_last = extras->bytes = false;
}

struct graph *onnx_read (const char *path, char *bytes, size_t size, struct onnx_extras *extras, struct error *error)
{
    struct reader r = { .path = path, .error = error, .extras = extras, .image = -1, .node = -1 };
    struct onnx_compact compact;
    no_extras (extras);
    struct graph *graph =
        onnx_scan (path, bytes, size, &compact, error) ? read_unpacked (&r, &compact, bytes, size) : NULL;
    free (bytes);
    if (graph && extras->compact)
        *extras->compact = compact;
    else
        free (compact.bytes);
    return graph;
}

struct graph *onnx_read_compact (const char *path, const struct onnx_compact *compact, const struct file *file,
                                 struct onnx_extras *extras, struct error *error)
{
    struct reader r = { .path = path, .error = error, .extras = extras, .image = -1, .node = -1, .lazy = file };
    no_extras (extras);
    return read_unpacked (&r, compact, NULL, (size_t)file->size);
}
