/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* large_network.h: a network whose reading takes some time. */
#ifndef CONVRELU_TESTS_LARGE_NETWORK_H
#define CONVRELU_TESTS_LARGE_NETWORK_H

#include <stdbool.h>

/* Writes an ONNX file of 3 x 32 x 32 pixels in and 4 million classes out, 64 MB. False: it could not. */
bool large_network (const char *path);

#endif
