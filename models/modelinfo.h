/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modelinfo.h: how an input wants to be prepared, from the key file that GStreamer 1.28 keeps beside a model. */
#ifndef CONVRELU_MODELINFO_H
#define CONVRELU_MODELINFO_H

#include "models/model.h"
#include "models/notices.h"

/*     [modelinfo]
 *     version = 1.0
 *
 *     [pixels]                     the input's name; else the only section with dir = input
 *     dir = input
 *     ranges = 0,1;0,1;0,1         what pixels 0 and 255 become, per channel, or one pair for all of them
 *
 * These and dims are GStreamer's; the rest is ours, GStreamer passes over it:
 *
 *     mean = 0.485, 0.456, 0.406   or means: one number or three, with commas, semicolons, blanks, in brackets or not;
 *     std = 0.229, 0.224, 0.225    or stds; for pixels of 0..255, or of 0..1 (preparation.h), which is told of
 *     scale = 0.017                instead of std: its reciprocal
 *     channel-order = bgr          or order, format
 *     size = 320x240               or width and height, or GStreamer's dims: of a network that leaves its size open
 *
 * An unknown key of that section is told of. Other sections are passed over. */
struct modelinfo;

/* *info: what the file says, or NULL when there is none. false and a filled error: it cannot be read, is no key file,
 * is of another version. */
bool modelinfo_open (const char *path, struct modelinfo **info, struct error *error);
/* The same of the bytes of a file, with a zero byte behind them; `path` is for errors. */
bool modelinfo_parse (const char *path, const char *text, size_t size, struct modelinfo **info, struct error *error);
void modelinfo_close (struct modelinfo *info); /* NULL is fine */

/* The size of the input called `name`; 0 where nothing sensible is said. NULL is fine. */
void modelinfo_size (const struct modelinfo *info, const char *name, int *height, int *width);

/* Changes mean, std and order in `spec` to what is said of the input called `name`. An order alone turns mean and std
 * along. A size other than spec's is told of. false and a filled error, with `spec` as it was: it says what makes no
 * sense. NULL is fine and says nothing. */
bool modelinfo_apply (const struct modelinfo *info, const char *name, struct input_spec *spec, struct notices *notices,
                      struct error *error);

#endif
