/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.h: private, how a graph becomes a model: for what reads files and for what builds networks by code. */
#ifndef CONVRELU_NETWORK_H
#define CONVRELU_NETWORK_H

#include "models/labels.h"
#include "models/model.h"

/* Takes the graph and the labels, which `labels` no longer holds afterwards, on success and on failure. NULL and a
 * filled error when memory is short. */
struct model *network_model (const char *path, struct graph *graph, struct labels *labels,
                             const struct input_spec *input, struct error *error);

/* The size of the graph's input, and ImageNet's preparation. */
struct input_spec network_input (const struct graph *graph);

#endif
