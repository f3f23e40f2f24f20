/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vec_math.h: functions of vectors: the exponential, the sigmoid and the like, and every activation. The relative error
 * against double precision is about 2e-7 unless a line says otherwise. */
#ifndef CONVRELU_VEC_MATH_H
#define CONVRELU_VEC_MATH_H

#include "engine.h"
#include "vec.h"

#include <float.h>

/* e^x, x clamped to [-87, 88]. Cody-Waite reduction to |r| <= ln 2 / 2, then the Taylor polynomial of degree 7 (its
 * remainder there, r^8 / 8!, is below 5e-9). */
INLINE vec vec_exp (vec x)
{
    x = vec_min (vec_set (88.0f), vec_max (vec_set (-87.0f), x));
    vec n = vec_round (vec_mul (x, vec_set (1.44269504f)));
    vec r = vec_fma (n, vec_set (-0.693359375f), x);
    r = vec_fma (n, vec_set (2.12194440e-4f), r);
    vec p = vec_fma (r, vec_set (1.0f / 5040), vec_set (1.0f / 720));
    p = vec_fma (p, r, vec_set (1.0f / 120));
    p = vec_fma (p, r, vec_set (1.0f / 24));
    p = vec_fma (p, r, vec_set (1.0f / 6));
    p = vec_fma (p, r, vec_set (0.5f));
    p = vec_fma (p, r, vec_set (1.0f));
    p = vec_fma (p, r, vec_set (1.0f));
    return vec_mul (p, vec_exp2 (n));
}

/* 2^x for |x| <= 126: 2^n 2^r with |r| <= 1/2 and 2^r = 1 + r P (r), P of degree 5 through the Chebyshev nodes, in
 * double precision (relative error 9e-9). Four multiplications fewer than vec_exp, where log2 e costs none. */
INLINE vec vec_exp2_fraction (vec x)
{
    vec n = vec_round (x), r = vec_sub (x, n);
    vec p = vec_fma (r, vec_set (1.54531634e-4f), vec_set (1.33908633e-3f));
    p = vec_fma (p, r, vec_set (9.61808302e-3f));
    p = vec_fma (p, r, vec_set (5.55035695e-2f));
    p = vec_fma (p, r, vec_set (0.240226507f));
    p = vec_fma (p, r, vec_set (0.693147182f));
    p = vec_fma (p, r, vec_set (1.0f));
    return vec_mul (p, vec_exp2 (n));
}

/* 0, and NaN where x is. */
INLINE vec vec_nan_of (vec x)
{
    return vec_mul (vec_set (0.0f), vec_min (vec_set (1.0f), vec_max (vec_set (-1.0f), x)));
}

/* 2 artanh (s) = ln ((1 + s) / (1 - s)) by its series to s^15, for |s| <= 1/3 (remainder below 2e-9 of it). */
INLINE vec vec_artanh2 (vec s)
{
    vec z = vec_mul (s, s), p = vec_fma (z, vec_set (2.0f / 15), vec_set (2.0f / 13));
    p = vec_fma (p, z, vec_set (2.0f / 11));
    p = vec_fma (p, z, vec_set (2.0f / 9));
    p = vec_fma (p, z, vec_set (2.0f / 7));
    p = vec_fma (p, z, vec_set (2.0f / 5));
    p = vec_fma (p, z, vec_set (2.0f / 3));
    return vec_fma (vec_mul (p, z), s, vec_add (s, s));
}

/* ln x: of m 2^e, with m from sqrt (1/2) to sqrt 2, ln m + e ln 2. -infinity at 0, NaN below. */
INLINE vec vec_log (vec x)
{
    vec e = vec_exponent (x), m = vec_mantissa (x), one = vec_set (1.0f);
    vec small = vec_sub (vec_set (1.41421356f), m);
    m = vec_if_negative (small, vec_mul (m, vec_set (0.5f)), m);
    e = vec_if_negative (small, vec_add (e, one), e);
    vec f = vec_sub (m, one);
    vec y = vec_artanh2 (vec_div (f, vec_add (f, vec_set (2.0f))));
    y = vec_fma (e, vec_set (0.693359375f), vec_fma (e, vec_set (-2.12194440e-4f), y));
    y = vec_if_negative (vec_sub (x, vec_set (FLT_MIN)), vec_set (-INFINITY), vec_add (y, vec_nan_of (x)));
    y = vec_if_negative (x, vec_set (NAN), y);
    return vec_if_negative (vec_sub (vec_set (FLT_MAX), x), vec_set (INFINITY), y);
}

