/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c: fills a struct error with one clean line of UTF-8. */
#include "models/report.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void report_clean (char *text)
{
    const char *end;
    for (char *at = text; !g_utf8_validate (at, -1, &end); at = text + (end - text))
        text[end - text] = '?';
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

bool report (struct error *error, const char *format, ...)
{
    if (!error || error->text[0])
        return false;
    va_list list;
    va_start (list, format);
    vsnprintf (error->text, sizeof error->text, format, list);
    va_end (list);
    report_clean (error->text);
    return false;
}

const char *report_path (const char *path)
{
    const size_t most = 200; /* of the 512 bytes of an error */
    size_t length = strlen (path);
    if (length <= most)
        return path;
    const char *tail = path + length - most;
    const char *name = strchr (tail, '/'); /* whole names where that is possible */
    return name && name[1] ? name + 1 : tail;
}
