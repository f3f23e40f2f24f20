/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_maps.c: the parts of the drawing by themselves: which layers, which tensors, their tiles, sizes and places.
 *
 * Linked with the plugin's own objects. Networks come from the shared data where there is some. */
#include <math.h>

#include "check.h"
#include "plugin/overlay/layout.h"
#include "plugin/overlay/map_tile.h"
#include "plugin/network.h"

static guint32 state = 1;

static float random_float (void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(int)(state >> 8) / (1 << 23) - 1;
}

/* ---- layers ---------------------------------------------------------------------------------------------------- */

/* conv "c0", relu "r0", conv "c1", x sigmoid (x) "p1", conv "c2", sum "s2" with "p1", relu "r2", global average,
 * linear */
static struct graph *small_graph (void)
{
    struct graph *g = graph_new (NULL);
    const struct conv conv = {
        .out_channels = 4, .kernel_h = 3, .kernel_w = 3, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1
    };
    float weights[4 * 4 * 9];
    for (guint i = 0; i < G_N_ELEMENTS (weights); i++)
        weights[i] = random_float ();
    int x = graph_input (g, "x", 4, 12, 10);
    x = graph_conv (g, "c0", x, &conv, weights, NULL);
    x = graph_activation (g, "r0", x, (struct activation) { .kind = ACTIVATION_RELU });
    int c1 = graph_conv (g, "c1", x, &conv, weights, NULL);
    int gate = graph_activation (g, "g1", c1, (struct activation) { .kind = ACTIVATION_SIGMOID });
    int p1 = graph_mul (g, "p1", c1, gate);
    x = graph_conv (g, "c2", p1, &conv, weights, NULL);
    x = graph_add (g, "s2", x, p1);
    x = graph_activation (g, "r2", x, (struct activation) { .kind = ACTIVATION_RELU });
    x = graph_global_pool (g, "mean", x, POOL_AVERAGE);
    x = graph_linear (g, "scores", x, 3, weights, weights + 20);
    graph_output (g, graph_softmax (g, "shares", x));
    return g;
}

static void check_choice (void)
{
    static const struct {
        const char *words, *names;
        bool known;
    } cases[] = {
        { "early,middle,late", "r0<c0 p1<c1 r2<s2", true },
        { "late, early", "r2<s2 r0<c0", true },
        { "r*", "r0<c0 r2<s2", true },
        { "early,r0,?0", "r0<c0", true },
        { "g1", "g1<g1", true },
        { "c1,mean", "c1<c1 mean<mean", true },
        { "r1,late", "r2<s2", false },
        { "", "", true },
        { ",,", "", true },
        { "late,early,late", "r2<s2 r0<c0", true },
    };
    check_group ("layers by name and depth");
    struct graph *g = small_graph ();
    CHECK (!graph_error (g), "%s", graph_error (g));
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct layer_choice choice;
        GString *names = g_string_new (NULL);
        layers_choose (g, cases[i].words, &choice);
        for (int n = 0; n < choice.count; n++)
            g_string_append_printf (names, "%s%s<%s", n ? " " : "", graph_tensor (g, choice.layer[n].post).name,
                                    graph_tensor (g, choice.layer[n].pre).name);
        CHECK (strcmp (names->str, cases[i].names) == 0, "\"%s\" chooses \"%s\"", cases[i].words, names->str);
        CHECK (!choice.remark == cases[i].known, "\"%s\": %s", cases[i].words, choice.remark);
        CHECK (cases[i].known || strstr (choice.remark, "r0"), "\"%s\" is not near r0: %s", cases[i].words,
               choice.remark);
        g_string_free (names, TRUE);
        layers_clear (&choice);
    }
    graph_unref (g);
}

