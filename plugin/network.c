/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.c: settings -> model and plan, on the caller's thread or on one of its own; see network.h. */
#include "plugin/network.h"

#include "models/file.h"
#include "plugin/frame.h"
#include "plugin/log.h"
#include "plugin/overlay/channel_choice.h"

#include <fenv.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/work.h"

enum {
    STAND_IN_SIZE = 224, /* input side of the fixed filters, pixels */
    /* of layers, of tensor-layers, of the class map, four of the unit's layer, of the strip */
    TAPS_MAX = 3 * LAYERS_MAX + 5 + STRIP_MAX,
    STRIP_VALUES = 1 << 20, /* that the strip may look at in a frame: copying them takes about 1 ms */
};

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* Says what is wrong with `path` itself, if anything: the reader's text is for people, applications get a code. */
static gboolean path_at_fault (const char *path, int *code)
{
    struct stat status;
    if (!path)
        return FALSE;
    if (stat (path, &status) != 0)
        *code = GST_RESOURCE_ERROR_NOT_FOUND;
    else if (!S_ISREG (status.st_mode) || access (path, R_OK) != 0)
        *code = GST_RESOURCE_ERROR_OPEN_READ;
    else
        return FALSE;
    return TRUE;
}

static void set_load_error (const struct settings *settings, const struct error *reason, GError **error)
{
    const struct {
        const char *path, *what;
    } files[] = { { settings->labels_file, "read the labels" },
                  { settings->ranges_file, "read the ranges" },
                  { settings->model_file, "load the network" } };
    const guint model = G_N_ELEMENTS (files) - 1;
    guint i = 0;
    int code = GST_STREAM_ERROR_WRONG_TYPE;
    while (i < model && !(files[i].path && strstr (reason->text, files[i].path)))
        i++;
    GQuark domain = path_at_fault (files[i].path, &code) ? GST_RESOURCE_ERROR : GST_STREAM_ERROR;
    const char *path = files[i].path ? files[i].path : "the built-in network";
    if (strstr (reason->text, path)) /* the reader has named it */
        g_set_error (error, domain, code, "Cannot %s: %s", files[i].what, reason->text);
    else
        g_set_error (error, domain, code, "Cannot %s: %s: %s", files[i].what, path, reason->text);
}

gboolean network_check_files (const struct settings *settings, GError **error)
{
    gboolean ranges = settings->precision == PRECISION_CHOICE_INT8;
    const char *paths[] = { settings->model_file, settings->labels_file, ranges ? settings->ranges_file : NULL };
    struct error reason = { "" };
    for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
        if (paths[i] && !file_can_be_read (paths[i], &reason)) {
            set_load_error (settings, &reason, error);
            return FALSE;
        }
    return TRUE;
}

/* ---- loading --------------------------------------------------------------------------------------------------- */

/* The model the settings name, the built-in one, or the fixed filters (then *stand_in). Held by this thread. */
static struct model *load_model (const struct settings *settings, gboolean *stand_in, struct error *reason)
{
    *stand_in = FALSE;
    struct model *model = model_share_cached (settings->model_file, settings->labels_file, settings->cache_dir, reason);
    if (model || settings->model_file)
        return model;
    struct error unused;
    struct model *built_in = model_load (NULL, NULL, &unused);
    if (built_in) { /* so the labels were at fault */
        model_unref (built_in);
        return NULL;
    }
    *stand_in = TRUE;
    return model_fixed_filters (STAND_IN_SIZE, STAND_IN_SIZE, reason);
}

static gboolean check_model (const struct model *model, struct error *reason)
{
    const struct input_spec *spec = model_input (model);
    gboolean pixels = spec->channels == 1 || spec->channels == 3 || spec->channels == 4;
    if (!model_is_classifier (model, reason))
        return FALSE;
    if (pixels && spec->width > 0 && spec->height > 0 && model_classes (model) > 0)
        return TRUE;
    snprintf (reason->text, sizeof reason->text,
              "%s: its input is %d channels of %d x %d and it has %d classes; a network for video frames takes 1 "
              "channel (luma), "
              "3 (red, green and blue) or 4 (alpha besides)",
              model_path (model), spec->channels, spec->height, spec->width, model_classes (model));
    return FALSE;
}

