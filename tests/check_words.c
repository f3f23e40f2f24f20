/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_words.c: what the drawing says and in which colours: smoothed rows, labels of layers, captions, palettes, pixels
 * of panels. Linked with the plugin's own objects. */
#include <math.h>

#include "check.h"
#include "plugin/layer_labels.h"
#include "plugin/overlay/panels.h"
#include "plugin/overlay/caption_text.h"

static const guint64 frame_time = GST_SECOND / 30;

/* ---- smoothing ------------------------------------------------------------------------------------------------- */

static void check_calm (void)
{
    check_group ("rows stand still while scores jump");
    struct smoothing *s = smoothing_new ();
    int first = -1, changes = 0, raw = 0, moved = 0;
    float last = -1;
    for (int n = 0; n < 300; n++) { /* ten seconds; class 0 is a little better, every other frame says 1 */
        float scores[3] = { n % 2 ? 0.2f : 0.6f, n % 2 ? 0.55f : 0.2f, 0.1f };
        smoothing_add (s, scores, 3, (guint64)n * frame_time, 0.5);
        const struct calm_rows *rows = smoothing_rows (s, 3, 0);
        changes += n > 0 && rows->ids[0] != first;
        raw += n > 0;
        moved += fabsf (rows->scores[0] - last) > 0;
        last = rows->scores[0];
        first = rows->ids[0];
    }
    CHECK (changes == 0 && first == 0, "%d changes where the frames have %d", changes, raw);
    CHECK (moved <= 4 * 10 + 2, "the rows' scores move %d times in 10 s", moved);
    for (int n = 300; n < 345; n++) {
        const float scores[3] = { 0.1f, 0.1f, 0.9f };
        smoothing_add (s, scores, 3, (guint64)n * frame_time, 0.5);
        first = smoothing_rows (s, 3, 0)->ids[0];
    }
    CHECK (first == 2, "what has been there for 1.5 s is not drawn");
    const float other[3] = { 0.2f, 0.7f, 0.1f };
    smoothing_add (s, other, 3, 0, 0.5); /* a seek back */
    CHECK (smoothing_rows (s, 3, 0)->ids[0] == 1 && smoothing_score (s, 1) > 0.69f,
           "time going back does not begin anew");
    const float jump[3] = { 0.8f, 0.1f, 0.1f };
    smoothing_add (s, jump, 3, 60 * GST_SECOND, 0.5);
    CHECK (smoothing_rows (s, 3, 0)->ids[0] == 0, "a leap of a minute does not begin anew");
    const float bad[3] = { NAN, INFINITY, -1 };
    smoothing_add (s, bad, 3, 60 * GST_SECOND + frame_time, 0.5);
    for (int c = 0; c < 3; c++)
        CHECK (smoothing_score (s, c) >= 0 && smoothing_score (s, c) <= 1, "class %d: %g", c,
               (double)smoothing_score (s, c));
    smoothing_add (s, other, 2, GST_CLOCK_TIME_NONE, 0.5);
    CHECK (smoothing_rows (s, 3, 0.5f)->count == 1 && smoothing_rows (s, 3, 0.5f)->ids[0] == 1,
           "without time, threshold");
    CHECK (smoothing_rows (s, 3, 0.9f)->count == 0, "nothing is above 0.9");
    CHECK (fabsf (smoothing_score (s, 7)) <= 0 && fabsf (smoothing_score (s, -1)) <= 0,
           "classes that there are none of");
    smoothing_free (s);
}

