/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernels_pick.c: channels of one block from wherever they are. Compiled once per instruction set.
 *
 * A vector of the output is put together from those vectors of the input that have a lane in it, each turned by one
 * permutation; a channel shuffle of two groups needs two of them, four where a group begins within a vector. */
#include "kernels.h"
#include "vec.h"

#define kernels_pick FOR_ISA (kernels_pick)
void kernels_pick (const struct pick_args *args);

/* No more vectors than lanes: what never comes of more is compiled for as many. */
#define MOST(count) ((count) < LANES ? (count) : LANES)

/* The vectors that one of the output is made from. */
struct sources {
    int count;
    const float *at[LANES];                                     /* at pixel 0 */
    int32_t lanes[LANES][LANES] __attribute__ ((aligned (64))); /* which lane of it goes there; -1: none */
};

INLINE void find_sources (const float *const *from, struct sources *sources)
{
    for (int lane = 0; lane < LANES; lane++) {
        if (!from[lane])
            continue;
        int into = (int)((uintptr_t)from[lane] / sizeof (float) % LANES), i = 0;
        const float *vector = from[lane] - into;
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

/* count is a constant at all calls but one. */
INLINE void put_together (const struct sources *sources, const int count, const struct pick_args *args, float *out)
{
    ptrdiff_t at = 0;
    for (ptrdiff_t p = 0; p < args->pixels; p++, at += args->in_pixel, out += BLOCK) {
        vec v = args->fill ? vec_set (*args->fill) : vec_load (out);
        for (int i = 0; i < count; i++)
            v = vec_take (v, vec_load (sources->at[i] + at), sources->lanes[i]);
        vec_store (out, v);
    }
}

void kernels_pick (const struct pick_args *args)
{
    for (int lane = 0; lane < BLOCK; lane += LANES) {
        struct sources sources = { .count = 0 }; /* all of it: gcc 14 does not see what find_sources sets */
        float *out = args->out + lane;
        find_sources (args->from + lane, &sources);
        switch (sources.count) {
        case 1:
            put_together (&sources, 1, args, out);
            break;
        case 2:
            put_together (&sources, MOST (2), args, out);
            break;
        case 3:
            put_together (&sources, MOST (3), args, out);
            break;
        case 4:
            put_together (&sources, MOST (4), args, out);
            break;
        default:
            if (sources.count || args->fill)
                put_together (&sources, sources.count, args, out);
        }
    }
}
