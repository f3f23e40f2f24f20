/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_emulated.c: the kernels of bytes for instructions that few processors have, AVX-512 VNNI and AVX-VNNI, emulated
 * instruction by instruction (engine/kernels_emulated.h), against whole numbers and the scalar kernel, bit for bit.
 * .ci/run builds and runs it. */
#include "tests/check_kernels.h"

#include <string.h>

const struct kernels *tables[8];
int table_count;
char what[256];
unsigned can_run = ~0u;

int case_begin (void)
{
    return 0;
}

#define TABLE(isa)                                                                                                     \
    void kernels_quantise_##isa (const float *in, uint8_t *out, ptrdiff_t count, float scale, float zero);             \
    void kernels_dequantise_##isa (const uint8_t *in, float *out, ptrdiff_t count, float scale, float zero);           \
    void kernels_words_##isa (const struct words_args *args);                                                          \
    void kernels_max_bytes_##isa (const struct max_bytes_args *args);
#define KERNEL(isa, kind) void kernels_conv_##isa##_##kind (const struct conv_args *args);
TABLE (avx512)
TABLE (avx2)
TABLE (scalar)
KERNEL (avx512, vnni)
KERNEL (avx2, vnni)
KERNEL (avx2, s16)
KERNEL (scalar, u8)

static void widen (const void *in, void *out, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        ((int16_t *)out)[i] = ((const uint8_t *)in)[i];
}

#define OF(isa, kind, output, of_weight, terms, blocks, of_stage)                                                      \
    { .in = ELEMENT_U8,                                                                                                \
      .weight = of_weight,                                                                                             \
      .sum = ELEMENT_S32,                                                                                              \
      .out = output,                                                                                                   \
      .staged = terms == 2 ? ELEMENT_S16 : ELEMENT_U8,                                                                 \
      .nr_blocks = blocks,                                                                                             \
      .k_step = terms,                                                                                                 \
      .run = kernels_conv_##isa##_##kind,                                                                              \
      .stage = of_stage },
#define BOTH(isa, kind, ...) OF (isa, kind, ELEMENT_U8, __VA_ARGS__) OF (isa, kind, ELEMENT_F32, __VA_ARGS__)
static const struct conv_kernel avx512[] = { BOTH (avx512, vnni, ELEMENT_S8, 4, 2, NULL) };
static const struct conv_kernel avx2[] = { BOTH (avx2, vnni, ELEMENT_S8, 4, 1, NULL)
                                               BOTH (avx2, s16, ELEMENT_S16, 2, 1, widen) };
static const struct conv_kernel scalar[] = { BOTH (scalar, u8, ELEMENT_S8, 4, 1, NULL) };

#define ALL(isa)                                                                                                       \
    static const struct kernels table_##isa = { .name = #isa,                                                          \
                                                .conv = isa,                                                           \
                                                .conv_count = sizeof isa / sizeof *isa,                                \
                                                .quantise = kernels_quantise_##isa,                                    \
                                                .dequantise = kernels_dequantise_##isa,                                \
                                                .words = kernels_words_##isa,                                          \
                                                .max_bytes = kernels_max_bytes_##isa };
ALL (avx512)
ALL (avx2)
ALL (scalar)

int main (void)
{
    tables[0] = &table_avx512;
    tables[1] = &table_avx2;
    tables[2] = &table_scalar;
    table_count = 3;
    check_group ("conv: bytes");
    random_seed (1);
    check_conv_bytes ();
    check_group ("quantise");
    check_quantise ();
    check_group ("dequantise");
    check_dequantise ();
    check_group ("words");
    check_words ();
    check_group ("max_bytes");
    check_max_bytes ();
    return check_end ();
}
