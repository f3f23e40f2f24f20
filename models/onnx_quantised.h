/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_quantised.h: private: how integers in a file stand for real numbers, and what reads such values.
 *
 *   real number = (integer - zero) * scale
 *
 * The graph only ever holds the real numbers. A tensor that is quantised in the file keeps its integers' scale, zero
 * point and type in value.quant beside them; a constant stays as it is in the file until its floats are asked for. */
#ifndef CONVRELU_ONNX_QUANTISED_H
#define CONVRELU_ONNX_QUANTISED_H

#include "models/onnx_reader.h"

struct quantisation {
    int type;      /* ONNX's, of the integers */
    int64_t count; /* of scales and zero points: 1, or several along an axis */
    /* Of several: numbers behind the axis, places along it, places that share a scale (0: none do) and groups of
     * those. */
    int64_t inner, places, block, blocks;
    const float *scale;  /* [count]; NULL: known only while running, see `by` */
    const int32_t *zero; /* [count] */
    int parts;           /* of value.whole: what is whole is each scale divided by so many */
    /* The DynamicQuantizeLinear whose scale it is (of itself: this), or NULL: the scale is known. */
    const struct quantisation *by;
};

/* Where a node has the parameters of a quantisation. */
struct quantised_by {
    int scale, zero;           /* inputs; the zero point may be missing: 0 */
    int type;                  /* of the integers; 0: the zero point's, uint8 without one */
    const struct shape *shape; /* of what is quantised */
    int64_t axis, block;       /* of several scales */
};

/* ---- onnx_quantisation.c ---- */

/* "uint8" and so on: the least and the largest integer. False: not a type that numbers are quantised to here. */
bool onnx_integer_range (int type, int64_t *low, int64_t *high);
/* Reads and checks them; NULL and a failure. */
const struct quantisation *onnx_quantisation (struct reader *r, const struct quantised_by *by);
/* One scale and zero point, kept as long as the reader; NULL and a failure. */
struct quantisation *onnx_quantisation_of (struct reader *r, int type, float scale, int32_t zero);
bool onnx_quantisation_equal (const struct quantisation *a, const struct quantisation *b);
/* v's floats, calculated from the file's integers; they live as long as the node. NULL and a failure. */
const float *onnx_dequantise (struct reader *r, const struct value *v);
/* Constant floats -> the constant *to of q's integers. */
bool onnx_quantise_constant (struct reader *r, struct value *v, const struct quantisation *q, struct value *to);

/* ---- onnx_quantised.c ---- */

/* Whether `zero` (NULL: there is none) is that of the DynamicQuantizeLinear that made v; false and a failure
 * otherwise. */
bool onnx_check_own_zero (struct reader *r, const struct value *v, const struct value *zero);
/* The real numbers that v, integers of q's type, is by q: *to has no quantisation any more. */
bool onnx_dequantised (struct reader *r, const struct value *v, const struct quantisation *q, struct value *to);
/* Output 0 of the node is the tensor x quantised by q. */
bool onnx_set_quantised (struct reader *r, const struct value *x, const struct quantisation *q);
/* Readers of operators, whose rows are in onnx_quantised_layers.c. */
bool onnx_read_quantise (struct reader *r);
bool onnx_read_dequantise (struct reader *r);
bool onnx_read_dynamic_quantise (struct reader *r);

#endif
