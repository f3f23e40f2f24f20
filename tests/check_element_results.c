/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_results.c: what the element says of a frame and when, what it leaves alone, how it answers queries, and
 * how it refuses what cannot be used. */
#include "element.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

/* ---- what it says ---------------------------------------------------------------------------------------------- */

struct labelled {
    int count;
    int ids[16];
    float scores[16];
    char labels[16][64];
    gboolean fresh;
};

#ifdef HAVE_ANALYTICS

static void read_metadata (GstBuffer *buffer, struct labelled *said)
{
    gpointer state = NULL;
    GstAnalyticsMtd found;
    GstAnalyticsRelationMeta *meta = gst_buffer_get_analytics_relation_meta (buffer);
    *said = (struct labelled) { .count = 0 };
    if (!meta || !gst_analytics_relation_meta_iterate (meta, &state, gst_analytics_cls_mtd_get_mtd_type (), &found))
        return;
    GstAnalyticsClsMtd classes = { found.id, found.meta };
    said->count = (int)gst_analytics_cls_mtd_get_length (&classes);
    for (int i = 0; i < MIN (said->count, 16); i++) {
        said->scores[i] = gst_analytics_cls_mtd_get_level (&classes, (gsize)i);
        const char *label = g_quark_to_string (gst_analytics_cls_mtd_get_quark (&classes, (gsize)i));
        g_strlcpy (said->labels[i], label ? label : "", sizeof said->labels[i]);
        said->ids[i] = -1; /* a quark is all there is */
    }
    said->fresh = -1;
    const GstStructure *result = result_of (buffer, NULL);
    if (result)
        gst_structure_get_boolean (result, "fresh", &said->fresh);
}

#else

static void read_metadata (GstBuffer *buffer, struct labelled *said)
{
    GstVideoRegionOfInterestMeta *meta = NULL;
    gpointer state = NULL;
    *said = (struct labelled) { .count = 0 };
    for (GstMeta *any;
         (any = gst_buffer_iterate_meta_filtered (buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));)
        if (((GstVideoRegionOfInterestMeta *)any)->roi_type == g_quark_from_string ("classification"))
            meta = (GstVideoRegionOfInterestMeta *)any;
    if (!meta)
        return;
    CHECK (meta->x == 0 && meta->y == 0 && meta->w == 50 && meta->h == 40, "the region is %u %u %ux%u", meta->x,
           meta->y, meta->w, meta->h);
    for (GList *param = meta->params; param && said->count < 16; param = param->next, said->count++) {
        const char *label = gst_structure_get_string (param->data, "label");
        gdouble confidence = -1;
        gst_structure_get (param->data, "label_id", G_TYPE_INT, &said->ids[said->count], "confidence", G_TYPE_DOUBLE,
                           &confidence, "fresh", G_TYPE_BOOLEAN, &said->fresh, NULL);
        said->scores[said->count] = (float)confidence;
        g_strlcpy (said->labels[said->count], label ? label : "", sizeof said->labels[0]);
    }
}

#endif

