/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_quantised_random.c: small quantised ONNX files made by chance, odd numbers in them, too: plans of bytes and of
 * floats follow the same file, every instruction set and number of threads has the same bits, and tensors that are kept
 * change nothing.
 *
 *   check_quantised_random [FIRST [COUNT]]         seeds; by default 300 from 1 on */
#include "engine/cpu.h"
#include "engine/ranges.h"
#include "models/model.h"
#include "tests/check.h"
#include "tests/onnx_writer.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UINT8 = 2, INT8 = 3, UINT16 = 4, INT16 = 5, INT32 = 6, TENSORS = 12, WEIGHTS_MAX = 16384, CHANNELS_MAX = 64 };

/* A tensor of the file: "f<i>" its numbers, and "q<i>" their integers with "s<i>", "z<i>" where it is quantised. */
struct made {
    int channels, height, width, type, zero;
    float scale; /* 0: not quantised */
};

struct file {
    struct onnx o;
    struct made made[TENSORS];
    bool read[TENSORS];
    int count, names;
    uint32_t state;
    bool odd;    /* scales, weights and biases of any kind */
    bool loose;  /* bytes are not all that the file says: unions of ranges, finer weights, 16 bits */
    bool floats; /* some operator is not of bytes */
};

static uint32_t next (struct file *f)
{
    f->state = f->state * 1664525u + 1013904223u;
    return f->state >> 8;
}
static int between (struct file *f, int low, int high)
{
    return low + (int)(next (f) % (uint32_t)(high - low + 1));
}
static bool chance (struct file *f, int percent)
{
    return between (f, 0, 99) < percent;
}

static int lowest (int type)
{
    return type == UINT8 || type == UINT16 ? 0 : type == INT8 ? -128 : -32768;
}
static int levels (int type)
{
    return type == UINT8 || type == INT8 ? 255 : 65535;
}

/* ---- numbers of the file ----------------------------------------------------------------------------------------- */

static void write_integers (struct file *f, const char *name, int type, const char *dims, const int *numbers, int count)
{
    static int8_t bytes[2 * WEIGHTS_MAX];
    size_t size = type == INT32 ? 4 : type == UINT16 || type == INT16 ? 2 : 1;
    for (int i = 0; i < count && size < 4; i++)
        memcpy (bytes + (size_t)i * size, &numbers[i], size);
    struct message m =
        tensor_message (name, type, dims, size == 4 ? (const void *)numbers : bytes, (size_t)count * size);
    put_message (&f->o.graph, 5, &m);
}

/* A scale near `usual`, or anything that may be one, seldom what may not. */
static float pick_scale (struct file *f, float usual)
{
    static const float odd[] = { 1e-38f, 1.18e-38f, 1e-30f, 1e-10f, 1e-4f, 1, 3, 1e6f, 1e20f, 1e30f, 1e36f, 1e38f };
    static const float never[] = { 0, -1, 1e-42f, NAN, INFINITY, 3e38f };
    if (f->odd && chance (f, 25))
        return odd[between (f, 0, 11)];
    if (f->odd && chance (f, 1))
        return never[between (f, 0, 5)];
    if (chance (f, 20))
        return usual > 0 && isnormal (usual) ? exp2f (rintf (log2f (usual))) : 1;
    return usual * (0.5f + 0.01f * (float)between (f, 0, 100));
}

/* Quantises tensor i, whose numbers reach about so far; the pair's own type, zero and scale. */
static void pick_scheme (struct file *f, struct made *m, float reach)
{
    m->type = chance (f, 4) ? (chance (f, 50) ? UINT16 : INT16) : chance (f, 60) ? UINT8 : INT8;
    m->zero = lowest (m->type) + (chance (f, 30)   ? 0
                                  : chance (f, 20) ? levels (m->type)
                                  : chance (f, 30) ? (levels (m->type) + 1) / 2
                                                   : between (f, 0, levels (m->type)));
    m->scale = pick_scale (f, reach / (float)levels (m->type) * 2);
    f->loose |= m->type == UINT16 || m->type == INT16;
}

