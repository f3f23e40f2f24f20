/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* labels.c: names of classes, from a text file or from a model's metadata.
 *
 * Takes bytes that nobody has checked; gives UTF-8 names that may be shown, drawn and put into messages. The formats
 * are tried in turn: each says whether a text is its own. */
#include "models/labels.h"

#include "engine/work.h"
#include "models/file.h"
#include "models/label_entries.h"
#include "models/report.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 16 << 20 }; /* bytes */
enum { BYTE_STEPS = 20 };     /* to try every format on a byte, jansson among them */

static const char *const background = "background";

void labels_clear (struct labels *labels)
{
    free (labels->text);
    free (labels->source);
    free (labels->names);
    *labels = (struct labels) { 0 };
}

/* A page that was saved where the file it shows was meant. */
static bool is_page (const char *text, const char *end)
{
    static const char *const starts[] = { "<!doctype", "<html", "<?xml" };
    struct span line = span_trim ((struct span) { text, (size_t)(end - text) });
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (line.length > 9 && !g_ascii_strncasecmp (line.at, starts[i], strlen (starts[i])))
            return true;
    }
    return false;
}

/* Whether the first line is what people call a column of names: labels_fit decides, by the number of classes. */
static bool may_be_heading (const char *text, const char *end)
{
    static const char *const words[] = { "name",  "names",   "label",      "labels",
                                         "class", "classes", "class_name", "category" };
    struct span line = { text, 0 };
    if (!span_line (&text, end, &line))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (line.length == strlen (words[i]) && !g_ascii_strncasecmp (line.at, words[i], line.length))
            return true;
    }
    return line.length > 2 && line.at[0] == '#' && line.at[1] == ' ';
}

static bool read_text (const char *path, const char *text, size_t size, struct labels *labels, struct error *error)
{
    static enum label_format (*const formats[]) (const char *, const char *,
                                                 struct label_entries *) = { labels_tree, labels_pbtxt, labels_yaml,
                                                                             labels_table, labels_lines };
    const char *end = text + size;
    struct label_entries entries = { .path = report_path (path), .error = error, .unit = "line" };
    if (size >= 3 && !memcmp (text, "\xef\xbb\xbf", 3))
        text += 3;
    char refusal[100];
    if (!work_spend (BYTE_STEPS * size))
        return report (error, "%s: %s", report_path (path), work_refusal (refusal));
    if (is_page (text, end))
        return report (error, "%s: is a web page, not a list of labels", report_path (path));
    enum label_format format = LABELS_OTHER;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0] && format == LABELS_OTHER; i++) {
        format = formats[i](text, end, &entries);
        entries.maybe_header = formats[i] == labels_lines && may_be_heading (text, end);
    }
    bool good = format == LABELS_TAKEN;
    if (good && !entries.count)
        good = report (error, "%s: holds no labels (%zu bytes)", report_path (path), size);
    good = good && label_entries_finish (&entries, labels);
    if (good && !(labels->source = strdup (report_path (path))))
        good = report (error, "%s: no memory for its labels", report_path (path));
    label_entries_clear (&entries);
    if (!good)
        labels_clear (labels);
    return good;
}

bool labels_parse (const char *path, const char *text, size_t size, struct labels *labels, struct error *error)
{
    *labels = (struct labels) { 0 };
    bool wide = size >= 2 && (!memcmp (text, "\xff\xfe", 2) || !memcmp (text, "\xfe\xff", 2));
    const char *zero = memchr (text, 0, size);
    if (wide)
        return report (error, "%s: is UTF-16 text; labels are read as UTF-8", report_path (path));
    if (zero)
        return report (error, "%s: is not a text file: byte %zu of %zu is zero", report_path (path),
                       (size_t)(zero - text), size);
    return read_text (path, text, size, labels, error);
}

/* `text` was read from the path; it is freed. */
static bool take_text (const char *path, char *text, size_t size, struct labels *labels, struct error *error)
{
    *labels = (struct labels) { 0 };
    if (!text)
        return false;
    bool good = labels_parse (path, text, size, labels, error);
    free (text);
    if (!good)
        errno = EINVAL;
    return good;
}

bool labels_read (const char *path, struct labels *labels, struct error *error)
{
    size_t size = 0;
    char *text = file_read (path, FILE_MAX, &size, error);
    return take_text (path, text, size, labels, error);
}

bool labels_read_side (const char *path, struct labels *labels, struct error *error)
{
    size_t size = 0;
    char *text = file_read_side (path, FILE_MAX, &size, error);
    return take_text (path, text, size, labels, error);
}

bool labels_from_metadata (const char *path, const char *text, struct labels *labels, struct error *error)
{
    *labels = (struct labels) { 0 };
    size_t size = strlen (text);
    if (size > FILE_MAX)
        return report (error, "%s: its labels are %zu bytes, the limit is %d", report_path (path), size, FILE_MAX);
    return read_text (path, text, size, labels, error);
}

/* ---- fitting ------------------------------------------------------------------------------------------------- */

/* Takes the first names away. */
static void drop (struct labels *labels, int count)
{
    labels->count -= count;
    memmove (labels->names, labels->names + count, (size_t)labels->count * sizeof *labels->names);
}

void labels_fit (struct labels *labels, int classes)
{
    bool one_more = labels->count == classes + 1 || (labels->count == 1002 && classes == 1000);
    if ((labels->from_one && one_more) || (labels->maybe_header && labels->count != classes && labels->count > 1))
        drop (labels, 1);
    else if (labels->from_one && labels->count == 1001 && classes == 1001)
        labels->names[0] = background; /* TensorFlow's label map leaves it out */
    bool first_is_none = labels->count && (!g_ascii_strcasecmp (labels->names[0], background) ||
                                           !g_ascii_strcasecmp (labels->names[0], "dummy"));
    if (labels->count == 1001 && classes == 1000 && first_is_none) {
        drop (labels, 1);
    } else if (labels->count == 1000 && classes == 1001) {
        /* label_entries_finish leaves one entry more */
        memmove (labels->names + 1, labels->names, (size_t)labels->count * sizeof *labels->names);
        labels->names[0] = background;
        labels->count++;
    }
}
