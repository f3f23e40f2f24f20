/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* caption_text.c: a graph's operations and measured numbers, short enough for a caption; see caption_text.h. */
#include "plugin/overlay/caption_text.h"

#include <string.h>

#include "plugin/layer_labels.h"

static const char *activation_in_words (struct activation activation)
{
    static const char *const names[] = {
#define ACTIVATION(KIND, name, words, formula, negatives) words,
#include "engine/activations.def"
    };
    if (activation.kind == ACTIVATION_CLIP && activation.alpha == 0)
        return activation.beta == 6 ? "ReLU6" : "ReLU (clipped)";
    return names[activation.kind];
}

/* What makes the values that go into an activation. */
static const char *operation_in_words (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id), in = graph_tensor (g, tensor.inputs[0]);
    gboolean conv = strcmp (tensor.operation, "conv") == 0;
    if (strcmp (tensor.operation, "batch-norm") == 0 || strcmp (tensor.operation, "affine") == 0)
        return strcmp (in.operation, "conv") == 0 ? "conv + BN" : "BN";
    if (strcmp (tensor.operation, "add") == 0)
        return "sum of both paths";
    return conv ? "conv" : tensor.operation;
}

/* The activation that runs there: the layer's own, or the one that replaces all of them. */
static struct activation running_activation (const struct network *network, const struct layer *layer)
{
    struct tensor_info tensor = graph_tensor (model_graph (network->model), layer->post);
    if (network->replaces)
        return network->replacement;
    if (strcmp (tensor.operation, "mul") == 0) { /* layers.c: a gated product */
        int gate = tensor.inputs[0] == layer->pre ? tensor.inputs[1] : tensor.inputs[0];
        struct activation of = graph_tensor (model_graph (network->model), gate).activation;
        return (struct activation) { of.kind == ACTIVATION_SIGMOID ? ACTIVATION_SILU : ACTIVATION_HARD_SWISH, 0, 0 };
    }
    return tensor.activation;
}

const char *caption_activation (const struct network *network, const struct layer *layer)
{
    return layer->pre == layer->post ? "" : activation_in_words (running_activation (network, layer));
}

/* Whether values below zero may come out. */
static gboolean keeps_negatives (struct activation activation)
{
    static const gboolean negatives[] = {
#define ACTIVATION(KIND, name, words, formula, negatives) negatives,
#include "engine/activations.def"
    };
    return activation.kind == ACTIVATION_CLIP ? activation.alpha < 0 : negatives[activation.kind];
}

void caption_of_layer (struct layer_caption *caption, const struct network *network, int layer, gboolean pre)
{
    const struct graph *g = model_graph (network->model);
    const struct layer *which = &network->layers.layer[layer];
    struct tensor_info tensor = graph_tensor (g, which->post);
    *caption =
        (struct layer_caption) { .role = which->role, .name = network->layers.label[layer], .pre = pre, .sign = TRUE };
    g_snprintf (caption->shape, sizeof caption->shape, "%d × %d × %d", tensor.channels, tensor.height, tensor.width);
    caption->moment = which->pre == which->post ? "" : pre ? "before" : "after";
    if (pre || which->pre == which->post) {
        g_strlcpy (caption->source, operation_in_words (g, which->pre), sizeof caption->source);
        return;
    }
    struct activation activation = running_activation (network, which);
    caption->cuts = activation.kind == ACTIVATION_RELU || (activation.kind == ACTIVATION_CLIP && activation.alpha == 0);
    caption->sign = keeps_negatives (activation);
    g_snprintf (caption->source, sizeof caption->source, "%s%s", activation.kind == ACTIVATION_NONE ? "" : "after ",
                activation_in_words (activation));
}

void caption_share (char *text, gsize size, double share)
{
    int percent = (int)(CLAMP (share, 0.0, 1.0) * 100 + 0.5);
    if (percent == 0 && share > 0)
        g_strlcpy (text, "< 1 %", size);
    else if (percent == 100 && share < 1)
        g_strlcpy (text, "> 99 %", size);
    else
        g_snprintf (text, size, "%d %%", percent);
}

void caption_fact (char *text, gsize size, const struct layer_caption *caption, const struct layer_stats *stats)
{
    char share[16];
    caption_share (share, sizeof share,
                   (double)(caption->cuts ? 1 - stats->exactly_zero : stats->not_above - stats->exactly_zero));
    g_snprintf (text, size, "%s: %s %s", caption->source, share, caption->cuts ? "active" : "below 0");
}

const char *caption_scale (gboolean both)
{
    return both ? "one scale before and after" : "each map to its own max";
}

const char *caption_role (const char *role)
{
    return *role == 'e' ? "edges, colours" : *role == 'm' ? "patterns, parts" : *role == 'l' ? "objects" : "";
}

void caption_strip (char *text, gsize size, int shown, int layers)
{
    if (shown < layers)
        g_snprintf (text, size, "%% active, %d of %d", shown, layers);
    else
        g_snprintf (text, size, "%% active, %d layer%s", layers, layers == 1 ? "" : "s");
}

