/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* live.c: streams, events and states in odd order and odd frames, each in a process of its own; those of the catalogue
 * (docs/reliability.md) that no other test has. */
#include "tests/torture/torture.h"

#include "tests/element.h"
#include "tests/torture/rig.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>

/* ---- frames ------------------------------------------------------------------------------------------------------ */

static GstBuffer *orange (void)
{
    return new_frame (GST_VIDEO_FORMAT_I420, 50, 40, paint_orange);
}

static void shows (struct rig *rig, GstBuffer *frame, const char *what)
{
    struct said said;
    CHECK (shown (rig, frame, &said) && said.messages == 1 && said.errors == 0, "%s: %d messages, '%s'", what,
           said.messages, said.error);
}

static void long_rows (const void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "RGB", 32767, 1);
    shows (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 32767, 1, paint_orange), "32767 x 1");
    rig_caps (&rig, "I420", 1, 32767);
    shows (&rig, new_frame (GST_VIDEO_FORMAT_I420, 1, 32767, paint_orange), "1 x 32767");
    rig_free (&rig);
}

static void separate_planes (const void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 64, 48);
    GstBuffer *whole = new_frame (GST_VIDEO_FORMAT_I420, 64, 48, paint_orange), *parts = gst_buffer_new ();
    static const gsize sizes[] = { 64 * 48, 32 * 24, 32 * 24 };
    gsize at = 0;
    for (int plane = 0; plane < 3; plane++) {
        GstMemory *memory = gst_allocator_alloc (NULL, sizes[plane], NULL);
        GstMapInfo map;
        gst_memory_map (memory, &map, GST_MAP_WRITE);
        gst_buffer_extract (whole, at, map.data, sizes[plane]);
        gst_memory_unmap (memory, &map);
        gst_buffer_append_memory (parts, memory);
        at += sizes[plane];
    }
    gst_buffer_unref (whole);
    gst_buffer_add_video_meta (parts, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, 64, 48);
    struct said said;
    CHECK (shown (&rig, parts, &said) && near (said.colour, 200, 100, 50, 5), "seen as %.0f: '%s'",
           (double)said.colour[0], said.error);
    rig_free (&rig);
}

/* Memory that can be mapped every third time. */
static gint maps;

static gpointer map_sometimes (GstMemory *memory, gsize size, GstMapFlags flags)
{
    return g_atomic_int_add (&maps, 1) % 3 == 0 ? (guint8 *)(memory + 1) : NULL;
}

static void unmap_nothing (GstMemory *memory)
{
}

static void free_memory (GstAllocator *allocator, GstMemory *memory)
{
    g_free (memory);
}

static GstMemory *no_memory (GstAllocator *allocator, gsize size, GstAllocationParams *params)
{
    return NULL;
}

typedef GstAllocator Fickle;
typedef GstAllocatorClass FickleClass;
GType fickle_get_type (void);
G_DEFINE_TYPE (Fickle, fickle, GST_TYPE_ALLOCATOR)

static void fickle_class_init (FickleClass *klass)
{
    klass->alloc = no_memory;
    klass->free = free_memory;
}

static void fickle_init (Fickle *allocator)
{
    allocator->mem_type = "Fickle";
    allocator->mem_map = map_sometimes;
    allocator->mem_unmap = unmap_nothing;
}

static void fickle_memory (const void *data)
{
    enum { SIZE = 50 * 40 * 3 / 2 + 512 };
    struct rig rig = rig_new (data);
    int good = 0, bad = 0;
    GstAllocator *allocator = gst_object_ref_sink (g_object_new (fickle_get_type (), NULL));
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 60; n++) {
        GstMemory *memory = g_malloc0 (sizeof *memory + SIZE);
        gst_memory_init (memory, GST_MEMORY_FLAG_NO_SHARE, allocator, NULL, SIZE, 0, 0, SIZE);
        GstBuffer *buffer = gst_buffer_new ();
        gst_buffer_append_memory (buffer, memory);
        struct said said;
        bool passed = shown (&rig, timed (buffer, n), &said);
        good += passed;
        bad += said.errors;
    }
    CHECK (good > 0 && bad > 0, "%d frames pass, %d errors", good, bad);
    shows (&rig, timed (orange (), 61), "after bad memory");
    gst_object_unref (allocator);
    rig_free (&rig);
}