/* Of two tensors of one name the last can be had, also among as many as a graph can hold. */
static void check_many_layers (void)
{
    enum { MANY = 19000 };
    check_group ("many layers");
    struct graph *g = graph_new (NULL);
    int x = graph_input (g, "x", 1, 2, 2);
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf (name, sizeof name, "layer%d", i % (MANY - 1)); /* the first name comes again at the end */
        x = graph_activation (g, name, x, (struct activation) { .kind = ACTIVATION_RELU });
    }
    graph_output (g, x);
    if (CHECK (!graph_error (g), "%s", graph_error (g))) {
        struct layer_choice choice;
        GArray *layers = layers_all (g);
        layers_choose (g, "layer0,x", &choice);
        CHECK (layers->len == MANY - 2, "%u layers of %d", layers->len, MANY - 2); /* nor the one it goes into */
        CHECK (choice.count == 2 && choice.layer[0].post == x && choice.layer[1].post == 0, "%d layers are chosen",
               choice.count);
        layers_clear (&choice);
        g_array_unref (layers);
    }
    graph_unref (g);
}

/* The class-activation map's sum over pixels is the score, without bias, times the pixels. */
static void check_class_map (void)
{
    check_group ("class activation");
    struct graph *g = small_graph ();
    struct class_map *map = class_map_new (g, 0);
    if (CHECK (map->weights && map->map == graph_find (g, "r2"), "the map is tensor %d", map->map)) {
        float values[4 * 4], out[4], expected;
        const struct tensor tensor = { "r2", values, 4, 2, 2 };
        for (int i = 0; i < 16; i++)
            values[i] = fabsf (random_float ());
        for (int k = 0; k < 3; k++) {
            float most = class_map_draw (map, &tensor, k, out), largest = 0;
            for (int p = 0; p < 4; p++) {
                expected = 0;
                for (int c = 0; c < 4; c++)
                    expected += graph_weights (g, graph_find (g, "scores"))[k * 4 + c] * values[c * 4 + p];
                expected = fmaxf (expected, 0);
                largest = fmaxf (largest, expected);
                CHECK (fabsf (out[p] - expected) < 1e-5f, "class %d: %g instead of %g", k, (double)out[p],
                       (double)expected);
            }
            CHECK (fabsf (most - largest) < 1e-5f, "class %d: most is %g", k, (double)most);
        }
    }
    class_map_unref (map);
    graph_unref (g);
}

/* ---- taps ------------------------------------------------------------------------------------------------------ */

static float largest_error (const struct tensor *a, const struct tensor *b)
{
    float error = 0, most = 0;
    for (int i = 0; i < a->channels * a->height * a->width; i++) {
        error = fmaxf (error, fabsf (a->data[i] - b->data[i]));
        most = fmaxf (most, fabsf (b->data[i]));
    }
    return error / fmaxf (most, 1e-20f);
}

/* What is shown of each layer is what a plan that taps this tensor alone, with plain sums, finds. */
static void compare_taps (const char *path)
{
    struct settings settings;
    struct error reason;
    settings_init (&settings);
    settings.model_file = g_strdup (path);
    settings.appearance.overlay = OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION;
    settings.appearance.stage = STAGE_BOTH;
    g_free (settings.appearance.layers);
    settings.appearance.layers = g_strdup ("early,middle,late,relu_2,relu_3,relu_49");
    struct network *network = network_load (&settings, NULL);
    struct model *model = path ? model_load (path, NULL, &reason) : NULL;
    if (!CHECK (network != NULL, "%s cannot be loaded", path ? path : "the network without a file"))
        return;
    if (!path)
        model = model_ref (network->model);
    for (int i = 0; i < 3 * model_input (model)->height * model_input (model)->width; i++)
        network->input[i] = 100 * random_float ();
    plan_run (network->plan, network->input);
    for (int i = 0; i < 2 * network->layers.count; i++) {
        const struct layer *layer = &network->layers.layer[i / 2];
        const char *name = graph_tensor (model_graph (model), i % 2 ? layer->pre : layer->post).name;
        const struct plan_options alone = { .taps = &name,
                                            .tap_count = 1,
                                            .algorithm = path ? ALGORITHM_DIRECT : ALGORITHM_AUTO };
        struct plan *plan = plan_new (model_graph (model), &alone, &reason);
        if (!plan && !path) {
            SKIP ("%s: packed in another way", name);
            continue;
        }
        if (!CHECK (plan != NULL, "%s: %s", name, reason.text))
            continue;
        plan_run (plan, network->input);
        float error = largest_error (
            plan_tap (network->plan, i % 2 ? network->pre_tap[i / 2] : network->post_tap[i / 2]), plan_tap (plan, 0));
        CHECK (error < 1e-4f, "%s: off by %g of the largest value", name, (double)error);
        plan_free (plan);
    }
    network_free (network);
    model_unref (model);
    settings_clear (&settings);
}

