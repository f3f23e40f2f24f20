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
/* Nobody wants it any more: what is not written by now is not, and nothing of it stays in the folder. Does not wait. */
void keeping_give_up (struct keeping *keeping);
/* Gives it up and waits until it is over: until 1 MB at most is written, and the folder has answered. NULL is fine. */
void keeping_free (struct keeping *keeping);

#endif
