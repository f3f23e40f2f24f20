/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* count.h: whole numbers of pixels, blocks and pieces of work. */
#ifndef CONVRELU_COUNT_H
#define CONVRELU_COUNT_H

#include <stdint.h>

static inline int least (int a, int b)
{
    return a < b ? a : b;
}

/* a / b, rounded up; a >= 0, b > 0 */
static inline int divide_up (int a, int b)
{
    return (a + b - 1) / b;
}

/* The first of `count` things in the i-th of `parts` nearly equal parts; i may be `parts`. */
static inline int part_start (int count, int i, int parts)
{
    return (int)((int64_t)count * i / parts);
}

#endif
