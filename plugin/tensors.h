/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tensors.h: the numbers themselves on the buffer: what leaves the network, and feature maps if they are named, as a
 * GstTensorMeta (GStreamer 1.26); and the properties for it, part of struct settings (settings.h).
 *
 *   what leaves the network   float32 [1][classes]                    classification-generic-out where it is logits or
 *                                                                     their logarithms, classification-generic-
 *                                                                     softmaxed-out after a softmax, else convrelu-out
 *   a layer                   float32 [1][channels][height][width]    convrelu-layer-NAME, after its activation
 *
 * The first two ids are of the tensor id registry (github.com/collabora/tensor-id-registry), which has none for layers.
 * Built without GStreamer 1.26 the properties are there and nothing is attached. */
#ifndef CONVRELU_TENSORS_H
#define CONVRELU_TENSORS_H

#include <gst/gst.h>

#include "plugin/layers.h"

struct handing {
    gboolean tensors;
    char *layers; /* NULL: none */
};

enum { HANDING_FIRST_PROPERTY = 400 };
enum handing_property { PROPERTY_TENSORS = HANDING_FIRST_PROPERTY, PROPERTY_TENSOR_LAYERS };

void handing_install (GObjectClass *klass);
void handing_clear (struct handing *handing);                       /* all zero are the defaults */
void handing_copy (struct handing *to, const struct handing *from); /* what `to` held is not freed */
/* FALSE when `id` is not one of them. */
gboolean handing_set (struct handing *handing, guint id, const GValue *value);
gboolean handing_get (const struct handing *handing, guint id, GValue *value);
gboolean handing_wants_layers (const struct handing *handing);                   /* and they can be handed on */
gboolean handing_same_layers (const struct handing *a, const struct handing *b); /* are to be kept */

/* The layers of a network that are handed on. */
struct tensor_layers {
    struct layer_choice choice;
    int tap[LAYERS_MAX]; /* for plan_tap */
};

struct network;
struct settings;
struct tensors; /* of one run: a copy, immutable; any thread */

/* What the settings ask for of the run that is over. NULL: nothing. */
struct tensors *tensors_take (const struct network *network, const struct settings *settings);
struct tensors *tensors_ref (struct tensors *tensors); /* both: NULL is fine */
void tensors_unref (struct tensors *tensors);

/* Adds them to a writable buffer; tensors that other elements have put there stay. NULL is fine. */
void tensors_attach (const struct tensors *tensors, GstBuffer *buffer);

/* What to warn of, or NULL; g_free it. */
char *tensors_remark (const struct network *network, const struct settings *settings);

#endif
