/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* caption_text.h: what the drawing says: captions of layers and of heat, lines of figures, names of classes. */
#ifndef CONVRELU_CAPTION_TEXT_H
#define CONVRELU_CAPTION_TEXT_H

#include "plugin/network.h"
#include "plugin/overlay/layer_stats.h"
#include "plugin/smoothing.h"
#include "plugin/timing.h"

/* What is written over the maps of a layer, but for the figure that goes with each frame. */
struct layer_caption {
    const char *role, *name; /* the network's; role is "early", "middle", "late" or "" */
    char shape[48];          /* "64 × 56 × 56": channels, height, width */
    char source[64];         /* what the values come from: "conv + BN", "after ReLU" */
    const char *moment;      /* "before" or "after", of its activation; "" where there is none */
    gboolean pre;            /* before the activation */
    gboolean sign;           /* there may be values below zero */
    gboolean cuts;           /* the activation makes zero of what is below: the zeros are counted, else what is below */
};

/* Of a chosen layer, before or after its activation; valid as long as the network. */
void caption_of_layer (struct layer_caption *caption, const struct network *network, int layer, gboolean pre);

/* "ReLU", "GELU": the activation that runs in a layer; "" where there is none. */
const char *caption_activation (const struct network *network, const struct layer *layer);

/* Of 0 .. 1: "42 %"; "< 1 %" and "> 99 %" of what would be rounded to none or all. */
void caption_share (char *text, gsize size, double share);

/* "after ReLU: 75 % active", "conv + BN: 37 % below 0"; stats: of that tensor. */
void caption_fact (char *text, gsize size, const struct layer_caption *caption, const struct layer_stats *stats);

/* What the last colour of a map stands for: with `both` stages "one scale before and after", else "each map to its own
 * max". */
const char *caption_scale (gboolean both);

/* What layers of that depth answer to: of "early" "edges, colours"; "" of another word. */
const char *caption_role (const char *role);

/* "% active, 17 layers", "% active, 24 of 49" */
void caption_strip (char *text, gsize size, int shown, int layers);

/* Lines, NULL at the end: g_strfreev. */
char **caption_stats (const struct overlay_times *times, const struct network *network,
                      const struct layer_figures *figures, int count);
/* class_id -1: `nothing`, caption_nothing; cut: the network saw a part of the picture only. */
char **caption_heat (const struct network *network, int class_id, const char *nothing, gboolean cut);

/* Over channels that were chosen for one class or for two: "adds most to: sunflower". */
void caption_class_channels (char *text, gsize size, const struct network *network, const struct channel_wish *wish);

/* Whether the best class says anything. The built-in network calls what it does not know background, or gives
 * nothing 30 % of its trust; once it knows something, 25 % are enough (`before`: it did). Another network is taken
 * at its word. */
gboolean caption_knows (const struct network *network, const struct calm_rows *calm, gboolean before);

/* What to say where there is no class to show: "nothing above 50 %", or "nothing I know" where there would be some.
 * NULL: there is something. The caller frees it. */
char *caption_nothing (const struct calm_rows *calm, gboolean known, float threshold);

/* A class with its score. */
struct label_row {
    char text[128], share[16]; /* share "": a remark, without a bar */
    double part;               /* of the bar, 0..1 */
};

/* The rows of the labels panel, at most `room` >= 1 of them, the last one "+ 3 more" where they are cut. Returns how
 * many; rows [SMOOTHING_ROWS_MAX + 1]. `nothing`: see caption_nothing. */
int caption_rows (struct label_row *rows, int room, const struct network *network, const struct calm_rows *calm,
                  const char *nothing);

#endif
