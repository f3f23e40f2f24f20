/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_spatial.c: Resize, pixels out of channels and back, and transposed convolutions. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include <string.h>

enum { CHANNELS = 12, HEIGHT = 3, WIDTH = 5, PIXELS = HEIGHT * WIDTH, COUNT = CHANNELS * PIXELS };
#define DIMS "1 12 3 5"

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static struct model *load (const char *what, const struct line *lines)
{
    struct error error = { "" };
    struct onnx o = onnx_new (13);
    const char *path = scratch_path ("sizes.onnx");
    onnx_input (&o, "x", DIMS);
    onnx_floats (&o, "twice", "4", (const float[]) { 1, 1, 2, 2 });
    onnx_floats (&o, "half_more", "4", (const float[]) { 1, 1, 1, 1.5f });
    onnx_floats (&o, "twice_last", "4", (const float[]) { 1, 2, 2, 1 });
    onnx_lines (&o, lines);
    onnx_output (&o, "y", "1");
    struct model *model = load_onnx (path, &o, &error);
    CHECK (model != NULL, "%s: %s", what, error.text);
    return model;
}

static bool moves_channels (const struct model *model)
{
    bool moves = false;
    for (int i = 0; i < graph_tensors (model_graph (model)); i++)
        moves |= !strcmp (graph_tensor (model_graph (model), i).operation, "pick");
    return moves;
}

/* By 1.5 of 5 there are 7 columns, whose middle is that of the 5: x (i) = 2.5 (1 - 7 / 7.5) + (i + 0.5) / 1.5 - 0.5. */
static void check_resize_symmetric (void)
{
    static const struct line lines[] = {
        { "Resize", "x - half_more", "y", "mode=linear coordinate_transformation_mode=half_pixel_symmetric" }, { NULL }
    };
    enum { OUT = 7 };
    float input[COUNT], expected[CHANNELS * HEIGHT * OUT];
    fill (input, COUNT, 77);
    for (int line = 0; line < CHANNELS * HEIGHT; line++) {
        for (int i = 0; i < OUT; i++) {
            double at = 2.5 * (1 - 7 / 7.5) + (i + 0.5) / 1.5 - 0.5, inside = at < 0           ? 0
                                                                              : at > WIDTH - 1 ? WIDTH - 1
                                                                                               : at;
            int first = inside < WIDTH - 1 ? (int)inside : WIDTH - 2;
            const float *from = input + line * WIDTH + first;
            expected[line * OUT + i] =
                (float)((double)from[0] + (inside - first) * ((double)from[1] - (double)from[0]));
        }
    }
    struct model *model = load ("Resize about the middle", lines);
    if (model)
        check_scores ("Resize about the middle", model, input, expected, (size_t)(CHANNELS * HEIGHT * OUT), 1e-6);
    model_unref (model);
}

/* Nearest of channels last, there and back: the same as of channels first. */
static void check_resize_last (void)
{
    static const struct line lines[] = { { "Transpose", "x", "t", "perm=0,2,3,1" },
                                         { "Resize", "t - twice_last", "u",
                                           "coordinate_transformation_mode=asymmetric nearest_mode=floor" },
                                         { "Transpose", "u", "y", "perm=0,3,1,2" },
                                         { NULL } };
    float input[COUNT], expected[4 * COUNT];
    fill (input, COUNT, 76);
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < 2 * HEIGHT; y++)
            for (int x = 0; x < 2 * WIDTH; x++)
                expected[(c * 2 * HEIGHT + y) * 2 * WIDTH + x] = input[(c * HEIGHT + y / 2) * WIDTH + x / 2];
    struct model *model = load ("Resize of channels last", lines);
    if (model) {
        check_scores ("Resize of channels last", model, input, expected, (size_t)(4 * COUNT), 0);
        CHECK (!moves_channels (model), "channels are moved");
    }
    model_unref (model);
    /* every block's pixels into channels and back again */
    static const struct line around[] = { { "Resize", "x - twice", "r", "mode=nearest" },
                                          { "SpaceToDepth", "r", "d", "blocksize=2" },
                                          { "DepthToSpace", "d", "y", "blocksize=2" },
                                          { NULL } };
    model = load ("there and back", around);
    if (model)
        check_scores ("there and back", model, input, expected, (size_t)(4 * COUNT), 0);
    model_unref (model);
}

/* ---- transposed convolution -------------------------------------------------------------------------------------- */

struct transposed {
    const char *what, *attributes, *dims;                                   /* of the weights */
    int outputs, kernel[2], stride[2], dilation[2], pad[2], out[2], groups; /* pads in front */
};

