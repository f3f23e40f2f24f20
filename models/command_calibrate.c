/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_calibrate.c: `convrelu calibrate`: pictures or drawings through the network, and what ranges its tensors have
 * into a file. */
#include "models/command.h"

#include "models/precision.h"
#include "models/ranges_file.h"

#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FEW_PICTURES = 8 };

/* What pictures become the input. */
struct shown {
    const struct model *model;
    struct pictures pictures;
    float **arrays; /* [array_count] of the input's shape */
    int array_count;
};

static bool show (void *data, int index, float *input, struct error *error)
{
    const struct shown *shown = data;
    const struct input_spec *spec = model_input (shown->model);
    size_t pixels = (size_t)spec->height * (size_t)spec->width;
    (void)error;
    if (index < shown->array_count)
        memcpy (input, shown->arrays[index], pixels * (size_t)spec->channels * sizeof *input);
    else
        calibrate_prepare (spec, shown->pictures.rgb + (size_t)(index - shown->array_count) * 3 * pixels, input);
    return true;
}

bool command_tell_runs (void *data, int done, int runs)
{
    (void)data;
    if (isatty (STDERR_FILENO))
        fprintf (stderr, done == runs ? "\r\33[K" : "\rrun %d of %d", done, runs);
    return true;
}

static bool load_picture (struct shown *shown, const char *path)
{
    const struct input_spec *spec = model_input (shown->model);
    if (!g_str_has_suffix (path, ".npy")) {
        if (spec->channels == 1 || spec->channels == 3 || spec->channels == 4)
            return command_decode (path, spec->width, spec->height, &shown->pictures);
        complain ("%s: %s takes no pictures: its input has %d channels", path, model_path (shown->model),
                  spec->channels);
        return false;
    }
    struct npy array;
    if (!command_read_array (path, shown->model, &array))
        return false;
    shown->arrays = g_renew (float *, shown->arrays, shown->array_count + 1);
    shown->arrays[shown->array_count++] = array.data;
    return true;
}

static void shown_clear (struct shown *shown)
{
    for (int i = 0; i < shown->array_count; i++)
        free (shown->arrays[i]);
    g_free (shown->arrays);
    free (shown->pictures.rgb);
}

static void merge (struct ranges *to, const struct ranges *from)
{
    float low, high;
    for (int id = 0; id < ranges_tensors (to); id++) {
        if (ranges_get (to, id, &low, &high) && ranges_get (from, id, &low, &high))
            ranges_widen (to, id, low, high);
    }
}

/* From the drawings, with this margin (0: theirs). NULL: it was said why. */
static struct ranges *from_drawings (const struct settings *settings, const struct model *model, float margin)
{
    struct error error = { "" };
    struct calibration how = {
        .threads = settings->threads,
        .isa = settings->isa,
        .seconds = settings->most_seconds,
        .go_on = command_tell_runs,
        .margin = margin,
    };
    struct ranges *ranges = calibrate (model, &how, &error);
    if (!ranges)
        complain ("%s", error.text);
    return ranges;
}

/* What is compared of pictures: the means of 8 x 8 blocks of an input's first channel. */
enum { BLOCKS = 8 };

static void signature (const struct input_spec *spec, const float *input, float means[BLOCKS * BLOCKS])
{
    int counts[BLOCKS * BLOCKS] = { 0 };
    memset (means, 0, BLOCKS * BLOCKS * sizeof *means);
    for (int y = 0; y < spec->height; y++)
        for (int x = 0; x < spec->width; x++) {
            int block = y * BLOCKS / spec->height * BLOCKS + x * BLOCKS / spec->width;
            means[block] += input[(size_t)y * (size_t)spec->width + (size_t)x];
            counts[block]++;
        }
    for (int b = 0; b < BLOCKS * BLOCKS; b++)
        means[b] /= (float)MAX (counts[b], 1);
}

/* The mean difference of two signatures, or, b NULL, of one from its own mean. */
static float apart (const float *a, const float *b)
{
    float sum = 0, mean = 0;
    for (int i = 0; i < BLOCKS * BLOCKS; i++)
        mean += a[i] / (BLOCKS * BLOCKS);
    for (int i = 0; i < BLOCKS * BLOCKS; i++)
        sum += fabsf (a[i] - (b ? b[i] : mean)) / (BLOCKS * BLOCKS);
    return sum;
}

/* How many pictures are neither flat nor like one before: black frames, or one frame many times, show no ranges. Flat
 * and alike: within 1/64 of the first channel's numbers over all pictures. */
