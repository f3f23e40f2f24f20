/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_sums.c: the tests of the kernels that multiply and add: conv, depthwise. */
#include "tests/check_kernels.h"
#include "tests/plane.h"
#include "tests/reference.h"

#include <math.h>
#include <string.h>

/* ---- conv ------------------------------------------------------------------------------------------------------ */

struct conv_case conv_case_new (int pixels, ptrdiff_t stride, enum residual_mode mode, int number)
{
    struct conv_case c = { .pixels = pixels, .stride = stride, .residual_mode = mode };
    c.blocks = random_between (1, 3);
    c.channel = 16 * random_between (0, 2);
    c.out_block = 16 * (pixels + random_between (0, 2));
    c.segment_count = random_between (1, 4);
    c.before = random_between (0, 20);
    int reach = 0;
    for (int s = 0; s < c.segment_count; s++) {
        struct segment *segment = &c.segments[s];
        segment->offset = s == 0 ? -c.before : random_between (-c.before, 60);
        segment->length = random_between (0, 1) ? 16 * random_between (1, 3) : random_between (1, 21);
        c.depth += segment->length;
        reach = segment->offset + segment->length > reach ? segment->offset + segment->length : reach;
    }
    c.input = guarded_new ((size_t)(c.before + (pixels - 1) * stride + reach), ALIGNED_TO_FLOAT, number % 2);
    c.weights = guarded_new ((size_t)(c.depth * 16 * c.blocks), ALIGNED_TO_BLOCK, true);
    c.bias = guarded_new ((size_t)(c.channel + 16 * c.blocks), ALIGNED_TO_BLOCK, true);
    c.residual = guarded_new ((size_t)((c.blocks - 1) * c.out_block + 16 * pixels), ALIGNED_TO_BLOCK, true);
    guarded_random (&c.input);
    guarded_random (&c.weights);
    guarded_random (&c.bias);
    for (int b = 0; b < c.blocks; b++)
        for (int i = 0; i < 16 * pixels; i++)
            c.residual.data[b * c.out_block + i] = random_float ();
    if (number % 7 == 0) /* NaN and infinity reach exactly the outputs that depend on them */
        c.input.data[random_between (0, (int)c.input.count - 1)] = number % 2 ? NAN : INFINITY;
    c.epilogue = epilogue_case_new (number % EPILOGUES, c.channel + 16 * c.blocks);
    return c;
}

void conv_case_free (struct conv_case *c)
{
    guarded_free (&c->input);
    guarded_free (&c->weights);
    guarded_free (&c->bias);
    guarded_free (&c->residual);
    epilogue_case_free (&c->epilogue);
}

/* The contract's formula at pixel p and output channel o (from c->channel on). */
static void conv_expect_one (const struct conv_case *c, int p, int o, struct expected *e)
{
    double sum = c->bias.data[c->channel + o], magnitude = fabs (sum);
    const float *weight = c->weights.data + o;
    for (int s = 0; s < c->segment_count; s++)
        for (int k = 0; k < c->segments[s].length; k++, weight += 16 * c->blocks) {
            double product = (double)c->input.data[c->before + p * c->stride + c->segments[s].offset + k] * *weight;
            sum += product;
            magnitude += fabs (product);
        }
    ptrdiff_t at = o / 16 * c->out_block + 16 * p + o % 16;
    if (c->residual_mode != NO_RESIDUAL) {
        sum += c->residual.data[at];
        magnitude += fabs ((double)c->residual.data[at]);
    }
    epilogue_expect (&c->epilogue.epilogue, c->channel + o, sum, magnitude, c->depth + 2, &e->value[at], &e->bound[at]);
}

static bool of_floats (const struct conv_kernel *kernel)
{
    return kernel->in == ELEMENT_F32 && kernel->weight == ELEMENT_F32 && kernel->sum == ELEMENT_F32 &&
           kernel->out == ELEMENT_F32 && kernel->k_step == 1;
}

bool conv_kernel_tested (const struct conv_kernel *kernel)
{
    bool of_bytes = kernel->in == ELEMENT_U8 && kernel->sum == ELEMENT_S32;     /* kernels_bytes.c */
    bool of_bf16 = kernel->in == ELEMENT_F32 && kernel->weight == ELEMENT_BF16; /* kernels_bf16.c */
    return of_floats (kernel) || of_bytes || of_bf16;
}

