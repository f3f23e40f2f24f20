/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.c: named tensors -> a graph: which family their names belong to, what the metadata adds, and whether all of
 * them were used. A family is a row here and a file, network_<family>.c. */
#include "models/network.h"

#include "engine/memory.h"
#include "engine/work.h"
#include "models/network_parts.h"
#include "models/preparation.h"
#include "models/report.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 16384, NAMES_MAX = 3, NAME_STEPS = 15 }; /* steps of engine/work.h: a name beside a row's */

/* What names cannot tell: said at loading, unless the metadata have the key. */
struct assumption {
    const char *key, *text;
};
static const struct assumption as_pytorch[] = {
    { "epsilon", "an epsilon of 1e-5 in batch norms; timm's tf_ ones have 0.001" },
    { "padding", "PyTorch's padding, symmetric; timm's tf_ ones have another, same" },
    { NULL, NULL },
};
static const struct assumption as_regnet[] = {
    { "activation", "relu; timm's regnetv_ ones have silu" },
    { NULL, NULL },
};

/* A family is recognised by tensors that all have the same prefix; the first row that fits is taken. */
static const struct family {
    const char *name;
    int (*build) (struct network *n);
    const char *tensors[NAMES_MAX];
    const struct assumption *assumed; /* or NULL */
} families[] = {
    { "resnet", network_resnet, { "conv1.weight", "layer1.0.conv1.weight" }, NULL },
    { "resnet", network_resnet, { "conv1.0.weight", "layer1.0.conv1.weight" }, NULL },
    { "resnet",
      network_resnet,
      { "embedder.embedder.convolution.weight", "encoder.stages.0.layers.0.layer.0.convolution.weight" },
      NULL },
    { "mobilenet_v2", network_mobilenet_v2, { "features.0.0.weight", "features.1.conv.0.0.weight" }, NULL },
    { "mobilenet_v3", network_mobilenet_v3, { "features.0.0.weight", "features.1.block.0.0.weight" }, NULL },
    { "efficientnet", network_efficientnet, { "features.0.0.weight", "features.1.0.block.0.0.weight" }, NULL },
    { "convnext", network_convnext, { "features.0.0.weight", "features.1.0.block.5.weight" }, NULL },
    { "convnext", network_convnext, { "stem.0.weight", "stages.0.blocks.0.conv_dw.weight" }, NULL },
    { "convnext", network_convnext, { "downsample_layers.0.0.weight", "stages.0.0.dwconv.weight" }, NULL },
    { "convnext",
      network_convnext,
      { "embeddings.patch_embeddings.weight", "encoder.stages.0.layers.0.dwconv.weight" },
      NULL },
    { "mobilenet_v3",
      network_mobilenet_v3,
      { "conv_stem.weight", "blocks.1.0.conv_pwl.weight", "conv_head.bias" },
      as_pytorch },
    { "efficientnet",
      network_efficientnet,
      { "conv_stem.weight", "blocks.1.0.conv_pwl.weight", "blocks.0.0.se.conv_reduce.weight" },
      as_pytorch },
    { "efficientnet",
      network_efficientnet,
      { "conv_stem.weight", "blocks.1.0.conv_pwl.weight", "blocks.0.0.conv.weight" },
      as_pytorch },
    { "mobilenet_v2", network_mobilenet_v2, { "conv_stem.weight", "blocks.1.0.conv_pwl.weight" }, as_pytorch },
    { "regnet", network_regnet, { "stem.0.weight", "trunk_output.block1.block1-0.f.a.0.weight" }, NULL },
    { "regnet", network_regnet, { "stem.conv.weight", "s1.b1.conv1.conv.weight" }, as_regnet },
    { "densenet",
      network_densenet,
      { "features.conv0.weight", "features.denseblock1.denselayer1.conv1.weight" },
      NULL },
    { "squeezenet", network_squeezenet, { "features.0.weight", "features.3.squeeze.weight" }, NULL },
    { "vgg", network_vgg, { "features.0.weight", "features.2.weight" }, NULL },
    { "vgg", network_vgg, { "features.0.weight", "features.3.weight" }, NULL },
    { "vgg", network_vgg, { "features.0.weight", "features.4.weight" }, NULL },
};

enum { FAMILIES = sizeof families / sizeof families[0] };

