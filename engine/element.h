/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* element.h: what numbers a tensor, weights or sums consist of. */
#ifndef CONVRELU_ELEMENT_H
#define CONVRELU_ELEMENT_H

#include <stddef.h>

enum element {
    ELEMENT_F32, /* IEEE single precision */
    ELEMENT_U8,  /* of a tensor: stands for scale * (u8 - zero) */
    ELEMENT_S8,  /* of weights: scale * s8, a scale for each output channel */
    ELEMENT_S16, /* bytes where a kernel multiplies 16 bits */
    ELEMENT_S32, /* sums of products of bytes */
};

static inline size_t element_bytes (enum element element)
{
    static const size_t bytes[] = {
        [ELEMENT_F32] = 4, [ELEMENT_U8] = 1, [ELEMENT_S8] = 1, [ELEMENT_S16] = 2, [ELEMENT_S32] = 4
    };
    return bytes[element];
}

#endif
