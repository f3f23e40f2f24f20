/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model_private.h: how a graph becomes a model: for what reads files and for what builds networks by code. */
#ifndef CONVRELU_MODEL_PRIVATE_H
#define CONVRELU_MODEL_PRIVATE_H

#include "models/labels.h"
#include "models/model.h"

/* Takes the graph and the labels, which `labels` no longer holds afterwards, on success and on failure. NULL and a
 * filled error when memory is short. */
struct model *model_of_graph (const char *path, struct graph *graph, struct labels *labels,
                              const struct input_spec *input, struct error *error);

/* The size of the graph's input, and ImageNet's preparation. */
struct input_spec model_input_of_graph (const struct graph *graph);

#endif
