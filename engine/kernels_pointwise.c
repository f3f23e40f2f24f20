/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_pointwise.c: everything that touches each value once or a few times: finishing a tile, element-wise layers,
 * pooling, softmax, and the conversions between planar, blocked and pixels. Compiled once per instruction set. */
#include "finish.h"

#define kernels_pool FOR_ISA (kernels_pool)
#define kernels_global_pool FOR_ISA (kernels_global_pool)
#define kernels_pointwise FOR_ISA (kernels_pointwise)
#define kernels_softmax FOR_ISA (kernels_softmax)
#define kernels_import FOR_ISA (kernels_import)
#define kernels_export FOR_ISA (kernels_export)
#define kernels_image FOR_ISA (kernels_image)
void kernels_pool (const struct pool_run *run);
void kernels_global_pool (enum pool_kind kind, const float *in, ptrdiff_t pixels, float *out);
void kernels_pointwise (const struct pointwise_run *run);
void kernels_softmax (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block);
void kernels_import (const float *in, float *out, int channels, ptrdiff_t pixels);
void kernels_export (const float *in, float *out, int channels, ptrdiff_t pixels);
void kernels_image (const struct image *image, int first, int last, float *out);

/* ---- finishing ------------------------------------------------------------------------------------------------- */

INLINE void finish_as (const enum activation_kind kind, const struct finish *finish, const float *tile, int pixels,
                       int blocks, int channel, float *out, ptrdiff_t out_block)
{
    vec alpha = vec_set (finish->activation.alpha), beta = vec_set (finish->activation.beta);
    for (int b = 0; b < blocks; b++)
        for (int c = 0; c < PER_BLOCK; c++) {
            int lane = channel + b * BLOCK + c * LANES;
            vec slope = finish->slope ? vec_load (finish->slope + lane) : alpha;
            const float *from = tile + (ptrdiff_t)b * pixels * BLOCK + c * LANES;
            float *to = out + b * out_block + c * LANES;
            if (finish->post_scale) {
                vec scale = vec_load (finish->post_scale + lane), shift = vec_load (finish->post_shift + lane);
                for (int p = 0; p < pixels; p++) {
                    vec v = vec_activation (kind, vec_load (from + p * BLOCK), alpha, beta, slope);
                    vec_store (to + p * BLOCK, vec_fma (v, scale, shift));
                }
            } else {
                for (int p = 0; p < pixels; p++)
                    vec_store (to + p * BLOCK, vec_activation (kind, vec_load (from + p * BLOCK), alpha, beta, slope));
            }
        }
}

