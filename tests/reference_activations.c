/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reference_activations.c: every activation by its definition, in double precision, with how steep it gets and how
 * exact a kernel must be. A kind that lacks one of the three does not compile. */
#include "tests/reference.h"

#include <float.h>
#include <math.h>

#pragma GCC diagnostic error "-Wswitch"

double reference_activation (struct activation activation, double slope, double x)
{
    double alpha = activation.alpha, beta = activation.beta;
    bool gated = activation.kind == ACTIVATION_GELU || activation.kind == ACTIVATION_GELU_TANH ||
                 activation.kind == ACTIVATION_SILU || activation.kind == ACTIVATION_MISH;
    if (isnan (x))
        return x;
    if (isinf (x) && gated) /* the limit, not infinity times nothing */
        return fmax (x, 0);
    switch (activation.kind) {
    case ACTIVATION_NONE:
        return x;
    case ACTIVATION_CLIP:
        return fmin (fmax (x, alpha), beta);
    case ACTIVATION_RELU:
        return fmax (x, 0);
    case ACTIVATION_LEAKY_RELU:
        return x < 0 ? alpha * x : x;
    case ACTIVATION_PRELU:
        return x < 0 ? slope * x : x;
    case ACTIVATION_ELU:
        return x < 0 ? alpha * expm1 (x) : x;
    case ACTIVATION_GELU: /* 1 + erf (y) = erfc (-y), which does not cancel */
        return x / 2 * erfc (-x / sqrt (2));
    case ACTIVATION_GELU_TANH: /* (1 + tanh (y)) / 2 = 1 / (1 + e^-2y), which does not cancel */
        return x / (1 + exp (-2 * sqrt (2 / M_PI) * (x + 0.044715 * x * x * x)));
    case ACTIVATION_SILU:
        return x / (1 + exp (-x));
    case ACTIVATION_HARD_SWISH:
        return x * fmin (fmax (x / 6 + 0.5, 0), 1);
    case ACTIVATION_HARD_SIGMOID:
        return fmin (fmax (alpha * x + beta, 0), 1);
    case ACTIVATION_MISH:
        return x * tanh (log1p (exp (x)));
    case ACTIVATION_SIGMOID:
        return 1 / (1 + exp (-x));
    case ACTIVATION_TANH:
        return tanh (x);
    case ACTIVATION_ROUND: /* C rounds halves to even, as long as nobody says otherwise */
        return fmin (fmax (rint ((double)((float)x / (float)slope)), alpha), beta);
    case ACTIVATION_REQUANTISE: /* the product in single precision, as integer engines have it */
        return fmin (fmax (rint ((double)((float)rint (x) * (float)slope)), alpha), beta);
    case ACTIVATION_SOFTPLUS:
        return fmax (x, 0) + log1p (exp (-fabs (x)));
    case ACTIVATION_SOFTSIGN:
        return x / (1 + fabs (x));
    case ACTIVATION_THRESHOLDED_RELU:
        return x > alpha ? x : 0;
    case ACTIVATION_EXP:
        return exp (fmin (fmax (x, -87), 88));
    case ACTIVATION_LOG:
        return log (x);
    case ACTIVATION_SQRT:
        return sqrt (x);
    case ACTIVATION_RECIPROCAL:
        return 1 / x;
    case ACTIVATION_POWER:
        return exp (fmin (fmax (alpha * log (fabs (x)), -87), 88)) * (x < 0 ? beta : 1);
    case ACTIVATION_KINDS:
        break;
    }
    return NAN;
}

double reference_steepness (struct activation activation, double slope)
{
    double alpha = fabs ((double)activation.alpha);
    switch (activation.kind) {
    case ACTIVATION_NONE:
    case ACTIVATION_CLIP:
    case ACTIVATION_RELU:
    case ACTIVATION_SIGMOID:
    case ACTIVATION_TANH:
        return 1;
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_ELU:
        return fmax (1, alpha);
    case ACTIVATION_PRELU:
        return fmax (1, fabs (slope));
    case ACTIVATION_GELU:
    case ACTIVATION_GELU_TANH:
    case ACTIVATION_SILU:
    case ACTIVATION_MISH:
        return 1.13;
    case ACTIVATION_HARD_SWISH:
        return 1.5;
    case ACTIVATION_HARD_SIGMOID:
        return alpha;
    case ACTIVATION_ROUND:
    case ACTIVATION_REQUANTISE:
        return 0; /* but where it jumps: see below */
    case ACTIVATION_SOFTPLUS:
    case ACTIVATION_SOFTSIGN:
    case ACTIVATION_THRESHOLDED_RELU: /* which jumps at alpha */
        return 1;
    case ACTIVATION_EXP: /* these get as steep as they like: reference_arithmetic.c */
    case ACTIVATION_LOG:
    case ACTIVATION_SQRT:
    case ACTIVATION_RECIPROCAL:
    case ACTIVATION_POWER:
        return INFINITY;
    case ACTIVATION_KINDS:
        break;
    }
    return NAN;
}

double reference_activation_error (struct activation activation, double x, double y)
{
    const double eps = FLT_EPSILON / 2; /* of one rounding to nearest */
    /* The e^u inside is off by eps |u|, u being up to x^2, and stops at e^-87. */
    double tiny = 2e-38 * (1 + fmin (fabs (x), 100)), exponent = 4 * eps * fmin (fmax (fabs (x), x * x), 88);
    switch (activation.kind) {
    case ACTIVATION_NONE:
    case ACTIVATION_CLIP:
    case ACTIVATION_RELU:
    case ACTIVATION_ROUND:
    case ACTIVATION_REQUANTISE:
        return 0;
    case ACTIVATION_LEAKY_RELU:
    case ACTIVATION_PRELU:
        return eps * fabs (y);
    case ACTIVATION_HARD_SWISH: /* x times something off by 4 eps */
        return 4 * eps * (1 + fmin (fabs (x), 3));
    case ACTIVATION_HARD_SIGMOID:
        return 4 * eps;
    case ACTIVATION_ELU: /* e^x - 1 cancels near 0 */
        return fabs ((double)activation.alpha) * 6 * eps + 2 * eps * fabs (y);
    case ACTIVATION_GELU:
    case ACTIVATION_GELU_TANH:
    case ACTIVATION_SILU:
    case ACTIVATION_MISH:
    case ACTIVATION_SIGMOID:
    case ACTIVATION_TANH:
        return (1e-6 + exponent) * fabs (y) + tiny;
    case ACTIVATION_SOFTPLUS:
        return (1e-6 + exponent) * fabs (y) + tiny;
    case ACTIVATION_THRESHOLDED_RELU:
        return 0;
    case ACTIVATION_SOFTSIGN:
    case ACTIVATION_RECIPROCAL:
    case ACTIVATION_SQRT:
        return 3 * eps * fabs (y);
    case ACTIVATION_EXP:
        return (1e-6 + 4 * eps * fmin (fabs (x), 88)) * fabs (y);
    case ACTIVATION_LOG: /* e ln 2 and ln m cancel at worst to half of either */
        return 6 * eps * fabs (y) + tiny;
    case ACTIVATION_POWER: /* the exponent's error, in proportion */
        return (1e-6 + 10 * eps * fmin (fabs ((double)activation.alpha * log (fabs (x))), 88)) * fabs (y) + tiny;
    case ACTIVATION_KINDS:
        break;
    }
    return NAN;
}