static void check_taps (void)
{
    check_group ("the tensors shown");
    compare_taps (NULL);
    const char *data = check_data ();
    if (!data) {
        SKIP ("no shared data");
        return;
    }
    static const char *const files[] = { "resnet50_v1.5.onnx", "resnet20_cifar10.onnx", "squeezenet_v1.1.onnx" };
    for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
        char *path = g_build_filename (data, "models", files[i], NULL);
        compare_taps (path);
        g_free (path);
    }
}

/* Other layers, stages and activations are a matter of a new plan: the weights as given are gone by then. */
static void plan_again (const char *path)
{
    struct settings settings;
    settings_init (&settings);
    settings.model_file = g_strdup (path);
    struct network *network = network_load (&settings, NULL);
    if (!CHECK (network != NULL, "%s cannot be loaded", path ? path : "the network without a file"))
        return;
    for (int i = 0; i < 11 * 3; i++) {
        GError *error = NULL;
        settings.activation = i / 3;
        settings.appearance.overlay = OVERLAY_FEATURE_MAPS | OVERLAY_CLASS_ACTIVATION | OVERLAY_STATS;
        settings.appearance.stage = i % 3;
        struct network *again = network_again (network, &settings);
        CHECK (again != NULL, "activation %d, stage %d: %s", i / 3, i % 3, error ? error->message : "no reason");
        network_free (again);
        g_clear_error (&error);
    }
    network_free (network);
    settings_clear (&settings);
}

/* The weights as given go once the plan has packed them: a network is in memory once. */
static void check_weights (void)
{
    check_group ("weights in memory");
    struct settings settings;
    settings_init (&settings);
    struct network *network = network_load (&settings, NULL);
    if (CHECK (network != NULL, "the network without a file cannot be loaded")) {
        const struct graph *g = model_graph (network->model);
        int convs = 0, kept = 0;
        for (int id = 0; id < graph_tensors (g); id++) {
            convs += strcmp (graph_tensor (g, id).operation, "conv") == 0;
            kept += graph_weights (g, id) != NULL;
        }
        CHECK (convs > 0 && kept == 0, "%d convolutions, and the weights of %d are kept", convs, kept);
    }
    network_free (network);
    settings_clear (&settings);
}

/* Which tensors a plan must keep for each flag of the property `overlay`; the flags' values, which applications
 * know. */
