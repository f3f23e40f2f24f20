/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inference.c: follows the properties, runs the network over a frame, draws; see inference.h. */
#include "plugin/inference.h"

#include <string.h>

#include "engine/work.h"
#include "plugin/log.h"
#include "plugin/overlay/channel_choice.h"
#include "plugin/regions.h"

/* ---- life ------------------------------------------------------------------------------------------------------ */

struct inference *inference_new (GstElement *element, struct shared *shared, struct messages *messages)
{
    struct inference *inference = g_new0 (struct inference, 1);
    inference->element = element;
    inference->shared = shared;
    inference->messages = messages;
    settings_init (&inference->active);
    settings_init (&inference->wanted);
    inference->reader = frame_reader_new ();
    inference->overlay = overlay_new ();
    inference->smoothing = smoothing_new ();
    inference->regions = regions_new ();
    return inference;
}

void inference_free (struct inference *inference)
{
    settings_clear (&inference->active);
    settings_clear (&inference->wanted);
    result_clear (&inference->result);
    frame_reader_free (inference->reader);
    overlay_free (inference->overlay);
    smoothing_free (inference->smoothing);
    regions_free (inference->regions);
    gates_clear (&inference->gates);
    g_free (inference->words);
    g_free (inference);
}

/* As GST_ELEMENT_ERROR and _WARNING, for a GError, which it frees. */
static void post_error (struct inference *inference, GstMessageType type, GError *error, const char *consequence,
                        int line)
{
    char *text = g_strconcat (error->message, consequence, NULL);
    if (type == GST_MESSAGE_ERROR)
        GST_ERROR_OBJECT (inference->element, "%s", text);
    else
        GST_WARNING_OBJECT (inference->element, "%s", text);
    gst_element_message_full (inference->element, type, error->domain, error->code, text, NULL, __FILE__, "convrelu",
                              line);
    g_error_free (error);
}
#define POST_ERROR(inference, error) post_error (inference, GST_MESSAGE_ERROR, error, "", __LINE__)
#define POST_WARNING(inference, error, consequence)                                                                    \
    post_error (inference, GST_MESSAGE_WARNING, error, consequence, __LINE__)

void inference_forget (struct inference *inference)
{
    inference->step = 0;
    inference->result.valid = FALSE;
    inference->ran = FALSE;
    still_forget (&inference->gates.still);
    smoothing_reset (inference->smoothing);
    regions_forget (inference->regions);
    overlay_jump (inference->overlay);
    g_clear_pointer (&inference->composition, gst_video_overlay_composition_unref);
}

/* ---- the running network --------------------------------------------------------------------------------------- */

/* Copies the properties when they have moved. FALSE when mean or std are unusable: `active` then keeps those it had. */
static gboolean copy_settings (struct inference *inference, gboolean *moved, GError **error)
{
    struct preparation before = inference->active.preparation;
    *moved = shared_follow (inference->shared, &inference->active, &inference->serial);
    if (!*moved || settings_check (&inference->active, error))
        return TRUE;
    inference->active.preparation.mean = before.mean;
    inference->active.preparation.std = before.std;
    return FALSE;
}

/* Says once which words of `layers` mean nothing to this network. */
static void warn_of_layers (struct inference *inference)
{
    const char *remark = inference->network->layers.remark;
    if (remark && g_strcmp0 (remark, inference->remarks.layers) != 0)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", remark),
                             ("The property layer-names lists them all."));
    g_free (inference->remarks.layers);
    inference->remarks.layers = g_strdup (remark);
}

/* Says once why it does not compute in the precision that was asked for, or that a file of ranges was passed over. */
static void warn_of_precision (struct inference *inference)
{
    const struct precision_report *report = &inference->network->report;
    const char *remark = report->remark.text[0] ? report->remark.text : NULL;
    if (report->of_file)
        GST_INFO_OBJECT (inference->element, "int8, as the file is quantised");
    else if (report->used == PRECISION_INT8)
        GST_INFO_OBJECT (inference->element, "int8, ranges from %s; %.1f dB true to fp32", report->ranges.text,
                         report->db);
    if (report->used == PRECISION_BF16)
        GST_INFO_OBJECT (inference->element, "bf16");
    if (remark && g_strcmp0 (remark, inference->remarks.precision) != 0)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", remark), (NULL));
    g_free (inference->remarks.precision);
    inference->remarks.precision = g_strdup (remark);
}

