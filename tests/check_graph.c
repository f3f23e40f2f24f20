/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_graph.c: building graphs: hostile parameters, limits, short memory, shapes and the questions one can ask. */
#include "engine/node.h"
#include "engine/receptive_field.h"
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- hostile parameters -------------------------------------------------------------------------------------- */

static float many[64 * 1024]; /* weights enough for every small call below */

/* Tensor 0 is the input, 6x8x8, and tensor 1 a vector of 6. */
static struct graph *fresh (void)
{
    struct graph *g = graph_new (NULL);
    graph_input (g, "input", 6, 8, 8);
    graph_global_pool (g, "vector", 0, POOL_AVERAGE);
    return g;
}

/* The call gave -1, an error that contains `expect`, and left the graph unusable but whole. */
static void refused (struct graph *g, int id, const char *expect, const char *call)
{
    const char *error = graph_error (g);
    CHECK (id == -1, "%s: returned %d", call, id);
    if (CHECK (error != NULL, "%s: no error", call))
        CHECK (strstr (error, expect) != NULL, "%s: error \"%s\" does not say \"%s\"", call, error, expect);
    CHECK (graph_tensors (g) == 2, "%s: %d tensors", call, graph_tensors (g));
    char first[600];
    snprintf (first, sizeof first, "%s", error ? error : "");
    CHECK (graph_affine (g, "later", 0, NULL, NULL) == -1, "%s: the graph went on", call);
    CHECK (graph_conv (g, "later", -1, NULL, NULL, NULL) == -1, "%s: the graph went on", call);
    CHECK (graph_output (g, 0) == -1, "%s: the graph went on", call);
    error = graph_error (g);
    CHECK (error && !strcmp (first, error), "%s: the first error is lost: %s", call, error);
    graph_unref (g);
}

