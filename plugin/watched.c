/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watched.c: a layer's name -> its convolution, and its numbers computed once more; see watched.h. */
#include "plugin/watched.h"

#include <string.h>

/* ---- words ----------------------------------------------------------------------------------------------------- */

/* Takes ":number" off the end of words [*length]. -1: that is not what stands there. */
static int take_number (const char *words, int *length)
{
    int start = *length;
    guint64 number;
    while (start > 0 && g_ascii_isdigit (words[start - 1]))
        start--;
    if (start < 2 || start == *length || words[start - 1] != ':')
        return -1;
    char *digits = g_strndup (words + start, (gsize)(*length - start));
    gboolean good = g_ascii_string_to_unsigned (digits, 10, 0, G_MAXINT, &number, NULL);
    g_free (digits);
    if (!good)
        return -1;
    *length = start - 1;
    return (int)number;
}

struct unit_words unit_words_read (const char *words)
{
    static const char walk[] = ":walk";
    struct unit_words read = { 0, -1, -1, -1, FALSE };
    int length = words ? (int)MIN (strlen (words), 4096) : 0;
    if (length > (int)strlen (walk) && g_str_has_suffix (words, walk)) {
        read.walk = TRUE;
        length -= (int)strlen (walk);
    }
    int last = take_number (words, &length), shorter = length;
    int middle = last >= 0 && !read.walk ? take_number (words, &shorter) : -1;
    int first = middle >= 0 ? take_number (words, &shorter) : -1;
    if (first >= 0) {
        read.channel = first;
        read.y = middle;
        read.x = last;
        length = shorter;
    } else {
        read.channel = last; /* "name:0:5": channel 5 of "name:0" */
    }
    read.layer_length = length;
    return read;
}

/* ---- from the layer back to its convolution --------------------------------------------------------------------- */

static gboolean is (const struct tensor_info *tensor, const char *operation)
{
    return strcmp (tensor->operation, operation) == 0;
}

static gboolean is_affine (const struct tensor_info *tensor)
{
    return is (tensor, "batch-norm") || is (tensor, "affine");
}

/* Back over affine layers. */
static int behind_affine (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id);
    while (id >= 0 && is_affine (&tensor)) {
        id = tensor.inputs[0];
        tensor = graph_tensor (g, id);
    }
    return id;
}

static gboolean is_conv (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id);
    return is (&tensor, "conv");
}

static gboolean can_be_tapped (const struct graph *g, int id)
{
    const char *name = graph_tensor (g, id).name;
    return name && *name && graph_find (g, name) == id;
}

/* Fills conv, source and other. FALSE: the layer is made in another way. */
static gboolean trace (const struct graph *g, struct watched *watched)
{
    int id = behind_affine (g, watched->layer.pre);
    struct tensor_info tensor = graph_tensor (g, id);
    watched->other = -1;
    if (id >= 0 && is (&tensor, "add")) {
        struct tensor_info a = graph_tensor (g, tensor.inputs[0]), b = graph_tensor (g, tensor.inputs[1]);
        gboolean second = !is_conv (g, behind_affine (g, tensor.inputs[0]));
        if (a.channels != b.channels || a.height != b.height || a.width != b.width)
            return FALSE;
        watched->other = tensor.inputs[second ? 0 : 1];
        id = behind_affine (g, tensor.inputs[second ? 1 : 0]);
    }
    if (id < 0 || !is_conv (g, id))
        return FALSE;
    watched->conv = id;
    watched->source = graph_tensor (g, id).inputs[0];
    return can_be_tapped (g, watched->source) && (watched->other < 0 || can_be_tapped (g, watched->other));
}

gboolean watched_sums (const struct graph *g, struct layer layer)
{
    struct watched watched = { .layer = layer };
    return trace (g, &watched);
}

static gboolean sees_picture (const struct graph *g, int id)
{
    struct tensor_info tensor = graph_tensor (g, id);
    while (is (&tensor, "pick"))
        tensor = graph_tensor (g, tensor.inputs[0]);
    return is (&tensor, "input") && (tensor.channels == 1 || tensor.channels == 3);
}

/* Folds the affine layers from tensor `id` back to `end` into scale and shift, the last one first. */
static void fold (const struct graph *g, int id, int end, int channel, double *scale, double *shift)
{
    while (id >= 0 && id != end) {
        struct tensor_info tensor = graph_tensor (g, id);
        double by, more;
        if (is_affine (&tensor) && graph_scale (g, id, channel, &by, &more)) {
            *shift += *scale * more;
            *scale *= by;
        } else if (is (&tensor, "add")) {
            break;
        }
        id = tensor.inputs[0];
    }
}

