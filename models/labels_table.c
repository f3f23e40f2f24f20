/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_table.c: names of classes in a table: fields with commas, semicolons or tabs between them, quoted where they
 * hold such a sign (RFC 4180), with or without a line that names the columns.
 *
 * Names are full of commas themselves ("tench, Tinca tinca"), so that a text only counts as a table when its first line
 * names known columns, or when every line has a class number or a WordNet id in the same column. */
#include "models/label_entries.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 32 };

struct record {
    struct span fields[COLUMNS_MAX]; /* without their quotes; "" within them is still doubled */
    int count;                       /* COLUMNS_MAX + 1: too many */
    int line;                        /* where it begins */
    struct span tail;                /* from the last column that the table has to the end of the line */
};

struct table {
    const char *at, *end;
    char separator;
    int line;
    int columns; /* of the first record, 0 before it */
    bool unclosed;
};

/* One field, which ends at a separator or at the end of the line; t->at moves there. */
static struct span read_field (struct table *t)
{
    while (t->at < t->end && *t->at == ' ')
        t->at++;
    const char *start = t->at;
    if (t->at < t->end && *t->at == '"') {
        start = ++t->at;
        while (t->at < t->end && (*t->at != '"' || (t->at + 1 < t->end && t->at[1] == '"'))) {
            t->line += *t->at == '\n';
            t->at += *t->at == '"' ? 2 : 1;
        }
        t->unclosed = t->unclosed || t->at >= t->end;
        struct span inside = { start, (size_t)(t->at - start) };
        while (t->at < t->end && *t->at != t->separator && *t->at != '\n')
            t->at++;
        return inside;
    }
    while (t->at < t->end && *t->at != t->separator && *t->at != '\n')
        t->at++;
    return span_trim ((struct span) { start, (size_t)(t->at - start) });
}

/* The next line that is not blank. False: there is none. */
static bool read_record (struct table *t, struct record *record)
{
    while (t->at < t->end && g_ascii_isspace (*t->at)) /* a tab in front is an empty first field: none that matters */
        t->line += *t->at++ == '\n';
    if (t->at >= t->end)
        return false;
    record->count = 0;
    record->line = t->line;
    bool more = true;
    while (more) {
        const char *start = t->at;
        struct span field = read_field (t);
        if (record->count < COLUMNS_MAX)
            record->fields[record->count] = field;
        record->count += record->count <= COLUMNS_MAX;
        if (record->count == t->columns)
            record->tail.at = start;
        more = t->at < t->end && *t->at == t->separator;
        t->at += more;
    }
    record->tail = span_trim ((struct span) {
        record->tail.at, record->count >= t->columns && t->columns ? (size_t)(t->at - record->tail.at) : 0 });
    return true;
}

/* ---- which columns ------------------------------------------------------------------------------------------- */

/* What the heading of a column says of it, the first of a list being the best: -1 nothing. */
static int heading (struct span field, const char *const *words)
{
    char text[32];
    if (field.length >= sizeof text)
        return -1;
    for (size_t i = 0; i < field.length; i++)
        text[i] = strchr (" -.", field.at[i]) ? '_' : g_ascii_tolower (field.at[i]);
    text[field.length] = 0;
    for (int i = 0; words[i]; i++) {
        if (!strcmp (text, words[i]))
            return i;
    }
    return -1;
}

static const char *const id_words[] = { "class_id",    "class_index", "class_idx", "classid", "label_id",
                                        "label_index", "category_id", "index",     "idx",     "id",
                                        "number",      "no",          "target",    "",        "class",
                                        "label",       NULL };
static const char *const name_words[] = { "display_name", "class_name", "classname",   "label_name", "name",
                                          "names",        "label",      "labels",      "class",      "classes",
                                          "category",     "words",      "description", NULL };
static const char *const other_words[] = { "wnid",   "synset", "wordnet_id", "wordnetid",     "mid",  "supercategory",
                                           "colour", "color",  "count",      "supercategory", "code", NULL };

struct columns {
    bool headed;
    int id, name; /* -1: there is none */
};

/* What the records say of a column: all numbers, all WordNet ids. */
struct contents {
    bool numbers[COLUMNS_MAX], wordnet[COLUMNS_MAX];
    bool even; /* all records have as many fields as the first */
    int records;
};

static void look (struct table t, bool headed, struct contents *contents)
{
    struct record record;
    int64_t number;
    *contents = (struct contents) { .even = true };
    for (int c = 0; c < COLUMNS_MAX; c++)
        contents->numbers[c] = contents->wordnet[c] = true;
    for (bool first = true; read_record (&t, &record); first = false) {
        if (first && headed)
            continue;
        contents->records++;
        contents->even = contents->even && record.count == t.columns;
        for (int c = 0; c < t.columns && c < COLUMNS_MAX; c++) {
            bool there = c < record.count;
            contents->numbers[c] = contents->numbers[c] && there && span_is_number (record.fields[c], &number);
            contents->wordnet[c] =
                contents->wordnet[c] && there && span_is_wordnet (record.fields[c]) && record.fields[c].length == 9;
        }
    }
}

