/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_conv_pool.c: convolution and pooling: windows that slide over rows and columns, or along
 * one axis. */
#include "models/onnx_reader.h"

/* ---- windows ------------------------------------------------------------------------------------------------- */

/* A window sliding over rows and columns; [0] is rows. Pads as in ONNX: top, left, bottom, right. With one spatial axis
 * there is one row. */
struct window {
    int axes;        /* spatial: 1 or 2 */
    int64_t size[2]; /* rows and columns of the input */
    int64_t kernel[2], stride[2], dilation[2], pad[4];
};

/* A number of an attribute for each axis, at least 1 and an int (the engine knows its limits), or `otherwise`. */
static bool window_pair (struct reader *r, const struct window *w, const char *name, int64_t otherwise, int64_t to[2])
{
    int64_t said[2];
    to[0] = to[1] = otherwise;
    if (!onnx_attribute (r, name))
        return true;
    int count = onnx_attribute_ints (r, name, said, 2);
    if (count < 0)
        return false;
    if (count != w->axes)
        return onnx_fail (r, "attribute '%s' has %d numbers instead of %d for the spatial axes", name, count, w->axes);
    to[0] = 1;
    for (int i = 0; i < count; i++) {
        if (said[i] < 1 || said[i] > INT32_MAX)
            return onnx_fail (r, "%s %lld is not possible", name, (long long)said[i]);
        to[2 - count + i] = said[i];
    }
    return true;
}

/* The same where 0 is possible, and stands for what is not said. */
static bool pair_or_nothing (struct reader *r, const struct window *w, const char *name, int64_t to[2])
{
    int64_t said[4];
    int count = onnx_attribute_ints (r, name, said, 4),
        from = count == w->axes + 2 ? 2 : 0; /* behind batch and channels */
    to[0] = to[1] = 0;
    if (count < 0)
        return false;
    if (count && count - from != w->axes)
        return onnx_fail (r, "attribute '%s' has %d numbers instead of %d for the spatial axes", name, count, w->axes);
    for (int i = 0; i < count - from; i++) {
        if (said[from + i] < 0 || said[from + i] > INT32_MAX)
            return onnx_fail (r, "%s %lld is not possible", name, (long long)said[from + i]);
        to[2 - w->axes + i] = said[from + i];
    }
    return true;
}

/* auto_pad SAME: as many windows as strides fit in, the padding that takes shared out, the odd one at the end or
 * front. */
static bool pad_same (struct reader *r, bool ceil_mode, bool lower, struct window *w)
{
    for (int i = 2 - w->axes; i < 2; i++) {
        int64_t windows = (w->size[i] + w->stride[i] - 1) / w->stride[i];
        int64_t span = (windows - 1) * w->stride[i] + w->dilation[i] * (w->kernel[i] - 1) + 1;
        int64_t pad = span > w->size[i] ? span - w->size[i] : 0;
        if (pad > INT32_MAX)
            return onnx_fail (r, "padding by %lld is not supported", (long long)pad);
        w->pad[i] = lower ? pad - pad / 2 : pad / 2;
        w->pad[i + 2] = pad - w->pad[i];
    }
    return !ceil_mode || onnx_fail (r, "auto_pad SAME with ceil_mode is not supported");
}

/* The same in a struct conv or struct pool. */
#define WINDOW_FIELDS(w)                                                                                               \
    .kernel_h = (int)(w).kernel[0], .kernel_w = (int)(w).kernel[1], .stride_h = (int)(w).stride[0],                    \
    .stride_w = (int)(w).stride[1], .dilation_h = (int)(w).dilation[0], .dilation_w = (int)(w).dilation[1],            \
    .pad_top = (int)(w).pad[0], .pad_left = (int)(w).pad[1], .pad_bottom = (int)(w).pad[2],                            \
    .pad_right = (int)(w).pad[3]

