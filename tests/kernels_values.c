/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_values.c: the tests of the kernels that touch each value once: pooling, element-wise layers and activations,
 * softmax, the conversions, and the three that are about the CPU. */
#include "tests/check_kernels.h"
#include "tests/plane.h"
#include "tests/reference.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* ---- pooling ---------------------------------------------------------------------------------------------------- */

/* What the caller divides by when padding counts: positions of the window inside image and padding together. */
static int window_positions (int at, int kernel, int stride, int before, int in, int after)
{
    int count = 0;
    for (int k = 0; k < kernel; k++)
        count += at * stride + k < before + in + after;
    return count;
}

static struct expected pool_expect (const struct pool *g, const struct plane *in, int pixels)
{
    size_t count = 16 * (size_t)in->height * (size_t)in->width;
    double *value = calloc ((size_t)(16 * pixels), sizeof (double)),
           *magnitude = calloc ((size_t)(16 * pixels), sizeof (double));
    double *sizes = calloc (count, sizeof (double));
    for (size_t i = 0; i < count; i++)
        sizes[i] = fabs (in->planar[i]);
    reference_pool (g, 16, in->height, in->width, in->planar, value);
    reference_pool (g, 16, in->height, in->width, sizes, magnitude);
    struct expected e = expected_new ((size_t)(16 * pixels));
    for (int i = 0; i < 16 * pixels; i++) {
        int from = i % 16 * pixels + i / 16;
        e.value[i] = value[from];
        e.bound[i] = g->kind == POOL_MAX ? 0 : (g->kernel_h * g->kernel_w + 2) * 0x1p-24 * magnitude[from];
    }
    free (value);
    free (magnitude);
    free (sizes);
    return e;
}

static void pool_case (struct pool g, int width, int number)
{
    int out_height, out_width, height = random_between (1, 5);
    if (!random_geometry (&g, height, width, &out_height, &out_width))
        return;
    struct plane in = plane_new (height, width);
    if (number % 5 == 0) /* NaN wins, whatever comes before and after it */
        plane_set (&in, random_between (0, height * width - 1), random_between (0, 15), NAN);
    struct expected e = pool_expect (&g, &in, out_height * out_width);
    struct guarded out = guarded_new (e.count, ALIGNED_TO_BLOCK, number % 2);
    struct guarded divisor = guarded_new ((size_t)out_width, ALIGNED_TO_FLOAT, true);
    CASE ("case %d: kind %d, %dx%d, kernel %dx%d, stride %d, dilation %d, left %d, ceil %d, padding counts %d", number,
          (int)g.kind, height, width, g.kernel_h, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left, g.ceil_mode,
          g.count_include_pad);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        for (int y = 0; y < out_height; y++) {
            const float *rows[WINDOW_ROWS];
            int kernel_rows[WINDOW_ROWS], count = window_rows (&g, &in, y, rows, kernel_rows);
            int tall = window_positions (y, g.kernel_h, g.stride_h, g.pad_top, height, g.pad_bottom);
            for (int x = 0; x < out_width; x++)
                divisor.data[x] =
                    (float)(tall * window_positions (x, g.kernel_w, g.stride_w, g.pad_left, width, g.pad_right));
            struct pool_args args = { .kind = g.kind,
                                      .rows = rows,
                                      .row_count = count,
                                      .window = window_of (&g, width, out_width),
                                      .divisor = g.count_include_pad ? divisor.data : NULL,
                                      .out = out.data + 16 * y * out_width };
            tables[t]->pool (&args);
        }
        compare (tables[t], &out, &e);
    }
    plane_free (&in);
    expected_free (&e);
    guarded_free (&out);
    guarded_free (&divisor);
}

void check_pool (void)
{
    static const int kernels[] = { 1, 2, 3, 5 };
    int number = 0;
    for (int width = 1; width <= 33; width++)
        for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++)
            for (int stride = 1; stride <= 3; stride++, number++) {
                struct pool g = { .kind = number % 2 ? POOL_MAX : POOL_AVERAGE,
                                  .kernel_h = random_between (1, 3),
                                  .kernel_w = kernels[k],
                                  .stride_h = random_between (1, 2),
                                  .stride_w = stride,
                                  .dilation_h = 1,
                                  .dilation_w = 1,
                                  .ceil_mode = random_between (0, 1) };
                if (g.kind == POOL_MAX) {
                    g.dilation_h = random_between (1, 2);
                    g.dilation_w = number % 3 ? 1 : 2;
                } else {
                    g.count_include_pad = random_between (0, 1);
                }
                pool_case (g, width, number);
            }
}

