/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_parts.c: layers made from the tensors of a file by their names.
 *
 * Nothing of the file is trusted: each tensor is looked up, its shape compared with what the layer needs, and marked as
 * used; whatever nobody used is refused in the end (network.c). */
#include "models/network_parts.h"

#include "models/report.h"

#include <glib.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct activation network_relu = { ACTIVATION_RELU, 0, 0 }, network_relu6 = { ACTIVATION_CLIP, 0, 6 },
                        network_silu = { ACTIVATION_SILU, 0, 0 }, network_hard_swish = { ACTIVATION_HARD_SWISH, 0, 0 },
                        network_sigmoid = { ACTIVATION_SIGMOID, 0, 0 },
                        network_hard_sigmoid = { ACTIVATION_HARD_SIGMOID, 1.f / 6, 0.5f },
                        network_gelu = { ACTIVATION_GELU, 0, 0 };

/* ---- names and tensors ------------------------------------------------------------------------------------------ */

struct name network_name (const char *format, ...)
{
    struct name name;
    va_list list;
    va_start (list, format);
    vsnprintf (name.text, sizeof name.text, format, list);
    va_end (list);
    return name;
}

/* "MODULE.PART", or MODULE where there is no part, as it is called in the file. The classifier may be outside of what
 * has the prefix. */
static const char *full_name (const struct network *n, char text[FULL_BYTES], const char *module, const char *part)
{
    bool head = *n->head && !strcmp (module, n->head);
    g_strlcpy (text, head ? "" : n->prefix, FULL_BYTES);
    g_strlcat (text, module, FULL_BYTES);
    if (*part)
        g_strlcat (text, ".", FULL_BYTES);
    g_strlcat (text, part, FULL_BYTES);
    return text;
}

static struct safetensor *find (const struct network *n, const char *module, const char *part)
{
    char name[FULL_BYTES];
    return safetensors_find (n->file, full_name (n, name, module, part));
}

bool network_has (const struct network *n, const char *name)
{
    return find (n, name, "") != NULL;
}

int network_size (const struct network *n, const char *module, int axis)
{
    const struct safetensor *t = find (n, module, "weight");
    return t && axis < t->rank && axis < SAFETENSORS_DIMENSIONS && t->shape[axis] <= INT_MAX ? (int)t->shape[axis] : 0;
}

int network_wrong (struct network *n, const char *name, const char *format, ...)
{
    char reason[256];
    va_list list;
    va_start (list, format);
    vsnprintf (reason, sizeof reason, format, list);
    va_end (list);
    report (n->error, "%s: tensor '%.128s': %s", report_path (n->file->path), name, reason);
    return -1;
}

int network_channels (const struct network *n, int x)
{
    return x < 0 ? 0 : graph_tensor (n->graph, x).channels;
}

float *network_take (struct network *n, const char *module, const char *part, struct wanted wanted)
{
    char name[FULL_BYTES], is[128], text[128] = "";
    struct safetensor *t = safetensors_find (n->file, full_name (n, name, module, part));
    if (n->error->text[0])
        return NULL;
    if (!t) {
        network_wrong (n, name, "is missing");
        return NULL;
    }
    bool fits = t->rank == wanted.rank;
    for (int i = 0; i < wanted.rank; i++) {
        int size = wanted.shape[i];
        fits = fits && t->shape[i] >= 1 && t->shape[i] <= INT_MAX && (!size || t->shape[i] == (uint64_t)size);
        size_t used = strlen (text);
        snprintf (text + used, sizeof text - used, size ? "%s%d" : "%sN", i ? "x" : "", size);
    }
    if (!fits) {
        network_wrong (n, name, "its shape is %s, not %s", safetensors_shape (t, is), text);
        return NULL;
    }
    if (t->used) { /* its bytes may be gone */
        network_wrong (n, name, "is needed by two layers");
        return NULL;
    }
    t->used = true;
    return safetensors_floats (n->file, t, n->error);
}

