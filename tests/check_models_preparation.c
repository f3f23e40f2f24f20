/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_preparation.c: how a model's input is to be prepared: units of mean and std, what a .modelinfo says,
 * where each value came from. */
/* Tables leave out the fields that are zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include "tests/check_models.h"

#include "models/modelinfo.h"
#include "models/preparation.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* ---- units --------------------------------------------------------------------------------------------------- */

#define ALL(value)                                                                                                     \
    {                                                                                                                  \
        value, value, value                                                                                            \
    }

static void check_units (void)
{
    static const struct {
        const char *what;
        bool mean_given, std_given;
        float mean[COLOURS], std[COLOURS];
        bool multiplied;
        const char *remark; /* part of it; NULL: none */
    } cases[] = {
        { "nothing given", false, false, ALL (0), ALL (0), false, NULL },
        { "raw pixels", true, true, ALL (0), ALL (1), false, NULL },
        { "mean 0 alone", true, false, ALL (0), ALL (0), false, NULL },
        { "std 1 alone", false, true, ALL (0), ALL (1), false, NULL },
        { "halves", true, true, ALL (0.5f), ALL (0.5f), true, "mean 127.5, std 127.5" },
        { "ImageNet's fractions",
          true,
          true,
          { 0.485f, 0.456f, 0.406f },
          { 0.229f, 0.224f, 0.225f },
          true,
          "mean 0.485 0.456 0.406, std 0.229 0.224 0.225" },
        { "their products",
          true,
          true,
          { 0.485f, 0.456f, 0.406f },
          { 0.229f, 0.224f, 0.225f },
          true,
          "by 255: mean 123.7 116.3 103.5, std 58.4 57.12 57.38" },
        { "mean as fractions, std 1", true, true, { 0.485f, 0.456f, 0.406f }, ALL (1), true, "std 255" },
        { "mean as fractions alone", true, false, { 0.485f, 0.456f, 0.406f }, ALL (0), true, "123.7" },
        { "a mean with a zero", true, false, { 0, 0.5f, 0 }, ALL (0), true, "0 127.5 0" },
        { "a negative mean", true, true, ALL (-0.5f), ALL (0.5f), true, "-127.5" },
        { "std as fractions alone", false, true, ALL (0), ALL (0.5f), true, "std 0.5: " },
        { "1 / 255 alone", false, true, ALL (0), ALL (0.00392157f), true, "255: std 1" },
        { "mean 0, std 1 / 255", true, true, ALL (0), ALL (0.00392157f), true, "std 1" },
        { "mean 0, std 0.5", true, true, ALL (0), ALL (0.5f), true, "127.5" },
        { "ImageNet's of pixels",
          true,
          true,
          { 123.675f, 116.28f, 103.53f },
          { 58.395f, 57.12f, 57.375f },
          false,
          NULL },
        { "Caffe's", true, true, { 104, 117, 123 }, ALL (1), false, NULL },
        { "0 and 255", true, true, ALL (0), ALL (255), false, NULL },
        { "one large number", true, true, { 0.5f, 0.5f, 100 }, { 1, 2, 1 }, false, NULL },
        { "std with one above 1", false, true, ALL (0), { 0.5f, 1, 2 }, false, NULL },
        { "small mean, large std", true, true, ALL (0.5f), ALL (127.5f), false, "mean 0.5, std 127.5" },
        { "a factor for a std", true, true, { 103.94f, 116.78f, 123.68f }, ALL (0.017f), false, "std 0.017" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float mean[COLOURS], std[COLOURS], factor = cases[i].multiplied ? 255 : 1;
        struct error remark = { "left over" };
        memcpy (mean, cases[i].mean, sizeof mean);
        memcpy (std, cases[i].std, sizeof std);
        bool multiplied =
            preparation_to_pixels (cases[i].mean_given ? mean : NULL, cases[i].std_given ? std : NULL, &remark);
        CHECK (multiplied == cases[i].multiplied, "%s: %d", cases[i].what, multiplied);
        CHECK (cases[i].remark ? strstr (remark.text, cases[i].remark) != NULL : !remark.text[0], "%s: '%s'",
               cases[i].what, remark.text);
        for (int c = 0; c < COLOURS; c++)
            CHECK (mean[c] == cases[i].mean[c] * factor && std[c] == cases[i].std[c] * factor,
                   "%s: channel %d: mean %g, std %g", cases[i].what, c, (double)mean[c], (double)std[c]);
    }
}

/* ---- .modelinfo ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *what, *text; /* of the section [pixels] */
    const char *notice;      /* part of the only one, or NULL: none */
    const char *wrong;       /* part of the error, or NULL: it is good, and: */
    float mean[COLOURS], std[COLOURS];
    enum channel_order order;
} info_cases[] = {
    { "commas", "mean=100,50,25\nstd=2,4,8\n", NULL, NULL, { 100, 50, 25 }, { 2, 4, 8 }, CHANNEL_ORDER_RGB },
    { "semicolons", "means=100;50;25;\nstds=2;4;8;\n", NULL, NULL, { 100, 50, 25 }, { 2, 4, 8 }, CHANNEL_ORDER_RGB },
    { "blanks", "mean = 100 50  25\nstd = 2 4 8\n", NULL, NULL, { 100, 50, 25 }, { 2, 4, 8 }, CHANNEL_ORDER_RGB },
    { "brackets", "mean=[100, 50, 25]\nstd=(2, 4, 8)\n", NULL, NULL, { 100, 50, 25 }, { 2, 4, 8 }, CHANNEL_ORDER_RGB },
    { "one for all", "mean=100\nstd=2\n", NULL, NULL, ALL (100), ALL (2), CHANNEL_ORDER_RGB },
    { "mean alone", "mean=100\n", NULL, NULL, ALL (100), { 4, 5, 6 }, CHANNEL_ORDER_RGB },
    { "a factor", "mean=100\nscale=0.25\n", NULL, NULL, ALL (100), ALL (4), CHANNEL_ORDER_RGB },
    { "1 / 255 as a factor", "mean=0\nscale=0.0039215686\n", NULL, NULL, ALL (0), ALL (255), CHANNEL_ORDER_RGB },
    { "raw pixels", "mean=0\nstd=1\n", NULL, NULL, ALL (0), ALL (1), CHANNEL_ORDER_RGB },
    { "fractions", "mean=0.5\nstd=0.25\n", "mean 127.5, std 63.75", NULL, ALL (127.5f), ALL (63.75f),
      CHANNEL_ORDER_RGB },
    { "other case", "order=BGR\nmean=9\nstd=9\n", NULL, NULL, ALL (9), ALL (9), CHANNEL_ORDER_BGR },
    { "the order alone", "format=bgr\n", NULL, NULL, { 3, 2, 1 }, { 6, 5, 4 }, CHANNEL_ORDER_BGR },
    { "an unknown key", "mode=fast\nmean=9\nstd=9\n", "'mode' of [pixels]", NULL, ALL (9), ALL (9), CHANNEL_ORDER_RGB },
    { "two of them", "mode=fast\nmaen=1\n", "'mode' (and others)", NULL, { 1, 2, 3 }, { 4, 5, 6 }, CHANNEL_ORDER_RGB },
    { "GStreamer's keys", "id=x\ntype=uint8\ndims=-1,3,4,4\ndir=input\n", NULL, NULL, { 1, 2, 3 }, { 4, 5, 6 }, 0 },
    { "its own size", "size=4x4\nwidth=4\nheight=4\n", NULL, NULL, { 1, 2, 3 }, { 4, 5, 6 }, CHANNEL_ORDER_RGB },
    { "another size",
      "size=64x48\n",
      "says 64 x 48 pixels, but the network takes 4 x 4",
      NULL,
      { 1, 2, 3 },
      { 4, 5, 6 },
      0 },
    { "another in dims", "dims=1,9,7,3\n", "says 7 x 9", NULL, { 1, 2, 3 }, { 4, 5, 6 }, CHANNEL_ORDER_RGB },
    { "dims of the last first",
      "dims=7,9,3,1\ndims-order=col-major\n",
      "says 7 x 9",
      NULL,
      { 1, 2, 3 },
      { 4, 5, 6 },
      0 },
    { "dims of a vector", "dims=-1,1000\n", NULL, NULL, { 1, 2, 3 }, { 4, 5, 6 }, CHANNEL_ORDER_RGB },
    { "two numbers", "mean=1,2\n", NULL, "mean '1,2' is not one or 3 numbers" },
    { "four numbers", "std=1,2,3,4\n", NULL, "std '1,2,3,4'" },
    { "no number", "mean=\n", NULL, "mean ''" },
    { "words", "mean=imagenet\n", NULL, "mean 'imagenet'" },
    { "no number at all", "mean=nan\n", NULL, "mean 'nan'" },
    { "infinite", "mean=1e999\n", NULL, "mean '1e999'" },
    { "std 0", "std=1,0,1\n", NULL, "positive numbers" },
    { "a negative std", "std=-1\n", NULL, "positive numbers" },
    { "scale 0", "scale=0\n", NULL, "scale '0'" },
    { "std and scale", "std=2\nscale=2\n", NULL, "both std and scale" },
    { "ranges and mean", "ranges=0,1\nmean=2\n", NULL, "both ranges and mean" },
    { "an order that is none", "order=NCHW\n", NULL, "order 'NCHW'" },
    { "size 0", "size=0\n", NULL, "size '0'" },
    { "three sides", "size=1x2x3\n", NULL, "size '1x2x3'" },
    { "a huge width", "width=99999999999\n", NULL, "width '99999999999'" },
    { "half a pixel", "height=1.5\n", NULL, "height '1.5'" },
    { "dims of words", "dims=batch,3,4,4\n", NULL, "dims 'batch,3,4,4'" },
};

