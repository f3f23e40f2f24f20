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
    const float *numbers = onnx_value_floats (r, weights), *bias = NULL;
    if (!numbers)
        return false;
    if (onnx_has_input (r, 2) && !(bias = onnx_input_floats (r, 2, weights->shape.dims[0])))
        return false;
    struct conv conv = { .out_channels = (int)weights->shape.dims[0], WINDOW_FIELDS (w), .groups = (int)groups };
    int in = image_view (r, x, &w);
    return in >= 0 && set_image (r, graph_conv (r->graph, onnx_output_name (r, 0), in, &conv, numbers, bias), &w);
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
    { "GlobalAveragePool", 1, 1, 1, read_global_average_pool, "" },
    { "GlobalMaxPool", 1, 1, 1, read_global_max_pool, "" },
    { "MaxPool", 1, 1, 1, read_max_pool, WINDOW "ceil_mode:i storage_order:i" },
    { .name = NULL },
};
