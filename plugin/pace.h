/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pace.h: whether there is time to show a frame to the network on its way through the element, so that every frame is
 * still shown when it is due. Only numbers: no clock is read here and nothing is locked. The streaming thread's.
 *
 *      frame comes in          must have left                what the network needs (need)
 *   ------|---------------------------|------------------->   fits: the whole run, and the frame carries its own result
 *         |<--------- left ---------->|                       does not: the frame passes with the last result
 *
 * `left` comes from the pipeline's latency, of which the element has asked for enough for one run. It cannot come up to
 * that where the sink's wait takes the same thread (no queue behind the element: at most one frame's time is left), nor
 * may a run take longer than until the next frame where upstream drops what it cannot hand on (a leaky queue, a
 * camera). Then the network runs in slices, a part of it on each frame: results are some frames old, but come, and
 * every frame is in time. */
#ifndef CONVRELU_PACE_H
#define CONVRELU_PACE_H

#include <gst/gst.h>

enum pace_choice {
    PACE_RUN,   /* show it to the network, whole */
    PACE_SLICE, /* go on with the run that has begun, or begin one, for as long as there is time */
    PACE_PASS,  /* let it pass */
};

struct pace {
    GstClockTime result_at; /* running time of the frame that was last shown to the network, or NONE */
    GstClockTime fitted_at; /* running time of the last frame for which there was time for a whole run, or NONE */
    GstClockTime last;      /* running time of the frame before, or NONE */
    GstClockTime delay;     /* least time by which frames come in after their running time, or NONE */
    gboolean ran;           /* the frame before had a whole run that took longer than a period */
    guint lost;             /* how often upstream lost frames during such a run */
};

/* A frame that comes in. All in ns of running time. */
struct pace_frame {
    GstClockTime running_time; /* NONE: not known */
    GstClockTime now;          /* by the clock; NONE: no sink keeps to it, or it does not run */
    GstClockTime latency;      /* of the pipeline */
    GstClockTime margin;       /* to keep of it for what is downstream */
    GstClockTime period;       /* from one frame to the next; 0: not known */
    GstClockTime need;         /* of a whole run */
    gboolean late;             /* the sink has said that such frames come too late */
    gboolean skips;            /* deadline=skip; else every frame is run whole */
    gboolean has_result;       /* there is one to go with a frame that passes */
    gboolean begun;            /* a run in slices has begun */
};

void pace_reset (struct pace *pace); /* all is forgotten */
/* Another stream or another place in it, from the same elements: what was learnt of upstream stays. */
void pace_again (struct pace *pace);

/* Whether upstream drops what it cannot hand on. Then little latency is to be asked for as well: where the sink's wait
 * takes the same thread, frames are lost during that wait. */
gboolean pace_loses (const struct pace *pace);
/* Whether running time has started again, without a flush: reset, and what the sink has said of times before is
 * void. */
gboolean pace_restarted (const struct pace *pace, GstClockTime running_time);

/* What to do with the frame; *left: for PACE_SLICE how long, ns. */
enum pace_choice pace_choose (struct pace *pace, const struct pace_frame *frame, GstClockTime *left);
/* A frame that passes for another reason and is not asked about: only running_time, now and period are looked at. */
void pace_passed (struct pace *pace, const struct pace_frame *frame);

/* A run has begun on a frame of that time which pace_choose did not begin: in the rest of a slice. */
void pace_began (struct pace *pace, GstClockTime running_time);

#endif
