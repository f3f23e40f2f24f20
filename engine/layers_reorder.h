/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers_reorder.h: steps between the caller's planar order (NCHW) and the engine's blocks of 16 channels (nChw16c). */
#ifndef CONVRELU_LAYERS_REORDER_H
#define CONVRELU_LAYERS_REORDER_H

#include "engine/schedule.h"

/* The caller's input -> a step's output in blocks. */
void layers_reorder_to_blocked (struct execution *e, const struct step *step);
/* A step's input -> its planar output. */
void layers_reorder_to_planar (struct execution *e, const struct step *step);

#endif