static void hardware_memory (const void *data)
{
    struct rig rig = rig_new (data);
    static const char *const others[] = { "video/x-raw(memory:DMABuf), format=I420, width=50, height=40",
                                          "video/x-raw(memory:DMABuf), format=DMA_DRM, width=50, height=40",
                                          "video/x-raw(memory:GLMemory), format=RGBA, width=50, height=40" };
    for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
        GstCaps *caps = gst_caps_from_string (others[i]);
        GstPad *pad = rig.element->sinkpads->data;
        CHECK (!gst_pad_query_accept_caps (pad, caps), "%s is accepted", others[i]);
        gst_caps_unref (caps);
    }
    rig_free (&rig);
}

static void odd_times (const void *data)
{
    static const GstClockTime times[] = { GST_CLOCK_TIME_NONE,   5 * GST_SECOND,  GST_SECOND, 0,
                                          (GstClockTime)1 << 63, G_MAXUINT64 - 1, G_MAXINT64, GST_CLOCK_TIME_NONE };
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    for (guint i = 0; i < 8; i++)
        for (guint k = 0; k < 8; k++) {
            GstBuffer *frame = orange ();
            GST_BUFFER_PTS (frame) = times[i];
            GST_BUFFER_DTS (frame) = times[k];
            GST_BUFFER_DURATION (frame) = times[(i + k) % 8];
            struct said said;
            CHECK (shown (&rig, frame, &said) && said.messages == 1 && said.errors == 0,
                   "time %u, %u: %d messages, '%s'", i, k, said.messages, said.error);
        }
    rig_free (&rig);
}

static void flags_and_gaps (const void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    static const GstBufferFlags flags[] = { GST_BUFFER_FLAG_GAP, GST_BUFFER_FLAG_CORRUPTED, GST_BUFFER_FLAG_DROPPABLE,
                                            GST_BUFFER_FLAG_HEADER, GST_BUFFER_FLAG_DECODE_ONLY };
    for (int n = 0; n < 50; n++) {
        struct said said;
        GstBuffer *frame = timed (orange (), n);
        GST_BUFFER_FLAG_SET (frame, flags[n % 5]);
        CHECK (shown (&rig, frame, &said), "frame %d: '%s'", n, said.error);
        CHECK (gst_harness_push_event (rig.h, gst_event_new_gap ((GstClockTime)n * GST_SECOND, GST_SECOND)), "a gap");
    }
    GstTagList *tags = gst_tag_list_new (GST_TAG_IMAGE_ORIENTATION, "rotate-90", NULL);
    CHECK (gst_harness_push_event (rig.h, gst_event_new_tag (tags)), "a tag");
    gst_harness_set_src_caps_str (rig.h, "video/x-raw, format=I420, width=50, height=40, framerate=30/1, "
                                         "multiview-mode=(string)side-by-side");
    shows (&rig, timed (orange (), 60), "two views");
    rig_free (&rig);
}

/* P40: metas of others, many. Nothing of them is inside the frame, but for those that `good` says. */
static GstBuffer *with_regions (int n, guint good)
{
    GstBuffer *frame = timed (orange (), n);
    for (guint i = 0; i < 100000; i++)
        if (i % 5 == 0 && i / 5 < good)
            gst_buffer_add_video_region_of_interest_meta (frame, "face", i % 23, i % 13, 20, 20);
        else
            gst_buffer_add_video_region_of_interest_meta (frame, "face", i, G_MAXUINT - i, i % 3, 0);
    return frame;
}

static void many_regions (const void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 3; n++)
        shows (&rig, with_regions (n, 0), "100,000 regions");
    rig_free (&rig);
}

/* The network runs for region-max of them, out of 256 at most. */
static void many_regions_seen (const void *data)
{
    static const guint good[] = { 0, 20, 20000 };
    struct rig rig = rig_new ("regions=roi region-max=4 repeat-messages=false");
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 3; n++) {
        struct said said;
        int runs = good[n] ? 4 : 0;
        CHECK (shown (&rig, with_regions (n, good[n]), &said) && said.errors == 0, "%u of them good: '%s'", good[n],
               said.error);
        CHECK (said.messages == runs, "%u of them good: %d are told of instead of %d", good[n], said.messages, runs);
    }
    guint64 skipped = stat_of (rig.element, "regions-skipped");
    CHECK (skipped == 100000 + (100000 - 20) + (100000 - 256), "%d regions were skipped", (int)skipped);
    rig_free (&rig);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static GstFlowReturn answer;

static GstFlowReturn answer_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
    gst_buffer_unref (buffer);
    return answer;
}

