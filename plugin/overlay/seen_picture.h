/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* seen_picture.h: the picture as the network sees it, out of its input's numbers. No state: any thread. */
#ifndef CONVRELU_SEEN_PICTURE_H
#define CONVRELU_SEEN_PICTURE_H

#include "plugin/overlay/overlay.h"

/* rgb [rows][columns], 0xRRGGBB: `part` of the network's input in so many pixels, each the nearest one of the input;
 * what lies outside is black. Networks of one channel see grey. */
void seen_colours (const struct overlay_frame *frame, const struct rectangle *part, guint32 *rgb, int columns,
                   int rows);
/* All of it, 0xRRGGBB, to rgb [height][width]: as it is, or grey at two fifths of its light. */
void seen_whole (const struct overlay_frame *frame, guint32 *rgb, int width, int height);
void seen_darkened (const struct overlay_frame *frame, guint32 *rgb, int width, int height);

#endif
