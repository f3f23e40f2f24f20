/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_pick.c: channels of one block from wherever they are. Compiled once per instruction set.
 *
 * A vector of the output is put together from those vectors of the input that have a lane in it, each turned by one
 * permutation; a channel shuffle of two groups needs two of them, four where a group begins within a vector; one of
 * eight, eight. */
#include "kernels.h"
#include "vec.h"

#define kernels_pick FOR_ISA (kernels_pick)
#define kernels_pick_bytes FOR_ISA (kernels_pick_bytes)
void kernels_pick (const struct pick_args *args);
void kernels_pick_bytes (const struct pick_args *args);

/* No more vectors than lanes: what never comes of more is compiled for as many. */
#define MOST(count) ((count) < LANES ? (count) : LANES)

/* The vectors that one of the output is made from. */
struct sources {
    int count;
    const float *at[LANES];                                     /* at pixel 0 */
    int32_t lanes[LANES][LANES] __attribute__ ((aligned (64))); /* which lane of it goes there; -1: none */
};

INLINE void find_sources (const void *const *from, struct sources *sources)
{
    for (int lane = 0; lane < LANES; lane++) {
        if (!from[lane])
            continue;
        int into = (int)((uintptr_t)from[lane] / sizeof (float) % LANES), i = 0;
        const float *vector = (const float *)from[lane] - into;
        while (i < sources->count && sources->at[i] != vector)
            i++;
        if (i == sources->count) {
            sources->at[sources->count++] = vector;
            for (int l = 0; l < LANES; l++)
                sources->lanes[i][l] = -1;
        }
        sources->lanes[i][lane] = into;
    }
}

/* count is a constant at all calls but one, so that lanes stay in registers where there are enough. */
INLINE void put_together (const struct sources *sources, const int count, const struct pick_args *args, float *out)
{
    ptrdiff_t at = 0;
    for (ptrdiff_t p = 0; p < args->pixels; p++, at += args->in_pixel, out += BLOCK) {
        vec v = args->fill ? vec_set (*(const float *)args->fill) : vec_load (out);
        for (int i = 0; i < count; i++)
            v = vec_take (v, vec_load (sources->at[i] + at), sources->lanes[i]);
        vec_store (out, v);
    }
}

void kernels_pick (const struct pick_args *args)
{
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        struct sources sources = { .count = 0 }; /* all of it: gcc 14 does not see what find_sources sets */
        float *out = (float *)args->out + lane;
        find_sources (args->from + lane, &sources);
        switch (sources.count) {
#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        put_together (&sources, MOST (n), args, out);                                                                  \
        break;
            CASE (1)
            CASE (2)
            CASE (3)
            CASE (4)
            CASE (5)
            CASE (6)
            CASE (7)
            CASE (8)
#undef CASE
        default:
            if (sources.count || args->fill)
                put_together (&sources, sources.count, args, out);
        }
    }
}

/* The pixels of bytes that one of the output is made from: each source's lanes, and those that stay. */
struct byte_sources {
    int count;
    const uint8_t *at[BLOCK];
    uint8_t lanes[BLOCK][BLOCK], own[BLOCK];
};

enum { NONE = 0x80 }; /* of lanes: no byte goes there */

static void find_byte_sources (const struct pick_args *args, struct byte_sources *sources)
{
    memset (sources->lanes, NONE, sizeof sources->lanes);
    memset (sources->own, NONE, sizeof sources->own);
    for (int lane = 0; lane < BLOCK; lane++) {
        const uint8_t *from = args->from[lane];
        if (!from) {
            sources->own[lane] = (uint8_t)lane;
            continue;
        }
        int into = (int)((uintptr_t)from % BLOCK), i = 0;
        while (i < sources->count && sources->at[i] != from - into)
            i++;
        if (i == sources->count)
            sources->at[sources->count++] = from - into;
        sources->lanes[i][lane] = (uint8_t)into;
    }
}

/* Pixels one behind the other in both; count is a constant at all calls but one. Returns how many are done. */
INLINE ptrdiff_t put_bytes_together (const struct byte_sources *sources, const int count, const struct pick_args *args)
{
    byte_vec lanes[BLOCK], own = byte_repeat (sources->own);
    uint8_t fill[BLOCK], *out = args->out;
    memset (fill, args->fill ? *(const uint8_t *)args->fill : 0, sizeof fill);
    byte_vec rest = byte_take (byte_repeat (fill), own);
    for (int i = 0; i < count; i++)
        lanes[i] = byte_repeat (sources->lanes[i]);
    ptrdiff_t p = 0;
    for (; p + PIXELS_STORED <= args->pixels; p += PIXELS_STORED) {
        byte_vec v = args->fill ? rest : byte_take (byte_load (out + BLOCK * p), own);
        for (int i = 0; i < count; i++)
            v = byte_or (v, byte_take (byte_load (sources->at[i] + BLOCK * p), lanes[i]));
        byte_store (out + BLOCK * p, v);
    }
    return p;
}

void kernels_pick_bytes (const struct pick_args *args)
{
    struct byte_sources sources = { .count = 0 };
    ptrdiff_t done = 0;
    find_byte_sources (args, &sources);
    if (args->in_pixel == BLOCK)
        done = sources.count == 1   ? put_bytes_together (&sources, 1, args)
               : sources.count == 2 ? put_bytes_together (&sources, 2, args)
               : sources.count == 3 ? put_bytes_together (&sources, 3, args)
                                    : put_bytes_together (&sources, sources.count, args);
    for (ptrdiff_t p = done; p < args->pixels; p++)
        for (int c = 0; c < BLOCK; c++) {
            const uint8_t *from = args->from[c] ? (const uint8_t *)args->from[c] + p * args->in_pixel : args->fill;
            if (from)
                ((uint8_t *)args->out)[BLOCK * p + c] = *from;
        }
}
