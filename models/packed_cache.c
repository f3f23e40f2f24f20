/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* packed_cache.c: see packed_cache.h.
 *
 *   struct head      what it is, of which file, by which build; how long it is; the sum of all bytes
 *   struct entry     [entries]: a packed block each: its key, where its numbers are
 *   the ONNX file without its numbers
 *   numbers          each array on a 64-byte border
 *
 * Numbers are in the machine's own order. Nothing in the file is trusted: offsets are checked against its size, and the
 * sum covers every byte, so that whatever happens to a file is seen; against who forges the sum there are the folder's
 * permissions. */
#include "models/packed_cache.h"

#include "engine/hash.h"
#include "engine/work.h"
#include "models/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FORMAT = 4,
    BORDER = 64,
    ENTRIES_MAX = 1 << 16,
    WAYS_MAX = 3, /* in which one convolution's weights are kept */
    METHOD_BYTES = 32,
    BUILD_BYTES = 32,
    SUM_BLOCK = 4 * sizeof (uint64_t),
    SUM_AT_ONCE = 8 << 20,   /* bytes between two looks at whether it is still wanted, read */
    WRITE_AT_ONCE = 1 << 20, /* and written */
    NAME_BYTES = 96,
    NAME_TRIES = 16,    /* for a file that nobody else writes; processes of two containers may have one number */
    STALE_SECONDS = 600 /* a file that is being written is no older */
};

static const char magic[16] = "convrelu packed"; /* also what find_build looks for */

/* Which file in which state: struct file_identity without its gaps. */
struct state {
    uint64_t device, inode, size;
    int64_t modified[2], changed[2]; /* s, ns */
};

/* The build of the library or program that this code is in: what the linker made of all its bytes. Of the one in
 * memory: the file that it was read from may be another by now. */
struct build {
    unsigned char id[BUILD_BYTES]; /* zeros behind it */
};

struct head {
    char magic[16];
    uint64_t version;
    struct state network;
    int64_t open_size[2];
    struct build build;
    uint64_t bytes, entries, compact_bytes; /* of the file; how many; of the ONNX file without its numbers */
    struct packed_trials trials;
    uint64_t sum; /* of the file, with 0 here */
};

struct entry {
    char method[METHOD_BYTES]; /* ends with 0 */
    int64_t tensor, element, nr_blocks, k_step;
    uint64_t name; /* a hash of the tensor's */
    uint64_t fold, weight_bytes, channel_bytes;
    uint64_t weights, step, sum; /* offsets in the file */
};

struct packed_cache {
    const char *bytes;
    size_t size;
    const struct graph *graph; /* that has adopted it */
};

/* ---- what it is of ---------------------------------------------------------------------------------------------- */

static struct state state_of (const struct file_identity *identity)
{
    return (struct state) { .device = identity->device,
                            .inode = identity->inode,
                            .size = identity->size,
                            .modified = { identity->modified.tv_sec, identity->modified.tv_nsec },
                            .changed = { identity->changed.tv_sec, identity->changed.tv_nsec } };
}

/* Where it may stand: behind one another notes of a name, a number and some bytes, each filled up to 4. */
static bool find_note (const char *at, size_t size, struct build *build)
{
    while (size >= sizeof (ElfW (Nhdr))) {
        ElfW (Nhdr) note;
        memcpy (&note, at, sizeof note);
        size_t name = ((size_t)note.n_namesz + 3) / 4 * 4, bytes = ((size_t)note.n_descsz + 3) / 4 * 4;
        if (name > size - sizeof note || bytes > size - sizeof note - name)
            return false;
        const char *id = at + sizeof note + name;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp (at + sizeof note, "GNU", 4)) {
            memcpy (build->id, id, note.n_descsz < BUILD_BYTES ? note.n_descsz : BUILD_BYTES);
            return note.n_descsz >= 8;
        }
        at = id + bytes;
        size -= sizeof note + name + bytes;
    }
    return false;
}

