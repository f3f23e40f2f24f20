/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_slice.c: slices, splits and pads: along each axis some numbers are left out or filled in, which is one
 * graph_pick. */
#include "models/onnx_reader.h"

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
    int *to = count > INT32_MAX ? NULL : onnx_alloc_node (r, (uint64_t)count, sizeof *to);
    for (int64_t i = 0; to && i < count; i++) {
        int64_t c = first + i * step;
        to[i] = c < 0 || c >= channels ? -1 : (int)c;
    }
    return to;
}

/* Output `index` of the node is what the lists leave of v: axis after axis, list[i] (NULL: all) of count[i] entries. */
static bool gather_axes (struct reader *r, const struct value *v, int64_t *const *list, const int64_t *count, int index)
{
    struct value in = *v;
    struct shape out = { 0 };
    int last = -1;
    for (int i = 0; i < v->shape.rank; i++) {
        last = list[i] ? i : last;
        if (!onnx_shape_add (r, &out, list[i] ? count[i] : v->shape.dims[i]))
            return false;
    }
    for (int i = 0; i <= last; i++) {
        if (!list[i])
            continue;
        in.tensor = onnx_gathered (r, &in, i, list[i], count[i], i == last ? onnx_output_name (r, index) : "");
        if (in.tensor < 0)
            return false;
        in.shape.dims[i] = count[i];
    }
    return onnx_set_tensor (r, index, in.tensor, &out);
}

/* The same as a cut that fills nothing in, which no single pick can do: one backwards along rows, for instance. */
static bool gather_cut (struct reader *r, const struct value *v, const struct cut *cut, int index)
{
    int64_t *list[RANK_MAX] = { NULL };
    char text[100];
    for (int i = 0; i < v->shape.rank; i++) {
        int64_t dim = v->shape.dims[i], end = cut->first[i] + (cut->count[i] - 1) * cut->step[i];
        if (cut->first[i] == 0 && cut->step[i] == 1 && cut->count[i] == dim)
            continue;
        if (cut->first[i] < 0 || cut->first[i] >= dim || end < 0 || end >= dim)
            return onnx_fail (r, "padding axis %d of %s is not supported", i, onnx_shape_text (&v->shape, text));
        if (!(list[i] = onnx_alloc_node (r, (uint64_t)cut->count[i], sizeof *list[i])))
            return false;
        for (int64_t k = 0; k < cut->count[i]; k++)
            list[i][k] = cut->first[i] + k * cut->step[i];
    }
    return gather_axes (r, v, list, cut->count, index);
}

