/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model.c: a file on disk, or the bundled one -> a graph with its labels and the preparation of its input.
 *
 * Opens the model and, beside it, label and info files; nothing a file says makes it open another, but for an ONNX
 * model's external data in the same folder. */
#include "models/model_private.h"

#include "engine/work.h"
#include "models/bundled.h"
#include "models/content.h"
#include "models/file.h"
#include "models/labels.h"
#include "models/modelinfo.h"
#include "models/notices.h"
#include "models/report.h"
#include "models/short_labels.h"

#include <errno.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model {
    _Atomic int references;
    char *path;
    struct content *content; /* NULL: it was built by code; then */
    bool dropped;            /*   whether its weights were dropped */
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
    content_unref (model->content);
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

/* ---- side files ---------------------------------------------------------------------------------------------- */

/* What a file and those beside it say of one model. */
struct said {
    const struct content *content;
    struct input_spec input;
    struct notices notices;
    struct labels labels;
};

/* Labels that the model's own file holds; bad ones are as good as none. */
static void find_own_labels (const char *path, struct said *said, struct labels *labels)
{
    struct error reason = { "" };
    if (said->content->labels && !labels_from_metadata (path, said->content->labels, labels, &reason))
        notices_add (&said->notices, "%s; the labels in its metadata are passed over", reason.text);
}

/* Labels from the file that was named, else from a file beside the model, else from the model itself. */
static bool find_labels (const char *path, const char *labels_path, struct said *said, struct labels *labels,
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
            notices_add (&said->notices, "%s; this file of labels is passed over", reason.text);
        free (beside[i]);
    }
    if (!found)
        find_own_labels (path, said, labels);
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

/* Of a network that came from a file; the bundled one has nothing beside it. */
static bool find_beside (const char *path, const char *labels_path, const struct modelinfo *info, struct said *said,
                         struct error *error)
{
    bool beside =
        find_labels (path, labels_path, said, &said->labels, error) &&
        modelinfo_apply (info, graph_tensor (said->content->graph, 0).name, &said->input, &said->notices, error);
    said->input.given = said->input.given || said->content->input_said;
    return beside;
}

static bool find_bundled_labels (const char *labels_path, struct said *said, struct error *error)
{
    said->input.given = said->content->input_said;
    if (labels_path)
        return labels_read (labels_path, &said->labels, error);
    find_own_labels (bundled_path, said, &said->labels);
    return true;
}

/* The model of what was read, whose reference it takes, on failure too; then it is not held any more. */
static struct model *model_of_content (struct content *content, const char *path, const char *labels_path,
                                       const struct modelinfo *info, struct error *error)
{
    struct said said = { .content = content, .input = content->input, .notices = content->notices };
    bool good =
        path ? find_beside (path, labels_path, info, &said, error) : find_bundled_labels (labels_path, &said, error);
    struct model *model =
        good ? model_of_graph (path ? path : bundled_path, graph_ref (content->graph), &said.labels, &said.input, error)
             : NULL;
    if (!model) {
        labels_clear (&said.labels);
        content_release (content);
        content_unref (content);
        return NULL;
    }
    model->content = content;
    model->quantised = content->quantised;
    model->features = content->features;
    for (int i = 0; i < said.notices.count; i++)
        notices_add (&model->notices, "%s", said.notices.list[i].text);
    return model;
}

typedef struct content *content_source (const char *path, const struct modelinfo *info, const char *cache_folder,
                                        struct error *error);

static struct model *load (const char *path, const char *labels_path, const char *cache_folder, content_source *source,
                           struct error *error)
{
    struct work work;
    bool own = !work_has_account ();
    if (own)
        work_begin (&work, WORK_STEPS, NULL);
    fenv_t before; /* numbers are rounded to nearest and trap nothing, whatever the caller's thread does */
    fegetenv (&before);
    fesetenv (FE_DFL_ENV);
    struct modelinfo *info = NULL;
    bool good = !path || find_modelinfo (path, &info, error);
    struct content *content = good ? source (path, info, cache_folder, error) : NULL;
    struct model *model = content ? model_of_content (content, path, labels_path, info, error) : NULL;
    modelinfo_close (info);
    fesetenv (&before);
    if (own)
        work_end (&work);
    return model;
}

struct model *model_load (const char *path, const char *labels_path, struct error *error)
{
    return load (path, labels_path, NULL, content_read, error);
}

/* ---- sharing ------------------------------------------------------------------------------------------------- */

struct model *model_share (const char *path, const char *labels_path, struct error *error)
{
    return load (path, labels_path, NULL, content_share, error);
}

struct model *model_share_cached (const char *path, const char *labels_path, const char *cache_folder,
                                  struct error *error)
{
    return load (path, labels_path, cache_folder, content_share, error);
}

struct packed_kept *model_to_keep (struct model *model)
{
    return model->content ? content_to_keep (model->content) : NULL;
}

void model_keep (struct model *model, struct packed_kept *kept, struct error *remark)
{
    struct notices notices = { .count = 0 };
    content_keep (model->content, kept, &notices);
    remark->text[0] = 0;
    for (int i = 0; notices.count && i < model->notices.count; i++)
        if (!strcmp (model->notices.list[i].text, notices.list[0].text))
            return;
    if (notices.count)
        *remark = notices.list[0];
}

void model_forgo (struct model *model, struct packed_kept *kept)
{
    content_forgo (model->content, kept);
}

void model_keep_packed (struct model *model)
{
    struct packed_kept *kept = model_to_keep (model);
    struct error remark = { "" };
    if (kept)
        model_keep (model, kept, &remark);
    if (remark.text[0])
        notices_add (&model->notices, "%s", remark.text);
}

uint64_t model_trial (const struct model *model, const struct plan *plan)
{
    return model->content ? packed_trials_get (&model->content->trials, packed_trial_plan (plan)) : 0;
}

void model_tell_trial (struct model *model, const struct plan *plan, uint64_t nanoseconds)
{
    if (model->content)
        packed_trials_put (&model->content->trials, packed_trial_plan (plan), nanoseconds);
}

bool model_hold (struct model *model, struct error *error)
{
    return !model->content || content_hold (model->content, error);
}

bool model_has_weights (const struct model *model)
{
    return model->content ? !model->content->dropped : !model->dropped;
}

bool model_need_weights (struct model *model, struct error *error)
{
    if (model->content)
        return content_need_weights (model->content, model->path, error);
    return !model->dropped || report (error, "%s: its weights were dropped", report_path (model->path));
}

void model_release (struct model *model)
{
    if (model->content) {
        content_release (model->content);
        return;
    }
    graph_drop_weights (model->graph);
    model->dropped = true;
}
