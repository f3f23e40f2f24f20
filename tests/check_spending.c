/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_spending.c: runs that are spared: the meter of max-rate and cpu-limit over made-up time, the still gate's
 * means against sums of pixels taken one by one, and the element with all three. Linked with the plugin's own objects;
 * nothing here waits for a clock. */
#include "element.h"
#include "plugin/frame_image.h"
#include "plugin/frame_map.h"
#include "plugin/spending.h"
#include "plugin/still.h"
#include "tests/looker.h"

/* ---- the meter ------------------------------------------------------------------------------------------------- */

/* How many of the frames of `seconds` at `fps` run; every frame may be early or late by up to `jitter` of a period. */
static int runs_of (double rate, double fps, int seconds, double jitter)
{
    struct meter meter = { .filled = FALSE };
    guint state = 1;
    int runs = 0;
    for (int n = 0; n < (int)(fps * seconds); n++) {
        state = state * 1103515245u + 12345u;
        double shift = jitter * ((double)(state >> 16 & 0x7fff) / 0x7fff * 2 - 1);
        GstClockTime at = (GstClockTime)((n + 1 + shift) / fps * 1e9);
        if (meter_in_rate (&meter, rate, at)) {
            meter_ran (&meter, rate, at);
            runs++;
        }
    }
    return runs;
}

static void check_rate (void)
{
    static const double rates[] = { 0.3, 1, 2.5, 5, 10, 24, 29.97, 30 };
    group ("max-rate");
    for (gsize i = 0; i < G_N_ELEMENTS (rates); i++)
        for (int late = 0; late < 2; late++) {
            int runs = runs_of (rates[i], 30, 60, late ? 0.1 : 0);
            CHECK (fabs (runs - 60 * rates[i]) <= 1 + 0.02 * 60 * rates[i], "%g a second: %d in a minute", rates[i],
                   runs);
        }
    CHECK (runs_of (0, 30, 10, 0) == 300 && runs_of (1000, 30, 10, 0) == 300, "no limit, or one that is never reached");
    struct meter meter = { .filled = FALSE };
    meter_ran (&meter, 1, 100 * GST_SECOND);
    CHECK (!meter_in_rate (&meter, 1, 100 * GST_SECOND + GST_MSECOND), "a millisecond later");
    CHECK (meter_in_rate (&meter, 1, 5 * GST_SECOND), "time that has gone back");
    CHECK (meter_in_rate (&meter, 1, GST_CLOCK_TIME_NONE), "a frame without a time");
    meter_ran (&meter, 0.001, 100 * GST_SECOND);
    CHECK (meter_in_rate (&meter, 10, 101 * GST_SECOND), "a limit that was raised");
    meter_ran (&meter, 1e-300, 0); /* no number overflows */
    CHECK (!meter_in_rate (&meter, 1e-300, GST_SECOND), "one in 10^300 seconds");
}

/* CPU time spent in `seconds`, per cent of a core: `fps` frames, runs of `cost` ns and up to as much again. */
static double spent_of (double limit, double fps, double cost, int seconds)
{
    struct meter meter = { .filled = FALSE };
    double spent = 0;
    guint state = 7;
    for (int n = 0; n < (int)(fps * seconds); n++) {
        if (!meter_in_cpu (&meter, limit, (GstClockTime)(n / fps * 1e9)))
            continue;
        state = state * 1103515245u + 12345u;
        GstClockTime cpu = (GstClockTime)(cost * (1 + (double)(state >> 16 & 0x7fff) / 0x7fff));
        meter_spent (&meter, cpu);
        spent += (double)cpu;
    }
    return spent / seconds / 1e9 * 100;
}

static void check_cpu (void)
{
    static const double limits[] = { 5, 20, 50, 80, 150 }, costs[] = { 2e6, 11e6, 45e6, 130e6 };
    group ("cpu-limit");
    for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
        for (gsize c = 0; c < G_N_ELEMENTS (costs); c++) {
            double all = 30 * 1.5 * costs[c] / 1e9 * 100; /* of every frame */
            double wanted = MIN (limits[i], all), spent = spent_of (limits[i], 30, costs[c], 20);
            CHECK (fabs (spent - wanted) <= 0.1 * wanted, "%g %%, runs of %g ms: %g %%", limits[i], costs[c] / 1e6,
                   spent);
        }
    CHECK (spent_of (0, 30, 20e6, 5) > 80, "without a limit");
    struct meter meter = { .filled = FALSE };
    CHECK (meter_in_cpu (&meter, 50, 0), "the first frame");
    meter_spent (&meter, GST_SECOND);
    CHECK (!meter_in_cpu (&meter, 50, 2 * GST_SECOND - 1) && meter_in_cpu (&meter, 50, 2 * GST_SECOND), "paid for");
    meter_in_cpu (&meter, 50, 1000 * GST_SECOND); /* long idle */
    meter_spent (&meter, GST_SECOND / 4);
    CHECK (meter_in_cpu (&meter, 50, 1000 * GST_SECOND), "half a second of what was not used is kept");
    meter_spent (&meter, 1);
    CHECK (!meter_in_cpu (&meter, 50, 1000 * GST_SECOND), "and no more");
    CHECK (!meter_in_cpu (&meter, 50, 999 * GST_SECOND), "a clock that goes back gives nothing");
}

