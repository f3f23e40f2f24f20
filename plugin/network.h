/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network.h: a model with the plan that runs it, ready for frames; and the thread that loads one while another runs.
 *
 *   struct network *n = network_load (&settings, &error);       on the thread of starting.h: blocks
 *
 *   struct loading *l = loading_start (&settings, running);     while playing: returns at once
 *   ... frames go on ...
 *   if (loading_done (l))
 *       n = loading_finish (l, &error);                         at once after loading_done, else waits
 *
 * A network belongs to the thread that shows it frames (inference.h) once it has been handed over; its model is
 * immutable and may be shared.
 * The loading thread touches no GObject. */
#ifndef CONVRELU_NETWORK_H
#define CONVRELU_NETWORK_H

#include <gst/gst.h>

#include "models/precision.h"
#include "plugin/class_map.h"
#include "plugin/keeping.h"
#include "plugin/layers.h"
#include "plugin/settings.h"
#include "plugin/watched.h"

enum { STRIP_MAX = 24 };

struct network {
    struct model *model;
    GHashTable *names; /* of its classes (channel_choice.h); a reference, never NULL */
    struct plan *plan;
    struct precision_report report; /* in which precision it computes */
    struct settings calibrated;     /* with which it was calibrated: preparation, activation, ranges file */
    float *input;                   /* [3][height][width], of model_input */
    char *model_file, *labels_file; /* of the settings it was loaded with; NULL: not set */
    struct keeping *keeping;        /* of what it has packed; NULL: nothing is written */
    gboolean stand_in;      /* no model was named and none is built in: the fixed filters, which recognise nothing */
    GstClockTime first_run; /* how long a run takes, tried at the end of loading or as the cache tells, ns */

    /* What the drawing needs of it: indices for plan_tap, or -1 where the settings do not ask for it. */
    struct layer_choice layers; /* those to show; none unless asked for */
    int post_tap[LAYERS_MAX], pre_tap[LAYERS_MAX];
    struct class_map *class_map; /* never NULL */
    int class_map_tap;
    struct layer strip[STRIP_MAX]; /* [strip_count] layers from input to output, for the strip of the whole network */
    int strip_tap[STRIP_MAX];      /* -1: too large to be read for that */
    int strip_count, strip_of;     /* strip_of: layers there are */
    struct watched *watched;       /* the layer of `unit`; NULL: not asked for, or there is none: */
    char *watched_remark;          /* then what to warn of, or NULL */
    int source_tap, before_tap, after_tap, other_tap; /* of watched; -1: its source is the input, it adds no other */
    struct tensor_layers tensor_layers;               /* those of tensor-layers */
    gboolean replaces;                                /* every activation is replaced by the next */
    struct activation replacement;
};

/* Whether the files that `settings` name can be opened. FALSE and an error as network_load's. */
gboolean network_check_files (const struct settings *settings, GError **error);

/* Loads what `settings` name and makes it run as they say. NULL and an error of GST_RESOURCE_ERROR or GST_STREAM_ERROR
 * with the path and the reason. Reads files and computes: up to about a second for a large network. What goes to
 * cache-dir is written from then on, as long as the network. */
struct network *network_load (const struct settings *settings, GError **error);

/* The same model and files run as `settings` say; only model, names, class_map, watched, report, calibrated, file names
 * and stand_in of `network` are read. NULL where it needs weights in a form that was never made, and so the file, or
 * memory is short. */
struct network *network_again (const struct network *network, const struct settings *settings);

void network_free (struct network *network); /* NULL is fine */

struct loading; /* network_load on a thread of its own */

/* `like` (NULL: another file is named): the network that runs, of the same files, which is to be run in another way
 * (threads, algorithm, activation, tapped layers). Its model is shared; the file is read again only where weights are
 * needed in a form that was never made. Copies what it is given; `like` may be freed meanwhile. */
struct loading *loading_start (const struct settings *settings, const struct network *like);
void loading_stop (struct loading *loading); /* nobody wants it any more: loading_finish will not wait long for it */
gboolean loading_stopped (struct loading *loading);
gboolean loading_done (struct loading *loading);
struct network *loading_finish (struct loading *loading, GError **error); /* frees it; else as network_load */

#endif
