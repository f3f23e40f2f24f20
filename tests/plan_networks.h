/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan_networks.h: four networks of the families that people run, in their usual sizes, for tests of what is planned.
 *
 * A plan depends on shapes alone: all weights are zeros. */
#ifndef CONVRELU_PLAN_NETWORKS_H
#define CONVRELU_PLAN_NETWORKS_H

#include "engine/engine.h"

/* Each: 3 x 224 x 224 pixels to 1000 scores. To unref; in error when memory is short. */
struct graph *residual_network (void); /* bottlenecks, two a stage: half a ResNet-50 */
struct graph *mobile_network (void);   /* inverted residuals of MobileNetV2, one squeeze-and-excite block of V3 */
struct graph *squeeze_network (void);  /* SqueezeNet 1.1 */
struct graph *dense_network (void);    /* two dense blocks of four layers, a transition between them */

#endif