/* The place of tensor `id` among the names to be tapped, which grow when it is new. */
static int add_tap (const struct graph *graph, const char **names, int *count, int id)
{
    const char *name = graph_tensor (graph, id).name;
    int at = 0;
    while (at < *count && strcmp (names[at], name) != 0)
        at++;
    if (at == *count)
        names[(*count)++] = name;
    return at;
}

static gsize values_of (const struct graph *graph, int id)
{
    struct tensor_info tensor = graph_tensor (graph, id);
    return (gsize)tensor.channels * (gsize)tensor.height * (gsize)tensor.width;
}

/* Takes layers with maps from all over the depth, and of these the smallest, as many as may be looked at. */
static void choose_strip (struct network *network, const struct graph *graph, const char **names, int *count)
{
    GArray *all = layers_all (graph);
    for (guint i = all->len; i-- > 0;)
        if (!layers_spatial (graph, g_array_index (all, struct layer, i).post))
            g_array_remove_index (all, i);
    int take = MIN ((int)all->len, (int)STRIP_MAX);
    network->strip_of = (int)all->len;
    network->strip_count = take;
    for (int i = 0; i < take; i++) {
        int at = take > 1 ? (int)((gint64)i * (network->strip_of - 1) / (take - 1)) : 0;
        network->strip[i] = g_array_index (all, struct layer, at);
        network->strip_tap[i] = -1;
    }
    for (guint at = 0; take > 1 && at < all->len; at++) /* those that are shown have a block */
        for (int i = 0; i < network->layers.count; i++)
            if (network->layers.layer[i].post == g_array_index (all, struct layer, at).post)
                network->strip[((int)at * (take - 1) + (int)all->len / 2) / MAX ((int)all->len - 1, 1)] =
                    g_array_index (all, struct layer, at);
    g_array_unref (all);
    for (int i = 0; i < take; i++) /* these are tapped already */
        for (int shown = 0; shown < network->layers.count; shown++)
            if (network->layers.layer[shown].post == network->strip[i].post)
                network->strip_tap[i] = network->post_tap[shown];
    for (gsize room = STRIP_VALUES; take > 0;) {
        int least = -1;
        for (int i = 0; i < take; i++)
            if (network->strip_tap[i] < 0 && (least < 0 || values_of (graph, network->strip[i].post) <
                                                               values_of (graph, network->strip[least].post)))
                least = i;
        if (least < 0 || values_of (graph, network->strip[least].post) > room)
            break;
        room -= values_of (graph, network->strip[least].post);
        network->strip_tap[least] = add_tap (graph, names, count, network->strip[least].post);
    }
}

/* Fills names [TAPS_MAX] with the tensors the settings ask to see; returns how many. */
static int choose_taps (struct network *network, const struct settings *settings, const char **names)
{
    const struct graph *graph = model_graph (network->model);
    const struct appearance *appearance = &settings->appearance;
    int count = 0;
    if (appearance_shows_layers (appearance))
        layers_choose (graph, appearance->layers, &network->layers);
    for (int i = 0; i < network->layers.count; i++) {
        const struct layer *layer = &network->layers.layer[i];
        network->post_tap[i] = network->pre_tap[i] = -1;
        if (appearance_taps_post (appearance))
            network->post_tap[i] = add_tap (graph, names, &count, layer->post);
        if (appearance_taps_pre (appearance))
            network->pre_tap[i] = add_tap (graph, names, &count, layer->pre);
    }
    network->class_map_tap = -1;
    if (appearance_taps_class_map (appearance) && network->class_map->map >= 0)
        network->class_map_tap = add_tap (graph, names, &count, network->class_map->map);
    if (appearance_taps_network (appearance))
        choose_strip (network, graph, names, &count);
    struct tensor_layers *handed = &network->tensor_layers;
    if (handing_wants_layers (&settings->handing))
        layers_choose (graph, settings->handing.layers, &handed->choice);
    for (int i = 0; i < handed->choice.count; i++)
        handed->tap[i] = add_tap (graph, names, &count, handed->choice.layer[i].post);
    const struct watched *watched = network->watched;
    network->source_tap = network->before_tap = network->after_tap = network->other_tap = -1;
    if (watched) {
        network->after_tap = add_tap (graph, names, &count, watched->layer.post);
    }
    if (watched && watched->conv >= 0 && appearance_taps_sum (appearance)) {
        network->before_tap = add_tap (graph, names, &count, watched->layer.pre);
        if (strcmp (graph_tensor (graph, watched->source).operation, "input") != 0)
            network->source_tap = add_tap (graph, names, &count, watched->source);
        if (watched->other >= 0)
            network->other_tap = add_tap (graph, names, &count, watched->other);
    }
    return count;
}

