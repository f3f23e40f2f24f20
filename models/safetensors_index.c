/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safetensors_index.c: an index and the safetensors files that it names -> named tensors, as if it were one file.
 *
 * The index may be anybody's: which files are opened is file.h's rule, how many and how large is limited here. */
#include "models/safetensors_private.h"

#include "engine/work.h"
#include "models/file.h"
#include "models/report.h"

#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 256, OPEN_STEPS = 10000, JOIN_STEPS = 300 }; /* steps of engine/work.h: a file, a tensor */

#define SHARD_BYTES_MAX (UINT64_C (2) << 30) /* of all of them: as for a model file */

struct index {
    struct safetensors *file;
    json_t *map;                   /* name of a tensor: name of its shard */
    const char *names[SHARDS_MAX]; /* of the shards */
    uint64_t bytes;                /* of those open */
    struct error *error;
};

bool safetensors_recognise_index (const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && strchr (" \t\n\r", bytes[at]) && bytes[at])
        at++;
    return at < size && bytes[at] == '{' && !safetensors_recognise (bytes, size);
}

static bool fail (struct index *x, const char *tensor, const char *shard, const char *reason)
{
    return report (x->error, "%s: tensor '%.100s': %s '%.100s'", report_path (x->file->path), tensor, reason, shard);
}

static bool spend (struct index *x, uint64_t steps)
{
    char refusal[100];
    return work_spend (steps) || report (x->error, "%s: %s", report_path (x->file->path), work_refusal (refusal));
}

/* ---- shards ----------------------------------------------------------------------------------------------------- */

/* All bytes of the file, malloc'd. */
static char *read_shard (struct index *x, const struct file *shard)
{
    uint64_t left = SHARD_BYTES_MAX - x->bytes;
    if (shard->size > left) {
        report (x->error, "%s: is %llu bytes large; all files of an index may have %llu", report_path (shard->path),
                (unsigned long long)shard->size, (unsigned long long)SHARD_BYTES_MAX);
        return NULL;
    }
    x->bytes += shard->size;
    work_allow_bytes (shard->size);
    char *bytes = malloc ((size_t)shard->size + 1);
    if (!bytes)
        report (x->error, "%s: no memory for its %llu bytes", report_path (shard->path),
                (unsigned long long)shard->size);
    if (bytes && file_read_at (shard, 0, bytes, (size_t)shard->size, x->error) && file_unchanged (shard, x->error))
        return bytes;
    free (bytes);
    return NULL;
}

/* Opens the file of that name as the next shard. */
static bool open_shard (struct index *x, const char *name)
{
    struct file shard;
    struct safetensors *to = &x->file->shards[x->file->shard_count];
    if (!spend (x, OPEN_STEPS))
        return false;
    if (!file_open_beside (x->file->path, name, &shard, x->error))
        return false;
    size_t size = (size_t)shard.size;
    char *bytes = read_shard (x, &shard), *path = bytes ? strdup (shard.path) : NULL;
    if (bytes && !path)
        report (x->error, "%s: no memory for its name", report_path (shard.path));
    if (path)
        file_list_add (&x->file->files, path, &shard.identity);
    file_close (&shard);
    if (path && safetensors_open (path, bytes, size, to, x->error)) {
        x->names[x->file->shard_count++] = name;
        return true;
    }
    free (bytes);
    free (path);
    return false;
}

/* Opens each file that the map names, once. */
static bool open_shards (struct index *x)
{
    const char *tensor;
    json_t *value;
    json_object_foreach (x->map, tensor, value)
    {
        const char *name = json_string_value (value);
        size_t i = 0, count = x->file->shard_count;
        if (!name)
            return report (x->error, "%s: weight_map has no file's name for tensor '%.100s'",
                           report_path (x->file->path), tensor);
        if (!spend (x, 4 * count + 4))
            return false;
        while (i < count && strcmp (x->names[i], name))
            i++;
        if (i == SHARDS_MAX)
            return report (x->error, "%s: names more than %d files", report_path (x->file->path), SHARDS_MAX);
        if (i == count && !open_shard (x, name))
            return false;
    }
    return true;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

/* Puts the tensors of all shards in one list, each of which the map must have there. */
static bool join (struct index *x)
{
    struct safetensors *file = x->file;
    size_t count = 0;
    for (size_t i = 0; i < file->shard_count; i++)
        count += file->shards[i].count;
    file->list = calloc (count + 1, sizeof *file->list);
    if (!file->list)
        return report (x->error, "%s: no memory for %zu tensors", report_path (file->path), count);
    for (size_t i = 0; i < file->shard_count; i++) {
        if (!spend (x, JOIN_STEPS * file->shards[i].count))
            return false;
        for (size_t k = 0; k < file->shards[i].count; k++) {
            const struct safetensor *t = &file->shards[i].list[k];
            const char *said = json_string_value (json_object_get (x->map, t->name));
            if (!said || strcmp (said, x->names[i]))
                return fail (x, t->name, x->names[i], "the index does not say that it is in");
            file->list[file->count++] = *t;
        }
    }
    if (!spend (x, file->count * safetensors_find_steps (file) / 4)) /* sorting stays in one place longer */
        return false;
    if (file->count)
        qsort (file->list, file->count, sizeof *file->list, safetensors_by_name);
    return true;
}

/* Whether every tensor of the map is in its shard; all that the shards have are in the map, each once. */
static bool check_all_there (struct index *x)
{
    const char *tensor;
    json_t *value;
    bool good = json_object_size (x->map) == x->file->count;
    json_object_foreach (x->map, tensor, value)
    {
        if (good || !spend (x, safetensors_find_steps (x->file)))
            break;
        if (!safetensors_find (x->file, tensor)) {
            fail (x, tensor, json_string_value (value), "is not in the file that the index names,");
            break;
        }
    }
    return good;
}

bool safetensors_open_index (const char *path, const char *bytes, size_t size, struct safetensors *file,
                             struct error *error)
{
    struct index x = { .file = file, .error = error };
    *file = (struct safetensors) { .path = path, .header = safetensors_json (path, bytes, size, error) };
    x.map = json_object_get (file->header, "weight_map");
    bool good = file->header != NULL;
    if (good && !json_is_object (x.map))
        good = report (error, "%s: is JSON without a weight_map, which an index of safetensors files has",
                       report_path (path));
    if (good && !(file->shards = calloc (SHARDS_MAX, sizeof *file->shards)))
        good = report (error, "%s: no memory for its files", report_path (path));
    if (good && open_shards (&x) && join (&x) && check_all_there (&x))
        return true;
    safetensors_close (file);
    return false;
}
