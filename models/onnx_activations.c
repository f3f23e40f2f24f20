/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_activations.c: the operators that are activations of the engine. engine/activations.def lists those that are
 * exactly one, with their attributes and ONNX's defaults; the others are here, with theirs. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

static bool activate (struct reader *r, struct activation activation)
{
    struct value *x = onnx_input_deferred (r, 0);
    if (!x || x->kind != VALUE_TENSOR)
        return onnx_input_tensor (r, 0) && false; /* which tells why */
    return onnx_set_like (r, 0, graph_activation (r->graph, onnx_output_name (r, 0), x->tensor, activation), x);
}

static bool read_activation (struct reader *r)
{
    static const struct {
        const char *op;
        struct activation what; /* with ONNX's defaults */
    } known[] = {
#define ONNX_OPERATOR(KIND, op, since, attributes, alpha, beta) { op, { ACTIVATION_##KIND, alpha, beta } },
#include "engine/activations.def"
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct activation what = known[i].what;
        if (strcmp (known[i].op, onnx_operation (r)))
            continue;
        what.alpha = onnx_attribute_float (r, "alpha", what.alpha); /* refused before where the operator has none */
        what.beta = onnx_attribute_float (r, "beta", what.beta);
        return activate (r, what);
    }
    return onnx_fail (r, "operator not supported");
}

/* gamma * elu (x, alpha). */
static bool read_selu (struct reader *r)
{
    float alpha = onnx_attribute_float (r, "alpha", 1.67326319217681884765625f);
    float gamma = onnx_attribute_float (r, "gamma", 1.05070102214813232421875f);
    struct value *x = onnx_input_tensor (r, 0);
    if (!x)
        return false;
    int id = graph_activation (r->graph, "", x->tensor, (struct activation) { ACTIVATION_ELU, alpha, 0 });
    int channels = graph_tensor (r->graph, x->tensor).channels;
    float *scale = onnx_alloc_node (r, (uint64_t)channels, sizeof *scale);
    if (!scale)
        return false;
    for (int c = 0; c < channels; c++)
        scale[c] = gamma;
    return onnx_set_tensor (r, 0, graph_affine (r->graph, onnx_output_name (r, 0), id, scale, NULL), &x->shape);
}

/* alpha elu (x / alpha, 1). */
static bool read_celu (struct reader *r)
{
    float alpha = onnx_attribute_float (r, "alpha", 1);
    struct value *x = onnx_input_deferred (r, 0);
    if (!x || x->kind != VALUE_TENSOR)
        return onnx_input_tensor (r, 0) && false; /* which tells why */
    if (!isnormal (alpha))
        return onnx_fail (r, "alpha is %g", (double)alpha);
    int id = onnx_affine (r, x->tensor, 1 / (double)alpha, 0, "");
    id = graph_activation (r->graph, "", id, (struct activation) { ACTIVATION_ELU, 1, 0 });
    return onnx_set_like (r, 0, onnx_affine (r, id, (double)alpha, 0, onnx_output_name (r, 0)), x);
}

static bool read_gelu (struct reader *r)
{
    if (onnx_attribute_says (r, "approximate", "none", "none"))
        return activate (r, (struct activation) { .kind = ACTIVATION_GELU });
    if (onnx_attribute_says (r, "approximate", "tanh", ""))
        return activate (r, (struct activation) { .kind = ACTIVATION_GELU_TANH });
    return onnx_fail (r, "attribute 'approximate' is neither none nor tanh");
}

/* Limits are attributes up to opset 10, inputs from 11 on; either may be left out. */
static bool read_clip (struct reader *r)
{
    float least = onnx_attribute_float (r, "min", -INFINITY), most = onnx_attribute_float (r, "max", INFINITY);
    if ((onnx_has_input (r, 1) && !onnx_input_scalar (r, 1, &least)) ||
        (onnx_has_input (r, 2) && !onnx_input_scalar (r, 2, &most)))
        return false;
    if (isnan (least) || isnan (most))
        return onnx_fail (r, "limits %g and %g", (double)least, (double)most);
    if (least == 0 && most == INFINITY)
        return activate (r, (struct activation) { .kind = ACTIVATION_RELU });
    return activate (r, (struct activation) { ACTIVATION_CLIP, least, most });
}

const struct onnx_operator onnx_activation_operators[] = {
#define ONNX_OPERATOR(KIND, op, since, attributes, alpha, beta) { op, 1, 1, since, read_activation, attributes },
#include "engine/activations.def"
    { "Celu", 1, 1, 12, read_celu, "alpha:f" },
    { "Clip", 1, 3, 1, read_clip, "min:f max:f" },
    { "Gelu", 1, 1, 20, read_gelu, "approximate:s" },
    { "Selu", 1, 1, 1, read_selu, "alpha:f gamma:f" },
    { .name = NULL },
};
