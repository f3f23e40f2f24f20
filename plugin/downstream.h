/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* downstream.h: what waits at the end of the stream. */
#ifndef CONVRELU_DOWNSTREAM_H
#define CONVRELU_DOWNSTREAM_H

#include <gst/gst.h>

/* Whether a sink that `src` leads to shows frames by the clock (GstBaseSink, sync=true), so that they must be in time.
 * No event tells that. Walks over the elements in between; takes their locks one at a time. Any thread. */
gboolean downstream_keeps_time (GstPad *src);

#endif
