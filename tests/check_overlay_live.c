/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_overlay_live.c: what is drawn follows properties, results and thresholds while frames go by; seen from
 * outside the element. */
#include "overlay.h"

/* ---- following the properties ---------------------------------------------------------------------------------- */

static void check_unknown (void)
{
    group ("unknown layers");
    struct rig rig = layers_rig ("overlay=feature-maps layers=early,frist,s*d", TRUE);
    rig_caps (&rig, "RGB", 320, 240);
    GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_spots));
    struct said said = listen_to (rig.bus);
    CHECK (said.warnings == 1 && said.errors == 0, "%d warnings, %d errors", said.warnings, said.errors);
    CHECK (strstr (said.warning, "\"frist\"") && strstr (said.warning, "first"), "the warning says: %s", said.warning);
    CHECK (attached (out) && gst_video_overlay_composition_n_rectangles (attached (out)) == 2 + 1 + 4,
           "the two layers that are known are not drawn");
    gst_buffer_unref (out);
    for (int i = 0; i < 3; i++) {
        g_object_set (rig.element, "threads", 1 + i % 2, NULL); /* plans again */
        gst_buffer_unref (pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 320, 240, paint_spots)));
    }
    said = listen_to (rig.bus);
    CHECK (said.warnings == 0, "it is said again: %s", said.warning);
    for (int life = 0; life < 2; life++) {
        gst_element_set_state (rig.element, GST_STATE_READY);
        gst_element_set_state (rig.element, GST_STATE_PLAYING);
        GstMessage *warning = gst_bus_timed_pop_filtered (rig.bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_WARNING);
        gst_bus_post (rig.bus, warning); /* posted while it loads */
        said = listen_to (rig.bus);
        CHECK (said.warnings == 1 && strstr (said.warning, "\"frist\""), "after another start: %d warnings: %s",
               said.warnings, said.warning);
    }
    rig_free (&rig);
}

static double zero_of (GstElement *element, guint layer, char *name, gsize size)
{
    GstStructure *stats = NULL;
    double zero = -1;
    g_object_get (element, "stats", &stats, NULL);
    const GValue *layers = gst_structure_get_value (stats, "layers");
    if (layers && layer < gst_value_array_get_size (layers)) {
        const GstStructure *one = g_value_get_boxed (gst_value_array_get_value (layers, layer));
        gst_structure_get_double (one, "zero", &zero);
        g_strlcpy (name, gst_structure_get_string (one, "name"), size);
    }
    gst_structure_free (stats);
    return zero;
}

/* Two frames after the change. */
static GstBuffer *two_frames (struct rig *rig)
{
    gst_buffer_unref (pass (rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint_spots)));
    return pass (rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint_spots));
}

static void check_changes (void)
{
    group ("changes while playing");
    static const struct {
        const char *name, *value;
        guint rectangles;
    } steps[] = {
        { "overlay", "feature-maps", 7 }, /* with the legend and the four edges of the view */
        { "layers", "second", 6 },
        { "stage", "both", 7 },
        { "layers", "first,second", 9 },
        { "stage", "pre-activation", 7 },
        { "overlay", "labels", 5 },
        { "overlay", "none", 0 },
        { "overlay", "class-activation", 6 }, /* heat, words, four edges of the view */
        { "overlay", "feature-maps+stats", 8 },
        { "activation", "none", 8 },
        { "activation", "gelu", 8 },
        { "stage", "post-activation", 8 },
    };
    struct rig rig = layers_rig ("layers=early,late", TRUE);
    rig_caps (&rig, "RGB", 640, 480);
    for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
        gst_util_set_object_arg (G_OBJECT (rig.element), steps[i].name, steps[i].value);
        GstBuffer *out = two_frames (&rig);
        for (int n = 0; n < 500 && rectangles (out) != steps[i].rectangles; n++) { /* layers come beside the stream */
            g_usleep (10000);
            gst_buffer_unref (out);
            out = two_frames (&rig);
        }
        CHECK (rectangles (out) == steps[i].rectangles, "%s=%s: %u rectangles instead of %u", steps[i].name,
               steps[i].value, rectangles (out), steps[i].rectangles);
        gst_buffer_unref (out);
    }
    char name[64] = "";
    static const char *const activations[] = { "sigmoid", "relu", "silu", "model", "tanh" };
    for (guint i = 0; i < G_N_ELEMENTS (activations); i++) {
        gst_util_set_object_arg (G_OBJECT (rig.element), "activation", activations[i]);
        double zero = -1;
        for (int n = 0; n < 500 && !(i == 0 ? zero >= 0 && zero < 0.1 : zero > 0.2); n++) {
            g_usleep (n > 0 ? 10000 : 0);
            gst_buffer_unref (two_frames (&rig));
            zero = zero_of (rig.element, 0, name, sizeof name);
        }
        CHECK (i == 0 ? zero < 0.1 : zero > 0.2, "%s: a share of %g of \"%s\" is not above zero", activations[i], zero,
               name);
    }
    CHECK (strcmp (name, "first") == 0, "the first layer is called %s", name);
    struct said said = listen_to (rig.bus);
    CHECK (said.errors == 0 && said.warnings == 0, "%s%s", said.error, said.warning);
    rig_free (&rig);
}