#define BAD(expect, call)                                                                                              \
    do {                                                                                                               \
        struct graph *g = fresh ();                                                                                    \
        int id = call;                                                                                                 \
        refused (g, id, expect, #call);                                                                                \
    } while (0)
#define BAD_CONV(expect, ...) BAD (expect, graph_conv (g, "bad", 0, &(struct conv) { __VA_ARGS__ }, many, NULL))
#define BAD_POOL(expect, ...) BAD (expect, graph_pool (g, "bad", 0, &(struct pool) { __VA_ARGS__ }))
#define BAD_PICK(expect, ...) BAD (expect, graph_pick (g, "bad", 0, &(struct pick) { __VA_ARGS__ }))

static void check_bad_inputs (void)
{
    check_group ("bad inputs");
    BAD ("input 'again'", graph_input (g, "again", 3, 8, 8));
    BAD ("tensor 2, but there are only 2", graph_affine (g, "bad", 2, NULL, NULL));
    BAD ("tensor -1,", graph_affine (g, "bad", -1, NULL, NULL));
    BAD ("tensor -2147483648,", graph_softmax (g, "bad", INT_MIN));
    BAD ("tensor 2147483647,", graph_activation (g, "bad", INT_MAX, (struct activation) { 0 }));
    BAD ("batch-norm 'bad'", graph_batch_norm (g, "bad", 9, many, many, many, many, 1));
    BAD ("tensor 9", graph_prelu (g, "bad", 9, many));
    BAD ("tensor 9", graph_linear (g, "bad", 9, 1, many, NULL));
    BAD ("tensor 9", graph_pool (g, "bad", 9, &(struct pool) { .kernel_h = 1, .kernel_w = 1 }));
    BAD ("tensor 9", graph_global_pool (g, "bad", 9, POOL_MAX));
    BAD ("add 'bad': its input is tensor 9", graph_add (g, "bad", 0, 9));
    BAD ("tensor 9", graph_mul (g, "bad", 9, 0));
    BAD ("tensor 9", graph_concat (g, "bad", (int[]) { 0, 9 }, 2));
    BAD ("tensor 9", graph_pick (g, "bad", 9, &(struct pick) { .channels = 1 }));
    BAD ("tensor 9", graph_reshape (g, "bad", 9, 1, 1, 1));
    BAD ("tensor 9", graph_output (g, 9));
    static const int sizes[][3] = { { 0, 1, 1 },
                                    { 1, 0, 1 },
                                    { 1, 1, 0 },
                                    { -1, 1, 1 },
                                    { 1, -1, -1 },
                                    { INT_MIN, 1, 1 },
                                    { INT_MAX, 1, 1 },
                                    { 1, INT_MAX, INT_MAX },
                                    { 65536, 65536, 65536 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct graph *g = graph_new (NULL);
        int id = graph_input (g, "input", sizes[i][0], sizes[i][1], sizes[i][2]);
        CHECK (id == -1 && graph_error (g), "input %dx%dx%d", sizes[i][0], sizes[i][1], sizes[i][2]);
        graph_unref (g);
    }
    struct graph *g = graph_new (NULL);
    CHECK (graph_affine (g, "first", 0, NULL, NULL) == -1 && graph_error (g), "an operation before the input");
    graph_unref (g);
    CHECK (graph_input (NULL, "", 1, 1, 1) == -1 && graph_error (NULL), "no graph");
    CHECK (graph_conv (NULL, "", 0, NULL, NULL, NULL) == -1 && graph_add (NULL, "", 0, 0) == -1, "no graph");
    CHECK (graph_concat (NULL, "", NULL, 0) == -1 && graph_output (NULL, 0) == -1, "no graph");
    CHECK (!graph_tensors (NULL) && graph_find (NULL, "x") == -1 && !graph_ref (NULL), "no graph");
    graph_unref (NULL);
    graph_drop_weights (NULL);
}

static void check_bad_convolutions (void)
{
    check_group ("bad convolutions");
    BAD ("no parameters", graph_conv (g, "bad", 0, NULL, many, NULL));
    BAD ("no weights",
         graph_conv (g, "bad", 0, &(struct conv) { .out_channels = 1, .kernel_h = 1, .kernel_w = 1 }, NULL, many));
    BAD_CONV ("kernel is 0x0", .out_channels = 1);
    BAD_CONV ("kernel is 3x-1", .out_channels = 1, .kernel_h = 3, .kernel_w = -1);
    BAD_CONV ("kernel height 2147483647", .out_channels = 1, .kernel_h = INT_MAX, .kernel_w = 1);
    BAD_CONV ("0 output channels", .kernel_h = 1, .kernel_w = 1);
    BAD_CONV ("-5 output channels", .out_channels = -5, .kernel_h = 1, .kernel_w = 1);
    BAD_CONV ("limit of", .out_channels = INT_MAX, .kernel_h = 1, .kernel_w = 1);
    BAD_CONV ("stride -1", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .stride_h = -1);
    BAD_CONV ("horizontal stride 2147483647", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .stride_w = INT_MAX);
    BAD_CONV ("vertical dilation -2", .out_channels = 1, .kernel_h = 2, .kernel_w = 2, .dilation_h = -2);
    BAD_CONV ("dilation 2147483647", .out_channels = 1, .kernel_h = 2, .kernel_w = 2, .dilation_w = INT_MAX);
    BAD_CONV ("top padding -1", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .pad_top = -1);
    BAD_CONV ("left padding 2147483647", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .pad_left = INT_MAX);
    BAD_CONV ("bottom padding -2147483648", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .pad_bottom = INT_MIN);
    BAD_CONV ("right padding 40000", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .pad_right = 40000);
    BAD_CONV ("padded input", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .pad_top = 30000, .pad_left = 30000);
    BAD_CONV ("window of 9x1 is larger than the padded input of 8x8", .out_channels = 1, .kernel_h = 9, .kernel_w = 1);
    BAD_CONV ("window of 3x10", .out_channels = 1, .kernel_h = 3, .kernel_w = 4, .dilation_w = 3, .pad_left = 1);
    BAD_CONV ("6 input channels are not divisible by 4 groups", .out_channels = 4, .kernel_h = 1, .kernel_w = 1,
              .groups = 4);
    BAD_CONV ("5 output channels are not divisible by 3 groups", .out_channels = 5, .kernel_h = 1, .kernel_w = 1,
              .groups = 3);
    BAD_CONV ("-1 groups", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .groups = -1);
    BAD_CONV ("2147483647 groups", .out_channels = 1, .kernel_h = 1, .kernel_w = 1, .groups = INT_MAX);
    BAD ("not a vector", graph_linear (g, "bad", 0, 3, many, NULL));
    BAD ("no weights", graph_linear (g, "bad", 1, 3, NULL, NULL));
    BAD ("linear 'bad': 0 output", graph_linear (g, "bad", 1, 0, many, NULL));
    BAD ("-1 output", graph_linear (g, "bad", 1, -1, many, NULL));
    BAD ("limit of", graph_linear (g, "bad", 1, INT_MAX, many, NULL));
}

static void check_bad_elementwise (void)
{
    check_group ("bad element-wise operations");
    BAD ("no scale", graph_batch_norm (g, "bad", 0, NULL, many, many, many, 1));
    BAD ("no scale", graph_batch_norm (g, "bad", 0, many, NULL, many, many, 1));
    BAD ("no scale", graph_batch_norm (g, "bad", 0, many, many, NULL, many, 1));
    BAD ("no scale", graph_batch_norm (g, "bad", 0, many, many, many, NULL, 1));
    const float variance[6] = { 1, 1, 1, -0.5f, 1, 1 };
    BAD ("variance + epsilon of channel 3 is -0.25", graph_batch_norm (g, "bad", 0, many, many, many, variance, 0.25f));
    BAD ("channel 0 is 0", graph_batch_norm (g, "bad", 0, many, many, many, many, 0));
    BAD ("activation number -1",
         graph_activation (g, "bad", 0, (struct activation) { .kind = (enum activation_kind) - 1 }));
    BAD ("there is no activation number ",
         graph_activation (g, "bad", 0, (struct activation) { .kind = ACTIVATION_KINDS }));
    BAD ("one slope per channel", graph_activation (g, "bad", 0, (struct activation) { .kind = ACTIVATION_PRELU }));
    BAD ("no slopes", graph_prelu (g, "bad", 0, NULL));
    BAD ("concat 'bad'", graph_concat (g, "bad", NULL, 2));
    BAD ("no inputs (0)", graph_concat (g, "bad", (int[]) { 0 }, 0));
    BAD ("no inputs (-3)", graph_concat (g, "bad", (int[]) { 0 }, -3));
    BAD ("input 1 is 1x1, the first one is 8x8", graph_concat (g, "bad", (int[]) { 0, 1 }, 2));
    BAD ("6x8x8 cannot become 6x8x7", graph_reshape (g, "bad", 0, 6, 8, 7));
    BAD ("cannot become", graph_reshape (g, "bad", 0, -6, -8, 8));
    BAD ("cannot become", graph_reshape (g, "bad", 0, 0, 0, 0));
    BAD ("cannot become", graph_reshape (g, "bad", 0, INT_MAX, INT_MAX, INT_MAX));
    BAD ("cannot become", graph_reshape (g, "bad", 0, INT_MIN, INT_MIN, 1));
}

static void check_bad_windows (void)
{
    check_group ("bad pools and picks");
    BAD ("no parameters", graph_pool (g, "bad", 0, NULL));
    BAD_POOL ("pooling number 7", .kind = (enum pool_kind)7, .kernel_h = 1, .kernel_w = 1);
    BAD ("pooling number -1", graph_global_pool (g, "bad", 0, (enum pool_kind) - 1));
    BAD_POOL ("kernel is 0x0", .kind = POOL_MAX);
    BAD_POOL ("kernel is -2x2", .kernel_h = -2, .kernel_w = 2);
    BAD_POOL ("kernel width 2147483647", .kernel_h = 1, .kernel_w = INT_MAX);
    BAD_POOL ("vertical stride -1", .kernel_h = 2, .kernel_w = 2, .stride_h = -1);
    BAD_POOL ("horizontal stride 2147483647", .kernel_h = 2, .kernel_w = 2, .stride_w = INT_MAX);
    BAD_POOL ("dilation 9x1 is larger than the input", .kind = POOL_MAX, .kernel_h = 1, .kernel_w = 1, .dilation_h = 9);
    BAD_POOL ("padding -1", .kernel_h = 2, .kernel_w = 2, .pad_bottom = -1);
    BAD_POOL ("padding 2 is not smaller than the window of 2x2", .kernel_h = 2, .kernel_w = 2, .pad_right = 2);
    BAD_POOL ("padding 2147483647", .kernel_h = 2, .kernel_w = 2, .pad_top = INT_MAX);
    BAD_POOL ("larger than the padded input of 8x8", .kernel_h = 9, .kernel_w = 1);
    BAD_POOL ("larger than the padded input", .kernel_h = 1, .kernel_w = 10, .stride_w = 2, .ceil_mode = true);
    BAD ("no parameters", graph_pick (g, "bad", 0, NULL));
    BAD_PICK ("5 channels", .channels = 5, .height = 1, .width = 1, .step_h = 1, .step_w = 1);
    BAD_PICK ("channel 6 of its input's 6", .channel = (int[]) { 6 }, .channels = 1, .height = 1, .width = 1,
              .step_h = 1, .step_w = 1);
    BAD_PICK ("channel -2", .channel = (int[]) { -2 }, .channels = 1, .height = 1, .width = 1, .step_h = 1,
              .step_w = 1);
    BAD_PICK ("output would be 0x1x1", .channel = (int[]) { 0 }, .height = 1, .width = 1, .step_h = 1, .step_w = 1);
    BAD_PICK ("output would be -1x1x1", .channel = (int[]) { 0 }, .channels = -1, .height = 1, .width = 1, .step_h = 1,
              .step_w = 1);
    BAD_PICK ("cannot pick 0", .channels = 6, .width = 1, .step_h = 1, .step_w = 1);
    BAD_PICK ("cannot pick -1", .channels = 6, .height = 1, .width = -1, .step_h = 1, .step_w = 1);
    BAD_PICK ("in steps of 0", .channels = 6, .height = 1, .width = 1, .step_w = 1);
    BAD_PICK ("in steps of -1", .channels = 6, .height = 1, .width = 1, .step_h = 1, .step_w = -1);
    BAD_PICK ("from -2147483648", .channels = 6, .height = 1, .width = 1, .top = INT_MIN, .step_h = 1, .step_w = 1);
    BAD_PICK ("from 2147483647", .channels = 6, .height = 1, .width = 1, .left = INT_MAX, .step_h = 1, .step_w = 1);
    BAD_PICK ("in steps of 32768", .channels = 6, .height = INT_MAX, .width = 1, .step_h = 32768, .step_w = 1);
    BAD_PICK ("larger than the limit", .channels = 6, .height = 1 << 29, .width = 1 << 29, .step_h = 1, .step_w = 1);
}

/* ---- limits and memory --------------------------------------------------------------------------------------- */

static const struct conv three = { .out_channels = 6, .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_bottom = 1 };

/* With this limit the first call of `count` fits and one of the next does not. */
static void limited (const char *name, struct graph_limits limits, const char *expect)
{
    struct graph *g = graph_new (&limits);
    int x = graph_input (g, "input", 6, 8, 8), made = 0;
    CHECK (x == 0, "%s: %s", name, graph_error (g));
    while (x >= 0 && made < 100) {
        x = graph_conv (g, NULL, 0, &three, many, many);
        made++;
    }
    CHECK (made > 1 && made < 100, "%s: stopped after %d", name, made);
    CHECK (graph_error (g) && strstr (graph_error (g), expect), "%s: %s", name, graph_error (g));
    graph_unref (g);
}

static void check_limits (void)
{
    check_group ("limits");
    limited ("weights", (struct graph_limits) { .weight_bytes = 5 * (6 * 6 * 9 + 6) * 4 + 100 }, "total to");
    limited ("multiply-accumulates", (struct graph_limits) { .macs = 100000 },
             "multiply-accumulates, the limit is 100000");
    limited ("nodes", (struct graph_limits) { .nodes = 7 }, "7 nodes already");
    struct graph *g = graph_new (&(struct graph_limits) { .tensor_bytes = 16 * 64 * 4 });
    CHECK (graph_input (g, "input", 16, 8, 8) == 0, "%s", graph_error (g));
    CHECK (graph_concat (g, "two", (int[]) { 0, 0 }, 2) == -1, "a tensor over the limit");
    CHECK (strstr (graph_error (g), "32x8x8, is larger than the limit of 4096 bytes") != NULL, "%s", graph_error (g));
    graph_unref (g);
    g = fresh ();
    int x = 0;
    for (int i = 0; i < 19998; i++)
        x = graph_affine (g, NULL, x, NULL, NULL);
    CHECK (x == 19999, "20000 nodes: %d, %s", x, graph_error (g));
    CHECK (graph_affine (g, NULL, x, NULL, NULL) == -1, "the default limit of nodes");
    graph_unref (g);
    /* Doubling 40 times would need more than any machine has: refused long before, by arithmetic alone. */
    allocations_start ();
    g = fresh ();
    for (int i = 0; i < 40; i++)
        x = graph_concat (g, NULL, (int[]) { graph_tensors (g) - 1, graph_tensors (g) - 1 }, 2);
    CHECK (x == -1 && strstr (graph_error (g), "larger than the limit"), "%s", graph_error (g));
    graph_unref (g);
    g = fresh ();
    struct conv wide = { .out_channels = 1 << 23, .kernel_h = 8, .kernel_w = 8 };
    x = graph_conv (g, "wide", 0, &wide, many, NULL); /* 12 GB of weights that `many` has not */
    CHECK (x == -1 && strstr (graph_error (g), "bring the total to 128849018"), "%s", graph_error (g));
    graph_unref (g);
    if (allocations_counted ())
        CHECK (allocations_largest () < 1 << 20, "asked for %zu bytes", allocations_largest ());
}

/* Every kind of node, so that every allocation is made. */
static struct graph *build_everything (void)
{
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "input", 6, 8, 8);
    x = graph_conv (g, "conv", x, &three, many, many);
    x = graph_batch_norm (g, "norm", x, many, many, many, many, 1);
    x = graph_affine (g, NULL, x, many, NULL);
    x = graph_activation (g, "relu", x, (struct activation) { .kind = ACTIVATION_RELU });
    x = graph_prelu (g, "prelu", x, many);
    x = graph_add (g, "add", x, graph_mul (g, "mul", x, x));
    x = graph_concat (g, "concat", (int[]) { x, x, x }, 3);
    x = graph_pick (g, "pick", x, &(struct pick) { .channels = 18, .height = 2, .width = 2, .step_h = 1, .step_w = 1 });
    x = graph_pool (g, "pool", x, &(struct pool) { .kernel_h = 1, .kernel_w = 1 });
    x = graph_global_pool (g, "global", x, POOL_MAX);
    x = graph_reshape (g, "reshape", x, 3, 6, 1);
    x = graph_reshape (g, "reshape", x, 18, 1, 1);
    x = graph_linear (g, "linear", x, 5, many, many);
    graph_output (g, graph_softmax (g, "softmax", x));
    return g;
}

/* What does not fit 64 bits is more than any limit. */
static void check_arithmetic (void)
{
    check_group ("checked arithmetic");
    const uint64_t half = UINT64_C (1) << 32;
    CHECK (checked_sum (UINT64_MAX - 5, 5) == UINT64_MAX && checked_sum (2, 3) == 5, "sums that fit");
    CHECK (checked_sum (UINT64_MAX - 5, 7) == UINT64_MAX, "a sum that does not: %d",
           (int)checked_sum (UINT64_MAX - 5, 7));
    CHECK (checked_product (2, 3, 5, 7) == 210, "a product that fits");
    for (int i = 1; i < 4; i++) { /* in each of the three multiplications */
        uint64_t f[4] = { half, 1, 1, 1 };
        f[i] = half;
        CHECK (checked_product (f[0], f[1], f[2], f[3]) == UINT64_MAX, "a product that does not, factor %d", i);
        f[i]--;
        CHECK (checked_product (f[0], f[1], f[2], f[3]) == half * (half - 1), "factor %d", i);
    }
}

static void check_short_memory (void)
{
    check_group ("short memory");
    if (!allocations_counted ()) {
        SKIP ("allocations are not counted under sanitizers or without glibc");
        return;
    }
    bool failed = true;
    for (long good = 0; failed && good < 1000; good++) {
        allocations_fail_after (good);
        struct graph *g = build_everything ();
        failed = allocations_heal ();
        if (failed)
            CHECK (graph_error (g) && strstr (graph_error (g), "out of memory"), "after %ld: %s", good,
                   graph_error (g));
        else
            CHECK (!graph_error (g) && graph_outputs (g) == 1, "after %ld: %s", good, graph_error (g));
        graph_unref (g);
    }
    CHECK (!failed, "still failing");
}

/* ---- shapes -------------------------------------------------------------------------------------------------- */

static void random_shapes (struct builder *b)
{
    int channels = random_int (b, 1, 5), height = random_int (b, 1, 20), width = random_int (b, 1, 20);
    int kh = random_int (b, 1, 5), kw = random_int (b, 1, 5), sh = random_int (b, 1, 4), sw = random_int (b, 1, 4);
    int dh = random_int (b, 1, 3), dw = random_int (b, 1, 3), tall = dh * (kh - 1) + 1, broad = dw * (kw - 1) + 1;
    int top = random_int (b, 0, tall - 1), left = random_int (b, 0, broad - 1);
    int bottom = random_int (b, 0, tall - 1), right = random_int (b, 0, broad - 1);
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "input", channels, height, width);
    int rows = reference_extent (height, top, bottom, kh, dh, sh, false);
    int columns = reference_extent (width, left, right, kw, dw, sw, false);
    struct conv conv = { 4, kh, kw, sh, sw, dh, dw, top, left, bottom, right, 1 };
    struct tensor_info made = graph_tensor (g, graph_conv (g, "conv", x, &conv, many, NULL));
    bool possible = rows > 0 && columns > 0;
    CHECK (possible == !graph_error (g), "%dx%d: %s", height, width, graph_error (g));
    CHECK (!possible || (made.channels == 4 && made.height == rows && made.width == columns), "conv %dx%d not %dx%d",
           made.height, made.width, rows, columns);
    CHECK (!possible || made.macs == (uint64_t)(4 * channels * kh * kw * rows * columns), "macs");
    graph_unref (g);
    g = graph_new (NULL);
    x = graph_input (g, "input", channels, height, width);
    bool ceil_mode = random_int (b, 0, 1);
    rows = reference_extent (height, top, bottom, kh, dh, sh, ceil_mode);
    columns = reference_extent (width, left, right, kw, dw, sw, ceil_mode);
    struct pool pool = { POOL_MAX, kh, kw, sh, sw, dh, dw, top, left, bottom, right, ceil_mode, false };
    made = graph_tensor (g, graph_pool (g, "pool", x, &pool));
    possible = rows > 0 && columns > 0 && dh <= height && dw <= width;
    CHECK (possible == !graph_error (g), "pool of %dx%d: %s", height, width, graph_error (g));
    CHECK (!possible || (made.channels == channels && made.height == rows && made.width == columns),
           "pool %dx%d not %dx%d", made.height, made.width, rows, columns);
    graph_unref (g);
}

