/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_fold.c: constants of any size -> constants: laid out anew, joined, chosen from, calculated with.
 *
 * Exporters leave the calculation of shapes, pads and indices in a file as nodes on integers, which must be done while
 * reading; floats go the same way. Results are the node's outputs, and count against the budget of the reader. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/* The numbers of a constant and the bytes of each, or NULL and a failure. */
static const void *numbers_of (struct reader *r, struct value *v, size_t *size)
{
    *size = v->kind == VALUE_INTS ? sizeof (int64_t) : sizeof (float);
    if (v->kind == VALUE_INTS)
        return onnx_value_ints (r, v);
    return onnx_value_floats (r, v);
}

static void copy_number (void *to, int64_t at, const void *from, int64_t index, size_t size)
{
    if (size == sizeof (int64_t))
        ((int64_t *)to)[at] = ((const int64_t *)from)[index];
    else
        ((float *)to)[at] = ((const float *)from)[index];
}

/* ---- laid out anew ------------------------------------------------------------------------------------------- */

bool onnx_fold_walk (struct reader *r, int index, struct value *v, struct onnx_walk walk, const struct shape *shape)
{
    size_t size;
    const void *from = numbers_of (r, v, &size);
    void *to = from ? onnx_make_constant (r, index, v->kind, shape) : NULL;
    int64_t count = onnx_shape_total (shape);
    for (int64_t i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++, onnx_walk_on (&walk))
        copy_number (to, i, from, walk.index, size);
    return to != NULL;
}

/* ---- chosen and joined --------------------------------------------------------------------------------------- */

bool onnx_fold_gather (struct reader *r, struct value *v, int axis, const int64_t *picks, int64_t count,
                       const struct shape *shape)
{
    size_t size;
    const char *from = numbers_of (r, v, &size);
    char *to = from ? onnx_make_constant (r, 0, v->kind, shape) : NULL;
    int64_t outer = onnx_shape_count (&v->shape, 0, axis), dim = v->shape.dims[axis];
    int64_t inner = onnx_shape_count (&v->shape, axis + 1, v->shape.rank);
    for (int64_t o = 0; to && inner && o < outer && onnx_spend (r, 3 * (uint64_t)count); o++) {
        for (int64_t i = 0; i < count; i++)
            memcpy (to + (size_t)((o * count + i) * inner) * size, from + (size_t)((o * dim + picks[i]) * inner) * size,
                    (size_t)inner * size);
    }
    return to != NULL;
}

/* Checks the inputs of a Concat of constants; their shape together. */
static bool joined_shape (struct reader *r, int count, int axis, enum value_kind kind, struct shape *out)
{
    struct value *first = onnx_input_value (r, 0);
    int64_t joined = 0;
    for (int i = 0; i < count; i++) {
        const struct value *v = onnx_input_value (r, i);
        if (!v)
            return false;
        char text[2][100];
        if (v->kind != kind || !onnx_shape_joins (&first->shape, &v->shape, axis))
            return onnx_fail (r, "constants of %s and %s cannot be joined along axis %d",
                              onnx_shape_text (&first->shape, text[0]), onnx_shape_text (&v->shape, text[1]), axis);
        joined += v->shape.dims[axis];
    }
    return onnx_shape_with (r, &first->shape, axis, joined, out);
}

bool onnx_fold_concat (struct reader *r, int count, int axis)
{
    struct shape out;
    enum value_kind kind = onnx_input_value (r, 0)->kind;
    if (!joined_shape (r, count, axis, kind, &out))
        return false;
    char *to = onnx_make_constant (r, 0, kind, &out);
    int64_t outer = onnx_shape_count (&out, 0, axis), row = onnx_shape_count (&out, axis, out.rank), done = 0;
    for (int i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++) {
        struct value *v = onnx_input_value (r, i);
        size_t size;
        const char *from = numbers_of (r, v, &size);
        int64_t own = onnx_shape_count (&v->shape, axis, out.rank);
        for (int64_t o = 0; from && own && o < outer && onnx_spend (r, 10); o++)
            memcpy (to + (size_t)(o * row + done) * size, from + (size_t)(o * own) * size, (size_t)own * size);
        if (!from)
            return false;
        done += own;
    }
    return to != NULL;
}

