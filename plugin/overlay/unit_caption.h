/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit_caption.h: what overlay=unit says of its detector. No state: any thread. */
#ifndef CONVRELU_UNIT_CAPTION_H
#define CONVRELU_UNIT_CAPTION_H

#include <glib.h>

struct unit_facts {
    const char *layer; /* its name as the drawing writes it */
    int channel, channels;
    int field_height, field_width, picture_height, picture_width; /* pixels of the network's input */
    float strongest; /* answer in this frame, at the place of the box; not above 0: it answers nowhere */
    float most;      /* answer since the start */
    float zero;      /* share of the places, 0..1, that answer 0; `sign`: less than 0 */
    gboolean sign;   /* there are answers below 0 */
    gboolean box;    /* there is a box on the frame */
};

struct unit_caption {
    char title[160], field[96], answer[96], map[64], zero[48], time[32], patches[64];
};

void unit_caption_write (struct unit_caption *caption, const struct unit_facts *facts);

/* "+0.38", "−7.57", "0": with a sign that is as wide as a digit. */
void caption_number (char *text, gsize size, double value);

#endif
