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

#include "engine/work.h"
#include "models/report.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FORMAT = 1,
    BORDER = 64,
    ENTRIES_MAX = 1 << 16,
    METHOD_BYTES = 32,
    BUILD_BYTES = 32,
    SUM_BLOCK = 4 * sizeof (uint64_t),
    SUM_AT_ONCE = 8 << 20, /* bytes between two looks at whether it is still wanted */
    NAME_BYTES = 64,
    STALE_SECONDS = 600,            /* a file that is being written is no older */
    SETTLED_NANOSECONDS = 100000000 /* clocks of file systems tick at least so often, or in whole seconds */
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
    struct build build;
    uint64_t bytes, entries, compact_bytes; /* of the file; how many; of the ONNX file without its numbers */
    uint64_t sum;                           /* of the file, with 0 here */
};

struct entry {
    char method[METHOD_BYTES]; /* ends with 0 */
    int64_t tensor, element, nr_blocks, k_step;
    uint64_t fold, weight_bytes, channel_bytes;
    uint64_t weights, step, sum; /* offsets in the file */
};

struct packed_cache {
    const char *bytes;
    size_t size;
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
    if (sum->count) {
        size_t room = SUM_BLOCK - sum->count, taken = size < room ? size : room;
        memcpy (sum->held + sum->count, at, taken);
        sum->count += taken;
        at += taken;
        size -= taken;
        if (sum->count < SUM_BLOCK)
            return;
        sum_blocks (sum, sum->held, 1);
        sum->count = 0;
    }
    sum_blocks (sum, at, size / SUM_BLOCK);
    sum->count = size % SUM_BLOCK;
    memcpy (sum->held, at + size - sum->count, sum->count);
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
    int in = find_build (&build) ? open_folder (folder, false, notices) : -1;
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

static bool find_block (void *data, struct packed_block *block)
{
    const struct packed_cache *cache = data;
    const struct entry *e = entries_of (cache), *end = e + head_of (cache)->entries;
    while (e < end &&
           !(e->tensor == block->tensor && e->element == block->element && e->nr_blocks == block->nr_blocks &&
             e->k_step == block->k_step && e->fold == block->fold && e->weight_bytes == block->weight_bytes &&
             e->channel_bytes == block->channel_bytes && !strcmp (e->method, block->method)))
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

struct packed_source packed_cache_source (struct packed_cache *cache)
{
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

/* A file that is being written, and its sum. */
struct output {
    int fd;
    uint64_t size;
    struct sum sum;
    bool good;
};

static void put (struct output *out, const void *bytes, size_t size)
{
    for (size_t at = 0; out->good && at < size;) {
        size_t piece = size - at < SUM_AT_ONCE ? size - at : SUM_AT_ONCE;
        ssize_t wrote = work_spend (0) ? write (out->fd, (const char *)bytes + at, piece) : -1;
        if (wrote < 0 && errno == EINTR && !work_stopped ())
            continue;
        out->good = wrote > 0;
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    sum_add (&out->sum, bytes, size);
    out->size += size;
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

static struct head describe (const struct state *network, const struct build *build, struct entry *entries,
                             const struct onnx_compact *compact, const struct list *list)
{
    struct head head = { .version = FORMAT,
                         .network = *network,
                         .build = *build,
                         .entries = (uint64_t)list->count,
                         .compact_bytes = compact->size };
    uint64_t end = sizeof head + head.entries * sizeof *entries + compact->size;
    memcpy (head.magic, magic, sizeof magic);
    for (int i = 0; i < list->count; i++) {
        const struct packed_block *block = &list->blocks[i];
        struct entry *e = &entries[i];
        *e = (struct entry) { .tensor = block->tensor,
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
    head.bytes = end;
    return head;
}

/* A new file that nobody else is writing; -1: somebody is, or errno. */
static int open_new (int in, const char *name)
{
    struct stat about;
    enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW };
    int fd = openat (in, name, FLAGS, 0600);
    if (fd >= 0 || errno != EEXIST || fstatat (in, name, &about, AT_SYMLINK_NOFOLLOW))
        return fd;
    if (time (NULL) - about.st_mtime > STALE_SECONDS && !unlinkat (in, name, 0)) /* whoever was has ended */
        return openat (in, name, FLAGS, 0600);
    errno = EEXIST;
    return -1;
}

/* Whether another file that took its place from now on would have other times. */
static bool has_settled (const struct file_identity *identity)
{
    struct timespec now, last = identity->changed;
    const struct timespec modified = identity->modified;
    if (modified.tv_sec > last.tv_sec || (modified.tv_sec == last.tv_sec && modified.tv_nsec > last.tv_nsec))
        last = modified;
    clock_gettime (CLOCK_REALTIME, &now);
    int64_t age = (int64_t)(now.tv_sec - last.tv_sec) * 1000000000 + now.tv_nsec - last.tv_nsec;
    return age > (last.tv_nsec ? SETTLED_NANOSECONDS : INT64_C (2000000000));
}

/* In the folder `in`. False: errno, or it was stopped. */
static bool save_in (int in, const struct state *network, const struct build *build, const struct onnx_compact *compact,
                     const struct list *list)
{
    char name[NAME_BYTES], new_name[NAME_BYTES];
    file_name (name, network, build, "");
    file_name (new_name, network, build, ".new");
    struct entry *entries = calloc ((size_t)list->count + 1, sizeof *entries);
    int fd = entries ? open_new (in, new_name) : -1;
    if (fd < 0) {
        free (entries);
        return entries && errno == EEXIST;
    }
    const struct head head = describe (network, build, entries, compact, list);
    struct output out = { .fd = fd, .sum = { .lane = { 1, 2, 3, 4 } }, .good = !fchmod (fd, 0600) };
    write_file (&out, &head, entries, compact, list);
    free (entries);
    bool good = close (fd) == 0 && out.good && renameat (in, new_name, in, name) == 0;
    int reason = errno;
    if (!good)
        unlinkat (in, new_name, 0);
    errno = reason;
    return good;
}

void packed_cache_save (const char *folder, const struct file_identity *identity, const struct onnx_compact *compact,
                        struct graph *graph, struct notices *notices)
{
    struct list list = { NULL };
    struct build build;
    const struct state network = state_of (identity);
    graph_packed_blocks (graph, take_block, &list);
    bool wanted = list.made && !list.failed && has_settled (identity) && find_build (&build);
    int in = wanted ? open_folder (folder, true, notices) : -1;
    if (in >= 0 && !save_in (in, &network, &build, compact, &list) && !work_stopped ())
        notices_add (notices, "%s: packed weights are not kept: they cannot be written: %s", report_path (folder),
                     strerror (errno));
    if (in >= 0)
        close (in);
    free (list.blocks);
}
