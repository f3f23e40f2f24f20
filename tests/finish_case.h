/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finish_case.h: every way a kernel can end (struct finish), numbered, and what it should make of a sum. */
#ifndef CONVRELU_FINISH_CASE_H
#define CONVRELU_FINISH_CASE_H

#include "engine/kernels.h"
#include "tests/guarded.h"

struct finish_case {
    struct finish finish;
    struct guarded slope, scale, shift; /* [channels], what finish points at */
    char name[48];                      /* "activation 5, affine" */
};

/* The plain ones (none, relu, clip), then every activation, then every activation with an affine behind it. */
enum { PLAIN_FINISHES = 3, FINISHES = PLAIN_FINISHES + 2 * ACTIVATION_KINDS };

/* Number `index` of them, 0 <= index < FINISHES, for channels 0.. of a multiple of 16; random alphas and affine. */
struct finish_case finish_case_new (int index, int channels);
void finish_case_free (struct finish_case *f);

/* What becomes of a sum (bias and residual in it) of terms whose absolute values add up to `magnitude`, computed in single
 * precision with so many roundings: the value, and how far off a kernel may be. */
void finish_expect (const struct finish *finish, int channel, double sum, double magnitude, int roundings,
                    double *value, double *bound);

#endif