/* Whether the first record names columns: two at least that are known, one of them for names. */
static bool is_heading (const struct record *record)
{
    int known = 0, names = 0;
    for (int c = 0; c < record->count; c++) {
        bool name = heading (record->fields[c], name_words) >= 0;
        names += name;
        known += name || heading (record->fields[c], id_words) >= 0 || heading (record->fields[c], other_words) >= 0;
    }
    return names && known >= 2;
}

static void headed_columns (const struct record *record, const struct contents *contents, struct columns *columns)
{
    int best_id = -1, best_name = -1;
    for (int c = 0; c < record->count; c++) {
        int id = heading (record->fields[c], id_words), name = heading (record->fields[c], name_words);
        if (id >= 0 && contents->numbers[c] && (columns->id < 0 || id < best_id)) {
            best_id = id;
            columns->id = c;
        } else if (name >= 0 && !contents->numbers[c] && !contents->wordnet[c] &&
                   (columns->name < 0 || name < best_name)) {
            best_name = name;
            columns->name = c;
        }
    }
}

/* Without a heading: a column of numbers in front or at the end, or WordNet ids in front; the name is the first
 * other. */
static void bare_columns (int count, const struct contents *contents, struct columns *columns)
{
    if (!contents->even || contents->records < 2)
        return;
    for (int c = 0; c < count && columns->name < 0; c++)
        columns->name = contents->numbers[c] || contents->wordnet[c] ? -1 : c;
    bool wordnet = contents->wordnet[0];
    columns->id = contents->numbers[0] ? 0 : wordnet && contents->numbers[1] ? 1 : -1;
    if (columns->id < 0 && !wordnet && contents->numbers[count - 1])
        columns->id = count - 1;
    if (columns->id < 0 && !wordnet)
        columns->name = -1; /* only commas */
}

/* ---- all of it ----------------------------------------------------------------------------------------------- */

static bool add_record (struct label_entries *entries, const struct record *record, const struct table *t,
                        const struct columns *columns, char *scratch)
{
    int64_t id = -1;
    struct span name;
    if (record->count != t->columns && !(record->count > t->columns && columns->name == t->columns - 1))
        return label_entries_refuse (entries, "line %d has %d fields, the first line has %d", record->line,
                                     record->count, t->columns),
               false;
    if (columns->id >= 0 && (!span_is_number (record->fields[columns->id], &id) || id < 0))
        return label_entries_refuse (entries, "line %d: '%.*s' is no number of a class", record->line,
                                     (int)MIN (record->fields[columns->id].length, 40), record->fields[columns->id].at),
               false;
    name = record->count > t->columns ? record->tail : record->fields[columns->name];
    size_t length = 0;
    for (size_t i = 0; i < name.length; i++) {
        scratch[length++] = name.at[i];
        i += name.at[i] == '"' && i + 1 < name.length && name.at[i + 1] == '"';
    }
    return label_entries_add (entries, id, scratch, length, record->line);
}

static enum label_format read_table (struct table t, struct label_entries *entries)
{
    struct record record;
    struct contents contents;
    struct table start = t;
    if (!read_record (&t, &record) || record.count < 2 || record.count > COLUMNS_MAX)
        return LABELS_OTHER;
    start.columns = t.columns = record.count;
    struct columns columns = { .headed = is_heading (&record), .id = -1, .name = -1 };
    look (start, columns.headed, &contents);
    if (columns.headed)
        headed_columns (&record, &contents, &columns);
    else
        bare_columns (record.count, &contents, &columns);
    if (columns.name < 0 && !columns.headed)
        return LABELS_OTHER;
    if (columns.name < 0)
        return label_entries_refuse (entries, "line 1: none of its %d columns holds names", record.count);
    if (!columns.headed)
        t = start;
    char *scratch = malloc ((size_t)(t.end - t.at) + 1);
    bool good = scratch || (label_entries_refuse (entries, "no memory for it"), false);
    while (good && read_record (&t, &record)) {
        if (t.unclosed)
            label_entries_refuse (entries, "line %d: a quote is not closed", record.line);
        good = !t.unclosed && add_record (entries, &record, &t, &columns, scratch);
    }
    free (scratch);
    if (good && !entries->count)
        return label_entries_refuse (entries, "holds no labels but a heading");
    return good ? LABELS_TAKEN : LABELS_REFUSED;
}

enum label_format labels_table (const char *text, const char *end, struct label_entries *entries)
{
    static const char separators[] = "\t;,";
    enum label_format format = LABELS_OTHER;
    for (int i = 0; separators[i] && format == LABELS_OTHER; i++)
        format = read_table ((struct table) { .at = text, .end = end, .separator = separators[i], .line = 1 }, entries);
    return format;
}