static void check_metadata (void)
{
    group ("metadata and messages");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 7);
    gst_buffer_add_video_region_of_interest_meta (frame, "face", 1, 2, 3, 4); /* somebody else's */
    listen_to (rig.bus);
    GstBuffer *out = gst_harness_push_and_pull (rig.h, frame);
    struct labelled meta;
    read_metadata (out, &meta);
    struct said said = listen_to (rig.bus);
    static const int ids[] = { 0, 1, 2, 3 };
    static const char *const labels[] = { "red", "green", "blue", "none" };
    static const double colour[] = { 200, 100, 50, 0 };
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += exp (colour[i] / 255 * (double)gain);
    CHECK (meta.count == 4 && said.count == 4 && said.messages == 1, "%d classes on the buffer, %d in %d messages",
           meta.count, said.count, said.messages);
    for (int i = 0; i < 4; i++) {
        double score = exp (colour[i] / 255 * (double)gain) / sum;
        CHECK (strcmp (said.labels[i], labels[i]) == 0 && said.ids[i] == ids[i] &&
                   fabs ((double)said.scores[i] - score) < 0.005,
               "message: class %d is %d \"%s\" %g, not %g", i, said.ids[i], said.labels[i], (double)said.scores[i],
               score);
        CHECK (strcmp (meta.labels[i], labels[i]) == 0 && (meta.ids[i] == ids[i] || meta.ids[i] == -1) &&
                   said.scores[i] == meta.scores[i],
               "buffer: class %d is %d \"%s\" %g", i, meta.ids[i], meta.labels[i], (double)meta.scores[i]);
    }
    CHECK (meta.fresh == TRUE && said.fresh, "the result is not fresh");
    CHECK (said.timestamp == GST_BUFFER_PTS (out) && said.duration == GST_BUFFER_DURATION (out) &&
               said.stream_time == said.timestamp && said.running_time == said.timestamp,
           "wrong times in the message");
    CHECK (said.inference_time > 0 && said.inference_time < 10 * GST_SECOND, "inference took %" G_GUINT64_FORMAT " ns",
           said.inference_time);
    gpointer state = NULL;
    int regions = 0;
    while (gst_buffer_iterate_meta_filtered (out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))
        regions++;
    CHECK (regions >= 1, "the region that was there is gone");
    gst_buffer_unref (out);

    g_object_set (rig.element, "post-messages", FALSE, NULL);
    said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    CHECK (said.messages == 0, "%d messages though they are off", said.messages);
    rig_free (&rig);
}

static void check_choice (void)
{
    group ("top-k and threshold");
    struct rig rig = rig_new ("top-k=2");
    rig_caps (&rig, "RGB", 50, 40);
    for (guint k = 1; k <= 6; k++) {
        g_object_set (rig.element, "top-k", k, NULL);
        struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
        CHECK (said.count == (int)MIN (k, CLASSES), "top-k=%u says %d classes", k, said.count);
    }
    static const float thresholds[] = { 0.0f, 0.05f, 0.11f, 0.5f, 0.9f, 1.0f };
    static const int left[] = { 4, 3, 2, 1, 0, 0 }; /* of about 0.74, 0.15, 0.07, 0.03 */
    for (int i = 0; i < 6; i++) {
        struct labelled meta;
        g_object_set (rig.element, "threshold", (double)thresholds[i], NULL);
        GstBuffer *out = gst_harness_push_and_pull (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
        struct said said = listen_to (rig.bus);
        read_metadata (out, &meta);
        CHECK (said.count == left[i] && meta.count == left[i] && said.messages == 1,
               "threshold=%g leaves %d in the message, %d on the buffer", (double)thresholds[i], said.count,
               meta.count);
        gst_buffer_unref (out);
    }
    rig_free (&rig);
}

/* `warning` is part of the only one, or NULL: none. */
static void check_labels_file (const char *name, const char *text, size_t size, const char *const expected[CLASSES],
                               const char *warning)
{
    char path[64], property[80];
    in_folder (path, sizeof path, name);
    write_file (path, text, size);
    snprintf (property, sizeof property, "labels-file=%s", path);
    struct rig rig = rig_new (property);
    rig_caps (&rig, "RGB", 50, 40);
    GstBuffer *out = gst_harness_push_and_pull (rig.h, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    struct said said = listen_to (rig.bus);
    struct labelled meta;
    read_metadata (out, &meta);
    CHECK (said.warnings == (warning != NULL) &&
               (!warning || (strstr (said.warning, warning) && strstr (said.warning, path))),
           "%s: %d warnings: %s", name, said.warnings, said.warning);
    for (int i = 0; i < CLASSES; i++) /* orange: the classes come in their own order */
        CHECK (strcmp (said.labels[i], expected[i]) == 0 && strcmp (meta.labels[i], expected[i]) == 0,
               "%s: class %d is \"%s\" in the message and \"%s\" on the buffer", name, i, said.labels[i],
               meta.labels[i]);
    gst_buffer_unref (out);
    rig_free (&rig);
}

static void check_labels (void)
{
    static const char crlf[] = "\xef\xbb\xbfrouge\r\nvert\r\n", odd[] = "%n%s\n<b>&amp;</b>\nr\xc3\xb6t\nlast";
    group ("labels");
    check_labels_file ("short.txt", crlf, sizeof crlf - 1,
                       (const char *const[]) { "rouge", "vert", "class 2", "class 3" }, "2 names for 4 classes");
    check_labels_file ("odd.txt", odd, sizeof odd - 1,
                       (const char *const[]) { "%n%s", "<b>&amp;</b>", "r\xc3\xb6t", "last" }, NULL);
}

/* ---- frames without inference ---------------------------------------------------------------------------------- */

static void check_interval (void)
{
    group ("inference-interval");
    struct rig rig = rig_new ("inference-interval=3");
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 9; n++) {
        bool fresh = n % 3 == 0;
        struct labelled meta;
        painter paint = fresh ? paint_orange : paint_blue; /* blue is never looked at */
        GstBuffer *out = gst_harness_push_and_pull (rig.h, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint), n));
        struct said said = listen_to (rig.bus);
        read_metadata (out, &meta);
        CHECK (said.messages == 1 && said.fresh == fresh && near (said.colour, 200, 100, 50, 2),
               "frame %d: %d messages, fresh %d, seen as %.0f %.0f %.0f", n, said.messages, said.fresh,
               (double)said.colour[0], (double)said.colour[1], (double)said.colour[2]);
        CHECK (meta.count == 4 && meta.fresh == fresh, "frame %d: %d classes on it, fresh %d", n, meta.count,
               meta.fresh);
        CHECK (said.timestamp == GST_BUFFER_PTS (out), "frame %d: the message has another frame's time", n);
        gst_buffer_unref (out);
    }
    CHECK (stat_of (rig.element, "frames") == 9 && stat_of (rig.element, "inferred") == 3 &&
               stat_of (rig.element, "skipped") == 6 && stat_of (rig.element, "late") == 0,
           "stats say otherwise");
    CHECK (gst_harness_push_event (rig.h, gst_event_new_gap (GST_SECOND, GST_SECOND)), "a GAP event was refused");
    rig_free (&rig);
}