static float *take_channels (struct network *n, const char *module, const char *part, int channels)
{
    return network_take (n, module, part, (struct wanted) { 1, { channels } });
}

/* ---- layers ----------------------------------------------------------------------------------------------------- */

int network_input_of (struct network *n, const char *first, int side)
{
    int channels = network_size (n, first, 1);
    n->side = n->side ? n->side : side;
    return graph_input (n->graph, "input", channels == 1 || channels == 4 ? channels : 3, n->side, n->side);
}

/* TensorFlow's padding: as many outputs as strides begin in the input, what is needed for that split evenly. */
static void pad_same (int size, int kernel, int stride, int *before, int *after)
{
    int outputs = (size - 1) / stride, need = outputs * stride + kernel - size;
    *before = need > 0 ? need / 2 : 0;
    *after = need > 0 ? need - *before : 0;
}

static void set_padding (const struct network *n, int x, struct window window, struct conv *conv)
{
    struct tensor_info in = graph_tensor (n->graph, x);
    int kernel = conv->kernel_h;
    if (window.valid)
        return;
    conv->pad_top = conv->pad_bottom = conv->pad_left = conv->pad_right = kernel / 2;
    if (n->same) {
        pad_same (in.height, kernel, conv->stride_h, &conv->pad_top, &conv->pad_bottom);
        pad_same (in.width, kernel, conv->stride_w, &conv->pad_left, &conv->pad_right);
    }
}

int network_conv (struct network *n, int x, const char *name, struct window window)
{
    if (x < 0)
        return -1;
    int inputs = network_channels (n, x), outputs = network_size (n, name, 0), depth = network_size (n, name, 1);
    int kernel = window.kernel ? window.kernel : network_size (n, name, 2);
    const struct safetensor *t = find (n, name, "weight");
    bool matrix = t && t->rank == 2 && kernel <= 1;
    bool grouped =
        window.grouped && depth > 0 && depth < inputs && inputs % depth == 0 && outputs % (inputs / depth) == 0;
    int groups = grouped ? inputs / depth : 1, stride = window.stride ? window.stride : 1;
    kernel = matrix ? 1 : kernel;
    float *weights =
        network_take (n, name, "weight", (struct wanted) { matrix ? 2 : 4, { 0, inputs / groups, kernel, kernel } });
    float *bias = weights && window.bias ? take_channels (n, name, "bias", outputs) : NULL;
    struct conv conv = { .out_channels = outputs,
                         .kernel_h = kernel,
                         .kernel_w = kernel,
                         .stride_h = stride,
                         .stride_w = stride,
                         .groups = groups };
    if (weights)
        set_padding (n, x, window, &conv);
    bool good = weights && (bias || !window.bias);
    x = good ? graph_conv (n->graph, name, x, &conv, weights, bias) : -1;
    free (weights);
    free (bias);
    if (good && x < 0)
        network_wrong (n, NAME ("%s.weight", name), "%s", graph_error (n->graph));
    return x;
}

int network_norm (struct network *n, int x, const char *name)
{
    static const char *const parts[4] = { "weight", "bias", "running_mean", "running_var" };
    float *values[4] = { NULL };
    bool good = x >= 0;
    for (int i = 0; good && i < 4; i++) {
        values[i] = take_channels (n, name, parts[i], network_channels (n, x));
        good = values[i] != NULL;
    }
    if (good)
        x = graph_batch_norm (n->graph, name, x, values[0], values[1], values[2], values[3], n->epsilon);
    for (int i = 0; i < 4; i++)
        free (values[i]);
    return good ? x : -1;
}

int network_layer (struct network *n, int x, const char *conv, const char *norm, struct window window)
{
    return network_norm (n, network_conv (n, x, conv, window), norm);
}

