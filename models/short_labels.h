/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* short_labels.h: names short enough to be drawn, no two of them the same. */
#ifndef CONVRELU_SHORT_LABELS_H
#define CONVRELU_SHORT_LABELS_H

/* ImageNet's labels are lists of synonyms: "tench, Tinca tinca". Each is cut at its first comma, unless that leaves
 * what another is called too ("face, close-up" beside "face"): then at its second, then not at all. Names that are
 * equal as a whole carry their number: "crane (134)".
 *
 * Takes names [count], none NULL; gives [count] strings of the names that are to be another than they are, NULL for the
 * others. n log n comparisons. NULL: no memory. */
char **short_labels (const char *const *names, int count);
void short_labels_free (char **shortened, int count); /* NULL is fine */

#endif