static void all_answers (const char *properties)
{
    static const GstFlowReturn answers[] = { GST_FLOW_FLUSHING,       GST_FLOW_EOS,
                                             GST_FLOW_NOT_LINKED,     GST_FLOW_ERROR,
                                             GST_FLOW_NOT_NEGOTIATED, GST_FLOW_CUSTOM_ERROR };
    for (guint i = 0; i < G_N_ELEMENTS (answers); i++) {
        struct rig rig = rig_new (properties);
        rig_caps (&rig, "I420", 50, 40);
        gst_harness_play (rig.h);
        show (&rig, timed (orange (), 0));
        gst_pad_set_chain_function (rig.h->sinkpad, answer_chain);
        answer = answers[i];
        for (int n = 1; n < 10; n++) {
            GstFlowReturn flow = gst_harness_push (rig.h, timed (orange (), n));
            CHECK (flow == answer, "%s becomes %s", gst_flow_get_name (answer), gst_flow_get_name (flow));
        }
        rig_free (&rig);
    }
}

static void downstream_says (const void *data)
{
    all_answers (data);
    all_answers ("async=true");
}

static void unlinked (const void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    shows (&rig, timed (orange (), 0), "the first frame");
    GstPad *source = gst_element_get_static_pad (rig.element, "src");
    GstPad *peer = gst_pad_get_peer (source);
    gst_pad_unlink (source, peer);
    GstFlowReturn flow = gst_harness_push (rig.h, timed (orange (), 1));
    CHECK (flow == GST_FLOW_NOT_LINKED, "without a peer: %s", gst_flow_get_name (flow));
    CHECK (gst_pad_link (source, peer) == GST_PAD_LINK_OK, "it cannot be linked again");
    gst_pad_mark_reconfigure (source);
    shows (&rig, timed (orange (), 2), "linked again");
    gst_object_unref (peer);
    gst_object_unref (source);
    rig_free (&rig);
}

/* GStreamer warns of frames without a segment. */
static void count_others (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    if (!strstr (message, "before segment"))
        count_criticals (domain, level, message, data);
}

static void ends_twice (const void *data)
{
    struct rig rig = rig_new (data);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    g_log_set_default_handler (count_others, NULL);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 100; n++) {
        if (n % 3)
            gst_harness_push (rig.h, timed (orange (), n));
        gst_harness_push_event (rig.h, gst_event_new_eos ());
        gst_harness_push_event (rig.h, gst_event_new_eos ());
        gst_harness_push (rig.h, timed (orange (), n));
        gst_harness_push_event (rig.h, gst_event_new_flush_start ());
        if (n % 2)
            gst_harness_push_event (rig.h, gst_event_new_flush_start ());
        gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
        if (n % 5) /* else a frame without a segment */
            gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
        GstBuffer *out =
            gst_harness_push (rig.h, timed (orange (), n)) == GST_FLOW_OK ? gst_harness_try_pull (rig.h) : NULL;
        gst_clear_buffer (&out);
        while ((out = gst_harness_try_pull (rig.h)))
            gst_buffer_unref (out);
        listen_to (rig.bus);
    }
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    shows (&rig, timed (orange (), 1), "after a hundred seeks");
    rig_free (&rig);
}

/* ---- hosts ------------------------------------------------------------------------------------------------------- */

static void wrong_files (const void *data)
{
    struct rig rig = rig_new (data);
    for (int n = 0; n < 50; n++) {
        gst_element_set_state (rig.element, GST_STATE_NULL);
        listen_to (rig.bus);
        g_object_set (rig.element, "model-file", n % 2 ? "/nowhere/at/all.onnx" : labels_file, NULL);
        bool starts = n % 2 ? gst_element_set_state (rig.element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE
                            : loads (rig.element, rig.bus);
        CHECK (!starts, "it starts with file %d", n);
        int errors = listen_to (rig.bus).errors;
        CHECK (errors == 1, "file %d: %d errors", n, errors);
    }
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", model_file, NULL);
    CHECK (gst_element_set_state (rig.element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE, "a good file");
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("again"));
    rig_caps (&rig, "I420", 50, 40);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    shows (&rig, timed (orange (), 0), "with the right file");
    rig_free (&rig);
}

static void many_elements (const void *data)
{
    enum { MANY = 64 };
    static struct rig rigs[MANY];
    for (int i = 0; i < MANY; i++) {
        rigs[i] = rig_new ("threads=2");
        rig_caps (&rigs[i], "I420", 50, 40);
    }
    for (int n = 0; n < 3; n++)
        for (int i = 0; i < MANY; i++)
            shows (&rigs[i], timed (orange (), n), "one of 64");
    for (int i = 0; i < MANY; i++)
        rig_free (&rigs[i]);
}

static void fewer_processors (const void *data)
{
    cpu_set_t all, one;
    sched_getaffinity (0, sizeof all, &all);
    CPU_ZERO (&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT (&one); cpu++)
        if (CPU_ISSET (cpu, &all))
            CPU_SET (cpu, &one);
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 60; n++) {
        if (n % 10 == 0)
            sched_setaffinity (0, sizeof all, n % 20 ? &all : &one);
        shows (&rig, timed (orange (), n), "while processors come and go");
    }
    rig_free (&rig);
}

