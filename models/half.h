/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* half.h: the two 16-bit floats that weights are stored in, made wider without loss. Any thread. */
#ifndef CONVRELU_HALF_H
#define CONVRELU_HALF_H

#include <stdint.h>

float half_to_float (uint16_t bits);        /* IEEE 754 binary16: sign 1, exponent 5, fraction 10 bits */
float half_bfloat_to_float (uint16_t bits); /* bfloat16: the upper half of a 32-bit float */

#endif