/* The average after one constant is 1 - 1/e of the way, whatever the frame rate. */
static void check_average (void)
{
    check_group ("average over time");
    for (int rate = 5; rate <= 100; rate += 19) {
        struct smoothing *s = smoothing_new ();
        const float from = 0, to = 1;
        smoothing_add (s, &from, 1, 0, 1);
        for (int n = 1; n <= rate; n++)
            smoothing_add (s, &to, 1, (guint64)n * GST_SECOND / (guint64)rate, 1);
        CHECK (fabsf (smoothing_score (s, 0) - 0.632f) < 0.002f, "%d frames/s: %g", rate,
               (double)smoothing_score (s, 0));
        smoothing_free (s);
    }
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static void check_labels (void)
{
    check_group ("labels of layers");
    static const char *const names[] = { "/features/features.1/Relu_output_0",
                                         "/features/features.3/block/block.0/block.0.2/Relu_output_0",
                                         "/features/features.4/block/block.0/block.0.2/Relu_output_0",
                                         "/features/features.4/block/block.1/block.1.2/Relu_output_0",
                                         "/features/features.5/relu/Relu_output_0",
                                         "/features/features.5/relu/Relu_1_output_0",
                                         "/features/features.6/block/block.2/scale_activation/HardSigmoid_output_0",
                                         "/features/features.6/block/block.2/activation/Relu_output_0",
                                         "/layer1/layer1.0/relu/Relu_1_output_0",
                                         "/layer1/layer1.0/relu/Relu_output_0",
                                         "relu_3",
                                         "" };
    static const char *const expected[] = { "features.1",         "features.3",   "4/block.0.2",
                                            "4/block.1.2",        "5/Relu",       "5/Relu_1",
                                            "6/scale_activation", "6/activation", "layer1.0/Relu_1",
                                            "layer1.0/Relu",      "relu_3",       "" };
    enum { COUNT = G_N_ELEMENTS (names) };
    char **labels = layer_labels_new (names, COUNT);
    for (guint i = 0; i < COUNT; i++) {
        CHECK (strcmp (labels[i], expected[i]) == 0, "\"%s\" is called \"%s\"", names[i], labels[i]);
        for (guint j = 0; j < i; j++)
            CHECK (strcmp (labels[i], labels[j]) != 0, "two are called \"%s\"", labels[i]);
    }
    layer_labels_free (labels, COUNT);
    static const char *const model[] = { "model/conv1_relu/Relu:0", "model/conv2_relu/Relu:0" };
    labels = layer_labels_new (model, 2);
    CHECK (strcmp (labels[0], "conv1_relu") == 0 && strcmp (labels[1], "conv2_relu") == 0, "%s, %s", labels[0],
           labels[1]);
    layer_labels_free (labels, 2);
    static const char *const twins[] = { "a/b", "b", "/", "//a", "a" };
    labels = layer_labels_new (twins, 5);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < i; j++)
            CHECK (strcmp (labels[i], labels[j]) != 0, "%s and %s are both \"%s\"", twins[i], twins[j], labels[i]);
    layer_labels_free (labels, 5);
}

/* Twenty layers: 12 from all over the depth, and a remark with both numbers. */
static void check_spread (void)
{
    check_group ("more layers than can be shown");
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "x", 1, 4, 4);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf (name, sizeof name, "r%d", i);
        x = graph_activation (g, name, x, (struct activation) { .kind = ACTIVATION_RELU });
    }
    graph_output (g, x);
    struct layer_choice choice;
    layers_choose (g, "*", &choice);
    CHECK (choice.count == LAYERS_MAX && strcmp (graph_tensor (g, choice.layer[0].post).name, "r0") == 0 &&
               choice.layer[LAYERS_MAX - 1].post == x,
           "%d layers, not from the first to the last", choice.count);
    CHECK (choice.remark && strstr (choice.remark, "20") && strstr (choice.remark, "12"), "the remark: %s",
           choice.remark);
    layers_clear (&choice);
    layers_choose (g, "*,late,r7", &choice);
    int late = 0, seventh = 0;
    for (int i = 0; i < choice.count; i++) {
        late += strcmp (choice.layer[i].role, "late") == 0;
        seventh += strcmp (choice.label[i], "r7") == 0;
    }
    CHECK (late == 1 && seventh == 1, "named layers are left out: late %d, r7 %d", late, seventh);
    layers_clear (&choice);
    layers_choose (g, "erly", &choice);
    CHECK (choice.remark && strstr (choice.remark, "nearest are early"), "erly: %s", choice.remark);
    layers_clear (&choice);
    graph_unref (g);
}