static void check_info (size_t i)
{
    struct input_spec spec = { .channels = 3, .height = 4, .width = 4, .mean = { 1, 2, 3 }, .std = { 4, 5, 6 } };
    struct error error = { "" };
    struct notices notices = { .count = 0 };
    struct modelinfo *info = NULL;
    const char *path = scratch_path ("p.modelinfo"), *what = info_cases[i].what, *wrong = info_cases[i].wrong;
    char text[512];
    snprintf (text, sizeof text, "[modelinfo]\nversion=1.0\n[pixels]\n%s", info_cases[i].text);
    bool good = write_file (path, text, strlen (text)) && modelinfo_open (path, &info, &error) &&
                modelinfo_apply (info, "pixels", &spec, &notices, &error);
    modelinfo_close (info);
    CHECK (wrong ? !good && strstr (error.text, wrong) && strstr (error.text, "p.modelinfo: ") : good, "%s: '%s'", what,
           error.text);
    if (wrong)
        return;
    CHECK (notices.count == (info_cases[i].notice != NULL), "%s: %d notices: %s", what, notices.count,
           notices.list[0].text);
    CHECK (!info_cases[i].notice ||
               (strstr (notices.list[0].text, info_cases[i].notice) && strstr (notices.list[0].text, "p.modelinfo: ")),
           "%s: %s", what, notices.list[0].text);
    for (int c = 0; c < COLOURS; c++)
        CHECK (fabsf (spec.mean[c] - info_cases[i].mean[c]) < 1e-3f &&
                   fabsf (spec.std[c] - info_cases[i].std[c]) < 1e-3f,
               "%s: channel %d: mean %g, std %g", what, c, (double)spec.mean[c], (double)spec.std[c]);
    CHECK (spec.order == info_cases[i].order, "%s: order %d", what, spec.order);
}

