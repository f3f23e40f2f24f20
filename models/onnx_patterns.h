/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_patterns.h: private: what finds patterns of nodes asks of them; all of it before any node is read. */
#ifndef CONVRELU_ONNX_PATTERNS_H
#define CONVRELU_ONNX_PATTERNS_H

#include "models/onnx_reader.h"

bool onnx_node_is (const struct reader *r, int node, const char *operation);
/* The node that makes a value that only one place reads, if it is of this operator; else -1. */
int onnx_made_by (const struct reader *r, int value, const char *operation);
/* The value that is input `index` of the node, or -1. */
int onnx_node_input (const struct reader *r, int node, int index);

/* If the node is the last of a normalisation: notes which one, and that the others are absorbed. */
void onnx_try_norm (struct reader *r, int node);

#endif