/* PyTorch's and ONNX's published examples of ceil mode, and what a person works out on paper. */
static void known_shapes (void)
{
    CHECK (reference_extent (112, 0, 0, 3, 1, 2, true) == 56, "squeezenet's pool");
    CHECK (reference_extent (112, 0, 0, 3, 1, 2, false) == 55, "the same rounded down");
    CHECK (reference_extent (4, 0, 0, 3, 1, 2, true) == 2, "ONNX maxpool_2d_ceil");
    CHECK (reference_extent (2, 0, 0, 1, 1, 2, true) == 1, "ONNX ceil_output_size_reduce_by_one");
    CHECK (reference_extent (3, 1, 1, 2, 1, 3, true) == 2, "a window over the end");
    CHECK (reference_extent (224, 3, 3, 7, 1, 2, false) == 112, "resnet's stem");
}

static void pair_shape (const int a[3], const int b[3], bool fits)
{
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "input", 4, 8, 8);
    struct pick pick = { .channel = (int[8]) { 0 }, .step_h = 1, .step_w = 1 };
    pick.channels = a[0], pick.height = a[1], pick.width = a[2];
    int left = graph_pick (g, "a", x, &pick);
    pick.channels = b[0], pick.height = b[1], pick.width = b[2];
    int right = graph_pick (g, "b", x, &pick);
    for (int i = 0; i < 4; i++) {
        int made = i < 2 ? graph_add (g, NULL, i % 2 ? left : right, i % 2 ? right : left)
                         : graph_mul (g, NULL, i % 2 ? left : right, i % 2 ? right : left);
        struct tensor_info info = graph_tensor (g, made);
        CHECK (fits == (made >= 0), "%dx%dx%d and %dx%dx%d: %s", a[0], a[1], a[2], b[0], b[1], b[2], graph_error (g));
        CHECK (!fits || (info.channels == a[0] && info.height == a[1] && info.width == a[2]), "became %dx%dx%d",
               info.channels, info.height, info.width);
    }
    CHECK (fits || strstr (graph_error (g), "do not fit together"), "%s", graph_error (g));
    graph_unref (g);
}

