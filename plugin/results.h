/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* results.h: scores -> what an application sees: metadata on the buffer and an element message on the bus. */
#ifndef CONVRELU_RESULTS_H
#define CONVRELU_RESULTS_H

#include "plugin/frame.h"
#include "plugin/network.h"

/* What the network said of one frame: its best classes, best first. The streaming thread's; stays valid only as
 * long as the network that said it. */
struct result {
    gboolean valid; /* FALSE: nothing was said yet, or it has been forgotten */
    guint serial;   /* moves with every result_take */
    guint count;    /* how many are filled, 0..capacity */
    guint capacity;
    int *ids;                    /* [capacity] class numbers */
    float *scores;               /* [capacity] probabilities */
    GstClockTime inference_time; /* how long the network took, ns */
};

void result_clear (struct result *result); /* frees; all zero is an empty result */

/* Takes the top_k of the network's first output as plan_run left it, those below the threshold left out. */
void result_take (struct result *result, const struct network *network, const struct settings *settings,
                  GstClockTime inference_time);

/* Attaches it to a writable buffer whose picture is width x height. `fresh`: it was said of this very buffer.
 *
 * With GstAnalytics: one GstAnalyticsClsMtd, best first, and a GstCustomMeta "convrelu" with `fresh` (boolean).
 * Without: one GstVideoRegionOfInterestMeta of type "classification" over the whole picture; each class is one param
 * structure "classification", best first: label (string), label-id (int), confidence (float), fresh (boolean).
 * An empty result attaches nothing. */
void result_attach (const struct result *result, struct network *network, GstBuffer *buffer, int width, int height,
                    gboolean fresh);

/* The structure of the element message "convrelu"; the fields are described at the property post-messages. The segment
 * tells stream and running time. The caller owns it. */
GstStructure *result_message (const struct result *result, const struct network *network, GstBuffer *buffer,
                              const GstSegment *segment, gboolean fresh);

void results_init (void); /* once, when the element's class is made */

#endif
