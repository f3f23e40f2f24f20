/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_broken.c: files that are no model, or nearly one: every one must become one clear error naming the file.
 *
 * A good small network is cut at every byte, has bits turned over (always the same ones: seeded), and is put together
 * wrong in every way a protobuf or an ONNX graph can be wrong. What still loads after damage must also survive planning
 * and a run. */
#include "tests/check_models.h"

#include "models/onnx.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "broken.onnx";

/* The reader on a copy of these bytes. */
static struct graph *read_bytes (const void *bytes, size_t size, struct error *error)
{
    struct onnx_extras extras = { .labels = NULL };
    char *copy = malloc (size ? size : 1);
    if (size)
        memcpy (copy, bytes, size);
    struct graph *g = onnx_read (name, copy, size, &extras, error);
    if (g)
        free (extras.labels);
    return g;
}

/* Must be refused with the file's name and `why` in the error. */
static void refuse (const char *what, const void *bytes, size_t size, const char *why)
{
    struct error error = { "" };
    struct graph *g = read_bytes (bytes, size, &error);
    CHECK (!g && strstr (error.text, name) && strstr (error.text, why), "%s: %s '%s'", what, g ? "is accepted" : "says",
           error.text);
    graph_unref (g);
}

static void refuse_onnx (const char *what, struct onnx *o, const char *why)
{
    onnx_finish (o);
    refuse (what, o->file.data, o->file.size, why);
    onnx_free (o);
}

static void accept (const char *what, const void *bytes, size_t size)
{
    struct error error = { "" };
    struct graph *g = read_bytes (bytes, size, &error);
    CHECK (g != NULL, "%s: %s", what, error.text);
    graph_unref (g);
}

static void accept_onnx (const char *what, struct onnx *o)
{
    onnx_finish (o);
    accept (what, o->file.data, o->file.size);
    onnx_free (o);
}

/* A residual network in small: 3 x 8 x 8 -> 4 probabilities. */
static struct onnx good_network (void)
{
    float numbers[256];
    const float ones[4] = { 1, 1, 1, 1 };
    struct onnx o = onnx_new (13);
    fill (numbers, 256, 31);
    onnx_input (&o, "x", "1 3 8 8");
    onnx_floats (&o, "w1", "4 3 3 3", numbers);
    onnx_floats (&o, "w2", "4 4 3 3", numbers);
    onnx_floats (&o, "b", "4", numbers);
    onnx_floats (&o, "ones", "4", ones);
    onnx_floats (&o, "wf", "4 4", numbers);
    onnx_node (&o, "Conv", "x w1 b", "c1", "pads=1,1,1,1 strides=2,2");
    onnx_node (&o, "BatchNormalization", "c1 ones b b ones", "n1", "epsilon=0.001f");
    onnx_node (&o, "Relu", "n1", "r1", "");
    onnx_node (&o, "Conv", "r1 w2", "c2", "pads=1,1,1,1");
    onnx_node (&o, "Add", "c2 r1", "a", "");
    onnx_node (&o, "LeakyRelu", "a", "r2", "alpha=0.1f");
    onnx_node (&o, "MaxPool", "r2", "p", "kernel_shape=2,2 strides=2,2");
    onnx_node (&o, "GlobalAveragePool", "p", "m", "");
    onnx_node (&o, "Flatten", "m", "f", "axis=1");
    onnx_node (&o, "Gemm", "f wf b", "g", "transB=1");
    onnx_node (&o, "Softmax", "g", "y", "axis=1");
    onnx_output (&o, "y", "1 4");
    onnx_finish (&o);
    return o;
}

/* ---- damage --------------------------------------------------------------------------------------------------- */

static void check_truncated (const struct onnx *good)
{
    long refused = 0;
    for (size_t size = 0; size < good->file.size; size++) {
        struct error error = { "" };
        struct graph *g = read_bytes (good->file.data, size, &error);
        refused += CHECK (!g && strstr (error.text, name), "cut after %zu bytes: %s '%s'", size,
                          g ? "is accepted" : "says", error.text);
        graph_unref (g);
    }
    printf ("# %ld of %zu cut files are refused\n", refused, good->file.size);
}

