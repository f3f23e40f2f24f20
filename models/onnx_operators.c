/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_operators.c: the operators that are read, one line each, and what is checked of every node before its reader
 * runs.
 *
 * The table gives how many inputs a node may have, since which opset there is such an operator, and its attributes with
 * their types as ONNX prescribes them: f float, i integer, s string, t tensor, F floats, I integers. A node with an
 * attribute that is not there, is there twice or has another type is refused: it would be something else than what is
 * calculated. */
#include "models/onnx_reader.h"

#include <string.h>

struct rule {
    const char *name;
    int inputs_min, inputs_max, since;
    read_operator *read;
    const char *attributes; /* "name:type name:type" */
};

#define MANY 1000000
#define WINDOW "auto_pad:s dilations:I kernel_shape:I pads:I strides:I "

static const struct rule rules[] = {
    { "Add", 2, 2, 1, read_add, "" },
    { "AveragePool", 1, 1, 1, read_average_pool, WINDOW "ceil_mode:i count_include_pad:i" },
    { "BatchNormalization", 5, 5, 1, read_batch_norm, "epsilon:f momentum:f spatial:i training_mode:i" },
    { "Cast", 1, 1, 1, read_cast, "to:i saturate:i" },
    { "Ceil", 1, 1, 1, read_ceil, "" },
    { "Clip", 1, 3, 1, read_clip, "min:f max:f" },
    { "Concat", 1, MANY, 1, read_concat, "axis:i" },
    { "Constant", 0, 0, 1, read_constant, "value:t value_int:i value_float:f value_ints:I value_floats:F" },
    { "ConstantOfShape", 1, 1, 9, read_constant_of_shape, "value:t" },
    { "Conv", 2, 3, 1, read_conv, WINDOW "group:i" },
    { "Div", 2, 2, 1, read_div, "" },
    { "Dropout", 1, 3, 1, read_dropout, "ratio:f seed:i" },
    { "Flatten", 1, 1, 1, read_flatten, "axis:i" },
    { "Floor", 1, 1, 1, read_floor, "" },
    { "Gather", 2, 2, 1, read_gather, "axis:i" },
    { "Gelu", 1, 1, 20, read_gelu, "approximate:s" },
    { "Gemm", 2, 3, 1, read_gemm, "alpha:f beta:f transA:i transB:i" },
    { "GlobalAveragePool", 1, 1, 1, read_global_average_pool, "" },
    { "GlobalMaxPool", 1, 1, 1, read_global_max_pool, "" },
    { "Identity", 1, 1, 1, read_identity, "" },
    { "Log", 1, 1, 1, read_log, "" },
    { "LogSoftmax", 1, 1, 1, read_log_softmax, "axis:i" },
    { "MatMul", 2, 2, 1, read_mat_mul, "" },
    { "Max", 2, 2, 1, read_max, "" },
    { "MaxPool", 1, 1, 1, read_max_pool, WINDOW "ceil_mode:i storage_order:i" },
    { "Min", 2, 2, 1, read_min, "" },
    { "Mul", 2, 2, 1, read_mul, "" },
    { "Neg", 1, 1, 1, read_neg, "" },
    { "PRelu", 2, 2, 1, read_prelu, "" },
    { "Pad", 1, 4, 1, read_pad, "mode:s pads:I value:f" },
    { "Reciprocal", 1, 1, 1, read_reciprocal, "" },
    { "ReduceMax", 1, 2, 1, read_reduce_max, "axes:I keepdims:i noop_with_empty_axes:i" },
    { "ReduceMean", 1, 2, 1, read_reduce_mean, "axes:I keepdims:i noop_with_empty_axes:i" },
    { "Reshape", 2, 2, 5, read_reshape, "allowzero:i" },
    { "Selu", 1, 1, 1, read_selu, "alpha:f gamma:f" },
    { "Shape", 1, 1, 1, read_shape, "start:i end:i" },
    { "Slice", 1, 5, 1, read_slice, "starts:I ends:I axes:I" },
    { "Softmax", 1, 1, 1, read_softmax, "axis:i" },
    { "Split", 1, 2, 1, read_split, "axis:i split:I num_outputs:i" },
    { "Squeeze", 1, 2, 1, read_squeeze, "axes:I" },
    { "Sub", 2, 2, 1, read_sub, "" },
    { "Sum", 1, MANY, 1, read_sum, "" },
    { "Transpose", 1, 1, 1, read_transpose, "perm:I" },
    { "Unsqueeze", 1, 2, 1, read_unsqueeze, "axes:I" },
#define ONNX_OPERATOR(KIND, op, since, attributes, alpha, beta) { op, 1, 1, since, read_activation, attributes },
#include "engine/activations.def"
};

