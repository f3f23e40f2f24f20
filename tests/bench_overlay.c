/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_overlay.c: what drawing costs per 1280x720 frame: labels and 16 channels of an early, a middle and a late
 * layer.
 *
 *   bench_overlay MODEL [RUNS [WORD]]        a network with height and width to its end, such as a ResNet-50
 *
 * Then the same of each other overlay; with a WORD only those with it in their name.
 *
 * Prints the least of RUNS for each stage, in milliseconds: the machine may be busy, the work is the same every
 * time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/overlay/blend.h"
#include "plugin/overlay/overlay.h"

enum { WIDTH = 1280, HEIGHT = 720 };

static double now_ms (void)
{
    return gst_util_get_timestamp () / 1e6;
}

static void fill_input (struct network *network)
{
    const struct input_spec *spec = model_input (network->model);
    guint32 state = 1;
    for (int i = 0; i < 3 * spec->height * spec->width; i++) {
        state = state * 1664525u + 1013904223u;
        network->input[i] = (float)(int)(state >> 24) - 110 + 60 * ((i / 32 % 2) ^ (i / spec->width / 32 % 2));
    }
}

static struct network *load (const struct settings *settings)
{
    GError *error = NULL;
    struct network *network = network_load (settings, &error);
    if (!network) {
        fprintf (stderr, "%s\n", error->message);
        exit (EXIT_FAILURE);
    }
    fill_input (network);
    return network;
}

static double time_network (struct network *network, int runs)
{
    double least = 1e9;
    for (int i = 0; i < runs; i++) {
        double start = now_ms ();
        plan_run (network->plan, network->input);
        least = MIN (least, now_ms () - start);
    }
    return least;
}

static double time_blend (GstVideoOverlayComposition *composition, GstVideoFormat format, int runs)
{
    GstVideoInfo info;
    GstVideoFrame frame;
    double least = 1e9;
    gst_video_info_set_format (&info, format, WIDTH, HEIGHT);
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
    gst_buffer_memset (buffer, 0, 0x60, info.size);
    gst_video_frame_map (&frame, &info, buffer, GST_MAP_READWRITE);
    for (int i = 0; i < runs; i++) {
        double start = now_ms ();
        blend_composition (composition, &frame);
        least = MIN (least, now_ms () - start);
    }
    gst_video_frame_unmap (&frame);
    gst_buffer_unref (buffer);
    return least;
}

/* Draws what `settings` say again and again, and prints what each stage costs. */
static void bench (const char *what, const struct settings *settings, const struct network *plain, int runs)
{
    struct network *network = load (settings);
    double without = time_network ((struct network *)plain, runs / 10 + 1),
           with = time_network (network, runs / 10 + 1);
    struct result result = { 0 };
    result_take (&result, network, settings, 0);

    struct overlay *overlay = overlay_new ();
    const struct rectangle square = { (WIDTH - HEIGHT) / 2, 0, HEIGHT, HEIGHT };
    const struct input_spec *input = model_input (network->model);
    struct overlay_frame frame = { .appearance = &settings->appearance,
                                   .network = network,
                                   .result = &result,
                                   .time = GST_CLOCK_TIME_NONE,
                                   .top_k = settings->top_k,
                                   .width = WIDTH,
                                   .height = HEIGHT,
                                   .view = { square, { 0, 0, input->width, input->height } } };
    float *best = (float *)plan_output (network->plan, 0)->data + result.ids[0];
    double drawing = 1e9;
    for (int i = 0; i < runs; i++) {
        double start = now_ms ();
        *best += i % 2 ? 0.5f : -0.5f; /* the labels change with every frame */
        result.serial++;
        overlay_draw (overlay, &frame);
        drawing = MIN (drawing, now_ms () - start);
    }
    GstVideoOverlayComposition *composition = overlay_draw (overlay, &frame);
    double i420 = time_blend (composition, GST_VIDEO_FORMAT_I420, runs);
    double nv12 = time_blend (composition, GST_VIDEO_FORMAT_NV12, runs);
    double bgrx = time_blend (composition, GST_VIDEO_FORMAT_BGRx, runs);
    printf ("%-18s taps %.2f ms (network %.2f, without %.2f), drawing %.2f ms, blending I420 %.2f NV12 %.2f BGRx %.2f "
            "ms\n",
            what, with - without, with, without, drawing, i420, nv12, bgrx);
    overlay_free (overlay);
    result_clear (&result);
    network_free (network);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    if (argc < 2) {
        fprintf (stderr, "usage: bench_overlay MODEL [RUNS [WORD]]\n");
        return 2;
    }
    int runs = argc > 2 ? atoi (argv[2]) : 200;
    struct settings settings;
    settings_init (&settings);
    settings.model_file = g_strdup (argv[1]);
    settings.threads = 1;
    struct network *plain = load (&settings);
    static const struct {
        const char *what;
        guint overlay;
        enum channel_select select;
        const char *classes, *unit;
    } cases[] = {
        { "labels", OVERLAY_LABELS, CHANNELS_VARIED, "top-1", NULL },
        { "labels, maps", OVERLAY_LABELS | OVERLAY_FEATURE_MAPS, CHANNELS_VARIED, "top-1", NULL },
        { "with the network", OVERLAY_LABELS | OVERLAY_FEATURE_MAPS | OVERLAY_NETWORK, CHANNELS_VARIED, "top-1", NULL },
        { "the network alone", OVERLAY_NETWORK, CHANNELS_VARIED, "top-1", NULL },
        { "channels of a class", OVERLAY_LABELS | OVERLAY_FEATURE_MAPS, CHANNELS_CLASS, "top-1", NULL },
        { "of two classes", OVERLAY_LABELS | OVERLAY_FEATURE_MAPS, CHANNELS_CLASS, "top-1,top-2", NULL },
        { "heat", OVERLAY_CLASS_ACTIVATION, CHANNELS_VARIED, "top-1", NULL },
        { "heat of two", OVERLAY_CLASS_ACTIVATION, CHANNELS_VARIED, "top-1,top-2", NULL },
        { "stats", OVERLAY_STATS, CHANNELS_VARIED, "top-1", NULL },
        { "one number", OVERLAY_CONVOLUTION, CHANNELS_VARIED, "top-1", NULL },
        { "one number, middle", OVERLAY_CONVOLUTION, CHANNELS_VARIED, "top-1", "middle:3" },
        { "one number, late", OVERLAY_CONVOLUTION, CHANNELS_VARIED, "top-1", "late" },
        { "unit", OVERLAY_UNIT, CHANNELS_VARIED, "top-1", NULL },
        { "unit, middle", OVERLAY_UNIT, CHANNELS_VARIED, "top-1", "middle" },
        { "unit, late", OVERLAY_UNIT, CHANNELS_VARIED, "top-1", "late:5" },
    };
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        if (argc > 3 && !strstr (cases[i].what, argv[3]))
            continue;
        settings.appearance.overlay = cases[i].overlay;
        settings.appearance.channel_select = cases[i].select;
        g_free (settings.appearance.class_words);
        g_free (settings.appearance.unit);
        settings.appearance.class_words = g_strdup (cases[i].classes);
        settings.appearance.unit = g_strdup (cases[i].unit);
        bench (cases[i].what, &settings, plain, runs);
    }
    settings_clear (&settings);
    network_free (plain);
    return EXIT_SUCCESS;
}
