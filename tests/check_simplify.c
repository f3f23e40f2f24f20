/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_simplify.c: what simplify makes of known patterns, and that on random graphs it changes no number.
 *
 * The layers are run by a small interpreter over the oracle's functions, so that no kernel has a part in it. */
#include "tests/allocations.h"
#include "tests/check.h"
#include "tests/random_graph.h"
#include "tests/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- running layers ------------------------------------------------------------------------------------------ */

struct run {
    const struct graph *g;
    double **values, **magnitudes; /* [tensors][numbers], NULL until made */
};

static size_t numbers_of (const struct node *node)
{
    return (size_t)node->channels * (size_t)node->height * (size_t)node->width;
}

static void run_epilogue (const struct run *run, const struct layer *layer, double *v, double *magnitude)
{
    const struct node *out = &run->g->nodes[layer->output];
    size_t pixels = (size_t)out->height * (size_t)out->width;
    for (size_t i = 0; i < numbers_of (out); i++) {
        size_t c = i / pixels;
        if (layer->scale) {
            v[i] = v[i] * layer->scale[c] + layer->shift[c];
            magnitude[i] = magnitude[i] * fabs (layer->scale[c]) + fabs (layer->shift[c]);
        }
        if (layer->residual >= 0) {
            v[i] += run->values[layer->residual][i];
            magnitude[i] += run->magnitudes[layer->residual][i];
        }
        v[i] = reference_activation (layer->activation, layer->slope ? layer->slope[c] : 0, v[i]);
        if (layer->post_scale)
            v[i] = v[i] * layer->post_scale[c] + layer->post_shift[c];
    }
}

/* A pick's inputs as one tensor, to free: its channels are counted through all of them. */
static double *side_by_side (const struct run *run, const struct layer *layer, const double *const *parts)
{
    size_t count = 0, at = 0;
    for (int i = 0; i < layer->input_count; i++)
        count += numbers_of (&run->g->nodes[layer->inputs[i]]);
    double *whole = malloc (count * sizeof *whole);
    for (int i = 0; i < layer->input_count; i++) {
        size_t numbers = numbers_of (&run->g->nodes[layer->inputs[i]]);
        memcpy (whole + at, parts[i], numbers * sizeof *whole);
        at += numbers;
    }
    return whole;
}

/* False and a failed check when the layer reads what is not there yet. */
static bool run_layer (struct run *run, const struct layer *layer)
{
    const struct node *head = &run->g->nodes[layer->node], *out = &run->g->nodes[layer->output];
    const double *values[16] = { 0 }, *magnitudes[16] = { 0 };
    bool ready = layer->input_count <= 16 && (layer->residual < 0 || run->values[layer->residual]);
    for (int i = 0; ready && i < layer->input_count; i++) {
        values[i] = run->values[layer->inputs[i]];
        magnitudes[i] = run->magnitudes[layer->inputs[i]];
        ready = values[i] != NULL;
    }
    if (!CHECK (ready, "%s reads what is not made yet", out->name) ||
        !CHECK (!run->values[layer->output], "%s is made twice", out->name) ||
        !CHECK (numbers_of (head) == numbers_of (out), "%s has two sizes", out->name))
        return false;
    double *v = malloc (numbers_of (out) * sizeof *v), *magnitude = malloc (numbers_of (out) * sizeof *v);
    if (layer->operation == OPERATION_AFFINE || layer->operation == OPERATION_ACTIVATION) {
        memcpy (v, values[0], numbers_of (out) * sizeof *v);
        memcpy (magnitude, magnitudes[0], numbers_of (out) * sizeof *v);
    } else {
        struct node node = *head;
        node.inputs = layer->inputs;
        double *whole[2] = { NULL, NULL };
        if (node.operation == OPERATION_CONV)
            node.u.conv.shape = layer->conv;
        if (node.operation == OPERATION_POOL)
            node.u.pool = layer->pool;
        if (layer->channel) {
            node.u.pick.channel = layer->channel;
            values[0] = whole[0] = side_by_side (run, layer, values);
            magnitudes[0] = whole[1] = side_by_side (run, layer, magnitudes);
        }
        reference_node (run->g, &node, values, magnitudes, v, magnitude);
        free (whole[0]);
        free (whole[1]);
    }
    run_epilogue (run, layer, v, magnitude);
    run->values[layer->output] = v;
    run->magnitudes[layer->output] = magnitude;
    return true;
}

