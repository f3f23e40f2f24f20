/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_element.c: the element's properties, which frames it takes and what the network is shown of them.
 * check_element_results.c has what it says, check_element_live.c what happens over time. */
#include "element.h"

#include "engine/engine.h"

/* ---- properties ------------------------------------------------------------------------------------------------ */

static void check_array (GstElement *element, const char *name, const char *text, const float *expected, guint count)
{
    GValue value = G_VALUE_INIT;
    g_value_init (&value, GST_TYPE_ARRAY);
    gst_util_set_object_arg (G_OBJECT (element), name, text);
    g_object_get_property (G_OBJECT (element), name, &value);
    if (CHECK (gst_value_array_get_size (&value) == count, "%s=%s has %u values", name, text,
               gst_value_array_get_size (&value)))
        for (guint i = 0; i < count; i++) {
            float got = g_value_get_float (gst_value_array_get_value (&value, i));
            CHECK (fabsf (got - expected[i]) < 1e-3f, "%s=%s: value %u is %g", name, text, i, (double)got);
        }
    g_value_unset (&value);
}

static void check_properties (void)
{
    group ("properties");
    GstElement *element = gst_element_factory_make ("convrelu", NULL);
    if (!CHECK (element != NULL, "there is no element convrelu: is GST_PLUGIN_PATH set?"))
        exit (check_end ());
    guint count;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &count);
    for (guint i = 0; i < count; i++) {
        if (specs[i]->owner_type != G_OBJECT_TYPE (element))
            continue;
        const char *text = g_param_spec_get_blurb (specs[i]);
        CHECK (text && strlen (text) > 20, "%s: the text is \"%s\"", specs[i]->name, text);
        if (specs[i]->flags & G_PARAM_WRITABLE)
            CHECK (specs[i]->flags & GST_PARAM_MUTABLE_PLAYING, "%s cannot change while playing", specs[i]->name);
        if (G_IS_PARAM_SPEC_UINT (specs[i]) || G_IS_PARAM_SPEC_FLOAT (specs[i]))
            CHECK (specs[i]->flags & GST_PARAM_CONTROLLABLE, "%s cannot be controlled", specs[i]->name);
    }
    g_free (specs);
    guint top_k, interval, threads;
    float threshold;
    gboolean post;
    char *model;
    g_object_get (element, "top-k", &top_k, "inference-interval", &interval, "threads", &threads, "threshold",
                  &threshold, "post-messages", &post, "model-file", &model, NULL);
    CHECK (top_k == 5 && interval == 1 && threads == 0 && threshold == 0 && post && !model, "wrong defaults");
    check_array (element, "mean", "<123.68, 116.78, 103.94>", (float[]) { 123.68f, 116.78f, 103.94f }, 3);
    check_array (element, "mean", "<104, 117, 123>", (float[]) { 104, 117, 123 }, 3); /* ints, as people write them */
    check_array (element, "std", "<1>", (float[]) { 1 }, 1);
    check_array (element, "std", "<>", NULL, 0);
    g_object_set (element, "model-file", "", NULL);
    g_object_get (element, "model-file", &model, NULL);
    CHECK (!model, "an empty model-file is kept as \"%s\"", model);
    const char *files =
        g_param_spec_get_blurb (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "model-file"));
    CHECK (strstr (files, "ONNX") && strstr (files, "safetensors"), "the files it takes: %s", files);
    const char *klass = gst_element_class_get_metadata (GST_ELEMENT_GET_CLASS (element), GST_ELEMENT_METADATA_KLASS);
    CHECK (strcmp (klass, "Filter/Analyzer/Effect/Video") == 0, "klass is %s", klass);
    gst_object_unref (element); /* never started */
}

/* ---- formats and layouts --------------------------------------------------------------------------------------- */

