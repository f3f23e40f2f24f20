/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_patterns.c: activations that exporters write as several nodes, because older opsets have no operator for them.
 *
 *   silu         x * Sigmoid (x)
 *   hard-swish   x * HardSigmoid (x; 1/6, 1/2)     x * Clip (x + 3, 0, 6) / 6
 *   mish         x * Tanh (Softplus (x))
 *   gelu         x * (1 + Erf (x / sqrt 2)) / 2
 *   gelu-tanh    x * (1 + Tanh (sqrt (2/pi) (x + 0.044715 x^3))) / 2
 *   sigmoid      1 / (1 + Exp (-x))                as Div or Reciprocal
 *   relu         Where (x > 0, x, 0)               all three with >, >=, < or <=, either way round
 *   leaky-relu   Where (x > 0, x, alpha x)
 *   elu          Where (x > 0, x, alpha (Exp (x) - 1))
 *
 * The first five are products, whose factors exporters put in any order and grouping. So a node is taken apart into a
 * product
 *
 *   number * factor * factor ...        through Mul by anything and Div by a number, while nobody else reads the parts
 *
 * and the factors are compared. Nodes are tried from last to first: the outermost product comes first. The nodes inside
 * are then marked as absorbed, and the outermost makes the activation. */
#include "models/onnx_patterns.h"

#include <math.h>
#include <string.h>

enum { FACTORS_MAX = 4, PARTS_MAX = 16 };

struct product {
    double number;
    int factor[FACTORS_MAX], factors; /* values */
    int node[PARTS_MAX], nodes;       /* what it was taken apart from */
    bool valid;
};

static bool close_to (double a, double b)
{
    return fabs (a - b) <= 1e-3 * fabs (b); /* constants may have been through 16-bit floats */
}

bool onnx_node_is (const struct reader *r, int node, const char *operation)
{
    const Convrelu__OnnxNode *n = r->file->node[node];
    bool foreign = n->domain && *n->domain && strcmp (n->domain, "ai.onnx");
    return !foreign && !strcmp (n->op_type, operation);
}

/* The node that makes a value that only one place reads, if it is of this operator; else -1. */
int onnx_made_by (const struct reader *r, int value, const char *operation)
{
    if (value < 0 || r->values[value].uses != 1 || r->values[value].producer < 0)
        return -1;
    int node = r->values[value].producer;
    return onnx_node_is (r, node, operation) ? node : -1;
}

int onnx_node_input (const struct reader *r, int node, int index)
{
    return (size_t)index < r->file->node[node]->n_input ? r->slots[r->node_slots[node] + index] : -1;
}

/* ---- products ------------------------------------------------------------------------------------------------ */

/* Takes `node`, a Mul or Div, into the product: its operands are added to `open`. */
static bool take_node (struct reader *r, struct product *p, int node, int open[PARTS_MAX], int *opened)
{
    int left = onnx_node_input (r, node, 0), right = onnx_node_input (r, node, 1);
    bool divides = onnx_node_is (r, node, "Div");
    float number;
    if (left < 0 || right < 0 || p->nodes == PARTS_MAX || *opened + 2 > PARTS_MAX)
        return false;
    if (divides && !onnx_peek (r, right, &number))
        return false;
    p->node[p->nodes++] = node;
    open[(*opened)++] = left;
    if (divides)
        p->number /= (double)number;
    else
        open[(*opened)++] = right;
    return true;
}

/* The product that `node` is. */
static struct product product_of_node (struct reader *r, int node)
{
    struct product p = { .number = 1 };
    int open[PARTS_MAX], opened = 0;
    if (!take_node (r, &p, node, open, &opened))
        return p;
    while (opened && onnx_spend (r, 100)) {
        int value = open[--opened];
        int inner = onnx_made_by (r, value, "Mul");
        inner = inner < 0 ? onnx_made_by (r, value, "Div") : inner;
        float number;
        if (onnx_peek (r, value, &number))
            p.number *= (double)number;
        else if (inner >= 0 && take_node (r, &p, inner, open, &opened))
            continue;
        else if (p.factors < FACTORS_MAX)
            p.factor[p.factors++] = value;
        else
            return p;
    }
    p.valid = true;
    return p;
}

/* The product that makes a value nobody else reads; a single factor where it is none. */
static struct product product_of_value (struct reader *r, int value)
{
    int node = onnx_made_by (r, value, "Mul");
    node = node < 0 ? onnx_made_by (r, value, "Div") : node;
    if (node >= 0)
        return product_of_node (r, node);
    return (struct product) { .number = 1, .factor = { value }, .factors = 1, .valid = true };
}