/* Output `index` of the node is what `cut` leaves of v. */
static bool make_cut (struct reader *r, const struct value *v, const struct cut *cut, int index)
{
    struct shape out = { 0 };
    int first;
    int64_t chw[3], from[3] = { 0 }, step[3] = { 1, 1, 1 }, count[3] = { 1, 1, 1 };
    bool same = true, image = onnx_shape_as_image (&v->shape, &first, chw);
    for (int i = 0; i < v->shape.rank; i++) {
        if (cut->count[i] < 1)
            return onnx_fail (r, "axis %d would be left with %lld numbers", i, (long long)cut->count[i]);
        if (!onnx_shape_add (r, &out, cut->count[i]))
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
        return onnx_set_alias (r, v, &out);
    if (!image)
        return gather_cut (r, v, cut, index);
    int in = onnx_view (r, v, chw[0], chw[1], chw[2]);
    int *channels = in < 0 ? NULL : cut_channels (r, chw[0], from[0], step[0], count[0]);
    struct pick pick = { channels,     (int)count[0], (int)count[1], (int)count[2], (int)from[1],
                         (int)from[2], (int)step[1],  (int)step[2],  cut->fill };
    return channels && onnx_set_tensor (r, index, graph_pick (r->graph, onnx_output_name (r, index), in, &pick), &out);
}

/* ONNX's rule for one axis: ends behind the last number or before the first are taken as that. */
static bool slice_axis (struct reader *r, int64_t size, const int64_t start_end_step[3], int axis, struct cut *cut)
{
    int64_t start = start_end_step[0], end = start_end_step[1], step = start_end_step[2];
    if (step == 0 || step > INT32_MAX || step < -INT32_MAX)
        return onnx_fail (r, "a step of %lld", (long long)step);
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

/* The same of a constant, of which nothing is filled in. */
static bool cut_constant (struct reader *r, struct value *v, const struct cut *cut, int index)
{
    struct onnx_walk walk = onnx_walk_over (&v->shape);
    struct shape out = { 0 };
    for (int i = 0; i < v->shape.rank; i++) {
        if (!onnx_shape_add (r, &out, cut->count[i]))
            return false;
        walk.dims[i] = cut->count[i];
        walk.index += cut->first[i] * walk.step[i];
        walk.step[i] *= cut->step[i];
    }
    return onnx_fold_walk (r, index, v, walk, &out);
}

static bool read_slice (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int64_t starts[RANK_MAX], ends[RANK_MAX], axes[RANK_MAX], steps[RANK_MAX];
    bool given[4], seen[RANK_MAX] = { false };
    int count = v ? onnx_attribute_or_input_ints (r, "starts", 1, starts, RANK_MAX, &given[0]) : -1;
    int count_ends = count < 0 ? -1 : onnx_attribute_or_input_ints (r, "ends", 2, ends, RANK_MAX, &given[1]);
    int count_axes = count_ends < 0 ? -1 : onnx_attribute_or_input_ints (r, "axes", 3, axes, RANK_MAX, &given[2]);
    int count_steps = count_axes < 0 ? -1 : onnx_attribute_or_input_ints (r, "steps", 4, steps, RANK_MAX, &given[3]);
    if (count_steps < 0)
        return false;
    if (!given[0] || count_ends != count || (given[2] && count_axes != count) || (given[3] && count_steps != count))
        return onnx_fail (r, "%d starts, %d ends, %d axes and %d steps", count, count_ends, count_axes, count_steps);
    struct cut cut = cut_nothing (&v->shape);
    for (int i = 0; i < count; i++) {
        int axis = onnx_axis (r, given[2] ? axes[i] : i, v->shape.rank);
        if (axis < 0)
            return false;
        if (seen[axis])
            return onnx_fail (r, "axis %d is named twice", axis);
        seen[axis] = true;
        const int64_t part[3] = { starts[i], ends[i], given[3] ? steps[i] : 1 };
        if (!slice_axis (r, v->shape.dims[axis], part, axis, &cut))
            return false;
    }
    return v->kind == VALUE_TENSOR ? make_cut (r, v, &cut, 0) : cut_constant (r, v, &cut, 0);
}

static bool read_split (struct reader *r)
{
    struct value *v = onnx_input_value (r, 0);
    int axis = v ? onnx_axis (r, onnx_attribute_int (r, "axis", 0), v->shape.rank) : -1;
    int parts = (int)onnx_current_node (r)->n_output;
    int64_t *sizes = axis < 0 ? NULL : onnx_alloc_node (r, (uint64_t)parts, sizeof *sizes);
    bool given;
    int count = sizes ? onnx_attribute_or_input_ints (r, "split", 1, sizes, parts, &given) : -1;
    if (count < 0)
        return false;
    int64_t said = onnx_attribute_int (r, "num_outputs", parts);
    if ((given && count != parts) || said != parts)
        return onnx_fail (r, said != parts ? "num_outputs %lld for %d outputs" : "%lld sizes for %d outputs",
                          (long long)(said != parts ? said : count), parts);
    int64_t size = v->shape.dims[axis], part = (size + parts - 1) / parts, from = 0;
    if (!given && !onnx_attribute (r, "num_outputs") && size % parts)
        return onnx_fail (r, "%lld cannot be split into %d equal parts", (long long)size, parts);
    for (int i = 0; i < parts; i++) {
        int64_t left = size - from, take = given ? sizes[i] : part < left ? part : left;
        if (take < (v->kind != VALUE_TENSOR ? 0 : 1) || take > left)
            return onnx_fail (r, "part %d of axis %d has %lld of the %lld that are left", i, axis, (long long)take,
                              (long long)left);
        struct cut cut = cut_nothing (&v->shape);
        cut.first[axis] = from;
        cut.count[axis] = take;
        from += take;
        if (onnx_output_value (r, i) &&
            !(v->kind == VALUE_TENSOR ? make_cut (r, v, &cut, i) : cut_constant (r, v, &cut, i)))
            return false;
    }
    return from == size ||
           onnx_fail (r, "the parts of axis %d make %lld instead of %lld", axis, (long long)from, (long long)size);
}

/* Eight numbers, say: before each axis, then behind each. */
static bool pad_widths (struct reader *r, const struct shape *shape, struct cut *cut)
{
    int64_t pads[2 * RANK_MAX], axes[RANK_MAX];
    bool given, some;
    int count = onnx_attribute_or_input_ints (r, "pads", 1, pads, 2 * RANK_MAX, &given);
    int named = count < 0 ? -1 : onnx_attribute_or_input_ints (r, "axes", 3, axes, RANK_MAX, &some);
    if (named < 0)
        return false;
    int padded = some ? named : shape->rank;
    if (!given || count != 2 * padded)
        return onnx_fail (r, "%d pads for %d axes", count, padded);
    for (int i = 0; i < padded; i++) {
        int axis = onnx_axis (r, some ? axes[i] : i, shape->rank);
        if (axis < 0)
            return false;
        int64_t before = pads[i], after = pads[i + padded];
        if (before < -INT32_MAX || before > INT32_MAX || after < -INT32_MAX || after > INT32_MAX)
            return onnx_fail (r, "pads %lld and %lld of axis %d", (long long)before, (long long)after, axis);
        cut->first[axis] = -before;
        cut->count[axis] = shape->dims[axis] + before + after;
    }
    return true;
}

/* Which entry of an axis of `size` stands at place `at`, which may be outside: mirrored at the first and last ('r'),
 * the nearest ('e'), or counted round ('w'). */
static int64_t outside (char mode, int64_t at, int64_t size)
{
    if (mode == 'e')
        return at < 0 ? 0 : at < size ? at : size - 1;
    int64_t period = mode == 'w' || size == 1 ? size : 2 * (size - 1);
    at = (at % period + period) % period;
    return at < size ? at : period - at;
}

/* Padded by what is there already. */
static bool pad_by_copies (struct reader *r, const struct value *v, const struct cut *cut, char mode)
{
    int64_t *list[RANK_MAX] = { NULL };
    for (int i = 0; i < v->shape.rank; i++) {
        if (cut->count[i] < 1)
            return onnx_fail (r, "axis %d would be left with %lld numbers", i, (long long)cut->count[i]);
        if (cut->first[i] == 0 && cut->count[i] == v->shape.dims[i])
            continue;
        if (!(list[i] = onnx_alloc_node (r, (uint64_t)cut->count[i], sizeof *list[i])))
            return false;
        for (int64_t k = 0; k < cut->count[i]; k++)
            list[i][k] = outside (mode, cut->first[i] + k, v->shape.dims[i]);
    }
    return gather_axes (r, v, list, cut->count, 0);
}

static bool read_pad (struct reader *r)
{
    static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
    struct value *v = onnx_input_deferred (r, 0);
    size_t mode = 0;
    while (mode < 4 && !onnx_attribute_says (r, "mode", modes[mode], "constant"))
        mode++;
    if (!v || v->kind != VALUE_TENSOR)
        return onnx_input_tensor (r, 0) && false; /* which tells why */
    struct cut cut = cut_nothing (&v->shape);
    if (mode == 4)
        return onnx_fail (r, "its mode is not constant, reflect, edge or wrap");
    if (!pad_widths (r, &v->shape, &cut))
        return false;
    cut.fill = onnx_attribute_float (r, "value", 0);
    if (!mode && onnx_has_input (r, 2) && !onnx_input_scalar (r, 2, &cut.fill))
        return false;
    struct value in = *v;
    bool last = v->deferred == DEFERRED_CHANNELS_LAST;
    if (last) {
        struct cut own = cut;
        for (int i = 0; i < 4; i++) {
            cut.first[onnx_channels_last[i]] = own.first[i];
            cut.count[onnx_channels_last[i]] = own.count[i];
        }
        in.shape = v->stored;
        in.deferred = DEFERRED_NOTHING;
    } else if (onnx_settle (r, v))
        in = *v;
    else
        return false;
    bool good = mode ? pad_by_copies (r, &in, &cut, modes[mode][0]) : make_cut (r, &in, &cut, 0);
    if (good && last)
        onnx_set_channels_last (r, 0);
    return good;
}

const struct onnx_operator onnx_slice_operators[] = {
    { "Pad", 1, 4, 1, read_pad, "mode:s pads:I value:f" },
    { "Slice", 1, 5, 1, read_slice, "starts:I ends:I axes:I" },
    { "Split", 1, 2, 1, read_split, "axis:i split:I num_outputs:i" },
    { .name = NULL },
};
