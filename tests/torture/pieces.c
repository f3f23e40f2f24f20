/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pieces.c: files made at random out of what is bad for readers: things that cost little to write and much to read, one
 * behind the other in one network. The same seed makes the same file. */
#include "tests/torture/torture.h"

#include "tests/onnx_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The network so far. */
struct maker {
    struct onnx o;
    uint64_t state;
    char last[24]; /* the tensor to go on from */
    int count;     /* of names given */
    int outputs;
};

static uint32_t next (struct maker *m)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->state >> 33);
}

/* 1 .. most, every size as likely as its double. */
static int some (struct maker *m, int most)
{
    return (int)exp ((double)(next (m) % 10000) / 10000 * log ((double)most + 1));
}

static void new_name (struct maker *m, char name[24])
{
    snprintf (name, 24, "t%d", m->count++);
}

/* operation (last, more) -> a new last */
static void put (struct maker *m, const char *operation, const char *more, const char *attributes)
{
    char inputs[128], name[24];
    snprintf (inputs, sizeof inputs, "%s %s", m->last, more);
    new_name (m, name);
    onnx_node (&m->o, operation, inputs, name, attributes);
    memcpy (m->last, name, sizeof name);
}

/* An initializer of zeros. type 1: floats, 10: halves. */
static void put_zeros (struct maker *m, const char *name, int type, const char *dims, size_t bytes)
{
    void *zeros = calloc (1, bytes ? bytes : 1);
    struct message tensor = tensor_message (name, type, dims, zeros, bytes);
    put_message (&m->o.graph, 5, &tensor);
    free (zeros);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

/* A constant of many dimensions, its tensor in many pieces. */
static void merged (struct maker *m)
{
    char name[24];
    int rank = some (m, 1000000), pieces = some (m, 100000);
    new_name (m, name);
    onnx_constant_in_pieces (&m->o, name, rank, pieces);
    for (int i = some (m, 3000); i > 0; i--)
        put (m, "Mul", name, "");
}

static void chain (struct maker *m)
{
    static const char *const operations[] = { "Relu",      "Sigmoid", "Tanh", "Gelu",     "HardSwish", "Softplus",
                                              "LeakyRelu", "Elu",     "Exp",  "Identity", "Abs",       "Softmax",
                                              "Erf",       "Sqrt",    "Neg",  "Dropout" };
    const char *operation = operations[next (m) % (sizeof operations / sizeof operations[0])];
    for (int i = some (m, 19000); i > 0; i--)
        put (m, operation, "", "");
}

static void gathered (struct maker *m)
{
    char weights[24], dims[24], inputs[64], name[24];
    int count = some (m, 1000000);
    new_name (m, weights);
    snprintf (dims, sizeof dims, "%d", count);
    put_zeros (m, weights, 10, dims, (size_t)count * 2);
    char index[24];
    new_name (m, index);
    onnx_ints (&m->o, index, "0");
    snprintf (inputs, sizeof inputs, "%s %s", weights, index);
    for (int i = some (m, 20000); i > 0; i--) {
        new_name (m, name);
        onnx_node (&m->o, "Gather", inputs, name, "");
        if (i % 16 == 1)
            put (m, next (m) % 2 ? "Add" : "Mul", name, "");
    }
}

static void pooled (struct maker *m)
{
    char attributes[96];
    int kernel = some (m, 3000), pad = kernel / 2;
    snprintf (attributes, sizeof attributes, "kernel_shape=%d,%d pads=%d,%d,%d,%d", kernel, kernel, pad, pad, pad, pad);
    for (int i = some (m, 200); i > 0; i--)
        put (m, next (m) % 2 ? "MaxPool" : "AveragePool", "", attributes);
}

static void outputs (struct maker *m)
{
    char from[24];
    memcpy (from, m->last, sizeof from);
    for (int i = some (m, 19000); i > 0; i--) {
        memcpy (m->last, from, sizeof from);
        put (m, "Relu", "", "");
        onnx_output (&m->o, m->last, "1 3 8 8");
        m->outputs++;
    }
}

static void folded (struct maker *m)
{
    static const char *const folds[] = { "ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax" };
    char shape[24], made[24], name[24], numbers[32];
    new_name (m, shape);
    snprintf (numbers, sizeof numbers, "%d", some (m, 60000000));
    onnx_ints (&m->o, shape, numbers);
    new_name (m, made);
    onnx_node (&m->o, "ConstantOfShape", shape, made, "");
    for (int i = some (m, 500); i > 0; i--) {
        new_name (m, name);
        onnx_node (&m->o, folds[next (m) % 4], made, name, "keepdims=0");
        put (m, "Mul", name, "");
    }
}

static void convolved (struct maker *m)
{
    char dims[64], attributes[96], weights[24];
    int kernel = some (m, 200) | 1, pad = kernel / 2;
    snprintf (dims, sizeof dims, "3 3 %d %d", kernel, kernel);
    new_name (m, weights);
    put_zeros (m, weights, 1, dims, (size_t)kernel * (size_t)kernel * 36);
    snprintf (attributes, sizeof attributes, "pads=%d,%d,%d,%d", pad, pad, pad, pad);
    for (int i = some (m, 300); i > 0; i--)
        put (m, "Conv", weights, attributes);
}

static void joined (struct maker *m)
{
    int parts = some (m, 100000);
    char *inputs = malloc ((size_t)parts * 24 + 1), name[24];
    size_t used = 0;
    for (int i = 0; inputs && i < parts; i++)
        used += (size_t)sprintf (inputs + used, "%s ", m->last);
    new_name (m, name);
    onnx_node (&m->o, "Concat", inputs ? inputs : m->last, name, "axis=1");
    free (inputs);
    if (next (m) % 2)
        memcpy (m->last, name, sizeof name);
}

static void reshaped (struct maker *m)
{
    char shape[24];
    new_name (m, shape);
    onnx_ints (&m->o, shape, "0 0 -1 0");
    for (int i = some (m, 8000); i > 0; i--) {
        if (i % 2)
            put (m, "Reshape", shape, "");
        else
            put (m, "Transpose", "", next (m) % 2 ? "perm=0,1,3,2" : "perm=0,3,2,1");
    }
}

static void unknown (struct maker *m)
{
    for (int i = some (m, 1000000); i > 0; i--)
        put_int (&m->o.graph, 1000 + (int)(next (m) % 100), i);
}

static void initializers (struct maker *m)
{
    float one = 1;
    char name[24];
    for (int i = some (m, 100000); i > 0; i--) {
        new_name (m, name);
        onnx_floats (&m->o, name, "1", &one);
    }
}

static void named (struct maker *m)
{
    size_t length = (size_t)some (m, 2000000);
    char *name = malloc (length + 1);
    memset (name, 'n', length);
    name[length] = 0;
    for (int i = some (m, 20); name && i > 0; i--) {
        struct message node = { 0 };
        put_text (&node, 1, m->last);
        new_name (m, m->last);
        put_text (&node, 2, m->last);
        put_text (&node, 3, name);
        put_text (&node, 4, "Relu");
        put_message (&m->o.graph, 1, &node);
    }
    free (name);
}

static void attributed (struct maker *m)
{
    struct message node = { 0 };
    put_text (&node, 1, m->last);
    new_name (m, m->last);
    put_text (&node, 2, m->last);
    put_text (&node, 4, "LeakyRelu");
    for (int i = some (m, 300000); i > 0; i--) {
        struct message a = { 0 };
        char name[24];
        snprintf (name, sizeof name, "a%d", i);
        put_text (&a, 1, next (m) % 8 ? name : "alpha");
        put_int (&a, 3, i);
        put_message (&node, 5, &a);
    }
    put_message (&m->o.graph, 1, &node);
}

static void sliced (struct maker *m)
{
    char weights[24], first[24], end[24], inputs[96], name[24], dims[24];
    int count = some (m, 500000);
    new_name (m, weights);
    new_name (m, first);
    new_name (m, end);
    snprintf (dims, sizeof dims, "%d", count);
    put_zeros (m, weights, 1, dims, (size_t)count * 4);
    onnx_ints (&m->o, first, "0");
    onnx_ints (&m->o, end, "1");
    for (int i = some (m, 5000); i > 0; i--) {
        snprintf (inputs, sizeof inputs, i % 2 ? "%s %s %s" : "%s", weights, first, end);
        new_name (m, name);
        onnx_node (&m->o, i % 2 ? "Slice" : "Neg", inputs, name, "");
        if (i % 64 == 1)
            put (m, "Add", name, "");
    }
}

static void quantised (struct maker *m)
{
    char scale[24], zero[24], more[64];
    new_name (m, scale);
    new_name (m, zero);
    onnx_number (&m->o, scale, 0.5f);
    put_zeros (m, zero, 2, "", 1);
    snprintf (more, sizeof more, "%s %s", scale, zero);
    for (int i = some (m, 5000); i > 0; i--)
        put (m, i % 2 ? "DequantizeLinear" : "QuantizeLinear", more, "");
}

static void (*const pieces[]) (struct maker *m) = { merged, chain,  gathered,   pooled,       outputs,
                                                    folded, joined, convolved,  reshaped,     unknown,
                                                    named,  sliced, attributed, initializers, quantised };
static const char *const names[] = { "merged", "chain",  "gathered",   "pooled",       "outputs",
                                     "folded", "joined", "convolved",  "reshaped",     "unknown",
                                     "named",  "sliced", "attributed", "initializers", "quantised" };

/* ---- safetensors ------------------------------------------------------------------------------------------------- */

/* A header of one kind of nonsense, at most some megabytes. */
static void header (struct maker *m, struct message *to, char what[200])
{
    static const char *const kinds[] = { "tensors on one span", "empty tensors", "nested lists",  "a long name",
                                         "one name again",      "metadata",      "a long number", "a long shape" };
    uint32_t kind = next (m) % 8;
    int count = some (m, kind == 2 || kind == 3 || kind > 5 ? 20000000 : 300000);
    struct message text = { 0 };
    char line[160];
    snprintf (what, 200, "safetensors: %s, %d", kinds[kind], count);
    put_bytes (&text, "{", 1);
    if (kind == 5)
        put_bytes (&text, "\"__metadata__\":{", 16);
    if (kind == 3)
        put_bytes (&text, "\"", 1);
    if (kind > 5)
        put_bytes (&text, "\"a\":{\"dtype\":\"F32\",\"shape\":[", 28);
    for (int i = 0; i < count; i++) {
        int length = 1;
        if (kind == 2 || kind == 3 || kind == 6)
            line[0] = kind == 2 ? '[' : kind == 3 ? 'x' : '1';
        else if (kind == 7)
            length = sprintf (line, "%s1", i ? "," : "");
        else if (kind == 5)
            length = sprintf (line, "%s\"k%d\":\"v\"", i ? "," : "", i);
        else
            length = sprintf (line, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[%d],\"data_offsets\":[0,%d]}",
                              i ? "," : "", kind == 4 ? 0 : i, kind != 1, 4 * (kind != 1));
        put_bytes (&text, line, (size_t)length);
    }
    if (kind > 5)
        put_bytes (&text, "],\"data_offsets\":[0,4]}", 23);
    if (kind == 3)
        put_bytes (&text, "\":{}", 4);
    put_bytes (&text, "}}", kind == 5 ? 2 : 1);
    for (int i = 0; i < 8; i++) {
        uint8_t byte = (uint8_t)((uint64_t)text.size >> 8 * i);
        put_bytes (to, &byte, 1);
    }
    put_bytes (to, text.data, text.size);
    put_bytes (to, "\0\0\0\0", 4);
    free (text.data);
}

const char *pieces_write (uint32_t seed, struct message *to, char what[200])
{
    static const char *const inputs[] = {
        "1 3 8 8", "1 3 2 2", "1 3 64 64", "1 3 720 720", "1 3 2880 2880", "1 3 1 1"
    };
    struct maker m = { .o = onnx_new (20), .state = seed * 2654435761u + 12345, .last = "x" };
    size_t used = 0;
    for (int i = 0; i < 4; i++)
        next (&m);
    if (next (&m) % 6 == 0) {
        header (&m, to, what);
        onnx_free (&m.o);
        return ".safetensors";
    }
    onnx_input (&m.o, "x", inputs[next (&m) % 6]);
    what[0] = 0;
    for (int i = 1 + (int)(next (&m) % 4); i > 0; i--) {
        uint32_t kind = next (&m) % (sizeof pieces / sizeof pieces[0]);
        pieces[kind](&m);
        used += (size_t)snprintf (what + used, 200 - used, "%s%s", used ? " + " : "", names[kind]);
        if (m.o.graph.size > 8 << 20)
            break;
    }
    onnx_output (&m.o, m.last, "1");
    onnx_finish (&m.o);
    put_bytes (to, m.o.file.data, m.o.file.size);
    onnx_free (&m.o);
    return ".onnx";
}
