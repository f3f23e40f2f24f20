/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_winograd.c: the tests of the Winograd transforms. */
#include "tests/check_kernels.h"
#include "tests/plane.h"
#include "tests/reference.h"

#include <math.h>
#include <string.h>

/* One side of a tile by Cook-Toom, in double precision (n = m + 2 points, the last of them infinity):
 *   Y = A' [(G g G') .* (B' d B)] A
 * Row i of B' holds the coefficients of the product of (x - p_j) over j != i, the last one those of the product over
 * all points; A' the powers of the points; row i of G 1, p, p^2 over the product of (p_i - p_j). A row of B' and the
 * same one of G may change their sign together. */
struct side {
    int m, n, stride;
    double forward[6][6], weights[6][3], inverse[4][6]; /* B' [n][n], G [n][3], A' [m][n] */
    int point[6]; /* where its points are among those of the whole tile, which it is itself but when it is small */
};

/* The even pixels 0, 2, 4 of a side with taps 0 and 2: Cook-Toom on 0, 1 and infinity; the odd ones 1, 3 with tap 1.
 * And one output as it is. */
static const struct side s2 = {
    .m = 2,
    .n = 5,
    .stride = 2,
    .forward = { { 1, 0, -1 }, { 0, 0, 1 }, { 0, 0, -1, 0, 1 }, { 0, 1 }, { 0, 0, 0, 1 } },
    .weights = { { 1, 0, 0 }, { 1, 0, 1 }, { 0, 0, 1 }, { 0, 1, 0 }, { 0, 1, 0 } },
    .inverse = { { 1, 1, 0, 1, 0 }, { 0, 1, 1, 0, 1 } },
    .point = { 0, 1, 2, 3, 4 },
};
static const struct side s2_small = {
    .m = 1,
    .n = 3,
    .stride = 2,
    .forward = { { 1, 0, 0 }, { 0, 0, 1 }, { 0, 1, 0 } },
    .inverse = { { 1, 1, 1 } },
    .point = { 0, 2, 3 },
};

/* On p [n - 1] and infinity. */
static struct side cook_toom (int n, const double *p)
{
    struct side w = { .m = n - 2, .n = n, .stride = 1, .point = { 0, 1, 2, 3, 4, 5 } };
    for (int i = 0; i < n; i++) {
        double *row = w.forward[i], scale = 1, sign = n == 4 && i == 0 ? -1 : 1; /* the sign this engine chose */
        row[0] = sign;
        for (int j = 0, degree = 0; j < n - 1; j++) {
            if (j == i)
                continue;
            for (int d = ++degree; d >= 0; d--)
                row[d] = (d ? row[d - 1] : 0) - p[j] * row[d];
            if (i < n - 1)
                scale *= p[i] - p[j];
        }
        for (int d = 0; d < 3; d++)
            w.weights[i][d] = i == n - 1 ? d == 2 : pow (p[i], d) / scale * sign;
        for (int d = 0; d < w.m; d++)
            w.inverse[d][i] = i == n - 1 ? d == w.m - 1 : pow (p[i], d);
    }
    return w;
}

/* One side of a tile of n points, or of the small one beside it: Cook-Toom on some of the points, each row of B' times
 * what the whole tile's row of G lacks. */
static struct side side_new (int n, bool small)
{
    static const double points[2][5] = { { 0, 1, -1 }, { 0, 0.625, -0.625, 1.5, -1.5 } };
    if (n == 5)
        return small ? s2_small : s2;
    struct side whole = cook_toom (n, points[n == 6]);
    if (!small)
        return whole;
    struct side w = cook_toom (n / 2 + 1, points[n == 6]);
    w.point[w.n - 1] = n - 1;
    for (int i = 0; i < w.n; i++)
        for (int d = 0; d < w.n; d++)
            w.forward[i][d] *= w.weights[i][i + 1 == w.n ? 2 : 0] / whole.weights[w.point[i]][i + 1 == w.n ? 2 : 0];
    return w;
}

/* out [rows_h][rows_w] = H in W', H [rows_h][columns_h], W [rows_w][columns_w]; magnitude: the same of absolute
 * values. */
