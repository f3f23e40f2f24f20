/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pictures.h: what the tests of the drawing share: a small network that has run, and what is drawn of it, always the
 * same.
 *
 *   "pixels" [3][34][34] -> Conv 3x3 "edges" -> Relu "stem/relu" [4][32][32] -> Conv 1x1 "mix" -> Relu "parts/relu" [6]
 *     -> Conv 1x1 "join" -> LeakyRelu "things/leaky" [4] -> GlobalAveragePool -> Flatten: four classes
 *
 * Linked with the plugin's own objects; belongs to the main thread. */
#ifndef CONVRELU_PICTURES_H
#define CONVRELU_PICTURES_H

#include <glib/gstdio.h>
#include <math.h>

#include "check.h"
#include "plugin/overlay/blend.h"
#include "plugin/overlay/overlay.h"
#include "plugin/region_memory.h"
#include "tiny_onnx.h"

enum { INPUT_SIDE = 34, PICTURE_CLASSES = 4 };

static char pictures_folder[] = "/tmp/convrelu-XXXXXX";            /* of this run's files */
static char *pictures_model, *pictures_labels, *pictures_residual; /* the last: see write_residual_network */

static bool write_pictures_network (void)
{
    /* Channels: light, red against blue, edges that stand, edges that lie. */
    float edges[4][3][3][3] = { { { { 0 } } } };
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < 3; x++) {
                edges[0][c][y][x] = 1 / 27.f;
                edges[1][c][y][x] = (float)(1 - c) / 9;
                edges[2][c][y][x] = (float)(x - 1) / 3;
                edges[3][c][y][x] = (float)(1 - y) / 3;
            }
    static const float mix[6][4] = { { 1, -.5f, 0, 0 }, { -1, 1, .5f, 0 },   { 0, 0, 1, 1 },
                                     { .3f, 0, 1, -1 }, { -.4f, .5f, 0, 1 }, { .2f, .1f, -.5f, .5f } };
    static const float join[4][6] = {
        { 4, 0, 1, 0, 0, 0 }, { 0, 3, 0, 1, 0, 0 }, { -2, 0, 0, 3, 0, 1 }, { -1, -1, 0, 0, 3, 0 }
    };
    struct bytes graph = { .size = 0 }, model;
    put_node (&graph, "Conv", (const char *const[]) { "pixels", "edges.w", NULL }, "edges");
    put_node (&graph, "Relu", (const char *const[]) { "edges", NULL }, "stem/relu");
    put_node (&graph, "Conv", (const char *const[]) { "stem/relu", "mix.w", NULL }, "mix");
    put_node (&graph, "Relu", (const char *const[]) { "mix", NULL }, "parts/relu");
    put_node (&graph, "Conv", (const char *const[]) { "parts/relu", "join.w", NULL }, "join");
    put_node (&graph, "LeakyRelu", (const char *const[]) { "join", NULL }, "things/leaky");
    put_node (&graph, "GlobalAveragePool", (const char *const[]) { "things/leaky", NULL }, "mean");
    put_node (&graph, "Flatten", (const char *const[]) { "mean", NULL }, "scores");
    put_text (&graph, 2, "pictures");
    put_tensor (&graph, "edges.w", (uint64_t[]) { 4, 3, 3, 3 }, 4, &edges[0][0][0][0], 4 * 3 * 3 * 3);
    put_tensor (&graph, "mix.w", (uint64_t[]) { 6, 4, 1, 1 }, 4, &mix[0][0], 6 * 4);
    put_tensor (&graph, "join.w", (uint64_t[]) { 4, 6, 1, 1 }, 4, &join[0][0], 4 * 6);
    put_value (&graph, 11, "pixels", (uint64_t[]) { 1, 3, INPUT_SIDE, INPUT_SIDE }, 4);
    put_value (&graph, 12, "scores", (uint64_t[]) { 1, PICTURE_CLASSES }, 2);
    put_model (&model, &graph);
    return write_file (pictures_model, model.data, model.size);
}

/* "pixels" -> Conv 3x3 "edges" -> Relu "stem/relu" [4][32][32] -> Conv 1x1 "branch"; "branch" + "stem/relu" = "sum" ->
 * Relu "block/relu" -> GlobalAveragePool -> Conv 1x1 "classes" -> Flatten: four classes, a weight for each channel. */
