/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* async.c: the network on a thread of its own; see async.h. */
#include "plugin/async.h"

#include <fenv.h>

#include "plugin/log.h"
#include "plugin/region_results.h"
#include "plugin/regions.h"

struct async {
    GThread *thread;
    struct inference *inference; /* the thread's */

    GMutex lock; /* guards the rest */
    GCond changed;
    GstBuffer *buffer; /* the frame that waits, or NULL */
    GstVideoInfo info;
    struct moment moment;
    guint stream;      /* moves with async_forget */
    gboolean working;  /* on a frame that was taken */
    gboolean posting;  /* its result, of this stream */
    gboolean flushing; /* nobody shall wait */
    gboolean failed;   /* a frame could not be read */
    gboolean over;     /* the thread shall end */
    struct outcome outcome;
};

void outcome_clear (struct outcome *outcome)
{
    result_clear (&outcome->result);
    g_clear_pointer (&outcome->regions, g_array_unref);
    g_clear_pointer (&outcome->composition, gst_video_overlay_composition_unref);
}

/* `to` may hold another. */
static void outcome_copy (struct outcome *to, const struct outcome *from)
{
    GstVideoOverlayComposition *before = to->composition;
    to->composition = from->composition ? gst_video_overlay_composition_ref (from->composition) : NULL;
    if (before)
        gst_video_overlay_composition_unref (before);
    g_clear_pointer (&to->regions, g_array_unref);
    to->regions = region_memory_copy (from->regions);
    result_copy (&to->result, &from->result);
    to->seen = from->seen;
    to->serial = from->serial;
}

/* What the inference said last, of the frame `seen`. It stays the owner of all but the pointers. */
static struct outcome outcome_of (const struct inference *inference, GstVideoOverlayComposition *composition,
                                  const struct moment *seen)
{
    struct outcome outcome = { .composition = composition, .seen = *seen };
    if (regions_wanted (inference))
        outcome.regions = inference->regions->memory;
    else
        outcome.result = inference->result;
    return outcome;
}

/* ---- the thread ------------------------------------------------------------------------------------------------ */

enum look { LOOK_FAILED /* it could not be read */, LOOK_PASSED, LOOK_SEEN };

/* A frame in work. */
struct work {
    GstBuffer *buffer;
    GstVideoInfo info;
    struct moment moment;
    guint stream;
};

/* Waits for a frame and takes it. FALSE: it is over. */
static gboolean take_work (struct async *async, struct work *work)
{
    g_mutex_lock (&async->lock);
    async->working = FALSE;
    g_cond_broadcast (&async->changed);
    while (!async->buffer && !async->over)
        g_cond_wait (&async->changed, &async->lock);
    gboolean there = !async->over;
    if (there) {
        *work = (struct work) { g_steal_pointer (&async->buffer), async->info, async->moment, async->stream };
        async->working = TRUE;
    }
    g_mutex_unlock (&async->lock);
    return there;
}

static void count_skipped (struct inference *inference)
{
    GST_OBJECT_LOCK (inference->element);
    inference->shared->stats.skipped++;
    GST_OBJECT_UNLOCK (inference->element);
}

/* Shows its regions to the network. Which there are, and where, is news in any case. */
static enum look look_at_regions (struct inference *inference, struct work *work)
{
    struct sight sight = { work->buffer, &work->info, work->moment };
    gboolean runs = regions_find (inference, &sight) && gates_open (inference, &sight);
    gboolean good = !runs || regions_run (inference, &sight, GST_CLOCK_TIME_NONE);
    if (!runs)
        count_skipped (inference);
    gst_clear_buffer (&work->buffer);
    return good ? LOOK_SEEN : LOOK_FAILED;
}

/* Shows all of it to the network. LOOK_PASSED: the gates let it pass, and what was seen last holds. */
static enum look look_at_frame (struct inference *inference, struct work *work)
{
    struct sight sight = { work->buffer, &work->info, work->moment };
    if (!gates_open (inference, &sight)) {
        gst_clear_buffer (&work->buffer);
        count_skipped (inference);
        return LOOK_PASSED;
    }
    gboolean good = inference_begin (inference, &sight);
    gst_clear_buffer (&work->buffer); /* converted: upstream gets its memory back */
    if (!good)
        return LOOK_FAILED;
    inference_go_on (inference, GST_CLOCK_TIME_NONE);
    return LOOK_SEEN;
}

