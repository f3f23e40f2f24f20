/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* content.c: the bytes of a network's file -> a graph and what stands beside it in there; the list of those in use. */
#include "models/content.h"

#include "engine/work.h"
#include "models/bundled.h"
#include "models/finite.h"
#include "models/model_private.h"
#include "models/network.h"
#include "models/onnx.h"
#include "models/report.h"
#include "models/safetensors.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MODEL_BYTES_MAX ((size_t)2 << 30) /* protobuf's own limit */

enum { LOOK_AGAIN = 5000 }; /* microseconds between two looks at whether a wait is still wanted */

#define SECOND INT64_C (1000000000)
#define TICK (SECOND / 10) /* clocks of file systems tick at least so often, or in whole seconds */

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* Who knows the size of an input that leaves it open: the info beside the file, or one that was read before. */
struct size_source {
    const struct modelinfo *info;
    const struct content *like;
};

static void open_size (const void *data, const char *input, int *height, int *width)
{
    const struct size_source *source = data;
    modelinfo_size (source->info, input, height, width);
    if (source->like) {
        *height = source->like->open_size[0];
        *width = source->like->open_size[1];
    }
}

/* What the reader has found besides the graph. */
static void take_extras (struct content *content, const struct onnx_extras *extras, const struct size_source *source)
{
    content->input = model_input_of_graph (content->graph);
    content->input.from.size = ORIGIN_FILE;
    content->input.channels_last = extras->channels_last;
    for (int c = 0; extras->bytes && c < 4; c++) { /* what it does with bytes is inside */
        content->input.mean[c] = 0;
        content->input.std[c] = 1;
        content->input.from.mean = content->input.from.std = ORIGIN_FILE;
    }
    content->input_said = extras->bytes;
    content->size_left_open = extras->size_left_open;
    if (extras->size_left_open) {
        int *said = content->open_size;
        open_size (source, graph_tensor (content->graph, 0).name, &said[0], &said[1]);
        content->input.from.size = said[0] || said[1] ? ORIGIN_SIDE_FILE : ORIGIN_DEFAULT;
    }
}

/* bytes NULL: of what content->compact keeps of the file, which is open. */
static bool load_onnx (const char *path, char *bytes, const struct file *file, const struct size_source *source,
                       struct content *content, struct error *error)
{
    size_t size = (size_t)file->size;
    struct onnx_extras extras = { .open_size = open_size, .data = source, .notices = &content->notices };
    if (bytes && content->cache_folder)
        extras.compact = &content->compact;
    content->graph = bytes ? onnx_read (path, bytes, size, &extras, error)
                           : onnx_read_compact (path, &content->compact, file, &extras, error);
    content->own_compact = extras.compact && content->graph;
    content->labels = extras.labels;
    content->files = extras.files;
    content->quantised = (struct quantised) { extras.quantised_tensors, extras.quantised_constants };
    if (!content->graph)
        return false;
    take_extras (content, &extras, source);
    return true;
}

static bool load_safetensors (const char *path, const char *bytes, size_t size, struct content *content,
                              struct error *error)
{
    struct safetensors file;
    if (!(safetensors_recognise_index (bytes, size) ? safetensors_open_index (path, bytes, size, &file, error)
                                                    : safetensors_open (path, bytes, size, &file, error)))
        return false;
    file.read_once = !content->bundled; /* which lies in the program itself */
    const char *labels = safetensors_metadata (&file, "labels");
    struct network_extras extras = { .notices = &content->notices };
    content->graph = network_build (&file, &extras, error);
    content->features = extras.features;
    bool good = content->graph != NULL;
    if (good)
        content->input = model_input_of_graph (content->graph);
    good = good && network_input (&file, &content->input, &content->input_said, error);
    if (good && labels && !(content->labels = strdup (labels)))
        good = report (error, "%s: no memory for its labels", report_path (path));
    content->files = file.files;
    file.files = (struct file_list) { 0 };
    safetensors_close (&file);
    return good;
}

/* By what is in it. What is too damaged to tell is judged by its name, so that the error is about the right format. */
static bool is_safetensors (const char *path, const char *bytes, size_t size)
{
    return safetensors_recognise (bytes, size) || safetensors_recognise_index (bytes, size) ||
           !strcmp (path + file_suffix_start (path), ".safetensors");
}