/* FALSE: its weights are needed, and gone. */
static gboolean watch (struct network *network, const struct settings *settings, struct watched *before,
                       struct error *reason)
{
    if (!appearance_taps_unit (&settings->appearance))
        return TRUE;
    network->watched = watched_new (model_graph (network->model), settings->appearance.unit,
                                    appearance_taps_sum (&settings->appearance), before, &network->watched_remark);
    if (network->watched || network->watched_remark)
        return TRUE;
    snprintf (reason->text, sizeof reason->text, "%s: the weights of the unit's layer cannot be kept",
              model_path (network->model));
    return FALSE;
}

/* Asked between the runs of calibration. */
static bool goes_on (void *data, int done, int runs)
{
    GST_INFO ("calibrating for int8: run %d of %d", done, runs);
    return work_spend (0);
}

/* Whether what was seen for `a` holds for `b`, too. */
static gboolean same_calibration (const struct settings *a, const struct settings *b)
{
    return a->activation == b->activation && g_strcmp0 (a->ranges_file, b->ranges_file) == 0 &&
           settings_same_preparation (&a->preparation, &b->preparation);
}

/* What it is to compute in, by `settings` and by what its file is. */
static enum precision wanted_precision (const struct model *model, const struct settings *settings)
{
    if (settings->precision == PRECISION_CHOICE_AUTO)
        return precision_auto (model, NULL);
    return settings->precision == PRECISION_CHOICE_INT8   ? PRECISION_INT8
           : settings->precision == PRECISION_CHOICE_BF16 ? PRECISION_BF16
                                                          : PRECISION_FP32;
}

/* int8 was asked for, with the same calibration, and did not suit. */
static gboolean fell_back (const struct network *network, const struct settings *settings)
{
    return network->calibrated.precision == PRECISION_CHOICE_INT8 && settings->precision == PRECISION_CHOICE_INT8 &&
           network->report.used == PRECISION_FP32 && same_calibration (&network->calibrated, settings);
}

/* int8 is asked for and does not suit, or takes weights that are gone. Whether there is bf16 is the processor's. */
static gboolean lacks_int8 (const struct network *network, const struct settings *settings)
{
    return wanted_precision (network->model, settings) == PRECISION_INT8 && network->report.used != PRECISION_INT8;
}

/* The plan in the precision that the settings ask for, or in fp32 where that does not suit. */
static struct plan *make_plan (struct network *network, struct plan_options *options, const struct settings *settings,
                               const struct network *like, struct error *reason)
{
    GError *unusable = NULL;
    struct input_spec spec = *model_input (network->model);
    if (settings_check (settings, &unusable))
        spec = frame_input_spec (&spec, &settings->preparation, NULL);
    g_clear_error (&unusable);
    settings_copy (&network->calibrated, settings);
    if (like && fell_back (like, settings)) { /* which was said then */
        network->report = (struct precision_report) { .used = PRECISION_FP32 };
        return plan_new (model_graph (network->model), options, reason);
    }
    options->precision = wanted_precision (network->model, settings);
    const struct precision_request request = {
        .of_file = settings->precision == PRECISION_CHOICE_AUTO,
        .ranges_file = settings->ranges_file,
        .spec = &spec,
        .go_on = goes_on,
        .before = like && same_calibration (&like->calibrated, settings) ? &like->report : NULL,
    };
    return precision_plan (network->model, options, &request, &network->report, reason);
}

/* Takes the references to `model`, `class_map` and `names`, also when it fails; `like` (or NULL) as in
 * network_again. */