static void check_gaps (void)
{
    group ("frames with the flag GAP");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < 5; n++) { /* before any result; then a frame, and its duplicates */
        bool fresh = n == 1;
        GstBuffer *in = timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, fresh ? paint_orange : paint_blue), n);
        if (!fresh)
            GST_BUFFER_FLAG_SET (in, GST_BUFFER_FLAG_GAP);
        GstBuffer *out = gst_harness_push_and_pull (rig.h, in);
        struct said said = listen_to (rig.bus);
        struct labelled meta;
        read_metadata (out, &meta);
        CHECK (said.messages == (n > 0) && meta.count == (n > 0 ? 4 : 0), "frame %d: %d messages, %d classes on it", n,
               said.messages, meta.count);
        CHECK (n == 0 || (said.fresh == fresh && meta.fresh == fresh && near (said.colour, 200, 100, 50, 2)),
               "frame %d: fresh %d and %d, seen as %.0f %.0f %.0f", n, said.fresh, meta.fresh, (double)said.colour[0],
               (double)said.colour[1], (double)said.colour[2]);
        CHECK (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_GAP) == !fresh, "frame %d: another flag", n);
        gst_buffer_unref (out);
    }
    CHECK (stat_of (rig.element, "frames") == 5 && stat_of (rig.element, "inferred") == 1 &&
               stat_of (rig.element, "skipped") == 4 && stat_of (rig.element, "late") == 0,
           "stats say otherwise");
    rig_free (&rig);
}

static struct said show_late (struct rig *rig, int n)
{
    return show (rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), n));
}

