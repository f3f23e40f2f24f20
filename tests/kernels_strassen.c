/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_strassen.c: the tests of Strassen's products. What they give depends on the tile of a table, so tables are
 * not compared with each other, only with the formulas in double precision. */
#include "tests/check_kernels.h"

#include <math.h>
#include <string.h>

enum { MOST_DEPTH = 48 };

/* Pixels, their input and the four sums of it. */
struct block_case {
    int depth, rows, pixels;
    ptrdiff_t in_block, sum;
    struct guarded in, sums; /* in ends with the last pixel, sums with the last sum */
};

static struct block_case block_case_new (int depth, int rows, int number)
{
    struct block_case c = { .depth = depth, .rows = rows, .pixels = 2 * rows - random_between (0, 1) };
    c.in_block = 16 * (c.pixels + random_between (0, 3));
    c.sum = depth * rows + 16 * random_between (0, 1);
    c.in = guarded_new ((size_t)((2 * depth / 16 - 1) * c.in_block + 16 * c.pixels), ALIGNED_TO_BLOCK, number % 2);
    c.sums = guarded_new ((size_t)(3 * c.sum + depth * rows), ALIGNED_TO_BLOCK, true);
    guarded_random (&c.in);
    return c;
}

static void block_case_free (struct block_case *c)
{
    guarded_free (&c->in);
    guarded_free (&c->sums);
}

static struct strassen_block block_of (const struct block_case *c)
{
    return (struct strassen_block) {
        .in = c->in.data,
        .in_block = c->in_block,
        .depth = c->depth,
        .pixels = c->pixels,
        .rows = c->rows,
        .sums = c->sums.data,
        .sum = c->sum,
    };
}

/* Quarter (lower, right) of the input at channel k and pixel r of its half. */
static double quarter (const struct block_case *c, int lower, int right, int k, int r)
{
    int channel = lower * c->depth + k, pixel = right ? c->pixels - c->rows + r : r;
    return c->in.data[channel / 16 * c->in_block + 16 * pixel + channel % 16];
}

/* The second factors of the seven products, and the same of absolute values. */
static void factors (const struct block_case *c, int k, int r, double b[7], double magnitude[7])
{
    double b11 = quarter (c, 0, 0, k, r), b12 = quarter (c, 0, 1, k, r);
    double b21 = quarter (c, 1, 0, k, r), b22 = quarter (c, 1, 1, k, r);
    double value[7] = { b11, b21, b22 - b12 + b11, b12 - b11, b22, b22 - b12, b21 - b22 + b12 - b11 };
    double left = fabs (b11), right = fabs (b12) + fabs (b22), all = left + right;
    double most[7] = { left, fabs (b21), all, left + fabs (b12), fabs (b22), right, all + fabs (b21) };
    memcpy (b, value, sizeof value);
    memcpy (magnitude, most, sizeof most);
}

static void sums_checked (const struct kernels *k, const struct block_case *c, const char *when)
{
    static const int products[4] = { 2, 3, 5, 6 };
    struct expected e = expected_new (c->sums.count);
    for (int d = 0; d < c->depth; d++)
        for (int r = 0; r < c->rows; r++) {
            double b[7], magnitude[7];
            factors (c, d, r, b, magnitude);
            for (int i = 0; i < 4; i++) {
                ptrdiff_t at = i * c->sum + (d / 16 * c->rows + r) * 16 + d % 16;
                e.value[at] = b[products[i]];
                e.bound[at] = 4 * 0x1p-24 * magnitude[products[i]];
            }
        }
    const char *wrong = guarded_compare (&c->sums, &e);
    CHECK (!wrong, "%s: %s, depth %d, %d pixels, %d rows: %s", k->name, when, c->depth, c->pixels, c->rows, wrong);
    expected_free (&e);
}

void check_strassen_sums (void)
{
    for (int t = 0; t < table_count; t++)
        for (int number = 0; number < 6 * tables[t]->mr; number++) {
            struct block_case c =
                block_case_new (16 * random_between (1, MOST_DEPTH / 16), 1 + number % tables[t]->mr, number);
            struct strassen_block block = block_of (&c);
            tables[t]->strassen_sums (&block);
            sums_checked (tables[t], &c, "alone");
            block_case_free (&c);
        }
}

struct strassen_case {
    struct block_case cur, next;
    int nr_blocks, blocks, channel;
    ptrdiff_t out_block;
    struct guarded weights, kept, bias, residual;
    enum residual_mode mode;
    struct epilogue_case epilogue;
};

static struct strassen_case strassen_case_new (const struct kernels *k, int rows, int number)
{
    int depth = 16 * random_between (1, MOST_DEPTH / 16);
    struct strassen_case c = { .cur = block_case_new (depth, rows, number),
                               .next = block_case_new (depth, random_between (1, k->mr), number / 2),
                               .nr_blocks = k->nr_blocks,
                               .blocks = random_between (1, 2 * k->nr_blocks),
                               .channel = 16 * random_between (0, 2),
                               .mode = (enum residual_mode) (number % RESIDUAL_MODES) };
    c.out_block = 16 * (c.cur.pixels + random_between (0, 2));
    c.weights = guarded_new ((size_t)(7 * depth * 16 * k->nr_blocks), ALIGNED_TO_BLOCK, true);
    c.kept = guarded_new ((size_t)(3 * rows * 16 * k->nr_blocks), ALIGNED_TO_BLOCK, true);
    c.bias = guarded_new ((size_t)(c.channel + 16 * c.blocks), ALIGNED_TO_BLOCK, true);
    c.residual = guarded_new ((size_t)((c.blocks - 1) * c.out_block + 16 * c.cur.pixels), ALIGNED_TO_BLOCK, number % 2);
    guarded_random (&c.weights);
    guarded_random (&c.bias);
    for (int b = 0; b < c.blocks; b++)
        for (int i = 0; i < 16 * c.cur.pixels; i++)
            c.residual.data[b * c.out_block + i] = random_float ();
    c.epilogue = epilogue_case_new (number % EPILOGUES, c.channel + 16 * c.blocks);
    return c;
}

