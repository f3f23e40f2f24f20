/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_stats.h: what a shown layer does over time: which of its channels are strong, which have never been active, and
 * what share of its values is zero. */
#ifndef CONVRELU_LAYER_STATS_H
#define CONVRELU_LAYER_STATS_H

#include "plugin/network.h"

/* Of one tensor, from all zero on. */
struct layer_stats {
    int channels;
    int frames;            /* added */
    float *strength;       /* [channels] smoothed mean absolute value */
    guint8 *ever_positive; /* [channels] any value above zero since the start */
    int *shown;            /* [shown_count] channels in their places on screen */
    int shown_count;
    enum channel_select select; /* how these were chosen */
    float not_above;            /* share of the values of the last frame that are zero or below */
    float exactly_zero;         /* share that is zero */
    int never_positive;         /* channels without a value above zero since the start */
};
void layer_stats_add (struct layer_stats *stats, const struct tensor *tensor); /* one more frame */
void layer_stats_choose (struct layer_stats *stats, int count, enum channel_select select);
void layer_stats_clear (struct layer_stats *stats);

/* How much of a shown layer is zero, for the element's stats. */
struct layer_figures {
    char name[128];
    double zero;  /* share of the values at zero or below, in the last frame */
    int channels; /* of the layer */
    int frames;   /* seen since the layer is shown */
    int dead;     /* of the channels, without a value above zero since the layer is shown */
};
/* Fills figures [LAYERS_MAX] of the network's layers after their activation, post [LAYERS_MAX]; returns how many. */
int layer_figures_take (struct layer_figures *figures, const struct network *network, const struct layer_stats *post);

#endif
