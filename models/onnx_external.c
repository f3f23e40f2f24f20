/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* onnx_external.c: the numbers of tensors that a model keeps in other files ("external data").
 *
 * Each such tensor says `location`, a file's name, and where in that file its numbers are: `offset` (0), `length` (up
 * to the end). Only plain files in the model's own folder are opened (file_open_beside). What is wanted is read, piece
 * by piece, never mapped; each file must have the same size and modification time from its first opening to its
 * last. */
#include "models/onnx_reader.h"

#include <stdlib.h>
#include <string.h>

enum { EXTERNAL_FILES_MAX = 4096 }; /* old exporters write one for each tensor */

enum { OPEN_STEPS = 10000 }; /* to open a file and to close it: tensors may lie in two in turn */

#define EXTERNAL_BYTES_MAX (UINT64_C (2) << 30) /* of all files together: as for a model file */

struct onnx_external_file {
    const char *name; /* of the model's unpacked form */
    uint64_t size;
    struct timespec changed;
    struct file_identity identity;
};

/* What a tensor says of its place. */
struct place {
    const char *location;
    uint64_t offset, length;
    bool has_length;
};

/* ---- what a tensor says -------------------------------------------------------------------------------------- */

/* Digits alone, as a number below 2^63. */
static bool read_number (const char *text, uint64_t *number)
{
    *number = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow (*number, UINT64_C (10), number) ||
            __builtin_add_overflow (*number, (uint64_t)(*at - '0'), number) || *number > INT64_MAX)
            return false;
    }
    return *text != 0;
}