static struct network *new_network (struct model *model, struct class_map *class_map, GHashTable *names,
                                    const struct settings *settings, const struct network *like, struct error *reason)
{
    struct network *network = g_new0 (struct network, 1);
    const char *taps[TAPS_MAX];
    network->model = model;
    network->class_map = class_map;
    network->names = names;
    if (!watch (network, settings, like ? like->watched : NULL, reason)) {
        network_free (network);
        return NULL;
    }
    network->replaces = settings_replacement (settings, &network->replacement);
    struct plan_options options = {
        .threads = (int)settings->threads,
        .algorithm = settings->algorithm,
        .activation = network->replaces ? &network->replacement : NULL,
        .seconds = (double)settings->max_inference_time / GST_SECOND,
        .timed = true, /* two looks at the clock a step: some microseconds a frame */
        .taps = taps,
        .tap_count = choose_taps (network, settings, taps),
        .drop_weights = true,
        .untried = true, /* see try_out */
    };
    network->plan = make_plan (network, &options, settings, like, reason);
    const struct input_spec *spec = model_input (model);
    if (network->plan) {
        network->input = g_try_new0 (float, (gsize)spec->channels * spec->height * spec->width);
        if (network->input)
            return network;
        snprintf (reason->text, sizeof reason->text, "%s: no memory for its input of %d x %d x %d", model_path (model),
                  spec->channels, spec->height, spec->width);
    }
    network_free (network);
    return NULL;
}

/* One run over zeros: memory is touched before the first frame, and how long a frame will take is known by then. Not
 * where the cache folder tells, or another element of the same file. FALSE: it was stopped; the network is freed. By
 * the model's holder. */
static gboolean try_out (struct network *network, GError **error)
{
    GstClockTime start = gst_util_get_timestamp ();
    network->first_run = model_trial (network->model, network->plan);
    if (network->first_run > 0)
        return TRUE;
    gboolean wanted = plan_run_unless_stopped (network->plan, network->input);
    network->first_run = gst_util_get_timestamp () - start;
    if (wanted) {
        model_tell_trial (network->model, network->plan, network->first_run);
    } else {
        g_set_error (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT, "Loading the network was given up");
        network_free (network);
    }
    return wanted;
}

/* A network that was just loaded, of a model that this thread holds. Other networks of the same file may have packed
 * its weights as this one needs them, and dropped them as given: it is tried without them first. */
static struct network *first_network (struct model *model, const struct settings *settings, struct error *reason)
{
    if (settings->precision == PRECISION_CHOICE_INT8 && !model_need_weights (model, reason))
        return NULL; /* by them a file of ranges is known to be of this network */
    for (gboolean with = model_has_weights (model);; with = TRUE) {
        struct network *network = NULL;
        struct class_map *map = class_map_new (model_graph (model), model_output (model));
        if (map)
            network = new_network (model_ref (model), map, class_names_new (model), settings, NULL, reason);
        if (with || (network && !lacks_int8 (network, settings)))
            return network;
        network_free (network);
        if (!model_need_weights (model, reason))
            return NULL;
    }
}

static struct network *load_within (const struct settings *settings, GError **error)
{
    struct error reason = { "" };
    struct network *network = NULL;
    gboolean stand_in;
    struct model *model = load_model (settings, &stand_in, &reason);
    if (model && check_model (model, &reason))
        network = first_network (model, settings, &reason);
    if (!network)
        set_load_error (settings, &reason, error);
    else if (!try_out (network, error))
        network = NULL;
    struct packed_kept *kept = network ? model_to_keep (model) : NULL;
    if (model)
        model_release (model); /* the plan has its packed weights */
    if (kept)
        network->keeping = keeping_start (model, kept);
    model_unref (model);
    if (network) {
        network->model_file = g_strdup (settings->model_file);
        network->labels_file = g_strdup (settings->labels_file);
        network->stand_in = stand_in;
    }
    return network;
}

struct network *network_load (const struct settings *settings, GError **error)
{
    struct work work;
    gboolean own = !work_has_account ();
    if (own)
        work_begin (&work, WORK_STEPS, NULL);
    struct network *network = load_within (settings, error);
    if (own)
        work_end (&work);
    return network;
}

/* Ranges are to be found for int8, which takes the weights as they are given. */
static gboolean needs_weights (const struct network *network, const struct settings *settings)
{
    gboolean found = network->report.kept && same_calibration (&network->calibrated, settings);
    return settings->precision == PRECISION_CHOICE_INT8 && !found && !fell_back (network, settings);
}

