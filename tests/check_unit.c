/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_unit.c: one number of a layer taken apart: what the words of `unit` mean, and that window times filter, added
 * up with bias, batch norm and shortcut, is the number that the engine computes.
 *
 * Linked with the plugin's own objects. Whole networks come from the shared data where there is some. */
#include <math.h>

#include "check.h"
#include "plugin/network.h"
#include "plugin/overlay/sum_strip.h"
#include "plugin/overlay/unit_caption.h"

static guint32 state = 1;

static float random_float (void)
{
    state = state * 1664525u + 1013904223u;
    return (float)(int)(state >> 8) / (1 << 23) - 1;
}

static float *random_floats (gsize count, float base)
{
    float *values = g_new (float, count);
    for (gsize i = 0; i < count; i++)
        values[i] = base + random_float ();
    return values;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void check_words (void)
{
    static const struct {
        const char *words;
        int layer, channel, y, x;
        gboolean walk;
    } cases[] = {
        { NULL, 0, -1, -1, -1, FALSE },         { "", 0, -1, -1, -1, FALSE },
        { "early", 5, -1, -1, -1, FALSE },      { "conv1:30", 5, 30, -1, -1, FALSE },
        { "conv1:30:4:9", 5, 30, 4, 9, FALSE }, { "conv1:30:walk", 5, 30, -1, -1, TRUE },
        { "conv1:walk", 5, -1, -1, -1, TRUE },  { "model/relu:0:7", 12, 7, -1, -1, FALSE },
        { "a:1:2", 3, 2, -1, -1, FALSE },       { "a:99999999999999999999", 22, -1, -1, -1, FALSE },
        { ":5", 2, -1, -1, -1, FALSE },         { ":walk", 5, -1, -1, -1, FALSE },
        { "a:", 2, -1, -1, -1, FALSE },         { "12:5", 2, 5, -1, -1, FALSE },
    };
    check_group ("words of a unit");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        struct unit_words read = unit_words_read (cases[i].words);
        CHECK (read.layer_length == cases[i].layer && read.channel == cases[i].channel && read.y == cases[i].y &&
                   read.x == cases[i].x && read.walk == cases[i].walk,
               "\"%s\": layer of %d bytes, channel %d, row %d, column %d, %s", cases[i].words, read.layer_length,
               read.channel, read.y, read.x, read.walk ? "walks" : "sits");
    }
}

static void check_numbers (void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.38, "+0.38" },    { -9.8, "−9.80" },    { 0, "0" },           { -0.001, "0" },
        { 123.44, "+123.4" }, { -1234.5, "−1234" }, { 99.994, "+99.99" },
    };
    check_group ("numbers with a sign");
    for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
        char text[32];
        caption_number (text, sizeof text, cases[i].value);
        CHECK (strcmp (text, cases[i].text) == 0, "%g is written %s", cases[i].value, text);
    }
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

/* The sum at some places of every channel of the layer, beside what the plan leaves in `before`. */
static void compare_sums (const char *what, const struct watched *watched, const struct tensor *source,
                          const struct tensor *before, const struct tensor *other)
{
    const struct conv *shape = &watched->shape;
    float *products = g_new (float, watched->in_channels * shape->kernel_h * shape->kernel_w);
    int wrong = 0;
    double worst = 0;
    for (int n = 0; n < 60; n++) {
        int c = n * 7 % before->channels, y = n * 5 % before->height, x = n * 3 % before->width;
        gsize at = ((gsize)c * (gsize)before->height + (gsize)y) * (gsize)before->width + (gsize)x;
        struct weighted_sum sum;
        watched_sum (watched, source, (const int[]) { c, y, x }, other ? (double)other->data[at] : 0, &sum, products);
        double largest = MAX (MAX (sum.positive, -sum.negative), MAX (fabs (sum.shift), fabs (sum.other)));
        double error = fabs (sum.before - (double)before->data[at]) / MAX (largest, 1e-6);
        worst = MAX (worst, error);
        wrong += !(error <= 1e-4);
    }
    CHECK (wrong == 0, "%s: %d of 60 sums are not the engine's, by up to %g of their largest part", what, wrong, worst);
    g_free (products);
}

