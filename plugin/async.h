/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* async.h: the network beside the stream: a thread that shows it the newest frame, while frames go on with the newest
 * result (async=true).
 *
 *   streaming thread   async_submit --> one frame, replaced by the next --> the thread: inference_begin, _go_on, _draw
 *                      async_latest <-- one outcome, replaced by the next <-- message posted
 *
 * Frames never wait. The thread owns the inference from async_new to async_free. Its lock is held only to exchange
 * pointers; while it posts a result, async_forget waits, so that nothing of another stream is posted late. */
#ifndef CONVRELU_ASYNC_H
#define CONVRELU_ASYNC_H

#include "plugin/inference.h"
#include "plugin/region_memory.h"

struct async;

/* What came of a frame. */
struct outcome {
    struct result result;                    /* valid: there is one, of a whole frame */
    GArray *regions;                         /* struct remembered (region_memory.h); NULL: of whole frames */
    GstVideoOverlayComposition *composition; /* NULL: nothing is drawn; a reference */
    struct moment seen;                      /* the frame that it came of */
    guint serial;                            /* of the outcome */
};

void outcome_clear (struct outcome *outcome);

/* Starts the thread; the inference is its own from now on, and what it said and drew last is the first outcome. NULL:
 * no thread could be made. */
struct async *async_new (struct inference *inference);
/* Ends it, after the frame in work: the inference is the caller's again. NULL is fine. */
void async_free (struct async *async);

/* The newest frame: one that the network has not begun with by now is dropped for it. Shares the buffer's memory until
 * the frame is converted. FALSE: a frame could not be read, and an error was posted. */
gboolean async_submit (struct async *async, const struct sight *sight);

/* Makes `outcome`, all zero at first, the newest one. FALSE: it was that already. */
gboolean async_latest (struct async *async, struct outcome *outcome);

/* Waits until every frame submitted has its result, or until async_flushing. For the end of the stream. */
void async_drain (struct async *async);
void async_flushing (struct async *async, gboolean flushing); /* TRUE: nobody waits in async_drain; any thread */

/* Another stream, or another place in this one: drops the frame that waits, and what will come of the one in work. */
void async_forget (struct async *async);

#endif
