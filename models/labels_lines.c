/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_lines.c: names of classes, one a line, with or without their number or WordNet id in front.
 *
 * Names begin with numbers themselves ("7up bottle", "101 dalmatians"). A number is the class only where every line has
 * one and no two are the same; with nothing but a blank behind them ("0 tench") they must also be 0..n-1 or 1..n in any
 * order. With a colon, a tab and the like ("4: tench") there may be holes. */
#include "models/label_entries.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

struct line {
    struct span name;
    int64_t id;
};

static void advance (struct span *span, size_t bytes)
{
    *span = span_trim ((struct span) { span->at + bytes, span->length - bytes });
}

/* Takes WordNet ids off, when every line has one. */
static void strip_wordnet (struct line *lines, int count)
{
    int named = 0;
    for (int i = 0; i < count; i++) {
        struct span name = lines[i].name;
        if (name.length && !(span_is_wordnet (name) && name.length > 9))
            return;
        named += name.length > 0;
    }
    for (int i = 0; named > 1 && i < count; i++) {
        if (lines[i].name.length)
            advance (&lines[i].name, 9 + (strchr (":,;", lines[i].name.at[9]) != NULL));
    }
}

/* How many bytes the number in front takes with what parts it from the name; 0: there is none. */
static size_t number_length (struct span name, int64_t *id, bool *strong)
{
    size_t digits = span_number (name, id), at = digits;
    *strong = false;
    while (at < name.length && name.at[at] == ' ')
        at++;
    if (!digits || at == name.length)
        return 0;
    char c = name.at[at], next = at + 1 < name.length ? name.at[at + 1] : ' ';
    bool sign =
        strchr ("\t=|)", c) || (strchr (":,;", c) && !g_ascii_isdigit (next)) || (strchr (".-", c) && next == ' ');
    *strong = sign;
    return sign ? at + 1 : *id >= 0 && at > digits ? at : 0;
}

/* Whether they are 0..n-1 or 1..n, in any order. */
static bool are_all (const struct line *lines, int count, int named)
{
    char *seen = calloc ((size_t)named + 1, 1);
    bool good = seen != NULL;
    for (int i = 0; good && i < count; i++) {
        if (!lines[i].name.length)
            continue;
        good = lines[i].id >= 0 && lines[i].id <= named && !seen[lines[i].id];
        if (good)
            seen[lines[i].id] = 1;
    }
    good = good && (!seen[0] || !seen[named]);
    free (seen);
    return good;
}

/* Takes the numbers off where they are classes; *numbered: they are. False: an error is reported. */
static bool strip_numbers (struct line *lines, int count, struct label_entries *entries, bool *numbered)
{
    int named = 0, with = 0, strong = 0, without = 0;
    for (int i = 0; i < count; i++) {
        bool sign;
        if (!lines[i].name.length)
            continue;
        named++;
        if (number_length (lines[i].name, &lines[i].id, &sign))
            with++;
        else if (!without)
            without = i + 1;
        strong += sign;
    }
    *numbered = false;
    if (with < named && strong > 1 && 2 * strong > named)
        return label_entries_refuse (entries, "line %d has no number in front, unlike most lines", without), false;
    bool all = named && with == named;
    if (!all || (strong < named && (named < 2 || !are_all (lines, count, named))))
        return true;
    *numbered = true;
    for (int i = 0; i < count; i++) {
        bool sign;
        if (!lines[i].name.length)
            continue;
        advance (&lines[i].name, number_length (lines[i].name, &lines[i].id, &sign));
        if (lines[i].id < 0)
            return label_entries_refuse (entries, "line %d is for class %lld; classes are numbered from 0", i + 1,
                                         (long long)lines[i].id),
                   false;
    }
    return true;
}

/* Takes "- " off, and quotes with or without a comma behind them, where every line has them. */
static void strip_marks (struct line *lines, int count)
{
    int named = 0, dashes = 0, quotes = 0;
    for (int i = 0; i < count; i++) {
        struct span name = lines[i].name;
        named += name.length > 0;
        dashes += name.length > 2 && name.at[0] == '-' && name.at[1] == ' ';
    }
    for (int i = 0; named > 1 && dashes == named && i < count; i++) {
        if (lines[i].name.length)
            advance (&lines[i].name, 1);
    }
    for (int i = 0; i < count; i++) {
        struct span name = lines[i].name;
        name.length -= name.length > 2 && name.at[name.length - 1] == ',';
        quotes += name.length > 1 && strchr ("'\"", name.at[0]) && name.at[name.length - 1] == name.at[0];
    }
    for (int i = 0; named > 1 && quotes == named && i < count; i++) {
        struct span *name = &lines[i].name;
        if (name->length)
            *name = (struct span) { name->at + 1, name->length - 2 - (name->at[name->length - 1] == ',') };
    }
}

static bool add_lines (struct label_entries *entries, struct line *lines, int count)
{
    bool numbered, good;
    strip_wordnet (lines, count);
    if (!strip_numbers (lines, count, entries, &numbered))
        return false;
    if (numbered)
        strip_wordnet (lines, count);
    strip_marks (lines, count);
    good = true;
    for (int i = 0; good && i < count; i++) {
        if (!numbered || lines[i].id >= 0)
            good =
                label_entries_add (entries, numbered ? lines[i].id : -1, lines[i].name.at, lines[i].name.length, i + 1);
    }
    return good;
}

/* A line that is all of the file and holds commas is a list. */
static bool add_words (struct label_entries *entries, struct span line)
{
    const char *end = line.at + line.length;
    for (const char *at = line.at, *next; at <= end; at = next + 1) {
        const char *comma = memchr (at, ',', (size_t)(end - at));
        next = comma ? comma : end;
        if (!label_entries_add (entries, -1, at, (size_t)(next - at), 1))
            return false;
    }
    return true;
}

enum label_format labels_lines (const char *text, const char *end, struct label_entries *entries)
{
    int count = 0, all = 0, named = 0;
    struct span line;
    for (const char *at = text; all < LABELS_MAX && span_line (&at, end, &line);) {
        all++;
        count = line.length ? all : count;
        named += line.length > 0;
    }
    struct line *lines = calloc ((size_t)count + 1, sizeof *lines);
    if (!lines)
        return label_entries_refuse (entries, "no memory for its %d lines", count);
    for (int i = 0; i < count && span_line (&text, end, &line); i++)
        lines[i] = (struct line) { line, -1 };
    bool good = named == 1 && count == 1 && memchr (lines[0].name.at, ',', lines[0].name.length)
                    ? add_words (entries, lines[0].name)
                    : add_lines (entries, lines, count);
    free (lines);
    return good ? LABELS_TAKEN : LABELS_REFUSED;
}
