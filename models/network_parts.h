/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network_parts.h: private to models/network*.c: the words in which the families are described.
 *
 *   x = network_conv (n, x, "conv1", (struct window) { .kernel = 7, .stride = 2 });
 *   x = network_activation (n, x, "relu", relu);
 *   x = network_conv (n, x, NAME ("layer%d.conv", i), (struct window) { .stride = 1 });
 *
 * A layer's name is that of its module in the file, without the prefix. Each function takes a tensor of the graph and
 * returns one; -1 after an error, and -1 as input does nothing. */
#ifndef CONVRELU_NETWORK_PARTS_H
#define CONVRELU_NETWORK_PARTS_H

#include "models/network.h"

enum { NAME_BYTES = 96, PREFIX_BYTES = 128, FULL_BYTES = PREFIX_BYTES + NAME_BYTES };

struct network {
    struct safetensors *file;
    struct graph *graph;
    struct network_extras *extras;
    struct error *error;
    const char *family;
    struct activation activation; /* replaces that of the family where `replaced` */
    bool replaced, same;          /* same: pads as TensorFlow does */
    float epsilon;                /* of batch norms */
    bool epsilon_said;            /* by the metadata */
    int side;                     /* of the input; 0: the metadata does not say */
    char prefix[PREFIX_BYTES];    /* of the names in the file: "", "module.", "backbone.", ... */
    char head[FULL_BYTES];        /* the classifier's name in the file: "fc", "module.classifier.1", ... */
};

/* The rows of network.c: each makes the tensor that is the network's output. */
int network_resnet (struct network *n);
int network_mobilenet_v2 (struct network *n);
int network_mobilenet_v3 (struct network *n);
int network_efficientnet (struct network *n);
int network_vgg (struct network *n);
int network_squeezenet (struct network *n);
int network_densenet (struct network *n);
int network_convnext (struct network *n);
int network_regnet (struct network *n);

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* A name until the end of the statement, as printf would write it; cut at its size. */
struct name {
    char text[NAME_BYTES];
};
__attribute__ ((format (printf, 1, 2))) struct name network_name (const char *format, ...);
#define NAME(...) (network_name (__VA_ARGS__).text)

/* Whether there is a tensor of that name. */
bool network_has (const struct network *n, const char *name);
/* Size `axis` of tensor "MODULE.weight", or 0: there is no such tensor, or not with such an axis. */
int network_size (const struct network *n, const char *module, int axis);
/* Refuses tensor `name`. Returns -1. */
__attribute__ ((format (printf, 3, 4))) int network_wrong (struct network *n, const char *name, const char *format,
                                                           ...);
int network_channels (const struct network *n, int x); /* 0 where x is -1 */

/* What a tensor must be: 0 stands for any size from 1 to INT_MAX. */
struct wanted {
    int rank, shape[SAFETENSORS_DIMENSIONS];
};
/* The numbers of tensor "MODULE.PART", or of MODULE where PART is "", which then is used. NULL after an error, or when
 * there was one before. The caller frees them. */
float *network_take (struct network *n, const char *module, const char *part, struct wanted wanted);

/* ---- layers ----------------------------------------------------------------------------------------------------- */

/* 3 channels, or as many as the weights of the first layer take (1 or 4 besides), with the side that the metadata
 * says, else `side`. */
int network_input_of (struct network *n, const char *first, int side);

/* A square convolution. Kernel and groups are what the weights say; where they are given here, they must be so. */
struct window {
    int kernel;   /* 0: any */
    int stride;   /* 0: 1 */
    bool grouped; /* may have groups, as many as the second size of the weights tells */
    bool bias;    /* has one */
    bool valid;   /* no padding; else what keeps the picture's size */
};
/* A matrix of weights stands for a 1x1 kernel. */
int network_conv (struct network *n, int x, const char *name, struct window window);
int network_norm (struct network *n, int x, const char *name);                                          /* batch norm */
int network_layer (struct network *n, int x, const char *conv, const char *norm, struct window window); /* both */
/* Layer norm over the channels of each pixel. */
int network_layer_norm (struct network *n, int x, const char *name, float epsilon);
/* x times one number a channel: tensor `name`, of as many numbers as there are channels, with 1 behind them up to so
 * many dimensions. */
int network_scale (struct network *n, int x, const char *name, int rank);
int network_activation (struct network *n, int x, const char *name, struct activation activation);
int network_max_pool (struct network *n, int x, const char *name,
                      struct pool pool); /* of kernel_h, stride_h, pad_top */

/* Squeeze and excite: x times gate (widen (inner (reduce (mean of x)))), two 1x1 convolutions with biases. */
struct excitation {
    const char *block, *reduce, *widen; /* names of its own, and of its layers behind "BLOCK." */
    struct activation inner, gate;
};
int network_excite (struct network *n, int x, struct excitation how);

int network_linear (struct network *n, int x, const char *name); /* x is a vector */
/* The mean of each channel. */
int network_pooled (struct network *n, int x);
/* The end: the one matrix that is left, with its bias, and the output; or, where none is, the features that it would
 * get. x is a vector. */
int network_classifier (struct network *n, int x);

extern const struct activation network_relu, network_relu6, network_silu, network_hard_swish, network_sigmoid,
    network_hard_sigmoid, network_gelu;

/* ---- inverted residuals ----------------------------------------------------------------------------------------- */

/* A block of MobileNetV2, V3 and EfficientNet (network_inverted.c): 1x1 expansion, depthwise, squeeze and excite, 1x1
 * projection, and x added where the shape stays. Names behind "BLOCK."; NULL: the part is not there. */
struct inverted {
    const char *expand, *expand_norm, *depthwise, *depthwise_norm, *reduce, *widen, *project, *project_norm;
    int stride; /* of the depthwise convolution, or where there is none of the expansion */
    struct activation activation, inner, gate;
};
int network_inverted (struct network *n, int x, const char *block, const struct inverted *parts);
/* Whether the block is as the family has it there: kernels of that size, depthwise or fused, with or without squeeze
 * and excite. Networks of other strides or activations are called the same, and differ in these. False: it is
 * refused. */
struct inverted_kind {
    int kernel;
    bool fused, gated;
};
bool network_inverted_is (struct network *n, const char *block, const struct inverted *parts,
                          struct inverted_kind wanted);
/* Fill in the names, as far as the file has them. */
void network_inverted_torchvision (const struct network *n, const char *block, struct inverted *parts);
void network_inverted_timm (const struct network *n, const char *block, struct inverted *parts);

#endif
