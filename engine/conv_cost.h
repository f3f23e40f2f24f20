/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* conv_cost.h: the model of cycles by which convolution methods are compared, the larger of two things for each:
 *
 *   arithmetic   multiplications / (2 vectors a cycle), plus the transforms
 *   weights      bytes / (bytes a cycle from the L3 cache or memory), when they do not stay in the L2 cache between
 *                frames; F(4,3) has 4 times the weights of the direct sum, F(4x2,3) 2.7 times, F(2,3) 1.8 times
 *
 * so that F(4,3) serves large images, F(2,3) small ones with many channels, F(4x2,3) some between where weights come
 * slowly, and none costs more than direct. */
#ifndef CONVRELU_CONV_COST_H
#define CONVRELU_CONV_COST_H

#include "engine/cpu.h"
#include "engine/step.h"

/* Bytes of weights that can be expected to stay in the L2 cache while one layer runs: a quarter, at least 512 KiB. */
static inline size_t kept_bytes (const struct cpu *cpu)
{
    const size_t least = 512 * 1024;
    return cpu->l2_bytes / 4 > least ? cpu->l2_bytes / 4 : least;
}

/* Cycles of so many multiplications by so many weights. */
static inline double product_cycles (const struct preparation *p, double multiplications, double weights)
{
    double cycles = multiplications / (2.0 * p->kernels->lanes), bytes = weights * sizeof (float);
    double far = bytes / p->cpu->bytes_per_cycle_far;
    return bytes > (double)kept_bytes (p->cpu) && far > cycles ? far : cycles;
}

#endif
