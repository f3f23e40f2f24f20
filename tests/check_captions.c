/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_captions.c: every word that the drawing says: labels of layers, their captions, figures, heat, classes.
 * Linked with the plugin's own objects. */
#include "pictures.h"
#include "plugin/layer_labels.h"
#include "plugin/overlay/caption_text.h"
#include "plugin/overlay/unit_caption.h"

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

/* ---- captions of layers ---------------------------------------------------------------------------------------- */

/* "pixels" -> Conv "c" -> BatchNormalization "b" -> Relu "r1" -> Conv "d" -> LeakyRelu "r2"; "r2" + "r1" = "sum" ->
 * Relu "r3" -> Conv "e"; "e" times its sigmoid = "swish" -> Clip "r4" -> GlobalAveragePool "mean" -> Flatten. */
static bool write_operations (const char *path)
{
    static const float weights[12] = { 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1 }, square[16] = { 1, 0, 0, 0, 0, 1 };
    static const float four[4] = { 1, 1, 1, 1 }, six = 6, zero = 0;
    struct bytes graph = { .size = 0 }, model;
    put_node (&graph, "Conv", (const char *const[]) { "pixels", "w", NULL }, "c");
    put_node (&graph, "BatchNormalization", (const char *const[]) { "c", "four", "four", "four", "four", NULL }, "b");
    put_node (&graph, "Relu", (const char *const[]) { "b", NULL }, "r1");
    put_node (&graph, "Conv", (const char *const[]) { "r1", "sq", NULL }, "d");
    put_node (&graph, "LeakyRelu", (const char *const[]) { "d", NULL }, "r2");
    put_node (&graph, "Add", (const char *const[]) { "r2", "r1", NULL }, "sum");
    put_node (&graph, "Relu", (const char *const[]) { "sum", NULL }, "r3");
    put_node (&graph, "Conv", (const char *const[]) { "r3", "sq", NULL }, "e");
    put_node (&graph, "Sigmoid", (const char *const[]) { "e", NULL }, "gate");
    put_node (&graph, "Mul", (const char *const[]) { "e", "gate", NULL }, "swish");
    put_node (&graph, "Clip", (const char *const[]) { "swish", "zero", "six", NULL }, "r4");
    put_node (&graph, "GlobalAveragePool", (const char *const[]) { "r4", NULL }, "mean");
    put_node (&graph, "Flatten", (const char *const[]) { "mean", NULL }, "scores");
    put_text (&graph, 2, "operations");
    put_tensor (&graph, "w", (uint64_t[]) { 4, 3, 1, 1 }, 4, weights, 12);
    put_tensor (&graph, "sq", (uint64_t[]) { 4, 4, 1, 1 }, 4, square, 16);
    put_tensor (&graph, "four", (uint64_t[]) { 4 }, 1, four, 4);
    put_tensor (&graph, "six", NULL, 0, &six, 1);
    put_tensor (&graph, "zero", NULL, 0, &zero, 1);
    put_value (&graph, 11, "pixels", (uint64_t[]) { 1, 3, 16, 12 }, 4);
    put_value (&graph, 12, "scores", (uint64_t[]) { 1, 4 }, 2);
    put_model (&model, &graph);
    return write_file (path, model.data, model.size);
}

/* A network, drawn with these layers, of the file; or of none. */
static struct network *load (const char *path, const char *layers)
{
    struct settings settings;
    GError *error = NULL;
    settings_init (&settings);
    settings.model_file = g_strdup (path);
    settings.appearance.overlay = OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION;
    settings.appearance.stage = STAGE_BOTH;
    g_free (settings.appearance.layers);
    settings.appearance.layers = g_strdup (layers);
    struct network *network = network_load (&settings, &error);
    CHECK (network != NULL, "%s: %s", path ? path : "no file", error ? error->message : "?");
    CHECK (!network || !network->layers.remark, "%s", network->layers.remark);
    g_clear_error (&error);
    settings_clear (&settings);
    return network;
}

static const struct layer_stats quarter = { .not_above = 0.62f, .exactly_zero = 0.25f }; /* zero; 37 % below */

