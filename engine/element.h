/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* element.h: what numbers a tensor, weights or sums consist of. */
#ifndef CONVRELU_ELEMENT_H
#define CONVRELU_ELEMENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum element {
    ELEMENT_F32,  /* IEEE single precision */
    ELEMENT_U8,   /* of a tensor: stands for scale * (u8 - zero) */
    ELEMENT_S8,   /* of weights: scale * s8, a scale for each output channel */
    ELEMENT_S16,  /* bytes where a kernel multiplies 16 bits */
    ELEMENT_S32,  /* sums of products of bytes */
    ELEMENT_BF16, /* the upper half of single precision: 8 bits of mantissa */
};

static inline size_t element_bytes (enum element element)
{
    static const size_t bytes[] = {
        [ELEMENT_F32] = 4, [ELEMENT_U8] = 1, [ELEMENT_S8] = 1, [ELEMENT_S16] = 2, [ELEMENT_S32] = 4, [ELEMENT_BF16] = 2
    };
    return bytes[element];
}

/* The nearest, halves to even; NaN stays NaN, denormals are 0. */
static inline uint16_t element_bf16 (float x)
{
    uint32_t bits;
    memcpy (&bits, &x, sizeof bits);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    if (magnitude < 0x00800000)
        return (uint16_t)(bits >> 16 & 0x8000);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float element_of_bf16 (uint16_t bf16)
{
    uint32_t bits = (uint32_t)bf16 << 16;
    float x;
    memcpy (&x, &bits, sizeof x);
    return x;
}

#endif