/* ---- the still gate -------------------------------------------------------------------------------------------- */

static unsigned paint_noise (int x, int y, int width, int height)
{
    unsigned z = (unsigned)(x * 7919 + y * 104729 + 17);
    z = (z ^ z >> 7) * 2654435761u;
    return z >> 8;
}

/* What a pixel's luma is, read by itself. */
static double luma_at (const GstVideoFrame *frame, int x, int y)
{
    const guint8 *value[3];
    for (int c = 0; c < (GST_VIDEO_INFO_IS_RGB (&frame->info) ? 3 : 1); c++)
        value[c] = (const guint8 *)GST_VIDEO_FRAME_COMP_DATA (frame, c) + y * GST_VIDEO_FRAME_COMP_STRIDE (frame, c) +
                   x * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c);
    return GST_VIDEO_INFO_IS_RGB (&frame->info) ? 0.299 * *value[0] + 0.587 * *value[1] + 0.114 * *value[2]
                                                : (double)*value[0];
}

/* Blocks of at most 8 rows, so that every row counts. */
static void check_means (void)
{
    static const char *const formats[] = {
        "I420", "NV12", "YUY2", "UYVY", "RGB", "BGRx", "ARGB", "GBR", "GRAY8", "Y444"
    };
    group ("means of blocks");
    for (gsize i = 0; i < G_N_ELEMENTS (formats); i++) {
        const int width = 28 * 5, height = 28 * 8;
        GstVideoFormat format = gst_video_format_from_string (formats[i]);
        GstVideoInfo info;
        GstVideoFrame frame;
        struct still still = { .looked = FALSE };
        gst_video_info_set_format (&info, format, 160, 240);
        GstBuffer *buffer = new_frame (format, 160, 240, paint_noise);
        gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ);
        CHECK (frame_image_reads (&info), "%s is not read", formats[i]);
        still_look (&still, &frame, (struct rectangle) { 11, 9, width, height }, FALSE);
        double worst = 0;
        for (int by = 0; by < STILL_BLOCKS; by++)
            for (int bx = 0; bx < STILL_BLOCKS; bx++) {
                double sum = 0;
                for (int y = 0; y < 8; y++)
                    for (int x = 0; x < 5; x++)
                        sum += luma_at (&frame, 11 + bx * 5 + x, 9 + by * 8 + y);
                worst = MAX (worst, fabs (sum / 40 - (double)still.means[by * STILL_BLOCKS + bx]));
            }
        CHECK (worst < 0.001, "%s: a mean is off by %g", formats[i], worst);
        gst_video_frame_unmap (&frame);
        gst_buffer_unref (buffer);
        still_clear (&still);
    }
}

/* Views of any size, also of fewer pixels than blocks: nothing is read outside, and every mean is that of grey. */
static void check_sizes (void)
{
    static const int sizes[][2] = {
        { 1, 1 }, { 1, 300 }, { 300, 1 }, { 27, 29 }, { 28, 28 }, { 301, 77 }, { 640, 2000 }
    };
    group ("views of any size");
    struct still still = { .looked = FALSE };
    for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++) {
        GstVideoInfo info;
        GstVideoFrame frame;
        gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, (guint)sizes[i][0], (guint)sizes[i][1]);
        GstBuffer *buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
        gst_buffer_memset (buffer, 0, 77, info.size);
        gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ);
        still_look (&still, &frame, (struct rectangle) { 0, 0, sizes[i][0], sizes[i][1] }, TRUE);
        int wrong = 0;
        for (int b = 0; b < STILL_BLOCKS * STILL_BLOCKS; b++)
            wrong += fabsf (still.means[b] - 77) > 0.001f;
        CHECK (wrong == 0, "%d x %d: %d means are wrong", sizes[i][0], sizes[i][1], wrong);
        gst_video_frame_unmap (&frame);
        gst_buffer_unref (buffer);
    }
    still_clear (&still);
}

