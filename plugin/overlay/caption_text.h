/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* caption_text.h: what the drawing says: the captions of layers and heat, the lines of figures. */
#ifndef CONVRELU_CAPTION_TEXT_H
#define CONVRELU_CAPTION_TEXT_H

#include "plugin/network.h"
#include "plugin/overlay/overlay.h"
#include "plugin/overlay/panels.h"
#include "plugin/smoothing.h"

/* Caption of a chosen layer before or after its activation; `watch` has looked at that tensor. Leaves words->palette and words->beside. */
void words_of_layer (struct mosaic_words *words, const struct network *network, int layer, gboolean pre,
                     const struct layer_watch *watch);

/* Lines, NULL at the end: g_strfreev. */
char **words_of_stats (const struct overlay_times *times, const struct network *network,
                       const struct layer_figures *figures, int count);
/* class_id -1: `nothing`, words_of_nothing; cut: the network saw a part of the picture only. */
char **words_of_heat (const struct network *network, int class_id, const char *nothing, gboolean cut);

/* "70 %", "< 1 %" */
void words_of_share (char *text, gsize size, double share);

/* Whether the best class says anything. The built-in network calls what it does not know background, or gives nothing
 * 30 % of its trust; once it knows something, 25 % are enough (`before`: it did). Another network is taken at its word. */
gboolean words_know (const struct network *network, const struct calm_rows *calm, gboolean before);

/* What to say where there is no class to show: "nothing above 50 %", or "nothing I know" where there would be some. NULL:
 * there is something. */
char *words_of_nothing (const struct calm_rows *calm, gboolean known, float threshold);

/* The rows of the labels panel, at most `room` >= 1 of them, the last one "+ 3 more" where they are cut. Returns how
 * many; rows [SMOOTHING_ROWS_MAX + 1]. `nothing`: see words_of_nothing. */
int words_of_rows (struct label_row *rows, int room, const struct network *network, const struct calm_rows *calm,
                   const char *nothing);

#endif