/* ---- captions -------------------------------------------------------------------------------------------------- */

static void check_captions (void)
{
    check_group ("captions");
    struct settings settings;
    settings_init (&settings);
    settings.appearance.overlay = OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION;
    settings.appearance.stage = STAGE_BOTH;
    struct network *network = network_load (&settings, NULL);
    if (!CHECK (network != NULL, "the network without a file cannot be loaded"))
        return;
    struct mosaic_words words;
    const struct layer_watch watch = { .not_above = 0.62f, .exactly_zero = 0.25f };
    words_of_layer (&words, network, 0, TRUE, &watch);
    CHECK (g_str_has_suffix (words.fact, ": 37 % below 0"), "before: %s", words.fact);
    CHECK (words.sign && strcmp (words.role, "early") == 0, "before: sign %d, role %s", words.sign, words.role);
    words_of_layer (&words, network, 0, FALSE, &watch);
    CHECK (strcmp (words.fact, "after ReLU: 25 % zero") == 0, "after: %s", words.fact);
    CHECK (!words.sign, "ReLU keeps what is below zero");
    char text[16];
    words_of_share (text, sizeof text, 0.004);
    CHECK (strcmp (text, "< 1 %") == 0, "0.004 is %s", text);
    words_of_share (text, sizeof text, 0.704);
    CHECK (strcmp (text, "70 %") == 0, "0.704 is %s", text);
    struct calm_rows calm = { .count = 6, .more = 2, .ids = { 0, 1, 2, 3, 4, 5 }, .scores = { .9f, .05f } };
    struct label_row rows[SMOOTHING_ROWS_MAX + 1];
    int count = words_of_rows (rows, 4, network, &calm, NULL);
    CHECK (count == 4 && strcmp (rows[3].text, "+ 5 more") == 0 && !*rows[3].share, "%d rows, the last is %s", count,
           rows[3].text);
    CHECK (strcmp (rows[0].share, "90 %") == 0 && strcmp (rows[2].share, "< 1 %") == 0, "%s, %s", rows[0].share,
           rows[2].share);
    CHECK (words_of_rows (rows, 20, network, &calm, NULL) == 7, "the two beyond are not mentioned");
    calm.count = calm.more = 0;
    char *nothing = words_of_nothing (&calm, TRUE, 0.5f);
    CHECK (g_strcmp0 (nothing, "nothing above 50 %") == 0, "%s", nothing);
    CHECK (words_of_rows (rows, 4, network, &calm, nothing) == 1 && !*rows[0].share &&
               strcmp (rows[0].text, nothing) == 0,
           "the row says %s", rows[0].text);
    g_free (nothing);
    if (!network->stand_in) {
        calm.count = 1;
        calm.ids[0] = strcmp (model_label (network->model, 0), "background") == 0; /* any other class */
        calm.scores[0] = 0.2f;
        CHECK (!words_know (network, &calm, FALSE), "a class of 20 %% is known");
        calm.scores[0] = 0.27f;
        CHECK (!words_know (network, &calm, FALSE) && words_know (network, &calm, TRUE), "27 %% is not between");
        for (int i = 0; i < model_classes (network->model); i++) {
            calm.ids[0] = i;
            calm.scores[0] = 0.9f;
            bool background = strcmp (model_label (network->model, i), "background") == 0;
            CHECK (words_know (network, &calm, TRUE) == !background, "class %d, background %d", i, background);
        }
        nothing = words_of_nothing (&calm, FALSE, 0);
        CHECK (g_strcmp0 (nothing, "nothing I know") == 0, "%s", nothing);
        g_free (nothing);
    }
    network_free (network);
    settings_clear (&settings);
}

/* ---- pixels ---------------------------------------------------------------------------------------------------- */

enum { WIDTH = 400, HEIGHT = 300 };

/* Pixels of nearly this colour, all opaque. */
static int count_like (const guint32 *pixels, guint32 rgb)
{
    int count = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        int far = 0;
        for (int shift = 0; shift < 24; shift += 8)
            far = MAX (far, abs ((int)(pixels[i] >> shift & 255) - (int)(rgb >> shift & 255)));
        count += far <= 6;
    }
    return count;
}

