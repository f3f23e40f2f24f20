/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_layers.c: convolution, pooling, normalisation, fully connected layers and softmax. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ---- windows ------------------------------------------------------------------------------------------------- */

/* A window sliding over rows and columns; [0] is rows. Pads as in ONNX: top, left, bottom, right. */
struct window {
    int64_t kernel[2], stride[2], dilation[2], pad[4];
};

/* Two numbers of an attribute, each in least..PARAMETER_MAX, or `otherwise` twice. */
static bool window_pair (struct reader *r, const char *name, int64_t otherwise, int64_t to[2])
{
    to[0] = to[1] = otherwise;
    if (!attribute (r, name))
        return true;
    int count = attribute_ints (r, name, to, 2);
    if (count < 0)
        return false;
    if (count != 2)
        return fail (r, "attribute '%s' has %d numbers instead of 2: only two spatial axes are supported", name, count);
    for (int i = 0; i < 2; i++) {
        if (to[i] < 1 || to[i] > PARAMETER_MAX)
            return fail (r, "%s %lld is not in 1..%d", name, (long long)to[i], PARAMETER_MAX);
    }
    return true;
}

/* auto_pad SAME: as many windows as strides fit in, the padding that takes shared out, the odd one at the end or
 * front. */
static bool pad_same (struct reader *r, const int64_t size[2], bool ceil_mode, bool lower, struct window *w)
{
    for (int i = 0; i < 2; i++) {
        int64_t windows = (size[i] + w->stride[i] - 1) / w->stride[i];
        int64_t span = (windows - 1) * w->stride[i] + w->dilation[i] * (w->kernel[i] - 1) + 1;
        int64_t pad = span > size[i] ? span - size[i] : 0;
        if (pad > 2 * PARAMETER_MAX)
            return fail (r, "padding by %lld is not supported", (long long)pad);
        w->pad[i] = lower ? pad - pad / 2 : pad / 2;
        w->pad[i + 2] = pad - w->pad[i];
    }
    return !ceil_mode || fail (r, "auto_pad SAME with ceil_mode is not supported");
}

/* Everything but the kernel's size. `size`: rows and columns of the input. */
static bool window_read (struct reader *r, const int64_t size[2], bool ceil_mode, struct window *w)
{
    if (!window_pair (r, "strides", 1, w->stride) || !window_pair (r, "dilations", 1, w->dilation))
        return false;
    int pads = attribute_ints (r, "pads", w->pad, 4);
    if (pads < 0)
        return false;
    if (attribute (r, "pads") && pads != 4)
        return fail (r, "attribute 'pads' has %d numbers instead of 4", pads);
    for (int i = 0; i < pads; i++) {
        if (w->pad[i] < 0 || w->pad[i] > PARAMETER_MAX)
            return fail (r, "padding %lld is not in 0..%d", (long long)w->pad[i], PARAMETER_MAX);
    }
    bool padded = w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3];
    if (attribute_says (r, "auto_pad", "NOTSET", "NOTSET"))
        return true;
    if (padded)
        return fail (r, "has both auto_pad and pads");
    if (attribute_says (r, "auto_pad", "VALID", ""))
        return true;
    bool lower = attribute_says (r, "auto_pad", "SAME_LOWER", "");
    if (lower || attribute_says (r, "auto_pad", "SAME_UPPER", ""))
        return pad_same (r, size, ceil_mode, lower, w);
    const ProtobufCBinaryData *said = &attribute (r, "auto_pad")->s;
    return fail (r, "auto_pad '%.*s' is not one of NOTSET, VALID, SAME_UPPER, SAME_LOWER",
                 said->len < 20 ? (int)said->len : 20, said->len ? (const char *)said->data : "");
}

/* Input `index` as an image: four dimensions, the first of them 1. */
static struct value *input_image (struct reader *r, int index)
{
    struct value *x = input_tensor (r, index);
    if (!x || (x->shape.rank == 4 && x->shape.dims[0] == 1))
        return x;
    char text[100];
    fail (r, "its input of %s is not one image (1, channels, height, width)", shape_text (&x->shape, text));
    return NULL;
}