static void check_needs (void)
{
    static const struct {
        guint overlay, value;
        enum stage stage;
        bool post, pre, class_map;
    } cases[] = {
        { OVERLAY_NONE, 0, STAGE_BOTH, false, false, false },
        { OVERLAY_LABELS, 1, STAGE_BOTH, false, false, false },
        { OVERLAY_FEATURE_MAPS, 2, STAGE_POST, true, false, false },
        { OVERLAY_FEATURE_MAPS, 2, STAGE_PRE, false, true, false },
        { OVERLAY_FEATURE_MAPS, 2, STAGE_BOTH, true, true, false },
        { OVERLAY_CLASS_ACTIVATION, 4, STAGE_BOTH, false, false, true },
        { OVERLAY_STATS, 8, STAGE_PRE, true, false, false },
        { OVERLAY_STATS | OVERLAY_FEATURE_MAPS, 10, STAGE_PRE, true, true, false },
    };
    check_group ("tensors that drawings need");
    struct appearance none, appearance;
    appearance_init (&none);
    appearance_init (&appearance);
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        bool post = cases[i].post, pre = cases[i].pre, class_map = cases[i].class_map;
        appearance.overlay = cases[i].overlay;
        appearance.stage = cases[i].stage;
        CHECK (cases[i].overlay == cases[i].value, "case %u: the flags are %u", i, cases[i].overlay);
        CHECK (appearance_taps_post (&appearance) == post && appearance_taps_pre (&appearance) == pre &&
                   appearance_taps_class_map (&appearance) == class_map &&
                   appearance_shows_layers (&appearance) == (post || pre),
               "case %u: after %d, before %d, class map %d", i, appearance_taps_post (&appearance),
               appearance_taps_pre (&appearance), appearance_taps_class_map (&appearance));
        CHECK (appearance_same_tensors (&none, &appearance) == !(post || pre || class_map), "case %u: the same", i);
    }
    /* A detector is watched with one tensor; a number is taken apart with what it is summed from, too. */
    appearance.overlay = OVERLAY_UNIT;
    CHECK (appearance.overlay == 32, "unit is %u", appearance.overlay);
    CHECK (appearance_taps_unit (&appearance) && !appearance_taps_sum (&appearance) &&
               !appearance_shows_layers (&appearance),
           "unit: %d, sum %d", appearance_taps_unit (&appearance), appearance_taps_sum (&appearance));
    CHECK (!appearance_same_tensors (&none, &appearance), "unit needs none");
    appearance_clear (&none);
    appearance_copy (&none, &appearance);
    none.overlay = OVERLAY_CONVOLUTION;
    CHECK (none.overlay == 16, "convolution is %u", none.overlay);
    CHECK (appearance_taps_unit (&none) && appearance_taps_sum (&none) && !appearance_same_tensors (&none, &appearance),
           "convolution needs what unit does");
    appearance_clear (&none);
    appearance_clear (&appearance);
}

/* The property `activation`. */
static void check_replacements (void)
{
    static const enum activation_kind expected[] = {
#define CHOICE(KIND, alpha, beta, text) ACTIVATION_##KIND,
#include "engine/activations.def"
    };
    static const float alpha[ACTIVATION_KINDS] = { [ACTIVATION_LEAKY_RELU] = 0.1f, [ACTIVATION_ELU] = 1 };
    check_group ("activations to choose from");
    struct settings settings;
    struct activation replacement;
    settings_init (&settings);
    CHECK (!settings_replacement (&settings, &replacement), "the network's own are replaced");
    for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
        settings.activation = i + 1;
        CHECK (settings_replacement (&settings, &replacement) && replacement.kind == expected[i] &&
                   fabsf (replacement.alpha - alpha[expected[i]]) < 1e-6f,
               "choice %u is %s with %g", i + 1, activation_name (replacement.kind), (double)replacement.alpha);
    }
    settings_clear (&settings);
}

/* ---- tiles ----------------------------------------------------------------------------------------------------- */

enum { SIDE = 24 };

