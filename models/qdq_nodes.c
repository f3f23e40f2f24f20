/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qdq_nodes.c: one node of a graph -> nodes of an ONNX file.
 *
 * A quantised tensor `x` is written as x -> QuantizeLinear -> x:q -> DequantizeLinear -> x:dq, which others read. Maps
 * are 1 x channels x height x width; what comes out of a fully connected layer is 1 x channels, and the other form of a
 * vector is made where somebody needs it. */
#include "models/qdq_private.h"

#include "engine/parameters.h"
#include "models/report.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_FLOAT = 1, TYPE_UINT8 = 2, TYPE_INT8 = 3, TYPE_INT32 = 6, WEIGHT_MAX = 127 };

/* ---- names and values -------------------------------------------------------------------------------------------- */

/* The name of tensor `id` and a suffix, lengthened where something is called so already. */
static const char *new_name (struct qdq_writer *q, int id, const char *suffix)
{
    const char *name = onnx_writer_text (q->w, "%s%s", graph_tensor (q->g, id).name, suffix);
    while (!g_hash_table_add (q->names, g_strdup (name)))
        name = onnx_writer_text (q->w, "%s_", name);
    return name;
}

/* What the value of tensor `id` is to be called that a node makes now. */
static const char *result_name (struct qdq_writer *q, int id, bool flat)
{
    bool other = qdq_is_output (q->g, id) && flat != qdq_is_vector (q->g, id);
    return new_name (q, id, other ? ":map" : "");
}

static const char *reshaped (struct qdq_writer *q, int id, const char *from, const int64_t *dims, int rank,
                             const char *name)
{
    const char *shape = new_name (q, id, ":shape");
    onnx_write_ints (q->w, shape, dims, rank);
    onnx_write_node (q->w, "Reshape", (const char *[]) { from, shape, NULL }, name);
    return name;
}

static const char *map_value (struct qdq_writer *q, int id)
{
    struct decision *of = &q->of[id];
    struct tensor_info t = graph_tensor (q->g, id);
    if (!of->map)
        of->map =
            reshaped (q, id, of->flat, (int64_t[]) { 1, t.channels, t.height, t.width }, 4, new_name (q, id, ":map"));
    return of->map;
}

/* Of a vector. */
static const char *flat_value (struct qdq_writer *q, int id)
{
    struct decision *of = &q->of[id];
    if (!of->flat)
        of->flat = reshaped (q, id, of->map, (int64_t[]) { 1, graph_tensor (q->g, id).channels }, 2,
                             new_name (q, id, qdq_is_output (q->g, id) ? "" : ":flat"));
    return of->flat;
}

static void write_scalar (struct qdq_writer *q, const char *name, int type, const void *value, size_t bytes)
{
    void *copy = onnx_writer_room (q->w, bytes);
    if (copy)
        memcpy (copy, value, bytes);
    onnx_write_array (q->w, name, &(struct onnx_array) { .type = type, .data = copy, .bytes = bytes });
}

/* The value `name` is what others read as tensor `id`, or is quantised for them. */
static void made (struct qdq_writer *q, int id, const char *name, bool flat)
{
    struct decision *of = &q->of[id];
    if (of->quantised) {
        const char *scale = new_name (q, id, ":scale"), *zero = new_name (q, id, ":zero");
        const char *whole = new_name (q, id, ":q"), *back = new_name (q, id, ":dq");
        uint8_t byte = (uint8_t)of->zero;
        write_scalar (q, scale, TYPE_FLOAT, &of->scale, sizeof of->scale);
        write_scalar (q, zero, TYPE_UINT8, &byte, sizeof byte);
        onnx_write_node (q->w, "QuantizeLinear", (const char *[]) { name, scale, zero, NULL }, whole);
        onnx_write_node (q->w, "DequantizeLinear", (const char *[]) { whole, scale, zero, NULL }, back);
        name = back;
    }
    *(flat ? &of->flat : &of->map) = name;
}

