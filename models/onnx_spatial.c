/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_spatial.c: other heights and widths: Resize and Upsample, pixels made from channels and channels from pixels. */
#include "models/onnx_reader.h"

#include <math.h>
#include <string.h>

/* ---- resize ------------------------------------------------------------------------------------------------------ */

enum mapping { HALF_PIXEL, PYTORCH_HALF_PIXEL, SYMMETRIC, ALIGN_CORNERS, ASYMMETRIC, NN_HALF_PIXEL };
enum nearest { ROUND_DOWN, ROUND_UP, FLOOR, CEIL };

/* What becomes of each axis. */
struct sizes {
    int64_t out[RANK_MAX];
    float scale[RANK_MAX];
};

/* How positions are found. */
struct sampling {
    enum mapping mapping;
    bool linear, cubic;
    enum nearest nearest;
    float coefficient; /* cubic */
    bool inside;
};

/* Which of the names the attribute says; -1 and a failure when none. `otherwise` where it is absent. */
static int choice (struct reader *r, const char *attribute, const char *const *names, int count, const char *otherwise)
{
    for (int i = 0; i < count; i++) {
        if (onnx_attribute_says (r, attribute, names[i], otherwise))
            return i;
    }
    const ProtobufCBinaryData *said = &onnx_attribute (r, attribute)->s;
    onnx_fail (r, "%s '%.*s' is not supported", attribute, said->len < 30 ? (int)said->len : 30,
               said->len ? (const char *)said->data : "");
    return -1;
}

static bool read_sampling (struct reader *r, bool old, struct sampling *s)
{
    static const char *const modes[] = { "nearest", "linear", "bilinear", "cubic" };
    static const char *const mappings[] = { "half_pixel",    "pytorch_half_pixel", "half_pixel_symmetric",
                                            "align_corners", "asymmetric",         "tf_half_pixel_for_nn" };
    static const char *const nearest[] = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil" };
    int mode = choice (r, "mode", modes, old ? 3 : 4, "nearest");
    int mapping = mode < 0 ? -1 : choice (r, "coordinate_transformation_mode", mappings, 6, "half_pixel");
    int rounding = mapping < 0 ? -1 : choice (r, "nearest_mode", nearest, 4, "round_prefer_floor");
    if (rounding < 0)
        return false;
    *s = (struct sampling) { (enum mapping)mapping,
                             mode > 0,
                             mode == 3,
                             (enum nearest)rounding,
                             onnx_attribute_float (r, "cubic_coeff_a", -0.75f),
                             onnx_attribute_int (r, "exclude_outside", 0) != 0 };
    if (old) { /* before opset 11 there was one way */
        s->mapping = ASYMMETRIC;
        s->nearest = FLOOR;
    }
    return true;
}

/* Where an output position looks, in single precision as ONNX Runtime calculates it. */
static float mapped (const struct sampling *s, int64_t at, int64_t in, int64_t out, float scale)
{
    float x = (float)at;
    switch (s->mapping) {
    case PYTORCH_HALF_PIXEL:
        return out > 1 ? (x + 0.5f) / scale - 0.5f : 0;
    case SYMMETRIC: {
        float adjustment = (float)out / (scale * (float)in), centre = (float)in / 2;
        return centre * (1 - adjustment) + (x + 0.5f) / scale - 0.5f;
    }
    case ALIGN_CORNERS:
        return out > 1 ? x * (float)(in - 1) / (float)(out - 1) : 0;
    case ASYMMETRIC:
        return x / scale;
    case NN_HALF_PIXEL:
        return (x + 0.5f) / scale;
    default:
        return (x + 0.5f) / scale - 0.5f;
    }
}

static float rounded (enum nearest how, float x)
{
    switch (how) {
    case ROUND_DOWN: /* halves too */
        return ceilf (x - 0.5f);
    case ROUND_UP:
        return floorf (x + 0.5f);
    case FLOOR:
        return floorf (x);
    default:
        return ceilf (x);
    }
}

/* Positions of an axis of `in` numbers for one of `out`, up to its last, of cubic ones beyond; NULL and a failure. */
static double *positions (struct reader *r, const struct sampling *s, int64_t in, int64_t out, float scale)
{
    double *to = onnx_spend (r, (uint64_t)out) ? onnx_alloc_node (r, (uint64_t)out, sizeof *to) : NULL;
    for (int64_t i = 0; to && i < out; i++) {
        float x = in == out ? (float)i : mapped (s, i, in, out, scale);
        float more = s->cubic ? 1 : 0;
        to[i] = (double)fminf (fmaxf (s->linear ? x : rounded (s->nearest, x), -more), (float)(in - 1) + more);
    }
    return to;
}