/* The same model and files run as `settings` say. */
struct network *network_again (const struct network *network, const struct settings *settings)
{
    struct error reason = { "" };
    struct network *again = NULL;
    if (!model_hold (network->model, &reason))
        return NULL;
    if (model_has_weights (network->model) || !needs_weights (network, settings))
        again = new_network (model_ref (network->model), class_map_ref (network->class_map),
                             g_hash_table_ref (network->names), settings, network, &reason);
    if (again && lacks_int8 (again, settings) && !fell_back (network, settings))
        g_clear_pointer (&again, network_free); /* perhaps only since the weights are gone */
    if (again && !try_out (again, NULL))
        again = NULL;
    model_release (network->model);
    if (!again)
        return NULL; /* it needs weights in a form that was never made, and so the file */
    again->model_file = g_strdup (network->model_file);
    again->labels_file = g_strdup (network->labels_file);
    again->stand_in = network->stand_in;
    return again;
}

static void network_clear (struct network *network)
{
    keeping_free (network->keeping);
    plan_free (network->plan);
    ranges_free (network->report.kept);
    settings_clear (&network->calibrated);
    model_unref (network->model);
    if (network->class_map)
        class_map_unref (network->class_map);
    g_clear_pointer (&network->names, g_hash_table_unref);
    layers_clear (&network->layers);
    layers_clear (&network->tensor_layers.choice);
    watched_unref (network->watched);
    g_free (network->watched_remark);
    g_free (network->model_file);
    g_free (network->labels_file);
    g_free (network->input);
}

void network_free (struct network *network)
{
    if (!network)
        return;
    network_clear (network);
    g_free (network);
}

/* ---- a thread of its own --------------------------------------------------------------------------------------- */

struct loading {
    GThread *thread; /* NULL: none could be made, and it was loaded in loading_start */
    struct settings settings;
    struct network like; /* what network_again reads of the one that runs; model NULL: another file is wanted */
    struct network *network;
    GError *error;
    atomic_bool stop; /* nobody wants it any more */
    gint done;        /* atomic: network or error are there; neither where it was stopped late */
};

static gpointer load (gpointer data)
{
    struct loading *loading = data;
    struct work work;
    fesetenv (FE_DFL_ENV);
    work_begin (&work, WORK_STEPS, &loading->stop);
    if (loading->like.model)
        loading->network = network_again (&loading->like, &loading->settings);
    if (!loading->network && !loading_stopped (loading))
        loading->network = network_load (&loading->settings, &loading->error);
    work_end (&work);
    g_atomic_int_set (&loading->done, 1);
    return NULL;
}

struct loading *loading_start (const struct settings *settings, const struct network *like)
{
    struct loading *loading = g_new0 (struct loading, 1);
    settings_copy (&loading->settings, settings);
    if (like) {
        loading->like.model = model_ref (like->model);
        loading->like.class_map = class_map_ref (like->class_map);
        loading->like.names = g_hash_table_ref (like->names);
        loading->like.watched = like->watched ? watched_ref (like->watched) : NULL;
        loading->like.model_file = g_strdup (like->model_file);
        loading->like.labels_file = g_strdup (like->labels_file);
        loading->like.stand_in = like->stand_in;
        loading->like.report = like->report;
        loading->like.report.kept = like->report.kept ? ranges_copy (like->report.kept) : NULL;
        settings_copy (&loading->like.calibrated, &like->calibrated);
    }
    loading->thread = g_thread_try_new ("convrelu-load", load, loading, NULL);
    if (!loading->thread)
        load (loading);
    return loading;
}

void loading_stop (struct loading *loading)
{
    atomic_store (&loading->stop, true);
}

gboolean loading_stopped (struct loading *loading)
{
    return atomic_load (&loading->stop);
}

gboolean loading_done (struct loading *loading)
{
    return g_atomic_int_get (&loading->done);
}

struct network *loading_finish (struct loading *loading, GError **error)
{
    if (loading->thread)
        g_thread_join (loading->thread);
    struct network *network = loading->network;
    if (loading->error)
        g_propagate_error (error, loading->error);
    settings_clear (&loading->settings);
    network_clear (&loading->like);
    g_free (loading);
    return network;
}