static void check_tiles (void)
{
    check_group ("tiles");
    guint32 pixels[(SIDE + 2) * (SIDE + 2)];
    const struct canvas canvas = { pixels, SIDE + 2, SIDE + 2, SIDE + 2 };
    GArray *scratch = g_array_new (FALSE, FALSE, sizeof (float));
    struct palette gray, signs;
    palette_make (&gray, COLORMAP_GRAY, 1);
    palette_make (&signs, COLORMAP_DIVERGING, 1);
    for (int size = 1; size <= 60; size += size < 10 ? 1 : 7) {
        float map[60 * 60];
        for (int i = 0; i < size * size; i++)
            map[i] = i % size < size / 2 ? -1.0f : 3.0f;
        map[0] = NAN;
        for (int tile_size = 1; tile_size <= SIDE; tile_size += 5) {
            const struct tile tile = { .x = 1, .y = 1, .width = tile_size, .height = tile_size };
            canvas_fill (&canvas, 0, 0, SIDE + 2, SIDE + 2, 0x12345678);
            const struct map square = { map, size, size };
            float most = tile_draw (&square, &signs, &tile, &canvas, scratch);
            guint32 right = pixels[tile_size * (SIDE + 2) + tile_size];
            CHECK (most <= 3 && (most > 0 || size == 1 || tile_size == 1), "map of %d on %d: most is %g", size,
                   tile_size, (double)most);
            CHECK (tile_size < 4 || size < 4 || right >> 16 > (right & 255), "map of %d on %d: 3 is %08x", size,
                   tile_size, right);
            int outside = 0;
            for (int i = 0; i < SIDE + 2; i++)
                outside += pixels[i] != 0x12345678 || pixels[i * (SIDE + 2)] != 0x12345678 ||
                           pixels[(tile_size + 1) * (SIDE + 2) + i] != 0x12345678;
            CHECK (outside == 0, "map of %d on %d: drawn outside", size, tile_size);
        }
    }
    float nothing[4] = { 0, -0.0f, -INFINITY, NAN };
    const struct tile tile = { .x = 0, .y = 0, .width = 2, .height = 2 };
    const struct map none = { nothing, 2, 2 };
    tile_draw (&none, &gray, &tile, &canvas, scratch);
    for (int i = 0; i < 4; i++)
        CHECK (pixels[i / 2 * (SIDE + 2) + i % 2] == gray.pixel[0], "value %d of nothing is %08x", i,
               pixels[i / 2 * (SIDE + 2) + i % 2]);
    CHECK (signs.pixel[128] == 0xff000000, "zero is %08x", signs.pixel[128]);
    g_array_unref (scratch);
}

