/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram.h: how the numbers of one tensor are spread, and the range that 255 steps are best spent on. */
#ifndef CONVRELU_HISTOGRAM_H
#define CONVRELU_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Eight bins an octave, of all floats. */
enum { HISTOGRAM_BINS = 255 * 8 };

struct histogram {
    uint64_t count[2][HISTOGRAM_BINS]; /* [1]: of negative numbers, by magnitude */
};

/* Counts x [count]: of many numbers some 65,536, evenly. Zeros are left out, as a zero point says them exactly, and
 * what is no number. One thread at a time. */
void histogram_add (struct histogram *h, const float *x, size_t count);

/* Narrows low <= 0 <= high, which hold all that was counted, to the range whose steps and cuts together have the least
 * squared error, cuts weighing three times as much: large numbers are what sure answers are made of. By search over 24
 * ends a side, 4 % apart. (Clipping for least error: Sung, Shin and Hwang, Resiliency of Deep Neural Networks under
 * Quantization, 2015.) Not finite, they stay. Takes some
 * HISTOGRAM_WORK operations. */
void histogram_narrow (const struct histogram *h, float *low, float *high);
enum { HISTOGRAM_WORK = 2 * HISTOGRAM_BINS + 24 * 24 };

#endif
