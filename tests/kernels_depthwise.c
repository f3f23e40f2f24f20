/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_depthwise.c: the test of depthwise convolutions of bytes.
 *
 * Sums are 64-bit whole numbers; what comes of them is what the table's `elementwise` and `quantise` make of them as
 * floats, bit for bit: that is how tables without such a kernel do it. Where the epilogue only clamps it is also the
 * contract's formula in C. */
#include "tests/check_kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNED_TO_PIXEL = 16 }; /* blocks of bytes begin anywhere between two pixels */

struct depthwise_case {
    int number, kernel, stride, height, width, pad_top, pad_left, out_height, out_width, zero, channel;
    enum residual_mode mode;
    struct guarded in, weights;         /* bytes */
    struct guarded start, scale, shift; /* [channel + 16]; start: int32 */
    struct guarded residual, out;       /* bytes or floats */
    struct requantise requantise;
    struct epilogue_case epilogue;
    float *want; /* [out_height][out_width][16] */
};

static struct guarded bytes_of (int count, bool at_end)
{
    return guarded_new ((size_t)count / 4, (enum guarded_alignment)ALIGNED_TO_PIXEL, at_end);
}

static struct guarded channels_of (int count)
{
    return guarded_new ((size_t)count, ALIGNED_TO_BLOCK, true);
}

static struct guarded outputs_of (enum element element, int numbers, bool at_end)
{
    return element == ELEMENT_U8 ? bytes_of (numbers, at_end) : guarded_new ((size_t)numbers, ALIGNED_TO_BLOCK, at_end);
}

/* Of one filter, `tap` counted row by row. */
static int8_t *weight_at (const struct depthwise_case *c, int tap, int channel)
{
    int row = tap / c->kernel, k = tap % c->kernel, groups = (c->kernel + 3) / 4;
    return (int8_t *)c->weights.data + ((row * groups + k / 4) * 16 + channel) * 4 + k % 4;
}

static void random_bytes (struct guarded *g, bool full)
{
    for (size_t i = 0; i < 4 * g->count; i++)
        ((uint8_t *)g->data)[i] = full ? 255 : (uint8_t)random_between (0, 255);
}

/* full: the largest numbers there are, where a sum that saturates would show. */
static void case_numbers (struct depthwise_case *c, bool full)
{
    memset (c->weights.data, 0, 4 * c->weights.count);
    for (int tap = 0; tap < c->kernel * c->kernel; tap++)
        for (int i = 0; i < 16; i++)
            *weight_at (c, tap, i) = (int8_t)(full ? (i % 2 ? 127 : -127) : random_between (-127, 127));
    random_bytes (&c->in, full);
    for (int i = 0; i < c->channel + 16; i++) {
        int32_t start = random_between (-100000, 100000);
        memcpy (c->start.data + i, &start, sizeof start);
        c->scale.data[i] = (0.5f + fabsf (random_float ())) * 1e-3f;
        c->shift.data[i] = 2 * random_float ();
    }
    c->scale.data[c->channel] = random_between (0, 2) ? c->scale.data[c->channel] : NAN;
    if (c->requantise.out == ELEMENT_U8) { /* to codes, and within them */
        struct epilogue *e = &c->epilogue.epilogue;
        for (int i = 0; i < c->channel + 16; i++) {
            c->shift.data[i] = c->shift.data[i] * (e->clamp_only ? 50 : 1) + (e->clamp_only ? 99 : 0);
            if (e->post_scale) {
                c->epilogue.scale.data[i] *= 40;
                c->epilogue.shift.data[i] = c->epilogue.shift.data[i] * 40 + 120;
            }
        }
        e->low = e->clamp_only && random_between (0, 1) ? (float)random_between (0, 90) : 0;
        e->high = e->clamp_only && random_between (0, 3) ? 255 : 177;
    }
    if (c->requantise.residual == ELEMENT_U8)
        random_bytes (&c->residual, false);
    else
        guarded_random (&c->residual);
}

static int64_t sum_at (const struct depthwise_case *c, int y, int x, int channel)
{
    int32_t start;
    memcpy (&start, c->start.data + c->channel + channel, sizeof start);
    int64_t sum = start;
    for (int tap = 0; tap < c->kernel * c->kernel; tap++) {
        int row = y * c->stride + tap / c->kernel - c->pad_top, at = x * c->stride + tap % c->kernel - c->pad_left;
        bool inside = row >= 0 && row < c->height && at >= 0 && at < c->width;
        int number = inside ? ((const uint8_t *)c->in.data)[(row * c->width + at) * 16 + channel] : c->zero;
        sum += number * *weight_at (c, tap, channel);
    }
    return sum;
}

static float residual_at (const struct depthwise_case *c, int i)
{
    float more = c->requantise.residual == ELEMENT_U8 ? ((const uint8_t *)c->residual.data)[i] : c->residual.data[i];
    return more * c->requantise.residual_scale;
}

