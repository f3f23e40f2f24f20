/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_frame.c: what it costs to make a network's input of 3 x 224 x 224 out of a frame, cut as resize=crop does: by
 * the engine itself, and by GstVideoConverter, through which other formats go.
 *
 *   bench_frame [ROUNDS [THREADS]]
 *
 * In every round each of the two is run once on each frame; printed are medians in milliseconds: of the process's own
 * time on one thread, so that others do not count; else of real time. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "plugin/frame_convert.h"
#include "plugin/frame_image.h"

enum { SIDE = 224, FORMATS = 4, SIZES = 4, WAYS = 2 };

static const GstVideoFormat formats[FORMATS] = { GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2,
                                                 GST_VIDEO_FORMAT_RGB };
static const int sizes[SIZES][2] = { { 640, 480 }, { 1280, 720 }, { 1920, 1080 }, { 3840, 2160 } };

/* A frame with both ways out of it. */
struct subject {
    GstVideoFrame frame;
    struct image *image, *shown;
    struct frame_converter *converter;
    double *ms[WAYS]; /* [rounds] */
};

static double now_ms (int threads)
{
    struct timespec t;
    clock_gettime (threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fill (GstBuffer *buffer)
{
    GstMapInfo map;
    guint32 state = 1;
    gst_buffer_map (buffer, &map, GST_MAP_WRITE);
    for (gsize i = 0; i < map.size; i++) {
        state = state * 1664525u + 1013904223u;
        map.data[i] = (guint8)(16 + (state >> 24) % 220);
    }
    gst_buffer_unmap (buffer, &map);
}

static gboolean open_subject (struct subject *subject, GstVideoFormat format, const int size[2], int threads,
                              int rounds)
{
    const struct input_spec spec = {
        .channels = 3, .height = SIDE, .width = SIDE, .mean = { 124, 116, 104 }, .std = { 58, 57, 57 }
    };
    GstVideoInfo info;
    gst_video_info_set_format (&info, format, (guint)size[0], (guint)size[1]);
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
    fill (buffer);
    gboolean good = gst_video_frame_map (&subject->frame, &info, buffer, GST_MAP_READ);
    gst_buffer_unref (buffer);
    struct view view = frame_view (RESIZE_CROP, (struct rectangle) { 0, 0, size[0], size[1] }, 1, 1, SIDE, SIDE);
    subject->image = frame_image_new (&info, &view, &spec);
    subject->converter = frame_converter_new (&info, &view, 3, threads);
    view.from = view.to;
    if (subject->converter)
        subject->shown = frame_image_new (frame_converter_info (subject->converter), &view, &spec);
    for (int way = 0; way < WAYS; way++)
        subject->ms[way] = g_new0 (double, rounds);
    return good && subject->image && subject->shown;
}

static void close_subject (struct subject *subject)
{
    gst_video_frame_unmap (&subject->frame);
    image_free (subject->image);
    image_free (subject->shown);
    frame_converter_free (subject->converter);
    for (int way = 0; way < WAYS; way++)
        g_free (subject->ms[way]);
}

static void run (const struct subject *subject, struct plan *plan, int way, float *input)
{
    const GstVideoFrame *pixels = way ? frame_converter_run (subject->converter, &subject->frame) : &subject->frame;
    const guint8 *data[IMAGE_PLANES] = { NULL };
    ptrdiff_t stride[IMAGE_PLANES] = { 0 };
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES (pixels); plane++) {
        data[plane] = GST_VIDEO_FRAME_PLANE_DATA (pixels, plane);
        stride[plane] = GST_VIDEO_FRAME_PLANE_STRIDE (pixels, plane);
    }
    plan_image (plan, way ? subject->shown : subject->image, data, stride, input);
}

static int by_size (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median (double *values, int count)
{
    qsort (values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

static struct plan *some_plan (int threads)
{
    struct graph *g = graph_new (NULL);
    const struct plan_options options = { .threads = threads };
    graph_output (g, graph_input (g, "input", 3, SIDE, SIDE));
    struct plan *plan = plan_new (g, &options, NULL);
    graph_unref (g);
    return plan;
}

int main (int argc, char **argv)
{
    static struct subject subjects[SIZES][FORMATS];
    gst_init (&argc, &argv);
    int rounds = argc > 1 ? MAX (1, atoi (argv[1])) : 51, threads = argc > 2 ? MAX (1, atoi (argv[2])) : 1;
    float *input = g_new0 (float, 3 * SIDE * SIDE);
    struct plan *plan = some_plan (threads);
    for (int s = 0; s < SIZES; s++)
        for (int f = 0; f < FORMATS; f++)
            if (!plan || !open_subject (&subjects[s][f], formats[f], sizes[s], threads, rounds)) {
                fprintf (stderr, "no plan, or no way from a frame to a network\n");
                return EXIT_FAILURE;
            }
    for (int round = 0; round < rounds; round++)
        for (int s = 0; s < SIZES; s++)
            for (int f = 0; f < FORMATS; f++)
                for (int way = 0; way < WAYS; way++) {
                    double start = now_ms (threads);
                    run (&subjects[s][f], plan, way, input);
                    subjects[s][f].ms[way][round] = now_ms (threads) - start;
                }
    printf ("%s, %d thread(s), median ms of %d rounds: GstVideoConverter -> ours\n", plan_isa (plan), threads, rounds);
    for (int s = 0; s < SIZES; s++) {
        printf ("| %4d x %4d", sizes[s][0], sizes[s][1]);
        for (int f = 0; f < FORMATS; f++)
            printf (" | %s %6.2f -> %5.2f", gst_video_format_to_string (formats[f]),
                    median (subjects[s][f].ms[1], rounds), median (subjects[s][f].ms[0], rounds));
        printf (" |\n");
    }
    for (int s = 0; s < SIZES; s++)
        for (int f = 0; f < FORMATS; f++)
            close_subject (&subjects[s][f]);
    plan_free (plan);
    g_free (input);
    return EXIT_SUCCESS;
}