static int image_view (struct reader *r, const struct value *x)
{
    return view (r, x, x->shape.dims[1], x->shape.dims[2], x->shape.dims[3]);
}

/* The graph's tensor becomes output 0 as (1, channels, height, width). */
static bool set_image (struct reader *r, int id)
{
    struct tensor_info t = graph_tensor (r->graph, id);
    return set_tensor (r, 0, id, &(struct shape) { 4, { 1, t.channels, t.height, t.width } });
}

/* ---- convolution --------------------------------------------------------------------------------------------- */

/* The kernel's shape against the input's and the attributes; fills the window's kernel. */
static bool conv_kernel (struct reader *r, const struct value *x, const struct value *weights, int64_t groups,
                         struct window *w)
{
    const int64_t *dims = weights->shape.dims;
    char text[2][100];
    if (weights->shape.rank != 4)
        return fail (r, "weights of %s, four dimensions are needed", shape_text (&weights->shape, text[0]));
    for (int i = 0; i < 4; i++) {
        if (dims[i] < 1 || (i > 1 && dims[i] > PARAMETER_MAX))
            return fail (r, "weights of %s are not supported", shape_text (&weights->shape, text[0]));
    }
    if (groups < 1 || groups > INT32_MAX)
        return fail (r, "group %lld", (long long)groups);
    if (x->shape.dims[1] % groups || dims[1] != x->shape.dims[1] / groups || dims[0] % groups)
        return fail (r, "weights of %s do not fit an input of %s in %lld groups", shape_text (&weights->shape, text[0]),
                     shape_text (&x->shape, text[1]), (long long)groups);
    w->kernel[0] = dims[2];
    w->kernel[1] = dims[3];
    int64_t said[2];
    if (!window_pair (r, "kernel_shape", 1, said))
        return false;
    if (attribute (r, "kernel_shape") && (said[0] != dims[2] || said[1] != dims[3]))
        return fail (r, "kernel_shape says %lldx%lld, the weights are %s", (long long)said[0], (long long)said[1],
                     shape_text (&weights->shape, text[0]));
    return true;
}

bool read_conv (struct reader *r)
{
    struct value *x = input_image (r, 0), *weights = x ? input (r, 1) : NULL;
    int64_t groups = attribute_int (r, "group", 1);
    struct window w = { 0 };
    if (!weights || !conv_kernel (r, x, weights, groups, &w) || !window_read (r, &x->shape.dims[2], false, &w))
        return false;
    const float *numbers = value_floats (r, weights), *bias = NULL;
    if (!numbers)
        return false;
    if (has_input (r, 2) && !(bias = input_floats (r, 2, weights->shape.dims[0])))
        return false;
    struct conv conv = { .out_channels = (int)weights->shape.dims[0],
                         .kernel_h = (int)w.kernel[0],
                         .kernel_w = (int)w.kernel[1],
                         .stride_h = (int)w.stride[0],
                         .stride_w = (int)w.stride[1],
                         .dilation_h = (int)w.dilation[0],
                         .dilation_w = (int)w.dilation[1],
                         .pad_top = (int)w.pad[0],
                         .pad_left = (int)w.pad[1],
                         .pad_bottom = (int)w.pad[2],
                         .pad_right = (int)w.pad[3],
                         .groups = (int)groups };
    int in = image_view (r, x);
    return in >= 0 && set_image (r, graph_conv (r->graph, output_name (r, 0), in, &conv, numbers, bias));
}

/* ---- pooling ------------------------------------------------------------------------------------------------- */

