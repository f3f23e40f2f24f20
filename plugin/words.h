/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* words.h: what the drawing says: the captions of layers and heat, the lines of figures. */
#ifndef CONVRELU_WORDS_H
#define CONVRELU_WORDS_H

#include "plugin/network.h"
#include "plugin/overlay.h"
#include "plugin/panels.h"

/* Caption of a chosen layer before or after its activation; `watch` has looked at that tensor. Leaves words->palette. */
void words_of_layer (struct mosaic_words *words, const struct network *network, int layer, gboolean pre,
                     const struct layer_watch *watch);

/* Lines, NULL at the end: g_strfreev. */
char **words_of_stats (const struct overlay_times *times, const struct network *network,
                       const struct layer_figures *figures, int count);
/* class_id -1: no class is above the threshold; cut: the network saw a part of the picture only. */
char **words_of_heat (const struct network *network, int class_id, gboolean cut);

#endif
