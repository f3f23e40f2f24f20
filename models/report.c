/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c: fills a struct error with one clean line of UTF-8. */
#include "models/report.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool report_hides (uint32_t c)
{
    bool control = c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029;
    bool turns =
        c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return control || turns;
}

void report_clean (char *text)
{
    const char *end;
    for (char *at = text; !g_utf8_validate (at, -1, &end); at = text + (end - text))
        text[end - text] = '?';
    char *to = text;
    for (const char *at = text, *next; *at; at = next) {
        next = g_utf8_next_char (at);
        if (report_hides (g_utf8_get_char (at)))
            *to++ = '?';
        else
            for (const char *byte = at; byte < next; byte++)
                *to++ = *byte;
    }
    *to = 0;
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
