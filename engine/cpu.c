/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.c: which kernel tables this CPU can run, best first, the choice by name or by the environment, and
 * facts about it.
 *
 * __builtin_cpu_supports looks at CPUID and at XCR0, so that an instruction set whose registers the system does not save
 * is not offered. The price is that only gcc and clang will do. */
#include "engine/cpu.h"
#include "engine/kernels.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct kernels kernels_scalar, kernels_avx2, kernels_avx512, kernels_neon;

static bool runs_avx2 (void)
{
#ifdef HAVE_ISA_AVX2
    return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma");
#else
    return false;
#endif
}

static bool runs_avx512 (void)
{
#ifdef HAVE_ISA_AVX512
    return runs_avx2 () && __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw") &&
           __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512vl");
#else
    return false;
#endif
}

/* The tables in falling order of speed, NULL at the end; cheap enough to make anew at every call. */
static void tables (const struct kernels *list[5])
{
    int count = 0;
#ifdef HAVE_ISA_AVX512
    if (runs_avx512 ())
        list[count++] = &kernels_avx512;
#endif
#ifdef HAVE_ISA_AVX2
    if (runs_avx2 ())
        list[count++] = &kernels_avx2;
#endif
#ifdef HAVE_ISA_NEON
    list[count++] = &kernels_neon; /* part of every 64-bit Arm */
#endif
#ifdef HAVE_ISA_SCALAR
    list[count++] = &kernels_scalar;
#endif
    list[count] = NULL;
}

const char *const *engine_isas (void)
{
    static const char *const all[] = { "avx512", "avx2", "scalar", NULL };
    static const char *const arm[] = { "neon", "scalar", NULL };
    if (kernels_for ("neon"))
        return arm;
    return runs_avx512 () ? all : runs_avx2 () ? all + 1 : all + 2;
}

const struct kernels *kernels_for (const char *name)
{
    const struct kernels *list[5];
    tables (list);
    const char *wanted = name;
    if (!wanted)
        wanted = getenv ("CONVRELU_ISA");
    if (!wanted || !*wanted)
        return list[0];
    for (int i = 0; list[i]; i++)
        if (!strcmp (list[i]->name, wanted))
            return list[i];
    return NULL;
}

static bool is_intel (void)
{
#if defined __x86_64__ || defined __i386__
    return __builtin_cpu_is ("intel");
#else
    return false;
#endif
}

/* Only a Zen 5 and a Xeon (model 207) were measured: any CPU of Intel's is taken to be like the second, any other like the
 * first. Figures: docs/measurements.md, "CPUs". */
struct cpu cpu_detect (void)
{
    struct cpu cpu = { .l2_bytes = 1024 * 1024, .bytes_per_cycle_far = 10 };
#ifdef _SC_LEVEL2_CACHE_SIZE
    long l2 = sysconf (_SC_LEVEL2_CACHE_SIZE);
    if (l2 > 0)
        cpu.l2_bytes = (size_t)l2;
#endif
    if (is_intel ()) {
        cpu.bytes_per_cycle_far = 6;
        cpu.slow_strassen_512 = true;
    }
    return cpu;
}

void cpu_pause (void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause ();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}
