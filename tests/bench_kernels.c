/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_kernels.c: check_kernels --bench: what each kernel of each table reaches on shapes from real networks, with its
 * data in the caches: ns a call, GFLOP/s (2 per multiply-add, 1 per other operation), share of the table's own peak,
 * and GB/s read and written. */
#include "tests/check_kernels.h"

#include <math.h>
#include <time.h>

static double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One kernel at work: everything any of them needs. */
struct bench {
    const struct kernels *k;
    double peak; /* FLOP/s */
    struct guarded in, out, weights, bias, wide;
    struct epilogue epilogue;
};

/* Seconds of one call of `call`, the best of several rounds of about 20 ms. */
static double measure (void (*call) (const struct bench *), const struct bench *b)
{
    double best = INFINITY;
    int calls = 1;
    for (int round = 0; round < 7;) {
        double start = now ();
        for (int i = 0; i < calls; i++)
            call (b);
        double took = now () - start;
        if (took < 0.01) {
            calls *= 2;
            continue;
        }
        best = fmin (best, took / calls);
        round++;
    }
    return best;
}

static void report (const struct bench *b, const char *name, void (*call) (const struct bench *), double flops,
                    double bytes)
{
    double seconds = measure (call, b);
    printf ("%-8s %-28s %10.0f ns", b->k->name, name, seconds * 1e9);
    if (flops > 0)
        printf (" %8.1f GFLOP/s %5.1f %%", flops / seconds * 1e-9, 100 * flops / seconds / b->peak);
    else
        printf (" %8s         %5s  ", "", "");
    printf (" %7.1f GB/s\n", bytes / seconds * 1e-9);
    fflush (stdout);
}

/* conv: a row of 56 pixels, 64 channels in, one panel. */
enum { ROW = 56, DEPTH = 64 };

/* Sums over the first `count` of the segments, for `pixels` pixels. */
static void run_conv (const struct bench *b, const struct segment *segments, int count, ptrdiff_t pixel_stride,
                      int pixels)
{
    struct conv_args args = { .input = b->in.data,
                              .segments = segments,
                              .segment_count = count,
                              .pixel_stride = pixel_stride,
                              .weights = b->weights.data,
                              .bias = b->bias.data,
                              .out = b->out.data,
                              .out_block = 16 * pixels,
                              .pixels = pixels,
                              .blocks = b->k->conv[0].nr_blocks,
                              .epilogue = &b->epilogue };
    b->k->conv[0].run (&args);
}

static void conv_1x1 (const struct bench *b)
{
    struct segment segments[DEPTH / 16];
    for (int i = 0; i < DEPTH / 16; i++)
        segments[i] = (struct segment) { .offset = i * 16 * ROW, .length = 16 };
    run_conv (b, segments, DEPTH / 16, 16, ROW);
}

/* Three rows of ROW + 2 pixels a block; a tap row is 48 floats in one piece. */
static void conv_3x3 (const struct bench *b)
{
    struct segment segments[3 * DEPTH / 16];
    for (int i = 0; i < 3 * DEPTH / 16; i++)
        segments[i] = (struct segment) { .offset = i * 16 * (ROW + 2), .length = 48 };
    run_conv (b, segments, 3 * DEPTH / 16, 16, ROW);
}

/* The stem: 7x7, stride 2, three planar channels of width 229. */
static void conv_stem (const struct bench *b)
{
    struct segment segments[21];
    for (int i = 0; i < 21; i++)
        segments[i] = (struct segment) { .offset = i * 229, .length = 7 };
    run_conv (b, segments, 21, 2, 112);
}

static void depthwise_3x3 (const struct bench *b)
{
    struct depthwise_args args = {
        .in = b->in.data,
        .weights = b->weights.data,
        .in_height = 3,
        .kernel_h = 3,
        .stride_h = 1,
        .dilation_h = 1,
        .rows = 1,
        .bias = b->bias.data,
        .window = { .kernel_w = 3, .stride_w = 1, .dilation_w = 1, .pad_left = 1, .in_width = ROW, .out_width = ROW },
        .out = b->out.data,
        .epilogue = &b->epilogue
    };
    b->k->depthwise (&args);
}

