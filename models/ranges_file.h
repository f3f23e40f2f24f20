/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ranges_file.h: the ranges of a network's tensors in a key file beside it, as `convrelu calibrate` writes it:
 *
 *   [ranges]
 *   version = 1
 *   network = 5f1c0a93d2b8e647     which network they belong to
 *   made-from = 16 pictures
 *   agreement = 24.7               dB of int8's answers against fp32's over them; may be missing
 *
 *   [tensors]
 *   conv1 = -3.25, 4.5             the least and the largest number of the tensor conv1
 *
 * In names, what a key file gives a meaning to is written %3D and so on. A tensor that is not listed has no range. */
#ifndef CONVRELU_RANGES_FILE_H
#define CONVRELU_RANGES_FILE_H

#include "engine/ranges.h"
#include "models/model.h"

/* Reads `path`, a regular file of at most 4 MiB. NULL and a filled error: it is no such file, of another network than
 * this one, names a tensor that the network has not, or has what is no range; errno is then ENOENT when there is no
 * such file, and something else otherwise. *agreement: as the file says, or NaN; may be NULL. The network's weights
 * must not have been dropped. Any thread. */
struct ranges *ranges_file_read (const char *path, const struct model *model, double *agreement, struct error *error);
/* The same of the bytes of a file; `path` is for errors. */
struct ranges *ranges_file_parse (const char *path, const char *text, size_t size, const struct model *model,
                                  double *agreement, struct error *error);
/* The same beside the model: `<model>.ranges`, else with the path's last suffix replaced; only what file_read_side
 * reads. NULL and error->text empty: there is none. */
struct ranges *ranges_file_beside (const struct model *model, double *agreement, struct error *error);

/* Writes them in one go: on failure (false and a filled error) what was there before is there still. `made_from`: a few
 * words for people; agreement: in dB, NaN: not known. */
bool ranges_file_write (const char *path, const struct model *model, const struct ranges *ranges, const char *made_from,
                        double agreement, struct error *error);

#endif
