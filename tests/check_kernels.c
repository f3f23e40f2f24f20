/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_kernels.c: every member of struct kernels, in every table this CPU can run, on odd shapes and random numbers,
 * against double precision.
 *
 *   check_kernels [--seed N]      prints a line per kernel and "N passed, N failed, N skipped"
 *   check_kernels --bench         ns, GFLOP/s and share of peak per kernel and table instead
 *
 * A case is made once (inputs, parameters, expected values with their bounds) and then run on each table in turn: the
 * values must lie within k eps sum |a b|, nothing outside the output may change, nothing outside the inputs may be read
 * (guarded.h), and tables with fused multiply-add must agree bit for bit. A member of the table that no test here names
 * fails the run. The tests themselves are in kernels_sums.c and kernels_values.c. */
#include "tests/check_kernels.h"

#include "engine/cpu.h"
#include "engine/engine.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

const struct kernels *tables[8];
int table_count;
char what[256];
unsigned can_run;

/* What the FMA tables seen so far left in the output of this case. */
static struct {
    uint32_t *bits;
    size_t count;
    const char *table; /* the first of them; NULL: none yet */
} first_fma;

int case_begin (void)
{
    first_fma.table = NULL;
    return 0;
}

void compare (const struct kernels *k, const struct guarded *out, const struct expected *e)
{
    const char *wrong = guarded_compare (out, e);
    CHECK (!wrong, "%s: %s: %s", k->name, what, wrong);
    if (strcmp (k->name, "scalar") == 0)
        return;
    if (!first_fma.table) {
        first_fma.table = k->name;
        first_fma.count = out->count;
        first_fma.bits = realloc (first_fma.bits, (out->count + 1) * sizeof (uint32_t));
        memcpy (first_fma.bits, out->data, out->count * sizeof (uint32_t));
        return;
    }
    size_t i = 0;
    while (i < out->count && (isinf (e->bound[i]) || !memcmp (first_fma.bits + i, out->data + i, sizeof (float)) ||
                              (isnan (e->value[i]) && isnan (out->data[i]))))
        i++;
    CHECK (i == out->count, "%s: %s: at %zu: %.9g is not %s's bit for bit", k->name, what, i, out->data[i],
           first_fma.table);
}

/* Which member each test is for; some members have two. */
static const struct {
    const char *name;
    size_t member; /* its offset in struct kernels */
    void (*run) (void);
} tests[] = {
    { "conv", offsetof (struct kernels, conv), check_conv },
    { "conv: bytes", offsetof (struct kernels, conv), check_conv_bytes },
    { "conv: bf16", offsetof (struct kernels, conv), check_conv_bf16 },
    { "conv: to bf16", offsetof (struct kernels, conv), check_stage_bf16 },
    { "quantise", offsetof (struct kernels, quantise), check_quantise },
    { "dequantise", offsetof (struct kernels, dequantise), check_dequantise },
    { "words", offsetof (struct kernels, words), check_words },
    { "max_bytes", offsetof (struct kernels, max_bytes), check_max_bytes },
    { "depthwise", offsetof (struct kernels, depthwise), check_depthwise },
    { "depthwise: bytes", offsetof (struct kernels, depthwise_bytes), check_depthwise_bytes },
    { "pool", offsetof (struct kernels, pool), check_pool },
    { "reduce", offsetof (struct kernels, reduce), check_reduce },
    { "reduce_channels", offsetof (struct kernels, reduce_channels), check_reduce_channels },
    { "elementwise", offsetof (struct kernels, elementwise), check_elementwise },
    { "elementwise: activations", offsetof (struct kernels, elementwise), check_activations },
    { "winograd_input", offsetof (struct kernels, winograd_input), check_winograd_input },
    { "winograd_output", offsetof (struct kernels, winograd_output), check_winograd_output },
    { "winograd_output: with input", offsetof (struct kernels, winograd_output), check_winograd },
    { "strassen_sums", offsetof (struct kernels, strassen_sums), check_strassen_sums },
    { "strassen", offsetof (struct kernels, strassen), check_strassen },
    { "softmax", offsetof (struct kernels, softmax), check_softmax },
    { "reorder_to_blocked", offsetof (struct kernels, reorder_to_blocked), check_reorder_to_blocked },
    { "reorder_to_planar", offsetof (struct kernels, reorder_to_planar), check_reorder_to_planar },
    { "pick_bytes", offsetof (struct kernels, pick_bytes), check_pick_bytes },
    { "pick", offsetof (struct kernels, pick), check_pick },
    { "image", offsetof (struct kernels, image), check_image },
    { "peak", offsetof (struct kernels, peak), check_peak },
    { "fpu_enter", offsetof (struct kernels, fpu_enter), check_fpu_enter },
    { "fpu_leave", offsetof (struct kernels, fpu_leave), check_fpu_leave },
};
enum { TESTS = sizeof tests / sizeof *tests };

