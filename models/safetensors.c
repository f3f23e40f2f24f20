/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safetensors.c: the bytes of a safetensors file -> named tensors.
 *
 * Takes bytes that nobody has checked. The header is looked over once before jansson parses it, so that neither its
 * depth (jansson recurses) nor the number of its values (each costs far more memory than the byte or two it may take in
 * the file) is the file's to choose. Then every tensor is checked by itself, and all of them together for holes and
 * overlaps. */
#include "models/safetensors_private.h"

#include "engine/memory.h"
#include "engine/work.h"
#include "models/half.h"
#include "models/report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_BYTES = 8,
    HEADER_MAX = 100000000, /* the reference's */
    DEPTH_MAX = 127,        /* as deep as the reference's JSON parser goes */
    VALUES_MAX = 1000000,   /* commas and brackets */
    HEADER_STEPS = 30,      /* of engine/work.h for each of its bytes: looked over, parsed, checked */
    STRING_MAX = 16 << 20,  /* bytes */
    SHOWN_MAX = 128         /* bytes of a name in an error */
};

static const char *const metadata_key = "__metadata__";

/* The dtypes the reference knows, and the bits of one number. */
static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    { "BOOL", 8 }, { "F4", 4 },      { "F6_E2M3", 6 }, { "F6_E3M2", 6 }, { "U8", 8 },
    { "I8", 8 },   { "F8_E5M2", 8 }, { "F8_E4M3", 8 }, { "F8_E8M0", 8 }, { "I16", 16 },
    { "U16", 16 }, { "F16", 16 },    { "BF16", 16 },   { "I32", 32 },    { "U32", 32 },
    { "F32", 32 }, { "F64", 64 },    { "I64", 64 },    { "U64", 64 },    { "C64", 64 },
};

/* ---- header --------------------------------------------------------------------------------------------------- */

static uint64_t header_length (const char *bytes)
{
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | (uint8_t)bytes[i];
    return length;
}

