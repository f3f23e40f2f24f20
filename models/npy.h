/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* npy.h: reads and writes NumPy's array files, as far as they hold little-endian 32-bit floats in C order. */
#ifndef CONVRELU_NPY_H
#define CONVRELU_NPY_H

#include "engine/engine.h"

enum { NPY_RANK_MAX = 8 };

struct npy {
    float *data; /* [count], C order; made by malloc */
    size_t count;
    int rank;
    int64_t shape[NPY_RANK_MAX];
};

/* Format versions 1 and 2. false and a filled error: no such file, damaged, another type, Fortran order. */
bool npy_read (const char *path, struct npy *array, struct error *error);
/* The same of the bytes of a file; `path` is for errors. */
bool npy_parse (const char *path, const char *bytes, size_t size, struct npy *array, struct error *error);
void npy_clear (struct npy *array);

/* Writes an array that it does not change. false and a filled error when the file cannot be written. */
bool npy_write (const char *path, const float *data, int rank, const int64_t *shape, struct error *error);

#endif