/* ---- reductions ------------------------------------------------------------------------------------------------- */

/* One result of `count` numbers, `apart` from each other. */
static void reduction_expect (enum reduction kind, const float *in, int count, ptrdiff_t apart, double centre,
                              struct expected *e, size_t at)
{
    double sum = 0, terms = 0, largest = -INFINITY;
    for (int i = 0; i < count; i++) {
        double x = in[i * apart], off = x - centre;
        largest = isnan (x) || x > largest ? x : largest;
        sum += (kind == REDUCTION_MEAN ? x : off * off) / count;
        terms += (kind == REDUCTION_MEAN ? fabs (x) : off * off + fabs (off * centre)) / count;
    }
    e->value[at] = kind == REDUCTION_MAX ? largest : sum;
    e->bound[at] = kind == REDUCTION_MAX ? 0 : (count + 4) * 0x1p-24 * terms;
}

void check_reduce (void)
{
    for (int pixels = 1; pixels <= 70; pixels++)
        for (int number = 0; number < 4; number++) {
            enum reduction kind = (enum reduction) (number % 3);
            bool centred = number == 2;
            struct plane in = plane_new (1, pixels);
            plane_set (&in, random_between (0, pixels - 1), pixels % 16, pixels % 3 ? 0.5f : NAN);
            struct guarded out = guarded_new (16, ALIGNED_TO_BLOCK, pixels % 2);
            struct guarded centre = guarded_new (16, ALIGNED_TO_BLOCK, true);
            struct expected e = expected_new (16);
            guarded_random (&centre);
            for (size_t c = 0; c < 16; c++)
                reduction_expect (kind, in.blocked.data + c, pixels, 16, centred ? (double)centre.data[c] : 0, &e, c);
            CASE ("kind %d, %d pixels, centred %d", (int)kind, pixels, centred);
            for (int t = case_begin (); t < table_count; t++) {
                guarded_clear (&out);
                tables[t]->reduce (kind, in.blocked.data, pixels, centred ? centre.data : NULL, out.data);
                compare (tables[t], &out, &e);
            }
            plane_free (&in);
            guarded_free (&out);
            guarded_free (&centre);
            expected_free (&e);
        }
}

static void reduce_channels_case (int channels, int pixels, int number)
{
    int blocks = (channels + 15) / 16;
    enum reduction kind = (enum reduction) (number % 3);
    bool centred = kind == REDUCTION_MEAN_SQUARE && number % 2;
    ptrdiff_t block = 16 * (pixels + number % 2);
    struct guarded in =
        guarded_new ((size_t)(blocks - 1) * (size_t)block + 16 * (size_t)pixels, ALIGNED_TO_BLOCK, true);
    struct guarded out = guarded_new (16 * (size_t)pixels, ALIGNED_TO_BLOCK, number % 2);
    struct guarded centre = guarded_new (16 * (size_t)pixels, ALIGNED_TO_BLOCK, true);
    float *column = calloc ((size_t)channels, sizeof *column);
    struct expected e = expected_new (out.count);
    guarded_random (&in);
    guarded_random (&centre);
    for (int p = 0; p < pixels; p++) {
        for (int c = channels; c < 16 * blocks; c++) /* not to be counted */
            in.data[c / 16 * block + 16 * p + c % 16] = NAN;
        for (int c = 0; c < channels; c++)
            column[c] = in.data[c / 16 * block + 16 * p + c % 16];
        if (number % 7 == 6 && p == pixels / 2)
            column[channels / 2] = in.data[channels / 2 / 16 * block + 16 * p + channels / 2 % 16] = NAN;
        for (size_t i = 1; i < 16; i++)
            e.bound[16 * (size_t)p + i] = -1;
        reduction_expect (kind, column, channels, 1, centred ? (double)centre.data[16 * p] : 0, &e, 16 * (size_t)p);
    }
    CASE ("kind %d, %d channels, %d pixels, centred %d", (int)kind, channels, pixels, centred);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        tables[t]->reduce_channels (kind, in.data, channels, pixels, block, centred ? centre.data : NULL, out.data);
        compare (tables[t], &out, &e);
    }
    free (column);
    guarded_free (&in);
    guarded_free (&out);
    guarded_free (&centre);
    expected_free (&e);
}

