/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element_channels.c: networks of one channel, which are shown luma, and of four, which are shown alpha too. */
#include "element.h"

/* A network of which only class 0 counts: it tells the mean of its last channel, which is 0..1 unless something is
 * set. */
static void write_last (const char *path, int channels)
{
    float weights[CLASSES * 8] = { 0 }, bias[CLASSES] = { 0 };
    struct bytes model;
    weights[channels - 1] = gain;
    tiny_onnx_of (&model, channels, SIDE, CLASSES, weights, bias, NULL);
    write_file (path, model.data, model.size);
}

/* A playing element with that network and its own preparation. */
static struct rig channels_rig (int channels, const char *mean, const char *std)
{
    char path[64];
    in_folder (path, sizeof path, channels == 1 ? "one.onnx" : "four.onnx");
    write_last (path, channels);
    struct rig rig = rig_new ("resize=stretch");
    gst_element_set_state (rig.element, GST_STATE_NULL);
    listen_to (rig.bus);
    g_object_set (rig.element, "model-file", path, NULL);
    gst_util_set_object_arg (G_OBJECT (rig.element), "mean", mean);
    gst_util_set_object_arg (G_OBJECT (rig.element), "std", std);
    gst_element_set_state (rig.element, GST_STATE_PLAYING);
    return rig;
}

/* ---- one channel ----------------------------------------------------------------------------------------------- */

static void check_warning (void)
{
    static const struct {
        int channels;
        const char *mean, *std;
        int warnings;
        const char *text;
    } cases[] = {
        { 1, "<>", "<>", 1, "shown luma, with mean 0 and std 255" },
        { 4, "<>", "<>", 1, "alpha, with mean 0 and std 255" },
        { 1, "<0>", "<255>", 0, "" },
        { 4, "<0>", "<255>", 0, "" },
    };
    group ("a guessed preparation");
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct rig rig = channels_rig (cases[i].channels, cases[i].mean, cases[i].std);
        rig_caps (&rig, "RGB", 64, 48);
        struct said said = show_first (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 64, 48, paint_orange));
        CHECK (said.warnings == cases[i].warnings && said.errors == 0 && strstr (said.warning, cases[i].text),
               "case %zu: %d warnings, '%s' %s", i, said.warnings, said.warning, said.error);
        said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 64, 48, paint_orange));
        CHECK (said.messages == 1 && said.warnings == 0, "case %zu: %d results, %d warnings", i, said.messages,
               said.warnings);
        rig_free (&rig);
    }
}

static unsigned paint_violet (int x, int y, int width, int height)
{
    return 0x300060; /* luma 25.3 */
}

static unsigned paint_yellow (int x, int y, int width, int height)
{
    return 0xf0f000; /* luma 212.6 */
}

/* Near the ends of the range, so that no black of 16 passes for 0; by BT.601, in every format. */
static void check_luma (void)
{
    static const struct {
        painter paint;
        float luma;
    } colours[] = { { paint_violet, 25.3f }, { paint_orange, 124.2f }, { paint_yellow, 212.6f } };
    guint count;
    group ("luma of every format");
    const GstVideoFormat *formats = gst_video_formats_raw (&count);
    struct rig rig = channels_rig (1, "<>", "<>");
    for (guint f = 0; f < count; f++) {
        const char *name = gst_video_format_to_string (formats[f]);
        bool coarse = !strcmp (name, "RGB8P") || !strcmp (name, "RGB15") || !strcmp (name, "BGR15") ||
                      !strcmp (name, "RGB16") || !strcmp (name, "BGR16");
        rig_caps (&rig, name, 64, 48);
        for (size_t i = 0; i < G_N_ELEMENTS (colours); i++) {
            struct said said = show (&rig, new_frame (formats[f], 64, 48, colours[i].paint));
            CHECK (said.messages == 1 && fabsf (said.colour[0] - colours[i].luma) <= (coarse ? 24 : 2.0f),
                   "%s: luma %.2f instead of %.2f", name, (double)said.colour[0], (double)colours[i].luma);
        }
    }
    rig_free (&rig);
}