/* The sizes that scales make. `count` of them; axes[i] is which axis each is of. */
static bool sizes_by_scale (struct reader *r, const struct shape *in, const float *scales, int64_t count,
                            const int *axes, struct sizes *to)
{
    for (int64_t i = 0; i < count; i++) {
        int axis = axes[i];
        double size = floor ((double)((float)in->dims[axis] * scales[i]));
        if (!(scales[i] > 0) || !(size >= 1) || size > INT32_MAX)
            return onnx_fail (r, "axis %d of %lld is to be scaled by %g", axis, (long long)in->dims[axis],
                              (double)scales[i]);
        to->out[axis] = (int64_t)size;
        to->scale[axis] = scales[i];
    }
    return true;
}

static bool sizes_as_given (struct reader *r, const struct shape *in, const int64_t *sizes, int count, const int *axes,
                            struct sizes *to)
{
    for (int i = 0; i < count; i++) {
        int axis = axes[i];
        if (sizes[i] < 1 || sizes[i] > INT32_MAX)
            return onnx_fail (r, "axis %d is to become %lld", axis, (long long)sizes[i]);
        to->out[axis] = sizes[i];
        to->scale[axis] = (float)sizes[i] / (float)in->dims[axis];
    }
    return true;
}

/* Reads scales (a list of floats, as input or attribute) or sizes (integers); inputs of index -1 are not there. */
static bool read_sizes (struct reader *r, const struct shape *in, int scales_at, int sizes_at, struct sizes *to)
{
    int64_t named[RANK_MAX], sizes[RANK_MAX];
    int axes[RANK_MAX], count = onnx_attribute_ints (r, "axes", named, RANK_MAX);
    if (count < 0)
        return false;
    for (int i = 0; i < in->rank; i++) {
        axes[i] = i;
        to->out[i] = in->dims[i];
        to->scale[i] = 1;
    }
    for (int i = 0; i < count; i++) {
        if ((axes[i] = onnx_axis (r, named[i], in->rank)) < 0)
            return false;
    }
    count = onnx_attribute (r, "axes") ? count : in->rank;
    const Convrelu__OnnxAttribute *a = onnx_attribute (r, "scales");
    if (a && a->n_floats != (size_t)count)
        return onnx_fail (r, "%zu scales for %d axes", a->n_floats, count);
    if (a)
        return sizes_by_scale (r, in, a->floats, count, axes, to);
    if (sizes_at >= 0 && onnx_has_input (r, sizes_at)) {
        int given = onnx_input_ints (r, sizes_at, sizes, RANK_MAX);
        if (given < 0)
            return false;
        if (given)
            return given == count ? sizes_as_given (r, in, sizes, count, axes, to)
                                  : onnx_fail (r, "%d sizes for %d axes", given, count);
    }
    if (!onnx_has_input (r, scales_at))
        return onnx_fail (r, "has neither scales nor sizes");
    const float *scales = onnx_input_floats (r, scales_at, count);
    return scales && sizes_by_scale (r, in, scales, count, axes, to);
}

/* Output 0: v, in whose stored shape rows and columns become as `sizes` says. */
static bool make_resize (struct reader *r, const struct value *v, const struct sampling *s, const struct sizes *sizes)
{
    char text[100];
    int first;
    int64_t chw[3];
    struct shape out = { 0 };
    if (!onnx_shape_as_image (&v->shape, &first, chw))
        return onnx_fail (r, "its input of %s is not one image", onnx_shape_text (&v->shape, text));
    int64_t now[2] = { chw[1], chw[2] };
    float scale[2] = { 1, 1 };
    for (int i = 0; i < v->shape.rank; i++) {
        if (i <= first && sizes->out[i] != v->shape.dims[i])
            return onnx_fail (r, "axis %d of %s is to become %lld; only rows and columns may change", i,
                              onnx_shape_text (&v->shape, text), (long long)sizes->out[i]);
        if (!onnx_shape_add (r, &out, sizes->out[i]))
            return false;
        if (i > first) {
            now[i - first - 1] = sizes->out[i];
            scale[i - first - 1] = sizes->scale[i];
        }
    }
    double *row = positions (r, s, chw[1], now[0], scale[0]);
    double *column = row ? positions (r, s, chw[2], now[1], scale[1]) : NULL;
    int in = column ? onnx_view (r, v, chw[0], chw[1], chw[2]) : -1;
    struct resampling resize = { (int)now[0], (int)now[1], row, column, s->cubic, s->coefficient, s->inside };
    return in >= 0 && onnx_set_tensor (r, 0, graph_resize (r->graph, onnx_output_name (r, 0), in, &resize), &out);
}

