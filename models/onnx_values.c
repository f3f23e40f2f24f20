/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_values.c: what every operator's reader uses: errors, memory, inputs and outputs of the node, attributes, shapes.
 *
 * All numbers come from an untrusted file. A function that can fail says so once, through fail (), naming file, node
 * and numbers; afterwards the reader only has to return. */
#include "models/onnx_reader.h"

#include "models/report.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors -------------------------------------------------------------------------------------------------- */

bool fail (struct reader *r, const char *format, ...)
{
    char reason[400];
    va_list list;
    va_start (list, format);
    vsnprintf (reason, sizeof reason, format, list);
    va_end (list);
    r->failed = true;
    if (r->node < 0)
        return report (r->error, "%s: %s", report_path (r->path), reason);
    const Convrelu__OnnxNode *node = this_node (r);
    const char *name = node->name && node->name[0] ? node->name : node->n_output ? node->output[0] : "";
    return report (r->error, "%s: node '%.100s' (%.40s): %s", report_path (r->path), name, node->op_type, reason);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

struct block {
    struct block *next;
    max_align_t data[];
};

static void *add_block (struct reader *r, struct block **list, uint64_t *total, uint64_t count, size_t size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow (count, (uint64_t)size, &bytes) || bytes > r->weight_limit ||
        *total + bytes > r->weight_limit) {
        fail (r, "needs more memory than %llu bytes, the limit for a file of this size",
              (unsigned long long)r->weight_limit);
        return NULL;
    }
    struct block *block = calloc (1, sizeof *block + (bytes ? (size_t)bytes : 1));
    if (!block) {
        fail (r, "no memory for %llu bytes", (unsigned long long)bytes);
        return NULL;
    }
    block->next = *list;
    *list = block;
    *total += bytes + sizeof *block;
    return block->data;
}

static void free_blocks (struct block **list, uint64_t *total)
{
    while (*list) {
        struct block *next = (*list)->next;
        free (*list);
        *list = next;
    }
    *total = 0;
}

void *keep (struct reader *r, uint64_t count, size_t size)
{
    return add_block (r, &r->kept, &r->kept_bytes, count, size);
}

void *borrow (struct reader *r, uint64_t count, size_t size)
{
    return add_block (r, &r->borrowed, &r->borrowed_bytes, count, size);
}

void give_back (struct reader *r)
{
    free_blocks (&r->borrowed, &r->borrowed_bytes);
}

void release (struct reader *r)
{
    free_blocks (&r->borrowed, &r->borrowed_bytes);
    free_blocks (&r->kept, &r->kept_bytes);
}

/* ---- inputs -------------------------------------------------------------------------------------------------- */

const Convrelu__OnnxNode *this_node (const struct reader *r)
{
    return r->file->node[r->node];
}

/* The id of input `index`, or -1. */
static int input_id (const struct reader *r, int index)
{
    return (size_t)index < this_node (r)->n_input ? r->slots[r->node_slots[r->node] + index] : -1;
}

bool has_input (const struct reader *r, int index)
{
    return input_id (r, index) >= 0;
}

struct value *input (struct reader *r, int index)
{
    int id = input_id (r, index);
    if (id < 0) {
        fail (r, "input %d is missing", index);
        return NULL;
    }
    struct value *v = &r->values[id];
    if (v->kind != VALUE_UNKNOWN)
        return v;
    if (v->producer >= 0)
        fail (r, "input %d, '%.100s', is made by a later node", index, v->name);
    else
        fail (r, "input %d, '%.100s', is made by no node and has no data", index, v->name);
    return NULL;
}

struct value *input_tensor (struct reader *r, int index)
{
    struct value *v = input (r, index);
    if (!v || v->kind == VALUE_TENSOR)
        return v;
    fail (r, "input %d, '%.100s', is a constant; only what depends on the image is supported here", index, v->name);
    return NULL;
}

const float *value_floats (struct reader *r, struct value *v)
{
    if (v->kind == VALUE_FLOATS)
        return v->floats ? v->floats : constant_floats (r, v);
    if (v->kind == VALUE_TENSOR)
        fail (r, "'%.100s' must be a constant, but depends on the image", v->name);
    else
        fail (r, "'%.100s' holds integers where floats are needed", v->name);
    return NULL;
}

const float *input_floats (struct reader *r, int index, int64_t count)
{
    struct value *v = input (r, index);
    const float *numbers = v ? value_floats (r, v) : NULL;
    if (!numbers)
        return NULL;
    int64_t total = shape_total (&v->shape);
    if (count < 0 || total == count)
        return numbers;
    fail (r, "input %d, '%.100s', has %lld numbers instead of %lld", index, v->name, (long long)total,
          (long long)count);
    return NULL;
}

