/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_emulated.h: AVX-512 and AVX-VNNI as functions that any processor runs: SIMDe, and what it lacks as of 0.7.4.
 * For tests alone (-DEMULATED): the kernels' bits, not their speed. */
#ifndef CONVRELU_KERNELS_EMULATED_H
#define CONVRELU_KERNELS_EMULATED_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

/* EMULATE (what comes of it, of which numbers, what goes in, of which, the name, a number out of x) */
#define EMULATE(to, to_element, from, from_element, name, value)                                                       \
    static inline to name (from a)                                                                                     \
    {                                                                                                                  \
        from_element in[16];                                                                                           \
        to_element out[16];                                                                                            \
        to b;                                                                                                          \
        memcpy (in, &a, sizeof in);                                                                                    \
        for (int i = 0; i < 16; i++) {                                                                                 \
            from_element x = in[i];                                                                                    \
            out[i] = (to_element)(value);                                                                              \
        }                                                                                                              \
        memcpy (&b, out, sizeof b);                                                                                    \
        return b;                                                                                                      \
    }
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_cvtps_epi32 emulated_cvtps_epi32
#define _mm512_cvtepu8_epi32 emulated_cvtepu8_epi32
#define _mm512_cvtepi32_epi8 emulated_cvtepi32_epi8
EMULATE (__m512, float, __m512i, int32_t, emulated_cvtepi32_ps, x)
EMULATE (__m512i, int32_t, __m512, float, emulated_cvtps_epi32, fabsf (x) < 0x1p31f ? lrintf (x) : INT32_MIN)
EMULATE (__m512i, int32_t, __m128i, uint8_t, emulated_cvtepu8_epi32, x)
EMULATE (__m128i, uint8_t, __m512i, int32_t, emulated_cvtepi32_epi8, x)

#undef _mm512_madd_epi16 /* in SIMDe 0.7.4 a macro of four arguments */
#define _mm512_madd_epi16 simde_mm512_madd_epi16
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32

#endif
