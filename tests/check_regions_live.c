/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_regions_live.c: regions of a stream: beside it, while nothing moves, with other caps and networks, drawn,
 * waited for, and as detections. */
#include "regions.h"

#ifdef HAVE_ANALYTICS
#include <gst/analytics/analytics.h>
#endif

/* Waits until the network has run on so many frames, and so many regions' messages have come. */
static struct heard wait_for (struct rig *rig, int messages)
{
    struct heard all = { .count = 0 };
    for (int i = 0; i < 20000 && all.count < messages; i++, g_usleep (500)) {
        struct heard heard = hear (rig->bus);
        for (int n = 0; n < heard.count && all.count < HEARD_MOST; n++)
            all.of[all.count++] = heard.of[n];
        all.errors += heard.errors;
    }
    return all;
}

/* ---- beside the stream ----------------------------------------------------------------------------------------- */

/* Pushes a frame with two regions, which change their sides when the colours do. */
static GstBuffer *pass_two (struct rig *rig, int n)
{
    GstBuffer *frame = rgb (n % 2 ? paint_swapped : paint_halves, n);
    add_roi (frame, "a", 1, n % 2 ? 60 : 4, 4, 30, 40);
    add_roi (frame, "b", 0, 50, n % 5, 40, 40);
    GstFlowReturn flow = gst_harness_push (rig->h, frame);
    CHECK (flow == GST_FLOW_OK, "frame %d: %s", n, gst_flow_get_name (flow));
    return gst_harness_try_pull (rig->h);
}

/* In which frame of pass_two the n-th region of the custom meta was seen, -1: it is not there. */
static int seen_at (GstBuffer *buffer, guint n)
{
    const GstStructure *said = result_of (buffer, NULL);
    const GValue *regions = said ? gst_structure_get_value (said, "regions") : NULL;
    guint64 time = 0;
    if (!regions || gst_value_array_get_size (regions) <= n)
        return -1;
    gst_structure_get_uint64 (gst_value_get_structure (gst_value_array_get_value (regions, n)), "seen-timestamp",
                              &time);
    return (int)gst_util_uint64_scale_round (time, 30, GST_SECOND);
}

static void check_async (void)
{
    group ("beside the stream");
    struct rig rig = regions_rig ("async=true");
    for (int n = 0; n < 30; n++) {
        gboolean fresh;
        GstBuffer *out = pass_two (&rig, n);
        if (!CHECK (out != NULL, "frame %d does not come out at once", n))
            continue;
        const char *label = label_at (out, 0, &fresh);
        CHECK (n == 0 || (strcmp (label, "red") == 0 && !fresh), "frame %d: the first is %s, fresh %d", n, label,
               fresh);
        int seen = seen_at (out, 1);
        label = label_at (out, 1, &fresh); /* as it was in the frame that it was seen in, this one or the one before */
        CHECK (n == 0 || seen == n || seen == n - 1, "frame %d: the second is of frame %d", n, seen);
        CHECK (n == 0 || (strcmp (label, seen % 2 ? "red" : "blue") == 0 && !fresh),
               "frame %d: the second is %s, fresh %d", n, label, fresh);
        gst_buffer_unref (out);
        struct heard heard = wait_for (&rig, 2);
        CHECK (heard.count == 2 && heard.errors == 0, "frame %d: %d messages", n, heard.count);
        for (int i = 0; i < MIN (heard.count, 2); i++)
            CHECK (heard.of[i].said.fresh &&
                       heard.of[i].said.timestamp == gst_util_uint64_scale (GST_SECOND, (guint64)n, 30) &&
                       heard.of[i].x == (i       ? 50
                                         : n % 2 ? 60
                                                 : 4) &&
                       strcmp (heard.of[i].said.labels[0], i && n % 2 == 0 ? "blue" : "red") == 0,
                   "frame %d: region %d at %d is %s, fresh %d", n, i, heard.of[i].x, heard.of[i].said.labels[0],
                   heard.of[i].said.fresh);
    }
    rig_free (&rig);
}

