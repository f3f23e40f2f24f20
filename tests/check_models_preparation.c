/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check_models_preparation.c: how a model's input is to be prepared: units of mean and std, what a .modelinfo says, where
 * each value came from. */
#include "tests/check_models.h"

#include "models/preparation.h"

#include <math.h>
#include <string.h>

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

void check_preparation (void)
{
    check_group ("units of mean and std");
    check_units ();
}
