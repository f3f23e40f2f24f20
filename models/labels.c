/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels.c: names of classes, from a text file or from a model's metadata.
 *
 * Takes bytes that nobody has checked; gives UTF-8 names that may be shown, drawn and put into messages. A file is gone
 * through twice: to count lines and bytes, then to write the clean names one after the other into one block. */
#include "models/labels.h"

#include "models/file.h"
#include "models/report.h"

#include <ctype.h>
#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_MAX = 16 << 20, /* bytes */
    NAME_BYTES = 256,
    LABELS_MAX = 1 << 20
};

static const char *const background = "background";

/* ---- one name ------------------------------------------------------------------------------------------------ */

/* Writes at most NAME_BYTES - 1 bytes and a zero; returns how many before the zero. Characters are never cut in two. */
static size_t write_clean (char *to, const char *from, size_t length)
{
    size_t used = 0;
    while (length) {
        const char *bad;
        g_utf8_validate (from, (gssize)length, &bad);
        size_t valid = (size_t)(bad - from);
        size_t room = NAME_BYTES - 1 - used, take = valid < room ? valid : room;
        while (take < valid && take && ((unsigned char)from[take] & 0xc0) == 0x80)
            take--;
        memcpy (to + used, from, take);
        used += take;
        if (take < valid || used + 3 > NAME_BYTES - 1)
            break;
        from += valid;
        length -= valid;
        if (length) { /* one byte that begins no character */
            memcpy (to + used, "\xef\xbf\xbd", 3);
            used += 3;
            from++;
            length--;
        }
    }
    for (size_t i = 0; i < used; i++) {
        if ((unsigned char)to[i] < ' ' || to[i] == 0x7f)
            to[i] = ' ';
    }
    to[used] = 0;
    return used;
}

/* The same without blanks at both ends. */
static size_t write_name (char *to, const char *from, size_t length)
{
    while (length && g_ascii_isspace (from[0])) {
        from++;
        length--;
    }
    while (length && g_ascii_isspace (from[length - 1]))
        length--;
    return write_clean (to, from, length);
}

/* ---- a list -------------------------------------------------------------------------------------------------- */

static bool labels_alloc (struct labels *labels, int count, size_t bytes)
{
    labels->text = malloc (bytes);
    labels->names = calloc ((size_t)count + 1, sizeof *labels->names);
    labels->count = count;
    if (labels->text && labels->names)
        return true;
    labels_clear (labels);
    return false;
}

void labels_clear (struct labels *labels)
{
    free (labels->text);
    free (labels->names);
    *labels = (struct labels) { 0 };
}

/* Where a name without its own number, or without its WordNet id, begins; NULL when it has none. */
static const char *after_number (const char *name, int number)
{
    char *end;
    if (!g_ascii_isdigit (name[0]) || g_ascii_strtoull (name, &end, 10) != (guint64)number)
        return NULL;
    if (*end != ':' && *end != ' ')
        return NULL;
    return end + 1 + strspn (end + 1, " ");
}

static const char *after_wordnet (const char *name, int number)
{
    (void)number;
    return name[0] == 'n' && strspn (name + 1, "0123456789") == 8 && name[9] == ' ' ? name + 10 : NULL;
}

/* Cuts the beginning off, when every name has it. */
static void strip (struct labels *labels, const char *after (const char *name, int number))
{
    int named = 0;
    for (int i = 0; i < labels->count; i++) {
        if (labels->names[i][0] && !after (labels->names[i], i))
            return;
        named += labels->names[i][0] != 0;
    }
    for (int i = 0; named > 1 && i < labels->count; i++) {
        if (labels->names[i][0])
            labels->names[i] = after (labels->names[i], i);
    }
}

/* ---- text files ---------------------------------------------------------------------------------------------- */

/* The line at `at`, without its end; *next is where the one behind it begins. */
static size_t line_length (const char *at, const char *end, const char **next)
{
    const char *newline = memchr (at, '\n', (size_t)(end - at));
    *next = newline ? newline + 1 : end;
    return (size_t)((newline ? newline : end) - at);
}

static bool is_blank (const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!g_ascii_isspace (line[i]))
            return false;
    }
    return true;
}

/* Lines up to the last that is not blank, at most LABELS_MAX; *bytes is room enough for their names. */
static int count_lines (const char *text, const char *end, size_t *bytes)
{
    int lines = 0, named = 0;
    *bytes = 1;
    for (const char *at = text, *next; at < end && lines < LABELS_MAX; at = next) {
        size_t length = line_length (at, end, &next), worst = 3 * length;
        *bytes += (worst < NAME_BYTES ? worst : NAME_BYTES) + 1;
        lines++;
        if (!is_blank (at, length))
            named = lines;
    }
    return named;
}

