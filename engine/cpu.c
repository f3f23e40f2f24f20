/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu.c: which kernel tables this CPU can run, best first, the choice by name or by the environment, and
 * facts about it.
 *
 * __builtin_cpu_supports looks at CPUID and at XCR0, so that an instruction set whose registers the system does not
 * save is not offered. The price is that only gcc and clang will do. */
#include "engine/cpu.h"
#include "engine/kernels.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined __x86_64__ || defined __i386__
#include <cpuid.h>
#elif defined __aarch64__
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/* ISAS (X) is X (name) of every instruction set that was compiled, best first: each needs what the next one needs, and
 * more. */
#define ISA(name) extern const struct kernels kernels_##name;
ISAS (ISA)
#undef ISA

static unsigned features (void)
{
    unsigned has = 0;
#if defined __x86_64__ || defined __i386__
#define FEATURE(flag, name) has |= __builtin_cpu_supports (name) ? flag : 0
    FEATURE (CPU_AVX2, "avx2");
    FEATURE (CPU_FMA, "fma");
    FEATURE (CPU_AVX512F, "avx512f");
    FEATURE (CPU_AVX512BW, "avx512bw");
    FEATURE (CPU_AVX512DQ, "avx512dq");
    FEATURE (CPU_AVX512VL, "avx512vl");
    FEATURE (CPU_AVX512VNNI, "avx512vnni");
    FEATURE (CPU_AVX512VBMI, "avx512vbmi");
#undef FEATURE
    unsigned a, b, c, d; /* neither gcc 12 nor clang 14 knows the first by name */
    if ((has & CPU_AVX2) && __get_cpuid_count (7, 1, &a, &b, &c, &d)) {
        has |= a & 1 << 4 ? CPU_AVXVNNI : 0;
        has |= (has & CPU_AVX512F) && (a & 1 << 5) ? CPU_AVX512BF16 : 0;
    }
#elif defined __aarch64__
    has |= CPU_NEON; /* part of every 64-bit Arm */
    has |= getauxval (AT_HWCAP) & HWCAP_ASIMDDP ? CPU_DOTPROD : 0;
#endif
    return has;
}

#define ISA(name) &kernels_##name,
static const struct kernels *const tables[] = { ISAS (ISA) };
#undef ISA
#define ISA(name) #name,
static const char *const names[] = { ISAS (ISA) NULL };
#undef ISA
enum { TABLES = sizeof tables / sizeof *tables };

/* The best table that this CPU runs; it runs those behind it too, of which the last needs nothing. */
static int best_table (void)
{
    unsigned has = features ();
    int best = 0;
    while (best < TABLES - 1 && (tables[best]->needs & ~has))
        best++;
    return best;
}

const char *const *engine_isas (void)
{
    return names + best_table ();
}

const struct kernels *kernels_for (const char *name)
{
    int best = best_table ();
    const char *wanted = name ? name : getenv ("CONVRELU_ISA");
    if (!wanted || !*wanted)
        return tables[best];
    for (int i = best; i < TABLES; i++)
        if (!strcmp (names[i], wanted))
            return tables[i];
    return NULL;
}

/* The first that this CPU runs. */
static const struct conv_kernel *find_kernel (const struct kernels *kernels, const struct cpu *cpu, enum element in,
                                              enum element out, bool bf16)
{
    for (int i = 0; i < kernels->conv_count; i++) {
        const struct conv_kernel *kernel = &kernels->conv[i];
        if (kernel->in == in && kernel->out == out && (kernel->weight == ELEMENT_BF16) == bf16 &&
            !(kernel->needs & ~cpu->features))
            return kernel;
    }
    return NULL;
}

const struct conv_kernel *conv_kernel_for (const struct kernels *kernels, const struct cpu *cpu, enum element in,
                                           enum element out)
{
    return find_kernel (kernels, cpu, in, out, false);
}

const struct conv_kernel *conv_kernel_bf16 (const struct kernels *kernels, const struct cpu *cpu)
{
    return find_kernel (kernels, cpu, ELEMENT_F32, ELEMENT_F32, true);
}

bool engine_multiplies_bytes (const char *isa)
{
    const struct cpu cpu = cpu_detect ();
    const struct kernels *kernels = kernels_for (isa);
    const struct conv_kernel *kernel = kernels ? conv_kernel_for (kernels, &cpu, ELEMENT_U8, ELEMENT_U8) : NULL;
    return kernel && kernels->lanes > 1 && kernel->staged == ELEMENT_U8;
}

static bool is_intel (void)
{
#if defined __x86_64__ || defined __i386__
    return __builtin_cpu_is ("intel");
#else
    return false;
#endif
}

/* Only a Zen 5 and a Xeon (model 207) were measured: any CPU of Intel's is taken to be like the second, any other like
 * the first. Figures: docs/measurements.md, "CPUs". */
struct cpu cpu_detect (void)
{
    struct cpu cpu = {
        .features = features (), .l2_bytes = 1024 * 1024, .bytes_per_cycle_far = 10, .prefetch_places = 1
    };
#ifdef _SC_LEVEL2_CACHE_SIZE
    long l2 = sysconf (_SC_LEVEL2_CACHE_SIZE);
    if (l2 > 0)
        cpu.l2_bytes = (size_t)l2;
#endif
    if (is_intel ()) {
        cpu.bytes_per_cycle_far = 6;
        cpu.prefetch_places = 2;
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
