/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inference.h: the one who looks at frames: it owns the network that runs, follows the properties, and turns a frame
 * into a result and a drawing.
 *
 *   inference_follow (i)                        properties, and the network that has been loaded meanwhile
 *   gates_open (i, &sight)                      is the network to run on this frame?
 *   inference_begin (i, &sight, &error)         frame -> the network's input
 *   inference_go_on (i, until)                  steps of the network, all or as many as there is time for; TRUE: result
 *   inference_draw (i, width, height)           result and feature maps -> composition
 *
 * Belongs to one thread at a time: the streaming thread, or with async=true the thread of async.h. It posts warnings
 * and the messages about networks itself; not one function may be called with the element's object lock held. */
#ifndef CONVRELU_INFERENCE_H
#define CONVRELU_INFERENCE_H

#include <gst/video/video.h>

#include "plugin/frame.h"
#include "plugin/gates.h"
#include "plugin/messages.h"
#include "plugin/overlay/overlay.h"
#include "plugin/results.h"
#include "plugin/shares.h"
#include "plugin/shared.h"

/* What the last warnings said, or NULL. */
struct remarks {
    char *words;     /* of channel-select, class, unit and trigger-classes */
    char *precision; /* of int8 */
    char *layers;    /* of `layers` */
    char *tensors;   /* of `tensors` and `tensor-layers` */
    char *regions;   /* of `regions` */
};

struct inference {
    GstElement *element; /* no reference: the element owns it */
    struct shared *shared;
    struct messages *messages;

    struct settings active; /* the copy of the properties being acted on */
    guint serial;
    struct settings wanted;         /* those for which a network was last loaded, or tried to be */
    gboolean refused;               /* mean or std as set are unusable, and a warning has said so */
    struct network *network;        /* never NULL between inference_start and stop */
    struct preparation preparation; /* for that one; what is set along with another file is for the next */
    struct loading *loading;        /* the next one, or NULL */
    gboolean other_files;           /* it is another network, not the same run in another way */
    gboolean overtaken;             /* another network that was loading was given up */
    GSList *given_up;               /* of struct keeping: of networks before, stopped, perhaps not over yet */
    gboolean failed;                /* none came of the last one; `wanted` is what it was to be */
    struct remarks remarks;

    struct gates gates;
    char *words;                  /* what was read last for the network that runs, or NULL: */
    struct trigger_list triggers; /*   its classes */
    struct frame_reader *reader;
    struct overlay *overlay;
    struct smoothing *smoothing;             /* of the results */
    GstVideoOverlayComposition *composition; /* as drawn last, or NULL */
    gboolean ran;                            /* the taps of `network` hold a whole run over a frame */
    struct result result;                    /* the last one */
    struct regions *regions;                 /* regions.h */

    gint hurry; /* enum hurry, atomic */

    int step;                    /* of the network, the next of a run that has begun; 0: none has */
    struct moment moment;        /* of the frame of that run, */
    struct view view;            /*   and what the network sees of it */
    GstClockTime convert, spent; /* what it took so far, ns */
};

/* A frame to look at. */
struct sight {
    GstBuffer *buffer;
    const GstVideoInfo *info;
    struct moment moment;
};

struct inference *inference_new (GstElement *element, struct shared *shared, struct messages *messages);
void inference_free (struct inference *inference); /* stopped */

/* Copies the properties, and looks whether the files that they name can be opened. FALSE: an error was posted. */
gboolean inference_open (struct inference *inference);
/* Loads what they name; blocks. FALSE: an error was posted, or this thread's account (engine/work.h) was stopped. */
gboolean inference_start (struct inference *inference);
void inference_stop (struct inference *inference); /* gives up what is being loaded */

/* Acts on properties set since. Networks are loaded, and run in another way, beside the stream: the one before goes on
 * until the next is ready. */
void inference_follow (struct inference *inference);

/* Takes the means of what the network would see of the frame (gates.still). FALSE: it cannot be read. */
gboolean inference_look (struct inference *inference, const struct sight *sight);

/* Reads the frame into the network's input; a run that had begun is given up. FALSE: an error was posted. */
gboolean inference_begin (struct inference *inference, const struct sight *sight);
gboolean inference_begun (const struct inference *inference);
/* Goes on until the end (`until` NONE), or as far as it will get by the time `until` of the monotonic clock
 * (gst_util_get_timestamp), but by one step at least. TRUE: the run is over and inference->result is of its frame. */
gboolean inference_go_on (struct inference *inference, GstClockTime until);
void inference_give_up (struct inference *inference); /* a run that has begun */

/* While something of this holds, nobody waits for those regions of a frame that the network has not seen yet. */
enum hurry { HURRY_FLUSH = 1, HURRY_OVER = 2 /* the thread beside the stream is to end */ };
void inference_hurry (struct inference *inference, enum hurry why, gboolean holds); /* any thread */
gboolean inference_hurries (struct inference *inference);

/* Runs the network over `part` of the frame, to the end: inference->result is of that, ->convert and ->spent are its
 * times. Scores are averaged in `smoothing`. Nothing is counted: inference_count does that for all parts of a frame,
 * with the sums of their times. FALSE: an error was posted. */
gboolean inference_run_part (struct inference *inference, const struct sight *sight, const struct rectangle *part,
                             struct smoothing *smoothing);
void inference_count (struct inference *inference, GstClockTime convert, GstClockTime spent);

/* How long a run takes from frame to drawing, but for one in twenty; of a network that has not run, as long as its
 * trial. */
GstClockTime inference_need (const struct inference *inference);

/* Another stream, or another place in this one: gives up a run that has begun, forgets result and drawing. */
void inference_forget (struct inference *inference);

/* What to put on a frame of width x height for the last result, or NULL. The inference keeps the reference. */
GstVideoOverlayComposition *inference_draw (struct inference *inference, int width, int height);

#endif