static void check_reuse (void)
{
    group ("the same objects while nothing changes");
    struct rig rig = layers_rig ("overlay=labels+feature-maps+class-activation inference-interval=4", TRUE);
    guint seqnum[5];
    rig_caps (&rig, "RGB", 640, 480);
    for (int i = 0; i < 5; i++) {
        GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint_spots));
        seqnum[i] = attached (out) ? gst_video_overlay_composition_get_seqnum (attached (out)) : 0;
        gst_clear_buffer (&out);
    }
    CHECK (seqnum[0] && seqnum[1] == seqnum[0] && seqnum[3] == seqnum[0], "frames between are drawn anew");
    CHECK (seqnum[4] != seqnum[0], "the next inference is not drawn");
    g_object_set (rig.element, "inference-interval", 1, NULL);
    GstBuffer *gap = new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint_spots);
    GST_BUFFER_FLAG_SET (gap, GST_BUFFER_FLAG_GAP);
    gap = pass (&rig, gap);
    CHECK (attached (gap) && gst_video_overlay_composition_get_seqnum (attached (gap)) == seqnum[4],
           "a duplicated frame does not carry the drawing of the one before");
    gst_clear_buffer (&gap);
    rig_free (&rig);
}

/* Where no class reaches the threshold there is nothing to be seen somewhere, and no name. */
static void check_threshold (void)
{
    group ("class activation and threshold");
    struct rig rig = layers_rig ("overlay=class-activation resize=stretch std=<255>", TRUE); /* no lines round a part */
    static const float thresholds[] = { 0, 1, 0, 1 };
    guint words[4];
    rig_caps (&rig, "RGB", 640, 480);
    for (int i = 0; i < 4; i++) {
        g_object_set (rig.element, "threshold", (double)thresholds[i], NULL);
        GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint_spots));
        guint count = rectangles (out);
        CHECK (count == (thresholds[i] > 0 ? 1 : 2), "threshold %g: %u rectangles", (double)thresholds[i], count);
        GstVideoOverlayRectangle *last =
            count ? gst_video_overlay_composition_get_rectangle (attached (out), count - 1) : NULL;
        words[i] = last ? gst_video_overlay_rectangle_get_seqnum (last) : 0;
        CHECK (i == 0 || words[i] != words[i - 1], "threshold %g: the words stay", (double)thresholds[i]);
        gst_buffer_unref (out);
    }
    gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", "labels+class-activation");
    GstBuffer *out = two_frames (&rig);
    CHECK (rectangles (out) == 1, "that there is nothing is said in %u panels", rectangles (out));
    gst_buffer_unref (out);
    rig_free (&rig);
}

