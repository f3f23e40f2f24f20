/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_choice.h: the words of the properties `channel-select` and `class`. No state: any thread. */
#ifndef CONVRELU_CHANNEL_CHOICE_H
#define CONVRELU_CHANNEL_CHOICE_H

#include "plugin/network.h"
#include "plugin/smoothing.h"

/* One class, or two to be shown side by side. */
struct class_choice {
    int count;   /* 1 or 2 */
    int rank[2]; /* n of top-n; 0: the class is a fixed one, */
    int id[2];   /* this, or -1: there is no such class */
};

/* Of each class its label, whole and as the drawing shortens it, upper or lower case, to its number: GINT_TO_POINTER.
 * The strings are the model's, which must live as long. */
GHashTable *class_names_new (const struct model *model);

/* `words` (NULL: top-1): top-1, top-2 and so on, a number from 0 on, or a label, whole or as the drawing shortens it,
 * upper or lower case; or two of these with a comma between, where the whole is no label. */
void class_choice_read (const struct network *network, const char *words, struct class_choice *choice);
/* The class that one such word names, but for top-n; -1: none. */
int class_choice_named (const struct network *network, const char *word);
/* Class i of them; top-n is taken from the rows `calm` (NULL: none yet). -1: there is none. */
int class_choice_now (const struct class_choice *choice, int i, const struct calm_rows *calm);

/* What to warn of: a word of channel-select or class that means nothing to this network. NULL: nothing; else
 * g_free. */
char *channel_choice_remark (const struct network *network, const struct appearance *appearance);

#endif