static const struct sum_case {
    const char *name;
    struct conv conv;
    int channels;
    gboolean norm, shortcut, after;
} sum_cases[] = {
    { "7x7 by 2", { 8, 7, 7, 2, 2, 1, 1, 3, 3, 3, 3, 1 }, 3, TRUE, FALSE, FALSE },
    { "3x3", { 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 32, FALSE, FALSE, FALSE },
    { "3x3, shortcut", { 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 32, TRUE, TRUE, FALSE },
    { "1x1, norm after the sum", { 16, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1 }, 16, TRUE, TRUE, TRUE },
    { "depthwise by 2", { 24, 3, 3, 2, 2, 1, 1, 0, 0, 1, 1, 24 }, 24, TRUE, FALSE, FALSE },
    { "4 groups, dilated", { 20, 3, 5, 1, 2, 2, 1, 2, 0, 1, 3, 4 }, 12, FALSE, FALSE, FALSE },
};

static int add_norm (struct graph *g, const char *name, int x, int channels)
{
    float *scale = random_floats ((gsize)channels, 0), *shift = random_floats ((gsize)channels, 0);
    float *mean = random_floats ((gsize)channels, 0), *variance = random_floats ((gsize)channels, 2);
    x = graph_batch_norm (g, name, x, scale, shift, mean, variance, 1e-5f);
    g_free (scale);
    g_free (shift);
    g_free (mean);
    g_free (variance);
    return x;
}

static struct graph *sum_graph (const struct sum_case *of)
{
    struct graph *g = graph_new (NULL);
    int outputs = of->conv.out_channels;
    float *weights = random_floats (
        (gsize)outputs * (gsize)(of->channels / of->conv.groups) * (gsize)(of->conv.kernel_h * of->conv.kernel_w), 0);
    float *bias = random_floats ((gsize)outputs, 0);
    int in = graph_input (g, "in", of->channels, 20, 24), x = graph_conv (g, "conv", in, &of->conv, weights, bias);
    x = of->norm ? add_norm (g, "norm", x, outputs) : x;
    if (of->shortcut)
        x = graph_add (g, "sum", in, x);
    x = of->after ? add_norm (g, "norm2", x, outputs) : x;
    x = graph_activation (g, "relu", x, (struct activation) { .kind = ACTIVATION_RELU });
    graph_output (g, x);
    g_free (weights);
    g_free (bias);
    return g;
}

static void check_sums (void)
{
    check_group ("sums are the engine's");
    for (guint i = 0; i < G_N_ELEMENTS (sum_cases); i++) {
        const struct sum_case *of = &sum_cases[i];
        struct graph *g = sum_graph (of);
        struct error error = { "" };
        char *remark;
        struct watched *watched = watched_new (g, "relu:3", TRUE, NULL, &remark);
        const char *const taps[] = { of->after ? "norm2" : of->shortcut ? "sum" : of->norm ? "norm" : "conv" };
        const struct plan_options options = { .threads = 1, .taps = taps, .tap_count = 1 };
        struct plan *plan = plan_new (g, &options, &error);
        if (CHECK (watched && plan && !remark, "%s: %s%s", of->name, remark ? remark : "", error.text)) {
            float *input = random_floats ((gsize)of->channels * 20 * 24, 0.2f);
            const struct tensor source = { "in", input, of->channels, 20, 24 };
            CHECK ((watched->other >= 0) == (of->shortcut != 0), "%s: adds tensor %d", of->name, watched->other);
            plan_run (plan, input);
            compare_sums (of->name, watched, &source, plan_tap (plan, 0), of->shortcut ? &source : NULL);
            g_free (input);
        }
        g_free (remark);
        watched_unref (watched);
        plan_free (plan);
        graph_unref (g);
    }
}

/* ---- whole networks --------------------------------------------------------------------------------------------- */

static void compare_layer (const char *file, const char *unit)
{
    struct settings settings;
    GError *error = NULL;
    settings_init (&settings);
    settings.model_file = g_strdup (file);
    settings.appearance.overlay = OVERLAY_CONVOLUTION;
    settings.appearance.unit = g_strdup (unit);
    struct network *network = network_load (&settings, &error);
    if (CHECK (network && network->watched, "%s, %s: %s", file, unit, error ? error->message : "no such unit")) {
        const struct input_spec *input = model_input (network->model);
        for (int i = 0; i < input->channels * input->height * input->width; i++)
            network->input[i] = random_float () + (float)(i / 16 % 2);
        plan_run (network->plan, network->input);
        struct tensor source = { "", network->input, input->channels, input->height, input->width };
        if (network->source_tap >= 0)
            source = *plan_tap (network->plan, network->source_tap);
        char *what = g_strdup_printf ("%s, %s", file, unit);
        compare_sums (what, network->watched, &source, plan_tap (network->plan, network->before_tap),
                      network->other_tap >= 0 ? plan_tap (network->plan, network->other_tap) : NULL);
        g_free (what);
    }
    /* Another channel of the layer needs nothing new; another layer needs the file again. */
    if (network) {
        g_free (settings.appearance.unit);
        settings.appearance.unit = g_strdup_printf ("%s:1", unit);
        struct network *again = network_again (network, &settings);
        CHECK (again && again->watched == network->watched, "%s: the weights are not kept for another channel", unit);
        network_free (again);
    }
    g_clear_error (&error);
    network_free (network);
    settings_clear (&settings);
}

static void check_networks (void)
{
    static const char *const files[] = { "zoo/resnet18.onnx", "models/mobilenet_v2_1.0_224_tf2.onnx",
                                         "models/squeezenet_v1.1.onnx" };
    static const char *const units[] = { "early", "middle", "late" };
    check_group ("sums of whole networks");
    const char *data = g_getenv ("CONVRELU_DATA");
    for (guint i = 0; i < G_N_ELEMENTS (files) * G_N_ELEMENTS (units); i++) {
        char *file = g_build_filename (data ? data : "", files[i / G_N_ELEMENTS (units)], NULL);
        if (data && g_file_test (file, G_FILE_TEST_EXISTS))
            compare_layer (file, units[i % G_N_ELEMENTS (units)]);
        else
            SKIP ("no shared data: %s", files[i / G_N_ELEMENTS (units)]);
        g_free (file);
    }
}

/* What cannot be taken apart is said. */
static void check_remarks (void)
{
    check_group ("units there are none of");
    struct graph *g = sum_graph (&sum_cases[1]);
    char *remark;
    CHECK (!watched_new (g, "nothing:3", TRUE, NULL, &remark) && remark && strstr (remark, "nothing"), "no layer: %s",
           remark);
    g_free (remark);
    struct watched *plain = watched_new (g, "in", TRUE, NULL, &remark);
    CHECK (plain && plain->conv < 0 && remark && strstr (remark, "no convolution"), "input: %s", remark);
    watched_unref (plain);
    g_free (remark);
    plain = watched_new (g, "in", FALSE, NULL, &remark);
    CHECK (plain && plain->conv < 0 && !remark, "input, to be watched only: %s", remark);
    watched_unref (plain);
    struct watched *watched = watched_new (g, "relu", TRUE, NULL, &remark);
    graph_drop_weights (g);
    CHECK (!watched_new (g, "relu", TRUE, NULL, &remark) && !remark, "without weights: %s", remark);
    struct watched *again = watched_new (g, "relu:5", TRUE, watched, &remark);
    CHECK (again == watched, "the same layer is read again");
    watched_unref (again);
    watched_unref (watched);
    graph_unref (g);
}

int main (int argc, char **argv)
{
    gst_init (&argc, &argv);
    check_words ();
    check_numbers ();
    check_sums ();
    check_networks ();
    check_remarks ();
    return check_end ();
}