static bool write_residual_network (void)
{
    float edges[4][3][3][3] = { { { { 0 } } } };
    static const float branch[4][4] = {
        { -.8f, .5f, 0, .2f }, { .5f, -.8f, .5f, 0 }, { 0, .5f, .3f, -.5f }, { .4f, 0, -.5f, -1 }
    };
    static const float classes[4][4] = { { 4, 2, -1, 0 }, { 0, 1, 3, -1 }, { 1, 0, 1, 2 }, { -1, 0, 0, 3 } };
    for (int c = 0; c < 4; c++)
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < 3; x++)
                edges[c][c % 3][y][x] = (float)(c < 2 ? x - 1 : 1 - y) / 2;
    struct bytes graph = { .size = 0 }, model;
    put_node (&graph, "Conv", (const char *const[]) { "pixels", "edges.w", NULL }, "edges");
    put_node (&graph, "Relu", (const char *const[]) { "edges", NULL }, "stem/relu");
    put_node (&graph, "Conv", (const char *const[]) { "stem/relu", "branch.w", NULL }, "branch");
    put_node (&graph, "Add", (const char *const[]) { "branch", "stem/relu", NULL }, "sum");
    put_node (&graph, "Relu", (const char *const[]) { "sum", NULL }, "block/relu");
    put_node (&graph, "GlobalAveragePool", (const char *const[]) { "block/relu", NULL }, "mean");
    put_node (&graph, "Conv", (const char *const[]) { "mean", "classes.w", NULL }, "classes");
    put_node (&graph, "Flatten", (const char *const[]) { "classes", NULL }, "scores");
    put_text (&graph, 2, "residual");
    put_tensor (&graph, "edges.w", (uint64_t[]) { 4, 3, 3, 3 }, 4, &edges[0][0][0][0], 4 * 3 * 3 * 3);
    put_tensor (&graph, "branch.w", (uint64_t[]) { 4, 4, 1, 1 }, 4, &branch[0][0], 4 * 4);
    put_tensor (&graph, "classes.w", (uint64_t[]) { 4, 4, 1, 1 }, 4, &classes[0][0], 4 * 4);
    put_value (&graph, 11, "pixels", (uint64_t[]) { 1, 3, INPUT_SIDE, INPUT_SIDE }, 4);
    put_value (&graph, 12, "scores", (uint64_t[]) { 1, PICTURE_CLASSES }, 2);
    put_model (&model, &graph);
    return write_file (pictures_residual, model.data, model.size);
}

static bool pictures_start (void)
{
    static const char labels[] = "sunflower\nwater lily\nlaptop\ngrand piano\n";
    if (!mkdtemp (pictures_folder))
        return false;
    pictures_model = g_build_filename (pictures_folder, "pictures.onnx", NULL);
    pictures_labels = g_build_filename (pictures_folder, "pictures.txt", NULL);
    pictures_residual = g_build_filename (pictures_folder, "residual.onnx", NULL);
    return write_pictures_network () && write_residual_network () &&
           write_file (pictures_labels, labels, sizeof labels - 1);
}

static void pictures_end (void)
{
    g_remove (pictures_model);
    g_remove (pictures_labels);
    g_remove (pictures_residual);
    g_rmdir (pictures_folder);
    g_free (pictures_model);
    g_free (pictures_labels);
    g_free (pictures_residual);
}

/* ---- a network that has run ------------------------------------------------------------------------------------ */

struct subject {
    struct settings settings;
    struct network *network;
    struct result result;
    struct overlay *overlay;
    struct overlay_times times; /* that the drawing is told of */
    GArray *found, *memory;     /* regions; NULL: the result is of the frame */
};

/* A bright disc before stripes, red to blue. */
static void paint_input (struct network *network)
{
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < INPUT_SIDE; y++)
            for (int x = 0; x < INPUT_SIDE; x++) {
                float *to = &network->input[(c * INPUT_SIDE + y) * INPUT_SIDE + x];
                bool disc = (x - 22) * (x - 22) + (y - 14) * (y - 14) < 70;
                *to = (float)(c * x + (2 - c) * y) / 40 - 0.9f + (x / 4 % 2 ? 0.3f : 0);
                *to = disc ? 1.7f - 0.4f * (float)c : *to;
            }
}

/* What `appearance` says is drawn of a network; it is copied. */
__attribute__ ((unused)) static bool subject_open_model (struct subject *subject, const struct appearance *appearance,
                                                         const char *model)
{
    GError *error = NULL;
    *subject = (struct subject) { .times = { 29.97, 1234567, 23456789, 987654 } };
    settings_init (&subject->settings);
    appearance_clear (&subject->settings.appearance);
    appearance_copy (&subject->settings.appearance, appearance);
    subject->settings.model_file = g_strdup (model);
    subject->settings.labels_file = g_strdup (pictures_labels);
    subject->settings.threads = 1;
    subject->overlay = overlay_new ();
    subject->network = network_load (&subject->settings, &error);
    if (!CHECK (subject->network != NULL, "%s", error ? error->message : "no network")) {
        g_clear_error (&error);
        return false;
    }
    paint_input (subject->network);
    plan_run (subject->network->plan, subject->network->input);
    result_take (&subject->result, subject->network, &subject->settings, 0);
    return true;
}

