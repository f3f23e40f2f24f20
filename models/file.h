/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file.h: reads one named file as bytes. */
#ifndef CONVRELU_FILE_H
#define CONVRELU_FILE_H

#include "engine/engine.h"

/* All bytes of a regular file of at most `limit` bytes, with one zero byte behind them that *size does not count; the
 * caller frees them. Directories, pipes and devices are refused without waiting for them. Nothing stays mapped or open:
 * the file may be replaced at any time afterwards.
 * NULL and a filled error on failure; errno is ENOENT when there is no such file, and something else otherwise. */
char *file_read (const char *path, size_t limit, size_t *size, struct error *error);

#endif
