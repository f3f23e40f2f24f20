/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_tensors.c: tensors=true: who reads the numbers off the buffer finds those of the network; without GStreamer
 * 1.26 a warning says that there are none. */
#include "element.h"

#if defined(HAVE_ANALYTICS) && GST_CHECK_VERSION(1, 26, 0)
#include <gst/analytics/analytics.h>
#define HAVE_TENSORS
#endif

static unsigned paint_halves (int x, int y, int width, int height)
{
    return x < width / 2 ? 0xff0000 : y < height / 2 ? 0x00ff00 : 0x000000;
}

#ifdef HAVE_TENSORS

/* The tensor with that id in any of the buffer's metas; *count: how many there are in all. */
static const GstTensor *find (GstBuffer *buffer, const char *id, guint *count)
{
    const GstTensor *found = NULL;
    gpointer state = NULL;
    *count = 0;
    for (GstMeta *any; (any = gst_buffer_iterate_meta_filtered (buffer, &state, GST_TENSOR_META_API_TYPE));) {
        GstTensorMeta *meta = (GstTensorMeta *)any;
        for (gsize i = 0; i < meta->num_tensors; i++, (*count)++)
            if (gst_tensor_meta_get (meta, i)->id == g_quark_from_string (id))
                found = gst_tensor_meta_get (meta, i);
    }
    return found;
}

/* Its numbers, g_free them; NULL: it is not float32 of these dimensions. */
static float *numbers (const GstTensor *tensor, gsize rank, const gsize *dims)
{
    GstMapInfo map;
    gsize count = 1;
    if (!tensor || tensor->num_dims != rank || tensor->data_type != GST_TENSOR_DATA_TYPE_FLOAT32 ||
        tensor->dims_order != GST_TENSOR_DIM_ORDER_ROW_MAJOR || tensor->layout != GST_TENSOR_LAYOUT_CONTIGUOUS)
        return NULL;
    for (gsize i = 0; i < rank; i++) {
        if (tensor->dims[i] != dims[i])
            return NULL;
        count *= dims[i];
    }
    if (!gst_buffer_map (tensor->data, &map, GST_MAP_READ))
        return NULL;
    float *copy = map.size == count * sizeof (float) ? g_memdup2 (map.data, map.size) : NULL;
    gst_buffer_unmap (tensor->data, &map);
    return copy;
}

static GstBuffer *look (struct rig *rig, painter paint, int n)
{
    GstBuffer *out = NULL;
    GstFlowReturn flow = gst_harness_push (rig->h, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, paint), n));
    CHECK (flow == GST_FLOW_OK && (out = gst_harness_try_pull (rig->h)), "frame %d does not pass", n);
    return out ? out : gst_buffer_new ();
}

static void check_logits (void)
{
    group ("logits");
    struct rig rig = rig_new ("tensors=true inference-interval=2");
    rig_caps (&rig, "RGB", 64, 64);
    for (int n = 0; n < 4; n++) { /* every other frame carries those of the one before */
        GstBuffer *out = look (&rig, paint_orange, n);
        guint count;
        float *logits = numbers (find (out, "classification-generic-out", &count), 2, (const gsize[]) { 1, CLASSES });
        static const float expected[] = { 200, 100, 50, 0 };
        CHECK (count == 1 && logits, "frame %d: %u tensors", n, count);
        for (int i = 0; logits && i < CLASSES; i++)
            CHECK (fabsf (logits[i] - gain * expected[i] / 255) < 0.02f, "class %d: %g", i, (double)logits[i]);
        g_free (logits);
        gst_buffer_unref (out);
    }
    CHECK (listen_to (rig.bus).warnings == 0, "it warns");
    g_object_set (rig.element, "tensors", FALSE, NULL);
    GstBuffer *out = look (&rig, paint_orange, 4);
    guint count;
    find (out, "", &count);
    CHECK (count == 0, "%u tensors though they are off", count);
    gst_buffer_unref (out);
    rig_free (&rig);
}