/* A graph from a damaged file may be large: it is only run when that is soon done. */
static void run_damaged (struct graph *g)
{
    uint64_t work = 0;
    for (int i = 0; i < graph_tensors (g); i++) {
        struct tensor_info t = graph_tensor (g, i);
        work += t.macs + (uint64_t)t.channels * (uint64_t)t.height * (uint64_t)t.width;
    }
    if (work > 20000000)
        return;
    struct error error = { "" };
    struct tensor_info in = graph_tensor (g, 0);
    struct plan *plan = plan_new (g, &(struct plan_options) { .threads = 1 }, &error);
    size_t count = (size_t)in.channels * (size_t)in.height * (size_t)in.width;
    float *input = malloc (count * sizeof *input);
    fill (input, count, 33);
    if (plan)
        plan_run (plan, input);
    free (input);
    plan_free (plan);
}

static void check_flipped (const struct onnx *good)
{
    enum { ROUNDS = 20000 };
    uint8_t *bytes = malloc (good->file.size);
    uint64_t state = 88172645463325252u;
    long loaded = 0;
    for (int round = 0; round < ROUNDS; round++) {
        memcpy (bytes, good->file.data, good->file.size);
        for (int flips = 1 + round % 3; flips > 0; flips--) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes[state / 8 % good->file.size] ^= (uint8_t)(1 << state % 8);
        }
        struct error error = { "" };
        struct graph *g = read_bytes (bytes, good->file.size, &error);
        CHECK (g || strstr (error.text, name), "round %d says '%s'", round, error.text);
        loaded += g != NULL;
        if (g)
            run_damaged (g);
        graph_unref (g);
    }
    printf ("# %ld of %d damaged files still load\n", loaded, ROUNDS);
    free (bytes);
}

/* ---- files that are none -------------------------------------------------------------------------------------- */

static void refuse_path (const char *what, const char *path, const char *why)
{
    struct error error = { "" };
    struct model *model = model_load (path, NULL, &error);
    const char *base = strrchr (path, '/') ? strrchr (path, '/') + 1 : path;
    CHECK (!model && strstr (error.text, base) && strstr (error.text, why), "%s: %s '%s'", what,
           model ? "is accepted" : "says", error.text);
    model_unref (model);
}

/* A file of so many zero bytes that takes no room on the disk; false where the file system has none. */
static bool sparse_file (const char *path, off_t size)
{
    int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && ftruncate (fd, size) == 0;
    if (fd >= 0)
        close (fd);
    return good;
}

static void check_paths (void)
{
    struct error error = { "" };
#ifndef BUNDLED_NETWORK
    CHECK (!model_load (NULL, NULL, &error) && strstr (error.text, "bundled"), "no path: '%s'", error.text);
#else
    struct model *bundled = model_load (NULL, NULL, &error);
    CHECK (bundled && !strcmp (model_path (bundled), "(bundled)"), "no path: '%s'", error.text);
    model_unref (bundled);
#endif
    refuse_path ("missing", scratch_path ("missing.onnx"), "No such file");
    refuse_path ("a folder", scratch (), "folder");
    refuse_path ("a device", "/dev/zero", "regular file");
    refuse_path ("an empty name", "", "cannot be opened");
    const char *path = scratch_path ("empty.onnx");
    CHECK (write_file (path, "", 0), "%s", path);
    refuse_path ("empty", path, "empty");
    path = scratch_path ("pipe.onnx");
    if (CHECK (mkfifo (path, 0600) == 0, "mkfifo: %s", strerror (errno)))
        refuse_path ("a pipe nobody writes to", path, "regular file");
    path = scratch_path ("circle.onnx");
    if (CHECK (symlink (path, path) == 0, "symlink: %s", strerror (errno)))
        refuse_path ("a link to itself", path, "cannot be opened");
    path = scratch_path ("sparse.onnx");
    if (sparse_file (path, (off_t)1 << 40))
        refuse_path ("a terabyte of nothing", path, "limit");
    else
        SKIP ("this file system has no sparse files of 1 TiB");
    if (sparse_file (path, ((off_t)2 << 30) + 1))
        refuse_path ("2 GiB and a byte", path, "limit");
    else
        SKIP ("this file system has no sparse files of 2 GiB");
    if (geteuid () != 0 && CHECK (chmod (path, 0) == 0, "chmod: %s", strerror (errno)))
        refuse_path ("no permission", path, "cannot be opened");
    else
        SKIP ("root may read every file");
    char deep[2000];
    memset (deep, 'd', sizeof deep);
    memcpy (deep + sizeof deep - 12, "/model.onnx", 12);
    refuse_path ("a long path", deep, "cannot be opened");
}

