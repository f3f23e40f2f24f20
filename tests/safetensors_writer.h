/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safetensors_writer.h: makes safetensors files for tests, small ResNets among them. */
#ifndef CONVRELU_SAFETENSORS_WRITER_H
#define CONVRELU_SAFETENSORS_WRITER_H

#include <stdbool.h>
#include <stddef.h>

enum { WRITER_HEADER = 60000, WRITER_DATA = 1 << 17 };

/* What is to be different from a good file: every name may be NULL. */
struct writer {
    const char *dtype;     /* of all tensors; NULL: "F32" */
    const char *left_out;  /* this tensor */
    const char *renamed;   /* this tensor gets "x" behind its name */
    const char *flattened; /* this one has one dimension of as many numbers */
    const char *hollow;    /* this one has the shape 2000000000,0,3,3, which takes no bytes */
    const char *prefix;    /* of every name but the classifier's; NULL: "" */
    const char *head;      /* the classifier's name; NULL: "fc", "linear" */
    const char *metadata;  /* JSON of __metadata__ */
    char header[WRITER_HEADER];
    unsigned char data[WRITER_DATA];
    size_t used, data_used; /* bytes */
    int tensors;
};

/* A tensor of random numbers, small for weights and near 1 for "running_var". shape: "4,3,3,3". */
void writer_tensor (struct writer *w, const char *name, const char *shape);
/* One of these numbers, as many as the shape says; NULL: random. */
void writer_numbers (struct writer *w, const char *name, const char *shape, const float *numbers);

/* The CIFAR family: 3x3 stem of 4 channels, a basic block of 4, one of 7 that halves; 2 classes. */
void writer_small (struct writer *w);
/* ResNeXt: 7x7 stem, two bottlenecks with 2 groups, one more that halves; 3 classes. */
void writer_grouped (struct writer *w);

/* The whole file, malloc'd. */
unsigned char *writer_file (const struct writer *w, size_t *size);

#endif
