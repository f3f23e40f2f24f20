/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.c: how alike two names are: by the fewest changes that make one of the other; see nearest.h. */
#include "models/nearest.h"

#include <glib.h>
#include <string.h>

enum { NAME_MAX_COMPARED = 63 };

int nearest_distance (const char *a, const char *b)
{
    int row[NAME_MAX_COMPARED + 1], columns = (int)MIN (strlen (b), NAME_MAX_COMPARED);
    for (int j = 0; j <= columns; j++)
        row[j] = j;
    for (int i = 0; i < NAME_MAX_COMPARED && a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < columns; j++) {
            int change = diagonal + (g_ascii_tolower (a[i]) != g_ascii_tolower (b[j]));
            diagonal = row[j + 1];
            row[j + 1] = MIN (change, MIN (row[j], diagonal) + 1);
        }
    }
    return row[columns];
}

int nearest_unlikeness (const char *word, const char *name)
{
    char *w = g_ascii_strdown (word, -1), *n = g_ascii_strdown (name, -1);
    gboolean inside = strstr (n, w) || strstr (w, n);
    g_free (w);
    g_free (n);
    return inside ? 0 : 1 + nearest_distance (word, name);
}

int nearest_take (int *unlikeness, int count)
{
    int best = -1;
    for (int i = 0; i < count; i++)
        if (unlikeness[i] != NEAREST_NEVER && (best < 0 || unlikeness[i] < unlikeness[best]))
            best = i;
    if (best >= 0)
        unlikeness[best] = NEAREST_NEVER;
    return best;
}