static struct timespec clock_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return now;
}

/* Whether a file that was written to after `then`, before which nobody had looked at it, would have other times. */
static bool has_settled (const struct file_identity *identity, struct timespec then)
{
    struct timespec last = identity->changed;
    const struct timespec modified = identity->modified;
    if (modified.tv_sec > last.tv_sec || (modified.tv_sec == last.tv_sec && modified.tv_nsec > last.tv_nsec))
        last = modified;
    int64_t age = (int64_t)(then.tv_sec - last.tv_sec) * SECOND + then.tv_nsec - last.tv_nsec;
    return age > (last.tv_nsec ? TICK : 2 * SECOND);
}

static bool load_whole (const char *path, const struct size_source *source, struct content *content,
                        struct error *error)
{
    struct file file = { .path = NULL };
    size_t size = 0;
    struct timespec before = clock_now ();
    char *bytes = file_read_identified (path, MODEL_BYTES_MAX, &size, &content->identity, error);
    content->settled = has_settled (&content->identity, before);
    bool good = bytes && (size || report (error, "%s: is empty", report_path (path)));
    file.size = size;
    if (good && !is_safetensors (path, bytes, size))
        return load_onnx (path, bytes, &file, source, content, error); /* which frees the bytes */
    good = good && load_safetensors (path, bytes, size, content, error);
    free (bytes);
    return good;
}

static void forget_read (struct content *content)
{
    graph_unref (content->graph);
    free (content->labels);
    file_list_free (&content->files);
    content->graph = NULL;
    content->labels = NULL;
    content->compact.size = 0;
    content->open_size[0] = content->open_size[1] = 0;
}

/* The file without the numbers that are in the cache. False: all of it is to be read. */
static bool load_cached (const char *path, const struct packed_cache *cache, const struct size_source *source,
                         struct content *content)
{
    struct file file;
    struct error unused;
    if (!packed_cache_compact (cache).size || !file_open (path, &file, &unused))
        return false;
    bool good = file_same (&file.identity, &content->identity);
    if (good) {
        work_allow_bytes (file.size); /* some numbers are read all the same */
        content->compact = packed_cache_compact (cache);
        good = load_onnx (path, NULL, &file, source, content, &unused) && file_unchanged (&file, &unused) &&
               content->files.count == 0 && packed_cache_sized (cache, content->open_size);
    }
    file_close (&file);
    if (!good)
        forget_read (content);
    return content->dropped = good;
}

static bool load_file (const char *path, const struct size_source *source, struct content *content, struct error *error)
{
    struct packed_cache *cache = NULL;
    struct timespec start = clock_now ();
    if (content->cache_folder && file_identify (path, &content->identity))
        cache = packed_cache_open (content->cache_folder, &content->identity, &content->notices);
    content->settled = has_settled (&content->identity, start);
    struct file_identity known = content->identity;
    struct notices before = content->notices;
    bool good = cache && load_cached (path, cache, source, content);
    if (!good) {
        content->notices = before;
        good = load_whole (path, source, content, error);
    }
    if (good && cache && content->files.count == 0 && file_same (&known, &content->identity) &&
        packed_cache_sized (cache, content->open_size)) {
        graph_adopt_packed (content->graph, packed_cache_source (cache, content->graph));
        content->adopted = cache;
        content->trials = *packed_cache_trials (cache);
    } else {
        packed_cache_free (cache);
    }
    return good;
}

static bool load_bundled (struct content *content, struct error *error)
{
    size_t size;
    const char *bytes = bundled_network (&size);
    if (!bytes)
        return report (error, "no network is bundled with this build: name a model file");
    return load_safetensors (bundled_path, bytes, size, content, error);
}

static void content_free (struct content *content)
{
    if (content->own_compact)
        free (content->compact.bytes);
    forget_read (content);
    free (content->path);
    free (content->cache_folder);
    free (content);
}