void check_reduce_channels (void)
{
    static const int channels[] = { 1, 2, 7, 15, 16, 17, 31, 32, 40, 96, 100 };
    int number = 0;
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (int pixels = 1; pixels <= 13; pixels++)
            for (int kind = 0; kind < 4; kind++, number++)
                reduce_channels_case (channels[c], pixels, number);
}

/* ---- element-wise ----------------------------------------------------------------------------------------------- */

enum second { WHOLE, PER_CHANNEL, PER_PIXEL, ONE_NUMBER, SECONDS }; /* the shape of b */
enum alias { NO_ALIAS, OUT_IS_A, OUT_IS_B, OUT_IS_RESIDUAL, ALIASES };

struct elementwise_case {
    struct elementwise_args args; /* epilogue, out, and what that is an alias of, are set by check_elementwise */
    enum second second;
    enum alias alias;
    struct guarded a, b, residual, scale, shift;
    struct epilogue_case epilogue;
};

static struct elementwise_case elementwise_case_new (int number)
{
    struct elementwise_case c = { .second = (enum second) (number / 3 % SECONDS),
                                  .alias = (enum alias) (number / 12 % ALIASES) };
    struct elementwise_args *r = &c.args;
    r->operation = (enum elementwise_operation) (number / 2 % ELEMENTWISE_OPERATIONS);
    if (r->operation == ELEMENTWISE_NORMALISE)
        c.second = c.second == WHOLE || c.second == PER_PIXEL ? PER_PIXEL : ONE_NUMBER;
    r->pixels = 1 + number % 37;
    r->channel = 16 * random_between (0, 2);
    r->b_pixel = c.second == WHOLE || c.second == PER_PIXEL ? 16 : 0;
    r->b_lane = c.second == PER_PIXEL || c.second == ONE_NUMBER;
    size_t count = 16 * (size_t)r->pixels, channels = (size_t)r->channel + 16;
    c.a = guarded_new (count, ALIGNED_TO_BLOCK, number % 2);
    c.residual = guarded_new (count, ALIGNED_TO_BLOCK, true);
    c.b = guarded_new (r->b_pixel ? count : 16, ALIGNED_TO_BLOCK, true);
    c.scale = guarded_new (channels, ALIGNED_TO_BLOCK, true);
    c.shift = guarded_new (channels, ALIGNED_TO_BLOCK, true);
    guarded_random (&c.a);
    guarded_random (&c.residual);
    guarded_random (&c.scale);
    guarded_random (&c.shift);
    for (size_t i = 0; i < c.b.count; i += r->b_lane ? 16 : 1) /* the lanes nobody may use stay NaN */
        c.b.data[i] = random_float ();
    for (size_t i = 1; r->operation == ELEMENTWISE_NORMALISE && i < c.b.count; i += 16)
        c.b.data[i] = random_float ();
    c.epilogue = epilogue_case_new (number % EPILOGUES, (int)channels);
    if (number / 48 % 2) {
        r->scale = c.scale.data;
        r->shift = c.shift.data;
    }
    if (c.alias == OUT_IS_B && (c.second != WHOLE || r->operation == ELEMENTWISE_FIRST))
        c.alias = NO_ALIAS;
    if (c.alias == OUT_IS_RESIDUAL || number / 96 % 2)
        r->residual = c.residual.data;
    CASE ("case %d: operation %d, b shape %d, %d pixels, affine %d, residual %d, out is %d, %s", number,
          (int)r->operation, (int)c.second, (int)r->pixels, r->scale != NULL, r->residual != NULL, (int)c.alias,
          c.epilogue.name);
    return c;
}

static void elementwise_case_free (struct elementwise_case *c)
{
    guarded_free (&c->a);
    guarded_free (&c->b);
    guarded_free (&c->residual);
    guarded_free (&c->scale);
    guarded_free (&c->shift);
    epilogue_case_free (&c->epilogue);
}

