/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* notices.c: sentences about a model, at most NOTICES_MAX of them. */
#include "models/notices.h"

#include "models/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void notices_add (struct notices *notices, const char *format, ...)
{
    if (notices->count == NOTICES_MAX)
        return;
    struct error *to = &notices->list[notices->count];
    va_list list;
    va_start (list, format);
    vsnprintf (to->text, sizeof to->text, format, list);
    va_end (list);
    report_clean (to->text);
    for (int i = 0; i < notices->count; i++)
        if (!strcmp (notices->list[i].text, to->text))
            return;
    notices->count++;
}
