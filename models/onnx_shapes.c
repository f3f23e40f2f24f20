/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_shapes.c: operators that move numbers without changing them.
 *
 * Reshape and its relatives cost nothing: the value gets another shape and stays the same tensor. What takes, leaves
 * out or reorders whole channels, rows or columns is one graph_pick; any other order is a pick of single numbers from
 * the tensor as one long vector, which is slow, but works. A channel shuffle (reshape to 1 x g x k x h x w, transpose
 * to 1 x k x g x h x w, reshape back) so becomes one pick of channels by itself. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ---- another shape ------------------------------------------------------------------------------------------- */

bool read_identity (struct reader *r)
{
    const struct value *v = input (r, 0);
    return v && set_alias (r, v, &v->shape);
}

bool read_dropout (struct reader *r)
{
    if (has_input (r, 2)) {
        int64_t training;
        int count = input_ints (r, 2, &training, 1);
        if (count < 0)
            return false;
        if (count && training)
            return fail (r, "training mode is not supported");
    }
    return read_identity (r);
}

bool read_reshape (struct reader *r)
{
    const struct value *v = input (r, 0);
    int64_t dims[RANK_MAX], known = 1;
    int rank = v ? input_ints (r, 1, dims, RANK_MAX) : -1, open = -1;
    bool zeros = attribute_int (r, "allowzero", 0) != 0;
    struct shape out = { 0 };
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0 && !zeros) {
            if (i >= v->shape.rank)
                return fail (r, "dimension %d is to be kept, but there are only %d", i, v->shape.rank);
            dims[i] = v->shape.dims[i];
        }
        if (dims[i] == -1 && open >= 0)
            return fail (r, "dimensions %d and %d are both left open", open, i);
        open = dims[i] == -1 ? i : open;
        if (dims[i] < -1)
            return fail (r, "dimension %d is %lld", i, (long long)dims[i]);
        if (!shape_add (r, &out, dims[i] == -1 ? 1 : dims[i]))
            return false;
    }
    if (rank < 0)
        return false;
    known = shape_total (&out);
    int64_t total = shape_total (&v->shape);
    if (open >= 0 && known > 0)
        out.dims[open] = total / known;
    if (shape_total (&out) == total)
        return set_alias (r, v, &out);
    char text[2][100];
    return fail (r, "%s cannot become %s", shape_text (&v->shape, text[0]), shape_text (&out, text[1]));
}

bool read_flatten (struct reader *r)
{
    const struct value *v = input (r, 0);
    if (!v)
        return false;
    int64_t axis = attribute_int (r, "axis", 1), rank = v->shape.rank;
    if (axis < -rank || axis > rank)
        return fail (r, "axis %lld of %lld dimensions", (long long)axis, (long long)rank);
    int at = (int)(axis < 0 ? axis + rank : axis);
    struct shape out = { 2, { shape_count (&v->shape, 0, at), shape_count (&v->shape, at, v->shape.rank) } };
    return set_alias (r, v, &out);
}

bool read_squeeze (struct reader *r)
{
    const struct value *v = input (r, 0);
    int64_t axes[RANK_MAX];
    bool given, drop[RANK_MAX];
    int count = v ? attribute_or_input_ints (r, "axes", 1, axes, RANK_MAX, &given) : -1;
    if (count < 0)
        return false;
    for (int i = 0; i < v->shape.rank; i++)
        drop[i] = !given && v->shape.dims[i] == 1;
    for (int i = 0; i < count; i++) {
        int axis = axis_of (r, axes[i], v->shape.rank);
        if (axis < 0)
            return false;
        if (v->shape.dims[axis] != 1)
            return fail (r, "dimension %d is %lld, not 1", axis, (long long)v->shape.dims[axis]);
        drop[axis] = true;
    }
    struct shape out = { 0 };
    for (int i = 0; i < v->shape.rank; i++) {
        if (!drop[i])
            out.dims[out.rank++] = v->shape.dims[i];
    }
    return set_alias (r, v, &out);
}

bool read_unsqueeze (struct reader *r)
{
    const struct value *v = input (r, 0);
    int64_t axes[RANK_MAX];
    bool given, added[RANK_MAX] = { false };
    int count = v ? attribute_or_input_ints (r, "axes", 1, axes, RANK_MAX, &given) : -1;
    if (count < 0)
        return false;
    int rank = v->shape.rank + count;
    if (rank > RANK_MAX || !given)
        return fail (r, given ? "would have %d dimensions" : "axes are missing (%d dimensions)", rank);
    for (int i = 0; i < count; i++) {
        int axis = axis_of (r, axes[i], rank);
        if (axis < 0)
            return false;
        if (added[axis])
            return fail (r, "axis %d is added twice", axis);
        added[axis] = true;
    }
    struct shape out = { .rank = rank };
    for (int i = 0, from = 0; i < rank; i++)
        out.dims[i] = added[i] ? 1 : v->shape.dims[from++];
    return set_alias (r, v, &out);
}