__attribute__ ((unused)) static bool subject_open (struct subject *subject, const struct appearance *appearance)
{
    return subject_open_model (subject, appearance, pictures_model);
}

__attribute__ ((unused)) static void subject_close (struct subject *subject)
{
    overlay_free (subject->overlay);
    g_clear_pointer (&subject->found, g_array_unref);
    g_clear_pointer (&subject->memory, g_array_unref);
    result_clear (&subject->result);
    network_free (subject->network);
    settings_clear (&subject->settings);
}

/* Marks a region in the middle of a frame of that size and one in each corner, and gives them a class each. */
__attribute__ ((unused)) static void subject_mark (struct subject *subject, int width, int height)
{
    static const int twentieths[][4] = {
        { 7, 6, 6, 8 }, { 0, 0, 4, 5 }, { 17, 0, 3, 4 }, { 0, 16, 4, 4 }, { 18, 17, 2, 3 }
    };
    g_clear_pointer (&subject->found, g_array_unref);
    g_clear_pointer (&subject->memory, g_array_unref);
    subject->found = g_array_new (FALSE, FALSE, sizeof (struct region));
    subject->memory = region_memory_new ();
    for (int i = 0; i < (int)G_N_ELEMENTS (twentieths); i++) {
        const int *at = twentieths[i];
        struct rectangle box = { at[0] * width / 20, at[1] * height / 20, at[2] * width / 20, at[3] * height / 20 };
        struct region region = { REGIONS_ROI, box, 0, (guint64)i + 1, FALSE, NULL, 0, -1 };
        g_array_append_val (subject->found, region);
    }
    region_memory_follow (subject->memory, subject->found);
    for (guint i = 0; i < subject->memory->len; i++) {
        struct region_result *result = g_new0 (struct region_result, 1);
        g_atomic_ref_count_init (&result->references);
        result_copy (&result->result, &subject->result);
        result->result.ids[0] = (int)i % model_classes (subject->network->model);
        result->result.scores[0] = 0.97f - 0.2f * (float)i;
        g_array_index (subject->memory, struct remembered, i).result = result;
    }
}

/* Drawn on a frame of that size, of which the network sees what settings.resize says, a square in the middle unless it
 * is set. The overlay keeps the reference. */
__attribute__ ((unused)) static GstVideoOverlayComposition *subject_draw (struct subject *subject, int width,
                                                                          int height)
{
    const struct overlay_frame frame = {
        .appearance = &subject->settings.appearance,
        .network = subject->network,
        .result = &subject->result,
        .time = GST_CLOCK_TIME_NONE,
        .top_k = subject->settings.top_k,
        .threshold = subject->settings.threshold,
        .scores = subject->settings.scores,
        .times = subject->times,
        .width = width,
        .height = height,
        .view = frame_view (subject->settings.resize, (struct rectangle) { 0, 0, width, height }, 1, 1, INPUT_SIDE,
                            INPUT_SIDE),
        .found = subject->found,
        .memory = subject->memory,
    };
    return overlay_draw (subject->overlay, &frame);
}

/* The same blended onto a picture, dark blue on the left and grey on the right: 0x00RRGGBB words. g_free it. */
__attribute__ ((unused)) static guint32 *subject_picture (struct subject *subject, int width, int height)
{
    GstVideoOverlayComposition *composition = subject_draw (subject, width, height);
    guint32 *pixels = g_new (guint32, (gsize)width * (gsize)height);
    GstVideoInfo info;
    GstVideoFrame frame;
    for (int i = 0; i < width * height; i++)
        pixels[i] = i % width < width / 2 ? 0x203048 : 0x808078;
    gst_video_info_set_format (&info, GST_VIDEO_FORMAT_BGRx, (guint)width, (guint)height);
    GstBuffer *buffer = gst_buffer_new_wrapped_full (0, pixels, info.size, 0, info.size, NULL, NULL);
    if (CHECK (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READWRITE), "a picture cannot be mapped")) {
        CHECK (!composition || blend_composition (composition, &frame), "the drawing cannot be blended");
        gst_video_frame_unmap (&frame);
    }
    gst_buffer_unref (buffer);
    for (int i = 0; i < width * height; i++)
        pixels[i] &= 0xffffff;
    return pixels;
}

#endif