/* False and a failure. Keys that ONNX does not know (or `checksum`) change nothing. */
static bool read_place (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, struct place *place)
{
    static const char *const keys[] = { "location", "offset", "length" };
    const char *said[3] = { NULL };
    for (size_t i = 0; i < tensor->n_external_data; i++) {
        const Convrelu__OnnxEntry *entry = tensor->external_data[i];
        for (int k = 0; k < 3; k++) {
            if (!entry->key || strcmp (entry->key, keys[k]))
                continue;
            if (said[k])
                return onnx_fail (r, "external data of tensor '%.100s' says its %s twice", name, keys[k]);
            said[k] = entry->value ? entry->value : "";
        }
    }
    *place = (struct place) { .location = said[0], .has_length = said[2] != NULL };
    if (!said[0])
        return onnx_fail (r, "external data of tensor '%.100s' does not say in which file it is", name);
    if (said[1] && !read_number (said[1], &place->offset))
        return onnx_fail (r, "external data of tensor '%.100s': '%.40s' is no offset", name, said[1]);
    if (said[2] && !read_number (said[2], &place->length))
        return onnx_fail (r, "external data of tensor '%.100s': '%.40s' is no length", name, said[2]);
    return true;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

/* Where a file of that name is in the list, or should be: sorted by name. */
static size_t find_file (const struct reader *r, const char *name, bool *found)
{
    size_t low = 0, high = r->external.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp (r->external.list[middle].name, name);
        if ((*found = order == 0))
            return middle;
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *found = false;
    return low;
}

static bool fail_external (struct reader *r, const char *name, const struct error *reason)
{
    return onnx_fail (r, "external data of tensor '%.60s': %.300s", name, reason->text);
}

static bool close_current (struct reader *r, const char *name)
{
    struct error reason = { "" };
    bool good = !r->external.open.path || file_unchanged (&r->external.open, &reason);
    file_close (&r->external.open);
    return good || fail_external (r, name, &reason);
}

/* Makes the file of that name the open one. */
static bool open_file (struct reader *r, const char *location, const char *name)
{
    struct error reason = { "" };
    if (r->external.open.path && !strcmp (r->external.location, location))
        return true;
    if (!onnx_spend (r, OPEN_STEPS) || !close_current (r, name))
        return false;
    r->external.location = location;
    bool known, good = file_open_beside (r->path, location, &r->external.open, &reason);
    size_t at = find_file (r, location, &known);
    if (good && known) { /* it was open before: it must be what it was then */
        r->external.open.size = r->external.list[at].size;
        r->external.open.changed = r->external.list[at].changed;
        good = file_unchanged (&r->external.open, &reason);
    }
    return good || fail_external (r, name, &reason);
}

/* Adds a tensor's file to the list, the first time that it is named. */
static bool add_file (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name)
{
    struct place place;
    bool known;
    if (!onnx_is_external (tensor))
        return true;
    if (!read_place (r, tensor, name, &place))
        return false;
    size_t at = find_file (r, place.location, &known);
    if (known)
        return true;
    if (!open_file (r, place.location, name))
        return false;
    uint64_t size = r->external.open.size;
    if (r->external.count == EXTERNAL_FILES_MAX)
        return onnx_fail (r, "keeps numbers in more than %d other files", EXTERNAL_FILES_MAX);
    if (size > EXTERNAL_BYTES_MAX - r->external.bytes)
        return onnx_fail (r, "external data: '%.100s' would bring its files to %llu bytes, the limit is %llu",
                          place.location, (unsigned long long)(r->external.bytes + size),
                          (unsigned long long)EXTERNAL_BYTES_MAX);
    struct onnx_external_file *list = realloc (r->external.list, (r->external.count + 1) * sizeof *list);
    if (!list)
        return onnx_fail (r, "no memory for %zu other files", r->external.count + 1);
    memmove (list + at + 1, list + at, (r->external.count - at) * sizeof *list);
    list[at] =
        (struct onnx_external_file) { place.location, size, r->external.open.changed, r->external.open.identity };
    r->external.list = list;
    r->external.count++;
    r->external.bytes += size;
    return true;
}

bool onnx_external_find (struct reader *r)
{
    const Convrelu__OnnxGraph *g = r->file;
    for (size_t i = 0; i < g->n_initializer; i++) {
        const struct value *v = &r->values[r->slots[i]];
        if (v->uses && !add_file (r, g->initializer[i], v->name))
            return false;
    }
    for (size_t n = 0; n < g->n_node; n++) {
        for (size_t i = 0; r->roles[n].live && i < g->node[n]->n_attribute; i++) {
            const Convrelu__OnnxTensor *tensor = g->node[n]->attribute[i]->t;
            if (tensor && !add_file (r, tensor, "value"))
                return false;
        }
    }
    return true;
}

/* ---- numbers ------------------------------------------------------------------------------------------------- */

bool onnx_is_external (const Convrelu__OnnxTensor *tensor)
{
    return tensor->data_location == 1;
}

/* The tensor's place; `bytes` are wanted of it, no more and no less. */
static bool check_place (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, uint64_t bytes,
                         struct place *place)
{
    bool found;
    if (!read_place (r, tensor, name, place))
        return false;
    size_t at = find_file (r, place->location, &found);
    if (!found)
        return onnx_fail (r, "external data of tensor '%.100s' is in a file that was not looked for", name);
    uint64_t size = r->external.list[at].size;
    if (place->has_length && place->length != bytes)
        return onnx_fail (r, "external data of tensor '%.100s' has %llu bytes instead of %llu", name,
                          (unsigned long long)place->length, (unsigned long long)bytes);
    if (place->offset > size || bytes > size - place->offset)
        return onnx_fail (r, "external data of tensor '%.60s': %llu bytes from %llu on, but '%.100s' has %llu", name,
                          (unsigned long long)bytes, (unsigned long long)place->offset, place->location,
                          (unsigned long long)size);
    return true;
}

bool onnx_external_check (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, uint64_t bytes)
{
    struct place place;
    return check_place (r, tensor, name, bytes, &place);
}

bool onnx_external_read (struct reader *r, const Convrelu__OnnxTensor *tensor, const char *name, void *to, size_t bytes)
{
    struct place place;
    struct error reason = { "" };
    if (!check_place (r, tensor, name, bytes, &place) || !open_file (r, place.location, name))
        return false;
    return file_read_at (&r->external.open, place.offset, to, bytes, &reason) || fail_external (r, name, &reason);
}

bool onnx_external_finish (struct reader *r)
{
    return close_current (r, "");
}

void onnx_external_list (const struct reader *r, struct file_list *files)
{
    size_t folder = file_name_start (r->path);
    for (size_t i = 0; i < r->external.count; i++) {
        char *path = file_path_with (r->path, folder, r->external.list[i].name);
        file_list_add (files, path, &r->external.list[i].identity);
        free (path);
    }
}

void onnx_external_free (struct reader *r)
{
    file_close (&r->external.open);
    free (r->external.list);
    r->external.list = NULL;
    r->external.count = 0;
}
