/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qdq_private.h: private: what is decided for each tensor (qdq.c), and how it is written (qdq_nodes.c). */
#ifndef CONVRELU_QDQ_PRIVATE_H
#define CONVRELU_QDQ_PRIVATE_H

#include "models/onnx_write.h"
#include "models/qdq.h"

#include <glib.h>

/* What becomes of a tensor of the graph. */
struct decision {
    int readers, reader; /* how many nodes read it; one of them */
    int convolution;     /* of a batch norm that goes into its weights: that one's id; else its own id */
    bool folded;         /* it goes into its reader's weights and is not written */
    bool plain;          /* stays float */
    bool quantised;
    float scale;
    int zero;
    /* The values that others read, as 1 x channels x height x width and, of a vector, as 1 x channels; NULL: not
     * written yet. Of quantised ones, dequantised. */
    const char *map, *flat;
};

struct qdq_writer {
    const struct graph *g;
    int tensors;
    struct decision *of; /* [tensors] */
    struct onnx_writer *w;
    GHashTable *names; /* of values, so that each is used once */
    struct qdq_file *file;
    const char *path;
    struct error *error;
};

bool qdq_is_vector (const struct graph *g, int id);
bool qdq_is_output (const struct graph *g, int id);

/* Writes the node that makes tensor `id`, which qdq_opset knows, and what quantises it. False and a filled error. */
bool qdq_node (struct qdq_writer *q, int id);
/* Gives output `id` its own name and shape. */
void qdq_output (struct qdq_writer *q, int id);
/* The opset that this tensor's operator came with, 13 or later; 0: ONNX has none. */
int qdq_opset (const struct graph *g, int id);

#endif