static void both_sides (int rows_h, int columns_h, const double (*h)[6], int rows_w, int columns_w,
                        const double (*w)[6], double in[6][6], double out[6][6], double magnitude[6][6])
{
    for (int i = 0; i < rows_h; i++)
        for (int j = 0; j < rows_w; j++) {
            out[i][j] = magnitude[i][j] = 0;
            for (int y = 0; y < columns_h; y++)
                for (int x = 0; x < columns_w; x++) {
                    double term = h[i][y] * in[y][x] * w[j][x];
                    out[i][j] += term;
                    magnitude[i][j] += fabs (term);
                }
        }
}

struct winograd_case {
    struct side h[2], w[2];     /* whole, small */
    struct winograd_args args;  /* tiles, in, v, m_, bias, residual and out are filled in by the tests */
    struct winograd_tile *tile; /* [tiles]: of the whole image, row by row */
    int tiles;
    struct plane in;
    struct guarded v, m; /* [n_h n_w][v_point], [n_h n_w][m_point] */
};

/* Outputs along one axis for two bits of padding, more padding where nothing would be left. */
static int winograd_axis (int in, int pads, int stride, int *before)
{
    *before = pads & 1;
    int room = in + *before + (pads >> 1 & 1) - 3;
    if (room < 0) {
        *before = 1;
        room = in - 1;
    }
    return room / stride + 1;
}

/* The points of each size of tile. */
enum { SIZES = 4 };
static const int points_h[SIZES] = { 4, 5, 6, 6 }, points_w[SIZES] = { 4, 5, 6, 4 };

static struct winograd_case winograd_case_new (int size, int in_height, int in_width, int number)
{
    int n_h = points_h[size], n_w = points_w[size];
    struct winograd_case c = { .h = { side_new (n_h, false), side_new (n_h, true) },
                               .w = { side_new (n_w, false), side_new (n_w, true) },
                               .in = plane_new (in_height, in_width) };
    struct winograd_args *r = &c.args;
    int stride = c.h[0].stride;
    *r = (struct winograd_args) {
        .n_h = n_h, .n_w = n_w, .in_height = in_height, .in_width = in_width, .in = c.in.blocked.data
    };
    r->height = winograd_axis (in_height, number, stride, &r->pad_top);
    r->width = winograd_axis (in_width, number >> 2, stride, &r->pad_left);
    c.tile = calloc ((size_t)(r->height * r->width), sizeof *c.tile);
    for (int top = 0; top < r->height; top += c.h[0].m)
        for (int left = 0; left < r->width; left += c.w[0].m)
            c.tile[c.tiles++] = (struct winograd_tile) { top, left };
    r->v_point = 16 * (c.tiles + number % 3);
    r->m_point = 16 * (c.tiles + number % 2);
    size_t others = (size_t)(n_h * n_w - 1);
    c.v = guarded_new (others * (size_t)r->v_point + 16 * (size_t)c.tiles, ALIGNED_TO_BLOCK, number % 2);
    c.m = guarded_new (others * (size_t)r->m_point + 16 * (size_t)c.tiles, ALIGNED_TO_BLOCK, true);
    CASE ("case %d: F(%dx%d) stride %d, %dx%d to %dx%d, %d tiles", number, c.h[0].m, c.w[0].m, stride, in_height,
          in_width, r->height, r->width, c.tiles);
    return c;
}

static void winograd_case_free (struct winograd_case *c)
{
    free (c->tile);
    plane_free (&c->in);
    guarded_free (&c->v);
    guarded_free (&c->m);
}

/* Whether a tile is small is for the caller to choose where it overlaps the end of the image by half or more; here:
 * always, where there are such tiles. */
static const struct side *side_h (const struct winograd_case *c, int tile)
{
    return &c->h[c->args.height - c->tile[tile].top <= c->h[1].m];
}

static const struct side *side_w (const struct winograd_case *c, int tile)
{
    return &c->w[c->args.n_h == c->args.n_w && c->args.width - c->tile[tile].left <= c->w[1].m];
}

/* All tiles, in calls of one size and `most` at a time; input or output transform. */
static void winograd_run_all (const struct winograd_case *c, void (*kernel) (const struct winograd_args *), int most)
{
    for (int first = 0, end; first < c->tiles; first = end) {
        struct winograd_args args = c->args;
        for (end = first + 1; end < c->tiles && end < first + most && side_h (c, end) == side_h (c, first) &&
                              side_w (c, end) == side_w (c, first);)
            end++;
        args.small_h = side_h (c, first) == &c->h[1];
        args.small_w = side_w (c, first) == &c->w[1];
        args.tile = c->tile + first;
        args.tiles = end - first;
        args.v = c->v.data + 16 * first;
        args.m_ = c->m.data + 16 * first;
        kernel (&args);
    }
}

