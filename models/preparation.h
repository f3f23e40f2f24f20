/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* preparation.h: the units that people give mean and std in. */
#ifndef CONVRELU_PREPARATION_H
#define CONVRELU_PREPARATION_H

#include "models/model.h"

enum { COLOURS = 3 }; /* channels that mean and std are given for */

/* Makes mean and std, as a person or a side file gave them, numbers for pixels of 0..255: those for pixels of 0..1, as
 * most training code has them, are multiplied by 255 in place. NULL: not given, what is used in its place is for
 * 0..255. `remark` (or NULL) becomes a sentence where they were multiplied, and where mean and std contradict each
 * other and were left; else it becomes empty. Returns whether they were multiplied. The rule and its reasons are in
 * preparation.c. */
bool preparation_to_pixels (float mean[COLOURS], float std[COLOURS], struct error *remark);

/* From the order RGB to BGR and back. */
void preparation_turn (float values[COLOURS]);

#endif
