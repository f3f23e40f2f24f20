/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* channel_choice.c: words -> a class of the network; see channel_choice.h. */
#include "plugin/overlay/channel_choice.h"

#include <string.h>

/* The n of "top-n"; 0: it is another word. */
static int rank_of (const char *word)
{
    static const char top[] = "top-";
    guint64 rank;
    if (strncmp (word, top, sizeof top - 1) != 0 ||
        !g_ascii_string_to_unsigned (word + sizeof top - 1, 10, 1, SMOOTHING_ROWS_MAX, &rank, NULL))
        return 0;
    return (int)rank;
}

static int class_by_name (const struct model *model, const char *word)
{
    int classes = model_classes (model);
    guint64 number;
    if (g_ascii_string_to_unsigned (word, 10, 0, (guint64)classes - 1, &number, NULL))
        return (int)number;
    for (int id = 0; id < classes; id++)
        if (g_ascii_strcasecmp (model_label (model, id), word) == 0 ||
            g_ascii_strcasecmp (model_short_label (model, id), word) == 0)
            return id;
    return -1;
}

int class_chosen (const struct network *network, const char *words, const struct calm_rows *calm)
{
    const char *word = words && *words ? words : "top-1";
    int rank = rank_of (word);
    if (rank == 0)
        return class_by_name (network->model, word);
    return calm && rank <= calm->count ? calm->ids[rank - 1] : -1;
}

char *channel_choice_remark (const struct network *network, const struct appearance *appearance)
{
    if (appearance->select_unknown)
        return g_strdup_printf ("channel-select \"%s\" is neither varied, strongest, changed, class, first nor a list "
                                "of channels such as 3,17,40; varied is used",
                                appearance->select_words);
    const char *word = appearance->class_words;
    if (word && *word && rank_of (word) == 0 && class_by_name (network->model, word) < 0)
        return g_strdup_printf ("No class of this network is \"%s\": class takes a label, a number from 0 to %d, or "
                                "top-1, top-2 and so on",
                                word, model_classes (network->model) - 1);
    return NULL;
}