/* What is left of the colour in a format: its grey, or some bits of each channel. */
static bool as_seen (const GstVideoFormatInfo *format, const float colour[3], float red, float green, float blue)
{
    float tolerance = 3;
    if (GST_VIDEO_FORMAT_INFO_IS_GRAY (format)) {
        float grey = 0.299f * red + 0.587f * green + 0.114f * blue; /* or 709's weights: a wide tolerance */
        return near (colour, grey, grey, grey, 8);
    }
    if (GST_VIDEO_FORMAT_INFO_HAS_PALETTE (format))
        tolerance = 26; /* six levels */
    else if (GST_VIDEO_FORMAT_INFO_DEPTH (format, 0) < 8)
        tolerance = 9;
    return near (colour, red, green, blue, tolerance);
}

static void check_formats (void)
{
    group ("formats");
    guint count;
    const GstVideoFormat *formats = gst_video_formats_raw (&count);
    struct rig rig = rig_new (NULL);
    GstCaps *template = gst_pad_get_pad_template_caps (rig.h->element->sinkpads->data);
    for (guint i = 0; i < count; i++) {
        const GstVideoFormatInfo *format = gst_video_format_get_info (formats[i]);
        const char *name = GST_VIDEO_FORMAT_INFO_NAME (format);
        GstCaps *caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, name, NULL);
        bool accepted = gst_caps_can_intersect (caps, template);
        gst_caps_unref (caps);
        if (!CHECK (accepted, "%s is not accepted", name))
            continue;
        rig_caps (&rig, name, 37, 23);
        GstBuffer *frame = new_frame (formats[i], 37, 23, paint_orange);
        gst_buffer_ref (frame);
        char *before = checksum (frame);
        struct said said = show (&rig, frame);
        char *after = checksum (frame);
        CHECK (said.messages == 1 && as_seen (format, said.colour, 200, 100, 50),
               "%s: %d messages, seen as %.0f %.0f %.0f", name, said.messages, (double)said.colour[0],
               (double)said.colour[1], (double)said.colour[2]);
        CHECK (g_strcmp0 (before, after) == 0, "%s: the pixels have changed", name);
        g_free (before);
        g_free (after);
        gst_buffer_unref (frame);
    }
    gst_caps_unref (template);
    rig_free (&rig);
}

/* The frame's planes moved apart, into rows `more` bytes longer; with `reverse` the rows lie bottom up. */
static GstBuffer *spread (GstBuffer *frame, GstVideoFormat format, int width, int height, int more, bool reverse)
{
    GstVideoInfo info;
    GstVideoFrame in;
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 }, at = 64;
    gint stride[GST_VIDEO_MAX_PLANES] = { 0 };
    gst_video_info_set_format (&info, format, (guint)width, (guint)height);
    GstBuffer *wide = gst_buffer_new_allocate (NULL, 2 * info.size + 8192, NULL);
    GstMapInfo map;
    gst_buffer_map (wide, &map, GST_MAP_WRITE);
    memset (map.data, 0xaa, map.size);
    gst_video_frame_map (&in, &info, frame, GST_MAP_READ);
    for (guint plane = 0; plane < info.finfo->n_planes; plane++) {
        int rows = plane ? GST_VIDEO_SUB_SCALE (info.finfo->h_sub[plane], height) : height;
        int bytes = GST_VIDEO_FRAME_PLANE_STRIDE (&in, plane), step = bytes + more;
        for (int y = 0; y < rows; y++)
            memcpy (map.data + at + (gsize)(reverse ? rows - 1 - y : y) * (gsize)step,
                    (guint8 *)GST_VIDEO_FRAME_PLANE_DATA (&in, plane) + y * bytes, (gsize)bytes);
        offset[plane] = at + (reverse ? (gsize)((rows - 1) * step) : 0);
        stride[plane] = reverse ? -step : step;
        at += (gsize)(rows * step) + 17;
    }
    gst_video_frame_unmap (&in);
    gst_buffer_unmap (wide, &map);
    gst_buffer_unref (frame);
    gst_buffer_add_video_meta_full (wide, GST_VIDEO_FRAME_FLAG_NONE, format, (guint)width, (guint)height,
                                    info.finfo->n_planes, offset, stride);
    return wide;
}

