/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers.c: names, globs and three words -> layers of a graph; the graph's end -> class-activation map. See layers.h. */
#include "plugin/layers.h"

#include <math.h>
#include <string.h>

/* ---- what is a layer ------------------------------------------------------------------------------------------- */

static gboolean is (const struct tensor_info *tensor, const char *operation)
{
    return strcmp (tensor->operation, operation) == 0;
}

static gboolean spatial (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id);
    return tensor.height > 1 || tensor.width > 1;
}

/* The product of x and this gate of x, or -1. */
static int gated_product (const struct graph *g, int gate, const struct tensor_info *info)
{
    if (info->activation.kind != ACTIVATION_SIGMOID && info->activation.kind != ACTIVATION_HARD_SIGMOID)
        return -1;
    for (int id = gate + 1; id < graph_tensors (g); id++) {
        struct tensor_info user = graph_tensor (g, id);
        int x = info->inputs[0];
        if (is (&user, "mul") &&
            ((user.inputs[0] == gate && user.inputs[1] == x) || (user.inputs[0] == x && user.inputs[1] == gate)))
            return id;
    }
    return -1;
}

/* What graph_find would find, for all names at once: name -> id of the last tensor that bears it. */
static GHashTable *last_of_names (const struct graph *g)
{
    GHashTable *last = g_hash_table_new (g_str_hash, g_str_equal);
    for (int id = 0; id < graph_tensors (g); id++) {
        const char *name = graph_tensor (g, id).name;
        if (name && *name)
            g_hash_table_insert (last, (gpointer)name, GINT_TO_POINTER (id));
    }
    return last;
}

/* Taps go by name: a tensor whose name another one bears after it cannot be had. */
static gboolean reachable (const struct graph *g, GHashTable *last, int id)
{
    const char *name = graph_tensor (g, id).name;
    return name && *name && GPOINTER_TO_INT (g_hash_table_lookup (last, name)) == id;
}

static void add_layer (const struct graph *g, GHashTable *last, GArray *layers, int post, int pre)
{
    struct layer layer = { .post = post, .pre = pre, .role = "" };
    if (reachable (g, last, post) && reachable (g, last, pre))
        g_array_append_val (layers, layer);
}

static GArray *find_layers (const struct graph *g, GHashTable *last)
{
    GArray *layers = g_array_new (FALSE, FALSE, sizeof (struct layer));
    for (int id = 0; id < graph_tensors (g); id++) {
        struct tensor_info tensor = graph_tensor (g, id);
        if (!is (&tensor, "activation"))
            continue;
        int product = gated_product (g, id, &tensor);
        add_layer (g, last, layers, product >= 0 ? product : id, tensor.inputs[0]);
    }
    for (int id = 0; layers->len == 0 && id < graph_tensors (g); id++) {
        struct tensor_info tensor = graph_tensor (g, id);
        if (is (&tensor, "conv"))
            add_layer (g, last, layers, id, id);
    }
    return layers;
}

GArray *layers_all (const struct graph *g)
{
    GHashTable *last = last_of_names (g);
    GArray *layers = find_layers (g, last);
    g_hash_table_unref (last);
    return layers;
}

/* ---- near matches ---------------------------------------------------------------------------------------------- */

enum { NAME_MAX_COMPARED = 63, NEAR_SHOWN = 5 };

/* How many characters to change, add or leave out; of the first NAME_MAX_COMPARED of each. */
static int distance (const char *a, const char *b)
{
    int row[NAME_MAX_COMPARED + 1], columns = (int)MIN (strlen (b), NAME_MAX_COMPARED);
    for (int j = 0; j <= columns; j++)
        row[j] = j;
    for (int i = 0; a[i] && i < NAME_MAX_COMPARED; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < columns; j++) {
            int change = diagonal + (g_ascii_tolower (a[i]) != g_ascii_tolower (b[j]));
            diagonal = row[j + 1];
            row[j + 1] = MIN (change, MIN (row[j], diagonal) + 1);
        }
    }
    return row[columns];
}

/* How unlike the two are: 0 and above, contained ones first. */
static int unlikeness (const char *word, const char *name)
{
    char *w = g_ascii_strdown (word, -1), *n = g_ascii_strdown (name, -1);
    gboolean inside = strstr (n, w) || strstr (w, n);
    g_free (w);
    g_free (n);
    return inside ? 0 : 1 + distance (word, name);
}