/* ln (1 + e^x) = max (x, 0) + ln (1 + t), t = e^-|x|, which is 2 artanh (t / (2 + t)). */
INLINE vec vec_softplus (vec x)
{
    vec t = vec_exp (vec_sub (vec_set (0.0f), vec_abs (x)));
    return vec_add (vec_max (vec_set (0.0f), x), vec_artanh2 (vec_div (t, vec_add (t, vec_set (2.0f)))));
}

/* 1 / (1 + 2^y), y = -x log2 e: rounding y puts the result off by up to 6e-8 |x|, as rounding x would. */
INLINE vec vec_sigmoid (vec x)
{
    vec one = vec_set (1.0f), y = vec_mul (x, vec_set (-1.44269504f));
    y = vec_min (vec_set (126.0f), vec_max (vec_set (-126.0f), y));
    return vec_div (one, vec_add (one, vec_exp2_fraction (y)));
}

/* Beyond |x| = 0.55: 1 - 2 / (e^2|x| + 1) with x's sign. Inside, where that cancels: the Taylor series to x^13
 * (remainder below 4e-7 of x). */
INLINE vec vec_tanh (vec x)
{
    vec a = vec_abs (x), one = vec_set (1.0f);
    vec big = vec_sub (one, vec_div (vec_set (2.0f), vec_add (one, vec_exp (vec_add (a, a)))));
    big = vec_if_negative (x, vec_sub (vec_set (0.0f), big), big);
    vec z = vec_mul (x, x);
    vec p = vec_fma (z, vec_set (21844.0f / 6081075), vec_set (-1382.0f / 155925));
    p = vec_fma (p, z, vec_set (62.0f / 2835));
    p = vec_fma (p, z, vec_set (-17.0f / 315));
    p = vec_fma (p, z, vec_set (2.0f / 15));
    p = vec_fma (p, z, vec_set (-1.0f / 3));
    vec small = vec_fma (vec_mul (p, z), x, x);
    return vec_if_negative (vec_sub (a, vec_set (0.55f)), small, big);
}

/* x/2 erfc (-x / sqrt 2) = max (x, 0) - s/2 erfc (s / sqrt 2), s = |x|, of which past 13.2 nothing is left that a float
 * holds. erfc (z) = t P (t) e^(-z^2), t = 1 / (1 + 0.4 z), for z >= 0: P is a Chebyshev interpolation of degree 8 of
 * erfc (z) e^(z^2) / t on z in [0, 9.5], fitted in double precision (relative error 9e-8). Here it is times -1/2. The
 * whole: 1.4e-6 for |x| < 5, up to about 1e-5 at -13, where e^(-z^2) is of a rounded z^2. */
INLINE vec vec_gelu (vec x)
{
    static const float p[9] = { -0.0186919172f, 0.060917332f,   -0.0232669558f, -0.0649441995f, -0.0257393622f,
                                -0.102565578f,  -0.0994830265f, -0.113420544f,  -0.1128057665f };
    vec one = vec_set (1.0f), s = vec_min (vec_set (13.2f), vec_abs (x));
    vec t = vec_div (one, vec_fma (s, vec_set (0.282842712f), one)); /* 0.4 / sqrt 2 */
    vec sum = vec_set (p[0]);
    UNROLL for (int i = 1; i < 9; i++) sum = vec_fma (sum, t, vec_set (p[i]));
    vec bell = vec_exp2_fraction (vec_mul (vec_mul (s, vec_set (-0.721347520f)), s)); /* log2 e / 2 */
    return vec_fma (s, vec_mul (vec_mul (sum, t), bell), vec_max (vec_set (0.0f), x));
}

