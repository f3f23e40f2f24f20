/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* short_labels.c: names short enough to be drawn, no two of them the same.
 *
 * Round after round the names that are left are cut a comma later than before, and sorted: those that stand alone are
 * done. Names cut in different rounds hold different numbers of commas, so they need no comparison. */
#include "models/short_labels.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3 }; /* cut at the first comma, at the second, not at all */

struct form {
    const char *name; /* whole */
    size_t length;    /* of what is kept */
    int index;
};

/* How much of the name stands before its comma number `round`, without blanks at the end; all of it in the last
 * round. */
static size_t cut_length (const char *name, int round)
{
    size_t length = 0, whole = strlen (name);
    for (int commas = 0; round < ROUNDS - 1 && commas <= round && length < whole; commas++) {
        size_t start = length + (length > 0 || name[0] == ','); /* a comma in front of all cuts nothing off */
        length = start + strcspn (name + start, ",");
    }
    if (round == ROUNDS - 1 || length >= whole)
        return whole;
    while (length > 1 && name[length - 1] == ' ')
        length--;
    return length;
}

static int compare (const void *left, const void *right)
{
    const struct form *a = left, *b = right;
    int order = memcmp (a->name, b->name, a->length < b->length ? a->length : b->length);
    if (order)
        return order;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static bool same (const struct form *a, const struct form *b)
{
    return a->length == b->length && !memcmp (a->name, b->name, a->length);
}

/* What the form says, with its number when another class has the very same name. False: no memory. */
static bool settle (char **shortened, const struct form *form, bool twin)
{
    size_t size = form->length + 16;
    if (!twin && !form->name[form->length])
        return true;
    char *text = shortened[form->index] = malloc (size);
    if (!text)
        return false;
    if (twin)
        snprintf (text, size, "%.*s (%d)", (int)form->length, form->name, form->index);
    else
        snprintf (text, size, "%.*s", (int)form->length, form->name);
    return true;
}

/* Forms [count] that are the same. Those that are whole names, or alone, are done; the others are kept for the next
 * round: moved to `left`, *kept of them. False: no memory. */
static bool settle_group (char **shortened, const struct form *group, int count, struct form *left, int *kept)
{
    int whole = 0;
    for (int i = 0; i < count; i++)
        whole += !group[i].name[group[i].length];
    for (int i = 0; i < count; i++) {
        struct form form = group[i];
        bool is_whole = !form.name[form.length];
        if (!is_whole && count > 1)
            left[(*kept)++] = form;
        else if (!settle (shortened, &form, is_whole && whole > 1))
            return false;
    }
    return true;
}

static bool shorten (char **shortened, struct form *forms, int count)
{
    for (int round = 0; round < ROUNDS && count; round++) {
        int kept = 0;
        for (int i = 0; i < count; i++)
            forms[i].length = cut_length (forms[i].name, round);
        qsort (forms, (size_t)count, sizeof *forms, compare);
        for (int i = 0, next; i < count; i = next) {
            for (next = i + 1; next < count && same (&forms[i], &forms[next]);)
                next++;
            if (!settle_group (shortened, forms + i, next - i, forms,
                               &kept)) /* kept <= i: nothing unread is overwritten */
                return false;
        }
        count = kept;
    }
    return true;
}

char **short_labels (const char *const *names, int count)
{
    char **shortened = calloc ((size_t)count + 1, sizeof *shortened);
    struct form *forms = calloc ((size_t)count + 1, sizeof *forms);
    bool good = shortened && forms;
    for (int i = 0; good && i < count; i++)
        forms[i] = (struct form) { .name = names[i], .index = i };
    good = good && shorten (shortened, forms, count);
    free (forms);
    if (good)
        return shortened;
    short_labels_free (shortened, count);
    return NULL;
}

void short_labels_free (char **shortened, int count)
{
    for (int i = 0; shortened && i < count; i++)
        free (shortened[i]);
    free (shortened);
}