void conv_case_run (const struct conv_case *c, const struct conv_kernel *k, struct guarded *out)
{
    const float *residual = c->residual_mode == RESIDUAL ? c->residual.data : out->data;
    if (c->residual_mode == RESIDUAL_IN_PLACE)
        memcpy (out->data, c->residual.data, out->count * sizeof (float));
    for (int b = 0; b < c->blocks; b += k->nr_blocks) {
        int blocks = c->blocks - b < k->nr_blocks ? c->blocks - b : k->nr_blocks;
        struct guarded weights = guarded_new ((size_t)(c->depth * 16 * blocks), ALIGNED_TO_BLOCK, true);
        for (int d = 0; d < c->depth; d++)
            memcpy (weights.data + d * 16 * blocks, c->weights.data + 16 * (d * c->blocks + b),
                    (size_t)(16 * blocks) * sizeof (float));
        struct conv_args args = { .input = c->input.data + c->before,
                                  .segments = c->segments,
                                  .segment_count = c->segment_count,
                                  .pixel_stride = c->stride,
                                  .weights = weights.data,
                                  .bias = c->bias.data,
                                  .residual = c->residual_mode == NO_RESIDUAL ? NULL : residual + b * c->out_block,
                                  .out = out->data + b * c->out_block,
                                  .out_block = c->out_block,
                                  .pixels = c->pixels,
                                  .blocks = blocks,
                                  .channel = c->channel + 16 * b,
                                  .prefetch = c->pixels % 2
                                                  ? (struct prefetch) { .next = weights.data, .step = 16, .apart = 16 }
                                                  : (struct prefetch) { 0 },
                                  .epilogue = &c->epilogue.epilogue };
        k->run (&args);
        guarded_free (&weights);
    }
}

void check_conv (void)
{
    static const ptrdiff_t strides[] = { 16, 32, 2, 48, 1, 5 };
    int number = 0;
    for (int pixels = 1; pixels <= 33; pixels++)
        for (size_t s = 0; s < sizeof strides / sizeof *strides; s++)
            for (int mode = 0; mode < RESIDUAL_MODES; mode++, number++) {
                struct conv_case c = conv_case_new (pixels, strides[s], (enum residual_mode)mode, number);
                CASE ("case %d: %d pixels, stride %d, %d blocks, depth %d, residual %d, %s", number, pixels,
                      (int)c.stride, c.blocks, c.depth, mode, c.epilogue.name);
                struct expected e = expected_new (c.residual.count);
                for (int o = 0; o < 16 * c.blocks; o++)
                    for (int p = 0; p < pixels; p++)
                        conv_expect_one (&c, p, o, &e);
                struct guarded out = guarded_new (e.count, ALIGNED_TO_BLOCK, number / 2 % 2);
                for (int t = case_begin (); t < table_count; t++)
                    for (int i = 0; i < tables[t]->conv_count; i++) {
                        if (!of_floats (&tables[t]->conv[i]))
                            continue;
                        guarded_clear (&out);
                        conv_case_run (&c, &tables[t]->conv[i], &out);
                        compare (tables[t], &out, &e);
                    }
                guarded_free (&out);
                expected_free (&e);
                conv_case_free (&c);
            }
}

/* ---- depthwise ------------------------------------------------------------------------------------------------- */

static struct expected depthwise_expect (const struct pool *g, const struct plane *in, const float *weights,
                                         const struct guarded *bias, const struct guarded *residual, int channel,
                                         const struct epilogue *epilogue, int pixels)
{
    struct conv conv = { .out_channels = 16,
                         .kernel_h = g->kernel_h,
                         .kernel_w = g->kernel_w,
                         .stride_h = g->stride_h,
                         .stride_w = g->stride_w,
                         .dilation_h = g->dilation_h,
                         .dilation_w = g->dilation_w,
                         .pad_top = g->pad_top,
                         .pad_left = g->pad_left,
                         .pad_bottom = g->pad_bottom,
                         .pad_right = g->pad_right,
                         .groups = 16 };
    double *sum = calloc ((size_t)(16 * pixels), sizeof (double)),
           *magnitude = calloc ((size_t)(16 * pixels), sizeof (double));
    reference_conv (&conv, 16, in->height, in->width, in->planar, NULL, weights, bias->data + channel, sum, magnitude);
    struct expected e = expected_new ((size_t)(16 * pixels));
    for (int i = 0; i < 16 * pixels; i++) {
        int from = i % 16 * pixels + i / 16;
        double more = residual ? residual->data[i] : 0;
        epilogue_expect (epilogue, channel + i % 16, sum[from] + more, magnitude[from] + fabs (more),
                         g->kernel_h * g->kernel_w + 2, &e.value[i], &e.bound[i]);
    }
    free (sum);
    free (magnitude);
    return e;
}

