/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.h: what a plan must know of the processor beside its instruction sets. */
#ifndef CONVRELU_CPU_H
#define CONVRELU_CPU_H

#include <stdbool.h>
#include <stddef.h>

struct cpu {
    size_t l2_bytes;            /* second-level cache of one core */
    double bytes_per_cycle_far; /* that one core gets from the third-level cache or memory, in whole networks */
    bool slow_strassen_512;     /* Strassen's algorithm loses with 512-bit vectors */
};

/* The facts of the processor this runs on; any thread. */
struct cpu cpu_detect (void);

#endif