static void check_layouts (void)
{
    static const GstVideoFormat formats[] = { GST_VIDEO_FORMAT_RGB,  GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_I420,
                                              GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_GRAY8 };
    static const int sizes[][2] = { { 64, 48 }, { 37, 23 }, { 1, 1 }, { 1, 9 },
                                    { 9, 1 },   { 3, 3 },   { 2, 2 }, { 1000, 2 } };
    group ("layouts and sizes");
    struct rig rig = rig_new (NULL);
    for (gsize f = 0; f < G_N_ELEMENTS (formats); f++)
        for (gsize s = 0; s < G_N_ELEMENTS (sizes); s++)
            for (int layout = 0; layout < 3; layout++) {
                const GstVideoFormatInfo *format = gst_video_format_get_info (formats[f]);
                int width = sizes[s][0], height = sizes[s][1];
                GstBuffer *frame = new_frame (formats[f], width, height, paint_orange);
                if (layout > 0)
                    frame = spread (frame, formats[f], width, height, 20, layout == 2);
                rig_caps (&rig, format->name, width, height);
                struct said said = show (&rig, frame);
                CHECK (said.messages == 1 && as_seen (format, said.colour, 200, 100, 50),
                       "%s %dx%d, layout %d: seen as %.0f %.0f %.0f", format->name, width, height, layout,
                       (double)said.colour[0], (double)said.colour[1], (double)said.colour[2]);
            }
    rig_caps (&rig, "I420", 7680, 4320);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_I420, 7680, 4320, paint_orange));
    CHECK (near (said.colour, 200, 100, 50, 5), "7680x4320: seen as %.0f %.0f %.0f", (double)said.colour[0],
           (double)said.colour[1], (double)said.colour[2]);
    gst_harness_set_src_caps_str (rig.h, "video/x-raw, format=I420, width=64, height=48, framerate=25/1, "
                                         "interlace-mode=interleaved, field-order=top-field-first");
    said = show (&rig, new_frame (GST_VIDEO_FORMAT_I420, 64, 48, paint_orange));
    CHECK (near (said.colour, 200, 100, 50, 3), "interleaved fields are seen as %.0f %.0f %.0f", (double)said.colour[0],
           (double)said.colour[1], (double)said.colour[2]);
    rig_free (&rig);
}

/* ---- what the network is shown ---------------------------------------------------------------------------------- */

/* White in the middle 7/8 of the largest square, black outside; and the other way round. */
static bool in_square (int x, int y, int width, int height, int across, int down)
{
    return 2 * abs (2 * x + 1 - width) < 2 * across && 2 * abs (2 * y + 1 - height) < 2 * down;
}

static unsigned paint_square (int x, int y, int width, int height)
{
    return in_square (x, y, width, height, 56, 56) ? 0xffffff : 0;
}

static unsigned paint_frame (int x, int y, int width, int height)
{
    return in_square (x, y, width, height, 56, 56) ? 0 : 0xffffff;
}

static unsigned paint_narrow (int x, int y, int width, int height)
{
    return in_square (x, y, width, height, 28, 56) ? 0xffffff : 0;
}

static unsigned paint_white (int x, int y, int width, int height)
{
    return 0xffffff;
}

static unsigned paint_left (int x, int y, int width, int height)
{
    return x < width / 2 ? 0xffffff : 0;
}

