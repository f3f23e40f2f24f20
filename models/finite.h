/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* finite.h: are a network's weights numbers at all? */
#ifndef CONVRELU_MODELS_FINITE_H
#define CONVRELU_MODELS_FINITE_H

#include "engine/engine.h"
#include "models/notices.h"

/* Looks through weights and biases of convolutions and fully connected layers and what a batch norm does to a channel.
 * Where some are NaN or infinite, adds one notice with their count and the first node; a file may hold them, but what
 * it computes of them is rarely meant: then false. Charges its work, and says nothing where that is refused. Any
 * thread. */
bool finite_check (const char *path, const struct graph *graph, struct notices *notices);

#endif