/* What a letterbox leaves free is the mean, in full and in video range. */
static void check_letterbox (void)
{
    static const char *const formats[] = { "GRAY8", "I420", "RGB", "v210" };
    group ("luma in a letterbox");
    for (size_t i = 0; i < G_N_ELEMENTS (formats); i++) {
        struct rig rig = channels_rig (1, "<100>", "<255>");
        gst_util_set_object_arg (G_OBJECT (rig.element), "resize", "letterbox");
        rig_caps (&rig, formats[i], 96, 48);
        struct said said = show (&rig, new_frame (gst_video_format_from_string (formats[i]), 96, 48, paint_yellow));
        CHECK (said.messages == 1 && fabsf (said.colour[0] - 56.3f) <= 2, "%s: half picture, half mean gives %.2f",
               formats[i], (double)said.colour[0]);
        rig_free (&rig);
    }
}

/* Luma out of YUV is what stands there, whatever the matrix and however coloured it is. */
static void check_own_luma (void)
{
    static const char *const colours[] = { "bt601", "bt709", "bt2020", "1:3:5:1", "1:4:5:1" };
    group ("the frame's own luma");
    struct rig rig = channels_rig (1, "<>", "<>");
    for (size_t i = 0; i < G_N_ELEMENTS (colours); i++) {
        char caps[256];
        snprintf (caps, sizeof caps, "video/x-raw,format=I420,width=64,height=48,framerate=30/1,colorimetry=(string)%s",
                  colours[i]);
        gst_harness_set_src_caps_str (rig.h, caps);
        GstBuffer *frame = gst_buffer_new_allocate (NULL, 64 * 48 * 3 / 2, NULL);
        gst_buffer_memset (frame, 0, 145, 64 * 48);
        gst_buffer_memset (frame, 64 * 48, 90, 32 * 24);
        gst_buffer_memset (frame, 64 * 48 * 5 / 4, 170, 32 * 24);
        struct said said = show (&rig, frame);
        float expected = i < 3 ? (145 - 16) * 255.0f / 219 : 145;
        CHECK (said.messages == 1 && fabsf (said.colour[0] - expected) <= 1.5f, "%s: luma %.2f instead of %.2f",
               colours[i], (double)said.colour[0], (double)expected);
    }
    rig_free (&rig);
}

/* Three numbers, as for colours, become one by the weights of luma, in the order of the channels. */
static void check_three_numbers (void)
{
    group ("three numbers for one channel");
    for (int bgr = 0; bgr < 2; bgr++) {
        struct rig rig = channels_rig (1, bgr ? "<50, 100, 200>" : "<200, 100, 50>", "<255>");
        g_object_set (rig.element, "channel-order", bgr ? 2 : 1, NULL);
        rig_caps (&rig, "RGB", 64, 48);
        struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 64, 48, paint_orange));
        CHECK (said.messages == 1 && fabsf (said.colour[0]) <= 1.5f, "bgr %d: luma less its mean is %.2f", bgr,
               (double)said.colour[0]);
        rig_free (&rig);
    }
}

/* ---- four channels --------------------------------------------------------------------------------------------- */

/* As new_frame, with every alpha 64; `at`: its byte of four. */
static GstBuffer *translucent (GstVideoFormat format, int at)
{
    GstMapInfo map;
    GstBuffer *frame = new_frame (format, 64, 48, paint_orange);
    gst_buffer_map (frame, &map, GST_MAP_READWRITE);
    for (gsize i = (gsize)at; i < map.size; i += 4)
        map.data[i] = 64;
    gst_buffer_unmap (frame, &map);
    return frame;
}

