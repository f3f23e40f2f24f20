/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.h: how the readers fill a struct error.
 *
 * Messages quote names from untrusted files, and end up in terminals and in GStreamer messages, which must be UTF-8. */
#ifndef CONVRELU_REPORT_H
#define CONVRELU_REPORT_H

#include "engine/engine.h"

/* Writes the message unless `error` is NULL or holds one already (the first error is the one that explains). Control
 * characters and what is not UTF-8 become '?'. Always returns false. */
__attribute__ ((format (printf, 2, 3))) bool report (struct error *error, const char *format, ...);

/* The path, or so much of its end that it leaves room for the reason. */
const char *report_path (const char *path);

/* Whether a character must not be shown: it controls a terminal, ends a line or turns the direction of text, so that
 * what is read is not what is there. */
bool report_hides (uint32_t character);

/* Replaces such characters and bytes that are not UTF-8 by '?', in place. */
void report_clean (char *text);

#endif