const int64_t *value_ints (struct reader *r, struct value *v)
{
    if (v->kind == VALUE_INTS)
        return v->ints ? v->ints : constant_ints (r, v);
    if (v->kind == VALUE_TENSOR)
        fail (r, "'%.100s' must be a constant, but depends on the image", v->name);
    else
        fail (r, "'%.100s' holds floats where integers are needed", v->name);
    return NULL;
}

int input_ints (struct reader *r, int index, int64_t *to, int most)
{
    struct value *v = input (r, index);
    const int64_t *numbers = v ? value_ints (r, v) : NULL;
    if (!numbers)
        return -1;
    int64_t count = shape_total (&v->shape);
    if (count > most) {
        fail (r, "input %d, '%.100s', has %lld numbers, at most %d make sense", index, v->name, (long long)count, most);
        return -1;
    }
    if (count)
        memcpy (to, numbers, (size_t)count * sizeof *to);
    return (int)count;
}

bool input_scalar (struct reader *r, int index, float *to)
{
    const float *number = input_floats (r, index, 1);
    if (number)
        *to = *number;
    return number != NULL;
}

/* ---- outputs ------------------------------------------------------------------------------------------------- */

struct value *output (const struct reader *r, int index)
{
    const Convrelu__OnnxNode *node = this_node (r);
    if ((size_t)index >= node->n_output)
        return NULL;
    int id = r->slots[r->node_slots[r->node] + (int)node->n_input + index];
    return id < 0 ? NULL : &r->values[id];
}

const char *output_name (const struct reader *r, int index)
{
    const struct value *v = output (r, index);
    return v ? v->name : "";
}

bool set_tensor (struct reader *r, int index, int id, const struct shape *shape)
{
    if (id < 0) {
        const char *reason = graph_error (r->graph);
        return fail (r, "%s", reason ? reason : "could not be built");
    }
    struct value *v = output (r, index);
    if (v) {
        v->kind = VALUE_TENSOR;
        v->tensor = id;
        v->shape = *shape;
    }
    return true;
}

bool set_alias (struct reader *r, const struct value *from, const struct shape *shape)
{
    struct value *v = output (r, 0);
    if (!v)
        return true;
    v->kind = from->kind;
    v->shape = *shape;
    v->tensor = from->tensor;
    v->floats = from->floats;
    v->ints = from->ints;
    v->source = from->source;
    return true;
}

bool set_ints (struct reader *r, int index, const int64_t *numbers, const struct shape *shape)
{
    struct value *v = output (r, index);
    int64_t count = shape_total (shape);
    int64_t *copy = count > FOLD_MAX ? NULL : keep (r, (uint64_t)count, sizeof *copy);
    if (count > FOLD_MAX)
        return fail (r, "would make %lld integers, at most %d are supported", (long long)count, FOLD_MAX);
    if (!copy)
        return false;
    if (count)
        memcpy (copy, numbers, (size_t)count * sizeof *copy);
    if (v)
        *v = (struct value) { v->name, VALUE_INTS, *shape, -1, NULL, copy, NULL, v->producer, v->uses };
    return true;
}

bool set_floats (struct reader *r, int index, const float *numbers, const struct shape *shape)
{
    struct value *v = output (r, index);
    int64_t count = shape_total (shape);
    float *copy = keep (r, (uint64_t)count, sizeof *copy);
    if (!copy)
        return false;
    if (count)
        memcpy (copy, numbers, (size_t)count * sizeof *copy);
    if (v)
        *v = (struct value) { v->name, VALUE_FLOATS, *shape, -1, copy, NULL, NULL, v->producer, v->uses };
    return true;
}

/* ---- attributes ---------------------------------------------------------------------------------------------- */

const Convrelu__OnnxAttribute *attribute (const struct reader *r, const char *name)
{
    const Convrelu__OnnxNode *node = this_node (r);
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (!strcmp (node->attribute[i]->name, name))
            return node->attribute[i];
    }
    return NULL;
}

int64_t attribute_int (const struct reader *r, const char *name, int64_t otherwise)
{
    const Convrelu__OnnxAttribute *a = attribute (r, name);
    return a ? a->i : otherwise;
}

float attribute_float (const struct reader *r, const char *name, float otherwise)
{
    const Convrelu__OnnxAttribute *a = attribute (r, name);
    return a ? a->f : otherwise;
}