static void winograd_expect_input (const struct winograd_case *c, struct expected *e)
{
    const struct winograd_args *r = &c->args;
    for (int i = 0; i < 16 * c->tiles; i++) {
        double patch[6][6], v[6][6], magnitude[6][6];
        const struct side *h = side_h (c, i / 16), *w = side_w (c, i / 16);
        int top = c->tile[i / 16].top * h->stride - r->pad_top, left = c->tile[i / 16].left * h->stride - r->pad_left;
        for (int y = 0; y < h->n; y++)
            for (int x = 0; x < w->n; x++) {
                bool inside = top + y >= 0 && top + y < r->in_height && left + x >= 0 && left + x < r->in_width;
                patch[y][x] = inside ? r->in[16 * ((top + y) * r->in_width + left + x) + i % 16] : 0;
            }
        both_sides (h->n, h->n, h->forward, w->n, w->n, w->forward, patch, v, magnitude);
        for (int y = 0; y < h->n; y++)
            for (int x = 0; x < w->n; x++) {
                ptrdiff_t at = (h->point[y] * r->n_w + w->point[x]) * r->v_point + i;
                e->value[at] = v[y][x];
                e->bound[at] = 8 * 0x1p-24 * magnitude[y][x];
            }
    }
}

void check_winograd_input (void)
{
    int number = 0;
    for (int size = 0; size < SIZES; size++)
        for (int width = 1; width <= 33; width++, number++) {
            struct winograd_case c = winograd_case_new (size, random_between (1, 12), width, number);
            struct expected e = expected_new (c.v.count);
            winograd_expect_input (&c, &e);
            for (int t = case_begin (); t < table_count; t++) {
                guarded_clear (&c.v);
                winograd_run_all (&c, tables[t]->winograd_input, 1 + number % 5);
                compare (tables[t], &c.v, &e);
            }
            expected_free (&e);
            winograd_case_free (&c);
        }
}

static void winograd_expect_output (const struct winograd_case *c, const struct epilogue *epilogue,
                                    const struct guarded *bias, const struct guarded *residual, struct expected *e)
{
    const struct winograd_args *r = &c->args;
    for (int i = 0; i < 16 * c->tiles; i++) {
        double products[6][6], out[6][6], magnitude[6][6];
        const struct side *h = side_h (c, i / 16), *w = side_w (c, i / 16);
        for (int y = 0; y < h->n; y++)
            for (int x = 0; x < w->n; x++)
                products[y][x] = c->m.data[(h->point[y] * r->n_w + w->point[x]) * r->m_point + i];
        both_sides (h->m, h->n, h->inverse, w->m, w->n, w->inverse, products, out, magnitude);
        for (int j = 0; j < h->m * w->m; j++) {
            int y = j / w->m, x = j % w->m, row = c->tile[i / 16].top + y, column = c->tile[i / 16].left + x;
            if (row >= r->height || column >= r->width)
                continue;
            int at = 16 * (row * r->width + column) + i % 16, channel = r->channel + i % 16;
            double more = residual ? residual->data[at] : 0, b = bias->data[channel];
            epilogue_expect (epilogue, channel, out[y][x] + b + more, magnitude[y][x] + fabs (b) + fabs (more), 12,
                             &e->value[at], &e->bound[at]);
        }
    }
}