static bool is_blank (char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool safetensors_recognise (const char *bytes, size_t size)
{
    if (size <= LENGTH_BYTES || header_length (bytes) > HEADER_MAX)
        return false;
    size_t at = LENGTH_BYTES;
    while (at < size && is_blank (bytes[at]))
        at++;
    return at < size && bytes[at] == '{';
}

/* Behind the string whose opening quote is at `at`, or `end`. */
static const char *skip_string (const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end ? at + 1 : end;
}

/* Whether the header may be parsed: how deep it is, how many values it has, how long its strings are. */
static bool look_over (const char *path, const char *text, size_t length, struct error *error)
{
    int depth = 0, values = 0;
    const char *end = text + length;
    for (const char *at = text; at < end;) {
        if (*at == '"') {
            const char *behind = skip_string (at, end);
            if (behind - at > STRING_MAX)
                return report (error, "%s: its header has a string of %td bytes, the limit is %d", report_path (path),
                               behind - at, STRING_MAX);
            at = behind;
            continue;
        }
        bool opens = *at == '{' || *at == '[';
        values += opens || *at == ',';
        depth += opens - (*at == '}' || *at == ']');
        if (depth > DEPTH_MAX)
            return report (error, "%s: its header is nested more than %d deep", report_path (path), DEPTH_MAX);
        if (values > VALUES_MAX)
            return report (error, "%s: its header has more than %d values", report_path (path), VALUES_MAX);
        at++;
    }
    return true;
}

static json_t *parse_header (const char *path, const char *bytes, size_t size, size_t *data, struct error *error)
{
    if (size < LENGTH_BYTES) {
        report (error, "%s: is %zu bytes short; a safetensors file begins with 8 bytes of length", report_path (path),
                size);
        return NULL;
    }
    uint64_t length = header_length (bytes);
    if (length > HEADER_MAX) {
        report (error, "%s: says that its header has %llu bytes, the limit is %d", report_path (path),
                (unsigned long long)length, HEADER_MAX);
        return NULL;
    }
    if (length > size - LENGTH_BYTES) {
        report (error, "%s: says that its header has %llu bytes, but only %zu follow", report_path (path),
                (unsigned long long)length, size - LENGTH_BYTES);
        return NULL;
    }
    *data = LENGTH_BYTES + (size_t)length;
    return safetensors_json (path, bytes + LENGTH_BYTES, (size_t)length, error);
}

json_t *safetensors_json (const char *path, const char *text, size_t length, struct error *error)
{
    char refusal[100];
    if (!work_spend (HEADER_STEPS * length)) {
        report (error, "%s: its header of %zu bytes %s", report_path (path), length, work_refusal (refusal));
        return NULL;
    }
    if (!look_over (path, text, length, error))
        return NULL;
    json_error_t reason;
    json_t *header = json_loadb (text, length, JSON_REJECT_DUPLICATES, &reason);
    if (!header)
        report (error, "%s: its header is no JSON: %s (byte %d)", report_path (path), reason.text, reason.position);
    else if (!json_is_object (header))
        report (error, "%s: its header is a list, not an object", report_path (path));
    if (json_is_object (header))
        return header;
    json_decref (header);
    return NULL;
}

static bool check_metadata (const char *path, json_t *header, struct error *error)
{
    json_t *metadata = json_object_get (header, metadata_key), *value;
    const char *key;
    if (!metadata || json_is_null (metadata))
        return true;
    if (!json_is_object (metadata))
        return report (error, "%s: %s is not an object", report_path (path), metadata_key);
    json_object_foreach (metadata, key, value)
    {
        if (!json_is_string (value))
            return report (error, "%s: %s: '%.*s' is not a string", report_path (path), metadata_key, SHOWN_MAX, key);
    }
    return true;
}

/* ---- one tensor ------------------------------------------------------------------------------------------------ */

/* Reports "PATH: tensor 'NAME': REASON". */
__attribute__ ((format (printf, 4, 5))) static bool wrong (const char *path, const char *name, struct error *error,
                                                           const char *format, ...)
{
    char reason[256];
    va_list list;
    va_start (list, format);
    vsnprintf (reason, sizeof reason, format, list);
    va_end (list);
    return report (error, "%s: tensor '%.*s': %s", report_path (path), SHOWN_MAX, name, reason);
}

static bool whole_number (const json_t *value, uint64_t *number)
{
    if (!json_is_integer (value) || json_integer_value (value) < 0)
        return false;
    *number = (uint64_t)json_integer_value (value);
    return true;
}

/* The bits of one number, or 0. */
static unsigned dtype_bits (const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (!strcmp (name, dtypes[i].name))
            return dtypes[i].bits;
    }
    return 0;
}

/* Reads the shape; *bytes is what so many numbers take. */
static bool read_shape (const char *path, const json_t *shape, unsigned bits, struct safetensor *t, uint64_t *bytes,
                        struct error *error)
{
    uint64_t count = 1, dimension;
    if (!json_is_array (shape) || json_array_size (shape) > INT_MAX)
        return wrong (path, t->name, error, "its shape is not a list");
    t->rank = (int)json_array_size (shape);
    for (int i = 0; i < SAFETENSORS_DIMENSIONS; i++)
        t->shape[i] = 1;
    for (int i = 0; i < t->rank; i++) {
        if (!whole_number (json_array_get (shape, (size_t)i), &dimension))
            return wrong (path, t->name, error, "dimension %d of its shape is not a whole number", i);
        if (__builtin_mul_overflow (count, dimension, &count))
            return wrong (path, t->name, error, "its shape makes more numbers than 64 bits can count");
        if (i < SAFETENSORS_DIMENSIONS)
            t->shape[i] = dimension;
    }
    if (__builtin_mul_overflow (count, (uint64_t)bits, &count))
        return wrong (path, t->name, error, "its shape makes more bytes than 64 bits can count");
    if (count % 8)
        return wrong (path, t->name, error, "its %llu bits are no whole number of bytes", (unsigned long long)count);
    *bytes = count / 8;
    return true;
}