/* In step and beside it, whole frames and regions, in turn; no result of the one is ever told as the other's. */
static void check_switching (bool async)
{
    group (async ? "switching beside the stream" : "switching in step");
    struct rig rig = regions_rig (async ? "async=true" : "async=false");
    for (int n = 0; n < 60; n++) {
        bool whole = n / 5 % 2 == 1;
        gst_util_set_object_arg (G_OBJECT (rig.element), "regions", whole ? "frame" : "roi");
        if (n == 29)
            g_object_set (rig.element, "async", !async, NULL);
        GstBuffer *out = pass_two (&rig, n);
        const GstStructure *said = out ? result_of (out, NULL) : NULL;
        CHECK (!said || !!gst_structure_has_field (said, "regions") == !whole, "frame %d: %s", n,
               whole ? "regions though it is the frame" : "a frame though it is the regions");
        gst_clear_buffer (&out);
        struct heard heard = wait_for (&rig, whole ? 1 : 2);
        CHECK (heard.count == (whole ? 1 : 2) && (heard.of[0].x == -1) == whole, "frame %d: %d messages, x is %d", n,
               heard.count, heard.of[0].x);
    }
    rig_free (&rig);
}

static void flush (struct rig *rig)
{
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig->h, gst_event_new_flush_start ());
    gst_harness_push_event (rig->h, gst_event_new_flush_stop (TRUE));
    gst_harness_push_event (rig->h, gst_event_new_segment (&segment));
}

/* What was remembered is of another picture, or another network's. */
static void check_forgetting (void)
{
    static const char labels[] = "rouge\nvert\nbleu\nrien\n";
    char path[64];
    group ("another picture, another network");
    in_folder (path, sizeof path, "couleurs.txt");
    write_file (path, labels, sizeof labels - 1);
    struct rig rig = regions_rig ("region-interval=1000 message-on=fresh");
    gst_clear_buffer (&(GstBuffer *) { pass_two (&rig, 0) });
    CHECK (hear (rig.bus).count == 2, "not two at first");
    gst_clear_buffer (&(GstBuffer *) { pass_two (&rig, 2) });
    CHECK (hear (rig.bus).count == 0, "seen again");
    flush (&rig);
    gst_clear_buffer (&(GstBuffer *) { pass_two (&rig, 0) });
    CHECK (hear (rig.bus).count == 2, "remembered over a flush");
    rig_caps (&rig, "BGRx", 40, 30);
    GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_BGRx, 40, 30, paint_blue), 1);
    add_roi (frame, "a", 1, 4, 4, 30, 40);
    struct heard heard = push (&rig, frame, NULL);
    CHECK (heard.count == 1 && heard.of[0].height == 26 && strcmp (heard.of[0].said.labels[0], "blue") == 0,
           "%d messages with other caps", heard.count);
    g_object_set (rig.element, "labels-file", path, NULL);
    bool other = false;
    for (int n = 2; n < 4000 && !other; n++, g_usleep (500)) {
        GstBuffer *out;
        gboolean fresh;
        frame = timed (new_frame (GST_VIDEO_FORMAT_BGRx, 40, 30, paint_blue), n);
        add_roi (frame, "a", 1, 4, 4, 30, 40);
        heard = push (&rig, frame, &out);
        const char *label = label_at (out, 0, &fresh);
        other = strcmp (label, "bleu") == 0;
        CHECK (fresh == other && heard.count == other, "frame %d is %s, fresh %d", n, label, fresh);
        gst_buffer_unref (out);
    }
    CHECK (other, "the other labels are never used");
    rig_free (&rig);
}

/* ---- sparing --------------------------------------------------------------------------------------------------- */

