/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_normalise.c: normalisations: by constants (batch norm), and by statistics of the input itself.
 *
 * Those by a mean and variance become graph_layer_norm where they are the channels' at each pixel, graph_group_norm
 * where they are everything's behind some axis; any others are calculated step by step. Weight and bias are an affine,
 * which the engine fuses. */
#include "models/onnx_reader.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Training mode of a constant, (1, channels, ...): weights that are standardised by their own mean and variance. */
static bool standardise (struct reader *r, struct value *v)
{
    const float *from = v->shape.rank >= 2 && v->shape.dims[0] == 1 ? onnx_value_floats (r, v) : NULL;
    int64_t channels = from ? v->shape.dims[1] : 0, count = channels ? onnx_shape_total (&v->shape) / channels : 0;
    const float *scale = count ? onnx_input_floats (r, 1, channels) : NULL;
    const float *shift = scale ? onnx_input_floats (r, 2, channels) : NULL;
    float *to = shift ? onnx_make_constant (r, 0, VALUE_FLOATS, &v->shape) : NULL;
    double epsilon = (double)onnx_attribute_float (r, "epsilon", 1e-5f);
    for (int64_t c = 0; to && c < channels; c++) {
        double mean = 0, variance = 0;
        for (int64_t i = c * count; i < (c + 1) * count; i++)
            mean += (double)from[i] / (double)count;
        for (int64_t i = c * count; i < (c + 1) * count; i++)
            variance += ((double)from[i] - mean) * ((double)from[i] - mean) / (double)count;
        double factor = (double)scale[c] / sqrt (variance + epsilon);
        for (int64_t i = c * count; i < (c + 1) * count; i++)
            to[i] = (float)(((double)from[i] - mean) * factor + (double)shift[c]);
    }
    return to || onnx_fail (r, "its input is a constant of another shape than (1, channels, ...)");
}

static bool read_batch_norm (struct reader *r)
{
    struct value *x = onnx_input_value (r, 0);
    if (x && x->kind == VALUE_FLOATS && onnx_attribute_int (r, "training_mode", 0))
        return standardise (r, x);
    if (!x || !(x = onnx_input_tensor (r, 0)))
        return false;
    if (x->shape.rank < 2 || x->shape.dims[0] != 1)
        return onnx_fail (r, "its input has %d dimensions or is not one image", x->shape.rank);
    if (onnx_attribute_int (r, "training_mode", 0) || !onnx_attribute_int (r, "spatial", 1))
        return onnx_fail (r, "training mode and spatial = 0 are not supported");
    if (r->opset < 7 && !onnx_attribute_int (r, "is_test", 0))
        return onnx_fail (r, "is_test = 0, training mode, is not supported");
    int64_t channels = x->shape.dims[1];
    const float *numbers[4]; /* scale, shift, mean, variance: [channels] each */
    for (int i = 0; i < 4; i++) {
        if (!(numbers[i] = onnx_input_floats (r, i + 1, channels)))
            return false;
    }
    int in = onnx_view_before (r, x, 2);
    return in >= 0 &&
           onnx_set_tensor (r, 0,
                            graph_batch_norm (r->graph, onnx_output_name (r, 0), in, numbers[0], numbers[1], numbers[2],
                                              numbers[3], onnx_attribute_float (r, "epsilon", 1e-5f)),
                            &x->shape);
}

/* ---- by mean and variance ---------------------------------------------------------------------------------------- */

/* The first of the axes that are reduced up to the last one, or -1: there are others between. */
static int trailing_axis (const struct shape *s, const bool reduce[RANK_MAX])
{
    int axis = s->rank;
    while (axis > 0 && (reduce[axis - 1] || s->dims[axis - 1] == 1))
        axis--;
    for (int i = 0; i < axis; i++) {
        if (reduce[i] && s->dims[i] != 1)
            return -1;
    }
    return axis;
}

