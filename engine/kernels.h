/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels.h: what one instruction set offers: functions, and the tile they work on.
 *
 * Layout of every activation: blocks of 16 channels, [channels / 16][height][width][16] floats: "blocked", elsewhere
 * called nChw16c; "planar" is NCHW. Channel counts are padded to 16 by the plan; lanes past the last real channel may
 * hold anything, even NaN: the sums of a convolution end at the last real channel, and no lane meets another anywhere
 * else. Blocked pointers are 64-byte aligned. No kernel has channel tails; only the reorders, softmax,
 * reduce_channels and image know the real channel count.
 *
 * No kernel allocates, and none reads or writes outside the ranges its contract gives. Vectors span channels and one
 * sum is never split over lanes, so that instruction sets with fused multiply-add agree bit for bit, in all but
 * `strassen`, where the tile decides what is added to what. */
#ifndef CONVRELU_KERNELS_H
#define CONVRELU_KERNELS_H

#include "element.h"
#include "image.h"
#include "kinds.h"

struct cpu; /* cpu.h */

enum { BLOCK = 16 };

/* What happens to a value between the sum and its one store:
 *   v = sum + residual;  v = activation (v);  v = v * post_scale + post_shift
 * Per-channel arrays are indexed by absolute channel and padded to 16. */
struct epilogue {
    float low, high; /* min (max (v, low), high): all there is when `clamp_only`; -inf and inf for no activation */
    bool clamp_only; /* activation is none, relu or clip and there is no post_scale */
    struct activation activation;
    const float *slope;                   /* prelu */
    const float *post_scale, *post_shift; /* both or neither */
};

/* Software prefetch of weights that will be wanted soon: at each (s, k) of a strip the lines at next + b * apart, for
 * every output block b of a tile, then next += step. step 0: nothing is prefetched; apart is 0 too, next may be
 * NULL. */
struct prefetch {
    const float *next;
    ptrdiff_t step, apart;
    ptrdiff_t length; /* over all steps of prefetch_spread; kernels do not read it */
};

struct segment {
    int32_t offset, length; /* in words; length >= 1 */
};

/* Sums of products of bytes -> outputs, between the sum and the epilogue:
 *   v = sum * scale[c] + shift[c]
 *   twice: v = (v clamped to [low, high] and rounded) * again + beyond      where a file rounds more than once
 *   v = v + residual * residual_scale                                      each a fused multiply-add
 * and behind it, where the output is bytes: the nearest of 0 .. 255, halves to even, NaN 0. Channels as in struct
 * epilogue, whose results are in the output's units.
 *
 * bounded: whatever the sums are, that v is less than 2^31 in size, or NaN: where bytes are only clamped, that is done
 * after they are packed. false is always right. */
struct requantise {
    const float *scale, *shift;
    float residual_scale;
    enum element residual, out; /* F32 or U8 */
    bool twice;
    float low, high, again, beyond;
    bool bounded;
};

/* A strip of output pixels in a row, for one panel of `blocks` output blocks; input and weights are 32-bit words, which
 * of floats are one number each:
 *
 *   out[b * out_block + 16 p + c] = epilogue (bias[channel + 16 b + c]
 *       + sum over segments s, k < length[s] of input[p * pixel_stride + offset[s] + k] * weights[w][16 b + c]
 *       + residual[b * out_block + 16 p + c]),          w counts (s, k) pairs in order
 *
 * for p < pixels, b < blocks, c < 16. residual may be NULL or equal to out; otherwise nothing aliases out. */
struct conv_args {
    const void *input;
    const struct segment *segments;
    int segment_count; /* at least 1 */
    ptrdiff_t pixel_stride;
    const void *weights; /* [sum of lengths][16 blocks] words, 64-byte aligned */
    const void *bias;    /* whole vector, padded; of the kernel's `sum` */
    const void *residual;
    void *out;
    ptrdiff_t out_block; /* numbers from one output block to the next (also the residual's) */
    int pixels, blocks;  /* blocks <= nr_blocks of the kernel */
    int channel;         /* absolute first output channel, multiple of 16 */
    struct prefetch prefetch;
    const struct epilogue *epilogue;
    const struct requantise *requantise; /* of sums of bytes; else NULL */
};

