/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* overlay.h: a network that has just run -> the drawing on the frame, as a GstVideoOverlayComposition.
 *
 *   plan's taps, result, times -> panels (panel_kind.h), one rectangle each -> composition
 *
 * The composition, its rectangles and their pixels stay the same objects while nothing changes. Belongs to the
 * streaming thread, or to whichever one thread at a time draws. */
#ifndef CONVRELU_OVERLAY_H
#define CONVRELU_OVERLAY_H

#include <gst/video/video.h>

#include "plugin/frame.h"
#include "plugin/network.h"
#include "plugin/overlay/layer_stats.h"
#include "plugin/overlay/properties.h"
#include "plugin/overlay/targets.h"
#include "plugin/results.h"
#include "plugin/smoothing.h"
#include "plugin/timing.h"

/* One frame to draw on. */
struct overlay_frame {
    const struct appearance *appearance;
    const struct network *network; /* that said `result`; its taps hold that run */
    const struct result *result;
    GstClockTime time; /* of the frame that the result is of, any that grows with the stream; NONE: draw what it says */
    guint top_k;       /* as the properties say, for the rows, which are smoothed */
    float threshold;
    enum score_kind scores;
    struct overlay_times times;
    const struct input_spec *input; /* how its pixels became the network's input; NULL: as the model says */
    int width, height;              /* of the frame */
    struct view view;               /* what the network saw of it */
    const GArray *found, *memory;   /* regions of it, matched (region_memory.h); found NULL: its result is of it all */
};

struct overlay;

struct overlay *overlay_new (void);
void overlay_free (struct overlay *overlay);

/* Another network, another plan of it, or another stream: forgets everything about the one before. */
void overlay_reset (struct overlay *overlay);

/* Another place in the stream: what was seen before it no longer counts. */
void overlay_jump (struct overlay *overlay);

/* What to put on the frame, or NULL: nothing. The overlay keeps the reference. */
GstVideoOverlayComposition *overlay_draw (struct overlay *overlay, const struct overlay_frame *frame);

/* The classes that the last overlay_draw wrote, best first, valid until the next; NULL: none yet. */
const struct calm_rows *overlay_rows (const struct overlay *overlay);

/* What stands where in what the last overlay_draw drew, or NULL: nothing was drawn yet. The overlay keeps the
 * reference. */
struct targets *overlay_targets (const struct overlay *overlay);

/* Fills figures [LAYERS_MAX]; returns how many. network: the one drawn last, or NULL: none runs. */
int overlay_figures (const struct overlay *overlay, const struct network *network, struct layer_figures *figures);

#endif
