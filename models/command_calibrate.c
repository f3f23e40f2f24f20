/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_calibrate.c: `convrelu calibrate`: pictures or drawings through the network, and what ranges its tensors have
 * into a file. */
#include "models/command.h"

#include "models/calibrate.h"
#include "models/ranges_file.h"

#include <glib.h>
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
        .threads = settings->threads, .isa = settings->isa, .go_on = command_tell_runs, .margin = margin
    };
    struct ranges *ranges = calibrate (model, &how, &error);
    if (!ranges)
        complain ("%s", error.text);
    return ranges;
}

static struct ranges *from_pictures (const struct settings *settings, struct shown *shown)
{
    struct error error = { "" };
    struct calibration how = { .threads = settings->threads,
                               .isa = settings->isa,
                               .pictures = shown->array_count + shown->pictures.count,
                               .picture = show,
                               .data = shown,
                               .go_on = command_tell_runs };
    struct ranges *ranges = calibrate (shown->model, &how, &error);
    if (!ranges) {
        complain ("%s", error.text);
    } else if (how.pictures < FEW_PICTURES) {
        struct ranges *drawn = from_drawings (settings, shown->model, 1);
        complain ("note: %d of %d or more pictures; ranges are made to hold what drawings show, too", how.pictures,
                  FEW_PICTURES);
        if (drawn)
            merge (ranges, drawn);
        ranges_free (drawn);
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
    struct ranges *ranges = !good                   ? NULL
                            : settings->pictures[0] ? from_pictures (settings, &shown)
                                                    : from_drawings (settings, model, 0);
    char *made_from = settings->pictures[0] ? g_strdup_printf ("%d pictures", count) : g_strdup ("drawings");
    char *path = settings->output ? g_strdup (settings->output) : g_strconcat (settings->model, ".ranges", NULL);
    good = ranges && ranges_file_write (path, model, ranges, made_from, &error);
    if (good)
        printf ("%s: the ranges of %d tensors, from %s\n", path, ranges_known (ranges), made_from);
    else if (ranges)
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
