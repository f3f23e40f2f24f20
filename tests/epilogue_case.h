/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* epilogue_case.h: every way a kernel can end (struct epilogue), numbered, and what it should make of a sum. */
#ifndef CONVRELU_EPILOGUE_CASE_H
#define CONVRELU_EPILOGUE_CASE_H

#include "engine/kernels.h"
#include "tests/guarded.h"

struct epilogue_case {
    struct epilogue epilogue;
    struct guarded slope, scale, shift; /* [channels], what epilogue points at */
    char name[48];                      /* "activation 5, affine" */
};

/* Those that only clamp (none, relu, clip), then every activation, then every activation with an affine behind it. */
enum { CLAMPS = 3, EPILOGUES = CLAMPS + 2 * ACTIVATION_KINDS };

/* Number `index` of them, 0 <= index < EPILOGUES, for channels 0.. of a multiple of 16; random alphas and affine. */
struct epilogue_case epilogue_case_new (int index, int channels);
void epilogue_case_free (struct epilogue_case *f);

/* What becomes of a sum (bias and residual in it) of terms whose absolute values add up to `magnitude`, computed in
 * single precision with so many roundings: the value, and how far off a kernel may be. */
void epilogue_expect (const struct epilogue *epilogue, int channel, double sum, double magnitude, int roundings,
                      double *value, double *bound);

#endif
