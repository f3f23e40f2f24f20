/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* label_entries.h: private, names as one of the formats gives them, in any order -> a struct labels.
 *
 * labels.c says which formats there are. Each takes a text that nobody has checked, and adds what it finds. */
#ifndef CONVRELU_LABEL_ENTRIES_H
#define CONVRELU_LABEL_ENTRIES_H

#include "models/labels.h"

#include <stddef.h>

enum { LABELS_MAX = 1 << 20, LABEL_BYTES = 256 };

struct label_entry {
    size_t at;  /* of the name in `text` */
    int64_t id; /* the class, or -1: in the order of the entries */
    int place;  /* line or number of the entry, for errors */
};

struct label_entries {
    const char *path; /* for errors: report_path has been applied */
    struct error *error;
    struct label_entry *list; /* [count], of `room` */
    size_t count, room;
    char *text; /* the clean names, each with its zero: `used` of `size` bytes */
    size_t used, size;
    const char *unit;  /* "line" or "entry" */
    bool maybe_header; /* the first may be a heading: labels_fit knows the number of classes */
};

/* What a format makes of a text. */
enum label_format { LABELS_OTHER, LABELS_TAKEN, LABELS_REFUSED }; /* another format; read; an error is reported */

/* [text, end) without a byte order mark, with a zero behind it; no zero within. */
enum label_format labels_tree (const char *text, const char *end, struct label_entries *entries);  /* JSON, Python */
enum label_format labels_pbtxt (const char *text, const char *end, struct label_entries *entries); /* TensorFlow */
enum label_format labels_yaml (const char *text, const char *end, struct label_entries *entries);
enum label_format labels_table (const char *text, const char *end, struct label_entries *entries); /* CSV */
enum label_format labels_lines (const char *text, const char *end, struct label_entries *entries); /* all the rest */

/* Adds a name, made clean. What is beyond LABELS_MAX entries is passed over. false and an error: a class below zero or
 * beyond LABELS_MAX, or no memory. */
bool label_entries_add (struct label_entries *entries, int64_t id, const char *name, size_t length, int place);
/* Puts them in order. false and an error: a class is named twice, no memory. */
bool label_entries_finish (struct label_entries *entries, struct labels *labels);
void label_entries_clear (struct label_entries *entries);
/* Reports "path: reason"; LABELS_REFUSED. */
__attribute__ ((format (printf, 2, 3))) enum label_format label_entries_refuse (struct label_entries *entries,
                                                                                const char *format, ...);

/* ---- text ---- */

/* The line at *at, without its end and without blanks at both ends; false: there is none. *at moves to the next. */
struct span {
    const char *at;
    size_t length;
};
bool span_line (const char **at, const char *end, struct span *line);
struct span span_trim (struct span span);
/* A whole number at its start: how many bytes it takes, or 0. Beyond 10^18 it becomes INT64_MAX. */
size_t span_number (struct span span, int64_t *number);
bool span_is_number (struct span span, int64_t *number); /* all of it */
/* "n01440764" at its start, and no digit more. */
bool span_is_wordnet (struct span span);

#endif