/* Runs the layers and compares every pinned tensor with the oracle's: 1e-12 of the sum of the terms' sizes.
 * twin: another graph that computes the same outputs, in the same order (then only these are compared); or NULL. */
static void compare (const struct graph *g, const struct layers *layers, const bool *pinned, const float *input,
                     const struct graph *twin, const char *what)
{
    struct reference *reference = reference_run (twin ? twin : g, input);
    struct run run = { .g = g };
    run.values = calloc ((size_t)g->count, sizeof *run.values);
    run.magnitudes = calloc ((size_t)g->count, sizeof *run.magnitudes);
    size_t count = numbers_of (&g->nodes[0]);
    run.values[0] = malloc (count * sizeof (double));
    run.magnitudes[0] = malloc (count * sizeof (double));
    for (size_t i = 0; i < count; i++) {
        run.values[0][i] = input[i];
        run.magnitudes[0][i] = fabs ((double)input[i]);
    }
    bool good = true;
    for (int i = 0; good && i < layers->count; i++)
        good = run_layer (&run, &layers->list[i]);
    int tensors = twin ? graph_outputs (g) : g->count;
    for (int i = 0; good && i < tensors; i++) {
        int id = twin ? graph_output_id (g, i) : i, other = twin ? graph_output_id (twin, i) : i;
        if (!pinned[id] || !CHECK (run.values[id] != NULL, "%s: %s is pinned but not made", what, g->nodes[id].name))
            continue;
        const double *a = run.values[id], *b = reference_values (reference, other);
        const double *magnitude = reference_magnitudes (reference, other);
        double worst = 0;
        for (size_t n = 0; n < numbers_of (&g->nodes[id]); n++)
            worst = fmax (worst, fabs (a[n] - b[n]) / (magnitude[n] + 1e-30));
        CHECK (worst < 1e-12, "%s: %s is off by %g of its terms", what, g->nodes[id].name, worst);
    }
    for (int i = 0; i < g->count; i++) {
        free (run.values[i]);
        free (run.magnitudes[i]);
    }
    free (run.values);
    free (run.magnitudes);
    reference_free (reference);
}

/* ---- random graphs ------------------------------------------------------------------------------------------- */

static const struct activation gelu = { .kind = ACTIVATION_GELU };

static bool *pins (struct builder *b, bool taps)
{
    bool *pinned = calloc ((size_t)b->g->count, sizeof *pinned);
    for (int i = 0; i < graph_outputs (b->g); i++)
        pinned[graph_output_id (b->g, i)] = true;
    for (int i = taps ? random_int (b, 0, 3) : 0; i > 0; i--)
        pinned[random_int (b, 0, b->g->count - 1)] = true;
    return pinned;
}

static void one_random (uint64_t seed)
{
    char what[64];
    snprintf (what, sizeof what, "seed %d", (int)seed);
    struct builder b = random_graph (seed, (int)(5 + seed % 30));
    if (!CHECK (!graph_error (b.g), "%s: %s", what, graph_error (b.g))) {
        graph_unref (b.g);
        return;
    }
    bool *pinned = pins (&b, seed % 2);
    float *input = random_floats (&b, numbers_of (&b.g->nodes[0]), -1, 1);
    struct layers layers;
    CHECK (simplify (b.g, pinned, NULL, &layers), "%s", what);
    compare (b.g, &layers, pinned, input, NULL, what);
    layers_free (&layers);
    free (pinned);
    free (input);
    graph_unref (b.g);
}

static void one_replaced (uint64_t seed)
{
    char what[64];
    snprintf (what, sizeof what, "seed %d with gelu", (int)seed);
    struct builder b = builder_new (seed, 7, 9, 8), twin = builder_new (seed, 7, 9, 8);
    b.replaceable = twin.replaceable = true;
    twin.instead = &gelu;
    build_random (&b, 20);
    build_random (&twin, 20);
    CHECK (!graph_error (b.g) && !graph_error (twin.g), "%s: %s", what, graph_error (b.g));
    CHECK (b.state == twin.state, "%s: the twins differ", what);
    bool *pinned = pins (&b, false);
    float *input = random_floats (&b, numbers_of (&b.g->nodes[0]), -1, 1);
    struct layers layers;
    CHECK (simplify (b.g, pinned, &gelu, &layers), "%s", what);
    compare (b.g, &layers, pinned, input, twin.g, what);
    layers_free (&layers);
    free (pinned);
    free (input);
    graph_unref (b.g);
    graph_unref (twin.g);
}

