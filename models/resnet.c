/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resnet.c: named tensors -> the graph of a ResNet.
 *
 *   input 3 -> conv1 -> bn1 -> relu -> maxpool -> layer1 .. layer4 -> avgpool -> fc
 *              7x7, stride 2            3x3, stride 2                  mean       logits
 *              or, CIFAR: 3x3, stride 1 and no maxpool
 *
 *   a basic block:  x -> conv1 3x3 -> bn1 -> relu1 -> conv2 3x3 -> bn2 -> add -> relu2
 *   a bottleneck:   x -> conv1 1x1 -> bn1 -> relu1 -> conv2 3x3 -> bn2 -> relu2 -> conv3 1x1 -> bn3 -> add -> relu3
 *
 * The first block of every layer but the first halves the picture: in conv1 of a basic block, in conv2 of a bottleneck.
 * What is added is x, or where the shape changes its 1x1 projection (downsample.0, downsample.1), or in the CIFAR
 * family every other pixel of x between channels of zeros. */
#include "models/resnet.h"

#include "models/preparation.h"
#include "models/report.h"

#include <glib.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 96, PREFIX_MAX = 128, FULL_BYTES = PREFIX_MAX + NAME_BYTES, SIDE_MAX = 16384 };

static const float epsilon = 1e-5f; /* of every batch norm: PyTorch's */

struct builder {
    struct safetensors *file;
    struct graph *graph;
    struct activation activation;
    bool small;              /* the CIFAR family: 3x3 stem */
    char prefix[PREFIX_MAX]; /* of the names in the file: "", "module.", "backbone.", ... */
    char head[FULL_BYTES];   /* the classifier's name in the file: "fc", "module.classifier.1", ... */
    struct error *error;
};

/* ---- names and tensors ------------------------------------------------------------------------------------------ */

/* "MODULE.PART", or PART where there is no module. */
static const char *join (char text[NAME_BYTES], const char *module, const char *part)
{
    g_strlcpy (text, module, NAME_BYTES);
    if (*module)
        g_strlcat (text, ".", NAME_BYTES);
    g_strlcat (text, part, NAME_BYTES);
    return text;
}

/* The same as it is called in the file. The classifier may be outside of what has the prefix. */
static const char *full_name (const struct builder *b, char text[FULL_BYTES], const char *module, const char *part)
{
    char name[NAME_BYTES];
    bool head = *b->head && !strcmp (module, b->head);
    g_strlcpy (text, head ? b->head : b->prefix, FULL_BYTES);
    g_strlcat (text, head ? "." : join (name, module, part), FULL_BYTES);
    if (head)
        g_strlcat (text, part, FULL_BYTES);
    return text;
}

static struct safetensor *find (const struct builder *b, const char *module, const char *part)
{
    char name[FULL_BYTES];
    return safetensors_find (b->file, full_name (b, name, module, part));
}

__attribute__ ((format (printf, 3, 4))) static bool wrong (struct builder *b, const char *name, const char *format, ...)
{
    char reason[256];
    va_list list;
    va_start (list, format);
    vsnprintf (reason, sizeof reason, format, list);
    va_end (list);
    return report (b->error, "%s: tensor '%.128s': %s", report_path (b->file->path), name, reason);
}

/* The numbers of "MODULE.PART", which must have this shape; a 0 stands for any size from 1 to INT_MAX. NULL after an
 * error, or when there was one before. The caller frees them. */
static float *take (struct builder *b, const char *module, const char *part, int rank, const int shape[4])
{
    char name[FULL_BYTES], is[128], wanted[128] = "";
    struct safetensor *t = safetensors_find (b->file, full_name (b, name, module, part));
    if (b->error->text[0])
        return NULL;
    if (!t) {
        wrong (b, name, "is missing");
        return NULL;
    }
    bool fits = t->rank == rank;
    for (int i = 0; i < rank; i++) {
        fits = fits && t->shape[i] >= 1 && t->shape[i] <= INT_MAX && (!shape[i] || t->shape[i] == (uint64_t)shape[i]);
        size_t used = strlen (wanted);
        snprintf (wanted + used, sizeof wanted - used, shape[i] ? "%s%d" : "%sN", i ? "x" : "", shape[i]);
    }
    if (!fits) {
        wrong (b, name, "its shape is %s, not %s", safetensors_shape (t, is), wanted);
        return NULL;
    }
    t->used = true;
    return safetensors_floats (b->file, t, b->error);
}

/* Size `axis` of "MODULE.PART", or 0: there is no such tensor, or not with such an axis. */
static int size_of (const struct builder *b, const char *module, const char *part, int axis)
{
    const struct safetensor *t = find (b, module, part);
    return t && axis < t->rank && axis < SAFETENSORS_DIMENSIONS && t->shape[axis] <= INT_MAX ? (int)t->shape[axis] : 0;
}