static void check_operations (void)
{
    static const struct {
        const char *before, *after;
        bool sign; /* there may be values below zero after it */
    } expected[] = {
        { "conv + BN: 37 % below 0", "after ReLU: 75 % active", false },
        { "conv: 37 % below 0", "after leaky ReLU: 37 % below 0", true },
        { "sum of both paths: 37 % below 0", "after ReLU: 75 % active", false },
        { "conv: 37 % below 0", "after SiLU: 37 % below 0", true },
        { "activation: 37 % below 0", "after ReLU6: 75 % active", false },
        { "global-average-pool: 37 % below 0", "global-average-pool: 37 % below 0", true },
    };
    check_group ("captions of layers");
    char *path = g_build_filename (pictures_folder, "operations.onnx", NULL);
    CHECK (write_operations (path), "%s cannot be written", path);
    struct network *network = load (path, "r1,r2,r3,swish,r4,mean");
    g_remove (path);
    g_free (path);
    if (!network)
        return;
    CHECK (network->layers.count == G_N_ELEMENTS (expected), "%d layers", network->layers.count);
    for (int i = 0; i < MIN (network->layers.count, (int)G_N_ELEMENTS (expected)); i++) {
        struct layer_caption before, after;
        char fact[96];
        caption_of_layer (&before, network, i, TRUE);
        caption_of_layer (&after, network, i, FALSE);
        caption_fact (fact, sizeof fact, &before, &quarter);
        CHECK (strcmp (fact, expected[i].before) == 0, "layer %d, before: %s", i, fact);
        caption_fact (fact, sizeof fact, &after, &quarter);
        CHECK (strcmp (fact, expected[i].after) == 0, "layer %d, after: %s", i, fact);
        CHECK (strcmp (before.moment, i == 5 ? "" : "before") == 0 && strcmp (after.moment, i == 5 ? "" : "after") == 0,
               "layer %d: %s, %s", i, before.moment, after.moment);
        CHECK (before.sign && before.pre && !after.pre && after.sign == expected[i].sign, "layer %d: sign %d, %d", i,
               before.sign, after.sign);
        CHECK (strcmp (after.shape, i == 5 ? "4 × 1 × 1" : "4 × 16 × 12") == 0, "layer %d: %s", i, after.shape);
        CHECK (strcmp (after.name, network->layers.label[i]) == 0 && strcmp (after.role, "") == 0, "layer %d: %s, %s",
               i, after.role, after.name);
    }
    network_free (network);
}

/* All activations that may run in the place of a layer's own, and the words for depth. */
static void check_activations (void)
{
    static const struct {
        struct activation activation;
        const char *fact;
        bool sign;
    } cases[] = {
        { { .kind = ACTIVATION_NONE }, "no activation: 37 % below 0", true },
        { { .kind = ACTIVATION_RELU }, "after ReLU: 75 % active", false },
        { { .kind = ACTIVATION_CLIP, .alpha = 0, .beta = 6 }, "after ReLU6: 75 % active", false },
        { { .kind = ACTIVATION_CLIP, .alpha = 0, .beta = 4 }, "after ReLU (clipped): 75 % active", false },
        { { .kind = ACTIVATION_CLIP, .alpha = 1, .beta = 4 }, "after clipping: 37 % below 0", false },
        { { .kind = ACTIVATION_CLIP, .alpha = -1, .beta = 1 }, "after clipping: 37 % below 0", true },
        { { .kind = ACTIVATION_LEAKY_RELU, .alpha = 0.1f }, "after leaky ReLU: 37 % below 0", true },
        { { .kind = ACTIVATION_PRELU }, "after PReLU: 37 % below 0", true },
        { { .kind = ACTIVATION_ELU, .alpha = 1 }, "after ELU: 37 % below 0", true },
        { { .kind = ACTIVATION_GELU }, "after GELU: 37 % below 0", true },
        { { .kind = ACTIVATION_GELU_TANH }, "after GELU: 37 % below 0", true },
        { { .kind = ACTIVATION_SILU }, "after SiLU: 37 % below 0", true },
        { { .kind = ACTIVATION_HARD_SWISH }, "after hard swish: 37 % below 0", true },
        { { .kind = ACTIVATION_MISH }, "after Mish: 37 % below 0", true },
        { { .kind = ACTIVATION_TANH }, "after tanh: 37 % below 0", true },
        { { .kind = ACTIVATION_SIGMOID }, "after sigmoid: 37 % below 0", false },
        { { .kind = ACTIVATION_HARD_SIGMOID }, "after hard sigmoid: 37 % below 0", false },
    };
    static const char *const roles[] = { "early", "middle", "late" };
    check_group ("captions of activations");
    struct network *network = load (pictures_model, "early,middle,late");
    bool named[ACTIVATION_KINDS] = { false };
    if (!network)
        return;
    network->replaces = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct layer_caption caption;
        char fact[96];
        network->replacement = cases[i].activation;
        caption_of_layer (&caption, network, 0, FALSE);
        caption_fact (fact, sizeof fact, &caption, &quarter);
        CHECK (strcmp (fact, cases[i].fact) == 0, "kind %d: %s", (int)cases[i].activation.kind, fact);
        CHECK (caption.sign == cases[i].sign, "kind %d: sign %d", (int)cases[i].activation.kind, caption.sign);
        named[cases[i].activation.kind] = true;
    }
    static const char *const words[] = {
#define ACTIVATION(KIND, name, words, formula, negatives) words,
#include "engine/activations.def"
    };
    for (int kind = 0; kind < ACTIVATION_KINDS; kind++) { /* the others by their row */
        struct layer_caption caption;
        char fact[96];
        network->replacement = (struct activation) { .kind = (enum activation_kind)kind };
        caption_of_layer (&caption, network, 0, FALSE);
        caption_fact (fact, sizeof fact, &caption, &quarter);
        CHECK (named[kind] || strstr (fact, words[kind]), "%s: %s", activation_name (kind), fact);
    }
    for (int i = 0; i < 3 && network->layers.count == 3; i++) {
        struct layer_caption caption;
        caption_of_layer (&caption, network, i, FALSE);
        CHECK (strcmp (caption.role, roles[i]) == 0, "layer %d is %s", i, caption.role);
    }
    network_free (network);
}

