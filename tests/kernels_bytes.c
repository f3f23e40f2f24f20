/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_bytes.c: the tests of the kernels of bytes: convolutions, to and from floats, maxima.
 *
 * Sums are compared with 64-bit whole numbers, exactly; what comes of them with the contract's formula in C, bit for
 * bit where the epilogue only clamps, and otherwise with the first table's: those with fused multiply-adds agree. */
#include "tests/check_kernels.h"
#include "tests/plane.h"
#include "tests/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- conv ------------------------------------------------------------------------------------------------------ */

enum { SEGMENTS = 3, BLOCKS = 3, DEPTH_MAX = SEGMENTS * 48 };

struct bytes_case {
    int pixels, blocks, channel, depth, before, reach;
    int stride; /* in numbers, as all below */
    ptrdiff_t out_block;
    struct segment segments[SEGMENTS];
    uint8_t *input; /* [before + reach] */
    int8_t weights[DEPTH_MAX][16 * BLOCKS];
    struct guarded start, scale, shift; /* [channel + 16 blocks]; start: int32 */
    struct guarded residual;            /* bytes or floats, like out */
    enum residual_mode mode;
    struct requantise requantise;
    struct epilogue_case epilogue;
};

static struct guarded array_of (int count)
{
    return guarded_new ((size_t)count, ALIGNED_TO_BLOCK, true);
}

/* full: the largest numbers there are, where a sum that saturates would show. */
static struct bytes_case *case_new (int number, int pixels, int stride, enum residual_mode mode, bool full)
{
    struct bytes_case *c = calloc (1, sizeof *c);
    c->pixels = pixels;
    c->stride = stride;
    c->mode = mode;
    c->blocks = random_between (1, BLOCKS);
    c->channel = 16 * random_between (0, 2);
    c->out_block = 16 * (pixels + random_between (0, 2));
    c->before = 4 * random_between (0, 5);
    for (int s = 0; s < SEGMENTS; s++) {
        struct segment *segment = &c->segments[s];
        segment->offset = s == 0 ? -c->before : 4 * random_between (-c->before / 4, 15);
        segment->length = random_between (0, 1) ? 16 * random_between (1, 3) : 4 * random_between (1, 5);
        c->depth += segment->length;
        int end = segment->offset + segment->length;
        c->reach = end > c->reach ? end : c->reach;
    }
    c->reach += (pixels - 1) * stride;
    c->input = malloc ((size_t)(c->before + c->reach));
    for (int i = 0; i < c->before + c->reach; i++)
        c->input[i] = full ? 255 : (uint8_t)random_between (0, 255);
    for (int k = 0; k < c->depth; k++)
        for (int o = 0; o < 16 * BLOCKS; o++)
            c->weights[k][o] = (int8_t)(full ? (o % 2 ? 127 : -127) : random_between (-127, 127));
    int channels = c->channel + 16 * c->blocks;
    c->start = array_of (channels);
    c->scale = array_of (channels);
    c->shift = array_of (channels);
    for (int i = 0; i < channels; i++) {
        int32_t start = random_between (-100000, 100000);
        memcpy (c->start.data + i, &start, sizeof start);
        c->scale.data[i] = (0.5f + fabsf (random_float ())) * 1e-4f;
        c->shift.data[i] = 2 * random_float ();
    }
    c->requantise = (struct requantise) { .scale = c->scale.data,
                                          .shift = c->shift.data,
                                          .residual_scale = 0.01f,
                                          .residual = random_between (0, 2) ? ELEMENT_U8 : ELEMENT_F32,
                                          .out = number % 2 ? ELEMENT_U8 : ELEMENT_F32,
                                          .twice = number % 5 == 2,
                                          .low = -20,
                                          .high = 150,
                                          .again = 0.9f,
                                          .beyond = 7.5f };
    if (mode == RESIDUAL_IN_PLACE)
        c->requantise.residual = c->requantise.out;
    c->requantise.bounded = random_between (0, 1) && (mode == NO_RESIDUAL || c->requantise.residual == ELEMENT_U8);
    c->epilogue = epilogue_case_new (number % EPILOGUES, channels);
    if (c->requantise.out == ELEMENT_U8) { /* to codes, and within them */
        struct epilogue *e = &c->epilogue.epilogue;
        for (int i = 0; i < channels; i++) {
            c->scale.data[i] *= e->clamp_only ? 50 : 1;
            if (e->clamp_only && i % 5 == 0) /* up to 2^29, or far over 2^31 */
                c->scale.data[i] *= c->requantise.bounded ? 1e4f : 1e12f;
            c->shift.data[i] = c->shift.data[i] * (e->clamp_only ? 50 : 1) + (e->clamp_only ? 99 : 0);
            if (e->post_scale) {
                c->epilogue.scale.data[i] *= 40;
                c->epilogue.shift.data[i] = c->epilogue.shift.data[i] * 40 + 120;
            }
        }
        if (e->clamp_only && !c->requantise.twice)
            c->scale.data[c->channel + 3] = NAN;
        static const float lows[] = { 0, 12.5f, 90 }, highs[] = { 255, 176.5f, 177 };
        e->low = e->clamp_only ? lows[random_between (0, 2)] : 0;
        e->high = e->clamp_only ? highs[random_between (0, 2)] : 177;
    }
    size_t numbers = (size_t)((c->blocks - 1) * c->out_block + 16 * pixels);
    c->residual = array_of ((int)(numbers / (c->requantise.residual == ELEMENT_U8 ? 4 : 1)));
    for (size_t i = 0; i < numbers; i++)
        if (c->requantise.residual == ELEMENT_U8)
            ((uint8_t *)c->residual.data)[i] = (uint8_t)random_between (0, 255);
        else
            c->residual.data[i] = random_float ();
    return c;
}

