/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_bf16.c: the kernels that multiply floats as bf16: their rounding number by number, and their sums against
 * double precision and, bit for bit, against the scalar kernel. */
#include "tests/check_kernels.h"

#include <math.h>
#include <string.h>

static const struct conv_kernel *kernel_of (const struct kernels *k)
{
    for (int i = 0; i < k->conv_count; i++)
        if (k->conv[i].weight == ELEMENT_BF16 && !(k->conv[i].needs & ~can_run))
            return &k->conv[i];
    return NULL;
}

static uint32_t bits_of (float x)
{
    uint32_t bits;
    memcpy (&bits, &x, sizeof bits);
    return bits;
}

static float float_of (uint32_t bits)
{
    float x;
    memcpy (&x, &bits, sizeof x);
    return x;
}

/* By its definition: of the two neighbours with 16 zeros the nearer one, of two as near that with an even last bit. */
static uint16_t nearest (float x)
{
    uint16_t low = (uint16_t)(bits_of (x) >> 16), high = (uint16_t)(low + 1);
    double below = fabs ((double)x - (double)float_of ((uint32_t)low << 16));
    double above = (high & 0x7fff) == 0x7f80 ? 0x1p128 - fabs ((double)x)
                                             : fabs ((double)float_of ((uint32_t)high << 16) - (double)x);
    return below < above || (below <= above && low % 2 == 0) ? low : high;
}

static float special (int index)
{
    static const uint32_t bits[] = { 0,          0x80000000, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0xbf808000,
                                     0x7f7f7fff, 0x7f7f8000, 0xff7fffff, 0x7f800000, 0xff800000, 0x00800000, 0x3fffffff,
                                     0x7fc00000, 0x7f800001, 0xffffffff, 0x00000001, 0x807fffff, 0x007fffff };
    enum { COUNT = sizeof bits / sizeof *bits };
    return index < COUNT ? float_of (bits[index]) : random_float () * ldexpf (1, random_between (-100, 100));
}

void check_stage_bf16 (void)
{
    for (int pixels = 1; pixels <= 9; pixels++) {
        CASE ("%d pixels to bf16", pixels);
        size_t count = 16 * (size_t)pixels;
        struct guarded in = guarded_new (count, ALIGNED_TO_BLOCK, pixels % 2);
        struct guarded out = guarded_new (count / 2, ALIGNED_TO_FLOAT, pixels % 3);
        for (size_t i = 0; i < count; i++)
            in.data[i] = special ((int)i);
        for (int t = case_begin (); t < table_count; t++) {
            const struct conv_kernel *kernel = kernel_of (tables[t]);
            if (!kernel)
                continue;
            kernel->stage (in.data, out.data, (ptrdiff_t)count);
            for (size_t i = 0; i < count; i++) {
                uint16_t made;
                float x = in.data[i];
                memcpy (&made, (const char *)out.data + 2 * i, sizeof made);
                bool good = isnan (x)               ? (made & 0x7fff) > 0x7f80 && made >> 15 == bits_of (x) >> 31
                            : isinf (x)             ? made == bits_of (x) >> 16
                            : fabsf (x) < 0x1p-126f ? (made & 0x7fff) == 0
                                                    : made == nearest (x);
                CHECK (good, "%s: %08x becomes %04x", tables[t]->name, bits_of (x), made);
            }
        }
        guarded_free (&in);
        guarded_free (&out);
    }
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

static void random_words (struct guarded *g)
{
    for (size_t i = 0; i < g->count; i++)
        g->data[i] = float_of ((uint32_t)nearest (random_float ()) << 16 | nearest (random_float ()));
}

/* A word of two numbers in the place of each float. */
static struct conv_case case_new (int pixels, ptrdiff_t stride, enum residual_mode mode, int number)
{
    struct conv_case c = conv_case_new (pixels, stride, mode, number);
    random_words (&c.input);
    random_words (&c.weights);
    return c;
}

static void expect_one (const struct conv_case *c, int p, int o, struct expected *e)
{
    double sum = c->bias.data[c->channel + o], magnitude = fabs (sum);
    const float *weight = c->weights.data + o;
    for (int s = 0; s < c->segment_count; s++)
        for (int k = 0; k < c->segments[s].length; k++, weight += 16 * c->blocks) {
            uint32_t x = bits_of (c->input.data[c->before + p * c->stride + c->segments[s].offset + k]),
                     w = bits_of (*weight);
            double upper = (double)float_of (x & 0xffff0000) * (double)float_of (w & 0xffff0000);
            double lower = (double)float_of (x << 16) * (double)float_of (w << 16);
            sum += upper + lower;
            magnitude += fabs (upper) + fabs (lower);
        }
    ptrdiff_t at = o / 16 * c->out_block + 16 * p + o % 16;
    if (c->residual_mode != NO_RESIDUAL) {
        sum += (double)c->residual.data[at];
        magnitude += fabs ((double)c->residual.data[at]);
    }
    epilogue_expect (&c->epilogue.epilogue, c->channel + o, sum, magnitude, 2 * c->depth + 2, &e->value[at],
                     &e->bound[at]);
}

/* Each table's kernel; where the end is a clamp, all of them to the same bits. */
static void sums_everywhere (const struct conv_case *c, const struct expected *e)
{
    struct guarded first = guarded_new (e->count, ALIGNED_TO_BLOCK, true);
    struct guarded out = guarded_new (e->count, ALIGNED_TO_BLOCK, c->pixels % 2);
    const char *of_first = NULL;
    for (int t = case_begin (); t < table_count; t++) {
        const struct conv_kernel *kernel = kernel_of (tables[t]);
        if (!kernel)
            continue;
        guarded_clear (&out);
        conv_case_run (c, kernel, &out);
        compare (tables[t], &out, e);
        if (!of_first) {
            of_first = tables[t]->name;
            memcpy (first.data, out.data, out.count * sizeof (float));
        } else if (c->epilogue.epilogue.clamp_only)
            CHECK (!memcmp (first.data, out.data, out.count * sizeof (float)), "%s: %s: not the bits of %s",
                   tables[t]->name, what, of_first);
    }
    guarded_free (&first);
    guarded_free (&out);
}

void check_conv_bf16 (void)
{
    static const ptrdiff_t strides[] = { 8, 16, 24, 5 };
    int number = 0;
    for (int pixels = 1; pixels <= 33; pixels++)
        for (size_t s = 0; s < sizeof strides / sizeof *strides; s++)
            for (int mode = 0; mode < RESIDUAL_MODES; mode++, number++) {
                struct conv_case c = case_new (pixels, strides[s], (enum residual_mode)mode, number);
                CASE ("case %d: %d pixels, stride %d, %d blocks, depth %d, residual %d, %s", number, pixels,
                      (int)c.stride, c.blocks, c.depth, mode, c.epilogue.name);
                struct expected e = expected_new (c.residual.count);
                for (int o = 0; o < 16 * c.blocks; o++)
                    for (int p = 0; p < pixels; p++)
                        expect_one (&c, p, o, &e);
                sums_everywhere (&c, &e);
                expected_free (&e);
                conv_case_free (&c);
            }
}