/* ---- patterns ------------------------------------------------------------------------------------------------ */

/* Simplifies with the outputs and, if >= 0, `tap` pinned; compares the numbers; returns the layers, to free. */
static struct layers simplified (struct builder *b, int tap, const struct activation *replace, const char *what)
{
    struct layers layers = { 0 };
    if (!CHECK (!graph_error (b->g), "%s: %s", what, graph_error (b->g)))
        return layers;
    bool *pinned = pins (b, false);
    if (tap >= 0)
        pinned[tap] = true;
    float *input = random_floats (b, numbers_of (&b->g->nodes[0]), -1, 1);
    CHECK (simplify (b->g, pinned, replace, &layers), "%s", what);
    if (!replace)
        compare (b->g, &layers, pinned, input, NULL, what);
    free (pinned);
    free (input);
    return layers;
}

static void becomes (struct builder *b, int tap, int count, const char *what)
{
    struct layers layers = simplified (b, tap, NULL, what);
    CHECK (layers.count == count, "%s: %d layers", what, layers.count);
    layers_free (&layers);
}

static void check_chains (void)
{
    check_group ("chains");
    struct builder b = builder_new (1, 5, 9, 7);
    int conv = build_square (&b, 0, 18, 3, 1, 1), norm = build_batch_norm (&b, conv), relu = build_relu (&b, norm);
    graph_output (b.g, build_affine (&b, build_batch_norm (&b, relu)));
    struct layers layers = simplified (&b, -1, NULL, "conv, norm, relu, norm, affine");
    if (CHECK (layers.count == 1, "%d layers", layers.count)) {
        struct layer *layer = layers.list;
        CHECK (layer->operation == OPERATION_CONV && layer->node == conv && layer->output == b.g->count - 1, "ends");
        CHECK (layer->scale && layer->shift && layer->post_scale && layer->post_shift, "both affines");
        CHECK (layer->activation.kind == ACTIVATION_RELU && layer->residual == -1, "relu");
    }
    layers_free (&layers);
    becomes (&b, conv, 2, "a tap behind the convolution");
    becomes (&b, norm, 2, "a tap behind the norm");
    becomes (&b, relu, 2, "a tap behind the relu");
    becomes (&b, 0, 1, "a tap on the input");
    graph_output (b.g, relu);
    becomes (&b, conv, 3, "an output inside and a tap");
    graph_unref (b.g);

    b = builder_new (2, 5, 9, 7);
    conv = build_square (&b, 0, 8, 3, 1, 1);
    relu = build_relu (&b, build_relu (&b, conv));
    build_activation (&b, conv, (struct activation) { .kind = ACTIVATION_PRELU }); /* nobody wants it */
    int none = build_activation (&b, relu, (struct activation) { .kind = ACTIVATION_NONE });
    graph_output (b.g, build_relu (&b, build_batch_norm (&b, none)));
    becomes (&b, -1, 3, "dead ends, two relus, none, norm, relu");
    graph_unref (b.g);

    b = builder_new (3, 4, 6, 6);
    conv = build_square (&b, 0, 16, 1, 1, 0);
    graph_output (b.g, build_square (&b, build_square (&b, conv, 16, 3, 1, 1), 4, 1, 1, 0));
    becomes (&b, -1, 3, "convolutions with nothing between");
    int twice = graph_add (b.g, NULL, conv, conv);
    graph_output (b.g, twice);
    becomes (&b, -1, 4, "a tensor added to itself");
    graph_unref (b.g);
}