static void check_other_formats (void)
{
    refuse ("nothing", "", 0, "not an ONNX model");
    refuse ("JPEG", "\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01", 13, "not an ONNX model");
    refuse ("ELF", "\x7f\x45LF\x02\x01\x01\0\0\0\0\0\0\0\0\0", 16, "not an ONNX model");
    refuse ("gzip", "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10, "not an ONNX model");
    refuse ("text", "tench\ngoldfish\n", 15, "not an ONNX model");
    refuse ("zeros", "\0\0\0\0\0\0\0\0", 8, "not an ONNX model");
}

/* ---- protobuf ------------------------------------------------------------------------------------------------ */

/* The good network with these bytes behind it. */
static void refuse_tail (const char *what, const void *tail, size_t size, const char *why)
{
    struct onnx o = good_network ();
    put_bytes (&o.file, tail, size);
    refuse (what, o.file.data, o.file.size, why);
    onnx_free (&o);
}

static void check_wire (void)
{
    refuse_tail ("varint of 11 bytes", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "damaged");
    refuse_tail ("length beyond the end", "\x3a\x7f", 2, "damaged");
    refuse_tail ("length of 2^63", "\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, "damaged");
    refuse_tail ("field number 0", "\x02\0", 2, "damaged");
    refuse_tail ("the graph as a number", "\x38\x01", 2, "damaged");
    refuse_tail ("the version as text", "\x0a\x01\x41", 3, "damaged");
    refuse_tail ("groups", "\x3b\x3b\x3b\x3b", 4, "damaged");
    refuse_tail ("garbage", "\xde\xad\xbe\xef\x00", 5, "damaged");
    struct onnx o = good_network ();
    for (int i = 0; i < 100000; i++)
        put_int (&o.file, 1000 + i % 100, i);
    struct error error = { "" };
    struct graph *g = read_bytes (o.file.data, o.file.size, &error);
    CHECK (g || strstr (error.text, name), "100000 unknown fields: '%s'", error.text);
    graph_unref (g);
    onnx_free (&o);
    struct message nodes = { 0 };
    for (int i = 0; i < 4000000; i++)
        put_bytes (&nodes, "\x0a\0", 2); /* empty nodes: 2 bytes in the file, a hundred in memory */
    struct message file = { 0 };
    put_int (&file, 1, 8);
    put_message (&file, 7, &nodes);
    refuse ("four million empty nodes", file.data, file.size, "more than there is memory for");
    free (file.data);
}

/* A graph in a graph in a graph: inside the first it is an unknown field, skipped whatever it holds. */
static void check_nested (void)
{
    struct onnx o = good_network ();
    struct message deep = { 0 };
    for (int i = 0; i < 2000; i++) {
        struct message outer = { 0 };
        put_message (&outer, 7, &deep);
        deep = outer;
    }
    put_bytes (&o.file, deep.data, deep.size);
    free (deep.data);
    struct error error = { "" };
    struct graph *g = read_bytes (o.file.data, o.file.size, &error);
    CHECK (g != NULL, "messages nested two thousand deep: %s", error.text);
    graph_unref (g);
    onnx_free (&o);
}

/* Twice the same message field is one message: the graph may come in pieces. */
static void check_merged (void)
{
    struct onnx o = good_network ();
    struct message more = { 0 };
    const float unused[2] = { 1, 2 };
    struct message tensor = tensor_message ("unused", 1, "2", unused, sizeof unused);
    put_message (&more, 5, &tensor);
    put_message (&o.file, 7, &more);
    struct error error = { "" };
    struct graph *g = read_bytes (o.file.data, o.file.size, &error);
    CHECK (g != NULL, "a graph in two pieces: %s", error.text);
    graph_unref (g);
    onnx_free (&o);
}

/* ---- graphs --------------------------------------------------------------------------------------------------- */

static struct onnx start (int64_t opset)
{
    struct onnx o = onnx_new (opset);
    onnx_input (&o, "x", "1 3 4 4");
    onnx_output (&o, "y", "1 3 4 4");
    return o;
}

static struct onnx relu_network (int64_t opset)
{
    struct onnx o = start (opset);
    onnx_node (&o, "Relu", "x", "y", "");
    return o;
}

static void check_heads (void)
{
    static const int64_t opsets[] = { 0, -1, 26, (int64_t)1 << 40 };
    for (size_t i = 0; i < sizeof opsets / sizeof opsets[0]; i++) {
        struct onnx o = relu_network (opsets[i]);
        refuse_onnx ("opset", &o, "opset");
    }
    for (int64_t opset = 1; opset <= 25; opset++) {
        struct onnx o = relu_network (opset);
        accept_onnx ("opset 1 to 25", &o);
    }
    struct onnx o = relu_network (13);
    o.ir_version = 0;
    refuse_onnx ("IR version 0", &o, "IR version");
    o = relu_network (13);
    onnx_finish (&o);
    struct message second = { 0 };
    put_int (&second, 2, 14);
    put_message (&o.file, 8, &second);
    refuse ("two opsets", o.file.data, o.file.size, "two opsets");
    struct message function = { 0 };
    put_text (&function, 1, "f");
    onnx_finish (&o);
    put_message (&o.file, 25, &function);
    accept ("functions that nothing calls", o.file.data, o.file.size);
    onnx_free (&o);
    struct message file = { 0 };
    put_int (&file, 1, 8);
    refuse ("no graph", file.data, file.size, "no graph");
    put_block (&file, 7, "", 0);
    refuse ("no opset", file.data, file.size, "no opset");
    free (file.data);
}

/* Nodes, each one line: operator, inputs, outputs. */
static const struct {
    const char *what, *why;
    const char *nodes[4][3];
} graphs[] = {
    { "no nodes", "no nodes", { { NULL } } },
    { "self-loop", "later node", { { "Relu", "y", "y" } } },
    { "circle", "later node", { { "Relu", "b", "a" }, { "Relu", "a", "b" }, { "Relu", "b", "y" } } },
    { "missing input", "made by no node", { { "Relu", "q", "y" } } },
    { "wrong order", "later node", { { "Relu", "a", "y" }, { "Relu", "x", "a" } } },
    { "made twice", "made twice", { { "Relu", "x", "y" }, { "Tanh", "x", "y" } } },
    { "made although an initializer", "made twice", { { "Relu", "x", "w" }, { "Relu", "w", "y" } } },
    { "made although the input", "made by a node too", { { "Relu", "w", "x" }, { "Relu", "x", "y" } } },
    { "output nobody makes", "made by no node", { { "Relu", "x", "z" } } },
    { "output a constant", "does not depend", { { "Identity", "w", "y" } } },
    { "unknown operator", "not supported", { { "Frobnicate", "x", "y" } } },
    { "subgraphs", "not supported", { { "If", "x", "y" } } },
    { "LRN", "size 0", { { "LRN", "x", "y" } } },
    { "LSTM", "operator not supported", { { "LSTM", "x", "y" } } },
    { "indices of a maximum", "not supported", { { "MaxPool2", "x", "a y" } } },
    { "no inputs", "0 inputs", { { "Relu", "", "y" } } },
    { "too many inputs", "2 inputs", { { "Relu", "x x", "y" } } },
    { "empty input", "missing", { { "Relu", "-", "y" } } },
    { "constant to an activation", "constant", { { "Relu", "w", "y" } } },
    { "control characters", "control", { { "Relu", "x", "a\tb" }, { "Relu", "a\tb", "y" } } },
    { "not UTF-8", "UTF-8", { { "Relu", "x", "a\xff" }, { "Relu", "a\xff", "y" } } },
};

static void check_graphs (void)
{
    const float numbers[3] = { 1, 2, 3 };
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++) {
        struct onnx o = start (13);
        onnx_floats (&o, "w", "3 1 1", numbers);
        for (int n = 0; n < 4 && graphs[i].nodes[n][0]; n++)
            onnx_node (&o, graphs[i].nodes[n][0], graphs[i].nodes[n][1], graphs[i].nodes[n][2], "");
        refuse_onnx (graphs[i].what, &o, graphs[i].why);
    }
    struct onnx o = relu_network (13);
    onnx_node (&o, "Frobnicate", "x", "unused", "");
    onnx_node (&o, "Relu", "unused", "unused_too", "");
    accept_onnx ("nodes that nobody needs", &o);
    o = relu_network (13);
    onnx_input (&o, "second", "1 3 4 4");
    accept_onnx ("a second input that nobody reads", &o);
    o = start (13);
    onnx_input (&o, "second", "1 3 4 4");
    onnx_node (&o, "Add", "x second", "y", "");
    refuse_onnx ("two inputs", &o, "more than one input");
    o = onnx_new (13);
    onnx_output (&o, "y", "1");
    onnx_number (&o, "w", 1);
    onnx_node (&o, "Relu", "w", "y", "");
    refuse_onnx ("no input", &o, "no input");
    o = start (13);
    onnx_input (&o, "w", "3 1 1");
    onnx_floats (&o, "w", "3 1 1", numbers);
    onnx_node (&o, "Add", "x w", "y", "");
    accept_onnx ("a constant that is an input too", &o);
    o = start (13);
    onnx_floats (&o, "w", "3 1 1", numbers);
    onnx_floats (&o, "w", "3 1 1", numbers);
    onnx_node (&o, "Add", "x w", "y", "");
    refuse_onnx ("an initializer twice", &o, "two initializers");
    struct message sparse = { 0 };
    o = relu_network (13);
    put_int (&sparse, 3, 1);
    put_message (&o.graph, 15, &sparse);
    refuse_onnx ("sparse initializers", &o, "sparse");
}

static void check_inputs (void)
{
    static const struct {
        const char *what, *dims, *why;
    } inputs[] = {
        { "a batch of two", "2 3 4 4", "batch" },
        { "no channels", "1 0 4 4", "dimension 1" },
        { "negative height", "1 3 -4 4", "dimension 2" },
        { "an open vector", "1 ?", "left open" },
        { "five dimensions", "1 3 4 4 4", "5 dimensions" },
        { "no dimensions", "", "0 dimensions" },
        { "2^40 rows", "1 3 1099511627776 4", "dimension 2" },
        { "product of 2^64", "1 65536 65536 4294967296", "dimension 3" },
        { "product of 2^32", "1 65536 65536 1", "not possible" },
        { "a terabyte", "1 3 400000 400000", "" },
    };
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        struct onnx o = onnx_new (13);
        onnx_input (&o, "x", inputs[i].dims);
        onnx_output (&o, "y", "1");
        onnx_node (&o, "Relu", "x", "y", "");
        refuse_onnx (inputs[i].what, &o, inputs[i].why);
    }
    struct onnx o = onnx_new (13);
    struct message value = { 0 };
    put_text (&value, 1, "x");
    put_message (&o.graph, 11, &value);
    onnx_output (&o, "y", "1");
    onnx_node (&o, "Relu", "x", "y", "");
    refuse_onnx ("an input without shape", &o, "no shape");
}