static void check_deadline (void)
{
    group ("deadline");
    struct rig rig = rig_new ("deadline=skip");
    rig_caps (&rig, "RGB", 50, 40);
    CHECK (show_late (&rig, 0).fresh, "the first frame is not looked at");
    /* The sink saw the frame of 0 s half a second too late: until 0.5 s all are late. */
    gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND / 2, 0));
    struct said said = show_late (&rig, 3);
    CHECK (said.messages == 1 && !said.fresh, "a late frame is looked at");
    CHECK (stat_of (rig.element, "late") == 1 && stat_of (rig.element, "skipped") == 1, "stats do not count it");
    CHECK (!show_late (&rig, 15).fresh, "the last late frame is looked at");
    CHECK (show_late (&rig, 16).fresh, "a frame in time is not looked at");
    gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, 10 * GST_SECOND, 0));
    CHECK (!show_late (&rig, 20).fresh && !show_late (&rig, 45).fresh, "late frames are looked at");
    CHECK (show_late (&rig, 46).fresh, "blind for more than a second");
    CHECK (!show_late (&rig, 47).fresh, "a late frame is looked at");
    g_object_set (rig.element, "inference-interval", 2, NULL);
    CHECK (!show_late (&rig, 48).fresh && !show_late (&rig, 49).fresh, "late frames are looked at");
    g_object_set (rig.element, "inference-interval", 1, NULL);
    gst_util_set_object_arg (G_OBJECT (rig.element), "deadline", "none");
    CHECK (show_late (&rig, 50).fresh, "deadline=none skips");
    gst_util_set_object_arg (G_OBJECT (rig.element), "deadline", "skip");
    CHECK (!show_late (&rig, 51).fresh, "a late frame is looked at");
    gst_harness_push_upstream_event (rig.h,
                                     gst_event_new_qos (GST_QOS_TYPE_OVERFLOW, 0.5, -GST_SECOND, 2 * GST_SECOND));
    CHECK (show_late (&rig, 52).fresh, "a frame in time is not looked at");
    guint received = gst_harness_upstream_events_received (rig.h);
    CHECK (received >= 3, "upstream sees %u of 3 QoS events", received);
    rig_free (&rig);
}

/* What the sink said of running times that are gone is not held against those that start again at zero. */
static void check_deadline_again (void)
{
    group ("deadline and streams without a flush");
    struct rig rig = rig_new ("deadline=skip");
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    rig_caps (&rig, "RGB", 50, 40);
    for (int start = 0; start < 2; start++) {
        show_late (&rig, 300);
        gst_harness_push_upstream_event (rig.h,
                                         gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND, 11 * GST_SECOND));
        CHECK (!show_late (&rig, 301).fresh, "a late frame is looked at");
        if (start)
            gst_harness_push_event (rig.h, gst_event_new_stream_start ("another"));
        gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
        for (int n = 0; n < 3; n++)
            CHECK (show_late (&rig, n).fresh, "frame %d after %s is not looked at", n,
                   start ? "another stream's start" : "an earlier one");
    }
    g_object_set (rig.element, "inference-interval", 1000, NULL);
    CHECK (!show_late (&rig, 4).fresh, "a frame between is looked at");
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("a third"));
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    CHECK (show_late (&rig, 5).fresh, "another stream's first frame is not looked at");
    rig_free (&rig);
}

static void check_qos_message (void)
{
    group ("QOS message");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "RGB", 50, 40);
    show_late (&rig, 0);
    gst_harness_push_upstream_event (rig.h, gst_event_new_qos (GST_QOS_TYPE_UNDERFLOW, 2.0, GST_SECOND / 2, 0));
    gst_harness_push (rig.h, timed (new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), 6));
    GstMessage *message = gst_bus_pop_filtered (rig.bus, GST_MESSAGE_QOS);
    if (CHECK (message != NULL, "no QOS message")) {
        guint64 processed, dropped, running_time;
        gint64 jitter;
        gst_message_parse_qos_stats (message, NULL, &processed, &dropped);
        gst_message_parse_qos_values (message, &jitter, NULL, NULL);
        gst_message_parse_qos (message, NULL, &running_time, NULL, NULL, NULL);
        CHECK (processed == 1 && dropped == 1 && jitter == (gint64)GST_SECOND / 2 && running_time == GST_SECOND / 5,
               "it says %" G_GUINT64_FORMAT " processed, %" G_GUINT64_FORMAT " not, jitter %" G_GINT64_FORMAT,
               processed, dropped, jitter);
        gst_message_unref (message);
    }
    rig_free (&rig);
}