/* number * x^count and nothing else. */
static bool is_power (const struct product *p, double number, int x, int count)
{
    if (!p->valid || p->factors != count || !close_to (p->number, number))
        return false;
    for (int i = 0; i < count; i++) {
        if (p->factor[i] != x)
            return false;
    }
    return true;
}

static void absorb (struct reader *r, const struct product *p)
{
    for (int i = 0; i < p->nodes; i++)
        r->roles[p->node[i]].absorbed = true;
}

/* ---- second factors ------------------------------------------------------------------------------------------ */

/* A node adding a number to a value: the value, or -1. */
static int plus_number (struct reader *r, int node, double number)
{
    for (int i = 0; node >= 0 && i < 2; i++) {
        float found;
        if (onnx_peek (r, onnx_node_input (r, node, i), &found) && close_to (found, number))
            return onnx_node_input (r, node, 1 - i);
    }
    return -1;
}

static float float_attribute (const struct reader *r, int node, const char *name, float otherwise)
{
    const Convrelu__OnnxNode *n = r->file->node[node];
    for (size_t i = 0; i < n->n_attribute; i++) {
        if (n->attribute[i]->name && !strcmp (n->attribute[i]->name, name))
            return n->attribute[i]->f;
    }
    return otherwise;
}

static bool is_sigmoid (struct reader *r, int value, int x, double number)
{
    int node = onnx_made_by (r, value, "Sigmoid");
    if (node < 0 || onnx_node_input (r, node, 0) != x || !close_to (number, 1))
        return false;
    return r->roles[node].absorbed = true;
}

static bool is_hard_sigmoid (struct reader *r, int value, int x, double number)
{
    int node = onnx_made_by (r, value, "HardSigmoid");
    if (node < 0 || onnx_node_input (r, node, 0) != x || !close_to (number, 1) ||
        !close_to (float_attribute (r, node, "alpha", 0.2f), 1.0 / 6) ||
        !close_to (float_attribute (r, node, "beta", 0.5f), 0.5))
        return false;
    return r->roles[node].absorbed = true;
}

/* Clip (x + 3, 0, 6), to be multiplied by 1/6. */
static bool is_relu6 (struct reader *r, int value, int x, double number)
{
    int clip = onnx_made_by (r, value, "Clip");
    if (clip < 0 || !close_to (number, 1.0 / 6))
        return false;
    float least = float_attribute (r, clip, "min", NAN), most = float_attribute (r, clip, "max", NAN);
    onnx_peek (r, onnx_node_input (r, clip, 1), &least);
    onnx_peek (r, onnx_node_input (r, clip, 2), &most);
    int add = onnx_made_by (r, onnx_node_input (r, clip, 0), "Add");
    if (!(least == 0 && close_to (most, 6)) || plus_number (r, add, 3) != x)
        return false;
    return r->roles[clip].absorbed = r->roles[add].absorbed = true;
}

static bool is_tanh_softplus (struct reader *r, int value, int x, double number)
{
    int tanh_node = onnx_made_by (r, value, "Tanh");
    int softplus = tanh_node < 0 ? -1 : onnx_made_by (r, onnx_node_input (r, tanh_node, 0), "Softplus");
    if (softplus < 0 || onnx_node_input (r, softplus, 0) != x || !close_to (number, 1))
        return false;
    return r->roles[tanh_node].absorbed = r->roles[softplus].absorbed = true;
}

/* 1 + Erf (x / sqrt 2), to be halved. */
static bool is_erf (struct reader *r, int value, int x, double number)
{
    int add = onnx_made_by (r, value, "Add");
    int erf_node = onnx_made_by (r, plus_number (r, add, 1), "Erf");
    if (erf_node < 0 || !close_to (number, 0.5))
        return false;
    struct product inside = product_of_value (r, onnx_node_input (r, erf_node, 0));
    if (!is_power (&inside, sqrt (0.5), x, 1))
        return false;
    absorb (r, &inside);
    return r->roles[add].absorbed = r->roles[erf_node].absorbed = true;
}

