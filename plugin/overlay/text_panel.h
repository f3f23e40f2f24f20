/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text_panel.h: a panel of lines of small text, the first one bold, with a legend below or none, at the lower end of
 * the text column. */
#ifndef CONVRELU_TEXT_PANEL_H
#define CONVRELU_TEXT_PANEL_H

#include "plugin/overlay/panel_kind.h"

/* Fills `content` and takes the room from the column. FALSE: there is not enough. lines: NULL at the end. */
gboolean text_panel_size (struct drawing *drawing, char *const *lines, gboolean legend, struct panel_content *content);
/* legend: its colours, from "little" to "much"; NULL: none. */
void text_panel_draw (const struct drawing *drawing, char *const *lines, const struct palette *legend,
                      const struct canvas *canvas);

#endif