void FOR_ISA (finish_tile) (const struct finish *finish, const float *tile, int pixels, int blocks, int channel,
                            float *out, ptrdiff_t out_block)
{
    switch (finish->activation.kind) {
#define ACTIVATION(KIND, name, words, formula, negatives)                                                              \
    case ACTIVATION_##KIND:                                                                                            \
        finish_as (ACTIVATION_##KIND, finish, tile, pixels, blocks, channel, out, out_block);                          \
        break;
#include "activations.def"
    case ACTIVATION_KINDS:
        break;
    }
}

/* ---- element-wise ---------------------------------------------------------------------------------------------- */

/* The value at pixel p, lanes from c on, before the finish; operation is a constant at every call. */
INLINE vec pointwise_value (const struct pointwise_run *run, const enum pointwise_operation operation, ptrdiff_t p,
                            int c)
{
    vec v = vec_load (run->a + 16 * p + c);
    if (operation != POINTWISE_FIRST) {
        const float *b = run->b + p * run->b_pixel;
        vec second = run->b_lane ? vec_set (*b) : vec_load (b + c);
        v = operation == POINTWISE_ADD ? vec_add (v, second) : vec_mul (v, second);
    }
    if (run->scale)
        v = vec_fma (v, vec_load (run->scale + run->channel + c), vec_load (run->shift + run->channel + c));
    if (run->residual)
        v = vec_add (v, vec_load (run->residual + 16 * p + c));
    return v;
}

INLINE void pointwise_as (const struct pointwise_run *run, const enum pointwise_operation operation)
{
    enum { CHUNK = 16 };
    const struct finish *finish = run->finish;
    if (finish->plain) {
        vec low = vec_set (finish->low), high = vec_set (finish->high);
        for (ptrdiff_t p = 0; p < run->pixels; p++)
            UNROLL for (int c = 0; c < BLOCK; c += LANES)
                vec_store (run->out + 16 * p + c, finish_plain (pointwise_value (run, operation, p, c), low, high));
        return;
    }
    float tile[CHUNK * BLOCK] __attribute__ ((aligned (64)));
    for (ptrdiff_t first = 0; first < run->pixels; first += CHUNK) {
        int count = (int)(run->pixels - first < CHUNK ? run->pixels - first : CHUNK);
        for (int p = 0; p < count; p++)
            UNROLL for (int c = 0; c < BLOCK; c += LANES)
                vec_store (tile + 16 * p + c, pointwise_value (run, operation, first + p, c));
        FOR_ISA (finish_tile) (finish, tile, count, 1, run->channel, run->out + 16 * first, 0);
    }
}

void kernels_pointwise (const struct pointwise_run *run)
{
    if (run->operation == POINTWISE_FIRST)
        pointwise_as (run, POINTWISE_FIRST);
    else if (run->operation == POINTWISE_ADD)
        pointwise_as (run, POINTWISE_ADD);
    else
        pointwise_as (run, POINTWISE_MUL);
}

/* ---- pooling --------------------------------------------------------------------------------------------------- */

/* One output whose taps [first, last) of every row lie inside; constants where the row is full. */
INLINE void pool_pixel (const struct pool_run *run, const enum pool_kind kind, int x, int first, int last)
{
    const struct window *w = &run->window;
    vec v[PER_BLOCK];
    UNROLL for (int c = 0; c < PER_BLOCK; c++) v[c] = vec_set (kind == POOL_MAX ? -INFINITY : 0.0f);
    for (int r = 0; r < run->row_count; r++) {
        const float *in = run->rows[r] + 16 * (ptrdiff_t)(x * w->stride_w - w->pad_left);
        for (int k = first; k < last; k++)
            UNROLL for (int c = 0; c < PER_BLOCK; c++)
            {
                vec next = vec_load (in + 16 * (ptrdiff_t)k * w->dilation_w + c * LANES);
                v[c] = kind == POOL_MAX ? vec_max_nan (v[c], next) : vec_add (v[c], next);
            }
    }
    if (kind == POOL_AVERAGE) {
        int inside = (last - first) * run->row_count;
        vec divisor = vec_set (run->divisor ? run->divisor[x] : (float)(inside > 0 ? inside : 1));
        UNROLL for (int c = 0; c < PER_BLOCK; c++) v[c] = vec_div (v[c], divisor);
    }
    UNROLL for (int c = 0; c < PER_BLOCK; c++) vec_store (run->out + 16 * x + c * LANES, v[c]);
}

/* The largest of a column of three. */
INLINE vec column_max (const float *const *rows, ptrdiff_t at)
{
    return vec_max_nan (vec_max_nan (vec_load (rows[0] + at), vec_load (rows[1] + at)), vec_load (rows[2] + at));
}

/* Pixels [x, end) of a 3x3 max-pool that see no border, what nearly every network has. With stride 2 the last column of one
 * pixel is the first of the next. */
INLINE void pool_max3 (const struct pool_run *run, int x, int end, const int stride)
{
    const struct window *w = &run->window;
    const float *const *rows = run->rows;
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        ptrdiff_t at = 16 * ((ptrdiff_t)x * w->stride_w - w->pad_left) + lane;
        vec shared = column_max (rows, at);
        for (int i = x; i < end; i++, at += 16 * (ptrdiff_t)w->stride_w) {
            vec first = stride == 2 ? shared : column_max (rows, at);
            shared = column_max (rows, at + 32);
            vec v = vec_max_nan (vec_max_nan (first, column_max (rows, at + 16)), shared);
            vec_store (run->out + 16 * (ptrdiff_t)i + lane, v);
        }
    }
}

/* Pixels [x, end) whatever they see. */
INLINE void pool_any (const struct pool_run *run, const enum pool_kind kind, int x, int end)
{
    const struct window *w = &run->window;
    for (; x < end; x++) {
        int left = x * w->stride_w - w->pad_left; /* of the window; taps [first, last) lie inside */
        int first = left < 0 ? (-left + w->dilation_w - 1) / w->dilation_w : 0;
        int last = left >= w->in_width ? 0 : (w->in_width - left + w->dilation_w - 1) / w->dilation_w;
        if (last > w->kernel_w)
            last = w->kernel_w;
        pool_pixel (run, kind, x, first, last > first ? last : first);
    }
}

INLINE void pool_as (const struct pool_run *run, const enum pool_kind kind)
{
    const struct window *w = &run->window;
    int first = 0, last = 0, room = w->in_width + w->pad_left - 3; /* pixels [first, last) see neither side */
    if (kind == POOL_MAX && run->row_count == 3 && w->kernel_w == 3 && w->dilation_w == 1 && room >= 0) {
        first = (w->pad_left + w->stride_w - 1) / w->stride_w;
        last = room / w->stride_w + 1 < w->out_width ? room / w->stride_w + 1 : w->out_width;
    }
    if (first >= last)
        first = last = 0;
    pool_any (run, kind, 0, first);
    if (first < last && w->stride_w == 2)
        pool_max3 (run, first, last, 2);
    else if (first < last)
        pool_max3 (run, first, last, 1);
    pool_any (run, kind, last, w->out_width);
}

void kernels_pool (const struct pool_run *run)
{
    if (run->kind == POOL_MAX)
        pool_as (run, POOL_MAX);
    else
        pool_as (run, POOL_AVERAGE);
}