/* For dl_iterate_phdr. 1: it was found; 2: this is it, and does not tell. */
static int look_at_object (struct dl_phdr_info *object, size_t size, void *build)
{
    bool here = false, told = false;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW (Phdr) *part = &object->dlpi_phdr[i];
        here |= part->p_type == PT_LOAD && (uintptr_t)magic - (object->dlpi_addr + part->p_vaddr) < part->p_memsz;
    }
    for (int i = 0; here && !told && i < object->dlpi_phnum; i++) {
        const ElfW (Phdr) *part = &object->dlpi_phdr[i];
        told = part->p_type == PT_NOTE &&
               find_note ((const char *)(object->dlpi_addr + part->p_vaddr), part->p_memsz, build);
    }
    return !here ? 0 : told ? 1 : 2;
}

/* False: it cannot be told, and nothing is kept. */
static bool find_build (struct build *build)
{
    *build = (struct build) { { 0 } };
    return dl_iterate_phdr (look_at_object, build) == 1;
}

static void file_name (char name[NAME_BYTES], const struct state *network, const struct build *build,
                       const char *suffix)
{
    const unsigned char *id = build->id;
    snprintf (name, NAME_BYTES, "%llx-%llx-%02x%02x%02x%02x.packed%s", (unsigned long long)network->device,
              (unsigned long long)network->inode, id[0], id[1], id[2], id[3], suffix);
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

/* Four sums side by side, of every fourth word, each multiplied by an odd number and turned with every word: a changed
 * word changes its sum, which stays changed. As fast as memory. In whatever pieces bytes come, the sum is the same. */
struct sum {
    uint64_t lane[4];
    unsigned char held[SUM_BLOCK]; /* [count] bytes that are no whole block yet */
    size_t count;
};

static void sum_blocks (struct sum *sum, const unsigned char *at, size_t blocks)
{
    uint64_t word[4];
    for (; blocks > 0; blocks--, at += SUM_BLOCK) {
        memcpy (word, at, sizeof word);
        for (int i = 0; i < 4; i++) {
            uint64_t mixed = (sum->lane[i] ^ word[i]) * UINT64_C (0x9e3779b97f4a7c15);
            sum->lane[i] = mixed << 29 | mixed >> 35;
        }
    }
}

static void sum_add (struct sum *sum, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t taken; size; at += taken, size -= taken) {
        size_t room = SUM_BLOCK - sum->count;
        if (!sum->count && size >= SUM_BLOCK) {
            taken = size / SUM_BLOCK * SUM_BLOCK;
            sum_blocks (sum, at, taken / SUM_BLOCK);
        } else {
            taken = size < room ? size : room;
            memcpy (sum->held + sum->count, at, taken);
            sum->count = (sum->count + taken) % SUM_BLOCK;
            if (!sum->count)
                sum_blocks (sum, sum->held, 1);
        }
    }
}

static uint64_t sum_end (struct sum *sum)
{
    uint64_t all = 1;
    memset (sum->held + sum->count, 0, SUM_BLOCK - sum->count);
    sum_blocks (sum, sum->held, 1);
    for (int i = 0; i < 4; i++)
        all = (all ^ sum->lane[i] ^ sum->lane[i] >> 32) * UINT64_C (0xd6e8feb86659fd93);
    return all ^ all >> 32;
}

/* ---- the folder ------------------------------------------------------------------------------------------------- */

static bool is_own (const struct stat *about)
{
    return about->st_uid == geteuid () && !(about->st_mode & 077);
}