static struct heard push_at (struct rig *rig, int n, int id, int x)
{
    GstBuffer *frame = rgb (paint_slope, n);
    add_roi (frame, "a", 1, 4, 4, 24, 24);
    if (id)
        add_roi (frame, "a", id, x, 4, 24, 24);
    return push (rig, frame, NULL);
}

static void check_sparing (void)
{
    group ("still-threshold, max-rate, inference-interval");
    struct rig rig = regions_rig ("still-threshold=2");
    static const struct {
        int id, x, seen;
    } steps[] = { { 0, 0, 1 }, { 0, 0, 0 }, { 2, 40, 2 }, { 2, 44, 0 }, { 2, 70, 2 }, { 2, 70, 0 } };
    for (int n = 0; n < (int)G_N_ELEMENTS (steps); n++) {
        struct heard heard = push_at (&rig, n, steps[n].id, steps[n].x);
        CHECK (heard.count == steps[n].seen, "still, frame %d: %d messages", n, heard.count);
    }
    GstBuffer *frame = rgb (paint_halves, 10); /* outside of the region */
    add_roi (frame, "a", 1, 4, 4, 24, 24);
    CHECK (push (&rig, frame, NULL).count == 1, "not seen though something moved");
    CHECK (stat_of (rig.element, "still") == 3, "%" G_GUINT64_FORMAT " are still", stat_of (rig.element, "still"));
    rig_free (&rig);

    rig = regions_rig ("max-rate=10");
    for (int n = 0; n < 12; n++) {
        struct heard heard = push_at (&rig, n, 2, 40);
        CHECK (heard.count == (n % 3 == 0 ? 2 : 0), "max-rate, frame %d: %d messages", n, heard.count);
    }
    CHECK (push (&rig, rgb (paint_slope, 12), NULL).count == 0, "a message without a region");
    CHECK (push_at (&rig, 13, 0, 0).count == 1, "a frame without regions has used up the rate");
    rig_free (&rig);

    rig = regions_rig ("inference-interval=2 region-interval=2");
    for (int n = 0; n < 12; n++) {
        struct heard heard = push_at (&rig, n, 0, 0);
        CHECK (heard.count == (n % 2 == 0), "intervals, frame %d: %d messages", n, heard.count);
    }
    rig_free (&rig);

    rig = regions_rig ("repeat-messages=true region-interval=2");
    for (int n = 0; n < 6; n++) {
        struct heard heard = push_at (&rig, n, 0, 0);
        CHECK (heard.count == 1 && heard.of[0].said.fresh == (n % 2 == 0), "repeated, frame %d: %d", n, heard.count);
    }
    rig_free (&rig);
}

/* ---- events and changes ---------------------------------------------------------------------------------------- */

static void check_events (void)
{
    group ("message-on and trigger-classes");
    struct rig rig = regions_rig ("message-on=change");
    for (int n = 0; n < 12; n++) {
        GstBuffer *frame = rgb (n < 6 ? paint_halves : paint_swapped, n);
        add_roi (frame, "a", 1, 0, 0, 30, 30);
        add_roi (frame, "b", 2, 60, 0, 30, 30);
        struct heard heard = push (&rig, frame, NULL);
        CHECK (heard.count == (n % 6 == 0 ? 2 : 0), "frame %d: %d messages", n, heard.count);
    }
    rig_free (&rig);
    rig = regions_rig ("message-on=event trigger-classes=blue trigger-on=0.7 trigger-off=0.4 region-interval=3");
    for (int n = 0; n < 40; n++) {
        bool there = n >= 10 && n < 20;
        GstBuffer *frame = rgb (paint_halves, n);
        if (n < 30)
            add_roi (frame, "a", 1, 0, 0, 30, 30);
        if (there)
            add_roi (frame, "b", 2, 60, 0, 30, 30);
        struct heard heard = push (&rig, frame, NULL);
        CHECK (heard.events == (n == 10 || n == 20) && heard.count == 0, "frame %d: %d events", n, heard.events);
    }
    rig_free (&rig);
}