static void case_free (struct bytes_case *c)
{
    free (c->input);
    guarded_free (&c->start);
    guarded_free (&c->scale);
    guarded_free (&c->shift);
    guarded_free (&c->residual);
    epilogue_case_free (&c->epilogue);
    free (c);
}

static int64_t sum_at (const struct bytes_case *c, int p, int o)
{
    int32_t start;
    memcpy (&start, c->start.data + c->channel + o, sizeof start);
    int64_t sum = start;
    for (int s = 0, k = 0; s < SEGMENTS; s++)
        for (int i = 0; i < c->segments[s].length; i++, k++)
            sum += c->input[c->before + p * c->stride + c->segments[s].offset + i] * c->weights[k][o];
    return sum;
}

/* What the contract says of one output: exactly where the epilogue clamps; otherwise within *bound. */
static double value_at (const struct bytes_case *c, int p, int o, double *bound)
{
    const struct epilogue *e = &c->epilogue.epilogue;
    ptrdiff_t at = o / 16 * c->out_block + 16 * p + o % 16;
    float v = fmaf ((float)sum_at (c, p, o), c->scale.data[c->channel + o], c->shift.data[c->channel + o]);
    bool bytes = c->requantise.out == ELEMENT_U8;
    const struct requantise *how = &c->requantise;
    if (how->twice)
        v = fmaf (rintf (fminf (fmaxf (v, how->low), how->high)), how->again, how->beyond);
    if (c->mode != NO_RESIDUAL) {
        float more =
            c->requantise.residual == ELEMENT_U8 ? ((const uint8_t *)c->residual.data)[at] : c->residual.data[at];
        v = fmaf (more, c->requantise.residual_scale, v);
    }
    double value;
    *bound = 0;
    if (e->clamp_only)
        value = (double)fminf (fmaxf (v, e->low), e->high);
    else
        epilogue_expect (e, c->channel + o, (double)v, fabs ((double)v), 2, &value, bound);
    if (!bytes)
        return value;
    *bound = e->clamp_only ? 0 : *bound + 0.5 + 1e-4;
    value = fmin (fmax (value, 0), 255);
    return e->clamp_only ? rint (value) : value;
}