static void elementwise_expect_one (const struct elementwise_case *c, int i, struct expected *e)
{
    const struct elementwise_args *r = &c->args;
    double v = c->a.data[i], magnitude = fabs (v);
    if (r->operation != ELEMENTWISE_FIRST) {
        double b = c->b.data[i / 16 * r->b_pixel + (r->b_lane ? 0 : i % 16)];
        if (r->operation == ELEMENTWISE_ADD) {
            v += b;
            magnitude += fabs (b);
        } else if (r->operation == ELEMENTWISE_MUL) {
            v *= b;
            magnitude = fabs (v);
        } else if (r->operation == ELEMENTWISE_MAX) {
            v = fmax (v, b);
            magnitude = fmax (magnitude, fabs (b));
        } else {
            double by = c->b.data[i / 16 * r->b_pixel + 1];
            v = (v - b) * by;
            magnitude = (magnitude + fabs (b)) * fabs (by);
        }
    }
    int channel = r->channel + i % 16;
    if (r->scale) {
        v = v * c->scale.data[channel] + c->shift.data[channel];
        magnitude = magnitude * fabs ((double)c->scale.data[channel]) + fabs ((double)c->shift.data[channel]);
    }
    double more = r->residual ? c->residual.data[i] : 0;
    epilogue_expect (r->epilogue, channel, v + more, magnitude + fabs (more), 4, &e->value[i], &e->bound[i]);
}

void check_elementwise (void)
{
    for (int number = 0; number < 12 * 192; number++) {
        struct elementwise_case c = elementwise_case_new (number);
        c.args.epilogue = &c.epilogue.epilogue;
        struct expected e = expected_new (c.a.count);
        for (int i = 0; i < (int)e.count; i++)
            elementwise_expect_one (&c, i, &e);
        struct guarded out = guarded_new (e.count, ALIGNED_TO_BLOCK, number / 2 % 2);
        for (int t = case_begin (); t < table_count; t++) {
            const struct guarded *same[ALIASES] = { NULL, &c.a, &c.b, &c.residual };
            struct elementwise_args args = c.args;
            guarded_clear (&out);
            if (same[c.alias])
                memcpy (out.data, same[c.alias]->data, out.count * sizeof (float));
            args.out = out.data;
            args.a = c.alias == OUT_IS_A ? out.data : c.a.data;
            args.b = args.operation == ELEMENTWISE_FIRST ? NULL : c.alias == OUT_IS_B ? out.data : c.b.data;
            if (c.alias == OUT_IS_RESIDUAL)
                args.residual = out.data;
            tables[t]->elementwise (&args);
            compare (tables[t], &out, &e);
        }
        guarded_free (&out);
        expected_free (&e);
        elementwise_case_free (&c);
    }
}

