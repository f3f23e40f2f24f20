/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_kernels.h: what the parts of check_kernels share: the tables under test, the current case, the comparison.
 *
 *   CASE ("%d pixels", pixels);                                     named in failures and crashes
 *   for (int t = case_begin (); t < table_count; t++) {
 *       guarded_clear (&out);
 *       tables[t]->conv (&run);
 *       compare (tables[t], &out, &expected);
 *   } */
#ifndef CONVRELU_CHECK_KERNELS_H
#define CONVRELU_CHECK_KERNELS_H

#include "engine/kernels.h"
#include "tests/check.h"
#include "tests/epilogue_case.h"
#include "tests/guarded.h"

extern const struct kernels *tables[8]; /* [table_count], every one this CPU runs */
extern int table_count;
extern char what[256];   /* the case at work */
extern unsigned can_run; /* enum cpu_feature of the kernels that are tried */

#define CASE(...) snprintf (what, sizeof what, __VA_ARGS__)

int case_begin (void); /* 0 */

enum residual_mode { NO_RESIDUAL, RESIDUAL, RESIDUAL_IN_PLACE, RESIDUAL_MODES };

/* One table's output must be as expected, and that of tables with fused multiply-add the same bit for bit. */
void compare (const struct kernels *k, const struct guarded *out, const struct expected *e);

/* A convolution of floats, or of words of their size. */
struct conv_case {
    int pixels, blocks, channel, depth, segment_count;
    ptrdiff_t stride, out_block;
    struct segment segments[4];
    enum residual_mode residual_mode;
    struct guarded input, bias, residual;
    struct guarded weights; /* [depth][16 blocks] */
    int before;             /* words of the input in front of pixel 0's origin: offsets may be negative */
    struct epilogue_case epilogue;
};
struct conv_case conv_case_new (int pixels, ptrdiff_t stride, enum residual_mode mode, int number);
void conv_case_free (struct conv_case *c);
/* All blocks of the case, as many at a time as the kernel takes. */
void conv_case_run (const struct conv_case *c, const struct conv_kernel *k, struct guarded *out);

/* Whether check_conv tests kernels for such numbers. */
bool conv_kernel_tested (const struct conv_kernel *kernel);

/* One test for each member of struct kernels; kernels_*.c. */
void check_conv (void);
void check_conv_bytes (void);
void check_conv_bf16 (void);
void check_stage_bf16 (void);
void check_quantise (void);
void check_dequantise (void);
void check_words (void);
void check_max_bytes (void);
void check_depthwise (void);
void check_depthwise_bytes (void);
void check_winograd_input (void);
void check_winograd_output (void);
void check_winograd (void); /* both together are a convolution */
void check_strassen_sums (void);
void check_strassen (void);
void check_pool (void);
void check_reduce (void);
void check_reduce_channels (void);
void check_elementwise (void);
void check_activations (void);
void check_softmax (void);
void check_reorder_to_blocked (void);
void check_reorder_to_planar (void);
void check_pick (void);
void check_pick_bytes (void);
void check_image (void);
void check_peak (void);
void check_fpu_enter (void);
void check_fpu_leave (void);

int bench_kernels (void); /* bench_kernels.c; the exit code */

#endif