/* What the last frame shows is told at the end, though it came out before the network was through with it. */
static void check_last_event (void)
{
    group ("trigger-classes beside the stream, at its end");
    struct rig rig = regions_rig ("async=true trigger-classes=red,blue trigger-on=0.7 trigger-off=0.4");
    gst_clear_buffer (&(GstBuffer *) { pass_two (&rig, 0) });
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    struct heard heard = hear (rig.bus);
    CHECK (heard.events == 4, "%d events: red and blue begin and end", heard.events);
    rig_free (&rig);
}

/* The same where the last frame has no region: the moment is still that frame's, and no hold is passed over. */
static void check_last_without_region (void)
{
    group ("trigger-classes beside the stream, no region at its end");
    struct rig rig = regions_rig ("async=true trigger-classes=red trigger-on=0.7 trigger-off=0.4 trigger-hold=100");
    int begun = 0, ended = 0;
    for (int n = 0; n < 2000 && !begun; n++) {
        gst_clear_buffer (&(GstBuffer *) { pass_two (&rig, 2 * n) });
        begun += hear (rig.bus).events;
        g_usleep (1000);
    }
    CHECK (begun == 1, "red has not begun");
    g_object_set (rig.element, "trigger-hold", 3600 * GST_SECOND, NULL);
    gst_harness_push (rig.h, rgb (paint_halves, 100000));
    gst_clear_buffer (&(GstBuffer *) { gst_harness_try_pull (rig.h) });
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    for (GstMessage *message; (message = gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ELEMENT));
         gst_message_unref (message)) {
        const GstStructure *said = gst_message_get_structure (message);
        guint64 at = GST_CLOCK_TIME_NONE;
        if (!gst_structure_has_name (said, "convrelu-event") ||
            strcmp (gst_structure_get_string (said, "event"), "end"))
            continue;
        ended++;
        CHECK (gst_structure_get_uint64 (said, "running-time", &at) && GST_CLOCK_TIME_IS_VALID (at), "at no time");
        CHECK (!strcmp (gst_structure_get_string (said, "reason"), "end-of-stream"), "ended by %s",
               gst_structure_get_string (said, "reason"));
    }
    CHECK (ended == 1, "red ended %d times", ended);
    rig_free (&rig);
}

/* A change that found no room on the bus is told with the next frame. */
static void check_full_bus (void)
{
    group ("a region's change that was dropped");
    struct rig rig = regions_rig ("message-on=change max-unread-messages=1");
    wait_until_loaded (rig.bus);
    for (int n = 0; n < 4; n++) {
        GstBuffer *frame = rgb (n == 0 ? paint_halves : paint_swapped, n);
        add_roi (frame, "a", 1, 0, 0, 30, 30);
        CHECK (gst_harness_push (rig.h, frame) == GST_FLOW_OK, "frame %d", n);
        gst_clear_buffer (&(GstBuffer *) { gst_harness_try_pull (rig.h) });
        if (n == 0)
            continue; /* its message waits */
        struct heard heard = hear (rig.bus);
        const char *said = heard.count ? heard.of[0].said.labels[0] : "nothing";
        CHECK (heard.count == (n < 3) && strcmp (said, n == 1   ? "red"
                                                       : n == 2 ? "blue"
                                                                : "nothing") == 0,
               "frame %d: %d messages, %s", n, heard.count, said);
    }
    rig_free (&rig);
}

/* ---- drawing --------------------------------------------------------------------------------------------------- */

/* A harness downstream of which compositions are drawn. */
static struct rig drawn_rig (const char *properties)
{
    struct rig rig = regions_rig (properties);
    gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    return rig;
}