/* The channels at each pixel of an image, or of what has the same numbers in the same order. */
static bool are_channels (const struct shape *s, const bool reduce[RANK_MAX], struct tensor_info t)
{
    int64_t before = 1, behind = 1;
    int channels = -1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dims[i] == 1)
            continue;
        if (reduce[i] && channels >= 0)
            return false;
        channels = reduce[i] ? i : channels;
        before *= channels < 0 ? s->dims[i] : 1;
        behind *= channels >= 0 && !reduce[i] ? s->dims[i] : 1;
    }
    return channels >= 0 && before == 1 && s->dims[channels] == t.channels && behind == (int64_t)t.height * t.width;
}

/* Step by step. */
static bool normalise_slowly (struct reader *r, const struct value *x, const bool axes[RANK_MAX],
                              const struct normalise *how, const char *name, struct value *result)
{
    struct value centred = *x, mean = { .name = NULL }, variance = { .name = NULL };
    if (!how->uncentred &&
        (!onnx_reduced (r, x, axes, 'a', true, &mean) || !onnx_combine (r, '-', x, &mean, "", &centred)))
        return false;
    struct value squares = centred;
    squares.tensor = graph_mul (r->graph, "", centred.tensor, centred.tensor);
    if (onnx_made (r, squares.tensor) < 0 || !onnx_reduced (r, &squares, axes, 'a', true, &variance))
        return false;
    variance.tensor = onnx_affine (r, variance.tensor, 1, (double)how->epsilon, "");
    variance.tensor = graph_function (r->graph, "", variance.tensor, (struct activation) { .kind = ACTIVATION_SQRT });
    return onnx_made (r, variance.tensor) >= 0 && onnx_combine (r, '/', &centred, &variance, name, result);
}

bool onnx_normalised (struct reader *r, const struct value *x, const bool axes[RANK_MAX], const struct normalise *how,
                      const char *name, struct value *result)
{
    struct value in = *x;
    bool reduce[RANK_MAX];
    memcpy (reduce, axes, sizeof reduce);
    if (!onnx_axes_as_stored (&in, reduce)) {
        if (!onnx_settle (r, &in))
            return false;
        memcpy (reduce, axes, sizeof reduce);
    }
    *result = in.shape.rank == x->shape.rank && x->deferred == DEFERRED_CHANNELS_LAST ? *x : in;
    result->name = name;
    result->quant = result->whole = NULL;
    struct tensor_info t = graph_tensor (r->graph, in.tensor);
    struct normalise own = *how;
    int axis = trailing_axis (&in.shape, reduce);
    if (axis < 0 && are_channels (&in.shape, reduce, t)) {
        result->tensor = graph_layer_norm (r->graph, name, in.tensor, &own);
        return onnx_made (r, result->tensor) >= 0;
    }
    if (axis < 0)
        return normalise_slowly (r, x, axes, how, name, result);
    own.groups = (int)onnx_shape_count (&in.shape, 0, axis);
    if (t.channels % own.groups) {
        if ((in.tensor = onnx_view_before (r, &in, axis)) < 0)
            return false;
        result->tensor = in.tensor; /* of the same numbers */
    }
    result->tensor = graph_group_norm (r->graph, name, in.tensor, &own);
    return onnx_made (r, result->tensor) >= 0;
}

/* Weight (input 1) and bias (input 2, which may be missing), broadcast over the result of a norm. */
static bool weigh (struct reader *r, struct value *v)
{
    struct value *weight = onnx_input_value (r, 1), scaled, moved;
    bool bias = onnx_has_input (r, 2);
    if (!weight || !onnx_combine (r, '*', v, weight, bias ? "" : onnx_output_name (r, 0), &scaled))
        return false;
    if (!bias)
        return onnx_set_like (r, 0, scaled.tensor, &scaled);
    struct value *shift = onnx_input_value (r, 2);
    return shift && onnx_combine (r, '+', &scaled, shift, onnx_output_name (r, 0), &moved) &&
           onnx_set_like (r, 0, moved.tensor, &moved);
}

/* Input 0, which must depend on the image. */
static struct value *image_input (struct reader *r)
{
    struct value *x = onnx_input_deferred (r, 0);
    return x && x->kind != VALUE_TENSOR ? onnx_input_tensor (r, 0) : x; /* the former tells why not */
}