bool onnx_fold_where (struct reader *r)
{
    struct value *choice = onnx_input_value (r, 0), *a = choice ? onnx_input_value (r, 1) : NULL;
    struct value *b = a ? onnx_input_value (r, 2) : NULL;
    struct shape both, out;
    size_t size;
    if (!b || !onnx_shape_broadcast (r, &a->shape, &b->shape, &both) ||
        !onnx_shape_broadcast (r, &choice->shape, &both, &out))
        return false;
    if (a->kind != b->kind)
        return onnx_fail (r, "chooses between integers and floats");
    const int64_t *chosen = onnx_value_ints (r, choice);
    const void *left = chosen ? numbers_of (r, a, &size) : NULL, *right = left ? numbers_of (r, b, &size) : NULL;
    void *to = right ? onnx_make_constant (r, 0, a->kind, &out) : NULL;
    struct onnx_walk at[3] = { onnx_walk_repeated (&choice->shape, &out), onnx_walk_repeated (&a->shape, &out),
                               onnx_walk_repeated (&b->shape, &out) };
    int64_t count = onnx_shape_total (&out);
    for (int64_t i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++) {
        bool first = chosen[at[0].index] != 0;
        copy_number (to, i, first ? left : right, at[first ? 1 : 2].index, size);
        for (int k = 0; k < 3; k++)
            onnx_walk_on (&at[k]);
    }
    return to != NULL;
}

/* ---- calculated ---------------------------------------------------------------------------------------------- */

/* False where the result does not exist. */
static bool int_result (char operation, int64_t a, int64_t b, int64_t *to)
{
    switch (operation) {
    case '+':
        return !__builtin_add_overflow (a, b, to);
    case '-':
        return !__builtin_sub_overflow (a, b, to);
    case '*':
        return !__builtin_mul_overflow (a, b, to);
    case '/':
        *to = b == 0 || (a == INT64_MIN && b == -1) ? 0 : a / b;
        return b != 0 && (a != INT64_MIN || b != -1);
    case '%': /* as Python's: of the divisor's sign */
        *to = b == 0 || b == -1 ? 0 : a % b;
        *to += *to && (*to < 0) != (b < 0) ? b : 0;
        return b != 0;
    case '<':
        *to = a < b;
        return true;
    case '>':
        *to = a > b;
        return true;
    case '=':
        *to = a == b;
        return true;
    case 'g':
        *to = a >= b;
        return true;
    case 'l':
        *to = a <= b;
        return true;
    case '&':
        *to = a && b;
        return true;
    case '|':
        *to = a || b;
        return true;
    case 'm':
        *to = a < b ? a : b;
        return true;
    default: /* M */
        *to = a > b ? a : b;
        return true;
    }
}

static float float_result (char operation, float a, float b)
{
    switch (operation) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    case '/':
        return a / b;
    case '^':
        return powf (a, b);
    case '%':
        return fmodf (a, b);
    case 'm':
        return fminf (a, b);
    default: /* M */
        return fmaxf (a, b);
    }
}

static bool fold_ints (struct reader *r, char operation, struct value *a, struct value *b, const struct shape *shape)
{
    const int64_t *left = onnx_value_ints (r, a), *right = left ? onnx_value_ints (r, b) : NULL;
    int64_t *to = right ? onnx_make_constant (r, 0, VALUE_INTS, shape) : NULL, count = onnx_shape_total (shape);
    struct onnx_walk x = onnx_walk_repeated (&a->shape, shape), y = onnx_walk_repeated (&b->shape, shape);
    for (int64_t i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++) {
        if (!int_result (operation, left[x.index], right[y.index], &to[i]))
            return onnx_fail (r, "%lld %c %lld has no value", (long long)left[x.index], operation,
                              (long long)right[y.index]);
        onnx_walk_on (&x);
        onnx_walk_on (&y);
    }
    return to != NULL;
}