/* What was drawn before the drawing was off is not shown again when the network has run since. */
static void check_off_and_on (void)
{
    group ("off and on between two inferences");
    struct rig rig = layers_rig ("overlay=labels inference-interval=2", TRUE);
    static const char *const overlay[] = { "labels", "none", "none", "labels", "none", "labels" };
    guint seqnum[6], drawings[6];
    rig_caps (&rig, "RGB", 640, 480);
    for (int i = 0; i < 6; i++) {
        gst_util_set_object_arg (G_OBJECT (rig.element), "overlay", overlay[i]);
        g_object_set (rig.element, "inference-interval", i < 3 ? 2 : 1000, NULL); /* frames 0 and 2 are looked at */
        GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, i < 2 ? paint_spots : paint_blue));
        bool any = attached (out) && gst_video_overlay_composition_n_rectangles (attached (out)) == 5;
        CHECK (any == (strcmp (overlay[i], "none") != 0), "frame %d: drawn %d", i, any);
        seqnum[i] = any ? gst_video_overlay_composition_get_seqnum (attached (out)) : 0;
        drawings[i] = any ? gst_video_overlay_rectangle_get_seqnum (
                                gst_video_overlay_composition_get_rectangle (attached (out), 4))
                          : 0;
        gst_clear_buffer (&out);
    }
    CHECK (seqnum[3] != seqnum[0] && drawings[3] != drawings[0], "the labels of a result that is gone");
    CHECK (seqnum[5] == seqnum[3], "the same result is drawn anew");
    rig_free (&rig);
}

/* ---- what it shows --------------------------------------------------------------------------------------------- */

/* Scores jump for one frame: the data follow at once, or by e^-(dt / smoothing), and begin anew after a flush. */
static void check_smoothing (void)
{
    group ("smoothing");
    float orange[CLASSES] = { 0 }, blue[CLASSES] = { 0 };
    for (int constant = 0; constant <= 2; constant += 2) {
        struct rig rig = rig_new (constant ? "smoothing=2 top-k=4" : "smoothing=0 top-k=4");
        struct said said;
        rig_caps (&rig, "RGB", 64, 64);
        gst_harness_play (rig.h);
        for (int n = 0; n <= 30; n++)
            said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, n < 30 ? paint_orange : paint_blue), n));
        CHECK (said.count == CLASSES, "%d classes", said.count);
        float share = constant ? 1 - expf (-1 / 60.0f) : 1;
        for (int i = 0; i < CLASSES && constant; i++) {
            int id = said.ids[i];
            float expected = orange[id] + share * (blue[id] - orange[id]);
            CHECK (fabsf (said.scores[i] - expected) < 1e-3f, "class %d: %g instead of %g", id, (double)said.scores[i],
                   (double)expected);
        }
        CHECK (said.ids[0] == (constant ? 0 : 2), "the best class is %d", said.ids[0]);
        for (int i = 0; i < CLASSES && !constant; i++)
            blue[said.ids[i]] = said.scores[i];
        gst_harness_push_event (rig.h, gst_event_new_flush_start ());
        gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE));
        GstSegment segment;
        gst_segment_init (&segment, GST_FORMAT_TIME);
        gst_harness_push_event (rig.h, gst_event_new_segment (&segment));
        said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, constant ? paint_blue : paint_orange), 31));
        for (int i = 0; i < CLASSES; i++) {
            CHECK (!constant || fabsf (said.scores[i] - blue[said.ids[i]]) < 1e-4f, "after a flush class %d has %g",
                   said.ids[i], (double)said.scores[i]);
            if (!constant)
                orange[said.ids[i]] = said.scores[i];
        }
        rig_free (&rig);
    }
}

/* A layer without an activation has nothing to compare. */
static void check_alone (void)
{
    static const struct {
        const char *layers;
        guint mosaics;
    } cases[] = { { "mix", 1 }, { "first", 2 }, { "mix,first", 3 }, { "mix,deep", 2 } };
    group ("layers that stand alone");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        char properties[100];
        snprintf (properties, sizeof properties, "overlay=feature-maps stage=both resize=stretch layers=%s",
                  cases[i].layers);
        struct rig rig = layers_rig (properties, TRUE);
        rig_caps (&rig, "RGB", 640, 480);
        GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint_spots));
        CHECK (rectangles (out) == cases[i].mosaics + 1, "layers=%s: %u rectangles instead of %u and the legend",
               cases[i].layers, rectangles (out), cases[i].mosaics);
        gst_clear_buffer (&out);
        rig_free (&rig);
    }
}

/* The pixels of what is drawn on a picture, of its rectangle `which`. */
struct drawn {
    guint32 *pixels;
    int count;
};