static gboolean copy_weights (const struct graph *g, struct watched *watched)
{
    const float *bias, *weights = graph_weights (g, watched->conv);
    if (!weights || !graph_convolution (g, watched->conv, &watched->shape, &bias))
        return FALSE;
    int outputs = watched->shape.out_channels;
    watched->in_channels = graph_tensor (g, watched->source).channels / watched->shape.groups;
    gsize count = (gsize)outputs * (gsize)watched->in_channels * (gsize)watched->shape.kernel_h *
                  (gsize)watched->shape.kernel_w; /* as many as the graph holds */
    watched->weights = g_try_new (float, count);
    watched->scale = g_new (double, outputs);
    watched->shift = g_new (double, outputs);
    watched->other_scale = g_new (double, outputs);
    if (!watched->weights)
        return FALSE;
    memcpy (watched->weights, weights, count * sizeof (float));
    int sum = watched->other >= 0 ? behind_affine (g, watched->layer.pre) : -1; /* of both paths */
    for (int c = 0; c < outputs; c++) {
        double scale = 1, shift = 0;
        int from = watched->layer.pre;
        if (sum >= 0) {
            struct tensor_info add = graph_tensor (g, sum);
            fold (g, from, sum, c, &scale, &shift);
            from = add.inputs[0] == watched->other ? add.inputs[1] : add.inputs[0];
        }
        watched->other_scale[c] = scale;
        fold (g, from, watched->conv, c, &scale, &shift);
        watched->scale[c] = scale;
        watched->shift[c] = shift + (bias ? scale * (double)bias[c] : 0);
    }
    return TRUE;
}

/* The first of the layers that is made by a convolution, else the first. FALSE: there are none. */
static gboolean choose_layer (const struct graph *g, const struct layer_choice *choice, struct watched *watched)
{
    for (int i = 0; i < choice->count; i++) {
        watched->layer = choice->layer[i];
        if (trace (g, watched))
            return TRUE;
    }
    watched->conv = watched->source = watched->other = -1;
    if (choice->count > 0)
        watched->layer = choice->layer[0];
    return choice->count > 0;
}

struct watched *watched_new (const struct graph *g, const char *words, gboolean sums, struct watched *before,
                             char **remark)
{
    struct unit_words read = unit_words_read (words);
    char *name = read.layer_length > 0 ? g_strndup (words, (gsize)read.layer_length) : g_strdup ("early");
    struct watched *watched = g_new0 (struct watched, 1);
    struct layer_choice choice;
    *remark = NULL;
    watched->references = 1;
    layers_choose (g, name, &choice);
    gboolean found = choose_layer (g, &choice, watched);
    if (!found)
        *remark = g_strdup_printf ("unit: %s", choice.remark ? choice.remark : "there is no layer");
    else if (sums && watched->conv < 0)
        *remark =
            g_strdup_printf ("unit: no convolution ends in layer \"%s\", so overlay=convolution has no number of it "
                             "to take apart",
                             name);
    layers_clear (&choice);
    g_free (name);
    if (found && before && before->layer.post == watched->layer.post) {
        watched_unref (watched);
        return watched_ref (before);
    }
    if (found && (watched->conv < 0 || copy_weights (g, watched))) {
        watched->sees_picture = watched->conv >= 0 && sees_picture (g, watched->source);
        return watched;
    }
    watched_unref (watched);
    return NULL;
}

struct watched *watched_ref (struct watched *watched)
{
    g_atomic_int_inc (&watched->references);
    return watched;
}

void watched_unref (struct watched *watched)
{
    if (!watched || !g_atomic_int_dec_and_test (&watched->references))
        return;
    g_free (watched->weights);
    g_free (watched->scale);
    g_free (watched->shift);
    g_free (watched->other_scale);
    g_free (watched);
}

/* ---- the sum --------------------------------------------------------------------------------------------------- */

void watched_sum (const struct watched *watched, const struct tensor *source, const int place[3], double other,
                  struct weighted_sum *sum, float *products)
{
    const struct conv *shape = &watched->shape;
    int channel = place[0], cells = shape->kernel_h * shape->kernel_w;
    int group = channel / (shape->out_channels / shape->groups);
    const float *weights = watched->weights + (gsize)channel * (gsize)watched->in_channels * (gsize)cells;
    gsize plane = (gsize)source->height * (gsize)source->width;
    const float *in = source->data + (gsize)group * (gsize)watched->in_channels * plane;
    *sum = (struct weighted_sum) { .shift = watched->shift[channel], .other = other * watched->other_scale[channel] };
    for (int i = 0; i < watched->in_channels * cells; i++) {
        int y = place[1] * shape->stride_h - shape->pad_top + i % cells / shape->kernel_w * shape->dilation_h;
        int x = place[2] * shape->stride_w - shape->pad_left + i % shape->kernel_w * shape->dilation_w;
        gboolean inside = y >= 0 && x >= 0 && y < source->height && x < source->width;
        double value = inside ? (double)in[(gsize)(i / cells) * plane + (gsize)y * (gsize)source->width + (gsize)x] : 0;
        double product = value * (double)weights[i] * watched->scale[channel];
        products[i] = (float)product;
        *(product < 0 ? &sum->negative : &sum->positive) += product;
    }
    sum->before = sum->positive + sum->negative + sum->shift + sum->other;
}
