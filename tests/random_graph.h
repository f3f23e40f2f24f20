/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* random_graph.h: small networks for the tests: single layers with random weights, and whole random graphs.
 *
 * Everything follows from the seed, on every machine. Weights are scaled so that values stay near 1 layer after
 * layer. */
#ifndef CONVRELU_RANDOM_GRAPH_H
#define CONVRELU_RANDOM_GRAPH_H

#include "engine/engine.h"

enum { BUILDER_TENSORS = 256 };

struct builder {
    struct graph *g;
    uint64_t state;               /* of the random numbers; never 0 */
    int tensors[BUILDER_TENSORS]; /* what later operations may read */
    int count;
    bool replaceable;                 /* leave out what plan_options.activation would see in two ways */
    const struct activation *instead; /* put this wherever plan_options.activation would */
};

/* A graph with its input and nothing else. Ends the program when memory is short, like all of these. */
struct builder builder_new (uint64_t seed, int channels, int height, int width);

int random_int (struct builder *b, int least, int most); /* least <= result <= most */
float random_float (struct builder *b, float least, float most);
float *random_floats (struct builder *b, size_t count, float least, float most); /* to free */

/* One operation on tensor x with random weights; each returns its tensor, which later operations may read. */
int build_conv (struct builder *b, int x, struct conv conv); /* with or without a bias */
int build_square (struct builder *b, int x, int out_channels, int kernel, int stride, int pad); /* the usual conv */
int build_linear (struct builder *b, int x, int outputs);
int build_batch_norm (struct builder *b, int x);
int build_affine (struct builder *b, int x);
int build_activation (struct builder *b, int x, struct activation activation); /* PRELU: random slopes */
int build_relu (struct builder *b, int x);
struct activation random_activation (struct builder *b); /* any kind, usual parameters */

/* About `operations` random operations; the last tensor and up to two others are outputs. */
void build_random (struct builder *b, int operations);
struct builder random_graph (uint64_t seed, int operations);

#endif