/* Looks and draws. */
static enum look look (struct inference *inference, struct work *work, GstVideoOverlayComposition **composition)
{
    inference_follow (inference);
    enum look looked = regions_wanted (inference) ? look_at_regions (inference, work) : look_at_frame (inference, work);
    *composition = NULL;
    if (looked != LOOK_SEEN)
        return looked;
    GstClockTime start = gst_util_get_timestamp ();
    if (inference->active.appearance.overlay != OVERLAY_NONE) {
        *composition =
            inference_draw (inference, GST_VIDEO_INFO_WIDTH (&work->info), GST_VIDEO_INFO_HEIGHT (&work->info));
        shared_drawn (inference->shared, gst_util_get_timestamp () - start);
    }
    return LOOK_SEEN;
}

/* Those that the network has just seen; the others are told of with the frames that carry them. */
static void post_regions (struct inference *inference, const struct carrier *carrier)
{
    struct regions *regions = inference->regions;
    GArray *seen = g_array_new (FALSE, FALSE, sizeof (struct region));
    for (guint i = 0; i < regions->found->len; i++) {
        const struct region *region = &g_array_index (regions->found, struct region, i);
        const struct region_result *newest = region_newest (region, regions->memory);
        if (newest && newest->run == regions->run)
            g_array_append_val (seen, *region);
    }
    region_results_post (seen, regions->memory, regions->run, inference->messages, &inference->active, carrier);
    g_array_unref (seen);
}

/* Makes the result the newest and posts it, unless the stream is another by now. */
static void publish (struct async *async, const struct work *work, gboolean good,
                     GstVideoOverlayComposition *composition)
{
    struct inference *inference = async->inference;
    g_mutex_lock (&async->lock);
    gboolean current = async->stream == work->stream && good;
    if (!good && async->stream == work->stream) {
        async->failed = TRUE; /* one error is enough */
        gst_clear_buffer (&async->buffer);
    }
    if (current) {
        struct outcome outcome = outcome_of (inference, composition, &work->moment);
        outcome.serial = async->outcome.serial + 1;
        outcome_copy (&async->outcome, &outcome);
        async->posting = TRUE;
    }
    g_mutex_unlock (&async->lock);
    if (!current)
        return;
    struct carrier carrier = { .element = inference->element, .moment = work->moment, .fresh = TRUE };
    if (!regions_wanted (inference))
        messages_post_result (inference->messages, &inference->active, &inference->result, &carrier);
    else if (inference->regions->fresh)
        post_regions (inference, &carrier);
    g_mutex_lock (&async->lock);
    async->posting = FALSE;
    g_cond_broadcast (&async->changed);
    g_mutex_unlock (&async->lock);
}

static gpointer run (gpointer data)
{
    struct async *async = data;
    struct work work;
    guint stream = 0;
    fesetenv (FE_DFL_ENV); /* not what the host does to its numbers, which threads inherit */
    while (take_work (async, &work)) {
        if (stream != work.stream)
            inference_forget (async->inference);
        stream = work.stream;
        GstVideoOverlayComposition *composition = NULL;
        enum look looked = look (async->inference, &work, &composition);
        if (looked != LOOK_PASSED)
            publish (async, &work, looked == LOOK_SEEN, composition);
    }
    g_mutex_lock (&async->lock);
    gboolean another = stream != async->stream;
    g_mutex_unlock (&async->lock);
    if (another) /* what it saw last is of another stream, and the inference goes on in step */
        inference_forget (async->inference);
    return NULL;
}

/* ---- the streaming thread -------------------------------------------------------------------------------------- */

struct async *async_new (struct inference *inference)
{
    struct async *async = g_new0 (struct async, 1);
    async->inference = inference;
    g_mutex_init (&async->lock);
    g_cond_init (&async->changed);
    if (inference->result.valid) { /* a limit may leave it the newest one for long */
        struct outcome outcome = outcome_of (inference, inference->composition, &inference->result.seen);
        outcome.serial = 1;
        outcome_copy (&async->outcome, &outcome);
    }
    async->thread = g_thread_try_new ("convrelu-async", run, async, NULL);
    if (async->thread)
        return async;
    async_free (async);
    return NULL;
}