/* c->want: the sums' outputs by the table's other kernels. */
static void case_expect (struct depthwise_case *c, const struct kernels *k)
{
    int pixels = c->out_height * c->out_width;
    struct guarded sums = channels_of (16 * pixels), more = channels_of (16 * pixels);
    for (int i = 0; i < 16 * pixels; i++) {
        sums.data[i] = (float)sum_at (c, i / 16 / c->out_width, i / 16 % c->out_width, i % 16);
        more.data[i] = residual_at (c, i);
    }
    for (int i = 0; i < 16 * pixels && c->requantise.twice; i++) {
        const struct requantise *how = &c->requantise;
        float v = fmaf (sums.data[i], how->scale[c->channel + i % 16], how->shift[c->channel + i % 16]);
        v = v < how->low ? how->low : v > how->high ? how->high : v;
        sums.data[i] = fmaf (rintf (v), how->again, how->beyond);
    }
    k->elementwise (&(struct elementwise_args) { .operation = ELEMENTWISE_FIRST,
                                                 .a = sums.data,
                                                 .scale = c->requantise.twice ? NULL : c->scale.data,
                                                 .shift = c->requantise.twice ? NULL : c->shift.data,
                                                 .residual = c->mode == NO_RESIDUAL ? NULL : more.data,
                                                 .out = sums.data,
                                                 .pixels = pixels,
                                                 .channel = c->channel,
                                                 .epilogue = &c->epilogue.epilogue });
    memcpy (c->want, sums.data, sums.count * sizeof (float));
    if (c->requantise.out == ELEMENT_U8) {
        struct guarded bytes = bytes_of (16 * pixels, true);
        k->quantise (sums.data, (uint8_t *)bytes.data, 16 * pixels, 1, 0);
        for (int i = 0; i < 16 * pixels; i++)
            c->want[i] = ((const uint8_t *)bytes.data)[i];
        guarded_free (&bytes);
    }
    for (int i = 0; i < 16 * pixels && c->epilogue.epilogue.clamp_only && !c->requantise.twice; i++) {
        float v = (float)sum_at (c, i / 16 / c->out_width, i / 16 % c->out_width, i % 16);
        v = fmaf (v, c->scale.data[c->channel + i % 16], c->shift.data[c->channel + i % 16]);
        v = c->mode == NO_RESIDUAL ? v : v + residual_at (c, i);
        v = v < c->epilogue.epilogue.low ? c->epilogue.epilogue.low : v;
        v = v > c->epilogue.epilogue.high ? c->epilogue.epilogue.high : v;
        if (c->requantise.out == ELEMENT_U8)
            v = v > 0 ? rintf (v) : 0;
        CHECK (v == c->want[i] || (isnan (v) && isnan (c->want[i])), "%s: %s: at %d %g and not %g", k->name, what, i,
               (double)c->want[i], (double)v);
    }
    guarded_free (&sums);
    guarded_free (&more);
}

/* Some rows at a time, each with scratch of its own. */
static void case_run (struct depthwise_case *c, const struct kernels *k)
{
    size_t size = element_bytes (c->requantise.out), residual_size = element_bytes (c->requantise.residual);
    guarded_clear (&c->out);
    if (c->mode == RESIDUAL_IN_PLACE)
        memcpy (c->out.data, c->residual.data, c->residual.count * sizeof (float));
    const char *residual = (const char *)(c->mode == RESIDUAL_IN_PLACE ? c->out.data : c->residual.data);
    for (int y = 0, rows; y < c->out_height; y += rows) {
        rows = 1 + (y + c->number) % 6 < c->out_height - y ? 1 + (y + c->number) % 6 : c->out_height - y;
        size_t bytes = depthwise_bytes_scratch (c->kernel, c->stride, c->out_width, rows);
        size_t first = (size_t)(16 * y * c->out_width);
        struct guarded scratch = channels_of ((int)(bytes / 4));
        struct depthwise_bytes_args args = { .in = (const uint8_t *)c->in.data,
                                             .weights = (const int8_t *)c->weights.data,
                                             .start = (const int32_t *)(const void *)c->start.data,
                                             .kernel = c->kernel,
                                             .stride = c->stride,
                                             .pad_top = c->pad_top,
                                             .pad_left = c->pad_left,
                                             .zero = c->zero,
                                             .in_height = c->height,
                                             .in_width = c->width,
                                             .out_width = c->out_width,
                                             .first = y,
                                             .rows = rows,
                                             .residual =
                                                 c->mode == NO_RESIDUAL ? NULL : residual + first * residual_size,
                                             .out = (char *)c->out.data + first * size,
                                             .channel = c->channel,
                                             .scratch = (uint8_t *)scratch.data,
                                             .requantise = &c->requantise,
                                             .epilogue = &c->epilogue.epilogue };
        k->depthwise_bytes.run (&args);
        guarded_free (&scratch);
    }
}

