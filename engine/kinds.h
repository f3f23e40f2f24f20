/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kinds.h: a part of engine.h: kinds of activations, pools and reductions, all that graphs and kernels both name.
 * Kernels include no more of engine.h: they take minutes to compile. */
#ifndef CONVRELU_KINDS_H
#define CONVRELU_KINDS_H

/* ACTIVATION_NONE, which is 0, ACTIVATION_RELU and so on: activations.def says what each computes of x. */
enum activation_kind {
#define ACTIVATION(KIND, name, words, formula, negatives) ACTIVATION_##KIND,
#include "engine/activations.def"
    ACTIVATION_KINDS /* how many there are */
};

struct activation {
    enum activation_kind kind;
    float alpha, beta; /* as the kind's formula says; otherwise unused */
};

enum pool_kind { POOL_MAX, POOL_AVERAGE };

enum reduction { REDUCTION_MAX, REDUCTION_MEAN, REDUCTION_MEAN_SQUARE };

#endif
