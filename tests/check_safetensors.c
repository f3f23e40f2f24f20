/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_safetensors.c: the safetensors reader and the ResNets made from it, on good, odd, damaged and hostile files. */
#include "models/model.h"
#include "models/npy.h"
#include "models/safetensors.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/safetensors_writer.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/check_safetensors.XXXXXX"; /* of this run */
static char path[128];                                  /* the one file in it */

static bool write_bytes (const void *bytes, size_t size)
{
    FILE *file = fopen (path, "wb");
    bool good = file && fwrite (bytes, 1, size, file) == size;
    return file && fclose (file) == 0 && good;
}

/* ---- the format ------------------------------------------------------------------------------------------------- */

/* One header with so many bytes behind it; says: a part of the error, or NULL when it is to be accepted. */
struct header_case {
    const char *what, *header;
    size_t data;
    const char *says;
};

#define ONE(fields) "{\"a\":{" fields "}}"
#define SHAPE(shape, end) ONE ("\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[0," end "]")
#define PART(name, begin, end) "\"" name "\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[" begin "," end "]}"

static const struct header_case header_cases[] = {
    { "no tensors", "{}", 0, NULL },
    { "one tensor", SHAPE ("[2]", "8"), 8, NULL },
    { "S5 an empty header", "", 0, "no JSON" },
    { "S6 not UTF-8", "{\"\xff\xfe\":{}}", 0, "no JSON" },
    { "S7 not JSON", "{\"a\":}", 0, "no JSON" },
    { "S8 blanks before it", " \t\n\r{}", 0, NULL },
    { "S8 blanks behind it", "{}      ", 0, NULL },
    { "S9 a list", "[]", 0, "not an object" },
    { "S9 a number", "17", 0, "no JSON" },
    { "S10 a name twice", "{" PART ("a", "0", "4") "," PART ("a", "0", "4") "}", 4, "duplicate" },
    { "S10 a field twice", ONE ("\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]"), 1,
      "duplicate" },
    { "S11 a zero byte in a name", "{\"a\\u0000\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
      "no JSON" },
    { "S11 a lone surrogate", "{\"\\ud800\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "no JSON" },
    { "S11 control characters", "{\"\\u0007\\n\":{\"dtype\":\"I8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, NULL },
    { "S12 1e3", SHAPE ("[1e3]", "4000"), 4000, "whole number" },
    { "S12 -1", SHAPE ("[-1]", "4"), 4, "whole number" },
    { "S12 1.0", SHAPE ("[1.0]", "4"), 4, "whole number" },
    { "S12 2^64", SHAPE ("[18446744073709551616]", "0"), 0, "no JSON" },
    { "S12 a zero before it", SHAPE ("[01]", "4"), 4, "no JSON" },
    { "S12 a word", SHAPE ("[\"1\"]", "4"), 4, "whole number" },
    { "S13 one offset", ONE ("\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0]"), 1, "data_offsets" },
    { "S13 three offsets", ONE ("\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1,1]"), 1, "data_offsets" },
    { "S13 no offsets", ONE ("\"dtype\":\"U8\",\"shape\":[]"), 0, "data_offsets" },
    { "S13 negative offsets", ONE ("\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[-1,0]"), 1, "data_offsets" },
    { "S14 the end before the begin", ONE ("\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]"), 4, "in order" },
    { "S15 overlap", "{" PART ("a", "0", "4") "," PART ("b", "2", "6") "}", 6, "tensor 'b': it begins at byte 2" },
    { "S15 the same bytes", "{" PART ("a", "0", "4") "," PART ("b", "0", "4") "}", 4, "begins at byte 0" },
    { "S16 a hole", "{" PART ("a", "0", "4") "," PART ("b", "6", "10") "}", 10, "ends at 4" },
    { "S16 a hole at the begin", "{" PART ("a", "2", "6") "}", 6, "begins at byte 2" },
    { "any order", "{" PART ("b", "4", "8") "," PART ("a", "0", "4") "}", 8, NULL },
    { "S17 bytes behind the last", SHAPE ("[2]", "8"), 9, "end at byte" },
    { "S17 bytes and no tensor", "{}", 1, "end at byte" },
    { "S18 the file is short", SHAPE ("[2]", "8"), 7, "within 7 bytes" },
    { "S19 fewer bytes than the shape", SHAPE ("[3]", "8"), 8, "takes 12 bytes" },
    { "S19 more bytes than the shape", SHAPE ("[1]", "8"), 8, "takes 4 bytes" },
    { "S20 2^32 x 2^32", SHAPE ("[4294967296,4294967296]", "0"), 0, "64 bits" },
    { "S20 2^62 floats", SHAPE ("[4611686018427387904]", "0"), 0, "64 bits" },
    { "S21 2 x (2^64 - 2)", SHAPE ("[2,18446744073709551614]", "0"), 0, "no JSON" },
    { "S21 2 x (2^63 - 1)", SHAPE ("[4,9223372036854775807]", "0"), 0, "64 bits" },
    { "S22 a size of 0", SHAPE ("[3,0]", "0"), 0, NULL },
    { "S22 rank 0", SHAPE ("[]", "4"), 4, NULL },
    { "rank 9", SHAPE ("[1,1,1,1,1,1,1,1,2]", "8"), 8, NULL },
    { "S23 no such dtype", ONE ("\"dtype\":\"F31\",\"shape\":[],\"data_offsets\":[0,4]"), 4, "no dtype 'F31'" },
    { "S23 no dtype", ONE ("\"shape\":[],\"data_offsets\":[0,4]"), 4, "no dtype" },
    { "S23 an odd number of F4", ONE ("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]"), 2, "bits" },
    { "S23 an even number of F4", ONE ("\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[0,2]"), 2, NULL },
    { "S24 metadata with a number", "{\"__metadata__\":{\"epoch\":3}}", 0, "'epoch' is not a string" },
    { "S24 metadata as a list", "{\"__metadata__\":[]}", 0, "not an object" },
    { "S24 metadata as a tensor", "{\"__metadata__\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
      "not a string" },
    { "metadata of nothing", "{\"__metadata__\":null}", 0, NULL },
    { "metadata", "{\"__metadata__\":{\"format\":\"pt\"}}", 0, NULL },
    { "a tensor that is a number", "{\"a\":1}", 0, "not an object" },
    { "no shape", ONE ("\"dtype\":\"U8\",\"data_offsets\":[0,1]"), 1, "shape is not a list" },
    { "an unknown field", ONE ("\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1],\"x\":[[{}]]"), 1, NULL },
};

/* A file of this header, length and rest, in memory of exactly its size. */
static bool open_header (const char *header, size_t length, uint64_t said, size_t data, struct error *error)
{
    struct safetensors file;
    size_t size = 8 + length + data;
    char *bytes = malloc (size);
    if (!bytes)
        abort ();
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(said >> 8 * i);
    memcpy (bytes + 8, header, length);
    memset (bytes + 8 + length, 0, data);
    *error = (struct error) { "" };
    bool good = safetensors_open ("net.safetensors", bytes, size, &file, error);
    if (good)
        safetensors_close (&file);
    free (bytes);
    return good;
}

static void check_headers (void)
{
    struct error error;
    check_group ("headers");
    for (size_t i = 0; i < sizeof header_cases / sizeof header_cases[0]; i++) {
        const struct header_case *c = &header_cases[i];
        size_t length = strlen (c->header);
        bool good = open_header (c->header, length, length, c->data, &error);
        CHECK (good == !c->says, "%s: %s '%s'", c->what, good ? "accepted" : "refused", error.text);
        CHECK (!c->says || (strstr (error.text, c->says) && strstr (error.text, "net.safetensors")), "%s: '%s'",
               c->what, error.text);
    }
    CHECK (!open_header ("{}\0\0", 4, 4, 0, &error), "S7: zero bytes behind the brace");
    CHECK (!open_header ("{}", 2, 3, 0, &error) && strstr (error.text, "only 2 follow"), "S2: '%s'", error.text);
    CHECK (!open_header ("{}", 2, 100000001, 0, &error) && strstr (error.text, "limit"), "S3: '%s'", error.text);
    CHECK (!open_header ("{}", 2, UINT64_MAX, 0, &error) && strstr (error.text, "limit"), "S4: '%s'", error.text);
    for (size_t size = 0; size < 8; size++) {
        struct safetensors file;
        error = (struct error) { "" };
        CHECK (!safetensors_open ("x", "\2\0\0\0\0\0\0", size, &file, &error) && error.text[0], "S1: %zu bytes", size);
    }
}

/* Headers that cost more to read than to write. */
static void check_bombs (void)
{
    struct error error;
    size_t length = 20 << 20;
    char *header = malloc (length);
    check_group ("bombs");
    if (!CHECK (header, "no memory"))
        return;
    memset (header, '[', length);
    CHECK (!open_header (header, length, length, 0, &error) && strstr (error.text, "deep"), "S9: '%s'", error.text);
    for (size_t deep = 127; deep < 129; deep++) { /* the last depth that is looked into, and the first that is not */
        bool too_deep = !open_header (header, deep, deep, 0, &error) && strstr (error.text, "deep");
        CHECK (too_deep == (deep > 127), "S9: %zu deep: '%s'", deep, error.text);
    }
    for (size_t i = 0; i < length; i++)
        header[i] = "[{},"[i ? 1 + (i - 1) % 3 : 0];
    CHECK (!open_header (header, length, length, 0, &error) && strstr (error.text, "values"), "S26: '%s'", error.text);
    memset (header, 'x', length);
    memcpy (header, "{\"", 2);
    CHECK (!open_header (header, length, length, 0, &error) && strstr (error.text, "string"), "S11: '%s'", error.text);
    size_t used = 1;
    int tensors = 0; /* empty ones, which may all lie at the same place */
    header[0] = '{';
    for (; tensors < 100000; tensors++)
        used += (size_t)sprintf (header + used, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                                 tensors ? "," : "", tensors);
    header[used++] = '}';
    CHECK (open_header (header, used, used, 0, &error), "S26: %d empty tensors: '%s'", tensors, error.text);
    free (header);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static void check_floats (void)
{
    static const struct {
        const char *dtype;
        uint32_t bits;
        double value;
    } cases[] = {
        { "F16", 0x0000, 0 },
        { "F16", 0x3c00, 1 },
        { "F16", 0xc000, -2 },
        { "F16", 0x7bff, 65504 },
        { "F16", 0x0400, 0x1p-14 },
        { "F16", 0x0001, 0x1p-24 },
        { "F16", 0x83ff, -0x3ffp-24 },
        { "F16", 0x3555, 0x1.554p-2 },
        { "F16", 0x7c00, INFINITY },
        { "F16", 0xfc00, -INFINITY },
        { "F16", 0x7e00, NAN },
        { "BF16", 0x3f80, 1 },
        { "BF16", 0xc040, -3 },
        { "BF16", 0x7f80, INFINITY },
        { "BF16", 0x7fc0, NAN },
        { "F32", 0x3f800000, 1 },
        { "F32", 0x00000001, 0x1p-149 },
        { "F32", 0xc2f6e979, -123.456001281738281 },
        { "F32", 0x7fc00000, NAN },
    };
    check_group ("numbers");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char bytes[9] = { 0 }; /* S25: at an odd address */
        size_t width = cases[i].dtype[0] == 'F' && cases[i].dtype[1] == '3' ? 4 : 2;
        for (size_t k = 0; k < width; k++)
            bytes[1 + k] = (unsigned char)(cases[i].bits >> 8 * k);
        struct safetensor t = { .name = "t", .dtype = cases[i].dtype, .end = width };
        t.bytes = (const char *)bytes + 1;
        struct safetensors file = { .path = "x" };
        struct error error = { "" };
        float *floats = safetensors_floats (&file, &t, &error);
        double want = cases[i].value;
        CHECK (floats && (isnan (want) ? isnan (floats[0]) : floats[0] == want), "%s %x: %g, not %g", cases[i].dtype,
               cases[i].bits, floats ? (double)floats[0] : 0, want);
        free (floats);
    }
    struct safetensor t = { .name = "counts", .dtype = "I64", .begin = 0, .end = 8, .bytes = "12345678" };
    struct safetensors file = { .path = "x" };
    struct error error = { "" };
    CHECK (!safetensors_floats (&file, &t, &error) && strstr (error.text, "'counts': its dtype is I64"), "'%s'",
           error.text);
}

/* ---- networks --------------------------------------------------------------------------------------------------- */

static struct model *load (const struct writer *w, struct error *error)
{
    size_t size;
    unsigned char *file = writer_file (w, &size);
    *error = (struct error) { "" };
    struct model *model = CHECK (write_bytes (file, size), "%s", path) ? model_load (path, NULL, error) : NULL;
    free (file);
    return model;
}

static float *numbers (const struct safetensors *file, const char *module, const char *part)
{
    char name[96];
    struct error error = { "" };
    snprintf (name, sizeof name, "%s.%s", module, part);
    const struct safetensor *t = safetensors_find (file, name);
    float *floats = t ? safetensors_floats (file, t, &error) : NULL;
    CHECK (floats, "%s: %s", name, error.text);
    return floats;
}

/* conv -> batch norm, written down again: `channels` out, kernel and stride, groups. */
static int layer (struct graph *g, const struct safetensors *f, const char *conv, const char *norm, int x,
                  const int how[4])
{
    struct conv c = { .out_channels = how[0],
                      .kernel_h = how[1],
                      .kernel_w = how[1],
                      .stride_h = how[2],
                      .stride_w = how[2],
                      .groups = how[3] };
    c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = how[1] / 2;
    float *w = numbers (f, conv, "weight"),
          *values[4] = { numbers (f, norm, "weight"), numbers (f, norm, "bias"), numbers (f, norm, "running_mean"),
                         numbers (f, norm, "running_var") };
    x = graph_conv (g, conv, x, &c, w, NULL);
    x = graph_batch_norm (g, norm, x, values[0], values[1], values[2], values[3], 1e-5f);
    free (w);
    for (int i = 0; i < 4; i++)
        free (values[i]);
    return x;
}

static int relu (struct graph *g, int x)
{
    return graph_activation (g, "relu", x, (struct activation) { .kind = ACTIVATION_RELU });
}

static void finish (struct graph *g, const struct safetensors *f, const char *name, int x, int classes)
{
    float *w = numbers (f, name, "weight"), *bias = numbers (f, name, "bias");
    x = graph_global_pool (g, "mean", x, POOL_AVERAGE);
    graph_output (g, graph_linear (g, name, x, classes, w, bias));
    free (w);
    free (bias);
}

static void small_by_hand (struct graph *g, const struct safetensors *f)
{
    static const int shifted[7] = { -1, 0, 1, 2, 3, -1, -1 };
    int x = graph_input (g, "input", 3, 9, 9);
    x = relu (g, layer (g, f, "conv1", "bn1", x, (int[4]) { 4, 3, 1, 1 }));
    int y = relu (g, layer (g, f, "layer1.0.conv1", "layer1.0.bn1", x, (int[4]) { 4, 3, 1, 1 }));
    y = layer (g, f, "layer1.0.conv2", "layer1.0.bn2", y, (int[4]) { 4, 3, 1, 1 });
    x = relu (g, graph_add (g, "a", x, y));
    y = relu (g, layer (g, f, "layer2.0.conv1", "layer2.0.bn1", x, (int[4]) { 7, 3, 2, 1 }));
    y = layer (g, f, "layer2.0.conv2", "layer2.0.bn2", y, (int[4]) { 7, 3, 1, 1 });
    struct pick pick = { .channel = shifted, .channels = 7, .height = 5, .width = 5, .step_h = 2, .step_w = 2 };
    x = relu (g, graph_add (g, "b", y, graph_pick (g, "p", x, &pick)));
    finish (g, f, "linear", x, 2);
}

static void grouped_by_hand (struct graph *g, const struct safetensors *f)
{
    struct pool pool = { .kind = POOL_MAX,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1 };
    int x = graph_input (g, "input", 3, 33, 33);
    x = relu (g, layer (g, f, "conv1", "bn1", x, (int[4]) { 4, 7, 2, 1 }));
    x = graph_pool (g, "pool", x, &pool);
    int y = relu (g, layer (g, f, "layer1.0.conv1", "layer1.0.bn1", x, (int[4]) { 4, 1, 1, 1 }));
    y = relu (g, layer (g, f, "layer1.0.conv2", "layer1.0.bn2", y, (int[4]) { 4, 3, 1, 2 }));
    y = layer (g, f, "layer1.0.conv3", "layer1.0.bn3", y, (int[4]) { 8, 1, 1, 1 });
    x = layer (g, f, "layer1.0.downsample.0", "layer1.0.downsample.1", x, (int[4]) { 8, 1, 1, 1 });
    x = relu (g, graph_add (g, "a", y, x));
    y = relu (g, layer (g, f, "layer1.1.conv1", "layer1.1.bn1", x, (int[4]) { 4, 1, 1, 1 }));
    y = relu (g, layer (g, f, "layer1.1.conv2", "layer1.1.bn2", y, (int[4]) { 4, 3, 1, 2 }));
    y = layer (g, f, "layer1.1.conv3", "layer1.1.bn3", y, (int[4]) { 8, 1, 1, 1 });
    x = relu (g, graph_add (g, "b", y, x));
    y = relu (g, layer (g, f, "layer2.0.conv1", "layer2.0.bn1", x, (int[4]) { 8, 1, 1, 1 }));
    y = relu (g, layer (g, f, "layer2.0.conv2", "layer2.0.bn2", y, (int[4]) { 8, 3, 2, 2 }));
    y = layer (g, f, "layer2.0.conv3", "layer2.0.bn3", y, (int[4]) { 16, 1, 1, 1 });
    x = layer (g, f, "layer2.0.downsample.0", "layer2.0.downsample.1", x, (int[4]) { 16, 1, 2, 1 });
    x = relu (g, graph_add (g, "c", y, x));
    finish (g, f, "fc", x, 3);
}

/* The scores of a graph for an input that is always the same; how many there are, at most 1000. */
static int scores (struct graph *g, float *to)
{
    struct error error = { "" };
    struct tensor_info in = graph_tensor (g, 0);
    size_t count = (size_t)in.channels * (size_t)in.height * (size_t)in.width;
    float *input = malloc (count * sizeof *input);
    struct plan *plan = plan_new (g, &(struct plan_options) { .threads = 1 }, &error);
    int classes = 0;
    if (CHECK (plan && input, "no plan: %s", error.text)) {
        unsigned seed = 5;
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525u + 1013904223u;
            input[i] = (float)(seed >> 8) / (1 << 23) - 1;
        }
        plan_run (plan, input);
        classes = plan_output (plan, 0)->channels;
        memcpy (to, plan_output (plan, 0)->data, (size_t)(classes < 1000 ? classes : 1000) * sizeof *to);
    }
    plan_free (plan);
    free (input);
    return classes;
}

/* Whether two graphs say the same: numbers within 1e-5 of the largest. */
static void check_same (const char *what, struct graph *a, struct graph *b)
{
    float left[1000], right[1000];
    int count = scores (a, left), other = scores (b, right);
    double largest = 0, apart = 0;
    for (int i = 0; i < count; i++) {
        largest = fmax (largest, fabsf (left[i]));
        apart = fmax (apart, fabsf (left[i] - right[i]));
    }
    CHECK (count > 0 && count == other && largest > 0.01 && apart <= 1e-5 * largest,
           "%s: %d and %d scores up to %g, %g apart", what, count, other, largest, apart);
}

static void check_network (const char *what, void fill (struct writer *w), const char *dtype, const char *side,
                           void by_hand (struct graph *g, const struct safetensors *f))
{
    static struct writer w;
    char metadata[256];
    snprintf (metadata, sizeof metadata,
              "{\"network\":\"resnet\",\"input_size\":\"%s\",\"labels\":\"cup, small\\nlamp\",\"mean\":\"1,2,3\","
              "\"std\":\"4,5.5,6\",\"channel_order\":\"bgr\",\"activation\":\"relu\"}",
              side);
    w = (struct writer) { .dtype = dtype, .metadata = metadata };
    fill (&w);
    struct error error;
    struct model *model = load (&w, &error);
    if (!CHECK (model, "%s: %s", what, error.text))
        return;
    const struct input_spec *in = model_input (model);
    CHECK (in->given && in->height == atoi (side) && in->width == atoi (side) && in->order == CHANNEL_ORDER_BGR,
           "%s: %d", what, in->height);
    CHECK (in->mean[0] == 1 && in->mean[2] == 3 && in->std[1] == 5.5f, "%s: mean %g, std %g", what, (double)in->mean[0],
           (double)in->std[1]);
    CHECK (!strcmp (model_label (model, 0), "cup, small") && !strcmp (model_label (model, 1), "lamp"), "%s: '%s'", what,
           model_label (model, 0));
    static const char *const names[] = { "conv1",          "bn1",          "relu",           "layer1.0.conv1",
                                         "layer1.0.relu1", "layer2.0.add", "layer2.0.relu2", "avgpool" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CHECK (graph_find (model_graph (model), names[i]) >= 0, "%s: no %s", what, names[i]);
    size_t size;
    unsigned char *bytes = writer_file (&w, &size);
    struct safetensors file;
    struct graph *g = graph_new (NULL);
    if (CHECK (safetensors_open ("x", (const char *)bytes, size, &file, &error), "%s: %s", what, error.text)) {
        by_hand (g, &file);
        if (CHECK (!graph_error (g), "%s: %s", what, graph_error (g)))
            check_same (what, model_graph (model), g);
        safetensors_close (&file);
    }
    graph_unref (g);
    free (bytes);
    model_unref (model);
}

static void check_networks (void)
{
    check_group ("networks");
    check_network ("basic blocks", writer_small, "F32", "9", small_by_hand);
    check_network ("basic blocks, F16", writer_small, "F16", "9", small_by_hand);
    check_network ("basic blocks, BF16", writer_small, "BF16", "9", small_by_hand);
    check_network ("bottlenecks in groups", writer_grouped, "F32", "33", grouped_by_hand);
    check_network ("bottlenecks in groups, F16", writer_grouped, "F16", "33", grouped_by_hand);
}

static void refuse (const struct writer *w, const char *what, const char *says)
{
    struct error error;
    struct model *model = load (w, &error);
    CHECK (!model && strstr (error.text, says) && strstr (error.text, "net.safetensors"), "%s: '%s' without '%s'", what,
           model ? "accepted" : error.text, says);
    model_unref (model);
}

/* A network under other names is the same network. */
static void check_names (void)
{
    static struct writer w;
    static const struct {
        const char *prefix, *head, *bears;
    } names[] = {
        { "module.", NULL, "linear" },
        { "_orig_mod.module.", NULL, "linear" },
        { "backbone.", "head", "head" },
        { "model.", "model.fc.1", "fc.1" },
        { NULL, "last_linear", "last_linear" },
        { NULL, "classifier.1", "classifier.1" },
        { "timm_model.", "timm_model.head", "head" },
    };
    check_group ("names");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error error;
        w = (struct writer) { .metadata = "{\"input_size\":\"9\"}" };
        writer_small (&w);
        struct model *plain = load (&w, &error);
        w = (struct writer) { .metadata = "{\"input_size\":\"9\"}", .prefix = names[i].prefix, .head = names[i].head };
        writer_small (&w);
        struct model *other = load (&w, &error);
        if (CHECK (plain && other, "%s: %s", names[i].bears, error.text)) {
            check_same (names[i].bears, model_graph (plain), model_graph (other));
            CHECK (graph_find (model_graph (other), names[i].bears) >= 0, "no %s", names[i].bears);
            CHECK (graph_find (model_graph (other), "layer1.0.conv1") >= 0, "%s: no layer1.0.conv1", names[i].bears);
        }
        model_unref (plain);
        model_unref (other);
    }
    w = (struct writer) { .prefix = "module." };
    writer_small (&w);
    writer_tensor (&w, "aux.weight", "2,7");
    refuse (&w, "two matrices", "could be the classifier");
    w = (struct writer) { .prefix = "module" };
    writer_small (&w);
    refuse (&w, "a prefix without a dot", "is missing");
}

static const char *const case_names[] = { "fc_named_classifier", "kuangliu_dataparallel", "prefix_module" };

static void check_case_files (void)
{
    check_group ("case files");
    const char *cases = check_cases ();
    if (!cases) {
        SKIP ("no case files");
        return;
    }
    for (size_t i = 0; i < sizeof case_names / sizeof case_names[0]; i++) {
        char file[1100];
        struct error error = { "" };
        struct npy in = { 0 }, expected = { 0 };
        snprintf (file, sizeof file, "%s/22-safetensors-names/%s.safetensors", cases, case_names[i]);
        struct model *model = model_load (file, NULL, &error);
        snprintf (file, sizeof file, "%s/22-safetensors-names/%s.in.npy", cases, case_names[i]);
        bool good = CHECK (model && npy_read (file, &in, &error), "%s", error.text);
        snprintf (file, sizeof file, "%s/22-safetensors-names/%s.ref.npy", cases, case_names[i]);
        good = good && CHECK (npy_read (file, &expected, &error), "%s", error.text) &&
               CHECK (expected.count == (size_t)model_classes (model), "%s: %d classes", file, model_classes (model));
        struct plan *plan = good ? plan_new (model_graph (model), NULL, &error) : NULL;
        double largest = 1, apart = plan ? 0 : INFINITY;
        if (plan)
            plan_run (plan, in.data);
        for (size_t k = 0; plan && k < expected.count; k++) {
            largest = fmax (largest, fabsf (expected.data[k]));
            apart = fmax (apart, fabsf (expected.data[k] - plan_output (plan, 0)->data[k]));
        }
        CHECK (apart <= 1e-5 * largest, "%s: %g apart", case_names[i], apart);
        plan_free (plan);
        npy_clear (&in);
        npy_clear (&expected);
        model_unref (model);
    }
}

/* S27: every tensor missing, under another name, and of another shape with the right number of bytes. */
static void check_wrong_tensors (void fill (struct writer *w))
{
    static struct writer good, w;
    size_t size;
    struct safetensors file;
    struct error error = { "" };
    good = (struct writer) { .dtype = NULL };
    fill (&good);
    unsigned char *bytes = writer_file (&good, &size);
    bool opened = CHECK (safetensors_open ("x", (const char *)bytes, size, &file, &error), "%s", error.text);
    for (size_t i = 0; opened && i < file.count; i++) {
        const char *name = file.list[i].name;
        w = (struct writer) { .left_out = name };
        fill (&w);
        refuse (&w, name, "tensor '");
        w = (struct writer) { .renamed = name };
        fill (&w);
        refuse (&w, name, "tensor '");
        w = (struct writer) { .flattened = name };
        fill (&w);
        if (file.list[i].rank > 1)
            refuse (&w, name, "'");
    }
    if (opened)
        safetensors_close (&file);
    free (bytes);
}

static void check_wrong_networks (void)
{
    static struct writer w;
    static const struct {
        const char *metadata, *says;
    } cases[] = {
        { "{\"network\":\"vgg\"}", "'vgg'" },
        { "{\"network\":\"resnest\"}", "'resnest', which is not known" },
        { "{\"epsilon\":\"0\"}", "'0'" },
        { "{\"epsilon\":\"nan\"}", "'nan'" },
        { "{\"epsilon\":\"1e-3x\"}", "'1e-3x'" },
        { "{\"padding\":\"valid\"}", "'valid'" },
        { "{\"input_size\":\"-3\"}", "'-3'" },
        { "{\"input_size\":\"99999999999999999999999\"}", "input_size" },
        { "{\"input_size\":\"128x128\"}", "'128x128'" },
        { "{\"activation\":\"softsign\"}", "'softsign'" },
        { "{\"mean\":\"1,2\"}", "'1,2'" },
        { "{\"mean\":\"1,2,nan\"}", "three numbers" },
        { "{\"std\":\"1,2,0\"}", "three positive numbers" },
        { "{\"channel_order\":\"brg\"}", "'brg'" },
    };
    check_group ("wrong networks");
    check_wrong_tensors (writer_small);
    check_wrong_tensors (writer_grouped);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        w = (struct writer) { .metadata = cases[i].metadata };
        writer_small (&w);
        refuse (&w, cases[i].metadata, cases[i].says);
    }
    w = (struct writer) { .dtype = "F32" };
    writer_tensor (&w, "vit.cls", "4");
    refuse (&w, "another architecture", "called as those of no network");
    w = (struct writer) { .dtype = "F32" };
    writer_small (&w);
    writer_tensor (&w, "bn1.num_batches_tracked", "1");
    struct error error;
    struct model *model = load (&w, &error);
    CHECK (model && model_input (model)->width == 32 && !model_input (model)->given, "num_batches_tracked: %s",
           error.text);
    model_unref (model);
}