static void check_drawing (void)
{
    enum { WIDE = 400, HIGH = 300, COUNT = 6 };
    static const struct {
        int x, y, width, height;
    } places[COUNT] = { { 0, 0, 60, 60 },      { 150, 100, 80, 60 }, { 380, 280, 20, 20 },
                        { -10, 200, 40, 400 }, { 300, 2, 90, 50 },   { 200, 250, 40, 40 } };
    group ("labels at the boxes");
    struct rig rig = drawn_rig ("overlay=labels");
    rig_caps (&rig, "RGB", WIDE, HIGH);
    for (int n = 0; n < 6; n++) {
        int moved = n % 3 * 7, count = n == 5 ? 0 : COUNT;
        GstBuffer *out, *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, WIDE, HIGH, paint_orange), n);
        for (int i = 0; i < count; i++)
            add_roi (frame, "a", i + 1, places[i].x + moved, places[i].y, places[i].width, places[i].height);
        push (&rig, frame, &out);
        GstVideoOverlayCompositionMeta *meta = gst_buffer_get_video_overlay_composition_meta (out);
        int labels = 0;
        for (guint r = 0; meta && r < gst_video_overlay_composition_n_rectangles (meta->overlay); r++) {
            gint x, y;
            guint width, height;
            gst_video_overlay_rectangle_get_render_rectangle (
                gst_video_overlay_composition_get_rectangle (meta->overlay, r), &x, &y, &width, &height);
            CHECK (x >= 0 && y >= 0 && x + (int)width <= WIDE && y + (int)height <= HIGH,
                   "frame %d: a drawing of %u x %u at %d %d is not inside", n, width, height, x, y);
            if (height < 8) /* an edge of what the network sees */
                continue;
            bool at_box = false;
            for (int i = 0; i < COUNT; i++) {
                int left = CLAMP (places[i].x + moved, 0, WIDE - (int)width);
                int top = places[i].y >= (int)height ? places[i].y - (int)height : places[i].y;
                at_box |= x == left && y == top;
            }
            labels += at_box;
            CHECK (at_box || width < 8, "frame %d: %u x %u at %d %d is at no box", n, width, height, x, y);
        }
        CHECK (labels == count, "frame %d: %d labels", n, labels);
        gst_buffer_unref (out);
    }
    rig_free (&rig);
}

/* Everything that can be drawn, on frames whose regions come, go and move. */
static void check_all_drawn (void)
{
    group ("all drawings of regions");
    GRand *random = g_rand_new_with_seed (7);
    struct rig rig = regions_rig (
        "overlay=labels+feature-maps+class-activation+stats+convolution+unit+network+help still-threshold=1");
    for (int n = 0; n < 40; n++) {
        GstBuffer *frame = rgb (n % 7 ? paint_slope : paint_halves, n);
        for (int i = g_rand_int_range (random, 0, 50); i > 0; i--)
            add_roi (frame, "a", g_rand_int_range (random, 0, 9), g_rand_int_range (random, -20, WIDTH),
                     g_rand_int_range (random, -20, HEIGHT), g_rand_int_range (random, 0, 200),
                     g_rand_int_range (random, 0, 200));
        push (&rig, frame, NULL);
    }
    CHECK (stat_of (rig.element, "regions") > 20, "nothing was seen");
    g_rand_free (random);
    rig_free (&rig);
}

/* ---- detections ------------------------------------------------------------------------------------------------ */

#ifdef HAVE_ANALYTICS