/* All blocks, as many at a time as the kernel takes, with input and weights as it wants them. */
static void case_run (const struct bytes_case *c, const struct conv_kernel *k, struct guarded *out)
{
    size_t in_size = element_bytes (k->staged), weight_size = element_bytes (k->weight);
    size_t out_size = element_bytes (c->requantise.out), residual_size = element_bytes (c->requantise.residual);
    int step = k->k_step, numbers = c->before + c->reach;
    struct guarded input = guarded_new ((size_t)numbers * in_size / 4, ALIGNED_TO_FLOAT, true);
    if (k->stage)
        k->stage (c->input, input.data, numbers);
    else
        memcpy (input.data, c->input, (size_t)numbers);
    struct segment segments[SEGMENTS];
    for (int s = 0; s < SEGMENTS; s++)
        segments[s] = (struct segment) { c->segments[s].offset / step, c->segments[s].length / step };
    struct guarded start = array_of ((int)c->start.count);
    const char *residual = c->mode == RESIDUAL ? (const char *)c->residual.data : (const char *)out->data;
    for (int b = 0; b < c->blocks; b += k->nr_blocks) {
        int blocks = c->blocks - b < k->nr_blocks ? c->blocks - b : k->nr_blocks, wide = 16 * blocks;
        struct guarded weights = array_of ((int)((size_t)(c->depth * wide) * weight_size / 4));
        memcpy (start.data, c->start.data, c->start.count * sizeof (float));
        for (int d = 0; d < c->depth; d++)
            for (int o = 0; o < wide; o++) {
                int8_t w = c->weights[d][16 * b + o];
                size_t at = (size_t)((d / step * wide + o) * step + d % step);
                if (k->weight == ELEMENT_S16)
                    ((int16_t *)(void *)weights.data)[at] = w;
                else
                    ((int8_t *)weights.data)[at] = w;
                ((int32_t *)(void *)start.data)[c->channel + 16 * b + o] += k->excess * w;
            }
        struct conv_args args = { .input = (const char *)input.data + (size_t)c->before * in_size,
                                  .segments = segments,
                                  .segment_count = SEGMENTS,
                                  .pixel_stride = c->stride / step,
                                  .weights = weights.data,
                                  .bias = start.data,
                                  .out = (char *)out->data + (size_t)(b * c->out_block) * out_size,
                                  .out_block = c->out_block,
                                  .pixels = c->pixels,
                                  .blocks = blocks,
                                  .channel = c->channel + 16 * b,
                                  .prefetch = c->pixels % 2
                                                  ? (struct prefetch) { .next = weights.data, .step = 16, .apart = 16 }
                                                  : (struct prefetch) { 0 },
                                  .epilogue = &c->epilogue.epilogue,
                                  .requantise = &c->requantise };
        if (c->mode != NO_RESIDUAL)
            args.residual = residual + (size_t)(b * c->out_block) * residual_size;
        k->run (&args);
        guarded_free (&weights);
    }
    guarded_free (&start);
    guarded_free (&input);
}

/* The number at `at`, and whether nothing was written there; NULL where all is well. */
static void compare_bytes (const struct bytes_case *c, const char *table, const struct guarded *out, bool *fine)
{
    for (int b = 0; b < c->blocks && *fine; b++)
        for (int i = 0; i < c->out_block && *fine; i++) {
            ptrdiff_t at = b * c->out_block + i;
            if (b == c->blocks - 1 && i >= 16 * c->pixels)
                return;
            bool bytes = c->requantise.out == ELEMENT_U8, inside = i < 16 * c->pixels;
            double bound = 0, want = inside ? value_at (c, i / 16, 16 * b + i % 16, &bound) : 0;
            double got = bytes ? ((const uint8_t *)out->data)[at] : (double)out->data[at];
            if (!inside) { /* our NaN's bytes */
                static const uint8_t canary[4] = { 0xef, 0xbe, 0xc0, 0x7f };
                *fine = bytes ? (uint8_t)got == canary[at % 4] : isnan (got);
            } else {
                *fine = fabs (got - want) <= bound || (isnan (want) && (isnan (got) || got == 0)) || isinf (bound);
            }
            CHECK (*fine, "%s: %s: at block %d, number %d: %g and not %g within %g", table, what, b, i, got, want,
                   bound);
        }
}

