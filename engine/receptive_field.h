/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* receptive_field.h: where in the graph's input pixels of a tensor look. */
#ifndef CONVRELU_RECEPTIVE_FIELD_H
#define CONVRELU_RECEPTIVE_FIELD_H

#include "engine/engine.h"

/* Where the pixels of a tensor look in the graph's input: the window of pixel (y, x) is centred on the input's pixel
 * (top + y step_y, left + x step_x). False: it does not come from the input by windows along one way. */
struct grid {
    double top, left, step_y, step_x;
};
bool graph_grid (const struct graph *g, int id, struct grid *grid);

/* Pixels of a plane, the last ones included. */
struct field {
    int top, left, bottom, right;
};

/* In: pixels of tensor `id`; out: those of the graph's input that they are made from, through
 * every branch. False, and *field as it was: there
 * are none, no such tensor, or memory is short. Allocates a field for each tensor up to `id` and frees them; any
 * thread, once the graph is complete. */
bool graph_receptive_field (const struct graph *g, int id, struct field *field);

#endif
