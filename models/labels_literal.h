/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels_literal.h: private, a Python literal or YAML's flow style -> jansson's tree. */
#ifndef CONVRELU_LABELS_LITERAL_H
#define CONVRELU_LABELS_LITERAL_H

#include "models/label_entries.h"

#include <jansson.h>

/* The { } or [ ] that begins at `at`; `text` is where line 1 begins, for errors. Strings in either quotes with Python's
 * escapes, or bare words; numbers; tuples; comments; commas before a closing bracket. *after: what follows the bracket,
 * of which only blanks, a semicolon and comments are allowed before the next line.
 * NULL and an error: anything else, with its line; brackets deeper than 8; a key that comes twice. */
json_t *labels_literal (const char *text, const char *at, const char *end, const char **after,
                        struct label_entries *entries);

/* The string whose quote is at `at`, its escapes undone, into `to` of as many bytes + 4; *length of them. Returns what
 * is behind it, or NULL: it is not closed on its line. `doubled`: YAML's '' within single quotes. */
const char *labels_literal_string (const char *at, const char *end, bool doubled, char *to, size_t *length);

/* Adds what such a tree holds (labels_tree.c). */
enum label_format labels_tree_add (json_t *root, struct label_entries *entries);

#endif