/* ---- another order ------------------------------------------------------------------------------------------- */

/* Where number i of the permuted array was before. */
static int64_t origin (const struct shape *from, const struct shape *to, const int *perm, int64_t i)
{
    int64_t at[RANK_MAX] = { 0 }, index = 0;
    for (int axis = to->rank - 1; axis >= 0; axis--) {
        at[perm[axis]] = i % to->dims[axis];
        i /= to->dims[axis];
    }
    for (int axis = 0; axis < from->rank; axis++)
        index = index * from->dims[axis] + at[axis];
    return index;
}

/* The order of the first `axes` dimensions' entries, each of which is a block of what comes after them. */
static int *block_order (struct reader *r, const struct shape *from, const struct shape *to, const int *perm, int axes)
{
    struct shape outer_from = *from, outer_to = *to;
    outer_from.rank = outer_to.rank = axes;
    int64_t count = shape_total (&outer_to);
    /* A small file may ask for this often; 8 million take half a second to work out. */
    if ((r->gathered += (uint64_t)count) > 8u << 20) {
        fail (r, "reorders more than %u numbers in all", 8u << 20);
        return NULL;
    }
    int *order = borrow (r, (uint64_t)count, sizeof *order);
    for (int64_t i = 0; order && i < count; i++)
        order[i] = (int)origin (&outer_from, &outer_to, perm, i);
    return order;
}

int transposed (struct reader *r, const struct value *v, const int *perm, const char *name, struct shape *shape)
{
    int rank = v->shape.rank, last = -1;
    bool moves = false;
    shape->rank = rank;
    for (int i = 0; i < rank; i++) {
        shape->dims[i] = v->shape.dims[perm[i]];
        if (shape->dims[i] == 1)
            continue;
        moves = moves || perm[i] < last;
        last = perm[i];
    }
    if (!moves) /* at most ones change places */
        return v->tensor;
    int axes = rank;
    while (axes > 0 && perm[axes - 1] == axes - 1)
        axes--;
    int in = view_before (r, v, axes);
    int *order = in < 0 ? NULL : block_order (r, &v->shape, shape, perm, axes);
    if (!order)
        return -1;
    struct tensor_info t = graph_tensor (r->graph, in);
    struct pick pick = { order, t.channels, t.height, t.width, 0, 0, 1, 1, 0 };
    int id = graph_pick (r->graph, name, in, &pick);
    if (id < 0)
        fail (r, "%s", graph_error (r->graph));
    return id;
}

static bool permutation (struct reader *r, int rank, int perm[RANK_MAX])
{
    int64_t said[RANK_MAX];
    bool seen[RANK_MAX] = { false };
    int count = attribute_ints (r, "perm", said, RANK_MAX);
    if (count < 0)
        return false;
    for (int i = 0; i < rank && !attribute (r, "perm"); i++)
        said[count++] = rank - 1 - i;
    if (count != rank)
        return fail (r, "perm has %d numbers for %d dimensions", count, rank);
    for (int i = 0; i < rank; i++) {
        if (said[i] < 0 || said[i] >= rank || seen[said[i]])
            return fail (r, "perm is no order of %d dimensions: %lld", rank, (long long)said[i]);
        perm[i] = (int)said[i];
        seen[perm[i]] = true;
    }
    return true;
}

static bool transpose_constant (struct reader *r, struct value *v, const int *perm)
{
    const float *numbers = value_floats (r, v);
    uint64_t count = (uint64_t)shape_total (&v->shape);
    float *to = numbers ? borrow (r, count, sizeof *to) : NULL;
    struct shape out = { .rank = v->shape.rank };
    for (int i = 0; i < out.rank; i++)
        out.dims[i] = v->shape.dims[perm[i]];
    for (uint64_t i = 0; to && i < count; i++)
        to[i] = numbers[origin (&v->shape, &out, perm, (int64_t)i)];
    return to && set_floats (r, 0, to, &out);
}

