/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guarded.c: see guarded.h. */
#include "guarded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t canary = 0x7fc0beef; /* a quiet NaN no arithmetic makes */

static void *need (void *memory)
{
    if (!memory || memory == MAP_FAILED) {
        perror ("memory");
        exit (2);
    }
    return memory;
}

struct guarded guarded_new (size_t count, enum guarded_alignment alignment, bool at_end)
{
    size_t page = (size_t)sysconf (_SC_PAGESIZE), size = count * sizeof (float);
    struct guarded g = { .count = count, .bytes = (size + page) / page * page };
    g.map = need (mmap (NULL, g.bytes + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    need (mprotect (g.map, page, PROT_NONE) ? NULL : g.map);
    need (mprotect (g.map + page + g.bytes, page, PROT_NONE) ? NULL : g.map);
    size_t start = at_end ? (g.bytes - size) / alignment * alignment : 0;
    g.data = (float *)(void *)(g.map + page + start);
    guarded_clear (&g);
    return g;
}

void guarded_free (struct guarded *g)
{
    if (g->map)
        munmap (g->map, g->bytes + 2 * (size_t)sysconf (_SC_PAGESIZE));
    *g = (struct guarded) { 0 };
}

static uint32_t *words (const struct guarded *g)
{
    return (uint32_t *)(void *)(g->map + sysconf (_SC_PAGESIZE));
}

void guarded_clear (struct guarded *g)
{
    uint32_t *word = words (g);
    for (size_t i = 0; i < g->bytes / sizeof canary; i++)
        word[i] = canary;
}

void guarded_random (struct guarded *g)
{
    for (size_t i = 0; i < g->count; i++)
        g->data[i] = random_float ();
}

struct expected expected_new (size_t count)
{
    struct expected e = { need (calloc (count + 1, sizeof (double))), need (calloc (count + 1, sizeof (double))),
                          count };
    for (size_t i = 0; i < count; i++)
        e.bound[i] = UNTOUCHED;
    return e;
}

void expected_free (struct expected *e)
{
    free (e->value);
    free (e->bound);
    *e = (struct expected) { 0 };
}

static bool fits (float got, double want, double bound)
{
    uint32_t bits;
    memcpy (&bits, &got, sizeof bits);
    if (bound < 0)
        return bits == canary;
    if (bits == canary)
        return false;
    if (isnan (want))
        return isinf (bound) ? !isfinite (got) : isnan (got);
    if (isinf (want))
        return (double)got == want;
    if (isinf (bound))
        return isfinite (got);
    return fabs ((double)got - want) <= bound;
}

const char *guarded_compare (const struct guarded *g, const struct expected *e)
{
    static char text[200];
    const uint32_t *word = words (g);
    size_t first = (size_t)((const uint32_t *)(const void *)g->data - word);
    for (size_t i = 0; i < g->bytes / sizeof canary; i++)
        if ((i < first || i >= first + g->count) && word[i] != canary) {
            snprintf (text, sizeof text, "wrote at %ld of %zu", (long)i - (long)first, g->count);
            return text;
        }
    if (e->count != g->count)
        return "the test expects another number of values";
    for (size_t i = 0; i < g->count; i++)
        if (!fits (g->data[i], e->value[i], e->bound[i])) {
            snprintf (text, sizeof text, "at %zu of %zu: %.9g instead of %.9g +- %.3g%s", i, g->count, g->data[i],
                      e->value[i], e->bound[i], e->bound[i] < 0 ? " (untouched)" : "");
            return text;
        }
    return NULL;
}

static uint64_t state = 1;

void random_seed (uint64_t seed)
{
    state = seed;
}

/* splitmix64 (Steele, Lea and Flood, 2014) */
static uint64_t next (void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

float random_float (void)
{
    return (float)(int32_t)(next () >> 40) * 0x1p-23f - 1;
}

int random_between (int low, int high)
{
    return low + (int)(next () % (uint64_t)(high - low + 1));
}