static void check_alpha (void)
{
    static const struct {
        const char *format;
        int at; /* -1: it has no alpha, and is opaque */
    } cases[] = { { "RGBA", 3 }, { "BGRA", 3 }, { "ARGB", 0 },  { "ABGR", 0 },  { "AYUV", 0 },
                  { "VUYA", 3 }, { "RGB", -1 }, { "RGBx", -1 }, { "I420", -1 }, { "GRAY8", -1 } };
    group ("alpha");
    for (int bgr = 0; bgr < 2; bgr++) {
        struct rig rig = channels_rig (4, "<>", "<>");
        g_object_set (rig.element, "channel-order", bgr ? 2 : 1, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
            GstVideoFormat format = gst_video_format_from_string (cases[i].format);
            rig_caps (&rig, cases[i].format, 64, 48);
            struct said said = show (&rig, cases[i].at < 0 ? new_frame (format, 64, 48, paint_orange)
                                                           : translucent (format, cases[i].at));
            float expected = cases[i].at < 0 ? 255 : 64;
            CHECK (said.messages == 1 && fabsf (said.colour[0] - expected) <= 1.5f, "%s: alpha %.2f instead of %.2f",
                   cases[i].format, (double)said.colour[0], (double)expected);
        }
        rig_free (&rig);
    }
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static void check_refused (void)
{
    static const int channels[] = { 2, 5 };
    group ("two and five channels");
    for (int i = 0; i < 2; i++) {
        char path[64];
        struct rig rig = rig_new (NULL);
        in_folder (path, sizeof path, "other.onnx");
        write_last (path, channels[i]);
        gst_element_set_state (rig.element, GST_STATE_NULL);
        g_object_set (rig.element, "model-file", path, NULL);
        gst_bus_set_flushing (rig.bus, TRUE); /* what the first one said */
        gst_bus_set_flushing (rig.bus, FALSE);
        gboolean loaded = loads (rig.element, rig.bus);
        struct said said = listen_to (rig.bus);
        CHECK (!loaded && said.errors == 1 && strstr (said.error, "1 channel (luma)"), "%d channels: %s", channels[i],
               said.error);
        rig_free (&rig);
    }
}

/* A network whose output is a map is refused in a sentence. */
static void check_map (void)
{
    float weights[CLASSES * 3] = { 1 }, bias[CLASSES] = { 0 };
    struct bytes model;
    char path[64];
    group ("a network that ends in a map");
    struct rig rig = rig_new (NULL);
    in_folder (path, sizeof path, "map.onnx");
    tiny_onnx (&model, SIDE, CLASSES, weights, bias, "");
    write_file (path, model.data, model.size);
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", path, NULL);
    gst_bus_set_flushing (rig.bus, TRUE); /* what the first one said */
    gst_bus_set_flushing (rig.bus, FALSE);
    gboolean loaded = loads (rig.element, rig.bus);
    struct said said = listen_to (rig.bus);
    CHECK (!loaded && said.errors == 1 && strstr (said.error, "'mix'") && strstr (said.error, "no classifier"),
           "%d errors: %s", said.errors, said.error);
    rig_free (&rig);
}

static void check_mnist (void)
{
    const char *cases = getenv ("CONVRELU_CASES");
    char path[512];
    group ("a network of handwritten digits");
    snprintf (path, sizeof path, "%s/06-one-channel/mnist_cntk.onnx", cases ? cases : "");
    if (!cases || access (path, R_OK) != 0) {
        SKIP ("CONVRELU_CASES is not set, or has no 06-one-channel");
        return;
    }
    struct rig rig = rig_new (NULL);
    gst_element_set_state (rig.element, GST_STATE_NULL);
    g_object_set (rig.element, "model-file", path, "labels-file", NULL, "top-k", 10, NULL);
    gst_element_set_state (rig.element, GST_STATE_PLAYING);
    rig_caps (&rig, "YUY2", 640, 480);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_YUY2, 640, 480, paint_orange));
    CHECK (said.messages == 1 && said.count == 10 && said.errors == 0, "%d results of %d classes: %s", said.messages,
           said.count, said.error);
    rig_free (&rig);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_warning ();
    check_luma ();
    check_letterbox ();
    check_own_luma ();
    check_three_numbers ();
    check_alpha ();
    check_refused ();
    check_map ();
    check_mnist ();
    return end_tests ();
}