static void check_view (const char *properties, const char *caps_rest, int width, int height, painter paint,
                        float expected)
{
    char caps[256];
    struct rig rig = rig_new (properties);
    snprintf (caps, sizeof caps, "video/x-raw, format=RGBx, width=%d, height=%d, framerate=30/1%s", width, height,
              caps_rest);
    gst_harness_set_src_caps_str (rig.h, caps);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGBx, width, height, paint));
    CHECK (near (said.colour, expected, expected, expected, 2), "%s %dx%d%s: seen as %.1f %.1f %.1f instead of %.1f",
           properties, width, height, caps_rest, (double)said.colour[0], (double)said.colour[1], (double)said.colour[2],
           (double)expected);
    rig_free (&rig);
}

static void check_views (void)
{
    static const char wide[] = ", pixel-aspect-ratio=2/1", narrow[] = ", pixel-aspect-ratio=1/2";
    group ("crop, stretch, letterbox");
    check_view ("resize=crop", "", 64, 64, paint_square, 255);
    check_view ("resize=crop", "", 64, 64, paint_frame, 0);
    check_view ("resize=crop", "", 128, 64, paint_square, 255);
    check_view ("resize=crop", "", 128, 64, paint_frame, 0);
    check_view ("resize=crop", "", 64, 200, paint_square, 255);
    check_view ("resize=crop", "", 64, 200, paint_frame, 0);
    check_view ("resize=crop", wide, 64, 64, paint_narrow, 255); /* 128 x 64 as displayed: a square is 28 x 56 pixels */
    check_view ("resize=crop", wide, 64, 64, paint_square, 255);
    check_view ("resize=crop", narrow, 128, 64, paint_square, 127.5f); /* and here 112 x 56 */
    check_view ("resize=stretch", "", 128, 64, paint_white, 255);
    check_view ("resize=stretch", "", 128, 64, paint_left, 127.5f);
    check_view ("resize=stretch", "", 64, 64, paint_square, 255 * 49.0f / 64);
    check_view ("resize=stretch", wide, 64, 64, paint_white, 255);
    check_view ("resize=letterbox", "", 128, 64, paint_white, 127.5f); /* half of it is bars, black with mean 0 */
    check_view ("resize=letterbox", "", 64, 256, paint_white, 63.75f);
    check_view ("resize=letterbox", "", 64, 64, paint_white, 255);
    check_view ("resize=letterbox", wide, 64, 64, paint_white, 127.5f);
    check_view ("resize=letterbox", wide, 64, 128, paint_white, 255);
    check_view ("resize=letterbox mean=<55>", "", 128, 64, paint_white, 100); /* bars of the mean become 0 */

    struct rig rig = rig_new ("resize=stretch");
    rig_caps (&rig, "RGBx", 128, 64);
    GstBuffer *frame = new_frame (GST_VIDEO_FORMAT_RGBx, 128, 64, paint_left);
    GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);
    crop->width = crop->height = 64;
    struct said said = show (&rig, frame);
    CHECK (near (said.colour, 255, 255, 255, 2), "a cropped picture is seen as %.1f", (double)said.colour[0]);
    frame = new_frame (GST_VIDEO_FORMAT_RGBx, 128, 64, paint_left);
    crop = gst_buffer_add_video_crop_meta (frame);
    crop->x = 64;
    crop->width = crop->height = 1000; /* beyond the frame */
    said = show (&rig, frame);
    CHECK (near (said.colour, 0, 0, 0, 2), "a badly cropped picture is seen as %.1f", (double)said.colour[0]);
    rig_free (&rig);
}

static void check_preparation (const char *properties, float red, float green, float blue)
{
    struct rig rig = rig_new (properties);
    rig_caps (&rig, "RGB", 50, 40);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    CHECK (near (said.colour, red, green, blue, 1.5f), "%s: seen as %.1f %.1f %.1f instead of %.1f %.1f %.1f",
           properties, (double)said.colour[0], (double)said.colour[1], (double)said.colour[2], (double)red,
           (double)green, (double)blue);
    rig_free (&rig);
}

