/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* frame.h: a video frame -> the network's input tensor.
 *
 *   GstBuffer, any raw format and size           the view: which part of it the network sees
 *     -> plan_image: cut, scale, colours,          float [channels][height][width]; channels are RGB or BGR, luma, or
 *        mean, std                                 colours and alpha
 *
 * Frames of formats that plan_image cannot read (frame_image.h) go through GstVideoConverter first (frame_convert.h).
 *
 * Belongs to the streaming thread. */
#ifndef CONVRELU_FRAME_H
#define CONVRELU_FRAME_H

#include <gst/video/video.h>

#include "plugin/network.h"
#include "plugin/settings.h"

struct rectangle {
    int x, y, width, height; /* pixels */
};

/* Where the network looks: `from` of the frame is scaled onto `to` of its input; what `to` leaves free is filled with
 * the mean colour. */
struct view {
    struct rectangle from, to;
};

/* `area`: the part of the frame that is picture; its pixels are par_n / par_d times as wide as they are high.
 * Every rectangle has at least one pixel. */
struct view frame_view (enum resize resize, struct rectangle area, int par_n, int par_d, int width, int height);

/* The model's preparation with what is set overriding it. When only the order differs from the model's, its mean and
 * std change places with the channels. Three numbers for a network of one channel become one, by their weights in luma
 * (BT.601); for one of four they are those of the colours. It must have passed settings_check. What is set for pixels
 * of 0..1 is multiplied by 255, which `remark` (or NULL) tells of; it becomes empty where there is nothing to tell. */
struct input_spec frame_input_spec (const struct input_spec *model, const struct preparation *set,
                                    struct error *remark);

struct frame_reader; /* keeps what it has prepared while nothing changes */

struct frame_reader *frame_reader_new (void);
void frame_reader_free (struct frame_reader *reader);

/* Which frames come and what the network wants. Cheap while it all stays the same. */
void frame_reader_set (struct frame_reader *reader, const GstVideoInfo *info, const struct input_spec *spec,
                       enum resize resize);

/* Only this part of the frames is seen, inside frame_picture; NULL, as at first: all of that. */
void frame_reader_part (struct frame_reader *reader, const struct rectangle *part);

/* The part of a frame of width x height that is picture: all of it, unless upstream says otherwise
 * (GstVideoCropMeta). */
struct rectangle frame_picture (int width, int height, GstBuffer *buffer);

/* How many threads of GstVideoConverter convert such buffers as the last one; 1: none does. */
int frame_reader_threads (const struct frame_reader *reader);

/* What the network saw of the buffer read last. */
struct view frame_reader_view (const struct frame_reader *reader);

/* Fills network->input from the buffer, which is only read. FALSE and a GST_STREAM_ERROR when it cannot be mapped, does
 * not hold such a frame, or there is no conversion. The reader must have been set for this network. */
gboolean frame_reader_read (struct frame_reader *reader, GstBuffer *buffer, struct network *network, GError **error);

/* Looks at what the network would see of the buffer, and reads nothing into its input. Frames that frame_image_reads
 * does not know are converted for it. FALSE: it cannot be read, as frame_reader_read will say. */
struct still;
gboolean frame_reader_look (struct frame_reader *reader, GstBuffer *buffer, const struct network *network,
                            struct still *still);

#endif
