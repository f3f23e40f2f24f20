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

/* ---- names ----------------------------------------------------------------------------------------------------- */

/* Beyond these model_label makes names up. */
static int classes_named (const struct model *model)
{
    return MIN (model_classes (model), 1 << 16);
}

static guint name_hash (gconstpointer key)
{
    guint hash = 5381;
    for (const char *c = key; *c; c++)
        hash = 33 * hash + (guchar)g_ascii_tolower (*c);
    return hash;
}

static gboolean name_equal (gconstpointer a, gconstpointer b)
{
    return g_ascii_strcasecmp (a, b) == 0;
}

GHashTable *class_names_new (const struct model *model)
{
    GHashTable *names = g_hash_table_new (name_hash, name_equal);
    for (int id = 0; id < classes_named (model); id++) {
        const char *label[2] = { model_label (model, id), model_short_label (model, id) };
        for (int i = 0; i < 2; i++)
            if (!g_hash_table_contains (names, label[i])) /* of two classes the first */
                g_hash_table_insert (names, (gpointer)label[i], GINT_TO_POINTER (id));
    }
    return names;
}

int class_choice_named (const struct network *network, const char *word)
{
    const struct model *model = network->model;
    int classes = model_classes (model);
    guint64 number;
    gpointer id;
    if (g_ascii_string_to_unsigned (word, 10, 0, (guint64)classes - 1, &number, NULL))
        return (int)number;
    if (g_hash_table_lookup_extended (network->names, word, NULL, &id))
        return GPOINTER_TO_INT (id);
    for (int i = classes_named (model); i < classes; i++)
        if (name_equal (model_label (model, i), word))
            return i;
    return -1;
}

/* ---- words ----------------------------------------------------------------------------------------------------- */

/* The class that the word names into place i. FALSE: it names none. */
static gboolean read_one (const struct network *network, const char *word, struct class_choice *choice, int i)
{
    choice->rank[i] = rank_of (word);
    choice->id[i] = choice->rank[i] ? -1 : class_choice_named (network, word);
    return choice->rank[i] > 0 || choice->id[i] >= 0;
}

void class_choice_read (const struct network *network, const char *words, struct class_choice *choice)
{
    const char *all = words && *words ? words : "top-1";
    *choice = (struct class_choice) { .count = 1 };
    if (read_one (network, all, choice, 0))
        return;
    for (const char *comma = strchr (all, ','); comma; comma = strchr (comma + 1, ',')) {
        char *first = g_strstrip (g_strndup (all, (gsize)(comma - all))), *second = g_strstrip (g_strdup (comma + 1));
        gboolean both = read_one (network, first, choice, 0) && read_one (network, second, choice, 1);
        g_free (first);
        g_free (second);
        if (both) {
            choice->count = 2;
            return;
        }
    }
    *choice = (struct class_choice) { .count = 1, .id = { -1, -1 } };
}

int class_choice_now (const struct class_choice *choice, int i, const struct calm_rows *calm)
{
    if (i >= choice->count)
        return -1;
    if (choice->rank[i] == 0)
        return choice->id[i];
    return calm && choice->rank[i] <= calm->count ? calm->ids[choice->rank[i] - 1] : -1;
}

char *channel_choice_remark (const struct network *network, const struct appearance *appearance)
{
    if (appearance->select_unknown)
        return g_strdup_printf ("channel-select \"%s\" is neither varied, strongest, changed, class, first nor a list "
                                "of channels such as 3,17,40; varied is used",
                                appearance->select_words);
    struct class_choice choice;
    class_choice_read (network, appearance->class_words, &choice);
    if (choice.rank[0] == 0 && choice.id[0] < 0)
        return g_strdup_printf ("No class of this network is \"%s\": class takes a label, a number from 0 to %d, "
                                "top-1, top-2 and so on, or two of these with a comma between",
                                appearance->class_words, model_classes (network->model) - 1);
    return NULL;
}
