/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_operators.c: finds the reader of a node's operator, and what is checked of every node before its reader runs.
 *
 * Each family of operators is one file with a table at its end: adding an operator is a function and a row there. A
 * node with an attribute that its row does not have, twice or of another type is refused: it would be something else
 * than what is calculated. */
#include "models/onnx_reader.h"

#include <stdlib.h>
#include <string.h>

static const struct onnx_operator *const families[] = {
    onnx_activation_operators, onnx_arithmetic_operators, onnx_best_operators,      onnx_concat_operators,
    onnx_constant_operators,   onnx_conv_pool_operators,  onnx_function_operators,  onnx_gather_operators,
    onnx_linear_operators,     onnx_normalise_operators,  onnx_quantised_operators, onnx_reduce_operators,
    onnx_reshape_operators,    onnx_slice_operators,      onnx_softmax_operators,   onnx_spatial_operators,
    onnx_transpose_operators,
};

enum { NODE_STEPS = 1000, INPUT_STEPS = 100 }; /* to look its operator up and to make a node of the graph */

/* ---- attributes ---------------------------------------------------------------------------------------------- */

/* The type the table gives an attribute, or 0: none of that name, or not any more in this opset. */
static char expected_type (const struct onnx_operator *row, const char *name, int64_t opset)
{
    size_t length = strlen (name);
    for (const char *at = row->attributes; *at;) {
        size_t own = strcspn (at, ":");
        if (own == length && !memcmp (at, name, own))
            return at[own + 2] == '<' && opset >= strtol (at + own + 3, NULL, 10) ? 0 : at[own + 1];
        at += strcspn (at, " ");
        at += strspn (at, " ");
    }
    return 0;
}

/* Files older than IR version 3 may not say the type: then by what there is. */
static char actual_type (const Convrelu__OnnxAttribute *a)
{
    static const char types[] = { 0, 'f', 'i', 's', 't', 'g', 'F', 'I' };
    if (a->has_type)
        return a->type > 0 && a->type < (int)sizeof types ? types[a->type] : '?';
    return a->has_f ? 'f' : a->has_i ? 'i' : a->has_s ? 's' : a->t ? 't' : a->n_floats ? 'F' : 'I';
}

static bool check_attributes (struct reader *r, const struct onnx_operator *row)
{
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    if (node->n_attribute > 16)
        return onnx_fail (r, "%zu attributes", node->n_attribute);
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Convrelu__OnnxAttribute *a = node->attribute[i];
        const char *name = a->name ? a->name : "";
        for (size_t k = 0; k < i; k++) {
            if (!strcmp (name, node->attribute[k]->name))
                return onnx_fail (r, "attribute '%.60s' stands there twice", name);
        }
        if (a->ref_attr_name && *a->ref_attr_name)
            return onnx_fail (r, "attribute '%.60s' refers to a function's, which is not supported", name);
        if (a->has_g || a->n_graphs || a->has_sparse_tensor || a->n_tensors)
            return onnx_fail (r, "attribute '%.60s' is a subgraph, sparse or a list, which is not supported", name);
        if (r->opset < 6 &&
            !strcmp (name, "consumed_inputs")) /* which memory may be used again: no part of the result */
            continue;
        char expected = expected_type (row, name, r->opset);
        if (!expected)
            return onnx_fail (r, "attribute '%.60s' is not supported", name);
        if (actual_type (a) != expected)
            return onnx_fail (r, "attribute '%.60s' has type %d, which is not the one it should have", name, a->type);
    }
    return true;
}

/* ---- nodes --------------------------------------------------------------------------------------------------- */

static const struct onnx_operator *find_operator (const char *name)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        for (const struct onnx_operator *o = families[f]; o->name; o++) {
            if (!strcmp (o->name, name))
                return o;
        }
    }
    return NULL;
}

/* Microsoft's domain has the quantised operators that ONNX lacks, and some that it has. */
static bool domain_fits (const char *domain, const struct onnx_operator *row)
{
    if (!domain || !*domain || !strcmp (domain, "ai.onnx"))
        return true;
    for (const struct onnx_operator *o = onnx_quantised_operators; row && o->name; o++) {
        if (o == row)
            return !strcmp (domain, "com.microsoft");
    }
    return false;
}

static bool check_node (struct reader *r, const struct onnx_operator *row)
{
    const Convrelu__OnnxNode *node = onnx_current_node (r);
    if (!domain_fits (node->domain, row))
        return onnx_fail (r, "operator of domain '%.60s' is not supported", node->domain);
    if (!row)
        return onnx_fail (r, "operator not supported");
    if (r->opset < row->since)
        return onnx_fail (r, "there is no such operator in opset %lld, only since %d", (long long)r->opset, row->since);
    if (node->n_input < (size_t)row->inputs_min || node->n_input > (size_t)row->inputs_max)
        return onnx_fail (r, "%zu inputs, %d to %d are possible", node->n_input, row->inputs_min, row->inputs_max);
    return check_attributes (r, row);
}

/* What several nodes together do, put in the place of the last one. */
static bool read_pattern (struct reader *r)
{
    const struct role *role = &r->roles[r->node];
    const struct value *x = &r->values[role->pattern_input];
    if (role->norm.is)
        return onnx_read_norm_pattern (r);
    if (x->kind != VALUE_TENSOR)
        return onnx_fail (r, "'%.100s' is no tensor that depends on the image, or is made later", x->name);
    int id = graph_activation (r->graph, onnx_output_name (r, 0), x->tensor,
                               (struct activation) { role->pattern, role->pattern_alpha, 0 });
    return onnx_set_like (r, 0, id, x);
}

bool onnx_read_as (struct reader *r, const char *operation, struct value *const *inputs, int count, const char *name)
{
    r->stand_in.inputs = inputs;
    r->stand_in.count = count;
    r->stand_in.operation = operation;
    r->stand_in.name = name;
    bool good = find_operator (operation)->read (r) && onnx_note_whole (r, operation);
    r->stand_in.inputs = NULL;
    r->stand_in.operation = r->stand_in.name = NULL;
    return good;
}

bool onnx_read_node (struct reader *r, int node)
{
    const struct role *role = &r->roles[node];
    if (!role->live || role->absorbed)
        return true;
    r->node = node;
    const Convrelu__OnnxNode *n = onnx_current_node (r);
    if (!onnx_spend (r, NODE_STEPS + INPUT_STEPS * ((uint64_t)n->n_input + n->n_output)))
        return false;
    const struct onnx_operator *row = find_operator (onnx_current_node (r)->op_type);
    bool good = check_node (r, row);
    bool pattern = role->pattern != ACTIVATION_NONE || role->norm.is;
    if (good && !pattern && onnx_has_quantised_input (r))
        good = onnx_read_quantised (r, row);
    else if (good)
        good = pattern ? read_pattern (r) : row->read (r) && onnx_note_whole (r, row->name);
    for (int i = 0; good && (size_t)i < onnx_current_node (r)->n_output; i++) {
        const struct value *v = onnx_output_value (r, i);
        if (v && v->uses && v->kind == VALUE_UNKNOWN)
            good = onnx_fail (r, "output %d, '%.100s', is not supported", i, v->name);
    }
    onnx_free_node (r);
    r->node = -1;
    return good && !r->failed;
}