static void begins_again (const void *data)
{
    for (int n = 0; n < 3; n++) {
        struct rig rig = rig_new (data);
        rig_caps (&rig, "I420", 50, 40);
        shows (&rig, timed (orange (), n), "a life");
        rig_free (&rig);
        gst_update_registry ();
    }
    gst_deinit ();
}

static void *small_thread (void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 5; n++)
        shows (&rig, timed (orange (), n), "on a stack of 128 KiB");
    rig_free (&rig);
    return NULL;
}

static void small_stack (const void *data)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init (&attributes);
#ifndef TORTURE_SANITIZED
    pthread_attr_setstacksize (&attributes, 128 << 10);
#endif
    if (CHECK (!pthread_create (&thread, &attributes, small_thread, (void *)data), "no thread"))
        pthread_join (thread, NULL);
    pthread_attr_destroy (&attributes);
}

static void labels_again (const void *data)
{
    struct rig rig = rig_new (data);
    rig_caps (&rig, "I420", 50, 40);
    for (int n = 0; n < 200; n++) {
        g_object_set (rig.element, "labels-file", n % 2 ? labels_file : NULL, NULL);
        struct said said;
        CHECK (shown (&rig, timed (orange (), n), &said) && said.errors == 0, "'%s'", said.error);
    }
    rig_free (&rig);
}

/* Weights that are none are told of once; frames pass, and the class that is left is the best. */
static void no_numbers (const void *data)
{
    char path[64], properties[96];
    struct said said;
    in_folder (path, sizeof path, "none.onnx");
    CHECK (write_tiny (path, NAN), "%s", path);
    snprintf (properties, sizeof properties, "model-file=%s", path);
    struct rig rig = rig_new (properties);
    rig_caps (&rig, "I420", 50, 40);
    said = show_first (&rig, orange ());
    CHECK (said.warnings == 1 && strstr (said.warning, "3 of its weights are NaN or infinite, the first in 'mix'"),
           "%d warnings: %s", said.warnings, said.warning);
    CHECK (said.ids[0] == NONE, "class %d", said.ids[0]);
    CHECK (shown (&rig, orange (), &said) && said.ids[0] == NONE && said.warnings == 0, "class %d, '%s'", said.ids[0],
           said.warning);
    rig_free (&rig);
}

static void cases_of (const char *properties, int rounds)
{
    static const struct {
        const char *name;
        void (*work) (const void *data);
    } cases[] = {
        { "P5 rows of 32767 pixels", long_rows },
        { "P7 planes in memories of their own", separate_planes },
        { "P10 memory that can be mapped every third time", fickle_memory },
        { "P12 memory of hardware", hardware_memory },
        { "P15 ends and flushes twice, frames without a segment", ends_twice },
        { "P17 P20 P21 gaps, flags, turned pictures, views", flags_and_gaps },
        { "P18 times that are none, go back or wrap", odd_times },
        { "P23 D4 downstream that takes no more", downstream_says },
        { "P24 nothing downstream", unlinked },
        { "P27 wrong files, then the right one", wrong_files },
        { "P32 64 elements", many_elements },
        { "P35 fewer processors while it runs", fewer_processors },
        { "P37 the registry read again, GStreamer ended", begins_again },
        { "P38 a stack of 128 KiB", small_stack },
        { "P40 100,000 regions on a frame", many_regions },
        { "P40 100,000 regions on a frame, regions=roi", many_regions_seen },
        { "O56 weights that are no numbers", no_numbers },
        { "L10 labels set again and again", labels_again },
    };
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
        for (int n = 0; n < rounds; n++) {
            struct ending end = rig_alone (cases[i].name, cases[i].work, properties);
            if (!end.finished)
                break;
        }
}

void torture_live (int rounds)
{
    check_group ("streams");
    if (!CHECK (start_tests (NULL, NULL), "no folder"))
        return;
    cases_of ("", rounds);
    remove_folder ();
}

/* ---- cycles ------------------------------------------------------------------------------------------------------ */

static int in_folder_of (const char *path)
{
    int count = 0;
    DIR *dir = opendir (path);
    while (dir && readdir (dir))
        count++;
    if (dir)
        closedir (dir);
    return count;
}

