/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit_choice.h: which channel and place of the watched layer are meant where the property `unit` leaves them open; and
 * the part of the picture that a place is made from. Belongs to the thread that draws. */
#ifndef CONVRELU_UNIT_CHOICE_H
#define CONVRELU_UNIT_CHOICE_H

#include <math.h>

#include "plugin/overlay/layer_stats.h"
#include "plugin/overlay/layout.h"
#include "plugin/overlay/overlay.h"
#include "plugin/overlay/panel.h"
#include "plugin/watched.h"

/* What a value counts for: one that is no number nothing. */
static inline float unit_value (float value)
{
    return isfinite (value) ? value : 0;
}

/* From all zero on. */
struct unit_choice {
    struct layer_stats stats; /* of the layer after its activation, while a channel is still looked for */
    int channel, y, x;
    int strongest; /* place of the largest value in the map, y * width + x */
    int steps;     /* of a walk */
    int frames;    /* seen */
    gboolean seen; /* channel, y and x are of something */
};

/* Chooses for one drawing of the layer `after`; fresh: of a frame that was not seen before.
 * channel  the named one, else that which varies most over the picture; after 30 frames it stays
 * y, x     the named place, the next one of a walk, else the strongest: that of the frame before while its value is at
 *          least 0.8 of it, so that the box does not jump */
void unit_choice_make (struct unit_choice *choice, const struct tensor *after, const struct unit_words *words,
                       gboolean fresh);
void unit_choice_clear (struct unit_choice *choice);

/* What pixel (y, x) of tensor `id` is made from, in pixels of the frame; width 0: nothing of it is seen. */
struct rectangle unit_field (const struct overlay_frame *frame, int id, int y, int x);

/* One side of a yellow box round the field, as the content of a panel; field->width > 0. */
void unit_box_side (const struct overlay_frame *frame, const struct layout *layout, const struct rectangle *field,
                    enum side side, struct panel_content *content);

enum { COLOUR_BOX = 0xffe600 }; /* of the box and of what marks the same place elsewhere */

#endif
