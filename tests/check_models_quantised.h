/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_quantised.h: what the tests of quantised files share. */
#ifndef CONVRELU_CHECK_MODELS_QUANTISED_H
#define CONVRELU_CHECK_MODELS_QUANTISED_H

#include "tests/check_models.h"

enum { UINT8 = 2, INT8 = 3, INT32 = 6, NUMBERS_MAX = 4096 };

struct scheme {
    int type, zero;
    float scale;
};

/* What ONNX says that QuantizeLinear and DequantizeLinear make of one number of 8 bits. */
int quantise (float x, const struct scheme *s);
double real (int q, const struct scheme *s);

/* An initializer of integers; 8 bits each unless int32. */
void write_integers (struct onnx *o, const char *name, int type, const char *dims, const int *numbers, size_t count);
/* Scale "name_s" and zero point "name_z". */
void write_scheme (struct onnx *o, const char *name, const struct scheme *s);
/* What `o` makes of input, against expected, within slack steps of so much beside single precision. */
void check_numbers (const char *what, struct onnx *o, const float *input, const float *expected, size_t count,
                    double slack);

void check_quantised_forms (void); /* check_models_quantised_forms.c */

#endif