bool read_transpose (struct reader *r)
{
    struct value *v = input (r, 0);
    int perm[RANK_MAX];
    if (!v || !permutation (r, v->shape.rank, perm))
        return false;
    if (v->kind != VALUE_TENSOR)
        return transpose_constant (r, v, perm);
    struct shape out;
    if (r->image_channels_last && v == &r->values[r->image]) { /* made as channels, rows, columns already */
        for (int i = 0; i < 4; i++)
            out.dims[i] = v->shape.dims[perm[i]];
        out.rank = 4;
        return set_alias (r, v, &out);
    }
    int id = transposed (r, v, perm, output_name (r, 0), &out);
    return id >= 0 && set_tensor (r, 0, id, &out);
}

/* ---- parts and edges ----------------------------------------------------------------------------------------- */

/* Along each axis: `count` numbers from `first` in steps of `step`; what lies outside is filled. */
struct cut {
    int64_t first[RANK_MAX], step[RANK_MAX], count[RANK_MAX];
    float fill;
};

static struct cut cut_nothing (const struct shape *s)
{
    struct cut cut = { .fill = 0 };
    for (int i = 0; i < s->rank; i++) {
        cut.step[i] = 1;
        cut.count[i] = s->dims[i];
    }
    return cut;
}

/* The channels cut out, -1 for those filled. */
static int *cut_channels (struct reader *r, int64_t channels, int64_t first, int64_t step, int64_t count)
{
    int *to = count > INT32_MAX ? NULL : borrow (r, (uint64_t)count, sizeof *to);
    for (int64_t i = 0; to && i < count; i++) {
        int64_t c = first + i * step;
        to[i] = c < 0 || c >= channels ? -1 : (int)c;
    }
    return to;
}

/* Output `index` of the node is what `cut` leaves of v. */
static bool make_cut (struct reader *r, const struct value *v, const struct cut *cut, int index)
{
    struct shape out = { 0 };
    int first;
    int64_t chw[3], from[3] = { 0 }, step[3] = { 1, 1, 1 }, count[3] = { 1, 1, 1 };
    bool same = true, image = shape_as_image (&v->shape, &first, chw);
    for (int i = 0; i < v->shape.rank; i++) {
        if (cut->count[i] < 1)
            return fail (r, "axis %d would be left with %lld numbers", i, (long long)cut->count[i]);
        if (!shape_add (r, &out, cut->count[i]))
            return false;
        bool whole = cut->first[i] == 0 && cut->step[i] == 1 && cut->count[i] == v->shape.dims[i];
        same = same && whole;
        image = image && (whole || (i >= first && (i == first || cut->step[i] > 0)));
        if (i >= first && i < first + 3) {
            from[i - first] = cut->first[i];
            step[i - first] = cut->step[i];
            count[i - first] = cut->count[i];
        }
    }
    if (same && index == 0)
        return set_alias (r, v, &out);
    char text[100];
    if (!image)
        return fail (r, "cutting %s like this is not supported", shape_text (&v->shape, text));
    int in = view (r, v, chw[0], chw[1], chw[2]);
    int *channels = in < 0 ? NULL : cut_channels (r, chw[0], from[0], step[0], count[0]);
    for (int i = 1; channels && i < 3; i++) {
        if (from[i] < -PARAMETER_MAX || step[i] > PARAMETER_MAX)
            return fail (r, "from %lld in steps of %lld", (long long)from[i], (long long)step[i]);
    }
    struct pick pick = { channels,     (int)count[0], (int)count[1], (int)count[2], (int)from[1],
                         (int)from[2], (int)step[1],  (int)step[2],  cut->fill };
    return channels && set_tensor (r, index, graph_pick (r->graph, output_name (r, index), in, &pick), &out);
}

/* ONNX's rule for one axis: ends behind the last number or before the first are taken as that. */
static bool slice_axis (struct reader *r, int64_t size, int64_t start, int64_t end, int64_t step, int axis,
                        struct cut *cut)
{
    if (step == 0 || step > INT32_MAX || step < -INT32_MAX)
        return fail (r, "a step of %lld", (long long)step);
    start = start < -size ? -size : start > size ? size : start;
    end = end < -size - 1 ? -size - 1 : end > size ? size : end;
    start += start < 0 ? size : 0;
    end += end < 0 ? size : 0; /* -1 stays possible: everything down to the first number */
    int64_t count = 0;
    if (step > 0) {
        end = end < 0 ? 0 : end;
        count = end > start ? (end - start + step - 1) / step : 0;
    } else {
        start = start > size - 1 ? size - 1 : start;
        count = start > end ? (start - end - step - 1) / -step : 0;
    }
    cut->first[axis] = start;
    cut->step[axis] = count > 1 ? step : 1;
    cut->count[axis] = count;
    return true;
}