/* Everything but the kernel's size. */
static bool window_read (struct reader *r, bool ceil_mode, struct window *w)
{
    int64_t pads[4];
    if (!window_pair (r, w, "strides", 1, w->stride) || !window_pair (r, w, "dilations", 1, w->dilation))
        return false;
    int count = onnx_attribute_ints (r, "pads", pads, 4);
    if (count < 0)
        return false;
    if (onnx_attribute (r, "pads") && count != 2 * w->axes)
        return onnx_fail (r, "attribute 'pads' has %d numbers instead of %d", count, 2 * w->axes);
    bool padded = false;
    for (int i = 0; i < count; i++) {
        if (pads[i] < 0 || pads[i] > INT32_MAX)
            return onnx_fail (r, "padding %lld is not possible", (long long)pads[i]);
        w->pad[w->axes == 2 ? i : 2 * i + 1] = pads[i];
        padded = padded || pads[i];
    }
    if (onnx_attribute_says (r, "auto_pad", "NOTSET", "NOTSET"))
        return true;
    if (padded)
        return onnx_fail (r, "has both auto_pad and pads");
    if (onnx_attribute_says (r, "auto_pad", "VALID", ""))
        return true;
    bool lower = onnx_attribute_says (r, "auto_pad", "SAME_LOWER", "");
    if (lower || onnx_attribute_says (r, "auto_pad", "SAME_UPPER", ""))
        return pad_same (r, ceil_mode, lower, w);
    const ProtobufCBinaryData *said = &onnx_attribute (r, "auto_pad")->s;
    return onnx_fail (r, "auto_pad '%.*s' is not one of NOTSET, VALID, SAME_UPPER, SAME_LOWER",
                      said->len < 20 ? (int)said->len : 20, said->len ? (const char *)said->data : "");
}

/* Input 0 as an image, (1, channels, height, width) or (1, channels, width). */
static struct value *input_image (struct reader *r, struct window *w)
{
    struct value *x = onnx_input_tensor (r, 0);
    char text[100];
    if (!x)
        return NULL;
    int rank = x->shape.rank;
    if ((rank == 4 || rank == 3) && x->shape.dims[0] == 1) {
        *w =
            (struct window) { .axes = rank - 2, .size = { rank == 4 ? x->shape.dims[2] : 1, x->shape.dims[rank - 1] } };
        return x;
    }
    onnx_fail (r, "its input of %s is not one image (1, channels, height, width)", onnx_shape_text (&x->shape, text));
    return NULL;
}

static int image_view (struct reader *r, const struct value *x, const struct window *w)
{
    return onnx_view (r, x, x->shape.dims[1], w->size[0], w->size[1]);
}

/* The graph's tensor becomes output 0 with as many spatial axes as the input. */
static bool set_image (struct reader *r, int id, const struct window *w)
{
    struct tensor_info t = graph_tensor (r->graph, id);
    struct shape plane = { 4, { 1, t.channels, t.height, t.width } }, line = { 3, { 1, t.channels, t.width } };
    return onnx_set_tensor (r, 0, id, w->axes == 2 ? &plane : &line);
}

/* ---- convolution --------------------------------------------------------------------------------------------- */

/* The kernel's shape against the input's and the attributes; fills the window's kernel. */
static bool conv_kernel (struct reader *r, const struct value *x, const struct value *weights, int64_t groups,
                         struct window *w)
{
    const int64_t *dims = weights->shape.dims;
    char text[2][100];
    int rank = weights->shape.rank;
    if (rank != x->shape.rank)
        return onnx_fail (r, "weights of %s, %d dimensions are needed", onnx_shape_text (&weights->shape, text[0]),
                          x->shape.rank);
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 1)
            return onnx_fail (r, "weights of %s are not supported", onnx_shape_text (&weights->shape, text[0]));
    }
    if (groups < 1 || groups > INT32_MAX)
        return onnx_fail (r, "group %lld", (long long)groups);
    if (x->shape.dims[1] % groups || dims[1] != x->shape.dims[1] / groups || dims[0] % groups)
        return onnx_fail (r, "weights of %s do not fit an input of %s in %lld groups",
                          onnx_shape_text (&weights->shape, text[0]), onnx_shape_text (&x->shape, text[1]),
                          (long long)groups);
    w->kernel[0] = rank == 4 ? dims[2] : 1;
    w->kernel[1] = dims[rank - 1];
    int64_t said[2];
    if (!window_pair (r, w, "kernel_shape", 1, said))
        return false;
    if (onnx_attribute (r, "kernel_shape") && (said[0] != w->kernel[0] || said[1] != w->kernel[1]))
        return onnx_fail (r, "kernel_shape says %lldx%lld, the weights are %s", (long long)said[0], (long long)said[1],
                          onnx_shape_text (&weights->shape, text[0]));
    return true;
}