/* ---- damage ----------------------------------------------------------------------------------------------------- */

/* A file with such bytes yields a model or one error that names it. */
static void check_any (const char *what, size_t where, const unsigned char *bytes, size_t size, bool may_load)
{
    struct error error = { "" };
    struct model *model = write_bytes (bytes, size) ? model_load (path, NULL, &error) : NULL;
    CHECK (model ? may_load : strstr (error.text, "net.safetensors") != NULL, "%s %zu: '%s'", what, where,
           model ? "accepted" : error.text);
    model_unref (model);
}

static void check_damage (void)
{
    static struct writer w;
    size_t size;
    check_group ("damage");
    w = (struct writer) { .dtype = "F16", .metadata = "{\"input_size\":\"9\",\"mean\":\"1,2,3\"}" };
    writer_small (&w);
    unsigned char *bytes = writer_file (&w, &size);
    for (size_t end = 0; end < size; end++)
        check_any ("cut at", end, bytes, end, false);
    for (size_t bit = 0; bit < 8 * (size - w.data_used); bit += 3) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        check_any ("bit", bit, bytes, size, true);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    memset (bytes + size - w.data_used, 0xff, w.data_used); /* S28: every number is NaN */
    check_any ("not a number", 0, bytes, size, true);
    free (bytes);
}