/* ---- attributes ---------------------------------------------------------------------------------------------- */

/* The type the table gives an attribute, or 0: none of that name. */
static char expected_type (const struct rule *rule, const char *name)
{
    size_t length = strlen (name);
    for (const char *at = rule->attributes; *at;) {
        size_t own = strcspn (at, ":");
        if (own == length && !memcmp (at, name, own))
            return at[own + 1];
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

static bool check_attributes (struct reader *r, const struct rule *rule)
{
    const Convrelu__OnnxNode *node = this_node (r);
    if (node->n_attribute > 16)
        return fail (r, "%zu attributes", node->n_attribute);
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Convrelu__OnnxAttribute *a = node->attribute[i];
        const char *name = a->name ? a->name : "";
        for (size_t k = 0; k < i; k++) {
            if (!strcmp (name, node->attribute[k]->name))
                return fail (r, "attribute '%.60s' stands there twice", name);
        }
        if (a->ref_attr_name && *a->ref_attr_name)
            return fail (r, "attribute '%.60s' refers to a function's, which is not supported", name);
        if (a->has_g || a->n_graphs || a->has_sparse_tensor || a->n_tensors)
            return fail (r, "attribute '%.60s' is a subgraph, sparse or a list, which is not supported", name);
        char expected = expected_type (rule, name);
        if (!expected)
            return fail (r, "attribute '%.60s' is not supported", name);
        if (actual_type (a) != expected)
            return fail (r, "attribute '%.60s' has type %d, which is not the one it should have", name, a->type);
    }
    return true;
}

/* ---- nodes --------------------------------------------------------------------------------------------------- */

static const struct rule *find_rule (const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (!strcmp (rules[i].name, name))
            return &rules[i];
    }
    return NULL;
}

static bool check_node (struct reader *r, const struct rule *rule)
{
    const Convrelu__OnnxNode *node = this_node (r);
    if (node->domain && *node->domain && strcmp (node->domain, "ai.onnx"))
        return fail (r, "operator of domain '%.60s' is not supported", node->domain);
    if (!rule)
        return fail (r, "operator not supported");
    if (r->opset < rule->since)
        return fail (r, "there is no such operator in opset %lld, only since %d", (long long)r->opset, rule->since);
    if (node->n_input < (size_t)rule->inputs_min || node->n_input > (size_t)rule->inputs_max)
        return fail (r, "%zu inputs, %d to %d are possible", node->n_input, rule->inputs_min, rule->inputs_max);
    return check_attributes (r, rule);
}

/* What several nodes together do, put in the place of the last one. */
static bool read_pattern (struct reader *r)
{
    const struct role *role = &r->roles[r->node];
    const struct value *x = &r->values[role->pattern_input];
    if (x->kind != VALUE_TENSOR)
        return fail (r, "'%.100s' is no tensor that depends on the image, or is made later", x->name);
    int id = graph_activation (r->graph, output_name (r, 0), x->tensor, (struct activation) { .kind = role->pattern });
    return set_tensor (r, 0, id, &x->shape);
}

bool onnx_read_node (struct reader *r, int node)
{
    const struct role *role = &r->roles[node];
    if (!role->live || role->absorbed)
        return true;
    r->node = node;
    const struct rule *rule = find_rule (this_node (r)->op_type);
    bool good = check_node (r, rule);
    if (good)
        good = role->pattern != ACTIVATION_NONE ? read_pattern (r) : rule->read (r);
    for (int i = 0; good && (size_t)i < this_node (r)->n_output; i++) {
        const struct value *v = output (r, i);
        if (v && v->uses && v->kind == VALUE_UNKNOWN)
            good = fail (r, "output %d, '%.100s', is not supported", i, v->name);
    }
    give_back (r);
    r->node = -1;
    return good;
}