/* ---- buffers --------------------------------------------------------------------------------------------------- */

static void check_kept (void)
{
    group ("buffers are left alone");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "I420", 50, 40);
    for (int shared = 0; shared < 3; shared++) {
        GstBuffer *in = timed (new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange), 5);
        char *before = checksum (in);
        GST_BUFFER_DTS (in) = 3 * GST_SECOND;
        GST_BUFFER_OFFSET (in) = 17;
        GST_BUFFER_OFFSET_END (in) = 18;
        GST_BUFFER_FLAG_SET (in, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_DROPPABLE | GST_BUFFER_FLAG_MARKER);
        GstMemory *memory = gst_buffer_peek_memory (in, 0), *reference = NULL;
        if (shared == 1)
            gst_buffer_ref (in); /* not writable */
        if (shared == 2)
            reference = gst_memory_ref (memory), GST_MINI_OBJECT_FLAG_SET (memory, GST_MEMORY_FLAG_READONLY);
        GstBuffer *original = in, *out = gst_harness_push_and_pull (rig.h, in);
        char *after = checksum (out);
        CHECK (g_strcmp0 (before, after) == 0, "the pixels have changed");
        CHECK (gst_buffer_peek_memory (out, 0) == memory, "the pixels were copied");
        CHECK ((out == original) == (shared != 1), "the buffer was %s",
               out == original ? "changed in place" : "replaced");
        CHECK (GST_BUFFER_PTS (out) == GST_SECOND / 6 && GST_BUFFER_DTS (out) == 3 * GST_SECOND &&
                   GST_BUFFER_DURATION (out) == GST_SECOND / 30 && GST_BUFFER_OFFSET (out) == 17 &&
                   GST_BUFFER_OFFSET_END (out) == 18,
               "times or offsets have changed");
        CHECK (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_DISCONT) &&
                   GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_DROPPABLE) &&
                   GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_MARKER),
               "flags have changed");
        struct labelled meta;
        if (shared == 1) {
            read_metadata (original, &meta);
            CHECK (meta.count == 0, "somebody else's buffer was written to");
            gst_buffer_unref (original);
        }
        g_free (before);
        g_free (after);
        gst_buffer_unref (out);
        if (reference)
            gst_memory_unref (reference);
    }
    /* Buffers that tell no time. */
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange));
    CHECK (said.messages == 1 && said.timestamp == GST_CLOCK_TIME_NONE && said.running_time == GST_CLOCK_TIME_NONE,
           "a frame without a time has one in the message");
    rig_free (&rig);
}

/* Memory that cannot be mapped, as that of some hardware. */
typedef GstAllocator Unmappable;
typedef GstAllocatorClass UnmappableClass;
GType unmappable_get_type (void);
G_DEFINE_TYPE (Unmappable, unmappable, GST_TYPE_ALLOCATOR)

static gpointer refuse_map (GstMemory *memory, gsize size, GstMapFlags flags)
{
    return NULL;
}

static void unmap_nothing (GstMemory *memory)
{
}

static GstMemory *unmappable_alloc (GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
    GstMemory *memory = g_new0 (GstMemory, 1);
    gst_memory_init (memory, GST_MEMORY_FLAG_NO_SHARE, allocator, NULL, size, 0, 0, size);
    return memory;
}

static void unmappable_free (GstAllocator *allocator, GstMemory *memory)
{
    g_free (memory);
}

static void unmappable_class_init (UnmappableClass *klass)
{
    klass->alloc = unmappable_alloc;
    klass->free = unmappable_free;
}