static int channels_of (const struct builder *b, int x)
{
    return x < 0 ? 0 : graph_tensor (b->graph, x).channels;
}

/* ---- layers ----------------------------------------------------------------------------------------------------- */

/* "MODULE.PART": a square convolution without bias, padded to keep the picture's size. Where kernel and width leave no
 * choice, groups are told by the second size of the weights. */
static int convolution (struct builder *b, const char *module, const char *part, int x, int kernel, int stride)
{
    char name[NAME_BYTES], weight[NAME_BYTES];
    if (x < 0)
        return -1;
    join (name, module, part);
    int inputs = channels_of (b, x), depth = size_of (b, name, "weight", 1), outputs = size_of (b, name, "weight", 0);
    bool grouped = depth > 0 && depth < inputs && inputs % depth == 0 && outputs % (inputs / depth) == 0;
    bool may_group = !strcmp (part, "conv2") && size_of (b, module, "conv3.weight", 0);
    int groups = grouped && may_group ? inputs / depth : 1;
    float *weights = take (b, name, "weight", 4, (int[4]) { 0, inputs / groups, kernel, kernel });
    if (!weights)
        return -1;
    struct conv conv = { .out_channels = outputs,
                         .kernel_h = kernel,
                         .kernel_w = kernel,
                         .stride_h = stride,
                         .stride_w = stride,
                         .pad_top = kernel / 2,
                         .pad_left = kernel / 2,
                         .pad_bottom = kernel / 2,
                         .pad_right = kernel / 2,
                         .groups = groups };
    x = graph_conv (b->graph, name, x, &conv, weights, NULL);
    free (weights);
    if (x < 0)
        wrong (b, join (weight, name, "weight"), "%s", graph_error (b->graph));
    return x;
}

static int batch_norm (struct builder *b, const char *module, const char *part, int x)
{
    char name[NAME_BYTES];
    static const char *const parts[4] = { "weight", "bias", "running_mean", "running_var" };
    float *values[4] = { NULL };
    bool good = x >= 0;
    join (name, module, part);
    for (int i = 0; good && i < 4; i++) {
        values[i] = take (b, name, parts[i], 1, (int[4]) { channels_of (b, x) });
        good = values[i] != NULL;
    }
    if (good)
        x = graph_batch_norm (b->graph, name, x, values[0], values[1], values[2], values[3], epsilon);
    for (int i = 0; i < 4; i++)
        free (values[i]);
    return good ? x : -1;
}

static int activation (struct builder *b, const char *module, const char *part, int x)
{
    char name[NAME_BYTES];
    return graph_activation (b->graph, join (name, module, part), x, b->activation);
}

/* ---- blocks ----------------------------------------------------------------------------------------------------- */

/* Every `stride`th pixel of x, with as many channels of zeros before as behind it. */
static int padded_shortcut (struct builder *b, const char *block, int x, int channels, int stride)
{
    char name[NAME_BYTES];
    struct tensor_info in = graph_tensor (b->graph, x);
    int before = (channels - in.channels) / 2;
    int *from = malloc ((size_t)channels * sizeof *from);
    if (!from) {
        report (b->error, "%s: no memory for %d channels", report_path (b->file->path), channels);
        return -1;
    }
    for (int c = 0; c < channels; c++)
        from[c] = c >= before && c < before + in.channels ? c - before : -1;
    struct pick pick = { .channel = from,
                         .channels = channels,
                         .height = (in.height + stride - 1) / stride,
                         .width = (in.width + stride - 1) / stride,
                         .step_h = stride,
                         .step_w = stride };
    x = graph_pick (b->graph, join (name, block, "shortcut"), x, &pick);
    free (from);
    return x;
}

/* What a block adds to its own result of so many channels. */
static int shortcut (struct builder *b, const char *block, int x, int channels, int stride)
{
    char name[NAME_BYTES];
    const char *const modules[] = { "downsample", "shortcut" };
    for (int i = 0; i < 2; i++) {
        if (find (b, block, i ? "shortcut.0.weight" : "downsample.0.weight")) {
            x = convolution (b, join (name, block, modules[i]), "0", x, 1, stride);
            return batch_norm (b, name, "1", x);
        }
    }
    if (stride == 1 && channels == channels_of (b, x))
        return x;
    if (b->small && channels >= channels_of (b, x))
        return padded_shortcut (b, block, x, channels, stride);
    wrong (b, join (name, block, "downsample.0.weight"),
           "is missing, and the block's %d channels become %d at stride %d", channels_of (b, x), channels, stride);
    return -1;
}

