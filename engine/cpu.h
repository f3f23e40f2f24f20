/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.h: what is known of a processor: which instructions it has, and facts that plans depend on. */
#ifndef CONVRELU_CPU_H
#define CONVRELU_CPU_H

#include <stdbool.h>
#include <stddef.h>

/* Groups of instructions that kernels need; bits. */
enum cpu_feature {
    CPU_AVX2 = 1 << 0,
    CPU_FMA = 1 << 1,
    CPU_AVX512F = 1 << 2,
    CPU_AVX512BW = 1 << 3,
    CPU_AVX512DQ = 1 << 4,
    CPU_AVX512VL = 1 << 5,
    CPU_NEON = 1 << 6,
    CPU_AVX512VNNI = 1 << 7,
    CPU_AVXVNNI = 1 << 8,
    CPU_DOTPROD = 1 << 9,
    CPU_AVX512VBMI = 1 << 10,
    CPU_AVX512BF16 = 1 << 11,
};

struct cpu {
    unsigned features;          /* of enum cpu_feature */
    size_t l2_bytes;            /* second-level cache of one core */
    double bytes_per_cycle_far; /* that one core gets from the third-level cache or memory, in whole networks */
    int prefetch_places;        /* streams of weights to prefetch side by side: 1 or 2 (0: 2) */
    bool slow_strassen_512;     /* Strassen's algorithm loses with 512-bit vectors */
};

/* The facts of the processor this runs on; any thread. */
struct cpu cpu_detect (void);

#endif
