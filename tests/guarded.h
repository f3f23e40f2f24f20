/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guarded.h: buffers between two pages that may not be touched, the random numbers put in them, and the comparison of
 * what a kernel left there with what it should have left.
 *
 *   | forbidden page | slack | data [count] | slack | forbidden page |
 *
 * The data ends (or begins) as close to a forbidden page as its alignment allows, so that reading or writing one vector
 * too much ends the program. The slack, and the data before it is filled, hold a NaN of our own: a sum that takes one
 * in becomes NaN, and a place that was written no longer has its bits. */
#ifndef CONVRELU_GUARDED_H
#define CONVRELU_GUARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guarded {
    float *data; /* [count] */
    size_t count;
    unsigned char *map; /* the forbidden page in front */
    size_t bytes;       /* between the forbidden pages */
};

enum guarded_alignment { ALIGNED_TO_BLOCK = 64, ALIGNED_TO_FLOAT = 4 };

/* count floats (0 is fine) against the page behind (at_end) or in front of them. Ends the program when memory is
 * short. */
struct guarded guarded_new (size_t count, enum guarded_alignment alignment, bool at_end);
void guarded_free (struct guarded *g);
void guarded_clear (struct guarded *g);  /* everything between the pages to our NaN */
void guarded_random (struct guarded *g); /* data to random numbers in [-1, 1) */

/* What should be in a buffer: value[i] within bound[i]. A NaN or infinite value must be met exactly, except that any of
 * them will do for NaN with a bound of INFINITY (infinity times zero, somewhere on the way). A bound of UNTOUCHED means
 * our NaN must still be there; INFINITY beside a finite value that any finite number will do. */
#define UNTOUCHED (-1.0)
struct expected {
    double *value, *bound; /* [count] each */
    size_t count;
};
struct expected expected_new (size_t count); /* all UNTOUCHED */
void expected_free (struct expected *e);

/* NULL, or what is wrong with the first wrong place. Slack included. */
const char *guarded_compare (const struct guarded *g, const struct expected *e);

/* A generator of our own, so that every machine sees the same cases. */
void random_seed (uint64_t seed);
float random_float (void);              /* [-1, 1), 24 bits */
int random_between (int low, int high); /* both included */

#endif