/* Fractions are told of once, and what is left as it was not at all. */
static void check_fractions (void)
{
    struct rig rig = rig_new ("mean=<0.485,0.456,0.406> std=<0.229,0.224,0.225>");
    rig_caps (&rig, "RGB", 50, 40);
    struct said said = show_first (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    CHECK (said.warnings == 1 && strstr (said.warning, "mean 123.7 116.3 103.5, std 58.4 57.12 57.38"),
           "%d warnings: %s", said.warnings, said.warning);
    for (int n = 0; n < 3; n++) {
        gst_util_set_object_arg (G_OBJECT (rig.element), "std", n < 2 ? "<0.229,0.224,0.225>" : "<0.5>");
        said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
        CHECK (said.warnings == (n == 2), "frame %d: %d warnings: %s", n, said.warnings, said.warning);
    }
    gst_util_set_object_arg (G_OBJECT (rig.element), "mean", "<0>");
    gst_util_set_object_arg (G_OBJECT (rig.element), "std", "<1>");
    said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    CHECK (said.warnings == 0 && near (said.colour, 200, 100, 50, 1.5f), "raw pixels: %s", said.warning);
    rig_free (&rig);
}

static void check_preparations (void)
{
    group ("mean, std, order");
    check_fractions ();
    check_preparation ("channel-order=model", 200, 100, 50);
    check_preparation ("channel-order=rgb", 200, 100, 50);
    check_preparation ("channel-order=bgr", 50, 100, 200); /* the network's "red" is its first channel */
    check_preparation ("mean=<100>", 100, 0, -50);
    check_preparation ("mean=<100,50,25>", 100, 50, 25);
    check_preparation ("mean=<100,50,25> channel-order=bgr", -50, 50, 175); /* in the network's order */
    check_preparation ("std=<2>", 100, 50, 25);
    check_preparation ("std=<2,4,1>", 100, 25, 50);
    check_preparation ("mean=<100,100,100> std=<0.5,1,2>", 200, 0, -25);
    check_preparation ("mean=<> std=<1>", 200 - 123.675f, 100 - 116.28f, 50 - 103.53f); /* ImageNet's */
    check_preparation ("mean=<> std=<1> channel-order=bgr", 50 - 103.53f, 100 - 116.28f, 200 - 123.675f);
    check_preparation ("mean=<0.2,0.4,0.6> std=<0.5>", (200 - 51) / 127.5f, (100 - 102) / 127.5f, (50 - 153) / 127.5f);
    check_preparation ("mean=<0> std=<>", 200 / 58.395f, 100 / 57.12f, 50 / 57.375f);
    check_preparation ("algorithm=direct threads=1", 200, 100, 50);
    check_preparation ("algorithm=f43 threads=3", 200, 100, 50);
}

/* ---- activations ------------------------------------------------------------------------------------------------ */

/* The property's values are the engine's names, in the order of the one table, and "model" before them. */
static void check_activation_names (void)
{
    static const enum activation_kind table[] = {
#define CHOICE(KIND, alpha, beta, text) ACTIVATION_##KIND,
#include "engine/activations.def"
    };
    group ("names of activations");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), "activation");
    const GEnumClass *values = G_PARAM_SPEC_ENUM (spec)->enum_class;
    CHECK (values->n_values == G_N_ELEMENTS (table) + 1, "%u values", values->n_values);
    CHECK (strcmp (values->values[0].value_nick, "model") == 0, "%s", values->values[0].value_nick);
    for (guint i = 0; i < G_N_ELEMENTS (table) && i + 1 < values->n_values; i++) {
        const char *nick = values->values[i + 1].value_nick, *name = activation_name (table[i]);
        CHECK (strcmp (name, nick) == 0, "%s is %s in the engine", nick, name);
    }
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
}

/* ---- scores ---------------------------------------------------------------------------------------------------- */

static struct rig rig_of_file (const char *path, const char *properties)
{
    char *all = g_strdup_printf ("model-file=%s %s", path, properties);
    struct rig rig = rig_new (all);
    g_free (all);
    return rig;
}