/* What a process has. */
struct possessions {
    int files, threads;
    long kilobytes;
};

static struct possessions look (void)
{
    long pages = 0, rest = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    if (file && fscanf (file, "%ld %ld", &rest, &pages) != 2)
        pages = 0;
    if (file)
        fclose (file);
    return (struct possessions) { in_folder_of ("/proc/self/fd"), in_folder_of ("/proc/self/task"),
                                  pages * (sysconf (_SC_PAGESIZE) / 1024) };
}

static void compare (const char *what, struct possessions before, int count)
{
    struct possessions after = look ();
    for (int i = 0; i < 100 && after.threads > before.threads; i++) { /* one that was joined may still be listed */
        g_usleep (10000);
        after = look ();
    }
    char text[200];
    snprintf (text, sizeof text, "%d %s: %ld KiB more, %d files and %d threads more", count, what,
              after.kilobytes - before.kilobytes, after.files - before.files, after.threads - before.threads);
    printf ("# %s\n", text);
    CHECK (after.files <= before.files && after.threads <= before.threads, "%s", text);
#ifndef TORTURE_SANITIZED
    CHECK (after.kilobytes - before.kilobytes < 1024, "%s", text);
#endif
}

/* Every second pair of cycles waits for the network, the others stop while it is loaded. */
static void cycle_states (const void *data)
{
    int count = *(const int *)data, loaded = 0;
    GstBus *bus;
    GstElement *element = new_element (&bus);
    g_object_set (element, "threads", 2, NULL);
    struct possessions before = look ();
    for (int n = 0; n < count + 50; n++) {
        if (n == 50)
            before = look ();
        g_object_set (element, "async", n % 2, NULL);
        bool waits = n / 2 % 2, good = !waits || loads (element, bus);
        loaded += waits && good;
        good &= gst_element_set_state (element, GST_STATE_PLAYING) == GST_STATE_CHANGE_SUCCESS;
        good &= gst_element_set_state (element, n % 3 ? GST_STATE_NULL : GST_STATE_READY) == GST_STATE_CHANGE_SUCCESS;
        if (!CHECK (good, "cycle %d", n))
            break;
        gst_bus_set_flushing (bus, TRUE);
        gst_bus_set_flushing (bus, FALSE);
    }
    gst_element_set_state (element, GST_STATE_NULL);
    compare ("cycles of states", before, count);
    CHECK (loaded == (count + 50) / 4 * 2, "%d of %d cycles had a network", loaded, count + 50);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
}

/* Every second file is none: the network before goes on. */
static void swap_networks (const void *data)
{
    enum { WARM = 20 };
    int count = *(const int *)data, swapped = 0, warned = 0;
    char dim[64], broken[64];
    struct said said;
    in_folder (dim, sizeof dim, "dim.onnx");
    in_folder (broken, sizeof broken, "broken.onnx");
    write_tiny (dim, 0.5f);
    write_file (broken, "\x08\x08:", 3);
    struct rig rig = rig_new ("threads=2");
    struct possessions before = look ();
    rig_caps (&rig, "RGB", 50, 40);
    for (int n = 0; n < count + WARM; n++) {
        if (n == WARM)
            before = look ();
        bool bad = n % 2;
        g_object_set (rig.element, "model-file", bad ? broken : n % 4 ? dim : model_file, NULL);
        float red = n % 4 < 2 ? 200 : 100;
        bool done = false;
        for (int i = 0; i < 20000 && !done; i++, g_usleep (200)) {
            if (!CHECK (shown (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange), &said) && !said.errors,
                        "swap %d: '%s'", n, said.error))
                return;
            done = bad ? said.warnings > 0 : fabsf (said.colour[0] - red) < 2;
            CHECK (bad || !said.warnings, "swap %d: '%s'", n, said.warning);
        }
        CHECK (done, "swap %d never came, seen as %.0f instead of %.0f", n, (double)said.colour[0], (double)red);
        swapped += done && !bad;
        warned += done && bad;
    }
    compare ("swaps, half of them to no network,", before, count);
    CHECK (swapped + warned == count + WARM, "%d swapped, %d refused", swapped, warned);
    rig_free (&rig);
}

void torture_cycles (int states, int swaps)
{
    check_group ("cycles");
    if (!CHECK (start_tests (NULL, NULL), "no folder"))
        return;
    rig_alone ("P26 cycles of states", cycle_states, (const char *)&states);
    rig_alone ("P29 swaps", swap_networks, (const char *)&swaps);
    remove_folder ();
}