/* The words of channel-select, class and trigger-classes in one; the caller's. */
static char *words_set (const struct settings *settings)
{
    const struct appearance *appearance = &settings->appearance;
    const char *select = appearance->select_unknown && appearance->select_words ? appearance->select_words : "";
    const char *class = appearance->class_words ? appearance->class_words : "";
    const char *triggers = settings->telling.trigger_classes;
    return g_strdup_printf ("%zu %zu %s%s%s", strlen (select), strlen (class), select, class, triggers ? triggers : "");
}

/* Reads the words of trigger-classes, if they are others than before or `another` network's; says once which words of
 * that, channel-select, class and unit mean nothing to this network. */
static void read_words (struct inference *inference, gboolean another)
{
    char *words = words_set (&inference->active);
    gboolean same = !another && g_strcmp0 (words, inference->words) == 0;
    g_free (same ? words : inference->words);
    if (same)
        return;
    inference->words = words;
    char *remark = channel_choice_remark (inference->network, &inference->active.appearance);
    if (!remark)
        remark = g_strdup (inference->network->watched_remark);
    inference->triggers = trigger_list_read (inference->network, inference->active.telling.trigger_classes, &remark);
    if (remark && g_strcmp0 (remark, inference->remarks.words) != 0)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", remark), (NULL));
    g_free (inference->remarks.words);
    inference->remarks.words = remark;
}

/* Says once why tensors are not handed on as they are asked for. */
static void warn_of_tensors (struct inference *inference)
{
    char *remark = tensors_remark (inference->network, &inference->active);
    if (remark && g_strcmp0 (remark, inference->remarks.tensors) != 0)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", remark), (NULL));
    g_free (inference->remarks.tensors);
    inference->remarks.tensors = remark;
}

static void warn_of_regions (struct inference *inference)
{
    char *remark = region_choice_remark (&inference->active.regions, inference->active.handing.tensors);
    if (remark && g_strcmp0 (remark, inference->remarks.regions) != 0)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", remark), (NULL));
    g_free (inference->remarks.regions);
    inference->remarks.regions = remark;
}

/* Says what was made of numbers that were set, where that is not what they say. */
static void warn_of_units (struct inference *inference)
{
    struct error remark;
    frame_input_spec (model_input (inference->network->model), &inference->preparation, &remark);
    if (remark.text[0])
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", remark.text), (NULL));
}

/* What a network of other than three channels is shown; a warning if how was guessed. */
static void announce_channels (struct inference *inference)
{
    const struct model *model = inference->network->model;
    const struct input_spec *spec = model_input (model);
    const struct preparation *set = &inference->active.preparation;
    const char *what = spec->channels == 1 ? "luma" : "red, green, blue and alpha";
    if (spec->channels == 3)
        return;
    GST_INFO_OBJECT (inference->element, "%s is shown %s", model_path (model), what);
    if (!spec->given && !set->mean.count && !set->std.count)
        GST_ELEMENT_WARNING (
            inference->element, RESOURCE, SETTINGS,
            ("%s takes %d channel%s and nothing says how they are prepared: it is shown %s, with mean %g "
             "and std %g for the %s one",
             model_path (model), spec->channels, spec->channels == 1 ? "" : "s", what,
             (double)spec->mean[spec->channels - 1], (double)spec->std[spec->channels - 1],
             spec->channels == 1 ? "only" : "last"),
            ("Set mean and std, or put a .modelinfo file beside the network."));
}

static void log_preparation (struct inference *inference)
{
    struct input_spec spec = frame_input_spec (model_input (inference->network->model), &inference->preparation, NULL);
    GST_INFO_OBJECT (inference->element, "prepare: %s", input_spec_words (&spec).text);
}

/* What is set applies from now on. */
static void prepare (struct inference *inference, const struct preparation *set)
{
    if (settings_same_preparation (&inference->preparation, set))
        return;
    inference->preparation = *set;
    log_preparation (inference);
    warn_of_units (inference);
}

/* Tells the world that inference->network, another than before or the same run in another way, runs from now on.
 * `other_precision`: the same in another precision. */