static bool read_conv (struct reader *r)
{
    struct window w = { 0 };
    struct value *x = input_image (r, &w), *weights = x ? onnx_input_value (r, 1) : NULL;
    int64_t groups = onnx_attribute_int (r, "group", 1);
    if (!weights || !conv_kernel (r, x, weights, groups, &w) || !window_read (r, false, &w))
        return false;
    const float *numbers = onnx_payload_weights (r, weights), *bias = NULL;
    if (!numbers)
        return false;
    if (onnx_has_input (r, 2) && !(bias = onnx_input_floats (r, 2, weights->shape.dims[0])))
        return false;
    struct conv conv = { .out_channels = (int)weights->shape.dims[0], WINDOW_FIELDS (w), .groups = (int)groups };
    int in = image_view (r, x, &w);
    return in >= 0 && set_image (r, graph_conv (r->graph, onnx_output_name (r, 0), in, &conv, numbers, bias), &w);
}

/* ---- transposed convolution -------------------------------------------------------------------------------------- */

/* One axis of a transposed convolution: every input number adds `kernel` numbers to the output, `stride` apart from
 * the next one's, of which pads are left out. Output numbers with the same remainder by the stride are a plain
 * convolution of their own, with every stride-th number of the kernel; all of them reach back over `reach` inputs at
 * most. */
struct transposed_axis {
    int64_t in, out, kernel, stride, dilation, pad, reach;
};

/* Sizes and pads; `extra` is the output padding, `wanted` the size that is asked for, or 0. */
static bool transposed_axis (struct reader *r, const struct window *w, int i, int64_t extra, int64_t wanted,
                             struct transposed_axis *to)
{
    enum { STRIDE_MAX = 64, SIZE_MAX_ = 32768 /* as the engine has it */ };
    int64_t extent = w->dilation[i] * (w->kernel[i] - 1) + 1, before = w->pad[i], after = w->pad[i + 2];
    bool same =
        onnx_attribute_says (r, "auto_pad", "SAME_UPPER", "") || onnx_attribute_says (r, "auto_pad", "SAME_LOWER", "");
    if (w->stride[i] > STRIDE_MAX || extent > SIZE_MAX_ || extra < 0 || extra > STRIDE_MAX)
        return onnx_fail (r, "stride %lld, a kernel over %lld and output padding %lld are not supported",
                          (long long)w->stride[i], (long long)extent, (long long)extra);
    if (same && !wanted)
        wanted = w->size[i] * w->stride[i];
    if (wanted) {
        int64_t total = w->stride[i] * (w->size[i] - 1) + extra + extent - wanted;
        if (total < 0)
            total = 0;
        before = onnx_attribute_says (r, "auto_pad", "SAME_UPPER", "") ? total / 2 : total - total / 2;
        after = total - before;
    }
    *to = (struct transposed_axis) { .in = w->size[i],
                                     .out = w->stride[i] * (w->size[i] - 1) + extra + extent - before - after,
                                     .kernel = w->kernel[i],
                                     .stride = w->stride[i],
                                     .dilation = w->dilation[i],
                                     .pad = before,
                                     .reach = (extent - 1) / w->stride[i] };
    if (wanted)
        to->out = wanted;
    if (to->out >= 1 && to->out <= INT32_MAX)
        return true;
    return onnx_fail (r, "the output would be %lld", (long long)to->out);
}

/* Which number of the kernel stands at place `at` of the convolution for a remainder; -1: none. */
static int64_t transposed_tap (const struct transposed_axis *a, int64_t remainder, int64_t at)
{
    int64_t offset = (a->reach - at) * a->stride + remainder;
    return offset % a->dilation == 0 && offset / a->dilation < a->kernel ? offset / a->dilation : -1;
}

/* weights [in][out / groups][kernel h][kernel w] -> [out', where each output is stride h x stride w of them][in /
 * groups] [reach h + 1][reach w + 1]. In one group the place in the block comes first, else the channel. */