/* The gate's memory: what is compared with what. Means are filled in by hand. */
static void check_memory (void)
{
    group ("what a frame is compared with");
    struct still still = { .looked = FALSE };
    CHECK (!still_is (&still, 255, 0, 0), "still before the first frame");
    still_keep (&still, 2, 0);
    CHECK (!still_is (&still, 255, 0, 0), "still though no frame was looked at");
    still.looked = TRUE;
    still.from = (struct rectangle) { 0, 0, 100, 100 };
    still_keep (&still, 2, GST_SECOND);
    CHECK (still_is (&still, 2, GST_SECOND, 0), "the same frame has moved");
    still.means[400] = 2;
    CHECK (still_is (&still, 2, GST_SECOND, 0) && !still_is (&still, 1.9f, GST_SECOND, 0), "by 2 levels");
    still.means[400] = -2.5f;
    CHECK (!still_is (&still, 2, GST_SECOND, 0), "downwards");
    for (int n = 1; n <= 5; n++) /* slowly: each frame little from the one before, none of which ran */
        still.means[400] = (float)n * 0.5f;
    CHECK (!still_is (&still, 2, GST_SECOND, 0), "a slow change is lost");
    still.means[400] = 0;
    CHECK (!still_is (&still, 2, GST_SECOND, GST_SECOND) && !still_is (&still, 2, 2 * GST_SECOND - 1, GST_SECOND) &&
               still_is (&still, 2, 2 * GST_SECOND, GST_SECOND),
           "within a second of the last move");
    still_keep (&still, 2, 1900 * GST_MSECOND); /* a frame that ran though nothing moved */
    CHECK (still_is (&still, 2, 2 * GST_SECOND, GST_SECOND), "which is not a move");
    still.from.x = 1;
    CHECK (!still_is (&still, 255, 9 * GST_SECOND, 0), "another part of the frame");
    still.from.x = 0;
    still_forget (&still);
    still.looked = TRUE;
    CHECK (!still_is (&still, 255, 9 * GST_SECOND, 0), "after it was forgotten");
    still_clear (&still);
}

/* ---- the element ----------------------------------------------------------------------------------------------- */

static int grey = 100, spot = 100; /* of the frame, and of the pixels about its centre */

static unsigned paint_spot (int x, int y, int width, int height)
{
    int value = abs (x - width / 2) < 12 && abs (y - height / 2) < 12 ? spot : grey;
    return (unsigned)value * 0x010101u;
}

static struct said show_spot (struct rig *rig, GstVideoFormat format, int value, int n)
{
    spot = value;
    return show (rig, timed (new_frame (format, 320, 240, paint_spot), n));
}

static void check_still (const char *format)
{
    group (format);
    GstVideoFormat number = gst_video_format_from_string (format);
    struct rig rig = rig_new ("still-threshold=4");
    rig_caps (&rig, format, 320, 240);
    CHECK (show_spot (&rig, number, 100, 0).fresh, "the first frame does not run");
    struct said said = { .messages = 0 };
    for (int n = 1; n < 10; n++) {
        said = show_spot (&rig, number, 100, n);
        CHECK (said.messages == 1 && !said.fresh && near (said.colour, 100, 100, 100, 3), "frame %d: fresh %d", n,
               said.fresh);
    }
    CHECK (!show_spot (&rig, number, 102, 10).fresh, "two levels make it run");
    CHECK (show_spot (&rig, number, 110, 11).fresh && !show_spot (&rig, number, 110, 12).fresh, "ten do not");
    CHECK (show_spot (&rig, number, 100, 13).fresh, "what went back");
    CHECK (stat_of (rig.element, "still") == 11 && stat_of (rig.element, "skipped") == 11 &&
               stat_of (rig.element, "inferred") == 3 && stat_of (rig.element, "frames") == 14,
           "%d still", (int)stat_of (rig.element, "still"));
    g_object_set (rig.element, "top-k", 2, NULL);
    said = show_spot (&rig, number, 100, 14);
    CHECK (said.fresh && said.count == 2, "what was set does not show: fresh %d, %d classes", said.fresh, said.count);
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
    gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
    CHECK (show_spot (&rig, number, 100, 15).fresh, "after a flush");
    CHECK (gst_harness_push (rig.h, gst_buffer_new ()) == GST_FLOW_ERROR && listen_to (rig.bus).errors == 1,
           "an empty buffer passes, or goes unsaid");
    rig_free (&rig);
    rig = rig_new ("still-threshold=0");
    rig_caps (&rig, format, 320, 240);
    for (int n = 0; n < 3; n++)
        CHECK (show_spot (&rig, number, 100, n).fresh, "without a threshold frame %d does not run", n);
    rig_free (&rig);
}