static void announce (struct inference *inference, gboolean another, gboolean other_precision)
{
    const struct network *network = inference->network;
    const struct input_spec *spec = model_input (network->model);
    GST_INFO_OBJECT (inference->element, "running %s: input %d x %d, %d classes, %d threads, %s, %d layers shown",
                     model_path (network->model), spec->width, spec->height, model_classes (network->model),
                     plan_threads (network->plan), plan_isa (network->plan), network->layers.count);
    GST_INFO_OBJECT (
        inference->element, "scores: %s",
        model_scores (network->model, inference->active.scores, network->replaces ? &network->replacement : NULL)
            .sentence);
    log_preparation (inference);
    if (another || other_precision)
        messages_post_model (inference->messages, inference->element, &inference->active, network);
    warn_of_precision (inference);
    warn_of_layers (inference);
    warn_of_tensors (inference);
    warn_of_regions (inference);
    read_words (inference, TRUE);
    for (int i = 0; another && i < model_notices (network->model); i++)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS, ("%s", model_notice (network->model, i)), (NULL));
    if (another)
        announce_channels (inference);
    if (another && network->stand_in)
        GST_ELEMENT_WARNING (inference->element, RESOURCE, SETTINGS,
                             ("No model-file is set. A small network of fixed filters stands in: it tells edges and "
                              "colours apart and recognises nothing."),
                             (NULL));
}

/* Whether the network that runs is of the same numbers: models of the same files share their graph, also where they are
 * read again for weights in a form that was never made. What is seen of it, and what is kept of it, stays true. */
static gboolean same_graph (const struct inference *inference, const struct network *network)
{
    const struct network *before = inference->network;
    return before && network && model_graph (before->model) == model_graph (network->model);
}

/* Says once that nothing was kept for the next start, and why. Frees what is over of those that were given up. */
static void warn_of_keeping (struct inference *inference)
{
    struct network *network = inference->network;
    for (GSList *l = inference->given_up, *next; l; l = next) {
        next = l->next;
        if (keeping_over (l->data)) {
            keeping_free (l->data);
            inference->given_up = g_slist_delete_link (inference->given_up, l);
        }
    }
    if (!network || !network->keeping || !keeping_over (network->keeping))
        return;
    struct keeping *keeping = g_steal_pointer (&network->keeping);
    if (keeping_remark (keeping))
        GST_ELEMENT_WARNING (inference->element, RESOURCE, WRITE, ("%s", keeping_remark (keeping)), (NULL));
    keeping_free (keeping);
}

/* Puts `network` (NULL: none) in place of the one before. What the same model said and drew in another way stays until
 * the next run. */
static void use_network (struct inference *inference, struct network *network)
{
    struct network *before = inference->network;
    gboolean another = network && (!before || before->model != network->model), same = same_graph (inference, network);
    gboolean other_precision = network && before && before->report.used != network->report.used;
    warn_of_keeping (inference);
    if (same && !network->keeping) /* of the same weights: goes on */
        network->keeping = g_steal_pointer (&before->keeping);
    if (before && before->keeping) { /* no frame waits for its end */
        keeping_give_up (before->keeping);
        inference->given_up = g_slist_prepend (inference->given_up, g_steal_pointer (&before->keeping));
    }
    shared_model (inference->shared, network ? model_ref (network->model) : NULL, network ? network->first_run : 0);
    inference->network = network;
    inference->step = 0;
    inference->ran = FALSE;
    still_forget (&inference->gates.still);
    overlay_reset (inference->overlay);
    if (!same) /* else clicks and keys go on meaning what is still seen */
        shared_targets (inference->shared, NULL);
    if (!network || another)
        inference_forget (inference); /* its classes are the other network's */
    network_free (before);
    if (network)
        announce (inference, another, other_precision);
}

void inference_hurry (struct inference *inference, enum hurry why, gboolean holds)
{
    if (holds)
        g_atomic_int_or ((guint *)&inference->hurry, why);
    else
        g_atomic_int_and ((guint *)&inference->hurry, ~(guint)why);
}

gboolean inference_hurries (struct inference *inference)
{
    return g_atomic_int_get (&inference->hurry) != 0;
}

gboolean inference_open (struct inference *inference)
{
    GError *error = NULL;
    gboolean moved;
    inference->serial--; /* whatever was copied in another life */
    inference_hurry (inference, HURRY_FLUSH, FALSE);
    shared_start (inference->shared, GST_CLOCK_TIME_NONE); /* until it is loaded: nothing of another life */
    if (copy_settings (inference, &moved, &error) && network_check_files (&inference->active, &error))
        return TRUE;
    POST_ERROR (inference, error);
    return FALSE;
}