static float *transposed_weights (struct reader *r, const float *from, const int64_t dims[2], int64_t groups,
                                  const struct transposed_axis a[2])
{
    int64_t cells = a[0].stride * a[1].stride, inputs = dims[0] / groups, outputs = dims[1];
    int64_t tall = a[0].reach + 1, broad = a[1].reach + 1;
    uint64_t count = (uint64_t)dims[1] * (uint64_t)groups * (uint64_t)cells;
    uint64_t each = (uint64_t)tall * (uint64_t)broad, all, steps; /* each: at most 2^30; a number: two divisions */
    if (__builtin_mul_overflow (count, (uint64_t)inputs, &all) || __builtin_mul_overflow (all, each, &all) ||
        __builtin_mul_overflow (all, UINT64_C (8), &steps))
        steps = UINT64_MAX; /* more than any account holds */
    float *to = onnx_spend (r, steps) ? onnx_alloc_node (r, all, sizeof *to) : NULL;
    for (int64_t o = 0; to && o < (int64_t)count; o++) {
        int64_t cell = groups > 1 ? o % cells : o / outputs, channel = groups > 1 ? o / cells : o % outputs;
        int64_t first = channel / outputs * inputs;
        for (int64_t i = 0; i < inputs; i++) {
            const float *kernel = from + ((first + i) * outputs + channel % outputs) * a[0].kernel * a[1].kernel;
            for (int64_t k = 0; k < tall * broad; k++) {
                int64_t row = transposed_tap (&a[0], cell / a[1].stride, k / broad);
                int64_t column = transposed_tap (&a[1], cell % a[1].stride, k % broad);
                if (row >= 0 && column >= 0)
                    to[(o * inputs + i) * tall * broad + k] = kernel[row * a[1].kernel + column];
            }
        }
    }
    return to;
}

/* The bias of each output for each of the places in its block. */
static bool transposed_bias (struct reader *r, int64_t outputs, int64_t groups, int64_t cells, const float **to)
{
    *to = NULL;
    if (!onnx_has_input (r, 2))
        return true;
    const float *bias = onnx_input_floats (r, 2, outputs);
    float *all = bias ? onnx_alloc_node (r, (uint64_t)(outputs * cells), sizeof *all) : NULL;
    for (int64_t o = 0; all && o < outputs * cells; o++)
        all[o] = bias[groups > 1 ? o / cells : o % outputs];
    *to = all;
    return all != NULL;
}

/* A plain convolution that makes blocks of pixels as channels, the blocks laid out, and the pads cut off. */
static int transposed_graph (struct reader *r, int in, int64_t outputs, int64_t groups, const float *weights,
                             const float *bias, const struct transposed_axis a[2])
{
    int64_t after[2];
    for (int i = 0; i < 2; i++) {
        after[i] = (a[i].pad + a[i].out + a[i].stride - 1) / a[i].stride - a[i].in;
        after[i] = after[i] < 0 ? 0 : after[i];
    }
    struct conv conv = { .out_channels = (int)(outputs * a[0].stride * a[1].stride),
                         .kernel_h = (int)a[0].reach + 1,
                         .kernel_w = (int)a[1].reach + 1,
                         .pad_top = (int)a[0].reach,
                         .pad_left = (int)a[1].reach,
                         .pad_bottom = (int)after[0],
                         .pad_right = (int)after[1],
                         .groups = (int)groups };
    struct depth_to_space blocks = { (int)a[0].stride, (int)a[1].stride, groups > 1 };
    int id = graph_depth_to_space (r->graph, "", graph_conv (r->graph, "", in, &conv, weights, bias), &blocks);
    struct pick cut = { NULL, (int)outputs, (int)a[0].out, (int)a[1].out, (int)a[0].pad, (int)a[1].pad, 1, 1, 0 };
    return graph_pick (r->graph, onnx_output_name (r, 0), id, &cut);
}