/* One way to compute that, for numbers of these kinds. A word of the input holds k_step numbers, consecutive channels;
 * the same word of the weights the k_step weights that belong to them. */
struct conv_kernel {
    enum element in, weight, sum,
        out;             /* out: of bytes F32 too; the residual's too unless `requantise` says otherwise */
    enum element staged; /* what `input` must be: in, or what `stage` makes of it */
    int excess;          /* it multiplies with numbers that are so much less than the input's */
    int mr;              /* pixels of a register tile, */
    int nr_blocks;       /*   and its output blocks: weights are packed for at most so many */
    int k_step;          /* terms of a sum in a word */
    unsigned needs;      /* enum cpu_feature: what the processor must have beside what the table needs */
    void (*run) (const struct conv_args *args);
    void (*stage) (const void *in, void *out, ptrdiff_t count); /* `count` numbers; NULL where staged is in */
};

/* Geometry of a sliding window along a row; rows that fall outside the image are left out by the caller. */
struct window {
    int kernel_w, stride_w, dilation_w, pad_left;
    int in_width, out_width;
};

/* Output rows [first, first + rows) of one block of a depthwise convolution:
 *   out[y - first][x][c] = epilogue (bias[channel + c] + sum over r < kernel_h, k < kernel_w, where inside the image,
 *       of in[y stride_h + r dilation_h - pad_top][x stride_w + k dilation_w - pad_left][c] * weights[r][k][c]
 *       + residual[y - first][x][c]) */
struct depthwise_args {
    const float *in;      /* [in_height][in_width][16] */
    const float *weights; /* [kernel_h][kernel_w][16] */
    int in_height, kernel_h, stride_h, dilation_h, pad_top;
    struct window window;
    int first, rows;
    const float *bias, *residual; /* residual: like out, or NULL; may be out */
    float *out;                   /* [rows][out_width][16] */
    int channel;
    const struct epilogue *epilogue;
};

/* Output rows [first, first + rows) of one block of a depthwise convolution of bytes, whose window is `kernel` wide and
 * high, and as much apart in both directions; pixels outside the image are bytes `zero`:
 *   sum = start[channel + c] + sum over r, k < kernel
 *       of in[y stride + r - pad_top][x stride + k - pad_left][c] * weights[r][k / 4][c][k % 4]
 *   v = sum * scale[c] + shift[c], fused;  out[y - first][x][c] = epilogue (v + (residual * residual_scale)),
 * and as bytes what struct requantise says of them. */
struct depthwise_bytes_args {
    const uint8_t *in; /* [in_height][in_width][16] */
    const int8_t
        *weights; /* [kernel][kernel / 4, rounded up][16][4], zeros behind the last of a row; 64-byte aligned */
    const int32_t *start;
    int kernel, stride; /* 3, 5 or 7; 1 or 2 */
    int pad_top, pad_left, zero;
    int in_height, in_width, out_width;
    int first, rows;
    const void *residual; /* like out, or NULL; may be out */
    void *out;            /* [rows][out_width][16] */
    int channel;
    uint8_t *scratch; /* depthwise_bytes_scratch () bytes, 64-byte aligned */
    const struct requantise *requantise;
    const struct epilogue *epilogue;
};

enum { DEPTHWISE_PIXELS = 4 }; /* that its tile has side by side */

/* A row of the input with what lies outside at both sides, filled up to what tiles read. */
static inline ptrdiff_t depthwise_bytes_row (int kernel, int stride, int out_width)
{
    int outputs = (out_width + DEPTHWISE_PIXELS - 1) / DEPTHWISE_PIXELS * DEPTHWISE_PIXELS;
    return ((ptrdiff_t)(outputs - 1) * stride + (kernel + 3) / 4 * 4 + 3) / 4 * 4 * BLOCK;
}

/* Bytes for `rows` output rows at a time. */
static inline size_t depthwise_bytes_scratch (int kernel, int stride, int out_width, int rows)
{
    return (size_t)((rows - 1) * stride + kernel) * (size_t)depthwise_bytes_row (kernel, stride, out_width);
}

