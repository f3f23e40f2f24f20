/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parameters.h: what the nodes of a graph were made with, for those who write a graph down again; convolutions, scales
 * and activations are in engine.h. Any thread, once the graph is complete. */
#ifndef CONVRELU_PARAMETERS_H
#define CONVRELU_PARAMETERS_H

#include "engine/engine.h"

/* Of a "max-pool" or "average-pool", without zero fields. False: another operation, or no such tensor. */
bool graph_pool_of (const struct graph *g, int id, struct pool *pool);
/* Of a "pick": pick->channel is the graph's and never NULL. False: another operation, or no such tensor. */
bool graph_pick_of (const struct graph *g, int id, struct pick *pick);
/* Of an "activation" of its own slopes (PReLU): [channels]. NULL: another one, or no such tensor. */
const float *graph_slopes (const struct graph *g, int id);

#endif