/* Appends what `word` might have meant, nearest first. */
static void append_near (GString *text, const struct graph *g, const GArray *layers, const char *word)
{
    gboolean *used = g_new0 (gboolean, layers->len + 1);
    for (int n = 0; n < NEAR_SHOWN; n++) {
        int best = -1, best_score = G_MAXINT;
        for (guint i = 0; i < layers->len; i++) {
            int score = unlikeness (word, graph_tensor (g, g_array_index (layers, struct layer, i).post).name);
            if (!used[i] && score < best_score) {
                best = (int)i;
                best_score = score;
            }
        }
        if (best < 0)
            break;
        used[best] = TRUE;
        g_string_append_printf (text, "%s%s", n ? ", " : "; the nearest are ",
                                graph_tensor (g, g_array_index (layers, struct layer, best).post).name);
    }
    g_free (used);
}

/* ---- choosing -------------------------------------------------------------------------------------------------- */

static void choose (struct layer_choice *choice, struct layer layer, const char *role)
{
    for (int i = 0; i < choice->count; i++)
        if (choice->layer[i].post == layer.post)
            return;
    if (choice->count == LAYERS_MAX)
        return;
    layer.role = role;
    choice->layer[choice->count++] = layer;
}

/* One of the three words. FALSE: it is another word, or the network has no maps. */
static gboolean choose_by_depth (const struct graph *g, const GArray *layers, const char *word,
                                 struct layer_choice *choice)
{
    static const char *const roles[] = { "early", "middle", "late" };
    GArray *maps = g_array_new (FALSE, FALSE, sizeof (struct layer));
    gboolean found = FALSE;
    for (guint i = 0; i < layers->len; i++)
        if (spatial (g, g_array_index (layers, struct layer, i).post))
            g_array_append_val (maps, g_array_index (layers, struct layer, i));
    for (guint r = 0; maps->len > 0 && r < G_N_ELEMENTS (roles); r++) {
        if (strcmp (word, roles[r]) != 0)
            continue;
        guint at = r == 0 ? 0 : r == 1 ? maps->len / 2 : maps->len - 1;
        choose (choice, g_array_index (maps, struct layer, at), roles[r]);
        found = TRUE;
    }
    g_array_unref (maps);
    return found;
}

/* Layers by name or glob; where none fits, any tensor of that name, shown as it is. */
static gboolean choose_by_name (const struct graph *g, GHashTable *last, const GArray *layers, const char *word,
                                struct layer_choice *choice)
{
    GPatternSpec *pattern = g_pattern_spec_new (word);
    gboolean found = FALSE;
    for (guint i = 0; i < layers->len; i++) {
        struct layer layer = g_array_index (layers, struct layer, i);
        if (g_pattern_spec_match_string (pattern, graph_tensor (g, layer.post).name)) {
            choose (choice, layer, "");
            found = TRUE;
        }
    }
    gboolean any = !found;
    for (int id = 0; any && id < graph_tensors (g); id++) {
        const char *name = graph_tensor (g, id).name;
        if (name && g_pattern_spec_match_string (pattern, name) && reachable (g, last, id)) {
            choose (choice, (struct layer) { .post = id, .pre = id }, "");
            found = TRUE;
        }
    }
    g_pattern_spec_free (pattern);
    return found;
}

void layers_choose (const struct graph *g, const char *words, struct layer_choice *choice)
{
    GHashTable *last = last_of_names (g);
    GArray *layers = find_layers (g, last);
    GString *unknown = g_string_new (NULL);
    char **list = g_strsplit (words ? words : "", ",", -1);
    *choice = (struct layer_choice) { .count = 0 };
    for (char **word = list; *word; word++) {
        g_strstrip (*word);
        if (!**word || choose_by_depth (g, layers, *word, choice) || choose_by_name (g, last, layers, *word, choice))
            continue;
        g_string_append_printf (unknown, "%sNo layer is called \"%s\"", unknown->len ? ". " : "", *word);
        append_near (unknown, g, layers, *word);
    }
    choice->unknown = g_string_free (unknown, unknown->len == 0);
    g_strfreev (list);
    g_array_unref (layers);
    g_hash_table_unref (last);
}