/* Every activation over a wide range and at the places where things change. */
void check_activations (void)
{
    static const float special[] = { 0,  -0.0f, 1e-30f, -1e-30f, 1e-8f, -1e-8f, 1e-4f, -1e-4f, 3,   -3,
                                     1,  -1,    0.5f,   -0.5f,   20,    -20,    87,    -87,    88,  -88,
                                     89, -89,   104,    -104,    1000,  -1000,  1e10f, -1e10f, NAN, -NAN };
    enum { SPECIAL = sizeof special / sizeof *special, COUNT = 16 * 500 };
    struct guarded in = guarded_new (COUNT, ALIGNED_TO_BLOCK, true), out = guarded_new (COUNT, ALIGNED_TO_BLOCK, true);
    struct expected e = expected_new (COUNT);
    for (int i = 0; i < COUNT; i++)
        in.data[i] = i < SPECIAL ? special[i] : 12 * random_float () * fabsf (random_float ());
    for (int kind = 0; kind < ACTIVATION_KINDS; kind++) {
        struct epilogue_case f = epilogue_case_new (CLAMPS + kind, 16);
        for (int i = 0; i < COUNT; i++) {
            double slope = f.epilogue.slope ? f.epilogue.slope[i % 16] : 0;
            e.value[i] = reference_activation (f.epilogue.activation, slope, in.data[i]);
            e.bound[i] = reference_activation_error (f.epilogue.activation, in.data[i], e.value[i]);
        }
        CASE ("%s", f.name);
        struct elementwise_args args = {
            .operation = ELEMENTWISE_FIRST, .a = in.data, .out = out.data, .pixels = COUNT / 16, .epilogue = &f.epilogue
        };
        for (int t = case_begin (); t < table_count; t++) {
            guarded_clear (&out);
            tables[t]->elementwise (&args);
            compare (tables[t], &out, &e);
        }
        epilogue_case_free (&f);
    }
    guarded_free (&in);
    guarded_free (&out);
    expected_free (&e);
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

/* channels [i] at pixel p of a blocked tensor whose blocks are `block` floats apart. */
static size_t blocked_at (int channel, int pixel, size_t block)
{
    return (size_t)(channel / 16) * block + (size_t)(16 * pixel + channel % 16);
}

static void softmax_case (int channels, int pixels, int number)
{
    int blocks = (channels + 15) / 16;
    size_t block = 16 * (size_t)(pixels + number % 2);
    struct guarded in = guarded_new ((size_t)(blocks - 1) * block + 16 * (size_t)pixels, ALIGNED_TO_BLOCK, true);
    struct guarded out = guarded_new (in.count, ALIGNED_TO_BLOCK, number % 2);
    struct expected e = expected_new (in.count);
    double *planar = calloc ((size_t)(channels * pixels), sizeof (double)),
           *want = calloc ((size_t)(channels * pixels), sizeof (double));
    float scale = number % 3 == 0 ? 1 : number % 3 == 1 ? 30 : 1e30f;
    for (int c = 0; c < 16 * blocks; c++)
        for (int p = 0; p < pixels; p++) {
            float value = c < channels ? scale * random_float () : NAN; /* past the end: not to be counted */
            if (number % 11 == 10 && c == channels / 2 && p == 0)
                value = NAN;
            in.data[blocked_at (c, p, block)] = value;
            if (c < channels)
                planar[c * pixels + p] = value;
        }
    reference_softmax (channels, pixels, planar, want);
    for (int c = 0; c < 16 * blocks; c++)
        for (int p = 0; p < pixels; p++) {
            size_t at = blocked_at (c, p, block);
            e.value[at] = c < channels ? want[c * pixels + p] : 0;
            e.bound[at] = c < channels ? e.value[at] * (channels + 300) * FLT_EPSILON + 1e-36 : 0;
            if (number % 11 == 10 && p == 0 && c >= channels)
                e.value[at] = NAN; /* 0 times it */
        }
    CASE ("case %d: %d channels, %d pixels, scale %g", number, channels, pixels, (double)scale);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        if (number / 2 % 2)
            memcpy (out.data, in.data, out.count * sizeof (float)); /* gaps hold our NaN there too */
        tables[t]->softmax (number / 2 % 2 ? out.data : in.data, out.data, channels, pixels, (ptrdiff_t)block);
        compare (tables[t], &out, &e);
    }
    guarded_free (&in);
    guarded_free (&out);
    expected_free (&e);
    free (planar);
    free (want);
}

void check_softmax (void)
{
    static const int many[] = { 100, 127, 1000, 1001 };
    int number = 0;
    for (int channels = 1; channels <= 49; channels++)
        for (int pixels = 1; pixels <= 3; pixels++)
            softmax_case (channels, pixels, number++);
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        softmax_case (many[i], 1, number++);
}

/* ---- conversions ------------------------------------------------------------------------------------------------ */

/* planar [channels][pixels] at any float's address, blocked padded with zeros. */
static void conversion_case (int channels, int pixels, bool to_blocked)
{
    int padded = (channels + 15) / 16 * 16;
    struct guarded planar = guarded_new ((size_t)(channels * pixels), ALIGNED_TO_FLOAT, pixels % 2);
    struct guarded blocked = guarded_new ((size_t)(padded * pixels), ALIGNED_TO_BLOCK, channels % 2);
    struct guarded *in = to_blocked ? &planar : &blocked, *out = to_blocked ? &blocked : &planar;
    struct expected e = expected_new (out->count);
    guarded_random (in);
    for (int c = 0; c < padded; c++)
        for (int p = 0; p < pixels; p++) {
            size_t inside = blocked_at (c, p, 16 * (size_t)pixels), flat = (size_t)(c * pixels + p);
            if (c < channels) {
                e.value[to_blocked ? inside : flat] = in->data[to_blocked ? flat : inside];
                e.bound[to_blocked ? inside : flat] = 0;
            } else if (to_blocked) {
                e.bound[inside] = 0;
            }
        }
    CASE ("%d channels, %d pixels", channels, pixels);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (out);
        if (to_blocked)
            tables[t]->reorder_to_blocked (in->data, out->data, channels, pixels);
        else
            tables[t]->reorder_to_planar (in->data, out->data, channels, pixels);
        compare (tables[t], out, &e);
    }
    guarded_free (&planar);
    guarded_free (&blocked);
    expected_free (&e);
}

