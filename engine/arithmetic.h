/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arithmetic.h: a part of engine.h: functions, statistics of a tensor, and what is normalised by them. Shapes, errors
 * and threads as engine.h says. */
#ifndef CONVRELU_ARITHMETIC_H
#define CONVRELU_ARITHMETIC_H

#include "engine/engine.h"

/* Whether the kind is arithmetic (e^x, powers, ...) that graph_function takes, and not an activation. */
static inline bool activation_is_function (enum activation_kind kind)
{
    return kind >= ACTIVATION_EXP && kind <= ACTIVATION_POWER;
}
/* A function of each number; also |x| as leaky ReLU with alpha -1. plan_options.activation does not replace it, nor a
 * clip that only it reads. */
int graph_function (struct graph *g, const char *name, int x, struct activation function);
/* The larger of a and b, NaN where either is; shapes as graph_add's. */
int graph_max (struct graph *g, const char *name, int a, int b);

/* Over the pixels of each channel -> (channels, 1, 1); over the channels at each pixel -> (1, height, width). */
int graph_reduce (struct graph *g, const char *name, int x, enum reduction kind);
int graph_reduce_channels (struct graph *g, const char *name, int x, enum reduction kind);

/* (x - mean) / sqrt (variance + epsilon). For layers with a weight and bias per channel a graph_affine follows. */
struct normalise {
    int groups;     /* of channels, which it divides; 0: 1 */
    bool uncentred; /* 0 for the mean, so that the mean square is in the variance's place (RMS norm) */
    float epsilon;  /* >= 0 */
};
/* By the mean and variance of a group of channels and all pixels: Wu and He, Group Normalization, 2018. One group:
 * layer norm of an image; as many as channels: instance norm. */
int graph_group_norm (struct graph *g, const char *name, int x, const struct normalise *how);
/* By those of the channels at each pixel, in one group: Ba, Kiros and Hinton, Layer Normalization, 2016. */
int graph_layer_norm (struct graph *g, const char *name, int x, const struct normalise *how);

#endif
