/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* safetensors.h: the bytes of a safetensors file -> named tensors.
 *
 *   8 bytes     N, little-endian, at most 100,000,000
 *   N bytes     JSON: {"name": {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [begin, end]}, ...}, and under
 *               "__metadata__" strings by name; offsets count from the end of the header
 *   the rest    the tensors' numbers, little-endian: every byte belongs to exactly one tensor
 *
 * Or an index of several such files beside it: JSON, {"weight_map": {"name": "model-00001-of-00002.safetensors", ...}}.
 */
#ifndef CONVRELU_SAFETENSORS_H
#define CONVRELU_SAFETENSORS_H

#include "engine/engine.h"
#include "models/file.h"

enum { SAFETENSORS_DIMENSIONS = 4 }; /* kept of a shape */

struct safetensor {
    const char *name;                       /* UTF-8, without a zero byte inside */
    const char *dtype;                      /* "F32", ... */
    int rank;                               /* of the shape; beyond SAFETENSORS_DIMENSIONS only counted */
    uint64_t shape[SAFETENSORS_DIMENSIONS]; /* 1 behind the rank */
    size_t begin, end;                      /* of its bytes in its file, not aligned to anything */
    const char *bytes;                      /* [end - begin] */
    bool used;                              /* for the caller */
};

struct safetensors {
    const char *path;        /* only named in errors */
    const char *bytes;       /* the file */
    struct safetensor *list; /* [count], sorted by name */
    size_t count;
    void *header;               /* json_t *: owns the strings */
    struct safetensors *shards; /* [shard_count] of an index, with paths and bytes of their own */
    size_t shard_count;
    struct file_list files; /* the shards; may be taken */
    bool read_once; /* set by the caller: the bytes of a tensor go back to the system once its numbers are taken */
};

/* Whether the bytes look like such a file: a length that can be one and, behind blanks, a brace. */
bool safetensors_recognise (const char *bytes, size_t size);

/* Accepts what the reference implementation does (safetensors 0.4 to 0.6: Metadata::validate), blanks before the brace
 * and unknown fields of a tensor among it. Stricter: a name given twice, names with a zero byte and whole numbers of
 * 2^63 or more are refused, so are headers of more than a million values or with a string of more than 16 MiB.
 * `path` and `bytes` must stay until safetensors_close. false and a filled error on failure; nothing is to be closed
 * then. Memory beside the file: at most 300 bytes for each value of the header, and its strings twice. */
bool safetensors_open (const char *path, const char *bytes, size_t size, struct safetensors *file, struct error *error);
void safetensors_close (struct safetensors *file);

/* Whether the bytes are JSON, as an index is, and nothing else that is read. */
bool safetensors_recognise_index (const char *bytes, size_t size);
/* safetensors_open for an index: opens the files that it names, at most 256 and 2 GiB in all, as file.h opens files
 * that nobody named: plain names in the index's folder. Each tensor must be where the index says and nowhere else, and
 * each of the files must be a safetensors file itself (so no index leads to another). */
bool safetensors_open_index (const char *path, const char *bytes, size_t size, struct safetensors *file,
                             struct error *error);

/* The tensor of that name, or NULL. */
struct safetensor *safetensors_find (const struct safetensors *file, const char *name);
/* What that takes, in steps of engine/work.h: for who looks for as many names as a file has. */
uint64_t safetensors_find_steps (const struct safetensors *file);

/* Its numbers as floats, [product of the shape], malloc'd (with read_once, only once): F32, and F16 and BF16 made wider
 * without loss. NULL and a filled error: another dtype, or no memory. */
float *safetensors_floats (const struct safetensors *file, const struct safetensor *tensor, struct error *error);

/* What "__metadata__" says of `key`, or NULL; valid until safetensors_close. */
const char *safetensors_metadata (const struct safetensors *file, const char *key);

/* "64x3x7x7", "scalar". Returns `text`. */
const char *safetensors_shape (const struct safetensor *tensor, char text[128]);

#endif