static struct content *read_as (const char *path, const struct size_source *source, const char *cache_folder,
                                struct error *error)
{
    const char *name = path ? path : bundled_path;
    struct content *content = calloc (1, sizeof *content);
    if (content && path && cache_folder)
        content->cache_folder = strdup (cache_folder);
    if (!content || !(content->path = strdup (name)) || (path && cache_folder && !content->cache_folder)) {
        if (content)
            content_free (content);
        report (error, "%s: no memory", report_path (name));
        return NULL;
    }
    content->references = 1;
    content->held = true;
    content->bundled = !path;
    if (path ? load_file (path, source, content, error) : load_bundled (content, error))
        return content;
    content_free (content);
    return NULL;
}

struct content *content_read (const char *path, const struct modelinfo *info, const char *cache_folder,
                              struct error *error)
{
    struct content *content = read_as (path, &(struct size_source) { .info = info }, cache_folder, error);
    if (content && !finite_check (content->path, content->graph, &content->notices))
        content->uncached = true;
    if (content && work_stopped ()) { /* not all of it was looked at: nobody else may take it for whole */
        char refusal[100];
        report (error, "%s: %s", report_path (content->path), work_refusal (refusal));
        content_unref (content);
        return NULL;
    }
    return content;
}

/* ---- those in use -------------------------------------------------------------------------------------------- */

/* A file that a thread is reading; on that thread's stack. */
struct reading {
    struct reading *next;
    const char *path; /* NULL: the bundled network */
    struct file_identity identity;
};

static GMutex lock;
static GCond change; /* a content is read, or not held any more */
static struct content *contents;
static uint64_t listed; /* how many were ever put into that list */
static struct reading *readings;

static bool same_files (const struct file_list *a, const struct file_list *b)
{
    bool same = a->count == b->count && a->count >= 0;
    for (int i = 0; same && i < a->count; i++)
        same = file_same (&a->list[i].identity, &b->list[i].identity);
    return same;
}

/* Whether its other files are as they were. They are beside the path that it was read from. */
static bool files_stay (const struct content *content, const char *path)
{
    const struct file_list *files = &content->files;
    bool stay = files->count > 0 && !strcmp (path, content->path);
    for (int i = 0; stay && i < files->count; i++) {
        struct file_identity now;
        stay = file_identify (files->list[i].path, &now) && file_same (&now, &files->list[i].identity);
    }
    return stay;
}

static bool same_open_size (const struct content *content, const struct modelinfo *info)
{
    int height, width;
    if (!content->size_left_open)
        return true;
    modelinfo_size (info, graph_tensor (content->graph, 0).name, &height, &width);
    return height == content->open_size[0] && width == content->open_size[1];
}

/* With the lock, which is given up while its other files are looked at: one on a mount that does not answer stops this
 * thread alone. With a reference for the caller; NULL: there is none. */
static struct content *find (const char *path, const struct file_identity *identity, const struct modelinfo *info)
{
    uint64_t newest = listed, below = UINT64_MAX;
    for (;;) {
        struct content *c = contents; /* the newest first */
        while (c && !(c->serial < below && c->bundled == !path && file_same (&c->identity, identity) &&
                      same_open_size (c, info)))
            c = c->next;
        if (!c && newest == listed)
            return NULL;
        if (!c) { /* another thread has added one meanwhile */
            newest = listed;
            below = UINT64_MAX;
            continue;
        }
        c->references++;
        if (c->files.count == 0 || c->held) /* they are looked at once it is not */
            return c;
        below = c->serial;
        g_mutex_unlock (&lock);
        bool stay = files_stay (c, path);
        if (!stay)
            content_unref (c);
        g_mutex_lock (&lock);
        if (stay)
            return c;
    }
}

static bool is_being_read (const char *path, const struct file_identity *identity)
{
    const struct reading *r = readings;
    while (r && !(!r->path == !path && file_same (&r->identity, identity)))
        r = r->next;
    return r != NULL;
}

/* With the lock, which another thread may have meanwhile. False and a filled error: nobody waits any more. */
static bool wait_for_change (const char *path, struct error *error)
{
    char refusal[100];
    g_cond_wait_until (&change, &lock, g_get_monotonic_time () + LOOK_AGAIN);
    return work_spend (0) || report (error, "%s: %s", report_path (path), work_refusal (refusal));
}

