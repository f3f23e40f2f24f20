/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* class_map.h: where in its input a network has found a class. */
#ifndef CONVRELU_CLASS_MAP_H
#define CONVRELU_CLASS_MAP_H

#include <glib.h>

#include "engine/engine.h"

/* Where the class-activation map comes from: `map` is a tensor of the graph, h x w.
 *
 *   weights [classes][channels]  map -> global average -> fully connected: the sum over channels of weight * map
 *   channel_is_class             map has one channel for each class, and the global average of it is the score
 *   neither                      the network ends in another way: the mean of map's channels, of no class at all */
struct class_map {
    int map; /* -1: no tensor has height and width */
    int classes, channels;
    float *weights;
    gboolean channel_is_class;
    struct graph *graph; /* that it was made of, and which of its outputs */
    int output;
    int references; /* class_map.c's lock guards it */
};

/* Of the graph's output that holds the classes: the one in use, or a new one, with a copy of the weights. NULL: those
 * were dropped. */
struct class_map *class_map_new (struct graph *g, int output);
struct class_map *class_map_ref (struct class_map *map);
void class_map_unref (struct class_map *map); /* NULL is fine */

/* What the leading class found where: out [h][w] from the tapped tensor, of class_id. NaN and values below zero (what
 * speaks against the class) become 0. Returns the largest. */
float class_map_draw (const struct class_map *map, const struct tensor *tensor, int class_id, float *out);

#endif
