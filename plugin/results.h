/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* results.h: scores -> what an application sees: metadata on the buffer and an element message on the bus. */
#ifndef CONVRELU_RESULTS_H
#define CONVRELU_RESULTS_H

#include <gst/video/video.h>

#include "plugin/moment.h"
#include "plugin/network.h"

/* What a network said of one frame: its best classes, best first. Belongs to one thread; result_copy makes
 * another's. */
struct result {
    gboolean valid; /* FALSE: nothing was said yet, or it has been forgotten */
    guint serial;   /* moves with every result_take */
    guint count;    /* how many are filled, 0..capacity */
    guint capacity;
    int *ids;                       /* [capacity] class numbers */
    float *scores;                  /* [capacity] probabilities */
    GstClockTime inference_time;    /* how long the network took, ns */
    struct model *model;            /* whose classes they are; a reference, NULL until something was said */
    struct trigger_score *triggers; /* [trigger_count] of trigger-classes, in their order (triggers.h) */
    guint trigger_count;
    struct tensors *tensors; /* of the run (tensors.h); a reference, or NULL */
    struct moment seen;      /* of the frame it was said of: whoever calls result_take fills it */
};

/* The frame that a result goes along with: the one it was said of (`fresh`) or a later one. */
struct carrier {
    GstElement *element; /* whose result it is; only its name is read */
    struct moment moment;
    guint width, height; /* of its picture, pixels */
    gboolean fresh;
};

void result_clear (struct result *result); /* frees; all zero is an empty result */

/* Takes the top_k of the network's first output as plan_run left it, those below the threshold left out. */
void result_take (struct result *result, const struct network *network, const struct settings *settings,
                  GstClockTime inference_time);

/* Makes `to`, which was cleared or holds another, the same as `from`. */
void result_copy (struct result *to, const struct result *from);

/* Attaches it to the carrier's `buffer`, which must be writable. A result that is not valid attaches nothing.
 *
 * Always: the buffer's one GstCustomMeta "convrelu", made where there is none, whose structure has a field for each
 * element that the buffer went through, named after it ("_2", "_3", ... where two have one name); a GstStructure
 * "result" with
 *   element, label (string), class-id (int), score (double)    the best class; the last three are left out when none is
 *                                                              above the threshold
 *   labels (strings), class-ids (ints), scores (floats)        GstValueArrays of all that are, best first
 *   fresh (boolean), inference-time, seen-timestamp, seen-running-time (guint64, ns)
 *   mtd-id (uint)                                              with GstAnalytics: of the GstAnalyticsClsMtd
 * And, unless no class is above the threshold, in the form that other elements understand,
 * with GstAnalytics: one GstAnalyticsClsMtd, best first;
 * without: one GstVideoRegionOfInterestMeta of type "classification" over the whole picture, each class a param
 * structure "classification", "classification_2", "classification_3", ..., best first, with the fields that Intel DL
 * Streamer's readers expect: label (string), label_id (int), confidence (double), element_id (string), and fresh
 * (boolean). */
void result_attach (const struct result *result, GstBuffer *buffer, const struct carrier *carrier);

/* The structure of the element message "convrelu": the carrier's times and the fields of "result" above. The caller
 * owns it. */
GstStructure *result_message (const struct result *result, const struct carrier *carrier);

/* The structure of the element message "convrelu-model", which says what network has begun to run: model-file (string;
 * left out where it is built in), built-in (boolean), classes (int), channels, width, height (int, of its input), steps
 * and threads (int), instruction-set, precision (string; "fp32", "int8" or "bf16"). The caller owns it. */
GstStructure *results_model_message (const struct network *network);

/* Pieces of the above, for results that are not of a whole frame (region_results.h). `element`: the name of the one
 * whose result it is. */
void result_put (const struct result *result, gboolean fresh, const char *element, GstStructure *structure);
void result_add_params (const struct result *result, gboolean fresh, const char *element,
                        GstVideoRegionOfInterestMeta *meta);
#ifdef HAVE_ANALYTICS
/* A GstAnalyticsClsMtd; *id becomes its number in the buffer's GstAnalyticsRelationMeta. FALSE: there is no room. */
gboolean result_add_classes (const struct result *result, GstBuffer *buffer, guint *id);
#endif
/* Puts `said`, which it takes, under `name` into the buffer's one meta of ours: PyGObject gets at no second one. */
void results_attach_structure (GstBuffer *buffer, const char *name, GstStructure *said);

void results_init (void); /* once, when the element's class is made */

#endif
