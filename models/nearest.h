/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nearest.h: which of many names somebody who mistyped one might have meant. Any thread; nothing is kept. */
#ifndef CONVRELU_NEAREST_H
#define CONVRELU_NEAREST_H

#include <limits.h>

enum {
    NEAREST_SHOWN = 5,      /* as many as a sentence bears */
    NEAREST_NEVER = INT_MAX /* the unlikeness of what must not be named */
};

/* How many characters to change, add or leave out, capitals or not: of the first 63 bytes of each. */
int nearest_distance (const char *a, const char *b);
/* How unlike the two are: 0 when one contains the other, else 1 and more. */
int nearest_unlikeness (const char *word, const char *name);
/* The place of the smallest, the first of equals, which becomes NEAREST_NEVER; -1 when all are. */
int nearest_take (int *unlikeness, int count);

#endif