/* -1: there is none (`make` false), or it is not to be used, which *notices says. */
static int open_folder (const char *folder, bool make, struct notices *notices)
{
    struct stat about;
    if (make && mkdir (folder, 0700) && errno != EEXIST) {
        notices_add (notices, "%s: packed weights are not kept: the folder cannot be made: %s", report_path (folder),
                     strerror (errno));
        return -1;
    }
    int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return -1;
    if (fd < 0 || fstat (fd, &about)) {
        notices_add (notices, "%s: packed weights are not kept: the folder cannot be opened: %s", report_path (folder),
                     strerror (errno));
    } else if (!is_own (&about)) {
        notices_add (notices, "%s: packed weights are not kept: others may enter this folder (chmod 700)",
                     report_path (folder));
    } else {
        return fd;
    }
    if (fd >= 0)
        close (fd);
    return -1;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static const struct head *head_of (const struct packed_cache *cache)
{
    return (const struct head *)(const void *)cache->bytes;
}

static const struct entry *entries_of (const struct packed_cache *cache)
{
    return (const struct entry *)(const void *)(cache->bytes + sizeof (struct head));
}

static bool lies_within (const struct packed_cache *cache, uint64_t offset, uint64_t bytes)
{
    return offset % BORDER == 0 && offset <= cache->size && bytes <= cache->size - offset;
}

static bool entry_is_good (const struct packed_cache *cache, const struct entry *entry)
{
    return memchr (entry->method, 0, METHOD_BYTES) && lies_within (cache, entry->weights, entry->weight_bytes) &&
           lies_within (cache, entry->step, entry->channel_bytes) &&
           lies_within (cache, entry->sum, entry->channel_bytes);
}

/* Whether all of it is as it was written. *stopped: nobody waits any more. */
static bool is_whole (const struct packed_cache *cache, bool *stopped)
{
    const struct head *head = head_of (cache);
    struct head blank = *head;
    struct sum sum = { .lane = { 1, 2, 3, 4 } };
    if (head->bytes != cache->size || head->entries > ENTRIES_MAX || head->compact_bytes > cache->size - sizeof *head ||
        head->entries * sizeof (struct entry) > cache->size - sizeof *head - head->compact_bytes)
        return false;
    blank.sum = 0;
    sum_add (&sum, &blank, sizeof blank);
    for (size_t at = sizeof blank; at < cache->size; at += SUM_AT_ONCE) {
        if ((*stopped = !work_spend (0)))
            return false;
        sum_add (&sum, cache->bytes + at, cache->size - at < SUM_AT_ONCE ? cache->size - at : SUM_AT_ONCE);
    }
    bool good = sum_end (&sum) == head->sum;
    for (uint64_t i = 0; good && i < head->entries; i++)
        good = entry_is_good (cache, &entries_of (cache)[i]);
    return good;
}

/* Takes fd. NULL: it cannot be used; *reason says why, or is NULL where that is nobody's fault. */
static struct packed_cache *map_file (int fd, const struct state *network, const struct build *build,
                                      const char **reason)
{
    struct stat about;
    struct packed_cache *cache = calloc (1, sizeof *cache);
    void *bytes = MAP_FAILED;
    bool stopped = false;
    *reason = "is not a regular file of this user alone";
    if (cache && !fstat (fd, &about) && S_ISREG (about.st_mode) && is_own (&about) &&
        about.st_nlink <= 1) { /* 0: another has taken its place since */
        *reason = "is damaged";
        cache->size = (size_t)about.st_size;
        if (about.st_size > (off_t)sizeof (struct head))
            bytes = mmap (NULL, cache->size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close (fd);
    if (bytes == MAP_FAILED) {
        free (cache);
        return NULL;
    }
    cache->bytes = bytes;
    const struct head *head = head_of (cache);
    bool known = !memcmp (head->magic, magic, sizeof magic);
    bool fits = known && head->version == FORMAT && !memcmp (&head->network, network, sizeof *network) &&
                !memcmp (&head->build, build, sizeof *build);
    bool good = fits && is_whole (cache, &stopped);
    if (good || (known && !fits) || stopped) /* not fitting: of an earlier state, or of another build */
        *reason = NULL;
    if (!good)
        g_clear_pointer (&cache, packed_cache_free);
    return cache;
}

struct packed_cache *packed_cache_open (const char *folder, const struct file_identity *identity,
                                        struct notices *notices)
{
    char name[NAME_BYTES];
    const char *reason = NULL;
    struct packed_cache *cache = NULL;
    const struct state network = state_of (identity);
    struct build build;
    bool known = find_build (&build);
    if (!known)
        notices_add (notices, "%s: packed weights are not kept: this build has no build id", report_path (folder));
    int in = known ? open_folder (folder, false, notices) : -1;
    if (in < 0)
        return NULL;
    file_name (name, &network, &build, "");
    int fd = openat (in, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0)
        cache = map_file (fd, &network, &build, &reason);
    else if (errno != ENOENT)
        reason = errno == ELOOP ? "is a link" : "cannot be opened";
    if (reason)
        notices_add (notices, "%s/%s: %s; the weights are packed anew", report_path (folder), name, reason);
    close (in);
    return cache;
}

void packed_cache_free (struct packed_cache *cache)
{
    if (!cache)
        return;
    munmap ((void *)cache->bytes, cache->size);
    free (cache);
}

struct onnx_compact packed_cache_compact (const struct packed_cache *cache)
{
    const struct head *head = head_of (cache);
    size_t at = sizeof *head + (size_t)head->entries * sizeof (struct entry), size = (size_t)head->compact_bytes;
    return (struct onnx_compact) { (uint8_t *)cache->bytes + at, size, size };
}

const struct packed_trials *packed_cache_trials (const struct packed_cache *cache)
{
    return &head_of (cache)->trials;
}

bool packed_cache_sized (const struct packed_cache *cache, const int open_size[2])
{
    const struct head *head = head_of (cache);
    return head->open_size[0] == open_size[0] && head->open_size[1] == open_size[1];
}

static uint64_t hash_name (const struct graph *graph, int64_t tensor)
{
    const char *name = graph_tensor (graph, (int)tensor).name;
    return hash_bytes (HASH_START, name, name ? strlen (name) : 0);
}

static bool find_block (void *data, struct packed_block *block)
{
    const struct packed_cache *cache = data;
    const struct entry *e = entries_of (cache), *end = e + head_of (cache)->entries;
    uint64_t name = hash_name (cache->graph, block->tensor);
    while (e < end && !(e->tensor == block->tensor && e->name == name && e->element == block->element &&
                        e->nr_blocks == block->nr_blocks && e->k_step == block->k_step && e->fold == block->fold &&
                        e->weight_bytes == block->weight_bytes && e->channel_bytes == block->channel_bytes &&
                        !strcmp (e->method, block->method)))
        e++;
    if (e == end)
        return false;
    block->weights = cache->bytes + e->weights;
    block->step = e->channel_bytes ? cache->bytes + e->step : NULL;
    block->sum = e->channel_bytes ? cache->bytes + e->sum : NULL;
    return true;
}

static void done (void *data)
{
    packed_cache_free (data);
}

struct packed_source packed_cache_source (struct packed_cache *cache, const struct graph *graph)
{
    cache->graph = graph;
    return (struct packed_source) { .find = find_block, .done = done, .data = cache };
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

struct list {
    struct packed_block *blocks; /* [count] */
    int count, capacity;
    bool failed, made; /* made: some are not from the cache */
};

static void take_block (void *data, const struct packed_block *block)
{
    struct list *list = data;
    list->made |= !block->adopted;
    if (list->failed || list->count >= ENTRIES_MAX || strlen (block->method) >= METHOD_BYTES)
        return;
    if (list->count == list->capacity) {
        int capacity = 2 * list->capacity + 64;
        struct packed_block *more = realloc (list->blocks, (size_t)capacity * sizeof *more);
        list->failed = !more;
        if (!more)
            return;
        list->blocks = more;
        list->capacity = capacity;
    }
    list->blocks[list->count++] = *block;
}

/* Adds what the cache has of other ways to pack, for who asks for them next. */
static void take_others (struct list *list, const struct packed_cache *cache, const struct graph *graph)
{
    const struct entry *entries = entries_of (cache);
    size_t count = (size_t)head_of (cache)->entries, at = 0;
    int tensors = graph_tensors (graph), own = list->count;
    bool *used = calloc (count + 1, sizeof *used);
    int *ways = calloc ((size_t)tensors + 1, sizeof *ways);
    for (int i = 0; used && ways && i < own; i++) {
        const struct packed_block *block = &list->blocks[i];
        ways[block->tensor]++;
        for (size_t tries = 0; block->adopted && tries < count; tries++, at++) { /* they are in the same order */
            at = at < count ? at : 0;
            if (block->weights == cache->bytes + entries[at].weights) {
                used[at] = true;
                break;
            }
        }
    }
    for (size_t i = 0; used && ways && i < count; i++) {
        const struct entry *e = &entries[i];
        if (used[i] || e->tensor < 0 || e->tensor >= tensors || e->name != hash_name (graph, e->tensor) ||
            ways[e->tensor]++ >= WAYS_MAX)
            continue;
        const struct packed_block block = { .tensor = (int)e->tensor,
                                            .method = e->method,
                                            .element = (int)e->element,
                                            .nr_blocks = (int)e->nr_blocks,
                                            .k_step = (int)e->k_step,
                                            .fold = e->fold,
                                            .weight_bytes = (size_t)e->weight_bytes,
                                            .channel_bytes = (size_t)e->channel_bytes,
                                            .weights = cache->bytes + e->weights,
                                            .step = cache->bytes + e->step,
                                            .sum = cache->bytes + e->sum,
                                            .adopted = true };
        take_block (list, &block);
    }
    free (used);
    free (ways);
}

/* A file that is being written, and its sum. */
struct output {
    int fd;
    uint64_t size;
    struct sum sum;
    bool good;
};

static void put (struct output *out, const void *bytes, size_t size)
{
    for (const char *at = bytes; out->good && size;) {
        errno = ECANCELED;
        ssize_t wrote = work_spend (0) ? write (out->fd, at, size < WRITE_AT_ONCE ? size : WRITE_AT_ONCE) : -1;
        if (wrote < 0 && errno == EINTR)
            continue;
        out->good = wrote > 0;
        if (!out->good)
            return;
        sum_add (&out->sum, at, (size_t)wrote);
        out->size += (size_t)wrote;
        at += wrote;
        size -= (size_t)wrote;
    }
}

static void put_array (struct output *out, const void *bytes, size_t size)
{
    static const char zeros[BORDER];
    put (out, zeros, (size_t)(-out->size % BORDER));
    if (size)
        put (out, bytes, size);
}

/* Where the array of so many bytes will be, behind what is there up to *end. */
static uint64_t place_array (uint64_t *end, uint64_t bytes)
{
    uint64_t at = (*end + BORDER - 1) / BORDER * BORDER;
    *end = at + bytes;
    return at;
}

static void write_file (struct output *out, const struct head *head, const struct entry *entries,
                        const struct onnx_compact *compact, const struct list *list)
{
    put (out, head, sizeof *head);
    put (out, entries, (size_t)list->count * sizeof *entries);
    if (compact->size)
        put (out, compact->bytes, compact->size);
    for (int i = 0; i < list->count; i++) {
        put_array (out, list->blocks[i].weights, list->blocks[i].weight_bytes);
        put_array (out, list->blocks[i].step, list->blocks[i].channel_bytes);
        put_array (out, list->blocks[i].sum, list->blocks[i].channel_bytes);
    }
    struct head whole = *head;
    whole.sum = sum_end (&out->sum);
    out->good = out->good && out->size == head->bytes && pwrite (out->fd, &whole, sizeof whole, 0) == sizeof whole;
}

/* Fills in what the file has, and where. */
static void describe (struct head *head, struct entry *entries, const struct onnx_compact *compact,
                      const struct graph *graph, const struct list *list)
{
    head->version = FORMAT;
    head->entries = (uint64_t)list->count;
    head->compact_bytes = compact->size;
    uint64_t end = sizeof *head + head->entries * sizeof *entries + compact->size;
    memcpy (head->magic, magic, sizeof magic);
    for (int i = 0; i < list->count; i++) {
        const struct packed_block *block = &list->blocks[i];
        struct entry *e = &entries[i];
        *e = (struct entry) { .tensor = block->tensor,
                              .name = hash_name (graph, block->tensor),
                              .element = block->element,
                              .nr_blocks = block->nr_blocks,
                              .k_step = block->k_step,
                              .fold = block->fold,
                              .weight_bytes = block->weight_bytes,
                              .channel_bytes = block->channel_bytes };
        snprintf (e->method, sizeof e->method, "%s", block->method);
        e->weights = place_array (&end, block->weight_bytes);
        e->step = place_array (&end, block->channel_bytes);
        e->sum = place_array (&end, block->channel_bytes);
    }
    head->bytes = end;
}

/* Files of writers that have ended. */
static void remove_stale (int in)
{
    int again = openat (in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = again >= 0 ? fdopendir (again) : NULL;
    if (!list && again >= 0)
        close (again);
    for (const struct dirent *entry; list && (entry = readdir (list));) {
        struct stat about;
        const char *name = entry->d_name, *end = name + strlen (name);
        bool new = strstr (name, ".packed.") && !strcmp (end - strlen (".new"), ".new");
        if (new && !fstatat (in, name, &about, AT_SYMLINK_NOFOLLOW) && time (NULL) - about.st_mtime > STALE_SECONDS)
            unlinkat (in, name, 0);
    }
    if (list)
        closedir (list);
}

/* A new file that nobody else is writing, and its name; -1: errno. */
static int open_new (int in, const struct state *network, const struct build *build, char name[NAME_BYTES])
{
    static _Atomic unsigned counter;
    int fd = -1;
    for (int i = 0; fd < 0 && i < NAME_TRIES && (i == 0 || errno == EEXIST); i++) {
        char suffix[40];
        snprintf (suffix, sizeof suffix, ".%lx-%x.new", (unsigned long)getpid (), counter++);
        file_name (name, network, build, suffix);
        fd = openat (in, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    return fd;
}

/* write_file; a file larger than the process may write one ends in an error (EFBIG), and not in a signal. */
static void write_unsignalled (struct output *out, const struct head *head, const struct entry *entries,
                               const struct onnx_compact *compact, const struct list *list)
{
    static const struct timespec at_once;
    sigset_t too_large, before;
    sigemptyset (&too_large);
    sigaddset (&too_large, SIGXFSZ);
    pthread_sigmask (SIG_BLOCK, &too_large, &before); /* it is sent to the thread that writes */
    write_file (out, head, entries, compact, list);
    int reason = errno;
    while (!out->good && !sigismember (&before, SIGXFSZ) && sigtimedwait (&too_large, NULL, &at_once) < 0 &&
           errno == EINTR)
        continue;
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    errno = reason;
}

/* In the folder `in`, what *head says it is of. False: errno, or it was stopped. */
static bool save_in (int in, struct head *head, const struct onnx_compact *compact, const struct graph *graph,
                     const struct list *list)
{
    char name[NAME_BYTES], new_name[NAME_BYTES];
    struct entry *entries = calloc ((size_t)list->count + 1, sizeof *entries);
    remove_stale (in);
    int fd = entries ? open_new (in, &head->network, &head->build, new_name) : -1;
    if (fd < 0) {
        int reason = entries ? errno : ENOMEM;
        free (entries);
        errno = reason;
        return false;
    }
    describe (head, entries, compact, graph, list);
    struct output out = { .fd = fd, .sum = { .lane = { 1, 2, 3, 4 } }, .good = !fchmod (fd, 0600) };
    write_unsignalled (&out, head, entries, compact, list);
    file_name (name, &head->network, &head->build, "");
    int reason = errno;
    bool good = close (fd) == 0 && out.good && renameat (in, new_name, in, name) == 0;
    if (out.good)
        reason = errno;
    if (!good)
        unlinkat (in, new_name, 0);
    free (entries);
    errno = reason;
    return good;
}

void packed_cache_save (const struct packed_kept *kept, struct graph *graph, struct notices *notices)
{
    struct list list = { .count = 0 };
    const struct packed_cache *before = kept->before;
    struct head head = { .network = state_of (kept->identity),
                         .open_size = { kept->open_size[0], kept->open_size[1] },
                         .trials = kept->trials };
    graph_packed_blocks (graph, take_block, &list);
    bool told = before && !memcmp (packed_cache_trials (before), &kept->trials, sizeof kept->trials);
    bool wanted = list.count && (list.made || !told) && !list.failed && find_build (&head.build);
    if (wanted && before)
        take_others (&list, before, graph);
    if (list.failed)
        notices_add (notices, "%s: packed weights are not kept: %s", report_path (kept->folder), strerror (ENOMEM));
    int in = wanted && !list.failed ? open_folder (kept->folder, true, notices) : -1;
    if (in >= 0 && !save_in (in, &head, kept->compact, graph, &list) && !work_stopped ())
        notices_add (notices, "%s: packed weights are not kept: they cannot be written: %s", report_path (kept->folder),
                     strerror (errno));
    if (in >= 0)
        close (in);
    free (list.blocks);
}