static bool norm_from_axis (struct reader *r, bool uncentred)
{
    struct value *x = image_input (r), result;
    struct normalise how = { .uncentred = uncentred, .epsilon = onnx_attribute_float (r, "epsilon", 1e-5f) };
    int axis = x ? onnx_axis (r, onnx_attribute_int (r, "axis", -1), x->shape.rank) : -1;
    bool axes[RANK_MAX] = { false };
    if (axis < 0)
        return false;
    for (int i = axis; i < x->shape.rank; i++)
        axes[i] = true;
    return onnx_normalised (r, x, axes, &how, "", &result) && weigh (r, &result);
}

static bool read_layer_norm (struct reader *r)
{
    return norm_from_axis (r, false);
}

static bool read_rms_norm (struct reader *r)
{
    return norm_from_axis (r, true);
}

/* Numbers of each of `count` channels or groups, as many for each channel of the tensor as that takes. */
static const float *stretched (struct reader *r, int index, int64_t count, int channels)
{
    const float *numbers = onnx_input_floats (r, index, count);
    float *to = numbers && channels % count == 0 ? onnx_alloc_node (r, (uint64_t)channels, sizeof *to) : NULL;
    for (int c = 0; to && c < channels; c++)
        to[c] = numbers[c / (channels / count)];
    return to;
}

/* In groups; weight and bias have `count` numbers. */
static bool norm_in_groups (struct reader *r, int64_t groups, int64_t count)
{
    struct value *x = onnx_input_tensor (r, 0);
    struct normalise how = { .groups = (int)groups, .epsilon = onnx_attribute_float (r, "epsilon", 1e-5f) };
    int channels = graph_tensor (r->graph, x->tensor).channels, in = x->tensor;
    if (channels % count || channels % groups) { /* not the file's channels */
        in = onnx_view_before (r, x, 2);
        if (in < 0)
            return false;
        channels = graph_tensor (r->graph, in).channels;
    }
    const float *scale = stretched (r, 1, count, channels), *shift = scale ? stretched (r, 2, count, channels) : NULL;
    if (!shift)
        return false;
    int id = graph_group_norm (r->graph, "", in, &how);
    return onnx_set_tensor (r, 0, graph_affine (r->graph, onnx_output_name (r, 0), id, scale, shift), &x->shape);
}

/* Whether input 0 is (1, channels, ...). */
static struct value *channels_input (struct reader *r)
{
    struct value *x = onnx_input_tensor (r, 0);
    char text[100];
    if (!x || (x->shape.rank >= 2 && x->shape.dims[0] == 1))
        return x;
    onnx_fail (r, "its input of %s is not one image", onnx_shape_text (&x->shape, text));
    return NULL;
}

static bool read_instance_norm (struct reader *r)
{
    struct value *x = channels_input (r);
    return x && norm_in_groups (r, x->shape.dims[1], x->shape.dims[1]);
}

static bool read_group_norm (struct reader *r)
{
    struct value *x = channels_input (r);
    int64_t groups = onnx_attribute_int (r, "num_groups", 0);
    if (!x)
        return false;
    if (groups < 1 || x->shape.dims[1] % groups)
        return onnx_fail (r, "%lld channels in %lld groups", (long long)x->shape.dims[1], (long long)groups);
    return norm_in_groups (r, groups, r->opset < 21 ? groups : x->shape.dims[1]);
}

/* Over rows, columns and batch where no axes are named. */
static bool read_mean_variance (struct reader *r)
{
    static const bool usual[RANK_MAX] = { true, false, true, true };
    struct value *x = image_input (r), result;
    bool axes[RANK_MAX];
    if (!x || !onnx_reduced_axes (r, x, axes))
        return false;
    if (!onnx_attribute (r, "axes"))
        memcpy (axes, usual, sizeof axes);
    for (int i = x->shape.rank; i < RANK_MAX; i++)
        axes[i] = false;
    const struct normalise how = { .epsilon = 1e-18f }; /* ONNX adds 1e-9 to its root */
    return onnx_normalised (r, x, axes, &how, onnx_output_name (r, 0), &result) &&
           onnx_set_like (r, 0, result.tensor, &result);
}