static bool slice_constant (struct reader *r, struct value *v, const struct cut *cut)
{
    int64_t ints[FOLD_MAX];
    float floats[FOLD_MAX];
    bool whole = v->kind == VALUE_INTS;
    if (v->shape.rank != 1 || cut->count[0] > FOLD_MAX)
        return fail (r, "slicing a constant of %d dimensions to %lld numbers is not supported", v->shape.rank,
                     (long long)cut->count[0]);
    const int64_t *from_ints = whole ? value_ints (r, v) : NULL;
    const float *from_floats = whole ? NULL : value_floats (r, v);
    if (!from_ints && !from_floats)
        return false;
    for (int64_t i = 0; i < cut->count[0]; i++) {
        int64_t at = cut->first[0] + i * cut->step[0];
        ints[i] = whole ? from_ints[at] : 0;
        floats[i] = whole ? 0 : from_floats[at];
    }
    struct shape out = { 1, { cut->count[0] } };
    return whole ? set_ints (r, 0, ints, &out) : set_floats (r, 0, floats, &out);
}

bool read_slice (struct reader *r)
{
    struct value *v = input (r, 0);
    int64_t starts[RANK_MAX], ends[RANK_MAX], axes[RANK_MAX], steps[RANK_MAX];
    bool given[4], seen[RANK_MAX] = { false };
    int count = v ? attribute_or_input_ints (r, "starts", 1, starts, RANK_MAX, &given[0]) : -1;
    int count_ends = count < 0 ? -1 : attribute_or_input_ints (r, "ends", 2, ends, RANK_MAX, &given[1]);
    int count_axes = count_ends < 0 ? -1 : attribute_or_input_ints (r, "axes", 3, axes, RANK_MAX, &given[2]);
    int count_steps = count_axes < 0 ? -1 : attribute_or_input_ints (r, "steps", 4, steps, RANK_MAX, &given[3]);
    if (count_steps < 0)
        return false;
    if (!given[0] || count_ends != count || (given[2] && count_axes != count) || (given[3] && count_steps != count))
        return fail (r, "%d starts, %d ends, %d axes and %d steps", count, count_ends, count_axes, count_steps);
    struct cut cut = cut_nothing (&v->shape);
    for (int i = 0; i < count; i++) {
        int axis = axis_of (r, given[2] ? axes[i] : i, v->shape.rank);
        if (axis < 0)
            return false;
        if (seen[axis])
            return fail (r, "axis %d is named twice", axis);
        seen[axis] = true;
        if (!slice_axis (r, v->shape.dims[axis], starts[i], ends[i], given[3] ? steps[i] : 1, axis, &cut))
            return false;
    }
    return v->kind == VALUE_TENSOR ? make_cut (r, v, &cut, 0) : slice_constant (r, v, &cut);
}

bool read_split (struct reader *r)
{
    struct value *v = input_tensor (r, 0);
    int axis = v ? axis_of (r, attribute_int (r, "axis", 0), v->shape.rank) : -1;
    int64_t sizes[FOLD_MAX];
    bool given;
    int count = axis < 0 ? -1 : attribute_or_input_ints (r, "split", 1, sizes, FOLD_MAX, &given);
    int parts = (int)this_node (r)->n_output;
    if (count < 0)
        return false;
    if ((given && count != parts) || attribute_int (r, "num_outputs", parts) != parts)
        return fail (r, "%d sizes for %d outputs", count, parts);
    int64_t size = v->shape.dims[axis], part = (size + parts - 1) / parts, from = 0;
    if (!given && !attribute (r, "num_outputs") && size % parts)
        return fail (r, "%lld cannot be split into %d equal parts", (long long)size, parts);
    for (int i = 0; i < parts; i++) {
        int64_t left = size - from, take = given ? sizes[i] : part < left ? part : left;
        if (take < 1 || take > left)
            return fail (r, "part %d of axis %d has %lld of the %lld that are left", i, axis, (long long)take,
                         (long long)left);
        struct cut cut = cut_nothing (&v->shape);
        cut.first[axis] = from;
        cut.count[axis] = take;
        from += take;
        if (output (r, i) && !make_cut (r, v, &cut, i))
            return false;
    }
    return from == size ||
           fail (r, "the parts of axis %d make %lld instead of %lld", axis, (long long)from, (long long)size);
}