static void unmappable_init (Unmappable *allocator)
{
    allocator->mem_type = "Unmappable";
    allocator->mem_map = refuse_map;
    allocator->mem_unmap = unmap_nothing;
    GST_OBJECT_FLAG_SET (allocator, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

static void refuse (struct rig *rig, const char *what, GstBuffer *buffer)
{
    listen_to (rig->bus);
    GstFlowReturn flow = gst_harness_push (rig->h, buffer);
    struct said said = listen_to (rig->bus);
    CHECK (flow == GST_FLOW_ERROR, "%s: the flow is %s", what, gst_flow_get_name (flow));
    CHECK (said.errors == 1 && said.messages == 0, "%s: %d errors", what, said.errors);
    struct said next = show (rig, new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange));
    CHECK (next.messages == 1, "%s: the next frame is not looked at", what);
}

static GstBuffer *with_meta (GstVideoFormat format, guint width, guint height, gsize chroma, int stride)
{
    GstBuffer *buffer = new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange);
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0, chroma, chroma };
    gint strides[GST_VIDEO_MAX_PLANES] = { stride, 28, 28 };
    gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE, format, width, height,
                                    format == GST_VIDEO_FORMAT_I420 ? 3 : 1, offset, strides);
    return buffer;
}

static void check_bad_buffers (void)
{
    group ("bad buffers");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "I420", 50, 40);
    refuse (&rig, "too small", gst_buffer_new_allocate (NULL, 3000, NULL));
    refuse (&rig, "empty", gst_buffer_new ());
    GstAllocator *allocator = g_object_new (unmappable_get_type (), NULL);
    gst_object_ref_sink (allocator);
    refuse (&rig, "unmappable", gst_buffer_new_allocate (allocator, 50 * 40 * 2, NULL));
    gst_object_unref (allocator);
    refuse (&rig, "meta of another format", with_meta (GST_VIDEO_FORMAT_RGB, 50, 40, 2080, 52));
    refuse (&rig, "meta of a smaller frame", with_meta (GST_VIDEO_FORMAT_I420, 40, 40, 2080, 52));
    refuse (&rig, "meta with a plane outside", with_meta (GST_VIDEO_FORMAT_I420, 50, 40, 1 << 20, 52));
    refuse (&rig, "meta with a plane half outside", with_meta (GST_VIDEO_FORMAT_I420, 50, 40, 2900, 52));
    refuse (&rig, "meta with a huge stride", with_meta (GST_VIDEO_FORMAT_I420, 50, 40, 2080, G_MAXINT));
    refuse (&rig, "meta with rows before the buffer", with_meta (GST_VIDEO_FORMAT_I420, 50, 40, 2080, -52));
    rig_free (&rig);
}

/* ---- queries and negotiation ----------------------------------------------------------------------------------- */

/* Frames go on as they are, so what downstream can take is what upstream may send. */
static void check_allocation (void)
{
    group ("allocation");
    for (int strides = 0; strides < 2; strides++) {
        struct rig rig = rig_new (NULL);
        gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_CROP_META_API_TYPE, NULL);
        if (strides)
            gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_META_API_TYPE, NULL);
        rig_caps (&rig, "I420", 640, 480);
        show (&rig, new_frame (GST_VIDEO_FORMAT_I420, 640, 480, paint_orange));
        GstCaps *caps = gst_pad_get_current_caps (rig.h->srcpad);
        GstQuery *query = gst_query_new_allocation (caps, TRUE);
        CHECK (gst_pad_peer_query (rig.h->srcpad, query), "the query is not answered");
        CHECK (gst_query_find_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL),
               "a meta that downstream takes is not offered");
        CHECK (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL) == strides,
               "strides are %s, though downstream takes %s", strides ? "not offered" : "offered",
               strides ? "them" : "none");
        gst_query_unref (query);
        gst_caps_unref (caps);
        rig_free (&rig);
    }
}

