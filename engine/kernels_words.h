/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_words.h: what kernels_conv.c multiplies: 32-bit words of one, two or four terms of a sum. One page per kind:
 *
 *   (no WORDS)      a float                        sum += x * w
 *   U8, VNNI, DOT   four u8, four s8 weights       sum += x0 w0 + x1 w1 + x2 w2 + x3 w3
 *   S16             two s16, which hold bytes      sum += x0 w0 + x1 w1
 *   BF16            two bf16                       sum += x1 w1, then sum += x0 w0, each rounded to a float
 *   VBMI            as VNNI, of one channel's bytes in four pixels: kernels_depthwise_bytes.c
 *
 * A vector holds the words of LANES output channels. Sums of bytes are exact: every page makes the same numbers. S16 is
 * what serves processors without dot products of bytes: vpmaddubsw would save the widening, but 255 * 128 * 2 does not
 * fit the 16 bits of its results.
 *
 * Words are vectors of 32-bit numbers, not __m512i, which gcc casts at each use: it then keeps every sum twice, and the
 * loop moves them (half the speed). */
/* clang-format off */
#ifndef CONVRELU_KERNELS_WORDS_H
#define CONVRELU_KERNELS_WORDS_H

#include "element.h"
#include "vec.h"

#ifndef WORDS

typedef float word;
typedef vec words;
INLINE words words_load (const void *p) { return vec_load (p); }
INLINE words words_set (word x) { return vec_set (x); }
INLINE words words_dot (words x, words w, words sum) { return vec_fma (x, w, sum); }

#elif defined WORDS_IS_bf16

/* Of vectors of floats, whatever lies in them: sums are floats. stage: `count` floats, a multiple of 16, -> bf16. */
typedef float __attribute__ ((may_alias)) word;
typedef vec words;
enum { K_STEP = 2 };
#if defined ISA_IS_AVX512
INLINE words words_load (const void *p) { return vec_load (p); }
INLINE words words_set (word x) { return vec_set (x); }
INLINE words words_dot (words x, words w, words sum) { return _mm512_dpbf16_ps (sum, (__m512bh)x, (__m512bh)w); }
INLINE void words_stage (const float *in, uint16_t *out, ptrdiff_t count)
{
    for (; count >= 32; count -= 32, in += 32, out += 32)
        _mm512_storeu_si512 (out, (__m512i)_mm512_cvtne2ps_pbh (vec_load (in + 16), vec_load (in)));
    if (count)
        _mm256_storeu_si256 ((__m256i *)out, (__m256i)_mm512_cvtneps_pbh (vec_load (in)));
}
#else /* scalar */
INLINE words words_load (const void *p) { return *(const word *)p; }
INLINE words words_set (word x) { return x; }
INLINE words words_dot (words x, words w, words sum)
{
    uint16_t a[2], b[2];
    memcpy (a, &x, sizeof a);
    memcpy (b, &w, sizeof b);
    sum += element_of_bf16 (a[1]) * element_of_bf16 (b[1]);
    return sum + element_of_bf16 (a[0]) * element_of_bf16 (b[0]);
}
INLINE void words_stage (const float *in, uint16_t *out, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = element_bf16 (in[i]);
}
#endif

#else

typedef int32_t __attribute__ ((may_alias)) word;
#if defined WORDS_IS_s16
enum { K_STEP = 2 };
#else
enum { K_STEP = 4 };
#endif

