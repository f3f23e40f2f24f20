/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notices.h: private, what a user should know of a model that was loaded all the same. */
#ifndef CONVRELU_NOTICES_H
#define CONVRELU_NOTICES_H

#include "engine/engine.h"

enum { NOTICES_MAX = 8 }; /* a file decides how many there are to tell of, not how many are told */

struct notices {
    struct error list[NOTICES_MAX]; /* [count] sentences, cut to what an error holds; clean as errors are (report.h) */
    int count;
};

/* Adds a sentence; beyond NOTICES_MAX it is dropped. */
__attribute__ ((format (printf, 2, 3))) void notices_add (struct notices *notices, const char *format, ...);

#endif
