/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_cases.c: the small networks out of bug reports give the answers that came with them. */
#include "tests/check_models.h"

#include "models/npy.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    "01-computed-pads/zeropad",
    "02-gather-from-image/transform_input",
    "03-expand/se_expand_as",
    "04-conv1d/eca_conv1d",
    "06-one-channel/mnist_cntk",
    "07-nhwc-with-something-first/nhwc_cast_before",
    "07-nhwc-with-something-first/nhwc_rescale_before_transpose",
    "08-uint8-input/nhwc_uint8_cast",
    "09-open-channels/dyn_channel_only",
    "11-float64/double_weights_cast",
    "12-log-softmax/log_softmax",
    "13-matmul-4d/keras_dense_nhwc",
    "14-lrn/lrn_alexnet",
    "15-pow-gem/gem_pool",
    "16-other-operators/coord_attention",
    "16-other-operators/group_norm",
    "16-other-operators/l2_normalize",
    "16-other-operators/softplus",
};

static bool read_array (const char *name, const char *suffix, struct npy *array)
{
    char path[1100];
    struct error error = { "" };
    snprintf (path, sizeof path, "%s/%s.%s.npy", check_cases (), name, suffix);
    return CHECK (npy_read (path, array, &error), "%s", error.text);
}

/* [pixels][channels] -> [channels][pixels]. */
static void channels_first (float *data, int channels, size_t pixels)
{
    float *copy = malloc (pixels * (size_t)channels * sizeof *copy);
    memcpy (copy, data, pixels * (size_t)channels * sizeof *copy);
    for (size_t p = 0; p < pixels; p++) {
        for (int c = 0; c < channels; c++)
            data[(size_t)c * pixels + p] = copy[p * (size_t)channels + (size_t)c];
    }
    free (copy);
}

static void check_case (const char *name)
{
    char path[1100];
    struct error error = { "" };
    struct npy in = { 0 }, expected = { 0 };
    snprintf (path, sizeof path, "%s/%s.onnx", check_cases (), name);
    struct model *model = model_load (path, NULL, &error);
    if (CHECK (model != NULL, "%s", error.text) && read_array (name, "in", &in) &&
        read_array (name, "ref", &expected)) {
        struct tensor_info t = graph_tensor (model_graph (model), 0);
        if (model_input (model)->channels_last && in.count < 1 << 20)
            channels_first (in.data, t.channels, (size_t)t.height * (size_t)t.width);
        if (CHECK (in.count == (size_t)t.channels * (size_t)t.height * (size_t)t.width, "%s: %zu numbers", name,
                   in.count))
            check_scores (name, model, in.data, expected.data, expected.count, 1e-5);
    }
    npy_clear (&in);
    npy_clear (&expected);
    model_unref (model);
}

void check_case_files (void)
{
    check_group ("case files");
    if (!check_cases ()) {
        SKIP ("no case files");
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_case (names[i]);
}
