/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_activations.c: the operators that are one activation of the engine. ONNX's defaults stand beside each. */
#include "models/onnx_reader.h"

#include <math.h>

static bool activate (struct reader *r, struct activation activation)
{
    struct value *x = onnx_input_deferred (r, 0);
    if (!x || x->kind != VALUE_TENSOR)
        return onnx_input_tensor (r, 0) && false; /* which tells why */
    return onnx_set_like (r, 0, graph_activation (r->graph, onnx_output_name (r, 0), x->tensor, activation), x);
}

static bool read_relu (struct reader *r)
{
    return activate (r, (struct activation) { .kind = ACTIVATION_RELU });
}

static bool read_leaky_relu (struct reader *r)
{
    return activate (r, (struct activation) { ACTIVATION_LEAKY_RELU, onnx_attribute_float (r, "alpha", 0.01f), 0 });
}

static bool read_elu (struct reader *r)
{
    return activate (r, (struct activation) { ACTIVATION_ELU, onnx_attribute_float (r, "alpha", 1), 0 });
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

static bool read_gelu (struct reader *r)
{
    if (onnx_attribute_says (r, "approximate", "none", "none"))
        return activate (r, (struct activation) { .kind = ACTIVATION_GELU });
    if (onnx_attribute_says (r, "approximate", "tanh", ""))
        return activate (r, (struct activation) { .kind = ACTIVATION_GELU_TANH });
    return onnx_fail (r, "attribute 'approximate' is neither none nor tanh");
}

static bool read_hard_swish (struct reader *r)
{
    return activate (r, (struct activation) { .kind = ACTIVATION_HARD_SWISH });
}

static bool read_hard_sigmoid (struct reader *r)
{
    float alpha = onnx_attribute_float (r, "alpha", 0.2f), beta = onnx_attribute_float (r, "beta", 0.5f);
    return activate (r, (struct activation) { ACTIVATION_HARD_SIGMOID, alpha, beta });
}

static bool read_mish (struct reader *r)
{
    return activate (r, (struct activation) { .kind = ACTIVATION_MISH });
}

static bool read_sigmoid (struct reader *r)
{
    return activate (r, (struct activation) { .kind = ACTIVATION_SIGMOID });
}

static bool read_tanh (struct reader *r)
{
    return activate (r, (struct activation) { .kind = ACTIVATION_TANH });
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
        return read_relu (r);
    return activate (r, (struct activation) { ACTIVATION_CLIP, least, most });
}

const struct onnx_operator onnx_activation_operators[] = {
    { "Clip", 1, 3, 1, read_clip, "min:f max:f" },
    { "Elu", 1, 1, 1, read_elu, "alpha:f" },
    { "Gelu", 1, 1, 20, read_gelu, "approximate:s" },
    { "HardSigmoid", 1, 1, 1, read_hard_sigmoid, "alpha:f beta:f" },
    { "HardSwish", 1, 1, 14, read_hard_swish, "" },
    { "LeakyRelu", 1, 1, 1, read_leaky_relu, "alpha:f" },
    { "Mish", 1, 1, 18, read_mish, "" },
    { "Relu", 1, 1, 1, read_relu, "" },
    { "Selu", 1, 1, 1, read_selu, "alpha:f gamma:f" },
    { "Sigmoid", 1, 1, 1, read_sigmoid, "" },
    { "Tanh", 1, 1, 1, read_tanh, "" },
    { .name = NULL },
};