/* ---- which family ----------------------------------------------------------------------------------------------- */

/* What one pass over all names finds of a family. */
struct found {
    size_t bytes[NAMES_MAX]; /* of its tensors' names */
    bool there[NAMES_MAX];   /* behind any prefix */
    const char *own;         /* a name that begins with the shortest prefix that all of them have */
    size_t prefix;           /* its bytes; PREFIX_BYTES: there is none */
};

/* Whether the file has the family's other tensors, too, behind the first `length` bytes of a name. */
static bool has_others (const struct safetensors *file, const struct family *family, const char *own, size_t length)
{
    char name[FULL_BYTES];
    for (int i = 1; i < NAMES_MAX && family->tensors[i]; i++) {
        snprintf (name, sizeof name, "%.*s%s", (int)length, own, family->tensors[i]);
        if (!safetensors_find (file, name))
            return false;
    }
    return true;
}

/* Adds a tensor's name of so many bytes to what is known of a family. False: the search takes too long. */
static bool look_at (const struct safetensors *file, const struct family *family, const char *own, size_t bytes,
                     struct found *found)
{
    for (int k = 0; k < NAMES_MAX && family->tensors[k]; k++) {
        size_t length = bytes - found->bytes[k];
        if (bytes < found->bytes[k] || (length && own[length - 1] != '.') ||
            memcmp (own + length, family->tensors[k], found->bytes[k]))
            continue;
        found->there[k] = true;
        if (k || length >= found->prefix)
            continue;
        if (!work_spend ((NAMES_MAX - 1) * safetensors_find_steps (file)))
            return false;
        if (has_others (file, family, own, length)) {
            found->own = own;
            found->prefix = length;
        }
    }
    return true;
}

/* The rows of `families` in the file. False and a filled error: the search takes too long. */
static bool look_for_all (struct network *n, struct found found[FAMILIES])
{
    char refusal[100];
    bool good = true;
    for (size_t f = 0; f < FAMILIES; f++) {
        found[f] = (struct found) { .prefix = PREFIX_BYTES };
        for (int k = 0; k < NAMES_MAX && families[f].tensors[k]; k++)
            found[f].bytes[k] = strlen (families[f].tensors[k]);
    }
    for (size_t i = 0; good && i < n->file->count; i++) {
        const char *own = n->file->list[i].name;
        size_t bytes = strlen (own);
        good = work_spend (NAME_STEPS * FAMILIES);
        for (size_t f = 0; good && f < FAMILIES; f++)
            good = look_at (n->file, &families[f], own, bytes, &found[f]);
    }
    return good || report (n->error, "%s: %s", report_path (n->file->path), work_refusal (refusal));
}

/* Says what is missing of the first family that has a part of its names. */
static void report_unknown (struct network *n, const struct found found[FAMILIES], const char *said)
{
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *family = &families[i];
        const char *missing = NULL;
        int count = 0;
        for (int k = 0; k < NAMES_MAX && family->tensors[k]; k++) {
            count += found[i].there[k];
            missing = missing || found[i].there[k] ? missing : family->tensors[k];
        }
        if (count && missing && (!said || !strcmp (said, family->name))) {
            network_wrong (n, missing, "is missing; the others are nearest to those of a %s", family->name);
            return;
        }
    }
    report (n->error, "%s: its tensors are called as those of no network that docs/safetensors.md lists%s%.64s%s",
            report_path (n->file->path), said ? ", and not as those of a '" : "", said ? said : "", said ? "'" : "");
}

static const struct family *find_family (struct network *n)
{
    const char *said = safetensors_metadata (n->file, "network");
    struct found found[FAMILIES];
    bool known = false;
    if (!look_for_all (n, found))
        return NULL;
    for (size_t i = 0; i < FAMILIES; i++) {
        const struct family *family = &families[i];
        bool wanted = !said || !strcmp (said, family->name);
        known = known || wanted;
        if (wanted && found[i].own) {
            snprintf (n->prefix, sizeof n->prefix, "%.*s", (int)found[i].prefix, found[i].own);
            return family;
        }
    }
    if (known)
        report_unknown (n, found, said);
    else
        report (n->error, "%s: its metadata names the network '%.64s', which is not known", report_path (n->file->path),
                said);
    return NULL;
}

/* ---- metadata --------------------------------------------------------------------------------------------------- */

