/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resnet.h: named tensors -> the graph of a ResNet. */
#ifndef CONVRELU_RESNET_H
#define CONVRELU_RESNET_H

#include "models/model.h"
#include "models/safetensors.h"

/* Builds the network that the names and shapes of the tensors tell of, as torchvision and timm write resnet18 to
 * resnet152, wide_resnet and resnext (conv1, bn1, layer1.0.conv1, ..., layer4.2.bn3, fc), or as the CIFAR family does
 * (3x3 conv1, shortcuts without weights). resnet.c draws it. All names may have a prefix ("module.", "backbone."), and
 * the classifier any name: it is the one matrix. Every tensor must be there, have its shape and be
 * used, but for "num_batches_tracked".
 *
 * From the metadata, each only if present: "network" ("resnet"), "activation" (the element's names; relu), "input_size"
 * (the side of the square input; 224, and 32 for the CIFAR family).
 *
 * Tensors of the graph are called as the modules that make them, "layer2.0.conv1", and what has no module "relu",
 * "maxpool", "layer2.0.relu1", "layer2.0.add", "layer2.0.shortcut", "avgpool".
 * Changes the `used` flags in `file`. NULL and a filled error naming tensor and numbers on failure. */
struct graph *resnet_build (struct safetensors *file, struct error *error);

/* Changes mean, std and order in `spec` to what the metadata says: "mean" and "std", three numbers with commas between
 * them, and "channel_order", rgb or bgr. *said: whether it says anything. false and a filled error: it makes no
 * sense. */
bool resnet_input (const struct safetensors *file, struct input_spec *spec, bool *said, struct error *error);

#endif