static void one_conv_case (int number, int pixels, int stride, enum residual_mode mode, bool full)
{
    struct bytes_case *c = case_new (number, pixels, stride, mode, full);
    size_t size = element_bytes (c->requantise.out);
    struct guarded out = array_of ((int)((size_t)((c->blocks - 1) * c->out_block + 16 * pixels) * size / 4)),
                   first = { 0 };
    CASE ("case %d: %d pixels, stride %d, %d blocks, depth %d, residual %d of %d, out %d, %s", number, pixels, stride,
          c->blocks, c->depth, mode, (int)c->requantise.residual, (int)c->requantise.out, c->epilogue.name);
    bool fine = true;
    for (int t = 0; t < table_count; t++)
        for (int i = 0; i < tables[t]->conv_count && fine; i++) {
            const struct conv_kernel *k = &tables[t]->conv[i];
            if (k->in != ELEMENT_U8 || k->out != c->requantise.out || (k->needs & ~can_run))
                continue;
            guarded_clear (&out);
            if (mode == RESIDUAL_IN_PLACE) /* the gaps between blocks stay as they are */
                for (int b = 0; b < c->blocks; b++)
                    memcpy ((char *)out.data + (size_t)(b * c->out_block) * size,
                            (char *)c->residual.data + (size_t)(b * c->out_block) * size, (size_t)(16 * pixels) * size);
            case_run (c, k, &out);
            compare_bytes (c, tables[t]->name, &out, &fine);
            bool fused = strcmp (tables[t]->name, "scalar") || c->epilogue.epilogue.clamp_only;
            if (fused && !first.data) {
                first = array_of ((int)out.count);
                memcpy (first.data, out.data, out.count * sizeof (float));
            }
            CHECK (!fused || !memcmp (first.data, out.data, out.count * sizeof (float)),
                   "%s, %d terms in a word: %s: other bits", tables[t]->name, k->k_step, what);
        }
    guarded_free (&out);
    guarded_free (&first);
    case_free (c);
}

void check_conv_bytes (void)
{
    static const int strides[] = { 16, 32, 48, 4, 20 };
    int number = 0;
    for (int pixels = 1; pixels <= 30; pixels++)
        for (size_t s = 0; s < sizeof strides / sizeof *strides; s++)
            for (int mode = 0; mode < RESIDUAL_MODES; mode++, number++)
                one_conv_case (number, pixels, strides[s], (enum residual_mode)mode, number % 10 == 0);
}

/* ---- to and from floats ---------------------------------------------------------------------------------------- */

void check_quantise (void)
{
    for (int number = 0; number < 60; number++) {
        int count = 16 * random_between (1, 9);
        float scale = 300 * fabsf (random_float ()), zero = (float)random_between (0, 255);
        struct guarded in = array_of (count), out = array_of (count / 4);
        guarded_random (&in);
        in.data[0] = NAN;
        in.data[1] = number % 2 ? INFINITY : -INFINITY;
        in.data[2] = (2.5f - zero) / scale; /* near half a step */
        CASE ("case %d: %d numbers, scale %g, zero %g", number, count, (double)scale, (double)zero);
        for (int t = 0; t < table_count; t++) {
            guarded_clear (&out);
            tables[t]->quantise (in.data, (uint8_t *)out.data, count, scale, zero);
            for (int i = 0; i < count; i++) {
                float v = fmaf (in.data[i], scale, zero);
                int want = !(v > 0) ? 0 : v > 255 ? 255 : (int)rintf (v), got = ((const uint8_t *)out.data)[i];
                CHECK (got == want, "%s: %s: at %d %g becomes %d, not %d", tables[t]->name, what, i, (double)in.data[i],
                       got, want);
            }
        }
        guarded_free (&in);
        guarded_free (&out);
    }
}