static int telling_pictures (const struct input_spec *spec, const struct calibration *how)
{
    float *input = g_new (float, (gsize)spec->channels *(gsize)spec->height *(gsize)spec->width);
    float *all = g_new (float, (gsize)how->pictures *BLOCKS *BLOCKS), low = INFINITY, high = -INFINITY;
    struct error ignored;
    int telling = 0;
    for (int i = 0; i < how->pictures && how->picture (how->data, i, input, &ignored); i++) {
        signature (spec, input, all + i * BLOCKS * BLOCKS);
        for (int k = 0; k < spec->height * spec->width; k++) {
            low = MIN (low, input[k]);
            high = MAX (high, input[k]);
        }
    }
    for (int i = 0; i < how->pictures && high > low; i++) {
        const float *own = all + i * BLOCKS * BLOCKS;
        bool tells = apart (own, NULL) > (high - low) / 64;
        for (int j = 0; j < i && tells; j++)
            tells = apart (own, all + j * BLOCKS * BLOCKS) > (high - low) / 64;
        telling += tells;
    }
    g_free (all);
    g_free (input);
    return telling;
}

/* *agreement: in dB, of int8's answers to the pictures; left alone where they tell too little. */
static struct ranges *from_pictures (const struct settings *settings, struct shown *shown, double *agreement)
{
    struct error error = { "" };
    struct calibration how = { .threads = settings->threads,
                               .isa = settings->isa,
                               .seconds = settings->most_seconds,
                               .pictures = shown->array_count + shown->pictures.count,
                               .picture = show,
                               .data = shown,
                               .go_on = command_tell_runs };
    struct ranges *ranges = calibrate (shown->model, &how, &error);
    int telling = ranges ? telling_pictures (model_input (shown->model), &how) : 0;
    if (!ranges) {
        complain ("%s", error.text);
    } else if (telling < FEW_PICTURES) {
        struct ranges *drawn = from_drawings (settings, shown->model, 1);
        complain ("note: %d pictures, of which %d are neither flat nor like another; with fewer than %d, ranges are "
                  "made to hold what drawings show, too",
                  how.pictures, telling, FEW_PICTURES);
        if (drawn)
            merge (ranges, drawn);
        ranges_free (drawn);
    } else {
        *agreement = precision_agreement (shown->model, ranges, &how);
    }
    return ranges;
}

void command_note_preparation (const struct model *model)
{
    if (!model_input (model)->given)
        complain (
            "note: nothing says how the input of %s is prepared, so ImageNet's mean and std are taken; if they are "
            "others, so are the ranges: name them in a .modelinfo beside it",
            model_path (model));
}

void command_note_precision (const struct model *model, const struct precision_report *report)
{
    if (!strcmp (report->ranges.text, precision_drawings))
        command_note_preparation (model);
    if (report->remark.text[0])
        complain ("note: %s", report->remark.text);
}

static bool calibrate_model (const struct settings *settings, const struct model *model)
{
    struct shown shown = { .model = model };
    struct error error = { "" };
    bool good = true;
    for (int i = 0; good && settings->pictures[i]; i++)
        good = load_picture (&shown, settings->pictures[i]);
    int count = shown.array_count + shown.pictures.count;
    if (good)
        command_note_preparation (model);
    double agreement = NAN; /* of drawings: looked at when it is loaded */
    struct ranges *ranges = !good                   ? NULL
                            : settings->pictures[0] ? from_pictures (settings, &shown, &agreement)
                                                    : from_drawings (settings, model, 0);
    char *made_from = settings->pictures[0] ? g_strdup_printf ("%d pictures", count) : g_strdup ("drawings");
    char *path = settings->output ? g_strdup (settings->output) : g_strconcat (settings->model, ".ranges", NULL);
    good = ranges && ranges_file_write (path, model, ranges, made_from, agreement, &error);
    if (good)
        printf ("%s: the ranges of %d tensors, from %s\n", path, ranges_known (ranges), made_from);
    if (good && agreement < PRECISION_LEAST_DB)
        complain ("note: with int8 its answers to them are only %.1f dB true to those of fp32; %.0f are needed, so "
                  "fp32 will be used",
                  agreement, PRECISION_LEAST_DB);
    else if (good && !isnan (agreement))
        printf ("with int8 its answers to them are %.1f dB true to those of fp32\n", agreement);
    if (ranges && !good)
        complain ("%s", error.text);
    g_free (path);
    g_free (made_from);
    ranges_free (ranges);
    shown_clear (&shown);
    return good;
}

int command_calibrate (const struct settings *settings)
{
    if (!settings->model && !settings->output)
        return complain ("calibrate: the built-in network lies in no folder: name a model, or a file by --output");
    struct model *model = command_model (settings);
    bool good = model && calibrate_model (settings, model);
    model_unref (model);
    return good ? EXIT_GOOD : EXIT_BAD;
}