static int residual_block (struct builder *b, const char *block, int x, int stride)
{
    char name[NAME_BYTES];
    bool bottleneck = find (b, block, "conv3.weight");
    int y = convolution (b, block, "conv1", x, bottleneck ? 1 : 3, bottleneck ? 1 : stride);
    y = activation (b, block, "relu1", batch_norm (b, block, "bn1", y));
    y = convolution (b, block, "conv2", y, 3, bottleneck ? stride : 1);
    y = batch_norm (b, block, "bn2", y);
    if (bottleneck) {
        y = activation (b, block, "relu2", y);
        y = batch_norm (b, block, "bn3", convolution (b, block, "conv3", y, 1, 1));
    }
    if (y < 0 || (x = shortcut (b, block, x, channels_of (b, y), stride)) < 0)
        return -1;
    y = graph_add (b->graph, join (name, block, "add"), y, x);
    return activation (b, block, bottleneck ? "relu3" : "relu2", y);
}

/* ---- the network ------------------------------------------------------------------------------------------------ */

static int stem (struct builder *b, int side)
{
    int channels = size_of (b, "conv1", "weight", 1);
    int x = graph_input (b->graph, "input", channels == 1 ? 1 : 3, side, side);
    x = convolution (b, "", "conv1", x, b->small ? 3 : 7, b->small ? 1 : 2);
    x = activation (b, "", "relu", batch_norm (b, "", "bn1", x));
    struct pool pool = { .kind = POOL_MAX,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1 };
    return b->small ? x : graph_pool (b->graph, "maxpool", x, &pool);
}

static int stages (struct builder *b, int x)
{
    char block[NAME_BYTES];
    for (int stage = 1;; stage++) {
        int index = 0;
        for (; !b->error->text[0] && x >= 0; index++) {
            snprintf (block, sizeof block, "layer%d.%d", stage, index);
            if (!find (b, block, "conv1.weight"))
                break;
            x = residual_block (b, block, x, stage > 1 && index == 0 ? 2 : 1);
        }
        if (!index && stage == 1 && x >= 0)
            wrong (b, "layer1.0.conv1.weight", "is missing");
        if (!index || x < 0)
            return x;
    }
}

/* Sets the prefix: the shortest that "conv1.weight" and "layer1.0.conv1.weight" have both. "" where there is none. */
static void find_prefix (struct builder *b)
{
    static const char stem[] = "conv1.weight";
    char name[FULL_BYTES];
    size_t shortest = PREFIX_MAX;
    for (size_t i = 0; i < b->file->count; i++) {
        const char *own = b->file->list[i].name;
        size_t length = strlen (own);
        if (length < sizeof stem - 1 || strcmp (own + length - (sizeof stem - 1), stem))
            continue;
        length -= sizeof stem - 1;
        if (length >= shortest || (length && own[length - 1] != '.'))
            continue;
        snprintf (name, sizeof name, "%.*slayer1.0.conv1.weight", (int)length, own);
        if (length && !safetensors_find (b->file, name))
            continue;
        snprintf (b->prefix, sizeof b->prefix, "%.*s", (int)length, own);
        shortest = length;
    }
}

/* Sets the classifier: the one module whose weight is a matrix, whatever it is called. False: there are two. */
static bool find_head (struct builder *b)
{
    static const char part[] = ".weight";
    for (size_t i = 0; i < b->file->count; i++) {
        const struct safetensor *t = &b->file->list[i];
        if (t->rank != 2 || !g_str_has_suffix (t->name, part) || strlen (t->name) >= FULL_BYTES)
            continue;
        if (*b->head)
            return wrong (b, t->name, "could be the classifier, and so could '%.100s.weight'", b->head);
        snprintf (b->head, sizeof b->head, "%.*s", (int)(strlen (t->name) - (sizeof part - 1)), t->name);
    }
    return true;
}

static int classifier (struct builder *b, int x)
{
    const char *name = *b->head ? b->head : "fc"; /* which is missing, then */
    size_t prefix = strlen (b->prefix);
    x = graph_global_pool (b->graph, "avgpool", x, POOL_AVERAGE);
    if (x < 0)
        return -1;
    int classes = size_of (b, name, "weight", 0);
    float *weights = take (b, name, "weight", 2, (int[4]) { 0, channels_of (b, x) });
    float *bias = weights ? take (b, name, "bias", 1, (int[4]) { classes }) : NULL;
    const char *own = strncmp (name, b->prefix, prefix) ? name : name + prefix;
    x = weights && bias ? graph_linear (b->graph, own, x, classes, weights, bias) : -1;
    free (weights);
    free (bias);
    return x < 0 ? -1 : graph_output (b->graph, x);
}

/* ---- metadata --------------------------------------------------------------------------------------------------- */

