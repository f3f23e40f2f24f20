/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* label_entries.c: names as one of the formats gives them, in any order -> a struct labels. */
#include "models/label_entries.h"

#include "models/report.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one name ------------------------------------------------------------------------------------------------ */

/* Writes at most LABEL_BYTES - 1 bytes and a zero; returns how many before the zero. Characters are never cut in
 * two; space of any kind becomes a blank, what must not be shown (report_hides) U+FFFD. */
static size_t write_clean (char *to, const char *from, size_t length)
{
    size_t used = 0;
    for (size_t size; length; from += size, length -= size) {
        gunichar c = g_utf8_get_char_validated (from, (gssize)length);
        bool good = c < 0x110000, space = good && c < 0x80 && g_ascii_isspace ((char)c);
        const char *shown = space ? " " : good && !report_hides (c) ? from : "\xef\xbf\xbd";
        size = good ? (size_t)g_unichar_to_utf8 (c, NULL) : 1;
        size_t own = space ? 1 : shown == from ? size : 3;
        if (used + own > LABEL_BYTES - 1)
            break;
        memcpy (to + used, shown, own);
        used += own;
    }
    to[used] = 0;
    return used;
}

/* ---- text ---------------------------------------------------------------------------------------------------- */

struct span span_trim (struct span span)
{
    while (span.length && g_ascii_isspace (span.at[0])) {
        span.at++;
        span.length--;
    }
    while (span.length && g_ascii_isspace (span.at[span.length - 1]))
        span.length--;
    return span;
}

bool span_line (const char **at, const char *end, struct span *line)
{
    if (*at >= end)
        return false;
    const char *newline = memchr (*at, '\n', (size_t)(end - *at));
    *line = span_trim ((struct span) { *at, (size_t)((newline ? newline : end) - *at) });
    *at = newline ? newline + 1 : end;
    return true;
}

size_t span_number (struct span span, int64_t *number)
{
    size_t sign = span.length && span.at[0] == '-', length = sign;
    int64_t value = 0;
    for (; length < span.length && g_ascii_isdigit (span.at[length]); length++)
        value = value > INT64_MAX / 100 ? INT64_MAX : value * 10 + (span.at[length] - '0');
    *number = sign ? -value : value;
    return length > sign ? length : 0;
}

bool span_is_number (struct span span, int64_t *number)
{
    size_t length = span_number (span, number);
    return length && length == span.length;
}

bool span_is_wordnet (struct span span)
{
    if (span.length < 9 || span.at[0] != 'n')
        return false;
    for (int i = 1; i < 9; i++) {
        if (!g_ascii_isdigit (span.at[i]))
            return false;
    }
    return span.length == 9 || !g_ascii_isalnum (span.at[9]);
}

/* ---- a list -------------------------------------------------------------------------------------------------- */

enum label_format label_entries_refuse (struct label_entries *entries, const char *format, ...)
{
    char reason[400];
    va_list list;
    va_start (list, format);
    vsnprintf (reason, sizeof reason, format, list);
    va_end (list);
    report (entries->error, "%s: %s", entries->path, reason);
    return LABELS_REFUSED;
}

static bool grow (void **block, size_t *room, size_t wanted, size_t each)
{
    if (wanted <= *room)
        return true;
    size_t more = wanted + wanted / 2 + 64;
    void *larger = realloc (*block, more * each);
    if (!larger)
        return false;
    *block = larger;
    *room = more;
    return true;
}

bool label_entries_add (struct label_entries *entries, int64_t id, const char *name, size_t length, int place)
{
    struct span clean = span_trim ((struct span) { name, length });
    if (entries->count >= LABELS_MAX)
        return true;
    if (id < -1 || id >= LABELS_MAX) {
        label_entries_refuse (entries, "%s %d is for class %lld; classes are numbered from 0 to %d", entries->unit,
                              place, (long long)id, LABELS_MAX - 1);
        return false;
    }
    size_t worst = clean.length < LABEL_BYTES / 3 ? 3 * clean.length + 1 : LABEL_BYTES;
    void *list = entries->list, *text = entries->text;
    bool good = grow (&list, &entries->room, entries->count + 1, sizeof *entries->list);
    entries->list = list;
    good = grow (&text, &entries->size, entries->used + worst, 1) && good;
    entries->text = text;
    if (!good) {
        label_entries_refuse (entries, "no memory for its labels");
        return false;
    }
    entries->list[entries->count++] = (struct label_entry) { entries->used, id, place };
    entries->used += write_clean (entries->text + entries->used, clean.at, clean.length) + 1;
    return true;
}

bool label_entries_finish (struct label_entries *entries, struct labels *labels)
{
    int64_t count = 0, least = INT64_MAX;
    bool named = false;
    bool numbered = entries->count && entries->list[0].id >= 0;
    for (size_t i = 0; i < entries->count; i++) {
        if (!numbered)
            entries->list[i].id = (int64_t)i;
        int64_t id = entries->list[i].id;
        least = id < least ? id : least;
        count = id >= count ? id + 1 : count;
        named = named || entries->text[entries->list[i].at];
    }
    if (!named) {
        label_entries_refuse (entries, "holds no labels");
        return false;
    }
    *labels = (struct labels) { .text = entries->text,
                                .count = (int)count,
                                .names = calloc ((size_t)count + 1, sizeof *labels->names),
                                .from_one = numbered && least == 1,
                                .maybe_header = entries->maybe_header };
    entries->text = NULL;
    if (!labels->names || !labels->text) {
        label_entries_refuse (entries, "no memory for its labels");
        return false;
    }
    for (size_t i = 0; i < entries->count; i++) {
        const struct label_entry *entry = &entries->list[i];
        if (labels->names[entry->id]) {
            label_entries_refuse (entries, "%s %d is for class %lld, which has a name already: '%.60s'", entries->unit,
                                  entry->place, (long long)entry->id, labels->names[entry->id]);
            return false;
        }
        labels->names[entry->id] = labels->text + entry->at;
    }
    for (int i = 0; i < labels->count; i++)
        labels->names[i] = labels->names[i] ? labels->names[i] : "";
    return true;
}

void label_entries_clear (struct label_entries *entries)
{
    free (entries->list);
    free (entries->text);
}