static void check_shapes (void)
{
    check_group ("shapes");
    known_shapes ();
    struct builder b = builder_new (1, 1, 1, 1);
    for (int i = 0; i < 2000; i++)
        random_shapes (&b);
    graph_unref (b.g);
    static const int pairs[][2][3] = { { { 4, 5, 6 }, { 4, 5, 6 } }, { { 4, 5, 6 }, { 4, 1, 1 } },
                                       { { 4, 5, 6 }, { 1, 5, 6 } }, { { 4, 5, 6 }, { 1, 1, 1 } },
                                       { { 4, 1, 6 }, { 4, 1, 1 } }, { { 4, 1, 1 }, { 1, 1, 1 } },
                                       { { 1, 5, 6 }, { 1, 1, 1 } } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        pair_shape (pairs[i][0], pairs[i][1], true);
    static const int misfits[][2][3] = { { { 4, 5, 6 }, { 3, 5, 6 } }, { { 4, 5, 6 }, { 4, 5, 1 } },
                                         { { 4, 5, 6 }, { 4, 1, 6 } }, { { 4, 1, 1 }, { 1, 5, 6 } },
                                         { { 4, 5, 6 }, { 2, 1, 1 } }, { { 4, 5, 6 }, { 4, 6, 5 } } };
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++)
        pair_shape (misfits[i][0], misfits[i][1], false);
}