static void depthwise_case (struct pool g, int width, int number)
{
    int out_height, out_width, height = random_between (1, 9), channel = 16 * random_between (0, 1);
    if (!random_geometry (&g, height, width, &out_height, &out_width))
        return;
    enum residual_mode mode = (enum residual_mode)random_between (0, RESIDUAL_MODES - 1);
    struct plane in = plane_new (height, width);
    int taps = g.kernel_h * g.kernel_w;
    struct guarded packed = guarded_new ((size_t)(16 * taps), ALIGNED_TO_BLOCK, true);
    struct guarded bias = guarded_new ((size_t)channel + 16, ALIGNED_TO_BLOCK, true);
    struct guarded out = guarded_new ((size_t)(16 * out_height * out_width), ALIGNED_TO_BLOCK, number % 2);
    struct guarded residual = guarded_new (out.count, ALIGNED_TO_BLOCK, true);
    float *weights = calloc ((size_t)(16 * taps), sizeof (float)); /* [16][taps] */
    struct epilogue_case epilogue = epilogue_case_new (number % EPILOGUES, channel + 16);
    guarded_random (&packed);
    guarded_random (&bias);
    guarded_random (&residual);
    for (int i = 0; i < 16 * taps; i++)
        weights[i % 16 * taps + i / 16] = packed.data[i];
    struct expected e = depthwise_expect (&g, &in, weights, &bias, mode == NO_RESIDUAL ? NULL : &residual, channel,
                                          &epilogue.epilogue, out_height * out_width);
    CASE ("case %d: %dx%d, kernel %dx%d, stride %d, dilation %d, left %d, residual %d, %s", number, height, width,
          g.kernel_h, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left, (int)mode, epilogue.name);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        if (mode == RESIDUAL_IN_PLACE)
            memcpy (out.data, residual.data, out.count * sizeof (float));
        for (int y = 0, rows; y < out_height; y += rows) {
            int start = 16 * y * out_width;
            rows = 1 + (y + number) % 3 < out_height - y ? 1 + (y + number) % 3 : out_height - y;
            const float *more = (mode == RESIDUAL ? residual.data : out.data) + start;
            struct depthwise_args args = { .in = in.blocked.data,
                                           .weights = packed.data,
                                           .in_height = height,
                                           .kernel_h = g.kernel_h,
                                           .stride_h = g.stride_h,
                                           .dilation_h = g.dilation_h,
                                           .pad_top = g.pad_top,
                                           .window = window_of (&g, width, out_width),
                                           .first = y,
                                           .rows = rows,
                                           .bias = bias.data,
                                           .residual = mode == NO_RESIDUAL ? NULL : more,
                                           .out = out.data + start,
                                           .channel = channel,
                                           .epilogue = &epilogue.epilogue };
            tables[t]->depthwise (&args);
        }
        compare (tables[t], &out, &e);
    }
    plane_free (&in);
    guarded_free (&packed);
    guarded_free (&bias);
    guarded_free (&out);
    guarded_free (&residual);
    free (weights);
    epilogue_case_free (&epilogue);
    expected_free (&e);
}

void check_depthwise (void)
{
    static const int kernels[] = { 1, 2, 3, 5, 7 };
    int number = 0;
    for (int width = 1; width <= 33; width++)
        for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
            for (int stride = 1; stride <= 3; stride++, number++)
                depthwise_case ((struct pool) { .kernel_h = random_between (0, 1) ? kernels[k] : random_between (1, 3),
                                                .kernel_w = kernels[k],
                                                .stride_h = random_between (1, 2),
                                                .stride_w = stride,
                                                .dilation_h = random_between (1, 2),
                                                .dilation_w = number % 5 ? 1 : random_between (2, 3) },
                                width, number);
    for (int width = 1; width <= 33; width++)
        for (int kernel = 3; kernel <= 7; kernel += 2, number++)
            depthwise_case ((struct pool) { .kernel_h = kernel,
                                            .kernel_w = kernel,
                                            .stride_h = 1,
                                            .stride_w = 1,
                                            .dilation_h = 1,
                                            .dilation_w = 1 },
                            width, number);
}
