/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixed_filters.c: a small network whose filters are formulas: it has learned nothing, but its maps show what a first
 * convolution sees, and what ReLU makes of it.
 *
 *   input 3 -> edges: 16 filters of 7x7, stride 2 -> edges-relu -> pool 3x3, stride 2
 *           -> parts: 1x1, 14 combinations        -> parts-relu -> mean over the picture -> scores
 *
 * Filter maps of "edges", in order: light to dark across 4 directions, then dark to light (8); red-green, green-red,
 * yellow-blue, blue-yellow; light spot, dark spot; bright, dark. */
#include "models/model_private.h"

#include "models/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 7, AREA = SIZE * SIZE, EDGES = 16, PARTS = 14 };

static const char part_names[] = "vertical edge\nhorizontal edge\nrising edge\nfalling edge\ncorner\nred\ngreen\n"
                                 "yellow\nblue\nlight spot\ndark spot\nbright\ndark\ntexture\n";

/* What each part adds up: maps of "edges" with their weights. */
static const struct {
    int part, map;
    float weight;
} combinations[] = {
    { 0, 0, 1 },   { 0, 4, 1 },   { 1, 2, 1 },    { 1, 6, 1 },    { 2, 1, 1 },     { 2, 5, 1 },
    { 3, 3, 1 },   { 3, 7, 1 },   { 4, 0, 0.5f }, { 4, 4, 0.5f }, { 4, 2, 0.5f },  { 4, 6, 0.5f },
    { 5, 8, 2 },   { 6, 9, 2 },   { 7, 10, 2 },   { 8, 11, 2 },   { 9, 12, 2 },    { 10, 13, 2 },
    { 11, 14, 1 }, { 12, 15, 1 }, { 13, 12, 1 },  { 13, 13, 1 },  { 13, 1, 0.3f }, { 13, 3, 0.3f },
};

static float gauss (float y, float x, float sigma)
{
    return expf (-(y * y + x * x) / (2 * sigma * sigma));
}

/* Numbers of one sign add up to 1, those of the other to -1: the response is the same for every filter. */
static void balance (float *filter)
{
    float plus = 0, minus = 0;
    for (int i = 0; i < AREA; i++) {
        plus += filter[i] > 0 ? filter[i] : 0;
        minus -= filter[i] < 0 ? filter[i] : 0;
    }
    for (int i = 0; i < AREA; i++)
        filter[i] /= filter[i] > 0 ? plus : minus > 0 ? minus : 1;
}

/* The derivative of a Gaussian along a direction, 0: from left to right, 90: from top to bottom. */
static void draw_edge (float *filter, float degrees, float sign)
{
    float turn = degrees * (float)M_PI / 180;
    for (int i = 0; i < AREA; i++) {
        float y = (float)(i / SIZE - SIZE / 2), x = (float)(i % SIZE - SIZE / 2);
        filter[i] = -sign * (x * cosf (turn) + y * sinf (turn)) * gauss (y, x, 1.5f);
    }
    balance (filter);
}

/* A small Gaussian minus a wide one. */
static void draw_spot (float *filter, float sign)
{
    for (int i = 0; i < AREA; i++) {
        float y = (float)(i / SIZE - SIZE / 2), x = (float)(i % SIZE - SIZE / 2);
        filter[i] = sign * (gauss (y, x, 1) - gauss (y, x, 2) / 4);
    }
    balance (filter);
}

static void draw_mean (float *filter)
{
    for (int i = 0; i < AREA; i++)
        filter[i] = gauss ((float)(i / SIZE - SIZE / 2), (float)(i % SIZE - SIZE / 2), 1.5f);
    balance (filter);
}

/* weights [EDGES][3][SIZE][SIZE]: one picture in grey times one weight per colour. */
static void draw_filters (float *weights, float *bias)
{
    static const float grey[3] = { 0.299f, 0.587f, 0.114f };
    static const float opponents[4][3] = { { 1, -1, 0 }, { -1, 1, 0 }, { 0.5f, 0.5f, -1 }, { -0.5f, -0.5f, 1 } };
    for (int f = 0; f < EDGES; f++) {
        float picture[AREA];
        const float *colour = f >= 8 && f < 12 ? opponents[f - 8] : grey;
        float sign = 1;
        if (f < 8)
            draw_edge (picture, (float)(f % 4) * 45, f < 4 ? 1 : -1);
        else if (f == 12 || f == 13)
            draw_spot (picture, f == 12 ? 1 : -1);
        else
            draw_mean (picture);
        if (f == 15)
            sign = -1;
        for (int i = 0; i < 3 * AREA; i++)
            weights[f * 3 * AREA + i] = sign * colour[i / AREA] * picture[i % AREA];
        bias[f] = f < 8 || f == 12 || f == 13 ? -0.05f : -0.1f; /* nothing on even ground */
    }
}

static int build (struct graph *g, int height, int width)
{
    float weights[EDGES * 3 * AREA], bias[EDGES], parts[PARTS * EDGES] = { 0 }, threshold[PARTS] = { 0 }, gain[PARTS];
    draw_filters (weights, bias);
    for (size_t i = 0; i < sizeof combinations / sizeof combinations[0]; i++)
        parts[combinations[i].part * EDGES + combinations[i].map] = combinations[i].weight;
    for (int i = 0; i < PARTS; i++)
        gain[i] = 20;
    threshold[4] = -0.2f; /* a corner is where edges of two directions are, not one strong one */
    struct activation relu = { .kind = ACTIVATION_RELU };
    struct conv edges = { .out_channels = EDGES,
                          .kernel_h = SIZE,
                          .kernel_w = SIZE,
                          .stride_h = 2,
                          .stride_w = 2,
                          .pad_top = SIZE / 2,
                          .pad_left = SIZE / 2,
                          .pad_bottom = SIZE / 2,
                          .pad_right = SIZE / 2 };
    struct pool pool = { .kind = POOL_MAX,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1 };
    struct conv mix = { .out_channels = PARTS, .kernel_h = 1, .kernel_w = 1 };
    int x = graph_input (g, "input", 3, height, width);
    x = graph_conv (g, "edges", x, &edges, weights, bias);
    x = graph_activation (g, "edges-relu", x, relu);
    x = graph_pool (g, "pool", x, &pool);
    x = graph_conv (g, "parts", x, &mix, parts, threshold);
    x = graph_activation (g, "parts-relu", x, relu);
    x = graph_global_pool (g, "mean", x, POOL_AVERAGE);
    x = graph_affine (g, "scores", x, gain, NULL);
    return graph_output (g, x);
}

struct model *model_fixed_filters (int height, int width, struct error *error)
{
    const char *path = "(fixed filters)";
    struct graph *g = graph_new (NULL);
    if (!g || build (g, height, width) < 0) {
        report (error, "%s: %s", path, graph_error (g));
        graph_unref (g);
        return NULL;
    }
    struct labels labels;
    struct input_spec input = model_input_of_graph (g);
    input.from.size = ORIGIN_FILE;
    for (int c = 0; c < 3; c++)
        input.mean[c] = input.std[c] = 127.5f; /* -1..1 */
    if (labels_from_metadata (path, part_names, &labels, NULL))
        return model_of_graph (path, g, &labels, &input, error);
    report (error, "%s: no memory for its labels", path);
    graph_unref (g);
    return NULL;
}