static void add_time (GPtrArray *lines, const char *of, GstClockTime time)
{
    if (time > 0) /* else it is not known yet */
        g_ptr_array_add (lines, g_strdup_printf ("%s %.1f ms", of, time / 1e6));
}

char **caption_stats (const struct overlay_times *times, const struct network *network,
                      const struct layer_figures *figures, int count)
{
    enum { ENOUGH = 30 }; /* frames, a second or so: what was never active in them may be called that */
    GPtrArray *lines = g_ptr_array_new ();
    if (times->fps > 0)
        g_ptr_array_add (lines, g_strdup_printf ("%.1f frames/s", times->fps));
    add_time (lines, "convert", times->convert);
    add_time (lines, "network", times->inference);
    add_time (lines, "drawing", times->overlay);
    for (int i = 0; i < count; i++) {
        const char *role = i < network->layers.count ? network->layers.layer[i].role : "";
        const char *name = i < network->layers.count ? network->layers.label[i] : figures[i].name;
        GString *line = g_string_new (NULL);
        g_string_printf (line, "%s: %.0f %% ≤ 0", *role ? role : name, figures[i].zero * 100);
        if (figures[i].dead > 0 && figures[i].frames >= ENOUGH)
            g_string_append_printf (line, ", %d never active so far", figures[i].dead);
        g_ptr_array_add (lines, g_string_free (line, FALSE));
    }
    g_ptr_array_add (lines, NULL);
    return (char **)g_ptr_array_free (lines, FALSE);
}

/* ---- classes --------------------------------------------------------------------------------------------------- */

gboolean caption_knows (const struct network *network, const struct calm_rows *calm, gboolean before)
{
    static const char bundled[] = "(bundled)", background[] = "background"; /* models/default/README.md */
    static const float enough = 0.3f, still = 0.25f;
    if (network->stand_in || calm->count == 0 || strcmp (model_path (network->model), bundled) != 0)
        return TRUE;
    return strcmp (model_label (network->model, calm->ids[0]), background) != 0 &&
           calm->scores[0] >= (before ? still : enough);
}

char *caption_nothing (const struct calm_rows *calm, gboolean known, float threshold)
{
    if (calm->count == 0)
        return g_strdup_printf ("nothing above %.3g %%", (double)threshold * 100);
    return known ? NULL : g_strdup ("nothing I know");
}

int caption_rows (struct label_row *rows, int room, const struct network *network, const struct calm_rows *calm,
                  const char *nothing)
{
    enum { ROOM_FOR_MORE = 3 }; /* rows: with fewer, another class says more than "+ 4 more" */
    if (nothing) {
        rows[0] = (struct label_row) { .part = 0 };
        g_strlcpy (rows[0].text, nothing, sizeof rows[0].text);
        return 1;
    }
    int all = calm->count + calm->more, count = MIN (calm->count, room);
    gboolean cut = count < all && room >= ROOM_FOR_MORE;
    if (cut && count == room)
        count--;
    for (int i = 0; i < count; i++) {
        g_strlcpy (rows[i].text, model_short_label (network->model, calm->ids[i]), sizeof rows[i].text);
        caption_share (rows[i].share, sizeof rows[i].share, (double)calm->scores[i]);
        rows[i].part = (double)calm->scores[i];
    }
    if (cut) {
        rows[count] = (struct label_row) { .part = 0 };
        g_snprintf (rows[count].text, sizeof rows[count].text, "+ %d more", all - count);
        count++;
    }
    return count;
}

void caption_class_channels (char *text, gsize size, const struct network *network, const struct channel_wish *wish)
{
    if (!wish->weights)
        g_strlcpy (text, "one map per class, with its mean", size);
    else if (wish->other_id < 0)
        g_snprintf (text, size, "adds most to: %s", model_short_label (network->model, wish->class_id));
    else
        g_snprintf (text, size, "adds most to: %s, then %s", model_short_label (network->model, wish->class_id),
                    model_short_label (network->model, wish->other_id));
}

char **caption_heat (const struct network *network, int class_id, const char *nothing, gboolean cut)
{
    const struct class_map *map = network->class_map;
    GPtrArray *lines = g_ptr_array_new ();
    if (class_id < 0) {
        g_ptr_array_add (lines, g_strdup (nothing));
    } else if (map->weights || map->channel_is_class) {
        g_ptr_array_add (lines, g_strdup (model_short_label (network->model, class_id)));
        g_ptr_array_add (lines, g_strdup ("class activation: where it is seen"));
    } else {
        char *name = layer_label (graph_tensor (model_graph (network->model), map->map).name);
        g_ptr_array_add (lines, g_strdup ("mean activation, of no class"));
        g_ptr_array_add (lines, g_strdup_printf ("(layer %s)", name));
        g_free (name);
    }
    if (cut)
        g_ptr_array_add (lines, g_strdup ("the network sees what is inside the lines"));
    g_ptr_array_add (lines, NULL);
    return (char **)g_ptr_array_free (lines, FALSE);
}