int network_layer_norm (struct network *n, int x, const char *name, float epsilon)
{
    if (x < 0)
        return -1;
    float *scale = take_channels (n, name, "weight", network_channels (n, x));
    float *shift = scale ? take_channels (n, name, "bias", network_channels (n, x)) : NULL;
    x = shift ? graph_layer_norm (n->graph, NAME ("%s.normalised", name), x, &(struct normalise) { .epsilon = epsilon })
              : -1;
    x = graph_affine (n->graph, name, x, scale, shift);
    free (scale);
    free (shift);
    return x;
}

int network_scale (struct network *n, int x, const char *name, int rank)
{
    struct wanted wanted = { rank, { network_channels (n, x), 1, 1 } };
    float *scale = x >= 0 ? network_take (n, name, "", wanted) : NULL;
    x = scale ? graph_affine (n->graph, name, x, scale, NULL) : -1;
    free (scale);
    return x;
}

int network_activation (struct network *n, int x, const char *name, struct activation activation)
{
    return graph_activation (n->graph, name, x, n->replaced ? n->activation : activation);
}

int network_max_pool (struct network *n, int x, const char *name, struct pool pool)
{
    pool.kind = POOL_MAX;
    pool.kernel_w = pool.kernel_h;
    pool.stride_w = pool.stride_h;
    pool.pad_left = pool.pad_bottom = pool.pad_right = pool.pad_top;
    return graph_pool (n->graph, name, x, &pool);
}

int network_excite (struct network *n, int x, struct excitation how)
{
    static const struct window window = { .kernel = 1, .bias = true };
    int y = graph_global_pool (n->graph, NAME ("%s.pool", how.block), x, POOL_AVERAGE);
    y = network_conv (n, y, NAME ("%s.%s", how.block, how.reduce), window);
    y = network_activation (n, y, NAME ("%s.act", how.block), how.inner);
    y = network_conv (n, y, NAME ("%s.%s", how.block, how.widen), window);
    y = graph_activation (n->graph, NAME ("%s.gate", how.block), y, how.gate);
    if (y >= 0 && network_channels (n, y) != network_channels (n, x))
        return network_wrong (n, NAME ("%s.%s.weight", how.block, how.widen), "makes %d gates for %d channels",
                              network_channels (n, y), network_channels (n, x));
    return graph_mul (n->graph, NAME ("%s.mul", how.block), x, y);
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

int network_linear (struct network *n, int x, const char *name)
{
    if (x < 0)
        return -1;
    int outputs = network_size (n, name, 0);
    size_t prefix = strlen (n->prefix);
    float *weights = network_take (n, name, "weight", (struct wanted) { 2, { 0, network_channels (n, x) } });
    float *bias = weights ? take_channels (n, name, "bias", outputs) : NULL;
    const char *own = strncmp (name, n->prefix, prefix) ? name : name + prefix;
    x = bias ? graph_linear (n->graph, own, x, outputs, weights, bias) : -1;
    free (weights);
    free (bias);
    return x;
}

int network_pooled (struct network *n, int x)
{
    return graph_global_pool (n->graph, "avgpool", x, POOL_AVERAGE);
}

/* Sets the classifier's name; false: there are two. */
static bool find_head (struct network *n)
{
    static const char part[] = ".weight";
    for (size_t i = 0; i < n->file->count; i++) {
        const struct safetensor *t = &n->file->list[i];
        if (t->used || t->rank != 2 || !g_str_has_suffix (t->name, part) || strlen (t->name) >= FULL_BYTES)
            continue;
        if (*n->head) {
            network_wrong (n, t->name, "could be the classifier, and so could '%.100s.weight'", n->head);
            return false;
        }
        snprintf (n->head, sizeof n->head, "%.*s", (int)(strlen (t->name) - (sizeof part - 1)), t->name);
    }
    return true;
}

int network_classifier (struct network *n, int x)
{
    if (x < 0 || n->error->text[0] || !find_head (n))
        return -1;
    n->extras->features = !*n->head;
    return *n->head ? network_linear (n, x, n->head) : x;
}