static void check_words (void)
{
    check_group ("what colours and depths mean");
    CHECK (strcmp (caption_scale (TRUE), "one scale before and after") == 0, "%s", caption_scale (TRUE));
    CHECK (strcmp (caption_scale (FALSE), "each map to its own max") == 0, "%s", caption_scale (FALSE));
    static const char *const roles[][2] = {
        { "early", "edges, colours" }, { "middle", "patterns, parts" }, { "late", "objects" }, { "", "" }
    };
    for (guint i = 0; i < G_N_ELEMENTS (roles); i++)
        CHECK (strcmp (caption_role (roles[i][0]), roles[i][1]) == 0, "%s: %s", roles[i][0],
               caption_role (roles[i][0]));
    static const struct {
        int shown, layers;
        const char *text;
    } strips[] = { { 24, 49, "% active, 24 of 49" }, { 17, 17, "% active, 17 layers" }, { 1, 1, "% active, 1 layer" } };
    for (guint i = 0; i < G_N_ELEMENTS (strips); i++) {
        char text[64];
        caption_strip (text, sizeof text, strips[i].shown, strips[i].layers);
        CHECK (strcmp (text, strips[i].text) == 0, "%s", text);
    }
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

/* Frees the lines. */
static void expect_lines (const char *what, char **lines, const char *expected)
{
    char *text = g_strjoinv ("|", lines);
    CHECK (strcmp (text, expected) == 0, "%s: %s", what, text);
    g_free (text);
    g_strfreev (lines);
}

static void check_stats_lines (void)
{
    check_group ("lines of figures");
    struct network *network = load (pictures_model, "early,parts/relu,late");
    if (!network)
        return;
    const struct overlay_times times = { 29.97, 1234567, 23456789, 987654 };
    const struct layer_figures figures[] = { { "stem/relu", 0.125, 64, 29, 3 },
                                             { "parts/relu", 0.996, 64, 30, 12 },
                                             { "things/leaky", 0, 64, 300, 0 } };
    expect_lines ("all", caption_stats (&times, network, figures, 3),
                  "30.0 frames/s|convert 1.2 ms|network 23.5 ms|drawing 1.0 ms|"
                  "early: 12 % ≤ 0|parts: 100 % ≤ 0, 12 never active so far|late: 0 % ≤ 0");
    const struct overlay_times unknown = { 0, 0, 5 * GST_MSECOND, 0 };
    expect_lines ("at the start", caption_stats (&unknown, network, figures, 0), "network 5.0 ms");
    network_free (network);
}

static void check_heat_lines (void)
{
    static const char *const cuts[] = { "", "|the network sees what is inside the lines" };
    check_group ("captions of heat");
    struct network *network = load (pictures_model, "early");
    if (!network)
        return;
    struct class_map *own = network->class_map, none = { .map = own->map, .classes = 4, .channels = 4 };
    for (int cut = 0; cut < 2; cut++) {
        char *of_class = g_strconcat ("class 2|class activation: where it is seen", cuts[cut], NULL);
        char *of_none = g_strconcat ("mean activation, of no class|(layer things/leaky)", cuts[cut], NULL);
        expect_lines ("a class", caption_heat (network, 2, NULL, cut), of_class);
        network->class_map = &none;
        expect_lines ("no class", caption_heat (network, 0, NULL, cut), of_none);
        network->class_map = own;
        g_free (of_class);
        g_free (of_none);
    }
    expect_lines ("nothing", caption_heat (network, -1, "nothing above 50 %", FALSE), "nothing above 50 %");
    network_free (network);
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

static void check_shares (void)
{
    static const struct {
        double share;
        const char *text;
    } cases[] = { { -1, "0 %" },       { -1e-9, "0 %" },    { 0, "< 1 %" },    { 0.004, "< 1 %" },
                  { 0.005, "1 %" },    { 0.704, "70 %" },   { 0.705, "71 %" }, { 0.994, "99 %" },
                  { 0.996, "> 99 %" }, { 0.999, "> 99 %" }, { 1, "100 %" },    { 3, "100 %" } };
    check_group ("shares in words");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        char text[16];
        caption_share (text, sizeof text, cases[i].share + 1e-9);
        CHECK (strcmp (text, cases[i].text) == 0, "%g is %s", cases[i].share, text);
    }
}

/* "text share|..." */
static void expect_rows (const struct label_row *rows, int count, const char *expected)
{
    GString *text = g_string_new (NULL);
    for (int i = 0; i < count; i++)
        g_string_append_printf (text, "%s%s %s", i ? "|" : "", rows[i].text, rows[i].share);
    CHECK (strcmp (text->str, expected) == 0, "the rows are %s", text->str);
    g_string_free (text, TRUE);
}

static void check_rows (void)
{
    check_group ("rows of classes");
    struct network *network = load (pictures_model, "early");
    struct label_row rows[SMOOTHING_ROWS_MAX + 1];
    if (!network)
        return;
    struct calm_rows calm = { .count = 4, .more = 2, .ids = { 2, 0, 1, 3 }, .scores = { .9f, .05f, .004f, 0 } };
    expect_rows (rows, caption_rows (rows, 2, network, &calm, NULL), "class 2 90 %|class 0 5 %");
    expect_rows (rows, caption_rows (rows, 3, network, &calm, NULL), "class 2 90 %|class 0 5 %|+ 4 more ");
    expect_rows (rows, caption_rows (rows, 20, network, &calm, NULL),
                 "class 2 90 %|class 0 5 %|class 1 < 1 %|class 3 0 %|+ 2 more ");
    CHECK (fabs (rows[0].part - 0.9) < 1e-6 && fabs (rows[1].part - 0.05) < 1e-6, "bars of %g, %g", rows[0].part,
           rows[1].part);
    calm.more = 0;
    expect_rows (rows, caption_rows (rows, 4, network, &calm, NULL),
                 "class 2 90 %|class 0 5 %|class 1 < 1 %|class 3 0 %");
    expect_rows (rows, caption_rows (rows, 4, network, &calm, "nothing I know"), "nothing I know ");
    network_free (network);
}

static void check_nothing (void)
{
    check_group ("where there is no class to show");
    struct calm_rows calm = { .count = 0 };
    char *text = caption_nothing (&calm, TRUE, 0.5f);
    CHECK (g_strcmp0 (text, "nothing above 50 %") == 0, "%s", text);
    g_free (text);
    calm.count = 1;
    text = caption_nothing (&calm, FALSE, 0);
    CHECK (g_strcmp0 (text, "nothing I know") == 0, "%s", text);
    g_free (text);
    text = caption_nothing (&calm, TRUE, 0);
    CHECK (text == NULL, "%s", text);
    struct network *other = load (pictures_model, "early"), *own = load (NULL, "early");
    calm.scores[0] = 0.01f;
    CHECK (!other || caption_knows (other, &calm, FALSE), "a network of one's own is not taken at its word");
    if (own && !own->stand_in) {
        int classes = model_classes (own->model);
        calm.ids[0] = strcmp (model_label (own->model, 0), "background") == 0; /* any other class */
        calm.scores[0] = 0.2f;
        CHECK (!caption_knows (own, &calm, FALSE), "a class of 20 %% is known");
        calm.scores[0] = 0.27f;
        CHECK (!caption_knows (own, &calm, FALSE) && caption_knows (own, &calm, TRUE), "27 %% is not between");
        for (int i = 0; i < classes; i++) {
            calm.ids[0] = i;
            calm.scores[0] = 0.9f;
            bool background = strcmp (model_label (own->model, i), "background") == 0;
            CHECK (caption_knows (own, &calm, TRUE) == !background, "class %d, background %d", i, background);
        }
    }
    network_free (other);
    network_free (own);
}

/* ---- one detector ---------------------------------------------------------------------------------------------- */

static void check_unit_captions (void)
{
    static const struct unit_facts some = { "relu_3", 12, 64, 7, 9, 224, 200, 3.14f, 32.125f, 0.456f, FALSE, TRUE };
    struct unit_facts facts = some;
    struct unit_caption caption;
    check_group ("captions of a detector");
    unit_caption_write (&caption, &facts);
    CHECK (strcmp (caption.title, "one detector: channel 12 of 64, relu_3") == 0, "%s", caption.title);
    CHECK (strcmp (caption.field, "each answer looks at 9 × 7 of 200 × 224 pixels") == 0, "%s", caption.field);
    CHECK (strcmp (caption.answer, "strongest answer now: +3.14, from the yellow box") == 0, "%s", caption.answer);
    CHECK (strcmp (caption.map, "its answers; red: +32.12") == 0, "%s", caption.map);
    CHECK (strcmp (caption.zero, "46 % zero; the rest:") == 0, "%s", caption.zero);
    CHECK (strcmp (caption.time, "strongest, over time") == 0, "%s", caption.time);
    CHECK (strcmp (caption.patches, "what it answered to most so far") == 0, "%s", caption.patches);
    facts.box = FALSE;
    facts.sign = TRUE;
    facts.field_height = 224;
    unit_caption_write (&caption, &facts);
    CHECK (strcmp (caption.answer, "strongest answer now: +3.14") == 0, "without a box: %s", caption.answer);
    CHECK (strcmp (caption.zero, "46 % below 0; the rest:") == 0, "with a sign: %s", caption.zero);
    CHECK (strstr (caption.field, "9 × 224 of 200 × 224") != NULL, "as high as the picture: %s", caption.field);
    facts.field_width = 200;
    unit_caption_write (&caption, &facts);
    CHECK (strcmp (caption.answer, "strongest answer now: +3.14, at the yellow mark") == 0, "%s", caption.answer);
    facts.strongest = facts.most = 0;
    unit_caption_write (&caption, &facts);
    CHECK (strcmp (caption.field, "each answer looks at the whole picture") == 0, "%s", caption.field);
    CHECK (strcmp (caption.answer, "it answers nowhere in this frame") == 0, "%s", caption.answer);
    CHECK (strcmp (caption.map, "its answers: none yet") == 0, "%s", caption.map);
}

static void check_class_channels (void)
{
    static const float weights[4] = { 1, 1, 1, 1 };
    char text[160];
    check_group ("captions of a class's channels");
    struct network *network = load (pictures_model, "early");
    if (!network)
        return;
    struct channel_wish wish = { .select = CHANNELS_CLASS, .class_id = 2, .weights = weights, .other_id = -1 };
    caption_class_channels (text, sizeof text, network, &wish);
    CHECK (strcmp (text, "adds most to: class 2") == 0, "%s", text);
    wish.other_id = 1;
    caption_class_channels (text, sizeof text, network, &wish);
    CHECK (strcmp (text, "adds most to: class 2, then class 1") == 0, "%s", text);
    wish.weights = NULL;
    caption_class_channels (text, sizeof text, network, &wish);
    CHECK (strcmp (text, "one map per class, with its mean") == 0, "%s", text);
    network_free (network);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    if (!pictures_start ())
        return EXIT_FAILURE;
    check_labels ();
    check_spread ();
    check_operations ();
    check_activations ();
    check_words ();
    check_stats_lines ();
    check_heat_lines ();
    check_shares ();
    check_rows ();
    check_nothing ();
    check_unit_captions ();
    check_class_channels ();
    pictures_end ();
    return check_end ();
}
