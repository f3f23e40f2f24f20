/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* half.c: the two 16-bit floats that weights are stored in -> 32-bit floats. */
#include "models/half.h"

#include <string.h>

static float float_of_bits (uint32_t bits)
{
    float number;
    memcpy (&number, &bits, sizeof number);
    return number;
}

float half_to_float (uint16_t half)
{
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31)
        return float_of_bits (sign | 0x7f800000 | fraction << 13);
    if (!exponent) {
        if (!fraction)
            return float_of_bits (sign);
        for (exponent = 1; !(fraction & 1024); exponent--) /* denormal: at most ten times */
            fraction <<= 1;
        fraction &= 1023;
    }
    return float_of_bits (sign | (exponent + 127 - 15) << 23 | fraction << 13); /* biases 127 and 15 */
}

float half_bfloat_to_float (uint16_t bits)
{
    return float_of_bits ((uint32_t)bits << 16);
}