static void case_compare (const struct depthwise_case *c, const struct kernels *k)
{
    bool bytes = c->requantise.out == ELEMENT_U8;
    for (int i = 0; i < 16 * c->out_height * c->out_width; i++) {
        float got = bytes ? ((const uint8_t *)c->out.data)[i] : c->out.data[i];
        bool same = !memcmp (&got, c->want + i, sizeof got) || (isnan (got) && isnan (c->want[i]));
        if (!CHECK (same, "%s: %s: at %d %.9g and not %.9g", k->name, what, i, (double)got, (double)c->want[i]))
            return;
    }
    static const uint32_t canary = 0x7fc0beef;
    const char *begin = (const char *)c->out.map + sysconf (_SC_PAGESIZE), *data = (const char *)c->out.data;
    long wrote = -1; /* bytes behind the page in front */
    for (const char *p = begin; p < begin + c->out.bytes && wrote < 0; p += sizeof canary)
        if ((p < data || p >= data + 4 * c->out.count) && memcmp (p, &canary, sizeof canary))
            wrote = p - begin;
    CHECK (wrote < 0, "%s: %s: wrote at %ld of %ld", k->name, what, wrote, (long)(data - begin));
}

static void one_case (struct depthwise_case c)
{
    int pad_bottom = random_between (0, c.kernel - 1), pad_right = random_between (0, c.kernel - 1);
    int high = c.height + c.pad_top + pad_bottom - c.kernel, wide = c.width + c.pad_left + pad_right - c.kernel;
    if (high < 0 || wide < 0)
        return;
    c.out_height = high / c.stride + 1;
    c.out_width = wide / c.stride + 1;
    c.channel = 16 * random_between (0, 1);
    c.zero = c.number % 5 == 0 ? 255 : c.number % 5 == 1 ? 0 : random_between (1, 254);
    c.mode = random_between (0, 1) ? NO_RESIDUAL : (enum residual_mode)random_between (0, RESIDUAL_MODES - 1);
    int channels = c.channel + 16, numbers = 16 * c.out_height * c.out_width;
    c.in = bytes_of (16 * c.height * c.width, c.number % 2);
    c.weights = channels_of (c.kernel * ((c.kernel + 3) / 4) * 16);
    c.start = channels_of (channels);
    c.scale = channels_of (channels);
    c.shift = channels_of (channels);
    c.requantise = (struct requantise) { .scale = c.scale.data,
                                         .shift = c.shift.data,
                                         .residual_scale = random_between (0, 2) ? 0.3f : 1,
                                         .residual = random_between (0, 3) ? ELEMENT_U8 : ELEMENT_F32,
                                         .out = random_between (0, 3) ? ELEMENT_U8 : ELEMENT_F32,
                                         .twice = c.mode == NO_RESIDUAL && random_between (0, 2) == 0,
                                         .low = -30,
                                         .high = 200,
                                         .again = 0.9f,
                                         .beyond = 4.5f };
    if (c.mode == RESIDUAL_IN_PLACE)
        c.requantise.residual = c.requantise.out;
    c.residual = outputs_of (c.requantise.residual, numbers, true);
    c.out = outputs_of (c.requantise.out, numbers, c.number / 2 % 2);
    int kind = random_between (0, EPILOGUES - 1), often = random_between (0, 5);
    if (often < 2)
        kind = random_between (0, CLAMPS - 1);
    else if (often < 5)
        kind = CLAMPS + ACTIVATION_KINDS + ACTIVATION_HARD_SWISH;
    if (kind >= CLAMPS || c.requantise.out != ELEMENT_U8)
        c.requantise.twice = false;
    c.epilogue = epilogue_case_new (kind, channels);
    c.want = calloc ((size_t)numbers, sizeof (float));
    case_numbers (&c, random_between (0, 8) == 0);
    CASE ("case %d: %dx%d to %dx%d, kernel %d, stride %d, top %d, left %d, zero %d, residual %d of %d, out %d, %s",
          c.number, c.height, c.width, c.out_height, c.out_width, c.kernel, c.stride, c.pad_top, c.pad_left, c.zero,
          (int)c.mode, (int)c.requantise.residual, (int)c.requantise.out, c.epilogue.name);
    for (int t = 0; t < table_count; t++)
        if (tables[t]->depthwise_bytes.run && !(tables[t]->depthwise_bytes.needs & ~can_run)) {
            case_expect (&c, tables[t]);
            case_run (&c, tables[t]);
            case_compare (&c, tables[t]);
        }
    free (c.want);
    struct guarded *all[] = { &c.in, &c.weights, &c.start, &c.scale, &c.shift, &c.residual, &c.out };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        guarded_free (all[i]);
    epilogue_case_free (&c.epilogue);
}

void check_depthwise_bytes (void)
{
    bool any = false;
    for (int t = 0; t < table_count; t++)
        any |= tables[t]->depthwise_bytes.run && !(tables[t]->depthwise_bytes.needs & ~can_run);
    if (!any) {
        check_skip ("no table has it here");
        return;
    }
    int number = 0;
    for (int width = 1; width <= 40; width++)
        for (int kernel = 3; kernel <= 7; kernel += 2)
            for (int stride = 1; stride <= 2; stride++)
                for (int left = 0; left < kernel; left++, number++)
                    one_case ((struct depthwise_case) { .number = number,
                                                        .kernel = kernel,
                                                        .stride = stride,
                                                        .height = random_between (1, 12),
                                                        .width = width,
                                                        .pad_top = random_between (0, kernel - 1),
                                                        .pad_left = left });
}