/* Every input number adds its weights to the output. x is 1 x 12 x 3 x 5. */
static void expect_transposed (const struct transposed *t, const float *x, const float *w, const float *bias, float *to)
{
    int per = t->outputs / t->groups, inputs = CHANNELS / t->groups;
    double all[4096] = { 0 };
    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < PIXELS; i++)
            for (int o = 0; o < per; o++)
                for (int k = 0; k < t->kernel[0] * t->kernel[1]; k++) {
                    int y = i / WIDTH * t->stride[0] + k / t->kernel[1] * t->dilation[0] - t->pad[0];
                    int z = i % WIDTH * t->stride[1] + k % t->kernel[1] * t->dilation[1] - t->pad[1];
                    if (y < 0 || y >= t->out[0] || z < 0 || z >= t->out[1])
                        continue;
                    all[((c / inputs * per + o) * t->out[0] + y) * t->out[1] + z] +=
                        (double)x[c * PIXELS + i] * (double)w[(c * per + o) * t->kernel[0] * t->kernel[1] + k];
                }
    for (int i = 0; i < t->outputs * t->out[0] * t->out[1]; i++)
        to[i] = (float)(all[i] + (double)bias[i / (t->out[0] * t->out[1])]);
}

static void check_transposed (void)
{
    float bias[16];
    static const struct transposed cases[] = {
        { "plain", "", "12 4 3 3", 4, { 3, 3 }, { 1, 1 }, { 1, 1 }, { 0, 0 }, { 5, 7 }, 1 },
        { "stride 2", "strides=2,2", "12 4 2 2", 4, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0 }, { 6, 10 }, 1 },
        { "16 outputs",
          "strides=2,2 pads=1,1,1,1",
          "12 16 4 4",
          16,
          { 4, 4 },
          { 2, 2 },
          { 1, 1 },
          { 1, 1 },
          { 6, 10 },
          1 },
        { "output padding",
          "strides=2,3 pads=1,0,1,0 output_padding=1,2",
          "12 4 3 3",
          4,
          { 3, 3 },
          { 2, 3 },
          { 1, 1 },
          { 1, 0 },
          { 6, 17 },
          1 },
        { "dilated", "strides=2,1 dilations=2,3", "12 2 3 2", 2, { 3, 2 }, { 2, 1 }, { 2, 3 }, { 0, 0 }, { 9, 8 }, 1 },
        { "kernel below stride", "strides=3,3", "12 4 2 1", 4, { 2, 1 }, { 3, 3 }, { 1, 1 }, { 0, 0 }, { 8, 13 }, 1 },
        { "in groups",
          "group=3 strides=2,2 pads=0,1,1,0",
          "12 2 3 3",
          6,
          { 3, 3 },
          { 2, 2 },
          { 1, 1 },
          { 0, 1 },
          { 6, 10 },
          3 },
        { "depthwise", "group=12 strides=2,2", "12 1 2 2", 12, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0 }, { 6, 10 }, 12 },
        { "of a size",
          "strides=2,2 output_shape=6,10",
          "12 4 3 3",
          4,
          { 3, 3 },
          { 2, 2 },
          { 1, 1 },
          { 1, 1 },
          { 6, 10 },
          1 },
        { "SAME_UPPER",
          "strides=2,2 auto_pad=SAME_UPPER",
          "12 4 3 3",
          4,
          { 3, 3 },
          { 2, 2 },
          { 1, 1 },
          { 0, 0 },
          { 6, 10 },
          1 },
    };
    float input[COUNT], weights[12 * 16 * 16], expected[4096];
    fill (input, COUNT, 77);
    fill (weights, sizeof weights / sizeof *weights, 78);
    fill (bias, 16, 70);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct error error = { "" };
        struct onnx o = onnx_new (11);
        char outputs[16];
        const char *path = scratch_path ("transposed.onnx");
        snprintf (outputs, sizeof outputs, "%d", cases[k].outputs);
        onnx_input (&o, "x", DIMS);
        onnx_floats (&o, "w", cases[k].dims, weights);
        onnx_floats (&o, "b", outputs, bias);
        onnx_node (&o, "ConvTranspose", "x w b", "y", cases[k].attributes);
        onnx_output (&o, "y", "1");
        struct model *model = load_onnx (path, &o, &error);
        expect_transposed (&cases[k], input, weights, bias, expected);
        if (CHECK (model != NULL, "%s: %s", cases[k].what, error.text))
            check_scores (cases[k].what, model, input, expected,
                          (size_t)(cases[k].outputs * cases[k].out[0] * cases[k].out[1]), 2e-6);
        model_unref (model);
    }
}

void check_spatial (void)
{
    check_group ("sizes");
    check_resize_last ();
    check_resize_symmetric ();
    check_transposed ();
}