static bool read_pool (struct reader *r, enum pool_kind kind)
{
    struct value *x = input_image (r, 0);
    bool ceil_mode = attribute_int (r, "ceil_mode", 0) != 0;
    struct window w = { 0 };
    if (!x || !window_pair (r, "kernel_shape", 0, w.kernel))
        return false;
    if (!w.kernel[0])
        return fail (r, "attribute 'kernel_shape' is missing");
    if (!window_read (r, &x->shape.dims[2], ceil_mode, &w))
        return false;
    struct pool pool = { .kind = kind,
                         .kernel_h = (int)w.kernel[0],
                         .kernel_w = (int)w.kernel[1],
                         .stride_h = (int)w.stride[0],
                         .stride_w = (int)w.stride[1],
                         .dilation_h = (int)w.dilation[0],
                         .dilation_w = (int)w.dilation[1],
                         .pad_top = (int)w.pad[0],
                         .pad_left = (int)w.pad[1],
                         .pad_bottom = (int)w.pad[2],
                         .pad_right = (int)w.pad[3],
                         .ceil_mode = ceil_mode,
                         .count_include_pad = attribute_int (r, "count_include_pad", 0) != 0 };
    int in = image_view (r, x);
    return in >= 0 && set_image (r, graph_pool (r->graph, output_name (r, 0), in, &pool));
}

bool read_max_pool (struct reader *r)
{
    return read_pool (r, POOL_MAX);
}

bool read_average_pool (struct reader *r)
{
    return read_pool (r, POOL_AVERAGE);
}

static bool read_global_pool (struct reader *r, enum pool_kind kind)
{
    struct value *x = input_image (r, 0);
    int in = x ? image_view (r, x) : -1;
    return in >= 0 && set_image (r, graph_global_pool (r->graph, output_name (r, 0), in, kind));
}

bool read_global_average_pool (struct reader *r)
{
    return read_global_pool (r, POOL_AVERAGE);
}

bool read_global_max_pool (struct reader *r)
{
    return read_global_pool (r, POOL_MAX);
}

/* Which axes are reduced; all where none are named. */
static bool reduced_axes (struct reader *r, const struct value *x, bool reduce[RANK_MAX])
{
    int64_t axes[RANK_MAX];
    bool given;
    int count = attribute_or_input_ints (r, "axes", 1, axes, RANK_MAX, &given);
    bool nothing = count == 0 && attribute_int (r, "noop_with_empty_axes", 0);
    if (count < 0)
        return false;
    for (int i = 0; i < RANK_MAX; i++)
        reduce[i] = count == 0 && !nothing && i < x->shape.rank;
    for (int i = 0; i < count; i++) {
        int axis = axis_of (r, axes[i], x->shape.rank);
        if (axis < 0)
            return false;
        reduce[axis] = true;
    }
    return true;
}

/* Mean or maximum over some axes: these moved to the end (they usually are there), then pooled like rows and
 * columns. */
static bool read_reduce (struct reader *r, enum pool_kind kind)
{
    struct value *x = input_tensor (r, 0);
    bool reduce[RANK_MAX];
    if (!x || !reduced_axes (r, x, reduce))
        return false;
    bool keep_dims = attribute_int (r, "keepdims", 1) != 0;
    struct shape out = { 0 }, moved;
    int perm[RANK_MAX], kept = 0, count = 0;
    for (int i = 0; i < x->shape.rank; i++) {
        if (!reduce[i])
            perm[kept++] = i;
        if (!reduce[i] || keep_dims)
            out.dims[out.rank++] = reduce[i] ? 1 : x->shape.dims[i];
    }
    for (int i = 0; i < x->shape.rank; i++) {
        if (reduce[i])
            perm[kept + count++] = i;
    }
    struct value in = *x;
    if ((in.tensor = transposed (r, x, perm, "", &moved)) < 0)
        return false;
    in.shape = moved;
    int id = view_before (r, &in, kept);
    return id >= 0 && set_tensor (r, 0, graph_global_pool (r->graph, output_name (r, 0), id, kind), &out);
}

bool read_reduce_mean (struct reader *r)
{
    return read_reduce (r, POOL_AVERAGE);
}

bool read_reduce_max (struct reader *r)
{
    return read_reduce (r, POOL_MAX);
}