static void write_scheme (struct file *f, int i)
{
    char name[32];
    snprintf (name, sizeof name, "s%d", i);
    onnx_number (&f->o, name, f->made[i].scale);
    snprintf (name, sizeof name, "z%d", i);
    write_integers (f, name, f->made[i].type, "", &f->made[i].zero, 1);
}

static const char *text (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
static const char *text (const char *format, ...)
{
    static char texts[16][512];
    static int at;
    va_list list;
    va_start (list, format);
    vsnprintf (texts[at = (at + 1) % 16], sizeof texts[0], format, list);
    va_end (list);
    return texts[at];
}

/* How far the numbers of tensor i go. */
static float reach_of (const struct made *m)
{
    return m->scale > 0 && m->scale < 1e37f ? m->scale * (float)levels (m->type) / 2 : 2;
}

/* Floats "r<i>" -> "f<i>", by a pair or as they are; `pair` as a percentage. */
static void finish (struct file *f, struct made m, float reach, int pair)
{
    int i = f->count++;
    m.scale = 0;
    if (chance (f, pair))
        pick_scheme (f, &m, reach);
    f->made[i] = m;
    if (m.scale != 0) {
        write_scheme (f, i);
        onnx_node (&f->o, "QuantizeLinear", text ("r%d s%d z%d", i, i, i), text ("q%d", i), NULL);
        onnx_node (&f->o, "DequantizeLinear", text ("q%d s%d z%d", i, i, i), text ("f%d", i), NULL);
    } else {
        onnx_node (&f->o, "Identity", text ("r%d", i), text ("f%d", i), NULL);
    }
}

/* The next tensor, of m's shape, for an operator that makes its integers; then its floats. */
static int begin_integers (struct file *f, struct made m, float reach)
{
    do
        pick_scheme (f, &m, reach);
    while (levels (m.type) > 255);
    f->made[f->count] = m;
    write_scheme (f, f->count);
    return f->count++;
}
static void end_integers (struct file *f, int i)
{
    f->o.domain = NULL;
    onnx_node (&f->o, "DequantizeLinear", text ("q%d s%d z%d", i, i, i), text ("f%d", i), NULL);
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

static struct made shape_of (int channels, int height, int width)
{
    return (struct made) { .channels = channels, .height = height, .width = width };
}

/* One of the tensors so far, the later the likelier. */
static int pick_tensor (struct file *f)
{
    int i = chance (f, 70) ? f->count - 1 : between (f, 0, f->count - 1);
    f->read[i] = true;
    return i;
}

struct window {
    int kernel[2], stride[2], dilation[2], pad[4]; /* pad: top, left, bottom, right */
};

static int outputs_of (const struct window *w, int size, int axis)
{
    int all = size + w->pad[axis] + w->pad[axis + 2] - (w->kernel[axis] - 1) * w->dilation[axis] - 1;
    return all < 0 ? 0 : all / w->stride[axis] + 1;
}

static struct window pick_window (struct file *f, bool conv)
{
    struct window w;
    bool square = chance (f, 75), wild = chance (f, 25);
    for (int axis = 0; axis < 2; axis++) {
        static const int usual[] = { 1, 1, 3, 3, 3, 5, 7 };
        w.kernel[axis] = wild ? between (f, 1, 9) : usual[between (f, 0, 6)];
        w.stride[axis] = chance (f, 70) ? 1 : between (f, 1, 3);
        w.dilation[axis] = wild && conv && chance (f, 40) ? between (f, 1, 3) : 1;
        if (axis && square) {
            w.kernel[1] = w.kernel[0];
            w.stride[1] = w.stride[0];
        }
        int most = conv ? 12 : w.kernel[axis] - 1;
        for (int side = 0; side < 2; side++)
            w.pad[axis + 2 * side] = wild ? between (f, 0, most) : w.kernel[axis] / 2;
    }
    return w;
}

static const char *window_text (const struct window *w, bool conv)
{
    const char *all = text ("kernel_shape=%d,%d strides=%d,%d pads=%d,%d,%d,%d", w->kernel[0], w->kernel[1],
                            w->stride[0], w->stride[1], w->pad[0], w->pad[1], w->pad[2], w->pad[3]);
    return conv ? text ("%s dilations=%d,%d", all, w->dilation[0], w->dilation[1]) : all;
}

/* The weights of the next tensor, and their scales. */
static void write_weights (struct file *f, int outputs, int inputs, const struct window *w, bool per_channel,
                           float *scales)
{
    static int numbers[WEIGHTS_MAX];
    float usual = chance (f, 50) ? 0.01f : 0.00390625f;
    int zeros[CHANNELS_MAX], each = inputs * w->kernel[0] * w->kernel[1], i = f->count;
    int type = chance (f, 85) ? INT8 : UINT8, zero = type == INT8 || chance (f, 70) ? 0 : between (f, -60, 60);
    int low = type == INT8 ? -128 : 0, how = between (f, 0, 9);
    zero += type == UINT8 ? 128 : 0;
    f->loose |= type == UINT8 && zero != 128;
    for (int o = 0; o < outputs; o++) {
        int equal = between (f, low, low + 255);
        zeros[o] = zero;
        scales[o] = pick_scale (f, usual);
        for (int k = 0; k < each; k++)
            numbers[o * each + k] = how == 0   ? low
                                    : how == 1 ? equal
                                    : how == 2 ? zero
                                    : how == 3 ? low + 255 * between (f, 0, 1)
                                    : how == 4 ? zero + 2 * between (f, -3, 3)
                                               : between (f, low, low + 255);
    }
    const char *per = per_channel ? text ("%d", outputs) : "";
    write_integers (f, text ("w%d", i), type, text ("%d %d %d %d", outputs, inputs, w->kernel[0], w->kernel[1]),
                    numbers, outputs * each);
    onnx_floats (&f->o, text ("ws%d", i), per, scales);
    write_integers (f, text ("wz%d", i), type, per, zeros, per_channel ? outputs : 1);
}

/* An int32 bias of the next tensor, whose scales are the input's times the weights', or a float one. */
static void write_bias (struct file *f, int from, int outputs, bool per_channel, const float *scales)
{
    int numbers[CHANNELS_MAX], i = f->count;
    float steps[CHANNELS_MAX];
    bool large = f->odd && chance (f, 30);
    for (int o = 0; o < outputs; o++) {
        numbers[o] = between (f, -9000, 9000);
        if (large && chance (f, 50))
            numbers[o] = chance (f, 50) ? INT32_MAX - between (f, 0, 300) : INT32_MIN + between (f, 0, 300);
        steps[o] = f->made[from].scale * scales[per_channel ? o : 0];
    }
    write_integers (f, text ("b%d", i), INT32, text ("%d", outputs), numbers, outputs);
    onnx_floats (&f->o, text ("bs%d", i), per_channel ? text ("%d", outputs) : "", steps);
}

static void add_conv (struct file *f)
{
    int from = pick_tensor (f), i = f->count, bias = between (f, 0, 3);
    struct made *x = &f->made[from];
    struct window w = pick_window (f, true);
    int outputs = chance (f, 30) ? between (f, 1, 5) : chance (f, 50) ? 16 : between (f, 1, 40), groups = 1;
    if (chance (f, 25))
        groups = outputs = x->channels;
    else if (x->channels % 2 == 0 && chance (f, 10))
        groups = 2, outputs += outputs % 2;
    if (groups == x->channels && chance (f, 10))
        outputs = groups * (groups <= 16 ? 2 : 1);
    struct made m = shape_of (outputs, outputs_of (&w, x->height, 0), outputs_of (&w, x->width, 1));
    int inputs = x->channels / groups, taps = inputs * w.kernel[0] * w.kernel[1];
    if (m.height < 1 || m.width < 1 || m.height > 24 || m.width > 24 || taps * outputs > WEIGHTS_MAX)
        return;
    bool per_channel = chance (f, 60), integers = x->scale != 0 && levels (x->type) == 255 && chance (f, 35);
    float scales[CHANNELS_MAX];
    write_weights (f, outputs, inputs, &w, per_channel, scales);
    if (bias)
        write_bias (f, from, outputs, per_channel, scales);
    float reach = reach_of (x) * scales[0] * 74 * sqrtf ((float)taps);
    const char *attributes = text ("%s group=%d", window_text (&w, true), groups);
    if (integers) {
        int to = begin_integers (f, m, reach);
        onnx_node (&f->o, "QLinearConv",
                   text ("q%d s%d z%d w%d ws%d wz%d s%d z%d%s", from, from, from, i, i, i, to, to,
                         bias ? text (" b%d", i) : ""),
                   text ("q%d", to), attributes);
        end_integers (f, to);
        return;
    }
    f->floats |= x->scale == 0;
    onnx_node (&f->o, "DequantizeLinear", text ("w%d ws%d wz%d", i, i, i), text ("wf%d", i), "axis=0");
    if (bias)
        onnx_node (&f->o, "DequantizeLinear", text ("b%d bs%d", i, i), text ("bf%d", i), "axis=0");
    int end = chance (f, 50) ? between (f, 1, 3) : 0;
    onnx_node (&f->o, "Conv", text (bias ? "f%d wf%d bf%d" : "f%d wf%d", from, i, i), text (end ? "c%d" : "r%d", i),
               attributes);
    if (end)
        onnx_node (&f->o,
                   end == 1   ? "Relu"
                   : end == 2 ? "LeakyRelu"
                              : "HardSwish",
                   text ("c%d", i), text ("r%d", i), NULL);
    f->floats |= end == 3;
    finish (f, m, reach, 90);
}

/* Sums and products of two, of equal shapes where there are such. */
static void add_pair (struct file *f)
{
    int a = pick_tensor (f), b = pick_tensor (f), i = f->count;
    for (int t = 0; t < 20 && (f->made[a].channels != f->made[b].channels || f->made[a].height != f->made[b].height ||
                               f->made[a].width != f->made[b].width || (a == b && t < 15));
         t++) {
        a = between (f, 0, f->count - 1);
        b = between (f, 0, f->count - 1);
    }
    struct made x = f->made[a], y = f->made[b];
    if (x.channels != y.channels || x.height != y.height || x.width != y.width)
        return;
    float reach = reach_of (&x) + reach_of (&y);
    bool multiply = chance (f, 15);
    reach = multiply ? reach_of (&x) * reach_of (&y) / 4 : reach;
    bool both = x.scale != 0 && y.scale != 0 && levels (x.type) == 255 && levels (y.type) == 255;
    f->read[a] = f->read[b] = true;
    f->floats |= multiply || !both;
    if (both && chance (f, 30)) {
        int to = begin_integers (f, shape_of (x.channels, x.height, x.width), reach);
        f->o.domain = "com.microsoft";
        onnx_node (&f->o, multiply ? "QLinearMul" : "QLinearAdd",
                   text ("q%d s%d z%d q%d s%d z%d s%d z%d", a, a, a, b, b, b, to, to), text ("q%d", to), NULL);
        end_integers (f, to);
        return;
    }
    bool relu = chance (f, 30);
    onnx_node (&f->o, multiply ? "Mul" : "Add", text ("f%d f%d", a, b), text (relu ? "c%d" : "r%d", i), NULL);
    if (relu)
        onnx_node (&f->o, "Relu", text ("c%d", i), text ("r%d", i), NULL);
    finish (f, shape_of (x.channels, x.height, x.width), reach, 85);
}

static void add_concat (struct file *f)
{
    int parts[3], count = between (f, 2, 3), i = f->count, channels = 0;
    char names[128] = "", integers[256] = "";
    float reach = 0;
    bool quantised = true;
    parts[0] = pick_tensor (f);
    struct made *first = &f->made[parts[0]];
    for (int p = 0; p < count; p++) {
        int part = p ? between (f, 0, f->count - 1) : parts[0];
        for (int t = 0; t < 20 && (f->made[part].height != first->height || f->made[part].width != first->width); t++)
            part = between (f, 0, f->count - 1);
        const struct made *m = &f->made[part];
        if (m->height != first->height || m->width != first->width)
            part = parts[0], m = first;
        f->read[part] = true;
        channels += m->channels;
        reach = fmaxf (reach, reach_of (m));
        quantised &= m->scale != 0 && levels (m->type) == 255;
        snprintf (names + strlen (names), sizeof names - strlen (names), "f%d ", part);
        snprintf (integers + strlen (integers), sizeof integers - strlen (integers), " q%d s%d z%d", part, part, part);
    }
    if (channels > CHANNELS_MAX)
        return;
    struct made m = shape_of (channels, first->height, first->width);
    f->loose = true;
    if (quantised && chance (f, 40)) {
        int to = begin_integers (f, m, reach);
        f->o.domain = "com.microsoft";
        onnx_node (&f->o, "QLinearConcat", text ("s%d z%d%s", to, to, integers), text ("q%d", to), "axis=1");
        end_integers (f, to);
        return;
    }
    onnx_node (&f->o, "Concat", names, text ("r%d", i), "axis=1");
    finish (f, m, reach, 85);
}

static void add_pool (struct file *f)
{
    int from = pick_tensor (f), i = f->count;
    const struct made *x = &f->made[from];
    struct window w = pick_window (f, false);
    bool mean = chance (f, 20);
    w.dilation[0] = w.dilation[1] = 1;
    struct made m = shape_of (x->channels, outputs_of (&w, x->height, 0), outputs_of (&w, x->width, 1));
    if (m.height < 1 || m.width < 1 || m.height > 24 || m.width > 24)
        return;
    f->floats |= mean;
    f->loose |= !mean;
    onnx_node (&f->o, mean ? "AveragePool" : "MaxPool", text ("f%d", from), text ("r%d", i), window_text (&w, false));
    finish (f, m, reach_of (x), 70);
}

static void add_other (struct file *f)
{
    static const char *const operations[] = { "Relu", "Sigmoid", "HardSwish", "GlobalAveragePool", "Tanh", "Identity" };
    int from = pick_tensor (f), i = f->count, n = between (f, 0, 5);
    struct made x = f->made[from];
    f->floats |= n > 0 && n < 5;
    onnx_node (&f->o, operations[n], text ("f%d", from), text ("r%d", i), NULL);
    finish (f, n == 3 ? shape_of (x.channels, 1, 1) : shape_of (x.channels, x.height, x.width), n ? 1 : reach_of (&x),
            85);
}

static struct file new_file (unsigned seed)
{
    struct file f = { .o = onnx_new (14), .state = seed * 2654435761u + 17 };
    next (&f);
    f.odd = chance (&f, 50);
    struct made m = shape_of (chance (&f, 70) ? between (&f, 1, 5) : 16, between (&f, 1, 14), between (&f, 1, 14));
    onnx_input (&f.o, "x", text ("1 %d %d %d", m.channels, m.height, m.width));
    onnx_node (&f.o, "Identity", "x", "r0", NULL);
    finish (&f, m, 4, 95);
    int layers = between (&f, 1, 7);
    for (int l = 0; l < layers && f.count < TENSORS - 1; l++) {
        int what = l ? between (&f, 0, 9) : 0;
        if (what < 5)
            add_conv (&f);
        else if (what < 7)
            add_pair (&f);
        else if (what < 8)
            add_concat (&f);
        else if (what < 9)
            add_pool (&f);
        else
            add_other (&f);
    }
    for (int i = 0; i < f.count; i++)
        if (i + 1 == f.count || (i && chance (&f, f.read[i] ? 8 : 60)))
            onnx_output (&f.o, text ("f%d", i),
                         text ("1 %d %d %d", f.made[i].channels, f.made[i].height, f.made[i].width));
    onnx_finish (&f.o);
    return f;
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

struct trial {
    unsigned seed;
    struct file *file;
    struct graph *graph;
    float *input;
    struct ranges *ranges; /* or NULL */
};

static void fill_input (struct trial *t)
{
    const struct made *m = &t->file->made[0];
    size_t count = (size_t)(m->channels * m->height * m->width);
    t->input = malloc (count * sizeof *t->input);
    int strange = t->file->odd && chance (t->file, 30) ? between (t->file, 1, 20) : 0;
    static const float odd[] = {
        NAN, INFINITY, -INFINITY, 1e38f, -1e38f, 1e-40f, -0.0f, 2147483648.0f, -4e9f, 8388609
    };
    for (size_t i = 0; i < count; i++) {
        float unit = m->scale != 0 ? m->scale : 0.01f;
        t->input[i] = unit * (chance (t->file, 50) ? (float)between (t->file, -300, 300)
                                                   : 0.5f * (float)between (t->file, -600, 600));
        if (chance (t->file, 30))
            t->input[i] *= 0.9f;
        if (strange && chance (t->file, strange))
            t->input[i] = odd[between (t->file, 0, 9)];
    }
}

static struct plan *plan_of (const struct trial *t, const struct plan_options *options)
{
    struct error error = { "" };
    struct plan_options all = *options;
    all.ranges = t->ranges;
    struct plan *plan = plan_new (t->graph, &all, &error);
    if (CHECK (plan != NULL, "%u: no plan: %s", t->seed, error.text))
        plan_run (plan, t->input);
    return plan;
}

static size_t numbers_of (const struct tensor *t)
{
    return (size_t)t->channels * (size_t)t->height * (size_t)t->width;
}

/* Bits of the outputs, but of NaN only that it is one; weights by what a tensor's step is, as they are where it is not
 * kept, can be infinite. */
static void same_bits (const struct trial *t, const char *what, const struct plan *a, const struct plan *b)
{
    bool tapped = !strcmp (what, "tapped");
    for (int o = 0; a && b && o < plan_outputs (a); o++) {
        const struct tensor *x = plan_output (a, o), *y = plan_output (b, o);
        float code = x->name[0] == 'f' ? 1.01f * t->file->made[atoi (x->name + 1)].scale : 0;
        for (size_t i = 0; i < numbers_of (x); i++)
            if (!CHECK (x->data[i] == y->data[i] || (isnan (x->data[i]) && isnan (y->data[i])) ||
                            (tapped && (isnan (x->data[i] + y->data[i]) || fabsf (x->data[i] - y->data[i]) <= code)),
                        "%u, %s%s%s: output %d (%s)[%zu] is %.9g, not %.9g", t->seed, what,
                        t->file->floats ? ", floats" : "", t->file->loose ? ", loose" : "", o, x->name, i,
                        (double)y->data[i], (double)x->data[i]))
                return;
    }
}

/* The tensors of two tapped plans, in order: the first one that differs does so by a code at most, at few places. */
static void compare_taps (const struct trial *t, const struct plan *exact, const struct plan *bytes, int count,
                          const int *ids)
{
    for (int k = 0; k < count; k++) {
        const struct tensor *x = plan_tap (exact, k), *y = plan_tap (bytes, k);
        struct tensor_info info = graph_tensor (t->graph, ids[k]);
        size_t n = numbers_of (x), other = 0, worst = 0;
        double most = 0, size = 0, step = !strcmp (info.operation, "quantise") ? (double)info.range.step : 0;
        for (size_t i = 0; i < n; i++) {
            double far = x->data[i] == y->data[i] || (isnan (x->data[i]) && isnan (y->data[i]))
                             ? 0
                             : fabs ((double)x->data[i] - (double)y->data[i]);
            if (!(fabsf (x->data[i]) < 1e37f)) /* bytes are no NaN, and whole sums overflow where floats do not */
                return;
            far = isnan (far) ? INFINITY : far;
            other += far > 0;
            worst = far > most ? i : worst;
            size = fmax (size, fabs ((double)x->data[i]));
            most = fmax (far, most);
        }
        if (other == 0 || (step == 0 && most <= 1e-4 * size))
            continue;
        CHECK (step > 0 && most <= 1.01 * step && other <= 1 + n / 8,
               "%u: '%s' (%s, %d x %d x %d)[%zu] is %.9g, not %.9g: %g steps of %g; %zu of %zu", t->seed, x->name,
               info.operation, x->channels, x->height, x->width, worst, (double)y->data[worst], (double)x->data[worst],
               most / step, step, other, n);
        return;
    }
}

static void check_tapped (const struct trial *t, const struct plan *untapped)
{
    const char *names[64];
    int ids[64], count = 0;
    for (int id = 0; id < graph_tensors (t->graph) && count < 64; id++)
        if (graph_tensor (t->graph, id).name && graph_find (t->graph, graph_tensor (t->graph, id).name) == id) {
            ids[count] = id;
            names[count++] = graph_tensor (t->graph, id).name;
        }
    struct plan_options options = { .threads = 1, .algorithm = ALGORITHM_DIRECT, .taps = names, .tap_count = count };
    struct plan *exact = plan_of (t, &options);
    options.precision = PRECISION_INT8;
    struct plan *bytes = plan_of (t, &options);
    if (exact && bytes && !t->file->loose && !t->ranges)
        compare_taps (t, exact, bytes, count, ids);
    if (bytes && !t->file->floats && !t->file->loose && !t->ranges)
        same_bits (t, "tapped", untapped, bytes);
    plan_free (exact);
    plan_free (bytes);
}

/* Whether some numbers are products of floats, whose roundings depend on the instruction set. */
static bool multiplies_floats (const struct trial *t, const struct plan *plan)
{
    bool floats = t->file->floats;
    for (int i = 0; plan && i < plan_steps (plan); i++)
        floats |= plan_step (plan, i).macs > 0 && !strcmp (plan_step (plan, i).type, "fp32");
    return floats;
}

static void check_plans (const struct trial *t)
{
    struct plan_options options = { .threads = 1, .precision = PRECISION_INT8 };
    struct plan *one = plan_of (t, &options);
    options.threads = 3;
    struct plan *three = plan_of (t, &options);
    same_bits (t, "3 threads", one, three);
    plan_free (three);
    bool floats = multiplies_floats (t, one);
    options.threads = 1;
    for (const char *const *isa = engine_isas (); one && *isa; isa++) {
        options.isa = *isa;
        struct plan *plan = plan_of (t, &options);
        if (!floats)
            same_bits (t, *isa, one, plan);
        plan_free (plan);
    }
    struct cpu less = cpu_detect ();
    less.features &= ~(unsigned)(CPU_AVX512VBMI | CPU_AVXVNNI);
    options.isa = NULL;
    options.cpu = &less;
    for (int words = 0; one && words < 2; words++) {
        struct plan *plan = plan_of (t, &options);
        if (!floats)
            same_bits (t, words ? "without VNNI" : "without VBMI", one, plan);
        plan_free (plan);
        less.features &= ~(unsigned)CPU_AVX512VNNI;
    }
    if (one)
        check_tapped (t, one);
    plan_free (one);
}

/* Ranges of most tensors, some of no width or beyond all bounds. */
static void pick_ranges (struct trial *t)
{
    t->ranges = ranges_new (t->graph);
    for (int id = 0; id < graph_tensors (t->graph); id++) {
        static const float odd[] = { 0, 1e-45f, 1e-38f, 1e-36f, 1e-20f, 1e20f, 3e38f, FLT_MAX };
        struct file *f = t->file;
        float low = -0.01f * (float)between (f, 0, 400), high = 0.01f * (float)between (f, 0, 400);
        if (f->odd && chance (f, 15))
            low = -odd[between (f, 0, 7)];
        if (f->odd && chance (f, 15))
            high = odd[between (f, 0, 7)];
        if (t->ranges && chance (f, 85))
            ranges_set (t->ranges, id, low, high);
    }
}

static int loaded;

/* Frees the file. */
static struct model *load (struct file *f, const char *path, struct error *error)
{
    FILE *to = fopen (path, "wb");
    bool good = to && fwrite (f->o.file.data, 1, f->o.file.size, to) == f->o.file.size;
    good = to && fclose (to) == 0 && good;
    onnx_free (&f->o);
    return good ? model_load (path, NULL, error) : NULL;
}

static void check_seed (unsigned seed, const char *path)
{
    struct error error = { "" };
    struct file f = new_file (seed);
    struct model *model = load (&f, path, &error);
    CHECK (model || error.text[0], "%u: neither a model nor an error", seed);
    if (model) {
        loaded++;
        struct trial t = { .seed = seed, .file = &f, .graph = model_graph (model) };
        fill_input (&t);
        check_plans (&t);
        pick_ranges (&t);
        check_plans (&t);
        ranges_free (t.ranges);
        free (t.input);
    }
    model_unref (model);
}

/* So many weights of two channels, each by itself, all -128 but for one, and a bias that leaves 3 of their sum, which
 * is added to itself. */
static void check_taps (int taps, const char *path)
{
    enum { MOST = 550 };
    int weights[2 * MOST], some = 255 * (128 * taps - 1) + 3, bias[2] = { some, some }, zero = 0;
    float input[2 * MOST + 2];
    struct file f = { .o = onnx_new (14), .count = 1 };
    struct error error = { "" };
    for (int i = 0; i < 2 * taps; i++)
        weights[i] = i % taps == taps / 2 ? -127 : -128;
    for (int i = 0; i < 2 * taps + 2; i++)
        input[i] = 255;
    f.made[0] = (struct made) { .channels = 2, .height = 1, .width = taps + 1, .type = UINT8, .scale = 1 };
    onnx_input (&f.o, "x", text ("1 2 1 %d", taps + 1));
    write_scheme (&f, 0);
    write_integers (&f, "w", INT8, text ("2 1 1 %d", taps), weights, 2 * taps);
    write_integers (&f, "wz", INT8, "", &zero, 1);
    write_integers (&f, "b", INT32, "2", bias, 2);
    onnx_node (&f.o, "QuantizeLinear", "x s0 z0", "q", NULL);
    onnx_node (&f.o, "Identity", "q", "q0", NULL);
    onnx_node (&f.o, "QLinearConv", "q0 s0 z0 w s0 wz s0 z0 b", "q1", "group=2");
    onnx_node (&f.o, "DequantizeLinear", "q1 s0 z0", "f1", NULL);
    onnx_node (&f.o, "Add", "f1 f1", "y", NULL);
    onnx_output (&f.o, "y", "1 2 1 2");
    onnx_finish (&f.o);
    struct model *model = load (&f, path, &error);
    struct trial t = { .seed = (unsigned)taps, .graph = model ? model_graph (model) : NULL, .input = input };
    const struct plan_options options = { .threads = 1, .precision = PRECISION_INT8 };
    struct plan *plan = CHECK (model != NULL, "%d taps: %s", taps, error.text) ? plan_of (&t, &options) : NULL;
    for (int i = 0; plan && i < 4; i++)
        CHECK (plan_output (plan, 0)->data[i] == 6, "%d taps: [%d] is %g, not 6", taps, i,
               (double)plan_output (plan, 0)->data[i]);
    plan_free (plan);
    model_unref (model);
}

int main (int count, char **arguments)
{
    unsigned first = count > 1 ? (unsigned)strtoul (arguments[1], NULL, 10) : 1;
    unsigned seeds = count > 2 ? (unsigned)strtoul (arguments[2], NULL, 10) : 300;
    char path[] = "/tmp/quantised-XXXXXX";
    int file = mkstemp (path);
    check_group ("many weights of a channel");
    for (int taps = 505; taps < 530; taps++)
        check_taps (taps, path);
    check_group ("quantised files by chance");
    for (unsigned seed = first; seed < first + seeds; seed++)
        check_seed (seed, path);
    printf ("# %d of %u loaded\n", loaded, seeds);
    close (file);
    unlink (path);
    return check_end ();
}
