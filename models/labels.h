/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels.h: names of classes, from a text file or from a model's metadata. */
#ifndef CONVRELU_LABELS_H
#define CONVRELU_LABELS_H

#include "engine/engine.h"

/* Names in class order; an empty one means that the class has none. Always UTF-8 without control characters, each at
 * most 256 bytes long. */
struct labels {
    char *text;         /* all of them, each with its zero byte */
    const char **names; /* [count] in `text` */
    int count;
    bool from_one;     /* the file numbers its classes and the first is 1: names[0] is empty, see labels_fit */
    bool maybe_header; /* the first may be a heading */
    char *source;      /* the file they came from, as errors call it; NULL: made by code */
};

/* The formats that people keep names in, told apart by content, with LF or CR LF, with or without a byte order mark:
 *
 *     one name a line                      the line is the class; empty lines are classes without a name
 *     0 tench | 0: tench | n01440764 tench the number is the class, a WordNet id is taken off (labels_lines.c)
 *     JSON, Python literals                lists, maps by number or by name, "id2label" (labels_tree.c)
 *     CSV with a heading or without        (labels_table.c)
 *     YAML, TensorFlow's .pbtxt            names: ... (labels_yaml.c), item { id: 1 ... } (labels_pbtxt.c)
 *
 * Classes that are not mentioned have no name. What is not UTF-8 becomes U+FFFD, and so do control
 * characters and those that turn the direction of text; longer names are cut.
 * false and a filled error that names file and line or entry: no such file (errno ENOENT), not a regular file, more
 * than 16 MiB (4 MiB of JSON or Python), empty, UTF-16, an HTML page, damaged, a class named twice or beyond a
 * million. */
bool labels_read (const char *path, struct labels *labels, struct error *error);

/* The same of a file that nobody named, beside a model (file_read_side). */
bool labels_read_side (const char *path, struct labels *labels, struct error *error);

/* The same of the bytes of a file, text[size] with a zero byte behind them; `path` is for errors. */
bool labels_parse (const char *path, const char *text, size_t size, struct labels *labels, struct error *error);

/* A list as exporters put it into metadata: any of these, or names separated by commas; `path` is for errors.
 * false and a filled error: nothing useful in it, or no memory. */
bool labels_from_metadata (const char *path, const char *text, struct labels *labels, struct error *error);

/* Makes the list match a network of so many outputs: ImageNet networks come with 1000 classes, or with 1001 where the
 * first is the background, and so do lists. A list that counts from one moves down where that makes it fit. */
void labels_fit (struct labels *labels, int classes);

void labels_clear (struct labels *labels);

#endif