gboolean inference_start (struct inference *inference)
{
    GError *error = NULL;
    struct network *network = network_load (&inference->active, &error);
    if (work_stopped ()) { /* whether it has come about or not, nobody wants it */
        network_free (network);
        g_clear_error (&error);
        return FALSE;
    }
    if (!network) {
        POST_ERROR (inference, error);
        return FALSE;
    }
    settings_copy (&inference->wanted, &inference->active);
    inference->preparation = inference->active.preparation;
    inference->refused = inference->failed = inference->overtaken = FALSE;
    GST_DEBUG_OBJECT (inference->element, "loaded; a first run takes %" GST_TIME_FORMAT,
                      GST_TIME_ARGS (network->first_run));
    use_network (inference, network);
    warn_of_units (inference);
    shared_start (inference->shared, network->first_run);
    messages_count_again (inference->messages);
    return TRUE;
}

void inference_stop (struct inference *inference)
{
    if (inference->loading) {
        loading_stop (inference->loading);
        network_free (loading_finish (g_steal_pointer (&inference->loading), NULL));
    }
    use_network (inference, NULL);
    g_slist_free_full (g_steal_pointer (&inference->given_up), (GDestroyNotify)keeping_free);
    g_clear_pointer (&inference->remarks.layers, g_free); /* the next start says it again */
    g_clear_pointer (&inference->remarks.words, g_free);
    g_clear_pointer (&inference->remarks.tensors, g_free);
    g_clear_pointer (&inference->remarks.regions, g_free);
    g_clear_pointer (&inference->remarks.precision, g_free);
}

/* ---- following the properties ---------------------------------------------------------------------------------- */

static void follow_properties (struct inference *inference)
{
    GError *error = NULL;
    enum region_source source = inference->active.regions.source;
    gboolean moved, good = copy_settings (inference, &moved, &error);
    if (!moved)
        return;
    if (inference->active.regions.source != source)
        inference_forget (inference);       /* what was said of one is not of the other */
    still_forget (&inference->gates.still); /* it may say something else of the same picture */
    if (!good && !inference->refused)       /* once, though other properties move while these are wrong */
        POST_WARNING (inference, g_steal_pointer (&error), "; the values before stay in use");
    g_clear_error (&error);
    inference->refused = !good;
    warn_of_tensors (inference);
    warn_of_regions (inference);
    read_words (inference, FALSE);
}

/* After a file that could not be loaded the properties name the one that runs. */
static void revert_properties (struct inference *inference)
{
    const struct network *runs = inference->network;
    const struct settings *tried = &inference->wanted;
    const struct preparation *own = &inference->preparation;
    GST_OBJECT_LOCK (inference->element);
    gboolean changed = settings_revert (&inference->shared->settings, tried, runs->model_file, runs->labels_file, own);
    GST_OBJECT_UNLOCK (inference->element);
    settings_revert (&inference->active, tried, runs->model_file, runs->labels_file, own);
    settings_revert (&inference->wanted, tried, runs->model_file, runs->labels_file, own);
    if (changed) {
        g_object_notify (G_OBJECT (inference->element), "model-file");
        g_object_notify (G_OBJECT (inference->element), "labels-file");
    }
}

/* Takes over what has been loaded, or says why nothing was. */
static void finish_loading (struct inference *inference)
{
    GError *error = NULL;
    gboolean stopped = loading_stopped (inference->loading);
    struct network *network = loading_finish (g_steal_pointer (&inference->loading), &error);
    if (stopped) { /* whether it has come about or not, nobody wants it; `wanted` is of files that do not run */
        inference->overtaken = inference->other_files;
        network_free (network);
        g_clear_error (&error);
        return;
    }
    inference->failed = !network;
    if (network) {
        use_network (inference, network);
        prepare (inference, &inference->wanted.preparation);
    } else {
        POST_WARNING (inference, error, "; the network before stays in use");
        inference->wanted.preparation = inference->active.preparation;
        revert_properties (inference);
    }
}