/* The network's one convolution: 4 channels, each a colour of the pixel. */
static void check_layer (void)
{
    group ("a layer");
    struct rig rig = rig_new ("tensors=true tensor-layers=mix resize=stretch");
    rig_caps (&rig, "RGB", 64, 64);
    GstBuffer *out = look (&rig, paint_halves, 0);
    guint count;
    float *map = numbers (find (out, "convrelu-layer-mix", &count), 4, (const gsize[]) { 1, CLASSES, SIDE, SIDE });
    CHECK (count == 2 && map, "%u tensors", count);
    int wrong = 0;
    for (int c = 0; map && c < CLASSES; c++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                if (abs (x - SIDE / 2) < 2 || abs (y - SIDE / 2) < 2)
                    continue; /* edges are blurred */
                float expected = (c == 0 && x < SIDE / 2) || (c == 1 && x >= SIDE / 2 && y < SIDE / 2) ? gain : 0;
                wrong += fabsf (map[(c * SIDE + y) * SIDE + x] - expected) > 0.02f;
            }
    CHECK (wrong == 0, "%d numbers are wrong", wrong);
    g_free (map);
    gst_buffer_unref (out);
    CHECK (listen_to (rig.bus).warnings == 0, "it warns");
    g_object_set (rig.element, "tensor-layers", "nothing-of-the-kind", NULL);
    int warnings = 0;
    for (int n = 1; n < 2000 && warnings == 0; n++, g_usleep (500)) { /* planned anew beside the stream */
        gst_buffer_unref (look (&rig, paint_halves, n));
        warnings = listen_to (rig.bus).warnings;
    }
    out = look (&rig, paint_halves, 3000);
    find (out, "", &count);
    CHECK (warnings == 1 && count == 1 && listen_to (rig.bus).warnings == 0, "a layer that there is none of: %d, %u",
           warnings, count);
    gst_buffer_unref (out);
    rig_free (&rig);
}

/* A frame with a tensor of somebody else's; returns how many it carries behind the element. */
static guint pass_with_theirs (struct rig *rig, int n)
{
    static const float theirs[] = { 1, 2, 3 };
    GstBuffer *frame = timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, paint_orange), n), *out = NULL;
    GstTensor **list = g_new (GstTensor *, 1);
    list[0] = gst_tensor_new_simple (g_quark_from_string ("theirs"), GST_TENSOR_DATA_TYPE_FLOAT32,
                                     gst_buffer_new_memdup (theirs, sizeof theirs), GST_TENSOR_DIM_ORDER_ROW_MAJOR, 1,
                                     (gsize[]) { 3 });
    gst_tensor_meta_set (gst_buffer_add_tensor_meta (frame), 1, list);
    CHECK (gst_harness_push (rig->h, frame) == GST_FLOW_OK && (out = gst_harness_try_pull (rig->h)), "frame %d", n);
    if (!out)
        return 0;
    guint count;
    float *kept = numbers (find (out, "theirs", &count), 1, (const gsize[]) { 3 });
    CHECK (kept && kept[2] == 3, "frame %d: theirs is lost", n);
    g_free (kept);
    gst_buffer_unref (out);
    return count;
}

/* Tensors that are there already stay. */
static void check_others (void)
{
    group ("another element's tensors");
    struct rig rig = rig_new ("tensors=true");
    rig_caps (&rig, "RGB", 64, 64);
    for (int n = 0; n < 3; n++) {
        guint count = pass_with_theirs (&rig, n);
        CHECK (count == 2, "frame %d: %u tensors", n, count);
    }
    rig_free (&rig);
    rig = rig_new ("tensors=true async=true");
    rig_caps (&rig, "RGB", 64, 64);
    guint count = 0;
    for (int n = 0; n < 10000 && count < 2; n++, g_usleep (1000)) /* until there is a result to go along */
        count = pass_with_theirs (&rig, n);
    CHECK (count == 2, "beside the stream: %u tensors", count);
    rig_free (&rig);
}

#else

static void check_warning (void)
{
    group ("without GStreamer 1.26");
    struct rig rig = rig_new ("tensors=true tensor-layers=mix");
    rig_caps (&rig, "RGB", 64, 64);
    struct said said = show_first (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, paint_halves), 0));
    int warnings = said.warnings;
    for (int n = 1; n < 5; n++) {
        said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, paint_halves), n));
        CHECK (said.messages == 1 && said.warnings == 0, "frame %d: %d warnings", n, said.warnings);
    }
    CHECK (warnings == 1, "%d warnings", warnings);
    g_object_set (rig.element, "tensors", FALSE, NULL);
    show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, paint_halves), 5));
    g_object_set (rig.element, "tensors", TRUE, NULL);
    said = show (&rig, timed (new_frame (GST_VIDEO_FORMAT_RGB, 64, 64, paint_halves), 6));
    CHECK (said.warnings == 1 && strstr (said.warning, "1.26"), "set again: %s", said.warning);
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (rig.element), "tensors");
    CHECK (spec && strstr (g_param_spec_get_blurb (spec), "1.26"), "its text does not say what it needs");
    rig_free (&rig);
}

#endif

int main (int argc, char **argv)
{
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
#ifdef HAVE_TENSORS
    check_logits ();
    check_layer ();
    check_others ();
#else
    check_warning ();
#endif
    return end_tests ();
}
