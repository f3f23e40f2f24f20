/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* element.h: what numbers a tensor, weights or sums consist of. */
#ifndef CONVRELU_ELEMENT_H
#define CONVRELU_ELEMENT_H

#include <stddef.h>

enum element {
    ELEMENT_F32, /* IEEE single precision */
};

static inline size_t element_bytes (enum element element)
{
    static const size_t bytes[] = { [ELEMENT_F32] = sizeof (float) };
    return bytes[element];
}

#endif