static void winograd_output_case (int size, int width, int number)
{
    struct winograd_case c = winograd_case_new (size, random_between (1, 12), width, number);
    int mode = number % RESIDUAL_MODES;
    c.args.channel = 16 * random_between (0, 2);
    struct guarded bias = guarded_new ((size_t)c.args.channel + 16, ALIGNED_TO_BLOCK, true);
    struct guarded out = guarded_new (16 * (size_t)(c.args.height * c.args.width), ALIGNED_TO_BLOCK, number % 2);
    struct guarded residual = guarded_new (out.count, ALIGNED_TO_BLOCK, true);
    struct epilogue_case epilogue = epilogue_case_new (number % EPILOGUES, c.args.channel + 16);
    guarded_random (&bias);
    guarded_random (&residual);
    for (int p = 0; p < c.args.n_h * c.args.n_w; p++)
        for (int i = 0; i < 16 * c.tiles; i++)
            c.m.data[p * c.args.m_point + i] = random_float ();
    struct expected e = expected_new (out.count);
    winograd_expect_output (&c, &epilogue.epilogue, &bias, mode == NO_RESIDUAL ? NULL : &residual, &e);
    c.args.bias = bias.data;
    c.args.epilogue = &epilogue.epilogue;
    c.args.out = out.data;
    c.args.residual = mode == NO_RESIDUAL ? NULL : mode == RESIDUAL ? residual.data : out.data;
    for (int t = case_begin (); t < table_count; t++) {
        guarded_clear (&out);
        if (mode == RESIDUAL_IN_PLACE)
            memcpy (out.data, residual.data, out.count * sizeof (float));
        winograd_run_all (&c, tables[t]->winograd_output, 1 + number % 5);
        compare (tables[t], &out, &e);
    }
    guarded_free (&bias);
    guarded_free (&out);
    guarded_free (&residual);
    epilogue_case_free (&epilogue);
    expected_free (&e);
    winograd_case_free (&c);
}

void check_winograd_output (void)
{
    int number = 0;
    for (int size = 0; size < SIZES; size++)
        for (int width = 1; width <= 33; width++, number++)
            winograd_output_case (size, width, number);
}

/* m_ = sum over the 16 input channels of v times the transformed weights, in double precision. */
static void winograd_multiply (struct winograd_case *c, const float *weights)
{
    int n_w = c->args.n_w;
    for (int o = 0; o < 16; o++)
        for (int p = 0; p < c->args.n_h * n_w; p++) {
            const double *g_h = c->h[0].weights[p / n_w], *g_w = c->w[0].weights[p % n_w];
            double u[16] = { 0 };
            for (int k = 0; k < 16 * 9; k++)
                u[k / 9] += g_h[k % 9 / 3] * weights[o * 144 + k] * g_w[k % 3];
            for (int t = 0; t < c->tiles; t++) {
                double sum = 0;
                for (int k = 0; k < 16; k++)
                    sum += c->v.data[p * c->args.v_point + 16 * t + k] * u[k];
                c->m.data[p * c->args.m_point + 16 * t + o] = (float)sum;
            }
        }
}

/* The whole way round is a 3x3 convolution: within 4e-6 of its norm. */
static void winograd_round_trip (int size, int height, int width)
{
    struct epilogue none = { .low = -INFINITY, .high = INFINITY, .clamp_only = true };
    float weights[16 * 144];
    struct winograd_case c = winograd_case_new (size, height, width, 15);
    const int count = 16 * c.args.height * c.args.width, stride = c.h[0].stride;
    struct conv conv = { .out_channels = 16,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = stride,
                         .stride_w = stride,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1 };
    struct guarded bias = guarded_new (16, ALIGNED_TO_BLOCK, true),
                   out = guarded_new ((size_t)count, ALIGNED_TO_BLOCK, true);
    double *want = calloc ((size_t)count, sizeof (double));
    guarded_random (&bias);
    for (int i = 0; i < 16 * 144; i++)
        weights[i] = random_float ();
    reference_conv (&conv, 16, height, width, c.in.planar, NULL, weights, bias.data, want, NULL);
    c.args.bias = bias.data;
    c.args.epilogue = &none;
    c.args.out = out.data;
    for (int t = 0; t < table_count; t++) {
        double error = 0, norm = 0;
        guarded_clear (&out);
        winograd_run_all (&c, tables[t]->winograd_input, 7);
        winograd_multiply (&c, weights);
        winograd_run_all (&c, tables[t]->winograd_output, 7);
        for (int i = 0; i < count; i++) {
            double exact = want[i % 16 * (count / 16) + i / 16];
            error += (out.data[i] - exact) * (out.data[i] - exact);
            norm += exact * exact;
        }
        CHECK (sqrt (error / norm) <= 4e-6, "%s: %d x %d points: relative error %.3g", tables[t]->name, c.args.n_h,
               c.args.n_w, sqrt (error / norm));
    }
    guarded_free (&bias);
    guarded_free (&out);
    free (want);
    winograd_case_free (&c);
}

void check_winograd (void)
{
    for (int size = 0; size < SIZES; size++)
        for (int height = 5; height <= 10; height++)
            for (int width = 19; width <= 23; width++)
                winograd_round_trip (size, height, width);
}
