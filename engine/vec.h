/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vec.h: one page per instruction set: the vector type, its lane count, the convolution tile that fits its registers
 * and the operations the kernels are written in. The scalar page at the end is the specification.
 *
 * vec_max (a, b) and vec_min (a, b) give b when either is NaN: write the bound first, the value second, and NaN stays.
 * vec_max_nan keeps NaN from either side. Of a normal number above 0, vec_exponent is e and vec_mantissa is m in
 * m 2^e, 1 <= m < 2; of any other they are some number. */
/* clang-format off */
#ifndef CONVRELU_VEC_H
#define CONVRELU_VEC_H

#include "cpu.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Before a loop of constant length over registers: it must be gone before registers are given out. */
#ifdef __clang__
#define UNROLL _Pragma ("clang loop unroll(full)")
#define UNROLL_OUTER /* a loop round such a loop and in a third one: clang does it unasked and refuses when asked */
#else
#define UNROLL _Pragma ("GCC unroll 32")
#define UNROLL_OUTER UNROLL
#endif

/* Prefetches p's line into the L1 cache; any address will do. Into the L2 cache is 2 to 4 % slower. */
#define PREFETCH(p) __builtin_prefetch ((p), 0, 3)

#define INLINE static inline __attribute__ ((always_inline))

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_ (a, b)
#define FOR_ISA(name) JOIN (name, ISA) /* kernels_conv -> kernels_conv_avx2 */

#if defined EMULATED
#include "kernels_emulated.h"
#elif defined ISA_IS_AVX512 || defined ISA_IS_AVX2
#include <immintrin.h>
#endif

#if defined ISA_IS_AVX512

typedef __m512 vec;
/* 14 x 2 accumulators + 2 weights + 1 input = 31 of 32 registers */
enum { LANES = 16, MR = 14, NR_BLOCKS = 2 };
enum { NEEDS = CPU_AVX2 | CPU_FMA | CPU_AVX512F | CPU_AVX512BW | CPU_AVX512DQ | CPU_AVX512VL };
/* Kinds of kernels_words.h that kernels_conv.c is compiled for: KERNEL (kind, what the processor must have beside
 * NEEDS, elements of its staged input and of its weights, terms in a word, how much less than the input it
 * multiplies). */
#define WORD_KERNELS(KERNEL) KERNEL (vnni, CPU_AVX512VNNI, U8, S8, 4, 0) KERNEL (s16, 0, S16, S16, 2, 0)
/* The kind that multiplies floats as bf16, if any, and what the processor must have beside NEEDS. */
#define BF16_KERNEL(KERNEL) KERNEL (bf16, CPU_AVX512BF16)
/* The kind that kernels_depthwise_bytes.c is compiled for, if any, and what the processor must have beside NEEDS. */
#define DEPTHWISE_KERNEL(KERNEL) KERNEL (vbmi, CPU_AVX512VNNI | CPU_AVX512VBMI)