/* Three sigmoids of 4 x the mean of red, green and blue / 255, less 2: orange gives 0.757, 0.394, 0.229. */
static void check_sigmoid_end (int classes, const char *properties, const double *expected, int count)
{
    static const float weights[9] = { 4.0f / 255, 0, 0, 0, 4.0f / 255, 0, 0, 0, 4.0f / 255 };
    static const float bias[3] = { -2, -2, -2 };
    char path[64];
    struct bytes model;
    in_folder (path, sizeof path, "sigmoids.onnx");
    tiny_onnx (&model, SIDE, classes, weights, bias, "Sigmoid");
    if (!CHECK (write_file (path, model.data, model.size), "%s cannot be written", path))
        return;
    struct rig rig = rig_of_file (path, properties);
    rig_caps (&rig, "RGB", 50, 40);
    struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
    CHECK (said.count == count && said.errors == 0, "%d sigmoids, %s: %d classes reported: %s", classes, properties,
           said.count, said.error);
    for (int i = 0; i < MIN (said.count, count); i++)
        CHECK (said.ids[i] == i && fabs ((double)said.scores[i] - expected[i]) < 0.005,
               "%d sigmoids, %s: class %d has %g instead of %g", classes, properties, said.ids[i],
               (double)said.scores[i], expected[i]);
    rig_free (&rig);
}

/* Four sigmoids that answer 0.9, 0.1, 0.5, 0.8 to every picture. */
static void check_case_of_sigmoids (void)
{
    static const struct {
        const char *properties;
        int count, ids[4];
        float scores[4];
    } cases[] = {
        { "threshold=0", 4, { 0, 3, 2, 1 }, { 0.9f, 0.8f, 0.5f, 0.1f } },
        { "threshold=0.5", 3, { 0, 3, 2 }, { 0.9f, 0.8f, 0.5f } },
        { "scores=none threshold=0.5", 3, { 0, 3, 2 }, { 0.9f, 0.8f, 0.5f } },
        { "scores=softmax", 4, { 0, 3, 2, 1 }, { 0.331f, 0.299f, 0.222f, 0.149f } },
        { "scores=sigmoid", 4, { 0, 3, 2, 1 }, { 0.711f, 0.690f, 0.622f, 0.525f } },
    };
    if (!check_cases ()) {
        SKIP ("no case files");
        return;
    }
    char *path = g_build_filename (check_cases (), "05-sigmoid-scores", "sig_multi.onnx", NULL);
    for (size_t k = 0; k < G_N_ELEMENTS (cases); k++) {
        struct rig rig = rig_of_file (path, cases[k].properties);
        rig_caps (&rig, "RGB", 50, 40);
        struct said said = show (&rig, new_frame (GST_VIDEO_FORMAT_RGB, 50, 40, paint_orange));
        CHECK (said.count == cases[k].count, "%s: %d classes: %s", cases[k].properties, said.count, said.error);
        for (int i = 0; i < MIN (said.count, cases[k].count); i++)
            CHECK (said.ids[i] == cases[k].ids[i] && fabsf (said.scores[i] - cases[k].scores[i]) < 0.001f,
                   "%s: class %d has %g", cases[k].properties, said.ids[i], (double)said.scores[i]);
        rig_free (&rig);
    }
    g_free (path);
}

static void check_score_ends (void)
{
    double each[3], sum = 0;
    static const double colour[3] = { 200, 100, 50 };
    group ("scores by the network's end");
    for (int i = 0; i < 3; i++)
        each[i] = 1 / (1 + exp (2 - 4 * colour[i] / 255));
    check_sigmoid_end (3, "threshold=0", each, 3);
    check_sigmoid_end (3, "threshold=0.3", each, 2);
    check_sigmoid_end (1, "threshold=0", each, 1);
    check_sigmoid_end (1, "threshold=0.8", each, 0);
    check_sigmoid_end (1, "scores=softmax", (double[]) { 1 }, 1);
    double shared[3];
    for (int i = 0; i < 3; i++)
        sum += shared[i] = exp (each[i]);
    for (int i = 0; i < 3; i++)
        shared[i] /= sum;
    check_sigmoid_end (3, "scores=softmax", shared, 3);
    check_case_of_sigmoids ();
}

