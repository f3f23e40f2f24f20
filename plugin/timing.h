/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timing.h: what the element counts and measures: counters since start, and windows over the last frames.
 *
 * A plain struct without locks: the element's object lock guards it. All times are in nanoseconds. */
#ifndef CONVRELU_TIMING_H
#define CONVRELU_TIMING_H

#include "engine/engine.h"

#include <gst/gst.h>

enum { WINDOW_LENGTH = 256 };

struct window {
    guint64 sample[WINDOW_LENGTH]; /* a ring; the first `used` are filled */
    guint used, next;
    guint64 sum; /* of the filled ones */
};

void window_add (struct window *window, guint64 sample);
guint64 window_mean (const struct window *window); /* 0 when empty */
/* The smallest sample that `percent` (1..100) of them do not exceed; 0 when empty. */
guint64 window_quantile (const struct window *window, guint percent);

struct stats {
    guint64 frames;          /* that came in */
    guint64 inferred;        /* of these, how many the network saw */
    guint64 skipped;         /* and how many it did not */
    guint64 late;            /* of the skipped: because of deadline=skip, */
    guint64 still;           /*   because nothing moved, */
    guint64 over_rate;       /*   because of max-rate, */
    guint64 over_cpu;        /*   because of cpu-limit */
    guint64 regions;         /* that the network ran on */
    guint64 regions_skipped; /* of no use (region_find.h) */
    struct window convert;   /* frame -> network input */
    struct window inference; /* network input -> scores */
    struct window overlay;   /* drawing, and blending where that is done here */
    struct window interval;  /* wall-clock time from one frame to the next */
    GstClockTime last_frame; /* when the last one came in, or NONE */
    GstClockTime need;       /* what a frame takes that the network sees, but for one in twenty; NONE: not measured */
    GstClockTime latency;    /* as told to the pipeline; NONE before the first measurement */
    gboolean cold;           /* the next inference is the first of a network, and not measured */
};

/* What the drawing says of these times. */
struct overlay_times {
    double fps;
    GstClockTime convert, inference, overlay; /* means, ns; 0: not known yet */
};

/* Smoothed times of the steps of a network, one each. */
struct step_times {
    char **name; /* [count] */
    double *nanoseconds;
    int count;
};

void step_times_clear (struct step_times *times);
/* Adds the last run of `plan`, the same one since the times were cleared. */
void step_times_add (struct step_times *times, const struct plan *plan);
/* Into `structure`: "steps", a GstValueArray of structures "step" with name (string) and time (guint64, ns). */
void step_times_put (const struct step_times *times, GstStructure *structure);

void stats_reset (struct stats *stats, GstClockTime expected); /* need, until it is measured; or NONE */
/* Another network, expected to need as much: measures it from its second run on. */
void stats_swapped (struct stats *stats, GstClockTime expected);
void stats_frame (struct stats *stats, GstClockTime now); /* one more frame */
void stats_drawn (struct stats *stats, GstClockTime overlay);
void stats_inferred (struct stats *stats, GstClockTime convert, GstClockTime inference);

/* Moves stats->latency where what is needed has outgrown it, or has fallen far below. FALSE: it stays. */
gboolean stats_follow_latency (struct stats *stats);

double stats_fps (const struct stats *stats);              /* 0: not known yet */
GstStructure *stats_structure (const struct stats *stats); /* as the property's text says; the caller's */

#endif