/* false: no memory. */
static bool parse_lines (const char *text, size_t size, struct labels *labels)
{
    const char *end = text + size, *next;
    if (size >= 3 && !memcmp (text, "\xef\xbb\xbf", 3))
        text += 3;
    size_t bytes;
    int count = count_lines (text, end, &bytes);
    if (!labels_alloc (labels, count, bytes))
        return false;
    char *to = labels->text;
    for (int i = 0; i < count; i++, text = next) {
        size_t length = line_length (text, end, &next);
        labels->names[i] = to;
        to += write_name (to, text, length) + 1;
    }
    strip (labels, after_number);
    strip (labels, after_wordnet);
    return true;
}

bool labels_read (const char *path, struct labels *labels, struct error *error)
{
    *labels = (struct labels) { 0 };
    size_t size;
    char *text = file_read (path, FILE_MAX, &size, error);
    if (!text)
        return false;
    bool wide = size >= 2 && (!memcmp (text, "\xff\xfe", 2) || !memcmp (text, "\xfe\xff", 2));
    const char *zero = memchr (text, 0, size);
    if (wide)
        report (error, "%s: is UTF-16 text; labels are read as UTF-8", report_path (path));
    else if (zero)
        report (error, "%s: is not a text file: byte %zu of %zu is zero", report_path (path), (size_t)(zero - text),
                size);
    else if (!parse_lines (text, size, labels))
        report (error, "%s: no memory for its %zu bytes", report_path (path), size);
    else if (!labels->count)
        report (error, "%s: holds no labels (%zu bytes)", report_path (path), size);
    free (text);
    if (labels->count)
        return true;
    labels_clear (labels);
    errno = EINVAL;
    return false;
}

/* ---- metadata ------------------------------------------------------------------------------------------------ */

/* The string that begins with the quote at `at`, its escapes undone, into `to` of as many bytes; returns what is behind. */
static const char *quoted (const char *at, char *to)
{
    char quote = *at++;
    while (*at && *at != quote) {
        if (*at == '\\' && at[1])
            at++;
        *to++ = *at++;
    }
    *to = 0;
    return *at ? at + 1 : at;
}

/* {0: 'a', "1": "b"} or ["a", "b"]: a number or string before a colon is the class of the string behind it. */
static void parse_list (const char *text, char *scratch, struct labels *labels, int most)
{
    char *to = labels->text;
    guint64 next = 0;
    for (const char *at = text; *at;) {
        bool string = *at == '\'' || *at == '"';
        char *end;
        if (string)
            at = quoted (at, scratch);
        else if (g_ascii_isdigit (*at)) {
            next = g_ascii_strtoull (at, &end, 10);
            at = end;
        } else
            at++;
        if (!string)
            continue;
        if (at[strspn (at, " ")] == ':') {
            next = g_ascii_strtoull (scratch, NULL, 10);
            continue;
        }
        if (next >= (guint64)most)
            continue;
        labels->names[next] = to;
        to += write_name (to, scratch, strlen (scratch)) + 1;
        labels->count = (int)next >= labels->count ? (int)next + 1 : labels->count;
        next++;
    }
}

bool labels_from_metadata (const char *text, struct labels *labels)
{
    *labels = (struct labels) { 0 };
    size_t length = strlen (text);
    text += strspn (text, " \t\r\n");
    if (length > FILE_MAX)
        return false;
    if (*text != '[' && *text != '{') {
        char *lines = strdup (text);
        if (lines && !strchr (lines, '\n'))
            g_strdelimit (lines, ",", '\n');
        bool good = lines && parse_lines (lines, strlen (lines), labels) && labels->count;
        free (lines);
        return good;
    }
    int most = length < LABELS_MAX ? (int)length + 1 : LABELS_MAX;
    char *scratch = malloc (length + 1);
    bool good = scratch && labels_alloc (labels, most, 4 * length + NAME_BYTES);
    if (good) {
        labels->count = 0;
        parse_list (text, scratch, labels, most);
        for (int i = 0; i < labels->count; i++)
            labels->names[i] = labels->names[i] ? labels->names[i] : "";
    }
    free (scratch);
    if (good && labels->count)
        return true;
    labels_clear (labels);
    return false;
}

/* ---- fitting ------------------------------------------------------------------------------------------------- */

void labels_fit (struct labels *labels, int classes)
{
    bool first_is_none = labels->count && (!g_ascii_strcasecmp (labels->names[0], background) ||
                                           !g_ascii_strcasecmp (labels->names[0], "dummy"));
    if (labels->count == 1001 && classes == 1000 && first_is_none) {
        labels->count--;
        memmove (labels->names, labels->names + 1, (size_t)labels->count * sizeof *labels->names);
    } else if (labels->count == 1000 && classes == 1001) {
        /* labels_alloc leaves one entry more */
        memmove (labels->names + 1, labels->names, (size_t)labels->count * sizeof *labels->names);
        labels->names[0] = background;
        labels->count++;
    }
}