/* ---- the page -------------------------------------------------------------------------------------------------- */

/* The row of docs/element.md whose first cell names the property, up to its end; NULL: there is none. */
static char *row_of (char **lines, const char *name)
{
    char *quoted = g_strdup_printf ("`%s`", name), *found = NULL;
    for (char **line = lines; *line && !found && strcmp (*line, "## Messages") != 0; line++) {
        char *second = g_str_has_prefix (*line, "| `") ? strchr (*line + 1, '|') : NULL, *at = strstr (*line, quoted);
        found = second && at && at < second ? *line : NULL;
    }
    g_free (quoted);
    return found;
}

/* docs/element.md has a row for every property, says of each whether a controller drives it, and names no others; and
 * every message and stat. */
static void check_page (void)
{
    static const char *const also[] = { "**`convrelu`**", "**`convrelu-event`**", "**`convrelu-model`**",
                                        "GstTensorMeta",  "GstCustomMeta",        "GstVideoRegionOfInterestMeta" };
    group ("docs/element.md");
    GstBus *bus;
    GstElement *element = new_element (&bus);
    char *text = NULL;
    CHECK (g_file_get_contents (TESTS "/../docs/element.md", &text, NULL, NULL), "the page is missing");
    char **lines = g_strsplit (text ? text : "", "\n", -1);
    guint count;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &count);
    for (guint i = 0; i < count; i++) {
        if (specs[i]->owner_type != G_OBJECT_TYPE (element))
            continue;
        const char *row = row_of (lines, specs[i]->name);
        bool driven = row && strstr (row, "Driven");
        CHECK (row, "no row for %s", specs[i]->name);
        CHECK (!row || driven == ((specs[i]->flags & GST_PARAM_CONTROLLABLE) != 0), "%s is %sdriven", specs[i]->name,
               driven ? "not " : "");
    }
    g_free (specs);
    for (char **line = lines; *line && strcmp (*line, "## Messages") != 0; line++) {
        char **cells = g_strsplit (*line, "|", 3);
        char **words = g_strsplit (g_str_has_prefix (*line, "| `") ? cells[1] : "", "`", -1);
        for (int i = 0; words[i] && words[i + 1]; i += 2)
            CHECK (g_object_class_find_property (G_OBJECT_GET_CLASS (element), words[i + 1]), "there is no property %s",
                   words[i + 1]);
        g_strfreev (words);
        g_strfreev (cells);
    }
    for (gsize i = 0; text && i < G_N_ELEMENTS (also); i++)
        CHECK (strstr (text, also[i]), "%s is missing", also[i]);
    GstStructure *stats = NULL;
    g_object_get (element, "stats", &stats, NULL);
    for (int i = 0; i < gst_structure_n_fields (stats); i++) {
        const char *name = gst_structure_nth_field_name (stats, (guint)i);
        bool time = g_str_has_suffix (name, "-mean") || g_str_has_suffix (name, "-p99");
        CHECK (time || !text || strstr (row_of (lines, "stats"), name), "stats: %s is missing", name);
    }
    gst_structure_free (stats);
    g_strfreev (lines);
    g_free (text);
    gst_element_set_bus (element, NULL);
    gst_object_unref (element);
    gst_object_unref (bus);
}

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    check_properties ();
    check_formats ();
    check_layouts ();
    check_views ();
    check_preparations ();
    check_activation_names ();
    check_score_ends ();
    check_page ();
    return end_tests ();
}
