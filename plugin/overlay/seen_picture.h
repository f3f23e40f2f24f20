/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seen_picture.h: the picture as the network sees it, out of its input's numbers. No state: any thread. */
#ifndef CONVRELU_SEEN_PICTURE_H
#define CONVRELU_SEEN_PICTURE_H

#include "plugin/overlay/overlay.h"

/* The colour, 0xRRGGBB, of pixel (y, x) of the network's input; what lies outside is black. Networks of one channel
 * see grey. */
guint32 seen_pixel (const struct overlay_frame *frame, int y, int x);
/* How light it is, 0..255. */
int seen_light (const struct overlay_frame *frame, int y, int x);

#endif
