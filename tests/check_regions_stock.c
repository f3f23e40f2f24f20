/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_regions_stock.c: regions that GStreamer's own elements have found: onnxinference with a network that ends as
 * SSD networks do, ssdobjectdetector, and the element. Skipped where they are not installed. */
#include "regions.h"

#include "ssd_network.h"

enum { FRAMES = 5 };

/* On the red half, on the blue one, and one that nobody is sure of. */
static const struct ssd_found found = {
    .box = { { .125f, 0, .625f, .5f }, { .25f, .5f, .875f, .75f }, { 0, 0, .5f, .5f } },
    .score = { .9f, .8f, .1f },
    .class = { 1, 2, 1 },
};

static void check_ssd (void)
{
    static const char names[] = "nothing\nlight\ndoor\n";
    static const struct {
        const char *type, *label;
        int x, y, width, height;
    } wanted[2] = {
        { "light", "red", 0, HEIGHT / 8, WIDTH / 2, HEIGHT / 2 },
        { "door", "blue", WIDTH / 2, HEIGHT / 4, WIDTH / 4, HEIGHT / 8 * 5 },
    };
    char detector[96], labels[96];
    group ("onnxinference ! ssdobjectdetector ! convrelu");
    in_folder (detector, sizeof detector, "ssd.onnx");
    in_folder (labels, sizeof labels, "ssd.txt");
    if (!CHECK (write_ssd_network (detector, WIDTH, HEIGHT, &found) && write_file (labels, names, sizeof names - 1),
                "%s", detector))
        return;
    char *line =
        g_strdup_printf ("onnxinference model-file=%s ! ssdobjectdetector label-file=%s ! convrelu "
                         "regions=detections region-min-size=1 model-file=%s labels-file=%s mean=\"<0>\" std=\"<1>\"",
                         detector, labels, model_file, labels_file);
    struct rig rig = { .h = gst_harness_new_parse (line), .bus = gst_bus_new () };
    rig.element = gst_harness_find_element (rig.h, "convrelu");
    gst_element_set_bus (rig.h->element, rig.bus);
    rig_caps (&rig, "RGB", WIDTH, HEIGHT);
    for (int n = 0; n < FRAMES; n++) {
        struct heard heard = push (&rig, rgb (paint_halves, n), NULL);
        CHECK (heard.count == 2, "frame %d: %d regions", n, heard.count);
        for (int i = 0; i < MIN (heard.count, 2); i++)
            CHECK (heard.of[i].x == wanted[i].x && heard.of[i].y == wanted[i].y &&
                       heard.of[i].width == wanted[i].width && heard.of[i].height == wanted[i].height &&
                       strcmp (heard.of[i].type, wanted[i].type) == 0 &&
                       strcmp (heard.of[i].said.labels[0], wanted[i].label) == 0,
                   "frame %d: region %d is %s, %dx%d at (%d, %d), and shows %s", n, i, heard.of[i].type,
                   heard.of[i].width, heard.of[i].height, heard.of[i].x, heard.of[i].y, heard.of[i].said.labels[0]);
    }
    gst_element_set_bus (rig.h->element, NULL);
    rig_free (&rig);
    g_free (line);
    unlink (detector);
    unlink (labels);
}

int main (int argc, char **argv)
{
    static const char *const needed[] = { "onnxinference", "ssdobjectdetector" };
    if (!start_tests (&argc, &argv))
        return EXIT_FAILURE;
    for (guint i = 0; i < G_N_ELEMENTS (needed); i++) {
        GstElementFactory *factory = gst_element_factory_find (needed[i]);
        if (!factory) {
            group ("regions of stock elements");
            SKIP ("there is no element %s", needed[i]);
            return end_tests ();
        }
        gst_object_unref (factory);
    }
    check_ssd ();
    return end_tests ();
}