static void pool_max (const struct bench *b)
{
    const float *rows[3] = { b->in.data, b->in.data + 16 * 112, b->in.data + 32 * 112 };
    struct pool_args args = {
        .kind = POOL_MAX,
        .rows = rows,
        .row_count = 3,
        .out = b->out.data,
        .window = { .kernel_w = 3, .stride_w = 2, .dilation_w = 1, .pad_left = 1, .in_width = 112, .out_width = ROW }
    };
    b->k->pool (&args);
}

static void global_pool (const struct bench *b)
{
    b->k->reduce (REDUCTION_MEAN, b->in.data, 49, NULL, b->out.data);
}

static void elementwise_add (const struct bench *b)
{
    struct elementwise_args args = { .operation = ELEMENTWISE_ADD,
                                     .a = b->in.data,
                                     .b = b->in.data + 16 * ROW,
                                     .b_pixel = 16,
                                     .out = b->out.data,
                                     .pixels = ROW,
                                     .epilogue = &b->epilogue };
    b->k->elementwise (&args);
}

static void elementwise_as (const struct bench *b, enum activation_kind kind)
{
    struct epilogue epilogue = { .activation = { .kind = kind, .alpha = 1 } };
    struct elementwise_args args = {
        .operation = ELEMENTWISE_FIRST, .a = b->in.data, .out = b->out.data, .pixels = ROW, .epilogue = &epilogue
    };
    b->k->elementwise (&args);
}

static void elementwise_silu (const struct bench *b)
{
    elementwise_as (b, ACTIVATION_SILU);
}

static void elementwise_gelu (const struct bench *b)
{
    elementwise_as (b, ACTIVATION_GELU);
}

/* One row of tiles of 56 x 56, the transforms alone. */
static struct winograd_args winograd_args_of (const struct bench *b, int n)
{
    static struct winograd_tile tile[ROW];
    int tiles = ROW / (n - 2);
    for (int t = 0; t < tiles; t++)
        tile[t] = (struct winograd_tile) { n - 2, t * (n - 2) };
    return (struct winograd_args) { .n_h = n,
                                    .n_w = n,
                                    .height = ROW,
                                    .width = ROW,
                                    .in_height = ROW,
                                    .in_width = ROW,
                                    .pad_top = 1,
                                    .pad_left = 1,
                                    .tile = tile,
                                    .tiles = tiles,
                                    .in = b->in.data,
                                    .v = b->wide.data,
                                    .v_point = 16 * tiles,
                                    .m_ = b->wide.data,
                                    .m_point = 16 * tiles,
                                    .bias = b->bias.data,
                                    .out = b->out.data,
                                    .epilogue = &b->epilogue };
}

static void winograd_input_43 (const struct bench *b)
{
    struct winograd_args args = winograd_args_of (b, 6);
    b->k->winograd_input (&args);
}

static void winograd_output_43 (const struct bench *b)
{
    struct winograd_args args = winograd_args_of (b, 6);
    b->k->winograd_output (&args);
}

static void winograd_input_23 (const struct bench *b)
{
    struct winograd_args args = winograd_args_of (b, 4);
    b->k->winograd_input (&args);
}

static void winograd_output_23 (const struct bench *b)
{
    struct winograd_args args = winograd_args_of (b, 4);
    b->k->winograd_output (&args);
}

static void softmax (const struct bench *b)
{
    b->k->softmax (b->in.data, b->out.data, 1000, 1, 16);
}

static void reorder_to_blocked (const struct bench *b)
{
    b->k->reorder_to_blocked (b->in.data, b->out.data, 64, ROW);
}

static void reorder_to_planar (const struct bench *b)
{
    b->k->reorder_to_planar (b->in.data, b->out.data, 64, ROW);
}

