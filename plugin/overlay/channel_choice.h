/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_choice.h: the words of the properties `channel-select` and `class`. No state: any thread. */
#ifndef CONVRELU_CHANNEL_CHOICE_H
#define CONVRELU_CHANNEL_CHOICE_H

#include "plugin/network.h"
#include "plugin/smoothing.h"

/* The class that `words` name: top-1, top-2 ... of the rows `calm` (NULL: none yet), a number from 0 on, or a label,
 * whole or as the drawing shortens it, upper or lower case. -1: there is none. */
int class_chosen (const struct network *network, const char *words, const struct calm_rows *calm);

/* What to warn of: a word of channel-select or class that means nothing to this network. NULL: nothing; else
 * g_free. */
char *channel_choice_remark (const struct network *network, const struct appearance *appearance);

#endif
