/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* large_network.h: networks written as ONNX files: one whose reading takes some time, a small one. */
#ifndef CONVRELU_TESTS_LARGE_NETWORK_H
#define CONVRELU_TESTS_LARGE_NETWORK_H

#include <stdbool.h>

/* Writes an ONNX file of 3 x 32 x 32 pixels in and 4 million classes out, 64 MB. False: it could not. */
bool large_network (const char *path);

/* Writes one of 3 x 8 x 8 pixels and 16 numbers out, of two convolutions without batch norm: the weights that are
 * packed are those of the file in every precision. False: it could not. */
bool plain_network (const char *path);

#endif