void layers_clear (struct layer_choice *choice)
{
    g_free (choice->unknown);
    *choice = (struct layer_choice) { .count = 0 };
}

/* ---- class activation ------------------------------------------------------------------------------------------ */

/* Back over what changes neither the numbers' meaning nor their order. */
static int behind_shapes (const struct graph *g, int id)
{
    while (id >= 0) {
        struct tensor_info tensor = graph_tensor (g, id);
        struct tensor_info in = graph_tensor (g, tensor.inputs[0]);
        gboolean shape = is (&tensor, "reshape") && in.height * in.width == 1;
        if (!shape && !is (&tensor, "softmax"))
            break;
        id = tensor.inputs[0];
    }
    return id;
}

/* Whether the tensor averages each channel of its input, all pixels alike. */
static gboolean averages (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id);
    if (is (&tensor, "global-average-pool"))
        return TRUE;
    return is (&tensor, "average-pool") && tensor.height == 1 && tensor.width == 1;
}

static int last_map (const struct graph *g)
{
    struct layer_choice choice;
    layers_choose (g, "late", &choice);
    int map = choice.count ? choice.layer[0].post : -1;
    layers_clear (&choice);
    return map;
}

struct class_map *class_map_new (const struct graph *g)
{
    struct class_map *map = g_new0 (struct class_map, 1);
    int id = graph_outputs (g) > 0 ? behind_shapes (g, graph_output_id (g, 0)) : -1;
    struct tensor_info end = graph_tensor (g, id);
    map->references = 1;
    map->classes = end.channels;
    int pool = id;
    const float *weights = NULL;
    if (id >= 0 && (is (&end, "linear") || is (&end, "conv")) && end.height * end.width == 1) {
        weights = graph_weights (g, id);
        pool = behind_shapes (g, end.inputs[0]);
    }
    int from = pool >= 0 && averages (g, pool) ? graph_tensor (g, pool).inputs[0] : -1;
    map->map = last_map (g);
    GHashTable *last = last_of_names (g);
    gboolean there = from >= 0 && spatial (g, from) && reachable (g, last, from);
    g_hash_table_unref (last);
    if (!there)
        return map;
    struct tensor_info in = graph_tensor (g, from);
    gsize count = (gsize)end.channels * (gsize)in.channels;
    /* A 1x1 convolution of one group has just these multiply-accumulates. */
    if (weights && end.macs == count && graph_tensor (g, pool).channels == in.channels) {
        map->weights = g_try_new (float, count);
        if (map->weights)
            memcpy (map->weights, weights, count * sizeof (float));
    } else if (pool == id) {
        map->channel_is_class = TRUE;
    }
    if (map->weights || map->channel_is_class) {
        map->map = from;
        map->channels = in.channels;
    }
    return map;
}

struct class_map *class_map_ref (struct class_map *map)
{
    g_atomic_int_inc (&map->references);
    return map;
}

void class_map_unref (struct class_map *map)
{
    if (!map || !g_atomic_int_dec_and_test (&map->references))
        return;
    g_free (map->weights);
    g_free (map);
}

float class_map_draw (const struct class_map *map, const struct tensor *tensor, int class_id, float *out)
{
    int pixels = tensor->height * tensor->width;
    float most = 0;
    gboolean one = map->channel_is_class && class_id >= 0 && class_id < tensor->channels;
    const float *weights = map->weights && class_id >= 0 && class_id < map->classes
                               ? map->weights + (gsize)class_id * (gsize)map->channels
                               : NULL;
    memset (out, 0, (gsize)pixels * sizeof (float));
    for (int c = one ? class_id : 0; c < (one ? class_id + 1 : tensor->channels); c++) {
        const float *in = tensor->data + (gsize)c * (gsize)pixels;
        float weight = weights ? weights[c] : 1.0f;
        for (int i = 0; i < pixels; i++)
            out[i] += weight * in[i];
    }
    for (int i = 0; i < pixels; i++) {
        out[i] = out[i] > 0 && isfinite (out[i]) ? out[i] : 0;
        most = MAX (most, out[i]);
    }
    return most;
}