/* ---- normalisation, fully connected, softmax ----------------------------------------------------------------- */

bool read_batch_norm (struct reader *r)
{
    struct value *x = input_tensor (r, 0);
    if (!x)
        return false;
    if (x->shape.rank < 2 || x->shape.dims[0] != 1)
        return fail (r, "its input has %d dimensions or is not one image", x->shape.rank);
    if (attribute_int (r, "training_mode", 0) || !attribute_int (r, "spatial", 1))
        return fail (r, "training mode and spatial = 0 are not supported");
    int64_t channels = x->shape.dims[1];
    const float *numbers[4]; /* scale, shift, mean, variance: [channels] each */
    for (int i = 0; i < 4; i++) {
        if (!(numbers[i] = input_floats (r, i + 1, channels)))
            return false;
    }
    int in = view_before (r, x, 2);
    return in >= 0 && set_tensor (r, 0,
                                  graph_batch_norm (r->graph, output_name (r, 0), in, numbers[0], numbers[1],
                                                    numbers[2], numbers[3], attribute_float (r, "epsilon", 1e-5f)),
                                  &x->shape);
}

/* weights [inputs][outputs], or [outputs][inputs] when `outputs_first` -> factor * weights, [outputs][inputs]. */
static const float *linear_weights (struct reader *r, const float *weights, int64_t inputs, int64_t outputs,
                                    bool outputs_first, float factor)
{
    if (outputs_first && factor == 1)
        return weights;
    float *to = borrow (r, (uint64_t)inputs * (uint64_t)outputs, sizeof *to);
    for (int64_t o = 0; to && o < outputs; o++) {
        for (int64_t i = 0; i < inputs; i++)
            to[o * inputs + i] = factor * weights[outputs_first ? o * inputs + i : i * outputs + o];
    }
    return to;
}

/* Input 2 of Gemm times beta for each output, or NULL: none. False after a failure. */
static bool gemm_bias (struct reader *r, int64_t outputs, const float **to)
{
    *to = NULL;
    if (!has_input (r, 2))
        return true;
    struct value *v = input (r, 2);
    const float *numbers = v ? value_floats (r, v) : NULL;
    struct shape row = { 2, { 1, outputs } }, both;
    if (!numbers || !broadcast (r, &v->shape, &row, &both))
        return false;
    if (shape_total (&both) != outputs) {
        char text[100];
        return fail (r, "a bias of %s does not fit %lld outputs", shape_text (&v->shape, text), (long long)outputs);
    }
    float beta = attribute_float (r, "beta", 1), *bias = borrow (r, (uint64_t)outputs, sizeof *bias);
    for (int64_t o = 0; bias && o < outputs; o++)
        bias[o] = beta * numbers[broadcast_index (&both, o, &v->shape)];
    *to = bias;
    return bias != NULL;
}

bool read_gemm (struct reader *r)
{
    struct value *x = input_tensor (r, 0), *weights = x ? input (r, 1) : NULL;
    if (!weights)
        return false;
    char text[2][100];
    bool across = attribute_int (r, "transA", 0) != 0, outputs_first = attribute_int (r, "transB", 0) != 0;
    if (x->shape.rank != 2 || x->shape.dims[across ? 1 : 0] != 1 || weights->shape.rank != 2)
        return fail (r, "%s times %s: one row times a matrix is supported", shape_text (&x->shape, text[0]),
                     shape_text (&weights->shape, text[1]));
    int64_t inputs = x->shape.dims[across ? 0 : 1], outputs = weights->shape.dims[outputs_first ? 0 : 1];
    if (weights->shape.dims[outputs_first ? 1 : 0] != inputs || outputs < 1)
        return fail (r, "%lld inputs do not fit weights of %s", (long long)inputs,
                     shape_text (&weights->shape, text[0]));
    const float *numbers = value_floats (r, weights), *bias;
    if (!numbers || !gemm_bias (r, outputs, &bias))
        return false;
    numbers = linear_weights (r, numbers, inputs, outputs, outputs_first, attribute_float (r, "alpha", 1));
    int in = numbers ? view (r, x, inputs, 1, 1) : -1;
    return in >= 0 && set_tensor (r, 0, graph_linear (r->graph, output_name (r, 0), in, (int)outputs, numbers, bias),
                                  &(struct shape) { 2, { 1, outputs } });
}