void async_free (struct async *async)
{
    if (!async)
        return;
    g_mutex_lock (&async->lock);
    async->over = TRUE;
    g_cond_broadcast (&async->changed);
    g_mutex_unlock (&async->lock);
    inference_hurry (async->inference, HURRY_OVER, TRUE);
    if (async->thread)
        g_thread_join (async->thread);
    inference_hurry (async->inference, HURRY_OVER, FALSE);
    gst_clear_buffer (&async->buffer);
    outcome_clear (&async->outcome);
    g_cond_clear (&async->changed);
    g_mutex_clear (&async->lock);
    g_free (async);
}

/* How the planes lie, which is not copied without the memory that it is about. */
static void copy_layout (GstBuffer *to, GstBuffer *from)
{
    const GstVideoMeta *layout = gst_buffer_get_video_meta (from);
    if (!layout)
        return;
    gsize offset[GST_VIDEO_MAX_PLANES];
    gint stride[GST_VIDEO_MAX_PLANES];
    memcpy (offset, layout->offset, sizeof offset);
    memcpy (stride, layout->stride, sizeof stride);
    GstVideoMeta *meta = gst_buffer_add_video_meta_full (to, layout->flags, layout->format, layout->width,
                                                         layout->height, layout->n_planes, offset, stride);
    meta->id = layout->id;
    meta->map = layout->map;
    meta->unmap = layout->unmap;
    gst_video_meta_set_alignment (meta, layout->alignment);
}

/* A buffer of the same memory, beside which the stream's stays writable. gst_buffer_copy would hold the stream's where
 * that is of a pool (GStreamer 1.26); the pool gives up a buffer whose memory is still in use. */
static GstBuffer *share_memory (GstBuffer *frame)
{
    GstBuffer *buffer = gst_buffer_new ();
    gst_buffer_copy_into (buffer, frame, GST_BUFFER_COPY_FLAGS | GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_META, 0,
                          -1);
    for (guint i = 0; i < gst_buffer_n_memory (frame); i++)
        gst_buffer_append_memory (buffer, gst_buffer_get_memory (frame, i));
    copy_layout (buffer, frame);
    return buffer;
}

gboolean async_submit (struct async *async, const struct sight *sight)
{
    GstBuffer *buffer = share_memory (sight->buffer);
    g_mutex_lock (&async->lock);
    gboolean good = !async->failed;
    GstBuffer *before = buffer;
    if (good) {
        before = async->buffer;
        async->buffer = buffer;
        async->info = *sight->info;
        async->moment = sight->moment;
    }
    g_cond_broadcast (&async->changed);
    g_mutex_unlock (&async->lock);
    gst_clear_buffer (&before);
    return good;
}

gboolean async_latest (struct async *async, struct outcome *outcome)
{
    g_mutex_lock (&async->lock);
    gboolean newer = outcome->serial != async->outcome.serial;
    if (newer)
        outcome_copy (outcome, &async->outcome);
    g_mutex_unlock (&async->lock);
    return newer;
}

void async_drain (struct async *async)
{
    g_mutex_lock (&async->lock);
    while ((async->buffer || async->working) && !async->flushing && !async->failed)
        g_cond_wait (&async->changed, &async->lock);
    g_mutex_unlock (&async->lock);
}

void async_flushing (struct async *async, gboolean flushing)
{
    g_mutex_lock (&async->lock);
    async->flushing = flushing;
    g_cond_broadcast (&async->changed);
    g_mutex_unlock (&async->lock);
}

void async_forget (struct async *async)
{
    g_mutex_lock (&async->lock);
    while (async->posting && g_thread_self () != async->thread)
        g_cond_wait (&async->changed, &async->lock);
    GstBuffer *before = g_steal_pointer (&async->buffer);
    async->stream++;
    async->failed = FALSE;
    outcome_clear (&async->outcome);
    async->outcome.serial++;
    g_mutex_unlock (&async->lock);
    gst_clear_buffer (&before);
}