INLINE vec vec_load (const float *p) { return _mm512_load_ps (p); }
INLINE void vec_store (float *p, vec a) { _mm512_store_ps (p, a); }
INLINE void vec_store_unaligned (float *p, vec a) { _mm512_storeu_ps (p, a); }
INLINE vec vec_set (float a) { return _mm512_set1_ps (a); }
INLINE vec vec_add (vec a, vec b) { return _mm512_add_ps (a, b); }
INLINE vec vec_sub (vec a, vec b) { return _mm512_sub_ps (a, b); }
INLINE vec vec_mul (vec a, vec b) { return _mm512_mul_ps (a, b); }
INLINE vec vec_div (vec a, vec b) { return _mm512_div_ps (a, b); }
INLINE vec vec_fma (vec a, vec b, vec c) { return _mm512_fmadd_ps (a, b, c); }
INLINE vec vec_max (vec a, vec b) { return _mm512_max_ps (a, b); }
INLINE vec vec_min (vec a, vec b) { return _mm512_min_ps (a, b); }
INLINE vec vec_max_nan (vec a, vec b)
{
    return _mm512_mask_max_ps (a, _mm512_cmp_ps_mask (a, a, _CMP_ORD_Q), a, b);
}
INLINE vec vec_abs (vec a) { return _mm512_abs_ps (a); }
/* x < 0 ? a : b, and b for NaN */
INLINE vec vec_if_negative (vec x, vec a, vec b)
{
    return _mm512_mask_blend_ps (_mm512_cmp_ps_mask (x, _mm512_setzero_ps (), _CMP_LT_OQ), b, a);
}
INLINE vec vec_round (vec a)
{
    return _mm512_roundscale_ps (a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* 2^a for whole a in [-126, 127] */
INLINE vec vec_exp2 (vec a)
{
    __m512i e = _mm512_add_epi32 (_mm512_cvtps_epi32 (a), _mm512_set1_epi32 (127));
    return _mm512_castsi512_ps (_mm512_slli_epi32 (e, 23));
}
INLINE vec vec_sqrt (vec a) { return _mm512_sqrt_ps (a); }
INLINE vec vec_exponent (vec a)
{
    __m512i e = _mm512_srli_epi32 (_mm512_castps_si512 (a), 23);
    return _mm512_cvtepi32_ps (_mm512_sub_epi32 (e, _mm512_set1_epi32 (127)));
}
INLINE vec vec_mantissa (vec a)
{
    __m512i bits = _mm512_and_si512 (_mm512_castps_si512 (a), _mm512_set1_epi32 (0x7fffff));
    return _mm512_castsi512_ps (_mm512_or_si512 (bits, _mm512_set1_epi32 (0x3f800000)));
}

/* LANES bytes of a block as floats. A block of floats within [0, 255] -> bytes, halves to even, NaN 0. */
INLINE vec vec_load_bytes (const uint8_t *p)
{
    return _mm512_cvtepi32_ps (_mm512_cvtepu8_epi32 (_mm_loadu_si128 ((const __m128i *)p)));
}
INLINE void vec_store_bytes (uint8_t *p, const vec *v)
{
    _mm_storeu_si128 ((__m128i *)p, _mm512_cvtepi32_epi8 (_mm512_cvtps_epi32 (v[0])));
}
/* PIXELS_STORED pixels of a block, below 2^31, clamped to [low, high] within [0, 255] -> bytes, halves to even, NaN
 * low. What does not fit 32 bits becomes their least number: right for what is far below, wrong for what is far above.
 * Bytes are clamped, four times as many at once as floats. */
enum { PIXELS_STORED = 4 };
INLINE __m512i byte_limit (vec limit)
{
    return _mm512_broadcastb_epi8 (_mm512_castsi512_si128 (_mm512_cvtps_epi32 (limit)));
}
INLINE void vec_store_pixels (uint8_t *p, const vec v[4], vec low, vec high)
{
    __m512i n[4];
    UNROLL for (int i = 0; i < 4; i++) n[i] = _mm512_cvtps_epi32 (v[i]);
    __m512i bytes = _mm512_packus_epi16 (_mm512_packs_epi32 (n[0], n[1]), _mm512_packs_epi32 (n[2], n[3]));
    bytes = _mm512_max_epu8 (_mm512_min_epu8 (bytes, byte_limit (high)), byte_limit (low));
    const __m512i order = _mm512_setr_epi32 (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512 (p, _mm512_permutexvar_epi32 (order, bytes));
}
/* The bytes of PIXELS_STORED pixels of a block. byte_take, of each pixel by itself: byte i is from[lanes[i]], and 0
 * where lanes[i] is over 127. */
typedef __m512i byte_vec;
INLINE byte_vec byte_load (const uint8_t *p) { return _mm512_loadu_si512 (p); }
INLINE void byte_store (uint8_t *p, byte_vec a) { _mm512_storeu_si512 (p, a); }
INLINE byte_vec byte_or (byte_vec a, byte_vec b) { return _mm512_or_si512 (a, b); }
INLINE byte_vec byte_max (byte_vec a, byte_vec b) { return _mm512_max_epu8 (a, b); }
INLINE byte_vec byte_repeat (const uint8_t p[16])
{
    return _mm512_broadcast_i32x4 (_mm_loadu_si128 ((const __m128i *)p));
}
INLINE byte_vec byte_take (byte_vec from, byte_vec lanes) { return _mm512_shuffle_epi8 (from, lanes); }
/* vec_fma in one rounding on every instruction set */
INLINE vec vec_fused (vec a, vec b, vec c) { return vec_fma (a, b, c); }
/* lane i: from[lanes[i]], where that is -1 so_far[i]; lanes begins on a vector's border */
INLINE vec vec_take (vec so_far, vec from, const int32_t *lanes)
{
    __m512i which = _mm512_load_si512 (lanes);
    return _mm512_mask_permutexvar_ps (so_far, _mm512_cmpgt_epi32_mask (which, _mm512_set1_epi32 (-1)), which, from);
}
/* a[i] lane j <-> a[j] lane i */
INLINE void vec_transpose (vec a[LANES])
{
    vec b[LANES];
    UNROLL for (int i = 0; i < LANES; i += 4) { /* 4 x 4 squares within quarters */
        vec l0 = _mm512_unpacklo_ps (a[i], a[i + 1]), l1 = _mm512_unpacklo_ps (a[i + 2], a[i + 3]);
        vec h0 = _mm512_unpackhi_ps (a[i], a[i + 1]), h1 = _mm512_unpackhi_ps (a[i + 2], a[i + 3]);
        b[i] = _mm512_shuffle_ps (l0, l1, 0x44);
        b[i + 1] = _mm512_shuffle_ps (l0, l1, 0xee);
        b[i + 2] = _mm512_shuffle_ps (h0, h1, 0x44);
        b[i + 3] = _mm512_shuffle_ps (h0, h1, 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) { /* b[i + 4 k], quarter q -> a[i + 4 q], quarter k */
        vec l0 = _mm512_shuffle_f32x4 (b[i], b[i + 4], 0x88), l1 = _mm512_shuffle_f32x4 (b[i + 8], b[i + 12], 0x88);
        vec h0 = _mm512_shuffle_f32x4 (b[i], b[i + 4], 0xdd), h1 = _mm512_shuffle_f32x4 (b[i + 8], b[i + 12], 0xdd);
        a[i] = _mm512_shuffle_f32x4 (l0, l1, 0x88);
        a[i + 8] = _mm512_shuffle_f32x4 (l0, l1, 0xdd);
        a[i + 4] = _mm512_shuffle_f32x4 (h0, h1, 0x88);
        a[i + 12] = _mm512_shuffle_f32x4 (h0, h1, 0xdd);
    }
}
/* Sums of 16 columns of bytes, in whole numbers of 32 bits. */
typedef __m512i bytes_sum;
INLINE bytes_sum bytes_sum_zero (void) { return _mm512_setzero_si512 (); }
/* + upper[i] * weights[0] + lower[i] * weights[1]; weights are not negative */
INLINE bytes_sum bytes_sum_add (bytes_sum a, const uint8_t *upper, const uint8_t *lower, const int16_t weights[2])
{
    int32_t both;
    memcpy (&both, weights, sizeof both);
    __m512i u = _mm512_cvtepu8_epi32 (_mm_loadu_si128 ((const __m128i *) upper));
    __m512i l = _mm512_cvtepu8_epi32 (_mm_loadu_si128 ((const __m128i *) lower));
    __m512i pairs = _mm512_or_si512 (u, _mm512_slli_epi32 (l, 16));
    return _mm512_add_epi32 (a, _mm512_madd_epi16 (pairs, _mm512_set1_epi32 (both)));
}
INLINE void bytes_sum_store (float *p, bytes_sum a, float unit) /* p[i] = a[i] * unit; p may be unaligned */
{
    _mm512_storeu_ps (p, _mm512_mul_ps (_mm512_cvtepi32_ps (a), _mm512_set1_ps (unit)));
}

#elif defined ISA_IS_AVX2

typedef __m256 vec;
/* 6 x 2 accumulators + 2 weights + 1 input = 15 of 16 registers */
enum { LANES = 8, MR = 6, NR_BLOCKS = 1 };
enum { NEEDS = CPU_AVX2 | CPU_FMA };
#define WORD_KERNELS(KERNEL) KERNEL (vnni, CPU_AVXVNNI, U8, S8, 4, 0) KERNEL (s16, 0, S16, S16, 2, 0)

INLINE vec vec_load (const float *p) { return _mm256_load_ps (p); }
INLINE void vec_store (float *p, vec a) { _mm256_store_ps (p, a); }
INLINE void vec_store_unaligned (float *p, vec a) { _mm256_storeu_ps (p, a); }
INLINE vec vec_set (float a) { return _mm256_set1_ps (a); }
INLINE vec vec_add (vec a, vec b) { return _mm256_add_ps (a, b); }
INLINE vec vec_sub (vec a, vec b) { return _mm256_sub_ps (a, b); }
INLINE vec vec_mul (vec a, vec b) { return _mm256_mul_ps (a, b); }
INLINE vec vec_div (vec a, vec b) { return _mm256_div_ps (a, b); }
INLINE vec vec_fma (vec a, vec b, vec c) { return _mm256_fmadd_ps (a, b, c); }
INLINE vec vec_max (vec a, vec b) { return _mm256_max_ps (a, b); }
INLINE vec vec_min (vec a, vec b) { return _mm256_min_ps (a, b); }
INLINE vec vec_max_nan (vec a, vec b)
{
    return _mm256_blendv_ps (_mm256_max_ps (a, b), a, _mm256_cmp_ps (a, a, _CMP_UNORD_Q));
}
INLINE vec vec_abs (vec a) { return _mm256_andnot_ps (_mm256_set1_ps (-0.0f), a); }
INLINE vec vec_if_negative (vec x, vec a, vec b)
{
    return _mm256_blendv_ps (b, a, _mm256_cmp_ps (x, _mm256_setzero_ps (), _CMP_LT_OQ));
}
INLINE vec vec_round (vec a) { return _mm256_round_ps (a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE vec vec_exp2 (vec a)
{
    __m256i e = _mm256_add_epi32 (_mm256_cvtps_epi32 (a), _mm256_set1_epi32 (127));
    return _mm256_castsi256_ps (_mm256_slli_epi32 (e, 23));
}
INLINE vec vec_sqrt (vec a) { return _mm256_sqrt_ps (a); }
INLINE vec vec_exponent (vec a)
{
    __m256i e = _mm256_srli_epi32 (_mm256_castps_si256 (a), 23);
    return _mm256_cvtepi32_ps (_mm256_sub_epi32 (e, _mm256_set1_epi32 (127)));
}
INLINE vec vec_mantissa (vec a)
{
    __m256i bits = _mm256_and_si256 (_mm256_castps_si256 (a), _mm256_set1_epi32 (0x7fffff));
    return _mm256_castsi256_ps (_mm256_or_si256 (bits, _mm256_set1_epi32 (0x3f800000)));
}

INLINE vec vec_load_bytes (const uint8_t *p)
{
    return _mm256_cvtepi32_ps (_mm256_cvtepu8_epi32 (_mm_loadl_epi64 ((const __m128i *)p)));
}
INLINE void vec_store_bytes (uint8_t *p, const vec *v)
{
    __m256i words = _mm256_packs_epi32 (_mm256_cvtps_epi32 (v[0]), _mm256_cvtps_epi32 (v[1]));
    words = _mm256_permute4x64_epi64 (words, 0xd8); /* 128-bit halves were packed apart */
    __m128i bytes = _mm_packus_epi16 (_mm256_castsi256_si128 (words), _mm256_extracti128_si256 (words, 1));
    _mm_storeu_si128 ((__m128i *)p, bytes);
}
enum { PIXELS_STORED = 2 };
INLINE __m256i byte_limit (vec limit)
{
    return _mm256_broadcastb_epi8 (_mm256_castsi256_si128 (_mm256_cvtps_epi32 (limit)));
}
INLINE void vec_store_pixels (uint8_t *p, const vec v[4], vec low, vec high)
{
    __m256i n[4];
    UNROLL for (int i = 0; i < 4; i++) n[i] = _mm256_cvtps_epi32 (v[i]);
    __m256i bytes = _mm256_packus_epi16 (_mm256_packs_epi32 (n[0], n[1]), _mm256_packs_epi32 (n[2], n[3]));
    bytes = _mm256_max_epu8 (_mm256_min_epu8 (bytes, byte_limit (high)), byte_limit (low));
    const __m256i order = _mm256_setr_epi32 (0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256 ((__m256i *)p, _mm256_permutevar8x32_epi32 (bytes, order));
}
typedef __m256i byte_vec;
INLINE byte_vec byte_load (const uint8_t *p) { return _mm256_loadu_si256 ((const __m256i *)p); }
INLINE void byte_store (uint8_t *p, byte_vec a) { _mm256_storeu_si256 ((__m256i *)p, a); }
INLINE byte_vec byte_or (byte_vec a, byte_vec b) { return _mm256_or_si256 (a, b); }
INLINE byte_vec byte_max (byte_vec a, byte_vec b) { return _mm256_max_epu8 (a, b); }
INLINE byte_vec byte_repeat (const uint8_t p[16])
{
    return _mm256_broadcastsi128_si256 (_mm_loadu_si128 ((const __m128i *)p));
}
INLINE byte_vec byte_take (byte_vec from, byte_vec lanes) { return _mm256_shuffle_epi8 (from, lanes); }
INLINE vec vec_fused (vec a, vec b, vec c) { return vec_fma (a, b, c); }
INLINE vec vec_take (vec so_far, vec from, const int32_t *lanes)
{
    __m256i which = _mm256_load_si256 ((const __m256i *)lanes);
    return _mm256_blendv_ps (_mm256_permutevar8x32_ps (from, which), so_far, _mm256_castsi256_ps (which));
}
INLINE void vec_transpose (vec a[LANES])
{
    vec b[LANES];
    UNROLL for (int i = 0; i < LANES; i += 4) { /* 4 x 4 squares within halves */
        vec l0 = _mm256_unpacklo_ps (a[i], a[i + 1]), l1 = _mm256_unpacklo_ps (a[i + 2], a[i + 3]);
        vec h0 = _mm256_unpackhi_ps (a[i], a[i + 1]), h1 = _mm256_unpackhi_ps (a[i + 2], a[i + 3]);
        b[i] = _mm256_shuffle_ps (l0, l1, 0x44);
        b[i + 1] = _mm256_shuffle_ps (l0, l1, 0xee);
        b[i + 2] = _mm256_shuffle_ps (h0, h1, 0x44);
        b[i + 3] = _mm256_shuffle_ps (h0, h1, 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        a[i] = _mm256_permute2f128_ps (b[i], b[i + 4], 0x20);
        a[i + 4] = _mm256_permute2f128_ps (b[i], b[i + 4], 0x31);
    }
}
typedef struct { __m256i low, high; } bytes_sum;
INLINE bytes_sum bytes_sum_zero (void) { return (bytes_sum) { _mm256_setzero_si256 (), _mm256_setzero_si256 () }; }
INLINE bytes_sum bytes_sum_add (bytes_sum a, const uint8_t *upper, const uint8_t *lower, const int16_t weights[2])
{
    int32_t both;
    memcpy (&both, weights, sizeof both);
    __m128i u = _mm_loadu_si128 ((const __m128i *) upper), l = _mm_loadu_si128 ((const __m128i *) lower);
    __m256i low = _mm256_cvtepu8_epi16 (_mm_unpacklo_epi8 (u, l));
    __m256i high = _mm256_cvtepu8_epi16 (_mm_unpackhi_epi8 (u, l));
    a.low = _mm256_add_epi32 (a.low, _mm256_madd_epi16 (low, _mm256_set1_epi32 (both)));
    a.high = _mm256_add_epi32 (a.high, _mm256_madd_epi16 (high, _mm256_set1_epi32 (both)));
    return a;
}
INLINE void bytes_sum_store (float *p, bytes_sum a, float unit)
{
    _mm256_storeu_ps (p, _mm256_mul_ps (_mm256_cvtepi32_ps (a.low), _mm256_set1_ps (unit)));
    _mm256_storeu_ps (p + 8, _mm256_mul_ps (_mm256_cvtepi32_ps (a.high), _mm256_set1_ps (unit)));
}

#elif defined ISA_IS_NEON

#include <arm_neon.h>
typedef float32x4_t vec;
/* 6 x 4 accumulators + 4 weights + 1 input = 29 of 32 registers */
enum { LANES = 4, MR = 6, NR_BLOCKS = 1 };
enum { NEEDS = CPU_NEON };
#define WORD_KERNELS(KERNEL) KERNEL (dot, CPU_DOTPROD, U8, S8, 4, 128) KERNEL (s16, 0, S16, S16, 2, 0)

INLINE vec vec_load (const float *p) { return vld1q_f32 (p); }
INLINE void vec_store (float *p, vec a) { vst1q_f32 (p, a); }
INLINE void vec_store_unaligned (float *p, vec a) { vst1q_f32 (p, a); }
INLINE vec vec_set (float a) { return vdupq_n_f32 (a); }
INLINE vec vec_add (vec a, vec b) { return vaddq_f32 (a, b); }
INLINE vec vec_sub (vec a, vec b) { return vsubq_f32 (a, b); }
INLINE vec vec_mul (vec a, vec b) { return vmulq_f32 (a, b); }
INLINE vec vec_div (vec a, vec b) { return vdivq_f32 (a, b); }
INLINE vec vec_fma (vec a, vec b, vec c) { return vfmaq_f32 (c, a, b); }
INLINE vec vec_max (vec a, vec b) { return vbslq_f32 (vcgtq_f32 (a, b), a, b); }
INLINE vec vec_min (vec a, vec b) { return vbslq_f32 (vcltq_f32 (a, b), a, b); }
INLINE vec vec_max_nan (vec a, vec b) /* vmaxq's zeros have signs of their own */
{
    return vbslq_f32 (vorrq_u32 (vcgtq_f32 (a, b), vmvnq_u32 (vceqq_f32 (a, a))), a, b);
}
INLINE vec vec_abs (vec a) { return vabsq_f32 (a); }
INLINE vec vec_if_negative (vec x, vec a, vec b) { return vbslq_f32 (vcltq_f32 (x, vdupq_n_f32 (0)), a, b); }
INLINE vec vec_round (vec a) { return vrndnq_f32 (a); }
INLINE vec vec_exp2 (vec a)
{
    int32x4_t e = vaddq_s32 (vcvtq_s32_f32 (a), vdupq_n_s32 (127));
    return vreinterpretq_f32_s32 (vshlq_n_s32 (e, 23));
}
INLINE vec vec_sqrt (vec a) { return vsqrtq_f32 (a); }
INLINE vec vec_exponent (vec a)
{
    int32x4_t e = vreinterpretq_s32_u32 (vshrq_n_u32 (vreinterpretq_u32_f32 (a), 23));
    return vcvtq_f32_s32 (vsubq_s32 (e, vdupq_n_s32 (127)));
}
INLINE vec vec_mantissa (vec a)
{
    uint32x4_t bits = vandq_u32 (vreinterpretq_u32_f32 (a), vdupq_n_u32 (0x7fffff));
    return vreinterpretq_f32_u32 (vorrq_u32 (bits, vdupq_n_u32 (0x3f800000)));
}

INLINE vec vec_load_bytes (const uint8_t *p)
{
    uint32_t four;
    memcpy (&four, p, sizeof four);
    uint16x8_t words = vmovl_u8 (vcreate_u8 (four));
    return vcvtq_f32_u32 (vmovl_u16 (vget_low_u16 (words)));
}
INLINE void vec_store_bytes (uint8_t *p, const vec *v)
{
    uint16x8_t low = vcombine_u16 (vqmovn_u32 (vcvtnq_u32_f32 (v[0])), vqmovn_u32 (vcvtnq_u32_f32 (v[1])));
    uint16x8_t high = vcombine_u16 (vqmovn_u32 (vcvtnq_u32_f32 (v[2])), vqmovn_u32 (vcvtnq_u32_f32 (v[3])));
    vst1q_u8 (p, vcombine_u8 (vqmovn_u16 (low), vqmovn_u16 (high)));
}
enum { PIXELS_STORED = 1 };
INLINE void vec_store_pixels (uint8_t *p, const vec v[4], vec low, vec high)
{
    vec within[4];
    UNROLL for (int i = 0; i < 4; i++) within[i] = vec_max (vec_min (high, v[i]), low);
    vec_store_bytes (p, within);
}
typedef uint8x16_t byte_vec;
INLINE byte_vec byte_load (const uint8_t *p) { return vld1q_u8 (p); }
INLINE void byte_store (uint8_t *p, byte_vec a) { vst1q_u8 (p, a); }
INLINE byte_vec byte_or (byte_vec a, byte_vec b) { return vorrq_u8 (a, b); }
INLINE byte_vec byte_max (byte_vec a, byte_vec b) { return vmaxq_u8 (a, b); }
INLINE byte_vec byte_repeat (const uint8_t p[16]) { return vld1q_u8 (p); }
INLINE byte_vec byte_take (byte_vec from, byte_vec lanes) { return vqtbl1q_u8 (from, lanes); }
INLINE vec vec_fused (vec a, vec b, vec c) { return vec_fma (a, b, c); }
INLINE vec vec_take (vec so_far, vec from, const int32_t *lanes)
{
    int32x4_t which = vld1q_s32 (lanes), bytes = vmlaq_n_s32 (vdupq_n_s32 (0x03020100), which, 0x04040404);
    uint8x16_t taken = vqtbl1q_u8 (vreinterpretq_u8_f32 (from), vreinterpretq_u8_s32 (bytes));
    return vbslq_f32 (vcltzq_s32 (which), so_far, vreinterpretq_f32_u8 (taken));
}
INLINE void vec_transpose (vec a[LANES])
{
    float32x4x2_t l = vtrnq_f32 (a[0], a[1]), h = vtrnq_f32 (a[2], a[3]);
    a[0] = vcombine_f32 (vget_low_f32 (l.val[0]), vget_low_f32 (h.val[0]));
    a[1] = vcombine_f32 (vget_low_f32 (l.val[1]), vget_low_f32 (h.val[1]));
    a[2] = vcombine_f32 (vget_high_f32 (l.val[0]), vget_high_f32 (h.val[0]));
    a[3] = vcombine_f32 (vget_high_f32 (l.val[1]), vget_high_f32 (h.val[1]));
}
typedef struct { uint32x4_t of[4]; } bytes_sum;
INLINE bytes_sum bytes_sum_zero (void)
{
    return (bytes_sum) { { vdupq_n_u32 (0), vdupq_n_u32 (0), vdupq_n_u32 (0), vdupq_n_u32 (0) } };
}
INLINE bytes_sum bytes_sum_add (bytes_sum a, const uint8_t *upper, const uint8_t *lower, const int16_t weights[2])
{
    const uint8_t *rows[2] = { upper, lower };
    UNROLL for (int i = 0; i < 2; i++) {
        uint8x16_t bytes = vld1q_u8 (rows[i]);
        uint16x8_t low = vmovl_u8 (vget_low_u8 (bytes)), high = vmovl_u8 (vget_high_u8 (bytes));
        uint16_t weight = (uint16_t) weights[i];
        a.of[0] = vmlal_n_u16 (a.of[0], vget_low_u16 (low), weight);
        a.of[1] = vmlal_n_u16 (a.of[1], vget_high_u16 (low), weight);
        a.of[2] = vmlal_n_u16 (a.of[2], vget_low_u16 (high), weight);
        a.of[3] = vmlal_n_u16 (a.of[3], vget_high_u16 (high), weight);
    }
    return a;
}
INLINE void bytes_sum_store (float *p, bytes_sum a, float unit)
{
    UNROLL for (int i = 0; i < 4; i++) vst1q_f32 (p + 4 * i, vmulq_n_f32 (vcvtq_f32_u32 (a.of[i]), unit));
}

#elif defined ISA_IS_SCALAR

typedef float vec;
enum { LANES = 1, MR = 2, NR_BLOCKS = 1 };
enum { NEEDS = 0 };
#define WORD_KERNELS(KERNEL) KERNEL (u8, 0, U8, S8, 4, 0)
#define BF16_KERNEL(KERNEL) KERNEL (bf16, 0)

INLINE vec vec_load (const float *p) { return *p; }
INLINE void vec_store (float *p, vec a) { *p = a; }
INLINE void vec_store_unaligned (float *p, vec a) { *p = a; }
INLINE vec vec_set (float a) { return a; }
INLINE vec vec_add (vec a, vec b) { return a + b; }
INLINE vec vec_sub (vec a, vec b) { return a - b; }
INLINE vec vec_mul (vec a, vec b) { return a * b; }
INLINE vec vec_div (vec a, vec b) { return a / b; }
INLINE vec vec_fma (vec a, vec b, vec c) { return a * b + c; } /* not fused: fmaf is a library call here */
INLINE vec vec_max (vec a, vec b) { return a > b ? a : b; }
INLINE vec vec_min (vec a, vec b) { return a < b ? a : b; }
INLINE vec vec_max_nan (vec a, vec b) { return a > b || a != a ? a : b; }
INLINE vec vec_abs (vec a) { return fabsf (a); }
INLINE vec vec_if_negative (vec x, vec a, vec b) { return x < 0 ? a : b; }
INLINE vec vec_round (vec a)
{
    return (a + 12582912.0f) - 12582912.0f; /* 1.5 * 2^23: |a| < 2^22 rounds to nearest */
}
INLINE vec vec_exp2 (vec a)
{
    uint32_t bits = (uint32_t) ((int32_t) (a == a ? a : 0) + 127) << 23;
    float result;
    memcpy (&result, &bits, sizeof result);
    return result;
}
INLINE vec vec_sqrt (vec a) { return sqrtf (a); }
INLINE vec vec_exponent (vec a)
{
    uint32_t bits;
    memcpy (&bits, &a, sizeof bits);
    return (float) ((int32_t) (bits >> 23) - 127);
}
INLINE vec vec_mantissa (vec a)
{
    uint32_t bits;
    memcpy (&bits, &a, sizeof bits);
    bits = (bits & 0x7fffff) | 0x3f800000;
    memcpy (&a, &bits, sizeof a);
    return a;
}

INLINE vec vec_load_bytes (const uint8_t *p) { return *p; }
INLINE void vec_store_bytes (uint8_t *p, const vec *v)
{
    for (int i = 0; i < 16; i++)
        p[i] = v[i] > 0 ? (uint8_t) (int)vec_round (v[i]) : 0;
}
enum { PIXELS_STORED = 1 };
INLINE void vec_store_pixels (uint8_t *p, const vec v[16], vec low, vec high)
{
    for (int i = 0; i < 16; i++) {
        float within = vec_max (vec_min (high, v[i]), low);
        p[i] = (uint8_t) (int)vec_round (within);
    }
}
typedef struct { uint8_t of[16]; } byte_vec;
INLINE byte_vec byte_load (const uint8_t *p)
{
    byte_vec a;
    memcpy (a.of, p, sizeof a.of);
    return a;
}
INLINE void byte_store (uint8_t *p, byte_vec a) { memcpy (p, a.of, sizeof a.of); }
INLINE byte_vec byte_or (byte_vec a, byte_vec b)
{
    for (int i = 0; i < 16; i++)
        a.of[i] |= b.of[i];
    return a;
}
INLINE byte_vec byte_max (byte_vec a, byte_vec b)
{
    for (int i = 0; i < 16; i++)
        a.of[i] = a.of[i] > b.of[i] ? a.of[i] : b.of[i];
    return a;
}
INLINE byte_vec byte_repeat (const uint8_t p[16]) { return byte_load (p); }
INLINE byte_vec byte_take (byte_vec from, byte_vec lanes)
{
    for (int i = 0; i < 16; i++)
        lanes.of[i] = lanes.of[i] > 127 ? 0 : from.of[lanes.of[i] & 15];
    return lanes;
}
INLINE vec vec_fused (vec a, vec b, vec c) { return fmaf (a, b, c); }
INLINE vec vec_take (vec so_far, vec from, const int32_t *lanes) { return *lanes < 0 ? so_far : from; }
INLINE void vec_transpose (vec a[LANES]) { (void) a; }
typedef struct { int32_t of[16]; } bytes_sum;
INLINE bytes_sum bytes_sum_zero (void) { return (bytes_sum) { { 0 } }; }
INLINE bytes_sum bytes_sum_add (bytes_sum a, const uint8_t *upper, const uint8_t *lower, const int16_t weights[2])
{
    for (int i = 0; i < 16; i++)
        a.of[i] += upper[i] * weights[0] + lower[i] * weights[1];
    return a;
}
INLINE void bytes_sum_store (float *p, bytes_sum a, float unit)
{
    for (int i = 0; i < 16; i++)
        p[i] = (float) a.of[i] * unit;
}

#else
#error "compile the kernel sources with -DISA_IS_<ISA>"
#endif

#ifndef BF16_KERNEL
#define BF16_KERNEL(KERNEL)
#endif
#ifndef DEPTHWISE_KERNEL
#define DEPTHWISE_KERNEL(KERNEL)
#endif

/* Vectors in a block of 16 channels. */
enum { PER_BLOCK = 16 / LANES };

/* ---- the FPU's control word ----------------------------------------------------------------------------------- */

#if defined __SSE__
#include <xmmintrin.h>
enum { FPU_WORD = 0x9fc0 }; /* flush to zero, denormals are zero, all exceptions masked, round to nearest */
INLINE uint64_t fpu_read (void) { return _mm_getcsr (); }
INLINE void fpu_write (uint64_t word) { _mm_setcsr ((unsigned) word); }
#elif defined __aarch64__
enum { FPU_WORD = 1 << 24 }; /* FZ */
INLINE uint64_t fpu_read (void)
{
    uint64_t word;
    __asm__ volatile ("mrs %0, fpcr" : "=r"(word));
    return word;
}
INLINE void fpu_write (uint64_t word) { __asm__ volatile ("msr fpcr, %0" : : "r"(word)); }
#else
enum { FPU_WORD = 0 };
INLINE uint64_t fpu_read (void) { return 0; }
INLINE void fpu_write (uint64_t word) { (void) word; }
#endif

#endif