bool read_mat_mul (struct reader *r)
{
    struct value *x = input_tensor (r, 0), *weights = x ? input (r, 1) : NULL;
    if (!weights)
        return false;
    char text[2][100];
    const struct shape *a = &x->shape, *b = &weights->shape;
    int64_t inputs = a->rank ? a->dims[a->rank - 1] : 1;
    if (!a->rank || b->rank != 2 || shape_total (a) != inputs || b->dims[0] != inputs || b->dims[1] < 1)
        return fail (r, "%s times %s: one row times a matrix is supported", shape_text (a, text[0]),
                     shape_text (b, text[1]));
    struct shape out = *a;
    out.dims[out.rank - 1] = b->dims[1];
    const float *numbers = value_floats (r, weights);
    if (numbers)
        numbers = linear_weights (r, numbers, inputs, b->dims[1], false, 1);
    int in = numbers ? view (r, x, inputs, 1, 1) : -1;
    return in >= 0 &&
           set_tensor (r, 0, graph_linear (r->graph, output_name (r, 0), in, (int)b->dims[1], numbers, NULL), &out);
}

/* Softmax, or its logarithm. */
static bool softmax (struct reader *r, bool logarithm)
{
    struct value *x = input_tensor (r, 0);
    if (!x)
        return false;
    bool flattens = r->opset < 13; /* then over all axes from `axis` on together */
    int rank = x->shape.rank, axis = axis_of (r, attribute_int (r, "axis", flattens ? 1 : -1), rank);
    if (axis < 0)
        return false;
    int perm[RANK_MAX], back[RANK_MAX];
    int until = flattens ? rank : axis + 1; /* axes axis..until-1 become the channels */
    for (int i = 0; i < rank; i++) {
        perm[i] = i < until - axis ? axis + i : i < until ? i - (until - axis) : i;
        back[perm[i]] = i;
    }
    struct value in = *x;
    struct shape back_shape;
    bool moves = shape_count (&x->shape, 0, axis) != 1;
    if (moves && (in.tensor = transposed (r, x, perm, "", &in.shape)) < 0)
        return false;
    int first = moves ? 0 : axis;
    int id = view_before (r, &in, first + until - axis);
    if (id < 0)
        return false;
    id = logarithm ? graph_log_softmax (r->graph, moves ? "" : output_name (r, 0), id)
                   : graph_softmax (r->graph, moves ? "" : output_name (r, 0), id);
    if (moves && id >= 0) {
        in.tensor = id;
        id = transposed (r, &in, back, output_name (r, 0), &back_shape);
    }
    return set_tensor (r, 0, id, &x->shape);
}

bool read_softmax (struct reader *r)
{
    return softmax (r, false);
}

bool read_log_softmax (struct reader *r)
{
    return softmax (r, true);
}

/* Of a softmax only, seen through changes of shape: then both are one operation, which loses nothing where a
 * probability rounds to 0. */
bool read_log (struct reader *r)
{
    struct value *x = input_tensor (r, 0);
    if (!x)
        return false;
    struct tensor_info t = graph_tensor (r->graph, x->tensor), end = t;
    while (!strcmp (end.operation, "reshape"))
        end = graph_tensor (r->graph, end.inputs[0]);
    if (strcmp (end.operation, "softmax"))
        return fail (r, "only the logarithm of a Softmax is supported, not of '%.100s'", x->name);
    int id = graph_log_softmax (r->graph, "", end.inputs[0]);
    return set_tensor (r, 0, graph_reshape (r->graph, output_name (r, 0), id, t.channels, t.height, t.width),
                       &x->shape);
}