static bool resize (struct reader *r, int scales_at, int sizes_at, bool old)
{
    struct value *x = onnx_input_deferred (r, 0);
    struct sampling sampling;
    struct sizes sizes, own;
    if (!x || x->kind != VALUE_TENSOR)
        return onnx_input_tensor (r, 0) && false; /* which tells why */
    if (!read_sampling (r, old, &sampling) || !read_sizes (r, &x->shape, scales_at, sizes_at, &sizes))
        return false;
    bool last = x->deferred == DEFERRED_CHANNELS_LAST, smaller = false;
    for (int i = 0; i < x->shape.rank; i++)
        smaller = smaller || sizes.out[i] < x->shape.dims[i];
    if (smaller && onnx_attribute_int (r, "antialias", 0))
        return onnx_fail (r, "antialias is not supported");
    if (!last && !onnx_settle (r, x))
        return false;
    struct value in = *x;
    if (last) {
        own = sizes;
        for (int i = 0; i < 4; i++) {
            sizes.out[onnx_channels_last[i]] = own.out[i];
            sizes.scale[onnx_channels_last[i]] = own.scale[i];
        }
        in.shape = x->stored;
        in.deferred = DEFERRED_NOTHING;
    }
    if (!make_resize (r, &in, &sampling, &sizes))
        return false;
    if (last)
        onnx_set_channels_last (r, 0);
    return true;
}

static bool read_resize (struct reader *r)
{
    if (!onnx_attribute_says (r, "keep_aspect_ratio_policy", "stretch", "stretch"))
        return onnx_fail (r, "only keep_aspect_ratio_policy 'stretch' is supported");
    return r->opset < 11 ? resize (r, 1, -1, true) : resize (r, 2, 3, false);
}

static bool read_upsample (struct reader *r)
{
    return resize (r, 1, -1, true);
}

/* ---- pixels and channels ----------------------------------------------------------------------------------------- */

/* Input 0, (1, channels, height, width); NULL and a failure. */
static struct value *plane_input (struct reader *r, int64_t *block)
{
    struct value *x = onnx_input_tensor (r, 0);
    char text[100];
    *block = onnx_attribute_int (r, "blocksize", 0);
    if (!x)
        return NULL;
    if (x->shape.rank == 4 && x->shape.dims[0] == 1 && *block >= 1 && *block <= 1024)
        return x;
    onnx_fail (r, "blocks of %lld of an input of %s, which must be one image", (long long)*block,
               onnx_shape_text (&x->shape, text));
    return NULL;
}

static bool read_depth_to_space (struct reader *r)
{
    static const char *const modes[] = { "DCR", "CRD" };
    int64_t block;
    struct value *x = plane_input (r, &block);
    int mode = x ? choice (r, "mode", modes, 2, "DCR") : -1;
    if (mode < 0)
        return false;
    const int64_t *dims = x->shape.dims;
    struct depth_to_space how = { (int)block, (int)block, mode == 1 };
    struct shape out = { 2, { 1, dims[1] / (block * block) } };
    int in = onnx_view (r, x, dims[1], dims[2], dims[3]);
    return in >= 0 && onnx_shape_add (r, &out, dims[2] * block) && onnx_shape_add (r, &out, dims[3] * block) &&
           onnx_set_tensor (r, 0, graph_depth_to_space (r->graph, onnx_output_name (r, 0), in, &how), &out);
}

/* Every pixel of a block by itself, one behind the other. */
static bool read_space_to_depth (struct reader *r)
{
    int64_t block;
    struct value *x = plane_input (r, &block);
    if (!x)
        return false;
    const int64_t *dims = x->shape.dims;
    char text[100];
    if (dims[2] % block || dims[3] % block)
        return onnx_fail (r, "%s cannot be cut into blocks of %lld", onnx_shape_text (&x->shape, text),
                          (long long)block);
    struct shape out = { 1, { 1 } };
    int in = onnx_view (r, x, dims[1], dims[2], dims[3]), cells = (int)(block * block);
    int *ids = in < 0 ? NULL : onnx_alloc_node (r, (uint64_t)cells, sizeof *ids);
    struct pick pick = {
        NULL, (int)dims[1], (int)(dims[2] / block), (int)(dims[3] / block), 0, 0, (int)block, (int)block, 0
    };
    for (int i = 0; ids && i < cells; i++) {
        pick.top = i / (int)block;
        pick.left = i % (int)block;
        ids[i] = graph_pick (r->graph, "", in, &pick);
    }
    return ids && onnx_shape_add (r, &out, dims[1] * cells) && onnx_shape_add (r, &out, dims[2] / block) &&
           onnx_shape_add (r, &out, dims[3] / block) &&
           onnx_set_tensor (r, 0, graph_concat (r->graph, onnx_output_name (r, 0), ids, cells), &out);
}

#define RESIZE                                                                                                         \
    "antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f "     \
    "keep_aspect_ratio_policy:s mode:s nearest_mode:s"

const struct onnx_operator onnx_spatial_operators[] = {
    { "DepthToSpace", 1, 1, 1, read_depth_to_space, "blocksize:i mode:s" },
    { "Resize", 2, 4, 10, read_resize, RESIZE },
    { "SpaceToDepth", 1, 1, 1, read_space_to_depth, "blocksize:i" },
    { "Upsample", 1, 2, 7, read_upsample, "mode:s scales:F" },
    { .name = NULL },
};
