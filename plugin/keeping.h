/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeping.h: what a network has packed is written to its cache folder (models/packed_cache.h) beside the stream: by a
 * thread of its own, of the lowest priority, which begins when the network is ready. */
#ifndef CONVRELU_KEEPING_H
#define CONVRELU_KEEPING_H

#include <gst/gst.h>

#include "models/model.h"

struct keeping;

/* Takes `kept` (model_to_keep of the model), and a reference to the model. Never NULL. */
struct keeping *keeping_start (struct model *model, struct packed_kept *kept);
gboolean keeping_over (struct keeping *keeping); /* any thread */
/* Once it is over: why nothing was kept, as long as the keeping; NULL: it was, or there was nothing to do. */
const char *keeping_remark (const struct keeping *keeping);
/* Gives up what is not written by now, of which nothing stays in the folder: waits for 1 MB at most to be written. NULL
 * is fine. */
void keeping_free (struct keeping *keeping);

#endif