/* Eight numbers, say: before each axis, then behind each. */
static bool pad_widths (struct reader *r, const struct shape *shape, struct cut *cut)
{
    int64_t pads[2 * RANK_MAX], axes[RANK_MAX];
    bool given, some;
    int count = attribute_or_input_ints (r, "pads", 1, pads, 2 * RANK_MAX, &given);
    int named = count < 0 ? -1 : attribute_or_input_ints (r, "axes", 3, axes, RANK_MAX, &some);
    if (named < 0)
        return false;
    int padded = some ? named : shape->rank;
    if (!given || count != 2 * padded)
        return fail (r, "%d pads for %d axes", count, padded);
    for (int i = 0; i < padded; i++) {
        int axis = axis_of (r, some ? axes[i] : i, shape->rank);
        if (axis < 0)
            return false;
        int64_t before = pads[i], after = pads[i + padded];
        if (before < -INT32_MAX || before > PARAMETER_MAX || after < -INT32_MAX || after > PARAMETER_MAX)
            return fail (r, "pads %lld and %lld of axis %d", (long long)before, (long long)after, axis);
        cut->first[axis] = -before;
        cut->count[axis] = shape->dims[axis] + before + after;
    }
    return true;
}

bool read_pad (struct reader *r)
{
    struct value *v = input_tensor (r, 0);
    if (!v)
        return false;
    if (!attribute_says (r, "mode", "constant", "constant"))
        return fail (r, "only mode 'constant' is supported");
    struct cut cut = cut_nothing (&v->shape);
    if (!pad_widths (r, &v->shape, &cut))
        return false;
    cut.fill = attribute_float (r, "value", 0);
    if (has_input (r, 2) && !input_scalar (r, 2, &cut.fill))
        return false;
    return make_cut (r, v, &cut, 0);
}

/* ---- concat -------------------------------------------------------------------------------------------------- */

static bool concat_constants (struct reader *r, int count)
{
    int64_t ints[FOLD_MAX];
    float floats[FOLD_MAX];
    int64_t total = 0;
    bool whole = input (r, 0) && input (r, 0)->kind == VALUE_INTS;
    for (int i = 0; i < count; i++) {
        struct value *v = input (r, i);
        const int64_t *from_ints = v && whole ? value_ints (r, v) : NULL;
        const float *from_floats = v && !whole ? value_floats (r, v) : NULL;
        if (!from_ints && !from_floats)
            return false;
        int64_t own = shape_total (&v->shape);
        if (v->shape.rank != 1 || own > FOLD_MAX - total)
            return fail (r, "joining constants of %d dimensions, %lld numbers is not supported", v->shape.rank,
                         (long long)(total + own));
        for (int64_t k = 0; k < own; k++, total++) {
            ints[total] = whole ? from_ints[k] : 0;
            floats[total] = whole ? 0 : from_floats[k];
        }
    }
    struct shape out = { 1, { total } };
    return whole ? set_ints (r, 0, ints, &out) : set_floats (r, 0, floats, &out);
}

/* Joined along the first axis that is not 1, tensors lie one after the other: that is along channels. */
static bool concat_tensors (struct reader *r, int count, int axis)
{
    struct value *first = input_tensor (r, 0);
    struct shape out = { 0 };
    int *ids = first ? borrow (r, (uint64_t)count, sizeof *ids) : NULL;
    int64_t joined = 0, inner = 1;
    struct tensor_info t = first ? graph_tensor (r->graph, first->tensor) : (struct tensor_info) { 0 };
    for (int i = 0; ids && i < count; i++) {
        struct value *v = input_tensor (r, i);
        if (!v)
            return false;
        struct shape rest = v->shape;
        char text[2][100];
        if (rest.rank == first->shape.rank)
            rest.dims[axis] = first->shape.dims[axis];
        if (!shape_equal (&rest, &first->shape) || shape_count (&rest, 0, axis) != 1)
            return fail (r, "joining %s and %s along axis %d is not supported", shape_text (&first->shape, text[0]),
                         shape_text (&v->shape, text[1]), axis);
        inner = shape_count (&rest, axis + 1, rest.rank);
        bool image = (int64_t)t.height * t.width == inner; /* as it is wherever channels are joined */
        ids[i] = view (r, v, v->shape.dims[axis], image ? t.height : inner, image ? t.width : 1);
        if (ids[i] < 0)
            return false;
        joined += v->shape.dims[axis];
    }
    for (int i = 0; ids && i < first->shape.rank; i++) {
        if (!shape_add (r, &out, i == axis ? joined : first->shape.dims[i]))
            return false;
    }
    return ids && set_tensor (r, 0, graph_concat (r->graph, output_name (r, 0), ids, count), &out);
}

bool read_concat (struct reader *r)
{
    int count = (int)this_node (r)->n_input;
    const struct value *first = input (r, 0);
    int axis = first ? axis_of (r, attribute_int (r, "axis", 1), first->shape.rank) : -1;
    if (axis < 0)
        return false;
    return first->kind == VALUE_TENSOR ? concat_tensors (r, count, axis) : concat_constants (r, count);
}
