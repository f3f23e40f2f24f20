/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layer_stats.h: what a shown layer does over time: which of its channels are strong, which have never been active, and
 * what share of its values is zero. */
#ifndef CONVRELU_LAYER_STATS_H
#define CONVRELU_LAYER_STATS_H

#include "plugin/network.h"

/* Which channels to show. */
struct channel_wish {
    enum channel_select select;
    const int *listed; /* [listed_count], CHANNELS_LISTED */
    int listed_count;
    int class_id;         /* CHANNELS_CLASS: whose; -1: of none */
    const float *weights; /* [channels] of that class; NULL: the maps are the classes' own */
    int other_id;         /* and of another one, which gets the second half of the places; -1: there is none */
    const float *other_weights;
};

/* Of one tensor, from all zero on. */
struct layer_stats {
    int channels;
    int frames;      /* added */
    float *strength; /* [channels] smoothed mean absolute value */
    float *mean;     /* [channels] smoothed mean */
    float *spread;   /* [channels] smoothed standard deviation over the map */
    float *change;   /* [channels] smoothed mean of what the activation changes, where layer_stats_change is told */
    guint8 *ever_positive; /* [channels] any value above zero since the start */
    int *shown;            /* [shown_count] channels in their places on screen */
    int shown_count;
    struct channel_wish wish; /* how these were chosen */
    float not_above;          /* share of the values of the last frame that are zero or below */
    float exactly_zero;       /* share that is zero */
    int never_positive;       /* channels without a value above zero since the start */
};
void layer_stats_add (struct layer_stats *stats, const struct tensor *tensor); /* one more frame */
/* What the activation has made of a layer in that frame: to the stats of either, after layer_stats_add. */
void layer_stats_change (struct layer_stats *stats, const struct tensor *pre, const struct tensor *post);
/* Puts up to `count` channels in `shown`. One a frame gives way to a better one, but when the wish is another. */
void layer_stats_choose (struct layer_stats *stats, int count, const struct channel_wish *wish);
/* How many of the shown ones are for the first class. */
int layer_stats_first_half (const struct layer_stats *stats);
/* The wish for the second half of the places. */
struct channel_wish channel_wish_other (const struct channel_wish *wish);
/* What a channel adds to the score of the wish's class: weight * mean. */
float layer_stats_contribution (const struct layer_stats *stats, const struct channel_wish *wish, int channel);
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
