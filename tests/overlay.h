/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* overlay.h: what the tests of drawing elements share: a network of two layers, the element with it in a harness
 * whose end draws compositions or not, and what is attached to a frame. */
#ifndef CONVRELU_TEST_OVERLAY_H
#define CONVRELU_TEST_OVERLAY_H

#include "element.h"

/* "pixels" -> Conv "mix" (red - green, green - blue, blue - red, sum) -> Relu "first" -> Conv "deep" -> Relu "second"
 * -> GlobalAveragePool -> Flatten: four classes, two layers with an activation. */
static bool write_layers (const char *path)
{
    static const float mix[] = { 1, -1, 0, 0, 1, -1, -1, 0, 1, 1, 1, 1 };
    static const float deep[] = { 1, 0, 0, -.1f, 0, 1, 0, 0, 0, 0, 1, 0, .2f, .2f, .2f, .2f };
    struct bytes graph = { .size = 0 }, model;
    put_node (&graph, "Conv", (const char *const[]) { "pixels", "mix.w", NULL }, "mix");
    put_node (&graph, "Relu", (const char *const[]) { "mix", NULL }, "first");
    put_node (&graph, "Conv", (const char *const[]) { "first", "deep.w", NULL }, "deep");
    put_node (&graph, "Relu", (const char *const[]) { "deep", NULL }, "second");
    put_node (&graph, "GlobalAveragePool", (const char *const[]) { "second", NULL }, "mean");
    put_node (&graph, "Flatten", (const char *const[]) { "mean", NULL }, "scores");
    put_text (&graph, 2, "two layers");
    put_tensor (&graph, "mix.w", (uint64_t[]) { 4, 3, 1, 1 }, 4, mix, 12);
    put_tensor (&graph, "deep.w", (uint64_t[]) { 4, 4, 1, 1 }, 4, deep, 16);
    put_value (&graph, 11, "pixels", (uint64_t[]) { 1, 3, SIDE, SIDE }, 4);
    put_value (&graph, 12, "scores", (uint64_t[]) { 1, 4 }, 2);
    put_model (&model, &graph);
    return write_file (path, model.data, model.size);
}

static char layers_file[64];

UNUSED static unsigned paint_spots (int x, int y, int width, int height)
{
    return (x / 7 + y / 5) % 3 == 0 ? 0xd04020 : (x * 255 / width) << 8 | (unsigned)(y * 255 / height);
}

/* A rig with that network; `attach`: downstream draws compositions. */
UNUSED static struct rig layers_rig (const char *properties, gboolean attach)
{
    struct rig rig = rig_new (NULL);
    char **pairs = g_strsplit (properties, " ", -1);
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", layers_file, NULL);
    for (char **pair = pairs; *pair; pair++) {
        char *equals = strchr (*pair, '=');
        *equals = '\0';
        gst_util_set_object_arg (G_OBJECT (rig.element), *pair, equals + 1);
    }
    g_strfreev (pairs);
    if (attach)
        gst_harness_add_propose_allocation_meta (rig.h, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
    else /* a sink that does not know the feature */
        gst_harness_set_sink_caps_str (rig.h, "video/x-raw");
    gst_harness_play (rig.h);
    return rig;
}

UNUSED static GstVideoOverlayComposition *attached (GstBuffer *buffer)
{
    GstMeta *meta = gst_buffer_get_meta (buffer, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE);
    return meta ? ((GstVideoOverlayCompositionMeta *)meta)->overlay : NULL;
}

UNUSED static GstBuffer *pass (struct rig *rig, GstBuffer *frame)
{
    GstFlowReturn flow = gst_harness_push (rig->h, frame);
    CHECK (flow == GST_FLOW_OK, "the frame's flow is %s", gst_flow_get_name (flow));
    GstBuffer *out = gst_harness_try_pull (rig->h);
    CHECK (out != NULL, "no frame came out");
    return out;
}

/* The largest difference of two frames' bytes, and how many differ at all. */
UNUSED static int difference (GstBuffer *a, GstBuffer *b, int *differing)
{
    GstMapInfo x, y;
    int most = 0;
    *differing = 0;
    gst_buffer_map (a, &x, GST_MAP_READ);
    gst_buffer_map (b, &y, GST_MAP_READ);
    for (gsize i = 0; i < MIN (x.size, y.size); i++) {
        int d = abs ((int)x.data[i] - (int)y.data[i]);
        most = MAX (most, d);
        *differing += d > 0;
    }
    gst_buffer_unmap (a, &x);
    gst_buffer_unmap (b, &y);
    return most;
}

UNUSED static guint rectangles (GstBuffer *buffer)
{
    return attached (buffer) ? gst_video_overlay_composition_n_rectangles (attached (buffer)) : 0;
}

UNUSED static bool start_overlay_tests (int *argc, char ***argv)
{
    if (!start_tests (argc, argv))
        return false;
    in_folder (layers_file, sizeof layers_file, "layers.onnx");
    return write_layers (layers_file);
}

#endif
