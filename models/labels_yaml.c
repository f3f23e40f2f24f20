/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_yaml.c: names of classes under a key of a YAML file, as Ultralytics' data files have them:
 *
 *     names:               names:                names: [person, bicycle]     names: {0: person, 1: bicycle}
 *       0: person            - person
 *       1: bicycle           - bicycle
 */
#include "models/labels_literal.h"

#include <stdlib.h>
#include <string.h>

struct list {
    const char *at, *end; /* of the next line */
    int line;
    struct label_entries *entries;
    char *scratch;
};

static bool wrong (struct list *list, const char *what)
{
    label_entries_refuse (list->entries, "line %d: %s", list->line, what);
    return false;
}

/* What stands behind one of the keys at the start of the line; false: it is another line. */
static bool after_key (struct span line, struct span *rest)
{
    static const char *const keys[] = { "names", "labels", "classes", "class_names", "id2label" };
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        size_t length = strlen (keys[k]);
        if (line.length <= length || memcmp (line.at, keys[k], length) || line.at[length] != ':')
            continue;
        *rest = span_trim ((struct span) { line.at + length + 1, line.length - length - 1 });
        return !rest->length || strchr ("[{#", rest->at[0]);
    }
    return false;
}

/* A scalar: quoted, or bare up to a comment, into scratch. */
static bool read_scalar (struct list *list, struct span value, size_t *length)
{
    if (value.length && (value.at[0] == '"' || value.at[0] == '\'')) {
        const char *end = value.at + value.length,
                   *after = labels_literal_string (value.at, end, true, list->scratch, length);
        if (!after)
            return wrong (list, "a quote is not closed");
        struct span rest = span_trim ((struct span) { after, (size_t)(end - after) });
        return !rest.length || rest.at[0] == '#' || wrong (list, "something follows the closing quote");
    }
    const char *comment = value.length && value.at[0] == '#' ? value.at : memmem (value.at, value.length, " #", 2);
    if (comment)
        value = span_trim ((struct span) { value.at, (size_t)(comment - value.at) });
    if (value.length && (strchr ("|>&*!%@`[{", value.at[0]) || memmem (value.at, value.length, ": ", 2) ||
                         value.at[value.length - 1] == ':'))
        return wrong (list, "is no plain name");
    *length = value.length == 1 && value.at[0] == '~' ? 0 : value.length;
    memcpy (list->scratch, value.at, *length);
    return true;
}

/* "- name", or "17: name"; the first line decides which. */
static bool read_item (struct list *list, struct span line, int *kind)
{
    int64_t id = -1;
    size_t length;
    int own = line.at[0] == '-' && (line.length == 1 || line.at[1] == ' ') ? '-' : ':';
    if (*kind && own != *kind)
        return wrong (list, "is of another kind than the lines before");
    *kind = own;
    if (own == '-') {
        line.at++;
        line.length--;
    } else {
        size_t quote = line.at[0] == '"' || line.at[0] == '\'';
        size_t digits = span_number ((struct span) { line.at + quote, line.length - quote }, &id);
        size_t colon = digits + 2 * quote;
        if (!digits || colon >= line.length || (quote && line.at[colon - 1] != line.at[0]) || line.at[colon] != ':')
            return wrong (list, "is neither '- name' nor 'number: name'");
        if (id < 0)
            return wrong (list, "is for a class below zero");
        line.at += colon + 1;
        line.length -= colon + 1;
    }
    return read_scalar (list, span_trim (line), &length) &&
           label_entries_add (list->entries, id, list->scratch, length, list->line);
}

/* The lines below the key that are indented, or begin with "- ". */
static bool read_block (struct list *list)
{
    struct span line;
    int kind = 0;
    size_t indent = 0;
    for (const char *start = list->at; span_line (&list->at, list->end, &line); start = list->at) {
        list->line++;
        if (!line.length || line.at[0] == '#')
            continue;
        size_t own = (size_t)(line.at - start);
        if (own == 0 && line.at[0] != '-')
            break; /* the next key */
        if (kind && own < indent)
            break;
        if (kind && own > indent)
            return wrong (list, "is indented further than the names before");
        indent = own;
        if (!read_item (list, line, &kind))
            return false;
    }
    return list->entries->count > 0 || wrong (list, "there are no names below its key");
}

enum label_format labels_yaml (const char *text, const char *end, struct label_entries *entries)
{
    struct list list = { .at = text, .end = end, .entries = entries };
    struct span line, rest;
    const char *start = text;
    bool found = false;
    for (; !found && span_line (&list.at, end, &line); start = list.at) {
        list.line++;
        found = line.at == start && after_key (line, &rest);
    }
    if (!found)
        return LABELS_OTHER;
    if (rest.length && rest.at[0] != '#') {
        json_t *root = labels_literal (text, rest.at, end, &start, entries);
        enum label_format format = root ? labels_tree_add (root, entries) : LABELS_REFUSED;
        json_decref (root);
        return format;
    }
    list.scratch = malloc ((size_t)(end - text) + 8);
    bool good = list.scratch ? read_block (&list) : wrong (&list, "no memory for it");
    free (list.scratch);
    return good ? LABELS_TAKEN : LABELS_REFUSED;
}