/* Every table offered can be had, has a tile that is one, and no member is empty or without a test. */
static void check_tables (void)
{
    typedef void (*member) (void);
    for (int t = 0; t < table_count; t++) {
        const struct kernels *k = tables[t];
        CHECK (k->mr >= 1 && k->nr_blocks >= 1, "%s: tile of %d x %d", k->name, k->mr, k->nr_blocks);
        for (int i = 0; i < k->conv_count; i++)
            CHECK (conv_kernel_tested (&k->conv[i]), "%s: convolution kernel %d has no test", k->name, i);
        for (size_t at = offsetof (struct kernels, conv); at < sizeof (struct kernels); at += sizeof (member)) {
            bool tested = false, empty = true;
            for (int i = 0; i < TESTS; i++)
                tested |= tests[i].member == at;
            for (size_t i = 0; i < sizeof (member); i++)
                empty &= ((const char *)k)[at + i] == 0;
            CHECK (tested, "%s: the member at byte %zu has no test", k->name, at);
            CHECK (!empty, "%s: the member at byte %zu is empty", k->name, at);
        }
    }
    CHECK (kernels_for ("no such table") == NULL, "a table for any name");
    CHECK (kernels_for (NULL) != NULL, "no table at all");
}

/* Of a made-up list: the first whose numbers and instructions fit. */
static void check_conv_kernel_for (void)
{
    const struct conv_kernel list[] = { { .mr = 1, .needs = CPU_AVX2 | CPU_FMA },
                                        { .mr = 2, .needs = CPU_AVX2 },
                                        { .mr = 3 } };
    const struct kernels k = { .conv = list, .conv_count = 3 };
    static const struct {
        unsigned features;
        int mr;
    } cases[] = { { 0, 3 }, { CPU_FMA, 3 }, { CPU_AVX2, 2 }, { CPU_AVX2 | CPU_FMA, 1 }, { ~0u, 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct cpu cpu = { .features = cases[i].features };
        const struct conv_kernel *kernel = conv_kernel_for (&k, &cpu, ELEMENT_F32, ELEMENT_F32);
        CHECK (kernel && kernel->mr == cases[i].mr, "features %x: %d", cases[i].features, kernel ? kernel->mr : -1);
        CHECK (!conv_kernel_for (&k, &cpu, (enum element) (ELEMENT_F32 + 1), ELEMENT_F32), "numbers that none takes");
        CHECK (!conv_kernel_for (&k, &cpu, ELEMENT_F32, (enum element) (ELEMENT_F32 + 1)), "numbers that none makes");
    }
    const struct kernels needy = { .conv = list, .conv_count = 2 };
    CHECK (!conv_kernel_for (&needy, &(struct cpu) { 0 }, ELEMENT_F32, ELEMENT_F32), "a kernel that would crash");
}

static void find_tables (void)
{
    for (const char *const *name = engine_isas (); *name; name++) {
        const struct kernels *k = kernels_for (*name);
        CHECK (k && strcmp (k->name, *name) == 0, "%s is offered, but not there", *name);
        if (k && table_count < (int)(sizeof tables / sizeof *tables))
            tables[table_count++] = k;
    }
    CHECK (table_count > 0, "no table");
    printf ("# tables:");
    for (int t = 0; t < table_count; t++)
        printf (" %s", tables[t]->name);
    printf ("\n");
}

/* A kernel that reads or writes too much ends here: say which case it was. */
static void crashed (int number)
{
    static const char text[] = "# crashed in ";
    if (write (STDOUT_FILENO, text, sizeof text - 1) < 0 || write (STDOUT_FILENO, what, strlen (what)) < 0 ||
        write (STDOUT_FILENO, "\n", 1) < 0)
        _exit (2);
    signal (number, SIG_DFL);
    raise (number);
}

int main (int argc, char **argv)
{
    uint64_t seed = 1;
    bool bench = argc == 2 && !strcmp (argv[1], "--bench");
    if (argc == 3 && !strcmp (argv[1], "--seed")) {
        seed = strtoull (argv[2], NULL, 0);
    } else if (argc != 1 && !bench) {
        fprintf (stderr, "usage: check_kernels [--seed N | --bench]\n");
        return 2;
    }
    signal (SIGSEGV, crashed);
    signal (SIGBUS, crashed);
    signal (SIGILL, crashed);
    signal (SIGFPE, crashed);
    can_run = cpu_detect ().features;
    check_group ("tables");
    find_tables ();
    if (bench)
        return bench_kernels ();
    check_tables ();
    check_conv_kernel_for ();
    for (int i = 0; i < TESTS; i++) {
        check_group (tests[i].name);
        random_seed (seed);
        tests[i].run ();
    }
    return check_end ();
}