/* ---- questions ----------------------------------------------------------------------------------------------- */

static void check_questions (void)
{
    check_group ("questions");
    many[0] = 0.5f;
    struct graph *g = build_everything ();
    many[0] = 0; /* arrays are copied */
    CHECK (!graph_error (g) && graph_tensors (g) == 16, "%d, %s", graph_tensors (g), graph_error (g));
    CHECK (graph_find (g, "input") == 0 && graph_find (g, "conv") == 1, "names");
    CHECK (graph_find (g, "reshape") == 13, "the last of two tensors of one name: %d", graph_find (g, "reshape"));
    CHECK (graph_find (g, "nobody") == -1 && graph_find (g, NULL) == -1, "a name that is not there");
    CHECK (!strcmp (graph_tensor (g, 3).name, "affine-3"), "a name made up: %s", graph_tensor (g, 3).name);
    static const char *const operations[16] = { "input",      "conv",       "batch-norm", "affine",
                                                "activation", "activation", "mul",        "add",
                                                "concat",     "pick",       "max-pool",   "global-max-pool",
                                                "reshape",    "reshape",    "linear",     "softmax" };
    for (int i = 0; i < 16; i++)
        CHECK (!strcmp (graph_tensor (g, i).operation, operations[i]), "%d: %s", i, graph_tensor (g, i).operation);
    struct tensor_info add = graph_tensor (g, graph_find (g, "add"));
    CHECK (add.inputs[0] == 5 && add.inputs[1] == 6, "inputs %d %d", add.inputs[0], add.inputs[1]);
    CHECK (graph_tensor (g, 0).inputs[0] == -1 && graph_tensor (g, 2).inputs[1] == -1, "no inputs");
    CHECK (graph_tensor (g, 4).activation.kind == ACTIVATION_RELU, "kind");
    CHECK (graph_tensor (g, 5).activation.kind == ACTIVATION_PRELU, "kind");
    CHECK (graph_tensor (g, 99).inputs[0] == -1 && graph_tensor (g, -1).name[0] == 0, "a tensor that is not there");
    CHECK (graph_outputs (g) == 1 && graph_output_id (g, 0) == 15, "outputs");
    CHECK (graph_output_id (g, 1) == -1 && graph_output_id (g, -1) == -1, "an output that is not there");
    CHECK (g->nodes[1].u.conv.weights[0] == 0.5f && g->nodes[1].u.conv.shape.stride_h == 1, "weights and defaults");
    CHECK (graph_ref (g) == g, "ref");
    graph_unref (g);
    graph_drop_weights (g);
    graph_drop_weights (g);
    CHECK (!g->nodes[1].u.conv.weights && g->nodes[1].u.conv.bias && g->nodes[2].u.affine.scale, "only these go");
    graph_unref (g);
    for (int i = 0; i < ACTIVATION_KINDS; i++)
        CHECK (activation_name ((enum activation_kind)i) != NULL, "%d has no name", i);
    CHECK (!strcmp (activation_name (ACTIVATION_GELU_TANH), "gelu-tanh"), "name");
    CHECK (!activation_name ((enum activation_kind) - 1) && !activation_name (ACTIVATION_KINDS), "no such activation");
    char name[2000];
    memset (name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    g = fresh ();
    graph_reshape (g, name, 0, 1, 1, 1);
    CHECK (strstr (graph_error (g), "cannot become 1x1x1") != NULL, "a long name hides the reason: %s",
           graph_error (g));
    graph_unref (g);
}

/* What it does to a channel, by the definition. */
static void check_batch_norm (void)
{
    check_group ("batch norm");
    struct graph *g = graph_new (NULL);
    const float scale[2] = { 2, -0.5f }, shift[2] = { 1, 0.25f }, mean[2] = { 3, -1 }, variance[2] = { 0.25f, 8.5f };
    int id = graph_input (g, "input", 2, 1, 1);
    id = graph_batch_norm (g, NULL, id, scale, shift, mean, variance, 0.5f);
    for (int c = 0; c < 2; c++) {
        double a = 0, b = 0, factor = (double)scale[c] / sqrt ((double)variance[c] + 0.5);
        CHECK (graph_scale (g, id, c, &a, &b), "%s", graph_error (g));
        CHECK (fabs (a - factor) < 1e-12, "channel %d: times %g, not %g", c, a, factor);
        CHECK (fabs (b - ((double)shift[c] - (double)mean[c] * factor)) < 1e-12, "channel %d: plus %g", c, b);
    }
    graph_unref (g);
}

/* Against a count of the inputs that reach a pixel: its window's middle. */
static void check_grids (void)
{
    check_group ("grids");
    struct graph *g = graph_new (NULL);
    struct grid grid;
    static const float weights[4 * 4 * 49];
    int x = graph_input (g, "input", 4, 64, 48);
    CHECK (graph_grid (g, x, &grid) && grid.top == 0 && grid.left == 0 && grid.step_x == 1, "of the input");
    struct conv stem = { .out_channels = 4,
                         .kernel_h = 7,
                         .kernel_w = 7,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 3,
                         .pad_left = 3,
                         .pad_bottom = 3,
                         .pad_right = 3 };
    int a = graph_conv (g, "stem", x, &stem, weights, NULL);
    struct pool pool = { POOL_MAX, 3, 3, 2, 2, 1, 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1 };
    int b =
        graph_pool (g, "pool", graph_activation (g, "relu", a, (struct activation) { ACTIVATION_RELU, 0, 0 }), &pool);
    CHECK (graph_grid (g, b, &grid) && grid.top == 0 && grid.left == 0 && grid.step_y == 4 && grid.step_x == 4,
           "padded: %g %g %g %g", grid.top, grid.left, grid.step_y, grid.step_x);
    struct conv bare = { .out_channels = 4, .kernel_h = 3, .kernel_w = 5, .stride_h = 1, .stride_w = 2 };
    int c = graph_conv (g, "bare", b, &bare, weights, NULL); /* windows of 3 rows and 5 columns, 4 pixels apart */
    CHECK (graph_grid (g, c, &grid) && grid.top == 4 && grid.left == 8 && grid.step_y == 4 && grid.step_x == 8,
           "not padded: %g %g %g %g", grid.top, grid.left, grid.step_y, grid.step_x);
    int gate = graph_global_pool (g, "gate", c, POOL_AVERAGE);
    int d = graph_mul (g, "scaled", gate, c);
    CHECK (graph_grid (g, d, &grid) && grid.top == 4 && grid.step_x == 8, "beside what is broadcast");
    CHECK (!graph_grid (g, gate, &grid), "of a vector");
    struct pick pick = { .channels = 4, .height = 4, .width = 2, .top = 1, .left = 2, .step_h = 2, .step_w = 1 };
    int e = graph_pick (g, "crop", c, &pick);
    CHECK (graph_grid (g, e, &grid) && grid.top == 8 && grid.left == 24 && grid.step_y == 8 && grid.step_x == 8,
           "picked: %g %g %g %g", grid.top, grid.left, grid.step_y, grid.step_x);
    CHECK (!graph_grid (g, -1, &grid) && !graph_grid (g, 1000, &grid), "of no tensor");
    CHECK (!graph_error (g), "%s", graph_error (g));
    graph_unref (g);
}

/* ---- receptive fields ------------------------------------------------------------------------------------------- */

static bool field_is (const struct graph *g, int id, struct field of, const int wanted[4])
{
    bool found = graph_receptive_field (g, id, &of);
    return CHECK (found && of.top == wanted[0] && of.left == wanted[1] && of.bottom == wanted[2] &&
                      of.right == wanted[3],
                  "tensor %d: rows %d..%d, columns %d..%d instead of %d..%d, %d..%d", id, of.top, of.bottom, of.left,
                  of.right, wanted[0], wanted[2], wanted[1], wanted[3]);
}

static void check_receptive_fields (void)
{
    check_group ("receptive fields");
    static const float weights[3 * 3 * 7 * 7] = { 0 };
    const struct conv stem = { .out_channels = 3,
                               .kernel_h = 7,
                               .kernel_w = 7,
                               .stride_h = 2,
                               .stride_w = 2,
                               .pad_top = 3,
                               .pad_left = 3,
                               .pad_bottom = 3,
                               .pad_right = 3 };
    const struct conv wide = {
        .out_channels = 3, .kernel_h = 3, .kernel_w = 1, .dilation_h = 2, .pad_top = 2, .pad_bottom = 2
    };
    const struct pool pool = { .kind = POOL_MAX,
                               .kernel_h = 3,
                               .kernel_w = 3,
                               .stride_h = 2,
                               .stride_w = 2,
                               .pad_top = 1,
                               .pad_left = 1,
                               .pad_bottom = 1,
                               .pad_right = 1 };
    const struct pick crop = { .channels = 3, .height = 8, .width = 8, .top = 1, .left = 2, .step_h = 1, .step_w = 1 };
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "in", 3, 64, 64), a = graph_conv (g, "a", x, &stem, weights, NULL);
    int b = graph_pool (g, "b", a, &pool), c = graph_conv (g, "c", b, &wide, weights, NULL);
    int d = graph_add (g, "d", b, c), e = graph_pick (g, "e", d, &crop);
    int mean = graph_global_pool (g, "mean", b, POOL_AVERAGE), gated = graph_mul (g, "gated", d, mean);
    if (!CHECK (gated > mean && !graph_error (g), "%s", graph_error (g)))
        return;
    field_is (g, x, (struct field) { 5, 6, 7, 8 }, (const int[]) { 5, 6, 7, 8 });
    field_is (g, a, (struct field) { 10, 20, 10, 20 }, (const int[]) { 17, 37, 23, 43 });
    field_is (g, a, (struct field) { 0, 31, 0, 31 }, (const int[]) { 0, 59, 3, 63 });
    field_is (g, b, (struct field) { 5, 8, 5, 8 }, (const int[]) { 15, 27, 25, 37 });   /* 11 wide */
    field_is (g, c, (struct field) { 5, 8, 5, 8 }, (const int[]) { 7, 27, 33, 37 });    /* rows 3, 5, 7 of b */
    field_is (g, d, (struct field) { 5, 8, 5, 8 }, (const int[]) { 7, 27, 33, 37 });    /* both branches */
    field_is (g, e, (struct field) { 4, 6, 4, 6 }, (const int[]) { 7, 27, 33, 37 });    /* pixel (5, 8) of d */
    field_is (g, gated, (struct field) { 5, 8, 5, 8 }, (const int[]) { 0, 0, 63, 63 }); /* the gate sees it all */
    struct field of = { 40, 0, 41, 1 };
    CHECK (!graph_receptive_field (g, a, &of), "beyond the tensor");
    CHECK (!graph_receptive_field (g, 99, &of) && !graph_receptive_field (NULL, 0, &of), "of no tensor");
    struct conv shape;
    const float *bias = weights;
    CHECK (graph_convolution (g, c, &shape, &bias) && !bias && shape.dilation_h == 2 && shape.stride_w == 1 &&
               shape.groups == 1,
           "the parameters of c");
    CHECK (!graph_convolution (g, d, &shape, &bias) && !graph_convolution (g, -1, &shape, &bias), "of no convolution");
    graph_unref (g);
}

int main (void)
{
    check_bad_inputs ();
    check_bad_convolutions ();
    check_bad_elementwise ();
    check_bad_windows ();
    check_limits ();
    check_arithmetic ();
    check_short_memory ();
    check_shapes ();
    check_questions ();
    check_batch_norm ();
    check_grids ();
    check_receptive_fields ();
    return check_end ();
}
