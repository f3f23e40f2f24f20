/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tensors.c: what leaves the network, and feature maps, as a GstTensorMeta; see tensors.h. */
#include "plugin/tensors.h"

#include <string.h>

#include "plugin/log.h"
#include "plugin/network.h"

#if defined(HAVE_ANALYTICS) && GST_CHECK_VERSION(1, 26, 0)
#include <gst/analytics/analytics.h>
#define HAVE_TENSORS
#endif

/* ---- properties ------------------------------------------------------------------------------------------------ */

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE)

void handing_install (GObjectClass *klass)
{
    g_object_class_install_property (
        klass, PROPERTY_TENSORS,
        g_param_spec_boolean (
            "tensors", "Tensors",
            "Attach the numbers that leave the network to every frame that carries a result, as a GstTensorMeta: "
            "float32, 1 x classes, with the id classification-generic-out, or classification-generic-softmaxed-out "
            "after a softmax, convrelu-out after anything else. Needs GStreamer 1.26 or newer, also while the plugin "
            "is built; else a warning says so and nothing is attached",
            FALSE, FLAGS));
    g_object_class_install_property (
        klass, PROPERTY_TENSOR_LAYERS,
        g_param_spec_string (
            "tensor-layers", "Tensor layers",
            "With tensors=true attach these layers, too, as they are after their activation: float32, 1 x channels x "
            "height x width, with the id convrelu-layer-NAME. Words as for layers; up to 12",
            NULL, FLAGS));
}

void handing_clear (struct handing *handing)
{
    g_clear_pointer (&handing->layers, g_free);
}

void handing_copy (struct handing *to, const struct handing *from)
{
    *to = *from;
    to->layers = g_strdup (from->layers);
}

gboolean handing_set (struct handing *handing, guint id, const GValue *value)
{
    switch (id) {
    case PROPERTY_TENSORS:
        handing->tensors = g_value_get_boolean (value);
        return TRUE;
    case PROPERTY_TENSOR_LAYERS:
        g_free (handing->layers);
        handing->layers = g_value_dup_string (value);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean handing_get (const struct handing *handing, guint id, GValue *value)
{
    switch (id) {
    case PROPERTY_TENSORS:
        g_value_set_boolean (value, handing->tensors);
        return TRUE;
    case PROPERTY_TENSOR_LAYERS:
        g_value_set_string (value, handing->layers);
        return TRUE;
    default:
        return FALSE;
    }
}

gboolean handing_wants_layers (const struct handing *handing)
{
#ifdef HAVE_TENSORS
    return handing->tensors && handing->layers;
#else
    return FALSE;
#endif
}

gboolean handing_same_layers (const struct handing *a, const struct handing *b)
{
    return g_strcmp0 (handing_wants_layers (a) ? a->layers : NULL, handing_wants_layers (b) ? b->layers : NULL) == 0;
}

char *tensors_remark (const struct network *network, const struct settings *settings)
{
    if (!settings->handing.tensors)
        return NULL;
#ifdef HAVE_TENSORS
    const char *remark = network->tensor_layers.choice.remark;
    return remark ? g_strdup_printf ("tensor-layers: %s", remark) : NULL;
#else
    return g_strdup_printf ("tensors=true needs GStreamer 1.26 with gstreamer-analytics-1.0; this plugin was built "
                            "with GStreamer %d.%d%s, and no tensors are attached",
                            GST_VERSION_MAJOR, GST_VERSION_MINOR,
#ifdef HAVE_ANALYTICS
                            ""
#else
                            " without analytics"
#endif
    );
#endif
}

/* ---- tensors --------------------------------------------------------------------------------------------------- */

#ifdef HAVE_TENSORS

struct tensors {
    gint references; /* atomic */
    guint count;
    GstTensor *tensor[1 + LAYERS_MAX];
};

struct tensors *tensors_ref (struct tensors *tensors)
{
    if (tensors)
        g_atomic_int_inc (&tensors->references);
    return tensors;
}

void tensors_unref (struct tensors *tensors)
{
    if (!tensors || !g_atomic_int_dec_and_test (&tensors->references))
        return;
    for (guint i = 0; i < tensors->count; i++)
        gst_tensor_free (tensors->tensor[i]);
    g_free (tensors);
}

static void add (struct tensors *tensors, const char *id, const float *values, gsize *dims, gsize rank)
{
    gsize bytes = sizeof *values; /* the plan holds as many: no product overflows */
    for (gsize i = 0; i < rank; i++)
        bytes *= dims[i];
    gpointer copy = g_try_malloc (bytes);
    if (!copy)
        return;
    memcpy (copy, values, bytes);
    GstBuffer *data = gst_buffer_new_wrapped (copy, bytes);
    tensors->tensor[tensors->count++] = gst_tensor_new_simple (g_quark_from_string (id), GST_TENSOR_DATA_TYPE_FLOAT32,
                                                               data, GST_TENSOR_DIM_ORDER_ROW_MAJOR, rank, dims);
}

/* The registry's name for the numbers that leave the network. */
static const char *output_id (const struct network *network)
{
    struct score_rule rule =
        model_scores (network->model, SCORES_AUTO, network->replaces ? &network->replacement : NULL);
    if (rule.kind == SCORES_SOFTMAX || rule.kind == SCORES_EXP) /* the softmax of log-softmax is what it was of */
        return "classification-generic-out";
    gboolean softmax = rule.kind == SCORES_NONE && rule.node >= 0 &&
                       strcmp (graph_tensor (model_graph (network->model), rule.node).operation, "softmax") == 0;
    return softmax ? "classification-generic-softmaxed-out" : "convrelu-out";
}

struct tensors *tensors_take (const struct network *network, const struct settings *settings)
{
    if (!settings->handing.tensors)
        return NULL;
    struct tensors *tensors = g_new0 (struct tensors, 1);
    const struct tensor *out = plan_output (network->plan, model_output (network->model));
    gsize dims[4] = { 1, (gsize)model_classes (network->model) };
    tensors->references = 1;
    add (tensors, output_id (network), out->data, dims, 2);
    for (int i = 0; i < network->tensor_layers.choice.count; i++) {
        const struct tensor *layer = plan_tap (network->plan, network->tensor_layers.tap[i]);
        gsize shape[4] = { 1, (gsize)layer->channels, (gsize)layer->height, (gsize)layer->width };
        char *id = g_strconcat ("convrelu-layer-", layer->name, NULL);
        add (tensors, id, layer->data, shape, 4);
        g_free (id);
    }
    return tensors;
}

void tensors_attach (const struct tensors *tensors, GstBuffer *buffer)
{
    if (!tensors || tensors->count == 0)
        return;
    /* Before 1.26.6 this gives the meta that is there already; its tensors stay, and these come after them. */
    GstTensorMeta *meta = gst_buffer_add_tensor_meta (buffer);
    meta->tensors = g_renew (GstTensor *, meta->tensors, meta->num_tensors + tensors->count);
    for (guint i = 0; i < tensors->count; i++) /* the numbers are shared */
        meta->tensors[meta->num_tensors++] = gst_tensor_copy (tensors->tensor[i]);
}

#else

struct tensors *tensors_take (const struct network *network, const struct settings *settings)
{
    return NULL;
}

struct tensors *tensors_ref (struct tensors *tensors)
{
    return tensors;
}

void tensors_unref (struct tensors *tensors)
{
}

void tensors_attach (const struct tensors *tensors, GstBuffer *buffer)
{
}

#endif
