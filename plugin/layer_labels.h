/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_labels.h: names of layers short enough for a caption, which keep the part that tells a layer from the others.
 *
 *   /features/features.1/Relu_output_0                     features.1
 *   /features/features.3/block/block.0/block.0.2/Relu_output_0    3/block.0.2, or features.3 if it is the only one
 *   model/conv1_relu/Relu:0                                conv1_relu */
#ifndef CONVRELU_LAYER_LABELS_H
#define CONVRELU_LAYER_LABELS_H

#include <glib.h>

/* A label for each of `count` names, no two of them the same as long as no two names are. Free it with
 * layer_labels_free (labels, count). Names are any bytes; time and memory grow with their length. */
char **layer_labels_new (const char *const *names, guint count);
void layer_labels_free (char **labels, guint count);

/* The label of one name by itself. Free it with g_free. */
char *layer_label (const char *name);

#endif
