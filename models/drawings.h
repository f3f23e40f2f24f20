/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drawings.h: pictures made by code, whose edges and areas are distributed as those of photographs: what a network is
 * shown where nobody has pictures to calibrate it with. */
#ifndef CONVRELU_DRAWINGS_H
#define CONVRELU_DRAWINGS_H

#include <stdint.h>

enum { DRAWINGS = 8 };

/* Drawing `index` (0 .. DRAWINGS - 1) as rows of red, green, blue: rgb [height][width][3]. The same bytes on every
 * machine. Any thread. */
void drawings_draw (int index, int width, int height, uint8_t *rgb);

#endif
