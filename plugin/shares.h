/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shares.h: the score of every class after a run of the network, for what looks at more than the best few. */
#ifndef CONVRELU_SHARES_H
#define CONVRELU_SHARES_H

#include "plugin/results.h"
#include "plugin/smoothing.h"

/* Fills shares [model_classes] from the network's first output as plan_run left it: what result_take would report of
 * each class with scores=`asked`. Not finite where the network's own numbers are not. */
void shares_take (const struct network *network, enum score_kind asked, float *shares);

/* After result_take: puts the best of the smoothed scores in the result's place, where settings->appearance.smoothing
 * is above zero; else does nothing but forget. `time` of the frame, ns or GST_CLOCK_TIME_NONE. */
void result_smooth (struct result *result, struct smoothing *smoothing, const struct network *network,
                    const struct settings *settings, GstClockTime time);

#endif
