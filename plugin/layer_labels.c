/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_labels.c: what exporters write round a layer's name is left out, and of the rest as much as is not needed to
 * tell it from the others; see layer_labels.h. */
#include "plugin/layer_labels.h"

#include <string.h>

/* Names with more parts or letters than people write stay as they are. Labels of more than so many letters do not fit
 * beside a shape (layout.c). */
enum { PARTS_MAX = 16, LETTERS_MAX = 255, LABEL_LETTERS = 14 };

struct parts {
    char **part; /* NULL at the end; the operator, if any, is not among them */
    guint count;
};

/* "Relu", "Relu_output_0", "Relu_1_output_0", "BatchNormalization:0": the operator and the number of its output. */
static gboolean names_operator (const char *part)
{
    if (!g_ascii_isupper (*part))
        return FALSE;
    const char *rest = part;
    while (g_ascii_isalpha (*rest))
        rest++;
    if (*rest == '\0')
        return TRUE;
    if (*rest == '_' && g_ascii_isdigit (rest[1]))
        for (rest++; g_ascii_isdigit (*rest);)
            rest++;
    if (g_str_has_prefix (rest, "_output_"))
        rest += strlen ("_output_");
    else if (*rest == ':')
        rest++;
    else
        return *rest == '\0';
    return *rest && strspn (rest, "0123456789") == strlen (rest);
}

/* "features" before "features.1" says nothing that this does not. */
static gboolean repeated (const char *part, const char *next)
{
    gsize length = strlen (part);
    return strncmp (part, next, length) == 0 && next[length] == '.';
}

static struct parts split (const char *name)
{
    struct parts parts = { .count = 0 };
    if (strlen (name) > LETTERS_MAX) {
        parts.part = g_new0 (char *, 2);
        parts.part[parts.count++] = g_strdup (name);
        return parts;
    }
    char **all = g_strsplit (name, "/", -1);
    guint end = g_strv_length (all);
    parts.part = g_new0 (char *, end + 2);
    if (end > 1 && names_operator (all[end - 1]))
        end--;
    for (guint i = 0; i < end; i++)
        if (*all[i] && !(i + 1 < end && repeated (all[i], all[i + 1])))
            parts.part[parts.count++] = g_strdup (all[i]);
    g_strfreev (all);
    if (parts.count == 0 || parts.count > PARTS_MAX) {
        g_strfreev (parts.part);
        parts.part = g_new0 (char *, 2);
        parts.part[0] = g_strdup (name);
        parts.count = 1;
    }
    return parts;
}

/* The parts from `first` on, `count` of them. */
static char *join (const struct parts *parts, guint first, guint count)
{
    GString *text = g_string_new (NULL);
    for (guint i = first; i < first + count && i < parts->count; i++)
        g_string_append_printf (text, "%s%s", i > first ? "/" : "", parts->part[i]);
    return g_string_free (text, FALSE);
}

static guint count_of (GHashTable *counts, const char *key)
{
    return GPOINTER_TO_UINT (g_hash_table_lookup (counts, key));
}

static void count_one (GHashTable *counts, char *key)
{
    g_hash_table_insert (counts, key, GUINT_TO_POINTER (count_of (counts, key) + 1));
}

/* How many parts at the front are the same in all names, so that each keeps one. */
static guint parts_in_common (const struct parts *parts, guint count)
{
    for (guint common = 0;; common++)
        for (guint i = 0; i < count; i++) {
            gboolean last = parts[i].count < common + 2;
            if (count < 2 || last || strcmp (parts[i].part[common], parts[0].part[common]) != 0)
                return common;
        }
}

