/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_plan_text.c: what is planned for four networks, beside the text in tests/plans/: step by step what it makes, by
 * which method, with how much work and how many bytes of weights, and the bytes of the arena. A change of the plan is a
 * change of these files: `./dev test --update-plans`, or CONVRELU_UPDATE_PLANS=1, writes them anew; `git diff` shows
 * what it means.
 *
 * Plans are made and never run, for every instruction set that is compiled in, whether this processor has it or not,
 * and for processors that are given: the program is linked with stand-ins for kernels_for () and the trial run. */
#include "engine/cpu.h"
#include "engine/kernels.h"
#include "tests/check.h"
#include "tests/plan_networks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- instead of running --------------------------------------------------------------------------------------- */

/* Every table that may be compiled in; NULL: it is not. */
extern const struct kernels kernels_scalar, kernels_avx2 __attribute__ ((weak)), kernels_avx512 __attribute__ ((weak)),
    kernels_neon __attribute__ ((weak));
static const struct kernels *const tables[] = { &kernels_scalar, &kernels_avx2, &kernels_avx512, &kernels_neon };

/* What the linker puts in the place of the engine's own (--wrap). */
const struct kernels *__wrap_kernels_for (const char *name);
bool __wrap_plan_run_unless_stopped (struct plan *plan, const float *input);

const struct kernels *__wrap_kernels_for (const char *name)
{
    for (size_t i = 0; name && i < sizeof tables / sizeof *tables; i++)
        if (tables[i] && !strcmp (tables[i]->name, name))
            return tables[i];
    return NULL;
}

bool __wrap_plan_run_unless_stopped (struct plan *plan, const float *input)
{
    (void)plan;
    (void)input;
    return true;
}

/* ---- texts ---------------------------------------------------------------------------------------------------- */

struct text {
    char bytes[32 * 1024];
    size_t length;
};

__attribute__ ((format (printf, 2, 3))) static void add (struct text *text, const char *format, ...)
{
    size_t left = sizeof text->bytes - text->length;
    va_list arguments;
    va_start (arguments, format);
    int length = vsnprintf (text->bytes + text->length, left, format, arguments);
    va_end (arguments);
    text->length += length > 0 && (size_t)length < left ? (size_t)length : 0;
}

static void add_plan (struct text *text, const struct plan *plan)
{
    uint64_t macs = 0, multiplications = 0, weights = 0;
    add (text, "%-4s  %-24s  %-19s  %-12s  %-18s  %10s  %15s  %10s\n", "step", "name", "operation", "output",
         "algorithm", "MACs", "multiplications", "weights");
    for (int i = 0; i < plan_steps (plan); i++) {
        struct step_info s = plan_step (plan, i);
        char shape[48];
        snprintf (shape, sizeof shape, "%dx%dx%d", s.channels, s.height, s.width);
        add (text, "%4d  %-24s  %-19s  %-12s  %-18s  %10" PRIu64 "  %15" PRIu64 "  %10" PRIu64 "\n", i, s.name,
             s.operation, shape, *s.algorithm ? s.algorithm : "-", s.macs, s.multiplications, s.weight_bytes);
        macs += s.macs;
        multiplications += s.multiplications;
        weights += s.weight_bytes;
    }
    add (text,
         "%d steps, %" PRIu64 " MACs, %" PRIu64 " multiplications, %" PRIu64 " bytes of weights, %zu of tensors\n",
         plan_steps (plan), macs, multiplications, weights, plan_arena_bytes (plan));
}

/* The file's text; empty when there is none. */
static void read_text (const char *path, struct text *text)
{
    FILE *file = fopen (path, "r");
    text->length = file ? fread (text->bytes, 1, sizeof text->bytes - 1, file) : 0;
    text->bytes[text->length] = 0;
    if (file)
        fclose (file);
}

static bool write_text (const char *path, const struct text *text)
{
    FILE *file = fopen (path, "w");
    bool good = file && fwrite (text->bytes, 1, text->length, file) == text->length;
    return file && fclose (file) == 0 && good;
}

