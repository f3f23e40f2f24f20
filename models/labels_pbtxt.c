/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_pbtxt.c: names of classes in TensorFlow's label map: item { id: 1 name: "/m/01g317" display_name: "person"
 * } */
#include "models/labels_literal.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct item {
    int64_t id; /* -1: not said */
    char *name; /* display_name where there is one */
    bool displayed;
};

struct label_map {
    const char *at, *end;
    int line;
    char *scratch;
    struct label_entries *entries;
};

static void skip_blanks (struct label_map *m)
{
    while (m->at < m->end && (g_ascii_isspace (*m->at) || *m->at == '#' || *m->at == ',' || *m->at == ';')) {
        if (*m->at == '#') {
            const char *newline = memchr (m->at, '\n', (size_t)(m->end - m->at));
            m->at = newline ? newline : m->end;
        } else {
            m->line += *m->at++ == '\n';
        }
    }
}

static struct span word (struct label_map *m)
{
    const char *start = m->at;
    while (m->at < m->end && (g_ascii_isalnum (*m->at) || strchr ("_-+.", *m->at)))
        m->at++;
    return (struct span) { start, (size_t)(m->at - start) };
}

static bool wrong (struct label_map *m, const char *what)
{
    label_entries_refuse (m->entries, "line %d: %s", m->line, what);
    return false;
}

static bool is_word (struct span span, const char *text)
{
    return span.length == strlen (text) && !memcmp (span.at, text, span.length);
}

/* key: value */
static bool read_field (struct label_map *m, struct item *item)
{
    struct span key = word (m), value;
    skip_blanks (m);
    if (!key.length || m->at >= m->end || *m->at != ':')
        return wrong (m, "is no 'key: value' of a label map's item");
    m->at++;
    skip_blanks (m);
    if (m->at < m->end && (*m->at == '"' || *m->at == '\'')) {
        size_t length;
        const char *after = labels_literal_string (m->at, m->end, false, m->scratch, &length);
        if (!after)
            return wrong (m, "a quote is not closed");
        m->at = after;
        m->scratch[length] = 0; /* there is room for it */
        value = (struct span) { m->scratch, length };
    } else {
        value = word (m);
    }
    if (is_word (key, "id"))
        return (span_is_number (value, &item->id) && item->id >= 0) || wrong (m, "the id is no number of a class");
    bool displayed = is_word (key, "display_name");
    if (displayed || (is_word (key, "name") && !item->displayed)) {
        free (item->name);
        item->name = strndup (value.at, value.length);
        item->displayed = displayed;
        return item->name || wrong (m, "no memory for a name");
    }
    return true;
}

static bool read_item (struct label_map *m)
{
    struct item item = { .id = -1 };
    int line = m->line;
    bool good = true;
    for (skip_blanks (m); good && m->at < m->end && *m->at != '}'; skip_blanks (m))
        good = read_field (m, &item);
    if (good && m->at >= m->end)
        good = wrong (m, "the file ends within an item");
    m->at++;
    if (good && (item.id < 0 || !item.name)) {
        label_entries_refuse (m->entries, "line %d: an item has no %s", line, item.id < 0 ? "id" : "name");
        good = false;
    }
    good = good && label_entries_add (m->entries, item.id, item.name, strlen (item.name), line);
    free (item.name);
    return good;
}

/* "item {", "item: {" or "item" alone; *at moves behind the bracket. */
static bool begins_item (struct label_map *m)
{
    skip_blanks (m);
    if (!is_word (word (m), "item"))
        return false;
    skip_blanks (m);
    if (m->at < m->end && *m->at == ':')
        m->at++;
    skip_blanks (m);
    return m->at < m->end && *m->at++ == '{';
}

enum label_format labels_pbtxt (const char *text, const char *end, struct label_entries *entries)
{
    struct label_map m = { .at = text, .end = end, .line = 1, .entries = entries };
    if (!begins_item (&m))
        return LABELS_OTHER;
    m.scratch = malloc ((size_t)(end - text) + 8);
    bool good = m.scratch || wrong (&m, "no memory for it");
    while (good) {
        good = read_item (&m);
        skip_blanks (&m);
        if (!good || m.at >= end)
            break;
        good = begins_item (&m) || wrong (&m, "is not 'item {'");
    }
    free (m.scratch);
    return good ? LABELS_TAKEN : LABELS_REFUSED;
}