static void check_residuals (void)
{
    check_group ("residual blocks");
    struct builder b = builder_new (1, 16, 9, 7);
    int x = build_relu (&b, build_batch_norm (&b, build_square (&b, 0, 16, 3, 1, 1)));
    int y = build_batch_norm (&b, build_square (&b, x, 16, 3, 1, 1));
    int sum = graph_add (b.g, NULL, y, x);
    graph_output (b.g, build_relu (&b, sum));
    struct layers layers = simplified (&b, -1, NULL, "identity shortcut");
    if (CHECK (layers.count == 2, "%d layers", layers.count))
        CHECK (layers.list[1].residual == x && layers.list[1].activation.kind == ACTIVATION_RELU, "the second one");
    layers_free (&layers);
    becomes (&b, sum, 3, "a tap between addition and relu");
    becomes (&b, y, 3, "a tap in front of the addition");
    graph_unref (b.g);
    for (int order = 0; order < 2; order++) { /* the shortcut in front of the other branch, or behind it */
        b = builder_new (2, 16, 9, 7);
        int shortcut = order ? -1 : build_batch_norm (&b, build_square (&b, 0, 24, 1, 2, 0));
        y = build_relu (&b, build_square (&b, 0, 24, 3, 2, 1));
        y = build_batch_norm (&b, build_square (&b, y, 24, 3, 1, 1));
        shortcut = order ? build_batch_norm (&b, build_square (&b, 0, 24, 1, 2, 0)) : shortcut;
        graph_output (b.g, build_relu (&b, graph_add (b.g, NULL, shortcut, y)));
        becomes (&b, -1, 3, order ? "1x1 shortcut behind" : "1x1 shortcut in front");
        graph_unref (b.g);
    }
    b = builder_new (3, 4, 6, 6);
    x = build_square (&b, 0, 4, 3, 1, 1);
    graph_output (b.g, build_relu (&b, graph_add (b.g, NULL, x, 0)));
    layers = simplified (&b, -1, NULL, "the input as shortcut");
    CHECK (layers.count == 1 && layers.list[0].residual == 0, "%d layers", layers.count);
    layers_free (&layers);
    graph_unref (b.g);
    b = builder_new (4, 4, 6, 6);
    x = build_square (&b, 0, 4, 3, 1, 1);
    y = build_square (&b, graph_global_pool (b.g, NULL, 0, POOL_MAX), 4, 1, 1, 0);
    graph_output (b.g, build_relu (&b, graph_add (b.g, NULL, x, y)));
    layers = simplified (&b, -1, NULL, "an addition that broadcasts");
    CHECK (layers.count == 4 && layers.list[3].activation.kind == ACTIVATION_RELU, "%d layers", layers.count);
    layers_free (&layers);
    graph_unref (b.g);
}

static void check_pads (void)
{
    check_group ("zero padding");
    for (int kind = 0; kind < 6; kind++) {
        struct builder b = builder_new (1, 5, 9, 7);
        struct pick pick = { .channels = 5, .height = 12, .width = 9, .top = -1, .left = -2, .step_h = 1, .step_w = 1 };
        int channel[5] = { 0, 1, 2, 4, 3 };
        pick.fill = kind == 1 ? 1 : 0;
        pick.channel = kind == 2 ? channel : NULL;
        pick.step_w = kind == 3 ? 2 : 1;
        pick.height = kind == 4 ? 9 : 12;
        int pad = graph_pick (b.g, NULL, 0, &pick);
        int conv =
            build_conv (&b, pad, (struct conv) { .out_channels = 6, .kernel_h = 3, .kernel_w = 3, .pad_left = 1 });
        graph_output (b.g, build_relu (&b, conv));
        if (kind == 5)
            graph_output (b.g, pad);
        struct layers layers = simplified (&b, -1, NULL, "pad and convolution");
        CHECK (layers.count == (kind ? 2 : 1), "kind %d: %d layers", kind, layers.count);
        if (layers.count == 1) {
            struct conv shape = layers.list[0].conv;
            CHECK (shape.pad_top == 1 && shape.pad_left == 3 && shape.pad_bottom == 2 && shape.pad_right == 0,
                   "pads %d %d %d %d", shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right);
            CHECK (layers.list[0].inputs[0] == 0 && layers.list[0].activation.kind == ACTIVATION_RELU, "the rest");
        }
        layers_free (&layers);
        graph_unref (b.g);
    }
}

/* A pool of 3x3 behind zeros, 1 above, 2 to the left and below: how many layers are left. */
static int padded_pool (struct pool pool, const char *what)
{
    struct builder b = builder_new (1, 5, 9, 7);
    struct pick pick = { .channels = 5, .height = 12, .width = 9, .top = -1, .left = -2, .step_h = 1, .step_w = 1 };
    pool.kernel_h = pool.kernel_w = 3;
    graph_output (b.g, graph_pool (b.g, NULL, graph_pick (b.g, NULL, 0, &pick), &pool));
    struct layers layers = simplified (&b, -1, NULL, what);
    int count = layers.count;
    if (count == 1) {
        struct pool made = layers.list[0].pool;
        CHECK (made.count_include_pad && made.pad_top == 1 + pool.pad_top && made.pad_left == 2 &&
                   made.pad_bottom == 2 && made.pad_right == pool.pad_right,
               "%s: pads %d %d %d %d", what, made.pad_top, made.pad_left, made.pad_bottom, made.pad_right);
    }
    layers_free (&layers);
    graph_unref (b.g);
    return count;
}

