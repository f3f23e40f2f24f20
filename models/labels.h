/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels.h: names of classes, from a text file or from a model's metadata. */
#ifndef CONVRELU_LABELS_H
#define CONVRELU_LABELS_H

#include "engine/engine.h"

/* Names in class order; an empty one means that the class has none. Always UTF-8 without control characters, each at most
 * 256 bytes long. */
struct labels {
    char *text;         /* all of them, each with its zero byte */
    const char **names; /* [count] in `text` */
    int count;
};

/* One name per line, LF or CR LF, with or without a byte order mark and a newline at the end. Line numbers are class
 * numbers, so that an empty line is a class without a name; empty lines at the end are dropped. What is not UTF-8 becomes
 * U+FFFD, control characters become blanks, longer names are cut. Lists whose every line begins with its own number ("17
 * jay", "17: jay") or with a WordNet id ("n01580077 jay") lose that.
 * false and a filled error: no such file (errno ENOENT), not a regular file, more than 16 MiB, empty, or UTF-16. */
bool labels_read (const char *path, struct labels *labels, struct error *error);

/* A list as exporters put it into metadata: ["a", "b"], {0: 'a', 1: 'b'}, lines, or names separated by commas.
 * false: nothing useful in it, or no memory. */
bool labels_from_metadata (const char *text, struct labels *labels);

/* Makes the list match a network of so many outputs: ImageNet networks come with 1000 classes, or with 1001 where the first is
 * the background, and so do lists. */
void labels_fit (struct labels *labels, int classes);

void labels_clear (struct labels *labels);

#endif
