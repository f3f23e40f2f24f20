/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* content.h: private: what a network's own file says, without the files beside it, read for one model or shared by all
 * models of the process that are of the same file in the same state.
 *
 *   c = content_share (path, info, &error);     found or read; this thread holds it
 *   ... plans of c->graph are made, which pack its weights ...
 *   content_release (c);                        weights as given are dropped; the next thread may hold it
 *   content_unref (c);                          with the last one graph and packed weights go
 *
 * The process keeps a list of those in use, without references of its own. One thread at a time holds a content: only
 * for that one weights as given are sure to stay where they are. */
#ifndef CONVRELU_CONTENT_H
#define CONVRELU_CONTENT_H

#include "models/file.h"
#include "models/model.h"
#include "models/modelinfo.h"
#include "models/notices.h"
#include "models/onnx_scan.h"
#include "models/packed_cache.h"

/* Read-only once it was read, but for the fields of sharing. */
struct content {
    struct graph *graph;
    char *labels; /* or NULL */
    struct input_spec input;
    bool input_said; /* by the file */
    bool features;   /* there is no classifier */
    struct notices notices;
    struct quantised quantised;
    /* what it was read from */
    bool bundled;
    char *path;
    struct file_identity identity;
    struct file_list files; /* others that it keeps its numbers in */
    /* where what is packed is kept (packed_cache.h); NULL: nowhere */
    char *cache_folder;
    struct onnx_compact compact;        /* of an ONNX file; size 0: of another */
    bool own_compact;                   /* else it is the cache's, which the graph has */
    const struct packed_cache *adopted; /* the graph's; NULL: none */
    struct packed_trials trials;        /* the holder's: of the cache, and what to keep there besides */
    bool uncached; /* not kept: with the next start nobody would say what is wrong with its weights */
    bool settled;  /* when it was read its times were so old that any other state has others */
    bool size_left_open;
    int open_size[2]; /* height and width that modelinfo gave to a network that leaves them open, or 0 */
    /* sharing; the lock of content.c guards it */
    struct content *next;
    int references;
    uint64_t serial; /* of those listed */
    bool listed, held;
    int writers;  /* that put what is packed into the cache folder */
    bool dropped; /* its weights as given are gone; the holder's */
};

/* Reads it anew, for one model, held. `path` NULL: the bundled network. With a cache folder its weights are not read
 * where they are there, packed. NULL and a filled error on failure. */
struct content *content_read (const char *path, const struct modelinfo *info, const char *cache_folder,
                              struct error *error);

/* One of the same file (device, inode, size, times, and those of its external data or shards) and open size if there is
 * one, else as content_read. Waits for a thread that reads or holds it, until the thread's account (work.h) is stopped:
 * then NULL and an error, too. */
struct content *content_share (const char *path, const struct modelinfo *info, const char *cache_folder,
                               struct error *error);

/* Waits as content_share does. False: the account is stopped, and it is not held. */
bool content_hold (struct content *content, struct error *error);

/* By the holder. Weights that were dropped are read again from `path`, once nobody writes what was packed of them,
 * which stays only without them; false and a filled error: they cannot be, the file being another one by now, for
 * instance, or the account is stopped. */
bool content_need_weights (struct content *content, const char *path, struct error *error);

/* By the holder, when nobody needs the weights as given any more, which are dropped: what is to be written to the cache
 * folder. NULL: there is none, or the file was so new when it was read that another state of it could have the same
 * times, or memory is short. */
struct packed_kept *content_to_keep (struct content *content);
/* By whoever has that, holder or not: writes it, or does not, and frees it; says in *notices where it could not. */
void content_keep (struct content *content, struct packed_kept *kept, struct notices *notices);
void content_forgo (struct content *content, struct packed_kept *kept);

/* By the holder: drops the weights as given and holds it no longer. */
void content_release (struct content *content);
void content_unref (struct content *content); /* NULL is fine */

#endif