void inference_follow (struct inference *inference)
{
    warn_of_keeping (inference);
    follow_properties (inference);
    if (inference->loading && !loading_done (inference->loading) &&
        !settings_same_files (&inference->active, &inference->wanted))
        loading_stop (inference->loading); /* other files are wanted by now */
    if (inference->loading && loading_done (inference->loading))
        finish_loading (inference);
    gboolean overtaken = inference->overtaken;
    if (!inference->loading && (overtaken || !settings_same_plan (&inference->active, &inference->wanted))) {
        inference->other_files = overtaken || !settings_same_files (&inference->active, &inference->wanted);
        inference->overtaken = FALSE;
        GST_DEBUG_OBJECT (inference->element, "%s beside the stream",
                          inference->other_files ? "loading another network" : "planning the network anew");
        settings_copy (&inference->wanted, &inference->active);
        inference->loading = loading_start (&inference->active, inference->other_files ? NULL : inference->network);
    }
    /* While another file is loaded, and after one that could not be, what was set along with it does not apply to the
     * network before. */
    const struct preparation *set = &inference->active.preparation;
    gboolean waits = inference->loading && inference->other_files;
    if (waits || (inference->failed && settings_same_preparation (set, &inference->wanted.preparation)))
        return;
    prepare (inference, set);
    inference->failed = FALSE;
}

/* ---- a frame --------------------------------------------------------------------------------------------------- */

static void set_reader (struct inference *inference, const struct sight *sight, enum resize resize)
{
    const struct model *model = inference->network->model;
    struct input_spec spec = frame_input_spec (model_input (model), &inference->preparation, NULL);
    frame_reader_set (inference->reader, sight->info, &spec, resize);
    frame_reader_part (inference->reader, NULL);
}

gboolean inference_look (struct inference *inference, const struct sight *sight)
{
    gates_work_begins (inference);
    set_reader (inference, sight, regions_wanted (inference) ? RESIZE_STRETCH : inference->active.resize);
    gboolean good = frame_reader_look (inference->reader, sight->buffer, inference->network, &inference->gates.still);
    gates_work_ends (inference, frame_reader_threads (inference->reader));
    return good;
}

/* `part` of the frame (NULL: all of it) into the network's input; what takes its time from gates_work_begins on is not
 * counted yet. FALSE: an error was posted. */
static gboolean read_frame (struct inference *inference, const struct sight *sight, const struct rectangle *part)
{
    GError *error = NULL;
    GstClockTime start = gst_util_get_timestamp ();
    inference->step = 0;
    gates_work_begins (inference);
    set_reader (inference, sight, inference->active.resize);
    frame_reader_part (inference->reader, part);
    if (!frame_reader_read (inference->reader, sight->buffer, inference->network, &error)) {
        POST_ERROR (inference, error);
        return FALSE;
    }
    gates_work_ends (inference, frame_reader_threads (inference->reader));
    inference->view = frame_reader_view (inference->reader);
    inference->convert = gst_util_get_timestamp () - start;
    inference->spent = 0;
    inference->moment = sight->moment;
    return TRUE;
}

gboolean inference_begin (struct inference *inference, const struct sight *sight)
{
    if (!read_frame (inference, sight, NULL))
        return FALSE;
    gates_begin (inference, sight);
    return TRUE;
}

void inference_give_up (struct inference *inference)
{
    inference->step = 0;
}

gboolean inference_begun (const struct inference *inference)
{
    return inference->step > 0;
}

/* The step after the last one from `first` on that is likely to be over by `until`; at least first + 1. */
static int steps_until (const struct plan *plan, int first, GstClockTime until)
{
    GstClockTime at = gst_util_get_timestamp ();
    int end = first;
    do
        at += plan_step (plan, end++).nanoseconds; /* as long as the last time */
    while (end < plan_steps (plan) && at + plan_step (plan, end).nanoseconds <= until);
    return end;
}

/* The run is over: takes its result, averaged in `smoothing`. */
static void take_result (struct inference *inference, struct smoothing *smoothing)
{
    const struct network *network = inference->network;
    result_take (&inference->result, network, &inference->active, inference->spent);
    inference->result.seen = inference->moment;
    result_smooth (&inference->result, smoothing, network, &inference->active, inference->moment.running_time);
    trigger_list_take (&inference->triggers, &inference->result, network, &inference->active, smoothing);
    tensors_unref (inference->result.tensors);
    inference->result.tensors = regions_wanted (inference) ? NULL : tensors_take (network, &inference->active);
    inference->step = 0;
    inference->ran = TRUE;
    GST_LOG_OBJECT (inference->element,
                    "frame %" GST_TIME_FORMAT ": converted in %" GST_TIME_FORMAT ", inferred in %" GST_TIME_FORMAT,
                    GST_TIME_ARGS (inference->moment.timestamp), GST_TIME_ARGS (inference->convert),
                    GST_TIME_ARGS (inference->spent));
}