/* Whether a value is x + 0.044715 x^3; then its parts are absorbed. */
static bool is_cubic (struct reader *r, int value, int x)
{
    int add = onnx_made_by (r, value, "Add");
    if (add < 0)
        return false;
    int other = onnx_node_input (r, add, 0) == x ? onnx_node_input (r, add, 1) : onnx_node_input (r, add, 0);
    bool with_x = onnx_node_input (r, add, 0) == x || onnx_node_input (r, add, 1) == x;
    struct product cube = product_of_value (r, other);
    int power = cube.valid && cube.factors == 1 ? onnx_made_by (r, cube.factor[0], "Pow") : -1;
    float exponent = 0;
    bool by_power = power >= 0 && onnx_node_input (r, power, 0) == x &&
                    onnx_peek (r, onnx_node_input (r, power, 1), &exponent) && exponent == 3 &&
                    close_to (cube.number, 0.044715);
    if (!with_x || !(by_power || is_power (&cube, 0.044715, x, 3)))
        return false;
    absorb (r, &cube);
    if (by_power)
        r->roles[power].absorbed = true;
    return r->roles[add].absorbed = true;
}

/* 1 + Tanh (sqrt (2/pi) (x + 0.044715 x^3)), to be halved. */
static bool is_tanh_cubic (struct reader *r, int value, int x, double number)
{
    int add = onnx_made_by (r, value, "Add");
    int tanh_node = onnx_made_by (r, plus_number (r, add, 1), "Tanh");
    if (tanh_node < 0 || !close_to (number, 0.5))
        return false;
    struct product inside = product_of_value (r, onnx_node_input (r, tanh_node, 0));
    if (!inside.valid || inside.factors != 1 || !close_to (inside.number, 0.79788456) ||
        !is_cubic (r, inside.factor[0], x))
        return false;
    absorb (r, &inside);
    return r->roles[add].absorbed = r->roles[tanh_node].absorbed = true;
}

/* ---- search -------------------------------------------------------------------------------------------------- */

static const struct {
    bool (*matches) (struct reader *r, int value, int x, double number); /* value * x * number; absorbs on success */
    enum activation_kind kind;
} patterns[] = {
    { is_sigmoid, ACTIVATION_SILU },     { is_hard_sigmoid, ACTIVATION_HARD_SWISH },
    { is_relu6, ACTIVATION_HARD_SWISH }, { is_tanh_softplus, ACTIVATION_MISH },
    { is_erf, ACTIVATION_GELU },         { is_tanh_cubic, ACTIVATION_GELU_TANH },
};

static void try_node (struct reader *r, int node)
{
    struct product p = product_of_node (r, node);
    for (int i = 0; p.valid && p.factors == 2 && i < 2; i++) {
        int x = p.factor[i], value = p.factor[1 - i];
        for (size_t k = 0; k < sizeof patterns / sizeof patterns[0]; k++) {
            if (!patterns[k].matches (r, value, x, p.number))
                continue;
            absorb (r, &p);
            r->roles[node].absorbed = false;
            r->roles[node].pattern = patterns[k].kind;
            r->roles[node].pattern_input = x;
            return;
        }
    }
}

/* ---- sigmoid --------------------------------------------------------------------------------------------------- */

/* The value whose negative a value is, through Neg, 0 - x or x * -1; the node goes to *node. -1: no negative. */
static int negative_of (struct reader *r, int value, int *node)
{
    float number;
    if ((*node = onnx_made_by (r, value, "Neg")) >= 0)
        return onnx_node_input (r, *node, 0);
    if ((*node = onnx_made_by (r, value, "Sub")) >= 0 && onnx_peek (r, onnx_node_input (r, *node, 0), &number) &&
        number == 0)
        return onnx_node_input (r, *node, 1);
    *node = onnx_made_by (r, value, "Mul");
    for (int i = 0; *node >= 0 && i < 2; i++) {
        if (onnx_peek (r, onnx_node_input (r, *node, i), &number) && number == -1)
            return onnx_node_input (r, *node, 1 - i);
    }
    return -1;
}

static void try_sigmoid (struct reader *r, int node)
{
    float one = 1;
    bool divides = onnx_node_is (r, node, "Div");
    if (divides && (!onnx_peek (r, onnx_node_input (r, node, 0), &one) || one != 1))
        return;
    int add = onnx_made_by (r, onnx_node_input (r, node, divides ? 1 : 0), "Add");
    int exponential = onnx_made_by (r, plus_number (r, add, 1), "Exp"), negation;
    int x = exponential < 0 ? -1 : negative_of (r, onnx_node_input (r, exponential, 0), &negation);
    if (x < 0)
        return;
    r->roles[add].absorbed = r->roles[exponential].absorbed = r->roles[negation].absorbed = true;
    r->roles[node].pattern = ACTIVATION_SIGMOID;
    r->roles[node].pattern_input = x;
}

/* ---- Where --------------------------------------------------------------------------------------------------- */

