/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels.c: the table of one instruction set, the measurement of its peak and the FPU's control word. Compiled once
 * per instruction set; `nm` shows kernels_<isa> and the functions it points at. */
#include "kernels.h"
#include "vec.h"

void FOR_ISA (kernels_conv) (const struct conv_args *args);
void FOR_ISA (kernels_depthwise) (const struct depthwise_args *args);
void FOR_ISA (kernels_pool) (const struct pool_args *args);
void FOR_ISA (kernels_reduce) (enum reduction kind, const float *in, ptrdiff_t pixels, const float *centre, float *out);
void FOR_ISA (kernels_reduce_channels) (enum reduction kind, const float *in, int channels, ptrdiff_t pixels,
                                        ptrdiff_t block, const float *centre, float *out);
void FOR_ISA (kernels_elementwise) (const struct elementwise_args *args);
void FOR_ISA (kernels_winograd_input) (const struct winograd_args *args);
void FOR_ISA (kernels_winograd_output) (const struct winograd_args *args);
void FOR_ISA (kernels_strassen_sums) (const struct strassen_block *pixels);
void FOR_ISA (kernels_strassen) (const struct strassen_args *args);
void FOR_ISA (kernels_softmax) (const float *in, float *out, int channels, ptrdiff_t pixels, ptrdiff_t block);
void FOR_ISA (kernels_quantise) (const float *in, uint8_t *out, ptrdiff_t count, float scale, float zero);
void FOR_ISA (kernels_dequantise) (const uint8_t *in, float *out, ptrdiff_t count, float scale, float zero);
void FOR_ISA (kernels_words) (const struct words_args *args);
void FOR_ISA (kernels_max_bytes) (const struct max_bytes_args *args);
void FOR_ISA (kernels_pick) (const struct pick_args *args);
void FOR_ISA (kernels_pick_bytes) (const struct pick_args *args);
void FOR_ISA (kernels_reorder_to_blocked) (const float *in, float *out, int channels, ptrdiff_t pixels);
void FOR_ISA (kernels_reorder_to_planar) (const float *in, float *out, int channels, ptrdiff_t pixels);
void FOR_ISA (kernels_image) (const struct image_tile *tile);

/* 12 independent chains: more than latency x throughput (4 x 2) of any core this was tried on. */
static double peak (uint64_t iterations, float *sink)
{
    enum { CHAINS = 12 };
    vec a = vec_set (sink[0]), b = vec_set (sink[1]), sums[CHAINS];
    UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = vec_set ((float)i);
    for (uint64_t n = 0; n < iterations; n++)
        UNROLL for (int i = 0; i < CHAINS; i++) sums[i] = vec_fma (sums[i], a, b);
    vec total = sums[0];
    for (int i = 1; i < CHAINS; i++)
        total = vec_add (total, sums[i]);
    float lanes[16] __attribute__ ((aligned (64)));
    vec_store (lanes, total);
    sink[2] = lanes[0];
    return 2.0 * CHAINS * LANES * (double)iterations;
}

static uint64_t fpu_enter (void)
{
    uint64_t saved = fpu_read ();
    fpu_write (FPU_WORD);
    return saved;
}

static void fpu_leave (uint64_t saved)
{
    fpu_write (saved);
}

#define DECLARE(kind, ...) void JOIN (FOR_ISA (kernels_conv), kind) (const struct conv_args *args);
WORD_KERNELS (DECLARE)

#define DECLARE_BF16(kind, feature)                                                                                    \
    void JOIN (FOR_ISA (kernels_conv), kind) (const struct conv_args *args);                                           \
    void JOIN (FOR_ISA (kernels_stage), kind) (const void *in, void *out, ptrdiff_t count);
BF16_KERNEL (DECLARE_BF16)

/* bytes -> the 16 bits that some kernels multiply */
static void widen (const void *in, void *out, ptrdiff_t count)
{
    const uint8_t *from = in;
    int16_t *to = out;
    for (ptrdiff_t i = 0; i < count; i++)
        to[i] = from[i];
}

#define DECLARE_DEPTHWISE(kind, feature)                                                                               \
    void JOIN (FOR_ISA (kernels_depthwise_bytes), kind) (const struct depthwise_bytes_args *args);