static void check_padded_pools (void)
{
    check_group ("zero padding of a pool");
    struct pool average = { .kind = POOL_AVERAGE, .stride_h = 2, .stride_w = 2 }, other = average;
    CHECK (padded_pool (average, "average") == 1, "an average");
    other.ceil_mode = true;
    CHECK (padded_pool (other, "rounded up") == 2, "an average rounded up"); /* the last window may be all zeros */
    other = average;
    other.pad_top = 1;
    CHECK (padded_pool (other, "padding that does not count") == 2, "padding that does not count");
    other.count_include_pad = true;
    CHECK (padded_pool (other, "padding that counts") == 1, "padding that counts");
    for (int side = 0; side < 4; side++) { /* with the pick's own, as much as the window */
        other = average;
        other.count_include_pad = true;
        int *const pads[4] = { &other.pad_top, &other.pad_left, &other.pad_bottom, &other.pad_right };
        *pads[side] = 2;
        CHECK (padded_pool (other, "a window of padding") == (side == 3 ? 1 : 2), "a window of padding, side %d", side);
    }
    other = average;
    other.dilation_w = 2;
    CHECK (padded_pool (other, "dilated") == 2, "dilated");
    other = average;
    other.kind = POOL_MAX;
    CHECK (padded_pool (other, "maximum") == 2, "a maximum");
}

/* ---- gates and replacing ------------------------------------------------------------------------------------- */

/* conv -> x * gate (x) -> norm; the kind of the one layer's activation, or of nothing when it is not one layer. */
static enum activation_kind gated (struct activation gate, bool gate_first, bool shared, bool tapped,
                                   const struct activation *replace)
{
    struct builder b = builder_new (1, 5, 9, 7);
    int x = build_square (&b, 0, 6, 3, 1, 1), y = graph_activation (b.g, NULL, x, gate);
    graph_output (b.g, build_batch_norm (&b, graph_mul (b.g, NULL, gate_first ? y : x, gate_first ? x : y)));
    if (shared)
        graph_output (b.g, build_affine (&b, y));
    bool pinned[8] = { false };
    pinned[graph_output_id (b.g, 0)] = true;
    if (shared)
        pinned[graph_output_id (b.g, 1)] = true;
    pinned[y] = tapped;
    struct layers layers;
    CHECK (simplify (b.g, pinned, replace, &layers), "simplify");
    float *input = random_floats (&b, numbers_of (&b.g->nodes[0]), -1, 1);
    bool exact = gate.kind != ACTIVATION_HARD_SIGMOID; /* its 1/6 is a rounded one */
    if (!replace && exact)
        compare (b.g, &layers, pinned, input, NULL, "a gate");
    free (input);
    enum activation_kind kind = layers.count == 1 ? layers.list[0].activation.kind : ACTIVATION_NONE;
    if (layers.count == 1)
        CHECK (layers.list[0].post_scale && layers.list[0].input_count == 1, "the norm behind it");
    layers_free (&layers);
    graph_unref (b.g);
    return kind;
}