/* rows x height does not fit into an int. */
static void check_large_tile (void)
{
    enum { LENGTH = 1 << 20, ROWS = 1 << 12 };
    check_group ("tile of a large map");
    float *map = g_new (float, LENGTH);
    guint32 *pixels = g_new (guint32, ROWS);
    const struct canvas canvases[] = { { pixels, 1, ROWS, 1 }, { pixels, ROWS, 1, ROWS } };
    GArray *scratch = g_array_new (FALSE, FALSE, sizeof (float));
    struct palette gray;
    palette_make (&gray, COLORMAP_GRAY, 1);
    for (int i = 0; i < LENGTH; i++)
        map[i] = (float)i / LENGTH;
    for (int across = 0; across < 2; across++) {
        const struct tile tile = { .width = across ? ROWS : 1, .height = across ? 1 : ROWS, .most = 1 };
        int wrong = 0;
        const struct map line = { map, across ? 1 : LENGTH, across ? LENGTH : 1 };
        tile_draw (&line, &gray, &tile, &canvases[across], scratch);
        for (int i = 0; i < ROWS; i++) {
            int least = 255 * i / ROWS, most = MIN (255 * i / ROWS + 1, 255);
            wrong += pixels[i] != gray.pixel[least] && pixels[i] != gray.pixel[most];
        }
        CHECK (wrong == 0, "%d of %d pixels are wrong", wrong, (int)ROWS);
    }
    g_array_unref (scratch);
    g_free (pixels);
    g_free (map);
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

static bool inside (const struct rectangle *r, int width, int height)
{
    return r->x >= 0 && r->y >= 0 && r->x + r->width <= width && r->y + r->height <= height;
}

static int overlap (const struct rectangle *a, const struct rectangle *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height && b->y < a->y + a->height;
}

static void check_layout (void)
{
    static const int sizes[] = { 1, 2, 5, 16, 37, 100, 240, 480, 719, 1080, 4320 };
    struct map_shapes shapes = { .shape = { { 64, 112, 112, 4, FALSE },
                                            { 1024, 14, 14, 6, FALSE },
                                            { 3, 7, 30, 40, FALSE },
                                            { 2048, 7, 7, 999, FALSE } },
                                 .count = 4 };
    check_group ("places for every size");
    struct appearance appearance;
    appearance_init (&appearance);
    for (guint n = 0; n < G_N_ELEMENTS (sizes) * G_N_ELEMENTS (sizes) * 4 * 2; n++) {
        int width = sizes[n / 8 % G_N_ELEMENTS (sizes)], height = sizes[n / 8 / G_N_ELEMENTS (sizes)];
        struct layout layout;
        appearance.placement = n % 4;
        appearance.stage = n / 4 % 2 ? STAGE_BOTH : STAGE_POST;
        appearance.overlay = OVERLAY_FEATURE_MAPS | OVERLAY_LABELS;
        if (n % 3 > 0)
            appearance.overlay |= n % 3 == 1 ? OVERLAY_NETWORK : OVERLAY_NETWORK | OVERLAY_CONVOLUTION;
        shapes.pairs = appearance.stage == STAGE_BOTH;
        layout_make (&layout, width, height, &appearance, &shapes);
        const struct rectangle *others[] = { &layout.legend, &layout.strip };
        int outside = 0, overlapping = 0, loose = 0;
        overlapping += layout.strip.width > 0 && overlap (&layout.legend, &layout.strip);
        for (int o = 0; o < 2; o++)
            outside += others[o]->width > 0 && !inside (others[o], width, height);
        outside += layout.left.height > 0 && layout.left.y + layout.left.height > layout.bottom;
        for (int i = 0; i < layout.mosaics; i++) {
            const struct mosaic *m = &layout.mosaic[i];
            if (m->panel.width < 1)
                continue;
            int rows = (m->count + m->columns - 1) / m->columns;
            outside += !inside (&m->panel, width, height);
            loose += m->gap < 2 || (appearance.placement == PLACEMENT_INSET && m->panel.x < width * 6 / 10);
            loose += m->left < 0 || m->left + m->columns * (m->tile_width + m->gap) - m->gap > m->panel.width ||
                     m->top + rows * (m->tile_height + m->gap) - m->gap > m->panel.height;
            for (int j = 0; j < i; j++) {
                const struct rectangle *b = &layout.mosaic[j].panel;
                overlapping += b->width > 0 && overlap (&m->panel, b);
            }
            overlapping += m->panel.y + m->panel.height > layout.bottom;
            for (int o = 0; o < 2; o++)
                overlapping += others[o]->width > 0 && overlap (&m->panel, others[o]);
        }
        CHECK (outside + overlapping + loose == 0, "%d x %d, placement %d: %d outside, %d overlapping, %d loose", width,
               height, (int)appearance.placement, outside, overlapping, loose);
        CHECK (layout.mosaics == 4 || width < 240 || height < 240, "%d x %d: no room", width, height);
        CHECK ((layout.strip.width > 0) == (n % 3 > 0 && width > 300 && height > 300) || width < 480 || height < 480,
               "%d x %d: strip of %d", width, height, layout.strip.width);
        CHECK (layout.legend.width > 0 || width < 480 || height < 719 || n % 3 == 2, "%d x %d: no legend", width,
               height);
    }
    appearance_clear (&appearance);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    check_choice ();
    check_many_layers ();
    check_class_map ();
    check_taps ();
    check_group ("plans for other layers and activations");
    plan_again (NULL);
    if (check_data ()) {
        char *path = g_build_filename (check_data (), "models", "resnet50_v1.5.onnx", NULL);
        plan_again (path);
        g_free (path);
    } else {
        SKIP ("no shared data");
    }
    check_weights ();
    check_needs ();
    check_replacements ();
    check_tiles ();
    check_large_tile ();
    check_layout ();
    return check_end ();
}
