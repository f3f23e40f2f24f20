/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_shape.c: ONNX shapes: sizes, axes, broadcasting (NumPy's). All numbers come from an untrusted file: products are
 * checked as a shape grows, so that those of whole shapes and their parts fit in 32 bits. */
#include "models/onnx_reader.h"

#include <stdio.h>
#include <string.h>

int64_t onnx_shape_count (const struct shape *s, int from, int to)
{
    int64_t count = 1;
    for (int i = from; i < to; i++)
        count *= s->dims[i];
    return count;
}

int64_t onnx_shape_total (const struct shape *s)
{
    return onnx_shape_count (s, 0, s->rank);
}

bool onnx_shape_equal (const struct shape *a, const struct shape *b)
{
    return a->rank == b->rank && !memcmp (a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]);
}

bool onnx_shape_joins (const struct shape *a, const struct shape *b, int axis)
{
    struct shape same = *b;
    if (same.rank == a->rank)
        same.dims[axis] = a->dims[axis];
    return onnx_shape_equal (&same, a);
}

bool onnx_shape_add (struct reader *r, struct shape *s, int64_t dim)
{
    if (s->rank >= RANK_MAX)
        return onnx_fail (r, "a shape has more than %d dimensions", RANK_MAX);
    int64_t total = 1; /* zeros left out: the product of no part of a shape may be too large either */
    for (int i = 0; i < s->rank; i++)
        total *= s->dims[i] ? s->dims[i] : 1;
    if (dim < 0 || dim > INT32_MAX / total) {
        char text[100];
        return onnx_fail (r, "a shape of %s x %lld is not possible", onnx_shape_text (s, text), (long long)dim);
    }
    s->dims[s->rank++] = dim;
    return true;
}

bool onnx_shape_with (struct reader *r, const struct shape *s, int axis, int64_t dim, struct shape *out)
{
    *out = (struct shape) { 0 };
    for (int i = 0; i < s->rank; i++) {
        if (!onnx_shape_add (r, out, i == axis ? dim : s->dims[i]))
            return false;
    }
    return true;
}

const char *onnx_shape_text (const struct shape *s, char text[100])
{
    snprintf (text, 100, s->rank ? "" : "()");
    for (int i = 0; i < s->rank; i++) {
        size_t used = strlen (text);
        snprintf (text + used, 100 - used, "%s%lld", i ? "x" : "", (long long)s->dims[i]);
    }
    return text;
}

int onnx_axis (struct reader *r, int64_t axis, int rank)
{
    int64_t from_front = axis < 0 ? axis + rank : axis;
    if (axis >= -rank && from_front < rank)
        return (int)from_front;
    onnx_fail (r, "axis %lld of %d dimensions", (long long)axis, rank);
    return -1;
}

bool onnx_shape_as_image (const struct shape *s, int *first_axis, int64_t chw[3])
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

/* ---- broadcasting -------------------------------------------------------------------------------------------- */

int64_t onnx_shape_aligned (const struct shape *s, int rank, int i)
{
    int own = i - (rank - s->rank);
    return own < 0 ? 1 : s->dims[own];
}

bool onnx_shape_broadcast (struct reader *r, const struct shape *a, const struct shape *b, struct shape *out)
{
    int rank = a->rank > b->rank ? a->rank : b->rank;
    out->rank = 0;
    for (int i = 0; i < rank; i++) {
        int64_t left = onnx_shape_aligned (a, rank, i), right = onnx_shape_aligned (b, rank, i);
        if (left != right && left != 1 && right != 1) {
            char text[2][100];
            return onnx_fail (r, "shapes %s and %s do not fit together", onnx_shape_text (a, text[0]),
                              onnx_shape_text (b, text[1]));
        }
        if (!onnx_shape_add (r, out, left == 1 ? right : left))
            return false;
    }
    return true;
}

bool onnx_shape_repeats_nothing (const struct shape *s, const struct shape *out)
{
    return onnx_shape_total (s) == onnx_shape_total (out);
}

int64_t onnx_broadcast_index (const struct shape *out, int64_t i, const struct shape *operand)
{
    int64_t index = 0, step = 1;
    for (int axis = out->rank - 1; axis >= 0; axis--) {
        int64_t at = i % out->dims[axis], own = onnx_shape_aligned (operand, out->rank, axis);
        i /= out->dims[axis];
        index += own == 1 ? 0 : at * step;
        step *= own;
    }
    return index;
}

/* ---- walks --------------------------------------------------------------------------------------------------- */

struct onnx_walk onnx_walk_over (const struct shape *s)
{
    struct onnx_walk walk = { .rank = s->rank };
    int64_t step = 1;
    for (int axis = s->rank - 1; axis >= 0; axis--) {
        walk.dims[axis] = s->dims[axis];
        walk.step[axis] = step;
        step *= s->dims[axis];
    }
    return walk;
}

struct onnx_walk onnx_walk_repeated (const struct shape *operand, const struct shape *out)
{
    struct onnx_walk own = onnx_walk_over (operand), walk = { .rank = out->rank };
    for (int axis = 0; axis < out->rank; axis++) {
        int at = axis - (out->rank - operand->rank);
        walk.dims[axis] = out->dims[axis];
        walk.step[axis] = at < 0 || operand->dims[at] == 1 ? 0 : own.step[at];
    }
    return walk;
}

void onnx_walk_on (struct onnx_walk *walk)
{
    for (int axis = walk->rank - 1; axis >= 0; axis--) {
        walk->index += walk->step[axis];
        if (++walk->at[axis] < walk->dims[axis])
            return;
        walk->index -= walk->step[axis] * walk->dims[axis];
        walk->at[axis] = 0;
    }
}