/* 16 rows of 64 RGB pixels from 8 times as many each way. */
static void image (const struct bench *b)
{
    enum { TAPS = 16 };
    static int16_t whole[TAPS];
    static float weights[TAPS], scratch[IMAGE_SCRATCH] __attribute__ ((aligned (64)));
    static const struct image_component rgb[] = { { 0, 0, 3, 0 }, { 0, 1, 3, 0 }, { 0, 2, 3, 0 } };
    const struct image_colours colours = { .channels = 3, .matrix = { { 1 }, { 0, 1 }, { 0, 0, 1 } } };
    struct image_taps taps[IMAGE_COLUMNS];
    struct image_rows rows[IMAGE_ROWS];
    for (int i = 0; i < IMAGE_COLUMNS; i++)
        taps[i] = (struct image_taps) { 8 * i, TAPS, weights };
    for (int i = 0; i < IMAGE_ROWS; i++)
        rows[i] = (struct image_rows) { 8 * i, TAPS, whole, 1 };
    const struct image_tile tile = { .rows = 16,
                                     .columns = 64,
                                     .planes = 1,
                                     .components = 3,
                                     .data = { (const uint8_t *)b->in.data },
                                     .stride = { 3 * 520 },
                                     .down = { rows },
                                     .component = rgb,
                                     .across = { taps, taps, taps },
                                     .colours = &colours,
                                     .out = b->out.data,
                                     .out_row = 64,
                                     .out_channel = 16 * 64,
                                     .scratch = scratch };
    b->k->image (&tile);
}

static double peak_of (const struct kernels *k)
{
    float sink[16] = { 1, 0 };
    double best = 0;
    for (int round = 0; round < 10; round++) {
        double start = now (), operations = k->peak (1000000, sink);
        best = fmax (best, operations / (now () - start));
    }
    return best;
}

static void bench_table (const struct bench *b)
{
    double nr = 16 * b->k->conv[0].nr_blocks, row = 64 * ROW; /* 64: bytes of a pixel of a block */
    printf ("%-8s peak %.1f GFLOP/s, tile of %d pixels x %d channels\n", b->k->name, b->peak * 1e-9, b->k->conv[0].mr,
            16 * b->k->conv[0].nr_blocks);
    report (b, "conv 1x1, 64 deep", conv_1x1, 2 * ROW * DEPTH * nr, 4 * row + 4 * DEPTH * nr + 4 * ROW * nr);
    report (b, "conv 3x3, 64 deep", conv_3x3, 18 * ROW * DEPTH * nr, 12 * row + 36 * DEPTH * nr + 4 * ROW * nr);
    report (b, "conv 7x7 stride 2, planar", conv_stem, 2 * 112 * 147 * nr, 21 * 229 * 4 + 4 * 147 * nr + 448 * nr);
    report (b, "depthwise 3x3", depthwise_3x3, 18 * 16 * ROW, 4 * row);
    report (b, "pool max 3x3 stride 2", pool_max, 0, 7 * row);
    report (b, "global_pool average 7x7", global_pool, 16 * 49, 64 * 50);
    report (b, "elementwise add", elementwise_add, 16 * ROW, 3 * row);
    report (b, "elementwise silu", elementwise_silu, 0, 2 * row);
    report (b, "elementwise gelu", elementwise_gelu, 0, 2 * row);
    report (b, "winograd_input F(4,3)", winograd_input_43, 0, 14 * (36.0 + 36) * 64);
    report (b, "winograd_output F(4,3)", winograd_output_43, 0, 14 * (36.0 + 16) * 64);
    report (b, "winograd_input F(2,3)", winograd_input_23, 0, 28 * (16.0 + 16) * 64);
    report (b, "winograd_output F(2,3)", winograd_output_23, 0, 28 * (16.0 + 4) * 64);
    report (b, "softmax 1000", softmax, 0, 8000);
    report (b, "reorder to blocked, 64", reorder_to_blocked, 0, 8 * row);
    report (b, "reorder to planar, 64", reorder_to_planar, 0, 8 * row);
    report (b, "image 512x128", image, 0, 3 * 512 * 128 * 4.0);
}

int bench_kernels (void)
{
    struct bench b = { .in = guarded_new (1 << 18, ALIGNED_TO_BLOCK, true),
                       .out = guarded_new (1 << 18, ALIGNED_TO_BLOCK, true),
                       .weights = guarded_new (1 << 16, ALIGNED_TO_BLOCK, true),
                       .bias = guarded_new (64, ALIGNED_TO_BLOCK, true),
                       .wide = guarded_new (1 << 16, ALIGNED_TO_BLOCK, true),
                       .epilogue = {
                           .low = 0, .high = INFINITY, .clamp_only = true, .activation.kind = ACTIVATION_RELU } };
    guarded_random (&b.in);
    guarded_random (&b.weights);
    guarded_random (&b.bias);
    guarded_random (&b.wide);
    for (int t = 0; t < table_count; t++) {
        b.k = tables[t];
        b.peak = peak_of (b.k);
        bench_table (&b);
    }
    return 0;
}