/* How one instruction set does that. */
struct depthwise_kernel {
    unsigned needs; /* enum cpu_feature: what the processor must have beside what the table needs */
    void (*run) (const struct depthwise_bytes_args *args); /* NULL: not at all */
};

/* One row of one block of a pooling. Max over, or sum of, the values inside; the sum is divided by divisor[x], or by
 * the number of values inside when divisor is NULL. A window with nothing inside gives -inf (max) or 0. */
struct pool_args {
    enum pool_kind kind;
    const float *const *rows;
    int row_count;
    struct window window;
    const float *divisor;
    float *out;
};

/* The same as pool_args of bytes: the largest inside; 0 where there is nothing inside. */
struct max_bytes_args {
    const uint8_t *const *rows;
    int row_count;
    struct window window;
    uint8_t *out;
};

/* Planar floats -> words of four bytes, of pixels that lie next to each other in up to four planes: byte c of a word is
 * the nearest of 0 .. 255 to in[c * plane + p] / scale + zero, halves to even before the zero point is added, NaN 0.
 * Bytes past the last channel are any. */
struct words_args {
    const float *in;
    ptrdiff_t plane;
    int channels, pixels;
    float scale, zero; /* scale above 0, a whole zero */
    uint8_t *out;      /* [pixels][4] */
};

/* a alone, a + b, a * b, the larger one (NaN wins), and (a - b) * b', where b' stands behind b in memory. */
enum elementwise_operation {
    ELEMENTWISE_FIRST,
    ELEMENTWISE_ADD,
    ELEMENTWISE_MUL,
    ELEMENTWISE_MAX,
    ELEMENTWISE_NORMALISE, /* b_lane only */
    ELEMENTWISE_OPERATIONS /* how many there are */
};

/* One block of an element-wise layer: out = epilogue ((a op b) * scale + shift + residual), for p < pixels, c < 16.
 * b is b[p * b_pixel + (b_lane ? 0 : c)]: b_pixel 16 or 0, b_lane when b has one channel for all. out may be a, b (same
 * shape) or residual. */
struct elementwise_args {
    enum elementwise_operation operation;
    const float *a, *b;
    ptrdiff_t b_pixel;
    bool b_lane;
    const float *scale, *shift; /* indexed by absolute channel; both or neither */
    const float *residual;
    float *out;
    ptrdiff_t pixels;
    int channel;
    const struct epilogue *epilogue;
};

/* The output pixel at the upper left corner of a tile of Winograd's. */
struct winograd_tile {
    int32_t top, left;
};

/* Winograd F(m_h x m_w, 3 x 3), each tile from a patch of n_h x n_w pixels, which are as many as its points. A side
 * has:
 *   n = 4: m = 2, stride 1     n = 6: m = 4, stride 1     n = 5: m = 2, stride 2, the even and the odd pixels apart
 * Both sides are alike, or it is n_h = 6 with n_w = 4.
 * A tile that is small in height or width has half as many outputs there, and needs only these points of that side:
 *   n = 4: 0, 1, 3             n = 6: 0, 1, 2, 5          n = 5: 0, 2, 3
 * No tile of 6 x 4 points is small in width: it serves layers of even width, and the code of one more size is saved.
 * A call does `tiles` tiles of one size:
 *   input:  v[i * v_point + 16 t + c] = transform of the patch of tile[t], at point i < n_h n_w, row by row, if it is
 *           needed
 *   output: inverse transform of m_[i * m_point + 16 t + c], then bias and epilogue, cut at the image's edge */
struct winograd_args {
    int n_h, n_w;
    bool small_h, small_w;
    int height, width;       /* of the output */
    int pad_top, pad_left;   /* 0 or 1, so that every patch has a pixel of the input, which is zero outside */
    int in_height, in_width; /* of the input */
    const struct winograd_tile *tile;
    int tiles;
    const float *in; /* one block [in_height][in_width][16] */
    float *v;
    ptrdiff_t v_point;
    const float *m_;
    ptrdiff_t m_point;
    const float *bias, *residual; /* residual: one block, like out, or NULL; may be out */
    float *out;                   /* one block [height][width][16] */
    int channel;
    const struct epilogue *epilogue;
};

