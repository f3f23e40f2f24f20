/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* npy.c: NumPy's array files.
 *
 *   "\x93NUMPY" | version 1.0 or 2.0 | header length, 2 or 4 bytes | header | data
 *
 * The header is a Python dictionary, {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 224, 224), }, filled up
 * with blanks and a newline so that the data begin at a multiple of 64 bytes. Reading takes no other keys and no other
 * type. */
#include "models/npy.h"

#include "models/file.h"
#include "models/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NPY_BYTES_MAX ((size_t)2 << 30)

/* ---- header -------------------------------------------------------------------------------------------------- */

static const char *blanks (const char *at)
{
    return at + strspn (at, " \n");
}

/* Behind `word` when that is next, else NULL. */
static const char *expect (const char *at, const char *word)
{
    size_t length = strlen (word);
    at = at ? blanks (at) : NULL;
    return at && !strncmp (at, word, length) ? at + length : NULL;
}

/* "(1, 3, 224, 224)", "(5,)" or "()". */
static const char *read_shape (const char *at, struct npy *array)
{
    at = expect (at, "(");
    while (at && !expect (at, ")")) {
        at = blanks (at);
        if (*at < '0' || *at > '9' || array->rank == NPY_RANK_MAX)
            return NULL;
        errno = 0;
        char *end;
        array->shape[array->rank] = strtoll (at, &end, 10);
        if (errno || __builtin_mul_overflow (array->count, (size_t)array->shape[array->rank], &array->count))
            return NULL;
        array->rank++;
        at = expect (end, ",");
        if (!at)
            return expect (end, ")");
    }
    return expect (at, ")");
}

/* NULL: understood; else what is wrong with it. */
static const char *read_header (const char *at, struct npy *array)
{
    bool descr = false, order = false, shape = false;
    array->rank = 0;
    array->count = 1;
    at = expect (at, "{");
    while (at && !expect (at, "}")) {
        const char *value;
        if ((value = expect (expect (at, "'descr'"), ":"))) {
            if (!(at = expect (value, "'<f4'")))
                return "does not hold little-endian 32-bit floats ('<f4')";
            descr = true;
        } else if ((value = expect (expect (at, "'fortran_order'"), ":"))) {
            if (!(at = expect (value, "False")))
                return "is in Fortran order; C order is needed";
            order = true;
        } else if (!shape && (value = expect (expect (at, "'shape'"), ":"))) {
            at = read_shape (value, array);
            shape = true;
        } else
            return "has a damaged header";
        const char *next = expect (at, ",");
        at = next ? next : expect (at, "}") ? blanks (at) : NULL;
    }
    at = expect (at, "}");
    return at && !*blanks (at) && descr && order && shape ? NULL : "has a damaged header";
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Where the header begins and how long it is, or what is wrong. */
static const char *find_header (const char *bytes, size_t size, size_t *begin, size_t *length)
{
    const uint8_t *at = (const uint8_t *)bytes;
    if (size < 12 || memcmp (bytes, "\x93NUMPY", 6))
        return "is not a NumPy array file";
    if ((at[6] != 1 && at[6] != 2) || at[7] != 0)
        return "is of a format version other than 1.0 and 2.0";
    *begin = at[6] == 1 ? 10 : 12;
    *length = at[6] == 1 ? at[8] | (size_t)at[9] << 8
                         : at[8] | (size_t)at[9] << 8 | (size_t)at[10] << 16 | (size_t)at[11] << 24;
    return *length > size - *begin ? "is cut short in its header" : NULL;
}

bool npy_parse (const char *path, const char *bytes, size_t size, struct npy *array, struct error *error)
{
    *array = (struct npy) { 0 };
    size_t begin, length;
    const char *wrong = find_header (bytes, size, &begin, &length);
    if (wrong)
        return report (error, "%s: %s", report_path (path), wrong);
    char *header = strndup (bytes + begin, length);
    if (!header)
        return report (error, "%s: no memory", report_path (path));
    wrong = read_header (header, array);
    free (header);
    if (wrong)
        return report (error, "%s: %s", report_path (path), wrong);
    size_t data = size - begin - length, wanted;
    if (__builtin_mul_overflow (array->count, sizeof (float), &wanted) || wanted != data)
        return report (error, "%s: has %zu bytes of data for %zu floats", report_path (path), data, array->count);
    array->data = malloc (data ? data : 1);
    if (!array->data)
        return report (error, "%s: no memory for %zu bytes", report_path (path), data);
    memcpy (array->data, bytes + begin + length, data);
    return true;
}

bool npy_read (const char *path, struct npy *array, struct error *error)
{
    *array = (struct npy) { 0 };
    size_t size;
    char *bytes = file_read (path, NPY_BYTES_MAX, &size, error);
    if (!bytes)
        return false;
    bool good = npy_parse (path, bytes, size, array, error);
    free (bytes);
    return good;
}

void npy_clear (struct npy *array)
{
    free (array->data);
    *array = (struct npy) { 0 };
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

bool npy_write (const char *path, const float *data, int rank, const int64_t *shape, struct error *error)
{
    char header[512] = "\x93NUMPY\x01";
    int used = 10 + snprintf (header + 10, sizeof header - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        const char *between = i + 1 < rank ? ", " : rank == 1 ? "," : "";
        used += snprintf (header + used, sizeof header - (size_t)used, "%" PRId64 "%s", shape[i], between);
        count *= (size_t)shape[i];
    }
    used += snprintf (header + used, sizeof header - (size_t)used, "), }");
    int whole = (used + 1 + 63) / 64 * 64;
    memset (header + used, ' ', (size_t)(whole - used));
    header[whole - 1] = '\n';
    header[8] = (char)((whole - 10) & 255);
    header[9] = (char)((whole - 10) >> 8);
    FILE *file = fopen (path, "wbe");
    if (!file)
        return report (error, "%s: cannot be written: %s", report_path (path), strerror (errno));
    bool good = fwrite (header, 1, (size_t)whole, file) == (size_t)whole && fwrite (data, 4, count, file) == count;
    int reason = errno;
    if (fclose (file) && good) {
        reason = errno;
        good = false;
    }
    return good || report (error, "%s: cannot be written: %s", report_path (path), strerror (reason));
}