static void check_detections (void)
{
    group ("detections");
    struct rig rig = regions_rig ("region-interval=2 region-types=person");
    gst_util_set_object_arg (G_OBJECT (rig.element), "regions", "detections");
    for (int n = 0; n < 6; n++) {
        GstBuffer *out, *frame = rgb (paint_halves, n);
        GstAnalyticsRelationMeta *meta = gst_buffer_add_analytics_relation_meta (frame);
        GstAnalyticsODMtd person, other, outside;
        GstAnalyticsTrackingMtd tracking;
        gst_analytics_relation_meta_add_od_mtd (meta, g_quark_from_string ("dog"), 0, 0, 20, 20, 0.5f, &other);
        gst_analytics_relation_meta_add_od_mtd (meta, g_quark_from_string ("person"), n % 2 ? 4 : 8, 4, 30, 40, 0.9f,
                                                &person);
        gst_analytics_relation_meta_add_tracking_mtd (meta, 77, 0, &tracking);
        gst_analytics_relation_meta_set_relation (meta, GST_ANALYTICS_REL_TYPE_RELATE_TO, person.id, tracking.id);
        gst_analytics_relation_meta_add_od_mtd (meta, g_quark_from_string ("person"), -50, G_MININT, G_MAXINT, -5, 0.9f,
                                                &outside);
        guint person_id = person.id, other_id = other.id;
        struct heard heard = push (&rig, frame, &out);
        CHECK (heard.count == (n % 2 == 0), "frame %d: %d messages", n, heard.count);
        CHECK (heard.count == 0 || (heard.of[0].id == 77 && heard.of[0].x == 8 && heard.of[0].said.fresh &&
                                    strcmp (heard.of[0].type, "person") == 0),
               "frame %d: %s %d at %d", n, heard.of[0].type, (int)heard.of[0].id, heard.of[0].x);
        meta = gst_buffer_get_analytics_relation_meta (out);
        gpointer state = NULL;
        GstAnalyticsClsMtd classes;
        bool there = gst_analytics_relation_meta_get_direct_related (
            meta, person_id, GST_ANALYTICS_REL_TYPE_CONTAIN, gst_analytics_cls_mtd_get_mtd_type (), &state, &classes);
        if (CHECK (there, "frame %d: the person contains no classes", n)) {
            CHECK (gst_analytics_cls_mtd_get_length (&classes) == 4 &&
                       strcmp (g_quark_to_string (gst_analytics_cls_mtd_get_quark (&classes, 0)), "red") == 0,
                   "frame %d: the person is another class", n);
            CHECK (gst_analytics_relation_meta_get_relation (meta, person_id, classes.id) &
                       GST_ANALYTICS_REL_TYPE_RELATE_TO,
                   "frame %d: it does not relate to them", n);
            CHECK (gst_analytics_relation_meta_get_relation (meta, classes.id, person_id) ==
                       GST_ANALYTICS_REL_TYPE_IS_PART_OF,
                   "frame %d: they are not part of it", n);
        }
        state = NULL;
        CHECK (!gst_analytics_relation_meta_get_direct_related (
                   meta, other_id, GST_ANALYTICS_REL_TYPE_ANY, gst_analytics_cls_mtd_get_mtd_type (), &state, &classes),
               "frame %d: the dog has classes", n);
        gst_buffer_unref (out);
    }
    CHECK (stat_of (rig.element, "regions-skipped") == 6, "%" G_GUINT64_FORMAT " skipped",
           stat_of (rig.element, "regions-skipped"));
    rig_free (&rig);
}

#else

static void check_detections (void)
{
    group ("detections without analytics");
    struct rig rig = regions_rig ("");
    gst_util_set_object_arg (G_OBJECT (rig.element), "regions", "detections");
    int warnings = 0;
    for (int n = 0; n < 3; n++) {
        GstBuffer *frame = rgb (paint_halves, n);
        add_roi (frame, "a", 1, 4, 4, 24, 24);
        struct heard heard = push (&rig, frame, NULL);
        warnings += heard.warnings;
        CHECK (heard.count == 0, "frame %d: %d messages", n, heard.count);
    }
    CHECK (warnings == 1, "%d warnings that there are none", warnings);
    rig_free (&rig);
}

#endif

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_async ();
    check_switching (false);
    check_switching (true);
    check_forgetting ();
    check_sparing ();
    check_events ();
    check_last_event ();
    check_last_without_region ();
    check_full_bus ();
    check_drawing ();
    check_all_drawn ();
    check_detections ();
    return end_tests ();
}