static bool read_conv_transpose (struct reader *r)
{
    struct window w = { 0 };
    struct value *x = input_image (r, &w), *weights = x ? onnx_input_value (r, 1) : NULL;
    int64_t groups = onnx_attribute_int (r, "group", 1), extra[2], wanted[2], said[2];
    char text[2][100];
    if (!weights)
        return false;
    const int64_t *dims = weights->shape.dims;
    int rank = weights->shape.rank;
    bool fits = rank == x->shape.rank && groups >= 1 && dims[0] == x->shape.dims[1] && dims[0] % groups == 0 &&
                onnx_shape_total (&weights->shape) > 0;
    if (!fits)
        return onnx_fail (r, "weights of %s do not fit an input of %s in %lld groups",
                          onnx_shape_text (&weights->shape, text[0]), onnx_shape_text (&x->shape, text[1]),
                          (long long)groups);
    w.kernel[0] = rank == 4 ? dims[2] : 1;
    w.kernel[1] = dims[rank - 1];
    if (!window_pair (r, &w, "kernel_shape", 1, said) || !window_read (r, false, &w))
        return false;
    if (onnx_attribute (r, "kernel_shape") && (said[0] != w.kernel[0] || said[1] != w.kernel[1]))
        return onnx_fail (r, "kernel_shape says %lldx%lld, the weights are %s", (long long)said[0], (long long)said[1],
                          onnx_shape_text (&weights->shape, text[0]));
    if (!pair_or_nothing (r, &w, "output_padding", extra) || !pair_or_nothing (r, &w, "output_shape", wanted))
        return false;
    struct transposed_axis a[2];
    for (int i = 0; i < 2; i++) {
        if (!transposed_axis (r, &w, i, extra[i], i < 2 - w.axes ? 1 : wanted[i], &a[i]))
            return false;
    }
    const float *numbers = onnx_value_floats (r, weights), *bias;
    if (!numbers || !transposed_bias (r, dims[1] * groups, groups, a[0].stride * a[1].stride, &bias) ||
        !(numbers = transposed_weights (r, numbers, dims, groups, a)))
        return false;
    int in = image_view (r, x, &w);
    int id = in < 0 ? -1 : transposed_graph (r, in, dims[1] * groups, groups, numbers, bias, a);
    return in >= 0 && set_image (r, id, &w);
}

/* ---- pooling ------------------------------------------------------------------------------------------------- */

static bool read_pool (struct reader *r, enum pool_kind kind)
{
    struct window w = { 0 };
    struct value *x = input_image (r, &w);
    bool ceil_mode = onnx_attribute_int (r, "ceil_mode", 0) != 0;
    if (!x || !window_pair (r, &w, "kernel_shape", 0, w.kernel))
        return false;
    if (!w.kernel[1])
        return onnx_fail (r, "attribute 'kernel_shape' is missing");
    if (!window_read (r, ceil_mode, &w))
        return false;
    struct pool pool = { .kind = kind,
                         WINDOW_FIELDS (w),
                         .ceil_mode = ceil_mode,
                         .count_include_pad = onnx_attribute_int (r, "count_include_pad", 0) != 0 };
    int in = image_view (r, x, &w);
    return in >= 0 && set_image (r, graph_pool (r->graph, onnx_output_name (r, 0), in, &pool), &w);
}

static bool read_max_pool (struct reader *r)
{
    return read_pool (r, POOL_MAX);
}

static bool read_average_pool (struct reader *r)
{
    return read_pool (r, POOL_AVERAGE);
}

static bool read_global_pool (struct reader *r, enum pool_kind kind)
{
    struct window w = { 0 };
    struct value *x = input_image (r, &w);
    int in = x ? image_view (r, x, &w) : -1;
    return in >= 0 && set_image (r, graph_global_pool (r->graph, onnx_output_name (r, 0), in, kind), &w);
}

static bool read_global_average_pool (struct reader *r)
{
    return read_global_pool (r, POOL_AVERAGE);
}

static bool read_global_max_pool (struct reader *r)
{
    return read_global_pool (r, POOL_MAX);
}

#define WINDOW "auto_pad:s dilations:I kernel_shape:I pads:I strides:I "

const struct onnx_operator onnx_conv_pool_operators[] = {
    { "AveragePool", 1, 1, 1, read_average_pool, WINDOW "ceil_mode:i count_include_pad:i" },
    { "Conv", 2, 3, 1, read_conv, WINDOW "group:i" },
    { "ConvTranspose", 2, 3, 1, read_conv_transpose, WINDOW "group:i output_padding:I output_shape:I" },
    { "GlobalAveragePool", 1, 1, 1, read_global_average_pool, "" },
    { "GlobalMaxPool", 1, 1, 1, read_global_max_pool, "" },
    { "MaxPool", 1, 1, 1, read_max_pool, WINDOW "ceil_mode:i storage_order:i" },
    { .name = NULL },
};