/* The value that a comparison finds to be above 0 (*above) or below; the node goes to *node. -1: another comparison. */
static int compared_with_0 (struct reader *r, int value, int *node, bool *above)
{
    static const char *const names[] = { "Greater", "GreaterOrEqual", "Less", "LessOrEqual" };
    float number;
    *node = -1;
    for (int i = 0; *node < 0 && i < 4; i++) {
        *node = onnx_made_by (r, value, names[i]);
        *above = i < 2;
    }
    for (int i = 0; *node >= 0 && i < 2; i++) { /* x > 0, or 0 < x */
        if (onnx_peek (r, onnx_node_input (r, *node, 1 - i), &number) && number == 0) {
            *above = *above != (i == 1);
            return onnx_node_input (r, *node, i);
        }
    }
    return -1;
}

/* What an activation is below 0: alpha x, alpha (Exp (x) - 1) or 0. NONE: none of these; absorbs otherwise. */
static enum activation_kind below_0 (struct reader *r, int value, int x, double *alpha)
{
    float number;
    if (onnx_peek (r, value, &number) && number == 0)
        return ACTIVATION_RELU;
    struct product p = product_of_value (r, value);
    if (!p.valid || p.factors != 1)
        return ACTIVATION_NONE;
    *alpha = p.number;
    if (p.factor[0] == x) {
        absorb (r, &p);
        return ACTIVATION_LEAKY_RELU;
    }
    int sub = onnx_made_by (r, p.factor[0], "Sub");
    int exponential = sub < 0 ? -1 : onnx_made_by (r, onnx_node_input (r, sub, 0), "Exp");
    if (exponential < 0 || onnx_node_input (r, exponential, 0) != x ||
        !onnx_peek (r, onnx_node_input (r, sub, 1), &number) || number != 1)
        return ACTIVATION_NONE;
    absorb (r, &p);
    r->roles[sub].absorbed = r->roles[exponential].absorbed = true;
    return ACTIVATION_ELU;
}

static void try_where (struct reader *r, int node)
{
    int comparison;
    bool above;
    double alpha = 0;
    int x = compared_with_0 (r, onnx_node_input (r, node, 0), &comparison, &above);
    if (x < 0 || onnx_node_input (r, node, above ? 1 : 2) != x)
        return;
    enum activation_kind kind = below_0 (r, onnx_node_input (r, node, above ? 2 : 1), x, &alpha);
    if (kind == ACTIVATION_NONE)
        return;
    r->roles[comparison].absorbed = true;
    r->roles[node].pattern = kind;
    r->roles[node].pattern_input = x;
    r->roles[node].pattern_alpha = (float)alpha;
}

/* What depends on the image; the rest is constant, also where nodes make it. */
static void mark_of_image (struct reader *r)
{
    r->values[r->image].of_image = true;
    for (size_t n = 0; n < r->file->n_node && onnx_spend (r, 100); n++) {
        const int *slots = &r->slots[r->node_slots[n]];
        size_t inputs = r->file->node[n]->n_input, outputs = r->file->node[n]->n_output;
        bool of_image = false;
        for (size_t i = 0; i < inputs; i++)
            of_image = of_image || (slots[i] >= 0 && r->values[slots[i]].of_image);
        for (size_t i = inputs; of_image && i < inputs + outputs; i++) {
            if (slots[i] >= 0)
                r->values[slots[i]].of_image = true;
        }
    }
}

void onnx_find_patterns (struct reader *r)
{
    mark_of_image (r);
    for (size_t n = r->file->n_node; n-- > 0 && onnx_spend (r, 100);) {
        if (r->roles[n].live)
            onnx_try_norm (r, (int)n);
    }
    for (size_t n = r->file->n_node; n-- > 0 && onnx_spend (r, 100);) {
        if (r->roles[n].norm.is || r->roles[n].absorbed)
            continue;
        if (r->roles[n].live && (onnx_node_is (r, (int)n, "Div") || onnx_node_is (r, (int)n, "Reciprocal")))
            try_sigmoid (r, (int)n);
        if (r->roles[n].live && onnx_node_is (r, (int)n, "Where"))
            try_where (r, (int)n);
    }
    for (size_t n = r->file->n_node; n-- > 0 && onnx_spend (r, 100);) {
        bool product = onnx_node_is (r, (int)n, "Mul") || onnx_node_is (r, (int)n, "Div");
        if (product && r->roles[n].live && !r->roles[n].absorbed && !r->roles[n].norm.is &&
            r->roles[n].pattern == ACTIVATION_NONE)
            try_node (r, (int)n);
    }
}