DEPTHWISE_KERNEL (DECLARE_DEPTHWISE)
#define ENTRY(kind, feature) .needs = feature, .run = JOIN (FOR_ISA (kernels_depthwise_bytes), kind)

static const struct conv_kernel conv[] = { { .in = ELEMENT_F32,
                                             .weight = ELEMENT_F32,
                                             .sum = ELEMENT_F32,
                                             .out = ELEMENT_F32,
                                             .mr = MR,
                                             .nr_blocks = NR_BLOCKS,
                                             .k_step = 1,
                                             .run = FOR_ISA (kernels_conv) },
#define LIST_OUT(kind, feature, of_input, of_weights, terms, less, of_output)                                          \
    { .in = ELEMENT_U8,                                                                                                \
      .weight = ELEMENT_##of_weights,                                                                                  \
      .sum = ELEMENT_S32,                                                                                              \
      .out = ELEMENT_##of_output,                                                                                      \
      .staged = ELEMENT_##of_input,                                                                                    \
      .excess = less,                                                                                                  \
      .mr = MR,                                                                                                        \
      .nr_blocks = NR_BLOCKS,                                                                                          \
      .k_step = terms,                                                                                                 \
      .needs = feature,                                                                                                \
      .run = JOIN (FOR_ISA (kernels_conv), kind),                                                                      \
      .stage = ELEMENT_##of_input == ELEMENT_S16 ? widen : NULL },
#define LIST_BF16(kind, feature)                                                                                       \
    { .in = ELEMENT_F32,                                                                                               \
      .weight = ELEMENT_BF16,                                                                                          \
      .sum = ELEMENT_F32,                                                                                              \
      .out = ELEMENT_F32,                                                                                              \
      .staged = ELEMENT_BF16,                                                                                          \
      .mr = MR,                                                                                                        \
      .nr_blocks = NR_BLOCKS,                                                                                          \
      .k_step = 2,                                                                                                     \
      .needs = feature,                                                                                                \
      .run = JOIN (FOR_ISA (kernels_conv), kind),                                                                      \
      .stage = JOIN (FOR_ISA (kernels_stage), kind) },
                                           BF16_KERNEL (LIST_BF16)
#define LIST(...) LIST_OUT (__VA_ARGS__, U8) LIST_OUT (__VA_ARGS__, F32)
                                               WORD_KERNELS (LIST) };

#define TEXT_(x) #x
#define TEXT(x) TEXT_ (x)

extern const struct kernels FOR_ISA (kernels);
const struct kernels FOR_ISA (kernels) = {
    .name = TEXT (ISA),
    .needs = NEEDS,
    .lanes = LANES,
    .mr = MR,
    .nr_blocks = NR_BLOCKS,
    .depthwise_bytes = { DEPTHWISE_KERNEL (ENTRY) },
    .conv = conv,
    .conv_count = sizeof conv / sizeof *conv,
    .depthwise = FOR_ISA (kernels_depthwise),
    .pool = FOR_ISA (kernels_pool),
    .reduce = FOR_ISA (kernels_reduce),
    .reduce_channels = FOR_ISA (kernels_reduce_channels),
    .elementwise = FOR_ISA (kernels_elementwise),
    .winograd_input = FOR_ISA (kernels_winograd_input),
    .winograd_output = FOR_ISA (kernels_winograd_output),
    .strassen_sums = FOR_ISA (kernels_strassen_sums),
    .strassen = FOR_ISA (kernels_strassen),
    .softmax = FOR_ISA (kernels_softmax),
    .quantise = FOR_ISA (kernels_quantise),
    .dequantise = FOR_ISA (kernels_dequantise),
    .words = FOR_ISA (kernels_words),
    .max_bytes = FOR_ISA (kernels_max_bytes),
    .pick = FOR_ISA (kernels_pick),
    .pick_bytes = FOR_ISA (kernels_pick_bytes),
    .reorder_to_blocked = FOR_ISA (kernels_reorder_to_blocked),
    .reorder_to_planar = FOR_ISA (kernels_reorder_to_planar),
    .image = FOR_ISA (kernels_image),
    .peak = peak,
    .fpu_enter = fpu_enter,
    .fpu_leave = fpu_leave,
};
