/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* feature_maps.h: how many mosaics there are to be arranged, and of which shape. */
#ifndef CONVRELU_FEATURE_MAPS_H
#define CONVRELU_FEATURE_MAPS_H

#include "plugin/overlay/overlay.h"
#include "plugin/overlay/layout.h"

/* Fills `shapes` for the frame's properties and network. */
void feature_maps_shapes (const struct overlay_frame *frame, struct map_shapes *shapes);

#endif