static void strassen_case_free (struct strassen_case *c)
{
    block_case_free (&c->cur);
    block_case_free (&c->next);
    guarded_free (&c->weights);
    guarded_free (&c->kept);
    guarded_free (&c->bias);
    guarded_free (&c->residual);
    epilogue_case_free (&c->epilogue);
}

/* Output channel o of a half of them at pixel r of a half: its four quarters, index 2 lower + right, and of absolute
 * values. */
static void quarters (const struct strassen_case *c, int o, int r, double sum[4], double magnitude[4])
{
    /* the products that each quarter is the sum of */
    static const int of[4][5] = { { 0, 1, -1 }, { 0, 2, 3, 4, -1 }, { 0, 2, 5, 6, -1 }, { 0, 2, 3, 5, -1 } };
    double product[7] = { 0 }, most[7] = { 0 };
    for (int k = 0; k < c->cur.depth; k++) {
        double b[7], size[7];
        factors (&c->cur, k, r, b, size);
        for (int i = 0; i < 7; i++) {
            double weight = c->weights.data[(i * c->cur.depth + k) * 16 * c->nr_blocks + o];
            product[i] += weight * b[i];
            most[i] += fabs (weight) * size[i];
        }
    }
    for (int q = 0; q < 4; q++) {
        sum[q] = magnitude[q] = 0;
        for (const int *i = of[q]; *i >= 0; i++) {
            sum[q] += product[*i];
            magnitude[q] += most[*i];
        }
    }
}

static void strassen_expect (const struct strassen_case *c, struct expected *e)
{
    for (int o = 0; o < 16 * c->nr_blocks; o++)
        for (int r = 0; r < c->cur.rows; r++) {
            double sum[4], magnitude[4];
            quarters (c, o, r, sum, magnitude);
            for (int q = 0; q < 4; q++) {
                int out = o + q / 2 * 16 * c->nr_blocks, pixel = q % 2 ? c->cur.pixels - c->cur.rows + r : r;
                if (out >= 16 * c->blocks || (q % 2 && pixel < c->cur.rows))
                    continue;
                ptrdiff_t at = out / 16 * c->out_block + 16 * pixel + out % 16;
                double bias = c->bias.data[c->channel + out], more = 0;
                if (c->mode != NO_RESIDUAL)
                    more = c->residual.data[at];
                epilogue_expect (&c->epilogue.epilogue, c->channel + out, sum[q] + bias + more,
                                 magnitude[q] + fabs (bias) + fabs (more), 4 * c->cur.depth + 8, &e->value[at],
                                 &e->bound[at]);
            }
        }
}

/* Products [first, last); the first call makes the other block's sums. */
static void strassen_case_run (const struct strassen_case *c, const struct kernels *k, int first, int last,
                               struct guarded *out)
{
    bool prefetch = c->cur.rows % 2;
    struct strassen_args args = {
        .cur = block_of (&c->cur),
        .first = first,
        .last = last,
        .kept = c->kept.data,
        .weights = c->weights.data,
        .blocks = c->blocks,
        .bias = c->bias.data,
        .residual = c->mode == NO_RESIDUAL ? NULL
                    : c->mode == RESIDUAL  ? c->residual.data
                                           : out->data,
        .out = out->data,
        .out_block = c->out_block,
        .channel = c->channel,
        .prefetch = prefetch ? (struct prefetch) { .next = c->weights.data, .step = 16 } : (struct prefetch) { 0 },
        .epilogue = &c->epilogue.epilogue,
    };
    if (first == 0)
        args.next = block_of (&c->next);
    k->strassen (&args);
}

static void strassen_case_check (const struct kernels *k, int rows, int number)
{
    struct strassen_case c = strassen_case_new (k, rows, number);
    struct guarded out = guarded_new (c.residual.count, ALIGNED_TO_BLOCK, number / 2 % 2);
    struct expected e = expected_new (out.count);
    struct strassen_block cur = block_of (&c.cur);
    strassen_expect (&c, &e);
    guarded_clear (&out);
    if (c.mode == RESIDUAL_IN_PLACE)
        memcpy (out.data, c.residual.data, out.count * sizeof (float));
    k->strassen_sums (&cur);
    if (number % 2) {
        strassen_case_run (&c, k, 0, 7, &out);
    } else {
        strassen_case_run (&c, k, 0, 2, &out);
        strassen_case_run (&c, k, 2, 5, &out);
        strassen_case_run (&c, k, 5, 7, &out);
    }
    const char *wrong = guarded_compare (&out, &e);
    CHECK (!wrong, "%s: case %d: depth %d, %d pixels, %d blocks, residual %d, %s: %s", k->name, number, c.cur.depth,
           c.cur.pixels, c.blocks, (int)c.mode, c.epilogue.name, wrong);
    sums_checked (k, &c.next, "meanwhile");
    guarded_free (&out);
    expected_free (&e);
    strassen_case_free (&c);
}

void check_strassen (void)
{
    for (int t = 0; t < table_count; t++)
        for (int rows = 1; rows <= tables[t]->mr; rows++)
            for (int number = 0; number < 2 * RESIDUAL_MODES * EPILOGUES; number++)
                strassen_case_check (tables[t], rows, number);
}