void kernels_global_pool (enum pool_kind kind, const float *in, ptrdiff_t pixels, float *out)
{
    for (int c = 0; c < BLOCK; c += LANES) {
        vec sums[4]; /* four chains hide the latency; their order is fixed, so every instruction set agrees */
        for (int i = 0; i < 4; i++)
            sums[i] = vec_set (kind == POOL_MAX ? -INFINITY : 0.0f);
        for (ptrdiff_t p = 0; p < pixels; p++) {
            vec v = vec_load (in + 16 * p + c);
            sums[p % 4] = kind == POOL_MAX ? vec_max_nan (sums[p % 4], v) : vec_add (sums[p % 4], v);
        }
        vec v;
        if (kind == POOL_MAX)
            v = vec_max_nan (vec_max_nan (sums[0], sums[1]), vec_max_nan (sums[2], sums[3]));
        else
            v = vec_div (vec_add (vec_add (sums[0], sums[1]), vec_add (sums[2], sums[3])), vec_set ((float)pixels));
        vec_store (out + c, v);
    }
}

/* ---- softmax --------------------------------------------------------------------------------------------------- */

/* One vector's worth of lanes, those from `channels` on as `fill`. */
INLINE vec load_real (const float *in, int left, float fill)
{
    float lanes[LANES] __attribute__ ((aligned (64)));
    if (left >= LANES)
        return vec_load (in);
    for (int i = 0; i < LANES; i++)
        lanes[i] = i < left ? in[i] : fill;
    return vec_load (lanes);
}

/* Sum of, or largest among, 16 lanes held in PER_BLOCK vectors: lane by lane, so that every instruction set agrees. */
INLINE float across (const vec v[PER_BLOCK], bool add)
{
    float lanes[BLOCK] __attribute__ ((aligned (64)));
    for (int i = 0; i < PER_BLOCK; i++)
        vec_store (lanes + i * LANES, v[i]);
    float result = lanes[0];
    for (int i = 1; i < BLOCK; i++)
        result = add ? result + lanes[i] : (lanes[i] > result || lanes[i] != lanes[i] ? lanes[i] : result);
    return result;
}

void kernels_softmax (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block)
{
    int blocks = (channels + BLOCK - 1) / BLOCK;
    for (ptrdiff_t p = 0; p < pixels; p++) {
        const float *x = in + 16 * p;
        float *y = out + 16 * p;
        vec top[PER_BLOCK], sum[PER_BLOCK];
        for (int i = 0; i < PER_BLOCK; i++) {
            top[i] = vec_set (-INFINITY);
            sum[i] = vec_set (0.0f);
        }
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++)
                top[i] = vec_max (top[i],
                                  load_real (x + b * block + i * LANES, channels - b * BLOCK - i * LANES, -INFINITY));
        vec most = vec_set (across (top, false));
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++) {
                int left = channels - b * BLOCK - i * LANES;
                float *at = y + b * block + i * LANES;
                vec_store (at, vec_exp (vec_sub (load_real (x + b * block + i * LANES, left, -INFINITY), most)));
                vec e = load_real (at, left, 0.0f); /* lanes past the end count nothing and become 0 */
                vec_store (at, e);
                sum[i] = vec_add (sum[i], e);
            }
        vec scale = vec_set (1.0f / across (sum, true));
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < PER_BLOCK; i++) {
                float *at = y + b * block + i * LANES;
                vec_store (at, vec_mul (vec_load (at), scale));
            }
    }
}

/* ---- conversions ------------------------------------------------------------------------------------------------ */

void kernels_import (const float *in, float *out, int channels, ptrdiff_t pixels)
{
    for (int first = 0; first < channels; first += BLOCK) {
        int count = channels - first < BLOCK ? channels - first : BLOCK;
        float *block = out + first * pixels;
        for (ptrdiff_t p = 0; p < pixels; p++) {
            for (int c = 0; c < count; c++)
                block[16 * p + c] = in[(first + c) * pixels + p];
            for (int c = count; c < BLOCK; c++)
                block[16 * p + c] = 0;
        }
    }
}

void kernels_export (const float *in, float *out, int channels, ptrdiff_t pixels)
{
    for (int c = 0; c < channels; c++) {
        const float *from = in + c / BLOCK * BLOCK * pixels + c % BLOCK;
        float *to = out + c * pixels;
        for (ptrdiff_t p = 0; p < pixels; p++)
            to[p] = from[16 * p];
    }
}

/* bytes is a constant at every call, so the loops vectorise. */
INLINE void image_row (const struct image *image, const uint8_t *from, float *to, ptrdiff_t plane, const int bytes)
{
    for (int c = 0; c < 3; c++) {
        const float scale = image->scale[c], shift = image->shift[c];
        const uint8_t *in = from + image->order[c];
        float *out = to + c * plane;
        for (int x = 0; x < image->width; x++)
            out[x] = (float)in[x * bytes] * scale + shift;
    }
}

void kernels_image (const struct image *image, int first, int last, float *out)
{
    ptrdiff_t plane = (ptrdiff_t)image->width * image->height;
    for (int y = first; y < last; y++) {
        const uint8_t *from = image->pixels + y * image->stride;
        if (image->pixel_bytes == 3)
            image_row (image, from, out + (ptrdiff_t)y * image->width, plane, 3);
        else
            image_row (image, from, out + (ptrdiff_t)y * image->width, plane, 4);
    }
}
