/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* activations.h: the activations that people choose by name: one table for the element's property `activation` and for the
 * metadata of safetensors files, so that a name means the same function with the same slope in both.
 *
 * X (KIND, name, alpha, text for people): ACTIVATION_KIND of the engine, whose activation_name is `name`. The slope of
 * leaky-relu is 0.1 where a file does not say another: what the ResNets this project began with were trained with. */
#ifndef CONVRELU_ACTIVATIONS_H
#define CONVRELU_ACTIVATIONS_H

#define CHOSEN_ACTIVATIONS(X)                                                                                          \
    X (RELU, "relu", 0, "max (x, 0)")                                                                                  \
    X (LEAKY_RELU, "leaky-relu", 0.1f, "x, below zero x / 10")                                                         \
    X (ELU, "elu", 1, "x, below zero e^x - 1")                                                                         \
    X (GELU, "gelu", 0, "x times the normal distribution at x")                                                        \
    X (SILU, "silu", 0, "x times sigmoid (x), also called swish")                                                      \
    X (HARD_SWISH, "hard-swish", 0, "SiLU in straight lines")                                                          \
    X (MISH, "mish", 0, "x tanh (ln (1 + e^x))")                                                                       \
    X (SIGMOID, "sigmoid", 0, "1 / (1 + e^-x)")                                                                        \
    X (TANH, "tanh", 0, "tanh (x)")                                                                                    \
    X (NONE, "none", 0, "x as it is: a network without activations")

#endif
