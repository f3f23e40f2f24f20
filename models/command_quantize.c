/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command_quantize.c: `convrelu quantize`: a network as an ONNX file of 8 bits, and beside it how its input is
 * prepared. */
#include "models/command.h"

#include "models/qdq.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What pixels become the input, for our own reader, which an ONNX file cannot say. A file that is there stays. */
static void write_preparation (const struct input_spec *spec, const char *output)
{
    if (!spec->given)
        return;
    char *path = g_strconcat (output, ".modelinfo", NULL);
    GString *text = g_string_new ("[modelinfo]\nversion = 1.0\n\n[input]\ndir = input\nranges = ");
    for (int c = 0; c < spec->channels && c < 4; c++) {
        char least[G_ASCII_DTOSTR_BUF_SIZE], most[G_ASCII_DTOSTR_BUF_SIZE];
        double mean = (double)spec->mean[c], std = (double)spec->std[c];
        g_string_append_printf (text, "%s%s,%s", c ? "; " : "",
                                g_ascii_formatd (least, sizeof least, "%.9g", -mean / std),
                                g_ascii_formatd (most, sizeof most, "%.9g", (255 - mean) / std));
    }
    g_string_append_printf (text, "\nchannel-order = %s\n", spec->order == CHANNEL_ORDER_BGR ? "bgr" : "rgb");
    if (access (path, F_OK) == 0)
        complain ("note: %s is there already and stays as it is", path);
    else if (g_file_set_contents (path, text->str, (gssize)text->len, NULL))
        printf ("%s: how its input is prepared\n", path);
    else
        complain ("note: %s, which would say how its input is prepared, cannot be written", path);
    g_string_free (text, TRUE);
    g_free (path);
}

static bool quantize_model (const struct settings *settings, const struct model *model)
{
    const struct plan_options options = { .threads = settings->threads, .isa = settings->isa };
    const struct precision_request request = { .ranges_file = settings->ranges, .go_on = command_tell_runs };
    struct precision_report report = { .used = PRECISION_INT8 };
    struct error error = { "" };
    struct qdq_file file;
    struct ranges *ranges = precision_ranges (model, &options, &request, &report, &error);
    command_note_precision (model, &report);
    bool good = ranges && qdq_write (model, ranges, settings->output, &file, &error);
    if (good) {
        printf ("%s: opset %d, %d tensors and the weights of %d layer%s in 8 bits; ranges from %s\n", settings->output,
                file.opset, file.tensors, file.layers, file.layers == 1 ? "" : "s", report.ranges.text);
        write_preparation (model_input (model), settings->output);
    } else {
        complain ("%s", error.text);
    }
    ranges_free (ranges);
    return good;
}

int command_quantize (const struct settings *settings)
{
    struct model *model = command_model (settings);
    bool good = model && quantize_model (settings, model);
    model_unref (model);
    return good ? EXIT_GOOD : EXIT_BAD;
}
