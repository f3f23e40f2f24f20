/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* still.h: whether anything moved in the part of the frame that the network sees, since the last frame that it ran on.
 *
 *   the view, of any format whose components are bytes -> mean luma of 28 x 28 blocks -> the largest change of one
 *                                                         and mean alpha, if the network sees it
 *
 * Luma is the frame's own, R, G and B weigh as in BT.601; all in levels of 0..255. Of a block at most 8 rows are read,
 * evenly apart, so that a frame costs about as much whatever its height: 0.02 to 0.05 ms at 640 x 480
 * (docs/measurements.md). A change of colour that leaves the luma as it is, is not seen. One thread at a time. */
#ifndef CONVRELU_STILL_H
#define CONVRELU_STILL_H

#include "plugin/frame.h"

enum { STILL_BLOCKS = 28, STILL_ROWS = 8 };
enum { STILL_LUMA = 0, STILL_ALPHA = STILL_BLOCKS * STILL_BLOCKS, STILL_MEANS = 2 * STILL_ALPHA };

struct still {
    struct rectangle from;      /* the view of the frame looked at last */
    float means[STILL_MEANS];   /* of that frame: luma [y][x], then alpha, 0 where nobody sees it */
    struct rectangle kept_from; /* of the last frame that the network ran on: */
    float kept[STILL_MEANS];    /*   its means, */
    GstClockTime moved_at;      /*   when something had last moved by then, or NONE */
    gboolean looked, has_kept;  /* FALSE: there are none */
    guint16 *sums;              /* [room] of the bytes of rows */
    gsize room;
};

void still_clear (struct still *still); /* all zero is an empty one */

/* What was kept says nothing any more: other settings, another network, another place in the stream. */
void still_forget (struct still *still);

/* Takes the means of `from` of a mapped frame, which frame_image_reads must know; `alpha`: its alpha is seen, too. */
void still_look (struct still *still, const GstVideoFrame *frame, struct rectangle from, gboolean alpha);

/* The largest change of a block from what was kept to what was looked at last; INFINITY where there is nothing to
 * compare. */
float still_change (const struct still *still);

/* Whether the network need not run on the frame looked at last: no block has moved by more than `threshold`, nor did
 * one during the last `settle` ns of running time, until when smoothed scores still move. */
gboolean still_is (const struct still *still, float threshold, GstClockTime running_time, GstClockTime settle);

/* The network runs on the frame looked at last. `threshold` as above. */
void still_keep (struct still *still, float threshold, GstClockTime running_time);

#endif