static void check_queries (void)
{
    group ("latency, caps");
    struct rig rig = rig_new (NULL);
    rig_caps (&rig, "I420", 640, 480);
    gst_harness_set_upstream_latency (rig.h, 40 * GST_MSECOND);
    for (int n = 0; n < 8; n++)
        show (&rig, timed (new_frame (GST_VIDEO_FORMAT_I420, 640, 480, paint_orange), n));
    guint64 own = stat_of (rig.element, "latency");
    GstClockTime latency = gst_harness_query_latency (rig.h);
    CHECK (own > 0 && latency == 40 * GST_MSECOND + own, "latency %" G_GUINT64_FORMAT " with our %" G_GUINT64_FORMAT,
           latency, own);

    static const char *const refused[] = {
        "video/x-raw(memory:GLMemory), format=RGBA, width=8, height=8, framerate=30/1",
        "video/x-raw(memory:DMABuf), format=NV12, width=8, height=8, framerate=30/1",
        "image/jpeg, width=8, height=8, framerate=30/1"
    };
    for (gsize i = 0; i < G_N_ELEMENTS (refused); i++) {
        GstCaps *caps = gst_caps_from_string (refused[i]);
        CHECK (!gst_pad_peer_query_accept_caps (rig.h->srcpad, caps), "%s is accepted", refused[i]);
        gst_caps_unref (caps);
    }
    gst_harness_set_src_caps_str (rig.h, "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition), "
                                         "format=RGB, width=50, height=40, framerate=30/1");
    GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange);
    GstVideoOverlayComposition *composition = gst_video_overlay_composition_new (NULL);
    if (composition) {
        gst_buffer_add_video_overlay_composition_meta (frame, composition);
        gst_video_overlay_composition_unref (composition);
    }
    GstBuffer *out = gst_harness_push_and_pull (rig.h, frame);
    CHECK (gst_buffer_get_meta (out, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE) != NULL, "an overlay was lost");
    CHECK (listen_to (rig.bus).messages == 1, "a frame with an overlay is not looked at");
    gst_buffer_unref (out);
    rig_free (&rig);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* The element alone, to PAUSED, from where on the network is loaded. */
static struct said try_pause (const char *property, const char *value, gboolean expected)
{
    GstBus *bus;
    GstElement *element = new_element (&bus);
    gst_util_set_object_arg (G_OBJECT (element), property, value);
    struct said said = { .errors = 0 };
    for (int again = 0, errors; again < 2; again++) {
        gboolean loaded = loads (element, bus);
        CHECK (loaded == expected, "%s=%s: loaded %d", property, value, loaded);
        gst_element_set_state (element, GST_STATE_NULL);
        errors = said.errors;
        said = listen_to (bus);
        said.errors += errors;
    }
    /* What was wrong can be put right. */
    g_object_set (element, "model-file", model_file, "labels-file", labels_file, NULL);
    gst_util_set_object_arg (G_OBJECT (element), "mean", "<0>");
    gst_util_set_object_arg (G_OBJECT (element), "std", "<1>");
    CHECK (loads (element, bus), "after %s=%s it does not recover", property, value);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
    return said;
}

static void fail (const char *property, const char *value)
{
    struct said said = try_pause (property, value, FALSE);
    CHECK (said.errors == 2, "%s=%s: %d errors for 2 attempts", property, value, said.errors);
    const char *names = g_str_has_prefix (value, "/") ? value : property;
    CHECK (strstr (said.error, names) != NULL, "%s=%s: the error is \"%s\"", property, value, said.error);
}

/* Which file it is that cannot be read, and why, also as a code. */
static void fail_at (const char *property, const char *value, const char *text, GQuark domain, int code)
{
    GstBus *bus;
    GstElement *element = new_element (&bus);
    gst_util_set_object_arg (G_OBJECT (element), "precision", "int8");
    g_object_set (element, property, value, NULL);
    gboolean loaded = loads (element, bus);
    struct said said = listen_to (bus);
    CHECK (!loaded && said.errors == 1 && g_str_has_prefix (said.error, text), "%s=%s: \"%s\" instead of \"%s\"",
           property, value, said.error, text);
    CHECK (said.domain == domain && said.code == code, "%s=%s: code %d of %s", property, value, said.code,
           g_quark_to_string (said.domain));
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
}

