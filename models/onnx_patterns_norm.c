/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_patterns_norm.c: normalisations that exporters write as several nodes:
 *
 *   x - ReduceMean (x)     divided by Sqrt (ReduceMean (the same ^ 2) + epsilon)        layer, instance and group norm
 *   x                      divided by Sqrt (ReduceMean (x ^ 2) + epsilon)               RMS norm, FRN
 *
 * The difference may stand there once or twice, the square be Pow or Mul, the division Div or Mul by Reciprocal, 1 /
 * root or Pow -1/2. What is left, weight and bias, are ordinary nodes. */
#include "models/onnx_patterns.h"

#include <math.h>
#include <string.h>

/* The nodes of one, -1 where it has none. */
struct parts {
    int inverse, root, add, mean_square, square, difference[2], mean;
    int x; /* value */
    float epsilon;
};

/* The value that is squared by the node that makes `value`, or -1; only that reads the square. */
static int squared (struct reader *r, int value, int *node)
{
    float exponent;
    if ((*node = onnx_made_by (r, value, "Pow")) >= 0)
        return onnx_peek (r, onnx_node_input (r, *node, 1), &exponent) && exponent == 2 ? onnx_node_input (r, *node, 0)
                                                                                        : -1;
    *node = onnx_made_by (r, value, "Mul");
    int base = *node < 0 ? -1 : onnx_node_input (r, *node, 0);
    return base >= 0 && base == onnx_node_input (r, *node, 1) ? base : -1;
}

/* What is under the root that the dividend is divided by: x ^ -1/2 and 1 / Sqrt (x) of a product's factor too. */
static int under_root (struct reader *r, int value, bool divides, struct parts *p)
{
    float number;
    p->inverse = -1;
    if (!divides) {
        if ((p->root = onnx_made_by (r, value, "Pow")) >= 0)
            return onnx_peek (r, onnx_node_input (r, p->root, 1), &number) && number == -0.5f
                       ? onnx_node_input (r, p->root, 0)
                       : -1;
        if ((p->inverse = onnx_made_by (r, value, "Reciprocal")) >= 0) {
            value = onnx_node_input (r, p->inverse, 0);
        } else if ((p->inverse = onnx_made_by (r, value, "Div")) >= 0 &&
                   onnx_peek (r, onnx_node_input (r, p->inverse, 0), &number) && number == 1) {
            value = onnx_node_input (r, p->inverse, 1);
        } else {
            return -1;
        }
    }
    p->root = onnx_made_by (r, value, "Sqrt");
    return p->root < 0 ? -1 : onnx_node_input (r, p->root, 0);
}

/* A difference from the mean: its node and x; false: another value. */
static bool is_difference (const struct reader *r, int value, int *node, int *x, int *mean)
{
    *node = value < 0 ? -1 : r->values[value].producer;
    if (*node < 0 || !onnx_node_is (r, *node, "Sub"))
        return false;
    *x = onnx_node_input (r, *node, 0);
    *mean = onnx_node_input (r, *node, 1);
    return *x >= 0 && *mean >= 0;
}

/* Whether the dividend and what is squared are x, or its difference from its mean, which nobody else reads. */
static bool are_differences (struct reader *r, int dividend, int base, struct parts *p)
{
    int mean, other_x, other_mean;
    int readers = onnx_node_is (r, p->square, "Mul") ? 2 : 1;
    p->difference[0] = p->difference[1] = p->mean = -1;
    if (!is_difference (r, base, &p->difference[0], &p->x, &mean)) {
        p->difference[0] = -1;
        p->x = base;
        return base == dividend;
    }
    bool once = base == dividend;
    if (r->values[base].uses != readers + once)
        return false;
    if (!once && (!is_difference (r, dividend, &p->difference[1], &other_x, &other_mean) || other_x != p->x ||
                  other_mean != mean || r->values[dividend].uses != 1))
        return false;
    p->mean = r->values[mean].producer;
    return p->mean >= 0 && onnx_node_is (r, p->mean, "ReduceMean") && r->values[mean].uses == (once ? 1 : 2) &&
           onnx_node_input (r, p->mean, 0) == p->x;
}

static bool is_norm (struct reader *r, int dividend, int divisor, bool divides, struct parts *p)
{
    int sum = under_root (r, divisor, divides, p);
    p->add = onnx_made_by (r, sum, "Add");
    if (dividend < 0 || p->add < 0)
        return false;
    int first = onnx_node_input (r, p->add, 0), second = onnx_node_input (r, p->add, 1);
    bool behind = onnx_peek (r, second, &p->epsilon);
    if (!behind && !onnx_peek (r, first, &p->epsilon))
        return false;
    p->mean_square = onnx_made_by (r, behind ? first : second, "ReduceMean");
    if (p->mean_square < 0 || !(p->epsilon >= 0) || !isfinite (p->epsilon))
        return false;
    int base = squared (r, onnx_node_input (r, p->mean_square, 0), &p->square);
    return base >= 0 && are_differences (r, dividend, base, p);
}

void onnx_try_norm (struct reader *r, int node)
{
    struct parts p;
    bool divides = onnx_node_is (r, node, "Div"), found = false;
    if (!divides && !onnx_node_is (r, node, "Mul"))
        return;
    for (int i = 0; i < (divides ? 1 : 2) && !found; i++)
        found = is_norm (r, onnx_node_input (r, node, i), onnx_node_input (r, node, 1 - i), divides, &p);
    if (!found || !r->values[p.x].of_image) /* of a constant, weights that are standardised, node by node */
        return;
    const int nodes[] = { p.inverse, p.root, p.add, p.mean_square, p.square, p.difference[0], p.difference[1], p.mean };
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        if (nodes[i] >= 0)
            r->roles[nodes[i]].absorbed = true;
    }
    struct role *role = &r->roles[node];
    role->pattern_input = p.x;
    role->norm.is = true;
    role->norm.mean = p.mean;
    role->norm.squares = p.mean_square;
    role->norm.epsilon = p.epsilon;
}

/* The axes of another node of the pattern, which must keep them. */
static bool axes_of (struct reader *r, int node, const struct value *x, bool axes[RANK_MAX])
{
    int own = r->node;
    r->node = node;
    bool good = onnx_reduced_axes (r, x, axes) &&
                (onnx_attribute_int (r, "keepdims", 1) != 0 ||
                 onnx_fail (r, "keeps no dimensions, so that what it makes does not fit the normalisation's input"));
    if (good)
        r->node = own;
    return good;
}

bool onnx_read_norm_pattern (struct reader *r)
{
    const struct role *role = &r->roles[r->node];
    struct value *x = &r->values[role->pattern_input], result;
    struct normalise how = { .uncentred = role->norm.mean < 0, .epsilon = role->norm.epsilon };
    bool axes[RANK_MAX], mean_axes[RANK_MAX];
    if (x->kind != VALUE_TENSOR)
        return onnx_fail (r, "'%.100s' is no tensor that depends on the image, or is made later", x->name);
    if (!axes_of (r, role->norm.squares, x, axes) || (!how.uncentred && !axes_of (r, role->norm.mean, x, mean_axes)))
        return false;
    if (!how.uncentred && memcmp (axes, mean_axes, sizeof axes))
        return onnx_fail (r, "mean and variance are over different axes");
    return onnx_normalised (r, x, axes, &how, onnx_output_name (r, 0), &result) &&
           onnx_set_like (r, 0, result.tensor, &result);
}