/* A network of that many channels, and frames of which only the alpha about the centre changes. */
static void check_alpha (const char *format, int channels)
{
    static const struct rectangle centre = { 152, 112, 16, 16 };
    float weights[CLASSES * 4] = { 0 }, bias[CLASSES] = { 0 };
    char path[64];
    struct bytes model;
    GstVideoInfo info;
    group (format);
    in_folder (path, sizeof path, channels == 4 ? "four.onnx" : "three.onnx");
    tiny_onnx_of (&model, channels, SIDE, CLASSES, weights, bias, NULL);
    write_file (path, model.data, model.size);
    struct rig rig = rig_new ("still-threshold=4");
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", path, NULL);
    gst_element_set_state (rig.element, GST_STATE_PLAYING);
    rig_caps (&rig, format, 320, 240);
    gst_video_info_set_format (&info, gst_video_format_from_string (format), 320, 240);
    for (int n = 0; n < 6; n++) {
        GstVideoFrame frame;
        spot = 100;
        GstBuffer *buffer = timed (new_frame (GST_VIDEO_INFO_FORMAT (&info), 320, 240, paint_spot), n);
        gst_video_frame_map (&frame, &info, buffer, GST_MAP_READWRITE);
        int step = GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, 3), bytes = GST_VIDEO_FRAME_COMP_DEPTH (&frame, 3) / 8;
        for (int y = centre.y; n / 2 % 2 && y < centre.y + centre.height; y++)
            for (int x = centre.x; x < centre.x + centre.width; x++)
                memset ((guint8 *)GST_VIDEO_FRAME_COMP_DATA (&frame, 3) + y * GST_VIDEO_FRAME_COMP_STRIDE (&frame, 3) +
                            x * step,
                        60, (size_t)bytes);
        gst_video_frame_unmap (&frame);
        gboolean fresh = show (&rig, buffer).fresh, wanted = n == 0 || (channels == 4 && n % 2 == 0);
        CHECK (fresh == wanted, "%d channels, frame %d: fresh %d", channels, n, fresh);
    }
    rig_free (&rig);
}

/* While the average moves, the network runs. */
static void check_settling (void)
{
    group ("smoothed scores come to rest");
    struct rig rig = rig_new ("still-threshold=4 smoothing=0.2");
    rig_caps (&rig, "RGB", 320, 240);
    int runs = 0, last = 0;
    for (int n = 0; n < 90; n++) {
        grey = n < 30 ? 200 : 40;
        struct said said = show_spot (&rig, GST_VIDEO_FORMAT_RGB, grey, n);
        runs += said.fresh;
        last = said.fresh ? n : last;
        if (n == 89)
            CHECK (fabsf (said.scores[0] - 0.2832f) < 0.003f, "at rest at %g", (double)said.scores[0]);
    }
    grey = 100;
    CHECK (runs == 18 + 18 && last == 47, "%d runs, the last at frame %d", runs, last);
    rig_free (&rig);
}

static void check_limits (void)
{
    group ("max-rate and cpu-limit of the element");
    struct rig rig = rig_new ("max-rate=10");
    rig_caps (&rig, "RGB", 320, 240);
    for (int n = 0; n < 30; n++) {
        struct said said = show_spot (&rig, GST_VIDEO_FORMAT_RGB, 100, n);
        CHECK (said.messages == 1 && said.fresh == (n % 3 == 0), "frame %d: fresh %d", n, said.fresh);
    }
    CHECK (stat_of (rig.element, "over-rate") == 20 && stat_of (rig.element, "still") == 0, "%d over-rate",
           (int)stat_of (rig.element, "over-rate"));
    g_object_set (rig.element, "max-rate", 0.0, "cpu-limit", 1e-6, NULL); /* 10 ns a second: none is paid for here */
    for (int n = 30; n < 40; n++)
        CHECK (show_spot (&rig, GST_VIDEO_FORMAT_RGB, 100, n).fresh == (n == 30), "frame %d, with no CPU time", n);
    CHECK (stat_of (rig.element, "over-cpu") == 9, "%d over-cpu", (int)stat_of (rig.element, "over-cpu"));
    g_object_set (rig.element, "cpu-limit", 0.0, NULL);
    CHECK (show_spot (&rig, GST_VIDEO_FORMAT_RGB, 100, 40).fresh, "after the limit was lifted");
    rig_free (&rig);
}