/* As few of the parts as nobody else begins with; else the whole name. */
static char *shortest (const struct parts *parts, guint first, const char *name, GHashTable *counts)
{
    for (guint n = 1; n <= parts->count - first; n++) {
        char *label = join (parts, first, n);
        if (count_of (counts, label) == 1)
            return label;
        g_free (label);
    }
    /* Others go on from here, or differ in the operator only. */
    char *label = join (parts, first, parts->count - first);
    const char *slash = strrchr (name, '/');
    char *end = g_strdup (slash && names_operator (slash + 1) ? slash + 1 : "");
    char *number = strstr (end, "_output_");
    if (number)
        *number = '\0';
    char *longer = *end ? g_strdup_printf ("%s/%s", label, end) : g_strdup (label);
    g_free (end);
    g_free (label);
    return longer;
}

/* A long label with the least of what tells it from others: "features.4/block.2/scale_activation" ->
 * "4/scale_activation", its first part without the word in front of the number, unless that ends in a number too, and
 * its last. NULL: it is not that long, or has no such parts. */
static char *squeezed (const char *label)
{
    const char *slash = strchr (label, '/'), *last = strrchr (label, '/');
    if (!slash || g_utf8_strlen (label, -1) <= LABEL_LETTERS)
        return NULL;
    const char *dot = memchr (label, '.', (gsize)(slash - label));
    const char *from = dot && dot > label && g_ascii_isalpha (dot[-1]) && g_ascii_isdigit (dot[1]) ? dot + 1 : label;
    if (from == label && slash == last)
        return NULL;
    return g_strdup_printf ("%.*s%s", (int)(slash - from), from, last);
}

/* Squeezes the long labels that stay different from all others. */
static void squeeze (char **labels, guint count)
{
    GHashTable *uses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    char **shorter = g_new0 (char *, count + 1);
    for (guint i = 0; i < count; i++) {
        shorter[i] = squeezed (labels[i]);
        count_one (uses, g_strdup (labels[i]));
        if (shorter[i])
            count_one (uses, g_strdup (shorter[i]));
    }
    for (guint i = 0; i < count; i++) {
        if (shorter[i] && count_of (uses, shorter[i]) == 1) {
            g_free (labels[i]);
            labels[i] = g_steal_pointer (&shorter[i]);
        }
        g_free (shorter[i]);
    }
    g_free (shorter);
    g_hash_table_unref (uses);
}

/* A label that is another one's too, or another one's name, gives way to the name. */
static void settle (char **labels, const char *const *names, guint count)
{
    GHashTable *uses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < count; i++) {
        count_one (uses, g_strdup (labels[i]));
        if (strcmp (labels[i], names[i]) != 0)
            count_one (uses, g_strdup (names[i]));
    }
    for (guint i = 0; i < count; i++) {
        if (count_of (uses, labels[i]) < 2)
            continue;
        g_free (labels[i]);
        labels[i] = g_strdup (names[i]);
    }
    g_hash_table_unref (uses);
}

char **layer_labels_new (const char *const *names, guint count)
{
    char **labels = g_new0 (char *, count + 1);
    struct parts *parts = g_new0 (struct parts, count + 1);
    GHashTable *counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < count; i++)
        parts[i] = split (names[i]);
    guint first = count > 0 ? parts_in_common (parts, count) : 0;
    for (guint i = 0; i < count; i++)
        for (guint n = 1; n <= parts[i].count - first; n++)
            count_one (counts, join (&parts[i], first, n));
    for (guint i = 0; i < count; i++)
        labels[i] = shortest (&parts[i], first, names[i], counts);
    squeeze (labels, count);
    settle (labels, names, count);
    for (guint i = 0; i < count; i++)
        g_strfreev (parts[i].part);
    g_hash_table_unref (counts);
    g_free (parts);
    return labels;
}

void layer_labels_free (char **labels, guint count)
{
    for (guint i = 0; labels && i < count; i++)
        g_free (labels[i]);
    g_free (labels);
}

char *layer_label (const char *name)
{
    struct parts parts = split (name);
    char *label = join (&parts, 0, parts.count);
    g_strfreev (parts.part);
    return label;
}