void check_dequantise (void)
{
    struct guarded in = array_of (64), out = array_of (256);
    for (int i = 0; i < 256; i++)
        ((uint8_t *)in.data)[i] = (uint8_t)(7 * i);
    for (int number = 0; number < 60; number++) {
        float scale = random_float (), zero = (float)random_between (0, 255);
        for (int t = 0; t < table_count; t++) {
            guarded_clear (&out);
            tables[t]->dequantise ((const uint8_t *)in.data, out.data, 256, scale, zero);
            for (int i = 0; i < 256; i++) {
                float want = ((float)(uint8_t)(7 * i) - zero) * scale;
                CHECK (!memcmp (&want, out.data + i, sizeof want), "%s: %d becomes %g, not %g", tables[t]->name,
                       (uint8_t)(7 * i), (double)out.data[i], (double)want);
            }
        }
    }
    guarded_free (&in);
    guarded_free (&out);
}

/* ---- maxima ---------------------------------------------------------------------------------------------------- */

/* Rows of planes, of numbers near and far and halfway between two bytes; all tables to the bit. */
void check_words (void)
{
    for (int number = 0; number < 200; number++) {
        int pixels = random_between (1, 150), channels = random_between (1, 4), plane = pixels + random_between (0, 9);
        float scale = number % 2 ? 0.5f : 0.01f + fabsf (random_float ()), zero = (float)random_between (0, 255);
        struct guarded in = array_of ((channels - 1) * plane + pixels), out = array_of (pixels);
        for (int i = 0; i < (channels - 1) * plane + pixels; i++)
            in.data[i] = i % 37 == 5   ? NAN
                         : i % 41 == 7 ? INFINITY
                         : number % 4  ? scale * (float)random_between (-600, 600) / 2
                                       : 300 * random_float ();
        CASE ("case %d: %d pixels of %d channels, scale %g, zero %g", number, pixels, channels, (double)scale,
              (double)zero);
        for (int t = 0; t < table_count; t++) {
            guarded_clear (&out);
            tables[t]->words (
                &(struct words_args) { in.data, plane, channels, pixels, scale, zero, (uint8_t *)out.data });
            for (int i = 0; i < channels * pixels; i++) {
                float x = in.data[i % channels * plane + i / channels], v = rintf (x / scale) + zero;
                int want = v > 0 ? (int)fminf (v, 255) : 0,
                    got = ((const uint8_t *)out.data)[i / channels * 4 + i % channels];
                CHECK (got == want, "%s: %s: byte %d of %g is %d, not %d", tables[t]->name, what, i, (double)x, got,
                       want);
            }
        }
        guarded_free (&in);
        guarded_free (&out);
    }
}

void check_max_bytes (void)
{
    for (int number = 0; number < 300; number++) {
        int width = random_between (1, number % 3 ? 20 : 300), count = random_between (0, 3);
        struct window w = {
            random_between (1, 3), random_between (1, 3), random_between (1, 2), random_between (0, 1), width, 0
        };
        w.out_width = (width + w.pad_left) / w.stride_w + 1; /* the last ones may see nothing */
        struct guarded in = array_of (3 * 4 * width), out = array_of (4 * w.out_width);
        const uint8_t *rows[3];
        for (int r = 0; r < 3; r++)
            rows[r] = (const uint8_t *)in.data + r * 16 * width;
        for (int i = 0; i < 3 * 16 * width; i++)
            ((uint8_t *)in.data)[i] = (uint8_t)random_between (0, 255);
        CASE ("case %d: %d rows of %d, kernel %d, stride %d, dilation %d, left %d", number, count, width, w.kernel_w,
              w.stride_w, w.dilation_w, w.pad_left);
        for (int t = 0; t < table_count; t++) {
            guarded_clear (&out);
            tables[t]->max_bytes (&(struct max_bytes_args) { rows, count, w, (uint8_t *)out.data });
            for (int i = 0; i < 16 * w.out_width; i++) {
                int most = 0;
                for (int r = 0; r < count; r++)
                    for (int k = 0; k < w.kernel_w; k++) {
                        int x = i / 16 * w.stride_w - w.pad_left + k * w.dilation_w;
                        if (x >= 0 && x < width && rows[r][16 * x + i % 16] > most)
                            most = rows[r][16 * x + i % 16];
                    }
                int got = ((const uint8_t *)out.data)[i];
                CHECK (got == most, "%s: %s: at %d %d, not %d", tables[t]->name, what, i, got, most);
            }
        }
        guarded_free (&in);
        guarded_free (&out);
    }
}