/* tanh (ln (1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); past x = 20 that is 1 in single precision. */
INLINE vec vec_mish (vec x)
{
    vec e = vec_exp (vec_min (vec_set (20.0f), x));
    vec n = vec_mul (e, vec_add (e, vec_set (2.0f)));
    return vec_mul (vec_max (vec_set (-100.0f), x), vec_div (n, vec_add (n, vec_set (2.0f))));
}

INLINE vec vec_hard_sigmoid (vec x, vec alpha, vec beta)
{
    return vec_min (vec_set (1.0f), vec_max (vec_set (0.0f), vec_fma (x, alpha, beta)));
}

/* One vector through an activation; `slope` is the prelu's for these lanes. `kind` is a constant at every call, so the
 * switch is gone in the code. A kind without a case does not compile. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
INLINE vec vec_activation (const enum activation_kind kind, vec x, vec alpha, vec beta, vec slope)
{
    vec zero = vec_set (0.0f), one = vec_set (1.0f);
    switch (kind) {
    case ACTIVATION_NONE:
        return x;
    case ACTIVATION_CLIP:
        return vec_min (beta, vec_max (alpha, x));
    case ACTIVATION_RELU:
        return vec_max (zero, x);
    case ACTIVATION_LEAKY_RELU:
        return vec_if_negative (x, vec_mul (x, alpha), x);
    case ACTIVATION_PRELU:
        return vec_if_negative (x, vec_mul (x, slope), x);
    case ACTIVATION_ELU:
        return vec_if_negative (x, vec_mul (alpha, vec_sub (vec_exp (x), one)), x);
    case ACTIVATION_GELU:
        return vec_gelu (x);
    case ACTIVATION_GELU_TANH: {
        vec cube = vec_mul (vec_mul (x, x), x);
        vec inner = vec_mul (vec_set (1.5957691216f), vec_fma (cube, vec_set (0.044715f), x));
        return vec_mul (vec_max (vec_set (-20.0f), x), vec_sigmoid (inner)); /* (1 + tanh y) / 2, not cancelled */
    }
    case ACTIVATION_SILU:
        return vec_mul (vec_max (vec_set (-100.0f), x), vec_sigmoid (x)); /* below, a sigmoid of 1e-38 is to be 0 */
    case ACTIVATION_HARD_SWISH:
        return vec_mul (x, vec_hard_sigmoid (x, vec_set (1.0f / 6), vec_set (0.5f)));
    case ACTIVATION_HARD_SIGMOID:
        return vec_hard_sigmoid (x, alpha, beta);
    case ACTIVATION_MISH:
        return vec_mish (x);
    case ACTIVATION_SIGMOID:
        return vec_sigmoid (x);
    case ACTIVATION_TANH:
        return vec_tanh (x);
    case ACTIVATION_ROUND:
        return vec_min (beta, vec_max (alpha, vec_round (vec_div (x, slope))));
    case ACTIVATION_REQUANTISE:
        return vec_min (beta, vec_max (alpha, vec_round (vec_mul (vec_round (x), slope))));
    case ACTIVATION_SOFTPLUS:
        return vec_softplus (x);
    case ACTIVATION_SOFTSIGN:
        return vec_div (x, vec_add (one, vec_abs (x)));
    case ACTIVATION_THRESHOLDED_RELU:
        return vec_add (vec_if_negative (vec_sub (alpha, x), x, zero), vec_nan_of (x));
    case ACTIVATION_EXP:
        return vec_exp (x);
    case ACTIVATION_LOG:
        return vec_log (x);
    case ACTIVATION_SQRT:
        return vec_sqrt (x);
    case ACTIVATION_RECIPROCAL:
        return vec_div (one, x);
    case ACTIVATION_POWER: {
        vec power = vec_exp (vec_mul (alpha, vec_log (vec_abs (x))));
        return vec_if_negative (x, vec_mul (power, beta), power);
    }
    case ACTIVATION_KINDS:
        break;
    }
    return x;
}
#pragma GCC diagnostic pop

#endif