/* `data`: where the header ends. */
static bool read_tensor (const struct safetensors *file, json_t *entry, size_t data, size_t size, struct safetensor *t,
                         struct error *error)
{
    const char *path = file->path;
    uint64_t begin, end, length = 0;
    if (!json_is_object (entry))
        return wrong (path, t->name, error, "its entry is not an object");
    t->dtype = json_string_value (json_object_get (entry, "dtype"));
    unsigned bits = t->dtype ? dtype_bits (t->dtype) : 0;
    if (!t->dtype)
        return wrong (path, t->name, error, "it has no dtype");
    if (!bits)
        return wrong (path, t->name, error, "there is no dtype '%.32s'", t->dtype);
    if (!read_shape (path, json_object_get (entry, "shape"), bits, t, &length, error))
        return false;
    json_t *offsets = json_object_get (entry, "data_offsets");
    if (!json_is_array (offsets) || json_array_size (offsets) != 2 ||
        !whole_number (json_array_get (offsets, 0), &begin) || !whole_number (json_array_get (offsets, 1), &end))
        return wrong (path, t->name, error, "its data_offsets are not two whole numbers");
    if (begin > end || end > size - data)
        return wrong (path, t->name, error, "its data_offsets %llu and %llu are not in order and within %zu bytes",
                      (unsigned long long)begin, (unsigned long long)end, size - data);
    if (end - begin != length)
        return wrong (path, t->name, error, "its shape takes %llu bytes and its data_offsets span %llu",
                      (unsigned long long)length, (unsigned long long)(end - begin));
    t->begin = data + (size_t)begin;
    t->end = data + (size_t)end;
    t->bytes = file->bytes + t->begin;
    return true;
}

/* ---- all of them ------------------------------------------------------------------------------------------------ */

static int by_offset (const void *a, const void *b)
{
    const struct safetensor *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return (left->end > right->end) - (left->end < right->end);
}

int safetensors_by_name (const void *a, const void *b)
{
    return strcmp (((const struct safetensor *)a)->name, ((const struct safetensor *)b)->name);
}

/* Every byte from `data` to `size` belongs to one tensor. Leaves the list sorted by name. */
static bool check_cover (struct safetensors *file, size_t data, size_t size, struct error *error)
{
    size_t at = data;
    if (file->count)
        qsort (file->list, file->count, sizeof *file->list, by_offset);
    for (size_t i = 0; i < file->count; i++) {
        const struct safetensor *t = &file->list[i];
        if (t->begin != at)
            return wrong (file->path, t->name, error, "it begins at byte %zu, but the one before it ends at %zu",
                          t->begin - data, at - data);
        at = t->end;
    }
    if (at != size)
        return report (error, "%s: its tensors end at byte %zu of %zu", report_path (file->path), at, size);
    if (file->count)
        qsort (file->list, file->count, sizeof *file->list, safetensors_by_name);
    return true;
}

static bool read_tensors (struct safetensors *file, size_t data, size_t size, struct error *error)
{
    const char *name;
    json_t *entry;
    file->list = calloc (json_object_size (file->header) + 1, sizeof *file->list);
    if (!file->list)
        return report (error, "%s: no memory for its %zu tensors", report_path (file->path),
                       json_object_size (file->header));
    json_object_foreach ((json_t *)file->header, name, entry)
    {
        if (!strcmp (name, metadata_key))
            continue;
        struct safetensor *t = &file->list[file->count];
        t->name = name;
        if (!read_tensor (file, entry, data, size, t, error))
            return false;
        file->count++;
    }
    return check_cover (file, data, size, error);
}

