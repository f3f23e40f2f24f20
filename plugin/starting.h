/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* starting.h: the element's first network, loaded on a thread of its own, so that the change to PAUSED waits for
 * nothing and the one to READY for no more than a piece of the work.
 *
 *   state changes      starting_new --> the thread has the inference: inference_start
 *   streaming thread   starting_wait, before the first frame --> the inference is its own
 *
 * Errors are posted as soon as they are found, from the thread that loads. */
#ifndef CONVRELU_STARTING_H
#define CONVRELU_STARTING_H

#include "plugin/inference.h"

struct starting;

/* Copies the properties and begins to load what they name. The inference is the new thread's until starting_over.
 * Where no thread can be made it is loaded here. NULL: an error was posted; the properties make no sense, or a file
 * cannot be opened. */
struct starting *starting_new (struct inference *inference);

/* Waits for the network. FLUSHING: starting_flushing or starting_stop says not to; ERROR: none came of it, and an error
 * was posted. */
GstFlowReturn starting_wait (struct starting *starting);
/* Whether it is loaded, so that the inference is the caller's; does not wait. NULL: TRUE. */
gboolean starting_over (struct starting *starting);

void starting_flushing (struct starting *starting, gboolean flushing); /* any thread */
/* Nobody wants the network any more, or waits for it. Any thread; NULL is fine. */
void starting_stop (struct starting *starting);
/* As starting_stop, and ends the thread: the inference is the caller's again. NULL is fine. */
void starting_free (struct starting *starting);

#endif