/* Strassen's algorithm for a 1x1 convolution, see kernels_strassen.c. The input channels are two halves of `depth`, a
 * multiple of 16. Of a block of pixels the first `rows` are one half, the last `rows` the other: pixels is 2 rows or
 * 2 rows - 1, rows at most kernels.mr. `sums` is for four sums of quarters of the input, sums[i * sum] on, each
 * [depth / 16][rows][16]. */
struct strassen_block {
    const float *in; /* channels from 16 b on of pixel p at in + b * in_block + 16 p */
    ptrdiff_t in_block;
    int depth, pixels, rows;
    float *sums;
    ptrdiff_t sum;
};

/*   out[b * out_block + 16 p + c] = epilogue (bias[channel + 16 b + c] + residual[b * out_block + 16 p + c]
 *       + sum over k < 2 depth of the 1x1 convolution whose weights pack_strassen () made),    p < pixels, b < blocks
 *
 * up to rounding: a value of one half of the pixels is computed with values of its fellow in the other half, so NaN,
 * infinity and large errors reach both. Products [first, last) of the seven, in order but with others between: 0 and 1,
 * 2 to 4, 5 and 6 belong together. Later ones find what earlier ones kept. */
struct strassen_args {
    struct strassen_block cur;  /* with its sums */
    struct strassen_block next; /* whose sums are made meanwhile; rows 0: none */
    int first, last;
    float *kept;                  /* three tiles of kernels.nr_blocks * 16 * rows floats */
    const float *weights;         /* [7][depth][16 kernels.nr_blocks] */
    int blocks;                   /* blocks <= 2 nr_blocks */
    const float *bias, *residual; /* bias: whole vector, padded; residual: like out, or NULL; may be out */
    float *out;
    ptrdiff_t out_block;
    int channel;
    struct prefetch prefetch; /* at each k of each product, for b < kernels.nr_blocks */
    const struct epilogue *epilogue;
};

/* One block of channels, floats or bytes, put together from others:
 *   out[16 p + c] = from[c][p * in_pixel],      p < pixels, c < 16
 * Where from[c] is NULL it is *fill or, without one, what was there. Blocks are read by whole vectors; out is none of
 * them. A block begins on a border of 16 of its numbers. */
struct pick_args {
    const void *from[BLOCK];
    ptrdiff_t in_pixel, pixels; /* in_pixel: a multiple of 16 */
    const void *fill;
    void *out;
};

/* The samples of a row that one output is made from, and their weights. */
struct image_taps {
    int start, count; /* count >= 1 */
    const float *weights;
};
/* Those of a column, their weights in whole numbers >= 0 that add up to 1 / unit, at most 2^23. */
struct image_rows {
    int start, count;       /* count >= 1 */
    const int16_t *weights; /* one more, which is 0, where count is odd */
    float unit;
};

enum { IMAGE_ROWS = BLOCK, IMAGE_COLUMNS = 64 }; /* of the largest tile */
/* Bytes of a row that are worked on at a time: what becomes of them stays in the L2 cache. Rows of the strip are a line
 * longer, so that they do not meet in one set of the L1 cache. */
enum { IMAGE_CHUNK = 512, IMAGE_STRIP = IMAGE_CHUNK + 16 };
enum { IMAGE_SCRATCH = IMAGE_ROWS * (IMAGE_STRIP + IMAGE_CHUNK + IMAGE_COMPONENTS * IMAGE_COLUMNS) }; /* floats */

/* A tile of what plan_image makes: rows x columns outputs of each channel, output (c, y, x) at
 * out[c * out_channel + y * out_row + x]. Both starts and ends of taps ascend along the tile. */