/* Many nodes: slow only when names were looked for one by one. */
static void check_many (void)
{
    struct onnx o = start (13);
    char from[24] = "x", to[24];
    for (int i = 0; i < 15000; i++) {
        snprintf (to, sizeof to, "t%d", i);
        onnx_node (&o, "Relu", from, to, "");
        memcpy (from, to, sizeof from);
    }
    onnx_node (&o, "Relu", from, "y", "");
    accept_onnx ("15000 layers", &o);
    o = relu_network (13);
    for (int i = 0; i < 100000; i++) {
        snprintf (to, sizeof to, "c%d", i);
        onnx_node (&o, "Constant", "", to, "value_int=1");
    }
    accept_onnx ("100000 constants", &o);
    o = start (13);
    for (int i = 0; i < 100000; i++) {
        snprintf (to, sizeof to, "t%d", i);
        onnx_node (&o, "Relu", i ? from : "x", to, "");
        memcpy (from, to, sizeof from);
    }
    onnx_node (&o, "Relu", from, "y", "");
    refuse_onnx ("100000 layers", &o, "limit");
}

void check_broken (void)
{
    struct onnx good = good_network ();
    check_group ("damaged files");
    struct error error = { "" };
    struct graph *g = read_bytes (good.file.data, good.file.size, &error);
    CHECK (g != NULL, "the undamaged file: %s", error.text);
    graph_unref (g);
    check_truncated (&good);
    check_flipped (&good);
    onnx_free (&good);
    check_group ("wrong files");
    check_paths ();
    check_other_formats ();
    check_wire ();
    check_nested ();
    check_merged ();
    check_group ("wrong graphs");
    check_heads ();
    check_graphs ();
    check_inputs ();
    check_many ();
}
