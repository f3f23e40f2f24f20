/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.h: named tensors -> the graph of the network whose tensors are called so. */
#ifndef CONVRELU_MODELS_NETWORK_H
#define CONVRELU_MODELS_NETWORK_H

#include "models/model.h"
#include "models/notices.h"
#include "models/safetensors.h"

/* What is known of a network beside its graph. */
struct network_extras {
    bool features;           /* there is no classifier: the output is what one would be given */
    struct notices *notices; /* gets what was assumed because names cannot tell it; may be NULL */
};

/* Builds the network that the names and shapes of the tensors tell of: the families of network.c, in the names of
 * torchvision and timm, ResNet and ConvNeXt in Hugging Face's, too (docs/safetensors.md). All names may have a prefix
 * ("module.", "backbone."), and the classifier any name: it is the one matrix that is left. Every tensor must be there,
 * have its shape and be used, but for "num_batches_tracked".
 *
 * From the metadata, each only if present: "network" (the family), "activation" (the element's names, for that of the
 * family), "input_size" (the side of the square input), "epsilon" (of batch norm), "padding" ("same": TensorFlow's,
 * "symmetric": PyTorch's, the default).
 *
 * Tensors of the graph are called as the modules that make them, "layer2.0.conv1", and what has no module after what
 * it belongs to: "layer2.0.relu1", "layer2.0.add", "avgpool".
 * Changes the `used` flags in `file`. NULL and a filled error naming tensor and numbers on failure. */
struct graph *network_build (struct safetensors *file, struct network_extras *extras, struct error *error);

/* Changes mean, std and order in `spec` to what the metadata says: "mean" and "std", three numbers with commas between
 * them, and "channel_order", rgb or bgr. *said: whether it says anything. false and a filled error: it makes no
 * sense. */
bool network_input (const struct safetensors *file, struct input_spec *spec, bool *said, struct error *error);

#endif