bool safetensors_open (const char *path, const char *bytes, size_t size, struct safetensors *file, struct error *error)
{
    size_t data;
    *file = (struct safetensors) { .path = path, .bytes = bytes };
    file->header = parse_header (path, bytes, size, &data, error);
    if (file->header && check_metadata (path, file->header, error) && read_tensors (file, data, size, error))
        return true;
    safetensors_close (file);
    return false;
}

void safetensors_close (struct safetensors *file)
{
    for (size_t i = 0; i < file->shard_count; i++) {
        free ((char *)file->shards[i].path);
        free ((char *)file->shards[i].bytes);
        free (file->shards[i].list);
        json_decref (file->shards[i].header);
    }
    free (file->shards);
    free (file->list);
    file_list_free (&file->files);
    json_decref (file->header);
    *file = (struct safetensors) { 0 };
}

/* ---- questions -------------------------------------------------------------------------------------------------- */

struct safetensor *safetensors_find (const struct safetensors *file, const char *name)
{
    const struct safetensor key = { .name = name };
    return file->count ? bsearch (&key, file->list, file->count, sizeof key, safetensors_by_name) : NULL;
}

uint64_t safetensors_find_steps (const struct safetensors *file)
{
    const uint64_t halving_steps = 80; /* a name far away in memory */
    uint64_t halvings = 1;
    for (size_t count = file->count; count > 1; count /= 2)
        halvings++;
    return halvings * halving_steps;
}

const char *safetensors_metadata (const struct safetensors *file, const char *key)
{
    json_t *said = json_object_get (json_object_get (file->header, metadata_key), key);
    for (size_t i = 0; !said && i < file->shard_count; i++)
        said = json_object_get (json_object_get (file->shards[i].header, metadata_key), key);
    return json_string_value (said);
}

const char *safetensors_shape (const struct safetensor *t, char text[128])
{
    size_t used = 0;
    snprintf (text, 128, "scalar");
    for (int i = 0; i < t->rank && i < SAFETENSORS_DIMENSIONS; i++)
        used += (size_t)snprintf (text + used, 128 - used, "%s%llu", i ? "x" : "", (unsigned long long)t->shape[i]);
    if (t->rank > SAFETENSORS_DIMENSIONS)
        snprintf (text + used, 128 - used, "x... (%d dimensions)", t->rank);
    return text;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

float *safetensors_floats (const struct safetensors *file, const struct safetensor *t, struct error *error)
{
    bool full = !strcmp (t->dtype, "F32"), half = !strcmp (t->dtype, "F16"), brain = !strcmp (t->dtype, "BF16");
    if (!full && !half && !brain) {
        wrong (file->path, t->name, error, "its dtype is %s; weights are read as F32, F16 or BF16", t->dtype);
        return NULL;
    }
    size_t width = full ? 4 : 2, count = (t->end - t->begin) / width;
    const uint8_t *from = (const uint8_t *)t->bytes;
    float *floats = malloc (count * sizeof *floats + 1);
    if (!floats) {
        wrong (file->path, t->name, error, "no memory for its %zu numbers", count);
        return NULL;
    }
    const size_t piece = 1 << 20;
    char refusal[100];
    for (size_t i = 0; i < count; i++, from += width) {
        if (i % piece == 0 && i && file->read_once)
            memory_forget ((uint8_t *)from - piece * width, piece * width);
        if (i % piece == 0 && !work_spend (2 * (count < piece ? count : piece))) {
            wrong (file->path, t->name, error, "it %s", work_refusal (refusal));
            free (floats);
            return NULL;
        }
        uint32_t bits = from[0] | (uint32_t)from[1] << 8;
        if (full) {
            bits |= (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
            memcpy (&floats[i], &bits, sizeof bits);
        } else
            floats[i] = half ? half_to_float ((uint16_t)bits) : half_bfloat_to_float ((uint16_t)bits);
    }
    return floats;
}
