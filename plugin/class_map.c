/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* class_map.c: the graph's end -> which tensor, with which weights, is the class-activation map; see class_map.h. */
#include "plugin/class_map.h"

#include <math.h>
#include <string.h>

#include "plugin/layers.h"

static gboolean is (const struct tensor_info *tensor, const char *operation)
{
    return strcmp (tensor->operation, operation) == 0;
}

/* Taps go by name: a tensor whose name another one bears after it cannot be had. */
static gboolean can_be_tapped (const struct graph *g, int id)
{
    const char *name = graph_tensor (g, id).name;
    return name && *name && graph_find (g, name) == id;
}

/* Back over what changes neither the numbers' meaning nor their order. */
static int behind_shapes (const struct graph *g, int id)
{
    while (id >= 0) {
        struct tensor_info tensor = graph_tensor (g, id);
        struct tensor_info in = graph_tensor (g, tensor.inputs[0]);
        gboolean shape = is (&tensor, "reshape") && in.height * in.width == 1;
        if (!shape && !is (&tensor, "softmax") && !is (&tensor, "quantise"))
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
    GArray *layers = layers_all (g);
    int map = -1;
    for (guint i = 0; i < layers->len; i++)
        if (layers_spatial (g, g_array_index (layers, struct layer, i).post))
            map = g_array_index (layers, struct layer, i).post;
    g_array_unref (layers);
    return map;
}

/* Those in use, without references. */
static GMutex lock;
static GList *maps;

/* NULL: the weights it needs were dropped. */
static struct class_map *make (struct graph *g, int output)
{
    int id = graph_outputs (g) > 0 ? behind_shapes (g, graph_output_id (g, output)) : -1;
    struct tensor_info end = graph_tensor (g, id);
    int pool = id;
    const float *weights = NULL;
    gboolean sums = FALSE;
    if (id >= 0 && (is (&end, "linear") || is (&end, "conv")) && end.height * end.width == 1) {
        sums = TRUE;
        weights = graph_weights (g, id);
        pool = behind_shapes (g, end.inputs[0]);
    }
    if (sums && !weights)
        return NULL;
    struct class_map *map = g_new0 (struct class_map, 1);
    map->references = 1;
    map->graph = graph_ref (g);
    map->output = output;
    map->classes = end.channels;
    int from = pool >= 0 && averages (g, pool) ? graph_tensor (g, pool).inputs[0] : -1;
    map->map = last_map (g);
    if (from < 0 || !layers_spatial (g, from) || !can_be_tapped (g, from))
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

struct class_map *class_map_new (struct graph *g, int output)
{
    struct class_map *map = NULL;
    g_mutex_lock (&lock);
    for (GList *l = maps; l && !map; l = l->next) {
        struct class_map *other = l->data;
        if (other->graph == g && other->output == output)
            map = other;
    }
    if (map)
        map->references++;
    else if ((map = make (g, output)))
        maps = g_list_prepend (maps, map);
    g_mutex_unlock (&lock);
    return map;
}

struct class_map *class_map_ref (struct class_map *map)
{
    g_mutex_lock (&lock);
    map->references++;
    g_mutex_unlock (&lock);
    return map;
}

void class_map_unref (struct class_map *map)
{
    if (!map)
        return;
    g_mutex_lock (&lock);
    gboolean last = --map->references == 0;
    if (last)
        maps = g_list_remove (maps, map);
    g_mutex_unlock (&lock);
    if (!last)
        return;
    graph_unref (map->graph);
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
