/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* algorithm.h: how convolution steps are computed. */
#ifndef CONVRELU_ALGORITHM_H
#define CONVRELU_ALGORITHM_H

#include "engine/step.h"

/* Which packing a convolution step gets. `planar`: its input is the caller's. */
enum packing algorithm_choose (const struct preparation *p, const struct record *step, enum algorithm wanted,
                               bool planar);
/* Then, with step->packed in place: staging, segments, runs, bands, work items and scratch. False: memory short. */
bool algorithm_shape (struct preparation *p, struct record *step);
/* Whether `then`, which alone reads the convolution `step`, is better made from its rows as they come. */
bool algorithm_fuses (const struct record *step, const struct record *then);
/* Prepares it, with step->then set. False: memory short. */
bool algorithm_fuse (struct preparation *p, struct record *step);

#endif