/* Beside the stream: the last of the frames is looked at before the end of the stream has passed. */
static void check_beside (void)
{
    group ("beside the stream");
    struct rig rig = rig_new ("async=true still-threshold=4 repeat-messages=false");
    rig_caps (&rig, "RGB", 320, 240);
    for (int n = 0; n < 20; n++) {
        spot = 100;
        GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_spot), n);
        CHECK (gst_harness_push (rig.h, frame) == GST_FLOW_OK, "frame %d", n);
        gst_clear_buffer (&(GstBuffer *) { gst_harness_try_pull (rig.h) });
    }
    gst_harness_push_event (rig.h, gst_event_new_eos ());
    int fresh = listen_to (rig.bus).messages;
    CHECK (fresh == 1 && stat_of (rig.element, "inferred") == 1, "%d messages, %d runs", fresh,
           (int)stat_of (rig.element, "inferred"));
    CHECK (stat_of (rig.element, "still") == stat_of (rig.element, "skipped"), "what passed is not counted");
    rig_free (&rig);
}

/* Switched to beside the stream under a limit, it goes on with what was seen last. */
static void check_switch (void)
{
    group ("async switched on under max-rate");
    struct rig rig = rig_new ("max-rate=0.1");
    rig_caps (&rig, "RGB", 320, 240);
    CHECK (show_spot (&rig, GST_VIDEO_FORMAT_RGB, 100, 0).fresh, "the first frame");
    for (int n = 1; n < 20; n++) {
        g_object_set (rig.element, "async", n % 4 > 0, NULL);
        struct said said = show_spot (&rig, GST_VIDEO_FORMAT_RGB, 100, n);
        CHECK (said.messages == 1 && !said.fresh && near (said.colour, 100, 100, 100, 3), "frame %d: %d messages", n,
               said.messages);
    }
    CHECK (stat_of (rig.element, "inferred") == 1, "%d runs", (int)stat_of (rig.element, "inferred"));
    rig_free (&rig);
}

/* ---- what is counted ------------------------------------------------------------------------------------------- */

static GstClockTime thread_time (void)
{
    struct timespec t;
    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
    return GST_TIMESPEC_TO_TIME (t);
}

static gpointer burn (gpointer stop)
{
    while (!g_atomic_int_get ((gint *)stop))
        ;
    return NULL;
}

/* While another thread of the process works and the plan's share of helpers is what it is, as much is counted as this
 * thread and those helpers took. */
static void check_counted (void)
{
    group ("CPU time that is counted");
    struct looker looker;
    gint stop = 0;
    if (!looker_start (&looker, GST_VIDEO_FORMAT_RGB))
        return;
    struct inference *inference = looker.inference;
    struct meter *meter = &inference->gates.meter;
    GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_orange);
    const struct sight sight = { frame, &looker.info, MOMENT_NONE };
    CHECK (inference_look (inference, &sight) && meter->credit < 0, "looking for what moved costs nothing");
    GThread *other = g_thread_new ("burn", burn, &stop);
    for (int i = 0; i < 50; i++) {
        meter->credit = 0;
        GstClockTime own = thread_time (), helped = plan_helped (inference->network->plan);
        CHECK (inference_begin (inference, &sight) && inference_go_on (inference, GST_CLOCK_TIME_NONE), "run %d", i);
        own = thread_time () - own;
        helped = plan_helped (inference->network->plan) - helped;
        CHECK (meter->credit < 0 && -meter->credit >= (double)helped && -meter->credit <= (double)(own + helped),
               "run %d: %g us counted, %g of its own, %g of helpers", i, -meter->credit / 1e3, (double)own / 1e3,
               (double)helped / 1e3);
    }
    g_atomic_int_set (&stop, 1);
    g_thread_join (other);
    gst_buffer_unref (frame);
    looker_end (&looker);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_rate ();
    check_cpu ();
    check_means ();
    check_sizes ();
    check_memory ();
    check_still ("RGB");
    check_still ("NV12");
    check_still ("I420_10LE"); /* converted first */
    for (int channels = 3; channels <= 4; channels++) {
        check_alpha ("RGBA", channels);
        check_alpha ("ABGR", channels);
        check_alpha ("AYUV", channels);
        check_alpha ("A420", channels);
        check_alpha ("GBRA", channels);
        check_alpha ("ARGB64_LE", channels); /* converted first */
    }
    check_settling ();
    check_limits ();
    check_beside ();
    check_switch ();
    check_counted ();
    return end_tests ();
}