/* What becomes of a size that the network leaves open. */
static void check_open_sizes (void)
{
    static const struct {
        const char *dims, *info;
        int height, width, notices;
        enum input_origin origin;
    } cases[] = {
        { "1 3 ? ?", NULL, 224, 224, 0, ORIGIN_DEFAULT },
        { "1 3 ? ?", "[pixels]\nmean=100\n", 224, 224, 0, ORIGIN_DEFAULT },
        { "1 3 ? ?", "[pixels]\nsize=64x48\n", 48, 64, 0, ORIGIN_SIDE_FILE },
        { "1 3 ? ?", "[pixels]\nwidth=64\nheight=48\n", 48, 64, 0, ORIGIN_SIDE_FILE },
        { "? 3 ? ?", "[pixels]\ndims=-1,3,48,64\n", 48, 64, 0, ORIGIN_SIDE_FILE },
        { "? 3 ? ?", "[other]\ndir=input\nsize=64\n", 64, 64, 0, ORIGIN_SIDE_FILE },
        { "1 3 32 ?", "[pixels]\nsize=64x48\n", 32, 64, 1, ORIGIN_SIDE_FILE },
        { "1 3 32 32", "[pixels]\nsize=64x48\n", 32, 32, 1, ORIGIN_FILE },
        { "1 3 32 32", NULL, 32, 32, 0, ORIGIN_FILE },
        { "1 3 32 32", "[a]\nsize=64\n[b]\nsize=64\n", 32, 32, 1, ORIGIN_FILE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = scratch_path ("open.onnx"), *beside = scratch_path ("open.modelinfo");
        struct error error = { "" };
        struct onnx o = onnx_new (13);
        onnx_input (&o, "pixels", cases[i].dims);
        onnx_node (&o, "GlobalAveragePool", "pixels", "mean", "");
        onnx_output (&o, "mean", "1 3 1 1");
        onnx_finish (&o);
        CHECK (write_file (path, o.file.data, o.file.size), "%s", path);
        onnx_free (&o);
        if (cases[i].info)
            CHECK (write_file (beside, cases[i].info, strlen (cases[i].info)), "%s", beside);
        struct model *model = model_load (path, NULL, &error);
        if (CHECK (model != NULL, "%zu: %s", i, error.text)) {
            const struct input_spec *in = model_input (model);
            CHECK (in->height == cases[i].height && in->width == cases[i].width && in->from.size == cases[i].origin,
                   "%zu: %d x %d from %d", i, in->width, in->height, in->from.size);
            CHECK (model_notices (model) == cases[i].notices, "%zu: %d notices", i, model_notices (model));
        }
        model_unref (model);
        unlink (beside);
    }
}

static void check_words (void)
{
    struct input_spec spec = {
        .channels = 3, .height = 48, .width = 64, .mean = ALL (-0.0f), .std = { 58.4f, 57, 56 }
    };
    const char *wanted = "64 x 48 (default, the file leaves it open), RGB (default), mean 0 (ImageNet's, nothing says "
                         "otherwise), std 58.4 57 56 (ImageNet's, nothing says otherwise)";
    CHECK (!strcmp (input_spec_words (&spec).text, wanted), "%s", input_spec_words (&spec).text);
    spec.order = CHANNEL_ORDER_BGR;
    spec.from = (struct input_origins) { ORIGIN_FILE, ORIGIN_SIDE_FILE, ORIGIN_PROPERTY, ORIGIN_FILE };
    wanted = "64 x 48 (file), BGR (file), mean 0 (side file), std 58.4 57 56 (property)";
    CHECK (!strcmp (input_spec_words (&spec).text, wanted), "%s", input_spec_words (&spec).text);
    spec.channels = 1;
    spec.from.mean = ORIGIN_DEFAULT;
    wanted = "64 x 48 (file), luma (file), mean 0 (0 to 1, nothing says otherwise), std 58.4 (property)";
    CHECK (!strcmp (input_spec_words (&spec).text, wanted), "%s", input_spec_words (&spec).text);
    spec.channels = 4;
    spec.std[3] = 255;
    wanted = "64 x 48 (file), BGR and alpha (file), mean 0 (ImageNet's, nothing says otherwise), std 58.4 57 56 255 "
             "(property)";
    CHECK (!strcmp (input_spec_words (&spec).text, wanted), "%s", input_spec_words (&spec).text);
}

void check_preparation (void)
{
    check_group ("units of mean and std");
    check_units ();
    check_group ("what a .modelinfo says");
    for (size_t i = 0; i < sizeof info_cases / sizeof info_cases[0]; i++)
        check_info (i);
    check_open_sizes ();
    check_words ();
}
