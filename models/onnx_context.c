/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_context.c: what every part of the ONNX reader stands on: the node being read, errors, memory.
 *
 * A function that can fail says so once, through onnx_fail (), naming file, node and numbers; afterwards the reader
 * only has to return. */
#include "models/onnx_reader.h"

#include "engine/memory.h"
#include "engine/work.h"
#include "models/report.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

const Convrelu__OnnxNode *onnx_current_node (const struct reader *r)
{
    return r->file->node[r->node];
}

const char *onnx_operation (const struct reader *r)
{
    return r->stand_in.operation ? r->stand_in.operation : onnx_current_node (r)->op_type;
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

bool onnx_fail (struct reader *r, const char *format, ...)
{
    char reason[400];
    va_list list;
    va_start (list, format);
    vsnprintf (reason, sizeof reason, format, list);
    va_end (list);
    r->failed = true;
    if (r->node < 0)
        return report (r->error, "%s: %s", report_path (r->path), reason);
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    const char *name = node->name && node->name[0] ? node->name : node->n_output ? node->output[0] : "";
    return report (r->error, "%s: node '%.100s' (%.40s): %s", report_path (r->path), name, node->op_type, reason);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

enum { BLOCK_STEPS = 50 }; /* to have one and to free it */

struct block {
    struct block *next;
    size_t bytes; /* of all of it */
    max_align_t data[];
};

static void *add_block (struct reader *r, struct block **list, uint64_t *total, uint64_t count, size_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow (count, (uint64_t)size, &bytes) || bytes > r->weight_limit ||
        *total + bytes > r->weight_limit) {
        onnx_fail (r, "needs more memory than %llu bytes, the limit for a file of this size",
                   (unsigned long long)r->weight_limit);
        return NULL;
    }
    if (!onnx_spend (r, BLOCK_STEPS + bytes / 4))
        return NULL;
    size_t whole = sizeof (struct block) + (bytes ? (size_t)bytes : 1);
    struct block *block = whole >= MEMORY_LARGE ? memory_new (whole) : calloc (1, whole);
    if (!block) {
        onnx_fail (r, "no memory for %llu bytes", (unsigned long long)bytes);
        return NULL;
    }
    block->next = *list;
    block->bytes = whole;
    *list = block;
    *total += bytes + sizeof *block;
    return block->data;
}

static void free_blocks (struct block **list, uint64_t *total)
{
    while (*list) {
        struct block *next = (*list)->next;
        if ((*list)->bytes >= MEMORY_LARGE)
            memory_free (*list, (*list)->bytes);
        else
            free (*list);
        *list = next;
    }
    *total = 0;
}

void *onnx_alloc (struct reader *r, uint64_t count, size_t size)
{
    return add_block (r, &r->blocks, &r->block_bytes, count, size);
}

void *onnx_alloc_node (struct reader *r, uint64_t count, size_t size)
{
    return add_block (r, &r->node_blocks, &r->node_block_bytes, count, size);
}

bool onnx_spend (struct reader *r, uint64_t steps)
{
    char refusal[100];
    if (r->failed || work_spend (steps))
        return !r->failed;
    return onnx_fail (r, "%s", work_refusal (refusal));
}

void onnx_free_node (struct reader *r)
{
    free_blocks (&r->node_blocks, &r->node_block_bytes);
}

void onnx_free_all (struct reader *r)
{
    free_blocks (&r->node_blocks, &r->node_block_bytes);
    free_blocks (&r->blocks, &r->block_bytes);
}