void inference_count (struct inference *inference, GstClockTime convert, GstClockTime spent)
{
    struct shared *shared = inference->shared;
    GST_OBJECT_LOCK (inference->element);
    stats_inferred (&shared->stats, convert, spent);
    step_times_add (&shared->step_times, inference->network->plan);
    stats_follow_latency (&shared->stats);
    GST_OBJECT_UNLOCK (inference->element);
}

/* As inference_go_on, but TRUE: the run is over, and nothing is taken of it yet. */
static gboolean run_steps (struct inference *inference, GstClockTime until)
{
    struct network *network = inference->network;
    int count = plan_steps (network->plan);
    GstClockTime start = gst_util_get_timestamp (), now = start;
    gates_work_begins (inference);
    do {
        int end = GST_CLOCK_TIME_IS_VALID (until) ? steps_until (network->plan, inference->step, until) : count;
        plan_run_steps (network->plan, network->input, inference->step, end);
        inference->step = end;
        now = gst_util_get_timestamp ();
    } while (inference->step < count && now + plan_step (network->plan, inference->step).nanoseconds <= until);
    inference->spent += now - start;
    gates_work_ends (inference, 1);
    return inference->step == count;
}

gboolean inference_go_on (struct inference *inference, GstClockTime until)
{
    if (!run_steps (inference, until))
        return FALSE;
    take_result (inference, inference->smoothing);
    inference_count (inference, inference->convert, inference->spent);
    return TRUE;
}

gboolean inference_run_part (struct inference *inference, const struct sight *sight, const struct rectangle *part,
                             struct smoothing *smoothing)
{
    if (!read_frame (inference, sight, part))
        return FALSE;
    run_steps (inference, GST_CLOCK_TIME_NONE);
    take_result (inference, smoothing);
    return TRUE;
}

GstClockTime inference_need (const struct inference *inference)
{
    GST_OBJECT_LOCK (inference->element);
    GstClockTime need = inference->shared->stats.need;
    GST_OBJECT_UNLOCK (inference->element);
    return need;
}

/* ---- drawing --------------------------------------------------------------------------------------------------- */

GstVideoOverlayComposition *inference_draw (struct inference *inference, int width, int height)
{
    struct shared *shared = inference->shared;
    if (inference_begun (inference) || !inference->ran) /* its maps are half of one frame and half of another */
        return inference->composition;
    GST_OBJECT_LOCK (inference->element);
    const struct stats *stats = &shared->stats;
    const struct overlay_times times = { stats_fps (stats), window_mean (&stats->convert),
                                         window_mean (&stats->inference), window_mean (&stats->overlay) };
    GST_OBJECT_UNLOCK (inference->element);
    struct input_spec spec = frame_input_spec (model_input (inference->network->model), &inference->preparation, NULL);
    struct overlay_frame frame = {
        .appearance = &inference->active.appearance,
        .input = &spec,
        .network = inference->network,
        .result = &inference->result,
        .time = inference->result.seen.running_time,
        .top_k = inference->active.top_k,
        .threshold = inference->active.threshold,
        .scores = inference->active.scores,
        .times = times,
        .width = width,
        .height = height,
        .view = inference->view,
        .found = regions_wanted (inference) ? inference->regions->found : NULL,
        .memory = inference->regions->memory,
    };
    gates_work_begins (inference);
    GstVideoOverlayComposition *drawn = overlay_draw (inference->overlay, &frame);
    gates_work_ends (inference, 1);
    if (drawn != inference->composition) {
        if (inference->composition)
            gst_video_overlay_composition_unref (inference->composition);
        inference->composition = drawn ? gst_video_overlay_composition_ref (drawn) : NULL;
    }
    shared_targets (shared, overlay_targets (inference->overlay));
    GST_OBJECT_LOCK (inference->element);
    shared->figure_count = overlay_figures (inference->overlay, inference->network, shared->figures);
    GST_OBJECT_UNLOCK (inference->element);
    return inference->composition;
}
