/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_payload.c: the numbers of an ONNX file's tensors stay where they lie in it until the graph has copied them.
 *
 * protobuf-c unpacks the compact form (onnx_scan.h); afterwards each raw_data points into the file. What one
 * convolution alone reads goes back to the system piece by piece as the graph copies it: a network's weights are never
 * in memory twice, even where one matrix is most of them. */
#include "engine/memory.h"
#include "engine/packed_blocks.h"
#include "models/onnx_reader.h"
#include "models/onnx_scan.h"

#include <string.h>

enum { MOVED_AT_ONCE = 8 << 20, ROOM_FROM = 128 /* bytes from which on a length takes two */ };

/* Over all tensors of a model. */
struct walk {
    size_t initializer, node, attribute;
};

static Convrelu__OnnxTensor *next_tensor (const Convrelu__OnnxModel *model, struct walk *at)
{
    const Convrelu__OnnxGraph *g = model->graph;
    if (!g)
        return NULL;
    if (at->initializer < g->n_initializer)
        return g->initializer[at->initializer++];
    for (; at->node < g->n_node; at->node++, at->attribute = 0) {
        const Convrelu__OnnxNode *node = g->node[at->node];
        while (at->attribute < node->n_attribute) {
            Convrelu__OnnxTensor *tensor = node->attribute[at->attribute++]->t;
            if (tensor)
                return tensor;
        }
    }
    return NULL;
}

void onnx_payload_attach (const Convrelu__OnnxModel *model, uint8_t *bytes, ProtobufCAllocator *allocator)
{
    struct walk at = { 0, 0, 0 };
    for (Convrelu__OnnxTensor *tensor; (tensor = next_tensor (model, &at));) {
        struct onnx_payload payload;
        if (!tensor->has_raw_data)
            continue;
        memcpy (&payload, tensor->raw_data.data, sizeof payload); /* onnx_scan wrote one for each */
        allocator->free (allocator->allocator_data, tensor->raw_data.data);
        tensor->raw_data.len = (size_t)payload.length;
        tensor->raw_data.data = payload.length ? bytes + payload.offset : NULL;
    }
}

void onnx_payload_detach (const Convrelu__OnnxModel *model)
{
    struct walk at = { 0, 0, 0 };
    for (Convrelu__OnnxTensor *tensor; (tensor = next_tensor (model, &at));)
        tensor->raw_data = (ProtobufCBinaryData) { 0, NULL };
}

void onnx_payload_measure (const Convrelu__OnnxModel *model)
{
    struct walk at = { 0, 0, 0 };
    for (Convrelu__OnnxTensor *tensor; (tensor = next_tensor (model, &at));) {
        struct onnx_payload payload = { 0, 0 };
        if (tensor->raw_data.len == sizeof payload)
            memcpy (&payload, tensor->raw_data.data, sizeof payload);
        tensor->raw_data.len = (size_t)payload.length;
    }
}

bool onnx_payload_read (struct reader *r, const Convrelu__OnnxTensor *tensor, void *to, size_t bytes)
{
    struct onnx_payload payload;
    memcpy (&payload, tensor->raw_data.data, sizeof payload);
    r->failed = r->failed || !file_read_at (r->lazy, payload.offset, to, bytes, r->error);
    return !r->failed;
}

const float *onnx_payload_weights (struct reader *r, struct value *v)
{
    bool there = !r->lazy || v->kind != VALUE_FLOATS || !v->source || v->floats || !v->source->raw_data.len;
    return there ? onnx_value_floats (r, v) : graph_dropped_weights;
}

/* Downwards, over the field's own length, which nobody reads any more. */
const float *onnx_payload_floats (struct reader *r, const Convrelu__OnnxTensor *tensor)
{
    ProtobufCBinaryData *raw = &((Convrelu__OnnxTensor *)tensor)->raw_data;
    size_t off = (uintptr_t)raw->data % _Alignof(float);
    if (off && raw->len < ROOM_FROM)
        return NULL;
    uint8_t *to = raw->data - off;
    for (size_t at = 0; off && at < raw->len; at += MOVED_AT_ONCE) {
        if (!onnx_spend (r, 0))
            return NULL;
        memmove (to + at, raw->data + at, raw->len - at < MOVED_AT_ONCE ? raw->len - at : MOVED_AT_ONCE);
    }
    raw->data = to;
    return (const float *)(const void *)to;
}

void onnx_payload_copied (void *data, const void *piece, size_t bytes)
{
    struct reader *r = data;
    if (r->node < 0)
        return;
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    for (size_t i = 0; i < node->n_input; i++) {
        int id = r->slots[(size_t)r->node_slots[r->node] + i];
        struct value *v = id >= 0 ? &r->values[id] : NULL;
        if (r->lazy || !v || !v->source || v->producer >= 0 || v->uses != 1)
            continue; /* another name for it, or one more reader */
        ProtobufCBinaryData *raw = &((Convrelu__OnnxTensor *)v->source)->raw_data;
        size_t from = (uintptr_t)piece - (uintptr_t)raw->data;
        if (!raw->data || from >= raw->len || bytes > raw->len - from)
            continue;
        memory_forget ((void *)piece, bytes);
        if (from + bytes == raw->len) { /* whoever asks for it now is refused */
            raw->data = NULL;
            v->floats = NULL;
        }
    }
}