static size_t line_length (const char *line)
{
    return strcspn (line, "\n") + (strchr (line, '\n') != NULL);
}

/* Lines of [from, end), so many at most, each behind the mark. */
static void print_lines (char mark, const char *from, const char *end)
{
    enum { MOST = 20 };
    int lines = 0;
    for (; from < end && lines < MOST; from += line_length (from), lines++)
        printf ("#   %c %.*s\n", mark, (int)strcspn (from, "\n"), from);
    if (from < end)
        printf ("#   %c ...\n", mark);
}

/* The lines in which two texts differ: all but those that they begin and end with alike. */
static void print_difference (const char *path, const struct text *planned, const struct text *expected)
{
    const char *a = expected->bytes, *b = planned->bytes;
    const char *a_end = a + expected->length, *b_end = b + planned->length;
    for (size_t n; (n = line_length (a)) && n == line_length (b) && !memcmp (a, b, n);) {
        a += n;
        b += n;
    }
    while (a_end > a && b_end > b && a_end[-1] == b_end[-1]) {
        a_end--;
        b_end--;
    }
    a_end += strcspn (a_end, "\n"); /* whole lines */
    b_end += strcspn (b_end, "\n");
    printf ("# %s says -, but this is planned: +\n", path);
    print_lines ('-', a, a_end);
    print_lines ('+', b, b_end);
    printf ("# to accept it: ./dev test --update-plans, or CONVRELU_UPDATE_PLANS=1 and this program\n");
}

/* ---- networks --------------------------------------------------------------------------------------------------- */

/* The two processors the engine was measured on, see engine/cpu.c: with AVX-512 they get different plans. */
#define EPYC                                                                                                           \
    {                                                                                                                  \
        .l2_bytes = 1 << 20, .bytes_per_cycle_far = 10                                                                 \
    }
#define XEON                                                                                                           \
    {                                                                                                                  \
        .l2_bytes = 2 << 20, .bytes_per_cycle_far = 6, .slow_strassen_512 = true                                       \
    }

static const struct machine {
    const char *isa, *file; /* of the text */
    struct cpu cpu;
} machines[] = {
    { "scalar", "scalar", EPYC },      { "avx2", "avx2", EPYC }, { "avx512", "avx512", EPYC },
    { "avx512", "avx512-xeon", XEON }, { "neon", "neon", EPYC },
};

static const struct {
    const char *name;
    struct graph *(*make) (void);
} networks[] = {
    { "residual", residual_network },
    { "mobile", mobile_network },
    { "squeeze", squeeze_network },
    { "dense", dense_network },
};

static void check_network (const char *network, struct graph *g, const struct machine *machine)
{
    static struct text planned, expected;
    char path[1024];
    struct error error;
    struct plan_options options = { .threads = 1, .isa = machine->isa, .cpu = &machine->cpu };
    struct plan *plan = plan_new (g, &options, &error);
    if (!CHECK (plan != NULL, "%s, %s: %s", network, machine->file, error.text))
        return;
    planned.length = 0;
    add_plan (&planned, plan);
    plan_free (plan);
    snprintf (path, sizeof path, "%s/plans/%s.%s.txt", TESTS, network, machine->file);
    if (getenv ("CONVRELU_UPDATE_PLANS")) {
        CHECK (write_text (path, &planned), "%s cannot be written", path);
        return;
    }
    read_text (path, &expected);
    if (!CHECK (!strcmp (planned.bytes, expected.bytes), "another plan than in %s", path))
        print_difference (path, &planned, &expected);
}

static void check_machine (const struct machine *machine)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        struct graph *g = networks[i].make ();
        if (CHECK (!graph_error (g), "%s: %s", networks[i].name, graph_error (g)))
            check_network (networks[i].name, g, machine);
        graph_unref (g);
    }
}

int main (void)
{
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        check_group (machines[i].file);
        if (__wrap_kernels_for (machines[i].isa))
            check_machine (&machines[i]);
        else
            SKIP ("no %s in a program for this kind of processor", machines[i].isa);
    }
    return check_end ();
}