void qdq_output (struct qdq_writer *q, int id)
{
    struct tensor_info t = graph_tensor (q->g, id);
    bool vector = qdq_is_vector (q->g, id);
    const char *name = vector ? flat_value (q, id) : map_value (q, id);
    onnx_write_value (q->w, true, name, (int64_t[]) { 1, t.channels, t.height, t.width }, vector ? 2 : 4);
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* The weights of a convolution with the batch norms behind it. */
struct weights {
    int outputs;
    size_t each;             /* numbers of an output channel */
    double *factor, *bias;   /* [outputs] what batch norm multiplies by; the bias behind it */
    float *scale, *sums;     /* [outputs] of a weight; of a sum */
    int8_t *whole;           /* [outputs][each] */
    int32_t *whole_bias;     /* [outputs] */
    float *float_bias;       /* [outputs] */
    const float *given;      /* [outputs][each] */
    const float *given_bias; /* or NULL */
};

/* Multiplies by the batch norms from the convolution up to tensor `id`. */
static void fold (const struct qdq_writer *q, int id, struct weights *weights)
{
    for (int c = 0; c < weights->outputs; c++) {
        double factor = 1, bias = 0;
        for (int at = id; at != q->of[id].convolution; at = graph_source (q->g, at, 0)) { /* from the last one */
            double scale = 1, shift = 0;
            graph_scale (q->g, at, c, &scale, &shift);
            bias += factor * shift;
            factor *= scale;
        }
        weights->factor[c] = factor;
        weights->bias[c] = weights->given_bias ? factor * (double)weights->given_bias[c] + bias : bias;
    }
}

/* Channel c as whole numbers. `step`: of the input, 0: it stays float. A channel of zeros, or of a bias that is large
 * beside its weights, gets a step that lets the bias fit 32 bits. False: some are no numbers, or so large that their
 * integers would stand for numbers beyond the largest float. */
static bool quantise_channel (struct weights *weights, int c, double step)
{
    double most = 0, bias = weights->bias[c];
    const float *given = weights->given + (size_t)c * weights->each;
    bool numbers = isfinite (bias);
    for (size_t i = 0; i < weights->each; i++) {
        double size = fabs ((double)given[i] * weights->factor[c]);
        numbers = numbers && isfinite (size);
        most = fmax (most, size);
    }
    double scale = fmax (most / WEIGHT_MAX, 1e-30);
    if (step > 0)
        scale = fmax (fmax (scale, fabs (bias) / (step * (1 << 30))), 4 * (double)FLT_MIN / step);
    if (!numbers || scale * UINT8_MAX > (double)FLT_MAX || step * scale * UINT32_MAX > (double)FLT_MAX)
        return false;
    weights->scale[c] = (float)scale;
    weights->sums[c] = (float)step * weights->scale[c];
    for (size_t i = 0; i < weights->each; i++) {
        double number = rint ((double)given[i] * weights->factor[c] / (double)weights->scale[c]);
        weights->whole[(size_t)c * weights->each + i] = (int8_t)fmax (fmin (number, WEIGHT_MAX), -WEIGHT_MAX);
    }
    weights->float_bias[c] = (float)bias;
    if (step > 0)
        weights->whole_bias[c] = (int32_t)rint (bias / (double)weights->sums[c]);
    return true;
}

static bool weights_make (struct qdq_writer *q, int id, double step, struct weights *weights)
{
    size_t outputs = (size_t)weights->outputs;
    weights->factor = onnx_writer_room (q->w, outputs * sizeof (double));
    weights->bias = onnx_writer_room (q->w, outputs * sizeof (double));
    weights->scale = onnx_writer_room (q->w, outputs * sizeof (float));
    weights->sums = onnx_writer_room (q->w, outputs * sizeof (float));
    weights->whole = onnx_writer_room (q->w, outputs * weights->each);
    weights->whole_bias = onnx_writer_room (q->w, outputs * sizeof (int32_t));
    weights->float_bias = onnx_writer_room (q->w, outputs * sizeof (float));
    if (!weights->factor || !weights->bias || !weights->scale || !weights->sums || !weights->whole ||
        !weights->whole_bias || !weights->float_bias)
        return report (q->error, "%s: no memory for its weights", report_path (q->path));
    fold (q, id, weights);
    for (int c = 0; c < weights->outputs; c++) {
        if (!quantise_channel (weights, c, step))
            return report (q->error, "%s: weights of '%.100s', channel %d, are too large for 8 bits, or no numbers",
                           report_path (q->path), graph_tensor (q->g, id).name, c);
    }
    return true;
}

/* An array of whole numbers with a scale for each place of axis 0; returns the value in real numbers. */
static const char *dequantised (struct qdq_writer *q, int id, const char *suffix, const struct onnx_array *array,
                                const float *scales)
{
    const char *whole = new_name (q, id, onnx_writer_text (q->w, ":%s:q", suffix));
    const char *scale = new_name (q, id, onnx_writer_text (q->w, ":%s:scale", suffix));
    const char *zero = new_name (q, id, onnx_writer_text (q->w, ":%s:zero", suffix));
    const char *real = new_name (q, id, onnx_writer_text (q->w, ":%s", suffix));
    int outputs = (int)array->dims[0];
    size_t size = array->type == TYPE_INT32 ? sizeof (int32_t) : 1;
    onnx_write_array (q->w, whole, array);
    onnx_write_floats (q->w, scale, scales, outputs);
    onnx_write_array (
        q->w, zero,
        &(struct onnx_array) {
            array->type, 1, { outputs }, onnx_writer_room (q->w, (size_t)outputs * size), (size_t)outputs * size });
    Convrelu__OnnxNode *node =
        onnx_write_node (q->w, "DequantizeLinear", (const char *[]) { whole, scale, zero, NULL }, real);
    onnx_write_int_attribute (q->w, node, "axis", 0);
    return real;
}

static void write_convolution_attributes (struct qdq_writer *q, Convrelu__OnnxNode *node, const struct conv *conv)
{
    onnx_write_list_attribute (q->w, node, "kernel_shape", (int[]) { conv->kernel_h, conv->kernel_w }, 2);
    onnx_write_list_attribute (q->w, node, "strides", (int[]) { conv->stride_h, conv->stride_w }, 2);
    onnx_write_list_attribute (q->w, node, "dilations", (int[]) { conv->dilation_h, conv->dilation_w }, 2);
    onnx_write_list_attribute (q->w, node, "pads",
                               (int[]) { conv->pad_top, conv->pad_left, conv->pad_bottom, conv->pad_right }, 4);
    onnx_write_int_attribute (q->w, node, "group", conv->groups);
}

/* A convolution or fully connected layer, with the batch norm whose tensor `id` is. */
static bool write_weighted (struct qdq_writer *q, int id, const char *as)
{
    int own = q->of[id].convolution, x = graph_source (q->g, own, 0);
    bool linear = !strcmp (graph_tensor (q->g, own).operation, "linear");
    struct conv conv;
    struct weights weights = { .given = graph_weights (q->g, own) };
    if (!graph_convolution (q->g, own, &conv, &weights.given_bias) || !weights.given)
        return report (q->error, "%s: the weights of '%.100s' are no longer in memory", report_path (q->path),
                       graph_tensor (q->g, own).name);
    int64_t inputs = graph_tensor (q->g, x).channels / conv.groups;
    weights.outputs = conv.out_channels;
    weights.each = (size_t)inputs * (size_t)conv.kernel_h * (size_t)conv.kernel_w;
    double step = q->of[x].quantised ? (double)q->of[x].scale : 0;
    if (!weights_make (q, id, step, &weights))
        return false;
    struct onnx_array array = { TYPE_INT8,
                                linear ? 2 : 4,
                                { conv.out_channels, inputs, conv.kernel_h, conv.kernel_w },
                                weights.whole,
                                weights.each * (size_t)weights.outputs };
    const char *kernel = dequantised (q, id, "weight", &array, weights.scale), *bias = new_name (q, id, ":bias:real");
    if (step > 0)
        bias = dequantised (
            q, id, "bias",
            &(struct onnx_array) {
                TYPE_INT32, 1, { conv.out_channels }, weights.whole_bias, (size_t)weights.outputs * sizeof (int32_t) },
            weights.sums);
    else
        onnx_write_floats (q->w, bias, weights.float_bias, weights.outputs);
    const char *name = result_name (q, id, linear);
    const char *from = linear ? flat_value (q, x) : map_value (q, x);
    Convrelu__OnnxNode *node =
        onnx_write_node (q->w, linear ? "Gemm" : "Conv", (const char *[]) { from, kernel, bias, NULL }, name);
    if (linear)
        onnx_write_int_attribute (q->w, node, "transB", 1);
    else
        write_convolution_attributes (q, node, &conv);
    made (q, id, name, linear);
    q->file->layers++;
    return true;
}

/* ---- number by number -------------------------------------------------------------------------------------------- */

/* What is read by an operator to which the form of a vector makes no difference. */
static const char *any_value (struct qdq_writer *q, int id, bool *flat)
{
    *flat = q->of[id].flat != NULL;
    return *flat ? q->of[id].flat : q->of[id].map;
}

/* Activations of ONNX's own name: activations.def has the most of them. */
struct row {
    const char *operation;
    int since;
    bool alpha, beta;
};

static struct row activation_row (enum activation_kind kind)
{
    static const struct row rows[ACTIVATION_KINDS] = {
        [ACTIVATION_NONE] = { "Identity", 13, false, false },  [ACTIVATION_CLIP] = { "Clip", 13, false, false },
        [ACTIVATION_PRELU] = { "PRelu", 13, false, false },    [ACTIVATION_GELU] = { "Gelu", 20, false, false },
        [ACTIVATION_GELU_TANH] = { "Gelu", 20, false, false }, [ACTIVATION_SILU] = { "Sigmoid", 13, false, false },
#define ONNX_OPERATOR(KIND, op, since, attributes, alpha, beta)                                                        \
    [ACTIVATION_##KIND] = { op, since, sizeof attributes > 1, sizeof attributes > sizeof "alpha:f" },
#include "engine/activations.def"
    };
    return rows[kind];
}

static void write_clip (struct qdq_writer *q, int id, const char *from, const char *name)
{
    struct activation a = graph_tensor (q->g, id).activation;
    const char *low = new_name (q, id, ":min"), *high = new_name (q, id, ":max");
    write_scalar (q, low, TYPE_FLOAT, &a.alpha, sizeof a.alpha);
    write_scalar (q, high, TYPE_FLOAT, &a.beta, sizeof a.beta);
    onnx_write_node (q->w, "Clip", (const char *[]) { from, low, high, NULL }, name);
}

static void write_slopes (struct qdq_writer *q, int id, const char *from, const char *name)
{
    int channels = graph_tensor (q->g, id).channels;
    size_t bytes = (size_t)channels * sizeof (float);
    const char *slope = new_name (q, id, ":slope");
    void *copy = onnx_writer_room (q->w, bytes);
    if (copy)
        memcpy (copy, graph_slopes (q->g, id), bytes);
    onnx_write_array (q->w, slope, &(struct onnx_array) { TYPE_FLOAT, 3, { channels, 1, 1 }, copy, bytes });
    onnx_write_node (q->w, "PRelu", (const char *[]) { from, slope, NULL }, name);
}

static bool write_activation (struct qdq_writer *q, int id, const char *as)
{
    struct activation a = graph_tensor (q->g, id).activation;
    struct row row = activation_row (a.kind);
    int x = graph_source (q->g, id, 0);
    bool flat = false;
    const char *from = a.kind == ACTIVATION_PRELU ? map_value (q, x) : any_value (q, x, &flat);
    const char *name = result_name (q, id, flat);
    if (a.kind == ACTIVATION_CLIP) {
        write_clip (q, id, from, name);
    } else if (a.kind == ACTIVATION_PRELU) {
        write_slopes (q, id, from, name);
    } else if (a.kind == ACTIVATION_SILU) {
        const char *gate = new_name (q, id, ":sigmoid");
        onnx_write_node (q->w, "Sigmoid", (const char *[]) { from, NULL }, gate);
        onnx_write_node (q->w, "Mul", (const char *[]) { from, gate, NULL }, name);
    } else {
        Convrelu__OnnxNode *node = onnx_write_node (q->w, row.operation, (const char *[]) { from, NULL }, name);
        if (row.alpha)
            onnx_write_float_attribute (q->w, node, "alpha", a.alpha);
        if (row.beta)
            onnx_write_float_attribute (q->w, node, "beta", a.beta);
        if (a.kind == ACTIVATION_GELU_TANH)
            onnx_write_text_attribute (q->w, node, "approximate", "tanh");
    }
    made (q, id, name, flat);
    return true;
}

/* As batch norm of mean 0 and variance 1. */
static bool write_affine (struct qdq_writer *q, int id, const char *as)
{
    static const char *const parts[4] = { ":scale:bn", ":shift", ":mean", ":variance" };
    int channels = graph_tensor (q->g, id).channels;
    const char *inputs[6] = { NULL };
    float *numbers = onnx_writer_room (q->w, (size_t)channels * sizeof *numbers);
    bool flat;
    inputs[0] = any_value (q, graph_source (q->g, id, 0), &flat);
    for (int k = 0; numbers && k < 4; k++) {
        for (int c = 0; c < channels; c++) {
            double both[2] = { 1, 0 };
            graph_scale (q->g, id, c, &both[0], &both[1]);
            numbers[c] = k < 2 ? (float)both[k] : (float)(k == 3);
        }
        inputs[k + 1] = new_name (q, id, parts[k]);
        onnx_write_floats (q->w, inputs[k + 1], numbers, channels);
    }
    if (!numbers)
        return report (q->error, "%s: no memory for '%.100s'", report_path (q->path), graph_tensor (q->g, id).name);
    const char *name = result_name (q, id, flat);
    Convrelu__OnnxNode *node = onnx_write_node (q->w, "BatchNormalization", inputs, name);
    onnx_write_float_attribute (q->w, node, "epsilon", 0);
    made (q, id, name, flat);
    return true;
}

/* Sums, products and concat: of flat vectors where all are. */
static bool write_joined (struct qdq_writer *q, int id, const char *as)
{
    int count = 0;
    bool flat = qdq_is_vector (q->g, id);
    for (int from; (from = graph_source (q->g, id, count)) >= 0; count++)
        flat = flat && q->of[from].flat;
    const char **inputs = g_new0 (const char *, count + 1);
    for (int i = 0; i < count; i++) {
        int from = graph_source (q->g, id, i);
        inputs[i] = flat ? flat_value (q, from) : map_value (q, from);
    }
    const char *name = result_name (q, id, flat);
    Convrelu__OnnxNode *node = onnx_write_node (q->w, as, inputs, name);
    if (!strcmp (as, "Concat"))
        onnx_write_int_attribute (q->w, node, "axis", 1);
    made (q, id, name, flat);
    g_free (inputs);
    return true;
}

static bool write_softmax (struct qdq_writer *q, int id, const char *as)
{
    bool flat;
    const char *from = any_value (q, graph_source (q->g, id, 0), &flat), *name = result_name (q, id, flat);
    Convrelu__OnnxNode *node = onnx_write_node (q->w, as, (const char *[]) { from, NULL }, name);
    onnx_write_int_attribute (q->w, node, "axis", 1);
    made (q, id, name, flat);
    return true;
}

/* ---- windows and places ------------------------------------------------------------------------------------------ */

static bool write_pool (struct qdq_writer *q, int id, const char *as)
{
    struct pool pool = { 0 };
    graph_pool_of (q->g, id, &pool);
    bool most = pool.kind == POOL_MAX;
    const char *from = map_value (q, graph_source (q->g, id, 0)), *name = result_name (q, id, false);
    Convrelu__OnnxNode *node = onnx_write_node (q->w, as, (const char *[]) { from, NULL }, name);
    onnx_write_list_attribute (q->w, node, "kernel_shape", (int[]) { pool.kernel_h, pool.kernel_w }, 2);
    onnx_write_list_attribute (q->w, node, "strides", (int[]) { pool.stride_h, pool.stride_w }, 2);
    onnx_write_list_attribute (q->w, node, "pads",
                               (int[]) { pool.pad_top, pool.pad_left, pool.pad_bottom, pool.pad_right }, 4);
    if (pool.dilation_h > 1 || pool.dilation_w > 1)
        onnx_write_list_attribute (q->w, node, "dilations", (int[]) { pool.dilation_h, pool.dilation_w }, 2);
    if (pool.ceil_mode)
        onnx_write_int_attribute (q->w, node, "ceil_mode", 1);
    if (!most)
        onnx_write_int_attribute (q->w, node, "count_include_pad", pool.count_include_pad);
    made (q, id, name, false);
    return true;
}

static bool write_global_pool (struct qdq_writer *q, int id, const char *as)
{
    const char *from = map_value (q, graph_source (q->g, id, 0)), *name = result_name (q, id, false);
    onnx_write_node (q->w, as, (const char *[]) { from, NULL }, name);
    made (q, id, name, false);
    return true;
}

static bool write_reshape (struct qdq_writer *q, int id, const char *as)
{
    struct tensor_info t = graph_tensor (q->g, id);
    bool flat = qdq_is_vector (q->g, id), had_flat;
    const char *from = any_value (q, graph_source (q->g, id, 0), &had_flat), *name = result_name (q, id, flat);
    reshaped (q, id, from, (int64_t[]) { 1, t.channels, t.height, t.width }, flat ? 2 : 4, name);
    made (q, id, name, flat);
    return true;
}

/* Which part of one axis, -before to size + after, is taken. */
struct cut {
    int64_t before, after, begin, end, step;
};

static struct cut cut_of (int first, int step, int count, int size)
{
    int64_t last = first + (int64_t)step * (count - 1);
    struct cut cut = { .before = first < 0 ? -(int64_t)first : 0,
                       .after = last >= size ? last - size + 1 : 0,
                       .step = step };
    cut.begin = first + cut.before;
    cut.end = last + cut.before + 1;
    return cut;
}

static bool takes_all (const struct cut *cut, int64_t size)
{
    return !cut->begin && cut->end == size + cut->before + cut->after && cut->step == 1;
}

/* Pad, Slice and Gather, as far as needed. */
static bool write_pick (struct qdq_writer *q, int id, const char *as)
{
    struct pick pick = { 0 };
    int x = graph_source (q->g, id, 0);
    struct tensor_info in = graph_tensor (q->g, x);
    graph_pick_of (q->g, id, &pick);
    struct cut cuts[2] = { cut_of (pick.top, pick.step_h, pick.height, in.height),
                           cut_of (pick.left, pick.step_w, pick.width, in.width) };
    const char *at = map_value (q, x), *name = result_name (q, id, false);
    int64_t *channels = onnx_writer_room (q->w, (size_t)pick.channels * sizeof *channels);
    bool same = pick.channels == in.channels, filled = false;
    for (int c = 0; channels && c < pick.channels; c++) {
        same = same && pick.channel[c] == c;
        filled |= pick.channel[c] < 0;
        channels[c] = pick.channel[c] < 0 ? in.channels : pick.channel[c];
    }
    if (filled || cuts[0].before || cuts[0].after || cuts[1].before || cuts[1].after) {
        const char *pads = new_name (q, id, ":pads"), *fill = new_name (q, id, ":fill"),
                   *out = new_name (q, id, ":padded");
        onnx_write_ints (q->w, pads,
                         (int64_t[]) { 0, 0, cuts[0].before, cuts[1].before, 0, filled, cuts[0].after, cuts[1].after },
                         8);
        write_scalar (q, fill, TYPE_FLOAT, &pick.fill, sizeof pick.fill);
        onnx_write_node (q->w, "Pad", (const char *[]) { at, pads, fill, NULL }, out);
        at = out;
    }
    if (!takes_all (&cuts[0], in.height) || !takes_all (&cuts[1], in.width)) {
        const char *words[4] = { new_name (q, id, ":starts"), new_name (q, id, ":ends"), new_name (q, id, ":axes"),
                                 new_name (q, id, ":steps") };
        const char *out = new_name (q, id, ":cut");
        onnx_write_ints (q->w, words[0], (int64_t[]) { cuts[0].begin, cuts[1].begin }, 2);
        onnx_write_ints (q->w, words[1], (int64_t[]) { cuts[0].end, cuts[1].end }, 2);
        onnx_write_ints (q->w, words[2], (int64_t[]) { 2, 3 }, 2);
        onnx_write_ints (q->w, words[3], (int64_t[]) { cuts[0].step, cuts[1].step }, 2);
        onnx_write_node (q->w, "Slice", (const char *[]) { at, words[0], words[1], words[2], words[3], NULL }, out);
        at = out;
    }
    if (same || !channels) {
        onnx_write_node (q->w, "Identity", (const char *[]) { at, NULL }, name);
    } else {
        const char *indices = new_name (q, id, ":channels");
        onnx_write_ints (q->w, indices, channels, pick.channels);
        Convrelu__OnnxNode *node = onnx_write_node (q->w, "Gather", (const char *[]) { at, indices, NULL }, name);
        onnx_write_int_attribute (q->w, node, "axis", 1);
    }
    made (q, id, name, false);
    return true;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static bool write_input (struct qdq_writer *q, int id, const char *as)
{
    made (q, id, new_name (q, id, as), qdq_is_vector (q->g, id));
    return true;
}

/* Writes the node that makes a tensor; `as`: ONNX's operator where several are written alike. */
struct node_kind {
    const char *operation;
    bool (*write) (struct qdq_writer *q, int id, const char *as);
    const char *as;
};

static const struct node_kind *kind_of (const struct graph *g, int id)
{
    static const struct node_kind kinds[] = {
        { "input", write_input, "" },
        { "conv", write_weighted, NULL },
        { "linear", write_weighted, NULL },
        { "batch-norm", write_affine, NULL },
        { "affine", write_affine, NULL },
        { "activation", write_activation, NULL },
        { "max-pool", write_pool, "MaxPool" },
        { "average-pool", write_pool, "AveragePool" },
        { "global-max-pool", write_global_pool, "GlobalMaxPool" },
        { "global-average-pool", write_global_pool, "GlobalAveragePool" },
        { "add", write_joined, "Add" },
        { "mul", write_joined, "Mul" },
        { "concat", write_joined, "Concat" },
        { "pick", write_pick, NULL },
        { "reshape", write_reshape, NULL },
        { "softmax", write_softmax, "Softmax" },
        { "log-softmax", write_softmax, "LogSoftmax" },
    };
    const char *operation = graph_tensor (g, id).operation;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!strcmp (kinds[i].operation, operation))
            return &kinds[i];
    }
    return NULL;
}

int qdq_opset (const struct graph *g, int id)
{
    const struct node_kind *kind = kind_of (g, id);
    struct pool pool = { 0 };
    if (!strcmp (graph_tensor (g, id).operation, "average-pool")) /* which dilates since 19 */
        graph_pool_of (g, id, &pool);
    if (pool.dilation_h > 1 || pool.dilation_w > 1)
        return 19;
    if (!kind || kind->write != write_activation)
        return kind ? 13 : 0;
    struct row row = activation_row (graph_tensor (g, id).activation.kind);
    return !row.operation ? 0 : row.since > 13 ? row.since : 13;
}

bool qdq_node (struct qdq_writer *q, int id)
{
    if (q->of[id].convolution != id)
        return write_weighted (q, id, NULL);
    const struct node_kind *kind = kind_of (q->g, id);
    return kind->write (q, id, kind->as);
}
