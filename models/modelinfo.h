/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modelinfo.h: how an input wants to be prepared, from the key file that GStreamer 1.28 keeps beside a model. */
#ifndef CONVRELU_MODELINFO_H
#define CONVRELU_MODELINFO_H

#include "models/model.h"

/* Changes mean, std and order in `spec` to what `path` says of the input called `name`:
 *
 *     [modelinfo]
 *     version = 1.0
 *
 *     [pixels]                     the input's name; else the only section with dir = input
 *     dir = input
 *     ranges = 0,1;0,1;0,1         what pixels 0 and 255 become, per channel, or one pair for all of them
 *     channel-order = bgr          ours, GStreamer passes over it
 *
 * Other keys and sections are passed over. Leaves `spec` alone where there is no such file.
 * false and a filled error: a file that cannot be read, is no key file, or says what makes no sense. */
bool modelinfo_read (const char *path, const char *name, struct input_spec *spec, struct error *error);

#endif
