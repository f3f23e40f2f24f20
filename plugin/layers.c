/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layers.c: names, globs and three words -> layers of a graph; see layers.h. */
#include "plugin/layers.h"

#include <string.h>

#include "models/nearest.h"
#include "plugin/layer_labels.h"

/* ---- what is a layer ------------------------------------------------------------------------------------------- */

static gboolean is (const struct tensor_info *tensor, const char *operation)
{
    return strcmp (tensor->operation, operation) == 0;
}

gboolean layers_spatial (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id);
    return tensor.height > 1 || tensor.width > 1;
}

static gboolean gates (const struct tensor_info *gate, int x)
{
    return is (gate, "activation") && gate->inputs[0] == x &&
           (gate->activation.kind == ACTIVATION_SIGMOID || gate->activation.kind == ACTIVATION_HARD_SIGMOID);
}

/* [tensor] for each that is a gate of some x the first product of x and it, for all others -1. */
static int *gated_products (const struct graph *g)
{
    int *products = g_new (int, graph_tensors (g));
    for (int id = 0; id < graph_tensors (g); id++) {
        struct tensor_info product = graph_tensor (g, id);
        products[id] = -1;
        for (int i = 0; is (&product, "mul") && i < 2; i++) {
            struct tensor_info gate = graph_tensor (g, product.inputs[i]);
            if (products[product.inputs[i]] < 0 && gates (&gate, product.inputs[1 - i]))
                products[product.inputs[i]] = id;
        }
    }
    return products;
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
    int *products = gated_products (g);
    for (int id = 0; id < graph_tensors (g); id++) {
        struct tensor_info tensor = graph_tensor (g, id);
        if (is (&tensor, "activation"))
            add_layer (g, last, layers, products[id] >= 0 ? products[id] : id, tensor.inputs[0]);
    }
    g_free (products);
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

static const char *const depths[] = { "early", "middle", "late" };

/* The n-th thing that `word` might have meant: first the words for a depth, then the layers. */
static const char *candidate (const struct graph *g, const GArray *layers, guint n)
{
    return n < G_N_ELEMENTS (depths)
               ? depths[n]
               : graph_tensor (g, g_array_index (layers, struct layer, n - G_N_ELEMENTS (depths)).post).name;
}

/* Appends what `word` might have meant, nearest first. */
static void append_near (GString *text, const struct graph *g, const GArray *layers, const char *word)
{
    enum { TYPING_ERRORS = 2 }; /* in a word for a depth */
    guint count = layers->len + G_N_ELEMENTS (depths);
    int *score = g_new (int, count);
    for (guint i = 0; i < count; i++) {
        score[i] = nearest_unlikeness (word, candidate (g, layers, i));
        if (i < G_N_ELEMENTS (depths)) {
            int errors = nearest_distance (word, depths[i]);
            score[i] = errors <= TYPING_ERRORS ? errors : NEAREST_NEVER;
        }
    }
    for (int n = 0, best; n < NEAREST_SHOWN && (best = nearest_take (score, (int)count)) >= 0; n++)
        g_string_append_printf (text, "%s%s", n ? ", " : "; the nearest are ", candidate (g, layers, (guint)best));
    g_free (score);
}

/* ---- choosing -------------------------------------------------------------------------------------------------- */

/* A layer that some word asks for. */
struct wish {
    struct layer layer;
    gboolean named; /* itself, not by a glob */
};

/* The wishes so far, each layer once. */
struct wishes {
    GArray *wish;
    GHashTable *at; /* id of post -> 1 + its place */
};

static void add_wish (struct wishes *wishes, struct layer layer, const char *role, gboolean named)
{
    gpointer at = g_hash_table_lookup (wishes->at, GINT_TO_POINTER (layer.post));
    if (at) {
        struct wish *before = &g_array_index (wishes->wish, struct wish, GPOINTER_TO_UINT (at) - 1);
        before->named |= named;
        if (*role && !*before->layer.role)
            before->layer.role = role;
        return;
    }
    struct wish wish = { layer, named };
    wish.layer.role = role;
    g_array_append_val (wishes->wish, wish);
    g_hash_table_insert (wishes->at, GINT_TO_POINTER (layer.post), GUINT_TO_POINTER (wishes->wish->len));
}

/* One of the three words. FALSE: it is another word, or the network has no maps. */
static gboolean wish_by_depth (const struct graph *g, const GArray *layers, const char *word, struct wishes *wishes)
{
    GArray *maps = g_array_new (FALSE, FALSE, sizeof (struct layer));
    gboolean found = FALSE;
    for (guint i = 0; i < layers->len; i++)
        if (layers_spatial (g, g_array_index (layers, struct layer, i).post))
            g_array_append_val (maps, g_array_index (layers, struct layer, i));
    for (guint r = 0; maps->len > 0 && r < G_N_ELEMENTS (depths); r++) {
        if (strcmp (word, depths[r]) != 0)
            continue;
        guint at = r == 0 ? 0 : r == 1 ? maps->len / 2 : maps->len - 1;
        add_wish (wishes, g_array_index (maps, struct layer, at), depths[r], TRUE);
        found = TRUE;
    }
    g_array_unref (maps);
    return found;
}

/* The label of each of the graph's layers: [layers->len], and of `more` tensors (ids) behind them. */
static char **labels_of (const struct graph *g, const GArray *layers, const int *more, guint count)
{
    const char **names = g_new (const char *, layers->len + count + 1);
    for (guint i = 0; i < layers->len; i++)
        names[i] = graph_tensor (g, g_array_index (layers, struct layer, i).post).name;
    for (guint i = 0; i < count; i++)
        names[layers->len + i] = graph_tensor (g, more[i]).name;
    char **labels = layer_labels_new (names, layers->len + count);
    g_free (names);
    return labels;
}

static gboolean wish_by_label (const struct graph *g, const GArray *layers, const char *word, struct wishes *wishes)
{
    gboolean found = FALSE;
    char **labels = labels_of (g, layers, NULL, 0);
    for (guint i = 0; i < layers->len; i++)
        if (strcmp (labels[i], word) == 0) {
            add_wish (wishes, g_array_index (layers, struct layer, i), "", TRUE);
            found = TRUE;
        }
    layer_labels_free (labels, layers->len);
    return found;
}

/* Layers by name or glob; where none fits, any tensor of that name, shown as it is. */
static gboolean wish_by_name (const struct graph *g, GHashTable *last, const GArray *layers, const char *word,
                              struct wishes *wishes)
{
    GPatternSpec *pattern = g_pattern_spec_new (word);
    gboolean found = FALSE, named = strpbrk (word, "*?") == NULL;
    for (guint i = 0; i < layers->len; i++) {
        struct layer layer = g_array_index (layers, struct layer, i);
        if (g_pattern_spec_match_string (pattern, graph_tensor (g, layer.post).name)) {
            add_wish (wishes, layer, "", named);
            found = TRUE;
        }
    }
    gboolean any = !found;
    for (int id = 0; any && id < graph_tensors (g); id++) {
        const char *name = graph_tensor (g, id).name;
        if (name && g_pattern_spec_match_string (pattern, name) && reachable (g, last, id)) {
            add_wish (wishes, (struct layer) { .post = id, .pre = id }, "", named);
            found = TRUE;
        }
    }
    g_pattern_spec_free (pattern);
    return found || wish_by_label (g, layers, word, wishes);
}

/* The n-th of `take` places spread evenly from the first to the last of `all`. */
static guint spread (guint n, guint take, guint all)
{
    return take > 1 ? (guint)(((guint64)n * (all - 1) * 2 + take - 1) / (2 * (guint64)(take - 1))) : (all - 1) / 2;
}

/* As many of the wishes as can be shown. */
static void grant (const struct wishes *wishes, struct layer_choice *choice, GString *remark)
{
    guint count = wishes->wish->len, named = 0, glob = 0, taken = 0;
    for (guint i = 0; i < count; i++)
        named += g_array_index (wishes->wish, struct wish, i).named;
    guint all = count - named, room = LAYERS_MAX - MIN (named, LAYERS_MAX), take = MIN (all, room);
    for (guint i = 0; i < count && choice->count < LAYERS_MAX; i++) {
        const struct wish *wish = &g_array_index (wishes->wish, struct wish, i);
        if (!wish->named && (taken == take || glob++ != spread (taken, take, all)))
            continue;
        taken += !wish->named;
        choice->layer[choice->count++] = wish->layer;
    }
    if (count > (guint)choice->count)
        g_string_append_printf (remark, "%slayers matches %u layers, of which %d can be shown: %s",
                                remark->len ? ". " : "", count, choice->count,
                                named >= LAYERS_MAX
                                    ? "the first that are named"
                                    : "those that are named and some from all over the network's depth");
}

static void label_chosen (const struct graph *g, const GArray *layers, struct layer_choice *choice)
{
    int more[LAYERS_MAX];
    guint count = 0, at[LAYERS_MAX];
    GHashTable *places = g_hash_table_new (NULL, NULL); /* id of post -> 1 + its place among the layers */
    for (guint i = 0; i < layers->len; i++)
        g_hash_table_insert (places, GINT_TO_POINTER (g_array_index (layers, struct layer, i).post),
                             GUINT_TO_POINTER (i + 1));
    for (int i = 0; i < choice->count; i++) {
        at[i] = GPOINTER_TO_UINT (g_hash_table_lookup (places, GINT_TO_POINTER (choice->layer[i].post)));
        if (at[i] == 0) {
            more[count++] = choice->layer[i].post;
            at[i] = layers->len + count;
        }
    }
    char **labels = labels_of (g, layers, more, count);
    for (int i = 0; i < choice->count; i++)
        choice->label[i] = g_strdup (labels[at[i] - 1]);
    layer_labels_free (labels, layers->len + count);
    g_hash_table_unref (places);
}

void layers_choose (const struct graph *g, const char *words, struct layer_choice *choice)
{
    GHashTable *last = last_of_names (g);
    GArray *layers = find_layers (g, last);
    GString *remark = g_string_new (NULL);
    struct wishes wishes = { g_array_new (FALSE, FALSE, sizeof (struct wish)), g_hash_table_new (NULL, NULL) };
    char **list = g_strsplit (words ? words : "", ",", -1);
    *choice = (struct layer_choice) { .count = 0 };
    for (char **word = list; *word; word++) {
        g_strstrip (*word);
        if (!**word || wish_by_depth (g, layers, *word, &wishes) || wish_by_name (g, last, layers, *word, &wishes))
            continue;
        g_string_append_printf (remark, "%sNo layer is called \"%s\"", remark->len ? ". " : "", *word);
        append_near (remark, g, layers, *word);
    }
    grant (&wishes, choice, remark);
    if (choice->count > 0)
        label_chosen (g, layers, choice);
    choice->remark = g_string_free (remark, remark->len == 0);
    g_strfreev (list);
    g_array_unref (wishes.wish);
    g_hash_table_unref (wishes.at);
    g_array_unref (layers);
    g_hash_table_unref (last);
}

void layers_clear (struct layer_choice *choice)
{
    g_free (choice->remark);
    for (int i = 0; i < choice->count; i++)
        g_free (choice->label[i]);
    *choice = (struct layer_choice) { .count = 0 };
}