static void check_gates (void)
{
    check_group ("gates");
    struct activation sigmoid = { .kind = ACTIVATION_SIGMOID }, tanh_ = { .kind = ACTIVATION_TANH };
    struct activation hard = { ACTIVATION_HARD_SIGMOID, 1.0f / 6, 0.5f },
                      keras = { ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f };
    struct activation prelu = { .kind = ACTIVATION_PRELU };
    for (int first = 0; first < 2; first++) {
        CHECK (gated (sigmoid, first, false, false, NULL) == ACTIVATION_SILU, "sigmoid %d", first);
        CHECK (gated (hard, first, false, false, NULL) == ACTIVATION_HARD_SWISH, "hard-sigmoid %d", first);
        CHECK (gated (keras, first, false, false, NULL) == ACTIVATION_NONE, "Keras's hard-sigmoid %d", first);
        CHECK (gated (tanh_, first, false, false, NULL) == ACTIVATION_NONE, "tanh %d", first);
        CHECK (gated (sigmoid, first, true, false, NULL) == ACTIVATION_NONE, "a gate with two uses");
        CHECK (gated (sigmoid, first, false, true, NULL) == ACTIVATION_NONE, "a gate with a tap");
        CHECK (gated (sigmoid, first, false, false, &gelu) == ACTIVATION_GELU, "replaced");
        CHECK (gated (hard, first, false, false, &gelu) == ACTIVATION_GELU, "replaced");
        CHECK (gated (sigmoid, first, false, false, &prelu) == ACTIVATION_SILU, "not replaced by prelu");
    }
    struct builder b = builder_new (1, 6, 9, 7);
    int x = build_relu (&b, build_square (&b, 0, 6, 3, 1, 1));
    int squeezed = build_relu (&b, build_linear (&b, graph_global_pool (b.g, NULL, x, POOL_AVERAGE), 3));
    int gate = graph_activation (b.g, NULL, build_linear (&b, squeezed, 6), sigmoid);
    graph_output (b.g, build_activation (&b, graph_mul (b.g, NULL, x, gate), prelu));
    struct layers layers = simplified (&b, -1, &gelu, "squeeze and excite, replaced");
    if (CHECK (layers.count == 5, "%d layers", layers.count)) {
        CHECK (layers.list[0].activation.kind == ACTIVATION_GELU, "in front");
        CHECK (layers.list[2].activation.kind == ACTIVATION_GELU, "squeezed");
        CHECK (layers.list[3].activation.kind == ACTIVATION_SIGMOID, "the gate stays");
        CHECK (layers.list[4].operation == OPERATION_MUL, "the product");
        CHECK (layers.list[4].activation.kind == ACTIVATION_GELU && !layers.list[4].slope, "prelu is replaced");
    }
    layers_free (&layers);
    layers = simplified (&b, -1, &prelu, "squeeze and excite, prelu");
    CHECK (layers.count == 5 && layers.list[0].activation.kind == ACTIVATION_RELU && layers.list[4].slope, "kept");
    layers_free (&layers);
    graph_unref (b.g);
}

/* ---- extremes ------------------------------------------------------------------------------------------------ */

static void check_extremes (void)
{
    check_group ("long chains and short memory");
    struct builder b = builder_new (1, 3, 2, 2);
    struct graph *g = b.g;
    int x = 0;
    float scale[3] = { 1, 1, -1 };
    for (int i = 0; i < 9999; i++)
        x = graph_activation (g, NULL, graph_affine (g, NULL, x, scale, NULL),
                              (struct activation) { .kind = ACTIVATION_RELU });
    graph_output (g, x);
    becomes (&b, -1, 9999, "affine and relu, 9999 times");
    graph_unref (g);
    b = builder_new (1, 3, 2, 2);
    for (x = 0; x < 19998;)
        x = graph_add (b.g, NULL, x, x ? x - 1 : 0);
    graph_output (b.g, x);
    struct layers layers;
    bool *pinned = calloc (20000, 1);
    CHECK (simplify (b.g, pinned, NULL, &layers), "nothing pinned");
    CHECK (layers.count == 0, "nothing pinned: %d layers", layers.count);
    layers_free (&layers);
    pinned[x] = true;
    CHECK (simplify (b.g, pinned, NULL, &layers), "a ladder");
    CHECK (layers.count == 19997, "a ladder, of which only the last rung joins its neighbour: %d layers", layers.count);
    layers_free (&layers);
    graph_unref (b.g);
    free (pinned);
    if (!allocations_counted ()) {
        SKIP ("allocations are not counted under sanitizers or without glibc");
        return;
    }
    b = random_graph (5, 40);
    pinned = pins (&b, true);
    bool failed = true;
    for (long good = 0; failed && good < 1000; good++) {
        allocations_fail_after (good);
        bool made = simplify (b.g, pinned, NULL, &layers);
        failed = allocations_heal ();
        CHECK (made != failed && (layers.count > 0) == made, "after %ld allocations: %d", good, layers.count);
        layers_free (&layers);
    }
    CHECK (!failed, "still failing");
    free (pinned);
    graph_unref (b.g);
}

int main (void)
{
    check_chains ();
    check_residuals ();
    check_pads ();
    check_padded_pools ();
    check_gates ();
    check_extremes ();
    check_group ("random graphs");
    for (uint64_t seed = 0; seed < 300; seed++)
        one_random (seed);
    check_group ("random graphs, activations replaced");
    for (uint64_t seed = 0; seed < 100; seed++)
        one_replaced (seed);
    return check_end ();
}