static void check_conversion (bool to_blocked)
{
    static const int channel_counts[] = { 1, 2, 3, 4, 7, 15, 16, 17, 31, 32, 33, 64, 100 };
    for (size_t i = 0; i < sizeof channel_counts / sizeof *channel_counts; i++)
        for (int pixels = 1; pixels <= 40; pixels++)
            conversion_case (channel_counts[i], pixels, to_blocked);
}

void check_reorder_to_blocked (void)
{
    check_conversion (true);
}

void check_reorder_to_planar (void)
{
    check_conversion (false);
}

/* ---- picks ------------------------------------------------------------------------------------------------------ */

/* Channels of `blocks` blocks in random order, or interleaved as by a channel shuffle, some of them from nowhere. */
static void pick_case (int pixels, int blocks, int step, bool shuffle, bool filled)
{
    size_t block = (size_t)(16 * (pixels - 1) * step + 16);
    struct guarded in = guarded_new ((size_t)blocks * block, ALIGNED_TO_BLOCK, pixels % 2);
    struct guarded out = guarded_new ((size_t)(16 * pixels), ALIGNED_TO_BLOCK, pixels % 3 == 0);
    struct expected e = expected_new (out.count);
    float fill = -0.25f;
    struct pick_args args = { .in_pixel = 16 * step, .pixels = pixels, .fill = filled ? &fill : NULL, .out = out.data };
    guarded_random (&in);
    int first = random_between (0, 16 * blocks - 1);
    for (int c = 0; c < 16; c++) {
        int from =
            shuffle ? (first + c / 2 + c % 2 * 16 * blocks / 2) % (16 * blocks) : random_between (0, 16 * blocks - 1);
        bool nowhere = random_between (0, 5) == 0;
        args.from[c] = nowhere ? NULL : in.data + (size_t)(from / 16) * block + from % 16;
        for (int p = 0; p < pixels && (filled || !nowhere); p++) {
            e.value[16 * p + c] = (double)(nowhere ? fill : ((const float *)args.from[c])[16 * p * step]);
            e.bound[16 * p + c] = 0;
        }
    }
    CASE ("%d pixels, %d blocks, every %d-th, shuffle %d, filled %d", pixels, blocks, step, shuffle, filled);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        tables[t]->pick (&args);
        compare (tables[t], &out, &e);
    }
    guarded_free (&in);
    guarded_free (&out);
    expected_free (&e);
}

/* The same of bytes. */
static void pick_bytes_case (int pixels, int blocks, int step, bool shuffle, bool filled)
{
    size_t block = (size_t)(16 * (pixels - 1) * step + 16);
    struct guarded in = guarded_new ((size_t)blocks * block / 4, ALIGNED_TO_BLOCK, pixels % 2);
    struct guarded out = guarded_new ((size_t)(4 * pixels), ALIGNED_TO_BLOCK, pixels % 3 == 0);
    uint8_t fill = 77, before[16 * 80];
    struct pick_args args = { .in_pixel = 16 * step, .pixels = pixels, .fill = filled ? &fill : NULL, .out = out.data };
    for (size_t i = 0; i < (size_t)blocks * block; i++)
        ((uint8_t *)in.data)[i] = (uint8_t)random_between (0, 255);
    int first = random_between (0, 16 * blocks - 1);
    for (int c = 0; c < 16; c++) {
        int from =
            shuffle ? (first + c / 2 + c % 2 * 16 * blocks / 2) % (16 * blocks) : random_between (0, 16 * blocks - 1);
        args.from[c] =
            random_between (0, 5) ? (const uint8_t *)in.data + (size_t)(from / 16) * block + from % 16 : NULL;
    }
    CASE ("%d pixels, %d blocks, every %d-th, shuffle %d, filled %d", pixels, blocks, step, shuffle, filled);
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        memcpy (before, out.data, (size_t)(16 * pixels));
        tables[t]->pick_bytes (&args);
        for (int i = 0; i < 16 * pixels; i++) {
            const uint8_t *from = args.from[i % 16];
            int want = from ? from[i / 16 * 16 * step] : filled ? fill : before[i];
            CHECK (((uint8_t *)out.data)[i] == want, "%s: %s: at %d %d, not %d", tables[t]->name, what, i,
                   ((uint8_t *)out.data)[i], want);
        }
    }
    guarded_free (&in);
    guarded_free (&out);
}