static bool read_activation (struct network *n)
{
    static const struct activation known[] = {
#define CHOICE(KIND, alpha, beta, text) { ACTIVATION_##KIND, alpha, beta },
#include "engine/activations.def"
    };
    const char *word = safetensors_metadata (n->file, "activation");
    for (size_t i = 0; word && i < sizeof known / sizeof known[0]; i++) {
        if (!strcmp (word, activation_name (known[i].kind))) {
            n->activation = known[i];
            n->replaced = true;
        }
    }
    return !word || n->replaced ||
           report (n->error, "%s: its metadata names the activation '%.64s', which is not known",
                   report_path (n->file->path), word);
}

static bool read_side (struct network *n)
{
    const char *word = safetensors_metadata (n->file, "input_size");
    if (!word)
        return true;
    char *end;
    guint64 number = g_ascii_strtoull (word, &end, 10);
    n->side = (int)number;
    if (g_ascii_isdigit (word[0]) && !*end && number >= 1 && number <= SIDE_MAX)
        return true;
    return report (n->error, "%s: its metadata has the input_size '%.64s', which is not in 1..%d",
                   report_path (n->file->path), word, SIDE_MAX);
}

/* "epsilon" and "padding". */
static bool read_details (struct network *n)
{
    const char *word = safetensors_metadata (n->file, "epsilon"), *padding = safetensors_metadata (n->file, "padding");
    char *end = NULL;
    double number = word ? g_ascii_strtod (word, &end) : 1e-5;
    n->epsilon = (float)number;
    n->epsilon_said = word != NULL;
    n->same = padding && !strcmp (padding, "same");
    if (padding && !n->same && strcmp (padding, "symmetric"))
        return report (n->error, "%s: its metadata has the padding '%.64s', which is not same or symmetric",
                       report_path (n->file->path), padding);
    if (word && (end == word || *end || !(number >= 1e-9) || number > 1))
        return report (n->error, "%s: its metadata has the epsilon '%.64s', which is not in 1e-9..1",
                       report_path (n->file->path), word);
    return true;
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

bool network_input (const struct safetensors *file, struct input_spec *spec, bool *said, struct error *error)
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

static bool check_all_used (struct network *n)
{
    for (size_t i = 0; i < n->file->count; i++) {
        const struct safetensor *t = &n->file->list[i];
        char shape[128];
        if (!t->used && !g_str_has_suffix (t->name, ".num_batches_tracked")) {
            network_wrong (n, t->name, "of shape %s belongs to no part of a %s known here",
                           safetensors_shape (t, shape), n->family);
            return false;
        }
    }
    return true;
}

static bool build (struct network *n)
{
    const struct family *family = find_family (n);
    if (!family || !read_activation (n) || !read_side (n) || !read_details (n))
        return false;
    n->family = family->name;
    int x = family->build (n);
    if (!n->error->text[0] && (x < 0 || graph_error (n->graph)))
        report (n->error, "%s: %s", report_path (n->file->path), graph_error (n->graph));
    if (n->error->text[0] || !check_all_used (n))
        return false;
    graph_output (n->graph, x);
    for (const struct assumption *a = family->assumed; n->extras->notices && a && a->key; a++) {
        if (!safetensors_metadata (n->file, a->key))
            notices_add (n->extras->notices, "%s: read as %s with %s: \"%s\" in the file's metadata says which",
                         report_path (n->file->path), family->name, a->text, a->key);
    }
    return true;
}

/* What a tensor was made of for this one layer (network_take). */
static void copied (void *data, const void *piece, size_t bytes)
{
    (void)data;
    memory_forget ((void *)piece, bytes);
}

struct graph *network_build (struct safetensors *file, struct network_extras *extras, struct error *error)
{
    struct error reason = { "" };
    struct network n = { .file = file, .graph = graph_new (NULL), .extras = extras, .error = &reason };
    extras->features = false;
    graph_on_copied (n.graph, copied, NULL);
    bool good = n.graph && build (&n);
    graph_on_copied (n.graph, NULL, NULL);
    if (good)
        return n.graph;
    if (reason.text[0])
        report (error, "%s", reason.text);
    else
        report (error, "%s: no memory for the network", report_path (file->path));
    graph_unref (n.graph);
    return NULL;
}