static void check_colours (void)
{
    check_group ("colours");
    struct palette palette;
    palette_make (&palette, COLORMAP_VIRIDIS, 1);
    CHECK (palette.pixel[0] == 0xff440154 && palette.pixel[255] == 0xfffde725, "viridis from %08x to %08x",
           palette.pixel[0], palette.pixel[255]);
    palette_make (&palette, COLORMAP_VIRIDIS, 0.5);
    CHECK (palette.pixel[255] >> 24 == 128, "half opaque: %08x", palette.pixel[255]);
    palette_make (&palette, COLORMAP_DIVERGING, 1);
    CHECK ((palette.pixel[1] & 255) > (palette.pixel[1] >> 16 & 255) &&
               (palette.pixel[255] & 255) < (palette.pixel[255] >> 16 & 255),
           "below zero %08x, above %08x", palette.pixel[1], palette.pixel[255]);
}

static void check_panels (void)
{
    static const struct {
        const char *role;
        guint32 colour;
    } roles[] = { { "early", 0x7be0ff }, { "middle", 0x9cf09a }, { "late", 0xffd166 } };
    check_group ("pixels of panels");
    guint32 *pixels = g_new0 (guint32, WIDTH * HEIGHT);
    const struct canvas canvas = { pixels, WIDTH, HEIGHT, WIDTH };
    struct layout layout = { .label_line = 24, .small_line = 20, .margin = 8, .pad = 6 };
    layout.left = (struct rectangle) { 0, 0, WIDTH, HEIGHT };
    GArray *scratch = g_array_new (FALSE, FALSE, sizeof (float));
    struct pen pen = { captions_new (), &layout, 1, scratch };
    const struct label_row rows[] = { { "laptop", "50 %", 0.5 }, { "lamp", "< 1 %", 0 } };
    panel_labels (&pen, &canvas, rows, 2);
    int white = count_like (pixels, 0xffffff), bar = count_like (pixels, 0x58c4ff);
    CHECK (white > 100, "%d white pixels: no text", white);
    CHECK (bar >= 4 * 190 && bar <= 4 * 205, "%d pixels of bar: not half of it", bar);
    struct palette palette;
    palette_make (&palette, COLORMAP_GRAY, 0.25);
    float map[4] = { 1, 1, 1, 1 }, most[CHANNELS_MAX] = { 0 };
    int shown = 0;
    const struct tensor tensor = { "t", map, 1, 2, 2 };
    const struct layer_watch watch = { .channels = 1, .shown = &shown, .shown_count = 1 };
    const struct mosaic mosaic = {
        .text_lines = 5, .count = 1, .columns = 1, .tile_width = 80, .tile_height = 80, .gap = 4, .left = 20, .top = 150
    };
    for (guint i = 0; i < G_N_ELEMENTS (roles); i++) {
        struct mosaic_words words = { .role = roles[i].role, .name = "relu", .beside = "left", .palette = &palette };
        g_strlcpy (words.fact, "after ReLU: 25 % zero", sizeof words.fact);
        panel_mosaic (&pen, &canvas, &mosaic, &words, &tensor, &watch, most);
        for (guint j = 0; j < G_N_ELEMENTS (roles); j++) {
            int count = count_like (pixels, roles[j].colour);
            CHECK (i == j ? count > 20 : count < 20, "%s: %d pixels of the colour of %s", roles[i].role, count,
                   roles[j].role);
        }
        CHECK (pixels[190 * WIDTH + 60] == premultiplied (0xffffff, 0.25), "a map at an opacity of 1/4 is %08x",
               pixels[190 * WIDTH + 60]);
    }
    captions_free (pen.captions);
    g_array_unref (scratch);
    g_free (pixels);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    check_calm ();
    check_average ();
    check_labels ();
    check_spread ();
    check_captions ();
    check_colours ();
    check_panels ();
    return check_end ();
}