static void check_memory (void)
{
    static struct writer w;
    struct error error;
    check_group ("memory short");
    if (!allocations_counted ()) {
        SKIP ("allocations cannot be made to fail in this build");
        return;
    }
    w = (struct writer) { .metadata = "{\"input_size\":\"9\",\"labels\":\"one\\ntwo\"}" };
    writer_grouped (&w);
    model_unref (load (&w, &error));
    for (long good = 0; CHECK (good < 100000, "there is no end of allocations"); good++) {
        error = (struct error) { "" };
        allocations_fail_after (good);
        struct model *model = model_load (path, NULL, &error);
        bool failed = allocations_heal ();
        CHECK (model ? graph_tensors (model_graph (model)) > 10 : strstr (error.text, "net.safetensors") != NULL,
               "allocation %ld fails: '%s'", good, error.text);
        model_unref (model);
        if (!failed) {
            CHECK (model && good > 100, "with all of %ld allocations: %s", good, error.text);
            return;
        }
    }
}

/* ---- real networks ---------------------------------------------------------------------------------------------- */

/* The same network, exported by PyTorch as ONNX and as safetensors. */
static void check_real (void)
{
    char onnx[512], safe[512];
    struct error error = { "" };
    check_group ("CIFAR-10");
    if (!check_data ()) {
        SKIP ("no shared data");
        return;
    }
    snprintf (onnx, sizeof onnx, "%s/models/resnet20_cifar10.onnx", check_data ());
    snprintf (safe, sizeof safe, "%s/models/resnet20_cifar10.safetensors", check_data ());
    struct model *left = model_load (onnx, NULL, &error), *right = model_load (safe, NULL, &error);
    if (CHECK (left && right, "%s", error.text))
        check_same ("ONNX and safetensors", model_graph (left), model_graph (right));
    model_unref (left);
    model_unref (right);
    snprintf (safe, sizeof safe, "%s/models/resnet56_cifar10.safetensors", check_data ());
    right = model_load (safe, NULL, &error);
    CHECK (right && model_classes (right) == 10 && model_input (right)->width == 32, "%s", error.text);
    model_unref (right);
}

static void check_bundled (void)
{
    struct error error = { "" };
    check_group ("bundled");
    struct model *model = model_load (NULL, NULL, &error);
#ifdef BUNDLED_NETWORK
    if (CHECK (model, "%s", error.text)) {
        CHECK (!strcmp (model_path (model), "(bundled)") && model_input (model)->given, "'%s'", model_path (model));
        CHECK (!strcmp (model_label (model, 0), "background") && model_classes (model) == 102, "'%s' of %d",
               model_label (model, 0), model_classes (model));
        struct model *again = model_load (NULL, NULL, &error);
        CHECK (again, "a second time: %s", error.text);
        model_unref (again);
    }
#else
    CHECK (!model && strstr (error.text, "bundled"), "'%s'", error.text);
#endif
    model_unref (model);
}

int main (void)
{
    if (!mkdtemp (folder))
        return EXIT_FAILURE;
    snprintf (path, sizeof path, "%s/net.safetensors", folder);
    check_headers ();
    check_bombs ();
    check_floats ();
    check_networks ();
    check_names ();
    check_case_files ();
    check_wrong_networks ();
    check_damage ();
    check_memory ();
    check_real ();
    check_bundled ();
    remove (path);
    rmdir (folder);
    return check_end ();
}