void check_pick_bytes (void)
{
    for (int i = 0; i < 400; i++)
        pick_bytes_case (random_between (1, 80), random_between (1, 8), i % 3 ? 1 : random_between (2, 3), i % 2,
                         i / 2 % 2);
    for (int blocks = 1; blocks <= 40; blocks += 13) /* as many pixels as lanes */
        pick_bytes_case (21, blocks, 1, false, true);
}

void check_pick (void)
{
    for (int i = 0; i < 400; i++)
        pick_case (random_between (1, 20), random_between (1, 8), random_between (1, 3), i % 2, i / 2 % 2);
    for (int blocks = 1; blocks <= 40; blocks += 13) /* as many vectors as lanes */
        pick_case (5, blocks, 1, false, true);
}

/* ---- the CPU ---------------------------------------------------------------------------------------------------- */

void check_peak (void)
{
    for (int t = 0; t < table_count; t++) {
        float sink[16] = { 0.5f, 0.25f, NAN };
        double one = tables[t]->peak (1, sink), many = tables[t]->peak (1000, sink);
        CHECK (one > 0 && many == 1000 * one, "%s: %g operations, then %g", tables[t]->name, one, many);
        CHECK (isfinite (sink[2]), "%s: result %g", tables[t]->name, (double)sink[2]);
    }
}

/* What a kernel of this table makes of x * y; no other arithmetic is done on the way. */
static float product_through (const struct kernels *k, float x, float y)
{
    struct guarded a = guarded_new (16, ALIGNED_TO_BLOCK, true), b = guarded_new (16, ALIGNED_TO_BLOCK, true);
    struct guarded out = guarded_new (16, ALIGNED_TO_BLOCK, true);
    struct epilogue none = { .clamp_only = false, .activation.kind = ACTIVATION_NONE };
    struct elementwise_args args = { .operation = ELEMENTWISE_MUL,
                                     .a = a.data,
                                     .b = b.data,
                                     .b_pixel = 16,
                                     .out = out.data,
                                     .pixels = 1,
                                     .epilogue = &none };
    for (int i = 0; i < 16; i++) {
        a.data[i] = x;
        b.data[i] = y;
    }
    k->elementwise (&args);
    float result = out.data[5];
    guarded_free (&a);
    guarded_free (&b);
    guarded_free (&out);
    return result;
}

static const float denormal = FLT_MIN / 4;

/* 1 + 2^-25: above 1 when rounding upwards only. fegetround will not do: it may ask another unit's control word. */
static float rounded_up (void)
{
    volatile float one = 1, little = 0x1p-25f;
    return one + little;
}

void check_fpu_enter (void)
{
    for (int t = 0; t < table_count; t++) {
        fesetround (FE_UPWARD);
        feenableexcept (FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
        uint64_t saved = tables[t]->fpu_enter ();
        float in = product_through (tables[t], denormal, 0x1p100f), out = product_through (tables[t], FLT_MIN, 0.25f);
        float up = rounded_up ();
        volatile float zero = 0, none = zero / zero; /* no signal, whatever the caller had unmasked */
        tables[t]->fpu_leave (saved);
        fedisableexcept (FE_ALL_EXCEPT);
        fesetround (FE_TONEAREST);
        CHECK (up == 1, "%s: 1 + 2^-25 is %.9g", tables[t]->name, (double)up);
        CHECK (in == 0 && out == 0, "%s: denormals came through as %g and %g", tables[t]->name, (double)in,
               (double)out);
        CHECK (isnan (none), "%s: 0 / 0 is %g", tables[t]->name, (double)none);
    }
}

void check_fpu_leave (void)
{
    for (int t = 0; t < table_count; t++) {
        fesetround (FE_UPWARD);
        tables[t]->fpu_leave (tables[t]->fpu_enter ());
        float in = product_through (tables[t], denormal, 0x1p100f), out = product_through (tables[t], FLT_MIN, 0.25f);
        float up = rounded_up ();
        fesetround (FE_TONEAREST);
        CHECK (up > 1, "%s: 1 + 2^-25 is %.9g", tables[t]->name, (double)up);
        CHECK (in == denormal * 0x1p100f && out == denormal, "%s: denormals came through as %g and %g", tables[t]->name,
               (double)in, (double)out);
    }
}