static bool read_activation (struct builder *b)
{
    static const struct activation known[] = {
#define CHOICE(KIND, alpha, beta, text) { ACTIVATION_##KIND, alpha, beta },
#include "engine/activations.def"
    };
    const char *word = safetensors_metadata (b->file, "activation");
    b->activation = known[0];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!word || !strcmp (word, activation_name (known[i].kind))) {
            b->activation = known[i];
            return true;
        }
    }
    return report (b->error, "%s: its metadata names the activation '%.64s', which is not known",
                   report_path (b->file->path), word);
}

static bool read_side (struct builder *b, int *side)
{
    const char *word = safetensors_metadata (b->file, "input_size");
    *side = b->small ? 32 : 224;
    if (!word)
        return true;
    char *end;
    guint64 number = g_ascii_strtoull (word, &end, 10);
    *side = (int)number;
    if (g_ascii_isdigit (word[0]) && !*end && number >= 1 && number <= SIDE_MAX)
        return true;
    return report (b->error, "%s: its metadata has the input_size '%.64s', which is not in 1..%d",
                   report_path (b->file->path), word, SIDE_MAX);
}

/* "123.675,116.28,103.53" */
static bool read_triple (const struct safetensors *file, const char *key, bool positive, float values[3], bool *said,
                         struct error *error)
{
    const char *word = safetensors_metadata (file, key);
    float read[3];
    if (!word)
        return true;
    const char *at = word;
    bool good = true;
    for (int i = 0; good && i < 3; i++) {
        char *end;
        double number = g_ascii_strtod (at, &end);
        read[i] = (float)number;
        good = end > at && *end == (i < 2 ? ',' : 0) && number > -1e6 && number < 1e6 && (!positive || number > 1e-6);
        at = end + 1;
    }
    if (!good)
        return report (error, "%s: its metadata has the %s '%.64s', which are not three %snumbers with commas",
                       report_path (file->path), key, word, positive ? "positive " : "");
    memcpy (values, read, sizeof read);
    return *said = true;
}

bool resnet_input (const struct safetensors *file, struct input_spec *spec, bool *said, struct error *error)
{
    const char *order = safetensors_metadata (file, "channel_order");
    *said = false;
    if (order && strcmp (order, "rgb") && strcmp (order, "bgr"))
        return report (error, "%s: its metadata has the channel_order '%.64s', which is not rgb or bgr",
                       report_path (file->path), order);
    if (order) {
        spec->order = *order == 'b' ? CHANNEL_ORDER_BGR : CHANNEL_ORDER_RGB;
        spec->from.order = ORIGIN_FILE;
        *said = true;
        if (spec->order == CHANNEL_ORDER_BGR) { /* the default is in the order RGB */
            preparation_turn (spec->mean);
            preparation_turn (spec->std);
        }
    }
    if (safetensors_metadata (file, "mean"))
        spec->from.mean = ORIGIN_FILE;
    if (safetensors_metadata (file, "std"))
        spec->from.std = ORIGIN_FILE;
    spec->from.size = safetensors_metadata (file, "input_size") ? ORIGIN_FILE : ORIGIN_DEFAULT;
    return read_triple (file, "mean", false, spec->mean, said, error) &&
           read_triple (file, "std", true, spec->std, said, error);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static bool check_all_used (struct builder *b)
{
    for (size_t i = 0; i < b->file->count; i++) {
        const struct safetensor *t = &b->file->list[i];
        char shape[128];
        if (!t->used && !g_str_has_suffix (t->name, ".num_batches_tracked"))
            return wrong (b, t->name, "of shape %s belongs to no part of a ResNet known here",
                          safetensors_shape (t, shape));
    }
    return true;
}

static bool build (struct builder *b)
{
    const char *network = safetensors_metadata (b->file, "network");
    int side;
    if (network && strcmp (network, "resnet"))
        return report (b->error, "%s: its metadata names the network '%.64s'; of these files only ResNets are known",
                       report_path (b->file->path), network);
    find_prefix (b);
    if (!find (b, "", "conv1.weight"))
        return wrong (b, "conv1.weight", "is missing; of safetensors files only ResNets are known");
    b->small = size_of (b, "conv1", "weight", 2) == 3;
    if (!find_head (b) || !read_activation (b) || !read_side (b, &side))
        return false;
    int x = classifier (b, stages (b, stem (b, side)));
    if (!b->error->text[0] && (x < 0 || graph_error (b->graph)))
        report (b->error, "%s: %s", report_path (b->file->path), graph_error (b->graph));
    return !b->error->text[0] && check_all_used (b);
}

struct graph *resnet_build (struct safetensors *file, struct error *error)
{
    struct error reason = { "" };
    struct builder b = { .file = file, .graph = graph_new (NULL), .error = &reason };
    if (b.graph && build (&b))
        return b.graph;
    if (reason.text[0])
        report (error, "%s", reason.text);
    else
        report (error, "%s: no memory for the network", report_path (file->path));
    graph_unref (b.graph);
    return NULL;
}
