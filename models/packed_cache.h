/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_cache.h: packed weights of networks in a folder, so that they are packed once and not with every start.
 *
 *   cache = packed_cache_open (folder, &identity, notices);         there and whole, or NULL
 *   graph_adopt_packed (graph, packed_cache_source (cache, graph));   plans of the graph use it; the graph frees it
 *   ... plans are made ...
 *   packed_cache_save (&kept, graph, notices);                      where some were packed anew
 *
 * One file a network, named after its device and inode; it is of one state of it (size, times), of one size of an input
 * that the network leaves open, and of one build of this program, whose kernels decide how weights are packed. It has
 * them in each of the last ways in which they were asked for: fp32 and int8, other methods, other CPUs. Every
 * byte is checked before any is used: a file that is truncated, damaged or of somebody else is passed over with a
 * notice, a stale one without.
 *
 * Who can write into the folder decides what networks answer. So it is used only if it belongs to this user and nobody
 * else may enter it (it is made so, 0700), and a file in it only if it is a regular one of this user alone (0600, one
 * name); no link is followed, but in the folder's own path. Files are written under another name and put in place
 * whole: who reads meanwhile has the one before. They are mapped: who shortens one in use ends the programs that use
 * it. */
#ifndef CONVRELU_PACKED_CACHE_H
#define CONVRELU_PACKED_CACHE_H

#include "engine/packed_blocks.h"
#include "models/file.h"
#include "models/notices.h"
#include "models/onnx_scan.h"
#include "models/packed_trial.h"

struct packed_cache;

/* NULL: there is none of that file in that state; *notices says so where one was passed over. Any thread. */
struct packed_cache *packed_cache_open (const char *folder, const struct file_identity *identity,
                                        struct notices *notices);
void packed_cache_free (struct packed_cache *cache); /* NULL is fine */
/* The ONNX file without its numbers (onnx_scan.h); size 0: it is another kind of file. As long as the cache. */
struct onnx_compact packed_cache_compact (const struct packed_cache *cache);
/* Whether it is of the network with this height and width of an open input (0: not said, or not open). */
bool packed_cache_sized (const struct packed_cache *cache, const int open_size[2]);
/* For graph_adopt_packed of this graph, which takes the cache. */
struct packed_source packed_cache_source (struct packed_cache *cache, const struct graph *graph);

/* The trial runs that the file tells of. As long as the cache. */
const struct packed_trials *packed_cache_trials (const struct packed_cache *cache);

/* What is written besides the packed weights. */
struct packed_kept {
    const char *folder;
    const struct file_identity *identity;
    const int *open_size;               /* [2] */
    const struct onnx_compact *compact; /* may be empty */
    const struct packed_cache *before;  /* what the graph has adopted, or NULL: what it has besides is kept, too */
    struct packed_trials trials;        /* those of `before`, and what was run besides */
};

/* Writes what plans of the graph have packed, whose weights as given were dropped: so it stays. Does nothing where all
 * of it came from the cache, which tells of the same trial runs; says in *notices what went wrong. Of several that
 * write at once the last one's file stays. What it takes can be stopped (engine/work.h). Where the process may write no
 * file so large (RLIMIT_FSIZE) that is a notice, and no signal. */
void packed_cache_save (const struct packed_kept *kept, struct graph *graph, struct notices *notices);

#endif