static struct drawn draw (const char *properties, guint which, painter paint)
{
    struct drawn drawn = { .count = 0 };
    struct rig rig = layers_rig (properties, TRUE);
    rig_caps (&rig, "RGB", 640, 480);
    GstBuffer *out = pass (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 640, 480, paint));
    if (CHECK (rectangles (out) > which, "%s: %u rectangles", properties, rectangles (out))) {
        GstVideoOverlayRectangle *rectangle = gst_video_overlay_composition_get_rectangle (attached (out), which);
        GstMapInfo map;
        GstBuffer *pixels = gst_video_overlay_rectangle_get_pixels_unscaled_raw (
            rectangle, gst_video_overlay_rectangle_get_flags (rectangle));
        gst_buffer_map (pixels, &map, GST_MAP_READ);
        drawn.count = (int)(map.size / sizeof *drawn.pixels);
        drawn.pixels = g_malloc (map.size);
        memcpy (drawn.pixels, map.data, map.size);
        gst_buffer_unmap (pixels, &map);
    }
    gst_clear_buffer (&out);
    rig_free (&rig);
    return drawn;
}

static int pixels_of (const struct drawn *drawn, guint32 pixel)
{
    int count = 0;
    for (int i = 0; i < drawn->count; i++)
        count += drawn->pixels[i] == pixel;
    return count;
}

/* How red the hottest pixel is against green: heat goes from green over yellow to red. */
static int hottest (const struct drawn *drawn)
{
    int most = -255;
    for (int i = 0; i < drawn->count; i++)
        if (drawn->pixels[i] >> 24 > 40)
            most = MAX (most, (int)(drawn->pixels[i] >> 16 & 255) - (int)(drawn->pixels[i] >> 8 & 255));
    return most;
}

/* A class of a third of the scores is not as hot as one that is certain. */
static void check_heat (void)
{
    group ("heat follows the share");
    struct drawn certain = draw ("overlay=class-activation resize=stretch std=<1> opacity=1", 0, paint_spots);
    struct drawn guess = draw ("overlay=class-activation resize=stretch std=<255> opacity=1", 0, paint_spots);
    int most = hottest (&certain), less = hottest (&guess);
    CHECK (most > 60 && less > -255 && less < 30, "red - green is %d where certain, else %d", most, less);
    g_free (certain.pixels);
    g_free (guess.pixels);
}

/* Blue has no more red than green: the first layer's first channel is zero, its third is not. */
static void check_pixels (void)
{
    static const guint32 zero = 0xff3f464e, last = 0xfffde725; /* of a channel without a value; viridis */
    group ("pixels");
    struct drawn text = draw ("overlay=labels resize=stretch opacity=1", 0, paint_blue);
    int white = pixels_of (&text, 0xffffffff);
    CHECK (white > 50, "%d white pixels: no text", white);
    struct drawn dark = draw ("overlay=feature-maps resize=stretch layers=first channels=1 opacity=1", 0, paint_blue);
    int low = pixels_of (&dark, zero), high = pixels_of (&dark, last);
    white = pixels_of (&dark, 0xffffffff);
    CHECK (low > 2000 && high < low / 10, "a map of zeros: %d pixels of the first colour, %d of the last", low, high);
    CHECK (white > 20, "%d white pixels: no name", white);
    struct drawn faint =
        draw ("overlay=feature-maps resize=stretch layers=first channels=1 opacity=0.5", 0, paint_blue);
    int see_through = 0, dense = 0, solid = 0;
    for (int i = 0; i < faint.count; i++) {
        see_through += faint.pixels[i] >> 24 == 128;
        dense += faint.pixels[i] >> 24 > 200;
        solid += faint.pixels[i] >> 24 == 255;
    }
    CHECK (see_through > 2000 && dense > 1000 && solid == 0,
           "at an opacity of 1/2 %d pixels are so, %d dense, %d solid", see_through, dense, solid);
    g_free (text.pixels);
    g_free (dark.pixels);
    g_free (faint.pixels);
}

int main (int argc, char **argv)
{
    if (!start_overlay_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_unknown ();
    check_changes ();
    check_reuse ();
    check_off_and_on ();
    check_threshold ();
    check_smoothing ();
    check_alone ();
    check_heat ();
    check_pixels ();
    return end_tests ();
}