#if defined ISA_IS_AVX512
typedef int32_t words __attribute__ ((vector_size (64)));
INLINE words words_load (const void *p) { return (words)_mm512_load_si512 (p); }
INLINE words words_set (word x) { return (words)_mm512_set1_epi32 (x); }
INLINE vec words_floats (words sum) { return _mm512_cvtepi32_ps ((__m512i)sum); }
#if defined WORDS_IS_vnni || defined WORDS_IS_vbmi
INLINE words words_dot (words x, words w, words sum)
{
    return (words)_mm512_dpbusd_epi32 ((__m512i)sum, (__m512i)x, (__m512i)w);
}
#else
INLINE words words_dot (words x, words w, words sum)
{
    return sum + (words)_mm512_madd_epi16 ((__m512i)x, (__m512i)w);
}
#endif
#if defined WORDS_IS_vbmi
/* Of four pixels, 64 bytes from anywhere, a word for each channel. order: words_order's, kept in a register. */
INLINE words words_order (void)
{
    __m512i quarters = _mm512_set1_epi32 (0x30201000); /* lane c: 16 t + c at byte t */
    __m512i lanes = _mm512_set_epi32 (15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return (words)_mm512_add_epi8 (quarters, _mm512_mullo_epi32 (lanes, _mm512_set1_epi32 (0x01010101)));
}
INLINE words words_of_pixels (const uint8_t *pixels, words order)
{
    return (words)_mm512_permutexvar_epi8 ((__m512i)order, _mm512_loadu_si512 (pixels));
}
/* The nearest whole numbers, halves to even, of NaN and what does not fit the least one. */
INLINE words words_nearest (vec a) { return (words)_mm512_cvtps_epi32 (a); }
/* The first `count` of four pixels -> bytes, what is less than nothing 0, more than 255 that. p may be unaligned. */
INLINE void words_store_pixels (uint8_t *p, const words w[4], int count)
{
    __m512i low = _mm512_packs_epi32 ((__m512i)w[0], (__m512i)w[1]);
    __m512i high = _mm512_packs_epi32 ((__m512i)w[2], (__m512i)w[3]);
    __m512i quarters = _mm512_set_epi32 (15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    __m512i bytes = _mm512_permutexvar_epi32 (quarters, _mm512_packus_epi16 (low, high));
    if (count >= 4)
        _mm512_storeu_si512 (p, bytes);
    else
        _mm512_mask_storeu_epi32 (p, (__mmask16)((1 << 4 * count) - 1), bytes);
}
#endif

#elif defined ISA_IS_AVX2
typedef int32_t words __attribute__ ((vector_size (32)));
INLINE words words_load (const void *p) { return (words)_mm256_load_si256 (p); }
INLINE words words_set (word x) { return (words)_mm256_set1_epi32 (x); }
INLINE vec words_floats (words sum) { return _mm256_cvtepi32_ps ((__m256i)sum); }
#if defined WORDS_IS_vnni
INLINE words words_dot (words x, words w, words sum)
{
    return (words)_mm256_dpbusd_avx_epi32 ((__m256i)sum, (__m256i)x, (__m256i)w);
}
#else
INLINE words words_dot (words x, words w, words sum)
{
    return sum + (words)_mm256_madd_epi16 ((__m256i)x, (__m256i)w);
}
#endif

#elif defined ISA_IS_NEON
typedef int32x4_t words;
INLINE words words_load (const void *p) { return vld1q_s32 (p); }
INLINE words words_set (word x) { return vdupq_n_s32 (x); }
INLINE vec words_floats (words sum) { return vcvtq_f32_s32 (sum); }
#if defined WORDS_IS_dot
/* of s8: u8 - 128 is u8 with its highest bit turned over */
INLINE words words_dot (words x, words w, words sum)
{
    int8x16_t less = vreinterpretq_s8_u8 (veorq_u8 (vreinterpretq_u8_s32 (x), vdupq_n_u8 (128)));
    return vdotq_s32 (sum, less, vreinterpretq_s8_s32 (w));
}
#else
/* the products fit 16 bits: 255 * -128 is -32640 */
INLINE words words_dot (words x, words w, words sum)
{
    return vpadalq_s16 (sum, vmulq_s16 (vreinterpretq_s16_s32 (x), vreinterpretq_s16_s32 (w)));
}
#endif

#else /* scalar */
typedef int32_t words;
INLINE words words_load (const void *p) { return *(const word *)p; }
INLINE words words_set (word x) { return x; }
INLINE vec words_floats (words sum) { return (float)sum; }
INLINE words words_dot (words x, words w, words sum)
{
    uint8_t u[4];
    int8_t s[4];
    memcpy (u, &x, sizeof u);
    memcpy (s, &w, sizeof s);
    return sum + u[0] * s[0] + u[1] * s[1] + u[2] * s[2] + u[3] * s[3];
}
#endif

#endif

#endif