static void check_blame (void)
{
    const GQuark resource = GST_RESOURCE_ERROR, stream = GST_STREAM_ERROR;
    char bad[64];
    group ("which file cannot be used");
    in_folder (bad, sizeof bad, "bad.ranges");
    write_file (bad, "no key file", 11);
    fail_at ("ranges-file", "/nowhere/a", "Cannot read the ranges: /nowhere/a", resource, GST_RESOURCE_ERROR_NOT_FOUND);
    fail_at ("ranges-file", "/dev", "Cannot read the ranges: /dev", resource, GST_RESOURCE_ERROR_OPEN_READ);
    fail_at ("ranges-file", bad, "Cannot read the ranges: ", stream, GST_STREAM_ERROR_WRONG_TYPE);
    fail_at ("labels-file", "/nowhere/a", "Cannot read the labels: /nowhere/a", resource, GST_RESOURCE_ERROR_NOT_FOUND);
    fail_at ("model-file", "/nowhere/a", "Cannot load the network: /nowhere/a", resource, GST_RESOURCE_ERROR_NOT_FOUND);
    fail_at ("model-file", bad, "Cannot load the network: ", stream, GST_STREAM_ERROR_WRONG_TYPE);
}

static void check_files (void)
{
    static const char jpeg[] = "\xff\xd8\xff\xe0 not a network at all";
    char path[64];
    struct bytes model = { .size = 0 };
    group ("files that cannot be used");
    fail ("model-file", "/nowhere/at/all.onnx");
    fail ("model-file", folder);
    fail ("model-file", "/dev/zero");
    fail ("labels-file", "/nowhere/at/all.txt");
    fail ("labels-file", folder);
    in_folder (path, sizeof path, "empty.onnx");
    write_file (path, "", 0);
    fail ("model-file", path);
    in_folder (path, sizeof path, "picture.onnx");
    write_file (path, jpeg, sizeof jpeg - 1);
    fail ("model-file", path);
    tiny_onnx (&model, SIDE, CLASSES, (float[CLASSES * 3]) { 1 }, (float[CLASSES]) { 0 }, NULL);
    for (size_t cut = 1; cut < model.size; cut = cut * 3 / 2 + 1) {
        in_folder (path, sizeof path, "cut.onnx");
        write_file (path, model.data, cut);
        fail ("model-file", path);
    }
    fail ("mean", "<1,2>");
    fail ("mean", "<1,2,3,4>");
    fail ("mean", "<a,b,c>");
    fail ("std", "<0>");
    fail ("std", "<1,-1,1>");
    fail ("std", "<1,1>");
}

/* Without a model it says so, once, and runs what is built in. */
static void check_built_in (void)
{
    group ("no model-file");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    g_object_set (element, "model-file", NULL, "labels-file", NULL, NULL);
    GstHarness *h = gst_harness_new_with_element (element, "sink", "src");
    gst_harness_set_src_caps_str (h, "video/x-raw, format=RGB, width=50, height=40, framerate=30/1");
    GstBuffer *out = gst_harness_push_and_pull (h, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    struct said said = listen_to (bus);
    CHECK (out && said.messages == 1 && said.count > 0 && said.errors == 0, "%d messages of %d classes, %d errors",
           said.messages, said.count, said.errors);
    CHECK (said.warnings <= 1 && (said.warnings == 0 || strstr (said.warning, "recognises nothing")), "%d warnings: %s",
           said.warnings, said.warning);
    GValue names = G_VALUE_INIT;
    g_value_init (&names, GST_TYPE_ARRAY);
    g_object_get_property (G_OBJECT (element), "layer-names", &names);
    CHECK (gst_value_array_get_size (&names) > 0, "it has no layers");
    g_value_unset (&names);
    gst_clear_buffer (&out);
    gst_harness_teardown (h);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_metadata ();
    check_choice ();
    check_labels ();
    check_interval ();
    check_gaps ();
    check_deadline ();
    check_deadline_again ();
    check_qos_message ();
    check_kept ();
    check_bad_buffers ();
    check_allocation ();
    check_queries ();
    check_files ();
    check_blame ();
    check_built_in ();
    return end_tests ();
}