struct image_tile {
    int rows, columns, planes, components;
    const uint8_t *data[IMAGE_PLANES];
    ptrdiff_t stride[IMAGE_PLANES];
    const struct image_rows *down[IMAGE_PLANES]; /* [rows], in rows of the plane */
    const struct image_component *component;
    const struct image_taps *across[IMAGE_COMPONENTS]; /* [columns], in samples of the component */
    const struct image_colours *colours;
    float *out;
    ptrdiff_t out_row, out_channel;
    float *scratch; /* [IMAGE_SCRATCH], at a multiple of 64 bytes */
};

struct kernels {
    const char *name; /* "avx2" */
    unsigned needs;   /* enum cpu_feature (cpu.h): what the processor must have */
    int lanes;        /* floats in a vector */
    int mr;           /* pixels of the register tile of `strassen`, */
    int nr_blocks;    /*   and its output blocks */
    struct depthwise_kernel depthwise_bytes;
    int conv_count;                 /* at least 1 */
    const struct conv_kernel *conv; /* [conv_count], of kernels for the same numbers the best first */

    void (*depthwise) (const struct depthwise_args *args);
    void (*pool) (const struct pool_args *args);
    /* out[c] = max, mean or mean square over pixels of in[16 p + c], one block; of in - centre[c] for the mean square
     * where centre [16] is not NULL */
    void (*reduce) (enum reduction kind, const float *in, ptrdiff_t pixels, const float *centre, float *out);
    /* out[16 p] = the same over `channels` (real count) at each pixel of a blocked tensor whose blocks are `block`
     * floats apart; of in - centre[16 p]. The other numbers of out stay what they are. */
    void (*reduce_channels) (enum reduction kind, const float *in, int channels, ptrdiff_t pixels, ptrdiff_t block,
                             const float *centre, float *out);
    void (*elementwise) (const struct elementwise_args *args);
    void (*winograd_input) (const struct winograd_args *args);
    void (*winograd_output) (const struct winograd_args *args);
    void (*strassen_sums) (const struct strassen_block *pixels); /* on their own */
    void (*strassen) (const struct strassen_args *args);
    /* Softmax over `channels` (real count) at each pixel of a blocked tensor; in may be out. Blocks `block` floats
     * apart. Lanes past `channels` become 0. */
    void (*softmax) (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block);
    void (*pick) (const struct pick_args *args);
    void (*pick_bytes) (const struct pick_args *args);
    /* planar [channels][pixels] -> one blocked tensor, lanes past channels zero; and back */
    void (*reorder_to_blocked) (const float *in, float *out, int channels, ptrdiff_t pixels);
    void (*reorder_to_planar) (const float *in, float *out, int channels, ptrdiff_t pixels);
    /* Blocks of 16 floats <-> bytes, `count` numbers: out = in * scale + zero, fused, to the nearest of 0 .. 255,
     * halves to even, NaN 0; out = (in - zero) * scale. */
    void (*quantise) (const float *in, uint8_t *out, ptrdiff_t count, float scale, float zero);
    void (*dequantise) (const uint8_t *in, float *out, ptrdiff_t count, float scale, float zero);
    void (*words) (const struct words_args *args);
    void (*max_bytes) (const struct max_bytes_args *args);
    void (*image) (const struct image_tile *tile);
    /* `iterations` rounds of independent multiply-adds in registers; returns how many floating-point operations */
    double (*peak) (uint64_t iterations, float *sink);
    /* Denormals to zero, rounding to nearest, exceptions masked; returns what to give fpu_leave. */
    uint64_t (*fpu_enter) (void);
    void (*fpu_leave) (uint64_t saved);
};

/* The table of that name if this CPU can run it, else NULL. NULL name: the best, or the one CONVRELU_ISA names. */
const struct kernels *kernels_for (const char *name);

/* The first convolution kernel of the table that takes and makes such numbers and runs on this processor, or NULL; it
 * loses nothing of floats. */
const struct conv_kernel *conv_kernel_for (const struct kernels *kernels, const struct cpu *cpu, enum element in,
                                           enum element out);

/* The one that multiplies floats as bf16, or NULL. */
const struct conv_kernel *conv_kernel_bf16 (const struct kernels *kernels, const struct cpu *cpu);

/* Tells the processor that a loop only waits, for about 20 ns. */
void cpu_pause (void);

#endif