static bool fold_floats (struct reader *r, char operation, struct value *a, struct value *b, const struct shape *shape)
{
    bool compares = strchr ("<>=gl", operation) != NULL;
    const float *left = onnx_value_floats (r, a), *right = left ? onnx_value_floats (r, b) : NULL;
    void *to = right ? onnx_make_constant (r, 0, compares ? VALUE_INTS : VALUE_FLOATS, shape) : NULL;
    struct onnx_walk x = onnx_walk_repeated (&a->shape, shape), y = onnx_walk_repeated (&b->shape, shape);
    int64_t count = onnx_shape_total (shape);
    for (int64_t i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++) {
        float p = left[x.index], q = right[y.index];
        if (compares)
            ((int64_t *)to)[i] = operation == '<'   ? p < q
                                 : operation == '>' ? p > q
                                 : operation == 'g' ? p >= q
                                 : operation == 'l' ? p <= q
                                                    : p == q;
        else
            ((float *)to)[i] = float_result (operation, p, q);
        onnx_walk_on (&x);
        onnx_walk_on (&y);
    }
    return to != NULL;
}

bool onnx_fold_arithmetic (struct reader *r, char operation)
{
    struct value *a = onnx_input_value (r, 0), *b = a ? onnx_input_value (r, 1) : NULL;
    struct shape shape;
    if (!b || !onnx_shape_broadcast (r, &a->shape, &b->shape, &shape))
        return false;
    if (a->kind == VALUE_INTS && b->kind == VALUE_INTS && operation != '^')
        return fold_ints (r, operation, a, b, &shape);
    return fold_floats (r, operation, a, b, &shape);
}

bool onnx_fold_abs (struct reader *r, struct value *v)
{
    size_t size;
    const void *from = numbers_of (r, v, &size);
    void *to = from ? onnx_make_constant (r, 0, v->kind, &v->shape) : NULL;
    for (int64_t i = 0; to && onnx_goes_on (r, i, onnx_shape_total (&v->shape), FOLD_STEPS); i++) {
        if (v->kind == VALUE_FLOATS)
            ((float *)to)[i] = fabsf (((const float *)from)[i]);
        else {
            int64_t number = ((const int64_t *)from)[i];
            ((int64_t *)to)[i] = number < 0 && number > INT64_MIN ? -number : number;
        }
    }
    return to != NULL;
}

/* ---- reduced ------------------------------------------------------------------------------------------------- */

bool onnx_fold_reduce (struct reader *r, struct value *v, const int *perm, int kept, char operation,
                       const struct shape *shape)
{
    size_t size;
    const void *from = numbers_of (r, v, &size);
    void *to = from ? onnx_make_constant (r, 0, v->kind, shape) : NULL;
    struct onnx_walk own = onnx_walk_over (&v->shape), walk = own;
    int64_t group = 1, count = onnx_shape_total (shape);
    for (int i = 0; i < v->shape.rank; i++) {
        walk.dims[i] = own.dims[perm[i]];
        walk.step[i] = own.step[perm[i]];
        group *= i < kept ? 1 : walk.dims[i];
    }
    if (to && !group)
        return onnx_fail (r, "reduces nothing");
    bool mean = operation == 'a';
    for (int64_t i = 0; to && onnx_goes_on (r, i, count, FOLD_STEPS); i++) {
        int64_t whole = 0;
        float sum = 0;
        for (int64_t k = 0; onnx_goes_on (r, k, group, FOLD_STEPS); k++, onnx_walk_on (&walk)) {
            if (v->kind == VALUE_INTS) {
                int64_t next = ((const int64_t *)from)[walk.index];
                if (k && !int_result (mean ? '+' : operation, whole, next, &whole))
                    return onnx_fail (r, "its result has no value in 64 bits");
                whole = k ? whole : next;
            } else {
                float next = ((const float *)from)[walk.index];
                sum = k ? float_result (mean ? '+' : operation, sum, next) : next;
            }
        }
        if (r->failed)
            return false;
        if (v->kind == VALUE_INTS)
            ((int64_t *)to)[i] = mean ? whole / group : whole;
        else
            ((float *)to)[i] = mean ? sum / (float)group : sum;
    }
    return to != NULL;
}