/* With the lock, which is given up while it reads. */
static struct content *read_listed (const char *path, const struct file_identity *identity,
                                    const struct modelinfo *info, const char *cache_folder, struct error *error)
{
    struct reading reading = { readings, path, *identity };
    readings = &reading;
    g_mutex_unlock (&lock);
    struct content *content = content_read (path, info, cache_folder, error);
    g_mutex_lock (&lock);
    struct reading **link = &readings;
    while (*link != &reading)
        link = &(*link)->next;
    *link = reading.next;
    if (content) {
        content->listed = true;
        content->serial = listed++;
        content->next = contents;
        contents = content;
    }
    g_cond_broadcast (&change);
    return content;
}

struct content *content_share (const char *path, const struct modelinfo *info, const char *cache_folder,
                               struct error *error)
{
    struct file_identity identity = { 0 };
    if (path && !file_identify (path, &identity))
        return content_read (path, info, cache_folder, error); /* which says what is wrong with it */
    struct content *content = NULL;
    bool goes_on = true;
    g_mutex_lock (&lock);
    while (goes_on && !content) {
        struct content *found = find (path, &identity, info);
        if (found && !found->held) {
            content = found;
            content->held = true;
        } else if (found || is_being_read (path, &identity)) {
            if (found) {
                g_mutex_unlock (&lock);
                content_unref (found);
                g_mutex_lock (&lock);
            }
            goes_on = wait_for_change (path ? path : bundled_path, error);
        } else {
            content = read_listed (path, &identity, info, cache_folder, error);
            goes_on = false;
        }
    }
    g_mutex_unlock (&lock);
    return content;
}

bool content_hold (struct content *content, struct error *error)
{
    bool goes_on = true;
    g_mutex_lock (&lock);
    while (goes_on && content->held)
        goes_on = wait_for_change (content->path, error);
    if (goes_on)
        content->held = true;
    g_mutex_unlock (&lock);
    return goes_on;
}

bool content_need_weights (struct content *content, const char *path, struct error *error)
{
    if (!content->dropped)
        return true;
    bool goes_on = true;
    g_mutex_lock (&lock);
    while (goes_on && content->writers)
        goes_on = wait_for_change (content->path, error);
    g_mutex_unlock (&lock);
    if (!goes_on)
        return false;
    struct content *fresh =
        read_as (content->bundled ? NULL : path, &(struct size_source) { .like = content }, NULL, error);
    if (!fresh)
        return false;
    bool same = file_same (&content->identity, &fresh->identity) && same_files (&content->files, &fresh->files) &&
                graph_take_weights (content->graph, fresh->graph);
    content_free (fresh);
    content->dropped = !same;
    return same || report (error, "%s: was changed while being read", report_path (path));
}

struct packed_kept *content_to_keep (struct content *content)
{
    bool wanted = content->cache_folder && !content->files.count && !content->uncached && content->settled;
    struct packed_kept *kept = wanted ? malloc (sizeof *kept) : NULL;
    if (!kept)
        return NULL;
    graph_drop_weights (content->graph); /* until they are there again nothing packed goes, whoever frees a plan */
    *kept = (struct packed_kept) { .folder = content->cache_folder,
                                   .identity = &content->identity,
                                   .open_size = content->open_size,
                                   .compact = &content->compact,
                                   .before = content->adopted,
                                   .trials = content->trials };
    g_mutex_lock (&lock);
    content->dropped = true;
    content->writers++;
    g_mutex_unlock (&lock);
    return kept;
}

void content_forgo (struct content *content, struct packed_kept *kept)
{
    free (kept);
    g_mutex_lock (&lock);
    content->writers--;
    g_cond_broadcast (&change);
    g_mutex_unlock (&lock);
}

void content_keep (struct content *content, struct packed_kept *kept, struct notices *notices)
{
    packed_cache_save (kept, content->graph, notices);
    content_forgo (content, kept);
}

void content_release (struct content *content)
{
    graph_drop_weights (content->graph);
    g_mutex_lock (&lock);
    content->dropped = true;
    content->held = false;
    g_cond_broadcast (&change);
    g_mutex_unlock (&lock);
}

void content_unref (struct content *content)
{
    if (!content)
        return;
    g_mutex_lock (&lock);
    bool last = --content->references == 0;
    struct content **link = &contents;
    while (last && content->listed && *link != content)
        link = &(*link)->next;
    if (last && content->listed)
        *link = content->next;
    g_mutex_unlock (&lock);
    if (last)
        content_free (content);
}