/* ---- others ------------------------------------------------------------------------------------------------------ */

/* x / max (norm along an axis, the least number there is): numbers that are all 0 stay so. */
static bool read_lp_norm (struct reader *r)
{
    struct value *x = image_input (r), norm = { .name = NULL }, result;
    int64_t p = onnx_attribute_int (r, "p", 2);
    int axis = x ? onnx_axis (r, onnx_attribute_int (r, "axis", -1), x->shape.rank) : -1;
    bool axes[RANK_MAX] = { false };
    if (axis < 0)
        return false;
    if (p != 1 && p != 2)
        return onnx_fail (r, "p is %lld, 1 and 2 are supported", (long long)p);
    axes[axis] = true;
    if (!onnx_reduced (r, x, axes, p == 1 ? '1' : '2', true, &norm))
        return false;
    norm.tensor =
        graph_activation (r->graph, "", norm.tensor, (struct activation) { ACTIVATION_CLIP, 1e-30f, INFINITY });
    return onnx_made (r, norm.tensor) >= 0 && onnx_combine (r, '/', x, &norm, onnx_output_name (r, 0), &result) &&
           onnx_set_like (r, 0, result.tensor, &result);
}

/* x (bias + alpha / size * the sum of the squares of `size` channels around)^-beta. The sum is a 1x1 convolution of the
 * squares. */
static bool read_lrn (struct reader *r)
{
    struct value *x = channels_input (r);
    int64_t size = onnx_attribute_int (r, "size", 0);
    float alpha = onnx_attribute_float (r, "alpha", 1e-4f), beta = onnx_attribute_float (r, "beta", 0.75f);
    float start = onnx_attribute_float (r, "bias", 1);
    int in = x ? onnx_view_before (r, x, 2) : -1;
    if (in < 0)
        return false;
    int64_t channels = x->shape.dims[1];
    if (size < 1 || size > INT32_MAX || !isfinite (beta) || beta == 0)
        return onnx_fail (r, "size %lld and beta %g", (long long)size, (double)beta);
    float *weights = onnx_alloc_node (r, (uint64_t)channels * (uint64_t)channels, sizeof *weights);
    float *bias = weights ? onnx_alloc_node (r, (uint64_t)channels, sizeof *bias) : NULL;
    if (!bias)
        return false;
    for (int64_t o = 0; o < channels; o++) {
        bias[o] = start;
        for (int64_t i = 0; i < channels; i++) {
            bool near = i >= o - (size - 1) / 2 && i <= o + size / 2;
            weights[o * channels + i] = near ? alpha / (float)size : 0;
        }
    }
    struct conv conv = { .out_channels = (int)channels, .kernel_h = 1, .kernel_w = 1 };
    int sums = graph_conv (r->graph, "", graph_mul (r->graph, "", in, in), &conv, weights, bias);
    int by = graph_function (r->graph, "", sums, (struct activation) { ACTIVATION_POWER, -beta, NAN });
    return onnx_set_tensor (r, 0, graph_mul (r->graph, onnx_output_name (r, 0), in, by), &x->shape);
}

const struct onnx_operator onnx_normalise_operators[] = {
    { "BatchNormalization", 5, 5, 1, read_batch_norm, "epsilon:f is_test:i<7 momentum:f spatial:i training_mode:i" },
    { "GroupNormalization", 3, 3, 18, read_group_norm, "epsilon:f num_groups:i stash_type:i" },
    { "InstanceNormalization", 3, 3, 1, read_instance_norm, "epsilon:f" },
    { "LRN", 1, 1, 1, read_lrn, "alpha:f beta:f bias:f size:i" },
    { "LayerNormalization", 2, 3, 17, read_layer_norm, "axis:i epsilon:f stash_type:i" },
    { "LpNormalization", 1, 1, 1, read_lp_norm, "axis:i p:i" },
    { "MeanVarianceNormalization", 1, 1, 9, read_mean_variance, "axes:I" },
    { "RMSNormalization", 2, 2, 23, read_rms_norm, "axis:i epsilon:f stash_type:i" },
    { .name = NULL },
};
