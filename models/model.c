/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c: a file on disk, or the bundled one -> a graph with its labels and the preparation of its input.
 *
 * Opens the model and, beside it, label and info files; nothing a file says makes it open another, but for an ONNX
 * model's external data in the same folder. */
#include "models/model_private.h"

#include "engine/work.h"
#include "models/bundled.h"
#include "models/file.h"
#include "models/labels.h"
#include "models/modelinfo.h"
#include "models/network.h"
#include "models/notices.h"
#include "models/onnx.h"
#include "models/report.h"
#include "models/safetensors.h"
#include "models/short_labels.h"

#include <errno.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_BYTES_MAX ((size_t)2 << 30) /* protobuf's own limit */

struct model {
    _Atomic int references;
    char *path;
    struct graph *graph;
    struct input_spec input;
    int output, classes; /* the graph's output that holds them; how many */
    struct score_rule scores;
    struct labels labels;
    char **numbered; /* [numbered_count] "class 17" of the classes without a label, else NULL */
    int numbered_count;
    struct notices notices;
    struct quantised quantised;
    bool features;    /* the output is what a classifier would be given */
    char **shortened; /* [numbered_count] of the classes whose short name is another than their label, else NULL */
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

struct model *model_ref (struct model *model)
{
    if (model)
        model->references++;
    return model;
}

void model_unref (struct model *model)
{
    if (!model || --model->references > 0)
        return;
    graph_unref (model->graph);
    labels_clear (&model->labels);
    for (int i = 0; i < model->numbered_count; i++)
        free (model->numbered[i]);
    free (model->numbered);
    short_labels_free (model->shortened, model->numbered_count);
    free (model->path);
    free (model);
}

/* ---- questions ----------------------------------------------------------------------------------------------- */

struct graph *model_graph (const struct model *model)
{
    return model->graph;
}

const char *model_path (const struct model *model)
{
    return model->path;
}

const struct input_spec *model_input (const struct model *model)
{
    return &model->input;
}

int model_notices (const struct model *model)
{
    return model->notices.count;
}

const char *model_notice (const struct model *model, int index)
{
    return model->notices.list[index].text;
}

struct quantised model_quantised (const struct model *model)
{
    return model->quantised;
}

int model_output (const struct model *model)
{
    return model->output;
}

/* All its numbers along one axis. */
static bool is_list (struct tensor_info t)
{
    return (t.channels > 1) + (t.height > 1) + (t.width > 1) <= 1;
}

bool model_is_classifier (const struct model *model, struct error *reason)
{
    struct tensor_info t = graph_tensor (model->graph, graph_output_id (model->graph, model->output));
    if (is_list (t) && !model->features)
        return true;
    if (model->features)
        return report (reason,
                       "%s: no classifier is in it, only what makes %d features of an image: there are no classes to "
                       "name; `convrelu run` gives the features",
                       report_path (model->path), model->classes);
    report (reason,
            "%s: its output '%.100s' is %d x %d x %d, no list of classes: the network is no classifier; `convrelu run` "
            "gives its numbers",
            report_path (model->path), t.name, t.channels, t.height, t.width);
    return false;
}

int model_classes (const struct model *model)
{
    return model->classes;
}

struct score_rule model_scores (const struct model *model, enum score_kind asked, const struct activation *replaced)
{
    struct score_rule rule = model->scores;
    if (asked != SCORES_AUTO) {
        rule.kind = asked;
        rule.unit = 1;
        scores_say_asked (&rule);
    } else if (rule.activation && replaced && replaced->kind != ACTIVATION_SIGMOID) {
        rule.kind = SCORES_SIGMOID;
        rule.unit = 1;
        scores_say_asked (&rule);
    }
    return rule;
}

const char *model_label (const struct model *model, int class_id)
{
    static _Thread_local char made[32]; /* classes far beyond any list: valid until the thread's next question */
    if (class_id >= 0 && class_id < model->labels.count && model->labels.names[class_id][0])
        return model->labels.names[class_id];
    if (class_id >= 0 && class_id < model->numbered_count && model->numbered[class_id])
        return model->numbered[class_id];
    snprintf (made, sizeof made, "class %d", class_id);
    return made;
}

const char *model_short_label (const struct model *model, int class_id)
{
    bool cut = class_id >= 0 && class_id < model->numbered_count && model->shortened[class_id];
    return cut ? model->shortened[class_id] : model_label (model, class_id);
}

/* ---- making one ---------------------------------------------------------------------------------------------- */

/* "class 17" for the classes that have no label, so that they stay valid as long as the model. */
static bool number_classes (struct model *model)
{
    const int most = 1 << 16;
    int count = model->classes < most ? model->classes : most;
    model->numbered = calloc ((size_t)count + 1, sizeof *model->numbered);
    if (!model->numbered)
        return false;
    model->numbered_count = count;
    for (int i = 0; i < count; i++) {
        if (i < model->labels.count && model->labels.names[i][0])
            continue;
        char text[32];
        snprintf (text, sizeof text, "class %d", i);
        if (!(model->numbered[i] = strdup (text)))
            return false;
    }
    return true;
}

static bool shorten_labels (struct model *model)
{
    const char **names = calloc ((size_t)model->numbered_count + 1, sizeof *names);
    for (int i = 0; names && i < model->numbered_count; i++)
        names[i] = model_label (model, i);
    model->shortened = names ? short_labels (names, model->numbered_count) : NULL;
    free (names);
    return model->shortened != NULL;
}

/* A list of another length than the network has classes is likely to be another network's. */
static void compare_counts (struct model *model)
{
    const struct labels *labels = &model->labels;
    int names = 0, unnamed = 0;
    for (int i = 0; i < labels->count; i++)
        names += labels->names[i][0] != 0;
    while (unnamed < labels->count && labels->names[unnamed][0])
        unnamed++;
    if (!labels->source || labels->count == model->classes)
        return;
    if (labels->count < model->classes)
        notices_add (&model->notices, "%s: %d name%s for %d classes; the others are called \"class %d\" and so on",
                     labels->source, names, names == 1 ? "" : "s", model->classes, unnamed);
    else
        notices_add (
            &model->notices, "%s: %d names, up to class %d, for %d class%s; those from class %d on are not used",
            labels->source, names, labels->count - 1, model->classes, model->classes == 1 ? "" : "es", model->classes);
}

/* How well an output fits as the list of classes. A list of 1001 labels fits 1000 classes and the other way round: the
 * background (labels.h). */
static int worth_as_classes (struct tensor_info t, int labels)
{
    int numbers = t.channels * t.height * t.width;
    if (!is_list (t))
        return 0;
    if (labels > 1 && numbers >= labels - 1 && numbers <= labels + 1)
        return numbers == labels ? 4 : 3;
    return numbers > 1 ? 2 : 1;
}

static void choose_output (struct model *model)
{
    int outputs = graph_outputs (model->graph), best = -1;
    for (int i = 0; i < outputs; i++) {
        struct tensor_info t = graph_tensor (model->graph, graph_output_id (model->graph, i));
        int worth = worth_as_classes (t, model->labels.count);
        if (worth <= best)
            continue;
        best = worth;
        model->output = i;
        model->classes = t.channels * t.height * t.width;
    }
    if (outputs > 1)
        notices_add (&model->notices, "%s: of %d outputs '%.100s' is taken as that of the classes, %s",
                     report_path (model->path), outputs,
                     graph_tensor (model->graph, graph_output_id (model->graph, model->output)).name,
                     best > 2    ? "which has as many numbers as there are labels"
                     : best == 2 ? "the first that is a list"
                                 : "the first");
}

struct model *model_of_graph (const char *path, struct graph *graph, struct labels *labels,
                              const struct input_spec *input, struct error *error)
{
    struct model *model = calloc (1, sizeof *model);
    if (!model) {
        graph_unref (graph);
        labels_clear (labels);
        report (error, "%s: no memory", report_path (path));
        return NULL;
    }
    model->references = 1;
    model->graph = graph;
    model->input = *input;
    model->labels = *labels;
    *labels = (struct labels) { 0 };
    model->path = strdup (path);
    if (model->path)
        choose_output (model);
    labels_fit (&model->labels, model->classes);
    compare_counts (model);
    if (model->path && number_classes (model) && shorten_labels (model) &&
        scores_decide (graph, model->output, &model->scores))
        return model;
    report (error, "%s: no memory for %d classes", report_path (path), model->classes);
    model_unref (model);
    return NULL;
}

struct input_spec model_input_of_graph (const struct graph *graph)
{
    struct tensor_info in = graph_tensor (graph, 0);
    struct input_spec spec = { .channels = in.channels,
                               .height = in.height,
                               .width = in.width,
                               .mean = { 123.675f, 116.28f, 103.53f, 0 }, /* ImageNet's, as torchvision has them */
                               .std = { 58.395f, 57.12f, 57.375f, 255 },
                               .order = CHANNEL_ORDER_RGB };
    if (in.channels == 1) { /* 0..1, as MNIST of the ONNX zoo takes it */
        spec.mean[0] = 0;
        spec.std[0] = 255;
    }
    return spec;
}

/* A network and what its file says beside it. */
struct content {
    struct graph *graph;
    char *labels; /* or NULL */
    struct input_spec input;
    bool input_said; /* by the file */
    struct notices notices;
    struct modelinfo *info; /* beside it, or NULL */
    struct quantised quantised;
    bool features; /* there is no classifier */
};

/* ---- side files ---------------------------------------------------------------------------------------------- */

/* Labels that the model's own file holds; bad ones are as good as none. */
static void find_own_labels (const char *path, struct content *content, struct labels *labels)
{
    struct error reason = { "" };
    if (content->labels && !labels_from_metadata (path, content->labels, labels, &reason))
        notices_add (&content->notices, "%s; the labels in its metadata are passed over", reason.text);
}

/* Labels from the file that was named, else from a file beside the model, else from the model itself. */
static bool find_labels (const char *path, const char *labels_path, struct content *content, struct labels *labels,
                         struct error *error)
{
    *labels = (struct labels) { 0 };
    if (labels_path)
        return labels_read (labels_path, labels, error);
    char *beside[] = { file_path_with (path, strlen (path), ".labels.txt"),
                       file_path_with (path, file_suffix_start (path), ".labels.txt"),
                       file_path_with (path, file_name_start (path), "labels.txt") };
    bool found = false, good = beside[0] && beside[1] && beside[2];
    for (int i = 0; i < 3; i++) {
        struct error reason = { "" }; /* nobody asked for these files: a bad one is as good as none */
        bool looks = good && !found;
        found = found || (good && labels_read_side (beside[i], labels, &reason));
        if (looks && !found && errno != ENOENT)
            notices_add (&content->notices, "%s; this file of labels is passed over", reason.text);
        free (beside[i]);
    }
    if (!found)
        find_own_labels (path, content, labels);
    return good || report (error, "%s: no memory for its labels", report_path (path));
}

/* "net.onnx.modelinfo", else "net.modelinfo"; *info stays NULL when neither is there. */
static bool find_modelinfo (const char *path, struct modelinfo **info, struct error *error)
{
    size_t lengths[2] = { strlen (path), file_suffix_start (path) };
    bool good = true;
    for (int i = 0; good && !*info && i < 2; i++) {
        char *whole = file_path_with (path, lengths[i], ".modelinfo");
        good = whole ? modelinfo_open (whole, info, error)
                     : report (error, "%s: no memory for its info", report_path (path));
        free (whole);
    }
    return good;
}

/* ---- loading ------------------------------------------------------------------------------------------------- */

static void open_size (const void *info, const char *input, int *height, int *width)
{
    modelinfo_size (info, input, height, width);
}

static bool load_onnx (const char *path, char *bytes, size_t size, struct content *content, struct error *error)
{
    struct onnx_extras extras = { .open_size = open_size, .data = content->info, .notices = &content->notices };
    content->graph = onnx_read (path, bytes, size, &extras, error);
    content->labels = extras.labels;
    content->quantised = (struct quantised) { extras.quantised_tensors, extras.quantised_constants };
    if (!content->graph)
        return false;
    content->input = model_input_of_graph (content->graph);
    content->input.from.size = ORIGIN_FILE;
    content->input.channels_last = extras.channels_last;
    for (int c = 0; extras.bytes && c < 4; c++) { /* what it does with bytes is inside */
        content->input.mean[c] = 0;
        content->input.std[c] = 1;
        content->input.from.mean = content->input.from.std = ORIGIN_FILE;
    }
    content->input_said = extras.bytes;
    if (extras.size_left_open) {
        int height, width;
        open_size (content->info, graph_tensor (content->graph, 0).name, &height, &width);
        content->input.from.size = height || width ? ORIGIN_SIDE_FILE : ORIGIN_DEFAULT;
    }
    return true;
}

static bool load_safetensors (const char *path, const char *bytes, size_t size, struct content *content,
                              struct error *error)
{
    struct safetensors file;
    if (!(safetensors_recognise_index (bytes, size) ? safetensors_open_index (path, bytes, size, &file, error)
                                                    : safetensors_open (path, bytes, size, &file, error)))
        return false;
    const char *labels = safetensors_metadata (&file, "labels");
    struct network_extras extras = { .notices = &content->notices };
    content->graph = network_build (&file, &extras, error);
    content->features = extras.features;
    bool good = content->graph != NULL;
    if (good)
        content->input = model_input_of_graph (content->graph);
    good = good && network_input (&file, &content->input, &content->input_said, error);
    if (good && labels && !(content->labels = strdup (labels)))
        good = report (error, "%s: no memory for its labels", report_path (path));
    safetensors_close (&file);
    return good;
}

/* By what is in it. What is too damaged to tell is judged by its name, so that the error is about the right format. */
static bool is_safetensors (const char *path, const char *bytes, size_t size)
{
    return safetensors_recognise (bytes, size) || safetensors_recognise_index (bytes, size) ||
           !strcmp (path + file_suffix_start (path), ".safetensors");
}

static bool load_file (const char *path, struct content *content, struct error *error)
{
    size_t size;
    char *bytes = file_read (path, MODEL_BYTES_MAX, &size, error);
    bool good = bytes && (size || report (error, "%s: is empty", report_path (path)));
    if (good && !is_safetensors (path, bytes, size))
        return load_onnx (path, bytes, size, content, error); /* which frees the bytes */
    good = good && load_safetensors (path, bytes, size, content, error);
    free (bytes);
    return good;
}

static bool load_bundled (struct content *content, struct error *error)
{
    size_t size;
    const char *bytes = bundled_network (&size);
    if (!bytes)
        return report (error, "no network is bundled with this build: name a model file");
    return load_safetensors (bundled_path, bytes, size, content, error);
}

/* The side files of a network that came from a file, and what it says itself. */
static bool find_beside (const char *path, const char *labels_path, struct content *content, struct labels *labels,
                         struct error *error)
{
    bool beside = find_labels (path, labels_path, content, labels, error) &&
                  modelinfo_apply (content->info, graph_tensor (content->graph, 0).name, &content->input,
                                   &content->notices, error);
    content->input.given = content->input.given || content->input_said;
    return beside;
}

/* The bundled network has nothing beside it. */
static bool find_bundled_labels (const char *labels_path, struct content *content, struct labels *labels,
                                 struct error *error)
{
    content->input.given = content->input_said;
    if (labels_path)
        return labels_read (labels_path, labels, error);
    find_own_labels (bundled_path, content, labels);
    return true;
}

static struct model *load (const char *path, const char *labels_path, struct error *error)
{
    struct content content = { 0 };
    struct labels labels = { 0 };
    bool good = path ? find_modelinfo (path, &content.info, error) && load_file (path, &content, error) &&
                           find_beside (path, labels_path, &content, &labels, error)
                     : load_bundled (&content, error) && find_bundled_labels (labels_path, &content, &labels, error);
    free (content.labels);
    modelinfo_close (content.info);
    if (good) {
        struct model *model =
            model_of_graph (path ? path : bundled_path, content.graph, &labels, &content.input, error);
        if (model) {
            model->quantised = content.quantised;
            model->features = content.features;
        }
        for (int i = 0; model && i < content.notices.count; i++)
            notices_add (&model->notices, "%s", content.notices.list[i].text);
        return model;
    }
    labels_clear (&labels);
    graph_unref (content.graph);
    return NULL;
}

struct model *model_load (const char *path, const char *labels_path, struct error *error)
{
    struct work work;
    bool own = !work_has_account ();
    if (own)
        work_begin (&work, WORK_STEPS, NULL);
    fenv_t before; /* numbers are rounded to nearest and trap nothing, whatever the caller's thread does */
    fegetenv (&before);
    fesetenv (FE_DFL_ENV);
    struct model *model = load (path, labels_path, error);
    fesetenv (&before);
    if (own)
        work_end (&work);
    return model;
}
