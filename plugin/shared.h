/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shared.h: what the element's threads share under its object lock: the properties as set, on one side, and what
 * readers of properties and queries want to know, on the other.
 *
 * Every function takes the lock itself and holds it only to copy; none posts, loads or computes under it. */
#ifndef CONVRELU_SHARED_H
#define CONVRELU_SHARED_H

#include <gst/gst.h>

#include "models/model.h"
#include "plugin/layers.h"
#include "plugin/overlay/overlay.h"
#include "plugin/settings.h"
#include "plugin/timing.h"

struct shared {
    GstElement *element;      /* whose lock it is; no reference */
    struct settings settings; /* as set */
    guint serial;             /* moves with every set */
    struct model *model;      /* of the network that is running, or NULL */
    struct stats stats;
    struct layer_figures figures[LAYERS_MAX]; /* of the layers shown */
    int figure_count;
    struct step_times step_times; /* of the network that is running */
    struct targets *targets;      /* what stands where in the newest drawing, or NULL */
};

void shared_init (struct shared *shared, GstElement *element);
void shared_clear (struct shared *shared);

/* Properties. FALSE when `id` is not one of them. */
gboolean shared_set (struct shared *shared, guint id, const GValue *value);
gboolean shared_get (struct shared *shared, guint id, GValue *value);

/* Copies the settings to `settings` when they have moved since *serial, which is updated. FALSE: they have not. */
gboolean shared_follow (struct shared *shared, struct settings *settings, guint *serial);

/* Another network is running (NULL: none); the reference is taken. It is expected to need so long for a frame. */
void shared_model (struct shared *shared, struct model *model, GstClockTime expected);
/* The counters begin anew. */
void shared_start (struct shared *shared, GstClockTime expected);

/* Another drawing is the newest (NULL: there is none); `targets` is referenced. */
void shared_targets (struct shared *shared, struct targets *targets);

void shared_drawn (struct shared *shared, GstClockTime time); /* one more drawing, and how long it took, ns */

#endif
