/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pointing.h: clicks and keys of the window a stream is shown in -> the element's properties.
 *
 *   GstNavigation event ---> queue ---> target (overlay/targets.h) or key (overlay/pointing.def) ---> g_object_set
 *
 * Sinks send them upstream with coordinates of the frame; what lies between scales them. Whatever one does is a change
 * of properties, as a program might make it: `notify` tells. */
#ifndef CONVRELU_POINTING_H
#define CONVRELU_POINTING_H

#include <gst/gst.h>

#include "plugin/shared.h"

struct pointing;

struct pointing *pointing_new (GstElement *element, struct shared *shared); /* no reference to either is taken */
void pointing_free (struct pointing *pointing);

/* Acts on a navigation event, with `interactive` and while something is drawn. FALSE: it is not for the drawing, and
 * nothing was done. Any thread; one of them at a time acts, and what others send meanwhile waits for it, 64 events at
 * most: more are dropped. It acts on 64 and lets go, so that others who never pause do not hold it for ever; what then
 * waits is done with the next event. No lock is held while properties are set, so that their handlers may do what they
 * like. */
gboolean pointing_take (struct pointing *pointing, GstEvent *event);

#endif