bool attribute_says (const struct reader *r, const char *name, const char *text, const char *otherwise)
{
    const Convrelu__OnnxAttribute *a = attribute (r, name);
    if (!a)
        return !strcmp (text, otherwise);
    return a->s.len == strlen (text) && !memcmp (a->s.data, text, a->s.len);
}

int attribute_ints (struct reader *r, const char *name, int64_t *to, int most)
{
    const Convrelu__OnnxAttribute *a = attribute (r, name);
    if (!a)
        return 0;
    if (a->n_ints > (size_t)most) {
        fail (r, "attribute '%s' has %zu numbers, at most %d make sense", name, a->n_ints, most);
        return -1;
    }
    for (size_t i = 0; i < a->n_ints; i++)
        to[i] = a->ints[i];
    return (int)a->n_ints;
}

int attribute_or_input_ints (struct reader *r, const char *name, int index, int64_t *to, int most, bool *given)
{
    bool as_attribute = attribute (r, name) != NULL;
    *given = as_attribute || has_input (r, index);
    if (as_attribute)
        return attribute_ints (r, name, to, most);
    return *given ? input_ints (r, index, to, most) : 0;
}

/* ---- shapes -------------------------------------------------------------------------------------------------- */

int64_t shape_count (const struct shape *s, int from, int to)
{
    int64_t count = 1;
    for (int i = from; i < to; i++)
        count *= s->dims[i];
    return count;
}

int64_t shape_total (const struct shape *s)
{
    return shape_count (s, 0, s->rank);
}

bool shape_equal (const struct shape *a, const struct shape *b)
{
    return a->rank == b->rank && !memcmp (a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]);
}

bool shape_add (struct reader *r, struct shape *s, int64_t dim)
{
    if (s->rank >= RANK_MAX)
        return fail (r, "a shape has more than %d dimensions", RANK_MAX);
    int64_t total = 1; /* zeros left out: the product of no part of a shape may be too large either */
    for (int i = 0; i < s->rank; i++)
        total *= s->dims[i] ? s->dims[i] : 1;
    if (dim < 0 || dim > INT32_MAX / total) {
        char text[100];
        return fail (r, "a shape of %s x %lld is not possible", shape_text (s, text), (long long)dim);
    }
    s->dims[s->rank++] = dim;
    return true;
}

const char *shape_text (const struct shape *s, char text[100])
{
    snprintf (text, 100, s->rank ? "" : "()");
    for (int i = 0; i < s->rank; i++) {
        size_t used = strlen (text);
        snprintf (text + used, 100 - used, "%s%lld", i ? "x" : "", (long long)s->dims[i]);
    }
    return text;
}

int axis_of (struct reader *r, int64_t axis, int rank)
{
    int64_t from_front = axis < 0 ? axis + rank : axis;
    if (axis >= -rank && from_front < rank)
        return (int)from_front;
    fail (r, "axis %lld of %d dimensions", (long long)axis, rank);
    return -1;
}

bool shape_as_image (const struct shape *s, int *first_axis, int64_t chw[3])
{
    int first = 0;
    if ((s->rank == 4 || s->rank == 2) && s->dims[0] == 1)
        first = 1;
    while (s->rank - first > 3 && s->dims[first] == 1)
        first++;
    *first_axis = first;
    for (int i = 0; i < 3; i++)
        chw[i] = first + i < s->rank ? s->dims[first + i] : 1;
    return s->rank - first <= 3;
}

int view (struct reader *r, const struct value *v, int64_t c, int64_t h, int64_t w)
{
    struct tensor_info now = graph_tensor (r->graph, v->tensor);
    if (now.channels == c && now.height == h && now.width == w)
        return v->tensor;
    char name[300];
    snprintf (name, sizeof name, "%.200s:view", v->name);
    int id = graph_reshape (r->graph, name, v->tensor, (int)c, (int)h, (int)w);
    if (id < 0)
        fail (r, "%s", graph_error (r->graph));
    return id;
}

int view_before (struct reader *r, const struct value *v, int axis)
{
    int64_t channels = shape_count (&v->shape, 0, axis), chw[3];
    int first;
    if (graph_tensor (r->graph, v->tensor).channels == channels)
        return v->tensor;
    if (shape_as_image (&v->shape, &first, chw) && chw[0] == channels)
        return view (r, v, chw[0], chw[1], chw[2]);
    return view (r, v, channels, shape_count (&v->shape, axis, v->shape.rank), 1);
}
