/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* messages.h: posts messages, and no more of them than somebody reads.
 *
 * A bus keeps what is posted until the application takes it; one that never looks would grow by a message a frame, 4 GB
 * a day. So the element counts its own messages that are still there, and posts none while too many are. */
#ifndef CONVRELU_MESSAGES_H
#define CONVRELU_MESSAGES_H

#include <gst/gst.h>

#include "plugin/results.h"

struct messages; /* the count of one element; every function may be called on any thread, without the object lock */

struct messages *messages_new (void);
void messages_free (struct messages *messages); /* what was posted may live on; NULL is fine */

/* Posts `message`, which it takes, unless `limit` of those posted here before (0: no limit) are still in memory and the
 * bus of the pipeline has not been found empty during the last `limit` posts. The second saves a program that reads
 * and keeps all of them. FALSE: it was not posted, or nobody took it. */
gboolean messages_post (struct messages *messages, GstElement *element, GstMessage *message, guint limit);

/* Posts the message of a result, if the settings want one: post-messages, message-on, and repeat-messages where the
 * frame is not the one that it was said of. */
void messages_post_result (struct messages *messages, const struct settings *settings, const struct result *result,
                           const struct carrier *carrier);

/* The same of a region of the frame: `message`, which it takes; with message-on=change where it has `changed`.
 * FALSE: it is wanted, and was not posted, as too many wait unread. */
gboolean messages_post_region (struct messages *messages, const struct settings *settings, GstStructure *message,
                               const struct carrier *carrier, gboolean changed);

/* Posts that `network` has begun to run, if the settings want messages. */
void messages_post_model (struct messages *messages, GstElement *element, const struct settings *settings,
                          const struct network *network);

guint64 messages_dropped (struct messages *messages);  /* how many were not posted, since the last start */
void messages_count_again (struct messages *messages); /* that number from 0 */

#endif
